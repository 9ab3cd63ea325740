"""Requests that aiohttp's parser refuses: read again, the way Jetty reads them.

Rules of this room:

* aiohttp (llhttp) refuses more than Jetty does (unknown verbs, repeated headers), and what both refuse Jetty answers in
  its own shape. Only refused requests come here; everything else never costs this detour.
* The result is either what Jetty has against the request, or the request after all, with as much of its body as came
  in the same piece.
* Not imitated: aiohttp's parser is of no use after an error, so the connection ends after the answer even where Jetty
  would keep it; and it gives up in the middle of a piece, so a refused request counts as far as it had come by then.
  The texts marked "inferred" were not seen on a real worker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

from mockconnect.rest.jetty import BadTarget, Jetty, JettyLine, Known, too_long

_LINE_END: Final = re.compile(rb"\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(rb"HTTP/1\.([01])")
_CONTROLS: Final = {0x09: "HTAB", 0x0A: "LF", 0x0D: "CR", 0x20: "SPACE"}

Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """A request as Jetty takes it. ``target`` holds bytes that are no UTF-8 as surrogate escapes."""

    method: str
    target: str
    http_1_0: bool
    headers: tuple[Pair, ...]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the client would go on with the connection."""
        wishes = [value.lower() for name, value in self.headers if name.lower() == b"connection"]
        wish = wishes[0] if wishes else b""
        return wish == b"keep-alive" if self.http_1_0 else wish != b"close"


def read_head(octets: bytes, jetty: Jetty) -> Head | BadTarget:
    """Read the first request of ``octets``."""
    octets = octets.lstrip(b"\r\n")
    end = _HEAD_END.search(octets)
    head, body = (octets, b"") if end is None else (octets[: end.start()], octets[end.end() :])
    line, *header_lines = _LINE_END.split(head)
    found = _request_line(line)
    if isinstance(found, BadTarget):
        return found
    method, target, http_1_0 = found
    long = too_long(jetty.line, method, target, len(head) + 4, strict=jetty.strict_heads)
    if long is not None:
        return long
    headers: list[Pair] = []
    for header_line in header_lines:
        pair = _header(header_line)
        if isinstance(pair, str):
            return BadTarget(400, pair, Known.METHOD, target)
        headers.append(pair)
    complaint = _complaint(headers, http_1_0, strict=jetty.strict_lengths)
    if complaint is not None:
        return BadTarget(400, complaint, Known.METHOD, target)
    return Head(method, target, http_1_0, tuple(headers), body)


def _request_line(line: bytes) -> tuple[str, str, bool] | BadTarget:
    method = _TOKEN.match(line)
    if method is None or line[method.end() : method.end() + 1] not in (b" ", b""):
        at = 0 if method is None else method.end()
        return BadTarget(400, _illegal(line, at), Known.NOTHING)
    parts = line.split(b" ")
    if len(parts) == 1:
        return BadTarget(400, "No URI", Known.NOTHING)  # inferred
    if len(parts) == 2:
        return BadTarget(505, "HTTP/0.9 not supported", Known.NOTHING)  # inferred
    if len(parts) > 3:
        return BadTarget(400, "Illegal character SPACE=' '", Known.NOTHING)
    version = _VERSION.fullmatch(parts[2])
    if version is None:
        return BadTarget(400, "Unknown Version", Known.NOTHING)  # inferred
    return parts[0].decode(), parts[1].decode("utf-8", "surrogateescape"), version[1] == b"0"


def _header(line: bytes) -> Pair | str:
    """Name and value, or what is wrong with the line."""
    if line[:1] in (b" ", b"\t"):
        return "Line Folding not supported"  # inferred
    name = _TOKEN.match(line)
    if name is None:
        return _illegal(line, 0)
    if line[name.end() : name.end() + 1] != b":":
        return (
            _illegal(line, name.end()) if name.end() < len(line) else "Header Name Missing Colon"
        )  # inferred
    value = line[name.end() + 1 :].strip(b" \t")
    control = re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value)
    return (name[0], value) if control is None else _illegal(value, control.start())


