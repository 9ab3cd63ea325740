"""Ports that belong to a worker for its whole life, whether it listens or not.

Rules of this room:

* Worker ids are ``host:port``, so the port must be known before there is a cluster. :func:`reserve` binds a socket that
  never listens; a client gets a real refusal from it, and nobody else gets the port.
* A listening socket is made when the worker's Jetty starts and closed when it stops, crashes included.
* Both are bound with ``SO_REUSEPORT``. A system without it binds the port twice at different times only: there the
  reservation is given up while the worker listens, and a refusal is as real, but the port can be lost in between.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final

BACKLOG: Final = 128
_SHARES_PORTS: Final = hasattr(socket, "SO_REUSEPORT")


class ReservedPort:
    """A port of this machine that answers connections with a refusal until :meth:`listen` is called."""

    __slots__ = ("_guard", "host", "port")

    def __init__(self, host: str, port: int) -> None:
        self._guard: socket.socket | None = _bound(host, port)
        self.host = host
        self.port: int = self._guard.getsockname()[1]

    def listen(self) -> socket.socket:
        """A non-blocking listening socket; from now on connections are accepted by the kernel."""
        if not _SHARES_PORTS:
            self._give_up()
        listening = _bound(self.host, self.port)
        listening.listen(BACKLOG)
        return listening

    def listening_ended(self) -> None:
        """The socket of :meth:`listen` was closed."""
        if self._guard is None and not _SHARES_PORTS:
            self._guard = _bound(self.host, self.port)

    def close(self) -> None:
        """Give the port back to the system."""
        self._give_up()

    def _give_up(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    def __repr__(self) -> str:
        return f"ReservedPort({self.host}:{self.port})"


def reserve(host: str = "127.0.0.1", port: int = 0) -> ReservedPort:
    """Reserve a port (0: any free one). Raises :class:`OSError` if it is taken."""
    return ReservedPort(host, port)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach that host."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        if _SHARES_PORTS:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
