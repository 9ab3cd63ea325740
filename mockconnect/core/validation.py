"""Validation of a connector config: the pipeline of ``AbstractHerder.validateConnectorConfig``.

Rules of this room: the input is one config and what one worker knows (its plugins and its settings); the output is a
``ConfigInfos`` or a ``ConnectError``. Nothing is written anywhere; only the memory of ``Plugins.cached_connector``
changes, as it does in Connect. Texts of errors stand where the Connect class has them.

How it works. The framework's definition for sources or sinks gets this worker's defaults, then the keys of the
transformations and predicates that the config names. Its values are validated, then come rules across keys, null
values, converters, client overrides, and last the connector's own keys, whose entries replace those of the framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from mockconnect.core import javahash, javaregex, javatext
from mockconnect.core.artifact_version import InvalidVersionError, version_requirement
from mockconnect.core.behaviour import Behaviour, Failure
from mockconnect.core.config_providers import ConfigProvider
from mockconnect.core.configdef import (
    ConfigDef,
    ConfigError,
    ConfigInfo,
    ConfigInfos,
    ConfigKey,
    ConfigValue,
    ConfigValueInfo,
    parse_type,
)
from mockconnect.core.connector_defs import ConnectorKind
from mockconnect.core.enrichment import (
    Enrichment,
    common_def,
    connector_plugin_config,
    enriched_framework_def,
    own_class_loader,
    own_definition,
)
from mockconnect.core.errors import BAD_REQUEST, ConnectError
from mockconnect.core.plugin_desc import Kind, PluginDesc
from mockconnect.core.plugins import Plugins, VersionedPluginError
from mockconnect.core.terms import Config
from mockconnect.core.validators import JavaError, null_pointer
from mockconnect.core.versions import Number, has

__all__ = [
    "ConfigInfos",
    "ConfigProvider",
    "ValidatingWorker",
    "connector_plugin_config",
    "refusal",
    "resolve_references",
    "validate_connector_config",
]

CONFIG_EXCEPTION: Final = "org.apache.kafka.common.config.ConfigException"
NULL_VALUE: Final = "Null value can not be supplied as the configuration value."

Stages = list[tuple[str, int]]
"""What a validation went through: the text of each stage and how many ms it took."""

Client = Literal["producer", "consumer", "admin"]
FailureOf = Callable[[PluginDesc], Failure | None]
AsRun = Callable[[PluginDesc], PluginDesc]


class ValidatingWorker(Protocol):
    """What validation needs of a worker's settings."""

    @property
    def group_id(self) -> str: ...

    @property
    def connector_client_config_override_policy(self) -> str: ...

    @property
    def exactly_once_source_enabled(self) -> bool: ...

    @property
    def config(self) -> tuple[tuple[str, str], ...]:
        """Further worker properties: the converters, ``connector.client.config.override.allowlist``."""


def validate_connector_config(
    config: Config,
    *,
    plugins: Plugins,
    worker: ValidatingWorker,
    distributed: bool = True,
    providers: Mapping[str, ConfigProvider] | None = None,
    as_run: AsRun | None = None,
    failure_of: FailureOf | None = None,
    stages: Stages | None = None,
) -> ConfigInfos:
    """Validate a config as the worker with these plugins and settings does.

    ``distributed`` is false for a standalone worker, which has fewer rules. ``as_run`` gives the plugin with the
    behaviour that this very connector has (without it: the plugin's own). ``failure_of`` is asked when the connector's
    own ``validate`` is called: what it throws, if anything (without it: the first such failure of the plugin's
    behaviour). ``stages``, if given, is filled. Raises :class:`ConnectError`; its ``java_class`` is what the validate
    endpoint shows in front of the message.
    """
    passed: Stages = [] if stages is None else stages
    try:
        passed.append(("resolving transformed configuration properties for the connector", 0))
        resolved = resolve_references(config, providers or {})
        plugin = _instantiate(resolved, plugins)
        plugin = plugin if as_run is None else as_run(plugin)
        infos = _Validation(
            resolved, plugins, worker, distributed, plugin, failure_of or _declared_failure, passed
        ).run()
    except _UnloadableVersionError as problem:
        infos = _invalid_version(problem.config, plugins, problem.error, passed)
    except JavaError as error:
        raise ConnectError(500, error.message, error.java_class) from error
    except ConfigError as error:
        raise ConnectError(500, str(error), CONFIG_EXCEPTION) from error
    return infos if has(plugins.version, "order_in_group_on_wire") else replace(infos, order_last=True)


