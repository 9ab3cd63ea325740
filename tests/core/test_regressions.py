"""One small test for every bug that the state machine (or a reader) has found in core."""

from __future__ import annotations

from typing import Any

from mockconnect.catalog import apache_plugins
from mockconnect.core import config_store
from mockconnect.core.cluster import Cluster, ClusterOptions
from mockconnect.core.config_store import ConfigStore
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.errors import ConnectError
from mockconnect.core.group import GroupCoordinator, Refused
from mockconnect.core.invariants import watch
from mockconnect.core.rebalancing import _grouped
from mockconnect.core.seeding import SeedConnector
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Sim
from mockconnect.core.terms import Assignment, ConnectorTaskId, TargetState
from mockconnect.core.topics import Topic
from mockconnect.core.versions import KafkaVersion

PLAIN, SLOW, HANGS = "com.example.PlainConnector", "com.example.SlowConnector", "com.example.HangsConnector"
PLUGINS = (
    simulated_connector(PLAIN, "source", "1.0"),
    simulated_connector(SLOW, "source", "1.0", stop_ms=4_000, task_stop_ms=4_000),
    simulated_connector(HANGS, "source", "1.0", start_ms=-1),
    *apache_plugins(),
)


def cluster_of(workers: int = 3, *, connectors: dict[str, str] | None = None, **timing: int) -> Cluster:
    """A settled cluster; ``connectors`` maps names to classes. All invariants are watched."""
    settings = tuple(WorkerSettings(f"connect-{n}", port=8083 + n) for n in range(workers))
    seeds = tuple(
        SeedConnector(name, {"connector.class": class_name, "tasks.max": "2"})
        for name, class_name in (connectors or {}).items()
    )
    cluster = Cluster(ClusterOptions(settings, PLUGINS, timing=Timing(**timing), connectors=seeds))
    watch(cluster)
    cluster.start()
    assert cluster.settle()
    return cluster


def ask(cluster: Cluster, worker: str, operation: str, **args: Any) -> Any:
    reply = cluster.submit(worker, operation, args)
    cluster.sim.run_until(reply, 200_000)
    return reply.result()


def config(class_name: str = PLAIN, tasks: int = 2, **more: str) -> dict[str, str]:
    return {"connector.class": class_name, "tasks.max": str(tasks), **more}


# --- the group --------------------------------------------------------------------------------------------------------------


def test_whoever_waits_for_the_leaders_assignment_does_not_expire() -> None:
    """Members in SyncGroup, and the leader while it computes, were thrown out after the session time-out."""
    cluster = cluster_of(3, assignment_ms=25_000)
    assert cluster.generation == 1
    assert len(cluster.coordinator.member_ids()) == 3


def test_whoever_has_sent_its_sync_does_not_expire() -> None:
    """The leader takes longer than a session; nobody else is to blame, even if no heartbeat comes."""
    sim = Sim()
    coordinator: GroupCoordinator[str, str] = GroupCoordinator(
        sim, Timing(group_initial_rebalance_delay_ms=0)
    )
    members = []
    for client in ("a", "b"):
        refused = coordinator.join("", client, ("default",), "", 10_000, 60_000)
        assert isinstance(refused.error, Refused)
        members.append(refused.error.member_id)
    for member_id in members:
        coordinator.join(member_id, "", ("default",), "", 10_000, 60_000)
    follower = next(member_id for member_id in members if member_id != coordinator.leader_id)
    coordinator.sync(follower, coordinator.generation, None)
    for _ in range(10):
        sim.advance(3_000)
        coordinator.heartbeat(coordinator.leader_id or "", coordinator.generation)
    assert coordinator.is_member(follower)


def test_a_worker_that_starts_after_a_deletion_is_not_behind_for_ever() -> None:
    """The last records of the log were tombstones; a new worker's offset stopped before them."""
    cluster = cluster_of(2, connectors={"a": PLAIN})
    ask(cluster, cluster.leader or "", "delete_connector", name="a")
    cluster.settle()
    cluster.workers["connect-1"].stop()
    cluster.sim.advance(30_000)
    cluster.workers["connect-1"].start()
    assert cluster.settle(60_000)
    generation = cluster.generation
    cluster.sim.advance(60_000)
    assert cluster.generation == generation


