"""The control API: what its routes do, and what they say of mistakes."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import mockconnect
from mockconnect import faults
from mockconnect.arguments.reading import read_options
from mockconnect.control.openapi import document
from mockconnect.control.problems import KINDS
from mockconnect.control.routes import ROUTES
from mockconnect.options import OptionsError
from mockconnect.scenario.actions import FAULT_VERBS

START = Callable[..., Any]
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def connect(control: Any, path: str, number: int = 0, method: str = "GET") -> int:
    """A client of the simulated cluster asks."""
    request = urllib.request.Request(control.cluster.urls[number] + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def paths(problem: Any) -> list[tuple[str, str]]:
    return [(one.get("path", ""), one["detail"]) for one in problem["errors"]]


# --- looking --------------------------------------------------------------------------------------------------------------


def test_health_and_info(control: Any) -> None:
    assert control.get("/health") == {"status": "ok"}
    info = control.get("/info")
    assert (info["seed"], info["workers"], info["leader"], info["generation"]) == (0, 3, "connect-0", 1)
    assert info["scenario"] is None
    assert info["clock"] == control.get("/clock")


def test_snapshot_is_the_cluster_s_own(control: Any) -> None:
    assert control.get("/snapshot") == json.loads(json.dumps(control.cluster.snapshot()))


def test_workers(control: Any) -> None:
    found = control.get("/workers")
    assert [one["name"] for one in found] == ["connect-0", "connect-1", "connect-2"]
    assert [one["url"] for one in found] == control.cluster.urls
    assert [one["leader"] for one in found] == [True, False, False]
    assert control.get("/workers/connect-1") == found[1]
    answer = control("GET", "/workers/conect-1")
    assert answer.status_code == 404
    assert answer.body["detail"] == "there is no worker 'conect-1'; did you mean 'connect-1'?"


def test_workers_come_and_go(control: Any) -> None:
    assert control("POST", "/faults", {"add_worker": {"name": "connect-9"}}).status_code == 201
    added = control.get("/workers")[-1]
    assert (added["name"], added["running"]) == ("connect-9", True)
    assert added["url"].endswith(added["worker_id"].rpartition(":")[2])
    control("POST", "/faults", {"remove_worker": {"worker": "connect-9", "graceful": False}})
    control("POST", "/clock/advance", {"by": "1s"})
    assert "connect-9" not in [one["name"] for one in control.get("/workers")]


def test_connectors(control: Any) -> None:
    (found,) = control.get("/connectors")
    assert control.get("/connectors/c") == found
    assert found["owner"] in found["running"]
    assert sorted(task for tasks in found["running"].values() for task in tasks) == ["c", "c-0", "c-1"]
    assert set(found["views"]) == {"connect-0", "connect-1", "connect-2"}
    view = found["views"]["connect-2"]
    assert (view["target"], view["tasks"], view["config"]["topics"]) == ("STARTED", 2, "t")
    assert view["status"]["connector"].startswith("RUNNING@")
    assert control("GET", "/connectors/d").status_code == 404


def test_looking_moves_nothing(control: Any) -> None:
    before = control.get("/info")
    for route in ROUTES:
        if route.method == "GET" and not route.params and "current" not in route.path:
            assert control("GET", route.path).status_code == 200
    assert control.get("/info") == before


# --- faults ---------------------------------------------------------------------------------------------------------------


def test_a_fault_and_its_end(control: Any) -> None:
    answer = control("POST", "/faults", {"freeze": {"worker": "leader", "for": "20s"}})
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/faults/freeze-1"
    fault = answer.body["fault"]
    assert (fault["workers"], fault["ends_at_ms"] - fault["since_ms"]) == (["connect-0"], 20_000)
    assert control.get("/faults")["active"] == [fault] == [control.get("/faults/freeze-1")]
    assert control.get("/workers/connect-0")["frozen"]
    assert control("DELETE", "/faults/freeze-1").body["healed"] == ["freeze-1"]
    assert control("DELETE", "/faults/freeze-1").body["healed"] == []
    assert control.get("/faults/freeze-1")["ended"] == "healed"
    assert control("DELETE", "/faults/freeze-2").status_code == 404
    assert not control.get("/workers/connect-0")["frozen"]


@pytest.mark.parametrize(
    "body", [{"crash": "connect-1"}, "crash: connect-1", {"crash": {"worker": "connect-1"}}]
)
def test_a_fault_is_said_as_in_scenario_files(control: Any, body: object) -> None:
    assert control("POST", "/faults", body).body["fault"]["text"] == "crash worker=connect-1"
    assert not control.get("/workers/connect-1")["running"]
    assert control("DELETE", "/faults").body["healed"] == ["crash-1"]


def test_a_verb_alone(control: Any) -> None:
    fault = control("POST", "/faults", '"rebalance"').body["fault"]
    assert (fault["id"], fault["ended"]) == ("rebalance-1", "done")


def test_a_fault_of_requests_counts_for_the_next_one(control: Any) -> None:
    control("POST", "/faults", "answer: {answer: 409.stale_config, times: 1}")
    assert [connect(control, "/connectors") for _ in range(2)] == [409, 200]
    assert control.get("/requests")["requests"][0]["fault"] == "answer-1"


def test_all_mistakes_at_once(control: Any) -> None:
    answer = control("POST", "/faults", "crsh: 1\nfreeze:\n  worker: connect-7\n  forr: 1s\n  for: 3y\n")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [one["line"] for one in answer.body["errors"]] == [1, 4, 5]
    assert [path for path, _ in paths(answer.body)] == ["crsh", "freeze.forr", "freeze.for"]
    assert paths(answer.body)[0][1] == "unknown; did you mean 'crash'?"
    assert control.get("/faults") == {"active": [], "ended": []}


@pytest.mark.parametrize(
    ("body", "status_code", "says"),
    [
        ("crash: connect-7", 422, "there is no worker 'connect-7'; there are connect-0"),
        ("crash", 422, "'crash' needs to know more: write 'crash: ...'"),
        ("rebalanc", 422, "did you mean 'rebalance'?"),
        ("{crash: leader, freeze: leader}", 422, "an action has one verb, and this one has 'crash' already"),
        ("mark: here", 422, "mark: unknown; "),
        ("heal: all", 422, "unknown; "),
        ("crash:", 422, "'crash' needs to know more: write 'crash: ...'"),
        ("", 400, "the file is empty"),
        ("[]", 422, "expected a fault: a mapping from one verb to its arguments"),
        ("answer: [ok, ok]", 422, "answer: expected one text, found a list"),
        ("a: {", 400, ""),
        ({"start": "one"}, 409, "is nobody"),
    ],
)
def test_what_is_no_fault(control: Any, body: object, status_code: int, says: str) -> None:
    answer = control("POST", "/faults", body)
    assert answer.status_code == answer.body["status"] == status_code
    assert says in answer.body["detail"]
    assert control.get("/faults")["active"] == []


def test_verbs_of_a_worker(control: Any) -> None:
    fault = control("POST", "/workers/leader/freeze", {"for": "5s"}).body["fault"]
    assert fault["text"] == "freeze worker=leader for_ms=5000"
    assert control("POST", "/workers/connect-0/thaw").status_code == 201
    assert control.get("/faults")["active"] == []
    assert control("POST", "/workers/connect-1/partition", {"b": "connect-2"}).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "status_code", "says"),
    [
        ("/workers/nobody/crash", None, 404, "there is no worker 'nobody'"),
        ("/workers/connect-1/crush", None, 404, "did you mean 'crash'?"),
        ("/workers/connect-1/crash", {"forr": "5s"}, 422, "crash.forr: unknown; did you mean 'for'?"),
        ("/workers/connect-1/crash", {"worker": "connect-2"}, 422, "worker: the path says it already"),
        ("/workers/connect-1/crash", [], 422, "expected a mapping"),
        ("/connectors/c/fail_tusk", None, 404, "did you mean 'fail_task'?"),
        ("/connectors/d/fail_task", {"task": 0}, 409, ""),
    ],
)
def test_what_cannot_be_done(control: Any, path: str, body: object, status_code: int, says: str) -> None:
    answer = control("POST", path, body)
    assert answer.status_code == status_code, answer
    assert says in answer.body["detail"]


def test_verbs_of_a_connector(control: Any) -> None:
    assert control("POST", "/connectors/c/fail_task", {"task": 1}).status_code == 201
    assert control("POST", "/clock/run_until", {}).body["reached"]
    status = control.get("/connectors/c")["views"]["connect-0"]["status"]
    assert [state.split("@")[0] for state in status["tasks"].values()] == ["RUNNING", "FAILED"]


# --- time -----------------------------------------------------------------------------------------------------------------


def test_only_the_clock_s_routes_move_paced_time(control: Any) -> None:
    start_ms = control.get("/clock")["now_ms"]
    control("POST", "/faults", "crash: connect-1")
    control("DELETE", "/faults")
    assert control.get("/clock")["now_ms"] == start_ms
    moved = control("POST", "/clock/advance", {"by": "5m"}).body
    assert (moved["from_ms"], moved["now_ms"], moved["reached"]) == (start_ms, start_ms + 300_000, True)
    assert (
        control("POST", "/clock/run_until", {"until": start_ms + 300_500}).body["now_ms"]
        == start_ms + 300_500
    )
    assert control("POST", "/clock/run_until", {"until": start_ms}).status_code == 409
    assert control("POST", "/clock/advance", {"by": "32d"}).status_code == 422


def test_moving_time_in_slices_gives_the_same_run(controlled: START) -> None:
    sliced = controlled(seed=3, config={"rest.advertised.port": "1"}, workers=1)
    sliced("POST", "/faults", "bounce: leader")
    sliced("POST", "/clock/advance", {"by": "10m"})
    with mockconnect.start(
        seed=3, config={"rest.advertised.port": "1"}, workers=1, connectors=_connectors(sliced)
    ) as at_once:
        at_once.inject(faults.Bounce("leader"))
        at_once.advance("10m")
        assert [str(row) for row in at_once.trace()] == [str(row) for row in sliced.cluster.trace()]


def _connectors(control: Any) -> list[dict[str, Any]]:
    config = control.get("/connectors/c")["views"]["connect-0"]["config"]
    return [{"name": "c", "config": {name: value for name, value in config.items() if name != "name"}}]


@pytest.mark.parametrize("until", ["x", -1, [1], None])
def test_what_is_no_instant(control: Any, until: object) -> None:
    answer = control("POST", "/clock/run_until", {"until": until})
    assert (answer.status_code, paths(answer.body)[0][0]) == (422, "until")


def test_settling(control: Any) -> None:
    control("POST", "/workers/connect-2/crash")
    moved = control("POST", "/clock/run_until", {"until": "settled", "max": "1s"}).body
    assert moved["now_ms"] - moved["from_ms"] <= 1_000
    assert control("POST", "/clock/run_until", {}).body["reached"]


def test_rates(control: Any, controlled: START) -> None:
    assert control("PUT", "/clock", {"rate": 2}).status_code == 409
    assert control("PUT", "/clock", {"per_request": "1s"}).body["per_request_ms"] == 1_000
    real = controlled(clock="x60")
    assert real.get("/clock")["rate"] == 60
    assert real("PUT", "/clock", {"rate": "0.5"}).body["rate"] == 0.5
    assert real("PUT", "/clock", {"per_request": "1s"}).status_code == 409
    for rate in (0, 1e308, "1e999", 1_000_001):
        assert real("PUT", "/clock", {"rate": rate}).status_code == 422
    for span in ("9" * 400 + "s", "9" * 5_000):
        assert real("POST", "/clock/advance", {"by": span}).status_code == 422


# --- requests and events --------------------------------------------------------------------------------------------------


def test_the_journal(control: Any) -> None:
    for path, number in (("/connectors", 0), ("/connectors/c/status", 1), ("/connectors/x", 2)):
        connect(control, path, number)
    connect(control, "/connectors/c/pause", method="PUT")
    found = control.get("/requests")
    assert [one["operation"] for one in found["requests"]] == [
        "list_connectors",
        "connector_status",
        "connector_info",
        "pause_connector",
    ]
    assert found["next"] == 4

    def numbers(query: str) -> list[int]:
        return [one["number"] for one in control.get(f"/requests?{query}")["requests"]]

    assert numbers("operation=connector_*") == [2, 3]
    assert numbers("operation=any_write") == [4]
    assert numbers("connector=c") == [2, 4]
    assert numbers("worker=connect-2") == [3]
    assert numbers("status=4xx") == numbers("status=404") == [3]
    assert numbers("status=none") == numbers("status=open") == []
    assert numbers("since=1&limit=2") == [2, 3]
    assert numbers("limit=1") == [4]
    assert control.get("/requests?since=1&limit=2")["next"] == 3
    assert control("DELETE", "/requests").body == {"cleared": 4}
    assert control.get("/requests") == {"requests": [], "next": 4}


def test_what_clients_send_need_not_be_text(control: Any) -> None:
    with socket.create_connection(("127.0.0.1", int(control.cluster.url.rpartition(":")[2]))) as client:
        client.sendall(b"GET /connectors/\xff HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 400"
    (found,) = control.get("/requests?status=400")["requests"]
    assert found["target"].startswith("/connectors/")


def test_every_verb_refuses_nonsense_by_a_problem(control: Any) -> None:
    for verb in FAULT_VERBS:
        for given in (
            "",
            "x",
            "{}",
            "[]",
            "5",
            "{worker: leader, connector: c, task: x, for: 1s}",
            "{owner_of: c/0}",
        ):
            answer = control("POST", "/faults", f"{verb}: {given}")
            assert answer.status_code in (201, 409, 422), (verb, given, answer)
        control("DELETE", "/faults")


def test_mistakes_in_a_query(control: Any) -> None:
    answer = control("GET", "/requests?limt=3&status=99&since=-1")
    assert answer.status_code == 422
    assert sorted(path for path, _ in paths(answer.body)) == ["limt", "since", "status"]
    assert control("GET", "/requests?operation=a&operation=b").status_code == 422
    assert control("GET", "/workers?limit=1").status_code == 422


def test_events(control: Any) -> None:
    found = control.get("/events?since=0&limit=2")
    assert [one["number"] for one in found["events"]] == [1, 2]
    assert found["next"] == 2
    event = control("POST", "/faults", "crash: connect-1").body["event"]
    newest = control.get("/events?limit=1")["events"][0]
    assert newest["number"] == event == control.get("/events?since=0&limit=1000")["next"]
    assert control.get(f"/events?since={event}") == {"events": [], "next": event, "resets": 0}


def test_events_as_they_come(control: Any) -> None:
    request = urllib.request.Request(f"{control.url}/events?since=0", headers={"Accept": "text/event-stream"})
    with LOCAL.open(request, timeout=300) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        first = _next(answer)
        assert (first["id"], first["data"]["number"]) == (1, 1)
        event = control("POST", "/faults", "crash: connect-1").body["event"]
        while (one := _next(answer))["id"] < event:
            pass
        assert one["data"]["worker"] == "connect-1" or one["data"]["what"] == "fault"
    resumed = urllib.request.Request(
        f"{control.url}/events?follow=true", headers={"Last-Event-ID": str(event - 1)}
    )
    with LOCAL.open(resumed, timeout=300) as answer:
        assert _next(answer)["id"] == event


def test_the_end_of_the_cluster_ends_the_events(controlled: START) -> None:
    control = controlled()
    with LOCAL.open(f"{control.url}/events?follow=true", timeout=300) as answer:
        assert answer.readline() == b": mockconnect\n"
        control.cluster.close()
        assert answer.read().strip() == b""


def _next(answer: Any) -> dict[str, Any]:
    """The next event."""
    found: dict[str, Any] = {}
    while True:
        line = answer.readline().decode().strip()
        name, _, value = line.partition(": ")
        if name in ("id", "data"):
            found[name] = json.loads(value)
        if not line and found:
            return found


# --- scenarios ------------------------------------------------------------------------------------------------------------

DOCUMENT = """
apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: mine}
params:
  who: {default: connect-0}
