"""What lives on the event loop: the simulated cluster, its clock, its ports, its control API, and the scenario it plays.

Rules of this room:

* Nothing here is safe to be called from another thread; :mod:`mockconnect.hosting` brings what users ask onto the loop.
* A worker's port is reserved before there is a cluster, and kept until the end, whatever becomes of the worker.
* A reset makes cluster, clock and server anew, on the same ports; whoever holds :class:`Hosted` asks it each time.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final

from mockconnect.arguments.workers import plugins_on
from mockconnect.catalog import apache_plugins, client_definition
from mockconnect.control.server import ControlServer
from mockconnect.control.stage import EVERYTHING, KEPT_MAX, NAME, SCOPES, Kept, Scope, SnapshotError
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.faults import FaultError
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.remembering import remembered
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import TraceRow
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.problems import Problem, one_of
from mockconnect.options import ControlChoice, Options, OptionsError
from mockconnect.rest.clock import Clock, Pace
from mockconnect.rest.ports import ReservedPort, is_loopback, reserve
from mockconnect.rest.servers import RestServer
from mockconnect.scenario.loading import Scenario
from mockconnect.scenario.observing import Observer
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report
from mockconnect.staging import Staged, player_of


class Hosted:
    """A cluster, its clock and its server, on the loop they live on."""

    def __init__(
        self,
        staging: Staged,
        ports: Sequence[ReservedPort],
        front_door: ReservedPort | None = None,
        control: ReservedPort | None = None,
    ) -> None:
        options = self.options = staging.options
        self._scenario = staging.scenario
        self._settings = tuple(plan.on(one.port) for plan, one in zip(options.workers, ports, strict=True))
        self._ports, self._door = ports, front_door
        self.resets = 0
        self._scheme = "http" if options.tls is None else "https"
        self.url_of: dict[str, str] = {}
        """Where each worker listens, by its name."""
        self.front_door_url = None if front_door is None else self._url(front_door.port)
        self._opened: dict[str, ReservedPort] = {}
        self._added: list[ReservedPort] = []
        """Ports of workers that came later; a reset closes them."""
        self.core = simulated(options, self._settings)
        self._follow_workers()
        self.clock = self._clock()
        self.server = self._server()
        self._kept: dict[str, Kept] = {}
        self._left: list[RestServer] = []
        """Of clusters that were reset, as long as somebody is connected."""
        self.player = self._player()
        self._observer: Observer | None = None
        self.control_url: str | None = None
        self._control: ControlServer | None = None
        if control is not None and options.control is not None:
            self._control = self._controlled(control, options.control)

    def _follow_workers(self) -> None:
        """A new cluster: who is there, and what comes of those who come and go."""
        ports = zip(self._settings, self._ports, strict=True)
        self.url_of = {one.name: self._url(port.port) for one, port in ports}
        self.core.faults.ground.ports.append(self._open_port)
        self.core.faults.ground.on_worker.append(self._worker_changed)

    def _url(self, port: int) -> str:
        return f"{self._scheme}://{_shown(self.options.host)}:{port}"

    @property
    def urls(self) -> tuple[str, ...]:
        """Where workers listen, in order."""
        return tuple(self.url_of.values())

    def _open_port(self, name: str) -> int:
        """A port for a worker that is added. Raises :class:`FaultError`."""
        try:
            self._opened[name] = _reserve(self.options.host, 0)
        except OSError as error:
            raise FaultError(f"no port for {name}: {error.strerror or error}") from error
        return self._opened[name].port

    def _worker_changed(self, worker: ConnectWorker, is_new: bool) -> None:
        if is_new:
            port = self._opened.pop(worker.name)
            self.url_of[worker.name] = self._url(port.port)
            self._added.append(port)
            self.server.add(worker, port)
        else:
            del self.url_of[worker.name]
            self.server.remove(worker.name)

    def _controlled(self, port: ReservedPort, choice: ControlChoice) -> ControlServer:
        """The control API. Workers' ports mirror it where that opens nothing that was not asked for."""
        self.control_url = f"http://{_shown(choice.host)}:{port.port}"
        control = ControlServer(self, port, choice.token, self._report)
        if choice.mirror and (choice.token or is_loopback(self.options.host)):
            self.server.aside = control.answer
        return control

    def _report(self, request: str, where: str, error: BaseException) -> None:
        self.server.report(request, where, error)

    def _clock(self) -> Clock:
        choice, per_request_ms = self.options.clock, self.options.per_request_ms
        clock = Clock(self.core.sim, Pace(choice.kind), rate=choice.rate)
        if per_request_ms is not None:
            clock.per_request_ms = per_request_ms
        self._follow_scenario(clock, self._scenario)
        return clock

    def _follow_scenario(self, clock: Clock, scenario: Scenario | None) -> None:
        """A scenario may say how far a request moves time; whoever has asked for the cluster knows better."""
        said_ms = None if scenario is None else scenario.settings.per_request
        if said_ms is not None and self.options.per_request_ms is None:
            clock.per_request_ms = said_ms

    def _server(self, admin_ports: Mapping[str, Sequence[ReservedPort]] | None = None) -> RestServer:
        options, door = self.options, None
        by_name = {one.name: port for one, port in zip(self._settings, self._ports, strict=True)}
        if self._door is not None and options.front_door is not None:
            door = (self._door, options.front_door)
        return RestServer(
            self.core, self.clock, by_name, admin_ports=admin_ports, tls=options.tls, front_door=door
        )

    def _player(self) -> Player | None:
        return None if self._scenario is None else player_of(self._scenario, self.core)

    @classmethod
    async def start(cls, staging: Staged) -> Hosted:
        options = staging.options
        ports = _reserve_all("port", options.host, options.port, len(options.workers))
        others: list[ReservedPort] = []
        door = control = None
        try:
            if options.front_door is not None:
                others += _reserve_all("front_door_port", options.host, options.front_door_port, 1)
                door = others[-1]
            if options.control is not None:
                control = _reserve_control(options.control)
                others.append(control)
            with _no_collections(keep=len(options.connectors) > LARGE_CLUSTER_CONNECTORS):
                hosted = cls(staging, ports, door, control)
                hosted._settle(hosted.core, cold_start=options.cold_start)
            hosted.server.start()
            if hosted._control is not None:
                await hosted._control.start()
        except BaseException:
            for port in (*ports, *others):
                port.close()
            raise
        return hosted

    def begin(self, *, with_client: bool = False) -> None:
        """Begin to play the scenario, if there is one; ``with_client``: at the first request of the one under test."""
        if self.player is None:
            return
        self.player.client_rate = self.clock.rate if self.clock.pace is Pace.REAL else None
        self._follow_scenario(self.clock, self.player.scenario)
        if with_client:
            self.player.attach_client()
            self.player.start_at_first_request()
        else:
            self.player.start()
        self.clock.rearm()

    def observe(self) -> None:
        """Keep what happens from now on, for :meth:`observed`. A cluster that is made anew is observed from its start."""
        self._observer = Observer(self.core)

    def observed(self) -> Report:
        """What has happened since :meth:`observe`. Raises :class:`ValueError`."""
        if self._observer is None:
            raise ValueError("nobody observes the cluster: observe() begins with it")
        return self._observer.report()

    def _settle(self, core: Cluster, *, cold_start: bool) -> None:
        core.start()
        if not cold_start and not core.settle():
            raise RuntimeError(
                f"the cluster did not settle (seed {self.options.seed})\n{_text(core.sim.trace.tail(40))}"
            )

    # --- once more from the start -----------------------------------------------------------------------------------------

    def reset(self, scopes: Collection[Scope] = EVERYTHING) -> None:
        """Make the cluster, or a part of it, what it was when it started.

        ``state`` is a new cluster of the same options and seed, on the same ports: time begins again, no fault is active,
        nothing is played. Requests that are being answered lose their connections. ``scenario`` plays the one that it
        was started with from the beginning, if there was one; any other ends. ``faults`` are healed, ``journal`` is
        emptied, ``clock`` goes as fast as at first. ``all`` is all of them.
        """
        wanted = set(SCOPES if "all" in scopes else scopes)
        with _no_collections(keep=False):
            if "state" in wanted:
                self._begin_anew(
                    self.options, keeps_requests="journal" not in wanted, keeps_clock="clock" not in wanted
                )
            else:
                self._reset_parts(wanted)
        if "scenario" in wanted:
            self.player = self._player()
            self.begin()

    def _begin_anew(self, options: Options, *, keeps_requests: bool, keeps_clock: bool) -> None:
        old_clock, old_server = self.clock, self.server
        gc.unfreeze()
        settings = [plan.on(one.port) for plan, one in zip(options.workers, self._ports, strict=True)]
        core = simulated(options, settings)
        self._settle(core, cold_start=options.cold_start)
        if keeps_requests:
            core.requests = self.core.requests
            core.requests.on_request.clear()
            core.requests.on_answer.clear()
        self.core, self.player = core, None
        self._follow_workers()
        if self._observer is not None:
            self.observe()
        old_server.leave()
        while self._added:
            self._added.pop().close()
        self._left = [one for one in (*self._left, old_server) if not one.is_empty]
        self.clock = self._clock()
        if keeps_clock:
            self.clock.rate, self.clock.per_request_ms = old_clock.rate, old_clock.per_request_ms
        self.server = self._server(old_server.admin_ports)
        self.server.aside, self.server.bugs = old_server.aside, old_server.bugs
        self.resets += 1
        self.server.start()

    def _reset_parts(self, wanted: Collection[str]) -> None:
        self.clock.advance(0)
        if "scenario" in wanted and self.player is not None:
            self.player.close()
            self.player = None
        if "faults" in wanted:
            self.core.heal_all()
        if "journal" in wanted:
            self.core.requests.clear()
        if "clock" in wanted:
            first = self._clock()
            self.clock.rate, self.clock.per_request_ms = first.rate, first.per_request_ms
        self.clock.rearm()

    # --- snapshots ----------------------------------------------------------------------------------------------------------

    @property
    def kept(self) -> Mapping[str, Kept]:
        """Snapshots by name, in the order in which they were taken."""
        return self._kept

    def keep(self, name: str) -> None:
        """Take a snapshot of what the topics say; one of that name is gone then. Raises :class:`SnapshotError`."""
        if NAME.fullmatch(name) is None:
            raise SnapshotError(f"a snapshot is called by letters, digits, '.', '_' and '-'; found {name!r}")
        if self.options.mode == "standalone":
            raise SnapshotError("a standalone worker keeps nothing that another one could begin with")
        self._kept.pop(name, None)
        if len(self._kept) >= KEPT_MAX:
            raise SnapshotError(f"there are {KEPT_MAX} snapshots already")
        self.clock.advance(0)
        self._kept[name] = Kept(as_it_is(self.options, self.core), self.core.now_ms, self.resets)

    def restore(self, name: str) -> None:
        """Make the cluster anew, with what the snapshot has. Raises :class:`SnapshotError`."""
        kept = self._find_kept(name)
        with _no_collections(keep=False):
            self._begin_anew(kept.options, keeps_requests=False, keeps_clock=True)

    def forget(self, name: str) -> None:
        """Raises :class:`SnapshotError`."""
        self._find_kept(name)
        del self._kept[name]

    def _find_kept(self, name: str) -> Kept:
        if name not in self._kept:
            raise SnapshotError(f"snapshot: {one_of(name, tuple(self._kept))}")
        return self._kept[name]

    async def stop(self) -> None:
        if self._control is not None:
            await self._control.stop()
        for server in (*self._left, self.server):
            await server.stop()
        gc.unfreeze()


