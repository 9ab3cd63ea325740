"""Locks and threads of a worker that has no herder thread: what ``synchronized`` does, and an executor's one thread.

Rules of this room: who waits is let in, in the order of the real ones, when somebody leaves; nothing here takes time by
itself, and nothing knows what it is held for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mockconnect.core.errors import Expected
from mockconnect.core.sim import DONE, Process, Reply, Steps

T = TypeVar("T")


class Monitor:
    """What ``synchronized`` locks, in the order of HotSpot: the last to arrive enters first.

    Those who wait when the holder leaves are let in one after the other; later arrivals come after all of them.
    """

    def __init__(self) -> None:
        self.held = False
        self._entering: deque[Reply[None]] = deque()
        self._arrived: list[Reply[None]] = []

    def enter(self) -> Reply[None]:
        if not self.held:
            self.held = True
            return DONE
        turn: Reply[None] = Reply()
        self._arrived.append(turn)
        return turn

    def leave(self) -> None:
        if not self._entering:
            self._entering.extend(reversed(self._arrived))
            self._arrived.clear()
        if self._entering:
            self._entering.popleft().complete(None)
        else:
            self.held = False

    def during(self, steps: Steps[T]) -> Steps[T]:
        """Run while holding it. A thread that is thrown away with its cluster leaves nothing: nobody may run then."""
        yield self.enter()
        try:
            result = yield from steps
        except Expected:
            self.leave()
            raise
        self.leave()
        return result


class Executor:
    """One thread that runs jobs in the order of their arrival; what a job throws goes nowhere."""

    def __init__(self, process: Process, *, started: bool = True) -> None:
        self._process = process
        self._started = started
        self._jobs: deque[Callable[[], Steps[None]]] = deque()
        self._running = False
        self._ended: Reply[None] = DONE

    def start(self) -> None:
        self._started = True
        self._wake()

    def submit(self, job: Callable[[], Steps[None]]) -> None:
        self._jobs.append(job)
        self._wake()

    @property
    def idle(self) -> bool:
        return not self._running

    def drained(self) -> Reply[None]:
        """Done when every job that was submitted so far is."""
        return self._ended if self._running else DONE

    def _wake(self) -> None:
        if self._started and self._jobs and not self._running:
            self._running = True
            self._ended = Reply()
            self._process.after(0, lambda: self._process.spawn(self._run()))

    def _run(self) -> Steps[None]:
        while self._jobs:
            try:
                yield from self._jobs.popleft()()
            except Expected:
                continue
        self._running = False
        self._ended.complete(None)
