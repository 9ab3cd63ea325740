"""Shipped scenarios on real workers: the part of their vocabulary that real workers can be given.

Rules of this room:

* A scenario is played as it is shipped. Two things are said in other words, on both sides: workers have the oracle's
  names (``connect-1`` is its first), and connector classes are our Java test connectors; where workers have different
  plugins, they are that under the names and in the versions of the scenario. It is shortened by its own parameters only.
* Workers crash, stop, freeze and are upgraded as processes. What connectors do is in their config: where the scenario
  slows or fails one, the config that a real worker gets says so (`Told`).
* Recorded (`acting.py`) is what a timeline records (`timelines.py`), what was done to whom, and the requests of the
  scenario with their answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from mockconnect.core.faults import (
    Bounce,
    Crash,
    FailConnector,
    FailTask,
    Fault,
    Freeze,
    Lag,
    RollingUpgrade,
    SetPlugins,
    SetVersion,
    Slow,
    Start,
    Stop,
    Thaw,
    WriteStatus,
    Zombie,
)
from mockconnect.files.cluster import ConnectorGiven, PluginGiven, WorkerGiven
from mockconnect.files.durations import milliseconds
from mockconnect.scenario.actions import FAULT_VERBS, ActionParts, Request, fault_of
from mockconnect.scenario.loading import LoadedRule, Scenario, scenario_from_text
from mockconnect.scenario.operations import OPERATIONS
from mockconnect.scenario.requests import SHOWN_MAX, RequestRecord
from mockconnect.scenario.shipped import find_scenario

from . import wire
from .oracle.jars import StandIn
from .pictures import LIST, PLUGINS, ROOT, status_path, untold
from .script import ClusterWish, Exchange, Quiet, Script, Settle, Step
from .sightings import Row
from .timelines import Timeline

TEST_SOURCE: Final = "org.mockconnect.testing.TestSourceConnector"
TEST_SINK: Final = "org.mockconnect.testing.TestSinkConnector"
HANGING_EXTENSION: Final = "org.mockconnect.testing.HangingRestExtension"
DELAY: Final = "scheduled.rebalance.max.delay.ms"
JOINED: Final = "joined"
"""What the recorder writes down when an operator sees that an upgraded worker is back."""
_DELAY_TIMING: Final = "scheduled_rebalance_max_delay"
_STEPS: Final[Mapping[str, str]] = {
    "task_start": "task.start",
    "task_stop": "task.stop",
    "task_configs": "taskconfigs",
}
_HANGS_MS: Final = 600_000


class UnplayableError(Exception):
    """The scenario uses what real workers cannot be given, or what nobody has taught this player."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A shipped scenario that real workers play, and for how long they are watched."""

    name: str
    seconds: float
    params: Mapping[str, str] = field(default_factory=dict)


CHOSEN: Final = (
    Choice("leader-crash", 45),
    Choice("follower-crash", 75, {"rebalance_delay": "40s", "look_every": "10s"}),
    Choice("follower-stopped", 65, {"rebalance_delay": "40s", "look_every": "15s"}),
    Choice("frozen-follower", 95, {"rebalance_delay": "60s"}),
    Choice("frozen-leader", 90, {"rebalance_delay": "30s"}),
    Choice("follower-back-within-delay", 110, {"rebalance_delay": "75s", "look_every": "15s"}),
    Choice("stop-and-resume", 60),
    Choice("delete-during-delay", 55),
    Choice("leader-restarted-mid-delay", 110),
    Choice("task-failed", 72),
    Choice("all-tasks-failed", 20),
    Choice("restart-leaves-tasks", 32),
    Choice("stopped-state", 20),
    Choice("slow-task-configs", 75),
    Choice("connector-failed", 35),
    Choice("create-exists", 40),
    Choice("same-config-again", 75),
    Choice("task-start-hangs", 40),
    Choice("rolling-upgrade", 145, {"status_lag": "0ms"}),
    Choice("rolling-restart", 140),
    Choice("plugin-skew", 75),
    Choice("plugin-versions-differ", 70),
    Choice("stuck-restarting", 95),
    Choice("tasks-max-enforced", 90, {"rebalance_delay": "10s"}),
    Choice("task-unassigned", 65, {"rebalance_delay": "40s", "look_every": "15s"}),
    Choice("worker-joins", 100),
    Choice("mixed-protocols", 30),
    Choice("standalone", 25),
    Choice("resume-is-no-cure", 60),
    Choice("failed-connector-old-tasks", 40),
    Choice("slow-validation", 130),
    Choice("update-while-unassigned", 100, {"rebalance_delay": "60s"}),
    Choice("paused-but-running", 110, {"rebalance_delay": "60s"}),
    Choice("partial-restart", 130, {"rebalance_delay": "60s"}),
    Choice("racing-creates", 20),
    Choice("crash-loop", 125),
    Choice("offsets-need-stopped", 45),
    Choice("sink-offsets-too-early", 35),
    Choice("task-ignores-stop", 50, {"stays": "40s"}),
    Choice("zombie-after-delete", 35),
    Choice("stale-unassigned", 75),
    Choice("worker-of-nobody", 25),
    Choice("log-levels", 15),
    Choice("no-rebalance-delay", 95),
    Choice("odd-names", 30),
    Choice("connector-start-hangs", 185),
    Choice("poison-connector", 330),
    Choice("leader-dies-after-create", 95),
    Choice("flip-404-500", 25),
    Choice("oversized-trace", 75),
    Choice("stop-hangs", 210),
)