# --- the config topic ---------------------------------------------------------------------------------------------------------


def read(topic: Topic) -> ConfigStore:
    store = ConfigStore()
    store.load(topic)
    return store


def topic_with(*records: tuple[tuple[str, ...], object]) -> Topic:
    topic = Topic("connect-configs", Sim())
    for key, value in records:
        topic.append(key, value)
    return topic


def test_fewer_tasks_than_before_are_consistent_after_compaction() -> None:
    """The configs of the tasks that are gone stay in the compacted log; they made the commit look incomplete."""
    task = {"task.class": "T"}
    topic = topic_with(
        ((config_store.CONNECTOR, "a"), config()),
        ((config_store.TASK, "a", "0"), task),
        ((config_store.TASK, "a", "1"), task),
        ((config_store.COMMIT, "a"), 2),
        ((config_store.TASK, "a", "0"), {**task, "n": "1"}),
        ((config_store.COMMIT, "a"), 1),
    )
    topic.compact()
    entry = read(topic).snapshot().entries["a"]
    assert not entry.inconsistent
    assert entry.tasks == ({**task, "n": "1"},)


def test_task_configs_of_a_deleted_namesake_are_not_taken_over() -> None:
    """KafkaConfigBackingStore drops a commit that comes before its connector."""
    topic = topic_with(
        ((config_store.CONNECTOR, "a"), config()),
        ((config_store.TASK, "a", "0"), {"task.class": "Old"}),
        ((config_store.COMMIT, "a"), 1),
        ((config_store.CONNECTOR, "a"), None),
        ((config_store.CONNECTOR, "a"), config(tasks=1)),
    )
    topic.compact()
    entry = read(topic).snapshot().entries["a"]
    assert entry.tasks == ()
    assert not entry.inconsistent


def test_a_paused_connector_keeps_its_tasks_over_a_restart_of_the_cluster() -> None:
    """Its config was changed after the commit of its tasks. The active segment is never compacted."""
    cluster = cluster_of(2, connectors={"a": PLAIN})
    ask(cluster, "connect-0", "pause_connector", name="a")
    cluster.settle()
    ask(cluster, "connect-0", "put_connector_config", name="a", config=config(x="1"))
    cluster.settle()
    for worker in cluster.workers.values():
        worker.stop()
    cluster.sim.advance(60_000)
    cluster.start()
    assert cluster.settle()
    assert len(ask(cluster, "connect-1", "connector_status", name="a")["tasks"]) == 2


def test_an_inconsistent_commit_makes_everybody_rebalance() -> None:
    """``onTaskConfigUpdate`` is called with nothing then; it was not called at all."""
    cluster = cluster_of(2, connectors={"a": PLAIN})
    generation = cluster.generation
    cluster.broker.config_topic.append((config_store.COMMIT, "a"), 3)
    cluster.sim.advance(10_000)
    assert cluster.generation > generation
    assert ask(cluster, "connect-0", "connector_info", name="a")["tasks"] == []


def test_a_target_state_that_comes_before_its_connector_is_no_change() -> None:
    heard: list[str] = []

    class Listener:
        def on_connector_config_update(self, connector: str) -> None: ...

        def on_target_state_change(self, connector: str) -> None:
            heard.append(connector)

    topic = topic_with()
    store = read(topic)
    store.listener = Listener()  # type: ignore[assignment]
    store.apply(topic.append((config_store.TARGET, "a"), TargetState.PAUSED))
    store.apply(topic.append((config_store.CONNECTOR, "a"), config()))
    assert heard == []
    store.apply(topic.append((config_store.TARGET, "a"), TargetState.STARTED))
    assert heard == ["a"]


# --- the herder ---------------------------------------------------------------------------------------------------------------


def test_what_is_queued_while_a_request_runs_waits_behind_the_config_updates() -> None:
    """A tick runs what was due when it began. Later requests saw a rebalance that was expected, and failed."""
    cluster = cluster_of(1)
    created = cluster.submit("connect-0", "create_connector", {"name": "a", "config": config()})
    cluster.sim.advance(3)
    assert not created.done
    info = cluster.submit("connect-0", "connector_info", {"name": "a"})
    cluster.sim.run_until(info, 10_000)
    assert info.result()["name"] == "a"


