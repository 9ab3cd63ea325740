"""Plugins declared as data: by a catalogue file, or by a user who wants a connector class of their own.

Rules of this room: input is plain data (dicts, lists, texts, numbers), output is a ``PluginDesc``. Every problem of a
declaration is reported at once in one :class:`DeclarationError`, each with the path of the field, what was found and
what was expected. Field names are those of the dataclasses in ``behaviour.py``, and for keys those of the answer of
``GET /connector-plugins/{p}/config``; what is left out has Connect's default.

A key row may say further: ``validator`` (see ``validators.py``), ``recommended`` (a list of texts), ``visible_with``
(a key without whose value this one is not visible), ``visible`` (false: never), ``visible_by`` (see :class:`VisibleBy`), ``since`` and ``until`` (versions of the plugin that have the row).
Rows with ``checks`` make a definition of fields (see ``fields.py``); among them a row without is not validated at all.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache, partial
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from mockconnect.core import behaviour as behaviours
from mockconnect.core.behaviour import OFFSET_RULES, Behaviour, TasksRule
from mockconnect.core.configdef import (
    ConfigDef,
    ConfigError,
    ConfigKey,
    Importance,
    Type,
    Value,
    Width,
    parse_type,
)
from mockconnect.core.fields import Check, FieldDef, checks_from_specs
from mockconnect.core.plugin_desc import Kind, PluginDesc
from mockconnect.core.validators import from_spec
from mockconnect.core.versions import exists

T = TypeVar("T")
Data = object
"""Plain data of unknown shape, to be checked."""

Reader = Callable[[str, Data, list[str]], Any]
"""Reads one value at a path; appends to the problems instead of raising."""

_PLUGIN_FIELDS: Final = ("class", "type", "version", "location", "tasks", "config", "behaviour")
# fmt: off
_ROW_FIELDS: Final = (
    "name", "type", "required", "default_value", "importance", "documentation", "group", "order_in_group", "order",
    "width", "display_name", "dependents", "validator", "recommended", "visible_with", "visible", "visible_by",
    "since", "until", "checks",
)
# fmt: on


class DeclarationError(ValueError):
    """``problems`` are complete sentences, one per mistake."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join([f"{what} is not valid:", *(f"  {problem}" for problem in problems)]))
        self.problems = tuple(problems)


def simulated_connector(
    class_name: str,
    kind: Literal["source", "sink"],
    version: str | None = "1.0.0",
    *,
    tasks: TasksRule | str | int | Mapping[str, Data] = "tasks_max",
    keys: Iterable[str | Mapping[str, Data]] = (),
    location: str = "classpath",
    **behaviour: Data,
) -> PluginDesc:
    """A connector class of the user's own.

    ``tasks``: ``"exactly_one"``, ``"tasks_max"``, a number (that many, whatever tasks.max says), a dict or a
    :class:`TasksRule`. ``keys``: names (optional texts) or rows as in ``GET /connector-plugins/{p}/config``. Further
    arguments are fields of :class:`Behaviour`. Raises :class:`DeclarationError`.
    """
    data: dict[str, Data] = {
        "class": class_name,
        "type": kind,
        "version": version,
        "location": location,
        "tasks": tasks,
        "config": [*keys],
        "behaviour": behaviour,
    }
    return plugin_from_dict(data)


def plugin_from_dict(data: Mapping[str, Data], what: str = "the plugin") -> PluginDesc:
    """A plugin of any kind. Raises :class:`DeclarationError`."""
    problems: list[str] = []
    _check_names("", data, _PLUGIN_FIELDS, problems)
    name = _read("class", data, _text, problems, "")
    if not name and not any(problem.startswith("class:") for problem in problems):
        problems.append("class: the name of the Java class is missing")
    kind: Kind = _read("type", data, _one_of(get_args(Kind)), problems, "source")
    if "type" not in data:
        problems.append(f"type: missing; expected one of {', '.join(get_args(Kind))}")
    version = _read("version", data, _optional(_text), problems, None)
    location = _read("location", data, _text, problems, "classpath")
    rows = _read("config", data, _rows, problems, ())
    behaviour = _behaviour(data, kind, problems)
    if problems:
        raise DeclarationError(f"{what} {name}".strip(), problems)
    definition = partial(definition_from_rows, rows, name)
    definition()
    return PluginDesc(name, kind, version, location, behaviour, lru_cache(maxsize=1)(definition))


