"""Plugins that do not keep to Connect's rules: what a worker says of them. Texts and codes as recorded."""

from __future__ import annotations

import pytest

from mockconnect import catalog
from mockconnect.core.configdef import ConfigInfos
from mockconnect.core.declared import plugin_from_dict, simulated_connector
from mockconnect.core.enrichment import connector_plugin_config
from mockconnect.core.errors import BAD_REQUEST, ConnectError
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import refusal, validate_connector_config

NAME = "com.acme.UnrulySourceConnector"
KEYS = [
    "a",
    {"name": "b", "type": "INT", "default_value": "2", "group": "G", "dependents": ["x1", "b9", "aa"]},
]
ENTITIES = "org.apache.kafka.connect.runtime.rest.entities"


def plugins(version: tuple[int, int, int] = (4, 3, 1), **behaviour: object) -> Plugins:
    mine = simulated_connector(NAME, "source", keys=KEYS, **behaviour)  # type: ignore[arg-type]
    return Plugins((*catalog.apache_plugins(), mine), version, catalog.client_definition)


def validate(there: Plugins, **config: str) -> ConfigInfos:
    given = {"name": "n", "connector.class": NAME, **config}
    return validate_connector_config(given, plugins=there, worker=WorkerSettings("w"))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("config", f"{NAME}.config() must return a ConfigDef that is not null."),
        ("validate", f"{NAME}.validate() must return a Config that is not null."),
    ],
)
def test_null_is_refused(answer: str, text: str) -> None:
    with pytest.raises(ConnectError) as refused:
        validate(plugins(null_answer=answer))
    error = refused.value
    assert (error.status_code, error.message, error.java_class) == (400, text, BAD_REQUEST)


@pytest.mark.parametrize(
    ("version", "variable"), [((4, 3, 1), "pluginConfigDefs"), ((3, 4, 0), "configDefs")]
)
def test_a_definition_that_is_null_cannot_be_shown(version: tuple[int, int, int], variable: str) -> None:
    with pytest.raises(ConnectError) as refused:
        connector_plugin_config(plugins(version, null_answer="config"), NAME)
    assert refused.value.status_code == 500
    assert refused.value.message == (
        f'Cannot invoke "org.apache.kafka.common.config.ConfigDef.configKeys()" because "{variable}" is null'
    )


def test_a_key_that_validate_leaves_out_has_no_value() -> None:
    infos = validate(plugins(omitted_values=["a"]))
    (entry,) = [one for one in infos.configs if one.definition is not None and one.definition.name == "a"]
    assert entry.value is None
    assert entry.to_json()["value"] is None
    # With errors on other keys a create falls over the missing value.
    error = refusal(infos, (4, 3, 1))
    assert error is not None
    assert (error.status_code, error.message) == (
        500,
        f'Cannot invoke "{ENTITIES}.ConfigValueInfo.errors()" because the return value of'
        f' "{ENTITIES}.ConfigInfo.configValue()" is null',
    )


def test_a_framework_key_that_validate_leaves_out_keeps_the_frameworks_value() -> None:
    mine = simulated_connector(NAME, "source", keys=["tasks.max"], omitted_values=["tasks.max"])
    infos = validate(Plugins([mine]), **{"tasks.max": "3"})
    (entry,) = [one for one in infos.configs if one.value is not None and one.value.name == "tasks.max"]
    assert entry.value is not None
    assert entry.value.value == "3"


def test_dependents_that_are_not_defined_come_in_the_order_of_the_map() -> None:
    infos = validate(plugins())
    undefined = [one.value for one in infos.configs if one.definition is None and one.value is not None]
    assert [value.name for value in undefined] == ["aa", "b9", "x1"]
    assert undefined[0].errors == ("aa is referred in the dependents, but not defined.",)
    assert infos.error_count == 3


def test_an_error_of_a_key_that_is_not_defined_is_shown() -> None:
    rules = [{"key": "nowhere", "message": "an error of an undefined key"}]
    infos = validate(plugins(config_rules=rules))
    assert infos.configs[3].definition is None
    assert infos.configs[3].value is not None
    assert infos.configs[3].value.errors == ("an error of an undefined key",)
    assert refusal(infos, (4, 3, 1)) is not None


def test_no_errors_no_refusal() -> None:
    mine = simulated_connector(NAME, "source")
    assert refusal(validate(Plugins([mine])), (4, 3, 1)) is None


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (" no idea ", "An unexpected error occurred during validation: no idea"),
        (
            None,
            "An unexpected error occurred during validation; please see the worker logs for more details.",
        ),
    ],
)
@pytest.mark.parametrize(
    ("where", "config", "others"),
    [
        (
            "exactly_once",
            {"exactly.once.support": "required"},
            ["This worker does not have exactly-once source support enabled."],
        ),
        ("transaction_boundaries", {"transaction.boundary": "connector"}, []),
    ],
)
def test_a_question_that_is_answered_with_an_exception(
    where: str, config: dict[str, str], others: list[str], message: str | None, text: str
) -> None:
    mine = simulated_connector(NAME, "source", failures=[{"where": where, "message": message}])
    assert list(validate(Plugins([mine]), **config).errors()) == [*others, text]


# --- other plugins -----------------------------------------------------------------------------------------------------------

UNMADE = {"failures": [{"where": "instantiate"}]}
TRANSFORMS = {"transforms": "t", "transforms.t.type": "com.acme.Unruly"}


def with_other(kind: str, behaviour: object, version: tuple[int, int, int] = (4, 3, 1)) -> Plugins:
    other = plugin_from_dict({"class": "com.acme.Unruly", "type": kind, "behaviour": behaviour})
    return Plugins((*catalog.apache_plugins(), simulated_connector(NAME, "source"), other), version)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (
            (4, 3, 1),
            "Invalid value com.acme.Unruly for configuration transforms.t.type:"
            " Error getting config definition from Transformation: Instantiation error",
        ),
        (
            (3, 9, 1),
            "Invalid value class com.acme.Unruly for configuration transforms.t.type:"
            " Error getting config definition from Transformation: Could not instantiate class com.acme.Unruly",
        ),
    ],
)
def test_a_transformation_that_cannot_be_made(version: tuple[int, int, int], text: str) -> None:
    infos = validate(with_other("transformation", UNMADE, version), **TRANSFORMS)
    assert list(infos.errors()) == [text]


def test_a_transformation_without_a_definition_ends_the_validation() -> None:
    with pytest.raises(ConnectError) as refused:
        validate(with_other("transformation", {"null_answer": "config"}), **TRANSFORMS)
    assert refused.value.status_code == 500
    assert refused.value.message == "com.acme.Unruly.config() must return a ConfigDef that is not null."


def test_a_converter_that_cannot_be_made() -> None:
    infos = validate(with_other("converter", UNMADE), **{"key.converter": "com.acme.Unruly"})
    assert list(infos.errors()) == [
        "Invalid value com.acme.Unruly for configuration key.converter: Could not instantiate class"
    ]


def test_a_converter_without_a_definition_is_passed_over() -> None:
    infos = validate(
        with_other("converter", {"null_answer": "config"}),
        **{"key.converter": "com.acme.Unruly", "key.converter.x": "y"},
    )
    assert infos.error_count == 0
    assert not [one for one in infos.configs if one.value and one.value.name.startswith("key.converter.x")]
