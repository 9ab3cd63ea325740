"""Named snapshots: what they keep of a cluster, what not, and that a restored one runs the same each time."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.control.stage import KEPT_MAX, SnapshotError
from mockconnect.core.cluster import Cluster
from mockconnect.hosted import as_it_is, simulated
from mockconnect.hosting import RunningCluster
from mockconnect.options import Options
from mockconnect.scenario.loading import load_scenario
from mockconnect.scenario.shipped import shipped_files
from mockconnect.staging import options_of, player_of
from mockconnect.usual import WORKER_PORT
from tests.control.test_control_api import connect

START = Callable[..., Any]
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SOURCE = {"connector.class": "FileStreamSource", "file": "f", "topic": "t", "tasks.max": "1"}
READS = (
    "/connectors?expand=info&expand=status",
    "/connectors/c/offsets",
    "/connectors/orders/offsets",
    "/connectors/orders/topics",
    "/connectors/orders/tasks",
    "/connectors/gone/offsets",
    "/connector-plugins",
)


def send(cluster: RunningCluster, method: str, path: str, body: object = None, number: int = 0) -> Any:
    request = urllib.request.Request(
        cluster.urls[number] + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with LOCAL.open(request, timeout=30) as response:
        octets = response.read()
        return json.loads(octets) if octets else None


def shown(cluster: RunningCluster) -> dict[str, Any]:
    """What clients read that no process and no time is part of."""
    answers = {
        f"{path} at {number}": send(cluster, "GET", path, number=number)
        for path in READS
        for number in range(3)
    }
    loggers = send(cluster, "GET", "/admin/loggers", number=1)
    return {**answers, "loggers": {name: row["level"] for name, row in loggers.items()}}


@pytest.fixture
def lived(controlled: START) -> Any:
    """A cluster that has been through something, and is at rest."""
    control = controlled()
    cluster = control.cluster
    for name in ("orders", "gone"):
        send(cluster, "PUT", f"/connectors/{name}/config", SOURCE)
    cluster.wait_for("orders", tasks=1)
    cluster.wait_for("gone", tasks=1)
    cluster.advance("5m")
    send(cluster, "PUT", "/connectors/gone/stop")
    cluster.fail_task("c", 1, "a trace\n\tof its own")
    send(cluster, "PUT", "/admin/loggers/org.apache.kafka.connect", {"level": "TRACE"}, number=1)
    cluster.wait_for("gone", "STOPPED", tasks=0)
    cluster.settle()
    return control


def test_what_clients_read_is_the_same(lived: Any) -> None:
    before = shown(lived.cluster)
    assert before["/connectors/orders/offsets at 0"]["offsets"]
    assert before["/connectors/orders/topics at 0"] == {"orders": {"topics": ["t"]}}
    lived.cluster.snapshot("lived")
    for name in ("orders", "c"):
        connect(lived, f"/connectors/{name}", method="DELETE")
    lived.cluster.settle()
    assert [one["name"] for one in lived.get("/connectors")] == ["gone"]
    lived.cluster.crash("connect-2")
    lived.cluster.restore("lived")
    assert shown(lived.cluster) == before
    status = send(lived.cluster, "GET", "/connectors/c/status")
    assert status["tasks"][1]["trace"] == "a trace\n\tof its own"


def test_work_stays_where_it_is(lived: Any) -> None:
    def work() -> list[tuple[str, Any]]:
        return [(one["name"], one["running"]) for one in lived.get("/connectors")]

    before, leader = work(), lived.cluster.leader
    lived.cluster.snapshot("lived")
    lived.cluster.restore("lived")
    assert work() == before
    assert lived.cluster.leader is leader


def test_what_is_not_kept(lived: Any) -> None:
    """Time, generations, faults, the journal: the cluster is a new one that begins with those topics."""
    lived.cluster.inject(faults.Freeze("connect-1"))
    lived.cluster.snapshot("frozen")
    lived.cluster.restore("frozen")
    info = lived.get("/info")
    assert (info["generation"], info["faults"], info["requests"], info["resets"]) == (1, 0, 0, 1)
    assert info["clock"]["now_ms"] < 60_000
    assert not lived.get("/workers/connect-1")["frozen"]


def test_versions_and_plugins_of_workers_are_kept(controlled: START) -> None:
    control = controlled()
    control.cluster.set_version("connect-1", "3.9.1")
    control.cluster.set_plugins("connect-2", ["debezium-postgres"])
    control.cluster.snapshot("later")
    control.cluster.restore("later")
    assert [one["version"] for one in control.get("/workers")] == ["4.3.1", "3.9.1", "4.3.1"]
    classes = [one["class"] for one in send(control.cluster, "GET", "/connector-plugins", number=2)]
    assert "io.debezium.connector.postgresql.PostgresConnector" in classes
    control.cluster.reset()
    assert [one["version"] for one in control.get("/workers")] == ["4.3.1"] * 3


def test_a_restored_cluster_runs_the_same_each_time(lived: Any) -> None:
    lived.cluster.snapshot("lived")
    runs = []
    for _ in range(2):
        lived.cluster.restore("lived")
        connect(lived, "/connectors/c/restart?includeTasks=true&onlyFailed=true", method="POST")
        lived.cluster.inject(faults.Crash("leader"))
        lived.cluster.advance("7m")
        runs.append([str(row) for row in lived.cluster.trace(2_000)])
    assert runs[0] == runs[1]


def test_a_snapshot_of_what_was_restored_is_the_same(lived: Any) -> None:
    lived.cluster.snapshot("first")
    lived.cluster.restore("first")
    lived.cluster.snapshot("second")
    kept = lived.cluster._hosted.kept
    assert kept["first"].options.connectors == kept["second"].options.connectors
    assert kept["first"].options.leader == kept["second"].options.leader


def test_a_connector_that_nobody_has_started_yet(control: Any) -> None:
    control("PUT", "/clock", {"per_request": "0ms"})
    send(control.cluster, "PUT", "/connectors/new/config", SOURCE)
    control.cluster.snapshot("early")
    control.cluster.restore("early")
    control.cluster.wait_for("new", tasks=1)


def begun(options: Options) -> Cluster:
    """A simulated cluster at its first instant."""
    core = simulated(options, [plan.on(WORKER_PORT) for plan in options.workers])
    core.start()
    return core


# A standalone worker keeps nothing.
DISTRIBUTED = [path for path in shipped_files() if "mode: standalone" not in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", DISTRIBUTED[::6], ids=lambda path: path.stem)
def test_in_the_middle_of_whatever_happens(path: Path) -> None:
    """What another cluster begins with is what was kept, and it comes to rest."""
    scenario = load_scenario(path)
    options = options_of(scenario, {})
    core = begun(options)
    core.settle()
    player_of(scenario, core).start()
    for step_ms in (10_000, 60_000):
        core.sim.run_until(core.now_ms + step_ms)
        kept = as_it_is(options, core)
        other = begun(kept)
        assert as_it_is(kept, other).connectors == kept.connectors
        assert other.settle()


# --- the routes -----------------------------------------------------------------------------------------------------------


def test_the_routes(control: Any) -> None:
    assert control.get("/snapshots") == []
    answer = control("POST", "/snapshots/a.b-1")
    assert (answer.status_code, answer.headers["Location"]) == (201, "/snapshots/a.b-1")
    assert answer.body == {
        "name": "a.b-1",
        "at_ms": control.get("/clock")["now_ms"],
        "resets": 0,
        "workers": ["connect-0", "connect-1", "connect-2"],
        "leader": "connect-0",
        "connectors": ["c"],
    }
    assert control.get("/snapshots") == [answer.body] == [control.get("/snapshots/a.b-1")]
    restored = control("POST", "/snapshots/a.b-1/restore")
    assert (restored.status_code, restored.body["resets"]) == (200, 1)
    control("POST", "/reset")
    assert len(control.get("/snapshots")) == 1
    assert control("DELETE", "/snapshots/a.b-1").body == {"forgotten": "a.b-1"}
    for method, path in (("DELETE", ""), ("GET", ""), ("POST", "/restore")):
        assert control(method, f"/snapshots/a.b-1{path}").status_code == 404


def test_a_snapshot_takes_the_place_of_one_with_its_name(control: Any) -> None:
    control("POST", "/snapshots/a")
    control("POST", "/clock/advance", {"by": "1s"})
    again = control("POST", "/snapshots/a").body
    assert control.get("/snapshots") == [again]


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fx", "a%20b", "-a", "a" * 101, "%ff"])
def test_names_that_are_none(control: Any, name: str) -> None:
    answer = control("POST", f"/snapshots/{name}")
    assert answer.status_code == 409
    assert "a snapshot is called by letters" in answer.body["detail"]


def test_there_are_not_too_many(control: Any) -> None:
    for number in range(KEPT_MAX):
        assert control("POST", f"/snapshots/s{number}").status_code == 201
    assert control("POST", "/snapshots/one-more").status_code == 409
    assert control("POST", "/snapshots/s0").status_code == 201


def test_a_standalone_worker_has_none(controlled: START) -> None:
    answer = controlled(mode="standalone")("POST", "/snapshots/a")
    assert (answer.status_code, "keeps nothing" in answer.body["detail"]) == (409, True)


def test_from_a_program() -> None:
    with mockconnect.start(workers=1) as cluster:
        assert cluster.snapshot("a") == cluster.snapshot()
        with pytest.raises(SnapshotError, match="expected one of a, found 'b'"):
            cluster.restore("b")
        cluster.restore("a")
