"""Reading, altering and resetting offsets from outside (KIP-875): the part of ``Worker`` that talks to Kafka for it.

Rules of this room: these run on threads of their own, so a slow ``alterOffsets`` blocks nobody. The order of checks
and every text is Connect's; what is stored is the business of ``offset_store``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from mockconnect.core import errors
from mockconnect.core.answers import Answer, Json
from mockconnect.core.behaviour import AlteredOffsets, Behaviour
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import instantiated
from mockconnect.core.javahash import (
    DEFAULT_TABLE,
    bucket_order,
    bytes_hash,
    copied_table,
    hash_order,
    sized_table,
    string_hash,
    value_hash,
)
from mockconnect.core.javatext import parse_integer, value_text
from mockconnect.core.offset_store import Value, partition_key
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Reply, Steps, Within
from mockconnect.core.site import Site, run_code
from mockconnect.core.terms import Config
from mockconnect.core.topic_creation import offsets_topic_problem, topic_creation_problem
from mockconnect.core.worker_task import offsets_owner

Changes = Sequence[tuple[Mapping[str, Json] | None, Mapping[str, Json] | None]]
"""Partitions and offsets as a request has them: values may still be nested."""


class OffsetChanges:
    """The offsets of any connector, as one worker reads and changes them."""

    def __init__(self, site: Site, kafka: Callable[[], Reply[None]]) -> None:
        """``kafka`` is done when Kafka can be reached."""
        self._site = site
        self._kafka = kafka

    def read(self, name: str, config: Config) -> Steps[Answer]:
        """``ConnectorOffsets``: read at the end of the topic (source) or from the group (sink)."""
        plugin = self._plugin(config)
        yield self._kafka()
        yield self._site.timing.kafka_latency_ms * 2
        offsets = self._site.offsets.read(offsets_owner(plugin, name, config), self._site.sim.now_ms)
        partitions = [partition for partition, _ in offsets]
        order = _sink_order(partitions) if plugin.kind == "sink" else _source_order(name, partitions)
        rows: list[Json] = [
            {"partition": _hashed(offsets[at][0]), "offset": _hashed(offsets[at][1])} for at in order
        ]
        return {"offsets": rows}

    def modify(self, name: str, config: Config, offsets: Changes | None) -> Steps[Answer]:
        """Alter (or, with ``None``, reset) offsets; answers ``Message``."""
        plugin = self._plugin(config)
        behaviour = self._site.script.behaviour(name, plugin)
        owner = offsets_owner(plugin, name, config)
        yield self._site.timing.kafka_latency_ms * 2
        if plugin.kind == "sink":
            changes = sink_changes(offsets) if offsets is not None else None
        else:
            changes = _last_wins(offsets) if offsets is not None else None
        known = [(partition, None) for partition in self._site.offsets.partitions(owner)]
        asked = cast("Changes", known) if changes is None else changes
        managed = yield from self._ask_connector(name, config, plugin, behaviour, asked)
        if plugin.kind == "source" and changes is not None:
            _check_primitive(changes)
        if plugin.kind == "sink" and self._site.offsets.has_members(owner):
            raise errors.group_not_empty(name, "reset" if offsets is None else "alter")
        yield self._site.timing.kafka_write_ms
        if changes is None:
            self._site.offsets.forget(owner)
        elif plugin.kind == "source":
            self._site.offsets.commit(owner, cast("AlteredOffsets", changes))
        else:
            self._commit_to_group(name, config, behaviour, changes)
        return {"message": _message("reset" if offsets is None else "altered", managed)}

    def _commit_to_group(self, name: str, config: Config, behaviour: Behaviour, changes: Changes) -> None:
        """``alterSinkConnectorOffsets``: the broker takes what it can, and one refusal fails the whole request."""
        if any(offset is not None and cast("int", offset["kafka_offset"]) < 0 for _, offset in changes):
            raise errors.offsets_failed("sink", name)
        group, known = offsets_owner(self._plugin(config), name, config), self._site.statuses.knows_topic
        possible = [
            change for change in changes if change[0] and _exists(change[0], config, behaviour, known)
        ]
        if not self._site.offsets.has_group(group):  # there is nothing to delete an offset from
            possible = [change for change in possible if change[1] is not None]
        self._site.offsets.commit(group, cast("AlteredOffsets", possible))
        if not self._site.settings.version.has("groups_outlive_offsets"):
            self._site.offsets.forget_if_empty(group)
        if len(possible) < len(changes):
            raise errors.group_refused(name)

    def _ask_connector(
        self, name: str, config: Config, plugin: PluginDesc, behaviour: Behaviour, offsets: Changes
    ) -> Steps[bool]:
        """The connector's own ``alterOffsets`` on a fresh instance."""
        kind = plugin.kind
        if behaviour.alter_offsets == "unsupported":
            raise errors.offsets_unsupported(name)
        budget_ms = self._site.timing.offsets_timeout_ms
        script, class_name = self._site.script, plugin.class_name
        slow = script.slowness("alter_offsets", name, class_name)
        answered = yield Within(
            self._site.process.spawn(run_code(behaviour.alter_offsets_ms, slow)), budget_ms
        )
        if not answered:
            text = f"Timed out while calling the 'alterOffsets' method for {kind} connector {name}"
            raise ConnectError(500, text)
        failure = script.failure(behaviour, "alter_offsets", name, class_name=class_name)
        if failure is not None:
            if failure.exception.startswith("org.apache.kafka.connect.errors."):
                raise ConnectError(500, failure.message, failure.exception)
            raise errors.offsets_failed(kind, name)
        problem = behaviour.check_alter_offsets(config, cast("AlteredOffsets", offsets))
        if problem is not None:
            raise ConnectError(500, problem)
        return behaviour.alter_offsets == "true"

    def _plugin(self, config: Config) -> PluginDesc:
        plugin = instantiated(self._site.plugins, config)
        settings = self._site.settings
        problem = topic_creation_problem(plugin.kind, config, settings)
        problem = problem or offsets_topic_problem(plugin.kind, config, settings)
        if problem is not None:
            raise ConnectError(500, problem.message, problem.java_class)
        return plugin


