"""Recorded against observed: how alike two rows are, and a table of it per endpoint.

A verdict names the first thing that differs, from grave to slight: no answer, status, body, order of keys, headers.
An order that each JVM draws anew is tolerated. A script may say of an exchange that lists under some keys have no order, or
(`loose: ["*"]`) that the answer comes from a connector's own code, which only real workers run: such a one is recorded, not
compared.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .normalise import Observation
from .player import Row


class Verdict(StrEnum):
    """What differs first."""

    SAME = "identical"
    TOLERATED = "tolerated"
    UNCOMPARED = "not compared"
    HEADERS = "headers"
    ORDER = "key order"
    BODY = "body"
    STATUS = "status"
    NO_ANSWER = "no answer"
    NOT_PLAYED = "not played"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One exchange of a script, as recorded and as observed now."""

    script: str
    recorded: Row
    observed: Row | None
    verdict: Verdict
    tolerance: str = ""

    @property
    def differs(self) -> bool:
        """Whether this is worth a complaint."""
        return self.verdict not in (Verdict.SAME, Verdict.TOLERATED, Verdict.UNCOMPARED)


# The path of each endpoint as it stands in the table of results; anything else counts as a malformed path.
_ENDPOINTS = tuple(
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?"), path)
    for path in (
        "/",
        "/health",
        "/connectors",
        "/connectors/{c}",
        "/connectors/{c}/config",
        "/connectors/{c}/status",
        "/connectors/{c}/tasks",
        "/connectors/{c}/tasks-config",
        "/connectors/{c}/tasks/{t}/status",
        "/connectors/{c}/tasks/{t}/restart",
        "/connectors/{c}/restart",
        "/connectors/{c}/pause",
        "/connectors/{c}/resume",
        "/connectors/{c}/stop",
        "/connectors/{c}/topics",
        "/connectors/{c}/topics/reset",
        "/connectors/{c}/offsets",
        "/connectors/{c}/fence",
        "/connector-plugins",
        "/connector-plugins/{p}/config",
        "/connector-plugins/{p}/config/validate",
        "/admin/loggers",
        "/admin/loggers/{l}",
    )
)
# Lists that a worker gives in an order drawn anew by each JVM (immutable maps and sets of the JDK).
_UNORDERED = {"POST /connectors/{c}/restart": ("tasks",), "GET /connectors/{c}/topics": ("topics",)}
_VOLATILE_HEADERS = frozenset({"date", "server"})
_SET_HEADERS = frozenset({"access-control-allow-methods"})
ANY_ORDER = "order drawn by each JVM"


def compare(script: str, recorded: Sequence[Row], observed: Sequence[Row]) -> Iterator[Comparison]:
    """Pair rows by step; a step that was not played any more is reported as such."""
    by_step = {row.step: row for row in observed}
    for row in recorded:
        other = by_step.get(row.step)
        yield Comparison(script, row, other, *_judged(row, other))


def endpoint_of(row: Row) -> str:
    """The row of the table an exchange belongs to."""
    path = row.request.target.partition("?")[0]
    found = next((name for pattern, name in _ENDPOINTS if pattern.fullmatch(path)), None)
    return f"{row.request.method} {found}" if found else "(other paths)"


def by_endpoint(comparisons: Iterable[Comparison]) -> dict[str, Counter[Verdict]]:
    """How many exchanges of each endpoint got which verdict; `TOTAL` last."""
    counts: dict[str, Counter[Verdict]] = {}
    for comparison in comparisons:
        counts.setdefault(endpoint_of(comparison.recorded), Counter())[comparison.verdict] += 1
    ordered = dict(sorted(counts.items()))
    return {**ordered, "TOTAL": sum(counts.values(), Counter())}


def table(comparisons: Iterable[Comparison]) -> list[str]:
    """One line per endpoint: exchanges, how many are the same, and what the others differ in."""
    return [_line(name, count) for name, count in by_endpoint(comparisons).items()]


