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
