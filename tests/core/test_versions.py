"""The table of versions, and what older versions answer differently inside core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mockconnect.catalog import apache_plugins, definition
from mockconnect.core import errors
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.errors import ConnectError
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.versions import (
    LACKING,
    NEWEST,
    OLDEST,
    REMOVED,
    SINCE,
    KafkaVersion,
    exists,
    has,
    in_force,
)

SOURCE = {"connector.class": "FileStreamSource", "topic": "t", "file": "f"}
UNKNOWN = {"name": "n", "config": {"connector.class": "Nope"}}


def number(text: str) -> tuple[int, int, int]:
    return KafkaVersion.parse(text).number


def started(*versions: str, **settings: Any) -> Cluster:
    workers = tuple(
        WorkerSettings(f"w{n}", port=8083 + n, version=KafkaVersion.parse(text), **settings)
        for n, text in enumerate(versions)
    )
    cluster = Cluster(ClusterOptions(workers=workers, plugins=apache_plugins(versions[0])))
    cluster.start()
    assert cluster.settle()
    return cluster


def ask(cluster: Cluster, operation: str, args: Mapping[str, Any], worker: str = "w0") -> Any:
    reply = cluster.submit(worker, operation, dict(args))
    cluster.sim.run_until(reply)
    return reply.result()


def refused(cluster: Cluster, operation: str, args: Mapping[str, Any], worker: str = "w0") -> ConnectError:
    with pytest.raises(ConnectError) as raised:
        ask(cluster, operation, args, worker)
    return raised.value


# --- the table --------------------------------------------------------------------------------------------------------


def test_rows_are_sorted_and_lie_in_the_simulated_range() -> None:
    borders = [
        border
        for feature, border in SINCE.items()
        if not feature.startswith(("jackson", "record", "strict_heads"))
    ]
    assert borders == sorted(borders)
    assert all(OLDEST <= border <= number(NEWEST) for border in SINCE.values())
    assert all(SINCE[feature] < until for feature, until in REMOVED.items())
    assert LACKING.keys() <= SINCE.keys()


@pytest.mark.parametrize(
    ("version", "feature", "expected"),
    [
        ("2.7.2", "tasks_config", False),
        ("2.8.0", "tasks_config", True),
        ("3.9.2", "tasks_config", True),
        ("4.0.0", "tasks_config", False),
        ("2.8.0", "relayed_errors_are_500", False),
        ("2.8.1", "relayed_errors_are_500", True),
        ("3.0.0", "relayed_errors_are_500", False),
        ("3.3.2", "relayed_errors_are_500", True),
        ("3.4.0", "relayed_errors_are_500", False),
        ("3.7.0", "initial_state_in_camel_case", True),
        ("3.7.1", "initial_state_in_camel_case", False),
    ],
)
def test_borders(version: str, feature: str, expected: bool) -> None:
    assert KafkaVersion.parse(version).has(feature) is expected
    assert has(number(version), feature) is expected


def test_values_in_force() -> None:
    rows = (((0, 0, 0), "a"), ((2, 8, 0), "b"), ((4, 0, 0), "c"))
    assert [in_force(rows, number(text)) for text in ("0.10.0", "2.8.0", "3.9.2", "4.0.0")] == [
        "a",
        "b",
        "b",
        "c",
    ]
    assert exists((3, 9, 1), None, (4, 0, 0))
    assert not exists((4, 0, 0), (2, 0, 0), (4, 0, 0))


@pytest.mark.parametrize(
    ("given", "shown", "commit"),
    [
        ("4.3.1", "4.3.1", "26b251a451ce941d"),
        ("2.8.2", "2.8.2", "3146c6ff4a24cc24"),
        ("3.9", "3.9.0", "unknown"),
        ("3.6", "3.6.0", "60e845626d8a465a"),
        ("0.10.1", "0.10.1.0", "3402a74efb23d1d4"),
        ("0.10.2.2", "0.10.2.2", "cd80bc412b9b9701"),
        ("4.3.1-mine", "4.3.1-mine", "unknown"),
    ],
)
def test_what_the_root_shows(given: str, shown: str, commit: str) -> None:
    version = KafkaVersion.parse(given)
    assert (version.text, version.commit) == (shown, commit)


# --- older workers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "fields"),
    [("0.11.0", ["name", "config", "tasks"]), ("1.0.0", ["name", "config", "tasks", "type"])],
)
def test_the_type_of_a_connector_is_told_since_1_0(version: str, fields: list[str]) -> None:
    cluster = started(version)
    created = ask(cluster, "create_connector", {"name": "a", "config": SOURCE}).info
    assert list(created) == fields
    assert created.get("type") is None
    assert cluster.settle()
    status = ask(cluster, "connector_status", {"name": "a"})
    assert status.get("type") == (None if version == "0.11.0" else "source")


def test_an_unknown_class_is_the_clients_fault_since_4_1() -> None:
    for version, status_code in (("4.0.2", 500), ("4.1.2", 400)):
        error = refused(started(version), "create_connector", UNKNOWN)
        assert error.status_code == status_code
        assert (error.message or "").startswith("Failed to find any class that implements Connector")


@pytest.mark.parametrize(
    ("version", "status_code", "prefix"),
    [
        ("2.5.1", 400, ""),
        ("2.6.0", 500, "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: "),
    ],
)
def test_validate_wraps_since_2_6(version: str, status_code: int, prefix: str) -> None:
    error = refused(started(version), "validate", {"plugin": "FileStreamSource", "config": {"a": "b"}})
    assert (error.status_code, error.message) == (
        status_code,
        f"{prefix}Connector config {{a=b}} contains no connector type",
    )


@pytest.mark.parametrize(("version", "status_code"), [("3.6.2", 500), ("3.7.2", 400)])
def test_sink_rules_are_exceptions_before_3_7(version: str, status_code: int) -> None:
    error = refused(
        started(version), "create_connector", {"name": "s", "config": {"connector.class": "FileStreamSink"}}
    )
    assert error.status_code == status_code
    assert "Must configure one of topics or topics.regex" in (error.message or "")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("0.10.2", "(use the endpoint `/{connectorType}/config/validate` to get a full list of errors)"),
        ("2.4.1", "at the endpoint `/{connectorType}/config/validate`"),
        ("2.5.0", "at the endpoint `/connector-plugins/{connectorType}/config/validate`"),
    ],
)
def test_where_the_errors_can_be_found(version: str, text: str) -> None:
    config = {**SOURCE, "tasks.max": "0"}
    error = refused(started(version), "create_connector", {"name": "a", "config": config})
    assert (error.status_code, text in (error.message or "")) == (400, True)


@pytest.mark.parametrize(
    ("version", "status_code", "prefix"),
    [
        ("2.8.0", 409, ""),
        ("2.8.2", 500, "Error trying to forward REST request: "),
        ("3.3.2", 500, "Error trying to forward REST request: "),
        ("3.4.1", 409, ""),
    ],
)
def test_relayed_errors(version: str, status_code: int, prefix: str) -> None:
    cluster = started(version, version)
    ask(cluster, "create_connector", {"name": "a", "config": SOURCE})
    assert cluster.settle()
    leader = cluster.leader
    follower = next(
        name for name, worker in cluster.workers.items() if worker is not leader and name != leader
    )
    error = refused(cluster, "create_connector", {"name": "a", "config": SOURCE}, follower)
    assert (error.status_code, error.message) == (status_code, f"{prefix}Connector a already exists")


def test_client_overrides_are_refused_by_default_before_3_0() -> None:
    config = {**SOURCE, "producer.override.acks": "1"}
    error = refused(started("2.8.2"), "create_connector", {"name": "a", "config": config})
    assert "The 'None' policy does not allow 'acks'" in (error.message or "")
    assert ask(started("3.0.0"), "create_connector", {"name": "a", "config": config}).created


def test_the_plugin_list_of_2_8_is_sorted_by_class() -> None:
    listed = ask(started("2.8.2"), "list_plugins", {"connectors_only": False})
    names = [plugin["class"].rpartition(".")[2] for plugin in listed]
    assert names == sorted(names)
    assert "MockSinkConnector" not in names
    assert {plugin["version"] for plugin in listed} == {"2.8.2", "1"}


def test_the_group_protocol_of_a_version() -> None:
    protocols = [
        WorkerSettings("w", version=KafkaVersion.parse(text)).protocol for text in ("2.2.2", "2.3.1", "2.4.0")
    ]
    assert protocols == ["eager", "compatible", "sessioned"]


def test_task_configs_are_tried_again_after_250_ms_before_3_5() -> None:
    assert not has((3, 4, 1), "reconfigure_backoff")
    assert has((3, 5, 0), "reconfigure_backoff")


def test_a_cluster_of_two_versions() -> None:
    cluster = started("3.9.1", "4.3.1")
    for worker in ("w0", "w1"):
        name = f"of-{worker}"
        assert ask(cluster, "create_connector", {"name": name, "config": SOURCE}, worker).created
        assert cluster.settle()
    old = ask(cluster, "connector_status", {"name": "of-w0"}, "w0")
    new = ask(cluster, "connector_status", {"name": "of-w0"}, "w1")
    assert "version" not in old["connector"]
    assert "version" in new["connector"]
    assert ask(cluster, "server_info", {}, "w0")["version"] == "3.9.1"
    assert refused(cluster, "create_connector", UNKNOWN, "w0").status_code == 500
    assert refused(cluster, "create_connector", UNKNOWN, "w1").status_code == 400


# --- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key", "absent", "present"),
    [
        ("JsonConverter", "schema.content", "4.1.2", "4.2.0"),
        ("Cast", "replace.null.with.default", "3.8.1", "3.9.1"),
        ("ReplaceField", "blacklist", "4.0.0", "3.9.1"),
        ("ExtractField", "field.syntax.version", "3.7.2", "3.8.1"),
        ("MirrorSourceConnector", "topics.blacklist", "4.0.2", "3.9.1"),
    ],
)
def test_keys_of_plugins(path: str, key: str, absent: str, present: str) -> None:
    assert key not in definition(f"apache/{path}", absent).keys
    assert key in definition(f"apache/{path}", present).keys


def test_an_empty_leader_url_was_an_error_of_its_own() -> None:
    assert errors.leader_url_is_null().status_code == 500
    assert errors.no_leader_url().status_code == 409


@pytest.mark.parametrize(
    ("text", "number"),
    [("7.6.1-ccs", (3, 6, 1)), ("8.0.0-ce", (4, 0, 0)), ("6.2.15-ccs", (2, 8, 15)), ("3.6.1-rc1", (3, 6, 1))],
)
def test_a_vendors_release_has_the_rules_of_its_kafka(text: str, number: tuple[int, int, int]) -> None:
    version = KafkaVersion.parse(text)
    assert (version.number, version.text) == (number, text)
