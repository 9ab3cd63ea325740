"""One Connect process from start to end, distributed or standalone, with everything that lives inside it.

Rules of this room:

* A process is built anew at each start; nothing survives but what Kafka keeps. The worker's settings, plugins and lags
  belong to the machine it runs on (:class:`ConnectWorker`) and survive.
* ``rest`` says how the worker's port behaves: refused, Jetty's own 404 before resources are there, serving, stopping.
* A crash kills the process without a word. A stop closes the REST server first, then the herder, then the group.
* :class:`ConnectProcess` is what both modes share; what a mode adds is its :class:`Inside`, and nobody else asks which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from mockconnect.core import errors
from mockconnect.core.answers import Answer, LocalAnswers
from mockconnect.core.config_store import ConfigStore, SessionKey
from mockconnect.core.configdef import ConfigDef, ConfigInfos
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.forwarding import Call, HerderOperations, Resources
from mockconnect.core.herder import DistributedHerder, Kafka
from mockconnect.core.javahash import copied_table, grown_table
from mockconnect.core.loggers import Loggers
from mockconnect.core.member import Coordinator
from mockconnect.core.network import Network
from mockconnect.core.offset_store import OffsetStore
from mockconnect.core.plugins import PluginDesc, Plugins
from mockconnect.core.requests import DistributedRequests, Signature
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Sim, Steps, Within, hand_over
from mockconnect.core.stages import Stage, StagedReply
from mockconnect.core.standalone import MemoryLog, StandaloneHerder
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Config, TargetState, TaskConfig
from mockconnect.core.topics import Producer, Reader, Record, Topic
from mockconnect.core.validation import validate_connector_config
from mockconnect.core.worker import Script, Site, Worker

CommandLine = Sequence[tuple[str, Config, TargetState]]
"""Name, config and first target state of the connectors a standalone worker is started with."""


class Rest(Enum):
    """How the worker's REST port behaves."""

    REFUSED = "refused"
    JETTY_404 = "jetty_404"
    SERVING = "serving"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Broker:
    """What Kafka keeps for the cluster, and who can reach it."""

    sim: Sim
    timing: Timing
    network: Network
    coordinator: Coordinator
    config_topic: Topic
    status_topic: Topic
    offsets: OffsetStore
    script: Script
    cluster_id: str
    epoch_at_start_ms: int
    clients: Callable[[str], ConfigDef]
    """Definitions of Kafka's own clients by name: what override keys are validated against."""

    def instant(self, at_ms: int) -> str:
        return java_instant(self.epoch_at_start_ms + at_ms)

    def epoch_ms(self, at_ms: int) -> int:
        return self.epoch_at_start_ms + at_ms


