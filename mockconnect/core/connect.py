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
from enum import Enum
from typing import Protocol

from mockconnect.core import errors
from mockconnect.core.answers import LocalAnswers, server_info
from mockconnect.core.broker import Broker
from mockconnect.core.config_providers import Secret
from mockconnect.core.config_store import ConfigStore
from mockconnect.core.connect_distributed import DistributedInside
from mockconnect.core.connect_standalone import CommandLine, StandaloneInside
from mockconnect.core.forwarding import Call, HerderOperations, Resources
from mockconnect.core.herder import DistributedHerder
from mockconnect.core.network import Layers
from mockconnect.core.past import Past
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import Process, Reply, Steps, Within, hand_over
from mockconnect.core.status_store import StatusStore
from mockconnect.core.validating import Validation
from mockconnect.core.worker import Worker

CLUSTER_LOOKUP_TIMEOUT_MS = 60_000


class Rest(Enum):
    """How the worker's REST port behaves."""

    REFUSED = "refused"
    JETTY_404 = "jetty_404"
    SERVING = "serving"
    STOPPING = "stopping"


class ConnectWorker:
    """The machine of one worker: what is configured there, and the process that runs on it now."""

    def __init__(
        self,
        broker: Broker,
        settings: WorkerSettings,
        plugins: Sequence[PluginDesc],
        find_worker: Callable[[str], Resources | None],
        command_line: CommandLine | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        """``command_line`` makes it a standalone worker that creates these connectors at each start.

        ``elsewhere``: it belongs to another environment that shares the group; clients do not know of it.
        """
        self.elsewhere = elsewhere
        self.is_removed = False
        """It is nobody's worker any more, and does not start again."""
        self.gave_up = False
        """Its process has ended by itself, for want of Kafka or of a connector."""
        self.settings = settings
        self.plugins = tuple(plugins)
        self.command_line = command_line
        self.on_rest: list[Callable[[ConnectWorker], object]] = []
        self.admits: Callable[[str | None], bool] = _everybody
        """What its REST extension says of an ``Authorization`` header; the REST room knows."""
        self.secrets: dict[tuple[str, str], Secret] = {}
        """What config providers find on this machine, or with its rights: by provider and path."""
        self.node: ConnectProcess | None = None
        self.past: Past | None = None
        """What its first process goes on with; those after it know nothing of that."""
        self.lag_ms = {topic: self._drawn_lag(broker, topic) for topic in ("config", "status")}
        self._own_lag_ms = dict(self.lag_ms)
        self._slow_readers: Layers[str, int] = Layers()
        self._broker = broker
        self._find_worker = find_worker

    def _drawn_lag(self, broker: Broker, topic: str) -> int:
        timing = broker.timing
        stream = broker.sim.stream(f"{topic}-lag", self.settings.name)
        return stream.randint(timing.reader_lag_min_ms, timing.reader_lag_max_ms)

    def set_lag(self, topic: str, lag_ms: int) -> None:
        """How far its reader of ``config`` or ``status`` is behind, from the next record on."""
        self._own_lag_ms[topic] = lag_ms
        self._refresh_lag(topic)

    def slow_reader(self, topic: str, lag_ms: int, by: str) -> None:
        """So far behind until ``by`` lets it recover; it then catches up at once."""
        self._slow_readers.put(topic, lag_ms, by)
        self._refresh_lag(topic)

    def reader_recovers(self, topic: str, by: str) -> None:
        self._slow_readers.take(topic, by)
        self._refresh_lag(topic)
        if self.running and self.node is not None:
            self.node.inside.hurry()

    def _refresh_lag(self, topic: str) -> None:
        slowed_ms = self._slow_readers.top(topic)
        self.lag_ms[topic] = self._own_lag_ms[topic] if slowed_ms is None else slowed_ms

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def rest(self) -> Rest:
        return Rest.REFUSED if self.node is None else self.node.rest

    @property
    def serves(self) -> bool:
        """Whether Connect's resources are there, and asked."""
        return self.node is not None and self.node.serves

    @property
    def running(self) -> bool:
        return self.node is not None and self.node.process.alive

    @property
    def frozen(self) -> bool:
        return self.node is not None and self.node.process.frozen

    def start(self) -> None:
        """Start a new process, if none runs."""
        if not (self.running or self.is_removed):
            self._broker.sim.note(self.name, -1, "worker", "start")
            self.gave_up = False
            self.node = ConnectProcess(self._broker, self, self._find_worker)
            self.node.process.spawn(self.node.boot())

    def crash(self) -> None:
        """``kill -9``."""
        if self.node is not None and self.running:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "crash")
            self.node.die()

    def stop(self, *, hang: bool = False) -> None:
        """SIGTERM: shut down cleanly, which takes a while; with ``hang`` it never comes to its end."""
        if self.node is not None and self.running:
            self._broker.sim.note(self.name, self.node.inside.generation, "worker", "stop")
            self.node.asked_to_stop = True
            self.node.hangs_at_stop = hang or self.node.hangs_at_stop
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
        if node is None or not node.serves:
            return Reply.failed(errors.request_failed_while_stopping())
        if not node.process.frozen:
            return node.resources.submit(call)
        answer: Reply[object] = Reply()
        node.process.receive(lambda: hand_over(node.resources.submit(call), answer))
        return answer

    def rest_changed(self) -> None:
        for listener in tuple(self.on_rest):
            listener(self)


