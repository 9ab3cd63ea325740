"""From tokens to entities, with the error texts of jackson-databind.

Rules of this room: one function per Java type a request body can have, each reading the value under the reader's
current token. A value of the wrong shape raises :class:`~mockconnect.rest.jackson.Fault` with Jackson's words; on the
way up every level adds its link of the reference chain. Results are the same plain values that the fast road of
``wire`` makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from mockconnect.core.javatext import double_text, trim
from mockconnect.rest.jackson import Fault, Jackson, Token, describe
from mockconnect.rest.json_reader import Reader

_ENTITIES: Final = "org.apache.kafka.connect.runtime.rest.entities"
_MAP: Final = "java.util.LinkedHashMap"
_STRING_MAP: Final = f"{_MAP}<java.lang.String,java.lang.String>"
_OBJECT_MAP: Final = f"{_MAP}<java.lang.String,java.lang.Object>"
_LIST: Final = "java.util.ArrayList"
_INITIAL_STATE: Final = f"{_ENTITIES}.CreateConnectorRequest$InitialState"

INITIAL_STATES: Final = frozenset({"RUNNING", "PAUSED", "STOPPED"})

T = TypeVar("T")
Read = Callable[[Reader, Jackson], T]


@dataclass(frozen=True, slots=True)
class _Property:
    """A parameter of a bean's creator. ``merges``: maps and lists have a getter that Jackson takes for a setter."""

    name: str
    read: Read[object]
    merges: bool


@dataclass(frozen=True, slots=True)
class Bean:
    """An entity: its Java class, its properties, and their order in the text about unknown fields."""

    java_class: str
    properties: dict[str, _Property]
    known: str


# --- scalars ----------------------------------------------------------------------------------------------------------


def _wrong_token(reader: Reader, java_type: str) -> Fault:
    """``DeserializationContext.handleUnexpectedToken``."""
    if not reader.jackson.names_value_kinds:
        shown = java_type.replace(_STRING_MAP, f"{_MAP}<java.lang.Object,java.lang.Object>")
        text = f"Cannot deserialize instance of `{shown}` out of {reader.token} token"
        return Fault(text, reader.token_place(), mapping=True)
    text = (
        f"Cannot deserialize value of type `{java_type}` from {describe(reader.token)}"
        f" (token `JsonToken.{reader.token}`)"
    )
    return Fault(text, reader.token_place(), mapping=True)


def _from_string(reader: Reader, java_class: str) -> Fault:
    """``StdDeserializer._deserializeFromString``: no bean can be made from a string."""
    text = trim(reader.text())
    return (
        _no_creator(reader, java_class, "String", f"String value ('{text}')")
        if text or not reader.jackson.names_value_kinds
        else _empty_string(reader, f"`{java_class}` value")
    )


def _empty_string(reader: Reader, wanted: str) -> Fault:
    text = f'Cannot coerce empty String ("") to {wanted} (but could if coercion was enabled using `CoercionConfig`)'
    return Fault(text, reader.token_place(), mapping=True)


def _no_creator(reader: Reader, java_class: str, argument: str, value: str) -> Fault:
    text = (
        f"Cannot construct instance of `{java_class}` (although at least one Creator exists):"
        f" no {argument}-argument constructor/factory method to deserialize from {value}"
    )
    return Fault(text, reader.token_place(), mapping=True)


def _string(reader: Reader, _: Jackson) -> str:
    """``StringDeserializer``: every scalar is taken as its text."""
    if reader.token is Token.START_OBJECT or reader.token is Token.START_ARRAY:
        raise _wrong_token(reader, "java.lang.String")
    return reader.text()


def _initial_state(reader: Reader, jackson: Jackson) -> str:
    """``FactoryBasedEnumDeserializer`` over ``InitialState.forValue``: the name of the state in capitals."""
    if reader.token is Token.START_OBJECT and jackson.scalar_from_object:
        raise _wrong_token(reader, _INITIAL_STATE)
    if reader.token is Token.START_OBJECT or reader.token is Token.START_ARRAY:
        text = (
            f"Input mismatch reading Enum `{_INITIAL_STATE}`: properties-based `@JsonCreator`"
            f" ([method {_INITIAL_STATE}#forValue(java.lang.String)]) expects String Value,"
            f" got {describe(reader.token)} (`JsonToken.{reader.token}`)"
        )
        raise Fault(text, reader.token_place(), mapping=True)
    state = reader.text().upper()
    if state not in INITIAL_STATES:
        problem = f"No enum constant {_INITIAL_STATE.replace('$', '.')}.{state}"
        text = f"Cannot construct instance of `{_INITIAL_STATE}`, problem: {problem}"
        raise Fault(text, reader.token_place(), mapping=True)
    return state


def _number(reader: Reader) -> int | float:
    """``JsonParser.getNumberValue``."""
    return int(reader.number) if reader.token is Token.VALUE_NUMBER_INT else float(reader.number)


# --- maps and lists ---------------------------------------------------------------------------------------------------


def string_map(reader: Reader, jackson: Jackson) -> dict[str, str | None]:
    """``Map<String, String>``."""
    return _map(reader, jackson, _STRING_MAP, _string)


