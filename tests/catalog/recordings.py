"""Validate answers of real workers, and how ours compare.

Rules of this room: a recording holds, for one group of artifacts, every config that was sent and the answer. Entries of
answers repeat a lot, so each different one is written once, and answers list them by number. Documentation of keys is
other people's text and is blank. Errors that tell only that there is no system to connect to are marked by the pattern
of their artifact: they are taken out of the answer before it is compared, and such answers are counted. Where the
missing system makes the real worker answer 500, nothing is compared.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mockconnect import catalog
from mockconnect.core.errors import ConnectError
from mockconnect.core.plugins import Plugins
from mockconnect.core.validation import validate_connector_config

from .artifacts import Artifact
from .capturing import FILE_SOURCE, Asking
from .configs import Config, configs

FOLDER = Path(__file__).parent / "recordings"
KNOWN = Path(__file__).parent / "known_differences.yaml"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_UUID = "00000000-0000-0000-0000-000000000000"
"""Stands for one that each connector draws anew."""
OF_THE_ORACLE = "org.mockconnect."


def path_of(family: str, release: str) -> Path:
    return FOLDER / f"{family}-{release}.jsonl.gz"


# --- recording ------------------------------------------------------------------------------------------------------------


def recorded(
    asking: Asking, artifacts: Sequence[Artifact], raw: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One row per config of every connector of a group."""
    given = {row["class"]: row for artifact in artifacts for row in artifact.connectors.values()}
    unreachable = "|".join(one.unreachable for one in artifacts if one.unreachable)
    connectors = [listed for listed in raw["listed"] if listed["type"] in ("source", "sink")]
    if not connectors:
        yield from _without_connector(asking, raw)
    for listed in connectors:
        name, home = listed["class"], raw["homes"][listed["class"]]
        others = [
            (other["type"], other["class"])
            for other in raw["listed"]
            if other["type"] not in ("source", "sink") and set(raw["homes"][other["class"]]) & set(home)
        ]
        keys = own_keys(listed, raw["definitions"][name])
        row = given.get(name, {})
        good, more = row.get("good", {}), row.get("more", {})
        for label, config in configs(name, listed["type"], keys, good, others, more):
            status, body = asking.validate(config)
            yield {"connector": name, "label": label, "config": config, "status": status} | _answer(
                body, unreachable
            )


