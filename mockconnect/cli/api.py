"""The control API as commands ask it: one request, and its answer as a table or as it is.

Rules of this room: an error is printed from its problem details, one line per mistake, on standard error; exit status 2.
What was expected and does not hold is told on standard output; exit status 1.
Nothing of the simulator is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlencode

import click

if TYPE_CHECKING:
    from http.client import HTTPResponse

NOT_HELD: Final = "urn:mockconnect:problem:not-held"
TIMEOUT_S: Final = 300.0
"""Moving time far takes a while."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the control API is, and how its answers are shown."""

    url: str
    token: str | None
    as_json: bool

    def open(
        self, method: str, path: str, body: str | None = None, accept: str = "application/json"
    ) -> HTTPResponse:
        """The answer, or the end of the command with everything that was wrong."""
        from http.client import HTTPException  # noqa: PLC0415 - heavy
        from urllib.error import HTTPError  # noqa: PLC0415 - heavy
        from urllib.request import ProxyHandler, Request, build_opener  # noqa: PLC0415 - heavy

        headers = {"Accept": accept, "Content-Type": "application/yaml"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else body.encode()
        try:
            request = Request(self.url.rstrip("/") + path, data, headers, method=method)
            answer: HTTPResponse = build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S)
            return answer
        except HTTPError as error:
            with error:
                _refused(error.code, error.read())
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            fail([f"{self.url}: {getattr(reason, 'strerror', None) or reason}"])

    def ask(self, method: str, path: str, body: object = None, /, **query: object) -> Any:
        """One request; gives what was answered."""
        given = {name: value for name, value in query.items() if value is not None}
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        with self.open(method, f"{path}?{urlencode(given)}" if given else path, text) as answer:
            octets = answer.read()
        try:
            return json.loads(octets)
        except ValueError:
            fail([f"{self.url} is no control API of mockconnect"])

    def show(self, answer: Any, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """As a table, or as it is."""
        if self.as_json:
            print_json(answer)
            return
        from mockconnect.cli.tables import print_table  # noqa: PLC0415 - heavy

        print_table(columns, [[_cell(value) for value in row] for row in rows])


def fail(lines: Sequence[str]) -> NoReturn:
    for line in lines:
        click.echo(f"mockconnect ctl: {line}", err=True)
    sys.exit(2)


def _refused(status_code: int, octets: bytes) -> NoReturn:
    """What a problem says: its mistakes, or else its detail. What does not hold is an answer, too."""
    problem: Any = None
    with suppress(ValueError):
        problem = json.loads(octets)
    if not isinstance(problem, dict) or "detail" not in problem:
        fail([f"answered with {status_code}, which is no control API of mockconnect"])
    if problem.get("type") == NOT_HELD:
        click.echo(problem["detail"])
        sys.exit(1)
    fail(_lines(problem))


def _lines(problem: Mapping[str, Any]) -> list[str]:
    mistakes = problem.get("errors") or [{"detail": problem["detail"]}]
    return [": ".join(filter(None, [_line(one), one.get("path"), one["detail"]])) for one in mistakes]


def _line(mistake: Mapping[str, Any]) -> str:
    return f"line {mistake['line']}" if mistake.get("line", 1) > 1 else ""


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)


def _pairs(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, one a line; what is inside stands behind a dot."""
    found: list[tuple[str, str]] = []
    for name, value in answer.items():
        if isinstance(value, dict):
            found += [(f"{name}.{inner}", text) for inner, text in _pairs(value)]
        else:
            found.append((name, _cell(value)))
    return found


def show_pairs(api: Api, answer: Mapping[str, Any]) -> None:
    api.show(answer, ("WHAT", "VALUE"), _pairs(answer))
