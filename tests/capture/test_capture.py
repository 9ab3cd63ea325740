"""A cluster is captured, and served again it answers as before; what cannot be captured is told, and leaves nothing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mockconnect
from mockconnect import RunningCluster
from mockconnect.capture.asking import Access
from mockconnect.capture.command import capture_to_file
from mockconnect.cli.main import main
from mockconnect.files.cluster import read_cluster

from .fake_connect import FakeConnect
from .reading_all import ask, reads

pytest_plugins = ["pytester"]

CERTIFICATES = Path(__file__).parents[1] / "conformance" / "certificates"
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
OWN = mockconnect.simulated_connector(
    "com.acme.OrdersSource",
    "source",
    "1.2.3",
    keys=[
        {"name": "orders.url", "required": True, "importance": "HIGH", "group": "Orders", "width": "LONG"},
        {"name": "orders.password", "type": "PASSWORD", "default_value": "x"},
        {"name": "orders.batch", "type": "INT", "default_value": "50", "dependents": ["orders.url"]},
    ],
    source_offsets={"partition": [{"name": "shard", "template": "{#}"}]},
)
CONNECTORS: list[dict[str, Any]] = [
    {
        "name": "source",
        "config": {"connector.class": FILE_SOURCE, "file": "/tmp/a", "topic": "t", "tasks.max": 1},
    },
    {
        "name": "sink",
        "config": {"connector.class": FILE_SINK, "file": "/tmp/b", "topics": "t", "tasks.max": 3},
    },
    {"name": "paused ü", "config": {"connector.class": FILE_SINK, "topics": "t"}, "state": "PAUSED"},
    {"name": "stopped", "config": {"connector.class": FILE_SINK, "topics": "t"}, "state": "STOPPED"},
    {
        "name": "own",
        "config": {
            "connector.class": OWN.class_name,
            "orders.url": "jdbc:x://admin:hunter22@db/orders",
            "orders.password": "correct horse",
            "api.token": "battery staple",
            "tasks.max": 2,
        },
    },
]


SMALL = f"""apiVersion: mockconnect/v1
kind: Cluster
workers: [{{worker_id: "h:1"}}, {{worker_id: "h:2"}}]
connectors:
  - name: c
    class: {FILE_SINK}
    config: {{topics: t}}
    status:
      connector: {{worker_id: "h:2"}}
      tasks: [{{id: 0, state: FAILED, worker_id: "h:1", trace: "java.lang.Exception: no\\n"}}]
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["capture", *map(str, arguments)])


def captured(cluster: RunningCluster, path: Path, *more: object) -> Path:
    done = run(*cluster.urls, "-o", path, *more)
    assert done.exit_code == 0, done.output
    return path


def differences(one: dict[Any, Any], other: dict[Any, Any]) -> list[Any]:
    return [(key, one[key], other.get(key)) for key in one if one[key] != other.get(key)]


def hidden(found: dict[Any, Any]) -> dict[Any, Any]:
    """Reads with what a capture masks, masked."""
    pairs = [(repr(key), json.dumps(value)) for key, value in found.items()]
    for secret in ("correct horse", "battery staple", "hunter22"):
        pairs = [(key, value.replace(secret, "********")) for key, value in pairs]
    return {key: json.loads(value) for key, value in pairs}


# --- captured and served again -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_served_again_every_read_is_the_same(workers: int, tmp_path: Path) -> None:
    with mockconnect.start(workers=workers, connectors=CONNECTORS, plugins=[OWN]) as cluster:
        cluster.advance("3m")
        cluster.fail_task("sink", 1, trace="java.lang.RuntimeException: of orders\n\tat a.B(C.java:1)\n")
        cluster.fail_connector("own", trace="java.lang.Exception: password=correct horse\n")
        cluster.settle()
        before = reads(cluster)
        file = captured(cluster, tmp_path / "cluster.yaml")
    text = file.read_text()
    assert [secret for secret in ("horse", "staple", "hunter") if secret in text] == []
    with mockconnect.start(cluster=file) as again:
        assert differences(hidden(before), hidden(reads(again))) == []
        second = captured(again, tmp_path / "again.yaml")
        assert second.read_text().splitlines()[2:] == text.splitlines()[2:]
    with mockconnect.start(cluster=file, seed=7) as other_seed:
        assert differences(hidden(before), hidden(reads(other_seed))) == []


