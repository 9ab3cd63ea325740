"""Answers that Jetty gives by itself, before or instead of Jersey: error pages, byte for byte.

Rules of this room:

* A :class:`BadTarget` says what Jetty has against a request, :func:`page_of` makes the answer of it. Nothing is sent here.
* Jetty 12 shows the same page for everything, but remembers less the earlier it gives up: :class:`Known` says what.
  Jetty 9.4 has a bare page for what its parser refuses, and the full page for the rest.
* Headers are complete except for ``Date`` and ``Server``, which depend on the moment and on the build. Jetty 12 sends
  ``Server``, ``Date`` first; Jetty 9.4 sends ``Server`` last, and no ``Date`` with any page of this room.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final, Literal

from mockconnect.core.versions import Number, has, in_force

JettyLine = Literal[9, 12]
Headers = tuple[tuple[str, str], ...]

_BUILDS: Final = (
    ((0, 0, 0), "9.4.24.v20191120"),
    ((2, 8, 0), "9.4.39.v20210325"),
    ((2, 8, 2), "9.4.48.v20220622"),
    ((3, 0, 0), "9.4.43.v20210629"),
    ((3, 2, 0), "9.4.44.v20210927"),
    ((3, 3, 0), "9.4.48.v20220622"),
    ((3, 4, 1), "9.4.51.v20230217"),
    ((3, 5, 2), "9.4.52.v20230823"),
    ((3, 6, 2), "9.4.53.v20231009"),
    ((3, 7, 2), "9.4.56.v20240826"),
    ((3, 8, 0), "9.4.54.v20240208"),
    ((3, 8, 1), "9.4.56.v20240826"),
    ((3, 9, 1), "9.4.57.v20241219"),
    ((4, 0, 0), "12.0.15"),
    ((4, 0, 2), "12.0.25"),
    ((4, 1, 0), "12.0.22"),
    ((4, 1, 2), "12.0.25"),
    ((4, 2, 0), "12.0.22"),
    ((4, 3, 0), "12.0.34"),
)
_PAGED_METHODS: Final = frozenset({"GET", "POST", "HEAD"})
_NO_CACHE: Final = ("Cache-Control", "must-revalidate,no-cache,no-store")
_SERVLET: Final = "org.glassfish.jersey.servlet.ServletContainer-2e1ddc90"
"""Jetty 9.4 names the servlet that gave up; the digits are an identity hash and differ from run to run."""

HEAD_SIZE_MAX: Final = 8192
_PAGE_SIZE_MAX: Final = 8192
"""Jetty 12 cuts a page that does not fit its buffer."""


@dataclass(frozen=True, slots=True)
class Jetty:
    """A build of Jetty."""

    line: JettyLine
    version: str
    strict_heads: bool = True

    @property
    def server(self) -> str:
        """The ``Server`` header."""
        return f"Jetty({self.version})"

    @property
    def answers_unknown_expectations(self) -> bool:
        """Until 12.0.25 Jetty 12 answers on one thread while another fails and closes, mostly sooner."""
        return self.line == 9 or int(self.version.split(".")[2]) >= 34

    @property
    def strict_lengths(self) -> bool:
        """Since 9.4.52 a length has digits only; before, it was anything that ``Long.parseLong`` reads."""
        return self.line == 12 or int(self.version.split(".")[2]) >= 52

    @property
    def home(self) -> str:
        """The link at the foot of error pages; the project moved with 9.4.55."""
        moved = self.line == 12 or int(self.version.split(".")[2]) >= 55
        return "https://jetty.org/" if moved else "https://eclipse.org/jetty"


@lru_cache(maxsize=64)
def jetty_of(kafka: Number) -> Jetty:
    """The Jetty that a Kafka release ships; releases between the known ones get the build of the one before."""
    version = in_force(_BUILDS, kafka)
    return Jetty(12 if has(kafka, "jetty_12") else 9, version, has(kafka, "strict_heads"))


class Known(Enum):
    """What Jetty knew of a request when it gave up."""

    NOTHING = "nothing"
    """The parser refused the request line: the page is for an HTTP/1.0 ``GET /badMessage``."""
    METHOD = "method"
    """The target was refused when the head was complete: no header counts, the connection closes."""
    REQUEST = "request"
    """The request was dispatched: the page depends on ``Accept``, the connection stays."""


@dataclass(frozen=True, slots=True)
class BadTarget:
    """A request that does not reach Jersey, or that Jersey hands back to Jetty.

    ``uri`` is what the page shows: of a dispatched request the path and query, to which Jetty 12 adds scheme and host.
    """

    status_code: int
    message: str
    known: Known
    uri: str = "/badMessage"
    servlet: bool = False
    has_good_target: bool = False
    """Jersey could read the target, and gave up at a header."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: ``closes`` means that the connection is closed after it, with or without a header that says so."""

    status_code: int
    reason: str
    headers: Headers
    body: bytes
    closes: bool

    def closing(self, *, wished: bool) -> Page:
        """The same, and the connection ends. Jetty 9.4 repeats what a client ``wished`` first, and leaves out the length of
        what is empty."""
        last = ("Connection", "close")
        if not wished:
            return replace(self, headers=(*self.headers, last), closes=True)
        kept = [header for header in self.headers if header != ("Content-Length", "0")]
        return replace(self, headers=(last, *kept), closes=True)


