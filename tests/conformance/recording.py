"""Recordings on disk: one JSON line per exchange, one file per script, one folder per Kafka version."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from .normalise import Observation
from .player import Row
from .wire import Request

RECORDINGS = Path(__file__).parent / "recordings"


def recording_path(version: str, script: str) -> Path:
    """Where the recording of one script of one version lies."""
    return RECORDINGS / version / f"{script}.jsonl"


def write_recording(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows of one script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps(_to_json(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )


def read_recording(path: Path) -> list[Row]:
    """Read them back."""
    return [_from_json(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_plugin(path: Path, data: object) -> None:
    """Write one plugin's definition, indented: people read and import these."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


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
        observation = Observation(answer["status"], answer["reason"], headers, str(data["body"]))
    headers = tuple((name, value) for name, value in request.get("headers", []))
    sent = Request(request["method"], request["target"], headers, body)
    return Row(int(str(data["step"])), str(data["worker"]), sent, observation, failure, tuple(loose))
