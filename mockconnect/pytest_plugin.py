"""The pytest plugin: fixtures that give a running cluster, and the marker that says which.

Rules of this room:

* Nothing of mockconnect is imported until a fixture is used, so that other tests pay nothing for the plugin.
* ``@pytest.mark.mockconnect(...)`` takes the arguments of :func:`mockconnect.start`. The closest marker counts, whole.
* A failure is reported with the seed, the command that replays it, and what happened last in each cluster.
* What goes wrong inside mockconnect fails the test, whatever the test itself thinks of it.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mockconnect.hosting import RunningCluster

T = TypeVar("T")
ClusterFactory = Callable[..., "RunningCluster"]
ROWS = 40
SEED = "mockconnect_seed"
clusters_key: pytest.StashKey[list[RunningCluster]] = pytest.StashKey()
bugs_key: pytest.StashKey[list[str]] = pytest.StashKey()
seed_key: pytest.StashKey[int] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "seed of the simulated Connect clusters that name none: a number or 'random'"
    parser.getgroup("mockconnect").addoption(
        "--mockconnect-seed", dest=SEED, metavar="N|random", help=help_text
    )
    parser.addini(SEED, help=help_text, default="0")


def pytest_configure(config: pytest.Config) -> None:
    marker = (
        "mockconnect(**arguments): the simulated Connect cluster of a test; arguments of mockconnect.start()"
    )
    config.addinivalue_line("markers", marker)
    config.stash[seed_key] = _seed(config.getoption(SEED) or config.getini(SEED))
    config.option.mockconnect_seed = str(
        config.stash[seed_key]
    )  # pytest-xdist hands the options on: one draw for all
    has_asyncio = config.pluginmanager.hasplugin("asyncio")
    fixtures = ModuleType("mockconnect_asyncio", "The fixture that depends on other plugins.")
    fixtures.__dict__["aio_connect_cluster"] = _asynchronous() if has_asyncio else _no_asyncio()
    config.pluginmanager.register(fixtures, fixtures.__name__)


def _seed(text: str) -> int:
    if text == "random":
        return random.SystemRandom().randrange(2**32)
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(
            f"--mockconnect-seed: expected a number or 'random', found {text!r}"
        ) from None


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.stash[seed_key]
    return f"mockconnect: --mockconnect-seed={seed}" if seed else None


# --- fixtures -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def connect_cluster_factory(request: pytest.FixtureRequest) -> Iterator[ClusterFactory]:
    """``factory(workers=2, ...)`` starts a cluster that ends with the test; arguments of ``mockconnect.start``."""
    started = request.node.stash.setdefault(clusters_key, [])
    with ExitStack() as ends:

        def factory(*workers: Any, **arguments: Any) -> RunningCluster:
            from mockconnect.hosting import start  # noqa: PLC0415 - see the rules of this room

            _set_seed(arguments, request.config)
            cluster = ends.enter_context(_explained(lambda: start(*workers, **arguments)))
            started.append(cluster)
            return cluster

        yield factory
    _fail_on_bugs(request.node)


@pytest.fixture
def connect_cluster(
    request: pytest.FixtureRequest, connect_cluster_factory: ClusterFactory
) -> RunningCluster:
    """A running, settled cluster: three workers, or what the marker says."""
    return connect_cluster_factory(**_marked(request))


@pytest.fixture
def connect_url(connect_cluster: RunningCluster) -> str:
    """URL of the cluster's first worker."""
    return connect_cluster.url


@pytest.fixture
def connect_worker_urls(connect_cluster: RunningCluster) -> list[str]:
    """URLs of all workers of the cluster."""
    return connect_cluster.urls


def _set_seed(arguments: dict[str, Any], config: pytest.Config) -> None:
    """The seed of the command line, for those that name none; a scenario has one of its own."""
    seed = config.stash[seed_key]
    if seed or "scenario" not in arguments:
        arguments.setdefault("seed", seed)


def _asynchronous() -> object:
    """The fixture for tests on an event loop; only there when pytest-asyncio (or pytest-aiohttp) is."""
    import pytest_asyncio  # noqa: PLC0415 - it is loaded already, or not installed

    @pytest_asyncio.fixture
    async def aio_connect_cluster(request: pytest.FixtureRequest) -> AsyncIterator[RunningCluster]:
        """The cluster of the marker on the test's own event loop, without a thread."""
        from mockconnect.hosting import start_async  # noqa: PLC0415 - see the rules of this room

        arguments = dict(_marked(request))
        _set_seed(arguments, request.config)
        async with _explained(lambda: start_async(**arguments)) as cluster:
            request.node.stash.setdefault(clusters_key, []).append(cluster)
            yield cluster
        _fail_on_bugs(request.node)

    return aio_connect_cluster


def _no_asyncio() -> object:
    @pytest.fixture
    def aio_connect_cluster() -> None:
        """Needs pytest-asyncio or pytest-aiohttp."""
        pytest.fail(
            "aio_connect_cluster needs pytest-asyncio or pytest-aiohttp, and neither is active", pytrace=False
        )

    return aio_connect_cluster


def _marked(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    marker = request.node.get_closest_marker("mockconnect")
    if marker is None:
        return {}
    if len(marker.args) > 1 or (marker.args and "workers" in marker.kwargs):
        pytest.fail(f"@pytest.mark.mockconnect takes keyword arguments, found {marker.args!r}", pytrace=False)
    return {**marker.kwargs, **({"workers": marker.args[0]} if marker.args else {})}


def _explained(start: Callable[[], T]) -> T:
    """A mistake in the marker is told without a traceback through mockconnect."""
    from mockconnect.options import OptionsError  # noqa: PLC0415 - see the rules of this room

    try:
        return start()
    except OptionsError as error:
        pytest.fail(str(error), pytrace=False)


# --- failures -----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    _fail_on_bugs(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for cluster in item.stash.get(clusters_key, []):
            report.sections.append(("mockconnect", _story(item, cluster)))
            item.stash.setdefault(bugs_key, []).extend(cluster.bugs)
    return report


def _fail_on_bugs(item: pytest.Item) -> None:
    """Fail for bugs that were not told yet."""
    told = item.stash.setdefault(bugs_key, [])
    bugs = [bug for cluster in item.stash.get(clusters_key, []) for bug in cluster.bugs if bug not in told]
    if bugs:
        told += bugs
        text = "\n\n".join(bugs)
        pytest.fail(f"a bug in mockconnect itself, please report it:\n{text}", pytrace=False)


def _story(item: pytest.Item, cluster: RunningCluster) -> str:
    """How to see it again, and what happened last."""
    lines = [
        f"cluster: {len(cluster.workers)} workers, seed {cluster.seed}, {cluster.now_ms} ms of virtual time",
        f"replay:  pytest {shlex.quote(item.nodeid)} --mockconnect-seed={cluster.seed}",
        *(f"bug of mockconnect: {bug}" for bug in cluster.bugs),
        f"the last {ROWS} rows of what happened (ms, worker, generation, what):",
        cluster.timeline(ROWS),
    ]
    return "\n".join(lines)
