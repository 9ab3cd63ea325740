"""What faults stand on: layers, conditions, held rounds, progress that stands still, names with a star."""

from __future__ import annotations

import pytest
from test_group import Client, stable_group, sync_all

from mockconnect.core.group import GroupState
from mockconnect.core.network import Break, Layers, Network
from mockconnect.core.offset_store import Progress
from mockconnect.core.patterns import matches
from mockconnect.core.sim import Sim
from mockconnect.core.terms import ConnectorTaskId

# --- layers -------------------------------------------------------------------------------------------------------------


def test_the_newest_layer_counts_and_each_is_taken_alone() -> None:
    layers: Layers[str, int] = Layers()
    assert layers.top("k") is None
    layers.put("k", 1, "a")
    layers.put("k", 2, "b")
    assert (layers.top("k"), layers.items()) == (2, [("k", 2)])
    layers.put("k", 3, "a")
    assert layers.top("k") == 3, "whoever puts anew is the newest"
    assert layers.take("k", "a") is False
    assert layers.top("k") == 2
    assert layers.take("k", "c") is False
    assert layers.take("k", "b") is True
    assert "k" not in layers
    assert layers.take("k") is False
    layers.put("k", 1, "a")
    layers.put("k", 2, "b")
    assert layers.take("k") is True, "everybody's"


def test_kafka_is_back_when_nobody_cuts_it_any_more() -> None:
    network, healed = Network(), []
    network.on_heal(healed.append)
    network.cut_kafka("w", Break.DROPPED, "a")
    network.cut_kafka("w", Break.REFUSED, "b")
    assert network.kafka_break("w") is Break.REFUSED
    network.heal_kafka("w", "a")
    assert (network.kafka_reachable("w"), healed) == (False, [])
    network.heal_kafka("w", "b")
    assert (network.kafka_reachable("w"), healed) == (True, ["w"])


def test_detours() -> None:
    network = Network()
    network.detour("w", "http://a/", "http://b/", "x")
    assert network.leads_to("w", "http://a/") == "http://b/"
    assert network.leads_to("v", "http://a/") == "http://a/"
    assert network.breaks() == [("w", "http://a/", "leads to http://b/")]
    network.end_detour("w", "http://a/", "x")
    assert network.leads_to("w", "http://a/") == "http://a/"


# --- conditions -----------------------------------------------------------------------------------------------------------


def test_a_condition_is_looked_at_after_every_event_and_acts_once() -> None:
    sim, seen = Sim(), []
    sim.when(lambda: sim.now_ms >= 20, lambda: seen.append(sim.now_ms))
    for at_ms in (10, 20, 30):
        sim.at(at_ms, lambda: None)
    sim.run_until(100)
    assert seen == [20]


def test_a_condition_that_holds_is_met_at_once() -> None:
    sim, seen = Sim(), []
    sim.when(lambda: True, lambda: seen.append(sim.now_ms))
    assert seen == [], "not within the call"
    sim.run_until(0)
    assert seen == [0]


def test_nobody_looks_any_more() -> None:
    sim, seen = Sim(), []
    stop = sim.when(lambda: sim.now_ms >= 20, lambda: seen.append(sim.now_ms))
    stop()
    stop()
    sim.at(30, lambda: None)
    sim.run_until(100)
    assert seen == []


def test_what_a_condition_starts_may_look_too() -> None:
    sim, seen = Sim(), []

    def again() -> None:
        seen.append(sim.now_ms)
        if len(seen) < 3:
            sim.when(lambda: True, again)

    sim.when(lambda: True, again)
    sim.run_until(10)
    assert seen == [0, 0, 0]


# --- rounds ---------------------------------------------------------------------------------------------------------------


def test_a_held_round_ends_with_the_last_hold() -> None:
    sim, coordinator, clients = stable_group(2)
    generation = coordinator.generation
    coordinator.hold("a")
    coordinator.hold("b")
    coordinator.rebalance()
    for client in clients:
        client.join()
    sim.advance(20_000)
    coordinator.release("a")
    sim.advance(20_000)
    assert (coordinator.state, coordinator.generation) == (GroupState.PREPARING, generation)
    coordinator.release("b")
    assert (coordinator.state, coordinator.generation) == (GroupState.COMPLETING, generation + 1)
    sync_all(clients)


