"""What clients see of each fault over time, as the catalogue of faults (section K of the model) tells it, and its end."""

from __future__ import annotations

from typing import Any

import pytest
from scene import Scene

from mockconnect import faults
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.foreign import CAUSES
from mockconnect.core.network import Break
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Reply

PLAIN = simulated_connector(
    "com.example.PlainConnector",
    "source",
    "1.0",
    tasks="tasks_max",
    writes_topics=["topic-{#}"],
    source_offsets={"partition": [{"name": "task", "template": "{#}"}]},
)
SINK = simulated_connector("com.example.SinkConnector", "sink", "1.0", tasks="tasks_max")
CONFIG = {"connector.class": "com.example.PlainConnector", "tasks.max": "1", "topic": "t"}
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
REFUSED = "IO Error trying to forward REST request: java.net.ConnectException: Connection refused"
NO_LEADER = (
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
)
GARBAGE = (
    "Unexpected character ('<' (code 60)): expected a valid value (JSON String, Number, Array, Object or token 'null',"
    " 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1,"
    " column: 1]"
)
UPSTREAM = (
    "Unrecognized token 'upstream': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or"
    " 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
)
CONFLICT = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"


@pytest.fixture
def scene() -> Scene:
    """``a`` has its connector and task 1 on connect-0, ``b`` its connector on connect-1; connect-0 leads."""
    return Scene({"a": PLAIN, "b": PLAIN})


def begin(scene: Scene, worker: int, operation: str, **args: Any) -> Reply[Any]:
    return scene.cluster.submit(f"connect-{worker}", operation, args)


def create(scene: Scene, worker: int, name: str, **config: str) -> Reply[Any]:
    return begin(scene, worker, "create_connector", name=name, config={**CONFIG, **config})


def made(scene: Scene, worker: int, name: str, **config: str) -> None:
    """A connector that was created; what comes of it is another matter."""
    reply = create(scene, worker, name, **config)
    assert scene.sim.run_until(reply, 10_000)
    assert reply.error is None, reply.error


def who(scene: Scene, name: str, worker: int = 0) -> str:
    """``RUNNING@0 RUNNING@1``: states of the connector and its tasks, and where they are, as that worker shows them."""
    status = scene.ask(worker, "connector_status", name=name)
    rows = (status["connector"], *status["tasks"])
    return " ".join(f"{row['state']}@{int(row['worker_id'].partition(':')[2]) - 8083}" for row in rows)


def error_of(scene: Scene, reply: Reply[Any], max_ms: int = 200_000) -> tuple[int, str | None]:
    assert scene.sim.run_until(reply, max_ms), "no answer"
    assert reply.error is not None, reply.value
    return reply.error.status_code, reply.error.message  # type: ignore[attr-defined]


def offsets(scene: Scene, name: str, worker: int = 0) -> list[int]:
    answer = scene.ask(worker, "connector_offsets", name=name)
    rows = sorted(answer["offsets"], key=lambda row: row["partition"]["task"])
    return [row["offset"]["offset"] for row in rows]


# --- processes ----------------------------------------------------------------------------------------------------------


def test_a_crashed_follower(scene: Scene) -> None:
    """K.1, K.2"""
    before = who(scene, "b")
    assert before == "RUNNING@1 RUNNING@2 RUNNING@0"
    scene.cluster.inject(faults.Crash("connect-1", for_ms=30_000))
    assert scene.error(0, "restart_connector", name="b") == (500, REFUSED)
    scene.advance(20_000)
    assert who(scene, "b") == before, "nobody marks the work of a crashed worker"
    assert scene.error(0, "restart_connector", name="b") == (409, NO_LEADER)
    scene.advance(30_000)
    assert scene.cluster.workers["connect-1"].rest is Rest.SERVING, "it is back"
    assert who(scene, "b", 1) == before
    assert scene.cluster.owner("b") is None, "and runs nothing of what it shows"
    scene.advance(300_000)
    assert scene.cluster.owner("b") is not None
    assert scene.states("b") == "RUNNING RUNNING RUNNING"


def test_a_crashed_leader(scene: Scene) -> None:
    """K.3"""
    scene.cluster.inject(faults.Crash("leader", for_ms=120_000))
    assert error_of(scene, create(scene, 1, "n")) == (500, REFUSED)
    assert scene.ask(1, "list_connectors") == ["a", "b"]
    scene.ask(1, "pause_connector", name="b")
    scene.advance(20_000)
    assert scene.cluster.leader in ("connect-1", "connect-2")
    assert scene.sim.run_until(create(scene, 1, "n"), 20_000)
    scene.advance(5_000)
    assert scene.cluster.owner("a") in ("connect-1", "connect-2"), "its work is not waited for"


