"""A worker with two connectors that answers as badly as a test wants."""

from __future__ import annotations

import json
import threading
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

CLASS = "com.acme.A"


def answers(cluster_id: str) -> dict[str, Any]:
    def connector(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "config": {"connector.class": CLASS, "name": name},
            "tasks": [],
            "type": "source",
        }

    def status(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "connector": {"state": "RUNNING", "worker_id": "w:1", "version": "1"},
            "tasks": [],
        }

    found: dict[str, Any] = {
        "/": {"version": "4.3.1", "commit": "x", "kafka_cluster_id": cluster_id},
        "/connectors": ["a", "b"],
        "/connector-plugins": [{"class": CLASS, "type": "source", "version": "1"}],
        f"/connector-plugins/{CLASS}/config": [],
        "/admin/loggers": {"root": {"level": "INFO", "last_modified": None}},
    }
    for name in ("a", "b"):
        path = f"/connectors/{name}"
        found |= {path: connector(name), f"{path}/status": status(name), f"{path}/tasks": []}
        found.setdefault("expanded", {})[name] = {"info": connector(name), "status": status(name)}
        found |= {f"{path}/offsets": {"offsets": []}, f"{path}/topics": {name: {"topics": []}}}
    return found


class FakeConnect:
    """Use it in a ``with`` block."""

    def __init__(self, cluster_id: str = "fake") -> None:
        self.answers = answers(cluster_id)
        self.ended = threading.Event()
        self._spoilt: list[list[Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> FakeConnect:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spoil(self, path: str, how: str, times: int = 10_000) -> None:
        """Answers for paths that fit are spoilt so many times."""
        self._spoilt.append([path, how, times])

    def _how(self, path: str) -> str:
        for row in self._spoilt:
            if row[2] > 0 and fnmatchcase(path, row[0]):
                row[2] -= 1
                return str(row[1])
        return ""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                how = fake._how(path)
                if "expand=" in self.path:
                    path = "expanded"
                if how == "hang":
                    fake.ended.wait()
                elif how == "truncate":
                    self._send(200, b'["a"', length=99)
                elif how == "html":
                    self._send(200, b"<html>Bad gateway</html>")
                elif how in ERRORS:
                    status_code, message = ERRORS[how]
                    body = {} if message is None else {"error_code": status_code, "message": message}
                    self._send(status_code, json.dumps(body).encode())
                elif how != "close":
                    self._send(200, json.dumps(fake.answers[path]).encode())

            def _send(self, status_code: int, body: bytes, length: int | None = None) -> None:
                self.send_response(status_code)
                self.send_header("Content-Length", str(length or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


ERRORS: dict[str, tuple[int, str | None]] = {
    "not found": (404, None),
    "unauthorized": (401, None),
    "error": (500, "out of luck"),
    "409": (409, "Cannot complete request"),
    "rebalance": (500, "Request cannot be completed because a rebalance is expected"),
}
