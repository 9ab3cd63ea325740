"""The register of faults: carried out here, listed here, ended here.

Rules of this room:

* ``CARRIERS`` is the table from a kind of fault to the code that carries it out. Nobody else begins or ends a fault.
* A fault that cannot be carried out raises :class:`FaultError` and is not active; what is active ends exactly once.
* Beginnings and ends are rows of the trace (``fault``), so a run shows what was done to it.
* What a fault leaves to chance is drawn from a stream with its name; a caller that names its faults keeps its dice
  whatever else is injected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mockconnect.core import (
    connector_faults,
    faults,
    group_faults,
    scaling_faults,
    topic_faults,
    worker_faults,
)
from mockconnect.core.carrying import Active, Ground, text_of
from mockconnect.core.faults import Action, Fault, FaultError, Lasting

Carrier = Callable[[Ground, Active[Any]], object]

CARRIERS: Final[Mapping[type[Fault], Carrier]] = {
    faults.Crash: worker_faults.crash,
    faults.Stop: worker_faults.stop,
    faults.Start: worker_faults.start,
    faults.Bounce: worker_faults.bounce,
    faults.AddWorker: scaling_faults.add_worker,
    faults.RemoveWorker: scaling_faults.remove_worker,
    faults.DieBeforeCommit: topic_faults.die_before_commit,
    faults.Freeze: worker_faults.freeze,
    faults.Thaw: worker_faults.thaw,
    faults.Partition: worker_faults.partition,
    faults.Isolate: worker_faults.isolate,
    faults.BlockHerder: worker_faults.block_herder,
    faults.Lag: worker_faults.lag,
    faults.NotReady: worker_faults.not_ready,
    faults.Unwritable: topic_faults.unwritable,
    faults.HoldStatus: topic_faults.hold_status,
    faults.Compact: topic_faults.compact,
    faults.SetSecret: worker_faults.set_secret,
    faults.ForwardFault: worker_faults.forward_fault,
    faults.SetPlugins: group_faults.set_plugins,
    faults.SetVersion: group_faults.set_version,
    faults.RollingUpgrade: group_faults.rolling_upgrade,
    faults.Rebalance: group_faults.rebalance,
    faults.HoldRebalance: group_faults.hold_rebalance,
    faults.Elect: group_faults.elect,
    faults.NoLeader: group_faults.no_leader,
    faults.ForeignLeader: group_faults.foreign_leader,
    faults.CreateConnector: connector_faults.create,
    faults.DeleteConnector: connector_faults.delete,
    faults.SetState: connector_faults.set_state,
    faults.FailConnector: connector_faults.fail_connector,
    faults.FailTask: connector_faults.fail_task,
    faults.Slow: connector_faults.slow,
    faults.Zombie: connector_faults.zombie,
    faults.Stick: connector_faults.stick,
    faults.AdvanceOffsets: connector_faults.advance_offsets,
    faults.SetOffsets: connector_faults.set_offsets,
    faults.SetTopics: connector_faults.set_topics,
    faults.WriteStatus: connector_faults.write_status,
}
"""What carries out each fault of a cluster; the faults of requests add theirs in ``client_faults``."""

NEEDS_GROUP: Final = (
    faults.AddWorker,
    faults.RemoveWorker,
    faults.DieBeforeCommit,
    faults.HoldStatus,
    faults.Compact,
    faults.Lag,
    faults.NotReady,
    faults.Unwritable,
    faults.ForwardFault,
    faults.Rebalance,
    faults.HoldRebalance,
    faults.Elect,
    faults.NoLeader,
    faults.ForeignLeader,
    faults.SetTopics,
    faults.WriteStatus,
)
"""What means nothing to a standalone worker, which has neither a group nor topics."""
PAST_MAX: Final = 1_000
ACTIVE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One fault as others see it; ``ended`` says why (empty while it is active).

    ``unmet``: it waits for requests or code of a kind, and there was none yet, or never.
    """

    id: str
    verb: str
    text: str
    workers: tuple[str, ...]
    since_ms: int
    ends_at_ms: int | None
    happened: int
    ended: str = ""
    ended_at_ms: int | None = None
    unmet: bool = False


