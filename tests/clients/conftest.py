"""Published Connect clients, unmodified, against a cluster of three workers, entered through a follower.

The cluster is a simulated one. With
MOCKCONNECT_TEST_TARGETS="http://127.0.0.1:8083,http://127.0.0.1:8084,..." the very same tests run against a
real cluster, which shows that they are right about Connect, not only about mockconnect. A real cluster may
be shared: every connector here is called cl-..., and only those are deleted. Its workers must see the files
of this machine, and the URLs must be those that the workers advertise.

Nothing sleeps on the simulated cluster: where a client would wait, virtual time passes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from mockconnect import RunningCluster

T = TypeVar("T")
Settle = Callable[[], None]

POLLS_MAX = 300
POLL_MS = 200
SOURCE_CLASS = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK_CLASS = "org.apache.kafka.connect.file.FileStreamSinkConnector"


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to be tested: the URLs of all its workers, that of one follower, and how to wait for it.

    `settle` returns when nothing is under way any more. `pause` is what a polling client does between two looks:
    on a real cluster it sleeps, on a simulated one virtual time passes.
    """

    worker_urls: tuple[str, ...]
    follower_url: str
    settle: Settle
    pause: Callable[[], None]

    @property
    def worker_ids(self) -> set[str]:
        """host:port of every worker, as statuses name them."""
        return {urlsplit(url).netloc for url in self.worker_urls}


