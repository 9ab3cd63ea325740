"""The definition against which one config is validated: the framework's keys, enriched.

Rules of this room: from one worker's plugins and settings and the texts of one config to a ``ConfigDef``. Nothing is
validated here, but the checks that need a worker (does the class exist, is it concrete, does the version fit) are made
here. What few configs differ in is kept in ``Plugins.compiled``.

Imitates ``ConnectorConfig.enrichedConfigDef``, ``ConnectorConfig.EnrichablePlugin`` and ``PluginsRecommenders``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mockconnect.core.artifact_version import InvalidVersionError, version_requirement
from mockconnect.core.configdef import (
    ClassLoader,
    ConfigDef,
    ConfigError,
    ConfigKey,
    Plain,
    Validator,
    Value,
    parse_type,
)
from mockconnect.core.connector_defs import COMMON_ROWS, ConnectorKind, framework_def
from mockconnect.core.errors import ConnectError
from mockconnect.core.java_classes import JavaClass
from mockconnect.core.javatext import trim
from mockconnect.core.plugin_desc import SUPER_TYPES, Kind, PluginDesc
from mockconnect.core.plugins import Plugins, VersionedPluginError
from mockconnect.core.terms import Config
from mockconnect.core.traces import CONNECT_EXCEPTION
from mockconnect.core.validators import ConcreteClass, ListOf, null_pointer
from mockconnect.core.versions import Number, has

# --- the framework's definition, with one worker's defaults ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ClassRecommender:
    plugins: Plugins | None
    kind: Kind

    def valid_values(self, _parsed: Mapping[str, Value]) -> Iterable[str]:
        return self.plugins.class_names(self.kind) if self.plugins else ()

    def visible(self, _parsed: Mapping[str, Value]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _VersionRecommender:
    """Versions of the class under another key; ``plugins`` is ``None`` where Connect has an empty recommender."""

    plugins: Plugins | None
    class_key: str
    kinds: tuple[Kind, ...]
    always_visible: bool = False

    def valid_values(self, parsed: Mapping[str, Value]) -> Iterable[str]:
        name = parsed.get(self.class_key)
        if name is None or self.plugins is None:
            return ()
        return self.plugins.versions_of(str(name), *self.kinds)

    def visible(self, parsed: Mapping[str, Value]) -> bool:
        return self.always_visible or parsed.get(self.class_key) is not None


_CONVERTERS: Final[Mapping[str, Kind]] = {
    "key.converter": "converter",
    "value.converter": "converter",
    "header.converter": "header_converter",
}

_DEFAULT_CONVERTERS: Final[Mapping[str, str]] = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter",
}
"""Worker properties that a simulated worker has when nobody says otherwise."""


def bound(definition: ConfigDef, plugins: Plugins) -> ConfigDef:
    """The definition with its class checks made against one worker's plugins."""
    changes: dict[str, Mapping[str, object]] = {}
    for name, key in definition.keys.items():
        if isinstance(key.validator, ConcreteClass):
            checks = has(plugins.version, "class_checks")
            changes[name] = {"validator": concrete_class(plugins, _kind(key.validator)) if checks else None}
        elif isinstance(key.validator, ListOf) and not has(plugins.version, "strict_lists"):
            changes[name] = {"validator": key.validator.before_4_2()}
    return definition.with_changes(changes) if changes else definition


def _kind(validator: ConcreteClass) -> Kind:
    return "header_converter" if validator.kind == "header_converter" else "converter"


def concrete_class(plugins: Plugins, kind: Kind) -> Validator:
    """``ConcreteSubClassValidator`` and ``InstantiableClassValidator``."""

    def ensure_valid(name: str, value: Value) -> None:
        if value is None:
            return
        ensure_concrete(plugins, kind, str(value))
        plugin = plugins.plugin(str(value))
        if plugin is not None and plugin.cannot_be_made:
            raise ConfigError.of(name, value, "Could not instantiate class")

    return ensure_valid


