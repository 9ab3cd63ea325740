"""``Worker``: runs connector and task instances and reports their states.

Rules of this room:

* One :class:`WorkerConnector` or :class:`WorkerTask` is one thread of the worker's process. What follows from what is
  in ``lifecycle``; how long user code takes, and whether it throws, is said by the plugin's ``Behaviour``.
* A start returns when the instance exists (instantiation runs in the caller); ``start()`` of user code runs later on
  the instance's own thread.
* A stop waits a limited time. Then a connector is abandoned (UNASSIGNED is written for it), a task is cancelled
  (nothing is written for it any more).
* Statuses carry the generation of the herder at the moment of writing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mockconnect.core.behaviour import Behaviour, Failure, Where
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.javatext import parse_integer, trim
from mockconnect.core.lifecycle import ASK_FOR, CONNECTOR, TASK, Ask, Instance, TaskEvent, TaskPhase
from mockconnect.core.offset_store import OffsetStore, Progress
from mockconnect.core.plugins import (
    PluginDesc,
    Plugins,
    check_tasks_max,
    connector_task_configs,
    start_problem,
)
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Sim, Steps, Wakeup, Within
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Config, ConnectorTaskId, State, Status, TargetState, TaskConfig
from mockconnect.core.traces import java_trace

Callback = Callable[[BaseException | None, TargetState | None], "Steps[None] | None"]
"""Called on the connector's thread with an error or the state reached; what it returns runs on that thread too."""
FOREVER = -1
"""A duration of user code that never returns."""


class Thrown(Expected):
    """User code threw: ``trace`` is the Java stack trace, ``message`` the exception's message."""

    def __init__(self, trace: str, message: str | None = None) -> None:
        super().__init__(message or trace.partition("\n")[0])
        self.trace = trace


@dataclass(slots=True)
class Script:
    """What user code is going to do, shared by all workers: a plugin's behaviour unless a connector has its own."""

    overrides: dict[str, Behaviour] = field(default_factory=dict)
    _spent: dict[tuple[str, int | None, Failure], int] = field(default_factory=dict)

    def plugin(self, connector: str, plugin: PluginDesc) -> PluginDesc:
        """The plugin as this connector runs it."""
        override = self.overrides.get(connector)
        return plugin if override is None else replace(plugin, behaviour=override)

    def behaviour(self, connector: str, plugin: PluginDesc) -> Behaviour:
        behaviour = self.plugin(connector, plugin).behaviour
        assert behaviour is not None, f"{plugin.class_name} is no connector"
        return behaviour

    def failure(
        self, behaviour: Behaviour, where: Where, connector: str, task: int | None = None
    ) -> Failure | None:
        """The failure due at this place, if it has not happened ``times`` times yet."""
        for failure in behaviour.failures_at(where, task):
            key = (connector, task, failure)
            spent = self._spent.get(key, 0)
            if failure.times is None or spent < failure.times:
                self._spent[key] = spent + 1
                return failure
        return None


def throw(failure: Failure, class_name: str, kind: str) -> Thrown:
    """The Java exception of a scripted failure in user code."""
    return Thrown(failure.trace or failure.throwable(class_name, kind).trace(), failure.message)


@dataclass(frozen=True, slots=True)
class Site:
    """What every instance on a worker needs of it."""

    sim: Sim
    process: Process
    settings: WorkerSettings
    timing: Timing
    plugins: Plugins
    offsets: OffsetStore
    script: Script
    statuses: StatusStore
    generation: Callable[[], int]

    def note(self, what: str, detail: str) -> None:
        self.sim.note(self.settings.name, self.generation(), what, detail)


def _code(duration_ms: int) -> Steps[None]:
    """Run user code that takes so long; a negative duration never returns."""
    if duration_ms < 0:
        yield Reply()
    elif duration_ms:
        yield duration_ms


