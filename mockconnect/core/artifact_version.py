"""Plugin versions as Maven orders them, and the version ranges of ``*.plugin.version`` keys (KIP-891).

Rules of this room: pure functions and values. Imitates ``DefaultArtifactVersion``, ``VersionRange`` and
``PluginUtils.connectorVersionRequirement`` with their error texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from mockconnect.core.javatext import trim

_TOKENS = re.compile(r"\d+|[^\d.\-]+|[.\-]")
_QUALIFIERS = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "snapshot": 4, "": 5, "sp": 6}
_ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}

Rank = tuple[int, int, str]
"""One item of a version: its kind (0 a qualifier, 1 a number after a dash, 2 a number), its rank, else its text."""


class InvalidVersionError(Exception):
    """``InvalidVersionSpecificationException``; ``str()`` of it is Java's ``getMessage()``."""


@lru_cache(maxsize=1024)
def version_key(version: str) -> tuple[Rank, ...]:
    """The items of a version, comparable: ``ComparableVersion`` for all but its strangest inputs."""
    items: list[Rank] = []
    tokens: list[str] = _TOKENS.findall(version.lower())
    after_dash = False
    for token, following in zip_longest(tokens, tokens[1:], fillvalue=""):
        if token in ("-", "."):
            after_dash = token == "-"
        else:
            if after_dash or not token.isdigit():
                _drop_trailing_nulls(items)
            items.append(_rank(token, after_dash, following.isdigit()))
            after_dash = not token.isdigit()
    _drop_trailing_nulls(items)
    return tuple(items)


def _rank(token: str, after_dash: bool, followed_by_digit: bool) -> Rank:
    if token.isdigit():
        return (1 if after_dash else 2, int(token), "")
    name = _SHORT.get(token, token) if followed_by_digit else token
    name = _ALIASES.get(name, name)
    return (0, _QUALIFIERS.get(name, len(_QUALIFIERS)), "" if name in _QUALIFIERS else name)


def _nothing(kind: int) -> Rank:
    """What a missing item counts as, next to one of this kind: a release, or zero."""
    return (0, _QUALIFIERS[""], "") if kind == 0 else (kind, 0, "")


def _drop_trailing_nulls(items: list[Rank]) -> None:
    while items and items[-1] == _nothing(items[-1][0]):
        items.pop()


def compare(left: str, right: str) -> int:
    """Negative, zero or positive, as ``ComparableVersion.compareTo``."""
    for one, other in zip_longest(version_key(left), version_key(right)):
        first = one or _nothing(other[0])
        second = other or _nothing(one[0])
        if first != second:
            return -1 if first < second else 1
    return 0


@dataclass(frozen=True, slots=True)
class VersionRange:
    """``VersionRange`` of one restriction; bounds are ``None`` where open. ``str()`` of it is Java's text."""

    low: str | None
    low_inclusive: bool
    high: str | None
    high_inclusive: bool

    def contains(self, version: str) -> bool:
        above_low = 1 if self.low is None else compare(version, self.low)
        below_high = 1 if self.high is None else compare(self.high, version)
        return above_low >= (0 if self.low_inclusive else 1) and below_high >= (
            0 if self.high_inclusive else 1
        )

    def __str__(self) -> str:
        opening, closing = "[" if self.low_inclusive else "(", "]" if self.high_inclusive else ")"
        return f"{opening}{self.low or ''},{self.high or ''}{closing}"


Requirement = tuple[VersionRange, ...]
"""What a ``*.plugin.version`` value demands; a version fits if one of the ranges contains it."""


def requirement_text(requirement: Requirement) -> str:
    return ",".join(map(str, requirement))


def fits(requirement: Requirement | None, version: str) -> bool:
    return requirement is None or any(part.contains(version) for part in requirement)


@lru_cache(maxsize=256)
def version_requirement(text: str | None) -> Requirement | None:
    """``PluginUtils.connectorVersionRequirement``: ``None`` means the latest. Raises :class:`InvalidVersionError`."""
    if text is None or text == "latest":
        return None
    spec = trim(text)
    return _ranges(spec) or _ranges(f"[{spec}]")


def _ranges(spec: str) -> Requirement:
    """``VersionRange.createFromVersionSpec``; empty for a plain version (a soft requirement)."""
    found: list[VersionRange] = []
    rest, upper = spec, None
    while rest[:1] in ("[", "("):
        end = min((at for at in (rest.find(")"), rest.find("]")) if at >= 0), default=-1)
        if end < 0:
            raise InvalidVersionError(f"Unbounded range: {spec}")
        part = _restriction(rest[: end + 1])
        if upper is not None and (part.low is None or compare(part.low, upper) < 0):
            raise InvalidVersionError(f"Ranges overlap: {spec}")
        found.append(part)
        upper = part.high
        rest = trim(rest[end + 1 :])
        if rest.startswith(","):
            rest = trim(rest[1:])
    if rest and found:
        raise InvalidVersionError(f"Only fully-qualified sets allowed in multiple set scenario: {spec}")
    return tuple(found)


def _restriction(spec: str) -> VersionRange:
    low_inclusive, high_inclusive = spec[0] == "[", spec[-1] == "]"
    inner = trim(spec[1:-1])
    if "," not in inner:
        if not (low_inclusive and high_inclusive):
            raise InvalidVersionError(f"Single version must be surrounded by []: {spec}")
        return VersionRange(inner, True, inner, True)
    low, high = (trim(bound) or None for bound in (inner[: inner.index(",")], inner[inner.index(",") + 1 :]))
    if low is not None and high is not None:
        order = compare(high, low)
        if order < 0 or (order == 0 and not (low_inclusive and high_inclusive)):
            raise InvalidVersionError(f"Range defies version ordering: {spec}")
    return VersionRange(low, low_inclusive, high, high_inclusive)