def test_a_worker_that_is_stopped_and_comes_back(scene: Scene) -> None:
    """K.4"""
    scene.cluster.inject(faults.Stop("connect-1", for_ms=40_000))
    scene.advance(10_000)
    assert scene.cluster.workers["connect-1"].rest is Rest.REFUSED
    assert who(scene, "b") == "UNASSIGNED@1 RUNNING@2 RUNNING@0"
    scene.advance(40_000)
    assert scene.cluster.workers["connect-1"].rest is Rest.SERVING


def test_start_ends_what_keeps_a_worker_down(scene: Scene) -> None:
    scene.cluster.inject(faults.Stop(("connect-1", "connect-2")))
    scene.advance(1)
    scene.cluster.inject(faults.Start("connect-1"))
    scene.advance(30_000)
    assert scene.cluster.workers["connect-1"].rest is Rest.SERVING, (
        "it was stopping then: it starts when it is down"
    )
    assert [row.workers for row in scene.cluster.faults.active] == [("connect-2",)]
    assert scene.cluster.heal_all() == ["stop-1"]
    assert scene.cluster.settle()
    assert scene.cluster.workers["connect-2"].rest is Rest.SERVING


@pytest.mark.parametrize("graceful", [True, False])
def test_bounce_counts_from_the_end_of_the_process(scene: Scene, graceful: bool) -> None:
    worker = scene.cluster.workers["connect-1"]
    scene.cluster.inject(faults.Bounce("connect-1", down_for_ms=4_000, graceful=graceful))
    assert scene.sim.run_until(lambda: not worker.running, 60_000)
    scene.advance(3_999)
    assert not worker.running
    scene.advance(1)
    assert worker.running
    assert scene.cluster.faults.past[-1].ended == "over"


def test_a_frozen_follower(scene: Scene) -> None:
    """K.53"""
    generation = scene.cluster.generation
    scene.cluster.inject(faults.Freeze("connect-1", for_ms=14_500))
    asked = begin(scene, 1, "server_info")
    restarted = begin(scene, 0, "restart_connector", name="b")
    scene.advance(14_000)
    assert not asked.done
    assert not restarted.done, "a forward to it hangs"
    scene.advance(500)
    assert asked.done
    assert scene.cluster.settle()
    assert scene.cluster.generation == generation + 2


# --- links ----------------------------------------------------------------------------------------------------------------


def test_a_worker_without_kafka(scene: Scene) -> None:
    """K.9"""
    scene.ask(1, "resume_connector", name="b")  # its producer knows the topic from now on
    scene.cluster.inject(faults.Partition("connect-1", "kafka", for_ms=120_000))
    scene.advance(20_000)
    assert scene.cluster.owner("b") is None, "it has stopped its own work"
    assert scene.states("b", 1) == "RUNNING RUNNING RUNNING", "frozen data"
    paused = begin(scene, 1, "pause_connector", name="b")
    health = begin(scene, 1, "health")
    created = create(scene, 1, "n")
    assert error_of(scene, paused, 31_000) == (500, "Error writing target state to Kafka")
    assert health.value["status"] == "unhealthy"
    assert error_of(scene, created, 91_000)[0] == 500
    scene.advance(400_000)
    assert scene.cluster.network.breaks() == []
    assert scene.states("b", 0) == "PAUSED PAUSED PAUSED", "it applied later all the same"


def test_workers_that_cannot_reach_each_other(scene: Scene) -> None:
    """K.11"""
    fault = scene.cluster.inject(faults.Partition("all", "all"))
    assert error_of(scene, create(scene, 1, "n")) == (500, REFUSED)
    for n in range(3):
        assert scene.sim.run_until(create(scene, 0, f"n{n}"), 10_000)
        assert scene.cluster.settle()
    lonely = [f"n{n}" for n in range(3) if scene.cluster.owner(f"n{n}") != "connect-0"]
    assert lonely
    scene.advance(600_000)
    assert [scene.states(name) for name in lonely] == ["RUNNING"] * len(lonely), "and no tasks for ever"
    scene.cluster.heal(fault)
    scene.advance(120_000)
    assert [scene.states(name) for name in lonely] == ["RUNNING RUNNING"] * len(lonely)


def test_a_worker_that_found_no_kafka_is_started_again_with_it(scene: Scene) -> None:
    """Connect ends when it does not find Kafka for a minute after its start."""
    fault = scene.cluster.inject(faults.Isolate("connect-1"))
    scene.cluster.inject(faults.Bounce("connect-1"))
    scene.advance(120_000)
    assert not scene.cluster.workers["connect-1"].running
    scene.cluster.heal(fault)
    assert scene.cluster.settle()
    assert scene.ask(1, "health")["status"] == "healthy"


