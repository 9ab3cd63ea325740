"""Requests of clients as testers ask for them: which ones, how many, in what order, and what comes closest.

Rules of this room:

* One filter for all who look: the fixture, the control API and ``mockconnect ctl`` ask with a :class:`Wanted`, read and
  checked here, and an expectation is judged here, whoever has it.
* A criterion is a row of ``CRITERIA``. Operations and answers have the names that scenarios and faults give them.
* It only looks. What is wrong with a question raises :class:`ProblemsError` (a :class:`ValueError`), all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec

from mockconnect.core.cluster import Cluster
from mockconnect.core.forwarding import OPERATIONS
from mockconnect.core.journal import RequestRow, is_operation
from mockconnect.core.patterns import matches
from mockconnect.files.nodes import of_data
from mockconnect.files.problems import FileError, ProblemsError, one_of
from mockconnect.files.reading import Place, Tree
from mockconnect.scenario.operations import GROUPS, answer_mistake, answers, operation_mistake
from mockconnect.scenario.parts import Part
from mockconnect.scenario.recording import told

W = TypeVar("W", bound="Criteria")
OPEN: Final = "open"
CLOSEST_MAX: Final = 3
SHOWN_MAX: Final = 5
"""So many rows are told of a failure, at each place."""
Number = Annotated[int, msgspec.Meta(ge=0)]
Status = Annotated[str, msgspec.Meta(pattern=r"^([1-5](\d\d|xx)(\.\w+)?|none|open)$")]


# --- which ones ---------------------------------------------------------------------------------------------------------


class Criteria(Part, kw_only=True, frozen=True):
    """What is known of a request. What is left out does not matter."""

    operation: str | None = None
    """An operation or a pattern with ``*``; ``any_read``, ``any_write``."""
    connector: str | None = None
    """A name, or a pattern with ``*``."""
    task: Number | None = None
    worker: str | None = None
    """Whom it reached, by name."""
    method: str | None = None
    path: str | None = None
    """Without the query, as it was sent; or a pattern with ``*``."""
    status: Status | None = None
    """``409``, ``5xx``, ``409.stale_config``, ``none`` (the connection broke), ``open`` (not answered yet)."""

    def fits(self, row: RequestRow) -> bool:
        return all(CRITERIA[name](row, value) for name, value in self.given.items())

    @property
    def given(self) -> dict[str, Any]:
        """What was said, in order."""
        said = ((name, getattr(self, name)) for name in CRITERIA)
        return {name: value for name, value in said if value is not None}

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.given.items())

    @property
    def name(self) -> str:
        """How a sentence calls such a request."""
        if self.operation is None:
            return f"request with {self}"
        rest = ", ".join(f"{name}={value}" for name, value in self.given.items() if name != "operation")
        return f"{self.operation} ({rest})" if rest else self.operation


class Wanted(Criteria, kw_only=True, frozen=True):
    """Which requests. What is left out does not matter."""

    since: Number | None = None
    """Only those with a higher number."""


def _has_status(row: RequestRow, wanted: str) -> bool:
    if row.ended_at_ms is None or wanted == OPEN:
        return row.ended_at_ms is None and wanted == OPEN
    return answers(wanted, row.status_code, row.message)


def _has_connector(row: RequestRow, wanted: str) -> bool:
    return bool(row.connector) and matches(row.connector, wanted)


CRITERIA: Final[Mapping[str, Callable[[RequestRow, Any], bool]]] = {
    "operation": lambda row, wanted: is_operation(row.operation, wanted),
    "connector": _has_connector,
    "task": lambda row, wanted: row.task == wanted,
    "worker": lambda row, wanted: row.worker == wanted,
    "method": lambda row, wanted: row.method == wanted.upper(),
    "path": lambda row, wanted: matches(row.path, wanted),
    "status": _has_status,
}
"""By the field of :class:`Criteria`. The first ones say most about what was meant."""


# --- how many, in what order --------------------------------------------------------------------------------------------


class Expected(Wanted, kw_only=True, frozen=True):
    """Which requests, and what has to be true of them: how many there are, or that they came in an order."""

    count: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    order: Annotated[list[str | Criteria], msgspec.Meta(min_length=1)] | None = None
    """Operations, or more criteria of each; of the requests above these came one after the other, with others between."""

    @property
    def bounds(self) -> tuple[int, int | None]:
        if self.count is not None:
            return self.count, self.count
        return self.at_least or 0, self.at_most

    @property
    def steps(self) -> list[Criteria]:
        return [Criteria(operation=one) if isinstance(one, str) else one for one in self.order or ()]


# --- reading ------------------------------------------------------------------------------------------------------------


def read(tree: Tree[W], type_: type[W], core: Cluster) -> W:
    """The question that a tree is. Raises :class:`FileError`."""
    found = tree.read(type_)
    _check(tree, found, (), core)
    if isinstance(found, Expected):
        _check_expected(tree, found, core)
    tree.raise_any()
    return found


def _check(tree: Tree[Any], found: Criteria, place: Place, core: Cluster) -> None:
    mistakes = {"operation": _operation_mistake(found.operation)}
    if found.worker is not None and found.worker not in core.workers:
        gone = (worker for worker, _, _ in core.requests.ended() if worker)
        known = tuple(dict.fromkeys((*core.workers, *gone)))
        mistakes["worker"] = "" if found.worker in known else one_of(found.worker, known)
    if found.status not in (None, OPEN):
        mistakes["status"] = answer_mistake(str(found.status), (OPEN,))
    for name, text in mistakes.items():
        if text:
            tree.problem((*place, name), text)


def _operation_mistake(operation: str | None) -> str:
    return "" if operation is None else operation_mistake(operation, (*OPERATIONS, *GROUPS))


def _check_expected(tree: Tree[Any], found: Expected, core: Cluster) -> None:
    for number, (one, step) in enumerate(zip(found.order or (), found.steps, strict=True)):
        place: Place = ("order", number)
        if not isinstance(one, str):
            _check(tree, step, place, core)
        elif mistake := _operation_mistake(one):
            tree.problem(place, mistake)
    least, most = found.bounds
    numbers = (found.count, found.at_least, found.at_most)
    if found.order is None and all(one is None for one in numbers):
        tree.problem(("count",), "missing; or say 'at_least', 'at_most' or 'order'")
    if found.count is not None and (found.at_least, found.at_most) != (None, None):
        tree.problem(("count",), "is said already; leave out 'at_least' and 'at_most'")
    elif most is not None and least > most:
        tree.problem(("at_most",), f"is less than at_least, {least}")


def read_arguments(given: Mapping[str, object], type_: type[W], core: Cluster, what: str) -> W:
    """The question that the arguments of ``what`` are; ``None`` was not given. Raises :class:`ProblemsError`."""
    try:
        return read(Tree[W]("", of_data(given)), type_, core)
    except FileError as error:
        raise ProblemsError(error.problems, what) from None


# --- the answer ---------------------------------------------------------------------------------------------------------


class Requests(list[RequestRow]):
    """Requests that somebody has asked for, the oldest first: a list of rows that can say what is expected of it.

    Assertions give the list again, and raise :class:`AssertionError` with the rows that come closest.
    """

    def __init__(self, core: Cluster, wanted: Criteria, last: int | None = None) -> None:
        """The newest ``last``, or all of those that fit."""
        journal = core.requests
        since = getattr(wanted, "since", None)
        kept = list(journal.rows(None if since is None else max(0, journal.count - since)))
        found = [row for row in kept if wanted.fits(row)] if wanted.given else kept
        super().__init__(found if last is None else found[max(0, len(found) - last) :])
        self.next: Final = journal.count
        """The number of the last request that there was; as ``since`` it asks for what comes later."""
        self._wanted = wanted
        self._kept = kept
        self._core = core

    def assert_count(
        self, count: int | None = None, *, at_least: int | None = None, at_most: int | None = None
    ) -> Requests:
        """There are exactly ``count``, or at least and at most so many.

        Raises :class:`AssertionError`, and :class:`ValueError` for numbers that make no sense.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self._assert({"count": count, "at_least": at_least, "at_most": at_most})

    def assert_none(self) -> Requests:
        """There are none. Raises :class:`AssertionError`."""
        __tracebackhide__ = True
        return self._assert({"count": 0})

    def assert_order(self, *steps: str | Mapping[str, object]) -> Requests:
        """There are such requests, one after the other; others may come between.

        A step is an operation, or a mapping of criteria: ``{"operation": "alter_offsets", "status": 200}``. Raises
        :class:`AssertionError`, and :class:`ValueError` for a step that means nothing.
        """
        __tracebackhide__ = True
        return self._assert({"order": steps})

    def _assert(self, given: Mapping[str, object]) -> Requests:
        __tracebackhide__ = True
        missed = self.missed(read_arguments(given, Expected, self._core, "what is expected"))
        if missed:
            raise AssertionError(missed)
        return self

    def missed(self, expected: Expected) -> str:
        """What is not as expected, with the rows that come closest; nothing, if all is."""
        least, most = expected.bounds
        if len(self) < least or (most is not None and len(self) > most):
            head = _counted(expected, self._wanted, len(self))
            return self._told(head, self._wanted, self._kept, seeks_more=len(self) < least)
        at = 0
        for number, step in enumerate(expected.steps):
            after = next((place for place in range(at, len(self)) if step.fits(self[place])), None)
            if after is None:
                return self._told(self._out_of_order(expected, number, at), step, self[at:], seeks_more=True)
            at = after + 1
        return ""

    def _out_of_order(self, expected: Expected, number: int, at: int) -> str:
        """``at`` is where the step was looked for."""
        steps = expected.steps
        of = f", of requests with {self._wanted}" if self._wanted.given else ""
        text = f"expected one after the other: {', '.join(one.name for one in steps)}{of}"
        if number == 0:
            return f"{text}\nthere is no {steps[0].name}"
        before = [row for row in self[:at] if steps[number].fits(row)]
        earlier = f"; the last one is #{before[-1].number}" if before else ""
        after = f"#{self[at - 1].number} ({steps[number - 1].name})"
        return f"{text}\nthere is no {steps[number].name} after {after}{earlier}"

    def _told(self, head: str, wanted: Criteria, among: Sequence[RequestRow], *, seeks_more: bool) -> str:
        lines = [head]
        fitting = [row for row in among if wanted.fits(row)]
        if fitting:
            lines += ["found:", *map(_line, _last(fitting))]
        else:
            lines += _narrowed(wanted, among)
        close = _closest(wanted, among) if seeks_more else []
        if close:
            lines += ["closest:", *(f"{_line(row)}  ({_differs(row, unmet)})" for row, unmet in close)]
        shown = {row.number for row in _last(fitting)}
        rest = [row for row in _last(self._kept) if row.number not in shown]
        return "\n".join([*lines, *_of_last(rest, len(self._kept), self._core.sim.seed)])


