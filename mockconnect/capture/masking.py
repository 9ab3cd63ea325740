"""What must not leave a cluster: passwords, and whatever has the name of a secret.

Rules of this room: rather too much is masked than too little. A masked value is masked wherever it stands: in the
config, in the configs of tasks, in traces.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

MASK: Final = "********"
_SECRET: Final = re.compile(
    r"password|passwd|passphrase|secret|token|credential|private|sasl\.jaas|jaas\.config|authorization|keytab"
    r"|basic\.auth\.user|user\.?info|api[._-]?key|access[._-]?key",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"(?:^|[._-])(?:\w*_)?keys?(?:[._-]?id)?$|[a-z]Key$")
_NOT_A_KEY: Final = re.compile(
    r"(?:^|[._-])(?:partition|primary|message|record|row|cache|sort|order|group|null)[._-]?keys?$", re.I
)
_IN_URL: Final = re.compile(r"(://[^:/@\s]*):([^@/\s]+)@")
_IN_PARAMETER: Final = re.compile(
    r"((?:password|passwd|pwd|secret|token|api_?key|access_?key)\s*=\s*)(\"[^\"]*\"|'[^']*'|[^&;,\s\"']+)",
    re.IGNORECASE,
)
_HARMLESS: Final = ("", "true", "false", "null", "none")
_LENGTH_MIN: Final = 6
"""Shorter secrets are not looked for in traces: they would be found in other words."""


def looks_secret(name: str) -> bool:
    """By its name alone."""
    if _SECRET.search(name):
        return True
    return _KEY.search(name) is not None and _NOT_A_KEY.search(name) is None


class Mask:
    """Masks the configs of one connector, and remembers what it has hidden."""

    def __init__(self, passwords: Collection[str]) -> None:
        """``passwords`` are the keys of type PASSWORD."""
        self._passwords = frozenset(passwords)
        self._hidden: set[str] = set()

    def config(self, config: Mapping[str, str | None]) -> dict[str, str | None]:
        return {name: self._value(name, value) for name, value in config.items()}

    def text(self, text: str) -> str:
        """A text that may quote what was hidden."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return _without_inner(text)

    def _value(self, name: str, value: str | None) -> str | None:
        if value is None:
            return None
        if name in self._passwords or looks_secret(name):
            if value.lower() in _HARMLESS:
                return value
            if len(value) >= _LENGTH_MIN:
                self._hidden.add(value)
            return MASK
        return _without_inner(value)


def _without_inner(value: str) -> str:
    """Passwords inside URLs and in parameters of connection strings."""
    return _IN_PARAMETER.sub(rf"\g<1>{MASK}", _IN_URL.sub(rf"\g<1>:{MASK}@", value))
