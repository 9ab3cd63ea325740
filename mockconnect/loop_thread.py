"""How a verb gets onto the loop that a cluster lives on: from another thread, or at once.

Rules of this room:

* A :class:`LoopThread` is one daemon thread with one event loop and one cluster; it ends with that cluster.
* What a verb raises is raised where it was called. A verb that comes after the end is carried out at once: nothing
  moves any more, so looking is safe.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from mockconnect.hosted import Hosted
from mockconnect.staging import Staged

T = TypeVar("T")
Verb = Callable[[], T]


class CarryOut(Protocol):
    """Calls a verb on the cluster's loop and gives what it gives."""

    def __call__(self, verb: Verb[T]) -> T: ...


def at_once(verb: Verb[T]) -> T:
    """For those who are on the loop already."""
    return verb()


class LoopThread:
    """A daemon thread with an event loop that one cluster lives on."""

    def __init__(self, staging: Staged) -> None:
        self._staging = staging
        self._loop = asyncio.new_event_loop()
        self._started: Future[Hosted] = Future()
        self._stopping = asyncio.Event()
        self._open = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="mockconnect", daemon=True)

    def start(self) -> Hosted:
        """Gives the cluster when its workers listen."""
        self._thread.start()
        return self._started.result()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        try:
            hosted = await Hosted.start(self._staging)
            hosted.begin()
        except BaseException as error:  # it is raised where start() was called
            self._started.set_exception(error)
            return
        self._started.set_result(hosted)
        await self._stopping.wait()
        await hosted.stop()

    def carry_out(self, verb: Verb[T]) -> T:
        """``verb`` on the loop; from the loop itself, and after its end, at once."""
        if threading.current_thread() is self._thread:
            return verb()
        done: Future[T] = Future()
        with self._open:
            if not self._closed:
                self._loop.call_soon_threadsafe(_fulfil, done, verb)
                return done.result()
        self._thread.join()
        return verb()

    def stop(self) -> None:
        with self._open:
            if not self._closed:
                self._closed = True
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()


def _fulfil(done: Future[T], verb: Verb[T]) -> None:
    try:
        done.set_result(verb())
    except BaseException as error:  # it is raised where the verb was called
        done.set_exception(error)
