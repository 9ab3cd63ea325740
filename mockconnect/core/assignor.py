"""Who runs what: the assignment that the leader computes once per generation.

Rules of this room: pure computation. No time (the caller tells it), no chance, no group, no config log. A
round reads what the members report and what is configured, and answers what each member must start and
stop. The one thing kept between rounds is the memory of a leader's ``IncrementalCooperativeAssignor``; a
new leader has a fresh one.

How it works. An *item* is a connector or a task. A round is difference arithmetic on sets of items: what
was believed assigned, what is reported as running, what is configured. Only differences can be observed, so
only they are ever put in order. Each member's report becomes one :class:`Share` per kind of item; items are
revoked from shares and given to shares, and the shares at the end of the round are the answer.

Members are visited for balancing in the order in which they are given: on a real worker that of a hash map, here by
member id. Where else a real worker follows a hash order (candidates found in one round) the order here is by member id.
Sets of items are ordered by connector name, then by task number.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, cycle
from operator import attrgetter
from typing import Generic, TypeVar

from mockconnect.core.terms import NOTHING, Assignment, ConnectorTaskId

Item = TypeVar("Item", str, ConnectorTaskId)

BACKOFF_MULTIPLIER = 40
"""Each further revoking round in a row waits this many times longer, up to the scheduled rebalance delay."""

_by_connector_and_task: Callable[[ConnectorTaskId], tuple[str, int]] = attrgetter("connector", "task")


@dataclass(frozen=True, slots=True)
class MemberResult:
    """What one member is told: what to start, what to stop, when to rejoin (0: when it is told to)."""

    assigned: Assignment
    revoked: Assignment
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Round:
    """The outcome of one generation: a result per member, and the leader's owner tables for forwarding."""

    members: Mapping[str, MemberResult]
    owners_of_connectors: Mapping[str, str]
    owners_of_tasks: Mapping[ConnectorTaskId, str]
    delay_ms: int


class Owners(Mapping[Item, str]):
    """Which member owns an item. Built at the first question, because most rounds pass without one."""

    def __init__(self, items_of: Mapping[str, Sequence[Item]]) -> None:
        self._items_of: Mapping[str, Sequence[Item]] = items_of

    @cached_property
    def _owner_of(self) -> dict[Item, str]:
        owner_of: dict[Item, str] = {}
        for member, items in self._items_of.items():
            owner_of.update(dict.fromkeys(items, member))
        return owner_of

    def __getitem__(self, item: Item) -> str:
        return self._owner_of[item]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._owner_of)

    def __len__(self) -> int:
        return len(self._owner_of)

    def __repr__(self) -> str:
        return f"Owners({self._owner_of})"


# --- sets of items ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectorsAndTasks:
    """``ConnectorsAndTasks``: a set of items. Only whoever made it may change the sets inside."""

    connectors: set[str] = field(default_factory=set)
    tasks: set[ConnectorTaskId] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.connectors or self.tasks)

    def __sub__(self, other: ConnectorsAndTasks) -> ConnectorsAndTasks:
        return ConnectorsAndTasks(self.connectors - other.connectors, self.tasks - other.tasks)

    def __or__(self, other: ConnectorsAndTasks) -> ConnectorsAndTasks:
        return ConnectorsAndTasks(self.connectors | other.connectors, self.tasks | other.tasks)

    def isdisjoint(self, other: ConnectorsAndTasks) -> bool:
        return self.connectors.isdisjoint(other.connectors) and self.tasks.isdisjoint(other.tasks)

    def in_order(self) -> Assignment:
        tasks = sorted(self.tasks, key=_by_connector_and_task)
        return Assignment(tuple(sorted(self.connectors)), tuple(tasks))


