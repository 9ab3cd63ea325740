"""Validation against Kafka's own: plugins and configs drawn at random, outcomes computed by ``AbstractHerder`` of 4.3.1.

Each line of the data has definitions of a source, a sink, a transformation, a predicate and a converter, a config that
uses them together with Kafka's own plugins (well or badly), the worker's settings, and what Kafka made of it: the whole
``ConfigInfos`` with the stages it went through, or an exception. 6,500 such cases were compared; 150 are kept here.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mockconnect import catalog
from mockconnect.core.behaviour import Behaviour
from mockconnect.core.declared import definition_from_rows
from mockconnect.core.errors import ConnectError
from mockconnect.core.plugin_desc import Kind, PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config

DRAWN = Path(__file__).parent / "data" / "validate-drawn-4.3.jsonl.gz"
PLUGINS: tuple[tuple[str, Kind, str | None, str], ...] = (
    ("fuzz.FuzzSourceConnector", "source", "1", "source"),
    ("fuzz.FuzzSinkConnector", "sink", "1", "sink"),
    ("fuzz.FuzzTransform", "transformation", "1", "transformation"),
    ("fuzz.FuzzPredicate", "predicate", None, "predicate"),
    ("fuzz.FuzzConverter", "converter", "2", "converter"),
    ("fuzz.FuzzConverter", "header_converter", "2", "converter"),
)
EXACTLY_ONCE = {"null": "unknown", "SUPPORTED": "supported", "UNSUPPORTED": "unsupported"}


def plugins_of(drawn: Mapping[str, Any]) -> Plugins:
    behaviour = Behaviour(
        exactly_once=EXACTLY_ONCE[drawn["eos"]],  # type: ignore[arg-type]
        transaction_boundaries=drawn["boundaries"].lower(),
    )
    mine = [
        PluginDesc(
            name,
            kind,
            version,
            behaviour=behaviour,
            definition=partial(definition_from_rows, drawn[rows], name),
        )
        for name, kind, version, rows in PLUGINS
    ]
    return Plugins((*catalog.apache_plugins(), *mine), clients=catalog.client_definition)


def settings_of(properties: Mapping[str, str]) -> WorkerSettings:
    return WorkerSettings(
        "w",
        group_id=properties.get("group.id", "connect-cluster"),
        exactly_once_source_support=properties.get("exactly.once.source.support", "disabled"),
        connector_client_config_override_policy=properties.get("policy", "All"),
        config=tuple(properties.items()),
    )


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    stages: list[tuple[str, int]] = []
    try:
        infos = validate_connector_config(
            asked["config"],
            plugins=plugins_of(asked["defs"]),
            worker=settings_of(asked.get("worker", {})),
            distributed="standalone" not in asked,
            stages=stages,
        )
    except ConnectError as error:
        return {"message": error.message, "class": error.java_class}
    return {"infos": infos.to_json(), "stages": [text for text, _ in stages]}


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    with gzip.open(DRAWN, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_outcome_is_that_of_kafka(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        found = answer(case["asked"])
        assert json.dumps(found) == json.dumps(case["java"]), case["asked"]["config"]


def test_what_was_drawn_has_all_sorts_of_outcomes(cases: list[dict[str, Any]]) -> None:
    outcomes = [case["java"] for case in cases]
    assert len(outcomes) == 150
    assert sum("message" in one for one in outcomes) >= 15
    assert sum(one["infos"]["error_count"] > 5 for one in outcomes if "infos" in one) >= 50
