"""What a cluster has when its story begins: its topics, written as its history would have left them.

Rules of this room:

* Everything is records in the config and status topics, and committed offsets. No answer of a worker is made here.
* What ran when that was written becomes the :class:`Past` of the worker that ran it. A status without a worker is dealt
  to whoever has least. A status of a worker that is not there is that of a dead one: nobody has noticed yet, so
  its work waits for the delay of a scheduled rebalance.
* A connector without a status was created and never seen: it is assigned in the first round, and starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mockconnect.core import config_store, status_store
from mockconnect.core.answers import hash_ordered
from mockconnect.core.broker import Broker
from mockconnect.core.config_store import SessionKey
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import connector_task_configs, instantiated
from mockconnect.core.offset_store import Offset, Partition
from mockconnect.core.past import LoggerLevel, Past
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.terms import Assignment, Config, ConnectorTaskId, State, Status, TargetState, TaskConfig
from mockconnect.core.worker_task import offsets_owner

PLUGIN_VERSION: Final = ""
"""In a status: the version of the connector's plugin."""

GENERATION: Final = 0
"""Before the first one of this cluster."""


@dataclass(frozen=True, slots=True)
class SeedStatus:
    """A status that has been written. ``worker`` is a worker's id or name; empty: wherever the work is dealt."""

    state: State
    worker: str = ""
    trace: str | None = None
    version: str | None = PLUGIN_VERSION


@dataclass(frozen=True, slots=True)
class SeedConnector:
    """A connector that exists before the cluster starts.

    ``task_configs`` are those that it once generated; ``None``: those it would generate. ``task_statuses`` go by task.
    """

    name: str
    config: Config
    target: TargetState = TargetState.STARTED
    status: SeedStatus | None = None
    task_statuses: Mapping[int, SeedStatus] = field(default_factory=dict)
    task_configs: tuple[TaskConfig, ...] | None = None
    offsets: tuple[tuple[Partition | None, Offset], ...] = ()
    topics: tuple[str, ...] = ()


def seed(
    broker: Broker,
    workers: Sequence[WorkerSettings],
    plugins: Sequence[PluginDesc],
    connectors: Sequence[SeedConnector],
    loggers: Mapping[str, Mapping[str, LoggerLevel]],
) -> dict[str, Past]:
    """Write what the topics hold before anybody reads them; gives the past of each worker that has one, by name."""
    seeding = _Seeding(broker, workers, Plugins(plugins, workers[0].version.number))
    if connectors and workers[0].exactly_once_source_enabled:
        # Followers sign what they ask of the leader before their first task starts, and the leader's key is not there yet.
        key = broker.sim.stream("session-key").randbytes(32)
        broker.config_topic.append((config_store.SESSION_KEY,), SessionKey(key, "HmacSHA256", 0))
    for one in connectors:
        seeding.write(one)
    return seeding.pasts(loggers)


