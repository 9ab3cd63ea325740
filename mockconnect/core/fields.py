"""Debezium's own way of validating a config, as data: checks of texts, one sentence for each mistake.

Rules of this room: it imitates ``io.debezium.config.Field`` and ``Configuration.validate``. A field looks at the text of
the config (or at its default), never at a parsed value, and its outcome shows no value. First comes the check of its
type, then its own checks in order; each may add one error. In a catalogue the checks of a field are a list of specs,
each a name of ``CHECKS`` and its arguments: ``[["required"], ["matches", "[a-z]+", "must be small"]]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mockconnect.core import javaregex, javatext
from mockconnect.core.configdef import ClassLoader, ConfigDef, ConfigKey, ConfigValue, value_to_text

Texts = Callable[[str], "str | None"]
"""The text of a field, or its default."""

Check = Callable[[str, Texts], Iterable[str]]
"""Asked with the name of the field; gives what is wrong with it."""

NO_NAME: Final = (
    "{value} has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)"
)
_JAVA_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*")
_KEYWORDS: Final = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends final"
    " finally float for goto if implements import instanceof int interface long native new package private protected"
    " public return short static strictfp super switch synchronized this throw throws transient try void volatile while"
    " _ true false null"
)
_JAVA_WORDS: Final = frozenset(_KEYWORDS.split())


class FieldDef(ConfigDef):
    """A definition whose keys are validated as fields.

    A key without an entry in ``checks`` has no outcome at all: Debezium defines it, but validates it nowhere.
    """

    __slots__ = ("_checks",)

    def __init__(self, keys: Iterable[ConfigKey], checks: Mapping[str, Sequence[Check]]) -> None:
        super().__init__(keys)
        self._checks = {name: (*_type_checks(self.keys[name]), *own) for name, own in checks.items()}

    def validate_all(
        self, props: Mapping[str, str | None], _load_class: ClassLoader
    ) -> dict[str, ConfigValue]:
        def text(name: str) -> str | None:
            given = props.get(name)
            key = self.keys.get(name)
            return value_to_text(key.default, None) if given is None and key is not None else given

        return {name: self._outcome(name, checks, text) for name, checks in self._checks.items()}

    def _outcome(self, name: str, checks: Sequence[Check], text: Texts) -> ConfigValue:
        outcome = ConfigValue(name)
        for check in checks:
            outcome.errors += (_sentence(name, problem) for problem in check(name, text))
        recommender = self.keys[name].recommender
        if recommender is not None:
            outcome.recommended_values = tuple(recommender.valid_values({}))
            outcome.visible = recommender.visible({})
        return outcome


def _sentence(name: str, problem: str) -> str:
    """A problem that names another field than the one it is added to comes whole."""
    return problem if problem.startswith("The '") else f"The '{name}' value is invalid: {problem}"


def checks_from_specs(specs: Iterable[Sequence[object]]) -> tuple[Check, ...]:
    """Raises :class:`ValueError` naming what is wrong with a spec."""
    return tuple(map(_from_spec, specs))


def _from_spec(spec: Sequence[object]) -> Check:
    maker = CHECKS.get(str(spec[0])) if spec else None
    if maker is None:
        raise ValueError(f"unknown check {spec!r}; known are {', '.join(sorted(CHECKS))}")
    try:
        return maker(*spec[1:])
    except TypeError as error:
        raise ValueError(f"check {spec[0]!r} has wrong arguments {list(spec[1:])!r}") from error


# --- checks -------------------------------------------------------------------------------------------------------------


def refusing(accepts: Callable[[str], bool], problem: str, null: str | None = None) -> Check:
    """``problem`` (where ``{value}`` stands for the text) for what is not accepted, ``null`` for no text at all."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        text = texts(name)
        if text is None:
            return () if null is None else (null,)
        return () if accepts(text) else (problem.replace("{value}", text),)

    return check


def _whole(bits: int, low: int | None = None) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        number = javatext.parse_integer(text, bits)
        return number is not None and (low is None or number >= low)

    return accepts


def is_java_name(text: str) -> bool:
    """``SourceVersion.isName``."""
    return bool(_JAVA_NAME.fullmatch(text)) and not _JAVA_WORDS.intersection(text.split("."))


def _type_checks(key: ConfigKey) -> tuple[Check, ...]:
    found = _OF_TYPE.get(key.type)
    return () if found is None else (found,)


_OF_TYPE: Final[Mapping[str, Check]] = {
    "BOOLEAN": refusing(
        lambda text: javatext.trim(text).lower() in ("true", "false"), "Either 'true' or 'false' is expected"
    ),
    "CLASS": refusing(is_java_name, "A Java class name is expected"),
    "DOUBLE": refusing(lambda text: javatext.parse_double(text) is not None, "A double value is expected"),
    "INT": refusing(_whole(32), "An integer is expected"),
    "SHORT": refusing(_whole(16), "A short value is expected"),
    "LONG": refusing(_whole(64), "A long value is expected"),
}


def required(problem: str = "A value is required") -> Check:
    return refusing(lambda text: bool(javatext.trim(text)), problem, problem)


