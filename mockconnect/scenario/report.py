"""What came of a run: a verdict per expectation, what each rule did, and what replays it.

Rules of this room: plain values, and the texts that show them. ``held`` of a verdict is ``None`` where nothing could be
judged, which fails nothing but is said.
"""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from mockconnect.scenario.requests import RequestRecord

AROUND: Final = (8, 4)
"""How many rows before and after the moment of a failure are shown with it."""
LINE_MAX: Final = 140
WORDS: Final[Mapping[bool | None, str]] = {True: "held", False: "FAILED", None: "not judged"}


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, and whether it held; ``at_ms`` is the moment that decided it, if there was one."""

    kind: str
    text: str
    held: bool | None
    detail: str = ""
    at_ms: int | None = None

    @property
    def word(self) -> str:
        return WORDS[self.held]


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule did. Moments are those of the scenario's clock."""

    name: str
    fired_at_ms: tuple[int, ...]
    ended_at_ms: int | None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline; ``kind`` is ``trace``, ``port``, ``request`` or ``scenario``."""

    at_ms: int
    kind: str
    worker: str
    generation: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted: what, on which workers, from when to when (``None``: to the end)."""

    what: str
    from_ms: int
    to_ms: int | None
    workers: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What rows alone do not tell: how it was at the beginning, and what lasted."""

    instances: tuple[Row, ...] = ()
    ports: tuple[Row, ...] = ()
    rebalances: tuple[Span, ...] = ()
    leaders: tuple[Span, ...] = ()
    faults: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run."""

    scenario: str
    file: str
    """Empty for a cluster on which nothing was played."""
    seed: int
    params: dict[str, str]
    verdicts: tuple[Verdict, ...]
    rules: tuple[RuleReport, ...]
    requests: tuple[RequestRecord, ...]
    workers: tuple[str, ...]
    timeline_ms: int
    total_ms: int
    trace_hash: str
    is_complete: bool = True
    description: str = ""
    started_at_ms: int = 0
    rows: tuple[Row, ...] = field(default=(), repr=False)
    picture: Picture = field(default_factory=Picture, repr=False)
    options: tuple[str, ...] = ()
    """What else the command line said of the run."""
    command: tuple[str, ...] = ()
    """The client under test, if it was a command."""
    on_check: Callable[[], object] = field(default=_nothing, repr=False, compare=False)
    """Called when somebody judges the run by :meth:`check`."""

    @property
    def held(self) -> bool:
        return all(verdict.held is not False for verdict in self.verdicts)

    @property
    def failed(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.held is False)

    @property
    def coverage(self) -> tuple[int, int]:
        """How many of the moments that a run must have seen there were, and how many there should be."""
        wanted = [verdict for verdict in self.verdicts if verdict.kind == "sometimes"]
        return sum(verdict.held is True for verdict in wanted), len(wanted)

    @property
    def is_played(self) -> bool:
        """Whether it is that of a scenario; otherwise there is nothing to judge, and nothing plays it again."""
        return bool(self.file)

    @property
    def repro(self) -> str:
        """The command that plays it again; a client that is no command has to ask again by itself."""
        if not self.is_played:
            return ""
        params = [f"--param {shlex.quote(f'{name}={value}')}" for name, value in sorted(self.params.items())]
        command = ["--", shlex.join(self.command)] if self.command else []
        verb = ["serve --scenario" if self._client_is_elsewhere else "run", shlex.quote(self.file)]
        return " ".join(["mockconnect", *verb, f"--seed {self.seed}", *params, *self.options, *command])

    @property
    def _client_is_elsewhere(self) -> bool:
        return not self.command and any(one.by == "client" for one in self.requests)

    def text(self) -> str:
        """For people: the same run gives the same text."""
        if not self.is_played:
            return "\n".join(self._head())
        return "\n".join([*self._head(), "", *self._rule_lines(), "", *self._verdict_lines(), "", self.end()])

    def json(self) -> str:
        """For programs; without the timeline, which has files of its own."""
        plain = {
            "scenario": self.scenario,
            "held": self.held,
            "seed": self.seed,
            "params": self.params,
            "repro": self.repro,
            "trace_hash": self.trace_hash,
            "timeline_ms": self.timeline_ms,
            "total_ms": self.total_ms,
            "coverage": list(self.coverage),
            "expectations": [
                {
                    "kind": one.kind,
                    "text": one.text,
                    "held": one.held,
                    "detail": one.detail,
                    "at_ms": one.at_ms,
                }
                for one in self.verdicts
            ],
            "rules": [
                {
                    "name": one.name,
                    "fired_at_ms": list(one.fired_at_ms),
                    "ended_at_ms": one.ended_at_ms,
                    "refused": list(one.refused),
                }
                for one in self.rules
            ],
        }
        return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()

    def check(self) -> None:
        """Raises :class:`AssertionError` with everything that did not hold."""
        __tracebackhide__ = True  # pytest shows the caller
        self.on_check()
        if not self.held:
            raise AssertionError(f"{self.failures()}\n{self.again}")

    def failures(self) -> str:
        """What did not hold."""
        count = len(self.failed)
        what = "an expectation" if count == 1 else f"{count} expectations"
        lines = [line for one in self.failed for line in _verdict_lines(one)]
        return "\n".join([f"{self.scenario}: {what} failed (seed {self.seed})", *lines])

    def around_failure(self) -> list[str]:
        """Rows of the timeline around the first failure that has a moment, or else the last ones."""
        return self.around(next((one for one in self.failed if one.at_ms is not None), None))

    def around(self, verdict: Verdict | None) -> list[str]:
        """Rows of the timeline around the moment that decided it, or else the last ones."""
        at_ms = self.total_ms if verdict is None or verdict.at_ms is None else verdict.at_ms
        before, after = AROUND
        end = bisect_right(self.rows, at_ms + self.started_at_ms, key=lambda row: row.at_ms) + after
        return self.lines(self.rows[max(0, end - before - after) : end])

    def lines(self, rows: Sequence[Row]) -> list[str]:
        """Rows for a quick look: long ones are cut."""
        lines = [columns(row, self.started_at_ms) for row in rows]
        return [one if len(one) <= LINE_MAX else f"{one[: LINE_MAX - 3]}..." for one in lines]

    def _head(self) -> list[str]:
        asked = sum(one.by == "client" for one in self.requests)
        return [
            f"{self.scenario}: {seconds(self.timeline_ms)} of timeline, {seconds(self.total_ms)} in all,"
            f" seed {self.seed}, trace {self.trace_hash}",
            f"{counted(len(self.requests), 'request')}, {asked} of them by the client",
        ]

    def _rule_lines(self) -> list[str]:
        width = max((len(rule.name) for rule in self.rules), default=4)
        lines = [f"{'rule':<{width}}  {'fired':>5}  {'first':>10}  {'last':>10}  {'ended':>10}"]
        for rule in self.rules:
            first = seconds(rule.fired_at_ms[0]) if rule.fired_at_ms else "-"
            last = seconds(rule.fired_at_ms[-1]) if rule.fired_at_ms else "-"
            ended = "-" if rule.ended_at_ms is None else seconds(rule.ended_at_ms)
            lines.append(
                f"{rule.name:<{width}}  {len(rule.fired_at_ms):>5}  {first:>10}  {last:>10}  {ended:>10}"
            )
            for why, number in Counter(rule.refused).items():
                times = "" if number == 1 else f" ({number} times)"
                lines.append(f"{'':<{width}}  refused: {why}{times}")
        return lines

    def _verdict_lines(self) -> list[str]:
        lines = [f"{'verdict':<10}  {'kind':<10}  expectation"]
        return [*lines, *(line for one in self.verdicts for line in _verdict_lines(one))]

    def end(self) -> str:
        """What people look for first: that it held; or else what did not, what happened around it, how to see it again."""
        if self.held:
            return f"{self.scenario} held"
        return "\n".join([HEAD, *self.around_failure(), "", self.failures(), self.again])

    @property
    def again(self) -> str:
        """What to do to see it again, as a line for people."""
        return f"again with{' the same client' if self._client_is_elsewhere else ''}: {self.repro}"


def _verdict_lines(one: Verdict) -> list[str]:
    lines = [f"{one.word:<10}  {one.kind:<10}  {one.text}"]
    if one.detail:
        at = "" if one.at_ms is None else f"at {seconds(one.at_ms)}: "
        lines.append(f"{'':<24}{at}{one.detail}")
    return lines


HEAD: Final = f"{'time':>10} {'worker':<18} {'gen':>4} {'what':<14} detail"


def columns(row: Row, started_at_ms: int, width: int = 18) -> str:
    """One line of a timeline: seconds, worker, its generation, what, and detail."""
    at = f"{(row.at_ms - started_at_ms) / 1000:.3f}"
    generation = "" if row.generation < 0 else str(row.generation)
    return f"{at:>10} {row.worker:<{width}} {generation:>4} {row.what:<14} {row.detail}".rstrip()


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def seconds(span_ms: int) -> str:
    return f"{span_ms / 1000:.3f}s"
