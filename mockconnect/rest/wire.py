"""JSON as Jackson reads and writes it.

Rules of this room:

* Pure functions between bytes and plain values; no HTTP.
* A good body takes the fast road: the standard library with numbers kept as their text. Whatever that refuses, or
  what it would read otherwise than Jackson does, is read again by ``binding`` over ``json_reader``, which either finds
  the value after all or has Jackson's words for what is wrong.
* The fast road never decides that a body is bad, only that it is not sure.
* Nothing here knows what a missing body means to an endpoint: an empty body and ``null`` are both ``None``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import msgspec

from mockconnect.core.errors import ConnectError
from mockconnect.core.javatext import double_text
from mockconnect.rest import binding
from mockconnect.rest.jackson import (
    DEPTH_MAX,
    NAME_LENGTH_MAX,
    NUMBER_LENGTH_MAX,
    Fault,
    Jackson,
    Source,
    Token,
)
from mockconnect.rest.json_reader import Reader

StringMap = dict[str, str | None]
ObjectMap = dict[str, object]

NEWEST_JACKSON: Final = Jackson()


@dataclass(frozen=True, slots=True)
class CreateConnectorRequest:
    """Body of ``POST /connectors``. ``initial_state`` is ``RUNNING``, ``PAUSED`` or ``STOPPED``."""

    name: str | None
    config: StringMap | None
    initial_state: str | None


@dataclass(frozen=True, slots=True)
class ConnectorOffset:
    """One entry of :class:`ConnectorOffsets`; numbers are ``int`` (of any size) and ``float``, as Java has them."""

    partition: ObjectMap | None
    offset: ObjectMap | None


@dataclass(frozen=True, slots=True)
class ConnectorOffsets:
    """Body of ``PATCH /connectors/{c}/offsets``."""

    offsets: list[ConnectorOffset | None] | None


# --- in ---------------------------------------------------------------------------------------------------------------


def read_create_request(body: bytes, jackson: Jackson = NEWEST_JACKSON) -> CreateConnectorRequest | None:
    """Raises :class:`ConnectError` (500) with Jackson's text."""
    found = _fast(body, _TEXTS_UNIQUE)
    if isinstance(found, dict) and found.keys() <= _CREATE_KEYS[jackson.knows_initial_state]:
        request = _sure_request(found)
        if request is not None:
            return request
    slow = _slowly(body, jackson, binding.create_request, binding.CREATE_CONNECTOR_REQUEST.java_class)
    return None if slow is None else _request_of(slow)


def read_string_map(body: bytes, jackson: Jackson = NEWEST_JACKSON) -> StringMap | None:
    """A config, a patch or ``{"level": …}``. Raises :class:`ConnectError` (500) with Jackson's text."""
    found = _sure_map(_fast(body, _TEXTS))
    return found if found is not None else _slowly(body, jackson, binding.string_map, "java.util.Map")


def read_offsets(body: bytes, jackson: Jackson = NEWEST_JACKSON) -> ConnectorOffsets | None:
    """Raises :class:`ConnectError` (500) with Jackson's text."""
    found = _fast(body, _NUMBERS_UNIQUE)
    if _sure_offsets(found):
        return _offsets_of(cast("ObjectMap", found))
    slow = _slowly(body, jackson, binding.connector_offsets, binding.CONNECTOR_OFFSETS.java_class)
    return None if slow is None else _offsets_of(slow)


def read_task_configs(body: bytes, jackson: Jackson = NEWEST_JACKSON) -> list[StringMap | None] | None:
    """Body of the internal ``POST /connectors/{c}/tasks``, which Connect maps itself, from a byte array.

    Raises :class:`ConnectError` (500) with Jackson's text, also for an empty body.
    """
    found = _fast(body, _TEXTS)
    if isinstance(found, list):
        maps = [_sure_map(each) for each in found]
        if None not in maps:
            return list(maps)
    return _slowly(body, jackson, binding.string_maps, None)


class _Unsure(ValueError):  # noqa: N818 - no error: it sends a body to the slow road
    """Raised by the hooks of the fast road."""


_UNSURE: Final = object()
_SURROGATE: Final = re.compile(rb"\\u[dD]")
_SMALL: Final = 900
"""Shorter bodies cannot break any of Jackson's limits."""


def _refuse(_: str) -> object:
    raise _Unsure


def _short_text(number: str) -> str:
    # A sign, a point and an exponent do not count for Jackson; the border cases may go the slow road.
    if len(number) > NUMBER_LENGTH_MAX:
        raise _Unsure
    return number


