"""``java.util.Base64.getDecoder()``: what it refuses, and in which words.

Rules of this room: one function, without a notion of who asks. Java wants no line ends, takes missing padding, and
looks at one character after the other; Python's decoder does the work once it is sure that there is nothing to refuse.
"""

from __future__ import annotations

import base64
import re
from typing import Final

_ALPHABET: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_WELL_FORMED: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")
_PADDING: Final = ord("=")


def decode(text: str) -> bytes:
    """The bytes. Raises :class:`ValueError` with the message of Java's ``IllegalArgumentException``."""
    encoded = text.encode("iso-8859-1", "replace")
    if not _WELL_FORMED.fullmatch(encoded):
        raise ValueError(_complaint(encoded))
    bare = encoded.rstrip(b"=")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4))


def _complaint(encoded: bytes) -> str:
    if len(encoded) < 2:
        return "Input byte[] should at least have 2 bytes for base64 bytes"
    for at, octet in enumerate(encoded):
        if octet == _PADDING:
            return _padding_complaint(encoded, at)
        if octet not in _ALPHABET:
            signed = octet if octet < 0x80 else octet - 0x100
            return f"Illegal base64 character {signed:x}"
    return "Last unit does not have enough valid bits"


def _padding_complaint(encoded: bytes, at: int) -> str:
    """``at`` is the place of the first padding character."""
    place = at % 4
    if place == 0 or (place == 2 and encoded[at + 1 : at + 2] != b"="):
        return "Input byte array has wrong 4-byte ending unit"
    if place == 1:
        return "Last unit does not have enough valid bits"
    end = at + (2 if place == 2 else 1)
    return f"Input byte array has incorrect ending byte at {end}"
