"""What can happen between a client and a worker: faults of requests as values, and what they mean for one request.

Rules of this room:

* The server asks :meth:`ClientFaults.verdict` once per request and carries the :class:`Verdict` out; nothing here knows
  HTTP beyond status codes. Without an active fault there is nothing to ask.
* A fault concerns the requests that match ``operation``, ``connector`` (a pattern), ``worker`` and ``connector_class``.
  Of those it numbers from 1, after ``skip``, it takes every one, or the ``nth``, the ``first`` few, ``every`` so-manieth,
  each with ``probability``; after ``times`` it is over.
* Faults are asked newest first. Latencies add up; the first other fault that takes the request decides.
* Error answers have names, and their texts are those of :mod:`mockconnect.core.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Final, Literal

from mockconnect.core import errors
from mockconnect.core.carrying import Active, Ground
from mockconnect.core.errors import ConnectError
from mockconnect.core.faults import Fault, FaultError, Lasting, Target
from mockconnect.core.foreign import unreachable
from mockconnect.core.forwarding import OPERATIONS
from mockconnect.core.journal import RequestRow, is_operation
from mockconnect.core.member import ENSURING
from mockconnect.core.network import Break, Layers
from mockconnect.core.patterns import matches
from mockconnect.core.sim import Dice, Reply
from mockconnect.core.spread import Spread, read_spread
from mockconnect.core.stages import Stage
from mockconnect.core.versions import KafkaVersion

# --- the vocabulary -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestFault(Lasting):
    """What all of them have in common: which requests they concern, and how many of those."""

    waits: ClassVar[bool] = True
    operation: str | tuple[str, ...] = field(default="any", kw_only=True)
    """Names of operations, patterns of them, ``any``, ``any_read``, ``any_write``."""
    connector: str = field(default="*", kw_only=True)
    connector_class: str = field(default="*", kw_only=True)
    """The class in the config that is sent."""
    worker: Target | None = field(default=None, kw_only=True)
    skip: int = field(default=0, kw_only=True)
    first: int | None = field(default=None, kw_only=True)
    nth: int | None = field(default=None, kw_only=True)
    every: int | None = field(default=None, kw_only=True)
    times: int | None = field(default=None, kw_only=True)
    probability: float = field(default=1.0, kw_only=True)


Apply = Literal["never", "before", "later"]
"""Whether the worker carries the request out: not at all, before the client hears of it, or ``after_ms`` later."""


@dataclass(frozen=True, slots=True)
class Latency(RequestFault):
    """The request reaches the worker late: a span, or a distribution of spans (:mod:`mockconnect.core.spread`).

    Virtual time makes nobody wait unless the clock is a real one; ``real`` makes the client wait on its own clock.
    """

    verb: ClassVar[str] = "latency"
    takes: int | str
    real: bool = False


@dataclass(frozen=True, slots=True)
class AnswerWith(RequestFault):
    """An answer by its name in ``NAMED_ANSWERS``, or by a status code such as ``500``; ``message`` replaces its text."""

    verb: ClassVar[str] = "answer"
    answer: str
    message: str | None = None
    apply: Apply = "never"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Queue(RequestFault):
    """Coming answers, one after the other; ``ok`` is the worker's own. It is over when the last was given."""

    verb: ClassVar[str] = "queue"
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse(Lasting):
    """Nothing listens on the ports of these workers; the processes live on. Open connections break."""

    verb: ClassVar[str] = "refuse"
    worker: Target


@dataclass(frozen=True, slots=True)
class Gateway(Lasting):
    """A proxy stands in front of these workers: what they have not answered in ``timeout_ms`` it answers by itself.

    Its page has ``status_code``, and the worker goes on with what was asked. Where a connection to the worker breaks, the
    page is that of 502.
    """

    verb: ClassVar[str] = "gateway"
    worker: Target = "all"
    timeout_ms: int = 60_000
    status_code: int = 504


@dataclass(frozen=True, slots=True)
class Reset(RequestFault):
    """The connection is reset instead of an answer."""

    verb: ClassVar[str] = "reset"
    apply: Apply = "never"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Empty(RequestFault):
    """The connection is closed, without a byte and without an error."""

    verb: ClassVar[str] = "empty"
    apply: Apply = "never"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Hang(RequestFault):
    """No answer, and no end of the connection either until this ends; then it is reset."""

    verb: ClassVar[str] = "hang"
    apply: Apply = "never"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class LoseAnswer(RequestFault):
    """Applied, but the client never learns it: the connection is reset when the answer is due, or (``later``) at once."""

    verb: ClassVar[str] = "lose_answer"
    apply: Literal["before", "later"] = "before"
    after_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class Truncate(RequestFault):
    """The head of the worker's answer and ``keep`` of its body, then the end of the connection."""

    verb: ClassVar[str] = "truncate"
    keep: float = 0.5


