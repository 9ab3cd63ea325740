"""How connectors and tasks live and fail, as their statuses show it."""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect.core.behaviour import Failure
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.plugin_desc import PluginDesc


def source(name: str = "Plain", **behaviour: object) -> PluginDesc:
    return simulated_connector(f"com.example.{name}", "source", **behaviour)  # type: ignore[arg-type]


def sink(name: str, **behaviour: object) -> PluginDesc:
    return simulated_connector(f"com.example.{name}", "sink", **behaviour)  # type: ignore[arg-type]


def failing(where: str, **more: object) -> list[dict[str, object]]:
    return [{"where": where, "message": "boom", "exception": "java.lang.IllegalStateException", **more}]


def test_a_connector_that_fails_to_start_has_no_tasks_and_stays_failed_until_restarted() -> None:
    scene = Scene({"a": source(failures=failing("start", times=1), tasks=2)})
    # Its tasks were configured before, so they run: connector and tasks fail apart from each other.
    assert scene.states("a") == "FAILED RUNNING RUNNING"
    assert scene.trace("a").startswith("java.lang.IllegalStateException: boom\n\tat com.example.Plain.start(")
    scene.ask(1, "pause_connector", name="a")
    scene.cluster.settle()
    assert scene.states("a") == "FAILED PAUSED PAUSED"
    scene.ask(1, "resume_connector", name="a")
    scene.cluster.settle()
    assert scene.states("a") == "FAILED RUNNING RUNNING"
    assert scene.ask(2, "restart_connector", name="a") is None
    scene.cluster.settle()
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


def test_a_restart_that_fails_says_so() -> None:
    scene = Scene({"a": source(failures=failing("start"))})
    assert scene.error(2, "restart_connector", name="a") == (500, "Failed to start connector: a")


def test_a_stopped_connector_hides_its_failure_and_a_resume_finds_it_again() -> None:
    scene = Scene({"a": source(failures=failing("start"))})
    scene.ask(0, "stop_connector", name="a")
    scene.cluster.settle()
    assert scene.states("a") == "STOPPED"
    scene.ask(0, "resume_connector", name="a")
    scene.cluster.settle()
    assert scene.states("a") == "FAILED"


def test_a_task_that_fails_stays_failed_and_restarts_alone() -> None:
    scene = Scene({"a": source(failures=failing("running", after_ms=5_000, task=1, times=1))})
    scene.advance(6_000)
    assert scene.states("a") == "RUNNING RUNNING FAILED"
    scene.ask(0, "pause_connector", name="a")
    scene.cluster.settle()
    assert scene.states("a") == "PAUSED PAUSED FAILED"
    scene.ask(0, "resume_connector", name="a")
    scene.ask(0, "restart_task", name="a", task=1)
    scene.cluster.settle()
    assert scene.states("a") == "RUNNING RUNNING RUNNING"


def test_what_a_sink_throws_is_wrapped() -> None:
    scene = Scene({"a": sink("Sink", failures=failing("running", after_ms=100, task=0))})
    scene.advance(1_000)
    trace = scene.trace("a", 0)
    assert trace.startswith(
        "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.\n"
    )
    assert "Caused by: java.lang.IllegalStateException: boom\n" in trace
    assert trace.endswith("\n")


def test_only_failed_restarts_only_what_failed() -> None:
    scene = Scene({"a": source(failures=failing("running", after_ms=100, task=0, times=1))})
    scene.advance(1_000)
    rows_before = len(list(scene.sim.trace))
    plan = scene.ask(1, "restart_connector", name="a", include_tasks=True, only_failed=True)
    assert [plan["connector"]["state"], *(task["state"] for task in plan["tasks"])] == [
        "RUNNING",
        "RESTARTING",
        "RUNNING",
    ]
    assert plan["tasks"][0]["trace"].startswith("java.lang.IllegalStateException")
    scene.cluster.settle()
    reports = [row.detail for row in list(scene.sim.trace)[rows_before:] if row.what in ("connector", "task")]
    assert reports == ["a-0 RESTARTING", "a-0 RUNNING"]


def test_a_connector_that_never_starts_has_no_status_and_is_abandoned_by_a_restart() -> None:
    scene = Scene(workers=2)
    hangs = source("Hangs", start_ms=-1)
    for worker in scene.cluster.workers.values():
        scene.cluster.set_plugins(worker.name, (hangs, *worker.plugins))
        worker.crash()
    scene.cluster.start()
    assert scene.cluster.settle()
    scene.ask(0, "create_connector", name="a", config={"connector.class": hangs.class_name})
    scene.advance(60_000)
    assert scene.error(0, "connector_status", name="a") == (404, "No status found for connector a")
    code, message = scene.error(0, "restart_connector", name="a")
    assert code == 500
    assert message is not None
    assert message.startswith(
        "Request timed out. The worker is currently starting the connector, which began at "
    )
    assert scene.states("a") == "UNASSIGNED"


