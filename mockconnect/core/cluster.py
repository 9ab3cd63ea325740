"""The façade: a whole simulated cluster, its time, its workers and what can be done to them.

Rules of this room: everything outside core goes through :class:`Cluster`. Requests are :meth:`Cluster.submit`; time is
``cluster.sim``; what can be seen is :meth:`Cluster.snapshot` and ``cluster.sim.trace``. Worker names are
``connect-0``, ``connect-1``, … unless given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mockconnect.core.answers import Answer, Json
from mockconnect.core.broker import Broker
from mockconnect.core.carrying import Ground
from mockconnect.core.client_faults import ClientFaults
from mockconnect.core.configdef import ConfigDef
from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.core.connect_standalone import CommandLine
from mockconnect.core.faults import Fault
from mockconnect.core.forwarding import Call, Resources
from mockconnect.core.group import GroupCoordinator, GroupState
from mockconnect.core.injecting import CARRIERS, Injector
from mockconnect.core.journal import Journal
from mockconnect.core.member import Coordinator
from mockconnect.core.network import Break, Network
from mockconnect.core.offset_store import OffsetStore
from mockconnect.core.past import LoggerLevel
from mockconnect.core.plugin_desc import PluginDesc, no_client_keys
from mockconnect.core.seeding import SeedConnector, seed
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Reply, Sim
from mockconnect.core.site import Script, Thrown
from mockconnect.core.targets import Cast
from mockconnect.core.terms import ConnectorTaskId
from mockconnect.core.topics import Topic

EPOCH_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: the calendar time of virtual instant 0, unless another is asked for."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Everything that, with the inputs, determines a run."""

    workers: tuple[WorkerSettings, ...]
    plugins: tuple[PluginDesc, ...]
    seed: int = 0
    timing: Timing = field(default_factory=Timing)
    cluster_id: str = ""
    epoch_ms: int = EPOCH_MS
    clients: Callable[[str], ConfigDef] = no_client_keys
    connectors: tuple[SeedConnector, ...] = ()
    loggers: Mapping[str, Mapping[str, LoggerLevel]] = field(default_factory=dict)
    """Levels set before the cluster starts, by worker name and logger."""
    leader: str = ""
    """Name of the worker that joins the group first, and leads it."""
    mode: Literal["distributed", "standalone"] = "distributed"
    events_max: int = 5_000_000
    trace_rows_max: int = 20_000

    def __post_init__(self) -> None:
        """Raises :class:`ValueError` for a mode that is none, or that does not go with the workers."""
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is none of {', '.join(MODES)}")
        if self.mode == "standalone" and len(self.workers) != 1:
            raise ValueError(f"a standalone worker is alone: expected 1 worker, found {len(self.workers)}")


MODES = ("distributed", "standalone")


