"""What the head of a request says, read once for all requests that have the same.

Rules of this room:

* Clients say the same again and again: the same head gives the same :class:`Texts`, so that whatever follows from one
  alone can be kept by it, too (:mod:`mockconnect.rest.surface`).
* Pure functions of what was sent; nothing here knows Connect, or who answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aiohttp.http import HttpVersion, HttpVersion10
from multidict import CIMultiDict, CIMultiDictProxy

from mockconnect.rest.heads import Pair
from mockconnect.rest.http_response import USUAL, Exchange

Headers = CIMultiDictProxy[str]
KEPT: Final = 1024
"""So many heads are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Method, target and headers, with what most answers depend on. ``host`` is ``None`` where none was sent."""

    method: str
    target: str
    headers: Headers
    exchange: Exchange
    content_type: str | None
    accept: str | None
    host: str | None
    authorization: str | None
    expectations: tuple[str, ...]
    """In lower case. HTTP/1.0 has no such thing."""
    upgrades_without_saying_so: bool
    """Whether the client names a protocol that it would like better, and does not say so in ``Connection``."""
    is_wishful: bool
    """Whether one of the two is so, which is rare."""

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue``."""
        return "100-continue" in self.expectations

    @property
    def expects_the_unknown(self) -> bool:
        return any(each != "100-continue" for each in self.expectations)


@lru_cache(maxsize=KEPT)
def texts_of(
    method: str, target: str, pairs: tuple[Pair, ...], version: HttpVersion, keeps_alive: bool
) -> Texts:
    """``keeps_alive`` is what version and headers say of the connection."""
    headers = CIMultiDictProxy(CIMultiDict([(_text(name), _text(value)) for name, value in pairs]))
    http_1_0 = version == HttpVersion10
    exchange = Exchange(method == "HEAD", http_1_0, keeps_alive)
    expectations = () if http_1_0 else tuple(value.lower() for value in headers.getall("Expect", ()))
    upgrades = not http_1_0 and _upgrades_without_saying_so(headers)
    return Texts(
        method,
        target,
        headers,
        USUAL if exchange == USUAL else exchange,
        _joined(headers, "Content-Type"),
        _joined(headers, "Accept"),
        headers.get("Host"),
        headers.get("Authorization"),
        expectations,
        upgrades,
        bool(expectations) or upgrades,
    )


def _upgrades_without_saying_so(headers: Headers) -> bool:
    told = (_joined(headers, "Connection") or "").lower().split(",")
    return "Upgrade" in headers and "upgrade" not in (each.strip() for each in told)


def _joined(headers: Headers, name: str) -> str | None:
    """All values of a header, as Jersey joins them."""
    values = headers.getall(name, None)
    return None if values is None else ",".join(values)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