def test_a_session_key_that_could_not_be_written_is_written_later() -> None:
    cluster = cluster_of(2, inter_worker_key_ttl_ms=30_000)
    leader = cluster.leader or ""
    cluster.sim.run_until(40_000)
    cluster.broker.config_topic.writable = False
    cluster.sim.advance(120_000)
    cluster.broker.config_topic.writable = True
    for worker in cluster.workers.values():
        assert worker.node is not None
        worker.node.herder.kafka.config_producer.retry()
    cluster.sim.advance(400_000)
    assert cluster.settle()
    node = cluster.workers[leader].node
    assert node is not None
    assert node.herder.session_key is not None
    assert cluster.now_ms - node.herder.session_key.created_at_ms < 60_000


def test_work_that_was_taken_away_before_it_was_started_does_not_count_as_running() -> None:
    """A worker that lost work in the round before, unresolved, remembered it as running and never started it again."""
    cluster = cluster_of(2, scheduled_rebalance_max_delay_ms=0)
    follower = next(name for name in cluster.workers if name != cluster.leader)
    cluster.set_lag(follower, config_ms=20_000)
    for name in ("a", "b"):
        cluster.submit(cluster.leader or "", "create_connector", {"name": name, "config": config()})
    cluster.sim.advance(120_000)
    cluster.set_lag(follower, config_ms=5)
    cluster.sim.advance(120_000)
    assert cluster.settle()
    for name in ("a", "b"):
        assert ask(cluster, follower, "connector_status", name=name)["connector"]["state"] == "RUNNING"


def test_a_worker_that_stops_its_work_because_kafka_is_gone_does_not_answer_meanwhile() -> None:
    """It polls, but it is busy: queued requests wait, and the cluster is not settled."""
    cluster = cluster_of(1, connectors={"a": SLOW})
    cluster.partition_from_kafka("connect-0")
    cluster.sim.advance(6_500)
    asked = cluster.submit("connect-0", "connector_info", {"name": "a"})
    assert not asked.done
    cluster.heal_kafka("connect-0")
    assert not cluster.settled
    cluster.sim.run_until(asked, 60_000)
    assert asked.result()["name"] == "a"


def test_a_config_mismatch_does_not_stop_the_clock() -> None:
    """With a network that takes no time, a follower joined again and again within one millisecond."""
    cluster = cluster_of(
        3, connectors={"a": PLAIN}, kafka_latency_ms=0, kafka_write_ms=0, worker_latency_ms=0
    )
    leader = cluster.leader or ""
    follower, other = (name for name in cluster.workers if name != leader)
    cluster.set_lag(leader, config_ms=20_000)
    ask(cluster, follower, "pause_connector", name="a")
    cluster.sim.advance(1_000)
    cluster.workers[other].stop()
    cluster.sim.advance(60_000)
    assert any("config mismatch" in row.detail for row in cluster.sim.trace)
    cluster.set_lag(leader, config_ms=5)
    cluster.sim.advance(400_000)
    assert cluster.settle()


def test_a_worker_that_is_stopped_while_it_joins_does_not_come_back() -> None:
    """Its unfinished join made a new member id, for which the others then waited."""
    cluster = cluster_of(1, kafka_latency_ms=20)
    worker = cluster.workers["connect-0"]
    worker.crash()
    worker.start()
    node = worker.node
    assert node is not None
    cluster.sim.run_until(lambda: node.herder.member._joining is not None, 10_000)
    worker.stop()
    cluster.sim.advance(1_500)
    assert not worker.running
    assert not cluster.coordinator._group.pending


def test_a_seeded_config_that_no_validation_has_seen_does_not_stop_the_run() -> None:
    settings = (WorkerSettings("connect-0"),)
    seeds = (SeedConnector("a", {"connector.class": PLAIN, "tasks.max": "many"}),)
    cluster = Cluster(ClusterOptions(settings, PLUGINS, connectors=seeds))
    watch(cluster)
    cluster.start()
    assert cluster.settle()


# --- the cluster ----------------------------------------------------------------------------------------------------------------


def test_settled_waits_for_tasks_that_are_asked_to_pause() -> None:
    """A source task pauses when its poll() returns; until then nothing else is under way."""
    cluster = cluster_of(1, connectors={"a": PLAIN})
    ask(cluster, "connect-0", "pause_connector", name="a")
    assert cluster.settle()
    status = ask(cluster, "connect-0", "connector_status", name="a")
    assert [task["state"] for task in status["tasks"]] == ["PAUSED", "PAUSED"]


