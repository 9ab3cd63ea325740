"""Cluster logs as they were written: an independent second fold, to hold against what workers show.

Rules of this room:

* Nothing here is shared with the stores it checks: topics are read record by record, at the instant of writing.
* Memory is bounded. What is not remembered any more is not checked: it says so instead of guessing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mockconnect.core import config_store, status_store
from mockconnect.core.terms import Config, Status, TargetState, TaskConfig
from mockconnect.core.topics import Key, Record, Topic

PAST_KEPT = 64


class LogWatch:
    """Sees every record of a topic at the instant it is appended (it poses as a reader without lag)."""

    def __init__(self, topic: Topic, seen: Callable[[Record], object]) -> None:
        self._topic = topic
        self._seen = seen
        for record in topic.compacted():
            seen(record)
        self.position = topic.end_offset
        topic.subscribe(self)

    def notice(self) -> None:
        while (record := self._topic.since(self.position)) is not None:
            self.position += 1
            self._seen(record)


@dataclass(frozen=True, slots=True)
class Configured:
    """One connector after some record of the config topic. ``tasks`` is ``None`` when they are inconsistent."""

    config: Config
    target: TargetState
    tasks: tuple[TaskConfig, ...] | None


@dataclass(slots=True)
class _Fold:
    config: Config | None = None
    target: TargetState = TargetState.STARTED
    tasks: tuple[TaskConfig, ...] | None = ()
    deferred: dict[int, TaskConfig] = field(default_factory=dict)

    def shown(self) -> Configured | None:
        return None if self.config is None else Configured(self.config, self.target, self.tasks)


class ConfigHistory:
    """The config topic folded by itself, with the last states of every connector by offset."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.recreated_at_ms: dict[str, int] = {}
        self._folds: dict[str, _Fold] = {}
        self._past: dict[str, deque[tuple[int, Configured | None]]] = {}
        self._touched: deque[tuple[int, str]] = deque(maxlen=4 * PAST_KEPT)

    def apply(self, record: Record) -> None:
        kind = record.key[0]
        if kind not in (config_store.CONNECTOR, config_store.TASK, config_store.COMMIT, config_store.TARGET):
            return
        name = record.key[1]
        fold = self._folds.setdefault(name, _Fold())
        if kind == config_store.CONNECTOR and fold.config is None and name in self._past:
            self.recreated_at_ms[name] = record.at_ms
        self._change(fold, record)
        if kind != config_store.TASK:
            past = self._past.setdefault(name, deque(maxlen=PAST_KEPT))
            past.append((record.offset, fold.shown()))
            self._touched.append((record.offset, name))
        (self.names.add if fold.config is not None else self.names.discard)(name)

    @staticmethod
    def _change(fold: _Fold, record: Record) -> None:
        kind, value = record.key[0], record.value
        if kind == config_store.CONNECTOR:
            fold.config = value if isinstance(value, Mapping) else None
            if value is None:
                fold.tasks, fold.deferred = (), {}
        elif kind == config_store.TARGET:
            fold.target = value if isinstance(value, TargetState) else TargetState.STARTED
        elif kind == config_store.TASK:
            assert isinstance(value, Mapping), f"{record!r} is no task config"
            fold.deferred[int(record.key[2])] = value
        elif fold.config is not None:
            assert isinstance(value, int), f"{record!r} is no commit"
            complete = all(task in fold.deferred for task in range(value))
            fold.tasks = tuple(fold.deferred[task] for task in range(value)) if complete else None
            fold.deferred = {}
        else:
            fold.deferred = {}

    def configured(self) -> dict[str, Configured]:
        shown = ((name, self._folds[name].shown()) for name in sorted(self.names))
        return {name: configured for name, configured in shown if configured is not None}

    def at(self, name: str, offset: int) -> Configured | None:
        """Raises :class:`KeyError` if the past does not reach back so far."""
        past = self._past.get(name)
        if past is None:
            return None
        for at_offset, configured in reversed(past):
            if at_offset <= offset:
                return configured
        if len(past) == PAST_KEPT:
            raise KeyError(name)
        return None

    def touched(self, after: int, until: int) -> set[str] | None:
        """Names with records in ``(after, until]``, or ``None`` if that is not remembered."""
        if len(self._touched) == self._touched.maxlen and self._touched[0][0] > after:
            return None
        return {name for offset, name in self._touched if after < offset <= until}


class StatusHistory:
    """The newest records of every status, and the place of each record."""

    def __init__(self, check: Callable[[Status], object]) -> None:
        self.written: dict[Key, deque[Record]] = {}
        self.records: deque[Record] = deque(maxlen=16 * PAST_KEPT)
        self._check = check

    def apply(self, record: Record) -> None:
        if record.key[0] == status_store.TOPIC:
            return
        self.written.setdefault(record.key, deque(maxlen=PAST_KEPT)).append(record)
        self.records.append(record)
        if isinstance(record.value, Status):
            self._check(record.value)

    def latest(self, key: Key) -> Record | None:
        records = self.written.get(key)
        return records[-1] if records else None

    def has(self, key: Key, status: Status) -> bool:
        records = self.written.get(key, ())
        return len(records) == PAST_KEPT or any(record.value is status for record in records)
