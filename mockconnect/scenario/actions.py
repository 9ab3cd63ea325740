"""What a rule does: the verbs of a scenario file, and what they become.

Rules of this room:

* A verb is a key with its arguments: ``crash: {worker: leader, for: 20s}``. Every fault of core is a verb, with core's
  own name and arguments; durations lose their ``_ms``. A verb whose first argument is all that matters takes it alone:
  ``crash: leader``. The few verbs that only a scenario has stand below.
* Types of arguments are derived from the faults themselves, so that both can never differ.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from mockconnect.core.client_faults import CLIENT_FAULTS
from mockconnect.core.faults import FAULTS, LIMITS, Fault, OwnerOf, Target
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.files.cluster import Properties, Text
from mockconnect.files.reading import Duration
from mockconnect.scenario.parts import Part, Several

# --- verbs of a scenario ----------------------------------------------------------------------------------------------


class Request(Part, kw_only=True, frozen=True):
    """The scenario itself asks a worker something, as any client might; the answer is part of the timeline."""

    operation: Text
    worker: Text = "leader"
    """Who is asked: a name, ``leader``, ``follower``, or ``all`` for each in turn."""
    connector: Text | None = None
    task: int | None = None
    config: Properties | None = None
    plugin: Text | None = None
    include_tasks: bool | None = None
    only_failed: bool | None = None
    expand: list[Text] | None = None
    initial_state: Literal["RUNNING", "PAUSED", "STOPPED"] | None = None
    offsets: list[OffsetChange] | None = None
    task_configs: list[dict[str, str]] | None = None
    """What ``put_task_configs`` sends."""
    logger: Text | None = None
    level: Text | None = None
    scope: Text | None = None
    give_up_after: Duration | None = None
    """Nobody waits longer for the answer than that; what was asked for may happen all the same."""


class OffsetChange(Part, kw_only=True, frozen=True):
    """One row of a request that alters offsets."""

    partition: dict[str, Any]
    offset: dict[str, Any] | None = None


# --- verbs of core ----------------------------------------------------------------------------------------------------


class OwnerGiven(Part, kw_only=True, frozen=True):
    """The worker that runs a connector, or (``connector/task``) one of its tasks."""

    owner_of: Text


TargetGiven = Text | Several | OwnerGiven
RENAMED: Final[Mapping[str, str]] = {"connector_class": "class", "source": "from", "target": "to"}
"""Fields of faults that have a shorter name in files."""


def argument_name(field_name: str) -> str:
    """``down_for_ms`` is ``down_for``."""
    return RENAMED.get(field_name, field_name.removesuffix("_ms"))


def _argument_type(hint: Any, name: str) -> Any:
    """What a file may say for a field of that type."""
    if hint == Target:
        return TargetGiven
    if get_origin(hint) in (Union, types.UnionType):
        if set(get_args(Target)) <= set(get_args(hint)):
            return TargetGiven | None
        parts = [one for one in get_args(hint) if not _holds_plugins(one)]
        return Union[tuple(_argument_type(one, name) for one in parts)]  # noqa: UP007 - built at run time
    if hint is int and name.endswith("_ms"):
        return Duration
    if name == "offsets":
        return list[OffsetChange]
    if hint in (int, float) and name in LIMITS:
        low, high = LIMITS[name]
        return Annotated[hint, msgspec.Meta(ge=low, le=high)]
    if get_origin(hint) is tuple:
        return list[Text] if name == "topics" else Several  # a connector may have no topics
    return Properties if get_origin(hint) is not None and get_origin(hint) not in (Literal, list) else hint


def _holds_plugins(hint: Any) -> bool:
    return get_origin(hint) is tuple and PluginDesc in get_args(hint)


def _arguments(fault: type[Fault]) -> type[Part]:
    """The mapping that a file has for a fault."""
    hints = get_type_hints(fault, include_extras=True)
    rows: list[Any] = []
    for one in fields(fault):
        own = (
            f"{one.name}_" if argument_name(one.name) in ("class", "from", "for") else argument_name(one.name)
        )
        kind = _argument_type(hints[one.name], one.name)
        rows.append((own, kind, msgspec.field(name=argument_name(one.name), **_default(one))))
    made = msgspec.defstruct(
        f"{fault.__name__}Arguments",
        rows,
        bases=(Part,),
        module=__name__,
        namespace={"__doc__": fault.__doc__, "elsewhere": {name: argument_name(name) for name in RENAMED}},
        kw_only=True,
        frozen=True,
    )
    return cast("type[Part]", made)


def _default(one: Field[Any]) -> dict[str, Any]:
    return {} if one.default is MISSING else {"default": one.default}


def _own(fault: type[Fault]) -> list[Field[Any]]:
    """The fields of the fault itself: ``for_ms``, which all have, comes first."""
    return [one for one in fields(fault) if one.name != "for_ms"]


def first_field(verb: str) -> Field[Any] | None:
    """The first argument of a verb, if it has any that is more than a detail."""
    return next((one for one in _own(FAULT_VERBS[verb]) if not one.kw_only), None)


def takes_several(verb: str) -> bool:
    """Whether a list may stand alone behind a verb."""
    first = first_field(verb)
    return first is not None and get_type_hints(FAULT_VERBS[verb])[first.name] in (Target, tuple[str, ...])


def _first_is_enough(verb: str) -> bool:
    fault, first = FAULT_VERBS[verb], first_field(verb)
    if first is None or any(one.default is MISSING for one in _own(fault) if one is not first):
        return False
    hint = get_type_hints(fault)[first.name]
    is_choice = get_origin(hint) is Literal and first.default is MISSING
    return is_choice or hint in (str, Target, int | str, tuple[str, ...])


FAULT_VERBS: Final[Mapping[str, type[Fault]]] = {fault.verb: fault for fault in (*FAULTS, *CLIENT_FAULTS)}
_ARGUMENTS: Final[Mapping[str, type[Part]]] = {verb: _arguments(fault) for verb, fault in FAULT_VERBS.items()}
ALONE: Final = frozenset(verb for verb in FAULT_VERBS if _first_is_enough(verb))
"""Verbs that take their first argument alone."""
BARE: Final = frozenset(
    verb for verb, fault in FAULT_VERBS.items() if all(one.default is not MISSING for one in _own(fault))
)
"""Verbs that need no argument: ``do: rebalance``."""


# --- an action --------------------------------------------------------------------------------------------------------


class ActionParts(Part, kw_only=True, frozen=True):
    """One verb with its arguments; the verbs of core are added to these."""

    request: Request | None = None
    heal: Text | None = None
    """What a rule did is over; ``all``: what every rule did."""
    mark: Text | None = None
    """A line in the timeline."""
    end: Text | None = None
    """The timeline ends here and now; the text says why."""
    use: Text | None = None
    """The actions of a piece."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """What is given; a valid action has just one."""
        return tuple(
            name
            for name in self.__struct_fields__
            if name not in NO_VERBS and getattr(self, name) is not None
        )

    @property
    def verb(self) -> str:
        return self.verbs[0]

    @property
    def arguments(self) -> Any:
        return getattr(self, self.verb)


NO_VERBS: Final = ("weight",)


def _with_verbs(name: str, bases: tuple[type, ...], *more: tuple[str, Any, Any]) -> type[Any]:
    rows: list[Any] = list(more)
    for verb, arguments in _ARGUMENTS.items():
        rows.append((verb, (SHORT | arguments if verb in ALONE else arguments) | None, None))
    doc = "One verb with its arguments."
    return msgspec.defstruct(
        name, rows, bases=bases, module=__name__, namespace={"__doc__": doc}, kw_only=True, frozen=True
    )


SHORT: Final[Any] = Text | Several
"""What stands instead of a mapping where the first argument is enough."""

if TYPE_CHECKING:

    class Choice(ActionParts, kw_only=True, frozen=True):
        """One possibility of a ``choose``."""

        weight: int = 1

    class Action(ActionParts, kw_only=True, frozen=True):
        """One verb with its arguments."""

        choose: Annotated[list[Choice], msgspec.Meta(min_length=1)] | None = None
else:
    Choice = _with_verbs("Choice", (ActionParts,), ("weight", Annotated[int, msgspec.Meta(ge=1)], 1))
    Action = _with_verbs(
        "Action", (ActionParts,), ("choose", Annotated[list[Choice], msgspec.Meta(min_length=1)] | None, None)
    )


# --- from arguments to faults --------------------------------------------------------------------------------------------


def fault_of(verb: str, given: Any, for_ms: int | None) -> Fault:
    """The fault that a verb and its arguments mean. ``for_ms`` counts if the arguments say nothing of it."""
    kind = FAULT_VERBS[verb]
    values = _whole(kind, given)
    if for_ms is not None and "for_ms" in {one.name for one in fields(kind)} and values.get("for_ms") is None:
        values["for_ms"] = for_ms
    return kind(**values)


def _whole(kind: type[Fault], given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Part):
        first = first_field(kind.verb)
        assert first is not None, f"{kind.verb} takes nothing alone"
        return {first.name: _value(given)}
    by_name = {one.encode_name: one.name for one in msgspec.structs.fields(given)}
    return {one.name: _value(getattr(given, by_name[argument_name(one.name)])) for one in fields(kind)}


def _value(given: Any) -> Any:
    if isinstance(given, OwnerGiven):
        connector, slash, task = given.owner_of.rpartition("/")
        return OwnerOf(connector, int(task)) if slash and task.isdecimal() else OwnerOf(given.owner_of)
    if isinstance(given, OffsetChange):
        return given.partition, given.offset
    return tuple(_value(one) for one in given) if isinstance(given, list) else given