def difference(comparison: Comparison) -> str:
    """Both sides of one comparison, to be read."""
    observed = comparison.observed
    return "\n".join(
        [
            f"--- {comparison.verdict}: {comparison.script} {_asked(comparison.recorded)}",
            f"  real: {_answered(comparison.recorded)}",
            f"  here: {_answered(observed) if observed else '-'}",
        ]
    )


def shown(row: Row) -> str:
    """One exchange, to be read."""
    return f"{_asked(row)}\n  {_answered(row)}"


def _asked(row: Row) -> str:
    body = f" {row.request.body.decode(errors='replace')[:300]}" if row.request.body else ""
    return f"step {row.step} worker {row.worker}: {row.request.method} {row.request.target[:200]}{body}"


def _line(name: str, count: Counter[Verdict]) -> str:
    others = ", ".join(
        f"{number} {verdict}" for verdict, number in sorted(count.items()) if verdict != Verdict.SAME
    )
    return f"{name:<52} {count.total():>4} exchanges {count[Verdict.SAME]:>4} identical  {others}".rstrip()


def _judged(recorded: Row, observed: Row | None) -> tuple[Verdict, str]:
    """The verdict, and what was tolerated."""
    if observed is None:
        return Verdict.NOT_PLAYED, ""
    if "*" in {*recorded.loose, *observed.loose}:
        return Verdict.UNCOMPARED, ""
    one, other = recorded.answer, observed.answer
    if one is None or other is None:
        return (Verdict.SAME if one is other else Verdict.NO_ANSWER), ""
    if (one.status, one.reason, one.interim) != (other.status, other.reason, other.interim):
        return Verdict.STATUS, ""
    if one.body != other.body:
        loose = (*recorded.loose, *_UNORDERED.get(endpoint_of(recorded), ()))
        if _meaning(one, loose) != _meaning(other, loose):
            return Verdict.BODY, ""
        if not loose:
            return Verdict.ORDER, ""
        tolerance = ANY_ORDER
    else:
        tolerance = ""
    return _judged_headers(recorded, one, other, tolerance)


def _judged_headers(
    recorded: Row, one: Observation, other: Observation, tolerance: str
) -> tuple[Verdict, str]:
    """The verdict on two answers whose bodies agree, apart from what `tolerance` says."""
    if _headers(one) == _headers(other):
        return (Verdict.TOLERATED, tolerance) if tolerance else (Verdict.SAME, "")
    if _headers(one, sets=True) == _headers(other, sets=True):
        return Verdict.TOLERATED, tolerance or ANY_ORDER
    return Verdict.HEADERS, ""


def _meaning(observation: Observation, loose: Sequence[str]) -> object:
    """The body as data; lists under the keys named in `loose` have no order."""
    try:
        return _unordered(json.loads(observation.body), loose)
    except ValueError:
        return observation.body


def _unordered(data: object, loose: Sequence[str]) -> object:
    if isinstance(data, list):
        return [_unordered(item, loose) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: sorted(map(json.dumps, value))
        if key in loose and isinstance(value, list)
        else _unordered(value, loose)
        for key, value in data.items()
    }


def _headers(observation: Observation, sets: bool = False) -> list[tuple[str, str]]:
    """What is compared of the headers. With `sets`, lists that are sets have no order."""
    return [
        (name.lower(), ",".join(sorted(value.split(","))) if sets and name.lower() in _SET_HEADERS else value)
        for name, value in observation.headers
        if name.lower() not in _VOLATILE_HEADERS
    ]


def _answered(row: Row) -> str:
    if row.answer is None:
        return f"no answer ({row.failure})"
    headers = "; ".join(
        f"{name}: {value}" for name, value in row.answer.headers if name.lower() not in _VOLATILE_HEADERS
    )
    interim = "".join(f"{line}, " for line in row.answer.interim)
    return f"{interim}{row.answer.status} {row.answer.reason} [{headers}] {row.answer.body[:2000]}"