class Injector:
    """Every fault of one cluster, active and past."""

    def __init__(self, ground: Ground, carriers: Mapping[type[Fault], Carrier] = CARRIERS) -> None:
        self.ground = replace(ground, others=self._others)
        self.on_end: list[Callable[[FaultRow], object]] = []
        self.past: deque[FaultRow] = deque(maxlen=PAST_MAX)
        self._carriers = carriers
        self._active: dict[str, Active[Any]] = {}
        self._counts: dict[str, int] = {}

    # --- beginning and end ------------------------------------------------------------------------------------------------

    def inject(self, fault: Fault, *, until: Callable[[], bool] | None = None, name: str = "") -> str:
        """Carry out ``fault`` now; gives its id, which is unique. ``until`` ends it when it holds after an event.

        ``name`` makes the id and the fault's dice (the verb, if it is left out). Raises :class:`FaultError`.
        """
        carrier = self._carriers.get(type(fault))
        if carrier is None:
            raise FaultError(f"{type(fault).__name__} is no fault that can be injected")
        wrong = faults.mistakes(fault)
        if wrong:
            raise FaultError(f"{fault.verb}: {'; '.join(wrong)}")
        if isinstance(fault, NEEDS_GROUP) and self.ground.standalone:
            raise FaultError(f"{fault.verb}: a standalone worker has neither a group nor topics")
        if len(self._active) >= ACTIVE_MAX:
            raise FaultError(f"{ACTIVE_MAX} faults are active: that must be enough")
        ground = self.ground
        active: Active[Any] = Active(ground, self._new_id(name or fault.verb), fault, self._finish)
        ground.note(f"{active.id} begins: {text_of(fault)}")
        self._active[active.id] = active
        try:
            carrier(ground, active)
        except FaultError as error:
            active.is_met = True  # whoever has injected it is told
            self._finish(active, f"refused: {error}")
            raise
        self._arrange_end(active, until)
        return active.id

    def _new_id(self, name: str) -> str:
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}-{count}"

    def _arrange_end(self, active: Active[Any], until: Callable[[], bool] | None) -> None:
        if active.ended:
            return
        fault = active.fault
        if isinstance(fault, Action):
            active.finish("done")
            return
        if isinstance(fault, Lasting) and fault.for_ms is not None:
            self.ground.sim.after(fault.for_ms, lambda: active.finish("time"))
        if until is not None:
            active.undo(self.ground.sim.when(until, lambda: active.finish("until")))

    def _finish(self, active: Active[Any], why: str) -> None:
        if active.ended:
            return
        active.ended = why
        workers = tuple(active.concerned)
        del self._active[active.id]
        active.take_back()
        self.ground.note(f"{active.id} ends: {why}")
        row = replace(self._row(active, workers), ended=why, ended_at_ms=self.ground.sim.now_ms)
        self.past.append(row)
        for listener in tuple(self.on_end):
            listener(row)

    def heal(self, fault_id: str) -> bool:
        """End a fault; ``False`` if it is over already. Raises :class:`FaultError` for an id that never was."""
        active = self._active.get(fault_id)
        if active is not None:
            active.finish("healed")
            return True
        if not any(row.id == fault_id for row in self.past):
            known = ", ".join(self._active) or "none"
            raise FaultError(f"no fault has the id {fault_id!r}; active are: {known}")
        return False

    def heal_all(self) -> list[str]:
        """End everything, the newest first; gives the ids."""
        healed = []
        while self._active:
            active = next(reversed(self._active.values()))
            healed.append(active.id)
            active.finish("healed")
        return healed

    # --- looking ------------------------------------------------------------------------------------------------------------

    def is_active(self, fault_id: str) -> bool:
        return fault_id in self._active

    @property
    def active(self) -> list[FaultRow]:
        """What is active now, in order of injection."""
        return [self._row(active, tuple(active.workers)) for active in self._active.values()]

    def find(self, kind: type[Fault]) -> list[Active[Any]]:
        return [active for active in self._active.values() if isinstance(active.fault, kind)]

    def _others(self, one: Active[Any]) -> list[Active[Any]]:
        return [active for active in self._active.values() if active is not one]

    @staticmethod
    def _row(active: Active[Any], workers: tuple[str, ...]) -> FaultRow:
        fault = active.fault
        for_ms = fault.for_ms if isinstance(fault, Lasting) else None
        ends_at_ms = None if for_ms is None else active.since_ms + for_ms
        return FaultRow(
            active.id,
            fault.verb,
            text_of(fault),
            workers,
            active.since_ms,
            ends_at_ms,
            active.happened,
            unmet=fault.waits and not active.is_met,
        )
