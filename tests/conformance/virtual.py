"""A timeline played on mockconnect in virtual time, and looked at as the recorder looks at real workers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from mockconnect.catalog import apache_plugins, client_definition
from mockconnect.core.answers import Created
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.connect import Rest
from mockconnect.core.errors import ConnectError
from mockconnect.core.network import Break
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.core.versions import KafkaVersion
from mockconnect.rest import wire
from mockconnect.rest.calls import complete
from mockconnect.rest.jackson import Jackson
from mockconnect.rest.paths import BadTarget, parse_target
from mockconnect.rest.routes import Match, Missing, RouteTable

from .normalise import Normaliser
from .oracle.jars import StandIn
from .oracle.worker import WorkerPlan
from .script import Exchange, Quiet
from .sightings import (
    JETTY_PAGE,
    REFUSED,
    TIMED_OUT,
    Assigned,
    Generations,
    Seen,
    Started,
    View,
    without_races,
)
from .simulated import Lessons, testing_plugins
from .timelines import Event, Timeline, changed
from .wire import Request

LOOK_MS = 50
WORKER_LATENCY_MS = 60
CLIENT_PATIENCE_MS = 15_000
ADDED = "org.mockconnect.testing.AddedSourceConnector"
_PHRASES = {404: "Not Found", 405: "Method Not Allowed"}
_TIMES = ("scheduled.rebalance.max.delay.ms", "rebalance.timeout.ms")
_LED_BY = re.compile(r"leader connect-(\d+)")
_ASSIGNED = re.compile(r"(\d+) connectors (\d+) tasks(?:, revoked (\d+)\+(\d+))?(?:, delay (\d+) ms)?")


class Looked:
    """One path of one worker, looked at again and again: one request at a time."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.asked_at_ms = 0
        self.open: Reply[object] | None = None


