"""The framework's own keys of a connector config: ``ConnectorConfig``, ``SourceConnectorConfig``, ``SinkConnectorConfig``.

Rules of this room: tables. A row says what the key is, and from which Kafka version to which it exists; the functions
below only select rows and number them. Defaults that depend on the worker or on the connector (converters, plugin
versions) are put in by ``validation.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from mockconnect.core.configdef import ConfigDef, ConfigKey, Importance, Type, Value, Width
from mockconnect.core.validators import Spec, from_spec
from mockconnect.core.versions import EVER, Number, exists

Version = Number
ConnectorKind = Literal["source", "sink"]


@dataclass(frozen=True, slots=True)
class Row:
    """One framework key. ``order`` 0 means the next number of its group."""

    name: str
    type: Type
    default: Value
    importance: Importance
    group: str
    width: Width
    display_name: str
    validator: Spec = ()
    order: int = 0
    since: Version = (0, 0, 0)
    until: Version = EVER
    required: bool = False


_COMMON, _ERRORS = "Common", "Error Handling"
_EOS = "Exactly Once Support"
_STRICT_LIST: Spec = ("list_of",)
_ALIASES: Spec = ("all", ("non_null",), ("unique",))
_VERSION: Spec = ("plugin_version",)

# fmt: off
COMMON_ROWS: Final[tuple[Row, ...]] = (
    Row("name", "STRING", None, "HIGH", _COMMON, "MEDIUM", "Connector name", ("name",), required=True),
    Row("connector.class", "STRING", None, "HIGH", _COMMON, "LONG", "Connector class", required=True),
    Row(
        "connector.plugin.version", "STRING", None, "MEDIUM", _COMMON, "MEDIUM", "Connector version", _VERSION,
        since=(4, 1, 0),
    ),
    Row("tasks.max", "INT", 1, "HIGH", _COMMON, "SHORT", "Tasks max", ("range", 1)),
    Row("tasks.max.enforce", "BOOLEAN", True, "LOW", _COMMON, "SHORT", "Enforce tasks max", since=(3, 8, 0)),
    Row("key.converter", "CLASS", None, "LOW", _COMMON, "SHORT", "Key converter class", ("class", "converter")),
    Row(
        "key.converter.plugin.version", "STRING", None, "LOW", _COMMON, "SHORT", "Key converter version", _VERSION,
        since=(4, 1, 0),
    ),
    Row("value.converter", "CLASS", None, "LOW", _COMMON, "SHORT", "Value converter class", ("class", "converter")),
    Row(
        "value.converter.plugin.version", "STRING", None, "LOW", _COMMON, "SHORT", "Value converter version", _VERSION,
        since=(4, 1, 0),
    ),
    Row("header.converter", "CLASS", None, "LOW", _COMMON, "SHORT", "Header converter class", ("class", "header_converter"), since=(1, 1, 0)),
    Row(
        "header.converter.plugin.version", "STRING", None, "LOW", _COMMON, "SHORT", "Header converter version", _VERSION,
        since=(4, 1, 0),
    ),
    Row("transforms", "LIST", (), "LOW", "Transforms", "LONG", "Transforms", _ALIASES, since=(0, 10, 2)),
    Row("predicates", "LIST", (), "LOW", "Predicates", "LONG", "Predicates", _ALIASES, since=(2, 6, 0)),
    Row(
        "config.action.reload", "STRING", "restart", "LOW", _COMMON, "MEDIUM", "Reload Action",
        ("in", ("none", "restart")), since=(2, 0, 0),
    ),
    Row(
        "errors.retry.timeout", "LONG", 0, "MEDIUM", _ERRORS, "MEDIUM", "Retry Timeout for Errors", since=(2, 0, 0)
    ),
    Row(
        "errors.retry.delay.max.ms", "LONG", 60000, "MEDIUM", _ERRORS, "MEDIUM",
        "Maximum Delay Between Retries for Errors", since=(2, 0, 0),
    ),
    Row(
        "errors.tolerance", "STRING", "none", "MEDIUM", _ERRORS, "SHORT", "Error Tolerance",
        ("in", ("none", "all")), since=(2, 0, 0),
    ),
    Row("errors.log.enable", "BOOLEAN", False, "MEDIUM", _ERRORS, "SHORT", "Log Errors", since=(2, 0, 0)),
    Row(
        "errors.log.include.messages", "BOOLEAN", False, "MEDIUM", _ERRORS, "SHORT", "Log Error Details",
        since=(2, 0, 0),
    ),
)

SOURCE_ROWS: Final[tuple[Row, ...]] = (
    Row(
        "topic.creation.groups", "LIST", (), "LOW", "Topic Creation", "LONG", "Topic Creation Groups", _ALIASES,
        order=1, since=(2, 6, 0),
    ),
    Row(
        "exactly.once.support", "STRING", "requested", "MEDIUM", _EOS, "SHORT", "Exactly once support",
        ("in_any_case", ("requested", "required")), order=2, since=(3, 3, 0),
    ),
    Row(
        "transaction.boundary", "STRING", "poll", "MEDIUM", _EOS, "SHORT", "Transaction Boundary",
        ("in_any_case", ("poll", "interval", "connector")), order=3, since=(3, 3, 0),
    ),
    Row(
        "transaction.boundary.interval.ms", "LONG", None, "LOW", _EOS, "SHORT", "Transaction boundary interval",
        ("optional", ("range", 0)), order=4, since=(3, 3, 0),
    ),
    Row(
        "offsets.storage.topic", "STRING", None, "LOW", "offsets.topic", "LONG", "Offsets topic", ("non_empty",),
        order=1, since=(3, 3, 0),
    ),
)

SINK_ROWS: Final[tuple[Row, ...]] = (
    Row("topics", "LIST", (), "HIGH", _COMMON, "LONG", "Topics", order=4, until=(4, 2, 0)),
    Row("topics", "LIST", (), "HIGH", _COMMON, "LONG", "Topics", _STRICT_LIST, order=4, since=(4, 2, 0)),
    Row("topics.regex", "STRING", "", "HIGH", _COMMON, "LONG", "Topics regex", ("regex",), order=4, since=(1, 1, 0)),
    Row(
        "errors.deadletterqueue.topic.name", "STRING", "", "MEDIUM", _ERRORS, "MEDIUM",
        "Dead Letter Queue Topic Name", order=6, since=(2, 0, 0),
    ),
    Row(
        "errors.deadletterqueue.topic.replication.factor", "SHORT", 3, "MEDIUM", _ERRORS, "MEDIUM",
        "Dead Letter Queue Topic Replication Factor", order=7, since=(2, 0, 0),
    ),
    Row(
        "errors.deadletterqueue.context.headers.enable", "BOOLEAN", False, "MEDIUM", _ERRORS, "MEDIUM",
        "Enable Error Context Headers", order=8, since=(2, 0, 0),
    ),
)

# fmt: on
_ROWS: Final[Mapping[ConnectorKind, tuple[Row, ...]]] = {
    "source": (*COMMON_ROWS, *SOURCE_ROWS),
    "sink": (*COMMON_ROWS, *SINK_ROWS),
}

_COUNTER: Final[Mapping[str, str]] = {"Transforms": _COMMON, "Predicates": _COMMON}
"""Groups that are numbered along with another one."""


@lru_cache(maxsize=64)
def framework_def(kind: ConnectorKind, version: Version) -> ConfigDef:
    """The framework's definition for sources or sinks of one Kafka version."""
    return ConfigDef(_keys(framework_rows(kind, version)))


def framework_rows(kind: ConnectorKind, version: Version) -> list[Row]:
    """The rows of that definition."""
    return [row for row in _ROWS[kind] if exists(version, row.since, row.until)]


def _keys(rows: Iterable[Row]) -> Iterable[ConfigKey]:
    last: dict[str, int] = {}
    for row in rows:
        counter = _COUNTER.get(row.group, row.group)
        order = row.order or last.get(counter, 0) + 1
        if not row.order:
            last[counter] = order
        yield ConfigKey(
            row.name,
            row.type,
            row.required,
            row.default,
            from_spec(row.validator) if row.validator else None,
            row.importance,
            row.group,
            order,
            row.width,
            row.display_name,
        )
