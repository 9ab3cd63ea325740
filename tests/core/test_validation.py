"""Validation of connector configs, against what Kafka 4.3.1 answered.

``data/validate-4.3.jsonl.gz`` has one exchange a line, documentation blanked: the config, the worker's properties, and the
answer of ``PUT /connector-plugins/{p}/config/validate``. Those marked ``worker`` were answered by a real distributed
worker, in this order (it remembers classes it could not load); those marked ``classes`` by Kafka's validation code
without a cluster, for worker settings that no running worker had.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mockconnect import catalog
from mockconnect.core.behaviour import ConfigRule, Failure
from mockconnect.core.config_providers import config_providers
from mockconnect.core.configdef import ConfigError, ConfigInfos
from mockconnect.core.declared import simulated_connector
from mockconnect.core.errors import BAD_REQUEST, ConnectError
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.terms import Config
from mockconnect.core.validation import resolve_references, validate_connector_config

RECORDED = Path(__file__).parent / "data" / "validate-4.3.jsonl.gz"
NULL = "Null value can not be supplied as the configuration value."
SOURCE = {"name": "s", "connector.class": "FileStreamSource", "topic": "t", "file": "f"}
SINK = {"name": "k", "connector.class": "FileStreamSink", "topics": "a,b"}


@dataclass(frozen=True)
class Settings:
    """The settings of a worker that validation asks for."""

    group_id: str = "connect-cluster"
    connector_client_config_override_policy: str = "All"
    exactly_once_source_enabled: bool = False
    config: tuple[tuple[str, str], ...] = ()


def settings_of(properties: Mapping[str, str]) -> Settings:
    return Settings(
        properties.get("group.id", "connect-cluster"),
        properties.get("policy", "All"),
        properties.get("exactly.once.source.support") == "enabled",
        tuple(properties.items()),
    )


def apache(version: tuple[int, int, int] = (4, 3, 1), *more: PluginDesc) -> Plugins:
    return Plugins((*catalog.apache_plugins(), *more), version, catalog.client_definition)


def validate(config: Config, plugins: Plugins | None = None, settings: Settings | None = None) -> ConfigInfos:
    return validate_connector_config(config, plugins=plugins or apache(), worker=settings or Settings())


def errors_of(infos: ConfigInfos) -> dict[str, list[str]]:
    found = [entry.value for entry in infos.configs if entry.value is not None and entry.value.errors]
    return {value.name: list(value.errors) for value in found}


# --- recorded exchanges ----------------------------------------------------------------------------------------------


def recorded() -> list[dict[str, object]]:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answer(exchange: Mapping[str, object], plugins: Plugins) -> dict[str, object]:
    """Our exchange, in the form of the recorded one."""
    config, worker = exchange["config"], exchange["worker"]
    assert isinstance(config, dict)
    assert isinstance(worker, dict)
    stages: list[tuple[str, int]] = []
    settings = settings_of(worker)
    distributed = "standalone" not in exchange
    try:
        infos = validate_connector_config(
            config, plugins=plugins, worker=settings, distributed=distributed, stages=stages
        )
    except ConnectError as error:
        return {"status": 500, "body": {"error_code": 500, "message": f"{error.java_class}: {error.message}"}}
    result: dict[str, object] = {"status": 200, "body": infos.to_json()}
    return {**result, "stages": [text for text, _ in stages]} if "stages" in exchange else result


def test_every_recorded_exchange_is_answered_identically() -> None:
    workers: dict[str, Plugins] = {}
    seen = Counter[str]()
    for exchange in recorded():
        process = json.dumps([exchange["seen"], exchange["worker"], exchange.get("standalone")])
        plugins = workers.setdefault(process, apache())
        for part, given in answer(exchange, plugins).items():
            assert json.dumps(given) == json.dumps(exchange[part]), exchange["config"]
        seen[str(exchange["seen"])] += 1
    assert seen["worker"] >= 400
    assert seen["classes"] >= 30


# --- worked examples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "errors"),
    [
        ({"connector.class": "FileStreamSource", "topic": "t"}, 1),
        ({"connector.class": "FileStreamSource", "topic": "t", "tasks.max": ""}, 3),
        ({"connector.class": "FileStreamSink", "name": "k"}, 2),
        ({**SOURCE, "n": None}, 1),
        ({**SOURCE, "file": None}, 0),
        ({**SOURCE, "transforms": None}, 2),
        ({**SOURCE, "unknown.key": "x"}, 0),
    ],
)
def test_worked_examples(config: Config, errors: int) -> None:
    infos = validate(config)
    assert infos.error_count == errors
    assert len(list(infos.errors())) == errors


def test_a_refused_config_gets_all_errors_in_one_text() -> None:
    assert validate({**SOURCE, "n": None, "tasks.max": "0"}).problems_text() == (
        "Connector configuration is invalid and contains the following 2 error(s):\n"
        f"{NULL}\n"
        "Invalid value 0 for configuration tasks.max: Value must be at least 1\n"
        "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
    )


def test_a_null_of_the_connectors_own_key_is_lost() -> None:
    assert errors_of(validate({**SOURCE, "batch.size": None})) == {}


def test_a_config_without_class_is_refused_with_its_values_in_clear() -> None:
    with pytest.raises(ConnectError) as refused:
        validate({"topic": "t"})
    assert (refused.value.status_code, refused.value.java_class) == (400, BAD_REQUEST)
    assert refused.value.message == "Connector config {topic=t} contains no connector type"


def test_a_class_that_could_not_be_loaded_is_remembered() -> None:
    plugins = apache()
    messages = []
    for _ in range(2):
        with pytest.raises(ConnectError) as refused:
            validate({"connector.class": "x"}, plugins)
        messages.append(refused.value.message or "")
    first, second = messages
    assert first.startswith(
        "Failed to find any class that implements Connector and which name matches x, available"
    )
    assert second == f"org.apache.kafka.connect.errors.ConnectException: {first}"


def test_a_version_that_could_not_be_found_breaks_the_second_validation() -> None:
    plugins = apache()
    config = {**SOURCE, "connector.plugin.version": "9.9"}
    found = errors_of(validate(config, plugins))
    assert found.keys() == {"connector.class", "connector.plugin.version"}
    with pytest.raises(ConnectError, match=r"availableVersions\(\)") as broken:
        validate(config, plugins)
    assert broken.value.java_class == "java.lang.NullPointerException"


# --- rules across keys -------------------------------------------------------------------------------------------------


def test_a_standalone_worker_has_fewer_rules() -> None:
    config = {**SOURCE, "exactly.once.support": "required", "transaction.boundary": "connector"}
    assert validate(config).error_count == 2
    alone = validate_connector_config(config, plugins=apache(), worker=Settings(), distributed=False)
    assert alone.error_count == 0


def test_exactly_once_asks_the_worker_and_the_connector() -> None:
    enabled = Settings(exactly_once_source_enabled=True)
    unknown = simulated_connector("com.acme.PlainSource", "source")
    config = {"name": "a", "connector.class": "com.acme.PlainSource", "exactly.once.support": "required"}
    [text] = errors_of(validate(config, apache((4, 3, 1), unknown), enabled))["exactly.once.support"]
    assert text.startswith("The connector does not implement the API required for preflight validation")
    assert validate({**SOURCE, "exactly.once.support": "required"}, settings=enabled).error_count == 0


@pytest.mark.parametrize(
    ("answer", "said"), [("null", "returned a null value"), ("unsupported", "does not support")]
)
def test_transaction_boundaries_ask_the_connector(answer: str, said: str) -> None:
    plugin = simulated_connector("com.acme.TxSource", "source", transaction_boundaries=answer)
    config = {"name": "a", "connector.class": "TxSource", "transaction.boundary": "connector"}
    [text] = errors_of(validate(config, apache((4, 3, 1), plugin)))["transaction.boundary"]
    assert said in text


def test_what_a_connector_throws_at_these_questions_is_an_error_of_the_key() -> None:
    broken = [{"where": where, "message": "boom"} for where in ("exactly_once", "transaction_boundaries")]
    plugin = simulated_connector("com.acme.TxSource", "source", failures=broken)
    asked = {"exactly.once.support": "required", "transaction.boundary": "connector"}
    config = {"name": "a", "connector.class": "TxSource", **asked}
    errors = errors_of(
        validate(config, apache((4, 3, 1), plugin), Settings(exactly_once_source_enabled=True))
    )
    assert errors == {key: ["An unexpected error occurred during validation: boom"] for key in asked}


def test_a_rule_may_make_an_entry_of_its_own() -> None:
    plugin = simulated_connector("com.acme.Extra", "source")
    assert plugin.behaviour is not None
    rules = replace(plugin.behaviour, config_rules=(ConfigRule("extra", "wrong", value="42"),))
    infos = validate(
        {"name": "a", "connector.class": "Extra"}, apache((4, 3, 1), replace(plugin, behaviour=rules))
    )
    assert infos.configs[0].value is not None
    assert (infos.configs[0].value.value, infos.configs[0].value.errors) == ("42", ("wrong",))


def test_a_sink_must_not_share_the_workers_group() -> None:
    settings = Settings("connect-k")
    assert errors_of(validate(SINK, settings=settings)) == {
        "name": ["Consumer group for sink connector named k conflicts with Connect worker group connect-k"]
    }
    override = {**SINK, "consumer.override.group.id": "connect-k"}
    infos = validate(override, settings=settings)
    assert next(entry.value.name for entry in infos.configs if entry.value) == "consumer.override.group.id"
    assert infos.error_count == 1


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ("All", []),
        (
            "org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy",
            ["acks", "sasl.mechanism"],
        ),
        ("Principal", ["acks"]),
        ("Allowlist", ["sasl.mechanism"]),
    ],
)
def test_override_policies(policy: str, refused: list[str]) -> None:
    settings = Settings("g", policy, config=(("connector.client.config.override.allowlist", "x, acks"),))
    config = {**SOURCE, "producer.override.acks": "1", "producer.override.sasl.mechanism": "PLAIN"}
    found = errors_of(validate(config, settings=settings))
    assert sorted(found) == [f"producer.override.{name}" for name in refused]


def test_overrides_unknown_to_the_client_are_shown_as_they_are() -> None:
    plain = Plugins(catalog.apache_plugins())
    infos = validate({**SOURCE, "producer.override.batch.size": " abc "}, plain)
    last = infos.configs[-1]
    assert last.definition is None
    assert last.value is not None
    assert last.value.value == " abc "
    with pytest.raises(ConnectError, match="Not a number of type INT"):
        validate({**SOURCE, "producer.override.batch.size": " abc "})


# --- the connector's own validate --------------------------------------------------------------------------------------


def test_connector_code_that_throws_ends_the_validation() -> None:
    plugin = simulated_connector(
        "com.acme.BadSink",
        "sink",
        failures=[{"where": "validate", "exception": "java.lang.RuntimeException", "message": "boom"}],
    )
    plugins = apache((4, 3, 1), plugin)
    config = {"name": "a", "connector.class": "BadSink", "topics": "t"}
    with pytest.raises(ConnectError) as thrown:
        validate(config, plugins)
    assert (thrown.value.status_code, thrown.value.java_class, thrown.value.message) == (
        500,
        "java.lang.RuntimeException",
        "boom",
    )
    once: list[Failure | None] = [None]
    healed = validate_connector_config(
        config, plugins=plugins, worker=Settings(), failure_of=lambda _plugin: once[0]
    )
    assert healed.error_count == 0


def test_a_declared_key_is_validated_and_replaces_the_frameworks_in_place() -> None:
    keys: list[dict[str, object]] = [
        {"name": "url", "required": True, "importance": "HIGH"},
        {"name": "tasks.max", "type": "INT", "default_value": 1, "validator": ["range", 1, 1]},
        {
            "name": "mode",
            "default_value": "fast",
            "validator": ["in", ["fast", "safe"]],
            "recommended": ["fast", "safe"],
        },
    ]
    plugins = apache(
        (4, 3, 1), simulated_connector("com.acme.UrlSource", "source", keys=keys, validate_ms=700)
    )
    stages: list[tuple[str, int]] = []
    infos = validate_connector_config(
        {"name": "a", "connector.class": "UrlSource", "tasks.max": "2", "mode": "slow"},
        plugins=plugins,
        worker=Settings(),
        stages=stages,
    )
    assert errors_of(infos) == {
        "tasks.max": ["Invalid value 2 for configuration tasks.max: Value must be no more than 1"],
        "url": ['Missing required configuration "url" which has no default value.'],
        "mode": ["Invalid value slow for configuration mode: String must be one of: fast, safe"],
    }
    names = [entry.definition.name for entry in infos.configs if entry.definition]
    assert names.index("tasks.max") == 3
    assert infos.configs[-1].value is not None
    assert infos.configs[-1].value.recommended_values == ("fast", "safe")
    assert ("performing multi-property validation for the connector", 700) in stages


# --- config providers ----------------------------------------------------------------------------------------------------


class Vault:
    """A config provider with one secret."""

    def get(self, path: str) -> Mapping[str, str]:
        if path == "gone":
            raise ConfigError("Could not read properties from file gone")
        return {"batch": "77"}


def test_references_are_validated_by_what_they_stand_for() -> None:
    def with_vault(value: str) -> ConfigInfos:
        config = {**SOURCE, "batch.size": value}
        return validate_connector_config(
            config, plugins=apache(), worker=Settings(), providers={"vault": Vault()}
        )

    shown = {
        entry.value.name: entry.value.value
        for entry in with_vault("${vault:some:batch}").configs
        if entry.value
    }
    assert shown["batch.size"] == "77"
    for unresolved in ("${vault:some:other}", "${unknown:batch}"):
        assert errors_of(with_vault(unresolved)).keys() == {"batch.size"}
    with pytest.raises(ConnectError) as thrown:
        with_vault("${vault:gone:batch}")
    assert thrown.value.java_class == "org.apache.kafka.common.config.ConfigException"


def test_the_providers_of_a_worker_find_nothing_on_its_machine() -> None:
    package = "org.apache.kafka.common.config.provider."
    properties = {"config.providers": "env, file,folder,other"}
    for name, kind in (("env", "EnvVar"), ("file", "File"), ("folder", "Directory"), ("other", "Some")):
        properties[f"config.providers.{name}.class"] = f"{package}{kind}ConfigProvider"
    properties["config.providers.file.param.allowed.paths"] = "/etc,/nonexistent"
    providers = config_providers(properties, {})
    assert list(providers) == ["env", "file", "folder", "other"]
    text = "${env:HOME}-${folder:/nowhere:key}-${file:/elsewhere:key}-${other:key}"
    config = {"connector.class": "x", "topic": text}
    assert resolve_references(config, providers)["topic"] == text
    for reference, problem in (
        ("${file:/nonexistent:key}", "Could not read properties from file /nonexistent"),
        ("${env:path:key}", "Path is not supported for EnvVarConfigProvider, invalid value 'path'"),
    ):
        with pytest.raises(ConfigError, match=re.escape(problem)):
            resolve_references({"topic": reference}, providers)


def test_a_connector_may_behave_otherwise_than_its_plugin() -> None:
    def unsupported(plugin: PluginDesc) -> PluginDesc:
        assert plugin.behaviour is not None
        return replace(plugin, behaviour=replace(plugin.behaviour, exactly_once="unsupported"))

    config = {**SOURCE, "exactly.once.support": "required"}
    infos = validate_connector_config(config, plugins=apache(), worker=Settings(), as_run=unsupported)
    assert errors_of(infos)["exactly.once.support"][-1].startswith(
        "The connector does not support exactly-once"
    )


# --- versions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "status_code"), [((3, 9, 0), 500), ((4, 0, 0), 500), ((4, 1, 0), 400), ((4, 3, 1), 400)]
)
def test_an_unknown_class_is_the_clients_fault_since_4_1(
    version: tuple[int, int, int], status_code: int
) -> None:
    plugins = apache(version)
    messages = set()
    for _ in range(2):
        with pytest.raises(ConnectError) as refused:
            validate({"connector.class": "x"}, plugins)
        assert refused.value.status_code == status_code
        messages.add(refused.value.message)
    assert len(messages) == (1 if version < (4, 1, 0) else 2)


def test_the_order_moved_on_the_wire_with_4_2() -> None:
    def first(version: tuple[int, int, int]) -> list[str]:
        configs = validate(SOURCE, apache(version)).to_json()["configs"]
        assert isinstance(configs, list)
        assert isinstance(configs[0], dict)
        assert isinstance(configs[0]["definition"], dict)
        return list(configs[0]["definition"])

    assert first((4, 1, 0))[-1] == "order"
    assert first((4, 2, 0))[7] == "order_in_group"


def test_sink_rules_ended_the_validation_up_to_3_6() -> None:
    config = {"name": "k", "connector.class": "FileStreamSink"}
    with pytest.raises(ConnectError, match=r"Must configure one of topics or topics\.regex") as thrown:
        validate(config, apache((3, 6, 0)))
    assert thrown.value.status_code == 500
    assert validate(config, apache((3, 7, 0))).error_count == 2


def test_duplicate_topics_are_refused_since_4_2() -> None:
    config = {**SINK, "topics": "a,a"}
    assert validate(config, apache((4, 1, 0))).error_count == 0
    assert errors_of(validate(config)) == {
        "topics": ["Configuration 'topics' values must not be duplicated."]
    }


def test_null_values_passed_before_3_2() -> None:
    config = {**SOURCE, "n": None}
    assert validate(config, apache((3, 1, 0))).error_count == 0
    assert validate(config, apache((3, 2, 0))).error_count == 1


def test_a_connector_validated_before_its_converters_up_to_4_0() -> None:
    def last(version: tuple[int, int, int]) -> str:
        stages: list[tuple[str, int]] = []
        validate_connector_config(SOURCE, plugins=apache(version), worker=Settings(), stages=stages)
        return stages[-1][0]

    assert last((4, 1, 0)) == "performing multi-property validation for the connector"
    assert last((4, 0, 0)) == "validating producer config overrides for the connector"
