"""Timelines: something happens to a cluster of three, and every worker is watched from outside while it does.

A timeline is a file in `corpus/timelines/`: a cluster, connectors that run before it begins, and events at fixed
milliseconds. Several paths of every worker are polled; only changes are kept. What the workers logged of their
assignments is added, so that a recording also tells each generation's leader, assignment, revocations and delay.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from .normalise import Normaliser
from .player import Player
from .script import CORPUS, ClusterWish, Exchange, Script, load_steps
from .target import OracleTarget, TargetFactory
from .wire import Request, WireError, exchange

SAMPLE_S = 0.25
SAMPLE_TIMEOUT_S = 15.0
_ASSIGNED = re.compile(
    r"^(?P<at>\S+ \S+) .*Joined group at generation (?P<generation>\d+) with protocol version (?P<protocol>\d+) and got"
    r" assignment: (?P<assignment>Assignment\{.*\}) with rebalance delay: (?P<delay>\d+)"
)
_MEMBER = re.compile(r"(connect-\d+)-[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True, slots=True)
class Event:
    """Something done at `at_ms`: a verb on a worker (or the broker, number 0), or a request."""

    at_ms: int
    verb: str
    worker: int
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One file of `corpus/timelines/`."""

    name: str
    cluster: ClusterWish
    before: Script
    watch: tuple[str, ...]
    sample_s: float
    seconds: float
    events: tuple[Event, ...]


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
    ((verb, worker),) = rest.items()
    return Event(at_ms, verb, int(str(worker)))


def record_timeline(timeline: Timeline, factory: TargetFactory) -> list[dict[str, object]]:
    """Play one timeline on real workers and give its rows, in order of time."""
    with factory(timeline.cluster) as target:
        assert isinstance(target, OracleTarget)
        for _ in Player(target).play(timeline.before):
            pass
        return _Watch(target, timeline).run()


class _Watch:
    """The threads that poll, and the clock they share."""

    def __init__(self, target: OracleTarget, timeline: Timeline):
        self._target = target
        self._timeline = timeline
        self._rows: list[dict[str, object]] = []
        self._over = threading.Event()
        addresses = {f"{host}:{port}": str(n) for n, (host, port) in enumerate(target.addresses(), 1)}
        self._normaliser = Normaliser(addresses, str(target.cluster.folder))
        self._began = 0.0
        self._began_epoch = 0.0

    def run(self) -> list[dict[str, object]]:
        lead_s = 1.0
        self._began, self._began_epoch = time.monotonic() + lead_s, time.time() + lead_s
        workers = range(1, len(self._target.addresses()) + 1)
        threads = [
            threading.Thread(target=self._sample, args=(n, path))
            for n in workers
            for path in self._timeline.watch
        ]
        threads += [threading.Thread(target=self._act, args=(event,)) for event in self._timeline.events]
        for thread in threads:
            thread.start()
        time.sleep(lead_s + self._timeline.seconds)
        self._over.set()
        for thread in threads:
            thread.join()
        self._rows += self._assignments()
        return sorted(self._rows, key=lambda row: int(str(row["at_ms"])))

    def _now_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def _sample(self, worker: int, path: str) -> None:
        last: dict[str, object] = {}
        while not self._over.is_set():
            sent_ms = self._now_ms()
            seen = self._seen(worker, Request("GET", path), SAMPLE_TIMEOUT_S)
            took_ms = self._now_ms() - sent_ms
            if seen != last:
                slow = {"took_ms": took_ms} if took_ms > 250 else {}
                self._rows.append(
                    {"at_ms": sent_ms + took_ms, "worker": worker, "path": path, **slow, **seen}
                )
                last = seen
            self._over.wait(max(0.0, self._timeline.sample_s - took_ms / 1000))

    def _seen(self, worker: int, request: Request, timeout_s: float) -> dict[str, object]:
        host, port = self._target.addresses()[worker - 1]
        try:
            answer = self._normaliser.observation(exchange(host, port, request, timeout_s))
        except WireError as error:
            return {"failure": str(error).split(":")[0]}
        return {"status": answer.status, "body": answer.body}

    def _act(self, event: Event) -> None:
        time.sleep(max(0.0, self._began + event.at_ms / 1000 - time.monotonic()))
        row: dict[str, object] = {"at_ms": self._now_ms(), "worker": event.worker, "event": event.verb}
        if event.request is not None:
            seen = self._seen(event.worker, event.request, 120)
            row |= {"method": event.request.method, "target": event.request.target}
            row |= {"body_sent": event.request.body.decode()} if event.request.body else {}
            row |= {"answered_at_ms": self._now_ms(), **seen}
        else:
            cluster = self._target.cluster
            process = cluster.workers[event.worker - 1].process if event.worker else cluster.broker.process
            getattr(process, "terminate" if event.verb == "stop" else event.verb)()
        self._rows.append(row)

    def _assignments(self) -> Iterator[dict[str, object]]:
        for worker in self._target.cluster.workers:
            for line in worker.process.log.read_text(errors="replace").splitlines():
                found = _ASSIGNED.match(line)
                if found:
                    at = datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
                    row = {"at_ms": round((at - self._began_epoch) * 1000), "worker": worker.number}
                    yield row | {
                        "generation": int(found["generation"]),
                        "delay_ms": int(found["delay"]),
                        "assignment": self._normaliser.addresses(_MEMBER.sub(r"\1", found["assignment"])),
                    }
