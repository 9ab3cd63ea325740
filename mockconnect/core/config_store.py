"""The config topic: its records, ``ClusterConfigState`` as their fold, and one worker's ``KafkaConfigBackingStore``.

Rules of this room:

* Keys and values of records are those of section D.1 of Connect's own format, as Python values.
* The fold changes only by applying a record. A snapshot is the fold at one offset and never changes afterwards: the
  store copies before it writes if somebody holds a snapshot.
* The store tells its listener what a record changed; what to do about it is the herder's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from mockconnect.core.terms import Config, ConnectorTaskId, RestartRequest, TargetState, TaskConfig
from mockconnect.core.topics import Key, Record, Topic

CONNECTOR, TASK, COMMIT, TARGET, RESTART = "connector", "task", "commit", "target-state", "restart-connector"
SESSION_KEY, LOGGER, FENCING = "session-key", "logger-cluster", "tasks-fencing"


@dataclass(frozen=True, slots=True)
class SessionKey:
    """The key that signs internal requests; ``created_at_ms`` is virtual time."""

    key: bytes
    algorithm: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class ConnectorEntry:
    """What the config topic says of one connector.

    ``tasks`` has ``None`` where a task's config is missing although it was committed (an inconsistent connector).
    ``applied_config`` is the connector config with which the tasks were committed (KAFKA-9228).
    """

    config: Config
    tasks: tuple[TaskConfig | None, ...] = ()
    task_generation: int = 0
    applied_config: Config | None = None
    inconsistent: bool = False
    task_count_record: int | None = None
    pending_fencing: bool = False
    tasks_ever: int = 0
    """Configs of tasks beyond the count stay in Connect's snapshot: such a task is never "unknown" again."""

    @property
    def task_count(self) -> int:
        return len(self.tasks)

    def differs(self, configs: Sequence[TaskConfig], *, watches_config: bool) -> bool:
        """``AbstractHerder.taskConfigsChanged``; since 3.8 a changed connector config alone is enough."""
        if list(configs) != list(self.tasks):
            return True
        return watches_config and self.applied_config != self.config


@dataclass(slots=True)
class ClusterConfigState:
    """``ClusterConfigState``: every connector with its config, tasks and target state up to ``offset``.

    ``offset`` is the offset of the last record read, -1 before the first.
    """

    offset: int = -1
    entries: dict[str, ConnectorEntry] = field(default_factory=dict)
    assignable: dict[str, int] = field(default_factory=dict)
    """Connector to number of assignable tasks, none for an inconsistent one: the input of the assignor."""
    target_states: dict[str, TargetState] = field(default_factory=dict)
    session_key: SessionKey | None = None

    def copy(self) -> ClusterConfigState:
        return ClusterConfigState(
            self.offset, dict(self.entries), dict(self.assignable), dict(self.target_states), self.session_key
        )

    def knows_task(self, task_id: ConnectorTaskId) -> bool:
        """Whether a config of that task has been read, even if there are fewer tasks now."""
        entry = self.entries.get(task_id.connector)
        return entry is not None and 0 <= task_id.task < entry.tasks_ever

    def put(self, connector: str, entry: ConnectorEntry) -> None:
        self.entries[connector] = entry
        self.assignable[connector] = 0 if entry.inconsistent else len(entry.tasks)

    def remove(self, connector: str) -> None:
        self.entries.pop(connector, None)
        self.assignable.pop(connector, None)

    def contains(self, connector: str) -> bool:
        return connector in self.entries

    def connectors(self) -> list[str]:
        return list(self.entries)

    def target_state(self, connector: str) -> TargetState:
        return self.target_states.get(connector, TargetState.STARTED)

    def task_count(self, connector: str) -> int:
        entry = self.entries.get(connector)
        return 0 if entry is None else entry.task_count

    def tasks(self, connector: str) -> list[ConnectorTaskId]:
        """The assignable tasks: none for an inconsistent connector."""
        entry = self.entries.get(connector)
        if entry is None or entry.inconsistent:
            return []
        return [ConnectorTaskId.of(connector, task) for task in range(entry.task_count)]

    def task_config(self, task_id: ConnectorTaskId) -> TaskConfig | None:
        entry = self.entries.get(task_id.connector)
        if entry is None or not 0 <= task_id.task < entry.task_count:
            return None
        return entry.tasks[task_id.task]


class UpdateListener(Protocol):
    """``ConfigBackingStore.UpdateListener``."""

    def on_connector_config_update(self, connector: str) -> None: ...
    def on_connector_config_remove(self, connector: str) -> None: ...
    def on_task_config_update(self, tasks: Sequence[ConnectorTaskId]) -> None: ...
    def on_target_state_change(self, connector: str) -> None: ...
    def on_session_key_update(self, key: SessionKey) -> None: ...
    def on_restart_request(self, request: RestartRequest) -> None: ...
    def on_logging_level_update(self, namespace: str, level: str) -> None: ...


