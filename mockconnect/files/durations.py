"""Durations as people write them: milliseconds, or texts such as ``300ms``, ``5s``, ``1m30s``, ``1h``, ``2d``."""

from __future__ import annotations

import re
from typing import Final

_PART: Final = r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"
_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
PATTERN: Final = rf"^(\d+|({_PART.replace('(', '(?:')})+)$".replace("(?:?:", "(?:")
"""As a regular expression, for schemas."""

LENGTH_MAX: Final = 40
"""Of the text; nobody waits for a number of more digits."""
EXPECTED: Final = "milliseconds or a text such as '300ms', '5s', '2m' or '1h'"


def milliseconds(text: str) -> int | None:
    """``None`` for what is no duration, or longer than any."""
    text = text.strip()
    if len(text) > LENGTH_MAX:
        return None
    if text.isdecimal():
        return int(text)
    if re.fullmatch(f"(?:{_PART})+", text):
        return round(sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text)))
    return None


def duration_text(span_ms: int) -> str:
    """A short text that means so many milliseconds: ``300ms``, ``12.3s``, ``5m``."""
    for unit_ms, unit in ((60_000, "m"), (1_000, "s")):
        if span_ms and span_ms % unit_ms == 0:
            return f"{span_ms // unit_ms}{unit}"
    return f"{span_ms}ms" if span_ms % 100 else f"{span_ms / 1_000:.1f}s"
