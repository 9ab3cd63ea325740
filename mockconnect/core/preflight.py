"""Rules across keys that the framework has for sinks and for sources, beside those of each key.

Rules of this room: what is wrong is added to the entry of a key. A question to the connector may be answered by a failure
that it was given; nothing else of it is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from mockconnect.core import javaregex, javatext
from mockconnect.core.behaviour import Behaviour
from mockconnect.core.configdef import ConfigError, ConfigValue, parse_type
from mockconnect.core.connector_defs import ConnectorKind
from mockconnect.core.enrichment import own_class_loader
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.terms import Config
from mockconnect.core.validators import JavaError, null_pointer
from mockconnect.core.versions import Number, has

DLQ: Final = "errors.deadletterqueue.topic.name"
MAP_DEFAULT: Final = 'the return value of "java.util.Map.getOrDefault(Object, Object)"'


class ValidatingWorker(Protocol):
    """What validation needs of a worker's settings."""

    @property
    def group_id(self) -> str: ...

    @property
    def connector_client_config_override_policy(self) -> str: ...

    @property
    def exactly_once_source_enabled(self) -> bool: ...

    @property
    def config(self) -> tuple[tuple[str, str], ...]:
        """Further worker properties: the converters, ``connector.client.config.override.allowlist``."""


class Subject(Protocol):
    """A config that is validated, by whom, and what came of its values so far."""

    config: Config
    plugins: Plugins
    worker: ValidatingWorker
    distributed: bool
    plugin: PluginDesc
    values: dict[str, ConfigValue]

    @property
    def kind(self) -> ConnectorKind: ...

    def stage(self, text: str, duration_ms: int = 0) -> None:
        """Says what is done now."""


# --- SinkConnectorConfig.validate, DistributedHerder.validateSinkConnectorConfig ----------------------------------


def sink_rules(subject: Subject) -> None:
    if has(subject.plugins.version, "sink_rules_as_errors"):
        for key, problem in topic_problems(subject.config, subject.plugins.version):
            _add_error(subject, key, subject.config.get(key), problem)
    if subject.distributed:
        _group_id_rules(subject)


def _add_error(subject: Subject, key: str, value: str | None, problem: str) -> None:
    subject.values.setdefault(key, ConfigValue(key, value)).errors.append(problem)


def _group_id_rules(subject: Subject) -> None:
    group = subject.worker.group_id
    key = "consumer.override.group.id"
    if key in subject.config and has(subject.plugins.version, "group_id_override_check"):
        given = subject.config[key]
        entry = subject.values.setdefault(key, ConfigValue(key, given))
        if given == group:
            entry.errors.append(f"Consumer group {given} conflicts with Connect worker group {group}")
        return
    name = subject.values["name"].value
    if group == f"connect-{javatext.value_text(name)}":
        problem = (
            f"Consumer group for sink connector named {name} conflicts with Connect worker group {group}"
        )
        subject.values["name"].errors.append(problem)


def topic_problems(config: Config, version: Number) -> Iterable[tuple[str, str]]:
    """``SinkConnectorConfig.validate``; up to 3.6 the first problem ends the validation."""
    current = has(version, "sink_rules_as_errors")
    topics, pattern = config.get("topics"), config.get("topics.regex")
    dlq = config.get(DLQ, "")
    if dlq is None and current:
        raise null_pointer("String.trim()", MAP_DEFAULT)
    dlq = javatext.trim(dlq or "")
    both = not javatext.is_blank(topics), not javatext.is_blank(pattern)
    if all(both):
        problem = "topics and topics.regex are mutually exclusive options, but both are set."
        yield from (("topics", problem), ("topics.regex", problem))
    if not any(both):
        problem = "Must configure one of topics or topics.regex"
        yield from (("topics", problem), ("topics.regex", problem))
    if not dlq or not has(version, "dlq_rules"):
        return
    if topics is not None and both[0] and dlq in (listed := _topic_list(topics)):
        named = "topics" if current else "topics.regex"  # The older text names the wrong key.
        shown = f"'{named}={javatext.value_text(listed)}'"
        problem = f"The DLQ topic '{dlq}' may not be included in the list of topics ({shown}) consumed by the connector"
        yield "topics", problem
    if pattern is not None and both[1]:
        if (invalid := javaregex.error_of(pattern)) is not None:
            raise JavaError("java.util.regex.PatternSyntaxException", invalid)
        if javaregex.matches(pattern, dlq):
            verb = "matched by the regex for" if current else "included in the regex matching"
            yield (
                "topics.regex",
                f"The DLQ topic '{dlq}' may not be {verb} the topics ('topics.regex={pattern}') consumed by the connector",
            )