def _exists(
    partition: Mapping[str, Json], config: Config, behaviour: Behaviour, known: Callable[[str], bool]
) -> bool:
    """Whether Kafka has this partition: a topic exists if the sink reads it or some connector has used it."""
    topic, number = cast("str", partition["kafka_topic"]), cast("int", partition["kafka_partition"])
    return 0 <= number < behaviour.topic_partitions and (behaviour.reads(config, topic) or known(topic))


# --- the order of rows: hash maps of Java --------------------------------------------------------------------------------


def _hashed(values: Mapping[str, Value]) -> dict[str, Json]:
    return {key: values[key] for key in hash_order(values)}


def _source_order(connector: str, partitions: Sequence[Mapping[str, Value]]) -> list[int]:
    """``OffsetStorageReaderImpl.offsets``: keyed by the partitions themselves, made for as many as there are.

    Inside a bucket the order is that of the raw map it is made from: a copy of a map keyed by the serialized keys.
    """
    keys = [bytes_hash(_serialized([connector, _hashed(partition)])) for partition in partitions]
    order = bucket_order(keys, DEFAULT_TABLE)
    order = [order[at] for at in bucket_order([keys[at] for at in order], copied_table(len(keys)))]
    own = [value_hash(partitions[at]) for at in order]
    return [order[at] for at in bucket_order(own, sized_table(len(own)))]


def _serialized(key: list[object]) -> bytes:
    """``JsonConverter`` without schemas."""
    return json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _sink_order(partitions: Sequence[Mapping[str, Value]]) -> list[int]:
    """``ListConsumerGroupOffsetsHandler``: keyed by ``TopicPartition``."""
    codes = [
        31 * (31 + cast("int", partition["kafka_partition"])) + string_hash(str(partition["kafka_topic"]))
        for partition in partitions
    ]
    return bucket_order(codes, DEFAULT_TABLE)


def _message(verb: str, managed: bool) -> str:
    if managed:
        return f"The offsets for this connector have been {verb} successfully"
    return (
        f"The Connect framework-managed offsets for this connector have been {verb} successfully. However, if this"
        f" connector manages offsets externally, they will need to be manually {verb} in the system that the connector"
        " uses."
    )


def _last_wins(offsets: Changes) -> Changes:
    """The same partition twice in one request: the last one counts."""
    merged: dict[str, tuple[Mapping[str, Json] | None, Mapping[str, Json] | None]] = {}
    for partition, offset in offsets:
        merged[partition_key(partition)] = (partition, offset)
    return list(merged.values())


def _check_primitive(changes: Changes) -> None:
    """``OffsetUtils.validateFormat``."""
    for pair in changes:
        for values in pair:
            for field, value in (values or {}).items():
                if isinstance(value, dict):
                    raise errors.nested_offset(field, "MAP")
                if isinstance(value, list):
                    raise errors.nested_offset(field, "ARRAY")
                if isinstance(value, int) and not -(2**63) <= value < 2**63:
                    raise errors.nested_offset(field, "class java.math.BigInteger")


# --- SinkUtils.parseSinkConnectorOffsets ------------------------------------------------------------------------------


def sink_changes(offsets: Changes) -> Changes:
    """Topic partitions and offsets of a sink; numbers may be texts. Raises 400 with Connect's texts."""
    merged: dict[tuple[str, int], tuple[Mapping[str, Json] | None, Mapping[str, Json] | None]] = {}
    for partition, offset in offsets:
        topic, number = _sink_partition(partition)
        at: Mapping[str, Json] | None = None
        if offset is not None:
            at = {"kafka_offset": _sink_offset(offset)}
        merged[topic, number] = ({"kafka_topic": topic, "kafka_partition": number}, at)
    return list(merged.values())


def _sink_partition(partition: Mapping[str, Json] | None) -> tuple[str, int]:
    if partition is None:
        raise errors.bad_request("The partition for a sink connector offset cannot be null or missing")
    if "kafka_topic" not in partition or "kafka_partition" not in partition:
        raise errors.bad_request(
            "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'"
        )
    topic, number = partition["kafka_topic"], partition["kafka_partition"]
    if topic is None:
        raise errors.bad_request("Kafka topic names must be valid strings and may not be null")
    if number is None:
        raise errors.bad_request("Kafka partitions must be valid numbers and may not be null")
    parsed = parse_integer(value_text(number), 32)
    if parsed is None:
        raise errors.bad_request(
            "Failed to parse the following Kafka partition value in the provided offsets: "
            f"'{value_text(number)}'. Partition values for sink connectors need to be integers."
        )
    return value_text(topic), parsed


def _sink_offset(offset: Mapping[str, Json]) -> int:
    if "kafka_offset" not in offset:
        raise errors.bad_request(
            "The offset for a sink connector should either be null or contain the key 'kafka_offset'"
        )
    text = value_text(offset["kafka_offset"])
    parsed = parse_integer(text, 64)
    if parsed is None:
        raise errors.bad_request(
            f"Failed to parse the following Kafka offset value in the provided offsets: '{text}'."
            " Offset values for sink connectors need to be integers."
        )
    return parsed
