"""From a scenario to a cluster that it can be played on: what the file gives, as arguments of ``start``.

Rules of this room:

* Explicit arguments win over what the scenario says. What is wrong with its cluster is told at its line of the file.
* Workers have ids of their own (``connect-0:8083``) whatever ports they listen on, so that a run does not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mockconnect.arguments.cluster_file import arguments_of, place_of
from mockconnect.arguments.reading import read_options
from mockconnect.arguments.workers import plugins_on
from mockconnect.core.cluster import Cluster
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import WorkerGiven
from mockconnect.files.problems import FileError, Problem
from mockconnect.files.reading import Place
from mockconnect.options import Options, OptionsError
from mockconnect.scenario.actions import ActionParts
from mockconnect.scenario.loading import Scenario, load_scenario
from mockconnect.scenario.player import Player
from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario
from mockconnect.usual import WORKER_PORT


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
    return load_scenario(
        path, {str(name): str(value) for name, value in (params or {}).items()}, tell_of_cluster
    )


def tell_of_cluster(scenario: Scenario) -> None:
    """Note what is wrong with the cluster of a scenario that has other mistakes already."""
    with suppress(FileError, OptionsError):
        options_of(scenario, {})


def options_of(scenario: Scenario, given: Mapping[str, object]) -> Options:
    """The options of its cluster. Raises :class:`FileError` with lines of the file, :class:`OptionsError` for ``given``."""
    settings = {name: getattr(scenario.settings, name) for name in _SETTINGS}
    settings = {name: value for name, value in settings.items() if value not in (None, {})}
    cluster = msgspec.structs.replace(scenario.cluster, workers=_workers(scenario))
    try:
        return read_options({**settings, "cluster": cluster, **given})
    except OptionsError as error:
        of_file = {*settings, *arguments_of(cluster, given), "generate"} - {*given}
        for problem in error.problems:
            place = place_of(problem.where)
            if not place or place[0] not in of_file:
                raise
            scenario.tree.problem(_in_file(place), problem.text)
        raise FileError(scenario.tree.problems, scenario.file) from None


def _workers(scenario: Scenario) -> list[str | WorkerGiven]:
    workers = scenario.cluster.workers
    rows = workers if isinstance(workers, list) else [WorkerGiven() for _ in scenario.worker_names]
    return [_worker(one, name) for one, name in zip(rows, scenario.worker_names, strict=True)]


def _worker(given: str | WorkerGiven, name: str) -> WorkerGiven:
    worker = WorkerGiven() if isinstance(given, str) else given
    return msgspec.structs.replace(worker, name=name, worker_id=worker.worker_id or f"{name}:{WORKER_PORT}")


# --- places ---------------------------------------------------------------------------------------------------------------

_SETTINGS: Final = ("seed", "clock", "timing", "mode", "front_door", "cold_start")


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
    try:
        return plugins_on(KafkaVersion.parse(text), name, sets=scenario.cluster.plugin_sets)
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