def last_lines(core: Cluster) -> list[str]:
    """The last requests, one a line."""
    return _of_last(list(core.requests.rows(SHOWN_MAX)), core.requests.count, core.sim.seed)


def _of_last(rows: Sequence[RequestRow], count: int, seed: int) -> list[str]:
    return [f"the last of {count} requests (seed {seed}):", *map(_line, rows)] if rows else []


def line_of(row: RequestRow) -> str:
    """A request and what came of it, on one line."""
    answer = told(row.status_code, row.message) if row.status_code else row.message or "no answer"
    return f"{row.method} {row.target} -> {answer}"


def _line(row: RequestRow) -> str:
    return f"  #{row.number} {row.at_ms / 1000:.3f}s {row.worker or row.door} {line_of(row)}"


def _last(rows: Sequence[RequestRow]) -> Sequence[RequestRow]:
    return rows[-SHOWN_MAX:]


def _counted(expected: Expected, wanted: Criteria, found: int) -> str:
    least, most = expected.bounds
    if most is None:
        many = f"at least {least}"
    elif least == most:
        many = str(least) if least else "no"
    else:
        many = f"from {least} to {most}" if least else f"at most {most}"
    noun = "request" if many.endswith(" 1") or many == "1" else "requests"
    with_ = f" with {wanted}" if wanted.given else ""
    return f"expected {many} {noun}{with_}; there are {found or 'none'}"


