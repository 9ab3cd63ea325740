"""What users hold of a running cluster: how to start one, and verbs that wait until they are carried out.

Rules of this room:

* One cluster lives on one event loop: :func:`start` makes a thread for it, :func:`start_async` uses the caller's.
  Whatever is asked of a :class:`RunningCluster` is carried out on that loop, between two requests, so nobody locks.
* Verbs are those of core, with names, numbers or ``"leader"`` for workers and texts for durations. A verb that cannot
  be carried out raises :class:`ValueError` and says what there is.
* Looking changes nothing, and works after the end as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias, TypeVar, Unpack, get_args

from mockconnect.arguments.values import duration_ms
from mockconnect.arguments.workers import plugins_on
from mockconnect.control.stage import EVERYTHING, SCOPES, Scope
from mockconnect.core.answers import Answer
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.core.faults import (
    AddWorker,
    BlockHerder,
    Crash,
    FailConnector,
    FailTask,
    Fault,
    FaultError,
    Freeze,
    HoldStatus,
    How,
    Partition,
    RemoveWorker,
    SetOffsets,
    SetPlugins,
    SetVersion,
    Start,
    Stop,
    Thaw,
)
from mockconnect.core.injecting import FaultRow
from mockconnect.core.sim import TraceRow
from mockconnect.core.traces import CONNECT_EXCEPTION, java_trace
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.problems import one_of
from mockconnect.hosted import Hosted
from mockconnect.loop_thread import CarryOut, LoopThread, Verb, at_once
from mockconnect.options import (
    Arguments,
    Duration,
    PluginsGiven,
    WorkerGiven,
)
from mockconnect.requested import Requests, Wanted, read_arguments
from mockconnect.scenario.loading import Scenario
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report
from mockconnect.seen import Awaited, lately, running
from mockconnect.staging import player_of, scenario_of, staged
from mockconnect.strictness import unforgiven, unmet

T = TypeVar("T")
WorkerRef: TypeAlias = "str | int | Worker"
"""A worker by name, by index, by handle, or as ``"leader"``."""

BREAKS: Final[tuple[str, ...]] = get_args(How)
FAILURE: Final = java_trace(CONNECT_EXCEPTION, "failed on request of the test")


class NotReachedError(AssertionError):
    """What was waited for did not come about in the virtual time it was given."""


def start(
    workers: int | Sequence[WorkerGiven | str] | None = None,
    *,
    strict: bool = False,
    **arguments: Unpack[Arguments],
) -> RunningCluster:
    """Start a cluster on a thread of its own; use it in a ``with`` block, or call ``close()`` in the end.

    ``workers`` is a number (3, and 1 in standalone mode) or a list of names or dicts. The keyword arguments are those of
    :class:`mockconnect.options.Arguments`. When it returns all workers listen, and unless ``cold_start`` is true
    their first rebalance is over. Raises :class:`OptionsError` with every mistake at once.

    ``strict``: its end raises :class:`AssertionError` for faults that nothing met (see :meth:`RunningCluster.assert_faults_met`)
    and for bugs of mockconnect, unless the block ends with an error of its own.
    """
    thread = LoopThread(staged(_all(workers, arguments)))
    return RunningCluster(thread.start(), thread.carry_out, thread.stop, strict=strict)


@asynccontextmanager
async def start_async(
    workers: int | Sequence[WorkerGiven | str] | None = None,
    *,
    strict: bool = False,
    **arguments: Unpack[Arguments],
) -> AsyncIterator[RunningCluster]:
    """The same cluster on the running event loop, for tests that want no thread. Its verbs are plain calls too."""
    hosted = await Hosted.start(staged(_all(workers, arguments)))
    try:
        hosted.begin()
        cluster = RunningCluster(hosted, at_once, lambda: None, strict=strict)
        yield cluster
        cluster.close()
    finally:
        await hosted.stop()


def _all(workers: object, arguments: Mapping[str, object]) -> Mapping[str, object]:
    return {**arguments, **({} if workers is None else {"workers": workers})}


# --- what users hold ------------------------------------------------------------------------------------------------------


class RunningCluster:
    """A running cluster. Leave its ``with`` block, or call :meth:`close`, to end it."""

    def __init__(
        self, hosted: Hosted, carry_out: CarryOut, close: Callable[[], None], *, strict: bool = False
    ) -> None:
        self._is_strict = strict
        self._hosted = hosted
        self._carry_out = carry_out
        self._close = close
        self.is_judged = False
        """Whether somebody has judged its scenario by ``report.check()``, or has asked for another one."""
        self._handles: dict[str, Worker] = {}

    def __enter__(self) -> RunningCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True  # pytest shows the caller
        self._is_strict &= error is None
        self.close()

    def close(self) -> None:
        """Stop listening and end the thread. Pending requests are answered first.

        Raises :class:`AssertionError` if it was started ``strict`` and something is not forgiven; once.
        """
        __tracebackhide__ = True
        self._close()
        is_strict, self._is_strict = self._is_strict, False
        told = unforgiven(self._core, self.bugs) if is_strict else ""
        if told:
            raise AssertionError(told)

    def __repr__(self) -> str:
        return f"<mockconnect cluster of {len(self.workers)} at {self.url}, seed {self.seed}>"

    def _do(self, verb: Verb[T]) -> T:
        return self._carry_out(verb)

    @property
    def _core(self) -> Cluster:
        return self._hosted.core

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Handles of all workers, in order. A worker keeps its handle as long as it is there."""
        urls = dict(self._hosted.url_of)
        kept = {name: one for name, one in self._handles.items() if urls.get(name) == one.url}
        self._handles = {name: kept.get(name) or Worker(self, name, self._hosted) for name in urls}
        return tuple(self._handles.values())

    # --- who is there -------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where users of the cluster go: its front door, or else its first worker. No slash at the end."""
        return self._hosted.front_door_url or self._hosted.urls[0]

    @property
    def front_door_url(self) -> str | None:
        """URL of the front door, if there is one."""
        return self._hosted.front_door_url

    @property
    def control_url(self) -> str | None:
        """URL of the control API, if there is one (``control_port=0`` takes a free port)."""
        return self._hosted.control_url

    @property
    def urls(self) -> list[str]:
        return list(self._hosted.urls)

    def worker(self, worker: WorkerRef) -> Worker:
        """The handle of a worker by name, index or ``"leader"``. Raises :class:`ValueError`."""
        return self._do(lambda: self._find(worker))

    @property
    def leader(self) -> Worker | None:
        """The worker that the group calls its leader; ``None`` while there is none, and in standalone mode."""
        return self._do(self._leader)

    @property
    def followers(self) -> list[Worker]:
        """Every worker but the leader, in order."""
        leader = self.leader
        return [worker for worker in self.workers if worker is not leader]

    @property
    def generation(self) -> int:
        return self._do(lambda: self._core.generation)

    def owner(self, connector: str, task: int | None = None) -> Worker | None:
        """The worker that runs a connector, or one of its tasks."""
        return self._do(lambda: self._named(self._core.owner(connector, task)))

    def _leader(self) -> Worker | None:
        return self._named(self._core.leader)

    def _named(self, name: str | None) -> Worker | None:
        return next((worker for worker in self.workers if worker.name == name), None)

    def _find(self, worker: WorkerRef) -> Worker:
        if isinstance(worker, Worker):
            return worker
        if worker == "leader":
            leader = self._leader()
            if leader is None:
                raise ValueError(f"the cluster has no leader at {self._core.now_ms} ms")
            return leader
        names = [one.name for one in self.workers]
        if isinstance(worker, int):
            if not -len(names) <= worker < len(names):
                raise ValueError(f"there is no worker {worker}; there are {len(names)}, counted from 0")
            return self.workers[worker]
        if worker not in names:
            raise ValueError(f"worker: {one_of(worker, (*names, 'leader'))}")
        return self.workers[names.index(worker)]

    # --- time -----------------------------------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        return self._hosted.options.seed

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds since the cluster's beginning."""
        return self._do(lambda: self._core.now_ms)

    @property
    def settled(self) -> bool:
        """Nothing is under way: all live workers are members, caught up and idle."""
        return self._do(lambda: self._core.settled)

    def advance(self, duration: Duration) -> None:
        """Let virtual time pass: ``advance("5m")``."""
        span_ms = duration_ms(duration)
        self._do(lambda: self._hosted.clock.advance(span_ms))

    def run_until(self, until: Callable[[RunningCluster], bool] | Duration, max: Duration = "10m") -> bool:
        """Run to an instant, or until ``until(cluster)`` is true; says whether that came about within ``max``."""
        limit_ms = duration_ms(max, "max")
        reached = (lambda: until(self)) if callable(until) else duration_ms(until, "until")
        return self._do(lambda: self._hosted.clock.run_until(reached, limit_ms))

    def settle(self, max: Duration = "15m") -> None:
        """Run until nothing is under way. Raises :class:`NotReachedError`."""
        __tracebackhide__ = True  # pytest shows the caller
        limit_ms = duration_ms(max, "max")
        if not self._do(lambda: self._hosted.clock.run_until(lambda: self._core.settled, limit_ms)):
            raise NotReachedError(self._missed(f"the cluster did not settle within {limit_ms} ms"))

    def wait_for(
        self,
        connector: str,
        state: str = "RUNNING",
        tasks: int | None = None,
        *,
        task_state: str | None = None,
        within: Duration = "60s",
    ) -> None:
        """Run until every serving worker shows the connector in ``state`` and its tasks in ``task_state``.

        ``tasks`` is how many tasks there must be (whatever number there is, if left out); ``task_state`` is the
        connector's state if left out. Raises :class:`NotReachedError` with what was last seen.
        """
        __tracebackhide__ = True
        wanted = Awaited(connector, state.upper(), tasks, (task_state or state).upper())
        limit_ms = duration_ms(within, "within")
        if not self._do(lambda: self._hosted.clock.run_until(lambda: wanted.has_come(self._core), limit_ms)):
            lines = self._do(lambda: wanted.lines(self._core))
            raise NotReachedError(self._missed(f"{wanted} was not reached within {limit_ms} ms:\n{lines}"))

    def _missed(self, what: str) -> str:
        return f"{what}\nseed {self.seed}, what happened last:\n{self.timeline(20)}"

    # --- whatever can happen --------------------------------------------------------------------------------------------------

    def inject(self, fault: Fault, *, until: Callable[[RunningCluster], bool] | None = None) -> str:
        """Let a fault of :mod:`mockconnect.faults` happen now; gives its id. ``until`` ends it when it is true.

        Raises :class:`mockconnect.faults.FaultError` if it cannot be carried out.
        """
        over = None if until is None else partial(until, self)
        return self._act(lambda: self._core.inject(fault, until=over))

    def heal_all(self) -> list[str]:
        """End every active fault, the newest first; gives their ids."""
        return self._act(self._core.heal_all)

    @property
    def faults(self) -> list[FaultRow]:
        """The faults that are active now, in order of injection."""
        return self._do(lambda: self._core.faults.active)

    def assert_faults_met(self) -> None:
        """Nothing was injected in vain since the cluster began, or was reset. Raises :class:`AssertionError`.

        That is about faults of requests, and of code that fails, is slow or dies at some point: each of them has met at
        least one such request, or such code. All other faults happen as soon as they are injected.
        """
        __tracebackhide__ = True
        told = self._do(lambda: unmet(self._core))
        if told:
            raise AssertionError(told)

    def requests(
        self,
        last: int | None = None,
        *,
        operation: str | None = None,
        connector: str | None = None,
        task: int | None = None,
        worker: WorkerRef | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | str | None = None,
        since: int | None = None,
    ) -> Requests:
        """What clients have asked, at workers and at the front door, the oldest first (``last``: only the newest so many).

        ``operation`` is a name such as ``restart_task``, a pattern with ``*``, ``any_read`` or ``any_write``; ``connector`` and
        ``path`` may be patterns; ``status`` is ``409``, ``"5xx"``, ``"409.stale_config"``, ``"none"`` (the connection broke) or
        ``"open"``; ``since`` is a row's ``number``: only later ones. ``assert_count`` and its like say what is expected of
        them. Raises :class:`ValueError` for what means nothing.
        """
        given: dict[str, object] = {"operation": operation, "connector": connector, "task": task}
        given |= {"method": method, "path": path, "status": status, "since": since}

        def verb() -> Requests:
            if worker is None or (isinstance(worker, str) and worker != "leader"):
                given["worker"] = worker  # one that is gone has requests, too
            else:
                given["worker"] = self._find(worker).name
            return Requests(self._core, read_arguments(given, Wanted, self._core, "requests()"), last)

        return self._do(verb)

    def reset(self, *scopes: Scope) -> None:
        """Make the cluster what it was when it started: same options, seed and ports, so the same run again.

        ``reset("journal", "faults")`` is a part of that; the parts are ``state`` (a new cluster, at the beginning of time),
        ``scenario``, ``faults``, ``journal`` and ``clock``. Requests that are being answered lose their connections.
        Raises :class:`ValueError` for any other name.
        """
        for scope in scopes:
            if scope not in SCOPES:
                raise ValueError(f"reset: {one_of(scope, SCOPES)}")
        self._do(lambda: self._hosted.reset(scopes or EVERYTHING))
        if {"scenario", "all"} & {*(scopes or EVERYTHING)}:
            self.is_judged = False

    def restore(self, name: str) -> None:
        """Make the cluster anew, with what a snapshot has that was taken by :meth:`snapshot`.

        Time begins again, no fault is active, nothing is played. Raises :class:`SnapshotError` (a :class:`ValueError`).
        """
        self._do(lambda: self._hosted.restore(name))

    # --- the scenario -------------------------------------------------------------------------------------------------------

    def play(self, scenario: str | Path | Scenario, params: Mapping[str, object] | None = None) -> None:
        """Begin to play a scenario on this cluster now, whatever it says of a cluster. One that is played ends first.

        Raises :class:`OptionsError` or :class:`mockconnect.files.problems.FileError`.
        """
        loaded = scenario if isinstance(scenario, Scenario) else scenario_of(scenario, params)

        def verb() -> None:
            if self._hosted.player is not None:
                self._hosted.player.close()
            self._hosted.player = player_of(loaded, self._core)
            self._hosted.begin()

        self._act(verb)
        self.is_judged = True

    def stop_scenario(self) -> Report:
        """End the scenario that is played, heal what it broke, and judge as far as that can be."""

        def verb() -> Report:
            player = self._player()
            player.stop()
            return self._report()

        return self._act(verb)

    @property
    def scenario(self) -> str | None:
        """The name of the scenario that is played, or was played last, if there is one."""
        return self._do(lambda: None if self._hosted.player is None else self._hosted.player.scenario.name)

    @property
    def scenario_over(self) -> bool:
        """Whether the scenario that was asked for is played to its end."""
        return self._do(lambda: self._player().over)

    def play_out(self, max: Duration = "24h") -> Report:
        """Run to the end of the scenario and judge it; ``report.check()`` raises if something did not hold."""
        limit_ms = duration_ms(max, "max")

        def verb() -> Report:
            player = self._player()
            player.detach_client()
            self._hosted.clock.run_until(lambda: player.over, limit_ms)
            return self._report()

        return self._do(verb)

    def report(self) -> Report:
        """What is known of the scenario now."""
        return self._do(self._report)

    def observe(self) -> None:
        """Keep what happens from now on, for :meth:`observed`, whether a scenario is played or not."""
        self._do(self._hosted.observe)

    def observed(self) -> Report:
        """What has happened since :meth:`observe`, or since the cluster was made anew; nothing in it is judged."""
        return self._do(self._hosted.observed)

    def _report(self) -> Report:
        return replace(self._player().report(), on_check=self._checked)

    def _checked(self) -> None:
        self.is_judged = True

    def _player(self) -> Player:
        if self._hosted.player is None:
            raise ValueError("no scenario was asked for: start(scenario=...)")
        return self._hosted.player

    # --- what can happen to workers -------------------------------------------------------------------------------------------

    def crash(self, worker: WorkerRef) -> None:
        """``kill -9``: no goodbye; the group notices after the session time-out."""
        self._to(worker, Crash)

    def stop(self, worker: WorkerRef) -> None:
        """SIGTERM: shut down cleanly, which takes virtual time."""
        self._to(worker, Stop)

    def start(self, worker: WorkerRef) -> None:
        """Start a worker that is down; it boots in virtual time."""
        self._to(worker, Start)

    def add_worker(
        self,
        name: str,
        *,
        kafka_version: str | None = None,
        plugins: PluginsGiven | None = None,
        config: Mapping[str, str] | None = None,
    ) -> Worker:
        """One worker more, of the newest worker's kind unless something else is said; it boots in virtual time."""

        def verb() -> None:
            version = kafka_version or self._machine(self.workers[-1]).settings.version.text
            given = None if plugins is None else plugins_on(KafkaVersion.parse(version), plugins)
            self._core.inject(AddWorker(name, kafka_version, given, config))

        self._act(verb)
        return self.worker(name)

    def remove_worker(self, worker: WorkerRef, *, graceful: bool = True) -> None:
        """A worker goes for good, which takes virtual time if it is ``graceful``."""
        self._to(worker, lambda name: RemoveWorker(name, graceful))

    def freeze(self, worker: WorkerRef) -> None:
        """SIGSTOP: its port accepts, nothing answers."""
        self._to(worker, Freeze)

    def thaw(self, worker: WorkerRef) -> None:
        """SIGCONT."""
        self._to(worker, Thaw)

    def _to(self, worker: WorkerRef, fault: Callable[[str], Fault]) -> None:
        self._act(lambda: self._core.inject(fault(self._find(worker).name)))

    def _act(self, verb: Verb[T]) -> T:
        """Carry out something that happens at this very moment and may schedule more."""

        def act() -> T:
            clock = self._hosted.clock
            clock.advance(0)
            try:
                return verb()
            finally:
                clock.rearm()

        return self._do(act)

    def _machine(self, worker: WorkerRef) -> ConnectWorker:
        return self._core.workers[self._find(worker).name]

    def set_plugins(self, worker: WorkerRef, plugins: PluginsGiven | None) -> None:
        """The worker's plugin path beside the distribution's own plugins; it counts from its next start."""

        def verb() -> None:
            machine = self._machine(worker)
            self._core.inject(SetPlugins(machine.name, plugins_on(machine.settings.version, plugins)))

        self._act(verb)

    def set_version(self, worker: WorkerRef, kafka_version: str) -> None:
        """Another Kafka version, with the plugins that it ships; it counts from the worker's next start."""
        self._to(worker, lambda name: SetVersion(name, kafka_version))

    def block_herder(
        self, worker: WorkerRef, duration: Duration, stage: str = "polling the group coordinator"
    ) -> None:
        """Keep a worker's herder thread busy, as slow connector code would; ``stage`` shows in time-out messages."""
        span_ms = duration_ms(duration)
        self._to(worker, lambda name: BlockHerder(name, stage, for_ms=span_ms))

    def set_lag(
        self, worker: WorkerRef, *, config: Duration | None = None, status: Duration | None = None
    ) -> None:
        """How far a worker's readers of the config and the status topic are behind, from the next record on."""
        config_ms = None if config is None else duration_ms(config, "config")
        status_ms = None if status is None else duration_ms(status, "status")
        self._act(
            lambda: self._core.set_lag(self._find(worker).name, config_ms=config_ms, status_ms=status_ms)
        )

    def partition(self, worker: WorkerRef, other: WorkerRef = "kafka", how: str = "refused") -> None:
        """Cut a worker from Kafka, or from another worker (both ways).

        ``how``: ``refused``, ``dropped`` (only time-outs tell), ``silent`` (accepted, never answered), ``dns``, ``reset``,
        ``closed``, ``not_http``, ``tls``, ``tls_name``, ``tls_refused``; or what something else answers in the other's
        place: ``garbage`` (a proxy's page), ``upstream`` (its line of text), ``empty``, ``garbage_ok`` and ``empty_ok``
        (with status 200), ``no_content``, ``redirect``, ``unauthorized``, ``challenge``.
        """
        breaks = next((each for each in get_args(How) if each == how), None)
        if breaks is None:
            raise ValueError(f"how: {one_of(how, BREAKS)}")
        self._to(worker, lambda name: Partition(name, self._party(other), how=breaks))

    def _party(self, party: WorkerRef) -> str:
        return party if party == "kafka" else self._find(party).name

    def heal(self, worker: WorkerRef | None = None, other: WorkerRef | None = None) -> None:
        """End a fault by its id; or heal every partition, those of one worker, or that between two parties.

        ``other`` may be ``"kafka"``. :meth:`heal_all` ends whatever is active.
        """
        self._act(lambda: self._heal(worker, other))

    def _heal(self, worker: WorkerRef | None, other: WorkerRef | None) -> None:
        if isinstance(worker, str) and other is None and self._core.faults.is_active(worker):
            self._core.heal(worker)
            return
        wanted = [self._party(one) for one in (worker, other) if one is not None]
        for partition in self._core.faults.find(Partition):
            parties = (*partition.workers, *(("kafka",) if partition.fault.b == "kafka" else ()))
            if all(party in parties for party in wanted):
                partition.finish("healed")

    # --- what can happen to connectors ----------------------------------------------------------------------------------------

    def fail_connector(self, connector: str, trace: str = FAILURE) -> None:
        """The connector's code raises an error now; ``trace`` shows in its status."""
        try:
            self.inject(FailConnector(connector, trace=trace))
        except FaultError:
            others = self._do(lambda: running(self._core, "connectors"))
            raise ValueError(f"no worker runs connector {connector!r}; {others}") from None

    def fail_task(self, connector: str, task: int, trace: str = FAILURE) -> None:
        """A task throws now; ``trace`` shows in its status."""
        try:
            self.inject(FailTask(connector, task, trace=trace))
        except FaultError:
            others = self._do(lambda: running(self._core, "tasks"))
            raise ValueError(f"no worker runs task {task} of {connector!r}; {others}") from None

    def set_offsets(
        self, connector: str, offsets: Sequence[tuple[Mapping[str, object], Mapping[str, object] | None]]
    ) -> None:
        """The committed offsets of a connector, as pairs of partition and offset (``None`` forgets it)."""
        self.inject(SetOffsets(connector, tuple(offsets)))

    def hold_status(self, connector: str, task: int | None = None) -> str:
        """Status records of a connector, or of one task, do not get through until the id that this gives is healed."""
        return self.inject(HoldStatus(connector, task))

    # --- looking --------------------------------------------------------------------------------------------------------------

    def snapshot(self, name: str | None = None) -> Answer:
        """The whole cluster as plain, sorted data; with a name it is kept, for :meth:`restore`.

        What is kept is what the cluster's topics say: see ``docs/control-api.md``. Raises :class:`SnapshotError`.
        """

        def verb() -> Answer:
            if name is not None:
                self._hosted.keep(name)
            return self._core.snapshot()

        return self._do(verb)

    def trace(self, rows: int = 40) -> list[TraceRow]:
        """The last rows of what happened: instant, worker, its generation, what, and detail."""
        return self._do(lambda: self._core.sim.trace.tail(rows))

    def timeline(self, rows: int = 40) -> str:
        """The last rows of what happened, as text: seconds, worker, its generation, what, and detail.

        Requests of clients are among them, at the moment of their answer.
        """
        return self._do(lambda: lately(self._core, rows))

    @property
    def bugs(self) -> list[str]:
        """What went wrong inside mockconnect itself; always empty unless there is a bug to report."""
        return self._do(lambda: [str(bug) for bug in self._hosted.server.bugs])


