"""Stages: what a worker is doing right now, as time-out messages and ``/health`` tell it (``Stage``, KIP-1017).

Rules of this room: a stage is recorded on every request that waits while it runs, and a request shows the last one
recorded on it. A stage that began is completed by its owner; the text of both cases is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mockconnect.core.sim import Reply, hand_over

T = TypeVar("T")


class Stage:
    """``Stage``: a description, when it began, and when it was completed (virtual milliseconds)."""

    __slots__ = ("began_at_ms", "completed_at_ms", "description")

    def __init__(self, description: str, began_at_ms: int) -> None:
        self.description = description
        self.began_at_ms = began_at_ms
        self.completed_at_ms: int | None = None

    def summarize(self, instant: Callable[[int], str]) -> str:
        """The sentence without its full stop; ``instant`` writes a virtual time as Java's ``Instant`` does."""
        began = instant(self.began_at_ms)
        if self.completed_at_ms is None:
            return f"The worker is currently {self.description}, which began at {began}"
        completed = instant(self.completed_at_ms)
        return (
            f"The last operation the worker completed was {self.description}, which began at {began} and completed"
            f" at {completed}"
        )


class TickStage:
    """The stage of one herder thread, as ``tickThreadStage`` is: what runs now, and the last that began."""

    __slots__ = ("_now_ms", "begun", "current", "last")

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.begun = 0
        self.current: Stage | None = None
        self.last: Stage | None = None

    def begin(self, description: str) -> None:
        self.begun += 1
        self.current = self.last = Stage(description, self._now_ms())

    def complete(self) -> None:
        if self.current is not None:
            self.current.completed_at_ms = self._now_ms()
            self.current = None

    def pass_through(self, description: str) -> None:
        """A stage that takes no time here."""
        self.begin(description)
        self.complete()

    @contextmanager
    def during(self, description: str) -> Iterator[None]:
        self.begin(description)
        try:
            yield
        finally:
            self.complete()


class StagedReply(Reply[T]):
    """A reply that shows a stage (``StagedTimeoutException``): one of its own, or, while it waits in the queue of a
    herder thread, whatever that thread is doing.
    """

    __slots__ = ("_queue", "_queued_at", "_stage")

    def __init__(self) -> None:
        super().__init__()
        self._stage: Stage | None = None
        self._queue: TickStage | None = None
        self._queued_at = 0

    @property
    def stage(self) -> Stage | None:
        """The last stage recorded on this request."""
        if self._queue is not None and self._queue.begun > self._queued_at:
            return self._queue.last
        return self._stage

    @stage.setter
    def stage(self, stage: Stage | None) -> None:
        self._stage, self._queue = stage, None

    def enqueue(self, queue: TickStage) -> None:
        """From now on the stages of that thread are recorded here."""
        self._stage, self._queue, self._queued_at = queue.current, queue, queue.begun

    def dequeue(self) -> None:
        """The thread is done with this request; a stage of its own stays."""
        if self._queue is not None and self._queue.begun > self._queued_at:
            self._stage = self._queue.last
        self._queue = None


class CalledReply(StagedReply[T]):
    """The outcome of a herder method that runs on the REST thread itself, as those of ``StandaloneHerder`` do.

    The method may block for as long as it likes; only when it has returned does the time limit for its callback begin.
    """

    __slots__ = ("returned",)

    def __init__(self, returned: Reply[Reply[T]]) -> None:
        """``returned`` is done when the method is: with its callback, or with what the method has thrown."""
        super().__init__()
        self.returned = returned
        returned.on_done(self._on_return)

    def _on_return(self, returned: Reply[Reply[T]]) -> None:
        if returned.error is not None:
            self.fail(returned.error)
        else:
            hand_over(returned.result(), self)
