"""Media types and parameters of requests, as Jersey reads them.

Rules of this room:

* Pure functions over header and parameter texts. Who may consume or produce what is said by the caller: every resource
  of Connect consumes and produces ``application/json``, the root and the internal endpoints consume anything.
* Order of a request (``rest-api``): a broken ``Content-Type`` is refused before the path is matched, an unsupported one
  after path and method, then ``Accept``. Hence three questions instead of one.
* A header that cannot be parsed raises :class:`MalformedHeader`; Jersey then leaves the answer to Jetty's error page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

JSON: Final = "application/json"
TEXT: Final = "text/plain"

Parameters = Iterable[tuple[str, str]]


class MalformedHeader(ValueError):  # noqa: N818 - named like Jersey's HeaderValueException
    """A ``Content-Type`` or ``Accept`` that is none: 400 with the page of ``jetty.refused_by_jersey``."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range. ``parameters`` are sorted by name; ``quality`` is a parameter, too, in ``Accept``."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: int = 1000

    def matches(self, type_: str, subtype: str) -> bool:
        """``MediaType.isCompatible``: wildcards match, parameters do not count."""
        if self.type == "*" and self.subtype == "*":
            return True
        return self.type.lower() in ("*", type_) and self.subtype.lower() in ("*", subtype)

    def wildcards(self) -> int:
        return (self.type == "*") + (self.subtype == "*")

    def text(self, *, without: str = "") -> str:
        """As Jersey writes it, parameters sorted; values that are no tokens in quotes."""
        parts = [f"{self.type}/{self.subtype}"]
        for name, value in self.parameters:
            if name != without:
                shown = value if _TOKEN.fullmatch(value) else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
                parts.append(f"{name}={shown}")
        return ";".join(parts)


# --- grammar ----------------------------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BLANKS: Final = re.compile(r"[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUALITY: Final = re.compile(r"(?:0?(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class _Scanner:
    """``HttpHeaderReader``: tokens and separators, blanks allowed before a separator and after ``;`` and ``,``."""

    __slots__ = ("_at", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._skip_blanks()

    def at_end(self) -> bool:
        self._skip_blanks()
        return self._at >= len(self._text)

    def token(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise MalformedHeader(self._text)
        self._at = found.end()
        return found[0]

    def value(self) -> str:
        found = _QUOTED.match(self._text, self._at)
        if found is None:
            return self.token()
        self._at = found.end()
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)

    def take(self, separator: str) -> bool:
        """Takes the separator if it comes next."""
        if not self._text.startswith(separator, self._at):
            return False
        self._at += 1
        return True

    def parameters(self) -> tuple[tuple[str, str], ...]:
        """``;name=value`` any number of times; empty ones are skipped, the last of equal names wins."""
        found: dict[str, str] = {}
        while not self.at_end() and self.take(";"):
            self._skip_blanks()
            if self.at_end() or self._text[self._at] in ";,":
                continue
            name = self.token().lower()
            if not self.take("="):
                raise MalformedHeader(self._text)
            found[name] = self.value()
        return tuple(sorted(found.items()))

    def expect_end(self) -> None:
        if not self.at_end():
            raise MalformedHeader(self._text)

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self._text, self._at)
        assert blanks is not None
        self._at = blanks.end()


@lru_cache(maxsize=512)
def content_type(header: str | None) -> MediaType | None:
    """Reads ``Content-Type`` (several headers joined with a comma). Raises :class:`MalformedHeader`."""
    if header is None:
        return None
    scanner = _Scanner(header)
    type_ = scanner.token()
    if not scanner.take("/"):
        raise MalformedHeader(header)
    found = MediaType(type_, scanner.token(), scanner.parameters())
    scanner.expect_end()
    return found


