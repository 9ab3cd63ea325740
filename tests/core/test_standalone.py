"""The standalone worker against a real one: every exchange recorded on Kafka Connect 4.3.1, played again.

Each line of the recording is a step of a scenario: an exchange (perhaps sent in the background, perhaps never answered),
a pause, a wait for a state, or what the command line named. Connectors behave as the ``test.*`` keys of their configs say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mockconnect.catalog import apache_plugins
from mockconnect.core.answers import Created
from mockconnect.core.behaviour import Behaviour, Failure, OffsetField, SourceOffsets, TasksRule, Where
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.errors import ConnectError
from mockconnect.core.monitors import Monitor
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.core.terms import ConnectorTaskId, TargetState

RECORDING = Path(__file__).parent / "data" / "standalone-4.3.jsonl"
SOURCE, SINK = "org.mockconnect.testing.TestSourceConnector", "org.mockconnect.testing.TestSinkConnector"
NAME = "connect-0"
TOLERANCE_MS = 900
PROMPT = Behaviour(
    tasks=TasksRule("tasks_max"),
    task_config_added=(("test.task.id", "{#}"),),
    start_ms=1,
    stop_ms=1,
    task_start_ms=1,
    task_stop_ms=1,
    poll_ms=100,
    records_per_second=0,
    source_offsets=SourceOffsets((OffsetField("task", "{#}"),), "position"),
    alter_offsets="true",
)
PLUGINS: tuple[PluginDesc, ...] = (
    *apache_plugins(),
    replace(simulated_connector(SOURCE, "source"), behaviour=PROMPT),
    replace(simulated_connector(SINK, "sink"), behaviour=replace(PROMPT, source_offsets=SourceOffsets())),
)
DELAYS = {
    "start": "start_ms",
    "stop": "stop_ms",
    "taskconfigs": "task_configs_ms",
    "validate": "validate_ms",
    "task.start": "task_start_ms",
    "task.stop": "task_stop_ms",
}
PLACES: Mapping[str, Where] = {
    "start": "start",
    "stop": "stop",
    "taskconfigs": "task_configs",
    "task.start": "task_start",
}


def behaviour_of(config: Mapping[str, str]) -> Behaviour:
    """What the ``test.*`` keys make of the test connectors."""
    durations: dict[str, Any] = {
        name: int(config[key]) for step, name in DELAYS.items() if (key := f"test.{step}.delay.ms") in config
    }
    tasks = config.get("test.task.error.ids")
    failures = tuple(
        Failure(place, config[key], task=int(tasks) if tasks and place == "task_start" else None)
        for step, place in PLACES.items()
        if (key := f"test.{step}.error") in config
    )
    rule = TasksRule("fixed", int(config["test.tasks"])) if "test.tasks" in config else PROMPT.tasks
    return replace(PROMPT, tasks=rule, failures=failures, **durations)


def standalone(*connectors: SeedConnector, **timing: int) -> Cluster:
    worker = WorkerSettings(NAME, port=18083)
    options = ClusterOptions(
        (worker,), PLUGINS, connectors=connectors, mode="standalone", timing=Timing(**timing)
    )
    return Cluster(options)


def serving(cluster: Cluster) -> Cluster:
    cluster.start()
    assert cluster.sim.run_until(lambda: cluster.workers[NAME].rest is Rest.SERVING, 60_000)
    return cluster


# --- from HTTP to operations and back --------------------------------------------------------------------------------------

Route = tuple[str, str, Callable[[re.Match[str], dict[str, list[str]], Any], dict[str, Any]], int]


def named(match: re.Match[str], query: object, body: object) -> dict[str, Any]:
    return {"name": match["name"]}


def of_task(match: re.Match[str], query: object, body: object) -> dict[str, Any]:
    return {"name": match["name"], "task": int(match["task"])}


def nothing(match: object, query: object, body: object) -> dict[str, Any]:
    return {}


def of_restart(match: re.Match[str], query: dict[str, list[str]], body: object) -> dict[str, Any]:
    flags = {"include_tasks": "includeTasks", "only_failed": "onlyFailed"}
    return {"name": match["name"], **{key: query.get(text) == ["true"] for key, text in flags.items()}}


def of_offsets(match: re.Match[str], query: object, body: Any) -> dict[str, Any]:
    return {"name": match["name"], "offsets": [(row["partition"], row["offset"]) for row in body["offsets"]]}


C = "/connectors/(?P<name>[^/]+)"
T = C + "/tasks/(?P<task>[0-9]+)"
ROUTES: tuple[Route, ...] = (
    ("GET /", "server_info", nothing, 200),
    ("GET /health", "health", nothing, 200),
    ("GET /connectors", "list_connectors", lambda match, query, body: {"expand": query.get("expand")}, 200),
    ("POST /connectors", "create_connector", lambda match, query, body: body, 201),
    (f"GET {C}", "connector_info", named, 200),
    (f"DELETE {C}", "delete_connector", named, 204),
    (f"GET {C}/config", "connector_config", named, 200),
    (
        f"PUT {C}/config",
        "put_connector_config",
        lambda match, query, body: {**named(match, query, body), "config": body},
        200,
    ),
    (
        f"PATCH {C}/config",
        "patch_connector_config",
        lambda match, query, body: {**named(match, query, body), "patch": body},
        200,
    ),
    (f"GET {C}/status", "connector_status", named, 200),
    (f"GET {C}/tasks", "task_configs", named, 200),
    (
        f"POST {C}/tasks",
        "put_task_configs",
        lambda match, query, body: {**named(match, query, body), "configs": body},
        200,
    ),
    (f"GET {T}/status", "task_status", of_task, 200),
    (f"POST {T}/restart", "restart_task", of_task, 204),
    (f"POST {C}/restart", "restart_connector", of_restart, 204),
    (f"PUT {C}/pause", "pause_connector", named, 202),
    (f"PUT {C}/resume", "resume_connector", named, 202),
    (f"PUT {C}/stop", "stop_connector", named, 204),
    (f"GET {C}/topics", "connector_topics", named, 200),
    (f"PUT {C}/topics/reset", "reset_topics", named, 202),
    (f"GET {C}/offsets", "connector_offsets", named, 200),
    (f"PATCH {C}/offsets", "alter_offsets", of_offsets, 200),
    (f"DELETE {C}/offsets", "reset_offsets", named, 200),
    (f"PUT {C}/fence", "fence_zombies", named, 200),
    (
        "PUT /connector-plugins/(?P<name>[^/]+)/config/validate",
        "validate",
        lambda match, query, body: {"plugin": match["name"], "config": body},
        200,
    ),
    (
        "PUT /admin/loggers/(?P<name>[^/]+)",
        "set_logger",
        lambda match, query, body: {"name": match["name"], "level": body, "scope": query["scope"][0]},
        204,
    ),
)
HEALTH = {"healthy": 200, "starting": 503, "unhealthy": 500}
FRAMES = re.compile(r"(?:\\n\\tat [^\\\"]*)+")


def rendered(reply: Reply[Any], status_code: int) -> tuple[int, str]:
    """Status and body as the REST room writes them, with the placeholders of the recording."""
    if isinstance(reply.error, ConnectError):
        error = reply.error
        return error.status_code, dumped({"error_code": error.status_code, "message": error.message})
    value = reply.result()
    if isinstance(value, Created):
        return (201 if value.created else status_code), "" if value.info is None else dumped(value.info)
    if value is None:
        return status_code, ""
    if isinstance(value, dict) and value.get("status") in HEALTH:
        return HEALTH[value["status"]], dumped(value)
    return (202 if status_code == 204 else status_code), dumped(value)


def dumped(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = FRAMES.sub(r"\\n\\t{frames}", text.replace("127.0.0.1:18083", "{worker:1}"))
    return re.sub(
        r'"commit":"\w+","kafka_cluster_id":"[^"]+"',
        '"commit":"{commit}","kafka_cluster_id":"{cluster}"',
        text,
    )


def comparable(target: str, body: str) -> str:
    """The tasks of a restart's answer come out of a set of identity hashes: any order is right."""
    if "/restart?" not in target or '"tasks"' not in body:
        return body
    data = json.loads(body)
    return dumped({**data, "tasks": sorted(data["tasks"], key=lambda task: task["id"])})


