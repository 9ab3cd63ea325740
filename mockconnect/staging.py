"""From a scenario to a cluster that it can be played on: what the file gives, as arguments of ``start``.

Rules of this room:

* Explicit arguments win over what the scenario says. What is wrong with its cluster is told at its line of the file.
* Workers have ids of their own (``connect-0:8083``) whatever ports they listen on, so that a run does not depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from mockconnect.core.cluster import Cluster
from mockconnect.core.plugins import PluginDesc
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import Cluster as Connect
from mockconnect.files.cluster import WorkerGiven
from mockconnect.files.problems import FileError, Problem
from mockconnect.files.reading import Place
from mockconnect.options import KNOWN, Options, OptionsError, plugins_on, read_options
from mockconnect.scenario.actions import ActionParts
from mockconnect.scenario.loading import Scenario, load_scenario
from mockconnect.scenario.player import Player
from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario

WORKER_PORT: Final = 8083


@dataclass(frozen=True, slots=True)
class Staged:
    """A cluster as it was asked for, and the scenario that is to be played on it, if any."""

    options: Options
    scenario: Scenario | None = None


def staged(arguments: Mapping[str, object]) -> Staged:
    """Arguments of ``start``, with ``scenario`` and ``params`` among them or not.

    Raises :class:`OptionsError`, and :class:`FileError` for what is wrong with the scenario.
    """
    given = {name: value for name, value in arguments.items() if name not in ("scenario", "params")}
    wanted = arguments.get("scenario")
    if wanted is None:
        return Staged(read_options(given))
    scenario = wanted if isinstance(wanted, Scenario) else scenario_of(wanted, arguments.get("params"))
    return Staged(options_of(scenario, given), scenario)


def scenario_of(wanted: object, params: object = None) -> Scenario:
    """A scenario by its name or file. Raises :class:`OptionsError` and :class:`FileError`."""
    if not isinstance(wanted, str | Path):
        raise OptionsError([Problem("scenario", f"expected a name or a file, found {wanted!r}")])
    if params is not None and not isinstance(params, Mapping):
        raise OptionsError([Problem("params", f"expected a dict, found {params!r}")])
    try:
        path = find_scenario(wanted)
    except UnknownScenarioError as error:
        raise OptionsError([Problem("scenario", str(error))]) from None
    return load_scenario(path, {str(name): str(value) for name, value in (params or {}).items()})


def options_of(scenario: Scenario, given: Mapping[str, object]) -> Options:
    """The options of its cluster. Raises :class:`FileError` with lines of the file, :class:`OptionsError` for ``given``."""
    of_file = _arguments(scenario)
    try:
        return read_options({**of_file, **given})
    except OptionsError as error:
        for problem in error.problems:
            place = _place(problem.where)
            if not place or place[0] in given or place[0] not in (*_OF_CLUSTER, *_SETTINGS):
                raise
            scenario.tree.problem(_in_file(place), problem.text)
        raise FileError(scenario.tree.problems, scenario.file) from None


def _arguments(scenario: Scenario) -> dict[str, object]:
    settings = scenario.settings
    of_cluster = {"cluster": _with_ids(scenario)} if "cluster" in KNOWN else _cluster_arguments(scenario)
    found: dict[str, object] = {
        **of_cluster,
        "seed": settings.seed,
        "clock": settings.clock,
        "timing": settings.timing,
        "mode": settings.mode,
        "front_door": settings.front_door,
        "cold_start": settings.cold_start,
    }
    return {name: value for name, value in found.items() if value not in (None, {}, [])}


def _with_ids(scenario: Scenario) -> Connect:
    """The cluster of the file; workers that have no id get one that does not depend on ports."""
    given = scenario.cluster.workers
    workers: list[str | WorkerGiven] = []
    for number, name in enumerate(scenario.worker_names):
        one = given[number] if isinstance(given, list) else WorkerGiven()
        worker = WorkerGiven(name=one) if isinstance(one, str) else one
        worker_id = worker.worker_id or f"{name}:{WORKER_PORT}"
        workers.append(msgspec.structs.replace(worker, name=name, worker_id=worker_id))
    return msgspec.structs.replace(scenario.cluster, workers=workers)


def _cluster_arguments(scenario: Scenario) -> dict[str, object]:
    """The same, one by one."""
    cluster = scenario.cluster
    return {
        "workers": [_worker(scenario, number) for number in range(len(scenario.worker_names))],
        "kafka_version": cluster.kafka_version,
        "cluster_id": cluster.cluster_id,
        "plugins": _plugins(scenario, cluster.plugins),
        "config": cluster.config,
        "connectors": [
            {"name": one.name, "config": one.whole_config, "state": one.state} for one in cluster.connectors
        ],
    }


def _worker(scenario: Scenario, number: int) -> dict[str, Any]:
    given = scenario.cluster.workers
    one = given[number] if isinstance(given, list) else WorkerGiven()
    worker = WorkerGiven(name=one) if isinstance(one, str) else one
    name = scenario.worker_names[number]
    host, _, port = (worker.worker_id or f"{name}:{WORKER_PORT}").rpartition(":")
    found: dict[str, Any] = {
        "name": name,
        "kafka_version": worker.kafka_version,
        "plugins": None if worker.plugins is None else _plugins(scenario, worker.plugins),
        "config": {
            "rest.advertised.host.name": host,
            "rest.advertised.port": port,
            **{key: value for key, value in worker.config.items() if value is not None},
        },
    }
    return {key: value for key, value in found.items() if value is not None}


def _plugins(scenario: Scenario, entries: list[Any]) -> list[Any]:
    """The entries, with those of a set in the place of its name."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, str) and entry in scenario.cluster.plugin_sets:
            found += msgspec.to_builtins(scenario.cluster.plugin_sets[entry])
        else:
            found.append(msgspec.to_builtins(entry))
    return found


