"""What can be asked for, and what came of it: the arguments of ``start``, and the options of a cluster.

Rules of this room: types only. :class:`Arguments` is what people write, :class:`Options` is complete and checked, and
``mockconnect.arguments`` makes the one of the other. :class:`OptionsError` has every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict

from mockconnect.core.past import LoggerLevel
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.seeding import SeedConnector
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.files.cluster import Cluster
from mockconnect.files.problems import Problem, ProblemsError
from mockconnect.rest.front_door import Policy
from mockconnect.rest.tls import ClientAuth, Tls
from mockconnect.scenario.loading import Scenario

Duration = int | str
Plugin = PluginDesc | Mapping[str, object]
PluginsGiven = str | Path | Sequence[Plugin | str | Path]
"""Names and globs of the catalogue, files, plugins of one's own: see ``choosing.py``."""

Mode = Literal["distributed", "standalone"]


class WorkerGiven(TypedDict, total=False):
    """One worker of ``workers=[...]``. ``worker_id`` is the host and port that it advertises, if not its own."""

    name: str
    worker_id: str
    leader: bool
    kafka_version: str
    commit: str
    plugins: PluginsGiven
    config: Mapping[str, object]


class Arguments(TypedDict, total=False):
    """The keyword arguments of :func:`mockconnect.start`, of the marker and of the fixtures' factory."""

    kafka_version: str | Sequence[str]
    plugins: PluginsGiven | None
    mode: Mode
    seed: int
    clock: str
    per_request: Duration
    host: str
    port: int
    advertised_host: str | None
    plugin_sets: Mapping[str, PluginsGiven]
    connectors: str | Path | Sequence[Mapping[str, object]] | None
    loggers: Mapping[str, Mapping[str, object]]
    cluster: str | Path | Cluster | None
    timing: Mapping[str, Duration]
    config: Mapping[str, object]
    users: Mapping[str, str]
    cluster_id: str
    cold_start: bool
    tls_cert: str | Path | None
    tls_key: str | Path | None
    tls_client_ca: str | Path | None
    tls_client_auth: ClientAuth
    scenario: str | Path | Scenario
    params: Mapping[str, object]
    front_door: str | None
    front_door_port: int
    control_port: int | Literal["auto"] | None
    control_host: str
    control_token: str
    control_mirror: bool


class OptionsError(ProblemsError):
    """Everything that is wrong with the options of a cluster; ``problems`` has one entry per mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems, "the options of the cluster")


@dataclass(frozen=True, slots=True)
class ClockChoice:
    """Which clock drives the cluster; ``rate`` counts for a real one: virtual per real milliseconds."""

    kind: Literal["paced", "real", "manual"]
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class ControlChoice:
    """Where the control API listens (port 0: anywhere free), and who may use it: everybody there, or who has the token.

    ``mirror``: it answers on workers' ports too, under ``/__mockconnect``. ``wish``: the port to take if it is free.
    """

    host: str
    port: int
    token: str
    mirror: bool
    wish: int = 0


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker before its port is known. ``port`` is the advertised port where that is not the listening one."""

    settings: WorkerSettings
    plugins: tuple[PluginDesc, ...]
    port: int | None = None

    def on(self, port: int) -> WorkerSettings:
        return replace(self.settings, port=self.port or port)


@dataclass(frozen=True, slots=True)
class Options:
    """A cluster as it was asked for."""

    workers: tuple[WorkerPlan, ...]
    mode: Mode
    seed: int
    clock: ClockChoice
    host: str
    port: int
    timing: Timing
    connectors: tuple[SeedConnector, ...]
    cluster_id: str
    cold_start: bool
    loggers: Mapping[str, Mapping[str, LoggerLevel]] = field(default_factory=dict)
    leader: str = ""
    tls: Tls | None = None
    front_door: Policy | None = None
    """How one more port in front of all workers chooses among them."""
    front_door_port: int = 0
    control: ControlChoice | None = None
    per_request_ms: int | None = None
    """How far a request moves a paced clock, if somebody has said it."""