timeline:
  - {name: gone, at: 1s, do: {crash: "${who}"}, for: 5s}
expect:
  always: [at_most_one_leader]
"""


def test_a_shipped_scenario(control: Any) -> None:
    names = [one["name"] for one in control.get("/scenarios")]
    assert "rolling-upgrade" in names
    assert control("GET", "/scenarios/current").status_code == 404
    answer = control("POST", "/scenarios", {"name": "rolling-upgrade"})
    assert (answer.status_code, answer.body["phase"], answer.body["clock_ms"]) == (201, "timeline", 0)
    control("POST", "/clock/advance", {"by": "15m"})
    assert control.get("/scenarios/current")["phase"] == "over"
    report = control.get("/scenarios/current/report")
    assert report["complete"]
    assert control.get("/scenarios/current/report?format=text").startswith("rolling-upgrade: ")
    assert report["expectations"] == json.loads(control.cluster.report().json())["expectations"]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_scenario_that_is_sent(control: Any, as_text: bool) -> None:
    document: object = DOCUMENT
    if not as_text:
        document = {
            "apiVersion": "mockconnect/v1",
            "kind": "Scenario",
            "metadata": {"name": "mine"},
            "params": {"who": {"default": "connect-0"}},
            "timeline": [{"name": "gone", "at": "1s", "do": {"crash": "${who}"}, "for": "5s"}],
        }
    answer = control("POST", "/scenarios", {"document": document, "params": {"who": "connect-2"}})
    assert (answer.body["name"], answer.body["params"]) == ("mine", {"who": "connect-2"})
    control("POST", "/clock/advance", {"by": "2s"})
    assert not control.get("/workers/connect-2")["running"]
    report = control("POST", "/scenarios/current/stop").body
    assert (report["held"], report["rules"][0]["fired_at_ms"]) == (True, [1_000])
    assert control.get("/faults")["active"] == []
    assert control.get("/scenarios/current")["phase"] == "over"


def test_mistakes_in_a_scenario(control: Any) -> None:
    answer = control(
        "POST", "/scenarios", {"document": DOCUMENT.replace("crash", "crsh").replace("1s", "1y")}
    )
    assert answer.status_code == 422
    assert len(answer.body["errors"]) == 2
    assert {one["line"] for one in answer.body["errors"]} == {8}
    assert control("GET", "/scenarios/current").status_code == 404


@pytest.mark.parametrize(
    ("body", "status_code", "says"),
    [
        ({"name": "rolling-upgrad"}, 404, "did you mean 'rolling-upgrade'?"),
        ({"name": "/etc/passwd"}, 404, "there is no scenario '/etc/passwd'"),
        ({}, 422, "expected either 'name' or 'document'"),
        ({"name": "chaos", "params": {"nothing": "1"}}, 422, "nothing"),
        ({"document": "include: [/etc/hosts]"}, 422, "include"),
        ({"document": "a: ["}, 400, ""),
        ({"document": {}}, 422, "apiVersion: missing"),
    ],
)
def test_what_is_no_scenario(control: Any, body: object, status_code: int, says: str) -> None:
    answer = control("POST", "/scenarios", body)
    assert answer.status_code == status_code, answer
    assert says in answer.body["detail"]


@pytest.mark.parametrize("entry", ["{path}", "{path}#connect-0", " {path} ", "${{where}}", "{other}"])
def test_a_scenario_that_is_sent_reads_no_files(control: Any, tmp_path: Path, entry: str) -> None:
    """Neither are they read, nor is it told whether they are there."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("top: secret\n")
    entry = entry.format(path=secret, other=tmp_path / "nothing.json")
    document = {
        "apiVersion": "mockconnect/v1",
        "kind": "Scenario",
        "metadata": {"name": "x"},
        "params": {"where": {"default": str(secret)}},
        "cluster": {"plugin_sets": {"own": ["FileStreamSource"], "theirs": ["own", entry]}},
    }
    answer = control("POST", "/scenarios", {"document": document})
    assert answer.status_code == 422
    assert paths(answer.body) == [
        ("cluster.plugin_sets.theirs[1]", "a scenario that is sent names no files; write the plugin itself")
    ]
    assert control("GET", "/scenarios/current").status_code == 404


