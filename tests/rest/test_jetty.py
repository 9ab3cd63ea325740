"""Pages of Jetty, against what real workers sent (``data/pages.jsonl``, ``data/limits.jsonl``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mockconnect.rest.jetty import BadTarget, jetty_of, not_ready, page_of, too_long
from mockconnect.rest.paths import Target, parse_target

DATA = Path(__file__).parent / "data"

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def kafka_of(row: Row) -> tuple[int, int, int]:
    major, minor, patch = map(int, row["kafka"].split("."))
    return major, minor, patch


def refusal_of(row: Row) -> BadTarget:
    found = parse_target(row["target"], jetty_of(kafka_of(row)).line, "h:1")
    if row["ready"]:
        assert isinstance(found, BadTarget)
        return found
    assert isinstance(found, Target)
    return not_ready(found.uri)


def test_recorded_pages() -> None:
    for row in rows("pages.jsonl"):
        page = page_of(
            refusal_of(row),
            jetty_of(kafka_of(row)),
            method=row["method"],
            accept=row["accept"],
            host="h:1",
            charset=row["charset"],
        )
        about = (row["kafka"], row["method"], row["target"], row["accept"], row["charset"])
        headers = [list(header) for header in page.headers]
        assert (page.status_code, page.reason, headers) == (row["status"], row["reason"], row["headers"]), (
            about
        )
        assert page.body.decode("latin-1") == row["body"], about


def test_recorded_limits() -> None:
    for row in rows("limits.jsonl"):
        build = jetty_of(kafka_of(row))
        target = "/" + "a" * (row["target_size"] - 1)
        refused = too_long(build.line, row["method"], target, row["head_size"])
        assert (refused and refused.status_code) == row["status"], row
        if refused is not None:
            page = page_of(refused, build, method=row["method"], host="h:1")
            assert len(page.body) == row["size"], row
            assert page.closes


def test_pages_of_older_builds_link_to_the_old_home() -> None:
    page = page_of(not_ready("/"), jetty_of((3, 6, 2)))
    assert b'<a href="https://eclipse.org/jetty">Powered by Jetty:// 9.4.53.v20231009</a>' in page.body


def test_server_header() -> None:
    assert jetty_of((4, 3, 1)).server == "Jetty(12.0.34)"
    assert jetty_of((3, 9, 1)).server == "Jetty(9.4.57.v20241219)"