def behaviour_from_dict(data: Mapping[str, Data], path: str = "") -> Behaviour:
    """Raises :class:`DeclarationError`."""
    problems: list[str] = []
    result: Behaviour = _dataclass(Behaviour)(path, data, problems)
    if problems:
        raise DeclarationError("the behaviour", problems)
    return result


def _behaviour(data: Mapping[str, Data], kind: Kind, problems: list[str]) -> Behaviour | None:
    given = data.get("behaviour") or {}
    if kind not in ("source", "sink") and not given:
        return None
    if isinstance(given, Behaviour):
        return given
    if not isinstance(given, Mapping):
        problems.append(f"behaviour: expected an object with fields of Behaviour, found {given!r}")
        return None
    if "tasks" in data:
        given = {"tasks": data["tasks"], **given}
    result: Behaviour = _dataclass(Behaviour)("behaviour", given, problems)
    if result is not None and result.offset_rules and result.offset_rules not in OFFSET_RULES:
        known = ", ".join(sorted(OFFSET_RULES))
        problems.append(
            f"behaviour.offset_rules: unknown rules {result.offset_rules!r}; expected one of {known}"
        )
    return result


# --- definitions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VisibleBy:
    """A key is visible for some ``values`` of another ``key``, or none; what is none of the ``choices`` is a ``problem``."""

    key: str
    values: tuple[str, ...]
    choices: tuple[str, ...] = ()
    problem: str = ""

    def visible(self, parsed: Mapping[str, Value]) -> bool:
        value = parsed.get(self.key)
        if not isinstance(value, str):
            return True
        if self.problem and value not in self.choices:
            raise ConfigError(self.problem.replace("{value}", value))
        return value in self.values


@dataclass(frozen=True, slots=True)
class FixedRecommender:
    """A recommender as data: constant values; visible unless it never is or the key ``visible_with`` has no value."""

    values: tuple[str, ...] = ()
    visible_with: str = ""
    ever_visible: bool = True
    visible_by: VisibleBy | None = None

    def valid_values(self, _parsed: Mapping[str, Value]) -> Iterable[str]:
        return self.values

    def visible(self, parsed: Mapping[str, Value]) -> bool:
        if self.visible_by is not None:
            return self.visible_by.visible(parsed)
        return self.ever_visible and (not self.visible_with or parsed.get(self.visible_with) is not None)


def definition_from_rows(
    rows: Iterable[Mapping[str, Data]], what: str = "", version: tuple[int, ...] | None = None
) -> ConfigDef:
    """A definition from rows of a catalogue. Raises :class:`DeclarationError` with all problems of all rows."""
    problems: list[str] = []
    present = [row for row in rows if version is None or _exists(row, version)]
    keys = [_key(row, problems) for row in present]
    checks = {str(row.get("name")): _checks(row, problems) for row in present if "checks" in row}
    made = [key for key in keys if key is not None]
    try:
        result = FieldDef(made, checks) if checks and not problems else ConfigDef(made)
    except ConfigError as error:
        problems.append(f"config: {error}")
    if problems:
        raise DeclarationError(f"the definition of {what}", problems)
    return result


def _exists(row: Mapping[str, Data], version: tuple[int, ...]) -> bool:
    return exists(version, _number(row.get("since")), _number(row.get("until")))


def _number(text: Data) -> tuple[int, ...] | None:
    return tuple(int(part) for part in str(text).split(".")) if text is not None else None


