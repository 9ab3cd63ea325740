"""From what a real worker answered to the rows of a catalogue file.

Rules of this room: a row is what ``GET /connector-plugins/{p}/config`` says, without what is usual, plus the checks that
explain every probe. For each key the messages name candidates, and a candidate is taken only if it gives, for every
probe of that key, the very errors that the worker gave. What no candidate explains is reported and left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

from mockconnect.core import javaregex
from mockconnect.core.configdef import ConfigDef, ConfigError, parse_type
from mockconnect.core.connector_defs import framework_def
from mockconnect.core.declared import definition_from_rows
from mockconnect.core.validators import JavaError, from_spec

from .capturing import frame

Row = dict[str, Any]
Spec = list[Any]
KNOWN_CLASSES = ("java.lang.String",)


@dataclass(slots=True)
class Seen:
    """What was seen of one key: the text sent (``None``: null; absent if not sent), and what came back."""

    sent: str | None
    absent: bool
    errors: tuple[str, ...]
    config: Mapping[str, str | None] = field(default_factory=dict)


class Derivation:
    """The rows of one plugin; ``unexplained`` tells what was left out."""

    def __init__(
        self,
        listed: Mapping[str, str],
        keys: Sequence[Row],
        probes: Sequence[Mapping[str, Any]],
        unreachable: str = "",
    ) -> None:
        self._unreachable = re.compile(unreachable or "(?!)")
        self._kind = listed["type"]
        self._around, self._prefix = frame(listed)
        self._keys = without_framework(self._kind, keys)
        self._probes = [probe for probe in probes if probe["status"] == 200]
        self.thrown = sorted({str(probe["message"]) for probe in probes if probe["status"] != 200})
        self.unexplained: dict[str, str] = {}

    def rows(self) -> list[Row]:
        fields = self._is_fields()
        return [self._row(key, fields) for key in self._keys]

    def _is_fields(self) -> bool:
        texts = (error for probe in self._probes for value in probe["values"].values() for error in value[1])
        return any(re.match(r"The '.*' value is invalid: ", text) for text in texts)

    def _row(self, key: Row, fields: bool) -> Row:
        row = compact(key)
        seen = self._seen(key["name"])
        row |= self._recommended(key["name"])
        if fields and not any(self._prefix + key["name"] in probe["values"] for probe in self._probes):
            return row
        if fields:
            specs = field_checks(row, seen, self._keys)
            if specs is None:
                self.unexplained[key["name"]] = _sample(seen)
                specs = nearest_checks(row, seen, self._keys)
            return {**row, "checks": specs}
        spec = validator(row, self._prefix, seen)
        if spec is None:
            self.unexplained[key["name"]] = _sample(seen)
            spec = nearest_validator(row, self._prefix, seen)
        if spec:
            row["validator"] = spec
        return row

    def _seen(self, name: str) -> list[Seen]:
        full = self._prefix + name
        return [
            Seen(
                probe["config"].get(full),
                full not in probe["config"],
                self._errors(probe, full),
                probe["config"],
            )
            for probe in self._probes
            if full in probe["values"]
        ]

    def _errors(self, probe: Mapping[str, Any], full: str) -> tuple[str, ...]:
        """Without what tells only that there is no system to connect to."""
        return tuple(error for error in probe["values"][full][1] if not self._unreachable.search(error))

    def _recommended(self, name: str) -> Row:
        """Constant recommendations, and invisibility."""
        full = self._prefix + name
        found = [probe["values"][full] for probe in self._probes if full in probe["values"]]
        if not found or self._kind not in ("source", "sink", "transformation", "predicate"):
            return {}
        result: Row = {}
        if found[0][2]:
            result["recommended"] = found[0][2]
        if not found[0][3]:
            result["visible"] = False
        if any(each[2:] != found[0][2:] for each in found):
            self.unexplained[f"{name} (recommender)"] = "recommended values or visibility change"
        return result


def without_framework(kind: str, keys: Sequence[Row]) -> list[Row]:
    """A connector's list ends with the framework's keys that it does not define itself."""
    if kind not in ("source", "sink"):
        return list(keys)
    framework = framework_def("source" if kind == "source" else "sink", (4, 3, 1)).keys
    names = [key["name"] for key in keys]
    own = len(names)
    while own and names[own - 1] in framework:
        own -= 1
    return list(keys[:own])


def compact(key: Row) -> Row:
    """A key in the shape of the catalogue: nothing that is usual, no documentation."""
    row: Row = {"name": key["name"], "type": key["type"]}
    if key["required"]:
        row["required"] = True
    elif key["default_value"] is not None:
        row["default_value"] = key["default_value"]
    row["importance"] = key["importance"]
    usual = {
        "group": None,
        "order_in_group": -1,
        "width": "NONE",
        "display_name": key["name"],
        "dependents": [],
    }
    row |= {name: key[name] for name, value in usual.items() if key[name] != value}
    return row


def _sample(seen: Sequence[Seen]) -> str:
    errors = {error: each.sent for each in seen for error in each.errors}
    return "; ".join(f"{sent!r}: {error[:150]}" for error, sent in list(errors.items())[:3])


# --- validators of ConfigDef --------------------------------------------------------------------------------------------


def validator(row: Row, prefix: str, seen: Sequence[Seen]) -> Spec | None:
    """The spec that explains everything; empty if none is needed, ``None`` if none is found."""
    name = str(row["name"])
    candidates = _candidates(name, prefix, seen)
    singles = [spec for spec in candidates if spec]
    nulls = [spec for spec in singles if spec[1:3] == ["(?s).*", ""]]
    pairs = [["all", one, two] for one in singles[:12] for two in singles[:12] if one != two]
    pairs += [["all", null, spec] for null in nulls for spec in singles]
    for spec in [[], *singles, *[["optional", spec] for spec in singles], *pairs]:
        if _explains(row, prefix, spec, seen):
            return spec
    return None


_NUMBER = r"(-?[\d.]+(?:E-?\d+)?)"


def nearest_validator(row: Row, prefix: str, seen: Sequence[Seen]) -> Spec:
    """Where nothing explains everything: what explains most, and refuses nothing that was accepted."""
    candidates: list[Spec] = [[], *_candidates(str(row["name"]), prefix, seen)]
    accepted = [each for each in seen if each.absent or not each.errors]
    return min(
        (spec for spec in candidates if not spec or _explains(row, prefix, spec, accepted)),
        key=lambda spec: _mismatches(row, prefix, spec, seen),
    )


def _candidates(name: str, prefix: str, seen: Sequence[Seen]) -> list[Spec]:
    """What the messages suggest, most special first."""
    texts = list(dict.fromkeys(_problem(error) for each in seen for error in each.errors))
    found: list[Spec] = []
    low = _first(rf"Value must be at least {_NUMBER}", texts)
    high = _first(rf"Value must be no more than {_NUMBER}", texts)
    if low is not None or high is not None or "Value must be non-null" in texts:
        number = "DOUBLE" not in str(texts)
        found.append(["range", _number(low, number), _number(high, number)])
        if high is None:
            found[-1].pop()
    if match := re.search(rf"Value must be no more than ({_NUMBER} .*)", "\n".join(texts)):
        found.append(["range", _number(low, True), _number(match[2], True), match[1]])
    for text in texts:
        if match := re.fullmatch(r"String must be one of: (.*)", text):
            found += [[kind, match[1].split(", ")] for kind in ("in", "in_lowered", "list_in")]
            found += [["list_of", match[1].split(", "), empty] for empty in (True, False)]
        elif match := re.fullmatch(r"String must be one of \(case insensitive\): (.*)", text):
            found.append(["in_any_case", match[1].split(", ")])
        elif text == "String must be non-empty":
            found.append(["non_empty"])
        elif text == "entry must be non null":
            found.append(["non_null"])
        elif text.startswith("Invalid regex: "):
            found.append(["regex"])
        elif text == "Empty list":
            found.append(["non_empty_list"])
        elif "values must not be" in text:
            found += [["list_of", [], empty, null] for empty in (True, False) for null in (True, False)]
    found += _says(seen)
    return list({str(spec): spec for spec in found}.values())


def _problem(error: str) -> str:
    """The third part of a ConfigException, or all of it."""
    match = re.match(r"Invalid value .*? for configuration [^ ]*?: ", error, re.DOTALL)
    return error[match.end() :] if match else error


def _first(pattern: str, texts: Iterable[str]) -> str | None:
    return next((match[1] for text in texts if (match := re.fullmatch(pattern, text))), None)


def _number(text: str | None, whole: bool) -> float | None:
    if text is None:
        return None
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


SURE = (r"(?s).*\S.*", r"(?s).+", r"https?://.*", r"\w+://.*")
"""What refuses nothing that could be meant."""

PATTERNS = (
    r"(?s).*\S.*",
    r"(?s).+",
    r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*",
    r"\w+",
    r"[a-z0-9_]{1,63}",
    r"[a-zA-Z0-9_.-]+",
    r"-?\d+",
    r"\d+",
    r"\d+(\.\d+)?",
    r"(?i)true|false",
    r"https?://.*",
    r"\w+://.*",
    r"[^:]+:\d+",
    r"[^:]+:[^:]+",
    r"[^/]+/[^/]+",
)
"""What values commonly must look like; a text with a list of choices gives its own."""


def _says(seen: Sequence[Seen]) -> Iterator[Spec]:
    """One sentence of the plugin's own, said of everything that does not match a pattern."""
    null = next((own for each in seen if each.sent is None and (own := _own(each))), None)
    if null and null[1].startswith("Invalid value null for configuration"):
        null = (False, "")
    if null:
        yield ["plain_matches" if null[0] else "matches", "(?s).*", "", null[1]]
    exact = list(_exactly(seen))
    for plain, template in dict.fromkeys(
        own for each in seen if each.sent is not None and (own := _own(each))
    ):
        kind = "plain_matches" if plain else "matches"
        shown = [pattern for pattern in (*SURE, *exact, *PATTERNS) if _is_shown(pattern, seen)]
        for pattern in (*_choices(template), *shown):
            for optional in (pattern, f"(?:{pattern})?"):
                yield [kind, optional, template]
                yield ["each", [kind, optional, template]]
                if null:
                    yield [kind, optional, template, null[1]]


