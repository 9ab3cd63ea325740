"""When virtual time moves: with the requests, with the wall clock, or by hand.

Rules of this room:

* A :class:`Clock` belongs to one simulated cluster and one event loop; everything here runs on that loop's thread.
* **Paced**: no wall clock. Every request first moves time on by ``per_request_ms``. A request that has to wait pulls
  time from event to event until it is answered, at once and in one go; so a run is a function of (seed, options, order
  of requests). A request that nothing answers within ``patience_ms`` (a frozen worker, a lost forward) stays open, and
  whoever moves time later answers it.
* **Real**: virtual time is wall time times ``rate``. A timer wakes up at the next event and at no other moment.
* **Manual**: only :meth:`Clock.advance` and :meth:`Clock.run_until` move time; open requests wait for them.
* Virtual time never goes back, and moving it never sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from mockconnect.core.sim import Reply, Sim

PER_REQUEST_MS: Final = 20
"""How far a request moves paced time, unless told otherwise: a client that polls sees a new connector's tasks run after
a dozen looks.
"""
RATE_MAX: Final = 1_000_000.0
"""Faster than anything can be simulated: a clock that never catches up would leave no time for requests."""
PATIENCE_MS: Final = 200_000
"""Longer than any answer of a live worker: 90 s there, 90 s at the worker it forwards to, and some air."""


class Pace(Enum):
    """What moves virtual time."""

    PACED = "paced"
    REAL = "real"
    MANUAL = "manual"


def _check_rate(rate: float) -> None:
    if not 0 < rate <= RATE_MAX:
        raise ValueError(f"rate must be positive and at most {RATE_MAX:g}, not {rate}")


class Clock:
    """The one mover of a cluster's time; see the rules above for its three paces."""

    def __init__(
        self,
        sim: Sim,
        pace: Pace = Pace.PACED,
        *,
        per_request_ms: int = PER_REQUEST_MS,
        rate: float = 1.0,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        _check_rate(rate)
        self.sim = sim
        self.pace = pace
        self._paced = pace is Pace.PACED
        self.per_request_ms = per_request_ms
        self.patience_ms = patience_ms
        self._rate = rate
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wall_s_at_origin = 0.0
        self._origin_ms = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_ms = -1
        self._open: dict[asyncio.Future[None], None] = {}
        self.on_failure: Callable[[Exception], object] | None = None

    # --- life -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to move time, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._set_origin()
        self.rearm()

    def stop(self) -> None:
        """Move nothing any more; requests that still wait are given up (:meth:`answered` returns ``False``)."""
        self._disarm()
        self._loop = None
        open_requests, self._open = self._open, {}
        for waiting in open_requests:
            if not waiting.done():
                waiting.set_result(None)

    # --- requests -------------------------------------------------------------------------------------------------------

    def request_began(self) -> None:
        """Bring time up to the moment of a request."""
        if self._paced:
            self.sim.advance(self.per_request_ms)
        else:
            self._catch_up()

    def pull(self, reply: Reply[Any]) -> bool:
        """What can be done at once for a request that waits; says whether it is answered now."""
        if self._paced and not reply.done:
            self.sim.run_until(reply, self.patience_ms)
        self.rearm()
        return reply.done

    async def answered(self, reply: Reply[Any]) -> bool:
        """Wait for a reply by the rules of the pace. ``False``: the clock was stopped before it came."""
        if self.pull(reply):
            return True
        if self._loop is None:
            return False
        waiting = self._loop.create_future()
        reply.on_done(lambda _: None if waiting.done() else waiting.set_result(None))
        self._open[waiting] = None
        try:
            await waiting
        finally:
            self._open.pop(waiting, None)
        return reply.done

    # --- by hand ----------------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.sim.now_ms

    def advance(self, delta_ms: int) -> None:
        """Move time on, in any pace."""
        self._catch_up()
        self.sim.advance(delta_ms)
        self._moved()

    def run_until(self, until: int | Reply[Any] | Callable[[], bool], max_ms: int | None = None) -> bool:
        """:meth:`Sim.run_until`, in any pace."""
        self._catch_up()
        reached = self.sim.run_until(until, max_ms)
        self._moved()
        return reached

    def _moved(self) -> None:
        self._set_origin()
        self.rearm()

    # --- the wall clock ---------------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Virtual milliseconds per millisecond of the wall clock."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        _check_rate(rate)
        self._catch_up()
        self._rate = rate
        self._moved()

    def rearm(self) -> None:
        """Wake up at the next event; to be called when something was scheduled from outside."""
        if self.pace is not Pace.REAL or self._loop is None:
            return
        next_at_ms = self.sim.next_at()
        if self._timer is not None:
            if next_at_ms == self._timer_at_ms:
                return
            self._disarm()
        if next_at_ms is not None:
            due_s = self._wall_s_at_origin + (next_at_ms - self._origin_ms) / (1000 * self._rate)
            self._timer_at_ms = next_at_ms
            self._timer = self._loop.call_at(due_s, self._wake)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _wake(self) -> None:
        due_ms, self._timer = self._timer_at_ms, None
        try:
            # The loop may call a hair too early.
            self.sim.run_until(max(due_ms, self._wall_ms()))
        except Exception as failure:
            if self.on_failure is None:
                raise
            self.on_failure(failure)
        self.rearm()

    def _catch_up(self) -> None:
        if self.pace is Pace.REAL and self._loop is not None:
            self.sim.run_until(max(self.sim.now_ms, self._wall_ms()))

    def _wall_ms(self) -> int:
        assert self._loop is not None, "only a started clock looks at the wall"
        elapsed_s = self._loop.time() - self._wall_s_at_origin
        return self._origin_ms + int(elapsed_s * 1000 * self._rate)

    def _set_origin(self) -> None:
        if self._loop is not None:
            self._wall_s_at_origin = self._loop.time()
            self._origin_ms = self.sim.now_ms
