"""What Java makes visible in answers: texts of values, and the syntax of numbers.

Rules of this room: pure functions on strings and numbers. Orders of hash maps are in ``javahash``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(NaN|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?)", re.ASCII)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX]([0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?\d+[fFdD]?", re.ASCII
)
_BLANKS = "".join(map(chr, range(0x21)))


def trim(text: str) -> str:
    """``String.trim()``: characters up to U+0020 go, other Unicode blanks stay."""
    return text.strip(_BLANKS)


def is_blank(text: str | None) -> bool:
    """``Utils.isBlank``."""
    return text is None or not trim(text)


def map_text(entries: Mapping[str, object]) -> str:
    """``AbstractMap.toString()`` in the order given."""
    return "{" + ", ".join(f"{key}={value_text(value)}" for key, value in entries.items()) + "}"


def value_text(value: object) -> str:
    """``String.valueOf`` for the kinds of values a config or an offset can have."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return double_text(value)
        case tuple() | list():
            return "[" + ", ".join(map(value_text, value)) + "]"
        case Mapping():
            return map_text(value)
        case _:
            return str(value)


def double_text(number: float) -> str:
    """``Double.toString``."""
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = repr(number)
        return text if "e" not in text else f"{number:f}".rstrip("0")
    mantissa, _, exponent = f"{number:.17e}".partition("e")
    for digits in range(1, 18):
        mantissa, _, exponent = f"{number:.{digits}e}".partition("e")
        if float(f"{mantissa}e{exponent}") == number:
            break
    return f"{mantissa}E{int(exponent)}"


def parse_integer(text: str, bits: int) -> int | None:
    """``Integer.parseInt`` and its siblings; ``None`` where Java throws NumberFormatException."""
    if not _INTEGER.fullmatch(text) or max(text) > "\uffff":  # Java looks at each half of what is beyond
        return None
    number = int(text)
    limit = 1 << (bits - 1)
    return number if -limit <= number < limit else None


def parse_double(text: str) -> float | None:
    """``Double.parseDouble``; ``None`` where Java throws NumberFormatException."""
    stripped = trim(text)
    if _HEXADECIMAL.fullmatch(stripped):
        return float.fromhex(stripped.rstrip("fFdD") if stripped[-1] in "fFdD" else stripped)
    if not _DECIMAL.fullmatch(stripped):
        return None
    if stripped[-1] in "fFdD" and stripped[-2:] != "aN":
        stripped = stripped[:-1]
    return float(stripped)


def is_iso_control(character: str) -> bool:
    """``Character.isISOControl``."""
    return ord(character) <= 0x1F or 0x7F <= ord(character) <= 0x9F
