"""Requests of a run: who asked what of whom, and what came back.

Rules of this room: a :class:`RequestRecord` is made when a request arrives and completed when it ends, whoever made it:
the client under test, or the scenario itself. Filters look at nothing but records and who leads.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mockconnect.core.journal import is_operation
from mockconnect.core.patterns import matches
from mockconnect.files.durations import milliseconds
from mockconnect.scenario.conditions import AnswerFilter, RequestFilter
from mockconnect.scenario.operations import answers, name_of_answer

SHOWN_MAX: Final = 20_000
"""How much of an answer is kept."""


@dataclass(slots=True)
class RequestRecord:
    """One request. ``status_code`` is 0 as long as there is no answer, and for ever if the connection broke."""

    number: int
    at_ms: int
    by: Literal["client", "scenario"]
    worker: str
    operation: str
    connector: str = ""
    task: int | None = None
    class_name: str = ""
    rule: str = ""
    line: str = ""
    """As it was sent, for a request of a client."""
    to_leader: bool = False
    ended_at_ms: int | None = None
    status_code: int = 0
    message: str = ""
    shows: str = ""

    @property
    def ended(self) -> bool:
        return self.ended_at_ms is not None

    @property
    def took_ms(self) -> int:
        return 0 if self.ended_at_ms is None else self.ended_at_ms - self.at_ms

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def answer_name(self) -> str:
        return name_of_answer(self.status_code, self.message)

    @property
    def what(self) -> str:
        """The operation and what it is about."""
        about = self.connector if self.task is None else f"{self.connector}/{self.task}"
        return f"{self.operation} {about}".rstrip()

    def is_same_as(self, other: RequestRecord) -> bool:
        """Whether both ask the same, of whatever worker."""
        return (self.operation, self.connector, self.task) == (other.operation, other.connector, other.task)


def is_asked(record: RequestRecord, wanted: RequestFilter) -> bool:
    """Whether a request is one of those, as far as can be said when it arrives."""
    operations = [wanted.operation] if isinstance(wanted.operation, str) else wanted.operation
    if operations is not None and not any(is_operation(record.operation, one) for one in operations):
        return False
    if wanted.connector is not None and not matches(record.connector, wanted.connector):
        return False
    if wanted.class_ is not None and not matches(record.class_name, wanted.class_):
        return False
    if wanted.by is not None and record.by != wanted.by:
        return False
    if wanted.rule is not None and record.rule != wanted.rule:
        return False
    return _is_worker(record, wanted.worker)


def _is_worker(record: RequestRecord, wanted: str | None) -> bool:
    if wanted == "leader":
        return record.to_leader
    if wanted in ("follower", "followers"):
        return not record.to_leader
    return wanted in (None, "any", "all", record.worker)


def is_answered(record: RequestRecord, wanted: AnswerFilter) -> bool:
    """Whether a request that has ended is one of those with such an answer."""
    if not record.ended or not is_asked(record, wanted):
        return False
    names = [wanted.answer] if isinstance(wanted.answer, str) else wanted.answer
    if names is not None and not any(answers(one, record.status_code, record.message) for one in names):
        return False
    if wanted.message is not None and not matches(record.message, wanted.message):
        return False
    if wanted.shows is not None and not matches(record.shows, wanted.shows):
        return False
    return wanted.took is None or span_test(wanted.took)(record.took_ms)


_SPAN: Final = re.compile(r"(>=|<=|>|<)\s*(.+)")
_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def span_test(text: str) -> Callable[[int], bool]:
    """``>=10s`` as a test of milliseconds. Raises :class:`ValueError`."""
    found = _SPAN.fullmatch(text)
    bound_ms = None if found is None else milliseconds(found[2])
    if found is None or bound_ms is None:
        raise ValueError(f"expected a bound such as '>=10s' or '<500ms', found {text!r}")
    compare, bound = _COMPARE[found[1]], bound_ms
    return lambda span_ms: compare(span_ms, bound)
