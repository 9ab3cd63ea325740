"""Three workers with three sets of plugins, as in the middle of a rolling upgrade.

What a worker lacks it can neither validate nor run. Who answers a request decides what the client is told, and who is
dealt the work decides what becomes of it: nothing in Connect looks for a worker that would do.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import mockconnect
from mockconnect.hosting import RunningCluster

JDBC = "com.example.JdbcSourceConnector"
OLD = mockconnect.simulated_connector(JDBC, "source", "1.0", keys=["url"])
NEW = mockconnect.simulated_connector(JDBC, "source", "2.0", keys=["url", {"name": "user", "required": True}])
CONFIG = {"connector.class": JDBC, "url": "jdbc:h2:mem:", "tasks.max": "3"}
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
NAMES = ("old", "bare", "new")
CONNECT_EXCEPTION = "org.apache.kafka.connect.errors.ConnectException"
BAD_REQUEST = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException"
NOT_FOUND = f"Failed to find any class that implements Connector and which name matches {JDBC}, available connectors are: "
MISSING_USER = 'Missing required configuration "user" which has no default value.'


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    """The leader has the old version, the second worker none, the third the new one."""
    workers: list[Any] = [
        {"name": "old", "plugins": [OLD]},
        {"name": "bare", "plugins": ["!file-sink"]},
        {"name": "new", "plugins": [NEW]},
    ]
    with mockconnect.start(workers=workers) as running:
        assert running.leader is not None
        assert running.leader.name == "old"
        yield running


def ask(cluster: RunningCluster, worker: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status code and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        cluster.worker(worker).url + path, data, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def create(cluster: RunningCluster, worker: str, **more: str) -> tuple[int, Any]:
    return ask(cluster, worker, "POST", "/connectors", {"name": "db", "config": {**CONFIG, **more}})


def validate(cluster: RunningCluster, worker: str, **more: str) -> tuple[int, Any]:
    body = {**CONFIG, "name": "db", **more}
    return ask(cluster, worker, "PUT", "/connector-plugins/JdbcSource/config/validate", body)


def ids(cluster: RunningCluster) -> dict[str, str]:
    return {name: cluster.worker(name).id for name in NAMES}


def task_of(cluster: RunningCluster, worker: str) -> dict[str, Any]:
    """The task that a worker was dealt, as another one shows it."""
    _, status = ask(cluster, "old", "GET", "/connectors/db/status")
    (found,) = [task for task in status["tasks"] if task["worker_id"] == ids(cluster)[worker]]
    return dict(found)


def unrecognizable(task: dict[str, Any]) -> str:
    return f"Failed to start task db-{task['id']} since it is not a recognizable type (source or sink)"


def test_three_workers_with_three_sets_of_plugins(cluster: RunningCluster) -> None:
    # Each worker lists what it has itself.
    listed = {
        name: {one["class"]: one["version"] for one in ask(cluster, name, "GET", "/connector-plugins")[1]}
        for name in NAMES
    }
    assert [listed[name].get(JDBC) for name in NAMES] == ["1.0", None, "2.0"]
    assert [listed[name].get(FILE_SINK) for name in NAMES] == ["4.3.1", None, "4.3.1"]

    # Each validates with what it has itself.
    assert validate(cluster, "old")[1]["error_count"] == 0
    by_new = validate(cluster, "new")[1]
    errors = [one["value"]["errors"] for one in by_new["configs"] if one["value"]["errors"]]
    assert (by_new["error_count"], errors) == (1, [[MISSING_USER]])
    status_code, by_bare = validate(cluster, "bare")
    assert status_code == 500
    assert by_bare["message"].startswith(f"{BAD_REQUEST}: {NOT_FOUND}PluginDesc{{klass=class {FILE_SOURCE}, ")

    # A create is validated where it arrives; what is wrong there never reaches the leader.
    status_code, answer = create(cluster, "bare")
    assert status_code == 400
    assert answer["message"].startswith(f"{CONNECT_EXCEPTION}: {NOT_FOUND}")  # it remembers the first time
    status_code, answer = create(cluster, "new")
    assert status_code == 400
    assert MISSING_USER in answer["message"]
    assert ask(cluster, "old", "GET", "/connectors") == (200, [])
    assert create(cluster, "new", user="me")[0] == 201

    # The work is dealt without a look at plugins: each worker runs what it has, or fails.
    cluster.advance("10s")
    status = ask(cluster, "old", "GET", "/connectors/db/status")[1]
    tasks = {
        name: task for name in NAMES for task in status["tasks"] if task["worker_id"] == ids(cluster)[name]
    }
    assert [tasks[name]["state"] for name in NAMES] == ["RUNNING", "FAILED", "RUNNING"]
    assert [tasks[name].get("version") for name in NAMES] == ["1.0", None, "2.0"]
    assert tasks["bare"]["trace"].startswith(f"{CONNECT_EXCEPTION}: {unrecognizable(tasks['bare'])}\n\tat ")

    # Everybody knows that, but the worker without the class does not know what sort of connector it is.
    assert status["type"] == "source"
    assert ask(cluster, "new", "GET", "/connectors/db/status")[1] == status
    assert ask(cluster, "bare", "GET", "/connectors/db/status")[1] == {**status, "type": "unknown"}
    assert ask(cluster, "bare", "GET", "/connectors/db")[1]["type"] == "unknown"
    assert ask(cluster, "bare", "GET", "/connectors/db/offsets")[0] == 500


def test_a_restart_where_the_class_is_missing_does_not_help(cluster: RunningCluster) -> None:
    assert create(cluster, "new", user="me")[0] == 201
    cluster.advance("10s")
    failed = task_of(cluster, "bare")
    # Alone it fails again, and says why; all together it looks for ever as if something were still going on.
    status_code, answer = ask(cluster, "old", "POST", f"/connectors/db/tasks/{failed['id']}/restart")
    assert (status_code, answer["message"]) == (500, unrecognizable(failed))
    assert ask(cluster, "old", "POST", "/connectors/db/restart?includeTasks=true&onlyFailed=true")[0] == 202
    cluster.advance("10m")
    assert task_of(cluster, "bare")["state"] == "RESTARTING"
    # A worker that gets the class, and for that a new process, runs the task.
    cluster.worker("bare").set_plugins([OLD])
    cluster.stop("bare")
    cluster.start("bare")
    cluster.wait_for("db", state="RUNNING", tasks=3, within="10m")


def test_a_connector_that_is_dealt_to_a_worker_without_its_class_fails(cluster: RunningCluster) -> None:
    file_sink = {"connector.class": FILE_SINK, "topics": "t", "file": "f"}
    for number in range(3):
        ask(cluster, "new", "POST", "/connectors", {"name": f"sink-{number}", "config": file_sink})
        cluster.advance("10s")
    statuses = [ask(cluster, "old", "GET", f"/connectors/sink-{number}/status")[1] for number in range(3)]
    (failed,) = [one for one in statuses if one["connector"]["state"] == "FAILED"]
    assert failed["connector"]["worker_id"] == ids(cluster)["bare"]
    assert failed["connector"]["trace"].startswith(
        f"{CONNECT_EXCEPTION}: {NOT_FOUND.replace(JDBC, FILE_SINK)}"
    )
    assert failed["tasks"] == []
    assert ask(cluster, "old", "POST", f"/connectors/{failed['name']}/restart") == (
        500,
        {"error_code": 500, "message": f"Failed to start connector: {failed['name']}"},
    )


def test_what_the_leader_lacks_is_refused_with_the_leaders_words() -> None:
    with mockconnect.start(workers=[{"name": "bare"}, {"name": "new", "plugins": [NEW]}]) as cluster:
        assert validate(cluster, "new", user="me")[1]["error_count"] == 0
        status_code, answer = create(cluster, "new", user="me")
        assert status_code == 400
        assert answer["message"].startswith(NOT_FOUND)


@pytest.mark.parametrize(("kafka_version", "status_code"), [("3.9", 500), ("4.0", 500), ("4.1", 400)])
def test_a_missing_class_became_the_clients_fault_in_4_1(kafka_version: str, status_code: int) -> None:
    with mockconnect.start(workers=2, kafka_version=kafka_version) as cluster:
        assert create(cluster, "connect-1")[0] == status_code
        assert validate(cluster, "connect-1")[0] == 500


def test_a_connector_that_is_there_from_the_start_has_tasks_if_any_worker_has_its_class() -> None:
    workers: list[Any] = [{"name": "bare"}, {"name": "new", "plugins": [NEW]}]
    connectors = [{"name": "db", "config": {**CONFIG, "user": "me"}}]
    with mockconnect.start(workers=workers, connectors=connectors) as cluster:
        cluster.advance("1m")
        assert len(ask(cluster, "bare", "GET", "/connectors/db/tasks")[1]) == 3
