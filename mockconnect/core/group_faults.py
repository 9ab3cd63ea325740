"""Carriers of what happens to the group and in an upgrade: rounds, leaders, versions, plugins."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mockconnect.core.carrying import Active, Ground, thread
from mockconnect.core.connect import ConnectProcess, Rest
from mockconnect.core.faults import (
    Elect,
    FaultError,
    ForeignLeader,
    HoldRebalance,
    NoLeader,
    Rebalance,
    RollingUpgrade,
    SetPlugins,
    SetVersion,
)
from mockconnect.core.group import GroupState
from mockconnect.core.network import Break
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Reply, Steps, Within
from mockconnect.core.terms import ConnectorTaskId
from mockconnect.core.versions import KafkaVersion
from mockconnect.core.worker_faults import gone, start_when_down, take_down

# --- rounds and leaders ---------------------------------------------------------------------------------------------------


def rebalance(ground: Ground, _: Active[Rebalance]) -> None:
    ground.broker.coordinator.rebalance()


def hold_rebalance(ground: Ground, active: Active[HoldRebalance]) -> None:
    coordinator = ground.broker.coordinator
    coordinator.hold(active.id)
    active.undo(lambda: coordinator.release(active.id))
    if active.fault.force:
        coordinator.rebalance()


def elect(ground: Ground, active: Active[Elect]) -> None:
    coordinator = ground.broker.coordinator
    name = active.resolve(active.fault.leader)[0]
    for earlier in [one for one in ground.others(active) if isinstance(one.fault, Elect)]:
        earlier.finish("over")  # its worker will not lead: who is asked for last does
    coordinator.elect(ground.workers[name].settings.client_id, active.id)
    active.undo(lambda: coordinator.forget_favourite(active.id))
    if active.fault.force and ground.cast.leader() != name:
        coordinator.rebalance()
    leads = ground.sim.when(lambda: _leads(ground, name), lambda: active.finish("done"))
    active.undo(leads)


def _leads(ground: Ground, name: str) -> bool:
    return ground.cast.leader() == name and ground.broker.coordinator.state is GroupState.STABLE


def no_leader(ground: Ground, active: Active[NoLeader]) -> None:
    network = ground.broker.network
    for name in active.resolve(active.fault.worker, "any"):
        network.hide_leader(name, active.id)
        active.undo(partial(network.show_leader, name, active.id))


def foreign_leader(ground: Ground, active: Active[ForeignLeader]) -> None:
    """A whole worker, with what everybody here would see of it: a URL in the group that leads nowhere."""
    fault, coordinator, network = active.fault, ground.broker.coordinator, ground.broker.network
    ours = next(iter(ground.workers.values())).settings
    name = f"elsewhere-{active.id}"
    settings = replace(ours, name=name, host=fault.host, port=fault.port, advertised_url=None, config=())
    others = list(ground.workers)
    if any(worker.settings.worker_id == settings.worker_id for worker in ground.workers.values()):
        raise FaultError(f"there is a worker at {settings.worker_id} already")
    worker = ground.add_worker(settings, elsewhere=True)
    active.workers.append(name)
    for other in others:
        network.cut_link(other, name, Break.DROPPED, active.id)
        network.cut_link(name, other, Break.DROPPED, active.id)

    def heal() -> None:
        coordinator.forget_favourite(active.id)
        for other in others:
            network.heal_link(other, name, active.id)
            network.heal_link(name, other, active.id)
        gone(worker).on_done(lambda _: ground.sim.after(0, lambda: ground.remove_worker(name)))
        worker.thaw()
        worker.stop()

    coordinator.elect(settings.client_id, active.id)
    active.undo(heal)
    worker.start()


# --- upgrades -----------------------------------------------------------------------------------------------------------


def set_plugins(ground: Ground, active: Active[SetPlugins]) -> None:
    plugins = ground.plugins(active.fault.to)
    for name in active.resolve(active.fault.worker, "any"):
        ground.workers[name].plugins = plugins


def set_version(ground: Ground, active: Active[SetVersion]) -> None:
    version = version_of(active.fault.kafka_version)
    for name in active.resolve(active.fault.worker, "any"):
        _upgrade(ground, name, version, None)


def version_of(text: str) -> KafkaVersion:
    """Raises :class:`FaultError`."""
    try:
        return KafkaVersion.parse(text)
    except ValueError as error:
        raise FaultError(str(error)) from None


def _upgrade(
    ground: Ground, name: str, version: KafkaVersion | None, plugins: tuple[PluginDesc, ...] | None
) -> None:
    worker = ground.workers[name]
    if version is not None:
        for replugged in ground.replug:
            worker.plugins = replugged(worker, version)
        worker.settings = replace(worker.settings, version=version)
        ground.sim.note(name, -1, "worker", f"gets version {version.text}")
    if plugins is not None:
        worker.plugins = plugins
        ground.sim.note(name, -1, "worker", f"gets {len(plugins)} plugins")


def rolling_upgrade(ground: Ground, active: Active[RollingUpgrade]) -> None:
    fault = active.fault
    plugins = None if fault.plugins is None else ground.plugins(fault.plugins)
    version = None if fault.kafka_version is None else version_of(fault.kafka_version)
    if fault.until not in CONDITIONS and fault.until not in ground.conditions:
        known = ", ".join((*CONDITIONS, *sorted(ground.conditions)))
        raise FaultError(f"nothing to wait for is called {fault.until!r}; there are {known}")
    names = active.resolve(fault.workers, "any")
    roll = _Roll(ground, active, names, version, plugins)
    operator = thread(ground)
    active.undo(roll.leave_up)
    active.undo(operator.kill)
    operator.spawn(roll.steps())


class _Roll:
    """One rolling upgrade under way, as an operator does it."""

    def __init__(
        self,
        ground: Ground,
        active: Active[RollingUpgrade],
        names: list[str],
        version: KafkaVersion | None,
        plugins: tuple[PluginDesc, ...] | None,
    ) -> None:
        self._ground = ground
        self._active = active
        self._left = names
        self._version = version
        self._plugins = plugins
        self._down: str | None = None
        match active.fault.order:
            case "reversed":
                self._left = names[::-1]
            case "random":
                self._left = active.dice.sample(names, len(names))
            case _:
                self._left = list(names)

    def leave_up(self) -> None:
        if self._down is not None:
            start_when_down(self._ground, self._ground.workers[self._down])

    def steps(self) -> Steps[None]:
        while self._left:
            name = self._next()
            self._left.remove(name)
            if name not in self._ground.workers:  # it was removed meanwhile
                continue
            yield from self._one(name)
            yield from self._wait_for(name)
            if self._left:
                yield self._active.fault.pause_ms
        self._active.finish("done")

    def _next(self) -> str:
        leader, order = self._ground.cast.leader(), self._active.fault.order
        if order == "leader_first" and leader in self._left:
            return leader
        if order == "leader_last":
            return next((name for name in self._left if name != leader), self._left[0])
        return self._left[0]

    def _one(self, name: str) -> Steps[None]:
        ground, fault, worker = self._ground, self._active.fault, self._ground.workers[name]
        ground.note(f"{self._active.id} takes {name} down")
        self._down = name
        take_down(worker, graceful=fault.graceful)
        yield gone(worker)
        _upgrade(ground, name, self._version, self._plugins)
        yield fault.down_for_ms
        worker.start()
        self._down = None

    def _wait_for(self, name: str) -> Steps[None]:
        fault, ground = self._active.fault, self._ground
        reached: Reply[None] = Reply()
        stop_looking = ground.sim.when(lambda: self._holds(name), lambda: reached.complete(None))
        in_time = yield Within(reached, fault.timeout_ms)
        stop_looking()
        if not in_time:
            ground.note(f"{self._active.id} goes on: {fault.until} was not reached in {fault.timeout_ms} ms")

    def _holds(self, name: str) -> bool:
        until = self._active.fault.until
        if until in self._ground.conditions:
            return self._ground.conditions[until](name)
        return CONDITIONS[until](self._ground, name)


def serves(ground: Ground, name: str) -> bool:
    """Its port serves, as a TCP or HTTP probe sees it."""
    return ground.workers[name].rest is Rest.SERVING


def has_joined(ground: Ground, name: str) -> bool:
    """It is ready, and the group is at peace with it, as ``/health`` and a little patience see it."""
    worker, coordinator = ground.workers[name], ground.broker.coordinator
    if not serves(ground, name) or worker.frozen or worker.node is None or not worker.node.inside.ready:
        return False
    if ground.standalone:
        return True
    member_id = worker.node.inside.member_id
    return coordinator.state is GroupState.STABLE and coordinator.is_member(member_id)


def is_assigned(ground: Ground, name: str) -> bool:
    """Everything configured is assigned to somebody: no delay is running."""
    if not has_joined(ground, name) or ground.standalone:
        return has_joined(ground, name)
    nodes = [node for _, node in ground.live()]
    assignable = _node(ground, name).configs.snapshot().assignable
    connectors = {each for node in nodes for each in node.herder.connectors}
    tasks = {each for node in nodes for each in node.herder.tasks}
    return all(
        connector in connectors and all(ConnectorTaskId.of(connector, task) in tasks for task in range(count))
        for connector, count in assignable.items()
    )


def _node(ground: Ground, name: str) -> ConnectProcess:
    node = ground.workers[name].node
    assert node is not None, f"{name} runs"
    return node


def at_once(_: Ground, __: str) -> bool:
    """Careless."""
    return True


CONDITIONS = {"at_once": at_once, "serving": serves, "joined": has_joined, "assigned": is_assigned}
"""What a rolling upgrade can wait for; ``Ground.conditions`` has more."""
