"""Worker properties, sorted by what becomes of them.

Rules of this room: properties keep Connect's own dotted names. The table ``PROPERTIES`` says which of them the simulation
acts on, ``TIME_PROPERTIES`` which are times of the whole cluster; the others are kept as they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockconnect.arguments.values import duration
from mockconnect.files.problems import Problem, one_of

Reader = Callable[[str, str, list[Problem]], object]


def _choice(*known: str) -> Reader:
    def read(value: str, where: str, problems: list[Problem]) -> object:
        if value.lower() not in known:
            problems.append(Problem(where, one_of(value, known)))
        return value.lower()

    return read


def _truth(value: str, where: str, problems: list[Problem]) -> object:
    if value.lower() not in ("true", "false"):
        problems.append(Problem(where, f"expected true or false, found {value!r}"))
    return value.lower() == "true"


def _word(value: str, *_: object) -> object:
    return value


POLICIES: Final = ("All", "None", "Principal", "Allowlist")


def _policy(value: str, where: str, problems: list[Problem]) -> object:
    """An alias or a class; a class of one's own is taken to allow everything."""
    simple = value.rpartition(".")[2].removesuffix("ConnectorClientConfigOverridePolicy")
    if "." not in value and simple not in POLICIES:
        problems.append(Problem(where, one_of(value, POLICIES)))
    return value


PROPERTIES: Final[Mapping[str, Reader]] = {
    "group.id": _word,
    "connect.protocol": _choice("eager", "compatible", "sessioned"),
    "exactly.once.source.support": _choice("disabled", "preparing", "enabled"),
    "topic.tracking.enable": _truth,
    "topic.tracking.allow.reset": _truth,
    "topic.creation.enable": _truth,
    "connector.client.config.override.policy": _policy,
}
"""Properties that are fields of ``WorkerSettings``, by name with underscores."""

TIME_PROPERTIES: Final = (
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "rebalance.timeout.ms",
    "scheduled.rebalance.max.delay.ms",
    "worker.sync.timeout.ms",
    "worker.unsync.backoff.ms",
    "task.shutdown.graceful.timeout.ms",
    "offset.flush.interval.ms",
    "inter.worker.key.ttl.ms",
    "group.initial.rebalance.delay.ms",
)
"""Properties that are fields of ``Timing``; they count for the whole cluster."""

OWN_PORT: Final = ("listeners", "rest.port", "rest.host.name")
"""Where a worker listens is the business of ``host`` and ``port``."""

# fmt: off
OTHER_PROPERTIES: Final = (
    "access.control.allow.methods", "access.control.allow.origin", "admin.listeners", "bootstrap.servers", "client.id",
    "config.providers", "config.storage.replication.factor", "config.storage.topic", "header.converter",
    "key.converter", "offset.flush.timeout.ms", "offset.storage.file.filename", "offset.storage.partitions",
    "offset.storage.replication.factor", "offset.storage.topic", "plugin.discovery", "plugin.path",
    "response.http.headers.config", "rest.advertised.host.name", "rest.advertised.listener", "rest.advertised.port",
    "rest.extension.classes", "status.storage.partitions", "status.storage.replication.factor",
    "status.storage.topic", "value.converter",
)
# fmt: on
"""Known names that are kept as they are: the REST room reads some, the others only must not look like typing errors."""

KNOWN_PROPERTIES: Final = (*PROPERTIES, *TIME_PROPERTIES, *OWN_PORT, *OTHER_PROPERTIES)
TYPO_RATIO: Final = 0.9
"""A worker ignores properties that it does not know, so only names this close to a known one are refused."""


class Properties:
    """Worker properties, sorted by what becomes of them. Those of one worker begin as a copy of the common ones."""

    def __init__(self, where: str, problems: list[Problem], common: Properties | None = None) -> None:
        self._where = where
        self._problems = problems
        self._is_common = common is None
        self.times: dict[str, int] = {}
        self.fields: dict[str, Any] = dict(common.fields) if common else {}
        self.others: dict[str, str] = dict(common.others) if common else {}
        self.host: str = common.host if common else ""
        self.port: int | None = common.port if common else None

    def read(self, given: Mapping[str, object]) -> None:
        for name, value in given.items():
            where = f"{self._where}[{name!r}]"
            text = _property_text(value, where, self._problems)
            if text is not None:
                self._read(name, text, where)

    def _read(self, name: str, value: str, where: str) -> None:
        if name in PROPERTIES:
            self.fields[name.replace(".", "_")] = PROPERTIES[name](value, where, self._problems)
        elif name in TIME_PROPERTIES:
            self._read_time(name, value, where)
        elif name in OWN_PORT:
            self._problems.append(Problem(where, "say where workers listen with the arguments host and port"))
        elif name == "rest.advertised.host.name":
            self.host = value
        elif name == "rest.advertised.port":
            self._read_port(value, where)
        else:
            self._keep(name, value, where)

    def _read_time(self, name: str, value: str, where: str) -> None:
        if self._is_common:
            self.times[name.replace(".", "_")] = duration(value, where, self._problems)
        else:
            self._problems.append(
                Problem(where, "this counts for all workers: give it in config of the cluster")
            )

    def read_worker_id(self, value: object, where: str) -> None:
        """``host:port`` as it is advertised."""
        host, _, port = str(value).rpartition(":")
        if host and port.isdecimal() and 0 < int(port) <= 65_535:
            self.host, self.port = host, int(port)
        else:
            self._problems.append(
                Problem(where, f"expected a host and a port such as connect-0:8083, found {value!r}")
            )

    def _read_port(self, value: str, where: str) -> None:
        if value.isdecimal() and 0 < int(value) <= 65_535:
            self.port = int(value)
        else:
            self._problems.append(Problem(where, f"expected a port from 1 to 65535, found {value!r}"))

    def _keep(self, name: str, value: str, where: str) -> None:
        close = difflib.get_close_matches(name, KNOWN_PROPERTIES, 1, TYPO_RATIO)
        if close and name not in KNOWN_PROPERTIES:
            self._problems.append(Problem(where, f"unknown; did you mean {close[0]!r}?"))
        else:
            self.others[name] = value


def _property_text(value: object, where: str, problems: list[Problem]) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    problems.append(Problem(where, f"expected a text, a number or a truth value, found {value!r}"))
    return None
