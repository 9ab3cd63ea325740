"""Targets of requests: what Jetty lets through, and how Jersey takes a path apart.

Rules of this room:

* Pure functions over strings, without any table of routes. :func:`parse_target` either refuses a target as Jetty (9.4 or
  12) does, or splits it as Jersey does.
* Jersey compares the literals of a path with what was *sent* and decodes parameters only: ``/%63onnectors`` is an
  unknown path. Hence the two tuples of :class:`Target`.
* Matrix parameters are dropped, one trailing slash too. Every other empty segment stays, as ``""``: neither a literal
  nor a parameter matches it. Dots are ordinary names for Jersey, Jetty only objects to climbing above the root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from mockconnect.core.errors import ConnectError
from mockconnect.rest.jetty import BadTarget, JettyLine, Known, refused_by_jersey

__all__ = ["BadTarget", "Target", "location", "parse_target", "query_parameters"]


@dataclass(frozen=True, slots=True)
class Target:
    """A path and a query. ``literals`` are the segments as sent (without matrix parameters), ``segments`` the same
    decoded: a route compares its literals with the former and takes its parameters from the latter.

    ``query`` is raw, without ``?``. ``uri`` is what Jetty's pages show of the target.
    """

    literals: tuple[str, ...]
    segments: tuple[str, ...]
    query: str
    uri: str


_NAME = r"[A-Za-z0-9_~!$&'()*+,:=@-][A-Za-z0-9._~!$&'()*+,:=@-]*"
_PLAIN: Final = re.compile(rf"/(?:{_NAME}(?:/{_NAME})*/?)?(?:\?[!-\"$-~]*)?")
"""Targets in which nothing is escaped, empty, a dot segment or a parameter; the query is free but for ``#``."""
_CACHED_LENGTH_MAX: Final = 512
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)
_SPLIT: Final = re.compile(r"([^?#]*)(?:\?([^#]*))?", re.DOTALL)


def parse_target(raw: bytes | str, jetty: JettyLine, host: str | None = None) -> Target | BadTarget:
    """Reads a request target. A ``str`` holds bytes that are no UTF-8 as surrogate escapes.

    ``host`` is the ``Host`` header, needed for targets in absolute form only.
    """
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
    # Long targets are rare, and many of them would make a large cache.
    return _parse(text, jetty, host) if len(text) <= _CACHED_LENGTH_MAX else _parsed(text, jetty, host)


@lru_cache(maxsize=4096)
def _parse(raw: str, jetty: JettyLine, host: str | None) -> Target | BadTarget:
    return _parsed(raw, jetty, host)


def _parsed(raw: str, jetty: JettyLine, host: str | None) -> Target | BadTarget:
    if _PLAIN.fullmatch(raw):
        path, _, query = raw.partition("?")
        names = tuple(path[1:].removesuffix("/").split("/")) if path != "/" else ()
        return Target(names, names, query, raw if jetty == 12 else path)
    if raw.startswith("/"):
        return _parse_origin(raw, jetty)
    absolute = _ABSOLUTE.fullmatch(raw)
    if absolute is None:
        return _refuse_form(raw, jetty)
    authority, rest = absolute.groups()
    if jetty == 12 and host is not None and authority != host:
        return BadTarget(400, "Authority!=Host", Known.METHOD, raw)
    return _parse_origin(rest if rest.startswith("/") else f"/{rest}", jetty)


def _refuse_form(raw: str, jetty: JettyLine) -> BadTarget:
    """Neither a path nor an absolute URI; ``OPTIONS *`` is not simulated."""
    if jetty == 12:
        if raw[:1] in ("*", "?"):
            return BadTarget(400, "Bad URI path", Known.REQUEST, raw)
        return BadTarget(400, "Bad Request", Known.METHOD, f"http:{raw}")
    if raw == "*":
        return BadTarget(400, "Bad Request", Known.REQUEST, raw)
    return BadTarget(400, "Bad URI" if raw[:1] == "?" else "Bad Request", Known.NOTHING)


def _parse_origin(raw: str, jetty: JettyLine) -> Target | BadTarget:
    if jetty == 9 and "%" in raw:
        veiled = _veiled(raw)
        if veiled != raw:
            return _unveiled(_parse_origin(veiled, jetty))
    cut = _SPLIT.match(raw)
    assert cut is not None, raw
    path, query = cut[1], cut[2] or ""
    segments = [segment.partition(";") for segment in path[1:].split("/")]
    refused = (_refused_by_12 if jetty == 12 else _refused_by_9)(
        [(name, bool(mark)) for name, mark, _ in segments], raw
    )
    if refused is not None:
        return refused
    uri = _valid(raw.partition("#")[0] if jetty == 12 else path)
    if "{" in path or "}" in path:
        # Jersey takes braces for a template; Jetty 12 lets them pass in matrix parameters only.
        return refused_by_jersey(uri)
    names = [name for name, _, _ in segments]
    if not names[-1]:
        names.pop()
    return Target(tuple(map(_valid, names)), tuple(map(_decoded, names)), _valid(query), uri)