class _Seeding:
    """One pass over the connectors; who ran what gathers on the way."""

    def __init__(self, broker: Broker, workers: Sequence[WorkerSettings], plugins: Plugins) -> None:
        self._broker = broker
        self._plugins = plugins
        self._version = workers[0].version.number
        self._names = {one.worker_id: one.name for one in workers}
        self._ids = {one.name: one.worker_id for one in workers}
        self._connectors: dict[str, dict[str, State]] = {one.name: {} for one in workers}
        self._tasks: dict[str, dict[ConnectorTaskId, State]] = {one.name: {} for one in workers}
        self._known: dict[str | ConnectorTaskId, None] = {}

    def write(self, one: SeedConnector) -> None:
        config = hash_ordered({**one.config, "name": one.name})
        plugin = self._plugin(config)
        tasks = self._tasks_of(one, config, plugin)
        self._write_configs(one, config, tasks)
        if one.task_configs:
            self._broker.script.generated[one.name] = (config, tuple(one.task_configs))
        self._write_statuses(one, plugin)
        if one.offsets:
            self._broker.offsets.commit(self._offsets_owner(one, plugin), one.offsets)

    def _plugin(self, config: Config) -> PluginDesc | None:
        try:
            return instantiated(self._plugins, config)
        except ConnectError:
            return None

    # --- the config topic -------------------------------------------------------------------------------------------------

    def _write_configs(self, one: SeedConnector, config: Config, tasks: Iterable[TaskConfig]) -> None:
        append = self._broker.config_topic.append
        if one.target is not TargetState.STARTED:
            append((config_store.TARGET, one.name), one.target)
        append((config_store.CONNECTOR, one.name), config)
        count = 0
        for number, task in enumerate(tasks):
            append((config_store.TASK, one.name, str(number)), hash_ordered(task))
            count = number + 1
        append((config_store.COMMIT, one.name), count)

    def _tasks_of(self, one: SeedConnector, config: Config, plugin: PluginDesc | None) -> list[TaskConfig]:
        """At least as many as there are statuses; a task of which nothing is known has the connector's config."""
        found: list[TaskConfig] = []
        if one.task_configs is not None:
            found += one.task_configs
        elif one.target is not TargetState.STOPPED:
            found += self._generated(one.name, config, plugin)
        missing = max((number + 1 for number in one.task_statuses), default=0) - len(found)
        unknown = {name: value for name, value in config.items() if value is not None}
        return found + [unknown] * (missing if one.task_configs is None else 0)

    def _generated(self, name: str, config: Config, plugin: PluginDesc | None) -> list[dict[str, str]]:
        if plugin is None:
            return []
        try:
            return connector_task_configs(name, config, plugin, self._version)
        except ConnectError:
            return []

    # --- the status topic -------------------------------------------------------------------------------------------------

    def _write_statuses(self, one: SeedConnector, plugin: PluginDesc | None) -> None:
        append = self._broker.status_topic.append
        if one.status is not None:
            status = self._place(one.name, one.status, self._connectors)
            append((status_store.CONNECTOR, one.name), _record(status, plugin))
        for number, given in sorted(one.task_statuses.items()):
            task_id = ConnectorTaskId.of(one.name, number)
            status = self._place(task_id, given, self._tasks)
            append((status_store.TASK, one.name, str(number)), _record(status, plugin))
        for topic in one.topics:
            append((status_store.TOPIC, one.name, topic), str(ConnectorTaskId.of(one.name, 0)))

    def _place(self, item: Any, status: SeedStatus, running: dict[str, dict[Any, State]]) -> SeedStatus:
        """The status with its worker's id; the worker goes on with the item, unless it has let go of it."""
        self._known[item] = None
        name = self._names.get(status.worker, status.worker)
        if not name:
            name = min(running, key=lambda worker: len(running[worker]))
        if name in running and status.state is not State.UNASSIGNED:
            running[name][item] = status.state
        return replace(status, worker=self._ids.get(name, status.worker))

    # --- the rest ---------------------------------------------------------------------------------------------------------

    def _offsets_owner(self, one: SeedConnector, plugin: PluginDesc | None) -> str:
        if plugin is None:  # its offsets say what it is
            sink = any("kafka_topic" in (partition or {}) for partition, _ in one.offsets)
            plugin = PluginDesc("", "sink" if sink else "source", None)
        return offsets_owner(plugin, one.name, one.config)

    def pasts(self, loggers: Mapping[str, Mapping[str, LoggerLevel]]) -> dict[str, Past]:
        if not self._known and not loggers:
            return {}
        known = Assignment(
            tuple(item for item in self._known if isinstance(item, str)),
            tuple(item for item in self._known if isinstance(item, ConnectorTaskId)),
        )
        return {
            name: Past(self._connectors[name], self._tasks[name], known, loggers.get(name, {}))
            for name in self._ids
        }


def _record(status: SeedStatus, plugin: PluginDesc | None) -> Status:
    version = status.version
    if version == PLUGIN_VERSION:
        version = None if plugin is None or status.state is State.UNASSIGNED else plugin.version
    return Status(status.state, status.worker, GENERATION, status.trace, version)