class WorkerConnector:
    """One connector instance on its own thread."""

    def __init__(self, site: Site, name: str, config: Config, plugin: PluginDesc) -> None:
        self.name = name
        self.config = config
        self.plugin = site.script.plugin(name, plugin)
        self.state = Instance.INIT
        self._site = site
        self._wake = Wakeup()
        self._pending: tuple[TargetState, Callback] | None = None
        self._failure: Thrown | None = None
        self._stopping = False
        self._cancelled = False
        self._version = self.plugin.version
        self.busy = False
        self.hangs = False
        self.ended: Reply[None] = Reply()

    @property
    def behaviour(self) -> Behaviour:
        assert self.plugin.behaviour is not None, f"{self.plugin.class_name} is no connector"
        return self.plugin.behaviour

    @property
    def in_transition(self) -> bool:
        """It is about to become something else, and will: user code that never returns is not waited for."""
        return self.busy and not self.hangs

    @property
    def is_running(self) -> bool:
        return self.state is Instance.STARTED

    def start_thread(self) -> None:
        self.ended = self._site.process.spawn(self._run())

    def transition_to(self, target: TargetState, callback: Callback) -> None:
        """Ask for a state; a request that is still waiting is pre-empted and fails."""
        pre_empted, self._pending = self._pending, (target, callback)
        if pre_empted is not None:
            was, its_callback = pre_empted
            its_callback(_pre_empted(was, target), None)
        self._wake.set()

    def fail(self, thrown: Thrown) -> None:
        """``ConnectorContext.raiseError``."""
        if self._failure is None:
            self._failure = thrown
            self._wake.set()

    def shut_down(self) -> None:
        self._stopping = True
        self._wake.set()

    def disown(self) -> None:
        """The worker does not list it any more, so what it still reports carries no version."""
        self._version = None

    def cancel(self) -> None:
        """Gave up waiting for it: UNASSIGNED is written now, and nothing later."""
        self._report(State.UNASSIGNED, None)
        self._cancelled = True

    def _run(self) -> Steps[None]:
        while not self._stopping:
            if self._failure is not None and self.state is not Instance.FAILED:
                self.state = Instance.FAILED
                self._report(State.FAILED, self._failure.trace)
            if self._pending is not None:
                (target, callback), self._pending = self._pending, None
                self.busy = True
                yield from self._transition(target, callback)
                self.busy = False
            else:
                yield self._wake.wait()
                self._wake.take()
        yield from self._shut_down()

    def _transition(self, target: TargetState, callback: Callback) -> Steps[None]:
        if (self.state, ASK_FOR[target]) not in CONNECTOR:
            callback(Thrown(f"Cannot transition connector to {target.value} since it has failed"), None)
            return
        problem: Expected | None = yield from self._ask(ASK_FOR[target])
        if problem is None:
            try:
                called_back = callback(None, target)
                if isinstance(called_back, Generator):
                    yield from called_back
            except Expected as raised:
                problem = raised
        if problem is not None:
            callback(Thrown(f"Failed to transition connector {self.name} to state {target.value}"), None)

    def _ask(self, ask: Ask) -> Steps[Thrown | None]:
        transition = CONNECTOR[self.state, ask]
        thrown = None
        if transition.call is not None:
            thrown = yield from self._call(transition.call)
        outcome = transition.returned if thrown is None else transition.thrown
        self.state = outcome.becomes
        if outcome.report is not None:
            self._report(outcome.report, thrown.trace if thrown and outcome.report is State.FAILED else None)
        return thrown

    def _call(self, method: Literal["start", "stop"]) -> Steps[Thrown | None]:
        duration_ms = self.behaviour.start_ms if method == "start" else self.behaviour.stop_ms
        self.hangs = duration_ms < 0
        yield from _code(duration_ms)
        problem = start_problem(self.plugin, self.config) if method == "start" else None
        if problem is not None:
            return Thrown(problem.trace(), problem.message)
        failure = self._site.script.failure(self.behaviour, method, self.name)
        return None if failure is None else throw(failure, self.plugin.class_name, self.plugin.kind)

    def _shut_down(self) -> Steps[None]:
        pending, self._pending = self._pending, None
        if pending is not None:
            text = f"Could not begin changing connector state to {pending[0].value}"
            pending[1](Thrown(f"{text} as the connector has been scheduled for shutdown"), None)
        yield from self._ask(Ask.SHUT_DOWN)

    def _report(self, state: State, trace: str | None) -> None:
        if not self._cancelled:
            report_connector(self._site, self.name, state, trace, self._version)


