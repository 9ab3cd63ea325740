"""Making a running cluster what it was when it started: what is new then, what is kept, and that the run is the same."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mockconnect
from mockconnect import faults
from mockconnect.hosting import RunningCluster

START = Callable[..., Any]
CERTIFICATE = Path(__file__).parents[1] / "conformance" / "certificates" / "worker.pem"
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(cluster: RunningCluster, path: str, number: int = 0, method: str = "GET") -> int:
    """A client of the simulated cluster asks."""
    request = urllib.request.Request(cluster.urls[number] + path, method=method)
    try:
        with LOCAL.open(request, timeout=300) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def run(cluster: RunningCluster) -> str:
    """Some requests and faults; gives the trace as it is then."""
    ask(cluster, "/connectors/c/restart?includeTasks=true", 1, "POST")
    cluster.inject(faults.Crash("connect-2"))
    ask(cluster, "/connectors/c/pause", 0, "PUT")
    ask(cluster, "/connectors/c/status", 1)
    cluster.advance("6m")
    ask(cluster, "/connectors/c", 1, "DELETE")
    cluster.heal_all()
    cluster.settle()
    info = cluster.snapshot()
    return json.dumps([info, [str(row) for row in cluster.trace(2_000)]], sort_keys=True)


@pytest.mark.parametrize("arguments", [{}, {"front_door": "random", "seed": 7}])
def test_the_same_run_again(controlled: START, arguments: dict[str, Any]) -> None:
    control = controlled(**arguments)
    first_info = control.get("/info")
    first = run(control.cluster)
    assert control.get("/info")["trace"] != first_info["trace"]
    control("POST", "/reset")
    assert control.get("/info") == {**first_info, "resets": 1}
    assert run(control.cluster) == first
    control.cluster.reset()
    assert run(control.cluster) == first
    assert control.get("/info")["resets"] == 2


def test_a_cluster_that_was_reset_runs_like_a_new_one(controlled: START) -> None:
    """Ports count for ids of workers, so they are advertised under names of their own."""
    workers = [{"name": f"connect-{number}", "worker_id": f"c-{number}:8083"} for number in range(3)]
    control, other = controlled(workers=workers, seed=5), controlled(workers=workers, seed=5)
    run(control.cluster)
    control("POST", "/reset", {"scopes": ["all"]})
    assert run(control.cluster) == run(other.cluster)


def test_everything_is_as_at_the_start(control: Any) -> None:
    start = {path: control.get(path) for path in ("/snapshot", "/workers", "/connectors", "/clock")}
    run(control.cluster)
    control("PUT", "/clock", {"per_request": "1s"})
    control("POST", "/faults", "freeze: connect-1")
    answer = control("POST", "/reset")
    assert answer.status_code == 200
    assert answer.body == {
        "scopes": ["all"],
        "resets": 1,
        "event": control.get("/events?since=0&limit=1000")["next"],
        "clock": start["/clock"],
    }
    assert {path: control.get(path) for path in start} == start
    assert control.get("/faults") == {"active": [], "ended": []}
    assert control.get("/requests") == {"requests": [], "next": 0}
    assert control("POST", "/faults", "rebalance").body["fault"]["id"] == "rebalance-1"
    assert [ask(control.cluster, "/connectors", number) for number in range(3)] == [200, 200, 200]


# --- parts ----------------------------------------------------------------------------------------------------------------


def test_a_part(control: Any) -> None:
    ask(control.cluster, "/connectors/c", 1, "DELETE")
    control.cluster.settle()
    control("PUT", "/clock", {"per_request": "1s"})
    control("POST", "/faults", "freeze: connect-1")
    before = control.get("/info")
    assert control("POST", "/reset", {"scopes": ["faults"]}).body["resets"] == 0
    assert control.get("/faults")["active"] == []
    assert control("POST", "/reset", {"scopes": ["journal"]}).status_code == 200
    assert control.get("/requests") == {"requests": [], "next": 1}
    assert control.get("/clock")["per_request_ms"] == 1_000
    assert control("POST", "/reset", {"scopes": ["clock"]}).body["clock"]["per_request_ms"] == 20
    assert control.get("/connectors") == []
    assert control.get("/clock")["now_ms"] == before["clock"]["now_ms"]


def test_the_state_alone(control: Any) -> None:
    ask(control.cluster, "/connectors/c", 1, "DELETE")
    control("PUT", "/clock", {"per_request": "1s"})
    control.cluster.reset("state")
    assert [one["name"] for one in control.get("/connectors")] == ["c"]
    assert [one["method"] for one in control.get("/requests")["requests"]] == ["DELETE"]
    assert control.get("/clock")["per_request_ms"] == 1_000
    ask(control.cluster, "/connectors")
    assert control.get("/requests")["next"] == 2


SCENARIO = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: mine}
settings: {duration: 1h}
timeline:
  - {name: gone, at: 1s, do: {freeze: connect-1}}
"""


