"""Whether a cluster has come to rest with everything as its users want it.

Rules of this room: at rest is core's word (``settled``); the rest is what workers show. What is missing is told in words.
"""

from __future__ import annotations

from typing import Final

from mockconnect.core.cluster import Cluster
from mockconnect.core.terms import TargetState
from mockconnect.scenario.view import live, serves

_SHOWN: Final = {
    TargetState.STARTED: "RUNNING",
    TargetState.PAUSED: "PAUSED",
    TargetState.STOPPED: "STOPPED",
}


def converged(cluster: Cluster) -> bool:
    """At rest, and every worker shows every connector and task as its user wants it."""
    return cluster.settled and not not_converged(cluster)


def not_converged(cluster: Cluster) -> str:
    """What is not yet as it should be, in words."""
    if not cluster.settled:
        return "the cluster is not at rest"
    for worker, node in live(cluster):
        if not serves(worker):
            continue
        state = node.configs.snapshot()
        for name in sorted(state.entries):
            wanted = _SHOWN[state.target_state(name)]
            entry = node.statuses.entry(name)
            found = "no status" if entry is None or entry.connector is None else entry.connector.state.value
            if found != wanted:
                return f"{worker.name} shows {name} as {found}, not {wanted}"
            tasks = {} if entry is None else entry.tasks
            for task in range(state.task_count(name) if wanted != "STOPPED" else 0):
                shown_task = tasks[task].state.value if task in tasks else "no status"
                if shown_task != wanted:
                    return f"{worker.name} shows task {task} of {name} as {shown_task}, not {wanted}"
    return ""