def _object_map(reader: Reader, jackson: Jackson) -> dict[str, object]:
    """``Map<String, ?>``."""
    return _map(reader, jackson, _OBJECT_MAP, _anything)


def _map(reader: Reader, jackson: Jackson, java_type: str, read: Read[T]) -> dict[str, T | None]:
    """``MapDeserializer``: the last of several equal keys wins, at the place of the first."""
    if reader.token is Token.VALUE_STRING:
        if not trim(text := reader.text()) and jackson.names_value_kinds:
            raise _empty_string(reader, f"element of `{_MAP if jackson.coerces_classes else java_type}`")
        raise _no_creator(reader, _MAP, "String", f"String value ('{trim(text)}')")
    if reader.token is not Token.START_OBJECT:
        raise _wrong_token(reader, java_type)
    found: dict[str, T | None] = {}
    while (name := reader.next_name()) is not None:
        token = reader.next()
        try:
            found[name] = None if token is Token.VALUE_NULL else read(reader, jackson)
        except Fault as fault:
            if fault.mapping:
                fault.through(f'{_MAP}["{name}"]')
            raise
    return found


def _list(reader: Reader, jackson: Jackson, element: str, read: Read[T]) -> list[T | None]:
    """``CollectionDeserializer``."""
    if reader.token is not Token.START_ARRAY:
        java_type = f"{_LIST}<{element}>"
        if reader.token is Token.VALUE_STRING and not trim(reader.text()) and not jackson.coerces_classes:
            raise _empty_string(reader, f"element of `{java_type}`")
        raise _wrong_token(reader, java_type)
    found: list[T | None] = []
    while (token := reader.next()) is not Token.END_ARRAY:
        try:
            found.append(None if token is Token.VALUE_NULL else read(reader, jackson))
        except Fault as fault:
            raise fault.through(f"{_LIST}[{len(found)}]") from None
    return found


def string_maps(reader: Reader, jackson: Jackson) -> list[dict[str, str | None] | None]:
    """``List<Map<String, String>>``."""
    return _list(reader, jackson, "java.util.Map<java.lang.String,java.lang.String>", string_map)


def _anything(reader: Reader, _: Jackson) -> object:
    """``UntypedObjectDeserializer``, without recursion: depth is limited by the reader only."""
    if reader.token is not Token.START_OBJECT and reader.token is not Token.START_ARRAY:
        return _scalar(reader)
    root: dict[str, object] | list[object] = {} if reader.token is Token.START_OBJECT else []
    open_values = [root]
    while open_values:
        inner = open_values[-1]
        token = reader.next()
        if token is Token.END_OBJECT or token is Token.END_ARRAY:
            open_values.pop()
            continue
        name = reader.name
        if token is Token.FIELD_NAME:
            token = reader.next()
        value: object
        if token is Token.START_OBJECT or token is Token.START_ARRAY:
            opened: dict[str, object] | list[object] = {} if token is Token.START_OBJECT else []
            open_values.append(opened)
            value = opened
        else:
            value = _scalar(reader)
        if isinstance(inner, dict):
            inner[name] = value
        else:
            inner.append(value)
    return root


def _scalar(reader: Reader) -> object:
    match reader.token:
        case Token.VALUE_NULL:
            return None
        case Token.VALUE_TRUE | Token.VALUE_FALSE:
            return reader.token is Token.VALUE_TRUE
        case Token.VALUE_NUMBER_INT | Token.VALUE_NUMBER_FLOAT:
            return _number(reader)
        case _:
            return reader.text()


# --- beans ------------------------------------------------------------------------------------------------------------


def bean(reader: Reader, jackson: Jackson, kind: Bean) -> dict[str, object]:
    """``BeanDeserializer`` with a creator: the properties found, by name."""
    if reader.token is not Token.START_OBJECT:
        raise _not_an_object(reader, kind.java_class)
    found: dict[str, object] = {}
    unknown: str | None = None
    while reader.next() is Token.FIELD_NAME:
        name = reader.name
        reader.next()
        if (known := kind.properties.get(name)) is None:
            # Unknown fields are put aside and complained about when the bean is built.
            unknown = name if unknown is None else unknown
            _pass_over(reader)
            continue
        found[name] = _property(reader, jackson, kind, known)
        if len(found) == len(kind.properties):
            reader.next()
            if unknown is None:
                _after_creation(reader, jackson, kind, found)
            break
    if unknown is not None:
        raise _unrecognized(reader, jackson, kind, unknown)
    return found


def _not_an_object(reader: Reader, java_class: str) -> Fault:
    match reader.token:
        case Token.VALUE_STRING:
            return _from_string(reader, java_class)
        case Token.VALUE_TRUE | Token.VALUE_FALSE:
            return _no_creator(reader, java_class, "boolean/Boolean", f"boolean value ({reader.text()})")
        case Token.VALUE_NUMBER_FLOAT:
            value = double_text(float(reader.number))
            return _no_creator(reader, java_class, "double/Double", f"Number value ({value})")
        case Token.VALUE_NUMBER_INT:
            number = int(reader.number)
            for bits, argument in ((31, "int/Int"), (63, "long/Long")):
                if -(1 << bits) <= number < 1 << bits:
                    return _no_creator(reader, java_class, argument, f"Number value ({number})")
            return _no_creator(reader, java_class, "BigInteger", f"Number value ({number})")
        case _:
            return _wrong_token(reader, java_class)


