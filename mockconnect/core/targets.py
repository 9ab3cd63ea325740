"""Whom a fault concerns: from what a scenario says to names of workers, at this moment.

Rules of this room:

* A name is a worker, whatever it does now. A role (``leader``, ``followers``, ``one``, …) means workers that are able to
  suffer the fault: running ones, or for a start those that are down.
* What is left to chance is drawn from the stream it is given, so one fault's choice does not shift another's.
* A worker of another environment is nobody's target.
* An order is always the cluster's own; nothing here changes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mockconnect.core.connect import ConnectWorker
from mockconnect.core.faults import FaultError, OwnerOf, Target
from mockconnect.core.sim import Dice
from mockconnect.files.problems import nearest

Able = Literal["running", "down", "frozen", "any"]
ROLES: Final = ("leader", "follower", "followers", "one", "minority", "majority", "all")
_OWNER: Final = re.compile(r"owner_of:\s*(.+?)(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody there is, and who is who."""

    workers: Mapping[str, ConnectWorker]
    leader: Callable[[], str | None]
    owner: Callable[[str, int | None], str | None]

    def resolve(self, target: Target, dice: Dice, able: Able = "running") -> tuple[str, ...]:
        """Names of workers, at least one, each once. Raises :class:`FaultError`."""
        if isinstance(target, OwnerOf):
            return (self._owner(target),)
        if not isinstance(target, str):
            found = [name for one in target for name in self.resolve(one, dice, able)]
            if not found:
                raise FaultError("no worker is named")
            return tuple(dict.fromkeys(found))
        if target in self.workers and not self.workers[target].elsewhere:
            return (target,)
        owner = _OWNER.fullmatch(target)
        if owner is not None:
            return (self._owner(OwnerOf(owner[1], None if owner[2] is None else int(owner[2]))),)
        if target not in ROLES:
            known = (*self.workers, *ROLES)
            close = nearest(target, known)
            meant = f"did you mean {close!r}?" if close else f"there are {', '.join(known)}"
            raise FaultError(f"no worker is called {target!r}; {meant}")
        return self._role(target, dice, able)

    def _owner(self, of: OwnerOf) -> str:
        name = self.owner(of.connector, of.task)
        if name is None:
            what = of.connector if of.task is None else f"task {of.task} of {of.connector}"
            raise FaultError(f"no worker runs {what}")
        return self._here(name)

    def _here(self, name: str) -> str:
        if self.workers[name].elsewhere:
            raise FaultError(f"{name} is in another environment: nothing can be done to it from here")
        return name

    def _role(self, role: str, dice: Dice, able: Able) -> tuple[str, ...]:
        leader = self.leader()
        if role == "leader":
            if leader is None:
                raise FaultError("the group has no leader now")
            return (self._here(leader),)
        candidates = [name for name, worker in self.workers.items() if _is_able(worker, able)]
        if role in ("follower", "followers"):
            candidates = [name for name in candidates if name != leader]
        chosen = _chosen(candidates, role, dice)
        if not chosen:
            count = len(candidates)
            there_are = f"of {count} workers that are {able}" if count else f"no worker is {able}"
            raise FaultError(f"{role!r} is nobody: {there_are}")
        return tuple(name for name in candidates if name in chosen)


def _is_able(worker: ConnectWorker, able: Able) -> bool:
    if worker.elsewhere:
        return False
    match able:
        case "running":
            return worker.running
        case "down":
            return not worker.running
        case "frozen":
            return worker.frozen
        case "any":
            return True


def _chosen(candidates: Sequence[str], role: str, dice: Dice) -> Sequence[str]:
    count = len(candidates)
    wanted = {"minority": max(0, count - 1) // 2, "majority": count // 2 + 1, "one": 1, "follower": 1}.get(
        role, count
    )
    return candidates if wanted >= count else dice.sample(candidates, wanted)
