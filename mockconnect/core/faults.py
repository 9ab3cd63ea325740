"""The vocabulary of what can be done to a cluster: every fault as a value, tagged with its verb.

Rules of this room:

* A fault is data and does nothing. ``Cluster.inject`` carries it out, whoever asks: a fixture, a scenario file, the
  control API. ``verb`` is its name in all of them, its fields are the verb's arguments; durations end in ``_ms``.
* An :class:`Action` happens and is over. A :class:`Lasting` fault ends after ``for_ms``, when the condition given to
  ``inject`` holds, when it has happened ``times`` times, or when it is healed; ending undoes what it did.
* Whom a fault concerns is a :data:`Target`, resolved at the moment of injection (see :mod:`mockconnect.core.targets`).
* Faults of requests between client and worker are in :mod:`mockconnect.core.client_faults`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.traces import CONNECT_EXCEPTION
from mockconnect.files.problems import one_of


class FaultError(ValueError):
    """A fault that cannot be carried out as it is: the message says why, and what there is instead."""


@dataclass(frozen=True, slots=True)
class OwnerOf:
    """The worker that runs a connector (``task`` is ``None``) or one of its tasks."""

    connector: str
    task: int | None = None

    def __str__(self) -> str:
        return f"owner_of: {self.connector}" + ("" if self.task is None else f"/{self.task}")


Target = str | OwnerOf | tuple[str, ...]
"""A worker's name, ``leader``, ``follower``, ``followers``, ``one``, ``minority``, ``majority``, ``all``,
``owner_of: connector/task``, or several of these."""

# fmt: off
How = Literal[
    "refused", "dropped", "silent", "dns", "tls", "tls_name", "tls_refused", "closed", "reset", "not_http", "garbage",
    "upstream", "empty", "garbage_ok", "empty_ok", "no_content", "redirect", "unauthorized", "challenge",
]
# fmt: on
"""The values of :class:`mockconnect.core.network.Break`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults have in common."""

    verb: ClassVar[str] = ""
    waits: ClassVar[bool] = False
    """Whether it means nothing until something comes that it is for: a request, or code that runs."""


@dataclass(frozen=True, slots=True)
class Action(Fault):
    """Something that happens. There is nothing to heal."""


@dataclass(frozen=True, slots=True)
class Lasting(Fault):
    """Something that is the case until it ends. ``for_ms`` counts from the injection."""

    for_ms: int | None = field(default=None, kw_only=True)


# --- workers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crash(Lasting):
    """``kill -9``: no goodbye. The end of it starts the worker."""

    verb: ClassVar[str] = "crash"
    worker: Target


@dataclass(frozen=True, slots=True)
class Stop(Lasting):
    """SIGTERM: shut down cleanly, which takes a while. The end of it starts the worker.

    ``hang``: the REST server's shutdown does not come to its end, so nothing after it happens: the port refuses, and
    the process goes on with its work as a member of the group. The end of it kills the process first.
    """

    verb: ClassVar[str] = "stop"
    worker: Target
    hang: bool = False


@dataclass(frozen=True, slots=True)
class Start(Action):
    """Start what is down; crashes and stops of this worker are over."""

    verb: ClassVar[str] = "start"
    worker: Target


@dataclass(frozen=True, slots=True)
class Bounce(Lasting):
    """Down and up again: ``down_for_ms`` counts from the moment the process is gone. It ends with the start."""

    verb: ClassVar[str] = "bounce"
    worker: Target
    down_for_ms: int = 0
    graceful: bool = True


@dataclass(frozen=True, slots=True)
class AddWorker(Action):
    """One worker more, of the newest worker's kind unless something else is said; it boots now.

    ``config`` are worker properties beside those of the worker that it is made after.
    """

    verb: ClassVar[str] = "add_worker"
    name: str
    kafka_version: str | None = None
    plugins: str | tuple[PluginDesc, ...] | None = None
    config: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RemoveWorker(Lasting):
    """It goes for good, cleanly or not. It ends when the worker is gone; healed before that, it starts it again."""

    verb: ClassVar[str] = "remove_worker"
    worker: Target
    graceful: bool = True


@dataclass(frozen=True, slots=True)
class DieBeforeCommit(Lasting):
    """The leader is killed when it has written task configs of such a connector, before the commit that makes them valid.

    It starts again ``down_for_ms`` later, and that is the end of it.
    """

    verb: ClassVar[str] = "die_before_commit"
    waits: ClassVar[bool] = True
    connector: str = "*"
    down_for_ms: int = 0


@dataclass(frozen=True, slots=True)
class Freeze(Lasting):
    """SIGSTOP, a long garbage collection, a moving virtual machine: the port accepts, nothing answers."""

    verb: ClassVar[str] = "freeze"
    worker: Target


@dataclass(frozen=True, slots=True)
class Thaw(Action):
    """SIGCONT; freezes of this worker are over."""

    verb: ClassVar[str] = "thaw"
    worker: Target


@dataclass(frozen=True, slots=True)
class Partition(Lasting):
    """``a`` cannot reach ``b``, nor ``b`` ``a`` unless ``oneway``. ``b`` may be ``kafka`` (``oneway`` says nothing then)."""

    verb: ClassVar[str] = "partition"
    a: Target
    b: Target = "kafka"
    oneway: bool = False
    how: How = "refused"


@dataclass(frozen=True, slots=True)
class Isolate(Lasting):
    """Cut off from Kafka and from every other worker; clients still reach it."""

    verb: ClassVar[str] = "isolate"
    worker: Target
    how: How = "dropped"


@dataclass(frozen=True, slots=True)
class BlockHerder(Lasting):
    """The herder thread is busy, as with slow connector code. ``stage`` is what time-outs and ``/health`` say of it."""

    verb: ClassVar[str] = "block_herder"
    worker: Target
    stage: str = "polling the group coordinator"


@dataclass(frozen=True, slots=True)
class Lag(Lasting):
    """How far a worker's readers of the config and the status topic are behind; ``None`` leaves one as it is."""

    verb: ClassVar[str] = "lag"
    worker: Target
    config_ms: int | None = None
    status_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NotReady(Lasting):
    """A worker that started and does not get into the group: its port serves, its herder is in the first join.

    A worker that runs is killed and started anew for it.
    """

    verb: ClassVar[str] = "not_ready"
    worker: Target