def _narrowed(wanted: Criteria, among: Sequence[RequestRow]) -> list[str]:
    """How far one comes criterion by criterion: that tells which of them is wrong."""
    left = list(among)
    said: list[str] = []
    for name, value in wanted.given.items():
        fitting = [row for row in left if CRITERIA[name](row, value)]
        if not fitting:
            before = f" with {', '.join(said)}" if said else ""
            noun = "request" if len(left) == 1 else "requests"
            return [f"of {len(left)} {noun}{before} none has {name}={value}"] if left else []
        left = fitting
        said.append(f"{name}={value}")
    return []


def _closest(wanted: Criteria, among: Sequence[RequestRow]) -> list[tuple[RequestRow, list[str]]]:
    """Rows that miss fewest criteria, the newest of them, with what they miss; none that has nothing in common."""
    given = wanted.given
    if len(given) < 2:
        return []
    unmet = [(row, [name for name in given if not CRITERIA[name](row, given[name])]) for row in among]
    near = [(row, names) for row, names in unmet if 0 < len(names) < len(given)]
    near.sort(key=lambda one: (len(one[1]), -one[0].number))
    return near[:CLOSEST_MAX]


_SHOWS: Final[Mapping[str, str]] = {"status": "status_code"}


def _differs(row: RequestRow, unmet: Sequence[str]) -> str:
    shown = {name: getattr(row, _SHOWS.get(name, name)) for name in unmet}
    return ", ".join(f"{name} is {'none' if value in (None, '') else value}" for name, value in shown.items())