class ConnectWorker:
    """The machine of one worker: what is configured there, and the process that runs on it now."""

    def __init__(
        self,
        broker: Broker,
        settings: WorkerSettings,
        plugins: Sequence[PluginDesc],
        find_worker: Callable[[str], Resources | None],
        command_line: CommandLine | None = None,
    ) -> None:
        """``command_line`` makes it a standalone worker that creates these connectors at each start."""
        self.settings = settings
        self.plugins = tuple(plugins)
        self.command_line = command_line
        self.on_rest: list[Callable[[ConnectWorker], object]] = []
        self.node: ConnectProcess | None = None
        self.lag_ms = {topic: self._drawn_lag(broker, topic) for topic in ("config", "status")}
        self._broker = broker
        self._find_worker = find_worker

    def _drawn_lag(self, broker: Broker, topic: str) -> int:
        timing = broker.timing
        stream = broker.sim.stream(f"{topic}-lag", self.settings.name)
        return stream.randint(timing.reader_lag_min_ms, timing.reader_lag_max_ms)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def rest(self) -> Rest:
        return Rest.REFUSED if self.node is None else self.node.rest

    @property
    def running(self) -> bool:
        return self.node is not None and self.node.process.alive

    @property
    def frozen(self) -> bool:
        return self.running and self.node is not None and self.node.process.frozen

    def start(self) -> None:
        """Start a new process, if none runs."""
        if not self.running:
            self._broker.sim.note(self.name, -1, "worker", "start")
            self.node = ConnectProcess(self._broker, self, self._find_worker)
            self.node.process.spawn(self.node.boot())

    def crash(self) -> None:
        """``kill -9``."""
        if self.node is not None and self.running:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "crash")
            self.node.die()

    def stop(self) -> None:
        """SIGTERM: shut down cleanly, which takes a while."""
        if self.node is not None and self.running:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "stop")
            self.node.process.spawn(self.node.shut_down())

    def freeze(self) -> None:
        """SIGSTOP: the port still accepts, nothing answers."""
        if self.node is not None and self.running and not self.frozen:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "freeze")
            self.node.worker.pause_data(resting=True)
            self.node.process.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        if self.node is not None and self.frozen:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "thaw")
            self.node.worker.pause_data(resting=False)
            self.node.process.thaw()

    def submit(self, call: Call) -> Reply[object]:
        """One call as a client makes it: through the process, so a frozen worker answers when it is thawed."""
        node = self.node
        if node is None or node.rest is not Rest.SERVING:
            return Reply.failed(errors.request_failed_while_stopping())
        if not node.process.frozen:
            return node.resources.submit(call)
        answer: Reply[object] = Reply()
        node.process.run(lambda: hand_over(node.resources.submit(call), answer))
        return answer

    def rest_changed(self) -> None:
        for listener in tuple(self.on_rest):
            listener(self)


