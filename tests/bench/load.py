"""A load of GET requests over kept connections, as cheap as Python makes it, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit


class Client(asyncio.Protocol):
    """Sends the same request again as soon as its answer is complete."""

    def __init__(self, request: bytes, deadline: float, done: asyncio.Future[int]) -> None:
        self._request = request
        self._deadline = deadline
        self._done = done
        self._buffer = bytearray()
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not complete(self._buffer):
            return
        assert self._buffer.startswith(b"HTTP/1.1 200"), bytes(self._buffer[:200])
        self._buffer.clear()
        self._count += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(self._count)


def complete(answer: bytes | bytearray) -> bool:
    """Whether one whole answer is there, with a length or in chunks."""
    head_end = answer.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    head = bytes(answer[:head_end]).lower()
    if b"transfer-encoding: chunked" in head:
        return answer.endswith(b"0\r\n\r\n")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return len(answer) >= head_end + 4 + length


async def _throughput(url: str, connections: int, seconds: float) -> float:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    counts: list[asyncio.Future[int]] = [loop.create_future() for _ in range(connections)]
    for count in counts:
        await loop.create_connection(
            lambda count=count: Client(request, started + seconds, count), parts.hostname, parts.port
        )
    total = sum(await asyncio.gather(*counts))
    return total / (time.perf_counter() - started)


def throughput(url: str, *, connections: int = 8, seconds: float = 1.0) -> float:
    """Requests per second."""
    return asyncio.run(_throughput(url, connections, seconds))
