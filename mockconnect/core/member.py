"""One worker's membership of the group: ``WorkerGroupMember`` and ``WorkerCoordinator``.

Rules of this room:

* The herder thread calls :meth:`ensure_active` and :meth:`poll`; both end early when somebody wakes the member up.
  Revocations of a new assignment are executed inside them, before the assignment counts.
* The heartbeat thread is a thread of its own. It is how a member learns of a rebalance, and it makes the worker leave
  the group when the herder thread has not polled for ``rebalance.timeout.ms``.
* A worker that cannot find the coordinator for one heartbeat interval revokes its own work.
* A worker that slept through its session looks for the coordinator first, and stays what it was in its own eyes until a
  heartbeat is refused.
* What to do with an assignment is the listener's (the herder's) business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from mockconnect.core.config_store import SessionKey
from mockconnect.core.group import GroupCoordinator, Joined, Refusal, Refused
from mockconnect.core.network import Break, Network
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Sim, Steps, Wakeup, Within, either
from mockconnect.core.terms import NOTHING, Assignment, ConnectorTaskId

PROTOCOLS = {
    "sessioned": ("sessioned", "compatible", "default"),
    "compatible": ("compatible", "default"),
    "eager": ("default",),
}
ENSURING: Final = "ensuring membership in the cluster"
"""The stage of a tick that begins with the group."""


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """``ExtendedWorkerState``: what a member sends with its join."""

    url: str
    offset: int
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class ExtendedAssignment:
    """``ExtendedAssignment``: what a member gets back. ``failed`` is CONFIG_MISMATCH."""

    leader_id: str
    leader_url: str
    offset: int
    assigned: Assignment = NOTHING
    revoked: Assignment = NOTHING
    delay_ms: int = 0
    failed: bool = False


Coordinator = GroupCoordinator[MemberMetadata, ExtendedAssignment]


class RebalanceListener(Protocol):
    """``WorkerRebalanceListener``, plus what the coordinator asks the herder for."""

    def metadata(self) -> MemberMetadata: ...
    def perform_assignment(self, joined: Joined[MemberMetadata]) -> Steps[dict[str, ExtendedAssignment]]: ...
    def on_revoked(self, revoked: Assignment) -> Steps[None]: ...
    def on_assigned(self, assignment: ExtendedAssignment, generation: int, protocol: str) -> None: ...
    def current_assignment(self) -> Assignment: ...
    def begin_stage(self, description: str) -> None: ...


class Standing(Protocol):
    """What the parts of a herder ask about the worker's place in the group, as its last assignment left it."""

    @property
    def is_leader(self) -> bool: ...
    @property
    def leader_url(self) -> str | None: ...
    @property
    def tasks(self) -> tuple[ConnectorTaskId, ...]: ...
    @property
    def signing_key(self) -> SessionKey | None:
        """What requests to the leader are signed with; ``None`` where they are not signed."""