def _is_shown(pattern: str, seen: Sequence[Seen]) -> bool:
    """Whether something was accepted that looks like that; else it is as good as refusing everything."""
    accepted = (each.sent.strip() for each in seen if each.sent is not None and not each.errors)
    return any(text and javaregex.matches(pattern, text) for text in accepted)


REFUSED_MAX = 12


def _exactly(seen: Sequence[Seen]) -> Iterator[str]:
    """What was accepted, if these are words to choose from. Else what was refused: what was not tried may be valid."""
    accepted = sorted({each.sent for each in seen if each.sent is not None and not each.errors})
    words = [text for text in accepted if text.strip()]
    if words and all(re.fullmatch(r"[A-Za-z]\w*", word) for word in words):
        yield "|".join(map(re.escape, accepted))
    refused = sorted({each.sent.strip() for each in seen if each.sent is not None and _own(each)})
    if len(refused) <= REFUSED_MAX:
        yield rf"(?!(?:{'|'.join(map(re.escape, refused))})$)[\s\S]*"


def _own(seen: Seen) -> tuple[bool, str] | None:
    """The plugin's own error, if there is one: whether it stands alone, and its template."""
    for error in reversed(seen.errors):
        problem = _problem(error)
        if _PARSE.match(problem) or problem.startswith(("Missing required", "Null value can")):
            continue
        text = (seen.sent or "").strip()
        return problem == error, problem.replace(text, "{value}") if len(text) > 2 else problem
    return None


