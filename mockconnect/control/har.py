"""Requests as an HTTP archive (HAR 1.2), which the developer tools of browsers open.

Rules of this room: instants and spans are virtual time. What lets somebody in is masked, since files are handed on; what
was too large to be kept is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from mockconnect.core.journal import RequestRow

MASKED: Final = frozenset({"authorization", "cookie", "x-connect-authorization"})
_PHRASES: Final = {int(one): one.phrase for one in HTTPStatus}
Har = dict[str, Any]


def har(rows: Iterable[RequestRow], instant: Callable[[int], str], scheme: str, version: str) -> Har:
    """The archive as plain data. ``instant`` tells the calendar time of an instant of virtual time."""
    creator = {"name": "mockconnect", "version": version}
    entries = [_entry(row, instant(row.at_ms), scheme) for row in rows]
    return {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": entries}}


def _entry(row: RequestRow, began: str, scheme: str) -> Har:
    took_ms = row.duration_ms or 0
    return {
        "startedDateTime": began,
        "time": took_ms,
        "request": _request(row, scheme),
        "response": _response(row),
        "cache": {},
        "timings": {"send": 0, "wait": took_ms, "receive": 0},
        "connection": row.client,
        "comment": " ".join(filter(None, (row.worker or row.door, row.operation, row.fault))),
    }


def _request(row: RequestRow, scheme: str) -> Har:
    host = row.headers.get("Host", row.worker)
    found = {
        "method": row.method,
        "url": f"{scheme}://{host}{row.target}" if row.target.startswith("/") else row.target,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(row.headers.items()),
        "queryString": _pairs((name, value) for name, values in row.query.items() for value in values),
        "headersSize": -1,
        "bodySize": -1 if row.sent is None else len(row.sent),
    }
    if row.sent:
        kind = row.headers.get("Content-Type", "")
        found["postData"] = {"mimeType": kind, "text": row.sent.decode("utf-8", "replace")}
    return found


def _response(row: RequestRow) -> Har:
    """Status 0 is what developer tools show of a request without an answer."""
    headers = {name.lower(): value for name, value in row.answer_headers}
    size = -1 if row.answered is None else len(row.answered)
    text = (row.answered or b"").decode("utf-8", "replace")
    return {
        "status": row.status_code,
        "statusText": _PHRASES.get(row.status_code, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(row.answer_headers),
        "content": {"size": size, "mimeType": headers.get("content-type", ""), "text": text},
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": size,
    }


def _pairs(found: Iterable[tuple[str, str]]) -> list[Mapping[str, str]]:
    """A slice of a name is a text and nothing more."""
    return [{"name": name[:], "value": "masked" if name.lower() in MASKED else text} for name, text in found]
