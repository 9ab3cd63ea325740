"""Time, chance, processes."""

from __future__ import annotations

import pytest

from mockconnect.core.errors import ConnectError, LimitExceeded
from mockconnect.core.sim import Process, Reply, Sim, Steps, Wakeup, Within, either


def test_events_run_in_order_of_time_then_of_scheduling() -> None:
    sim = Sim()
    seen: list[str] = []
    sim.at(20, lambda: seen.append("late"))
    sim.at(10, lambda: seen.append("first of two"))
    sim.at(10, lambda: seen.append("second of two"))
    sim.run_until(15)
    assert (seen, sim.now_ms) == (["first of two", "second of two"], 15)
    sim.advance(5)
    assert (seen[-1], sim.now_ms, sim.next_at()) == ("late", 20, None)


def test_what_is_scheduled_in_the_past_runs_now() -> None:
    sim = Sim()
    sim.run_until(100)
    sim.at(5, lambda: None)
    assert sim.next_at() == 100


def test_run_until_a_reply_stops_when_it_is_done() -> None:
    sim = Sim()
    reply = sim.sleep(30)
    sim.at(90, lambda: None)
    assert sim.run_until(reply)
    assert (sim.now_ms, reply.result()) == (30, None)


def test_run_until_gives_up_at_its_bound_and_stays_there() -> None:
    sim = Sim()
    assert not sim.run_until(Reply(), max_ms=50)
    assert sim.now_ms == 50


def test_a_run_without_progress_stops_with_the_seed_and_the_last_rows() -> None:
    sim = Sim(seed=42, events_max=100)

    def again() -> None:
        sim.note("connect-0", 1, "spin")
        sim.after(0, again)

    again()
    with pytest.raises(LimitExceeded, match=r"(?s)100 events.*seed 42.*spin"):
        sim.advance(1)


def test_streams_of_other_names_do_not_shift_each_other() -> None:
    alone, both = Sim(seed=7), Sim(seed=7)
    both.stream("other").random()
    assert alone.stream("lag", "connect-0").random() == both.stream("lag", "connect-0").random()
    assert alone.stream("lag", "connect-1").random() != both.stream("lag", "connect-0").random()


def test_the_first_completion_of_a_reply_wins() -> None:
    reply: Reply[int] = Reply()
    reply.complete(1)
    reply.fail(ConnectError(500, "late"))
    assert reply.result() == 1


def test_either_is_done_with_the_first() -> None:
    slow: Reply[int] = Reply()
    fast: Reply[int] = Reply()
    first = either(slow, fast)
    assert not first.done
    fast.fail(ConnectError(404, "no"))
    assert first.done
    assert first.error is None


def test_a_wakeup_before_the_wait_is_not_lost_and_counts_once() -> None:
    wakeup = Wakeup()
    wakeup.set()
    assert wakeup.wait().done
    assert (wakeup.take(), wakeup.take()) == (True, False)
    assert not wakeup.wait().done


def waiter(sim: Sim, seen: list[object]) -> Steps[str]:
    yield 10
    seen.append(sim.now_ms)
    done = yield Within(Reply(), 5)
    seen.append(done)
    try:
        yield Reply.failed(ConnectError(409, "stale"))
    except ConnectError as error:
        seen.append(error.message)
    return "end"


def test_a_thread_sleeps_waits_and_gets_errors_raised() -> None:
    sim, seen = Sim(), list[object]()
    ended = Process(sim).spawn(waiter(sim, seen))
    sim.advance(100)
    assert seen == [10, False, "stale"]
    assert ended.result() == "end"


def test_a_late_answer_after_a_time_out_wakes_nobody() -> None:
    sim = Sim()
    reply: Reply[None] = Reply()
    turns: list[bool] = []

    def steps() -> Steps[None]:
        turns.append((yield Within(reply, 5)))
        yield 100
        turns.append(True)

    Process(sim).spawn(steps())
    sim.advance(10)
    reply.complete(None)
    sim.advance(10)
    assert turns == [False]


def test_a_frozen_process_does_later_what_it_missed() -> None:
    sim = Sim()
    process = Process(sim)
    seen: list[int] = []
    process.after(10, lambda: seen.append(sim.now_ms))
    process.freeze()
    sim.advance(50)
    assert seen == []
    process.thaw()
    assert seen == [50]


def test_what_waits_in_the_socket_of_a_frozen_process_comes_after_its_own_threads() -> None:
    sim = Sim()
    process = Process(sim)
    seen: list[str] = []
    process.freeze()
    process.receive(lambda: seen.append("request"))
    process.after(10, lambda: seen.append("thread"))
    sim.advance(50)
    process.thaw()
    process.receive(lambda: seen.append("next request"))
    assert seen == ["thread", "request", "next request"]
    assert process.slept_ms == 50


def test_a_killed_process_never_runs_again_and_breaks_its_connections() -> None:
    sim = Sim()
    process = Process(sim)
    death = process.death()
    seen: list[object] = []
    process.spawn(waiter(sim, seen))
    process.kill()
    sim.advance(100)
    assert seen == []
    assert death.done
    assert process.death().done


def test_a_bug_in_a_thread_stops_the_run_where_it_happens() -> None:
    sim = Sim()

    def steps() -> Steps[None]:
        yield 1
        raise ZeroDivisionError

    Process(sim).spawn(steps())
    with pytest.raises(ZeroDivisionError):
        sim.advance(2)


def test_the_trace_hash_covers_rows_that_were_dropped() -> None:
    first, second = Sim(trace_rows_max=1), Sim(trace_rows_max=1)
    for sim, text in ((first, "a"), (second, "b")):
        sim.note("-", 0, text)
        sim.note("-", 0, "same")
    assert [row.what for row in first.trace] == [row.what for row in second.trace] == ["same"]
    assert first.trace.hash != second.trace.hash