def simulated(options: Options, workers: Sequence[WorkerSettings]) -> Cluster:
    """The cluster that options describe, without anything around it: its workers know their ports already."""
    cluster = Cluster(
        ClusterOptions(
            workers=tuple(workers),
            plugins=_on_any_worker(options),
            seed=options.seed,
            timing=options.timing,
            cluster_id=options.cluster_id,
            clients=partial(client_definition, version=workers[0].version.release),
            connectors=options.connectors,
            loggers=options.loggers,
            leader=options.leader,
            mode=options.mode,
        )
    )
    for plan in options.workers:
        cluster.set_plugins(plan.settings.name, plan.plugins)
    cluster.faults.ground.replug.append(_replugged)
    return cluster


def as_it_is(options: Options, core: Cluster) -> Options:
    """The options of a cluster that begins with what the topics of this one say now."""
    machines = core.workers
    workers = tuple(
        replace(plan, settings=machine.settings, plugins=machine.plugins)
        for plan in options.workers
        for machine in (machines[plan.settings.name],)
    )
    options = replace(options, workers=workers, leader=core.leader or "", cold_start=False)
    plugins = Plugins(_on_any_worker(options), workers[0].settings.version.number)
    loggers = {
        name: machine.node.worker.site.loggers.kept()
        for name, machine in machines.items()
        if machine.running and machine.node is not None and not machine.elsewhere
    }
    return replace(options, connectors=remembered(core.broker, plugins), loggers=loggers)


