"""Validators of the vocabulary that plugins other than Apache's need."""

from __future__ import annotations

import pytest

from mockconnect.core.behaviour import Behaviour, Condition, ConfigRule, ThrownRule
from mockconnect.core.configdef import ConfigError, Value
from mockconnect.core.declared import definition_from_rows, simulated_connector
from mockconnect.core.errors import ConnectError
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config
from mockconnect.core.validators import from_spec


def problem(spec: list[object], value: Value) -> str | None:
    try:
        from_spec(spec)("k", value)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        (["matches", "[a-z]+", "{value} is wrong"], "ab", None),
        (["matches", "[a-z]+", "{value} is wrong"], "A1", "Invalid value A1 for configuration k: A1 is wrong"),
        (["matches", "[a-z]+", "wrong"], None, None),
        (["matches", "[a-z]+", "wrong", "null?"], None, "Invalid value null for configuration k: null?"),
        (["matches", "[a-z]+", "wrong", ""], None, "Invalid value null for configuration k"),
        (["plain_matches", "[a-z]+", "not {value}"], "A1", "not A1"),
        (["plain_matches", "[a-z]+", "not {value}", "not null"], None, "not null"),
        (["each", ["plain_matches", "[a-z]", "not {value}"]], ("a", "1"), "not 1"),
        (["each", ["plain_matches", "[a-z]", "not {value}"]], None, None),
        (["in_lowered", ["a", "b"]], "B", None),
        (["in_lowered", ["a"]], "X", "Invalid value x for configuration k: String must be one of: a"),
        (["range", 0, 9, "9 (a lot)"], 10, "Invalid value 10 for configuration k: Value must be no more than 9 (a lot)"),
    ],
)  # fmt: skip
def test_what_a_validator_says(spec: list[object], value: Value, expected: str | None) -> None:
    assert problem(spec, value) == expected


@pytest.mark.parametrize(
    ("mode", "visible", "errors"),
    [("all", True, []), ("none", False, []), ("odd", True, ["no mode odd"]), (None, True, [])],
)
def test_a_key_that_some_values_of_another_make_visible(
    mode: str | None, visible: bool, errors: list[str]
) -> None:
    by = {"key": "mode", "values": ["all"], "choices": ["all", "none"], "problem": "no mode {value}"}
    definition = definition_from_rows([{"name": "mode"}, {"name": "column", "visible_by": by}])
    values = definition.validate_all({} if mode is None else {"mode": mode}, lambda name: name)
    assert (values["column"].visible, values["column"].errors) == (visible, errors)


@pytest.mark.parametrize(
    ("config", "thrown"),
    [
        ({"size": "1"}, False),
        ({"size": "x"}, True),
        ({"size": "x", "quiet": "true"}, False),
    ],
)
def test_what_a_connector_throws_for_a_key_without_a_value(config: dict[str, str], thrown: bool) -> None:
    rule = ThrownRule(
        "java.lang.NullPointerException", "oops", ("size",), (Condition(("quiet",), given=False),)
    )
    keys = [{"name": "size", "type": "INT", "default_value": "1"}, "quiet"]
    plugin = simulated_connector("com.example.Odd", "source", keys=keys, thrown_rules=[rule])
    assert isinstance(plugin.behaviour, Behaviour)
    whole = {"name": "c", "connector.class": "com.example.Odd", **config}
    worker = WorkerSettings("connect-1")
    if thrown:
        with pytest.raises(ConnectError, match="oops"):
            validate_connector_config(whole, plugins=Plugins([plugin]), worker=worker)
    else:
        assert validate_connector_config(whole, plugins=Plugins([plugin]), worker=worker).error_count == (
            config["size"] == "x"
        )


@pytest.mark.parametrize(
    ("config", "thrown"),
    [
        ({"maker": "com.acme.Maker"}, "no com.acme.Maker here"),
        ({"maker": " com.example.Odd "}, "no  com.example.Odd  here"),
        ({"maker": "com.example.Odd"}, None),
        ({"maker": "com.example.OfTheSameHouse"}, None),
        ({"maker": "com.acme.Maker", "size": "x"}, None),
        ({}, None),
    ],
)
def test_a_class_that_is_not_there_is_thrown(config: dict[str, str], thrown: str | None) -> None:
    rule = ThrownRule(
        "java.lang.X", "no {maker} here", when=(Condition(("maker",), no_class=True),), valid=("*",)
    )
    keys = ["maker", {"name": "size", "type": "INT", "default_value": "1"}]
    plugin = simulated_connector(
        "com.example.Odd", "source", keys=keys, thrown_rules=[rule], location="file:/plugins/odd/"
    )
    whole = {"name": "c", "connector.class": "com.example.Odd", **config}
    worker = WorkerSettings("connect-1")
    if thrown is None:
        validate_connector_config(whole, plugins=Plugins([plugin]), worker=worker)
        return
    with pytest.raises(ConnectError) as raised:
        validate_connector_config(whole, plugins=Plugins([plugin]), worker=worker)
    assert raised.value.message == thrown


@pytest.mark.parametrize("valid", [("*",), ("size",)])
def test_nothing_is_thrown_where_something_else_is_wrong(valid: tuple[str, ...]) -> None:
    rule = ThrownRule("java.lang.X", "oops", valid=valid)
    keys = [{"name": "size", "type": "INT", "default_value": "1"}]
    plugin = simulated_connector("com.example.Odd", "source", keys=keys, thrown_rules=[rule])
    whole = {"name": "c", "connector.class": "com.example.Odd", "size": "x"}
    worker = WorkerSettings("connect-1")
    assert validate_connector_config(whole, plugins=Plugins([plugin]), worker=worker).error_count == 1


