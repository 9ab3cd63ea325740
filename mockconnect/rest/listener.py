"""One listening port of one worker: from a request's first byte to the last byte of its answer.

Rules of this room:

* The order of checks is the real one: Jetty's parser, then filters, path, method, ``Content-Type``, ``Accept``,
  authentication, path parameters, body, and the resource at last.
* What follows from a request's texts alone is prepared once and kept; see :class:`Surface`.
* How a port behaves is the worker's word (:class:`~mockconnect.core.connect.Rest`): refused (nothing listens), Jetty
  without resources, serving, stopping. A crash resets connections, a clean stop closes them.
* :class:`ConnectError` is an answer. Any other exception is a bug of ours: it is answered with 500 and
  ``X-Mockconnect-Bug``, and reported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from aiohttp import web

from mockconnect.core.answers import Created
from mockconnect.core.client_faults import Canned, Gateway, proxy_page
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.core.errors import ConnectError
from mockconnect.core.forwarding import Call
from mockconnect.core.sim import Reply, either
from mockconnect.rest import calls, damage, jetty, negotiation, wire
from mockconnect.rest.clock import Clock
from mockconnect.rest.connection import (
    BODY_SIZE_MAX,
    BodyTooLarge,
    Connection,
    Incoming,
    break_connection,
)
from mockconnect.rest.door import Door
from mockconnect.rest.filters import ADMIN_FILTERS, NOT_ALLOWED, Filters
from mockconnect.rest.front_door import BROKEN_STATUS
from mockconnect.rest.heads import method_of, read_head
from mockconnect.rest.http_response import HttpResponse, ResponseBuilder, header_lines
from mockconnect.rest.interference import Interference
from mockconnect.rest.jackson import jackson_of
from mockconnect.rest.jetty import BadTarget, Known
from mockconnect.rest.paths import location, parse_target
from mockconnect.rest.ports import ReservedPort
from mockconnect.rest.surface import Listed, Prepared, Refused, Served, Surface
from mockconnect.rest.tls import Tls

_TOO_LARGE: Final = ConnectError(
    413, f"A body of more than {BODY_SIZE_MAX} bytes is too large for mockconnect"
)
_LONG_HEAD: Final = 7_900
_HEALTH: Final = {"starting": 503, "unhealthy": 500}
_BUG_LINE: Final = "X-Mockconnect-Bug: 1\r\n"


@dataclass(frozen=True, slots=True)
class Bug:
    """An exception that should not have been, and what replays it."""

    request: str
    worker: str
    error: BaseException
    seed: int
    at_ms: int
    trace: str

    def __str__(self) -> str:
        return (
            f"{type(self.error).__name__}: {self.error}\n  on {self.request} at {self.worker}, {self.at_ms} ms,"
            f" seed {self.seed}; the last rows:\n{self.trace}"
        )


ASIDE: Final = "/__mockconnect"
"""What no real worker has: requests below are not Connect's, move no time and are in no journal."""
Aside = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def is_aside(target: str) -> bool:
    """Whether a target, as it was sent, is ``ASIDE`` or something below it."""
    return target.startswith(ASIDE) and target[len(ASIDE) :][:1] in ("", "/", "?")


class Serving(Protocol):
    """What the listeners of one cluster share."""

    cluster: Cluster
    clock: Clock
    tls: Tls | None
    aside: Aside | None
    epoch_ms: Callable[[], int]

    def report(self, request: str, worker: str, error: BaseException) -> Bug: ...


