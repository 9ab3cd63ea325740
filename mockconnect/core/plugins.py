"""One worker's plugins: which classes it knows, by which names, in which versions, and with which definitions.

Rules of this room:

* A :class:`Plugins` belongs to one worker process: two workers of a rolling upgrade have different ones, and a worker
  that restarts gets a fresh one (the connectors it could not load are remembered only as long as the process lives).
* A :class:`PluginDesc` is a value. Its definition is a function, called when somebody asks for the keys, so a catalogue
  of hundreds of plugins costs nothing until it is used.
* Lookup follows ``DelegatingClassLoader`` and ``Plugins``: alias table first, then class name, then simple name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cmp_to_key
from typing import Final, Literal, get_args

from mockconnect.core import artifact_version, javatext
from mockconnect.core.artifact_version import Requirement, version_requirement
from mockconnect.core.behaviour import Behaviour, Failure, TasksRule, list_items
from mockconnect.core.configdef import ConfigDef, ConfigError
from mockconnect.core.connector_defs import Version
from mockconnect.core.errors import BAD_REQUEST, NOT_FOUND, ConnectError
from mockconnect.core.traces import CONNECT_EXCEPTION, FRAMES, Throwable
from mockconnect.core.versions import has

__all__ = [
    "Behaviour",
    "Failure",
    "JavaClass",
    "PluginDesc",
    "Plugins",
    "TasksRule",
    "VersionedPluginError",
    "connector_task_configs",
    "start_problem",
    "transformation_problem",
]

Kind = Literal[
    "source",
    "sink",
    "transformation",
    "predicate",
    "converter",
    "header_converter",
    "configprovider",
    "rest_extension",
    "connector_client_config_override_policy",
    "connector",
]
"""``PluginType``; ``connector`` was a class of older versions that was neither source nor sink."""

NEWEST: Final[Version] = (4, 3, 1)
COMPILED_MAX: Final = 1000
LISTED: Final[tuple[Kind, ...]] = (
    "sink",
    "source",
    "transformation",
    "predicate",
    "converter",
    "header_converter",
)
"""The kinds that ``GET /connector-plugins`` shows, in its order."""

SUPER_TYPES: Final[Mapping[Kind, tuple[str, str]]] = {
    "source": ("SourceConnector", "class"),
    "sink": ("SinkConnector", "class"),
    "transformation": ("Transformation", "interface"),
    "predicate": ("Predicate", "interface"),
    "converter": ("Converter", "interface"),
    "header_converter": ("HeaderConverter", "interface"),
    "configprovider": ("ConfigProvider", "interface"),
    "rest_extension": ("ConnectRestExtension", "interface"),
    "connector_client_config_override_policy": ("ConnectorClientConfigOverridePolicy", "interface"),
    "connector": ("Connector", "class"),
}
"""Simple name of the type that a plugin of a kind extends, and whether it is a class or an interface."""

_HIDDEN: Final = (
    "org.apache.kafka.connect.tools.",
    "org.apache.kafka.connect.runtime.PredicatedTransformation",
)
"""Classes that the list of older versions leaves out."""


def _is_hidden(plugin: PluginDesc) -> bool:
    return plugin.class_name.startswith(_HIDDEN)


UNDEFINED: Final = "undefined"
_KIND_ORDER: Final[Mapping[str, int]] = {kind: order for order, kind in enumerate(get_args(Kind))}


def no_keys() -> ConfigDef:
    return ConfigDef()


def no_client_keys(_client: str) -> ConfigDef:
    return ConfigDef()


@dataclass(frozen=True, slots=True)
class PluginDesc:
    """``PluginDesc``. ``version`` is ``None`` for a class that tells none (the list leaves it out then).

    ``location`` is ``classpath``, or a ``file:`` URL for a plugin loaded in isolation. ``behaviour`` belongs to
    connectors. ``definition`` gives the plugin's own keys.
    """

    class_name: str
    kind: Kind
    version: str | None = None
    location: str = "classpath"
    behaviour: Behaviour | None = None
    definition: Callable[[], ConfigDef] = field(default=no_keys, compare=False, repr=False)
    abstract: bool = False
    """A class that can be loaded but not instantiated; Connect does not count it among its plugins."""

    @property
    def simple_name(self) -> str:
        """``Class.getSimpleName()``: of a nested class only its own name."""
        return self.class_name.rpartition(".")[2].rpartition("$")[2]

    @property
    def is_isolated(self) -> bool:
        """Loaded from a plugin path, by a class loader of its own."""
        return self.location != "classpath"

    @property
    def cannot_be_made(self) -> bool:
        """Its constructor fails."""
        return self.behaviour is not None and bool(self.behaviour.failures_at("instantiate"))

    @property
    def has_no_definition(self) -> bool:
        """Its ``config()`` answers null."""
        return self.behaviour is not None and self.behaviour.null_answer == "config"

    @property
    def known_version(self) -> str:
        return UNDEFINED if self.version is None else self.version

    @property
    def told_version(self) -> str | None:
        """What statuses show. Lists write a version that is Java's null as text (``String.valueOf``)."""
        return None if self.version == "null" else self.version

    @property
    def task_class(self) -> str:
        given = self.behaviour.task_class if self.behaviour else ""
        return given or self.class_name.removesuffix("Connector") + "Task"

    def info(self) -> dict[str, str]:
        """``PluginInfo`` as on the wire."""
        entries = {"class": self.class_name, "type": self.kind, "version": self.known_version}
        if self.version is None:
            del entries["version"]
        return entries

    def __str__(self) -> str:
        version = self.known_version
        return (
            f"PluginDesc{{klass=class {self.class_name}, name='{self.class_name}', version='{version}',"
            f" encodedVersion={version}, type={self.kind}, typeName='{self.kind}', location='{self.location}'}}"
        )


