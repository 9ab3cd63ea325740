"""Connect's REST servers: one per worker, on its own port, over one simulated cluster.

Rules of this room:

* All access to core happens here, on one event loop. What moves time is the :class:`Clock`'s business, what a port
  answers that of its :class:`Listener`.
* A bug of ours is logged with the seed and the last rows of the trace, and kept in ``RestServer.bugs``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker
from mockconnect.rest import damage
from mockconnect.rest.clock import Clock
from mockconnect.rest.filters import Filters
from mockconnect.rest.front_door import FrontDoor, Policy
from mockconnect.rest.listener import Aside, Bug, Listener
from mockconnect.rest.ports import ReservedPort, reserve
from mockconnect.rest.tls import Tls

LOG: Final = logging.getLogger("mockconnect")


class RestServer:
    """The REST servers of all workers of a cluster.

    ``ports`` are the reserved ports by worker name, ``admin_ports`` those of ``admin.listeners``, if a worker has any
    (reserved from the property otherwise). They are closed at the end. ``tls`` makes the main ports speak HTTPS. ``front_door`` is one more port, and how it chooses among the workers.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        ports: Mapping[str, ReservedPort],
        *,
        admin_ports: Mapping[str, Sequence[ReservedPort]] | None = None,
        tls: Tls | None = None,
        front_door: tuple[ReservedPort, Policy] | None = None,
    ) -> None:
        self.aside: Aside | None = None
        """Who answers what begins with ``ASIDE``; Connect's own resources do, if nobody."""
        self.cluster = cluster
        cluster.requests.read_answer = damage.read_answer
        self.tls = tls
        self.clock = clock
        self.bugs: list[Bug] = []
        sim, began_at_ms = cluster.sim, cluster.broker.epoch_at_start_ms
        self.epoch_ms: Callable[[], int] = lambda: began_at_ms + sim.now_ms
        """The calendar time of now."""
        self.admin_ports: dict[str, Sequence[ReservedPort]] = {}
        self._listeners: list[Listener] = []
        self._main: dict[str, Listener] = {}
        for worker in cluster.workers.values():
            self._main[worker.name] = Listener(self, worker, ports[worker.name], is_admin=False)
            self._listeners.append(self._main[worker.name])
            self.admin_ports[worker.name] = (admin_ports or {}).get(worker.name) or _admin_ports(worker)
            for port in self.admin_ports[worker.name]:
                self._listeners.append(Listener(self, worker, port, is_admin=True))
        self._front_door = (
            None if front_door is None else FrontDoor(cluster, clock, *front_door, self._main, tls)
        )

    def start(self) -> None:
        """Listen wherever a worker listens now, and follow the workers from here on; on the running loop."""
        self.clock.on_failure = lambda error: self.report("a timer", "-", error)
        self.clock.start()
        for listener in self._listeners:
            listener.follow()
        if self._front_door is not None:
            self._front_door.start()

    def leave(self) -> None:
        """Give up what waits and let go of the workers; the ports stay reserved, for another server."""
        self.clock.stop()
        if self._front_door is not None:
            self._front_door.leave()
        for listener in self._listeners:
            listener.leave()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected any more, after :meth:`leave`."""
        front_door_is_empty = self._front_door is None or self._front_door.is_empty
        return front_door_is_empty and all(listener.is_empty for listener in self._listeners)

    def add(self, worker: ConnectWorker, port: ReservedPort) -> None:
        """One worker more, from now on; the port is closed at the end."""
        listener = self._main[worker.name] = Listener(self, worker, port, is_admin=False)
        self._listeners.append(listener)
        listener.follow()

    def remove(self, name: str) -> None:
        """A worker that is no more: the front door forgets it. Its port refuses already."""
        self._main.pop(name, None)

    async def stop(self) -> None:
        """Give up what waits, break every connection, free the ports."""
        self.clock.stop()
        if self._front_door is not None:
            await self._front_door.end()
        for listener in self._listeners:
            await listener.end()

    def report(self, request: str, worker: str, error: BaseException) -> Bug:
        """Keep and log a bug of ours."""
        sim = self.cluster.sim
        rows = "\n".join(str(row) for row in sim.trace.tail(20))
        bug = Bug(request, worker, error, sim.seed, sim.now_ms, rows)
        self.bugs.append(bug)
        LOG.error("%s", bug, exc_info=error)
        return bug


def _admin_ports(worker: ConnectWorker) -> list[ReservedPort]:
    addresses = Filters.of(worker.settings, 12).admin_addresses or ()
    return [reserve(host or "0.0.0.0", port) for host, port in addresses]
