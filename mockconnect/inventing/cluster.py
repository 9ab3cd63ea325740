"""A cluster file full of invented connectors, and those that a file asks for with ``generate``.

Rules of this room: here is decided how many of what there are; what they look like is said by the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from mockconnect.catalog import Entry, apache_plugins, entries, plugins_of
from mockconnect.choosing import UnknownPluginError, named
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.cluster import API_VERSION, Cluster, ConnectorGiven
from mockconnect.files.writing import dump
from mockconnect.inventing.configs import Inventor, Subject, product_of
from mockconnect.inventing.failures import connector_trace, task_trace
from mockconnect.inventing.world import Chance, FakerWords, MissingFakerError, PlainWords, World

CONNECTORS_MAX: Final = 100_000
WORKERS_MAX: Final = 100
TASKS_MAX: Final = 8
STATES: Final = (("RUNNING", 0.9), ("PAUSED", 0.06), ("STOPPED", 0.04))
FAILED: Final = (("connector", 0.2), ("one task", 0.5), ("all tasks", 0.3))
# fmt: off
WEIGHTS: Final = tuple(
    (re.compile(names), weight)
    for names, weight in (
        ("camel-|mirror-heartbeat|mirror-checkpoint|file-", 0.1),
        ("debezium-(postgres|mysql|sqlserver|oracle|mongodb)$|mongodb-|snowflake-|iceberg-|.*-(jdbc|s3|gcs|http)-", 5.0),
        (".*(elasticsearch|opensearch|bigquery|clickhouse|splunk)", 3.0),
        ("", 1.0),
    )
)
# fmt: on
"""How often companies have connectors of a plugin; the first fitting row counts."""


class InventingError(ValueError):
    """What was asked for cannot be invented; the message has one line per mistake."""


def invented_cluster(
    *,
    version: KafkaVersion,
    seed: int,
    connectors: int,
    workers: int,
    failures: str | float = 0.0,
    plugins: Sequence[str] = (),
) -> str:
    """The text of a cluster file. ``failures`` is a share such as ``"5%"``. Raises :class:`InventingError`."""
    share = _checked(connectors, workers, failures)
    try:
        world = World(seed, connectors, FakerWords(seed))
    except MissingFakerError:
        raise InventingError(
            "Faker is missing, which has the names; install it with: pip install 'mockconnect[seed]'"
        ) from None
    kinds = _Kinds(_wanted(plugins), version)
    invention = _Invention(world, kinds, Chance(seed, "connectors"), connectors, round(connectors * share))
    made = [invention.connector(number) for number in range(connectors)]
    head = f"Invented by mockconnect seed: nothing of it exists. Seed {seed}, company {world.company}."
    content: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "kafka_version": version.text,
        "workers": workers,
        "plugins": kinds.names_of_used(),
        "connectors": made,
    }
    return dump({name: value for name, value in content.items() if value != []}, head)


def generated(cluster: Cluster, version: KafkaVersion) -> Cluster:
    """The cluster with the connectors that ``generate`` asks for, and their plugins. Raises :class:`InventingError`.

    They are as invented as those of :func:`invented_cluster`, with words that need no Faker.
    """
    wanted = cluster.generate
    if wanted is None:
        return cluster
    share = _checked(wanted.connectors, 1, wanted.failures)
    classes = [wanted.class_] if isinstance(wanted.class_, str) else wanted.class_ or []
    kinds = _Kinds(_wanted(classes), version)
    world = World(wanted.seed, wanted.connectors, PlainWords(wanted.seed))
    chance, failures = Chance(wanted.seed, "connectors"), round(wanted.connectors * share)
    names = {one.name for one in cluster.connectors}
    invention = _Invention(world, kinds, chance, wanted.connectors, failures, names, wanted.tasks)
    made = [msgspec.convert(invention.connector(n), ConnectorGiven) for n in range(wanted.connectors)]
    return msgspec.structs.replace(
        cluster,
        plugins=[*cluster.plugins, *kinds.names_of_used()],
        connectors=[*cluster.connectors, *made],
        generate=None,
    )


def _checked(connectors: int, workers: int, failures: str | float) -> float:
    problems = []
    if not 1 <= connectors <= CONNECTORS_MAX:
        problems.append(f"--connectors: expected from 1 to {CONNECTORS_MAX}, found {connectors}")
    if not 1 <= workers <= WORKERS_MAX:
        problems.append(f"--workers: expected from 1 to {WORKERS_MAX}, found {workers}")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", str(failures).strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= share <= 1:
        problems.append(f"--failures: expected a share such as 5% or 0.05, found {failures!r}")
    if problems:
        raise InventingError("\n".join(problems))
    return share


def _wanted(plugins: Sequence[str]) -> list[Entry]:
    """The newest release of each connector class, or of those that were named."""
    try:
        given = [one for text in plugins for one in named(text)] if plugins else list(named("*", entries()))
    except UnknownPluginError as error:
        raise InventingError(f"--plugins: {error}") from None
    found = [one for one in given if one.kind in ("source", "sink")]
    if not found:
        raise InventingError("--plugins: there is no connector among them")
    return list(dict.fromkeys(found))


@dataclass(slots=True)
class _Kinds:
    """The connector classes there are, each with what makes configs for it."""

    entries: list[Entry]
    version: KafkaVersion
    used: set[str] = field(default_factory=set)
    inventors: dict[Entry, Inventor] = field(default_factory=dict)

    def weights(self) -> list[float]:
        return [next(weight for names, weight in WEIGHTS if names.match(one.name)) for one in self.entries]

    def inventor(self, entry: Entry) -> Inventor | None:
        """``None`` for what the version of Kafka does not have."""
        if entry not in self.inventors:
            found = plugins_of(entry, self.version.release)
            if not found:
                return None
            self.inventors[entry] = Inventor.of(found[0], apache_plugins(self.version.release), self.version)
        return self.inventors[entry]

    def names_of_used(self) -> list[str]:
        used = (one for one in self.entries if one.class_name in self.used and one.release)
        return [f"{one.name}@{one.release}" for one in used]


@dataclass(slots=True)
class _Invention:
    """One connector after another; a class for which no valid config is found is not asked again."""

    world: World
    kinds: _Kinds
    chance: Chance
    connectors: int
    failures: int
    names: set[str] = field(default_factory=set)
    tasks_max: int | None = None
    """``tasks.max`` of each; drawn if left out."""

    def connector(self, number: int) -> dict[str, Any]:
        fails = self._fails(number)
        while self.kinds.entries:
            entry = self.kinds.entries[self.chance.weighted(self.kinds.weights())]
            made = self._attempt(entry, number, fails)
            if made is not None:
                self.kinds.used.add(entry.class_name)
                return made
            self.kinds.entries.remove(entry)
        raise InventingError("--plugins: no valid config was found for any of them")

    def _fails(self, number: int) -> bool:
        """Exactly as many as wanted, spread by chance."""
        fails = self.chance.below(self.connectors - number) < self.failures
        self.failures -= fails
        return fails

    def _attempt(self, entry: Entry, number: int, fails: bool) -> dict[str, Any] | None:
        inventor = self.kinds.inventor(entry)
        if inventor is None:
            return None
        system = self.chance.one_of(self.world.systems)
        topics = self.chance.some_of(system.topics, self.chance.between(1, len(system.topics)))
        product = product_of(entry.name, entry.class_name)
        about = Subject(system, product, number, self.chance, tuple(topics))
        name = self._name(entry, about)
        tasks_max = self.chance.between(1, TASKS_MAX) if self.tasks_max is None else self.tasks_max
        config = inventor.config(name, about, tasks_max)
        if config is None:
            return None
        self.names.add(name)
        return self._given(name, config, inventor, about, fails)

    def _name(self, entry: Entry, about: Subject) -> str:
        short = entry.name.removesuffix("-source").removesuffix("-sink")
        wanted = f"{about.system.name}-{short}-{'sink' if entry.kind == 'sink' else 'source'}"
        name, count = wanted, 1
        while name in self.names:
            count += 1
            name = f"{wanted}-{count}"
        return name

    def _given(
        self, name: str, config: dict[str, str], inventor: Inventor, about: Subject, fails: bool
    ) -> dict[str, Any]:
        tasks = inventor.tasks(name, config)
        state = "RUNNING" if fails else STATES[self.chance.weighted([share for _, share in STATES])][0]
        short = ("name", "connector.class", "tasks.max")
        given: dict[str, Any] = {
            "name": name,
            "class": config["connector.class"],
            "tasks": int(config["tasks.max"]),
            "state": state,
            "config": {key: value for key, value in config.items() if key not in short},
            "status": self._status(inventor.plugin, about, tasks, state, fails),
        }
        if state == "RUNNING":
            del given["state"]
        if given["status"]["connector"]["state"] == "FAILED":
            given["task_configs"] = []
        return given

    def _status(
        self, plugin: PluginDesc, about: Subject, tasks: int, state: str, fails: bool
    ) -> dict[str, Any]:
        """Stopped connectors have no tasks."""
        if state == "STOPPED":
            return {"connector": {"state": state}}
        shown: dict[str, Any] = {
            "connector": {"state": state},
            "tasks": [{"id": number, "state": state} for number in range(tasks)],
        }
        if fails:
            self._fail(shown, plugin, about)
        return {name: value for name, value in shown.items() if value}

    def _fail(self, shown: dict[str, Any], plugin: PluginDesc, about: Subject) -> None:
        what = FAILED[self.chance.weighted([share for _, share in FAILED])][0]
        tasks = shown["tasks"]
        if what == "connector" or not tasks:
            shown["connector"] = {"state": "FAILED", "trace": connector_trace(plugin, about)}
            shown["tasks"] = []
            return
        for task in tasks if what == "all tasks" else [self.chance.one_of(tasks)]:
            task.update(state="FAILED", trace=task_trace(plugin, about))