def test_a_rule_may_replace_what_was_said_of_a_key() -> None:
    """In templates stands what was read: trimmed, and a default as Java prints it."""
    rule = ConfigRule(
        "mapper",
        "{mapper} is none of {chain}",
        (Condition(("mapper",), no_class=True),),
        value="{chain}",
        replaces=True,
    )
    keys = [
        {"name": "mapper", "recommended": ["a"]},
        {"name": "chain", "type": "LIST", "default_value": "a, b"},
    ]
    plugin = simulated_connector("com.example.Odd", "source", keys=keys, config_rules=[rule])
    whole = {"name": "c", "connector.class": "com.example.Odd", "mapper": " com.acme.X "}
    infos = validate_connector_config(whole, plugins=Plugins([plugin]), worker=WorkerSettings("connect-1"))
    (value,) = (entry.value for entry in infos.configs if entry.value and entry.value.name == "mapper")
    assert (value.value, value.recommended_values) == ("[a, b]", ())
    assert list(value.errors) == ["com.acme.X is none of [a, b]"]


def record(*fields: str, rest: str = "") -> str:
    return f'{{"type":"record","name":"r","fields":[{",".join(fields)}]{rest}}}'


def typed(schema: str, name: str = "f") -> str:
    return f'{{"name":"{name}","type":{schema}}}'


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        (record(), ""),
        (record(typed('["null","r"]'), typed('{"type":"array","items":"r"}', "g")), ""),
        (record(typed('{"type":"map","values":{"type":"record","name":"x.y","fields":[]}}')), ""),
        ("not json", ""),
        ("1.50.1", ""),
        (" ", "Cannot parse <null> schema"),
        ("1.50", "Schema not yet supported: 1.5"),
        ("null", "Schema not yet supported: null"),
        ('{"TYPE": "RECORD"}', 'No type: {"TYPE":"RECORD"}'),
        ('{"type":"record","fields":[]}', 'No name in schema: {"type":"record","fields":[]}'),
        ('{"type":"record","name":"r"}', 'Record has no fields: {"type":"record","name":"r"}'),
        (record("1"), "No field name: 1"),
        (record('{"name":"f"}'), 'No field type: {"name":"f"}'),
        (record(typed('"x"'), rest=',"namespace":"n"'), "Undefined schema: n.x"),
        ('"x"', "Unknown schema: org.apache.avro.compiler.UnresolvedSchema_0"),
        (record(typed('["int","int"]')), "Duplicate in union:int"),
        (record(typed('["int",["null","long"]]')), 'Nested union: ["int",["null","long"]]'),
        (
            record(typed('"int"'), typed('"string"', "g"), typed('"long"')),
            "Duplicate field f in record r: f type:LONG pos:2 and f type:INT pos:0.",
        ),
        (record(typed(record())), "Can't redefine: r"),
        (record(typed('{"type":"array"}')), 'Array has no items type: {"type":"array"}'),
        (record(typed('{"type":"map"}')), 'Map has no values type: {"type":"map"}'),
        (record(typed('{"type":"enum","name":"e"}')), 'Enum has no symbols: {"type":"enum","name":"e"}'),
        (record(typed('{"type":"fixed","name":"e"}')), 'Invalid or no size: {"type":"fixed","name":"e"}'),
        (
            record(rest=',"aliases":1'),
            'aliases not an array: {"type":"record","name":"r","fields":[],"aliases":1}',
        ),
        (record(rest=',"aliases":[1]'), "alias not a string: 1"),
        (record() + " more ", "dangling content after end of schema: more"),
    ],
)
def test_what_avro_says_of_a_schema(schema: str, wrong: str) -> None:
    expected = f"Invalid value {schema} for configuration k: Invalid Avro schema. {wrong}\n{schema}"
    assert problem(["avro_record"], schema) == (expected if wrong else None)


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ('["null",' + record() + "]", "Only Record schemas are supported at the top-level."),
        (record(typed('"null"')), "Field 'f' is invalid. Unsupported Avro schema type: 'NULL'."),
        (
            record(typed('["int","string"]')),
            "Field 'f' is invalid. Union Schemas are not supported, unless one value is null to represent an optional"
            " value.",
        ),
        (
            record(typed('["null",{"type":"array","items":{"type":"enum","name":"e","symbols":[]}}]')),
            "Field 'f' is invalid. Union Schema contains an unsupported Avro schema type: 'ARRAY', which contains an"
            " unsupported Avro schema type: 'ENUM'. The connector will not validate the values. Use string instead.",
        ),
    ],
)
def test_what_mongodb_does_not_take(schema: str, wrong: str) -> None:
    assert problem(["avro_record"], schema) == f"Invalid value {schema} for configuration k: {wrong}"


def test_no_schema_at_all() -> None:
    assert "is null\nnull" in str(problem(["avro_record"], None))


@pytest.mark.parametrize(
    ("config", "errors"),
    [
        ({"key": "short"}, ["too short"]),
        ({"key": "long enough"}, []),
        ({}, []),
        ({"key": "short", "size": "x"}, []),
    ],
)
def test_a_rule_for_configs_that_are_otherwise_valid(config: dict[str, str], errors: list[str]) -> None:
    rule = ConfigRule("key", "too short", (Condition(("key",), unlike=".{8,}"),), otherwise_valid=True)
    keys = ["key", {"name": "size", "type": "INT", "default_value": "1"}]
    plugin = simulated_connector("com.example.Odd", "source", keys=keys, config_rules=[rule])
    whole = {"name": "c", "connector.class": "com.example.Odd", **config}
    infos = validate_connector_config(whole, plugins=Plugins([plugin]), worker=WorkerSettings("connect-1"))
    (value,) = (entry.value for entry in infos.configs if entry.value and entry.value.name == "key")
    assert list(value.errors) == errors
