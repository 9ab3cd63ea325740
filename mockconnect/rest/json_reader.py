"""A pull reader of JSON that fails exactly where, and with the words that, Jackson fails.

Rules of this room:

* It is the slow road. ``wire`` reads good bodies with the standard library; only what that refuses, and the few good
  bodies that need Jackson's eyes (surrogates, overlong UTF-8, UTF-16), come here.
* The reader hands out one token at a time. Jackson's laziness is visible in its errors and therefore kept: the value
  after a field name is looked at together with the name, the text of a string only when somebody wants it.
* Places are Jackson's: lines and columns from 1, a column counts *bytes* of UTF-8 (characters of UTF-16 and UTF-32).
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from mockconnect.core.javatext import is_iso_control
from mockconnect.rest.jackson import (
    DEPTH_MAX,
    NAME_LENGTH_MAX,
    NUMBER_LENGTH_MAX,
    Fault,
    Jackson,
    Place,
    Source,
    Token,
    limit_fault,
)

_TAB, _LF, _CR, _SPACE, _QUOTE, _SLASH, _COMMA = 0x09, 0x0A, 0x0D, 0x20, 0x22, 0x2F, 0x2C
_ZERO, _NINE, _COLON, _BACKSLASH, _MINUS, _PLUS, _POINT = 0x30, 0x39, 0x3A, 0x5C, 0x2D, 0x2B, 0x2E
_OPEN_ARRAY, _CLOSE_ARRAY, _OPEN_OBJECT, _CLOSE_OBJECT = 0x5B, 0x5D, 0x7B, 0x7D
_RECORD_SEPARATOR = 0x1E
_SIMPLE_ESCAPES: Final = {
    ord(key): ord(value) for key, value in zip('btnfr"/\\', '\b\t\n\f\r"/\\', strict=True)
}
_HEX_DIGITS: Final = {ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
_PLAIN: Final = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7f]+")

_VALID_TOKENS = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_TOKEN_LENGTH_MAX = 256

_OPENERS: Final = {_OPEN_OBJECT: Token.START_OBJECT, _OPEN_ARRAY: Token.START_ARRAY}
_LITERALS: Final = {
    ord("t"): ("true", Token.VALUE_TRUE),
    ord("f"): ("false", Token.VALUE_FALSE),
    ord("n"): ("null", Token.VALUE_NULL),
}


@dataclass(slots=True)
class _Scope:
    kind: Literal["root", "Array", "Object"]
    start: Place
    entries: int = 0

    def expects_comma(self) -> bool:
        """Counts an entry; every one but the first is preceded by a comma. The root takes values without any."""
        self.entries += 1
        return self.entries > 1 and self.kind != "root"


def character_description(unit: int) -> str:
    """``ParserMinimalBase._getCharDesc``."""
    if is_iso_control(chr(unit & 0xFFFF)):
        return f"(CTRL-CHAR, code {unit})"
    shown = chr(unit & 0xFFFF)
    return f"'{shown}' (code {unit} / 0x{unit:x})" if unit > 255 else f"'{shown}' (code {unit})"


def _starts_identifier(unit: int) -> bool:
    """``Character.isJavaIdentifierStart``."""
    category = unicodedata.category(chr(unit))
    return category[0] == "L" or category in ("Nl", "Sc", "Pc")


def _continues_identifier(unit: int) -> bool:
    """``Character.isJavaIdentifierPart``; control characters that Java ignores inside identifiers count."""
    category = unicodedata.category(chr(unit))
    ignorable = unit <= 8 or 0x0E <= unit <= 0x1B or 0x7F <= unit <= 0x9F
    return _starts_identifier(unit) or category in ("Nd", "Mn", "Mc", "Cf") or ignorable


def _text_of(units: Sequence[int]) -> str:
    """A string of UTF-16 units; pairs of surrogates join, lone ones stay."""
    return array("H", units).tobytes().decode("utf-16" + _NATIVE, "surrogatepass")


_NATIVE: Final = "-le" if array("H", [1]).tobytes()[0] else "-be"


_MARKS: Final = (
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xff\xfe", "2143"),
    (b"\xfe\xff\0\0", "3412"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xef\xbb\xbf", "utf-8"),
)
_ZEROS: Final = (
    (re.compile(rb"\0\0\0", re.DOTALL), "utf-32-be"),
    (re.compile(rb".\0\0\0", re.DOTALL), "utf-32-le"),
    (re.compile(rb"\0.\0\0", re.DOTALL), "3412"),
    (re.compile(rb"\0\0.\0", re.DOTALL), "2143"),
)
"""How the four first bytes show an encoding; the two numbers are orders of bytes that Jackson refuses."""


def _encoding_of(body: bytes) -> tuple[str, int]:
    """``ByteSourceJsonBootstrapper.detectEncoding``: the encoding, and how many bytes its mark takes."""
    if len(body) >= 4:
        for mark, encoding in _MARKS:
            if body.startswith(mark):
                return _usable(encoding), len(mark)
        for zeros, encoding in _ZEROS:
            if zeros.match(body):
                return _usable(encoding), 0
    if len(body) >= 2 and 0 in body[:2]:
        return ("utf-16-be" if body[0] == 0 else "utf-16-le"), 0
    return "utf-8", 0


def _usable(encoding: str) -> str:
    if encoding.isdigit():
        raise Fault(f"Unsupported UCS-4 endianness ({encoding}) detected")
    return encoding


class Reader:
    """``UTF8StreamJsonParser``; for UTF-16 and UTF-32 the few differences of ``ReaderBasedJsonParser`` (``_wide``)."""

    __slots__ = (
        "_body",
        "_data",
        "_end",
        "_line",
        "_line_start",
        "_open_string",
        "_pending",
        "_position",
        "_scopes",
        "_source",
        "_token_place",
        "_wide",
        "jackson",
        "name",
        "number",
        "token",
    )

    def __init__(self, body: bytes, jackson: Jackson, source: Source) -> None:
        encoding, mark = _encoding_of(body)
        self._wide = encoding != "utf-8"
        self._body = body
        self._data: Sequence[int] = body
        self._position = mark
        if self._wide:
            text = body[mark:].decode(encoding, "replace")
            self._data = array("H", text.encode("utf-16" + _NATIVE, "surrogatepass"))
            self._position = 0
        self._end = len(self._data)
        self.jackson = jackson
        self._source = source
        self._line = 1
        self._line_start = 0
        self._scopes = [_Scope("root", (1, 0))]
        self._token_place: Place = (1, 0)
        self._open_string = False
        self._pending: Token | None = None
        self.token: Token | None = None
        self.name = ""
        self.number = ""

    # --- what binding uses --------------------------------------------------------------------------------------------

    def next(self) -> Token | None:
        """Moves to the next token; ``None`` at the end of the input. Raises :class:`Fault`."""
        if self.token is Token.FIELD_NAME:
            return self._after_name()
        if self._open_string:
            self._skip_string()
        unit = self._skip_blanks()
        if unit < 0:
            self._finish()
            return None
        if unit in (_CLOSE_ARRAY, _CLOSE_OBJECT):
            return self._close(unit)
        if self._scopes[-1].expects_comma():
            unit = self._skip_comma(unit)
        if self._scopes[-1].kind == "Object":
            return self._field(unit)
        self._mark()
        self.token = self._opened(self._value(unit))
        return self.token

    def next_name(self) -> str | None:
        """Moves to the next token; its name if it is a field's."""
        return self.name if self.next() is Token.FIELD_NAME else None

    def text(self) -> str:
        """The text of a scalar, as written."""
        match self.token:
            case Token.VALUE_STRING if self._open_string:
                self._open_string = False
                return _text_of(self._string_units())
            case Token.VALUE_NUMBER_INT | Token.VALUE_NUMBER_FLOAT:
                return self.number
            case Token.VALUE_TRUE:
                return "true"
            case Token.VALUE_FALSE:
                return "false"
            case _:
                raise AssertionError(self.token)

    def here(self) -> Place:
        """``currentLocation()``: just behind what was read."""
        return self._line, self._position - self._line_start + 1

    def token_place(self) -> Place:
        """``currentTokenLocation()`` of a value."""
        return self._token_place

    # --- tokens -------------------------------------------------------------------------------------------------------

    def _after_name(self) -> Token | None:
        self.token, self._pending = self._pending, None
        assert self.token is not None
        return self._opened(self.token)

    def _opened(self, token: Token) -> Token:
        if token is Token.START_OBJECT or token is Token.START_ARRAY:
            kind: Literal["Array", "Object"] = "Object" if token is Token.START_OBJECT else "Array"
            self._scopes.append(_Scope(kind, self._token_place))
            depth = len(self._scopes) - 1
            if self.jackson.limits and depth > DEPTH_MAX:
                raise limit_fault("Document nesting depth", depth, DEPTH_MAX, "getMaxNestingDepth")
        return token

    def _finish(self) -> None:
        scope = self._scopes[-1]
        if scope.kind != "root":
            start = self._source.at(scope.start)
            self._end_of_input(f": expected close marker for {scope.kind} (start marker at {start})")
        self.token = None

    def _close(self, unit: int) -> Token:
        self._mark()
        scope = self._scopes[-1]
        array_closes = unit == _CLOSE_ARRAY
        if scope.kind != ("Array" if array_closes else "Object"):
            self._mismatched_close(scope, chr(unit), "}" if array_closes else "]")
        self._scopes.pop()
        self.token = Token.END_ARRAY if array_closes else Token.END_OBJECT
        return self.token

    def _mismatched_close(self, scope: _Scope, found: str, expected: str) -> NoReturn:
        if scope.kind == "root" and self.jackson.knows_extra_close_marker:
            kind = "Object" if found == "}" else "Array"
            raise self._fault_before(f"Unexpected close marker '{found}': no open {kind} to close")
        start = self._source.at(scope.start)
        raise self._fault_before(
            f"Unexpected close marker '{found}': expected '{expected}' (for {scope.kind} starting at {start})"
        )

    def _skip_comma(self, unit: int) -> int:
        kind = self._scopes[-1].kind
        if unit != _COMMA:
            self._unexpected(unit, f"was expecting comma to separate {kind} entries")
        after = self._skip_blanks()
        if after < 0:
            self._end_of_input(f" within/between {kind} entries")
        return after

    def _field(self, unit: int) -> Token:
        self.name = self._name(unit)
        self.token = Token.FIELD_NAME
        unit = self._skip_colon()
        self._mark()
        self._pending = self._value(unit)
        return self.token

    def _skip_colon(self) -> int:
        unit = self._skip_blanks()
        if unit >= 0:
            if unit != _COLON:
                self._unexpected(unit, "was expecting a colon to separate field name and value")
            unit = self._skip_blanks()
        if unit < 0:
            self._end_of_input(f" within/between {self._scopes[-1].kind} entries")
        return unit

    def _value(self, unit: int) -> Token:
        """Reads a value as far as Jackson does: all of a number or literal, nothing of what has an end marker."""
        if unit == _QUOTE:
            self._open_string = True
            return Token.VALUE_STRING
        if unit in _OPENERS:
            return _OPENERS[unit]
        if unit in _LITERALS:
            word, token = _LITERALS[unit]
            self._match(word, 1)
            return token
        if unit != _MINUS and not _ZERO <= unit <= _NINE:
            self._unexpected_value(unit)
        return self._read_number(unit)

    # --- blanks -------------------------------------------------------------------------------------------------------

    def _skip_blanks(self) -> int:
        """Takes the next unit that is no blank; -1 at the end of the input."""
        data, end = self._data, self._end
        while self._position < end:
            unit = data[self._position]
            self._position += 1
            if unit > _SPACE:
                if unit == _SLASH:
                    self._unexpected(
                        unit,
                        "maybe a (non-standard) comment?"
                        " (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
                    )
                return unit
            if unit == _LF:
                self._new_line()
            elif unit == _CR:
                self._position += self._position < end and data[self._position] == _LF
                self._new_line()
            elif unit not in (_SPACE, _TAB):
                self._invalid_blank(unit)
        return -1

    def _new_line(self) -> None:
        self._line += 1
        self._line_start = self._position

    def _mark(self) -> None:
        self._token_place = (self._line, self._position - self._line_start)

    # --- numbers and literals -----------------------------------------------------------------------------------------

    def _read_number(self, first: int) -> Token:
        start = self._position - 1
        unit = first
        if first == _MINUS:
            unit = self._take_digit_after_sign()
        if unit == _ZERO and self._peek_digit():
            raise self._fault("Invalid numeric value: Leading zeroes not allowed")
        digits = 1 + self._skip_digits()
        token = Token.VALUE_NUMBER_INT
        last = self._peek()
        if last == _POINT or last | 0x20 == ord("e"):
            token, digits = Token.VALUE_NUMBER_FLOAT, digits + self._read_fraction(last)
        self.number = "".join(map(chr, self._data[start : self._position]))
        if self._scopes[-1].kind == "root":
            self._verify_root_space()
        if self.jackson.limits and digits > NUMBER_LENGTH_MAX:
            raise limit_fault("Number value length", digits, NUMBER_LENGTH_MAX, "getMaxNumberLength")
        return token

    def _take_digit_after_sign(self) -> int:
        if self._position >= self._end and self._wide:
            sign = "sign" if self.jackson.points_at_character else "minus sign"
            self._end_of_input(f"No digit following {sign}")
        unit = self._take()
        if unit == _POINT and self.jackson.explains_numbers:
            self._unexpected_value(unit)
        if not _ZERO <= unit <= _NINE:
            self._invalid_number_start(unit, negative=True)
        return unit

    def _read_fraction(self, last: int) -> int:
        """Reads the point and the exponent; how many digits they have."""
        digits = 0
        if last == _POINT:
            self._position += 1
            digits = self._skip_digits()
            if not digits:
                self._unexpected_in_number("Decimal point not followed by a digit")
            last = self._peek()
        if last | 0x20 != ord("e"):
            return digits
        self._position += 1
        if self._take() in (_MINUS, _PLUS):
            self._take()
        self._position -= 1
        exponent = self._skip_digits()
        if not exponent:
            self._unexpected_in_number("Exponent indicator not followed by a digit")
        return digits + exponent

    def _unexpected_in_number(self, comment: str) -> NoReturn:
        # At the end of the input Jackson complains about the character it saw last.
        if self._position < self._end:
            self._position += 1
        unit = self._data[self._position - 1]
        raise self._fault_before(
            f"Unexpected character ({character_description(unit)}) in numeric value: {comment}"
        )

    def _skip_digits(self) -> int:
        start = self._position
        while self._peek_digit():
            self._position += 1
        return self._position - start

    def _verify_root_space(self) -> None:
        """A number at the root must be followed by a blank; the first one is taken."""
        unit = self._peek()
        if unit < 0 or unit == _CR:
            return
        self._position += 1
        if unit == _LF:
            self._new_line()
        elif unit not in (_SPACE, _TAB):
            self._unexpected(unit, "Expected space separating root-level values")

    def _match(self, word: str, matched: int) -> None:
        while matched < len(word):
            if self._peek() != ord(word[matched]):
                self._invalid_token(word[:matched])
            self._position += 1
            matched += 1
        unit = self._peek()
        if unit < _ZERO or unit in (_CLOSE_ARRAY, _CLOSE_OBJECT):
            return
        # Jackson forgets to step over the first byte here, so a multi-byte character is a UTF-8 error.
        if _continues_identifier(self._character(unit) & 0xFFFF):
            self._invalid_token(word)

    def _unexpected_value(self, unit: int) -> NoReturn:
        ends_array = unit == _CLOSE_ARRAY and self._scopes[-1].kind == "Array"
        if ends_array or unit in (_COMMA, _CLOSE_OBJECT):
            self._unexpected(unit, "expected a value")
        for word in ("NaN", "Infinity"):
            if unit == ord(word[0]):
                self._match(word, 1)
                self._non_standard(word)
        if unit == _PLUS:
            if self._position >= self._end:
                self._end_of_input(" in a Number value")
            self._invalid_number_start(self._take(), negative=False)
        if _starts_identifier(unit):
            self._invalid_token(chr(unit))
        self._unexpected(unit, f"expected a valid value {_VALID_TOKENS}")

    def _invalid_number_start(self, unit: int, *, negative: bool) -> NoReturn:
        sign = "-" if negative else "+"
        if unit == ord("I"):
            if self._position >= self._end:
                self._end_of_input(" in a Number value")
            unit = self._take()
            for word in ("INF", "Infinity"):
                if unit == ord(word[1]):
                    self._match(sign + word, 3)
                    self._non_standard(sign + word)
        comment = "expected digit (0-9) to follow minus sign, for valid numeric value"
        if not negative and self.jackson.explains_numbers:
            unit = _PLUS
            comment = (
                "JSON spec does not allow numbers to have plus signs:"
                " enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow"
            )
        raise self._fault_before(
            f"Unexpected character ({character_description(unit)}) in numeric value: {comment}"
        )

    def _non_standard(self, word: str) -> NoReturn:
        feature = "`JsonReadFeature.%s`" if self.jackson.explains_numbers else "JsonParser.Feature.%s"
        raise self._fault(
            f"Non-standard token '{word}': enable {feature % 'ALLOW_NON_NUMERIC_NUMBERS'} to allow"
        )

    def _invalid_token(self, matched: str) -> NoReturn:
        start = (self._line, self._position - len(matched) - self._line_start + 1)
        shown = matched
        while self._position < self._end:
            character = chr(self._character(self._take()) & 0xFFFF)
            if not _continues_identifier(ord(character)):
                self._position -= self._wide
                break
            shown += character
            if len(shown) >= _TOKEN_LENGTH_MAX:
                shown += "..."
                break
        place = start if self.jackson.points_at_token else self.here()
        raise Fault(f"Unrecognized token '{shown}': was expecting {_VALID_TOKENS}", place)

    # --- strings ------------------------------------------------------------------------------------------------------

    def _string_units(self) -> list[int]:
        """UTF-16 units up to the closing quote."""
        units: list[int] = []
        while True:
            if not self._wide and (plain := _PLAIN.match(self._body, self._position)):
                units.extend(plain[0])
                self._position = plain.end()
            unit = self._take_in_string()
            if unit == _QUOTE:
                return units
            if unit == _BACKSLASH:
                units.append(self._escaped())
            elif unit < _SPACE:
                self._unquoted(unit, "string value")
            elif self._wide or unit < 0x80:
                units.append(unit)
            else:
                self._multi_byte(unit, units)

    def _skip_string(self) -> None:
        """Passes over a string nobody asked for; Jackson does not look at surrogates then."""
        self._open_string = False
        while (unit := self._take_in_string()) != _QUOTE:
            if unit == _BACKSLASH:
                self._escaped()
            elif unit < _SPACE:
                self._unquoted(unit, "string value")
            elif unit >= 0x80 and not self._wide:
                for _ in range(self._following(unit)):
                    self._continuation()

    def _take_in_string(self) -> int:
        if self._wide and self._position >= self._end:
            self._end_of_input(": was expecting closing quote for a string value")
        return self._take()

    def _multi_byte(self, first: int, units: list[int]) -> None:
        following = self._following(first)
        unit = first & (0x3F >> following)
        for _ in range(following):
            unit = unit << 6 | self._continuation()
        if following == 2:
            self._refuse_surrogate(unit)
        if following == 3:
            unit -= 0x10000
            units.append((0xD800 | unit >> 10) & 0xFFFF)
            unit = 0xDC00 | unit & 0x3FF
        units.append(unit)

    def _refuse_surrogate(self, unit: int) -> None:
        if self.jackson.checks_surrogates and 0xD800 <= unit <= 0xDFFF:
            raise self._fault(f"Invalid UTF-8: Illegal surrogate character 0x{unit:x}")

    def _following(self, first: int) -> int:
        """How many bytes follow this first one of a UTF-8 character; overlong forms are not noticed."""
        if first & 0xE0 == 0xC0:
            return 1
        if first & 0xF0 == 0xE0:
            return 2
        if first & 0xF8 == 0xF0:
            return 3
        raise self._fault(f"Invalid UTF-8 start byte 0x{first:x}")

    def _continuation(self) -> int:
        unit = self._take()
        if unit & 0xC0 != 0x80:
            raise self._fault(f"Invalid UTF-8 middle byte 0x{unit:x}")
        return unit & 0x3F

    def _escaped(self) -> int:
        """The unit after a backslash that was taken."""
        unit = self._take_escaped()
        if unit in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[unit]
        if unit != ord("u"):
            description = character_description(self._character(unit) & 0xFFFF)
            raise self._fault_before(f"Unrecognized character escape {description}")
        value = 0
        for _ in range(4):
            digit = self._take_escaped()
            if digit not in _HEX_DIGITS:
                self._unexpected(digit, "expected a hex-digit for character escape sequence")
            value = value << 4 | _HEX_DIGITS[digit]
        return value

    def _take_escaped(self) -> int:
        if self._position >= self._end:
            self._end_of_input(" in character escape sequence")
        return self._take()

    # --- names --------------------------------------------------------------------------------------------------------

    def _name(self, first: int) -> str:
        if first != _QUOTE:
            self._unexpected(
                self._character(first) & 0xFFFF, "was expecting double-quote to start field name"
            )
        if self._position >= self._end and not self._wide:
            self._end_of_input(": was expecting closing '\"' for name")
        units: list[int] = []
        while (unit := self._take_in_name()) != _QUOTE:
            if unit == _BACKSLASH:
                self._escape_in_name(units)
                continue
            if unit < _SPACE:
                self._unquoted(unit, "name")
            units.append(unit)
        if self.jackson.limits and len(units) > NAME_LENGTH_MAX:
            raise limit_fault("Name length", len(units), NAME_LENGTH_MAX, "getMaxNameLength")
        return _text_of(units if self._wide else self._name_units(bytes(units)))

    def _take_in_name(self) -> int:
        if self._position >= self._end:
            self._end_of_input(" in field name")
        return self._take()

    def _escape_in_name(self, units: list[int]) -> None:
        """Jackson decodes names in one go, so an escaped character becomes its UTF-8 bytes first."""
        unit = self._escaped()
        if self._wide:
            units.append(unit)
            return
        if self.jackson.checks_surrogates:
            if 0xD800 <= unit <= 0xDBFF:
                unit = self._escaped_pair(unit)
            elif 0xDC00 <= unit <= 0xDFFF:
                raise self._fault(f"Unexpected low surrogate in field name: 0x{unit:x}")
        units.extend(chr(unit).encode("utf-8", "surrogatepass"))

    def _escaped_pair(self, high: int) -> int:
        if self._position >= self._end:
            self._end_of_input(" in field name")
        found = self._data[self._position]
        if found != _BACKSLASH:
            raise self._fault(
                f"Broken surrogate pair in field name: expected '\\' to start low surrogate, got 0x{found:x}"
            )
        self._position += 1
        low = self._escaped()
        if not 0xDC00 <= low <= 0xDFFF:
            raise self._fault(f"Broken surrogate pair in field name: expected low surrogate, got 0x{low:04X}")
        return 0x10000 + (high - 0xD800 << 10) + (low - 0xDC00)

    def _name_units(self, name: bytes) -> list[int]:
        units: list[int] = []
        at = 0
        while at < len(name):
            unit, at = name[at], at + 1
            if unit > 0x7F:
                following = self._following(unit)
                if at + following > len(name):
                    self._end_of_input(" in field name")
                unit &= 0x3F >> following
                for index in range(following):
                    unit = unit << 6 | self._name_continuation(name, at + index, index)
                at += following
                if following == 2:
                    self._refuse_surrogate(unit)
                if following == 3:
                    unit -= 0x10000
                    units.append(0xD800 + (unit >> 10) & 0xFFFF)
                    unit = 0xDC00 | unit & 0x3FF
            units.append(unit)
        return units

    def _name_continuation(self, name: bytes, at: int, index: int) -> int:
        """Jackson keeps names four bytes to an ``int`` and reports a bad byte with its neighbours to the left."""
        if name[at] & 0xC0 == 0x80:
            return name[at] & 0x3F
        quad = int.from_bytes(name[at - at % 4 :][:4].ljust(4, b"\0"), "big", signed=True)
        shown = quad >> 8 * (3 - at % 4) & (0xFF if index == 2 else 0xFFFFFFFF)
        raise self._fault(f"Invalid UTF-8 middle byte 0x{shown:x}")

    # --- units and faults ---------------------------------------------------------------------------------------------

    def _take(self) -> int:
        if self._position >= self._end:
            self._end_of_input(f" in {self.token or 'null'}")
        self._position += 1
        return self._data[self._position - 1]

    def _peek(self) -> int:
        return self._data[self._position] if self._position < self._end else -1

    def _peek_digit(self) -> bool:
        return _ZERO <= self._peek() <= _NINE

    def _character(self, first: int) -> int:
        """``_decodeCharForError``: the whole character whose first unit was taken."""
        if self._wide or first < 0x80:
            return first
        following = self._following(first)
        unit = first & (0x3F >> following)
        for _ in range(following):
            unit = unit << 6 | self._continuation()
        return unit

    def _fault(self, text: str) -> Fault:
        return Fault(text, self.here())

    def _fault_before(self, text: str) -> Fault:
        """A fault about the character just taken."""
        line, column = self.here()
        return Fault(text, (line, column - self.jackson.points_at_character))

    def _unexpected(self, unit: int, comment: str) -> NoReturn:
        raise self._fault_before(f"Unexpected character ({character_description(unit)}): {comment}")

    def _unquoted(self, unit: int, context: str) -> NoReturn:
        raise self._fault_before(
            f"Illegal unquoted character ({character_description(unit)}):"
            f" has to be escaped using backslash to be included in {context}"
        )

    def _invalid_blank(self, unit: int) -> NoReturn:
        text = (
            f"Illegal character ({character_description(unit)}):"
            " only regular white space (\\r, \\n, \\t) is allowed between tokens"
        )
        if unit == _RECORD_SEPARATOR and self.jackson.names_record_separator:
            text += (
                " (consider enabling `JsonReadFeature.ALLOW_RS_CONTROL_CHAR`"
                " to allow use of Record Separators (\\u001E))"
            )
        raise self._fault(text)

    def _end_of_input(self, detail: str) -> NoReturn:
        raise self._fault(f"Unexpected end-of-input{detail}")