def refusal(infos: ConfigInfos, version: Number) -> ConnectError | None:
    """What a create answers to a validation with errors (``AbstractHerder.maybeAddConfigErrors``)."""
    if not infos.error_count:
        return None
    if has(version, "problems_listed") and any(config.value is None for config in infos.configs):
        entities = "org.apache.kafka.connect.runtime.rest.entities"
        null = f'the return value of "{entities}.ConfigInfo.configValue()"'
        error = null_pointer(f"{entities}.ConfigValueInfo.errors()", null)
        return ConnectError(500, error.message, error.java_class)
    return ConnectError(400, infos.problems_text(version), BAD_REQUEST)


def _declared_failure(plugin: PluginDesc) -> Failure | None:
    failures = plugin.behaviour.failures_at("validate") if plugin.behaviour else []
    return failures[0] if failures else None


# --- ConfigTransformer ---------------------------------------------------------------------------------------------------

_REFERENCE: Final = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")


def resolve_references(config: Config, providers: Mapping[str, ConfigProvider]) -> dict[str, str | None]:
    """``${provider:[path:]key}`` replaced; what no provider knows stays. The result is in hash order, as in Connect."""
    order = javahash.hash_order(config, javahash.copied_table(len(config)))
    if not providers:
        return {key: config[key] for key in order}

    def replacement(found: re.Match[str]) -> str:
        provider = providers.get(found[1])
        known = provider.get(found[3] or "") if provider is not None else {}
        return known.get(found[4], found[0])

    return {
        key: None if (text := config[key]) is None else _REFERENCE.sub(replacement, text) for key in order
    }


# --- the connector's class -----------------------------------------------------------------------------------------------


class _UnloadableVersionError(Exception):
    """No version of the connector fits ``connector.plugin.version``."""

    def __init__(self, config: Config, error: VersionedPluginError) -> None:
        super().__init__(error)
        self.config = config
        self.error = error


def _instantiate(config: Config, plugins: Plugins) -> PluginDesc:
    name = config.get("connector.class")
    if name is None:
        text = f"Connector config {javatext.map_text(config)} contains no connector type"
        raise ConnectError(400, text, BAD_REQUEST)
    versioned = has(plugins.version, "plugin_versions")
    try:
        return plugins.cached_connector(name, config.get("connector.plugin.version") if versioned else None)
    except VersionedPluginError as error:
        raise _UnloadableVersionError(config, error) from error
    except InvalidVersionError as error:
        raise ConnectError(400, str(error), BAD_REQUEST) from error
    except ConnectError as error:
        if not versioned:
            raise
        # Since 4.1 everything that goes wrong here is the client's fault.
        raise ConnectError(400, error.message, BAD_REQUEST) from error


def _invalid_version(
    config: Config, plugins: Plugins, error: VersionedPluginError, stages: Stages
) -> ConfigInfos:
    """``invalidVersionedConnectorValidation``: only the common keys are looked at."""
    name = config["connector.class"]
    assert name is not None
    definition = common_def(plugins, name)
    stages.append(("validating connector configuration", 0))
    values = definition.validate_all(config, plugins.load_class)
    if error.available is None:
        text = (
            'Cannot invoke "java.util.List.stream()" because the return value of'
            ' "org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException.availableVersions()" is null'
        )
        raise ConnectError(500, text, "java.lang.NullPointerException")
    for key in ("connector.class", "connector.plugin.version"):
        values[key].errors.append(str(error))
    values["connector.plugin.version"].recommended_values = error.available
    _add_null_errors(config, values)
    return _result(config, definition, values, ConfigDef(), {})