@pytest.mark.parametrize("version", ["2.3.1", "2.4.1", "2.8.2", "3.1.2", "3.3.2", "3.5.1", "3.7.2", "3.9.1", "4.0.0", "4.1.0"])  # fmt: skip
def test_older_workers(version: str, tmp_path: Path) -> None:
    state = {} if version >= "3.5" else {"stopped"}
    connectors = [one for one in CONNECTORS if one["name"] not in state]
    with mockconnect.start(kafka_version=version, connectors=connectors, plugins=[OWN]) as cluster:
        cluster.fail_task("sink", 1)
        cluster.settle()
        before = reads(cluster)
        file = captured(cluster, tmp_path / "cluster.yaml")
    with mockconnect.start(cluster=file) as again:
        assert differences(hidden(before), hidden(reads(again))) == []


def test_workers_that_differ(tmp_path: Path) -> None:
    workers: list[Any] = [
        {"name": "a", "kafka_version": "4.2.0"},
        {"name": "b", "plugins": [OWN]},
        {"name": "c", "plugins": [OWN, "!org.apache.kafka.connect.mirror.*"]},
    ]
    with mockconnect.start(workers=workers, connectors=CONNECTORS[:2]) as cluster:
        request = urllib.request.Request(
            f"{cluster.urls[1]}/admin/loggers/org.apache.kafka.connect.runtime",
            data=b'{"level": "TRACE"}',
            method="PUT",
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()
        before = reads(cluster)
        file = captured(cluster, tmp_path / "cluster.yaml")
    with mockconnect.start(cluster=file) as again:
        assert differences(before, reads(again)) == []
    cluster_file, _ = read_cluster(file)
    assert len(cluster_file.plugin_sets) == 2


def test_one_url_of_a_balancer(tmp_path: Path) -> None:
    with mockconnect.start(workers=3, connectors=CONNECTORS[:3]) as cluster:
        before = reads(cluster)
        done = run(cluster.urls[1], "-o", tmp_path / "c.yaml")
        ids = sorted(worker.id for worker in cluster.workers)
    assert done.output.endswith("c.yaml: 3 workers, 3 connectors, 5 tasks\n")
    with mockconnect.start(cluster=tmp_path / "c.yaml") as again:
        assert sorted(worker.id for worker in again.workers) == ids
        assert differences(before, reads(again)) == []


def test_a_scheduled_delay_goes_on(tmp_path: Path) -> None:
    with mockconnect.start(workers=3, connectors=CONNECTORS[:2]) as cluster:
        owner = next(
            one for one in (cluster.owner("sink", task) for task in range(3)) if one in cluster.followers
        )
        assert owner is not None
        cluster.stop(owner)
        cluster.advance("20s")
        alive = [
            url for worker, url in zip(cluster.workers, cluster.urls, strict=True) if worker is not owner
        ]
        before = ask(alive[0], "/connectors?expand=status")
        assert run(*alive, "-o", tmp_path / "c.yaml").exit_code == 0
    assert "UNASSIGNED" in json.dumps(before)
    with mockconnect.start(cluster=tmp_path / "c.yaml") as again:
        assert len(again.workers) == 2
        assert ask(again.url, "/connectors?expand=status") == before
        again.advance("6m")
        again.wait_for("sink", tasks=3)


def test_switches_of_workers_that_answers_give_away(tmp_path: Path) -> None:
    switches = {"topic.tracking.enable": "false", "admin.listeners": ""}
    with mockconnect.start(workers=2, connectors=CONNECTORS[:2], config=switches) as cluster:
        before = reads(cluster)
        file = captured(cluster, tmp_path / "c.yaml")
    with mockconnect.start(cluster=file) as again:
        assert differences(before, reads(again)) == []


def test_a_name_that_no_path_can_have(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [{"name": "a/b", "config": {"connector.class": FILE_SINK, "topics": "t"}}]
    with mockconnect.start(workers=2, connectors=odd) as cluster:
        before = ask(cluster.url, "/connectors?expand=info&expand=status")
        file = captured(cluster, tmp_path / "c.yaml")
    with mockconnect.start(cluster=file) as again:
        assert ask(again.url, "/connectors?expand=info&expand=status") == before


def test_life_goes_on(tmp_path: Path) -> None:
    with mockconnect.start(workers=3, connectors=CONNECTORS, plugins=[OWN]) as cluster:
        cluster.fail_task("sink", 1)
        cluster.settle()
        file = captured(cluster, tmp_path / "c.yaml")
    with mockconnect.start(cluster=file) as again:
        restart = f"{again.urls[2]}/connectors/sink/restart?includeTasks=true&onlyFailed=true"
        urllib.request.urlopen(urllib.request.Request(restart, method="POST")).close()
        again.wait_for("sink", tasks=3)
        again.crash(again.owner("own") or 0)
        again.advance("6m")
        again.wait_for("own", tasks=2)
        assert again.settled


# --- what goes wrong -----------------------------------------------------------------------------------------------------


@pytest.fixture
def fake() -> Iterator[FakeConnect]:
    with FakeConnect() as running:
        yield running


def failing(path: Path, *arguments: object) -> list[str]:
    path.write_text("as before\n")
    done = run(*arguments, "-o", path)
    assert done.exit_code == 1, done.output
    assert path.read_text() == "as before\n"
    assert [one.name for one in path.parent.iterdir() if one != path] == []
    return done.stderr.splitlines()


def test_a_worker_that_cannot_be_reached(fake: FakeConnect, tmp_path: Path) -> None:
    (line,) = failing(tmp_path / "c.yaml", fake.url, "http://127.0.0.1:1")
    assert line == "mockconnect capture: http://127.0.0.1:1: cannot be reached: Connection refused (GET /)"


@pytest.mark.parametrize(
    ("path", "how", "reason"),
    [
        ("/", "html", "answers what is no JSON: '<html>Bad gateway</html>' (GET /)"),
        ("/", "not found", "is no Kafka Connect worker: answers 404 (GET /)"),
        ("/", "unauthorized", "lets nobody in without the right user: answers 401 (GET /)"),
        ("/connectors", "hang", "does not answer within 2 s (GET /connectors)"),
        ("/connectors", "truncate", "breaks off in the middle of an answer (GET /connectors)"),
        ("/connectors", "close", "closes the connection without an answer (GET /connectors)"),
        ("/connectors/b/tasks", "error", "answers 500: out of luck (GET /connectors/b/tasks)"),
        ("/connectors/*/topics", "error", "answers 500: out of luck (GET /connectors/a/topics and 1 more)"),
        ("/connectors", "409", "is busy for longer than 2 s: answers 409: Cannot complete request (GET /connectors)"),
    ],
)  # fmt: skip
def test_a_worker_that_answers_half(
    fake: FakeConnect, path: str, how: str, reason: str, tmp_path: Path
) -> None:
    fake.spoil(path, how)
    timeout_s = 2 if " 2 s" in reason else 60  # where time is not what is told, it has no part in it
    lines = failing(tmp_path / "c.yaml", fake.url, "--timeout", timeout_s)
    assert lines == [f"mockconnect capture: {fake.url}: {reason}"]


def test_a_rebalance_is_waited_for(fake: FakeConnect, tmp_path: Path) -> None:
    fake.spoil("/connectors", "409", times=2)
    fake.spoil("/connectors/a", "rebalance", times=2)
    assert run(fake.url, "-o", tmp_path / "c.yaml").exit_code == 0
    assert [one.name for one in read_cluster(tmp_path / "c.yaml")[0].connectors] == ["a", "b"]


def test_a_connector_that_is_deleted_meanwhile_is_left_out(fake: FakeConnect, tmp_path: Path) -> None:
    fake.spoil("/connectors/a/tasks", "not found")
    assert run(fake.url, "-o", tmp_path / "c.yaml").exit_code == 0
    assert [one.name for one in read_cluster(tmp_path / "c.yaml")[0].connectors] == ["b"]


def test_a_plugin_that_cannot_tell_its_keys_has_none(fake: FakeConnect, tmp_path: Path) -> None:
    fake.spoil("/connector-plugins/*/config", "error")
    assert run(fake.url, "-o", tmp_path / "c.yaml").exit_code == 0


def test_urls_of_two_clusters(fake: FakeConnect, tmp_path: Path) -> None:
    with FakeConnect(cluster_id="other") as other:
        (line,) = failing(tmp_path / "c.yaml", fake.url, other.url)
    assert (
        line
        == f"mockconnect capture: {other.url}: belongs to Kafka cluster other, {fake.url} to fake (GET /)"
    )


def test_what_was_asked_for_is_checked_first(tmp_path: Path) -> None:
    done = run("connect:8083", "-o", tmp_path / "none" / "c.yaml")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "mockconnect capture: connect:8083: expected a URL such as http://connect-0:8083",
        f"mockconnect capture: {tmp_path}/none/c.yaml: cannot be written: expected a file in a folder that is there",
    ]
    done = run("http://a", "-o", tmp_path / "c.yaml", "--ca", tmp_path / "ca.pem")
    assert (
        done.stderr == f"mockconnect capture: {tmp_path}/ca.pem: cannot be used: No such file or directory\n"
    )


def test_basic_authentication(tmp_path: Path) -> None:
    with mockconnect.start(workers=1, users={"alice": "a:b"}) as cluster:
        done = run(cluster.url, "-o", tmp_path / "c.yaml")
        assert done.exit_code == 1
        assert "lets nobody in without the right user: answers 401" in done.stderr
        assert run(cluster.url, "-o", tmp_path / "c.yaml", "--user", "alice:a:b").exit_code == 0


def test_tls(tmp_path: Path) -> None:
    trusts, client, file = CERTIFICATES / "authority.pem", CERTIFICATES / "client.pem", tmp_path / "c.yaml"
    pem = CERTIFICATES / "worker.pem"
    with mockconnect.start(workers=1, tls_cert=pem, tls_client_ca=trusts) as cluster:
        (line,) = failing(file, cluster.url)
        assert line.startswith(f"mockconnect capture: {cluster.url}: has a certificate that is not trusted: ")
        (line,) = failing(file, cluster.url, "--ca", trusts)
        assert line.startswith(f"mockconnect capture: {cluster.url}: ")
        assert run(cluster.url, "-o", file, "--ca", trusts, "--cert", client, "--key", client).exit_code == 0
        assert run(cluster.url, "-o", file, "--insecure", "--cert", client).exit_code == 0


# --- the three doors -----------------------------------------------------------------------------------------------------


def test_a_terminal_sees_how_far_it_is(
    fake: FakeConnect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    line = capture_to_file([fake.url], tmp_path / "c.yaml", Access())
    assert line == f"{tmp_path}/c.yaml: 1 worker, 2 connectors, 0 tasks"
    assert "connectors" in shown.getvalue()
    assert "2/2" in shown.getvalue()


def test_serve_begins_with_a_file(tmp_path: Path) -> None:
    file, ready = tmp_path / "c.yaml", tmp_path / "ready.json"
    file.write_text(SMALL, encoding="utf-8")
    command = [sys.executable, "-m", "mockconnect.cli", "serve", "--cluster", str(file)]
    environment = {**os.environ, "MOCKCONNECT_PORT": "0", "MOCKCONNECT_READY_FILE": str(ready)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Ctrl-C") for line in process.stdout)
            workers = json.loads(ready.read_text(encoding="utf-8"))["workers"]
            assert [one["worker_id"] for one in workers] == ["h:1", "h:2"]
            status = ask(workers[0]["url"], "/connectors/c/status")
        finally:
            process.terminate()
    assert status["tasks"] == [
        {
            "id": 0,
            "state": "FAILED",
            "worker_id": "h:1",
            "version": "4.3.1",
            "trace": "java.lang.Exception: no\n",
        }
    ]


def test_the_marker_takes_a_file(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", c=SMALL)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.mockconnect(cluster="c.yaml")
        def test_it(connect_cluster):
            assert [worker.id for worker in connect_cluster.workers] == ["h:1", "h:2"]

        @pytest.mark.mockconnect(cluster="none.yaml")
        def test_mistakes(connect_cluster):
            pass
        """
    )
    others = [f"-pno:{name}" for name in ("faker", "hypothesispytest", "xdist", "asyncio", "aiohttp")]
    result = pytester.runpytest_inprocess(*others, "--strict-markers")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*cluster: none.yaml: cannot be read: No such file or directory*"])
