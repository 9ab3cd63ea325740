"""The trace as server-sent events.

Rules of this room:

* The trace does not know who follows it: a follower looks at its length, and costs the simulation nothing. Rows that
  were dropped before a slow follower could have them are told as one ``gap``.
* Each event has the row's number as its id, so a client that lost its connection goes on with ``Last-Event-ID``.
* Followers are few and end with the server.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from mockconnect.control.problems import ControlError, encoded
from mockconnect.control.views import numbered
from mockconnect.core.sim import Trace

FOLLOWERS_MAX: Final = 32
LOOK_S: Final = 0.05
"""How long a new row waits at most."""
LIFE_SIGN_S: Final = 15.0
"""What stands between client and server may end a connection on which nothing is said."""


def wants_stream(request: web.BaseRequest) -> bool:
    return "text/event-stream" in request.headers.get("Accept", "")


class Followers:
    """Everybody who follows one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
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
            await self._tell(response, self._start(request, since))
        except ConnectionError:
            pass  # the follower is gone
        finally:
            self._count -= 1
        return response

    def _start(self, request: web.BaseRequest, since: int | None) -> int:
        last = request.headers.get("Last-Event-ID", "")
        if last.isdecimal():
            return int(last)
        return self._trace.count if since is None else since

    async def _tell(self, response: web.StreamResponse, told: int) -> None:
        await response.write(b": mockconnect\n\n")
        silent_s = 0.0
        while not self._ended.is_set():
            if self._trace.count > told:
                told = await self._tell_new(response, told)
                silent_s = 0.0
            elif silent_s >= LIFE_SIGN_S:
                await response.write(b": still here\n\n")
                silent_s = 0.0
            silent_s += LOOK_S
            await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), LOOK_S)
        except TimeoutError:
            return

    async def _tell_new(self, response: web.StreamResponse, told: int) -> int:
        rows = list(numbered(self._trace, told))
        lines = []
        if rows and rows[0].number > told + 1:
            lines.append(f'event: gap\ndata: {{"from":{told + 1},"to":{rows[0].number - 1}}}\n\n')
        lines += [f"id: {row.number}\ndata: {encoded(row).decode()}\n\n" for row in rows]
        await response.write("".join(lines).encode())
        return rows[-1].number if rows else self._trace.count
