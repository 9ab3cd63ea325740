"""Invented clusters: the same for the same seed, valid, and in the states that were asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import mockconnect
from mockconnect.choosing import chosen, on_worker
from mockconnect.core.instantiation import connector_task_configs
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import Cluster, ConnectorGiven, read_cluster
from mockconnect.files.problems import Problem
from mockconnect.inventing.cluster import InventingError, invented_cluster

VERSION = KafkaVersion.parse(NEWEST)
WANTED: dict[str, Any] = {"version": VERSION, "seed": 7, "connectors": 60, "workers": 3, "failures": "25%"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("invented") / "cluster.yaml"
    path.write_text(invented_cluster(**WANTED), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def cluster(path: Path) -> Cluster:
    return read_cluster(path)[0]


@pytest.fixture(scope="module")
def plugins(cluster: Cluster) -> Plugins:
    problems: list[Problem] = []
    steps = chosen(cluster.plugins, "plugins", problems)
    assert problems == []
    return Plugins(on_worker(VERSION, steps), VERSION.number)


def has_failed(one: ConnectorGiven) -> bool:
    assert one.status is not None
    assert one.status.connector is not None
    return "FAILED" in (one.status.connector.state, *(task.state for task in one.status.tasks))


def test_there_are_as_many_as_asked_for(cluster: Cluster) -> None:
    assert cluster.workers == 3
    assert len({one.name for one in cluster.connectors}) == 60
    assert sum(map(has_failed, cluster.connectors)) == 15


def test_every_config_is_valid(cluster: Cluster, plugins: Plugins) -> None:
    for one in cluster.connectors:
        config = {**one.whole_config, "name": one.name}
        infos = validate_connector_config(config, plugins=plugins, worker=WorkerSettings("w"))
        assert list(infos.errors()) == [], one.name


def test_there_are_as_many_tasks_as_the_connector_makes(cluster: Cluster, plugins: Plugins) -> None:
    for one in cluster.connectors:
        assert one.status is not None
        assert one.status.connector is not None
        if one.state == "STOPPED" or one.status.connector.state == "FAILED":
            assert one.status.tasks == []
            continue
        config = {**one.whole_config, "name": one.name}
        tasks = connector_task_configs(one.name, config, plugins.connector_of(config))
        assert [task.id for task in one.status.tasks] == list(range(len(tasks)))


def test_traces_are_those_of_java(cluster: Cluster) -> None:
    traces = [
        status.trace
        for one in cluster.connectors
        if one.status is not None
        for status in (one.status.connector, *one.status.tasks)
        if status is not None and status.state == "FAILED"
    ]
    for trace in traces:
        assert trace is not None
        first, *frames = trace.splitlines()
        assert first.startswith("org.apache.kafka.connect.errors.ConnectException: ")
        assert all(line.startswith(("\tat ", "\t... ", "Caused by: ")) for line in frames)
        assert any(line.startswith("Caused by: ") for line in frames)
    assert len(set(traces)) > len(traces) / 2


def test_secrets_and_hosts_are_nobodys(cluster: Cluster) -> None:
    for one in cluster.connectors:
        for key, value in one.config.items():
            assert "password" not in key or str(value).startswith("${file:"), (one.name, key)
            assert "://" not in str(value) or ".example" in str(value), (one.name, key)


def test_a_cluster_starts_from_it(path: Path, cluster: Cluster) -> None:
    with mockconnect.start(cluster=path) as running:
        with urllib.request.urlopen(f"{running.url}/connectors?expand=status&expand=info") as response:
            shown = json.load(response)
        running.advance("1m")
        assert len(running.workers) == 3
    assert sorted(shown) == sorted(one.name for one in cluster.connectors)
    states = Counter(one["status"]["connector"]["state"] for one in shown.values())
    assert states == Counter(one.status.connector.state for one in cluster.connectors)  # type: ignore[union-attr]
    for one in cluster.connectors:
        assert one.status is not None
        traces = [task.get("trace") for task in shown[one.name]["status"]["tasks"]]
        assert traces == [task.trace for task in one.status.tasks]


# --- seeds -----------------------------------------------------------------------------------------------------------------

CODE = """
import hashlib
from mockconnect.core.versions import KafkaVersion
from mockconnect.inventing.cluster import invented_cluster
text = invented_cluster(version=KafkaVersion.parse("4.3.1"), seed=7, connectors=60, workers=3, failures="25%")
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_file_whatever_the_hash_seed(path: Path) -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(found) == 1
    assert invented_cluster(**WANTED) == path.read_text(encoding="utf-8")
    assert invented_cluster(**{**WANTED, "seed": 8}) != path.read_text(encoding="utf-8")


def test_only_what_was_named_is_used() -> None:
    text = invented_cluster(version=VERSION, seed=1, connectors=5, workers=1, plugins=["file-sink"])
    assert text.count("class: org.apache.kafka.connect.file.FileStreamSinkConnector") == 5


@pytest.mark.parametrize("version", ["2.8.2", "3.4.0", "3.9.1", "4.0.2"])
def test_older_versions_have_what_they_know(version: str) -> None:
    older = KafkaVersion.parse(version)
    text = invented_cluster(version=older, seed=3, connectors=20, workers=1)
    assert f'kafka_version: "{version}"' in text


# --- mistakes ----------------------------------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(InventingError) as told:
        invented_cluster(version=VERSION, seed=1, connectors=0, workers=101, failures="many")
    assert str(told.value).splitlines() == [
        "--connectors: expected from 1 to 100000, found 0",
        "--workers: expected from 1 to 100, found 101",
        "--failures: expected a share such as 5% or 0.05, found 'many'",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("file-snik", "--plugins: 'file-snik' is not in the catalogue; did you mean 'file-sink'?"),
        ("json-converter", "--plugins: there is no connector among them"),
    ],
)
def test_what_is_no_connector_is_refused(name: str, text: str) -> None:
    with pytest.raises(InventingError) as told:
        invented_cluster(version=VERSION, seed=1, connectors=1, workers=1, plugins=[name])
    assert str(told.value) == text


def test_faker_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(InventingError) as told:
        invented_cluster(**WANTED)
    assert str(told.value) == (
        "Faker is missing, which has the names; install it with: pip install 'mockconnect[seed]'"
    )
