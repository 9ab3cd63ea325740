"""``DistributedHerder``: one thread per worker that does everything one after the other.

Rules of this room:

* The tick is Connect's own, step by step: catch up with the config topic, be a member of the group, finish a
  rebalance, run queued requests, then act on what the config log changed, then wait in the group client.
* Whatever takes time in a tick delays everything behind it. That is not a special case but the point: a slow
  ``taskConfigs()`` stalls queued requests here and rebalances everywhere because this one thread is busy.
* Requests are generators in a queue ordered by (due time, sequence). What they do is in ``requests``.
* The herder sees configs through a *snapshot* that only certain steps refresh; the store may be ahead of it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mockconnect.core import config_store, errors
from mockconnect.core.answers import LocalAnswers, hash_ordered, restarts_connector, tasks_to_restart
from mockconnect.core.assignor import IncrementalCooperativeAssignor, Round, assign_eagerly
from mockconnect.core.config_store import ClusterConfigState, ConfigStore, SessionKey
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.group import Joined
from mockconnect.core.member import Coordinator, ExtendedAssignment, GroupMember, MemberMetadata
from mockconnect.core.network import Network
from mockconnect.core.sim import Reply, Steps, Within
from mockconnect.core.stages import Stage, StagedReply, TickStage
from mockconnect.core.terms import (
    NOTHING,
    Assignment,
    ConnectorTaskId,
    RestartRequest,
    State,
    TargetState,
    TaskConfig,
)
from mockconnect.core.topics import Fenced, Key, Producer, Reader, Record
from mockconnect.core.traces import java_trace
from mockconnect.core.worker import Site, Thrown, Worker, report_connector, report_task, tasks_max_check

T = TypeVar("T")
Action = Callable[[], Steps[None]]
ForwardTasks = Callable[[str, str, Sequence[TaskConfig], SessionKey | None], Reply[None]]
ForwardFence = Callable[[str, str, SessionKey | None], Reply[None]]
BACKOFF_RETRIES = 5


@dataclass(slots=True, eq=False)
class Request:
    """``DistributedHerderRequest``: ordered by the time it is due, then by arrival."""

    at_ms: int
    seq: int
    action: Action
    reply: StagedReply[Any]

    def __lt__(self, other: Request) -> bool:
        return (self.at_ms, self.seq) < (other.at_ms, other.seq)


@dataclass(frozen=True, slots=True)
class Kafka:
    """A worker's clients: how it reads and writes the config topic and reaches the group."""

    network: Network
    coordinator: Coordinator
    config_reader: Reader
    config_producer: Producer
    status_producer: Producer


