"""The scenario file as a JSON Schema, with the words that editors can offer.

Rules of this room: types come from ``script``; what is added here is what ``checking`` tells beside them, as far as a schema
can say it: one verb, one trigger, names of operations, answers, invariants. What names lead to in a file is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockconnect.core.client_faults import NAMED_ANSWERS, OK
from mockconnect.files.schema import REFERENCE, at_most_one, file_schema_of
from mockconnect.scenario.actions import BARE
from mockconnect.scenario.invariants import INVARIANTS
from mockconnect.scenario.operations import GROUPS, OPERATIONS, known_answers
from mockconnect.scenario.script import COUNTS, TRIGGERS, ScenarioFile

Part = dict[str, Any]


def scenario_schema() -> Part:
    """JSON Schema (2020-12) of the scenario file."""
    schema = file_schema_of(ScenarioFile, parameters=True)
    definitions = schema["$defs"]
    for name, definition in definitions.items():
        for key, part in definition.get("properties", {}).items():
            word = _WORDS.get((name, key)) or _WORDS.get(("", key))
            if word is not None:
                definition["properties"][key] = _worded(part, word)
    for name, more in _SAID_BESIDES.items():
        definitions[name].update(more)
    header = definitions["ScenarioFile"]["properties"]
    header["apiVersion"], header["kind"] = {"const": "mockconnect/v1"}, {"const": "Scenario"}
    definitions.update(_VOCABULARIES)
    return {"title": "mockconnect scenario file", **schema}


def _worded(part: Part, word: str) -> Part:
    """The same with that vocabulary where any text could stand."""
    if "anyOf" in part:
        return {**part, "anyOf": [_worded(one, word) for one in part["anyOf"]]}
    if part.get("type") == "array":
        return {**part, "items": _worded(part["items"], word)}
    if isinstance(part.get("type"), list) and "boolean" in part["type"]:
        default = {"default": part["default"]} if "default" in part else {}
        return {"$ref": f"#/$defs/{word}", **default}
    return part


def _one_of(words: Sequence[str], *others: Part) -> Part:
    reference = {"type": "string", "pattern": f"^{REFERENCE}$"}
    return {"anyOf": [{"enum": list(words)}, *others, reference]}


_VOCABULARIES: Final[Mapping[str, Part]] = {
    "AnOperation": _one_of([*OPERATIONS]),
    "Operations": _one_of([*OPERATIONS, *GROUPS], {"type": "string", "pattern": r"\*"}),
    "AnExpectedAnswer": _one_of(
        known_answers(),
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": r"^[1-5](\d\d|xx)$"},
    ),
    "AnAnswerOfAFault": _one_of(
        [*NAMED_ANSWERS, OK],
        {"type": "integer", "minimum": 400, "maximum": 999},
        {"type": "string", "pattern": r"^[4-9]\d\d$"},
    ),
    "AnInvariant": _one_of([*INVARIANTS]),
    "AVerbAlone": _one_of(sorted(BARE)),
}
_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("", "operation"): "Operations",
    ("Request", "operation"): "AnOperation",
    ("AnswerFilter", "answer"): "AnExpectedAnswer",
    ("RequestCount", "answer"): "AnExpectedAnswer",
    ("Backoff", "answers"): "AnExpectedAnswer",
    ("AnswerWithArguments", "answer"): "AnAnswerOfAFault",
    ("QueueArguments", "answers"): "AnAnswerOfAFault",
    **{(name, verb): "AnAnswerOfAFault" for name in ("Action", "Choice") for verb in ("answer", "queue")},
    ("Expect", "always"): "AnInvariant",
    ("Rule", "do"): "AVerbAlone",
    ("Piece", "do"): "AVerbAlone",
}
"""Which words a property takes; without a name of a part, in every part."""

_ONE_VERB: Final = {"minProperties": 1, "maxProperties": 1}
_SAID_BESIDES: Final[Mapping[str, Part]] = {
    "Rule": {
        "if": {"required": ["use"], "properties": {"use": {"type": "string"}}},
        "then": {"maxProperties": 1},
        "else": {"required": ["do"], "allOf": at_most_one(TRIGGERS)},
    },
    "OnRequest": {"allOf": at_most_one(COUNTS)},
    "Action": _ONE_VERB,
    "Choice": {
        "if": {"required": ["weight"]},
        "then": {"minProperties": 2, "maxProperties": 2},
        "else": _ONE_VERB,
    },
    "ClientExpectation": _ONE_VERB,
}
"""What has to be true of a part beside the types of its fields."""
