"""The control port: who may ask, which row of the table answers, and what becomes of errors.

Rules of this room:

* It listens on loopback. Anywhere else it demands a bearer token, and so it does wherever one is given.
* Without a token the only callers are programs of this machine: a browser that shows a page of another site is refused
  by its ``Origin`` (and what else browsers say of where a request comes from), and a name that was bent to point here by
  its ``Host``.
* Workers' ports may mirror it under ``/__mockconnect``; Connect's own paths never see any of this.
* Whatever goes wrong is answered as problem details. What nobody expected is a bug of ours and kept as one.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from mockconnect.control.openapi import document
from mockconnect.control.problems import MEDIA_TYPE, ControlError, encoded, mistaken
from mockconnect.control.routes import allowed, find, matching
from mockconnect.control.stage import SnapshotError, Stage
from mockconnect.control.verbs import Answered, Asked, Desk, own_version
from mockconnect.core.faults import FaultError
from mockconnect.files.problems import ProblemsError
from mockconnect.rest.clock import Pace
from mockconnect.rest.listener import ASIDE
from mockconnect.rest.ports import ReservedPort, is_loopback

BODY_SIZE_MAX: Final = 1024 * 1024
SHUTDOWN_TIMEOUT_S: Final = 0.25
JSON: Final = "application/json"
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer."""
OWN_SITE: Final = ("same-origin", "none")
"""What browsers say in ``Sec-Fetch-Site`` of requests that no other page has made."""
ERRORS: Final[Mapping[type[Exception], Callable[[Exception], ControlError]]] = {
    FaultError: lambda error: ControlError("refused", str(error)),
    SnapshotError: lambda error: ControlError("refused", str(error)),
    ProblemsError: lambda error: mistaken(error.problems if isinstance(error, ProblemsError) else ()),
}
"""What errors of other rooms become, looked up by class."""
Report = Callable[[str, str, BaseException], object]


class ControlServer:
    """The control API of one hosted cluster. ``report`` is told of bugs: request, where, error."""

    def __init__(self, stage: Stage, port: ReservedPort, token: str, report: Report) -> None:
        self._port = port
        self._token = token.encode()
        self._report = report
        self._desk = Desk(stage, lambda: document(own_version()))
        self._runner = web.ServerRunner(_Connections(self.answer), shutdown_timeout=SHUTDOWN_TIMEOUT_S)

    async def start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._port.listen()).start()

    async def stop(self) -> None:
        """Followers get their last event, and the port is free again."""
        self._desk.followers.end()
        await self._runner.cleanup()
        self._port.close()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, at the control port or at a worker's."""
        try:
            return await self._answer(request)
        except ControlError as error:
            return _problem(error)
        except ConnectionError:
            raise
        except web.RequestPayloadError as error:
            return _unreadable(str(error))
        except Exception as error:
            expected = next((make for kind, make in ERRORS.items() if isinstance(error, kind)), None)
            if expected is not None:
                return _problem(expected(error))
            self._report(f"{request.method} {request.raw_path}", "control", error)
            return _problem(ControlError("bug", f"{type(error).__name__}: {error} (see the log)"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._check(request)
        path = request.rel_url.raw_path
        if path == ASIDE or path.startswith(f"{ASIDE}/"):
            path = path.removeprefix(ASIDE)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={**HEADERS, "Allow": allowed(matching(path or "/"))})
        route, params = find(request.method, path or "/")
        query = tuple(request.query.items())
        asked = Asked(params, query, await _text(request), request.content_type, request)
        if not route.query.__struct_fields__:
            asked.query_as(route.query)
        if self._desk.stage.clock.pace is Pace.REAL:
            self._desk.act(lambda: None)  # time went on by itself since the last event
        answered = await route.handler(self._desk, asked)
        return _response(answered) if isinstance(answered, Answered) else answered

    def _check(self, request: web.BaseRequest) -> None:
        """Raises :class:`ControlError` for those who may not ask."""
        if len(request.headers.getall("Host", ())) > 1:  # older releases of aiohttp take the first one
            raise ControlError("not-http", "there is more than one Host")
        if self._token:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            shown = token.strip().encode("utf-8", "surrogateescape")
            if scheme.lower() != "bearer" or not hmac.compare_digest(shown, self._token):
                raise ControlError(
                    "token-needed",
                    "expected 'Authorization: Bearer TOKEN' with the control token",
                    (),
                    {"WWW-Authenticate": 'Bearer realm="mockconnect"'},
                )
            return
        if not is_loopback(_parts(f"//{request.host}").hostname or ""):
            raise ControlError(
                "foreign-origin", f"{request.host!r} is not this machine; without a token it must be"
            )
        origin = request.headers.get("Origin")
        if origin is not None and _parts(origin).netloc != request.host:
            raise ControlError("foreign-origin", f"a page of {origin} asks, and it is not ours")
        if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
            raise ControlError("foreign-origin", "a page of another site asks")


def _parts(url: str) -> SplitResult:
    """Of what is no URL: nothing."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class _Connections(web.Server):
    """Bodies are taken as they come: nobody needs a compressed one, and it could become very large."""

    def __call__(self) -> web.RequestHandler:
        options: dict[str, Any] = {"access_log": None, "auto_decompress": False}
        return _Connection(self, loop=asyncio.get_running_loop(), **options)


class _Connection(web.RequestHandler):
    """What is no HTTP gets a problem, too."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer was sent already")
        if status >= 500:
            return _problem(ControlError("bug", f"{exc} (see the log)"))
        return _unreadable((message or str(exc)).partition(":")[0])


def _unreadable(why: str) -> web.Response:
    response = _problem(ControlError("not-http", why or "the request breaks off"))
    response.force_close()
    return response


async def _text(request: web.BaseRequest) -> str:
    """The body. Raises :class:`ControlError`."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise ControlError("not-readable", f"Content-Encoding {encoding}: a body is sent as it is")
    octets = bytearray()
    while chunk := await request.content.readany():
        octets += chunk
        if len(octets) > BODY_SIZE_MAX:
            raise ControlError("too-large", f"at most {BODY_SIZE_MAX} bytes", (), {"Connection": "close"})
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ControlError("not-readable", "the body is not written in UTF-8") from None


def _response(answered: Answered) -> web.Response:
    headers = {**HEADERS, "Content-Type": JSON, **answered.headers}
    value = answered.value
    body = value.encode("utf-8", "replace") if isinstance(value, str) else encoded(value)
    return web.Response(status=answered.status_code, headers=headers, body=body)


def _problem(error: ControlError) -> web.Response:
    headers = {**HEADERS, "Content-Type": MEDIA_TYPE, **error.headers}
    return web.Response(status=error.status_code, headers=headers, body=encoded(error.details()))