class Eventually(Protocol):
    """Polls `probe` until its answer is `wanted`; the errors in `forgive` count as "not yet"."""

    def __call__(
        self,
        probe: Callable[[], T],
        wanted: Callable[[T], bool],
        forgive: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> T: ...


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    urls = os.environ.get("MOCKCONNECT_TEST_TARGETS")
    if urls:
        yield from _real(tuple(urls.split(",")))
    else:
        yield _simulated(request.getfixturevalue("connect_cluster_factory")(workers=3))


@pytest.fixture
def follower_url(target: Target) -> str:
    return target.follower_url


@pytest.fixture
def settle(target: Target) -> Settle:
    return target.settle


@pytest.fixture
def eventually(target: Target) -> Eventually:
    def poll(
        probe: Callable[[], T],
        wanted: Callable[[T], bool],
        forgive: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> T:
        last: object = None
        for _ in range(POLLS_MAX):
            try:
                last = answer = probe()
                if wanted(answer):
                    return answer
            except forgive as error:
                last = error
            target.pause()
        raise AssertionError(f"not what was wanted after {POLLS_MAX} polls, last: {last!r}")

    return poll


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A connector name of this test's own."""
    return "cl-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")


@pytest.fixture
def source_config(name: str, tmp_path: Path) -> dict[str, str]:
    """A FileStreamSource that reads three lines from a file of this test's own."""
    lines = tmp_path / "lines.txt"
    lines.write_text("one\ntwo\nthree\n")
    return {"connector.class": SOURCE_CLASS, "tasks.max": "1", "file": str(lines), "topic": f"{name}-lines"}


@pytest.fixture
def sink_config(name: str, tmp_path: Path) -> dict[str, str]:
    """A FileStreamSink that writes a topic of this test's own to a file; it may have two tasks."""
    out = tmp_path / "out.txt"
    return {"connector.class": SINK_CLASS, "tasks.max": "2", "file": str(out), "topics": f"{name}-lines"}


# Command line clients


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line client left behind."""

    exit_code: int
    out: str
    err: str = field(default="", compare=False)

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine(Protocol):
    def __call__(self, *args: str) -> Ran: ...


def run(command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> Ran:
    """Runs one command to its end, with `environment` added to this process's own, in `folder`."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Ran(done.returncode, done.stdout.strip(), done.stderr)


@pytest.fixture
def kc(follower_url: str) -> CommandLine:
    """`kc ARGS...` of kafka-connect-py."""
    script = str(Path(sysconfig.get_path("scripts")) / "kc")
    return lambda *args: run([script, *args], {"KAFKA_CONNECT_URL": follower_url})


@pytest.fixture(scope="session")
def kafka_connect_cli_home(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kafka-connect-cli, in a folder of its own.

    It cannot be a dependency of the tests: its package is called kafka_connect, like that of
    kafka-connect-py, and it pins a requests and a urllib3 that do not run on Python 3.12. So it runs with
    ours. The folder is kept with pytest's cache, if there is one, and only the first run downloads; moving it
    into place at the end lets parallel runs share it.
    """
    requirement = "kafka-connect-cli==0.2.5"
    kept = pytestconfig.pluginmanager.hasplugin("cacheprovider")
    shelf = pytestconfig.cache.mkdir("clients") if kept else tmp_path_factory.mktemp("clients")
    home = shelf / requirement
    if not home.is_dir():
        fresh = Path(tempfile.mkdtemp(dir=shelf))
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(fresh),
            requirement,
        ]
        subprocess.run(pip, check=True)
        try:
            fresh.rename(home)
        except OSError:
            assert home.is_dir(), f"{fresh} could not be moved to {home}"
    return home


@pytest.fixture
def kafka_connect_cli(kafka_connect_cli_home: Path) -> CommandLine:
    """`kafka_connect ARGS...` of kafka-connect-cli; `--url` is the caller's."""
    return lambda *args: run(
        [sys.executable, "-m", "kafka_connect", *args], {"PYTHONPATH": str(kafka_connect_cli_home)}
    )


# The two kinds of cluster


def _simulated(cluster: RunningCluster) -> Target:
    return Target(
        worker_urls=tuple(cluster.urls),
        follower_url=cluster.followers[0].url,
        settle=cluster.settle,
        pause=lambda: cluster.advance(POLL_MS),
    )


def _real(worker_urls: tuple[str, ...]) -> Iterator[Target]:
    # forward=false makes a worker answer for itself: the leader finds no such connector (404), while a
    # follower may neither do it nor pass it on (409).
    asked = {url: _ask("DELETE", f"{url}/connectors/cl-none?forward=false") for url in worker_urls}
    followers = [url for url, status_code in asked.items() if status_code == 409]
    assert len(followers) == len(worker_urls) - 1, f"no one leader: {asked}"

    def settle() -> None:
        _wait_until_quiet(worker_urls)

    settle()
    try:
        yield Target(worker_urls, followers[0], settle, _sleep)
    finally:
        _delete_ours(followers[0])
        settle()


def _wait_until_quiet(worker_urls: tuple[str, ...]) -> None:
    """Waits until no worker has a rebalance due or a status to write.

    Restarting a connector that does not exist is harmless, and it is 409 rather than 404 while the worker has
    a rebalance due. Statuses follow a little later, so they must have stood still for a while as well.
    """
    calm_polls, before = 0, None
    for _ in range(POLLS_MAX):
        due = {_ask("POST", f"{url}/connectors/cl-none/restart") for url in worker_urls}
        views = [_ours(url) for url in worker_urls]
        calm = due == {404} and all(view == before for view in views)
        calm_polls, before = calm_polls + 1 if calm else 0, views[0]
        if calm_polls == 5:
            return
        _sleep()
    raise AssertionError("the real cluster did not come to rest")


def _sleep() -> None:
    time.sleep(POLL_MS / 1000)


def _ours(url: str) -> dict[str, object]:
    """Our connectors as one worker sees them: name to info and status."""
    with urllib.request.urlopen(f"{url}/connectors?expand=info&expand=status") as response:
        connectors: dict[str, object] = json.load(response)
    return {name: seen for name, seen in connectors.items() if name.startswith("cl-")}


def _delete_ours(url: str) -> None:
    for name in _ours(url):
        _ask("DELETE", f"{url}/connectors/{name}")


def _ask(method: str, url: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