@dataclass(frozen=True, slots=True)
class Malformed(RequestFault):
    """The worker's answer with a body that is no JSON."""

    verb: ClassVar[str] = "malformed"


@dataclass(frozen=True, slots=True)
class Html(RequestFault):
    """The error page of a proxy that did not get through."""

    verb: ClassVar[str] = "html"
    status_code: int = 502
    apply: Apply = "never"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class SlowBody(RequestFault):
    """The head of the worker's answer at once, then its body in ``pieces`` over ``takes_ms``."""

    verb: ClassVar[str] = "slow_body"
    takes_ms: int = 5_000
    pieces: int = 10
    real: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate(RequestFault):
    """Delivered twice, as by a proxy that tries again; the client gets the second answer, or the ``first``."""

    verb: ClassVar[str] = "duplicate"
    shows: Literal["first", "second"] = "second"


# --- answers by name ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer that no worker has worked out. With ``page`` it is a proxy's own, else Connect's error body.

    A 401 without a message is that of Connect's basic authentication.
    """

    status_code: int
    message: str | None = None
    page: str | None = None
    content_type: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the text of a named answer depends on."""

    connector: str
    version: KafkaVersion
    now: str
    """The instant as Java writes it."""


def _error(error: ConnectError) -> Canned:
    return Canned(error.status_code, error.message)


def _timed_out(about: Circumstances) -> Canned:
    if not about.version.has("stages"):
        return _error(errors.request_timed_out(None))
    stage = Stage(ENSURING, 0)
    end = "." if about.version.has("stage_full_stop") else ""
    return _error(errors.request_timed_out(stage.summarize(lambda _: about.now) + end))


_PHRASES: Final = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def _plain(status_code: int) -> str:
    """What Jersey says where nobody has said anything."""
    return f"HTTP {status_code} {_PHRASES.get(status_code, '')}".rstrip()


def proxy_page(status_code: int) -> Canned:
    """What a proxy shows when the worker behind it is not there."""
    title = f"{status_code} {_PHRASES.get(status_code, 'Error')}"
    page = f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n</body>\n</html>\n"
    return Canned(status_code, page=page)


ENVOY_TEXT: Final = (
    "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
)

NAMED_ANSWERS: Final[Mapping[str, Callable[[Circumstances], Canned]]] = {
    "400.not_stopped": lambda about: _error(errors.not_stopped(about.connector)),
    "401": lambda _: Canned(401),
    "403": lambda _: Canned(403, _plain(403)),
    "404.connector": lambda about: _error(errors.connector_not_found(about.connector)),
    "404.status": lambda about: _error(errors.no_status_for_connector(about.connector)),
    "409.stale_config": lambda _: _error(errors.stale_configuration()),
    "409.no_leader": lambda _: _error(errors.no_leader_url()),
    "409.conflict": lambda _: _error(errors.conflicting_operation()),
    "409.exists": lambda about: _error(errors.connector_exists(about.connector)),
    "429": lambda _: Canned(429, _plain(429), headers=(("Retry-After", "1"),)),
    "500.rebalance_expected": lambda _: _error(errors.rebalance_expected()),
    "500.timeout": _timed_out,
    "500.forward_io": lambda _: _error(unreachable(Break.REFUSED, "")),
    "502.html": lambda _: proxy_page(502),
    "503.html": lambda _: proxy_page(503),
    "503.starting": lambda _: _error(errors.no_session_key()),
    "503.text": lambda _: Canned(503, page=ENVOY_TEXT, content_type="text/plain"),
    "504.html": lambda _: proxy_page(504),
}
"""Every answer that a fault can give by name."""
OK: Final = "ok"


def check_answer(name: str, *more: str) -> None:
    """Raises :class:`FaultError` for a name that is no answer."""
    is_status = name.isdecimal() and len(name) == 3 and name >= "400"
    if name not in NAMED_ANSWERS and name not in more and not is_status:
        known = ", ".join((*NAMED_ANSWERS, *more))
        raise FaultError(f"no answer is called {name!r}; there are {known}, and status codes from 400")


def canned(name: str, about: Circumstances, message: str | None = None) -> Canned:
    """The answer of that name. A bare status code has the words that the resources have for it."""
    if name in NAMED_ANSWERS:
        answer = NAMED_ANSWERS[name](about)
        return answer if message is None else Canned(answer.status_code, message, headers=answer.headers)
    return Canned(int(name), _plain(int(name)) if message is None else message)


