"""Time and chance: the event heap, virtual milliseconds, seeded streams, processes and the trace.

Rules of this room:

* Time is an integer of virtual milliseconds. It moves only in :meth:`Sim.run_until` and :meth:`Sim.advance`.
* An event is ``(at_ms, seq, action)``; equal instants run in the order in which they were scheduled, so a run is a
  function of (seed, options, inputs).
* Randomness comes from named streams, ``sim.stream("purpose", key)``. A new user of chance takes a new name and so
  leaves everybody else's dice alone.
* Waiting code is a generator that runs inside a :class:`Process` (the simulated operating-system process). It yields
  what it waits for: a number of milliseconds, or a :class:`Reply`. A process can be frozen (nothing of it runs, its
  wake-ups are kept) and killed (nothing of it ever runs again), which is all that SIGSTOP and SIGKILL mean here.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar, cast
from zlib import crc32

from mockconnect.core.errors import Expected, LimitExceeded

T = TypeVar("T")
Action = Callable[[], object]
Dice = random.Random
"""A stream of chance; :meth:`Sim.stream` gives them."""


class Reply(Generic[T]):
    """An answer that is there at once or comes later in virtual time.

    ``done`` says whether; then exactly one of ``value`` and ``error`` counts. Completing twice is allowed and the
    first one wins: a time-out and an answer may race, as they do in Connect's callbacks.
    """

    __slots__ = ("_callbacks", "done", "error", "value")

    def __init__(self) -> None:
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None
        self._callbacks: list[Callable[[Reply[T]], object]] = []

    @classmethod
    def of(cls, value: T) -> Reply[T]:
        reply = cls()
        reply.done = True
        reply.value = value
        return reply

    @classmethod
    def failed(cls, error: BaseException) -> Reply[T]:
        reply = cls()
        reply.done = True
        reply.error = error
        return reply

    def complete(self, value: T) -> None:
        if not self.done:
            self.value = value
            self._finish()

    def fail(self, error: BaseException) -> None:
        if not self.done:
            self.error = error
            self._finish()

    def _finish(self) -> None:
        self.done = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def on_done(self, callback: Callable[[Reply[T]], object]) -> None:
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def result(self) -> T:
        """The value; raises the error if there is one. Only for a reply that is done."""
        assert self.done, "result() of a reply that is not done"
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


def hand_over(outcome: Reply[T], reply: Reply[T]) -> None:
    """Let ``reply`` end as ``outcome`` does, now or when it is there."""

    def ended(done: Reply[T]) -> None:
        if done.error is not None:
            reply.fail(done.error)
        else:
            reply.complete(done.result())

    outcome.on_done(ended)


class Wakeup:
    """A flag that a process sleeps on (``notify``, ``WorkerGroupMember.wakeup``): it stays set until it is taken."""

    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: Reply[None] | None = None

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.complete(None)

    def wait(self) -> Reply[None]:
        """Done when the flag is set; the one who wakes up calls :meth:`take`."""
        if self._set:
            return DONE
        if self._waiting is None:
            self._waiting = Reply()
        return self._waiting

    def take(self) -> bool:
        """Whether it was set; it is not any more."""
        was, self._set = self._set, False
        return was


DONE: Reply[None] = Reply.of(None)


def either(*replies: Reply[Any]) -> Reply[None]:
    """Done when one of them is; their values and errors are left to whoever looks at them."""
    first: Reply[None] = Reply()
    for reply in replies:
        if first.done:
            break
        reply.on_done(lambda _: first.complete(None))
    return first


@dataclass(frozen=True, slots=True)
class Within:
    """Yielded by a process: wait for ``reply`` at most ``timeout_ms``. Sends back whether it is done; raises nothing."""

    reply: Reply[Any]
    timeout_ms: int | None


Steps = Generator[Any, Any, T]
"""A waiting piece of code. It yields an ``int`` (sleep), a ``Reply`` (its value is sent back, its error raised) or
:class:`Within`; it returns ``T``."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of what happened: virtual instant, worker (or ``-``), its generation, what, and detail."""

    at_ms: int
    worker: str
    generation: int
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.at_ms:>10} {self.worker:<18} {self.generation:>4} {self.what:<20} {self.detail}"


class Trace:
    """The rows of a run: the newest ``rows_max`` are kept, and a running hash of all of them."""

    __slots__ = ("_hash", "_rows", "count")

    def __init__(self, rows_max: int) -> None:
        self._rows: deque[TraceRow] = deque(maxlen=rows_max)
        self._hash = 0
        self.count = 0

    def append(self, row: TraceRow) -> None:
        self._rows.append(row)
        text = f"{row.at_ms}|{row.worker}|{row.generation}|{row.what}|{row.detail}\n"
        self._hash = crc32(text.encode("utf-8", "surrogatepass"), self._hash)
        self.count += 1

    @property
    def hash(self) -> str:
        """Equal hashes and counts mean equal runs, for the purpose of a determinism test."""
        return f"{self._hash:08x}-{self.count}"

    def tail(self, rows: int) -> list[TraceRow]:
        return list(islice(self._rows, max(0, len(self._rows) - rows), None))

    def __iter__(self) -> Iterator[TraceRow]:
        return iter(self._rows)