_PARSE = re.compile(
    r"Not a number of type|Expected value to be either true or false|Class .* could not be found"
)


def _choices(template: str) -> Iterator[str]:
    """Patterns for the choices that a sentence lists."""
    listed = re.search(r"(?:one of|are):? (.*?)(?:\. |\.?$)", template)
    for match in (re.search(r"\[([^\[\]]*)\]", template), listed):
        if match and "," in match[1]:
            items = "|".join(re.escape(item.strip("'\" ")) for item in match[1].split(","))
            if not template.startswith("Invalid enumerator value"):  # MongoDB's takes any case
                yield items
            yield f"(?i:{items})"


def _explains(row: Row, prefix: str, spec: Spec, seen: Sequence[Seen]) -> bool:
    return not _mismatches(row, prefix, spec, seen, most=1)


def _mismatches(row: Row, prefix: str, spec: Spec, seen: Sequence[Seen], most: int = 10**6) -> int:
    try:
        check: Callable[[str, Any], None] | None = from_spec(spec) if spec else None
    except ValueError:
        return most
    count = 0
    for each in seen:
        count += _errors(row, prefix, check, each) != each.errors
        if count >= most:
            break
    return count


def _errors(
    row: Row, prefix: str, check: Callable[[str, Any], None] | None, seen: Seen
) -> tuple[str, ...] | None:
    """What ConfigDef says of a value; the names in parse errors have the prefix, those in other errors have not."""
    errors: list[str] = []
    name, value = str(row["name"]), None
    in_parsing = name if prefix.endswith("converter.") else prefix + name
    if name == "converter.type" and seen.sent is None:
        value = prefix.partition(".")[0]
    elif not seen.absent:
        try:
            value = parse_type(in_parsing, seen.sent, row["type"], _load)
        except ConfigError as error:
            errors.append(str(error))
    elif row.get("required"):
        errors.append(f'Missing required configuration "{in_parsing}" which has no default value.')
    elif row.get("default_value") is not None:
        value = parse_type(name, row["default_value"], row["type"], lambda known: known)
    if check is not None:
        try:
            check(name, value)
        except ConfigError as error:
            errors.append(str(error))
        except (JavaError, AssertionError):
            return None
    if seen.sent is None and not seen.absent and prefix.startswith(("transforms.", "predicates.")):
        errors.append("Null value can not be supplied as the configuration value.")
    return tuple(errors)


