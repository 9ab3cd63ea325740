"""Faults that nothing ever met: a mistake in a test that looks like a success."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.hosting import RunningCluster

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
CONFIG = {"connector.class": SINK, "topics": "t", "file": "f", "tasks.max": "2"}
CONNECTORS = [{"name": "c", "config": CONFIG}]


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with mockconnect.start(connectors=CONNECTORS) as cluster:
        yield cluster


def ask(cluster: RunningCluster, path: str = "/connectors/c/status", method: str = "GET") -> None:
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(cluster.url + path, method=method)).close()


def unmet(cluster: RunningCluster) -> list[str]:
    rows = [*cluster._core.faults.past, *cluster.faults]
    return [row.id for row in rows if row.unmet]


@pytest.mark.parametrize(
    ("fault", "is_met"),
    [
        (faults.AnswerWith("500", operation="connector_status", connector="c"), True),
        (faults.AnswerWith("500", operation="connector_status", connector="d"), False),
        (faults.Latency(5, operation="any_write"), False),
        (faults.Latency(5, probability=1e-9), True),
        (faults.Latency(5, probability=1e-9, connector="d"), False),
        (faults.Malformed(skip=1), False),
        (faults.Malformed(nth=1), True),
        (faults.Queue(("500", "ok")), True),
        (faults.Html(worker="connect-2"), False),
        (faults.Crash("connect-2"), True),
        (faults.Lag("connect-2", status_ms=5), True),
        (faults.Refuse("connect-2"), True),
    ],
)
def test_faults_of_requests(cluster: RunningCluster, fault: faults.Fault, is_met: bool) -> None:
    cluster.inject(fault)
    ask(cluster)
    assert (unmet(cluster) == []) is is_met
    cluster.heal_all()
    assert (unmet(cluster) == []) is is_met, "the end of it changes nothing"


@pytest.mark.parametrize(
    ("fault", "is_met"),
    [
        (faults.FailTask("c", 0), True),
        (faults.FailTask("c", at="start"), True),
        (faults.FailTask("d", at="start"), False),
        (faults.FailConnector("c", at="start"), True),
        (faults.FailConnector("c", at="stop"), True),
        (faults.FailConnector("c", at="validate"), False),
        (faults.Slow("task_start", 50, "c"), True),
        (faults.Slow("task_start", 50, "d"), False),
        (faults.Zombie("c"), True),
        (faults.Zombie("d"), False),
    ],
)
def test_faults_of_code(cluster: RunningCluster, fault: faults.Fault, is_met: bool) -> None:
    cluster.inject(fault)
    ask(cluster, "/connectors/c/restart?includeTasks=true", "POST")
    cluster.advance("1m")
    assert (unmet(cluster) == []) is is_met


def test_a_death_before_a_commit(cluster: RunningCluster) -> None:
    cluster.inject(faults.DieBeforeCommit("new"))
    assert unmet(cluster) == ["die_before_commit-1"]
    cluster.inject(faults.CreateConnector("new", CONFIG))
    cluster.advance("1m")
    assert unmet(cluster) == []


def test_what_was_refused_is_told_already(cluster: RunningCluster) -> None:
    with pytest.raises(faults.FaultError):
        cluster.inject(faults.FailTask("d", 0))
    assert unmet(cluster) == []


def test_an_assertion_of_its_own(cluster: RunningCluster) -> None:
    cluster.assert_faults_met()
    cluster.inject(faults.AnswerWith("500", operation="health"))
    cluster.inject(faults.Slow("start", connector="d"))
    ask(cluster)
    with pytest.raises(AssertionError) as caught:
        cluster.assert_faults_met()
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 faults that nothing met: no request of that kind came, or no such code ran"
    assert [line.split(",")[0].strip() for line in lines[1:3]] == ["answer-1", "slow-1"]
    assert lines[3:][0] == "the last of 1 requests (seed 0):"
    cluster.reset()
    cluster.assert_faults_met()


def in_vain(cluster: RunningCluster) -> None:
    cluster.inject(faults.Empty(operation="health"))


def fails(cluster: RunningCluster) -> None:
    in_vain(cluster)
    raise ZeroDivisionError("the test's own")


def test_a_strict_cluster_says_so_at_its_end_and_once() -> None:
    with (
        pytest.raises(AssertionError, match="a fault that nothing met"),
        mockconnect.start(1, strict=True) as one,
    ):
        in_vain(one)
    one.close()
    with mockconnect.start(1, strict=True) as other:
        in_vain(other)
        with pytest.raises(ConnectionError):
            ask(other, "/health")


def test_an_error_of_the_block_goes_first() -> None:
    with pytest.raises(ZeroDivisionError), mockconnect.start(1, strict=True) as cluster:
        fails(cluster)
    cluster.close()


@pytest.mark.parametrize(("block", "error"), [(in_vain, AssertionError), (fails, ZeroDivisionError)])
async def test_a_strict_cluster_on_the_callers_loop(
    block: Callable[[RunningCluster], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        async with mockconnect.start_async(1, strict=True) as cluster:
            block(cluster)


def test_a_bug_is_not_forgiven_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_in_vain(cluster: RunningCluster) -> None:
        monkeypatch.setattr(cluster._core.workers["connect-0"], "submit", lambda _: 1 / 0)
        ask(cluster)

    text = "a bug in mockconnect itself, please report it:\nZeroDivisionError"
    with pytest.raises(AssertionError, match=text), mockconnect.start(1, strict=True) as cluster:
        asked_in_vain(cluster)