# --- one validation --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Validation:
    """The steps after the connector's class has been found."""

    config: Config
    plugins: Plugins
    worker: ValidatingWorker
    distributed: bool
    plugin: PluginDesc
    failure_of: FailureOf
    stages: Stages
    values: dict[str, ConfigValue] = field(default_factory=dict)

    @property
    def kind(self) -> ConnectorKind:
        return "source" if self.plugin.kind == "source" else "sink"

    def run(self) -> ConfigInfos:
        if self.kind == "sink" and not has(self.plugins.version, "sink_rules_as_errors"):
            for _, problem in _topic_problems(self.config, self.plugins.version):
                raise JavaError(CONFIG_EXCEPTION, problem)
        definition = self._enriched()
        self._stage(f"validating {self.kind} connector-specific properties for the connector")
        self.values = definition.validate_all(self.config, self.plugins.load_class)
        if self.kind == "sink":
            self._sink_rules()
        else:
            self._source_rules()
        if has(self.plugins.version, "null_value_errors"):
            _add_null_errors(self.config, self.values)
        own = own_definition(self.plugins, self.plugin)
        if has(self.plugins.version, "connector_validates_last"):
            converters, overrides = self._converters(), self._client_overrides()
            own_values = self._connector_validate(own)
        else:
            own_values = self._connector_validate(own)
            converters, overrides = self._converters(), self._client_overrides()
        return _merged(
            _result(self.config, definition, self.values, own, own_values), *overrides, *converters
        )

    def _stage(self, text: str, duration_ms: int = 0) -> None:
        self.stages.append((text, duration_ms))

    def _enriched(self) -> ConfigDef:
        base = enriched_framework_def(self.plugins, self.plugin, self.config, dict(self.worker.config))
        added: list[ConfigKey] = []
        kinds: tuple[tuple[str, Kind], ...] = (("transforms", "transformation"), ("predicates", "predicate"))
        for list_key, kind in kinds:
            aliases = parse_type(list_key, self.config.get(list_key), "LIST", self.plugins.load_class)
            if isinstance(aliases, tuple) and list_key in base.keys:
                for alias in dict.fromkeys(aliases):
                    added += Enrichment(self.plugins, self.plugin, self.config, kind, list_key, alias).keys()
        return ConfigDef(added, base) if added else base

    # --- SinkConnectorConfig.validate, DistributedHerder.validateSinkConnectorConfig ----------------------------------

    def _sink_rules(self) -> None:
        if has(self.plugins.version, "sink_rules_as_errors"):
            for key, problem in _topic_problems(self.config, self.plugins.version):
                self._add_error(key, self.config.get(key), problem)
        if self.distributed:
            self._group_id_rules()

    def _add_error(self, key: str, value: str | None, problem: str) -> None:
        self.values.setdefault(key, ConfigValue(key, value)).errors.append(problem)

    def _group_id_rules(self) -> None:
        group = self.worker.group_id
        key = "consumer.override.group.id"
        if key in self.config and has(self.plugins.version, "group_id_override_check"):
            given = self.config[key]
            entry = self.values.setdefault(key, ConfigValue(key, given))
            if given == group:
                entry.errors.append(f"Consumer group {given} conflicts with Connect worker group {group}")
            return
        name = self.values["name"].value
        if group == f"connect-{javatext.value_text(name)}":
            problem = (
                f"Consumer group for sink connector named {name} conflicts with Connect worker group {group}"
            )
            self.values["name"].errors.append(problem)

    # --- DistributedHerder.validateSourceConnectorConfig ----------------------------------------------------------------

    def _source_rules(self) -> None:
        if self.distributed and has(self.plugins.version, "eos_preflight"):
            self._exactly_once_rule()
            self._transaction_boundary_rule()

    def _exactly_once_rule(self) -> None:
        entry = self.values["exactly.once.support"]
        if entry.errors or str(entry.value).upper() != "REQUIRED":
            return
        if not self.worker.exactly_once_source_enabled:
            entry.errors.append("This worker does not have exactly-once source support enabled.")
        problem = self._exactly_once_problem()
        if problem is not None:
            entry.errors.append(problem)

    def _exactly_once_problem(self) -> str | None:
        behaviour = self.plugin.behaviour
        if behaviour is None:
            return self._no_exactly_once_api()
        if behaviour.parses_config:
            try:
                self.plugins.config_def(self.plugin).parse(
                    self.config, own_class_loader(self.plugins, self.plugin)
                )
            except ConfigError as error:
                return _unexpected(str(error))
        for failure in behaviour.failures_at("exactly_once"):
            return _unexpected(failure.message)
        answer = behaviour.supports_exactly_once(self.config)
        if answer == "unsupported":
            what = self._exactly_once("delivery guarantees")
            return f"The connector does not support {what} with the provided configuration."
        return self._no_exactly_once_api() if answer == "unknown" else None

    def _no_exactly_once_api(self) -> str:
        return _NO_EXACTLY_ONCE_API.format(self._exactly_once("guarantees"))

    def _exactly_once(self, before: str) -> str:
        return f"exactly-once {'semantics' if has(self.plugins.version, 'exactly_once_semantics_text') else before}"

    def _transaction_boundary_rule(self) -> None:
        entry = self.values["transaction.boundary"]
        if entry.errors or str(entry.value).upper() != "CONNECTOR":
            return
        behaviour = self.plugin.behaviour or Behaviour()
        for failure in behaviour.failures_at("transaction_boundaries"):
            entry.errors.append(_unexpected(failure.message))
            return
        answer = behaviour.transaction_boundaries
        if answer != "supported":
            entry.errors.append(_NULL_BOUNDARIES if answer == "null" else _NO_BOUNDARIES)

    # --- converters ---------------------------------------------------------------------------------------------------------

    def _converters(self) -> list[ConfigInfos]:
        if not has(self.plugins.version, "converter_preflight"):
            return []
        infos = (self._converter(kind) for kind in ("header", "key", "value"))
        return [found for found in infos if found is not None]

    def _converter(self, which: str) -> ConfigInfos | None:
        """``validateConverterConfig``; errors of the class itself go to the entry of its key."""
        key, name = f"{which}.converter", f"{which} converter"
        class_or_alias = self.config.get(key)
        versions = self.values.get(f"{key}.plugin.version", ConfigValue(""))
        if class_or_alias is None or self.values[key].errors or versions.errors:
            return None
        self._stage(f"instantiating the connector's {name} for validation")
        try:
            requirement = version_requirement(self.config.get(versions.name))
            plugin = self.plugins.plugin(class_or_alias, requirement, self.plugin)
        except VersionedPluginError as error:
            self.values[key].errors.append(str(error))
            versions.errors.append(str(error))
            return None
        if plugin is None:
            self.values[key].errors.append(f"Failed to load class {class_or_alias}: {class_or_alias}")
            return None
        self._stage(f"retrieving the configuration definition from the connector's {name}")
        if plugin.has_no_definition:  # older converters may, so nothing is said of it
            return None
        definition = self.plugins.config_def(plugin)
        self._stage(f"performing config validation for the connector's {name}")
        try:
            values = definition.validate_all(self._converter_config(which), self.plugins.load_class)
        except JavaError as error:
            detail = f": {error.message}" if error.message is not None else ""
            self.values[key].errors.append(f"Failed to perform config validation for {name}{detail}")
            return None
        ordered = [values[entry] for entry in javahash.hash_order(values)]
        return _prefixed(definition, ordered, f"{key}.")

    def _converter_config(self, which: str) -> dict[str, str | None]:
        config = _entries_with_prefix(self.config, f"{which}.converter.")
        if config.get("converter.type") is None:  # ``putIfAbsent`` replaces a null
            config["converter.type"] = which
        return config

    # --- client overrides ---------------------------------------------------------------------------------------------------

    def _client_overrides(self) -> list[ConfigInfos]:
        """In the order of the result list; the stages come in another order."""
        if not has(self.plugins.version, "override_policies"):
            return []
        wanted: tuple[tuple[Client, Callable[[], bool]], ...] = (
            ("producer", self._uses_producer),
            ("admin", self._uses_admin),
            ("consumer", self._uses_consumer),
        )
        found = {client: self._overrides(client) for client, uses in wanted if uses()}
        order: tuple[Client, ...] = ("producer", "consumer", "admin")
        return [found[client] for client in order if client in found]

    def _uses_producer(self) -> bool:
        if self.kind == "sink":
            return self._has_dlq() and has(self.plugins.version, "overrides_by_use")
        return True

    def _uses_admin(self) -> bool:
        if self.kind == "sink":
            return self._has_dlq()
        return has(self.plugins.version, "overrides_by_use") and (
            any(key.startswith("topic.creation.") for key in self.config)
            or self._uses_separate_offsets_clients()
        )

    def _uses_consumer(self) -> bool:
        return self.kind == "sink" or self._uses_separate_offsets_clients()

    def _has_dlq(self) -> bool:
        return not javatext.is_blank(self.config.get(_DLQ))

    def _uses_separate_offsets_clients(self) -> bool:
        if not self.distributed or not has(self.plugins.version, "overrides_by_use"):
            return False
        if self.worker.exactly_once_source_enabled:
            return True
        topic = self.config.get("offsets.storage.topic", "")
        if topic is None:
            raise null_pointer("String.trim()", _MAP_DEFAULT)
        return bool(javatext.trim(topic))

    def _overrides(self, client: Client) -> ConfigInfos:
        self._stage(f"validating {client} config overrides for the connector")
        prefix = f"{client}.override."
        # Before 3.3 every override was parsed with the producer's definition.
        by_client = has(self.plugins.version, "overrides_by_use")
        definition = self.plugins.client_definition(client if by_client else "producer")
        given = _entries_with_prefix(self.config, prefix)
        order = javahash.hash_order(given)
        if has(self.plugins.version, "sized_prefix_maps"):
            order = javahash.hash_order(order, javahash.copied_table(len(order)))
        values = {name: self._override(definition, name, given[name]) for name in order}
        return _prefixed(definition, [values[name] for name in javahash.hash_order(values)], prefix)

    def _override(self, definition: ConfigDef, name: str, text: str | None) -> ConfigValue:
        key = definition.keys.get(name)
        parsed = text if key is None else parse_type(name, text, key.type, self.plugins.load_class)
        value = ConfigValue(name, parsed)
        default = "All" if has(self.plugins.version, "overrides_allowed") else "None"
        policy = _policy_name(self.worker.connector_client_config_override_policy or default)
        if not self._allowed(policy, name):
            value.errors.append(
                f"The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration."
            )
        return value

    def _allowed(self, policy: str, name: str) -> bool:
        match policy:
            case "None":
                return False
            case "Principal":
                return name in ("sasl.jaas.config", "sasl.mechanism", "security.protocol")
            case "Allowlist":
                allowed = dict(self.worker.config).get("connector.client.config.override.allowlist", "")
                return name in [javatext.trim(part) for part in allowed.split(",")]
            case _:
                return True

    # --- the connector's own keys -------------------------------------------------------------------------------------------

    def _connector_validate(self, own: ConfigDef) -> dict[str, ConfigValue]:
        """``Connector.validate``, with the extra rules and failures of a simulated class."""
        behaviour = self.plugin.behaviour or Behaviour()
        self._stage("retrieving the configuration definition from the connector")
        if self.plugin.has_no_definition:
            raise self._null_answer("config() must return a ConfigDef")
        self._stage("performing multi-property validation for the connector", behaviour.validate_ms)
        failure = self.failure_of(self.plugin)
        if failure is not None:
            raise JavaError(failure.exception, failure.message)
        if behaviour.null_answer == "validate":
            raise self._null_answer("validate() must return a Config")
        values = own.validate_all(self.config, own_class_loader(self.plugins, self.plugin))
        if len(values) > len(own.keys):  # with entries of dependents that are not defined
            values = {name: values[name] for name in javahash.hash_order(values)}
        for thrown in behaviour.thrown_rules:
            unset = not thrown.keys or any(key in values and values[key].value is None for key in thrown.keys)
            if unset and all(condition.holds(self.config) for condition in thrown.when):
                raise JavaError(thrown.exception, thrown.message)
        wrong = any(value.errors for value in values.values())
        for rule in behaviour.config_rules:
            if wrong and rule.otherwise_valid:
                continue
            if all(condition.holds(self.config) for condition in rule.when):
                values.setdefault(rule.key, ConfigValue(rule.key, rule.value)).errors.append(rule.message)
        for omitted in behaviour.omitted_values:
            values.pop(omitted, None)
        return values

    def _null_answer(self, what: str) -> ConnectError:
        text = f"{self.plugin.class_name}.{what} that is not null."
        return ConnectError(400, text, BAD_REQUEST)