def _load(name: str) -> str | None:
    return name if name in KNOWN_CLASSES else None


# --- checks of fields ----------------------------------------------------------------------------------------------------

_FIELD = re.compile(r"The '.*?' value is invalid: ")
_SIMPLE = {
    "Either 'true' or 'false' is expected": ["boolean"],
    "A Java class name is expected": ["class_name"],
    "An integer is expected": ["int"],
    "A long value is expected": ["long"],
    "An non-negative integer is expected": ["non_negative_int"],
    "A non-negative long value is expected": ["non_negative_long"],
    "A positive, non-zero integer value is expected": ["positive_int"],
    "A positive, non-zero long value is expected": ["positive_long"],
    "Invalid operation": ["operations"],
    "A positive queue size is required": ["queue_size"],
    "Must be larger than the maximum batch size": ["queue_size"],
}


def field_checks(row: Row, seen: Sequence[Seen], keys: Sequence[Row]) -> list[Spec] | None:
    """The checks in the order of their sentences; ``None`` if they do not explain everything."""
    names = {str(key["name"]): compact(key) for key in keys}
    specs: list[Spec] = []
    for problem in _ordered_problems(seen) * 2:  # what one problem tells of choices helps with another
        if any(_gives(row, spec, problem, seen, names) for spec in specs):
            continue
        found = (
            spec for spec in _with_choices(row, problem, specs) if _gives(row, spec, problem, seen, names)
        )
        spec = next(found, None)
        if spec is not None:
            specs.append(spec)
    return next((order for order in _orders(specs) if _fields_explain(row, order, seen, names)), None)


def nearest_checks(row: Row, seen: Sequence[Seen], keys: Sequence[Row]) -> list[Spec]:
    """Where nothing explains everything: the single check that explains most."""
    names = {str(key["name"]): compact(key) for key in keys}
    accepted = [each for each in seen if not each.errors]
    candidates = [[spec] for problem in _ordered_problems(seen) for spec in _field_candidates(problem)]
    fitting = [specs for specs in candidates if _fields_explain(row, specs, accepted, names)]
    return min([[], *fitting], key=lambda specs: _fields_mismatches(row, specs, seen, names))


def _with_choices(row: Row, problem: str, specs: Sequence[Spec]) -> Iterator[Spec]:
    yield from _field_candidates(problem)
    for choices in [spec[1] for spec in specs if spec[0] == "in"]:
        yield from (["in", choices, null, problem] for null in (False, True))
    if "include.list" in problem:
        yield ["excluded_by", str(row["name"]).replace("exclude", "include"), problem]


def _orders(specs: list[Spec]) -> Iterator[list[Spec]]:
    """The specs in any order; those of a type may be the type's own, and others may be there twice."""
    typed = [spec for spec in specs if spec[0] in _TYPED]
    for keep in range(len(typed) + 1):
        for kept in combinations(typed, keep):
            chosen = [spec for spec in specs if spec not in typed or spec in kept]
            yield from (list(order) for order in permutations(chosen))
            for doubled in chosen[:4]:
                yield from (list(order) for order in permutations([*chosen, doubled][:5]))


_TYPED = ("boolean", "class_name", "int", "long")


def _gives(row: Row, spec: Spec, problem: str, seen: Sequence[Seen], names: Mapping[str, Row]) -> bool:
    """Whether a check says this sentence where it was said, and nothing that was not said."""
    untyped = {**row, "type": "STRING", "default_value": row.get("default_value")}
    definition = _field_definition(untyped, [spec], names)
    said = False
    for each in seen:
        produced = definition.validate_all(each.config, _load)[row["name"]].errors
        if not set(produced) <= set(each.errors):
            return False
        said = said or any(_template(error, each) == problem for error in produced)
        if any(_template(error, each) == problem and error not in produced for error in each.errors):
            return False
    return said


