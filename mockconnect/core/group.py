"""The broker's group coordinator for the Connect group: the classic group protocol (``GroupMetadataManager``).

Rules of this room:

* It knows members by member id, and of what they send only the protocols they support and an opaque metadata.
* It answers joins and syncs with replies; whoever does not rejoin in time is removed, whoever does not heartbeat is
  expired. Workers talk to it through the network; it never talks to them first.
* The next leader after a leader is gone is the smallest member id. A real broker takes the first of a hash map; any
  member is right, and a fixed rule makes runs repeatable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from mockconnect.core.errors import Expected
from mockconnect.core.network import Layers
from mockconnect.core.settings import Timing
from mockconnect.core.sim import Reply, Sim, hand_over

M = TypeVar("M")  # what members send with a join
A = TypeVar("A")  # what the leader sends to each member with its sync


class GroupState(Enum):
    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Refusal(Enum):
    """Errors of the group protocol that members handle."""

    MEMBER_ID_REQUIRED = "MEMBER_ID_REQUIRED"
    UNKNOWN_MEMBER_ID = "UNKNOWN_MEMBER_ID"
    ILLEGAL_GENERATION = "ILLEGAL_GENERATION"
    REBALANCE_IN_PROGRESS = "REBALANCE_IN_PROGRESS"


class Refused(Expected):
    """The coordinator's refusal; ``member_id`` comes with MEMBER_ID_REQUIRED."""

    def __init__(self, refusal: Refusal, member_id: str = "") -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.member_id = member_id


@dataclass(frozen=True, slots=True)
class Joined(Generic[M]):
    """The answer to a join. ``members`` is filled for the leader only."""

    generation: int
    member_id: str
    leader_id: str
    protocol: str
    members: Mapping[str, M]


@dataclass(slots=True)
class Member(Generic[M, A]):
    member_id: str
    client_id: str
    protocols: tuple[str, ...]
    metadata: M
    session_timeout_ms: int
    rebalance_timeout_ms: int
    deadline_at_ms: int
    joining: Reply[Joined[M]] | None = None
    syncing: Reply[A] | None = None
    timer_armed: bool = False
    is_new: bool = True


@dataclass(slots=True)
class _Group(Generic[M, A]):
    state: GroupState = GroupState.EMPTY
    generation: int = 0
    leader_id: str | None = None
    protocol: str = ""
    members: dict[str, Member[M, A]] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    assignments: dict[str, A] = field(default_factory=dict)


