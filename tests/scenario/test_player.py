"""Triggers, actions, phases and verdicts of a run."""

from __future__ import annotations

from mockconnect.playing import play_alone
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.report import Report
from mockconnect.staging import staged

HEAD = "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: test}\n"
ONE = """
cluster:
  workers: 3
  plugins: [{class: com.acme.Source, type: source, version: 1.0.0, tasks: tasks_max}]
  connectors: [{name: orders, class: com.acme.Source, tasks: 2}]
"""


def play(text: str, **arguments: object) -> Report:
    return play_alone(staged({"scenario": scenario_from_text(HEAD + text, "test.yaml"), **arguments}))


def fired(report: Report, name: str) -> tuple[int, ...]:
    return next(rule.fired_at_ms for rule in report.rules if rule.name == name)


def test_nothing_is_a_scenario() -> None:
    report = play("")
    assert report.held
    assert report.timeline_ms == 0


def test_at_after_and_ended() -> None:
    report = play("""
timeline:
  - {name: down, at: 2s, do: {crash: {worker: connect-1, for: 3s}}}
  - {name: with-it, after: down, do: {mark: x}}
  - {name: later, after: {rule: down, delay: 1s}, do: {mark: x}}
  - {name: when-over, after: {rule: down, ended: true, delay: 500ms}, do: {mark: x}}
  - {name: first, do: {mark: x}}
""")
    assert fired(report, "down") == (2_000,)
    assert fired(report, "with-it") == (2_000,)
    assert fired(report, "later") == (3_000,)
    assert fired(report, "when-over") == (5_500,)
    assert fired(report, "first") == (0,)
    assert report.timeline_ms == 5_500


def test_repeat_max_and_duration() -> None:
    report = play("""
settings: {duration: 10s}
timeline:
  - {name: often, at: 1s, repeat: {every: 2s, count: 3}, do: {mark: x}}
  - {name: cut, at: 1s, repeat: {every: 1s, count: 9}, max: 2, do: {mark: x}}
""")
    assert fired(report, "often") == (1_000, 3_000, 5_000)
    assert fired(report, "cut") == (1_000, 2_000)
    assert report.timeline_ms == 10_000


def test_when_fires_as_soon_as_it_has_held_long_enough_and_again_after_it_was_false() -> None:
    report = play("""
timeline:
  - {name: one, at: 1s, do: {crash: {worker: connect-1, for: 2s}}}
  - {name: two, at: 20s, do: {crash: {worker: connect-1, for: 2s}}}
  - {name: gone, when: {workers: {names: connect-1, running: false}, for: 1500ms}, do: {mark: x}}
  - {name: never, when: {workers: {names: connect-1, running: false}, for: 3s}, do: {mark: x}}
""")
    assert fired(report, "gone") == (2_500, 21_500)
    assert fired(report, "never") == ()


def test_on_request_counts_what_matches() -> None:
    text = (
        ONE
        + """
timeline:
  - {name: ask, at: 1s, repeat: {every: 1s, count: 6}, do: {request: {operation: connector_status, connector: orders}}}
  - {name: other, at: 1s, do: {request: {operation: list_connectors}}}
  - {name: third, on_request: {operation: connector_status, nth: 3}, do: {mark: x}}
  - {name: even, on_request: {operation: any_read, connector: "ord*", every: 2}, do: {mark: x}}
  - {name: early, on_request: {rule: ask, first: 2}, do: {mark: x}}
  - {name: late, on_request: {rule: ask, skip: 4}, do: {mark: x}}
  - {name: writes, on_request: {operation: any_write}, do: {mark: x}}
"""
    )
    report = play(text)
    assert fired(report, "third") == (3_000,)
    assert fired(report, "even") == (2_000, 4_000, 6_000)
    assert fired(report, "early") == (1_000, 2_000)
    assert fired(report, "late") == (5_000, 6_000)
    assert fired(report, "writes") == ()


def test_what_a_request_triggers_counts_for_that_very_request() -> None:
    report = play(
        ONE
        + """
timeline:
  - {name: spoil, on_request: {operation: connector_status, nth: 2}, do: {answer: {answer: 409.conflict, times: 1}}}
  - {name: ask, at: 1s, repeat: {every: 1s, count: 3}, do: {request: {operation: connector_status, connector: orders}}}
"""
    )
    assert [record.status_code for record in report.requests] == [200, 409, 200]


def test_random_draws_are_the_rules_own() -> None:
    rule = "  - {name: dice, random: {every: exp(2s), between: [1s, 30s]}, do: {mark: x}}\n"
    other = "  - {name: more, random: {every: 'uniform(1s, 2s)', between: [0, 20s]}, probability: 0.5, do: {mark: x}}\n"
    alone = fired(play(f"timeline:\n{rule}"), "dice")
    assert alone == fired(play(f"timeline:\n{other}{rule}"), "dice")
    assert alone != fired(play(f"timeline:\n{rule}", seed=1), "dice")
    assert all(1_000 <= at_ms <= 30_000 for at_ms in alone)
    assert len(alone) > 3


