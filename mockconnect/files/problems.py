"""Mistakes in what people wrote: one type for all of them, and the words that say what was probably meant.

Rules of this room: a mistake is one :class:`Problem`, whether it is in an argument or in a file. All mistakes of one
input are told at once. A name that does not exist is answered with the nearest one that does.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: ``where`` is the argument, or file and line, with the path inside it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class ProblemsError(ValueError):
    """Everything that is wrong with one input; ``problems`` has one entry per mistake."""

    def __init__(self, problems: Sequence[Problem], what: str) -> None:
        count = "a mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__("\n".join([f"{count} in {what}:", *(f"  {one}" for one in problems)]))
        self.problems = tuple(problems)


class FileError(ProblemsError):
    """Everything that is wrong with a file. ``where`` of a problem is ``file:line: path``."""

    def __init__(self, problems: Sequence[Problem], name: str) -> None:
        super().__init__(problems, name)


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that was probably meant; case does not matter. Of ``worker-1`` to ``worker-3`` none is nearest."""
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 2)
    if not close or len({_likeness(name.lower(), one) for one in close}) < len(close):
        return None
    return by_lower[close[0]]


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, other, name).ratio()


def one_of(value: str, known: Sequence[str]) -> str:
    """What to answer to a name that is not among the known ones."""
    close = nearest(value, known)
    meant = f"; did you mean {close!r}?" if close else ""
    return f"expected one of {', '.join(known)}, found {value!r}{meant}"


def unknown(name: str, known: Sequence[str]) -> str:
    """What to answer to a name that does not exist; the list may be long, so a near miss stands alone."""
    close = nearest(name, known)
    return f"unknown; did you mean {close!r}?" if close else f"unknown; known are {', '.join(known)}"
