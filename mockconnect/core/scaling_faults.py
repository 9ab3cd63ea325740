"""Carriers of what changes how many workers there are.

Rules of this room:

* A worker that is added is made after the newest one of this environment: its properties, its plugins. Where it listens
  is said by whoever opens ports (``Ground.ports``); with nobody there it has the next address that is free.
* Whoever keeps something for every worker is told of those that come and go (``Ground.on_worker``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mockconnect.core.carrying import Active, Ground
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.faults import AddWorker, FaultError, RemoveWorker
from mockconnect.core.group_faults import version_of
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.core.targets import ROLES
from mockconnect.core.worker_faults import gone, start_when_down, take_down

WORKERS_MAX = 100


def add_worker(ground: Ground, active: Active[AddWorker]) -> None:
    fault = active.fault
    ours = [worker for worker in ground.workers.values() if not worker.elsewhere]
    if not fault.name or fault.name in ground.workers or fault.name in (*ROLES, "kafka"):
        raise FaultError(f"no new worker can be called {fault.name!r}: that name is taken")
    if len(ours) >= WORKERS_MAX:
        raise FaultError(f"{WORKERS_MAX} workers are there: that must be enough")
    if not ours:
        raise FaultError("no worker is left that another one could be made after")
    model = ours[-1]
    settings = _settings(ground, model, fault)
    plugins = model.plugins
    if fault.kafka_version is not None:
        for replugged in ground.replug:
            plugins = replugged(model, settings.version)
    worker = ground.add_worker(settings, plugins if fault.plugins is None else ground.plugins(fault.plugins))
    active.workers.append(worker.name)
    for listener in tuple(ground.on_worker):
        listener(worker, True)
    worker.start()


def _settings(ground: Ground, model: ConnectWorker, fault: AddWorker) -> WorkerSettings:
    version = model.settings.version if fault.kafka_version is None else version_of(fault.kafka_version)
    host, port = _address(ground, model.settings, fault.name)
    config = tuple({**_shared(dict(model.settings.config)), **(fault.config or {})}.items())
    return replace(
        model.settings,
        name=fault.name,
        host=host,
        port=port,
        version=version,
        advertised_url=None,
        commit="",
        config=config,
    )


def _shared(config: Mapping[str, str]) -> dict[str, str]:
    """Worker properties that two workers may both have."""
    return {name: value for name, value in config.items() if name not in ("client.id", "admin.listeners")}


def _address(ground: Ground, model: WorkerSettings, name: str) -> tuple[str, int]:
    opened = ground.ports[-1](name) if ground.ports else None
    if model.host == model.name:  # addresses of a scenario: CONNECT-0:8083
        return name, model.port
    if opened is not None:
        return model.host, opened
    taken = [worker.settings.port for worker in ground.workers.values()]
    return model.host, max(taken) + 1


def remove_worker(ground: Ground, active: Active[RemoveWorker]) -> None:
    names = active.resolve(active.fault.worker, "any")
    staying = [one for one in ground.workers.values() if not one.elsewhere and one.name not in names]
    if not staying:
        active.workers.clear()
        raise FaultError("the last worker cannot be removed: there would be no cluster")
    for name in names:
        worker = ground.workers[name]
        active.undo(partial(_keep, ground, worker))
        take_down(worker, graceful=active.fault.graceful)
        gone(worker).on_done(partial(_removed, ground, active, worker))


def _keep(ground: Ground, worker: ConnectWorker) -> None:
    """It was not to go after all."""
    if worker.name in ground.workers:
        start_when_down(ground, worker)


def _removed(ground: Ground, active: Active[RemoveWorker], worker: ConnectWorker, _: Reply[None]) -> None:
    def remove() -> None:
        if active.ended or worker.running:
            return
        worker.is_removed = True
        for other in ground.others(active):
            other.lets_go(worker.name)
        ground.remove_worker(worker.name)
        ground.sim.note(worker.name, -1, "worker", "is no more")
        for listener in tuple(ground.on_worker):
            listener(worker, False)
        active.lets_go(worker.name)

    ground.sim.after(0, remove)
