"""The register of faults: how they begin and end, whom they concern, and that they keep to themselves."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest
from scene import Scene

from mockconnect import faults
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.declared import simulated_connector
from mockconnect.core.faults import FaultError, OwnerOf
from mockconnect.core.injecting import CARRIERS
from mockconnect.core.network import Break
from mockconnect.core.settings import WorkerSettings

PLAIN = simulated_connector("com.example.PlainConnector", "source", "1.0", tasks="tasks_max")


@pytest.fixture
def scene() -> Scene:
    return Scene({"a": PLAIN})


def ended(scene: Scene, fault_id: str) -> str:
    """Why it ended."""
    return next(row.ended for row in scene.cluster.faults.past if row.id == fault_id)


# --- the vocabulary -----------------------------------------------------------------------------------------------------


def test_every_fault_has_a_verb_of_its_own_and_somebody_to_carry_it_out(scene: Scene) -> None:
    assert len(faults.VERBS) == 53
    carriers = {**CARRIERS, **scene.cluster.client_faults.carriers}
    assert set(carriers) == set(faults.VERBS.values())
    for verb, kind in faults.VERBS.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", verb)
        assert kind.__doc__, verb
        assert kind.__name__ in faults.__all__


def test_faults_are_values() -> None:
    for kind in faults.VERBS.values():
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]
        assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind), kind
        for field in dataclasses.fields(kind):
            assert field.name not in ("for", "from", "class")


# --- beginning and end ----------------------------------------------------------------------------------------------------


def test_a_fault_ends_after_its_time(scene: Scene) -> None:
    cluster = scene.cluster
    fault_id = cluster.inject(faults.Freeze("connect-1", for_ms=2_000))
    row = cluster.faults.active[0]
    assert (row.id, row.verb, row.workers) == (fault_id, "freeze", ("connect-1",))
    assert (row.text, row.ends_at_ms) == ("freeze worker=connect-1 for_ms=2000", cluster.now_ms + 2_000)
    scene.advance(1_999)
    assert cluster.workers["connect-1"].frozen
    scene.advance(1)
    assert not cluster.workers["connect-1"].frozen
    assert ended(scene, fault_id) == "time"
    assert cluster.heal(fault_id) is False


def test_a_fault_ends_when_it_is_healed(scene: Scene) -> None:
    cluster = scene.cluster
    fault_id = cluster.inject(faults.Freeze("connect-1", for_ms=2_000))
    assert cluster.heal(fault_id) is True
    assert not cluster.workers["connect-1"].frozen
    scene.advance(5_000)
    assert [row.ended for row in cluster.faults.past] == ["healed"]


def test_a_fault_ends_when_its_condition_holds(scene: Scene) -> None:
    cluster = scene.cluster
    fault_id = cluster.inject(faults.Freeze("connect-2"), until=lambda: cluster.generation > 1)
    scene.advance(60_000)
    assert ended(scene, fault_id) == "until"
    row = cluster.faults.past[0]
    assert row.ended_at_ms is not None
    assert 9_000 < row.ended_at_ms - row.since_ms < 14_000, (
        "the group has missed it after its session time-out"
    )


def test_a_condition_that_holds_already_ends_it_at_once(scene: Scene) -> None:
    fault_id = scene.cluster.inject(faults.Freeze("connect-2"), until=lambda: True)
    scene.advance(0)
    assert ended(scene, fault_id) == "until"


def test_an_action_is_over_when_it_has_happened(scene: Scene) -> None:
    fault_id = scene.cluster.inject(faults.Rebalance())
    assert scene.cluster.faults.active == []
    assert ended(scene, fault_id) == "done"


def test_what_cannot_be_carried_out_is_refused_and_noted(scene: Scene) -> None:
    with pytest.raises(FaultError, match="no task of b is running"):
        scene.cluster.inject(faults.FailTask("b"))
    assert scene.cluster.faults.active == []
    assert [row.ended for row in scene.cluster.faults.past] == ["refused: no task of b is running"]


def test_a_fault_that_never_was_cannot_be_healed(scene: Scene) -> None:
    scene.cluster.inject(faults.Freeze("one"))
    with pytest.raises(FaultError, match="no fault has the id 'freeze-7'; active are: freeze-1"):
        scene.cluster.heal("freeze-7")


def test_heal_all_ends_the_newest_first(scene: Scene) -> None:
    cluster = scene.cluster
    ids = [cluster.inject(fault) for fault in (faults.Crash("one"), faults.NoLeader(), faults.Crash("one"))]
    assert cluster.heal_all() == ids[::-1]
    assert cluster.faults.active == []


def test_beginnings_and_ends_are_in_the_trace_and_in_the_snapshot(scene: Scene) -> None:
    cluster = scene.cluster
    fault_id = cluster.inject(faults.NoLeader("followers"), name="rule")
    assert fault_id == "rule-1"
    assert cluster.snapshot()["faults"] == [
        {"id": "rule-1", "what": "no_leader worker=followers", "since_ms": cluster.now_ms}
    ]
    cluster.heal(fault_id)
    rows = [row.detail for row in cluster.sim.trace if row.what == "fault"]
    assert rows == ["rule-1 begins: no_leader worker=followers", "rule-1 ends: healed"]


def test_whoever_listens_hears_of_every_end(scene: Scene) -> None:
    heard = []
    scene.cluster.faults.on_end.append(heard.append)
    scene.cluster.inject(faults.Rebalance())
    fault_id = scene.cluster.inject(faults.NoLeader("connect-0"))
    scene.cluster.heal(fault_id)
    assert [(row.id, row.ended) for row in heard] == [("rebalance-1", "done"), ("no_leader-1", "healed")]


# --- whom they concern ------------------------------------------------------------------------------------------------------


def concerned(scene: Scene, target: faults.Target, **fault: object) -> tuple[str, ...]:
    fault_id = scene.cluster.inject(faults.NoLeader(target))
    workers = scene.cluster.faults.active[-1].workers
    scene.cluster.heal(fault_id)
    return workers


def test_roles() -> None:
    scene = Scene({"a": PLAIN}, workers=5)
    every = tuple(f"connect-{n}" for n in range(5))
    assert concerned(scene, "all") == every
    assert concerned(scene, "leader") == ("connect-0",)
    assert concerned(scene, "followers") == every[1:]
    assert concerned(scene, "follower")[0] in every[1:]
    assert len(concerned(scene, "one")) == 1
    assert len(concerned(scene, "minority")) == 2
    assert len(concerned(scene, "majority")) == 3
    assert concerned(scene, ("connect-3", "leader", "connect-3")) == ("connect-3", "connect-0")


def test_owners(scene: Scene) -> None:
    owner, of_task = scene.cluster.owner("a"), scene.cluster.owner("a", 1)
    assert concerned(scene, OwnerOf("a")) == concerned(scene, "owner_of: a") == (owner,)
    assert concerned(scene, OwnerOf("a", 1)) == concerned(scene, "owner_of: a/1") == (of_task,)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("connect-9", "no worker is called 'connect-9'; there are connect-0, connect-1, connect-2, "),
        (
            "everybody",
            "no worker is called 'everybody'; there are connect-0, connect-1, connect-2, leader, follower,",
        ),
        ("owner_of: b", "no worker runs b"),
        ("owner_of: a/7", "no worker runs task 7 of a"),
        ((), "no worker is named"),
    ],
)
def test_nobody(scene: Scene, target: faults.Target, text: str) -> None:
    with pytest.raises(FaultError, match=re.escape(text)):
        scene.cluster.inject(faults.Crash(target))


def test_a_minority_of_two_is_nobody() -> None:
    with pytest.raises(FaultError, match="'minority' is nobody: of 2 workers that are running"):
        Scene(workers=2).cluster.inject(faults.Crash("minority"))


def test_roles_mean_those_who_can(scene: Scene) -> None:
    cluster = scene.cluster
    cluster.inject(faults.Crash(("connect-0", "connect-1")))
    assert concerned(scene, "one") in [("connect-0",), ("connect-1",), ("connect-2",)], "any worker will do"
    cluster.inject(faults.Freeze("one"))
    assert cluster.workers["connect-2"].frozen, "only that one runs"
    cluster.inject(faults.Start("all"))
    assert all(worker.running for worker in cluster.workers.values())
    assert [row.verb for row in cluster.faults.active] == ["freeze"], "the crash is over"
    cluster.inject(faults.Thaw("all"))
    assert cluster.faults.active == []


def test_chance_belongs_to_the_name_of_a_fault() -> None:
    def chosen(before: int) -> str:
        scene = Scene(workers=5)
        for _ in range(before):
            scene.cluster.heal(scene.cluster.inject(faults.Freeze("one")))
        fault_id = scene.cluster.inject(faults.Freeze("one"), name="rule")
        return next(row.workers[0] for row in scene.cluster.faults.active if row.id == fault_id)

    assert chosen(0) == chosen(1) == chosen(5)


# --- several on the same thing ----------------------------------------------------------------------------------------------


def test_a_link_that_two_have_cut_comes_back_with_the_second(scene: Scene) -> None:
    network = scene.cluster.network
    first = scene.cluster.inject(faults.Partition("connect-0", "connect-1", how="dropped"))
    second = scene.cluster.inject(faults.Isolate("connect-0", how="refused"))
    assert network.link("connect-0", "connect-1") is Break.REFUSED, "the newest counts"
    scene.cluster.heal(second)
    assert network.link("connect-0", "connect-1") is Break.DROPPED
    assert network.kafka_reachable("connect-0")
    scene.cluster.heal(first)
    assert network.breaks() == []


def test_lags_are_put_back_in_any_order(scene: Scene) -> None:
    worker = scene.cluster.workers["connect-1"]
    own = dict(worker.lag_ms)
    first = scene.cluster.inject(faults.Lag("connect-1", status_ms=5_000))
    second = scene.cluster.inject(faults.Lag("connect-1", status_ms=9_000, config_ms=1_000))
    assert worker.lag_ms == {"config": 1_000, "status": 9_000}
    scene.cluster.heal(first)
    assert worker.lag_ms == {"config": 1_000, "status": 9_000}
    scene.cluster.heal(second)
    assert worker.lag_ms == own


@pytest.mark.parametrize("kind", [faults.Crash, faults.Stop, faults.Freeze])
def test_who_is_down_twice_stays_down_until_both_have_ended(
    scene: Scene, kind: Callable[[str], faults.Fault]
) -> None:
    worker = scene.cluster.workers["connect-1"]

    def is_well() -> bool:
        return worker.running and not worker.frozen

    first, second = scene.cluster.inject(kind("connect-1")), scene.cluster.inject(kind("connect-1"))
    scene.advance(60_000)
    scene.cluster.heal(first)
    scene.advance(60_000)
    assert not is_well()
    scene.cluster.heal(second)
    assert scene.cluster.settle()
    assert is_well()


# --- standalone -------------------------------------------------------------------------------------------------------------


def test_a_standalone_worker_has_no_group() -> None:
    options = ClusterOptions((WorkerSettings("connect-0"),), (PLAIN,), mode="standalone")
    cluster = Cluster(options)
    cluster.start()
    assert cluster.settle()
    for fault in (
        faults.Rebalance(),
        faults.Elect("one"),
        faults.Lag("one", 5),
        faults.WriteStatus("a", "FAILED"),
    ):
        with pytest.raises(
            FaultError, match=f"{fault.verb}: a standalone worker has neither a group nor topics"
        ):
            cluster.inject(fault)
    cluster.inject(faults.BlockHerder("one", for_ms=5_000))
    cluster.inject(faults.RollingUpgrade(kafka_version="4.2.0"))
    cluster.inject(faults.Slow("validate", 100))
    cluster.sim.advance(60_000)
    assert [row.verb for row in cluster.faults.active] == ["slow"]
    assert cluster.workers["connect-0"].settings.version.text == "4.2.0"
    cluster.inject(faults.Bounce("all"))
    assert cluster.settle()


def test_numbers_have_their_range(scene: Scene) -> None:
    with pytest.raises(FaultError) as raised:
        scene.cluster.inject(faults.Latency("1s", probability=2, times=0, for_ms=-1))
    assert str(raised.value) == (
        "latency: for_ms: expected a number from 0, found -1; times: expected a number from 1, found 0;"
        " probability: expected a number from 0 to 1, found 2"
    )
    with pytest.raises(
        FaultError, match=r"at: expected one of now, instantiate, .*found 'startt'; did you mean 'start'"
    ):
        scene.cluster.inject(faults.FailConnector(at="startt"))  # type: ignore[arg-type]
    with pytest.raises(FaultError, match="crash: for_ms: expected a number from 0, found '20s'"):
        scene.cluster.inject(faults.Crash("leader", for_ms="20s"))  # type: ignore[arg-type]
    assert not scene.cluster.faults.active


def test_what_is_down_is_not_frozen_and_what_dies_is_frozen_no_more(scene: Scene) -> None:
    cluster = scene.cluster
    cluster.inject(faults.Crash("connect-1"))
    with pytest.raises(FaultError, match="connect-1: down, so there is nothing to freeze"):
        cluster.inject(faults.Freeze(("connect-0", "connect-1")))
    assert not cluster.workers["connect-0"].frozen
    cluster.inject(faults.Freeze("connect-2"))
    cluster.inject(faults.Crash("connect-2"))
    assert [row.verb for row in cluster.faults.active] == ["crash", "crash"]


def test_a_bounce_does_not_end_a_crash(scene: Scene) -> None:
    cluster = scene.cluster
    cluster.inject(faults.Crash("connect-1", for_ms=20_000))
    cluster.inject(faults.Bounce("connect-1", down_for_ms=2_000))
    scene.advance(10_000)
    assert not cluster.workers["connect-1"].running
    scene.advance(11_000)
    assert cluster.workers["connect-1"].running


def test_nothing_lies_between_a_worker_and_itself(scene: Scene) -> None:
    with pytest.raises(FaultError, match="connect-0: nothing lies between a worker and itself"):
        scene.cluster.inject(faults.Partition("connect-0", "connect-0"))
    scene.cluster.inject(faults.Partition("all", "all"))
    cuts = [row for row in scene.cluster.sim.trace if row.what == "network"]
    assert len(cuts) == len({(row.worker, row.detail) for row in cuts}) == 6


def test_targets_are_shown_as_they_are_written(scene: Scene) -> None:
    assert str(OwnerOf("a", 0)) == "owner_of: a/0"
    assert str(OwnerOf("a")) == "owner_of: a"
