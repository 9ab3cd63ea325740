"""Judges: what was expected of the requests of a run, and of the client that sent them.

Rules of this room:

* A judge is a function of the expectation and the records, in the order in which requests arrived. It gives
  ``(held, detail, at_ms)``; ``held`` is ``None`` where there is nothing to judge.
* A run may be judged before its end. What more requests can still make good has not failed then: it is not judged.
* Delays of a client are judged in its own time: virtual time divided by the clock's rate. Paced time stands still while
  a client waits, so there they cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from mockconnect.core.journal import WRITES
from mockconnect.scenario.conditions import AnswerFilter
from mockconnect.scenario.operations import answers
from mockconnect.scenario.requests import RequestRecord, is_answered, is_asked
from mockconnect.scenario.script import Backoff, ClientExpectation, MaxRate, RequestCount
from mockconnect.scenario.view import counted, is_possible

Found = tuple[bool | None, str, int | None]
HELD: Final[Found] = (True, "", None)
NOT_YET: Final = "the run ended before"
GREW_LEAST: Final = 0.5
"""A next wait of at least that much of the one before is no shrinking one: jitter is good."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The requests that are judged. ``rate`` is virtual per real time of a client; ``None`` if that cannot be said.

    ``is_complete``: the run has come to its end, so no more requests are to come.
    """

    records: Sequence[RequestRecord]
    rate: float | None = None
    is_complete: bool = True

    @property
    def of_client(self) -> list[RequestRecord]:
        return [one for one in self.records if one.by == "client"]


def judge_requests(wanted: RequestCount, asked: Asked) -> Found:
    """Whether there are as many as expected."""
    found = [one for one in asked.records if is_answered(one, wanted)]
    if counted(wanted.count)(len(found)):
        return True, f"{len(found)} of {len(asked.records)}", None
    if not asked.is_complete and is_possible(wanted.count, len(found)):
        return None, f"{NOT_YET}: {len(found)} of {len(asked.records)} so far", None
    return False, f"there are {len(found)} of {len(asked.records)}{_closest(wanted, asked.records)}", None


def _closest(wanted: AnswerFilter, records: Sequence[RequestRecord]) -> str:
    """What such requests were answered instead."""
    near = [one for one in records if one.ended and is_asked(one, wanted)]
    counts: dict[str, int] = {}
    for one in near:
        counts[one.answer_name] = counts.get(one.answer_name, 0) + 1
    if not counts:
        return "; nobody asked that"
    return "; the answers were " + ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))


def judge_client(wanted: ClientExpectation, asked: Asked) -> Found:
    """One expectation of the client under test."""
    if not asked.of_client:
        return None, "no client was there", None
    for name, judge in JUDGES.items():
        value = getattr(wanted, name)
        if value is not None:
            return judge(value, asked)
    raise AssertionError(f"nothing is expected: {wanted}")


def _max_rate(wanted: MaxRate, asked: Asked) -> Found:
    records = [one for one in asked.of_client if is_asked(one, wanted)]
    for number, one in enumerate(records):
        within = [other for other in records[number:] if other.at_ms - one.at_ms < wanted.window]
        if len(within) > wanted.count:
            return False, f"{len(within)} requests within {wanted.window} ms, from {one.what} on", one.at_ms
    return HELD


def _tries(records: Sequence[RequestRecord]) -> Iterator[list[RequestRecord]]:
    """Requests that ask the same in a row, each answered before the next; a success ends the row."""
    open_rows: dict[tuple[str, str, int | None], list[RequestRecord]] = {}
    for one in records:
        key = (one.operation, one.connector, one.task)
        row = open_rows.setdefault(key, [])
        row.append(one)
        if one.succeeded:
            yield open_rows.pop(key)
    yield from open_rows.values()


def _backoff(wanted: Backoff, asked: Asked) -> Found:
    records = [one for one in asked.of_client if is_asked(one, wanted)]
    for row in _tries(records):
        if wanted.max_tries is not None and len(row) > wanted.max_tries:
            return False, f"{row[0].what} was tried {len(row)} times", row[-1].at_ms
    if asked.rate is None:
        return None, "paced time stands still while a client waits: play it with a clock such as x60", None
    for row in _tries(records):
        found = _waits(wanted, row, asked.rate)
        if found is not HELD:
            return found
    return HELD


def _waits(wanted: Backoff, row: Sequence[RequestRecord], rate: float) -> Found:
    """Whether one row of tries was patient."""
    before_ms = 0.0
    for one, again in pairwise(row):
        if not any(answers(name, one.status_code, one.message) for name in wanted.answers):
            before_ms = 0.0
            continue
        waited_ms = (again.at_ms - (one.ended_at_ms or one.at_ms)) / rate
        least_ms = before_ms * GREW_LEAST if before_ms else wanted.min_first_delay
        if waited_ms < least_ms:
            text = f"{again.what} again {waited_ms:.0f} ms after {one.answer_name}, expected at least {least_ms:.0f} ms"
            return False, text, again.at_ms
        before_ms = waited_ms
    return HELD


def _retries(wanted: AnswerFilter, asked: Asked) -> Found:
    records = asked.of_client
    for number, one in enumerate(records):
        if not is_answered(one, wanted):
            continue
        later = [other for other in records[number + 1 :] if other.is_same_as(one)]
        if any(other.ended and not is_answered(other, wanted) for other in later):
            continue
        if not asked.is_complete:
            return None, f"{NOT_YET}: {one.what} got {one.answer_name}", one.at_ms
        if not later:
            return False, f"{one.what} got {one.answer_name} and was not tried again", one.at_ms
        return False, f"{one.what} was given up after {len(later) + 1} tries", later[-1].at_ms
    return HELD


def _no_duplicate_create(_: bool, asked: Asked) -> Found:
    made: set[str] = set()
    for one in asked.of_client:
        if one.operation == "create_connector":
            if one.connector in made:
                return False, f"{one.connector} was created before", one.at_ms
            if one.succeeded:
                made.add(one.connector)
        elif one.operation == "delete_connector" and one.succeeded:
            made.discard(one.connector)
    return HELD


def _no_overlapping_writes(_: bool, asked: Asked) -> Found:
    writes = [one for one in asked.of_client if one.operation in WRITES and one.connector]
    for number, one in enumerate(writes):
        end_ms = one.ended_at_ms
        for other in writes[number + 1 :]:
            if other.connector == one.connector and (end_ms is None or other.at_ms < end_ms):
                return False, f"{other.what} while {one.what} has no answer", other.at_ms
    return HELD


def _looks_before_creating_again(_: bool, asked: Asked) -> Found:
    unknown: dict[str, RequestRecord] = {}
    for one in asked.of_client:
        if one.operation == "create_connector":
            before = unknown.get(one.connector)
            if before is not None:
                text = f"{one.connector} again, without a look after {before.answer_name}"
                return False, text, one.at_ms
            if one.status_code == 0 or one.status_code >= 500:
                unknown[one.connector] = one
        elif one.operation not in WRITES and (one.connector in unknown or one.operation == "list_connectors"):
            if one.operation == "list_connectors":
                unknown.clear()
            unknown.pop(one.connector, None)
    return HELD


def _never(wanted: AnswerFilter, asked: Asked) -> Found:
    needs_answer = wanted.answer is not None or wanted.message is not None or wanted.shows is not None
    for one in asked.of_client:
        if is_answered(one, wanted) if needs_answer else is_asked(one, wanted):
            return False, f"{one.what} at {one.worker}", one.at_ms
    return HELD


def _sends(wanted: RequestCount, asked: Asked) -> Found:
    return judge_requests(wanted, replace(asked, records=asked.of_client))


JUDGES: Final[Mapping[str, Callable[[Any, Asked], Found]]] = {
    "max_rate": _max_rate,
    "retries_with_backoff": _backoff,
    "retries": _retries,
    "no_duplicate_create": _no_duplicate_create,
    "no_overlapping_writes": _no_overlapping_writes,
    "looks_before_creating_again": _looks_before_creating_again,
    "never": _never,
    "sends": _sends,
}
"""What can be expected of a client, by its name in the file."""
