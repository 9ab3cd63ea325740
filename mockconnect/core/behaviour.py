"""How a simulated connector class behaves at run time, as data.

Rules of this room: a :class:`Behaviour` is a value. It says how long things take, which tasks a config gives, what a
task has produced after so many records, which offsets may be altered, and when what fails; the worker asks and acts.
Durations are milliseconds. ``declared.py`` reads the same thing from a catalogue or a user's file.

Templates: ``"{file}"`` stands for the value of the key ``file`` of the task (or connector) config, ``"{}"`` for the
item that a task was given (see :class:`TasksRule`), ``"{#}"`` for the number of the task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from mockconnect.core import javahash, javaregex, javatext
from mockconnect.core.configdef import ClassLoader
from mockconnect.core.traces import CONNECT_EXCEPTION, FRAMES, Throwable, plugin_frame, sink_put_failure

Scalar = str | int | float | bool | None
Partition = Mapping[str, Scalar]
Offset = Mapping[str, Scalar]
AlteredOffsets = Sequence[tuple[Partition | None, Offset | None]]

Where = Literal[
    "instantiate",
    "validate",
    "start",
    "task_configs",
    "task_start",
    "running",
    "task_stop",
    "stop",
    "alter_offsets",
    "exactly_once",
    "transaction_boundaries",
]
TasksRuleKind = Literal["exactly_one", "tasks_max", "fixed", "items"]
AlterAnswer = Literal["true", "false", "unsupported"]
EosAnswer = Literal["unknown", "supported", "unsupported"]
Problem = str | None

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_LITERAL_NAME = re.compile(r"[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of a config: the first of ``keys`` that is present decides.

    Exactly one of the tests: ``equals`` (null counts as absent), ``differs``, ``given`` (present and not empty),
    ``unlike`` (present and not matched by this pattern), ``no_class`` (present, and no class that the plugin can load
    has this name), or ``any_prefix`` (some key of the config starts with one of these).
    """

    keys: tuple[str, ...] = ()
    equals: str | None = None
    differs: str | None = None
    given: bool | None = None
    unlike: str | None = None
    no_class: bool = False
    any_prefix: tuple[str, ...] = ()

    def holds(self, config: Mapping[str, str | None], load_class: ClassLoader | None = None) -> bool:
        """Who has no class loader at hand takes it that all classes exist."""
        if self.any_prefix:
            return any(key.startswith(self.any_prefix) for key in config)
        value = next((config[key] for key in self.keys if config.get(key) is not None), None)
        if self.equals is not None:
            return value == self.equals
        if self.differs is not None:
            return value != self.differs
        if self.unlike is not None:
            return value is not None and not javaregex.matches(self.unlike, value)
        if self.no_class:
            return bool(value) and load_class is not None and load_class(value or "") is None
        return bool(value) == (self.given is not False)


@dataclass(frozen=True, slots=True)
class ConfigRule:
    """One sentence of a connector's own ``validate()``: ``message`` on ``key`` when all conditions hold.

    ``value`` is that of an entry which this rule makes: because ``key`` is none of the connector's keys, or because the
    sentence ``replaces`` all that was said of it. ``otherwise_valid``: only when there was nothing wrong with any of
    the connector's keys. Names of keys in the templates ``message`` and ``value`` stand for what was read there.
    """

    key: str
    message: str
    when: tuple[Condition, ...] = ()
    value: str | None = None
    replaces: bool = False
    otherwise_valid: bool = False


@dataclass(frozen=True, slots=True)
class ThrownRule:
    """What a connector's own ``validate()`` throws when all conditions hold and one of ``keys`` (if any) has no value.

    A key has no value if its text could not be parsed, if it is null, or if it is not given and has no default.
    ``valid`` are keys with which nothing may be wrong, or ``*``: with none. Names of keys in the template ``message``
    stand for their texts in the config.
    """

    exception: str
    message: str | None = None
    keys: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    valid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TasksRule:
    """``taskConfigs(maxTasks)``: how many, and what each is given.

    ``exactly_one``; ``tasks_max``; ``fixed`` (``count`` of them, whatever tasks.max says, so it can be too many);
    ``items``: as many as the list under ``key`` has items, at most tasks.max, dealt out in turn. ``literal`` keeps only
    items that are plain names (no patterns). ``none_when``: no tasks at all if one of these holds.
    """

    kind: TasksRuleKind = "exactly_one"
    count: int = 1
    key: str = ""
    literal: bool = False
    none_when: tuple[Condition, ...] = ()

    def deal(self, config: Mapping[str, str], max_tasks: int) -> list[tuple[str, ...]]:
        """The items of each task (empty tuples where tasks have none)."""
        if any(condition.holds(config) for condition in self.none_when):
            return []
        match self.kind:
            case "exactly_one":
                return [()]
            case "tasks_max":
                return [()] * max_tasks
            case "fixed":
                return [()] * self.count
            case "items":
                items = list_items(config.get(self.key))
                items = [item for item in items if not self.literal or _LITERAL_NAME.fullmatch(item)]
                tasks = min(max_tasks, len(items))
                return [tuple(items[task::tasks]) for task in range(tasks)]


