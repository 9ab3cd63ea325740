"""What a cluster is expected to keep, by name: what ``always`` of a scenario may say.

Rules of this room: an invariant is a function of the cluster that gives the first violation, or nothing. These are
promises that users rely on and that Connect breaks now and then; whether it does is what a scenario is about. What the
simulator itself must keep is in core's room of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockconnect.core.cluster import Cluster
from mockconnect.core.terms import State, TargetState
from mockconnect.scenario.view import live, plugins_differ, serves

Invariant = Callable[[Cluster], str]
"""Gives what is wrong, or an empty text."""


def at_most_one_leader(cluster: Cluster) -> str:
    leaders = [
        worker.name
        for worker, node in live(cluster)
        if node.inside.is_leader and node.inside.generation == cluster.generation
    ]
    return f"{', '.join(leaders)} lead generation {cluster.generation}" if len(leaders) > 1 else ""


def one_owner(cluster: Cluster) -> str:
    """No task runs in two processes, zombies included."""
    seen: dict[str, str] = {}
    for worker, node in live(cluster):
        for task_id in [*node.worker.tasks, *(one.id for one in node.worker.zombies)]:
            other = seen.setdefault(str(task_id), worker.name)
            if other != worker.name:
                return f"task {task_id} runs on {other} and on {worker.name}"
    return ""


def stopped_has_no_tasks(cluster: Cluster) -> str:
    """Once the cluster is at rest, nobody runs tasks of a stopped connector."""
    if not any(node.worker.tasks for _, node in live(cluster)) or not cluster.settled:
        return ""
    for worker, node in live(cluster):
        state = node.configs.snapshot()
        for task_id in node.worker.tasks:
            if state.target_state(task_id.connector) is TargetState.STOPPED:
                return f"{worker.name} runs task {task_id} of a stopped connector"
    return ""


def nothing_failed(cluster: Cluster) -> str:
    for worker, node in live(cluster):
        if not serves(worker):
            continue
        for name in node.statuses.connectors():
            entry = node.statuses.entry(name)
            assert entry is not None, f"{name} is listed without an entry"
            if entry.connector is not None and entry.connector.state is State.FAILED:
                return f"{worker.name} shows {name} as FAILED"
            failed = [task for task, status in entry.tasks.items() if status.state is State.FAILED]
            if failed:
                return f"{worker.name} shows task {failed[0]} of {name} as FAILED"
    return ""


def same_plugins(cluster: Cluster) -> str:
    """Every running worker has the same connector plugins."""
    return "workers have different plugins" if plugins_differ(cluster) else ""


INVARIANTS: Final[Mapping[str, Invariant]] = {
    "at_most_one_leader": at_most_one_leader,
    "one_owner": one_owner,
    "stopped_has_no_tasks": stopped_has_no_tasks,
    "nothing_failed": nothing_failed,
    "same_plugins": same_plugins,
}
