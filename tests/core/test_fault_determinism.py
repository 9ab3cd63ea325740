"""The same seed and the same faults give the same run, to the last row of the trace, wherever it runs."""

from __future__ import annotations

import pytest
from elsewhere import printed
from scene import Scene

from mockconnect import faults
from mockconnect.core.declared import simulated_connector

PLAIN = simulated_connector(
    "com.example.PlainConnector", "source", "1.0", tasks="tasks_max", writes_topics=["out-{#}", "all"]
)
CONFIG = {"connector.class": "com.example.PlainConnector", "tasks.max": "3"}
STORY: tuple[faults.Fault, ...] = (
    faults.Crash("one", for_ms=20_000),
    faults.Freeze("follower", for_ms=4_000),
    faults.Partition("one", "followers", for_ms=30_000),
    faults.Lag("all", config_ms=900, status_ms=4_000, for_ms=60_000),
    faults.CreateConnector("n", CONFIG),
    faults.FailTask(at="start", times=3),
    faults.HoldRebalance(for_ms=9_000),
    faults.Elect("follower"),
    faults.Slow("task_start", 3_000, for_ms=100_000),
    faults.SetTopics("a", ("z", "y", "x")),
    faults.WriteStatus("a", "FAILED", 0, for_ms=9_000),
    faults.ForeignLeader(for_ms=60_000),
    faults.RollingUpgrade(order="random", kafka_version="4.2.0"),
    faults.NotReady("one", for_ms=20_000),
    faults.DeleteConnector("b"),
    faults.Isolate("follower", for_ms=30_000),
)


def fingerprint() -> str:
    scene = Scene({"a": PLAIN, "b": PLAIN})
    for fault in STORY:
        scene.cluster.inject(fault)
        scene.advance(11_000)
    scene.advance(900_000)
    return f"{scene.sim.trace.hash} {scene.cluster.snapshot()} {list(scene.cluster.faults.past)}"


@pytest.fixture(scope="module")
def expected() -> str:
    return fingerprint()


def test_the_same_faults_give_the_same_run(expected: str) -> None:
    assert fingerprint() == expected


@pytest.mark.parametrize("hash_seed", ["1", "random"])
def test_hash_randomisation_changes_nothing(hash_seed: str, expected: str) -> None:
    assert printed("test_fault_determinism", "fingerprint()", hash_seed) == ascii(expected)
