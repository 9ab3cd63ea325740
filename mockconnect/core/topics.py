"""Compacted logs, their lagging readers and buffering producers: what ``KafkaBasedLog`` is to Connect.

Rules of this room:

* A :class:`Topic` is the broker's side: records in one order for everybody. It knows nothing of what they mean.
* A :class:`Reader` is one worker's consumer: every record reaches it ``lag_ms`` after it was appended, in order, as
  long as the worker runs and reaches Kafka. A reader that starts later sees what compaction left: the active segment
  as it was written, and of what is older the newest record of every key. One that was frozen for long connects anew.
* A :class:`Producer` is one worker's producer: an unreachable broker makes records wait in its buffer, they are not
  lost. That is why a request that failed with "Error writing ... to Kafka" may take effect later. A producer that has
  not written for a while no longer knows the topic, though: it waits for that first, and then nothing is in the buffer.
* What records mean is the business of the stores (``config_store``, ``status_store``, ``offset_store``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mockconnect.core.errors import Expected
from mockconnect.core.network import Network
from mockconnect.core.sim import Process, Reply, Sim, Steps, Within

FETCH_TIMEOUT_MS = 30_000  # request.timeout.ms of consumers
MAX_BLOCK_MS = 60_000  # max.block.ms of producers
METADATA_IDLE_MS = (
    300_000  # metadata.max.idle.ms; it is forgotten with the next refresh, up to five minutes later
)
RECONNECT_MS = 125  # as recorded of 4.3.1; that other releases take as long is a guess

Key = tuple[str, ...]


class Fenced(Expected):
    """``PrivilegedWriteException``: a newer transactional producer has taken over."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record; ``value`` is ``None`` for a tombstone."""

    offset: int
    key: Key
    value: object
    at_ms: int


SEGMENT_RECORDS = 1_000
"""So many of the newest records are never compacted, as the log cleaner leaves the active segment alone."""


class Subscriber(Protocol):
    """Whoever follows a topic: it is told of every record, and what it has passed need not be kept for it."""

    position: int

    def notice(self) -> None: ...


class Topic:
    """One compacted log. ``end_offset`` is the offset the next record gets."""

    def __init__(self, name: str, sim: Sim) -> None:
        self.name = name
        self.writable = True
        self.end_offset = 0
        self.epoch = 0
        self.folds: dict[object, tuple[int, object]] = {}
        """Folds of the compacted log that readers starting at the same offset share: (offset, fold) by what folded it."""
        self.held: dict[str, Callable[[Key], bool]] = {}
        """Keys whose partition takes no records now, by who holds them."""
        self.on_append: list[Callable[[Record], object]] = []
        """Told of every record."""
        self._sim = sim
        self._cleaned: dict[Key, Record] = {}
        self._segment: deque[Record] = deque()
        self._tail: deque[Record] = deque()
        self._readers: list[Subscriber] = []

    def append(self, key: Key, value: object) -> Record:
        record = Record(self.end_offset, key, value, self._sim.now_ms)
        self.end_offset += 1
        self._segment.append(record)
        if len(self._segment) > SEGMENT_RECORDS:
            self._clean(self._segment.popleft())
        if self._readers:
            self._tail.append(record)
        for reader in self._readers:
            reader.notice()
        for listener in tuple(self.on_append):
            listener(record)
        return record

    def takes(self, key: Key) -> bool:
        """Whether a record with this key can be written now."""
        return not any(is_held(key) for is_held in self.held.values())

    def compacted(self) -> list[Record]:
        """What is left in offset order, as a reader sees it that starts now."""
        return [*self._cleaned.values(), *self._segment]

    def compact(self) -> None:
        """Close the active segment and clean it, so that a reader that starts now sees only the newest of each key."""
        while self._segment:
            self._clean(self._segment.popleft())
        self.folds.clear()

    def _clean(self, record: Record) -> None:
        self._cleaned.pop(record.key, None)
        if record.value is not None:
            self._cleaned[record.key] = record

    def since(self, offset: int) -> Record | None:
        """The record at ``offset``, if it has been appended."""
        index = offset - (self.end_offset - len(self._tail))
        return self._tail[index] if 0 <= index < len(self._tail) else None

    def subscribe(self, reader: Subscriber) -> None:
        self._readers.append(reader)

    def unsubscribe(self, reader: Subscriber) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        self.trim()

    def trim(self) -> None:
        """Forget what every reader has passed."""
        oldest = min((reader.position for reader in self._readers), default=self.end_offset)
        start = self.end_offset - len(self._tail)
        for _ in range(oldest - start):
            self._tail.popleft()


