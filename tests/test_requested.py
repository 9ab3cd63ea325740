"""What clients have asked: chosen by what is known of it, counted, put in order; and what is told if it is not as expected."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.core.journal import NOTHING, ROW_OCTETS_MAX, Journal, RequestRow
from mockconnect.hosting import RunningCluster
from mockconnect.requested import CRITERIA

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
CONFIG = {"connector.class": SINK, "topics": "t", "file": "f", "tasks.max": "2"}


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with mockconnect.start(connectors=[{"name": "pg", "config": CONFIG}]) as cluster:
        yield cluster
        assert cluster.bugs == []


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
    given = {"Content-Type": "application/json", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, given, method=method)) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def asked(cluster: RunningCluster) -> RunningCluster:
    """A cluster that was asked a few things."""
    first, second, _ = cluster.urls
    ask(f"{first}/connectors/pg/tasks/0/restart", "POST")
    ask(f"{first}/connectors/pg/restart?includeTasks=true&onlyFailed=", "POST")
    ask(f"{second}/connectors/pgg/tasks/1/restart", "POST")
    ask(f"{second}/connectors/x/config", "PUT", json.dumps(CONFIG).encode())
    ask(f"{first}/connectors?expand=status&expand=info")
    ask(f"{first}/connectors/pg/stop", "PUT")
    ask(f"{first}/nowhere")
    return cluster


# --- rows -----------------------------------------------------------------------------------------------------------------


def test_a_row_says_what_was_sent_and_answered(asked: RunningCluster) -> None:
    (row,) = asked.requests(operation="put_connector_config")
    assert (row.method, row.path, row.query, row.connector) == ("PUT", "/connectors/x/config", {}, "x")
    assert row.body == CONFIG
    assert row.answer["config"] == {**CONFIG, "name": "x"}
    assert (row.headers["content-type"], row.worker) == ("application/json", "connect-1")
    assert ("Content-Type", "application/json") in row.answer_headers
    assert re.fullmatch(r"127\.0\.0\.1:\d+", row.client)
    (listed,) = asked.requests(operation="list_connectors")
    assert listed.query == {"expand": ["status", "info"]}
    assert (listed.body, sorted(listed.answer)) == (None, ["pg"])
    (restarted,) = asked.requests(operation="restart_connector")
    assert restarted.query == {"includeTasks": ["true"], "onlyFailed": [""]}


def test_a_watched_request_has_the_same_row(cluster: RunningCluster) -> None:
    """While a fault is active, requests take another way through the server."""
    url = f"{cluster.url}/connectors/y/config"
    ask(url, "PUT", b'{"a": 1.50}')
    cluster.inject(faults.AnswerWith("409.stale_config", operation="put_connector_config", times=1))
    ask(url, "PUT", b'{"a": 1.50}')
    light, heavy = cluster.requests(path="/connectors/y/*")
    for row in (light, heavy):
        assert (row.body, row.sent, row.operation) == ({"a": 1.5}, b'{"a": 1.50}', "put_connector_config")
        assert row.client
        assert row.answer["error_code"] == row.status_code
    assert cluster.requests(status="409.stale_config") == [heavy]
    assert cluster.requests(status="409.exists") == []


def test_a_body_that_cannot_be_read_is_a_text(cluster: RunningCluster) -> None:
    assert ask(f"{cluster.url}/connectors", "POST", b"{oops \xff") == 500
    (row,) = cluster.requests(operation="create_connector")
    assert row.body == "{oops \N{REPLACEMENT CHARACTER}"


def test_a_chunked_answer_is_read_without_its_frame(cluster: RunningCluster) -> None:
    connection = http.client.HTTPConnection(urlsplit(cluster.url).netloc)
    connection.request("GET", "/connector-plugins/MirrorSourceConnector/config")
    connection.getresponse().read()
    connection.close()
    (row,) = cluster.requests(operation="plugin_config")
    assert ("Transfer-Encoding", "chunked") in row.answer_headers
    assert "name" in row.answer[0]


def test_requests_of_one_connection_have_one_client(cluster: RunningCluster) -> None:
    connection = http.client.HTTPConnection(urlsplit(cluster.url).netloc)
    for _ in range(2):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()
    ask(cluster.url)
    first, second, other = cluster.requests()
    assert first.client == second.client != other.client


def test_a_broken_connection_has_no_answer(cluster: RunningCluster) -> None:
    cluster.inject(faults.Reset(operation="health"))
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(f"{cluster.url}/health")
    (row,) = cluster.requests(status="none")
    assert (row.status_code, row.answer, row.answer_headers) == (0, None, ())


def test_what_the_front_door_answers_by_itself_is_a_row_too() -> None:
    with mockconnect.start(1, front_door="round_robin") as cluster:
        cluster.inject(faults.Crash("all"))
        assert ask(f"{cluster.url}/connectors") == 503
        (row,) = cluster.requests(status=503)
        assert (row.door, row.answer[:6]) == ("front_door", "<html>")


# --- how much is kept -----------------------------------------------------------------------------------------------------


def light(sent: bytes, answer: bytes) -> Any:
    return (0, 0, "worker", "w", "PUT", "/", None, 200, "", ("::1", 5), {}, sent, answer)


def test_what_is_too_large_is_not_kept() -> None:
    journal = Journal()
    journal.add(light(b"1", b"x" * (ROW_OCTETS_MAX + 1)))
    row = journal.begin(0, "worker", "w", "PUT", "/")
    told: list[int] = []
    journal.on_answer.append(lambda _, body: told.append(len(body)))
    journal.end(row, 1, 200, "", (("::1", 5), {}, b"1", b"x" * (ROW_OCTETS_MAX + 1)))
    assert [(row.body, row.answered, row.answer, row.client) for row in journal.rows()] == [
        (1, None, None, "::1:5")
    ] * 2
    assert told == [ROW_OCTETS_MAX + 1], "who listens is told all of it"


def test_the_oldest_rows_go_when_too_much_is_kept() -> None:
    journal = Journal(octets_max=10)
    journal.add(light(b"1234", b"1234"))
    watched = journal.begin(0, "worker", "w", "PUT", "/")
    journal.add(light(b"", b""))
    assert len(list(journal.rows())) == 3
    journal.end(watched, 1, 200, "", (None, {}, b"12", b"34"))
    assert [row.number for row in journal.rows()] == [2, 3]
    journal.add(light(b"1234567890", b"1"))
    assert [row.number for row in journal.rows()] == [4], "the newest one stays"
    journal.add((0, 0, "worker", "w", "PUT", "/", None, 200, "", *NOTHING))
    assert journal.ended().total() == journal.count == 5
    assert [row.number for row in journal.rows()] == [4, 5]
    journal.clear()
    journal.add(light(b"1234", b"123456"))
    assert len(list(journal.rows())) == 1, "what has gone does not count any more"


# --- which ones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"operation": "restart_task"}, [1, 3]),
        ({"operation": "restart_*"}, [1, 2, 3]),
        ({"operation": "any_write"}, [1, 2, 3, 4, 6]),
        ({"operation": "any_read"}, [5]),
        ({"connector": "pg"}, [1, 2, 6]),
        ({"connector": "*"}, [1, 2, 3, 4, 6]),
        ({"task": 0}, [1]),
        ({"worker": "connect-1"}, [3, 4]),
        ({"worker": 1}, [3, 4]),
        ({"worker": "leader"}, [1, 2, 5, 6, 7]),
        ({"method": "put"}, [4, 6]),
        ({"path": "/connectors"}, [5]),
        ({"path": "*/restart"}, [1, 2, 3]),
        ({"status": 404}, [3, 7]),
        ({"status": "2xx"}, [1, 2, 4, 5, 6]),
        ({"status": "open"}, []),
        ({"since": 5}, [6, 7]),
        ({"connector": "pg", "status": 204, "since": 1}, [6]),
        ({"last": 2, "status": "2xx"}, [5, 6]),
        ({"last": 0}, []),
    ],
)
def test_filters(asked: RunningCluster, wanted: dict[str, Any], numbers: list[int]) -> None:
    assert [row.number for row in asked.requests(**wanted)] == numbers


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"operation": "restart_tsk"}, "operation: unknown; did you mean 'restart_task'?"),
        (
            {"status": "409.stale_confg"},
            "status: '409.stale_confg' is no answer; did you mean '409.stale_config'?",
        ),
        ({"worker": "conect-1"}, "worker: expected one of connect-0, connect-1, connect-2, found 'conect-1'"),
        ({"worker": 7}, "there is no worker 7; there are 3, counted from 0"),
        ({"task": -1}, "task: expected a whole number from 0, found '-1'"),
        ({"since": "x"}, "since: expected a whole number from 0, found 'x'"),
    ],
)
def test_filters_that_mean_nothing(cluster: RunningCluster, wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        cluster.requests(**wanted)


def test_a_worker_that_is_gone_still_has_its_requests(cluster: RunningCluster) -> None:
    cluster.add_worker("late")
    cluster.settle()
    ask(cluster.worker("late").url)
    cluster.remove_worker("late", graceful=False)
    cluster.advance("1s")
    assert [one.name for one in cluster.workers] == ["connect-0", "connect-1", "connect-2"]
    assert len(cluster.requests(worker="late")) == 1


def test_what_comes_later(asked: RunningCluster) -> None:
    before = asked.requests()
    assert before.next == 7
    ask(asked.url)
    assert [row.operation for row in asked.requests(since=before.next)] == ["server_info"]
    assert len(before) == 7, "a list stays as it was"


def test_looking_is_no_event_and_works_after_the_end(asked: RunningCluster) -> None:
    scheduled = asked._core.sim.scheduled_events
    asked.requests(connector="pg").assert_count(3)
    assert asked._core.sim.scheduled_events == scheduled
    asked.close()
    asked.requests(connector="pg").assert_count(3)


# --- what is expected -----------------------------------------------------------------------------------------------------


def test_what_holds(asked: RunningCluster) -> None:
    found = asked.requests(connector="pg")
    assert found.assert_count(3) is found
    found.assert_count(at_least=3).assert_count(at_most=3).assert_count(at_least=1, at_most=9)
    found.assert_order("restart_task", "stop_connector")
    found.assert_order({"operation": "restart_*", "status": 204}, {"method": "PUT"})
    asked.requests(operation="delete_connector").assert_none().assert_count(0)


def missed(found: Any, method: str, *arguments: Any, **named: Any) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        getattr(found, method)(*arguments, **named)
    return str(caught.value).splitlines()


def test_too_few_are_told_with_what_comes_closest(asked: RunningCluster) -> None:
    found = asked.requests(operation="restart_task", connector="pg", task=1)
    lines = missed(found, "assert_count", 1)
    assert lines[:3] == [
        "expected 1 request with operation=restart_task, connector=pg, task=1; there are none",
        "of 1 request with operation=restart_task, connector=pg none has task=1",
        "closest:",
    ]
    assert re.fullmatch(
        r"  #3 [\d.]+s connect-1 POST /connectors/pgg/tasks/1/restart -> 404 Unknown connector: pgg  \(connector is pgg\)",
        lines[3],
    )
    assert lines[4].endswith("POST /connectors/pg/tasks/0/restart -> 204  (task is 0)")
    assert "the last of 7 requests (seed 0):" in lines
    assert len(lines) == 12


def test_too_many_are_shown(asked: RunningCluster) -> None:
    lines = missed(asked.requests(operation="restart_*"), "assert_none")
    assert lines[:2] == ["expected no requests with operation=restart_*; there are 3", "found:"]
    assert [line.split()[0] for line in lines[2:5]] == ["#1", "#2", "#3"]
    assert "closest:" not in lines


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"count": 4}, "expected 4 requests with connector=pg; there are 3"),
        ({"at_least": 4}, "expected at least 4 requests with connector=pg; there are 3"),
        ({"at_most": 1}, "expected at most 1 request with connector=pg; there are 3"),
        ({"at_least": 1, "at_most": 2}, "expected from 1 to 2 requests with connector=pg; there are 3"),
    ],
)
def test_how_many(asked: RunningCluster, bounds: dict[str, int], said: str) -> None:
    assert missed(asked.requests(connector="pg"), "assert_count", **bounds)[0] == said


def test_an_order_that_is_another_one(asked: RunningCluster) -> None:
    lines = missed(asked.requests(connector="pg"), "assert_order", "stop_connector", "restart_task")
    assert lines[:2] == [
        "expected one after the other: stop_connector, restart_task, of requests with connector=pg",
        "there is no restart_task after #6 (stop_connector); the last one is #1",
    ]


def test_a_step_that_is_not_there(asked: RunningCluster) -> None:
    step = {"operation": "stop_connector", "status": 409}
    lines = missed(asked.requests(), "assert_order", "restart_task", step)
    assert lines[1:4] == [
        "there is no stop_connector (status=409) after #1 (restart_task)",
        "of 1 request with operation=stop_connector none has status=409",
        "closest:",
    ]
    assert lines[4].endswith("(status is 204)")
    assert missed(asked.requests(), "assert_order", "delete_connector")[1] == "there is no delete_connector"


def test_without_any_request_there_is_little_to_tell(cluster: RunningCluster) -> None:
    assert missed(cluster.requests(operation="health"), "assert_count", 1) == [
        "expected 1 request with operation=health; there are none"
    ]
    assert missed(cluster.requests(), "assert_count", 2) == ["expected 2 requests; there are none"]


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
    [
        ("assert_count", {}, "count: missing; or say 'at_least', 'at_most' or 'order'"),
        ("assert_count", {"count": -1}, "count: expected a whole number from 0, found '-1'"),
        (
            "assert_count",
            {"count": 1, "at_most": 2},
            "count: is said already; leave out 'at_least' and 'at_most'",
        ),
        ("assert_count", {"at_least": 3, "at_most": 2}, "at_most: is less than at_least, 3"),
    ],
)
def test_expectations_that_mean_nothing(
    cluster: RunningCluster, method: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        getattr(cluster.requests(), method)(**arguments)


def test_steps_that_mean_nothing(cluster: RunningCluster) -> None:
    with pytest.raises(ValueError, match=r"order: expected at least") as caught:
        cluster.requests().assert_order()
    with pytest.raises(ValueError, match=r"3 mistakes in what is expected") as caught:
        cluster.requests().assert_order("stop_conector", {"worker": "x"}, {"operation": "stop"})
    told = str(caught.value)
    assert "order[0]: unknown; did you mean 'stop_connector'?" in told
    assert "order[1].worker: expected one of" in told


# --- the page -------------------------------------------------------------------------------------------------------------


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parent.parent / "docs" / "requests.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "docs/requests.md", "exec"), {})
    assert capsys.readouterr().out == "/connectors/orders/stop\n"
    rows = re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)[1:]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {*CRITERIA, "since", "last"}
    assert set(re.findall(r"`(\w+)`", page)) >= {
        one.name for one in fields(RequestRow) if one.name[:7] != "answer_"
    } - {"ended_at_ms"}
