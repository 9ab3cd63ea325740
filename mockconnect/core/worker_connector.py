"""``WorkerConnector``: one connector instance on a thread of its own.

Rules of this room:

* What follows from what is in the table ``CONNECTOR`` of ``lifecycle``; here is only who asks, and when.
* One target state waits at a time. A newer one pre-empts it, and the older request fails.
* Once abandoned it has written UNASSIGNED, and whatever its thread still does is not reported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

from mockconnect.core.behaviour import Behaviour
from mockconnect.core.errors import Expected
from mockconnect.core.instantiation import start_problem
from mockconnect.core.lifecycle import ASK_FOR, CONNECTOR, Ask, Instance
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Reply, Steps, Wakeup
from mockconnect.core.site import Site, Thrown, report_connector, run_code, throw
from mockconnect.core.terms import Config, State, TargetState
from mockconnect.core.topic_creation import offsets_topic_problem

Callback = Callable[[BaseException | None, TargetState | None], "Steps[None] | None"]
"""Called on the connector's thread with an error or the state reached; what it returns runs on that thread too."""


class WorkerConnector:
    """One connector instance on its own thread."""

    def __init__(self, site: Site, name: str, config: Config, plugin: PluginDesc) -> None:
        self.name = name
        self.config = config
        self.plugin = site.script.plugin(name, plugin)
        self.state = Instance.INIT
        self._site = site
        self._wake = Wakeup()
        self._pending: tuple[TargetState, Callback] | None = None
        self._failure: Thrown | None = None
        self._stopping = False
        self._cancelled = False
        self._version = self.plugin.told_version
        self.busy = False
        self.hangs = False
        self.slow_ms: int | None = None
        self.ended: Reply[None] = Reply()

    @property
    def behaviour(self) -> Behaviour:
        assert self.plugin.behaviour is not None, f"{self.plugin.class_name} is no connector"
        return self.plugin.behaviour

    @property
    def in_transition(self) -> bool:
        """It is about to become something else, and will: user code that never returns is not waited for."""
        return (self.busy or self._pending is not None) and not self.hangs

    @property
    def is_running(self) -> bool:
        return self.state is Instance.STARTED

    def start_thread(self) -> None:
        self.ended = self._site.process.spawn(self._run())

    def take_over(self, state: Instance) -> None:
        """It was in this state before its thread's story begins; no status is written for that."""
        self.state = state
        self.start_thread()

    def transition_to(self, target: TargetState, callback: Callback) -> None:
        """Ask for a state; a request that is still waiting is pre-empted and fails."""
        pre_empted, self._pending = self._pending, (target, callback)
        if pre_empted is not None:
            was, its_callback = pre_empted
            its_callback(_pre_empted(was, target), None)
        self._wake.set()

    def fail(self, thrown: Thrown) -> None:
        """``ConnectorContext.raiseError``."""
        if self._failure is None:
            self._failure = thrown
            self._wake.set()

    def shut_down(self) -> None:
        self._stopping = True
        self._wake.set()

    def disown(self) -> None:
        """The worker does not list it any more, so what it still reports carries no version."""
        self._version = None

    def cancel(self) -> None:
        """Gave up waiting for it: UNASSIGNED is written now, and nothing later."""
        self._report(State.UNASSIGNED, None)
        self._cancelled = True

    def _run(self) -> Steps[None]:
        # A new thread takes a moment: what the herder thread still asks for in the same tick comes first.
        yield 0
        problem = offsets_topic_problem(self.plugin.kind, self.config, self._site.settings)
        if problem is not None:
            self.state = Instance.FAILED
            self._report(State.FAILED, problem.trace())
        while not self._stopping:
            if self._failure is not None and self.state is not Instance.FAILED:
                self.state = Instance.FAILED
                self._report(State.FAILED, self._failure.trace)
            if self._pending is not None:
                (target, callback), self._pending = self._pending, None
                self.busy = True
                yield from self._transition(target, callback)
                self.busy = False
            else:
                yield self._wake.wait()
                self._wake.take()
        yield from self._shut_down()

    def _transition(self, target: TargetState, callback: Callback) -> Steps[None]:
        if (self.state, ASK_FOR[target]) not in CONNECTOR:
            callback(Thrown(f"Cannot transition connector to {target.value} since it has failed"), None)
            return
        problem: Expected | None = yield from self._ask(ASK_FOR[target])
        if problem is None:
            try:
                called_back = callback(None, target)
                if isinstance(called_back, Generator):
                    yield from called_back
            except Expected as raised:
                problem = raised
        if problem is not None:
            callback(Thrown(f"Failed to transition connector {self.name} to state {target.value}"), None)

    def _ask(self, ask: Ask) -> Steps[Thrown | None]:
        transition = CONNECTOR[self.state, ask]
        thrown = None
        if transition.call is not None:
            thrown = yield from self._call(transition.call)
        outcome = transition.returned if thrown is None else transition.thrown
        self.state = outcome.becomes
        if outcome.report is not None:
            self._report(outcome.report, thrown.trace if thrown and outcome.report is State.FAILED else None)
        return thrown

    def _call(self, method: Literal["start", "stop"]) -> Steps[Thrown | None]:
        duration_ms = self.behaviour.start_ms if method == "start" else self.behaviour.stop_ms
        script, class_name = self._site.script, self.plugin.class_name
        slow = script.slowness(method, self.name, class_name)
        self.slow_ms = None if slow is None else slow.takes_ms
        self.hangs = duration_ms < 0 if slow is None else slow.takes_ms is None
        yield from run_code(duration_ms, slow)
        self.hangs, self.slow_ms = False, None
        problem = start_problem(self.plugin, self.config) if method == "start" else None
        if problem is not None:
            return Thrown(problem.trace(), problem.message)
        failure = script.failure(self.behaviour, method, self.name, class_name=class_name)
        return None if failure is None else throw(failure, self.plugin.class_name, self.plugin.kind)

    def _shut_down(self) -> Steps[None]:
        pending, self._pending = self._pending, None
        if pending is not None:
            text = f"Could not begin changing connector state to {pending[0].value}"
            pending[1](Thrown(f"{text} as the connector has been scheduled for shutdown"), None)
        yield from self._ask(Ask.SHUT_DOWN)

    def _report(self, state: State, trace: str | None) -> None:
        if not self._cancelled:
            report_connector(self._site, self.name, state, trace, self._version)


def _pre_empted(was: TargetState, target: TargetState) -> Thrown:
    return Thrown(
        f"Could not begin changing connector state to {was.value} before another request to change state was made;"
        f" the new request (which is to change the state to {target.value}) has pre-empted this one"
    )
