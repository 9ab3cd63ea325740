"""Carriers of what happens to workers and to the network: processes, links, herder threads, readers, secrets."""

from __future__ import annotations

from functools import partial
from typing import Any

from mockconnect.core.carrying import Active, Ground
from mockconnect.core.config_providers import Secret
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.faults import (
    BlockHerder,
    Bounce,
    Crash,
    FaultError,
    ForwardFault,
    Freeze,
    Isolate,
    Lag,
    NotReady,
    Partition,
    SetSecret,
    Start,
    Stop,
    Thaw,
)
from mockconnect.core.network import Break
from mockconnect.core.sim import Reply

# --- processes ----------------------------------------------------------------------------------------------------------


def crash(ground: Ground, active: Active[Crash]) -> None:
    for name in active.resolve(active.fault.worker):
        ground.workers[name].crash()
        for other in ground.others(active):
            if isinstance(other.fault, Freeze):
                other.lets_go(name)  # nothing is left of what was frozen
    active.undo(lambda: _bring_all_back(ground, active))


def stop(ground: Ground, active: Active[Stop]) -> None:
    hang = active.fault.hang
    for name in active.resolve(active.fault.worker):
        ground.workers[name].stop(hang=hang)

    def end() -> None:
        for name in active.workers if hang else ():
            ground.workers[name].crash()
        _bring_all_back(ground, active)

    active.undo(end)


def start(ground: Ground, active: Active[Start]) -> None:
    for name in active.resolve(active.fault.worker, "down"):
        for other in ground.others(active):
            if isinstance(other.fault, Crash | Stop):
                if isinstance(other.fault, Stop) and other.fault.hang and name in other.workers:
                    ground.workers[name].crash()
                other.lets_go(name)
        start_when_down(ground, ground.workers[name])


def bounce(ground: Ground, active: Active[Bounce]) -> None:
    for name in active.resolve(active.fault.worker):
        active.undo(partial(_bring_back, ground, active, name))
        take_down(ground.workers[name], graceful=active.fault.graceful)
        gone(ground.workers[name]).on_done(partial(_down_for_a_while, ground, active, name))


def _down_for_a_while(ground: Ground, active: Active[Bounce], name: str, _: Reply[None]) -> None:
    def up() -> None:
        if not active.ended:
            _bring_back(ground, active, name)
            active.lets_go(name)

    ground.sim.after(active.fault.down_for_ms, up)


def take_down(worker: ConnectWorker, *, graceful: bool) -> None:
    if graceful:
        worker.stop()
    else:
        worker.crash()


def gone(worker: ConnectWorker) -> Reply[None]:
    """Done when the process that runs now is gone."""
    return worker.node.process.death() if worker.node is not None and worker.running else Reply.of(None)


def start_when_down(ground: Ground, worker: ConnectWorker) -> None:
    """Start it now, or when the shutdown that is under way is over."""
    if worker.running and worker.node is not None and worker.node.asked_to_stop:
        gone(worker).on_done(lambda _: ground.sim.after(0, worker.start))
    else:
        worker.start()


def _bring_all_back(ground: Ground, active: Active[Crash] | Active[Stop]) -> None:
    for name in active.workers:
        _bring_back(ground, active, name)


def _bring_back(ground: Ground, active: Active[Any], name: str) -> None:
    """Start it, unless another fault wants it down."""
    if not _kept_down(ground, active, name):
        start_when_down(ground, ground.workers[name])


def _kept_down(ground: Ground, active: Active[Any], name: str) -> bool:
    others = ground.others(active)
    return any(isinstance(other.fault, Crash | Stop | Bounce) and name in other.workers for other in others)


def freeze(ground: Ground, active: Active[Freeze]) -> None:
    def thaw_all() -> None:
        frozen = [other.workers for other in ground.others(active) if isinstance(other.fault, Freeze)]
        for name in active.workers:
            if not any(name in workers for workers in frozen):
                ground.workers[name].thaw()

    names = active.resolve(active.fault.worker)
    down = [name for name in names if not ground.workers[name].running]
    if down:
        raise FaultError(f"{', '.join(down)}: down, so there is nothing to freeze")
    for name in names:
        ground.workers[name].freeze()
    active.undo(thaw_all)


def thaw(ground: Ground, active: Active[Thaw]) -> None:
    for name in active.resolve(active.fault.worker, "frozen"):
        for other in ground.others(active):
            if isinstance(other.fault, Freeze):
                other.lets_go(name)
        ground.workers[name].thaw()


def not_ready(ground: Ground, active: Active[NotReady]) -> None:
    coordinator = ground.broker.coordinator
    for name in active.resolve(active.fault.worker, "any"):
        worker = ground.workers[name]
        client_id = worker.settings.client_id
        coordinator.park(client_id, active.id)
        active.undo(partial(coordinator.unpark, client_id, active.id))
        worker.crash()
        worker.start()


