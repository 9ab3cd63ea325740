"""A scenario that is written as a file of its own is the same scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockconnect.files.durations import duration_text, milliseconds
from mockconnect.playing import play_alone
from mockconnect.scenario.loading import Scenario, scenario_from_text
from mockconnect.scenario.shipped import shipped_names
from mockconnect.scenario.writing import scenario_text
from mockconnect.staging import scenario_of, staged
from tests.scenario.golden import played


def meaning(scenario: Scenario) -> object:
    """All of it but the places where it stands."""
    return (
        scenario.metadata,
        scenario.settings,
        scenario.cluster,
        [(one.name, one.rule if one.rule.name else None) for one in scenario.rules],
        [(one.kind, one.what) for one in scenario.expectations],
        scenario.finally_,
        {name: piece.do for name, piece in scenario.pieces.items() if piece.do},
    )


@pytest.mark.parametrize("name", shipped_names())
def test_what_is_shipped_reads_the_same_again(name: str) -> None:
    scenario = scenario_of(name)
    text = scenario_text(scenario)
    again = scenario_from_text(text, f"{name}.yaml")
    assert scenario_text(again) == text
    assert meaning(again) == meaning(scenario)


def test_it_plays_the_same_run() -> None:
    again = scenario_from_text(scenario_text(scenario_of("chaos")), "again.yaml")
    assert play_alone(staged({"scenario": again})).trace_hash == played("chaos").trace_hash


INCLUDED = """
apiVersion: mockconnect/v1
kind: Pieces
pieces:
  storm: {rules: [{name: first, at: "${when}", do: rebalance}, {name: second, after: first, do: rebalance}]}
expect: {always: [at_most_one_leader]}
"""
WITH_ALL = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: all}
include: [pieces.yaml]
params: {when: {default: 90s}, secret: {default: x}}
cluster:
  connectors: [{name: o, class: FileStreamSink, config: {topics: "$${when}", file: "${secret}", version: "3.10"}}]
timeline: [{use: storm}, {when: {connector: o, state: RUNNING, for: 1500ms}, do: {crash: leader}, for: 1m30s}]
"""


def test_parameters_and_what_is_included_stand_in_it(tmp_path: Path) -> None:
    (tmp_path / "pieces.yaml").write_text(INCLUDED, encoding="utf-8")
    (tmp_path / "all.yaml").write_text(WITH_ALL, encoding="utf-8")
    text = scenario_text(scenario_of(tmp_path / "all.yaml", {"secret": "/run/x"}), "Made of two.")
    assert text == WRITTEN


WRITTEN = """\
# Made of two.
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: all}
cluster:
  connectors: [{name: o, class: FileStreamSink, config: {topics: "$${when}", file: /run/x, version: "3.10"}}]
timeline:
  - {name: first, at: "90s", do: rebalance}
  - {name: second, after: first, do: rebalance}
  - {name: rule-3, when: {connector: o, state: RUNNING, for: "1.5s"}, do: {crash: leader}, for: "90s"}
expect:
  always: [at_most_one_leader]
"""


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_reads_as_what_it_was(span_ms: int) -> None:
    assert milliseconds(duration_text(span_ms)) == span_ms


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [(0, "0.0s"), (300, "0.3s"), (250, "250ms"), (12_300, "12.3s"), (90_000, "90s"), (300_000, "5m")],
)
def test_durations_are_short(span_ms: int, text: str) -> None:
    assert duration_text(span_ms) == text
