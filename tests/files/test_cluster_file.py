"""The cluster file: what it says is what the simulated cluster is; what is wrong with it is told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mockconnect
from mockconnect.arguments.reading import read_options
from mockconnect.files.cluster import (
    Cluster,
    ClusterFile,
    ConnectorGiven,
    ConnectorStatus,
    InstanceStatus,
    OffsetGiven,
    TaskStatus,
    WorkerGiven,
    cluster_schema,
    read_cluster,
)
from mockconnect.files.problems import FileError
from mockconnect.files.writing import dump
from mockconnect.options import OptionsError

HEAD = "apiVersion: mockconnect/v1\nkind: Cluster\n"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"


def file_of(tmp_path: Path, text: str, name: str = "c.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path, **more: object) -> list[str]:
    with pytest.raises(OptionsError) as raised:
        read_options({"cluster": path, **more})
    return [str(problem).replace(f"{path}", path.name) for problem in raised.value.problems]


# --- round trips ---------------------------------------------------------------------------------------------------------

NAMES = st.text("abcdefg-.ü ", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
STATES = st.sampled_from(["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"])
STATUS: dict[str, Any] = {
    "state": STATES,
    "worker_id": st.sampled_from(["", "a", "h:1"]),
    "version": st.none() | TEXTS,
    "trace": st.none() | TEXTS,
}
CONFIGS = st.dictionaries(NAMES, st.none() | TEXTS, max_size=4)
PLAIN = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS
CONNECTORS = st.builds(
    ConnectorGiven,
    name=NAMES,
    class_=st.none() | NAMES,
    tasks=st.none() | st.integers(1, 9),
    state=st.sampled_from(["RUNNING", "PAUSED", "STOPPED"]),
    config=CONFIGS,
    status=st.none()
    | st.builds(
        ConnectorStatus,
        connector=st.none() | st.builds(InstanceStatus, **STATUS),
        tasks=st.lists(st.builds(TaskStatus, id=st.integers(0, 9), **STATUS), max_size=2),
    ),
    task_configs=st.none() | st.lists(st.dictionaries(NAMES, TEXTS, max_size=3), max_size=2),
    offsets=st.lists(
        st.builds(
            OffsetGiven,
            partition=st.none() | st.dictionaries(NAMES, PLAIN, max_size=2),
            offset=st.dictionaries(NAMES, PLAIN, max_size=2),
        ),
        max_size=2,
    ),
    topics=st.lists(TEXTS, max_size=2),
)
CLUSTERS = st.builds(
    ClusterFile,
    api_version=st.just("mockconnect/v1"),
    kind=st.just("Cluster"),
    kafka_version=st.none() | TEXTS,
    cluster_id=st.none() | TEXTS,
    workers=st.none()
    | st.integers(1, 100)
    | st.lists(NAMES | st.builds(WorkerGiven, name=st.none() | NAMES, leader=st.booleans(), config=CONFIGS)),
    plugins=st.lists(
        NAMES | st.fixed_dictionaries({"class": NAMES, "type": NAMES, "version": st.none() | TEXTS})
    ),
    plugin_sets=st.dictionaries(NAMES, st.lists(NAMES), max_size=2),
    config=CONFIGS,
    connectors=st.lists(CONNECTORS, max_size=3),
    loggers=st.dictionaries(NAMES, st.dictionaries(NAMES, TEXTS, max_size=2), max_size=2),
)


@settings(deadline=None)
@given(cluster=CLUSTERS)
def test_every_cluster_is_read_as_it_was_written(cluster: ClusterFile, tmp_path_factory: Any) -> None:
    plain = msgspec.to_builtins(cluster)
    folder = tmp_path_factory.getbasetemp()
    assert read_cluster(file_of(folder, dump(plain)))[0] == cluster
    assert read_cluster(file_of(folder, json.dumps(plain), "c.json"))[0] == cluster


# --- other files of connectors -------------------------------------------------------------------------------------------

POSTED = {"name": "a", "config": {"connector.class": SINK, "tasks.max": 2, "topics": "t", "flag": True}}


@pytest.mark.parametrize(
    "value",
    [
        POSTED,
        [POSTED],
        {"config": {**POSTED["config"], "name": "a"}},  # type: ignore[dict-item]
        {**POSTED, "tasks": [{"connector": "a", "task": 0}], "type": "sink"},
        {"a": {"info": {**POSTED, "tasks": [], "type": "sink"}}},
    ],
)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_connectors_as_connect_has_them(value: Any, suffix: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, json.dumps(value), f"c.{suffix}")
    for argument in ("connectors", "cluster"):
        (found,) = read_options({argument: path}).connectors
        assert (found.name, found.config["tasks.max"], found.config["flag"]) == ("a", "2", "true")


def test_an_answer_with_statuses_brings_its_workers(tmp_path: Path) -> None:
    status = {
        "name": "a",
        "connector": {"state": "PAUSED", "worker_id": "h1:8083"},
        "tasks": [{"id": 0, "state": "FAILED", "worker_id": "h0:8083", "trace": "no\n"}],
        "type": "sink",
    }
    answer = {
        "a": {"info": {**POSTED, "tasks": [{"connector": "a", "task": 0}], "type": "sink"}, "status": status}
    }
    with mockconnect.start(cluster=file_of(tmp_path, json.dumps(answer), "c.json")) as cluster:
        assert [worker.id for worker in cluster.workers] == ["h0:8083", "h1:8083"]
        assert cluster.owner("a") is cluster.workers[1]
        assert cluster.owner("a", 0) is cluster.workers[0]


def test_mistakes_in_files_of_connectors(tmp_path: Path) -> None:
    text = '[\n{"name": "a", "config": {}},\n{"name": "b", "config": {"connector.class": "X", "name": "c"}},\n{"name": "d", "clas": "X"}]'
    path = file_of(tmp_path, text, "c.json")
    with pytest.raises(OptionsError) as raised:
        read_options({"connectors": path})
    assert [str(one).replace(str(path), "c.json") for one in raised.value.problems] == [
        "connectors: c.json:4: [2].clas: unknown; did you mean 'class'?",
    ]
    path = file_of(tmp_path, text[: text.index(',\n{"name": "d"')] + "]", "c.json")
    assert problems(path) == [
        "cluster: c.json:2: [0].config['connector.class']: missing",
        "cluster: c.json:3: [1].config.name: expected 'b', found 'c'",
    ]


# --- what is wrong -------------------------------------------------------------------------------------------------------


def test_all_mistakes_of_a_file_are_told_with_their_lines(tmp_path: Path) -> None:
    text = f"""{HEAD}kafka_version: banana