KNOWN_DIFFERENT: Final[Mapping[str, str]] = {}
"""Why real workers show something else (none does now); a test fails when one of these is gone."""


# --- a shipped scenario, for the oracle -------------------------------------------------------------------------------------


def scenario_for_oracle(choice: Choice) -> Scenario:
    """The shipped file with the oracle's names. Its timeline lasts as long as somebody looks: nothing heals before."""
    path = find_scenario(choice.name)
    text = re.sub(r"connect-(\d)(:\d+)?", _renamed, path.read_text(encoding="utf-8"))
    if "plugin_sets:" not in text:
        text = text.replace("com.acme.OrdersSourceConnector", TEST_SOURCE)
        text = re.sub(r"FileStreamSink\b", TEST_SINK, text)
    text = re.sub(r"^(  workers: )(\d+)\b", _named, text, flags=re.MULTILINE)
    scenario = scenario_from_text(text, str(path), choice.params)
    settings = msgspec.structs.replace(scenario.settings, duration=round(choice.seconds * 1_000))
    return replace(scenario, settings=settings)


def _named(found: re.Match[str]) -> str:
    names = ", ".join(f"connect-{number}" for number in range(1, int(found[2]) + 1))
    return f"{found[1]}[{names}]"


def _renamed(found: re.Match[str]) -> str:
    number = int(found[1]) + 1
    return worker_id(number) if found[2] else f"connect-{number}"


def worker_id(number: int) -> str:
    """As the replay has it."""
    return f"127.0.0.1:{8080 + number}"


def plugin_sets(scenario: Scenario, version: str) -> Mapping[str, tuple[str, tuple[StandIn, ...]]]:
    """Of each set: the Kafka version of the workers that get it, and what is in it."""
    base = scenario.cluster.kafka_version or version
    rolls = [
        fault for rule in scenario.rules for fault in faults_in(rule) if isinstance(fault, RollingUpgrade)
    ]
    versions = {fault.plugins: fault.kafka_version for fault in rolls if fault.kafka_version is not None}
    return {
        name: (versions.get(name, base), tuple(map(_stand_in, _entries(scenario, [name]))))
        for name in scenario.cluster.plugin_sets
    }


def _entries(scenario: Scenario, wanted: Sequence[object]) -> Iterator[PluginGiven]:
    """What is in sets that are named, one by one."""
    for entry in wanted:
        if isinstance(entry, str):
            yield from _entries(scenario, scenario.cluster.plugin_sets[entry])
        else:
            assert isinstance(entry, dict), entry
            yield PluginGiven(**entry)


def _stand_in(given: PluginGiven) -> StandIn:
    kind: Literal["source", "sink"] = "sink" if given["type"] == "sink" else "source"
    return StandIn(given["class"], kind, str(given["version"]))


