"""Validators of config keys, as functions made from data.

Rules of this room: a validator is written in a catalogue as a list, its name first: ``["range", 1, null]``,
``["in", ["none", "all"]]``, ``["all", ["non_null"], ["unique"]]``. ``VALIDATORS`` is the whole vocabulary. A function
here raises ``ConfigError`` for what becomes an error of the key and :class:`JavaError` for what a real worker
does not expect either: that ends the whole validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mockconnect.core import avro, javaregex
from mockconnect.core.artifact_version import InvalidVersionError, version_requirement
from mockconnect.core.configdef import ConfigError, Validator, Value
from mockconnect.core.javahash import hash_order
from mockconnect.core.javatext import is_iso_control, value_text

Spec = Sequence[object]
"""A validator as data: its name, then its arguments (texts, numbers, ``None``, or further specs)."""

_CAST_TYPES: Final = ("INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "BOOLEAN", "STRING")
_SCHEMA_TYPE_CLASS: Final = "org.apache.kafka.connect.data.Schema.Type"
_SCHEMA_TYPES: Final = (*_CAST_TYPES, "BYTES", "ARRAY", "MAP", "STRUCT")


class JavaError(Exception):
    """An exception that validation does not turn into an error of a key (NullPointerException and the like)."""

    def __init__(self, java_class: str, message: str | None) -> None:
        super().__init__(java_class, message)
        self.java_class = java_class
        self.message = message


def null_pointer(call: str, null: str) -> JavaError:
    """The text is the JVM's since Java 15."""
    return JavaError("java.lang.NullPointerException", f'Cannot invoke "{call}" because {null} is null')


def from_spec(spec: Spec) -> Validator:
    """The validator that a spec describes. Raises :class:`ValueError` naming what is wrong with the spec."""
    name = spec[0] if spec else None
    maker = VALIDATORS.get(name) if isinstance(name, str) else None
    if maker is None:
        raise ValueError(f"unknown validator {name!r}; known are {', '.join(sorted(VALIDATORS))}")
    try:
        return maker(*spec[1:])
    except TypeError as error:
        raise ValueError(f"validator {name!r} has wrong arguments {list(spec[1:])!r}") from error


# --- ConfigDef's own -----------------------------------------------------------------------------------------------------


def in_range(low: float | None = None, high: float | None = None, shown: str | None = None) -> Validator:
    """``Range``. ``shown`` is how a plugin writes its highest value, if not as a number."""
    limit = shown or value_text(high)

    def ensure_valid(name: str, value: Value) -> None:
        if value is None:
            raise ConfigError.of(name, None, "Value must be non-null")
        assert isinstance(value, int | float), value
        if low is not None and value < low:
            raise ConfigError.of(name, value, f"Value must be at least {value_text(low)}")
        if high is not None and value > high:
            raise ConfigError.of(name, value, f"Value must be no more than {limit}")

    return ensure_valid


def one_of(allowed: Sequence[str]) -> Validator:
    """``ValidString``: null fails too."""

    def ensure_valid(name: str, value: Value) -> None:
        if value not in allowed:
            raise ConfigError.of(name, value, f"String must be one of: {', '.join(allowed)}")

    return ensure_valid


def one_of_lowered(allowed: Sequence[str]) -> Validator:
    """``ValidString`` of plugins that hand it the value in lower case."""
    check = one_of(allowed)

    def ensure_valid(name: str, value: Value) -> None:
        check(name, value.lower() if isinstance(value, str) else value)

    return ensure_valid


def one_of_in_any_case(allowed: Sequence[str]) -> Validator:
    """``CaseInsensitiveValidString``: its text lists the values in hash order."""
    upper = hash_order(dict.fromkeys(text.upper() for text in allowed))

    def ensure_valid(name: str, value: Value) -> None:
        if not isinstance(value, str) or value.upper() not in upper:
            raise ConfigError.of(name, value, f"String must be one of (case insensitive): {', '.join(upper)}")

    return ensure_valid


@dataclass(frozen=True, slots=True)
class ListOf:
    """``ValidList`` since Kafka 4.2: no duplicates, no empty items; empty ``allowed`` means any text."""

    allowed: tuple[str, ...] = ()
    empty: bool = True
    null: bool = False

    def __call__(self, name: str, value: Value) -> None:
        if value is None:
            if not self.null:
                raise ConfigError(f"Configuration '{name}' values must not be null.")
            return
        assert isinstance(value, tuple), value
        if not self.empty and not value:
            valid = f"[{', '.join(self.allowed)}]" if self.allowed else "any non-empty value"
            raise ConfigError(f"Configuration '{name}' must not be empty. Valid values include: {valid}")
        if len(set(value)) != len(value):
            raise ConfigError(f"Configuration '{name}' values must not be duplicated.")
        for item in value:
            if not item:
                raise ConfigError(f"Configuration '{name}' values must not be empty.")
            if self.allowed:
                one_of(self.allowed)(name, item)

    def before_4_2(self) -> Validator | None:
        """The same definition made against an older library."""
        return list_in(self.allowed) if self.allowed else None


