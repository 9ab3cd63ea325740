"""The checkers themselves: whatever breaks an invariant behind a cluster's back is noticed, and by the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.connect import ConnectProcess
from mockconnect.core.declared import simulated_connector
from mockconnect.core.invariants import CHECKS, InvariantViolated, Watch, watch
from mockconnect.core.lifecycle import Instance
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.core.terms import State, Status

PLAIN = "com.example.PlainConnector"
PLUGINS = (simulated_connector(PLAIN, "source", "1.0"), *apache_plugins())


def watched() -> tuple[Cluster, Watch]:
    workers = tuple(WorkerSettings(f"connect-{n}", port=8083 + n) for n in range(3))
    seeds = tuple(SeedConnector(name, {"connector.class": PLAIN, "tasks.max": "2"}) for name in "abc")
    cluster = Cluster(ClusterOptions(workers, PLUGINS, seed=5, connectors=seeds))
    watching = watch(cluster)
    cluster.start()
    assert cluster.settle()
    return cluster, watching


def node_of(cluster: Cluster, worker: str = "connect-0") -> ConnectProcess:
    node = cluster.workers[worker].node
    assert node is not None
    return node


def owner_of(cluster: Cluster, connector: str) -> ConnectProcess:
    return node_of(cluster, cluster.owner(connector) or "")


def time_goes_back(cluster: Cluster) -> None:
    cluster.sim.now_ms -= 1


def generation_goes_back(cluster: Cluster) -> None:
    cluster.coordinator._group.generation -= 1


def somebody_else_leads(cluster: Cluster) -> None:
    cluster.coordinator._group.leader_id = "nobody"


def a_worker_runs_what_it_was_not_given(cluster: Cluster) -> None:
    node = owner_of(cluster, "a")
    node.worker.connectors["ghost"] = node.worker.connectors["a"]


def two_workers_are_given_the_same(cluster: Cluster) -> None:
    for name in ("connect-0", "connect-1"):
        rebalancing = node_of(cluster, name).herder.rebalancing
        rebalancing.connectors = (*rebalancing.connectors, "d")


def a_config_store_invents_a_connector(cluster: Cluster) -> None:
    node = node_of(cluster)
    state = node.configs.snapshot()
    state.put("a", replace(state.entries["a"], config={"connector.class": "Other"}))
    cluster.submit("connect-1", "pause_connector", {"name": "a"})


def a_status_store_invents_a_status(cluster: Cluster) -> None:
    node = owner_of(cluster, "a")
    entry = node.statuses.entry("a")
    assert entry is not None
    cluster.submit("connect-1", "pause_connector", {"name": "a"})
    cluster.sim.run_until(lambda: entry.connector is not None and entry.connector.state is State.PAUSED, 500)
    entry.connector = Status(State.FAILED, node.settings.worker_id, 1)


def a_status_names_a_stranger(cluster: Cluster) -> None:
    node_of(cluster).statuses.put_connector("a", Status(State.RUNNING, "nowhere:1", 1))


def an_instance_is_busy_for_ever(cluster: Cluster) -> None:
    owner_of(cluster, "a").worker.connectors["a"].busy = True


def a_request_is_forgotten(cluster: Cluster) -> None:
    assert cluster.on_submit is not None
    cluster.on_submit("connect-0", "health", Reply())


def an_instance_is_not_what_its_status_says(cluster: Cluster) -> None:
    owner_of(cluster, "a").worker.connectors["a"].state = Instance.FAILED


def an_assignment_is_lost(cluster: Cluster) -> None:
    node = owner_of(cluster, "a")
    node.herder.rebalancing.connectors = ()
    node.worker.connectors.clear()


def a_deleted_connector_keeps_its_status(cluster: Cluster) -> None:
    for worker in cluster.workers:
        node = node_of(cluster, worker)
        node.herder.leading.forget_deleted = lambda: None  # type: ignore[method-assign]
    cluster.submit("connect-0", "delete_connector", {"name": "a"})


BROKEN: dict[Callable[[Cluster], None], str] = {
    time_goes_back: "time goes on",
    generation_goes_back: "generations grow",
    somebody_else_leads: "the leader is a member",
    a_worker_runs_what_it_was_not_given: "work is assigned",
    two_workers_are_given_the_same: "one owner",
    a_config_store_invents_a_connector: "configs are the log",
    a_status_store_invents_a_status: "statuses were written",
    a_status_names_a_stranger: "status of a worker",
    an_instance_is_busy_for_ever: "nothing is stuck",
    a_request_is_forgotten: "requests are answered",
    an_instance_is_not_what_its_status_says: "settled means done",
    an_assignment_is_lost: "settled means done",
    a_deleted_connector_keeps_its_status: "settled means done",
}


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda break_it: break_it.__name__)
def test_what_is_broken_is_noticed(break_it: Callable[[Cluster], None]) -> None:
    def break_and_go_on() -> None:
        cluster, watching = watched()
        break_it(cluster)
        watching.check_all()
        cluster.sim.advance(1_200_000)

    with pytest.raises(InvariantViolated) as violated:
        break_and_go_on()
    assert violated.value.name == BROKEN[break_it]
    assert violated.value.seed == 5
    assert "seed 5" in str(violated.value)
    assert "connect-0" in str(violated.value)


def test_a_cluster_left_alone_breaks_nothing() -> None:
    cluster, watching = watched()
    cluster.sim.advance(600_000)
    watching.check_all()
    assert not list(watching.unsettled())
    assert watching.settled_checks


def test_every_check_has_a_case() -> None:
    names = {name for name, _, _ in CHECKS} - {"who strayed"}
    assert names <= set(BROKEN.values())