@dataclass(frozen=True, slots=True)
class OffsetField:
    """One field of a source partition; the text of an ``integer`` is shown as a JSON number."""

    name: str
    template: str
    integer: bool = False

    def value(self, config: Mapping[str, str], item: str, task: int) -> Scalar:
        text = fill(self.template, config, item, task)
        number = javatext.parse_integer(text, 64) if self.integer else None
        return text if number is None else number


@dataclass(frozen=True, slots=True)
class SourceOffsets:
    """What a source task commits: one partition per item (or one per task), the offset growing with the records.

    ``requires`` is a key without which nothing is tracked (FileStream reading its standard input). ``step`` is how far
    one record moves the offset; 0 keeps it at 0.
    """

    partition: tuple[OffsetField, ...] = ()
    offset: str = "offset"
    step: int = 1
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that goes wrong in connector code.

    For ``running``: after so many records, or (if 0) after so many ms of running. ``times``: how often it happens
    before it heals (``None``: always). ``task``: only this task number. ``trace``: a complete trace to show instead of
    the one made from ``exception`` and ``message``; it is made at least ``trace_bytes`` long.
    """

    where: Where
    message: str | None = None
    exception: str = CONNECT_EXCEPTION
    after_records: int = 0
    after_ms: int = 0
    times: int | None = None
    task: int | None = None
    trace: str | None = None
    trace_bytes: int = 0

    def throwable(self, class_name: str, kind: str) -> Throwable:
        """The exception as the worker sees it, with the frames of the place where it called the plugin's class."""
        place, method = _PLACES[self.where]
        if self.where == "running":
            place, method = ("sink_put", "put") if kind == "sink" else ("source_poll", "poll")
        place = place.format(kind=kind)
        frames = (plugin_frame(class_name, method), *FRAMES.get(place, ()))
        thrown = Throwable(self.exception, self.message, frames)
        return sink_put_failure(thrown) if place == "sink_put" else thrown


