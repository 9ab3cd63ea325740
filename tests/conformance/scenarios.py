"""Shipped scenarios on real workers: the part of their vocabulary that real workers can be given.

Rules of this room:

* A scenario is played as it is shipped. Two things are said in other words, on both sides: workers have the oracle's
  names (``connect-1`` is its first), and the connector class is our Java test connector. It is shortened by its own
  parameters only.
* Workers crash, stop and freeze as processes. What connectors do is in their config: where the scenario slows or fails
  one, the config that a real worker gets says so (`Told`).
* Recorded is what a timeline records (`timelines.py`), what was done to whom, and the requests of the scenario with
  their answers.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from mockconnect.core.faults import (
    Bounce,
    Crash,
    FailConnector,
    FailTask,
    Fault,
    Freeze,
    OwnerOf,
    Slow,
    Start,
    Stop,
    Target,
    Thaw,
)
from mockconnect.files.durations import milliseconds
from mockconnect.scenario.actions import FAULT_VERBS, ActionParts, Request, fault_of
from mockconnect.scenario.loading import LoadedRule, Scenario, scenario_from_text
from mockconnect.scenario.operations import OPERATIONS
from mockconnect.scenario.requests import SHOWN_MAX, RequestRecord, is_answered, is_asked
from mockconnect.scenario.script import After
from mockconnect.scenario.shipped import find_scenario

from . import wire
from .player import Player
from .recording import recording_path, write_lines
from .script import ClusterWish, Exchange, Quiet, Script, Settle, Step
from .sightings import Row, leaders_in
from .target import OracleTarget
from .timelines import EMPTIED_S, Timeline, Watch, started_target

TEST_SOURCE: Final = "org.mockconnect.testing.TestSourceConnector"
DELAY: Final = "scheduled.rebalance.max.delay.ms"
GONE_WITHIN_S: Final = 60.0
SIGN_MS: Final = 1_500
"""How long a task has to see that it should fail; it looks ten times a second."""
REQUEST_TIMEOUT_S: Final = 120.0
_WORKERS_OF_ORACLE: Final = "[connect-1, connect-2, connect-3]"
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
    Choice("task-start-hangs", 24),
)


# --- a shipped scenario, for the oracle -------------------------------------------------------------------------------------


def scenario_for_oracle(choice: Choice) -> Scenario:
    """The shipped file with the oracle's names. Its timeline lasts as long as somebody looks: nothing heals before."""
    path = find_scenario(choice.name)
    text = re.sub(r"connect-(\d)(:\d+)?", _renamed, path.read_text(encoding="utf-8"))
    text = text.replace("com.acme.OrdersSourceConnector", TEST_SOURCE)
    text = re.sub(r"^(  workers: )3\b", rf"\g<1>{_WORKERS_OF_ORACLE}", text, flags=re.MULTILINE)
    scenario = scenario_from_text(text, str(path), choice.params)
    settings = msgspec.structs.replace(scenario.settings, duration=round(choice.seconds * 1_000))
    return replace(scenario, settings=settings)


def _renamed(found: re.Match[str]) -> str:
    number = int(found[1]) + 1
    return worker_id(number) if found[2] else f"connect-{number}"


def worker_id(number: int) -> str:
    """As the replay has it."""
    return f"127.0.0.1:{8080 + number}"