def recorded_tasks(
    asking: Asking, artifacts: Sequence[Artifact], raw: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The task configs of every connector that can be created without the system it is made for."""
    kinds = {listed["class"]: listed["type"] for listed in raw["listed"]}
    for row in (row for artifact in artifacts for row in artifact.connectors.values()):
        topics = {"topics": "orders"} if kinds[row["class"]] == "sink" else {}
        config = {"name": "c1", "connector.class": row["class"], "tasks.max": "3", **topics, **row["good"]}
        status, body = asking.put("/connectors/c1/config", config)
        result = {"connector": row["class"], "config": config}
        if status >= 300:
            yield {**result, "refused": str(body.get("message"))[:200]}
            continue
        yield {**result, "tasks": [task["config"] for task in _tasks(asking)]}
        asking.delete("/connectors/c1")
        _until(lambda: asking.get("/connectors") == [])


def _tasks(asking: Asking) -> list[Any]:
    """Tasks once there are any; a connector that fails has none."""
    _until(lambda: bool(asking.get("/connectors/c1/tasks")))
    text = _UUID.sub(NO_UUID, json.dumps(asking.get("/connectors/c1/tasks")))
    tasks: list[Any] = json.loads(text)
    return tasks


def _until(done: Callable[[], bool]) -> None:
    """Wait a little for the real worker."""
    for _ in range(30):
        if done():
            return
        time.sleep(0.3)


def _without_connector(asking: Asking, raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A group of transformations or converters only is used by one of Apache's connectors."""
    others = [(listed["type"], listed["class"]) for listed in raw["listed"]]
    for label, config in configs(FILE_SOURCE, "source", [], {"topic": "t"}, others, {}):
        status, body = asking.validate(config)
        yield {"connector": FILE_SOURCE, "label": label, "config": config, "status": status} | _answer(
            body, ""
        )


def own_keys(listed: Mapping[str, str], keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    from .deriving import without_framework  # noqa: PLC0415

    return without_framework(listed["type"], keys)


def _answer(body: Any, unreachable: str) -> dict[str, Any]:
    if "configs" not in body:
        message = str(body.get("message"))
        gone = bool(unreachable and re.search(unreachable, message))
        return {"message": message, "unreachable": 1} if gone else {"message": message}
    cut = 0
    for entry in body["configs"]:
        if entry["definition"]:
            entry["definition"]["documentation"] = ""
        if entry["value"]:
            value = entry["value"]
            value["recommended_values"] = [
                each for each in value["recommended_values"] if not each.startswith(OF_THE_ORACLE)
            ]
            if unreachable:
                kept = [error for error in value["errors"] if not re.search(unreachable, error)]
                cut += len(value["errors"]) - len(kept)
                value["errors"] = kept
    body["error_count"] -= cut
    return {"answer": body, "unreachable": cut} if cut else {"answer": body}


def write(family: str, release: str, rows: Iterator[dict[str, Any]]) -> int:
    """Write a recording; gives the number of answers."""
    entries: dict[str, int] = {}
    lines: list[str] = []
    for row in rows:
        if "answer" in row:
            texts = [json.dumps(entry, ensure_ascii=False) for entry in row["answer"]["configs"]]
            row["answer"]["configs"] = [entries.setdefault(text, len(entries)) for text in texts]
        lines.append(json.dumps(row, ensure_ascii=False))
    text = "\n".join([json.dumps({"entries": len(entries)}), *entries, *lines]) + "\n"
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as stream:
        stream.write(text.encode())
    FOLDER.mkdir(exist_ok=True)
    path_of(family, release).write_bytes(packed.getvalue())
    return len(lines)


def read(path: Path) -> Iterator[dict[str, Any]]:
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    count = json.loads(lines[0])["entries"]
    entries = [json.loads(line) for line in lines[1 : count + 1]]
    for line in lines[count + 1 :]:
        if line:
            row: dict[str, Any] = json.loads(line)
            if "answer" in row:
                row["answer"]["configs"] = [entries[number] for number in row["answer"]["configs"]]
            yield row


def tasks_path_of(family: str, release: str) -> Path:
    return FOLDER / "tasks" / f"{family}-{release}.jsonl"


# --- comparing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the recording worker was set to."""

    group_id: str = "connect-oracle"
    connector_client_config_override_policy: str = "All"
    exactly_once_source_enabled: bool = False
    config: tuple[tuple[str, str], ...] = (
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One config of one connector; ``difference`` is empty if the answers are identical."""

    family: str
    release: str
    connector: str
    label: str
    difference: str
    unreachable: bool


@lru_cache(maxsize=4)
def plugins_of_group(family: str, release: str) -> Plugins:
    """What the recording worker had: Apache's plugins and those of the group."""
    group = [entry for entry in catalog.entries() if (entry.family, entry.release) == (family, release)]
    descs = {catalog.captured_plugin(entry, archive) for entry in group for archive in entry.archives}
    return Plugins((*catalog.apache_plugins(), *sorted(descs, key=str)), clients=catalog.client_definition)


def compared(path: Path) -> Iterator[Comparison]:
    """Every recorded answer against ours."""
    family, release = group_of(path)
    plugins = plugins_of_group(family, release)
    for row in read(path):
        if "message" in row and "unreachable" in row:
            continue  # an exception tells nothing of what else the answer would have said
        status, ours = answer_of_ours(row["config"], plugins)
        theirs = row.get("answer", row.get("message"))
        same = status == row["status"] and ours == theirs
        difference = "" if same else _difference(row["status"], theirs, status, ours)
        yield Comparison(family, release, row["connector"], row["label"], difference, "unreachable" in row)


def group_of(path: Path) -> tuple[str, str]:
    """Family and release that a recording is of."""
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return next(
        (entry.family, entry.release)
        for entry in catalog.entries()
        if f"{entry.family}-{entry.release}" == name
    )


def answer_of_ours(config: Config, plugins: Plugins) -> tuple[int, Any]:
    try:
        infos = validate_connector_config(config, plugins=plugins, worker=WorkerSettings())
    except ConnectError as error:
        return 500, f"{error.java_class}: {error.message}"
    body: Any = infos.to_json()
    for entry in body["configs"]:
        if entry["definition"]:
            entry["definition"]["documentation"] = ""
    return 200, body


def _difference(status: int, theirs: Any, our_status: int, ours: Any) -> str:
    """The first thing that differs, to be read by a person."""
    if status != our_status or status != 200:
        shown = [
            text if isinstance(text, str) else f"{text['error_count']} errors" for text in (theirs, ours)
        ]
        return f"real {status} {shown[0]!r}, ours {our_status} {shown[1]!r}"
    pairs = zip(theirs["configs"], ours["configs"], strict=False)
    for real, our in pairs:
        if real != our:
            for part in ("definition", "value"):
                if real[part] != our[part]:
                    return f"real {_short(real[part], our[part])}, ours {_short(our[part], real[part])}"
    names = [name for name in theirs if theirs[name] != ours.get(name)]
    return f"{names}: real {str({n: theirs[n] for n in names})[:200]}, ours {str({n: ours[n] for n in names})[:200]}"


def _short(one: Any, other: Any) -> str:
    if one is None or other is None:
        return str(one)[:200]
    return str({"name": one["name"], **{key: one[key] for key in one if one[key] != other.get(key)}})[:400]


def known_differences() -> dict[str, str]:
    """Reasons by ``CLASS@RELEASE: LABEL``."""
    if not KNOWN.exists():
        return {}
    found: dict[str, str] = yaml.safe_load(KNOWN.read_text(encoding="utf-8")) or {}
    return found


def identity(one: Comparison) -> str:
    return f"{one.connector}@{one.release} {one.label}"
