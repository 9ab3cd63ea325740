"""What differs between two runs of the same thing is replaced by a placeholder; everything else is kept exactly.

Addresses of workers become `{worker:N}`, identifiers of the cluster and the build `{cluster}` and `{commit}`, instants
`{instant}`, stack frames `{frames}`. Documentation of config keys is other people's text and becomes empty. Where a
body changed, its Content-Length can no longer be compared and becomes `{length}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .wire import Answer

_FRAMES = re.compile(r"(?:\\n\\t(?:at [^\\\"]*|\.\.\. \d+ (?:more|common frames omitted)))+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_EPOCH_MS = re.compile(r"(\"last_modified\":)\d+")
_DOCUMENTATION = re.compile(r"\"documentation\":\"(?:[^\"\\]|\\.)*\"")
_CLUSTER = re.compile(r"(\"kafka_cluster_id\":\")[^\"]*")
_COMMIT = re.compile(r"(\"commit\":\")[^\"]*")
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_SERVLET = re.compile(r"(ServletContainer-)[0-9a-f]{1,8}\b")
FIXED_EPOCH_MS = 1700000000000


@dataclass(frozen=True, slots=True)
class Observation:
    """An answer after normalisation: what recordings hold and comparisons compare."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str


class Normaliser:
    """Knows the addresses of one run."""

    def __init__(self, addresses: Mapping[str, str], folder: str | None = None):
        """`addresses` maps `host:port` to the worker's number."""
        self._addresses = addresses
        self._folder = folder

    def observation(self, answer: Answer) -> Observation:
        """The answer with placeholders."""
        raw = answer.body.decode("utf-8", errors="backslashreplace")
        body = self.text(raw)
        headers = tuple(self._header(name, value, body != raw) for name, value in answer.headers)
        return Observation(answer.status, answer.reason, headers, body)

    def text(self, text: str) -> str:
        """A body with placeholders."""
        text = _DOCUMENTATION.sub('"documentation":""', text)
        text = _SERVLET.sub(r"\g<1>{identity}", text)
        text = _FRAMES.sub(r"\\n\\t{frames}", text)
        text = _EPOCH_MS.sub(rf"\g<1>{FIXED_EPOCH_MS}", text)
        text = _CLUSTER.sub(r"\g<1>{cluster}", text)
        text = _COMMIT.sub(r"\g<1>{commit}", text)
        return self.addresses(_INSTANT.sub("{instant}", text))

    def addresses(self, text: str) -> str:
        """Only addresses and folders replaced."""
        for address, number in self._addresses.items():
            text = text.replace(address, f"{{worker:{number}}}")
        return text.replace(self._folder, "{folder}") if self._folder else text

    def _header(self, name: str, value: str, body_changed: bool) -> tuple[str, str]:
        if _HTTP_DATE.fullmatch(value):
            return name, "{date}"
        if name.lower() == "content-length" and body_changed:
            return name, "{length}"
        return name, self.addresses(value)
