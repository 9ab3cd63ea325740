"""``WorkerTask``: one task instance on a thread of its own, with the offsets it commits.

Rules of this room:

* What may follow what is in the table ``TASK`` of ``lifecycle``; a phase is entered in one place, which reports it.
* Records are not moved, only counted: how many there were at an instant follows from the time it was running.
* A cancelled task writes no status any more, though its thread may go on (a zombie).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mockconnect.core.behaviour import Failure
from mockconnect.core.lifecycle import TASK, TaskEvent, TaskPhase
from mockconnect.core.offset_store import Progress
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Reply, Steps, Wakeup, Within
from mockconnect.core.site import Site, Thrown, report_task, run_code, throw
from mockconnect.core.terms import Config, ConnectorTaskId, State, TargetState, TaskConfig
from mockconnect.core.topic_creation import offsets_topic_problem


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
        self._version = plugin.behaviour.task_version if plugin.behaviour else None
        if self._version is None:
            self._version = plugin.told_version
        self.hangs = False
        self.slow_ms: int | None = None
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

    def take_over(self, phase: TaskPhase) -> None:
        """It was in this phase before its thread's story begins; no status is written for that."""
        self.phase = phase
        if phase is TaskPhase.EXECUTING:
            self._topics_seen = True
            self._executing_since_ms = self._site.sim.now_ms
            self.progress = self._begin_progress()
        if phase is TaskPhase.ENDED:
            self.ended = Reply.of(None)
        else:
            self.start_thread()

    def transition_to(self, target: TargetState) -> None:
        if not self._asked_to_stop:
            self._target = target
            self._wake.set()

    def fail(self, thrown: Thrown) -> None:
        self._failure = thrown
        self._wake.set()

    def reconsider(self) -> None:
        """What is going to happen to it has changed."""
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
            if self.phase is None and not self._asked_to_stop:
                self._enter(TaskEvent.BEGIN_PAUSED if self._target is TargetState.PAUSED else TaskEvent.BEGIN)
            if self.phase is TaskPhase.WAITING:
                yield from self._until_resumed(TaskEvent.RESUME)
            if self.phase is TaskPhase.STARTING:
                yield from self._start()
            if not self._asked_to_stop:
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
        problem = offsets_topic_problem(self.plugin.kind, self._config, self._site.settings)
        if problem is not None:
            raise Thrown(problem.trace(), problem.message)
        yield from self._run_code("task_start", self.behaviour.task_start_ms)
        failure = self._failure_at("task_start")
        if failure is not None:
            raise throw(failure, self._task_class, self.plugin.kind)
        self._throw_if_failed()
        self._executing_since_ms = self._site.sim.now_ms
        self.progress = self._begin_progress()
        self.look_if_stuck()
        self._enter(TaskEvent.START_RETURNED)

    def _run_code(self, where: Literal["task_start", "task_stop"], duration_ms: int) -> Steps[None]:
        slow = self._site.script.slowness(where, self.id.connector, self.plugin.class_name, self.id.task)
        self.slow_ms = None if slow is None else slow.takes_ms
        self.hangs = duration_ms < 0 if slow is None else slow.takes_ms is None
        yield from run_code(duration_ms, slow)
        self.hangs, self.slow_ms = False, None

    def _failure_at(self, where: Literal["task_start", "task_stop"]) -> Failure | None:
        return self._site.script.failure(
            self.behaviour, where, self.id.connector, self.id.task, class_name=self.plugin.class_name
        )

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
        script = self._site.script
        for failure in script.due(
            self.behaviour, "running", self.id.connector, self.id.task, class_name=self.plugin.class_name
        ):
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
        if progress is None or progress.stuck or progress.records_per_second <= 0:
            return None
        needed_ms = -int(-records * 1000 // progress.records_per_second)
        return max(0, needed_ms - progress.elapsed_ms(self._site.sim.now_ms))

    def _happen(self, failure: Failure | None) -> None:
        if failure is None:
            self._topics_seen = True
            for topic in self.behaviour.topics(self._config, self._task_config):
                self._site.statuses.put_topic(self.id, topic)
            return
        self._site.script.spend(failure, self.id.connector, self.id.task)
        raise throw(failure, self._task_class, self.plugin.kind)

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
            yield from self._run_code("task_stop", self.behaviour.task_stop_ms)
            self._failure_at("task_stop")
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

    def look_if_stuck(self) -> None:
        """Whether its records go on is the script's word."""
        if self.progress is not None:
            script = self._site.script
            stuck = script.is_stuck(self.id.connector, self.plugin.class_name, self.id.task)
            self.progress.stick(self._site.sim.now_ms, stuck=stuck)

    def _let_go(self, records: int | None) -> None:
        if self.progress is not None:
            self._site.offsets.put_down(self.owner, self, records)
            self.progress = None


def offsets_owner(plugin: PluginDesc, connector: str, config: Config) -> str:
    """``SinkUtils.consumerGroupId`` for a sink, the connector's name for a source."""
    if plugin.kind == "source":
        return f"source:{connector}"
    return f"group:{config.get('consumer.override.group.id') or 'connect-' + connector}"