def as_texts(config: Mapping[str, object]) -> dict[str, Any]:
    return {key: value if value is None else str(value) for key, value in config.items()}


# --- the player --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Pending:
    """An exchange that was sent: what came of it, and when."""

    row: Mapping[str, Any]
    reply: Reply[Any]
    status_code: int
    sent_at_ms: int
    done_at_ms: int = -1


@dataclass(slots=True)
class Player:
    """Plays the rows of one scenario on a simulated worker."""

    cluster: Cluster
    background: list[Pending] = field(default_factory=list)

    def play(self, row: Mapping[str, Any]) -> None:
        if "wait_ms" in row:
            self.cluster.sim.advance(row["wait_ms"])
        elif "join" in row:
            self.join()
        elif "settle" in row:
            connector, state, tasks, task_state = row["settle"]
            self.reach(row, lambda: self.shown(connector) == (state, tasks, [task_state] * tasks))
        elif "settle-task" in row:
            connector, task, state = row["settle-task"]
            self.reach(row, lambda: self.task_shown(connector, task) == state)
        else:
            self.exchange(row)

    def reach(self, row: Mapping[str, Any], condition: Callable[[], bool]) -> None:
        assert self.cluster.sim.run_until(condition, 60_000), f"never reached: {row}"

    def exchange(self, row: Mapping[str, Any]) -> None:
        pending = self.send(row)
        if row.get("background"):
            self.background.append(pending)
            self.cluster.sim.advance(50)
        else:
            self.finish(pending)

    def join(self) -> None:
        for pending in self.background:
            self.finish(pending)
        self.background.clear()

    def send(self, row: Mapping[str, Any]) -> Pending:
        operation, args, status_code = self.routed(row)
        self.equip(operation, args)
        pending = Pending(row, self.cluster.submit(NAME, operation, args), status_code, self.cluster.now_ms)
        pending.reply.on_done(lambda _: setattr(pending, "done_at_ms", self.cluster.now_ms))
        return pending

    @staticmethod
    def routed(row: Mapping[str, Any]) -> tuple[str, dict[str, Any], int]:
        method, _, target = row["request"]["send"].partition(" ")
        body = json.loads(row["request"].get("body", "null"))
        if isinstance(body, dict) and isinstance(body.get("config"), dict):
            body = {**body, "config": as_texts(body["config"])}
        parts = urlsplit(target)
        for pattern, operation, arguments, status_code in ROUTES:
            verb, _, path = pattern.partition(" ")
            match = re.fullmatch(path, parts.path) if verb == method else None
            if match is not None:
                return operation, arguments(match, parse_qs(parts.query), body), status_code
        raise AssertionError(f"no route for {row}")

    def equip(self, operation: str, args: Mapping[str, Any]) -> None:
        """Let the connector behave as its new config says, unless the config is going to be refused."""
        if operation == "create_connector" and self.info(args["name"]) is not None:
            return
        if operation in ("create_connector", "put_connector_config"):
            self.cluster.script.overrides[args["name"]] = behaviour_of(args["config"])

    def finish(self, pending: Pending) -> None:
        expected = pending.row["answer"]
        if expected is None:
            hung_until_ms = pending.sent_at_ms + pending.row["elapsed_ms"]
            self.cluster.sim.run_until(hung_until_ms)
            assert not pending.reply.done, f"answered: {pending.row}"
            return
        assert self.cluster.sim.run_until(pending.reply, 200_000), f"no answer: {pending.row}"
        status_code, body = rendered(pending.reply, pending.status_code)
        target = pending.row["request"]["send"]
        assert status_code == expected["status"], (pending.row, body)
        if "body" in expected:
            assert comparable(target, body) == comparable(target, expected["body"]), pending.row
        elapsed_ms = pending.done_at_ms - pending.sent_at_ms
        assert abs(elapsed_ms - pending.row["elapsed_ms"]) < TOLERANCE_MS, (elapsed_ms, pending.row)

    # --- looking without asking -------------------------------------------------------------------------------------------------

    def info(self, name: str) -> object:
        node = self.cluster.workers[NAME].node
        return None if node is None else node.configs.snapshot().entries.get(name)

    def shown(self, name: str) -> tuple[str | None, int, list[str]]:
        node = self.cluster.workers[NAME].node
        assert node is not None
        entry = node.statuses.entry(name)
        own = entry.connector.state.value if entry is not None and entry.connector is not None else None
        tasks = {} if entry is None else entry.tasks
        return (
            own,
            node.configs.snapshot().task_count(name),
            [tasks[task].state.value for task in sorted(tasks)],
        )

    def task_shown(self, name: str, task: int) -> str | None:
        node = self.cluster.workers[NAME].node
        assert node is not None
        status = node.statuses.task(ConnectorTaskId.of(name, task))
        return None if status is None else status.state.value


