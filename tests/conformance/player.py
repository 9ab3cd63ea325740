"""Plays scripts against a target and yields what was observed, one row per recorded exchange.

Waits are polls over the same HTTP interface, so a virtual clock that moves with requests moves here too.

An old worker lacks endpoints, so some waits of the corpus never end there. A lenient player gives such a wait up, notes
the step as played in vain and goes on; who replays its recording is told of those steps, lets the time pass and asks once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .normalise import Normaliser, Observation
from .oracle.tls import client_context
from .script import Calm, Exchange, Gone, Quiet, Script, Settle, Step, WorkerVerb
from .target import OracleTarget, Target
from .wire import Answer, Request, WireError, exchange

POLL_S = 0.1
PATIENCE_S = 60.0
LENIENT_PATIENCE_S = 15.0
CALM_PATIENCE_S = 8.0
SINGLE_ANSWER_S = 100.0


class PlayError(Exception):
    """A script could not be played to its end; the message says at which step."""


class ImpossibleStepError(PlayError):
    """A step uses what an earlier answer should have held, or names a worker by a connector that is not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange as recorded. `answer` is None when no complete answer came; `failure` says why."""

    step: int
    worker: str
    request: Request
    answer: Observation | None
    failure: str | None = None
    loose: tuple[str, ...] = ()


class Player:
    """Plays one script on one target."""

    def __init__(
        self,
        target: Target,
        authorization: str | None = None,
        lenient: bool = False,
        in_vain: Mapping[int, str] | None = None,
    ):
        """`authorization` goes with the player's own polls, never with an exchange of a script. `in_vain` are steps
        that a lenient player gave up; its own end up in the attribute of that name."""
        self._target = target
        self._lenient = lenient
        self._known_in_vain = in_vain or {}
        self.in_vain: dict[int, str] = {}
        self._own_headers = (("Authorization", authorization),) if authorization else ()
        self._captured: dict[str, str] = {}
        numbers = {f"{host}:{port}": str(n) for n, (host, port) in enumerate(target.addresses(), 1)}
        folder = str(target.cluster.folder) if isinstance(target, OracleTarget) else None
        if isinstance(target, OracleTarget) and target.cluster.stub is not None:
            numbers[f"127.0.0.1:{target.cluster.stub.port}"] = "1"
        self._numbers = numbers
        self._uses_tls = False
        self._normaliser = Normaliser(numbers, folder)

    def play(self, script: Script) -> Iterator[Row]:
        """Rows of the script, in order."""
        self._uses_tls = bool(script.cluster.tls)
        for number, step in enumerate(script.steps):
            try:
                row = self.step(number, step)
            except (PlayError, WireError) as error:
                raise PlayError(f"{script.name}, step {number} ({step}): {error}") from error
            if row is not None:
                yield row

    def tidy(self) -> None:
        """Delete every connector, so that the next script finds nothing."""
        worker = self._target.live()[0]
        for name in _names(self._json(worker, "/connectors")):
            self._ask(worker, Request("DELETE", f"/connectors/{_quoted(name)}", self._own_headers))
            if not re.search(r"[%/\\{}]", name):
                self._wait_gone(name)

    def step(self, number: int, step: Step) -> Row | None:
        """One step, and its row if it is an exchange."""
        try:
            if number in self._known_in_vain and not isinstance(step, Exchange):
                self._target.pass_time(LENIENT_PATIENCE_S)
                return None
            return self._performed(number, step)
        except PlayError as error:
            impossible = isinstance(error, ImpossibleStepError) and number in self._known_in_vain
            if not self._lenient and not impossible:
                raise
            self.in_vain[number] = str(error)
            return None

    def _performed(self, number: int, step: Step) -> Row | None:
        match step:
            case Exchange():
                return self._exchange(number, step)
            case Settle():
                self._wait(
                    lambda: self._settled(step), f"{step.connector} {step.state} with {step.tasks} tasks"
                )
            case Gone():
                self._wait_gone(step.connector)
            case Quiet():
                self._target.pass_time(step.seconds)
            case Calm():
                self._wait_calm(step.seconds)
            case WorkerVerb():
                self._target.act(step.verb, step.worker)
        return None

    def _exchange(self, number: int, step: Exchange) -> Row:
        worker = self._worker(step.worker)
        request = Request(
            step.method,
            self._filled(step.target),
            tuple((name, self._filled(value)) for name, value in step.headers),
            None if step.body is None else self._filled(step.body.decode()).encode(),
        )
        self._target.before(request)
        deadline = time.monotonic() + (
            min(step.timeout_s, LENIENT_PATIENCE_S) if self._lenient else step.timeout_s
        )
        if step.until is not None and number in self._known_in_vain:
            self._target.pass_time(LENIENT_PATIENCE_S)
        while True:
            try:
                answer = self._ask(worker, request, step.over)
            except WireError as error:
                return Row(number, step.worker, request, None, _failure(error), step.loose)
            observed = self._normaliser.observation(request, answer)
            row = Row(number, step.worker, request, observed, None, step.loose)
            if step.until is None or _fits(step.until, observed):
                self._target.after(request, answer.status)
                self._save(step, answer)
                return row
            if number in self._known_in_vain:
                return row
            if time.monotonic() > deadline:
                if not self._lenient:
                    raise PlayError(f"never {step.until}, last {observed}")
                self.in_vain[number] = f"never {step.until}"
                return row
            self._target.pass_time(POLL_S)

    def _save(self, step: Exchange, answer: Answer) -> None:
        for name, path in step.save:
            if path.startswith("header:"):
                self._captured[name] = answer.header(path.removeprefix("header:")) or ""
            else:
                value = _at(_parsed(answer.body), path)
                self._captured[name] = value if isinstance(value, str) else json.dumps(value)

    def _filled(self, text: str) -> str:
        try:
            return re.sub(r"\{\{(\w+)\}\}", lambda found: self._captured[found[1]], text)
        except KeyError as error:
            raise ImpossibleStepError(f"nothing was saved as {error}") from error

    def _worker(self, wish: str) -> int:
        if wish.isdigit():
            return int(wish)
        kind, _, what = wish.partition(":")
        owner = self._owner(what)
        if kind == "owner":
            return owner
        return next(number for number in self._target.live() if number not in (1, owner))

    def _owner(self, what: str) -> int:
        """The worker that runs a connector (`name`) or a task (`name/0`), by what the first live worker says."""
        name, _, task = what.partition("/")
        suffix = f"tasks/{task}/status" if task else "status"
        data = self._json(self._target.live()[0], f"/connectors/{name}/{suffix}")
        holder = data if task else _at(data, "connector")
        if not isinstance(holder, dict) or "worker_id" not in holder:
            raise ImpossibleStepError(f"nobody runs {what}: {data}")
        return int(self._numbers[holder["worker_id"]])

    def _settled(self, wish: Settle) -> bool:
        return all(self._settled_on(worker, wish) for worker in self._target.live())

    def _settled_on(self, worker: int, wish: Settle) -> bool:
        status = self._json(worker, f"/connectors/{_quoted(wish.connector)}/status")
        info = self._json(worker, f"/connectors/{_quoted(wish.connector)}")
        if (
            not isinstance(status, dict)
            or not isinstance(info, dict)
            or "tasks" not in status
            or "tasks" not in info
        ):
            return False
        states = [task["state"] for task in status["tasks"]]
        return (
            status["connector"]["state"] == wish.state
            and states == [wish.task_state] * wish.tasks
            and len(info["tasks"]) == wish.tasks
        )

    def _wait_gone(self, name: str) -> None:
        def gone() -> bool:
            answers = [
                self._ask(
                    worker, Request("GET", f"/connectors/{_quoted(name)}{suffix}", self._own_headers)
                ).status
                for worker in self._target.live()
                for suffix in ("", "/status")
            ]
            return all(status == 404 for status in answers)

        self._wait(gone, f"{name} is gone")

    def _wait_calm(self, seconds: float) -> None:
        """What never comes to rest is taken as it is after a while: some failures leave tasks that nobody runs."""
        shown: object = None
        lasted = 0
        for _ in range(round(CALM_PATIENCE_S / POLL_S)):
            before, shown = shown, self._at_rest()
            lasted = lasted + 1 if shown is not None and shown == before else 0
            if lasted * POLL_S >= seconds:
                return
            self._target.pass_time(POLL_S)

    def _at_rest(self) -> object:
        """What all live workers show of their connectors, or None while they disagree or something is on its way."""
        shown = [
            self._json(worker, "/connectors?expand=info&expand=status") for worker in self._target.live()
        ]
        names = self._json(self._target.live()[0], "/connectors")
        one = shown[0]
        if (
            any(other != one for other in shown[1:])
            or not isinstance(one, dict)
            or len(one) != len(_names(names))
        ):
            return None
        return shown if all(map(_resting, one.values())) else None

    def _wait(self, condition: object, what: str) -> None:
        assert callable(condition)
        patience = LENIENT_PATIENCE_S if self._lenient else PATIENCE_S
        deadline = time.monotonic() + patience
        for _ in range(round(patience / POLL_S)):  # counted too, for clusters whose time is virtual
            if condition():
                return
            if time.monotonic() > deadline:
                break
            self._target.pass_time(POLL_S)
        raise PlayError(f"waited in vain: {what}")

    def _ask(self, worker: int, request: Request, over: str = "") -> Answer:
        host, port = self._target.addresses()[worker - 1]
        identity = {"": "client", "anonymous": None}.get(over, over)
        tls = client_context(identity) if self._uses_tls and over != "plain" else None
        if tls is None:
            return exchange(host, port, request, SINGLE_ANSWER_S)
        return exchange(host, port, request, SINGLE_ANSWER_S, tls)

    def _json(self, worker: int, target: str) -> object:
        return _parsed(self._ask(worker, Request("GET", target, self._own_headers)).body)


def _parsed(body: bytes) -> object:
    """JSON as data; a page of HTML, or nothing, as None."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _failure(error: WireError) -> str:
    """Without port numbers, and without what only one TLS library says."""
    text = re.sub(r"^(SSLError|not an HTTP answer): .*", r"\1", str(error), flags=re.DOTALL)
    return re.sub(r"\b\d{5,}", "N", text)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _resting(expanded: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a connector, as a list expands it, has its tasks and states that last."""
    status, info = expanded.get("status"), expanded.get("info")
    if status is None or info is None or len(status["tasks"]) != len(info["tasks"]):
        return False
    return not {each["state"] for each in (status["connector"], *status["tasks"])} & {
        "UNASSIGNED",
        "RESTARTING",
    }


def _names(data: object) -> Sequence[str]:
    return [str(name) for name in data] if isinstance(data, list) else []


def _fits(until: Mapping[str, object], observed: Observation) -> bool:
    """`status` must be equal; `body` must be contained in the answer's JSON; `text` must stand in the body."""
    if "status" in until and until["status"] != observed.status:
        return False
    if "text" in until and str(until["text"]) not in observed.body:
        return False
    if "body" not in until:
        return True
    try:
        return _contains(json.loads(observed.body), until["body"])
    except ValueError:
        return False


def _contains(actual: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and all(
            key in actual and _contains(actual[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(_contains(one, other) for one, other in zip(actual, wanted, strict=True))
        )
    return actual == wanted


def _at(data: object, path: str) -> object:
    """`connector.worker_id` or `tasks.0.id` inside JSON."""
    for part in path.split("."):
        if isinstance(data, list):
            data = data[int(part)] if int(part) < len(data) else None
        elif isinstance(data, dict):
            data = data.get(part)
    return data