def _veiled(raw: str) -> str:
    """``TypeUtil.convertHexDigit`` of Jetty 9.4 computes a digit from more characters than there are digits, ``?`` and ``;``
    among them: such an escape is no more than some characters, to Jersey too. They are replaced by private ones."""
    path = _LOOSE_PATH.match(raw)
    assert path is not None, raw
    return _LOOSE_ESCAPE.sub(lambda escape: escape[0].translate(_VEIL), path[0]) + raw[path.end() :]


def _unveiled(target: Target | BadTarget) -> Target | BadTarget:
    if isinstance(target, BadTarget):
        return replace(target, uri=target.uri.translate(_UNVEIL))
    literals, segments = (
        tuple(name.translate(_UNVEIL) for name in names) for names in (target.literals, target.segments)
    )
    return replace(target, literals=literals, segments=segments, uri=target.uri.translate(_UNVEIL))


# --- what Jetty refuses -----------------------------------------------------------------------------------------------

_ESCAPE: Final = re.compile(r"%(?:u([0-9A-Fa-f]{4})|([0-9A-Fa-f]{2}))?")
_LOOSE_ESCAPE: Final = re.compile(r"%(?=.?[:;<=>?@`])[0-9A-Fa-f:;<=>?@`]{2}")
_VEIL: Final = {ord(character): 0xE000 + ord(character) for character in "%:;<=>?@`"}
_UNVEIL: Final = {veiled: character for character, veiled in _VEIL.items()}
_LOOSE_PATH: Final = re.compile(r"(?:[^%?#]|%[0-9A-Fa-f:;<=>?@`]{2}|%)*")
_DOTS: Final = re.compile(r"(?:\.|%2e|%u002e){1,2}", re.IGNORECASE)
_DOT: Final = re.compile(r"%2e|%u002e", re.IGNORECASE)
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9._~!$&'()*+,:=@%-]")
_VIOLATIONS: Final = {
    "segment": "Ambiguous URI path segment",
    "empty": "Ambiguous URI empty segment",
    "separator": "Ambiguous URI path separator",
    "parameter": "Ambiguous URI path parameter",
    "encoding": "Ambiguous URI path encoding",
    "utf16": "UTF-16 encoding",
    "utf8": "Bad UTF-8 encoding",
    "suspicious": "Suspicious Path Character",
    "illegal": "Illegal Path Character",
}
"""``UriCompliance.Violation``, in the order in which Jetty 12 lists them."""

_BAD_MESSAGE: Final = BadTarget(400, "Bad Request", Known.NOTHING)

Named = list[tuple[str, bool]]
"""Segments without their matrix parameters, and whether there were any."""


def _refused_by_12(named: Named, _: str) -> BadTarget | None:
    """``HttpURI`` with ``UriCompliance.DEFAULT``, which allows none of the violations."""
    names = [name for name, _ in named]
    if _is_malformed(names) or "\u0080" in "".join(names) or _climbs([_DOT.sub(".", name) for name in names]):
        return _BAD_MESSAGE
    found = _empty_violations(named)
    for name, has_parameters in named:
        found |= _name_violations(name, has_parameters)
    if "%" in "".join(names) and not _is_utf8("/".join(names)):
        found.add("utf8")
    if not found:
        return None
    message = ", ".join(text for violation, text in _VIOLATIONS.items() if violation in found)
    return BadTarget(400, message, Known.METHOD, "/badURI")


def _refused_by_9(named: Named, raw: str) -> BadTarget | None:
    """Jetty 9.4 objects to little: bytes that are no UTF-8, broken escapes, dots with parameters, climbing."""
    names = [name for name, _ in named]
    if not raw.isascii() and _valid(raw) != raw:
        return _BAD_MESSAGE
    if _is_malformed(names) or _climbs("/".join(map(_decoded_by_9, names)).split("/")):
        return _BAD_MESSAGE
    if any(has_parameters and _DOTS.fullmatch(name) for name, has_parameters in named):
        return BadTarget(400, "Ambiguous path parameters", Known.NOTHING)
    return None


