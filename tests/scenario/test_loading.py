"""Scenario files: what is read, and what is told of mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mockconnect.files.problems import FileError
from mockconnect.scenario.loading import Scenario, load_scenario, scenario_from_text
from mockconnect.scenario.schema import scenario_schema
from mockconnect.staging import staged

HEAD = "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: test}\n"

SEVEN = """\
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: seven}
cluster: {workers: 3}
timeline:
  - name: kill
    at: 5 seconds
    do: {crash: leader}
  - at: 10s
    after: kill
    do: {crash: {worker: connect-9}}
  - after: {rule: kil}
    do: {freze: leader}
  - on_request: {operation: create_conector, nth: 2}
    do: {answer: 409.stale}
"""


def load(text: str, **params: str) -> Scenario:
    return scenario_from_text(HEAD + text, "test.yaml", params)


def problems(text: str, **params: str) -> list[str]:
    with pytest.raises(FileError) as raised:
        scenario_from_text(text, "test.yaml", params)
    return [str(problem) for problem in raised.value.problems]


def test_seven_mistakes_are_seven_messages_with_lines() -> None:
    told = problems(SEVEN)
    assert [line.split(": ")[0] for line in told] == [
        "test.yaml:7",
        "test.yaml:10",
        "test.yaml:11",
        "test.yaml:12",
        "test.yaml:13",
        "test.yaml:14",
        "test.yaml:15",
    ]
    assert told[0].endswith(
        "expected milliseconds or a text such as '300ms', '5s', '2m' or '1h', found '5 seconds'"
    )
    assert told[1] == "test.yaml:10: timeline[1].after: a rule has one trigger, and this one has 'at' already"
    assert "there are connect-0, connect-1, connect-2, " in told[2]
    assert told[3] == "test.yaml:12: timeline[2].after.rule: there is no rule 'kil'; did you mean 'kill'?"
    assert told[4] == "test.yaml:13: timeline[2].do.freze: unknown; did you mean 'freeze'?"
    assert told[5].endswith("unknown; did you mean 'create_connector'?")
    assert told[6].endswith("'409.stale' is no answer for a fault; did you mean '409.stale_config'?")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeline: [{at: 1s}]", "do: missing: a rule does something"),
        (
            "timeline: [{do: {crash: leader, stop: leader}}]",
            "an action has one verb, and this one has 'crash' already",
        ),
        ("timeline: [{do: crash}]", "'crash' needs to know more: write 'crash: ...'"),
        ("timeline: [{do: [{rebalance: }]}]", "nothing stands after 'rebalance:'; write 'rebalance' alone"),
        ("timeline: [{do: {crash: }}]", "nothing stands after 'crash:'; it needs to know more"),
        ("timeline: [{do: {lag: all}}]", "nothing lags"),
        ("timeline: [{do: {partition: {a: connect-0, b: kafca}}}]", "did you mean 'kafka'?"),
        ("timeline: [{do: {rolling_upgrade: {until: joind}}}]", "did you mean 'joined'?"),
        ("timeline: [{do: {answer: 200}}]", "write a status code from 400, or one of"),
        ("timeline: [{do: {latency: {takes: 1s, probability: 2}}}]", "a number from 0 to 1, found '2'"),
        ("timeline: [{name: a, after: a, do: rebalance}]", "'a' waits for itself"),
        (
            "timeline: [{name: a, after: b, do: rebalance}, {name: b, after: {rule: a}, do: rebalance}]",
            "'b' waits for itself",
        ),
        ("timeline: [{when: {for: 3s}, do: rebalance}]", "expected a state that comes about"),
        ("timeline: [{until: {}, do: rebalance}]", "expected another rule or a state"),
        ("timeline: [{until: {ended: true}, do: rebalance}]", "of which rule?"),
        ("expect: {sometimes: [{}]}", "expected something that has to be true"),
        ("expect: {sometimes: [{group: {}}]}", "expected one of rebalancing, leader, generation, members"),
        ("expect: {sometimes: [{workers: {names: x, running: true}}]}", "there is no worker 'x'"),
        ("expect: {requests: [{worker: one}]}", "there is no worker 'one'"),
        ("expect: {requests: [{count: =>2}]}", "a whole number from 0 or a bound such as '>=2', found '=>2'"),
        ("expect: {client: [{no_duplicate_create: false}]}", "expected one of true, found 'false'"),
        (
            "params: {n: {default: 3}}\ntimeline: [{at: '${n}s', do: rebalance}]",
            "found '${n}s'; a parameter is a whole value",
        ),
        ("params: {n: {default: [3]}}", "found a list"),
        ("include: [gone.yaml]", "test.yaml:4: include[0]: there is no file gone.yaml"),
        (
            "pieces: {p: {rules: [{name: a, do: rebalance}]}}\ntimeline: [{use: p}, {use: p}]",
            "'a': its piece is used twice",
        ),
        ("pieces: {p: {rules: [{do: rebalance}]}}\ntimeline: [{use: p, name: b}]", "says nothing else"),
        ("timeline: [{do: rebalanse}]", "did you mean 'rebalance'?"),
        ("timeline: [{random: {every: exp(x), between: [1s, 2s]}, do: rebalance}]", "found 'exp(x)'"),
        ("timeline: [{random: {every: 1s, between: [3s, 2s]}, do: rebalance}]", "the earlier one first"),
        ("timeline: [{do: {set_plugins: {worker: leader, to: v2}}}]", "there is no set of plugins 'v2'"),
        ("timeline: [{do: {set_version: {worker: leader, kafka_version: banana}}}]", "banana"),
        (
            "timeline: [{do: {request: {operation: connector_status}}}]",
            "connector: missing: connector_status needs it",
        ),
        (
            "timeline: [{name: a, do: rebalance}, {name: a, do: rebalance}]",
            "'a': another rule has this name already",
        ),
        ("timeline: [{use: x}]", "there is no piece 'x'"),
        ("timeline: [{when: {state: RUNNING}, do: rebalance}]", "of which connector? 'connector' is missing"),
        ("timeline: [{when: {connector: a}, do: rebalance}]", "and what of it?"),
        ("expect: {always: [one_ownr]}", "did you mean 'one_owner'?"),
        ("expect: {requests: [{answer: 999}]}", "'999' is no answer"),
        ("expect: {requests: [{took: fast}]}", "expected a bound such as '>=10s'"),
        ("expect: {client: [{}]}", "expected something of the client"),
        ("settings: {clok: x}", "unknown; did you mean 'clock'?"),
        ("timeline: [{at: '${when}', do: rebalance}]", "parameter 'when': unknown; the file has no params"),
    ],
)
def test_a_mistake_is_told(text: str, told: str) -> None:
    assert any(told in one for one in problems(HEAD + text)), problems(HEAD + text)


def test_a_parameter_stands_for_a_whole_value() -> None:
    text = "params: {when: {default: 5s}, who: {default: leader}}\n"
    text += "timeline: [{at: '${when}', do: {crash: '${who}'}}, {at: 1s, do: {mark: 'at ${when}'}}]"
    rules = load(text, when="7s").rules
    assert rules[0].rule.at == 7_000
    assert rules[0].rule.actions[0].arguments == "leader"
    assert rules[1].rule.actions[0].arguments == "at ${when}"


def test_a_reference_can_be_meant_as_it_stands() -> None:
    text = "params: {a: {default: 1}}\ncluster: {connectors: [{name: x, class: C, config: {path: '$${a}', b: '${a}'}}]}"
    assert load(text).cluster.connectors[0].config == {"path": "${a}", "b": "1"}


def test_what_nobody_declared_cannot_be_given() -> None:
    assert problems(HEAD + "params: {when: {default: 5s}}", wen="1s") == [
        "test.yaml: parameter wen: unknown; did you mean 'when'?"
    ]


def test_a_parameter_without_default_must_be_given() -> None:
    text = "params: {when: {}}\ntimeline: [{at: '${when}', do: rebalance}]"
    assert problems(HEAD + text) == [
        "test.yaml:5: timeline[0].at: parameter 'when' has no default and was not given"
    ]
    assert load(text, when="3s").rules[0].rule.at == 3_000


def test_pieces_are_used_by_rules_and_actions() -> None:
    text = """
