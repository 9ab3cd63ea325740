"""Every shipped scenario holds, alone and whenever it is played, and looks as it did.

``python -m tests.scenario.golden`` writes the golden timelines anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from mockconnect.scenario.loading import load_scenario
from mockconnect.scenario.schema import scenario_schema
from mockconnect.scenario.shipped import shipped_directory, shipped_files
from tests.scenario.golden import golden_file, golden_text, played

NAMES = [path.stem for path in shipped_files()]
FIRST_LINE = "# yaml-language-server: $schema=./schema/scenario.v1.json"


@pytest.mark.parametrize("name", NAMES)
def test_holds_and_looks_as_it_did(name: str) -> None:
    report = played(name)
    assert report.held, report.text()
    assert [why for rule in report.rules for why in rule.refused] == []
    assert golden_text(report) == golden_file(name).read_text(encoding="utf-8")


def test_no_golden_timeline_is_left_over() -> None:
    assert sorted(path.stem for path in golden_file("x").parent.glob("*.txt")) == sorted(NAMES)


@pytest.mark.parametrize("path", shipped_files(), ids=NAMES)
def test_is_explained_and_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = text.partition("apiVersion:")[0]
    metadata = load_scenario(path).metadata
    assert text.splitlines()[0] == FIRST_LINE
    for word in ("# What happens:", "# Why:", "# A robust client:"):
        assert word in head
    assert metadata.name == path.stem
    assert metadata.description.endswith(".")
    assert len(metadata.description) <= 100
    assert metadata.tags
    assert all(re.fullmatch(r"(KAFKA|KIP)-\d+|[\w.-]+/[\w.-]+(#\d+)?", one) for one in metadata.references)


def test_the_shipped_schema_is_that_of_the_types() -> None:
    shipped = shipped_directory() / "schema" / "scenario.v1.json"
    assert msgspec.json.decode(shipped.read_bytes()) == scenario_schema()