def timeline_of(choice: Choice, scenario: Scenario, told: Told | None = None) -> Timeline:
    """The cluster with its connectors, before anything happens; ``told`` adds to their configs."""
    delay = scenario.settings.timing.get("scheduled_rebalance_max_delay")
    properties = () if delay is None else ((DELAY, str(_milliseconds(delay))),)
    wish = ClusterWish(3, properties=properties)
    watch = ["/connectors"]
    steps: list[Step] = []
    for connector in scenario.cluster.connectors:
        config = {"connector.class": TEST_SOURCE, "tasks.max": str(connector.tasks or 1)}
        config |= {} if told is None else told.of(connector.name)
        target = f"/connectors/{quote(connector.name)}/config"
        headers = (("Content-Type", "application/json"),)
        steps.append(Exchange("PUT", target, headers=headers, body=json.dumps(config).encode()))
        steps.append(Settle(connector.name, "RUNNING", int(connector.tasks or 1), "RUNNING"))
    named = [one.name for one in scenario.cluster.connectors]
    for rule in scenario.rules:
        for request in requests_in(rule):
            named += [request.connector] if request.connector else []
    watch += [f"/connectors/{name}/status" for name in sorted(set(named))]
    before = Script(choice.name, wish, True, "0.10", (*steps, Quiet(2)))
    return Timeline(choice.name, wish, before, tuple(watch), 0.25, choice.seconds, ())


def _milliseconds(text: str) -> int:
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


def what_is_unplayable(scenario: Scenario) -> Iterator[str]:
    """What a scenario uses that real workers cannot be given, or that is not known here."""
    given = msgspec.to_builtins(scenario.cluster)
    known = {"workers", "plugins", "connectors"}
    if not known >= given.keys() or scenario.settings.mode == "standalone" or scenario.settings.cold_start:
        yield "the cluster"
    if given.get("workers") != ["connect-1", "connect-2", "connect-3"]:
        yield "the workers"
    if any(not {"class", "type", "version", "tasks"} >= one.keys() for one in given.get("plugins", ())):
        yield "the plugins"
    if any(not {"name", "class", "tasks"} >= one.keys() for one in given.get("connectors", ())):
        yield "the connectors"
    for loaded in scenario.rules:
        rule = loaded.rule
        asked = rule.on_request
        if rule.when or rule.random or (asked and asked.nth is None) or rule.probability or rule.max:
            yield f"{loaded.name}: when it fires"
        if isinstance(rule.after, After) and rule.after.ended:
            yield f"{loaded.name}: the end of another rule"
        if rule.until is not None and rule.until.request is None:
            yield f"{loaded.name}: until"
        for fault in faults_in(loaded):
            if not _is_playable(fault):
                yield f"{loaded.name}: {fault.verb}"
        for action in rule.actions:
            if isinstance(action, ActionParts) and action.verb not in (*FAULT_VERBS, "request"):
                yield f"{loaded.name}: {action.verb}"


def _is_playable(fault: Fault) -> bool:
    match fault:
        case Crash() | Stop() | Start() | Freeze() | Thaw() | Bounce():
            return True
        case FailTask(at="now") | FailConnector(at="start") | Slow():
            return "*" not in fault.connector and getattr(fault, "trace", None) is None
        case _:
            return False


class Told:
    """What the configs of connectors say of how they behave, for what the scenario does to them: one connector at a time,
    from its first config on. A task fails when the file comes that its config names."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._added: dict[str, dict[str, str]] = {}
        self._folder = folder
        self._name = scenario.name
        for rule in scenario.rules:
            for fault in faults_in(rule):
                match fault:
                    case FailTask(at="now"):
                        self._add(fault.connector, self._failing_task(fault))
                    case FailConnector(at="start", times=times):
                        failing = {"test.start.error": fault.message, "test.start.error.times": str(times)}
                        self._add(fault.connector, failing)
                    case Slow(code=code, takes_ms=takes_ms):
                        step = _STEPS.get(code, code)
                        self._add(fault.connector, {f"test.{step}.delay.ms": str(takes_ms or _HANGS_MS)})
        self._slow = {
            fault.connector for rule in scenario.rules for fault in faults_in(rule) if isinstance(fault, Slow)
        }

    def _add(self, connector: str, config: Mapping[str, str]) -> None:
        self._added.setdefault(connector, {}).update(config)

    def _failing_task(self, fault: FailTask) -> dict[str, str]:
        return {
            "test.task.work.error": fault.message,
            "test.task.work.error.file": str(self.sign(fault.connector)),
            "test.task.error.ids": "" if fault.task is None else str(fault.task),
        }

    def sign(self, connector: str) -> Path:
        """The file that makes tasks of a connector fail."""
        return self._folder / f"{self._name}-fails-{connector}"

    def of(self, connector: str) -> Mapping[str, str]:
        """What is there from the beginning: slowness comes with the scenario's own requests."""
        return {} if connector in self._slow else self._added.get(connector, {})

    def now(self, connector: str) -> Mapping[str, str]:
        return self._added.get(connector, {})