def test_one_way(scene: Scene) -> None:
    scene.cluster.inject(faults.Partition("connect-0", "connect-1", oneway=True))
    assert scene.error(0, "restart_connector", name="b") == (500, REFUSED)
    assert scene.ask(1, "restart_connector", name="a") is None


def test_an_isolated_worker(scene: Scene) -> None:
    scene.cluster.inject(faults.Isolate("connect-1", for_ms=60_000))
    scene.advance(15_000)
    assert (
        scene.cluster.coordinator.is_member(scene.cluster.workers["connect-1"].node.inside.member_id) is False
    )
    assert scene.ask(1, "list_connectors") == ["a", "b"], "clients reach it"
    assert scene.cluster.settle()


@pytest.mark.parametrize(
    ("kind", "cause", "took_ms"),
    [
        ("dns", "java.net.UnknownHostException: 127.0.0.1", 1),
        ("refused", "java.net.ConnectException: Connection refused", 1),
        ("timeout", "java.net.SocketTimeoutException: Connect Timeout", 15_000),
        ("tls", CAUSES[Break.TLS], 1),
        ("garbage", GARBAGE, 1),
        ("upstream", UPSTREAM, 1),
    ],
)
def test_forwards_that_fail(scene: Scene, kind: Any, cause: str, took_ms: int) -> None:
    """K.12, situations 25 to 28"""
    fault = scene.cluster.inject(faults.ForwardFault(kind=kind))
    began_at_ms = scene.cluster.now_ms
    error = error_of(scene, create(scene, 1, "n"))
    assert error == (500, f"IO Error trying to forward REST request: {cause}")
    assert 0 <= scene.cluster.now_ms - began_at_ms - took_ms < 20
    made(scene, 0, "n")
    scene.cluster.heal(fault)
    assert scene.cluster.settle()
    assert scene.ask(1, "delete_connector", name="n") is None


def test_an_address_of_the_leader_that_leads_to_a_follower(scene: Scene) -> None:
    """K.12"""
    fault = scene.cluster.inject(faults.ForwardFault(kind="stale_leader", instead="connect-2"))
    for worker in (1, 2):
        assert error_of(scene, create(scene, worker, "n")) == (409, CONFLICT)
    scene.cluster.heal(fault)
    made(scene, 1, "n")


def test_a_leader_in_another_environment(scene: Scene) -> None:
    """Situation 27: nobody here can write, and work goes where nobody sees it."""
    scene.cluster.inject(faults.ForeignLeader(for_ms=300_000))
    scene.advance(30_000)
    leader = scene.cluster.leader
    assert leader == "elsewhere-foreign_leader-1"
    for target in ("leader", leader):
        with pytest.raises(faults.FaultError, match=r"another environment|no worker is called"):
            scene.cluster.inject(faults.Crash(target))
    for worker in range(3):
        text = "IO Error trying to forward REST request: java.net.SocketTimeoutException: Connect Timeout"
        assert error_of(scene, create(scene, worker, "n")) == (500, text)
    shown = [scene.ask(0, "connector_status", name=name) for name in "ab"]
    rows = [row for status in shown for row in (status["connector"], *status["tasks"])]
    assert "10.99.0.1:8083" in [row["worker_id"] for row in rows]
    scene.advance(300_000)
    assert scene.cluster.settle()
    assert sorted(scene.cluster.workers) == ["connect-0", "connect-1", "connect-2"]
    made(scene, 1, "n")
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


# --- threads and topics -----------------------------------------------------------------------------------------------------


def test_a_blocked_herder(scene: Scene) -> None:
    """K.15"""
    stage = "generating task configs for connector a"
    scene.cluster.inject(faults.BlockHerder("leader", stage, for_ms=100_000))
    created, health = create(scene, 0, "n"), begin(scene, 0, "health")
    scene.advance(10_100)
    assert health.value["status"] == "unhealthy"
    assert f"The worker is currently {stage}, which began at" in health.value["message"]
    assert scene.ask(0, "list_connectors") == ["a", "b"]
    status_code, message = error_of(scene, created)
    assert (status_code, (message or "")[:71]) == (
        500,
        f"Request timed out. The worker is currently {stage}"[:71],
    )


def test_a_create_that_times_out_and_succeeds() -> None:
    """K.20, situation 18"""
    scene = Scene(workers=1)
    scene.cluster.inject(faults.BlockHerder("leader", for_ms=100_000))
    assert error_of(scene, create(scene, 0, "n", **{"connector.class": FILE_SOURCE}))[0] == 500
    assert scene.ask(0, "list_connectors") == []
    scene.advance(20_000)
    assert scene.ask(0, "list_connectors") == ["n"], "it was created later"
    again = create(scene, 0, "n", **{"connector.class": FILE_SOURCE})
    assert error_of(scene, again) == (409, "Connector n already exists")


