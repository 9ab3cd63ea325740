"""The config topic as one herder thread uses it: the snapshot it works with, and how it writes.

Rules of this room:

* The herder sees configs through a *snapshot* that only certain steps refresh; the store may be ahead of it.
* A write is done when it was read back, all within one time budget; a time-out does not take the record back.
* Whatever waits here keeps the herder thread waiting, and shows its stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mockconnect.core import config_store, errors
from mockconnect.core.answers import hash_ordered
from mockconnect.core.config_store import ClusterConfigState, ConfigStore
from mockconnect.core.member import Coordinator
from mockconnect.core.network import Network
from mockconnect.core.settings import Timing
from mockconnect.core.sim import Reply, Sim, Steps, Within
from mockconnect.core.stages import TickStage
from mockconnect.core.terms import TargetState, TaskConfig
from mockconnect.core.topics import Fenced, Key, Producer, Reader, Record


@dataclass(frozen=True, slots=True)
class Kafka:
    """A worker's clients: how it reads and writes the config topic and reaches the group."""

    network: Network
    coordinator: Coordinator
    config_reader: Reader
    config_producer: Producer
    status_producer: Producer


class ConfigLog:
    """The herder thread's view of ``KafkaConfigBackingStore``.

    ``readable`` is false after a read to the end that failed, until one succeeds; ``fenced`` says that another leader
    has taken the right to write.
    """

    def __init__(
        self, sim: Sim, timing: Timing, configs: ConfigStore, kafka: Kafka, stage: TickStage
    ) -> None:
        self.configs = configs
        self.kafka = kafka
        self.state: ClusterConfigState = configs.snapshot()
        self.readable = True
        self.fenced = False
        self._sim = sim
        self._timing = timing
        self._stage = stage

    # --- reading --------------------------------------------------------------------------------------------------------

    def take_snapshot(self) -> None:
        """Work with what the store has read so far."""
        self.state = self.configs.snapshot()

    def refresh_snapshot(self) -> Steps[bool]:
        """``refreshConfigSnapshot``: says whether the end was reached within ``worker.sync.timeout.ms``."""
        with self._stage.during("reading to the end of the config topic"):
            read = yield self.read_to_end()
        if read:
            self.take_snapshot()
        else:
            self.readable = False
        return bool(read)

    def read_to_end(self) -> Within:
        return Within(self.kafka.config_reader.read_to_end(), self._timing.worker_sync_timeout_ms)

    # --- writing --------------------------------------------------------------------------------------------------------

    def write(
        self, records: Sequence[tuple[Key, object]], error_text: str, *, read_back: bool = True
    ) -> Steps[None]:
        """Send records and read them back within 30 s in total; a time-out does not take them back."""
        if self.fenced:
            # The next tick claims the topic again, or leads no more.
            raise errors.write_failed(errors.UNCLAIMED_WRITE)
        deadline_at_ms = self._sim.now_ms + self._timing.config_write_timeout_ms
        sent = yield from self._sent(records, error_text)
        if sent:
            acknowledged = yield Within(sent[-1], self._acknowledgement_ms())
            if not acknowledged and self.kafka.config_producer.claimed:
                self.kafka.config_producer.abandon(sent)
                self.fenced = True
                raise errors.write_failed(errors.FENCED_WRITE)
            if not acknowledged:
                raise errors.write_failed(error_text)
            try:
                sent[-1].result()
            except Fenced:
                self.fenced = True
                raise errors.write_failed(errors.FENCED_WRITE) from None
        if read_back:
            left_ms = max(0, deadline_at_ms - self._sim.now_ms)
            read = yield Within(self.kafka.config_reader.read_to_end(), left_ms)
            if not read:
                raise errors.write_failed(error_text)

    def _sent(self, records: Sequence[tuple[Key, object]], error_text: str) -> Steps[list[Reply[Record]]]:
        """Each record on its own waits for a topic that its producer does not know."""
        producer = self.kafka.config_producer
        sent: list[Reply[Record]] = []
        failed = False
        for key, value in records:
            if producer.claimed or (yield from producer.admitted()):
                sent.append(producer.send(key, value))
            else:
                failed = True
        if failed:
            raise errors.write_failed(error_text)
        return sent

    def _acknowledgement_ms(self) -> int:
        """A transaction blocks longer, and what it holds is never written if it does not end."""
        if self.kafka.config_producer.claimed:
            return self._timing.transaction_timeout_ms
        return self._timing.config_write_timeout_ms

    def write_task_configs(self, connector: str, configs: Sequence[TaskConfig]) -> Steps[None]:
        """``putTaskConfigs``: every task's config, then the commit that makes them valid."""
        if configs and self.state.target_state(connector) is TargetState.STOPPED:
            raise errors.non_empty_tasks_for_stopped(connector)
        description = f"writing {len(configs)} task configs for connector {connector} to the config topic"
        with self._stage.during(description):
            records: list[tuple[Key, object]] = [
                ((config_store.TASK, connector, str(task)), hash_ordered(config))
                for task, config in enumerate(configs)
            ]
            if records:
                yield from self.write(records, errors.WRITE_TASKS)
            yield from self.write([((config_store.COMMIT, connector), len(configs))], errors.WRITE_COMMIT)
