"""Answers as bytes: status line, headers in Jetty's order, and the way a body ends.

Rules of this room:

* aiohttp's own responses add and sort headers as they like. :class:`HttpResponse` writes finished bytes instead, which
  is also the cheapest thing to do.
* Jetty 12 sends ``Server`` and ``Date`` first, Jetty 9.4 sends ``Date`` first and ``Server`` last. What the client wished
  for the connection Jetty 9.4 repeats before everything else, Jetty 12 says it last; an empty body has no length on 9.4 if
  the connection ends.
* ``Date`` is virtual time: a run looks the same whenever it is made.
* A body of more than 8 KiB is chunked; where it cannot be (HTTP/1.0, a closing connection), the end of the connection is
  its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from mockconnect.rest.jetty import Headers, Jetty, Page

BUFFER_SIZE: Final = 8192
"""What Jersey collects of an entity before it sends the head, without a length if there is more to come."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS: Final = {
    **{int(each): each.phrase for each in HTTPStatus},
    413: "Payload Too Large",
    500: "Server Error",
}
_REASONS_9: Final = {**_REASONS, 500: "Internal Server Error"}
"""Jersey 2 gives Jetty the phrases of JAX-RS."""


def reason(status_code: int) -> str:
    """The usual phrase for a status code."""
    return _REASONS.get(status_code, "")


class HttpResponse(web.StreamResponse):
    """Finished bytes. With ``closes`` the connection ends after them, without ``wire`` it breaks at once."""

    def __init__(self, status_code: int, wire: bytes | None, *, closes: bool = False) -> None:
        super().__init__(status=status_code)
        self._wire = wire
        self._closes = closes

    @property
    def wire(self) -> bytes | None:
        return self._wire

    @property
    def keep_alive(self) -> bool:
        return not self._closes

    def closing(self) -> HttpResponse:
        """The same bytes, and no further request on this connection."""
        return HttpResponse(self.status, self._wire, closes=True)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything."""
        transport = request.transport
        if transport is None or self._wire is None:
            raise ConnectionResetError("the connection is gone")
        transport.write(self._wire)
        if len(self._wire) > 65_536:
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What of a request shapes the bytes of its answer: a ``HEAD``, an old protocol, the end of the connection."""

    is_head: bool = False
    http_1_0: bool = False
    keeps_alive: bool = True


USUAL: Final = Exchange()


def header_lines(headers: Headers) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


class ResponseBuilder:
    """Makes the answers of one Jetty. ``epoch_ms`` tells the calendar time."""

    def __init__(self, jetty: Jetty, epoch_ms: Callable[[], int]) -> None:
        self._epoch_ms = epoch_ms
        self._server = f"Server: {jetty.server}\r\n"
        self._server_first = jetty.line == 12
        self._second = -1
        self._starts: dict[int, str] = {}

    def entity(
        self, status_code: int, lines: str, body: bytes | None, exchange: Exchange = USUAL
    ) -> HttpResponse:
        """An answer of the resources. ``lines`` are header lines up to the content type; ``body`` is ``None`` where
        there is not even an empty one."""
        if exchange is USUAL and body is not None and len(body) <= BUFFER_SIZE and self._server_first:
            head = f"{self._start(status_code)}{lines}Content-Length: {len(body)}\r\n\r\n"
            return HttpResponse(status_code, head.encode("utf-8", "surrogateescape") + body)
        framing, connection, sent, closes = _framed(body, exchange)
        start = self._start(status_code)
        if self._server_first:
            return self._assembled(start, lines + framing + connection, sent, closes, status_code)
        if body == b"" and not exchange.keeps_alive:
            framing = ""
        status, _, rest = start.partition("\r\n")
        return self._assembled(f"{status}\r\n{connection}{rest}", lines + framing, sent, closes, status_code)

    def page(self, page: Page, *, is_head: bool = False) -> HttpResponse:
        """An answer of Jetty itself."""
        start = f"HTTP/1.1 {page.status_code} {page.reason}\r\n"
        if self._server_first:
            start += self._server + self._date()
        body = b"" if is_head else page.body
        return self._assembled(start, header_lines(page.headers), body, page.closes, page.status_code)

    def _assembled(self, start: str, lines: str, body: bytes, closes: bool, status_code: int) -> HttpResponse:
        end = "\r\n" if self._server_first else f"{self._server}\r\n"
        head = f"{start}{lines}{end}".encode("utf-8", "surrogateescape")
        return HttpResponse(status_code, head + body, closes=closes)

    def _start(self, status_code: int) -> str:
        """The status line with the headers that are always there; good for a second."""
        second = self._epoch_ms() // 1000
        if second != self._second:
            self._second = second
            self._starts.clear()
        start = self._starts.get(status_code)
        if start is None:
            reasons = _REASONS if self._server_first else _REASONS_9
            start = f"HTTP/1.1 {status_code} {reasons.get(status_code, '')}\r\n"
            start += self._server + self._date() if self._server_first else self._date()
            self._starts[status_code] = start
        return start

    def _date(self) -> str:
        return f"Date: {formatdate(self._epoch_ms() // 1000, usegmt=True)}\r\n"


def _framed(body: bytes | None, exchange: Exchange) -> tuple[str, str, bytes, bool]:
    """Header lines about the length and about the connection, the bytes to send, and whether the connection ends."""
    closes = not exchange.keeps_alive
    if body is None:
        framing, sent = "", b""
    elif exchange.is_head:
        framing, sent = f"Content-Length: {len(body) if len(body) <= BUFFER_SIZE else 0}\r\n", b""
    elif len(body) <= BUFFER_SIZE:
        framing, sent = f"Content-Length: {len(body)}\r\n", body
    elif exchange.http_1_0 or closes:
        framing, sent, closes = "", body, True
    else:
        return "Transfer-Encoding: chunked\r\n", "", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), False
    if exchange.http_1_0:
        return framing, "" if closes else "Connection: keep-alive\r\n", sent, closes
    return framing, "Connection: close\r\n" if closes else "", sent, closes