def timeline_of(choice: Choice, scenario: Scenario, told: Told | None = None) -> Timeline:
    """The cluster with its connectors, before anything happens; ``told`` adds to their configs."""
    wish = _wish(scenario)
    steps: list[Step] = []
    for connector in scenario.cluster.connectors:
        config = _config(scenario, connector) | dict({} if told is None else told.of(connector.name))
        target = f"/connectors/{quote(connector.name)}/config"
        headers = (("Content-Type", "application/json"),)
        steps.append(Exchange("PUT", target, headers=headers, body=json.dumps(config).encode()))
        tasks = int(config.get("test.tasks", config["tasks.max"]))
        steps.append(Settle(connector.name, "RUNNING", tasks, "RUNNING"))
    before = Script(choice.name, wish, True, "0.10", (*steps, Quiet(2)))
    version = scenario.cluster.kafka_version
    return Timeline(
        choice.name,
        wish,
        before,
        tuple(_watched(scenario)),
        0.25,
        choice.seconds,
        (),
        kafka_versions=() if version is None else (version,) * wish.workers,
        stand_ins=_first_stand_ins(scenario),
    )


def hanging_stops(timeline: Timeline, scenario: Scenario) -> Timeline:
    """With what keeps the real workers from stopping that should hang when they are asked to."""
    faults = [fault for rule in scenario.rules for fault in faults_in(rule)]
    hanging = [str(fault.worker) for fault in faults if isinstance(fault, Stop) and fault.hang]
    own = dict(timeline.cluster.own)
    for number in (int(name.removeprefix("connect-")) for name in hanging):
        own[number] = (*own.get(number, ()), ("rest.extension.classes", HANGING_EXTENSION))
    return replace(timeline, cluster=replace(timeline.cluster, own=tuple(own.items())))


def _wish(scenario: Scenario) -> ClusterWish:
    properties = {key: str(value) for key, value in scenario.cluster.config.items()}
    delay = scenario.settings.timing.get(_DELAY_TIMING)
    properties |= {} if delay is None else {DELAY: str(span_ms(delay))}
    workers = scenario.cluster.workers
    rows = workers if isinstance(workers, list) else []
    own = [
        (number, tuple((key, str(value)) for key, value in one.config.items()))
        for number, one in enumerate(rows, 1)
        if isinstance(one, WorkerGiven) and one.config
    ]
    return ClusterWish(
        len(scenario.worker_names),
        scenario.settings.mode == "standalone",
        tuple(properties.items()),
        own=tuple(own),
    )


def _config(scenario: Scenario, connector: ConnectorGiven) -> dict[str, str]:
    given = {key: str(value) for key, value in connector.whole_config.items()}
    config = {"connector.class": TEST_SOURCE, "tasks.max": "1", **given}
    for entry in scenario.cluster.plugins:
        if isinstance(entry, dict) and entry["class"] == connector.class_:
            tasks = str(entry.get("tasks"))
            config |= {"test.tasks": tasks} if tasks.isdecimal() else {}
    return config


def _first_stand_ins(scenario: Scenario) -> tuple[StandIn, ...]:
    if not scenario.cluster.plugin_sets:
        return ()
    return tuple(map(_stand_in, _entries(scenario, scenario.cluster.plugins)))


def _watched(scenario: Scenario) -> Iterator[str]:
    """Lists and statuses; plugins and versions where they differ."""
    yield LIST
    if scenario.cluster.plugin_sets:
        yield PLUGINS
    faults = [fault for rule in scenario.rules for fault in faults_in(rule)]
    if any(getattr(fault, "kafka_version", None) for fault in faults):
        yield ROOT
    named = {one.name for one in scenario.cluster.connectors}
    named |= {
        request.connector for rule in scenario.rules for request in requests_in(rule) if request.connector
    }
    yield from map(status_path, sorted(named))


def span_ms(text: str) -> int:
    """A duration; distances that are drawn are nothing for a recording."""
    found = milliseconds(text)
    if found is None:
        raise UnplayableError(f"not a duration: {text}")
    return found


def requests_in(rule: LoadedRule) -> Iterator[Request]:
    for action in rule.rule.actions:
        if isinstance(action, ActionParts) and action.request is not None:
            yield action.request


def faults_in(rule: LoadedRule) -> Iterator[Fault]:
    for action in rule.rule.actions:
        verb, arguments = (action, None) if isinstance(action, str) else (action.verb, action.arguments)
        if verb in FAULT_VERBS:
            yield fault_of(verb, arguments, rule.rule.for_)


