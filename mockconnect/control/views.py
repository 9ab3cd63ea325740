"""What the control API shows: typed answers, made by looking.

Rules of this room: looking changes nothing. Every type here is the schema of an answer, too. Instants and spans are
integers of virtual milliseconds and end in ``_ms``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mockconnect import requested
from mockconnect.control.bodies import EventsQuery, RequestsQuery
from mockconnect.control.stage import Kept, Stage
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.injecting import FaultRow
from mockconnect.core.journal import RequestRow
from mockconnect.core.sim import Trace, TraceRow
from mockconnect.rest.clock import Pace


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or a part of it."""


class Health(View, frozen=True, kw_only=True):
    """It answers."""

    status: str


class ClockView(View, frozen=True, kw_only=True):
    """Virtual time, and what moves it."""

    now_ms: int
    pace: str
    rate: float | None
    """Virtual per real time, of a real clock."""
    per_request_ms: int | None
    """How far each request moves a paced clock."""
    next_event_at_ms: int | None
    settled: bool


class Moved(View, frozen=True, kw_only=True):
    """How far time was moved, and whether what was waited for came about."""

    reached: bool
    from_ms: int
    now_ms: int
    event: int


class InfoView(View, frozen=True, kw_only=True):
    """Which cluster this is."""

    mockconnect: str
    mode: str
    seed: int
    workers: int
    front_door: str | None
    leader: str | None
    generation: int
    trace: str
    """Its rows so far as a hash and a number: equal ones mean equal runs."""
    faults: int
    requests: int
    resets: int
    """How often the cluster was made anew: numbers of events, requests and faults began again each time."""
    scenario: str | None
    clock: ClockView


class WasReset(View, frozen=True, kw_only=True):
    """What was reset, and where the cluster is now."""

    scopes: list[str]
    resets: int
    event: int
    clock: ClockView


class WorkerView(View, frozen=True, kw_only=True):
    """One worker."""

    name: str
    url: str | None
    worker_id: str
    version: str
    rest: str
    running: bool
    frozen: bool
    leader: bool


class ConnectorView(View, frozen=True, kw_only=True):
    """One connector as each worker that is alive knows it, and where it really runs."""

    name: str
    owner: str | None
    views: dict[str, Any]
    """By worker: target state, number of tasks and config from the config topic, states from the status topic."""
    running: dict[str, list[str]]
    """By worker: the connector's own instance (its name) and its tasks (``name-0``)."""


class FaultView(View, frozen=True, kw_only=True):
    """One fault; ``ended`` says why it is over, and is empty while it is active."""

    id: str
    verb: str
    text: str
    workers: tuple[str, ...]
    since_ms: int
    ends_at_ms: int | None
    happened: int
    unmet: bool
    """It waits for requests or code of a kind, and there was none yet, or never."""
    ended: str
    ended_at_ms: int | None


class Faults(View, frozen=True, kw_only=True):
    """What is active, in order of injection, and what is over, the newest last."""

    active: list[FaultView]
    ended: list[FaultView]


class Injected(View, frozen=True, kw_only=True):
    """What was done. ``event`` is the number of the last row of the trace by then."""

    fault: FaultView
    event: int


class Healed(View, frozen=True, kw_only=True):
    """What was ended by this request."""

    healed: list[str]
    event: int


class RequestView(View, frozen=True, kw_only=True):
    """One request of a client. ``status`` is 0 for a connection that broke, and ``null`` while it is open.

    ``body`` and ``answer`` are JSON, or texts where they are none, and ``null`` if there was nothing, or too much to be kept.
    """

    number: int
    at_ms: int
    door: str
    worker: str
    method: str
    target: str
    path: str
    query: dict[str, list[str]]
    client: str
    """Its end of the connection."""
    operation: str
    connector: str
    task: int | None
    class_name: str
    status: int | None
    message: str
    duration_ms: int | None
    fault: str
    body: Any
    answer: Any


class Verified(View, frozen=True, kw_only=True):
    """What was expected holds of so many requests."""

    found: int
    next: int
    """The number of the last request that there was."""


class Requests(View, frozen=True, kw_only=True):
    """Some requests, and the number to go on with as ``since``."""

    requests: list[RequestView]
    next: int


class EventView(View, frozen=True, kw_only=True):
    """One row of the trace."""

    number: int
    at_ms: int
    worker: str
    generation: int
    what: str
    detail: str


class Events(View, frozen=True, kw_only=True):
    """Some rows, and the number to go on with as ``since``."""

    events: list[EventView]
    next: int
    resets: int
    """Another number than last time: these are rows of another run, whose numbers began again."""


class SnapshotView(View, frozen=True, kw_only=True):
    """A snapshot that can be restored, and what is in it."""

    name: str
    at_ms: int
    resets: int
    """Of which run ``at_ms`` is an instant."""
    workers: list[str]
    leader: str | None
    connectors: list[str]


class Forgotten(View, frozen=True, kw_only=True):
    """What is gone."""

    forgotten: str


class Sample(View, frozen=True, kw_only=True):
    """One number."""

    labels: dict[str, str]
    value: float


