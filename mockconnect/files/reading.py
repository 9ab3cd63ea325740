"""From a tree of texts to typed values: the type decides what a text means, and every mistake is told.

Rules of this room:

* Types are msgspec's: structs, typed dicts, lists, dicts, literals, unions, numbers, texts. :data:`Duration` is a
  duration in ms. What a type leaves open (``Any``) is read as JSON would be.
* Whatever is wrong becomes a problem with its line and path, and reading goes on with the next value.
* Unknown fields are mistakes. A union is decided by what is there: a text, a list or a mapping.

How to use it: :func:`parse_file`, and then :class:`Tree` for any number of looks at one file; :meth:`Tree.problem` finds
the line of whatever a later check does not like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from inspect import cleandoc
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar, cast

import msgspec
from msgspec import inspect

from mockconnect.files.durations import EXPECTED, PATTERN, milliseconds
from mockconnect.files.nodes import Entries, Items, Node, Scalar
from mockconnect.files.problems import FileError, Problem, one_of, unknown

T = TypeVar("T")
Step: TypeAlias = "str | int"
Place: TypeAlias = tuple[Step, ...]
"""The way from the root of a file to a value: names and indices."""

Duration = Annotated[
    int,
    msgspec.Meta(extra={"reading": "duration"}, extra_json_schema={"pattern": PATTERN}),
]
"""Milliseconds, written as a number of them or as ``"300ms"``, ``"5s"``, ``"1m30s"``."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][\w-]*")
DIGITS_MAX: Final = 300
"""Of a number whose type is open."""
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


class Tree(Generic[T]):
    """One file: its name, its nodes, and, once read, its value."""

    def __init__(self, name: str, root: Node) -> None:
        self.name = name
        self.root = root
        self.problems: list[Problem] = []

    def read(self, type_: type[T], at: Place = ()) -> T:
        """The value of that type. Raises :class:`FileError` with all problems."""
        value = self.attempt(type_, at)
        self.raise_any()
        return value

    def attempt(self, type_: type[T], at: Place = ()) -> T:
        """The same, but problems only gather; where there are any the value means nothing."""
        value: T = _Reader(self).read(self.node(at), _information(cast("Hashable", type_)), at)
        return value

    def raise_any(self) -> None:
        if self.problems:
            raise FileError(self.problems, self.name)

    def node(self, place: Place) -> Node:
        """What stands there, or the nearest thing around it."""
        node = self.root
        for step in place:
            if isinstance(node, Entries) and step in node.entries:
                node = node.entries[str(step)]
            elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                break
        return node

    def problem(self, place: Place, text: str) -> Problem:
        """Note a mistake; it has the line of the key, if it has one."""
        around = self.node(place[:-1]) if place else self.root
        line = self.node(place).line
        if place and isinstance(around, Entries):
            line = around.key_lines.get(str(place[-1]), line)
        path = shown(place)
        where = f"{self.name}:{line}: {path}" if path else f"{self.name}:{line}"
        problem = Problem(where if line else f"{self.name}{path}", text)
        self.problems.append(problem)
        return problem