def _is_malformed(names: list[str]) -> bool:
    """Broken escapes, and escapes of U+0000."""
    for name in names:
        for escape in _ESCAPE.finditer(name):
            digits = escape[1] or escape[2]
            if digits is None or int(digits, 16) == 0:
                return True
    return False


def _climbs(names: list[str]) -> bool:
    """Whether ``..`` leads above the root."""
    depth = 0
    for name in names:
        if name != ".":
            depth += -1 if name == ".." else 1
        if depth < 0:
            return True
    return False


def _empty_violations(named: Named) -> set[str]:
    """An empty segment is refused as soon as another one follows."""
    for name, _ in named[:-1]:
        if not name:
            return {"empty"}
    return set()


def _name_violations(name: str, has_parameters: bool) -> set[str]:
    found: set[str] = set()
    if _DOTS.fullmatch(name):
        if "%" in name:
            found.add("segment")
        if has_parameters:
            found.add("parameter")
    for escape in _ESCAPE.finditer(name):
        if escape[1]:
            found.add("utf16")
        found |= _character_violations(int(escape[1] or escape[2], 16))
    for illegal in _ILLEGAL.findall(name):
        found.add("illegal")
        if illegal == "\\":
            found.add("suspicious")
    return found


def _character_violations(code: int) -> set[str]:
    if code == 0x2F:
        return {"separator"}
    if code == 0x25:
        return {"encoding"}
    return {"suspicious"} if code < 0x20 or code in (0x5C, 0x7F) else set()


def _is_utf8(path: str) -> bool:
    try:
        unquote_to_bytes(path.encode("utf-8", "replace")).decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded_by_9(name: str) -> str:
    """``URIUtil.decodePath``, which knows ``%u002e`` too; only dots and slashes matter here."""
    return _decoded(re.sub(r"%u00([0-7][0-9A-Fa-f])", r"%\1", name))


# --- what Jersey makes of it ------------------------------------------------------------------------------------------

_ENCODED_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
_REPLACEMENT: Final = "\ufffd".encode()


def _decoded(text: str) -> str:
    """``UriComponent.decode``: what is no escape stays, what is no UTF-8 becomes U+FFFD."""
    if "%" not in text:
        return _valid(text)
    octets = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return java_utf8(octets)


def java_utf8(octets: bytes) -> str:
    """``new String(octets, UTF_8)``: Java replaces a surrogate once, Python each of its bytes."""
    return _ENCODED_SURROGATE.sub(_REPLACEMENT, octets).decode("utf-8", "replace")


def _valid(text: str) -> str:
    return text if text.isascii() else java_utf8(text.encode("utf-8", "surrogateescape"))


@lru_cache(maxsize=1024)
def query_parameters(query: str) -> tuple[tuple[str, str], ...]:
    """Names and values in the order sent (``UriComponent.decodeQuery``): never an error, a broken escape stays.

    A parameter without ``=`` has the value ``""``; one without a name is dropped.
    """
    found = []
    for each in query.split("&"):
        name, _, value = each.partition("=")
        if name:
            found.append((_form_decoded(name), _form_decoded(value)))
    return tuple(found)


def _form_decoded(text: str) -> str:
    return _decoded(text.replace("+", " "))


# --- Location ---------------------------------------------------------------------------------------------------------

_KEPT: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_EXPANSIONS: Final = frozenset("?;.+#/&")
"""Kinds of variables of Jersey 3.1 (RFC 6570); without a value they expand to nothing."""
_SIMPLE_VARIABLE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def location(scheme: str, host: str, name: str, jetty: JettyLine = 12) -> str:
    """The ``Location`` of a connector: ``UriBuilder.fromUri("/connectors").path(name).build()``, made absolute.

    Slashes stay, valid escapes are not escaped again. Names with braces are taken for templates: raises
    :class:`ConnectError` (500), although the connector was created. ``jetty`` tells Jersey 2 (9) from 3.1 (12).
    """
    return f"{scheme}://{host}{_built(name, jetty)}"


@lru_cache(maxsize=1024)
def _built(name: str, jetty: JettyLine) -> str:
    slash = "" if not name or name.startswith("/") else "/"
    template = f"/connectors{slash}{_encoded(name)}"
    path = _resolved(template, jetty) if "{" in template else template
    illegal = re.search("[{}]", path)
    if illegal is not None:
        text = f"java.net.URISyntaxException: Illegal character in path at index {illegal.start()}: {path}"
        raise ConnectError(500, text, "jakarta.ws.rs.core.UriBuilderException")
    return path


