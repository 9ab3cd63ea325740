"""The three paces of time."""

from __future__ import annotations

import asyncio

import pytest

from mockconnect.core.sim import Reply, Sim
from mockconnect.rest.clock import Clock, Pace


def counting(sim: Sim, every_ms: int) -> list[int]:
    """Something happens for ever; the list says when it did."""
    seen: list[int] = []

    def happen() -> None:
        seen.append(sim.now_ms)
        sim.after(every_ms, happen)

    sim.after(every_ms, happen)
    return seen


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_paced_request_moves_time_on() -> None:
    sim = Sim()
    clock = Clock(sim, per_request_ms=7)
    for _ in range(3):
        clock.request_began()
    assert clock.now_ms == 21


async def test_a_paced_request_pulls_time_up_to_its_answer_and_no_further() -> None:
    sim = Sim()
    clock = Clock(sim)
    clock.start()
    seen = counting(sim, 1_000)
    assert await clock.answered(sim.sleep(2_500))
    assert (clock.now_ms, seen) == (2_500, [1_000, 2_000])


async def test_a_paced_request_that_is_answered_already_moves_nothing() -> None:
    sim = Sim()
    clock = Clock(sim)
    clock.start()
    counting(sim, 1_000)
    assert await clock.answered(Reply.of(1))
    assert clock.now_ms == 0


async def test_patience_ends_and_somebody_else_answers() -> None:
    sim = Sim()
    clock = Clock(sim, patience_ms=10_000)
    clock.start()
    counting(sim, 1_000)
    reply: Reply[None] = Reply()
    waiting = asyncio.ensure_future(clock.answered(reply))
    await turns()
    assert (clock.now_ms, waiting.done()) == (10_000, False)
    assert await clock.answered(sim.sleep(500))
    sim.after(500, lambda: reply.complete(None))
    assert not waiting.done()
    assert await clock.answered(sim.sleep(501))
    assert await waiting


async def test_concurrent_requests_are_pulled_by_whoever_runs() -> None:
    sim = Sim()
    clock = Clock(sim, patience_ms=100)
    clock.start()
    waiting = [asyncio.ensure_future(clock.answered(sim.sleep(delay_ms))) for delay_ms in (250, 150, 50)]
    await turns()
    assert (clock.now_ms, [each.done() for each in waiting]) == (150, [False, True, True])
    assert await clock.answered(sim.sleep(100))
    assert await waiting[0]


async def test_manual_time_waits_for_a_hand() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.MANUAL)
    clock.start()
    waiting = asyncio.ensure_future(clock.answered(sim.sleep(100)))
    clock.request_began()
    await turns()
    assert (clock.now_ms, waiting.done()) == (0, False)
    clock.advance(99)
    await turns()
    assert not waiting.done()
    clock.advance(1)
    assert await waiting
    assert clock.run_until(lambda: False, 200) is False
    assert clock.now_ms == 300


async def test_real_time_runs_by_itself_at_its_rate() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.REAL, rate=100)
    clock.start()
    seen = counting(sim, 100)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await clock.answered(sim.sleep(1_000))
    assert loop.time() - began_s >= 0.01
    assert seen[:10] == list(range(100, 1_001, 100))
    clock.stop()


async def test_real_time_catches_up_with_the_wall_at_each_request() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.REAL, rate=1_000_000)
    clock.start()
    loop = asyncio.get_running_loop()
    until_s = loop.time() + 0.002
    while loop.time() < until_s:
        pass
    clock.request_began()
    assert clock.now_ms >= 2_000
    clock.stop()


async def test_real_time_wakes_up_for_what_was_scheduled_later_but_comes_earlier() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.REAL, rate=1_000)
    clock.start()
    sim.after(10_000_000, lambda: None)
    clock.rearm()
    assert await clock.answered(sim.sleep(1_000))
    assert clock.now_ms < 10_000_000
    clock.stop()


async def test_a_jump_and_another_rate_keep_time_in_order() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.REAL, rate=1)
    clock.start()
    clock.advance(3_600_000)
    assert 3_600_000 <= clock.now_ms < 3_660_000
    clock.rate = 1_000_000
    before_ms = clock.now_ms
    assert await clock.answered(sim.sleep(1_000))
    assert clock.now_ms >= before_ms + 1_000
    clock.stop()


@pytest.mark.parametrize("pace", [Pace.REAL, Pace.MANUAL])
async def test_the_end_gives_up_what_waits(pace: Pace) -> None:
    sim = Sim()
    clock = Clock(sim, pace)
    clock.start()
    waiting = [asyncio.ensure_future(clock.answered(sim.sleep(3_600_000))) for _ in range(3)]
    await turns()
    clock.stop()
    assert await asyncio.gather(*waiting) == [False, False, False]
    assert await clock.answered(sim.sleep(1)) is False


async def test_what_fails_in_a_timer_is_told() -> None:
    sim = Sim()
    clock = Clock(sim, Pace.REAL, rate=1_000)
    failures: list[Exception] = []
    clock.on_failure = failures.append
    clock.start()

    def fail() -> None:
        raise ZeroDivisionError

    sim.after(10, fail)
    clock.rearm()
    assert await clock.answered(sim.sleep(20))
    assert [type(failure) for failure in failures] == [ZeroDivisionError]
    clock.stop()


@pytest.mark.parametrize("rate", [0, -1])
def test_rates_are_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="rate must be positive"):
        Clock(Sim(), Pace.REAL, rate=rate)
    clock = Clock(Sim(), Pace.REAL)
    with pytest.raises(ValueError, match="rate must be positive"):
        clock.rate = rate
