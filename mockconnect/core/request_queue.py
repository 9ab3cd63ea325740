"""The queue of a herder thread: ``DistributedHerderRequest``s in the order in which they are due.

Rules of this room:

* A request is a generator and the reply it completes; what it throws fails the reply.
* Order is (due time, arrival). A request that becomes the next one wakes the thread up.
* Whatever the thread does while a request waits shows as that request's stage.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.settings import Timing
from mockconnect.core.sim import Sim, Steps
from mockconnect.core.stages import StagedReply, TickStage

T = TypeVar("T")
Action = Callable[[], Steps[None]]


@dataclass(slots=True, eq=False)
class Request:
    """``DistributedHerderRequest``: ordered by the time it is due, then by arrival."""

    at_ms: int
    seq: int
    action: Action
    reply: StagedReply[Any]

    def __lt__(self, other: Request) -> bool:
        return (self.at_ms, self.seq) < (other.at_ms, other.seq)


class RequestQueue:
    """What waits for one herder thread."""

    def __init__(self, sim: Sim, timing: Timing, stage: TickStage, wakeup: Callable[[], None]) -> None:
        self._sim = sim
        self._timing = timing
        self._stage = stage
        self._wakeup = wakeup
        self._requests: list[Request] = []
        self._seq = 0

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def next_due_at_ms(self) -> int | None:
        return self._requests[0].at_ms if self._requests else None

    @property
    def due(self) -> bool:
        """Whether a request could run now."""
        return bool(self._requests) and self._requests[0].at_ms <= self._sim.now_ms

    def add(self, action: Action, reply: StagedReply[T], delay_ms: int = 0) -> StagedReply[T]:
        """Queue work for the herder thread; ``action`` completes ``reply`` or raises into it."""
        reply.enqueue(self._stage)
        self._seq += 1
        request = Request(self._sim.now_ms + delay_ms, self._seq, action, reply)
        heapq.heappush(self._requests, request)
        if self._requests[0] is request:
            self._wakeup()
        return reply

    def run_due(self, due_at_ms: int) -> Steps[None]:
        """What was due when the tick came here; what is queued meanwhile waits behind the config updates."""
        while self._requests and self._requests[0].at_ms <= due_at_ms:
            yield from self._run(heapq.heappop(self._requests))

    def _run(self, request: Request) -> Steps[None]:
        if self._timing.herder_request_ms:
            yield self._timing.herder_request_ms
        try:
            yield from request.action()
        except Expected as error:
            request.reply.fail(error)
        request.reply.dequeue()

    def fail_all(self, error: Callable[[], ConnectError]) -> None:
        """Nothing that still waits will be done; each gets an error of its own."""
        while self._requests:
            heapq.heappop(self._requests).reply.fail(error())
