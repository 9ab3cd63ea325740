"""Who can reach whom: workers and Kafka, workers among themselves.

Rules of this room: a link is up unless a fault stands on it. Faults are data; the code that sends asks here first and
carries the verdict out. Whoever waits for a link to come back registers with :meth:`Network.on_heal`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from mockconnect.core.sim import Reply


class Break(Enum):
    """How a link is broken, as the sender sees it; ``foreign.py`` has what a worker makes of each."""

    REFUSED = "refused"  # answered at once with a reset
    DROPPED = "dropped"  # packets vanish: only time-outs tell
    SILENT = "silent"  # accepted, then nothing
    UNKNOWN_HOST = "dns"
    TLS = "tls"  # the other's certificate is not trusted
    TLS_NAME = "tls_name"  # ... is made out for somebody else
    TLS_REFUSED = "tls_refused"  # the other does not trust the sender's
    CLOSED = "closed"  # the connection ends before the answer does
    RESET = "reset"  # ... breaks while the request is being sent
    NOT_HTTP = "not_http"
    GARBAGE = "garbage"  # something answers that is not Connect: a proxy's page
    UPSTREAM = "upstream"  # ... a proxy's line of text
    EMPTY = "empty"
    GARBAGE_OK = "garbage_ok"  # as if all were well: 200
    EMPTY_OK = "empty_ok"
    NO_CONTENT = "no_content"
    REDIRECT = "redirect"
    UNAUTHORIZED = "unauthorized"  # 401 that names no scheme
    CHALLENGE = "challenge"  # 401 that does


class Network:
    """The links of one cluster; workers are named by their names, Kafka is a party of its own."""

    def __init__(self) -> None:
        self._kafka: dict[str, Break] = {}
        self._links: dict[tuple[str, str], Break] = {}
        self._healed: list[Callable[[str], object]] = []
        self._awaited: dict[tuple[str, str], list[Reply[None]]] = {}

    def kafka_reachable(self, worker: str) -> bool:
        return worker not in self._kafka

    def kafka_break(self, worker: str) -> Break | None:
        return self._kafka.get(worker)

    def link(self, source: str, target: str) -> Break | None:
        """The break between two workers, or ``None``; a worker always reaches itself."""
        return None if source == target else self._links.get((source, target))

    def cut_kafka(self, worker: str, how: Break = Break.REFUSED) -> None:
        self._kafka[worker] = how

    def heal_kafka(self, worker: str) -> None:
        if self._kafka.pop(worker, None) is not None:
            for callback in tuple(self._healed):
                callback(worker)

    def cut_link(self, source: str, target: str, how: Break = Break.REFUSED) -> None:
        self._links[source, target] = how

    def heal_link(self, source: str, target: str) -> None:
        self._links.pop((source, target), None)
        for reply in self._awaited.pop((source, target), ()):
            reply.complete(None)

    def link_healed(self, source: str, target: str) -> Reply[None]:
        """Done when the link is healed."""
        reply: Reply[None] = Reply()
        self._awaited.setdefault((source, target), []).append(reply)
        return reply

    def breaks(self) -> list[tuple[str, str, str]]:
        """Every break as (source, target, how), sorted, for snapshots."""
        rows = [(worker, "kafka", how.value) for worker, how in self._kafka.items()]
        rows += [(source, target, how.value) for (source, target), how in self._links.items()]
        return sorted(rows)

    def reached(self, worker: str) -> Reply[None]:
        """Done as soon as Kafka can be reached."""
        reply: Reply[None] = Reply()
        if worker not in self._kafka:
            reply.complete(None)
            return reply

        def healed(name: str) -> None:
            if name == worker:
                self.forget(healed)
                reply.complete(None)

        self.on_heal(healed)
        return reply

    def on_heal(self, callback: Callable[[str], object]) -> None:
        """``callback(worker)`` runs whenever a worker reaches Kafka again."""
        self._healed.append(callback)

    def forget(self, callback: Callable[[str], object]) -> None:
        if callback in self._healed:
            self._healed.remove(callback)
