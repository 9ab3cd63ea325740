"""The trace as server-sent events.

Rules of this room:

* The trace does not know who follows it: a follower looks at its length, and costs the simulation nothing. Rows that
  were dropped before a slow follower could have them are told as one ``gap``.
* Each event has the row's number as its id, so a client that lost its connection goes on with ``Last-Event-ID``. When the
  cluster is made anew an event ``reset`` says so and its rows come from the first one on; ids have the number of resets
  in front from then (``2:17``), so that nobody goes on in another run without being told.
* Followers are few and end with the server. One that is slow is waited for, and keeps nothing but its place.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Final

from aiohttp import web

from mockconnect.control.problems import ControlError, encoded
from mockconnect.control.stage import Stage
from mockconnect.control.views import EventView, numbered
from mockconnect.rest.connection import break_connection

FOLLOWERS_MAX: Final = 32
LOOK_S: Final = 0.05
"""How long a new row waits at most."""
ROWS_MAX: Final = 1_000
"""What is told at once: a follower that is slow keeps no more than that in memory."""
STALLED_S: Final = 60.0
"""A follower that takes nothing for so long is given up."""
LIFE_SIGN_S: Final = 15.0
"""What stands between client and server may end a connection on which nothing is said."""


def wants_stream(request: web.BaseRequest) -> bool:
    return request.method == "GET" and "text/event-stream" in request.headers.get("Accept", "")


class Followers:
    """Everybody who follows the trace of one cluster."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ended = asyncio.Event()
        self._count = 0

    def end(self) -> None:
        """No more events for anybody."""
        self._ended.set()

    async def follow(self, request: web.BaseRequest, since: int | None) -> web.StreamResponse:
        """Rows after ``since`` (or what the client had last, or from now on), and all that come."""
        if self._count >= FOLLOWERS_MAX:
            raise ControlError("too-many", f"{FOLLOWERS_MAX} follow the events already")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        response.force_close()
        self._count += 1
        try:
            await response.prepare(request)
            await _Follower(self._stage, response, self._start(request, since)).tell(self._ended)
        except TimeoutError:
            break_connection(request.transport)
        except ConnectionError:
            pass  # the follower is gone
        finally:
            self._count -= 1
        return response

    def _start(self, request: web.BaseRequest, since: int | None) -> Position:
        resets, _, number = request.headers.get("Last-Event-ID", "").rpartition(":")
        if _is_number(number) and (not resets or _is_number(resets)):
            return int(resets or 0), int(number)
        count = self._stage.core.sim.trace.count
        return self._stage.resets, count if since is None else min(since, count)


Position = tuple[int, int]
"""Of which run, by the number of resets, and the number of a row."""
DIGITS_MAX: Final = 18


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX


class _Follower:
    """One of them: what it was told last."""

    def __init__(self, stage: Stage, response: web.StreamResponse, told: Position) -> None:
        self._stage = stage
        self._response = response
        self._resets, self._told = told

    async def tell(self, ended: asyncio.Event) -> None:
        """Everything until the end, or until nobody listens any more."""
        await self._write(b": mockconnect\n\n")
        silent_s = 0.0
        while not ended.is_set():
            if self._has_news:
                await self._tell_new()
                silent_s = 0.0
            elif silent_s >= LIFE_SIGN_S:
                await self._write(b": still here\n\n")
                silent_s = 0.0
            silent_s += LOOK_S
            await _pause(ended)

    @property
    def _has_news(self) -> bool:
        return self._stage.resets != self._resets or self._stage.core.sim.trace.count != self._told

    async def _tell_new(self) -> None:
        lines = []
        trace = self._stage.core.sim.trace
        if self._stage.resets != self._resets or trace.count < self._told:  # fewer: of another server
            self._resets, self._told = self._stage.resets, 0
            lines.append(f'event: reset\nid: {self._id(0)}\ndata: {{"resets":{self._resets}}}\n\n')
        rows = list(islice(numbered(trace, self._told), ROWS_MAX))
        if rows and rows[0].number > self._told + 1:
            missed = f'{{"from":{self._told + 1},"to":{rows[0].number - 1}}}'
            lines.append(f"event: gap\ndata: {missed}\n\n")
        lines += map(self._line, rows)
        self._told = rows[-1].number if rows else trace.count
        await self._write("".join(lines).encode())

    async def _write(self, octets: bytes) -> None:
        """Wait until the follower has room for it. Raises :class:`TimeoutError`."""
        await asyncio.wait_for(self._response.write(octets), STALLED_S)

    def _line(self, row: EventView) -> str:
        return f"id: {self._id(row.number)}\ndata: {encoded(row).decode()}\n\n"

    def _id(self, number: int) -> str:
        return f"{self._resets}:{number}" if self._resets else str(number)


async def _pause(ended: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(ended.wait(), LOOK_S)
    except TimeoutError:
        return