def shown(place: Place) -> str:
    """``connectors[3].config['connector.class']``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _IDENTIFIER.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def schema_of(type_: type) -> dict[str, Any]:
    """JSON Schema (2020-12) of files of that type."""
    schema: dict[str, Any] = _polished(msgspec.json.schema(type_))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _polished(part: Any) -> Any:
    """A duration is a text, too; msgspec knows only what it is read into. Python before 3.13 keeps docstrings indented."""
    if isinstance(part, list):
        return [_polished(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: _polished(one) for name, one in part.items()}
    if isinstance(found.get("description"), str):
        found["description"] = cleandoc(found["description"])
    return {**found, "type": ["integer", "string"]} if part.get("pattern") == PATTERN else found


@lru_cache(maxsize=256)
def _information(type_: Hashable) -> inspect.Type:
    return inspect.type_info(type_)


def _found(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if node.is_null else repr(node.text)
    return "a list" if isinstance(node, Items) else "a mapping"


# --- the types ---------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads one value after another of one file."""

    def __init__(self, tree: Tree[Any]) -> None:
        self._tree = tree
        self._problems = tree.problems

    def read(self, node: Node, kind: inspect.Type, place: Place) -> Any:
        return _READERS[type(kind)](self, node, kind, place)

    def _wrong(self, node: Node, kind: inspect.Type, place: Place) -> None:
        self._tree.problem(place, f"expected {_expected(kind)}, found {_found(node)}")

    # scalars

    def _scalar(self, node: Node, kind: inspect.Type, place: Place) -> Any:
        """Texts, numbers, truth values, literals."""
        if isinstance(node, Scalar) and not node.is_null:
            valid, value = _SCALARS[type(kind)](node, kind)
            if valid:
                return value
        if isinstance(kind, inspect.LiteralType) and isinstance(node, Scalar) and not node.is_null:
            self._tree.problem(place, one_of(node.text, [_spelled(value) for value in kind.values]))
        else:
            self._wrong(node, kind, place)
        return None

    def _null(self, node: Node, kind: inspect.Type, place: Place) -> None:
        if not (isinstance(node, Scalar) and node.is_null):
            self._wrong(node, kind, place)

    def _any(self, node: Node, kind: inspect.Type, place: Place) -> Any:
        if isinstance(node, Items):
            return [self._any(item, kind, (*place, index)) for index, item in enumerate(node.items)]
        if isinstance(node, Entries):
            return {name: self._any(entry, kind, (*place, name)) for name, entry in node.entries.items()}
        if len(node.text) > DIGITS_MAX and node.plain and _NUMBER.fullmatch(node.text):
            self._tree.problem(place, f"expected a number of at most {DIGITS_MAX} digits")
            return None
        return _as_json(node)

    def _metadata(self, node: Node, kind: inspect.Metadata, place: Place) -> Any:
        if not is_duration(kind):
            return self.read(node, kind.type, place)
        span_ms = milliseconds(node.text) if isinstance(node, Scalar) else None
        if span_ms is None:
            self._tree.problem(place, f"expected {EXPECTED}, found {_found(node)}")
        return span_ms

    # collections

    def _list(self, node: Node, kind: inspect.ListType, place: Place) -> Any:
        if not isinstance(node, Items):
            self._wrong(node, kind, place)
            return []
        least, most, count = kind.min_length or 0, kind.max_length, len(node.items)
        if count < least or (most is not None and count > most):
            self._tree.problem(place, f"expected {_entries(least, most)}, found {count or 'none'}")
        return [self.read(item, kind.item_type, (*place, index)) for index, item in enumerate(node.items)]

    def _tuple(self, node: Node, kind: inspect.VarTupleType, place: Place) -> Any:
        if not isinstance(node, Items):
            self._wrong(node, kind, place)
            return ()
        return tuple(
            self.read(item, kind.item_type, (*place, index)) for index, item in enumerate(node.items)
        )

    def _dict(self, node: Node, kind: inspect.DictType, place: Place) -> Any:
        if not isinstance(node, Entries):
            self._wrong(node, kind, place)
            return {}
        return {
            name: self.read(entry, kind.value_type, (*place, name)) for name, entry in node.entries.items()
        }

    def _struct(self, node: Node, kind: inspect.StructType, place: Place) -> Any:
        before = len(self._problems)
        tags = () if kind.tag_field is None else (kind.tag_field,)
        given = self._fields(node, kind, kind.fields, place, tags)
        return kind.cls(**given) if len(self._problems) == before else None

    def _typed_dict(self, node: Node, kind: inspect.TypedDictType, place: Place) -> Any:
        return self._fields(node, kind, kind.fields, place)

    def _fields(
        self,
        node: Node,
        kind: inspect.Type,
        fields: Sequence[inspect.Field],
        place: Place,
        tags: Sequence[str] = (),
    ) -> dict[str, Any]:
        if not isinstance(node, Entries):
            self._wrong(node, kind, place)
            return {}
        known = {field.encode_name: field for field in fields}
        given: dict[str, Any] = {}
        for name, entry in node.entries.items():
            if name in known:
                given[known[name].name] = self.read(entry, known[name].type, (*place, name))
            elif name not in tags:
                self._tree.problem((*place, name), _unknown(name, kind, tuple(known)))
        for name, field in known.items():
            if field.required and name not in node.entries:
                self._tree.problem((*place, name), "missing")
        return given

    # unions

    def _union(self, node: Node, kind: inspect.UnionType, place: Place) -> Any:
        if isinstance(node, Scalar) and node.is_null:
            return None if kind.includes_none else self._wrong(node, kind, place)
        fitting = [part for part in kind.types if _fits(node, part)]
        others = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
        if len(fitting) == 1 and (len(others) == 1 or not isinstance(node, Scalar)):
            return self.read(node, fitting[0], place)
        if not fitting:
            return self._wrong(node, kind, place)
        if isinstance(node, Scalar):
            return self._first_scalar(node, kind, fitting, place)
        return self._best(node, fitting, place)

    def _first_scalar(
        self, node: Scalar, kind: inspect.UnionType, fitting: list[inspect.Type], place: Place
    ) -> Any:
        """Numbers and truth values come before literals, and texts last: a text is anything."""
        for part in sorted(fitting, key=lambda part: _SCALAR_ORDER.index(type(_plain(part)))):
            if is_duration(part):
                span_ms = milliseconds(node.text)
                if span_ms is not None:
                    return span_ms
                continue
            plain = _plain(part)
            valid, value = _SCALARS[type(plain)](node, plain)
            if valid:
                return value
        literal = [part for part in fitting if isinstance(part, inspect.LiteralType)]
        if len(literal) == 1:
            return self._scalar(node, literal[0], place)
        return self._wrong(node, kind, place)

    def _best(self, node: Node, fitting: list[inspect.Type], place: Place) -> Any:
        """Of several structs the one with that tag, else the one that has the fewest problems with what is there."""
        tries: list[tuple[list[Problem], Any]] = []
        before = list(self._problems)
        for part in fitting:
            if isinstance(part, inspect.StructType) and part.tag_field and isinstance(node, Entries):
                tag = node.entries.get(part.tag_field)
                if not (isinstance(tag, Scalar) and tag.text == str(part.tag)):
                    continue
            value = self.read(node, part, place)
            tries.append((self._problems[len(before) :], value))
            self._problems[:] = before
        if not tries:
            tags = [str(part.tag) for part in fitting if isinstance(part, inspect.StructType)]
            self._tree.problem(place, f"expected one of {', '.join(tags)}")
            return None
        problems, value = min(tries, key=lambda one: len(one[0]))
        self._problems += problems
        return value


