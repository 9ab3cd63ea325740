"""Answers that a worker gives alone, from its own memory: statuses, lists, topics, plugins, loggers.

Rules of this room: nothing here waits, and nothing changes state but the two writes that are local by nature (a
worker's own logger levels, and the reset of active topics, which is a send). Values are plain JSON-shaped data in
Connect's field order (``ConnectorInfo``, ``ConnectorStateInfo``, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from mockconnect.core import errors
from mockconnect.core.config_store import ClusterConfigState, ConfigStore
from mockconnect.core.enrichment import connector_plugin_config
from mockconnect.core.errors import ConnectError
from mockconnect.core.javahash import DEFAULT_TABLE, bucket_order, copied_table, hash_order, string_hash
from mockconnect.core.loggers import Loggers
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Config, ConnectorTaskId, RestartRequest, State, Status

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Answer = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Created:
    """``Herder.Created``: whether a connector is new, and its ``ConnectorInfo``.

    The info is missing when a standalone worker lost the connector between its start and the answer: an empty body.
    """

    created: bool
    info: Answer | None


def hash_ordered(config: Config) -> dict[str, str | None]:
    """A config as it looks after it has been through the config topic: in the order of Java's ``HashMap``."""
    return {key: config[key] for key in hash_order(config)}


def patched(current: Config, patch: Config) -> dict[str, str | None]:
    """``ConnectUtils.patchConfig``: a copied ``HashMap`` with the patch's puts and removes, in its order."""
    merged = dict(current)
    buckets = copied_table(len(merged))
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
            buckets *= 2 if len(merged) > buckets * 3 // 4 else 1
    return {key: merged[key] for key in hash_order(merged, buckets)}


class LocalAnswers:
    """What ``AbstractHerder`` answers without its thread."""

    def __init__(
        self,
        settings: WorkerSettings,
        configs: ConfigStore,
        statuses: StatusStore,
        plugins: Plugins,
        loggers: Loggers,
        epoch_ms: Callable[[int], int],
        names_table: Callable[[int], int] = copied_table,
    ) -> None:
        """``names_table``: how many buckets the map has that so many names come out of."""
        self._settings = settings
        self._configs = configs
        self._statuses = statuses
        self._loggers = loggers
        self._epoch_ms = epoch_ms
        self.plugins = plugins
        self._tells_types = settings.version.has("connector_type")
        self._types: dict[tuple[str, str | None], str] = {}
        self._names_table = names_table
        self.raw_configs: Callable[[], ClusterConfigState] = configs.snapshot
        """``rawConfig``: what a status takes the connector's type from. A distributed herder has its own snapshot."""
        self._names: tuple[ClusterConfigState, list[str]] | None = None

    # --- connectors -----------------------------------------------------------------------------------------------------

    def connectors(self) -> list[str]:
        """Names in the order of the hash map they live in."""
        state = self._configs.snapshot()
        if self._names is None or self._names[0] is not state:
            # A copy of the store's map: its own order decides inside a bucket.
            buckets = self._names_table(len(state.entries))
            self._names = (state, hash_order(hash_order(state.entries), buckets))
        return self._names[1]

    def expanded(self, expansions: Sequence[str]) -> Answer:
        """``GET /connectors?expand=…``: a connector without a status is left out if statuses are asked for."""
        answer: Answer = {}
        for name in self.connectors():
            try:
                answer[name] = {
                    kind: self.connector_status(name) if kind == "status" else self.fresh_info(name)
                    for kind in expansions
                    if kind in ("status", "info")
                }
            except ConnectError:
                continue
        return answer

    def connector_type(self, config: Config | None) -> str:
        """``source``, ``sink``, or ``unknown`` when the class cannot be loaded here.

        KAFKA-13989: before 3.4 that was an error; raises :class:`ConnectError`.
        """
        config = config or {}
        name = config.get("connector.class") or ""
        key = (name, config.get("connector.plugin.version"))
        kind = self._types.get(key)
        if kind is None:
            if name and not self._settings.version.has("unknown_type"):
                self.plugins.connector(name)
            kind = self.plugins.connector_type(config)
            if kind != "unknown":
                self._types[key] = kind
        return kind

    def fresh_info(self, name: str) -> Answer | None:
        """``ConnectorInfo`` from the store, ahead of the herder's snapshot."""
        return self.info(self._configs.snapshot(), name)

    def info(self, state: ClusterConfigState, name: str) -> Answer | None:
        entry = state.entries.get(name)
        if entry is None:
            return None
        tasks = 0 if entry.inconsistent else entry.task_count
        answer = connector_info(name, entry.config, tasks)
        if self._tells_types:
            answer["type"] = self.connector_type(entry.config)
        return answer

    def created_info(self, name: str, config: Config, tasks: int, *, created: bool) -> Answer:
        """``ConnectorInfo`` of the config just written."""
        told = not created or self._settings.version.has("create_tells_type")
        answer = connector_info(name, config, tasks)
        if self._tells_types:
            answer["type"] = self.connector_type(config) if told else None
        return answer

    def connector_status(self, name: str) -> Answer:
        """``ConnectorStateInfo``. Raises 404 when no record of the connector itself has arrived."""
        entry = self._statuses.entry(name)
        if entry is None or entry.connector is None:
            raise errors.no_status_for_connector(name)
        config = self.raw_configs().entries.get(name)
        answer: Answer = {
            "name": name,
            "connector": self._state(entry.connector),
            "tasks": [self._task_state(task, entry.tasks[task]) for task in sorted(entry.tasks)],
        }
        if self._tells_types:
            answer["type"] = self.connector_type(None if config is None else config.config)
        return answer

    def task_status(self, task_id: ConnectorTaskId) -> Answer:
        status = self._statuses.task(task_id)
        if status is None:
            raise errors.no_status_for_task(task_id)
        return self._task_state(task_id.task, status)

    def _state(self, status: Status, state: State | None = None) -> Answer:
        answer: Answer = {"state": (state or status.state).value, "worker_id": status.worker_id}
        if self._settings.version.has("status_version") and status.version != "undefined":
            answer["version"] = status.version
        if status.trace:
            answer["trace"] = status.trace
        return answer

    def _task_state(self, task: int, status: Status, state: State | None = None) -> Answer:
        return {"id": task, **self._state(status, state)}

    def restart_plan(self, request: RestartRequest) -> Answer | None:
        """``RestartPlan.restartConnectorStateInfo``: the statuses with RESTARTING where something restarts."""
        entry = self._statuses.entry(request.connector)
        if entry is None or entry.connector is None:
            return None
        config = self.raw_configs().entries.get(request.connector)
        restarting = set(tasks_to_restart(request, entry.tasks))
        whole = State.RESTARTING if restarts_connector(request, entry.connector) else None
        return {
            "name": request.connector,
            "connector": self._state(entry.connector, whole),
            "tasks": [
                self._task_state(task, entry.tasks[task], State.RESTARTING if task in restarting else None)
                for task in sorted(entry.tasks)  # a set of identity hashes in Java: any order is right
            ],
            "type": self.connector_type(None if config is None else config.config),
        }

    # --- plugins ----------------------------------------------------------------------------------------------------------

    def plugin_config(self, plugin: str, version: str | None) -> list[Json]:
        """``GET /connector-plugins/{p}/config``: the plugin's keys, then the framework's for connectors."""
        return cast("list[Json]", connector_plugin_config(self.plugins, plugin, version))

    # --- topics -----------------------------------------------------------------------------------------------------------

    def active_topics(self, name: str) -> Answer:
        if not self._settings.topic_tracking_enable:
            raise errors.topic_tracking_disabled()
        return {name: {"topics": list(hash_order(self._statuses.topics(name)))}}

    def reset_active_topics(self, name: str) -> None:
        if not self._settings.topic_tracking_enable:
            raise errors.topic_tracking_disabled()
        if not self._settings.topic_tracking_allow_reset:
            raise errors.topic_reset_disabled()
        self._statuses.delete_topics(name)

    # --- loggers ----------------------------------------------------------------------------------------------------------

    def loggers(self) -> Answer:
        return {name: self._logger(level, at_ms) for name, level, at_ms in self._loggers.levels()}

    def logger(self, name: str) -> Answer:
        found = self._loggers.level(name)
        if found is None:
            raise errors.logger_not_found(name)
        return self._logger(*found)

    def is_level(self, level: str) -> bool:
        return self._loggers.is_level(level)

    def set_logger(self, name: str, level: str) -> list[Json]:
        return list(self._loggers.set_level(name, level))

    def _logger(self, level: str, modified_at_ms: int | None) -> Answer:
        answer: Answer = {"level": level}
        if self._settings.version.has("cluster_loggers"):
            answer["last_modified"] = None if modified_at_ms is None else self._epoch_ms(modified_at_ms)
        return answer