def list_of(allowed: Sequence[str] = (), empty: bool = True, null: bool = False) -> Validator:
    return ListOf(tuple(allowed), empty, null)


def list_in(allowed: Sequence[str]) -> Validator:
    """``ValidList`` before Kafka 4.2."""
    element = one_of(allowed)

    def ensure_valid(name: str, value: Value) -> None:
        for item in _items(value, "java.util.List.iterator()", '"values"'):
            element(name, item)

    return ensure_valid


def _items(value: Value, call: str, variable: str) -> tuple[str, ...]:
    if not isinstance(value, tuple):
        raise null_pointer(call, variable)
    return value


def list_size(limit: int) -> Validator:
    """``ListSize``."""

    def ensure_valid(name: str, value: Value) -> None:
        if len(_items(value, "java.util.List.size()", '"values"')) > limit:
            raise ConfigError.of(name, value, f"exceeds maximum list size of [{limit}].")

    return ensure_valid


def non_null(name: str, value: Value) -> None:
    if value is None:
        raise ConfigError.of(name, None, "entry must be non null")


def non_empty(name: str, value: Value) -> None:
    """``NonEmptyString``: null is fine."""
    if value == "":
        raise ConfigError.of(name, value, "String must be non-empty")


def connector_name(name: str, value: Value) -> None:
    """``NonEmptyStringWithoutControlChars``."""
    if not isinstance(value, str):
        return
    if not value:
        raise ConfigError.of(name, value, "String may not be empty")
    found = [str(ord(character)) for character in value if is_iso_control(character)]
    if found:
        chars = ", ".join(found)
        raise ConfigError.of(
            name,
            value,
            f"String may not contain control sequences but had the following ASCII chars: {chars}",
        )


def all_of(*specs: Spec) -> Validator:
    """``CompositeValidator``: the first failing part speaks."""
    return in_turn(*map(from_spec, specs))


def in_turn(*validators: Validator) -> Validator:
    def ensure_valid(name: str, value: Value) -> None:
        for validator in validators:
            validator(name, value)

    return ensure_valid


def optional(spec: Spec) -> Validator:
    """The validator for values that are not null."""
    validator = from_spec(spec)

    def ensure_valid(name: str, value: Value) -> None:
        if value is not None:
            validator(name, value)

    return ensure_valid


def matching(pattern: str, problem: str, null: str | None = None) -> Validator:
    """A plugin's own sentence for what does not match; ``{value}`` in it stands for the text.

    ``null`` is for null; empty, it says no more than which value is invalid.
    """

    def ensure_valid(name: str, value: Value) -> None:
        if value is None:
            if null == "":
                raise ConfigError(f"Invalid value null for configuration {name}")
            if null is not None:
                raise ConfigError.of(name, None, null)
            return
        text = value_text(value)
        if not javaregex.matches(pattern, text):
            raise ConfigError.of(name, value, problem.replace("{value}", text))

    return ensure_valid


def each(spec: Spec) -> Validator:
    """The validator for every item of a list."""
    validator = from_spec(spec)

    def ensure_valid(name: str, value: Value) -> None:
        for item in value if isinstance(value, tuple) else ():
            validator(name, item)

    return ensure_valid


def plainly_matching(pattern: str, problem: str, null: str | None = None) -> Validator:
    """The same for plugins that raise a sentence without the key and the value in front."""

    def ensure_valid(_name: str, value: Value) -> None:
        text = None if value is None else value_text(value)
        wrong = null if text is None else None if javaregex.matches(pattern, text) else problem
        if wrong is not None:
            raise ConfigError(wrong.replace("{value}", text or ""))

    return ensure_valid


# --- Connect's and its transformations' ----------------------------------------------------------------------------------


def avro_record(name: str, value: Value) -> None:
    """The schema of MongoDB's source. What is no JSON is taken to be right (see ``avro.py``)."""
    if value is None:
        unread = 'Cannot invoke "String.length()" because "content" is null'
        raise ConfigError.of(name, None, f"Invalid Avro schema. {unread}\nnull")
    try:
        schema = avro.parse(str(value))
    except avro.NoJsonError:
        return
    except avro.AvroError as error:
        raise ConfigError.of(name, value, f"Invalid Avro schema. {error}\n{value}") from error
    try:
        avro.check_record(schema)
    except avro.AvroError as error:
        raise ConfigError.of(name, value, str(error)) from error


def unique(name: str, value: Value) -> None:
    """The alias check of ``transforms``, ``predicates`` and ``topic.creation.groups``."""
    assert isinstance(value, tuple), value
    if len(set(value)) < len(value):
        raise ConfigError.of(name, value, "Duplicate alias provided.")


