"""The JSON Schema and the reader agree: what is read is valid, and what is valid has the right types."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mockconnect.files.cluster import ClusterFile, cluster_schema
from mockconnect.files.nodes import parse
from mockconnect.files.problems import FileError
from mockconnect.files.reading import Tree
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.schema import scenario_schema
from mockconnect.scenario.script import ScenarioFile
from mockconnect.scenario.shipped import shipped_files

HEAD = {"apiVersion": "mockconnect/v1", "kind": "Scenario", "metadata": {"name": "one"}}
SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    3,
    -1,
    1.5,
    "",
    "x",
    "true",
    "3",
    "1.5",
    "10s",
    ">=2",
    "leader",
    "RUNNING",
]
OTHERS: list[Any] = [[], {}, ["x"], [3], {"x": 3}, {"connector": "x"}]
KEYS = [
    "worker",
    "for",
    "at",
    "do",
    "name",
    "connector",
    "state",
    "crash",
    "on_request",
    "nth",
    "first",
    "use",
    "x",
]


def as_an_editor_reads(path: Path) -> Any:
    """Scalars resolved as the core schema of YAML 1.2 does, in the main."""
    return Tree[Any](str(path), parse(path.read_text("utf-8"), str(path))).read(Any)  # type: ignore[arg-type]


def validator(schema: dict[str, Any]) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALID = validator(scenario_schema())


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: path.stem)
def test_shipped_files_are_valid(path: Path) -> None:
    assert [error.message for error in VALID.iter_errors(as_an_editor_reads(path))] == []


@pytest.mark.parametrize(
    "more",
    [
        {"timeline": [{"at": 1, "after": "x", "do": "rebalance"}]},
        {"timeline": [{"do": {"crash": "leader", "stop": "leader"}}]},
        {"timeline": [{"do": {}}]},
        {"timeline": [{"at": "5 minutes", "do": "rebalance"}]},
        {"timeline": [{"at": -1, "do": "rebalance"}]},
        {"timeline": [{"use": "x", "at": 1, "do": "rebalance"}]},
        {"timeline": [{"at": 1}]},
        {"timeline": [{"on_request": {"nth": 1, "first": 2}, "do": "rebalance"}]},
        {"timeline": [{"on_request": {"nth": 0}, "do": "rebalance"}]},
        {"timeline": [{"do": {"choose": [{"weight": 1}]}}]},
        {"timeline": [{"do": {"freeze": {"wroker": "leader"}}}]},
        {"expect": {"client": [{"never": {}, "sends": {}}]}},
        {"expect": {"client": [{"no_duplicate_create": False}]}},
        {"expect": {"requests": [{"count": "=>2"}]}},
        {"settings": {"front_door": "roundrobin"}},
        {"timeline": [{"on_request": {"operation": "create_conector"}, "do": "rebalance"}]},
        {"timeline": [{"do": {"request": {"operation": "connector_*", "connector": "x"}}}]},
        {"timeline": [{"do": "rebalanc"}]},
        {"timeline": [{"do": {"answer": 200}}]},
        {"timeline": [{"do": {"queue": ["409.stale"]}}]},
        {"expect": {"always": ["one_leader"]}},
        {"expect": {"requests": [{"answer": 999}]}},
        {"setings": {}},
        {"kind": "${x}"},
    ],
    ids=json.dumps,
)
def test_both_refuse(more: dict[str, Any]) -> None:
    document = {**HEAD, **more}
    assert not VALID.is_valid(document)
    assert mistakes(document)


@pytest.mark.parametrize(
    "more",
    [
        {"timeline": [{"at": "5", "probability": "0.5", "do": "rebalance"}]},
        {"timeline": [{"on_request": {"always": True}, "do": "rebalance"}]},
        {"timeline": [{"repeat": {"every": 300, "count": "2"}, "do": {"mark": 5}}]},
        {"timeline": [{"repeat": {"every": "1m30s", "count": 2}, "do": {"latency": 300}}]},
        {
            "timeline": [{"name": "a", "do": {"answer": 503}}],
            "expect": {"requests": [{"rule": "a", "answer": 503}]},
        },
        {
            "params": {"x": {"default": 3}},
            "timeline": [{"at": "${x}", "repeat": {"every": "${x}", "count": "${x}"}, "do": {"mark": "x"}}],
        },
        {
            "timeline": [
                {
                    "on_request": {"operation": ["connector_*", "any_write"]},
                    "do": {"queue": [503, "401", "ok"]},
                }
            ]
        },
        {"expect": {"requests": [{"answer": ["5xx", "none", 404, "409.exists"]}], "always": ["one_owner"]}},
        {"cluster": {"kafka_version": 3.9, "config": {"a": 1, "b": True}}, "finally": {"heal": "false"}},
    ],
    ids=json.dumps,
)
def test_both_take(more: dict[str, Any]) -> None:
    document = {**HEAD, **more}
    assert [error.message for error in VALID.iter_errors(document)] == []
    assert mistakes(document) == []


def mistakes(document: Any) -> list[str]:
    try:
        scenario_from_text(json.dumps(document), "one.json")
    except FileError as error:
        return [str(one) for one in error.problems]
    return []


# --- whatever is in a file ----------------------------------------------------------------------------------------------


def mutated(document: Any, dice: random.Random) -> Any:
    """With one or two values replaced, added, renamed or taken away."""
    changed = copy.deepcopy(document)
    for _ in range(dice.randint(1, 2)):
        inside = dice.choice([one for one in parts(changed) if one])
        key = dice.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        match dice.randrange(4):
            case 0:
                inside[key] = copy.deepcopy(dice.choice(SCALARS + OTHERS))
            case 1:
                del inside[key]
            case 2 if isinstance(inside, dict):
                inside[dice.choice(KEYS)] = inside.pop(key)
            case _:
                if isinstance(inside, dict):
                    inside[dice.choice(KEYS)] = dice.choice(SCALARS)
                else:
                    inside.append(dice.choice(SCALARS))
    return changed


def parts(value: Any) -> list[Any]:
    """All mappings and lists in it."""
    if not isinstance(value, dict | list):
        return []
    inner = list(value.values()) if isinstance(value, dict) else value
    return [value, *(part for one in inner for part in parts(one))]


def has_parameters(document: Any) -> bool:
    return "${" in json.dumps(document)


@pytest.mark.parametrize("seed", range(4))
def test_schema_and_reader_agree_on_whatever_is_in_a_scenario(seed: int) -> None:
    dice = random.Random(seed)
    documents = [as_an_editor_reads(path) for path in dice.sample(shipped_files(), 20)]
    for number in range(150):
        document = mutated(dice.choice(documents), dice)
        found = list(VALID.iter_errors(document))
        which = f"seed {seed}, number {number}: {json.dumps(document)}"
        if not mistakes(document):
            assert [error.message for error in found] == [], which
        if not found and not has_parameters(document):
            tree: Tree[Any] = Tree("one.json", parse(json.dumps(document), "one.json", is_json=True))
            tree.attempt(ScenarioFile)
            assert [str(one) for one in tree.problems] == [], which


CLUSTERS: list[Any] = [
    {
        "kafka_version": 3.9,
        "workers": [{"name": "a", "leader": True, "config": {"x": 1}}, "b"],
        "plugins": [
            "debezium-postgres@3.2",
            {"class": "a.B", "type": "source", "tasks": 2, "config": ["a", {"name": "b"}]},
        ],
        "connectors": [
            {
                "name": "a",
                "class": "FileStreamSink",
                "tasks": 2,
                "state": "PAUSED",
                "config": {"topics": "t", "n": 1},
            },
            {"name": "b", "config": {"a": None}, "offsets": [{"partition": {"a": 1}, "offset": {"b": 2}}]},
            {
                "name": "c",
                "status": {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "worker_id": "a"}]},
            },
        ],
        "loggers": {"a": {"root": "INFO", "x": {"level": "DEBUG", "last_modified": 5}}},
    }
]


@pytest.mark.parametrize("seed", range(2))
def test_schema_and_reader_agree_on_whatever_is_in_a_cluster(seed: int) -> None:
    dice = random.Random(seed)
    valid = validator(cluster_schema())
    for number in range(300):
        document = mutated({"apiVersion": "mockconnect/v1", "kind": "Cluster", **dice.choice(CLUSTERS)}, dice)
        found = [error.message for error in valid.iter_errors(document)]
        tree: Tree[Any] = Tree("one.json", parse(json.dumps(document), "one.json", is_json=True))
        tree.attempt(ClusterFile)
        told = [str(one) for one in tree.problems]
        assert bool(found) == bool(told), (
            f"seed {seed}, number {number}: {found} {told} {json.dumps(document)}"
        )
