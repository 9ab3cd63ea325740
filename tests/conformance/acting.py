"""Shipped scenarios played on real workers, and recorded: the rules of `scenarios.py` carried out.

Rules fire as those of the scenario's own player do, each in threads of its own. A condition is looked at again and again
in what the recorder has seen so far (`pictures.py`). What is done to a worker by an upgrade counts from its next start.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from mockconnect.core.faults import (
    Bounce,
    Crash,
    FailConnector,
    FailTask,
    Fault,
    Freeze,
    Lag,
    OwnerOf,
    RollingUpgrade,
    SetPlugins,
    SetVersion,
    Slow,
    Start,
    Stop,
    Target,
    Thaw,
    WriteStatus,
    Zombie,
)
from mockconnect.scenario.actions import Request
from mockconnect.scenario.loading import LoadedRule, Scenario
from mockconnect.scenario.requests import RequestRecord, is_answered, is_asked
from mockconnect.scenario.script import After

from . import wire
from .oracle.meddler import Meddler
from .oracle.worker import WorkerPlan
from .pictures import holds, pictures_of
from .player import Player
from .recording import recording_path, write_lines
from .scenarios import (
    JOINED,
    Choice,
    Told,
    UnplayableError,
    complete,
    faults_in,
    hanging_stops,
    http_request,
    plugin_sets,
    requests_in,
    scenario_for_oracle,
    span_ms,
    timeline_of,
    what_is_unplayable,
)
from .sightings import leaders_in
from .target import OracleTarget
from .timelines import EMPTIED_S, Timeline, Watch, started_target

GONE_WITHIN_S: Final = 60.0
SIGN_MS: Final = 1_500
"""How long a task has to see that it should fail; it looks ten times a second."""
LOOK_S: Final = 0.1
REQUEST_TIMEOUT_S: Final = 120.0


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
    scenario = scenario_for_oracle(choice)
    timeline = hanging_stops(timeline_of(choice, scenario), scenario)
    with started_target(timeline, version, keep_logs) as target:
        yield target


def _spares_others(scenario: Scenario) -> bool:
    """Whether another one can be played on the same cluster. Workers may write statuses of what is deleted already, so what
    is created must not have been there before."""
    kinds = (FailTask, FailConnector, Slow)
    spared = all(isinstance(fault, kinds) for rule in scenario.rules for fault in faults_in(rule))
    there = {one.name for one in scenario.cluster.connectors}
    asked = {request.connector for rule in scenario.rules for request in requests_in(rule)} - {None}
    usual = not scenario.settings.timing and scenario.settings.mode is None and bool(there)
    cluster = scenario.cluster
    usual = usual and not (cluster.plugin_sets or cluster.kafka_version or cluster.config)
    return spared and asked <= there and usual and all(isinstance(one, str) for one in _rows(scenario))


def _rows(scenario: Scenario) -> Sequence[object]:
    workers = scenario.cluster.workers
    return workers if isinstance(workers, list) else ()


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
    acting = Acting(target, timeline, scenario, told)
    try:
        return acting.run()
    finally:
        acting.end()


class Acting(Watch):
    """The threads that play a scenario's rules beside those that watch."""

    def __init__(self, target: OracleTarget, timeline: Timeline, scenario: Scenario, told: Told) -> None:
        super().__init__(target, timeline)
        self._scenario = scenario
        self._told = told
        self._records: list[RequestRecord] = []
        self._matched: dict[str, int] = {}
        self._fired: set[str] = set()
        self._ended: set[str] = set()
        self._open: dict[str, int] = {}
        self._lock = threading.RLock()
        self._under_way: list[threading.Thread] = []
        self._problems: list[Exception] = []
        self._numbers = {f"{{worker:{n}}}": n for n in range(1, len(target.addresses()) + 1)}
        self._sets = plugin_sets(scenario, target.cluster.version)
        self._plans: dict[int, WorkerPlan] = {}
        """What workers will be when they start again."""
        meddles = any(isinstance(one, WriteStatus) for rule in scenario.rules for one in faults_in(rule))
        cluster = target.cluster
        self._meddler = Meddler(cluster.version, cluster.broker.address) if meddles else None

    def end(self) -> None:
        if self._meddler is not None:
            self._meddler.end()

    def actors(self) -> list[threading.Thread]:
        """One thread for each rule that fires by itself; others are fired by those."""
        threads: list[threading.Thread] = []
        for rule in self._scenario.rules:
            if rule.rule.when is not None:
                threads.append(self._thread(partial(self._wait_for, rule)))
            elif rule.rule.after is None and rule.rule.on_request is None:
                threads.append(self._thread(partial(self._play, rule, rule.rule.at or 0)))
        return threads

    def run(self) -> list[dict[str, object]]:
        super().run()
        for thread in self._under_way:
            thread.join()
        if self._problems:
            raise self._problems[0]
        return sorted(self.rows, key=lambda row: int(str(row["at_ms"])))

    def _thread(self, action: Callable[[], object]) -> threading.Thread:
        return threading.Thread(target=self._guarded, args=(action,))

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
        count, every_ms = (1, 0) if repeat is None else (repeat.count, span_ms(repeat.every))
        with self._lock:
            self._open[rule.name] = self._open.get(rule.name, 0) + count
        for number in range(count):
            self._wait_until(at_ms + number * every_ms)
            if self._is_over(rule):
                self._done(rule, count - number)
                return
            self._fired.add(rule.name)
            self._spawn(partial(self._fire, rule))
            self._happened(rule, ended=False)

    def _happened(self, rule: LoadedRule, *, ended: bool) -> None:
        for other in self._scenario.rules:
            after = After(rule=other.rule.after) if isinstance(other.rule.after, str) else other.rule.after
            if after is not None and after.rule == rule.name and after.ended is ended:
                self._spawn(partial(self._play, other, self.now_ms() + after.delay))

    def _wait_for(self, rule: LoadedRule) -> None:
        """Fire when a state has come about and held; again when it was not there in between."""
        condition = rule.rule.when
        assert condition is not None, rule.name
        times, since_ms, fired = 0, -1, False
        while not self.over.wait(LOOK_S) and (rule.rule.max is None or times < rule.rule.max):
            told = [*self.rows, *(self._assignments() if condition.workers or condition.group else ())]
            rows = sorted(told, key=lambda row: int(str(row["at_ms"])))
            pictures = list(pictures_of(rows))
            if not pictures or not holds(condition, pictures[-1]):
                since_ms, fired = -1, False
                continue
            since_ms = self.now_ms() if since_ms < 0 else since_ms
            if not fired and self.now_ms() - since_ms >= condition.for_:
                times, fired = times + 1, True
                self._play(rule, self.now_ms())

    def _spawn(self, action: Callable[[], object]) -> None:
        thread = self._thread(action)
        self._under_way.append(thread)
        thread.start()

    def _wait_until(self, at_ms: int) -> None:
        self.over.wait(max(0.0, self.began + at_ms / 1000 - time.monotonic()))

    def _is_over(self, rule: LoadedRule) -> bool:
        until = rule.rule.until
        if self.over.is_set():
            return True
        if until is None:
            return False
        if until.rule is not None:
            return until.rule in (self._ended if until.ended else self._fired)
        wanted = until.request
        return wanted is not None and any(is_answered(one, wanted) for one in self._records)

    def _fire(self, rule: LoadedRule) -> None:
        """Its actions one after the other; a rule is over when all that it did is."""
        for fault in faults_in(rule):
            self._inject(rule, fault)
        for request in requests_in(rule):
            for worker in self._resolve(request.worker):
                self._ask(rule, request, worker)
        self._done(rule, 1)

    def _done(self, rule: LoadedRule, firings: int) -> None:
        with self._lock:
            self._open[rule.name] -= firings
            is_last = not self._open[rule.name]
        if is_last:
            self._ended.add(rule.name)
            self._happened(rule, ended=True)

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
        return self._assigned(
            f"connectorIds=[{connector}]" if task is None else f"taskIds=[{connector}-{task}]"
        )

    def _assigned(self, alone: str) -> int:
        """Whom the newest assignment that names something alone names: what has no status is nobody's otherwise."""
        told = [row for row in self._assignments() if alone in str(row["assignment"])]
        if not told:
            raise UnplayableError(f"nobody was assigned {alone}")
        return int(str(max(told, key=lambda row: int(str(row["generation"])))["worker"]))

    # --- faults ---------------------------------------------------------------------------------------------------------------

    def _inject(self, rule: LoadedRule, fault: Fault) -> None:
        match fault:
            case Slow() | FailConnector(at="start") | FailTask(at="running") | Lag():
                return  # the config says so, or it is none at all
            case FailTask(at="now"):
                self._with_sign(rule, fault, SIGN_MS)
            case Zombie():
                self._with_sign(rule, fault, fault.for_ms)
            case WriteStatus():
                self._write_status(rule, fault)
            case RollingUpgrade():
                self._roll(rule, fault)
            case _:
                self._inject_in_workers(rule, fault)

    def _inject_in_workers(self, rule: LoadedRule, fault: Fault) -> None:
        match fault:
            case Crash() | Stop() | Start() | Freeze() | Thaw():
                self._to_workers(rule, fault)
            case Bounce():
                for number in self._resolve(fault.worker):
                    self._bounce(rule, fault, number)
            case SetPlugins(to=str(name)):
                for number in self._resolve(fault.worker):
                    self._plans[number] = replace(self._plan(number), stand_ins=self._sets[name][1])
            case SetVersion():
                for number in self._resolve(fault.worker):
                    self._plans[number] = replace(self._plan(number), version=fault.kafka_version)
            case _:
                raise AssertionError(f"nobody looked whether {fault.verb} of {rule.name} can be played")

    def _note(self, rule: LoadedRule, event: str) -> None:
        self.rows.append({"at_ms": self.now_ms(), "event": event, "rule": rule.name})

    def _last(self, lasts_ms: int | None) -> None:
        """Until a fault ends; to the end, if it does not say when."""
        self.over.wait() if lasts_ms is None else self._wait_until(self.now_ms() + lasts_ms)

    def _with_sign(self, rule: LoadedRule, fault: FailTask | Zombie, lasts_ms: int | None) -> None:
        self._note(rule, fault.verb)
        sign = self._told.sign(fault)
        sign.touch()
        self._last(lasts_ms)
        sign.unlink()

    def _to_workers(self, rule: LoadedRule, fault: Crash | Stop | Start | Freeze | Thaw) -> None:
        numbers = self._resolve(fault.worker)
        for number in numbers:
            self._to_worker(rule, fault.verb, number)
        healing = {"crash": "start", "stop": "start", "freeze": "thaw"}.get(fault.verb)
        lasts_ms = getattr(fault, "for_ms", None)
        if healing is not None and lasts_ms is not None:
            self._wait_until(self.now_ms() + lasts_ms)
            for number in numbers:
                if isinstance(fault, Stop) and fault.hang:
                    self._to_worker(rule, "crash", number)
                self._to_worker(rule, healing, number)

    def _to_worker(self, rule: LoadedRule, verb: str, number: int) -> None:
        self.rows.append({"at_ms": self.now_ms(), "worker": number, "event": verb, "rule": rule.name})
        worker = self.target.cluster.workers[number - 1]
        if verb == "start" and number in self._plans:
            worker.become(self._plans.pop(number))
        getattr(worker.process, "terminate" if verb == "stop" else verb)()

    def _plan(self, number: int) -> WorkerPlan:
        return self._plans.get(number, self.target.cluster.workers[number - 1].plan)

    def _bounce(self, rule: LoadedRule, fault: Bounce | RollingUpgrade, number: int) -> None:
        self._to_worker(rule, "stop" if fault.graceful else "crash", number)
        process = self.target.cluster.workers[number - 1].process
        deadline = time.monotonic() + GONE_WITHIN_S
        while process.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._wait_until(self.now_ms() + fault.down_for_ms)
        self._to_worker(rule, "start", number)

    # --- upgrades ---------------------------------------------------------------------------------------------------------------

    def _roll(self, rule: LoadedRule, fault: RollingUpgrade) -> None:
        """One worker after the other, as an operator does it."""
        left = list(self._resolve(fault.workers))
        while left and not self.over.is_set():
            number = self._next(fault, left)
            left.remove(number)
            self._plans[number] = self._upgraded(fault, number)
            self._bounce(rule, fault, number)
            self._wait_joined(number, fault.timeout_ms)
            self.rows.append({"at_ms": self.now_ms(), "worker": number, "event": JOINED, "rule": rule.name})
            if left:
                self._wait_until(self.now_ms() + fault.pause_ms)

    def _next(self, fault: RollingUpgrade, left: Sequence[int]) -> int:
        leader = self._resolve("leader")[0]
        match fault.order:
            case "leader_first":
                return leader if leader in left else left[0]
            case "leader_last":
                return next((number for number in left if number != leader), left[0])
            case "reversed":
                return left[-1]
            case _:
                return left[0]

    def _upgraded(self, fault: RollingUpgrade, number: int) -> WorkerPlan:
        plan = self._plan(number)
        if fault.kafka_version is not None:
            plan = replace(plan, version=fault.kafka_version)
        if isinstance(fault.plugins, str):
            plan = replace(plan, stand_ins=self._sets[fault.plugins][1])
        return plan

    def _wait_joined(self, number: int, timeout_ms: int) -> None:
        """A ready herder answers for a connector that there is not."""
        deadline_ms = self.now_ms() + timeout_ms
        while self.now_ms() < deadline_ms and not self.over.wait(LOOK_S):
            seen = self.seen(number, wire.Request("GET", "/connectors/nobody"), 5)
            if "Connector nobody not found" in str(seen.get("body", "")):
                return

    # --- topics -----------------------------------------------------------------------------------------------------------------

    def _write_status(self, rule: LoadedRule, fault: WriteStatus) -> None:
        assert self._meddler is not None
        named = fault.worker
        worker_id = str(named)
        if named is not None and ":" not in worker_id:
            host, port = self.target.addresses()[self._resolve(named)[0] - 1]
            worker_id = f"{host}:{port}"
        assert named is not None, "the status says whom it names"
        latest = max(int(str(row["generation"])) for row in self._assignments())
        generation = latest if fault.generation is None else fault.generation
        about = f"connector-{fault.connector}"
        if fault.task is not None:
            about = f"task-{fault.connector}-{fault.task}"
        status = {"state": fault.state, "trace": None, "worker_id": worker_id, "generation": generation}
        self._meddler.write("status", f"status-{about}", json.dumps({**status, "version": "1.0.0"}))
        self._note(rule, fault.verb)

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
