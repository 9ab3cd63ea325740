"""What real workers do now and then, by chance: mockconnect can be brought to do it, too.

* A leader that was frozen for half a minute finds the coordinator as fast as its consumers connect anew. Of seven real runs of
  `frozen-leader` three wrote at once what waited, and four joined first. `scenarios/` has one of the former, `again/` one
  of the latter.
* A busy worker misses a generation and asks for one more, as in three of six runs of `herder-blocked` on 2.8.2 and 3.9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import pytest

from .oracle.releases import NEWEST
from .recording import RECORDINGS, read_lines
from .scenario_tables import CHOICES
from .scenarios import scenario_for_oracle
from .sightings import Row, leaders_in
from .staged import Staged
from .test_scenarios import differences
from .test_timelines import HEARTBEAT_MS, PHASES_MS, TIMELINES
from .test_timelines import recording as recorded_timeline
from .virtual import Replayed

NAME = "frozen-leader"
FOLDERS = ("scenarios", "again")


@lru_cache
def recording(folder: str) -> Sequence[Row]:
    return list(read_lines(RECORDINGS / NEWEST / folder / f"{NAME}.jsonl.gz"))


@lru_cache
def staged(folder: str) -> Sequence[Staged]:
    """In every phase: chance is drawn anew in each."""
    scenario = scenario_for_oracle(CHOICES[NAME])
    runs = [Staged(CHOICES[NAME], scenario, recording(folder), NEWEST, phase_ms) for phase_ms in PHASES_MS]
    for run in runs:
        run.play()
    return runs


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_way_in_which_it_ended_is_shown(folder: str) -> None:
    told = [list(differences(NAME, recording(folder), run)) for run in staged(folder)]
    assert [] in told, "\n".join(min(told, key=len))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_run_ends_in_two_ways(folder: str) -> None:
    other = next(one for one in FOLDERS if one != folder)
    fitting = [run for run in staged(folder) if not list(differences(NAME, recording(folder), run))]
    assert all(list(differences(NAME, recording(other), run)) for run in fitting)


def test_the_write_that_waited_tells_them_apart() -> None:
    answers = {
        folder: next(row["status"] for row in recording(folder) if row.get("rule") == "older")
        for folder in FOLDERS
    }
    assert answers == {"scenarios": 200, "again": 500}


BLOCKED, BLOCKED_NUMBER = "connect-3", 3
HELD_UNTIL_MS, RESTS_MS, BEHIND_MS = 10_000, 120, 100


def of_blocked_herder(version: str) -> Replayed:
    return Replayed(
        TIMELINES["herder-blocked"], version, {}, leaders_in(recorded_timeline(version, "herder-blocked"))
    )


def make_busy(replayed: Replayed) -> None:
    """The worker rests between the two halves of the round for which its herder was waited, and reads late from then on."""
    worker, sim = replayed.cluster.workers[BLOCKED], replayed.cluster.sim
    worker.set_lag("config", BEHIND_MS)
    worker.freeze()
    sim.after(RESTS_MS, worker.thaw)


@pytest.mark.parametrize("version", ["2.8.2", "3.9.1"])
def test_a_busy_worker_costs_one_more_generation(version: str) -> None:
    usual, busy = of_blocked_herder(version), of_blocked_herder(version)
    usual.play()
    busy.cluster.sim.when(partial(is_between_join_and_sync, busy), partial(make_busy, busy))
    busy.play()
    begun = begun_at_ms(busy)
    assert len(begun) == len(begun_at_ms(usual)) + 1
    assert BLOCKED_NUMBER not in busy.generations()[1], "it missed that one"
    assert begun[4] - begun[3] == pytest.approx(HEARTBEAT_MS, abs=50), "the others notice by their heartbeats"


def is_between_join_and_sync(replayed: Replayed) -> bool:
    """Of the first round for which the blocked herder was waited."""
    node = replayed.cluster.workers[BLOCKED].node
    if node is None or not replayed.began_at_ms or replayed.now_ms < HELD_UNTIL_MS:
        return False
    return node.herder.member.generation > node.herder.generation


def begun_at_ms(replayed: Replayed) -> list[int]:
    return [min(got.at_ms for got in each.values()) for each in replayed.generations()]
