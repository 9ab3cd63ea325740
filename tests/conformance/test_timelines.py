"""mockconnect against the recorded timelines: the same things happen, and every worker shows the same states meanwhile.

Both sides are looked at in the same way: per worker and path, the states that were seen, one after the other. A state
that lasts must be seen on the other side too, in the same order, and begin at the same time as far as that is not a
matter of chance. A real worker is told of a rebalance by its next heartbeat and is missed a session after its last one,
so an instant may differ by a heartbeat interval; what is over sooner than a look at every path takes, nobody need see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import pytest

from mockconnect.catalog import apache_plugins, client_definition
from mockconnect.core.answers import Created
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.connect import Rest
from mockconnect.core.errors import ConnectError
from mockconnect.core.forwarding import Call
from mockconnect.core.network import Break
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.rest.paths import Target, parse_target
from mockconnect.rest.routes import Match, RouteTable

from .normalise import Normaliser
from .oracle.releases import NEWEST
from .recording import RECORDINGS, read_lines
from .script import CORPUS, Exchange, Quiet
from .simulated import Lessons
from .simulated import testing_plugins as our_connectors
from .timelines import Event, Timeline, load_timelines
from .wire import Request

LOOK_MS = 50
CLIENT_PATIENCE_MS = 15_000
LASTING_MS = 1_500
CHANCE_MS = 4_500
JETTY_PAGE = "<html>"
REFUSED = "ConnectionRefusedError"
TIMED_OUT = "TimeoutError"

Seen = tuple[int, object] | str
"""Status code and body of an answer, or why there was none."""


@dataclass(slots=True)
class View:
    """What one path of one worker showed: each state with its first instant."""

    worker: int
    path: str
    rows: list[tuple[int, Seen]] = field(default_factory=list)
    asked_at_ms: int = 0
    open: Reply[object] | None = None

    def saw(self, at_ms: int, seen: Seen) -> None:
        if not self.rows or self.rows[-1][1] != seen:
            self.rows.append((at_ms, seen))

    def lasting(self, until_ms: int) -> list[tuple[int, Seen]]:
        ends = [at_ms for at_ms, _ in self.rows[1:]] + [until_ms + LASTING_MS]
        return [row for row, end_ms in zip(self.rows, ends, strict=True) if end_ms - row[0] >= LASTING_MS]


class Replayed:
    """One timeline, played in virtual time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._properties = dict(timeline.cluster.properties)
        delay_ms = int(self._properties.get("scheduled.rebalance.max.delay.ms", 300_000))
        machines = tuple(
            WorkerSettings(f"connect-{number}", port=8080 + number, group_id="connect-oracle")
            for number in range(1, timeline.cluster.workers + 1)
        )
        self.cluster = Cluster(
            ClusterOptions(
                machines,
                (*our_connectors(NEWEST), *apache_plugins()),
                timing=Timing(scheduled_rebalance_max_delay_ms=delay_ms, **recorded_start(timeline)),
                clients=client_definition,
            )
        )
        self._lessons = Lessons(self.cluster.script)
        self._routes = RouteTable(machines[0].version)
        self._normaliser = Normaliser({machine.worker_id: str(n) for n, machine in enumerate(machines, 1)})
        self.began_at_ms = 0
        self.views = [View(number, path) for number in self._numbers() for path in timeline.watch]
        self.answers: list[Seen | None] = []

    def _numbers(self) -> range:
        return range(1, self._timeline.cluster.workers + 1)

    @property
    def now_ms(self) -> int:
        return self.cluster.sim.now_ms - self.began_at_ms

    def play(self) -> None:
        self._prepare()
        self.began_at_ms = self.cluster.sim.now_ms + 1_000
        for number, event in enumerate(self._timeline.events):
            self.answers.append(None)
            self.cluster.sim.at(self.began_at_ms + event.at_ms, self._event(number))
        while self.now_ms < self._timeline.seconds * 1_000:
            for view in self.views:
                self._look(view)
            self.cluster.sim.advance(LOOK_MS)

    def _prepare(self) -> None:
        """Workers start one after the other, as the recorder starts them; then what comes before the timeline."""
        for worker in self.cluster.workers.values():
            worker.start()
            assert self.cluster.settle()
        for step in self._timeline.before.steps:
            match step:
                case Exchange():
                    reply = self._send(1, Request(step.method, step.target, step.headers, step.body))
                    assert self.cluster.sim.run_until(reply, 60_000)
                case Quiet():
                    self.cluster.sim.advance(round(step.seconds * 1_000))
            assert self.cluster.settle()

    # --- requests -------------------------------------------------------------------------------------------------------

    def _send(self, worker: int, request: Request) -> Reply[object]:
        self._lessons.before(request)
        return self.cluster.submit(f"connect-{worker}", *self._match(request))

    def _match(self, request: Request) -> tuple[str, Mapping[str, object]]:
        target = parse_target(request.target, 12)
        assert isinstance(target, Target)
        match = self._routes.find(request.method, target)
        assert isinstance(match, Match), request
        return self._call(match.call, request)

    def _call(self, call: Call, request: Request) -> tuple[str, Mapping[str, object]]:
        if request.body is None:
            return call.operation, call.args
        config = {key: str(value) for key, value in json.loads(request.body).items()}
        name = "patch" if request.method == "PATCH" else "config"
        return call.operation, {**call.args, name: config}

    def _seen(self, reply: Reply[object], code: int = 200) -> Seen:
        if reply.error is not None:
            assert isinstance(reply.error, ConnectError), reply.error
            status_code = reply.error.status_code
            return status_code, self._plain({"error_code": status_code, "message": reply.error.message})
        result = reply.result()
        if isinstance(result, dict) and result.get("status") == "unhealthy":
            code = 500
        return code, self._plain(result.info if isinstance(result, Created) else result)

    def _plain(self, data: object) -> object:
        """JSON as recordings have it: with placeholders."""
        text = self._normaliser.text(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        return without_races(json.loads(text))

    def _look(self, view: View) -> None:
        """One request at a time per path; a client gives up after a while."""
        machine = self.cluster.workers[f"connect-{view.worker}"]
        if machine.rest is Rest.REFUSED:
            view.open = None
            view.saw(self.now_ms, REFUSED)
        elif machine.rest is not Rest.SERVING:
            view.saw(self.now_ms, (404, JETTY_PAGE))
        elif view.path == "/nope":
            view.saw(self.now_ms, (404, {"error_code": 404, "message": "HTTP 404 Not Found"}))
        elif view.open is None:
            view.asked_at_ms = self.now_ms
            reply = view.open = self._send(view.worker, Request("GET", view.path))
            reply.on_done(self._answered(view))
        elif self.now_ms - view.asked_at_ms >= CLIENT_PATIENCE_MS:
            view.open = None
            view.saw(self.now_ms, TIMED_OUT)

    def _answered(self, view: View) -> Callable[[Reply[object]], None]:
        def answered(reply: Reply[object]) -> None:
            if view.open is reply:
                view.open = None
                view.saw(self.now_ms, self._seen(reply))

        return answered

    # --- events ---------------------------------------------------------------------------------------------------------

    def _event(self, number: int) -> Callable[[], None]:
        event = self._timeline.events[number]

        def happen() -> None:
            if event.request is not None:
                reply = self._send(event.worker, event.request)
                reply.on_done(lambda done: self.answers.__setitem__(number, self._seen(done)))
            elif event.worker:
                getattr(self.cluster.workers[f"connect-{event.worker}"], event.verb)()
            else:
                self._to_broker(event.verb)

        return happen

    def _to_broker(self, verb: str) -> None:
        for name in self.cluster.workers:
            if verb == "freeze":
                self.cluster.partition_from_kafka(name, Break.DROPPED)
            else:
                self.cluster.heal_kafka(name)


def recorded_rows(name: str) -> Iterator[dict[str, object]]:
    return read_lines(RECORDINGS / NEWEST / "timelines" / f"{name}.jsonl.gz")


def recorded_views(name: str) -> Iterator[View]:
    """The same, as real workers showed it."""
    views: dict[tuple[int, str], View] = {}
    for row in recorded_rows(name):
        if "path" in row:
            key = int(str(row["worker"])), str(row["path"])
            view = views.setdefault(key, View(*key))
            view.saw(int(str(row["at_ms"])), recorded_seen(row))
    yield from views.values()


def recorded_seen(row: Mapping[str, object]) -> Seen:
    if "failure" in row:
        return str(row["failure"])
    body, status_code = str(row["body"]), int(str(row["status"]))
    if body.startswith(JETTY_PAGE):
        return status_code, JETTY_PAGE
    return status_code, without_races(json.loads(body)) if body else None


def without_races(body: object) -> object:
    """A body without what is a matter of chance.

    Whether something that stops still tells its version depends on which of two threads is faster. The tasks of a
    restart come out of a map with an order of its own in every JVM.
    """
    if isinstance(body, dict) and "connector" in body and "tasks" in body:
        body["tasks"].sort(key=lambda row: row["id"])
        for row in (body["connector"], *body["tasks"]):
            if isinstance(row, dict) and row.get("state") == "UNASSIGNED":
                row["version"] = None
    return body


def recorded_answers(timeline: Timeline) -> list[Seen | None]:
    """What the requests of a timeline were answered, in the order of its events."""
    rows = [row for row in recorded_rows(timeline.name) if "event" in row]

    def answer(event: Event) -> Seen | None:
        if event.request is None:
            return None
        wanted = event.request.method, event.request.target
        candidates = (row for row in rows if (row.get("method"), row.get("target")) == wanted)
        return answered(min(candidates, key=lambda row: abs(int(str(row["at_ms"])) - event.at_ms)))

    def answered(row: Mapping[str, object]) -> Seen:
        seen = recorded_seen(row)
        return seen if isinstance(seen, str) or seen[0] >= 400 else (200, seen[1])

    return [answer(event) for event in timeline.events]


def missing(lasting: list[tuple[int, Seen]], other: View) -> list[str]:
    """States of one side that the other does not show in this order at about that time."""
    problems, position = [], 0
    for at_ms, seen in lasting:
        found = next(
            (
                n
                for n in range(position, len(other.rows))
                if other.rows[n][1] == seen and near(other, n, at_ms)
            ),
            None,
        )
        if found is None:
            problems.append(f"{at_ms} ms: {seen}")
        else:
            position = found
    return problems


def near(view: View, row: int, at_ms: int) -> bool:
    """Whether a state began at about this time, or lasted then."""
    began_ms = view.rows[row][0]
    return abs(began_ms - at_ms) <= CHANCE_MS


def recorded_start(timeline: Timeline) -> dict[str, int]:
    """How long the machine of the recording took to start a JVM and its web server, where a worker was started."""
    started = next((event for event in timeline.events if event.verb == "start"), None)
    views = [view for view in recorded_views(timeline.name) if started and view.worker == started.worker]
    if started is None:
        return {}
    paged, served = [], []
    for view in views:
        rows = [row for row in view.rows if row[0] > started.at_ms]
        page = next((n for n, row in enumerate(rows) if row[1] == (404, JETTY_PAGE)), None)
        if page is not None:
            paged.append(rows[page][0])
            served.append(rows[page + 1][0])
    page_ms = min(paged)
    return {"jvm_start_ms": page_ms - started.at_ms, "jetty_start_ms": min(served) - page_ms}


# --- generations ------------------------------------------------------------------------------------------------------------

_ASSIGNED = re.compile(r"(\d+) connectors (\d+) tasks(?:, revoked (\d+)\+(\d+))?(?:, delay (\d+) ms)?")
_LOGGED = tuple(
    re.compile(rf"{key}=\[(.*?)\]")
    for key in ("connectorIds", "taskIds", "revokedConnectorIds", "revokedTaskIds")
)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one worker got: how many connectors and tasks it has, and how many of each were revoked."""

    at_ms: int
    counts: tuple[int, ...]
    delay_ms: int


Generations = list[dict[int, Assigned]]
"""One map from workers to what they got for each generation that began after the timeline did."""


def recorded_generations(name: str) -> Generations:
    found: dict[int, dict[int, Assigned]] = {}
    for row in recorded_rows(name):
        at_ms = int(str(row["at_ms"]))
        if "generation" in row and at_ms >= 0:
            logged = str(row["assignment"])
            lists = [match[1] for pattern in _LOGGED if (match := pattern.search(logged))]
            counts = tuple(len(text.split(", ")) if text else 0 for text in lists)
            got = Assigned(at_ms, counts, int(str(row["delay_ms"])))
            found.setdefault(int(str(row["generation"])), {})[int(str(row["worker"]))] = got
    return [found[number] for number in sorted(found)]


def replayed_generations(replayed: Replayed) -> Generations:
    found: dict[int, dict[int, Assigned]] = {}
    for row in replayed.cluster.sim.trace:
        at_ms = row.at_ms - replayed.began_at_ms
        if row.what == "assigned" and at_ms >= 0:
            match = _ASSIGNED.match(row.detail)
            assert match is not None, row
            *counts, delay_ms = (int(text or 0) for text in match.groups())
            got = Assigned(at_ms, tuple(counts), delay_ms)
            found.setdefault(row.generation, {})[int(row.worker.removeprefix("connect-"))] = got
    return [found[number] for number in sorted(found)]


def alike(real: Assigned | None, ours: Assigned | None) -> bool:
    if real is None or ours is None or real.counts != ours.counts:
        return False
    apart_ms = abs(real.at_ms - ours.at_ms), abs(real.delay_ms - ours.delay_ms)
    return max(apart_ms) <= CHANCE_MS and bool(real.delay_ms) == bool(ours.delay_ms)


@lru_cache(maxsize=1)
def played(name: str) -> Replayed:
    replayed = Replayed(TIMELINES[name])
    replayed.play()
    return replayed


TIMELINES = {timeline.name: timeline for timeline in load_timelines(CORPUS / "timelines")}


@pytest.fixture(params=TIMELINES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """Of a timeline; a module's fixture, so that each is played once for both tests."""
    return str(request.param)


def test_workers_show_what_real_ones_showed(name: str) -> None:
    timeline, replayed = TIMELINES[name], played(name)
    until_ms = round(timeline.seconds * 1_000)
    here = {(view.worker, view.path): view for view in replayed.views}
    problems = [
        f"{event.request.method} {event.request.target}: real {real}, here {ours}"
        for event, real, ours in zip(
            timeline.events, recorded_answers(timeline), replayed.answers, strict=True
        )
        if event.request is not None and real != ours
    ]
    for real in recorded_views(name):
        ours = here[real.worker, real.path]
        where = f"worker {real.worker} {real.path}"
        problems += [f"{where} real, not here: {text}" for text in missing(real.lasting(until_ms), ours)]
        problems += [f"{where} here, not real: {text}" for text in missing(ours.lasting(until_ms), real)]
    assert not problems, "\n".join(problems)


def test_the_group_goes_through_the_same_generations(name: str) -> None:
    real, ours = recorded_generations(name), replayed_generations(played(name))
    assert len(ours) == len(real), (real, ours)
    for one, other in zip(real, ours, strict=True):
        problems = [
            f"worker {worker}: real {one.get(worker)}, here {other.get(worker)}"
            for worker in sorted({*one, *other})
            if not alike(one.get(worker), other.get(worker))
        ]
        assert not problems, "\n".join(problems)