def one_of(choices: Sequence[str], null_fails: bool = False, problem: str = "") -> Check:
    """An enumeration, in any case and with blanks around it."""
    sentence = problem or f"Value must be one of {', '.join(choices)}"
    return refusing(
        lambda text: javatext.trim(text).lower() in choices, sentence, sentence if null_fails else None
    )


def matching(pattern: str, problem: str, null: str | None = None) -> Check:
    return refusing(lambda text: javaregex.matches(pattern, text), problem, null)


def required_without(other: str) -> Check:
    """A field that must be given unless another is."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        return () if texts(other) is not None else required()(name, texts)

    return check


def each_matching(separator: str, pattern: str, problem: str, empty: str = "") -> Check:
    """Every part must match; ``empty`` is said of an empty text besides."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        text = texts(name)
        if text is None:
            return
        if empty and not text:
            yield empty
        for part in _java_split(text, separator):
            if not javaregex.matches(pattern, part):
                yield problem.replace("{value}", part)

    return check


def _java_split(text: str, separator: str) -> list[str]:
    """``Pattern.split``: empty parts at the end are dropped."""
    parts = text.split(separator)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def excluded_by(other: str, problem: str) -> Check:
    """Two fields of which only one may be given."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        return () if texts(name) is None or texts(other) is None else (problem,)

    return check


def first_of(*specs: Sequence[object]) -> Check:
    """Only the first of these checks that finds something speaks."""
    checks = checks_from_specs(specs)

    def check(name: str, texts: Texts) -> Iterable[str]:
        found = (tuple(each(name, texts)) for each in checks)
        return next((problems for problems in found if problems), ())

    return check


def when(other: str, values: Sequence[str], *specs: Sequence[object]) -> Check:
    """These checks are made only while another field has one of ``values`` (in any case and with blanks around it)."""
    checks = checks_from_specs(specs)

    def check(name: str, texts: Texts) -> Iterable[str]:
        if javatext.trim(texts(other) or "").lower() in values:
            for each in checks:
                yield from each(name, texts)

    return check


def regex(problem: str = "A valid regular expressions is expected, but ") -> Check:
    def check(name: str, texts: Texts) -> Iterable[str]:
        text = texts(name)
        found = None if text is None else javaregex.error_of(text)
        return () if found is None else (problem + found,)

    return check


def regex_list() -> Check:
    """Patterns separated by commas that are not escaped."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        for part in re.split(r"(?<!\\),", texts(name) or ""):
            found = javaregex.error_of(javatext.trim(part.replace("\\,", ",")))
            if found is not None:
                return (f"A comma-separated list of valid regular expressions is expected, but {found}",)
        return ()

    return check


def map_list() -> Check:
    """``a=1,b=2``."""

    def accepts(text: str) -> bool:
        pairs = _java_split(text, ",") if javatext.trim(text) else []
        return all(len(_java_split(pair, "=")) == 2 for pair in pairs)

    return refusing(
        accepts, "A equivalent-separated map of valid key/value pairs is expected, for example: k1=v1,k2=v2"
    )


def skipped_operations() -> Check:
    """``CommonConnectorConfig.validateSkippedOperation``."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        operations = [javatext.trim(part) for part in _java_split(texts(name) or "none", ",")]
        if texts(name) == "" or any(each not in ("none", "r", "c", "u", "d", "t") for each in operations):
            return ("Invalid operation",)
        mixed = "none" in operations and any(each != "none" for each in operations)
        return ("'none' cannot be specified with other skipped operation types",) if mixed else ()

    return check


def queue_size(batch: str = "max.batch.size") -> Check:
    """``CommonConnectorConfig.validateMaxQueueSize``; what is no number counts as the default."""

    def check(name: str, texts: Texts) -> Iterable[str]:
        size, least = _number(texts(name), 8192), _number(texts(batch), 2048)
        if size <= 0:
            yield "A positive queue size is required"
        if size <= least:
            yield "Must be larger than the maximum batch size"

    return check


def _number(text: str | None, default: int) -> int:
    number = None if text is None else javatext.parse_integer(text, 32)
    return default if number is None else number


def _limited(bits: int, low: int, problem: str) -> Callable[[], Check]:
    return lambda: refusing(_whole(bits, low), problem)


CHECKS: Final[Mapping[str, Callable[..., Check]]] = {
    "boolean": lambda: _OF_TYPE["BOOLEAN"],
    "class_name": lambda: _OF_TYPE["CLASS"],
    "each": each_matching,
    "excluded_by": excluded_by,
    "first": first_of,
    "hostname": lambda: matching(r"\s*|[a-zA-Z0-9_.-]+", NO_NAME),
    "in": one_of,
    "int": lambda: _OF_TYPE["INT"],
    "long": lambda: _OF_TYPE["LONG"],
    "map_list": map_list,
    "matches": matching,
    "name": lambda: matching("[a-zA-Z0-9_.-]+", NO_NAME),
    "non_negative_int": _limited(32, 0, "An non-negative integer is expected"),
    "non_negative_long": _limited(64, 0, "A non-negative long value is expected"),
    "operations": skipped_operations,
    "positive_int": _limited(32, 1, "A positive, non-zero integer value is expected"),
    "positive_long": _limited(64, 1, "A positive, non-zero long value is expected"),
    "queue_size": queue_size,
    "regex": regex,
    "regex_list": regex_list,
    "required": required,
    "required_without": required_without,
    "when": when,
}
