"""What the documentation says of scenarios is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mockconnect.core.client_faults import NAMED_ANSWERS
from mockconnect.playing import play_alone
from mockconnect.scenario.actions import FAULT_VERBS, Action
from mockconnect.scenario.checks import JUDGES
from mockconnect.scenario.invariants import INVARIANTS
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.operations import ANSWERS, GROUPS, OPERATIONS
from mockconnect.scenario.script import ScenarioFile
from mockconnect.scenario.shipped import shipped_names
from mockconnect.staging import staged

TEXT = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_file_can_be_played() -> None:
    (file,) = blocks("yaml")
    report = play_alone(staged({"scenario": scenario_from_text(file, "docs.yaml")}))
    assert report.held, report.text()


@pytest.mark.parametrize("block", blocks("python"))
def test_the_tests_pass(block: str) -> None:
    names: dict[str, object] = {}
    exec(block, names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    assert callable(test)
    test()


def test_every_verb_is_there() -> None:
    table = TEXT.partition("| about | verbs |")[2].partition("\n\n")[0]
    verbs = set(re.findall(r"`(\w+)`", table))
    own = set(Action.__struct_fields__) - set(FAULT_VERBS)
    assert verbs == set(FAULT_VERBS) | own


def test_every_part_invariant_and_judge_is_there() -> None:
    parts = set(re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE))
    assert {field.strip("_") for field in ScenarioFile.__struct_fields__} - {"api_version", "kind"} <= parts
    for name in (*INVARIANTS, *JUDGES):
        assert f"`{name}`" in TEXT


def test_every_operation_and_answer_is_there() -> None:
    told = set(re.findall(r"`([\w.]+)`", TEXT))
    assert set(OPERATIONS) | set(GROUPS) | (set(ANSWERS) - set(NAMED_ANSWERS)) <= told


def test_the_number_is_right() -> None:
    assert f"# {len(shipped_names())} of them" in TEXT
