"""One worker's plugins: which classes it knows, by which names, in which versions, and with which definitions.

Rules of this room:

* A :class:`Plugins` belongs to one worker process: two workers of a rolling upgrade have different ones, and a worker
  that restarts gets a fresh one (the connectors it could not load are remembered only as long as the process lives).
* Lookup follows ``DelegatingClassLoader`` and ``Plugins``: alias table first, then class name, then simple name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, get_args

from mockconnect.core import artifact_version, javatext
from mockconnect.core.artifact_version import Requirement, version_requirement
from mockconnect.core.configdef import ConfigDef, ConfigError
from mockconnect.core.connector_defs import Version
from mockconnect.core.errors import BAD_REQUEST, NOT_FOUND, ConnectError
from mockconnect.core.java_classes import KNOWN_CLASSES, OWN_CONVERTERS, JavaClass
from mockconnect.core.plugin_aliases import aliases_before_3_6, computed_aliases, scanned_before_3_6
from mockconnect.core.plugin_desc import CONNECTORS, LISTED, Kind, PluginDesc, in_order, no_client_keys
from mockconnect.core.traces import CONNECT_EXCEPTION
from mockconnect.core.versions import has

NEWEST: Final[Version] = (4, 3, 1)
COMPILED_MAX: Final = 1000
_HIDDEN: Final = (
    "org.apache.kafka.connect.tools.",
    "org.apache.kafka.connect.runtime.PredicatedTransformation",
)
"""Classes that the list of older versions leaves out."""


def _is_hidden(plugin: PluginDesc) -> bool:
    return plugin.class_name.startswith(_HIDDEN)


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
        found = plugins if has(version, "all_plugins_versioned") else scanned_before_3_6(plugins)
        given = dict.fromkeys(found)
        self._all = sorted((plugin for plugin in given if not plugin.abstract), key=in_order)
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
        aliases = computed_aliases if has(version, "all_plugins_versioned") else aliases_before_3_6
        self._aliases = aliases(self._all)
        self._connectors = tuple(plugin for plugin in self._all if plugin.kind in CONNECTORS)
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
        if found is None or found.kind not in CONNECTORS:
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
        """``AbstractHerder.connectorType``: ``source``, ``sink``, or ``unknown`` if it is neither or not to be loaded.

        It goes through the cache of :meth:`cached_connector`, as in Connect, so it can change a later error text.
        """
        class_or_alias = (config or {}).get("connector.class")
        if config is None or class_or_alias is None:
            return "unknown"
        try:
            kind = self.cached_connector(class_or_alias, config.get("connector.plugin.version")).kind
        except (ConnectError, ConfigError, artifact_version.InvalidVersionError):
            return "unknown"
        return "unknown" if kind == "connector" else kind

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
