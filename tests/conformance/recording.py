"""Recordings on disk: one folder per Kafka version, one gzipped file per script with one JSON line per exchange.

Equal rows give equal bytes: no time and no name stand in the compressed files. Steps that were played in vain have lines of
their own. Definitions of plugins lie in one gzipped file per version; those of the newest one are plain, to be read.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .normalise import Observation
from .oracle.releases import numbers_of
from .player import Row
from .wire import Request

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class Recording:
    """One script as real workers of one version played it; `in_vain` are steps whose wait never ended, and why."""

    rows: Sequence[Row]
    in_vain: Mapping[int, str]


def recorded_versions() -> list[str]:
    """Every version with recordings, newest first."""
    return sorted((path.name for path in RECORDINGS.iterdir()), key=numbers_of, reverse=True)


def recording_path(version: str, script: str) -> Path:
    """Where the recording of one script of one version lies."""
    return RECORDINGS / version / f"{script}.jsonl.gz"


def write_recording(path: Path, rows: Iterable[Row], in_vain: Mapping[int, str] | None = None) -> None:
    """Write the rows of one script."""
    vain = [{"step": step, "in_vain": why} for step, why in sorted((in_vain or {}).items())]
    write_lines(path, [*vain, *map(_to_json, rows)])


def read_recording(path: Path) -> Recording:
    """Read it back."""
    rows, in_vain = [], {}
    for line in read_lines(path):
        if "in_vain" in line:
            in_vain[int(str(line["step"]))] = str(line["in_vain"])
        else:
            rows.append(_from_json(line))
    return Recording(rows, in_vain)


def write_lines(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """One JSON object per line, gzipped."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_packed(text))


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """Read them back."""
    text = gzip.decompress(path.read_bytes()).decode()
    return (json.loads(line) for line in text.split("\n") if line)


def write_plugins(version: str, plugins: Mapping[str, object], plain: bool = False) -> None:
    """Write what a worker says of its plugins, by the name of the class or of the list."""
    if not plain:
        write_lines(
            _plugins_path(version), [{"name": name, "answer": plugins[name]} for name in sorted(plugins)]
        )
        return
    folder = RECORDINGS / version / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    for name, answer in plugins.items():
        (folder / f"{name}.json").write_text(
            json.dumps(answer, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )


def read_plugins(version: str) -> dict[str, list[dict[str, Any]]]:
    """Read them back; the two lists are `_list` and `_connectors_only`."""
    if _plugins_path(version).exists():
        lines: Iterator[dict[str, Any]] = read_lines(_plugins_path(version))
        return {line["name"]: line["answer"] for line in lines}
    paths = sorted((RECORDINGS / version / "plugins").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def _plugins_path(version: str) -> Path:
    return RECORDINGS / version / "plugins" / "definitions.jsonl.gz"


def _packed(text: str) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as stream:
        stream.write(text.encode())
    return packed.getvalue()


def _to_json(row: Row) -> dict[str, object]:
    request: dict[str, object] = {"method": row.request.method, "target": row.request.target}
    if row.request.headers:
        request["headers"] = [list(pair) for pair in row.request.headers]
    if row.request.body is not None:
        request |= _body_to_json(row.request.body)
    data: dict[str, object] = {"step": row.step, "worker": row.worker, "request": request}
    if row.answer is not None:
        headers = [list(pair) for pair in row.answer.headers]
        data["answer"] = {"status": row.answer.status, "reason": row.answer.reason, "headers": headers}
        data["body"] = row.answer.body
        if row.answer.interim:
            data["interim"] = list(row.answer.interim)
    if row.failure is not None:
        data["failure"] = row.failure
    if row.loose:
        data["loose"] = list(row.loose)
    return data


def _body_to_json(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"body64": base64.b64encode(body).decode()}


def _from_json(data: dict[str, object]) -> Row:
    request, answer = data["request"], data.get("answer")
    assert isinstance(request, dict)
    assert answer is None or isinstance(answer, dict)
    body = request["body"].encode() if "body" in request else None
    if "body64" in request:
        body = base64.b64decode(request["body64"])
    loose, failure = data.get("loose", []), data.get("failure")
    assert isinstance(loose, list)
    assert failure is None or isinstance(failure, str)
    observation = None
    if answer is not None:
        headers = tuple((name, value) for name, value in answer["headers"])
        interim = data.get("interim", [])
        assert isinstance(interim, list)
        body_text, interims = str(data["body"]), tuple(map(str, interim))
        observation = Observation(answer["status"], answer["reason"], headers, body_text, interims)
    headers = tuple((name, value) for name, value in request.get("headers", []))
    sent = Request(request["method"], request["target"], headers, body)
    return Row(int(str(data["step"])), str(data["worker"]), sent, observation, failure, tuple(loose))
