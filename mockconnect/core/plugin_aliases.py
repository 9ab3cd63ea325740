"""What a scan of the plugin path leaves, and by which short names: ``PluginUtils`` and ``PluginScanner``.

Rules of this room: pure functions of what lies there, one for each time at which Connect changed its mind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mockconnect.core.plugin_desc import CONNECTORS, SUPER_TYPES, Kind, PluginDesc


def scanned_before_3_6(plugins: Iterable[PluginDesc]) -> list[PluginDesc]:
    """Only connectors told their versions, and of a class that was found twice in a version the first one stayed.

    Plugin paths were searched before the class path, in the order of their directories; here it is the given one.
    """
    found: dict[tuple[str, Kind, str | None], PluginDesc] = {}
    for plugin in sorted(plugins, key=lambda one: not one.is_isolated):
        told = plugin if plugin.kind in CONNECTORS else replace(plugin, version=None)
        found.setdefault((told.class_name, told.kind, told.version), told)
    return list(found.values())


def aliases_before_3_6(plugins: Sequence[PluginDesc]) -> dict[str, str]:
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


_ALIASED_BEFORE_3_6: Final[tuple[tuple[str, ...], ...]] = (
    CONNECTORS,
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


def computed_aliases(plugins: Iterable[PluginDesc]) -> dict[str, str]:
    """``PluginUtils.computeAliases``: simple and pruned names that mean one class only."""
    meanings: dict[str, set[str]] = {}
    for plugin in plugins:
        for alias in _short_names(plugin):
            meanings.setdefault(alias, set()).add(plugin.class_name)
    return {alias: next(iter(names)) for alias, names in meanings.items() if len(names) == 1}
