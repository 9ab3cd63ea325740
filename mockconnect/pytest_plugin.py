"""The pytest plugin: fixtures that give a running cluster, and the marker that says which.

Rules of this room:

* Nothing of mockconnect is imported until a fixture is used, so that other tests pay nothing for the plugin.
* ``@pytest.mark.mockconnect(...)`` takes the arguments of :func:`mockconnect.start`, and ``seeds`` and ``judge``. The
  closest marker counts, whole. What ``strict`` does not forgive fails the test, not its teardown.
* A scenario is judged when its test has passed, as far as it was played: what had no time to come about fails nothing.
  A test fails once: one that has failed by itself, or has called ``report.check()``, is not judged.
* A failure is reported with the seed, the command that replays it, and what happened last in each cluster.
* What goes wrong inside mockconnect fails the test, whatever the test itself thinks of it.
"""

from __future__ import annotations

import os
import random
import shlex
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockconnect.hosting import RunningCluster

ClusterFactory = Callable[..., "RunningCluster"]
ROWS = 40
SEED = "mockconnect_seed"


@dataclass(frozen=True)
class Started:
    """A cluster of a test. ``judge``: its scenario is judged with the test; ``strict``: faults that nothing met fail it."""

    cluster: RunningCluster
    judge: bool
    strict: bool


clusters_key: pytest.StashKey[list[Started]] = pytest.StashKey()
bugs_key: pytest.StashKey[list[str]] = pytest.StashKey()
seed_key: pytest.StashKey[int | None] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "seed of the simulated Connect clusters that name none: a number or 'random'"
    parser.getgroup("mockconnect").addoption(
        "--mockconnect-seed", dest=SEED, metavar="N|random", help=help_text
    )
    parser.addini(SEED, help=help_text, default="")


def pytest_configure(config: pytest.Config) -> None:
    marker = (
        "mockconnect(**arguments): the simulated Connect cluster of a test; arguments of mockconnect.start()"
    )
    config.addinivalue_line("markers", marker)
    config.stash[seed_key] = _seed(config.getoption(SEED) or config.getini(SEED))
    if (seed := config.stash[seed_key]) is not None:
        config.option.mockconnect_seed = str(seed)  # pytest-xdist hands the options on: one draw for all
    has_asyncio = config.pluginmanager.hasplugin("asyncio")
    fixtures = ModuleType("mockconnect_asyncio", "The fixture that depends on other plugins.")
    fixtures.__dict__["aio_connect_cluster"] = _asynchronous() if has_asyncio else _no_asyncio()
    config.pluginmanager.register(fixtures, fixtures.__name__)


def _seed(text: str) -> int | None:
    if not text:
        return None
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
    return None if seed is None else f"mockconnect: --mockconnect-seed={seed}"


# --- many seeds ---------------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``seeds=20`` is that many tests, from the seed on that it would have had alone; ``seeds=[3, 7]`` is these two."""
    marker = metafunc.definition.get_closest_marker("mockconnect")
    if marker is None or "seeds" not in marker.kwargs or "connect_seed" not in metafunc.fixturenames:
        return
    seeds = _numbers(marker.kwargs["seeds"], marker.kwargs.get("seed", metafunc.config.stash[seed_key] or 0))
    metafunc.parametrize("connect_seed", seeds, ids=[f"seed-{seed}" for seed in seeds])


def _numbers(seeds: object, first: int) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool) and seeds > 0:
        return list(range(first, first + seeds))
    if isinstance(seeds, list | tuple) and seeds and all(isinstance(seed, int) for seed in seeds):
        return list(seeds)
    pytest.fail(f"seeds: expected how many, or a list of numbers, found {seeds!r}", pytrace=False)


# --- fixtures -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def connect_seed(request: pytest.FixtureRequest) -> int | None:
    """The seed of clusters that name none: one of ``seeds``, or of the command line; ``None`` if nobody has said one."""
    return request.config.stash[seed_key]


@pytest.fixture
def connect_cluster_factory(
    request: pytest.FixtureRequest, connect_seed: int | None
) -> Iterator[ClusterFactory]:
    """``factory(workers=2, ...)`` starts a cluster that ends with the test; arguments of ``mockconnect.start``."""
    with ExitStack() as ends:

        def factory(*workers: Any, **arguments: Any) -> RunningCluster:
            from mockconnect.hosting import start  # noqa: PLC0415 - see the rules of this room

            judge, strict = _judges(arguments), _flag(arguments, "strict", usually=False)
            _set_seed(arguments, connect_seed)
            with _explained():
                cluster = ends.enter_context(start(*workers, **arguments))
            _remember(request.node, Started(cluster, judge, strict))
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


def _set_seed(arguments: dict[str, Any], seed: int | None) -> None:
    """For those that name none; without one a scenario has its own."""
    if seed is not None:
        arguments.setdefault("seed", seed)


def _judges(arguments: dict[str, Any]) -> bool:
    """Takes ``judge`` out: whether there is a scenario to be judged with the test."""
    return _flag(arguments, "judge", usually=True) and arguments.get("scenario") is not None


def _flag(arguments: dict[str, Any], name: str, *, usually: bool) -> bool:
    """Takes it out."""
    found = arguments.pop(name, usually)
    if not isinstance(found, bool):
        pytest.fail(f"{name}: expected True or False, found {found!r}", pytrace=False)
    return found


