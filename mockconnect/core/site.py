"""``Site``: what every instance on a worker needs of it, how its user code runs and throws, and how it reports.

Rules of this room:

* User code is a :class:`Behaviour` and a :class:`Script`: how long it takes, and when it throws. What it throws is
  :class:`Thrown`, whatever the instance.
* A status is written in one place for connectors and in one for tasks. It carries the generation of the herder at the
  moment of writing; UNASSIGNED and FAILED never overwrite what another worker wrote meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mockconnect.core.behaviour import Behaviour, Failure, Where
from mockconnect.core.config_providers import ConfigProvider
from mockconnect.core.errors import Expected
from mockconnect.core.loggers import Loggers
from mockconnect.core.offset_store import OffsetStore
from mockconnect.core.patterns import matches
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Sim, Steps, Within
from mockconnect.core.status_store import StatusStore, record_bytes
from mockconnect.core.terms import Config, ConnectorTaskId, State, Status, TaskConfig
from mockconnect.core.traces import lengthened

SAFE = (State.UNASSIGNED, State.FAILED)


class Thrown(Expected):
    """User code threw: ``trace`` is the Java stack trace, ``message`` the exception's message."""

    def __init__(self, trace: str, message: str | None = None) -> None:
        super().__init__(message or trace.partition("\n")[0])
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Whose:
    """Which instances a fault of connector code concerns: patterns of the connector's name and class, and a task."""

    connector: str = "*"
    connector_class: str = "*"
    task: int | None = None
    """``None``: every task."""

    def fits(self, connector: str, class_name: str, task: int | None = None) -> bool:
        if self.task is not None and task is not None and self.task != task:
            return False
        return matches(connector, self.connector) and matches(class_name, self.connector_class)


@dataclass(slots=True, eq=False)
class InjectedFailure:
    """A failure that came from outside. ``left`` is how often it will still happen; ``spent`` is told each time."""

    whose: Whose
    failure: Failure
    left: int | None
    spent: Callable[[], object]


@dataclass(frozen=True, slots=True, eq=False)
class SlowCode:
    """Connector code that takes another time than its own; ``takes_ms`` is ``None`` if it waits to be released.

    ``begins`` is told of every piece of code that it slows down.
    """

    whose: Whose
    where: Where
    takes_ms: int | None
    released: Reply[None]
    begins: Callable[[], object]


@dataclass(slots=True)
class Script:
    """What user code is going to do, shared by all workers: a plugin's behaviour unless a connector has its own.

    What was injected counts from now on, for instances that run already too.
    """

    overrides: dict[str, Behaviour] = field(default_factory=dict)
    generated: dict[str, tuple[Config, tuple[TaskConfig, ...]]] = field(default_factory=dict)
    """Task configs that a connector once generated from a config: the same config gives the same again."""
    failures: dict[str, InjectedFailure] = field(default_factory=dict)
    slow: dict[str, SlowCode] = field(default_factory=dict)
    stuck: dict[str, Whose] = field(default_factory=dict)
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
        self,
        behaviour: Behaviour,
        where: Where,
        connector: str,
        task: int | None = None,
        *,
        class_name: str = "",
    ) -> Failure | None:
        """The failure due at this place, if it has not happened ``times`` times yet."""
        for failure in self.due(behaviour, where, connector, task, class_name=class_name):
            self.spend(failure, connector, task)
            return failure
        return None

    def due(
        self,
        behaviour: Behaviour,
        where: Where,
        connector: str,
        task: int | None = None,
        *,
        class_name: str = "",
    ) -> list[Failure]:
        """The failures that have not happened often enough at this place yet; what was injected comes first."""
        injected = [
            one.failure
            for one in self.failures.values()
            if one.failure.where == where and one.left != 0 and one.whose.fits(connector, class_name, task)
        ]
        return injected + [
            failure
            for failure in behaviour.failures_at(where, task)
            if failure.times is None or self._spent.get((connector, task, failure), 0) < failure.times
        ]

    def spend(self, failure: Failure, connector: str, task: int | None = None) -> None:
        """It happens now."""
        for one in self.failures.values():
            if one.failure is failure:
                one.left = None if one.left is None else one.left - 1
                one.spent()
                return
        key = (connector, task, failure)
        self._spent[key] = self._spent.get(key, 0) + 1

    def slowness(
        self, where: Where, connector: str, class_name: str, task: int | None = None
    ) -> SlowCode | None:
        """What makes this piece of code, which begins now, take another time; the newest counts."""
        if not self.slow:
            return None
        for one in reversed(self.slow.values()):
            if one.where == where and one.whose.fits(connector, class_name, task):
                one.begins()
                return one
        return None

    def is_stuck(self, connector: str, class_name: str, task: int) -> bool:
        """Whether this task runs without getting on."""
        return any(whose.fits(connector, class_name, task) for whose in self.stuck.values())


def throw(failure: Failure, class_name: str, kind: str) -> Thrown:
    """The Java exception of a scripted failure in user code."""
    trace = failure.trace or failure.throwable(class_name, kind).trace()
    return Thrown(lengthened(trace, failure.trace_bytes), failure.message)


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
    providers: Mapping[str, ConfigProvider] = field(default_factory=dict)

    def note(self, what: str, detail: str) -> None:
        self.sim.note(self.settings.name, self.generation(), what, detail)


def run_code(duration_ms: int, slow: SlowCode | None = None) -> Steps[None]:
    """Run user code that takes so long; a negative duration never returns."""
    if slow is not None:
        yield Within(slow.released, slow.takes_ms)
    elif duration_ms < 0:
        yield Reply()
    elif duration_ms:
        yield duration_ms


def report_connector(site: Site, name: str, state: State, trace: str | None, version: str | None) -> None:
    """``AbstractHerder.onStartup`` and its kin: one status record for a connector."""
    status = Status(state, site.settings.worker_id, site.generation(), trace, _told(site, version))
    site.note("connector", f"{name} {state.value}")
    if not _fits(site, name, status):
        return
    if state in SAFE:
        site.statuses.put_connector_safe(name, status)
    else:
        site.statuses.put_connector(name, status)


def report_task(
    site: Site, task_id: ConnectorTaskId, state: State, trace: str | None, version: str | None
) -> None:
    status = Status(state, site.settings.worker_id, site.generation(), trace, _told(site, version))
    site.note("task", f"{task_id} {state.value}")
    if not _fits(site, str(task_id), status):
        return
    if state in SAFE:
        site.statuses.put_task_safe(task_id, status)
    else:
        site.statuses.put_task(task_id, status)


def _fits(site: Site, what: str, status: Status) -> bool:
    """Whether the record can be sent. ``RecordTooLargeException`` cannot be retried: it is logged, and that is all."""
    if status.trace is None:
        return True
    size = record_bytes(status)
    fits = size <= site.settings.request_bytes_max
    if not fits:
        site.note("status lost", f"{what} {status.state.value}: {size} bytes are too many for one request")
    return fits


def _told(site: Site, version: str | None) -> str | None:
    """A record of an older worker has no version, which a newer one that reads it shows as null."""
    return version if site.settings.version.has("status_version") else None