class Replayed:
    """One timeline, played in virtual time in a profile. `starts` is how long machines take to start, by event;
    `leaders` whom the broker picked to lead, one after the other (it takes the first of a hash map); `phase_ms` how much
    later than usual the timeline begins, while heartbeats go on every three seconds; `apart` how much later than planned
    requests take effect, by event, that were sent together with others."""

    def __init__(
        self,
        timeline: Timeline,
        version: str,
        starts: Mapping[int, Started],
        leaders: Sequence[int] = (),
        phase_ms: int = 0,
        apart: Mapping[int, int] | None = None,
    ) -> None:
        self._timeline = timeline
        self._apart = apart or {}
        self._leaders = list(leaders)
        self._phase_ms = phase_ms
        self._starts = starts
        self._plans = {number: timeline.plan(number, version) for number in self._numbers()}
        machines = tuple(_settings(number, plan) for number, plan in self._plans.items())
        properties = dict(timeline.cluster.properties)
        times = {key.replace(".", "_"): int(properties[key]) for key in _TIMES if key in properties}
        self.cluster = Cluster(
            ClusterOptions(
                machines,
                plugins_of(self._plans[1]),
                seed=phase_ms,
                timing=Timing(**times, worker_latency_ms=WORKER_LATENCY_MS),
                clients=client_definition,
                mode="standalone" if timeline.cluster.standalone else "distributed",
            )
        )
        self.cluster.coordinator.pick_leader = self._elect
        for number, plan in self._plans.items():
            self.cluster.set_plugins(_name(number), plugins_of(plan))
        self._lessons = Lessons(self.cluster.script, version)
        self._normaliser = Normaliser({machine.worker_id: str(n) for n, machine in enumerate(machines, 1)})
        self.began_at_ms = 0
        self._looked = [Looked(View(number, path)) for number in self._numbers() for path in timeline.watch]
        self.views = {(each.view.worker, each.view.path): each.view for each in self._looked}
        self.answers: list[Seen | None] = []

    def _elect(self, member_ids: Iterable[str]) -> str:
        """The next of the recorded leaders that is there."""
        by_number = {_number(member_id): member_id for member_id in sorted(member_ids, reverse=True)}
        for position, leader in enumerate(self._leaders[1:], 1):
            if leader in by_number:
                del self._leaders[:position]
                return by_number[leader]
        return by_number[min(by_number)]

    def _numbers(self) -> range:
        return range(1, self._timeline.cluster.workers + 1)

    @property
    def now_ms(self) -> int:
        return self.cluster.sim.now_ms - self.began_at_ms

    def play(self) -> None:
        self._prepare()
        self.cluster.sim.advance(self._phase_ms)
        self.began_at_ms = self.cluster.sim.now_ms + 1_000
        for number, event in enumerate(self._timeline.events):
            self.answers.append(None)
            at_ms = event.at_ms + self._apart.get(number, 0)
            self.cluster.sim.at(self.began_at_ms + at_ms, partial(self._happen, number, event))
        while self.now_ms < self._timeline.seconds * 1_000:
            for each in self._looked:
                self._look(each)
            self.cluster.sim.advance(LOOK_MS)

    def _prepare(self) -> None:
        """Workers start as the recorder starts them, the first alone; then what comes before the timeline."""
        present = [number for number in self._numbers() if number not in self._timeline.absent]
        for group in (present[:1], present[1:]):
            for number in group:
                self.cluster.workers[_name(number)].start()
            assert self.cluster.settle()
        for step in self._timeline.before.steps:
            match step:
                case Exchange():
                    request = Request(step.method, step.target, step.headers, step.body)
                    reply = self._send(int(step.worker), request)
                    assert isinstance(reply, Reply), reply
                    assert self.cluster.sim.run_until(reply, 60_000)
                case Quiet():
                    self.cluster.sim.advance(round(step.seconds * 1_000))
            assert self.cluster.settle()

    # --- requests -------------------------------------------------------------------------------------------------------

    def _send(self, worker: int, request: Request) -> Reply[object] | Seen:
        """What the worker will answer, or what its REST layer answers at once."""
        settings = self.cluster.workers[_name(worker)].settings
        target = parse_target(request.target, 12 if settings.version.has("jetty_12") else 9)
        if isinstance(target, BadTarget):
            return target.status_code, JETTY_PAGE
        match = RouteTable(settings.version).find(request.method, target)
        if isinstance(match, Missing):
            message = f"HTTP {match.value} {_PHRASES[match.value]}"
            return match.value, {"error_code": match.value, "message": message}
        assert isinstance(match, Match), request
        self._lessons.before(request)
        call = match.call
        if match.route.entity is not None:
            call = complete(match, request.body or b"", dict(request.headers), Jackson())
        return self.cluster.submit(_name(worker), call.operation, call.args)

    def _seen(self, reply: Reply[object]) -> Seen:
        if reply.error is not None:
            assert isinstance(reply.error, ConnectError), reply.error
            status_code = reply.error.status_code
            return status_code, self._plain({"error_code": status_code, "message": reply.error.message})
        result = reply.result()
        unhealthy = isinstance(result, dict) and result.get("status") == "unhealthy"
        return 500 if unhealthy else 200, self._plain(result.info if isinstance(result, Created) else result)

    def _plain(self, data: object) -> object:
        """JSON as recordings have it: with placeholders."""
        text = self._normaliser.text(wire.encode(data, doubles=True).decode())
        return without_races(json.loads(text))

    def _look(self, each: Looked) -> None:
        """A client asks again when it was answered, and gives up after a while."""
        view, machine = each.view, self.cluster.workers[_name(each.view.worker)]
        if machine.rest is Rest.REFUSED:
            each.open = None
            view.saw(self.now_ms, REFUSED)
        elif machine.rest is not Rest.SERVING:
            view.saw(self.now_ms, (404, JETTY_PAGE))
        elif each.open is None:
            self._ask(each)
        elif self.now_ms - each.asked_at_ms >= CLIENT_PATIENCE_MS:
            each.open = None
            view.saw(self.now_ms, TIMED_OUT, CLIENT_PATIENCE_MS)

    def _ask(self, each: Looked) -> None:
        each.asked_at_ms = self.now_ms
        sent = self._send(each.view.worker, Request("GET", each.view.path))
        if isinstance(sent, Reply):
            each.open = sent
            sent.on_done(self._answered(each))
        else:
            each.view.saw(self.now_ms, sent)

    def _answered(self, each: Looked) -> Callable[[Reply[object]], None]:
        def answered(reply: Reply[object]) -> None:
            if each.open is reply:
                each.open = None
                each.view.saw(self.now_ms, self._seen(reply), self.now_ms - each.asked_at_ms)

        return answered

    # --- events ---------------------------------------------------------------------------------------------------------

    def _happen(self, number: int, event: Event) -> None:
        if event.request is not None:
            sent = self._send(event.worker, event.request)
            if isinstance(sent, Reply):
                sent.on_done(lambda done: self.answers.__setitem__(number, self._seen(done)))
            else:
                self.answers[number] = sent
        elif not event.worker:
            self._to_broker(event.verb)
        elif event.verb == "start":
            self._start(number, event)
        else:
            getattr(self.cluster.workers[_name(event.worker)], event.verb)()

    def _start(self, number: int, event: Event) -> None:
        machine, took = self.cluster.workers[_name(event.worker)], self._starts[number]
        if event.change:
            plan = self._plans[event.worker] = changed(self._plans[event.worker], event.change)
            machine.settings = _settings(event.worker, plan)
            machine.plugins = plugins_of(plan)
        self.takes(event.worker, took)
        machine.start()

    def takes(self, worker: int, took: Started) -> None:
        """The next process of a worker takes as long to start as the recorded one did."""
        machine = self.cluster.workers[_name(worker)]
        timing = machine._broker.timing
        # The herder reads its topics while the web server's resources are made ready.
        read_ms = max(timing.internal_topics_read_ms, took.jetty_ms)
        longer = replace(
            timing,
            jvm_start_ms=took.jvm_ms,
            jetty_start_ms=took.jetty_ms,
            internal_topics_read_ms=read_ms,
        )
        machine._broker = replace(machine._broker, timing=longer)

    def _to_broker(self, verb: str) -> None:
        for name in self.cluster.workers:
            if verb == "freeze":
                self.cluster.partition_from_kafka(name, Break.DROPPED)
            else:
                self.cluster.heal_kafka(name)

    # --- generations ------------------------------------------------------------------------------------------------------

    def generations(self) -> Generations:
        found: dict[int, dict[int, Assigned]] = {}
        leader = 0
        for row in self.cluster.sim.trace:
            at_ms = row.at_ms - self.began_at_ms
            if row.what == "group" and (led := _LED_BY.search(row.detail)):
                leader = int(led[1])
            if row.what == "assigned" and at_ms >= 0:
                match = _ASSIGNED.match(row.detail)
                assert match is not None, row
                *counts, delay_ms = (int(text or 0) for text in match.groups())
                got = Assigned(at_ms, tuple(counts), delay_ms, leader)
                found.setdefault(row.generation, {})[_number(row.worker)] = got
        return [found[number] for number in sorted(found)]


