"""ConfigDef, its validators, and what Java makes visible: parse, default, complain, recommend."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockconnect.core import artifact_version, javahash, javaregex, javatext
from mockconnect.core.artifact_version import InvalidVersionError, requirement_text, version_requirement
from mockconnect.core.configdef import (
    ConfigDef,
    ConfigError,
    ConfigKey,
    Type,
    Value,
    parse_type,
    value_to_text,
)
from mockconnect.core.connector_defs import framework_def
from mockconnect.core.declared import FixedRecommender
from mockconnect.core.validators import JavaError, from_spec


def load_class(name: str) -> str | None:
    return {"String": "java.lang.String", "java.lang.String": "java.lang.String"}.get(name)


# --- types -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "text", "shown"),
    [
        ("STRING", "  a b ", "a b"),
        ("STRING", "\u00a0x", "\u00a0x"),
        ("BOOLEAN", " TRUE ", "true"),
        ("INT", " +5 ", "5"),
        ("INT", "٣", "3"),
        ("SHORT", "-32768", "-32768"),
        ("LONG", "9223372036854775807", "9223372036854775807"),
        ("DOUBLE", "1e3", "1000.0"),
        ("DOUBLE", "1d", "1.0"),
        ("DOUBLE", "0x1p3", "8.0"),
        ("DOUBLE", "NaN", "NaN"),
        ("DOUBLE", "-Infinity", "-Infinity"),
        ("DOUBLE", "12345678.9", "1.23456789E7"),
        ("DOUBLE", "0.0001", "1.0E-4"),
        ("LIST", "q , w,,z", "q,w,,z"),
        ("LIST", "  ", ""),
        ("CLASS", " String ", "java.lang.String"),
        ("PASSWORD", "secret", "[hidden]"),
    ],
)
def test_a_text_is_parsed_and_shown_as_java_does(type_: Type, text: str, shown: str) -> None:
    assert value_to_text(parse_type("k", text, type_, load_class), type_) == shown


@pytest.mark.parametrize(
    ("type_", "text", "problem"),
    [
        ("BOOLEAN", "yes", "Expected value to be either true or false"),
        ("INT", "", "Not a number of type INT"),
        ("INT", "1.0", "Not a number of type INT"),
        ("INT", "1_000", "Not a number of type INT"),
        ("INT", "2147483648", "Not a number of type INT"),
        ("SHORT", "32768", "Not a number of type SHORT"),
        ("LONG", "x", "Not a number of type LONG"),
        ("DOUBLE", "1,5", "Not a number of type DOUBLE"),
        ("DOUBLE", "inf", "Not a number of type DOUBLE"),
        ("CLASS", "nope.X", "Class nope.X could not be found."),
        ("CLASS", "", "Class  could not be found."),
    ],
)
def test_a_text_that_cannot_be_parsed_is_shown_untrimmed(type_: Type, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_type("k", text, type_, load_class)
    assert str(refused.value) == f"Invalid value {text} for configuration k: {problem}"


def test_null_parses_to_null_whatever_the_type() -> None:
    types: list[Type] = ["BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"]
    assert {parse_type("k", None, type_, load_class) for type_ in types} == {None}


# --- validators ----------------------------------------------------------------------------------------------------------

PREFIX = "Invalid value {} for configuration k: "


@pytest.mark.parametrize(
    ("spec", "value", "problem"),
    [
        (["range", 1], None, PREFIX.format("null") + "Value must be non-null"),
        (["range", 1], 0, PREFIX.format("0") + "Value must be at least 1"),
        (["range", 0.5, 1.0], 1.5, PREFIX.format("1.5") + "Value must be no more than 1.0"),
        (["range", 1, 2], 2, None),
        (["in", ["a", "b"]], "A", PREFIX.format("A") + "String must be one of: a, b"),
        (["in", ["a", "b"]], None, PREFIX.format("null") + "String must be one of: a, b"),
        (["in_any_case", ["requested", "required"]], "Required", None),
        (
            ["in_any_case", ["poll", "interval", "connector"]],
            "x",
            PREFIX.format("x") + "String must be one of (case insensitive): INTERVAL, POLL, CONNECTOR",
        ),
        (["list_of"], ("a", "a"), "Configuration 'k' values must not be duplicated."),
        (["list_of"], ("a", ""), "Configuration 'k' values must not be empty."),
        (["list_of"], None, "Configuration 'k' values must not be null."),
        (["list_of", [], True, True], None, None),
        (
            ["list_of", [], False],
            (),
            "Configuration 'k' must not be empty. Valid values include: any non-empty value",
        ),
        (["list_of", ["a"], False], (), "Configuration 'k' must not be empty. Valid values include: [a]"),
        (["list_of", ["a"]], ("b",), PREFIX.format("b") + "String must be one of: a"),
        (["list_in", ["a"]], ("a", "b"), PREFIX.format("b") + "String must be one of: a"),
        (["list_size", 1], ("a", "b"), PREFIX.format("[a, b]") + "exceeds maximum list size of [1]."),
        (["non_null"], None, PREFIX.format("null") + "entry must be non null"),
        (["non_empty"], "", PREFIX.format("") + "String must be non-empty"),
        (["non_empty"], None, None),
        (["name"], "", PREFIX.format("") + "String may not be empty"),
        (
            ["name"],
            "a\nb\u0085",
            PREFIX.format("a\nb\u0085")
            + "String may not contain control sequences but had the following ASCII chars: 10, 133",
        ),
        (["unique"], ("a", "a"), PREFIX.format("[a, a]") + "Duplicate alias provided."),
        (["regex"], "[", PREFIX.format("[") + "Invalid regex: Unclosed character class near index 0\n[\n^"),
        (["regex"], "a.*", None),
        (["optional", ["range", 0]], None, None),
        (["optional", ["range", 0]], -1, PREFIX.format("-1") + "Value must be at least 0"),
        (["all", ["non_null"], ["unique"]], None, PREFIX.format("null") + "entry must be non null"),
        (["plugin_version"], "[1", "Unbounded range: [1"),
        (["non_empty_list"], (), PREFIX.format("[]") + "Empty list"),
        (["cast_spec"], (), "Must specify at least one field to cast."),
        (["class", "converter"], "anything", None),
    ],
)
def test_validators_word_their_problems_as_java_does(
    spec: list[object], value: Value, problem: str | None
) -> None:
    validate = from_spec(spec)
    if problem is None:
        validate("k", value)
        return
    with pytest.raises(ConfigError) as refused:
        validate("k", value)
    assert str(refused.value) == problem


def test_what_java_does_not_expect_ends_the_validation() -> None:
    with pytest.raises(JavaError) as thrown:
        from_spec(["list_size", 3])("k", None)
    assert thrown.value.java_class == "java.lang.NullPointerException"
    assert thrown.value.message == 'Cannot invoke "java.util.List.size()" because "values" is null'


@pytest.mark.parametrize(
    ("spec", "said"), [([], "unknown"), (["rang"], "unknown"), (["range", 1, 2, "2", 4], "arguments")]
)
def test_a_wrong_validator_spec_is_refused(spec: list[object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_spec(spec)


# --- ConfigDef ---------------------------------------------------------------------------------------------------------


def test_a_parse_error_does_not_spare_the_validator() -> None:
    tasks_max = ConfigDef([ConfigKey("tasks.max", "INT", default=1, validator=from_spec(["range", 1]))])
    assert tasks_max.validate_all({"tasks.max": "dog"}, load_class)["tasks.max"].errors == [
        "Invalid value dog for configuration tasks.max: Not a number of type INT",
        "Invalid value null for configuration tasks.max: Value must be non-null",
    ]


def test_dependents_come_after_their_parents_and_unknown_ones_are_told() -> None:
    seen: list[str] = []

    def note(name: str, _value: Value) -> None:
        seen.append(name)

    definition = ConfigDef(
        [
            ConfigKey("child", "STRING", validator=note),
            ConfigKey("parent", "STRING", dependents=("child", "ghost"), validator=note),
        ]
    )
    ghost = definition.validate_all({}, load_class)["ghost"]
    assert seen == ["parent", "child"]
    assert (ghost.errors, ghost.visible) == (["ghost is referred in the dependents, but not defined."], False)


def test_recommenders_speak_after_all_keys_are_parsed() -> None:
    key = ConfigKey("version", "STRING", recommender=FixedRecommender(("1", "2"), "class"))
    definition = ConfigDef([key, ConfigKey("class", "STRING")])
    hidden = definition.validate_all({}, load_class)["version"]
    shown = definition.validate_all({"class": "x"}, load_class)["version"]
    assert (hidden.recommended_values, hidden.visible, shown.visible) == (("1", "2"), False, True)


def test_an_embedded_definition_is_sorted_prefixed_and_numbered() -> None:
    child = ConfigDef(
        [
            ConfigKey("z", "STRING", group="G", order_in_group=2),
            ConfigKey("low", "STRING", importance="LOW"),
            ConfigKey("need", "STRING", required=True, importance="LOW", dependents=("z",)),
            ConfigKey("high", "STRING", importance="HIGH", validator=from_spec(["non_empty"])),
        ]
    )
    keys = child.embedded("t.a.", "Transforms: a", 2)
    assert [(key.name, key.order_in_group, key.group) for key in keys] == [
        ("t.a.need", 2, "Transforms: a"),
        ("t.a.high", 3, "Transforms: a"),
        ("t.a.low", 4, "Transforms: a"),
        ("t.a.z", 5, "Transforms: a: G"),
    ]
    assert keys[0].dependents == ("t.a.z",)
    assert keys[1].info().display_name == "high"
    assert ConfigDef(keys).validate_all({"t.a.high": ""}, load_class)["t.a.high"].errors == [
        "Invalid value  for configuration high: String must be non-empty"
    ]


def test_a_key_is_defined_once() -> None:
    with pytest.raises(ConfigError, match=r"Configuration k is defined twice\."):
        ConfigDef([ConfigKey("k", "STRING"), ConfigKey("k", "INT")])


def test_parse_stops_at_the_first_problem() -> None:
    definition = ConfigDef([ConfigKey("a", "STRING", required=True), ConfigKey("b", "INT", default=3)])
    assert definition.parse({"a": "x"}, load_class) == {"a": "x", "b": 3}
    with pytest.raises(ConfigError, match='Missing required configuration "a" which has no default value'):
        definition.parse({"b": "x"}, load_class)


@given(
    st.dictionaries(st.sampled_from(["name", "tasks.max", "transforms", "errors.tolerance", "x"]), st.text())
)
def test_any_config_gets_one_entry_per_key(config: Mapping[str, str]) -> None:
    definition = framework_def("source", (4, 3, 1))
    assert list(definition.validate_all(config, load_class)) == list(definition.keys)


# --- framework definitions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ((4, 3, 1), ["connector.plugin.version", "header.converter.plugin.version"], []),
        ((4, 0, 0), ["tasks.max.enforce"], ["connector.plugin.version"]),
        ((3, 7, 0), ["exactly.once.support"], ["tasks.max.enforce"]),
        ((2, 5, 0), ["config.action.reload"], ["predicates", "topic.creation.groups"]),
        ((0, 10, 2), ["transforms"], ["header.converter", "errors.tolerance"]),
    ],
)
def test_versions_differ_in_their_framework_keys(
    version: tuple[int, int, int], present: list[str], absent: list[str]
) -> None:
    keys = framework_def("source", version).keys
    assert set(present) <= keys.keys()
    assert not set(absent) & keys.keys()


def test_framework_orders_are_consecutive() -> None:
    for version in ((4, 3, 1), (3, 9, 0), (2, 6, 0)):
        keys = framework_def("source", version).keys.values()
        together = [key.order_in_group for key in keys if key.group in ("Common", "Transforms", "Predicates")]
        assert together == list(range(1, len(together) + 1))


# --- Java's visible habits -----------------------------------------------------------------------------------------------


def test_hash_maps_iterate_in_their_own_order() -> None:
    assert javahash.string_hash("tasks.max") == 197300996
    assert javahash.string_hash("ü€😀") == 17318035, "a character outside the basic plane counts as two"
    assert javahash.hash_order(["topic", "name", "x", "abc"]) == ["abc", "name", "x", "topic"]
    assert javahash.hash_order(["x", "name", "b"], javahash.copied_table(3)) == ["x", "name", "b"]
    assert javatext.map_text({"x": None, "name": "x"}) == "{x=null, name=x}"
    assert javahash.hash_order(["Aa", "BB"]) == ["Aa", "BB"], "equal hashes keep the order of insertion"


@pytest.mark.parametrize(
    ("entries", "grown", "copied"), [(1, 16, 2), (3, 16, 8), (12, 16, 32), (13, 32, 32), (25, 64, 64)]
)
def test_hash_maps_grow_in_two_ways(entries: int, grown: int, copied: int) -> None:
    assert (javahash.grown_table(entries), javahash.copied_table(entries)) == (grown, copied)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_keep_their_value_in_java_notation(number: float) -> None:
    text = javatext.double_text(number)
    assert float(text) == number
    assert "." in text


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "Unclosed group near index 1\n("),
        ("*.txt", "Dangling meta character '*' near index 0\n*.txt\n^"),
        ("a{", "Illegal repetition near index 2\na{"),
        ("a{2,1}", "Illegal repetition range near index 5\na{2,1}\n     ^"),
        (")", "Unmatched closing ')'\n)"),
        ("[z-a]", "Illegal character range near index 3\n[z-a]\n   ^"),
        ("(?<x", "named capturing group is missing trailing '>' near index 4\n(?<x"),
        ("\\y", "Illegal/unsupported escape sequence near index 1\n\\y\n ^"),
        ("(?P<x>a)", "Unknown inline modifier near index 2\n(?P<x>a)\n  ^"),
        ("\\k<x>", "named capturing group <x> does not exist near index 4\n\\k<x>\n    ^"),
        ("(?<x>a)[^]b]\\Q[\\E{2}a*+(?i)b|", None),
    ],
)
def test_java_words_for_a_bad_pattern(pattern: str, problem: str | None) -> None:
    assert javaregex.error_of(pattern) == problem


def test_patterns_match_whole_texts() -> None:
    assert javaregex.matches("(?<first>a).*", "abc")
    assert not javaregex.matches("a", "abc")


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.0-SNAPSHOT", "1.0"),
        ("1.0-alpha1", "1.0-beta"),
        ("10.7.4", "10.8.0"),
        ("1.0-rc1", "1.0"),
        ("1.0", "1.0-sp1"),
    ],
)
def test_versions_are_ordered_as_by_maven(low: str, high: str) -> None:
    assert artifact_version.compare(low, high) < 0 < artifact_version.compare(high, low)


def test_equal_versions_may_be_written_differently() -> None:
    assert artifact_version.compare("2.7.0.Final", "2.7") == 0
    assert artifact_version.compare("1.0-cr1", "1.0-rc1") == 0


@pytest.mark.parametrize(
    ("text", "shown", "fits"),
    [
        ("4.3.1", "[4.3.1,4.3.1]", True),
        ("[4,5)", "[4,5)", True),
        ("(,4)", "(,4)", False),
        ("[1,2],[4,)", "[1,2],[4,)", True),
    ],
)
def test_version_requirements(text: str, shown: str, fits: bool) -> None:
    requirement = version_requirement(text)
    assert requirement is not None
    assert requirement_text(requirement) == shown
    assert artifact_version.fits(requirement, "4.3.1") is fits


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1", "Unbounded range: [1"),
        ("[2,1]", "Range defies version ordering: [2,1]"),
        ("(1.0)", "Single version must be surrounded by []: (1.0)"),
        ("[1,2],[1.5,4]", "Ranges overlap: [1,2],[1.5,4]"),
        ("[1,2],x", "Only fully-qualified sets allowed in multiple set scenario: [1,2],x"),
    ],
)
def test_unreadable_version_requirements(text: str, problem: str) -> None:
    with pytest.raises(InvalidVersionError) as refused:
        version_requirement(text)
    assert str(refused.value) == problem