class Worker:
    """One worker of a running cluster."""

    def __init__(self, cluster: RunningCluster, name: str, hosted: Hosted) -> None:
        self._cluster = cluster
        self.name: Final = name
        self.url: Final = hosted.url_of[name]
        """Where it listens, without a slash at the end."""
        self.id: Final = hosted.core.workers[self.name].settings.worker_id
        """Its worker id (``host:port``), as statuses show it."""

    def __repr__(self) -> str:
        return f"<worker {self.name} at {self.url}>"

    @property
    def is_leader(self) -> bool:
        return self._cluster.leader is self

    @property
    def rest(self) -> Rest:
        """How its port behaves."""
        return self._cluster._do(lambda: self._cluster._core.workers[self.name].rest)

    def crash(self) -> None:
        self._cluster.crash(self)

    def stop(self) -> None:
        self._cluster.stop(self)

    def start(self) -> None:
        self._cluster.start(self)

    def remove(self, *, graceful: bool = True) -> None:
        self._cluster.remove_worker(self, graceful=graceful)

    def freeze(self) -> None:
        self._cluster.freeze(self)

    def thaw(self) -> None:
        self._cluster.thaw(self)

    def set_plugins(self, plugins: PluginsGiven | None) -> None:
        self._cluster.set_plugins(self, plugins)
