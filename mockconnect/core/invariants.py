"""What must hold in every cluster after every event, whatever was done to it: checkers that look from outside.

Rules of this room:

* Nothing here changes a cluster, and nothing in the other rooms knows of it. :func:`watch` hangs a :class:`Watch` on
  ``sim.after_event``; it keeps a memory of its own (what was written to the logs) and compares.
* A checker that costs little runs after every event, and most of its work only when something changed. The others are
  sampled; ``CHECKS`` is the table. The event after which a violation shows may therefore be a little late.
* Connect itself breaks promises that one would like it to keep. What the real one does is no violation here: a worker
  that strayed (was expelled, frozen or cut off from Kafka) may have the last word on a status for a while, and work
  taken over into the eager protocol may have two owners.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mockconnect.core import status_store
from mockconnect.core.cluster import Cluster
from mockconnect.core.config_store import ClusterConfigState
from mockconnect.core.connect import ConnectProcess, ConnectWorker
from mockconnect.core.expected import (
    Problems,
    config_problem,
    connector_states,
    in_transition,
    not_configured,
    task_states,
    unassigned,
    visible_status,
)
from mockconnect.core.faults import WriteStatus
from mockconnect.core.group import GroupState
from mockconnect.core.herder import DistributedHerder
from mockconnect.core.histories import ConfigHistory, Configured, LogWatch, StatusHistory
from mockconnect.core.network import Break
from mockconnect.core.seeding import GENERATION
from mockconnect.core.sim import Reply, TraceRow
from mockconnect.core.terms import ConnectorTaskId, State, Status
from mockconnect.core.topics import Key, Record

ROWS_SHOWN = 30
GENERATIONS_PER_MINUTE_MAX = 600
HOPS_MAX = 3


class InvariantViolated(AssertionError):  # noqa: N818 - it says what happened, as an assertion does
    """Something that must always hold does not: a bug of ours. ``name`` says which invariant of ``CHECKS``."""

    def __init__(self, name: str, problem: str, seed: int, at_ms: int, rows: list[TraceRow]) -> None:
        self.name = name
        self.problem = problem
        self.seed = seed
        shown = "\n".join(map(str, rows))
        super().__init__(f"{name}: {problem}\nat {at_ms} ms, seed {seed}; the last rows:\n{shown}")


# --- what is remembered of a process -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What the watch knows of the process that a worker runs now."""

    node: ConnectProcess
    config_offset: int = -1
    status_position: int = 0
    connectors: tuple[str, ...] = ()
    tasks: tuple[ConnectorTaskId, ...] = ()
    connector_set: frozenset[str] = frozenset()
    task_set: frozenset[ConnectorTaskId] = frozenset()
    fell_back: bool = False
    completed: tuple[int, bool] = (-1, False)
    completed_before: tuple[int, bool] = (-1, False)
    """The last two generations it completed, and whether it led them."""
    busy_since_ms: dict[int, int] = field(default_factory=dict)

    def take_assignment(self, herder: DistributedHerder) -> bool:
        """Whether the assignment is another one than at the last look."""
        if herder.generation != self.completed[0]:
            self.completed, self.completed_before = (herder.generation, herder.is_leader), self.completed
        if self.connectors is herder.connectors and self.tasks is herder.tasks:
            return False
        self.connectors, self.tasks = herder.connectors, herder.tasks
        self.connector_set, self.task_set = frozenset(herder.connectors), frozenset(herder.tasks)
        # Who falls back to the eager protocol drops what it held without stopping it (WorkerCoordinator.onJoinPrepare).
        self.fell_back = self.fell_back or (herder.member.eager and self.node.settings.protocol != "eager")
        return True


@dataclass(slots=True)
class Pending:
    """A request that was submitted and not answered yet."""

    worker: str
    operation: str
    node: ConnectProcess | None
    reply: Reply[object]
    since_ms: int