def _key(row: Mapping[str, Data], problems: list[str]) -> ConfigKey | None:
    before = len(problems)
    name = _read("name", row, _text, problems, "")
    path = f"config[{name or '?'}]"
    if not name and len(problems) == before:
        problems.append(f"{path}: the name of the key is missing")
    _check_names(path, row, _ROW_FIELDS, problems)
    type_: Type = _read("type", row, _one_of(get_args(Type)), problems, "STRING", path=path)
    required = _read("required", row, _boolean, problems, False, path=path)
    result = ConfigKey(
        name,
        type_,
        required,
        None if required else _default(path, name, row.get("default_value"), type_, problems),
        _validator(path, row.get("validator"), problems),
        _read("importance", row, _one_of(get_args(Importance)), problems, "MEDIUM", path=path),
        _read("group", row, _optional(_text), problems, None, path=path),
        _read(
            "order_in_group" if "order_in_group" in row else "order", row, _integer, problems, -1, path=path
        ),
        _read("width", row, _one_of(get_args(Width)), problems, "NONE", path=path),
        _read("display_name", row, _optional(_text), problems, name, path=path),
        _read("dependents", row, _texts, problems, (), path=path),
        _recommender(path, row, problems),
        _read("documentation", row, _text, problems, "", path=path),
    )
    return result if len(problems) == before else None


def _default(path: str, name: str, text: Data, type_: Type, problems: list[str]) -> Value:
    if text is None:
        return None
    try:
        return parse_type(name, _as_text(text), type_, lambda class_name: class_name)
    except ConfigError:
        problems.append(f"{path}.default_value: {text!r} is no {type_}")
        return None


def _as_text(value: Data) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _validator(path: str, spec: Data, problems: list[str]) -> Callable[[str, Value], None] | None:
    if spec is None:
        return None
    if not isinstance(spec, list | tuple):
        problems.append(
            f"{path}.validator: expected a list that starts with the validator's name, found {spec!r}"
        )
        return None
    try:
        return from_spec(spec)
    except ValueError as error:
        problems.append(f"{path}.validator: {error}")
        return None


def _checks(row: Mapping[str, Data], problems: list[str]) -> tuple[Check, ...]:
    """The checks of a field."""
    specs = row["checks"]
    if isinstance(specs, list | tuple) and all(isinstance(spec, list | tuple) for spec in specs):
        try:
            return checks_from_specs(specs)
        except ValueError as error:
            problems.append(f"config[{row.get('name')}].checks: {error}")
    else:
        problems.append(f"config[{row.get('name')}].checks: expected a list of lists, found {specs!r}")
    return ()


def _recommender(path: str, row: Mapping[str, Data], problems: list[str]) -> FixedRecommender | None:
    values: tuple[str, ...] = _read("recommended", row, _texts, problems, (), path=path)
    visible_with: str = _read("visible_with", row, _text, problems, "", path=path)
    visible: bool = _read("visible", row, _boolean, problems, True, path=path)
    by: VisibleBy | None = _read("visible_by", row, _dataclass(VisibleBy), problems, None, path=path)
    if not values and not visible_with and visible and by is None:
        return None
    return FixedRecommender(values, visible_with, visible, by)


def _rows(path: str, value: Data, problems: list[str]) -> tuple[Mapping[str, Data], ...]:
    if not isinstance(value, list | tuple):
        problems.append(f"{path}: expected a list of keys, found {value!r}")
        return ()
    rows: list[Mapping[str, Data]] = []
    for index, row in enumerate(value):
        if isinstance(row, str):
            rows.append({"name": row})
        elif isinstance(row, Mapping):
            rows.append(row)
        else:
            problems.append(f"{path}[{index}]: expected a name or an object, found {row!r}")
    try:
        definition_from_rows(rows)
    except DeclarationError as error:
        problems.extend(error.problems)
    return tuple(rows)


# --- reading plain data ----------------------------------------------------------------------------------------------------


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _read(
    name: str, data: Mapping[str, Data], reader: Reader, problems: list[str], default: Any, *, path: str = ""
) -> Any:
    return reader(_join(path, name), data[name], problems) if name in data else default