def _unknown(name: str, kind: inspect.Type, known: tuple[str, ...]) -> str:
    """``elsewhere`` of a struct has names that its fields have in other places."""
    here = getattr(kind.cls, "elsewhere", {}).get(name) if isinstance(kind, inspect.StructType) else None
    return unknown(name, known) if here is None else f"unknown; it is called {here!r} here"


def _plain(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def is_duration(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and (kind.extra or {}).get("reading") == "duration"


def _fits(node: Node, kind: inspect.Type) -> bool:
    kind = _plain(kind)
    if isinstance(kind, inspect.AnyType):
        return True
    if isinstance(node, Items):
        return isinstance(kind, inspect.ListType | inspect.VarTupleType)
    if isinstance(node, Entries):
        return isinstance(kind, inspect.DictType | inspect.StructType | inspect.TypedDictType)
    return type(kind) in _SCALARS


def _as_json(node: Scalar) -> str | int | float | bool | None:
    """What JSON would say of a text that stands there without quotes."""
    if not node.plain:
        return node.text
    if node.is_null:
        return None
    if node.text in ("true", "false"):
        return node.text == "true"
    number = _NUMBER.fullmatch(node.text)
    if number is None:
        return node.text
    return float(node.text) if number[1] or number[2] else int(node.text)


# --- scalars: (valid, value) --------------------------------------------------------------------------------------------


def _text(node: Scalar, kind: inspect.StrType) -> tuple[bool, str]:
    long_enough = len(node.text) >= (kind.min_length or 0)
    matches = kind.pattern is None or re.search(kind.pattern, node.text) is not None
    return long_enough and matches, node.text


def _whole(node: Scalar, kind: inspect.IntType) -> tuple[bool, int]:
    if re.fullmatch(r"-?\d{1,18}", node.text) is None:
        return False, 0
    return _in_range(int(node.text), kind), int(node.text)


def _decimal(node: Scalar, kind: inspect.FloatType) -> tuple[bool, float]:
    if _NUMBER.fullmatch(node.text) is None:
        return False, 0.0
    return _in_range(float(node.text), kind), float(node.text)


def _in_range(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    high_enough = (kind.ge is None or value >= kind.ge) and (kind.gt is None or value > kind.gt)
    return high_enough and (kind.le is None or value <= kind.le) and (kind.lt is None or value < kind.lt)


def _truth(node: Scalar, _kind: inspect.BoolType) -> tuple[bool, bool]:
    return node.text in ("true", "false"), node.text == "true"


def _literal(node: Scalar, kind: inspect.LiteralType) -> tuple[bool, str | int | None]:
    found = [value for value in kind.values if _spelled(value) == node.text]
    return bool(found), found[0] if found else None


def _spelled(value: object) -> str:
    """A value of a literal as files have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_SCALARS: Final[Mapping[type, Callable[[Scalar, Any], tuple[bool, Any]]]] = {
    inspect.IntType: _whole,
    inspect.FloatType: _decimal,
    inspect.BoolType: _truth,
    inspect.LiteralType: _literal,
    inspect.StrType: _text,
}
_SCALAR_ORDER: Final = tuple(_SCALARS)

_READERS: Final[Mapping[type, Callable[[_Reader, Node, Any, Place], Any]]] = {
    **dict.fromkeys(_SCALARS, _Reader._scalar),
    inspect.NoneType: _Reader._null,
    inspect.AnyType: _Reader._any,
    inspect.Metadata: _Reader._metadata,
    inspect.ListType: _Reader._list,
    inspect.VarTupleType: _Reader._tuple,
    inspect.DictType: _Reader._dict,
    inspect.StructType: _Reader._struct,
    inspect.TypedDictType: _Reader._typed_dict,
    inspect.UnionType: _Reader._union,
}


# --- what was expected ----------------------------------------------------------------------------------------------------


def _expected(kind: inspect.Type) -> str:
    """In words; ``extra={"expected": ...}`` of a type has its own."""
    own = (kind.extra or {}).get("expected") if isinstance(kind, inspect.Metadata) else None
    if own is not None:
        return str(own)
    kind = _plain(kind)
    if isinstance(kind, inspect.UnionType):
        names = [_expected(part) for part in kind.types if not isinstance(part, inspect.NoneType)]
        return " or ".join(dict.fromkeys(names))
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _EXPECTED[type(kind)] + _range(kind)
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(map(_spelled, kind.values))
    return _EXPECTED[type(kind)]


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f" from {kind.ge}"
    above = "" if kind.gt is None else f" above {kind.gt}"
    return above if kind.le is None else f"{above} up to {kind.le:.15g}"


def _entries(least: int, most: int | None) -> str:
    if most is None:
        return "at least one entry" if least == 1 else f"at least {least} entries"
    return f"{least} entries" if least == most else f"from {least} to {most} entries"


_EXPECTED: Final[Mapping[type, str]] = {
    inspect.StrType: "a text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.NoneType: "nothing",
    inspect.AnyType: "anything",
    inspect.ListType: "a list",
    inspect.VarTupleType: "a list",
    inspect.DictType: "a mapping",
    inspect.StructType: "a mapping",
    inspect.TypedDictType: "a mapping",
}
