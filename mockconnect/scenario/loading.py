"""From files to a scenario: parameters, includes, pieces, and every check that types cannot make.

Rules of this room:

* All mistakes of all files are told at once, each with its file, line and path.
* ``${name}`` stands for a whole value, never for a part of a text; ``$${name}`` is the text ``${name}`` itself. Nothing
  is computed.
* What comes out is complete: rules have names, pieces are in their places, references lead somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from mockconnect.files.cluster import API_VERSION, Cluster
from mockconnect.files.nodes import Entries, Items, Node, Scalar, of_data, parse, parse_file
from mockconnect.files.problems import FileError, Problem, one_of, unknown
from mockconnect.files.reading import Place, Tree
from mockconnect.files.schema import REFERENCE
from mockconnect.scenario.checking import Checker, Known, invariant
from mockconnect.scenario.script import (
    After,
    Expect,
    Finally,
    Metadata,
    Parameter,
    Piece,
    PiecesFile,
    Rule,
    ScenarioFile,
    Settings,
)

T = TypeVar("T")
INCLUDED_FILES_MAX: Final = 50
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_ESCAPED: Final = re.compile(rf"\$({REFERENCE})")


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule, and where it stands."""

    name: str
    rule: Rule
    tree: Tree[Any]
    place: Place


