"""Shipped scenarios that real workers played: mockconnect shows the same states in the same order, requests are answered
alike, and what the scenario expects holds of the real run as well as of ours.

Compared as timelines are (`test_timelines.py`): a state that lasts must be seen on the other side, in the same order, at
about the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import pytest

from mockconnect.scenario.requests import RequestRecord

from .oracle.releases import NEWEST
from .pictures import holds, pictures_of
from .recording import read_lines
from .scenario_tables import CHOICES, FOLDER, recorded_scenarios
from .scenarios import KNOWN_DIFFERENT, Choice, records_in, scenario_for_oracle, what_is_unplayable
from .sightings import Row, generations_in, missing, views_of
from .staged import Staged, judged
from .test_timelines import CHANCE_MS, PHASES_MS, other_generations, renamed, shifted

RECORDED = recorded_scenarios()


@lru_cache(maxsize=2)
def recording(name: str) -> Sequence[Row]:
    return list(read_lines(FOLDER / f"{name}.jsonl.gz"))


def staged(name: str, phase_ms: int = 0) -> Staged:
    choice = CHOICES[name]
    played = Staged(choice, scenario_for_oracle(choice), recording(name), NEWEST, phase_ms)
    played.play()
    return played


def differences(name: str, rows: Sequence[Row], played: Staged) -> Iterator[str]:
    """What differs between a recording and a replay, told one by one."""
    until_ms = round(CHOICES[name].seconds * 1_000)
    yield from other_answers(records_in(rows), played.records, until_ms)
    for key, view in views_of(rows).items():
        own, where = played.views[key], f"worker {view.worker} {view.path}"
        for text in missing(view.lasting(until_ms), own, CHANCE_MS):
            yield f"{where} real, not here: {text}"
        for text in missing(own.lasting(until_ms), view, CHANCE_MS):
            yield f"{where} here, not real: {text}"
    yield from other_generations(generations_in(rows), played.generations())


def other_answers(
    real: Sequence[RequestRecord], ours: Sequence[RequestRecord], until_ms: int
) -> Iterator[str]:
    """The answers to each rule's requests, in order: their names, as expectations have them."""
    for rule in sorted({one.rule for one in (*real, *ours)}):
        answers = [
            [one.answer_name for one in side if one.rule == rule and one.ended] for side in (real, ours)
        ]
        if answers[0] != answers[1]:
            yield f"requests of {rule}: real {answers[0]}, here {answers[1]}"


def test_at_least_forty_were_played_by_real_workers() -> None:
    assert len([name for name in RECORDED if name not in KNOWN_DIFFERENT]) >= 40
    assert set(RECORDED) <= set(CHOICES)


@pytest.mark.parametrize("name", CHOICES)
def test_real_workers_can_play_what_is_chosen(name: str) -> None:
    assert list(what_is_unplayable(scenario_for_oracle(CHOICES[name]))) == []


@pytest.mark.parametrize(
    "name", ["config-lag", "zombie-leader", "damaged-answers", "rebalance-storm", "chaos"]
)
def test_real_workers_are_not_asked_for_what_they_cannot_do(name: str) -> None:
    assert list(what_is_unplayable(scenario_for_oracle(Choice(name, 1))))


def _with_known(name: str) -> object:
    reason = KNOWN_DIFFERENT.get(name)
    return name if reason is None else pytest.param(name, marks=pytest.mark.xfail(reason=reason, strict=True))


@pytest.mark.parametrize("name", [_with_known(name) for name in RECORDED])
def test_the_same_is_seen_of_real_workers_and_of_mockconnect(name: str) -> None:
    """Some phase of the heartbeats must fit in every respect, and the scenario holds in it."""
    best: list[str] | None = None
    for phase_ms in PHASES_MS:
        played = staged(name, phase_ms)
        problems = list(differences(name, recording(name), played))
        if not problems:
            report = played.report()
            assert report.held, report.text()
            return
        best = problems if best is None or len(problems) < len(best) else best
    pytest.fail("\n".join(best or ()))


@pytest.mark.parametrize("name", RECORDED)
def test_what_the_scenario_expects_holds_of_real_workers(name: str) -> None:
    verdicts = list(judged(scenario_for_oracle(CHOICES[name]), recording(name)))
    assert [one for one in verdicts if one.held is False] == []
    assert all(one.held for one in verdicts if one.kind in ("eventually", "requests"))


def failed(row: Row) -> Row:
    return (
        {**row, "body": str(row["body"]).replace("RUNNING", "FAILED")}
        if "path" in row and "body" in row
        else row
    )


def test_a_wrong_end_of_a_real_run_is_found() -> None:
    rows = [failed(row) for row in recording("leader-crash")]
    verdicts = judged(scenario_for_oracle(CHOICES["leader-crash"]), rows)
    assert [one.kind for one in verdicts if one.held is False] == ["eventually", "eventually"]


def answered_otherwise(row: Row) -> Row:
    return {**row, "status": 409} if row.get("status") == 500 else row


@pytest.mark.parametrize("planted", [shifted, renamed, answered_otherwise])
def test_a_planted_difference_is_found(planted: Callable[[Row], Row]) -> None:
    name = "leader-crash"
    rows = [planted(row) for row in recording(name)]
    assert any(not list(differences(name, recording(name), one)) for one in played_in_every_phase())
    assert all(list(differences(name, rows, one)) for one in played_in_every_phase())


@lru_cache
def played_in_every_phase() -> Sequence[Staged]:
    return [staged("leader-crash", phase_ms) for phase_ms in PHASES_MS]


def test_a_condition_is_looked_for_in_what_was_recorded() -> None:
    """One worker has the new class for two seconds before the rule that waits for that asks anything."""
    scenario, rows = scenario_for_oracle(CHOICES["rolling-upgrade"]), recording("rolling-upgrade")
    condition = next(one.rule.when for one in scenario.rules if one.name == "early-bird")
    assert condition is not None
    seen = [int(str(row["at_ms"])) for row in rows if int(str(row["at_ms"])) >= 0]
    held = [at_ms for at_ms, one in zip(seen, pictures_of(rows), strict=True) if holds(condition, one)]
    asked = next(int(str(row["at_ms"])) for row in rows if row.get("rule") == "early-bird")
    assert condition.for_ <= asked - held[0] < condition.for_ + 1_000


def older(row: Row) -> Row:
    """As if the upgrade brought no newer plugin."""
    return {**row, "body": str(row["body"]).replace("10.8.0", "10.7.4")} if "body" in row else row


def test_a_plugin_that_was_not_upgraded_is_found() -> None:
    rows = [older(row) for row in recording("rolling-upgrade")]
    assert list(differences("rolling-upgrade", rows, staged("rolling-upgrade")))
