"""Whether rules of a timeline cause each other again and again, so that it never ends by itself.

Rules of this room:

* A *reaction* is a rule that is triggered by a state, by another rule, or by a request of the scenario itself. What has a
  moment of its own, and what a client asks, comes from outside.
* It is a circle when a thousand reactions came in a row while nothing else kept the timeline open: no rule that waits for a
  moment of its own or repeats itself, none that is bounded by ``max`` or left to chance, and nothing that lasts since long
  before. Then nothing is left that could bring it to an end.
* Rules that fire in the midst of each other, fifty deep, are a circle at one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from mockconnect.scenario.script import Rule

REACTIONS_MAX: Final = 1_000
RECENT: Final = 100
"""A rule that keeps the timeline open, and was not triggered among so many reactions, is no part of a circle."""
NESTED_MAX: Final = 50


class Run(Protocol):
    """What is looked at of a rule that is played."""

    name: str
    rule: Rule
    firing: int
    """How often it fires at this moment, each in the midst of the one before."""

    @property
    def busy(self) -> bool:
        """Whether something of it is still to come, or to end, by itself."""


class Circles:
    """Counts reactions of one run."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.found: tuple[str, ...] = ()
        """The rules of a circle, in the order of the file; none so far, if it is empty."""
        self._runs = runs
        self._count = 0
        self._in_a_row = 0
        self._last: dict[str, int] = {}
        """The number of the last reaction of each rule."""

    def reacts(self, run: Run) -> None:
        """A rule is triggered by what others did."""
        self._count += 1
        self._last[run.name] = self._count
        self._in_a_row += 1
        if not _is_unbounded(run) or any(one.busy and not self._is_in_a_circle(one) for one in self._runs):
            self._in_a_row = 0
        elif self._in_a_row >= REACTIONS_MAX and not self.found:
            self.found = tuple(one.name for one in self._runs if self._is_recent(one))

    def comes_from_outside(self) -> None:
        """Something happened that no rule has caused."""
        self._in_a_row = 0

    def may_fire(self) -> bool:
        """Whether rules do not fire too deep in the midst of each other."""
        if sum(one.firing for one in self._runs) < NESTED_MAX:
            return True
        self.found = self.found or tuple(one.name for one in self._runs if one.firing > 1)
        return False

    def _is_in_a_circle(self, run: Run) -> bool:
        return _is_unbounded(run) and self._is_recent(run)

    def _is_recent(self, run: Run) -> bool:
        return run.name in self._last and self._count - self._last[run.name] < RECENT


def _is_unbounded(run: Run) -> bool:
    return run.rule.max is None and run.rule.probability is None
