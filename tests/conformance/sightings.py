"""What was seen of a cluster from outside while a timeline went on: views, answers to events, generations.

A view is what one path of one worker showed, state by state. Recordings and replays are both read into views, so that the
same rules compare them. What is a matter of chance in a body is taken out on both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .timelines import Event, Timeline

LASTING_MS = 1_500
JETTY_PAGE = "<html>"
REFUSED = "ConnectionRefusedError"
TIMED_OUT = "TimeoutError"

Seen = tuple[int, object] | str
"""Status code and body of an answer, or why there was none."""

Row = Mapping[str, object]


@dataclass(slots=True)
class View:
    """What one path of one worker showed: each state with its first instant."""

    worker: int
    path: str
    rows: list[tuple[int, Seen]] = field(default_factory=list)
    _asked_at_ms: list[int] = field(default_factory=list)

    def saw(self, at_ms: int, seen: Seen, took_ms: int = 0) -> None:
        if not self.rows or self.rows[-1][1] != seen:
            self.rows.append((at_ms, seen))
            self._asked_at_ms.append(at_ms - took_ms)

    def lasting(self, until_ms: int) -> list[tuple[int, Seen]]:
        """States that were there for a while: what is over sooner than a look at every path takes, nobody need see.

        A state is over when somebody asks who will see another one, however long that answer takes.
        """
        ends = [*self._asked_at_ms[1:], until_ms + LASTING_MS]
        rows = [
            row
            for n, (row, end_ms) in enumerate(zip(self.rows, ends, strict=True))
            if n == 0 or end_ms - row[0] >= LASTING_MS  # nobody saw the first one begin
        ]
        return [row for n, row in enumerate(rows) if n == 0 or rows[n - 1][1] != row[1]]


def views_of(rows: Iterable[Row]) -> dict[tuple[int, str], View]:
    """A recording's views, by worker and path."""
    views: dict[tuple[int, str], View] = {}
    for row in rows:
        if "path" in row:
            key = int(str(row["worker"])), str(row["path"])
            took_ms = int(str(row.get("took_ms", 0)))
            views.setdefault(key, View(*key)).saw(int(str(row["at_ms"])), seen_in(row), took_ms)
    return views


def seen_in(row: Row) -> Seen:
    """The answer that a recorded row holds."""
    if "failure" in row:
        return str(row["failure"])
    body, status_code = str(row["body"]), int(str(row["status"]))
    if body.startswith(JETTY_PAGE):
        return status_code, JETTY_PAGE
    return status_code, without_races(json.loads(body)) if body else None


def without_races(body: object) -> object:
    """A body without what is a matter of chance.

    Whether something that stops still tells its version depends on which of two threads is faster; whether the plan of a
    restart still shows what had failed, on whether the leader looks before the owner writes RESTARTING. The tasks of a
    restart come out of a map with an order of its own in every JVM.
    """
    if isinstance(body, dict) and "connector" in body and "tasks" in body:
        body["tasks"].sort(key=lambda row: row["id"])
        for row in (body["connector"], *body["tasks"]):
            if isinstance(row, dict) and row.get("state") == "UNASSIGNED" and "version" in row:
                row["version"] = None
            if isinstance(row, dict) and row.get("state") == "RESTARTING":
                row.pop("trace", None)
    return body


def answers_to(timeline: Timeline, rows: Iterable[Row]) -> list[Seen | None]:
    """What the requests of a timeline were answered, in the order of its events. A success is 200 here."""
    events = [row for row in rows if "event" in row]

    def answer(event: Event) -> Seen | None:
        if event.request is None:
            return None
        wanted = event.request.method, event.request.target
        candidates = (row for row in events if (row.get("method"), row.get("target")) == wanted)
        seen = seen_in(min(candidates, key=lambda row: abs(int(str(row["at_ms"])) - event.at_ms)))
        return seen if isinstance(seen, str) or seen[0] >= 400 else (200, seen[1])

    return [answer(event) for event in timeline.events]


@dataclass(frozen=True, slots=True)
class Started:
    """How long a machine took to start a JVM, and its web server then to serve."""

    jvm_ms: int
    jetty_ms: int


def starts_in(timeline: Timeline, rows: Iterable[Row]) -> dict[int, Started]:
    """By number of the event that starts a worker."""
    views = views_of(rows).values()
    found = {}
    for number, event in enumerate(timeline.events):
        if event.verb == "start":
            own = [view for view in views if view.worker == event.worker]
            later = [each.at_ms for each in timeline.events[number + 1 :] if each.worker == event.worker]
            found[number] = _started(own, event.at_ms, min(later, default=10**9))
    return found


def _started(views: Iterable[View], at_ms: int, until_ms: int) -> Started:
    paged, served = [], []
    for view in views:
        rows = [row for row in view.rows if at_ms < row[0] < until_ms]
        page = next((n for n, row in enumerate(rows) if row[1] == (404, JETTY_PAGE)), None)
        if page is not None and page + 1 < len(rows):
            paged.append(rows[page][0])
            served.append(rows[page + 1][0])
        elif rows:  # the page was over before anybody looked
            first = next((row[0] for row in rows if row[1] != REFUSED), until_ms)
            paged.append(first)
            served.append(first)
    return Started(min(paged) - at_ms, max(0, min(served) - min(paged)))


