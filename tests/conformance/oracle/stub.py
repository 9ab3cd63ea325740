"""A stub in front of a leader: followers believe it is the leader, and it answers them as it is told to.

Rules of this room: the stub listens on the address that the first worker advertises. `relay` passes everything through to
that worker; every other mode is one way in which what stands between two workers can fail.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)
_HTML: Final = b"<html>502 Bad Gateway</html>"


def _answer(status: str, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [
        b"HTTP/1.1 " + status.encode(),
        *headers,
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    return b"\r\n".join([*lines, b"", body])


ANSWERS: Final[Mapping[str, bytes]] = {
    "html-502": _answer("502 Bad Gateway", _HTML, b"Content-Type: text/html"),
    "html-200": _answer("200 OK", _HTML, b"Content-Type: text/html"),
    "text-503": _answer("503 Service Unavailable", b"upstream connect error", b"Content-Type: text/plain"),
    "empty-500": _answer("500 Server Error"),
    "empty-200": _answer("200 OK"),
    "empty-204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "array-500": _answer("500 Server Error", b"[]", b"Content-Type: application/json"),
    "other-500": _answer("500 Server Error", b'{"a":1}', b"Content-Type: application/json"),
    "error-418": _answer("418 Teapot", b'{"error_code":7,"message":"m"}', b"Content-Type: application/json"),
    "error-null": _answer("500 X", b'{"error_code":500,"message":null}', b"Content-Type: application/json"),
    "array-200": _answer("200 OK", b"[]", b"Content-Type: application/json"),
    "redirect": _answer("302 Found", b"", b"Location: /elsewhere"),
    "not-modified": _answer("304 Not Modified"),
    "unauthorized": _answer(
        "401 Unauthorized", b"User cannot access the resource.", b"Content-Type: text/plain"
    ),
    "unauthorized-challenge": _answer(
        "401 Unauthorized", b"denied", b"Content-Type: text/plain", b'WWW-Authenticate: Basic realm="r"'
    ),
    "cut-off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{",
    "not-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "closed": b"",
}
"""What is sent after the request was read; then the connection is closed."""
MODES: Final = ("relay", "reset", "reset-at-once", "silent", "refused", "dropped", *ANSWERS)


class StubLeader:
    """Listens from the beginning; `port` is what the leader advertises, `target_port` where it really listens."""

    def __init__(self, port: int, target_port: int):
        self.port = port
        self._target_port = target_port
        self._mode = "relay"
        self._listening: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._held: list[socket.socket] = []
        self.be("relay")

    def be(self, mode: str) -> None:
        """Behave like this from now on."""
        assert mode in MODES, mode
        self.end()
        self._mode = mode
        if mode == "refused":
            return
        self._listening = socket.create_server(
            ("127.0.0.1", self.port), backlog=0 if mode == "dropped" else 50
        )
        if mode == "dropped":
            self._fill()
        else:
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _fill(self) -> None:
        """A queue that is full: the kernel drops further attempts to connect, as a lost host does."""
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)
        time.sleep(0.1)

    def end(self) -> None:
        """Stop listening and let everything go."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        for one in (*self._fillers, *self._held):
            one.close()
        self._fillers, self._held = [], []

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, self._mode), daemon=True).start()

    def _serve(self, connection: socket.socket, mode: str) -> None:
        serve = _SERVE.get(mode, StubLeader._say)
        with contextlib.suppress(OSError):
            serve(self, connection, mode)

    def _say(self, connection: socket.socket, mode: str) -> None:
        with connection:
            _read_request(connection)
            connection.sendall(ANSWERS[mode])

    def _reset(self, connection: socket.socket, mode: str) -> None:
        if mode == "reset":
            _read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()

    def _hold(self, connection: socket.socket, _mode: str) -> None:
        self._held.append(connection)

    def _relay(self, connection: socket.socket, _mode: str) -> None:
        with connection, socket.create_connection(("127.0.0.1", self._target_port)) as onward:
            back = threading.Thread(target=_copy, args=(onward, connection), daemon=True)
            back.start()
            _copy(connection, onward)
            back.join()


_SERVE: Final[Mapping[str, Callable[[StubLeader, socket.socket, str], None]]] = {
    "relay": StubLeader._relay,
    "reset": StubLeader._reset,
    "reset-at-once": StubLeader._reset,
    "silent": StubLeader._hold,
}


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _read_request(connection: socket.socket) -> None:
    """Read a head and as much body as it announces."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        more = connection.recv(65536)
        if not more:
            return
        seen += more
    head, _, body = seen.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            missing = int(line.partition(b":")[2]) - len(body)
            while missing > 0:
                missing -= len(connection.recv(missing)) or missing
