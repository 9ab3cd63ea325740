"""What a bad network or a bad proxy makes of an answer: finished bytes in, other bytes out.

Rules of this room: an answer is a head, an empty line, and a body that is sent as it is or in one chunk
(:mod:`mockconnect.rest.http_response`). An answer without a body loses part of its head instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from mockconnect.core.client_faults import Canned
from mockconnect.core.journal import Headers
from mockconnect.rest.http_response import Exchange, HttpResponse, reason

_END = b"\r\n\r\n"


def _split(wire: bytes) -> tuple[bytes, bytes]:
    head, end, rest = wire.partition(_END)
    return head + end, rest


def body_of(wire: bytes) -> bytes:
    """The body without its framing."""
    head, body = _split(wire)
    if b"Transfer-Encoding: chunked" in head:
        size, _, rest = body.partition(b"\r\n")
        return rest[: int(size or b"0", 16)]
    return body


def read_answer(wire: bytes) -> tuple[Headers, bytes]:
    """Headers and body of an answer as it was sent, or of the beginning of one."""
    _, *lines = wire.partition(_END)[0].decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return tuple((name, value) for name, _, value in pairs), body_of(wire)


def truncated(response: HttpResponse, keep: float) -> HttpResponse:
    """The beginning of it, then the end of the connection."""
    if response.wire is None:
        return response
    head, body = _split(response.wire)
    wire = head + body[: int(len(body) * keep)] if body else head[: len(head) // 2]
    return HttpResponse(response.status, wire, closes=True)


def malformed(response: HttpResponse) -> HttpResponse:
    """The same answer, complete as HTTP, with the last byte of its body missing."""
    if response.wire is None or not body_of(response.wire):
        return response
    head, body = _split(response.wire)[0], body_of(response.wire)[:-1]
    framing = (b"content-length:", b"transfer-encoding:")
    lines = [line for line in head[: -len(_END)].split(b"\r\n") if not line.lower().startswith(framing)]
    lines.append(b"Content-Length: %d" % len(body))
    return HttpResponse(response.status, b"\r\n".join(lines) + _END + body, closes=not response.keep_alive)


class SlowResponse(HttpResponse):
    """The same bytes, the body in pieces with a pause before each."""

    def __init__(self, response: HttpResponse, pieces: int, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(response.status, response.wire, closes=not response.keep_alive)
        self._pieces = max(1, pieces)
        self._pause = pause

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it piece by piece, as long as anybody listens."""
        if self.wire is None:
            return await super().prepare(request)
        head, body = _split(self.wire)
        size = max(1, -(-len(body) // self._pieces))
        _write(request, head)
        for start in range(0, len(body), size):
            await self._pause()
            _write(request, body[start : start + size])
        return None


def _write(request: web.BaseRequest, octets: bytes) -> None:
    if request.transport is None:
        raise ConnectionResetError("the connection is gone")
    request.transport.write(octets)


def proxy_answer(canned: Canned, exchange: Exchange) -> HttpResponse:
    """What a proxy answers by itself: not Connect's headers, not Connect's body."""
    body = (canned.page or "").encode()
    lines = [
        f"HTTP/1.1 {canned.status_code} {reason(canned.status_code)}",
        "Server: proxy",
        f"Content-Type: {canned.content_type}",
        *(f"{name}: {value}" for name, value in canned.headers),
        f"Content-Length: {len(body)}",
    ]
    if not exchange.keeps_alive:
        lines.append("Connection: close")
    elif exchange.http_1_0:
        lines.append("Connection: keep-alive")
    wire = "\r\n".join(lines).encode() + _END + (b"" if exchange.is_head else body)
    return HttpResponse(canned.status_code, wire, closes=not exchange.keeps_alive)