def _unique(pairs: list[tuple[str, object]]) -> ObjectMap:
    """Beans treat a repeated field in their own way."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unsure
    return found


def _modest(pairs: list[tuple[str, object]]) -> ObjectMap:
    found = dict(pairs)
    if any(4 * len(name) > NAME_LENGTH_MAX for name in found):
        raise _Unsure
    return found


def _modest_unique(pairs: list[tuple[str, object]]) -> ObjectMap:
    _modest(pairs)
    return _unique(pairs)


@dataclass(frozen=True, slots=True)
class _Decoders:
    """One for bodies too small to break a limit of Jackson, and one that looks at limits too."""

    small: json.JSONDecoder
    large: json.JSONDecoder


_TEXTS: Final = _Decoders(
    json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse),
    json.JSONDecoder(
        parse_int=_short_text, parse_float=_short_text, parse_constant=_refuse, object_pairs_hook=_modest
    ),
)
_TEXTS_UNIQUE: Final = _Decoders(
    json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse, object_pairs_hook=_unique),
    json.JSONDecoder(
        parse_int=_short_text,
        parse_float=_short_text,
        parse_constant=_refuse,
        object_pairs_hook=_modest_unique,
    ),
)
_NUMBERS_UNIQUE: Final = _Decoders(
    json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique),
    json.JSONDecoder(
        parse_int=lambda text: int(_short_text(text)),
        parse_float=lambda text: float(_short_text(text)),
        parse_constant=_refuse,
        object_pairs_hook=_modest_unique,
    ),
)


def _fast(body: bytes, decoders: _Decoders) -> object:
    """The value of a body that Jackson would read the same way, or ``_UNSURE``."""
    if b"\\u" in body and _SURROGATE.search(body):
        return _UNSURE
    decoder = decoders.small
    if len(body) > _SMALL:
        if body.count(b"[") + body.count(b"{") > DEPTH_MAX // 2:
            return _UNSURE if _is_deep(body) else _decoded(body, decoders.large)
        decoder = decoders.large
    return _decoded(body, decoder)


def _is_deep(body: bytes) -> bool:
    """Whether nesting can come near Jackson's limit (or Python's); strings with brackets only make us careful."""
    depth = deepest = 0
    for bracket in re.finditer(rb"[\[\]{}]", body):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest > DEPTH_MAX // 2


def _decoded(body: bytes, decoder: json.JSONDecoder) -> object:
    try:
        return decoder.decode(body.decode())
    except (ValueError, RecursionError):
        return _UNSURE


def _sure_map(found: object) -> StringMap | None:
    if not isinstance(found, dict):
        return None
    for name, value in found.items():
        if type(value) is not str and value is not None:
            if type(value) is not bool:
                return None
            found[name] = "true" if value else "false"
    return found


_CREATE_KEYS: Final = (frozenset({"name", "config"}), frozenset({"name", "config", "initial_state"}))


def _sure_request(found: ObjectMap) -> CreateConnectorRequest | None:
    name, config, state = found.get("name"), found.get("config"), found.get("initial_state")
    if name is not None and type(name) is not str:
        return None
    configured = _sure_map(config)
    if configured is None and config is not None:
        return None
    if state is not None:
        if type(state) is not str or state.upper() not in binding.INITIAL_STATES:
            return None
        state = state.upper()
    return CreateConnectorRequest(name, configured, state)


_OFFSETS_KEYS: Final = frozenset({"offsets"})
_OFFSET_KEYS: Final = frozenset({"partition", "offset"})


def _sure_offsets(found: object) -> bool:
    if not isinstance(found, dict) or not found.keys() <= _OFFSETS_KEYS:
        return False
    entries = found.get("offsets")
    return entries is None or (isinstance(entries, list) and all(map(_sure_offset, entries)))


def _sure_offset(entry: object) -> bool:
    if entry is None:
        return True
    if not isinstance(entry, dict) or not entry.keys() <= _OFFSET_KEYS:
        return False
    return all(part is None or isinstance(part, dict) for part in entry.values())


def _request_of(found: ObjectMap) -> CreateConnectorRequest:
    # The values come from binding, which made them of these types.
    fields = cast("dict[str, Any]", found)
    state = fields.get("initialState") or fields.get(
        "initial_state"
    )  # 3.7.0 prefers the former, wherever it stands
    return CreateConnectorRequest(fields.get("name"), fields.get("config"), state)


def _offsets_of(found: ObjectMap) -> ConnectorOffsets:
    entries = cast("list[dict[str, ObjectMap | None] | None] | None", found.get("offsets"))
    if entries is None:
        return ConnectorOffsets(None)
    return ConnectorOffsets(
        [
            None if each is None else ConnectorOffset(each.get("partition"), each.get("offset"))
            for each in entries
        ]
    )


T = TypeVar("T")


def _slowly(
    body: bytes, jackson: Jackson, read: Callable[[Reader, Jackson], T], bound_as: str | None
) -> T | None:
    """``JacksonJsonProvider.readFrom``, or ``ObjectMapper.readValue`` of a byte array if ``bound_as`` is ``None``."""
    source = Source.of_bytes(body, jackson) if bound_as is None else Source.of_stream(jackson)
    try:
        reader = Reader(body, jackson, source)
        token = reader.next()
        if token is None:
            if bound_as is None:
                raise Fault("No content to map due to end-of-input", reader.token_place())
            return None
        value = None if token is Token.VALUE_NULL else read(reader, jackson)
        if bound_as is not None and jackson.reads_to_the_end:
            _refuse_more(reader, bound_as)
    except Fault as fault:
        raise ConnectError(500, fault.message(source), _java_class(fault)) from None
    return value


def _refuse_more(reader: Reader, bound_as: str) -> None:
    reader.token = None  # ObjectReader clears it, and an error text names it
    trailing = reader.next()
    if trailing is not None:
        text = (
            f"Trailing token (of type {trailing}) found after value (bound as `{bound_as}`):"
            " not allowed as per `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`"
        )
        raise Fault(text, reader.token_place(), mapping=True)


def _java_class(fault: Fault) -> str:
    if fault.mapping:
        return "com.fasterxml.jackson.databind.JsonMappingException"
    return "com.fasterxml.jackson.core.JsonParseException"


# --- out --------------------------------------------------------------------------------------------------------------

_ENCODER: Final = msgspec.json.Encoder()
_BACKSLASH: Final = 0x5C
_ODD: Final = re.compile(rb"\\(?:u00([01][0-9a-f])|.)|([\xf0-\xf4][\x80-\xbf]{3})")
_LONE: Final = re.compile("[\ud800-\udfff]")
_LONE_STAND_IN: Final = 0x100000
"""Added to a lone surrogate it gives a private character, which the encoder takes."""


def encode(value: object, *, doubles: bool = False) -> bytes:
    """JSON as Jackson writes it: no blanks, fields in the order of the dict, UTF-8 without escapes except for quotes,
    backslashes, control characters, and characters beyond U+FFFF, which become two escapes.

    ``doubles``: the value may hold ``float``, to be written as Java does (offsets).
    """
    if doubles:
        value = _with_java_doubles(value)
    try:
        encoded = _ENCODER.encode(value)
    except UnicodeEncodeError:
        encoded = _ENCODER.encode(_with_stand_ins(value))
        return _ODD.sub(_restored_escape, encoded)
    if _BACKSLASH in encoded or not encoded.isascii():
        return _ODD.sub(_jackson_escape, encoded)
    return encoded


def _jackson_escape(found: re.Match[bytes]) -> bytes:
    control, beyond = found.groups()
    if control is not None:
        return b"\\u00" + control.upper()
    if beyond is not None:
        pair = beyond.decode().encode("utf-16-be").hex().upper()
        return f"\\u{pair[:4]}\\u{pair[4:]}".encode()
    return found[0]


def _restored_escape(found: re.Match[bytes]) -> bytes:
    beyond = found[2]
    if beyond is not None:
        surrogate = ord(beyond.decode()) - _LONE_STAND_IN
        if 0xD800 <= surrogate <= 0xDFFF:
            return f"\\u{surrogate:X}".encode()
    return _jackson_escape(found)


def _with_stand_ins(value: object) -> object:
    if isinstance(value, str):
        return _LONE.sub(lambda lone: chr(_LONE_STAND_IN + ord(lone[0])), value)
    if isinstance(value, dict):
        return {_with_stand_ins(key): _with_stand_ins(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_stand_ins(inner) for inner in value]
    return value


def _with_java_doubles(value: object) -> object:
    if isinstance(value, float):
        text = double_text(value)
        return text if text.lstrip("-")[0] in "NI" else msgspec.Raw(text.encode())
    if isinstance(value, dict):
        return {key: _with_java_doubles(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_java_doubles(inner) for inner in value]
    return value