# --- identity with a real worker -----------------------------------------------------------------------------------------------


def scenarios() -> dict[str, list[Mapping[str, Any]]]:
    rows = [json.loads(line) for line in RECORDING.read_text(encoding="utf-8").splitlines()]
    return {name: list(found) for name, found in groupby(rows, key=lambda row: row["scenario"])}


TARGETS = {"PAUSED": TargetState.PAUSED, "STOPPED": TargetState.STOPPED}


def seeds(cluster_line: list[dict[str, Any]]) -> list[SeedConnector]:
    found = []
    for file in cluster_line:
        config = as_texts(file.get("config", file))
        target = TARGETS.get(file.get("initial_state", ""), TargetState.STARTED)
        found.append(SeedConnector(file["name"], config, target))
    return found


@pytest.mark.parametrize("scenario", scenarios())
def test_every_answer_is_that_of_a_real_worker(scenario: str) -> None:
    rows = scenarios()[scenario]
    named_first = seeds(rows[0]["command_line"]) if "command_line" in rows[0] else []
    cluster = standalone(*named_first)
    for seed in named_first:
        cluster.script.overrides[seed.name] = behaviour_of(seed.config)  # type: ignore[arg-type]
    player = Player(cluster)
    if not named_first:
        assert serving(cluster).settle()
    elif scenario == "command-line":
        serving(cluster).sim.run_until(lambda: player.info("c") is not None)
    else:
        serving(cluster).sim.advance(1_500)
    for row in rows:
        if "exit" in row:
            assert not cluster.workers[NAME].running
            assert any(f"exit {row['exit']}:" in line.detail for line in cluster.sim.trace)
        elif "command_line" not in row:
            player.play(row)
    player.join()


