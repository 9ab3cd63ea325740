"""One listening port: it opens and closes, takes connections, and breaks or ends them.

Rules of this room: nothing here knows whose port it is. Closing is immediate; what becomes of open connections is the
caller's word.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import web

from mockconnect.rest.connection import Connection, ConnectionServer, ReadAgain, break_connection
from mockconnect.rest.ports import BACKLOG, ReservedPort
from mockconnect.rest.tls import Tls

SHUTDOWN_TIMEOUT_S: Final = 0.25
"""Only a bound: every open request has been given up before, so nothing is waited for."""


class Door:
    """A reserved port, and the connections that came through it. To be made on the loop that it lives on."""

    def __init__(
        self,
        port: ReservedPort,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        read_again: ReadAgain,
        tls: Tls | None = None,
    ) -> None:
        self._port = port
        self._tls = tls
        self._connections = ConnectionServer(handle, read_again)
        self._listening: socket.socket | None = None
        self._accepting: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    def open(self) -> None:
        # The kernel takes connections from here on, even if the loop is busy for a while.
        self._listening = self._port.listen()
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        """Take everybody who waits. A server of asyncio loses those whom it accepts while it is closed: they hang."""
        assert self._listening is not None, "only a listening port is readable"
        for _ in range(BACKLOG):
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            accepted.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._take(accepted, self._listening))
            self._accepting.add(task)
            task.add_done_callback(partial(self._taken, accepted))

    def _taken(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self._accepting.discard(task)
        if task.cancelled():  # perhaps before its first step: then nobody else knows of the socket
            accepted.close()

    async def _take(self, accepted: socket.socket, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            context = None if self._tls is None else self._tls.context
            transport, _ = await loop.connect_accepted_socket(self._connections, accepted, ssl=context)
        except OSError:  # gone before it said anything
            accepted.close()
            return
        if self._listening is not listening:  # the port was closed in between
            break_connection(transport)

    def close(self, *, breaks: bool) -> None:
        """Stop listening. With ``breaks`` connections break, else those without a request end."""
        self._stop_listening()
        for connection in self._connections.connections:
            if breaks:
                break_connection(connection.transport)
            elif isinstance(connection, Connection) and connection.is_idle:
                connection.force_close()

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
            self._port.listening_ended()

    def leave(self) -> None:
        """Stop listening for good: connections without a request end, those with one break.

        A request that is not for the cluster is answered first.
        """
        self._stop_listening()
        for connection in self._connections.connections:
            assert isinstance(connection, Connection), connection
            if connection.is_aside:
                connection.close()
            elif connection.is_idle:
                connection.force_close()
            else:
                break_connection(connection.transport)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected any more."""
        return not self._connections.connections and not self._accepting

    async def end(self) -> None:
        """No more connections at all."""
        self.close(breaks=True)
        if self._accepting:
            await self._accepted()
        await self._connections.shutdown(SHUTDOWN_TIMEOUT_S)

    async def _accepted(self) -> None:
        """Nobody is being taken any more: a client may never say a word of its handshake."""
        for task in self._accepting if self._tls is not None else ():
            task.cancel()
        await asyncio.wait(self._accepting)
