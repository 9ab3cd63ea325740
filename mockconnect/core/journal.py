"""Requests of clients: every one a row, and a place to be told of them before anything happens.

Rules of this room:

* A row is a request at a worker or at the front door, whatever became of it. Rows are bounded, in number and in what was
  sent and answered with them: the newest are kept.
* The REST room fills it. ``on_request`` is asked when a request has reached a worker and nothing has been done about
  it: a listener may inject faults that count for this very request, or give a :class:`Reply` that the request waits for.
* While nobody listens, a request costs one tuple (each object that lives on is work for the garbage collector); what it
  means is worked out when somebody looks. Answers are kept as they went over the wire, and whoever puts them there says
  how they are read.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qs

from mockconnect.core.forwarding import Call
from mockconnect.core.patterns import matches
from mockconnect.core.sim import Reply

ROWS_MAX: Final = 10_000
OCTETS_MAX: Final = 32 * 1024 * 1024
"""So much of what was sent and answered is kept, all rows together."""
ROW_OCTETS_MAX: Final = 64 * 1024
"""A body, or an answer, that is larger is not kept."""
SMALL_OCTETS: Final = 2 * 1024
"""Answers to reads that are not larger are not counted: rows are few enough."""
WRITES: Final = frozenset(
    {
        "create_connector",
        "put_connector_config",
        "patch_connector_config",
        "delete_connector",
        "restart_connector",
        "restart_task",
        "pause_connector",
        "resume_connector",
        "stop_connector",
        "reset_topics",
        "alter_offsets",
        "reset_offsets",
        "set_logger",
        "put_task_configs",
        "fence_zombies",
    }
)
"""Operations that change something. ``any_read`` is all the others."""


def is_operation(operation: str, wanted: str) -> bool:
    """Whether an operation is the wanted one: by name, by pattern, or ``any``, ``any_read``, ``any_write``."""
    match wanted:
        case "any":
            return True
        case "any_read":
            return operation != "" and operation not in WRITES
        case "any_write":
            return operation in WRITES
    return matches(operation, wanted)


Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class RequestRow:
    """One request. ``status_code`` is 0 until it is answered, and stays it if the connection breaks.

    ``operation`` is a name of ``OPERATIONS``, or empty if no resource fits. ``worker`` is empty where the front door
    answers by itself. ``fault`` are the ids of the faults that had a part in it. Instants are virtual milliseconds.
    """

    number: int
    """Of all requests of the cluster, from 1."""
    at_ms: int
    door: str
    """``worker`` or ``front_door``: where the client has sent it."""
    worker: str
    method: str
    target: str
    """Path and query, as they were sent."""
    operation: str = ""
    connector: str = ""
    task: int | None = None
    class_name: str = ""
    """The connector class in the config that was sent."""
    status_code: int = 0
    message: str = ""
    """Of an error."""
    ended_at_ms: int | None = None
    fault: str = ""
    client: str = field(default="", compare=False)
    """The client's end of the connection, as ``host:port``: requests of one connection have the same."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What was sent; a name finds its header in upper or lower case."""
    sent: bytes | None = field(default=b"", repr=False)
    """The body, as far as the worker has read it; ``None`` if it is too large to be kept."""
    answer_headers: Headers = field(default=(), repr=False)
    answered: bytes | None = field(default=b"", repr=False)
    """The body of the answer; ``None`` if it is too large to be kept."""

    @property
    def duration_ms(self) -> int | None:
        """How long it took in virtual time; ``None`` while it is open."""
        return None if self.ended_at_ms is None else self.ended_at_ms - self.at_ms

    @property
    def path(self) -> str:
        """The target without its query, as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """All values of each parameter: ``{"expand": ["status", "info"]}``."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def body(self) -> Any:
        """What was sent as JSON says it; a text if it is no JSON; ``None`` without a body, or if none is kept."""
        return _meaning(self.sent)

    @property
    def answer(self) -> Any:
        """What was answered, in the same way."""
        return _meaning(self.answered)

    def describe(self, call: Call | None) -> None:
        """Take over what the call says."""
        if call is None:
            return
        self.operation = call.operation
        self.connector = connector_of(call)
        task = call.args.get("task")
        self.task = task if isinstance(task, int) else None
        config = call.args.get("config")
        if isinstance(config, Mapping):
            self.class_name = str(config.get("connector.class") or "")


def connector_of(call: Call) -> str:
    """The connector that a call is about; loggers have names, too."""
    name = "" if call.operation in ("get_logger", "set_logger") else call.args.get("name")
    return str(name or "")


def _meaning(octets: bytes | None) -> Any:
    if not octets:
        return None
    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        return octets.decode("utf-8", "replace")


Octets = bytes | None
"""``None`` where there were too many."""
Carried = tuple[object, Mapping[str, str], Octets, Octets]
"""The client's address as sockets tell it, headers, the body that was sent, the whole answer as it was sent"""
NOTHING: Final[Carried] = (None, {}, b"", b"")
Light = tuple[int, int, str, str, str, str, Call | None, int, str, object, Mapping[str, str], Octets, Octets]
"""at_ms, ended_at_ms, door, worker, method, target, call, status_code, message, and what is carried"""


