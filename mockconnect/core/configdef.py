"""ConfigDef: Kafka's own engine that turns texts into typed values, and mistakes into exact sentences.

Rules of this room: it knows nothing of connectors, plugins or workers. What depends on a worker (which classes exist,
what to recommend) comes in as a function. A :class:`ConfigDef` never changes after its construction, so it may be
shared by all workers of a run; only :class:`ConfigValue` changes, and it lives as long as one validation.

How it works. ``validate_all`` parses each key (or takes its default), runs its validator **even after a parse error**
(so two errors on one key are normal), then asks the recommenders. Keys named as dependents of others come after them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from mockconnect.core import javatext
from mockconnect.core.versions import EVER, Number, has

Type = Literal["BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"]
Importance = Literal["HIGH", "MEDIUM", "LOW"]
Width = Literal["NONE", "SHORT", "MEDIUM", "LONG"]

Value = str | bool | int | float | tuple[str, ...] | None
"""A parsed value. CLASS is the full class name, LIST a tuple, PASSWORD its clear text (shown as ``[hidden]``)."""

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What JSON can say."""

HIDDEN: Final = "[hidden]"
_COMMA_WITH_BLANKS = re.compile(r"[ \t\n\x0b\f\r]*,[ \t\n\x0b\f\r]*")
_BITS: Final[Mapping[str, int]] = {"SHORT": 16, "INT": 32, "LONG": 64}
_IMPORTANCE_ORDER: Final[Mapping[str, int]] = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}


class ConfigError(Exception):
    """``ConfigException``: becomes an error of the key that is being validated. ``str()`` of it is Java's message."""

    @classmethod
    def of(cls, name: str, value: object, problem: str) -> ConfigError:
        """The three-part form of the constructor."""
        return cls(f"Invalid value {javatext.value_text(value)} for configuration {name}: {problem}")


ClassLoader = Callable[[str], "str | None"]
"""Full name of the class that a text (class name or alias) means on this worker, or ``None``."""

Validator = Callable[[str, Value], None]
"""``ensureValid(name, value)``: raises :class:`ConfigError`."""


class Recommender(Protocol):
    """``ConfigDef.Recommender``, asked after all keys have been parsed."""

    def valid_values(self, parsed: Mapping[str, Value], /) -> Iterable[str]: ...

    def visible(self, parsed: Mapping[str, Value], /) -> bool: ...


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key of a definition. Keys defined Connect's short way have no group, order -1, width NONE."""

    name: str
    type: Type
    required: bool = False
    default: Value = None
    validator: Validator | None = None
    importance: Importance = "MEDIUM"
    group: str | None = None
    order_in_group: int = -1
    width: Width = "NONE"
    display_name: str | None = ""
    """Empty: the name of the key."""
    dependents: tuple[str, ...] = ()
    recommender: Recommender | None = None
    documentation: str = ""

    def info(self, prefix: str = "") -> ConfigKeyInfo:
        """``AbstractHerder.convertConfigKey``."""
        return ConfigKeyInfo(
            prefix + self.name,
            self.type,
            self.required,
            None if self.required else value_to_text(self.default, self.type),
            self.importance,
            self.documentation,
            self.group,
            self.order_in_group,
            self.width,
            self.name if self.display_name == "" else self.display_name,
            self.dependents,
        )


@dataclass(frozen=True, slots=True)
class ConfigKeyInfo:
    """``ConfigKeyInfo``: what the REST interface shows of a key."""

    name: str
    type: str
    required: bool
    default_value: str | None
    importance: str
    documentation: str
    group: str | None
    order_in_group: int
    width: str
    display_name: str | None
    dependents: tuple[str, ...]

    def to_json(self, order_last: bool = False) -> dict[str, Plain]:
        """Plain data in the order of the wire; up to Kafka 4.1 the order is called ``order`` and comes last."""
        entries: dict[str, Plain] = {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default_value": self.default_value,
            "importance": self.importance,
            "documentation": self.documentation,
            "group": self.group,
            "order_in_group": self.order_in_group,
            "width": self.width,
            "display_name": self.display_name,
            "dependents": list(self.dependents),
        }
        if order_last:
            entries["order"] = entries.pop("order_in_group")
        return entries


class ConfigValue:
    """``ConfigValue``: the outcome for one key while it is being worked out."""

    __slots__ = ("errors", "name", "recommended_values", "value", "visible")

    def __init__(self, name: str, value: Value = None) -> None:
        self.name = name
        self.value = value
        self.recommended_values: tuple[str, ...] = ()
        self.errors: list[str] = []
        self.visible = True

    def __repr__(self) -> str:
        return f"ConfigValue({self.name!r}, {self.value!r}, errors={self.errors!r})"