def _compare(left: PluginDesc, right: PluginDesc) -> int:
    """``PluginDesc.compareTo``: name, version, isolated before class path (as recorded), location, type."""
    if left.class_name != right.class_name:
        return -1 if left.class_name < right.class_name else 1
    by_version = artifact_version.compare(left.known_version, right.known_version)
    if by_version:
        return by_version
    mine, other = _rank(left), _rank(right)
    return (mine > other) - (mine < other)


def _rank(plugin: PluginDesc) -> tuple[bool, str, int]:
    return (not plugin.is_isolated, plugin.location, _KIND_ORDER[plugin.kind])


_in_order = cmp_to_key(_compare)


@dataclass(frozen=True, slots=True)
class JavaClass:
    """A class that a config may name: what it is, and whether an instance can be made.

    ``nested`` are its public concrete nested classes of the same kind, which an error about an abstract class suggests.
    """

    name: str
    kinds: frozenset[Kind] = frozenset()
    abstract: bool = False
    nested: tuple[str, ...] = ()
    interface: bool = False

    def __str__(self) -> str:
        return f"{'interface' if self.interface else 'class'} {self.name}"


_TRANSFORMS: Final = "org.apache.kafka.connect.transforms."


def _keyed(simple_name: str) -> JavaClass:
    name = _TRANSFORMS + simple_name
    return JavaClass(name, frozenset({"transformation"}), True, (f"{name}$Key", f"{name}$Value"))


def _plain(*names: str) -> list[JavaClass]:
    return [JavaClass(name) for name in names]


OWN_CONVERTERS: Final = (
    JavaClass("org.apache.kafka.connect.json.JsonConverter", frozenset({"converter", "header_converter"})),
    JavaClass("org.apache.kafka.connect.storage.SimpleHeaderConverter", frozenset({"header_converter"})),
)
"""The converters that every worker has by default, whatever its plugin list says."""