class Sim:
    """The event loop of one simulated cluster.

    ``seed`` drives every draw. ``events_max`` bounds the events of one ``run_until`` that makes no progress in time
    (raises :class:`LimitExceeded`), ``trace_rows_max`` the rows that are kept.
    """

    def __init__(self, seed: int = 0, *, events_max: int = 5_000_000, trace_rows_max: int = 20_000) -> None:
        self.seed = seed
        self.now_ms = 0
        self.trace = Trace(trace_rows_max)
        self.after_event: Callable[[], object] | None = None
        self._events_max = events_max
        self._heap: list[tuple[int, int, Action]] = []
        self._seq = 0
        self._streams: dict[tuple[str, str], random.Random] = {}
        self._conditions: dict[int, tuple[Callable[[], bool], Action]] = {}

    # --- chance -----------------------------------------------------------------------------------------------------

    def stream(self, purpose: str, key: str = "") -> random.Random:
        """The random stream of that name; the same name always continues the same stream."""
        name = (purpose, key)
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = random.Random(f"{self.seed}/{purpose}/{key}")
        return stream

    # --- time ---------------------------------------------------------------------------------------------------------

    def at(self, at_ms: int, action: Action) -> None:
        """Run ``action`` at the instant ``at_ms`` (now, if that is past)."""
        self._seq += 1
        heapq.heappush(self._heap, (max(at_ms, self.now_ms), self._seq, action))

    def after(self, delay_ms: int, action: Action) -> None:
        self._seq += 1
        heapq.heappush(self._heap, (self.now_ms + max(delay_ms, 0), self._seq, action))

    def when(self, condition: Callable[[], bool], action: Action) -> Action:
        """Run ``action`` once, right after the first event that leaves ``condition`` true; that may be now.

        Call what is returned to stop looking. A condition is looked at after every event, so it should be cheap.
        """
        self._seq += 1
        key = self._seq
        self._conditions[key] = (condition, action)
        self.after(0, lambda: None)  # an event to look after
        return lambda: self._conditions.pop(key, None)

    def _look(self) -> None:
        for key, (condition, action) in tuple(self._conditions.items()):
            if key in self._conditions and condition():
                del self._conditions[key]
                action()

    def look_after_events(self, look: Callable[[], object]) -> None:
        """Call that after every event, too, beside whoever looks already."""
        before = self.after_event

        def both() -> None:
            if before is not None:
                before()
            look()

        self.after_event = look if before is None else both

    def sleep(self, delay_ms: int) -> Reply[None]:
        reply: Reply[None] = Reply()
        self.after(delay_ms, lambda: reply.complete(None))
        return reply

    def next_at(self) -> int | None:
        """Instant of the next event, or ``None`` when nothing is scheduled."""
        return self._heap[0][0] if self._heap else None

    @property
    def pending_events(self) -> int:
        return len(self._heap)

    @property
    def scheduled_events(self) -> int:
        """How many events were ever scheduled."""
        return self._seq

    def advance(self, delta_ms: int) -> None:
        """Run everything due in the next ``delta_ms`` and leave the time there."""
        self._run_to(self.now_ms + delta_ms)

    def run_until(self, until: int | Reply[Any] | Callable[[], bool], max_ms: int | None = None) -> bool:
        """Run events until an instant, a reply or a condition; says whether that was reached.

        ``max_ms`` bounds the virtual time spent on a reply or a condition; without it the run ends when no event is
        left. Raises :class:`LimitExceeded` after ``events_max`` events.
        """
        if isinstance(until, int):
            self._run_to(until)
            return True
        reached: Callable[[], bool] = (lambda: until.done) if isinstance(until, Reply) else until
        limit = None if max_ms is None else self.now_ms + max_ms
        return self._run_while_not(reached, limit)

    def _run_to(self, until_ms: int) -> None:
        heap, left = self._heap, self._events_max
        while heap and heap[0][0] <= until_ms:
            self._step()
            left -= 1
            if not left:
                self._exhausted()
        self.now_ms = max(self.now_ms, until_ms)

    def _run_while_not(self, reached: Callable[[], bool], limit_at_ms: int | None) -> bool:
        left = self._events_max
        while not reached():
            if not self._heap or (limit_at_ms is not None and self._heap[0][0] > limit_at_ms):
                if limit_at_ms is not None:
                    self.now_ms = max(self.now_ms, limit_at_ms)
                return reached()
            self._step()
            left -= 1
            if not left:
                self._exhausted()
        return True

    def _step(self) -> None:
        at_ms, _, action = heapq.heappop(self._heap)
        self.now_ms = at_ms
        action()
        if self._conditions:
            self._look()
        if self.after_event is not None:
            self.after_event()

    def _exhausted(self) -> None:
        rows = "\n".join(str(row) for row in self.trace.tail(20))
        raise LimitExceeded(
            f"no end after {self._events_max} events at {self.now_ms} ms (seed {self.seed}); the last rows:\n{rows}"
        )

    # --- trace --------------------------------------------------------------------------------------------------------

    def note(self, worker: str, generation: int, what: str, detail: str = "") -> None:
        self.trace.append(TraceRow(self.now_ms, worker, generation, what, detail))