class GroupMember:
    """The group client of one worker process."""

    def __init__(
        self,
        sim: Sim,
        process: Process,
        network: Network,
        coordinator: Coordinator,
        settings: WorkerSettings,
        timing: Timing,
        listener: RebalanceListener,
    ) -> None:
        self.member_id = ""
        self.generation = -1
        self.protocol = ""
        self._sim = sim
        self._process = process
        self._network = network
        self._coordinator = coordinator
        self._settings = settings
        self._timing = timing
        self._listener = listener
        self._wakeup = Wakeup()
        self._events = Wakeup()
        self._rejoin = True
        self._closed = False
        self._joining: Reply[tuple[Joined[MemberMetadata], ExtendedAssignment]] | None = None
        self.resting = False  # the herder thread is in a poll and there is nothing for it to do
        self._awaits_join = (
            False  # the heartbeat thread rests until the join is answered, not until the sync is
        )
        self._coordinator_known = True
        self._lookup_ms = 0
        self._heartbeat_at_ms = 0
        self._answered_at_ms = 0
        self._polled_at_ms: int | None = None  # None while the herder thread is inside a poll

    # --- for the herder -------------------------------------------------------------------------------------------------

    def wakeup(self) -> None:
        self._wakeup.set()

    def request_rejoin(self) -> None:
        self._rejoin = True
        self._events.set()

    @property
    def rejoin_pending(self) -> bool:
        return self._rejoin or self._joining is not None

    @property
    def eager(self) -> bool:
        return self.protocol == "default"

    @property
    def signs_requests(self) -> bool:
        return self.protocol == "sessioned"

    def start(self) -> None:
        self._polled_at_ms = self._sim.now_ms
        self._reset_timeouts()
        self._process.spawn(self._heartbeats())

    def ensure_active(self) -> Steps[bool]:
        """Be a member of the current generation. Returns false when woken up before that."""
        self._listener.begin_stage(ENSURING)
        if not self.rejoin_pending and self._coordinator_known:
            return not self._wakeup.take()
        self._polled_at_ms = None
        active = yield from self._become_active(ENSURING)
        self._polled_at_ms = self._sim.now_ms
        return active and not self._wakeup.take()

    def _become_active(self, stage: str) -> Steps[bool]:
        while self.rejoin_pending or not self._coordinator_known:
            if not self._coordinator_known:
                found = yield from self._find_coordinator(stage)
                if not found:
                    return False
                continue
            self._listener.begin_stage(stage)
            done = yield from self._join()
            if not done:
                return False
        return True

    def poll(self, stage: str) -> Steps[None]:
        """Wait until woken up, handling rebalances on the way. Even then other threads get to run first.

        ``stage`` is what the herder thread is said to do all the while, in a round of the group too.
        """
        self._polled_at_ms = None
        yield 0
        while not self._wakeup.take():
            if self.rejoin_pending or not self._coordinator_known:
                active = yield from self._become_active(stage)
                if not active:
                    break
                self._listener.begin_stage(stage)
                continue
            self.resting = True
            yield either(self._wakeup.wait(), self._events.wait())
            self.resting = False
            self._events.take()
        self._polled_at_ms = self._sim.now_ms

    def leave(self, reason: str) -> None:
        """``maybeLeaveGroup``: tell the coordinator (if it can be reached) and start from scratch."""
        if self.member_id and self._network.kafka_reachable(self._settings.name):
            member_id = self.member_id
            self._sim.after(self._timing.kafka_latency_ms, lambda: self._coordinator.leave(member_id))
        self._sim.note(self._settings.name, self.generation, "left group", reason)
        self._reset()

    def close(self) -> None:
        """``WorkerGroupMember.stop``: leave for good; a join that is under way must not bring it back."""
        self.leave("shut down")
        self._closed = True

    def _reset(self) -> None:
        """``resetStateAndRejoin`` with a new member id."""
        self.member_id = ""
        self.generation = -1
        self._joining = None
        self._rejoin = True

    # --- joining ----------------------------------------------------------------------------------------------------------

    def _join(self) -> Steps[bool]:
        if self._joining is None:
            if self.eager or self._settings.protocol == "eager":
                held = self._listener.current_assignment()
                if held:
                    yield from self._listener.on_revoked(held)
            self._joining = self._process.spawn(self._join_round())
        joining = self._joining
        yield either(joining, self._wakeup.wait(), self._events.wait())
        self._events.take()
        if not joining.done:
            self._wakeup.take()
            return False
        if self._joining is joining:
            self._joining = None
        if joining.error is not None:
            yield from self._after_refusal(joining.error)
            return True
        yield from self._complete(*joining.result())
        return True

    def _join_round(self) -> Steps[tuple[Joined[MemberMetadata], ExtendedAssignment]]:
        """One JoinGroup and SyncGroup; raises :class:`Refused`."""
        self._rejoin = False
        self._awaits_join = True
        protocols = PROTOCOLS[self._settings.protocol]
        while True:
            yield from self._reach()
            if self._closed:
                raise Refused(Refusal.UNKNOWN_MEMBER_ID)
            metadata = self._listener.metadata()
            joining = self._coordinator.join(
                self.member_id,
                self._settings.client_id,
                protocols,
                metadata,
                self._timing.session_timeout_ms,
                self._timing.rebalance_timeout_ms,
            )
            try:
                joined = yield joining
            except Refused as refused:
                if refused.refusal is not Refusal.MEMBER_ID_REQUIRED:
                    raise
                self.member_id = refused.member_id
                continue
            break
        yield from self._reach()
        self.generation = joined.generation
        self._awaits_join = False
        self._reset_timeouts()
        assignments = None
        if joined.leader_id == joined.member_id:
            assignments = yield from self._listener.perform_assignment(joined)
        yield from self._reach()
        assignment = yield self._coordinator.sync(joined.member_id, joined.generation, assignments)
        yield from self._reach()
        return joined, assignment

    def _reach(self) -> Steps[None]:
        """One way to the broker or back; an unreachable broker makes the client retry until it is found again.

        It takes some time at least: a follower that is told CONFIG_MISMATCH joins again and again until its leader has
        read the log, which must not stop the clock.
        """
        yield max(1, self._timing.kafka_latency_ms)
        while not self._network.kafka_reachable(self._settings.name):
            yield self._network.reached(self._settings.name)

    def _after_refusal(self, error: BaseException) -> Steps[None]:
        if not isinstance(error, Refused):
            raise error
        self._rejoin = True
        if error.refusal is Refusal.UNKNOWN_MEMBER_ID:
            self._reset()
        yield self._timing.kafka_latency_ms

    def _complete(self, joined: Joined[MemberMetadata], assignment: ExtendedAssignment) -> Steps[None]:
        """``onJoinComplete``: revoke first, then the assignment counts."""
        self.member_id = joined.member_id
        self.protocol = joined.protocol
        if assignment.revoked:
            yield from self._listener.on_revoked(assignment.revoked)
        self._listener.on_assigned(assignment, joined.generation, joined.protocol)

    # --- coordinator lost ---------------------------------------------------------------------------------------------------

    def _find_coordinator(self, stage: str) -> Steps[bool]:
        """``coordinatorDiscoveryTimeoutMs``: one look-up; when it fails the worker revokes what it runs."""
        healed = self._network.reached(self._settings.name)
        if not self._network.kafka_reachable(self._settings.name):
            self._listener.begin_stage(stage)
            yield Within(healed, self._timing.heartbeat_interval_ms)
        if not self._network.kafka_reachable(self._settings.name):
            held = self._listener.current_assignment()
            if held:
                detail = f"coordinator unreachable for {self._timing.heartbeat_interval_ms}ms"
                self._sim.note(self._settings.name, self.generation, "revoking all", detail)
                yield from self._listener.on_revoked(held)
            self._listener.begin_stage(stage)
            yield either(healed, self._wakeup.wait())
            self._wakeup.take()
            if not self._network.kafka_reachable(self._settings.name):
                return False
            self._rejoin = True
        yield from self._look_up()
        return True

    def _look_up(self) -> Steps[None]:
        """``ensureCoordinatorReady`` with a broker that answers, by whichever thread. The heartbeat that is due follows."""
        if self._lookup_ms:
            yield self._lookup_ms
        if not self._coordinator_known:
            self._coordinator_known = True
            self._answered_at_ms = self._heartbeat_at_ms = self._sim.now_ms

    # --- the heartbeat thread -----------------------------------------------------------------------------------------------

    def _heartbeats(self) -> Steps[None]:
        """``HeartbeatThread``. Its clock starts anew when a join is answered (``enable``)."""
        while True:
            due_at_ms = min(self._heartbeat_at_ms, self._poll_expires_at_ms() or self._heartbeat_at_ms)
            yield max(1, due_at_ms - self._sim.now_ms)
            expires_at_ms = self._poll_expires_at_ms()
            if expires_at_ms is not None and expires_at_ms <= self._sim.now_ms:
                self.leave("worker poll timeout has expired")
            if self._sim.now_ms >= self._heartbeat_at_ms:
                yield from self._heartbeat()

    def _heartbeat(self) -> Steps[None]:
        """One is due. The session of a process that was frozen may be over by its own clock: then it looks for the
        coordinator before it sends one, and meanwhile takes itself for what it was."""
        self._heartbeat_at_ms = self._sim.now_ms + self._timing.heartbeat_interval_ms
        if not self._beats():
            self._answered_at_ms = self._sim.now_ms
        elif not self._network.kafka_reachable(self._settings.name):
            self._miss()
        elif self._joining is None and (self._session_over() or not self._coordinator_known):
            self._lose_coordinator(self._drawn_lookup_ms())
            yield from self._look_up()
        else:
            yield self._timing.kafka_latency_ms
            self._answered_at_ms = self._sim.now_ms
            self._handle(self._coordinator.heartbeat(self.member_id, self.generation))

    def _miss(self) -> None:
        """Kafka is out of reach; a join that is under way waits until it is healed."""
        reset = self._network.kafka_break(self._settings.name) is Break.REFUSED
        if self._joining is None and (reset or self._session_over()):
            self._lose_coordinator()

    def _session_over(self) -> bool:
        return self._sim.now_ms - self._answered_at_ms >= self._timing.session_timeout_ms

    def _reset_timeouts(self) -> None:
        self._answered_at_ms = self._sim.now_ms
        self._heartbeat_at_ms = self._sim.now_ms + self._timing.heartbeat_interval_ms

    def _beats(self) -> bool:
        """Whether it is a member: the thread rests while a join is under way."""
        return bool(self.member_id) and self.generation >= 0 and not (self._joining and self._awaits_join)

    def _poll_expires_at_ms(self) -> int | None:
        """When the thread takes the worker out of the group, because the herder thread has not polled for too long."""
        if self._polled_at_ms is None or not self._beats():
            return None
        if not self._network.kafka_reachable(self._settings.name):
            return None
        return self._polled_at_ms + self._timing.rebalance_timeout_ms

    def _lose_coordinator(self, lookup_ms: int = 0) -> None:
        """Give it up; it is found again so long after it can be reached."""
        if self._coordinator_known:
            self._coordinator_known = False
            self._lookup_ms = lookup_ms
            self._sim.note(self._settings.name, self.generation, "coordinator lost", "")
            self._events.set()

    def _drawn_lookup_ms(self) -> int:
        """Giving it up closed the connection. The first look-up finds it before that may be made again, which costs a
        back-off of 100 ms, more or less a fifth."""
        dice = self._sim.stream("coordinator-lookup", self._settings.name)
        return dice.randint(self._timing.coordinator_lookup_min_ms, self._timing.coordinator_lookup_max_ms)

    def _handle(self, refusal: Refusal | None) -> None:
        if refusal is None or self._joining is not None:
            return
        if refusal is Refusal.UNKNOWN_MEMBER_ID:
            self._reset()
        elif refusal is Refusal.ILLEGAL_GENERATION:
            self.generation = -1
        self.request_rejoin()
