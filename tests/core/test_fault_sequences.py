"""Any faults, in any order, healed or left to end: all invariants hold on the way, and in the end all is well.

A longer run with examples of its own: ``MOCKCONNECT_EXAMPLES=2000 pytest tests/core/test_fault_sequences.py``.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scene import Scene

from mockconnect import faults
from mockconnect.core.client_faults import NAMED_ANSWERS, Circumstances
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.faults import FaultError
from mockconnect.core.invariants import Watch
from mockconnect.core.journal import RequestRow
from mockconnect.core.versions import KafkaVersion

PLAIN = simulated_connector(
    "com.example.PlainConnector",
    "source",
    "1.0",
    tasks="tasks_max",
    writes_topics=["topic-{#}"],
    source_offsets={"partition": [{"name": "task", "template": "{#}"}]},
)
CONFIG = {"connector.class": "com.example.PlainConnector", "tasks.max": "2"}
WORKERS = ("connect-0", "connect-1", "connect-2")

targets: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from((*WORKERS, "leader", "follower", "followers", "one", "minority", "majority", "all")),
    st.sampled_from((faults.OwnerOf("a"), faults.OwnerOf("b", 1), ("connect-0", "followers"))),
)
spans = st.sampled_from((None, 1, 700, 4_000, 15_000, 70_000))
connectors = st.sampled_from(("a", "b", "n", "*"))
breaks = st.sampled_from(("refused", "dropped", "dns", "tls", "garbage"))
times = st.sampled_from((1, 2, 3, None))
matched: dict[str, Any] = {
    "operation": st.sampled_from(
        ("any", "any_read", "any_write", "connector_status", ("create_connector", "*_task"))
    ),
    "connector": connectors,
    "worker": st.one_of(st.none(), targets),
    "skip": st.integers(0, 2),
    "times": times,
    "probability": st.sampled_from((1.0, 0.5)),
    "for_ms": spans,
}


def lasting(kind: Any, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[faults.Fault]:
    return st.builds(kind, **fields, for_ms=spans)


def of_requests(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[faults.Fault]:
    return st.builds(kind, **fields, **matched)


ANY_FAULT = st.one_of(
    lasting(faults.Crash, worker=targets),
    lasting(faults.Stop, worker=targets, hang=st.sampled_from((False, False, True))),
    st.builds(
        faults.AddWorker, st.sampled_from(("connect-3", "connect-2")), st.sampled_from((None, "4.2.0"))
    ),
    lasting(faults.RemoveWorker, worker=targets, graceful=st.booleans()),
    st.builds(faults.Start, targets),
    st.builds(faults.Bounce, targets, st.sampled_from((0, 5_000)), st.booleans()),
    lasting(faults.Freeze, worker=targets),
    st.builds(faults.Thaw, targets),
    lasting(
        faults.Partition,
        a=targets,
        b=st.one_of(st.just("kafka"), targets),
        oneway=st.booleans(),
        how=breaks,
    ),
    lasting(faults.Isolate, worker=targets, how=breaks),
    lasting(faults.BlockHerder, worker=targets),
    lasting(
        faults.Lag,
        worker=targets,
        config_ms=st.sampled_from((None, 0, 900, 5_000)),
        status_ms=st.sampled_from((None, 3_000)),
    ),
    lasting(faults.NotReady, worker=targets),
    lasting(faults.Unwritable, topic=st.sampled_from(("config", "status"))),
    lasting(faults.HoldStatus, connector=connectors, task=st.sampled_from((None, 0))),
    st.just(faults.Compact("status")),
    st.builds(faults.SetSecret, st.just("/secrets"), st.just({"a": "b"}), targets),
    st.builds(faults.SetPlugins, targets, st.just((PLAIN,))),
    st.builds(faults.SetVersion, targets, st.sampled_from(("4.3.1", "4.2.0"))),
    lasting(
        faults.RollingUpgrade,
        workers=targets,
        order=st.sampled_from(("leader_last", "leader_first", "given", "reversed", "random")),
        graceful=st.booleans(),
        down_for_ms=st.sampled_from((0, 8_000)),
        until=st.sampled_from(("at_once", "serving", "joined", "assigned", "settled")),
        kafka_version=st.sampled_from((None, "4.2.0")),
    ),
    st.just(faults.Rebalance()),
    lasting(faults.HoldRebalance, force=st.booleans()),
    lasting(faults.Elect, leader=targets, force=st.booleans()),
    lasting(faults.NoLeader, worker=targets),
    lasting(faults.ForeignLeader),
    lasting(faults.CreateConnector, connector=st.just("n"), config=st.just(CONFIG), worker=targets),
    lasting(faults.DeleteConnector, connector=connectors, worker=targets),
    lasting(faults.SetState, connector=connectors, state=st.sampled_from(("RUNNING", "PAUSED", "STOPPED"))),
    lasting(
        faults.FailConnector,
        connector=connectors,
        at=st.sampled_from(("now", "instantiate", "validate", "start", "task_configs", "stop")),
        times=times,
    ),
    lasting(
        faults.FailTask,
        connector=connectors,
        task=st.sampled_from((None, 0)),
        at=st.sampled_from(("now", "start", "running", "stop")),
        after_ms=st.sampled_from((0, 4_000)),
        times=times,
    ),
    lasting(
        faults.Slow,
        code=st.sampled_from(("start", "stop", "task_start", "task_stop", "validate", "task_configs")),
        takes_ms=st.sampled_from((None, 100, 12_000)),
        connector=connectors,
    ),
    lasting(faults.Zombie, connector=connectors),
    lasting(faults.Stick, connector=connectors),
    st.builds(faults.AdvanceOffsets, connectors, st.integers(0, 100)),
    st.builds(faults.SetOffsets, connectors, st.just((({"task": "0"}, {"position": 7}),))),
    st.builds(faults.SetTopics, st.sampled_from(("a", "b")), st.sampled_from(((), ("x", "y")))),
    lasting(
        faults.WriteStatus,
        connector=st.sampled_from(("a", "b")),
        state=st.sampled_from(("UNASSIGNED", "FAILED", "RUNNING", "RESTARTING")),
        task=st.sampled_from((None, 0, 1)),
        worker=st.one_of(st.none(), targets, st.just("10.0.0.9:8083")),
        generation=st.sampled_from((None, 0, 99)),
    ),
    lasting(
        faults.ForwardFault,
        source=targets,
        target=targets,
        kind=st.sampled_from(("dns", "refused", "timeout", "tls", "garbage", "stale_leader")),
    ),
    of_requests(faults.Latency, takes=st.sampled_from((5, "uniform(1ms, 9ms)"))),
    of_requests(faults.AnswerWith, answer=st.sampled_from(tuple(NAMED_ANSWERS))),
    of_requests(faults.Queue, answers=st.just(("409.stale_config", "ok", "500"))),
    lasting(faults.Refuse, worker=targets),
    lasting(faults.Gateway, worker=targets),
    of_requests(faults.Hang),
    of_requests(faults.LoseAnswer, apply=st.sampled_from(("before", "later"))),
    of_requests(faults.Truncate),
    of_requests(faults.Duplicate),
)
OPERATIONS = ("connector_status", "create_connector", "restart_task", "list_connectors")


class Story:
    """One cluster, and what is done to it."""

    def __init__(self) -> None:
        self.scene = Scene({"a": PLAIN, "b": PLAIN})
        self.cluster = self.scene.cluster
        self.ids: list[str] = []

    def inject(self, fault: faults.Fault) -> None:
        before = len(self.cluster.faults.active)
        try:
            self.ids.append(self.cluster.inject(fault))
        except FaultError:
            assert len(self.cluster.faults.active) <= before

    def heal(self, number: int) -> None:
        if self.ids:
            self.cluster.heal(self.ids[number % len(self.ids)])

    def ask(self, number: int) -> None:
        """A request as the server sees it: what faults want of it, and what the worker answers."""
        names = list(self.cluster.workers)
        operation, worker = OPERATIONS[number % len(OPERATIONS)], names[number % len(names)]
        row = RequestRow(number, self.cluster.now_ms, "worker", worker, "GET", "/", operation, "a")
        about = Circumstances("a", KafkaVersion.parse("4.3.1"), "now")
        self.cluster.client_faults.verdict(row, about)
        args = {"connector_status": {"name": "a"}, "restart_task": {"name": "a", "task": 0}}.get(
            operation, {}
        )
        if operation == "create_connector":
            args = {"name": f"n{number}", "config": {**CONFIG, "name": f"n{number}"}}
        self.cluster.submit(worker, operation, args)

    def end(self) -> None:
        """Everything is healed: nothing of a fault remains, and the cluster comes to rest and works."""
        cluster = self.cluster
        cluster.heal_all()
        assert cluster.faults.active == []
        assert cluster.network.breaks() == []
        assert not cluster.client_faults.entries
        script = cluster.script
        assert (script.failures, script.slow, script.stuck) == ({}, {}, {})
        self.scene.advance(600_000)
        assert cluster.settle(900_000), "\n".join(map(str, cluster.sim.trace.tail(60)))
        assert 1 <= len(cluster.workers) <= 4
        assert all(worker.rest is Rest.SERVING and not worker.frozen for worker in cluster.workers.values())
        for name in list(cluster.workers):
            reply = cluster.submit(name, "create_connector", {"name": "probe", "config": CONFIG})
            assert cluster.sim.run_until(reply, 100_000)
            assert reply.error is None, reply.error
            assert cluster.settle()
            assert self.scene.states("probe", int(name[-1])) == "RUNNING RUNNING RUNNING"
            reply = cluster.submit(name, "delete_connector", {"name": "probe"})
            assert cluster.sim.run_until(reply, 100_000)
            assert cluster.settle()


steps = st.one_of(
    st.tuples(st.just("inject"), ANY_FAULT),
    st.tuples(st.just("inject"), ANY_FAULT),
    st.tuples(st.just("heal"), st.integers(0, 20)),
    st.tuples(st.just("ask"), st.integers(0, 20)),
    st.tuples(st.just("advance"), st.sampled_from((1, 30, 900, 5_000, 20_000, 100_000))),
)
EXAMPLES = os.environ.get("MOCKCONNECT_EXAMPLES")


@settings(
    max_examples=int(EXAMPLES or 120),
    derandomize=EXAMPLES is None,
    phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(steps, min_size=1, max_size=14))
def test_whatever_is_injected_ends_and_leaves_nothing_behind(story: list[tuple[str, Any]]) -> None:
    played = Story()
    for verb, what in story:
        if verb == "advance":
            played.scene.advance(what)
        else:
            getattr(played, verb)(what)
    played.end()


def test_the_watch_is_on() -> None:
    assert Watch is not None
    assert Story().cluster.sim.after_event is not None
