"""What a herder does around a generation: ``RebalanceListener`` of ``DistributedHerder``, and what it leads to.

Rules of this room:

* An assignment is taken in by the group client's callbacks; its work is started later, in a tick of the herder
  thread, and only when the snapshot is at the offset the leader assigned from.
* What is *held* is what this worker tells the group it has. What is *running* is what was started and not revoked; it
  decides what a rebalance has to start.
* Revoked work is stopped before the member joins again.
"""

from __future__ import annotations

from collections.abc import Iterable

from mockconnect.core.config_log import ConfigLog
from mockconnect.core.group import Joined
from mockconnect.core.javahash import DEFAULT_TABLE, copied_table, hash_order
from mockconnect.core.leading import Leading
from mockconnect.core.member import ExtendedAssignment, GroupMember, MemberMetadata
from mockconnect.core.past import Past
from mockconnect.core.sim import Steps
from mockconnect.core.stages import TickStage
from mockconnect.core.starting import Starting
from mockconnect.core.terms import NOTHING, Assignment, ConnectorTaskId, State
from mockconnect.core.worker import Worker

BACKOFF_RETRIES = 5


class Rebalancing:
    """One worker's assignment, and its membership of the group (``member``)."""

    def __init__(
        self, worker: Worker, log: ConfigLog, stage: TickStage, starting: Starting, leading: Leading
    ) -> None:
        site, kafka = worker.site, log.kafka
        self.member = GroupMember(
            site.sim, site.process, kafka.network, kafka.coordinator, site.settings, site.timing, self
        )
        self.generation = -1
        self.assignment: ExtendedAssignment | None = None
        self.connectors: tuple[str, ...] = ()
        self.tasks: tuple[ConnectorTaskId, ...] = ()
        self.resolved = True
        self.scheduled_at_ms: int | None = None
        self._site = site
        self._worker = worker
        self._log = log
        self._stage = stage
        self._starting = starting
        self._leading = leading
        self._backoff_retries = BACKOFF_RETRIES
        self._tasks_to_restart: dict[str | ConnectorTaskId, None] = {}
        self._to_start: dict[str | ConnectorTaskId, None] = {}
        self._running_connectors: set[str] = set()
        self._running_tasks: set[ConnectorTaskId] = set()
        self._held = NOTHING
        self._sent = (NOTHING, NOTHING)

    def take_over(self, past: Past) -> None:
        """Go on with what this worker ran before its story begins: it joins with that, as members do that rejoin."""
        self._held = past.held
        self.connectors, self.tasks = self._held.connectors, self._held.tasks
        self._leading.inherit(past.known)
        again = {State.RESTARTING, State.UNASSIGNED}
        self._to_start.update(dict.fromkeys(name for name, was in past.connectors.items() if was in again))
        self._to_start.update(
            dict.fromkeys(task_id for task_id, was in past.tasks.items() if was in {*again, State.STOPPED})
        )
        self._running_connectors = {name for name in self.connectors if name not in self._to_start}
        self._running_tasks = {task_id for task_id in self.tasks if task_id not in self._to_start}

    @property
    def is_leader(self) -> bool:
        return self.assignment is not None and self.assignment.leader_id == self.member.member_id != ""

    # --- what the group client asks (RebalanceListener) -------------------------------------------------------------------

    def begin_stage(self, description: str) -> None:
        if self._stage.current is None or self._stage.current.description != description:
            self._stage.begin(description)

    def metadata(self) -> MemberMetadata:
        if self._sent[0] is not self._held:
            self._sent = (self._held, _grouped(self._held))
        held = NOTHING if self.member.eager else self._sent[1]
        return MemberMetadata(self._site.settings.url, self._log.configs.offset, held)

    def current_assignment(self) -> Assignment:
        return self._held

    def perform_assignment(self, joined: Joined[MemberMetadata]) -> Steps[dict[str, ExtendedAssignment]]:
        """Runs on the leader once per generation."""
        return self._leading.perform_assignment(joined)

    def on_revoked(self, revoked: Assignment) -> Steps[None]:
        """Stop what is revoked, in the pool of eight; statuses still carry the previous generation."""
        jobs = [self._worker.stop_connector(name) for name in revoked.connectors]
        jobs += [self._worker.stop_tasks([task_id]) for task_id in revoked.tasks]
        yield from self._starting.start_and_stop(
            jobs, f"stopping {len(revoked.connectors)} and {len(revoked.tasks)} tasks"
        )
        self._running_connectors.difference_update(revoked.connectors)
        self._running_tasks.difference_update(revoked.tasks)
        self._held = _without(self._held, revoked)
        if self._site.settings.topic_tracking_enable:
            self._reset_active_topics(revoked)
        with self._stage.during("flushing updates to the status topic"):
            yield self._log.kafka.status_producer.flush()

    def _reset_active_topics(self, revoked: Assignment) -> None:
        counts = f"{len(revoked.connectors)} and {len(revoked.tasks)} tasks"
        with self._stage.during(f"resetting the list of active topics for {counts}"):
            gone = dict.fromkeys((*revoked.connectors, *(task_id.connector for task_id in revoked.tasks)))
            for name in gone:
                if not self._log.state.contains(name):
                    self._site.statuses.delete_topics(name)

    def on_assigned(self, assignment: ExtendedAssignment, generation: int, protocol: str) -> None:
        self._hold(assignment.assigned, eager=protocol == "default")
        self.assignment = assignment
        self.generation = generation
        delay_ms = assignment.delay_ms
        self.scheduled_at_ms = self._site.sim.now_ms + delay_ms if delay_ms > 0 else None
        self.resolved = False
        if self.is_leader:
            self._leading.forget_deleted()
            if self._site.settings.exactly_once_source_support != "disabled":
                self._log.kafka.config_producer.claim()
        self._note(assignment)
        self.member.wakeup()

    def _hold(self, assigned: Assignment, *, eager: bool) -> None:
        """An eager assignment is the whole, a cooperative one comes on top of what is held."""
        kept, assigned = NOTHING if eager else self._held, _grouped(assigned)
        if assigned or kept is NOTHING:
            kept = Assignment((*assigned.connectors, *kept.connectors), (*assigned.tasks, *kept.tasks))
        self._held = kept
        self.connectors, self.tasks = kept.connectors, kept.tasks
        if eager:
            self._to_start.clear()
        self._to_start.update(dict.fromkeys((*assigned.connectors, *assigned.tasks)))

    def _note(self, assignment: ExtendedAssignment) -> None:
        text = f"{len(self.connectors)} connectors {len(self.tasks)} tasks"
        if assignment.revoked:
            text += f", revoked {len(assignment.revoked.connectors)}+{len(assignment.revoked.tasks)}"
        if assignment.delay_ms:
            text += f", delay {assignment.delay_ms} ms"
        if assignment.failed:
            text += ", config mismatch"
        self._site.note("assigned", text)

    # --- what the herder thread does about it -----------------------------------------------------------------------------

    def catch_up(self) -> Steps[bool]:
        """``readConfigToEnd``: who cannot read the config topic leaves the group for a while."""
        self._log.readable = yield from self._read_or_leave()
        return self._log.readable

    def _read_or_leave(self) -> Steps[bool]:
        read = yield from self._log.refresh_snapshot()
        if read:
            self._backoff_retries = BACKOFF_RETRIES
            return True
        self.member.leave("taking too long to read the log")
        yield from self._back_off()
        return False

    def _back_off(self) -> Steps[None]:
        timing = self._site.timing
        if self.member.eager:
            duration_ms = timing.worker_unsync_backoff_ms
        elif self._backoff_retries > 0:
            duration_ms = timing.scheduled_rebalance_max_delay_ms // 10 // self._backoff_retries
            self._backoff_retries -= 1
        else:
            yield from self.on_revoked(self._held)
            self._backoff_retries = BACKOFF_RETRIES
            return
        with self._stage.during(f"sleeping for a backoff duration of {duration_ms}ms"):
            yield duration_ms

    def handle_completed(self) -> Steps[bool]:
        """``handleRebalanceCompleted``: says whether the worker may go on without another rebalance."""
        if self.resolved:
            return True
        assert self.assignment is not None, "a member that is active has an assignment"
        assignment = self.assignment
        needs_rejoin = assignment.failed
        needs_read = self._log.state.offset < assignment.offset or (assignment.failed and self.is_leader)
        if self.scheduled_at_ms is not None and self.scheduled_at_ms <= self._site.sim.now_ms:
            needs_rejoin = True
            self.scheduled_at_ms = None
        if needs_read:
            caught_up = yield from self.catch_up()
            needs_rejoin = needs_rejoin or not caught_up
        if needs_rejoin or self._log.state.offset != assignment.offset:
            self.member.request_rejoin()
            return False
        yield from self._start_work()
        self.resolved = True
        if assignment.revoked:
            self.assignment = _resolved(assignment)
            self.member.request_rejoin()
            return False
        return True

    def start_again(self, stopped: Iterable[ConnectorTaskId]) -> None:
        """Tasks that were stopped for new configs start after the next rebalance, wherever they are then."""
        self._tasks_to_restart.update(dict.fromkeys(stopped))

    def _start_work(self) -> Steps[None]:
        """Start what was assigned since the last time, and the tasks that were stopped for new configs."""
        if not (self._tasks_to_restart or self._to_start):
            return
        restarting, self._tasks_to_restart = self._tasks_to_restart, {}
        starting, self._to_start = self._to_start, {}
        self._running_tasks.difference_update(restarting)
        mine = self._assigned({**starting, **restarting})
        running: set[str | ConnectorTaskId] = {*self._running_connectors, *self._running_tasks}
        jobs = [self._starting.job(item) for item in mine if item not in running]
        yield from self._starting.start_and_stop(
            jobs, f"starting {len(jobs)} connector(s) and task(s) after a rebalance"
        )
        self._running_connectors.update(item for item in mine if isinstance(item, str))
        self._running_tasks.update(item for item in mine if isinstance(item, ConnectorTaskId))
        if self.member.eager:
            self._running_connectors, self._running_tasks = set(), set()

    def _assigned(self, items: dict[str | ConnectorTaskId, None]) -> list[str | ConnectorTaskId]:
        """Connectors first; nothing that has been taken away again meanwhile, for that must not count as running."""
        connectors, tasks = set(self.connectors), set(self.tasks)
        mine = [item for item in items if item in (connectors if isinstance(item, str) else tasks)]
        return sorted(mine, key=lambda item: not isinstance(item, str))


def _without(held: Assignment, revoked: Assignment) -> Assignment:
    connectors, tasks = set(revoked.connectors), set(revoked.tasks)
    return Assignment(
        tuple(name for name in held.connectors if name not in connectors),
        tuple(task_id for task_id in held.tasks if task_id not in tasks),
    )


def _grouped(held: Assignment) -> Assignment:
    """``Assignment.asMap``, in which work travels: by connector, those of the list first, in hash order."""
    connectors = tuple(hash_order(held.connectors, max(DEFAULT_TABLE, copied_table(len(held.connectors)))))
    rank = {name: position for position, name in enumerate(connectors)}
    for task_id in held.tasks:
        rank.setdefault(task_id.connector, len(rank))
    return Assignment(connectors, tuple(sorted(held.tasks, key=lambda task_id: rank[task_id.connector])))


def _resolved(assignment: ExtendedAssignment) -> ExtendedAssignment:
    """The same assignment with its revocations done."""
    return ExtendedAssignment(
        assignment.leader_id,
        assignment.leader_url,
        assignment.offset,
        assignment.assigned,
        delay_ms=assignment.delay_ms,
    )