# --- what no exchange shows ----------------------------------------------------------------------------------------------------


def seed(name: str, **config: str) -> SeedConnector:
    return SeedConnector(name, {"connector.class": SOURCE, **config})


def asked(cluster: Cluster, operation: str, **args: object) -> Any:
    reply = cluster.submit(NAME, operation, args)
    assert cluster.sim.run_until(reply, 200_000)
    return reply.result()


@pytest.mark.parametrize(
    ("mode", "workers", "problem"),
    [
        ("standalone", 2, "a standalone worker is alone: expected 1 worker, found 2"),
        ("standalone", 0, "a standalone worker is alone: expected 1 worker, found 0"),
        ("single", 1, "mode 'single' is none of distributed, standalone"),
    ],
)
def test_a_mode_that_does_not_fit_is_refused(mode: Any, workers: int, problem: str) -> None:
    settings = tuple(WorkerSettings(f"connect-{number}", port=18083 + number) for number in range(workers))
    with pytest.raises(ValueError, match=re.escape(problem)):
        ClusterOptions(settings, PLUGINS, mode=mode)


def test_the_cluster_looks_the_same_from_outside() -> None:
    cluster = serving(standalone(seed("c", **{"tasks.max": "2"})))
    assert cluster.settle()
    assert cluster.leader is None
    assert cluster.owner("c") == cluster.owner("c", 1) == NAME
    snapshot: Any = cluster.snapshot()
    worker = snapshot["workers"][NAME]
    assert (worker["member_id"], worker["generation"], worker["leader"]) == ("", 0, False)
    assert snapshot["group"]["members"] == []
    assert worker["connectors"]["c"]["tasks"] == 2
    assert worker["running"] == {
        "connectors": {"c": "STARTED"},
        "tasks": {"c-0": "EXECUTING", "c-1": "EXECUTING"},
    }
    assert worker["statuses"]["c"]["connector"] == "RUNNING@127.0.0.1:18083"


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_new_start_knows_the_command_line_and_the_offsets_only(how: str) -> None:
    cluster = serving(standalone(seed("c")))
    assert cluster.settle()
    asked(cluster, "create_connector", name="other", config={"connector.class": SOURCE})
    asked(cluster, "stop_connector", name="c")
    asked(cluster, "alter_offsets", name="c", offsets=[({"task": "0"}, {"position": 7})])
    getattr(cluster.workers[NAME], how)()
    assert cluster.sim.run_until(lambda: not cluster.workers[NAME].running, 60_000)
    assert serving(cluster).settle()
    assert asked(cluster, "list_connectors") == ["c"]
    assert asked(cluster, "connector_status", name="c")["connector"]["state"] == "RUNNING"
    assert asked(cluster, "connector_offsets", name="c")["offsets"] == [
        {"partition": {"task": "0"}, "offset": {"position": 7}}
    ]


