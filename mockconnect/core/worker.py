"""``Worker``: starts and stops the connector and task instances of one process.

Rules of this room:

* One :class:`WorkerConnector` or :class:`WorkerTask` is one thread of the worker's process. What follows from what is
  in ``lifecycle``; how long user code takes, and whether it throws, is said by the plugin's ``Behaviour``.
* A start returns when the instance exists (instantiation runs in the caller); ``start()`` of user code runs later on
  the instance's own thread.
* A stop waits a limited time. Then a connector is abandoned (UNASSIGNED is written for it), a task is cancelled
  (nothing is written for it any more).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mockconnect.core import errors
from mockconnect.core.artifact_version import InvalidVersionError
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import (
    check_tasks_max,
    connector_task_configs,
    header_converter_problem,
    no_such_version,
    transformation_problem,
)
from mockconnect.core.javahash import DEFAULT_TABLE, bucket_order, string_hash
from mockconnect.core.javatext import parse_integer, trim
from mockconnect.core.lifecycle import TaskPhase
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins, VersionedPluginError
from mockconnect.core.sim import Steps, Within
from mockconnect.core.site import Site, Thrown, report_connector, report_task, run_code, throw
from mockconnect.core.terms import Config, ConnectorTaskId, State, TargetState, TaskConfig
from mockconnect.core.topic_creation import topic_creation_problem
from mockconnect.core.traces import CONNECT_EXCEPTION, FRAMES, java_trace
from mockconnect.core.versions import KafkaVersion
from mockconnect.core.worker_connector import Callback, WorkerConnector
from mockconnect.core.worker_task import WorkerTask


class Worker:
    """The instances of one worker process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.connectors: dict[str, WorkerConnector] = {}
        self.tasks: dict[ConnectorTaskId, WorkerTask] = {}
        self.zombies: list[WorkerTask] = []

    # --- connectors -----------------------------------------------------------------------------------------------------

    def start_connector(
        self, name: str, config: Config, target: TargetState, callback: Callback
    ) -> Steps[None]:
        """``Worker.startConnector``: instantiate, then transition on the instance's own thread."""
        yield self.site.timing.instantiate_ms
        if name in self.connectors:
            callback(Thrown(f"Connector with name {name} already exists"), None)
            return
        try:
            plugin = self._connector_plugin(config, "startConnector")
            problem = topic_creation_problem(plugin.kind, config, self.site.settings)
            if problem is not None:
                raise Thrown(problem.trace(), problem.message)
            connector = WorkerConnector(self.site, name, config, plugin)
        except Thrown as thrown:
            report_connector(self.site, name, State.FAILED, thrown.trace, None)
            callback(thrown, None)
            return
        self.connectors[name] = connector
        self.site.loggers.made_by("connector", connector.plugin.kind, connector.plugin.class_name)
        connector.transition_to(target, callback)
        connector.start_thread()

    def _connector_plugin(self, config: Config, method: str) -> PluginDesc:
        return find_plugin(self.site.plugins, config, method)

    def stop_connector(self, name: str) -> Steps[None]:
        """``stopAndAwaitConnector``: wait for its thread for a limited time, then abandon it."""
        connector = self.connectors.get(name)
        if connector is None:
            return
        connector.disown()
        connector.shut_down()
        ended = yield Within(connector.ended, self.site.timing.connector_graceful_stop_ms)
        self.connectors.pop(name, None)
        if not ended:
            connector.cancel()

    def stop_connectors(self) -> Steps[None]:
        """All of them, within one graceful time-out together."""
        deadline_at_ms = self.site.sim.now_ms + self.site.timing.connector_graceful_stop_ms
        stopping = [self.connectors[name] for name in sorted(self.connectors)]
        for connector in stopping:
            connector.shut_down()
        for connector in stopping:
            connector.disown()
            ended = yield Within(connector.ended, max(0, deadline_at_ms - self.site.sim.now_ms))
            self.connectors.pop(connector.name, None)
            if not ended:
                connector.cancel()

    def is_running(self, name: str) -> bool:
        connector = self.connectors.get(name)
        return connector is not None and connector.is_running

    def set_target_state(self, name: str, target: TargetState, callback: Callback) -> None:
        connector = self.connectors.get(name)
        if connector is not None:
            connector.transition_to(target, callback)
        for task_id in self._tasks_of(name):
            self.tasks[task_id].transition_to(target)

    def task_configs(self, name: str, config: Config) -> Steps[list[dict[str, str]]]:
        """``connectorTaskConfigs`` of a connector that runs here. Too many of them fail the connector.

        Raises :class:`Thrown` from the connector's code and :class:`ConnectError` for too many.
        """
        instance = self.connectors[name]
        script, class_name = self.site.script, instance.plugin.class_name
        slow = script.slowness("task_configs", name, class_name)
        yield from run_code(instance.behaviour.task_configs_ms, slow)
        failure = script.failure(instance.behaviour, "task_configs", name, class_name=class_name)
        if failure is not None:
            raise throw(failure, instance.plugin.class_name, instance.plugin.kind)
        known = self.site.script.task_configs(name, config)
        if known is not None:
            return known
        try:
            return connector_task_configs(name, config, instance.plugin, self.site.settings.version.number)
        except ConnectError as error:
            instance.fail(too_many_tasks(error))
            raise

    def _tasks_of(self, connector: str) -> list[ConnectorTaskId]:
        return [task_id for task_id in self.tasks if task_id.connector == connector]

    # --- tasks ------------------------------------------------------------------------------------------------------------

    def start_task(
        self,
        task_id: ConnectorTaskId,
        config: Config,
        task_config: TaskConfig,
        target: TargetState,
        check: Callable[[], None],
        preflight: Callable[[], Steps[None]] | None = None,
    ) -> Steps[bool]:
        """``Worker.startTask``: says whether the instance could be built; if not, the task is FAILED.

        ``check`` raises :class:`Thrown` when the task may not run (too many tasks).
        """
        yield self.site.timing.instantiate_ms
        try:
            if task_id in self.tasks:
                message = f"Task already exists in this worker: {task_id}"
                raise Thrown(java_trace("org.apache.kafka.connect.errors.ConnectException", message), message)
            plugin = self._connector_plugin(config, "startTask")
            check()
            settings = self.site.settings
            number = settings.version.number
            problem = (
                header_converter_problem(config, number)
                or transformation_problem(config, number)
                or topic_creation_problem(plugin.kind, config, settings)
            )
            if problem is not None:
                raise Thrown(problem.trace(), problem.message)
            task = WorkerTask(self.site, task_id, plugin, config, task_config, target, preflight)
        except Thrown as thrown:
            report_task(self.site, task_id, State.FAILED, thrown.trace, None)
            return False
        self.tasks[task_id] = task
        self.site.loggers.made_by("task", f"{plugin.kind}-task", plugin.task_class)
        task.start_thread()
        return True

    def stop_tasks(self, task_ids: Iterable[ConnectorTaskId]) -> Steps[None]:
        """``stopAndAwaitTasks``: one graceful time-out for all of them together; the late ones become zombies.

        A task that ends after it was taken off the list, when it is its turn to be waited for, reports no version.
        """
        stopping = [self.tasks[task_id] for task_id in task_ids if task_id in self.tasks]
        deadline_at_ms = self.site.sim.now_ms + self.site.timing.task_shutdown_graceful_timeout_ms
        for task in stopping:
            task.stop()
        for task in stopping:
            task.disown()
            ended = yield Within(task.ended, max(0, deadline_at_ms - self.site.sim.now_ms))
            self.tasks.pop(task.id, None)
            if not ended:
                task.cancel()
                self._keep_zombie(task)

    def stop_all_tasks(self) -> Steps[None]:
        """``stopAndAwaitTasks()``: they are waited for in the order of the map that holds them."""
        tasks = sorted(self.tasks)
        codes = [31 * string_hash(task_id.connector) + task_id.task for task_id in tasks]
        yield from self.stop_tasks([tasks[at] for at in bucket_order(codes, DEFAULT_TABLE)])

    def _keep_zombie(self, task: WorkerTask) -> None:
        self.zombies.append(task)
        task.ended.on_done(lambda _: self.zombies.remove(task))

    def abort(self) -> None:
        """The process dies: every instance is gone without a word."""
        for task in (*self.tasks.values(), *self.zombies):
            task.abort()

    def pause_data(self, resting: bool) -> None:
        """The whole process is frozen (or thawed): no data flows."""
        for task in (*self.tasks.values(), *self.zombies):
            if task.progress is not None and task.phase is TaskPhase.EXECUTING:
                if resting:
                    task.progress.rest(self.site.sim.now_ms)
                else:
                    task.progress.run(self.site.sim.now_ms)


