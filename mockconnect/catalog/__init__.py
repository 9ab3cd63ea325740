"""Plugin definitions as data: what ships with Apache Kafka, read when somebody asks for it.

Rules of this room: importing it reads nothing. ``index.json`` lists the plugins of a distribution (class, type, file of
its definition, behaviour of a connector) and is read at the first question; a definition file is read when the keys
of its plugin are needed. A definition file is a list of keys in the shape of the answer of
``GET /connector-plugins/{p}/config`` without the framework's keys; fields with the usual value are left out, and
``validator``, ``recommended`` and ``visible_with`` say what that answer does not show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib import resources

from mockconnect.core.behaviour import Behaviour
from mockconnect.core.configdef import ConfigDef
from mockconnect.core.declared import behaviour_from_dict, definition_from_rows
from mockconnect.core.plugins import Kind, PluginDesc
from mockconnect.core.versions import KafkaVersion, exists

NEWEST = "4.3.1"


def _read(path: str) -> list[dict[str, object]]:
    text = resources.files(__name__).joinpath(*path.split("/")).read_text(encoding="utf-8")
    rows: list[dict[str, object]] = json.loads(text)
    return rows


@lru_cache(maxsize=256)
def definition(path: str, version: str | None = None) -> ConfigDef:
    """The definition in a file below this folder, for example ``"apache/JsonConverter"``, as of a version."""
    return definition_from_rows(_read(f"{path}.json"), path, _number(version or NEWEST))


def _number(version: str) -> tuple[int, ...]:
    """``(3, 9, 1)`` for ``3.9.1`` and for ``3.9.1-something``."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@lru_cache(maxsize=16)
def apache_plugins(version: str = NEWEST) -> tuple[PluginDesc, ...]:
    """The plugins of Apache Kafka: connectors, transformations, predicates, converters, and some that are not listed."""
    number = _number(version)
    rows = _read("apache/index.json")
    return tuple(
        _plugin(row, version) for row in rows if exists(number, _border(row, "since"), _border(row, "until"))
    )


def _border(row: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    return _number(str(row[name])) if name in row else None


def _plugin(row: Mapping[str, object], version: str) -> PluginDesc:
    given = row.get("behaviour")
    behaviour: Behaviour | None = behaviour_from_dict(given) if isinstance(given, dict) else None
    kind: Kind = row["type"]  # type: ignore[assignment]
    # Before 3.6 only connectors told their version.
    told = str(row.get("version", "")) or (
        version if behaviour is not None or KafkaVersion.parse(version).has("all_plugins_versioned") else None
    )
    name = row.get("definition")
    keys = partial(definition, f"apache/{name}", version) if name else ConfigDef
    return PluginDesc(str(row["class"]), kind, told, behaviour=behaviour, definition=keys)


def client_definition(client: str, version: str = NEWEST) -> ConfigDef:
    """The keys of Kafka's own clients: ``producer``, ``consumer`` or ``admin``."""
    return definition(f"apache/clients/{client}", version)