class DistributedHerder:
    """The herder of one worker process. ``run`` is its thread."""

    def __init__(
        self,
        site: Site,
        worker: Worker,
        configs: ConfigStore,
        answers: LocalAnswers,
        kafka: Kafka,
        *,
        start_readers: Callable[[], None],
        set_logger_level: Callable[[str, str], object],
        forward_tasks: ForwardTasks,
        forward_fence: ForwardFence,
    ) -> None:
        self.site = site
        self.worker = worker
        self.configs = configs
        self.answers = answers
        self.kafka = kafka
        self.ready = False
        self.stopping = False
        self.generation = -1
        self.assignment: ExtendedAssignment | None = None
        self.connectors: tuple[str, ...] = ()
        self.tasks: tuple[ConnectorTaskId, ...] = ()
        self.state: ClusterConfigState = configs.snapshot()
        self.session_key: SessionKey | None = None
        self.halted: Reply[None] = Reply()
        self.needs_reconfig_rebalance = False
        self.stage = TickStage(lambda: site.sim.now_ms)
        self.member = GroupMember(
            site.sim, site.process, kafka.network, kafka.coordinator, site.settings, site.timing, self
        )
        self._start_readers = start_readers
        self._set_logger_level = set_logger_level
        self._forward_tasks = forward_tasks
        self._forward_fence = forward_fence
        self._requests: list[Request] = []
        self._seq = 0
        self._armed_at_ms: int | None = None
        self._can_read_configs = True
        self._fenced = False
        self._backoff_retries = BACKOFF_RETRIES
        self._rebalance_resolved = True
        self._scheduled_rebalance_at_ms: int | None = None
        self._key_expires_at_ms: int | None = None
        self._config_updates: dict[str, None] = {}
        self._target_changes: dict[str, None] = {}
        self._task_updates: dict[str, None] = {}
        self._restarts: dict[str, RestartRequest] = {}
        self._tasks_to_restart: dict[str | ConnectorTaskId, None] = {}
        self._to_start: dict[str | ConnectorTaskId, None] = {}
        self._running_connectors: set[str] = set()
        self._running_tasks: set[ConnectorTaskId] = set()
        self._held = NOTHING
        self._sent = (NOTHING, NOTHING)
        self._last_completed_generation = -1
        self._assignor = IncrementalCooperativeAssignor(site.timing.scheduled_rebalance_max_delay_ms)
        self._owners: Round | None = None
        self._member_urls: dict[str, str] = {}
        self._forwards: deque[Steps[None]] = deque()
        self._forwarding = False

    @property
    def name(self) -> str:
        return self.site.settings.name

    @property
    def now_ms(self) -> int:
        return self.site.sim.now_ms

    @property
    def is_leader(self) -> bool:
        return self.assignment is not None and self.assignment.leader_id == self.member.member_id != ""

    @property
    def leader_url(self) -> str | None:
        return None if self.assignment is None else self.assignment.leader_url

    def owner_url(self, item: str | ConnectorTaskId) -> str | None:
        """Where the leader's last round put an item; ``None`` while it is unassigned or a rejoin is pending."""
        if self._owners is None or self.member.rejoin_pending:
            return None
        owners: Any = (
            self._owners.owners_of_connectors if isinstance(item, str) else self._owners.owners_of_tasks
        )
        member_id = owners.get(item)
        return None if member_id is None else self._member_urls.get(member_id)

    @property
    def quiet(self) -> bool:
        """Waiting in the group client with nothing due, nothing flagged and no rebalance ahead of its schedule."""
        due = self._requests and self._requests[0].at_ms <= self.now_ms
        flagged = (
            self.needs_reconfig_rebalance
            or self._config_updates
            or self._target_changes
            or self._task_updates
        )
        unfinished = not self._rebalance_resolved and self._scheduled_rebalance_at_ms is None
        busy = (
            due or flagged or self._restarts or unfinished or self.member.rejoin_pending or self._forwarding
        )
        return self.member.resting and not busy

    @property
    def delayed(self) -> bool:
        """Whether its last assignment came with a delay that still runs."""
        return self._scheduled_rebalance_at_ms is not None

    def block(self, duration_ms: int, stage: str) -> None:
        """Keep this thread busy for a while, as slow connector code would."""

        def busy() -> Steps[None]:
            with self.stage.during(stage):
                yield duration_ms

        self.add_request(busy, StagedReply())

    def serve(self, action: Callable[[], T], reply: StagedReply[T]) -> StagedReply[T]:
        """Queue a read that waits for nothing. A thread at rest would run it now, and does so without a tick."""
        if self._at_rest:
            _answer(action, reply)
            return reply

        def steps() -> Steps[None]:
            _answer(action, reply)
            yield from ()

        return self.add_request(steps, reply)

    @property
    def _at_rest(self) -> bool:
        """Whether a tick that began now would do nothing but run a new request."""
        flagged = (
            self.needs_reconfig_rebalance
            or self._config_updates
            or self._target_changes
            or self._task_updates
        )
        busy = self._requests or flagged or self._restarts or self.member.rejoin_pending or self.stopping
        free = self.member.resting and self._rebalance_resolved and not busy
        return free and not self.site.timing.herder_request_ms

    # --- the queue ------------------------------------------------------------------------------------------------------

    def add_request(self, action: Action, reply: StagedReply[T], delay_ms: int = 0) -> StagedReply[T]:
        """Queue work for the herder thread; ``action`` completes ``reply`` or raises into it."""
        reply.enqueue(self.stage)
        self._seq += 1
        request = Request(self.now_ms + delay_ms, self._seq, action, reply)
        heapq.heappush(self._requests, request)
        if self._requests[0] is request:
            self.member.wakeup()
        return reply

    def _run_request(self, request: Request) -> Steps[None]:
        if self.site.timing.herder_request_ms:
            yield self.site.timing.herder_request_ms
        try:
            yield from request.action()
        except Expected as error:
            request.reply.fail(error)
        request.reply.dequeue()

    # --- the thread -----------------------------------------------------------------------------------------------------

    def run(self) -> Steps[None]:
        with self.stage.during("initializing and reading to the end of internal topics"):
            yield self.site.timing.internal_topics_read_ms
            while not self.kafka.network.kafka_reachable(self.name):
                yield 100
            self._start_readers()
            self.configs.listener = self
            self.state = self.configs.snapshot()
            self.session_key = self.state.session_key
        self.member.start()
        while not self.stopping:
            yield from self._tick()
            self.ready = True
        yield from self._halt()

    def _tick(self) -> Steps[None]:
        if not self._can_read_configs:
            self._can_read_configs = yield from self._read_config_to_end()
            if not self._can_read_configs:
                return
        active = yield from self.member.ensure_active()
        self.stage.complete()
        if not active:
            return
        resolved = yield from self._handle_rebalance_completed()
        if not resolved:
            return
        began_at_ms = self.now_ms
        leading = yield from self._lead()
        if not leading:
            return
        yield from self._run_due_requests(began_at_ms)
        yield from self._process_restart_requests()
        due_at_ms = self._next_due_at_ms()
        rejoining = yield from self._take_updates()
        if rejoining or self.stopping:
            return
        yield from self._poll(due_at_ms)
        yield from self._handle_rebalance_completed_after_poll()

    def _handle_rebalance_completed_after_poll(self) -> Steps[None]:
        if not self.member.rejoin_pending and not self.stopping:
            yield from self._handle_rebalance_completed()

    def _poll(self, due_at_ms: int | None) -> Steps[None]:
        if due_at_ms is None:
            description = "polling the group coordinator until interrupted"
        else:
            left_ms = max(0, due_at_ms - self.now_ms)
            description = f"polling the group coordinator for up to {left_ms}ms or until interrupted"
            self._arm(due_at_ms)
        self.stage.begin(description)
        yield from self.member.poll()
        self.stage.complete()

    def _arm(self, at_ms: int) -> None:
        """One timer for the earliest due instant: a poll that ends early must not leave timers behind."""
        if self._armed_at_ms is None or at_ms < self._armed_at_ms:
            self._armed_at_ms = at_ms
            self.site.process.after(at_ms - self.now_ms, lambda: self._alarm(at_ms))

    def _alarm(self, at_ms: int) -> None:
        if self._armed_at_ms == at_ms:
            self._armed_at_ms = None
            self.member.wakeup()

    def _next_due_at_ms(self) -> int | None:
        due = [self._requests[0].at_ms] if self._requests else []
        if self._scheduled_rebalance_at_ms is not None:
            due.append(self._scheduled_rebalance_at_ms)
            self._rebalance_resolved = False
        if self.is_leader and self.signs_requests and self._key_expires_at_ms is not None:
            due.append(self._key_expires_at_ms)
        return min(due, default=None)

    def _run_due_requests(self, due_at_ms: int) -> Steps[None]:
        """What was due when the tick came here; what is queued meanwhile waits behind the config updates."""
        while self._requests and self._requests[0].at_ms <= due_at_ms:
            yield from self._run_request(heapq.heappop(self._requests))

    def _halt(self) -> Steps[None]:
        """``halt()``: stop everything, fail what waits, leave the group."""
        self.stage.begin("shutting down")
        yield from self.worker.stop_connectors()
        yield from self.worker.stop_tasks(sorted(self.worker.tasks))
        while self._requests:
            heapq.heappop(self._requests).reply.fail(errors.worker_is_shutting_down())
        if self.kafka.network.kafka_reachable(self.name):
            yield self.kafka.status_producer.flush()
        self.member.close()
        yield self.site.timing.kafka_latency_ms
        self.halted.complete(None)

    # --- leading ----------------------------------------------------------------------------------------------------------

    @property
    def signs_requests(self) -> bool:
        return self.member.protocol == "sessioned"

    def _lead(self) -> Steps[bool]:
        """The leader's own duties; says whether the tick may go on."""
        if not self.is_leader:
            self._fenced = False
            return True
        if self._fenced:
            with self.stage.during("reclaiming write privileges for the config topic"):
                self.kafka.config_producer.claim()
                self._fenced = False
        if self.signs_requests and self._key_is_due():
            key = self.site.sim.stream("session-key").randbytes(32)
            record = SessionKey(key, "HmacSHA256", self.now_ms)
            with self.stage.during("writing a new session key to the config topic"):
                try:
                    yield from self.write([((config_store.SESSION_KEY,), record)], errors.WRITE_SESSION_KEY)
                except ConnectError:  # a read to the end comes first, then it tries again
                    self._can_read_configs = False
                    return False
        return True

    def _key_is_due(self) -> bool:
        expires_at_ms = self._key_expires_at_ms
        if self.session_key is not None and expires_at_ms is None:
            expires_at_ms = self.session_key.created_at_ms + self.site.timing.inter_worker_key_ttl_ms
            self._key_expires_at_ms = expires_at_ms
        return self.session_key is None or expires_at_ms is None or expires_at_ms <= self.now_ms

    # --- writing the config topic -----------------------------------------------------------------------------------------

    def write(
        self, records: Sequence[tuple[Key, object]], error_text: str, *, read_back: bool = True
    ) -> Steps[None]:
        """Send records and read them back within 30 s in total; a time-out does not take them back."""
        deadline_at_ms = self.now_ms + self.site.timing.config_write_timeout_ms
        sent: Reply[Record] | None = None
        for key, value in records:
            sent = self.kafka.config_producer.send(key, value)
        if sent is not None:
            acknowledged = yield Within(sent, max(0, deadline_at_ms - self.now_ms))
            if not acknowledged:
                raise errors.write_failed(error_text)
            try:
                sent.result()
            except Fenced:
                self._fenced = True
                raise errors.write_failed(errors.FENCED_WRITE) from None
        if read_back:
            read = yield Within(self.kafka.config_reader.read_to_end(), max(0, deadline_at_ms - self.now_ms))
            if not read:
                raise errors.write_failed(error_text)

    def write_task_configs(self, connector: str, configs: Sequence[TaskConfig]) -> Steps[None]:
        """``putTaskConfigs``: every task's config, then the commit that makes them valid."""
        if configs and self.state.target_state(connector) is TargetState.STOPPED:
            raise errors.non_empty_tasks_for_stopped(connector)
        description = f"writing {len(configs)} task configs for connector {connector} to the config topic"
        with self.stage.during(description):
            records: list[tuple[Key, object]] = [
                ((config_store.TASK, connector, str(task)), hash_ordered(config))
                for task, config in enumerate(configs)
            ]
            if records:
                yield from self.write(records, errors.WRITE_TASKS)
            yield from self.write([((config_store.COMMIT, connector), len(configs))], errors.WRITE_COMMIT)

    # --- reading the config topic -----------------------------------------------------------------------------------------

    def refresh_snapshot(self) -> Steps[bool]:
        """``refreshConfigSnapshot``: says whether the end was reached within ``worker.sync.timeout.ms``."""
        with self.stage.during("reading to the end of the config topic"):
            read = yield Within(
                self.kafka.config_reader.read_to_end(), self.site.timing.worker_sync_timeout_ms
            )
        if read:
            self.state = self.configs.snapshot()
        else:
            self._can_read_configs = False
        return bool(read)

    def _read_config_to_end(self) -> Steps[bool]:
        read = yield from self.refresh_snapshot()
        if read:
            self._backoff_retries = BACKOFF_RETRIES
            return True
        self.member.leave("taking too long to read the log")
        yield from self._back_off()
        return False

    def _back_off(self) -> Steps[None]:
        timing = self.site.timing
        if self.member.eager:
            duration_ms = timing.worker_unsync_backoff_ms
        elif self._backoff_retries > 0:
            duration_ms = timing.scheduled_rebalance_max_delay_ms // 10 // self._backoff_retries
            self._backoff_retries -= 1
        else:
            yield from self.on_revoked(self._held)
            self._backoff_retries = BACKOFF_RETRIES
            return
        with self.stage.during(f"sleeping for a backoff duration of {duration_ms}ms"):
            yield duration_ms

    # --- the group (WorkerRebalanceListener) --------------------------------------------------------------------------------

    def begin_stage(self, description: str) -> None:
        if self.stage.current is None or self.stage.current.description != description:
            self.stage.begin(description)

    def metadata(self) -> MemberMetadata:
        if self._sent[0] is not self._held:
            self._sent = (self._held, _grouped(self._held))
        held = NOTHING if self.member.eager else self._sent[1]
        return MemberMetadata(self.site.settings.url, self.configs.offset, held)

    def current_assignment(self) -> Assignment:
        return self._held

    def perform_assignment(self, joined: Joined[MemberMetadata]) -> Steps[dict[str, ExtendedAssignment]]:
        """Runs on the leader once per generation."""
        if self.site.timing.assignment_ms:
            yield self.site.timing.assignment_ms
        members = joined.members
        self._member_urls = {member_id: metadata.url for member_id, metadata in members.items()}
        leader_url = members[joined.leader_id].url
        max_offset = max(metadata.offset for metadata in members.values())
        if self.configs.offset < max_offset:
            yield Within(self.kafka.config_reader.read_to_end(), self.site.timing.worker_sync_timeout_ms)
        if self.configs.offset < max_offset:
            self._owners = None
            mismatch = ExtendedAssignment(joined.leader_id, leader_url, max_offset, failed=True)
            return dict.fromkeys(members, mismatch)
        offset = self.configs.offset
        self._owners = self._assign(joined)
        return {
            member_id: ExtendedAssignment(
                joined.leader_id, leader_url, offset, result.assigned, result.revoked, result.delay_ms
            )
            for member_id, result in self._owners.members.items()
        }

    def _assign(self, joined: Joined[MemberMetadata]) -> Round:
        connectors = self.configs.snapshot().assignable
        if joined.protocol == "default":
            return assign_eagerly(connectors, joined.members.keys())
        return self._assignor.perform(
            now_ms=self.now_ms,
            generation=joined.generation,
            last_completed_generation=self._last_completed_generation,
            connectors=connectors,
            members={member_id: metadata.assignment for member_id, metadata in joined.members.items()},
        )

    def on_revoked(self, revoked: Assignment) -> Steps[None]:
        """Stop what is revoked, in the pool of eight; statuses still carry the previous generation."""
        jobs = [self._stop_connector_job(name) for name in revoked.connectors]
        jobs += [self.worker.stop_tasks([task_id]) for task_id in revoked.tasks]
        yield from self._start_and_stop(
            jobs, f"stopping {len(revoked.connectors)} and {len(revoked.tasks)} tasks"
        )
        self._running_connectors.difference_update(revoked.connectors)
        self._running_tasks.difference_update(revoked.tasks)
        self._held = _without(self._held, revoked)
        if self.site.settings.topic_tracking_enable:
            gone = dict.fromkeys((*revoked.connectors, *(task_id.connector for task_id in revoked.tasks)))
            for name in gone:
                if not self.state.contains(name):
                    self.site.statuses.delete_topics(name)
        with self.stage.during("flushing updates to the status topic"):
            yield self.kafka.status_producer.flush()

    def _stop_connector_job(self, name: str) -> Steps[None]:
        yield from self.worker.stop_connector(name)

    def on_assigned(self, assignment: ExtendedAssignment, generation: int, protocol: str) -> None:
        eager = protocol == "default"
        kept = NOTHING if eager else self._held
        if assignment.assigned or kept is NOTHING:
            connectors = (*assignment.assigned.connectors, *kept.connectors)
            kept = Assignment(connectors, (*assignment.assigned.tasks, *kept.tasks))
        self._held = kept
        self.connectors, self.tasks = kept.connectors, kept.tasks
        if eager:
            self._to_start.clear()
        self._to_start.update(dict.fromkeys((*assignment.assigned.connectors, *assignment.assigned.tasks)))
        self.assignment = assignment
        self.generation = self._last_completed_generation = generation
        delay_ms = assignment.delay_ms
        self._scheduled_rebalance_at_ms = self.now_ms + delay_ms if delay_ms > 0 else None
        self._rebalance_resolved = False
        if self.is_leader:
            self._forget_deleted()
            if self.site.settings.exactly_once_source_support != "disabled":
                self.kafka.config_producer.claim()
        self._note_assignment(assignment)
        self.member.wakeup()

    def _note_assignment(self, assignment: ExtendedAssignment) -> None:
        text = f"{len(self.connectors)} connectors {len(self.tasks)} tasks"
        if assignment.revoked:
            text += f", revoked {len(assignment.revoked.connectors)}+{len(assignment.revoked.tasks)}"
        if assignment.delay_ms:
            text += f", delay {assignment.delay_ms} ms"
        if assignment.failed:
            text += ", config mismatch"
        self.site.note("assigned", text)

    def _forget_deleted(self) -> None:
        """The leader writes tombstones for the statuses of what is not configured any more."""
        assignable = self.configs.snapshot().assignable
        statuses = self.site.statuses
        deleted = statuses.names() - assignable.keys()
        for name in sorted(deleted):
            statuses.delete_connector(name)
        for task_id in statuses.beyond(assignable):
            statuses.delete_task(task_id)

    def _handle_rebalance_completed(self) -> Steps[bool]:
        if self._rebalance_resolved:
            return True
        assert self.assignment is not None, "a member that is active has an assignment"
        assignment = self.assignment
        needs_rejoin = assignment.failed
        needs_read = self.state.offset < assignment.offset or (assignment.failed and self.is_leader)
        scheduled_at_ms = self._scheduled_rebalance_at_ms
        if scheduled_at_ms is not None and scheduled_at_ms <= self.now_ms:
            needs_rejoin = True
            self._scheduled_rebalance_at_ms = None
        if needs_read:
            self._can_read_configs = yield from self._read_config_to_end()
            needs_rejoin = needs_rejoin or not self._can_read_configs
        if needs_rejoin or self.state.offset != assignment.offset:
            self.member.request_rejoin()
            return False
        yield from self._start_work()
        self._rebalance_resolved = True
        if assignment.revoked:
            self.assignment = _resolved(assignment)
            self.member.request_rejoin()
            return False
        return True

    def _start_work(self) -> Steps[None]:
        """Start what was assigned since the last time, and the tasks that were stopped for new configs."""
        if not (self._tasks_to_restart or self._to_start):
            return
        restarting, self._tasks_to_restart = self._tasks_to_restart, {}
        starting, self._to_start = self._to_start, {}
        self._running_tasks.difference_update(restarting)
        mine = self._assigned({**starting, **restarting})
        running: set[str | ConnectorTaskId] = {*self._running_connectors, *self._running_tasks}
        jobs = [self._start_item(item) for item in mine if item not in running]
        yield from self._start_and_stop(
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

    def _start_item(self, item: str | ConnectorTaskId) -> Steps[None]:
        return self._start_connector_job(item) if isinstance(item, str) else self._start_task_job(item)

    def _start_and_stop(self, jobs: Sequence[Steps[Any]], description: str) -> Steps[None]:
        """The pool of eight threads; the herder thread waits for all of them."""
        if not jobs:
            return
        queue = deque(jobs)

        def thread() -> Steps[None]:
            while queue:
                yield from queue.popleft()

        with self.stage.during(description):
            count = min(self.site.timing.start_stop_threads, len(jobs))
            for running in [self.site.process.spawn(thread()) for _ in range(count)]:  # noqa: UP028 - a list takes no send()
                yield running

    # --- starting ---------------------------------------------------------------------------------------------------------

    def start_connector(self, name: str, reply: StagedReply[None] | None = None) -> Steps[None]:
        """Instantiate here; ``reply`` is done when ``start()`` returned and task configs were attempted."""

        def started(error: BaseException | None, target: TargetState | None) -> None:
            if error is not None:
                if reply is not None:
                    reply.fail(errors.failed_to_start_connector(name))
            elif target is TargetState.STARTED:
                self._request_reconfiguration(name, reply)
            elif reply is not None:
                reply.complete(None)

        if reply is not None:
            reply.stage = Stage("starting the connector", self.now_ms)
        entry = self.state.entries.get(name)
        if entry is None:
            started(ConnectError(500, f"Failed to find the config of connector {name}"), None)
            return
        yield from self.worker.start_connector(name, entry.config, self.state.target_state(name), started)

    def _start_connector_job(self, name: str) -> Steps[None]:
        yield from self.start_connector(name)

    def start_task(self, task_id: ConnectorTaskId) -> Steps[bool]:
        """``startTask``. Raises when the connector's class is not known here."""
        entry = self.state.entries.get(task_id.connector)
        config = None if entry is None else entry.config
        if entry is None or config is None or self.answers.connector_type(config) == "unknown":
            raise errors.unrecognizable_task(task_id)
        task_config = self.state.task_config(task_id) or {}
        target = self.state.target_state(task_id.connector)
        preflight = None
        if self.site.settings.exactly_once_source_enabled and self.answers.connector_type(config) == "source":
            generation = entry.task_generation
            preflight = lambda: self._preflight(task_id, generation)  # noqa: E731
        check = tasks_max_check(self.site, task_id.connector, config, entry.task_count)
        started = yield from self.worker.start_task(task_id, config, task_config, target, check, preflight)
        return bool(started)

    def _start_task_job(self, task_id: ConnectorTaskId) -> Steps[None]:
        try:
            yield from self.start_task(task_id)
        except ConnectError as error:
            frames = ("org.apache.kafka.connect.runtime.distributed.DistributedHerder.startTask",)
            trace = java_trace(error.java_class, error.message, frames)
            report_task(self.site, task_id, State.FAILED, trace, None)

    # --- task configs -------------------------------------------------------------------------------------------------------

    def request_task_reconfiguration(self, connector: str) -> None:
        self._request_reconfiguration(connector, None)

    def _request_reconfiguration(self, connector: str, reply: StagedReply[None] | None) -> None:
        def action() -> Steps[None]:
            yield from self._reconfigure_with_retry(connector, 0)
            if reply is not None:
                reply.complete(None)

        carried: StagedReply[None] = reply if reply is not None else StagedReply()
        self.add_request(action, carried)

    def _reconfigure_with_retry(self, connector: str, attempt: int) -> Steps[None]:
        def again(error: BaseException | None) -> None:
            if error is None or (isinstance(error, ConnectError) and error.java_class == TOO_MANY_TASKS):
                return
            timing = self.site.timing
            delay_ms = min(
                timing.reconfigure_backoff_initial_ms * 2**attempt, timing.reconfigure_backoff_max_ms
            )
            self.site.note("task configs", f"{connector} failed, again in {delay_ms} ms: {error}")
            self.add_request(
                lambda: self._reconfigure_with_retry(connector, attempt + 1), StagedReply(), delay_ms
            )

        try:
            yield from self._reconfigure(connector, again)
        except Expected as error:
            again(error)

    def _reconfigure(self, connector: str, done: Callable[[BaseException | None], None]) -> Steps[None]:
        entry = self.state.entries.get(connector)
        target = self.state.target_state(connector)
        if entry is None or not self.worker.is_running(connector) or target is not TargetState.STARTED:
            return
        with self.stage.during(f"generating task configs for connector {connector}"):
            configs = yield from self.worker.task_configs(connector, entry.config)
        if entry.differs(
            configs, watches_config=self.site.settings.version.has("applied_config_restarts_tasks")
        ):
            yield from self._publish(connector, configs, done)

    def _publish(
        self, connector: str, configs: Sequence[TaskConfig], done: Callable[[BaseException | None], None]
    ) -> Steps[None]:
        if self.is_leader:
            yield from self.write_task_configs(connector, configs)
            done(None)
            return
        self._forwards.append(self._forward(connector, configs, done))
        if not self._forwarding:
            self.site.process.spawn(self._forward_all())

    def _forward_all(self) -> Steps[None]:
        """The executor with one thread that sends generated task configs to the leader."""
        self._forwarding = True
        while self._forwards:
            yield from self._forwards.popleft()
        self._forwarding = False

    def _forward(
        self, connector: str, configs: Sequence[TaskConfig], done: Callable[[BaseException | None], None]
    ) -> Steps[None]:
        url = self.leader_url
        if not url:
            done(ConnectError(500, "Request to leader to reconfigure connector tasks failed"))
            return
        try:
            yield self._forward_tasks(
                url, connector, configs, self.session_key if self.signs_requests else None
            )
        except Expected as error:
            done(error)
        else:
            done(None)

    # --- exactly once -------------------------------------------------------------------------------------------------------

    def _preflight(self, task_id: ConnectorTaskId, generation: int) -> Steps[None]:
        """Ask the leader for a round of zombie fencing, then see that the task is still meant to run here."""
        try:
            if self.is_leader:
                fenced: StagedReply[None] = StagedReply()
                self.add_request(lambda: self.fence_zombies(task_id.connector, fenced), fenced)
                yield fenced
            else:
                url = self.leader_url or ""
                yield self._forward_fence(
                    url, task_id.connector, self.session_key if self.signs_requests else None
                )
        except Expected as error:
            raise _eos_failure("Failed to perform round of zombie fencing") from error
        entry = self.configs.snapshot().entries.get(task_id.connector)
        if entry is None or entry.task_generation != generation:
            raise _eos_failure(
                f"Cannot start source task {task_id} with exactly-once support as the connector has already generated"
                " a new set of task configs"
            )
        if task_id not in self.tasks:
            raise _eos_failure(
                f"Cannot start source task {task_id} with exactly-once support as it has already been revoked from"
                " this worker"
            )

    def fence_zombies(self, connector: str, reply: StagedReply[None]) -> Steps[None]:
        """``doFenceZombieSourceTasks``: the leader records how many producers the next round has to fence."""
        if not self.is_leader:
            raise errors.Redirect(self.leader_url)
        entry = self.state.entries.get(connector)
        if entry is None:
            raise errors.connector_not_found(connector)
        if self.answers.connector_type(entry.config) != "source":
            raise errors.not_a_source(connector)
        read = yield from self.refresh_snapshot()
        if not read:
            raise ConnectError(500, "Failed to read to end of config topic before performing zombie fencing")
        entry = self.state.entries.get(connector, entry)
        if entry.pending_fencing:
            with self.stage.during(
                f"writing a task count record for connector {connector} to the config topic"
            ):
                record = ((config_store.FENCING, connector), entry.task_count)
                yield from self.write([record], errors.WRITE_TASK_COUNT)
        reply.complete(None)

    # --- what the config log changed (ConfigUpdateListener) -------------------------------------------------------------------

    def on_connector_config_update(self, connector: str) -> None:
        if self.state.contains(connector):
            self._config_updates[connector] = None
        else:
            self.needs_reconfig_rebalance = True
        self.member.wakeup()

    def on_connector_config_remove(self, connector: str) -> None:
        if self.state.contains(connector):
            self.needs_reconfig_rebalance = True
        else:
            self._config_updates[connector] = None
        self.member.wakeup()

    def on_task_config_update(self, tasks: Sequence[ConnectorTaskId]) -> None:
        self.needs_reconfig_rebalance = True
        for task_id in tasks:
            self._task_updates[task_id.connector] = None
        self.member.wakeup()

    def on_target_state_change(self, connector: str) -> None:
        self._target_changes[connector] = None
        self.member.wakeup()

    def on_session_key_update(self, key: SessionKey) -> None:
        self.session_key = key
        self._key_expires_at_ms = key.created_at_ms + self.site.timing.inter_worker_key_ttl_ms

    def on_restart_request(self, request: RestartRequest) -> None:
        waiting = self._restarts.get(request.connector)
        if waiting is None or request.impact > waiting.impact:
            self._restarts[request.connector] = request
        self.member.wakeup()

    def on_logging_level_update(self, namespace: str, level: str) -> None:
        self._set_logger_level(namespace, level)

    def _take_updates(self) -> Steps[bool]:
        """Steps on the flags the config log raised; says whether a rejoin was requested."""
        flagged = self.needs_reconfig_rebalance
        if not (flagged or self._config_updates or self._target_changes or self._task_updates):
            return False
        self.state = self.configs.snapshot()
        if flagged:
            self.member.request_rejoin()
            self.needs_reconfig_rebalance = False
        configs, self._config_updates = self._config_updates, {}
        targets, self._target_changes = self._target_changes, {}
        tasks, self._task_updates = self._task_updates, {}
        if flagged and self.member.eager:
            return True
        yield from self._restart_reconfigured(configs)
        self._transition(targets)
        yield from self._stop_reconfigured_tasks(tasks)
        return flagged

    def _restart_reconfigured(self, connectors: dict[str, None]) -> Steps[None]:
        jobs: list[Steps[None]] = []
        for name in connectors:
            if name in self.connectors:
                with self.stage.during(f"stopping connector {name}"):
                    yield from self.worker.stop_connector(name)
                if self.state.contains(name):
                    jobs.append(self._start_connector_job(name))
        yield from self._start_and_stop(jobs, f"restarting {len(jobs)} reconfigured connectors")

    def _transition(self, connectors: dict[str, None]) -> None:
        for name in connectors:
            if self.state.contains(name):
                self.worker.set_target_state(name, self.state.target_state(name), self._on_transition(name))

    def _on_transition(self, name: str) -> Callable[[BaseException | None, TargetState | None], None]:
        def transitioned(error: BaseException | None, target: TargetState | None) -> None:
            if error is None and target is TargetState.STARTED:
                self.request_task_reconfiguration(name)

        return transitioned

    def _stop_reconfigured_tasks(self, connectors: dict[str, None]) -> Steps[None]:
        if not connectors:
            return
        stopping = [task_id for task_id in self.tasks if task_id.connector in connectors]
        if stopping:
            with self.stage.during(f"stopping {len(stopping)} reconfigured tasks"):
                yield from self.worker.stop_tasks(stopping)
            self._tasks_to_restart.update(dict.fromkeys(stopping))

    # --- restart requests ---------------------------------------------------------------------------------------------------

    def _process_restart_requests(self) -> Steps[None]:
        restarts, self._restarts = self._restarts, {}
        for request in restarts.values():
            with self.stage.during(f"handling restart request for connector {request.connector}"):
                yield from self._restart(request)

    def _restart(self, request: RestartRequest) -> Steps[None]:
        """``doRestartConnectorAndTasks``: this worker's part of the plan, made from its own view of the statuses."""
        name = request.connector
        entry = self.site.statuses.entry(name)
        if entry is None or entry.connector is None:
            return
        whole = restarts_connector(request, entry.connector) or entry.connector.state is State.RESTARTING
        planned = {ConnectorTaskId.of(name, task) for task in tasks_to_restart(request, entry.tasks)}
        tasks = [task_id for task_id in sorted(planned) if task_id in self._held.tasks]
        if whole and name in self.connectors:
            with self.stage.during(f"stopping to-be-restarted connector {name}"):
                yield from self.worker.stop_connector(name)
            report_connector(self.site, name, State.RESTARTING, None, None)
        if tasks:
            with self.stage.during(f"stopping {len(tasks)} to-be-restarted tasks for connector {name}"):
                yield from self.worker.stop_tasks(tasks)
            for task_id in tasks:
                report_task(self.site, task_id, State.RESTARTING, None, None)
        if whole and name in self.connectors:
            yield from self.start_connector(name)
        for task_id in tasks:
            try:
                yield from self.start_task(task_id)
            except ConnectError as error:  # only logged: the task stays RESTARTING
                self.site.note("task", f"{task_id} not restarted: {error.message}")


TOO_MANY_TASKS = "org.apache.kafka.connect.runtime.TooManyTasksException"


def _answer(action: Callable[[], T], reply: StagedReply[T]) -> None:
    try:
        reply.complete(action())
    except Expected as error:
        reply.fail(error)


def _eos_failure(message: str) -> Thrown:
    return Thrown(java_trace("org.apache.kafka.connect.errors.ConnectException", message), message)


def _without(held: Assignment, revoked: Assignment) -> Assignment:
    connectors, tasks = set(revoked.connectors), set(revoked.tasks)
    return Assignment(
        tuple(name for name in held.connectors if name not in connectors),
        tuple(task_id for task_id in held.tasks if task_id not in tasks),
    )


def _grouped(held: Assignment) -> Assignment:
    """The order in which a member sends its work: by connector, owned connectors first (by name)."""
    rank = {name: position for position, name in enumerate(sorted(held.connectors))}
    for task_id in held.tasks:
        rank.setdefault(task_id.connector, len(rank))
    return Assignment(held.connectors, tuple(sorted(held.tasks, key=lambda task_id: rank[task_id.connector])))


def _resolved(assignment: ExtendedAssignment) -> ExtendedAssignment:
    """The same assignment with its revocations done."""
    return ExtendedAssignment(
        assignment.leader_id,
        assignment.leader_url,
        assignment.offset,
        assignment.assigned,
        delay_ms=assignment.delay_ms,
    )