def tasks_max_check(site: Site, connector: str, config: Config, count: int) -> Callable[[], None]:
    """The ``check`` of a task that is about to start: raises :class:`Thrown` if the connector has too many."""

    def check() -> None:
        tasks_max = (
            parse_integer(trim(config.get("tasks.max") or "1"), 32) or 1
        )  # a seeded config was not validated
        try:
            check_tasks_max(connector, config, count, tasks_max, site.settings.version.number)
        except ConnectError as error:
            raise too_many_tasks(error) from error

    return check


def no_task_config(version: KafkaVersion, caller: Sequence[str]) -> Thrown:
    """``new TaskConfig(null)``, below the frames of who starts the task."""
    # Since 3.7 AbstractConfig makes a map of its own at first.
    casts = version.has("casts_originals")
    call, null = ("Map.size()", "inputMap") if casts else ("Map.entrySet()", "originals")
    error = errors.null_pointer(f"java.util.{call}", null)
    return Thrown(java_trace(error.java_class, error.message, (*_NEW_TASK_CONFIG, *caller)), error.message)


_NEW_TASK_CONFIG: Final = (
    "org.apache.kafka.common.utils.Utils.castToStringObjectMap(Utils.java:1511)",
    "org.apache.kafka.common.config.AbstractConfig.<init>(AbstractConfig.java:116)",
    "org.apache.kafka.common.config.AbstractConfig.<init>(AbstractConfig.java:149)",
    "org.apache.kafka.connect.runtime.TaskConfig.<init>(TaskConfig.java:51)",
)


