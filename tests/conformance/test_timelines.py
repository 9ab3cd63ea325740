"""mockconnect against the recorded timelines: the same things happen, and every worker shows the same states meanwhile.

Both sides are looked at in the same way: per worker and path, the states that were seen, one after the other. A state
that lasts must be seen on the other side too, in the same order, and begin at the same time as far as that is not a
matter of chance. A real worker is told of a rebalance by its next heartbeat and is missed a session after its last one,
so an instant may differ by a heartbeat interval.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import pytest

from .jitter import ALL_GENERATIONS, Transition, jitter_path, read_jitter, told
from .recording import RECORDINGS, read_lines, recorded_versions
from .sightings import (
    Generations,
    Row,
    alike,
    answers_to,
    apart_in,
    generations_in,
    leaders_in,
    missing,
    starts_in,
    views_of,
)
from .timelines import Timeline, load_timelines
from .virtual import LOOK_MS, Replayed

JITTERED = [version for version in recorded_versions() if jitter_path(version).exists()]
JITTER = {(version, name): rows for version in JITTERED for name, rows in read_jitter(version).items()}
WIDENED_MS = 250 + LOOK_MS
"""How often recorder and replay look: a state may have begun so long before it was seen."""
HEARTBEAT_MS = 3_000
CHANCE_MS = HEARTBEAT_MS + max(each.spread_ms for rows in JITTER.values() for each in rows) + WIDENED_MS
"""Of one run: a heartbeat earlier or later, and what ten runs show beyond that."""
PHASES_MS = (0, 600, 1_200, 1_800, 2_400)
TIMELINES = {timeline.name: timeline for timeline in load_timelines()}


def recorded() -> list[tuple[str, str]]:
    """Every version with the names of its timelines."""
    return [
        (version, path.name.removesuffix(".jsonl.gz"))
        for version in recorded_versions()
        for path in sorted((RECORDINGS / version / "timelines").glob("*.jsonl.gz"))
    ]


@lru_cache(maxsize=2)
def recording(version: str, name: str) -> Sequence[Row]:
    return list(read_lines(RECORDINGS / version / "timelines" / f"{name}.jsonl.gz"))


def played(version: str, name: str, phase_ms: int = 0) -> Replayed:
    timeline, rows = TIMELINES[name], recording(version, name)
    starts, apart = starts_in(timeline, rows), apart_in(timeline, rows)
    replayed = Replayed(timeline, version, starts, leaders_in(rows), phase_ms, apart)
    replayed.play()
    return replayed


@pytest.mark.parametrize(("version", "name"), recorded(), ids=lambda text: text)
def test_the_same_is_seen_of_real_workers_and_of_mockconnect(version: str, name: str) -> None:
    """Whose heartbeat comes first after an event is a matter of chance: some phase of them must fit in every respect."""
    rows, best = recording(version, name), None
    for phase_ms in PHASES_MS:
        problems = list(differences(TIMELINES[name], rows, played(version, name, phase_ms)))
        if not problems:
            return
        best = problems if best is None or len(problems) < len(best) else best
    pytest.fail("\n".join(best or ()))


def differences(timeline: Timeline, rows: Sequence[Row], replayed: Replayed) -> Iterator[str]:
    """What differs between a recording and a replay, told one by one."""
    until_ms = round(timeline.seconds * 1_000)
    for event, real, ours in zip(timeline.events, answers_to(timeline, rows), replayed.answers, strict=True):
        if event.request is not None and real != ours:
            yield f"{event.request.method} {event.request.target}: real {real}, here {ours}"
    for key, view in views_of(rows).items():
        own, where = replayed.views[key], f"worker {view.worker} {view.path}"
        for text in missing(view.lasting(until_ms), own, CHANCE_MS):
            yield f"{where} real, not here: {text}"
        for text in missing(own.lasting(until_ms), view, CHANCE_MS):
            yield f"{where} here, not real: {text}"
    yield from other_generations(generations_in(rows), replayed.generations())


def other_generations(real: Generations, ours: Generations) -> Iterator[str]:
    if len(ours) != len(real):
        yield f"{len(real)} real generations, {len(ours)} here: {real} {ours}"
        return
    for one, other in zip(real, ours, strict=True):
        for worker in sorted({*one, *other}):
            if not alike(one.get(worker), other.get(worker), CHANCE_MS):
                yield f"worker {worker}: real {one.get(worker)}, here {other.get(worker)}"


def shifted(row: Row) -> Row:
    return {**row, "at_ms": int(str(row["at_ms"])) + CHANCE_MS + 1_000}


def renamed(row: Row) -> Row:
    return {**row, "body": str(row["body"]).replace("RUNNING", "PAUSED")} if "body" in row else row


def from_another(row: Row) -> Row:
    assignment = str(row.get("assignment", "")).replace("leader='connect-1'", "leader='connect-2'")
    return {**row, "assignment": assignment} if "assignment" in row else row


def not_revoked(row: Row) -> Row:
    assignment = re.sub(r"revokedTaskIds=\[.*?\]", "revokedTaskIds=[]", str(row.get("assignment", "")))
    return {**row, "assignment": assignment} if "assignment" in row else row


@pytest.mark.parametrize("planted", [shifted, renamed, from_another, not_revoked])
def test_a_planted_difference_is_found(planted: Callable[[Row], Row]) -> None:
    version, name = recorded()[0][0], "delete"
    replayed, rows = played(version, name), recording(version, name)
    assert not list(differences(TIMELINES[name], rows, replayed))
    assert list(differences(TIMELINES[name], [planted(row) for row in rows], replayed))


@pytest.mark.parametrize(("version", "name"), JITTER, ids=lambda text: text)
def test_instants_lie_within_what_ten_real_runs_show(version: str, name: str) -> None:
    replayed = played(version, name)
    problems = [
        f"{each.worker} {each.path} {each.state}: real {each.at_ms[0]} to {each.at_ms[-1]}, here {at_ms}"
        for each, at_ms in zip(
            JITTER[version, name], instants_of(replayed, JITTER[version, name]), strict=True
        )
        if at_ms is None or not each.at_ms[0] - WIDENED_MS <= at_ms <= each.at_ms[-1] + WIDENED_MS
    ]
    assert not problems, "\n".join(problems)


def instants_of(replayed: Replayed, transitions: Sequence[Transition]) -> Iterator[int | None]:
    """When mockconnect came to the same states, in the same order; ``None`` for one that it did not come to."""
    generations = [min(got.at_ms for got in each.values()) for each in replayed.generations()]
    positions: dict[tuple[int, str], int] = {}
    for each in transitions:
        if each.path == ALL_GENERATIONS:
            number = int(each.state)
            yield generations[number] if number < len(generations) else None
            continue
        key = each.worker, each.path
        rows = replayed.views[key].rows
        found = next(
            (
                n
                for n in range(positions.get(key, 0), len(rows))
                if rows[n][0] >= 0 and told(rows[n][1]) == each.state
            ),
            None,
        )
        positions[key] = positions.get(key, 0) if found is None else found
        yield None if found is None else rows[found][0]


def test_chance_is_small_beside_what_it_is_allowed_to_be() -> None:
    """Ten runs per timeline; were they to differ by many seconds, nothing would be compared any more."""
    assert {len(each.at_ms) for rows in JITTER.values() for each in rows} == {10}
    assert CHANCE_MS < 2 * HEARTBEAT_MS