KNOWN_CLASSES: Final[tuple[JavaClass, ...]] = (
    *map(
        _keyed,
        (
            "Cast",
            "ExtractField",
            "Flatten",
            "HeaderFrom",
            "HoistField",
            "InsertField",
            "MaskField",
            "ReplaceField",
            "SetSchemaMetadata",
            "TimestampConverter",
        ),
    ),
    JavaClass(_TRANSFORMS + "Transformation", frozenset({"transformation"}), True, interface=True),
    JavaClass(_TRANSFORMS + "predicates.Predicate", frozenset({"predicate"}), True, interface=True),
    JavaClass("org.apache.kafka.connect.connector.Connector", abstract=True),
    JavaClass("org.apache.kafka.connect.source.SourceConnector", frozenset({"source"}), True),
    JavaClass("org.apache.kafka.connect.sink.SinkConnector", frozenset({"sink"}), True),
    JavaClass("org.apache.kafka.connect.storage.Converter", frozenset({"converter"}), True, interface=True),
    JavaClass(
        "org.apache.kafka.connect.storage.HeaderConverter",
        frozenset({"header_converter"}),
        True,
        interface=True,
    ),
    *_plain(
        "java.lang.Boolean",
        "java.lang.Double",
        "java.lang.Float",
        "java.lang.Integer",
        "java.lang.Long",
        "java.lang.Object",
        "java.lang.Short",
        "java.lang.String",
        "java.lang.Thread",
        "java.util.ArrayList",
        "java.util.Collection",
        "java.util.HashMap",
        "java.util.List",
        "java.util.Map",
        "java.util.Set",
        "org.apache.kafka.clients.admin.ForwardingAdmin",
        "org.apache.kafka.common.metrics.JmxReporter",
        "org.apache.kafka.common.serialization.ByteArrayDeserializer",
        "org.apache.kafka.common.serialization.ByteArraySerializer",
        "org.apache.kafka.common.serialization.StringDeserializer",
        "org.apache.kafka.common.serialization.StringSerializer",
        "org.apache.kafka.connect.file.FileStreamSinkTask",
        "org.apache.kafka.connect.file.FileStreamSourceTask",
        "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter",
        "org.apache.kafka.connect.mirror.DefaultGroupFilter",
        "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
        "org.apache.kafka.connect.mirror.DefaultTopicFilter",
        "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
        "org.apache.kafka.connect.mirror.MirrorSourceTask",
    ),
)
"""Classes that are no plugins but that configs name (as defaults, or by mistake)."""


