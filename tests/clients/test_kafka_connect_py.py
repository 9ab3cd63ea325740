"""kafka-connect-py 1.0.0 (requests, click): its class and its command line `kc`, as its README uses them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kafka_connect import KafkaConnect
from requests.exceptions import HTTPError

from .conftest import SINK_CLASS, SOURCE_CLASS, CommandLine, Eventually, Settle, Target

TOPIC_MISSING = (
    "Connector configuration is invalid and contains the following 1 error(s):\n"
    'Missing required configuration "topic" which has no default value.\n'
    "You can also find the above list of errors at the endpoint"
    " `/connector-plugins/{connectorType}/config/validate`"
)


@pytest.fixture
def client(follower_url: str) -> KafkaConnect:
    return KafkaConnect(url=follower_url)


def states(status: dict[str, Any]) -> tuple[str, list[str]]:
    """The connector's state and those of its tasks, the way a human reads a status."""
    return status["connector"]["state"], [task["state"] for task in status["tasks"]]


def answer(error: pytest.ExceptionInfo[HTTPError]) -> tuple[int, str]:
    """What Connect said behind an HTTPError."""
    response = error.value.response
    assert response is not None
    body = response.json()
    assert body["error_code"] == response.status_code
    return body["error_code"], body["message"]


def test_server_info_and_plugins(client: KafkaConnect) -> None:
    info = client.get_cluster_info()
    assert list(info) == ["version", "commit", "kafka_cluster_id"]

    plugins = client.list_connector_plugins()
    assert {"class": SINK_CLASS, "type": "sink", "version": info["version"]} in plugins
    assert {"class": SOURCE_CLASS, "type": "source", "version": info["version"]} in plugins


def test_validate(client: KafkaConnect, name: str, source_config: dict[str, str]) -> None:
    good = client.validate_connector_config("FileStreamSource", {"name": name, **source_config})
    assert (good["name"], good["error_count"]) == (SOURCE_CLASS, 0)

    bad = client.validate_connector_config(
        "FileStreamSource", {"connector.class": SOURCE_CLASS, "name": name}
    )
    assert bad["error_count"] == 1
    (topic,) = [config["value"] for config in bad["configs"] if config["value"]["errors"]]
    assert topic == {
        "name": "topic",
        "value": None,
        "recommended_values": [],
        "errors": ['Missing required configuration "topic" which has no default value.'],
        "visible": True,
    }


