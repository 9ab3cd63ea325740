"""What can be seen of Jackson in an answer: its releases, its tokens, and the texts and places of its errors.

Rules of this room: what differs between releases is a field of :class:`Jackson`; nothing else asks for a version. A
:class:`Fault` travels like Jackson's exceptions do and becomes a text only at the very end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from mockconnect.core.javatext import is_iso_control
from mockconnect.core.versions import Number, has

Place = tuple[int, int]

_REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
_STREAM = "(org.glassfish.jersey.message.internal.ReaderInterceptorExecutor$UnCloseableInputStream)"


DEPTH_MAX: Final = 1000
NUMBER_LENGTH_MAX: Final = 1000
NAME_LENGTH_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class Jackson:
    """What can be seen of a release of Jackson. The defaults are those of the newest one."""

    redacts_source: bool = True
    """2.16: places no longer show where the text came from."""
    limits: bool = True
    """2.15: ``StreamReadConstraints``."""
    reads_to_the_end: bool = True
    """2.15 of the JAX-RS provider (``READ_FULL_STREAM``): anything after the first value is an error."""
    points_at_character: bool = True
    """2.17: the column of an unexpected character is its own, before it was the next one's."""
    points_at_token: bool = True
    """2.21: the column of an unknown token is its start, before it was its end."""
    knows_extra_close_marker: bool = True
    """2.19: a close marker without any open scope has its own text."""
    closes_known_properties: bool = True
    """2.21: the list of known properties no longer ends in a stray bracket."""
    checks_surrogates: bool = True
    """2.21: raw surrogates are refused, and so are lone escaped ones in names."""
    names_record_separator: bool = True
    """2.19: U+001E between tokens is explained."""
    scalar_from_object: bool = True
    """2.18: an object given for an enum has the common text of a wrong token."""
    explains_numbers: bool = True
    """2.14: own words for a plus sign and for a missing digit before the point, other names of features."""
    coerces_classes: bool = True
    """2.14: an empty string for a map is refused by its class, for a list like any string; before by the full type."""
    escapes_controls: bool = True
    """2.13: control characters in what is shown of the source."""
    names_value_kinds: bool = True
    """2.12: "from Array value (token ...)" for a wrong token, and empty strings have a text of their own."""
    entities_are_records: bool = True
    """Kafka 4.2: entities are Java records, whose properties cannot be set twice once all were seen."""
    knows_initial_state: bool = True
    """Kafka 3.7: the third field of ``CreateConnectorRequest``."""
    knows_camel_case_initial_state: bool = False
    """Kafka 3.7.0 (KAFKA-16881): it has two names there."""


@lru_cache(maxsize=32)
def jackson_of(kafka: Number) -> Jackson:
    """The Jackson that a Kafka release ships. Seen on wires: 3.6.2, 3.9.1, 4.0.0, 4.2.0, 4.3.1; the rest is inferred."""
    jackson_2_16, jackson_2_18, jackson_2_19, jackson_2_21 = (
        has(kafka, f"jackson_{release}") for release in ("2_16", "2_18", "2_19", "2_21")
    )
    return Jackson(
        redacts_source=jackson_2_16,
        limits=jackson_2_16,
        reads_to_the_end=jackson_2_16,
        points_at_character=jackson_2_18,
        points_at_token=jackson_2_21,
        knows_extra_close_marker=jackson_2_19,
        closes_known_properties=jackson_2_21,
        checks_surrogates=jackson_2_21,
        names_record_separator=jackson_2_19,
        scalar_from_object=jackson_2_18,
        explains_numbers=jackson_2_16,
        coerces_classes=jackson_2_16,
        escapes_controls=has(kafka, "jackson_2_13"),
        names_value_kinds=has(kafka, "jackson_2_12"),
        entities_are_records=has(kafka, "record_entities"),
        knows_initial_state=has(kafka, "initial_state"),
        knows_camel_case_initial_state=has(kafka, "initial_state_in_camel_case"),
    )


