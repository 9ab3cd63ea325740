"""What each route of the control API does.

Rules of this room:

* A handler runs on the cluster's loop, between two requests of clients. Reading changes nothing and moves nothing.
* What is done to the cluster happens at this very moment of virtual time: a request here never moves a paced clock, only
  the routes of the clock do. Those move time in slices, and others get their turn in between.
* What cannot be done raises :class:`ControlError`, or an error that ``server.ERRORS`` makes one of.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, TypeVar

from aiohttp import web

from mockconnect import requested
from mockconnect.choosing import names_file
from mockconnect.control import bodies, views
from mockconnect.control.bodies import parsed, query_node, read
from mockconnect.control.events import Followers, wants_stream
from mockconnect.control.har import har
from mockconnect.control.metrics import MEDIA_TYPE, exposition
from mockconnect.control.metrics import metrics as counted
from mockconnect.control.problems import ControlError, mistaken
from mockconnect.control.stage import Stage
from mockconnect.core.faults import Fault
from mockconnect.core.injecting import FaultRow
from mockconnect.core.targets import ROLES
from mockconnect.files.cluster import cluster_schema
from mockconnect.files.durations import EXPECTED, milliseconds
from mockconnect.files.nodes import Entries, Node
from mockconnect.files.problems import Problem, nearest
from mockconnect.files.reading import Tree
from mockconnect.requested import Expected, Requests, Wanted
from mockconnect.rest.clock import Pace
from mockconnect.scenario.loading import Scenario, load_scenario, read_metadata, scenario_from_text
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report
from mockconnect.scenario.schema import scenario_schema
from mockconnect.scenario.shipped import find_scenario, shipped_files, shipped_names
from mockconnect.staging import player_of

T = TypeVar("T")
W = TypeVar("W", bound=Wanted)
SLICE_MS: Final = 10_000
"""Virtual time that is moved before others get their turn."""
SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "cluster": cluster_schema,
    "scenario": scenario_schema,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as handlers look at it."""

    params: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    text: str
    content_type: str
    raw: web.BaseRequest

    def query_as(self, type_: type[T]) -> T:
        return read(query_node(self.query), type_, "query")

    def body(self) -> Node:
        return parsed(self.text, self.content_type)

    def body_as(self, type_: type[T]) -> T:
        return read(self.body(), type_)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a handler answers: a value that becomes JSON, or a text."""

    value: object
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Desk:
    """One cluster, and who does something to it."""

    def __init__(self, stage: Stage, openapi: Callable[[], object]) -> None:
        self.stage = stage
        self.openapi = openapi
        self.followers = Followers(stage)
        self.moving = asyncio.Lock()
        """Two requests that move time do it one after the other."""

    def act(self, verb: Callable[[], T]) -> T:
        """Something that happens now and may schedule more."""
        clock = self.stage.clock
        clock.advance(0)
        try:
            return verb()
        finally:
            clock.rearm()

    @property
    def event(self) -> int:
        """Number of the last row of the trace."""
        return self.stage.core.sim.trace.count


# --- the whole ----------------------------------------------------------------------------------------------------------


async def health(_desk: Desk, _asked: Asked) -> Answered:
    return Answered(views.Health(status="ok"))


async def info(desk: Desk, _: Asked) -> Answered:
    stage = desk.stage
    core = stage.core
    return Answered(
        views.InfoView(
            mockconnect=own_version(),
            mode=stage.options.mode,
            seed=core.sim.seed,
            workers=len(core.workers),
            front_door=stage.front_door_url,
            leader=core.leader,
            generation=core.generation,
            trace=core.sim.trace.hash,
            faults=len(core.faults.active),
            requests=core.requests.count,
            resets=stage.resets,
            scenario=None if stage.player is None else stage.player.scenario.name,
            clock=views.clock_view(stage),
        )
    )


def own_version() -> str:
    try:
        return version("mockconnect")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


async def snapshot(desk: Desk, _: Asked) -> Answered:
    return Answered(desk.stage.core.snapshot())


async def reset(desk: Desk, asked: Asked) -> Answered:
    scopes = asked.body_as(bodies.Reset).scopes if asked.text.strip() else bodies.Reset().scopes
    desk.stage.reset(scopes)
    return _was_reset(desk, scopes)


def _was_reset(desk: Desk, scopes: Sequence[str]) -> Answered:
    return Answered(
        views.WasReset(
            scopes=[*dict.fromkeys(scopes)],
            resets=desk.stage.resets,
            event=desk.event,
            clock=views.clock_view(desk.stage),
        )
    )


async def metrics(desk: Desk, asked: Asked) -> Answered:
    form = asked.query_as(bodies.MetricsQuery).format
    found = counted(desk.stage, own_version())
    if form == "json" or (form is None and "application/json" in asked.raw.headers.get("Accept", "")):
        return Answered(found)
    return Answered(exposition(found), 200, {"Content-Type": MEDIA_TYPE})


async def snapshots(desk: Desk, _: Asked) -> Answered:
    return Answered([views.snapshot_view(name, kept) for name, kept in desk.stage.kept.items()])


async def kept_snapshot(desk: Desk, asked: Asked) -> Answered:
    name = _kept(desk, asked)
    return Answered(views.snapshot_view(name, desk.stage.kept[name]))


def _kept(desk: Desk, asked: Asked) -> str:
    """The name of a snapshot that is there."""
    name = asked.params["snapshot"]
    if name not in desk.stage.kept:
        raise _missing("snapshot", name, tuple(desk.stage.kept))
    return name


async def keep(desk: Desk, asked: Asked) -> Answered:
    name = asked.params["snapshot"]
    desk.stage.keep(name)
    return Answered(views.snapshot_view(name, desk.stage.kept[name]), 201, {"Location": f"/snapshots/{name}"})


async def forget(desk: Desk, asked: Asked) -> Answered:
    name = _kept(desk, asked)
    desk.stage.forget(name)
    return Answered(views.Forgotten(forgotten=name))


async def restore(desk: Desk, asked: Asked) -> Answered:
    desk.stage.restore(_kept(desk, asked))
    return _was_reset(desk, ["state", "journal", "faults", "scenario"])


async def schemas(_desk: Desk, _asked: Asked) -> Answered:
    return Answered(list(SCHEMAS))


async def schema(_desk: Desk, asked: Asked) -> Answered:
    found = SCHEMAS.get(asked.params["schema"])
    if found is None:
        raise _missing("schema", asked.params["schema"], tuple(SCHEMAS))
    return Answered(found())


async def openapi(desk: Desk, _: Asked) -> Answered:
    return Answered(desk.openapi())


def _missing(what: str, name: str, known: tuple[str, ...]) -> ControlError:
    close = nearest(name, known)
    meant = f"did you mean {close!r}?" if close else f"there are {', '.join(known) or 'none'}"
    return ControlError("not-found", f"there is no {what} {name!r}; {meant}")


def _named(what: str, asked: Asked, known: Sequence[views.WorkerView | views.ConnectorView]) -> Answered:
    """The one that the path names. Raises :class:`ControlError`."""
    by_name = {one.name: one for one in known}
    name = asked.params[what]
    if name not in by_name:
        raise _missing(what, name, tuple(by_name))
    return Answered(by_name[name])


# --- workers and connectors ---------------------------------------------------------------------------------------------


async def workers(desk: Desk, _: Asked) -> Answered:
    return Answered(views.worker_views(desk.stage))


async def worker(desk: Desk, asked: Asked) -> Answered:
    return _named("worker", asked, views.worker_views(desk.stage))


async def worker_verb(desk: Desk, asked: Asked) -> Answered:
    name = asked.params["worker"]
    known = (*desk.stage.core.workers, *ROLES)
    if name not in known and not name.startswith("owner_of:"):
        raise _missing("worker", name, known)
    return _verb(desk, asked, bodies.WORKER_VERBS, name)


async def connectors(desk: Desk, _: Asked) -> Answered:
    return Answered(views.connector_views(desk.stage))


async def connector(desk: Desk, asked: Asked) -> Answered:
    return _named("connector", asked, views.connector_views(desk.stage))


async def connector_verb(desk: Desk, asked: Asked) -> Answered:
    return _verb(desk, asked, bodies.CONNECTOR_VERBS, asked.params["connector"])


def _verb(desk: Desk, asked: Asked, verbs: tuple[str, ...], subject: str) -> Answered:
    body = asked.body() if asked.text.strip() else Entries(0)
    return _injected(desk, _fault(desk, bodies.verb_node(asked.params["verb"], verbs, subject, body)))


# --- faults -------------------------------------------------------------------------------------------------------------


def _fault(desk: Desk, node: Node) -> Fault:
    core = desk.stage.core
    return bodies.read_fault(node, tuple(core.workers), tuple(core.faults.ground.plugin_sets))


def _injected(desk: Desk, fault: Fault) -> Answered:
    fault_id = desk.act(lambda: desk.stage.core.inject(fault))
    view = views.fault_view(_row(desk, fault_id))
    return Answered(views.Injected(fault=view, event=desk.event), 201, {"Location": f"/faults/{fault_id}"})


def _row(desk: Desk, fault_id: str) -> FaultRow:
    faults = desk.stage.core.faults
    found = [row for row in (*faults.past, *faults.active) if row.id == fault_id]
    if not found:
        raise _missing("fault", fault_id, tuple(row.id for row in faults.active))
    return found[-1]


async def faults(desk: Desk, _: Asked) -> Answered:
    core = desk.stage.core
    return Answered(
        views.Faults(
            active=[views.fault_view(row) for row in core.faults.active],
            ended=[views.fault_view(row) for row in core.faults.past],
        )
    )


async def fault(desk: Desk, asked: Asked) -> Answered:
    return Answered(views.fault_view(_row(desk, asked.params["fault"])))


async def inject(desk: Desk, asked: Asked) -> Answered:
    return _injected(desk, _fault(desk, asked.body()))


async def heal(desk: Desk, asked: Asked) -> Answered:
    fault_id = _row(desk, asked.params["fault"]).id
    healed = desk.act(lambda: desk.stage.core.heal(fault_id))
    return Answered(views.Healed(healed=[fault_id] if healed else [], event=desk.event))


async def heal_all(desk: Desk, _: Asked) -> Answered:
    healed = desk.act(desk.stage.core.heal_all)
    return Answered(views.Healed(healed=healed, event=desk.event))


# --- the clock ----------------------------------------------------------------------------------------------------------


async def clock(desk: Desk, _: Asked) -> Answered:
    return Answered(views.clock_view(desk.stage))


async def set_clock(desk: Desk, asked: Asked) -> Answered:
    change = asked.body_as(bodies.ClockChange)
    clock = desk.stage.clock
    if change.rate is not None and clock.pace is not Pace.REAL:
        raise ControlError("refused", f"rate: only a real clock has one, and this one is {clock.pace.value}")
    if change.per_request is not None and clock.pace is not Pace.PACED:
        raise ControlError("refused", f"per_request: requests do not move a clock that is {clock.pace.value}")
    if change.rate is not None:
        clock.rate = change.rate
    if change.per_request is not None:
        clock.per_request_ms = change.per_request
    return Answered(views.clock_view(desk.stage))


async def advance(desk: Desk, asked: Asked) -> Answered:
    by_ms = asked.body_as(bodies.Advance).by
    return await _move(desk, _bounded("by", by_ms), lambda: False, is_goal=False)


async def run_until(desk: Desk, asked: Asked) -> Answered:
    wanted = asked.body_as(bodies.RunUntil)
    core = desk.stage.core
    if wanted.until == "settled":
        return await _move(desk, _bounded("max", wanted.max), lambda: core.settled, is_goal=True)
    until_ms = milliseconds(str(wanted.until))
    if until_ms is None:
        detail = f"expected 'settled', or an instant: {EXPECTED}; found {str(wanted.until)!r}"
        raise mistaken([Problem("until", detail)])
    by_ms = until_ms - desk.stage.clock.now_ms
    if by_ms < 0:
        raise ControlError(
            "refused", f"until: it is {desk.stage.clock.now_ms} ms already; time never goes back"
        )
    return await _move(desk, _bounded("until", by_ms), lambda: False, is_goal=False)


def _bounded(what: str, span_ms: int) -> int:
    if span_ms > bodies.ADVANCE_MAX_MS:
        raise ControlError(
            "mistakes", f"{what}: at most {bodies.ADVANCE_MAX_MS} ms at once, and this is {span_ms}"
        )
    return span_ms


async def _move(desk: Desk, span_ms: int, reached: Callable[[], bool], *, is_goal: bool) -> Answered:
    """Move time on in slices that end at events, so that long quiet spans cost one."""
    async with desk.moving:
        clock = desk.stage.clock
        clock.advance(0)
        from_ms = clock.now_ms
        end_ms = from_ms + span_ms
        while clock.now_ms < end_ms and not reached():
            clock.run_until(reached, _slice(desk, end_ms))
            await asyncio.sleep(0)
            if clock is not desk.stage.clock:
                raise ControlError("refused", "the cluster was reset meanwhile; its time begins again")
    is_reached = reached() if is_goal else True
    return Answered(views.Moved(reached=is_reached, from_ms=from_ms, now_ms=clock.now_ms, event=desk.event))


def _slice(desk: Desk, end_ms: int) -> int:
    now_ms, next_ms = desk.stage.clock.now_ms, desk.stage.core.sim.next_at()
    to_ms = end_ms if next_ms is None else max(now_ms + SLICE_MS, next_ms)
    return max(0, min(end_ms, to_ms) - now_ms)


# --- requests and events ------------------------------------------------------------------------------------------------


async def requests(desk: Desk, asked: Asked) -> Answered:
    return Answered(views.requests_view(desk.stage.core, _in_query(desk, asked, bodies.RequestsQuery)))


async def requests_har(desk: Desk, asked: Asked) -> Answered:
    core = desk.stage.core
    scheme = "http" if desk.stage.options.tls is None else "https"
    found = Requests(core, _in_query(desk, asked, Wanted))
    return Answered(har(found, core.broker.instant, scheme, own_version()))


async def verify(desk: Desk, asked: Asked) -> Answered:
    expected = requested.read(Tree[Expected]("body", asked.body()), Expected, desk.stage.core)
    found = Requests(desk.stage.core, expected)
    missed = found.missed(expected)
    if missed:
        raise ControlError("not-held", missed)
    return Answered(views.Verified(found=len(found), next=found.next))


def _in_query(desk: Desk, asked: Asked, type_: type[W]) -> W:
    """Which requests the query asks for. Raises :class:`FileError`."""
    return requested.read(Tree[W]("query", query_node(asked.query)), type_, desk.stage.core)


async def clear_requests(desk: Desk, _: Asked) -> Answered:
    journal = desk.stage.core.requests
    count = sum(1 for _ in journal.rows())
    journal.clear()
    return Answered(views.Cleared(cleared=count))


async def events(desk: Desk, asked: Asked) -> Answered | web.StreamResponse:
    query = asked.query_as(bodies.EventsQuery)
    if (query.follow and asked.raw.method == "GET") or wants_stream(asked.raw):
        return await desk.followers.follow(asked.raw, query.since)
    return Answered(views.events_view(desk.stage, query))


# --- scenarios ----------------------------------------------------------------------------------------------------------


async def scenarios(_desk: Desk, _asked: Asked) -> Answered:
    found = [read_metadata(path) for path in shipped_files()]
    return Answered(
        [views.ShippedView(name=one.name, title=one.description, tags=list(one.tags)) for one in found]
    )


async def start_scenario(desk: Desk, asked: Asked) -> Answered:
    scenario = _scenario(asked)
    stage = desk.stage

    def verb() -> None:
        if stage.player is not None:
            stage.player.close()
        stage.player = player_of(scenario, stage.core)
        stage.begin()

    desk.act(verb)
    return Answered(_run_view(desk), 201, {"Location": "/scenarios/current"})


def _scenario(asked: Asked) -> Scenario:
    """A shipped one, or one that was sent. Files of this machine are nobody's business: neither paths nor includes."""
    node = asked.body()
    wanted = read(node, bodies.ScenarioStart)
    if (wanted.name is None) == (wanted.document is None):
        raise ControlError("mistakes", "expected either 'name' or 'document'")
    if wanted.name is not None:
        if wanted.name not in shipped_names():
            raise _missing("scenario", wanted.name, tuple(shipped_names()))
        return load_scenario(find_scenario(wanted.name), wanted.params)
    document = wanted.document
    is_text = isinstance(document, str)
    text = str(document) if is_text else json.dumps(document)
    name = "scenario" if is_text else "scenario.json"
    if bodies.entry(parsed(text, "" if is_text else "json", name), "include") is not None:
        raise ControlError("mistakes", "include: a scenario that is sent lies beside no other files")
    scenario = scenario_from_text(text, name, wanted.params)
    _refuse_files(scenario)
    return scenario


