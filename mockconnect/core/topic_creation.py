"""What a source connector says of topics, read when it is started: ``topic.creation.*`` and ``offsets.storage.topic``.

Rules of this room: pure functions. Validation looks at ``topic.creation.groups`` only, so what is wrong with the rest shows
as a FAILED connector. As soon as a config has one key with the prefix, the default group must be complete. A topic for
offsets is made as soon as the connector's thread begins; only its name can be wrong here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mockconnect.core import javaregex
from mockconnect.core.behaviour import list_items
from mockconnect.core.configdef import ConfigDef, ConfigError, ConfigKey, Value
from mockconnect.core.javatext import trim
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.traces import CONNECT_EXCEPTION, FRAMES, Throwable
from mockconnect.core.validators import non_null

_PREFIX: Final = "topic.creation."
_DEFAULT: Final = "default"
_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]+")
_NAME_LENGTH_MAX: Final = 249
_PARTITIONS: Final = "Number of partitions must be positive, or -1 to use the broker's default"
_REPLICATION: Final = (
    "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster,"
    " or -1 to use the broker's default"
)


def topic_creation_problem(
    kind: str, config: Mapping[str, str | None], settings: WorkerSettings
) -> Throwable | None:
    """What keeps a source connector with this config, its tasks and changes of its offsets from being made."""
    creates = kind == "source" and settings.topic_creation_enable and settings.version.has("topic_creation")
    if not creates or not any(key.startswith(_PREFIX) for key in config):
        return None
    try:
        _parse(_DEFAULT_GROUP, _DEFAULT, config)
        groups = list_items(config.get(f"{_PREFIX}groups"))
        if _DEFAULT in groups and not settings.version.has("default_group_named"):
            raise ConfigError(f"Configuration {_PREFIX}{_DEFAULT}.include is defined twice.")
        for group in dict.fromkeys(groups):
            if group != _DEFAULT:
                _parse(_GROUP, group, config)
    except ConfigError as error:
        frames = FRAMES["connector_instantiate"][1:]
        return Throwable("org.apache.kafka.common.config.ConfigException", str(error), frames)
    return None


def offsets_topic_problem(
    kind: str, config: Mapping[str, str | None], settings: WorkerSettings
) -> Throwable | None:
    """What ``TopicAdmin`` has against the topic that a source connector wants for its offsets."""
    topic = trim(config.get("offsets.storage.topic") or "")
    if kind != "source" or not topic or not settings.version.has("own_offsets_topics"):
        return None
    invalid = _invalid_name(topic)
    if invalid is None:
        return None
    text = f"Topic name is invalid: {invalid}"
    frames = ("org.apache.kafka.connect.util.TopicAdmin.createOrFindTopics", *FRAMES["connector_start"])
    cause = Throwable("org.apache.kafka.common.errors.InvalidTopicException", text)
    if settings.version.has("invalid_topics_told"):
        return Throwable(CONNECT_EXCEPTION, f"Unable to create topic(s) '{topic}': {text}", frames, cause)
    executing = Throwable("java.util.concurrent.ExecutionException", str(cause), frames, cause)
    return Throwable(
        CONNECT_EXCEPTION, f"Error while attempting to create/find topic(s) '{topic}'", frames, executing
    )


def _invalid_name(topic: str) -> str | None:
    """``Topic.validate``."""
    if topic in (".", ".."):
        return f"'{topic}' is not allowed"
    if len(topic) > _NAME_LENGTH_MAX:
        return f"the length of '{topic}' is longer than the max allowed length {_NAME_LENGTH_MAX}"
    if _LEGAL.fullmatch(topic) is None:
        return f"'{topic}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def _parse(definition: ConfigDef, group: str, config: Mapping[str, str | None]) -> None:
    prefix = f"{_PREFIX}{group}."
    ConfigDef(definition.embedded(prefix, group, 0)).parse(config, lambda name: name)


def _patterns(name: str, value: Value) -> None:
    for pattern in value if isinstance(value, tuple) else ():
        problem = javaregex.error_of(str(pattern))
        if problem is not None:
            raise ConfigError.of(name, value, f"Syntax error in regular expression: {problem}")


def _replication_factor(name: str, value: Value) -> None:
    _positive_or_default(name, value, _REPLICATION)


def _partitions(name: str, value: Value) -> None:
    _positive_or_default(name, value, _PARTITIONS)


def _positive_or_default(name: str, value: Value, problem: str) -> None:
    if isinstance(value, int) and value != -1 and value < 1:
        raise ConfigError.of(name, value, problem)


_DEFAULT_GROUP: Final = ConfigDef(
    (
        ConfigKey("include", "LIST", default=(".*",), validator=non_null, order_in_group=1),
        ConfigKey("exclude", "LIST", default=(), validator=non_null, order_in_group=2),
        ConfigKey("replication.factor", "SHORT", True, validator=_replication_factor, order_in_group=3),
        ConfigKey("partitions", "INT", True, validator=_partitions, order_in_group=4),
    )
)
_GROUP: Final = ConfigDef(
    (
        ConfigKey("include", "LIST", default=(), validator=_patterns, order_in_group=1),
        ConfigKey("exclude", "LIST", default=(), validator=_patterns, order_in_group=2),
        ConfigKey("replication.factor", "SHORT", default=-1, validator=_replication_factor, order_in_group=3),
        ConfigKey("partitions", "INT", default=-1, validator=_partitions, order_in_group=4),
    )
)