class Configured:
    """The configured items, kept from round to round: a change costs what has changed, not what exists."""

    __slots__ = ("_task_counts", "items")

    def __init__(self) -> None:
        self.items = ConnectorsAndTasks()
        self._task_counts: dict[str, int] = {}

    def follow(self, task_counts: Mapping[str, int]) -> ConnectorsAndTasks:
        """Become the items of these connectors (name -> number of tasks) and return them."""
        known = self._task_counts
        for connector in [name for name, count in task_counts.items() if known.get(name) != count]:
            self._resize(connector, task_counts[connector])
        if len(known) > len(task_counts):
            for connector in known.keys() - task_counts.keys():
                self._forget(connector)
        return self.items

    def _resize(self, connector: str, count: int) -> None:
        before = self._task_counts.get(connector, 0)
        self.items.connectors.add(connector)
        self.items.tasks.update(ConnectorTaskId.of(connector, task) for task in range(before, count))
        self.items.tasks.difference_update(
            ConnectorTaskId.of(connector, task) for task in range(count, before)
        )
        self._task_counts[connector] = count

    def _forget(self, connector: str) -> None:
        self._resize(connector, 0)
        self.items.connectors.remove(connector)
        del self._task_counts[connector]


def union(assignments: Collection[Assignment]) -> ConnectorsAndTasks:
    """All items of all these assignments."""
    return ConnectorsAndTasks(
        set().union(*[assignment.connectors for assignment in assignments]),
        set().union(*[assignment.tasks for assignment in assignments]),
    )


def duplicated(assignments: Collection[Assignment], active: ConnectorsAndTasks) -> ConnectorsAndTasks:
    """The items that more than one of the assignments holds; ``active`` is their union."""
    return ConnectorsAndTasks(
        _repeated([assignment.connectors for assignment in assignments], len(active.connectors)),
        _repeated([assignment.tasks for assignment in assignments], len(active.tasks)),
    )


def _repeated(tuples: Sequence[tuple[Item, ...]], distinct: int) -> set[Item]:
    if sum(map(len, tuples)) == distinct:
        return set()
    return {item for item, copies in Counter(chain.from_iterable(tuples)).items() if copies > 1}


# --- shares: who gets what ----------------------------------------------------------------------------------


class Share(Generic[Item]):
    """One member's items of one kind: those it reported and keeps, in its order, then those given."""

    __slots__ = ("_kept", "items", "revoked")

    def __init__(self, reported: Iterable[Item]) -> None:
        self.items: list[Item] = list(reported)
        self.revoked: set[Item] = set()
        self._kept = len(self.items)

    def give(self, item: Item) -> None:
        self.items.append(item)

    def given(self) -> tuple[Item, ...]:
        return tuple(self.items[self._kept :])

    def kept(self) -> list[Item]:
        return self.items[: self._kept]

    def revoke(self, unwanted: set[Item]) -> None:
        """Takes away reported items. Comes before anything is given."""
        revoked = unwanted.intersection(self.items)
        if revoked:
            self.items = [item for item in self.items if item not in revoked]
            self._kept = len(self.items)
            self.revoked |= revoked

    def announce(self, unwanted: Collection[Item]) -> None:
        """What is to be revoked but still counts in this round, as before Kafka 3.4."""
        self.revoked.update(unwanted)

    def revoke_first(self, count: int) -> None:
        """Takes away the first items, which are the most recently started ones of a worker."""
        self.revoked.update(self.items[:count])
        del self.items[:count]
        self._kept = max(self._kept - count, 0)


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """``WorkerLoad``: what one member will run when this round has been carried out."""

    connectors: Share[str]
    tasks: Share[ConnectorTaskId]

    @classmethod
    def of(cls, reported: Assignment) -> WorkerLoad:
        return cls(Share(reported.connectors), Share(reported.tasks))

    def is_empty(self) -> bool:
        return not self.connectors.items and not self.tasks.items

    def result(self, delay_ms: int) -> MemberResult:
        assigned = Assignment(self.connectors.given(), self.tasks.given())
        revoked = ConnectorsAndTasks(self.connectors.revoked, self.tasks.revoked)
        return MemberResult(assigned or NOTHING, revoked.in_order() if revoked else NOTHING, delay_ms)


