"""What users see of a running cluster: what its workers show, what runs, and what happened last, as texts.

Rules of this room: it only looks, and it looks from the cluster's loop. What a worker shows is what it would answer from
its own memory, so two of them may show different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.journal import RequestRow
from mockconnect.requested import line_of
from mockconnect.scenario.report import Row, columns
from mockconnect.scenario.view import live, serves

# --- what workers show --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectorShown:
    """A connector's state and those of its tasks, as one worker has read them."""

    state: str
    tasks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.state}, tasks [{', '.join(self.tasks)}]"


@dataclass(frozen=True, slots=True)
class Awaited:
    """A connector in a state with its tasks in theirs, on every worker that serves.

    ``tasks`` is how many there must be; ``None``: whatever number there is.
    """

    connector: str
    state: str
    tasks: int | None
    task_state: str

    def __str__(self) -> str:
        count = "any number of" if self.tasks is None else str(self.tasks)
        return f"{self.connector} {self.state} with {count} tasks {self.task_state}"

    def has_come(self, core: Cluster) -> bool:
        shown = self._shown(core)
        return bool(shown) and all(one is not None and self._is(one) for one in shown.values())

    def lines(self, core: Cluster) -> str:
        """What each serving worker shows now, one a line."""
        shown = self._shown(core)
        return "\n".join(f"  {name} shows {one or 'no status'}" for name, one in shown.items())

    def _shown(self, core: Cluster) -> dict[str, ConnectorShown | None]:
        """``None`` where a worker would answer 404."""
        return {
            name: _shown_by(worker, self.connector) for name, worker in core.workers.items() if serves(worker)
        }

    def _is(self, shown: ConnectorShown) -> bool:
        count_is = self.tasks is None or self.tasks == len(shown.tasks)
        return shown.state == self.state and count_is and set(shown.tasks) <= {self.task_state}


def _shown_by(worker: ConnectWorker, connector: str) -> ConnectorShown | None:
    entry = worker.node.statuses.entry(connector) if worker.node is not None else None
    if entry is None or entry.connector is None:
        return None
    tasks = tuple(entry.tasks[task].state.value for task in sorted(entry.tasks))
    return ConnectorShown(entry.connector.state.value, tasks)


# --- what runs, and what happened -----------------------------------------------------------------------------------------


def running(core: Cluster, kind: Literal["connectors", "tasks"]) -> str:
    """Which connectors or tasks are in some worker's process, whatever is shown of them."""
    names = sorted(str(one) for _, node in live(core) for one in getattr(node.worker, kind))
    return f"running {kind} are {', '.join(names)}" if names else f"no {kind} are running"


def lately(core: Cluster, rows: int) -> str:
    """The last rows of the trace and of the requests together, one a line."""
    events = [
        Row(row.at_ms, "trace", row.worker, row.generation, row.what, row.detail)
        for row in core.sim.trace.tail(rows)
    ]
    asked = map(_request_row, core.requests.rows(rows))
    last = sorted((*events, *asked), key=lambda row: row.at_ms)[-rows:]
    return "\n".join(columns(row, 0) for row in last)


def _request_row(row: RequestRow) -> Row:
    """A request as a row of the timeline; one without an answer stands where it was asked."""
    at_ms = row.at_ms if row.ended_at_ms is None else row.ended_at_ms
    return Row(at_ms, "request", row.worker or "-", -1, "request", line_of(row))
