"""Requests of clients: every one a row, and a place to be told of them before anything happens.

Rules of this room:

* A row is a request at a worker or at the front door, whatever became of it. Rows are bounded: the newest are kept.
* The REST room fills it. ``on_request`` is asked when a request has reached a worker and nothing has been done about
  it: a listener may inject faults that count for this very request, or give a :class:`Reply` that the request waits for.
* While nobody listens, a request costs one tuple; what it means is worked out when somebody looks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mockconnect.core.forwarding import Call
from mockconnect.core.patterns import matches
from mockconnect.core.sim import Reply

ROWS_MAX: Final = 10_000
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


@dataclass(slots=True)
class RequestRow:
    """One request. ``status_code`` is 0 until it is answered, and stays it if the connection breaks.

    ``operation`` is a name of ``OPERATIONS``, or empty if no resource fits. ``worker`` is empty where the front door
    answers by itself. ``fault`` are the ids of the faults that had a part in it.
    """

    number: int
    at_ms: int
    door: str
    """``worker`` or ``front_door``: where the client has sent it."""
    worker: str
    method: str
    target: str
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

    @property
    def duration_ms(self) -> int | None:
        """How long it took in virtual time; ``None`` while it is open."""
        return None if self.ended_at_ms is None else self.ended_at_ms - self.at_ms

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


Light = tuple[int, int, str, str, str, str, Call | None, int, str]
"""at_ms, ended_at_ms, door, worker, method, target, call, status_code, message"""


Ended = tuple[str, str, int]
"""How a request ended: worker, operation, status code."""


class Journal:
    """The requests of one cluster."""

    def __init__(self, rows_max: int = ROWS_MAX) -> None:
        self.on_request: list[Callable[[RequestRow], Reply[Any] | None]] = []
        self.on_answer: list[Callable[[RequestRow, bytes], object]] = []
        """Told of every answer with its body, as it was sent."""
        self.count = 0
        self._rows: deque[RequestRow | Light] = deque()
        self._rows_max = rows_max
        self._past: Counter[Ended] = Counter()
        """Of rows that are not kept any more."""

    def add(self, light: Light) -> None:
        """A request that nobody has watched."""
        self.count += 1
        self._rows.append(light)
        if len(self._rows) > self._rows_max:
            self._let_go()

    def _let_go(self) -> None:
        ended = _ended(self._rows.popleft())
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

    def end(self, row: RequestRow, at_ms: int, status_code: int, message: str, body: bytes) -> None:
        row.ended_at_ms, row.status_code, row.message = at_ms, status_code, message
        if row.number <= self.count - len(self._rows):  # it was let go before
            self._past[row.worker, row.operation, row.status_code] += 1
        for listener in tuple(self.on_answer):
            listener(row, body)

    def rows(self, last: int | None = None) -> Iterator[RequestRow]:
        """The rows that are kept, the oldest first."""
        start = 0 if last is None else max(0, len(self._rows) - last)
        first = self.count - len(self._rows) + 1
        for number, row in enumerate(islice(self._rows, start, None), first + start):
            yield row if isinstance(row, RequestRow) else _heavy(number, row)

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


def _heavy(number: int, light: Light) -> RequestRow:
    at_ms, ended_at_ms, door, worker, method, target, call, status_code, message = light
    row = RequestRow(number, at_ms, door, worker, method, target)
    row.describe(call)
    row.status_code, row.message, row.ended_at_ms = status_code, message, ended_at_ms
    return row
