"""Expectations while a run goes on: what must always be so, what must have been so once, what has its time in the end.

Rules of this room: a watch looks after every event, and decides once. What it says is a verdict; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mockconnect.core.cluster import Cluster
from mockconnect.scenario.checks import NOT_YET
from mockconnect.scenario.conditions import AnswerFilter, Condition, shown
from mockconnect.scenario.invariants import INVARIANTS
from mockconnect.scenario.loading import LoadedExpectation
from mockconnect.scenario.report import Verdict, seconds
from mockconnect.scenario.script import Eventually
from mockconnect.scenario.view import Test, compile_condition


class Watched(Protocol):
    """What is needed of the player."""

    cluster: Cluster

    def clock_ms(self) -> int: ...
    def answered(self, wanted: AnswerFilter) -> bool: ...
    @property
    def has_client(self) -> bool: ...


class Watch:
    """``always`` and ``sometimes``: looked at after every event until they are decided."""

    def __init__(self, expected: LoadedExpectation, player: Watched, problem: Callable[[], str]) -> None:
        self.expected = expected
        self._player = player
        self._problem = problem
        self._decided: tuple[str, int] | None = None

    @classmethod
    def of(cls, expected: LoadedExpectation, player: Watched) -> Watch:
        what = expected.what
        if expected.kind not in ("always", "sometimes"):
            return cls(expected, player, lambda: "-")
        if isinstance(what, str):
            invariant = INVARIANTS[what]
            return cls(expected, player, lambda: invariant(player.cluster))
        test = compile_condition(what, player.cluster, player.answered)
        if expected.kind == "always":
            return cls(expected, player, lambda: "" if test() else "not so")
        return cls(expected, player, lambda: "so" if test() else "")

    def look(self) -> None:
        if self._decided is None and self.expected.kind in ("always", "sometimes"):
            found = self._problem()
            if found:
                self._decided = (found, self._player.clock_ms())

    def verdict(self, *, is_complete: bool) -> Verdict:
        """``is_complete``: the run has come to its end, so what never was so never will be."""
        what = self.expected.what
        text = what if isinstance(what, str) else shown(what)
        detail, at_ms = self._decided or ("", None)
        if self.expected.kind == "always":
            return Verdict("always", text, self._decided is None, detail, at_ms)
        if self._decided is not None:
            return Verdict("sometimes", text, True, "first", at_ms)
        if isinstance(what, Condition) and _needs_client(what) and not self._player.has_client:
            return Verdict("sometimes", text, None, "no client was there")
        if not is_complete:
            return Verdict("sometimes", text, None, NOT_YET)
        return Verdict("sometimes", text, False, "it never was so")


def _needs_client(condition: Condition) -> bool:
    return condition.request is not None and condition.request.by == "client"


class Goal:
    """``eventually``: all of it at one moment, in time."""

    def __init__(self, goal: Eventually, player: Watched) -> None:
        self._goal = goal
        self._tests: list[Test] = [
            compile_condition(one, player.cluster, player.answered) for one in goal.that
        ]
        self._began_ms = player.clock_ms()
        self._ended_ms: int | None = None
        self._missing: tuple[bool, ...] = ()
        self._met = False

    @property
    def decided(self) -> bool:
        return self._ended_ms is not None

    def look(self, clock_ms: int) -> None:
        if self._ended_ms is not None:
            return
        self._missing = tuple(not test() for test in self._tests)
        self._met = not any(self._missing)
        if self._met or clock_ms - self._began_ms >= self._goal.within:
            self._ended_ms = clock_ms

    def verdicts(self) -> list[Verdict]:
        found: list[Verdict] = []
        for number, condition in enumerate(self._goal.that):
            text = f"{shown(condition)} within {seconds(self._goal.within)}"
            if self._ended_ms is None:
                found.append(Verdict("eventually", text, None, NOT_YET))
            elif self._met:
                detail = f"after {seconds(self._ended_ms - self._began_ms)}"
                found.append(Verdict("eventually", text, True, detail, self._ended_ms))
            else:
                missing = self._missing[number]
                detail = "not in time" if missing else "in time, but not together with the others"
                found.append(Verdict("eventually", text, False, detail, self._ended_ms))
        return found