class Listener:
    """One listening port of one worker, main or admin."""

    def __init__(self, server: Serving, worker: ConnectWorker, port: ReservedPort, *, is_admin: bool) -> None:
        self._server = server
        self._worker = worker
        self._name = worker.name
        self._port = port
        self._is_admin = is_admin
        self._tls = None if is_admin else server.tls
        self._scheme = "http" if self._tls is None else "https"
        self._rest = Rest.REFUSED
        self.refuses = True
        """Whether nobody listens."""
        self._door: Door | None = None
        self._journal = server.cluster.requests
        self._sim = server.cluster.sim
        self._interference = Interference(self, server.cluster, server.clock, worker)
        self._configure()

    def _configure(self) -> None:
        """What the worker's settings say; they count from its next start."""
        settings = self._settings = self._worker.settings
        self._jetty = jetty.jetty_of(settings.version.number)
        self._jackson = jackson_of(settings.version.number)
        filters = Filters.of(settings, self._jetty.line)
        self._surface = Surface(
            settings.version, self._jetty, filters.admin_addresses, is_admin=self._is_admin
        )
        self._filters = ADMIN_FILTERS if self._is_admin else filters
        self._adds_headers = self._filters.adds_headers
        if not self._is_admin:
            self._worker.admits = filters.admits
        self._builder = ResponseBuilder(self._jetty, self._server.epoch_ms)

    # --- the port ---------------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Behave as the worker does, now and later."""
        self._door = Door(self._port, self._handle, self._read_again, self._tls)
        self._worker.on_rest.append(self._rest_changed)
        self._server.cluster.client_faults.on_refused.append(self._refused_changed)
        self._rest_changed(self._worker)

    def leave(self) -> None:
        """Nothing more of this worker; see :meth:`Door.leave`. The port stays reserved."""
        self._unfollow()
        if self._door is not None:
            self._door.leave()

    @property
    def is_empty(self) -> bool:
        return self._door is None or self._door.is_empty

    def _unfollow(self) -> None:
        if self._rest_changed in self._worker.on_rest:
            self._worker.on_rest.remove(self._rest_changed)
            self._server.cluster.client_faults.on_refused.remove(self._refused_changed)

    async def end(self) -> None:
        """No more connections, and no more of this worker."""
        self._unfollow()
        if self._door is not None:
            await self._door.end()
        self._port.close()

    def _rest_changed(self, worker: ConnectWorker) -> None:
        door, before, self._rest = self._door, self._rest, worker.rest
        assert door is not None, "only a port that follows its worker is told of it"
        if self._server.cluster.client_faults.refuses(worker.name):
            self._rest = Rest.REFUSED
        self.refuses = self._rest is Rest.REFUSED
        if self.refuses:
            door.close(breaks=before is not Rest.STOPPING)
        elif not door.is_open:
            if self._worker.settings is not self._settings:
                self._configure()
            door.open()

    def _refused_changed(self, name: str) -> None:
        if name == self._worker.name:
            self._rest_changed(self._worker)

    # --- a request --------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection), connection
        head_size = len(connection.take_seen())
        aside = self._server.aside
        if aside is not None and is_aside(request.raw_path):
            connection.is_aside = True
            try:
                return await aside(request)
            finally:
                connection.is_aside = False
        self._server.clock.request_began()
        return await self.answer(Incoming.of(request), head_size)

    async def _read_again(self, octets: bytes, request: web.BaseRequest) -> web.StreamResponse:
        """A request that aiohttp does not take."""
        self._server.clock.request_began()
        head = read_head(octets, self._jetty)
        if isinstance(head, BadTarget):
            if self._worker.frozen and not await self._thawed():
                break_connection(request.transport)
                return HttpResponse(500, None, closes=True)
            return self._builder.page(jetty.page_of(head, self._jetty, method=method_of(octets)))
        response = await self.answer(Incoming.again(request, head), 0)
        return response.closing()

    async def answer(self, incoming: Incoming, head_size: int) -> HttpResponse:
        """The answer to one request; one without bytes means that the connection breaks."""
        incoming.began_at_ms = self._sim.now_ms
        gateway = self._server.cluster.client_faults.gateway(self._worker.name)
        if gateway is not None:
            incoming.breaks, incoming.given_up = False, self._sim.sleep(gateway.timeout_ms)
        try:
            response = await self._response(incoming, head_size)
        except (ConnectionError, web.RequestPayloadError):
            raise
        except Exception as error:
            response = self._bug(incoming, error)
        if gateway is not None and not response.wire:
            response = await self._page_of(gateway, incoming)
        if self.refuses:
            response = response.closing()
        try:
            self._note(incoming, response)
        except Exception as error:
            response = self._bug(incoming, error)
        return response

    def _note(self, incoming: Incoming, response: HttpResponse) -> None:
        """Write down how it ended, and tell those who listen."""
        now_ms = self._sim.now_ms
        # What breaks behind a front door is a 502 in front of it.
        wire = response.wire or b""
        status_code = response.status if wire else 0 if incoming.breaks else 502
        texts = incoming.texts
        sent = incoming.body if incoming.was_read else b""
        if incoming.row is None:
            self._journal.add(
                (
                    incoming.began_at_ms,
                    now_ms,
                    incoming.door,
                    self._name,
                    texts.method,
                    texts.target,
                    incoming.call,
                    status_code,
                    incoming.message,
                    incoming.client,
                    texts.headers,
                    sent,
                    wire,
                )
            )
        else:
            carried = (incoming.client, texts.headers, sent, wire)
            self._journal.end(incoming.row, now_ms, status_code, incoming.message, carried)

    async def _page_of(self, gateway: Gateway, incoming: Incoming) -> HttpResponse:
        """What the proxy answers that got nothing. A frozen process finds the request when it goes on."""
        gave_up = incoming.given_up is not None and incoming.given_up.done
        if gave_up and self._worker.frozen:
            prepared = self._surface.understood(incoming.texts, incoming.host).prepared
            if isinstance(prepared, Served) and prepared.match.refusal is None:
                call = prepared.match.call
                with suppress(ConnectError, BodyTooLarge):
                    if prepared.match.route.entity is not None:
                        call = self.call_of(prepared, await incoming.read(), incoming)
                    self._worker.submit(call)
        page = proxy_page(gateway.status_code if gave_up else BROKEN_STATUS)
        return damage.proxy_answer(page, incoming.texts.exchange)

    async def _response(self, incoming: Incoming, head_size: int) -> HttpResponse:
        worker = self._worker
        if worker.frozen and not await self._thawed(incoming.given_up):
            return self.broken(incoming)
        texts = incoming.texts
        understood = self._surface.understood(texts, incoming.host)
        bad = (
            understood.complaint
            if head_size <= _LONG_HEAD
            else self._too_long(incoming) or understood.complaint
        )
        if bad is not None:
            return self._page(bad, incoming)
        serves = worker.serves
        if not serves and worker.rest is Rest.REFUSED:
            return self.broken(incoming)
        prepared = understood.prepared
        if texts.is_wishful and (not isinstance(prepared, BadTarget) or prepared.servlet):
            if texts.expects_the_unknown:
                if not self._jetty.answers_unknown_expectations:
                    return HttpResponse(417, b"", closes=True)
                return self._page(jetty.unexpected(texts.target, self._jetty.line), incoming, is_last=True)
            if texts.upgrades_without_saying_so:
                return self._page(jetty.not_upgraded(texts.target, self._jetty.line), incoming, is_last=True)
        if not serves:
            return self._page(self._without_resources(incoming), incoming)
        misdirected = None if self._tls is None else self._misdirected(incoming, self._tls)
        if misdirected is not None:
            return self._page(misdirected, incoming)
        if (
            texts.is_wishful
            and self._jetty.line == 9
            and texts.expects_continue
            and (not isinstance(prepared, BadTarget) or prepared.has_good_target)
        ):
            # Jersey 2 asks for the stream of every request before it looks at it, and Jetty 9.4 takes that for reading.
            incoming.invite_unless_sent()
        if self._interference.is_due:
            return await self._interference.answer(prepared, incoming)
        if isinstance(prepared, Served):  # in nearly all cases; one call less
            return await self._served(prepared, incoming)
        return await self.resourced(prepared, incoming)

    async def resourced(self, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        """What Connect's resources answer."""
        match prepared:
            case Served():
                return await self._served(prepared, incoming)
            case BadTarget():
                return self._page(prepared, incoming)
            case Refused():
                return self._entity(incoming, prepared.status_code, "", prepared.body)
            case Listed():
                return self._listed(prepared, incoming)

    async def unable(self, incoming: Incoming) -> HttpResponse | None:
        """What the worker answers that cannot serve any more; ``None`` if it can."""
        if self._worker.frozen and not await self._thawed(incoming.given_up):
            return self.broken(incoming)
        if self.refuses:
            return self.broken(incoming)
        if self._rest is not Rest.SERVING:
            return self._page(self._without_resources(incoming), incoming)
        return None

    def call_of(self, served: Served, body: bytes, incoming: Incoming) -> Call:
        """What a request with an entity asks for. Raises :class:`ConnectError`."""
        return calls.complete(served.match, body, incoming.texts.headers, self._jackson)

    def too_large(self, incoming: Incoming) -> HttpResponse:
        return self._error(incoming, _TOO_LARGE, "Content-Type: application/json\r\n").closing()

    def canned(self, canned: Canned, prepared: Prepared, incoming: Incoming) -> HttpResponse:
        """An answer of Connect's that nobody has worked out."""
        lines = prepared.type_line if isinstance(prepared, Served) else "Content-Type: application/json\r\n"
        lines = header_lines(canned.headers) + lines
        if canned.status_code == 401 and canned.message is None:
            return self._entity(incoming, 401, lines, NOT_ALLOWED)
        return self._error(incoming, ConnectError(canned.status_code, canned.message), lines)

    # --- what Jetty answers -----------------------------------------------------------------------------------------------

    def _too_long(self, incoming: Incoming) -> BadTarget | None:
        """What is wrong with the size of a head, if anything is."""
        method, target = incoming.texts.method, incoming.texts.target
        size = len(method) + len(target) + 14
        size += sum(len(name) + len(value) + 4 for name, value in incoming.request.raw_headers)
        return jetty.too_long(self._jetty.line, method, target, size, strict=self._jetty.strict_heads)

    def _misdirected(self, incoming: Incoming, tls: Tls) -> BadTarget | None:
        """Jetty 12 has no answer for hosts that the certificate is not made out for (``SecureRequestCustomizer``)."""
        if self._jetty.line != 12 or tls.fits(incoming.host):
            return None
        target = parse_target(incoming.texts.target, self._jetty.line, incoming.host)
        return (
            None
            if isinstance(target, BadTarget)
            else BadTarget(400, "Invalid SNI", Known.REQUEST, target.uri)
        )

    def _without_resources(self, incoming: Incoming) -> BadTarget:
        """Jetty listens, but Connect's resources are not there: not yet, or (STOPPING) not any more."""
        target = parse_target(incoming.texts.target, self._jetty.line, incoming.host)
        return target if isinstance(target, BadTarget) else jetty.not_ready(target.uri)

    def _page(self, bad: BadTarget, incoming: Incoming, *, is_last: bool = False) -> HttpResponse:
        """``is_last``: the connection closes after it."""
        texts = incoming.texts
        page = jetty.page_of(
            bad,
            self._jetty,
            method=texts.method,
            accept=texts.accept,
            host=incoming.host,
            charset=texts.headers.get("Accept-Charset", ""),
            scheme=self._scheme,
        )
        waits = texts.expects_continue and not incoming.was_invited and not incoming.has_body_already
        if not page.closes and (is_last or waits or not texts.exchange.keeps_alive):
            page = page.closing(wished=self._jetty.line == 9 and not waits)
        return self._builder.page(page, is_head=texts.exchange.is_head)

    # --- what Connect answers ---------------------------------------------------------------------------------------------

    async def _served(self, served: Served, incoming: Incoming) -> HttpResponse:
        """The resource method, with what comes right before it."""
        match, lines = served.match, served.type_line
        route = match.route
        incoming.call = match.call
        try:
            if self._is_locked_out(served, incoming):
                return self._entity(incoming, 401, lines, NOT_ALLOWED)
            if match.refusal is not None:
                raise match.refusal
            call = match.call
            if route.entity is not None or route.signed:
                self.invite(incoming)
                body = await incoming.read()
                if not route.signed and not negotiation.reads_json(served.content_type, body):
                    return self._error(incoming, ConnectError(415, "HTTP 415 Unsupported Media Type"), lines)
                call = self.call_of(served, body, incoming)
            if incoming.texts.authorization is not None:
                call = replace(call, authorization=incoming.texts.authorization)
            incoming.call = call
            reply = self._worker.submit(call)
            if not reply.done and not await self.settled(reply, incoming.given_up):
                return self.broken(incoming)
            return self._success(served, call, reply.result(), incoming)
        except ConnectError as error:
            return self._error(incoming, error, lines)
        except BodyTooLarge:
            return self._error(incoming, _TOO_LARGE, lines).closing()

    def _is_locked_out(self, served: Served, incoming: Incoming) -> bool:
        locked = self._filters.basic_auth is not None and not served.match.route.signed
        return locked and not self._admits(incoming)

    def reads_body(self, served: Served, incoming: Incoming) -> bool:
        """Whether the resource gets as far as the entity of the request."""
        match = served.match
        wanted = match.route.entity is not None and match.refusal is None
        return wanted and not self._is_locked_out(served, incoming)

    def invite(self, incoming: Incoming) -> None:
        """Ask for the body of a client that waits for that."""
        if incoming.texts.expects_continue and self._jetty.line == 12:
            incoming.invite()  # even if the body is there already

    def _success(self, served: Served, call: Call, value: Any, incoming: Incoming) -> HttpResponse:
        """Raises :class:`ConnectError` for a connector whose name makes no ``Location``."""
        route = served.match.route
        lines, status_code = served.type_line, route.status_code
        if isinstance(value, Created):
            if route.located and value.created:
                name = call.args["name"] if value.info is None else value.info["name"]
                where = location(self._scheme, incoming.host, str(name), self._jetty.line)
                lines, status_code = f"Location: {where}\r\n{lines}", 201
            value = value.info
        elif route.operation == "health":
            status_code = _HEALTH.get(value["status"], 200)
        elif value is None:
            body = None if route.empty_status_code == 204 else b""
            return self._entity(incoming, route.empty_status_code, "", body)
        body = b"" if value is None else wire.encode(value, doubles=route.operation == "connector_offsets")
        return self._entity(incoming, status_code, lines, body)

    def _listed(self, listed: Listed, incoming: Incoming) -> HttpResponse:
        """``OPTIONS``."""
        try:
            if self._filters.basic_auth is not None and not self._admits(incoming):
                return self._entity(incoming, 401, listed.type_line, NOT_ALLOWED)
        except ConnectError as error:
            return self._error(incoming, error, listed.type_line)
        return self._entity(incoming, 200, listed.lines, listed.body)

    def _admits(self, incoming: Incoming) -> bool:
        assert self._filters.basic_auth is not None, "only asked where it is configured"
        return self._filters.basic_auth.admits(incoming.texts.authorization)

    def _error(self, incoming: Incoming, error: ConnectError, lines: str) -> HttpResponse:
        """``ConnectExceptionMapper``."""
        incoming.message = error.message or ""
        body = wire.encode({"error_code": error.status_code, "message": error.message})
        return self._entity(incoming, error.status_code, lines, body)

    def _entity(self, incoming: Incoming, status_code: int, lines: str, body: bytes | None) -> HttpResponse:
        texts = incoming.texts
        if self._adds_headers:
            added = self._filters.headers(texts.method, texts.headers, self._server.epoch_ms())
            lines = header_lines(added) + lines
        exchange = texts.exchange
        if texts.expectations and texts.expects_continue and not incoming.was_read and self._jetty.line == 12:
            # Nobody asked the client for its body; Jetty does not wait for one.
            exchange = replace(exchange, keeps_alive=False)
        return self._builder.entity(status_code, lines, body, exchange)

    def _bug(self, incoming: Incoming, error: Exception) -> HttpResponse:
        request = f"{incoming.texts.method} {incoming.texts.target}"
        bug = self._server.report(request, self._worker.name, error)
        text = f"mockconnect has a bug: {type(error).__name__}: {error} (seed {bug.seed}, {bug.at_ms} ms; see the log)"
        body = wire.encode({"error_code": 500, "message": text})
        lines = f"{_BUG_LINE}Content-Type: application/json\r\n"
        return self._builder.entity(500, lines, body, incoming.texts.exchange)

    # --- waiting ----------------------------------------------------------------------------------------------------------

    async def settled(self, reply: Reply[Any], given_up: Reply[None] | None = None) -> bool:
        """Wait for a reply; ``False`` if none will come because the process died or the server ends.

        ``given_up``: whoever stands in front waits no longer than that; what was asked for goes on.
        """
        node = self._worker.node
        assert node is not None, "a worker without a process has no open replies"
        death = node.process.death()
        first = either(reply, death) if given_up is None else either(reply, death, given_up)
        clock = self._server.clock
        if not clock.pull(first):
            await clock.answered(first)
        node.process.forget(death)
        return reply.done

    async def _thawed(self, given_up: Reply[None] | None = None) -> bool:
        """A stopped process accepts (the kernel does), and does nothing else until it goes on."""
        node = self._worker.node
        assert node is not None, "only a running process can be frozen"
        thawed: Reply[None] = Reply()
        node.process.run(lambda: thawed.complete(None))
        return await self.settled(thawed, given_up)

    def broken(self, incoming: Incoming) -> HttpResponse:
        if incoming.breaks:
            break_connection(incoming.request.transport)
        return HttpResponse(500, None, closes=True)