class Metric(View, frozen=True, kw_only=True):
    """What is counted, and its numbers by labels."""

    name: str
    type: str
    help: str
    samples: list[Sample]


class ShippedView(View, frozen=True, kw_only=True):
    """One scenario that comes with mockconnect."""

    name: str
    title: str
    tags: list[str]


class RunView(View, frozen=True, kw_only=True):
    """The scenario that is played, or was."""

    name: str
    phase: str
    clock_ms: int
    seed: int
    params: dict[str, str]
    rules: dict[str, int]
    """How often each rule has fired."""
    event: int


class Cleared(View, frozen=True, kw_only=True):
    """How many rows the journal had."""

    cleared: int


# --- looking ------------------------------------------------------------------------------------------------------------


def clock_view(stage: Stage) -> ClockView:
    clock = stage.clock
    return ClockView(
        now_ms=clock.now_ms,
        pace=clock.pace.value,
        rate=clock.rate if clock.pace is Pace.REAL else None,
        per_request_ms=clock.per_request_ms if clock.pace is Pace.PACED else None,
        next_event_at_ms=stage.core.sim.next_at(),
        settled=stage.core.settled,
    )


def worker_views(stage: Stage) -> list[WorkerView]:
    return [_worker_view(stage, one, stage.url_of.get(one.name)) for one in stage.core.workers.values()]


def _worker_view(stage: Stage, worker: ConnectWorker, url: str | None) -> WorkerView:
    return WorkerView(
        name=worker.name,
        url=url,
        worker_id=worker.settings.worker_id,
        version=worker.settings.version.text,
        rest=worker.rest.value,
        running=worker.running,
        frozen=worker.frozen,
        leader=stage.core.leader == worker.name,
    )


def connector_views(stage: Stage) -> list[ConnectorView]:
    """Every connector that any live worker knows."""
    workers: dict[str, Any] = stage.core.snapshot()["workers"]  # type: ignore[assignment]
    alive = {name: one for name, one in workers.items() if "running" in one}
    names = sorted({name for one in alive.values() for name in _names(one)})
    return [
        ConnectorView(
            name=name,
            owner=stage.core.owner(name),
            views={who: _known(one, name) for who, one in alive.items() if name in _names(one)},
            running={who: found for who, one in alive.items() if (found := _running(one, name))},
        )
        for name in names
    ]


def _names(worker: dict[str, Any]) -> set[str]:
    return {*worker["connectors"], *worker["running"]["connectors"], *worker["statuses"]}


def _known(worker: dict[str, Any], name: str) -> dict[str, Any]:
    return {**worker["connectors"].get(name, {}), "status": worker["statuses"].get(name)}


def _running(worker: dict[str, Any], name: str) -> list[str]:
    running = worker["running"]
    own = [name] if name in running["connectors"] else []
    return own + [task for task in running["tasks"] if task.rpartition("-")[0] == name]


def snapshot_view(name: str, kept: Kept) -> SnapshotView:
    options = kept.options
    return SnapshotView(
        name=name,
        at_ms=kept.at_ms,
        resets=kept.resets,
        workers=[plan.settings.name for plan in options.workers],
        leader=options.leader or None,
        connectors=[one.name for one in options.connectors],
    )


def fault_view(row: FaultRow) -> FaultView:
    return msgspec.convert(row, FaultView, from_attributes=True)


# --- requests and events ------------------------------------------------------------------------------------------------


def requests_view(core: Cluster, query: RequestsQuery) -> Requests:
    found = requested.Requests(core, query)
    chosen = found[-query.limit :] if query.since is None else found[: query.limit]
    cut = len(chosen) < len(found) and query.since is not None
    return Requests(requests=list(map(_request_view, chosen)), next=chosen[-1].number if cut else found.next)


def _request_view(row: RequestRow) -> RequestView:
    return RequestView(
        number=row.number,
        at_ms=row.at_ms,
        door=row.door,
        worker=row.worker,
        method=row.method,
        target=row.target,
        path=row.path,
        query=row.query,
        client=row.client,
        operation=row.operation,
        connector=row.connector,
        task=row.task,
        class_name=row.class_name,
        status=None if row.ended_at_ms is None else row.status_code,
        message=row.message,
        duration_ms=row.duration_ms,
        fault=row.fault,
        body=row.body,
        answer=row.answer,
    )


def events_view(stage: Stage, query: EventsQuery) -> Events:
    trace = stage.core.sim.trace
    if query.since is None:
        rows = list(numbered(trace, max(0, trace.count - query.limit)))
    else:
        rows = list(numbered(trace, query.since))[: query.limit]
    end = rows[-1].number if rows else min(trace.count, query.since or trace.count)
    return Events(events=rows, next=end, resets=stage.resets)


def numbered(trace: Trace, since: int) -> Iterator[EventView]:
    """The rows that are kept with a higher number than that."""
    rows = trace.tail(max(0, trace.count - since))
    for number, row in enumerate(rows, start=trace.count - len(rows) + 1):
        yield _event_view(number, row)


def _event_view(number: int, row: TraceRow) -> EventView:
    return EventView(
        number=number,
        at_ms=row.at_ms,
        worker=row.worker,
        generation=row.generation,
        what=row.what,
        detail=row.detail,
    )