def test_settled_does_not_wait_for_code_that_never_returns() -> None:
    cluster = cluster_of(1, connectors={"a": HANGS})
    assert cluster.now_ms < 60_000


def test_a_worker_that_is_told_twice_to_stop_still_stops_cleanly() -> None:
    cluster = cluster_of(2, connectors={"a": PLAIN})
    owner = cluster.owner("a") or ""
    cluster.workers[owner].stop()
    cluster.sim.advance(10)
    cluster.workers[owner].stop()
    cluster.sim.advance(2_000)
    assert cluster.workers[owner].rest is Rest.REFUSED
    assert any(row.what == "left group" and row.worker == owner for row in cluster.sim.trace)


def test_a_stop_leaves_no_status_of_tasks_behind() -> None:
    """The round after a revocation took less time than the leader needed to read what was written before it."""
    cluster = cluster_of(3)
    for name in ("c", "d"):
        ask(cluster, "connect-1", "put_connector_config", name=name, config=config(tasks=3))
        assert cluster.settle()
        # From now on its polls return later than those of the others.
        ask(cluster, "connect-1", "restart_task", name="c", task=1)
    ask(cluster, "connect-1", "stop_connector", name="c")
    assert cluster.settle()
    for worker in cluster.workers:
        assert ask(cluster, worker, "connector_status", name="c")["tasks"] == []


# --- what timelines of real workers showed ----------------------------------------------------------------------------------------


def joined_at_ms(cluster: Cluster) -> list[int]:
    return [row.at_ms for row in cluster.sim.trace if row.what == "group" and row.detail.startswith("joined")]


def test_the_herder_starts_beside_the_rest_resources() -> None:
    """It only started when they were ready, so no worker was a member before it served."""
    cluster = Cluster(
        ClusterOptions((WorkerSettings("connect-0"),), PLUGINS, timing=Timing(jetty_start_ms=6_000))
    )
    worker = cluster.workers["connect-0"]
    worker.start()
    assert cluster.sim.run_until(lambda: worker.rest is Rest.SERVING, 20_000)
    assert cluster.generation == 1


def test_a_follow_up_round_waits_for_a_whole_heartbeat_interval() -> None:
    """Heartbeats went on in their old rhythm; a real thread's clock starts anew with every join."""
    settings = tuple(WorkerSettings(f"connect-{n}", port=8083 + n) for n in range(3))
    seeds = tuple(SeedConnector(name, config(tasks=3)) for name in "ab")
    cluster = Cluster(ClusterOptions(settings, PLUGINS, connectors=seeds))
    watch(cluster)
    for name in ("connect-0", "connect-1"):
        cluster.workers[name].start()
    assert cluster.settle()
    cluster.sim.advance(1_234)
    cluster.workers["connect-2"].start()
    assert cluster.settle()
    one, other = joined_at_ms(cluster)[-2:]
    assert 2_900 <= other - one <= 3_100


def test_work_travels_in_hash_order_of_its_connectors() -> None:
    """The first items of a member's list are those that it loses; the list was in order of arrival."""
    tasks = tuple(ConnectorTaskId.of(name, task) for task in (1, 0) for name in ("c", "b"))
    sent = _grouped(Assignment(("b", "a"), tasks))
    assert sent.connectors == ("a", "b")
    assert [str(task) for task in sent.tasks] == ["b-1", "b-0", "c-1", "c-0"]


def test_a_blocked_worker_leaves_when_its_time_is_up_and_not_at_its_next_heartbeat() -> None:
    cluster = cluster_of(3, connectors={"a": PLAIN}, rebalance_timeout_ms=8_000)
    blocked_at_ms = cluster.now_ms
    cluster.block_herder("connect-1", 20_000)
    cluster.sim.advance(8_500)
    (left,) = [row for row in cluster.sim.trace if row.what == "left group"]
    assert 8_000 <= left.at_ms - blocked_at_ms <= 8_100


