"""What conditions mean on a cluster: a read-only look at its workers, its group and what they show.

Rules of this room:

* Looking changes nothing. A condition is compiled once, to a function that is called after every event, so it does
  no more than it must.
* "Shown" is what a worker would answer from its own memory; "really" is what runs in its process. That both differ is
  the point of many scenarios.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final
from weakref import WeakKeyDictionary

from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import ConnectProcess, ConnectWorker, Rest
from mockconnect.core.group import GroupState
from mockconnect.core.status_store import StatusEntry
from mockconnect.core.terms import ConnectorTaskId, State, Status, TargetState
from mockconnect.scenario.conditions import (
    AnswerFilter,
    Condition,
    GroupCondition,
    PluginsCondition,
    TaskCounts,
    WorkersCondition,
)
from mockconnect.scenario.parts import Count

Test = Callable[[], bool]
Answered = Callable[[AnswerFilter], bool]
"""Whether a request that matches has ended."""

_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "!=": operator.ne,
}
_COUNT: Final = re.compile(r"(>=|<=|>|<|!=)\s*(\d+)")
_TARGETS: Final = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}


def counted(count: Count) -> Callable[[int], bool]:
    """Whether a number is what the count says."""
    if isinstance(count, int):
        return lambda number: number == count
    found = _COUNT.fullmatch(count)
    assert found is not None, f"no count: {count!r}"
    compare, bound = _COMPARE[found[1]], int(found[2])
    return lambda number: compare(number, bound)


def is_possible(count: Count, number: int) -> bool:
    """Whether a number that can only grow is what the count says, or may become it."""
    found = None if isinstance(count, int) else _COUNT.fullmatch(count)
    bound = count if isinstance(count, int) else int(found[2]) if found else 0
    return any(map(counted(count), range(number, max(number, bound) + 2)))


def compile_condition(condition: Condition, cluster: Cluster, answered: Answered) -> Test:
    """The condition as a function of now."""
    tests = list(_tests(condition, cluster, answered))
    if len(tests) == 1:
        return tests[0]
    return lambda: all(test() for test in tests)


def _tests(condition: Condition, cluster: Cluster, answered: Answered) -> Iterable[Test]:
    """Cheap ones first."""
    if condition.settled is not None:
        yield _is(lambda: cluster.settled, condition.settled)
    if condition.group is not None:
        yield from _group_tests(condition.group, cluster)
    if condition.workers is not None:
        yield _workers_test(condition.workers, cluster)
    if condition.plugins is not None:
        yield _plugins_test(condition.plugins, cluster)
    if condition.plugins_differ is not None:
        yield _is(lambda: plugins_differ(cluster), condition.plugins_differ)
    if condition.connector is not None:
        yield from _connector_tests(condition, condition.connector, cluster)
    if condition.views_differ is not None:
        yield _is(lambda: views_differ(cluster, condition.connector), condition.views_differ)
    if condition.request is not None:
        wanted = condition.request
        yield lambda: answered(wanted)
    if condition.any is not None:
        parts = [compile_condition(one, cluster, answered) for one in condition.any]
        yield lambda: any(part() for part in parts)
    if condition.not_ is not None:
        inner = compile_condition(condition.not_, cluster, answered)
        yield lambda: not inner()


def _is(test: Test, wanted: bool) -> Test:
    return test if wanted else lambda: not test()


# --- the group and its workers ----------------------------------------------------------------------------------------


def live(cluster: Cluster) -> list[tuple[ConnectWorker, ConnectProcess]]:
    """Every worker with a process that is alive."""
    return [(one, one.node) for one in cluster.workers.values() if one.running and one.node is not None]


def serves(worker: ConnectWorker) -> bool:
    return worker.rest is Rest.SERVING and not worker.frozen


def plugins_of(node: ConnectProcess) -> tuple[tuple[str, str | None], ...]:
    """Class and version of every connector plugin that a process knows; that never changes while it lives."""
    known = _PLUGINS.get(node)
    if known is None:
        listed = node.inside.answers.plugins.list(True)
        known = _PLUGINS[node] = tuple((plugin.class_name, plugin.version) for plugin in listed)
    return known


_PLUGINS: Final[WeakKeyDictionary[ConnectProcess, tuple[tuple[str, str | None], ...]]] = WeakKeyDictionary()


def plugins_differ(cluster: Cluster) -> bool:
    return len({plugins_of(node) for _, node in live(cluster)}) > 1


def _has_class(node: ConnectProcess, wanted: str) -> bool:
    """``class`` or ``class@version``, both with ``*``; a version stands for those that go on after it."""
    name, _, version = wanted.partition("@")
    return any(
        fnmatchcase(one, name)
        and (not version or any(fnmatchcase(f"{has}.", f"{version}{end}") for end in (".", ".*")))
        for one, has in plugins_of(node)
    )


def _plugins_test(wanted: PluginsCondition, cluster: Cluster) -> Test:
    def test() -> bool:
        nodes = [node for worker, node in live(cluster) if _is_viewer(cluster, worker, wanted.on)]
        return bool(nodes) and all(_has_class(node, wanted.class_) is wanted.present for node in nodes)

    return test


def _group_tests(wanted: GroupCondition, cluster: Cluster) -> Iterable[Test]:
    coordinator = cluster.coordinator
    if wanted.rebalancing is not None:
        settled = (GroupState.STABLE, GroupState.EMPTY)
        yield _is(lambda: coordinator.state not in settled, wanted.rebalancing)
    if wanted.leader is not None:
        name = None if wanted.leader == "none" else wanted.leader
        yield lambda: cluster.leader == name
    if wanted.generation is not None:
        generation = counted(wanted.generation)
        yield lambda: generation(cluster.generation)
    if wanted.members is not None:
        members = counted(wanted.members)
        yield lambda: members(len(coordinator.member_ids()))


def _workers_test(wanted: WorkersCondition, cluster: Cluster) -> Test:
    names = [wanted.names] if isinstance(wanted.names, str) else wanted.names
    fits = None if wanted.count is None else counted(wanted.count)

    def test() -> bool:
        ours = (one for one in cluster.workers.values() if not one.elsewhere)
        workers = [one for one in ours if names is None or one.name in names]
        found = sum(_is_such(cluster, worker, wanted) for worker in workers)
        return found == len(workers if names is None else names) if fits is None else fits(found)

    return test


def _is_such(cluster: Cluster, worker: ConnectWorker, wanted: WorkersCondition) -> bool:
    if wanted.running is not None and worker.running is not wanted.running:
        return False
    if wanted.serving is not None and serves(worker) is not wanted.serving:
        return False
    if wanted.frozen is not None and worker.frozen is not wanted.frozen:
        return False
    if wanted.member is not None and _is_member(cluster, worker) is not wanted.member:
        return False
    node = worker.node if worker.running else None
    if wanted.kafka_version is not None and (
        node is None or not _is_version(node.settings.version.text, wanted.kafka_version)
    ):
        return False
    return wanted.class_ is None or (node is not None and _has_class(node, wanted.class_))


def _is_version(text: str, wanted: str) -> bool:
    return text == wanted or text.startswith(f"{wanted}.")


def _is_member(cluster: Cluster, worker: ConnectWorker) -> bool:
    node = worker.node
    return worker.running and node is not None and node.inside.member_id in cluster.coordinator.member_ids()


def _is_viewer(cluster: Cluster, worker: ConnectWorker, on: str | None) -> bool:
    return on in (None, "any", "all", worker.name) or (on == "leader" and cluster.leader == worker.name)


# --- what is shown of a connector ---------------------------------------------------------------------------------------


def viewers(cluster: Cluster, on: str | None) -> list[ConnectProcess]:
    """Processes that answer, of those whose view counts."""
    return [node for worker, node in live(cluster) if serves(worker) and _is_viewer(cluster, worker, on)]


def shown_state(entry: StatusEntry | None, task: int | None = None) -> str:
    status = shown_status(entry, task)
    return "NONE" if status is None else status.state.value


def shown_status(entry: StatusEntry | None, task: int | None = None) -> Status | None:
    if entry is None:
        return None
    return entry.connector if task is None else entry.tasks.get(task)


def views_differ(cluster: Cluster, connector: str | None) -> bool:
    """Whether two workers that serve would answer differently for a status."""
    nodes = viewers(cluster, None)
    names: Sequence[str] = [connector] if connector is not None else connectors(cluster)
    return any(len({_summary(node.statuses.entry(name)) for node in nodes}) > 1 for name in names)


def _summary(entry: StatusEntry | None) -> tuple[tuple[int, str, str], ...]:
    if entry is None:
        return ()
    tasks = [(task, one.state.value, one.worker_id) for task, one in sorted(entry.tasks.items())]
    own = entry.connector
    return tuple(tasks) if own is None else ((-1, own.state.value, own.worker_id), *tasks)


def connectors(cluster: Cluster) -> list[str]:
    """Names of all connectors that some live worker has read of, sorted."""
    found = {name for _, node in live(cluster) for name in node.configs.snapshot().entries}
    return sorted(found)


def instances(cluster: Cluster, connector: str, task: int | None = None) -> int:
    """How many live processes really run a connector or one of its tasks; zombies count."""
    count = 0
    for _, node in live(cluster):
        if task is None:
            count += connector in node.worker.connectors
        else:
            task_id = ConnectorTaskId.of(connector, task)
            count += (task_id in node.worker.tasks) + sum(one.id == task_id for one in node.worker.zombies)
    return count


def _connector_tests(condition: Condition, name: str, cluster: Cluster) -> Iterable[Test]:
    on = condition.on
    every = any if on == "any" else all

    def seen(fits: Callable[[ConnectProcess], bool]) -> Test:
        def test() -> bool:
            nodes = viewers(cluster, on)
            return bool(nodes) and every(fits(node) for node in nodes)

        return test

    if condition.exists is not None:
        exists = condition.exists
        yield seen(lambda node: node.configs.snapshot().contains(name) is exists)
    if condition.state is not None:
        states = [condition.state] if isinstance(condition.state, str) else condition.state
        yield seen(lambda node: shown_state(node.statuses.entry(name), condition.task) in states)
    if condition.tasks is not None:
        for count_of, fits in _task_counts(condition.tasks, name):
            yield seen(lambda node, count_of=count_of, fits=fits: fits(count_of(node)))  # type: ignore[misc]
    if condition.worker is not None:
        yield seen(lambda node: _named_worker(cluster, node, name, condition.task) == condition.worker)
    if condition.target is not None:
        target = _TARGETS[condition.target]
        yield seen(lambda node: node.configs.snapshot().target_state(name) is target)
    if condition.config is not None:
        config = condition.config
        yield seen(lambda node: _has_config(node, name, config))
    if condition.instances is not None:
        number = counted(condition.instances)
        yield lambda: number(instances(cluster, name, condition.task))


def _task_counts(
    counts: TaskCounts, name: str
) -> Iterable[tuple[Callable[[ConnectProcess], int], Callable[[int], bool]]]:
    for kind in counts.__struct_fields__:
        count = getattr(counts, kind)
        if count is not None:
            yield _counter(kind, name), counted(count)


def _counter(kind: str, name: str) -> Callable[[ConnectProcess], int]:
    if kind == "configured":
        return lambda node: node.configs.snapshot().task_count(name)

    def count(node: ConnectProcess) -> int:
        entry = node.statuses.entry(name)
        if entry is None:
            return 0
        if kind == "shown":
            return len(entry.tasks)
        state = State(kind.upper())
        return sum(one.state is state for one in entry.tasks.values())

    return count


def _named_worker(cluster: Cluster, node: ConnectProcess, connector: str, task: int | None) -> str | None:
    """The name of the worker whose id the status has; the id itself if it is nobody's."""
    status = shown_status(node.statuses.entry(connector), task)
    if status is None:
        return None
    ids = {worker.settings.worker_id: worker.name for worker in cluster.workers.values()}
    return ids.get(status.worker_id, status.worker_id)


def _has_config(node: ConnectProcess, name: str, wanted: Mapping[str, str]) -> bool:
    entry = node.configs.snapshot().entries.get(name)
    return entry is not None and all(entry.config.get(key) == value for key, value in wanted.items())
