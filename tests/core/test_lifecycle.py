"""The tables themselves: complete, and as Connect's documentation of states says."""

from __future__ import annotations

import itertools

import pytest

from mockconnect.core.lifecycle import ASK_FOR, CONNECTOR, TASK, Ask, Instance, TaskEvent, TaskPhase
from mockconnect.core.terms import State, TargetState


def test_every_state_has_a_row_for_every_request_but_the_two_refused() -> None:
    missing = set(itertools.product(Instance, Ask)) - set(CONNECTOR)
    assert missing == {(Instance.FAILED, Ask.START), (Instance.FAILED, Ask.PAUSE)}
    assert set(ASK_FOR) == set(TargetState)


@pytest.mark.parametrize("state", Instance)
def test_a_shutdown_always_ends_unassigned_unless_stop_throws(state: Instance) -> None:
    row = CONNECTOR[state, Ask.SHUT_DOWN]
    assert row.returned.report is State.UNASSIGNED
    assert row.thrown.report is (State.FAILED if state is Instance.STARTED else State.UNASSIGNED)


def test_user_code_runs_only_where_it_is_started_or_was_running() -> None:
    calls = {key: row.call for key, row in CONNECTOR.items() if row.call is not None}
    starts = {state for (state, _), call in calls.items() if call == "start"}
    stops = {state for (state, _), call in calls.items() if call == "stop"}
    assert starts == {Instance.INIT, Instance.PAUSED, Instance.STOPPED}
    assert stops == {Instance.STARTED}


def test_repeating_a_request_reports_nothing() -> None:
    settled = {Ask.START: Instance.STARTED, Ask.PAUSE: Instance.PAUSED, Ask.STOP: Instance.STOPPED}
    assert all(CONNECTOR[state, ask].returned.report is None for ask, state in settled.items())


def test_a_task_never_reports_stopped_and_nothing_follows_its_end() -> None:
    assert State.STOPPED not in {report for _, report in TASK.values()}
    assert TaskPhase.ENDED not in {phase for phase, _ in TASK}
    assert {phase for phase, event in TASK if event is TaskEvent.STOPPED} == {None, *TaskPhase} - {
        TaskPhase.ENDED
    }