def test_a_blocked_herder_makes_others_hang_without_limit() -> None:
    cluster = serving(standalone(seed("c")))
    assert cluster.settle()
    cluster.block_herder(NAME, 150_000)
    info = cluster.submit(NAME, "connector_info", {"name": "c"})
    unsynchronized = cluster.submit(
        NAME, "create_connector", {"name": "d", "config": {"connector.class": SOURCE}}
    )
    assert asked(cluster, "list_connectors") == ["c"]
    cluster.sim.advance(100_000)
    assert not info.done
    assert isinstance(unsynchronized.error, ConnectError)
    assert unsynchronized.error.message == "Request timed out"
    cluster.sim.advance(51_000)
    assert info.result()["name"] == "c"
    assert cluster.settle()
    assert asked(cluster, "list_connectors") == ["c", "d"]


def test_a_deadlocked_worker_does_not_end_when_it_is_told_to() -> None:
    """Seen on a real worker: PUT …/pause while taskConfigs() of any connector runs, and SIGTERM does not help."""
    cluster = serving(standalone(seed("c")))
    assert cluster.settle()
    cluster.script.overrides["slow"] = replace(PROMPT, task_configs_ms=4_000)
    cluster.submit(NAME, "put_connector_config", {"name": "slow", "config": {"connector.class": SOURCE}})
    cluster.sim.advance(1_000)
    paused = cluster.submit(NAME, "pause_connector", {"name": "c"})
    cluster.sim.advance(10_000)
    assert not paused.done
    assert not cluster.settle(60_000)
    cluster.workers[NAME].stop()
    cluster.sim.advance(3_600_000)
    assert cluster.workers[NAME].running
    assert cluster.workers[NAME].rest is Rest.REFUSED
    cluster.workers[NAME].crash()
    assert not cluster.workers[NAME].running
    assert serving(cluster).settle()


def test_a_frozen_worker_answers_when_it_is_thawed() -> None:
    cluster = serving(standalone(seed("c")))
    assert cluster.settle()
    cluster.workers[NAME].freeze()
    reply = cluster.submit(NAME, "connector_info", {"name": "c"})
    cluster.sim.advance(5_000)
    assert not reply.done
    cluster.workers[NAME].thaw()
    assert reply.result()["name"] == "c"


def test_a_worker_without_kafka_does_not_start() -> None:
    cluster = standalone()
    cluster.partition_from_kafka(NAME)
    cluster.start()
    cluster.sim.advance(120_000)
    assert not cluster.workers[NAME].running


def test_local_reads_cost_no_event() -> None:
    cluster = serving(standalone(seed("c")))
    assert cluster.settle()
    events = cluster.sim.pending_events
    for operation, args in (
        ("list_connectors", {}),
        ("connector_status", {"name": "c"}),
        ("connector_info", {"name": "c"}),
    ):
        assert cluster.submit(NAME, operation, args).done
    assert cluster.sim.pending_events == events


def test_a_run_is_a_function_of_its_inputs() -> None:
    def run() -> str:
        cluster = serving(standalone(seed("c"), seed("d", **{"tasks.max": "3"})))
        assert cluster.settle()
        asked(cluster, "restart_connector", name="d", include_tasks=True)
        asked(cluster, "delete_connector", name="c")
        assert cluster.settle()
        return cluster.sim.trace.hash

    assert run() == run()


def test_the_last_to_wait_enters_first() -> None:
    """The order of HotSpot's monitors: one batch of waiting threads after the other, each from its end."""
    monitor, entered = Monitor(), list[str]()
    assert monitor.enter().done
    for name in "abc":
        monitor.enter().on_done(lambda _, name=name: entered.append(name))  # type: ignore[misc]
    monitor.leave()
    monitor.enter().on_done(lambda _: entered.append("late"))
    for _ in range(3):
        monitor.leave()
    assert entered == ["c", "b", "a", "late"]
    monitor.leave()
    assert not monitor.held