def _everybody(_authorization: str | None) -> bool:
    return True


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
    def block(self, released: Reply[None], stage: str) -> None: ...
    def hurry(self) -> None: ...
    def start_herder(self) -> Steps[None]:
        """Beside the registration of the REST resources; it ends when the herder does."""

    def run(self) -> Steps[int | None]:
        """Everything after the resources are there; an exit code if the process gives up."""

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
        self.serves = False
        self.asked_to_stop = False
        """A frozen process notices later."""
        self.stopping = False
        self.hangs_at_stop = False
        """Its REST server does not come to its end, and whatever comes after that is never done."""
        self._served: Reply[None] = Reply()
        self._broker = broker
        self._machine = machine
        settings = machine.settings
        plugins = Plugins(machine.plugins, settings.version.number, clients=broker.clients)
        self.inside: Inside
        if machine.command_line is None:
            self._distributed = DistributedInside(
                broker, settings, machine.lag_ms, machine.secrets, self.process, plugins, self._send
            )
            self._distributed.herder.past, machine.past = machine.past, None
            self.inside = self._distributed
        else:
            self.inside = StandaloneInside(
                broker, settings, self.process, plugins, machine.command_line, machine.secrets
            )
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
            admits=self._admits,
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

    def _admits(self, authorization: str | None) -> bool:
        return self._machine.admits(authorization)

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
        # Connect.start: the herder's thread first, then the REST resources.
        self.process.spawn(self.inside.start_herder())
        yield timing.jetty_start_ms
        self._set_rest(Rest.SERVING)
        self._served.complete(None)
        exit_code = yield from self.inside.run()
        if exit_code is not None:
            yield from self._stop_inside()
            self._exit(exit_code, "a connector of the command line was not created")

    def _exit(self, code: int, why: str) -> None:
        self._broker.sim.note(self._machine.name, -1, "worker", f"exit {code}: {why}")
        self._machine.gave_up = True
        self.die()

    def shut_down(self) -> Steps[None]:
        """``Connect.stop``: the REST server first, then the herder. Asked twice, it goes on as it was.

        The shutdown hook waits until a start that is under way has come to its end.
        """
        if self.stopping:
            return
        self.stopping = True
        if self.rest is Rest.JETTY_404:
            yield self._served
        if self.rest is Rest.SERVING:
            yield from self._stop_inside()
        self.die()

    def _stop_inside(self) -> Steps[None]:
        self._set_rest(Rest.STOPPING)
        yield self._broker.timing.rest_stop_ms
        self._set_rest(Rest.REFUSED)
        if self.hangs_at_stop:
            # Once seen on a worker of 4.3.1: Jetty's own shutdown hook and Connect's stop the server at the same time.
            self._broker.sim.note(
                self._machine.name, self.inside.generation, "worker", "hangs in its shutdown"
            )
            yield Reply()
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
            self.serves = rest is Rest.SERVING
            self._machine.rest_changed()
