"""Workers that come and go, and what stays of them."""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect import faults
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.faults import FaultError

SOURCE = simulated_connector("com.example.PlainConnector", "source", "1.0", tasks="tasks_max")


def test_a_worker_is_added() -> None:
    scene = Scene({"a": SOURCE, "b": SOURCE}, workers=2)
    scene.cluster.inject(faults.AddWorker("connect-9", config={"plugin.discovery": "only_scan"}))
    added = scene.cluster.workers["connect-9"]
    assert (added.settings.worker_id, dict(added.settings.config)) == (
        "127.0.0.1:8085",
        {"plugin.discovery": "only_scan"},
    )
    assert scene.cluster.settle()
    assert added.rest is Rest.SERVING
    assert len(scene.cluster.coordinator.member_ids()) == 3
    assert added.node is not None
    assert added.node.worker.tasks, "some work has gone over"


def test_a_worker_of_another_version_is_added() -> None:
    scene = Scene(workers=1)
    scene.cluster.inject(faults.AddWorker("old", kafka_version="3.9.1"))
    assert scene.cluster.settle()
    assert scene.cluster.submit("old", "server_info").result()["version"] == "3.9.1"


@pytest.mark.parametrize("name", ["connect-0", "leader", "kafka", ""])
def test_a_name_that_is_taken(name: str) -> None:
    scene = Scene(workers=1)
    with pytest.raises(FaultError, match="that name is taken"):
        scene.cluster.inject(faults.AddWorker(name))
    assert list(scene.cluster.workers) == ["connect-0"]


@pytest.mark.parametrize("graceful", [True, False])
def test_a_worker_is_removed(graceful: bool) -> None:
    scene = Scene({"a": SOURCE}, scheduled_rebalance_max_delay_ms=60_000)
    fault = scene.cluster.inject(faults.RemoveWorker("connect-2", graceful))
    scene.advance(5_000)
    assert not scene.cluster.faults.is_active(fault)
    assert list(scene.cluster.workers) == ["connect-0", "connect-1"]
    with pytest.raises(FaultError, match="no worker is called 'connect-2'"):
        scene.cluster.inject(faults.Crash("connect-2"))
    scene.advance(90_000)
    assert scene.cluster.settle()
    assert scene.states("a") == "RUNNING RUNNING RUNNING"
    scene.cluster.inject(faults.AddWorker("connect-2"))
    assert scene.cluster.settle()
    assert len(scene.cluster.coordinator.member_ids()) == 3


def test_a_worker_that_was_not_to_go_after_all() -> None:
    scene = Scene()
    fault = scene.cluster.inject(faults.RemoveWorker("connect-2"))
    assert scene.cluster.heal(fault)
    assert scene.cluster.settle()
    assert len(scene.cluster.coordinator.member_ids()) == 3


def test_the_last_worker_stays() -> None:
    scene = Scene(workers=1)
    with pytest.raises(FaultError, match="the last worker cannot be removed"):
        scene.cluster.inject(faults.RemoveWorker("all"))
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-0"
