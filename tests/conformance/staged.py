"""A scenario that real workers played, played on mockconnect in virtual time and looked at in the same way; and what the
scenario expects, judged by what was recorded of the real run.

A recording shows what workers answer, so a condition on what really runs (`instances`), on configs or on target states
cannot be judged by it: those are ``None``, and told as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from mockconnect.scenario.checks import Asked, judge_requests
from mockconnect.scenario.conditions import Condition, TaskCounts, shown
from mockconnect.scenario.loading import Scenario
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report
from mockconnect.scenario.requests import RequestRecord
from mockconnect.scenario.script import Eventually
from mockconnect.scenario.view import counted

from .scenarios import Choice, records_in, timeline_of
from .sightings import Row, Seen, Started, generations_in, leaders_in, starts_in, views_of
from .timelines import Event, Timeline
from .virtual import Replayed

LIMIT_MS: Final = 900_000
_HAPPENS: Final = ("crash", "stop", "start", "freeze", "thaw")


class Staged(Replayed):
    """A scenario's own player on the cluster of a replay, with the machines and elections of the recording."""

    def __init__(
        self, choice: Choice, scenario: Scenario, rows: Sequence[Row], version: str, phase_ms: int = 0
    ) -> None:
        super().__init__(timeline_of(choice, scenario), version, {}, leaders_in(rows), phase_ms)
        self._starts_by_worker = starts_by_worker(timeline_of(choice, scenario), rows)
        self._offset_ms = phase_ms + 1_000
        self._player = Player(self.cluster, scenario)

    def _prepare(self) -> None:
        super()._prepare()
        for number, started in self._starts_by_worker.items():
            self.takes(number, started)
        self.cluster.sim.after(self._offset_ms, self._player.start)

    def report(self) -> Report:
        """What the scenario's player says when it is over; the looking is over before."""
        while not self._player.over and self.now_ms < LIMIT_MS:
            self.cluster.sim.advance(1_000)
        return self._player.report()

    @property
    def records(self) -> Sequence[RequestRecord]:
        return self._player.records


def starts_by_worker(timeline: Timeline, rows: Sequence[Row]) -> dict[int, Started]:
    """How long the machine of each worker that was started took to; the first time, if that was several times."""
    events = tuple(
        Event(int(str(row["at_ms"])), str(row["event"]), int(str(row["worker"])))
        for row in rows
        if row.get("event") in _HAPPENS
    )
    found: dict[int, Started] = {}
    for number, started in starts_in(replace(timeline, events=events), rows).items():
        found.setdefault(events[number].worker, started)
    return found


# --- what is expected, by what was recorded ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One expectation; ``held`` is ``None`` where the recording cannot tell."""

    kind: str
    text: str
    held: bool | None
    detail: str = ""


def judged(scenario: Scenario, rows: Sequence[Row]) -> Iterator[Judged]:
    """``requests`` and ``sometimes`` by the whole recording, ``eventually`` by its final state."""
    records = records_in(rows)
    pictures = list(pictures_of(rows))
    for expected in scenario.expectations:
        what = expected.what
        if expected.kind == "requests":
            held, detail, _ = judge_requests(what, Asked(records))
            yield Judged("requests", shown(what), held, detail)
        elif isinstance(what, Eventually):
            for condition in map(_visible, what.that):
                held = holds(condition, pictures[-1])
                yield Judged("eventually", shown(condition), held, str(pictures[-1].views))
        elif expected.kind == "sometimes":
            answers = {holds(what, picture) for picture in pictures}
            held = True if True in answers else None if None in answers else False
            yield Judged("sometimes", shown(what), held)


def _visible(condition: Condition) -> Condition:
    """Without how many really run, where it says more than that."""
    bare = msgspec.structs.replace(condition, instances=None)
    return condition if msgspec.to_builtins(bare).keys() <= {"connector", "task"} else bare


@dataclass(frozen=True, slots=True)
class Picture:
    """What everybody showed at one moment: by worker and path; and how many the group had, if that was ever said."""

    views: Mapping[tuple[int, str], Seen]
    members: frozenset[int] | None
    leader: int | None