def test_choose_keeps_to_the_weights() -> None:
    report = play("""
timeline:
  - name: dice
    repeat: {every: 1s, count: 40}
    do:
      choose:
        - {weight: 3, mark: heads}
        - {weight: 1, mark: tails}
""")
    marks = [row.detail for row in report.rows if row.what == "mark"]
    assert len(marks) == 40
    assert marks.count("heads") > marks.count("tails") > 0


def test_until_ends_what_a_rule_did_and_its_repetition() -> None:
    report = play("""
timeline:
  - {name: freeze, at: 1s, until: {rule: stop}, do: {freeze: connect-2}}
  - {name: marks, repeat: {every: 1s, count: 100}, until: {workers: {names: connect-2, frozen: true}}, do: {mark: x}}
  - {name: stop, at: 5s, do: {mark: x}}
expect: {eventually: {within: 1s, that: [{workers: {frozen: false}}]}}
""")
    assert report.held, report.text()
    assert len(fired(report, "marks")) <= 2
    assert next(rule.ended_at_ms for rule in report.rules if rule.name == "freeze") == 5_000


def test_heal_use_and_end() -> None:
    report = play("""
pieces: {noise: {do: [rebalance, {mark: noise}]}}
timeline:
  - {name: cut, at: 1s, do: {partition: connect-1}}
  - {name: mend, at: 3s, do: [{heal: cut}, {use: noise}]}
  - {name: stop, at: 4s, do: {end: enough}}
  - {name: too-late, at: 9s, do: {mark: x}}
""")
    ends = {rule.name: rule.ended_at_ms for rule in report.rules}
    assert ends["cut"] == 3_000
    assert any(row.detail == "noise" for row in report.rows)
    assert report.timeline_ms == 4_000
    assert fired(report, "too-late") == ()


def test_what_cannot_be_done_is_told() -> None:
    report = play("timeline: [{name: x, at: 1s, do: {fail_task: {connector: nobody, task: 7}}}]")
    assert len(report.rules[0].refused) == 1
    assert "nobody" in report.rules[0].refused[0]


def test_verdicts() -> None:
    report = play(
        ONE
        + """
timeline:
  - {name: down, at: 1s, do: {fail_task: {connector: orders, task: 1}}}
  - {name: wait, at: 5s, do: {mark: x}}
expect:
  always: [nothing_failed, one_owner, {connector: orders, state: RUNNING}]
  sometimes: [{connector: orders, tasks: {failed: 1}}, {group: {members: 7}}, {request: {by: client}}]
  client: [{no_duplicate_create: true}]
  requests: [{operation: connector_status}]
  eventually:
    - {within: 2s, that: [{connector: orders, tasks: {running: 1}}]}
    - {within: 3s, that: [{connector: orders, tasks: {running: 2}}]}
finally: {converge_within: 2s}
"""
    )
    found = [(verdict.kind, verdict.held) for verdict in report.verdicts]
    assert found == [
        ("always", False),
        ("always", True),
        ("always", True),
        ("client", None),
        ("sometimes", True),
        ("sometimes", False),
        ("sometimes", None),
        ("eventually", True),
        ("eventually", False),
        ("requests", False),
        ("finally", False),
    ]
    assert not report.held
    assert report.verdicts[0].at_ms is not None
    assert "shows task 1 of orders as FAILED" in report.verdicts[0].detail
    assert report.coverage == (1, 3)
    assert "5 expectations failed" in report.text()
    assert "mockconnect run test.yaml --seed 0" in report.text()


def test_what_is_still_broken_is_healed_in_the_end() -> None:
    text = "timeline: [{do: {freeze: connect-1}}]\nfinally: {heal: %s, converge_within: 30s}"
    assert play(text % "true").held
    assert not any(row.what == "heals" for row in play(text % "false").rows)


def test_conditions_see_what_is_shown_and_what_really_runs() -> None:
    report = play(
        ONE
        + """
timeline:
  - {name: crash, at: 1s, do: {crash: connect-0}}
  - {name: later, at: 3s, do: {mark: x}}
expect:
  sometimes:
    - {connector: orders, state: RUNNING, worker: connect-0, instances: 0, exists: true, target: RUNNING}
    - {connector: orders, task: 0, state: RUNNING, config: {tasks.max: "2"}, on: connect-1}
    - {not: {workers: {running: true}}, any: [{settled: true}, {settled: false}]}
    - {workers: {class: com.acme.Source@1.0.0, count: 2}}
    - {plugins: {class: com.acme.Source}, plugins_differ: false}
    - {plugins: {class: org.nobody.Sink, present: false, on: connect-1}}
    - {group: {generation: 1, members: 3, rebalancing: false, leader: none}}
"""
    )
    assert report.held, report.text()
