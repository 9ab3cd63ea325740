"""Faults that are drawn: each drawing is a scenario that a file could have, and what fails is made as small as can be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

import mockconnect
from mockconnect import chaos
from mockconnect.chaos import DrawnScenario
from mockconnect.playing import play_alone
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.report import Report, Verdict
from mockconnect.scenario.writing import scenario_data
from mockconnect.staging import staged

FRAGILE = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: fragile}
cluster:
  workers: 2
  connectors: [{name: a, class: FileStreamSink, tasks: 2, config: {topics: t, file: /tmp/f}}]
timeline:
  - {name: look, at: 1s, do: {request: {operation: connector_status, connector: a, worker: connect-0}}}
expect:
  always: [{group: {members: ">=2"}}]
  requests: [{operation: connector_status, rule: look, answer: "200"}]
"""


def alone(scenario: DrawnScenario) -> Report:
    return play_alone(staged({"scenario": scenario}))


def done(scenario: DrawnScenario) -> list[dict[str, object]]:
    """What was drawn."""
    rules = scenario_data(scenario)["timeline"]
    return [rule for rule in rules if rule["name"].startswith("drawn-")]


@pytest.mark.parametrize("verb", chaos.VERBS)
def test_each_verb_can_be_played_and_written(verb: str) -> None:
    @settings(max_examples=10)
    @given(chaos.scenarios(verbs=[verb], max_faults=2))
    def of_this_one(scenario: DrawnScenario) -> None:
        assert {name for rule in done(scenario) for name in rule["do"]} == {verb}  # type: ignore[attr-defined]
        assert scenario_data(scenario_from_text(scenario.text, "found.yaml")) == scenario_data(scenario)
        alone(scenario)

    of_this_one()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(chaos.scenarios(max_faults=10))
def test_a_cluster_recovers_from_what_heals(scenario: DrawnScenario) -> None:
    alone(scenario).check()


def test_what_is_found_is_small() -> None:
    found = chaos.search(chaos.scenarios(scenario_from_text(FRAGILE, "fragile.yaml")), alone, number=1)
    assert found is not None
    assert found.end == "least"
    assert found.runs >= 1
    assert not found.report.held
    assert len(done(found.scenario)) == 1, found.scenario
    again = play_alone(staged({"scenario": scenario_from_text(found.scenario.text, "found.yaml")}))
    assert again.trace_hash == found.report.trace_hash


def test_the_same_number_finds_the_same() -> None:
    fragile = scenario_from_text(FRAGILE, "fragile.yaml")
    first, second = (chaos.search(chaos.scenarios(fragile), alone, number=4) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.scenario.text, first.runs) == (second.scenario.text, second.runs)


def test_nothing_is_found_where_nothing_fails() -> None:
    played = []

    def play(scenario: DrawnScenario) -> Report:
        played.append(scenario)
        return alone(scenario)

    assert chaos.search(chaos.scenarios(verbs=["rebalance"]), play, runs=7) is None
    assert 1 <= len(played) <= 7


FAILED = Verdict("always", "it is well", False)


def test_what_fails_once_only_is_told_as_such() -> None:
    turns = iter([True])

    def play(scenario: DrawnScenario) -> Report:
        report = alone(scenario)
        return replace(report, verdicts=(FAILED,)) if next(turns, False) else report

    found = chaos.search(chaos.scenarios(verbs=["rebalance"]), play, runs=5)
    assert found is not None
    assert found.end == "flaky"
    assert found.report.verdicts == (FAILED,)


def test_it_stays_with_what_failed_first() -> None:
    """Smaller scenarios that fail something else are not what was looked for."""

    others = replace(FAILED, text="it is quiet")
    seen: list[int] = []

    def play(scenario: DrawnScenario) -> Report:
        seen.append(len(done(scenario)))
        few = others if max(seen) > 2 else replace(FAILED, held=True)
        return replace(alone(scenario), verdicts=(FAILED if seen[-1] > 2 else few,))

    found = chaos.search(chaos.scenarios(verbs=["rebalance"]), play, number=3)
    assert found is not None
    assert min(seen[found.runs :]) < 3, "smaller ones were played, too"
    assert len(done(found.scenario)) == 3
    assert found.report.verdicts == (FAILED,)


def test_what_playing_raises_ends_the_search() -> None:
    played = []

    def play(scenario: DrawnScenario) -> Report:
        played.append(scenario)
        raise SystemExit(2)

    with pytest.raises(SystemExit):
        chaos.search(chaos.scenarios(), play)
    assert len(played) == 1


def test_enough_is_what_was_found_so_far() -> None:
    def play(scenario: DrawnScenario) -> Report:
        if played:
            raise chaos.EnoughError
        played.append(scenario)
        return replace(alone(scenario), verdicts=(FAILED,))

    played: list[DrawnScenario] = []
    found = chaos.search(chaos.scenarios(), play)
    assert found is not None
    assert (found.end, found.scenario, found.runs) == ("enough", played[0], 1)


def test_a_failing_test_shows_the_scenario_as_a_file() -> None:
    @settings(database=None, max_examples=20)
    @given(chaos.scenarios(verbs=["crash"], during="1s"))
    def test(scenario: DrawnScenario) -> None:
        with mockconnect.start(scenario=scenario) as cluster:
            cluster.play_out()
            assert cluster.generation == 1

    with pytest.raises(AssertionError) as failed:
        test()
    shown = "\n".join(failed.value.__notes__)
    line = r'- \{name: drawn-1, at: "0.0s", do: \{crash: \{for: "\d+s", worker: \w+\}\}\}'
    assert re.search(rf"^ *timeline:\n +{line}$", shown, re.MULTILINE), shown


@pytest.mark.parametrize(
    ("draw", "texts"),
    [
        (lambda: chaos.scenarios(verbs=["crahs"]), ["verbs: 'crahs' is unknown; did you mean 'crash'?"]),
        (
            lambda: chaos.scenarios(verbs=[], max_faults=0, during="soon"),
            ["verbs: expected at least one", "max_faults: expected", "during: expected milliseconds"],
        ),
        (lambda: chaos.scenarios("leader-crahs"), ["did you mean 'leader-crash'?"]),
    ],
)
def test_mistakes(draw: Callable[[], object], texts: list[str]) -> None:
    with pytest.raises(mockconnect.OptionsError) as error:
        draw()
    for text in texts:
        assert text in str(error.value)
