"""One port in front of all workers: whom it goes to, and what it says when nobody is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from served import answer, request, served, source

from mockconnect import faults
from mockconnect.rest.clock import Pace
from mockconnect.rest.front_door import POLICIES, Policy

BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\nServer: proxy\r\nContent-Type: text/html\r\n"
UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\nServer: proxy\r\nContent-Type: text/html\r\n"


def body(seen: str) -> Any:
    return json.loads(seen.partition("\r\n\r\n")[2])


async def asked(cluster: Any, times: int, target: str = "/", host: str = "h:1") -> str:
    """Who answers: ``012`` are the first three workers in turn, ``5`` is the door itself."""
    for _ in range(times):
        await cluster.at_the_door(request("GET", target, host=host))
    rows = list(cluster.cluster.requests.rows(times))
    assert {row.door for row in rows} == {"front_door"}
    return "".join(row.worker[-1:] or "5" for row in rows)


# --- whom it goes to --------------------------------------------------------------------------------------------------------


async def test_round_robin() -> None:
    async with served(3, front_door="round_robin") as cluster:
        assert await asked(cluster, 7) == "0120120"
        cluster.cluster.inject(faults.Crash("connect-1"))
        assert await asked(cluster, 4) == "2020", "who is down is passed over"
        cluster.cluster.inject(faults.Start("connect-1"))
        cluster.clock.advance(30_000)
        assert await asked(cluster, 3) in ("201", "012", "120")


async def test_random_is_seeded() -> None:
    async def drawn() -> str:
        async with served(3, front_door="random") as cluster:
            return await asked(cluster, 20)

    first = await drawn()
    assert set(first) == {"0", "1", "2"}
    assert await drawn() == first


async def test_sticky() -> None:
    async with served(3, front_door="sticky") as cluster:
        first = (await asked(cluster, 4))[0]
        assert await asked(cluster, 3) == first * 3
        cluster.cluster.inject(faults.Crash(f"connect-{first}"))
        other = (await asked(cluster, 1))[0]
        assert other != first
        cluster.cluster.heal_all()
        cluster.clock.advance(30_000)
        assert await asked(cluster, 3) == other * 3, "it stays where it went"


async def test_leader() -> None:
    async with served(3, front_door="leader") as cluster:
        assert await asked(cluster, 3) == "000"
        cluster.cluster.inject(faults.Crash("connect-0"))
        seen = await asked(cluster, 2)
        assert "0" not in seen, "the group has not noticed yet: somebody else must do"
        cluster.clock.advance(20_000)
        leader = str(cluster.cluster.leader)[-1]
        assert await asked(cluster, 3) == leader * 3


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("host", ["connect-2", "connect-2:8083", "connect-2.connect.svc.cluster.local:8083"])
async def test_a_host_that_is_a_worker(policy: Policy, host: str) -> None:
    async with served(3, front_door=policy) as cluster:
        assert await asked(cluster, 3, host=host) == "222"
        cluster.cluster.inject(faults.Crash("connect-2"))
        seen = await cluster.at_the_door(request("GET", "/", host=host))
        assert seen.startswith(BAD_GATEWAY), "it is that worker and no other"


# --- what it says ---------------------------------------------------------------------------------------------------------------


async def test_a_worker_answers_as_on_its_own_port() -> None:
    async with served(1, connectors=[source("c")], front_door="round_robin") as cluster:
        for octets in (
            request("GET", "/connectors/c"),
            request("GET", "/connectors/none/status"),
            request("PUT", "/connectors/c/pause"),
            request("GET", "/nowhere", "Accept: text/html"),
            request("GET", "//"),
            request("OPTIONS", "/connectors"),
            request("POST", "/connectors", "Content-Type: application/json", body=b"{"),
            request("GET", "/connectors", host="a b"),
        ):
            assert await cluster.at_the_door(octets) == await cluster.raw(octets), octets


async def test_the_location_is_that_of_the_door() -> None:
    async with served(2, front_door="round_robin") as cluster:
        config = json.dumps({"connector.class": "FileStreamSource", "topic": "t", "file": "f"}).encode()
        octets = request(
            "PUT",
            "/connectors/n/config",
            "Content-Type: application/json",
            body=config,
            host="connect.example",
        )
        assert "\r\nLocation: http://connect.example/connectors/n\r\n" in await cluster.at_the_door(octets)


async def test_nobody_is_there() -> None:
    async with served(2, front_door="round_robin") as cluster:
        cluster.cluster.inject(faults.Crash("connect-0"))
        cluster.cluster.inject(faults.Refuse("connect-1"))
        peer = await cluster.connect(port=cluster.door_port)
        for _ in range(2):
            await peer.send(request("GET", "/connectors"))
            assert (await peer.answer()).startswith(UNAVAILABLE), "and the connection goes on"
        assert [row.status_code for row in cluster.cluster.requests.rows()] == [503, 503]


@pytest.mark.parametrize("fault", [faults.Reset(), faults.Empty(), faults.LoseAnswer()])
async def test_what_breaks_behind_it_is_a_502(fault: faults.Fault) -> None:
    async with served(2, front_door="round_robin") as cluster:
        cluster.cluster.inject(fault)
        assert (await cluster.at_the_door(request("GET", "/connectors"))).startswith(BAD_GATEWAY)
        assert [row.status_code for row in cluster.cluster.requests.rows()] == [502]


async def test_a_worker_that_dies_while_it_answers() -> None:
    async with served(1, pace=Pace.MANUAL, connectors=[source("c")], front_door="round_robin") as cluster:
        cluster.cluster.inject(faults.BlockHerder("leader"))
        cluster.clock.advance(1)
        peer = await cluster.connect(port=cluster.door_port)
        await peer.send(request("GET", "/connectors/c"))
        while not cluster.cluster.workers["connect-0"].node.resources._in_flight:
            await cluster.ask("GET", "/connectors")
        cluster.cluster.inject(faults.Crash("connect-0"))
        assert (await peer.answer()).startswith(BAD_GATEWAY)


async def test_faults_count_behind_the_door() -> None:
    async with served(2, front_door="round_robin") as cluster:
        cluster.cluster.inject(faults.AnswerWith("409.stale_config", worker="connect-1"))
        codes = [(await cluster.at_the_door(request("GET", "/connectors"))).split(" ")[1] for _ in range(4)]
        assert codes == ["200", "409", "200", "409"]


async def test_a_frozen_worker_is_not_passed_over() -> None:
    """A proxy does not see it: its port accepts."""
    async with served(2, front_door="round_robin") as cluster:
        cluster.cluster.inject(faults.Freeze("connect-1", for_ms=30_000))
        assert await asked(cluster, 1) == "0"
        began_at_ms = cluster.cluster.now_ms
        assert await asked(cluster, 1) == "1"
        assert cluster.cluster.now_ms - began_at_ms >= 29_900


async def test_what_is_no_http_gets_a_page() -> None:
    async with served(1, front_door="round_robin") as cluster:
        peer = await cluster.connect(port=cluster.door_port)
        await peer.send(b"what?\r\n\r\n")
        assert (await peer.answer()).startswith("HTTP/1.1 400 Bad Request\r\nServer: proxy\r\n")
        assert await peer.ended()


async def test_head_and_old_clients() -> None:
    async with served(1, front_door="round_robin") as cluster:
        cluster.cluster.inject(faults.Crash("connect-0"))
        seen = await cluster.at_the_door(request("HEAD", "/connectors"), is_head=True)
        assert seen.startswith(UNAVAILABLE)
        peer = await cluster.connect(port=cluster.door_port)
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        assert "\r\nConnection: close\r\n" in await peer.answer()
        assert await peer.ended()


async def test_the_door_moves_time_as_a_worker_does() -> None:
    async with served(1, front_door="round_robin") as cluster:
        before = cluster.cluster.now_ms
        assert await cluster.at_the_door(request("GET", "/connectors")) == answer(
            "200 OK", "Content-Type: application/json", "Content-Length: 2", body="[]"
        )
        assert cluster.cluster.now_ms - before == cluster.clock.per_request_ms
