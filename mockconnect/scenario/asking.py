"""The scenario's own requests: asked as a client would ask, without a socket.

Rules of this room: what a client meets before Connect's resources do (a closed port, Jetty without resources, a process
that dies while it answers) is met here too. The answer completes a :class:`RequestRecord`; nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from mockconnect.core.answers import Created
from mockconnect.core.client_faults import Circumstances, Verdict
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.core.errors import ConnectError
from mockconnect.core.journal import RequestRow
from mockconnect.core.sim import Process, Reply, Steps, Within, either
from mockconnect.scenario.actions import Request
from mockconnect.scenario.operations import OPERATIONS, parameter
from mockconnect.scenario.requests import SHOWN_MAX, RequestRecord

Ended = Callable[[RequestRecord], object]
BROKEN_STATUS: Final = 502
_HEALTH: Final = {"starting": 503, "unhealthy": 500}


def arguments(request: Request) -> dict[str, Any]:
    """What core's operation of that name is given."""
    given: dict[str, Any] = {
        "connector": request.connector,
        "logger": request.logger,
        "task": request.task,
        "plugin": request.plugin,
        "config": request.config,
        "task_configs": request.task_configs,
        "expand": request.expand,
        "include_tasks": request.include_tasks,
        "only_failed": request.only_failed,
        "initial_state": request.initial_state,
        "scope": request.scope,
        "level": None if request.level is None else {"level": request.level},
        "offsets": None
        if request.offsets is None
        else [(one.partition, one.offset) for one in request.offsets],
    }
    return {parameter(request.operation, name): value for name, value in given.items() if value is not None}


def ask(
    cluster: Cluster, worker: ConnectWorker, request: Request, record: RequestRecord, ended: Ended
) -> None:
    """Send it to that worker; ``ended`` is called with the record when there is an answer, or none will come."""
    asking = _Asking(cluster, worker, request, record)
    outcome = Process(cluster.sim).spawn(asking.through_gateway())
    gave_up: Reply[None] = Reply()
    if request.give_up_after is not None and not outcome.done:
        cluster.sim.after(request.give_up_after, lambda: gave_up.complete(None))

    def first(_: Reply[None]) -> None:
        found = outcome.result() if outcome.done else Outcome(0, "gave up")
        record.status_code, record.message, record.shows = found.status_code, found.message, found.shows
        record.ended_at_ms = cluster.now_ms
        ended(record)

    either(outcome, gave_up).on_done(first)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended; ``status_code`` is 0 if the connection broke."""

    status_code: int
    message: str = ""
    shows: str = ""


REFUSED: Final = Outcome(0, "connection refused")
RESET: Final = Outcome(0, "connection reset")
NOT_READY: Final = Outcome(404, "HTTP 404 Not Found")


class _Asking:
    """One request on its way, with what faults between client and worker make of it."""

    def __init__(
        self, cluster: Cluster, worker: ConnectWorker, request: Request, record: RequestRecord
    ) -> None:
        self._cluster = cluster
        self._worker = worker
        self._operation = request.operation
        self._arguments = arguments(request)
        self._record = record

    def through_gateway(self) -> Steps[Outcome]:
        """Through the proxy in front of the worker, if there is one: it gives up, and the worker goes on."""
        gateway = self._cluster.client_faults.gateway(self._worker.name)
        answered = Process(self._cluster.sim).spawn(self.steps())
        in_time = yield Within(answered, None if gateway is None else gateway.timeout_ms)
        if gateway is None:
            return answered.result()
        if not in_time:
            return Outcome(gateway.status_code)
        outcome: Outcome = answered.result()
        return outcome if outcome.status_code or outcome is REFUSED else Outcome(BROKEN_STATUS)

    def steps(self) -> Steps[Outcome]:
        verdict = self._verdict()
        if verdict is None:
            return (yield from self._answered())
        if verdict.delay_ms or verdict.real_delay_ms:
            yield verdict.delay_ms + verdict.real_delay_ms
        if verdict.apply == "now":
            return (yield from self._applied(verdict))
        if verdict.apply == "before":
            yield from self._answered()
        elif verdict.apply == "later":
            self._cluster.sim.after(verdict.after_ms, self._submit)
        if verdict.cut == "hang" and verdict.released is not None:
            yield verdict.released
        if verdict.answer is None:
            return RESET if verdict.cut != "empty" else Outcome(0, "connection closed")
        return Outcome(verdict.answer.status_code, verdict.answer.message or "", "")

    def _verdict(self) -> Verdict | None:
        faults, record = self._cluster.client_faults, self._record
        if not faults or self._worker.rest is not Rest.SERVING or faults.refuses(self._worker.name):
            return None
        row = RequestRow(
            record.number,
            record.at_ms,
            "worker",
            self._worker.name,
            "",
            "",
            record.operation,
            record.connector,
            record.task,
            record.class_name,
        )
        now = self._cluster.broker.instant(self._cluster.now_ms)
        return faults.verdict(row, Circumstances(row.connector, self._worker.settings.version, now))

    def _applied(self, verdict: Verdict) -> Steps[Outcome]:
        outcome = yield from self._answered()
        if verdict.twice:
            second = yield from self._answered()
            outcome = second if verdict.twice == "second" else outcome
        if verdict.damage in ("truncate", "malformed"):
            return Outcome(outcome.status_code, f"the body is damaged: {verdict.damage}")
        if verdict.damage == "slow_body":
            yield verdict.takes_ms
        return outcome

    def _submit(self) -> Reply[Any]:
        return self._cluster.submit(self._worker.name, self._operation, self._arguments)

    def _answered(self) -> Steps[Outcome]:
        """What the worker says."""
        worker = self._worker
        if worker.rest is Rest.REFUSED or self._cluster.client_faults.refuses(worker.name):
            return REFUSED
        if worker.rest is Rest.JETTY_404:
            return NOT_READY
        node = worker.node
        assert node is not None, f"{worker.name} has a port and no process"
        reply = self._submit()
        death = node.process.death()
        yield Within(either(reply, death), None)
        node.process.forget(death)
        return self._outcome(reply) if reply.done else RESET

    def _outcome(self, reply: Reply[Any]) -> Outcome:
        if reply.error is None:
            return Outcome(status_of(self._operation, reply.value), "", text_of(reply.value))
        if isinstance(reply.error, ConnectError):
            return Outcome(reply.error.status_code, reply.error.message or "")
        raise reply.error


def status_of(operation: str, value: Any) -> int:
    """The status code of a success."""
    row = OPERATIONS[operation]
    if isinstance(value, Created):
        return 201 if value.created else 200
    if operation == "health" and isinstance(value, Mapping):
        return _HEALTH.get(str(value["status"]), 200)
    if operation == "restart_connector" and value is not None:
        return 202
    return 204 if operation == "set_logger" and value is None else row.status_code


def text_of(value: Any) -> str:
    """The answer as compact JSON, cut where nobody reads on."""
    if isinstance(value, Created):
        value = value.info
    return "" if value is None else msgspec.json.encode(value).decode()[:SHOWN_MAX]