Loads = Mapping[str, WorkerLoad]
"""Member id -> load, in the order of member ids: the order in which members are visited."""

Surplus = tuple[Share[str] | Share[ConnectorTaskId], int]
"""A share that is too big, and by how many items."""


def connector_shares(loads: Loads) -> list[Share[str]]:
    return [load.connectors for load in loads.values()]


def task_shares(loads: Loads) -> list[Share[ConnectorTaskId]]:
    return [load.tasks for load in loads.values()]


def deal(shares: Iterable[Share[Item]], items: Collection[Item]) -> None:
    """``assignConnectors``, ``assignTasks``: one item to each of the least loaded in turn."""
    by_load = sorted(shares, key=lambda share: len(share.items))  # stable: equal loads stay in member order
    waiting = iter(items)
    left = len(items)
    while left > 0:
        least = len(by_load[0].items)
        group = [share for share in by_load if len(share.items) <= least]
        for share, item in zip(group, waiting, strict=False):
            share.give(item)
        left -= len(group)


def surpluses(shares: Sequence[Share[Item]], total: int) -> list[tuple[Share[Item], int]]:
    """``loadBalancingRevocations``: how many items each overloaded member has to give up.

    ``total`` counts everything configured, also what nobody runs yet. Every member is entitled to the same
    number; the first ones visited that have more may keep one of the ``extra`` items that remain.
    """
    entitled, extra = divmod(total, len(shares))
    sizes = [len(share.items) for share in shares]
    if sizes.count(entitled + 1) == extra and sizes.count(entitled) == len(sizes) - extra:
        return []
    found = []
    for share, size in zip(shares, sizes, strict=True):
        if size <= entitled:
            continue
        allowed = entitled
        if extra > 0:
            extra -= 1
            allowed += 1
        if size > allowed:
            found.append((share, size - allowed))
    return found


# --- the algorithms -----------------------------------------------------------------------------------------