# --- paths, schemas, OpenAPI ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status_code", "says"),
    [
        ("GET", "/", 404, "there is no /"),
        ("GET", "/fault", 404, "did you mean /faults?"),
        ("PUT", "/faults", 405, "it knows GET, HEAD, POST, DELETE, OPTIONS"),
        ("GET", "/clock/advance", 405, "it knows POST, OPTIONS"),
        ("GET", "/schemas/scenarios", 404, "did you mean 'scenario'?"),
    ],
)
def test_what_there_is_not(control: Any, method: str, path: str, status_code: int, says: str) -> None:
    answer = control(method, path)
    assert answer.status_code == status_code
    assert says in answer.body["detail"]
    assert ("Allow" in answer.headers) == (status_code == 405)


def test_bodies_are_bounded_and_texts(control: Any) -> None:
    assert control("POST", "/faults", "x" * (1024 * 1024 + 1)).status_code == 413
    request = urllib.request.Request(f"{control.url}/faults", b"\xff")
    with pytest.raises(urllib.error.HTTPError) as error:
        LOCAL.open(request, timeout=300)
    with error.value:
        assert error.value.code == 400


def test_schemas(control: Any) -> None:
    assert control.get("/schemas") == ["cluster", "scenario"]
    assert all("$defs" in control.get(f"/schemas/{name}") for name in ("cluster", "scenario"))