def not_ready(target: str) -> BadTarget:
    """Jetty listens before Connect has registered its resources: 404 for everything."""
    return BadTarget(404, "Not Found", Known.REQUEST, target)


def refused_by_jersey(target: str) -> BadTarget:
    """Jersey cannot make a URI of the target, or cannot read ``Content-Type`` or ``Accept``: 400."""
    return BadTarget(400, "Bad Request", Known.REQUEST, target, servlet=True)


def unexpected(target: str, jetty: JettyLine) -> BadTarget:
    """An ``Expect`` that is not ``100-continue``."""
    return _refused_late(417, "Expectation Failed", target, jetty)


def not_upgraded(target: str, jetty: JettyLine) -> BadTarget:
    """``Upgrade`` without ``Connection: upgrade``."""
    return _refused_late(400, "Bad Request", target, jetty)


def _refused_late(status_code: int, message: str, target: str, jetty: JettyLine) -> BadTarget:
    """A request that is refused when it was about to be dispatched. Jetty 12 knows all of it; the connection closes."""
    return BadTarget(status_code, message, Known.REQUEST if jetty == 12 else Known.METHOD, target)


def too_long(
    jetty: JettyLine, method: str, target: str, head_size: int, *, strict: bool = True
) -> BadTarget | None:
    """414 or 431 if the request's head is too long for Jetty.

    ``head_size`` counts all bytes of the head up to and including the empty line. ``strict`` are the newest builds.
    """
    line_size = len(method) + 1 + len(target.encode("utf-8", "surrogateescape"))
    if jetty == 9:
        # 9.4 counts neither the method nor all of the line ends.
        if line_size - len(method) - 1 > HEAD_SIZE_MAX - 2:
            return BadTarget(414, "URI Too Long", Known.NOTHING)
        return BadTarget(431, _TOO_LARGE, Known.NOTHING) if head_size > HEAD_SIZE_MAX + 16 else None
    if not strict:
        # The first builds of Jetty 12 do not count some bytes; the limits are known to within ten bytes.
        if line_size > HEAD_SIZE_MAX + 8:
            return BadTarget(414, "URI Too Long", Known.NOTHING)
        return BadTarget(431, _TOO_LARGE, Known.METHOD, target) if head_size > HEAD_SIZE_MAX + 24 else None
    if line_size >= HEAD_SIZE_MAX:
        return BadTarget(414, "URI Too Long", Known.NOTHING)
    if line_size + len(" HTTP/1.1\r\n") > HEAD_SIZE_MAX:
        return BadTarget(431, _TOO_LARGE, Known.NOTHING)
    return BadTarget(431, _TOO_LARGE, Known.METHOD, target) if head_size > HEAD_SIZE_MAX else None


_TOO_LARGE: Final = "Request Header Fields Too Large"
_REASONS: Final = {400: "Bad Request", 404: "Not Found", 414: "URI Too Long", 431: _TOO_LARGE}


def page_of(
    bad: BadTarget,
    jetty: Jetty,
    *,
    method: str = "GET",
    accept: str | None = None,
    host: str = "",
    charset: str = "",
    scheme: str = "http",
) -> Page:
    """The answer to a bad request. ``host`` is the ``Host`` header, ``accept`` and ``charset`` (``Accept-Charset``)
    count for dispatched requests only."""
    if jetty.line == 9 and bad.known is not Known.REQUEST:
        return _bare_page(bad)
    dispatched = bad.known is Known.REQUEST
    if bad.known is not Known.NOTHING and method not in _PAGED_METHODS:
        return _page(bad, None, b"", caching=jetty.line == 12)
    kind = _kind(accept) if dispatched else "text/html"
    if kind is None:
        return _page(bad, None, b"")
    uri = f"{scheme}://{host}{bad.uri}" if jetty.line == 12 and dispatched else bad.uri
    wants_utf8 = dispatched and re.match(r"\s*(utf-8|\*)", charset, re.IGNORECASE)
    media_type, body = _body(bad, jetty, uri, kind, "utf-8" if wants_utf8 else "iso-8859-1")
    return _page(bad, media_type, body)