def test_life_cycle(
    client: KafkaConnect,
    target: Target,
    name: str,
    sink_config: dict[str, str],
    eventually: Eventually,
    settle: Settle,
) -> None:
    # Created: the answer shows the config with the name in it, and no tasks yet.
    config = {**sink_config, "name": name}
    assert client.create_connector({"name": name, "config": sink_config}) == {
        "name": name,
        "config": config,
        "tasks": [],
        "type": "sink",
    }

    # The status is 404 until the owner has written one, so a client that waits must live with HTTPError.
    status = eventually(
        lambda: client.get_connector_status(name),
        lambda status: states(status) == ("RUNNING", ["RUNNING", "RUNNING"]),
        forgive=HTTPError,
    )
    assert (status["name"], status["type"]) == (name, "sink")
    assert {task["worker_id"] for task in status["tasks"]} <= target.worker_ids
    settle()

    # Read back.
    tasks = [{"connector": name, "task": 0}, {"connector": name, "task": 1}]
    assert client.get_connector(name) == {"name": name, "config": config, "tasks": tasks, "type": "sink"}
    assert client.get_connector_config(name) == config
    assert name in client.list_connectors()
    assert client.list_connectors(expand="status", pattern=name, state="running") == {
        name: {"status": status}
    }
    assert client.list_connectors(expand="info", pattern=name)[name]["info"]["tasks"] == tasks
    assert client.list_connectors(pattern=name, state="PAUSED") == []

    # Tasks.
    assert [task["id"] for task in client.list_connector_tasks(name)] == tasks
    assert client.list_connector_tasks(name)[1]["config"]["task.class"] == SINK_CLASS.replace(
        "Connector", "Task"
    )
    assert client.get_connector_task_status(name, 1) == status["tasks"][1]
    assert client.restart_connector_task(name, 1) is None
    settle()
    assert client.get_connector_status(name) == status

    # Resuming what runs changes nothing.
    assert client.resume_connector(name) is None
    settle()
    assert client.get_connector_status(name) == status

    # Pause and resume.
    assert client.pause_connector(name) is None
    settle()
    assert states(client.get_connector_status(name)) == ("PAUSED", ["PAUSED", "PAUSED"])
    client.resume_all_connectors(pattern=name, state="paused")
    settle()
    assert states(client.get_connector_status(name)) == ("RUNNING", ["RUNNING", "RUNNING"])

    # A new config replaces the old one, and the tasks follow it.
    config["tasks.max"] = "1"
    assert client.update_connector(name, config)["config"] == config
    settle()
    assert states(client.get_connector_status(name)) == ("RUNNING", ["RUNNING"])
    assert client.get_connector(name)["tasks"] == tasks[:1]

    # Stopped: no tasks are left. Resuming makes them anew.
    assert client.stop_connector(name) is None
    settle()
    assert states(client.get_connector_status(name)) == ("STOPPED", [])
    assert client.list_connector_tasks(name) == []
    client.resume_connector(name)
    settle()
    assert states(client.get_connector_status(name)) == ("RUNNING", ["RUNNING"])

    # Gone.
    assert client.delete_connector(name) is None
    settle()
    assert name not in client.list_connectors()
    with pytest.raises(HTTPError) as error:
        client.get_connector_status(name)
    assert answer(error) == (404, f"No status found for connector {name}")


def test_restart(client: KafkaConnect, name: str, source_config: dict[str, str], settle: Settle) -> None:
    client.update_connector(name, source_config)
    settle()
    status = client.get_connector_status(name)
    assert states(status) == ("RUNNING", ["RUNNING"])

    # The connector alone: 204, nothing to tell.
    assert client.restart_connector(name) is None
    settle()

    # This client writes its flags as True and False; Connect takes any case and answers with its plan.
    plan = client.restart_connector(name, include_tasks=True)
    assert states(plan) == ("RESTARTING", ["RESTARTING"])
    settle()
    assert client.get_connector_status(name) == status

    # Nothing has failed, so nothing is restarted.
    plan = client.restart_connector(name, include_tasks=True, only_failed=True)
    assert states(plan) == ("RUNNING", ["RUNNING"])
    settle()

    client.restart_all_connectors(include_tasks=True, pattern=name)
    settle()
    assert client.get_connector_status(name) == status


def test_topics(
    client: KafkaConnect, name: str, source_config: dict[str, str], eventually: Eventually, settle: Settle
) -> None:
    client.update_connector(name, source_config)
    eventually(
        lambda: client.list_connector_topics(name),
        lambda topics: topics == {name: {"topics": [source_config["topic"]]}},
    )
    client.stop_connector(name)
    settle()
    assert client.reset_connector_topics(name) is None
    settle()
    assert client.list_connector_topics(name) == {name: {"topics": []}}


def test_not_found(client: KafkaConnect) -> None:
    with pytest.raises(HTTPError) as error:
        client.get_connector("cl-none")
    assert answer(error) == (404, "Connector cl-none not found")
    with pytest.raises(HTTPError) as error:
        client.pause_connector("cl-none")
    assert answer(error) == (404, "Unknown connector cl-none")
    with pytest.raises(HTTPError) as error:
        client.restart_connector_task("cl-none", 0)
    assert answer(error) == (404, "Unknown connector: cl-none")

    # Of a restart that was refused this client keeps only the text of the answer.
    with pytest.raises(HTTPError) as error:
        client.restart_connector("cl-none")
    assert json.loads(str(error.value)) == {"error_code": 404, "message": "Unknown connector: cl-none"}


