"""``ConfigUpdateListener``: the flags that the config log raises, and what a tick does about them.

Rules of this room:

* A record is noted on the reader's thread, the moment it is read: a flag, and a wake-up for the herder thread.
* A tick takes all flags at once, with a snapshot of that moment. If they ask for a rebalance, it joins again after
  this; tasks are stopped at once, but start after the rebalance only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mockconnect.core.config_log import ConfigLog
from mockconnect.core.config_store import SessionKey
from mockconnect.core.leading import Leading
from mockconnect.core.rebalancing import Rebalancing
from mockconnect.core.reconfiguration import Reconfiguration
from mockconnect.core.restarts import Restarts
from mockconnect.core.sim import Steps
from mockconnect.core.stages import TickStage
from mockconnect.core.starting import Starting
from mockconnect.core.terms import ConnectorTaskId, RestartRequest, TargetState
from mockconnect.core.worker import Worker


class ConfigUpdates:
    """The listener of one worker's config store."""

    def __init__(
        self,
        worker: Worker,
        log: ConfigLog,
        stage: TickStage,
        leading: Leading,
        rebalancing: Rebalancing,
        restarts: Restarts,
        starting: Starting,
        reconfiguration: Reconfiguration,
        set_logger_level: Callable[[str, str], object],
    ) -> None:
        self.needs_rebalance = False
        self._worker = worker
        self._log = log
        self._stage = stage
        self._leading = leading
        self._rebalancing = rebalancing
        self._restarts = restarts
        self._starting = starting
        self._reconfiguration = reconfiguration
        self._set_logger_level = set_logger_level
        self._configs: dict[str, None] = {}
        self._targets: dict[str, None] = {}
        self._tasks: dict[str, None] = {}

    @property
    def pending(self) -> bool:
        """Whether a tick would find a flag to act on; restart requests are not among them."""
        return bool(self.needs_rebalance or self._configs or self._targets or self._tasks)

    # --- on the reader's thread -----------------------------------------------------------------------------------------

    def on_connector_config_update(self, connector: str) -> None:
        if self._log.state.contains(connector):
            self._configs[connector] = None
        else:
            self.needs_rebalance = True
        self._wake_herder()

    def on_connector_config_remove(self, connector: str) -> None:
        if self._log.state.contains(connector):
            self.needs_rebalance = True
        else:
            self._configs[connector] = None
        self._wake_herder()

    def on_task_config_update(self, tasks: Sequence[ConnectorTaskId]) -> None:
        self.needs_rebalance = True
        for task_id in tasks:
            self._tasks[task_id.connector] = None
        self._wake_herder()

    def on_target_state_change(self, connector: str) -> None:
        self._targets[connector] = None
        self._wake_herder()

    def on_session_key_update(self, key: SessionKey) -> None:
        self._leading.take_key(key)

    def on_restart_request(self, request: RestartRequest) -> None:
        self._restarts.request(request)
        self._wake_herder()

    def on_logging_level_update(self, namespace: str, level: str) -> None:
        self._set_logger_level(namespace, level)

    def _wake_herder(self) -> None:
        """The reader's thread goes on with its batch of records before the herder's thread gets to run."""
        self._worker.site.process.after(0, self._rebalancing.member.wakeup)

    # --- on the herder thread -------------------------------------------------------------------------------------------

    def take(self) -> Steps[bool]:
        """Steps on the flags the config log raised; says whether a rejoin was requested."""
        if not self.pending:
            return False
        flagged, member = self.needs_rebalance, self._rebalancing.member
        self._log.take_snapshot()
        if flagged:
            member.request_rejoin()
            self.needs_rebalance = False
        configs, self._configs = self._configs, {}
        targets, self._targets = self._targets, {}
        tasks, self._tasks = self._tasks, {}
        if flagged and member.eager:
            return True
        yield from self._restart_reconfigured(configs)
        self._transition(targets)
        yield from self._stop_reconfigured_tasks(tasks)
        return flagged

    def _restart_reconfigured(self, connectors: dict[str, None]) -> Steps[None]:
        jobs: list[Steps[None]] = []
        for name in connectors:
            if name in self._rebalancing.connectors:
                with self._stage.during(f"stopping connector {name}"):
                    yield from self._worker.stop_connector(name)
                if self._log.state.contains(name):
                    jobs.append(self._starting.job(name))
        yield from self._starting.start_and_stop(jobs, f"restarting {len(jobs)} reconfigured connectors")

    def _transition(self, connectors: dict[str, None]) -> None:
        state = self._log.state
        for name in connectors:
            if state.contains(name):
                self._worker.set_target_state(name, state.target_state(name), self._on_transition(name))

    def _on_transition(self, name: str) -> Callable[[BaseException | None, TargetState | None], None]:
        def transitioned(error: BaseException | None, target: TargetState | None) -> None:
            if error is None and target is TargetState.STARTED:
                self._reconfiguration.request(name)

        return transitioned

    def _stop_reconfigured_tasks(self, connectors: dict[str, None]) -> Steps[None]:
        if not connectors:
            return
        stopping = [task_id for task_id in self._rebalancing.tasks if task_id.connector in connectors]
        if stopping:
            with self._stage.during(f"stopping {len(stopping)} reconfigured tasks"):
                yield from self._worker.stop_tasks(stopping)
            self._rebalancing.start_again(stopping)