@dataclass(frozen=True, slots=True)
class LoadedExpectation:
    """One entry of what is expected: its list, what it says, and where it stands."""

    kind: str
    what: Any
    tree: Tree[Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that can be played."""

    file: str
    metadata: Metadata
    settings: Settings
    cluster: Cluster
    rules: tuple[LoadedRule, ...]
    expectations: tuple[LoadedExpectation, ...]
    finally_: Finally
    pieces: Mapping[str, Piece]
    params: Mapping[str, str]
    given: Mapping[str, str]
    """The parameters that somebody gave."""
    tree: Tree[Any]

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def worker_names(self) -> tuple[str, ...]:
        return worker_names(self.cluster, 1 if self.settings.mode == "standalone" else 3)


def worker_names(cluster: Cluster, usual: int = 3) -> tuple[str, ...]:
    """Names of the workers; ``usual`` is how many there are if nothing is said."""
    given = cluster.workers
    if given is None or isinstance(given, int):
        return tuple(f"connect-{number}" for number in range(given or usual))
    named = (one if isinstance(one, str) else one.name for one in given)
    return tuple(name or f"connect-{number}" for number, name in enumerate(named))


Look = Callable[[Scenario], object]
"""A look at more than this room knows of: it notes problems in the scenario's tree."""


def load_scenario(
    path: str | Path, params: Mapping[str, str] | None = None, and_tell: Look | None = None
) -> Scenario:
    """Raises :class:`FileError` with every problem of the file and of those that it includes.

    Where there are any, ``and_tell`` adds those that only others can find.
    """
    return _Loading(params or {}, and_tell).load(str(path), parse_file(path))


def read_metadata(path: str | Path) -> Metadata:
    """What people read of a scenario, without a look at the rest. Raises :class:`FileError`."""
    tree: Tree[Any] = Tree(str(path), parse_file(path))
    _check_header(tree, "Scenario")
    found: Metadata = tree.read(Metadata, ("metadata",))
    return found


def scenario_from_text(text: str, name: str, params: Mapping[str, str] | None = None) -> Scenario:
    """The same of a text; paths of files that it includes are relative to ``name``."""
    return _Loading(params or {}).load(name, parse(text, name, is_json=name.endswith(".json")))


def scenario_from_data(data: Mapping[str, object], name: str) -> Scenario:
    """The same of what a program has put together; nothing of it stands on a line."""
    return _Loading({}).load(name, of_data(data))


class _Loading:
    """One scenario with all its files."""

    def __init__(self, params: Mapping[str, str], and_tell: Look | None = None) -> None:
        self._given = params
        self._and_tell = and_tell
        self._params: dict[str, Scalar | None] = {}
        self._declared: dict[str, tuple[Tree[Any], Place]] = {}
        self._pieces: dict[str, tuple[Piece, Tree[Any], Place]] = {}
        self._rules: list[LoadedRule] = []
        self._expectations: list[LoadedExpectation] = []
        self._trees: list[Tree[Any]] = []
        self._open: list[str] = []
        self._broken: list[tuple[Tree[Any], Place]] = []
        """Rules that cannot be read as a whole; they are there all the same, for those that refer to them."""

    def load(self, name: str, root: Node) -> Scenario:
        tree: Tree[Any] = Tree(name, root)
        _check_header(tree, "Scenario")
        self._declare(tree)
        self._include_all(tree)
        self._check_given(tree)
        for one in self._trees:
            self._read_body(one)
        scenario = self._scenario(tree)
        self._check(scenario)
        if any(one.problems for one in self._trees):
            if self._and_tell is not None:
                self._and_tell(scenario)
            raise FileError(_in_order([problem for one in self._trees for problem in one.problems]), name)
        return scenario

    def _check(self, scenario: Scenario) -> None:
        name = scenario.tree.node(("metadata", "name"))
        if isinstance(name, Scalar) and _NAME.fullmatch(name.text) is None:
            scenario.tree.problem(
                ("metadata", "name"), f"expected small letters, digits and '-', found {name.text!r}"
            )
        names = [one.name for one in scenario.rules]
        known = Known(
            [*names, *self._names_of_broken()],
            tuple(self._pieces),
            (*scenario.worker_names, *_added(self._actions())),
            tuple(scenario.cluster.plugin_sets),
        )
        for number, one in enumerate(scenario.rules):
            checker = Checker(one.tree, known)
            if one.name in names[:number]:
                first = scenario.rules[names.index(one.name)]
                twice = first.place == one.place and first.tree is one.tree
                told = (
                    "its piece is used twice, and names are not"
                    if twice
                    else "another rule has this name already"
                )
                checker.problem((*one.place, "name"), f"{one.name!r}: {told}")
            checker.check(one.rule, one.place)
            if _waits_for_itself(one, scenario.rules):
                checker.problem((*one.place, "after"), f"{one.name!r} waits for itself")
        for tree, place in self._broken:
            _check_readable(Checker(tree, known), tree, place)
        for piece, tree, place in self._pieces.values():
            Checker(tree, known).check(piece, place)
        for expected in scenario.expectations:
            checker = Checker(expected.tree, known)
            checker.check(expected.what, expected.place)
            if isinstance(expected.what, str):
                invariant(checker, expected.what, expected.place)

    def _actions(self) -> Iterator[object]:
        """Every action that some rule or piece may come to."""
        for one in self._rules:
            yield from one.rule.actions
        for piece, _, _ in self._pieces.values():
            yield from piece.do

    # --- parameters and includes ------------------------------------------------------------------------------------------

    def _declare(self, tree: Tree[Any]) -> None:
        """Parameters of a file; what includes it has the last word on their defaults."""
        root = tree.root
        params = root.entries.get("params") if isinstance(root, Entries) else None
        for name in params.entries if isinstance(params, Entries) else ():
            parameter = _quietly(tree, Parameter, ("params", name))
            self._declared.setdefault(name, (tree, ("params", name)))
            default = tree.node(("params", name, "default"))
            if parameter is not None and name not in self._params:
                self._params[name] = default if isinstance(default, Scalar) else None

    def _include_all(self, tree: Tree[Any]) -> None:
        """Included files first, in their order; a file that two include counts once."""
        if len(self._open) + len(self._trees) > INCLUDED_FILES_MAX:
            raise FileError(
                [Problem(tree.name, f"more than {INCLUDED_FILES_MAX} files are included")], tree.name
            )
        self._open.append(tree.name)
        for number, text in enumerate(_quietly(tree, list[str], ("include",)) or []):
            self._include(tree, ("include", number), str(Path(tree.name).parent / text))
        self._open.pop()
        self._trees.append(tree)

    def _include(self, tree: Tree[Any], place: Place, name: str) -> None:
        if name in self._open:
            tree.problem(place, f"{name} includes itself")
            return
        if any(one.name == name for one in self._trees):
            return
        if not Path(name).is_file():
            tree.problem(place, f"there is no file {name}")
            return
        try:
            included: Tree[Any] = Tree(name, parse_file(name))
            _check_header(included, "Pieces", "Scenario")
        except FileError as error:
            tree.problems.extend(error.problems)
            return
        self._declare(included)
        self._include_all(included)

    def _check_given(self, tree: Tree[Any]) -> None:
        for name, value in self._given.items():
            if name not in self._declared:
                text = unknown(name, tuple(self._declared)) if self._declared else "there are no parameters"
                tree.problems.append(Problem(f"{tree.name}: parameter {name}", text))
            self._params[name] = Scalar(1, value, True)

    # --- bodies -------------------------------------------------------------------------------------------------------------

    def _read_body(self, tree: Tree[Any]) -> None:
        self._substitute(tree)
        header = tree.node(("kind",))
        is_scenario = isinstance(header, Scalar) and header.text == "Scenario"
        tree.attempt(ScenarioFile if is_scenario else PiecesFile)
        for name in _names(tree.node(("pieces",)), tree, "pieces"):
            piece = _quietly(tree, Piece, ("pieces", name))
            if piece is not None:
                self._pieces[name] = (piece, tree, ("pieces", name))
        for number in _numbers(tree, ("timeline",)):
            self._read_rule(tree, ("timeline", number))
        self._read_expectations(tree)

    def _substitute(self, tree: Tree[Any]) -> None:
        if isinstance(tree.root, Entries):
            for name, node in tree.root.entries.items():
                if name != "params":
                    tree.root.entries[name] = self._substituted(tree, node, (name,))

    def _substituted(self, tree: Tree[Any], node: Node, place: Place) -> Node:
        if isinstance(node, Items):
            items = [self._substituted(tree, one, (*place, number)) for number, one in enumerate(node.items)]
            return Items(node.line, items, node.size)
        if isinstance(node, Entries):
            entries = {
                name: self._substituted(tree, one, (*place, name)) for name, one in node.entries.items()
            }
            return Entries(node.line, entries, node.key_lines, node.size)
        return self._value(tree, node, place)

    def _value(self, tree: Tree[Any], node: Scalar, place: Place) -> Scalar:
        escaped = _ESCAPED.fullmatch(node.text)
        if escaped is not None:
            return replace(node, text=escaped[1])
        if re.fullmatch(REFERENCE, node.text) is None:
            return node
        name = node.text[2:-1]
        if name not in self._declared:
            known = tuple(self._declared)
            text = unknown(name, known) if known else "unknown; the file has no params"
            tree.problem(place, f"parameter {name!r}: {text}")
            return node
        value = self._params.get(name)
        if value is None or value.is_null:
            tree.problem(place, f"parameter {name!r} has no default and was not given")
            return node
        return Scalar(node.line, value.text, value.plain)

    def _read_rule(self, tree: Tree[Any], place: Place) -> None:
        rule = _quietly(tree, Rule, place)
        if rule is None:
            self._broken.append((tree, place))
            return
        if rule.use is None:
            self._rules.append(LoadedRule(rule.name or "", rule, tree, place))
            return
        others = [name for name in msgspec.to_builtins(rule) if name != "use"]
        if others:
            tree.problem((*place, others[0]), "a rule that uses a piece says nothing else")
        found = self._pieces.get(rule.use)
        if found is None:
            tree.problem((*place, "use"), _missing("piece", rule.use, tuple(self._pieces)))
            return
        piece, owner, at = found
        for number, one in enumerate(piece.rules):
            self._rules.append(LoadedRule(one.name or "", one, owner, (*at, "rules", number)))

    def _names_of_broken(self) -> list[str]:
        nodes = [tree.node((*place, "name")) for tree, place in self._broken]
        return [node.text for node in nodes if isinstance(node, Scalar)]

    def _read_expectations(self, tree: Tree[Any]) -> None:
        hints = {one.encode_name: one.type for one in msgspec.structs.fields(Expect)}
        for kind, hint in hints.items():
            place: Place = ("expect", kind)
            if kind == "eventually":
                whole = _quietly(tree, Expect, ("expect",))
                if whole is not None:
                    for number, one in enumerate(whole.in_the_end):
                        at = place if not isinstance(whole.eventually, list) else (*place, number)
                        self._expectations.append(LoadedExpectation(kind, one, tree, at))
                continue
            for number in _numbers(tree, place):
                what = _quietly(tree, hint.__args__[0], (*place, number))
                if what is not None:
                    self._expectations.append(LoadedExpectation(kind, what, tree, (*place, number)))

    def _scenario(self, tree: Tree[Any]) -> Scenario:
        return Scenario(
            file=tree.name,
            metadata=_quietly(tree, Metadata, ("metadata",)) or Metadata(name="unnamed"),
            settings=_quietly(tree, Settings, ("settings",)) or Settings(),
            cluster=_quietly(tree, Cluster, ("cluster",)) or Cluster(),
            rules=_named(self._rules),
            expectations=tuple(self._expectations),
            finally_=_quietly(tree, Finally, ("finally",)) or Finally(),
            pieces={name: piece for name, (piece, _, _) in self._pieces.items()},
            params={name: value.text for name, value in self._params.items() if value is not None},
            given=dict(self._given),
            tree=tree,
        )


def _added(actions: Iterable[object]) -> Iterator[str]:
    """Names of workers that come while the scenario is played."""
    for action in actions:
        for one in (action, *(getattr(action, "choose", None) or ())):
            added = getattr(one, "add_worker", None)
            name = added if isinstance(added, str) else getattr(added, "name", None)
            if isinstance(name, str):
                yield name


def _check_readable(checker: Checker, tree: Tree[Any], place: Place) -> None:
    """What can be read of a rule that cannot be read as a whole."""
    for one in msgspec.structs.fields(Rule):
        at: Place = (*place, one.encode_name)
        value = _quietly(tree, one.type, at)
        for number, part in enumerate(value) if isinstance(value, list) else ((-1, value),):
            checker.check(part, at if number < 0 else (*at, number))


def _waits_for_itself(one: LoadedRule, rules: Sequence[LoadedRule]) -> bool:
    """Whether whoever follows the rules that have to come before it comes back to it."""
    before = {rule.name: _name_before(rule) for rule in rules}
    name, seen = before[one.name], set[str]()
    while name is not None and name != one.name and name not in seen:
        seen.add(name)
        name = before.get(name)
    return name == one.name


def _name_before(rule: LoadedRule) -> str | None:
    after = rule.rule.after
    return after.rule if isinstance(after, After) else after


def _check_header(tree: Tree[Any], *kinds: str) -> None:
    """A file of another kind has nothing but that said of it. Raises :class:`FileError`."""
    for name, known in (("apiVersion", (API_VERSION,)), ("kind", kinds)):
        node = tree.node((name,))
        if isinstance(node, Scalar):
            if node.text not in known:
                tree.problem((name,), one_of(node.text, known))
        else:
            tree.problem(
                (name,), f"missing; a scenario begins with 'apiVersion: {API_VERSION}', 'kind: {kinds[0]}'"
            )
    tree.raise_any()


def _quietly(tree: Tree[Any], type_: type[T], place: Place) -> T | None:
    """The value there if there is one without mistakes; they have been told, or will be."""
    if not _is_there(tree, place):
        return None
    quiet: Tree[Any] = Tree(tree.name, tree.root)
    value: T = quiet.attempt(type_, place)
    return None if quiet.problems else value


def _is_there(tree: Tree[Any], place: Place) -> bool:
    node = tree.node(place[:-1])
    step = place[-1]
    if isinstance(node, Entries):
        return step in node.entries
    return isinstance(node, Items) and isinstance(step, int) and step < len(node.items)


def _numbers(tree: Tree[Any], place: Place) -> range:
    node = tree.node(place) if _is_there(tree, place) else None
    return range(len(node.items)) if isinstance(node, Items) else range(0)


def _names(node: Node, tree: Tree[Any], name: str) -> list[str]:
    there = _is_there(tree, (name,)) and isinstance(node, Entries)
    return list(node.entries) if there and isinstance(node, Entries) else []


def _named(rules: Sequence[LoadedRule]) -> tuple[LoadedRule, ...]:
    """Rules without a name are called after their place among all."""
    return tuple(replace(one, name=one.name or f"rule-{number}") for number, one in enumerate(rules, start=1))


def _missing(what: str, name: str, known: Sequence[str]) -> str:
    return f"there is no {what} {name!r}; " + (
        unknown(name, known).removeprefix("unknown; ") if known else "there is none at all"
    )


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Each once, by file and line; what follows from an unknown parameter is not told twice."""
    without_value = {one.where for one in problems if one.text.startswith("parameter ")}
    kept = [one for one in problems if one.where not in without_value or one.text.startswith("parameter ")]
    return sorted(dict.fromkeys(map(_hinted, kept)), key=_file_and_line)


def _hinted(problem: Problem) -> Problem:
    """Who writes ``${n}s`` expects more of parameters than they do."""
    part = re.search(r"found '(?!\$\{[^}']*\}')[^']*\$\{[^}']+\}", problem.text)
    return (
        replace(problem, text=f"{problem.text}; a parameter is a whole value, never a part")
        if part
        else problem
    )


def _file_and_line(problem: Problem) -> tuple[str, int]:
    name, _, rest = problem.where.partition(":")
    number = rest.partition(":")[0]
    return name, int(number) if number.isdecimal() else 0
