"""Rules that cause each other again and again are told; those that only fire often are not."""

from __future__ import annotations

from pathlib import Path

import pytest

import mockconnect
from mockconnect.playing import EndlessScenarioError
from mockconnect.scenario.report import Report
from tests.scenario.golden import played

HEAD = "{apiVersion: mockconnect/v1, kind: Scenario, metadata: {name: round}, "
ASK = "do: {request: {operation: list_connectors, worker: leader}}"
ICE = "name: ice, when: {workers: {names: connect-1, frozen: false}}, do: {freeze: {worker: connect-1, for: 5s}}"
"""Fires again whenever the worker goes on."""


def play(folder: Path, *rules: str, settings: str = "") -> Report:
    file = folder / "round.yaml"
    file.write_text(
        f"{HEAD}{settings} timeline: [{', '.join(f'{{{one}}}' for one in rules)}]}}", encoding="utf-8"
    )
    return played(str(file))


def fired(report: Report, name: str) -> int:
    return len(next(one for one in report.rules if one.name == name).fired_at_ms)


# --- circles ----------------------------------------------------------------------------------------------------------------


def test_a_rule_that_causes_itself(tmp_path: Path) -> None:
    with pytest.raises(EndlessScenarioError) as raised:
        play(tmp_path, ICE, "name: other, at: 1s, do: {mark: other}")
    assert str(raised.value) == (
        "round comes to no end: rule 'ice' causes itself again and again, 5000.000s so far; say how often with max,"
        " or how long in settings.duration (seed 0)"
    )


def test_rules_that_cause_each_other_one_after_the_other(tmp_path: Path) -> None:
    with pytest.raises(EndlessScenarioError, match="rules 'one', 'two' and 'three' cause each other again"):
        play(
            tmp_path,
            "name: one, when: {workers: {names: connect-1, frozen: false}}, do: {freeze: {worker: connect-1, for: 60s}}",
            "name: other, after: one, do: {mark: other}, max: 1",
            "name: two, after: {rule: one, delay: 2s}, do: {mark: two}",
            "name: three, after: {rule: two, delay: 3s}, do: {heal: one}",
        )


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ([f"name: b, on_request: {{by: scenario, always: true}}, {ASK}"], "rule 'b' causes itself again"),
        (
            [
                f"name: b, on_request: {{operation: server_info, always: true}}, {ASK}",
                f"name: c, on_request: {{operation: list_connectors, always: true}}, {ASK.replace('list_connectors', 'server_info')}",
            ],
            "rules 'b' and 'c' cause each other again",
        ),
    ],
)
def test_rules_that_cause_each_other_at_one_moment(rules: list[str], names: str, tmp_path: Path) -> None:
    with pytest.raises(EndlessScenarioError, match=names):
        play(tmp_path, f"name: a, at: 1s, {ASK}", *rules)


def test_a_cluster_in_a_test_goes_on_without_such_a_rule(tmp_path: Path) -> None:
    file = tmp_path / "round.yaml"
    rule = f"{{name: b, on_request: {{by: scenario, always: true}}, {ASK}}}"
    file.write_text(f"{HEAD} timeline: [{{name: a, at: 1s, {ASK}}}, {rule}]}}", encoding="utf-8")
    with mockconnect.start(scenario=file) as cluster:
        report = cluster.play_out()
    assert report.rules[1].refused == ("it causes itself again and again",)


# --- what only fires often --------------------------------------------------------------------------------------------------


def test_what_follows_a_rule_that_repeats_itself(tmp_path: Path) -> None:
    report = play(
        tmp_path,
        "name: beat, at: 0s, repeat: {every: 1s, count: 1500}, do: {freeze: {worker: connect-1, for: 500ms}}",
        "name: seen, when: {workers: {names: connect-1, frozen: true}}, do: {mark: seen}",
        "name: next, after: seen, do: {mark: next}",
    )
    assert fired(report, "seen") == fired(report, "next") == 1_500


def test_what_goes_on_while_something_lasts(tmp_path: Path) -> None:
    storm = "name: storm, at: 0s, do: {lag: {worker: connect-2, config: 1s, for: 6000s}}"
    report = play(tmp_path, storm, f"{ICE}, until: {{rule: storm, ended: true}}")
    assert fired(report, "ice") == 1_200


def test_what_goes_on_until_a_moment(tmp_path: Path) -> None:
    report = play(tmp_path, ICE, "name: enough, at: 2h, do: {end: enough}")
    assert fired(report, "ice") == 1_440


def test_what_is_bounded(tmp_path: Path) -> None:
    assert fired(play(tmp_path, f"{ICE}, max: 1500"), "ice") == 1_500
    assert fired(play(tmp_path, ICE, settings="settings: {duration: 2h},"), "ice") == 1_440


def test_what_random_rules_do(tmp_path: Path) -> None:
    report = play(
        tmp_path,
        "name: monkey, random: {every: exp(10s), between: [0s, 6h]}, do: {freeze: {worker: one, for: 2s}}",
        "name: seen, when: {workers: {frozen: true, count: '>=1'}}, do: {mark: seen}",
    )
    assert fired(report, "seen") > 1_500
