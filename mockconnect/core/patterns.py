"""Names with ``*`` in them, as faults and filters have them.

Rules of this room: ``*`` is anything, every other sign means itself. Case counts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(text: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))