def test_a_scenario_that_is_played(control: Any) -> None:
    control("POST", "/scenarios", {"document": SCENARIO})
    control("POST", "/clock/advance", {"by": "2s"})
    assert len(control.get("/faults")["active"]) == 1
    control("POST", "/reset", {"scopes": ["scenario"]})
    assert control.get("/faults")["active"] == []
    assert control("GET", "/scenarios/current").status_code == 404
    control("POST", "/scenarios", {"document": SCENARIO})
    control("POST", "/reset")
    assert control("GET", "/scenarios/current").status_code == 404
    control("POST", "/clock/advance", {"by": "2s"})
    assert control.get("/faults")["active"] == []


@pytest.mark.parametrize("scopes", [["all"], ["scenario"], ["state"], ["state", "scenario"]])
def test_the_scenario_of_the_start_begins_again(tmp_path: Any, scopes: list[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    with mockconnect.start(scenario=file, control_port=0) as cluster:
        cluster.advance("2s")
        assert len(cluster.faults) == 1
        cluster.reset(*scopes)  # type: ignore[arg-type]
        assert cluster.faults == []
        cluster.advance("2s")
        assert len(cluster.faults) == (0 if scopes == ["state"] else 1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"scopes": ["states"]}, "did you mean 'state'?"),
        ({"scopes": []}, "scopes"),
        ({"scope": "all"}, "did you mean 'scopes'?"),
        ({"scopes": "all"}, "expected a list"),
    ],
)
def test_mistakes(control: Any, body: object, says: str) -> None:
    answer = control("POST", "/reset", body)
    assert answer.status_code == 422
    assert says in answer.body["detail"]
    assert control.get("/info")["resets"] == 0


def test_a_scope_that_is_none(control: Any) -> None:
    with pytest.raises(ValueError, match="did you mean 'journal'"):
        control.cluster.reset("jurnal")


# --- connections ----------------------------------------------------------------------------------------------------------


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("clock", ["paced", "manual", "real"])
def test_a_request_that_is_being_answered_loses_its_connection(controlled: START, clock: str) -> None:
    control = controlled(clock=clock)
    control("POST", "/faults", "freeze: connect-1")
    outcome: list[object] = []

    def client() -> None:
        try:
            outcome.append(ask(control.cluster, "/connectors", 1))
        except (OSError, http.client.HTTPException) as error:
            outcome.append(getattr(error, "reason", error))

    waiting = threading.Thread(target=client)
    waiting.start()
    while not control.cluster._do(lambda: control.cluster._hosted.clock._open):
        pass
    control("POST", "/reset")
    waiting.join()
    assert isinstance(outcome[0], ConnectionError | http.client.HTTPException), outcome
    assert control.get("/requests")["requests"] == []
    assert ask(control.cluster, "/connectors", 1) == 200