Ended = tuple[str, str, int]
"""How a request ended: worker, operation, status code."""


class Journal:
    """The requests of one cluster."""

    def __init__(self, rows_max: int = ROWS_MAX, octets_max: int = OCTETS_MAX) -> None:
        self.on_request: list[Callable[[RequestRow], Reply[Any] | None]] = []
        self.on_answer: list[Callable[[RequestRow, bytes], object]] = []
        """Told of every answer with its body, as it was sent."""
        self.read_answer: Callable[[bytes], tuple[Headers, bytes]] = lambda octets: ((), octets)
        """Headers and body of an answer; whoever fills the journal knows."""
        self.count = 0
        self._rows: deque[RequestRow | Light] = deque()
        self._rows_max = rows_max
        self._octets = 0
        self._octets_max = octets_max
        self._past: Counter[Ended] = Counter()
        """Of rows that are not kept any more."""

    def add(self, light: Light) -> None:
        """A request that nobody has watched."""
        self.count += 1
        if light[11] or len(light[12] or b"") > SMALL_OCTETS:
            light = (*light[:11], *_bounded(light[11], light[12]))
            self._make_room(_weight(light))
        self._rows.append(light)
        if len(self._rows) > self._rows_max:
            self._let_go()

    def _make_room(self, octets: int) -> None:
        self._octets += octets
        while self._octets > self._octets_max and self._rows:
            self._let_go()

    def _let_go(self) -> None:
        row = self._rows.popleft()
        self._octets -= _weight(row)
        ended = _ended(row)
        if ended is not None:
            self._past[ended] += 1

    def begin(self, at_ms: int, door: str, worker: str, method: str, target: str) -> RequestRow:
        """A request that is watched; it is kept from now on."""
        self.count += 1
        row = RequestRow(self.count, at_ms, door, worker, method, target)
        self._rows.append(row)
        if len(self._rows) > self._rows_max:
            self._let_go()
        return row

    def arrived(self, row: RequestRow) -> list[Reply[Any]]:
        """Tell the listeners; gives what the request has to wait for."""
        answers = [listener(row) for listener in tuple(self.on_request)]
        return [answer for answer in answers if answer is not None]

    def end(
        self, row: RequestRow, at_ms: int, status_code: int, message: str, carried: Carried = NOTHING
    ) -> None:
        row.ended_at_ms, row.status_code, row.message = at_ms, status_code, message
        body = self._carry(row, carried)
        if row.number > self.count - len(self._rows):
            self._make_room(_weight(row))
        else:  # it was let go before
            self._past[row.worker, row.operation, row.status_code] += 1
        for listener in tuple(self.on_answer):
            listener(row, body)

    def _carry(self, row: RequestRow, carried: Carried) -> bytes:
        """Take over what went over the wire; gives the whole body of the answer."""
        address, row.headers, row.sent, answer = carried
        row.client = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
        row.answer_headers, body = ((), None) if answer is None else self.read_answer(answer)
        row.answered = body
        if len(row.sent or b"") + len(body or b"") > ROW_OCTETS_MAX:
            row.sent, row.answered = _bounded(row.sent, body)
        return body or b""

    def rows(self, last: int | None = None) -> Iterator[RequestRow]:
        """The rows that are kept, the oldest first."""
        start = 0 if last is None else max(0, len(self._rows) - last)
        first = self.count - len(self._rows) + 1
        for number, row in enumerate(islice(self._rows, start, None), first + start):
            yield row if isinstance(row, RequestRow) else self._heavy(number, row)

    def _heavy(self, number: int, light: Light) -> RequestRow:
        at_ms, ended_at_ms, door, worker, method, target, call, status_code, message, *_ = light
        row = RequestRow(number, at_ms, door, worker, method, target)
        row.describe(call)
        row.status_code, row.message, row.ended_at_ms = status_code, message, ended_at_ms
        self._carry(row, light[9:])
        return row

    def ended(self) -> Counter[Ended]:
        """How many requests ended how, those included whose rows are not kept any more."""
        found = Counter(self._past)
        found.update(ended for row in self._rows if (ended := _ended(row)) is not None)
        return found

    def clear(self) -> None:
        while self._rows:
            self._let_go()


def _ended(row: RequestRow | Light) -> Ended | None:
    if not isinstance(row, RequestRow):
        call = row[6]
        return row[3], "" if call is None else call.operation, row[7]
    return None if row.ended_at_ms is None else (row.worker, row.operation, row.status_code)


def _weight(row: RequestRow | Light) -> int:
    """How many octets count for a row: none of a small answer to a read, and none of what has not ended."""
    if not isinstance(row, RequestRow):
        sent, answer = row[11], row[12]
    elif row.ended_at_ms is not None:
        sent, answer = row.sent, row.answered
    else:
        return 0
    answered = 0 if answer is None else len(answer)
    return len(sent) + answered if sent else answered if answered > SMALL_OCTETS else 0


def _bounded(sent: Octets, answer: Octets) -> tuple[Octets, Octets]:
    """Without what is too large."""
    return _small(sent), _small(answer)


def _small(octets: Octets) -> Octets:
    return None if octets is None or len(octets) > ROW_OCTETS_MAX else octets
