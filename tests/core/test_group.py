"""The broker's side of the group protocol."""

from __future__ import annotations

from mockconnect.core.group import GroupCoordinator, GroupState, Joined, Refusal, Refused
from mockconnect.core.settings import Timing
from mockconnect.core.sim import Reply, Sim

Coordinator = GroupCoordinator[str, str]
TIMING = Timing(kafka_write_ms=0)


class Client:
    """A member driven by hand: its metadata is its name, what it is assigned is a text."""

    def __init__(
        self, sim: Sim, coordinator: Coordinator, name: str, protocols: tuple[str, ...] = ("p",)
    ) -> None:
        self.sim, self.coordinator, self.name, self.protocols = sim, coordinator, name, protocols
        self.member_id = ""
        self.rebalance_timeout_ms = 60_000
        self.joining: Reply[Joined[str]] = Reply()

    def join(self) -> Client:
        for _ in range(2):
            self.joining = self.coordinator.join(
                self.member_id,
                self.name,
                self.protocols,
                self.name,
                TIMING.session_timeout_ms,
                self.rebalance_timeout_ms,
            )
            if not isinstance(self.joining.error, Refused):
                break
            self.member_id = self.joining.error.member_id
        return self

    @property
    def joined(self) -> Joined[str]:
        return self.joining.result()

    def sync(self, assignments: dict[str, str] | None = None) -> Reply[str]:
        return self.coordinator.sync(self.member_id, self.joined.generation, assignments)

    def heartbeat(self) -> Refusal | None:
        return self.coordinator.heartbeat(self.member_id, self.joined.generation)


def stable_group(count: int) -> tuple[Sim, Coordinator, list[Client]]:
    sim = Sim()
    coordinator: Coordinator = GroupCoordinator(sim, TIMING)
    clients = [Client(sim, coordinator, f"w{number}").join() for number in range(count)]
    sim.advance(6_000)
    sync_all(clients)
    return sim, coordinator, clients


def sync_all(clients: list[Client]) -> None:
    leader_id = clients[0].joined.leader_id
    plan = {client.member_id: f"work of {client.name}" for client in clients}
    replies = [client.sync(plan if client.member_id == leader_id else None) for client in clients]
    clients[0].sim.advance(TIMING.kafka_write_ms)
    assert [reply.result() for reply in replies] == [f"work of {client.name}" for client in clients]


def test_the_first_generation_waits_for_others_and_for_those_that_come_meanwhile() -> None:
    sim = Sim()
    coordinator: Coordinator = GroupCoordinator(sim, TIMING)
    first = Client(sim, coordinator, "w0").join()
    sim.advance(1_000)
    second = Client(sim, coordinator, "w1").join()
    sim.advance(4_999)
    assert not first.joining.done
    sim.advance(1)
    assert (first.joined.generation, first.joined.leader_id) == (1, first.member_id)
    assert first.joined.members == {first.member_id: "w0", second.member_id: "w1"}
    assert second.joined.members == {}


def test_everybody_gets_its_part_once_the_leader_has_synced() -> None:
    _, coordinator, clients = stable_group(3)
    assert coordinator.state is GroupState.STABLE
    assert [client.heartbeat() for client in clients] == [None, None, None]


def test_a_newcomer_makes_members_learn_of_a_rebalance_by_heartbeat() -> None:
    _, coordinator, clients = stable_group(2)
    newcomer = Client(clients[0].sim, coordinator, "w9").join()
    assert not newcomer.joining.done
    assert [client.heartbeat() for client in clients] == [Refusal.REBALANCE_IN_PROGRESS] * 2
    for client in clients:
        client.join()
    assert newcomer.joined.generation == 2
    assert newcomer.joined.leader_id == clients[0].member_id


def test_who_does_not_heartbeat_is_expired() -> None:
    sim, coordinator, (leader, follower) = stable_group(2)
    sim.advance(9_000)
    leader.heartbeat()
    sim.advance(1_000)
    assert coordinator.member_ids() == [leader.member_id]
    assert follower.heartbeat() is Refusal.UNKNOWN_MEMBER_ID