def _pre_empted(was: TargetState, target: TargetState) -> Thrown:
    return Thrown(
        f"Could not begin changing connector state to {was.value} before another request to change state was made;"
        f" the new request (which is to change the state to {target.value}) has pre-empted this one"
    )


SAFE = (State.UNASSIGNED, State.FAILED)


def report_connector(site: Site, name: str, state: State, trace: str | None, version: str | None) -> None:
    """``AbstractHerder.onStartup`` and its kin: one status record for a connector."""
    status = Status(state, site.settings.worker_id, site.generation(), trace, version)
    site.note("connector", f"{name} {state.value}")
    if state in SAFE:
        site.statuses.put_connector_safe(name, status)
    else:
        site.statuses.put_connector(name, status)


def report_task(
    site: Site, task_id: ConnectorTaskId, state: State, trace: str | None, version: str | None
) -> None:
    status = Status(state, site.settings.worker_id, site.generation(), trace, version)
    site.note("task", f"{task_id} {state.value}")
    if state in SAFE:
        site.statuses.put_task_safe(task_id, status)
    else:
        site.statuses.put_task(task_id, status)


class WorkerTask:
    """One task instance on its own thread."""

    def __init__(
        self,
        site: Site,
        task_id: ConnectorTaskId,
        plugin: PluginDesc,
        config: Config,
        task_config: TaskConfig,
        target: TargetState,
        preflight: Callable[[], Steps[None]] | None = None,
    ) -> None:
        self.id = task_id
        self.plugin = plugin
        self.phase: TaskPhase | None = None
        self.behaviour = site.script.behaviour(task_id.connector, plugin)
        self._site = site
        self._config = config
        self._task_config = task_config
        self._target = target
        self._preflight = preflight
        self._wake = Wakeup()
        self._stopping = False
        self._cancelled = False
        self._failure: Thrown | None = None
        self._executing_since_ms = 0
        self._topics_seen = False
        self._version = plugin.version
        self.hangs = False
        self.progress: Progress | None = None
        self.ended: Reply[None] = Reply()

    @property
    def owner(self) -> str:
        """Whose offsets it commits: the connector's name for a source, the consumer group for a sink."""
        return offsets_owner(self.plugin, self.id.connector, self._config)

    @property
    def in_transition(self) -> bool:
        """Its phase is not the one its target asks for, and will be: user code that never returns is not waited for."""
        if self.phase is TaskPhase.ENDED or self.hangs:
            return False
        resting = self.phase in (TaskPhase.WAITING, TaskPhase.SUSPENDED)
        steady = resting if self._target is TargetState.PAUSED else self.phase is TaskPhase.EXECUTING
        return self._asked_to_stop or self._failure is not None or not steady

    def start_thread(self) -> None:
        self.ended = self._site.process.spawn(self._run())

    def transition_to(self, target: TargetState) -> None:
        if not self._asked_to_stop:
            self._target = target
            self._wake.set()

    def fail(self, thrown: Thrown) -> None:
        self._failure = thrown
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def disown(self) -> None:
        """The worker does not list it any more, so what it still reports carries no version."""
        self._version = None

    def cancel(self) -> None:
        """Gave up waiting for it: it never writes a status again, though its thread may go on (a zombie)."""
        self._cancelled = True

    def abort(self) -> None:
        """The process is gone: what was flushed stays committed, the rest is lost."""
        if self.progress is not None:
            self._let_go(self.progress.committed_records(self._site.sim.now_ms))

    @property
    def _asked_to_stop(self) -> bool:
        return self._stopping or self._target is TargetState.STOPPED

    # --- the thread -----------------------------------------------------------------------------------------------------

    def _run(self) -> Steps[None]:
        try:
            if not self._asked_to_stop:
                if self._target is TargetState.PAUSED:
                    self._enter(TaskEvent.BEGIN_PAUSED)
                    yield from self._until_resumed(TaskEvent.RESUME)
                else:
                    self._enter(TaskEvent.BEGIN)
            if not self._asked_to_stop:
                yield from self._start()
                yield from self._execute()
        except Thrown as thrown:
            self._let_go(
                None if self.progress is None else self.progress.committed_records(self._site.sim.now_ms)
            )
            # What is thrown after a request to stop is only logged; the task counts as shut down.
            self._enter(TaskEvent.STOPPED if self._asked_to_stop else TaskEvent.THROWN, thrown.trace)
            return
        yield from self._stop()

    def _until_resumed(self, event: TaskEvent) -> Steps[None]:
        while self._target is TargetState.PAUSED and not self._stopping:
            yield self._wake.wait()
            self._wake.take()
            self._throw_if_failed()
        if not self._asked_to_stop:
            self._enter(event)

    def _start(self) -> Steps[None]:
        if self._preflight is not None:
            yield from self._preflight()
        self.hangs = self.behaviour.task_start_ms < 0
        yield from _code(self.behaviour.task_start_ms)
        failure = self._site.script.failure(self.behaviour, "task_start", self.id.connector, self.id.task)
        if failure is not None:
            raise throw(failure, self._task_class, self.plugin.kind)
        self._throw_if_failed()
        self._executing_since_ms = self._site.sim.now_ms
        self.progress = self._begin_progress()
        self._enter(TaskEvent.START_RETURNED)

    def _execute(self) -> Steps[None]:
        while not self._asked_to_stop:
            self._throw_if_failed()
            if self._target is TargetState.PAUSED:
                yield from self._poll_returns()
                yield from self._suspend()
                continue
            due_ms, failure = self._next_event()
            woken = yield Within(self._wake.wait(), due_ms)
            self._wake.take()
            if not woken:
                self._happen(failure)

    def _next_event(self) -> tuple[int | None, Failure | None]:
        """How long until the first record or a scripted failure, whichever comes first."""
        first_ms = None if self._topics_seen else self._ms_until_records(1)
        for failure in self.behaviour.failures_at("running", self.id.task):
            due_ms = self._ms_until_failure(failure)
            if due_ms is not None and (first_ms is None or due_ms < first_ms):
                return due_ms, failure
        return first_ms, None

    def _ms_until_failure(self, failure: Failure) -> int | None:
        if failure.after_records:
            return self._ms_until_records(failure.after_records)
        return max(0, failure.after_ms + self._executing_since_ms - self._site.sim.now_ms)

    def _ms_until_records(self, records: int) -> int | None:
        progress = self.progress
        if progress is None or progress.records_per_second <= 0:
            return None
        needed_ms = -int(-records * 1000 // progress.records_per_second)
        return max(0, needed_ms - progress.elapsed_ms(self._site.sim.now_ms))

    def _happen(self, failure: Failure | None) -> None:
        if failure is None:
            self._topics_seen = True
            for topic in self.behaviour.topics(self._config, self._task_config):
                self._site.statuses.put_topic(self.id, topic)
            return
        due = self._site.script.failure(self.behaviour, "running", self.id.connector, self.id.task)
        if due is None:
            self.behaviour = self.behaviour.without_failures("running")
        else:
            raise throw(due, self._task_class, self.plugin.kind)

    @property
    def _task_class(self) -> str:
        return self.behaviour.task_class or self.plugin.class_name

    def _suspend(self) -> Steps[None]:
        if self._asked_to_stop:
            return
        assert self.progress is not None
        self.progress.rest(self._site.sim.now_ms)
        self._enter(TaskEvent.PAUSE)
        yield from self._until_resumed(TaskEvent.RESUME)
        self.progress.run(self._site.sim.now_ms)

    def _poll_returns(self) -> Steps[None]:
        """A source notices a pause or stop when its ``poll()`` returns; a sink is woken up at once."""
        poll_ms = self.behaviour.poll_ms
        if self.plugin.kind == "source" and poll_ms > 0 and self.phase is TaskPhase.EXECUTING:
            yield poll_ms - (self._site.sim.now_ms - self._executing_since_ms) % poll_ms

    def _stop(self) -> Steps[None]:
        if self.phase in (TaskPhase.EXECUTING, TaskPhase.SUSPENDED):
            yield from self._poll_returns()
            if self.progress is not None:
                self.progress.rest(self._site.sim.now_ms)
            self.hangs = self.behaviour.task_stop_ms < 0
            yield from _code(self.behaviour.task_stop_ms)
            self._site.script.failure(self.behaviour, "task_stop", self.id.connector, self.id.task)
        self._let_go(None if self.progress is None else self.progress.records(self._site.sim.now_ms))
        self._enter(TaskEvent.STOPPED)

    def _throw_if_failed(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _enter(self, event: TaskEvent, trace: str | None = None) -> None:
        key = (self.phase, event)
        assert key in TASK, f"task {self.id}: no row for {key}"
        self.phase, report = TASK[key]
        if report is not None and not self._cancelled:
            report_task(self._site, self.id, report, trace if report is State.FAILED else None, self._version)

    # --- offsets --------------------------------------------------------------------------------------------------------

    def _begin_progress(self) -> Progress:
        progress = Progress(
            self.id,
            self.behaviour.records_per_second,
            self._site.timing.offset_flush_interval_ms,
            lambda records: self.behaviour.offsets(self._config, self._task_config, records, self.id.task),
            self._site.sim.now_ms,
        )
        self._site.offsets.take_up(self.owner, self, progress)
        progress.run(self._site.sim.now_ms)
        return progress

    def _let_go(self, records: int | None) -> None:
        if self.progress is not None:
            self._site.offsets.put_down(self.owner, self, records)
            self.progress = None


def offsets_owner(plugin: PluginDesc, connector: str, config: Config) -> str:
    """``SinkUtils.consumerGroupId`` for a sink, the connector's name for a source."""
    if plugin.kind == "source":
        return f"source:{connector}"
    return f"group:{config.get('consumer.override.group.id') or 'connect-' + connector}"


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
            connector = WorkerConnector(self.site, name, config, self._connector_plugin(config))
        except Thrown as thrown:
            report_connector(self.site, name, State.FAILED, thrown.trace, None)
            callback(thrown, None)
            return
        self.connectors[name] = connector
        connector.transition_to(target, callback)
        connector.start_thread()

    def _connector_plugin(self, config: Config) -> PluginDesc:
        return find_plugin(self.site.plugins, config)

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
            connector.disown()
            connector.shut_down()
        for connector in stopping:
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
        yield from _code(instance.behaviour.task_configs_ms)
        failure = self.site.script.failure(instance.behaviour, "task_configs", name)
        if failure is not None:
            raise throw(failure, instance.plugin.class_name, instance.plugin.kind)
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
            plugin = self._connector_plugin(config)
            check()
            task = WorkerTask(self.site, task_id, plugin, config, task_config, target, preflight)
        except Thrown as thrown:
            report_task(self.site, task_id, State.FAILED, thrown.trace, None)
            return False
        self.tasks[task_id] = task
        task.start_thread()
        return True

    def stop_tasks(self, task_ids: Iterable[ConnectorTaskId]) -> Steps[None]:
        """``stopAndAwaitTasks``: one graceful time-out for all of them together; the late ones become zombies."""
        stopping = [self.tasks[task_id] for task_id in task_ids if task_id in self.tasks]
        deadline_at_ms = self.site.sim.now_ms + self.site.timing.task_shutdown_graceful_timeout_ms
        for task in stopping:
            task.disown()
            task.stop()
        for task in stopping:
            ended = yield Within(task.ended, max(0, deadline_at_ms - self.site.sim.now_ms))
            self.tasks.pop(task.id, None)
            if not ended:
                task.cancel()
                self._keep_zombie(task)

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

    def versions(self, connectors: Mapping[str, object]) -> dict[str, str | None]:
        return {name: self.connectors[name].plugin.version for name in connectors if name in self.connectors}


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


def too_many_tasks(error: ConnectError) -> Thrown:
    frames = ("org.apache.kafka.connect.runtime.Worker.checkTasksMax(Worker.java:395)",)
    return Thrown(java_trace(error.java_class, error.message, frames), error.message)


def find_plugin(plugins: Plugins, config: Config) -> PluginDesc:
    """The connector's plugin as this worker knows it. Raises :class:`Thrown` with the trace that its status shows."""
    name = config.get("connector.class") or ""
    try:
        return plugins.connector(name)
    except ConnectError as error:
        frames = ("org.apache.kafka.connect.runtime.isolation.Plugins.connectorClass",)
        trace = java_trace("org.apache.kafka.connect.errors.ConnectException", error.message, frames)
        raise Thrown(trace, error.message) from error