_PLACES: Final[Mapping[Where, tuple[str, str]]] = {
    "instantiate": ("connector_instantiate", "<init>"),
    "validate": ("", "validate"),
    "start": ("connector_start", "start"),
    "task_configs": ("", "taskConfigs"),
    "task_start": ("{kind}_start", "start"),
    "running": ("", ""),
    "task_stop": ("", "stop"),
    "stop": ("connector_stop", "stop"),
    "alter_offsets": ("", "alterOffsets"),
    "exactly_once": ("", "exactlyOnceSupport"),
    "transaction_boundaries": ("", "canDefineTransactionBoundaries"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A connector class at run time. The durations are those of the specification's timing table."""

    tasks: TasksRule = TasksRule()
    task_class: str = ""
    task_version: str | None = None
    """What the task's own ``version()`` tells; ``None``: the connector's."""
    task_config_keys: tuple[str, ...] | None = None
    """Keys of the connector config that a task config repeats; ``None``: all."""
    task_config_added: tuple[tuple[str, str], ...] = ()
    """Further keys with templates; one with ``{}`` lists the items of the task."""

    start_ms: int = 50
    stop_ms: int = 10
    task_start_ms: int = 50
    task_stop_ms: int = 10
    task_configs_ms: int = 1
    validate_ms: int = 1
    poll_ms: int = 500
    alter_offsets_ms: int = 1

    records_per_second: float = 10.0
    """Whatever a config names exists and has as many records: no connector opens a file or connects to anything."""
    writes_topics: tuple[str, ...] = ()
    """Templates of the topics a source writes to."""
    existing_topics: tuple[str, ...] = ()
    """Topics of the simulated Kafka that a sink's ``topics.regex`` can match."""
    topic_partitions: int = 16
    """How many partitions each topic of a sink has: offsets of others cannot be altered."""
    source_offsets: SourceOffsets = SourceOffsets()
    alter_offsets: AlterAnswer = "false"
    offset_rules: str = ""
    """A key of ``OFFSET_RULES``, or nothing."""

    exactly_once: EosAnswer = "unknown"
    exactly_once_when: tuple[Condition, ...] = ()
    """``supported`` only if these hold."""
    transaction_boundaries: Literal["null", "supported", "unsupported"] = "unsupported"
    parses_config: bool = False
    """``start`` and ``exactlyOnceSupport`` parse the config and throw what is wrong with it."""
    config_rules: tuple[ConfigRule, ...] = ()
    thrown_rules: tuple[ThrownRule, ...] = ()
    omitted_values: tuple[str, ...] = ()
    """Keys of its own definition that ``validate`` leaves out of its answer."""
    null_answer: Literal["", "config", "validate"] = ""
    """The method that answers null where Connect wants a definition or an outcome."""
    failures: tuple[Failure, ...] = ()

    def task_configs(self, config: Mapping[str, str], max_tasks: int) -> list[dict[str, str]]:
        """``Connector.taskConfigs``: what the connector itself returns, in the order of its tasks."""
        dealt = self.tasks.deal(config, max_tasks)
        return [self._task_config(config, items, task) for task, items in enumerate(dealt)]

    def _task_config(self, config: Mapping[str, str], items: tuple[str, ...], task: int) -> dict[str, str]:
        keys = config if self.task_config_keys is None else self.task_config_keys
        result = {key: config[key] for key in keys if key in config}
        for key, template in self.task_config_added:
            parts = items if "{}" in template else ("",)
            result[key] = ",".join(fill(template, config, item, task) for item in parts)
        return result

    def topics(self, config: Mapping[str, str | None], task_config: Mapping[str, str]) -> list[str]:
        """Topics that a task writes to (source) or reads from (sink), once it has handled a record."""
        if config.get("topics") or config.get("topics.regex"):
            return self._consumed(config)
        items = self._items_of_task(task_config)
        names = (fill(template, task_config, item, 0) for template in self.writes_topics for item in items)
        return list(dict.fromkeys(name for name in names if name))

    def _consumed(self, config: Mapping[str, str | None]) -> list[str]:
        pattern = config.get("topics.regex")
        if pattern:
            return [topic for topic in self.existing_topics if javaregex.matches(pattern, topic)]
        return list(dict.fromkeys(list_items(config.get("topics"))))

    def reads(self, config: Mapping[str, str | None], topic: str) -> bool:
        """Whether a topic is among those that a sink with this config is subscribed to."""
        pattern = config.get("topics.regex")
        return javaregex.matches(pattern, topic) if pattern else topic in list_items(config.get("topics"))

    def offsets(
        self, config: Mapping[str, str | None], task_config: Mapping[str, str], records: int, task: int = 0
    ) -> list[tuple[Partition, Offset]]:
        """What a task has committed after so many records, spread evenly over its partitions; 0 gives the start.

        Sources have the partitions of ``source_offsets``. A sink task number n reads partition n of each topic.
        """
        if self.source_offsets.partition:
            return self._source_offsets(task_config, records, task)
        topics = self._consumed(config)
        return [
            ({"kafka_topic": topic, "kafka_partition": task}, {"kafka_offset": own})
            for topic, own in zip(topics, shares(records, len(topics)), strict=True)
        ]

    def _source_offsets(
        self, task_config: Mapping[str, str], records: int, task: int
    ) -> list[tuple[Partition, Offset]]:
        shape = self.source_offsets
        if shape.requires and not task_config.get(shape.requires):
            return []
        items = self._items_of_task(task_config)
        return [
            (
                {part.name: part.value(task_config, item, task) for part in shape.partition},
                {shape.offset: own * shape.step},
            )
            for item, own in zip(items, shares(records, len(items)), strict=True)
        ]

    def _items_of_task(self, task_config: Mapping[str, str]) -> list[str]:
        """The items a task was given, found again in its config by the key that was added for them."""
        for key, template in self.task_config_added:
            if "{}" in template:
                before, _, after = template.partition("{}")
                return [
                    item.removeprefix(before).removesuffix(after) for item in list_items(task_config.get(key))
                ]
        return [""]

    def failures_at(self, where: Where, task: int | None = None) -> list[Failure]:
        """What goes wrong there, for this task number (``None``: the connector itself)."""
        return [
            failure for failure in self.failures if failure.where == where and failure.task in (None, task)
        ]

    def supports_exactly_once(self, config: Mapping[str, str | None]) -> EosAnswer:
        """``SourceConnector.exactlyOnceSupport``; ``unknown`` is Java's null: not implemented."""
        if self.exactly_once == "supported" and not all(
            part.holds(config) for part in self.exactly_once_when
        ):
            return "unsupported"
        return self.exactly_once

    def check_alter_offsets(self, config: Mapping[str, str | None], offsets: AlteredOffsets) -> Problem:
        """``SourceConnector.alterOffsets``: the text of its ConnectException, or ``None`` if it agrees."""
        rules = OFFSET_RULES.get(self.offset_rules)
        return rules(config, offsets) if rules else None


def shares(records: int, parts: int) -> list[int]:
    """``records`` dealt out in turn."""
    return [(records - index + parts - 1) // parts for index in range(parts)]


def list_items(text: str | None) -> list[str]:
    """The non-empty items of a LIST value."""
    return [item for item in (javatext.trim(part) for part in (text or "").split(",")) if item]


def fill(template: str, config: Mapping[str, str | None], item: str = "", task: int = 0) -> str:
    """A template with its braces replaced (see the room's rules)."""

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        return item if not name else str(task) if name == "#" else config.get(name) or ""

    return _TEMPLATE.sub(replacement, template)


# --- alterOffsets of the bundled connectors ------------------------------------------------------------------------------


def _is_long(value: Scalar) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def file_stream_offsets(config: Mapping[str, str | None], offsets: AlteredOffsets) -> Problem:
    """``FileStreamSourceConnector.alterOffsets``."""
    if not javatext.trim(config.get("file") or ""):
        return (
            "Offsets cannot be modified if the 'file' configuration is unspecified. "
            "This is because stdin is used for input and offsets are not tracked."
        )
    problems = (
        _file_stream_problem(partition, offset) for partition, offset in offsets if offset is not None
    )
    return next((problem for problem in problems if problem), None)


def _file_stream_problem(partition: Partition | None, offset: Offset) -> Problem:
    if "position" not in offset:
        return "Offset objects should either be null or contain the key 'position'"
    position = offset["position"]
    if not isinstance(position, int) or isinstance(position, bool):
        return "The value for the 'position' key in the offset is expected to be a Long value"
    if position < 0:
        return "The value for the 'position' key in the offset should be a non-negative value"
    if partition is None:
        return "Partition objects cannot be null"
    return None if "filename" in partition else "Partition objects should contain the key 'filename'"


def _mirror_rules(*strings: str, partition: bool, only_zero: bool) -> OffsetRules:
    """``MirrorUtils``' checks: text fields, perhaps a topic partition, then the offset."""

    def check(_config: Mapping[str, str | None], offsets: AlteredOffsets) -> Problem:
        for source_partition, offset in offsets:
            if offset is None:
                continue
            if source_partition is None:
                return "Source partitions may not be null"
            problems = [_mirror_string(source_partition, name) for name in strings]
            problems.append(_mirror_partition(source_partition) if partition else None)
            problems.append(_mirror_offset(source_partition, offset, only_zero))
            found = next((problem for problem in problems if problem), None)
            if found:
                return found
        return None

    return check


def _shown(values: Partition) -> str:
    return javatext.map_text({key: values[key] for key in javahash.hash_order(values)})


def _mirror_string(partition: Partition, key: str) -> Problem:
    if key not in partition:
        return f"Source partition {_shown(partition)} is missing the '{key}' key, which is required"
    value = partition[key]
    if isinstance(value, str):
        return None
    text = javatext.value_text(value)
    return f"Source partition {_shown(partition)} has an invalid value {text} for the '{key}' key, which must be a string"


def _mirror_partition(partition: Partition) -> Problem:
    if "partition" not in partition:
        return f"Source partition {_shown(partition)} is missing the 'partition' key, which is required"
    value = partition["partition"]
    start = f"Source partition {_shown(partition)} has an invalid value {javatext.value_text(value)}"
    if not _is_long(value) or cast("int", value) > 0x7FFFFFFF:
        return f"{start} for the 'partition' key, which must be an integer"
    return f"{start} for the 'partition' key, which cannot be negative" if cast("int", value) < 0 else None


def _mirror_offset(partition: Partition, offset: Offset, only_zero: bool) -> Problem:
    if "offset" not in offset:
        return (
            f"Source offset {_shown(offset)} for source partition {_shown(partition)}"
            " is missing the 'offset' key, which is required"
        )
    value = offset["offset"]
    start = (
        f"Source offset {_shown(offset)} for source partition {_shown(partition)}"
        f" has an invalid value {javatext.value_text(value)} for the 'offset' key"
    )
    if not _is_long(value):
        return f"{start}, which must be an integer"
    if only_zero and value != 0:
        return f"{start}; the only accepted value is 0"
    return f"{start}, which cannot be negative" if cast("int", value) < 0 else None


OffsetRules = Callable[[Mapping[str, "str | None"], AlteredOffsets], Problem]

OFFSET_RULES: Final[Mapping[str, OffsetRules]] = {
    "file_stream": file_stream_offsets,
    "mirror_source": _mirror_rules("cluster", "topic", partition=True, only_zero=False),
    "mirror_checkpoint": _mirror_rules("group", "topic", partition=True, only_zero=True),
    "mirror_heartbeat": _mirror_rules(
        "sourceClusterAlias", "targetClusterAlias", partition=False, only_zero=True
    ),
}
