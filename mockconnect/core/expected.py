"""What a worker should show, and how what it shows differs: the single comparisons that invariants are made of.

Rules of this room: functions over one process or a few, without a memory. They read what anybody can read, and say
what is wrong in words; when that matters, and what is excused, is said by ``invariants``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mockconnect.core import status_store
from mockconnect.core.config_store import ClusterConfigState
from mockconnect.core.connect import ConnectProcess, ConnectWorker
from mockconnect.core.histories import Configured
from mockconnect.core.lifecycle import Instance, TaskPhase
from mockconnect.core.terms import ConnectorTaskId, State, Status, TargetState
from mockconnect.core.topics import Key

Problems = Iterator[str]


def visible_status(node: ConnectProcess, key: Key) -> Status | None:
    if key[0] == status_store.CONNECTOR:
        return node.statuses.connector(key[1])
    return node.statuses.task(ConnectorTaskId.of(key[1], int(key[2])))


def config_problem(
    name: str, state: ClusterConfigState, expected: Configured | None, *, knows_stopped: bool
) -> str | None:
    entry = state.entries.get(name)
    if entry is None or expected is None:
        if (entry is None) != (expected is None):
            return f"{name} is {'missing' if entry is None else 'still there'}"
        return None
    if entry.config is not expected.config and entry.config != expected.config:
        return f"{name} has the config {dict(entry.config)}, not {dict(expected.config)}"
    target = expected.target
    if target is TargetState.STOPPED and not knows_stopped:
        target = TargetState.PAUSED
    if state.target_state(name) is not target:
        return f"{name} has the target {state.target_state(name).value}, not {target.value}"
    if entry.inconsistent or expected.tasks is None or entry.tasks == expected.tasks:
        return None
    return f"{name} has the tasks {entry.tasks}, not {expected.tasks}"


def in_transition(node: ConnectProcess) -> Iterator[tuple[object, str, int]]:
    """Instances in transition, with the longest time that may take."""
    slack_ms = 120_000
    for name, connector in node.worker.connectors.items():
        if connector.in_transition:
            took_ms = max(connector.behaviour.start_ms, 0) + max(connector.behaviour.stop_ms, 0)
            yield connector, f"connector {name}", took_ms + slack_ms + (connector.slow_ms or 0)
    for task_id, task in node.worker.tasks.items():
        if task.in_transition:
            behaviour = task.behaviour
            took_ms = max(behaviour.task_start_ms, 0) + max(behaviour.task_stop_ms, 0) + behaviour.poll_ms
            yield task, f"task {task_id}", took_ms + slack_ms + (task.slow_ms or 0)


def unassigned(state: ClusterConfigState, members: list[tuple[ConnectWorker, ConnectProcess]]) -> Problems:
    connectors = {name for _, node in members for name in node.herder.connectors}
    tasks = {task_id for _, node in members for task_id in node.herder.tasks}
    for name, count in sorted(state.assignable.items()):
        if name not in connectors:
            yield f"connector {name} is assigned to nobody"
        for task in range(count):
            if ConnectorTaskId.of(name, task) not in tasks:
                yield f"task {name}-{task} is assigned to nobody"


def not_configured(state: ClusterConfigState, worker: ConnectWorker, node: ConnectProcess) -> Problems:
    for name in node.herder.connectors:
        if name not in state.assignable:
            yield f"connector {name} is assigned to {worker.name}, but not configured"
    for task_id in node.herder.tasks:
        if task_id.task >= state.assignable.get(task_id.connector, 0):
            yield f"task {task_id} is assigned to {worker.name}, but not configured"


RUNS_AS = {
    Instance.STARTED: State.RUNNING,
    Instance.PAUSED: State.PAUSED,
    Instance.STOPPED: State.STOPPED,
    Instance.FAILED: State.FAILED,
}
AIMS_AT = {
    TargetState.STARTED: Instance.STARTED,
    TargetState.PAUSED: Instance.PAUSED,
    TargetState.STOPPED: Instance.STOPPED,
}


def connector_states(node: ConnectProcess, name: str, target: TargetState) -> tuple[State, ...]:
    """What the status of a connector may say that is assigned to this worker, if nothing is under way."""
    instance = node.worker.connectors.get(name)
    if instance is None:  # it could not be built
        return (State.FAILED, State.RESTARTING)
    if instance.hangs:
        return ()
    if instance.state is Instance.FAILED:
        return (State.FAILED,)
    return (RUNS_AS[AIMS_AT[target]],)


def task_states(node: ConnectProcess, task_id: ConnectorTaskId, target: TargetState) -> tuple[State, ...]:
    instance = node.worker.tasks.get(task_id)
    if instance is None:  # it could not be built
        return (State.FAILED, State.RESTARTING)
    if instance.hangs:
        return ()
    if instance.phase is TaskPhase.ENDED:
        return () if target is TargetState.STOPPED else (State.FAILED,)
    return (State.PAUSED if target is TargetState.PAUSED else State.RUNNING,)