def apart_in(timeline: Timeline, rows: Iterable[Row]) -> dict[int, int]:
    """How much later connectors were assigned than others that were created at the same instant, by event: which of two
    requests takes effect first, and how long the other takes then, is chance."""
    assigned = assigned_at_ms(rows)
    created: dict[int, dict[int, int]] = {}
    for number, event in enumerate(timeline.events):
        found = event.request and _CREATED.fullmatch(event.request.target)
        if found and found[1] in assigned:
            created.setdefault(event.at_ms, {})[number] = assigned[found[1]]
    first = {number: min(together.values()) for together in created.values() for number in together}
    return {
        number: at_ms - first[number] for together in created.values() for number, at_ms in together.items()
    }


def assigned_at_ms(rows: Iterable[Row]) -> dict[str, int]:
    """When connectors were first assigned that nobody had when the timeline began: the instant at which that round ended."""
    held: dict[int, list[str]] = {}
    ended_at_ms: dict[int, int] = {}
    found: dict[str, int] = {}
    for row in rows:
        if "generation" in row:
            at_ms, generation = int(str(row["at_ms"])), int(str(row["generation"]))
            names = _names(str(row["assignment"]))
            ended_at_ms.setdefault(generation, at_ms)
            if at_ms < 0:
                held[int(str(row["worker"]))] = names
            for name in names if at_ms >= 0 else ():
                if not any(name in had for had in held.values()):
                    found.setdefault(name, ended_at_ms[generation])
    return found


# --- generations ------------------------------------------------------------------------------------------------------------

_LOGGED = tuple(
    re.compile(rf"{key}=\[(.*?)\]")
    for key in ("connectorIds", "taskIds", "revokedConnectorIds", "revokedTaskIds")
)


_CREATED = re.compile(r"/connectors/([^/]+)/config")
_LEADER = re.compile(r"leader='connect-(\d+)")


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one worker got: how many connectors and tasks it has, and how many of each were revoked, and from whom."""

    at_ms: int
    counts: tuple[int, ...]
    delay_ms: int
    leader: int


Generations = list[dict[int, Assigned]]
"""One map from workers to what they got for each generation that began after the timeline did."""


def generations_in(rows: Iterable[Row]) -> Generations:
    """What the workers of a recording logged."""
    found: dict[int, dict[int, Assigned]] = {}
    for row in rows:
        at_ms = int(str(row["at_ms"]))
        if "generation" in row and at_ms >= 0:
            logged = str(row["assignment"])
            lists = [match[1] for pattern in _LOGGED if (match := pattern.search(logged))]
            counts = tuple(len(text.split(", ")) if text else 0 for text in lists)
            got = Assigned(at_ms, counts, int(str(row["delay_ms"])), _leader(logged))
            found.setdefault(int(str(row["generation"])), {})[int(str(row["worker"]))] = got
    return [found[number] for number in sorted(found)]


def leaders_in(rows: Iterable[Row]) -> list[int]:
    """Workers in the order in which they came to lead."""
    leaders = {
        int(str(row["generation"])): _leader(str(row["assignment"])) for row in rows if "generation" in row
    }
    in_order = [leaders[generation] for generation in sorted(leaders)]
    return [leader for n, leader in enumerate(in_order) if n == 0 or in_order[n - 1] != leader]


def _names(logged: str) -> list[str]:
    """The connectors of an assignment."""
    found = _LOGGED[0].search(logged)
    assert found is not None, logged
    return found[1].split(", ") if found[1] else []


def _leader(logged: str) -> int:
    found = _LEADER.search(logged)
    assert found is not None, logged
    return int(found[1])


# --- comparing --------------------------------------------------------------------------------------------------------------


def missing(lasting: list[tuple[int, Seen]], other: View, chance_ms: int) -> Iterator[str]:
    """States of one side that the other does not show in this order at about that time."""
    position = 0
    for at_ms, seen in lasting:
        found = next(
            (
                n
                for n in range(position, len(other.rows))
                if other.rows[n][1] == seen and abs(other.rows[n][0] - at_ms) <= chance_ms
            ),
            None,
        )
        if found is None:
            yield f"{at_ms} ms: {seen}"
        else:
            position = found


def alike(real: Assigned | None, ours: Assigned | None, chance_ms: int) -> bool:
    """Whether a worker got the same at about the same time."""
    if real is None or ours is None or (real.counts, real.leader) != (ours.counts, ours.leader):
        return False
    apart_ms = abs(real.at_ms - ours.at_ms), abs(real.delay_ms - ours.delay_ms)
    return max(apart_ms) <= chance_ms and bool(real.delay_ms) == bool(ours.delay_ms)
