"""Who can reach whom: workers and Kafka, workers among themselves.

Rules of this room: a link is up unless a fault stands on it. Faults are data; the code that sends asks here first and
carries the verdict out. Whoever waits for a link to come back registers with :meth:`Network.on_heal`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Break(Enum):
    """How a link is broken, as the sender sees it."""

    REFUSED = "refused"  # answered at once with a reset
    DROPPED = "dropped"  # packets vanish: only time-outs tell
    UNKNOWN_HOST = "dns"
    TLS = "tls"
    GARBAGE = "garbage"  # something answers that is not Connect


IO_CAUSES = {
    Break.REFUSED: "java.net.ConnectException: Connection refused",
    Break.DROPPED: "java.net.SocketTimeoutException: Connect Timeout",
    Break.UNKNOWN_HOST: "java.net.UnknownHostException: {host}",
    Break.TLS: "javax.net.ssl.SSLHandshakeException: (certificate_unknown) PKIX path building failed",
}
"""Texts after ``IO Error trying to forward REST request: ``. REFUSED was seen on real workers; UNKNOWN_HOST and
DROPPED were read from source; the TLS text is a guess."""


class Network:
    """The links of one cluster; workers are named by their names, Kafka is a party of its own."""

    def __init__(self) -> None:
        self._kafka: dict[str, Break] = {}
        self._links: dict[tuple[str, str], Break] = {}
        self._healed: list[Callable[[str], object]] = []

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

    def breaks(self) -> list[tuple[str, str, str]]:
        """Every break as (source, target, how), sorted, for snapshots."""
        rows = [(worker, "kafka", how.value) for worker, how in self._kafka.items()]
        rows += [(source, target, how.value) for (source, target), how in self._links.items()]
        return sorted(rows)

    def on_heal(self, callback: Callable[[str], object]) -> None:
        """``callback(worker)`` runs whenever a worker reaches Kafka again."""
        self._healed.append(callback)

    def forget(self, callback: Callable[[str], object]) -> None:
        if callback in self._healed:
            self._healed.remove(callback)