@lru_cache(maxsize=512)
def accepted(header: str | None) -> tuple[MediaType, ...]:
    """Reads ``Accept`` (several headers joined with a comma), best first: by quality, then exact before wildcard.

    ``text`` without a subtype means ``text/*``. Raises :class:`MalformedHeader`.
    """
    if not header:
        return (MediaType("*", "*"),)
    scanner = _Scanner(header)
    found = []
    while True:
        type_ = scanner.token()
        subtype = scanner.token() if scanner.take("/") else "*"
        parameters = scanner.parameters()
        found.append(MediaType(type_, subtype, parameters, _quality(parameters, header)))
        if scanner.at_end():
            break
        if not scanner.take(","):
            raise MalformedHeader(header)
        if scanner.at_end():
            break
    return tuple(sorted(found, key=lambda each: (-each.quality, each.wildcards())))


def _quality(parameters: tuple[tuple[str, str], ...], header: str) -> int:
    """In thousandths."""
    text = dict(parameters).get("q", "1")
    if not text or not _QUALITY.fullmatch(text):
        raise MalformedHeader(header)
    return round(float(f"0{text}" if text.startswith(".") else text) * 1000)


# --- what a resource asks ---------------------------------------------------------------------------------------------


def consumes_json(sent: MediaType | None) -> bool:
    """``@Consumes(APPLICATION_JSON)``. If not: 415 without ``Content-Type``."""
    return sent is None or sent.matches("application", "json")


def reads_json(sent: MediaType | None, body: bytes) -> bool:
    """Whether the JSON provider feels responsible for a body. If not: 415 with ``Content-Type``.

    A range is nobody's business, even with an empty body; no type at all matters only if there is a body.
    """
    return not body if sent is None else sent.subtype != "*"


@lru_cache(maxsize=512)
def json_type(header: str | None) -> str | None:
    """The ``Content-Type`` of a JSON answer, ``None`` for 406. Raises :class:`MalformedHeader`.

    The best matching entry of ``Accept`` decides; its parameters (but for the quality) come back. ``q=0`` excludes
    nothing.
    """
    for each in accepted(header):
        if each.matches("application", "json"):
            if each.wildcards():
                return JSON
            return _in_jettys_spelling(MediaType("application", "json", each.parameters).text(without="q"))
    return None


_KNOWN_TYPES: Final = frozenset(
    f"{media_type}{charset}"
    for media_type in ("application/json", "text/json", "text/html", "text/plain", "text/xml")
    for charset in ("", ";charset=utf-8", ";charset=iso-8859-1")
)
"""``MimeTypes``: Jetty writes these in its own spelling."""


def _in_jettys_spelling(text: str) -> str:
    return text.lower() if text.lower() in _KNOWN_TYPES else text


@lru_cache(maxsize=512)
def options_type(header: str | None) -> tuple[str, bool]:
    """The ``Content-Type`` of an answer to ``OPTIONS``, and whether it has a body. Raises :class:`MalformedHeader`.

    Jersey's own handler writes ``text/plain``; for anybody who prefers another type there is one that writes
    nothing, in whatever type was asked for.
    """
    best = min(accepted(header), key=lambda each: (-each.quality, 0 if _is_text(each) else each.wildcards()))
    if _is_text(best):
        return TEXT, True
    return _in_jettys_spelling(best.text()), False


def _is_text(accepts: MediaType) -> bool:
    return accepts.matches("text", "plain")


# --- parameters -------------------------------------------------------------------------------------------------------


def boolean_parameter(parameters: Parameters, name: str, default: bool) -> bool:
    """A ``Boolean`` with ``@DefaultValue``: absent or empty is the default, only ``true`` (any case) is true."""
    text = string_parameter(parameters, name, "")
    return text.lower() == "true" if text else default


def forward_parameter(parameters: Parameters) -> bool | None:
    """``forward``, which has no default: ``None`` if absent, false if empty."""
    for key, value in parameters:
        if key == "forward":
            return value.lower() == "true"
    return None


def string_parameter(parameters: Parameters, name: str, default: str) -> str:
    """The first value of that name; an empty one is a value."""
    return next((value for key, value in parameters if key == name), default)


_INTEGER: Final = re.compile(r"[+-]?\d+")


def int_parameter(text: str) -> int | None:
    """``Integer.parseInt`` of a path parameter; ``None`` means 404. Digits of any script count, as in Java."""
    if not _INTEGER.fullmatch(text) or max(text) > "\uffff":
        return None
    number = int(text)
    return number if -(1 << 31) <= number < 1 << 31 else None