def test_a_connection_without_a_request_ends(control: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", _port(control.cluster.url))
    connection.request("GET", "/connectors")
    assert connection.getresponse().read() == b'["c"]'
    control("POST", "/reset")
    assert connection.sock.recv(1) == b""
    connection.close()
    connection.request("GET", "/connectors")
    assert connection.getresponse().read() == b'["c"]'
    connection.close()


def test_on_a_worker_s_port(control: Any) -> None:
    """The answer comes over a connection that ends with it."""
    connection = http.client.HTTPConnection("127.0.0.1", _port(control.cluster.urls[1]))
    connection.request("POST", "/__mockconnect/reset")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["resets"]) == (200, 1)
    assert ask(control.cluster, "/connectors", 1) == 200
    connection.close()


def test_whoever_moves_time_is_told(controlled: START) -> None:
    control = controlled()
    answers: list[Any] = []
    mover = threading.Thread(target=lambda: answers.append(control("POST", "/clock/advance", {"by": "30d"})))
    mover.start()
    while control.get("/clock")["now_ms"] < 60_000:
        pass
    control("POST", "/reset")
    mover.join()
    assert answers[0].status_code == 409
    assert "the cluster was reset meanwhile" in answers[0].body["detail"]


# --- events ---------------------------------------------------------------------------------------------------------------


def _events(answer: Any, count: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    while len(found) <= count:
        name, _, value = answer.readline().decode().strip().partition(": ")
        if name in ("id", "data", "event"):
            found[-1][name] = value
        elif not name and found[-1]:
            found.append({})
    return found[:-1]


@pytest.mark.parametrize("mirrored", [False, True])
def test_events_go_on(control: Any, mirrored: bool) -> None:
    url = f"{control.cluster.urls[1]}/__mockconnect" if mirrored else control.url
    with LOCAL.open(f"{url}/events?follow=true&since=0", timeout=300) as answer:
        assert _events(answer, 1)[0]["id"] == "1"
        count = control.get("/events")["next"]
        _events(answer, count - 1)
        control("POST", "/reset")
        reset, first = _events(answer, 2)
    assert reset == {"event": "reset", "id": "1:0", "data": '{"resets":1}'}
    assert (first["id"], json.loads(first["data"])["number"]) == ("1:1", 1)


@pytest.mark.parametrize(
    ("last", "expected"), [("1:3", ["1:4"]), ("3", ["1:0", "1:1"]), ("1:999", ["1:0", "1:1"])]
)
def test_a_lost_connection_goes_on_in_the_run_that_it_was_in(
    control: Any, last: str, expected: list[str]
) -> None:
    control("POST", "/reset")
    request = urllib.request.Request(f"{control.url}/events?follow=true", headers={"Last-Event-ID": last})
    with LOCAL.open(request, timeout=300) as answer:
        assert [one["id"] for one in _events(answer, len(expected))] == expected


def test_who_polls_events_sees_it(control: Any) -> None:
    assert control.get("/events?since=0")["resets"] == 0
    control("POST", "/reset")
    assert control.get("/events?since=0")["resets"] == 1


# --- other clusters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{"mode": "standalone"}, {"cold_start": True}, {"clock": "x60"}])
def test_of_every_kind(controlled: START, arguments: dict[str, Any]) -> None:
    control = controlled(**arguments)
    before = control.get("/workers")
    for number in range(1, 4):
        control("POST", "/reset")
        assert control.get("/info")["resets"] == number
        assert control.get("/workers") == before
    control.cluster.settle()
    assert ask(control.cluster, "/connectors") == 200


def test_https_and_the_front_door() -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with mockconnect.start(workers=2, tls_cert=CERTIFICATE, front_door="sticky") as cluster:
        for _ in range(3):
            for url in (*cluster.urls, cluster.url):
                with urllib.request.urlopen(f"{url}/connectors", context=trusting, timeout=30) as answer:
                    assert answer.status == 200
            cluster.reset()


async def test_on_the_loop_of_the_test() -> None:
    async with mockconnect.start_async(workers=1) as cluster:
        cluster.crash("connect-0")
        cluster.reset()
        assert cluster.worker("connect-0").rest.value == "serving"


def test_nothing_is_left_over(control: Any) -> None:
    for _ in range(5):
        ask(control.cluster, "/connectors")
        control("POST", "/reset")
    control("GET", "/health")
    assert len(control.cluster._hosted._left) <= 1
