"""``DistributedHerder``: one thread per worker that does everything one after the other.

Rules of this room:

* The tick is Connect's own, step by step: catch up with the config topic, be a member of the group, finish a
  rebalance, run queued requests, then act on what the config log changed, then wait in the group client.
* Whatever takes time in a tick delays everything behind it. That is not a special case but the point: a slow
  ``taskConfigs()`` stalls queued requests here and rebalances everywhere because this one thread is busy.
* Here is the order of things. What the steps do is in rooms of their own: ``config_log``, ``request_queue``,
  ``rebalancing``, ``leading``, ``config_updates``, ``restarts``, ``starting``, ``reconfiguration``, ``fencing``; what
  requests ask for is in ``requests``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mockconnect.core import errors
from mockconnect.core.answers import LocalAnswers
from mockconnect.core.config_log import ConfigLog, Kafka
from mockconnect.core.config_store import ClusterConfigState, ConfigStore, SessionKey
from mockconnect.core.config_updates import ConfigUpdates
from mockconnect.core.errors import Expected
from mockconnect.core.fencing import Fencing, ForwardFence
from mockconnect.core.leading import Leading
from mockconnect.core.member import ExtendedAssignment, GroupMember
from mockconnect.core.past import Past
from mockconnect.core.rebalancing import Rebalancing
from mockconnect.core.reconfiguration import ForwardTasks, Reconfiguration
from mockconnect.core.reloading import Reloading
from mockconnect.core.request_queue import Action, RequestQueue
from mockconnect.core.restarts import Restarts
from mockconnect.core.resuming import resume
from mockconnect.core.sim import Reply, Steps
from mockconnect.core.stages import StagedReply, TickStage
from mockconnect.core.starting import Starting
from mockconnect.core.terms import ConnectorTaskId
from mockconnect.core.worker import Worker

T = TypeVar("T")


class DistributedHerder:
    """The herder of one worker process. ``run`` is its thread."""

    def __init__(
        self,
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
        self.site = site = worker.site
        self.worker = worker
        self.configs = configs
        self.answers = answers
        self.kafka = kafka
        self.past: Past | None = None
        """What the first process of a worker of a captured cluster goes on with."""
        self.ready = False
        self.stopping = False
        self.halted: Reply[None] = Reply()
        self.stage = stage = TickStage(lambda: site.sim.now_ms)
        stage.begin("awaiting startup")
        self.log = log = ConfigLog(site.sim, site.timing, configs, kafka, stage)
        self._queue = queue = RequestQueue(site.sim, site.timing, stage, self._wake)
        self.reloading = Reloading(site)
        self._reconfiguration = Reconfiguration(
            worker, log, queue, stage, self, forward_tasks, self.reloading
        )
        self.fencing = Fencing(answers, log, queue, stage, self, forward_fence)
        self.starting = Starting(
            worker, answers, log, stage, self._reconfiguration, self.fencing, self.reloading
        )
        self.leading = Leading(site, log, stage)
        self.rebalancing = Rebalancing(worker, log, stage, self.starting, self.leading)
        self.member: GroupMember = self.rebalancing.member
        self._restarts = Restarts(worker, stage, self.starting, self.rebalancing)
        self._updates = ConfigUpdates(
            worker,
            log,
            stage,
            self.leading,
            self.rebalancing,
            self._restarts,
            self.starting,
            self._reconfiguration,
            set_logger_level,
        )
        self._start_readers = start_readers
        self._armed_at_ms: int | None = None

    @property
    def name(self) -> str:
        return self.site.settings.name

    # --- what others see ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ClusterConfigState:
        """The snapshot of the config topic that the thread works with."""
        return self.log.state

    @property
    def generation(self) -> int:
        return self.rebalancing.generation

    @property
    def assignment(self) -> ExtendedAssignment | None:
        return self.rebalancing.assignment

    @property
    def connectors(self) -> tuple[str, ...]:
        return self.rebalancing.connectors

    @property
    def tasks(self) -> tuple[ConnectorTaskId, ...]:
        return self.rebalancing.tasks

    @property
    def is_leader(self) -> bool:
        return self.rebalancing.is_leader

    @property
    def leader_url(self) -> str | None:
        if self.assignment is None or not self.kafka.network.knows_leader(self.name):
            return None
        return self.assignment.leader_url

    def owner_url(self, item: str | ConnectorTaskId) -> str | None:
        """Where the leader's last round put an item; ``None`` while it is unassigned or a rejoin is pending."""
        if self.member.rejoin_pending or not self.kafka.network.knows_leader(self.name):
            return None
        return self.leading.owner_url(item)

    @property
    def signs_requests(self) -> bool:
        return self.member.signs_requests

    @property
    def session_key(self) -> SessionKey | None:
        return self.leading.session_key

    @property
    def signing_key(self) -> SessionKey | None:
        """What requests to the leader are signed with."""
        return self.session_key if self.signs_requests else None

    @property
    def needs_reconfig_rebalance(self) -> bool:
        return self._updates.needs_rebalance

    @property
    def delayed(self) -> bool:
        """Whether its last assignment came with a delay that still runs."""
        return self.rebalancing.scheduled_at_ms is not None

    @property
    def quiet(self) -> bool:
        """Waiting in the group client with nothing due, nothing flagged and no rebalance ahead of its schedule."""
        unfinished = not (self.rebalancing.resolved or self.delayed)
        flagged = self._updates.pending or self._restarts.pending
        busy = self._queue.due or flagged or unfinished or self._reconfiguration.forwarding
        return self.member.resting and not (busy or self.member.rejoin_pending)

    @property
    def _at_rest(self) -> bool:
        """Whether a tick that began now would do nothing but run a new request."""
        flagged = self._updates.pending or self._restarts.pending
        busy = self._queue or flagged or self.member.rejoin_pending or self.stopping
        free = self.member.resting and self.rebalancing.resolved and not busy
        return free and not self.site.timing.herder_request_ms

    # --- the queue ------------------------------------------------------------------------------------------------------

    def add_request(self, action: Action, reply: StagedReply[T], delay_ms: int = 0) -> StagedReply[T]:
        """Queue work for the thread; ``action`` completes ``reply`` or raises into it."""
        return self._queue.add(action, reply, delay_ms)

    def serve(self, action: Callable[[], T], reply: StagedReply[T]) -> StagedReply[T]:
        """Queue a read that waits for nothing. A thread at rest would run it now, and does so without a tick."""
        if self._at_rest:
            _answer(action, reply)
            return reply

        def steps() -> Steps[None]:
            _answer(action, reply)
            yield from ()

        return self._queue.add(steps, reply)

    def block(self, released: Reply[None], stage: str) -> None:
        """Keep this thread busy until it is released, as slow connector code would."""

        def busy() -> Steps[None]:
            with self.stage.during(stage):
                yield released

        self._queue.add(busy, StagedReply())

    # --- the thread -----------------------------------------------------------------------------------------------------

    def run(self) -> Steps[None]:
        begins = "initializing and " if self.site.settings.version.has("stage_initializing") else ""
        with self.stage.during(f"{begins}reading to the end of internal topics"):
            yield self.site.timing.internal_topics_read_ms
            while not self.kafka.network.kafka_reachable(self.name):
                yield 100
            self._start_readers()
            self.configs.listener = self._updates
            self.leading.session_key = self.configs.snapshot().session_key
            if self.past is not None:
                resume(self.worker, self.past, self.configs.snapshot())
                self.rebalancing.take_over(self.past)
        self.member.start()
        while not self.stopping:
            yield from self._tick()
            self.ready = True
        yield from self._halt()

    def _tick(self) -> Steps[None]:
        if not self.log.readable:
            caught_up = yield from self.rebalancing.catch_up()
            if not caught_up:
                return
        active = yield from self.member.ensure_active()
        self.stage.complete()
        if not active:
            return
        resolved = yield from self.rebalancing.handle_completed()
        if not resolved:
            return
        began_at_ms = self.site.sim.now_ms
        leading = yield from self._lead()
        if not leading:
            return
        yield from self._queue.run_due(began_at_ms)
        yield from self._restarts.process()
        due_at_ms = self._next_due_at_ms()
        rejoining = yield from self._updates.take()
        if rejoining or self.stopping:
            return
        yield from self._poll(due_at_ms)
        if not self.member.rejoin_pending and not self.stopping:
            yield from self.rebalancing.handle_completed()

    def _lead(self) -> Steps[bool]:
        """The leader's own duties; says whether the tick may go on."""
        if not self.is_leader:
            self.log.fenced = False
            return True
        return (yield from self.leading.keep_up(signs_requests=self.signs_requests))

    def _next_due_at_ms(self) -> int | None:
        due: list[int | None] = [self._queue.next_due_at_ms]
        if self.rebalancing.scheduled_at_ms is not None:
            due.append(self.rebalancing.scheduled_at_ms)
            self.rebalancing.resolved = False
        if self.is_leader and self.signs_requests:
            due.append(self.leading.key_expires_at_ms)
        return min((at_ms for at_ms in due if at_ms is not None), default=None)

    def _poll(self, due_at_ms: int | None) -> Steps[None]:
        if due_at_ms is None:
            description = "polling the group coordinator until interrupted"
        else:
            left_ms = max(0, due_at_ms - self.site.sim.now_ms)
            description = f"polling the group coordinator for up to {left_ms}ms or until interrupted"
            self._arm(due_at_ms)
        self.stage.begin(description)
        yield from self.member.poll(description)
        self.stage.complete()

    def _arm(self, at_ms: int) -> None:
        """One timer for the earliest due instant: a poll that ends early must not leave timers behind."""
        if self._armed_at_ms is None or at_ms < self._armed_at_ms:
            self._armed_at_ms = at_ms
            self.site.process.after(at_ms - self.site.sim.now_ms, lambda: self._alarm(at_ms))

    def _wake(self) -> None:
        self.member.wakeup()

    def _alarm(self, at_ms: int) -> None:
        if self._armed_at_ms == at_ms:
            self._armed_at_ms = None
            self.member.wakeup()

    def _halt(self) -> Steps[None]:
        """``halt()``: stop everything, fail what waits, leave the group."""
        self.stage.begin("shutting down")
        yield from self.worker.stop_connectors()
        yield from self.worker.stop_all_tasks()
        self._queue.fail_all(errors.worker_is_shutting_down)
        if self.kafka.network.kafka_reachable(self.name):
            yield self.kafka.status_producer.flush()
        self.member.close()
        yield self.site.timing.kafka_latency_ms
        self.halted.complete(None)


def _answer(action: Callable[[], T], reply: StagedReply[T]) -> None:
    try:
        reply.complete(action())
    except Expected as error:
        reply.fail(error)