# --- what cannot be played ----------------------------------------------------------------------------------------------------


def what_is_unplayable(scenario: Scenario) -> Iterator[str]:
    """What a scenario uses that real workers cannot be given, or that is not known here."""
    yield from _unplayable_cluster(scenario)
    for loaded in scenario.rules:
        rule = loaded.rule
        asked = rule.on_request
        if rule.random or (asked and asked.nth is None) or rule.probability:
            yield f"{loaded.name}: when it fires"
        if rule.when is not None and (parts := sorted(set(untold(rule.when)))):
            yield f"{loaded.name}: when {', '.join(parts)}"
        if rule.repeat is not None and milliseconds(rule.repeat.every) is None:
            yield f"{loaded.name}: distances that are drawn"
        if rule.until is not None and rule.until.request is None and rule.until.rule is None:
            yield f"{loaded.name}: until"
        for fault in faults_in(loaded):
            if not _is_playable(fault):
                yield f"{loaded.name}: {fault.verb}"
        for action in rule.actions:
            if isinstance(action, ActionParts) and action.verb not in (*FAULT_VERBS, "request", "mark"):
                yield f"{loaded.name}: {action.verb}"


def _unplayable_cluster(scenario: Scenario) -> Iterator[str]:
    given = msgspec.to_builtins(scenario.cluster)
    known = {"workers", "plugins", "plugin_sets", "connectors", "kafka_version", "config"}
    if not known >= given.keys() or scenario.settings.cold_start:
        yield "the cluster"
    if not {_DELAY_TIMING} >= scenario.settings.timing.keys():
        yield "how long things take"
    names = scenario.worker_names
    if names != tuple(f"connect-{number}" for number, _ in enumerate(names, 1)):
        yield "the workers"
    workers = given.get("workers", 3)
    rows = [] if isinstance(workers, int) else [one for one in workers if not isinstance(one, str)]
    if any(not {"name", "plugins", "config"} >= one.keys() or one.get("plugins") for one in rows):
        yield "the workers"
    entries = [*given.get("plugins", ()), *(e for one in given.get("plugin_sets", {}).values() for e in one)]
    known = {"class", "type", "version", "tasks"}
    if any(not isinstance(one, str) and not known >= one.keys() for one in entries):
        yield "the plugins"
    if any(not {"name", "class", "tasks", "config"} >= one.keys() for one in given.get("connectors", ())):
        yield "the connectors"


def _is_playable(fault: Fault) -> bool:
    match fault:
        case Stop(hang=True):
            return isinstance(fault.worker, str) and fault.worker.startswith("connect-")
        case Crash() | Stop() | Start() | Freeze() | Thaw() | Bounce() | SetVersion():
            return True
        case WriteStatus(trace=None):
            return True
        case SetPlugins(to=plugins):
            return isinstance(plugins, str)
        case RollingUpgrade(until=until, plugins=plugins, order=order):
            return until == "joined" and order != "random" and isinstance(plugins, str | None)
        case Lag(config_ms=config_ms, status_ms=status_ms):
            return not config_ms and not status_ms
        case FailTask(at="now" | "running", after_records=0) | FailConnector(at="start") | Slow() | Zombie():
            return "*" not in fault.connector and getattr(fault, "trace", None) is None
        case _:
            return False


# --- what connectors are told ------------------------------------------------------------------------------------------------


