"""Logs with lagging readers and buffering producers."""

from __future__ import annotations

import pytest

from mockconnect.core.network import Break, Network
from mockconnect.core.sim import Process, Sim
from mockconnect.core.topics import Fenced, Producer, Reader, Record, Topic


class World:
    """One topic with a writer on w1 and a reader on w2, 10 ms behind."""

    def __init__(self) -> None:
        self.sim = Sim()
        self.network = Network()
        self.topic = Topic("t", self.sim)
        self.process = Process(self.sim)
        self.lag_ms = 10
        self.seen: list[tuple[int, object]] = []
        self.producer = Producer(self.topic, self.process, self.network, "w1", lambda: 5)
        self.reader = Reader(self.topic, self.process, self.network, "w2", lambda: self.lag_ms, self.apply)

    def apply(self, record: Record) -> None:
        self.seen.append((self.sim.now_ms, record.value))


def test_a_record_is_acknowledged_then_read_after_the_lag() -> None:
    world = World()
    world.reader.start()
    sent = world.producer.send(("k",), "v")
    world.sim.advance(5)
    assert sent.result().offset == 0
    assert world.seen == []
    world.sim.advance(10)
    assert world.seen == [(15, "v")]


def test_records_stay_in_order_and_keep_their_distance() -> None:
    world = World()
    world.reader.start()
    world.topic.append(("a",), 1)
    world.sim.advance(3)
    world.topic.append(("b",), 2)
    world.sim.advance(20)
    assert world.seen == [(10, 1), (13, 2)]


@pytest.mark.parametrize(("compacted", "left"), [(False, [1, 2, 3, 4, None]), (True, [2, 3])])
def test_a_reader_that_starts_later_sees_what_compaction_left(compacted: bool, left: list[object]) -> None:
    world = World()
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4), ("c", None)):
        world.topic.append((key,), value)
    if compacted:
        world.topic.compact()
    world.reader.start()
    assert [value for _, value in world.seen] == left
    assert world.reader.at_end


def test_read_to_end_waits_for_what_was_there_at_the_call() -> None:
    world = World()
    world.reader.start()
    world.topic.append(("a",), 1)
    reached = world.reader.read_to_end()
    world.topic.append(("b",), 2)
    assert not reached.done
    world.sim.advance(10)
    assert reached.done
    assert world.reader.read_to_end().done


def test_a_reader_cut_off_catches_up_after_healing() -> None:
    world = World()
    world.reader.start()
    world.network.cut_kafka("w2", Break.DROPPED)
    world.topic.append(("a",), 1)
    reached = world.reader.read_to_end()
    world.sim.advance(60_000)
    assert (world.seen, reached.done) == ([], False)
    world.network.heal_kafka("w2")
    world.sim.advance(10)
    assert ([value for _, value in world.seen], reached.done) == ([1], True)


def test_an_unreachable_broker_makes_records_wait_not_vanish() -> None:
    world = World()
    world.network.cut_kafka("w1")
    first, second = world.producer.send(("a",), 1), world.producer.send(("b",), 2)
    flushed = world.producer.flush()
    world.sim.advance(30_000)
    assert not first.done
    world.network.heal_kafka("w1")
    world.sim.advance(5)
    assert (first.result().offset, second.result().offset, flushed.done) == (0, 1, True)


def test_a_newer_claim_fences_the_older_producer() -> None:
    world = World()
    newer = Producer(world.topic, world.process, world.network, "w3", lambda: 5)
    world.producer.claim()
    newer.claim()
    refused, accepted = world.producer.send(("a",), 1), newer.send(("a",), 2)
    world.sim.advance(5)
    assert isinstance(refused.error, Fenced)
    assert accepted.result().value == 2


def test_what_every_reader_has_passed_is_forgotten() -> None:
    world = World()
    world.reader.start()
    for value in range(100):
        world.topic.append(("k",), value)
    world.sim.advance(10)
    assert world.topic.since(98) is None
    assert world.topic.end_offset == 100


def test_a_lag_that_grows_delays_what_is_on_its_way() -> None:
    world = World()
    world.reader.start()
    world.topic.append(("a",), 1)
    world.lag_ms = 50
    world.sim.advance(49)
    assert world.seen == []
    world.sim.advance(1)
    assert world.seen == [(50, 1)]


@pytest.mark.parametrize(("frozen_ms", "seen_after_ms"), [(29_999, 0), (30_000, 125)])
def test_a_reader_that_was_frozen_for_long_connects_anew(frozen_ms: int, seen_after_ms: int) -> None:
    world = World()
    world.reader.start()
    world.process.freeze()
    world.topic.append(("a",), 1)
    world.sim.advance(frozen_ms)
    world.process.thaw()
    world.sim.advance(200)
    assert world.seen == [(frozen_ms + seen_after_ms, 1)]
