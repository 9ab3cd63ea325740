"""One more port in front of all workers: the service, ingress or load balancer that users of a cluster go through.

Rules of this room:

* It balances requests, not connections, as a proxy for HTTP does. ``round_robin`` goes on with the next worker,
  ``random`` draws one, ``sticky`` keeps a client's address with its worker, ``leader`` goes to the leader.
* A worker whose port refuses is passed over, as a proxy tries the next one when it cannot connect. If none is left the
  answer is the proxy's own 503. A worker that goes away while it answers makes a 502 of it; nothing is sent twice.
* The ``Host`` header may name a worker (``connect-1``, ``connect-1.connect.svc:8083``): then it is that worker and no
  other, and 502 if it refuses.
* A worker answers here as it does on its own port, faults included: the request goes to its handler, not over another
  connection. What a connection fault would break is the connection behind the proxy, so the client sees a 502.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

from aiohttp import web

from mockconnect.core.client_faults import Canned, proxy_page
from mockconnect.core.cluster import Cluster
from mockconnect.core.sim import Dice
from mockconnect.rest.clock import Clock
from mockconnect.rest.connection import Connection, Incoming
from mockconnect.rest.damage import proxy_answer
from mockconnect.rest.door import Door
from mockconnect.rest.http_response import Exchange, HttpResponse
from mockconnect.rest.ports import ReservedPort
from mockconnect.rest.tls import Tls

Policy = Literal["round_robin", "random", "sticky", "leader"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
CLIENTS_MAX: Final = 10_000
NO_WORKER_STATUS: Final = 503
BROKEN_STATUS: Final = 502
BAD_REQUEST: Final = Canned(400, page="<html>\n<body>\n<h1>400 Bad Request</h1>\n</body>\n</html>\n")


class Behind(Protocol):
    """A worker's own port, as the front door sees it."""

    @property
    def refuses(self) -> bool: ...
    async def answer(self, incoming: Incoming, head_size: int) -> HttpResponse: ...


class FrontDoor:
    """The front door of one cluster; ``behind`` are the ports of its workers, by name and in order; they may change."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        port: ReservedPort,
        policy: Policy,
        behind: Mapping[str, Behind],
        tls: Tls | None = None,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._port = port
        self._tls = tls
        self._policy = policy
        self._behind = behind
        self._next = 0
        self._clients: dict[str, str] = {}
        self._dice: Dice = cluster.sim.stream("front-door")
        self._door: Door | None = None

    def start(self) -> None:
        """Listen, on the running loop."""
        self._door = Door(self._port, self._handle, self._read_again, self._tls)
        self._door.open()

    def leave(self) -> None:
        """See :meth:`Door.leave`; the port stays reserved."""
        if self._door is not None:
            self._door.leave()

    @property
    def is_empty(self) -> bool:
        return self._door is None or self._door.is_empty

    async def end(self) -> None:
        if self._door is not None:
            await self._door.end()
        self._port.close()

    # --- a request --------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection), connection
        head_size = len(connection.take_seen())
        self._clock.request_began()
        incoming = Incoming.of(request)
        incoming.door, incoming.breaks = "front_door", False
        name = self._chosen(incoming)
        if name is None:
            return self._own_answer(incoming, NO_WORKER_STATUS)
        if self._behind[name].refuses:
            return self._own_answer(incoming, BROKEN_STATUS)
        response = await self._behind[name].answer(incoming, head_size)
        if not response.wire:
            return proxy_answer(proxy_page(BROKEN_STATUS), incoming.texts.exchange)
        return response

    async def _read_again(self, _: bytes, __: web.BaseRequest) -> web.StreamResponse:
        """What is no HTTP does not get through."""
        return proxy_answer(BAD_REQUEST, Exchange(keeps_alive=False))

    def _own_answer(self, incoming: Incoming, status_code: int) -> HttpResponse:
        now_ms, journal = self._cluster.sim.now_ms, self._cluster.requests
        row = journal.begin(now_ms, "front_door", "", incoming.texts.method, incoming.texts.target)
        response = proxy_answer(proxy_page(status_code), incoming.texts.exchange)
        carried = (incoming.client, incoming.texts.headers, b"", response.wire)
        journal.end(row, now_ms, status_code, "", carried)
        return response

    # --- who gets it --------------------------------------------------------------------------------------------------------

    def _chosen(self, incoming: Incoming) -> str | None:
        """The worker that gets a request; ``None`` if nobody takes any."""
        named = self._named(incoming.host)
        if named is not None:
            return named
        match self._policy:
            case "round_robin":
                return self._round_robin()
            case "random":
                open_doors = [name for name in self._behind if not self._behind[name].refuses]
                return self._dice.choice(open_doors) if open_doors else None
            case "sticky":
                return self._sticky(incoming)
            case "leader":
                leader = self._cluster.leader
                if leader is not None and leader in self._behind and not self._behind[leader].refuses:
                    return leader
                return self._round_robin()

    def _named(self, host: str) -> str | None:
        """The worker whose name is the host, or its first label."""
        host = host.partition(":")[0]
        if host in self._behind:
            return host
        label = host.partition(".")[0]
        return label if label in self._behind else None

    def _round_robin(self) -> str | None:
        names = list(self._behind)
        for _ in names:
            name = names[self._next % len(names)]
            self._next = (self._next + 1) % len(names)
            if not self._behind[name].refuses:
                return name
        return None

    def _sticky(self, incoming: Incoming) -> str | None:
        peer = incoming.request.get_extra_info("peername") or ("",)
        client = str(peer[0])
        name = self._clients.get(client)
        if name is None or name not in self._behind or self._behind[name].refuses:
            name = self._round_robin()
            if name is not None:
                if len(self._clients) >= CLIENTS_MAX:
                    self._clients.clear()
                self._clients[client] = name
        return name
