"""The scenario file: what is given, what happens when, what is expected, and how it ends.

Rules of this room:

* Here is what a file may say, as types; the types are the schema. What they cannot say (that a rule has one trigger, that
  a name refers to something) is checked in ``loading``.
* A duration is the scenario's own time, from the moment at which the cluster is there and the scenario begins.
* Whatever is not said has a harmless default; a scenario with nothing but a name is valid and does nothing.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from mockconnect.files.cluster import Cluster, Text
from mockconnect.files.reading import Duration
from mockconnect.scenario.actions import Action
from mockconnect.scenario.conditions import AnswerFilter, Condition, RequestFilter
from mockconnect.scenario.parts import Count, Part, Several

SPREAD_PATTERN: Final = r"^(\d+|(\d+(\.\d+)?(ms|s|m|h|d))+|(exp|uniform|normal|lognormal)\(.*\))$"
SpreadText = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": SPREAD_PATTERN})]
"""A duration, or a distribution of durations."""

ParameterValue = int | float | bool | str | None


class Metadata(Part, kw_only=True, frozen=True):
    """What people read: name (as ``mockconnect scenarios list`` shows it), one sentence, tags, where it was reported."""

    name: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[a-z0-9][a-z0-9-]*$"})]
    description: str = ""
    tags: list[Text] = msgspec.field(default_factory=list)
    references: list[Text] = msgspec.field(default_factory=list)
    """Issues, KIPs: ``KAFKA-9883``, ``KIP-415``, ``owner/repo#1``."""


class Parameter(Part, kw_only=True, frozen=True):
    """A value that ``${name}`` stands for; whoever plays the scenario may give another one."""

    default: ParameterValue = None
    description: str = ""


class Settings(Part, kw_only=True, frozen=True):
    """How it is played."""

    seed: int = 0
    clock: Text | None = None
    """``paced``, ``manual``, ``real`` or ``x60``, where somebody is there to wait; a fixture is paced, a command has x60."""
    per_request: Duration | None = None
    """How far a request moves paced time."""
    timing: dict[str, str] = msgspec.field(default_factory=dict)
    mode: Literal["distributed", "standalone"] | None = None
    front_door: Literal["round_robin", "random", "sticky", "leader"] | None = None
    """How the one port in front of all workers chooses among them."""
    cold_start: bool = False
    """The scenario begins when the workers do, not when their first rebalance is over."""
    duration: Duration | None = None
    """How long the timeline lasts; if left out, until nothing timed is left of it."""


# --- when -----------------------------------------------------------------------------------------------------------------


class After(Part, kw_only=True, frozen=True):
    """Another rule fired, or with ``ended`` all that it did is over."""

    rule: Text
    ended: bool = False
    delay: Duration = 0


class OnRequest(RequestFilter, kw_only=True, frozen=True):
    """A request arrives; exactly one of the counts says which of those that match."""

    nth: Annotated[int, msgspec.Meta(ge=1)] | None = None
    first: Annotated[int, msgspec.Meta(ge=1)] | None = None
    every: Annotated[int, msgspec.Meta(ge=1)] | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] | None = None
    always: Literal[True] | None = None


class When(Condition, kw_only=True, frozen=True):
    """A state comes about, and holds ``for`` so long. It fires again after it was false in between."""

    for_: Duration = msgspec.field(name="for", default=0)


class Random(Part, kw_only=True, frozen=True):
    """Again and again at drawn distances; the draws are the rule's own."""

    every: SpreadText
    between: Annotated[list[Duration], msgspec.Meta(min_length=2, max_length=2)]


class Repeat(Part, kw_only=True, frozen=True):
    """The rule fires again that often, at that distance."""

    every: SpreadText
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    """How often it fires in all."""


class Until(Condition, kw_only=True, frozen=True):
    """What the rule did lasts until then, and it fires no more: another rule fired or ended, or a state is there."""

    rule: Text | None = None
    ended: bool = False


