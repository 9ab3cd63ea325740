"""The one table of the control API: what can be asked, of which types, and who answers.

Rules of this room: dispatch, the OpenAPI document and the table in the documentation are made of :data:`ROUTES`; nothing
about a route is said anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from mockconnect.control import bodies, verbs, views
from mockconnect.control.problems import ControlError
from mockconnect.control.verbs import Answered, Asked, Desk
from mockconnect.files.problems import nearest
from mockconnect.requested import Wanted

Handler = Callable[[Desk, Asked], Awaitable[Answered | web.StreamResponse]]
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One row. ``body`` is the type of the body, if there is one; ``errors`` are statuses beside those that every route has."""

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any
    status_code: int = 200
    query: type[Any] = bodies.NoQuery
    body: Any = None
    body_needed: bool = True
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = ()
    """What it may be answered in, beside JSON."""

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def params(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/health", verbs.health, "Whether it answers.", views.Health),
    Route("GET", "/info", verbs.info, "Which cluster this is, and how far it is.", views.InfoView),
    Route("GET", "/snapshot", verbs.snapshot, "The whole cluster as plain, sorted data.", Object),
    Route("GET", "/metrics", verbs.metrics, "Numbers of the cluster, for Prometheus.", list[views.Metric],
          query=bodies.MetricsQuery, media=("text/plain",)),
    Route("POST", "/reset", verbs.reset,
          "Make the cluster, or a part of it, what it was when it started: same options, seed and ports.",
          views.WasReset, body=bodies.Reset, body_needed=False),
    Route("GET", "/snapshots", verbs.snapshots, "Snapshots that can be restored.", list[views.SnapshotView]),
    Route("GET", "/snapshots/{snapshot}", verbs.kept_snapshot, "What one of them has.", views.SnapshotView,
          errors=(404,)),
    Route("POST", "/snapshots/{snapshot}", verbs.keep, "Keep what the cluster's topics say now under that name.",
          views.SnapshotView, 201, errors=(409,)),
    Route("DELETE", "/snapshots/{snapshot}", verbs.forget, "Forget a snapshot.", views.Forgotten, errors=(404,)),
    Route("POST", "/snapshots/{snapshot}/restore", verbs.restore,
          "Make the cluster anew, with what the snapshot has.", views.WasReset, errors=(404, 409)),
    Route("GET", "/workers", verbs.workers, "All workers.", list[views.WorkerView]),
    Route("GET", "/workers/{worker}", verbs.worker, "One worker.", views.WorkerView, errors=(404,)),
    Route("POST", "/workers/{worker}/{verb}", verbs.worker_verb,
          "A fault of one worker, or of a role such as `leader`; the body has its other arguments, if it needs any.",
          views.Injected, 201, body=Object | None, body_needed=False, errors=(404, 409)),
    Route("GET", "/connectors", verbs.connectors, "All connectors: what each worker knows, and what really runs.",
          list[views.ConnectorView]),
    Route("GET", "/connectors/{connector}", verbs.connector, "One connector.", views.ConnectorView, errors=(404,)),
    Route("POST", "/connectors/{connector}/{verb}", verbs.connector_verb,
          "A fault of one connector; the body has its other arguments, if it needs any.",
          views.Injected, 201, body=Object | None, body_needed=False, errors=(404, 409)),
    Route("GET", "/faults", verbs.faults, "Faults that are active, and those that are over.", views.Faults),
    Route("POST", "/faults", verbs.inject, "Let a fault happen now: one verb with its arguments, as in scenario files.",
          views.Injected, 201, body=bodies.FAULT, errors=(409,)),
    Route("DELETE", "/faults", verbs.heal_all, "End every active fault, the newest first.", views.Healed),
    Route("GET", "/faults/{fault}", verbs.fault, "One fault.", views.FaultView, errors=(404,)),
    Route("DELETE", "/faults/{fault}", verbs.heal, "End a fault; one that is over stays so.", views.Healed,
          errors=(404,)),
    Route("GET", "/scenarios", verbs.scenarios, "The scenarios that come with mockconnect.", list[views.ShippedView]),
    Route("POST", "/scenarios", verbs.start_scenario,
          "Play a scenario on this cluster now, by name or as a document; one that is played ends first.",
          views.RunView, 201, body=bodies.SCENARIO, errors=(404,)),
    Route("GET", "/scenarios/current", verbs.scenario, "The scenario that was started last.", views.RunView,
          errors=(404,)),
    Route("GET", "/scenarios/current/report", verbs.report, "What is known of it: verdicts, rules, coverage, seed.",
          Object, query=bodies.ReportQuery, errors=(404,), media=("text/plain",)),
    Route("POST", "/scenarios/current/stop", verbs.stop_scenario,
          "End it, heal what it broke, and judge as far as that can be.", Object, query=bodies.ReportQuery,
          errors=(404,), media=("text/plain",)),
    Route("GET", "/clock", verbs.clock, "Virtual time, and what moves it.", views.ClockView),
    Route("PUT", "/clock", verbs.set_clock, "How fast time moves.", views.ClockView, body=bodies.ClockChange,
          errors=(409,)),
    Route("POST", "/clock/advance", verbs.advance, "Move time on, in any pace.", views.Moved, body=bodies.Advance,
          errors=(409,)),
    Route("POST", "/clock/run_until", verbs.run_until, "Move time on until the cluster has settled, or to an instant.",
          views.Moved, body=bodies.RunUntil, errors=(409,)),
    Route("GET", "/requests", verbs.requests, "What clients have asked, at workers and at the front door.",
          views.Requests, query=bodies.RequestsQuery),
    Route("GET", "/requests.har", verbs.requests_har, "The same as an HTTP archive (HAR 1.2), for developer tools.", Object,
          query=Wanted),
    Route("POST", "/requests/verify", verbs.verify, "Whether there are so many, or whether they came in that order.",
          views.Verified, body=bodies.EXPECTED, errors=(409,)),
    Route("DELETE", "/requests", verbs.clear_requests, "Forget all requests; numbers go on.", views.Cleared),
    Route("GET", "/events", verbs.events, "What happened: rows of the trace, or all that come (server-sent events).",
          views.Events, query=bodies.EventsQuery, errors=(429,), media=("text/event-stream",)),
    Route("GET", "/schemas", verbs.schemas, "Names of the schemas of files.", list[str]),
    Route("GET", "/schemas/{schema}", verbs.schema, "JSON Schema of cluster files or scenario files.", Object,
          errors=(404,)),
    Route("GET", "/openapi.json", verbs.openapi, "This API as an OpenAPI 3.1 document.", Object),
)
# fmt: on


