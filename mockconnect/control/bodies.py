"""What clients of the control API send: types of bodies and queries, and how they are read.

Rules of this room:

* Bodies are JSON or YAML and read as files are: strictly, typed, durations as texts, every mistake at once. JSON is what
  ``Content-Type`` calls so; everything else is YAML, of which JSON is a part.
* A fault is a mapping with one key, as in scenario files; a verb that needs nothing may stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args

import msgspec

from mockconnect.control.problems import ControlError, mistaken
from mockconnect.control.stage import Scope
from mockconnect.core.faults import Fault
from mockconnect.files.nodes import Entries, Node, Scalar, parse
from mockconnect.files.problems import FileError, nearest, one_of, unknown
from mockconnect.files.reading import Duration, Tree
from mockconnect.requested import Expected, Number, Wanted
from mockconnect.rest.clock import RATE_MAX
from mockconnect.scenario.actions import (
    BARE,
    FAULT_VERBS,
    Action,
    argument_name,
    fault_of,
    first_field,
)
from mockconnect.scenario.checking import Checker, Known
from mockconnect.scenario.parts import Part

T = TypeVar("T")
LIMIT_MAX: Final = 1_000
ADVANCE_MAX_MS: Final = 31 * 24 * 3_600_000
"""What one request moves time at most: a month."""

Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]


# --- queries ------------------------------------------------------------------------------------------------------------


class NoQuery(Part, kw_only=True, frozen=True):
    """Nothing can be asked for."""


class RequestsQuery(Wanted, kw_only=True, frozen=True):
    """Which requests. What is left out does not matter."""

    limit: Limit = 100
    """With ``since`` the oldest of them, without it the newest."""


class EventsQuery(Part, kw_only=True, frozen=True):
    """Which rows of the trace."""

    since: Number | None = None
    """Only rows with a higher number, the oldest first; without it the newest."""
    limit: Limit = 100
    follow: bool = False
    """As server-sent events, without an end; ``Accept: text/event-stream`` says the same."""


class MetricsQuery(Part, kw_only=True, frozen=True):
    """In which form; left out, JSON for those who accept it by name, and text for all others."""

    format: Literal["json", "text"] | None = None


class ReportQuery(Part, kw_only=True, frozen=True):
    """In which form."""

    format: Literal["json", "text"] = "json"


# --- bodies -------------------------------------------------------------------------------------------------------------


class ClockChange(Part, kw_only=True, frozen=True):
    """What is different from now on."""

    rate: Annotated[float, msgspec.Meta(gt=0, le=RATE_MAX)] | None = None
    """Virtual per real time, for a real clock."""
    per_request: Duration | None = None
    """How far each request moves a paced clock."""


class Advance(Part, kw_only=True, frozen=True):
    """How far."""

    by: Duration


class RunUntil(Part, kw_only=True, frozen=True):
    """Until nothing is under way (``settled``), or until an instant of virtual time; ``max`` bounds the first."""

    until: str | int = "settled"
    max: Duration = 600_000


class Reset(Part, kw_only=True, frozen=True):
    """Of what: ``state`` is a new cluster."""

    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["all"]
    )


def _argument_of(verb: str, type_: Any) -> tuple[str, Any, Any]:
    """A field of :class:`Action` as it is sent here: nothing in place of arguments only where a verb needs none."""
    if verb in BARE:
        return verb, type_, None
    arguments = tuple(one for one in get_args(type_) if one is not NoneType)
    return verb, Union[(*arguments, msgspec.UnsetType)], msgspec.UNSET


_ONE_VERB: Final = msgspec.defstruct(
    "OneVerb",
    [_argument_of(one.name, one.type) for one in msgspec.structs.fields(Action) if one.name in FAULT_VERBS],
    bases=(Part,),
    module=__name__,
    namespace={"__doc__": "One verb with its arguments."},
    kw_only=True,
    frozen=True,
)
FAULT: Final[Any] = Annotated[
    Literal[tuple(sorted(BARE))] | _ONE_VERB,
    msgspec.Meta(extra_json_schema={"minProperties": 1, "maxProperties": 1}),
]
"""What is sent for a fault, for those who read the document; :func:`read_fault` reads it."""


class ScenarioStart(Part, kw_only=True, frozen=True):
    """A shipped scenario by its name, or a whole one: as a mapping, or as the text of a file."""

    name: str | None = None
    document: dict[str, Any] | str | None = None
    params: dict[str, str] = msgspec.field(default_factory=dict)


def _there(*names: str) -> list[dict[str, Any]]:
    """Schemas that say of one name each that something stands there."""
    return [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]


SCENARIO: Final[Any] = Annotated[
    ScenarioStart, msgspec.Meta(extra_json_schema={"oneOf": _there("name", "document")})
]
EXPECTED: Final[Any] = Annotated[
    Expected, msgspec.Meta(extra_json_schema={"anyOf": _there("count", "at_least", "at_most", "order")})
]


# --- reading ------------------------------------------------------------------------------------------------------------


def parsed(text: str, content_type: str, name: str = "body") -> Node:
    """The tree of a body. Raises :class:`ControlError`."""
    try:
        return parse(text, name, is_json="json" in content_type)
    except FileError as error:
        raise mistaken(error.problems, "not-readable") from None


def read(node: Node, type_: type[T], name: str = "body") -> T:
    """Raises :class:`ControlError` with everything that is wrong."""
    try:
        return Tree[T](name, node).read(type_)
    except FileError as error:
        raise mistaken(error.problems) from None


def query_node(pairs: Sequence[tuple[str, str]]) -> Node:
    """A query as if it stood in a file. Raises :class:`ControlError` for what is said twice."""
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ControlError("mistakes", f"given twice: {', '.join(twice)}")
    entries: dict[str, Node] = {name: Scalar(0, value, plain=False) for name, value in pairs}
    return Entries(0, entries, dict.fromkeys(entries, 0))


def entry(node: Node, name: str) -> Node | None:
    return node.entries.get(name) if isinstance(node, Entries) else None


# --- faults -------------------------------------------------------------------------------------------------------------


def _verbs_for(*fields: str) -> tuple[str, ...]:
    """Verbs whose first argument is one of these."""
    found = {verb: first_field(verb) for verb in FAULT_VERBS}
    return tuple(verb for verb, first in found.items() if first is not None and first.name in fields)


WORKER_VERBS: Final = _verbs_for("worker", "a")
"""What can be done to one worker: its name is the first argument."""
CONNECTOR_VERBS: Final = _verbs_for("connector")
"""What can be done to one connector."""


def read_fault(node: Node, workers: Sequence[str], plugin_sets: Sequence[str]) -> Fault:
    """The fault that a body means. Raises :class:`ControlError` with everything that is wrong."""
    tree: Tree[Any] = Tree("body", node)
    try:
        return _fault(tree, Known((), (), workers, plugin_sets))
    except FileError as error:
        raise mistaken(error.problems) from None


def _fault(tree: Tree[Any], known: Known) -> Fault:
    node = tree.root
    if isinstance(node, Scalar) and not node.is_null:
        if node.text not in BARE:
            tree.problem((), _alone(node.text))
        tree.raise_any()
        return fault_of(node.text, None, None)
    if not isinstance(node, Entries) or not node.entries:
        tree.problem((), "expected a fault: a mapping from one verb to its arguments")
        tree.raise_any()
    assert isinstance(node, Entries), node
    for name, given in node.entries.items():
        if name not in FAULT_VERBS:
            tree.problem((name,), unknown(name, tuple(FAULT_VERBS)))
            tree.root = _without(tree.root, name)
        elif isinstance(given, Scalar) and given.is_null and (name not in BARE or len(node.entries) > 1):
            tree.problem((name,), _alone(name))
    action = tree.attempt(Action)
    tree.raise_any()
    if not action.verbs:
        return fault_of(next(iter(node.entries)), None, None)
    Checker(tree, known).check(action, ())
    tree.raise_any()
    return fault_of(action.verb, action.arguments, None)


def _alone(verb: str) -> str:
    known = tuple(FAULT_VERBS)
    return f"{verb!r} needs to know more: write '{verb}: ...'" if verb in known else one_of(verb, known)


def _without(node: Node, name: str) -> Node:
    assert isinstance(node, Entries), node
    entries = {key: value for key, value in node.entries.items() if key != name}
    return Entries(node.line, entries, node.key_lines, node.size)


def verb_node(verb: str, verbs: Sequence[str], subject: str, body: Node) -> Node:
    """The fault of ``POST /workers/connect-1/crash``: the path says the verb and its first argument, the body the rest.

    Raises :class:`ControlError`.
    """
    if verb not in verbs:
        close = nearest(verb, verbs)
        meant = f"did you mean {close!r}?" if close else f"there are {', '.join(verbs)}"
        raise ControlError("not-found", f"nothing called {verb!r} can be done to it; {meant}")
    first = first_field(verb)
    assert first is not None, f"{verb} takes no argument"
    given: Mapping[str, Node] = {}
    if isinstance(body, Entries):
        given = body.entries
    elif not (isinstance(body, Scalar) and body.is_null):
        raise ControlError("mistakes", "expected a mapping with the arguments of the verb, or no body at all")
    name = argument_name(first.name)
    if name in given:
        raise ControlError("mistakes", f"{name}: the path says it already")
    subject_node = Scalar(0, subject, plain=False)
    entries: dict[str, Node] = {name: subject_node, **given}
    lines = dict(body.key_lines) if isinstance(body, Entries) else {}
    arguments = Entries(0, entries, {**lines, name: 0})
    return Entries(0, {verb: arguments}, {verb: 0})