def _check_names(path: str, data: Mapping[str, Data], known: Sequence[str], problems: list[str]) -> None:
    for name in data:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            problems.append(f"{_join(path, str(name))}: unknown field; {hint}")


def _scalar(kinds: tuple[type, ...], expected: str, default: Any) -> Reader:
    def read(path: str, value: Data, problems: list[str]) -> Any:
        if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
            return value
        problems.append(f"{path}: expected {expected}, found {value!r}")
        return default

    return read


_text = _scalar((str,), "a text", "")
_integer = _scalar((int,), "a whole number", 0)
_decimal = _scalar((int, float), "a number", 0.0)
_boolean = _scalar((bool,), "true or false", False)


def _optional(reader: Reader) -> Reader:
    return lambda path, value, problems: None if value is None else reader(path, value, problems)


def _one_of(allowed: Sequence[str]) -> Reader:
    def read(path: str, value: Data, problems: list[str]) -> Any:
        if value not in allowed:
            problems.append(f"{path}: expected one of {', '.join(allowed)}, found {value!r}")
            return allowed[0]
        return value

    return read


def _tuple(reader: Reader) -> Reader:
    def read(path: str, value: Data, problems: list[str]) -> Any:
        if not isinstance(value, list | tuple):
            problems.append(f"{path}: expected a list, found {value!r}")
            return ()
        return tuple(reader(f"{path}[{index}]", item, problems) for index, item in enumerate(value))

    return read


_texts = _tuple(_text)


def _pairs(path: str, value: Data, problems: list[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of texts, best written as an object."""
    entries = list(value.items()) if isinstance(value, Mapping) else value
    read = _tuple(_texts)(path, entries, problems)
    if any(len(pair) != 2 for pair in read):
        problems.append(f"{path}: expected an object with texts, found {value!r}")
        return ()
    return tuple((str(name), str(text)) for name, text in read)


def _dataclass(cls: type[T]) -> Reader:
    def read(path: str, value: Data, problems: list[str]) -> Any:
        if isinstance(value, cls):
            return value
        if cls is TasksRule:
            value = _tasks(value)
        if not isinstance(value, Mapping):
            problems.append(f"{path}: expected an object with fields of {cls.__name__}, found {value!r}")
            return None
        readers = _readers(cls)
        _check_names(path, value, tuple(readers), problems)
        for name in sorted(_mandatory(cls) - value.keys()):
            problems.append(f"{_join(path, name)}: missing")
            return None
        given = {
            name: reader(_join(path, name), value[name], problems)
            for name, reader in readers.items()
            if name in value
        }
        return cls(**given)

    return read


def _tasks(value: Data) -> Data:
    """The short forms of a task rule: its name, or a fixed number."""
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"kind": "fixed", "count": value}
    return value


def _mandatory(cls: type) -> set[str]:
    assert is_dataclass(cls), cls
    return {part.name for part in fields(cls) if part.default is MISSING and part.default_factory is MISSING}


def _readers(cls: type) -> Mapping[str, Reader]:
    """A reader per field of a dataclass of ``behaviour.py``, made from its annotation."""
    assert is_dataclass(cls), cls
    hints = get_type_hints(cls, vars(behaviours))
    return {part.name: _reader_of(hints[part.name]) for part in fields(cls)}


_SCALARS: Final[Mapping[Any, Reader]] = {str: _text, int: _integer, float: _decimal, bool: _boolean}


def _reader_of(hint: Any) -> Reader:
    if hint in _SCALARS:
        return _SCALARS[hint]
    arguments = get_args(hint)
    if type(None) in arguments:
        return _optional(_reader_of(next(part for part in arguments if part is not type(None))))
    if get_origin(hint) is Literal:
        return _one_of(arguments)
    if get_origin(hint) is tuple:
        return _pairs if get_origin(arguments[0]) is tuple else _tuple(_reader_of(arguments[0]))
    return _dataclass(hint)