class ConfigStore:
    """The fold of one worker. ``knows_stopped`` is false below 3.5, where STOPPED reads as PAUSED."""

    def __init__(self, *, knows_stopped: bool = True) -> None:
        self.listener: UpdateListener | None = None
        self._state = ClusterConfigState()
        self._shared = False
        self._deferred: dict[str, dict[int, TaskConfig]] = {}
        self._knows_stopped = knows_stopped

    def load(self, topic: Topic) -> None:
        """Read the topic from its start, as a worker that boots does. Workers that boot together share the fold."""
        assert self._state.offset < 0, "a store is loaded once"
        known = topic.folds.get(self._knows_stopped)
        if known is None or known[0] != topic.end_offset:
            for record in topic.compacted():
                self.apply(record)
            self._state.offset = topic.end_offset - 1
            fold = (self.snapshot(), self._deferred)
            topic.folds[self._knows_stopped] = (topic.end_offset, fold)
            return
        fold = cast("tuple[ClusterConfigState, dict[str, dict[int, TaskConfig]]]", known[1])
        self._state, self._shared = fold[0], True
        self._deferred = {name: dict(tasks) for name, tasks in fold[1].items()}

    def snapshot(self) -> ClusterConfigState:
        self._shared = True
        return self._state

    @property
    def offset(self) -> int:
        return self._state.offset

    def apply(self, record: Record) -> None:
        if self._shared:
            self._state = self._state.copy()
            self._shared = False
        self._state.offset = record.offset
        kind, value = record.key[0], record.value
        if kind == CONNECTOR:
            self._connector(record.key[1], value)
        elif kind == TASK:
            assert isinstance(value, Mapping)
            self._deferred.setdefault(record.key[1], {})[int(record.key[2])] = value
        elif kind == COMMIT:
            assert isinstance(value, int)
            self._commit(record.key[1], value)
        elif kind == TARGET:
            self._target(record.key[1], value)
        else:
            self._rare(kind, record.key, value)

    def _connector(self, connector: str, value: object) -> None:
        if value is None:
            self._state.remove(connector)
            self._deferred.pop(connector, None)
            if self.listener is not None:
                self.listener.on_connector_config_remove(connector)
            return
        assert isinstance(value, Mapping)
        entry = self._state.entries.get(connector)
        self._state.put(connector, ConnectorEntry(value) if entry is None else replace(entry, config=value))
        if self.listener is not None:
            self.listener.on_connector_config_update(connector)

    def _commit(self, connector: str, count: int) -> None:
        entry = self._state.entries.get(connector)
        if entry is None:  # garbage of a deleted namesake, whose tombstone compaction has removed
            self._deferred.pop(connector, None)
            return
        entry = self._committed(entry, connector, count)
        self._state.put(connector, entry)
        if self.listener is not None:
            updated = 0 if entry.inconsistent else count
            self.listener.on_task_config_update(
                [ConnectorTaskId.of(connector, task) for task in range(updated)]
            )

    def _committed(self, entry: ConnectorEntry, connector: str, count: int) -> ConnectorEntry:
        """A commit is good only if every task config up to its count has been read; else it is inconsistent.

        More than that does no harm: compaction keeps the configs of tasks that an earlier commit had and this has not.
        """
        deferred = self._deferred.pop(connector, {})
        entry = replace(entry, pending_fencing=True)
        if all(task in deferred for task in range(count)):
            return replace(
                entry,
                tasks=tuple(deferred[task] for task in range(count)),
                inconsistent=False,
                task_generation=entry.task_generation + 1,
                applied_config=entry.config,
                tasks_ever=max(entry.tasks_ever, *(task + 1 for task in deferred), 0),
            )
        old = entry.tasks
        tasks = tuple(old[task] if task < len(old) else None for task in range(count))
        return replace(entry, tasks=tasks, inconsistent=True)

    def _target(self, connector: str, value: object) -> None:
        if value is None:
            self._state.target_states.pop(connector, None)
            return  # a tombstone comes with the connector's own; it is no change of state
        assert isinstance(value, TargetState)
        if value is TargetState.STOPPED and not self._knows_stopped:
            value = TargetState.PAUSED
        changed = self._state.target_state(connector) is not value
        self._state.target_states[connector] = value
        if changed and self.listener is not None and self._state.contains(connector):
            self.listener.on_target_state_change(connector)

    def _rare(self, kind: str, key: Key, value: object) -> None:
        if kind == SESSION_KEY:
            assert isinstance(value, SessionKey)
            self._state.session_key = value
            if self.listener is not None:
                self.listener.on_session_key_update(value)
        elif kind == FENCING:
            assert isinstance(value, int)
            entry = self._state.entries.get(key[1])
            if entry is not None:
                self._state.put(key[1], replace(entry, task_count_record=value, pending_fencing=False))
        elif self.listener is None:
            pass  # restart requests and logger levels concern running workers only
        elif kind == RESTART:
            assert isinstance(value, RestartRequest)
            self.listener.on_restart_request(value)
        elif kind == LOGGER:
            assert isinstance(value, str)
            self.listener.on_logging_level_update(key[1], value)
        else:
            raise AssertionError(f"no such record in the config topic: {key!r}")