def test_who_has_not_rejoined_is_missed_at_the_end_of_a_hold() -> None:
    sim, coordinator, clients = stable_group(3)
    coordinator.hold("a")
    coordinator.rebalance()
    for client in clients[:2]:
        client.join()
    sim.advance(100_000)
    assert coordinator.state is GroupState.PREPARING, "its time is up, but nothing is decided"
    coordinator.release("a")
    assert coordinator.member_ids() == sorted(client.member_id for client in clients[:2])


def test_an_idle_group_does_not_mind_a_hold() -> None:
    _, coordinator, clients = stable_group(1)
    coordinator.hold("a")
    assert clients[0].heartbeat() is None
    coordinator.release("a")
    coordinator.release("a")
    assert coordinator.state is GroupState.STABLE


def test_the_newest_favourite_that_is_there_leads() -> None:
    _, coordinator, clients = stable_group(3)
    coordinator.elect("w1", "a")
    coordinator.elect("w2", "b")
    coordinator.elect("nobody", "c")
    coordinator.rebalance()
    for client in clients:
        client.join()
    assert clients[0].joined.leader_id == clients[2].member_id
    coordinator.forget_favourite("b")
    sync_all(clients)
    coordinator.rebalance()
    for client in clients:
        client.join()
    assert clients[0].joined.leader_id == clients[1].member_id


def test_a_parked_client_waits_for_its_member_id() -> None:
    sim, coordinator, _ = stable_group(1)
    coordinator.park("w9", "a")
    newcomer = Client(sim, coordinator, "w9").join()
    sim.advance(5_000)
    assert not newcomer.joining.done
    assert len(coordinator.member_ids()) == 1
    coordinator.unpark("w9", "a")
    assert str(newcomer.joining.error) == "MEMBER_ID_REQUIRED"


# --- progress -------------------------------------------------------------------------------------------------------------


def progress_at(now_ms: int = 0) -> Progress:
    progress = Progress(ConnectorTaskId.of("a", 0), 2.0, 60_000, lambda records: [], now_ms)
    progress.run(now_ms)
    return progress


def test_what_rests_stays_committed() -> None:
    progress = progress_at()
    progress.rest(90_000)
    assert progress.committed_records(100_000) == 120, "the last flush was before the rest"
    assert [progress.committed_records(at_ms) for at_ms in (120_000, 150_000, 179_999, 500_000)] == [180] * 4
    progress.run(500_000)
    assert progress.committed_records(530_000) == 180
    assert progress.committed_records(540_000) == 180 + 80


def test_what_is_stuck_runs_and_gets_nowhere() -> None:
    progress = progress_at()
    progress.stick(60_000, stuck=True)
    assert progress.records(600_000) == 120
    progress.rest(600_000)
    progress.run(700_000)
    assert progress.records(800_000) == 120, "resumed, and stuck still"
    progress.stick(900_000, stuck=False)
    assert progress.records(901_000) == 122


def test_what_rests_does_not_go_on_because_it_is_not_stuck_any_more() -> None:
    progress = progress_at()
    progress.stick(10_000, stuck=True)
    progress.rest(20_000)
    progress.stick(30_000, stuck=False)
    assert progress.records(90_000) == 20


def test_skipped_records_are_committed_at_once() -> None:
    progress = progress_at()
    progress.skip(1_000)
    assert progress.committed_records(30_000) == 1_000
    assert progress.records(30_000) == 1_060


# --- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("pg-source", "*", True),
        ("pg-source", "pg-*", True),
        ("pg-source", "*-sink", False),
        ("a[1]", "a[1]", True),
        ("a1", "a[1]", False),
        ("ab", "a?", False),
        ("a?", "a?", True),
        ("PG", "pg", False),
        ("", "*", True),
    ],
)
def test_patterns(text: str, pattern: str, expected: bool) -> None:
    assert matches(text, pattern) is expected