class Cluster:
    """A Connect cluster in memory."""

    def __init__(self, options: ClusterOptions) -> None:
        self.options = options
        self.sim = Sim(options.seed, events_max=options.events_max, trace_rows_max=options.trace_rows_max)
        self.network = Network()
        self.coordinator: Coordinator = GroupCoordinator(self.sim, options.timing)
        self.script = Script()
        self.broker = Broker(
            self.sim,
            options.timing,
            self.network,
            self.coordinator,
            Topic("connect-configs", self.sim),
            Topic("connect-status", self.sim),
            OffsetStore(),
            self.script,
            options.cluster_id or self._cluster_id(),
            options.epoch_ms,
            options.clients,
        )
        self.workers: dict[str, ConnectWorker] = {}
        self.on_submit: Callable[[str, str, Reply[Any]], object] | None = None
        self._busy: ConnectWorker | None = None
        self.client_faults = ClientFaults()
        self.requests = Journal()
        self.faults = Injector(self._ground(), {**CARRIERS, **self.client_faults.carriers})
        for settings in options.workers:
            assert settings.name not in self.workers, f"two workers named {settings.name}"
            self.workers[settings.name] = ConnectWorker(
                self.broker, settings, options.plugins, self._find_worker, self._command_line()
            )
        if options.mode == "distributed":
            pasts = seed(self.broker, options.workers, options.plugins, options.connectors, options.loggers)
            for name, past in pasts.items():
                self.workers[name].past = past

    def _ground(self) -> Ground:
        cast = Cast(self.workers, lambda: self.leader, self.owner)
        return Ground(
            self.sim,
            self.broker,
            self.workers,
            cast,
            self.submit,
            self._add_worker,
            self._remove_worker,
            {"settled": lambda _: self.settled},
        )

    def _add_worker(
        self,
        settings: WorkerSettings,
        plugins: tuple[PluginDesc, ...] | None = None,
        *,
        elsewhere: bool = False,
    ) -> ConnectWorker:
        """One more, with the plugins of the first one if nothing is said; ``elsewhere``: of another environment."""
        given = next(iter(self.workers.values())).plugins if plugins is None else plugins
        worker = ConnectWorker(self.broker, settings, given, self._find_worker, elsewhere=elsewhere)
        self.workers[settings.name] = worker
        return worker

    def _remove_worker(self, name: str) -> None:
        self._busy = None
        self.workers.pop(name, None)

    def _command_line(self) -> CommandLine | None:
        """A standalone worker keeps nothing between starts: it is given its connectors at each."""
        if self.options.mode == "distributed":
            return None
        return tuple((seed.name, seed.config, seed.target) for seed in self.options.connectors)

    def _cluster_id(self) -> str:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        stream = self.sim.stream("cluster-id")
        return "".join(stream.choice(alphabet) for _ in range(22))

    def _find_worker(self, url: str) -> Resources | None:
        for worker in self.workers.values():
            if f"http://{worker.settings.worker_id}/" == url and worker.node is not None:
                return worker.node.resources
        return None

    # --- time -----------------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.sim.now_ms

    def start(self) -> None:
        """Start every worker process now."""
        for name in sorted(self.workers, key=lambda name: name != self.options.leader):
            self.workers[name].start()

    def settle(self, max_ms: int = 900_000) -> bool:
        """Run until nothing is under way (see :attr:`settled`); says whether that was reached in ``max_ms``."""
        return self.sim.run_until(lambda: self.settled, max_ms)

    @property
    def settled(self) -> bool:
        """Nothing is under way: every live worker is a member, caught up and idle, and no instance is in transition.

        A scheduled rebalance delay may still be running, and a frozen or cut-off worker is not waited for once the
        group has expelled it.
        """
        if self._busy is not None and self._under_way(self._busy):
            return False
        self._busy = next((worker for worker in self.workers.values() if self._under_way(worker)), None)
        if self._busy is not None:
            return False
        active = [worker.node for worker in self.workers.values() if self._counts(worker)]
        if not active:
            return not any(worker.running for worker in self.workers.values())
        if self.options.mode == "standalone":
            return True
        members = {node.inside.member_id for node in active if node is not None}
        return self.coordinator.state is GroupState.STABLE and members == set(self.coordinator.member_ids())

    def _under_way(self, worker: ConnectWorker) -> bool:
        return self._counts(worker) and not _idle(worker)

    def _counts(self, worker: ConnectWorker) -> bool:
        return worker.running and not worker.frozen and self.network.kafka_reachable(worker.name)

    # --- requests -------------------------------------------------------------------------------------------------------

    def submit(
        self,
        worker: str,
        operation: str,
        args: Mapping[str, Any] | None = None,
        *,
        forward: bool | None = None,
    ) -> Reply[Any]:
        """One call to a worker, as its REST resources get it. Operation names are those of ``OPERATIONS``.

        Raises :class:`KeyError` for an unknown worker or operation.
        """
        reply = self.workers[worker].submit(Call(operation, args or {}, forward))
        if self.on_submit is not None:
            self.on_submit(worker, operation, reply)
        return reply

    # --- who is who -------------------------------------------------------------------------------------------------------

    @property
    def leader(self) -> str | None:
        """Name of the worker that the group calls its leader, if its process is alive."""
        leader_id = self.coordinator.leader_id
        for worker in self.workers.values():
            if worker.running and worker.node is not None and worker.node.inside.member_id == leader_id != "":
                return worker.name
        return None

    @property
    def generation(self) -> int:
        return self.coordinator.generation

    def owner(self, connector: str, task: int | None = None) -> str | None:
        """Name of the live worker that runs a connector's instance or one of its tasks."""
        for worker in self.workers.values():
            if worker.running and worker.node is not None:
                running = worker.node.worker
                found = connector in running.connectors
                if task is not None:
                    found = ConnectorTaskId.of(connector, task) in running.tasks
                if found:
                    return worker.name
        return None

    # --- faults -----------------------------------------------------------------------------------------------------------

    def inject(self, fault: Fault, *, until: Callable[[], bool] | None = None, name: str = "") -> str:
        """Let something happen now; gives its id. See :meth:`Injector.inject`. Raises :class:`FaultError`."""
        return self.faults.inject(fault, until=until, name=name)

    def heal(self, fault_id: str) -> bool:
        """End a fault; ``False`` if it is over already. Raises :class:`FaultError` for an id that never was."""
        return self.faults.heal(fault_id)

    def heal_all(self) -> list[str]:
        """End every active fault, the newest first; gives their ids."""
        return self.faults.heal_all()

    # What follows is the mechanism below the verbs: permanent, and in nobody's list.

    def partition_from_kafka(self, worker: str, how: Break = Break.REFUSED) -> None:
        self.sim.note(worker, -1, "network", f"cut from Kafka ({how.value})")
        self.network.cut_kafka(worker, how)

    def heal_kafka(self, worker: str) -> None:
        self.sim.note(worker, -1, "network", "reaches Kafka")
        self.network.heal_kafka(worker, "")

    def partition_workers(
        self, source: str, target: str, how: Break = Break.REFUSED, *, both: bool = True
    ) -> None:
        self.sim.note(source, -1, "network", f"cut from {target} ({how.value})")
        self.network.cut_link(source, target, how)
        if both:
            self.network.cut_link(target, source, how)

    def heal_workers(self, source: str, target: str) -> None:
        self.sim.note(source, -1, "network", f"reaches {target}")
        self.network.heal_link(source, target, "")
        self.network.heal_link(target, source, "")

    def block_herder(
        self, worker: str, duration_ms: int, stage: str = "polling the group coordinator"
    ) -> None:
        """Keep the herder thread of a worker busy, as slow connector code would."""
        node = self.workers[worker].node
        if node is not None and node.process.alive:
            node.inside.block(self.sim.sleep(duration_ms), stage)

    def set_lag(self, worker: str, *, config_ms: int | None = None, status_ms: int | None = None) -> None:
        """How far a worker's readers are behind, from the next record on."""
        if config_ms is not None:
            self.workers[worker].set_lag("config", config_ms)
        if status_ms is not None:
            self.workers[worker].set_lag("status", status_ms)

    def fail_connector(self, connector: str, trace: str) -> bool:
        """The connector's code raises an error now; says whether an instance was there to fail."""
        return self._instances(
            lambda node: node.worker.connectors.get(connector), lambda found: found.fail(Thrown(trace))
        )

    def fail_task(self, connector: str, task: int, trace: str) -> bool:
        """The task throws now; says whether an instance was there to fail."""
        task_id = ConnectorTaskId.of(connector, task)
        return self._instances(
            lambda node: node.worker.tasks.get(task_id), lambda found: found.fail(Thrown(trace))
        )

    def _instances(self, find: Callable[[Any], Any], act: Callable[[Any], None]) -> bool:
        found = [find(worker.node) for worker in self.workers.values() if worker.running]
        for instance in found:
            if instance is not None:
                act(instance)
        return any(instance is not None for instance in found)

    def set_plugins(self, worker: str, plugins: Iterable[PluginDesc]) -> None:
        """The plugin path of a worker; it counts from its next start."""
        self.workers[worker].plugins = tuple(plugins)

    def set_settings(self, worker: str, **changes: Any) -> None:
        """Worker properties; they count from its next start."""
        machine = self.workers[worker]
        machine.settings = replace(machine.settings, **changes)

    # --- looking ----------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Answer:
        """The whole cluster as plain, sorted data."""
        return {
            "now_ms": self.now_ms,
            "group": {
                "state": self.coordinator.state.value,
                "generation": self.coordinator.generation,
                "protocol": self.coordinator.protocol,
                "leader": self.leader,
                "members": list[Json](self.coordinator.member_ids()),
            },
            "network": [list[Json](row) for row in self.network.breaks()],
            "faults": [
                {"id": row.id, "what": row.text, "since_ms": row.since_ms} for row in self.faults.active
            ],
            "workers": {name: _worker_snapshot(worker) for name, worker in sorted(self.workers.items())},
        }