# --- recording --------------------------------------------------------------------------------------------------------------


def record_scenarios(choices: Sequence[Choice], version: str, keep_logs: Path | None = None) -> None:
    """Each to its file. Those that do nothing to workers, create nothing and have the same properties share a cluster."""
    shared: list[Choice] = []
    for choice in choices:
        problems = list(what_is_unplayable(scenario_for_oracle(choice)))
        if problems:
            raise UnplayableError(f"{choice.name}: {', '.join(problems)}")
        if _spares_others(scenario_for_oracle(choice)):
            shared.append(choice)
            continue
        with _target(choice, version, keep_logs) as target:
            _keep(choice, version, record_on(choice, target))
    if shared:
        with _target(shared[0], version, keep_logs) as target:
            for choice in shared:
                _keep(choice, version, record_on(choice, target))
                Player(target).tidy()
                target.pass_time(EMPTIED_S)


@contextmanager
def _target(choice: Choice, version: str, keep_logs: Path | None) -> Iterator[OracleTarget]:
    with started_target(timeline_of(choice, scenario_for_oracle(choice)), version, keep_logs) as target:
        yield target


def _spares_others(scenario: Scenario) -> bool:
    """Whether another one can be played on the same cluster. Workers may write statuses of what is deleted already, so what
    is created must not have been there before."""
    kinds = (FailTask, FailConnector, Slow)
    spared = all(isinstance(fault, kinds) for rule in scenario.rules for fault in faults_in(rule))
    there = {one.name for one in scenario.cluster.connectors}
    asked = {request.connector for rule in scenario.rules for request in requests_in(rule)} - {None}
    return spared and asked <= there and not scenario.settings.timing


def _keep(choice: Choice, version: str, rows: Sequence[Mapping[str, object]]) -> None:
    write_lines(recording_path(version, f"scenarios/{choice.name}"), rows)
    print(f"{choice.name}: {len(rows)} rows", flush=True)


def record_on(choice: Choice, target: OracleTarget) -> list[dict[str, object]]:
    """Play one scenario on real workers and give its rows, in order of time."""
    scenario = scenario_for_oracle(choice)
    told = Told(scenario, target.cluster.folder)
    timeline = timeline_of(choice, scenario, told)
    for _ in Player(target).play(timeline.before):
        pass
    return Acting(target, timeline, scenario, told).run()