_DLQ: Final = "errors.deadletterqueue.topic.name"
_MAP_DEFAULT: Final = 'the return value of "java.util.Map.getOrDefault(Object, Object)"'

_NO_EXACTLY_ONCE_API: Final = (
    "The connector does not implement the API required for preflight validation of exactly-once source support."
    " Please consult the documentation for the connector to determine whether it supports {},"
    ' and then consider reconfiguring the connector to use the value "requested" for this property'
    " (which will disable this preflight check and allow the connector to be created)."
)
_NULL_BOUNDARIES: Final = (
    "This connector has returned a null value from its canDefineTransactionBoundaries method, which is not permitted."
    " The connector will be treated as if it cannot define its own transaction boundaries,"
    " and cannot be configured with 'transaction.boundary' set to 'connector'."
)
_NO_BOUNDARIES: Final = (
    "The connector does not support connector-defined transaction boundaries with the given configuration."
    " Please reconfigure it to use a different transaction boundary definition."
)


def _unexpected(message: str | None) -> str:
    """What a question to the connector becomes that it answers with an exception."""
    detail = javatext.trim(message or "")
    shown = f": {detail}" if detail else "; please see the worker logs for more details."
    return f"An unexpected error occurred during validation{shown}"


def _topic_problems(config: Config, version: Number) -> Iterable[tuple[str, str]]:
    """``SinkConnectorConfig.validate``; up to 3.6 the first problem ends the validation."""
    current = has(version, "sink_rules_as_errors")
    topics, pattern = config.get("topics"), config.get("topics.regex")
    dlq = config.get(_DLQ, "")
    if dlq is None and current:
        raise null_pointer("String.trim()", _MAP_DEFAULT)
    dlq = javatext.trim(dlq or "")
    both = not javatext.is_blank(topics), not javatext.is_blank(pattern)
    if all(both):
        problem = "topics and topics.regex are mutually exclusive options, but both are set."
        yield from (("topics", problem), ("topics.regex", problem))
    if not any(both):
        problem = "Must configure one of topics or topics.regex"
        yield from (("topics", problem), ("topics.regex", problem))
    if not dlq or not has(version, "dlq_rules"):
        return
    if topics is not None and both[0] and dlq in (listed := _topic_list(topics)):
        named = "topics" if current else "topics.regex"  # The older text names the wrong key.
        shown = f"'{named}={javatext.value_text(listed)}'"
        problem = f"The DLQ topic '{dlq}' may not be included in the list of topics ({shown}) consumed by the connector"
        yield "topics", problem
    if pattern is not None and both[1]:
        if (invalid := javaregex.error_of(pattern)) is not None:
            raise JavaError("java.util.regex.PatternSyntaxException", invalid)
        if javaregex.matches(pattern, dlq):
            verb = "matched by the regex for" if current else "included in the regex matching"
            yield (
                "topics.regex",
                f"The DLQ topic '{dlq}' may not be {verb} the topics ('topics.regex={pattern}') consumed by the connector",
            )