def test_a_herder_is_released_early(scene: Scene) -> None:
    fault = scene.cluster.inject(faults.BlockHerder("leader"))
    created = create(scene, 0, "n")
    scene.advance(20_000)
    assert not created.done
    scene.cluster.heal(fault)
    scene.advance(100)
    assert created.done


def test_a_worker_that_lags(scene: Scene) -> None:
    """K.23, situations 12 to 16"""
    scene.cluster.inject(faults.Lag("connect-2", config_ms=2_000, status_ms=9_000, for_ms=60_000))
    scene.ask(0, "pause_connector", name="b")
    scene.advance(1_800)
    assert scene.states("b", 0).startswith("PAUSED")
    assert scene.states("b", 2) == "RUNNING RUNNING RUNNING"
    scene.advance(12_000)
    assert scene.states("b", 2) == "PAUSED PAUSED PAUSED"


def test_a_worker_that_lags_catches_up_at_the_end(scene: Scene) -> None:
    fault = scene.cluster.inject(faults.Lag("connect-2", status_ms=3_600_000))
    scene.ask(0, "pause_connector", name="b")
    scene.advance(100_000)
    assert scene.states("b", 2) == "RUNNING RUNNING RUNNING"
    scene.cluster.heal(fault)
    assert scene.states("b", 2) == "PAUSED PAUSED PAUSED"


def test_a_worker_that_does_not_get_into_the_group(scene: Scene) -> None:
    """Situation 34, K.21"""
    scene.cluster.inject(faults.NotReady("connect-1", for_ms=60_000))
    scene.advance(15_000)
    assert scene.ask(1, "server_info")["version"] == "4.3.1"
    assert scene.ask(1, "list_connectors") == ["a", "b"]
    assert "ensuring membership in the cluster, which began at" in scene.ask(1, "health")["message"]
    asked = begin(scene, 1, "connector_info", name="a")
    scene.advance(20_000)
    assert not asked.done
    assert len(scene.cluster.coordinator.member_ids()) == 2
    scene.advance(20_000)
    assert asked.done
    assert scene.ask(1, "health")["status"] == "healthy"


def test_a_config_topic_that_cannot_be_written(scene: Scene) -> None:
    """K.26"""
    scene.cluster.inject(faults.Unwritable("config", for_ms=60_000))
    error = error_of(scene, create(scene, 0, "n"), 31_000)
    assert error == (500, "Error writing connector configuration to Kafka")
    assert scene.ask(0, "list_connectors") == ["a", "b"]
    scene.advance(60_000)
    assert "n" in scene.ask(0, "list_connectors"), "the outcome was unknown"