def _refuse_files(scenario: Scenario) -> None:
    """Raises :class:`FileError` where a scenario that was sent names a file of this machine."""
    sets = scenario.cluster.plugin_sets
    for name, entries in sets.items():
        for number, entry in enumerate(entries):
            if isinstance(entry, str) and names_file(entry, sets):
                place = ("cluster", "plugin_sets", name, number)
                scenario.tree.problem(
                    place, "a scenario that is sent names no files; write the plugin itself"
                )
    scenario.tree.raise_any()


def _player(desk: Desk) -> Player:
    if desk.stage.player is None:
        raise ControlError("not-found", "no scenario has been started; POST /scenarios does it")
    return desk.stage.player


def _run_view(desk: Desk) -> views.RunView:
    player = _player(desk)
    return views.RunView(
        name=player.scenario.name,
        phase=player.phase.value,
        clock_ms=0 if player.waits else player.clock_ms(),
        seed=desk.stage.core.sim.seed,
        params=dict(player.scenario.given),
        rules={run.name: len(run.fired_at_ms) for run in player.runs()},
        event=desk.event,
    )


async def scenario(desk: Desk, _: Asked) -> Answered:
    return Answered(_run_view(desk))


async def report(desk: Desk, asked: Asked) -> Answered:
    query = asked.query_as(bodies.ReportQuery)
    return _reported(_player(desk).report(), query.format)


async def stop_scenario(desk: Desk, asked: Asked) -> Answered:
    query = asked.query_as(bodies.ReportQuery)
    player = _player(desk)
    desk.act(player.stop)
    return _reported(player.report(), query.format)


def _reported(found: Report, form: str) -> Answered:
    if form == "text":
        return Answered(found.text() + "\n", 200, {"Content-Type": "text/plain; charset=utf-8"})
    value: dict[str, Any] = json.loads(found.json())
    return Answered({**value, "complete": found.is_complete})
