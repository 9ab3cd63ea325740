"""A running cluster and its verbs: each does what it says, from a thread and on the caller's loop."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import pytest

import mockconnect
from mockconnect import faults
from mockconnect.core.connect import Rest
from mockconnect.hosting import RunningCluster
from tests.ports import own_port

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
CONFIG = {"connector.class": SOURCE, "tasks.max": "1", "file": "/tmp/f", "topic": "t"}
SINK = {"connector.class": "FileStreamSink", "tasks.max": "3", "file": "/tmp/f", "topics": "t"}


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with mockconnect.start(connectors=[{"name": "c", "config": SINK}]) as cluster:
        yield cluster
        assert cluster.bugs == []


def ask(url: str, path: str = "", method: str = "GET", body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def refused(url: str) -> bool:
    try:
        ask(url, "/")
    except urllib.error.URLError as error:
        return isinstance(error.reason, ConnectionRefusedError)
    return False


def test_a_request_moves_time_as_far_as_one_says() -> None:
    with mockconnect.start(workers=1, per_request="5s") as cluster:
        before_ms = cluster.now_ms
        assert ask(cluster.url, "/connectors")[0] == 200
        assert cluster.now_ms == before_ms + 5_000
    with mockconnect.start(scenario="chaos", per_request="5s") as cluster:
        assert cluster._hosted.clock.per_request_ms == 5_000


def test_the_timeline_has_requests(cluster: RunningCluster) -> None:
    ask(cluster.urls[1], "/connectors/nobody")
    cluster.inject(faults.Reset(times=1))
    with pytest.raises(OSError):  # noqa: PT011 - as the system likes
        ask(cluster.urls[2], "/connectors")
    requests = [row for row in cluster.timeline().splitlines() if " request " in row]
    assert [row.partition("connect-")[2] for row in requests] == [
        "1               request        GET /connectors/nobody -> 404 Connector nobody not found",
        "2               request        GET /connectors -> no answer",
    ]


# --- start and end ----------------------------------------------------------------------------------------------------


def test_a_cluster_is_settled_when_it_is_there(cluster: RunningCluster) -> None:
    assert cluster.settled
    assert cluster.leader is cluster.workers[0]
    assert cluster.followers == list(cluster.workers[1:])
    assert cluster.generation == 1
    assert [ask(url, "/connectors") for url in cluster.urls] == [(200, ["c"])] * 3
    cluster.wait_for("c", tasks=3, within="0s")


def test_a_cold_start_shows_the_boot() -> None:
    with mockconnect.start(cold_start=True, clock="manual") as cluster:
        assert cluster.now_ms == 0
        assert refused(cluster.url)
        cluster.run_until(lambda it: it.worker(0).rest is Rest.JETTY_404)
        assert cluster.leader is None
        cluster.run_until(lambda it: it.worker(0).rest is Rest.SERVING)
        assert ask(cluster.url, "/")[0] == 200
        cluster.settle()
        assert cluster.leader is not None


def test_names_ids_and_urls(cluster: RunningCluster) -> None:
    assert [worker.name for worker in cluster.workers] == ["connect-0", "connect-1", "connect-2"]
    assert [worker.url for worker in cluster.workers] == cluster.urls
    assert [f"http://{worker.id}" for worker in cluster.workers] == cluster.urls
    assert cluster.url == cluster.urls[0]
    assert repr(cluster) == f"<mockconnect cluster of 3 at {cluster.url}, seed 0>"
    assert repr(cluster.workers[0]) == f"<worker connect-0 at {cluster.url}>"


def test_after_the_end_nobody_listens_but_looking_still_works() -> None:
    with own_port() as port:
        cluster = mockconnect.start(workers=1, port=port)
        cluster.close()
        cluster.close()
        assert refused(cluster.url)
    assert "stable" in cluster.timeline()
    assert cluster.snapshot()["now_ms"] == cluster.now_ms
    assert not [thread for thread in threading.enumerate() if thread.name == "mockconnect"]


def test_fixed_ports_follow_each_other_and_cannot_be_taken_twice() -> None:
    with mockconnect.start(workers=2) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(
            mockconnect.OptionsError, match=rf"port: cannot listen on port {port} of 127.0.0.1: Address"
        ):
            mockconnect.start(workers=1, port=port)


def test_a_request_that_nobody_answers_does_not_hold_up_the_end() -> None:
    cluster = mockconnect.start(workers=1, clock="manual")
    url = cluster.url
    cluster.freeze(0)
    asked = threading.Event()

    def client() -> None:
        connection = urllib.request.Request(url + "/connectors")
        asked.set()
        with pytest.raises(OSError):  # noqa: PT011 - reset or cut off, as the system likes
            urllib.request.urlopen(connection, timeout=300)

    thread = threading.Thread(target=client)
    thread.start()
    asked.wait(300)
    cluster.close()
    thread.join(300)
    assert not thread.is_alive()


async def test_the_asynchronous_twin() -> None:
    async with mockconnect.start_async(workers=2, seed=4) as cluster, aiohttp.ClientSession() as session:
        async with session.put(f"{cluster.url}/connectors/c/config", json=CONFIG) as response:
            assert response.status == 201
        cluster.wait_for("c", tasks=1)
        cluster.crash("leader")
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(cluster.url)
        assert cluster.seed == 4


async def test_mistakes_are_told_before_anything_is_awaited() -> None:
    with pytest.raises(mockconnect.OptionsError, match="workers: expected from 1 to 100"):
        async with mockconnect.start_async(workers=0):
            raise AssertionError("not reached")


def test_mistakes_leave_no_thread_behind() -> None:
    with pytest.raises(mockconnect.OptionsError, match="unknown; did you mean 'clock'"):
        mockconnect.start(clok="real")  # type: ignore[call-arg]
    assert not [thread for thread in threading.enumerate() if thread.name == "mockconnect"]


def test_the_public_names_are_there_and_others_are_not() -> None:
    assert set(dir(mockconnect)) == set(mockconnect.__all__)
    assert all(getattr(mockconnect, name) for name in mockconnect.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mockconnect.nothing  # noqa: B018 - that is the test


def test_a_standalone_worker_has_no_group() -> None:
    with mockconnect.start(mode="standalone", connectors=[{"name": "c", "config": SINK}]) as cluster:
        cluster.wait_for("c", tasks=3, within="0s")
        assert (len(cluster.workers), cluster.leader, members(cluster)) == (1, None, [])
        cluster.fail_task("c", 0)
        cluster.crash(0)
        assert refused(cluster.url)
        cluster.start(0)
        cluster.wait_for("c", tasks=3)  # its connectors are those of its command line, every time


# --- the same run again -----------------------------------------------------------------------------------------------


def story(cluster: RunningCluster) -> str:
    """What happened, with names in place of ports."""
    with cluster:
        for method, path, body in (
            ("POST", "/connectors", {"name": "a", "config": CONFIG}),
            ("PUT", "/connectors/b/config", SINK),
            ("PUT", "/connectors/a/pause", None),
        ):
            ask(cluster.urls[1], path, method, body)
        cluster.crash("leader")
        cluster.advance("10m")
        text = cluster.timeline(100_000)
        for worker in cluster.workers:
            text = text.replace(worker.id, worker.name)
    return text


def test_the_same_seed_and_requests_give_the_same_run_whatever_the_ports() -> None:
    assert story(mockconnect.start(seed=3)) == story(mockconnect.start(seed=3))


# --- workers ----------------------------------------------------------------------------------------------------------


def test_a_crashed_worker_refuses_and_comes_back(cluster: RunningCluster) -> None:
    worker = cluster.worker("connect-1")
    worker.crash()
    assert refused(worker.url)
    cluster.run_until(lambda it: len(members(it)) == 2)
    worker.start()
    cluster.settle()
    assert ask(worker.url, "/")[0] == 200
    assert len(members(cluster)) == 3


def members(cluster: RunningCluster) -> Sequence[object]:
    group = cluster.snapshot()["group"]
    assert isinstance(group, dict)
    found = group["members"]
    assert isinstance(found, list)
    return found


def test_the_leader_goes_another_leads(cluster: RunningCluster) -> None:
    cluster.stop("leader")
    cluster.settle()
    assert cluster.leader is cluster.worker(1)
    assert cluster.worker(1).is_leader
    assert not cluster.worker(0).is_leader


def test_a_frozen_worker_answers_when_it_is_thawed(cluster: RunningCluster) -> None:
    worker = cluster.worker(2)
    worker.freeze()
    answers: list[tuple[int, Any]] = []
    client = threading.Thread(target=lambda: answers.append(ask(worker.url, "/connectors")))
    client.start()
    client.join(0.05)
    assert answers == []
    worker.thaw()
    client.join(300)
    assert answers == [(200, ["c"])]


def test_workers_are_named_numbered_or_leading(cluster: RunningCluster) -> None:
    first = cluster.workers[0]
    assert [cluster.worker(ref) for ref in ("connect-0", 0, -3, "leader", first)] == [first] * 5
    with pytest.raises(
        ValueError, match="worker: expected one of connect-0, connect-1, connect-2, leader, found 'conect-1'"
    ):
        cluster.crash("conect-1")
    with pytest.raises(ValueError, match="there is no worker 3; there are 3, counted from 0"):
        cluster.crash(3)
    for worker in cluster.workers:
        worker.crash()
    with pytest.raises(ValueError, match="the cluster has no leader at"):
        cluster.worker("leader")


def test_new_plugins_count_from_the_next_start(cluster: RunningCluster) -> None:
    worker, plugin = cluster.worker(1), mockconnect.simulated_connector("com.acme.Source", "source", "2.0")
    row = {"class": "com.acme.Source", "type": "source", "version": "2.0"}
    worker.set_plugins([plugin])
    assert row not in ask(worker.url, "/connector-plugins")[1]
    worker.stop()
    cluster.run_until(lambda it: it.worker(1).rest is Rest.REFUSED)
    cluster.advance("1s")
    worker.start()
    cluster.settle()
    assert row in ask(worker.url, "/connector-plugins")[1]
    assert row not in ask(cluster.url, "/connector-plugins")[1]
    with pytest.raises(
        mockconnect.OptionsError, match=r"plugins\[0\]: clas: unknown field; did you mean 'class'"
    ):
        worker.set_plugins([{"clas": "x"}])


def test_a_worker_without_kafka_leaves_the_group_and_comes_back(cluster: RunningCluster) -> None:
    cluster.partition("connect-2")
    cluster.advance("1m")
    assert len(members(cluster)) == 2
    cluster.heal("connect-2")
    cluster.settle()
    assert len(members(cluster)) == 3


def test_workers_that_cannot_reach_each_other_cannot_forward(cluster: RunningCluster) -> None:
    def create(name: str) -> tuple[int, Any]:
        return ask(cluster.urls[1], f"/connectors/{name}/config", "PUT", CONFIG)

    cluster.partition("connect-1", "leader")
    status_code, answer = create("a")
    assert status_code == 500
    assert answer["message"].startswith("IO Error trying to forward REST request: ")
    cluster.heal("leader", "connect-1")
    assert create("a")[0] == 201
    cluster.partition(1, 0, how="dns")
    assert "UnknownHost" in create("b")[1]["message"]
    cluster.heal()
    assert create("b")[0] == 201
    with pytest.raises(
        ValueError, match=r"how: expected one of refused, .*found 'refusd'; did you mean 'ref"
    ):
        cluster.partition(1, 0, how="refusd")


def test_a_blocked_herder_lets_requests_wait(cluster: RunningCluster) -> None:
    cluster.block_herder("leader", "2m", "polling the group coordinator")
    cluster.advance("100ms")
    status_code, answer = ask(cluster.url, "/connectors/a/config", "PUT", CONFIG)
    assert status_code == 500
    assert answer["message"].startswith(
        "Request timed out. The worker is currently polling the group coordinator"
    )


def test_a_lagging_worker_shows_old_statuses(cluster: RunningCluster) -> None:
    cluster.set_lag("connect-2", status="30s")
    ask(cluster.url, "/connectors/c/pause", "PUT")
    cluster.advance("10s")
    states = [ask(url, "/connectors/c/status")[1]["connector"]["state"] for url in cluster.urls]
    assert states == ["PAUSED", "PAUSED", "RUNNING"]
    cluster.wait_for("c", "PAUSED", tasks=3)


# --- connectors -------------------------------------------------------------------------------------------------------


def test_failures_show_in_the_status(cluster: RunningCluster) -> None:
    cluster.fail_task("c", 1, "java.lang.Error: boom\n")
    cluster.fail_connector("c")
    cluster.settle()
    status = ask(cluster.url, "/connectors/c/status")[1]
    assert status["connector"]["state"] == "FAILED"
    assert status["connector"]["trace"].startswith("org.apache.kafka.connect.errors.ConnectException: ")
    assert [task["state"] for task in status["tasks"]] == ["RUNNING", "FAILED", "RUNNING"]
    assert status["tasks"][1]["trace"] == "java.lang.Error: boom\n"


def test_what_does_not_run_cannot_fail(cluster: RunningCluster) -> None:
    with pytest.raises(ValueError, match=r"no worker runs connector 'x'; running connectors are c$"):
        cluster.fail_connector("x")
    with pytest.raises(ValueError, match=r"no worker runs task 3 of 'c'; running tasks are c-0, c-1, c-2$"):
        cluster.fail_task("c", 3)


def test_owners(cluster: RunningCluster) -> None:
    owner, task_owner = cluster.owner("c"), cluster.owner("c", 0)
    assert owner is not None
    assert task_owner is not None
    status = ask(cluster.url, "/connectors/c/status")[1]
    assert (status["connector"]["worker_id"], status["tasks"][0]["worker_id"]) == (owner.id, task_owner.id)
    assert cluster.owner("x") is None


def test_waiting_says_what_was_seen_instead(cluster: RunningCluster) -> None:
    with pytest.raises(mockconnect.NotReachedError) as raised:
        cluster.wait_for("c", "FAILED", tasks=2, within="5s")
    text = str(raised.value)
    assert text.startswith(
        "c FAILED with 2 tasks FAILED was not reached within 5000 ms:\n  connect-0 shows RUNNING, tasks"
    )
    assert "connect-2 shows RUNNING, tasks [RUNNING, RUNNING, RUNNING]" in text
    assert "seed 0, what happened last:" in text
    with pytest.raises(mockconnect.NotReachedError, match="connect-0 shows no status"):
        cluster.wait_for("x", within="1s")


def test_tasks_may_be_waited_for_in_another_state(cluster: RunningCluster) -> None:
    for task in range(3):
        cluster.fail_task("c", task)
    cluster.wait_for("c", tasks=3, task_state="FAILED")


# --- time -------------------------------------------------------------------------------------------------------------


def test_virtual_time_passes_at_once(cluster: RunningCluster) -> None:
    before_ms = cluster.now_ms
    cluster.advance("5m")
    cluster.advance(250)
    assert cluster.now_ms == before_ms + 300_250
    assert cluster.run_until(before_ms + 400_000)
    assert cluster.now_ms == before_ms + 400_000
    assert not cluster.run_until(lambda it: it.generation == 99, max="1m")
    assert cluster.now_ms == before_ms + 460_000
    with pytest.raises(mockconnect.OptionsError, match="duration: expected milliseconds or a text"):
        cluster.advance("soon")


def test_what_a_condition_raises_comes_out(cluster: RunningCluster) -> None:
    with pytest.raises(ZeroDivisionError):
        cluster.run_until(lambda _: bool(1 // 0))


def test_a_cluster_that_cannot_settle_says_so(cluster: RunningCluster) -> None:
    cluster.block_herder("leader", "1h")
    with pytest.raises(mockconnect.NotReachedError, match="the cluster did not settle within 1000 ms"):
        cluster.settle("1s")


def test_a_real_clock_moves_on_its_own() -> None:
    with mockconnect.start(workers=1, clock="x1000") as cluster:
        first_ms = cluster.now_ms
        assert ask(cluster.url, "/connectors/a/config", "PUT", CONFIG)[0] == 201
        while ask(cluster.url, "/connectors/a/status")[0] != 200:
            pass
        assert cluster.now_ms > first_ms
        cluster.advance("1h")
        assert cluster.now_ms >= first_ms + 3_600_000
        cluster.crash(0)
        assert refused(cluster.url)


def test_a_manual_clock_stands_still() -> None:
    with mockconnect.start(workers=1, clock="manual") as cluster:
        before_ms = cluster.now_ms
        answers: list[tuple[int, Any]] = []
        put = threading.Thread(
            target=lambda: answers.append(ask(cluster.url, "/connectors/a/config", "PUT", CONFIG))
        )
        assert ask(cluster.url, "/connectors") == (200, [])
        put.start()
        assert cluster.now_ms == before_ms
        while put.is_alive():
            cluster.advance(1)
        assert answers[0][0] == 201


def test_the_trace_tells_what_happened(cluster: RunningCluster) -> None:
    cluster.crash("connect-1")
    last = cluster.trace(1)[0]
    assert (last.at_ms, last.worker, last.what, last.detail) == (
        cluster.now_ms,
        "connect-1",
        "worker",
        "crash",
    )
    assert re.fullmatch(r" *\d+\.\d{3} connect-1 +1 worker +crash", cluster.timeline(1))


# --- threads ------------------------------------------------------------------------------------------------------------


def test_verbs_may_come_from_several_threads(cluster: RunningCluster) -> None:
    before_ms = cluster.now_ms

    def advance() -> None:
        for _ in range(50):
            cluster.advance(1)

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cluster.now_ms == before_ms + 200


async def test_a_cluster_on_a_thread_serves_clients_of_another_loop(cluster: RunningCluster) -> None:
    async with aiohttp.ClientSession() as session:

        async def names(url: str) -> Any:
            async with session.get(f"{url}/connectors") as response:
                return await response.json()

        assert await asyncio.gather(*map(names, cluster.urls)) == [["c"]] * 3