class Inside(Protocol):
    """What one kind of process is made of, beyond what both have."""

    answers: LocalAnswers
    worker: Worker
    statuses: StatusStore
    configs: ConfigStore

    @property
    def operations(self) -> HerderOperations: ...
    @property
    def member_id(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def is_leader(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def quiet(self) -> bool: ...
    def block(self, duration_ms: int, stage: str) -> None: ...
    def run(self) -> Steps[int | None]:
        """Everything after the port is open; an exit code if the process gives up."""

    def stop(self) -> Steps[None]: ...
    def close(self) -> None:
        """The process is gone: leave nothing behind that Kafka would still feed."""


class ConnectProcess:
    """One run of a worker process: its port, its life, and what the mode puts inside."""

    def __init__(
        self, broker: Broker, machine: ConnectWorker, find_worker: Callable[[str], Resources | None]
    ) -> None:
        self.process = Process(broker.sim)
        self.rest = Rest.REFUSED
        self.stopping = False
        self._broker = broker
        self._machine = machine
        settings = machine.settings
        plugins = Plugins(machine.plugins, settings.version.number, clients=broker.clients)
        self.inside: Inside
        if machine.command_line is None:
            self._distributed = DistributedInside(broker, machine, self.process, plugins, self._send)
            self.inside = self._distributed
        else:
            self.inside = StandaloneInside(broker, machine, self.process, plugins, machine.command_line)
        self.worker, self.statuses, self.configs = (
            self.inside.worker,
            self.inside.statuses,
            self.inside.configs,
        )
        self.resources = Resources(
            settings,
            broker.timing,
            self.process,
            broker.network,
            self.inside.answers,
            self.inside.operations,
            is_ready=lambda: self.inside.ready,
            accepts=lambda: self.process.alive and self.rest is not Rest.REFUSED,
            instant=broker.instant,
            find_worker=find_worker,
            server_info=server_info(settings, broker.cluster_id),
            validate=Validation(self.worker.site, distributed=machine.command_line is None).for_endpoint,
        )

    @property
    def settings(self) -> WorkerSettings:
        """What this process was started with; its machine may have other settings by now."""
        return self.worker.site.settings

    @property
    def herder(self) -> DistributedHerder:
        """Only for a distributed process; what both kinds have is in ``inside``."""
        return self._distributed.herder

    @property
    def status_position(self) -> int:
        """How far a distributed process has read the status topic."""
        return self._distributed.status_position

    def _send(self, url: str, call: Call) -> Reply[None]:
        return self.resources.send(url, call)

    # --- life -----------------------------------------------------------------------------------------------------------

    def boot(self) -> Steps[None]:
        timing = self._broker.timing
        yield timing.jvm_start_ms
        waited_ms = 0
        while not self._broker.network.kafka_reachable(self._machine.name):
            if waited_ms >= CLUSTER_LOOKUP_TIMEOUT_MS:
                self._exit(2, "no Kafka")
                return
            waited_ms += 1_000
            yield 1_000
        self._set_rest(Rest.JETTY_404)
        yield timing.jetty_start_ms
        self._set_rest(Rest.SERVING)
        exit_code = yield from self.inside.run()
        if exit_code is not None:
            yield from self._stop_inside()
            self._exit(exit_code, "a connector of the command line was not created")

    def _exit(self, code: int, why: str) -> None:
        self._broker.sim.note(self._machine.name, -1, "worker", f"exit {code}: {why}")
        self.die()

    def shut_down(self) -> Steps[None]:
        """``Connect.stop``: the REST server first, then the herder. Asked twice, it goes on as it was."""
        if self.stopping:
            return
        self.stopping = True
        if self.rest is Rest.SERVING:
            yield from self._stop_inside()
        self.die()

    def _stop_inside(self) -> Steps[None]:
        self._set_rest(Rest.STOPPING)
        yield self._broker.timing.rest_stop_ms
        self._set_rest(Rest.REFUSED)
        answered = self.process.spawn(self.resources.answered())
        yield Within(answered, self._broker.timing.rest_shutdown_grace_ms)
        yield from self.inside.stop()

    def die(self) -> None:
        """The process is gone; connections to it break."""
        self.worker.abort()
        self.inside.close()
        self._set_rest(Rest.REFUSED)
        self.process.kill()

    def _set_rest(self, rest: Rest) -> None:
        if rest is not self.rest:
            self.rest = rest
            self._machine.rest_changed()


class DistributedInside:
    """``ConnectDistributed``: readers and producers of Kafka's topics, and a member of the group."""

    def __init__(
        self,
        broker: Broker,
        machine: ConnectWorker,
        process: Process,
        plugins: Plugins,
        send: Callable[[str, Call], Reply[None]],
    ) -> None:
        settings, name, version = machine.settings, machine.name, machine.settings.version
        self._broker = broker
        self._send = send

        def producer(topic: Topic) -> Producer:
            return Producer(topic, process, broker.network, name, lambda: broker.timing.kafka_write_ms)

        def reader(topic: Topic, lag: str, apply: Callable[[Record], object]) -> Reader:
            return Reader(topic, process, broker.network, name, lambda: machine.lag_ms[lag], apply)

        self._config_producer, self._status_producer = (
            producer(broker.config_topic),
            producer(broker.status_topic),
        )
        self.statuses = StatusStore(
            settings.worker_id,
            self._status_producer,
            filter_stale_unassigned=version.has("stale_unassigned_filter"),
        )
        self.configs = ConfigStore(knows_stopped=version.has("stop"))
        self._config_reader = reader(broker.config_topic, "config", self.configs.apply)
        self._status_reader = reader(broker.status_topic, "status", self.statuses.apply)
        site = site_of(broker, machine, process, plugins, self.statuses, lambda: self.herder.generation)
        self.worker = Worker(site)
        self.answers = answers_of(broker, machine, plugins, self.configs, self.statuses, copied_table)
        kafka = Kafka(
            broker.network,
            broker.coordinator,
            self._config_reader,
            self._config_producer,
            self._status_producer,
        )
        self.herder = DistributedHerder(
            site,
            self.worker,
            self.configs,
            self.answers,
            kafka,
            start_readers=self._start_readers,
            set_logger_level=self.answers.set_logger,
            forward_tasks=self._forward_tasks,
            forward_fence=self._forward_fence,
        )
        self.operations = DistributedRequests(self.herder, Validation(site, distributed=True).for_create)

    def _start_readers(self) -> None:
        self.configs.load(self._broker.config_topic)
        self._config_reader.start(apply=False)
        self._status_reader.start()

    @property
    def status_position(self) -> int:
        return self._status_reader.position

    @property
    def member_id(self) -> str:
        return self.herder.member.member_id

    @property
    def generation(self) -> int:
        return self.herder.generation

    @property
    def is_leader(self) -> bool:
        return self.herder.is_leader

    @property
    def ready(self) -> bool:
        return self.herder.ready

    @property
    def quiet(self) -> bool:
        """The herder is idle, everything written has been read, and everything sent has been written."""
        readers_done = self._config_reader.at_end and self._status_reader.at_end
        sent = not (self._config_producer.pending or self._status_producer.pending)
        return self.herder.quiet and readers_done and sent

    def block(self, duration_ms: int, stage: str) -> None:
        self.herder.block(duration_ms, stage)

    def run(self) -> Steps[int | None]:
        yield from self.herder.run()
        return None

    def stop(self) -> Steps[None]:
        self.herder.stopping = True
        self.herder.member.wakeup()
        yield Within(self.herder.halted, HERDER_STOP_BOUND_MS)

    def close(self) -> None:
        for reader in (self._config_reader, self._status_reader):
            reader.stop()
        for producer in (self._config_producer, self._status_producer):
            producer.close()

    # --- internal requests ------------------------------------------------------------------------------------------------

    def _forward_tasks(
        self, url: str, connector: str, configs: Sequence[TaskConfig], key: SessionKey | None
    ) -> Reply[None]:
        body = repr([sorted(config.items()) for config in configs]).encode()
        signature = None if key is None else Signature.sign(key.key, body)
        return self._send(
            url, Call("put_task_configs", {"name": connector, "configs": configs, "signature": signature})
        )

    def _forward_fence(self, url: str, connector: str, key: SessionKey | None) -> Reply[None]:
        signature = None if key is None else Signature.sign(key.key, b"")
        return self._send(url, Call("fence_zombies", {"name": connector, "signature": signature}))


class StandaloneInside:
    """``ConnectStandalone``: nothing but a herder, and connectors that the command line names."""

    member_id = ""
    generation = StandaloneHerder.generation
    is_leader = StandaloneHerder.is_leader

    def __init__(
        self,
        broker: Broker,
        machine: ConnectWorker,
        process: Process,
        plugins: Plugins,
        command_line: CommandLine,
    ) -> None:
        config_log = MemoryLog(lambda: broker.sim.now_ms)
        status_log = MemoryLog(lambda: broker.sim.now_ms)
        self.configs = ConfigStore(knows_stopped=machine.settings.version.has("stop"))
        self.statuses = StatusStore(machine.settings.worker_id, status_log, filter_stale_unassigned=False)
        config_log.apply, status_log.apply = self.configs.apply, self.statuses.apply
        site = site_of(broker, machine, process, plugins, self.statuses, lambda: self.generation)
        self.worker = Worker(site)
        self.answers = answers_of(broker, machine, plugins, self.configs, self.statuses, grown_table)
        validation = Validation(site, distributed=False)
        self.operations = self.herder = StandaloneHerder(
            self.worker, self.configs, config_log, self.answers, validation.for_create
        )
        self._command_line = command_line

    @property
    def ready(self) -> bool:
        return self.herder.ready

    @property
    def quiet(self) -> bool:
        return self.herder.quiet

    def block(self, duration_ms: int, stage: str) -> None:
        self.herder.block(duration_ms, stage)

    def run(self) -> Steps[int | None]:
        """``processExtraArgs``: one connector after the other; the first that cannot be created ends the process."""
        for name, config, target in self._command_line:
            try:
                yield self.herder.put_connector(name, {**config, "name": name}, target, allow_replace=False)
            except Expected as error:
                self.worker.site.note("connector", f"{name} not created: {error}")
                return 3
        self.herder.become_ready()
        return None

    def stop(self) -> Steps[None]:
        yield from self.herder.stop()

    def close(self) -> None:
        pass


def site_of(
    broker: Broker,
    machine: ConnectWorker,
    process: Process,
    plugins: Plugins,
    statuses: StatusStore,
    generation: Callable[[], int],
) -> Site:
    return Site(
        broker.sim,
        process,
        machine.settings,
        broker.timing,
        plugins,
        broker.offsets,
        broker.script,
        statuses,
        generation,
    )


def answers_of(
    broker: Broker,
    machine: ConnectWorker,
    plugins: Plugins,
    configs: ConfigStore,
    statuses: StatusStore,
    names_table: Callable[[int], int],
) -> LocalAnswers:
    loggers = Loggers(lambda: broker.sim.now_ms, log4j2=machine.settings.version.has("jetty_12"))
    return LocalAnswers(
        machine.settings, configs, statuses, plugins, loggers, broker.epoch_ms, names_table=names_table
    )


OWN_VALIDATE = "performing multi-property validation for the connector"
CLUSTER_LOOKUP_TIMEOUT_MS = 60_000
HERDER_STOP_BOUND_MS = 23_000


class Validation:
    """Validation on its own threads: it takes the plugin's time and shows its stage on the waiting request."""

    def __init__(self, site: Site, *, distributed: bool) -> None:
        self._site = site
        self._distributed = distributed

    def for_create(self, config: Config, reply: StagedReply[Any]) -> Steps[ConfigInfos]:
        """The result of a validation, after the time it takes. Raises :class:`ConnectError` after that time."""
        stages: list[tuple[str, int]] = []
        error: ConnectError | None = None
        try:
            infos = self._run(config, stages)
        except ConnectError as raised:
            error = raised
        yield from self._pass_through(config.get("name") or "", stages, reply)
        if error is not None:
            raise error
        return infos

    def for_endpoint(self, config: Config, reply: StagedReply[Any]) -> Steps[Answer]:
        try:
            infos = yield from self.for_create(config, reply)
        except ConnectError as error:
            # FutureCallback's ExecutionException is not unwrapped there: the message begins with the class.
            raise ConnectError(500, f"{error.java_class}: {error.message}") from error
        answer: Answer = infos.to_json()
        return answer

    def _run(self, config: Config, stages: list[tuple[str, int]]) -> ConfigInfos:
        script, name = self._site.script, config.get("name") or ""
        return validate_connector_config(
            config,
            plugins=self._site.plugins,
            worker=self._site.settings,
            distributed=self._distributed,
            failure_of=lambda plugin: script.failure(script.behaviour(name, plugin), "validate", name),
            stages=stages,
        )

    def _pass_through(self, name: str, stages: list[tuple[str, int]], reply: StagedReply[Any]) -> Steps[None]:
        """Spend the time of each stage that takes any; the waiting request shows where it is."""
        sim, override = self._site.sim, self._site.script.overrides.get(name)
        for description, of_plugin_ms in stages:
            duration_ms = of_plugin_ms
            if override is not None and description == OWN_VALIDATE:
                duration_ms = override.validate_ms
            if duration_ms:
                reply.stage = stage = Stage(description, sim.now_ms)
                yield Reply() if duration_ms < 0 else duration_ms
                stage.completed_at_ms = sim.now_ms


def server_info(settings: WorkerSettings, cluster_id: str) -> Answer:
    """``ServerInfo``."""
    answer: Answer = {
        "version": settings.version.text,
        "commit": COMMITS.get(settings.version.text, "unknown"),
    }
    if settings.version.has("cluster_id"):
        answer["kafka_cluster_id"] = cluster_id
    return answer


COMMITS = {"4.3.1": "26b251a451ce941d"}


def java_instant(epoch_ms: int) -> str:
    """``Instant.toString()``: milliseconds only when there are any."""
    days, ms = divmod(epoch_ms, 86_400_000)
    seconds, millis = divmod(ms, 1000)
    year, month, day = _civil(days)
    hours, minutes = divmod(seconds // 60, 60)
    fraction = f".{millis:03d}" if millis else ""
    return f"{year:04d}-{month:02d}-{day:02d}T{hours:02d}:{minutes:02d}:{seconds % 60:02d}{fraction}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 as a date of the Gregorian calendar."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day