def test_statuses_that_cannot_be_written(scene: Scene) -> None:
    """K.40"""
    fault = scene.cluster.inject(faults.Unwritable("status"))
    scene.cluster.inject(faults.FailTask("a", 0))
    scene.advance(60_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"
    scene.cluster.heal(fault)
    scene.advance(100)
    assert scene.states("a") == "RUNNING FAILED RUNNING"


# --- the group ------------------------------------------------------------------------------------------------------------


def test_a_rebalance(scene: Scene) -> None:
    generation = scene.cluster.generation
    scene.cluster.inject(faults.Rebalance())
    assert scene.cluster.settle()
    assert scene.cluster.generation == generation + 1


def test_a_rebalance_that_does_not_end(scene: Scene) -> None:
    """K.14"""
    scene.cluster.inject(faults.HoldRebalance(for_ms=100_000))
    scene.advance(5_000)
    asked = [create(scene, worker, f"n{worker}") for worker in range(3)]
    assert scene.ask(1, "connector_status", name="a")["connector"]["state"] == "RUNNING"
    for reply in asked:
        status_code, message = error_of(scene, reply, 95_000)
        assert status_code == 500
        assert "The worker is currently ensuring membership in the cluster, which began at" in str(message)
    scene.advance(20_000)
    assert scene.cluster.settle()
    made(scene, 1, "n")


def test_the_next_leader_is_elected(scene: Scene) -> None:
    fault = scene.cluster.inject(faults.Elect("connect-2"))
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-2"
    assert not scene.cluster.faults.is_active(fault)
    scene.cluster.inject(faults.Rebalance())
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-2", "a leader stays leader"


def test_whoever_is_asked_for_last_leads(scene: Scene) -> None:
    first = scene.cluster.inject(faults.Elect("connect-2"))
    last = scene.cluster.inject(faults.Elect("connect-1"))
    assert not scene.cluster.faults.is_active(first), "it would wait for ever"
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-1"
    assert not scene.cluster.faults.is_active(last)


def test_an_election_waits_for_the_next_round(scene: Scene) -> None:
    scene.cluster.inject(faults.Elect("connect-1", force=False))
    scene.advance(20_000)
    assert scene.cluster.leader == "connect-0"
    scene.cluster.inject(faults.Rebalance())
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-1"


def test_workers_that_know_no_leader(scene: Scene) -> None:
    """Situation 29"""
    scene.cluster.inject(faults.NoLeader(for_ms=5_000))
    for worker in (1, 2):
        assert error_of(scene, create(scene, worker, "n")) == (409, NO_LEADER)
    made(scene, 0, "n")  # the leader needs no URL
    scene.advance(5_000)
    assert scene.ask(1, "delete_connector", name="n") is None


# --- upgrades -------------------------------------------------------------------------------------------------------------


def plugins_of(scene: Scene, worker: int) -> set[str]:
    return {row["class"] for row in scene.ask(worker, "list_plugins")}


def test_plugins_and_versions_count_from_the_next_start(scene: Scene) -> None:
    """H.2, K.42"""
    added = simulated_connector("com.example.NewConnector", "source", "2.0")
    cluster = scene.cluster
    cluster.faults.ground.plugin_sets["v2"] = (PLAIN, added)
    cluster.inject(faults.SetPlugins("connect-1", "v2"))
    cluster.inject(faults.SetVersion("connect-1", "3.9.0"))
    assert "com.example.NewConnector" not in plugins_of(scene, 1)
    cluster.inject(faults.Bounce("connect-1"))
    assert cluster.settle()
    assert "com.example.NewConnector" in plugins_of(scene, 1)
    assert "com.example.NewConnector" not in plugins_of(scene, 0)
    assert scene.ask(1, "server_info")["version"] == "3.9.0"
    status_code, message = error_of(
        scene, create(scene, 0, "n", **{"connector.class": "com.example.NewConnector"})
    )
    assert (status_code, "Failed to find any class that implements Connector" in str(message)) == (400, True)


def carried_out(scene: Scene, fault: faults.Fault) -> None:
    """Inject it, wait until it is over by itself, and then for peace."""
    fault_id = scene.cluster.inject(fault)
    assert scene.sim.run_until(lambda: not scene.cluster.faults.is_active(fault_id), 3_600_000)
    assert scene.cluster.settle()


def rolled(scene: Scene, **fault: Any) -> tuple[list[str], list[int]]:
    """The order in which workers went down, and how many were up at each moment of it."""
    up: list[int] = []

    def look() -> None:
        up.append(sum(worker.running for worker in scene.cluster.workers.values()))

    before = scene.sim.after_event
    scene.sim.after_event = lambda: (before and before(), look())
    carried_out(scene, faults.RollingUpgrade(**fault))
    scene.sim.after_event = before
    rows = [row.detail for row in scene.sim.trace if row.what == "fault" and row.detail.endswith(" down")]
    return [text.split()[-2] for text in rows], up


def test_a_rolling_upgrade_with_the_leader_last(scene: Scene) -> None:
    new = simulated_connector("com.example.NewConnector", "source", "2.0")
    order, up = rolled(scene, kafka_version="4.2.0", plugins=(PLAIN, new), down_for_ms=8_000)
    assert order == ["connect-1", "connect-2", "connect-0"]
    assert min(up) == 2
    assert scene.cluster.settle()
    assert [scene.ask(n, "server_info")["version"] for n in range(3)] == ["4.2.0"] * 3
    assert all("com.example.NewConnector" in plugins_of(scene, n) for n in range(3))
    assert scene.cluster.faults.past[-1].ended == "done"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("leader_first", ["connect-0", "connect-1", "connect-2"]),
        ("given", ["connect-2", "connect-0"]),
        ("reversed", ["connect-2", "connect-1", "connect-0"]),
    ],
)
def test_orders_of_a_rolling_upgrade(scene: Scene, order: str, expected: list[str]) -> None:
    workers = "all" if len(expected) == 3 else tuple(expected)
    assert rolled(scene, workers=workers, order=order, graceful=False)[0] == expected


def test_a_careless_rolling_upgrade_takes_everybody_down(scene: Scene) -> None:
    _, up = rolled(scene, until="at_once", down_for_ms=1_000, graceful=False)
    assert min(up) == 2
    assert scene.cluster.settle()