# --- what it means for one request ------------------------------------------------------------------------------------------

Cut = Literal["", "reset", "empty", "hang"]
Damage = Literal["", "truncate", "malformed", "slow_body"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server has to do about one request, in this order: wait, apply, answer (or not)."""

    faults: str = ""
    delay_ms: int = 0
    real_delay_ms: int = 0
    apply: Literal["now", "never", "before", "later"] = "now"
    """``now``: the worker's answer is the answer (or what is damaged)."""
    after_ms: int = 0
    twice: Literal["", "first", "second"] = ""
    answer: Canned | None = None
    cut: Cut = ""
    released: Reply[None] | None = None
    """The end of a hang."""
    damage: Damage = ""
    keep: float = 1.0
    pieces: int = 1
    takes_ms: int = 0
    real: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """One active fault, and what it has counted."""

    active: Active[RequestFault]
    workers: tuple[str, ...] | None
    dice: Dice
    released: Reply[None] = field(default_factory=Reply)
    spread: Spread | None = None
    seen: int = 0
    taken: int = 0

    def takes(self, row: RequestRow) -> bool:
        """Whether it takes this request; it counts it if it matches."""
        fault = self.active.fault
        if self._exhausted(fault) or not self._matches(fault, row):
            return False
        self.seen += 1
        number = self.seen - fault.skip
        hit = number > 0 and _counts(fault, number)
        self.active.is_met |= hit
        if hit and fault.probability < 1.0:
            hit = self.dice.random() < fault.probability
        self.taken += hit
        return hit

    def _matches(self, fault: RequestFault, row: RequestRow) -> bool:
        if self.workers is not None and row.worker not in self.workers:
            return False
        wanted = (fault.operation,) if isinstance(fault.operation, str) else fault.operation
        return (
            any(is_operation(row.operation, one) for one in wanted)
            and matches(row.connector, fault.connector)
            and matches(row.class_name, fault.connector_class)
        )

    def _exhausted(self, fault: RequestFault) -> bool:
        number = self.seen - fault.skip
        limit = len(fault.answers) if isinstance(fault, Queue) else fault.times
        return (
            (limit is not None and self.taken >= limit)
            or (fault.first is not None and number >= fault.first)
            or (fault.nth is not None and number >= fault.nth)
        )

    def happened(self) -> None:
        """It has taken a request: it may be over. A hang lasts."""
        self.active.happened += 1
        if self._exhausted(self.active.fault) and not isinstance(self.active.fault, Hang):
            self.active.finish("times")


def _counts(fault: RequestFault, number: int) -> bool:
    if fault.nth is not None:
        return number == fault.nth
    if fault.every is not None:
        return number % fault.every == 0
    return fault.first is None or number <= fault.first


class ClientFaults:
    """Every active fault between clients and workers."""

    def __init__(self) -> None:
        self.on_refused: list[Callable[[str], object]] = []
        """Told when a worker begins or ceases to be refused."""
        self.entries: dict[str, Entry] = {}
        """What could take the next request, by the fault's id. The server looks only whether there is any."""
        self._refused: Layers[str, None] = Layers()
        self._gateways: Layers[str, Gateway] = Layers()

    def verdict(self, row: RequestRow, about: Circumstances) -> Verdict | None:
        """What is to be done about a request; ``None`` if no fault takes it."""
        taken: list[Entry] = []
        decides: Entry | None = None
        for entry in reversed(tuple(self.entries.values())):
            is_latency = isinstance(entry.active.fault, Latency)
            if (decides is None or is_latency) and entry.takes(row):
                taken.append(entry)
                decides = decides if is_latency else entry
        if not taken:
            return None
        verdict = _delayed(Verdict() if decides is None else _decided(decides, about), taken)
        for entry in taken:
            entry.happened()
        return verdict

    def add(self, ground: Ground, active: Active[RequestFault]) -> None:
        """The carrier of every fault that concerns single requests. Raises :class:`FaultError`."""
        fault = active.fault
        _check(fault)
        workers = None if fault.worker is None else tuple(active.resolve(fault.worker, "any"))
        entry = Entry(active, workers, ground.sim.stream("client-fault", active.id))
        if isinstance(fault, Latency):
            entry.spread = _spread(fault.takes)
        self.entries[active.id] = entry

        def take_back() -> None:
            del self.entries[active.id]
            entry.released.complete(None)

        active.undo(take_back)

    @property
    def carriers(self) -> dict[type[Fault], Callable[[Ground, Active[Any]], object]]:
        """What carries out each fault of ``CLIENT_FAULTS``."""
        return {**dict.fromkeys(CLIENT_FAULTS, self.add), Refuse: self.refuse, Gateway: self.stand_before}

    # --- closed ports -------------------------------------------------------------------------------------------------------

    def refuse(self, _: Ground, active: Active[Refuse]) -> None:
        """The carrier of :class:`Refuse`."""
        names = active.resolve(active.fault.worker, "any")

        def take_back() -> None:
            for name in names:
                self._refused.take(name, active.id)
                self._tell(name)

        for name in names:
            self._refused.put(name, None, active.id)
            self._tell(name)
        active.undo(take_back)

    def stand_before(self, _: Ground, active: Active[Gateway]) -> None:
        """The carrier of :class:`Gateway`."""
        check_answer(str(active.fault.status_code))
        for name in active.resolve(active.fault.worker, "any"):
            self._gateways.put(name, active.fault, active.id)
            active.undo(partial(self._gateways.take, name, active.id))

    def gateway(self, worker: str) -> Gateway | None:
        """The proxy in front of a worker, if there is one."""
        return self._gateways.top(worker)

    def refuses(self, worker: str) -> bool:
        return worker in self._refused

    def _tell(self, worker: str) -> None:
        for listener in tuple(self.on_refused):
            listener(worker)


def _delayed(verdict: Verdict, taken: list[Entry]) -> Verdict:
    """The verdict with the latencies of all that have one."""
    delay_ms = real_delay_ms = 0
    for entry in taken:
        fault = entry.active.fault
        if isinstance(fault, Latency) and entry.spread is not None:
            drawn_ms = entry.spread.draw_ms(entry.dice)
            delay_ms += 0 if fault.real else drawn_ms
            real_delay_ms += drawn_ms if fault.real else 0
    names = ",".join(entry.active.id for entry in taken)
    return replace(verdict, faults=names, delay_ms=delay_ms, real_delay_ms=real_delay_ms)


def _decided(entry: Entry, about: Circumstances) -> Verdict:
    """What the fault that has taken a request wants."""
    fault = entry.active.fault
    match fault:
        case AnswerWith():
            return _unanswered(fault, answer=canned(fault.answer, about, fault.message))
        case Html():
            return _unanswered(fault, answer=proxy_page(fault.status_code))
        case Reset() | LoseAnswer():
            return _unanswered(fault, cut="reset")
        case Empty():
            return _unanswered(fault, cut="empty")
        case Hang():
            return _unanswered(fault, cut="hang", released=entry.released)
        case Queue():
            name = fault.answers[entry.taken - 1]
            return Verdict() if name == OK else Verdict(apply="never", answer=canned(name, about))
        case Truncate():
            return Verdict(damage="truncate", keep=fault.keep)
        case Malformed():
            return Verdict(damage="malformed")
        case SlowBody():
            return Verdict(damage="slow_body", pieces=fault.pieces, takes_ms=fault.takes_ms, real=fault.real)
        case Duplicate():
            return Verdict(twice=fault.shows)
    raise AssertionError(f"a fault of requests that means nothing: {fault!r}")


def _unanswered(
    fault: AnswerWith | Html | Reset | LoseAnswer | Empty | Hang,
    *,
    answer: Canned | None = None,
    cut: Cut = "",
    released: Reply[None] | None = None,
) -> Verdict:
    """Not the worker's answer, whatever the worker does."""
    return Verdict(apply=fault.apply, after_ms=fault.after_ms, answer=answer, cut=cut, released=released)


def _check(fault: RequestFault) -> None:
    wanted = (fault.operation,) if isinstance(fault.operation, str) else fault.operation
    for one in wanted:
        known = ("any", "any_read", "any_write", *OPERATIONS)
        if "*" not in one and one not in known:
            raise FaultError(f"no operation is called {one!r}; there are {', '.join(known)}")
    if isinstance(fault, AnswerWith):
        check_answer(fault.answer)
    if isinstance(fault, Queue):
        for name in fault.answers:
            check_answer(name, OK)
        if not fault.answers:
            raise FaultError("a queue without answers is over before it begins")


def _spread(takes: int | str) -> Spread:
    try:
        return read_spread(takes)
    except ValueError as error:
        raise FaultError(str(error)) from None


CLIENT_FAULTS: Final[tuple[type[Fault], ...]] = (
    Latency,
    AnswerWith,
    Queue,
    Refuse,
    Gateway,
    Reset,
    Empty,
    Hang,
    LoseAnswer,
    Truncate,
    Malformed,
    Html,
    SlowBody,
    Duplicate,
)
"""Every fault of this room."""
