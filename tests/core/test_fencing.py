"""Exactly-once sources: tasks that the leader must let start, and leaders that others have replaced."""

from __future__ import annotations

from scene import Scene

from mockconnect.core.declared import simulated_connector
from mockconnect.core.network import Break
from mockconnect.core.terms import ConnectorTaskId

PLAIN = simulated_connector("com.example.Plain", "source")
ENABLED = {"exactly_once_source_support": "enabled"}


def owned(scene: Scene, worker: str) -> ConnectorTaskId:
    """A task of that worker."""
    return next(
        ConnectorTaskId.of("a", task) for task in range(2) if scene.cluster.owner("a", task) == worker
    )


def test_a_task_whose_leader_cannot_be_asked_fails_with_what_the_request_met() -> None:
    scene = Scene({"a": PLAIN}, settings=ENABLED, workers=2)
    task = owned(scene, "connect-1")
    scene.cluster.partition_workers("connect-1", "connect-0", Break.REFUSED)
    scene.ask(1, "restart_task", name="a", task=task.task)
    scene.sim.run_until(scene.cluster.now_ms + 5_000)
    status = scene.ask(1, "task_status", name="a", task=task.task)
    assert status["state"] == "FAILED"
    assert str(status["trace"]).startswith(
        "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException: IO Error trying to forward REST request:"
        " java.net.ConnectException: Connection refused"
    )
    scene.cluster.heal_workers("connect-1", "connect-0")
    scene.ask(1, "restart_task", name="a", task=task.task)
    scene.sim.run_until(scene.cluster.now_ms + 5_000)
    assert scene.ask(1, "task_status", name="a", task=task.task)["state"] == "RUNNING"


def test_a_leader_that_was_replaced_while_it_slept_may_not_write() -> None:
    # The broker refuses the write sooner than it tells the member that it is none any more.
    scene = Scene({"a": PLAIN, "b": PLAIN, "c": PLAIN}, settings=ENABLED, workers=2, kafka_latency_ms=50)
    scene.cluster.workers["connect-0"].freeze()
    scene.sim.run_until(scene.cluster.now_ms + 15_000)
    assert scene.cluster.leader == "connect-1"
    scene.ask(1, "stop_connector", name="a")
    late = [scene.cluster.submit("connect-0", "stop_connector", {"name": name}) for name in "abc"]
    scene.cluster.workers["connect-0"].thaw()
    assert all(scene.sim.run_until(reply, 60_000) for reply in late)
    assert [str(reply.error) for reply in late] == [
        "500 Failed to write to config topic; this may be due to a transient error and the request can be safely retried",
        *["500 Cannot produce to config topic without claiming write privileges first"] * 2,
    ]
    assert scene.cluster.settle()
    scene.ask(0, "stop_connector", name="b")


def test_a_transaction_that_kafka_does_not_take_is_given_up_after_a_minute() -> None:
    scene = Scene({"a": PLAIN}, settings=ENABLED, workers=1)
    scene.cluster.partition_from_kafka("connect-0", Break.DROPPED)
    began_ms = scene.cluster.now_ms
    status_code, text = scene.error(0, "stop_connector", name="a")
    assert (status_code, scene.cluster.now_ms - began_ms) == (500, 60_000)
    assert (text or "").startswith("Failed to write to config topic; this may be due to a transient error")
    scene.cluster.heal_kafka("connect-0")
    assert scene.cluster.settle()
    assert scene.ask(0, "connector_status", name="a")["connector"]["state"] == "RUNNING"


def test_a_seeded_cluster_has_a_session_key_so_that_its_first_tasks_start_everywhere() -> None:
    scene = Scene({"a": PLAIN, "b": PLAIN}, settings=ENABLED, workers=3)
    states = [scene.ask(0, "task_status", name=name, task=task)["state"] for name in "ab" for task in (0, 1)]
    assert states == ["RUNNING"] * 4