# --- links ----------------------------------------------------------------------------------------------------------------


def partition(ground: Ground, active: Active[Partition]) -> None:
    fault, how = active.fault, Break(active.fault.how)
    side = active.resolve(fault.a, "any")
    if fault.b == "kafka":
        for name in side:
            cut_kafka(ground, active, name, how)
        return
    ways = [(source, target) for source in side for target in active.resolve(fault.b, "any")]
    if not fault.oneway:
        ways = [way for source, target in ways for way in ((source, target), (target, source))]
    if all(source == target for source, target in ways):
        raise FaultError(f"{', '.join(side)}: nothing lies between a worker and itself")
    for source, target in dict.fromkeys(ways):
        cut_link(ground, active, source, target, how)


def isolate(ground: Ground, active: Active[Isolate]) -> None:
    how = Break(active.fault.how)
    for name in active.resolve(active.fault.worker, "any"):
        cut_kafka(ground, active, name, how)
        for other in ground.workers:
            cut_link(ground, active, name, other, how)
            cut_link(ground, active, other, name, how)


def cut_kafka(ground: Ground, active: Active[Partition] | Active[Isolate], worker: str, how: Break) -> None:
    network = ground.broker.network
    network.cut_kafka(worker, how, active.id)
    ground.sim.note(worker, -1, "network", f"cut from Kafka ({how.value})")

    def heal() -> None:
        network.heal_kafka(worker, active.id)
        if network.kafka_reachable(worker):
            ground.sim.note(worker, -1, "network", "reaches Kafka")
            machine = ground.workers.get(worker)
            if machine is not None and machine.gave_up and not _kept_down(ground, active, worker):
                # It found no Kafka when it started and ended; whatever watches over processes starts it again.
                machine.start()

    active.undo(heal)


def cut_link(
    ground: Ground,
    active: Active[Partition] | Active[Isolate] | Active[ForwardFault],
    source: str,
    target: str,
    how: Break,
) -> None:
    if source == target:
        return
    network = ground.broker.network
    network.cut_link(source, target, how, active.id)
    ground.sim.note(source, -1, "network", f"cut from {target} ({how.value})")

    def heal() -> None:
        network.heal_link(source, target, active.id)
        if network.link(source, target) is None:
            ground.sim.note(source, -1, "network", f"reaches {target}")

    active.undo(heal)


FORWARD_BREAKS = {how.value: how for how in Break} | {"timeout": Break.DROPPED}


def forward_fault(ground: Ground, active: Active[ForwardFault]) -> None:
    fault = active.fault
    targets = active.resolve(fault.target, "any")
    sources = active.resolve(fault.source, "any")
    if fault.kind == "stale_leader":
        _mislead(ground, active, sources, targets)
        return
    for source in sources:
        for target in targets:
            cut_link(ground, active, source, target, FORWARD_BREAKS[fault.kind])


def _mislead(ground: Ground, active: Active[ForwardFault], sources: list[str], targets: list[str]) -> None:
    network = ground.broker.network
    instead = active.resolve(active.fault.instead, "any")[0]
    for source in sources:
        for target in targets:
            url = f"http://{ground.workers[target].settings.worker_id}/"
            network.detour(source, url, f"http://{ground.workers[instead].settings.worker_id}/", active.id)
            active.undo(partial(network.end_detour, source, url, active.id))


# --- threads, readers, secrets ----------------------------------------------------------------------------------------------


def block_herder(ground: Ground, active: Active[BlockHerder]) -> None:
    released: Reply[None] = Reply()
    for name in active.resolve(active.fault.worker):
        node = ground.workers[name].node
        if node is None or not node.process.alive:
            raise FaultError(f"{name} is down: it has no herder to block")
        node.inside.block(released, active.fault.stage)
    active.undo(lambda: released.complete(None))


def lag(ground: Ground, active: Active[Lag]) -> None:
    fault = active.fault
    for name in active.resolve(fault.worker, "any"):
        worker = ground.workers[name]
        for topic, lag_ms in (("config", fault.config_ms), ("status", fault.status_ms)):
            if lag_ms is not None:
                worker.slow_reader(topic, lag_ms, active.id)
                active.undo(partial(worker.reader_recovers, topic, active.id))


def set_secret(ground: Ground, active: Active[SetSecret]) -> None:
    fault = active.fault
    for name in active.resolve(fault.worker, "any"):
        secrets = ground.workers[name].secrets
        if fault.entries is None:
            secrets.pop((fault.provider, fault.path), None)
        else:
            secrets[fault.provider, fault.path] = Secret(dict(fault.entries), fault.ttl_ms)
