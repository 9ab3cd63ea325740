"""Going on with what ran before the story begins: instances that are there without having been started.

Rules of this room: no status is written for what goes on. An instance whose class this worker does not know is held but
not there, as after a start that failed. What was about to be restarted is started.
"""

from __future__ import annotations

from mockconnect.core.config_store import ClusterConfigState
from mockconnect.core.lifecycle import Instance, TaskPhase
from mockconnect.core.past import Past
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.site import Thrown
from mockconnect.core.terms import Config, ConnectorTaskId, State, TargetState
from mockconnect.core.worker import Worker, find_plugin
from mockconnect.core.worker_connector import WorkerConnector
from mockconnect.core.worker_task import WorkerTask

INSTANCES = {
    State.RUNNING: Instance.STARTED,
    State.PAUSED: Instance.PAUSED,
    State.STOPPED: Instance.STOPPED,
    State.FAILED: Instance.FAILED,
}
PHASES = {State.RUNNING: TaskPhase.EXECUTING, State.PAUSED: TaskPhase.WAITING, State.FAILED: TaskPhase.ENDED}
AIMS = {
    TargetState.STARTED: (State.RUNNING, State.FAILED),
    TargetState.PAUSED: (State.PAUSED, State.FAILED),
    TargetState.STOPPED: (State.STOPPED,),
}
"""States in which there is nothing left to do for a target state."""


def resume(worker: Worker, past: Past, state: ClusterConfigState) -> None:
    """Put the instances of ``past`` on this worker, with the configs of ``state``."""
    worker.site.loggers.restore(past.loggers)
    for name, was in past.connectors.items():
        entry = state.entries.get(name)
        if entry is not None and was in INSTANCES:
            _resume_connector(worker, name, entry.config, state.target_state(name), was)
    for task_id, was in past.tasks.items():
        if state.task_config(task_id) is not None and was in PHASES:
            _resume_task(worker, task_id, state, was)


def _resume_connector(worker: Worker, name: str, config: Config, target: TargetState, was: State) -> None:
    plugin = _plugin(worker, config)
    if plugin is None:
        return
    connector = WorkerConnector(worker.site, name, config, plugin)
    worker.connectors[name] = connector
    worker.site.loggers.made_by("connector", plugin.kind, plugin.class_name)
    connector.take_over(INSTANCES[was])
    if was not in AIMS[target]:
        connector.transition_to(target, lambda _error, _reached: None)


def _resume_task(worker: Worker, task_id: ConnectorTaskId, state: ClusterConfigState, was: State) -> None:
    config = state.entries[task_id.connector].config
    plugin = _plugin(worker, config)
    if plugin is None:
        return
    task_config = state.task_config(task_id) or {}
    target = state.target_state(task_id.connector)
    task = WorkerTask(worker.site, task_id, plugin, config, task_config, target)
    worker.tasks[task_id] = task
    worker.site.loggers.made_by("task", f"{plugin.kind}-task", plugin.task_class)
    task.take_over(PHASES[was])


def _plugin(worker: Worker, config: Config) -> PluginDesc | None:
    try:
        return find_plugin(worker.site.plugins, config)
    except Thrown:
        return None