@dataclass(frozen=True, slots=True)
class Unwritable(Lasting):
    """Nobody can write to a topic: too few replicas, an ACL, a topic that was deleted."""

    verb: ClassVar[str] = "unwritable"
    topic: Literal["config", "status"] = "config"


@dataclass(frozen=True, slots=True)
class HoldStatus(Lasting):
    """Status records of a connector, or of one of its tasks, do not get through; in the end all of them do, in order.

    As when the partitions of the status topic that they belong to have no leader. ``lag`` is for one worker that reads late.
    """

    verb: ClassVar[str] = "hold_status"
    connector: str = "*"
    task: int | None = None


@dataclass(frozen=True, slots=True)
class Compact(Action):
    """The log cleaner has run: whoever starts from now on reads only the newest record of every key."""

    verb: ClassVar[str] = "compact"
    topic: Literal["config", "status"] = "config"


@dataclass(frozen=True, slots=True)
class SetSecret(Action):
    """What a config provider of a worker finds under ``path`` from now on; without ``entries`` it finds nothing.

    ``ttl_ms``: the provider says that they are good for so long, and Connect restarts the connectors that use them.
    Kafka's own ``FileConfigProvider`` never says that.
    """

    verb: ClassVar[str] = "set_secret"
    path: str
    entries: Mapping[str, str] | None = None
    worker: Target = "all"
    provider: str = "file"
    ttl_ms: int | None = None


# --- upgrades -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetPlugins(Action):
    """Another plugin path, from the worker's next start on. A text names a set of plugins that the cluster knows."""

    verb: ClassVar[str] = "set_plugins"
    worker: Target
    to: str | tuple[PluginDesc, ...]


@dataclass(frozen=True, slots=True)
class SetVersion(Action):
    """Another Kafka version, from the worker's next start on, with the plugins that it ships."""

    verb: ClassVar[str] = "set_version"
    worker: Target
    kafka_version: str


Order = Literal["leader_last", "leader_first", "given", "reversed", "random"]


@dataclass(frozen=True, slots=True)
class RollingUpgrade(Lasting):
    """One worker after the other: down, changed, up.

    ``order``: who leads is asked anew before each step. Before the next worker goes down, ``until`` must hold (a name
    in ``Injector.conditions``: ``serving``, ``joined``, ``assigned``, ``settled``, ...), at most for ``timeout_ms``, and
    then ``pause_ms`` pass. Healed early, it starts whom it has down and goes no further.
    """

    verb: ClassVar[str] = "rolling_upgrade"
    workers: Target = "all"
    order: Order = "leader_last"
    graceful: bool = True
    down_for_ms: int = 0
    pause_ms: int = 0
    until: str = "joined"
    timeout_ms: int = 120_000
    kafka_version: str | None = None
    plugins: str | tuple[PluginDesc, ...] | None = None


# --- the group ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rebalance(Action):
    """A round, as if a member had asked for it."""

    verb: ClassVar[str] = "rebalance"


@dataclass(frozen=True, slots=True)
class HoldRebalance(Lasting):
    """No round comes to its end meanwhile. ``force`` begins one; without it the next one is held."""

    verb: ClassVar[str] = "hold_rebalance"
    force: bool = True