def _idle(worker: ConnectWorker) -> bool:
    node = worker.node
    assert node is not None, "only running workers are asked"
    if node.rest is not Rest.SERVING or not node.inside.quiet:
        return False
    if any(connector.in_transition for connector in node.worker.connectors.values()):
        return False
    return not any(task.in_transition for task in node.worker.tasks.values())


def _worker_snapshot(worker: ConnectWorker) -> Answer:
    node = worker.node
    answer: Answer = {
        "worker_id": worker.settings.worker_id,
        "version": worker.settings.version.text,
        "rest": worker.rest.value,
        "frozen": worker.frozen,
    }
    if node is None or not node.process.alive:
        return answer
    inside = node.inside
    state = node.configs.snapshot()
    return {
        **answer,
        "member_id": inside.member_id,
        "generation": inside.generation,
        "leader": inside.is_leader,
        "config_offset": state.offset,
        "connectors": {
            name: {
                "target": state.target_state(name).value,
                "tasks": entry.task_count,
                "config": dict(entry.config),
            }
            for name, entry in sorted(state.entries.items())
        },
        "running": {
            "connectors": {
                name: node.worker.connectors[name].state.value for name in sorted(node.worker.connectors)
            },
            "tasks": {
                str(task_id): phase.value if (phase := node.worker.tasks[task_id].phase) else "NEW"
                for task_id in sorted(node.worker.tasks)
            },
        },
        "statuses": {
            name: _status_snapshot(entry)
            for name in sorted(node.statuses.connectors())
            if (entry := node.statuses.entry(name)) is not None
        },
    }


def _status_snapshot(entry: Any) -> Json:
    own = None if entry.connector is None else f"{entry.connector.state.value}@{entry.connector.worker_id}"
    tasks: Answer = {
        str(n): f"{entry.tasks[n].state.value}@{entry.tasks[n].worker_id}" for n in sorted(entry.tasks)
    }
    return {"connector": own, "tasks": tasks}
