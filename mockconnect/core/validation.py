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
from typing import Final

from mockconnect.core import javahash, javatext
from mockconnect.core.artifact_version import InvalidVersionError, version_requirement
from mockconnect.core.behaviour import Behaviour, ConfigRule, Failure, ThrownRule, fill
from mockconnect.core.client_overrides import client_overrides, entries_with_prefix
from mockconnect.core.config_providers import ConfigProvider
from mockconnect.core.config_results import merged, prefixed, result
from mockconnect.core.configdef import (
    ClassLoader,
    ConfigDef,
    ConfigError,
    ConfigInfos,
    ConfigKey,
    ConfigValue,
    parse_type,
)
from mockconnect.core.connector_defs import ConnectorKind
from mockconnect.core.enrichment import (
    Enrichment,
    common_def,
    enriched_framework_def,
    own_class_loader,
    own_definition,
)
from mockconnect.core.errors import BAD_REQUEST, ConnectError
from mockconnect.core.plugin_desc import Kind, PluginDesc
from mockconnect.core.plugins import Plugins, VersionedPluginError
from mockconnect.core.preflight import ValidatingWorker, sink_rules, source_rules, topic_problems
from mockconnect.core.terms import Config
from mockconnect.core.validators import JavaError, null_pointer
from mockconnect.core.versions import Number, has

CONFIG_EXCEPTION: Final = "org.apache.kafka.common.config.ConfigException"
NULL_VALUE: Final = "Null value can not be supplied as the configuration value."

Stages = list[tuple[str, int]]
"""What a validation went through: the text of each stage and how many ms it took."""

FailureOf = Callable[[PluginDesc], Failure | None]
AsRun = Callable[[PluginDesc], PluginDesc]


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
    return result(config, definition, values, ConfigDef(), {})


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
            for _, problem in topic_problems(self.config, self.plugins.version):
                raise JavaError(CONFIG_EXCEPTION, problem)
        definition = self._enriched()
        self.stage(f"validating {self.kind} connector-specific properties for the connector")
        self.values = definition.validate_all(self.config, self.plugins.load_class)
        if self.kind == "sink":
            sink_rules(self)
        else:
            source_rules(self)
        if has(self.plugins.version, "null_value_errors"):
            _add_null_errors(self.config, self.values)
        own = own_definition(self.plugins, self.plugin)
        if has(self.plugins.version, "connector_validates_last"):
            converters, overrides = self._converters(), client_overrides(self)
            own_values = self._connector_validate(own)
        else:
            own_values = self._connector_validate(own)
            converters, overrides = self._converters(), client_overrides(self)
        return merged(result(self.config, definition, self.values, own, own_values), *overrides, *converters)

    def stage(self, text: str, duration_ms: int = 0) -> None:
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
        self.stage(f"instantiating the connector's {name} for validation")
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
        self.stage(f"retrieving the configuration definition from the connector's {name}")
        if plugin.has_no_definition:  # older converters may, so nothing is said of it
            return None
        definition = self.plugins.config_def(plugin)
        self.stage(f"performing config validation for the connector's {name}")
        try:
            values = definition.validate_all(self._converter_config(which), self.plugins.load_class)
        except JavaError as error:
            detail = f": {error.message}" if error.message is not None else ""
            self.values[key].errors.append(f"Failed to perform config validation for {name}{detail}")
            return None
        ordered = [values[entry] for entry in javahash.hash_order(values)]
        return prefixed(definition, ordered, f"{key}.")

    def _converter_config(self, which: str) -> dict[str, str | None]:
        config = entries_with_prefix(self.config, f"{which}.converter.")
        if config.get("converter.type") is None:  # ``putIfAbsent`` replaces a null
            config["converter.type"] = which
        return config

    # --- the connector's own keys -------------------------------------------------------------------------------------------

    def _connector_validate(self, own: ConfigDef) -> dict[str, ConfigValue]:
        """``Connector.validate``, with the extra rules and failures of a simulated class."""
        behaviour = self.plugin.behaviour or Behaviour()
        self.stage("retrieving the configuration definition from the connector")
        if self.plugin.has_no_definition:
            raise self._null_answer("config() must return a ConfigDef")
        self.stage("performing multi-property validation for the connector", behaviour.validate_ms)
        failure = self.failure_of(self.plugin)
        if failure is not None:
            raise JavaError(failure.exception, failure.message)
        if behaviour.null_answer == "validate":
            raise self._null_answer("validate() must return a Config")
        loader = own_class_loader(self.plugins, self.plugin)
        values = own.validate_all(self.config, loader)
        if len(values) > len(own.keys):  # with entries of dependents that are not defined
            values = {name: values[name] for name in javahash.hash_order(values)}
        for thrown in behaviour.thrown_rules:
            if self._applies(thrown, values, loader):
                raise JavaError(thrown.exception, thrown.message and fill(thrown.message, self.config))
        self._apply_rules(behaviour.config_rules, values, loader)
        for omitted in behaviour.omitted_values:
            values.pop(omitted, None)
        return values

    def _applies(self, rule: ThrownRule, values: Mapping[str, ConfigValue], loader: ClassLoader) -> bool:
        unset = not rule.keys or any(key in values and values[key].value is None for key in rule.keys)
        trusted = values if "*" in rule.valid else rule.valid
        wrong = any(values[key].errors for key in trusted if key in values)
        return unset and not wrong and all(condition.holds(self.config, loader) for condition in rule.when)

    def _apply_rules(
        self, rules: Iterable[ConfigRule], values: dict[str, ConfigValue], loader: ClassLoader
    ) -> None:
        wrong = any(value.errors for value in values.values())
        read = {name: javatext.value_text(value.value) for name, value in values.items()}
        for rule in rules:
            if wrong and rule.otherwise_valid:
                continue
            if all(
                condition.holds(self.config, lambda name: loader(name.strip())) for condition in rule.when
            ):
                if rule.replaces or rule.key not in values:
                    values[rule.key] = ConfigValue(rule.key, rule.value and fill(rule.value, read))
                values[rule.key].errors.append(fill(rule.message, read))

    def _null_answer(self, what: str) -> ConnectError:
        text = f"{self.plugin.class_name}.{what} that is not null."
        return ConnectError(400, text, BAD_REQUEST)


def _add_null_errors(config: Config, values: dict[str, ConfigValue]) -> None:
    for key, value in config.items():
        if value is None:
            values.setdefault(key, ConfigValue(key)).errors.append(NULL_VALUE)
