"""kafka-connect-api 0.5.10 (requests): objects for cluster, connectors and tasks, looked up live."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from kafka_connect_api.errors import (
    ConnectApiException,
    ConnectGenericException,
    GenericConflict,
    GenericNotFound,
)
from kafka_connect_api.kafka_connect_api import Api, Cluster, Connector

from .conftest import SINK_CLASS, SOURCE_CLASS, Eventually, Settle, Target

OUR_LOGGER = "cl.example"


@pytest.fixture
def cluster(follower_url: str) -> Cluster:
    at = urlsplit(follower_url)
    return Cluster(Api(at.hostname, port=at.port))


def task_states(connector: Connector) -> list[str]:
    return [task.state for task in connector.tasks]


def answer(error: pytest.ExceptionInfo[ConnectGenericException]) -> tuple[int, str]:
    """What Connect said; 404 and 409 carry it as a tuple of one, the rest as it is."""
    details = error.value.details
    body = details[0] if isinstance(details, tuple) else details
    assert body["error_code"] == error.value.code
    return body["error_code"], body["message"]


def test_cluster(cluster: Cluster, follower_url: str) -> None:
    assert list(cluster.get()) == ["version", "commit", "kafka_cluster_id"]
    assert repr(cluster) == f"{follower_url} - {cluster.version} - {cluster.kafka_cluster}"
    plugins = cluster.api.get("/connector-plugins")
    assert {"class": SINK_CLASS, "type": "sink", "version": cluster.version} in plugins


def test_validate(cluster: Cluster, name: str, source_config: dict[str, str]) -> None:
    path = f"/connector-plugins/{SOURCE_CLASS}/config/validate"
    assert cluster.api.put(path, json={**source_config, "name": name})["error_count"] == 0
    assert cluster.api.put(path, json={"connector.class": SOURCE_CLASS, "name": name})["error_count"] == 1


def test_life_cycle(
    cluster: Cluster,
    target: Target,
    name: str,
    sink_config: dict[str, str],
    eventually: Eventually,
    settle: Settle,
) -> None:
    # Setting the config of a connector that does not exist creates it.
    connector = Connector(cluster, name)
    connector.config = sink_config
    eventually(lambda: connector.state, lambda state: state == "RUNNING", forgive=ConnectGenericException)
    eventually(
        lambda: task_states(connector),
        lambda states: states == ["RUNNING", "RUNNING"],
        forgive=ConnectGenericException,
    )
    settle()

    assert connector.exists()
    assert name in cluster.connectors
    assert connector.config == {**sink_config, "name": name}
    assert connector.connector_class == SINK_CLASS
    running = connector.status
    assert running["connector"]["worker_id"] in target.worker_ids

    # Tasks: each knows its config and looks up its status.
    first, second = connector.tasks
    assert (repr(first), repr(second)) == (f"{name}.0", f"{name}.1")
    assert second.config["topics"] == sink_config["topics"]
    assert second.status == running["tasks"][1]
    assert second.is_running()
    second.restart()
    settle()
    connector.restart_all_tasks()
    settle()
    assert connector.status == running

    # Resuming what runs changes nothing.
    connector.resume()
    settle()
    assert connector.status == running

    connector.pause()
    settle()
    assert (connector.state, task_states(connector)) == ("PAUSED", ["PAUSED", "PAUSED"])
    assert not second.is_running()
    connector.resume()
    settle()
    assert connector.status == running

    connector.restart()
    settle()
    assert connector.status == running

    # Pause, restart of every task and resume, one right after the other.
    connector.cycle_connector()
    settle()
    assert connector.status == running

    # A new config: one task fewer.
    connector.config = {**connector.config, "tasks.max": "1"}
    settle()
    assert (connector.state, task_states(connector)) == ("RUNNING", ["RUNNING"])

    connector.delete()
    settle()
    assert name not in cluster.connectors
    with pytest.raises(GenericNotFound) as error:
        _ = connector.state
    assert answer(error) == (404, f"No status found for connector {name}")


def test_through_the_raw_api(
    cluster: Cluster, name: str, source_config: dict[str, str], eventually: Eventually, settle: Settle
) -> None:
    """What has no object of its own goes through `Api`, which raises the same errors."""
    created = cluster.api.post("/connectors", json={"name": name, "config": source_config})
    assert created == {"name": name, "config": {**source_config, "name": name}, "tasks": [], "type": "source"}
    settle()

    plan = cluster.api.post(f"/connectors/{name}/restart?includeTasks=true")
    assert [plan["connector"]["state"], plan["tasks"][0]["state"]] == ["RESTARTING", "RESTARTING"]
    settle()

    # The topic is known with the first record; the offsets of a source are there when it has been stopped.
    topics = {name: {"topics": [source_config["topic"]]}}
    eventually(lambda: cluster.api.get(f"/connectors/{name}/topics"), lambda seen: seen == topics)
    assert cluster.api.put_raw(f"/connectors/{name}/stop").status_code == 204
    settle()
    assert Connector(cluster, name).state == "STOPPED"
    assert Connector(cluster, name).tasks == []
    (entry,) = cluster.api.get(f"/connectors/{name}/offsets")["offsets"]
    assert entry["partition"] == {"filename": source_config["file"]}
    assert entry["offset"]["position"] > 0
    reset = cluster.api.delete(f"/connectors/{name}/offsets")
    assert reset == {"message": "The offsets for this connector have been reset successfully"}
    assert cluster.api.get(f"/connectors/{name}/offsets") == {"offsets": []}

    assert cluster.api.put_raw(f"/connectors/{name}/topics/reset").status_code == 202
    settle()
    assert cluster.api.get(f"/connectors/{name}/topics") == {name: {"topics": []}}


def test_loggers(cluster: Cluster) -> None:
    assert cluster.root_logger == {"level": "INFO", "last_modified": None}

    # The client changes only loggers that the worker lists; Connect makes one of any name that is set.
    with pytest.raises(ValueError, match="Logger not found on the cluster"):
        cluster.set_logger_log_level("cl.unheard.of", "WARN")
    assert cluster.api.put(f"/admin/loggers/{OUR_LOGGER}", json={"level": "WARN"}) == [OUR_LOGGER]
    assert cluster.set_logger_log_level(OUR_LOGGER, "ERROR") == [OUR_LOGGER]
    logger = cluster.loggers[OUR_LOGGER]
    assert logger["level"] == "ERROR"
    assert isinstance(logger["last_modified"], int)

    # Setting the root logger sets all others too: ours follows.
    cluster.root_logger = "INFO"
    assert cluster.loggers[OUR_LOGGER]["level"] == "INFO"

    # CRITICAL is a level to this client, but not to Connect.
    with pytest.raises(GenericNotFound) as error:
        cluster.root_logger = "CRITICAL"
    assert answer(error) == (404, "invalid log level 'CRITICAL'.")


def test_errors(cluster: Cluster, name: str, source_config: dict[str, str], settle: Settle) -> None:
    missing = Connector(cluster, "cl-none")
    with pytest.raises(GenericNotFound) as not_found:
        missing.exists()
    assert answer(not_found) == (404, "Connector cl-none not found")
    with pytest.raises(GenericNotFound) as not_found:
        missing.pause()
    assert answer(not_found) == (404, "Unknown connector cl-none")
    with pytest.raises(GenericNotFound) as not_found:
        missing.delete()
    assert answer(not_found) == (404, "Connector cl-none not found")

    cluster.api.post("/connectors", json={"name": name, "config": source_config})
    settle()
    with pytest.raises(GenericConflict) as conflict:
        cluster.api.post("/connectors", json={"name": name, "config": source_config})
    assert answer(conflict) == (409, f"Connector {name} already exists")

    with pytest.raises(ConnectApiException) as invalid:
        Connector(cluster, name).config = {**source_config, "tasks.max": "dog"}
    status_code, message = answer(invalid)
    assert status_code == 400
    assert message.splitlines()[:2] == [
        "Connector configuration is invalid and contains the following 2 error(s):",
        "Invalid value dog for configuration tasks.max: Not a number of type INT",
    ]
