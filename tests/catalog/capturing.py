"""What a real worker says of the plugins of one group of artifacts, and how it reacts to probes.

Rules of this room: nothing is interpreted here. The answers are kept raw in the oracle's cache (with the documentation
texts, which go no further), so that deriving definitions from them can be repeated without Java.

A probe is a validation in which every own key of a plugin has the same value. Keys are validated one by one, so one
request probes all of them; where a probe ends the whole validation (an exception in a validator), it is repeated key
by key to find which.
"""

from __future__ import annotations

import gzip
import json
import os
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conformance.oracle import jars
from tests.conformance.oracle.cluster import OracleCluster
from tests.conformance.oracle.worker import Worker, WorkerPlan
from tests.conformance.wire import Request, exchange

from .artifacts import KAFKA, Artifact, fetched

Config = dict[str, "str | None"]
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
LISTED_BY_APACHE = "org.apache.kafka."
SLOW_S = 2.0
# fmt: off
PROBES: tuple[str | None, ...] = (
    None, "", " ", "abc", "ABC", "a b", "a,b", "a,,b", "a,a", "a:b", "a=b", "a:b,c:d", "a=b,c=d", "true", "FALSE", "0", "1", "-1", "-2",
    "2", "100", "65536", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "99999999999999999999", "1.5",
    "[", "*", "java.lang.String", "http://127.0.0.1:1/", "127.0.0.1:1", "a/b", "a.b", "{}", "${a}", "+01:00", "2020-01-01",
)
# fmt: on


def raw_file(family: str, release: str) -> Path:
    return jars.cache_folder() / "raw" / f"{family}-{release}.json.gz"