pieces:
  storm:
    rules:
      - {name: one, at: 1s, do: rebalance}
      - {name: two, after: one, do: {use: noise}}
  noise:
    do: [rebalance, {mark: again}]
timeline:
  - use: storm
  - {name: three, after: two, do: {use: noise}}
"""
    scenario = load(text)
    assert [one.name for one in scenario.rules] == ["one", "two", "three"]
    assert len(scenario.pieces["noise"].do) == 2


def test_included_files_come_first_and_give_way(tmp_path: Path) -> None:
    (tmp_path / "pieces.yaml").write_text(
        "apiVersion: mockconnect/v1\nkind: Pieces\nparams: {after: {default: 1s}, down: {default: 2s}}\n"
        "timeline:\n  - {name: common, at: '${after}', do: {bounce: {worker: leader, down_for: '${down}'}}}\n"
        "expect: {always: [one_owner]}\n"
    )
    (tmp_path / "main.yaml").write_text(
        HEAD
        + "include: [pieces.yaml]\nparams: {after: {default: 9s}}\ntimeline: [{after: common, do: rebalance}]\n"
    )
    scenario = load_scenario(tmp_path / "main.yaml")
    assert [one.name for one in scenario.rules] == ["common", "rule-2"]
    assert scenario.rules[0].rule.at == 9_000
    assert [one.kind for one in scenario.expectations] == ["always"]


def test_mistakes_of_an_included_file_have_its_name(tmp_path: Path) -> None:
    (tmp_path / "pieces.yaml").write_text(
        "apiVersion: mockconnect/v1\nkind: Pieces\ntimeline: [{at: x, do: rebalance}]\n"
    )
    (tmp_path / "main.yaml").write_text(HEAD + "include: [pieces.yaml, gone.yaml, main.yaml]\n")
    with pytest.raises(FileError) as raised:
        load_scenario(tmp_path / "main.yaml")
    told = str(raised.value)
    assert "pieces.yaml:3: timeline[0].at" in told
    assert "there is no file" in told
    assert "includes itself" in told


def test_yaml_means_what_it_says() -> None:
    text = "cluster: {kafka_version: 3.10, workers: [{name: on}, {name: no}, '1:30']}"
    scenario = load(text)
    assert scenario.cluster.kafka_version == "3.10"
    assert scenario.worker_names == ("on", "no", "1:30")


def test_the_schema_knows_every_verb_and_where_parameters_may_stand() -> None:
    schema = scenario_schema()
    verbs = schema["$defs"]["Action"]["properties"]
    assert {"crash", "rolling_upgrade", "answer", "request", "choose", "mark"} <= set(verbs)
    seed = schema["$defs"]["Settings"]["properties"]["seed"]
    assert re.search(seed["pattern"], "${x}")


def test_mistakes_of_the_cluster_and_of_the_rest_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(
        HEAD + "cluster: {kafka_version: 4.x}\ntimeline: [{do: {crash: leder}}]\n", encoding="utf-8"
    )
    with pytest.raises(FileError) as raised:
        staged({"scenario": path})
    assert [str(one).partition(": ")[2].partition(":")[0] for one in raised.value.problems] == [
        "cluster.kafka_version",
        "timeline[0].do.crash",
    ]