class Rule(Part, kw_only=True, frozen=True):
    """One rule of the timeline. It has one trigger; without any it fires at the start."""

    name: Text | None = None
    use: Text | None = None
    """Instead of everything else: the rules of a piece, with their own names."""
    at: Duration | None = None
    after: Text | After | None = None
    on_request: OnRequest | None = None
    when: When | None = None
    random: Random | None = None
    do: Text | Action | Annotated[list[Text | Action], msgspec.Meta(min_length=1)] | None = None
    for_: Duration | None = msgspec.field(name="for", default=None)
    """How long what it did lasts, where the actions do not say it themselves."""
    until: Until | None = None
    repeat: Repeat | None = None
    max: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How often it fires at most."""
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None

    @property
    def actions(self) -> list[Text | Action]:
        if self.do is None:
            return []
        return list(self.do) if isinstance(self.do, list) else [self.do]


TRIGGERS: Final = ("at", "after", "on_request", "when", "random")
COUNTS: Final = ("nth", "first", "every", "skip", "always")
"""Which of the requests that match; one of them is enough."""


# --- what is expected ---------------------------------------------------------------------------------------------------


class Eventually(Part, kw_only=True, frozen=True):
    """Within this time after the timeline's end all of that is true at one moment."""

    within: Duration
    that: Annotated[list[Condition], msgspec.Meta(min_length=1)]


class MaxRate(RequestFilter, kw_only=True, frozen=True):
    """Never more than so many requests within ``window``."""

    count: Annotated[int, msgspec.Meta(ge=0)]
    window: Duration = 1_000


class Backoff(RequestFilter, kw_only=True, frozen=True):
    """Who gets one of these answers waits before trying the same again, and longer each time.

    ``max_tries`` bounds how often the same is tried in a row.
    """

    answers: Several
    min_first_delay: Duration = 0
    max_tries: Annotated[int, msgspec.Meta(ge=1)] | None = None


class RequestCount(AnswerFilter, kw_only=True, frozen=True):
    """How many requests there are that match; at least one if nothing is said."""

    count: Count = ">=1"


class ClientExpectation(Part, kw_only=True, frozen=True):
    """What the client under test has to do, or must not do. One of these."""

    max_rate: MaxRate | None = None
    retries_with_backoff: Backoff | None = None
    retries: AnswerFilter | None = None
    """After such an answer the same request is sent again, until it gets another answer."""
    no_duplicate_create: Literal[True] | None = None
    """Nobody creates what that client has created already and not deleted."""
    no_overlapping_writes: Literal[True] | None = None
    """No write on a connector while another one on it has no answer yet."""
    looks_before_creating_again: Literal[True] | None = None
    """After a create with unknown outcome it looks before it creates again."""
    never: AnswerFilter | None = None
    sends: RequestCount | None = None


class Expect(Part, kw_only=True, frozen=True):
    """What has to come of it."""

    always: list[Text | Condition] = msgspec.field(default_factory=list)
    """Names of invariants, or conditions; looked at after every event."""
    client: list[ClientExpectation] = msgspec.field(default_factory=list)
    sometimes: list[Condition] = msgspec.field(default_factory=list)
    """Coverage: what must have been so at some moment, or the run proves nothing."""
    eventually: Eventually | list[Eventually] | None = None
    requests: list[RequestCount] = msgspec.field(default_factory=list)
    """Which requests with which answers there are, whoever sent them."""

    @property
    def in_the_end(self) -> list[Eventually]:
        if self.eventually is None:
            return []
        return [self.eventually] if isinstance(self.eventually, Eventually) else self.eventually


class Finally(Part, kw_only=True, frozen=True):
    """How it ends: what is still broken is healed, and the cluster comes to rest."""

    heal: bool = True
    converge_within: Duration | None = None


# --- the file -------------------------------------------------------------------------------------------------------------


class Piece(Part, kw_only=True, frozen=True):
    """Something with a name that rules and expectations can ``use``: rules, or actions, or conditions."""

    rules: list[Rule] = msgspec.field(default_factory=list)
    do: list[Text | Action] = msgspec.field(default_factory=list)


class Body(Part, kw_only=True, frozen=True):
    """What a scenario says, and files that it includes."""

    include: list[Text] = msgspec.field(default_factory=list)
    """Files whose parameters, pieces, rules and expectations come before one's own; paths are relative to this file."""
    params: dict[str, Parameter] = msgspec.field(default_factory=dict)
    pieces: dict[str, Piece] = msgspec.field(default_factory=dict)
    timeline: list[Rule] = msgspec.field(default_factory=list)
    expect: Expect = Expect()


class ScenarioFile(Body, kw_only=True, frozen=True):
    """A scenario."""

    api_version: Literal["mockconnect/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Scenario"]
    metadata: Metadata
    settings: Settings = Settings()
    cluster: Cluster = Cluster()
    finally_: Finally = msgspec.field(name="finally", default=Finally())


class PiecesFile(Body, kw_only=True, frozen=True):
    """A file that is only there to be included."""

    api_version: Literal["mockconnect/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Pieces"]
