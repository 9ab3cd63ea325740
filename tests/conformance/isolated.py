"""What lies in the plugin path of a script's cluster, as plugins of mockconnect: those of `oracle/isolated/`, and Kafka's own jars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from mockconnect.catalog import apache_plugins
from mockconnect.core.behaviour import Behaviour, TasksRule
from mockconnect.core.configdef import ConfigDef, ConfigKey
from mockconnect.core.plugin_desc import Kind, PluginDesc

from .script import ClusterWish

PACKAGE: Final = "org.mockconnect.isolated."
CLASSES: Final[tuple[tuple[str, Kind], ...]] = (
    ("VersionedSourceConnector", "source"),
    ("VersionedConverter", "converter"),
    ("VersionedTransformation", "transformation"),
)
ARTIFACTS: Final = {"connect-file": "org.apache.kafka.connect.file."}
IDLE: Final = Behaviour(
    tasks=TasksRule("fixed", 1),
    task_class=f"{PACKAGE}VersionedSourceConnector$IdleTask",
    start_ms=1,
    stop_ms=1,
    task_start_ms=1,
    task_stop_ms=1,
    records_per_second=0,
)


def hides_bare(wish: ClusterWish) -> bool:
    """Whether plugins without service manifests are not discovered: our test connectors have none, either."""
    return dict(wish.properties).get("plugin.discovery") == "service_load"


def plugin_path(version: str, wish: ClusterWish) -> Iterator[PluginDesc]:
    """Every plugin of the path, and those of the class path that lie there, too."""
    shipped = apache_plugins(version)
    for name, content in wish.plugin_path:
        if content.endswith(" bare") and hides_bare(wish):
            continue
        location = f"file:{{folder}}/plugins/{name}" + ("" if name.endswith(".jar") else "/")
        told = content.partition(" ")[0]
        if told[0].isdigit():
            yield from (_plugin(simple_name, kind, told, location) for simple_name, kind in CLASSES)
            continue
        for plugin in shipped:
            if plugin.class_name.startswith(ARTIFACTS[told]):
                yield plugin
                yield replace(plugin, location=location)


def _plugin(simple_name: str, kind: Kind, told: str, location: str) -> PluginDesc:
    behaviour = IDLE if kind == "source" else None
    definition = partial(_definition, told)
    return PluginDesc(PACKAGE + simple_name, kind, told, location, behaviour, definition)


def _definition(told: str) -> ConfigDef:
    keys = [ConfigKey("told.version", "STRING", default=told, importance="LOW")]
    if told.startswith("2"):
        keys.append(ConfigKey("told.since.2", "INT", required=True, importance="HIGH"))
    return ConfigDef(keys)
