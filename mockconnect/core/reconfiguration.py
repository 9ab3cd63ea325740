"""New task configs for a connector that runs here: generated, compared, and published by the leader.

Rules of this room:

* ``taskConfigs()`` of the connector runs on the herder thread, however long it takes.
* Nothing is published that does not differ from what the config topic holds.
* The leader writes by itself; everybody else sends to it, one connector after the other, on a thread of its own.
* What fails is tried again with exponential back-off (since 3.5), for ever; only too many tasks are not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mockconnect.core.config_log import ConfigLog
from mockconnect.core.config_store import SessionKey
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.member import Standing
from mockconnect.core.reloading import Reloading
from mockconnect.core.request_queue import RequestQueue
from mockconnect.core.sim import Reply, Steps
from mockconnect.core.site import Site
from mockconnect.core.stages import StagedReply, TickStage
from mockconnect.core.terms import TargetState, TaskConfig
from mockconnect.core.worker import Worker

ForwardTasks = Callable[[str, str, Sequence[TaskConfig], SessionKey | None], Reply[None]]
Done = Callable[[BaseException | None], None]
TOO_MANY_TASKS = "org.apache.kafka.connect.runtime.TooManyTasksException"


class Reconfiguration:
    """``reconfigureConnectorTasksWithExponentialBackoffRetries`` and what it calls."""

    def __init__(
        self,
        worker: Worker,
        log: ConfigLog,
        queue: RequestQueue,
        stage: TickStage,
        standing: Standing,
        forward: ForwardTasks,
        reloading: Reloading,
    ) -> None:
        self._site: Site = worker.site
        self._worker = worker
        self._log = log
        self._queue = queue
        self._stage = stage
        self._standing = standing
        self._forward_tasks = forward
        self._reloading = reloading
        self._forwards: deque[Steps[None]] = deque()
        self.forwarding = False

    def request(self, connector: str, reply: StagedReply[None] | None = None) -> None:
        """``requestTaskReconfiguration``. ``reply`` is done when the first attempt is, whatever came of it."""

        def action() -> Steps[None]:
            yield from self._try(connector, 0)
            if reply is not None:
                reply.complete(None)

        carried: StagedReply[None] = reply if reply is not None else StagedReply()
        self._queue.add(action, carried)

    def _try(self, connector: str, attempt: int) -> Steps[None]:
        def again(error: BaseException | None) -> None:
            if error is None or (isinstance(error, ConnectError) and error.java_class == TOO_MANY_TASKS):
                return
            timing = self._site.timing
            grown = 2**attempt if self._site.settings.version.has("reconfigure_backoff") else 1
            delay_ms = min(timing.reconfigure_backoff_initial_ms * grown, timing.reconfigure_backoff_max_ms)
            self._site.note("task configs", f"{connector} failed, again in {delay_ms} ms: {error}")
            self._queue.add(lambda: self._try(connector, attempt + 1), StagedReply(), delay_ms)

        try:
            yield from self._reconfigure(connector, again)
        except Expected as error:
            again(error)

    def _reconfigure(self, connector: str, done: Done) -> Steps[None]:
        entry = self._log.state.entries.get(connector)
        target = self._log.state.target_state(connector)
        if entry is None or not self._worker.is_running(connector) or target is not TargetState.STARTED:
            return
        self._reloading.resolved(connector, entry.config)  # what is published has the references again
        with self._stage.during(f"generating task configs for connector {connector}"):
            configs = yield from self._worker.task_configs(connector, entry.config)
        watches_config = self._site.settings.version.has("applied_config_restarts_tasks")
        if entry.differs(configs, watches_config=watches_config):
            yield from self._publish(connector, configs, done)

    def _publish(self, connector: str, configs: Sequence[TaskConfig], done: Done) -> Steps[None]:
        if self._standing.is_leader:
            yield from self._log.write_task_configs(connector, configs)
            done(None)
            return
        self._forwards.append(self._forward(connector, configs, done))
        if not self.forwarding:
            self._site.process.spawn(self._forward_all())

    def _forward_all(self) -> Steps[None]:
        """The executor with one thread that sends generated task configs to the leader."""
        self.forwarding = True
        while self._forwards:
            yield from self._forwards.popleft()
        self.forwarding = False

    def _forward(self, connector: str, configs: Sequence[TaskConfig], done: Done) -> Steps[None]:
        url = self._standing.leader_url
        if not url:
            done(ConnectError(500, "Request to leader to reconfigure connector tasks failed"))
            return
        try:
            yield self._forward_tasks(url, connector, configs, self._standing.signing_key)
        except Expected as error:
            done(error)
        else:
            done(None)
