"""Plugin definitions as data: Apache Kafka's own plugins and captured ones, read when somebody asks for them.

Rules of this room: importing it reads nothing. ``apache/index.json`` lists the plugins of a distribution (class, type,
file of its definition, behaviour of a connector), ``index.json`` those of everybody else; each is read at the first
question. A definition file is read when the keys of its plugin are needed. It is a list of keys in the shape of the
answer of ``GET /connector-plugins/{p}/config`` without the framework's keys; fields with the usual value are left out,
and ``validator``, ``recommended`` and ``visible_with`` say what that answer does not show.

To choose plugins by name: :func:`entries` gives one :class:`Entry` per plugin and release, Apache's first
(``file-source``, ``debezium-postgres`` in two releases, ...). It reads the indexes only. :func:`plugins_of` gives what a
chosen entry brings to a worker: the plugin, and the transformations, converters and predicates that come in its archive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import resources

from mockconnect.core.behaviour import Behaviour
from mockconnect.core.configdef import ConfigDef
from mockconnect.core.declared import behaviour_from_dict, definition_from_rows
from mockconnect.core.plugin_desc import Kind, PluginDesc
from mockconnect.core.versions import NEWEST, KafkaVersion, exists


def _read(path: str) -> list[dict[str, object]]:
    text = resources.files(__name__).joinpath(*path.split("/")).read_text(encoding="utf-8")
    rows: list[dict[str, object]] = json.loads(text)
    return rows


@lru_cache(maxsize=256)
def definition(path: str, version: str | None = None) -> ConfigDef:
    """The definition in a file below this folder, for example ``"apache/JsonConverter"``, as of a version."""
    return definition_from_rows(_read(f"{path}.json"), path, _number(version or NEWEST))


def rows(path: str, version: str | None = None) -> list[dict[str, object]]:
    """The rows of that definition: what its keys say beside what a :class:`ConfigDef` does, such as validators."""
    number = _number(version or NEWEST)
    return [
        row for row in _read(f"{path}.json") if exists(number, _border(row, "since"), _border(row, "until"))
    ]


def _number(version: str) -> tuple[int, ...]:
    """``(3, 9, 1)`` for ``3.9.1`` and for ``3.9.1-something``."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@lru_cache(maxsize=16)
def apache_plugins(version: str = NEWEST, told: str = "") -> tuple[PluginDesc, ...]:
    """The plugins of Apache Kafka: connectors, transformations, predicates, converters, and some that are not listed.

    ``told`` is what they say their version is, in the build of a vendor.
    """
    number = _number(version)
    rows = _read("apache/index.json")
    return tuple(
        _plugin(row, version, told or version)
        for row in rows
        if exists(number, _border(row, "since"), _border(row, "until"))
    )


def _border(row: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    return _number(str(row[name])) if name in row else None


def _plugin(row: Mapping[str, object], version: str, told_by_all: str) -> PluginDesc:
    behaviour = _behaviour(row)
    kind: Kind = row["type"]  # type: ignore[assignment]
    # Before 3.6 only connectors told their version.
    told = str(row.get("version", "")) or (
        told_by_all
        if behaviour is not None or KafkaVersion.parse(version).has("all_plugins_versioned")
        else None
    )
    name = row.get("definition")
    keys = partial(definition, f"apache/{name}", version) if name else ConfigDef
    return PluginDesc(str(row["class"]), kind, told, behaviour=behaviour, definition=keys)


def _behaviour(row: Mapping[str, object]) -> Behaviour | None:
    given = row.get("behaviour")
    return behaviour_from_dict(given) if isinstance(given, dict) else None


def client_definition(client: str, version: str = NEWEST) -> ConfigDef:
    """The keys of Kafka's own clients: ``producer``, ``consumer`` or ``admin``."""
    return definition(f"apache/clients/{client}", version)


# --- choosing by name ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One plugin of one release, as the index lists it.

    ``name`` is how it is chosen (``debezium-postgres``); entries of different releases share it. ``release`` is the
    version of the archive it came in (``3.2.3.Final``), empty for Apache's own, which have the version of the worker.
    ``version`` is what the plugin itself tells (``None``: nothing). ``brings`` are names of entries of the same family
    and release that come along. ``archives`` are the folders of a plugin path that have the class: a class that several
    archives of one project contain is there several times. ``path`` is the definition below this folder, empty if the plugin has no keys.
    """

    name: str
    family: str
    class_name: str
    kind: Kind
    release: str = ""
    version: str | None = None
    path: str = ""
    behaviour: Behaviour | None = None
    brings: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    artifact: str = ""
    licence: str = ""


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Everything there is: Apache's own in the order of their index, then the others by name, newest release first."""
    apache = {row["class"]: row for row in _read("apache/index.json") if "name" in row}
    return (*map(_apache_entry, apache.values()), *map(_entry, _read("index.json")))


def _apache_entry(row: Mapping[str, object]) -> Entry:
    name = row.get("definition")
    return Entry(
        str(row["name"]),
        "apache",
        str(row["class"]),
        row["type"],  # type: ignore[arg-type]
        path=f"apache/{name}" if name else "",
        behaviour=_behaviour(row),
        artifact="org.apache.kafka",
        licence="Apache-2.0",
    )


def _entry(row: Mapping[str, object]) -> Entry:
    version = row.get("version")
    return Entry(
        str(row["name"]),
        str(row["family"]),
        str(row["class"]),
        row["type"],  # type: ignore[arg-type]
        str(row["release"]),
        None if version is None else str(version),
        str(row.get("definition", "")),
        _behaviour(row),
        _names(row, "brings"),
        _names(row, "archives"),
        str(row.get("artifact", "")),
        str(row.get("licence", "")),
    )


def _names(row: Mapping[str, object], field: str) -> tuple[str, ...]:
    given = row.get(field, ())
    assert isinstance(given, list | tuple), given
    return tuple(map(str, given))


def plugins_of(entry: Entry, version: str = NEWEST) -> tuple[PluginDesc, ...]:
    """What choosing an entry brings to a worker of a Kafka version: its plugin, then those of the same archive."""
    if entry.family == "apache":
        return tuple(plugin for plugin in apache_plugins(version) if plugin.class_name == entry.class_name)
    along = [
        other
        for other in entries()
        if (other.family, other.release) == (entry.family, entry.release) and other.name in entry.brings
    ]
    return tuple(captured_plugin(part, entry.archives[0]) for part in (entry, *along))


@lru_cache(maxsize=1024)
def captured_plugin(entry: Entry, archive: str) -> PluginDesc:
    """The plugin as it comes from one of its archives."""
    keys = partial(definition, entry.path) if entry.path else ConfigDef
    location = f"file:/usr/share/java/{archive}-{entry.release}/"
    return PluginDesc(entry.class_name, entry.kind, entry.version, location, entry.behaviour, keys)
