"""A real cluster of three workers, captured, and what it answered at that moment: `tests/capture/real/VERSION/` is made here.

`python -m tests.conformance capture --kafka-version VERSION` starts the cluster, gives it connectors in every state that lasts, captures it with
the command that users have, and keeps all reads of all workers. `tests/capture/test_real.py` serves the captured file and
compares; it needs no Java.
"""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mockconnect.capture.asking import Access
from mockconnect.capture.command import capture_to_file
from mockconnect.core.versions import KafkaVersion

from .oracle.cluster import OracleCluster
from .oracle.process import OracleError
from .oracle.worker import WorkerPlan

FOLDER: Final = Path(__file__).parent.parent / "capture" / "real"
SOURCE: Final = "org.mockconnect.testing.TestSourceConnector"
SINK: Final = "org.mockconnect.testing.TestSinkConnector"
FILE_SOURCE: Final = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SECRETS: Final = ("correct horse", "battery staple")
CONNECTORS: Final[Mapping[str, Mapping[str, str]]] = {
    "records": {"connector.class": SOURCE, "tasks.max": "2", "test.records": "3", "test.topic": "captured"},
    "sink": {"connector.class": SINK, "tasks.max": "1", "topics": "captured"},
    "paused": {"connector.class": FILE_SOURCE, "file": "/nowhere/none", "topic": "paused"},
    "stopped": {"connector.class": SOURCE, "test.records": "2", "test.topic": "stopped"},
    "failed-task": {
        "connector.class": SOURCE,
        "tasks.max": "3",
        "test.task.start.error": "the table orders is gone",
        "test.task.error.ids": "1",
    },
    "failed": {"connector.class": SOURCE, "test.start.error": "no route to the database"},
    "with secrets": {
        "connector.class": SOURCE,
        "database.password": SECRETS[0],
        "api.token": SECRETS[1],
        "database.hostname": "db-0",
    },
    "ünïcödé": {"connector.class": "FileStreamSink", "topics": "captured", "file": "/dev/null"},
}
SETTLED: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "records": ("RUNNING", ("RUNNING", "RUNNING")),
    "sink": ("RUNNING", ("RUNNING",)),
    "paused": ("PAUSED", ("PAUSED",)),
    "stopped": ("STOPPED", ()),
    "failed-task": ("RUNNING", ("RUNNING", "FAILED", "RUNNING")),
    "failed": ("FAILED", ()),
    "with secrets": ("RUNNING", ("RUNNING",)),
    "ünïcödé": ("RUNNING", ("RUNNING",)),
}
PATIENCE_S: Final = 90
Reads = dict[str, dict[str, Any]]
"""Body by path, by number of the worker."""


def paths(names: Iterable[str], classes: Iterable[str]) -> list[str]:
    """Every read of a cluster with these connectors and plugins."""
    found = [
        "/",
        "/health",
        "/connectors",
        "/connectors?expand=status",
        "/connectors?expand=info&expand=status",
        "/connector-plugins",
        "/connector-plugins?connectorsOnly=false",
        "/admin/loggers",
        "/admin/loggers/root",
    ]
    for name in names:
        connector = f"/connectors/{urllib.parse.quote(name, safe='')}"
        found += [
            connector,
            *(f"{connector}/{part}" for part in ("config", "status", "tasks", "offsets", "topics")),
        ]
        found.append(f"{connector}/tasks/0/status")
    return [*found, *(f"/connector-plugins/{name}/config" for name in classes)]


def read_all(urls: Sequence[str], names: Iterable[str], classes: Iterable[str]) -> Reads:
    """All answers of all workers; texts of documentation are left out."""
    asked = paths(names, classes)
    return {
        str(number): {path: _bare(_get(url, path)) for path in asked} for number, url in enumerate(urls, 1)
    }


def _get(url: str, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=300) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        return {"status": error.code, **(json.loads(body) if body.startswith(b"{") else {})}


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if isinstance(value, dict):
        return {name: "" if name == "documentation" else _bare(one) for name, one in value.items()}
    return value


def masked(reads: Reads) -> Reads:
    """As a captured file knows them."""
    text = json.dumps(reads)
    for secret in SECRETS:
        text = text.replace(secret, "********")
    found: Reads = json.loads(text)
    return found


