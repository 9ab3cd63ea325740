"""A worker's membership of the group when its process was stopped for longer than its session.

What real workers do was read from their logs: the heartbeat thread gives up the coordinator, which takes about a tenth of
a second to be found again; until a heartbeat is answered after that, the worker takes itself for what it was.
"""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect.core.declared import simulated_connector
from mockconnect.core.sim import Reply

PLAIN = simulated_connector("com.example.Plain", "source", "1.0")
BRIEFLY_MS, LONG_MS = 20_000, 30_000


class Thawing(Scene):
    """The leader is frozen, somebody else leads, and requests wait for the old one."""

    def __init__(self, **timing: int) -> None:
        super().__init__({"a": PLAIN, "b": PLAIN}, scheduled_rebalance_max_delay_ms=5_000, **timing)
        assert self.cluster.leader == "connect-0"
        self.cluster.workers["connect-0"].freeze()
        self._froze_at_ms = self.cluster.now_ms
        self.advance(16_000)
        assert self.cluster.leader != "connect-0"

    def submit(self, operation: str, name: str, **args: object) -> Reply[object]:
        """Asks the frozen worker."""
        return self.cluster.submit("connect-0", operation, {"name": name, **args})

    def reconfigure(self, name: str, tasks: int) -> dict[str, object]:
        return {"name": name, "config": {"connector.class": PLAIN.class_name, "tasks.max": str(tasks)}}

    def put(self, name: str, tasks: int) -> Reply[object]:
        return self.submit("put_connector_config", **self.reconfigure(name, tasks))  # type: ignore[arg-type]

    def thaw(self, after_ms: int) -> None:
        """So long after it was frozen; the rest of the cluster is at rest by then."""
        self.advance(self._froze_at_ms + after_ms - self.cluster.now_ms)
        self.cluster.workers["connect-0"].thaw()

    def answered_after_ms(self, reply: Reply[object]) -> int:
        thawed_at_ms = self.cluster.now_ms
        assert self.sim.run_until(reply, 60_000)
        return self.cluster.now_ms - thawed_at_ms


@pytest.mark.parametrize("after_ms", [BRIEFLY_MS, LONG_MS])
def test_a_leader_that_thaws_does_what_waits_before_it_learns_that_it_is_none(after_ms: int) -> None:
    scene = Thawing()
    put = scene.put("b", 1)
    scene.thaw(after_ms)
    assert 95 <= scene.answered_after_ms(put) <= 200
    assert put.error is None
    assert scene.cluster.settle()
    assert scene.states("b") == "RUNNING RUNNING"


def test_a_write_waits_for_the_rejoin_if_task_configs_were_read_first() -> None:
    """They make the thread join before the second half of the request comes, and joining takes a heartbeat of others."""
    scene = Thawing()
    scene.ask(1, "put_connector_config", **scene.reconfigure("a", 1))
    stopped, put = scene.submit("stop_connector", "a"), scene.put("b", 1)
    scene.thaw(BRIEFLY_MS)
    assert scene.answered_after_ms(stopped) <= 200
    assert scene.answered_after_ms(put) > 300
    assert put.error is None


@pytest.mark.parametrize(("lookup_ms", "at_once"), [(100, True), (140, False)])
def test_after_half_a_minute_it_is_chance_what_comes_first(lookup_ms: int, at_once: bool) -> None:
    """The consumer of the config topic connects anew, too, which takes as long as finding the coordinator."""
    scene = Thawing(coordinator_lookup_min_ms=lookup_ms, coordinator_lookup_max_ms=lookup_ms)
    scene.ask(1, "put_connector_config", **scene.reconfigure("a", 1))
    put = scene.put("b", 1)
    scene.thaw(LONG_MS)
    assert (scene.answered_after_ms(put) < 200) == at_once
    assert put.error is None
    assert scene.cluster.settle()


def test_a_worker_that_was_frozen_for_less_than_its_session_stays_a_member() -> None:
    scene = Scene({"a": PLAIN})
    generation = scene.cluster.generation
    scene.cluster.workers["connect-0"].freeze()
    scene.advance(6_000)
    scene.cluster.workers["connect-0"].thaw()
    stopped = scene.cluster.submit("connect-0", "stop_connector", {"name": "a"})
    assert scene.sim.run_until(stopped, 50)
    assert not any(row.what == "coordinator lost" for row in scene.sim.trace)
    assert scene.cluster.generation == generation