def test_the_openapi_document_has_every_route(control: Any) -> None:
    found = control.get("/openapi.json")
    assert found == json.loads(json.dumps(document(found["info"]["version"])))
    told = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES}
    ids = [one["operationId"] for methods in found["paths"].values() for one in methods.values()]
    assert len(set(ids)) == len(ids)


def test_the_openapi_document_refers_to_what_it_has() -> None:
    found = document("1")
    known = set(found["components"]["schemas"])
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found)))
    assert referred <= known
    assert "#/$defs" not in json.dumps(found)


def test_the_openapi_document_says_what_bodies_are() -> None:
    """Every route with a body has one in the document; a fault is one verb, a scenario is named or sent."""
    paths = document("1")["paths"]
    for route in ROUTES:
        operation = paths[route.path][route.method.lower()]
        assert ("requestBody" in operation) == (route.body is not None)
        named = {one["name"] for one in operation["parameters"]}
        assert named == {*route.params, *route.query.__struct_encode_fields__}
        assert {"401", "403", "422", str(route.status_code)} <= set(operation["responses"])
    fault = paths["/faults"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (fault["minProperties"], fault["maxProperties"]) == (1, 1)
    verbs = document("1")["components"]["schemas"]["OneVerb"]["properties"]
    assert set(verbs) == set(FAULT_VERBS)


def test_every_answer_is_of_its_type(control: Any) -> None:
    control("POST", "/faults", "crash: connect-1")
    connect(control, "/connectors")
    for route in ROUTES:
        if route.method == "GET" and not route.params and "current" not in route.path:
            answer = control("GET", route.path, Accept="application/json").body
            again = msgspec.json.encode(msgspec.convert(answer, route.answer))
            assert json.loads(again) == answer, route.path


def test_what_routes_answer_is_what_they_say(control: Any) -> None:
    """Every field of an answer is one of its type."""
    schemas = document("1")["components"]["schemas"]
    for path, name in (
        ("/info", "InfoView"),
        ("/clock", "ClockView"),
        ("/faults", "Faults"),
        ("/health", "Health"),
    ):
        assert set(control.get(path)) == set(schemas[name]["properties"])
    problem = control("GET", "/nothing").body
    assert set(problem) <= set(schemas["ProblemDetails"]["properties"])
    assert problem["status"] == KINDS["not-found"][0]


# --- who may ask ----------------------------------------------------------------------------------------------------------


def test_a_token(controlled: START) -> None:
    control = controlled(control_token="secret")
    assert control("GET", "/health").status_code == 401
    assert "WWW-Authenticate" in control("GET", "/health").headers
    assert control("GET", "/health", Authorization="Bearer secre").status_code == 401
    assert control("GET", "/health", Authorization="Basic secret").status_code == 401
    assert control("GET", "/health", Authorization="Bearer secret").status_code == 200
    assert control("GET", "/health", Authorization="bearer secret", Host="connect").status_code == 200


def test_pages_of_other_sites_are_refused(control: Any) -> None:
    assert control("POST", "/faults", "rebalance", Origin="http://example.org").status_code == 403
    assert control("GET", "/health", Host="example.org:8099").status_code == 403
    assert control("GET", "/health", Host="localhost:8099").status_code == 200
    assert control("GET", "/health", Origin=control.url).status_code == 200
    assert control.get("/faults")["ended"] == []


def test_beyond_loopback_only_with_a_token() -> None:
    with pytest.raises(OptionsError, match="control_token: missing"):
        read_options({"control_port": 0, "control_host": "0.0.0.0"})
    assert (
        read_options({"control_port": 0, "control_host": "0.0.0.0", "control_token": "t"}).control is not None
    )


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"control_port": "x"}, "control_port"),
        ({"control_port": 8084, "port": 8083}, "control_port"),
        ({"control_port": 9000, "front_door_port": 9000}, "control_port"),
        ({"control_token": "t"}, "control_token"),
        ({"control_mirror": False}, "control_mirror"),
        ({"control_port": 0, "control_token": "a b"}, "control_token"),
        ({"control_port": 0, "control_mirror": "x"}, "control_mirror"),
    ],
)
def test_mistakes_in_options(arguments: dict[str, object], where: str) -> None:
    with pytest.raises(OptionsError) as error:
        read_options(arguments)
    assert [problem.where for problem in error.value.problems] == [where]


