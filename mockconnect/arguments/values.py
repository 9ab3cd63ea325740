"""Single values as people give them.

Rules of this room: each function takes a value and where it stands, notes what is wrong with it, and gives something
harmless in its place. A duration is a number of milliseconds or a text such as ``"300ms"``, ``"5s"``, ``"1m30s"``, ``"1h"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from mockconnect.files.durations import EXPECTED, milliseconds
from mockconnect.files.problems import Problem, unknown
from mockconnect.options import OptionsError


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def text_of(value: object, where: str, problems: list[Problem]) -> str:
    if not isinstance(value, str) or not value:
        problems.append(Problem(where, "missing" if value is None else f"expected a text, found {value!r}"))
    return str(value)


def mapping(
    value: object, where: str, problems: list[Problem], expected: str = "a dict"
) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return {str(name): entry for name, entry in value.items()}
    if value is not None or expected != "a dict":
        problems.append(Problem(where, f"expected {expected}, found {value!r}"))
    return {}


def check_keys(
    given: Mapping[str, object], known: Sequence[str], where: str, problems: list[Problem]
) -> None:
    for name in given:
        if name not in known:
            problems.append(Problem(f"{where}.{name}", unknown(name, known)))


def duration(value: object, where: str, problems: list[Problem]) -> int:
    if is_whole(value) and value >= 0:
        return value
    span_ms = milliseconds(value) if isinstance(value, str) else None
    if span_ms is None:
        problems.append(Problem(where, f"expected {EXPECTED}, found {value!r}"))
    return span_ms or 0


def duration_ms(value: object, where: str = "duration") -> int:
    """``300``, ``"300ms"``, ``"5s"``, ``"1m30s"`` or ``"1h"`` in milliseconds. Raises :class:`OptionsError`."""
    problems: list[Problem] = []
    result = duration(value, where, problems)
    raise_any(problems)
    return result


def raise_any(problems: Sequence[Problem]) -> None:
    """Raises :class:`OptionsError`."""
    if problems:
        raise OptionsError(problems)


class Given:
    """All arguments, and what was found to be wrong with them so far."""

    def __init__(self, arguments: Mapping[str, object]) -> None:
        self._arguments = arguments
        self.problems: list[Problem] = []

    def get(self, name: str, default: object = None) -> object:
        return self._arguments.get(name, default)

    def problem(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, text))

    def problem_once(self, where: str, text: str) -> None:
        """For what would be told of every worker."""
        problem = Problem(where, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def check_names(self, known: Sequence[str]) -> None:
        for name in self._arguments:
            if name not in known:
                self.problem(name, unknown(name, known))

    def text(self, name: str, default: str) -> str:
        value = self.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            self.problem(name, f"expected a text, found {value!r}")
            return default
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name, False)
        if not isinstance(value, bool):
            self.problem(name, f"expected True or False, found {value!r}")
        return value is True

    def file(self, name: str) -> str | None:
        value = self.get(name)
        return str(value) if isinstance(value, Path) else self.text(name, "") or None

    def mapping(self, name: str) -> Mapping[str, object]:
        return mapping(self.get(name), name, self.problems)