def _ordered_problems(seen: Sequence[Seen]) -> list[str]:
    """All sentences, those that come together in the order in which they come."""
    order: list[str] = []
    for each in sorted(seen, key=lambda one: -len(one.errors)):
        for problem in (_template(error, each) for error in each.errors if _FIELD.match(error)):
            if problem not in order:
                order.append(problem)
    return order


def _template(error: str, seen: Seen) -> str:
    problem = _FIELD.sub("", error)
    return problem.replace(seen.sent, "{value}") if seen.sent and len(seen.sent) > 2 else problem


def _field_candidates(problem: str) -> list[Spec]:
    if problem == "A value is required":
        cached = ["first", ["required"], ["positive_int"]]
        return [
            ["required"],
            cached,
            *(["required_without", other] for other in ("database.url", "database.hostname")),
        ]
    if problem in _SIMPLE:
        return [_SIMPLE[problem]]
    if problem.startswith("A comma-separated list of valid regular expressions"):
        return [["regex_list"]]
    if problem.startswith("A valid regular expressions is expected"):
        return [["regex"]]
    if problem.startswith("A equivalent-separated map"):
        return [["map_list"]]
    if "has invalid format (only the underscore" in problem:
        return [["name"], ["hostname"]]
    if match := re.search(r"has an invalid format \(expecting '(.*)'\)", problem):
        text = "{value} has an invalid format (expecting '" + match[1] + "')"
        return [["each", mark, match[1], text, "Must not be empty"] for mark in ";,"]
    if "has invalid format (expecting <databaseName>" in problem:
        return [["each", ",", pattern, _MONGO_TEXTS[at]] for at, pattern in enumerate(_MONGO_FIELDS)]
    if match := re.fullmatch(r"Value must be one of (.*)", problem):
        return [["in", match[1].split(", "), null] for null in (True, False)]
    match = re.fullmatch(r'"(.*)" is already specified', problem)
    if match or problem in _EXCLUDED:
        return [["excluded_by", match[1] if match else _EXCLUDED[problem], problem]]
    if problem in ("Must not be empty", "Missing connection string"):
        return []
    if problem == "Invalid connection string":
        return [["matches", "mongodb(\\+srv)?://.*", problem, "Missing connection string"]]
    patterns = [*_choices(problem), *PATTERNS, r"(?:[^.]+\.[^.]+\.[^.]+)?"]
    return [["required", problem], *(["matches", pattern, problem] for pattern in patterns)]


_EXCLUDED = {"Cannot specify GTID excludes when includes are provided.": "gtid.source.includes"}
_MONGO_PATH = r"[*|\w|\-|\s*]+(?:\.[*|\w|\-]+\.[*|\w|\-]+)+(\.[*|\w|\-]+)*"
_MONGO_FIELDS = (rf"{_MONGO_PATH}\s*", rf"{_MONGO_PATH}:(?:[*|\w|\-]+)+\s*")
_MONGO_NAMES = "<databaseName>.<collectionName>.<fieldName>.<nestedFieldName>"
_MONGO_TEXTS = (
    f"{{value}} has invalid format (expecting {_MONGO_NAMES})",
    f"The 'field.exclude.list' value is invalid: {{value}} has invalid format"
    f" (expecting {_MONGO_NAMES}:<newNestedFieldName>)",
)


def _field_definition(row: Row, specs: list[Spec], names: Mapping[str, Row]) -> ConfigDef:
    others = [str(spec[1]) for spec in specs if spec[0] in ("excluded_by", "required_without")]
    others += ["max.batch.size"] if ["queue_size"] in specs else []
    rows = [
        {**row, "checks": specs},
        *(names[other] for other in dict.fromkeys(others) if other in names and other != row["name"]),
    ]
    return definition_from_rows(rows, str(row["name"]))


def _fields_explain(row: Row, specs: list[Spec], seen: Sequence[Seen], names: Mapping[str, Row]) -> bool:
    return not _fields_mismatches(row, specs, seen, names)


def _fields_mismatches(row: Row, specs: list[Spec], seen: Sequence[Seen], names: Mapping[str, Row]) -> int:
    definition = _field_definition(row, specs, names)
    return sum(
        definition.validate_all(each.config, _load)[row["name"]].errors
        != [error for error in each.errors if _FIELD.match(error)]
        for each in seen
    )