class VersionedPluginError(ConfigError):
    """``VersionedPluginLoadingException``; ``available`` is ``None`` where Java's list is null."""

    def __init__(self, message: str, available: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.available = available


class Plugins:
    """``Plugins`` of one worker. A plugin that is given twice counts once."""

    def __init__(
        self,
        plugins: Iterable[PluginDesc],
        version: Version = NEWEST,
        clients: Callable[[str], ConfigDef] = no_client_keys,
        classes: Iterable[JavaClass] = KNOWN_CLASSES,
    ) -> None:
        self.version = version
        self.client_definition = clients
        """The keys of Kafka's ``producer``, ``consumer`` or ``admin`` client, against which overrides are parsed."""
        found = plugins if has(version, "all_plugins_versioned") else _scanned_before_3_6(plugins)
        given = dict.fromkeys(found)
        self._all = sorted((plugin for plugin in given if not plugin.abstract), key=_in_order)
        self._of_kind: dict[str, tuple[PluginDesc, ...]] = {
            kind: tuple(plugin for plugin in self._all if plugin.kind == kind) for kind in get_args(Kind)
        }
        self._by_class: dict[str, list[PluginDesc]] = {}
        for plugin in self._all:
            self._by_class.setdefault(plugin.class_name, []).append(plugin)
        self._classes = {known.name: known for known in (*OWN_CONVERTERS, *classes)}
        for plugin in given:
            if plugin.abstract:
                self._classes[plugin.class_name] = JavaClass(
                    plugin.class_name, frozenset({plugin.kind}), abstract=True
                )
        for name, descs in self._by_class.items():
            self._classes[name] = JavaClass(name, frozenset(plugin.kind for plugin in descs))
        aliases = _aliases if has(version, "all_plugins_versioned") else _aliases_before_3_6
        self._aliases = aliases(self._all)
        kinds = ("sink", "source", "connector")
        self._connectors = tuple(plugin for plugin in self._all if plugin.kind in kinds)
        self._unloadable: dict[str, ConnectError] = {}
        self._unloadable_versions: dict[tuple[str, str], VersionedPluginError] = {}
        self.compiled: dict[object, ConfigDef] = {}
        """Definitions worked out for this worker by ``enrichment.py``; see :meth:`keep`."""

    # --- lists ------------------------------------------------------------------------------------------------------

    def list(self, connectors_only: bool = True) -> tuple[PluginDesc, ...]:
        """``GET /connector-plugins``: each class, type and version once."""
        if not has(self.version, "plugin_config"):
            return tuple(p for p in self._connectors if not _is_hidden(p))
        kinds = LISTED[:2] if connectors_only else LISTED
        if not has(self.version, "nothing_hidden"):
            found = (p for kind in kinds for p in self._of_kind[kind] if not _is_hidden(p))
            return tuple(self._before_3_6(p) for p in found)
        rows = {(p.class_name, p.kind, p.version): p for kind in kinds for p in reversed(self._of_kind[kind])}
        return tuple(
            p for kind in kinds for p in self._of_kind[kind] if rows[p.class_name, p.kind, p.version] is p
        )

    def _before_3_6(self, plugin: PluginDesc) -> PluginDesc:
        """A class had one type only: a header converter that is a converter, too, was listed twice as the latter."""
        others = self._by_class[plugin.class_name] if plugin.kind == "header_converter" else ()
        return next((other for other in others if other.kind == "converter"), plugin)

    def connectors(self) -> tuple[PluginDesc, ...]:
        """Sources and sinks together, sorted by class name (the list of error texts)."""
        return self._connectors

    def class_names(self, kind: Kind) -> tuple[str, ...]:
        """Classes of a kind in order: what recommenders offer. One that lies in several places is several classes."""
        return tuple(plugin.class_name for plugin in self._of_kind[kind])

    def versions_of(self, class_or_alias: str, *kinds: Kind) -> tuple[str, ...]:
        """Distinct versions of a class, among the first of the kinds that has it."""
        name = self.full_name(class_or_alias)
        for kind in kinds:
            found = tuple(p.known_version for p in self._by_class.get(name, ()) if p.kind == kind)
            if found:
                return tuple(dict.fromkeys(found))
        return ()

    def latest_version(
        self, class_or_alias: str | None, *kinds: Kind, beside: PluginDesc | None = None
    ) -> str | None:
        """``Plugins.pluginVersion``: ``None`` if no plugin of these kinds has the name.

        One that lies ``beside`` an isolated connector comes before later versions elsewhere.
        """
        if class_or_alias is None:
            return None
        found = [p for p in self._by_class.get(self.full_name(class_or_alias), ()) if p.kind in kinds]
        neighbour = next((p for p in found if _is_neighbour(p, beside)), found[-1] if found else None)
        return neighbour.known_version if neighbour else None

    # --- classes ----------------------------------------------------------------------------------------------------

    def full_name(self, class_or_alias: str) -> str:
        return self._aliases.get(class_or_alias, class_or_alias)

    def load_class(self, class_or_alias: str) -> str | None:
        """The full name of a class that exists on this worker, or ``None``."""
        name = self.full_name(class_or_alias)
        return name if name in self._classes else None

    def java_class(self, name: str) -> JavaClass:
        """What is known of a class that :meth:`load_class` has found."""
        return self._classes[name]

    def plugin(
        self,
        class_or_alias: str,
        requirement: Requirement | None = None,
        beside: PluginDesc | None = None,
    ) -> PluginDesc | None:
        """The newest fitting plugin of that name, of any kind; ``None`` if the class is no plugin.

        One that lies ``beside`` an isolated connector comes before later versions elsewhere. Raises
        :class:`VersionedPluginError` when no version fits.
        """
        name = self.full_name(class_or_alias)
        candidates = self._by_class.get(name)
        isolated = beside is not None and beside.is_isolated
        if candidates is None:
            if requirement is not None and name in self._classes and not isolated:
                text = f"Plugin {name} is not part of Connect's plugin loading mechanism (ClassPath or Plugin Path)"
                raise VersionedPluginError(text)
            return None
        chosen = _chosen(candidates, requirement, beside)
        if chosen is None:
            assert requirement is not None
            raise _no_fitting_version(name, requirement, candidates)
        # The loader of an isolated connector does not know aliases nor what lies outside: there, the latest is loaded.
        return candidates[-1] if isolated and (class_or_alias != name or not chosen.is_isolated) else chosen

    # --- connectors -------------------------------------------------------------------------------------------------

    def connector_of(self, config: Mapping[str, str | None]) -> PluginDesc:
        """The connector that a config names by its class and, since 4.1, its version. Raises as :meth:`connector`."""
        versioned = has(self.version, "plugin_versions")
        version = config.get("connector.plugin.version") if versioned else None
        return self.connector(config.get("connector.class") or "", version)

    def connector(self, class_or_alias: str, version: str | None = None) -> PluginDesc:
        """``Plugins.connectorClass`` and an instance of it; ``version`` is a requirement as in a config.

        Raises :class:`ConnectError` (its text as in Java), :class:`VersionedPluginError`, or
        :class:`InvalidVersionError`.
        """
        found = self.plugin(class_or_alias, version_requirement(version))
        if found is None or found.kind not in ("source", "sink"):
            known = self._classes.get(self.full_name(class_or_alias))
            if known is not None and known.abstract and known.kinds & {"source", "sink"}:
                raise ConnectError(500, "Instantiation error", CONNECT_EXCEPTION)
            found = self._by_simple_name(class_or_alias)
        if found.cannot_be_made:
            raise ConnectError(500, "Instantiation error", CONNECT_EXCEPTION)
        return found

    def _by_simple_name(self, text: str) -> PluginDesc:
        matches = [p for p in self._connectors if p.simple_name in (text, f"{text}Connector")]
        if len(matches) == 1:
            return matches[0]
        if not matches:
            problem = (
                f"Failed to find any class that implements Connector and which name matches {text}, available"
            )
            raise ConnectError(
                500, f"{problem} connectors are: {_listed(self._connectors)}", CONNECT_EXCEPTION
            )
        shown = self._connectors if has(self.version, "all_connectors_in_alias_error") else matches
        problem = (
            f"More than one connector matches alias {text}. Please use full package and class name instead."
        )
        raise ConnectError(500, f"{problem} Classes found: {_listed(shown)}", CONNECT_EXCEPTION)

    def cached_connector(self, class_or_alias: str, version: str | None = None) -> PluginDesc:
        """``CachedConnectors`` (since 4.1): as :meth:`connector`, but a failure is remembered.

        Once remembered, a failure is wrapped, so the text of a second request differs from that of the first; and a
        remembered version failure has lost its list of versions.
        """
        if not has(self.version, "plugin_versions"):
            return self.connector(class_or_alias)
        requirement = version_requirement(version)
        key = (
            class_or_alias,
            "latest" if requirement is None else artifact_version.requirement_text(requirement),
        )
        if class_or_alias in self._unloadable:
            known = self._unloadable[class_or_alias]
            raise ConnectError(500, f"{known.java_class}: {known.message}", CONNECT_EXCEPTION)
        if key in self._unloadable_versions:
            raise VersionedPluginError(str(self._unloadable_versions[key]))
        try:
            return self.connector(class_or_alias, version)
        except VersionedPluginError as error:
            self._unloadable_versions[key] = error
            raise
        except ConnectError as error:
            self._unloadable[class_or_alias] = error
            raise

    def connector_type(self, config: Mapping[str, str | None] | None) -> str:
        """``AbstractHerder.connectorType``: ``source``, ``sink``, or ``unknown`` if the class cannot be loaded.

        It goes through the cache of :meth:`cached_connector`, as in Connect, so it can change a later error text.
        """
        class_or_alias = (config or {}).get("connector.class")
        if config is None or class_or_alias is None:
            return "unknown"
        try:
            return self.cached_connector(class_or_alias, config.get("connector.plugin.version")).kind
        except (ConnectError, ConfigError, artifact_version.InvalidVersionError):
            return "unknown"

    # --- definitions ------------------------------------------------------------------------------------------------

    def config_def(self, plugin: PluginDesc) -> ConfigDef:
        """The plugin's own keys."""
        return plugin.definition()

    def keep(self, key: object, definition: ConfigDef) -> ConfigDef:
        """Remember a definition; keys contain texts of configs, so the memory is bounded."""
        if len(self.compiled) >= COMPILED_MAX:
            self.compiled.clear()
        self.compiled[key] = definition
        return definition

    def described(self, class_or_alias: str, version: str | None = None) -> PluginDesc:
        """The plugin that ``GET /connector-plugins/{p}/config`` describes. Raises :class:`ConnectError`."""
        try:
            requirement = version_requirement(version)
        except artifact_version.InvalidVersionError as error:
            raise ConnectError(400, f"Invalid version specification: {version}", BAD_REQUEST) from error
        try:
            found = self.plugin(class_or_alias, requirement)
        except VersionedPluginError as error:
            raise ConnectError(400, str(error), BAD_REQUEST) from error
        if found is not None and found.kind in LISTED:
            return found
        if found is None and self.load_class(class_or_alias) is None:
            raise ConnectError(404, f"Unknown plugin {class_or_alias}.", NOT_FOUND)
        if found is None:
            raise ConnectError(500, "Instantiation error", CONNECT_EXCEPTION)
        valid = "sink, source, converter, header_converter, transformation, predicate"
        what = f"class {class_or_alias}"
        if not has(self.version, "invalid_plugin_class_text"):
            if class_or_alias != found.class_name:  # there were no aliases for the other kinds
                raise ConnectError(404, f"Unknown plugin {class_or_alias}.", NOT_FOUND)
            what = f"type {found.kind}"
        raise ConnectError(400, f"Invalid plugin {what}. Valid types are {valid}.", BAD_REQUEST)


def _listed(plugins: Iterable[PluginDesc]) -> str:
    return ", ".join(map(str, plugins))


def _is_neighbour(plugin: PluginDesc, beside: PluginDesc | None) -> bool:
    return beside is not None and beside.is_isolated and plugin.location == beside.location


def _chosen(
    candidates: Iterable[PluginDesc], requirement: Requirement | None, beside: PluginDesc | None
) -> PluginDesc | None:
    """``DelegatingClassLoader.findPluginLoader``: candidates come in the order of their versions."""
    chosen: PluginDesc | None = None
    for plugin in candidates:
        if artifact_version.fits(requirement, plugin.known_version):
            chosen = plugin
        if chosen is not None and _is_neighbour(chosen, beside):
            break
    return chosen


def _no_fitting_version(
    name: str, requirement: Requirement, candidates: Sequence[PluginDesc]
) -> VersionedPluginError:
    available = tuple(plugin.known_version for plugin in candidates)
    wanted = artifact_version.requirement_text(requirement)
    text = f"Plugin {name} not found that matches the version range {wanted}, available versions: "
    return VersionedPluginError(text + javatext.value_text(available), available)


def _scanned_before_3_6(plugins: Iterable[PluginDesc]) -> list[PluginDesc]:
    """Only connectors told their versions, and of a class that was found twice in a version the first one stayed.

    Plugin paths were searched before the class path, in the order of their directories; here it is the given one.
    """
    found: dict[tuple[str, Kind, str | None], PluginDesc] = {}
    for plugin in sorted(plugins, key=lambda one: not one.is_isolated):
        told = plugin if plugin.kind in _CONNECTORS else replace(plugin, version=None)
        found.setdefault((told.class_name, told.kind, told.version), told)
    return list(found.values())


def _aliases_before_3_6(plugins: Sequence[PluginDesc]) -> dict[str, str]:
    """``PluginUtils.isAliasUnique`` within each sort of plugin: a class in two versions has no alias at all."""
    aliases: dict[str, str] = {}
    for kinds in _ALIASED_BEFORE_3_6:
        named = [(plugin, *_short_names(plugin)) for plugin in plugins if plugin.kind in kinds]
        simple_names = Counter(simple for _, simple, _ in named)
        pruned_names = Counter(pruned for _, _, pruned in named)
        for plugin, simple, pruned in named:
            if simple_names[simple] == 1 and pruned_names[pruned] == 1:
                aliases[simple] = aliases[pruned] = plugin.class_name
    return aliases


_CONNECTORS: Final = ("sink", "source", "connector")
_ALIASED_BEFORE_3_6: Final[tuple[tuple[str, ...], ...]] = (
    _CONNECTORS,
    ("converter",),
    ("header_converter",),
    ("transformation",),
    ("predicate",),
    ("rest_extension",),
    ("connector_client_config_override_policy",),
)


def _short_names(plugin: PluginDesc) -> tuple[str, str]:
    """The simple name, and that without the suffix of its sort."""
    suffix = "Connector" if plugin.kind in ("source", "sink") else SUPER_TYPES[plugin.kind][0]
    at = plugin.simple_name.rfind(suffix)
    return plugin.simple_name, plugin.simple_name[:at] if at > 0 else plugin.simple_name


def _aliases(plugins: Iterable[PluginDesc]) -> dict[str, str]:
    """``PluginUtils.computeAliases``: simple and pruned names that mean one class only."""
    meanings: dict[str, set[str]] = {}
    for plugin in plugins:
        for alias in _short_names(plugin):
            meanings.setdefault(alias, set()).add(plugin.class_name)
    return {alias: next(iter(names)) for alias, names in meanings.items() if len(names) == 1}


# --- what the worker does around connector code --------------------------------------------------------------------------


def no_such_version(
    config: Mapping[str, str | None],
    error: Exception,
    what: str = "instantiate class",
    frames: Sequence[str] = (),
) -> Throwable:
    """What ``Worker`` throws when no version of a connector's class fits; ``what`` it failed to do."""
    text = f"Failed to {what} for connector {config.get('connector.class')}, class {config.get('name')}"
    isolation = "org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException"
    if isinstance(error, artifact_version.InvalidVersionError):
        isolation = "org.apache.maven.artifact.versioning.InvalidVersionSpecificationException"
    return Throwable(CONNECT_EXCEPTION, text, tuple(frames), Throwable(isolation, str(error), tuple(frames)))


def instantiated(plugins: Plugins, config: Mapping[str, str | None]) -> PluginDesc:
    """``Worker.instantiateConnector``. Raises :class:`ConnectError`."""
    try:
        return plugins.connector_of(config)
    except (VersionedPluginError, artifact_version.InvalidVersionError) as error:
        problem = no_such_version(config, error)
        raise ConnectError(500, str(problem.message), CONNECT_EXCEPTION) from error


def connector_task_configs(
    connector: str, config: Mapping[str, str | None], plugin: PluginDesc, version: Version = NEWEST
) -> list[dict[str, str]]:
    """``Worker.connectorTaskConfigs``: the connector's own maps, plus what the framework adds.

    Raises :class:`ConnectError` with the class and text of ``TooManyTasksException``.
    """
    assert plugin.behaviour is not None, f"{plugin.class_name} is no connector"
    texts = {key: value for key, value in config.items() if value is not None}
    max_tasks = javatext.parse_integer(javatext.trim(texts.get("tasks.max", "1")), 32) or 1
    generated = plugin.behaviour.task_configs(texts, max_tasks)
    check_tasks_max(connector, texts, len(generated), max_tasks, version)
    added = {"task.class": plugin.task_class}
    added.update((key, texts[key]) for key in ("topics", "topics.regex") if key in texts)
    return [{**task_config, **added} for task_config in generated]


def check_tasks_max(
    connector: str, config: Mapping[str, str | None], tasks: int, max_tasks: int, version: Version = NEWEST
) -> None:
    """``Worker.checkTasksMax``, done when task configs are generated and again when a task starts."""
    enforced = javatext.trim(config.get("tasks.max.enforce") or "true").lower() == "true"
    if tasks <= max_tasks or not enforced or not has(version, "tasks_max_enforced"):
        return
    text = (
        f"The connector {connector} has generated {tasks} tasks, which is greater than {max_tasks},"
        " the maximum number of tasks it is configured to create."
        " This behaviour should be considered a bug and is disallowed."
        " If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false;"
        " however, this option will be removed in a future release of Kafka Connect."
    )
    raise ConnectError(500, text, "org.apache.kafka.connect.runtime.TooManyTasksException")


def start_problem(plugin: PluginDesc, config: Mapping[str, str | None]) -> Throwable | None:
    """What stops a config that passed validation: a null value, or one that the connector's ``start`` cannot parse."""
    for key, value in config.items():
        if value is None:
            text = f"Non-string value found in original settings for key {key}: null"
            return Throwable("java.lang.ClassCastException", text)
    if plugin.behaviour is not None and plugin.behaviour.parses_config:
        try:
            plugin.definition().parse(config, lambda name: name)
        except ConfigError as error:
            return Throwable("org.apache.kafka.common.config.ConfigException", str(error))
    return None


def transformation_problem(config: Mapping[str, str | None], version: Version = NEWEST) -> Throwable | None:
    """What stops a task before it exists: a transformation that names a predicate which is not defined.

    ``ConnectorConfig.transformationStages`` asks for the predicate's keys, which are in no definition.
    """
    defined = list_items(config.get("predicates"))
    for alias in list_items(config.get("transforms")):
        predicate = config.get(f"transforms.{alias}.predicate")
        if predicate is not None and predicate not in defined:
            return _undefined_predicate(predicate, has(version, "plugin_versions"))
    return None


def header_converter_problem(config: Mapping[str, str | None], version: Version = NEWEST) -> Throwable | None:
    """What stops a task before it exists: the version of a header converter without its class.

    ``Plugins.newHeaderConverter`` takes the version for a sign that there is a class.
    """
    unnamed = (
        config.get("header.converter") is None and config.get("header.converter.plugin.version") is not None
    )
    if not unnamed or not has(version, "plugin_versions"):
        return None
    text = 'Cannot invoke "Object.hashCode()" because "key" is null'
    frames = (
        "java.base/java.util.concurrent.ConcurrentHashMap.get(ConcurrentHashMap.java:936)",
        "org.apache.kafka.connect.runtime.isolation.Plugins.newHeaderConverter(Plugins.java:534)",
        *FRAMES["task_instantiate"],
    )
    return Throwable("java.lang.NullPointerException", text, frames)


def _undefined_predicate(predicate: str, versioned: bool) -> Throwable:
    key = f"predicates.{predicate}.{'plugin.version' if versioned else 'type'}"
    own, runtime = "org.apache.kafka.common.config", "org.apache.kafka.connect.runtime.ConnectorConfig"
    frames = (
        f"{runtime}.transformationStages(ConnectorConfig.java:406)",
        "org.apache.kafka.connect.runtime.Worker$TaskBuilder.build(Worker.java:1852)",
        *FRAMES["task_instantiate"],
    )
    inner = (
        f"{runtime}.getTransformationOrPredicate(ConnectorConfig.java:422)",
        f"{runtime}.transformationStages(ConnectorConfig.java:384)",
        *frames[1:],
    )
    innermost = (
        f"{own}.AbstractConfig.get(AbstractConfig.java:176)",
        f"{own}.AbstractConfig.getString(AbstractConfig.java:211)",
        f"{runtime}.getTransformationOrPredicate(ConnectorConfig.java:416)",
        *inner[1:],
    )
    thrown = Throwable(f"{own}.ConfigException", f"Unknown configuration '{key}'", innermost)
    if versioned:
        thrown = Throwable(CONNECT_EXCEPTION, str(thrown), inner, thrown)
    return Throwable(CONNECT_EXCEPTION, str(thrown), frames, thrown)
