"""Timelines: something happens to a cluster of three, and every worker is watched from outside while it does.

A timeline is a file in `corpus/timelines/`: a cluster, connectors that run before it begins, and events at fixed
milliseconds. Several paths of every worker are polled; only changes are kept. What the workers logged of their
assignments is added, so that a recording also tells each generation's leader, assignment, revocations and delay.

Workers may differ: `kafka_versions` lists their versions, `added` those with one more plugin, `absent` those that do not
run yet. A worker that is started by an event may be given another version, the plugin, or properties.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml

from mockconnect.core.javahash import hash_order

from .normalise import Normaliser
from .oracle.cluster import OracleCluster
from .oracle.jars import StandIn
from .oracle.releases import NEWEST
from .oracle.worker import WorkerPlan
from .player import Player
from .script import CORPUS, VERBS, ClusterWish, Exchange, Script, load_steps
from .target import OracleTarget
from .wire import Request, WireError, exchange

SAMPLE_S = 0.25
SAMPLE_TIMEOUT_S = 15.0
EMPTIED_S = 4.0  # more than a heartbeat: nothing of an earlier run is under way
_ASSIGNED = re.compile(
    r"^(?P<at>\S+ \S+) .*Joined group at generation (?P<generation>\d+) with protocol version (?P<protocol>\d+) and got"
    r" assignment: (?P<assignment>Assignment\{.*\}) with rebalance delay: (?P<delay>\d+)"
)
_MEMBER_ID = re.compile(
    r"Generation\{generationId=(?P<generation>\d+), memberId='(?P<member>connect-\d+-[^']*)'"
)
_MEMBER = re.compile(r"(connect-\d+)-[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True, slots=True)
class Event:
    """Something done at `at_ms`: a verb on a worker (or the broker, number 0), or a request."""

    at_ms: int
    verb: str
    worker: int
    request: Request | None = None
    change: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One file of `corpus/timelines/`. Where `kafka_versions` tells workers apart, it is played on the newest line only,
    or on that of `version`. A scenario that is played may want classes of others (`stand_ins`) on all workers."""

    name: str
    cluster: ClusterWish
    before: Script
    watch: tuple[str, ...]
    sample_s: float
    seconds: float
    events: tuple[Event, ...]
    kafka_versions: tuple[str, ...] = ()
    added: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()
    version: str | None = None
    stand_ins: tuple[StandIn, ...] = ()

    def plan(self, number: int, version: str) -> WorkerPlan:
        """What worker `number` is when it starts first, in a recording of `version`."""
        own = self.kafka_versions[number - 1] if self.kafka_versions else version
        properties = {**dict(self.cluster.properties), **dict(dict(self.cluster.own).get(number, ()))}
        return WorkerPlan(
            own,
            standalone=self.cluster.standalone,
            properties=properties,
            added=number in self.added,
            stand_ins=self.stand_ins,
        )

    def recorded_for(self, version: str) -> bool:
        """Whether a recording of `version` makes sense."""
        return self.version in (None, version)


def changed(plan: WorkerPlan, change: Mapping[str, object]) -> WorkerPlan:
    """A worker's plan with the changes of the event that starts it."""
    properties = change.get("properties", {})
    assert isinstance(properties, dict)
    return replace(
        plan,
        version=str(change.get("kafka_version", plan.version)),
        added=bool(change.get("added", plan.added)),
        properties={**plan.properties, **{str(key): str(value) for key, value in properties.items()}},
    )


def load_timelines(folder: Path = CORPUS / "timelines") -> list[Timeline]:
    """Every timeline, by name."""
    return [_load(path) for path in sorted(folder.glob("*.yaml"))]


def _load(path: Path) -> Timeline:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    properties = {str(key): str(value) for key, value in data.get("properties", {}).items()}
    wish = ClusterWish(data.get("workers", 3), properties=tuple(sorted(properties.items())))
    before = Script(path.stem, wish, True, "0.10", load_steps(data.get("before", []), path.name))
    events = tuple(_event(raw, path.name) for raw in data["events"])
    return Timeline(
        path.stem,
        wish,
        before,
        tuple(data["watch"]),
        data.get("sample_ms", 250) / 1000,
        data["seconds"],
        events,
        tuple(map(str, data.get("kafka_versions", ()))),
        tuple(data.get("added", ())),
        tuple(data.get("absent", ())),
        data.get("version", NEWEST if "kafka_versions" in data else None),
    )


def _event(raw: Mapping[str, object], where: str) -> Event:
    at_ms = int(str(raw["at"]))
    rest = {key: value for key, value in raw.items() if key != "at"}
    if "send" in rest:
        step = load_steps([rest], where)[0]
        assert isinstance(step, Exchange)
        return Event(
            at_ms, "send", int(step.worker), Request(step.method, step.target, step.headers, step.body)
        )
    (verb,) = rest.keys() & set(VERBS)
    change = {key: value for key, value in rest.items() if key != verb}
    assert not change or verb == "start", where
    return Event(at_ms, verb, int(str(rest[verb])), change=change or None)


def record_timeline(
    timeline: Timeline, version: str, keep_logs: Path | None = None
) -> list[dict[str, object]]:
    """Play one timeline on real workers and give its rows, in order of time."""
    with started_target(timeline, version, keep_logs) as target:
        return _recorded(timeline, target)


