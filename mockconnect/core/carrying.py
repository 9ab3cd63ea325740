"""What the code that carries out faults has in its hands: the ground it works on, and the fault that is active.

Rules of this room:

* A carrier is a function of :class:`Ground` and :class:`Active`. It resolves whom it concerns first, so that a fault
  that cannot be carried out has changed nothing when it raises :class:`FaultError`.
* Whatever it changes for a while it takes back in an ``active.undo(...)``, and only its own part of it: several faults
  may stand on the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from mockconnect.core.broker import Broker
from mockconnect.core.connect import ConnectProcess, ConnectWorker
from mockconnect.core.faults import Fault, FaultError, Target
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.sim import Action, Dice, Process, Reply, Sim
from mockconnect.core.targets import Able, Cast
from mockconnect.core.versions import KafkaVersion

F = TypeVar("F", bound=Fault)
Submit = Callable[[str, str, Mapping[str, Any]], Reply[Any]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What faults are carried out on. ``conditions`` and ``plugin_sets`` are what others may name in a fault."""

    sim: Sim
    broker: Broker
    workers: Mapping[str, ConnectWorker]
    cast: Cast
    submit: Submit
    add_worker: Callable[..., ConnectWorker]
    """Settings, perhaps plugins, perhaps ``elsewhere``: see :meth:`Cluster._add_worker`."""
    remove_worker: Callable[[str], object]
    conditions: dict[str, Callable[[str], bool]] = field(default_factory=dict)
    """By name, what a rolling upgrade waits for; asked with the name of the worker that came up last."""
    plugin_sets: dict[str, tuple[PluginDesc, ...]] = field(default_factory=dict)
    replug: list[Callable[[ConnectWorker, KafkaVersion], tuple[PluginDesc, ...]]] = field(
        default_factory=list
    )
    """What knows which plugins a worker has with another Kafka version; without it they stay."""
    ports: list[Callable[[str], int]] = field(default_factory=list)
    """What opens a port for a worker that is added, by its name; the last one counts."""
    on_worker: list[Callable[[ConnectWorker, bool], object]] = field(default_factory=list)
    """Told of a worker that is added (true), before it starts, or was removed."""
    others: Callable[[Active[Any]], list[Active[Any]]] = lambda _: []

    @property
    def standalone(self) -> bool:
        return any(worker.command_line is not None for worker in self.workers.values())

    @property
    def generation(self) -> int:
        return self.broker.coordinator.generation

    def note(self, text: str) -> None:
        self.sim.note("-", self.generation, "fault", text)

    def live(self) -> Iterator[tuple[str, ConnectProcess]]:
        """Every worker whose process runs."""
        for name, worker in self.workers.items():
            if worker.running and worker.node is not None:
                yield name, worker.node

    def plugins(self, given: str | tuple[PluginDesc, ...]) -> tuple[PluginDesc, ...]:
        """Raises :class:`FaultError` for a set that nobody has named."""
        if not isinstance(given, str):
            return given
        if given not in self.plugin_sets:
            known = ", ".join(sorted(self.plugin_sets)) or "none"
            raise FaultError(f"no set of plugins is called {given!r}; there are: {known}")
        return self.plugin_sets[given]


class Active(Generic[F]):
    """One fault from its injection to its end."""

    __slots__ = (
        "_finish",
        "_ground",
        "_undo",
        "concerned",
        "dice",
        "ended",
        "fault",
        "happened",
        "id",
        "is_met",
        "since_ms",
        "workers",
    )

    def __init__(
        self, ground: Ground, id_: str, fault: F, finish: Callable[[Active[Any], str], object]
    ) -> None:
        self.id = id_
        self.fault = fault
        self.since_ms = ground.sim.now_ms
        self.workers: list[str] = []
        """Whom it concerns."""
        self.concerned: list[str] = []
        """Whom it has concerned, also those that it let go."""
        self.happened = 0
        """How often it has happened, where that is counted."""
        self.is_met = False
        """Whether something came that it waited for, whatever the dice said."""
        self.ended = ""
        """Why it ended."""
        self.dice: Dice = ground.sim.stream("fault", id_)
        self._finish = finish
        self._ground = ground
        self._undo: list[Action] = []

    def undo(self, action: Action) -> None:
        """What its end takes back; the last one first."""
        self._undo.append(action)

    def take_back(self) -> None:
        while self._undo:
            self._undo.pop()()

    def finish(self, why: str = "done") -> None:
        """It is over, and why."""
        self._finish(self, why)

    def resolve(self, target: Target, able: Able = "running") -> list[str]:
        """Whom the fault concerns. Raises :class:`FaultError`."""
        names = list(self._ground.cast.resolve(target, self.dice, able))
        self.workers += [name for name in names if name not in self.workers]
        self.concerned += [name for name in names if name not in self.concerned]
        return names

    def happens(self, times: int | None) -> None:
        """Once more; after ``times`` it is over."""
        self.happened += 1
        self.is_met = True
        if times is not None and self.happened >= times:
            self.finish("times")

    def lets_go(self, worker: str) -> None:
        """This worker is not its business any more."""
        if worker in self.workers:
            self.workers.remove(worker)
            if not self.workers:
                self.finish("over")

    def __str__(self) -> str:
        return text_of(self.fault)


def text_of(fault: Fault) -> str:
    """The verb and what was said beyond the defaults."""
    words = [fault.verb]
    for each in sorted(fields(fault), key=lambda each: each.kw_only is True):
        value = getattr(fault, each.name)
        if value != each.default:
            shown = [str(one) for one in value[:3]] if isinstance(value, tuple) else value
            words.append(f"{each.name}={shown}")
    return " ".join(words)


def thread(ground: Ground) -> Process:
    """A process of nobody in the cluster: an operator, an orchestrator."""
    return Process(ground.sim)
