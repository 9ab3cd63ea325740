"""What differs between two runs of the same thing is replaced by a placeholder; everything else is kept exactly.

Addresses of workers become `{worker:N}`, identifiers of the cluster and the build `{cluster}` and `{commit}`, instants
`{instant}`, stack frames `{frames}`. Documentation of config keys is other people's text and becomes empty.

Content-Length becomes the length of the body with placeholders, so that lengths are compared all the same. A body with
documentation or stack frames may have been too long for one buffer of the real worker and come in chunks: both ways of
framing it become that length. Only a HEAD tells the length of a text that nobody sees; of a plugin's definition it is
`{length}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .wire import Answer, Request

_FRAMES = re.compile(r"(?:\\n\\t(?:at [^\\\"]*|\.\.\. \d+ (?:more|common frames omitted)))+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_EPOCH_MS = re.compile(r"(\"last_modified\":)\d+")
_DOCUMENTATION = re.compile(r"\"documentation\":\"(?:[^\"\\]|\\.)*\"")
_CLUSTER = re.compile(r"(\"kafka_cluster_id\":\")[^\"]*")
_COMMIT = re.compile(r"(\"commit\":\")[^\"]*")
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_DEFINITION = re.compile(r"/connector-plugins/[^/?]+/config(?:\?.*)?")
_SERVLET = re.compile(r"(ServletContainer-)[0-9a-f]{1,8}\b")
# What Jetty's client tells of a connection that broke: every object in it, with its identity.
_CONNECTION = re.compile(r"HttpConnectionOverHTTP@[0-9a-f]+(?:[^\"\\]|\\.)*")
_IDLE = re.compile(r"(Idle timeout expired: )\d+/")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
FIXED_EPOCH_MS = 1700000000000


@dataclass(frozen=True, slots=True)
class Observation:
    """An answer after normalisation: what recordings hold and comparisons compare."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str
    interim: tuple[str, ...] = ()


class Normaliser:
    """Knows the addresses of one run."""

    def __init__(self, addresses: Mapping[str, str], folder: str | None = None):
        """`addresses` maps `host:port` to the worker's number."""
        self._addresses = addresses
        self._folder = folder

    def observation(self, request: Request, answer: Answer) -> Observation:
        """The answer to `request`, with placeholders."""
        raw = answer.body.decode("utf-8", errors="backslashreplace")
        body = self.text(raw)
        headers = [self._header(name, value) for name, value in answer.headers]
        length = answer.header("Content-Length")
        if _DOCUMENTATION.search(raw) or _FRAMES.search(raw):
            headers = _framed(headers, str(len(body.encode())))
        elif request.method == "HEAD" and answer.status == 200 and _DEFINITION.fullmatch(request.target):
            headers = _framed(headers, "{length}")
        elif length == str(len(answer.body)):
            headers = [
                (name, str(len(body.encode())) if _is_length(name) else value) for name, value in headers
            ]
        return Observation(answer.status, answer.reason, tuple(headers), body, answer.interim)

    def text(self, text: str) -> str:
        """A body with placeholders."""
        text = _DOCUMENTATION.sub('"documentation":""', text)
        text = _SERVLET.sub(r"\g<1>{identity}", text)
        text = _CONNECTION.sub("{connection}", text)
        text = _IDLE.sub(r"\g<1>{elapsed}/", text)
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

    def _header(self, name: str, value: str) -> tuple[str, str]:
        return name, "{date}" if _HTTP_DATE.fullmatch(value) else self.addresses(value)


def _is_length(name: str) -> bool:
    return name.lower() == "content-length"


def _framed(headers: list[tuple[str, str]], length: str) -> list[tuple[str, str]]:
    """Both ways to say where a body ends become one."""
    others = [(name, value) for name, value in headers if name.lower() not in _FRAMING]
    return [*others, ("Content-Length", length)]
