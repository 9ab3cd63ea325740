"""Asking the workers of a real cluster, patiently.

Rules of this room:

* An answer that says "try again" (409 and 500 during a rebalance, 503) is asked for again, for a limited time. Everything
  else that is no answer becomes a problem: one per worker and reason, however many questions it spoils.
* A worker that cannot be reached is not asked again and again: after the first failure to connect it is given up.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, TypeAlias

import aiohttp

from mockconnect.files.problems import Problem

AT_ONCE: Final = 8
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
DEFAULT_TIMEOUT_S: Final = 30.0
Query: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]
REBALANCE: Final = ("rebalance", "stale configuration", "leader", "try again", "timed out")


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in. ``timeout_s`` is how long one answer may take, with all repetitions."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    user: str | None = None
    password: str = ""
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    insecure: bool = False

    def headers(self) -> dict[str, str]:
        if self.user is None:
            return {}
        return {"Authorization": f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"}

    def ssl_context(self) -> ssl.SSLContext:
        """Raises :class:`OSError` (:class:`ssl.SSLError` is one) for files that cannot be read."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a JSON body. 4xx are answers, too: there may be nothing of that sort."""

    status_code: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.status_code == 200


class NoAnswerError(Exception):
    """There is none; the reason has been noted."""


@dataclass(slots=True)
class _Failures:
    """What went wrong with one worker for one reason."""

    paths: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        others = len(self.paths) - 1
        return f"GET {min(self.paths)}" + (f" and {others} more" if others else "")


class Asker:
    """An HTTP client for all workers; use it in an ``async with`` block."""

    def __init__(self, access: Access, on_answer: Callable[[], object] = lambda: None) -> None:
        self._access = access
        self._on_answer = on_answer
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._unreachable: dict[str, str] = {}

    async def __aenter__(self) -> Asker:
        self._session = aiohttp.ClientSession(
            headers={"Accept": "application/json", **self._access.headers()},
            timeout=aiohttp.ClientTimeout(total=self._access.timeout_s),
            connector=aiohttp.TCPConnector(ssl=self._access.ssl_context(), limit=AT_ONCE),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def problems(self) -> Sequence[Problem]:
        return [Problem(url, f"{reason} ({failures})") for (url, reason), failures in self._failures.items()]

    def wrong(self, url: str, path: str, reason: str) -> NoAnswerError:
        """Note that an answer is missing, or is none."""
        self._failures.setdefault((url, reason), _Failures()).paths.append(path)
        return NoAnswerError(reason)

    async def get(self, url: str, path: str, query: Query | None = None, *, may_fail: bool = False) -> Reply:
        """The answer of one worker; ``may_fail``: an error of a plugin is an answer. Raises :class:`NoAnswerError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._access.timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            async with self._at_once:
                reply = await self._once(url, path, query)
            if not _is_passing(reply):
                break
            if loop.time() + pause_s > deadline:
                raise self.wrong(
                    url, path, f"is busy for longer than {self._access.timeout_s:g} s: {_said(reply)}"
                )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        self._on_answer()
        if reply.status_code in (401, 403) and path == "/":
            raise self.wrong(url, path, f"lets nobody in without the right user: {_said(reply)}")
        if reply.status_code >= 500 and not may_fail:
            raise self.wrong(url, path, _said(reply))
        return reply

    async def _once(self, url: str, path: str, query: Query | None) -> Reply:
        if url in self._unreachable:
            raise self.wrong(url, path, self._unreachable[url])
        try:
            async with self._session.get(f"{url}{path}", params=query) as response:
                body = await response.read()
                status_code = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = self._reason(error)
            if isinstance(error, aiohttp.ClientConnectorError):
                self._unreachable[url] = reason
            raise self.wrong(url, path, reason) from error
        try:
            return Reply(status_code, json.loads(body) if body else None)
        except ValueError as error:
            if status_code == 200:
                raise self.wrong(url, path, f"answers what is no JSON: {_start(body)}") from error
            return Reply(status_code, {"message": _start(body)})

    def _reason(self, error: Exception) -> str:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return f"has a certificate that is not trusted: {error.certificate_error}"
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno
            return f"cannot be reached: {os.strerror(number) if number and number > 0 else error.os_error}"
        if isinstance(error, TimeoutError):
            return f"does not answer within {self._access.timeout_s:g} s"
        if isinstance(error, aiohttp.InvalidURL):
            return "is no URL"
        if isinstance(error, aiohttp.ClientPayloadError):
            return "breaks off in the middle of an answer"
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return "closes the connection without an answer"
        return f"cannot be read: {str(error) or type(error).__name__}"


def _is_passing(reply: Reply) -> bool:
    """Whether the same question may have an answer in a moment."""
    if reply.status_code in (409, 429, 502, 503, 504):
        return True
    said = _message(reply).lower()
    return reply.status_code == 500 and any(word in said for word in REBALANCE)


def _message(reply: Reply) -> str:
    return str(reply.body.get("message", "")) if isinstance(reply.body, dict) else ""


def _said(reply: Reply) -> str:
    message = " ".join(_message(reply).split())
    return f"answers {reply.status_code}" + (f": {message}" if message else "")


def _start(body: bytes) -> str:
    return repr(body[:60].decode("utf-8", "replace"))