def _property(reader: Reader, jackson: Jackson, kind: Bean, known: _Property) -> object:
    if reader.token is Token.VALUE_NULL:
        return None
    try:
        return known.read(reader, jackson)
    except Fault as fault:
        raise fault.through(f'{kind.java_class}["{known.name}"]') from None


def _after_creation(reader: Reader, jackson: Jackson, kind: Bean, found: dict[str, object]) -> None:
    """Fields that come when the creator was called already: for records there is no way to set them any more."""
    while reader.token is Token.FIELD_NAME:
        name = reader.name
        reader.next()
        if (known := kind.properties.get(name)) is None:
            raise _unrecognized(reader, jackson, kind, name)
        if jackson.entities_are_records and not known.merges:
            _not_settable(
                f"No fallback setter/field defined for creator property '{name}' (of `{kind.java_class}`)",
                kind,
                name,
            )
        found[name] = _property(reader, jackson, kind, known)
        if jackson.entities_are_records:
            _not_settable(f"Should never call `set()` on setterless property ('{name}')", kind, name)
        reader.next()


def _not_settable(text: str, kind: Bean, name: str) -> NoReturn:
    raise Fault(text, mapping=True).through(f'{kind.java_class}["{name}"]')


def _unrecognized(reader: Reader, jackson: Jackson, kind: Bean, name: str) -> Fault:
    """``UnrecognizedPropertyException``."""
    close = ")" if jackson.closes_known_properties else "])"
    text = (
        f'Unrecognized field "{name}" (class {kind.java_class}), not marked as ignorable ({kind.known}{close}'
    )
    return Fault(text, reader.here(), mapping=True).through(f'{kind.java_class}["{name}"]')


def _pass_over(reader: Reader) -> None:
    """``TokenBuffer.copyCurrentStructure``: reads a value completely."""
    depth = 0
    while True:
        match reader.token:
            case Token.START_OBJECT | Token.START_ARRAY:
                depth += 1
            case Token.END_OBJECT | Token.END_ARRAY:
                depth -= 1
            case Token.VALUE_STRING:
                reader.text()
        if not depth:
            return
        reader.next()


def create_request(reader: Reader, jackson: Jackson) -> dict[str, object]:
    """``CreateConnectorRequest``."""
    if jackson.knows_camel_case_initial_state:
        return bean(reader, jackson, CREATE_CONNECTOR_REQUEST_3_7_0)
    known = CREATE_CONNECTOR_REQUEST if jackson.knows_initial_state else CREATE_CONNECTOR_REQUEST_BEFORE_3_7
    return bean(reader, jackson, known)


def connector_offsets(reader: Reader, jackson: Jackson) -> dict[str, object]:
    """``ConnectorOffsets``."""
    return bean(reader, jackson, CONNECTOR_OFFSETS)


def _connector_offset(reader: Reader, jackson: Jackson) -> dict[str, object]:
    return bean(reader, jackson, _CONNECTOR_OFFSET)


def _connector_offset_list(reader: Reader, jackson: Jackson) -> list[dict[str, object] | None]:
    return _list(reader, jackson, _CONNECTOR_OFFSET.java_class, _connector_offset)


def _bean_of(name: str, known: str, *properties: _Property) -> Bean:
    return Bean(f"{_ENTITIES}.{name}", {each.name: each for each in properties}, known)


CREATE_CONNECTOR_REQUEST: Final = _bean_of(
    "CreateConnectorRequest",
    '3 known properties: "config", "name", "initial_state"',
    _Property("name", _string, merges=False),
    _Property("config", string_map, merges=True),
    _Property("initial_state", _initial_state, merges=False),
)
CREATE_CONNECTOR_REQUEST_3_7_0: Final = _bean_of(
    "CreateConnectorRequest",
    '4 known properties: "config", "name", "initialState", "initial_state"',
    _Property("name", _string, merges=False),
    _Property("config", string_map, merges=True),
    _Property("initialState", _initial_state, merges=False),
    _Property("initial_state", _initial_state, merges=False),
)
CREATE_CONNECTOR_REQUEST_BEFORE_3_7: Final = _bean_of(
    "CreateConnectorRequest",
    '2 known properties: "config", "name"',
    _Property("name", _string, merges=False),
    _Property("config", string_map, merges=True),
)
_CONNECTOR_OFFSET: Final = _bean_of(
    "ConnectorOffset",
    '2 known properties: "partition", "offset"',
    _Property("partition", _object_map, merges=True),
    _Property("offset", _object_map, merges=True),
)
CONNECTOR_OFFSETS: Final = _bean_of(
    "ConnectorOffsets",
    'one known property: "offsets"',
    _Property("offsets", _connector_offset_list, merges=True),
)
