"""What the texts of a request say already: everything up to authentication, for one listener, kept for the next time.

Rules of this room:

* Pure functions of a request's :class:`~mockconnect.rest.texts.Texts`; the order of checks is Jersey's.
* What becomes of method, target, ``Content-Type`` and ``Accept`` is kept by them, too: a client may put something new
  into every head.
* A 404 of the path, 405, 406 and 415 come before any resource is chosen and therefore carry no ``Content-Type``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from mockconnect.core.versions import KafkaVersion
from mockconnect.rest import wire
from mockconnect.rest.filters import Address
from mockconnect.rest.heads import framing_complaint, host_complaint
from mockconnect.rest.jetty import BadTarget, Jetty, JettyLine, Known, refused_by_jersey
from mockconnect.rest.negotiation import (
    MalformedHeader,
    MediaType,
    consumes_json,
    content_type,
    json_type,
    options_type,
)
from mockconnect.rest.paths import Target, parse_target
from mockconnect.rest.routes import Match, Missing, Options, RouteTable
from mockconnect.rest.texts import KEPT, Texts


@dataclass(frozen=True, slots=True)
class Served:
    """A resource method takes it. ``content_type`` is that of the request, ``type_line`` that of the answer."""

    match: Match
    content_type: MediaType | None
    type_line: str


@dataclass(frozen=True, slots=True)
class Listed:
    """``OPTIONS`` of a known path."""

    type_line: str
    lines: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Jersey finds nothing that fits: Connect's error body, without a type."""

    status_code: int
    body: bytes


Prepared = Served | Listed | Refused | BadTarget


@dataclass(frozen=True, slots=True)
class Understood:
    """What a head means to a listener: Jetty's complaint, if it has one, else what becomes of it further on."""

    complaint: BadTarget | None
    prepared: Prepared


_PHRASES = {404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 415: "Unsupported Media Type"}


def _refused(status_code: int) -> Refused:
    message = f"HTTP {status_code} {_PHRASES[status_code]}"
    return Refused(status_code, wire.encode({"error_code": status_code, "message": message}))


NOT_FOUND, METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, UNSUPPORTED = map(_refused, _PHRASES)


class Surface:
    """The resources that one listener has. ``admin_addresses`` is the worker's ``admin.listeners``."""

    def __init__(
        self,
        version: KafkaVersion,
        jetty: Jetty,
        admin_addresses: tuple[Address, ...] | None,
        *,
        is_admin: bool = False,
    ) -> None:
        self._jetty: JettyLine = jetty.line
        self._strict_lengths = jetty.strict_lengths
        self._has_internal_resource = version.has("internal_resource")
        self._table = RouteTable(version, main=not is_admin, admin=is_admin or admin_addresses is None)
        self.understood = lru_cache(maxsize=KEPT)(self._understood)
        self._kept = lru_cache(maxsize=4096)(self._prepared)

    def _understood(self, texts: Texts, host: str) -> Understood:
        """``host`` is whom the client means, whether it says so or not."""
        target, headers = texts.target, texts.headers
        complaint = None if texts.host is None else host_complaint(texts.host, self._jetty)
        if complaint is None:
            codings, lengths = headers.getall("Transfer-Encoding", ()), headers.getall("Content-Length", ())
            complaint = framing_complaint(codings, lengths, strict=self._strict_lengths)
        return Understood(
            None if complaint is None else BadTarget(400, complaint, Known.METHOD, target),
            self._kept(
                texts.method,
                target,
                texts.content_type,
                texts.accept,
                host if target[:1] != "/" else None,
            ),
        )

    def _prepared(
        self, method: str, raw_target: str, sent_type: str | None, accept: str | None, host: str | None
    ) -> Prepared:
        """``host`` matters for targets in absolute form only."""
        if method == "CONNECT" and (self._jetty == 12 or raw_target[:1] != "/"):
            return BadTarget(400, "Bad Request", Known.NOTHING)
        target = parse_target(raw_target, self._jetty, host)
        if isinstance(target, BadTarget):
            return target
        try:
            return self._chosen(method, target, content_type(sent_type), accept)
        except MalformedHeader:
            return replace(refused_by_jersey(target.uri), has_good_target=True)

    def _chosen(
        self, method: str, target: Target, sent_type: MediaType | None, accept: str | None
    ) -> Prepared:
        found = self._table.find(method, target)
        if found is Missing.PATH:
            return NOT_FOUND
        if found is Missing.METHOD:
            return METHOD_NOT_ALLOWED
        if isinstance(found, Options):
            return _listed(found, accept)
        assert isinstance(found, Match), found
        checks_type = found.route.consumes_json or (found.route.signed and not self._has_internal_resource)
        if checks_type and not consumes_json(sent_type):
            return UNSUPPORTED
        produced = json_type(accept)
        if produced is None:
            return NOT_ACCEPTABLE
        return Served(found, sent_type, f"Content-Type: {produced}\r\n")


def _listed(options: Options, accept: str | None) -> Listed:
    produced, has_body = options_type(accept)
    type_line, allow = f"Content-Type: {produced}\r\n", f"Allow: {','.join(options.methods)}\r\n"
    if has_body:
        return Listed(type_line, type_line + allow, ", ".join(options.methods).encode())
    return Listed(type_line, allow + type_line, b"")