@dataclass(frozen=True, slots=True)
class ConfigValueInfo:
    """``ConfigValueInfo``: what the REST interface shows of a value."""

    name: str
    value: str | None
    recommended_values: tuple[str, ...]
    errors: tuple[str, ...]
    visible: bool

    @classmethod
    def of(cls, value: ConfigValue, type_: Type | None) -> ConfigValueInfo:
        """``AbstractHerder.convertConfigValue``."""
        text = value_to_text(value.value, type_)
        return cls(value.name, text, tuple(value.recommended_values), tuple(value.errors), value.visible)

    def to_json(self) -> dict[str, Plain]:
        return {
            "name": self.name,
            "value": self.value,
            "recommended_values": list(self.recommended_values),
            "errors": list(self.errors),
            "visible": self.visible,
        }


@dataclass(frozen=True, slots=True)
class ConfigInfo:
    """A key and its value; either may be missing (``AbstractHerder.generateResult``)."""

    definition: ConfigKeyInfo | None
    value: ConfigValueInfo | None

    def to_json(self, order_last: bool = False) -> dict[str, Plain]:
        return {
            "definition": None if self.definition is None else self.definition.to_json(order_last),
            "value": None if self.value is None else self.value.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ConfigInfos:
    """``ConfigInfos``: the answer of a validation. ``order_last`` is the wire form up to Kafka 4.1."""

    name: str
    error_count: int
    groups: tuple[str, ...]
    configs: tuple[ConfigInfo, ...]
    order_last: bool = False

    def errors(self) -> Iterator[str]:
        """All error messages in the order of the list."""
        for config in self.configs:
            if config.value is not None:
                yield from config.value.errors

    def problems_text(self, version: Number = EVER) -> str:
        """``AbstractHerder.maybeAddConfigErrors``: the message of the 400 that refuses a config with errors."""
        endpoint = "/connector-plugins" if has(version, "full_validate_path") else ""
        endpoint += "/{connectorType}/config/validate"
        if not has(version, "problems_listed"):
            return f"Connector configuration is invalid (use the endpoint `{endpoint}` to get a full list of errors)"
        first = f"Connector configuration is invalid and contains the following {self.error_count} error(s):"
        last = f"You can also find the above list of errors at the endpoint `{endpoint}`"
        return "\n".join((first, *self.errors(), last))

    def to_json(self) -> dict[str, Plain]:
        return {
            "name": self.name,
            "error_count": self.error_count,
            "groups": list(self.groups),
            "configs": [entry.to_json(self.order_last) for entry in self.configs],
        }


class ConfigDef:
    """An ordered set of keys; groups come in the order in which they are first named."""

    __slots__ = ("groups", "keys", "roots")

    def __init__(self, keys: Iterable[ConfigKey] = (), base: ConfigDef | None = None) -> None:
        self.keys: dict[str, ConfigKey] = dict(base.keys) if base else {}
        self.groups: list[str] = list(base.groups) if base else []
        for key in keys:
            self._define(key)
        dependents = {name for key in self.keys.values() for name in key.dependents}
        self.roots: tuple[str, ...] = tuple(name for name in self.keys if name not in dependents)

    def _define(self, key: ConfigKey) -> None:
        if key.name in self.keys:
            raise ConfigError(f"Configuration {key.name} is defined twice.")
        if key.group is not None and key.group not in self.groups:
            self.groups.append(key.group)
        self.keys[key.name] = key

    def with_changes(self, changes: Mapping[str, Mapping[str, object]]) -> ConfigDef:
        """The same keys with some fields replaced (``enrichedConfigDef``: defaults and recommenders of one worker)."""
        changed = ConfigDef()
        changed.keys = {
            name: replace(key, **changes[name]) if name in changes else key  # type: ignore[arg-type]
            for name, key in self.keys.items()
        }
        changed.groups, changed.roots = self.groups, self.roots
        return changed

    def embedded(self, prefix: str, group: str, first_order: int) -> list[ConfigKey]:
        """``ConfigDef.embed``: these keys as part of another definition, sorted and renumbered."""
        return [
            replace(
                key,
                name=prefix + key.name,
                display_name=key.name if key.display_name == "" else key.display_name,
                validator=key.validator and _unprefixed(prefix, key.validator),
                recommender=key.recommender and _UnprefixedRecommender(prefix, key.recommender),
                group=group if key.group is None else f"{group}: {key.group}",
                order_in_group=order,
                dependents=tuple(prefix + name for name in key.dependents),
            )
            for order, key in enumerate(self._sorted(), first_order)
        ]

    def _sorted(self) -> list[ConfigKey]:
        def rank(key: ConfigKey) -> tuple[int, int, bool, int, str]:
            group = -1 if key.group is None else self.groups.index(key.group)
            return (group, key.order_in_group, not key.required, _IMPORTANCE_ORDER[key.importance], key.name)

        return sorted(self.keys.values(), key=rank)

    def validate_all(
        self, props: Mapping[str, str | None], load_class: ClassLoader
    ) -> dict[str, ConfigValue]:
        """One outcome per key, in the order of the keys, then one per dependent that is not defined."""
        values = {name: ConfigValue(name) for name in self.keys}
        for name in self.undefined_dependents():
            values[name] = undefined = ConfigValue(name)
            undefined.errors.append(f"{name} is referred in the dependents, but not defined.")
            undefined.visible = False
        parsed: dict[str, Value] = {}
        for name in self.roots:
            self._parse(name, props, load_class, parsed, values)
        for name in self.roots:
            self._recommend(name, parsed, values)
        return values

    def undefined_dependents(self) -> list[str]:
        """Names that keys depend on and that no key has."""
        named = (name for key in self.keys.values() for name in key.dependents)
        return list(dict.fromkeys(name for name in named if name not in self.keys))

    def _parse(
        self,
        name: str,
        props: Mapping[str, str | None],
        load_class: ClassLoader,
        parsed: dict[str, Value],
        values: Mapping[str, ConfigValue],
    ) -> None:
        key = self.keys.get(name)
        if key is None:
            return
        outcome = values[name]
        value: Value = None
        if name in props:
            try:
                value = parse_type(name, props[name], key.type, load_class)
            except ConfigError as error:
                outcome.errors.append(str(error))
        elif key.required:
            outcome.errors.append(missing_text(name))
        else:
            value = key.default
        if key.validator is not None:
            try:
                key.validator(name, value)
            except ConfigError as error:
                outcome.errors.append(str(error))
        outcome.value = parsed[name] = value
        for dependent in key.dependents:
            self._parse(dependent, props, load_class, parsed, values)

    def _recommend(self, name: str, parsed: Mapping[str, Value], values: Mapping[str, ConfigValue]) -> None:
        key = self.keys.get(name)
        if key is None:
            return
        if key.recommender is not None:
            try:
                values[name].recommended_values = tuple(key.recommender.valid_values(parsed))
                values[name].visible = key.recommender.visible(parsed)
            except ConfigError as error:
                values[name].errors.append(str(error))
        for dependent in key.dependents:
            self._recommend(dependent, parsed, values)

    def parse(self, props: Mapping[str, str | None], load_class: ClassLoader) -> dict[str, Value]:
        """``new AbstractConfig(def, props)``: all values, or the first problem as :class:`ConfigError`."""
        values: dict[str, Value] = {}
        for name, key in self.keys.items():
            if name in props:
                values[name] = parse_type(name, props[name], key.type, load_class)
            elif key.required:
                raise ConfigError(missing_text(name))
            else:
                values[name] = key.default
            if key.validator is not None:
                key.validator(name, values[name])
        return values


def missing_text(name: str) -> str:
    return f'Missing required configuration "{name}" which has no default value.'


def _unprefixed(prefix: str, validator: Validator) -> Validator:
    """Validators of embedded keys see (and name) the key without its prefix."""
    return lambda name, value: validator(name.removeprefix(prefix), value)


class _UnprefixedRecommender:
    """Recommenders of embedded keys see the values of their own plugin only, without the prefix."""

    def __init__(self, prefix: str, base: Recommender) -> None:
        self._prefix = prefix
        self._base = base

    def _own(self, parsed: Mapping[str, Value]) -> dict[str, Value]:
        prefix = self._prefix
        return {name.removeprefix(prefix): value for name, value in parsed.items() if name.startswith(prefix)}

    def valid_values(self, parsed: Mapping[str, Value]) -> Iterable[str]:
        return self._base.valid_values(self._own(parsed))

    def visible(self, parsed: Mapping[str, Value]) -> bool:
        return self._base.visible(self._own(parsed))


def parse_type(name: str, value: str | None, type_: Type, load_class: ClassLoader) -> Value:
    """``ConfigDef.parseType`` of a text. Raises :class:`ConfigError`, which shows the text untrimmed."""
    if value is None:
        return None
    trimmed = javatext.trim(value)
    match type_:
        case "STRING" | "PASSWORD":
            return trimmed
        case "BOOLEAN":
            lowered = trimmed.lower()
            if lowered not in ("true", "false"):
                raise ConfigError.of(name, value, "Expected value to be either true or false")
            return lowered == "true"
        case "LIST":
            return tuple(_COMMA_WITH_BLANKS.split(trimmed)) if trimmed else ()
        case "CLASS":
            loaded = load_class(trimmed)
            if loaded is None:
                raise ConfigError.of(name, value, f"Class {value} could not be found.")
            return loaded
        case _:
            number = _parse_number(trimmed, type_)
            if number is None:
                raise ConfigError.of(name, value, f"Not a number of type {type_}")
            return number


def _parse_number(text: str, type_: Type) -> int | float | None:
    return javatext.parse_double(text) if type_ == "DOUBLE" else javatext.parse_integer(text, _BITS[type_])


def value_to_text(value: Value, type_: Type | None) -> str | None:
    """``ConfigDef.convertToString``; without a type the value is a text."""
    if value is None or isinstance(value, str):
        return HIDDEN if type_ == "PASSWORD" and value is not None else value
    return ",".join(value) if isinstance(value, tuple) else javatext.value_text(value)