class IncrementalCooperativeAssignor:
    """``IncrementalCooperativeAssignor`` of Kafka 3.4 and later (protocols ``compatible`` and ``sessioned``).

    Only what has to move moves: it is revoked in one round and assigned in the next. Work of a member that
    vanished waits ``scheduled_rebalance_max_delay_ms`` in case the member comes back, unless that member
    was the leader: its successor starts with a fresh assignor, for which the same work is newly created.
    """

    def __init__(self, scheduled_rebalance_max_delay_ms: int, *, waits_without_delay: bool = False) -> None:
        """``waits_without_delay``: a maximum of 0 still leaves lost work lost until the next round."""
        self._max_delay_ms = scheduled_rebalance_max_delay_ms
        self._waits_without_delay = waits_without_delay
        self._configured = Configured()
        # What the last round left behind: who ran what (lost work included), and what was told to stop.
        self._previous = ConnectorsAndTasks()
        self._previous_revocation = ConnectorsAndTasks()
        self._previous_members: frozenset[str] = frozenset()
        self._previous_generation = -1
        self._inherited = False
        # The delay that is running, if any. Candidates are members without work, in order of appearance.
        self._delay_ms = 0
        self._scheduled_rebalance_at_ms = 0
        self._candidates: dict[str, None] = {}
        # Back-off while every round wants to revoke something again.
        self._revoked_in_previous = False
        self._successive_revoking_rounds = 0

    def inherit(self, known: Assignment) -> None:
        """Before its first round: what the group had assigned, to members that will say so, and to one that will not.

        A round that only forms a captured group again moves nothing for balance.
        """
        self._previous = ConnectorsAndTasks(set(known.connectors), set(known.tasks))
        self._previous_members = frozenset({""})
        self._inherited = True

    def perform(
        self,
        *,
        now_ms: int,
        generation: int,
        last_completed_generation: int,
        connectors: Mapping[str, int],
        members: Mapping[str, Assignment],
    ) -> Round:
        """Computes one generation (``performTaskAssignment``).

        ``connectors`` maps each configured connector to its number of tasks, ``members`` each member id to
        what it reports as running. ``last_completed_generation`` is the last one that this leader itself
        joined successfully, -1 if none. Whether the leader has read enough of the config topic is for the
        caller to know.
        """
        assert members, "a generation without members has no leader"
        configured = self._configured.follow(connectors)
        active = union(members.values())
        previous = self._believed_assigned(active, last_completed_generation)

        deleted = previous - configured
        lost = previous - active - deleted
        created = configured - previous - active

        loads = {member: WorkerLoad.of(members[member]) for member in sorted(members)}
        self._revoke(loads, deleted | duplicated(members.values(), active))
        overdue = self._handle_lost(lost, loads, now_ms)
        self._balance({member: loads[member] for member in members}, configured, now_ms)
        new = created.in_order()
        deal(connector_shares(loads), new.connectors + overdue.connectors)
        deal(task_shares(loads), new.tasks + overdue.tasks)

        self._remember(generation, loads, active, lost)
        return _round(loads, self._delay_ms)

    def _believed_assigned(self, active: ConnectorsAndTasks, last_completed: int) -> ConnectorsAndTasks:
        """The previous assignment, corrected where the members show that it never took effect."""
        if not self._previous_revocation.isdisjoint(active):
            return active
        if self._previous_generation != last_completed:
            return ConnectorsAndTasks()
        return self._previous

    @staticmethod
    def _revoke(loads: Loads, unwanted: ConnectorsAndTasks) -> None:
        if unwanted:
            for load in loads.values():
                load.connectors.revoke(unwanted.connectors)
                load.tasks.revoke(unwanted.tasks)

    # Lost work: start a delay, wait for it, or hand the work out.

    def _handle_lost(self, lost: ConnectorsAndTasks, loads: Loads, now_ms: int) -> Assignment:
        """``handleLostAssignments``: returns the lost work to deal in this round after the new."""
        if not lost and not self._revoked_in_previous:
            self._reset_delay()
            return NOTHING
        nobody_left = self._scheduled_rebalance_at_ms == 0 and self._previous_members <= loads.keys()
        if nobody_left or (self._max_delay_ms == 0 and not self._waits_without_delay):
            return lost.in_order()  # nobody left: then a member never received what it had been assigned
        if 0 < self._scheduled_rebalance_at_ms <= now_ms:
            return self._end_delay(lost, loads)
        self._continue_delay(loads, now_ms)
        return NOTHING

    def _continue_delay(self, loads: Loads, now_ms: int) -> None:
        self._candidates |= dict.fromkeys(member for member, load in loads.items() if load.is_empty())
        if self._scheduled_rebalance_at_ms == 0:
            self._delay_ms = self._max_delay_ms
        else:
            self._delay_ms = min(self._scheduled_rebalance_at_ms - now_ms, self._max_delay_ms)
        self._scheduled_rebalance_at_ms = now_ms + self._delay_ms

    def _end_delay(self, lost: ConnectorsAndTasks, loads: Loads) -> Assignment:
        """Members that joined without work during the delay get everything lost, however much that is."""
        candidates = [loads[member] for member in self._candidates if member in loads]
        self._reset_delay()
        self._revoked_in_previous = False
        if not candidates:
            return lost.in_order()
        in_order = lost.in_order()
        for load, connector in zip(cycle(candidates), in_order.connectors, strict=False):
            load.connectors.give(connector)
        for load, task in zip(cycle(candidates), in_order.tasks, strict=False):
            load.tasks.give(task)
        return NOTHING

    def _reset_delay(self) -> None:
        self._candidates.clear()
        self._scheduled_rebalance_at_ms = 0
        self._delay_ms = 0

    # Balancing: take away from whoever has more than its due.

    def _balance(self, loads: Loads, configured: ConnectorsAndTasks, now_ms: int) -> None:
        """``performLoadBalancingRevocations``, which waits while a delay runs and backs off after itself."""
        inherited, self._inherited = self._inherited, False
        if self._delay_ms > 0 or inherited:
            self._revoked_in_previous = False
            return
        surplus = self._surplus(loads, configured)
        if surplus and self._revoked_in_previous:
            self._back_off(now_ms)
            if self._delay_ms > 0:
                return
        elif surplus:
            self._revoked_in_previous = True
        elif self._revoked_in_previous:
            self._revoked_in_previous = False
            self._successive_revoking_rounds = 0
        for share, count in surplus:
            share.revoke_first(count)

    @staticmethod
    def _surplus(loads: Loads, configured: ConnectorsAndTasks) -> list[Surplus]:
        if not configured:
            return []  # what still runs goes as deleted, at the latest in the next round
        return [
            *surpluses(connector_shares(loads), len(configured.connectors)),
            *surpluses(task_shares(loads), len(configured.tasks)),
        ]

    def _back_off(self, now_ms: int) -> None:
        self._successive_revoking_rounds += 1
        self._delay_ms = backoff_ms(self._successive_revoking_rounds, self._max_delay_ms)
        if self._delay_ms > 0:
            self._scheduled_rebalance_at_ms = now_ms + self._delay_ms

    def _remember(
        self, generation: int, loads: Loads, active: ConnectorsAndTasks, lost: ConnectorsAndTasks
    ) -> None:
        """``computePreviousAssignment``. Turns ``active`` into it, as most of it runs on."""
        self._previous_revocation = ConnectorsAndTasks(
            _settle(connector_shares(loads), active.connectors, lost.connectors),
            _settle(task_shares(loads), active.tasks, lost.tasks),
        )
        self._previous = active
        self._previous_members = frozenset(loads)
        self._previous_generation = generation