def _topic_list(text: str) -> tuple[str, ...]:
    parsed = parse_type("topics", text, "LIST", lambda name: name)
    assert isinstance(parsed, tuple), parsed
    return tuple(dict.fromkeys(topic for topic in parsed if topic))


def _policy_name(policy: str) -> str:
    """``All`` for all its names: alias, simple name, class name."""
    return policy.rpartition(".")[2].removesuffix("ConnectorClientConfigOverridePolicy") or policy


def _entries_with_prefix(config: Config, prefix: str) -> dict[str, str | None]:
    return {
        key[len(prefix) :]: value for key, value in config.items() if key.startswith(prefix) and key != prefix
    }


def _add_null_errors(config: Config, values: dict[str, ConfigValue]) -> None:
    for key, value in config.items():
        if value is None:
            values.setdefault(key, ConfigValue(key)).errors.append(NULL_VALUE)


# --- results ---------------------------------------------------------------------------------------------------------------


def _result(
    config: Config,
    framework: ConfigDef,
    values: Mapping[str, ConfigValue],
    own: ConfigDef,
    own_values: Mapping[str, ConfigValue],
) -> ConfigInfos:
    """``AbstractHerder.generateResult``: entries without a key first, then one per key.

    The connector's keys replace those of the framework in place, its entries replace theirs. ``values`` are those of the
    framework's definition, with further entries for what has no key there.
    """
    keys = {**framework.keys, **own.keys}
    unknown = [values[entry] for entry in _entry_order(config, framework, values) if entry not in keys]
    unknown += (value for entry, value in own_values.items() if entry not in keys)
    configs = [ConfigInfo(None, ConfigValueInfo.of(value, None)) for value in unknown]
    for key in keys.values():
        value = own_values.get(key.name) or values.get(key.name)
        shown = None if value is None else ConfigValueInfo.of(value, key.type)
        configs.append(ConfigInfo(key.info(), shown))
    errors = sum(len(entry.value.errors) for entry in configs if entry.value is not None)
    name = config["connector.class"]
    assert name is not None
    groups = tuple(dict.fromkeys((*framework.groups, *own.groups)))
    return ConfigInfos(name, errors, groups, tuple(configs))