def pictures_of(rows: Sequence[Row]) -> Iterator[Picture]:
    """One after each row of the scenario's time."""
    views: dict[tuple[int, str], Seen] = {}
    generations = generations_in(rows)
    for row in rows:
        at_ms = int(str(row["at_ms"]))
        if "path" in row:
            key = int(str(row["worker"])), str(row["path"])
            views[key] = views_of([row])[key].rows[0][1]
        if at_ms >= 0:
            begun = [one for one in generations if min(got.at_ms for got in one.values()) <= at_ms]
            latest = begun[-1] if begun else {}
            leader = next((got.leader for got in latest.values()), None)
            yield Picture(dict(views), frozenset(latest) if latest else None, leader)


def holds(condition: Condition, picture: Picture) -> bool | None:
    """Whether it is so there, as far as a recording can tell: ``False`` wins over what cannot be told."""
    answers = list(_parts(condition, picture))
    if False in answers:
        return False
    return None if None in answers else True


def _parts(condition: Condition, picture: Picture) -> Iterator[bool | None]:
    untold = (
        "instances",
        "target",
        "config",
        "plugins",
        "plugins_differ",
        "views_differ",
        "settled",
        "request",
    )
    for name in untold:
        if getattr(condition, name) is not None:
            yield None
    if condition.not_ is not None:
        inner = holds(condition.not_, picture)
        yield None if inner is None else not inner
    if condition.any is not None:
        some = [holds(one, picture) for one in condition.any]
        yield True if True in some else None if None in some else False
    if condition.connector is not None:
        yield from _of_connector(condition, condition.connector, picture)
    if condition.group is not None:
        only_leader = msgspec.to_builtins(condition.group).keys() == {"leader"}
        told = only_leader and condition.group.leader != "none" and picture.leader is not None
        yield condition.group.leader == f"connect-{picture.leader}" if told else None
    workers = condition.workers
    if workers is not None:
        told = workers.member is True and workers.names is None and picture.members is not None
        fits = counted(3 if workers.count is None else workers.count)
        yield fits(len(picture.members or ())) if told else None


def _of_connector(condition: Condition, name: str, picture: Picture) -> Iterator[bool | None]:
    path = f"/connectors/{name}/status"
    every = any if condition.on == "any" else all
    wanted = None if condition.on in (None, "any", "all") else condition.on
    if wanted == "leader":
        wanted = None if picture.leader is None else f"connect-{picture.leader}"
    numbers = [
        number
        for (number, one), seen in picture.views.items()
        if one == path and _serves(seen) and wanted in (None, f"connect-{number}")
    ]
    if not numbers:
        yield False
        return
    if condition.exists is not None:
        lists = [picture.views[number, "/connectors"] for number in numbers]
        yield every(
            isinstance(seen, tuple) and (name in _list(seen[1])) is condition.exists for seen in lists
        )
    statuses = [_status(picture.views[number, path]) for number in numbers]
    if condition.state is not None:
        states = [condition.state] if isinstance(condition.state, str) else condition.state
        yield every(_part(status, condition.task).get("state", "NONE") in states for status in statuses)
    if condition.worker is not None:
        holder = f"{{worker:{condition.worker.removeprefix('connect-')}}}"
        yield every(_part(status, condition.task).get("worker_id") == holder for status in statuses)
    if condition.tasks is not None:
        yield from (every(answer) for answer in _task_counts(condition.tasks, statuses))


def _serves(seen: Seen) -> bool:
    return isinstance(seen, tuple) and seen[0] in (200, 404) and seen[1] != "<html>"


def _list(body: object) -> Sequence[object]:
    return body if isinstance(body, list) else ()


def _status(seen: Seen) -> Mapping[str, object]:
    return seen[1] if isinstance(seen, tuple) and seen[0] == 200 and isinstance(seen[1], dict) else {}


def _rows_of(status: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    tasks = status.get("tasks", ())
    assert isinstance(tasks, list | tuple), status
    return tasks


def _part(status: Mapping[str, object], task: int | None) -> Mapping[str, object]:
    """The connector's own row, or that of a task."""
    if task is None:
        own = status.get("connector", {})
        assert isinstance(own, dict), status
        return own
    return next((row for row in _rows_of(status) if row["id"] == task), {})


def _task_counts(counts: TaskCounts, statuses: Sequence[Mapping[str, object]]) -> Iterator[Iterable[bool]]:
    for kind in counts.__struct_fields__:
        count = getattr(counts, kind)
        if count is None or kind == "configured":  # the config is not among what is watched
            continue
        fits = counted(count)
        yield [
            fits(sum(kind == "shown" or row["state"] == kind.upper() for row in _rows_of(status)))
            for status in statuses
        ]
