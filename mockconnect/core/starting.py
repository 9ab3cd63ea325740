"""Starting what is assigned to this worker, as the herder does it: with configs from its snapshot, eight at a time.

Rules of this room:

* Instantiation keeps the calling thread waiting; ``start()`` of user code does not.
* A connector that came up is asked for task configs; a source task under exactly-once support fences first.
* Many starts and stops share a pool; the herder thread waits until all of them are done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mockconnect.core import errors
from mockconnect.core.answers import LocalAnswers
from mockconnect.core.config_log import ConfigLog
from mockconnect.core.errors import ConnectError
from mockconnect.core.fencing import Fencing
from mockconnect.core.reconfiguration import Reconfiguration
from mockconnect.core.reloading import Reloading
from mockconnect.core.sim import Steps
from mockconnect.core.site import report_connector, report_task
from mockconnect.core.stages import Stage, StagedReply, TickStage
from mockconnect.core.terms import ConnectorTaskId, State, TargetState
from mockconnect.core.traces import FRAMES, java_trace
from mockconnect.core.validation import CONFIG_EXCEPTION
from mockconnect.core.worker import Worker, no_task_config, tasks_max_check


class Starting:
    """``startConnector``, ``startTask`` and ``startAndStop`` of ``DistributedHerder``."""

    def __init__(
        self,
        worker: Worker,
        answers: LocalAnswers,
        log: ConfigLog,
        stage: TickStage,
        reconfiguration: Reconfiguration,
        fencing: Fencing,
        reloading: Reloading,
    ) -> None:
        self._site = worker.site
        self._worker = worker
        self._answers = answers
        self._log = log
        self._stage = stage
        self._reconfiguration = reconfiguration
        self._fencing = fencing
        self._reloading = reloading

    def start_connector(self, name: str, reply: StagedReply[None] | None = None) -> Steps[None]:
        """Instantiate here; ``reply`` is done when ``start()`` returned and task configs were attempted.

        Raises :class:`ConnectError` for a reference in the config that cannot be read.
        """

        def started(error: BaseException | None, target: TargetState | None) -> None:
            if error is not None:
                if reply is not None:
                    reply.fail(errors.failed_to_start_connector(name))
            elif target is TargetState.STARTED:
                self._reconfiguration.request(name, reply)
            elif reply is not None:
                reply.complete(None)

        if reply is not None:
            reply.stage = Stage("starting the connector", self._site.sim.now_ms)
        state = self._log.state
        entry = state.entries.get(name)
        if entry is None:
            started(ConnectError(500, f"Failed to find the config of connector {name}"), None)
            return
        config = self._reloading.resolved(name, entry.config)
        yield from self._worker.start_connector(name, config, state.target_state(name), started)

    def start_task(self, task_id: ConnectorTaskId) -> Steps[bool]:
        """``startTask``. Raises when the connector's class is not known here, or a reference cannot be read."""
        state = self._log.state
        entry = state.entries.get(task_id.connector)
        config = None if entry is None else self._reloading.resolved(task_id.connector, entry.config)
        if entry is None or config is None or self._answers.connector_type(config) == "unknown":
            raise errors.unrecognizable_task(task_id)
        given = self._reloading.resolved(task_id.connector, state.task_config(task_id) or {})
        task_config = {name: value for name, value in given.items() if value is not None}
        target = state.target_state(task_id.connector)
        preflight = None
        if (
            self._site.settings.exactly_once_source_enabled
            and self._answers.connector_type(config) == "source"
        ):
            generation = entry.task_generation
            preflight = lambda: self._fencing.preflight(task_id, generation)  # noqa: E731
        check = tasks_max_check(self._site, task_id.connector, config, entry.task_count)
        if not state.knows_task(task_id):
            check = self._without_config
        started = yield from self._worker.start_task(task_id, config, task_config, target, check, preflight)
        return bool(started)

    def _without_config(self) -> None:
        """The leader has assigned a task whose config this worker does not know: the connector is inconsistent here."""
        raise no_task_config(self._site.settings.version, FRAMES["task_instantiate"])

    def job(self, item: str | ConnectorTaskId) -> Steps[None]:
        """The start of a connector or task in the pool."""
        return self._start_connector_job(item) if isinstance(item, str) else self._start_task_job(item)

    def _start_connector_job(self, name: str) -> Steps[None]:
        try:
            yield from self.start_connector(name)
        except ConnectError as error:
            trace = java_trace(error.java_class, error.message, FRAMES["connector_config"])
            report_connector(self._site, name, State.FAILED, trace, None)

    def _start_task_job(self, task_id: ConnectorTaskId) -> Steps[None]:
        try:
            yield from self.start_task(task_id)
        except ConnectError as error:
            place = "task_config" if error.java_class == CONFIG_EXCEPTION else "task_type"
            trace = java_trace(error.java_class, error.message, FRAMES[place])
            report_task(self._site, task_id, State.FAILED, trace, None)

    def start_and_stop(self, jobs: Sequence[Steps[None]], description: str) -> Steps[None]:
        """The pool of eight threads; the herder thread waits for all of them."""
        if not jobs:
            return
        queue = deque(jobs)

        def thread() -> Steps[None]:
            while queue:
                yield from queue.popleft()

        with self._stage.during(description):
            count = min(self._site.timing.start_stop_threads, len(jobs))
            for running in [self._site.process.spawn(thread()) for _ in range(count)]:  # noqa: UP028 - a list takes no send()
                yield running