def test_a_rolling_upgrade_waits_for_all_work_to_be_assigned(scene: Scene) -> None:
    """K.5: the delay of 300 s is what it waits for."""
    began_at_ms = scene.cluster.now_ms
    rolled(scene, until="assigned", timeout_ms=600_000)
    assert scene.cluster.now_ms - began_at_ms > 500_000
    assert scene.cluster.settle()
    assert scene.states("a") == scene.states("b") == "RUNNING RUNNING RUNNING"


def test_a_rolling_upgrade_that_is_called_off(scene: Scene) -> None:
    fault = scene.cluster.inject(faults.RollingUpgrade(down_for_ms=20_000, kafka_version="4.2.0"))
    scene.advance(15_000)
    assert not scene.cluster.workers["connect-1"].running
    scene.cluster.heal(fault)
    scene.advance(600_000)
    versions = [scene.ask(n, "server_info")["version"] for n in range(3)]
    assert versions == ["4.3.1", "4.2.0", "4.3.1"]


# --- what somebody else does ------------------------------------------------------------------------------------------------


def test_somebody_creates_stops_and_deletes_a_connector(scene: Scene) -> None:
    carried_out(scene, faults.CreateConnector("n", CONFIG, "PAUSED"))
    assert scene.states("n") == "PAUSED", "it has no tasks before it has run"
    carried_out(scene, faults.SetState("n", "RUNNING"))
    assert scene.states("n") == "RUNNING RUNNING"
    carried_out(scene, faults.SetState("n", "STOPPED"))
    assert scene.states("n") == "STOPPED"
    carried_out(scene, faults.DeleteConnector("n"))
    assert "n" not in scene.ask(0, "list_connectors")
    assert [row.ended for row in scene.cluster.faults.past] == ["done"] * 4


def test_somebody_is_patient_but_not_stubborn(scene: Scene) -> None:
    cluster = scene.cluster
    cluster.inject(faults.NoLeader(for_ms=10_000))
    patient = cluster.inject(faults.CreateConnector("n", CONFIG, worker="connect-1"))
    again = cluster.inject(faults.CreateConnector("a", CONFIG, worker="leader"))
    scene.advance(5_000)
    assert cluster.faults.is_active(patient)
    assert not cluster.faults.is_active(again)
    scene.advance(20_000)
    ends = {row.id: row.ended for row in cluster.faults.past}
    assert ends[patient] == "done"
    assert ends[again] == "refused: 409 Connector a already exists"


# --- code that fails --------------------------------------------------------------------------------------------------------