def ensure_concrete(plugins: Plugins, kind: Kind, class_name: str) -> None:
    """``Utils.ensureConcreteSubclass``."""
    known = plugins.java_class(class_name)
    if kind not in known.kinds:
        base, sort = SUPER_TYPES[kind]
        verb = "implement" if sort == "interface" else "extend"
        raise ConfigError(f"Class {known} does not {verb} the {base} {sort}")
    if known.abstract:
        hint = _hint(plugins, known)
        raise ConfigError(f"This class is abstract and cannot be created.{hint}")


def _hint(plugins: Plugins, known: JavaClass) -> str:
    """What to say of an abstract class with concrete ones in it."""
    nested = known.nested if has(plugins.version, "nested_key_first") else known.nested[::-1]
    return f" Did you mean {', '.join(nested)}?" if nested else ""


def enriched_framework_def(
    plugins: Plugins, connector: PluginDesc, config: Config, settings: Mapping[str, str]
) -> ConfigDef:
    """``enrichedConfigDef``: defaults and recommenders of this worker; cached, because few configs differ in it."""
    kind: ConnectorKind = "source" if connector.kind == "source" else "sink"
    given = tuple(
        (config.get(key), settings.get(key), settings.get(f"{key}.plugin.version")) for key in _CONVERTERS
    )
    cache_key = (kind, config["connector.class"], connector.location, given)
    found = plugins.compiled.get(cache_key)
    if found is None:
        base = bound(framework_def(kind, plugins.version), plugins)
        found = plugins.keep(cache_key, _with_worker_defaults(base, plugins, connector, config, settings))
    return found


def _with_worker_defaults(
    base: ConfigDef, plugins: Plugins, connector: PluginDesc, config: Config, settings: Mapping[str, str]
) -> ConfigDef:
    if not has(plugins.version, "plugin_versions"):
        return base
    changes: dict[str, Mapping[str, object]] = {
        "connector.plugin.version": {
            "default": plugins.latest_version(config["connector.class"], "sink", "source"),
            "recommender": _VersionRecommender(plugins, "connector.class", ("source", "sink")),
        }
    }
    for key, converter_kind in _CONVERTERS.items():
        of_worker = settings.get(key, _DEFAULT_CONVERTERS[key])
        given = config.get(key)
        if given is None:
            version = settings.get(f"{key}.plugin.version") or plugins.latest_version(
                of_worker, converter_kind
            )
        else:
            version = plugins.latest_version(given, converter_kind, beside=connector)
        changes[key] = {
            "default": plugins.load_class(of_worker) or of_worker,
            "recommender": _ClassRecommender(plugins, converter_kind),
        }
        changes[f"{key}.plugin.version"] = {
            "default": version,
            "recommender": _VersionRecommender(plugins, key, (converter_kind,)),
        }
    return base.with_changes(changes)


def common_def(plugins: Plugins, class_name: str) -> ConfigDef:
    """The keys that sources and sinks share, without anything of the worker but the connector's version."""
    common = {row.name for row in COMMON_ROWS}
    base = framework_def("sink", plugins.version)
    keys = ConfigDef(key for key in base.keys.values() if key.name in common)
    return bound(_plain_framework_def(keys, plugins, class_name), plugins)


def own_definition(plugins: Plugins, plugin: PluginDesc) -> ConfigDef:
    """The connector's own keys, with their class checks made against this worker's plugins."""
    cache_key = ("own", plugin.class_name, plugin.version)
    own = plugins.compiled.get(cache_key)
    if own is None:
        own = plugins.keep(cache_key, bound(plugins.config_def(plugin), plugins))
    return own


SHARED_PACKAGES: Final = ("org.apache", "com.github", "io.github")
"""Package names that say whose a class is only together with the next one."""


def own_class_loader(plugins: Plugins, plugin: PluginDesc) -> ClassLoader:
    """The classes that the plugin itself sees: those of the worker, and those of its own archive.

    What an archive has is not known class by class, so a class from the same house is taken to be in it.
    """
    names = plugin.class_name.split(".")
    house = ".".join(names[: 3 if ".".join(names[:2]) in SHARED_PACKAGES else 2]) + "."
    defaults = {key.default for key in own_definition(plugins, plugin).keys.values() if key.type == "CLASS"}

    def load_class(name: str) -> str | None:
        found = plugins.load_class(name)
        if found is None and (name in defaults or (plugin.is_isolated and name.startswith(house))):
            return name
        return found

    return load_class


