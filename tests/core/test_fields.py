"""Checks of fields as data, beyond what recordings of real plugins show."""

from __future__ import annotations

import pytest

from mockconnect.core.configdef import ConfigDef
from mockconnect.core.declared import DeclarationError, definition_from_rows


def errors(checks: list[list[object]], text: str | None, type_: str = "STRING", **others: str) -> list[str]:
    """What is wrong with field ``k``, without the beginning that all sentences have."""
    definition = definition_from_rows([{"name": "k", "type": type_, "checks": checks}, {"name": "other"}])
    given = {} if text is None else {"k": text}
    found = definition.validate_all({**given, **others}, lambda name: name)["k"].errors
    return [error.removeprefix("The 'k' value is invalid: ") for error in found]


@pytest.mark.parametrize(
    ("checks", "text", "expected"),
    [
        ([["required"]], None, ["A value is required"]),
        ([["required"]], "  ", ["A value is required"]),
        ([["in", ["a", "b"]]], " B ", []),
        ([["in", ["a", "b"]]], "c", ["Value must be one of a, b"]),
        ([["in", ["a"], True]], None, ["Value must be one of a"]),
        ([["matches", "[a-z]+", "{value} is not small"]], "Q", ["Q is not small"]),
        ([["each", ";", "[a-z]:[a-z]", "{value}?", "empty"]], "a:b;c;;", ["c?"]),
        ([["each", ";", "[a-z]:[a-z]", "{value}?", "empty"]], "", ["empty", "?"]),
        ([["operations"]], "c, u", []),
        ([["operations"]], "none,c", ["'none' cannot be specified with other skipped operation types"]),
        ([["operations"]], "x", ["Invalid operation"]),
        ([["first", ["required"], ["positive_int"]]], " ", ["A value is required"]),
        (
            [["first", ["required"], ["positive_int"]]],
            "0",
            ["A positive, non-zero integer value is expected"],
        ),
    ],
)
def test_checks(checks: list[list[object]], text: str | None, expected: list[str]) -> None:
    assert errors(checks, text) == expected


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("INT", " 5", ["An integer is expected"]),
        ("BOOLEAN", " True ", []),
        ("BOOLEAN", "yes", ["Either 'true' or 'false' is expected"]),
        ("CLASS", "a.b.C", []),
        ("CLASS", "a.class.C", ["A Java class name is expected"]),
        ("LONG", "9223372036854775808", ["A long value is expected"]),
    ],
)
def test_the_type_is_checked_first_and_nothing_is_trimmed(type_: str, text: str, expected: list[str]) -> None:
    assert errors([], text, type_) == expected


def test_fields_that_depend_on_others() -> None:
    assert errors([["excluded_by", "other", "only one"]], "a", other="b") == ["only one"]
    assert errors([["excluded_by", "other", "only one"]], "a") == []
    assert errors([["required_without", "other"]], None, other="b") == []
    assert errors([["required_without", "other"]], None) == ["A value is required"]
    assert errors([["when", "other", ["b", "c"], ["required"]]], None, other=" B ") == ["A value is required"]
    assert errors([["when", "other", ["b", "c"], ["required"]]], None, other="d") == []
    assert errors([["when", "other", ["b", "c"], ["required"]]], None) == []


def test_the_first_bad_pattern_of_a_list_is_told() -> None:
    (error,) = errors([["regex_list"]], r"a\,b,[")
    assert error.startswith("A comma-separated list of valid regular expressions is expected, but Unclosed")


def test_a_key_without_checks_has_no_outcome_and_no_outcome_has_a_value() -> None:
    definition = definition_from_rows([{"name": "k", "checks": []}, {"name": "alias"}])
    values = definition.validate_all({"k": "v", "alias": "w"}, lambda name: name)
    assert list(values) == ["k"]
    assert values["k"].value is None


def test_a_wrong_check_is_told_with_its_key() -> None:
    with pytest.raises(DeclarationError, match=r"config\[k\]\.checks: unknown check \['nope'\]"):
        definition_from_rows([{"name": "k", "checks": [["nope"]]}])


def test_rows_without_checks_make_a_plain_definition() -> None:
    assert type(definition_from_rows([{"name": "k"}])) is ConfigDef
