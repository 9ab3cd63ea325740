"""A cluster file as arguments of ``start``: what is written in the file stands where the same argument stands.

Rules of this room: explicit arguments win over the file, as a whole; only worker properties are merged, one by one. What
the file says of single workers gives way too, if the argument is said for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from mockconnect.files.cluster import Cluster, ConnectorGiven, InstanceStatus, WorkerGiven
from mockconnect.files.reading import Place

MERGED: Final = ("config",)
"""Arguments of which those of the file have the explicit ones in them."""
S = TypeVar("S", bound=InstanceStatus)
FOR_ALL: Final = ("kafka_version", "plugins")
"""Arguments for all workers that a worker of a file may have as well."""


def arguments_of(cluster: Cluster, given: Mapping[str, object]) -> dict[str, object]:
    """What the file says, as arguments; ``given`` are the explicit ones."""
    found: dict[str, object] = {
        "kafka_version": cluster.kafka_version,
        "cluster_id": cluster.cluster_id,
        "plugins": msgspec.to_builtins(cluster.plugins) or None,
        "plugin_sets": msgspec.to_builtins(cluster.plugin_sets) or None,
        "workers": _workers(
            cluster, [name for name in FOR_ALL if given.get(name) is not None], _moves(given)
        ),
        "connectors": (_renamed(cluster) if _moves(given) else cluster.connectors) or None,
        "loggers": msgspec.to_builtins(cluster.loggers) or None,
    }
    config = given.get("config")
    if cluster.config and (config is None or isinstance(config, Mapping)):
        found["config"] = {**cluster.config, **(config or {})}
    return {name: value for name, value in found.items() if value is not None}


def _moves(given: Mapping[str, object]) -> bool:
    """Whether workers advertise where they really are, whatever they were called in the file."""
    return bool(given.get("advertised_host"))


def _renamed(cluster: Cluster) -> list[ConnectorGiven]:
    """The connectors with names of workers instead of their ids."""
    rows = cluster.workers if isinstance(cluster.workers, list) else []
    ids = {
        row.worker_id: row.name or f"connect-{number}"
        for number, row in enumerate(rows)
        if isinstance(row, WorkerGiven) and row.worker_id is not None
    }
    return [_with_names(one, ids) for one in cluster.connectors]


def _with_names(one: ConnectorGiven, ids: Mapping[str, str]) -> ConnectorGiven:
    status = one.status
    if status is None:
        return one
    connector, tasks = status.connector, [_named(task, ids) for task in status.tasks]
    own = None if connector is None else _named(connector, ids)
    return replace(one, status=replace(status, connector=own, tasks=tasks))


def _named(status: S, ids: Mapping[str, str]) -> S:
    return replace(status, worker_id=ids.get(status.worker_id, status.worker_id))


def _workers(cluster: Cluster, outdone: Sequence[str], moves: bool) -> object:
    workers = cluster.workers
    if isinstance(workers, int):
        workers = [WorkerGiven()] * workers
    if workers is None or (isinstance(cluster.workers, int) and cluster.commit is None):
        return cluster.workers
    return [_worker(one, cluster, [*outdone, "worker_id"] if moves else outdone) for one in workers]


def _worker(one: str | WorkerGiven, cluster: Cluster, outdone: Sequence[str]) -> dict[str, Any]:
    given: dict[str, Any] = {"name": one} if isinstance(one, str) else msgspec.to_builtins(one)
    if cluster.commit is not None:
        given.setdefault("commit", cluster.commit)
    return {name: value for name, value in given.items() if name not in outdone}


_STEP: Final = re.compile(r"([A-Za-z_][\w-]*)|\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]")


def place_of(where: str) -> Place:
    """``workers[0].config['group.id']`` as the way through a file."""
    place: list[str | int] = []
    at = 0
    while (found := _STEP.match(where, at)) is not None:
        name = found[1] or found[2] or found[4]
        place.append(int(found[3]) if name is None else name)
        at = found.end()
    return tuple(place)