def _pattern(route: Route) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", route.path)
    texts = [re.escape(one) if number % 2 == 0 else f"(?P<{one}>[^/]+)" for number, one in enumerate(parts)]
    return re.compile("".join(texts))


_PATTERNS: Final = tuple((_pattern(route), route) for route in ROUTES)


Matching = list[tuple[Route, re.Match[str]]]


def matching(raw_path: str) -> Matching:
    """The rows of a path. Raises :class:`ControlError` if there is none."""
    found = [(route, one) for pattern, route in _PATTERNS if (one := pattern.fullmatch(raw_path)) is not None]
    if not found:
        close = nearest(raw_path, [route.path for route in ROUTES])
        meant = f"did you mean {close}?" if close else "GET /openapi.json tells what there is"
        raise ControlError("not-found", f"there is no {raw_path}; {meant}")
    return found


def allowed(found: Matching) -> str:
    """What can be done with that path, as the header ``Allow`` says it."""
    methods = [method for route, _ in found for method in (route.method, *_ALSO.get(route.method, ()))]
    return ", ".join(dict.fromkeys((*methods, "OPTIONS")))


_ALSO: Final = {"GET": ("HEAD",)}


def find(method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
    """The row for a request and what stands in its path. Raises :class:`ControlError`."""
    found = matching(raw_path)
    for route, matched in found:
        if method in (route.method, *_ALSO.get(route.method, ())):
            return route, {name: unquote(value) for name, value in matched.groupdict().items()}
    raise ControlError(
        "not-allowed",
        f"{method} is not for {raw_path}; it knows {allowed(found)}",
        (),
        {"Allow": allowed(found)},
    )


def table(routes: Sequence[Route] = ROUTES) -> list[str]:
    """The table as it stands in the documentation."""
    rows = ["| Method | Path | What |", "| --- | --- | --- |"]
    rows += [f"| `{one.method}` | `{one.path}` | {one.summary} |" for one in routes]
    return rows