def _page(bad: BadTarget, media_type: str | None, body: bytes, *, caching: bool = True) -> Page:
    headers = [_NO_CACHE] if caching else []
    if media_type:
        headers.append(("Content-Type", media_type))
    headers.append(("Content-Length", str(len(body))))
    if bad.known is Known.METHOD:
        # To a request that Jetty knows nothing of it answers as to HTTP/1.0, and closes without a word.
        headers.append(("Connection", "close"))
    reason = _REASONS.get(bad.status_code, bad.message)
    return Page(bad.status_code, reason, tuple(headers), body, closes=bad.known is not Known.REQUEST)


def _bare_page(bad: BadTarget) -> Page:
    """``HttpChannel.onBadMessage`` of Jetty 9.4; the message is the reason phrase as well."""
    body = f"<h1>Bad Message {bad.status_code}</h1><pre>reason: {bad.message}</pre>".encode(
        "iso-8859-1", "replace"
    )
    headers = (
        ("Content-Type", "text/html;charset=iso-8859-1"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    )
    return Page(bad.status_code, bad.message, headers, body, closes=True)


# --- bodies -----------------------------------------------------------------------------------------------------------

_KINDS: Final = {
    "*/*": "text/html",
    "text/*": "text/html",
    "text/html": "text/html",
    "text/plain": "text/plain",
    "text/json": "text/json",
    "application/json": "application/json",
}
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


def _kind(accept: str | None) -> str | None:
    """``ErrorHandler`` goes through ``Accept`` by quality, exact types first, and knows only the spellings above.

    A type with parameters or in capitals is none of them; then there is no body at all.
    """
    if accept is None:
        return "text/html"
    ranked: list[tuple[float, int, str]] = []
    for entry in accept.split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        quality = 1.0
        for parameter in list(parameters):
            if parameter[:2] in ("q=", "Q="):
                quality = _quality(parameter[2:])
                parameters.remove(parameter)
        if media_type and quality:
            ranked.append((-quality, media_type.count("*"), ";".join([media_type, *parameters])))
    ranked.sort(key=lambda each: each[:2])
    return next((_KINDS[media_type] for _, _, media_type in ranked if media_type in _KINDS), None)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _body(bad: BadTarget, jetty: Jetty, uri: str, kind: str, encoding: str) -> tuple[str, bytes]:
    if kind.endswith("json"):
        return kind, _json_body(bad, jetty, uri).encode("utf-8", "replace")
    text = _text_body(bad, jetty, uri) if kind == "text/plain" else _html_body(bad, jetty, uri, encoding)
    body = text.encode(encoding, "replace")
    return f"{kind};charset={encoding}", body[:_PAGE_SIZE_MAX] if jetty.line == 12 else body


def _json_body(bad: BadTarget, jetty: Jetty, uri: str) -> str:
    servlet = f'"servlet":"{_SERVLET}",\n' if bad.servlet and jetty.line == 9 else ""
    message, shown = bad.message.translate(_ESCAPES), uri.translate(_ESCAPES)
    return f'{{\n{servlet}"message":"{message}",\n"url":"{shown}",\n"status":"{bad.status_code}"\n}}'


def _text_body(bad: BadTarget, jetty: Jetty, uri: str) -> str:
    servlet = f"SERVLET: {_SERVLET if bad.servlet else 'null'}\n" if jetty.line == 9 else ""
    lines = f"URI: {uri}\nSTATUS: {bad.status_code}\nMESSAGE: {bad.message}\n{servlet}"
    return f"HTTP ERROR {bad.status_code} {bad.message}\n{lines}"


def _html_body(bad: BadTarget, jetty: Jetty, uri: str, encoding: str) -> str:
    code, message = bad.status_code, bad.message.translate(_ESCAPES)
    rows = {"URI": uri.translate(_ESCAPES), "STATUS": str(code), "MESSAGE": message}
    if jetty.line == 9:
        rows["SERVLET"] = _SERVLET if bad.servlet else "-"
    table = "".join(f"<tr><th>{name}:</th><td>{value}</td></tr>\n" for name, value in rows.items())
    after_body = "" if jetty.line == 9 else "\n"
    return (
        f'<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset={encoding.upper()}"/>\n'
        f"<title>Error {code} {message}</title>\n</head>\n<body>{after_body}<h2>HTTP ERROR {code} {message}</h2>\n"
        f"<table>\n{table}</table>\n"
        f'<hr/><a href="{jetty.home}">Powered by Jetty:// {jetty.version}</a><hr/>\n\n</body>\n</html>\n'
    )
