"""Spans of time that are drawn: ``300ms``, ``uniform(100ms, 900ms)``, ``lognormal(80ms, 0.5, max=2s)``.

Rules of this room:

* A :class:`Spread` is a value; a draw takes the stream it is given. No draw is negative, none is above ``max_ms``.
* ``exp(mean)``, ``uniform(low, high)``, ``normal(mean, deviation)``, ``lognormal(median, sigma)``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mockconnect.core.sim import Dice
from mockconnect.files.durations import milliseconds


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of spans. ``second`` is the other bound or the deviation in ms, or the sigma of a lognormal one."""

    kind: str
    first_ms: float
    second: float = 0.0
    max_ms: int | None = None

    def draw_ms(self, dice: Dice) -> int:
        drawn_ms = max(0, round(_DRAWS[self.kind](self, dice)))
        return drawn_ms if self.max_ms is None else min(drawn_ms, self.max_ms)


_DRAWS: Final[Mapping[str, Callable[[Spread, Dice], float]]] = {
    "constant": lambda spread, _: spread.first_ms,
    "exp": lambda spread, dice: -spread.first_ms * math.log(1.0 - dice.random()),
    "uniform": lambda spread, dice: dice.uniform(spread.first_ms, spread.second),
    "normal": lambda spread, dice: dice.gauss(spread.first_ms, spread.second),
    "lognormal": lambda spread, dice: spread.first_ms * math.exp(dice.gauss(0.0, spread.second)),
}
_SPANS: Final = {"exp": 1, "uniform": 2, "normal": 2, "lognormal": 1}
"""How many of a form's arguments are spans; the lognormal one has a plain number after it."""
_CALL: Final = re.compile(r"([a-z]+)\s*\(([^()]*)\)")
SIGMA_MAX: Final = 10.0
"""Of a lognormal one: the median times e to the power of ten at one deviation is beyond all use."""
EXPECTED: Final = (
    "milliseconds, 300ms, exp(20s), uniform(1s, 3s), normal(300ms, 50ms) or lognormal(80ms, 0.5, max=2s)"
)


def read_spread(given: int | str) -> Spread:
    """Raises :class:`ValueError` that says what was expected."""
    span_ms = given if isinstance(given, int) else milliseconds(given)
    if span_ms is not None:
        return Spread("constant", span_ms)
    call = _CALL.fullmatch(str(given).strip())
    if call is None or call[1] not in _SPANS:
        raise ValueError(f"expected {EXPECTED}, found {given!r}")
    return _drawn(call[1], [part.strip() for part in call[2].split(",")], str(given))


def _drawn(kind: str, arguments: list[str], text: str) -> Spread:
    max_ms = None
    if arguments[-1].startswith("max="):
        max_ms = milliseconds(arguments.pop().removeprefix("max="))
    spans = [milliseconds(argument) for argument in arguments[: _SPANS[kind]]]
    rest = arguments[_SPANS[kind] :]
    numbers = [float(argument) for argument in rest if re.fullmatch(r"\d+(\.\d+)?", argument)]
    complete = len(spans) == _SPANS[kind] and None not in spans
    if not complete or len(numbers) != len(rest) or len(rest) != (kind == "lognormal"):
        raise ValueError(f"expected {EXPECTED}, found {text!r}")
    values = [float(span) for span in spans if span is not None] + numbers
    if kind == "uniform" and values[1] < values[0]:
        raise ValueError(f"the second value must not be below the first in {text!r}")
    if kind == "lognormal" and values[1] > SIGMA_MAX:
        raise ValueError(f"expected a sigma up to {SIGMA_MAX:g}, found {rest[0]!r} in {text!r}")
    return Spread(kind, values[0], values[1] if len(values) > 1 else 0.0, max_ms)