def recorded() -> list[str]:
    """Versions that have been captured."""
    return sorted(path.name for path in FOLDER.iterdir())


def connectors_of(version: str) -> list[str]:
    """A worker before 3.5 cannot stop a connector."""
    stops = KafkaVersion.parse(version).has("stop")
    return [name for name in CONNECTORS if stops or name != "stopped"]


def load_reads(version: str) -> Reads:
    with gzip.open(FOLDER / version / "reads.json.gz", "rt", encoding="utf-8") as file:
        found: Reads = json.load(file)
    return found


# --- recording ------------------------------------------------------------------------------------------------------------


def record(version: str) -> None:
    """Start, fill, read, capture, and read again: what has changed meanwhile is no picture of one moment."""
    plan = WorkerPlan(version, properties={"offset.flush.interval.ms": "1000"})
    with OracleCluster(version) as cluster:
        cluster.start_workers(2, plan)
        cluster.start_workers(1, replace(plan, added=True))
        urls = [worker.url for worker in cluster.workers]
        _fill(urls, version)
        before = _capture_still(urls, version)
    text = json.dumps(masked(before), ensure_ascii=False, separators=(",", ":"))
    data = gzip.compress(text.encode(), mtime=0)
    (FOLDER / version / "reads.json.gz").write_bytes(data)


def _capture_still(urls: Sequence[str], version: str) -> Reads:
    """Classes are loaded at their first use, and loggers with them; so it takes more than one go."""
    classes = [SOURCE, SINK, FILE_SOURCE]
    changed: list[tuple[str, str]] = []
    names = connectors_of(version)
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(5):
        before = read_all(urls, names, classes)
        print(capture_to_file(urls, folder / "cluster.yaml", Access()), flush=True)
        again = read_all(urls, names, classes)
        changed = [(n, path) for n in before for path in before[n] if again[n][path] != before[n][path]]
        if not changed:
            return before
    raise OracleError(f"the cluster did not keep still while it was captured: {changed}")


def _fill(urls: Sequence[str], version: str) -> None:
    names = connectors_of(version)
    for name in names:
        _send("PUT", urls[0], name, "/config", CONNECTORS[name])
    moving = [name for name in names if SETTLED[name][0] in ("PAUSED", "STOPPED")]
    _until(lambda: all(_shown(urls, name)[1] == ("RUNNING",) for name in moving))
    if KafkaVersion.parse(version).has("get_offsets"):
        rows = {"records": 2, "stopped": 1, "sink": 1}
        _until(lambda: all(len(_offsets(urls, name)) == count for name, count in rows.items()))
        _until(lambda: _offsets(urls, "sink")[0]["offset"]["kafka_offset"] == 6)
    _send("PUT", urls[1], "paused", "/pause")
    if "stopped" in names:
        _send("PUT", urls[2], "stopped", "/stop")
    _until(lambda: all(_shown(urls, name) == SETTLED[name] for name in names))
    level = json.dumps({"level": "DEBUG"}).encode()
    _request("PUT", f"{urls[1]}/admin/loggers/org.apache.kafka.connect.runtime.distributed", level)


def _offsets(urls: Sequence[str], name: str) -> list[Any]:
    return list(_get(urls[0], f"/connectors/{name}/offsets")["offsets"])


def _shown(urls: Sequence[str], name: str) -> tuple[str, Sequence[str]]:
    """The state that every worker shows, or nothing."""
    quoted = urllib.parse.quote(name, safe="")
    bodies = [_get(url, f"/connectors/{quoted}/status") for url in urls]
    shown = {
        (body["connector"]["state"], tuple(task["state"] for task in body["tasks"]))
        for body in bodies
        if "connector" in body
    }
    return shown.pop() if len(shown) == 1 else ("", ())


def _send(method: str, url: str, name: str, path: str, body: Mapping[str, str] | None = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    _until(
        lambda: _request(method, f"{url}/connectors/{urllib.parse.quote(name, safe='')}{path}", data) < 300
    )


def _request(method: str, url: str, data: bytes | None) -> int:
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            raise OracleError("the cluster did not come to the state that is to be captured")
        time.sleep(0.5)