def test_a_member_that_waits_in_a_join_does_not_expire() -> None:
    sim, coordinator, (leader, follower) = stable_group(2)
    leader.join()
    for _ in range(10):
        sim.advance(3_000)
        follower.heartbeat()
    assert leader.member_id in coordinator.member_ids()


def test_who_does_not_rejoin_in_time_is_removed_and_a_lost_leader_replaced() -> None:
    sim, coordinator, (leader, follower) = stable_group(2)
    follower.join()
    assert coordinator.state is GroupState.STABLE  # nothing of its metadata has changed
    Client(sim, coordinator, "w9").join()
    follower.join()
    for _ in range(20):
        sim.advance(3_000)
        leader.heartbeat()
    assert leader.member_id not in coordinator.member_ids()
    assert follower.joined.leader_id == min(coordinator.member_ids())


def test_leaving_starts_a_rebalance_at_once_and_the_last_one_empties_the_group() -> None:
    _, coordinator, (leader, follower) = stable_group(2)
    coordinator.leave(leader.member_id)
    assert follower.heartbeat() is Refusal.REBALANCE_IN_PROGRESS
    follower.join()
    assert follower.joined.leader_id == follower.member_id
    sync_all([follower])
    coordinator.leave(follower.member_id)
    assert (coordinator.state, coordinator.generation, coordinator.leader_id) == (GroupState.EMPTY, 3, None)


def test_the_most_preferred_protocol_of_all_is_chosen() -> None:
    sim = Sim()
    coordinator: Coordinator = GroupCoordinator(sim, TIMING)
    sessioned = ("sessioned", "compatible", "default")
    clients = [Client(sim, coordinator, f"w{n}", sessioned).join() for n in range(2)]
    clients.append(Client(sim, coordinator, "old", ("compatible", "default")).join())
    sim.advance(9_000)
    assert {client.joined.protocol for client in clients} == {"compatible"}


def test_an_old_generation_and_an_unknown_member_are_refused() -> None:
    _, coordinator, (leader, _) = stable_group(2)
    assert coordinator.heartbeat(leader.member_id, 7) is Refusal.ILLEGAL_GENERATION
    assert coordinator.heartbeat("nobody", 1) is Refusal.UNKNOWN_MEMBER_ID
    refused = coordinator.join("nobody", "nobody", ("p",), "", 10_000, 60_000).error
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.UNKNOWN_MEMBER_ID


def test_a_member_id_that_nobody_uses_expires_and_blocks_no_longer() -> None:
    sim, coordinator, (leader, follower) = stable_group(2)
    asked = coordinator.join("", "slow", ("p",), "slow", 10_000, 60_000).error
    assert isinstance(asked, Refused)
    Client(sim, coordinator, "w9").join()
    leader.join()
    follower.join()
    assert not leader.joining.done
    sim.advance(10_000)
    assert leader.joined.generation == 2


def test_a_newcomer_whose_join_stays_open_for_five_minutes_is_dropped() -> None:
    sim, coordinator, (leader, follower) = stable_group(2)
    newcomer = Client(sim, coordinator, "w9")
    newcomer.rebalance_timeout_ms = 600_000
    newcomer.join()
    for second in range(0, 303, 3):  # the others keep their sessions and do not rejoin
        assert (newcomer.member_id in coordinator.member_ids()) == (second < 300), second
        sim.advance(3_000)
        leader.heartbeat()
        follower.heartbeat()
    assert isinstance(newcomer.joining.error, Refused)


def test_an_assignment_counts_once_it_is_written() -> None:
    sim = Sim()
    coordinator: Coordinator = GroupCoordinator(sim, Timing(kafka_write_ms=5))
    client = Client(sim, coordinator, "w0").join()
    sim.advance(6_000)
    reply = client.sync({client.member_id: "work"})
    sim.advance(4)
    assert not reply.done
    assert coordinator.state is GroupState.COMPLETING
    sim.advance(1)
    assert reply.result() == "work"
