"""Media types, against what a real worker answered (``data/media-4.3.jsonl``), and parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockconnect.rest import jetty
from mockconnect.rest.negotiation import (
    MalformedHeader,
    accepted,
    boolean_parameter,
    consumes_json,
    content_type,
    forward_parameter,
    int_parameter,
    json_type,
    options_type,
    reads_json,
    string_parameter,
)

DATA = Path(__file__).parent / "data"
UNKNOWN = "/nope"
SERVED = (None, "")
"""The request reached its resource."""


def sent(header: str | None) -> str | None:
    """A header as it arrives: octets, several of a kind joined."""
    if header is None:
        return None
    for name in ("Content-Type", "Accept"):
        header = header.replace(f"\r\n{name}: ", ",")
    return header.encode().decode("latin-1")


def negotiated(
    method: str, path: str, media: str | None, accept: str | None, body: str | None
) -> tuple[int | None, str | None]:
    """Status and type of the answer, as far as negotiation decides it."""
    try:
        given = content_type(sent(media))
        if path == UNKNOWN:
            return 404, None
        if method == "OPTIONS":
            return 200, options_type(sent(accept))[0]
        if path != "/" and not consumes_json(given):
            return 415, None
        answered = json_type(sent(accept))
    except MalformedHeader:
        page = jetty.page_of(
            jetty.refused_by_jersey(path),
            jetty.jetty_of((4, 3, 1)),
            method=method,
            accept=sent(accept),
            host="h:1",
        )
        return page.status_code, dict(page.headers).get("Content-Type")
    if answered is None:
        return 406, None
    if method == "POST" and not reads_json(given, (body or "").encode()):
        return 415, answered
    return None, answered


def test_recorded_media_types() -> None:
    for line in (DATA / "media-4.3.jsonl").read_text().splitlines():
        method, path, media, accept, body, status_code, answered = json.loads(line)
        found = negotiated(method, path, media, accept, body)
        about = (method, path, media, accept, found)
        if found[0] is not None:
            assert found == (status_code, answered), about
        else:
            assert status_code not in (400, 405, 406, 415), about
            assert answered in (None, found[1]) if status_code == 202 else answered == found[1], about


def test_accept_is_ranked_by_quality_then_exactness() -> None:
    ranked = accepted("*/*, a/*;q=0.5, c/d;x=1, e/f;q=0.9")
    assert [each.text() for each in ranked] == ["c/d;x=1", "*/*", "e/f;q=0.9", "a/*;q=0.5"]


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ([], "default"),
        ([("other", "true")], "default"),
        ([("b", "")], "default"),
        ([("b", ""), ("b", "true")], "default"),
        ([("b", "true")], True),
        ([("b", "TrUe")], True),
        ([("b", " true")], False),
        ([("b", "1")], False),
        ([("b", "false"), ("b", "true")], False),
        ([("B", "true")], "default"),
    ],
)
def test_boolean_parameter(parameters: list[tuple[str, str]], value: bool | str) -> None:
    for default in (True, False):
        assert boolean_parameter(parameters, "b", default) is (default if value == "default" else value)


@pytest.mark.parametrize(
    ("parameters", "value"),
    [([], None), ([("forward", "")], False), ([("forward", "TRUE")], True), ([("forward", "x")], False)],
)
def test_forward_parameter(parameters: list[tuple[str, str]], value: bool | None) -> None:
    assert forward_parameter(parameters) is value


def test_string_parameter_takes_an_empty_value() -> None:
    assert string_parameter([("scope", ""), ("scope", "cluster")], "scope", "worker") == ""
    assert string_parameter([], "scope", "worker") == "worker"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+1", 1),
        ("-1", -1),
        ("01", 1),
        ("٣", 3),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("-2147483648", -2147483648),
        ("-2147483649", None),
        ("", None),
        ("-", None),
        (" 1", None),
        ("1.0", None),
        ("1_0", None),
        ("abc", None),
        ("𝟏", None),
    ],
)
def test_int_parameter(text: str, number: int | None) -> None:
    assert int_parameter(text) == number