class Watch:
    """All invariants of one cluster. ``checked`` counts the events that were looked at."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.checked = 0
        self.settled_checks = 0
        self.strayed: set[str] = set()
        self._sim = cluster.sim
        self._coordinator = cluster.coordinator
        self._now_ms = cluster.now_ms
        self._generation = cluster.coordinator.generation
        self._generation_since_ms = self._now_ms
        self._minute = (self._now_ms // 60_000, self._generation)
        self._calm_since_ms = self._now_ms
        self._rows = -1
        self._seen: dict[str, Seen] = {}
        self._worker_ids: set[str] = {worker.settings.worker_id for worker in cluster.workers.values()}
        self._pending: deque[Pending] = deque()
        self._configs = ConfigHistory()
        self._statuses = StatusHistory(self._on_status)
        self._config_log = LogWatch(cluster.broker.config_topic, self._configs.apply)
        self._status_log = LogWatch(cluster.broker.status_topic, self._statuses.apply)

    # --- hooks ----------------------------------------------------------------------------------------------------------

    def after_event(self) -> None:
        self.checked += 1
        changed = self._sim.trace.count != self._rows
        self._rows = self._sim.trace.count
        for name, every, check in CHECKS:
            if every == ON_CHANGE:
                if not changed and self.checked % 16:
                    continue
            elif self.checked % every:
                continue
            for problem in check(self):
                raise self._violated(name, problem)

    def check_all(self) -> None:
        """Every check, now."""
        for name, _, check in CHECKS:
            for problem in check(self):
                raise self._violated(name, problem)

    def on_submit(self, worker: str, operation: str, reply: Reply[object]) -> None:
        """Remember a request that is not answered at once. A standalone herder may let it wait without limit."""
        machine = self.cluster.workers[worker]
        if reply.done or machine.command_line is not None:
            return
        node = machine.node
        pending = Pending(worker, operation, node, reply, self._sim.now_ms)
        self._pending.append(pending)
        reply.on_done(_Once(self, pending))

    def configured(self) -> dict[str, Configured]:
        """What the config topic holds now, by connector."""
        return self._configs.configured()

    def forget_strays(self) -> None:
        """From now on nobody is excused for what happened before; for when every process is a new one."""
        self.strayed.clear()

    def violated(self, name: str, problem: str) -> InvariantViolated:
        return self._violated(name, problem)

    def _violated(self, name: str, problem: str) -> InvariantViolated:
        return InvariantViolated(
            name, problem, self._sim.seed, self._sim.now_ms, self._sim.trace.tail(ROWS_SHOWN)
        )

    def _on_status(self, status: Status) -> None:
        """Runs at the instant a status is appended. What a fault writes may be anything."""
        if self.cluster.faults.find(WriteStatus):
            return
        if status.worker_id not in self._worker_ids and status.generation != GENERATION:
            self._worker_ids |= {worker.settings.worker_id for worker in self.cluster.workers.values()}
            if status.worker_id not in self._worker_ids:
                raise self._violated("status of a worker", f"{status} names no worker of this cluster")
        if status.generation > max(self._coordinator.generation, self._coordinator.forgotten_generation):
            raise self._violated("status of a generation", f"{status} is ahead of the group")

    # --- the cast ---------------------------------------------------------------------------------------------------------

    def _live(self) -> Iterator[tuple[ConnectWorker, ConnectProcess, Seen]]:
        """Every worker with a live process of a distributed cluster."""
        for name, worker in self.cluster.workers.items():
            node = worker.node
            if node is None or not node.process.alive or worker.command_line is not None:
                continue
            seen = self._seen.get(name)
            if seen is None or seen.node is not node:
                seen = self._seen[name] = Seen(node)
            yield worker, node, seen

    # --- cheap checks -------------------------------------------------------------------------------------------------------

    def time_goes_on(self) -> Problems:
        if self._sim.now_ms < self._now_ms:
            yield f"from {self._now_ms} ms back to {self._sim.now_ms} ms"
        self._now_ms = self._sim.now_ms

    def generations_grow(self) -> Problems:
        generation = self._coordinator.generation
        if generation == self._generation:
            return
        if generation < self._generation and self._generation > self._coordinator.forgotten_generation:
            yield f"generation {self._generation} was followed by {generation}"
        self._generation, self._generation_since_ms = generation, self._sim.now_ms
        minute, first = self._minute
        if self._sim.now_ms // 60_000 != minute:
            self._minute = (self._sim.now_ms // 60_000, generation)
        elif generation - first > GENERATIONS_PER_MINUTE_MAX:
            yield f"{generation - first} generations in less than a minute"

    def leader_is_member(self) -> Problems:
        leader_id, state = self._coordinator.leader_id, self._coordinator.state
        if leader_id is not None and not self._coordinator.is_member(leader_id):
            yield f"the leader {leader_id} is no member"
        if leader_id is None and state in (GroupState.COMPLETING, GroupState.STABLE):
            yield f"the group is {state.value} without a leader"
        if leader_id is not None and state is GroupState.EMPTY:
            yield f"the group is empty, its leader {leader_id}"

    # --- checks on change ---------------------------------------------------------------------------------------------------

    def work_is_assigned(self) -> Problems:
        """What a worker runs was assigned to it. Work kept when a group fell back to the eager protocol is not."""
        for worker, node, seen in self._live():
            seen.take_assignment(node.herder)
            if seen.fell_back:
                continue
            for extra in (
                node.worker.connectors.keys() - seen.connector_set,
                node.worker.tasks.keys() - seen.task_set,
            ):
                if extra:
                    yield f"{worker.name} runs {sorted(map(str, extra))}, which is not assigned to it"

    def one_owner(self) -> Problems:
        """No two workers that know the current generation have the same item in their assignment."""
        owners: dict[str | ConnectorTaskId, str] = {}
        for worker, node, seen in self._live():
            herder = node.herder
            seen.take_assignment(herder)
            assignment = herder.assignment
            if herder.generation != self._generation or assignment is None or assignment.failed:
                continue
            if not self._coordinator.is_member(herder.member.member_id):
                continue
            held: tuple[str | ConnectorTaskId, ...] = (*seen.connectors, *seen.tasks)
            for item in held:
                other = owners.setdefault(item, worker.name)
                if other != worker.name:
                    yield f"{item} is assigned to {other} and to {worker.name} in generation {self._generation}"

    def configs_are_the_log(self) -> Problems:
        """A config store is the fold of the config topic up to its offset."""
        end = self.cluster.broker.config_topic.end_offset
        for worker, node, seen in self._live():
            offset = node.configs.offset
            if offset == seen.config_offset:
                continue
            if offset >= end:
                yield f"{worker.name} has read the config topic up to {offset}, which ends at {end}"
            if offset < seen.config_offset:
                yield f"{worker.name} went back from offset {seen.config_offset} to {offset} in the config topic"
            yield from self._compare_configs(worker, node, seen.config_offset, offset)
            seen.config_offset = offset

    def _compare_configs(
        self, worker: ConnectWorker, node: ConnectProcess, after: int, offset: int
    ) -> Problems:
        state = node.configs.snapshot()
        names = self._configs.touched(after, offset) if after >= 0 else None
        if names is None:
            names = {*state.entries, *self._configs.names}
        for name in sorted(names):
            try:
                expected = self._configs.at(name, offset)
            except KeyError:
                continue
            problem = config_problem(name, state, expected, knows_stopped=node.settings.version.has("stop"))
            if problem is not None:
                yield f"{worker.name} at offset {offset}: {problem}"

    def statuses_were_written(self) -> Problems:
        """What a worker shows of a status is a record of the status topic that it can have read."""
        end = self.cluster.broker.status_topic.end_offset
        for worker, node, seen in self._live():
            position = node.status_position
            if position == seen.status_position:
                continue
            if position > end:
                yield f"{worker.name} has read the status topic up to {position}, which ends at {end}"
            before, seen.status_position = seen.status_position, position
            for record in reversed(self._statuses.records):
                if record.offset < before:
                    break
                if record.offset < position:
                    yield from self._compare_status(worker, node, record.key)

    def _compare_status(self, worker: ConnectWorker, node: ConnectProcess, key: Key) -> Problems:
        visible = visible_status(node, key)
        if visible is not None and not self._statuses.has(key, visible):
            yield f"{worker.name} shows {visible} for {'-'.join(key[1:])}, which was never written"

    # --- sampled checks -----------------------------------------------------------------------------------------------------

    def strays(self) -> Problems:
        """No problem in itself: remembers who was expelled, frozen or cut off, and for how long all is calm."""
        for worker, node, _ in self._live():
            member_id = node.herder.member.member_id
            cut = not self.cluster.network.kafka_reachable(worker.name)
            expelled = node.herder.assignment is not None and not self._coordinator.is_member(member_id)
            thawed_at_ms = self._sim.now_ms if worker.frozen else node.process.thawed_at_ms
            if thawed_at_ms is not None:
                self._calm_since_ms = max(self._calm_since_ms, thawed_at_ms)
            if thawed_at_ms is not None or cut or expelled:
                self.strayed.add(node.settings.worker_id)
        if any(how == Break.SILENT.value for *_, how in self.cluster.network.breaks()):
            self._calm_since_ms = self._sim.now_ms  # up to 3.9 whoever asks over such a link waits as long
        yield from ()

    def nothing_is_stuck(self) -> Problems:
        """An instance that does not hang for ever comes to the end of what it does."""
        for worker, node, seen in self._live():
            waits = (
                worker.frozen or not node.herder.member.resting
            )  # an instance may need its herder to go on
            busy = (
                {} if waits else {id(item): (what, limit_ms) for item, what, limit_ms in in_transition(node)}
            )
            now_ms = self._sim.now_ms
            seen.busy_since_ms = {key: seen.busy_since_ms.get(key, now_ms) for key in busy}
            for key, since_ms in seen.busy_since_ms.items():
                what, limit_ms = busy[key]
                if now_ms - max(since_ms, self._calm_since_ms) > limit_ms:
                    yield f"{what} on {worker.name} has been in transition for {now_ms - since_ms} ms"

    def requests_are_answered(self) -> Problems:
        """A request ends within 90 s per hop, unless its process died or somebody in its way is frozen."""
        timing = self.cluster.options.timing
        hop_ms = (
            timing.rest_request_timeout_ms + timing.forward_connect_timeout_ms + timing.offsets_timeout_ms
        )
        while self._pending:
            oldest = self._pending[0]
            if oldest.reply.done or oldest.node is None or not oldest.node.process.alive:
                self._pending.popleft()
                continue
            waited_ms = self._sim.now_ms - max(oldest.since_ms, self._calm_since_ms)
            if waited_ms > HOPS_MAX * hop_ms + 1_000:
                yield f"{oldest.operation} on {oldest.worker} was submitted at {oldest.since_ms} ms and never answered"
            return

    def settled_means_done(self) -> Problems:
        """When nothing is under way, everything configured runs and every status says so."""
        if self.cluster.settled and not self._delayed():
            self.settled_checks += 1
            yield from self.unsettled()

    def _delayed(self) -> bool:
        return any(node.herder.delayed for _, node, _ in self._live())

    # --- the settled cluster --------------------------------------------------------------------------------------------------

    def unsettled(self) -> Problems:
        """What is not as it should be in a settled cluster without a running delay."""
        members = [(worker, node) for worker, node, _ in self._live() if self._in_group(worker, node)]
        if not members:
            return
        state = members[0][1].configs.snapshot()
        yield from unassigned(state, members)
        if self._leader_remembers():
            for worker, node in members:
                if (
                    node.settings.worker_id not in self.strayed
                ):  # a stray may claim what was deleted behind its back
                    yield from not_configured(state, worker, node)
        for worker, node in members:
            if not self._seen[worker.name].fell_back:
                yield from self._instance_problems(worker, node)
        for worker, node in members:
            yield from self._leftovers(worker, node, state)

    def _leader_remembers(self) -> bool:
        """An assignor that does not know the round before notices only at the next one what is not configured any more."""
        for _, _, seen in self._live():
            generation, led = seen.completed
            if led and generation == self._generation:
                return seen.completed_before == (generation - 1, True)
        return False

    def _in_group(self, worker: ConnectWorker, node: ConnectProcess) -> bool:
        return self._coordinator.is_member(node.herder.member.member_id) and not worker.frozen

    def _instance_problems(self, worker: ConnectWorker, node: ConnectProcess) -> Problems:
        state = node.configs.snapshot()
        for name in node.herder.connectors:
            expected = connector_states(node, name, state.target_state(name))
            yield from self._status_problem(worker, node, (status_store.CONNECTOR, name), expected)
        for task_id in node.herder.tasks:
            key = (status_store.TASK, task_id.connector, str(task_id.task))
            expected = task_states(node, task_id, state.target_state(task_id.connector))
            yield from self._status_problem(worker, node, key, expected)

    def _status_problem(
        self, worker: ConnectWorker, node: ConnectProcess, key: Key, expected: tuple[State, ...]
    ) -> Problems:
        """``expected`` is empty when anything may be shown."""
        if not expected:
            return
        what = "-".join(key[1:])
        if self._is_forged(key):
            return
        status = visible_status(node, key)
        if self._outlived_its_config(key) or (
            status is not None and self._outlived_its_group(key, status, expected)
        ):
            return
        own = node.settings.worker_id
        if status is None:
            latest = self._statuses.latest(key)
            if latest is None or latest.value is not None or not self.strayed:
                yield f"{what} has no status, but {worker.name} has it as {expected[0].value}"
        elif status.worker_id != own and not self.strayed & {status.worker_id, own}:
            yield f"{what} is on {worker.name}, but its status says {status.state.value} on {status.worker_id}"
        elif status.worker_id == own and status.state not in expected:
            states = " or ".join(one.value for one in expected)
            yield f"{what} is {states} on {worker.name}, but its status says {status.state.value}"

    def _is_forged(self, key: Key) -> bool:
        """A fault has written that status."""
        for active in self.cluster.faults.find(WriteStatus):
            task = () if active.fault.task is None else (str(active.fault.task),)
            if key[1:] == (active.fault.connector, *task):
                return True
        return False

    def _outlived_its_config(self, key: Key) -> bool:
        """Deleted and created again between two rebalances: the old instance stays, with what it knew in Connect too."""
        recreated_at_ms = self._configs.recreated_at_ms.get(key[1])
        latest = self._statuses.latest(key)
        return recreated_at_ms is not None and (latest is None or latest.at_ms < recreated_at_ms + 5_000)

    def _outlived_its_group(self, key: Key, status: Status, expected: tuple[State, ...]) -> bool:
        """Generations began anew: a safe write of a small one does not replace what a greater one said before.

        Nor is it written again when generations have become as great; a failure is written once.
        """
        coordinator, latest = self._coordinator, self._statuses.latest(key)
        is_older = latest is None or latest.at_ms <= coordinator.forgotten_at_ms
        is_small = coordinator.generation < status.generation or (is_older and State.FAILED in expected)
        return is_small and status.generation <= coordinator.forgotten_generation

    def _leftovers(self, worker: ConnectWorker, node: ConnectProcess, state: ClusterConfigState) -> Problems:
        """Statuses of what is not configured any more. One that reached the leader too late stays, as in Connect."""
        for name in sorted(node.statuses.connectors()):
            entry = node.statuses.entry(name)
            assert entry is not None, f"{name} is listed without an entry"
            count = state.assignable.get(name)
            keys: list[Key] = [
                (status_store.TASK, name, str(task)) for task in sorted(entry.tasks) if task >= (count or 0)
            ]
            if count is None:
                keys.append((status_store.CONNECTOR, name))
            for key in keys:
                latest = self._statuses.latest(key)
                if latest is not None and isinstance(latest.value, Status) and not self._came_late(latest):
                    yield f"{worker.name} shows a status of {'-'.join(key[1:])}, which does not exist: {latest.value}"

    def _came_late(self, record: Record) -> bool:
        assert isinstance(record.value, Status)
        lag_ms = max(worker.lag_ms["status"] for worker in self.cluster.workers.values())
        return (
            record.value.worker_id in self.strayed or record.at_ms + lag_ms + 50 >= self._generation_since_ms
        )


class _Once:
    """Called when a reply is done, and never again."""

    __slots__ = ("_pending", "_times", "_watch")

    def __init__(self, watch: Watch, pending: Pending) -> None:
        self._watch = watch
        self._pending = pending
        self._times = 0

    def __call__(self, _: Reply[object]) -> None:
        self._times += 1
        if self._times > 1:
            raise self._watch.violated("one answer", f"{self._pending.operation} was answered twice")


ON_CHANGE = 0

CHECKS: tuple[tuple[str, int, Callable[[Watch], Problems]], ...] = (
    ("time goes on", 1, Watch.time_goes_on),
    ("generations grow", 1, Watch.generations_grow),
    ("the leader is a member", 1, Watch.leader_is_member),
    ("who strayed", ON_CHANGE, Watch.strays),
    ("work is assigned", ON_CHANGE, Watch.work_is_assigned),
    ("one owner", ON_CHANGE, Watch.one_owner),
    ("configs are the log", ON_CHANGE, Watch.configs_are_the_log),
    ("statuses were written", ON_CHANGE, Watch.statuses_were_written),
    ("nothing is stuck", 64, Watch.nothing_is_stuck),
    ("requests are answered", 64, Watch.requests_are_answered),
    ("settled means done", 8, Watch.settled_means_done),
)
"""Every invariant: its name, after how many events it is checked (``ON_CHANGE``: when the trace grew, and sometimes)."""


def watch(cluster: Cluster) -> Watch:
    """Check the invariants of ``cluster`` after every event from now on. Raises :class:`InvariantViolated`."""
    installed = Watch(cluster)
    cluster.sim.look_after_events(installed.after_event)
    cluster.on_submit = installed.on_submit
    return installed
