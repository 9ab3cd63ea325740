"""The control API and those who mean no good, or know no HTTP: every answer is a problem, and none of them a bug."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from mockconnect.control import events
from mockconnect.control.routes import ROUTES

HOST = "Host: 127.0.0.1\r\nConnection: close\r\n"


def exchange(url: str, octets: bytes) -> tuple[int, dict[str, str], bytes]:
    """What is answered to these bytes: status code, headers, body."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=300) as client:
        client.sendall(octets)
        answer = b""
        while chunk := client.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status_line.split()[1]), headers, body


def get(path: str = "/health", *headers: str, method: str = "GET", host: str = HOST) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"{method} {path} HTTP/1.1\r\n{host}{lines}\r\n".encode("utf-8", "surrogateescape")


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "a name that was bent to this machine": (
        get(host="Host: evil.example\r\nConnection: close\r\n"),
        403,
        "foreign-origin",
    ),
    "a name that begins like an address": (
        get(host="Host: 127.0.0.1.evil.example\r\nConnection: close\r\n"),
        403,
        "foreign-origin",
    ),
    "a host that is none": (get(host="Host: [::1\r\nConnection: close\r\n"), 403, "foreign-origin"),
    "a page of another site": (get("/health", "Origin: http://evil.example"), 403, "foreign-origin"),
    "a page of another port": (get("/health", "Origin: http://127.0.0.1:1"), 403, "foreign-origin"),
    "a page of nowhere": (get("/health", "Origin: null"), 403, "foreign-origin"),
    "an origin that is none": (get("/health", "Origin: http://[::1"), 403, "foreign-origin"),
    "a form of another site": (
        get(
            "/faults",
            "Origin: http://evil.example",
            "Content-Type: text/plain",
            "Content-Length: 0",
            method="POST",
        ),
        403,
        "foreign-origin",
    ),
    "an image of another site": (get("/health", "Sec-Fetch-Site: cross-site"), 403, "foreign-origin"),
    "a preflight of another site": (
        get("/faults", "Origin: http://evil.example", method="OPTIONS"),
        403,
        "foreign-origin",
    ),
    "two hosts": (get(host=HOST + "Host: evil.example\r\n"), 400, "not-http"),
    "no HTTP at all": (b"\x16\x03\x01\x02\r\n\r\n", 400, "not-http"),
    "an unknown method": (get(method="BREW"), 400, "not-http"),
    "a line without an end": (get("/health?" + "a" * 20_000), 400, "not-http"),
    "a broken chunk": (
        get("/faults", "Transfer-Encoding: chunked", "", "zz", method="POST"),
        400,
        "not-http",
    ),
    "a body that is compressed": (
        get("/faults", "Content-Encoding: gzip", "Content-Length: 3", method="POST") + b"abc",
        400,
        "not-readable",
    ),
    "a path out of here": (get("/schemas/..%2f..%2fcluster"), 404, "not-found"),
    "another way there": (get("//127.0.0.1/health"), 404, "not-found"),
    "nothing in particular": (get("*", method="OPTIONS"), 404, "not-found"),
    "a word for proxies": (get("/health", method="TRACE"), 405, "not-allowed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(control: Any, name: str) -> None:
    octets, status_code, kind = REFUSED[name]
    found, headers, body = exchange(control.url, octets)
    problem = json.loads(body)
    assert (found, problem["status"]) == (status_code, status_code), problem
    assert problem["type"] == f"urn:mockconnect:problem:{kind}"
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert control.get("/faults") == {"active": [], "ended": []}


@pytest.mark.parametrize(
    "headers", [(), ("Sec-Fetch-Site: none",), ("Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1")]
)
def test_programs_and_one_s_own_pages_are_let_in(control: Any, headers: tuple[str, ...]) -> None:
    assert exchange(control.url, get("/health", *headers))[0] == 200
    assert exchange(control.url, b"GET /health HTTP/1.0\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    "header", ["Bearer \udcff", "Bearer", "secret", "Bearer secret secret", "Bearer sécret"]
)
def test_tokens_that_are_none(controlled: Callable[..., Any], header: str) -> None:
    control = controlled(control_token="secret")
    status_code, headers, body = exchange(control.url, get("/health", f"Authorization: {header}"))
    assert (status_code, json.loads(body)["status"]) == (401, 401)
    assert headers["WWW-Authenticate"] == 'Bearer realm="mockconnect"'
    assert exchange(control.url, get("/health", "Authorization: Bearer secret"))[0] == 200


def test_what_can_be_done_with_every_path(control: Any) -> None:
    for path in sorted({route.path for route in ROUTES}):
        methods = {route.method for route in ROUTES if route.path == path}
        status_code, headers, _ = exchange(control.url, get(path, method="OPTIONS"))
        assert status_code == 204
        assert set(headers["Allow"].split(", ")) == {
            *methods,
            "OPTIONS",
            *(["HEAD"] if "GET" in methods else []),
        }
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            found, others, body = exchange(control.url, get(path, method=method))
            assert (found, others["Allow"], json.loads(body)["status"]) == (405, headers["Allow"], 405)


def test_heads_have_no_bodies(control: Any) -> None:
    for path in ("/health", "/info", "/events?follow=true", "/requests"):
        status_code, headers, body = exchange(
            control.url, get(path, "Accept: text/event-stream", method="HEAD")
        )
        assert (status_code, headers["Content-Type"], body) == (200, "application/json", b"")


def test_only_what_is_below_the_prefix_is_not_connect_s(control: Any) -> None:
    before = control.get("/requests")["next"]
    assert exchange(control.cluster.urls[0], get("/__mockconnect/health"))[0] == 200
    assert exchange(control.cluster.urls[0], get("/__mockconnect?x=1"))[0] == 404
    assert control.get("/requests")["next"] == before
    _, _, body = exchange(control.cluster.urls[0], get("/__mockconnectors"))
    assert json.loads(body) == {"error_code": 404, "message": "HTTP 404 Not Found"}
    assert control.get("/requests")["next"] == before + 1


# --- slow readers ---------------------------------------------------------------------------------------------------------


def test_followers_are_few(control: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "FOLLOWERS_MAX", 1)
    port = int(control.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as follower:
        follower.sendall(get("/events?follow=true"))
        assert follower.recv(12) == b"HTTP/1.1 200"
        assert control("GET", "/events?follow=true").status_code == 429
        assert control.get("/events")["events"]


def test_a_follower_that_takes_nothing_is_given_up(control: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STALLED_S", 0.05)
    port = int(control.url.rpartition(":")[2])
    with socket.socket() as follower:
        follower.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        follower.connect(("127.0.0.1", port))
        follower.sendall(get("/events?follow=true"))
        assert follower.recv(12) == b"HTTP/1.1 200"
        for _ in range(3_000):
            control.cluster._do(lambda: control.cluster._core.sim.note("-", -1, "noise", "x" * 1_000))
        followers = control.cluster._hosted._control._desk.followers
        while followers._count:
            control.get("/health")
    assert control.get("/health") == {"status": "ok"}
