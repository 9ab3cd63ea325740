"""One HTTP/1.1 exchange over a bare socket: the request goes out exactly as written, the answer is kept exactly.

No library is used that would rewrite a path, add headers or decode a body.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO


class WireError(Exception):
    """No complete answer came: refused, reset, timed out, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it will stand on the wire; `target` is sent as it is, with its escapes and mistakes."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def encode(self, authority: str) -> bytes:
        """The bytes of the request. Host and Content-Length are added unless they are given."""
        given = {name.lower() for name, _ in self.headers}
        headers = [] if "host" in given else [("Host", authority)]
        headers += self.headers
        if self.body is not None and not given & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("utf-8") + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a client can see of an answer. `body` is without transfer coding; `interim` are the 1xx before it."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    elapsed_ms: int
    interim: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def exchange(
    host: str, port: int, request: Request, timeout_s: float = 100, tls: ssl.SSLContext | None = None
) -> Answer:
    """Send one request on a connection of its own and read until the answer is complete."""
    began = time.monotonic()
    try:
        with _connected(host, port, timeout_s, tls) as connection, connection.makefile("rb") as stream:
            connection.sendall(request.encode(f"{host}:{port}"))
            return _read_answer(stream, request.method, began)
    except (OSError, ValueError) as error:
        raise WireError(f"{type(error).__name__}: {error}") from error


def _connected(host: str, port: int, timeout_s: float, tls: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=timeout_s)
    if tls is None:
        return connection
    try:
        return tls.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _read_answer(stream: BinaryIO, method: str, began: float) -> Answer:
    interim: list[str] = []
    while True:
        status, reason, headers = _read_head(stream)
        if not _is_interim(status):
            break
        interim.append(f"{status} {reason}")
    named = {name.lower(): value for name, value in headers}
    body = b"" if method == "HEAD" else _read_body(named, status, stream)
    elapsed_ms = round((time.monotonic() - began) * 1000)
    return Answer(status, reason, tuple(headers), body, elapsed_ms, tuple(interim))


def _is_interim(status: int) -> bool:
    """Whether the answer proper is still to come; after 101 it is not HTTP that comes."""
    return 100 <= status < 200 and status != 101


def _read_head(stream: BinaryIO) -> tuple[int, str, list[tuple[str, str]]]:
    version, _, rest = stream.readline().decode("latin-1").rstrip("\r\n").partition(" ")
    if not version.startswith("HTTP/"):
        raise WireError(f"not an HTTP answer: {version!r}")
    status, _, reason = rest.partition(" ")
    headers = []
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return int(status), reason, headers


def _read_body(headers: dict[str, str], status: int, stream: BinaryIO) -> bytes:
    if status in (204, 304):
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_chunks(stream))
    if "content-length" in headers:
        return stream.read(int(headers["content-length"]))
    return stream.read() if headers.get("connection", "").lower() == "close" else b""


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while size := int(stream.readline().split(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
