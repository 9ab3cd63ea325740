"""Errors of the control API: problem details (RFC 9457), never in the shape of Connect's own errors.

Rules of this room: ``KINDS`` is the table of what can go wrong. A problem with a body has every mistake of it in
``errors``, each with its line and path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mockconnect.files.problems import Problem

MEDIA_TYPE: Final = "application/problem+json"
KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "not-http": (400, "The request cannot be read"),
    "not-readable": (400, "The body cannot be read"),
    "token-needed": (401, "A token is needed"),
    "foreign-origin": (403, "The request comes from another site"),
    "not-found": (404, "There is no such thing"),
    "not-allowed": (405, "That cannot be done with this path"),
    "refused": (409, "The cluster is not in a state for this"),
    "not-held": (409, "What is expected does not hold"),
    "too-large": (413, "The body is too large"),
    "mistakes": (422, "There are mistakes in what was sent"),
    "too-many": (429, "Too many follow already"),
    "bug": (500, "mockconnect has a bug"),
}
"""By the last word of ``type``: status code and title."""
TYPE: Final = "urn:mockconnect:problem:"
_INPUT: Final = re.compile(r"^(body|query|scenario(\.json)?)(: |\.)?")
"""What inputs are called inside; whoever sent them knows."""
_PLACE: Final = re.compile(r"[^:]*:(\d+)(?:: (.*))?", re.DOTALL)


def encoded(value: object) -> bytes:
    """JSON. What clients of the cluster have sent may be no text; a question mark stands for what is none."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


class Mistake(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mistake: its line (if there is one) and path in what was sent, and what is wrong."""

    detail: str
    path: str = ""
    line: int | None = None


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What every error is answered with."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Mistake] = []


class ControlError(Exception):
    """What becomes a problem. ``kind`` is a name of ``KINDS``; ``headers`` go with it."""

    def __init__(
        self,
        kind: str,
        detail: str,
        mistakes: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.mistakes = tuple(mistakes)
        self.headers = dict(headers or {})

    @property
    def status_code(self) -> int:
        return KINDS[self.kind][0]

    def details(self) -> ProblemDetails:
        status_code, title = KINDS[self.kind]
        return ProblemDetails(TYPE + self.kind, title, status_code, str(self), list(self.mistakes))


def mistaken(problems: Sequence[Problem], kind: str = "mistakes") -> ControlError:
    """All mistakes of one input as one problem."""
    mistakes = [_mistake(one) for one in problems]
    count = "one mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    return ControlError(kind, f"{count}: {'; '.join(map(_text, mistakes))}", mistakes)


def _mistake(problem: Problem) -> Mistake:
    """``body:3: crash.worker`` is line 3 and a path; what has no line has the path alone."""
    found = _PLACE.fullmatch(problem.where)
    if found is None:
        return Mistake(problem.text, _INPUT.sub("", problem.where))
    return Mistake(problem.text, found[2] or "", int(found[1]) or None)


def _text(mistake: Mistake) -> str:
    return f"{mistake.path}: {mistake.detail}" if mistake.path else mistake.detail
