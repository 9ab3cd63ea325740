"""Workers that come and go behind a running server, and a gateway in front of them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.files.problems import FileError
from mockconnect.options import OptionsError

FILES = {"connector.class": "FileStreamSource", "file": "/in", "topic": "t"}


def http(method: str, url: str, body: object = None) -> tuple[int, str, Any]:
    """Status code, content type and body of an answer."""
    headers = {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_a_worker_is_added_and_removed() -> None:
    with mockconnect.start(workers=2, front_door="round_robin") as cluster:
        first = cluster.workers[0]
        added = cluster.add_worker("connect-9")
        assert cluster.workers == (first, cluster.workers[1], added)
        assert cluster.urls[2] == added.url
        assert added.id == added.url.removeprefix("http://")
        cluster.settle()
        assert http("GET", f"{added.url}/connectors")[0] == 200
        seen = set()
        for _ in range(3):
            http("GET", f"{cluster.url}/")
            seen.add(cluster.requests(1)[0].worker)
        assert seen == {"connect-0", "connect-1", "connect-9"}
        added.remove()
        cluster.advance("1m")
        assert [worker.name for worker in cluster.workers] == ["connect-0", "connect-1"]
        with pytest.raises(urllib.error.URLError):
            http("GET", added.url)
        assert all(http("GET", f"{cluster.url}/")[0] == 200 for _ in range(3))
        with pytest.raises(ValueError, match="connect-9"):
            cluster.worker("connect-9")


def test_a_reset_knows_the_first_workers_only() -> None:
    with mockconnect.start(workers=2) as cluster:
        first, added = cluster.urls, cluster.add_worker("connect-2")
        cluster.settle()
        cluster.reset()
        assert cluster.urls == first
        with pytest.raises(urllib.error.URLError):
            http("GET", added.url)
        again = cluster.add_worker("connect-2")
        cluster.settle()
        assert http("GET", again.url)[0] == 200


def test_a_worker_of_another_version_is_added() -> None:
    with mockconnect.start(workers=1) as cluster:
        old = cluster.add_worker("old", kafka_version="3.6.2", config={"topic.tracking.enable": "false"})
        cluster.settle()
        assert json.loads(http("GET", f"{old.url}/")[2])["version"] == "3.6.2"


def test_a_gateway_gives_up_and_the_worker_goes_on() -> None:
    with mockconnect.start(workers=2) as cluster:
        cluster.inject(faults.Gateway(timeout_ms=10_000))
        cluster.block_herder("leader", "30s")
        assert cluster.leader is not None
        body = {"name": "a", "config": FILES}
        status_code, content_type, page = http("POST", f"{cluster.leader.url}/connectors", body)
        assert (status_code, content_type) == (504, "text/html")
        assert "<h1>504 Gateway Timeout</h1>" in page
        cluster.advance("40s")
        assert http("GET", f"{cluster.leader.url}/connectors")[2] == '["a"]'
        assert [row.status_code for row in cluster.requests()] == [504, 200]


def test_a_gateway_in_front_of_a_frozen_worker() -> None:
    with mockconnect.start(workers=2) as cluster:
        cluster.inject(faults.Gateway("connect-1", timeout_ms=5_000, status_code=503))
        cluster.freeze("connect-1")
        url = cluster.worker("connect-1").url
        assert http("POST", f"{url}/connectors", {"name": "a", "config": FILES})[0] == 503
        assert http("GET", f"{url}/connectors")[0] == 503
        cluster.thaw("connect-1")
        cluster.settle()
        assert http("GET", f"{url}/connectors")[2] == '["a"]', "what was in its socket is carried out"


def test_offsets_are_set() -> None:
    with mockconnect.start(workers=1, connectors=[{"name": "a", "config": FILES}]) as cluster:
        cluster.wait_for("a")
        cluster.set_offsets("a", [({"filename": "/in"}, {"position": 4711})])
        assert '"position":4711' in http("GET", f"{cluster.url}/connectors/a/offsets")[2]
        cluster.advance("2m")
        offsets = json.loads(http("GET", f"{cluster.url}/connectors/a/offsets")[2])["offsets"]
        assert offsets[0]["offset"]["position"] > 4711, "the task that runs goes on from there"
        cluster.set_offsets("a", [({"filename": "/in"}, None)])
        assert http("GET", f"{cluster.url}/connectors/a/offsets")[2] == '{"offsets":[]}'
        with pytest.raises(faults.FaultError, match="no worker that runs knows a connector 'b'"):
            cluster.set_offsets("b", [])


def test_statuses_are_held() -> None:
    with mockconnect.start(workers=1, connectors=[{"name": "a", "config": FILES}]) as cluster:
        cluster.wait_for("a")
        held = cluster.hold_status("a")
        cluster.fail_task("a", 0)
        cluster.advance("1m")
        assert '"FAILED"' not in http("GET", f"{cluster.url}/connectors/a/status")[2]
        cluster.heal(held)
        cluster.advance("1s")
        assert '"FAILED"' in http("GET", f"{cluster.url}/connectors/a/status")[2]


def test_a_stop_that_hangs() -> None:
    with mockconnect.start(workers=2) as cluster:
        fault = cluster.inject(faults.Stop("leader", hang=True))
        leader = cluster.leader
        assert leader is not None
        cluster.advance("10m")
        assert cluster.leader is leader, "it leads on"
        with pytest.raises(urllib.error.URLError):
            http("GET", leader.url)
        cluster.start(leader)
        cluster.settle()
        assert http("GET", leader.url)[0] == 200
        assert fault not in [row.id for row in cluster.faults]


# --- connectors from a seed ---------------------------------------------------------------------------------------------


def test_connectors_are_generated(tmp_path: Any) -> None:
    text = (
        "{apiVersion: mockconnect/v1, kind: Cluster, generate: {connectors: 30, class: 'aiven-*', tasks: 2}}"
    )
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    found = []
    for _ in range(2):
        with mockconnect.start(cluster=file) as cluster:
            found.append(http("GET", f"{cluster.url}/connectors?expand=info")[2])
    assert found[0] == found[1]
    connectors = json.loads(found[0]).values()
    assert len(connectors) == 30
    assert {one["info"]["config"]["tasks.max"] for one in connectors} == {"2"}
    assert all(one["info"]["config"]["connector.class"].startswith("io.aiven.") for one in connectors)


@pytest.mark.parametrize(
    ("generate", "problem"),
    [
        ("{connectors: 0}", "connectors"),
        ("{connectors: 3, class: nobody-has-that}", "generate: class: "),
        ("{connectors: 3, failures: many}", "generate: failures: expected a share such as 5% or 0.05"),
        ("{connectors: 3, tasks: none}", "tasks"),
    ],
)
def test_what_cannot_be_generated(tmp_path: Any, generate: str, problem: str) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(f"apiVersion: mockconnect/v1\nkind: Cluster\ngenerate: {generate}\n")
    with pytest.raises((OptionsError, FileError), match=problem):
        mockconnect.start(cluster=file)
