"""Offsets read and changed from outside, as recorded on real workers."""

from __future__ import annotations

from typing import Any

import pytest
from scene import Scene

from mockconnect.core.declared import simulated_connector
from mockconnect.core.plugin_desc import PluginDesc

Row = tuple[dict[str, Any] | None, dict[str, Any] | None]


def plugin(kind: str) -> PluginDesc:
    return simulated_connector(
        f"com.example.{kind.title()}",
        kind,
        alter_offsets="true",
        records_per_second=0,  # type: ignore[arg-type]
    )


def stopped(name: str, kind: str, **config: str) -> Scene:
    scene = Scene({name: plugin(kind)}, workers=1)
    if config:
        given = {"connector.class": plugin(kind).class_name, **config}
        scene.ask(0, "put_connector_config", name=name, config=given)
    scene.ask(0, "stop_connector", name=name)
    assert scene.cluster.settle()
    return scene


def alter(scene: Scene, name: str, *rows: Row) -> Any:
    return scene.ask(0, "alter_offsets", name=name, offsets=rows)


def listed(scene: Scene, name: str) -> list[tuple[Any, Any]]:
    rows = scene.ask(0, "connector_offsets", name=name)["offsets"]
    return [(row["partition"], row["offset"]) for row in rows]


def test_partitions_come_in_the_order_of_a_java_map_keyed_by_maps() -> None:
    scene = stopped("source", "source")
    alter(scene, "source", ({"task": "1"}, {"position": 3}), ({"task": "0"}, {"position": 3}))
    assert [row[0] for row in listed(scene, "source")] == [{"task": "1"}, {"task": "0"}]
    alter(scene, "source", ({"task": "0"}, None), ({"task": "7"}, {"position": 8}), ({}, {}))
    assert listed(scene, "source") == [
        ({}, {}),
        ({"task": "7"}, {"position": 8}),
        ({"task": "1"}, {"position": 3}),
    ]


def test_keys_of_offsets_come_in_hash_order() -> None:
    scene = stopped("file", "source")
    alter(scene, "file", ({"filename": "f", "x": 1}, {"position": 1, "b": 2}))
    assert [list(part) for part in listed(scene, "file")[0]] == [["filename", "x"], ["b", "position"]]


def test_a_null_partition_is_stored_and_never_listed() -> None:
    scene = stopped("source", "source")
    alter(scene, "source", (None, {"a": 1}))
    assert listed(scene, "source") == []


@pytest.mark.parametrize(("topic", "partition"), [("no-such-topic", 0), ("t", 99), ("t", -1), ("", 0)])
def test_a_group_has_offsets_only_of_partitions_that_exist(topic: str, partition: int) -> None:
    scene = stopped("sink", "sink")
    wrong: Row = ({"kafka_topic": topic, "kafka_partition": partition}, {"kafka_offset": 1})
    right: Row = ({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": 5})
    refused = scene.error(0, "alter_offsets", name="sink", offsets=(wrong, right))
    assert refused == (500, "Failed to alter consumer group offsets for connector sink")
    # The broker takes each partition by itself.
    assert listed(scene, "sink") == [({"kafka_partition": 0, "kafka_topic": "t"}, {"kafka_offset": 5})]


def test_a_negative_offset_is_refused_before_the_broker_sees_anything() -> None:
    scene = stopped("sink", "sink")
    row: Row = ({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": -1})
    refused = scene.error(0, "alter_offsets", name="sink", offsets=(row,))
    assert refused == (500, "Failed to modify offsets for sink connector sink")


def test_topics_that_a_pattern_means_or_that_somebody_uses_exist() -> None:
    scene = stopped("sink", "sink", **{"topics.regex": "log\\..*"})
    row: Row = ({"kafka_topic": "log.a", "kafka_partition": 3}, {"kafka_offset": 1})
    assert "successfully" in alter(scene, "sink", row)["message"]


def test_without_a_group_there_is_no_offset_to_delete() -> None:
    scene = stopped("sink", "sink")
    row: Row = ({"kafka_topic": "t", "kafka_partition": 0}, None)
    alter(scene, "sink", row)
    alter(scene, "sink", row)  # the group is still there, without offsets
    scene.ask(0, "reset_offsets", name="sink")
    scene.ask(0, "reset_offsets", name="sink")
    refused = scene.error(0, "alter_offsets", name="sink", offsets=(row,))
    assert refused == (500, "Failed to alter consumer group offsets for connector sink")
    alter(scene, "sink", (row[0], {"kafka_offset": 3}))
    assert listed(scene, "sink") == [(row[0], {"kafka_offset": 3})]
