"""ConfigDef against Kafka's own: definitions and configs drawn at random, outcomes computed by ``ConfigDef`` of 4.3.1.

Each line of the data has a definition, four configs, and what Kafka's class made of them: the keys and groups, the
same embedded in another definition under a prefix, and the values of every config in both.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mockconnect.core.configdef import ConfigDef, ConfigKey, ConfigValueInfo
from mockconnect.core.declared import definition_from_rows
from mockconnect.core.validators import JavaError

RECORDED = Path(__file__).parent / "data" / "configdef-4.3.jsonl.gz"
PREFIX = "p.q."
CLASSES = ("java.lang.String", "java.util.ArrayList", "java.lang.Object")


def load_class(name: str) -> str | None:
    return name if name in CLASSES else None


def shown(key: ConfigKey) -> dict[str, Any]:
    fields = key.info().to_json()
    del fields["documentation"]
    return fields


def values(definition: ConfigDef, config: Mapping[str, str | None]) -> dict[str, Any]:
    try:
        outcomes = definition.validate_all(config, load_class)
    except JavaError as error:
        return {"!": f"{error.java_class}: {error.message}"}
    found: dict[str, Any] = {}
    for name in sorted(outcomes):
        key = definition.keys.get(name)
        found[name] = ConfigValueInfo.of(outcomes[name], key.type if key else None).to_json()
        del found[name]["name"]
    return found


def outcome(case: Mapping[str, Any]) -> dict[str, Any]:
    definition = definition_from_rows(case["keys"])
    embedded = ConfigDef(definition.embedded(PREFIX, "G", 1))
    prefixed = [{PREFIX + name: text for name, text in config.items()} for config in case["props"]]
    return {
        "keys": [shown(key) for key in definition.keys.values()],
        "groups": definition.groups,
        "embedded": [shown(key) for key in embedded.keys.values()],
        "embedded_groups": embedded.groups,
        "values": [values(definition, config) for config in case["props"]],
        "embedded_values": [values(embedded, config) for config in prefixed],
    }


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_outcome_is_that_of_kafka(cases: list[dict[str, Any]]) -> None:
    assert len(cases) == 400
    for case in cases:
        assert outcome(case) == case["java"], case["keys"]


def test_what_was_drawn_has_all_sorts_of_outcomes(cases: list[dict[str, Any]]) -> None:
    outcomes = [one for case in cases for config in case["java"]["values"] for one in config.values()]
    entries = [one for one in outcomes if isinstance(one, dict)]
    assert sum(isinstance(one, str) for one in outcomes) >= 5  # exceptions that end a validation
    assert sum(len(one["errors"]) == 2 for one in entries) >= 100
    assert sum(not one["visible"] for one in entries) >= 100
    assert sum(bool(one["recommended_values"]) for one in entries) >= 100