def test_a_restart_that_a_pending_target_state_pre_empts_fails() -> None:
    """A new connector's thread took its first request before the herder could make the next one."""
    cluster = cluster_of(3, connectors={"a": PLAIN, "s": SLOW})
    owner = cluster.owner("a") or ""
    ask(cluster, cluster.leader or "", "delete_connector", name="s")
    cluster.sim.advance(500)  # everybody waits for those that stop s
    ask(cluster, owner, "pause_connector", name="a")
    restarted = cluster.submit(owner, "restart_connector", {"name": "a"})
    assert cluster.sim.run_until(restarted, 10_000)
    assert isinstance(restarted.error, ConnectError)
    assert (restarted.error.status_code, restarted.error.message) == (500, "Failed to start connector: a")


def test_a_thawed_worker_reads_all_that_is_there_before_its_herder_acts_on_it() -> None:
    """The herder woke up between two records of a batch; the second one cost another rebalance."""
    cluster = cluster_of(3, connectors={"a": PLAIN, "b": PLAIN}, scheduled_rebalance_max_delay_ms=1_000)
    leader = cluster.leader or ""
    frozen = next(name for name in cluster.workers if name != leader)
    cluster.workers[frozen].freeze()
    cluster.sim.advance(15_000)
    ask(cluster, leader, "put_connector_config", name="c", config=config(tasks=1))
    cluster.sim.advance(5_000)
    generation = cluster.generation
    cluster.workers[frozen].thaw()
    cluster.sim.advance(20_000)
    assert cluster.generation == generation + 2  # duplicates are taken from both, then given to one


def test_statuses_of_older_workers_have_no_version() -> None:
    settings = tuple(
        WorkerSettings(f"connect-{n}", port=8083 + n, version=KafkaVersion.parse(version))
        for n, version in enumerate(("3.9.1", "4.3.1"))
    )
    seeds = (SeedConnector("a", config(tasks=2)),)
    cluster = Cluster(ClusterOptions(settings, PLUGINS, connectors=seeds))
    watch(cluster)
    cluster.start()
    assert cluster.settle()
    status = ask(cluster, "connect-1", "connector_status", name="a")
    told = {row["worker_id"]: row["version"] for row in (status["connector"], *status["tasks"])}
    assert told == {"127.0.0.1:8083": None, "127.0.0.1:8084": "1.0"}


def test_a_task_may_tell_another_version_than_its_connector() -> None:
    plugin = simulated_connector("com.example.Own", "source", "2.0", task_version="1.0")
    seeds = (SeedConnector("a", config("com.example.Own", 1)),)
    cluster = Cluster(ClusterOptions((WorkerSettings("connect-0"),), (plugin,), connectors=seeds))
    cluster.start()
    assert cluster.settle()
    status = ask(cluster, "connect-0", "connector_status", name="a")
    assert (status["connector"]["version"], status["tasks"][0]["version"]) == ("2.0", "1.0")


def test_a_lost_leader_is_followed_by_whom_the_broker_picks() -> None:
    cluster = cluster_of(3)
    cluster.coordinator.pick_leader = max
    cluster.workers[cluster.leader or ""].crash()
    cluster.sim.advance(20_000)
    assert cluster.leader == "connect-2"


def test_the_status_of_a_forgotten_generation_outlives_a_failure_of_a_new_one() -> None:
    """Generations began anew: the safe write of a failure does not replace a status of a greater one."""
    cluster = cluster_of(2, connectors={"a": PLAIN})
    for _ in range(2):
        cluster.workers["connect-1"].stop()
        assert cluster.settle()
        cluster.workers["connect-1"].start()
        cluster.sim.advance(400_000)
    for worker in cluster.workers.values():
        worker.stop()
    cluster.set_plugins("connect-1", apache_plugins())
    cluster.sim.advance(1_300_000)
    cluster.workers["connect-1"].start()
    assert cluster.settle()
    assert cluster.generation == 1
    status = ask(cluster, "connect-1", "connector_status", name="a")
    assert ("UNASSIGNED", "127.0.0.1:8083") in {
        (row["state"], row["worker_id"]) for row in (status["connector"], *status["tasks"])
    }
    greatest = cluster.coordinator.forgotten_generation
    while cluster.generation <= greatest:  # later rounds do not write it again
        cluster.coordinator.rebalance()
        assert cluster.settle()
    assert ask(cluster, "connect-1", "connector_status", name="a") == status
    cluster.sim.advance(60_000)
    watch(cluster).check_all()
