"""JSON Schema of what ``reading`` reads: the types said once more, for editors and for tools that write files.

Rules of this room:

* An editor resolves scalars before it looks at a schema: ``answer: 409`` is a number there, here a text. So where a text is
  wanted, a number and a truth value are right too, and where a number is wanted, so is a text of its digits.
* ``${name}`` may stand for any scalar where a file has parameters.
* What is read is valid, and what is not valid is not read. The other way round a schema does not know what names lead to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mockconnect.files.durations import PATTERN
from mockconnect.files.reading import schema_of

Part = dict[str, Any]
REFERENCE: Final = r"\$\{[A-Za-z_][\w-]*\}"
"""What stands for a parameter's value."""
_NUMBER: Final = r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?"
_LOOKS: Final[Mapping[str, str]] = {"number": "1.5", "integer": "15", "boolean": "true"}
"""What a scalar of another type looks like as a text."""


def file_schema_of(type_: type, *, parameters: bool = False) -> Part:
    """JSON Schema (2020-12) of files of that type; with ``parameters``, ``${name}`` may stand for a scalar."""
    schema: Part = _as_read(schema_of(type_), parameters)
    return schema


def at_most_one(names: Sequence[str]) -> list[Part]:
    """Schemas that say so, for ``allOf``; one that is nothing does not count."""
    pairs = [(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
    there: Part = {"not": {"type": "null"}}
    return [{"not": {"required": [*pair], "properties": dict.fromkeys(pair, there)}} for pair in pairs]


def _as_read(part: Any, parameters: bool) -> Any:
    if isinstance(part, list):
        return [_as_read(one, parameters) for one in part]
    if not isinstance(part, dict):
        return part
    widen = _WIDER.get(_kind(part))
    if widen is not None:
        return widen(part, parameters)
    found = {name: _as_read(one, parameters) for name, one in part.items()}
    is_mapping = part.get("type") == "object" and "properties" in part
    return {"additionalProperties": False, **found} if is_mapping else found


def _kind(part: Part) -> str:
    """What kind of scalar it describes, if any."""
    if part.get("pattern") == PATTERN:
        return "duration"
    if isinstance(part.get("enum"), list):
        return "enum"
    return part["type"] if isinstance(part.get("type"), str) else ""


def _pattern(text: str, parameters: bool) -> str:
    """For the form of a value as a text."""
    inner = text.removeprefix("^").removesuffix("$")
    return f"^({inner}|{REFERENCE})$" if parameters else f"^({inner})$"


def _text(part: Part, parameters: bool) -> Part:
    """Scalars of other types are texts, where theirs is one of those that are meant."""
    pattern = part.get("pattern")
    if pattern is None:
        return {**part, "type": ["string", "number", "boolean"]}
    fitting = [kind for kind, look in _LOOKS.items() if re.search(pattern, look)]
    return {**part, "type": ["string", *fitting], "pattern": _pattern(pattern, parameters), "minimum": 0}


def _duration(part: Part, parameters: bool) -> Part:
    return {**part, "minimum": 0, "pattern": _pattern(PATTERN, parameters)}


def _whole(part: Part, parameters: bool) -> Part:
    lowest = part.get("minimum", -1)
    digits = r"-?\d{1,18}" if lowest < 0 else r"\d{1,18}" if lowest == 0 else r"0*[1-9]\d{0,17}"
    return {**part, "type": ["integer", "string"], "pattern": _pattern(digits, parameters)}


def _number(part: Part, parameters: bool) -> Part:
    return {**part, "type": ["number", "string"], "pattern": _pattern(_NUMBER, parameters)}


def _truth(part: Part, parameters: bool) -> Part:
    return {**part, "type": ["boolean", "string"], "pattern": _pattern("true|false", parameters)}


def _enum(part: Part, parameters: bool) -> Part:
    """A word; what looks like something else may stand in quotes."""
    quoted = [str(one).lower() for one in part["enum"] if not isinstance(one, str)]
    words = {**part, "enum": [*part["enum"], *quoted]}
    return {"anyOf": [words, {"type": "string", "pattern": f"^{REFERENCE}$"}]} if parameters else words


_WIDER: Final[Mapping[str, Callable[[Part, bool], Part]]] = {
    "string": _text,
    "duration": _duration,
    "integer": _whole,
    "number": _number,
    "boolean": _truth,
    "enum": _enum,
}
