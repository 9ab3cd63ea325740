"""The rules of the status topic."""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect.catalog import apache_plugins
from mockconnect.core.declared import simulated_connector
from mockconnect.core.network import Network
from mockconnect.core.sim import Process, Sim
from mockconnect.core.status_store import CONNECTOR, TASK, StatusStore
from mockconnect.core.terms import ConnectorTaskId, State, Status
from mockconnect.core.topics import Producer, Record, Topic

A0 = ConnectorTaskId.of("a", 0)


class World:
    def __init__(self, *, filtering: bool = True) -> None:
        self.sim = Sim()
        self.topic = Topic("status", self.sim)
        producer = Producer(self.topic, Process(self.sim), Network(), "connect-0", lambda: 0)
        self.store = StatusStore("me:8083", producer, filter_stale_unassigned=filtering)

    def read(self, kind: str, status: Status | None, task: int = 0) -> None:
        key = (kind, "a") if kind == CONNECTOR else (kind, "a", str(task))
        self.store.apply(Record(0, key, status, 0))

    def written(self) -> list[object]:
        self.sim.advance(1)
        self.topic.compact()
        return [record.value for record in self.topic.compacted()]


def status(state: State, generation: int, worker: str = "other:8083") -> Status:
    return Status(state, worker, generation)


def test_a_status_counts_only_after_it_came_back() -> None:
    world = World()
    world.store.put_connector("a", status(State.RUNNING, 1))
    world.sim.advance(1)
    assert world.store.connector("a") is None


@pytest.mark.parametrize(
    ("cached", "writes"),
    [
        (None, True),
        (status(State.RUNNING, 9, "me:8083"), True),
        (status(State.RUNNING, 3), True),
        (status(State.RUNNING, 4), False),
    ],
    ids=["nothing cached", "own newer", "other older or equal", "other newer"],
)
def test_a_safe_write_does_not_overwrite_a_newer_owner(cached: Status | None, writes: bool) -> None:
    world = World()
    world.read(TASK, cached)
    failed = status(State.FAILED, 3, "me:8083")
    world.store.put_task_safe(A0, failed)
    assert world.written() == ([failed] if writes else [])


@pytest.mark.parametrize(("generation", "shown"), [(5, State.RUNNING), (6, State.UNASSIGNED)])
def test_a_task_stopped_in_the_generation_of_its_start_stays_running(generation: int, shown: State) -> None:
    world = World()
    world.read(TASK, status(State.RUNNING, 5))
    world.read(TASK, status(State.UNASSIGNED, generation))
    found = world.store.task(A0)
    assert found is not None
    assert found.state is shown


def test_connectors_and_older_workers_are_not_filtered() -> None:
    world, old = World(), World(filtering=False)
    for each, kind in ((world, CONNECTOR), (old, TASK)):
        each.read(kind, status(State.RUNNING, 5))
        each.read(kind, status(State.UNASSIGNED, 5))
    assert world.store.connector("a") == status(State.UNASSIGNED, 5)
    assert old.store.task(A0) == status(State.UNASSIGNED, 5)


def test_a_connectors_tombstone_takes_its_tasks_along() -> None:
    world = World()
    world.read(CONNECTOR, status(State.RUNNING, 1))
    world.read(TASK, status(State.RUNNING, 1))
    world.read(CONNECTOR, None)
    assert (world.store.task(A0), list(world.store.connectors())) == (None, [])


def test_topics_are_written_once_per_connector() -> None:
    world = World()
    world.store.put_topic(A0, "t")
    for value in world.written():
        world.store.apply(Record(0, ("status-topic", "a", "t"), value, 0))
    world.store.put_topic(ConnectorTaskId.of("a", 1), "t")
    assert (world.store.topics("a"), world.topic.end_offset) == (["t"], 1)
    world.store.delete_topics("a")
    assert world.written() == []


def test_after_ten_minutes_without_a_worker_old_statuses_are_those_of_a_later_generation() -> None:
    """The broker forgets a group that stays empty, and generations begin anew."""
    plain = simulated_connector("com.example.Plain", "source")
    scene = Scene({"a": plain, "b": plain}, workers=2)
    cluster = scene.cluster
    owner = cluster.owner("a")
    other = next(name for name in cluster.workers if name != owner)
    for _ in range(3):
        cluster.workers[other].stop()
        assert cluster.settle()
        cluster.workers[other].start()
        assert cluster.settle()
    assert cluster.generation > 6
    scene.ask(0, "restart_connector", name="a")
    assert cluster.settle()
    before = scene.ask(0, "connector_status", name="a")
    cluster.set_plugins(other, apache_plugins())
    for worker in cluster.workers.values():
        worker.crash()
    scene.sim.run_until(scene.sim.now_ms + 1_300_000)
    cluster.workers[other].start()
    assert cluster.settle()
    assert cluster.generation < 4
    # It cannot start there, and says so in vain: what the other worker wrote is of a later generation.
    number = int(other.removeprefix("connect-"))
    status = scene.ask(number, "connector_status", name="a")
    assert status["connector"] == before["connector"]
    assert status["connector"]["state"] == "RUNNING"


def test_who_starts_after_compaction_may_see_what_others_passed_over() -> None:
    """An UNASSIGNED of an older generation counts for those only who never saw the RUNNING before it."""
    old, young = World(), World()
    old.read(TASK, status(State.RUNNING, 5, "me:8083"))
    for world in (old, young):
        world.read(TASK, status(State.UNASSIGNED, 1))
    shown = [world.store.task(A0) for world in (old, young)]
    assert [one.state for one in shown if one] == [State.RUNNING, State.UNASSIGNED]