config: {{connect.protocol: eagre}}
workers:
  - {{name: a, worker_id: nowhere, leader: true}}
  - {{name: b, leader: true, plugins: [debezium-postgress]}}
plugins: ["io.none*"]
connectors:
  - {{name: c, class: X}}
  - {{name: c}}
loggers: {{z: {{root: LOUD}}}}
"""
    assert problems(file_of(tmp_path, text)) == [
        "cluster: c.yaml:3: kafka_version: 'banana' is no Kafka version; expected something like '4.3.1' or '3.9'",
        "cluster: c.yaml:4: config['connect.protocol']: expected one of eager, compatible, sessioned, found 'eagre'; did you mean 'eager'?",
        "cluster: c.yaml:6: workers[0].worker_id: expected a host and a port such as connect-0:8083, found 'nowhere'",
        "cluster: c.yaml:7: workers[1].plugins[0]: 'debezium-postgress' is not in the catalogue; did you mean 'debezium-postgres'?",
        "cluster: c.yaml:7: workers[1].leader: 'a' is the leader already",
        "cluster: c.yaml:8: plugins[0]: 'io.none*' is not in the catalogue; mockconnect plugins list shows what there is",
        "cluster: c.yaml:11: connectors[1].config['connector.class']: missing",
        "cluster: c.yaml:11: connectors[1].name: there is a connector 'c' already",
        "cluster: c.yaml:12: loggers.z: unknown; known are a, b",
        "cluster: c.yaml:12: loggers.z.root: expected one of OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE, ALL, found 'LOUD'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Scenario\napiVersion: mockconnect/v1\nfoo: 1\n", "cluster: c.yaml:1: kind: expected one of Cluster, found 'Scenario'"),
        ("kind: Cluster\n", "cluster: c.yaml:1: apiVersion: missing"),
        ("workers: 3\n", "cluster: c.yaml:1: no cluster file: expected 'apiVersion: mockconnect/v1' and 'kind: Cluster'"),
        (f"{HEAD}wrkers: 3\n", "cluster: c.yaml:3: wrkers: unknown; did you mean 'workers'?"),
        (f"{HEAD}workers: 0\n", "cluster: c.yaml:3: workers: expected a whole number from 1 to 100 or a list, found '0'"),
    ],
)  # fmt: skip
def test_files_that_are_no_cluster(text: str, problem: str, tmp_path: Path) -> None:
    assert problems(file_of(tmp_path, text)) == [problem]


def test_no_file_at_all(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == [
        "cluster: none.yaml: cannot be read: No such file or directory"
    ]
    with pytest.raises(OptionsError, match="cluster: expected a file, found 3"):
        read_options({"cluster": 3})
    with pytest.raises(FileError):
        read_cluster(tmp_path)


# --- arguments win -------------------------------------------------------------------------------------------------------

FULL = f"""{HEAD}kafka_version: 3.9
cluster_id: from-file
config: {{group.id: from-file, client.id: from-file}}
workers:
  - {{name: a, worker_id: "h:1", kafka_version: 3.8}}
  - {{name: b, worker_id: "h:2"}}