def record_again_and_again(
    timeline: Timeline, version: str, runs: int, keep_logs: Path | None = None
) -> Iterator[list[dict[str, object]]]:
    """The same so many times; where nothing but requests happens, on one cluster, emptied in between."""
    if any(event.request is None for event in timeline.events):
        for _ in range(runs):
            yield record_timeline(timeline, version, keep_logs)
        return
    with started_target(timeline, version, keep_logs) as target:
        for _ in range(runs):
            yield _recorded(timeline, target)
            Player(target).tidy()
            target.pass_time(EMPTIED_S)


def _recorded(timeline: Timeline, target: OracleTarget) -> list[dict[str, object]]:
    for _ in Player(target).play(timeline.before):
        pass
    return Watch(target, timeline).run()


@contextmanager
def started_target(timeline: Timeline, version: str, keep_logs: Path | None) -> Iterator[OracleTarget]:
    """The first worker starts alone, so that it leads."""
    with OracleCluster(version, keep_logs) as cluster:
        for number in range(1, timeline.cluster.workers + 1):
            cluster.add_worker(timeline.plan(number, version))
        first, *others = (worker for worker in cluster.workers if worker.number not in timeline.absent)
        for group in ([first], others):
            for worker in group:
                worker.start()
            for worker in group:
                worker.wait_ready()
        yield OracleTarget(cluster, down=timeline.absent)


class Watch:
    """The threads that poll, and the clock they share."""

    def __init__(self, target: OracleTarget, timeline: Timeline):
        self.target = target
        self._timeline = timeline
        self.rows: list[dict[str, object]] = []
        self.over = threading.Event()
        addresses = {f"{host}:{port}": str(n) for n, (host, port) in enumerate(target.addresses(), 1)}
        self.normaliser = Normaliser(addresses, str(target.cluster.folder))
        self.began = 0.0
        self._began_epoch = 0.0

    def run(self) -> list[dict[str, object]]:
        lead_s = 1.0
        self.began, self._began_epoch = time.monotonic() + lead_s, time.time() + lead_s
        workers = range(1, len(self.target.addresses()) + 1)
        threads = [
            threading.Thread(target=self._sample, args=(n, path))
            for n in workers
            for path in self._timeline.watch
        ]
        threads += self.actors()
        for thread in threads:
            thread.start()
        time.sleep(lead_s + self._timeline.seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        self.rows += self._assignments()
        return sorted(self.rows, key=lambda row: int(str(row["at_ms"])))

    def actors(self) -> list[threading.Thread]:
        """What makes things happen."""
        return [threading.Thread(target=self._act, args=(event,)) for event in self._timeline.events]

    def now_ms(self) -> int:
        return round((time.monotonic() - self.began) * 1000)

    def _sample(self, worker: int, path: str) -> None:
        last: dict[str, object] = {}
        while not self.over.is_set():
            sent_ms = self.now_ms()
            seen = self.seen(worker, Request("GET", path), SAMPLE_TIMEOUT_S)
            took_ms = self.now_ms() - sent_ms
            if seen != last:
                slow = {"took_ms": took_ms} if took_ms > 250 else {}
                self.rows.append({"at_ms": sent_ms + took_ms, "worker": worker, "path": path, **slow, **seen})
                last = seen
            self.over.wait(max(0.0, self._timeline.sample_s - took_ms / 1000))

    def seen(self, worker: int, request: Request, timeout_s: float) -> dict[str, object]:
        host, port = self.target.addresses()[worker - 1]
        try:
            answer = self.normaliser.observation(request, exchange(host, port, request, timeout_s))
        except WireError as error:
            return {"failure": str(error).split(":")[0]}
        return {"status": answer.status, "body": answer.body}

    def _act(self, event: Event) -> None:
        time.sleep(max(0.0, self.began + event.at_ms / 1000 - time.monotonic()))
        row: dict[str, object] = {"at_ms": self.now_ms(), "worker": event.worker, "event": event.verb}
        if event.request is not None:
            seen = self.seen(event.worker, event.request, 120)
            row |= {"method": event.request.method, "target": event.request.target}
            row |= {"body_sent": event.request.body.decode()} if event.request.body else {}
            row |= {"answered_at_ms": self.now_ms(), **seen}
        else:
            self._do(event)
        self.rows.append(row)

    def _do(self, event: Event) -> None:
        cluster = self.target.cluster
        if not event.worker:
            getattr(cluster.broker.process, event.verb)()
            return
        worker = cluster.workers[event.worker - 1]
        if event.change:
            worker.become(changed(worker.plan, event.change))
        getattr(worker.process, "terminate" if event.verb == "stop" else event.verb)()

    def _visits(self) -> Mapping[int, str]:
        """Of each generation: numbers of its members as the leader's hash map gives them, which goes by their ids."""
        found: dict[int, set[str]] = {}
        for worker in self.target.cluster.workers:
            for match in _MEMBER_ID.finditer(worker.process.log.read_text(errors="replace")):
                found.setdefault(int(match["generation"]), set()).add(match["member"])
        return {
            generation: "".join(member_id.split("-")[1] for member_id in hash_order(sorted(member_ids)))
            for generation, member_ids in found.items()
        }

    def _assignments(self) -> Iterator[dict[str, object]]:
        visits = self._visits()
        for worker in self.target.cluster.workers:
            for line in worker.process.log.read_text(errors="replace").splitlines():
                found = _ASSIGNED.match(line)
                if found:
                    at = datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
                    row = {"at_ms": round((at - self._began_epoch) * 1000), "worker": worker.number}
                    yield row | {
                        "generation": int(found["generation"]),
                        "delay_ms": int(found["delay"]),
                        "visits": visits.get(int(found["generation"]), ""),
                        "assignment": self.normaliser.addresses(_MEMBER.sub(r"\1", found["assignment"])),
                    }
