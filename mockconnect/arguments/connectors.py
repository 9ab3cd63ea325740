"""Connectors that exist from the start: as people give them, read into what core takes.

Rules of this room:

* They come as files, as dicts among the arguments of ``start``, or as part of a cluster file. All are read by the same
  types, those of ``files.cluster``, and a mistake is told at the place where it stands.
* Numbers and truth values become the texts that Connect would keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mockconnect.core.seeding import PLUGIN_VERSION, SeedConnector, SeedStatus
from mockconnect.core.terms import State, TargetState
from mockconnect.files.cluster import ConnectorGiven, InstanceStatus, Source, read_cluster
from mockconnect.files.nodes import of_data
from mockconnect.files.problems import FileError, Problem
from mockconnect.files.reading import Tree
from mockconnect.options import WorkerPlan

TARGETS: Final = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}


def read_connectors(given: object, source: Source | None, problems: list[Problem]) -> list[ConnectorGiven]:
    """A file, or a list of dicts. Those of a cluster file are read already, and ``source`` knows where they stand."""
    where = "connectors"
    if given is None:
        return []
    if isinstance(given, str | Path):
        return _of_file(given, where, problems)
    if not isinstance(given, Sequence):
        problems.append(Problem(where, f"expected a list of connectors or a file with one, found {given!r}"))
        return []
    if source is None or not all(isinstance(one, ConnectorGiven) for one in given):
        tree: Tree[Any] = Tree(where, of_data([_lenient(one) for one in given]))
        read = tree.attempt(list[ConnectorGiven])
        problems += tree.problems
        given, source = [one for one in read if one is not None], Source(tree, {})
    found = [one for one in given if isinstance(one, ConnectorGiven)]
    problems += _mistakes(found, source)
    return found


def _of_file(path: str | Path, where: str, problems: list[Problem]) -> list[ConnectorGiven]:
    try:
        cluster, source = read_cluster(path)
    except FileError as error:
        problems += [Problem(f"{where}: {one.where}", one.text) for one in error.problems]
        return []
    mistakes = _mistakes(cluster.connectors, source)
    problems += [Problem(f"{where}: {one.where}", one.text) for one in mistakes]
    return list(cluster.connectors)


def _lenient(one: object) -> object:
    """What a dict in a program may do and a file may not: a state in any case, and the name in the config only."""
    if not isinstance(one, Mapping):
        return one
    config = one.get("config")
    named = {"name": config["name"]} if isinstance(config, Mapping) and "name" in config else {}
    state = {"state": str(one["state"]).upper()} if "state" in one else {}
    return {**named, **one, **state}


def _mistakes(connectors: Sequence[ConnectorGiven], source: Source) -> Iterable[Problem]:
    """What the types do not say."""
    names: set[str] = set()
    for number, one in enumerate(connectors):
        place = ("connectors", number)
        if not one.whole_config.get("connector.class"):
            yield source.problem((*place, "config", "connector.class"), "missing")
        named = one.config.get("name", one.name)
        if named != one.name:
            yield source.problem((*place, "config", "name"), f"expected {one.name!r}, found {named!r}")
        if one.name in names:
            yield source.problem((*place, "name"), f"there is a connector {one.name!r} already")
        names.add(one.name)


# --- what core takes -----------------------------------------------------------------------------------------------------


def seed_of(one: ConnectorGiven, known: frozenset[str] | None) -> SeedConnector:
    """``known`` are names and ids of the workers there are, if those of the file are not the ones that count."""
    status = one.status
    own = None if status is None or status.connector is None else _status(status.connector, known)
    return SeedConnector(
        one.name,
        one.whole_config,
        TARGETS[one.state],
        own,
        {} if status is None else {task.id: _status(task, known) for task in status.tasks},
        None if one.task_configs is None else tuple(one.task_configs),
        tuple((row.partition, row.offset) for row in one.offsets),
        tuple(one.topics),
    )


def _status(given: InstanceStatus, known: frozenset[str] | None) -> SeedStatus:
    foreign = known is not None and given.worker_id not in known
    version = PLUGIN_VERSION if given.version == "" else given.version
    return SeedStatus(State(given.state), "" if foreign else given.worker_id, given.trace, version)


def worker_ids(connectors: Iterable[ConnectorGiven]) -> list[str]:
    """The ids of the workers that statuses say run something, sorted: the cluster that they come from."""
    found: set[str] = set()
    for one in connectors:
        if one.status is not None:
            statuses = [*([one.status.connector] if one.status.connector else []), *one.status.tasks]
            found.update(status.worker_id for status in statuses if status.state != "UNASSIGNED")
    return sorted(worker_id for worker_id in found if ":" in worker_id)


def foreign_to(workers: Iterable[WorkerPlan], connectors: Sequence[ConnectorGiven]) -> frozenset[str] | None:
    """Names and ids of the workers, if they are not those of the cluster that the connectors come from."""
    ids: set[str] = set()
    for plan in workers:
        ids.add(plan.settings.name)
        if plan.port is not None:
            ids.add(f"{plan.settings.host}:{plan.port}")
    named = set(worker_ids(connectors))
    return frozenset(ids) if named and not named & ids else None
