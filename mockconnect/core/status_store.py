"""The status topic as one worker sees it: ``KafkaStatusBackingStore``, with the rules that make statuses lie.

Rules of this room:

* A status counts only after it has come back through the topic, for its writer too.
* RUNNING, PAUSED, STOPPED, RESTARTING and tombstones are sent blindly. UNASSIGNED and FAILED are *safe* writes: sent
  only if the writer's own view shows no newer generation of another worker.
* Reading a task's UNASSIGNED over its RUNNING of the same or a later generation is ignored (KAFKA-15090, since 3.6).
* Active topics live here too, because they live in the same topic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import Final

from mockconnect.core.terms import ConnectorTaskId, State, Status
from mockconnect.core.topics import Record, Sender

CONNECTOR, TASK, TOPIC = "status-connector", "status-task", "status-topic"


_OVERHEAD_BYTES: Final = 100
"""Of a batch with one record, and its key."""


def record_bytes(status: Status) -> int:
    """About how large a producer takes the record of a status for: its JSON, and what goes around it."""
    fields = {"state": status.state.value, "trace": status.trace, "worker_id": status.worker_id}
    written = json.dumps({**fields, "generation": status.generation}, ensure_ascii=False)
    return _OVERHEAD_BYTES + len(written.encode("utf-8", "surrogatepass"))


@dataclass(slots=True)
class StatusEntry:
    """The records of one connector name: its own and its tasks', by task number."""

    connector: Status | None = None
    tasks: dict[int, Status] = field(default_factory=dict)


class StatusStore:
    """One worker's cache of the status topic and its way of writing to it."""

    def __init__(self, worker_id: str, producer: Sender, *, filter_stale_unassigned: bool = True) -> None:
        self._worker_id = worker_id
        self._producer = producer
        self._filter = filter_stale_unassigned
        self._entries: dict[str, StatusEntry] = {}
        self._topics: dict[str, dict[str, str]] = {}
        self._highest: dict[str, int] = {}

    # --- reading ----------------------------------------------------------------------------------------------------

    def entry(self, connector: str) -> StatusEntry | None:
        return self._entries.get(connector)

    def connector(self, connector: str) -> Status | None:
        entry = self._entries.get(connector)
        return None if entry is None else entry.connector

    def task(self, task_id: ConnectorTaskId) -> Status | None:
        entry = self._entries.get(task_id.connector)
        return None if entry is None else entry.tasks.get(task_id.task)

    def connectors(self) -> Iterator[str]:
        """Names with a status of the connector itself or of a task."""
        return iter(self._entries)

    def names(self) -> KeysView[str]:
        return self._entries.keys()

    def beyond(self, counts: Mapping[str, int]) -> list[ConnectorTaskId]:
        """Tasks with a status whose number is not below their connector's count, sorted."""
        names = [name for name, highest in self._highest.items() if highest >= counts.get(name, 0)]
        return sorted(
            ConnectorTaskId.of(name, task)
            for name in names
            for task in self._entries[name].tasks
            if task >= counts.get(name, 0)
        )

    def topics(self, connector: str) -> list[str]:
        """The active topics of a connector, sorted."""
        return sorted(self._topics.get(connector, ()))

    def has_topic(self, connector: str, topic: str) -> bool:
        return topic in self._topics.get(connector, ())

    def knows_topic(self, topic: str) -> bool:
        """Whether some connector has the topic among its active ones."""
        return any(topic in topics for topics in self._topics.values())

    # --- the fold ------------------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        kind, name = record.key[0], record.key[1]
        if kind == TOPIC:
            self._apply_topic(name, record.key[2], record.value)
            return
        status = record.value
        assert status is None or isinstance(status, Status)
        if kind == CONNECTOR:
            self._apply_connector(name, status)
        else:
            self._apply_task(name, int(record.key[2]), status)

    def _apply_connector(self, connector: str, status: Status | None) -> None:
        if status is None:  # a connector's tombstone takes the entries of its tasks along
            self._entries.pop(connector, None)
            self._highest.pop(connector, None)
        else:
            self._entries.setdefault(connector, StatusEntry()).connector = status

    def _apply_task(self, connector: str, task: int, status: Status | None) -> None:
        entry = self._entries.get(connector)
        if status is None:
            if entry is not None:
                entry.tasks.pop(task, None)
                self._highest[connector] = max(entry.tasks, default=-1)
                if entry.connector is None and not entry.tasks:
                    del self._entries[connector]
                    del self._highest[connector]
            return
        if entry is None:
            entry = self._entries[connector] = StatusEntry()
        if self._filter and status.state is State.UNASSIGNED:
            cached = entry.tasks.get(task)
            if (
                cached is not None
                and cached.state is State.RUNNING
                and cached.generation >= status.generation
            ):
                return
        entry.tasks[task] = status
        if task > self._highest.get(connector, -1):
            self._highest[connector] = task

    def _apply_topic(self, connector: str, topic: str, value: object) -> None:
        if value is None:
            topics = self._topics.get(connector)
            if topics is not None:
                topics.pop(topic, None)
                if not topics:
                    del self._topics[connector]
        else:
            self._topics.setdefault(connector, {})[topic] = str(value)

    # --- writing --------------------------------------------------------------------------------------------------------

    def put_connector(self, connector: str, status: Status) -> None:
        self._producer.send((CONNECTOR, connector), status)

    def put_connector_safe(self, connector: str, status: Status) -> None:
        if self._may_write(self.connector(connector), status):
            self.put_connector(connector, status)

    def put_task(self, task_id: ConnectorTaskId, status: Status) -> None:
        self._producer.send((TASK, task_id.connector, str(task_id.task)), status)

    def put_task_safe(self, task_id: ConnectorTaskId, status: Status) -> None:
        if self._may_write(self.task(task_id), status):
            self.put_task(task_id, status)

    def _may_write(self, cached: Status | None, status: Status) -> bool:
        return cached is None or cached.worker_id == self._worker_id or cached.generation <= status.generation

    def delete_connector(self, connector: str) -> None:
        self._producer.send((CONNECTOR, connector), None)

    def delete_task(self, task_id: ConnectorTaskId) -> None:
        self._producer.send((TASK, task_id.connector, str(task_id.task)), None)

    def put_topic(self, task_id: ConnectorTaskId, topic: str) -> None:
        """The first record of a task on a topic it has not seen recorded yet."""
        if not self.has_topic(task_id.connector, topic):
            self._producer.send((TOPIC, task_id.connector, topic), str(task_id))

    def delete_topics(self, connector: str) -> None:
        for topic in self.topics(connector):
            self._producer.send((TOPIC, connector, topic), None)