def test_duplicate_and_invalid(
    client: KafkaConnect, name: str, source_config: dict[str, str], settle: Settle
) -> None:
    client.create_connector({"name": name, "config": source_config})
    settle()
    with pytest.raises(HTTPError) as error:
        client.create_connector({"name": name, "config": source_config})
    assert answer(error) == (409, f"Connector {name} already exists")

    # An invalid config is refused before anybody looks whether the name is taken.
    del source_config["topic"]
    with pytest.raises(HTTPError) as error:
        client.create_connector({"name": name, "config": source_config})
    assert answer(error) == (400, TOPIC_MISSING)
    with pytest.raises(HTTPError) as error:
        client.update_connector(name, {**source_config, "name": "another"})
    assert answer(error) == (
        400,
        f"Connector name configuration (another) doesn't match connector name in the URL ({name})",
    )


def test_command_line(
    kc: CommandLine, name: str, source_config: dict[str, str], eventually: Eventually, settle: Settle
) -> None:
    assert sorted(kc("info").json) == ["commit", "kafka_cluster_id", "version"]
    assert SOURCE_CLASS in [plugin["class"] for plugin in kc("list-plugins").json]

    created = kc("update", name, "-d", json.dumps(source_config)).json
    assert created == {"name": name, "config": {**source_config, "name": name}, "tasks": [], "type": "source"}
    eventually(
        lambda: kc("status", name),
        lambda ran: ran.out.startswith("{") and states(ran.json) == ("RUNNING", ["RUNNING"]),
    )
    settle()

    assert kc("list", "--pattern", name).json == [name]
    assert kc("list", "--expand", "status", "-p", name, "-s", "failed").json == {}
    assert kc("get", name).json["tasks"] == [{"connector": name, "task": 0}]
    assert kc("config", name).json == {**source_config, "name": name}
    assert [task["id"] for task in kc("list-tasks", name).json] == [{"connector": name, "task": 0}]
    assert kc("task-status", name, "0").json["state"] == "RUNNING"
    assert kc("restart-task", name, "0").out == "null"
    settle()

    assert kc("pause", name).out == ""
    settle()
    assert states(kc("status", name).json) == ("PAUSED", ["PAUSED"])
    assert kc("resume", "--all", "--pattern", name, "-s", "paused").out == ""
    settle()
    assert states(kc("status", name).json) == ("RUNNING", ["RUNNING"])

    kc("restart", name, "--include-tasks")
    settle()
    assert states(kc("status", name).json) == ("RUNNING", ["RUNNING"])

    assert kc("delete", name).out == ""
    settle()
    assert kc("list", "--pattern", name).json == []


def test_command_line_errors(
    kc: CommandLine, follower_url: str, name: str, source_config: dict[str, str]
) -> None:
    # `kc` prints what went wrong and exits with 0 all the same.
    ran = kc("status", "cl-none")
    assert (ran.exit_code, ran.out) == (
        0,
        f"404 Client Error: Not Found for url: {follower_url}/connectors/cl-none/status",
    )
    ran = kc("restart", "cl-none")
    assert json.loads(ran.out) == {"error_code": 404, "message": "Unknown connector: cl-none"}

    del source_config["topic"]
    ran = kc("create", "-d", json.dumps({"name": name, "config": source_config}))
    assert ran.out == f"400 Client Error: Bad Request for url: {follower_url}/connectors"

    # It sends the config of `validate-config` as one JSON string, which no worker takes for a config.
    ran = kc("validate-config", "FileStreamSource", "-d", json.dumps({"name": name, **source_config}))
    assert ran.out == (
        "500 Server Error: Server Error for url: "
        f"{follower_url}/connector-plugins/FileStreamSource/config/validate"
    )
