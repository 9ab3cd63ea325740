"""``ConnectStandalone``: what is inside a process that is alone.

Rules of this room: no Kafka topic holds its configs and statuses, so nothing survives a stop; the connectors are those
of the command line, created at each start.
"""

from __future__ import annotations

from collections.abc import Sequence

from mockconnect.core.broker import Broker, answers_of, site_of
from mockconnect.core.config_providers import Secrets
from mockconnect.core.config_store import ConfigStore
from mockconnect.core.errors import Expected
from mockconnect.core.javahash import grown_table
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import Process, Reply, Steps
from mockconnect.core.standalone import MemoryLog, StandaloneHerder
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Config, TargetState
from mockconnect.core.validating import Validation
from mockconnect.core.worker import Worker

CommandLine = Sequence[tuple[str, Config, TargetState]]
"""Name, config and first target state of the connectors a standalone worker is started with."""


class StandaloneInside:
    """``ConnectStandalone``: nothing but a herder, and connectors that the command line names."""

    member_id = ""
    generation = StandaloneHerder.generation
    is_leader = StandaloneHerder.is_leader

    def __init__(
        self,
        broker: Broker,
        settings: WorkerSettings,
        process: Process,
        plugins: Plugins,
        command_line: CommandLine,
        secrets: Secrets,
    ) -> None:
        config_log = MemoryLog(lambda: broker.sim.now_ms)
        status_log = MemoryLog(lambda: broker.sim.now_ms)
        self.configs = ConfigStore(knows_stopped=settings.version.has("stop"))
        self.statuses = StatusStore(settings.worker_id, status_log, filter_stale_unassigned=False)
        config_log.apply, status_log.apply = self.configs.apply, self.statuses.apply
        site = site_of(broker, settings, process, plugins, self.statuses, lambda: self.generation, secrets)
        self.worker = Worker(site)
        self.answers = answers_of(
            broker, settings, plugins, self.configs, self.statuses, site.loggers, grown_table
        )
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

    def block(self, released: Reply[None], stage: str) -> None:
        self.herder.block(released, stage)

    def hurry(self) -> None:
        """It reads no topics."""

    def start_herder(self) -> Steps[None]:
        yield 0

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