@dataclass(frozen=True, slots=True)
class Elect(Lasting):
    """The group's next leader. It ends when that worker leads, or when another one is asked for."""

    verb: ClassVar[str] = "elect"
    leader: Target
    force: bool = True
    """Begin a round; without it the choice counts in the next one."""


@dataclass(frozen=True, slots=True)
class NoLeader(Lasting):
    """These workers do not know the URL of the leader (KAFKA-9883)."""

    verb: ClassVar[str] = "no_leader"
    worker: Target = "all"


@dataclass(frozen=True, slots=True)
class ForeignLeader(Lasting):
    """A worker of another environment with the same ``group.id`` joins and leads; nobody reaches it (apache/kafka#16166)."""

    verb: ClassVar[str] = "foreign_leader"
    host: str = "10.99.0.1"
    port: int = 8083


# --- connectors -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateConnector(Lasting):
    """Somebody creates a connector through ``worker``, with patience: what can be retried is, once a second."""

    verb: ClassVar[str] = "create"
    connector: str
    config: Mapping[str, str | None]
    state: Literal["RUNNING", "PAUSED", "STOPPED"] | None = None
    worker: Target = "one"


@dataclass(frozen=True, slots=True)
class DeleteConnector(Lasting):
    """Somebody deletes a connector, with patience."""

    verb: ClassVar[str] = "delete"
    connector: str
    worker: Target = "one"


@dataclass(frozen=True, slots=True)
class SetState(Lasting):
    """Somebody resumes, pauses or stops a connector, with patience."""

    verb: ClassVar[str] = "set_state"
    connector: str
    state: Literal["RUNNING", "PAUSED", "STOPPED"]
    worker: Target = "one"


@dataclass(frozen=True, slots=True)
class FailConnector(Lasting):
    """The connector throws: ``now`` (``ConnectorContext.raiseError``), or whenever it comes to that place.

    Names and classes are patterns. ``trace`` is a whole stack trace; else one is made of ``exception`` and ``message``.
    With ``now`` and several ``times`` the next starts fail as well.
    """

    verb: ClassVar[str] = "fail_connector"
    waits: ClassVar[bool] = True
    connector: str = "*"
    connector_class: str = "*"
    at: Literal["now", "instantiate", "validate", "start", "task_configs", "stop", "alter_offsets"] = "now"
    times: int | None = 1
    message: str = "failed on request"
    exception: str = CONNECT_EXCEPTION
    trace: str | None = None
    trace_bytes: int = 0
    """At least so long is the trace: its last frame is repeated."""


@dataclass(frozen=True, slots=True)
class FailTask(Lasting):
    """A task throws: ``now``, on ``start``, on ``stop``, or ``running`` (after so many records or milliseconds of it).

    ``task`` is ``None`` for every task. With ``now`` and several ``times`` it fails again right after the next starts.
    """

    verb: ClassVar[str] = "fail_task"
    waits: ClassVar[bool] = True
    connector: str = "*"
    task: int | None = None
    connector_class: str = "*"
    at: Literal["now", "start", "running", "stop"] = "now"
    after_records: int = 0
    after_ms: int = 0
    times: int | None = 1
    message: str = "failed on request"
    exception: str = CONNECT_EXCEPTION
    trace: str | None = None
    trace_bytes: int = 0
    """At least so long is the trace: its last frame is repeated."""


Slowable = Literal["start", "stop", "task_start", "task_stop", "task_configs", "validate", "alter_offsets"]


@dataclass(frozen=True, slots=True)
class Slow(Lasting):
    """Connector code takes ``takes_ms``, or (``None``) hangs until this ends. Calls that are under way are not slowed."""

    verb: ClassVar[str] = "slow"
    waits: ClassVar[bool] = True
    code: Slowable
    takes_ms: int | None = None
    connector: str = "*"
    connector_class: str = "*"
    task: int | None = None


@dataclass(frozen=True, slots=True)
class Zombie(Lasting):
    """Tasks do not stop: after the graceful time-out they are given up and go on."""

    verb: ClassVar[str] = "zombie"
    waits: ClassVar[bool] = True
    connector: str
    task: int | None = None


@dataclass(frozen=True, slots=True)
class Stick(Lasting):
    """Tasks run and get nowhere: their offsets stay as they are."""

    verb: ClassVar[str] = "stick"
    connector: str = "*"
    task: int | None = None


@dataclass(frozen=True, slots=True)
class AdvanceOffsets(Action):
    """Running tasks have handled so many more records each, and committed them."""

    verb: ClassVar[str] = "advance_offsets"
    connector: str
    records: int
    task: int | None = None


OffsetRow = tuple[Mapping[str, Any], Mapping[str, Any] | None]
"""A partition and its offset; ``None`` forgets it."""


