"""Faults, the front door and the journal of requests through the fixture's own handle."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.hosting import RunningCluster
from tests.ports import own_port

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
CONNECTORS = [
    {"name": "c", "config": {"connector.class": SINK, "topics": "t", "file": "f", "tasks.max": "2"}}
]


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with mockconnect.start(connectors=CONNECTORS) as cluster:
        yield cluster
        assert cluster.bugs == []


def ask(url: str, path: str, method: str = "GET") -> tuple[int, Any]:
    request = urllib.request.Request(url + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
            return error.code, json.loads(body) if body[:1] == b"{" else body.decode()


# --- inject and heal --------------------------------------------------------------------------------------------------------


def test_inject_and_heal(cluster: RunningCluster) -> None:
    fault = cluster.inject(faults.AnswerWith("409.stale_config", operation="restart_connector", times=2))
    assert [row.id for row in cluster.faults] == [fault] == ["answer-1"]
    assert ask(cluster.url, "/connectors/c/restart", "POST")[0] == 409
    cluster.heal(fault)
    assert ask(cluster.url, "/connectors/c/restart", "POST")[0] == 204
    assert cluster.faults == []


def test_a_fault_until_a_condition_of_the_cluster(cluster: RunningCluster) -> None:
    cluster.inject(faults.Crash("leader"), until=lambda it: it.generation == 2)
    cluster.run_until(lambda it: not it.faults, "60s")
    assert cluster.generation == 2
    cluster.settle()
    assert [ask(url, "/connectors")[0] for url in cluster.urls] == [200] * 3


def test_what_cannot_be_done_is_a_value_error(cluster: RunningCluster) -> None:
    with pytest.raises(ValueError, match="no worker is called 'connect-7'"):
        cluster.inject(faults.Crash("connect-7"))


def test_the_verbs_are_faults_too(cluster: RunningCluster) -> None:
    cluster.crash(1)
    cluster.partition(0, 2)
    cluster.block_herder(0, "5s")
    assert [row.verb for row in cluster.faults] == ["crash", "partition", "block_herder"]
    cluster.heal()
    assert [row.verb for row in cluster.faults] == ["crash", "block_herder"], "partitions only"
    cluster.start(1)
    assert [row.verb for row in cluster.faults] == ["block_herder"]
    assert cluster.heal_all() == ["block_herder-1"]
    cluster.settle()
    assert "block_herder-1 begins: block_herder worker=connect-0 for_ms=5000" in cluster.timeline(1_000)


def test_another_version_brings_its_plugins(cluster: RunningCluster) -> None:
    own = {"class": "com.acme.Source", "type": "source", "version": "1"}
    cluster.set_plugins(1, [own])
    cluster.set_version(1, "3.9.1")
    cluster.inject(faults.Bounce("connect-1"))
    cluster.settle()
    assert ask(cluster.urls[1], "/")[1]["version"] == "3.9.1"
    listed = ask(cluster.urls[1], "/connector-plugins")[1]
    assert own in listed
    assert {row["version"] for row in listed if row["class"] == SINK} == {"3.9.1"}


def test_a_rolling_upgrade(cluster: RunningCluster) -> None:
    fault = cluster.inject(faults.RollingUpgrade(kafka_version="4.2.0", until="assigned", timeout_ms=600_000))
    assert cluster.run_until(lambda it: not it.faults, "60m")
    cluster.settle()
    assert {ask(url, "/")[1]["version"] for url in cluster.urls} == {"4.2.0"}
    cluster.wait_for("c", tasks=2)
    assert f"{fault} ends: done" in cluster.timeline(1_000)


# --- requests -----------------------------------------------------------------------------------------------------------------


def test_what_clients_have_asked(cluster: RunningCluster) -> None:
    ask(cluster.urls[1], "/connectors/c/status")
    ask(cluster.urls[2], "/connectors/none/pause", "PUT")
    rows = cluster.requests()
    assert [(row.worker, row.operation, row.connector, row.status_code) for row in rows] == [
        ("connect-1", "connector_status", "c", 200),
        ("connect-2", "pause_connector", "none", 404),
    ]
    assert cluster.requests(1) == rows[1:]


# --- the front door -----------------------------------------------------------------------------------------------------------


def test_without_a_front_door_the_first_worker_is_the_way_in(cluster: RunningCluster) -> None:
    assert cluster.front_door_url is None
    assert cluster.url == cluster.urls[0]


def test_a_front_door() -> None:
    with mockconnect.start(front_door="round_robin", connectors=CONNECTORS) as cluster:
        assert cluster.url == cluster.front_door_url not in cluster.urls
        for _ in range(4):
            assert ask(cluster.url, "/connectors") == (200, ["c"])
        assert [row.worker for row in cluster.requests()] == [
            "connect-0",
            "connect-1",
            "connect-2",
            "connect-0",
        ]
        cluster.inject(faults.Crash("all"))
        status_code, page = ask(cluster.url, "/connectors")
        assert (status_code, page[:6]) == (503, "<html>")


async def test_a_front_door_on_the_callers_loop() -> None:
    async with mockconnect.start_async(front_door="leader") as cluster:
        reader, writer = await _open(cluster.url)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def _open(url: str) -> Any:
    import asyncio  # noqa: PLC0415

    return await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


def test_a_port_is_enough_for_a_door() -> None:
    with own_port() as port, mockconnect.start(front_door_port=port) as cluster:
        assert cluster.url == f"http://127.0.0.1:{port}"
        with pytest.raises(mockconnect.OptionsError, match=f"front_door_port: cannot listen on port {port}"):
            mockconnect.start(front_door_port=port)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"front_door": "robin"},
            "front_door: expected one of round_robin, random, sticky, leader, found 'robin'",
        ),
        ({"front_door_port": 70_000}, "front_door_port: expected a port from 1 to 65535, or 0 for free ones"),
        (
            {"port": 9_000, "front_door_port": 9_002},
            "front_door_port: 9002 is the port of a worker: 9000 to 9002",
        ),
    ],
)
def test_doors_that_cannot_be(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(mockconnect.OptionsError, match=text):
        mockconnect.start(**arguments)