def read_raw(family: str, release: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(gzip.decompress(raw_file(family, release).read_bytes()))
    return data


class Asking:
    """Questions to one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def get(self, path: str) -> Any:
        return self._exchange(Request("GET", path))[1]

    def put(self, path: str, body: object) -> tuple[int, Any]:
        content = json.dumps(body).encode()
        return self._exchange(Request("PUT", path, (("Content-Type", "application/json"),), content))

    def delete(self, path: str) -> None:
        exchange("127.0.0.1", self._worker.port, Request("DELETE", path))

    def validate(self, config: Mapping[str, str | None]) -> tuple[int, Any]:
        return self.put(f"/connector-plugins/{config['connector.class']}/config/validate", config)

    def _exchange(self, request: Request) -> tuple[int, Any]:
        answer = exchange("127.0.0.1", self._worker.port, request)
        return answer.status, json.loads(answer.body)


@contextmanager
def worker_with(artifacts: Sequence[Artifact], folder: Path) -> Iterator[Asking]:
    """One real worker that has these plugins and Apache's own."""
    for artifact in artifacts:
        os.symlink(fetched(artifact), folder / artifact.name)
    properties = {"plugin.path": str(folder)}
    with OracleCluster(KAFKA) as cluster:
        plan = WorkerPlan(KAFKA, properties=properties, options=("-Xmx1200m", "-XX:TieredStopAtLevel=4"))
        worker = cluster.add_worker(plan)
        worker.start()
        worker.wait_ready(400)
        yield Asking(worker)


def captured(asking: Asking, artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """Everything a group's worker is asked."""
    listed = [row for row in asking.get("/connector-plugins?connectorsOnly=false") if _foreign(row["class"])]
    good = {row["class"]: row["good"] for artifact in artifacts for row in artifact.connectors.values()}
    homes = {artifact.name: sorted(_classes(fetched(artifact))) for artifact in artifacts}
    data: dict[str, Any] = {"listed": listed, "definitions": {}, "probes": {}}
    data["homes"] = {
        row["class"]: [name for name, classes in homes.items() if row["class"] in classes] for row in listed
    }
    for row in listed:
        name = row["class"]
        keys = asking.get(f"/connector-plugins/{name}/config")
        data["definitions"][name] = keys
        if isinstance(keys, list):
            data["probes"][name] = _probed(asking, row, keys, good.get(name, {}))
        print(f"  {row['type']} {name} {row.get('version')}: {len(keys)} keys", flush=True)
    return data


def _foreign(name: str) -> bool:
    return not name.startswith((LISTED_BY_APACHE, "org.mockconnect."))


def _classes(folder: Path) -> set[str]:
    names: set[str] = set()
    for jar in folder.rglob("*.jar"):
        with zipfile.ZipFile(jar) as archive:
            found = (name for name in archive.namelist() if name.endswith(".class"))
            names.update(name.removesuffix(".class").replace("/", ".") for name in found)
    return names


def own_keys(row: Mapping[str, str], keys: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the keys to be probed: a connector's list ends with the framework's, which are left alone."""
    names = [key["name"] for key in keys]
    return [name for name in names if name not in ("name", "connector.class")]


def frame(row: Mapping[str, str]) -> tuple[Config, str]:
    """The config around a plugin's own keys, and the prefix that those have in it."""
    match row["type"]:
        case "source" | "sink":
            topics: Config = {"topics": "t"} if row["type"] == "sink" else {}
            return {"name": "n", "connector.class": row["class"], **topics}, ""
        case "transformation":
            more: Config = {"transforms": "x", "transforms.x.type": row["class"]}
            prefix = "transforms.x."
        case "predicate":
            more = {"predicates": "x", "predicates.x.type": row["class"]}
            prefix = "predicates.x."
        case "header_converter":
            more, prefix = {"header.converter": row["class"]}, "header.converter."
        case _:
            more, prefix = {"value.converter": row["class"]}, "value.converter."
    return {"name": "n", "connector.class": FILE_SOURCE, "topic": "t", **more}, prefix


def _probed(
    asking: Asking, row: Mapping[str, str], keys: Sequence[Mapping[str, Any]], good: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One entry per validation: what was sent, the status, and per key what came back."""
    around, prefix = frame(row)
    names = own_keys(row, keys)
    framework = _framework_names(row, keys)
    names = [name for name in names if name not in framework]
    results = [_probe(asking, around, prefix), _probe(asking, {**around, **good}, prefix)]
    for value in PROBES:
        config = {**around, **{prefix + name: value for name in names}}
        result = _probe(asking, config, prefix)
        results.append(result)
        if result["status"] != 200:
            results += _key_by_key(
                asking, {**around, **good}, [prefix + name for name in names], value, prefix
            )
    return results


def _key_by_key(
    asking: Asking, base: Config, names: Sequence[str], value: str | None, prefix: str
) -> Iterator[dict[str, Any]]:
    """One validation per key, as long as none takes time (a connection that is tried, say)."""
    for name in names:
        started = time.monotonic()
        yield _probe(asking, {**base, name: value}, prefix)
        if time.monotonic() - started > SLOW_S:
            return


def _framework_names(row: Mapping[str, str], keys: Sequence[Mapping[str, Any]]) -> set[str]:
    """Keys of the list that are the framework's: those of a connector that has none of its own."""
    if row["type"] not in ("source", "sink"):
        return set()
    from mockconnect.core.connector_defs import framework_def  # noqa: PLC0415

    return set(framework_def("source" if row["type"] == "source" else "sink", (4, 3, 1)).keys)


def _probe(asking: Asking, config: Config, prefix: str) -> dict[str, Any]:
    status, body = asking.validate(config)
    result: dict[str, Any] = {"config": config, "status": status}
    if status != 200:
        return {**result, "message": body.get("message")}
    result["values"] = {
        entry["value"]["name"]: [
            entry["value"]["value"],
            entry["value"]["errors"],
            entry["value"]["recommended_values"],
            entry["value"]["visible"],
        ]
        for entry in body["configs"]
        if entry["value"] and entry["value"]["name"].startswith(prefix)
    }
    return result


def write_raw(family: str, release: str, data: Mapping[str, Any]) -> None:
    path = raw_file(family, release)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(data).encode(), 6))
