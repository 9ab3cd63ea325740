"""Faults at random that shrink: Hypothesis draws what happens to a cluster, and finds the least of it that breaks a client.

Rules of this room:

* What is drawn is a scenario: all that it does stands in it with its time, so it plays the same run again, and
  its ``text`` is a file. (The ``random`` of a scenario file draws while it is played, from a seed; nothing shrinks there.)
* Shrinking leads to fewer faults, earlier ones, shorter ones, and to what stands first in the lists below.
* Needs Hypothesis: the extra ``chaos``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy
from hypothesis.vendor.pretty import RepresentationPrinter

from mockconnect.arguments.values import duration
from mockconnect.files.durations import duration_text
from mockconnect.files.problems import Problem, unknown
from mockconnect.options import Duration, OptionsError
from mockconnect.scenario.loading import Scenario, scenario_from_data, scenario_from_text
from mockconnect.scenario.report import Report
from mockconnect.scenario.writing import scenario_data, scenario_text
from mockconnect.staging import scenario_of

USUAL: Final = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: found, description: Faults at random.}
cluster:
  workers: 3
  connectors:
    - {name: lines, class: FileStreamSource, tasks: 1, config: {file: /tmp/lines, topic: lines}}
    - {name: orders, class: FileStreamSink, tasks: 4, config: {file: /tmp/orders, topics: orders}}
expect:
  always: [at_most_one_leader]
  eventually:
    - within: 15m
      that: [{workers: {member: true}}, {connector: orders, instances: 1, tasks: {running: 4}}]
"""
"""The cluster, and what is expected of it, where nobody says anything else."""

FAULTS_MAX: Final = 50
Data = dict[str, Any]
Drawing = SearchStrategy[Any]


# --- what may happen ------------------------------------------------------------------------------------------------------


def _seconds(least: int, most: int) -> Drawing:
    return st.integers(least, most).map(lambda number: duration_text(number * 1_000))


def _arguments(**given: Drawing) -> Drawing:
    return st.fixed_dictionaries({name.rstrip("_"): one for name, one in given.items()})


_OPERATION: Final = st.sampled_from((
    "any_write", "any_read", "create_connector", "put_connector_config", "connector_status", "delete_connector",
))  # fmt: skip
_REQUESTS: Final[Mapping[str, Drawing]] = {"operation": _OPERATION, "times": st.integers(1, 3)}
_LASTS: Final = _seconds(1, 90)
_ANSWERS: Final = st.sampled_from((
    "409.stale_config", "500.rebalance_expected", "500.timeout", "503.text", "503.html", "429",
))  # fmt: skip
_CONNECTOR: Final = st.just("*")

VERBS: Final[Mapping[str, Callable[[Drawing], Drawing]]] = {
    "latency": lambda _: _arguments(takes=_seconds(1, 120), **_REQUESTS),
    "answer": lambda _: _arguments(answer=_ANSWERS, **_REQUESTS),
    "duplicate": lambda _: _arguments(**_REQUESTS),
    "lose_answer": lambda _: _arguments(**_REQUESTS),
    "reset": lambda _: _arguments(**_REQUESTS),
    "refuse": lambda who: _arguments(worker=who, for_=_LASTS),
    "lag": lambda who: _arguments(worker=who, status=_seconds(1, 30), for_=_LASTS),
    "rebalance": lambda _: _arguments(),
    "elect": lambda who: _arguments(leader=who, for_=_LASTS),
    "slow": lambda _: _arguments(
        code=st.sampled_from(("start", "stop", "validate", "task_configs", "task_start", "task_stop")),
        takes=_seconds(1, 60),
        connector=_CONNECTOR,
        for_=_LASTS,
    ),
    "block_herder": lambda who: _arguments(worker=who, for_=_LASTS),
    "freeze": lambda who: _arguments(worker=who, for_=_LASTS),
    "partition": lambda who: _arguments(
        a=who, b=st.one_of(st.just("kafka"), who), how=st.sampled_from(("refused", "dropped")), for_=_LASTS
    ),
    "isolate": lambda who: _arguments(worker=who, for_=_LASTS),
    "bounce": lambda who: _arguments(worker=who, down_for=_LASTS, graceful=st.booleans()),
    "stop": lambda who: _arguments(worker=who, for_=_LASTS),
    "crash": lambda who: _arguments(worker=who, for_=_LASTS),
    "fail_task": lambda _: _arguments(connector=_CONNECTOR, times=st.just(1)),
    "fail_connector": lambda _: _arguments(connector=_CONNECTOR, times=st.just(1)),
}
"""What can be drawn, mild things first: a verb of :mod:`mockconnect.faults`, and how its arguments are drawn."""
HEALED: Final = tuple(verb for verb in VERBS if verb not in ("fail_task", "fail_connector"))
"""After these a cluster recovers by itself; what has failed waits for somebody who restarts it."""


# --- scenarios ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class DrawnScenario(Scenario):
    """A scenario that no file has. It shows itself as one."""

    @property
    def text(self) -> str:
        """YAML, as ``mockconnect run`` plays it."""
        return scenario_text(self)

    def __repr__(self) -> str:
        return f"\n{self.text}"

    def _repr_pretty_(self, printer: RepresentationPrinter, _: bool) -> None:
        """What Hypothesis asks for."""
        for line in self.text.splitlines():
            printer.break_()
            printer.text(line)


