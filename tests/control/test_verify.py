"""What clients have asked, over the control API and on the command line: one filter, one judgement, one archive."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mockconnect.cli.main import main


def ask(control: Any, method: str, path: str, body: object = None, **headers: str) -> None:
    data = None if body is None else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(control.cluster.url + path, data, given, method=method)
    with urllib.request.urlopen(request, timeout=300):
        pass


@pytest.fixture
def asked(control: Any) -> Any:
    ask(control, "POST", "/connectors/c/tasks/1/restart")
    ask(control, "PUT", "/connectors/c/stop")
    ask(
        control, "PUT", "/admin/loggers/root?scope=worker", {"level": "DEBUG"}, Authorization="Basic c2VjcmV0"
    )
    return control


def ctl(control: Any, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["ctl", "--url", control.url, *arguments])


# --- filters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("operation=restart_task&task=1", [1]),
        ("method=PUT", [2, 3]),
        ("path=/admin/*", [3]),
        ("status=204", [1, 2]),
        ("connector=c&since=1", [2]),
    ],
)
def test_the_filters_of_the_fixture(asked: Any, query: str, numbers: list[int]) -> None:
    assert [one["number"] for one in asked.get(f"/requests?{query}")["requests"]] == numbers


def test_a_row_has_what_was_sent_and_answered(asked: Any) -> None:
    (row,) = asked.get("/requests?operation=set_logger")["requests"]
    assert (row["path"], row["query"]) == ("/admin/loggers/root", {"scope": ["worker"]})
    assert row["body"] == {"level": "DEBUG"}
    assert "root" in row["answer"]
    assert row["client"].startswith("127.0.0.1:")


def test_an_operation_that_is_not_there(asked: Any) -> None:
    answer = asked("GET", "/requests?operation=restart_tsk&worker=conect-1")
    assert answer.status_code == 422
    assert [(one["path"], one["detail"]) for one in answer.body["errors"]] == [
        ("operation", "unknown; did you mean 'restart_task'?"),
        (
            "worker",
            "expected one of connect-0, connect-1, connect-2, found 'conect-1'; did you mean 'connect-1'?",
        ),
    ]


# --- verdicts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"operation": "restart_task", "connector": "c", "count": 1}, 1),
        ({"connector": "c", "at_least": 1, "at_most": 2}, 2),
        ({"operation": "delete_connector", "count": 0}, 0),
        ({"order": ["restart_task", {"operation": "stop_connector", "status": 204}]}, 3),
        ({"since": 1, "count": 2, "order": ["stop_connector", "set_logger"]}, 2),
    ],
)
def test_what_holds(asked: Any, expected: dict[str, Any], found: int) -> None:
    answer = asked("POST", "/requests/verify", expected)
    assert (answer.status_code, answer.body) == (200, {"found": found, "next": 3})


def test_what_does_not_hold(asked: Any) -> None:
    answer = asked("POST", "/requests/verify", "{operation: restart_task, task: 0, count: 1}")
    assert (answer.status_code, answer.body["type"]) == (409, "urn:mockconnect:problem:not-held")
    lines = answer.body["detail"].splitlines()
    assert lines[0] == "expected 1 request with operation=restart_task, task=0; there are none"
    assert lines[3].endswith("POST /connectors/c/tasks/1/restart -> 204  (task is 1)")
    answer = asked("POST", "/requests/verify", {"order": ["stop_connector", "restart_task"]})
    assert "there is no restart_task after #2 (stop_connector); the last one is #1" in answer.body["detail"]


def test_mistakes(asked: Any) -> None:
    answer = asked("POST", "/requests/verify", {"operation": "stp_connector", "order": [{"task": 0}, "x"]})
    assert answer.status_code == 422
    assert [one["path"] for one in answer.body["errors"]] == ["operation", "order[1]"]
    for body in ({}, {"count": "many"}, {"count": 1, "at_least": 1}, [], {"op": "restart_task", "count": 1}):
        assert asked("POST", "/requests/verify", body).status_code == 422


# --- the archive ----------------------------------------------------------------------------------------------------------


def test_an_archive(asked: Any) -> None:
    log = asked.get("/requests.har")["log"]
    assert (log["version"], log["creator"]["name"], len(log["entries"])) == ("1.2", "mockconnect", 3)
    entry = log["entries"][2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", entry["startedDateTime"])
    assert entry["time"] == entry["timings"]["wait"]
    sent, answered = entry["request"], entry["response"]
    assert sent["url"] == f"{asked.cluster.url}/admin/loggers/root?scope=worker"
    assert sent["queryString"] == [{"name": "scope", "value": "worker"}]
    assert sent["postData"] == {
        "mimeType": "application/json",
        "text": '{"level": "DEBUG"}',
    }
    assert {"name": "Authorization", "value": "masked"} in sent["headers"]
    assert (answered["status"], answered["statusText"]) == (200, "OK")
    assert answered["content"]["mimeType"] == "application/json"
    assert answered["content"]["size"] == len(answered["content"]["text"])
    for needed in ("method", "httpVersion", "cookies", "headersSize", "bodySize"):
        assert needed in sent
    for needed in ("httpVersion", "cookies", "redirectURL", "headersSize", "bodySize"):
        assert needed in answered


def test_an_archive_of_some(asked: Any) -> None:
    found = asked.get("/requests.har?operation=stop_connector")["log"]["entries"]
    assert [one["request"]["method"] for one in found] == ["PUT"]
    assert "postData" not in found[0]["request"]


# --- the command line -----------------------------------------------------------------------------------------------------


def test_filters_of_ctl(asked: Any) -> None:
    shown = ctl(asked, "requests", "--operation", "restart_task", "--task", "1", "--method", "post")
    assert len(shown.stdout.splitlines()) == 2
    (row,) = json.loads(ctl(asked, "--json", "requests", "--path", "/admin/*").stdout)
    assert (row["number"], row["body"]) == (3, {"level": "DEBUG"})
    archive = ctl(asked, "requests", "--status", "2xx", "--har")
    assert json.loads(archive.stdout) == asked.get("/requests.har?status=2xx")
    assert ctl(asked, "requests", "--har", "--limit", "1").exit_code == 2


def test_ctl_verify(asked: Any) -> None:
    held = ctl(asked, "verify", "--op", "restart_task", "--count", "1")
    assert (held.exit_code, held.stdout.split()) == (0, ["WHAT", "VALUE", "found", "1", "next", "3"])
    assert ctl(asked, "verify", "--order", "restart_task", "--order", "stop_connector").exit_code == 0
    missed = ctl(asked, "verify", "--op", "restart_task", "--at-least", "2")
    assert missed.exit_code == 1
    assert missed.stdout.startswith("expected at least 2 requests with operation=restart_task; there are 1")
    wrong = ctl(asked, "verify", "--op", "restart_tsk", "--count", "1")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr == "mockconnect ctl: operation: unknown; did you mean 'restart_task'?\n"
    assert ctl(asked, "verify").exit_code == 2
