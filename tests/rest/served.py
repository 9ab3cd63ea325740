"""A simulated cluster behind real sockets, and a client that changes nothing of what is sent and received."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.versions import KafkaVersion
from mockconnect.rest.clock import Clock, Pace
from mockconnect.rest.front_door import Policy
from mockconnect.rest.ports import ReservedPort, reserve
from mockconnect.rest.servers import RestServer

FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SECONDS = 60
"""Nothing takes as long; it only turns a hanging test into a failing one."""


def source(name: str, **config: str) -> SeedConnector:
    return SeedConnector(name, {"connector.class": FILE_SOURCE, "topic": "t", **config})


@dataclass(slots=True)
class Peer:
    """The client's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self, *, is_head: bool = False) -> str:
        """The next answer, complete, with the date and chunk sizes left out."""
        async with asyncio.timeout(SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = b"" if is_head else await self._body(head)
        return re.sub(r"(?m)^Date: .*?\r$", "Date: ...\r", head) + body.decode()

    async def _body(self, head: str) -> bytes:
        length = re.search(r"(?i)^content-length: (\d+)\r$", head, re.MULTILINE)
        if length is not None:
            return await self.reader.readexactly(int(length[1]))
        if "Transfer-Encoding: chunked" in head:
            return await self._chunks()
        if head.startswith(("HTTP/1.1 204", "HTTP/1.1 100")):
            return b""
        return await self.reader.read()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body

    async def ended(self) -> bool:
        """Whether the server ends the connection after what was read; raises if it resets it."""
        async with asyncio.timeout(SECONDS):
            return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


def request(method: str, target: str, *headers: str, body: bytes | None = None, host: str = "h:1") -> bytes:
    """A request as it stands on the wire. ``Content-Length`` is added if there is a body."""
    lines = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host else []), *headers]
    if body is not None and not any("Transfer-Encoding" in header for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def answer(status: str, *headers: str, body: str = "", server: str = "Jetty(12.0.34)") -> str:
    """An answer of Jetty 12 as :meth:`Peer.answer` shows it."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Server: {server}", "Date: ...", *headers, "", ""]) + body


@dataclass(slots=True)
class ServedCluster:
    """A cluster that listens."""

    cluster: Cluster
    server: RestServer
    clock: Clock
    ports: list[ReservedPort]
    door_port: int = 0
    _peers: list[Peer] = field(default_factory=list)

    async def connect(self, worker: int = 0, port: int | None = None) -> Peer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port or self.ports[worker].port, limit=2**20
        )
        peer = Peer(reader, writer)
        self._peers.append(peer)
        return peer

    async def at_the_door(self, octets: bytes, *, is_head: bool = False) -> str:
        """One exchange with the front door."""
        peer = await self.connect(port=self.door_port)
        await peer.send(octets)
        seen = await peer.answer(is_head=is_head)
        await peer.close()
        return seen

    async def raw(self, octets: bytes, worker: int = 0) -> str:
        """One exchange over a connection of its own."""
        peer = await self.connect(worker)
        await peer.send(octets)
        seen = await peer.answer(is_head=octets.startswith(b"HEAD "))
        await peer.close()
        return seen

    async def ask(
        self,
        method: str,
        target: str,
        *headers: str,
        body: bytes | None = None,
        worker: int = 0,
        host: str = "h:1",
    ) -> str:
        return await self.raw(request(method, target, *headers, body=body, host=host), worker)

    async def close(self) -> None:
        for peer in self._peers:
            await peer.close()
        await self.server.stop()


@asynccontextmanager
async def served(
    workers: int = 1,
    *,
    connectors: Sequence[SeedConnector] = (),
    config: Sequence[tuple[str, str]] = (),
    version: str = "4.3.1",
    pace: Pace = Pace.PACED,
    rate: float = 1.0,
    started: bool = True,
    timing: Timing | None = None,
    front_door: Policy | None = None,
) -> AsyncIterator[ServedCluster]:
    """Workers ``connect-0``, ... behind their ports; settled, unless they are not to be started."""
    ports = [reserve() for _ in range(workers)]
    settings = [
        WorkerSettings(
            f"connect-{n}", port=port.port, version=KafkaVersion.parse(version), config=tuple(config)
        )
        for n, port in enumerate(ports)
    ]
    options = ClusterOptions(
        workers=tuple(settings),
        plugins=apache_plugins(),
        connectors=tuple(connectors),
        timing=timing or Timing(),
    )
    cluster = Cluster(options)
    if started:
        cluster.start()
        assert cluster.settle()
    clock = Clock(cluster.sim, pace, rate=rate)
    by_name = {each.name: port for each, port in zip(settings, ports, strict=True)}
    door = None if front_door is None else (reserve(), front_door)
    server = RestServer(cluster, clock, by_name, front_door=door)
    server.start()
    running = ServedCluster(cluster, server, clock, ports, 0 if door is None else door[0].port)
    try:
        yield running
    finally:
        await running.close()