class Process:
    """A simulated operating-system process: everything that a worker runs, runs inside one.

    ``freeze`` stops it between two instants and keeps its wake-ups, ``thaw`` runs them, ``kill`` ends it.
    """

    __slots__ = (
        "_froze_at_ms",
        "_kept",
        "_killed",
        "_received",
        "alive",
        "frozen",
        "sim",
        "slept_ms",
        "thawed_at_ms",
    )

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.alive = True
        self.frozen = False
        self.thawed_at_ms: int | None = None
        self.slept_ms = 0
        """How long it was frozen, the last time."""
        self._froze_at_ms = 0
        self._kept: list[Action] = []
        self._received: list[Action] = []
        self._killed: dict[Reply[Any], None] = {}

    def run(self, action: Action) -> None:
        """Run ``action`` now, at the thaw if frozen, never if dead."""
        if self.frozen:
            self._kept.append(action)
        elif self.alive:
            action()

    def after(self, delay_ms: int, action: Action) -> None:
        self.sim.after(delay_ms, lambda: self.run(action))

    def receive(self, action: Action) -> None:
        """Run ``action`` for somebody outside: what waits in a socket at the thaw is read when the threads have gone on."""
        if self.frozen:
            self._received.append(action)
        else:
            self.run(action)

    def freeze(self) -> None:
        self.frozen = True
        self._froze_at_ms = self.sim.now_ms

    def thaw(self) -> None:
        self.frozen = False
        self.thawed_at_ms = self.sim.now_ms
        self.slept_ms = self.thawed_at_ms - self._froze_at_ms
        for kept in (self._kept, self._received):
            while kept and not self.frozen:
                self.run(kept.pop(0))

    def kill(self) -> None:
        self.alive = False
        self.frozen = False
        self._kept.clear()
        self._received.clear()
        killed, self._killed = self._killed, {}
        for reply in killed:
            reply.complete(None)

    def death(self) -> Reply[None]:
        """Done when this process dies; give it back with :meth:`forget` when it matters no more."""
        reply: Reply[None] = Reply()
        if self.alive:
            self._killed[reply] = None
        else:
            reply.complete(None)
        return reply

    def forget(self, death: Reply[None]) -> None:
        self._killed.pop(death, None)

    def spawn(self, steps: Steps[T]) -> Reply[T]:
        """Start a thread of this process; the reply carries what ``steps`` returns or raises."""
        thread: Thread[T] = Thread(self, steps)
        self.run(thread.start)
        return thread.ended


class Thread(Generic[T]):
    """One generator in flight. The next wake-up that counts is numbered, so that a late one is dropped."""

    __slots__ = ("_process", "_steps", "_ticket", "ended")

    def __init__(self, process: Process, steps: Steps[T]) -> None:
        self._process = process
        self._steps = steps
        self._ticket = 0
        self.ended: Reply[T] = Reply()

    def start(self) -> None:
        self._resume(None, None)

    def _resume(self, value: object, error: BaseException | None) -> None:
        while True:
            try:
                wanted = self._steps.send(value) if error is None else self._steps.throw(error)
            except StopIteration as stop:
                self.ended.complete(stop.value)
                return
            except Expected as raised:  # anything else is a bug of ours and stops the run where it happened
                self.ended.fail(raised)
                return
            if isinstance(wanted, Reply) and wanted.done:  # no event, no recursion for what is there already
                value, error = wanted.value, wanted.error
                continue
            if isinstance(wanted, Within) and wanted.reply.done:
                value, error = True, None
                continue
            self._wait_for(wanted)
            return

    def _wait_for(self, wanted: object) -> None:
        self._ticket += 1
        ticket = self._ticket
        if isinstance(wanted, int):
            self._process.after(wanted, lambda: self._wake(ticket, None, None))
        elif isinstance(wanted, Reply):
            wanted.on_done(
                lambda reply: self._process.run(lambda: self._wake(ticket, reply.value, reply.error))
            )
        elif isinstance(wanted, Within):
            wanted.reply.on_done(lambda _: self._process.run(lambda: self._wake(ticket, True, None)))
            if wanted.timeout_ms is not None:
                self._process.after(wanted.timeout_ms, lambda: self._wake(ticket, False, None))
        else:
            raise AssertionError(f"a process yielded {wanted!r}")

    def _wake(self, ticket: int, value: object, error: BaseException | None) -> None:
        if ticket == self._ticket:
            self._ticket += 1
            self._resume(value, error)