def test_a_task_fails_now_and_stays_failed(scene: Scene) -> None:
    """K.31"""
    scene.cluster.inject(faults.FailTask("a", 0, message="disk full"))
    scene.advance(100)
    assert scene.states("a") == "RUNNING FAILED RUNNING"
    assert "disk full" in scene.trace("a", 0)
    assert scene.cluster.faults.active == []
    assert scene.ask(0, "restart_connector", name="a") is None
    scene.advance(60_000)
    assert scene.states("a") == "RUNNING FAILED RUNNING", "a plain restart does not touch tasks (K.36)"
    scene.ask(0, "restart_connector", name="a", include_tasks=True, only_failed=True)
    scene.advance(1_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


def test_a_task_fails_several_times(scene: Scene) -> None:
    """K.33"""
    fault = scene.cluster.inject(faults.FailTask("a", 0, times=3))
    for left in (2, 1, 0):
        scene.advance(2_000)
        assert scene.states("a") == "RUNNING FAILED RUNNING"
        assert scene.cluster.faults.is_active(fault) is (left > 0)
        scene.ask(0, "restart_task", name="a", task=0)
    scene.advance(2_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


def test_all_tasks_fail(scene: Scene) -> None:
    """K.34"""
    scene.cluster.inject(faults.FailTask("a"))
    scene.advance(100)
    assert scene.states("a") == "RUNNING FAILED FAILED"
    assert scene.states("b") == "RUNNING RUNNING RUNNING"


def test_a_task_fails_on_start(scene: Scene) -> None:
    fault = scene.cluster.inject(faults.FailTask("n", at="start", times=None, trace="java.lang.Boom\n\tat A"))
    made(scene, 0, "n")
    assert scene.cluster.settle()
    assert scene.states("n") == "RUNNING FAILED"
    assert scene.trace("n", 0) == "java.lang.Boom\n\tat A"
    scene.ask(0, "restart_task", name="n", task=0)
    assert scene.cluster.settle()
    assert scene.states("n") == "RUNNING FAILED"
    scene.cluster.heal(fault)
    scene.ask(0, "restart_task", name="n", task=0)
    assert scene.cluster.settle()
    assert scene.states("n") == "RUNNING RUNNING"


def test_a_task_fails_after_so_many_records(scene: Scene) -> None:
    scene.cluster.inject(faults.FailTask("n", at="running", after_records=100, times=2))
    made(scene, 0, "n", **{"tasks.max": "2"})
    scene.advance(9_000)
    assert scene.states("n") == "RUNNING RUNNING RUNNING"
    scene.advance(2_000)
    assert scene.states("n") == "RUNNING FAILED FAILED"


def test_a_connector_fails_now(scene: Scene) -> None:
    """K.35, K.36: tasks run on, resume is no cure, restart is."""
    scene.cluster.inject(faults.FailConnector("a", message="no such table"))
    scene.advance(100)
    assert scene.states("a") == "FAILED RUNNING RUNNING"
    assert "no such table" in scene.trace("a")
    scene.ask(0, "resume_connector", name="a")
    scene.advance(60_000)
    assert scene.states("a") == "FAILED RUNNING RUNNING"
    scene.ask(0, "restart_connector", name="a")
    scene.advance(1_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


@pytest.mark.parametrize("at", ["instantiate", "start"])
def test_a_connector_fails_on_its_way_up(scene: Scene, at: Any) -> None:
    """Situation 41"""
    scene.cluster.inject(
        faults.FailConnector(connector_class="*.PlainConnector", at=at, message="boom", times=1)
    )
    made(scene, 0, "n")
    assert scene.cluster.settle()
    if at == "start":
        assert scene.states("n") == "FAILED"
        assert "boom" in scene.trace("n")
    scene.ask(0, "restart_connector", name="n") if at == "start" else None
    assert scene.cluster.settle()


def test_a_connector_fails_to_validate(scene: Scene) -> None:
    scene.cluster.inject(faults.FailConnector("n", at="validate", message="database is down"))
    status_code, message = error_of(scene, create(scene, 0, "n"))
    assert (status_code, "database is down" in str(message)) == (500, True)
    assert scene.cluster.settle()
    made(scene, 0, "n")


def test_a_connector_without_task_configs(scene: Scene) -> None:
    """Situation 42: RUNNING with no tasks, until the retry succeeds."""
    scene.cluster.inject(faults.FailConnector("n", at="task_configs", times=None, for_ms=60_000))
    made(scene, 0, "n")
    scene.advance(30_000)
    assert scene.states("n") == "RUNNING"
    scene.advance(120_000)
    assert scene.states("n") == "RUNNING RUNNING"


# --- code that takes its time -------------------------------------------------------------------------------------------------


def test_a_connector_that_hangs_in_start(scene: Scene) -> None:
    """K.16"""
    fault = scene.cluster.inject(faults.Slow("start", connector="n"))
    made(scene, 0, "n")
    assert scene.cluster.settle()
    assert scene.error(0, "connector_status", name="n") == (404, "No status found for connector n")
    assert scene.ask(0, "task_configs", name="n") == []
    scene.advance(600_000)
    assert scene.error(0, "connector_status", name="n")[0] == 404
    scene.cluster.heal(fault)
    assert scene.cluster.settle()
    assert scene.states("n") == "RUNNING RUNNING"


def test_a_task_that_hangs_in_start(scene: Scene) -> None:
    """K.17"""
    scene.cluster.inject(faults.Slow("task_start", connector="n", for_ms=120_000))
    made(scene, 0, "n")
    assert scene.cluster.settle()
    assert len(scene.ask(0, "task_configs", name="n")) == 1
    assert scene.states("n") == "RUNNING"
    scene.advance(120_000)
    assert scene.states("n") == "RUNNING RUNNING"


def test_slow_task_configs_stall_the_owner(scene: Scene) -> None:
    """K.15"""
    scene.cluster.inject(faults.Slow("task_configs", 25_000, connector="n"))
    made(scene, 0, "n")
    assert scene.sim.run_until(lambda: scene.cluster.owner("n") is not None, 20_000)
    scene.advance(5_000)
    owner = int(str(scene.cluster.owner("n"))[-1])
    health = scene.ask(owner, "health")
    assert health["status"] == "unhealthy"
    assert "generating task configs for connector n" in health["message"]


def test_slow_validation(scene: Scene) -> None:
    """K.19"""
    scene.cluster.inject(faults.Slow("validate", 100_000, connector="n", for_ms=400_000))
    status_code, message = error_of(scene, create(scene, 0, "n"), 91_000)
    assert status_code == 500
    assert "performing multi-property validation for the connector, which began at" in str(message)
    assert scene.ask(0, "connector_info", name="a")["name"] == "a", "nothing else is affected"
    scene.advance(20_000)
    assert "n" in scene.ask(0, "list_connectors"), "the create happened later"


def test_zombies_of_a_sink() -> None:
    """K.18, K.48, situation 51"""
    scene = Scene({"s": SINK})
    fault = scene.cluster.inject(faults.Zombie("s"))
    scene.ask(0, "stop_connector", name="s")
    scene.advance(10_000)
    assert scene.states("s") == "STOPPED", "the old tasks are given up"
    status_code, message = scene.error(0, "reset_offsets", name="s")
    assert (status_code, "get rid of the zombie sink tasks" in str(message)) == (500, True)
    scene.cluster.heal(fault)
    scene.advance(1_000)
    assert "message" in scene.ask(0, "reset_offsets", name="s")


# --- offsets, topics, statuses ------------------------------------------------------------------------------------------------


def test_tasks_that_run_and_get_nowhere(scene: Scene) -> None:
    """K.32, situation 43"""
    scene.advance(130_000)
    scene.cluster.inject(faults.Stick("a", 0, for_ms=600_000))
    scene.advance(60_000)
    first, second = offsets(scene, "a")
    scene.advance(300_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"
    assert offsets(scene, "a")[0] == first
    assert offsets(scene, "a")[1] > second + 2_000
    scene.advance(600_000)
    assert offsets(scene, "a")[0] > first + 2_000


def test_tasks_that_start_meanwhile_are_stuck_too(scene: Scene) -> None:
    scene.cluster.inject(faults.Stick("n"))
    made(scene, 0, "n")
    scene.advance(300_000)
    assert scene.ask(0, "connector_offsets", name="n") == {"offsets": []}
    scene.cluster.heal_all()
    scene.advance(120_000)
    assert offsets(scene, "n")[0] > 500


def test_offsets_advance(scene: Scene) -> None:
    scene.advance(61_000)
    before = offsets(scene, "a")
    scene.cluster.inject(faults.AdvanceOffsets("a", 1_000, task=1))
    assert offsets(scene, "a") == [before[0], before[1] + 1_000]
    scene.ask(0, "restart_task", name="a", task=1)
    scene.advance(130_000)
    assert offsets(scene, "a")[1] > before[1] + 1_500, "it goes on from there"


def test_active_topics(scene: Scene) -> None:
    scene.advance(5_000)
    assert scene.ask(1, "connector_topics", name="a") == {"a": {"topics": ["topic-0"]}}
    scene.cluster.inject(faults.SetTopics("a", ("x", "topic-0")))
    scene.advance(100)
    assert sorted(scene.ask(1, "connector_topics", name="a")["a"]["topics"]) == ["topic-0", "x"]


def test_a_stale_status(scene: Scene) -> None:
    """K.39, situation 38: the filter of 3.6 keeps an UNASSIGNED of the same generation away, so it must be newer."""
    scene.cluster.inject(faults.WriteStatus("a", "UNASSIGNED", worker="connect-2", for_ms=60_000))
    scene.advance(100)
    assert who(scene, "a", 1).startswith("UNASSIGNED@2")
    scene.advance(60_000)
    assert scene.states("a", 1) == "RUNNING RUNNING RUNNING"


def test_a_status_of_nobody(scene: Scene) -> None:
    """Situation 39"""
    scene.cluster.inject(faults.WriteStatus("a", "FAILED", 1, "10.0.0.9:8083", trace="boom"))
    scene.advance(100)
    row = scene.ask(0, "connector_status", name="a")["tasks"][1]
    assert (row["state"], row["worker_id"], row["trace"]) == ("FAILED", "10.0.0.9:8083", "boom")
    scene.ask(0, "restart_task", name="a", task=1)
    scene.advance(1_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING"
    scene.cluster.heal_all()
    scene.advance(100)
    assert scene.states("a") == "RUNNING RUNNING RUNNING", "what was written since stays"


def test_nobody_writes_nonsense(scene: Scene) -> None:
    for fault in (
        faults.WriteStatus("a", "BROKEN"),  # type: ignore[arg-type]
        faults.Slow("poll"),  # type: ignore[arg-type]
        faults.Partition("one", how="bent"),  # type: ignore[arg-type]
        faults.ForwardFault(kind="slow"),  # type: ignore[arg-type]
        faults.SetState("a", "FAILED"),  # type: ignore[arg-type]
        faults.Unwritable("offsets"),  # type: ignore[arg-type]
        faults.SetVersion("one", "4.x"),
        faults.SetPlugins("one", "v9"),
        faults.RollingUpgrade(until="tomorrow"),
        faults.FailConnector("z*"),
        faults.AdvanceOffsets("z", 1),
    ):
        with pytest.raises(faults.FaultError):
            scene.cluster.inject(fault)
    assert scene.cluster.faults.active == []
    assert scene.cluster.network.breaks() == []


def test_plugins_are_values() -> None:
    assert isinstance(PLAIN, PluginDesc)