def regex(name: str, value: Value) -> None:
    """``RegexValidator``."""
    if value is None:
        problem: str | None = 'Cannot invoke "String.isEmpty()" because "this.pattern" is null'
    else:
        problem = javaregex.error_of(str(value))
    if problem is not None:
        raise ConfigError.of(name, value, f"Invalid regex: {problem}")


def plugin_version(_name: str, value: Value) -> None:
    """``PluginVersionValidator``: the text of the version range must be readable."""
    try:
        version_requirement(None if value is None else str(value))
    except InvalidVersionError as error:
        raise ConfigError(str(error)) from error


def non_empty_list(name: str, value: Value) -> None:
    """``NonEmptyListValidator`` of the transformations."""
    if not value:
        raise ConfigError.of(name, value, "Empty list")


def renames(_name: str, value: Value) -> None:
    """``ReplaceField``'s mappings ``old:new``."""
    for mapping in _items(value, "java.util.List.iterator()", '"mappings"'):
        if len(_java_split(mapping)) != 2:
            raise ConfigError.of("renames", value, f"Invalid rename mapping: {mapping}")


def _java_split(text: str) -> list[str]:
    """``text.split(":")``: empty parts at the end are dropped."""
    parts = text.split(":")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [] if parts == [""] and text else parts


def cast_spec(_name: str, value: Value) -> None:
    """``Cast``'s mappings ``field:type``, or one type for the whole value."""
    _check_cast(value, "only")


def cast_spec_before_3_8(_name: str, value: Value) -> None:
    """The same with a slip of the pen; and an unknown type for the whole value is nobody's exception."""
    for mapping in value if isinstance(value, tuple) else ():
        if len(_java_split(mapping)) > 1:
            _check_cast((mapping,), "ony")
        elif mapping and (type_ := mapping.strip().upper()) not in _SCHEMA_TYPES:
            raise JavaError(
                "java.lang.IllegalArgumentException", f"No enum constant {_SCHEMA_TYPE_CLASS}.{type_}"
            )
    _check_cast(value, "ony")


def _check_cast(value: Value, only: str) -> None:
    if not value:
        raise ConfigError("Must specify at least one field to cast.")
    assert isinstance(value, tuple), value
    whole = False
    for mapping in value:
        parts = _java_split(mapping)
        if not parts:
            raise JavaError("java.lang.ArrayIndexOutOfBoundsException", "Index 1 out of bounds for length 0")
        if len(parts) > 2:
            raise ConfigError.of("renames", value, f"Invalid rename mapping: {mapping}")
        _check_cast_type(parts[-1].strip())
        whole = whole or len(parts) == 1
    if whole and len(value) > 1:
        raise ConfigError(
            "Cast transformations that specify a type to cast the entire value to"
            f" may {only} specify a single cast in their spec"
        )


def _check_cast_type(text: str) -> None:
    type_ = text.upper()
    if type_ not in _SCHEMA_TYPES:
        # Connect passes the cause where the value belongs.
        cause = f"java.lang.IllegalArgumentException: No enum constant {_SCHEMA_TYPE_CLASS}.{type_}"
        raise ConfigError(
            f"Invalid value {cause} for configuration Invalid type found in casting spec: {text}"
        )
    if type_ not in _CAST_TYPES:
        supported = f"[{', '.join(_CAST_TYPES)}]"
        problem = f"Cast transformation does not support casting to {type_}; supported types are {supported}"
        raise ConfigError(problem)


@dataclass(frozen=True, slots=True)
class ConcreteClass:
    """A class value must be a concrete plugin of this kind; which classes exist, only a worker knows.

    Unbound it accepts everything; ``validation.py`` replaces it by the check against one worker's plugins.
    """

    kind: str

    def __call__(self, name: str, value: Value) -> None:
        """Accept."""


def _plain(validator: Validator) -> Callable[[], Validator]:
    return lambda: validator


VALIDATORS: Final[Mapping[str, Callable[..., Validator]]] = {
    "all": all_of,
    "avro_record": _plain(avro_record),
    "class": ConcreteClass,
    "cast_spec": _plain(cast_spec),
    "cast_spec_before_3_8": _plain(cast_spec_before_3_8),
    "each": each,
    "in": one_of,
    "in_any_case": one_of_in_any_case,
    "in_lowered": one_of_lowered,
    "list_in": list_in,
    "list_of": list_of,
    "list_size": list_size,
    "matches": matching,
    "name": _plain(connector_name),
    "non_empty": _plain(non_empty),
    "non_empty_list": _plain(non_empty_list),
    "non_null": _plain(non_null),
    "optional": optional,
    "plain_matches": plainly_matching,
    "plugin_version": _plain(plugin_version),
    "range": in_range,
    "regex": _plain(regex),
    "renames": _plain(renames),
    "unique": _plain(unique),
}
