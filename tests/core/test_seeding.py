"""A cluster that has a past: its topics say what was, its workers go on with it, and nothing is written about that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.declared import simulated_connector
from mockconnect.core.invariants import watch
from mockconnect.core.past import LoggerLevel
from mockconnect.core.seeding import SeedConnector, SeedStatus
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.terms import State, TargetState
from mockconnect.core.versions import KafkaVersion

SOURCE = "com.example.PlainConnector"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
PLUGINS = (simulated_connector(SOURCE, "source", "1.0"), *apache_plugins())
RUNNING, PAUSED, FAILED = State.RUNNING, State.PAUSED, State.FAILED


def cluster_of(
    *connectors: SeedConnector, workers: int = 3, settle: bool = True, version: str = "4.3.1", **options: Any
) -> Cluster:
    machines = tuple(
        WorkerSettings(f"w{n}", host=f"h{n}", version=KafkaVersion.parse(version)) for n in range(workers)
    )
    cluster = Cluster(ClusterOptions(machines, PLUGINS, connectors=connectors, **options))
    watch(cluster)
    cluster.start()
    assert not settle or cluster.settle()
    return cluster


def source(name: str = "c", tasks: int = 2, **more: Any) -> SeedConnector:
    return SeedConnector(name, {"connector.class": SOURCE, "tasks.max": str(tasks)}, **more)


def ask(cluster: Cluster, operation: str, worker: str = "w0", **args: Any) -> Any:
    reply = cluster.submit(worker, operation, args)
    assert cluster.sim.run_until(reply, 400_000)
    return reply.result()


def shown(cluster: Cluster, name: str = "c") -> list[str]:
    status = ask(cluster, "connector_status", name=name)
    return [f"{one['state']}@{one['worker_id']}" for one in (status["connector"], *status["tasks"])]


def written(cluster: Cluster) -> list[str]:
    """Statuses that instances have reported since the beginning."""
    return [row.detail for row in cluster.sim.trace.tail(1000) if row.what in ("connector", "task")]


# --- statuses ----------------------------------------------------------------------------------------------------------


def test_what_was_goes_on_where_it_was_and_nothing_is_written() -> None:
    cluster = cluster_of(
        source(
            status=SeedStatus(RUNNING, "h2:8083"),
            task_statuses={0: SeedStatus(FAILED, "h1:8083", "no\n"), 1: SeedStatus(RUNNING, "w1")},
        )
    )
    assert shown(cluster) == ["RUNNING@h2:8083", "FAILED@h1:8083", "RUNNING@h1:8083"]
    assert ask(cluster, "task_status", name="c", task=0)["trace"] == "no\n"
    assert [cluster.owner("c"), cluster.owner("c", 0), cluster.owner("c", 1)] == ["w2", "w1", "w1"]
    assert written(cluster) == []


def test_a_failed_task_starts_again_where_it_failed() -> None:
    cluster = cluster_of(
        source(
            status=SeedStatus(RUNNING),
            task_statuses={0: SeedStatus(RUNNING), 1: SeedStatus(FAILED, "w2", "no")},
        )
    )
    ask(cluster, "restart_task", name="c", task=1)
    assert cluster.settle()
    assert shown(cluster)[2] == "RUNNING@h2:8083"
    assert written(cluster) == ["c-1 RUNNING"]


def test_a_status_without_a_worker_is_dealt_to_whoever_has_least() -> None:
    statuses = {n: SeedStatus(RUNNING) for n in range(5)}
    cluster = cluster_of(source(tasks=5, status=SeedStatus(RUNNING), task_statuses=statuses))
    owners = [cluster.owner("c", n) for n in range(5)]
    assert owners == ["w0", "w1", "w2", "w0", "w1"]


def test_what_is_not_balanced_stays_until_the_group_has_a_reason() -> None:
    statuses = {n: SeedStatus(RUNNING, "w0") for n in range(6)}
    cluster = cluster_of(source(tasks=6, status=SeedStatus(RUNNING, "w0"), task_statuses=statuses))
    assert {cluster.owner("c", n) for n in range(6)} == {"w0"}
    config = {"connector.class": SOURCE, "tasks.max": "1", "name": "new"}
    ask(cluster, "put_connector_config", name="new", config=config)
    assert cluster.settle()
    assert {cluster.owner("c", n) for n in range(6)} == {"w0", "w1", "w2"}


@pytest.mark.parametrize(
    "status",
    [
        SeedStatus(State.UNASSIGNED, "h1:8083"),
        SeedStatus(RUNNING, "gone:8083"),
        SeedStatus(State.UNASSIGNED, "gone:1"),
    ],
)
@pytest.mark.parametrize("version", ["4.3.1", "3.2.3"])
def test_what_nobody_runs_waits_for_the_scheduled_delay(status: SeedStatus, version: str) -> None:
    tasks = {0: SeedStatus(RUNNING, "w0"), 1: status}
    cluster = cluster_of(source(status=SeedStatus(RUNNING, "w0"), task_statuses=tasks), version=version)
    before = shown(cluster)
    assert before[2] == f"{status.state.value}@{status.worker}"
    assert cluster.owner("c", 1) is None
    cluster.sim.run_until(cluster.now_ms + 250_000)
    assert shown(cluster) == before
    cluster.sim.run_until(cluster.now_ms + 60_000)
    assert cluster.settle()
    assert shown(cluster)[2].startswith("RUNNING@h")
    assert cluster.owner("c", 1) is not None


def test_a_connector_without_a_status_starts() -> None:
    cluster = cluster_of(source("a", status=SeedStatus(RUNNING, "w1"), task_statuses={0: SeedStatus(FAILED, "w1", "x")}), source("b"))  # fmt: skip
    assert [line.split("@")[0] for line in shown(cluster, "b")] == ["RUNNING"] * 3
    assert [line.split("@")[0] for line in shown(cluster, "a")] == ["RUNNING", "FAILED", "RUNNING"]
    assert sorted(written(cluster)) == ["a-1 RUNNING", "b RUNNING", "b-0 RUNNING", "b-1 RUNNING"]


@pytest.mark.parametrize(
    ("target", "was", "then"),
    [
        (TargetState.PAUSED, RUNNING, "PAUSED"),
        (TargetState.STARTED, PAUSED, "RUNNING"),
        (TargetState.STARTED, State.RESTARTING, "RUNNING"),
        (TargetState.PAUSED, PAUSED, "PAUSED"),
    ],
)
def test_what_was_on_its_way_arrives(target: TargetState, was: State, then: str) -> None:
    statuses = {n: SeedStatus(was, "w1") for n in range(2)}
    cluster = cluster_of(source(target=target, status=SeedStatus(was, "w2"), task_statuses=statuses))
    assert shown(cluster) == [f"{then}@h2:8083", f"{then}@h1:8083", f"{then}@h1:8083"]


def test_a_stopped_connector_has_no_tasks_and_resumes() -> None:
    cluster = cluster_of(
        source(target=TargetState.STOPPED, status=SeedStatus(State.STOPPED), task_configs=())
    )
    assert shown(cluster) == ["STOPPED@h0:8083"]
    ask(cluster, "resume_connector", name="c")
    assert cluster.settle()
    assert [line.split("@")[0] for line in shown(cluster)] == ["RUNNING"] * 3


def test_a_class_that_no_worker_has() -> None:
    gone = SeedConnector(
        "c",
        {"connector.class": "com.gone.Source"},
        status=SeedStatus(FAILED, "w1", "no class"),
        task_statuses={0: SeedStatus(FAILED, "w2", "no class")},
        task_configs=({"a": "b"},),
        offsets=(({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": 7}),),
    )
    cluster = cluster_of(gone)
    assert shown(cluster) == ["FAILED@h1:8083", "FAILED@h2:8083"]
    assert ask(cluster, "connector_status", name="c")["type"] == "unknown"
    ask(cluster, "delete_connector", name="c")
    assert cluster.settle()


def test_versions_of_statuses() -> None:
    cluster = cluster_of(
        source(
            tasks=3,
            status=SeedStatus(RUNNING),
            task_statuses={
                0: SeedStatus(RUNNING, version="0.9"),
                1: SeedStatus(FAILED, trace="x", version=None),
                2: SeedStatus(RUNNING, version="undefined"),
            },
        )
    )
    status = ask(cluster, "connector_status", name="c")
    assert status["connector"]["version"] == "1.0"
    assert [task.get("version", "-") for task in status["tasks"]] == ["0.9", None, "-"]


# --- the rest of the past ----------------------------------------------------------------------------------------------


def test_task_configs_are_those_that_were_and_come_again() -> None:
    configs = ({"task": "one"}, {"task": "two"}, {"task": "three"})
    statuses = {n: SeedStatus(RUNNING) for n in range(3)}
    cluster = cluster_of(source(status=SeedStatus(RUNNING), task_statuses=statuses, task_configs=configs))
    assert [row["config"] for row in ask(cluster, "task_configs", name="c")] == [dict(one) for one in configs]
    ask(cluster, "restart_connector", name="c")
    assert cluster.settle()
    assert [row["config"] for row in ask(cluster, "task_configs", name="c")] == [dict(one) for one in configs]
    assert written(cluster) == ["c UNASSIGNED", "c RUNNING"]
    config = {"connector.class": SOURCE, "tasks.max": "1", "name": "c"}
    ask(cluster, "put_connector_config", name="c", config=config)
    assert cluster.settle()
    assert len(ask(cluster, "task_configs", name="c")) == 1


def test_offsets_and_topics_go_on_from_where_they_were() -> None:
    sink = SeedConnector(
        "s",
        {"connector.class": SINK, "topics": "t,u", "tasks.max": "1"},
        status=SeedStatus(RUNNING),
        task_statuses={0: SeedStatus(RUNNING)},
        offsets=(({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": 700}),),
        topics=("t",),
    )
    cluster = cluster_of(sink)
    assert ask(cluster, "connector_offsets", name="s") == {
        "offsets": [
            {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": 700}}
        ]
    }
    assert ask(cluster, "connector_topics", name="s") == {"s": {"topics": ["t"]}}
    cluster.sim.run_until(cluster.now_ms + 70_000)
    first = ask(cluster, "connector_offsets", name="s")["offsets"][0]
    assert first["offset"]["kafka_offset"] > 700


def test_loggers_have_the_levels_that_were_set() -> None:
    levels = {"w1": {"root": LoggerLevel("WARN"), "org.apache.kafka.connect": LoggerLevel("DEBUG", -5)}}
    cluster = cluster_of(loggers=levels)
    assert ask(cluster, "get_logger", "w0", name="root")["level"] == "INFO"
    assert ask(cluster, "get_logger", "w1", name="root") == {"level": "WARN", "last_modified": None}
    found = ask(cluster, "get_logger", "w1", name="org.apache.kafka.connect")
    assert found == {"level": "DEBUG", "last_modified": cluster.options.epoch_ms - 5}


def test_the_leader_is_the_one_that_was() -> None:
    assert [cluster_of(leader=name).leader for name in ("w2", "w1", "")] == ["w2", "w1", "w0"]


def test_a_worker_that_comes_back_has_no_past() -> None:
    statuses = {0: SeedStatus(FAILED, "w1", "no"), 1: SeedStatus(RUNNING, "w1")}
    cluster = cluster_of(source(status=SeedStatus(RUNNING, "w1"), task_statuses=statuses))
    cluster.workers["w1"].crash()
    cluster.sim.run_until(cluster.now_ms + 20_000)
    cluster.workers["w1"].start()
    cluster.sim.run_until(cluster.now_ms + 320_000)
    assert cluster.settle()
    assert [line.split("@")[0] for line in shown(cluster)] == ["RUNNING"] * 3


@settings(deadline=None, max_examples=50)
@given(
    workers=st.integers(1, 5),
    rows=st.lists(
        st.tuples(
            st.sampled_from([*TargetState]),
            st.sampled_from([None, *State]),
            st.lists(st.tuples(st.sampled_from([*State]), st.sampled_from(["", "w0", "w1", "h2:8083", "gone:1"])), max_size=4),
        ),
        max_size=4,
    ),
)  # fmt: skip
def test_whatever_was_the_cluster_settles_and_works(workers: int, rows: list[Any]) -> None:
    seeds = [
        source(
            f"c{n}",
            tasks=len(tasks) or 1,
            target=target,
            status=None if own is None else SeedStatus(own),
            task_statuses={number: SeedStatus(state, worker) for number, (state, worker) in enumerate(tasks)},
        )
        for n, (target, own, tasks) in enumerate(rows)
    ]
    cluster = cluster_of(*seeds, workers=workers)
    cluster.sim.run_until(cluster.now_ms + 400_000)
    assert cluster.settle()
    for seed in seeds:
        ask(cluster, "restart_connector", name=seed.name, include_tasks=True, only_failed=True)
        assert cluster.settle()
        ask(cluster, "delete_connector", name=seed.name)
    assert cluster.settle()
    assert ask(cluster, "list_connectors") == []