def _illegal(text: bytes, at: int) -> str:
    """``HttpParser.IllegalCharacterException``."""
    octet = text[at] if at < len(text) else 0
    if octet < 0x20 or octet == 0x7F:
        return f"Illegal character {_CONTROLS.get(octet, 'CNTL')}=0x{octet:x}"
    return f"Illegal character {_CONTROLS.get(octet, 'OTHER')}='{chr(octet)}'"


def _complaint(headers: list[Pair], http_1_0: bool, *, strict: bool) -> str | None:
    """What Jetty has against the headers as a whole."""
    names = [name.lower() for name, _ in headers]
    if b"transfer-encoding" in names and b"content-length" in names[names.index(b"transfer-encoding") :]:
        return _CODING_AND_LENGTH  # said before the length is read
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    signed = rb"[0-9]+" if strict else rb"[+-]?[0-9]+"
    if any(re.fullmatch(signed, length) is None for length in lengths):
        return _INVALID_LENGTH
    codings = [value.decode("latin-1") for name, value in headers if name.lower() == b"transfer-encoding"]
    complaint = framing_complaint(codings, [length.decode("latin-1") for length in lengths], strict=strict)
    if complaint is not None:
        return complaint
    hosts = [value for name, value in headers if name.lower() == b"host"]
    if not hosts:
        return None if http_1_0 else "No Host"  # inferred
    return "Duplicate Host Header" if len(hosts) > 1 else None  # inferred


# --- headers as a whole -----------------------------------------------------------------------------------------------

_REGISTERED_NAME: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_PORT: Final = re.compile(r"\+?0*[0-9]{1,5}")
_LONG_MAX: Final = 2**63 - 1
_INVALID_LENGTH: Final = "Invalid Content-Length Value"
_CODING_AND_LENGTH: Final = "Transfer-Encoding and Content-Length"
_NOT_LAST: Final = "Bad Transfer-Encoding, chunked not last"


@lru_cache(maxsize=256)
def host_complaint(host: str, jetty: JettyLine) -> str | None:
    """What Jetty has against a ``Host`` header (``HostPort``); 9.4 takes an empty one."""
    if not host.strip():
        return "Blank Host" if jetty == 12 else None
    return None if _is_host_port(host, jetty) else "Bad HostPort"


def _is_host_port(host: str, jetty: JettyLine) -> bool:
    """9.4 looks at the port only."""
    if host[0] == "[":
        name, bracket, rest = host.rpartition("]")
        fits = bool(bracket) and (jetty == 9 or _is_address(name[1:]))
        return fits and (not rest or (rest[0] == ":" and _is_port(rest[1:])))
    if host.count(":") > 1:
        return jetty == 9 or _is_address(host)
    name, colon, port = host.partition(":")
    fits = jetty == 9 or _REGISTERED_NAME.fullmatch(name) is not None
    return fits and (not colon or _is_port(port))


def _is_address(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) <= 65535


def framing_complaint(codings: Sequence[str], lengths: Sequence[str], *, strict: bool) -> str | None:
    """What Jetty has against ``Transfer-Encoding`` and ``Content-Length`` headers: there may be one length that Java can
    count, or codings of which the last one is ``chunked``."""
    if len(lengths) > 1:
        return "Multiple Content-Lengths"
    if lengths and codings:
        return _CODING_AND_LENGTH
    if not codings:
        too_large = bool(lengths) and int(lengths[0]) > _LONG_MAX
        return ("Bad Request" if strict else _INVALID_LENGTH) if too_large else None
    is_chunked = False
    for coding in codings:
        if is_chunked:
            return _NOT_LAST
        for token in filter(None, (each.strip().lower() for each in coding.split(","))):
            if is_chunked:
                return "Bad Transfer-Encoding, multiple chunked tokens" if token == "chunked" else _NOT_LAST
            is_chunked = token == "chunked"
    return None if is_chunked else _NOT_LAST


def method_of(octets: bytes) -> str:
    """The method of a request that was refused as soon as its target was known."""
    return octets.lstrip(b"\r\n").partition(b" ")[0].decode("latin-1")
