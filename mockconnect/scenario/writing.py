"""A loaded scenario as one file of its own.

Rules of this room: parameters have their values; what was included, and rules of pieces, stand where they count. Read
again it plays the same run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mockconnect.files.cluster import API_VERSION
from mockconnect.files.restoring import data_of
from mockconnect.files.schema import REFERENCE
from mockconnect.files.writing import dump
from mockconnect.scenario.loading import Scenario


def scenario_text(scenario: Scenario, head: str = "") -> str:
    """YAML; ``head`` is a comment for its first lines."""
    return dump(scenario_data(scenario), head, blocks=("cluster", "timeline", "expect"))


def scenario_data(scenario: Scenario) -> dict[str, Any]:
    """The same as plain data, to be changed before it is written."""
    rules = [msgspec.structs.replace(one.rule, name=one.name) for one in scenario.rules]
    parts = {
        "metadata": data_of(scenario.metadata),
        "settings": data_of(scenario.settings),
        "cluster": data_of(scenario.cluster),
        "pieces": {name: {"do": data_of(piece.do)} for name, piece in scenario.pieces.items() if piece.do},
        "timeline": [data_of(rule) for rule in rules],
        "expect": _expected(scenario),
        "finally": data_of(scenario.finally_),
    }
    given = {name: _escaped(part) for name, part in parts.items() if part}
    return {"apiVersion": API_VERSION, "kind": "Scenario", **given}


def _expected(scenario: Scenario) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in scenario.expectations:
        found.setdefault(one.kind, []).append(data_of(one.what))
    return found


def _escaped(part: Any) -> Any:
    """What only looks like a parameter stays a text."""
    if isinstance(part, Mapping):
        return {name: _escaped(entry) for name, entry in part.items()}
    if isinstance(part, list):
        return [_escaped(item) for item in part]
    return f"${part}" if isinstance(part, str) and re.fullmatch(REFERENCE, part) else part