def _settle(shares: Sequence[Share[Item]], running: set[Item], lost: set[Item]) -> set[Item]:
    """Makes ``running`` what is believed assigned after the round; returns what is revoked."""
    revoked: set[Item] = set().union(*[share.revoked for share in shares])
    running.update(*[share.given() for share in shares])
    running -= revoked
    running |= lost
    return revoked


def backoff_ms(attempts: int, max_ms: int) -> int:
    """``ExponentialBackoff`` without jitter, in floating point as there: 1000 is reached as 999."""
    if max_ms <= 1:
        return max_ms
    exponent = min(attempts, math.log(max_ms) / math.log(BACKOFF_MULTIPLIER))
    return min(int(BACKOFF_MULTIPLIER**exponent), max_ms)


def assign_eagerly(connectors: Mapping[str, int], members: Collection[str]) -> Round:
    """``EagerAssignor`` (protocol ``eager``): everything anew, dealt to one ring of members.

    ``connectors`` maps each configured connector to its number of tasks. Members stop all they run before
    they join, so there is nothing to revoke and nothing to wait for.
    """
    assert members, "a generation without members has no leader"
    loads = {member: WorkerLoad.of(NOTHING) for member in sorted(members)}
    names = sorted(connectors)
    tasks = [ConnectorTaskId.of(name, task) for name in names for task in range(connectors[name])]
    ring = cycle(loads.values())
    for connector, load in zip(names, ring, strict=False):
        load.connectors.give(connector)
    for task_id, load in zip(tasks, ring, strict=False):
        load.tasks.give(task_id)
    return _round(loads, delay_ms=0)


def _round(loads: Loads, delay_ms: int) -> Round:
    return Round(
        members={member: load.result(delay_ms) for member, load in loads.items()},
        owners_of_connectors=Owners({member: load.connectors.items for member, load in loads.items()}),
        owners_of_tasks=Owners({member: load.tasks.items for member, load in loads.items()}),
        delay_ms=delay_ms,
    )