class Told:
    """What the configs of connectors say of how they behave, for what the scenario does to them: one connector at a time,
    from its first config on. A task fails, or does not stop, when the file is there that its config names."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._added: dict[str, dict[str, str]] = {}
        self._folder = folder
        self._name = scenario.name
        faults = [fault for rule in scenario.rules for fault in faults_in(rule)]
        for fault in faults:
            match fault:
                case FailTask():
                    self._add(fault.connector, self._failing_task(fault))
                case FailConnector(at="start", times=times):
                    failing = {"test.start.error": fault.message, "test.start.error.times": str(times)}
                    self._add(fault.connector, failing)
                case Slow(code=code, takes_ms=takes_ms):
                    step = _STEPS.get(code, code)
                    self._add(fault.connector, {f"test.{step}.delay.ms": str(takes_ms or _HANGS_MS)})
                case Zombie():
                    self._add(fault.connector, {"test.task.stop.wait.file": str(self.sign(fault))})
        self._later = {fault.connector for fault in faults if isinstance(fault, Slow | FailConnector)}

    def _add(self, connector: str, config: Mapping[str, str]) -> None:
        self._added.setdefault(connector, {}).update(config)

    def _failing_task(self, fault: FailTask) -> dict[str, str]:
        config = {"error": fault.message}
        config |= {"error.bytes": str(fault.trace_bytes)} if fault.trace_bytes else {}
        if fault.at == "now":
            config["error.file"] = str(self.sign(fault))
        else:
            config |= {} if fault.times is None else {"error.times": str(fault.times)}
            config["error.after.ms"] = str(fault.after_ms)
        own = "" if fault.task is None else f"task.{fault.task}."
        return {f"{own}test.task.work.{key}": value for key, value in config.items()}

    def sign(self, fault: FailTask | Zombie) -> Path:
        """The file that makes tasks of a connector fail, or go on."""
        which = "all" if fault.task is None else fault.task
        return self._folder / f"{self._name}-{fault.verb}-{fault.connector}-{which}"

    def of(self, connector: str) -> Mapping[str, str]:
        """What is there from the beginning: slowness and failing starts come with the scenario's own requests."""
        return {} if connector in self._later else self._added.get(connector, {})

    def now(self, connector: str) -> Mapping[str, str]:
        return self._added.get(connector, {})


# --- requests -------------------------------------------------------------------------------------------------------------------


def http_request(request: Request, told: Told) -> wire.Request:
    """As it goes over the wire."""
    row = OPERATIONS[request.operation]
    target = row.path.format(
        name=quote(request.connector or "", safe=""),
        task=request.task,
        plugin=request.plugin,
        logger=request.logger,
    )
    queries = [f"expand={one}" for one in request.expand or ()]
    queries += [] if request.include_tasks is None else [f"includeTasks={str(request.include_tasks).lower()}"]
    queries += [] if request.only_failed is None else [f"onlyFailed={str(request.only_failed).lower()}"]
    queries += [] if request.scope is None else [f"scope={request.scope}"]
    target += f"?{'&'.join(queries)}" if queries else ""
    body = _body(request, told)
    if body is None:
        return wire.Request(row.method, target)
    headers = (("Content-Type", "application/json"),)
    return wire.Request(row.method, target, headers, json.dumps(body).encode())


def _body(request: Request, told: Told) -> object:
    if request.level is not None:
        return {"level": request.level}
    if request.offsets is not None:
        return {"offsets": msgspec.to_builtins(request.offsets)}
    if request.config is None:
        return None
    config = {**request.config, **told.now(request.connector or "")}
    if request.operation != "create_connector":
        return config
    state = {} if request.initial_state is None else {"initial_state": request.initial_state}
    return {"name": request.connector, "config": config, **state}


def complete(record: RequestRecord, seen: Mapping[str, object], at_ms: int) -> None:
    """With what was answered."""
    record.ended_at_ms = at_ms
    if "failure" in seen:
        record.message = "gave up" if seen["failure"] == "TimeoutError" else str(seen["failure"])
        return
    record.status_code = int(str(seen["status"]))
    body = re.sub(r"\{worker:(\d)\}", lambda found: worker_id(int(found[1])), str(seen["body"]))
    if record.status_code < 400 or record.operation == "health":
        record.shows = body[:SHOWN_MAX]
    elif body.startswith("{"):
        record.message = str(json.loads(body).get("message") or "")
    else:
        record.message = f"HTTP {record.status_code} Not Found"


def records_in(rows: Sequence[Row]) -> list[RequestRecord]:
    """The scenario's requests as a recording has them."""
    found: list[RequestRecord] = []
    for row in rows:
        if row.get("event") == "request":
            task = row["task"]
            record = RequestRecord(
                len(found) + 1,
                int(str(row["at_ms"])),
                "scenario",
                f"connect-{row['worker']}",
                str(row["operation"]),
                str(row["connector"]),
                None if task is None else int(str(task)),
                rule=str(row["rule"]),
            )
            complete(record, row, int(str(row["answered_at_ms"])))
            found.append(record)
    return found
