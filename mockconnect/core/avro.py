"""Avro schemas, as far as connectors say what is wrong with one in their config.

Rules of this room: :func:`parse` imitates ``Schema.Parser`` of Avro 1.12 (without checks of names), :func:`check_record` the
``AvroSchema`` of MongoDB's connector, which takes less. Text that is no JSON raises :class:`NoJsonError`: what a worker says of
it are sentences of Jackson, which nobody writes here. Defaults of fields, sizes and logical types are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from mockconnect.core import javatext

_PRIMITIVES: Final = ("string", "bytes", "int", "long", "float", "double", "boolean", "null")
_BLANKS: Final = " \t\r\n"
Json = object


class AvroError(Exception):
    """The text is that of the Java exception."""


class NoJsonError(ValueError):
    """No JSON at all."""


@dataclass(slots=True)
class AvroSchema:
    """``parts`` are the fields of a record, or what it holds under an empty name; ``kind`` ``""`` is a reference."""

    kind: str
    name: str
    parts: list[tuple[str, AvroSchema]] = field(default_factory=list)


def parse(text: str) -> AvroSchema:
    """Raises :class:`AvroError`, or :class:`NoJsonError`."""
    node, rest = _read(text)
    parser = _Parser()
    schema = parser.schema(node, "")
    for one in parser.known.values():
        parser.resolve(one, set())
    if not schema.kind and schema.name not in parser.known:
        raise AvroError("Unknown schema: org.apache.avro.compiler.UnresolvedSchema_0")  # a JVM counts them
    parser.resolve(schema, set())
    if rest:
        raise AvroError(f"dangling content after end of schema: {rest}")
    return parser.known.get(schema.name, schema)


def _read(text: str) -> tuple[Json, str]:
    start = len(text) - len(text.lstrip(_BLANKS))
    if start == len(text):
        raise AvroError("Cannot parse <null> schema")
    decoder = json.JSONDecoder(parse_constant=_refuse)
    try:
        node, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise NoJsonError(text) from error
    if not isinstance(node, dict | list | str) and text[end : end + 1].strip(_BLANKS):
        raise NoJsonError(text)
    return node, javatext.trim(text[end:])


def _refuse(text: str) -> NoReturn:
    raise NoJsonError(text)


def _shown(node: Json) -> str:
    """``JsonNode.toString``."""
    match node:
        case dict():
            return "{" + ",".join(f"{_shown(key)}:{_shown(value)}" for key, value in node.items()) + "}"
        case list():
            return "[" + ",".join(map(_shown, node)) + "]"
        case float():
            return javatext.double_text(node)
        case _:
            return json.dumps(node, ensure_ascii=False)


def _text(node: Mapping[str, Json], key: str) -> str | None:
    value = node.get(key)
    return value if isinstance(value, str) else None


def _required(node: Json, key: str, problem: str) -> str:
    found = _text(node, key) if isinstance(node, dict) else None
    if found is None:
        raise AvroError(f"{problem}: {_shown(node)}")
    return found


class _Parser:
    """``ParseContext`` and the functions around it."""

    def __init__(self) -> None:
        self.known: dict[str, AvroSchema] = {}

    def schema(self, node: Json, space: str) -> AvroSchema:
        match node:
            case str():
                return self._find(node, space)
            case dict():
                return self._complex(node, space)
            case list():
                return self._union(node, space)
            case _:
                raise AvroError(f"Schema not yet supported: {_shown(node)}")

    def _complex(self, node: Mapping[str, Json], space: str) -> AvroSchema:
        kind = _required(node, "type", "No type")
        match kind:
            case "record" | "error":
                return self._record(node, space)
            case "enum" | "fixed":
                return self._named(kind, node, space)
            case "array" | "map":
                key, what = (
                    ("items", "Array has no items") if kind == "array" else ("values", "Map has no values")
                )
                if key not in node:
                    raise AvroError(f"{what} type: {_shown(node)}")
                return AvroSchema(kind, kind, [("", self.schema(node[key], space))])
            case _:
                return self._find(kind, space)

    def _find(self, name: str, space: str) -> AvroSchema:
        if name in _PRIMITIVES:
            return AvroSchema(name, name)
        full = f"{space}.{name}" if space and "." not in name else name
        return self.known.get(full) or self.known.get(name) or AvroSchema("", full)

    def _put(self, kind: str, node: Mapping[str, Json], space: str) -> AvroSchema:
        name = _required(node, "name", "No name in schema")
        own = _text(node, "namespace")
        space = space if own is None else own
        full = f"{space}.{name}" if space and "." not in name else name
        if full in self.known:
            raise AvroError(f"Can't redefine: {full}")
        return self.known.setdefault(full, AvroSchema(kind, full))

    def _record(self, node: Mapping[str, Json], space: str) -> AvroSchema:
        schema = self._put("record", node, space)
        fields = node.get("fields")
        if not isinstance(fields, list):
            raise AvroError(f"Record has no fields: {_shown(node)}")
        found = [self._field(each, schema.name.rpartition(".")[0]) for each in fields]
        _check_duplicates(schema.name, found)
        schema.parts += found
        _check_aliases(node)
        return schema

    def _field(self, node: Json, space: str) -> tuple[str, AvroSchema]:
        name = _required(node, "name", "No field name")
        assert isinstance(node, dict), node
        if "type" not in node:
            raise AvroError(f"No field type: {_shown(node)}")
        schema = self.schema(node["type"], space)
        _check_aliases(node)
        return name, schema

    def _named(self, kind: str, node: Mapping[str, Json], space: str) -> AvroSchema:
        _required(node, "name", "No name in schema")
        symbols, size = node.get("symbols"), node.get("size")
        if kind == "enum" and not isinstance(symbols, list):
            raise AvroError(f"Enum has no symbols: {_shown(node)}")
        if kind == "fixed" and (isinstance(size, bool) or not isinstance(size, int)):
            raise AvroError(f"Invalid or no size: {_shown(node)}")
        return self._put(kind, node, space)

    def _union(self, nodes: list[Json], space: str) -> AvroSchema:
        types = [self.schema(node, space) for node in nodes]
        names: list[str] = []
        for one in types:
            if one.kind == "union":
                raise AvroError(f"Nested union: {_shown(nodes)}")
            if one.name in names:
                raise AvroError(f"Duplicate in union:{one.name}")
            names.append(one.name)
        return AvroSchema("union", "union", [("", one) for one in types])

    def resolve(self, schema: AvroSchema, visited: set[str]) -> None:
        """``SchemaResolver``: every reference must lead somewhere; references become what they lead to."""
        if schema.name in visited:
            return
        visited |= {schema.name} if schema.kind == "record" else set()
        if not schema.kind and schema.name not in self.known:
            raise AvroError(f"Undefined schema: {schema.name}")
        for at, (name, part) in enumerate(schema.parts):
            self.resolve(part, visited)
            schema.parts[at] = (name, part if part.kind else self.known[part.name])


def _check_duplicates(record: str, fields: Sequence[tuple[str, AvroSchema]]) -> None:
    shown = [f"{name} type:{part.kind.upper()} pos:{at}" for at, (name, part) in enumerate(fields)]
    places: dict[str, int] = {}
    for at, (name, _) in enumerate(fields):
        before = places.setdefault(name, at)
        if before != at:
            problem = f"Duplicate field {name} in record {record}: {shown[at]} and {shown[before]}."
            raise AvroError(problem)


def _check_aliases(node: Mapping[str, Json]) -> None:
    aliases = node.get("aliases", [])
    if not isinstance(aliases, list):
        raise AvroError(f"aliases not an array: {_shown(node)}")
    for alias in aliases:
        if not isinstance(alias, str):
            raise AvroError(f"alias not a string: {_shown(alias)}")


# --- what MongoDB's connector takes -----------------------------------------------------------------------------------------


def check_record(schema: AvroSchema) -> None:
    """``AvroSchema.validateJsonSchema`` after the parsing: a record, without enumerations and most unions."""
    if schema.kind != "record":
        raise AvroError("Only Record schemas are supported at the top-level.")
    for problem in _problems(schema, "", []):
        raise AvroError(problem)


_UNSUPPORTED: Final[Mapping[str, str]] = {
    "fixed": " The connector will not validate the length. Use bytes instead.",
    "enum": " The connector will not validate the values. Use string instead.",
    "null": "",
}


def _problems(schema: AvroSchema, path: str, records: list[str]) -> Iterator[str]:
    if schema.kind in _UNSUPPORTED:
        yield _of(path, f"Unsupported Avro schema type: '{schema.kind.upper()}'.{_UNSUPPORTED[schema.kind]}")
    elif schema.kind == "union":
        yield from _union_problems(schema, path, records)
    elif schema.kind != "record" or schema.name not in records:
        records += [schema.name] if schema.kind == "record" else []
        for name, part in schema.parts:
            inner = ".".join(each for each in (path, name) if each)
            yield from _problems(part, inner, records)


def _union_problems(schema: AvroSchema, path: str, records: list[str]) -> Iterator[str]:
    kinds = [part.kind for _, part in schema.parts]
    if len(kinds) != 2 or "null" not in kinds:
        optional = "Union Schemas are not supported, unless one value is null to represent an optional value."
        yield _of(path, optional)
        return
    for _, part in schema.parts:
        if part.kind == "null":
            continue
        for found in _problems(part, "", records):
            text = found[:1].lower() + found[1:]
            contains = f"an unsupported Avro schema type: '{part.kind.upper()}', which contains an "
            yield _of(path, f"Union Schema contains {contains if part.parts else 'an '}{text}")


def _of(path: str, problem: str) -> str:
    return f"Field '{path}' is invalid. {problem}" if path else problem