def _encoded(name: str) -> str:
    """``UriComponent.contextualEncode`` of a path: what looks like a template or an escape stays."""
    encoded = []
    in_template = False
    for index, character in enumerate(name):
        if character in "{}":
            in_template = character == "{"
        escape = character == "%" and len(name) > index + 2 and _HEX.issuperset(name[index + 1 : index + 3])
        if character in _KEPT or in_template or character == "}" or escape:
            encoded.append(character)
        else:
            encoded += [f"%{octet:02X}" for octet in character.encode("utf-8", "replace")]
    return "".join(encoded)


def _resolved(template: str, jetty: JettyLine) -> str:
    """``UriTemplate`` without any values: the syntax is checked to the end before a value is missed."""
    parts: list[str] = []
    missing: str | None = None
    at = 0
    while (start := template.find("{", at)) >= 0:
        parts.append(template[at:start])
        variable = _Variable(template, start)
        at = variable.parse_3() if jetty == 12 else variable.parse_2()
        if jetty == 9 and not variable.kind and not _SIMPLE_VARIABLE.fullmatch(variable.name):
            # Jersey 2 looks for ASCII names only when it puts values in.
            parts.append(template[start:at])
        elif not variable.kind and missing is None:
            missing = variable.name
    if missing is not None:
        raise _template_error(f"The template variable '{missing}' has no value")
    return "".join([*parts, template[at:]])


def _template_error(text: str) -> ConnectError:
    return ConnectError(500, text, "java.lang.IllegalArgumentException")


class _Variable:
    """``UriTemplateParser`` at an open brace: the first name, and the kind if Jersey 3.1 sees one."""

    __slots__ = ("_at", "_template", "kind", "name")

    def __init__(self, template: str, start: int) -> None:
        self._template = template
        self._at = start
        self.name = ""
        self.kind = ""

    def parse_3(self) -> int:
        """Jersey 3.1: a list of names, each with a star or an expression. Returns the index behind the brace."""
        character = self._start(_EXPANSIONS)
        state, names, shown, expression = "name", [character], f"{{{self.kind}{character}", ""
        depth = 1
        while depth:
            character = self._next()
            plain = character.isalnum() or character in "_-."
            if character == "}":
                depth -= 1
            if state == "expression":
                depth += character == "{"
                expression += character if depth else ""
            elif character == ":":
                state = "expression"
            elif character == ",":
                state = "name"
                names.append("")
            elif character == "*" and state == "name":
                state = "star"
            elif plain and state == "name":
                names[-1] += character
            elif depth and not _is_blank(character):
                raise self._illegal(character, "after a name")
            shown += character if plain or character in ",:*{}" else ""
        self.name = names[0]
        self._check(expression, shown)
        return self._at + 1

    def parse_2(self) -> int:
        """Jersey 2: one name, then an expression. Returns the index behind the brace."""
        self.name = self._start(frozenset("?;"))
        while (character := self._next()) not in ":}":
            if character == " ":
                character = self._next_after_blanks()
                if character not in ":}":
                    raise self._illegal(character, "after a name")
                break
            if not (character.isalnum() or character in "_-."):
                raise self._illegal(character, "as a part of a name")
            self.name += character
        expression, depth = "", int(character == ":")
        while depth:
            character = self._next()
            depth += (character == "{") - (character == "}")
            expression += character if depth else ""
        self._check(expression, self.name)
        return self._at + 1

    def _start(self, kinds: frozenset[str]) -> str:
        character = self._next_after_blanks()
        if character in kinds:
            self.kind, character = character, self._next()
        if not (character.isalnum() or character == "_"):
            raise self._illegal(character, "as a start of a name")
        return character

    def _next(self) -> str:
        self._at += 1
        if self._at >= len(self._template):
            raise _template_error(
                f'Invalid syntax in the template "{self._template}".'
                ' Check if a path parameter is terminated with a "}".'
            )
        return self._template[self._at]

    def _next_after_blanks(self) -> str:
        while _is_blank(character := self._next()):
            pass
        return character

    def _illegal(self, character: str, where: str) -> ConnectError:
        return _template_error(
            f'Illegal character "{character}" at position {self._at} is not allowed {where}'
            f' in a path template "{self._template}".'
        )

    def _check(self, expression: str, name: str) -> None:
        # Java's and Python's expressions are close enough to tell the broken ones.
        try:
            re.compile(f"(?:){expression}" if expression.startswith("{") else expression)
        except re.error:
            raise _template_error(
                f'Invalid syntax for the expression "{expression}" associated with the name "{name}"'
                f' in a path template "{self._template}".'
            ) from None


def _is_blank(character: str) -> bool:
    """``Character.isWhitespace``: no-break spaces are none."""
    return character.isspace() and character not in "\x85\xa0\u2007\u202f"