def _on_any_worker(options: Options) -> tuple[PluginDesc, ...]:
    """What connectors that exist from the start may be: one worker has made their tasks, whichever it was."""
    distinct = list({id(plan.plugins): plan.plugins for plan in options.workers}.values())
    if len(distinct) == 1:
        return distinct[0]
    return tuple(dict.fromkeys(plugin for plugins in distinct for plugin in plugins))


LARGE_CLUSTER_CONNECTORS: Final = 1_000


@contextmanager
def _no_collections(*, keep: bool) -> Iterator[None]:
    """A large cluster is millions of objects that all live on: walking them again and again takes longer than making
    them. ``keep`` exempts what was made from later walks too, until :func:`gc.unfreeze`.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        if keep:
            gc.freeze()
    finally:
        if collecting:
            gc.enable()


def _replugged(worker: ConnectWorker, version: KafkaVersion) -> tuple[PluginDesc, ...]:
    """What a worker has with another version: that distribution's plugins, and its own as before."""
    shipped = set(apache_plugins(worker.settings.version.release))
    return plugins_on(version, [plugin for plugin in worker.plugins if plugin not in shipped])


def _reserve_all(what: str, host: str, port: int, count: int) -> list[ReservedPort]:
    """One port per worker. Free ports are taken in ascending order, so that a run does not depend on them."""
    ports: list[ReservedPort] = []
    try:
        for number in range(count):
            ports.append(_reserve(host, port + number if port else 0))
    except OSError as error:
        for one in ports:
            one.close()
        wanted = f"port {port + len(ports)}" if port else "a free port"
        hint = "; 0 takes what is free" if port else ""
        problem = Problem(what, f"cannot listen on {wanted} of {host}: {error.strerror or error}{hint}")
        raise OptionsError([problem]) from error
    return sorted(ports, key=lambda one: one.port)


def _reserve_control(choice: ControlChoice) -> ReservedPort:
    """The port that was asked for, or the one that was wished for if nobody else has it."""
    if choice.wish:
        with suppress(OSError):
            return _reserve(choice.host, choice.wish)
    (port,) = _reserve_all("control_port", choice.host, choice.port, 1)
    return port


def _reserve(host: str, port: int) -> ReservedPort:
    """Reserved ports can be shared, so another server that listens there is only found by not sharing."""
    if port:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
    return reserve(host, port)


def _shown(host: str) -> str:
    """The host in a URL that this machine can reach."""
    if host in ("0.0.0.0", ""):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def _text(rows: Sequence[TraceRow]) -> str:
    return "\n".join(map(str, rows))