def test_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OptionsError, match="control_port: cannot listen on port"):
            mockconnect.start(control_port=other.getsockname()[1])


# --- on workers' ports ----------------------------------------------------------------------------------------------------


def test_the_mirror(control: Any) -> None:
    before = control.get("/info")
    for number in range(3):
        assert connect(control, "/__mockconnect/health", number) == 200
    assert connect(control, "/__mockconnect/faults/x", 0, "DELETE") == 404
    control("POST", "/workers/connect-1/freeze")
    assert connect(control, "/__mockconnect/health", 1) == 200
    control("DELETE", "/faults")
    after = control.get("/info")
    assert after["requests"] == before["requests"] == 0
    assert after["clock"]["now_ms"] == before["clock"]["now_ms"]
    with LOCAL.open(
        f"{control.cluster.urls[1]}/__mockconnect/events?since=0&follow=true", timeout=300
    ) as answer:
        assert _next(answer)["id"] == 1


@pytest.mark.parametrize("arguments", [{"control_mirror": False}, {"host": "0.0.0.0"}])
def test_no_mirror(controlled: START, arguments: dict[str, Any]) -> None:
    control = controlled(**arguments)
    assert connect(control, "/__mockconnect/health") == 404
    assert control.get("/requests")["requests"][0]["target"] == "/__mockconnect/health"


def test_a_mirror_for_others_wants_the_token(controlled: START) -> None:
    control = controlled(host="0.0.0.0", control_token="t")
    assert connect(control, "/__mockconnect/health") == 401


def test_without_a_control_api() -> None:
    with mockconnect.start(workers=1) as cluster:
        assert cluster.control_url is None


def test_standalone(controlled: START) -> None:
    control = controlled(mode="standalone")
    assert [one["leader"] for one in control.get("/workers")] == [False]
    assert control("POST", "/faults", "rebalance").status_code == 409
    assert control.get("/connectors/c")["running"] != {}
