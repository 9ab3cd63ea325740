"""Which plugins a worker has: from what people write to what a worker of one Kafka version loads.

Rules of this room:

* What is written is a list; each item adds plugins to those of the distribution, from first to last:

  - a name of the catalogue, a class, an alias of one, a family, or a glob of those, with ``@RELEASE`` or without:
    ``debezium-postgres@3.2``, ``debezium-*``, ``aiven-*@latest``, ``io.debezium.connector.mysql.MySqlConnector``;
  - a file: plugins of one's own as JSON or YAML, or a cluster file, of which the plugins are taken (``FILE#WORKER``:
    those of one of its workers);
  - a plugin of one's own, as a dict or a ``PluginDesc``;
  - ``!`` and a name, class or glob: takes away what is there so far, the distribution included;
  - ``WORKER=`` in front of any of these texts means one worker only (:func:`dealt`).

* Releases: without one, or with ``latest``, it is the newest; ``3.2`` is the newest of 3.2; a glob means all that it
  fits, so ``debezium-postgres@*`` is several releases on one worker. Since Kafka 4.1 a config says which of them it
  wants (KIP-891), before, the latest wins; that is the business of core.
* Nothing is read before it is asked for: a name costs the index of the catalogue, a definition is read when its keys
  are needed. Mistakes gather, each with what was probably meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final

from mockconnect.catalog import Entry, apache_plugins, entries, plugins_of
from mockconnect.core.declared import DeclarationError, plugin_from_dict
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.cluster import Cluster, PluginEntry, Source, WorkerGiven, read_cluster
from mockconnect.files.nodes import Entries, Items, parse_file
from mockconnect.files.problems import FileError, Problem, nearest, unknown
from mockconnect.files.reading import Place, Tree

LATEST: Final = "latest"
_FILE: Final = re.compile(r".*\.(ya?ml|json)(#.*)?", re.IGNORECASE)
_WORKER: Final = re.compile(r"\s*([\w.-]+)=(.+)")
_GLOB: Final = re.compile(r"[*?\[]")
_DISTRIBUTION: Final = "apache"


class UnknownPluginError(ValueError):
    """A text that names nothing in the catalogue; the message says what was probably meant."""


@dataclass(frozen=True, slots=True)
class Removal:
    """``!`` and a pattern: classes that fit it, and those of catalogue names that fit it, are taken away."""

    pattern: str
    classes: frozenset[str]

    def takes(self, plugin: PluginDesc) -> bool:
        return plugin.class_name in self.classes or fnmatchcase(plugin.class_name, self.pattern)


Step = PluginDesc | Entry | Removal
Sets = Mapping[str, Sequence[PluginEntry]]
Report = Callable[[Place, str], object]
"""Notes a mistake at a place inside what was given."""


# --- names ---------------------------------------------------------------------------------------------------------------


def named(text: str, among: Sequence[Entry] | None = None) -> tuple[Entry, ...]:
    """What ``NAME[@RELEASE]`` means. Raises :class:`UnknownPluginError`."""
    name, _, release = text.partition("@")
    everything = entries() if among is None else among
    found = _of_name(name.strip(), everything)
    chosen = [one for releases in _by_class(found) for one in _of_release(releases, release.strip())]
    if not chosen:
        raise UnknownPluginError(_no_release(name, release, found))
    return tuple(chosen)


NAMES: Final = 4


def names_of(entry: Entry) -> tuple[str, ...]:
    """Every name of an entry: that of the catalogue, the class, and what Connect makes of the class."""
    simple = entry.class_name.rpartition(".")[2]
    return (entry.name, entry.class_name, simple, simple.removesuffix("Connector"))


def _of_name(name: str, among: Sequence[Entry]) -> list[Entry]:
    if _GLOB.search(name):
        wanted = name.lower()
        found = [one for one in among if any(fnmatchcase(own.lower(), wanted) for own in names_of(one))]
    else:
        found = _exact(name, among)
    if not found:
        raise UnknownPluginError(f"{name!r} is {_unknown(name, among)}")
    return found


def _exact(name: str, among: Sequence[Entry]) -> list[Entry]:
    """The first sort of name that something has. Only a family, or the name in the catalogue, may mean several classes."""
    for sort in range(NAMES):
        found = [one for one in among if names_of(one)[sort].lower() == name.lower()]
        classes = sorted({one.class_name for one in found})
        if len(classes) > 1 and sort > 0:
            raise UnknownPluginError(f"{name!r} may be any of {', '.join(classes)}")
        if found:
            return found
    return [one for one in among if one.family == name.lower()]


def _unknown(name: str, among: Sequence[Entry]) -> str:
    """A catalogue is long, so without a near miss it is only said where to look."""
    known = [*dict.fromkeys(own for one in among for own in names_of(one)), *{one.family for one in among}]
    close = None if _GLOB.search(name) else nearest(name, known)
    meant = f"did you mean {close!r}?" if close else "mockconnect plugins list shows what there is"
    return f"not in the catalogue; {meant}"


def _by_class(found: Iterable[Entry]) -> Iterable[list[Entry]]:
    """The releases of each class, and of each kind of plugin that it is, newest first."""
    releases: dict[tuple[str, str, str], list[Entry]] = {}
    for one in found:
        releases.setdefault((one.name, one.class_name, one.kind), []).append(one)
    return releases.values()


def _of_release(releases: Sequence[Entry], wanted: str) -> Sequence[Entry]:
    if wanted in ("", LATEST):
        return releases[:1]
    if _GLOB.search(wanted):
        return [one for one in releases if any(fnmatchcase(told, wanted) for told in _told(one) or ("",))]
    for one in releases:
        if any(_is_part(wanted, told) for told in _told(one)):
            return [one]
    return []


def _told(entry: Entry) -> tuple[str, ...]:
    return tuple(told for told in (entry.release, entry.version) if told)


def _is_part(wanted: str, release: str) -> bool:
    """``3.2`` is a part of ``3.2.3.Final``, but not of ``3.20``."""
    return release == wanted or (release.startswith(wanted) and not release[len(wanted)].isalnum())


def _no_release(name: str, release: str, found: Sequence[Entry]) -> str:
    if all(one.family == _DISTRIBUTION for one in found):
        return f"{name!r} comes with Kafka and has its version: leave out '@{release}'"
    there = dict.fromkeys(one.release for one in found if one.release)
    return f"{name!r} has no release {release!r}; there are {', '.join(there)}"


# --- what is written -------------------------------------------------------------------------------------------------------


def chosen(given: object, where: str, problems: list[Problem], sets: Sets | None = None) -> tuple[Step, ...]:
    """The steps that a value means; mistakes are added to ``problems``. ``sets`` are lists that have a name."""

    def report(place: Place, text: str) -> None:
        problems.append(Problem(where + "".join(f"[{step}]" for step in place), text))

    return _choose(given, report, sets or {})


def dealt(given: object, workers: Sequence[str]) -> tuple[object, list[list[object]]]:
    """The list for all workers, and those for each: ``WORKER=`` in front of an item means this worker only.

    Every list has the length of the whole, with nothing where an item is for somebody else.
    """
    items = [given] if isinstance(given, str) else given
    of_one: list[list[object]] = [[] for _ in workers]
    if not isinstance(items, Sequence):
        return given, of_one
    of_all: list[object] = []
    for item in items:
        found = _WORKER.fullmatch(item) if isinstance(item, str) else None
        own = found[1] if found and found[1] in workers else None
        of_all.append(item if own is None else None)
        for worker, mine in zip(workers, of_one, strict=True):
            mine.append(found[2] if found and worker == own else None)
    return of_all, of_one


def names_file(text: str, sets: Sets) -> bool:
    """Whether a text in a list of plugins is the path of a file."""
    text = text.strip()
    return not text.startswith("!") and text not in sets and _FILE.fullmatch(text) is not None


def _choose(given: object, report: Report, sets: Sets) -> tuple[Step, ...]:
    choice = _Choice(report, sets)
    if given is None:
        return ()
    if isinstance(given, str | Path | PluginDesc | Mapping):
        choice.add(given, ())
    elif isinstance(given, Sequence):
        for number, one in enumerate(given):
            choice.add(one, (number,))
    else:
        report((), f"expected a list of plugins or a file with one, found {given!r}")
    return tuple(choice.steps)


@dataclass(slots=True)
class _Choice:
    """One list being read."""

    report: Report
    sets: Sets
    steps: list[Step] = field(default_factory=list)
    open_sets: list[str] = field(default_factory=list)

    def add(self, one: object, place: Place) -> None:
        if one is None:
            return
        if isinstance(one, PluginDesc):
            self.steps.append(one)
        elif isinstance(one, Path):
            self._add_file(str(one), place)
        elif isinstance(one, str):
            self._add_text(one.strip(), place)
        elif isinstance(one, Mapping):
            self._add_declared(one, place)
        else:
            self.report(place, f"expected a name, a file, a dict or a plugin, found {one!r}")

    def _add_text(self, text: str, place: Place) -> None:
        found = _WORKER.fullmatch(text)
        if found and not _FILE.fullmatch(text):
            self.report(place, f"there is no worker {found[1]!r}")
        elif text.startswith("!"):
            self._remove(text[1:].strip(), place)
        elif text in self.sets:
            self._add_set(text, place)
        elif names_file(text, self.sets):
            self._add_file(text, place)
        else:
            self._add_named(text, place)

    def _add_named(self, text: str, place: Place) -> None:
        try:
            self.steps += named(text)
        except UnknownPluginError as error:
            close = nearest(text, list(self.sets))
            self.report(place, f"unknown set; did you mean {close!r}?" if close else str(error))

    def _add_set(self, name: str, place: Place) -> None:
        if name in self.open_sets:
            self.report(place, f"the set {name!r} is part of itself")
            return
        self.open_sets.append(name)
        for one in self.sets[name]:
            self.add(one, place)
        self.open_sets.pop()

    def _remove(self, pattern: str, place: Place) -> None:
        classes = frozenset(_classes_named(pattern))
        declared = (step for step in self.steps if isinstance(step, PluginDesc))
        removal = Removal(pattern, classes)
        if classes or any(removal.takes(plugin) for plugin in declared):
            self.steps.append(removal)
        else:
            self.report(place, f"{pattern!r} is {_unknown(pattern, entries())}")

    def _add_declared(self, data: Mapping[Any, object], place: Place) -> None:
        try:
            self.steps.append(plugin_from_dict({str(name): value for name, value in data.items()}))
        except DeclarationError as error:
            for problem in error.problems:
                self.report(place, problem)

    def _add_file(self, text: str, place: Place) -> None:
        path, _, worker = text.partition("#")
        try:
            self.steps += _steps_of_file(path, worker)
        except FileError as error:
            for problem in error.problems:
                self.report(place, str(problem))
        except LookupError as error:
            self.report(place, str(error.args[0]))


def _classes_named(pattern: str) -> set[str]:
    wanted = pattern.lower()
    return {
        one.class_name
        for one in entries()
        if one.family == wanted or any(fnmatchcase(own.lower(), wanted) for own in names_of(one))
    }


# --- files -----------------------------------------------------------------------------------------------------------------


def _steps_of_file(path: str, worker: str) -> tuple[Step, ...]:
    """Raises :class:`FileError`, and :class:`LookupError` for a worker that the file does not have."""
    tree: Tree[Any] = Tree(path, parse_file(path))
    if isinstance(tree.root, Entries) and "apiVersion" in tree.root.entries:
        return _steps_of_cluster(path, worker)
    if worker:
        raise LookupError(f"{path} is no cluster file, so it has no worker {worker!r}")
    at: Place = ("plugins",) if isinstance(tree.root, Entries) and "plugins" in tree.root.entries else ()
    if isinstance(tree.node(at), Items):
        given: object = tree.read(list[PluginEntry], at)
    else:
        given = tree.read(PluginEntry, at)  # type: ignore[arg-type]
    steps = _choose(given, lambda place, text: tree.problem((*at, *place), text), {})
    tree.raise_any()
    return steps


def _steps_of_cluster(path: str, worker: str) -> tuple[Step, ...]:
    cluster, source = read_cluster(path)
    workers = _workers(cluster)
    known = [one.name for one in workers if one.name]
    if worker and worker not in known:
        raise LookupError(f"{path}: worker {worker!r} is {unknown(worker, known)}")
    lists: list[tuple[Place, Sequence[PluginEntry]]] = [(("plugins",), cluster.plugins)]
    lists += [
        (("workers", number, "plugins"), one.plugins or ())
        for number, one in enumerate(workers)
        if not worker or worker == one.name
    ]
    problems: list[Problem] = []
    steps: dict[Step, None] = {}
    for at, given in lists:
        report = partial(_note, problems, source, at)
        steps.update(dict.fromkeys(_choose(given, report, cluster.plugin_sets)))
    if problems:
        raise FileError(problems, path)
    return tuple(steps)


def _note(problems: list[Problem], source: Source, at: Place, place: Place, text: str) -> None:
    problems.append(source.problem((*at, *place), text))


def _workers(cluster: Cluster) -> list[WorkerGiven]:
    if not isinstance(cluster.workers, list):
        return []
    return [WorkerGiven(name=one) if isinstance(one, str) else one for one in cluster.workers]


# --- what a worker loads -----------------------------------------------------------------------------------------------------


def on_worker(version: KafkaVersion, steps: Iterable[Step] = ()) -> tuple[PluginDesc, ...]:
    """The plugins of a worker of a Kafka version: those of the distribution, changed by each step.

    A plugin takes the place of one of the distribution with its class, and of one with its class, version and location.
    """
    steps = tuple(steps)
    if not steps:
        return apache_plugins(version.release, version.text)
    shipped = list(apache_plugins(version.release, version.text))
    added: dict[tuple[str, str, str | None, str], PluginDesc] = {}
    for step in steps:
        if isinstance(step, Removal):
            shipped = [plugin for plugin in shipped if not step.takes(plugin)]
            added = {key: plugin for key, plugin in added.items() if not step.takes(plugin)}
            continue
        plugins = (step,) if isinstance(step, PluginDesc) else plugins_of(step, version.release)
        classes = {plugin.class_name for plugin in plugins}
        shipped = [plugin for plugin in shipped if plugin.class_name not in classes]
        added.update(((one.class_name, one.kind, one.version, one.location), one) for one in plugins)
    return (*shipped, *added.values())