class Reader:
    """One worker's view of a topic: ``apply`` runs for every record, ``lag_ms`` after it was appended."""

    def __init__(
        self,
        topic: Topic,
        process: Process,
        network: Network,
        worker: str,
        lag_ms: Callable[[], int],
        apply: Callable[[Record], object],
    ) -> None:
        self.position = 0
        self._topic = topic
        self._process = process
        self._network = network
        self._worker = worker
        self._lag_ms = lag_ms
        self._apply = apply
        self._scheduled = False
        self._waiting: list[tuple[int, Reply[None]]] = []

    @property
    def at_end(self) -> bool:
        return self.position >= self._topic.end_offset

    def start(self, *, apply: bool = True) -> None:
        """Read what compaction left, then follow the log. ``apply`` is false if the owner has folded that already."""
        for record in self._topic.compacted() if apply else ():
            self._apply(record)
        self.position = self._topic.end_offset
        self._topic.subscribe(self)
        self._network.on_heal(self._healed)

    def stop(self) -> None:
        self._topic.unsubscribe(self)
        self._network.forget(self._healed)

    def notice(self) -> None:
        """A record was appended: schedule one delivery; it carries everything that is due by then."""
        if not self._scheduled:
            self._scheduled = True
            self._process.after(self._lag_ms(), self._deliver)

    def hurry(self) -> None:
        """Its lag may have become shorter: deliver what is due by now."""
        if self._scheduled:
            self._process.run(self._deliver)

    def read_to_end(self) -> Reply[None]:
        """Done when everything appended before this call is applied; a worker cut off from Kafka never gets there."""
        if self.at_end and self._network.kafka_reachable(self._worker):
            return Reply.of(None)
        reply: Reply[None] = Reply()
        self._waiting.append((self._topic.end_offset, reply))
        return reply

    def _healed(self, worker: str) -> None:
        if worker == self._worker:
            self._settle_waiting()
            if not self.at_end:
                self.notice()

    def _deliver(self) -> None:
        self._scheduled = False
        if not self._network.kafka_reachable(self._worker):
            return
        now_ms, lag_ms = self._process.sim.now_ms, self._lag_ms()
        if now_ms < self._connected_at_ms():
            self._deliver_at(self._connected_at_ms())
            return
        while (record := self._topic.since(self.position)) is not None:
            if record.at_ms + lag_ms > now_ms:
                self._deliver_at(record.at_ms + lag_ms)
                break
            self.position += 1
            self._apply(record)
        if self.at_end:
            self._topic.trim()
        self._settle_waiting()

    def _deliver_at(self, at_ms: int) -> None:
        self._scheduled = True
        self._process.after(at_ms - self._process.sim.now_ms, self._deliver)

    def _connected_at_ms(self) -> int:
        """The fetch of a process that was frozen for long is out of time, though its answer waits: it connects anew."""
        thawed_at_ms = self._process.thawed_at_ms
        if thawed_at_ms is None or self._process.slept_ms < FETCH_TIMEOUT_MS:
            return 0
        return thawed_at_ms + RECONNECT_MS

    def _settle_waiting(self) -> None:
        reached = [reply for offset, reply in self._waiting if offset <= self.position]
        self._waiting = [row for row in self._waiting if row[0] > self.position]
        for reply in reached:
            reply.complete(None)


class Sender(Protocol):
    """Where a store sends its records."""

    def send(self, key: Key, value: object) -> object: ...


class Producer:
    """One worker's producer for a topic: ``send`` is acknowledged after ``ack_ms``, or once Kafka is back."""

    def __init__(
        self, topic: Topic, process: Process, network: Network, worker: str, ack_ms: Callable[[], int]
    ) -> None:
        self._topic = topic
        self._process = process
        self._network = network
        self._worker = worker
        self._ack_ms = ack_ms
        self._buffer: deque[tuple[Key, object, Reply[Record]]] = deque()
        self._in_flight = False
        self._epoch: int | None = None
        self._used_at_ms: int | None = None
        network.on_heal(self._healed)

    def admitted(self) -> Steps[bool]:
        """``KafkaProducer.waitOnMetadata``, to be waited for before :meth:`send`: false says that it was in vain."""
        used_at_ms, now_ms = self._used_at_ms, self._process.sim.now_ms
        knows_topic = used_at_ms is not None and now_ms - used_at_ms < METADATA_IDLE_MS
        if knows_topic or self._network.kafka_reachable(self._worker):
            return True
        found = yield Within(self._network.reached(self._worker), MAX_BLOCK_MS)
        return bool(found)

    @property
    def pending(self) -> int:
        return len(self._buffer)

    def send(self, key: Key, value: object) -> Reply[Record]:
        """Queue one record. The reply is its acknowledgement; order is kept."""
        reply: Reply[Record] = Reply()
        self._buffer.append((key, value, reply))
        self._used_at_ms = self._process.sim.now_ms
        self._push()
        return reply

    def claim(self) -> None:
        """``claimWritePrivileges``: from now on only this producer may write; older claims are fenced."""
        self._topic.epoch += 1
        self._epoch = self._topic.epoch

    @property
    def claimed(self) -> bool:
        """Whether it writes in transactions."""
        return self._epoch is not None

    def abandon(self, sent: Sequence[Reply[Record]]) -> None:
        """Give up what was not acknowledged of these: the transaction is aborted."""
        self._buffer = deque(entry for entry in self._buffer if entry[2] not in sent)

    def flush(self) -> Reply[None]:
        """Done when everything sent so far is acknowledged."""
        if not self._buffer:
            return Reply.of(None)
        flushed: Reply[None] = Reply()
        left = len(self._buffer)

        def acknowledged(_: Reply[Record]) -> None:
            nonlocal left
            left -= 1
            if not left:
                flushed.complete(None)

        for _, _, reply in self._buffer:
            reply.on_done(acknowledged)
        return flushed

    def close(self) -> None:
        self._network.forget(self._healed)

    def retry(self) -> None:
        """Try again, after the topic became writable."""
        self._push()

    def _healed(self, worker: str) -> None:
        if worker == self._worker:
            self._push()

    def _push(self) -> None:
        if self._buffer and not self._in_flight:
            self._in_flight = True
            self._process.after(self._ack_ms(), self._arrive)

    def _arrive(self) -> None:
        self._in_flight = False
        if not (self._network.kafka_reachable(self._worker) and self._topic.writable):
            return
        batch, self._buffer = self._buffer, deque()
        if self._topic.held:
            self._buffer = deque(entry for entry in batch if not self._topic.takes(entry[0]))
            batch = deque(entry for entry in batch if self._topic.takes(entry[0]))
        if self._epoch is not None and self._epoch != self._topic.epoch:
            for _, _, reply in batch:
                reply.fail(Fenced())
            return
        acknowledged = [(reply, self._topic.append(key, value)) for key, value, reply in batch]
        for reply, record in acknowledged:
            reply.complete(record)