connectors:
  - name: c
    class: {SINK}
    config: {{topics: t}}
    status: {{connector: {{worker_id: "h:2"}}, tasks: [{{id: 0, worker_id: "h:1"}}]}}
"""


def test_the_file_says_everything(tmp_path: Path) -> None:
    options = read_options({"cluster": file_of(tmp_path, FULL)})
    assert [
        (one.settings.name, one.on(9).worker_id, one.settings.version.text) for one in options.workers
    ] == [
        ("a", "h:1", "3.8.0"),
        ("b", "h:2", "3.9.0"),
    ]
    assert options.cluster_id == "from-file"
    assert options.workers[0].settings.group_id == "from-file"


def test_arguments_win_over_the_file(tmp_path: Path) -> None:
    path = file_of(tmp_path, FULL)
    options = read_options(
        {"cluster": path, "kafka_version": "4.0.0", "cluster_id": "mine", "config": {"group.id": "mine"}}
    )
    assert {one.settings.version.text for one in options.workers} == {"4.0.0"}
    assert options.cluster_id == "mine"
    settings = options.workers[0].settings
    assert (settings.group_id, settings.client_id) == ("mine", "from-file")
    assert read_options({"cluster": path, "connectors": []}).connectors == ()
    (connector,) = read_options({"cluster": path, "connectors": [{"name": "d", "class": SINK}]}).connectors
    assert connector.name == "d"


def test_other_workers_than_those_of_the_file_take_over_their_work(tmp_path: Path) -> None:
    with mockconnect.start(3, cluster=file_of(tmp_path, FULL)) as cluster:
        cluster.wait_for("c", tasks=1, within="0s")
        assert cluster.owner("c", 0) is not None


def test_an_advertised_host_makes_workers_say_where_they_are(tmp_path: Path) -> None:
    with mockconnect.start(cluster=file_of(tmp_path, FULL), advertised_host="127.0.0.1") as cluster:
        assert [f"http://{worker.id}" for worker in cluster.workers] == cluster.urls
        assert cluster.owner("c") is cluster.worker("b")
        assert cluster.owner("c", 0) is cluster.worker("a")


def test_a_cluster_may_be_given_as_a_value() -> None:
    cluster = Cluster(workers=2, connectors=[ConnectorGiven(name="c", class_=SINK, config={"topics": "t"})])
    options = read_options({"cluster": cluster})
    assert (len(options.workers), [one.name for one in options.connectors]) == (2, ["c"])


def test_the_schema_describes_the_file() -> None:
    schema = cluster_schema()
    definition = schema["$defs"]["ClusterFile"]
    assert definition["required"] == ["apiVersion", "kind"]
    assert definition["additionalProperties"] is False
    assert set(definition["properties"]) == {
        field.encode_name for field in msgspec.structs.fields(ClusterFile)
    }
