"""Start here: what a Connect worker answers, endpoint by endpoint, along the life of one connector.

The fixture `connect_url` is the URL of a simulated Kafka Connect. Nothing below knows that it is not a real
one: the same tests pass on Apache Kafka Connect 4.3.1. Requests are plain `urllib`, and answers are
compared whole.

Connect does most things a little later than it says: a connector just created has no status yet, and one just
paused still runs for a moment. So a test looks again until it sees what it expects (`eventually`). On the
simulated cluster each look moves time on; nobody ever sleeps.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SOURCE_TASK = "org.apache.kafka.connect.file.FileStreamSourceTask"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
LOOKS_MAX = 2000
BUSY = ("Cannot complete request", "Request cannot be completed")

Answer = tuple[int, Any]


class Connect:
    """The smallest client: one request in, status code and JSON body out (None where there is no body)."""

    def __init__(self, url: str):
        self.url = url

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One answer. Workers that rebalance refuse most requests with 409 or 500: those are asked again."""
        for _ in range(LOOKS_MAX):
            status_code, answer = self._ask(method, path, body)
            if status_code not in (409, 500) or not answer["message"].startswith(BUSY):
                return status_code, answer
        raise AssertionError(f"{method} {path}: the rebalance does not end: {answer}")

    def eventually(self, path: str, expected: Answer) -> None:
        """Looks at `path` until it shows exactly what is expected."""
        for _ in range(LOOKS_MAX):
            answer = self.ask("GET", path)
            if answer == expected:
                return
        assert answer == expected

    def workers_of(self, name: str) -> tuple[str, str]:
        """Looks until the first task has a status; gives the workers of the connector and of that task."""
        for _ in range(LOOKS_MAX):
            status_code, status = self.ask("GET", f"/connectors/{name}/status")
            if status_code == 200 and status["tasks"]:
                return status["connector"]["worker_id"], status["tasks"][0]["worker_id"]
        raise AssertionError(f"{name} has no task: {status}")

    def _ask(self, method: str, path: str, body: object) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or "null")


@pytest.fixture
def connect(connect_url: str) -> Connect:
    return Connect(connect_url)


