"""The aiohttp side: one connection, the requests that come over it, and how it breaks.

Rules of this room:

* aiohttp parses and keeps order; what it would answer by itself is replaced (:mod:`mockconnect.rest.heads`).
* An :class:`Incoming` is what the rest of the room sees of a request, whoever parsed it.
* Nothing here knows Connect, beyond carrying what a request asks for.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11

from mockconnect.core.forwarding import Call
from mockconnect.core.journal import RequestRow
from mockconnect.core.sim import Reply
from mockconnect.rest.heads import Head
from mockconnect.rest.http_response import CONTINUE
from mockconnect.rest.texts import Texts, texts_of

KEPT_MAX: Final = 65_536
"""How much of a request is kept for reading it again."""
BODY_SIZE_MAX: Final = 32 * 1024 * 1024
_RESET: Final = struct.pack("ii", 1, 0)


class BodyTooLarge(Exception):  # noqa: N818 - it becomes an answer
    """Jetty has no limit; the simulator has one."""


@dataclass(slots=True)
class Incoming:
    """A request. ``body`` is there once it was read, or already if the request was; ``was_read``: somebody wanted it."""

    request: web.BaseRequest
    texts: Texts
    client: object
    """The address of the other end of the connection."""
    body: bytes | None = None
    was_read: bool = False
    was_invited: bool = False
    began_at_ms: int = 0
    call: Call | None = None
    """What it asks for, once that is known."""
    message: str = ""
    """Of the error it got."""
    row: RequestRow | None = None
    """Its row in the journal, if somebody watches."""
    door: Literal["worker", "front_door"] = "worker"
    breaks: bool = True
    """Whether a connection that breaks is the client's own; a front door keeps that."""
    given_up: Reply[None] | None = None
    """Done when the proxy in front of the worker waits no longer, if there is one."""

    @classmethod
    def of(cls, request: web.BaseRequest) -> Incoming:
        texts = texts_of(
            request.method, request.raw_path, request.raw_headers, request.version, request.keep_alive
        )
        return cls(request, texts, client_of(request))

    @classmethod
    def again(cls, request: web.BaseRequest, head: Head) -> Incoming:
        version = HttpVersion10 if head.http_1_0 else HttpVersion11
        texts = texts_of(head.method, head.target, head.headers, version, head.keeps_alive)
        return cls(request, texts, client_of(request), head.body)

    @property
    def host(self) -> str:
        """The ``Host`` header; an HTTP/1.0 request may do without."""
        if self.texts.host is not None:
            return self.texts.host
        address = self.request.get_extra_info("sockname") or ("", 0)
        return f"{address[0]}:{address[1]}"

    def invite(self) -> None:
        """``100 Continue``, once."""
        if self.request.transport is not None and not self.was_invited:
            self.was_invited = True
            self.request.transport.write(CONTINUE)

    def invite_unless_sent(self) -> None:
        """``100 Continue``, if nothing of the body is there yet."""
        if not self.has_body_already:
            self.invite()

    @property
    def has_body_already(self) -> bool:
        return bool(self.body) if self.body is not None else self.request.content.total_bytes > 0

    async def read(self) -> bytes:
        """The body. Raises :class:`BodyTooLarge`, and what aiohttp raises for a broken one."""
        self.was_read = True
        if self.body is None:
            self.body = await self._arriving()
        return self.body

    async def _arriving(self) -> bytes:
        content = self.request.content
        if content.is_eof():
            return content.read_nowait(-1)
        body = bytearray()
        while chunk := await content.readany():
            body += chunk
            if len(body) > BODY_SIZE_MAX:
                raise BodyTooLarge
        return bytes(body)


ReadAgain = Callable[[bytes, web.BaseRequest], Awaitable[web.StreamResponse]]


class Connection(web.RequestHandler):
    """One connection. It remembers the bytes of the request that is being read."""

    __slots__ = ("_read_again", "_seen", "client", "is_aside")

    def __init__(self, read_again: ReadAgain, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._read_again = read_again
        self._seen = b""
        self.client: object = None
        """The address of the other end."""
        self.is_aside = False
        """Whether the request that is being answered is not one for the simulated cluster."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.client = transport.get_extra_info("peername")

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, or of a body."""
        if not self._seen:
            self._seen = data
        elif len(self._seen) < KEPT_MAX:
            self._seen += data
        super().data_received(data)

    def take_seen(self) -> bytes:
        """What came since the last request was taken; what comes now belongs to the next one."""
        seen, self._seen = self._seen, b""
        return seen

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self._current_request is None and not self._messages

    def _make_error_handler(self, _: Any) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        octets = self.take_seen()
        return lambda request: self._read_again(octets, request)


def client_of(request: web.BaseRequest) -> object:
    connection = request.protocol
    assert isinstance(connection, Connection), connection
    return connection.client


class ConnectionServer(web.Server):
    """Makes the connections of one listening port."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], read_again: ReadAgain
    ) -> None:
        super().__init__(handler)
        self._read_again = read_again

    def __call__(self) -> Connection:
        return Connection(
            self._read_again,
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            tcp_keepalive=False,
            auto_decompress=False,
            max_line_size=KEPT_MAX,
            max_field_size=KEPT_MAX,
            max_headers=2000,
            lingering_time=1.0,
        )


def break_connection(transport: asyncio.BaseTransport | None) -> None:
    """Reset it, as the death of a process does."""
    if transport is None or transport.is_closing():
        return
    endpoint = transport.get_extra_info("socket")
    if endpoint is not None:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    assert isinstance(transport, asyncio.WriteTransport), transport
    transport.abort()