def _plain_framework_def(base: ConfigDef, plugins: Plugins, class_name: str) -> ConfigDef:
    changes: dict[str, Mapping[str, object]] = {
        "connector.plugin.version": {
            "default": plugins.latest_version(class_name, "sink", "source"),
            "recommender": _VersionRecommender(None, "connector.class", ()),
        }
    }
    for key in _CONVERTERS:
        changes[f"{key}.plugin.version"] = {"recommender": _VersionRecommender(None, key, ())}
    return base.with_changes(changes)


def connector_plugin_config(
    plugins: Plugins, class_or_alias: str, version: str | None = None
) -> list[dict[str, Plain]]:
    """``GET /connector-plugins/{p}/config``: the plugin's own keys, then those of the framework that it does not define.

    Raises :class:`ConnectError`.
    """
    plugin = plugins.described(class_or_alias, version)
    if plugin.has_no_definition:
        variable = (
            "pluginConfigDefs" if has(plugins.version, "framework_keys_in_plugin_config") else "configDefs"
        )
        error = null_pointer("org.apache.kafka.common.config.ConfigDef.configKeys()", f'"{variable}"')
        raise ConnectError(500, error.message, error.java_class)
    keys = dict(plugins.config_def(plugin).keys)
    if plugin.kind in ("source", "sink") and has(plugins.version, "framework_keys_in_plugin_config"):
        kind: ConnectorKind = "source" if plugin.kind == "source" else "sink"
        framework = _plain_framework_def(framework_def(kind, plugins.version), plugins, class_or_alias)
        for name, key in framework.keys.items():
            keys.setdefault(name, key)
    order_last = not has(plugins.version, "order_in_group_on_wire")
    return [key.info().to_json(order_last) for key in keys.values()]


