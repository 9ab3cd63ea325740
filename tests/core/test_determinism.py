"""The same seed, options and inputs give the same run, to the last row of the trace, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from elsewhere import printed

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.declared import simulated_connector
from mockconnect.core.invariants import watch
from mockconnect.core.network import Break
from mockconnect.core.settings import WorkerSettings

SOURCE, SINK = "com.example.SourceConnector", "com.example.SinkConnector"
PLUGINS = (
    simulated_connector(SOURCE, "source", "1.0", writes_topics=["out-{#}"]),
    simulated_connector(SINK, "sink", "1.0"),
    *apache_plugins(),
)


def run(seed: int, prepare: Callable[[Cluster], object] = lambda _: None) -> Cluster:
    """A run in which much happens: rebalances, faults, restarts, statuses of many connectors."""
    workers = tuple(WorkerSettings(f"connect-{n}", port=8083 + n) for n in range(4))
    seeds = tuple(
        SeedConnector(f"seeded-{n}", {"connector.class": SOURCE, "tasks.max": "3"}) for n in range(9)
    )
    cluster = Cluster(ClusterOptions(workers, PLUGINS, seed, connectors=seeds))
    prepare(cluster)
    cluster.start()
    cluster.settle()
    for name in ("sink", "zink", "éink"):
        config = {"connector.class": SINK, "topics": "in", "tasks.max": "4"}
        cluster.submit("connect-2", "create_connector", {"name": name, "config": config})
    cluster.sim.advance(700)
    cluster.workers["connect-1"].crash()
    cluster.submit("connect-3", "restart_connector", {"name": "sink", "include_tasks": True})
    cluster.partition_from_kafka("connect-3", Break.DROPPED)
    cluster.sim.advance(45_000)
    cluster.heal_kafka("connect-3")
    cluster.workers["connect-1"].start()
    cluster.submit("connect-0", "pause_connector", {"name": "seeded-4"})
    cluster.submit("connect-0", "delete_connector", {"name": "seeded-5"})
    cluster.sim.advance(400_000)
    cluster.settle()
    return cluster


def fingerprint(seed: int) -> str:
    cluster = run(seed)
    return f"{cluster.sim.trace.hash} {cluster.snapshot()}"


def test_the_same_seed_gives_the_same_run() -> None:
    assert fingerprint(7) == fingerprint(7)


def test_checking_the_invariants_changes_nothing() -> None:
    assert run(7, watch).sim.trace.hash == run(7).sim.trace.hash


def test_another_seed_gives_other_member_ids() -> None:
    one, other = run(1), run(2)
    assert set(one.coordinator.member_ids()).isdisjoint(other.coordinator.member_ids())
    assert one.snapshot() != other.snapshot()


@pytest.fixture(scope="module")
def expected() -> str:
    return fingerprint(7)


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_hash_randomisation_changes_nothing(hash_seed: str, expected: str) -> None:
    assert printed("test_determinism", "fingerprint(7)", hash_seed) == ascii(expected)
