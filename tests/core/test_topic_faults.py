"""Records that wait, topics that were cleaned, commits that never came, and stages that tell of it."""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect import faults
from mockconnect.core.declared import simulated_connector
from mockconnect.core.errors import ConnectError
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.status_store import record_bytes
from mockconnect.core.terms import State, Status
from mockconnect.core.versions import KafkaVersion

SOURCE = simulated_connector("com.example.PlainConnector", "source", "1.0", tasks="tasks_max")

CONFIG = {"connector.class": SOURCE.class_name}


def test_statuses_of_one_connector_wait() -> None:
    scene = Scene({"a": SOURCE, "b": SOURCE})
    held = scene.cluster.inject(faults.HoldStatus("a"))
    for name in ("a", "b"):
        scene.cluster.inject(faults.FailTask(name, 0))
    scene.advance(10_000)
    assert (scene.states("a"), scene.states("b")) == ("RUNNING RUNNING RUNNING", "RUNNING FAILED RUNNING")
    scene.cluster.heal(held)
    scene.advance(100)
    assert scene.states("a") == "RUNNING FAILED RUNNING"


def test_statuses_of_one_task_wait_and_come_in_order() -> None:
    scene = Scene({"a": SOURCE})
    held = scene.cluster.inject(faults.HoldStatus("a", 0))
    for task in (0, 1):
        scene.cluster.inject(faults.FailTask("a", task))
    scene.ask(0, "restart_task", name="a", task=0)
    scene.advance(5_000)
    assert scene.states("a") == "RUNNING RUNNING FAILED"
    scene.cluster.heal(held)
    scene.advance(100)
    assert scene.states("a") == "RUNNING RUNNING FAILED", "it has failed, and runs again"


def test_a_flush_waits_for_what_is_held() -> None:
    scene = Scene({"a": SOURCE}, workers=1)
    held = scene.cluster.inject(faults.HoldStatus("a"))
    created = scene.cluster.submit("connect-0", "create_connector", {"name": "b", "config": {**CONFIG}})
    scene.advance(1_000)
    assert created.done
    deleted = scene.cluster.submit("connect-0", "delete_connector", {"name": "a"})
    scene.advance(5_000)
    assert deleted.done
    health = scene.cluster.submit("connect-0", "health")
    scene.advance(11_000)
    assert "currently flushing updates to the status topic" in health.result()["message"]
    scene.cluster.heal(held)
    assert scene.cluster.settle()


def test_half_a_commit_and_compaction() -> None:
    """K.28: who starts from the compacted topic knows no tasks of it."""
    scene = Scene({"a": SOURCE}, scheduled_rebalance_max_delay_ms=0)
    scene.sim.after_event = None  # a worker whose configs are not the log is what happens here
    owner = scene.cluster.owner("a")
    if owner == scene.cluster.leader:
        other = next(name for name in scene.cluster.workers if name != owner)
        scene.cluster.inject(faults.Elect(other))
        assert scene.cluster.settle()
    leader = scene.cluster.leader
    assert leader is not None
    scene.cluster.inject(faults.DieBeforeCommit("a", down_for_ms=1_000))
    config = {**CONFIG, "tasks.max": "4"}
    scene.cluster.submit(leader, "put_connector_config", {"name": "a", "config": config})
    assert scene.sim.run_until(lambda: not scene.cluster.workers[leader].running, 60_000)
    others = [name for name in scene.cluster.workers if name != leader]
    scene.cluster.submit(others[0], "pause_connector", {"name": "a"})
    scene.advance(100)
    scene.cluster.inject(faults.Compact())
    assert scene.cluster.settle()
    shown = {
        name: len(scene.cluster.submit(name, "connector_info", {"name": "a"}).result()["tasks"])
        for name in scene.cluster.workers
    }
    assert shown == {leader: 0, others[0]: 2, others[1]: 2}


def test_a_half_commit_that_was_healed_before() -> None:
    scene = Scene({"a": SOURCE})
    fault = scene.cluster.inject(faults.DieBeforeCommit())
    scene.cluster.heal(fault)
    scene.ask(0, "put_connector_config", name="a", config={**CONFIG, "tasks.max": "3"})
    scene.advance(10_000)
    assert all(worker.running for worker in scene.cluster.workers.values())
    assert scene.states("a") == "RUNNING RUNNING RUNNING RUNNING"


def test_a_status_that_is_too_large_is_never_written() -> None:
    """K.41"""
    scene = Scene({"a": SOURCE})
    scene.sim.after_event = None  # a status that does not tell the truth is what happens here
    scene.cluster.inject(faults.FailTask("a", 0, trace_bytes=1_100_000))
    scene.cluster.inject(faults.FailTask("a", 1, trace_bytes=900_000))
    scene.advance(10_000)
    assert scene.states("a") == "RUNNING RUNNING FAILED"
    assert 900_000 <= len(scene.trace("a", 1)) < 901_000
    assert "are too many for one request" in "\n".join(map(str, scene.sim.trace.tail(40)))


def test_how_large_a_status_is() -> None:
    status = Status(State.FAILED, "127.0.0.1:8083", 3, "\tat x\n" * 1_000)
    assert 8_000 < record_bytes(status) < 8_500, "tabs and line feeds are written as two characters"


@pytest.mark.parametrize(
    ("version", "stage"),
    [
        ("3.8.1", "reading to the end of internal topics"),
        ("3.9.1", "initializing and reading to the end of internal topics"),
    ],
)
def test_the_first_stage(version: str, stage: str) -> None:
    scene = Scene(workers=1, settings={"version": KafkaVersion.parse(version)}, rest_request_timeout_ms=3_000)
    worker = scene.cluster.workers["connect-0"]
    worker.crash()
    worker.start()
    scene.advance(5_200)
    scene.cluster.partition_from_kafka("connect-0")
    scene.advance(1_000)
    with pytest.raises(ConnectError, match=f"The worker is currently {stage}, which began at"):
        scene.ask(0, "task_configs", name="a")


def test_what_was_done_last_is_told() -> None:
    """As real workers tell it: the offsets are read by nobody's stage, and the turn before has ended."""
    scene = Scene({"a": SOURCE}, workers=1)
    scene.cluster.partition_from_kafka("connect-0")
    with pytest.raises(ConnectError) as refused:
        scene.ask(0, "connector_offsets", name="a")
    text = "The last operation the worker completed was ensuring membership in the cluster, which began at"
    assert text in str(refused.value.message)


def test_worker_properties_of_signatures() -> None:
    settings = WorkerSettings(
        "w", config=(("inter.worker.verification.algorithms", "HmacSHA512, HmacSHA256"),)
    )
    assert settings.verification_algorithms == ("HmacSHA512", "HmacSHA256")
    assert settings.signature_algorithm == "HmacSHA256"
    assert settings.request_bytes_max == 1_048_576
