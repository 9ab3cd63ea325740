"""What a run looked like: rows of the trace, requests and ports, in the order in which they happened.

Rules of this room: rows are collected after every event and never change; their number is bounded. Nothing here is part
of the trace, so recording changes no run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.core.group import GroupState
from mockconnect.scenario.operations import OPERATIONS
from mockconnect.scenario.report import Picture, Row, Span
from mockconnect.scenario.requests import SHOWN_MAX as REQUEST_SHOWN_MAX
from mockconnect.scenario.requests import RequestRecord
from mockconnect.scenario.view import live

ROWS_MAX: Final = 200_000
SHOWN_MAX: Final = 160


class _Spans:
    """Something that is one thing after the other; an empty text is nothing."""

    def __init__(self) -> None:
        self._past: list[Span] = []
        self._what = ""
        self._since_ms = 0

    def now(self, at_ms: int, what: str) -> None:
        if what == self._what:
            return
        if self._what:
            self._past.append(Span(self._what, self._since_ms, at_ms))
        self._what, self._since_ms = what, at_ms

    def spans(self) -> tuple[Span, ...]:
        last = (Span(self._what, self._since_ms, None),) if self._what else ()
        return (*self._past, *last)


class Recorder:
    """Collects the rows of one run."""

    def __init__(self, cluster: Cluster) -> None:
        self.rows: list[Row] = []
        self._cluster = cluster
        self._seen = cluster.sim.trace.count
        self._ports: dict[str, Rest] = {}
        self._first_ports: tuple[Row, ...] = ()
        self._instances: tuple[Row, ...] = ()
        self._rebalances = _Spans()
        self._leaders = _Spans()

    def start(self) -> None:
        now_ms = self._cluster.now_ms
        self._first_ports = tuple(
            Row(now_ms, "port", name, -1, "port", worker.rest.value)
            for name, worker in self._cluster.workers.items()
        )
        self._instances = tuple(self._running())
        self._ports = {name: worker.rest for name, worker in self._cluster.workers.items()}
        self._seen = self._cluster.sim.trace.count
        for worker in self._cluster.workers.values():
            worker.on_rest.append(self._port_changed)
        self._cluster.faults.ground.on_worker.append(self._worker_changed)

    def _worker_changed(self, worker: ConnectWorker, is_new: bool) -> None:
        if is_new:
            self._ports[worker.name] = worker.rest
            worker.on_rest.append(self._port_changed)

    def stop(self) -> None:
        listeners = self._cluster.faults.ground.on_worker
        if self._worker_changed in listeners:
            listeners.remove(self._worker_changed)
        for worker in self._cluster.workers.values():
            if self._port_changed in worker.on_rest:
                worker.on_rest.remove(self._port_changed)

    def take(self) -> None:
        """New rows of the trace, and what lasts."""
        cluster = self._cluster
        settled = cluster.coordinator.state in (GroupState.STABLE, GroupState.EMPTY)
        self._rebalances.now(cluster.now_ms, "" if settled else "rebalance")
        self._leaders.now(cluster.now_ms, cluster.leader or "")
        trace = self._cluster.sim.trace
        new = trace.count - self._seen
        if not new:
            return
        self._seen = trace.count
        for row in trace.tail(new):
            kind = "scenario" if row.what.startswith("scenario ") else "trace"
            what = row.what.removeprefix("scenario ")
            self._add(Row(row.at_ms, kind, row.worker, row.generation, what, row.detail))

    def _running(self) -> Iterator[Row]:
        """What every worker runs now, as rows that tell it."""
        now_ms = self._cluster.now_ms
        for worker, node in live(self._cluster):
            generation = node.inside.generation
            for name in sorted(node.worker.connectors):
                status = node.statuses.connector(name)
                state = "RUNNING" if status is None else status.state.value
                yield Row(now_ms, "trace", worker.name, generation, "connector", f"{name} {state}")
            for task_id in sorted(node.worker.tasks):
                status = node.statuses.task(task_id)
                state = "RUNNING" if status is None else status.state.value
                yield Row(now_ms, "trace", worker.name, generation, "task", f"{task_id} {state}")

    def picture(self) -> Picture:
        """What rows do not tell."""
        faults = [*self._cluster.faults.past, *self._cluster.faults.active]
        return Picture(
            instances=self._instances,
            ports=self._first_ports,
            rebalances=self._rebalances.spans(),
            leaders=self._leaders.spans(),
            faults=tuple(
                Span(row.id, row.since_ms, row.ended_at_ms, row.workers, row.text)
                for row in faults
                if row.ended_at_ms is None or row.ended_at_ms > row.since_ms or row.workers
            ),
        )

    def _add(self, row: Row) -> None:
        if len(self.rows) < ROWS_MAX:
            self.rows.append(row)

    def _port_changed(self, worker: ConnectWorker) -> None:
        if worker.rest is not self._ports.get(worker.name):
            self._ports[worker.name] = worker.rest
            self.take()
            self._add(Row(self._cluster.now_ms, "port", worker.name, -1, "port", worker.rest.value))

    def request_waits(self, record: RequestRecord) -> None:
        self.take()
        self._request(record, f"#{record.number} {line_of(record)} ...")

    def request_ended(self, record: RequestRecord) -> None:
        self.take()
        number = f"#{record.number} " if record.took_ms else ""
        took = f" ({record.took_ms} ms)" if record.took_ms else ""
        self._request(record, f"{number}{line_of(record)} -> {answer_of(record)}{took}")

    def _request(self, record: RequestRecord, detail: str) -> None:
        what = "request" if record.by == "client" else "probe"
        self._add(Row(self._cluster.now_ms, "request", record.worker, -1, what, detail))


def line_of(record: RequestRecord) -> str:
    """The request as a line of HTTP."""
    if record.line:
        return record.line
    row = OPERATIONS.get(record.operation)
    if row is None:
        return record.what
    path = row.path.replace("{name}", record.connector).replace("{task}", str(record.task))
    return f"{row.method} {path}" + (f" {record.connector}" if record.operation == "create_connector" else "")


def answer_of(record: RequestRecord) -> str:
    """Status code and what matters of the rest, on one line."""
    if not record.status_code:
        return record.message
    return told(record.status_code, record.message or _short(record))


def told(status_code: int, message: str) -> str:
    """Status code and the first words of a message, on one line."""
    text = " ".join(message.split())
    cut = text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 3]}..."
    return f"{status_code} {cut}".rstrip()


def _short(record: RequestRecord) -> str:
    """A status as people say it; anything else as it is."""
    if record.operation != "connector_status" or not 0 < len(record.shows) < REQUEST_SHOWN_MAX:
        return record.shows
    try:
        status = msgspec.json.decode(record.shows, type=_Status)
    except msgspec.DecodeError:  # damaged on its way
        return record.shows
    tasks = ", ".join(f"{task.id} {task.text}" for task in status.tasks)
    return f"{status.connector.text} [{tasks}]"


class _Instance(msgspec.Struct):
    state: str
    worker_id: str

    @property
    def text(self) -> str:
        return f"{self.state}@{self.worker_id.partition(':')[0]}"


class _Task(_Instance):
    id: int


class _Status(msgspec.Struct):
    connector: _Instance
    tasks: list[_Task]
