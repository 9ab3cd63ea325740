"""Targets and locations, against what real workers answered (``data/paths-*.jsonl``, ``data/locations.jsonl``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockconnect.core.errors import ConnectError
from mockconnect.rest import jetty, wire
from mockconnect.rest.negotiation import int_parameter
from mockconnect.rest.paths import BadTarget, Target, location, parse_target, query_parameters

DATA = Path(__file__).parent / "data"
ROUTES = [
    pattern.split("/")[1:] if pattern != "/" else []
    for pattern in [
        "/",
        "/health",
        "/connectors",
        "/connectors/*",
        "/connectors/*/status",
        "/connectors/*/config",
        "/connectors/*/tasks",
        "/connectors/*/tasks/*/status",
        "/connector-plugins",
        "/connector-plugins/*/config",
        "/admin/loggers",
        "/admin/loggers/*",
    ]
]

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def route_of(target: Target) -> list[str] | None:
    for route in ROUTES:
        if len(route) == len(target.literals) and all(
            literal if each == "*" else literal == each
            for each, literal in zip(route, target.literals, strict=True)
        ):
            return route
    return None


def not_found(message: str) -> str:
    return wire.encode({"error_code": 404, "message": message}).decode()


def answer_of(target: Target) -> str | None:
    """What the recorded worker, which had no connectors, answered; ``None`` if it found something."""
    match route_of(target):
        case None:
            return not_found("HTTP 404 Not Found")
        case [_, "*", "status"]:
            return not_found(f"No status found for connector {target.segments[1]}")
        case [_, "*", "tasks", "*", "status"]:
            task = int_parameter(target.segments[3])
            return not_found(
                "HTTP 404 Not Found"
                if task is None
                else f"No status found for task {target.segments[1]}-{task}"
            )
        case ["connectors", "*"]:
            return not_found(f"Connector {target.segments[1]} not found")
        case _:
            return None


@pytest.mark.parametrize(("name", "kafka"), [("paths-4.3.jsonl", (4, 3, 1)), ("paths-3.9.jsonl", (3, 9, 1))])
def test_recorded_targets(name: str, kafka: tuple[int, int, int]) -> None:
    build = jetty.jetty_of(kafka)
    for row in rows(name):
        target = row["target"].encode("latin-1")
        found = parse_target(target, build.line, "h:1")
        if "body" in row:
            assert isinstance(found, BadTarget), target
            page = jetty.page_of(found, build, host="h:1")
            headers = [list(header) for header in page.headers]
            assert (page.status_code, page.reason, headers) == (
                row["status"],
                row["reason"],
                row["headers"],
            ), target
            assert page.body.decode("latin-1") == row["body"], target
        else:
            assert isinstance(found, Target), target
            expected = answer_of(found)
            assert expected == row["answer"] or (expected is None and "HTTP 404" not in row["answer"]), (
                target,
                found,
            )


@pytest.mark.parametrize("line", [9, 12])
@pytest.mark.parametrize(
    ("raw", "segments", "query"),
    [
        ("/", (), ""),
        ("/connectors", ("connectors",), ""),
        ("/connectors/", ("connectors",), ""),
        ("/connectors?expand=status&expand=info", ("connectors",), "expand=status&expand=info"),
        ("/connectors/a.b-c/status", ("connectors", "a.b-c", "status"), ""),
        ("/connectors/a%20b;x=y/status;z?q#f", ("connectors", "a b", "status"), "q"),
        ("/connectors/..", ("connectors", ".."), ""),
        ("http://h:1/connectors", ("connectors",), ""),
        ("http://h:1", (), ""),
        (b"/connectors/%C3%BC", ("connectors", "ü"), ""),
    ],
)
def test_segments(raw: str | bytes, segments: tuple[str, ...], query: str, line: jetty.JettyLine) -> None:
    found = parse_target(raw, line, "h:1")
    assert isinstance(found, Target)
    assert (found.segments, found.query) == (segments, query)


def test_literals_are_compared_as_sent() -> None:
    found = parse_target("/%63onnectors/%61", 12)
    assert isinstance(found, Target)
    assert found.literals == ("%63onnectors", "%61")
    assert found.segments == ("connectors", "a")


def test_empty_segments_of_jetty_9_match_nothing() -> None:
    for raw in ("//", "/connectors//", "//connectors", "/connectors//status", "/;x/connectors"):
        found = parse_target(raw, 9)
        assert isinstance(found, Target)
        assert "" in found.literals
        assert route_of(found) is None


@given(st.text(), st.sampled_from([9, 12]))
def test_anything_is_a_target_or_refused(text: str, line: jetty.JettyLine) -> None:
    raw = ("/" + text).encode("utf-8", "surrogatepass")
    found = parse_target(raw, line)
    if isinstance(found, Target):
        found_texts = (*found.segments, *found.literals, found.query, found.uri)
        assert all(each.encode() or True for each in found_texts)
    else:
        assert jetty.page_of(found, jetty.jetty_of((4, 3, 1) if line == 12 else (3, 9, 1))).status_code == 400


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", ()),
        ("a", (("a", ""),)),
        ("a=", (("a", ""),)),
        ("=a", ()),
        ("&&a=1&&a=2&", (("a", "1"), ("a", "2"))),
        ("a==b=", (("a", "=b="),)),
        ("%61+b=%C3%BC+%2B", (("a b", "ü +"),)),
        ("a=%ZZ%&b=%F", (("a", "%ZZ%"), ("b", "%F"))),
        ("a=%FF%ED%A0%80", (("a", "\ufffd\ufffd"),)),
        ("a={b}", (("a", "{b}"),)),
        ("a;b=c", (("a;b", "c"),)),
    ],
)
def test_query_parameters(query: str, parameters: tuple[tuple[str, str], ...]) -> None:
    assert query_parameters(query) == parameters


def located(name: str, line: jetty.JettyLine) -> dict[str, str | None]:
    try:
        return {"location": location("http", "h:1", name, line)}
    except ConnectError as error:
        return {"fault": error.message}


def test_recorded_locations() -> None:
    for row in rows("locations.jsonl"):
        recorded = {key: row[key] for key in ("location", "fault") if key in row}
        assert located(row["name"], row["jetty"]) == recorded, row["name"]
