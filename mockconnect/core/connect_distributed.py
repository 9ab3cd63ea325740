"""``ConnectDistributed``: what is inside a process that is a member of a group.

Rules of this room: readers and producers of Kafka's topics, the stores they feed, a herder, and how it reaches the
leader. All of it is new at each start and is closed when the process is gone; what a worker knows it has read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mockconnect.core.broker import Broker, answers_of, site_of
from mockconnect.core.config_log import Kafka
from mockconnect.core.config_providers import Secrets
from mockconnect.core.config_store import ConfigStore, SessionKey
from mockconnect.core.forwarding import Call
from mockconnect.core.herder import DistributedHerder
from mockconnect.core.javahash import copied_table
from mockconnect.core.plugins import Plugins
from mockconnect.core.requests import DistributedRequests, Signature
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import Process, Reply, Steps, Within
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import TaskConfig
from mockconnect.core.topics import Producer, Reader, Record, Topic
from mockconnect.core.validating import Validation
from mockconnect.core.worker import Worker

HERDER_STOP_BOUND_MS = 23_000


class DistributedInside:
    """``ConnectDistributed``: readers and producers of Kafka's topics, and a member of the group."""

    def __init__(
        self,
        broker: Broker,
        settings: WorkerSettings,
        lag_ms: Mapping[str, int],
        secrets: Secrets,
        process: Process,
        plugins: Plugins,
        send: Callable[[str, Call], Reply[None]],
    ) -> None:
        """``lag_ms`` says how far the readers of ``config`` and ``status`` are behind; it may change at any time."""
        name, version = settings.name, settings.version
        self._broker = broker
        self._send = send

        def producer(topic: Topic) -> Producer:
            return Producer(topic, process, broker.network, name, lambda: broker.timing.kafka_write_ms)

        def reader(topic: Topic, lag: str, apply: Callable[[Record], object]) -> Reader:
            return Reader(topic, process, broker.network, name, lambda: lag_ms[lag], apply)

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
        site = site_of(
            broker, settings, process, plugins, self.statuses, lambda: self.herder.generation, secrets
        )
        self.worker = Worker(site)
        self.answers = answers_of(
            broker, settings, plugins, self.configs, self.statuses, site.loggers, copied_table
        )
        kafka = Kafka(
            broker.network,
            broker.coordinator,
            self._config_reader,
            self._config_producer,
            self._status_producer,
        )
        self.herder = DistributedHerder(
            self.worker,
            self.configs,
            self.answers,
            kafka,
            start_readers=self._start_readers,
            set_logger_level=self.answers.set_logger,
            forward_tasks=self._forward_tasks,
            forward_fence=self._forward_fence,
        )
        self.answers.raw_configs = lambda: self.herder.state
        self.operations = DistributedRequests(self.herder, Validation(site, distributed=True).for_create)
        self.herder.reloading.restart = self.operations.restart_later

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
        if self._config_producer.pending or self._status_producer.pending:
            return False
        return self._config_reader.at_end and self._status_reader.at_end and self.herder.quiet

    def block(self, released: Reply[None], stage: str) -> None:
        self.herder.block(released, stage)

    def hurry(self) -> None:
        """The lag of its readers, or whether topics can be written, has changed."""
        for reader in (self._config_reader, self._status_reader):
            reader.hurry()
        for producer in (self._config_producer, self._status_producer):
            producer.retry()

    def start_herder(self) -> Steps[None]:
        yield from self.herder.run()

    def run(self) -> Steps[int | None]:
        yield 0
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
        signature = self._signed(key, body)
        return self._send(
            url, Call("put_task_configs", {"name": connector, "configs": configs, "signature": signature})
        )

    def _forward_fence(self, url: str, connector: str, key: SessionKey | None) -> Reply[None]:
        signature = self._signed(key, b"")
        return self._send(url, Call("fence_zombies", {"name": connector, "signature": signature}))

    def _signed(self, key: SessionKey | None, body: bytes) -> Signature | None:
        """Whoever has read no key sends without a signature."""
        if key is None:
            return None
        return Signature.sign(key.key, body, self.worker.site.settings.signature_algorithm)
