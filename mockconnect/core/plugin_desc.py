"""What a worker knows of one plugin: ``PluginDesc`` and ``PluginType``.

Rules of this room: a :class:`PluginDesc` is a value. Its definition is a function, called when somebody asks for the
keys, so a catalogue of hundreds of plugins costs nothing until it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Final, Literal, get_args

from mockconnect.core import artifact_version
from mockconnect.core.behaviour import Behaviour
from mockconnect.core.configdef import ConfigDef

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

LISTED: Final[tuple[Kind, ...]] = (
    "sink",
    "source",
    "transformation",
    "predicate",
    "converter",
    "header_converter",
)
"""The kinds that ``GET /connector-plugins`` shows, in its order."""

CONNECTORS: Final[tuple[Kind, ...]] = ("sink", "source", "connector")
"""What implements ``Connector``; the last is neither of the others, as ``MockConnector`` of Kafka before 3.2."""

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


in_order = cmp_to_key(_compare)
