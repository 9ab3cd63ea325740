"""Carriers of what happens to connectors and tasks: requests by somebody else, failing and slow code, offsets, statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mockconnect.core import status_store
from mockconnect.core.behaviour import Failure, Where
from mockconnect.core.carrying import Active, Ground, thread
from mockconnect.core.errors import ConnectError
from mockconnect.core.faults import (
    AdvanceOffsets,
    CreateConnector,
    DeleteConnector,
    FailConnector,
    FailTask,
    FaultError,
    SetOffsets,
    SetState,
    SetTopics,
    Slow,
    Slowable,
    Stick,
    WriteStatus,
    Zombie,
)
from mockconnect.core.instantiation import instantiated
from mockconnect.core.sim import Reply, Steps, Within
from mockconnect.core.site import InjectedFailure, SlowCode, Whose, throw
from mockconnect.core.terms import ConnectorTaskId, State, Status
from mockconnect.core.topics import Key, Topic
from mockconnect.core.worker_connector import WorkerConnector
from mockconnect.core.worker_task import WorkerTask, offsets_owner

# --- what somebody else does ------------------------------------------------------------------------------------------------

RETRY_MS: Final = 1_000
PATIENCE_MS: Final = 120_000


def create(ground: Ground, active: Active[CreateConnector]) -> None:
    fault = active.fault
    config = {**fault.config, "name": fault.connector}
    args = {"name": fault.connector, "config": config, "initial_state": fault.state}
    _ask(ground, active, "create_connector", args)


def delete(ground: Ground, active: Active[DeleteConnector]) -> None:
    _ask(ground, active, "delete_connector", {"name": active.fault.connector})


STATES: Final = {"RUNNING": "resume_connector", "PAUSED": "pause_connector", "STOPPED": "stop_connector"}


def set_state(ground: Ground, active: Active[SetState]) -> None:
    _ask(ground, active, STATES[active.fault.state], {"name": active.fault.connector})


def _ask(
    ground: Ground,
    active: Active[CreateConnector] | Active[DeleteConnector] | Active[SetState],
    operation: str,
    args: Mapping[str, Any],
) -> None:
    active.resolve(active.fault.worker)  # there must be somebody to ask
    active.workers.clear()
    somebody = thread(ground)
    active.undo(somebody.kill)
    somebody.spawn(_patiently(ground, active, operation, args))


def _patiently(
    ground: Ground,
    active: Active[CreateConnector] | Active[DeleteConnector] | Active[SetState],
    operation: str,
    args: Mapping[str, Any],
) -> Steps[None]:
    """As a robust client: what a rebalance or an absent worker refuses is asked again."""
    deadline_at_ms = ground.sim.now_ms + PATIENCE_MS
    while True:
        reply = _once(ground, active, operation, args)
        yield Within(reply, None)
        error = reply.error
        if error is None:
            active.finish("done")
            return
        if not _may_be_retried(error) or ground.sim.now_ms + RETRY_MS > deadline_at_ms:
            active.finish(f"refused: {error}")
            return
        yield RETRY_MS


def _once(
    ground: Ground,
    active: Active[CreateConnector] | Active[DeleteConnector] | Active[SetState],
    operation: str,
    args: Mapping[str, Any],
) -> Reply[Any]:
    try:
        name = ground.cast.resolve(active.fault.worker, active.dice)[0]
    except FaultError as error:
        return Reply.failed(ConnectError(503, str(error)))
    return ground.submit(name, operation, args)


def _may_be_retried(error: BaseException) -> bool:
    if not isinstance(error, ConnectError):
        return False
    conflict = error.status_code == 409 and "AlreadyExists" not in error.java_class
    return conflict or error.status_code >= 500


# --- code that fails --------------------------------------------------------------------------------------------------------


def fail_connector(ground: Ground, active: Active[FailConnector]) -> None:
    fault = active.fault
    whose = Whose(fault.connector, fault.connector_class)
    if fault.at != "now":
        _inject(ground, active, whose, _failure(fault, fault.at))
        return
    found = list(_connectors(ground, whose))
    if not found:
        raise FaultError(f"no connector {_shown(whose)} is running")
    if fault.times != 1:
        _inject(ground, active, whose, _failure(fault, "start"))
    failure = _failure(fault, "start")
    for connector in found:
        connector.fail(throw(failure, connector.plugin.class_name, connector.plugin.kind))
    active.happens(fault.times)


def fail_task(ground: Ground, active: Active[FailTask]) -> None:
    fault = active.fault
    whose = Whose(fault.connector, fault.connector_class, fault.task)
    if fault.at != "now":
        where: Where = (
            "running" if fault.at == "running" else "task_start" if fault.at == "start" else "task_stop"
        )
        _inject(ground, active, whose, _failure(fault, where))
        return
    found = list(_tasks(ground, whose))
    if not found:
        raise FaultError(f"no task of {_shown(whose)} is running")
    if fault.times != 1:
        _inject(ground, active, whose, _failure(fault, "running"))
    for task in found:
        failure = _failure(fault, "running")
        task.fail(throw(failure, task.behaviour.task_class or task.plugin.class_name, task.plugin.kind))
    active.happens(fault.times)


def _failure(fault: FailConnector | FailTask, where: Where) -> Failure:
    after_records, after_ms = (fault.after_records, fault.after_ms) if isinstance(fault, FailTask) else (0, 0)
    return Failure(
        where,
        fault.message,
        fault.exception,
        after_records,
        after_ms,
        None,
        None,
        fault.trace,
        trace_bytes=fault.trace_bytes,
    )


def _inject(
    ground: Ground, active: Active[FailConnector] | Active[FailTask], whose: Whose, failure: Failure
) -> None:
    script, times = ground.broker.script, active.fault.times

    def reconsider() -> None:
        for task in _tasks(ground, whose):
            task.reconsider()

    def take_back() -> None:
        script.failures.pop(active.id, None)
        reconsider()

    left = times if active.fault.at != "now" or times is None else times - 1
    script.failures[active.id] = InjectedFailure(whose, failure, left, lambda: active.happens(times))
    active.undo(take_back)
    reconsider()


# --- code that takes its time -------------------------------------------------------------------------------------------------


def slow(ground: Ground, active: Active[Slow]) -> None:
    fault = active.fault
    _slow_down(
        ground, active, Whose(fault.connector, fault.connector_class, fault.task), fault.code, fault.takes_ms
    )


def zombie(ground: Ground, active: Active[Zombie]) -> None:
    _slow_down(ground, active, Whose(active.fault.connector, task=active.fault.task), "task_stop", None)


def _slow_down(
    ground: Ground, active: Active[Slow] | Active[Zombie], whose: Whose, where: Slowable, takes_ms: int | None
) -> None:
    slow_code, released = ground.broker.script.slow, Reply[None]()
    slow_code[active.id] = SlowCode(whose, where, takes_ms, released, lambda: active.happens(None))

    def take_back() -> None:
        del slow_code[active.id]
        released.complete(None)

    active.undo(take_back)


# --- offsets, topics, statuses ----------------------------------------------------------------------------------------------


def stick(ground: Ground, active: Active[Stick]) -> None:
    stuck, whose = ground.broker.script.stuck, Whose(active.fault.connector, task=active.fault.task)

    def look() -> None:
        for task in _tasks(ground, whose):
            task.look_if_stuck()
            task.reconsider()

    def take_back() -> None:
        del stuck[active.id]
        look()

    stuck[active.id] = whose
    active.undo(take_back)
    look()


def advance_offsets(ground: Ground, active: Active[AdvanceOffsets]) -> None:
    fault = active.fault
    whose = Whose(fault.connector, task=fault.task)
    running = [task.progress for task in _tasks(ground, whose) if task.progress is not None]
    if not running:
        raise FaultError(f"no task of {_shown(whose)} is running")
    for progress in running:
        progress.skip(fault.records)


def set_offsets(ground: Ground, active: Active[SetOffsets]) -> None:
    fault = active.fault
    nodes = [node for _, node in ground.live()]
    entries = [node.configs.snapshot().entries.get(fault.connector) for node in nodes]
    known = next(((node, entry) for node, entry in zip(nodes, entries, strict=True) if entry), None)
    if known is None:
        raise FaultError(f"no worker that runs knows a connector {fault.connector!r}")
    node, entry = known
    try:
        plugin = instantiated(node.worker.site.plugins, entry.config)
    except ConnectError as error:
        raise FaultError(f"{fault.connector}: {error.message}") from None
    owner = offsets_owner(plugin, fault.connector, entry.config)
    ground.broker.offsets.put(owner, [(row[0], row[1]) for row in fault.offsets], ground.sim.now_ms)


def set_topics(ground: Ground, active: Active[SetTopics]) -> None:
    fault, topic = active.fault, ground.broker.status_topic
    wanted = dict.fromkeys(fault.topics)
    known = {
        record.key[2]
        for record in topic.compacted()
        if record.key[:2] == (status_store.TOPIC, fault.connector) and record.value is not None
    }
    for name in sorted(known - wanted.keys()):
        topic.append((status_store.TOPIC, fault.connector, name), None)
    for name in wanted:
        topic.append((status_store.TOPIC, fault.connector, name), str(ConnectorTaskId.of(fault.connector, 0)))


def write_status(ground: Ground, active: Active[WriteStatus]) -> None:
    fault, topic = active.fault, ground.broker.status_topic
    state = State(fault.state)
    key: Key = (status_store.CONNECTOR, fault.connector)
    if fault.task is not None:
        key = (status_store.TASK, fault.connector, str(fault.task))
    before = _latest(topic, key)
    worker_id = _worker_id(ground, active, before)
    generation = ground.generation if fault.generation is None else fault.generation
    version = before.version if before is not None else None
    status = Status(state, worker_id, generation, fault.trace, version)
    record = topic.append(key, status)

    def put_back() -> None:
        if _latest(topic, record.key) is status:
            topic.append(key, before)

    active.undo(put_back)


def _worker_id(ground: Ground, active: Active[WriteStatus], before: Status | None) -> str:
    target = active.fault.worker
    if target is None:
        owner = ground.cast.owner(active.fault.connector, active.fault.task)
        if before is not None:
            return before.worker_id
        if owner is None:
            raise FaultError(f"nobody runs {active.fault.connector}: say whom the status names")
        return ground.workers[owner].settings.worker_id
    if isinstance(target, str) and ":" in target and not target.startswith("owner_of"):
        return target
    return ground.workers[active.resolve(target, "any")[0]].settings.worker_id


def _latest(topic: Topic, key: Key) -> Status | None:
    found = None
    for record in topic.compacted():
        if record.key == key:
            found = record.value
    assert found is None or isinstance(found, Status), found
    return found


# --- who is meant -----------------------------------------------------------------------------------------------------------


def _connectors(ground: Ground, whose: Whose) -> Iterator[WorkerConnector]:
    for _, node in ground.live():
        for name, connector in sorted(node.worker.connectors.items()):
            if whose.fits(name, connector.plugin.class_name):
                yield connector


def _tasks(ground: Ground, whose: Whose) -> Iterator[WorkerTask]:
    for _, node in ground.live():
        for task_id, task in sorted(node.worker.tasks.items()):
            if whose.fits(task_id.connector, task.plugin.class_name, task_id.task):
                yield task


def _shown(whose: Whose) -> str:
    task = "" if whose.task is None else f"/{whose.task}"
    return f"{whose.connector}{task}" + (
        "" if whose.connector_class == "*" else f" ({whose.connector_class})"
    )
