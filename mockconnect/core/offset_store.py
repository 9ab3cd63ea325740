"""Source offsets and sink consumer groups: what tasks have committed, and how far running ones have come.

Rules of this room:

* Nothing here ticks. How far a running task has come is a function of the time it has been running and its rate, so
  a million virtual seconds of data cost nothing; a commit every ``offset.flush.interval.ms`` is computed, not run.
* What a task commits when it stops is written here; what a crash loses is what came after its last flush.
* Reads answer at the end of the topic, as Connect's do, so there is one store for all workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mockconnect.core.terms import ConnectorTaskId

Value = str | int | float | bool | None
Partition = Mapping[str, Value]
Offset = Mapping[str, Value]
Shape = Callable[[int], list[tuple[Partition, Offset]]]
"""Partitions and offsets after so many records, counted from a fresh start."""


def partition_key(partition: Mapping[str, object] | None) -> str:
    return json.dumps(partition, sort_keys=True, ensure_ascii=False)


@dataclass(slots=True)
class Progress:
    """One running task. ``shape`` says what offsets so many records mean; ``base`` is where the task took up."""

    task_id: ConnectorTaskId
    records_per_second: float
    flush_interval_ms: int
    shape: Shape
    started_at_ms: int
    base: dict[str, Offset] = field(default_factory=dict)
    ran_ms: int = 0
    running_since_ms: int | None = None
    rested_at_ms: int = 0
    skipped_records: int = 0
    stuck: bool = False
    _goes_on: bool = False
    _at_start: dict[str, Offset] = field(default_factory=dict)

    def elapsed_ms(self, now_ms: int) -> int:
        return self.ran_ms + (0 if self.running_since_ms is None else now_ms - self.running_since_ms)

    def records(self, now_ms: int) -> int:
        """Records handled since the task took up its offsets."""
        return self._records_in(self.elapsed_ms(now_ms))

    def _records_in(self, elapsed_ms: int) -> int:
        return int(elapsed_ms * self.records_per_second / 1000) + self.skipped_records

    def committed_records(self, now_ms: int) -> int:
        """Records up to the last flush; flushes happen every interval from the start of the task."""
        flushed_at_ms = now_ms - (now_ms - self.started_at_ms) % self.flush_interval_ms
        if self.running_since_ms is not None and flushed_at_ms >= self.running_since_ms:
            return self._records_in(self.elapsed_ms(flushed_at_ms))
        # The last flush was in a rest, which had everything before it, or in the time before that.
        missed_ms = max(0, self.rested_at_ms - flushed_at_ms)
        return self._records_in(max(0, self.ran_ms - missed_ms))

    def run(self, now_ms: int) -> None:
        self._goes_on = True
        if self.running_since_ms is None and not self.stuck:
            self.running_since_ms = now_ms

    def rest(self, now_ms: int) -> None:
        self._goes_on = False
        self._stand(now_ms)

    def _stand(self, now_ms: int) -> None:
        if self.running_since_ms is not None:
            self.ran_ms = self.elapsed_ms(now_ms)
            self.rested_at_ms = now_ms
            self.running_since_ms = None

    def stick(self, now_ms: int, *, stuck: bool) -> None:
        """Get on no more, though it runs; or again."""
        self.stuck = stuck
        if stuck:
            self._stand(now_ms)
        elif self._goes_on:
            self.run(now_ms)

    def begin_anew(self, now_ms: int, base: dict[str, Offset]) -> None:
        """Go on from these offsets, as if nothing had been handled yet."""
        self.base = base
        self.ran_ms = self.skipped_records = 0
        self.rested_at_ms = now_ms
        if self.running_since_ms is not None:
            self.running_since_ms = now_ms

    def skip(self, records: int) -> None:
        """So many more records are handled and committed at once."""
        self.skipped_records += records

    def offsets(self, records: int) -> list[tuple[Partition, Offset]]:
        """The offsets after so many records, counted on from where the task took up."""
        if not records:
            return []
        if not self._at_start:
            self._at_start = {partition_key(partition): offset for partition, offset in self.shape(0)}
        return [
            (partition, _add(self.base.get(key), self._at_start.get(key), offset))
            for partition, offset in self.shape(records)
            for key in (partition_key(partition),)
        ]


def _add(base: Offset | None, start: Offset | None, reached: Offset) -> Offset:
    """``base`` plus what was done since; fields that are no integers are taken as they are."""
    if base is None or start is None:
        return reached
    return {name: _sum(base.get(name), start.get(name), value) for name, value in reached.items()}


def _sum(base: Value, start: Value, reached: Value) -> Value:
    if type(base) is int and type(start) is int and type(reached) is int:
        return base + reached - start
    return reached


class OffsetStore:
    """Every committed offset of the cluster, by owner (a connector's name, or a consumer group)."""

    def __init__(self) -> None:
        self._committed: dict[str, dict[str, tuple[Partition | None, Offset]]] = {}
        self._live: dict[str, list[tuple[object, Progress]]] = {}
        self._groups: set[str] = set()

    # --- tasks ----------------------------------------------------------------------------------------------------------

    def take_up(self, owner: str, key: object, progress: Progress) -> None:
        """A task starts: it goes on from what is committed for its partitions."""
        self._groups.add(owner)
        committed = self._committed.get(owner, {})
        progress.base = {name: offset for name, (_, offset) in committed.items()}
        self._live.setdefault(owner, []).append((key, progress))

    def put_down(self, owner: str, key: object, records: int | None) -> None:
        """A task is gone; ``records`` of its progress are committed (``None``: nothing)."""
        rows = self._live.get(owner, [])
        for index, (known, progress) in enumerate(rows):
            if known is key:
                del rows[index]
                if records:
                    self.commit(owner, progress.offsets(records))
                break
        if not rows:
            self._live.pop(owner, None)

    def has_members(self, owner: str) -> bool:
        """Whether some task still uses this owner's offsets: the consumer group is not empty."""
        return bool(self._live.get(owner))

    def has_group(self, owner: str) -> bool:
        """Whether the consumer group exists: it has had members or offsets, and was not deleted since."""
        return owner in self._groups or owner in self._committed

    # --- offsets --------------------------------------------------------------------------------------------------------

    def commit(self, owner: str, offsets: Iterable[tuple[Partition | None, Offset | None]]) -> None:
        """Write offsets; ``None`` forgets that partition's."""
        committed = self._committed.setdefault(owner, {})
        for partition, offset in offsets:
            self._groups.add(owner)
            if offset is None:
                committed.pop(partition_key(partition), None)
            else:
                committed[partition_key(partition)] = (partition, offset)
        if not committed:
            del self._committed[owner]

    def put(self, owner: str, offsets: Iterable[tuple[Partition | None, Offset | None]], now_ms: int) -> None:
        """These are the offsets now, whoever uses them: running tasks count on from there."""
        self.commit(owner, self.read(owner, now_ms))
        self.commit(owner, offsets)
        committed = {name: offset for name, (_, offset) in self._committed.get(owner, {}).items()}
        for _, progress in self._live.get(owner, ()):
            progress.begin_anew(now_ms, dict(committed))

    def forget(self, owner: str) -> None:
        self._committed.pop(owner, None)
        self._groups.discard(owner)

    def forget_if_empty(self, owner: str) -> None:
        if owner not in self._committed and not self.has_members(owner):
            self.forget(owner)

    def partitions(self, owner: str) -> list[Partition]:
        """The partitions that can be listed. A null one is stored, but its key is not understood when it is read."""
        found = (partition for partition, _ in self._committed.get(owner, {}).values())
        return [partition for partition in found if partition is not None]

    def read(self, owner: str, now_ms: int) -> list[tuple[Partition, Offset]]:
        """What is committed now, running tasks' flushes included, in order of first commit; no null partition."""
        merged = dict(self._committed.get(owner, {}))
        for _, progress in self._live.get(owner, ()):
            for partition, offset in progress.offsets(progress.committed_records(now_ms)):
                merged[partition_key(partition)] = (partition, offset)
        return [(partition, offset) for partition, offset in merged.values() if partition is not None]
