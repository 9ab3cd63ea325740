"""Between a request that has arrived and Connect's resources: who is told of it, and what is done to it.

Rules of this room:

* Only requests that somebody watches, or that a fault could concern, come here.
* First everybody who listens is told, and what they ask for is waited for; then core's verdict is asked, once, and
  carried out. What happened meanwhile to the worker counts.
* What a verdict means is core's business, how bytes are damaged that of :mod:`mockconnect.rest.damage`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Protocol

from mockconnect.core.client_faults import Canned, Circumstances, Verdict
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.errors import ConnectError
from mockconnect.core.forwarding import Call
from mockconnect.core.journal import RequestRow
from mockconnect.core.sim import Reply
from mockconnect.rest import damage
from mockconnect.rest.clock import Clock
from mockconnect.rest.connection import BodyTooLarge, Incoming
from mockconnect.rest.http_response import HttpResponse
from mockconnect.rest.surface import Prepared, Served


class Answering(Protocol):
    """What is needed of a listener."""

    async def unable(self, incoming: Incoming) -> HttpResponse | None:
        """What a worker answers that cannot serve now; ``None`` if it can."""

    async def resourced(self, prepared: Prepared, incoming: Incoming) -> HttpResponse: ...
    def reads_body(self, served: Served, incoming: Incoming) -> bool:
        """Whether the resource gets as far as the entity of the request."""

    def invite(self, incoming: Incoming) -> None:
        """Ask for the body of a client that waits for that."""

    async def settled(self, reply: Reply[Any]) -> bool: ...
    def call_of(self, served: Served, body: bytes, incoming: Incoming) -> Call:
        """Raises :class:`ConnectError`."""

    def broken(self, incoming: Incoming) -> HttpResponse: ...
    def too_large(self, incoming: Incoming) -> HttpResponse: ...
    def canned(self, canned: Canned, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        """An answer of Connect's that nobody has worked out."""


class Interference:
    """What comes between the requests of one listener and its resources."""

    def __init__(self, listener: Answering, cluster: Cluster, clock: Clock, worker: ConnectWorker) -> None:
        self._listener = listener
        self._cluster = cluster
        self._clock = clock
        self._worker = worker
        self._entries = cluster.client_faults.entries
        self._watchers = (cluster.requests.on_request, cluster.requests.on_answer)

    @property
    def is_due(self) -> bool:
        """Whether anybody could want something of the next request."""
        return bool(self._entries or self._watchers[0] or self._watchers[1])

    async def answer(self, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        try:
            row = await self._row(prepared, incoming)
        except BodyTooLarge:
            return self._listener.too_large(incoming)
        waits = self._cluster.requests.arrived(row)
        self._clock.rearm()
        for reply in waits:
            if not reply.done and not await self._listener.settled(reply):
                return self._listener.broken(incoming)
        unable = await self._listener.unable(incoming)
        if unable is not None:
            return unable
        verdict = self._cluster.client_faults.verdict(row, self._circumstances(row))
        if verdict is None:
            return await self._listener.resourced(prepared, incoming)
        row.fault = verdict.faults
        return await self._carry_out(verdict, prepared, incoming)

    async def _row(self, prepared: Prepared, incoming: Incoming) -> RequestRow:
        """What is asked for, as far as it can be understood. Raises :class:`BodyTooLarge`."""
        journal, name = self._cluster.requests, self._worker.name
        texts = incoming.texts
        row = journal.begin(incoming.began_at_ms, incoming.door, name, texts.method, texts.target)
        incoming.row = row
        if not isinstance(prepared, Served):
            return row
        call = prepared.match.call
        if self._listener.reads_body(prepared, incoming):
            self._listener.invite(incoming)
            body = await incoming.read()
            with suppress(ConnectError):  # the resources will say so, if it gets there
                call = self._listener.call_of(prepared, body, incoming)
        incoming.call = call
        row.describe(call)
        return row

    def _circumstances(self, row: RequestRow) -> Circumstances:
        broker = self._cluster.broker
        version = self._worker.settings.version
        return Circumstances(row.connector, version, broker.instant(self._cluster.sim.now_ms))

    # --- carrying out -----------------------------------------------------------------------------------------------------

    async def _carry_out(self, verdict: Verdict, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        listener = self._listener
        if verdict.delay_ms or verdict.real_delay_ms:
            await self._pause(verdict.delay_ms)
            if verdict.real_delay_ms:
                await asyncio.sleep(verdict.real_delay_ms / 1000)
            unable = await listener.unable(incoming)
            if unable is not None:
                return unable
        if verdict.apply == "now":
            return await self._applied(verdict, prepared, incoming)
        if verdict.apply == "before":
            await listener.resourced(prepared, incoming)
        elif verdict.apply == "later":
            self._apply_later(verdict.after_ms, incoming)
        return await self._unapplied(verdict, prepared, incoming)

    async def _applied(self, verdict: Verdict, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        response = await self._listener.resourced(prepared, incoming)
        if verdict.twice:
            second = await self._listener.resourced(prepared, incoming)
            response = second if verdict.twice == "second" else response
        match verdict.damage:
            case "truncate":
                return damage.truncated(response, verdict.keep)
            case "malformed":
                return damage.malformed(response)
            case "slow_body":
                return self._slow(verdict, response)
        return response

    async def _unapplied(self, verdict: Verdict, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        """What the client gets instead of the worker's answer, if anything."""
        answer = verdict.answer
        if answer is not None and answer.page is not None:
            return damage.proxy_answer(answer, incoming.texts.exchange)
        if answer is not None:
            return self._listener.canned(answer, prepared, incoming)
        incoming.message = ""
        if verdict.cut == "hang" and verdict.released is not None:
            await self._listener.settled(verdict.released)
        if verdict.cut == "empty":
            return HttpResponse(0, b"", closes=True)
        return self._listener.broken(incoming)

    def _apply_later(self, after_ms: int, incoming: Incoming) -> None:
        call = incoming.call
        if call is not None:
            self._cluster.sim.after(after_ms, lambda: self._worker.submit(call))
            self._clock.rearm()

    def _slow(self, verdict: Verdict, response: HttpResponse) -> HttpResponse:
        pause_ms = verdict.takes_ms // max(1, verdict.pieces)

        async def pause() -> None:
            if verdict.real:
                await asyncio.sleep(pause_ms / 1000)
            else:
                await self._pause(pause_ms)

        return damage.SlowResponse(response, verdict.pieces, pause)

    async def _pause(self, duration_ms: int) -> None:
        if duration_ms:
            await self._listener.settled(self._cluster.sim.sleep(duration_ms))