class Token(StrEnum):
    """``JsonToken``; the names appear in error texts."""

    START_OBJECT = "START_OBJECT"
    END_OBJECT = "END_OBJECT"
    START_ARRAY = "START_ARRAY"
    END_ARRAY = "END_ARRAY"
    FIELD_NAME = "FIELD_NAME"
    VALUE_STRING = "VALUE_STRING"
    VALUE_NUMBER_INT = "VALUE_NUMBER_INT"
    VALUE_NUMBER_FLOAT = "VALUE_NUMBER_FLOAT"
    VALUE_TRUE = "VALUE_TRUE"
    VALUE_FALSE = "VALUE_FALSE"
    VALUE_NULL = "VALUE_NULL"


_DESCRIPTIONS: Final = {
    Token.START_OBJECT: "Object value",
    Token.END_OBJECT: "Object value",
    Token.FIELD_NAME: "Object value",
    Token.START_ARRAY: "Array value",
    Token.END_ARRAY: "Array value",
    Token.VALUE_STRING: "String value",
    Token.VALUE_NUMBER_INT: "Integer value",
    Token.VALUE_NUMBER_FLOAT: "Floating-point value",
    Token.VALUE_TRUE: "Boolean value",
    Token.VALUE_FALSE: "Boolean value",
    Token.VALUE_NULL: "Null value",
}


def describe(token: Token | None) -> str:
    """``JsonToken.valueDescFor``."""
    return _DESCRIPTIONS[token] if token is not None else "<end of input>"


class Fault(Exception):  # noqa: N818 - not every fault is an error of ours: it is what Jackson throws
    """An exception of Jackson on its way up: text, place, and the reference chain that binding adds to.

    ``mapping`` tells a ``JsonMappingException`` from one of the parser: deserializers of maps put only the former
    into their chain.
    """

    def __init__(self, text: str, place: Place | None = None, *, mapping: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.place = place
        self.mapping = mapping
        self.path: list[str] = []

    def through(self, reference: str) -> Fault:
        """The same fault seen from one level up (``JsonMappingException.wrapWithPath``)."""
        self.path.insert(0, reference)
        self.mapping = True
        return self

    def message(self, source: Source) -> str:
        """``getMessage()``: text, place and chain."""
        where = "" if self.place is None else f"\n at {source.at(self.place)}"
        chain = f" (through reference chain: {'->'.join(self.path)})" if self.path else ""
        return f"{self.text}{where}{chain}"


@dataclass(frozen=True, slots=True)
class Source:
    """``ContentReference``: how places are written."""

    text: str
    redacted: bool

    @classmethod
    def of_stream(cls, jackson: Jackson) -> Source:
        return cls(_REDACTED, True) if jackson.redacts_source else cls(_STREAM, False)

    @classmethod
    def of_bytes(cls, body: bytes, jackson: Jackson) -> Source:
        if jackson.redacts_source:
            return cls(_REDACTED, True)
        shown = body[:500].decode("utf-8", "replace")
        if jackson.escapes_controls:
            shown = "".join(f"\\u{ord(c):04X}" if is_iso_control(c) and c not in "\r\n" else c for c in shown)
        cut = f"[truncated {len(body) - 500} bytes]" if len(body) > 500 else ""
        return cls(f'(byte[])"{shown}"{cut}', False)

    def at(self, place: Place) -> str:
        # A redacted source counts as binary, and binary content has no column 0.
        line, column = place
        shown = f", column: {column}" if column > 0 or not self.redacted else ""
        return f"[Source: {self.text}; line: {line}{shown}]"


def limit_fault(what: str, found: int, allowed: int, method: str) -> Fault:
    """``StreamReadConstraints``: these faults have no place."""
    return Fault(
        f"{what} ({found}) exceeds the maximum allowed ({allowed}, from `StreamReadConstraints.{method}()`)"
    )
