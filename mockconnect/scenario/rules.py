"""One rule of a timeline while it is played: when it fires, what it did, when that is over.

Rules of this room:

* A rule schedules itself with virtual time and looks at states after events; it polls nothing. What it does at a moment
  is done at once, in the order of the file.
* Every draw has a stream of its own, named after the rule and the ordinal of its firing; so no rule shifts another's.
* ``pending`` counts what of a rule is still to come by itself; the timeline is over when nobody has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from mockconnect.core.cluster import Cluster
from mockconnect.core.faults import FaultError
from mockconnect.core.injecting import FaultRow
from mockconnect.core.sim import Dice
from mockconnect.core.spread import read_spread
from mockconnect.scenario.actions import FAULT_VERBS, ActionParts, Request, fault_of
from mockconnect.scenario.conditions import AnswerFilter, Condition
from mockconnect.scenario.loading import LoadedRule
from mockconnect.scenario.requests import RequestRecord, is_asked
from mockconnect.scenario.script import After, OnRequest, Piece, Rule, Until
from mockconnect.scenario.view import Test, compile_condition

ENDLESS = ("create", "delete", "set_state", "bounce", "remove_worker", "rolling_upgrade", "elect")
"""Lasting verbs that come to an end by themselves, and that the timeline waits for."""


CIRCLE: Final = "it causes itself again and again"


class Stage(Protocol):
    """What a rule needs of the player."""

    cluster: Cluster

    def clock_ms(self) -> int: ...
    def say(self, what: str, detail: str) -> None: ...
    def answered(self, wanted: AnswerFilter) -> bool: ...
    def ask(self, rule: str, request: Request, dice: Dice) -> None: ...
    def rule(self, name: str) -> RuleRun: ...
    def piece(self, name: str) -> Piece: ...
    def end(self, why: str) -> None: ...
    def happened(self, rule: RuleRun, *, ended: bool) -> None: ...
    def reacts(self, rule: RuleRun) -> None: ...
    def may_fire(self) -> bool: ...
    def runs(self) -> list[RuleRun]: ...


class RuleRun:
    """One rule of a run."""

    def __init__(self, loaded: LoadedRule, stage: Stage) -> None:
        self.name = loaded.name
        self.rule: Rule = loaded.rule
        self.fired_at_ms: list[int] = []
        self.ended_at_ms: int | None = None
        self.refused: list[str] = []
        self.over = False
        """It fires no more."""
        self.pending = 0
        self._stage = stage
        self._sim = stage.cluster.sim
        self._triggered = 0
        self.firing = 0
        """How often it fires at this moment, each in the midst of the one before."""
        self._matched = 0
        self._active: dict[str, bool] = {}
        """Ids of faults that are active, and whether they end by themselves."""
        self._open_requests = 0
        self._true_since_ms: int | None = None
        self._fired_in_this_truth = False
        self._when = None if self.rule.when is None else self._compiled(self.rule.when)
        self._until = None if self.rule.until is None else self._until_test(self.rule.until)

    def _compiled(self, condition: Condition) -> Test:
        return compile_condition(condition, self._stage.cluster, self._stage.answered)

    def _until_test(self, until: Until) -> Test | None:
        """``None`` for one that only waits for a rule."""
        test = self._compiled(until)
        names = [one for one in until.__struct_fields__ if one not in ("rule", "ended")]
        return test if any(getattr(until, one) is not None for one in names) else None

    # --- triggers -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        rule = self.rule
        if rule.at is not None:
            self._later(rule.at, self._fire_and_repeat)
        elif rule.random is not None:
            self._later(rule.random.between[0], self._draw_next)
        elif rule.after is None and rule.on_request is None and rule.when is None:
            self._later(0, self._fire_and_repeat)

    def _later(self, delay_ms: int, action: Callable[[], object]) -> None:
        """Something is to come by itself."""
        self.pending += 1

        def arrived() -> None:
            self.pending -= 1
            if not self.over:
                action()
            self._maybe_ended()

        self._sim.after(delay_ms, arrived)

    def another_happened(self, name: str, *, ended: bool) -> None:
        """Another rule fired, or all it did is over."""
        if self.over:
            return
        until = self.rule.until
        if until is not None and until.rule == name and until.ended is ended and self.fired_at_ms:
            self.finish("until")
            return
        after = After(rule=self.rule.after) if isinstance(self.rule.after, str) else self.rule.after
        if after is not None and after.rule == name and after.ended is ended:
            self._stage.reacts(self)
            self._later(after.delay, self._fire_and_repeat)

    def request_arrived(self, record: RequestRecord) -> None:
        trigger = self.rule.on_request
        if trigger is None or self.over or not is_asked(record, trigger):
            return
        self._matched += 1
        if _is_due(trigger, self._matched):
            if record.by == "scenario":
                self._stage.reacts(self)
            self._fire()

    def event_happened(self) -> None:
        """After every event: has a state come about, or an end?"""
        if self.over:
            return
        if self._until is not None and self.fired_at_ms and self._until():
            self.finish("until")
        elif self._when is not None:
            self._look()

    def _look(self) -> None:
        assert self._when is not None, "only a rule with a condition looks"
        assert self.rule.when is not None, "only a rule with a condition looks"
        if not self._when():
            self._true_since_ms = None
            self._fired_in_this_truth = False
            return
        if self._fired_in_this_truth:
            return
        now_ms = self._sim.now_ms
        if self._true_since_ms is None:
            self._true_since_ms = now_ms
            if self.rule.when.for_:
                self._sim.after(self.rule.when.for_, lambda: None)  # an event to look after
        if now_ms - self._true_since_ms >= self.rule.when.for_:
            self._fired_in_this_truth = True
            self._stage.reacts(self)
            self._fire_and_repeat()

    # --- firing -------------------------------------------------------------------------------------------------------------

    def _fire_and_repeat(self, number: int = 1) -> None:
        self._fire()
        repeat = self.rule.repeat
        if repeat is not None and number < repeat.count and not self.over:
            delay_ms = read_spread(repeat.every).draw_ms(self._dice("repeat"))
            self._later(delay_ms, lambda: self._fire_and_repeat(number + 1))

    def _draw_next(self) -> None:
        """Random: at the beginning of its span, and after each firing."""
        random = self.rule.random
        assert random is not None, "only a random rule draws when it fires"
        delay_ms = read_spread(random.every).draw_ms(self._dice("random"))
        self._triggered += 1
        if self._stage.clock_ms() + delay_ms > random.between[1]:
            return

        def fire() -> None:
            self._fire()
            if not self.over:
                self._draw_next()

        self._later(delay_ms, fire)

    def _dice(self, purpose: str) -> Dice:
        return self._sim.stream("scenario", f"{self.name}/{purpose}/{self._triggered}")

    def _fire(self) -> None:
        self._triggered += 1
        rule = self.rule
        if rule.probability is not None and self._dice("probability").random() >= rule.probability:
            return
        self.fired_at_ms.append(self._stage.clock_ms())
        self.ended_at_ms = None
        if not _only_asks(rule):  # the request says enough
            number = len(self.fired_at_ms)
            self._stage.say("fires", self.name if number == 1 else f"{self.name} #{number}")
        if rule.max is not None and len(self.fired_at_ms) >= rule.max:
            self.over = True
        self._act_all()
        self._stage.happened(self, ended=False)
        self._maybe_ended()

    # --- acting -------------------------------------------------------------------------------------------------------------

    def _act_all(self) -> None:
        if not self._stage.may_fire():
            self.over = True
            self.refused.append(CIRCLE)
            self._stage.say("refused", f"{self.name}: {CIRCLE}")
            return
        self.firing += 1
        for action in self.rule.actions:
            self._act(action)
        self.firing -= 1

    def _act(self, action: str | ActionParts) -> None:
        if isinstance(action, str):
            self._inject(action, None)
            return
        choices = getattr(action, "choose", None)
        if choices is not None:
            weights = [choice.weight for choice in choices]
            self._act(self._dice("choose").choices(choices, weights)[0])
            return
        verb, arguments = action.verb, action.arguments
        if verb in FAULT_VERBS:
            self._inject(verb, arguments)
            return
        _OWN_VERBS[verb](self, arguments)

    def _inject(self, verb: str, arguments: object) -> None:
        fault = fault_of(verb, arguments, self.rule.for_)
        try:
            fault_id = self._stage.cluster.inject(fault, name=self.name)
        except FaultError as error:
            self.refused.append(f"{verb}: {str(error).removeprefix(f'{verb}: ')}")
            self._stage.say("refused", f"{self.name}: {error}")
            return
        if self._stage.cluster.faults.is_active(fault_id):
            self._active[fault_id] = getattr(fault, "for_ms", None) is not None or verb in ENDLESS

    def _request(self, request: Request) -> None:
        self._stage.ask(self.name, request, self._dice("request"))

    def _mark(self, text: str) -> None:
        self._stage.say("mark", text)

    def _heal(self, name: str) -> None:
        for run in self._stage.runs() if name == "all" else [self._stage.rule(name)]:
            run.heal()

    def _end(self, why: str) -> None:
        self._stage.end(why)

    def _use(self, name: str) -> None:
        for action in self._stage.piece(name).do:
            self._act(action)

    # --- the end ------------------------------------------------------------------------------------------------------------

    def fault_ended(self, row: FaultRow) -> None:
        if self._active.pop(row.id, None) is not None:
            self._maybe_ended()

    def request_began(self) -> None:
        self._open_requests += 1

    def request_ended(self) -> None:
        self._open_requests -= 1
        self._maybe_ended()

    def heal(self) -> None:
        """End what it did."""
        for fault_id in list(self._active):
            self._stage.cluster.heal(fault_id)

    def finish(self, why: str) -> None:
        """It fires no more, and what it did ends."""
        self.over = True
        self._stage.say("ends", f"{self.name}: {why}")
        self.heal()
        self._maybe_ended()

    def _maybe_ended(self) -> None:
        idle = not self._active and not self.pending and not self._open_requests
        if self.fired_at_ms and idle and self.ended_at_ms is None:
            self.ended_at_ms = self._stage.clock_ms()
            self._stage.happened(self, ended=True)

    @property
    def busy(self) -> bool:
        """Whether something of it is still to come, or to end, by itself."""
        return self.pending > 0 or self._open_requests > 0 or any(self._active.values())


_OWN_VERBS: Final[Mapping[str, Callable[[RuleRun, Any], object]]] = {
    "request": RuleRun._request,
    "mark": RuleRun._mark,
    "heal": RuleRun._heal,
    "end": RuleRun._end,
    "use": RuleRun._use,
}


def _only_asks(rule: Rule) -> bool:
    return all(isinstance(one, ActionParts) and one.verbs == ("request",) for one in rule.actions)


def _is_due(trigger: OnRequest, number: int) -> bool:
    """Whether the request with that number among those that match is one of the wanted."""
    if trigger.nth is not None:
        return number == trigger.nth
    if trigger.first is not None:
        return number <= trigger.first
    if trigger.every is not None:
        return number % trigger.every == 0
    return trigger.skip is None or number > trigger.skip
