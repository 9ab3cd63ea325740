"""The plugins of a captured worker, as short as they can be said.

Rules of this room: what the worker's distribution brings and what the catalogue has is named, if it is the same to the
letter; everything else is a declaration of its own, with every key as captured, but for its documentation. What
the distribution should bring and the worker has not is taken away with ``!``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mockconnect.catalog import Entry, apache_plugins, entries, plugins_of
from mockconnect.core.declared import DeclarationError, plugin_from_dict
from mockconnect.core.enrichment import connector_plugin_config
from mockconnect.core.errors import ConnectError
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.versions import KafkaVersion

Row: TypeAlias = dict[str, Any]
CONNECTORS: Final = ("source", "sink")
USUAL: Final[Mapping[str, object]] = {
    "required": False,
    "default_value": None,
    "importance": "MEDIUM",
    "group": None,
    "width": "NONE",
    "dependents": [],
    "order": -1,
    "order_in_group": -1,
}
"""What a key has if nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One plugin as ``GET /connector-plugins`` lists it."""

    class_name: str
    kind: str
    version: str | None

    @classmethod
    def of(cls, row: Row) -> Listed:
        version = row.get("version")
        return cls(
            str(row["class"]), str(row["type"]), None if version in (None, "undefined") else str(version)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin and its keys; ``None``: this worker does not tell them."""

    listed: Listed
    keys: tuple[Row, ...] | None


def entries_of(found: Sequence[Found], version: KafkaVersion) -> list[object]:
    """What to write under ``plugins`` of a worker of that version; nothing for one that does not tell (before 0.11)."""
    if not found:
        return []
    distribution = Plugins(apache_plugins(version.release, version.text), version.number)
    shipped = [
        _listed(plugin) for plugin in distribution.list(connectors_only=not version.has("plugin_config"))
    ]
    there = {one.listed for one in found}
    same = _Same(version)
    written: list[object] = []
    covered = {one.listed for one in found if one.listed in shipped and same.as_captured(distribution, one)}
    kept = {one.class_name for one in covered}
    replaced = {one.listed.class_name for one in found} - kept
    written += [
        f"!{one.class_name}" for one in shipped if one not in there and one.class_name not in replaced
    ]
    left = [one for one in found if one.listed not in covered]
    for entry in _candidates(left):
        brought = plugins_of(entry, version.release)
        known, listed = Plugins(brought, version.number), {_listed(plugin) for plugin in brought}
        mine = [one for one in left if one.listed in listed]
        if len(mine) == len(listed) and all(same.as_captured(known, one) for one in mine):
            written.append(f"{entry.name}@{entry.release}")
            left = [one for one in left if one not in mine]
    return [*written, *(_declaration(one, same) for one in left)]


def password_keys(found: Iterable[Found], class_name: str) -> list[str]:
    """Keys of type PASSWORD of a class, be it named in full or by its simple name."""
    names = (class_name, f"{class_name}Connector")
    return [
        row["name"]
        for one in found
        if one.listed.class_name in names or one.listed.class_name.rpartition(".")[2] in names
        for row in one.keys or ()
        if row.get("type") == "PASSWORD"
    ]


def _candidates(left: Sequence[Found]) -> list[Entry]:
    """Entries of the catalogue that one of the classes comes from; those that bring most come first."""
    classes = {(one.listed.class_name, one.listed.version) for one in left}
    fitting = [one for one in entries() if one.release and (one.class_name, one.version) in classes]
    return sorted(fitting, key=lambda one: -len(one.brings))


def _listed(plugin: PluginDesc) -> Listed:
    return Listed(plugin.class_name, plugin.kind, plugin.version)


class _Same:
    """Whether what mockconnect knows of a plugin is what was captured."""

    def __init__(self, version: KafkaVersion) -> None:
        self._version = version
        self._framework: dict[tuple[str, str | None], dict[str, Row]] = {}

    def as_captured(self, known: Plugins, one: Found) -> bool:
        return one.keys is None or _bare(_keys(known, one.listed.class_name)) == _bare(one.keys)

    def own_keys(self, one: Found) -> list[Row]:
        """The keys without those that the framework adds to every connector."""
        framework = self._of_framework(one.listed)
        return [row for row in one.keys or () if _bare([row]) != _bare([framework.get(row["name"], {})])]

    def _of_framework(self, listed: Listed) -> dict[str, Row]:
        known = (listed.kind, listed.version)
        if known not in self._framework:
            rows: Sequence[Row] = ()
            if listed.kind in CONNECTORS:
                nothing = plugin_from_dict({"class": "a.B", "type": listed.kind, "version": listed.version})
                rows = _keys(Plugins([nothing], self._version.number), nothing.class_name)
            self._framework[known] = {row["name"]: row for row in rows}
        return self._framework[known]


def _keys(known: Plugins, class_name: str) -> Sequence[Row]:
    try:
        return connector_plugin_config(known, class_name)
    except ConnectError:
        return ()


def _bare(rows: Iterable[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "documentation"} for row in rows]


def _declaration(one: Found, same: _Same) -> dict[str, object]:
    """A plugin of one's own. A source whose offsets nobody knows how to count stands still."""
    given: dict[str, object] = {"class": one.listed.class_name, "type": one.listed.kind}
    given["version"] = one.listed.version
    if one.listed.kind == "source":
        given["behaviour"] = {"records_per_second": 0}
    rows = [_row(row) for row in same.own_keys(one)]
    if rows:
        given["config"] = rows
    return _checked(given)


def _row(row: Row) -> Row | str:
    kept = {name: value for name, value in row.items() if name != "documentation"}
    kept = {name: value for name, value in kept.items() if name not in USUAL or value != USUAL[name]}
    if kept.get("display_name") == row["name"]:
        del kept["display_name"]
    if kept.get("type") == "STRING":
        del kept["type"]
    return row["name"] if list(kept) == ["name"] else kept


def _checked(given: dict[str, object]) -> dict[str, object]:
    """A row that mockconnect cannot keep is left out rather than the whole plugin."""
    try:
        plugin_from_dict(given)
    except DeclarationError:
        rows = given.pop("config", [])
        assert isinstance(rows, list), rows
        good = [row for row in rows if _is_good(given, row)]
        return {**given, "config": good} if good else given
    return given


def _is_good(given: Mapping[str, object], row: Row | str) -> bool:
    try:
        plugin_from_dict({**given, "config": [row]})
    except DeclarationError:
        return False
    return True
