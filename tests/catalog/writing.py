"""The catalogue's files: one per class and release, and the index.

Rules of this room: what stands in ``mockconnect/catalog`` is written here and nowhere by hand. Rows of an index that
belong to other groups than the one being written stay as they are.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from .artifacts import Artifact, fetched
from .deriving import Derivation, Row

CATALOG = Path(__file__).parents[2] / "mockconnect" / "catalog"
INDEX = CATALOG / "index.json"


def write_group(
    family: str, release: str, artifacts: Sequence[Artifact], raw: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the files of one group; gives what could not be explained, by class."""
    kept = [row for row in _index() if (row["family"], row["release"]) != (family, release)]
    rows: list[Row] = []
    unexplained: dict[str, Any] = {}
    for listed in raw["listed"]:
        name = listed["class"]
        keys = raw["definitions"][name]
        if not isinstance(keys, list):
            unexplained[name] = {"definition": str(keys)[:200]}
            continue
        unreachable = "|".join(one.unreachable for one in artifacts if one.unreachable)
        derivation = Derivation(listed, keys, raw["probes"].get(name, []), unreachable)
        known = next(
            (row for one in artifacts for row in one.connectors.values() if row["class"] == name), {}
        )
        made = [{**row, **known.get("rows", {}).get(row["name"], {})} for row in derivation.rows()]
        path = f"{family}/{release}/{_file_name(name)}" if made else ""
        if made:
            _write_rows(CATALOG / f"{path}.json", made)
        rows.append(_entry(listed, path, family, release, artifacts, raw["homes"][name]))
        if derivation.unexplained or derivation.thrown:
            unexplained[name] = {**derivation.unexplained, "thrown": derivation.thrown}
    _add_brings(rows)
    _write_rows(INDEX, sorted([*kept, *rows], key=_order))
    return unexplained


def _index() -> list[Row]:
    rows: list[Row] = json.loads(INDEX.read_text(encoding="utf-8"))
    return rows


def _order(row: Row) -> tuple[object, ...]:
    kinds = ("source", "sink")
    release = [-int(part) for part in re.findall(r"\d+", row["release"])]
    return (row["family"], row["type"] not in kinds, row["name"], release, row["type"])


def _write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def _file_name(class_name: str) -> str:
    return class_name.rpartition(".")[2].replace("$", "-")


def _entry(
    listed: Mapping[str, str],
    path: str,
    family: str,
    release: str,
    artifacts: Sequence[Artifact],
    homes: Sequence[str],
) -> Row:
    name = listed["class"]
    home = next(artifact for artifact in artifacts if artifact.name in homes)
    chosen = next(
        (key for one in artifacts for key, row in one.connectors.items() if row["class"] == name), None
    )
    # An archive may contain converters of somebody else's.
    owner = "confluent" if name.startswith("io.confluent.") else family
    entry: Row = {
        "name": chosen or f"{owner}-{kebab(_file_name(name))}".replace(f"{owner}-{owner}-", f"{owner}-"),
        "family": family,
        "class": name,
        "type": listed["type"],
        "release": release,
    }
    if listed.get("version"):
        entry["version"] = listed["version"]
    if path:
        entry["definition"] = path
    if listed["type"] in ("source", "sink"):
        given = next(
            (row for one in artifacts for row in one.connectors.values() if row["class"] == name), {}
        )
        entry["behaviour"] = {"tasks": {"kind": "tasks_max"}, "task_class": _task_class(home, name)}
        entry["behaviour"] |= given.get("behaviour", {})
    return {**entry, "artifact": home.origin, "licence": home.licence, "archives": list(homes)}


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def _add_brings(rows: Sequence[Row]) -> None:
    """A connector brings what is no connector and comes in its archive."""
    for row in rows:
        others = (
            other
            for other in rows
            if other["type"] not in ("source", "sink") and set(other["archives"]) & set(row["archives"])
        )
        names = sorted({other["name"] for other in others})
        if row["type"] in ("source", "sink") and names:
            row["brings"] = names


def _task_class(home: Artifact, connector: str) -> str:
    """The class of the tasks, found by its name among the classes of the archive."""
    simple = connector.rpartition(".")[2]
    wanted = (f"{simple}Task", simple.removesuffix("Connector") + "Task")
    classes = _task_classes(home.folder if home.folder.exists() else fetched(home))
    found = [name for want in wanted for name in classes if name.rpartition(".")[2] == want]
    return min(found, key=lambda name: -_common(name, connector)) if found else f"{connector}Task"


def _common(left: str, right: str) -> int:
    return next((at for at, (one, two) in enumerate(zip(left, right, strict=False)) if one != two), len(left))


@lru_cache(maxsize=8)
def _task_classes(folder: Path) -> tuple[str, ...]:
    names: list[str] = []
    for jar in sorted(folder.rglob("*.jar")):
        with zipfile.ZipFile(jar) as archive:
            names += [name for name in archive.namelist() if name.endswith("Task.class")]
    return tuple(name.removesuffix(".class").replace("/", ".") for name in names)