def _remember(node: pytest.Item, started: Started) -> None:
    node.stash.setdefault(clusters_key, []).append(started)


def _asynchronous() -> object:
    """The fixture for tests on an event loop; only there when pytest-asyncio (or pytest-aiohttp) is."""
    import pytest_asyncio  # noqa: PLC0415 - it is loaded already, or not installed

    @pytest_asyncio.fixture
    async def aio_connect_cluster(
        request: pytest.FixtureRequest, connect_seed: int | None
    ) -> AsyncIterator[RunningCluster]:
        """The cluster of the marker on the test's own event loop, without a thread."""
        from mockconnect.hosting import start_async  # noqa: PLC0415 - see the rules of this room

        arguments = dict(_marked(request))
        judge, strict = _judges(arguments), _flag(arguments, "strict", usually=False)
        _set_seed(arguments, connect_seed)
        async with AsyncExitStack() as ends:
            with _explained():
                cluster = await ends.enter_async_context(start_async(**arguments))
            _remember(request.node, Started(cluster, judge, strict))
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
    taken = ("seeds", "seed") if "seeds" in marker.kwargs else ()  # they became connect_seed
    given = {name: value for name, value in marker.kwargs.items() if name not in taken}
    return {**given, **({"workers": marker.args[0]} if marker.args else {})}


@contextmanager
def _explained() -> Iterator[None]:
    """A mistake in the marker, or in its files, is told without a traceback through mockconnect."""
    from mockconnect.files.problems import ProblemsError  # noqa: PLC0415 - see the rules of this room

    try:
        yield
    except ProblemsError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


# --- failures -----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    _fail_on_bugs(item)
    _judge(item)
    _fail_unmet(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        told = "" if call.excinfo is None else str(call.excinfo.value)
        for started in item.stash.get(clusters_key, []):
            cluster = started.cluster
            report.sections.append(("mockconnect", "\n".join(_story(item, cluster, told))))
            item.stash.setdefault(bugs_key, []).extend(cluster.bugs)
    return report


def _fail_on_bugs(item: pytest.Item) -> None:
    """Fail for bugs that were not told yet."""
    told = item.stash.setdefault(bugs_key, [])
    started = item.stash.get(clusters_key, [])
    bugs = [bug for one in started for bug in one.cluster.bugs if bug not in told]
    if bugs:
        told += bugs
        text = "\n\n".join(bugs)
        pytest.fail(f"a bug in mockconnect itself, please report it:\n{text}", pytrace=False)


def _judge(item: pytest.Item) -> None:
    """Fail for what did not hold of scenarios that the test has left to be judged."""
    started = [one.cluster for one in item.stash.get(clusters_key, []) if one.judge]
    left = [cluster for cluster in started if cluster.scenario is not None and not cluster.is_judged]
    failed = [report for cluster in left if not (report := cluster.report()).held]
    if failed:
        hint = "judged after the test, as far as it has played it; the marker's judge=False leaves that to the test"
        pytest.fail("\n".join([*(report.failures() for report in failed), hint]), pytrace=False)


def _fail_unmet(item: pytest.Item) -> None:
    """Fail for faults that nothing met, where that was asked for."""
    for one in item.stash.get(clusters_key, []):
        try:
            if one.strict:
                one.cluster.assert_faults_met()
        except AssertionError as error:
            pytest.fail(f"{error}\nthe marker's strict=True does not forgive that", pytrace=False)


def _story(item: pytest.Item, cluster: RunningCluster, told: str) -> Iterator[str]:
    """How to see it again, and what happened last, unless that is told already."""
    yield f"cluster: {len(cluster.workers)} workers, seed {cluster.seed}, {cluster.now_ms} ms of virtual time"
    yield f"replay:  pytest {shlex.quote(_node(item))} --mockconnect-seed={cluster.seed}"
    yield from (f"bug of mockconnect: {bug}" for bug in cluster.bugs)
    if cluster.scenario is not None:
        yield from _scenario_story(cluster)
    elif cluster.timeline(1) not in told:
        yield from _last_rows(cluster.timeline(ROWS).splitlines(), "cluster")


def _node(item: pytest.Item) -> str:
    """The test as it is to be named where pytest was started."""
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    return "::".join([file, *item.nodeid.split("::")[1:]])


def _scenario_story(cluster: RunningCluster) -> Iterator[str]:
    """How it stands, and rows in the scenario's own time: the last ones, and those around what failed."""
    from mockconnect.scenario.report import WORDS  # noqa: PLC0415 - see the rules of this room

    report = cluster.report()
    counts = {word: sum(one.word == word for one in report.verdicts) for word in WORDS.values()}
    yield f"{cluster.scenario}: " + ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    last = report.lines(report.rows[-ROWS:])
    around = report.around_failure() if report.failed else []
    if not set(around) <= set(last):
        yield from ["around what failed:", *around]
    yield from _last_rows(last, "scenario")


def _last_rows(rows: list[str], whose: str) -> Iterator[str]:
    from mockconnect.scenario.report import HEAD  # noqa: PLC0415 - see the rules of this room

    yield f"what happened last, in seconds of the {whose}:"
    yield HEAD
    yield from rows