def connector_info(name: str, config: Config, tasks: int) -> Answer:
    """``ConnectorInfo`` in Connect's field order, but for the type."""
    return {
        "name": name,
        "config": dict(config),
        "tasks": [{"connector": name, "task": task} for task in range(tasks)],
    }


def task_infos(name: str, tasks: Sequence[Mapping[str, str] | None]) -> list[Json]:
    """``TaskInfo`` of every committed task; the config is null where it is missing."""
    return [
        {"id": {"connector": name, "task": task}, "config": None if config is None else dict(config)}
        for task, config in enumerate(tasks)
    ]


def tasks_config(name: str, tasks: Sequence[Mapping[str, str] | None]) -> Answer:
    """``buildTasksConfig``: a ``HashMap`` keyed by ``ConnectorTaskId``."""
    order = bucket_order([31 * string_hash(name) + task for task in range(len(tasks))], DEFAULT_TABLE)
    return {f"{name}-{task}": dict(tasks[task] or {}) for task in order}


def restarts_connector(request: RestartRequest, status: Status) -> bool:
    return not request.only_failed or status.state in (State.FAILED, State.RESTARTING)


def tasks_to_restart(request: RestartRequest, tasks: Mapping[int, Status]) -> list[int]:
    """``RestartPlan``: RESTARTING ones are always included."""
    return [
        task
        for task in sorted(tasks)
        if tasks[task].state is State.RESTARTING
        or (request.include_tasks and (not request.only_failed or tasks[task].state is State.FAILED))
    ]


def server_info(settings: WorkerSettings, cluster_id: str) -> Answer:
    """``ServerInfo``."""
    answer: Answer = {
        "version": settings.version.text,
        "commit": settings.commit or settings.version.commit,
    }
    if settings.version.has("cluster_id"):
        answer["kafka_cluster_id"] = cluster_id
    return answer
