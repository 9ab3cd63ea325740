"""The player: takes a scenario and a cluster through to the end, and judges what came of it.

Rules of this room:

* It is part of the simulation: everything it does is an event of virtual time, so a run is a function of scenario, seed
  and what a client asks, whoever moves time and however fast.
* A run has phases. The *timeline* lasts until nothing of it is to come by itself (or as long as the scenario says); then
  what is *eventually* expected has its time; then what is still broken is healed, and the cluster *converges*.
* It looks after every event and at every request: the cluster's journal tells it of a client under test. While one is
  attached the timeline does not end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectWorker
from mockconnect.core.faults import FaultError
from mockconnect.core.injecting import FaultRow
from mockconnect.core.journal import RequestRow
from mockconnect.core.sim import Dice, Reply
from mockconnect.scenario.actions import Request
from mockconnect.scenario.asking import ask
from mockconnect.scenario.checks import Asked, judge_client, judge_requests
from mockconnect.scenario.circles import Circles
from mockconnect.scenario.conditions import AnswerFilter, shown
from mockconnect.scenario.convergence import converged, not_converged
from mockconnect.scenario.loading import LoadedExpectation, Scenario
from mockconnect.scenario.recording import Recorder
from mockconnect.scenario.records import Records
from mockconnect.scenario.report import Report, Row, RuleReport, Verdict, seconds
from mockconnect.scenario.requests import RequestRecord, is_answered
from mockconnect.scenario.rules import RuleRun
from mockconnect.scenario.script import Eventually, Piece
from mockconnect.scenario.shipped import shown_name
from mockconnect.scenario.watching import Goal, Watch


class Phase(Enum):
    """Where a run is."""

    WAITING = "waiting"
    TIMELINE = "timeline"
    EVENTUALLY = "eventually"
    CONVERGING = "converging"
    OVER = "over"


class Player:
    """One run of a scenario on a cluster that is there already."""

    def __init__(self, cluster: Cluster, scenario: Scenario) -> None:
        self.cluster = cluster
        self.scenario = scenario
        self.phase = Phase.WAITING
        self.client_rate: float | None = None
        """Virtual per real time, as the client under test knows it; ``None`` if its waiting moves nothing."""
        self.on_over: list[Callable[[], object]] = []
        """Called when it has come to its end."""
        self._client_is_attached = False
        self._is_closed = False
        self._is_cut_short = False
        self._first_request: Callable[[RequestRow], Reply[None]] | None = None
        self._ended: list[RequestRecord] = []
        self._looked_for: dict[int, tuple[int, bool]] = {}
        """By filter, which lives as long as the scenario: how many of these were looked at, and whether one fits."""
        self._records = Records(cluster)
        self._recorder = Recorder(cluster)
        self._rules = [RuleRun(one, self) for one in scenario.rules]
        self._circles = Circles(self._rules)
        self._by_name = {run.name: run for run in self._rules}
        self._watches = [Watch.of(one, self) for one in scenario.expectations]
        self._goals: list[Goal] = []
        self._started_at_ms = cluster.now_ms
        self._timeline_ended_at_ms: int | None = None
        self._over_at_ms: int | None = None
        self._converged: Verdict | None = None
        self._deadline_ms = 0

    # --- life ---------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The scenario's clock begins now."""
        assert self.waits, "a player plays once"
        if self._first_request is not None:
            self.cluster.requests.on_request.remove(self._first_request)
            self._first_request = None
        self.phase = Phase.TIMELINE
        self._started_at_ms = self.cluster.now_ms
        self._recorder.start()
        sim = self.cluster.sim
        sim.look_after_events(self._event_happened)
        self.cluster.faults.on_end.append(self._fault_ended)
        self.cluster.requests.on_request.append(self._request_arrived)
        self.cluster.requests.on_answer.append(self._request_ended)
        self.say("begins", f"{self.scenario.name}, seed {sim.seed}")
        if self.scenario.settings.duration is not None:
            sim.after(self.scenario.settings.duration, lambda: self._timeline_over("its time is over"))
        for run in self._rules:
            run.start()
        sim.after(0, lambda: None)  # a first event to look after

    def start_at_first_request(self) -> None:
        """The scenario's clock begins when the client under test asks for the first time.

        That request meets what happens at the start, so it waits for the rules of that moment.
        """

        def first(row: RequestRow) -> Reply[None]:
            self.start()
            begun = self.cluster.sim.sleep(0)
            begun.on_done(lambda _: self._request_arrived(row))
            return begun

        self._first_request = first
        self.cluster.requests.on_request.append(first)

    @property
    def has_client(self) -> bool:
        """Whether somebody under test has asked anything yet."""
        return self._records.has_client

    @property
    def records(self) -> Sequence[RequestRecord]:
        """Every request so far: those of clients, and the scenario's own."""
        return self._records.rows

    @property
    def started_at_ms(self) -> int:
        """The cluster's instant at which the scenario's clock began."""
        return self._started_at_ms

    @property
    def rows(self) -> Sequence[Row]:
        """The timeline so far."""
        return self._recorder.rows

    @property
    def over(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def circle(self) -> tuple[str, ...]:
        """Rules that cause each other again and again, so that it comes to no end; empty as long as there are none."""
        return self._circles.found

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.phase is Phase.WAITING

    def attach_client(self) -> None:
        """Somebody under test is there: the timeline does not end before they are gone."""
        self._client_is_attached = True

    def detach_client(self) -> None:
        self._client_is_attached = False
        self.cluster.sim.after(0, lambda: None)

    def stop(self, why: str = "stopped") -> None:
        """It is over here and now: what is broken is healed, and what had time left is not judged."""
        if self.waits:
            self.start()
        for run in self._rules:
            run.over = True
        if not self.over:
            self._is_cut_short = True
            self._timeline_over(why)
            if self.scenario.finally_.heal:
                self.cluster.heal_all()
            self._over()

    def close(self) -> None:
        """Leave the cluster alone from now on."""
        self.stop()
        self._is_closed = True
        requests = self.cluster.requests
        for listeners, own in (
            (requests.on_request, self._request_arrived),
            (requests.on_answer, self._request_ended),
            (self.cluster.faults.on_end, self._fault_ended),
        ):
            if own in listeners:
                listeners.remove(own)  # type: ignore[arg-type]
        self._recorder.stop()

    def clock_ms(self) -> int:
        """The scenario's own time."""
        return self.cluster.now_ms - self._started_at_ms

    # --- what rules need ------------------------------------------------------------------------------------------------------

    def say(self, what: str, detail: str) -> None:
        """A line of the scenario's own, in the trace and so in the timeline."""
        self.cluster.sim.note("-", -1, f"scenario {what}", detail)

    def rule(self, name: str) -> RuleRun:
        return self._by_name[name]

    def runs(self) -> list[RuleRun]:
        return self._rules

    def piece(self, name: str) -> Piece:
        return self.scenario.pieces[name]

    def answered(self, wanted: AnswerFilter) -> bool:
        """Whether such a request has ended; looked at once per request, however often it is asked."""
        seen, found = self._looked_for.get(id(wanted), (0, False))
        if not found and seen < len(self._ended):
            found = any(is_answered(one, wanted) for one in self._ended[seen:])
            self._looked_for[id(wanted)] = (len(self._ended), found)
        return found

    def happened(self, rule: RuleRun, *, ended: bool) -> None:
        for run in self._rules:
            run.another_happened(rule.name, ended=ended)

    def reacts(self, rule: RuleRun) -> None:
        if self._client_is_attached or self.scenario.settings.duration is not None:
            self._circles.comes_from_outside()  # the timeline ends with the client, or with its time
        else:
            self._circles.reacts(rule)

    def may_fire(self) -> bool:
        return self._circles.may_fire()

    def end(self, why: str) -> None:
        self._timeline_over(why)

    def ask(self, rule: str, request: Request, dice: Dice) -> None:
        """The scenario's own request. A worker that is named is asked even if it is down; that is what clients do."""
        cast = self.cluster.faults.ground.cast
        try:
            names = cast.resolve(request.worker, dice)
        except FaultError as error:
            self._by_name[rule].refused.append(f"request: {error}")
            self.say("refused", f"{rule}: {error}")
            return
        for name in names:
            self._ask(rule, request, self.cluster.workers[name])

    def _ask(self, rule: str, request: Request, worker: ConnectWorker) -> None:
        class_name = (request.config or {}).get("connector.class") or ""
        record = self._records.add(
            "scenario",
            worker.name,
            request.operation,
            connector=request.connector or "",
            task=request.task,
            class_name=class_name,
            rule=rule,
        )
        run = self._by_name[rule]
        run.request_began()
        for other in self._rules:
            other.request_arrived(record)

        def ended(_: RequestRecord) -> None:
            self._ended.append(record)
            self._recorder.request_ended(record)
            run.request_ended()

        ask(self.cluster, worker, request, record, ended)
        if not record.ended:
            self._recorder.request_waits(record)

    # --- the client under test ------------------------------------------------------------------------------------------------

    def _request_arrived(self, row: RequestRow) -> None:
        """A client's request, before anything is done about it. Rules may act on it now."""
        record = self._records.arrived(row)
        self._circles.comes_from_outside()
        for run in self._rules:
            run.request_arrived(record)

    def _request_ended(self, row: RequestRow, body: bytes) -> None:
        record = self._records.ended(row, body)
        if record is None:
            return
        self._ended.append(record)
        self._recorder.request_ended(record)
        self._look()

    # --- after every event ----------------------------------------------------------------------------------------------------

    def _event_happened(self) -> None:
        if self._is_closed:
            return
        self._recorder.take()
        if self.phase is Phase.OVER:
            return
        if self.phase in (Phase.TIMELINE, Phase.EVENTUALLY):
            for run in self._rules:
                run.event_happened()
        self._look()
        self._go_on()

    def _look(self) -> None:
        if self.phase not in (Phase.WAITING, Phase.OVER):
            for watch in self._watches:
                watch.look()

    def _go_on(self) -> None:
        """From phase to phase."""
        if self.phase is Phase.TIMELINE and self.scenario.settings.duration is None:
            if not self._client_is_attached and not any(run.busy for run in self._rules):
                self._timeline_over("nothing is left of it")
        elif self.phase is Phase.EVENTUALLY:
            for goal in self._goals:
                goal.look(self.clock_ms())
            if all(goal.decided for goal in self._goals):
                self._heal()
        elif self.phase is Phase.CONVERGING:
            self._look_converged()

    def _timeline_over(self, why: str) -> None:
        if self.phase is not Phase.TIMELINE:
            return
        self.phase = Phase.EVENTUALLY
        self._timeline_ended_at_ms = self.clock_ms()
        self.say("timeline over", why)
        for expected in self.scenario.expectations:
            if isinstance(expected.what, Eventually):
                goal = Goal(expected.what, self)
                self._goals.append(goal)
                self.cluster.sim.after(expected.what.within, lambda: None)
        self.cluster.sim.after(0, lambda: None)

    def _heal(self) -> None:
        self.phase = Phase.CONVERGING
        for run in self._rules:
            run.over = True
        if self.scenario.finally_.heal:
            healed = self.cluster.heal_all()
            if healed:
                self.say("heals", ", ".join(sorted(healed)))
        within = self.scenario.finally_.converge_within
        self._deadline_ms = self.clock_ms() + (within or 0)
        if within is not None:
            self.cluster.sim.after(within, lambda: None)
        self._look_converged()

    def _look_converged(self) -> None:
        within = self.scenario.finally_.converge_within
        if within is None:
            self._over()
            return
        text = f"converges within {seconds(within)}"
        if converged(self.cluster):
            since_ms = self.clock_ms() - (self._deadline_ms - within)
            self._converged = Verdict("finally", text, True, f"after {seconds(since_ms)}", self.clock_ms())
        elif self.clock_ms() >= self._deadline_ms:
            self._converged = Verdict("finally", text, False, not_converged(self.cluster), self.clock_ms())
        if self._converged is not None:
            self._over()

    def _over(self) -> None:
        self.phase = Phase.OVER
        self._over_at_ms = self.clock_ms()
        self.say("over", self.scenario.name)
        self._recorder.take()
        for listener in tuple(self.on_over):
            listener()

    def _fault_ended(self, row: FaultRow) -> None:
        for run in self._rules:
            run.fault_ended(row)

    # --- the report -----------------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """What is known now; complete when the run is over."""
        self._recorder.take()
        self._records.take_unseen(self._started_at_ms)
        return Report(
            scenario=self.scenario.name,
            file=shown_name(self.scenario.file),
            seed=self.cluster.sim.seed,
            params=dict(self.scenario.given),
            verdicts=tuple(self._verdicts()),
            rules=tuple(
                RuleReport(run.name, tuple(run.fired_at_ms), run.ended_at_ms, tuple(run.refused))
                for run in self._rules
            ),
            requests=tuple(self.records),
            workers=tuple(self.cluster.workers),
            timeline_ms=self.clock_ms() if self._timeline_ended_at_ms is None else self._timeline_ended_at_ms,
            total_ms=self.clock_ms() if self._over_at_ms is None else self._over_at_ms,
            trace_hash=self.cluster.sim.trace.hash,
            is_complete=self.over,
            description=self.scenario.metadata.description,
            started_at_ms=self._started_at_ms,
            rows=tuple(self._recorder.rows),
            picture=self._recorder.picture(),
        )

    def _verdicts(self) -> list[Verdict]:
        is_complete = self.over and not self._is_cut_short
        asked = Asked(self.records, self.client_rate, is_complete)
        verdicts: list[Verdict] = []
        goals = iter(self._goals)
        for watch in self._watches:
            expected = watch.expected
            if expected.kind == "client":
                verdicts.append(Verdict("client", shown(expected.what), *judge_client(expected.what, asked)))
            elif expected.kind == "requests":
                verdicts.append(self._judged(expected, asked))
            elif expected.kind == "eventually":
                goal = next(goals, None)
                verdicts += Goal(expected.what, self).verdicts() if goal is None else goal.verdicts()
            else:
                verdicts.append(watch.verdict(is_complete=is_complete))
        if self._converged is not None:
            verdicts.append(self._converged)
        return [self._with_clock(one) for one in verdicts]

    def _judged(self, expected: LoadedExpectation, asked: Asked) -> Verdict:
        held, detail, at_ms = judge_requests(expected.what, asked)
        if not held and expected.what.by == "client" and not asked.of_client:
            held, detail = None, "no client was there"
        return Verdict("requests", shown(expected.what), held, detail, at_ms)

    def _with_clock(self, verdict: Verdict) -> Verdict:
        """Judges know instants of the cluster; people read the scenario's clock."""
        if verdict.kind not in ("client", "requests") or verdict.at_ms is None:
            return verdict
        moment_ms = verdict.at_ms - self._started_at_ms
        return Verdict(verdict.kind, verdict.text, verdict.held, verdict.detail, moment_ms)
