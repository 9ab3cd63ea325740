"""What clients see, worker by worker and second by second, when a worker goes away.

Three workers run two connectors with three tasks each: connect-0 leads and has the connector ``orders``, connect-1 has
``users``, and each worker has one task of either. Time is virtual: ``at("15s")`` brings the cluster there.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import mockconnect
from mockconnect.arguments.values import duration_ms
from mockconnect.hosting import RunningCluster

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
REFUSED = "IO Error trying to forward REST request: java.net.ConnectException: Connection refused"
NO_LEADER = (
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
)


@dataclass
class Scene:
    """A cluster, and a client that asks each of its workers."""

    cluster: RunningCluster
    started_at_ms: int

    def at(self, instant: str) -> None:
        """Bring the cluster to this long after the beginning."""
        self.cluster.run_until(self.started_at_ms + duration_ms(instant))

    def ask(self, worker: int, method: str, path: str) -> tuple[int, str | dict[str, object] | None]:
        """Status code, and the message of an error or else the body."""
        request = urllib.request.Request(self.cluster.urls[worker].rstrip("/") + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["message"]

    def states(self, worker: int, connector: str) -> str:
        """The status as one worker shows it, such as ``RUNNING@1 RUNNING@0 RUNNING@1 FAILED@2``: connector, then tasks."""
        _, status = self.ask(worker, "GET", f"/connectors/{connector}/status")
        assert isinstance(status, dict), status
        place = {each.id: number for number, each in enumerate(self.cluster.workers)}
        rows = [status["connector"], *status["tasks"]]
        return " ".join(f"{row['state']}@{place[row['worker_id']]}" for row in rows)


@pytest.fixture
def scene() -> Iterator[Scene]:
    config = {"connector.class": SINK, "tasks.max": "3", "topics": "events", "file": "/dev/null"}
    with mockconnect.start(workers=3) as cluster:
        for name in ("orders", "users"):
            body = json.dumps({"name": name, "config": config}).encode()
            headers = {"Content-Type": "application/json"}
            urllib.request.urlopen(
                urllib.request.Request(f"{cluster.url.rstrip('/')}/connectors", body, headers)
            ).close()
            cluster.settle()
        scene = Scene(cluster, cluster.now_ms)
        assert cluster.leader == cluster.workers[0]
        assert scene.states(2, "orders") == "RUNNING@0 RUNNING@0 RUNNING@1 RUNNING@2"
        assert scene.states(2, "users") == "RUNNING@1 RUNNING@0 RUNNING@1 RUNNING@2"
        yield scene


def test_a_follower_crashes_and_its_work_waits_300_seconds(scene: Scene) -> None:
    users = "RUNNING@1 RUNNING@0 RUNNING@1 RUNNING@2"
    scene.cluster.workers[1].crash()

    # At once: its port refuses; whatever must be forwarded to it fails; statuses still call it RUNNING.
    with pytest.raises(urllib.error.URLError, match="refused"):
        scene.ask(1, "GET", "/")
    for worker in (0, 2):
        assert scene.states(worker, "users") == users
        assert scene.ask(worker, "POST", "/connectors/users/restart") == (500, REFUSED)
        assert scene.ask(worker, "POST", "/connectors/orders/tasks/1/restart") == (500, REFUSED)
    assert scene.ask(2, "POST", "/connectors/orders/restart") == (204, None)

    # Nine seconds later nobody has noticed. After 13 s at most the group has, and its work has no owner.
    scene.at("9s")
    assert scene.ask(2, "POST", "/connectors/users/restart") == (500, REFUSED)
    scene.at("14s")
    assert len(scene.cluster.snapshot()["group"]["members"]) == 2
    for worker in (0, 2):
        assert scene.states(worker, "users") == users
        assert scene.ask(worker, "POST", "/connectors/users/restart") == (409, NO_LEADER)
        assert scene.ask(worker, "POST", "/connectors/orders/tasks/1/restart") == (409, NO_LEADER)
        assert scene.ask(worker, "GET", "/connectors/users")[0] == 200

    # A restart with flags promises RESTARTING for what nobody runs, and does nothing about it.
    status_code, plan = scene.ask(2, "POST", "/connectors/users/restart?includeTasks=true")
    assert (status_code, isinstance(plan, dict) and plan["connector"]["state"]) == (202, "RESTARTING")
    scene.at("5m")
    for worker in (0, 2):
        assert scene.states(worker, "users") == users

    # The delay is over 300 s after the group noticed: the work goes to who is left.
    scene.at("5m15s")
    for worker in (0, 2):
        assert scene.states(worker, "users") == "RUNNING@2 RUNNING@0 RUNNING@2 RUNNING@2"
        assert scene.states(worker, "orders") == "RUNNING@0 RUNNING@0 RUNNING@0 RUNNING@2"
    assert scene.ask(0, "POST", "/connectors/users/restart") == (204, None)


def test_the_leader_crashes_and_its_work_moves_at_once(scene: Scene) -> None:
    scene.cluster.workers[0].crash()

    # Until the group notices, everything that needs the leader fails; reads, pause and resume do not.
    for worker in (1, 2):
        assert scene.ask(worker, "DELETE", "/connectors/users") == (500, REFUSED)
        assert scene.ask(worker, "PUT", "/connectors/users/stop") == (500, REFUSED)
        assert scene.ask(worker, "GET", "/connectors/users")[0] == 200
        assert scene.states(worker, "orders") == "RUNNING@0 RUNNING@0 RUNNING@1 RUNNING@2"
    assert scene.ask(2, "PUT", "/connectors/users/pause") == (202, None)
    scene.at("5s")
    assert scene.states(1, "users") == "PAUSED@1 RUNNING@0 PAUSED@1 PAUSED@2"
    assert scene.ask(2, "PUT", "/connectors/users/resume") == (202, None)

    # A new leader has no memory of the old assignment: lost work is new work, and there is no delay.
    scene.at("14s")
    assert scene.cluster.leader == scene.cluster.workers[1]
    for worker in (1, 2):
        assert "@0" not in scene.states(worker, "orders") + scene.states(worker, "users")
        assert set(scene.states(worker, "orders").split()) <= {"RUNNING@1", "RUNNING@2"}
        assert scene.ask(worker, "POST", "/connectors/users/restart") == (204, None)
    assert scene.ask(2, "DELETE", "/connectors/users") == (204, None)

    # The old leader is an ordinary follower when it comes back.
    scene.cluster.workers[0].start()
    scene.cluster.settle()
    assert scene.cluster.leader == scene.cluster.workers[1]
    assert scene.ask(0, "GET", "/connectors") == (200, ["orders"])


def test_a_frozen_worker_comes_back_as_if_nothing_had_been(scene: Scene) -> None:
    generation = scene.cluster.generation
    before = {name: scene.states(0, name) for name in ("orders", "users")}
    scene.cluster.workers[1].freeze()
    scene.at("20s")

    # It was expelled, and the delay for its work runs; the statuses have not moved.
    assert scene.cluster.generation == generation + 1
    assert scene.ask(0, "POST", "/connectors/users/restart") == (409, NO_LEADER)
    assert {name: scene.states(2, name) for name in before} == before

    # Back within the delay it keeps its work: no restart, no status change at all.
    rows_before = status_rows(scene)
    scene.at("60s")
    scene.cluster.workers[1].thaw()
    scene.cluster.settle()
    assert scene.cluster.generation == generation + 2
    scene.at("10m")
    assert status_rows(scene) == rows_before
    for worker in (0, 1, 2):
        assert {name: scene.states(worker, name) for name in before} == before
    assert scene.ask(0, "POST", "/connectors/users/restart") == (204, None)


def status_rows(scene: Scene) -> list[str]:
    """Every report of a state so far."""
    return [str(row) for row in scene.cluster.trace(20_000) if row.what in ("connector", "task")]


def test_a_graceful_stop_says_unassigned_and_waits_all_the_same(scene: Scene) -> None:
    scene.cluster.workers[1].stop()

    # The REST server goes first; the work is stopped and says so, and the group knows without a time-out.
    scene.at("3s")
    with pytest.raises(urllib.error.URLError, match="refused"):
        scene.ask(1, "GET", "/")
    for worker in (0, 2):
        assert scene.states(worker, "users").startswith("UNASSIGNED@1 RUNNING@0")
    scene.at("8s")
    assert len(scene.cluster.snapshot()["group"]["members"]) == 2

    # A task that is stopped in the generation in which it was started keeps RUNNING: nobody may believe that it runs.
    assert scene.states(0, "orders") == "RUNNING@0 RUNNING@0 UNASSIGNED@1 RUNNING@2"
    assert scene.states(0, "users") == "UNASSIGNED@1 RUNNING@0 RUNNING@1 RUNNING@2"
    for worker in (0, 2):
        assert scene.ask(worker, "POST", "/connectors/users/restart") == (409, NO_LEADER)

    # A follower's departure is a delay too, announced or not.
    scene.at("4m50s")
    assert scene.states(2, "users").startswith("UNASSIGNED@1")
    scene.at("5m15s")
    for worker in (0, 2):
        assert scene.states(worker, "orders") == "RUNNING@0 RUNNING@0 RUNNING@0 RUNNING@2"
        assert scene.states(worker, "users") == "RUNNING@2 RUNNING@0 RUNNING@2 RUNNING@2"
