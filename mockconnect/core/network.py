"""Who can reach whom: workers and Kafka, workers among themselves.

Rules of this room: a link is up unless a fault stands on it. Faults are data; the code that sends asks here first and
carries the verdict out. Whoever waits for a link to come back registers with :meth:`Network.on_heal`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

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


K = TypeVar("K")
V = TypeVar("V")


class Layers(Generic[K, V]):
    """What stands where, put there by several: the newest counts, and taking one away leaves the others."""

    def __init__(self) -> None:
        self._layers: dict[K, dict[str, V]] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._layers

    def put(self, key: K, value: V, by: str = "") -> None:
        layers = self._layers.setdefault(key, {})
        layers.pop(by, None)
        layers[by] = value

    def top(self, key: K) -> V | None:
        layers = self._layers.get(key)
        return None if layers is None else next(reversed(layers.values()))

    def take(self, key: K, by: str | None = None) -> bool:
        """Take away what ``by`` put there (``None``: everybody); says whether now nothing is there that was before."""
        layers = self._layers.get(key)
        if layers is None:
            return False
        if by is not None:
            layers.pop(by, None)
        if by is None or not layers:
            del self._layers[key]
            return True
        return False

    def items(self) -> list[tuple[K, V]]:
        return [(key, next(reversed(layers.values()))) for key, layers in self._layers.items()]


class Network:
    """The links of one cluster; workers are named by their names, Kafka is a party of its own.

    ``by`` names who breaks something: a link that two have cut is up again when both have healed it.
    """

    def __init__(self) -> None:
        self._kafka: Layers[str, Break] = Layers()
        self._links: Layers[tuple[str, str], Break] = Layers()
        self._detours: Layers[tuple[str, str], str] = Layers()
        self._leaderless: Layers[str, None] = Layers()
        self._healed: list[Callable[[str], object]] = []
        self._awaited: dict[tuple[str, str], list[Reply[None]]] = {}

    def kafka_reachable(self, worker: str) -> bool:
        return worker not in self._kafka

    def kafka_break(self, worker: str) -> Break | None:
        return self._kafka.top(worker)

    def link(self, source: str, target: str) -> Break | None:
        """The break between two workers, or ``None``; a worker always reaches itself."""
        return None if source == target else self._links.top((source, target))

    def cut_kafka(self, worker: str, how: Break = Break.REFUSED, by: str = "") -> None:
        self._kafka.put(worker, how, by)

    def heal_kafka(self, worker: str, by: str | None = None) -> None:
        """``by`` heals only its own break; ``None`` heals all."""
        if self._kafka.take(worker, by):
            for callback in tuple(self._healed):
                callback(worker)

    def cut_link(self, source: str, target: str, how: Break = Break.REFUSED, by: str = "") -> None:
        self._links.put((source, target), how, by)

    def heal_link(self, source: str, target: str, by: str | None = None) -> None:
        if self._links.take((source, target), by):
            for reply in self._awaited.pop((source, target), ()):
                reply.complete(None)

    def link_healed(self, source: str, target: str) -> Reply[None]:
        """Done when the link is healed."""
        reply: Reply[None] = Reply()
        self._awaited.setdefault((source, target), []).append(reply)
        return reply

    # --- wrong addresses --------------------------------------------------------------------------------------------------

    def detour(self, source: str, url: str, instead: str, by: str) -> None:
        """What ``source`` sends to ``url`` reaches another URL: stale DNS, a proxy, a wrong advertised address."""
        self._detours.put((source, url), instead, by)

    def end_detour(self, source: str, url: str, by: str) -> None:
        self._detours.take((source, url), by)

    def leads_to(self, source: str, url: str) -> str:
        return self._detours.top((source, url)) or url

    def hide_leader(self, worker: str, by: str) -> None:
        """The assignments of this worker carry no leader URL (KAFKA-9883)."""
        self._leaderless.put(worker, None, by)

    def show_leader(self, worker: str, by: str) -> None:
        self._leaderless.take(worker, by)

    def knows_leader(self, worker: str) -> bool:
        return worker not in self._leaderless

    # --- looking ----------------------------------------------------------------------------------------------------------

    def breaks(self) -> list[tuple[str, str, str]]:
        """Every break as (source, target, how), sorted, for snapshots."""
        rows = [(worker, "kafka", how.value) for worker, how in self._kafka.items()]
        rows += [(source, target, how.value) for (source, target), how in self._links.items()]
        rows += [(source, url, f"leads to {instead}") for (source, url), instead in self._detours.items()]
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