class GroupCoordinator(Generic[M, A]):
    """One group. Everything is decided at the instant of a call or of a timer.

    ``pick_leader`` picks the next one out of the ids of the members that are left. ``visit_members`` is the order in which
    the leader finds the members: a hash map's on a real worker, and so by the random part of their ids.
    """

    def __init__(self, sim: Sim, timing: Timing) -> None:
        self.pick_leader: Callable[[Iterable[str]], str] = min
        self.visit_members: Callable[[Iterable[str]], Sequence[str]] = sorted
        self._sim = sim
        self._timing = timing
        self._group: _Group[M, A] = _Group()
        self._round = 0
        self.rebalances = 0
        """How many rounds were completed."""
        self._empty_since_ms: int | None = None
        self.forgotten_generation = 0
        """The last one before the broker forgot the group; generations begin anew after that."""
        self.forgotten_at_ms = -1
        self._initial_until_ms: int | None = None
        self._initial_deadline_ms = 0
        self._newcomers = False
        self._holds: dict[str, None] = {}
        self._overdue = False
        self._favourites: dict[str, str] = {}
        self._parked: Layers[str, None] = Layers()
        self._waiting: dict[str, tuple[Callable[[], Reply[Joined[M]]], Reply[Joined[M]]]] = {}

    # --- what others may look at ----------------------------------------------------------------------------------------

    @property
    def state(self) -> GroupState:
        return self._group.state

    @property
    def generation(self) -> int:
        return self._group.generation

    @property
    def leader_id(self) -> str | None:
        return self._group.leader_id

    @property
    def protocol(self) -> str:
        return self._group.protocol

    def is_member(self, member_id: str) -> bool:
        return member_id in self._group.members

    def member_ids(self) -> list[str]:
        return sorted(self._group.members)

    # --- what a fault asks for --------------------------------------------------------------------------------------------

    def rebalance(self) -> None:
        """Begin a round as if a member had asked for one; the others learn of it with their next heartbeat."""
        if self._group.state in (GroupState.COMPLETING, GroupState.STABLE):
            self._prepare_rebalance()
            self._maybe_complete_join()

    def hold(self, by: str) -> None:
        """No round is completed until every hold is released: members wait for the answer to their join."""
        self._holds[by] = None

    def release(self, by: str) -> None:
        self._holds.pop(by, None)
        if not self._holds and self._group.state is GroupState.PREPARING:
            if self._overdue:
                self._complete_join()
            else:
                self._maybe_complete_join()

    def elect(self, client_id: str, by: str) -> None:
        """In every round that this client is part of it becomes the leader, whoever leads now."""
        self._favourites[by] = client_id

    def forget_favourite(self, by: str) -> None:
        self._favourites.pop(by, None)

    def park(self, client_id: str, by: str) -> None:
        """Leave the first join of this client unanswered: to the group it is not there."""
        self._parked.put(client_id, None, by)

    def unpark(self, client_id: str, by: str) -> None:
        if self._parked.take(client_id, by) and client_id in self._waiting:
            join, reply = self._waiting.pop(client_id)
            hand_over(join(), reply)

    # --- requests ---------------------------------------------------------------------------------------------------------

    def join(
        self,
        member_id: str,
        client_id: str,
        protocols: tuple[str, ...],
        metadata: M,
        session_timeout_ms: int,
        rebalance_timeout_ms: int,
    ) -> Reply[Joined[M]]:
        """JoinGroup. An empty ``member_id`` is answered with MEMBER_ID_REQUIRED and the id to use."""
        group = self._group
        if not member_id:
            if client_id in self._parked:
                parked: Reply[Joined[M]] = Reply()
                self._waiting[client_id] = (
                    lambda: self._new_member_id(client_id, session_timeout_ms),
                    parked,
                )
                return parked
            return self._new_member_id(client_id, session_timeout_ms)
        member = group.members.get(member_id)
        if member is None:
            if group.pending.pop(member_id, None) is None:
                return Reply.failed(Refused(Refusal.UNKNOWN_MEMBER_ID))
            member = Member(
                member_id, client_id, protocols, metadata, session_timeout_ms, rebalance_timeout_ms, 0
            )
            group.members[member_id] = member
            if group.leader_id is None:
                group.leader_id = member_id
            self._newcomers = True
            self._sim.after(self._timing.new_member_join_timeout_ms, lambda: self._give_up_on(member_id))
        elif (
            group.state is GroupState.STABLE and member_id != group.leader_id and metadata == member.metadata
        ):
            return Reply.of(Joined(group.generation, member_id, self._leader(), group.protocol, {}))
        member.protocols, member.metadata = protocols, metadata
        reply: Reply[Joined[M]] = Reply()
        member.joining = reply
        self._prepare_rebalance()
        self._maybe_complete_join()
        return reply

    def sync(self, member_id: str, generation: int, assignments: Mapping[str, A] | None) -> Reply[A]:
        """SyncGroup; ``assignments`` come from the leader, ``None`` from everybody else."""
        group = self._group
        refusal = self._refusal(member_id, generation)
        if refusal is not None:
            return Reply.failed(Refused(refusal))
        member = group.members[member_id]
        if group.state is GroupState.PREPARING:
            return Reply.failed(Refused(Refusal.REBALANCE_IN_PROGRESS))
        if group.state is GroupState.COMPLETING:
            reply: Reply[A] = Reply()
            member.syncing = reply
            if member_id == group.leader_id and assignments is not None:
                self._store(assignments)
            return reply
        self._alive(member)
        return Reply.of(group.assignments[member_id])

    def heartbeat(self, member_id: str, generation: int) -> Refusal | None:
        refusal = self._refusal(member_id, generation)
        if refusal is not None:
            return refusal
        self._alive(self._group.members[member_id])
        return Refusal.REBALANCE_IN_PROGRESS if self._group.state is GroupState.PREPARING else None

    def leave(self, member_id: str) -> None:
        self._group.pending.pop(member_id, None)
        if member_id in self._group.members:
            self._remove(member_id, "left")

    # --- members ----------------------------------------------------------------------------------------------------------

    def _new_member_id(self, client_id: str, session_timeout_ms: int) -> Reply[Joined[M]]:
        member_id = f"{client_id}-{_uuid(self._sim)}"
        expires_at_ms = self._sim.now_ms + session_timeout_ms
        self._group.pending[member_id] = expires_at_ms
        self._sim.at(expires_at_ms, lambda: self._expire_pending(member_id))
        return Reply.failed(Refused(Refusal.MEMBER_ID_REQUIRED, member_id))

    def _expire_pending(self, member_id: str) -> None:
        if self._group.pending.pop(member_id, None) is not None:
            self._maybe_complete_join()

    def _give_up_on(self, member_id: str) -> None:
        """A newcomer whose first join is still open after so long is dropped."""
        member = self._group.members.get(member_id)
        if member is not None and member.is_new:
            self._remove(member_id, "never got in")

    def _refusal(self, member_id: str, generation: int) -> Refusal | None:
        if member_id not in self._group.members:
            return Refusal.UNKNOWN_MEMBER_ID
        if generation != self._group.generation:
            return Refusal.ILLEGAL_GENERATION
        return None

    def _alive(self, member: Member[M, A]) -> None:
        """A sign of life: the session starts anew. One timer per member re-arms itself."""
        member.deadline_at_ms = self._sim.now_ms + member.session_timeout_ms
        if not member.timer_armed:
            member.timer_armed = True
            self._sim.at(member.deadline_at_ms, lambda: self._check_session(member))

    def _check_session(self, member: Member[M, A]) -> None:
        member.timer_armed = False
        if self._group.members.get(member.member_id) is not member:
            return
        if member.joining is not None or member.syncing is not None:  # whoever waits for the group is alive
            return
        if self._sim.now_ms >= member.deadline_at_ms:
            self._remove(member.member_id, "expired")
        else:
            member.timer_armed = True
            self._sim.at(member.deadline_at_ms, lambda: self._check_session(member))

    def _remove(self, member_id: str, why: str) -> None:
        group = self._group
        self._sim.note("-", group.generation, "group", f"{member_id} {why}")
        member = group.members.pop(member_id)
        for waiting in (member.joining, member.syncing):
            if waiting is not None:
                waiting.fail(Refused(Refusal.UNKNOWN_MEMBER_ID))
        if group.leader_id == member_id:
            group.leader_id = self.pick_leader(group.members) if group.members else None
        if group.state in (GroupState.COMPLETING, GroupState.STABLE):
            self._prepare_rebalance()
        self._maybe_complete_join()

    def _leader(self) -> str:
        assert self._group.leader_id is not None, "a group with members has a leader"
        return self._group.leader_id

    # --- the join phase -----------------------------------------------------------------------------------------------------

    def _prepare_rebalance(self) -> None:
        group = self._group
        if group.state is GroupState.PREPARING:
            return
        if group.state is GroupState.COMPLETING:
            for member in group.members.values():
                if member.syncing is not None:
                    waiting, member.syncing = member.syncing, None
                    self._alive(member)
                    waiting.fail(Refused(Refusal.REBALANCE_IN_PROGRESS))
        was_empty = group.state is GroupState.EMPTY
        if was_empty:
            self._maybe_forget()
        group.state = GroupState.PREPARING
        self._round += 1
        self._overdue = False
        timeout_ms = max((member.rebalance_timeout_ms for member in group.members.values()), default=0)
        if was_empty and self._timing.group_initial_rebalance_delay_ms:
            self._delay_first_join(timeout_ms)
            return
        self._initial_until_ms = None
        this_round = self._round
        self._sim.after(timeout_ms, lambda: self._join_deadline(this_round))

    def _maybe_forget(self) -> None:
        """A group without members and offsets is removed by the first check after it became empty."""
        since_ms, self._empty_since_ms = self._empty_since_ms, None
        interval_ms = self._timing.group_check_interval_ms
        if since_ms is not None and self._sim.now_ms // interval_ms > since_ms // interval_ms:
            self._sim.note("-", self._group.generation, "group", "was forgotten")
            self.forgotten_generation = max(self.forgotten_generation, self._group.generation)
            self.forgotten_at_ms = self._sim.now_ms
            self._group.generation = 0

    def _delay_first_join(self, timeout_ms: int) -> None:
        """``InitialDelayedJoin``: wait a little for the others, and again while newcomers arrive."""
        delay_ms = self._timing.group_initial_rebalance_delay_ms
        self._newcomers = False
        self._initial_deadline_ms = self._sim.now_ms + timeout_ms
        self._initial_until_ms = self._sim.now_ms + delay_ms
        this_round = self._round
        self._sim.at(self._initial_until_ms, lambda: self._first_join_over(this_round))

    def _first_join_over(self, this_round: int) -> None:
        if this_round != self._round or self._initial_until_ms is None:
            return
        left_ms = self._initial_deadline_ms - self._sim.now_ms
        if self._newcomers and left_ms > 0:
            self._newcomers = False
            delay_ms = min(self._timing.group_initial_rebalance_delay_ms, left_ms)
            self._initial_until_ms = self._sim.now_ms + delay_ms
            self._sim.at(self._initial_until_ms, lambda: self._first_join_over(this_round))
            return
        self._initial_until_ms = None
        self._time_is_up()

    def _join_deadline(self, this_round: int) -> None:
        if this_round == self._round and self._group.state is GroupState.PREPARING:
            self._time_is_up()

    def _time_is_up(self) -> None:
        if self._holds:
            self._overdue = True
        else:
            self._complete_join()

    def _maybe_complete_join(self) -> None:
        group = self._group
        if group.state is not GroupState.PREPARING or self._initial_until_ms is not None or group.pending:
            return
        if self._holds:
            return
        if all(member.joining is not None for member in group.members.values()):
            self._complete_join()

    def _complete_join(self) -> None:
        group = self._group
        for member_id in [key for key, member in group.members.items() if member.joining is None]:
            self._sim.note("-", group.generation, "group", f"{member_id} did not rejoin")
            del group.members[member_id]
        group.generation += 1
        self._round += 1
        self.rebalances += 1
        if not group.members:
            group.state, group.leader_id = GroupState.EMPTY, None
            self._empty_since_ms = self._sim.now_ms
            self._sim.note("-", group.generation, "group", "empty")
            return
        group.leader_id = self._next_leader()
        group.state = GroupState.COMPLETING
        group.protocol = self._vote()
        self._sim.note(
            "-", group.generation, "group", f"joined {len(group.members)}, leader {group.leader_id}"
        )
        this_round = self._round
        timeout_ms = max(member.rebalance_timeout_ms for member in group.members.values())
        self._sim.after(timeout_ms, lambda: self._sync_deadline(this_round))
        for member in list(group.members.values()):
            self._answer_join(member)

    def _next_leader(self) -> str:
        members = self._group.members
        for client_id in reversed(self._favourites.values()):
            for member_id in sorted(members):
                if members[member_id].client_id == client_id:
                    return member_id
        if self._group.leader_id in members:
            return self._leader()
        return self.pick_leader(members)

    def _answer_join(self, member: Member[M, A]) -> None:
        waiting, member.joining, member.is_new = member.joining, None, False
        self._alive(member)
        assert waiting is not None
        waiting.complete(self._joined(member))

    def _joined(self, member: Member[M, A]) -> Joined[M]:
        group = self._group
        leads = member.member_id == group.leader_id
        visited = self.visit_members(group.members) if leads else ()
        metadata = {member_id: group.members[member_id].metadata for member_id in visited}
        return Joined(group.generation, member.member_id, self._leader(), group.protocol, metadata)

    def _vote(self) -> str:
        """Every member votes for its most preferred protocol among those that all support."""
        members = self._group.members.values()
        common = set.intersection(*(set(member.protocols) for member in members))
        assert common, "members of one Connect group always share the default protocol"
        votes = [next(name for name in member.protocols if name in common) for member in members]
        return max(sorted(set(votes)), key=votes.count)

    # --- the sync phase -----------------------------------------------------------------------------------------------------

    def _store(self, assignments: Mapping[str, A]) -> None:
        """The assignment counts once it is written to ``__consumer_offsets``."""
        this_round = self._round
        self._sim.after(self._timing.kafka_write_ms, lambda: self._become_stable(this_round, assignments))

    def _become_stable(self, this_round: int, assignments: Mapping[str, A]) -> None:
        group = self._group
        if this_round != self._round or group.state is not GroupState.COMPLETING:
            return
        group.assignments = dict(assignments)
        group.state = GroupState.STABLE
        self._sim.note("-", group.generation, "group", "stable")
        for member in list(group.members.values()):
            waiting, member.syncing = member.syncing, None
            if waiting is not None:
                self._alive(member)
                waiting.complete(group.assignments[member.member_id])

    def _sync_deadline(self, this_round: int) -> None:
        group = self._group
        if this_round != self._round or group.state is not GroupState.COMPLETING:
            return
        for member_id in [key for key, member in group.members.items() if member.syncing is None]:
            self._remove(member_id, "did not sync")


def _uuid(sim: Sim) -> str:
    """A random UUID of version 4 from the seeded stream."""
    digits = f"{sim.stream('member-id').getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