# --- places ---------------------------------------------------------------------------------------------------------------

_STEP: Final = re.compile(r"([A-Za-z_][\w-]*)|\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]")
_OF_CLUSTER: Final = (
    "workers",
    "kafka_version",
    "cluster_id",
    "plugins",
    "plugin_sets",
    "config",
    "connectors",
    "loggers",
)
_SETTINGS: Final = ("seed", "clock", "timing", "mode", "front_door", "cold_start")


def _place(where: str) -> Place:
    """``workers[0].config['group.id']`` as a way through a file."""
    place: list[str | int] = []
    at = 0
    while (found := _STEP.match(where, at)) is not None:
        name = found[1] or found[2] or found[4]
        place.append(int(found[3]) if name is None else name)
        at = found.end()
    return tuple(place)


def _in_file(place: Place) -> Place:
    return ("settings", *place) if place[0] in _SETTINGS else ("cluster", *place)


# --- the player -----------------------------------------------------------------------------------------------------------


def player_of(scenario: Scenario, cluster: Cluster) -> Player:
    """A player for that cluster, which gets to know the scenario's sets of plugins."""
    for name in scenario.cluster.plugin_sets:
        cluster.faults.ground.plugin_sets[name] = _set_of(scenario, name)
    return Player(cluster, scenario)


def _set_of(scenario: Scenario, name: str) -> tuple[PluginDesc, ...]:
    """A set takes the place of all but the plugins of the distribution that it comes with."""
    text = _version_with(scenario, name) or scenario.cluster.kafka_version or NEWEST
    given = _plugins(scenario, [name])
    try:
        return plugins_on(KafkaVersion.parse(text), given)
    except OptionsError as error:
        for problem in error.problems:
            scenario.tree.problem(("cluster", "plugin_sets", name), problem.text)
        raise FileError(scenario.tree.problems, scenario.file) from None


def _version_with(scenario: Scenario, name: str) -> str | None:
    """The Kafka version that workers get together with that set."""
    for loaded in scenario.rules:
        for action in loaded.rule.actions:
            roll = getattr(action, "rolling_upgrade", None) if isinstance(action, ActionParts) else None
            if getattr(roll, "plugins", None) == name:
                version: str | None = getattr(roll, "kafka_version", None)
                return version
    return None
