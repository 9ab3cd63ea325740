"""Who runs what, by the rules of Kafka 2.3 to 3.3.

Rules of this room: those of ``assignor.py``, on which it is built. Only what differs stands here.

How it differs. Work is taken away only when some member has none at all, down to the rounded-up average of what runs now,
and never in two rounds in a row. What is revoked for balance still counts as its member's load while new work is dealt, so
it comes back to whoever is least loaded only in the next round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mockconnect.core.assignor import (
    ConnectorsAndTasks,
    IncrementalCooperativeAssignor,
    Item,
    Loads,
    Owners,
    Round,
    Share,
    WorkerLoad,
    connector_shares,
    deal,
    duplicated,
    task_shares,
    union,
)
from mockconnect.core.terms import NOTHING, Assignment


@dataclass(frozen=True, slots=True)
class EarlierRules:
    """What changed before 3.4; by default as in 2.8 to 3.2."""

    checks_generations: bool = True
    revokes_to_ceiling: bool = True
    revoked_has_owner: bool = True


class EarlierIncrementalCooperativeAssignor(IncrementalCooperativeAssignor):
    """``IncrementalCooperativeAssignor`` of Kafka 2.3 to 3.3."""

    def __init__(self, scheduled_rebalance_max_delay_ms: int, rules: EarlierRules = EarlierRules()) -> None:
        super().__init__(scheduled_rebalance_max_delay_ms, waits_without_delay=True)
        self._rules = rules
        self._can_revoke = True

    def perform(
        self,
        *,
        now_ms: int,
        generation: int,
        last_completed_generation: int,
        connectors: Mapping[str, int],
        members: Mapping[str, Assignment],
    ) -> Round:
        """Computes one generation; see :meth:`IncrementalCooperativeAssignor.perform`."""
        assert members, "a generation without members has no leader"
        configured = self._configured.follow(connectors)
        active = union(members.values())
        previous = self._believed_assigned(active, last_completed_generation)

        deleted = previous - configured
        lost = previous - active - deleted
        new = (configured - previous - active).in_order()

        loads = {member: WorkerLoad.of(members[member]) for member in sorted(members)}
        self._revoke(loads, deleted)
        if self._rules.checks_generations:
            self._revoke_duplicated(loads, members, active)
        overdue = self._handle_lost(lost, loads, now_ms)
        self._balance_earlier({member: loads[member] for member in members}, active)
        deal(connector_shares(loads), new.connectors + overdue.connectors)
        deal(task_shares(loads), new.tasks + overdue.tasks)

        self._remember_earlier(generation, loads, active - deleted, deleted - active, lost)
        return self._round(loads)

    def _believed_assigned(self, active: ConnectorsAndTasks, last_completed: int) -> ConnectorsAndTasks:
        if not self._previous_revocation.isdisjoint(active):
            self._can_revoke = True
            return active
        if self._rules.checks_generations and self._previous_generation != last_completed:
            return ConnectorsAndTasks()
        return self._previous

    @staticmethod
    def _revoke_duplicated(
        loads: Loads, members: Mapping[str, Assignment], active: ConnectorsAndTasks
    ) -> None:
        """A member that runs duplicates is told of these only: they replace what it was to be told of deletions."""
        found = duplicated(members.values(), active)
        for member, load in loads.items():
            reported = members[member]
            connectors = found.connectors.intersection(reported.connectors)
            tasks = found.tasks.intersection(reported.tasks)
            if connectors or tasks:
                load.connectors.revoked.clear()
                load.tasks.revoked.clear()
                load.connectors.announce(connectors)
                load.tasks.announce(tasks)

    def _handle_lost(self, lost: ConnectorsAndTasks, loads: Loads, now_ms: int) -> Assignment:
        if not lost:
            self._reset_delay()
            return NOTHING
        nobody_left = self._scheduled_rebalance_at_ms == 0 and self._previous_members <= loads.keys()
        if self._rules.checks_generations and nobody_left:
            return lost.in_order()
        if 0 < self._scheduled_rebalance_at_ms <= now_ms:
            if not self._rules.revokes_to_ceiling:
                self._candidates = dict.fromkeys([one for one in self._candidates if one in loads][:1])
            return self._end_delay(lost, loads)
        self._continue_delay(loads, now_ms)
        return NOTHING

    def _balance_earlier(self, loads: Loads, active: ConnectorsAndTasks) -> None:
        """``performTaskRevocation``, which is skipped while a delay runs and in the round after one that revoked."""
        if self._delay_ms > 0 or not self._can_revoke:
            self._can_revoke = self._delay_ms == 0
            return
        existing = [load for load in loads.values() if load.connectors.kept() or load.tasks.kept()]
        revoked = 0
        if 0 < len(existing) < len(loads):
            revoked += self._take([load.connectors for load in existing], len(active.connectors), len(loads))
            revoked += self._take([load.tasks for load in existing], len(active.tasks), len(loads))
        self._can_revoke = revoked == 0

    def _take(self, shares: Iterable[Share[Item]], total: int, members: int) -> int:
        """Announces the first items of every share that is above average; says how many."""
        floor, ceiling = total // members, -(-total // members)
        left = floor  # before 2.6.3 no more than so many in all
        announced = 0
        for share in shares:
            items = share.kept()
            count = max(0, len(items) - ceiling)
            if not self._rules.revokes_to_ceiling:
                count = min(max(0, len(items) - floor), left)
                left -= count
            share.announce(items[:count])
            announced += count
        return announced

    def _remember_earlier(
        self,
        generation: int,
        loads: Loads,
        running: ConnectorsAndTasks,
        gone: ConnectorsAndTasks,
        lost: ConnectorsAndTasks,
    ) -> None:
        """``computePreviousAssignment``: what was deleted counts as revoked even if nobody ran it (``gone``)."""
        self._remember(generation, loads, running, lost)
        self._previous_revocation = self._previous_revocation | gone

    def _round(self, loads: Loads) -> Round:
        return Round(
            members={member: load.result(self._delay_ms) for member, load in loads.items()},
            owners_of_connectors=Owners({m: self._owned(load.connectors) for m, load in loads.items()}),
            owners_of_tasks=Owners({m: self._owned(load.tasks) for m, load in loads.items()}),
            delay_ms=self._delay_ms,
        )

    def _owned(self, share: Share[Item]) -> list[Item]:
        if self._rules.revoked_has_owner:
            return share.items
        return [item for item in share.items if item not in share.revoked]
