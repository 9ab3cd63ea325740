"""``Broker``: what Kafka keeps for the cluster while workers come and go, and what a new process is given of it.

Rules of this room: everything here outlives a worker's process. What is built for one process is built anew at each
start, by the functions at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mockconnect.core.answers import LocalAnswers
from mockconnect.core.config_providers import Secrets, config_providers
from mockconnect.core.config_store import ConfigStore
from mockconnect.core.configdef import ConfigDef
from mockconnect.core.javatime import java_instant
from mockconnect.core.loggers import Loggers
from mockconnect.core.member import Coordinator
from mockconnect.core.network import Network
from mockconnect.core.offset_store import OffsetStore
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Sim
from mockconnect.core.site import Script, Site
from mockconnect.core.status_store import StatusStore
from mockconnect.core.topics import Topic


@dataclass(frozen=True, slots=True)
class Broker:
    """What Kafka keeps for the cluster, and who can reach it."""

    sim: Sim
    timing: Timing
    network: Network
    coordinator: Coordinator
    config_topic: Topic
    status_topic: Topic
    offsets: OffsetStore
    script: Script
    cluster_id: str
    epoch_at_start_ms: int
    clients: Callable[[str], ConfigDef]
    """Definitions of Kafka's own clients by name: what override keys are validated against."""

    def instant(self, at_ms: int) -> str:
        return java_instant(self.epoch_at_start_ms + at_ms)

    def epoch_ms(self, at_ms: int) -> int:
        return self.epoch_at_start_ms + at_ms


def site_of(
    broker: Broker,
    settings: WorkerSettings,
    process: Process,
    plugins: Plugins,
    statuses: StatusStore,
    generation: Callable[[], int],
    secrets: Secrets,
) -> Site:
    return Site(
        broker.sim,
        process,
        settings,
        broker.timing,
        plugins,
        broker.offsets,
        broker.script,
        statuses,
        generation,
        Loggers(lambda: broker.sim.now_ms, settings.version.number),
        config_providers(dict(settings.config), secrets),
    )


def answers_of(
    broker: Broker,
    settings: WorkerSettings,
    plugins: Plugins,
    configs: ConfigStore,
    statuses: StatusStore,
    loggers: Loggers,
    names_table: Callable[[int], int],
) -> LocalAnswers:
    return LocalAnswers(
        settings, configs, statuses, plugins, loggers, broker.epoch_ms, names_table=names_table
    )
