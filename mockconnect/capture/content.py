"""What is written into the file.

Rules of this room: what a worker of that version would have anyway is left out. Secrets are masked here, before
anything else sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockconnect.capture.answers import CapturedConnector, CapturedWorker
from mockconnect.capture.definitions import entries_of, password_keys
from mockconnect.capture.masking import Mask
from mockconnect.core.loggers import Loggers
from mockconnect.core.past import LoggerLevel
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.cluster import API_VERSION

UNKNOWN: Final = "?"


def written(workers: Sequence[CapturedWorker], connectors: Sequence[CapturedConnector]) -> dict[str, Any]:
    first = workers[0]
    same_version = all(one.version.text == first.version.text for one in workers)
    plugins = {one.name: entries_of(one.plugins, one.version) for one in _distinct(workers)}
    sets = _sets(workers, plugins)
    found: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "Cluster"}
    if same_version:
        found["kafka_version"] = first.version.text
    if first.cluster_id is not None:
        found["cluster_id"] = first.cluster_id
    found["workers"] = [_worker_entry(one, same_version, sets) for one in workers]
    config = {name: value for one in workers for name, value in one.config.items()}
    if config:
        found["config"] = config
    if sets.common:
        found["plugins"] = sets.common
    if sets.by_name:
        found["plugin_sets"] = sets.by_name
    found["connectors"] = [
        _connector_entry(one, workers) for one in sorted(connectors, key=lambda one: one.name)
    ]
    loggers = {one.name: levels for one in workers if (levels := _levels(one, connectors))}
    if loggers:
        found["loggers"] = loggers
    return found


def _distinct(workers: Sequence[CapturedWorker]) -> Sequence[CapturedWorker]:
    """One worker for each list of plugins that there is."""
    found: list[CapturedWorker] = []
    for one in workers:
        if not any(one.plugins is other.plugins or _alike(one, other) for other in found):
            found.append(one)
    return found


def _alike(one: CapturedWorker, other: CapturedWorker) -> bool:
    return one.plugins == other.plugins and one.version == other.version


@dataclass(slots=True)
class _Sets:
    """What plugins all workers have in common, further ones by the name of a set, and who has which set."""

    common: list[object]
    by_name: dict[str, list[object]]
    of_worker: dict[str, str]


def _sets(workers: Sequence[CapturedWorker], plugins: Mapping[str, list[object]]) -> _Sets:
    distinct = _distinct(workers)
    common = [one for one in plugins[distinct[0].name] if all(one in others for others in plugins.values())]
    sets = _Sets(common, {}, {})
    for one in distinct:
        further = [entry for entry in plugins[one.name] if entry not in common]
        if further:
            name = f"further-{len(sets.by_name) + 1}"
            sets.by_name[name] = further
            sets.of_worker.update({other.name: name for other in workers if _alike(one, other)})
    return sets


def _worker_entry(one: CapturedWorker, same_version: bool, sets: _Sets) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": one.name, "worker_id": one.worker_id}
    if not same_version:
        entry["kafka_version"] = one.version.text
    if one.commit != one.version.commit:
        entry["commit"] = one.commit
    if one.name in sets.of_worker:
        entry["plugins"] = [sets.of_worker[one.name]]
    return entry


def _connector_entry(one: CapturedConnector, workers: Sequence[CapturedWorker]) -> dict[str, Any]:
    class_name = one.config.get("connector.class") or ""
    mask = Mask([key for worker in workers for key in password_keys(worker.plugins, class_name)])
    entry: dict[str, Any] = {"name": one.name}
    target = _target(one.status)
    if target != "RUNNING":
        entry["state"] = target
    config = mask.config(one.config)
    entry["config"] = {name: value for name, value in sorted(config.items()) if name != "name"}
    if one.status is not None:
        usual = _plugin_version(class_name, workers)
        entry["status"] = _status_entry(one.status, usual, mask, workers[0].version)
    if one.tasks is not None:
        tasks = sorted(one.tasks, key=lambda task: int(task["id"]["task"]))
        entry["task_configs"] = [dict(sorted(mask.config(task["config"]).items())) for task in tasks]
    if one.offsets:
        entry["offsets"] = one.offsets
    if one.topics:
        entry["topics"] = one.topics
    return entry


def _target(status: Mapping[str, Any] | None) -> str:
    """No answer says what the user wants; states do, but for a failed connector without tasks."""
    if status is None:
        return "RUNNING"
    own = str(status["connector"]["state"])
    if own in ("PAUSED", "STOPPED"):
        return own
    paused = own != "RUNNING" and any(task["state"] == "PAUSED" for task in status["tasks"])
    return "PAUSED" if paused else "RUNNING"


def _plugin_version(class_name: str, workers: Sequence[CapturedWorker]) -> str | None:
    """The one version of a class that all workers have; else a status has to say it."""
    names = (class_name, f"{class_name}Connector")
    found = {
        one.listed.version
        for worker in workers
        for one in worker.plugins
        if one.listed.class_name in names or one.listed.class_name.rpartition(".")[2] in names
    }
    return found.pop() if len(found) == 1 else UNKNOWN


def _status_entry(
    status: Mapping[str, Any], plugin_version: str | None, mask: Mask, version: KafkaVersion
) -> dict[str, Any]:
    def instance(one: Mapping[str, Any]) -> dict[str, Any]:
        entry = {name: one[name] for name in ("id", "state", "worker_id") if name in one}
        usual = None if one["state"] == "UNASSIGNED" else plugin_version
        told = one.get("version", "undefined") if version.has("status_version") else usual
        if told != usual:
            entry["version"] = told
        if one.get("trace"):
            entry["trace"] = mask.text(one["trace"])
        return entry

    return {"connector": instance(status["connector"]), "tasks": [instance(task) for task in status["tasks"]]}


def _levels(worker: CapturedWorker, connectors: Sequence[CapturedConnector]) -> dict[str, Any]:
    """Levels that a worker of that version, with that work, does not have anyway."""
    fresh = Loggers(lambda: 0, worker.version.number)
    for makers in _makers(worker, connectors):
        fresh.made_by(*makers)
    rows = {name: row for name, row in worker.loggers.items() if isinstance(row, dict) and "level" in row}
    found: dict[str, Any] = {}
    shown = {name: level for name, level, _ in fresh.levels()}
    for name in sorted(rows, key=lambda name: (name.lower() != "root", name)):
        level, modified = rows[name]["level"], rows[name].get("last_modified")
        if shown.get(name) != level or modified is not None:
            found[name] = level if modified is None else {"level": level, "last_modified": modified}
            fresh.restore({name: LoggerLevel(level)})
            shown = {known: own for known, own, _ in fresh.levels()}
    return found


def _makers(worker: CapturedWorker, connectors: Sequence[CapturedConnector]) -> Iterator[tuple[str, ...]]:
    """What made loggers on this worker, or on the one that told of it: see ``core.loggers``."""
    ids = (worker.worker_id, worker.told_by)
    for one in connectors:
        if one.status is None:
            continue
        kind = str(one.status.get("type"))
        if one.status["connector"]["worker_id"] in ids:
            yield ("connector", kind, one.config.get("connector.class") or "")
        for task in one.status["tasks"]:
            configs = one.tasks or []
            if task["worker_id"] in ids and task["id"] < len(configs):
                yield ("task", f"{kind}-task", configs[task["id"]]["config"].get("task.class", ""))