class Acting(Watch):
    """The threads that play a scenario's rules beside those that watch."""

    def __init__(self, target: OracleTarget, timeline: Timeline, scenario: Scenario, told: Told) -> None:
        super().__init__(target, timeline)
        self._scenario = scenario
        self._told = told
        self._records: list[RequestRecord] = []
        self._matched: dict[str, int] = {}
        self._lock = threading.Lock()
        self._under_way: list[threading.Thread] = []
        self._problems: list[Exception] = []
        self._numbers = {f"{{worker:{n}}}": n for n in range(1, len(target.addresses()) + 1)}

    def actors(self) -> list[threading.Thread]:
        """One thread for each rule that fires by itself; others are fired by those."""
        return [
            threading.Thread(target=self._guarded, args=(partial(self._play, rule, rule.rule.at or 0),))
            for rule in self._scenario.rules
            if rule.rule.after is None and rule.rule.on_request is None
        ]

    def run(self) -> list[dict[str, object]]:
        super().run()
        for thread in self._under_way:
            thread.join()
        if self._problems:
            raise self._problems[0]
        return sorted(self.rows, key=lambda row: int(str(row["at_ms"])))

    def _guarded(self, action: Callable[[], object]) -> None:
        """What a thread raises is the recorder's to raise."""
        try:
            action()
        except Exception as problem:
            self._problems.append(problem)

    # --- rules ------------------------------------------------------------------------------------------------------------

    def _play(self, rule: LoadedRule, at_ms: int) -> None:
        """Fire at that instant, and as often as it says; no firing waits for what the one before did."""
        repeat = rule.rule.repeat
        count, every_ms = (1, 0) if repeat is None else (repeat.count, _milliseconds(repeat.every))
        for number in range(count):
            self._wait_until(at_ms + number * every_ms)
            if self._is_over(rule):
                return
            self._spawn(partial(self._fire, rule))
            for other in self._scenario.rules:
                after = (
                    After(rule=other.rule.after) if isinstance(other.rule.after, str) else other.rule.after
                )
                if after is not None and after.rule == rule.name and not after.ended:
                    self._spawn(partial(self._play, other, self.now_ms() + after.delay))

    def _spawn(self, action: Callable[[], object]) -> None:
        thread = threading.Thread(target=self._guarded, args=(action,))
        self._under_way.append(thread)
        thread.start()

    def _wait_until(self, at_ms: int) -> None:
        self.over.wait(max(0.0, self.began + at_ms / 1000 - time.monotonic()))

    def _is_over(self, rule: LoadedRule) -> bool:
        until = rule.rule.until
        if self.over.is_set():
            return True
        wanted = None if until is None else until.request
        return wanted is not None and any(is_answered(one, wanted) for one in self._records)

    def _fire(self, rule: LoadedRule) -> None:
        for fault in faults_in(rule):
            self._inject(rule, fault)
        for request in requests_in(rule):
            for worker in self._resolve(request.worker):
                self._ask(rule, request, worker)

    # --- whom -----------------------------------------------------------------------------------------------------------------

    def _resolve(self, target: Target) -> Sequence[int]:
        """Who that is now, on the real cluster."""
        if isinstance(target, OwnerOf):
            return [self._owner(target.connector, target.task)]
        if not isinstance(target, str):
            return [one for name in target for one in self._resolve(name)]
        if target.startswith("connect-"):
            return [int(target.removeprefix("connect-"))]
        if target.startswith("owner_of:"):
            connector, _, task = target.removeprefix("owner_of:").strip().partition("/")
            return [self._owner(connector, int(task) if task else None)]
        running = [one.number for one in self.target.cluster.workers if one.process.pid is not None]
        leader = leaders_in(self._assignments())[-1]
        followers = [one for one in running if one != leader]
        known = {"leader": [leader], "follower": followers[:1], "followers": followers, "all": running}
        if target not in known:
            raise UnplayableError(f"the target {target}")
        return known[target]

    def _owner(self, connector: str, task: int | None) -> int:
        part = "status" if task is None else f"tasks/{task}/status"
        for worker in self.target.cluster.workers:
            seen = self.seen(worker.number, wire.Request("GET", f"/connectors/{quote(connector)}/{part}"), 5)
            if seen.get("status") == 200:
                body = json.loads(str(seen["body"]))
                return self._numbers[(body["connector"] if task is None else body)["worker_id"]]
        raise UnplayableError(f"nobody runs {connector}")

    # --- faults ---------------------------------------------------------------------------------------------------------------

    def _inject(self, rule: LoadedRule, fault: Fault) -> None:
        match fault:
            case Slow() | FailConnector(at="start"):
                return  # the config says so
            case FailTask(at="now"):
                sign = self._told.sign(fault.connector)
                sign.touch()
                self.rows.append({"at_ms": self.now_ms(), "event": "fail_task", "rule": rule.name})
                self._wait_until(self.now_ms() + SIGN_MS)
                sign.unlink()
            case Crash() | Stop() | Start() | Freeze() | Thaw():
                numbers = self._resolve(fault.worker)
                for number in numbers:
                    self._to_worker(rule, fault.verb, number)
                healing = {"crash": "start", "stop": "start", "freeze": "thaw"}.get(fault.verb)
                lasts_ms = getattr(fault, "for_ms", None)
                if healing is not None and lasts_ms is not None:
                    self._wait_until(self.now_ms() + lasts_ms)
                    for number in numbers:
                        self._to_worker(rule, healing, number)
            case Bounce():
                for number in self._resolve(fault.worker):
                    self._bounce(rule, fault, number)
            case _:
                raise AssertionError(f"nobody looked whether {fault.verb} of {rule.name} can be played")

    def _to_worker(self, rule: LoadedRule, verb: str, number: int) -> None:
        self.rows.append({"at_ms": self.now_ms(), "worker": number, "event": verb, "rule": rule.name})
        process = self.target.cluster.workers[number - 1].process
        getattr(process, "terminate" if verb == "stop" else verb)()

    def _bounce(self, rule: LoadedRule, fault: Bounce, number: int) -> None:
        self._to_worker(rule, "stop" if fault.graceful else "crash", number)
        process = self.target.cluster.workers[number - 1].process
        deadline = time.monotonic() + GONE_WITHIN_S
        while process.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._wait_until(self.now_ms() + fault.down_for_ms)
        self._to_worker(rule, "start", number)

    # --- requests -------------------------------------------------------------------------------------------------------------

    def _ask(self, rule: LoadedRule, request: Request, worker: int) -> None:
        record = RequestRecord(
            len(self._records) + 1,
            self.now_ms(),
            "scenario",
            f"connect-{worker}",
            request.operation,
            request.connector or "",
            request.task,
            (request.config or {}).get("connector.class") or "",
            rule.name,
        )
        with self._lock:
            self._records.append(record)
        self._tell(record)
        patience_s = REQUEST_TIMEOUT_S if request.give_up_after is None else request.give_up_after / 1_000
        seen = self.seen(worker, http_request(request, self._told), patience_s)
        complete(record, seen, self.now_ms())
        row: dict[str, object] = {
            "at_ms": record.at_ms,
            "worker": worker,
            "event": "request",
            "rule": rule.name,
        }
        row |= {"operation": record.operation, "connector": record.connector, "task": record.task}
        self.rows.append(row | {"answered_at_ms": record.ended_at_ms, **seen})

    def _tell(self, record: RequestRecord) -> None:
        """Rules that wait for such a request."""
        for rule in self._scenario.rules:
            trigger = rule.rule.on_request
            if trigger is None or not is_asked(record, trigger):
                continue
            with self._lock:
                self._matched[rule.name] = self._matched.get(rule.name, 0) + 1
            if self._matched[rule.name] == trigger.nth:
                self._spawn(partial(self._play, rule, self.now_ms()))


def http_request(request: Request, told: Told) -> wire.Request:
    """As it goes over the wire."""
    row = OPERATIONS[request.operation]
    target = row.path.format(name=quote(request.connector or ""), task=request.task, plugin=request.plugin)
    queries = [f"expand={one}" for one in request.expand or ()]
    queries += [] if request.include_tasks is None else [f"includeTasks={str(request.include_tasks).lower()}"]
    queries += [] if request.only_failed is None else [f"onlyFailed={str(request.only_failed).lower()}"]
    target += f"?{'&'.join(queries)}" if queries else ""
    if request.config is None:
        return wire.Request(row.method, target)
    config: object = {**request.config, **told.now(request.connector or "")}
    if request.operation == "create_connector":
        config = {"name": request.connector, "config": config}
    headers = (("Content-Type", "application/json"),)
    return wire.Request(row.method, target, headers, json.dumps(config).encode())


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