def scenarios(
    base: str | Path | Scenario | None = None,
    *,
    params: Mapping[str, str] | None = None,
    verbs: Collection[str] = HEALED,
    during: Duration = "2m",
    max_faults: int = 6,
) -> SearchStrategy[DrawnScenario]:
    """Scenarios with up to ``max_faults`` faults, at any time of ``during`` or with some request of a client.

    ``base`` is a scenario (its name, its file, or one that was loaded): its cluster, its own rules and what it expects
    stay; left out, it is :data:`USUAL`. ``verbs`` are names from :data:`VERBS`.

    Raises :class:`mockconnect.OptionsError` and :class:`ValueError` (of the scenario's file) at once, not when it draws.
    """
    whole = _base(base, params)
    during_ms = _checked(verbs, max_faults, during)
    who = st.sampled_from(("leader", "follower", *whole.worker_names))
    when = _trigger(during_ms)
    rules = st.one_of([_rule(verb, draw(who), when) for verb, draw in VERBS.items() if verb in verbs])
    return _drawn(scenario_data(whole), st.lists(rules, min_size=1, max_size=max_faults))


def _base(base: str | Path | Scenario | None, params: Mapping[str, str] | None) -> Scenario:
    if isinstance(base, Scenario):
        return base
    return scenario_from_text(USUAL, "usual.yaml") if base is None else scenario_of(base, params)


def _checked(verbs: Collection[str], max_faults: int, during: Duration) -> int:
    """How long ``during`` is, if all is well."""
    problems = [
        Problem("verbs", f"{verb!r} is {unknown(verb, tuple(VERBS))}") for verb in verbs if verb not in VERBS
    ]
    if not verbs:
        problems.append(Problem("verbs", "expected at least one"))
    if not 1 <= max_faults <= FAULTS_MAX:
        problems.append(
            Problem("max_faults", f"expected a number from 1 to {FAULTS_MAX}, found {max_faults}")
        )
    during_ms = duration(during, "during", problems)
    if problems:
        raise OptionsError(problems)
    return during_ms


def _trigger(during_ms: int) -> Drawing:
    at = st.integers(0, during_ms // 100).map(lambda number: {"at": duration_text(number * 100)})
    nth = st.fixed_dictionaries({"operation": _OPERATION, "nth": st.integers(1, 5)})
    return st.one_of(at, st.fixed_dictionaries({"on_request": nth}))


def _rule(verb: str, arguments: Drawing, when: Drawing) -> Drawing:
    return st.tuples(when, arguments).map(lambda both: {**both[0], "do": {verb: both[1]}})


@st.composite  # of which Hypothesis shows what was drawn, not how
def _drawn(draw: st.DrawFn, data: Data, drawing: SearchStrategy[list[Data]]) -> DrawnScenario:
    """The scenario with these rules after its own."""
    rules = [{"name": f"drawn-{number}", **rule} for number, rule in enumerate(draw(drawing), start=1)]
    whole = scenario_from_data({**data, "timeline": [*data.get("timeline", []), *rules]}, "drawn")
    return DrawnScenario(**{one.name: getattr(whole, one.name) for one in fields(Scenario)})


# --- a search -------------------------------------------------------------------------------------------------------------


End = Literal["least", "flaky", "enough"]


class EnoughError(Exception):
    """Raised by what plays: the search is over, with what it has found so far."""


@dataclass(frozen=True, slots=True)
class Found:
    """The least that fails."""

    scenario: DrawnScenario
    report: Report
    runs: int
    """How many were played until one failed."""
    end: End
    """``least``: nothing smaller fails, as far as was tried. ``flaky``: it held when it was played again. ``enough``."""


class _FailedError(AssertionError):
    """Expectations did not hold."""


class _BrokenOff(BaseException):
    """Playing itself came to an end. No error of what is played, so Hypothesis lets it pass."""

    def __init__(self, why: BaseException) -> None:
        self.why = why


def search(
    drawing: SearchStrategy[DrawnScenario],
    play: Callable[[DrawnScenario], Report],
    *,
    runs: int = 100,
    number: int = 0,
) -> Found | None:
    """Play ``runs`` drawn scenarios until one fails, then ever smaller ones; ``number`` is the seed of what is drawn.

    Smaller ones count as long as one of the expectations that failed first fails. ``None``: all held. What ``play`` raises
    ends the search and is raised here, but for :class:`EnoughError`. Making it smaller takes five minutes at most.
    """
    looking = _Search(play)
    quiet = settings(
        max_examples=runs,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    end: End = "least"
    try:
        seed(number)(quiet(given(drawing)(looking.one)))()
    except _FailedError:
        pass
    except Flaky:
        end = "flaky"
    except _BrokenOff as broken:
        if not isinstance(broken.why, EnoughError):
            raise broken.why from None
        end = "enough"
    if looking.found is None:
        return None
    return Found(*looking.found, runs=looking.runs, end=end)


class _Search:
    """What has been found so far."""

    def __init__(self, play: Callable[[DrawnScenario], Report]) -> None:
        self._play = play
        self._failed: frozenset[str] = frozenset()
        self.found: tuple[DrawnScenario, Report] | None = None
        self.runs = 0

    def one(self, scenario: DrawnScenario) -> None:
        self.runs += self.found is None
        try:
            report = self._play(scenario)
        except BaseException as error:
            raise _BrokenOff(error) from error
        failed = frozenset(f"{one.kind} {one.text}" for one in report.verdicts if one.held is False)
        if failed and (not self._failed or failed & self._failed):
            self._failed = self._failed or failed
            self.found = scenario, report
            raise _FailedError
