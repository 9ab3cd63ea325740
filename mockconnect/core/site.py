"""``Site``: what every instance on a worker needs of it, how its user code runs and throws, and how it reports.

Rules of this room:

* User code is a :class:`Behaviour` and a :class:`Script`: how long it takes, and when it throws. What it throws is
  :class:`Thrown`, whatever the instance.
* A status is written in one place for connectors and in one for tasks. It carries the generation of the herder at the
  moment of writing; UNASSIGNED and FAILED never overwrite what another worker wrote meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mockconnect.core.behaviour import Behaviour, Failure, Where
from mockconnect.core.errors import Expected
from mockconnect.core.loggers import Loggers
from mockconnect.core.offset_store import OffsetStore
from mockconnect.core.plugins import PluginDesc, Plugins
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Sim, Steps
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Config, ConnectorTaskId, State, Status, TaskConfig

SAFE = (State.UNASSIGNED, State.FAILED)


class Thrown(Expected):
    """User code threw: ``trace`` is the Java stack trace, ``message`` the exception's message."""

    def __init__(self, trace: str, message: str | None = None) -> None:
        super().__init__(message or trace.partition("\n")[0])
        self.trace = trace


@dataclass(slots=True)
class Script:
    """What user code is going to do, shared by all workers: a plugin's behaviour unless a connector has its own."""

    overrides: dict[str, Behaviour] = field(default_factory=dict)
    generated: dict[str, tuple[Config, tuple[TaskConfig, ...]]] = field(default_factory=dict)
    """Task configs that a connector once generated from a config: the same config gives the same again."""
    _spent: dict[tuple[str, int | None, Failure], int] = field(default_factory=dict)

    def plugin(self, connector: str, plugin: PluginDesc) -> PluginDesc:
        """The plugin as this connector runs it."""
        override = self.overrides.get(connector)
        return plugin if override is None else replace(plugin, behaviour=override)

    def task_configs(self, connector: str, config: Config) -> list[dict[str, str]] | None:
        """What is known of a connector's task configs, if its config is still the one they come from."""
        generated_from, configs = self.generated.get(connector, ({}, ()))
        return [dict(one) for one in configs] if generated_from and generated_from == config else None

    def behaviour(self, connector: str, plugin: PluginDesc) -> Behaviour:
        behaviour = self.plugin(connector, plugin).behaviour
        assert behaviour is not None, f"{plugin.class_name} is no connector"
        return behaviour

    def failure(
        self, behaviour: Behaviour, where: Where, connector: str, task: int | None = None
    ) -> Failure | None:
        """The failure due at this place, if it has not happened ``times`` times yet."""
        for failure in behaviour.failures_at(where, task):
            key = (connector, task, failure)
            spent = self._spent.get(key, 0)
            if failure.times is None or spent < failure.times:
                self._spent[key] = spent + 1
                return failure
        return None


def throw(failure: Failure, class_name: str, kind: str) -> Thrown:
    """The Java exception of a scripted failure in user code."""
    return Thrown(failure.trace or failure.throwable(class_name, kind).trace(), failure.message)


@dataclass(frozen=True, slots=True)
class Site:
    """What every instance on a worker needs of it."""

    sim: Sim
    process: Process
    settings: WorkerSettings
    timing: Timing
    plugins: Plugins
    offsets: OffsetStore
    script: Script
    statuses: StatusStore
    generation: Callable[[], int]
    loggers: Loggers

    def note(self, what: str, detail: str) -> None:
        self.sim.note(self.settings.name, self.generation(), what, detail)


def run_code(duration_ms: int) -> Steps[None]:
    """Run user code that takes so long; a negative duration never returns."""
    if duration_ms < 0:
        yield Reply()
    elif duration_ms:
        yield duration_ms


def report_connector(site: Site, name: str, state: State, trace: str | None, version: str | None) -> None:
    """``AbstractHerder.onStartup`` and its kin: one status record for a connector."""
    status = Status(state, site.settings.worker_id, site.generation(), trace, _told(site, version))
    site.note("connector", f"{name} {state.value}")
    if state in SAFE:
        site.statuses.put_connector_safe(name, status)
    else:
        site.statuses.put_connector(name, status)


def report_task(
    site: Site, task_id: ConnectorTaskId, state: State, trace: str | None, version: str | None
) -> None:
    status = Status(state, site.settings.worker_id, site.generation(), trace, _told(site, version))
    site.note("task", f"{task_id} {state.value}")
    if state in SAFE:
        site.statuses.put_task_safe(task_id, status)
    else:
        site.statuses.put_task(task_id, status)


def _told(site: Site, version: str | None) -> str | None:
    """A record of an older worker has no version, which a newer one that reads it shows as null."""
    return version if site.settings.version.has("status_version") else None
