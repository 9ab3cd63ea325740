"""The page of situations names scenarios that are shipped, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

from mockconnect.scenario.shipped import shipped_names

PAGE = (Path(__file__).parents[2] / "docs" / "situations.md").read_text(encoding="utf-8")
REPORTED, KNOWN, OTHERS = (
    PAGE.partition("## As reported")[2].partition("## As the source has it")[0],
    PAGE.partition("## As the source has it")[2].partition("What neither list has")[0],
    PAGE.partition("What neither list has")[2],
)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|") and "`" in line]


def named(text: str) -> set[str]:
    return {name for name in re.findall(r"`([a-z0-9-]+)`", text) if "-" in name or name in shipped_names()}


def test_every_situation_has_a_scenario() -> None:
    assert len(rows(REPORTED)) == 58
    assert len(rows(KNOWN)) == 55
    for row in (*rows(REPORTED), *rows(KNOWN)):
        assert named(row) <= set(shipped_names()), row
        assert named(row), row


def test_every_scenario_is_there_for_something() -> None:
    assert named(PAGE) == set(shipped_names())
    assert not named(OTHERS) & named(REPORTED + KNOWN)