def _topic_list(text: str) -> tuple[str, ...]:
    parsed = parse_type("topics", text, "LIST", lambda name: name)
    assert isinstance(parsed, tuple), parsed
    return tuple(dict.fromkeys(topic for topic in parsed if topic))


# --- DistributedHerder.validateSourceConnectorConfig ----------------------------------------------------------------

_NO_EXACTLY_ONCE_API: Final = (
    "The connector does not implement the API required for preflight validation of exactly-once source support."
    " Please consult the documentation for the connector to determine whether it supports {},"
    ' and then consider reconfiguring the connector to use the value "requested" for this property'
    " (which will disable this preflight check and allow the connector to be created)."
)
_NULL_BOUNDARIES: Final = (
    "This connector has returned a null value from its canDefineTransactionBoundaries method, which is not permitted."
    " The connector will be treated as if it cannot define its own transaction boundaries,"
    " and cannot be configured with 'transaction.boundary' set to 'connector'."
)
_NO_BOUNDARIES: Final = (
    "The connector does not support connector-defined transaction boundaries with the given configuration."
    " Please reconfigure it to use a different transaction boundary definition."
)


def source_rules(subject: Subject) -> None:
    if subject.distributed and has(subject.plugins.version, "eos_preflight"):
        _exactly_once_rule(subject)
        _transaction_boundary_rule(subject)


def _exactly_once_rule(subject: Subject) -> None:
    entry = subject.values["exactly.once.support"]
    if entry.errors or str(entry.value).upper() != "REQUIRED":
        return
    if not subject.worker.exactly_once_source_enabled:
        entry.errors.append("This worker does not have exactly-once source support enabled.")
    problem = _exactly_once_problem(subject)
    if problem is not None:
        entry.errors.append(problem)


def _exactly_once_problem(subject: Subject) -> str | None:
    behaviour = subject.plugin.behaviour
    if behaviour is None:
        return _no_exactly_once_api(subject)
    if behaviour.parses_config:
        try:
            subject.plugins.config_def(subject.plugin).parse(
                subject.config, own_class_loader(subject.plugins, subject.plugin)
            )
        except ConfigError as error:
            return _unexpected(str(error))
    for failure in behaviour.failures_at("exactly_once"):
        return _unexpected(failure.message)
    answer = behaviour.supports_exactly_once(subject.config)
    if answer == "unsupported":
        what = _exactly_once(subject, "delivery guarantees")
        return f"The connector does not support {what} with the provided configuration."
    return _no_exactly_once_api(subject) if answer == "unknown" else None


def _no_exactly_once_api(subject: Subject) -> str:
    return _NO_EXACTLY_ONCE_API.format(_exactly_once(subject, "guarantees"))


def _exactly_once(subject: Subject, before: str) -> str:
    return f"exactly-once {'semantics' if has(subject.plugins.version, 'exactly_once_semantics_text') else before}"


def _transaction_boundary_rule(subject: Subject) -> None:
    entry = subject.values["transaction.boundary"]
    if entry.errors or str(entry.value).upper() != "CONNECTOR":
        return
    behaviour = subject.plugin.behaviour or Behaviour()
    for failure in behaviour.failures_at("transaction_boundaries"):
        entry.errors.append(_unexpected(failure.message))
        return
    answer = behaviour.transaction_boundaries
    if answer != "supported":
        entry.errors.append(_NULL_BOUNDARIES if answer == "null" else _NO_BOUNDARIES)


def _unexpected(message: str | None) -> str:
    """What a question to the connector becomes that it answers with an exception."""
    detail = javatext.trim(message or "")
    shown = f": {detail}" if detail else "; please see the worker logs for more details."
    return f"An unexpected error occurred during validation{shown}"
