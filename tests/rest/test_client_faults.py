"""What a client gets when something happens between it and a worker, byte for byte, and what the worker did meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import pytest
from served import FILE_SOURCE, SECONDS, Peer, ServedCluster, answer, request, served, source

from mockconnect import faults
from mockconnect.core.client_faults import NAMED_ANSWERS
from mockconnect.core.faults import FaultError
from mockconnect.core.journal import NOTHING, RequestRow
from mockconnect.core.sim import Reply
from mockconnect.rest.clock import PER_REQUEST_MS, Pace

JSON = "Content-Type: application/json"
CONFIG = {"connector.class": FILE_SOURCE, "topic": "t", "tasks.max": "1"}
STALE = "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"


def put(name: str = "n", **config: str) -> tuple[str, str, str, bytes]:
    return "PUT", f"/connectors/{name}/config", JSON, json.dumps({**CONFIG, **config}).encode()


def post(name: str = "n", **config: str) -> tuple[str, str, str, bytes]:
    body = {"name": name, "config": {**CONFIG, **config}}
    return "POST", "/connectors", JSON, json.dumps(body).encode()


async def send(cluster: ServedCluster, what: tuple[str, str, str, bytes], worker: int = 0) -> str:
    method, target, content_type, body = what
    return await cluster.ask(method, target, content_type, body=body, worker=worker)


def code(seen: str) -> int:
    return int(seen.split(" ", 2)[1])


def message(seen: str) -> str:
    return str(json.loads(seen.partition("\r\n\r\n")[2])["message"])


async def codes(cluster: ServedCluster, target: str, times: int) -> list[int]:
    return [code(await cluster.ask("GET", target)) for _ in range(times)]


async def names(cluster: ServedCluster) -> list[str]:
    return list(json.loads((await cluster.ask("GET", "/connectors")).partition("\r\n\r\n")[2]))


async def breaks(peer: Peer) -> bool:
    """Whether the connection is reset without an answer."""
    try:
        return await peer.reader.read() == b"?"
    except ConnectionResetError:
        return True


async def is_reset(cluster: ServedCluster, octets: bytes, worker: int = 0) -> bool:
    peer = await cluster.connect(worker)
    await peer.send(octets)
    return await breaks(peer)


# --- answers by name ------------------------------------------------------------------------------------------------------


async def test_an_error_answer_is_the_workers_own() -> None:
    async with served(connectors=[source("c")]) as cluster:
        cluster.cluster.inject(faults.AnswerWith("409.stale_config", operation="connector_info", times=1))
        body = json.dumps({"error_code": 409, "message": STALE}, separators=(",", ":"))
        assert await cluster.ask("GET", "/connectors/c") == answer(
            "409 Conflict", JSON, f"Content-Length: {len(body)}", body=body
        )
        assert code(await cluster.ask("GET", "/connectors/c")) == 200


EXPECTED: dict[str, tuple[int, str]] = {
    "400.not_stopped": (
        400,
        "Connectors must be in the STOPPED state before their offsets can be modified. This can",
    ),
    "403": (403, "HTTP 403 Forbidden"),
    "404.connector": (404, "Connector c not found"),
    "404.status": (404, "No status found for connector c"),
    "409.stale_config": (409, STALE),
    "409.no_leader": (
        409,
        "Cannot complete request momentarily due to no known leader URL, likely because a",
    ),
    "409.conflict": (
        409,
        "Cannot complete request because of a conflicting operation (e.g. worker rebalance)",
    ),
    "409.exists": (409, "Connector c already exists"),
    "429": (429, "HTTP 429 Too Many Requests"),
    "500.rebalance_expected": (500, "Request cannot be completed because a rebalance is expected"),
    "500.timeout": (
        500,
        "Request timed out. The worker is currently ensuring membership in the cluster, which began at 2026",
    ),
    "500.forward_io": (
        500,
        "IO Error trying to forward REST request: java.net.ConnectException: Connection refused",
    ),
    "503.starting": (503, "This worker is still starting up and has not been able to read a session key"),
}
PAGES = {"502.html": 502, "503.html": 503, "504.html": 504, "503.text": 503}


async def test_every_answer_has_its_code_and_its_words() -> None:
    assert {*EXPECTED, *PAGES, "401"} == set(NAMED_ANSWERS)
    async with served(connectors=[source("c")]) as cluster:
        for name, (status_code, text) in EXPECTED.items():
            cluster.cluster.inject(faults.AnswerWith(name, times=1))
            seen = await cluster.ask("GET", "/connectors/c/status")
            assert (code(seen), message(seen)[: len(text)]) == (status_code, text), name
            assert json.loads(seen.partition("\r\n\r\n")[2])["error_code"] == status_code
        assert cluster.server.bugs == []


async def test_pages_of_proxies_are_no_json_and_not_jettys() -> None:
    async with served() as cluster:
        for name, status_code in PAGES.items():
            cluster.cluster.inject(faults.AnswerWith(name, times=1))
            seen = await cluster.ask("GET", "/connectors")
            assert code(seen) == status_code
            assert "Jetty" not in seen
            assert seen.partition("\r\n\r\n")[2].startswith(
                "upstream connect error" if "text" in name else "<html>"
            )
        cluster.cluster.inject(faults.Html(times=1))
        assert (await cluster.ask("GET", "/connectors")).startswith(
            "HTTP/1.1 502 Bad Gateway\r\nServer: proxy\r\n"
        )


async def test_an_older_worker_times_out_without_a_stage() -> None:
    async with served(version="3.6.0") as cluster:
        cluster.cluster.inject(faults.AnswerWith("500.timeout"))
        assert message(await cluster.ask("GET", "/connectors/c")) == "Request timed out"


async def test_other_codes_and_other_words() -> None:
    async with served() as cluster:
        cluster.cluster.inject(faults.AnswerWith("501", times=1))
        assert message(await cluster.ask("GET", "/")) == "HTTP 501"
        cluster.cluster.inject(faults.AnswerWith("500", "disk full", times=1))
        assert message(await cluster.ask("GET", "/")) == "disk full"
        cluster.cluster.inject(faults.AnswerWith("401", times=1))
        seen = await cluster.ask("GET", "/")
        assert (code(seen), seen.partition("\r\n\r\n")[2]) == (401, "User cannot access the resource.")
        cluster.cluster.inject(faults.AnswerWith("429", times=1))
        assert "\r\nRetry-After: 1\r\n" in await cluster.ask("GET", "/")


async def test_an_answer_hides_whether_it_was_applied() -> None:
    async with served() as cluster:
        cluster.cluster.inject(
            faults.AnswerWith("500.timeout", apply="never", times=1, operation="any_write")
        )
        assert code(await send(cluster, put())) == 500
        assert await names(cluster) == []
        cluster.cluster.inject(
            faults.AnswerWith("500.timeout", apply="before", times=1, operation="any_write")
        )
        assert code(await send(cluster, put())) == 500
        assert await names(cluster) == ["n"]


async def test_a_queue_of_answers() -> None:
    async with served(connectors=[source("c")]) as cluster:
        answers = ("409.stale_config", "ok", "500.rebalance_expected", "503.html")
        fault = cluster.cluster.inject(faults.Queue(answers, operation="connector_info"))
        assert await codes(cluster, "/connectors/c", 6) == [409, 200, 500, 503, 200, 200]
        assert not cluster.cluster.faults.is_active(fault)


# --- which requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counting", "expected"),
    [
        ({}, "111111"),
        ({"times": 2}, "110000"),
        ({"first": 3}, "111000"),
        ({"nth": 3}, "001000"),
        ({"every": 2}, "010101"),
        ({"every": 2, "times": 2}, "010100"),
        ({"skip": 4}, "000011"),
        ({"skip": 1, "first": 2}, "011000"),
        ({"skip": 1, "every": 2, "times": 1}, "001000"),
    ],
)
async def test_counting(counting: dict[str, Any], expected: str) -> None:
    async with served() as cluster:
        fault = cluster.cluster.inject(faults.AnswerWith("500", **counting))
        seen = await codes(cluster, "/connectors", 6)
        assert "".join(str(int(each == 500)) for each in seen) == expected
        assert cluster.cluster.faults.is_active(fault) is (expected[-2:] != "00")


async def test_chance_is_seeded() -> None:
    async def drawn(before: int) -> list[int]:
        async with served() as cluster:
            for _ in range(before):
                cluster.cluster.heal(cluster.cluster.inject(faults.AnswerWith("500", probability=0.5)))
            cluster.cluster.inject(faults.AnswerWith("500", probability=0.5), name="rule")
            return await codes(cluster, "/connectors", 30)

    first = await drawn(0)
    assert first == await drawn(3)
    assert 5 < first.count(500) < 25


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"operation": "create_connector"}, "create"),
        ({"operation": "connector_*"}, "status"),
        ({"operation": ("delete_connector", "connector_status")}, "status"),
        ({"operation": "any_read"}, "list status unknown"),
        ({"operation": "any_write"}, "create"),
        ({"connector": "c*"}, "status"),
        ({"connector": "n"}, "create"),
        ({"connector_class": "*FileStreamSourceConnector"}, "create"),
        ({"worker": "connect-1"}, ""),
        ({"worker": "leader"}, "list status create unknown"),
    ],
)
async def test_matching(match: dict[str, Any], hit: str) -> None:
    async with served(2, connectors=[source("c")]) as cluster:
        cluster.cluster.inject(faults.AnswerWith("429", **match))
        seen = {
            "list": await cluster.ask("GET", "/connectors"),
            "status": await cluster.ask("GET", "/connectors/c/status"),
            "create": await send(cluster, post()),
            "unknown": await cluster.ask("GET", "/nowhere"),
        }
        reads = hit.replace(" unknown", "") if match.get("operation") == "any_read" else hit
        assert " ".join(name for name, text in seen.items() if code(text) == 429) == reads


async def test_the_newest_fault_is_asked_first_and_latencies_add_up() -> None:
    async with served() as cluster:
        core = cluster.cluster
        core.inject(faults.AnswerWith("500", times=1))
        core.inject(faults.Latency(1_000))
        core.inject(faults.AnswerWith("429", times=1))
        core.inject(faults.Latency("500ms"))
        began_at_ms = core.now_ms
        assert await codes(cluster, "/connectors", 3) == [429, 500, 200]
        assert core.now_ms - began_at_ms == 3 * (1_500 + PER_REQUEST_MS)


async def test_nonsense_is_refused() -> None:
    async with served() as cluster:
        for fault, text in (
            (faults.AnswerWith("409.stale"), "no answer is called '409.stale'; there are 400.not_stopped"),
            (faults.AnswerWith("200"), "no answer is called '200'"),
            (faults.Queue(()), "a queue without answers"),
            (faults.Queue(("ok", "no")), "no answer is called 'no'"),
            (faults.Reset(operation="create"), "no operation is called 'create'; there are any, any_read,"),
            (faults.Latency("soon"), "expected milliseconds, 300ms, exp(20s)"),
            (faults.Latency("uniform(3s, 1s)"), "the second value must not be below the first"),
            (faults.Hang(worker="connect-9"), "no worker is called 'connect-9'"),
        ):
            with pytest.raises(FaultError, match=re.escape(text)):
                cluster.cluster.inject(fault)
        assert not cluster.cluster.client_faults.entries


# --- latency --------------------------------------------------------------------------------------------------------------


async def test_latency_is_virtual_unless_it_is_asked_for() -> None:
    async with served() as cluster:
        core = cluster.cluster
        core.inject(faults.Latency("uniform(60s, 61s)", times=1))
        wall_s, virtual_ms = time.monotonic(), core.now_ms
        assert code(await cluster.ask("GET", "/")) == 200
        assert 60_000 <= core.now_ms - virtual_ms <= 61_000 + PER_REQUEST_MS
        assert time.monotonic() - wall_s < SECONDS
        core.inject(faults.Latency(80, real=True, times=1))
        wall_s, virtual_ms = time.monotonic(), core.now_ms
        assert code(await cluster.ask("GET", "/")) == 200
        assert time.monotonic() - wall_s >= 0.08
        assert core.now_ms - virtual_ms == PER_REQUEST_MS


async def test_a_worker_that_dies_meanwhile_answers_nothing() -> None:
    async with served() as cluster:
        cluster.cluster.inject(faults.Latency("5s"))
        cluster.cluster.sim.after(2_000, lambda: cluster.cluster.inject(faults.Crash("leader")))
        assert await is_reset(cluster, request("GET", "/"))


# --- connections ----------------------------------------------------------------------------------------------------------


async def test_reset_empty_and_hang() -> None:
    async with served(pace=Pace.MANUAL) as cluster:
        core = cluster.cluster
        core.inject(faults.Reset(times=1))
        assert await is_reset(cluster, request("GET", "/connectors"))
        core.inject(faults.Empty(times=1))
        peer = await cluster.connect()
        await peer.send(request("GET", "/connectors"))
        assert await peer.ended()
        hang = core.inject(faults.Hang(times=1))
        peer = await cluster.connect()
        await peer.send(request("GET", "/connectors"))
        assert code(await cluster.ask("GET", "/connectors")) == 200, "only one hangs"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peer.reader.read(1)
        core.heal(hang)
        assert await breaks(peer)
        assert [row.status_code for row in core.requests.rows()] == [0, 0, 0, 200]


async def test_refused() -> None:
    async with served(2) as cluster:
        kept = await cluster.connect(1)
        await kept.send(request("GET", "/connectors"))
        await kept.answer()
        cluster.cluster.inject(faults.Refuse("connect-1", for_ms=60_000))
        assert await breaks(kept)
        with pytest.raises(ConnectionRefusedError):
            await cluster.connect(1)
        assert code(await cluster.ask("GET", "/connectors")) == 200, "the other is there"
        assert cluster.cluster.workers["connect-1"].running
        cluster.clock.advance(60_000)
        assert code(await cluster.ask("GET", "/connectors", worker=1)) == 200


async def test_a_refused_worker_that_restarts_stays_refused() -> None:
    async with served(2) as cluster:
        fault = cluster.cluster.inject(faults.Refuse("connect-1"))
        cluster.cluster.inject(faults.Bounce("connect-1"))
        assert cluster.clock.run_until(lambda: cluster.cluster.settled)
        with pytest.raises(ConnectionRefusedError):
            await cluster.connect(1)
        cluster.cluster.heal(fault)
        assert code(await cluster.ask("GET", "/connectors", worker=1)) == 200


# --- lost and doubled -----------------------------------------------------------------------------------------------------


async def test_applied_but_the_answer_is_lost() -> None:
    """Situation 17: the next create says that it exists."""
    async with served(2) as cluster:
        cluster.cluster.inject(faults.LoseAnswer(operation="create_connector", times=1))
        method, target, content_type, body = post()
        assert await is_reset(cluster, request(method, target, content_type, body=body), worker=1)
        assert message(await send(cluster, post(), worker=1)) == "Connector n already exists"


async def test_lost_but_applied_later() -> None:
    async with served() as cluster:
        cluster.cluster.inject(faults.LoseAnswer("later", 10_000, operation="any_write", times=1))
        method, target, content_type, body = put()
        assert await is_reset(cluster, request(method, target, content_type, body=body))
        assert await names(cluster) == []
        cluster.clock.advance(10_000)
        assert await names(cluster) == ["n"]


async def test_delivered_twice() -> None:
    async with served(connectors=[source("c")]) as cluster:
        cluster.cluster.inject(faults.Duplicate(operation="create_connector", times=1))
        assert message(await send(cluster, post())) == "Connector n already exists"
        cluster.cluster.inject(faults.Duplicate("first", operation="delete_connector", times=1))
        assert code(await cluster.ask("DELETE", "/connectors/n")) == 204
        cluster.cluster.inject(faults.Duplicate(operation="delete_connector", times=1))
        assert code(await cluster.ask("DELETE", "/connectors/c")) == 404


# --- bodies ---------------------------------------------------------------------------------------------------------------


async def whole(cluster: ServedCluster, octets: bytes) -> bytes:
    """Everything up to the end of the connection."""
    peer = await cluster.connect()
    await peer.send(octets)
    async with asyncio.timeout(SECONDS):
        return await peer.reader.read()


async def test_truncated() -> None:
    async with served(connectors=[source("c")]) as cluster:
        expected = await cluster.ask("GET", "/connectors/c/status")
        cluster.cluster.inject(faults.Truncate(0.5))
        head, _, body = (await whole(cluster, request("GET", "/connectors/c/status"))).partition(b"\r\n\r\n")
        complete = expected.partition("\r\n\r\n")[2].encode()
        assert body == complete[: len(complete) // 2]
        assert f"Content-Length: {len(complete)}".encode() in head
        octets = await whole(cluster, request("DELETE", "/connectors/c"))
        assert octets.startswith(b"HTTP/1.1 2")
        assert b"\r\n\r\n" not in octets, "there is no body to cut"


async def test_malformed() -> None:
    async with served(connectors=[source(f"c{n}") for n in range(200)]) as cluster:
        cluster.cluster.inject(faults.Malformed())
        seen = await cluster.ask("GET", "/connectors/c1/status")
        assert code(seen) == 200
        with pytest.raises(ValueError, match="Expecting"):
            json.loads(seen.partition("\r\n\r\n")[2])
        long = await cluster.ask("GET", "/connectors?expand=status&expand=info")
        assert "Transfer-Encoding" not in long
        assert long.endswith("}")
        with pytest.raises(ValueError, match="Expecting"):
            json.loads(long.partition("\r\n\r\n")[2])
        assert code(await cluster.ask("PUT", "/connectors/c1/pause")) == 202, "nothing to spoil"


async def test_a_slow_body() -> None:
    async with served(connectors=[source(f"c{n}") for n in range(200)]) as cluster:
        for target in ("/connectors/c1/status", "/connectors?expand=status"):
            expected = await cluster.ask("GET", target)
            fault = cluster.cluster.inject(faults.SlowBody(60_000, 6))
            virtual_ms = cluster.cluster.now_ms
            assert await cluster.ask("GET", target) == expected
            assert cluster.cluster.now_ms - virtual_ms == 60_000 + PER_REQUEST_MS
            cluster.cluster.heal(fault)
        cluster.cluster.inject(faults.SlowBody(100, 5, real=True))
        wall_s = time.monotonic()
        await cluster.ask("GET", "/connectors/c1/status")
        assert time.monotonic() - wall_s >= 0.1


async def test_the_connection_goes_on_after_a_fault() -> None:
    async with served(connectors=[source("c")]) as cluster:
        peer = await cluster.connect()
        for fault in (faults.AnswerWith("409.conflict"), faults.AnswerWith("502.html"), faults.Malformed()):
            fault_id = cluster.cluster.inject(fault)
            await peer.send(request("GET", "/connectors/c"))
            await peer.answer()
            cluster.cluster.heal(fault_id)
        await peer.send(request("GET", "/connectors/c"))
        assert code(await peer.answer()) == 200


# --- the journal ----------------------------------------------------------------------------------------------------------


def shown(row: RequestRow) -> tuple[Any, ...]:
    return row.number, row.worker, row.method, row.operation, row.connector, row.status_code, row.fault


async def test_every_request_is_a_row() -> None:
    async with served(2, connectors=[source("c")]) as cluster:
        await cluster.ask("GET", "/connectors/c/status", worker=1)
        await send(cluster, put())
        await cluster.ask("GET", "/connectors/c/tasks/7/status")
        await cluster.ask("GET", "/nowhere")
        cluster.cluster.inject(faults.AnswerWith("429", times=1))
        await send(cluster, post("c"))
        rows = list(cluster.cluster.requests.rows())
        assert [shown(row) for row in rows] == [
            (1, "connect-1", "GET", "connector_status", "c", 200, ""),
            (2, "connect-0", "PUT", "put_connector_config", "n", 201, ""),
            (3, "connect-0", "GET", "task_status", "c", 404, ""),
            (4, "connect-0", "GET", "", "", 404, ""),
            (5, "connect-0", "POST", "create_connector", "c", 429, "answer-1"),
        ]
        assert (rows[1].class_name, rows[2].task) == (FILE_SOURCE, 7)
        assert rows[2].message == "No status found for task c-7"
        assert rows[4].message == "HTTP 429 Too Many Requests"
        assert [row.duration_ms for row in rows[2:]] == [0, 0, 0]
        assert rows[1].duration_ms, "a write takes its time"
        assert [row.number for row in cluster.cluster.requests.rows(2)] == [4, 5]


async def test_a_listener_acts_before_the_request_does() -> None:
    """What it injects counts for this very request: that is what a trigger on requests needs."""
    async with served(connectors=[source("c")]) as cluster:
        seen: list[str] = []

        def listener(row: RequestRow) -> None:
            seen.append(f"{row.operation} {row.connector} {row.class_name.rpartition('.')[2]}".strip())
            if len(seen) == 2:
                cluster.cluster.inject(faults.AnswerWith("409.stale_config", times=1))
            if len(seen) == 3:
                cluster.cluster.inject(faults.Crash("all"))

        cluster.cluster.requests.on_request.append(listener)
        assert code(await cluster.ask("GET", "/connectors/c")) == 200
        assert code(await send(cluster, post())) == 409
        assert await is_reset(cluster, request("GET", "/"))
        assert seen == ["connector_info c", "create_connector n FileStreamSourceConnector", "server_info"]


async def test_a_listener_makes_a_request_wait() -> None:
    async with served(pace=Pace.MANUAL) as cluster:
        barrier: Reply[None] = Reply()
        cluster.cluster.requests.on_request.append(lambda _: barrier)
        peer = await cluster.connect()
        await peer.send(request("GET", "/"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peer.reader.read(1)
        barrier.complete(None)
        assert code(await peer.answer()) == 200


async def test_answers_are_told_with_their_bodies() -> None:
    async with served(connectors=[source("c")]) as cluster:
        told: list[tuple[str, int, bytes]] = []
        cluster.cluster.requests.on_answer.append(
            lambda row, body: told.append((row.operation, row.status_code, body))
        )
        await cluster.ask("GET", "/connectors")
        cluster.cluster.inject(faults.Reset())
        await is_reset(cluster, request("GET", "/connectors/c"))
        assert told == [("list_connectors", 200, b'["c"]'), ("connector_info", 0, b"")]


async def test_rows_are_bounded() -> None:
    async with served() as cluster:
        journal = type(cluster.cluster.requests)(rows_max=3)
        for number in range(5):
            journal.add((number, number, "worker", "w", "GET", "/", None, 200, "", *NOTHING))
        assert [(row.number, row.at_ms) for row in journal.rows()] == [(3, 2), (4, 3), (5, 4)]


@pytest.mark.parametrize("operation", ["put_connector_config", "set_logger"])
async def test_a_body_is_asked_for_whether_a_fault_concerns_it_or_not(operation: str) -> None:
    async with served() as cluster:
        cluster.cluster.inject(faults.Latency("1s", operation=operation))
        peer = await cluster.connect()
        _, target, content_type, body = put()
        await peer.send(
            request("PUT", target, content_type, "Expect: 100-continue", f"Content-Length: {len(body)}")
        )
        async with asyncio.timeout(5):
            assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await peer.send(body)
        assert (await peer.answer()).startswith("HTTP/1.1 201 Created")