def test_the_life_of_a_connector(connect: Connect, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("one\ntwo\nthree\n")
    config = {"connector.class": SOURCE, "tasks.max": "1", "file": str(lines), "topic": "lines"}
    stored = {**config, "name": "seed"}

    # List: nothing there yet.
    assert connect.ask("GET", "/connectors") == (200, [])

    # Create: 201, the config with the name in it, and no tasks yet.
    assert connect.ask("POST", "/connectors", {"name": "seed", "config": config}) == (
        201,
        {"name": "seed", "config": stored, "tasks": [], "type": "source"},
    )
    assert connect.ask("POST", "/connectors", {"name": "seed", "config": config}) == (
        409,
        {"error_code": 409, "message": "Connector seed already exists"},
    )

    # Get: once the connector has generated its tasks, they are listed.
    shown = {"name": "seed", "config": stored, "tasks": [{"connector": "seed", "task": 0}], "type": "source"}
    connect.eventually("/connectors/seed", (200, shown))
    assert connect.ask("GET", "/connectors") == (200, ["seed"])

    # Status: the connector and its task run, each on one of the workers.
    version = connect.ask("GET", "/")[1]["version"]
    connector_worker, task_worker = connect.workers_of("seed")
    running = {
        "name": "seed",
        "connector": {"state": "RUNNING", "worker_id": connector_worker, "version": version},
        "tasks": [{"id": 0, "state": "RUNNING", "worker_id": task_worker, "version": version}],
        "type": "source",
    }
    connect.eventually("/connectors/seed/status", (200, running))

    # Tasks: what the connector told its task to do.
    task_config = {**stored, "task.class": SOURCE_TASK}
    assert connect.ask("GET", "/connectors/seed/tasks") == (
        200,
        [{"id": {"connector": "seed", "task": 0}, "config": task_config}],
    )

    # Task status: that task's entry of the status.
    assert connect.ask("GET", "/connectors/seed/tasks/0/status") == (
        200,
        {"id": 0, "state": "RUNNING", "worker_id": task_worker, "version": version},
    )

    # Resume: what runs already just goes on, however often one looks.
    assert connect.ask("PUT", "/connectors/seed/resume") == (202, None)
    for _ in range(20):
        assert connect.ask("GET", "/connectors/seed/status") == (200, running)

    # Pause: connector and task pause. Resume: both run again.
    assert connect.ask("PUT", "/connectors/seed/pause") == (202, None)
    connect.eventually("/connectors/seed/status", (200, in_state("PAUSED", running)))
    assert connect.ask("PUT", "/connectors/seed/resume") == (202, None)
    connect.eventually("/connectors/seed/status", (200, running))

    # Restart: the connector alone; or, with a flag, whatever the plan in the answer says; or one task.
    assert connect.ask("POST", "/connectors/seed/restart") == (204, None)
    connect.eventually("/connectors/seed/status", (200, running))
    assert connect.ask("POST", "/connectors/seed/restart?includeTasks=true") == (
        202,
        in_state("RESTARTING", running),
    )
    connect.eventually("/connectors/seed/status", (200, running))
    assert connect.ask("POST", "/connectors/seed/tasks/0/restart") == (204, None)
    connect.eventually("/connectors/seed/status", (200, running))

    # Config: get it, put another one (which replaces all of it), get that.
    assert connect.ask("GET", "/connectors/seed/config") == (200, stored)
    changed = {**stored, "batch.size": "10"}
    assert connect.ask("PUT", "/connectors/seed/config", changed) == (200, {**shown, "config": changed})
    connect.eventually("/connectors/seed/config", (200, changed))
    connect.eventually(
        "/connectors/seed/tasks",
        (200, [{"id": {"connector": "seed", "task": 0}, "config": {**task_config, "batch.size": "10"}}]),
    )

    # Delete: gone, and its status with it.
    assert connect.ask("DELETE", "/connectors/seed") == (204, None)
    connect.eventually("/connectors", (200, []))
    connect.eventually(
        "/connectors/seed/status", (404, {"error_code": 404, "message": "No status found for connector seed"})
    )
    assert connect.ask("DELETE", "/connectors/seed") == (
        404,
        {"error_code": 404, "message": "Connector seed not found"},
    )


def test_plugins(connect: Connect) -> None:
    version = connect.ask("GET", "/")[1]["version"]
    status_code, plugins = connect.ask("GET", "/connector-plugins")
    assert status_code == 200
    assert [plugin for plugin in plugins if ".file." in plugin["class"]] == [
        {"class": SINK, "type": "sink", "version": version},
        {"class": SOURCE, "type": "source", "version": version},
    ]


def test_validate(connect: Connect, tmp_path: Path) -> None:
    path = "/connector-plugins/FileStreamSource/config/validate"
    config = {
        "name": "seed",
        "connector.class": SOURCE,
        "tasks.max": "1",
        "file": str(tmp_path / "lines.txt"),
    }

    # The topic is missing. That is no error of the request: 200, and the answer counts what is wrong.
    status_code, answer = connect.ask("PUT", path, config)
    assert status_code == 200
    assert (answer["name"], answer["error_count"]) == (SOURCE, 1)
    (wrong,) = [key for key in answer["configs"] if key["value"]["errors"]]
    del wrong["definition"]["documentation"]  # prose, not compared
    assert wrong == {
        "definition": {
            "name": "topic",
            "type": "STRING",
            "required": True,
            "default_value": None,
            "importance": "HIGH",
            "group": None,
            "order_in_group": -1,
            "width": "NONE",
            "display_name": "topic",
            "dependents": [],
        },
        "value": {
            "name": "topic",
            "value": None,
            "recommended_values": [],
            "errors": ['Missing required configuration "topic" which has no default value.'],
            "visible": True,
        },
    }

    # With a topic it is valid, and nothing was created by asking.
    status_code, answer = connect.ask("PUT", path, {**config, "topic": "lines"})
    assert (status_code, answer["error_count"]) == (200, 0)
    assert connect.ask("GET", "/connectors") == (200, [])


def in_state(state: str, status: dict[str, Any]) -> dict[str, Any]:
    """The same status, with the connector and all of its tasks in another state."""
    tasks = [{**task, "state": state} for task in status["tasks"]]
    return {**status, "connector": {**status["connector"], "state": state}, "tasks": tasks}
