"""The state machines of ``WorkerConnector`` and ``WorkerTask``, as tables.

Rules of this room: nothing else decides which :class:`State` follows from what. A row says which user code is called,
and what the instance becomes and reports if that code returns or throws. ``report`` is ``None`` where nothing is
written. The worker interprets the rows; it never sets a state of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from mockconnect.core.terms import State, TargetState


class Instance(Enum):
    """``WorkerConnector.State``: what the instance is, which is not what its status says."""

    INIT = "INIT"
    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class Ask(Enum):
    """What a connector instance can be asked."""

    START = "START"
    PAUSE = "PAUSE"
    STOP = "STOP"
    SHUT_DOWN = "SHUT_DOWN"


ASK_FOR: Final = {
    TargetState.STARTED: Ask.START,
    TargetState.PAUSED: Ask.PAUSE,
    TargetState.STOPPED: Ask.STOP,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    becomes: Instance
    report: State | None


@dataclass(frozen=True, slots=True)
class Transition:
    """``call`` is the connector method that runs first: ``start``, ``stop`` or ``None``."""

    call: Literal["start", "stop"] | None
    returned: Outcome
    thrown: Outcome


FAILED = Outcome(Instance.FAILED, State.FAILED)


def _plain(becomes: Instance, report: State | None) -> Transition:
    outcome = Outcome(becomes, report)
    return Transition(None, outcome, outcome)


def _start(returned: Outcome) -> Transition:
    return Transition("start", returned, FAILED)


_RUNNING = Outcome(Instance.STARTED, State.RUNNING)

CONNECTOR: Final[dict[tuple[Instance, Ask], Transition]] = {
    (Instance.INIT, Ask.START): _start(_RUNNING),
    (Instance.INIT, Ask.PAUSE): _plain(Instance.PAUSED, State.PAUSED),
    (Instance.INIT, Ask.STOP): _plain(Instance.STOPPED, State.STOPPED),
    (Instance.INIT, Ask.SHUT_DOWN): _plain(Instance.STOPPED, State.UNASSIGNED),
    (Instance.STARTED, Ask.START): _plain(Instance.STARTED, None),
    (Instance.STARTED, Ask.PAUSE): Transition("stop", Outcome(Instance.PAUSED, State.PAUSED), FAILED),
    # A connector that throws while it stops for STOPPED is STOPPED all the same.
    (Instance.STARTED, Ask.STOP): Transition(
        "stop", Outcome(Instance.STOPPED, State.STOPPED), Outcome(Instance.STOPPED, State.STOPPED)
    ),
    (Instance.STARTED, Ask.SHUT_DOWN): Transition(
        "stop", Outcome(Instance.STOPPED, State.UNASSIGNED), FAILED
    ),
    (Instance.PAUSED, Ask.START): _start(_RUNNING),
    (Instance.PAUSED, Ask.PAUSE): _plain(Instance.PAUSED, None),
    (Instance.PAUSED, Ask.STOP): _plain(Instance.STOPPED, State.STOPPED),
    (Instance.PAUSED, Ask.SHUT_DOWN): _plain(Instance.STOPPED, State.UNASSIGNED),
    (Instance.STOPPED, Ask.START): _start(_RUNNING),
    (Instance.STOPPED, Ask.PAUSE): _plain(Instance.PAUSED, State.PAUSED),
    (Instance.STOPPED, Ask.STOP): _plain(Instance.STOPPED, None),
    (Instance.STOPPED, Ask.SHUT_DOWN): _plain(Instance.STOPPED, State.UNASSIGNED),
    (Instance.FAILED, Ask.STOP): _plain(Instance.STOPPED, State.STOPPED),
    (Instance.FAILED, Ask.SHUT_DOWN): _plain(Instance.STOPPED, State.UNASSIGNED),
}
"""FAILED has no row for START and PAUSE: the instance refuses, and only the log says so."""


class TaskPhase(Enum):
    """Where the thread of a ``WorkerTask`` is."""

    WAITING = "WAITING"  # its target state is PAUSED and start() was never called
    STARTING = "STARTING"
    EXECUTING = "EXECUTING"
    SUSPENDED = "SUSPENDED"  # paused after it had started
    ENDED = "ENDED"


class TaskEvent(Enum):
    """What happens to the thread of a task."""

    BEGIN_PAUSED = "BEGIN_PAUSED"
    BEGIN = "BEGIN"
    START_RETURNED = "START_RETURNED"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    STOPPED = "STOPPED"  # asked to stop, and its stop() is over (thrown or not)
    THROWN = "THROWN"


TASK: Final[dict[tuple[TaskPhase | None, TaskEvent], tuple[TaskPhase, State | None]]] = {
    (None, TaskEvent.BEGIN_PAUSED): (TaskPhase.WAITING, State.PAUSED),
    (None, TaskEvent.BEGIN): (TaskPhase.STARTING, None),
    (None, TaskEvent.STOPPED): (TaskPhase.ENDED, State.UNASSIGNED),
    (TaskPhase.WAITING, TaskEvent.RESUME): (TaskPhase.STARTING, None),
    (TaskPhase.WAITING, TaskEvent.STOPPED): (TaskPhase.ENDED, State.UNASSIGNED),
    (TaskPhase.STARTING, TaskEvent.START_RETURNED): (TaskPhase.EXECUTING, State.RUNNING),
    (TaskPhase.STARTING, TaskEvent.THROWN): (TaskPhase.ENDED, State.FAILED),
    (TaskPhase.STARTING, TaskEvent.STOPPED): (TaskPhase.ENDED, State.UNASSIGNED),
    (TaskPhase.EXECUTING, TaskEvent.PAUSE): (TaskPhase.SUSPENDED, State.PAUSED),
    (TaskPhase.EXECUTING, TaskEvent.THROWN): (TaskPhase.ENDED, State.FAILED),
    (TaskPhase.EXECUTING, TaskEvent.STOPPED): (TaskPhase.ENDED, State.UNASSIGNED),
    (TaskPhase.SUSPENDED, TaskEvent.RESUME): (TaskPhase.EXECUTING, State.RUNNING),
    (TaskPhase.SUSPENDED, TaskEvent.THROWN): (TaskPhase.ENDED, State.FAILED),
    (TaskPhase.SUSPENDED, TaskEvent.STOPPED): (TaskPhase.ENDED, State.UNASSIGNED),
    (TaskPhase.WAITING, TaskEvent.THROWN): (TaskPhase.ENDED, State.FAILED),
}
