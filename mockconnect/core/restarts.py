"""Restarts of a connector with its tasks (KIP-745): requests read from the config log, and this worker's part of each.

Rules of this room:

* A request is a record that every worker reads. Each makes its own plan, from its own view of the statuses, and
  restarts only what it has.
* One request per connector waits at a time: of two, the one with the greater impact.
"""

from __future__ import annotations

from mockconnect.core.answers import restarts_connector, tasks_to_restart
from mockconnect.core.errors import ConnectError
from mockconnect.core.rebalancing import Rebalancing
from mockconnect.core.sim import Steps
from mockconnect.core.site import report_connector, report_task
from mockconnect.core.stages import TickStage
from mockconnect.core.starting import Starting
from mockconnect.core.terms import ConnectorTaskId, RestartRequest, State
from mockconnect.core.worker import Worker


class Restarts:
    """The pending restart requests of one herder, and how they are carried out."""

    def __init__(
        self, worker: Worker, stage: TickStage, starting: Starting, rebalancing: Rebalancing
    ) -> None:
        self.pending: dict[str, RestartRequest] = {}
        self._site = worker.site
        self._worker = worker
        self._stage = stage
        self._starting = starting
        self._rebalancing = rebalancing

    def request(self, request: RestartRequest) -> None:
        waiting = self.pending.get(request.connector)
        if waiting is None or request.impact > waiting.impact:
            self.pending[request.connector] = request

    def process(self) -> Steps[None]:
        """``processRestartRequests``."""
        requests, self.pending = self.pending, {}
        for request in requests.values():
            with self._stage.during(f"handling restart request for connector {request.connector}"):
                yield from self._restart(request)

    def _restart(self, request: RestartRequest) -> Steps[None]:
        """``doRestartConnectorAndTasks``: this worker's part of the plan, made from its own view of the statuses."""
        name = request.connector
        entry = self._site.statuses.entry(name)
        if entry is None or entry.connector is None:
            return
        whole = restarts_connector(request, entry.connector) or entry.connector.state is State.RESTARTING
        planned = {ConnectorTaskId.of(name, task) for task in tasks_to_restart(request, entry.tasks)}
        held = self._rebalancing.current_assignment().tasks
        tasks = [task_id for task_id in sorted(planned) if task_id in held]
        if whole and self._is_mine(name):
            yield from self._stop_connector(name)
        if tasks:
            yield from self._stop_tasks(name, tasks)
        if whole and self._is_mine(name):
            try:
                yield from self._starting.start_connector(name)
            except ConnectError as error:  # only logged: the connector stays RESTARTING
                self._site.note("connector", f"{name} not restarted: {error.message}")
        for task_id in tasks:
            try:
                yield from self._starting.start_task(task_id)
            except ConnectError as error:  # only logged: the task stays RESTARTING
                self._site.note("task", f"{task_id} not restarted: {error.message}")

    def _is_mine(self, connector: str) -> bool:
        return connector in self._rebalancing.connectors

    def _stop_connector(self, name: str) -> Steps[None]:
        with self._stage.during(f"stopping to-be-restarted connector {name}"):
            yield from self._worker.stop_connector(name)
        report_connector(self._site, name, State.RESTARTING, None, None)

    def _stop_tasks(self, connector: str, tasks: list[ConnectorTaskId]) -> Steps[None]:
        with self._stage.during(f"stopping {len(tasks)} to-be-restarted tasks for connector {connector}"):
            yield from self._worker.stop_tasks(tasks)
        for task_id in tasks:
            report_task(self._site, task_id, State.RESTARTING, None, None)