# --- transformations and predicates ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enrichment:
    """``ConnectorConfig.EnrichablePlugin``: what one alias of ``transforms`` or ``predicates`` adds to the definition."""

    plugins: Plugins
    connector: PluginDesc
    config: Config
    kind: Kind
    list_key: str
    alias: str

    @property
    def prefix(self) -> str:
        return f"{self.list_key}.{self.alias}."

    @property
    def type_key(self) -> str:
        return self.prefix + "type"

    @property
    def version_key(self) -> str:
        return self.prefix + "plugin.version"

    def keys(self) -> list[ConfigKey]:
        group = f"{'Transforms' if self.kind == 'transformation' else 'Predicates'}: {self.alias}"
        base = SUPER_TYPES[self.kind][0]
        keys = [
            ConfigKey(
                self.type_key,
                "CLASS",
                required=True,
                validator=self.check_type,
                importance="HIGH",
                group=group,
                order_in_group=0,
                width="LONG",
                display_name=f"{base} type for {self.alias}",
                recommender=_ClassRecommender(self.plugins, self.kind),
            )
        ]
        if has(self.plugins.version, "plugin_versions"):
            keys.append(
                ConfigKey(
                    self.version_key,
                    "STRING",
                    default=self.default_version,
                    validator=self.check_version,
                    importance="HIGH",
                    group=group,
                    order_in_group=1,
                    width="LONG",
                    display_name=f"{base} version for {self.alias}",
                    recommender=_VersionRecommender(
                        self.plugins, self.type_key, (self.kind,), always_visible=True
                    ),
                )
            )
        try:
            given = self.config.get(self.type_key)
            if given is not None:
                keys += self.plugin_keys(given).embedded(self.prefix, group, len(keys))
        except ConfigError:
            pass  # The validator of the type key tells it.
        return keys

    @property
    def default_version(self) -> str | None:
        given = self.config.get(self.type_key)
        return self.plugins.latest_version(given, self.kind, beside=self.connector)

    def plugin_keys(self, class_or_alias: str) -> ConfigDef:
        """The plugin's own keys and, for transformations, the two implicit ones."""
        plugin = self.load(class_or_alias, self.config.get(self.version_key))
        cache_key = ("embedded", plugin.class_name, plugin.version)
        found = self.plugins.compiled.get(cache_key)
        if found is None:
            implicit = _implicit(self.plugins.version) if self.kind == "transformation" else ()
            masked = {implied.name for implied in implicit}
            own = self.plugins.config_def(plugin).keys.values()
            keys = (*implicit, *(key for key in own if key.name not in masked))
            found = self.plugins.keep(cache_key, ConfigDef(keys))
        return found

    def load(self, class_or_alias: str, version: str | None) -> PluginDesc:
        """``getConfigDefFromPlugin``. Raises :class:`ConfigError`."""
        versioned = has(self.plugins.version, "plugin_versions")
        try:
            requirement = version_requirement(version) if versioned else None
        except InvalidVersionError as error:
            raise VersionedPluginError(str(error)) from error
        class_name = parse_type(
            self.type_key, self.config.get(self.type_key), "CLASS", self.plugins.load_class
        )
        if has(self.plugins.version, "class_checks"):
            ensure_concrete(self.plugins, self.kind, str(class_name))
        else:
            self._ensure_concrete_before_3_7(None if class_name is None else str(class_name))
        # Since 4.1 the text of the config is looked up again, with its blanks.
        name = class_or_alias if versioned else trim(class_or_alias)
        found = self.plugins.plugin(name, requirement, self.connector)
        if found is None:
            base = SUPER_TYPES[self.kind][0]
            problem = f"Error getting config definition from {base}: {class_or_alias}"
            raise ConfigError.of(self.type_key, class_or_alias, problem)
        self._check_instance(found, class_or_alias if versioned else f"class {found.class_name}")
        return found

    def _check_instance(self, plugin: PluginDesc, shown: str) -> None:
        if plugin.cannot_be_made:
            versioned = has(self.plugins.version, "plugin_versions")
            detail = (
                "Instantiation error" if versioned else f"Could not instantiate class {plugin.class_name}"
            )
            problem = f"Error getting config definition from {SUPER_TYPES[self.kind][0]}: {detail}"
            raise ConfigError.of(self.type_key, shown, problem)
        if plugin.has_no_definition:
            text = f"{plugin.class_name}.config() must return a ConfigDef that is not null."
            raise ConnectError(500, text, CONNECT_EXCEPTION)

    def _ensure_concrete_before_3_7(self, class_name: str | None) -> None:
        """``getConfigDefFromConfigProvidingClass``."""
        base = SUPER_TYPES[self.kind][0]
        known = None if class_name is None else self.plugins.java_class(class_name)
        if known is None or self.kind not in known.kinds:
            shown = "null" if known is None else str(known)
            raise ConfigError.of(self.type_key, shown, f"Not a {base}")
        if known.abstract:
            hint = _hint(self.plugins, known)
            raise ConfigError.of(
                self.type_key, str(known), f"{base} is abstract and cannot be created.{hint}"
            )

    def check_type(self, _name: str, value: Value) -> None:
        negate, predicate = f"{self.prefix}negate", f"{self.prefix}predicate"
        if self.kind == "transformation" and negate in self.config and predicate not in self.config:
            raise ConfigError(
                f"Config '{negate}' was provided but there is no config '{predicate}' defining a predicate to be negated."
            )
        if value is None:
            if not has(self.plugins.version, "class_checks"):
                self._ensure_concrete_before_3_7(None)
        else:
            given = self.version_key in self.config
            self.load(str(value), self.config[self.version_key] if given else self.default_version)

    def check_version(self, _name: str, value: Value) -> None:
        given = self.config.get(self.type_key)
        if value is None or given is None:
            return
        try:
            self.load(given, str(value))
        except VersionedPluginError:
            raise
        except ConfigError:
            return  # The validator of the type key tells it.


def _implicit(version: Number) -> tuple[ConfigKey, ...]:
    """The keys that every transformation has."""
    if not has(version, "predicates"):
        return ()
    no_predicate = None if has(version, "predicate_without_default") else ""
    return (
        ConfigKey("predicate", "STRING", default=no_predicate, importance="MEDIUM"),
        ConfigKey("negate", "BOOLEAN", default=False, importance="MEDIUM"),
    )