def test_a_task_that_ignores_stop_becomes_a_zombie_that_writes_nothing() -> None:
    scene = Scene({"a": source(task_stop_ms=60_000)})
    owner = scene.cluster.owner("a", 0)
    assert owner is not None
    started_at_ms = scene.cluster.now_ms
    scene.ask(0, "restart_task", name="a", task=0)
    assert scene.cluster.now_ms - started_at_ms >= 5_000
    node = scene.cluster.workers[owner].node
    assert node is not None
    assert [str(task.id) for task in node.worker.zombies] == ["a-0"]
    scene.cluster.settle()
    reports = [row.detail for row in scene.sim.trace if row.what == "task" and row.at_ms > started_at_ms]
    assert reports == ["a-0 RUNNING"]
    scene.advance(60_000)
    assert node.worker.zombies == []


@pytest.mark.parametrize(
    ("enforce", "states"), [("true", "FAILED"), ("false", "RUNNING RUNNING RUNNING RUNNING")]
)
def test_more_tasks_than_allowed_fail_the_connector(enforce: str, states: str) -> None:
    scene = Scene({"warm": source("TooMany", tasks=3)})
    config = {"connector.class": "com.example.TooMany", "tasks.max": "2", "tasks.max.enforce": enforce}
    scene.ask(0, "create_connector", name="a", config=config)
    scene.cluster.settle()
    assert scene.states("a") == states
    if enforce == "true":
        assert scene.trace("a").startswith(
            "org.apache.kafka.connect.runtime.TooManyTasksException: The connector a has generated 3 tasks,"
        )


def test_the_class_is_missing_on_one_worker_only() -> None:
    scene = Scene({"warm": source()})
    cluster = scene.cluster
    lacking = cluster.workers["connect-1"]
    cluster.set_plugins(
        "connect-1", [plugin for plugin in lacking.plugins if "example" not in plugin.class_name]
    )
    lacking.crash()
    cluster.settle()
    lacking.start()
    scene.advance(320_000)
    assert cluster.settle()
    for number in range(4):
        config = {"connector.class": "com.example.Plain", "tasks.max": "3"}
        scene.ask(0, "create_connector", name=f"c{number}", config=config)
        cluster.settle()
    here = [name for name in ("c0", "c1", "c2", "c3") if scene.states(name).startswith("FAILED")]
    assert here
    assert "Failed to find any class that implements Connector" in scene.trace(here[0])
    assert scene.ask(0, "connector_info", name=here[0])["type"] == "source"
    assert scene.ask(1, "connector_info", name=here[0])["type"] == "unknown"
    code, message = scene.error(
        1, "create_connector", name="x", config={"connector.class": "com.example.Plain"}
    )
    assert (code, "Failed to find any class" in (message or "")) == (400, True)
    lost = next(
        name
        for name in ("c0", "c1", "c2", "c3")
        if "recognizable" in str(scene.ask(0, "connector_status", name=name))
    )
    assert "FAILED" in scene.states(lost).split()[1:]


def test_a_failure_without_a_count_happens_every_time() -> None:
    assert Failure("start").times is None


def test_a_transformation_that_names_an_undefined_predicate_fails_the_task() -> None:
    scene = Scene({"a": source()}, workers=1)
    config = {
        "connector.class": "com.example.Plain",
        "transforms": "t",
        "transforms.t.type": "org.apache.kafka.connect.transforms.InsertHeader",
        "transforms.t.header": "h",
        "transforms.t.value.literal": "v",
        "transforms.t.predicate": "missing",
    }
    scene.ask(0, "put_connector_config", name="b", config=config)
    scene.cluster.settle()
    assert scene.states("b") == "RUNNING FAILED"
    connect, unknown = "org.apache.kafka.connect.errors.ConnectException", "predicates.missing.plugin.version"
    thrown = f"org.apache.kafka.common.config.ConfigException: Unknown configuration '{unknown}'"
    lines = scene.trace("b", 0).split("\n")
    assert lines[0] == f"{connect}: {connect}: {thrown}"
    assert [line for line in lines if line.startswith("Caused by")] == [
        f"Caused by: {connect}: {thrown}",
        f"Caused by: {thrown}",
    ]
    assert scene.ask(0, "task_status", name="b", task=0)["version"] is None


def test_a_status_has_no_type_until_the_worker_has_joined() -> None:
    """The type comes from the herder's own snapshot, which is empty at first."""
    scene = Scene({"a": source()})
    worker = scene.cluster.workers["connect-2"]
    worker.crash()
    worker.start()
    shown: list[str] = []

    def known() -> bool:
        if worker.rest is Rest.SERVING:
            reply = scene.cluster.submit("connect-2", "connector_status", {"name": "a"})
            if reply.error is None:
                shown.append(str(reply.result()["type"]))
        return shown[-1:] == ["source"]

    assert scene.sim.run_until(known, 60_000)
    assert list(dict.fromkeys(shown)) == ["unknown", "source"]