@dataclass(frozen=True, slots=True)
class SetOffsets(Action):
    """The committed offsets of a connector, for these partitions; tasks that run go on from there.

    Nobody is asked whether that may be: it is how things stand, not the request that alters offsets.
    """

    verb: ClassVar[str] = "set_offsets"
    connector: str
    offsets: tuple[OffsetRow, ...]


@dataclass(frozen=True, slots=True)
class SetTopics(Action):
    """The active topics of a connector, as if its tasks had used just these."""

    verb: ClassVar[str] = "set_topics"
    connector: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteStatus(Lasting):
    """A record in the status topic that nobody in the cluster has written, such as a stale UNASSIGNED.

    ``worker`` is whom it names: a target, or a worker id (``host:port``) of nobody. Ending puts the record back that was
    there before, unless another was written meanwhile.
    """

    verb: ClassVar[str] = "write_status"
    connector: str
    state: Literal["RUNNING", "PAUSED", "STOPPED", "FAILED", "UNASSIGNED", "RESTARTING"]
    task: int | None = None
    worker: Target | None = None
    """``None``: whom the status names now."""
    generation: int | None = None
    """``None``: the current one."""
    trace: str | None = None


# --- between workers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ForwardFault(Lasting):
    """What becomes of requests that one worker forwards to another.

    A way in which a link breaks: no connection (``dns``, ``refused``, ``timeout``, ``tls``), or something else answers
    (``garbage``, ``upstream``, ``empty``). ``stale_leader``: the address of ``target`` leads to ``instead``.
    """

    verb: ClassVar[str] = "forward_fault"
    source: Target = "all"
    target: Target = "leader"
    kind: How | Literal["timeout", "stale_leader"] = "refused"
    instead: Target = "follower"


LIMITS: Final[Mapping[str, tuple[float, float | None]]] = {
    "after_records": (0, None),
    "every": (1, None),
    "first": (1, None),
    "keep": (0, 1),
    "nth": (1, None),
    "pieces": (1, None),
    "port": (1, 65_535),
    "probability": (0, 1),
    "records": (1, None),
    "skip": (0, None),
    "status_code": (200, 599),
    "task": (0, None),
    "times": (1, None),
    "trace_bytes": (0, 100_000_000),
}
"""The least and the greatest value of arguments, by name; what ends in ``_ms`` is never negative."""


def mistakes(fault: Fault) -> list[str]:
    """What is wrong with the arguments of a fault: words that mean nothing, numbers out of their range."""
    problems = []
    choices = _choices(cast("Hashable", type(fault)))
    for one in fields(fault):
        value = getattr(fault, one.name)
        known = choices.get(one.name)
        low, high = LIMITS.get(one.name, (0, None) if one.name.endswith("_ms") else (None, None))
        if value is None:
            continue
        if known is not None and value not in known:
            problems.append(f"{one.name}: {one_of(str(value), known)}")
        elif low is not None and not _is_within(value, low, high):
            problems.append(f"{one.name}: expected {_from_to(low, high)}, found {value!r}")
    return problems


@cache
def _choices(kind: Hashable) -> Mapping[str, tuple[str, ...]]:
    """The words that each of its arguments takes, where only some mean anything."""
    found = {name: _words(hint) for name, hint in get_type_hints(kind).items()}
    return {name: words for name, words in found.items() if words}


def _words(hint: object) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    parts = (
        [one for one in get_args(hint) if one is not NoneType]
        if get_origin(hint) in (Union, UnionType)
        else []
    )
    return tuple(word for one in parts for word in _words(one)) if all(map(_words, parts)) else ()


def _is_within(value: object, low: float, high: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value and (high is None or value <= high)


def _from_to(low: float, high: float | None) -> str:
    return f"a number from {low}" if high is None else f"a number from {low} to {high}"


FAULTS: tuple[type[Fault], ...] = (
    Crash,
    Stop,
    Start,
    Bounce,
    AddWorker,
    RemoveWorker,
    DieBeforeCommit,
    Freeze,
    Thaw,
    Partition,
    Isolate,
    BlockHerder,
    Lag,
    NotReady,
    Unwritable,
    HoldStatus,
    Compact,
    SetSecret,
    SetPlugins,
    SetVersion,
    RollingUpgrade,
    Rebalance,
    HoldRebalance,
    Elect,
    NoLeader,
    ForeignLeader,
    CreateConnector,
    DeleteConnector,
    SetState,
    FailConnector,
    FailTask,
    Slow,
    Zombie,
    Stick,
    AdvanceOffsets,
    SetOffsets,
    SetTopics,
    WriteStatus,
    ForwardFault,
)
"""Every fault of this room; those of requests are in ``client_faults.CLIENT_FAULTS``."""