def too_many_tasks(error: ConnectError) -> Thrown:
    frames = ("org.apache.kafka.connect.runtime.Worker.checkTasksMax(Worker.java:395)",)
    return Thrown(java_trace(error.java_class, error.message, frames), error.message)


_WORKER: Final = "org.apache.kafka.connect.runtime.Worker"
CLASS_LOADER_FRAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "startConnector": (
        f"{_WORKER}.connectorClassLoader(Worker.java:1253)",
        f"{_WORKER}.startConnector(Worker.java:322)",
        *FRAMES["connector_instantiate"][2:],
    ),
    "startTask": (
        f"{_WORKER}.connectorClassLoader(Worker.java:1253)",
        f"{_WORKER}.startTask(Worker.java:685)",
        *FRAMES["task_instantiate"][1:],
    ),
}
"""Where ``Worker`` looks for the loader of a connector's version, by the method that asks for it."""


def find_plugin(plugins: Plugins, config: Config, method: str = "startConnector") -> PluginDesc:
    """The connector's plugin as this worker knows it. Raises :class:`Thrown` with the trace that its status shows.

    ``method`` of ``Worker`` is the one that asks, for the trace.
    """
    try:
        return plugins.connector_of(config)
    except ConnectError as error:
        frames = ("org.apache.kafka.connect.runtime.isolation.Plugins.connectorClass",)
        trace = java_trace(CONNECT_EXCEPTION, error.message, frames)
        raise Thrown(trace, error.message) from error
    except (VersionedPluginError, InvalidVersionError) as error:
        problem = no_such_version(config, error, "get class loader", CLASS_LOADER_FRAMES[method])
        raise Thrown(problem.trace(), problem.message) from error