def _name(number: int) -> str:
    return f"connect-{number}"


def _number(name: str) -> int:
    """Of a worker, by its name or by a member id, which begins with its client id."""
    return int(name.split("-")[1])


def _settings(number: int, plan: WorkerPlan) -> WorkerSettings:
    return WorkerSettings(
        _name(number),
        port=8080 + number,
        group_id=plan.group,
        version=KafkaVersion.parse(plan.version),
        connect_protocol=plan.properties.get("connect.protocol", ""),
        config=(("client.id", _name(number)),),
    )


def plugins_of(plan: WorkerPlan) -> tuple[PluginDesc, ...]:
    """What a worker has on its class path."""
    ours = testing_plugins(plan.version)
    others = [standing_in(one, ours) for one in plan.stand_ins]
    return (*others, *(added(ours) if plan.added else ours), *apache_plugins(plan.version))


def standing_in(wanted: StandIn, plugins: Iterable[PluginDesc]) -> PluginDesc:
    """The test source or sink under another name and version."""
    own = f".Test{wanted.kind.capitalize()}Connector"
    base = next(plugin for plugin in plugins if plugin.class_name.endswith(own))
    assert base.behaviour is not None
    task = replace(base.behaviour, task_version=wanted.told)
    return replace(base, class_name=wanted.class_name, version=wanted.told, behaviour=task)


def added(plugins: Iterable[PluginDesc]) -> list[PluginDesc]:
    """With the connector of `added/`, which is the test source with another version."""
    found = list(plugins)
    source = next(plugin for plugin in found if plugin.class_name.endswith(".TestSourceConnector"))
    assert source.behaviour is not None
    task = replace(source.behaviour, task_version=source.version)
    return [replace(source, class_name=ADDED, version="2.0.0", behaviour=task), *found]