def _entry_order(config: Config, definition: ConfigDef, values: Mapping[str, ConfigValue]) -> list[str]:
    """Hash order; entries that have no key were added later (``computeIfAbsent``)."""
    undefined = [*javahash.hash_order(definition.undefined_dependents())]
    added = [entry for entry in values if entry not in definition.keys and entry not in undefined]
    if not added and not undefined:
        return []
    nulls = [name for name, value in config.items() if value is None]
    asked = [*(name for name in added if name not in nulls), *nulls]
    return javahash.computed_order([*definition.keys, *undefined], asked)


def _prefixed(definition: ConfigDef, values: Iterable[ConfigValue], prefix: str) -> ConfigInfos:
    """``AbstractHerder.prefixedConfigInfos``: an entry with errors counts once, and everything is visible."""
    configs: list[ConfigInfo] = []
    groups: dict[str, None] = {}
    for value in values:
        key = definition.keys.get(value.name)
        if key is not None and key.group is not None:
            groups[key.group] = None
        info = ConfigValueInfo.of(value, key.type if key else None)
        shown = replace(info, name=prefix + value.name, visible=True)
        configs.append(ConfigInfo(key.info(prefix) if key else None, shown))
    errors = sum(bool(entry.value and entry.value.errors) for entry in configs)
    return ConfigInfos("", errors, tuple(groups), tuple(configs))


def _merged(first: ConfigInfos, *others: ConfigInfos) -> ConfigInfos:
    """``AbstractHerder.mergeConfigInfos``."""
    parts = (first, *others)
    groups = dict.fromkeys(group for part in parts for group in part.groups)
    configs = tuple(config for part in parts for config in part.configs)
    errors = sum(part.error_count for part in parts)
    return ConfigInfos(first.name, errors, tuple(groups), configs, first.order_last)
