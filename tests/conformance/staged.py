"""A scenario that real workers played, played on mockconnect in virtual time and looked at in the same way; and what the
scenario expects, judged by what was recorded of the real run (`pictures.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import msgspec

from mockconnect.core.faults import Bounce, RollingUpgrade
from mockconnect.scenario.checks import Asked, judge_requests
from mockconnect.scenario.conditions import Condition, shown
from mockconnect.scenario.loading import Scenario
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report
from mockconnect.scenario.requests import RequestRecord
from mockconnect.scenario.script import Eventually

from .pictures import holds, pictures_of
from .scenarios import JOINED, Choice, faults_in, plugin_sets, records_in, timeline_of
from .sightings import Row, Started, leaders_in, starts_in
from .timelines import Event, Timeline
from .virtual import Replayed, plugins_of

LIMIT_MS: Final = 900_000
_HAPPENS: Final = ("crash", "stop", "start", "freeze", "thaw")


class Staged(Replayed):
    """A scenario's own player on the cluster of a replay, with the machines and elections of the recording."""

    def __init__(
        self, choice: Choice, scenario: Scenario, rows: Sequence[Row], version: str, phase_ms: int = 0
    ) -> None:
        timeline = timeline_of(choice, scenario)
        super().__init__(timeline, version, {}, leaders_in(rows), phase_ms)
        self._starts_by_worker = starts_by_worker(timeline, scenario, rows)
        self._offset_ms = phase_ms + 1_000
        for name, (own_version, stand_ins) in plugin_sets(scenario, version).items():
            plan = replace(timeline.plan(1, version), version=own_version, stand_ins=stand_ins)
            self.cluster.faults.ground.plugin_sets[name] = plugins_of(plan)
        self.cluster.faults.ground.conditions[JOINED] = partial(self._has_joined, joined_in(rows))
        self.cluster.coordinator.visit_members = partial(self._visited, visits_in(rows))
        self._player = Player(self.cluster, scenario)

    def _visited(self, visits: Mapping[int, str], member_ids: Iterable[str]) -> Sequence[str]:
        """In the order of the recorded generation; by id, if the recording does not say it."""
        order = visits.get(self.cluster.generation, "")
        return sorted(member_ids, key=lambda member_id: (order.find(member_id.split("-")[1]), member_id))

    def _has_joined(self, joined_at_ms: Mapping[int, int], worker: str) -> bool:
        """The operator of a rolling upgrade sees it when the real one did."""
        return self.now_ms >= joined_at_ms[int(worker.removeprefix("connect-"))]

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


def joined_in(rows: Sequence[Row]) -> Mapping[int, int]:
    """When the operator went on after each worker."""
    return {int(str(row["worker"])): int(str(row["at_ms"])) for row in rows if row.get("event") == JOINED}


def visits_in(rows: Sequence[Row]) -> Mapping[int, str]:
    """Of each generation: in which order its leader visited the members."""
    return {int(str(row["generation"])): str(row["visits"]) for row in rows if "visits" in row}


def starts_by_worker(timeline: Timeline, scenario: Scenario, rows: Sequence[Row]) -> dict[int, Started]:
    """How long the machine of each worker that was started took to; the first time, if that was several times.

    Who waits for a process to be gone starts the next one later on a machine that takes long to stop.
    """
    happened = [row for row in rows if row.get("event") in _HAPPENS and "worker" in row]
    events = tuple(
        Event(int(str(row["at_ms"])), str(row["event"]), int(str(row["worker"]))) for row in happened
    )
    downs = down_for(scenario)
    found: dict[int, Started] = {}
    for number, started in starts_in(replace(timeline, events=events), rows).items():
        own = events[number]
        before = [one for one in events[:number] if one.worker == own.worker]
        down_ms = downs.get(str(happened[number]["rule"]))
        stop_ms = own.at_ms - before[-1].at_ms - down_ms if before and down_ms is not None else 0
        found.setdefault(own.worker, replace(started, jvm_ms=started.jvm_ms + max(0, stop_ms)))
    return found


def down_for(scenario: Scenario) -> Mapping[str, int]:
    """Of each rule that stops a worker and waits until it is gone: how long it then leaves it down."""
    return {
        rule.name: fault.down_for_ms
        for rule in scenario.rules
        for fault in faults_in(rule)
        if isinstance(fault, Bounce | RollingUpgrade)
    }


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
