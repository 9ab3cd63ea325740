"""The harness itself, without Java: scripts parse, placeholders go where they should, the wire keeps every byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .compare import Verdict, compare, endpoint_of
from .normalise import Normaliser, Observation
from .player import Row
from .recording import RECORDINGS, read_recording, write_recording
from .script import CORPUS, Exchange, load_corpus, load_steps
from .timelines import load_timelines
from .wire import Answer, Request, WireError, exchange

CORPUS_NAMES = sorted(path.stem for path in CORPUS.glob("*.yaml"))
RECORDED = sorted(RECORDINGS.glob("*/*.jsonl"))


def row(body: str = "{}", status: int = 200, target: str = "/connectors/a%2Fb?x=y") -> Row:
    observation = Observation(status, "OK", (("Server", "x"), ("Content-Length", "2")), body)
    return Row(0, "1", Request("GET", target), observation)


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A server for one connection that answers with exactly these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_every_script_and_timeline_parses() -> None:
    assert sorted(script.name for script in load_corpus()) == CORPUS_NAMES
    assert all(timeline.events for timeline in load_timelines())


def test_the_corpus_is_large() -> None:
    exchanges = [step for script in load_corpus() for step in script.steps if isinstance(step, Exchange)]
    assert len(exchanges) > 800


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recordings_hold_no_documentation_and_no_address(path: Path) -> None:
    rows = read_recording(path)
    assert rows
    for one in rows:
        body = one.answer.body if one.answer else ""
        assert '"documentation":"' not in body.replace('"documentation":""', "")
        assert "127.0.0.1:" not in body


def test_targets_go_out_as_written() -> None:
    sent = Request("GET", "/a/../%ZZ?b c", (("X-A", "1"),), b"{}").encode("host:1")
    assert sent == b"GET /a/../%ZZ?b c HTTP/1.1\r\nHost: host:1\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}"


def test_a_chunked_body_is_joined() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
    with answering(raw) as port:
        answer = exchange("127.0.0.1", port, Request("GET", "/"))
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"abcde")


def test_a_connection_that_ends_early_is_no_answer() -> None:
    with answering(b"") as port, pytest.raises(WireError):
        exchange("127.0.0.1", port, Request("GET", "/"))


def test_what_differs_between_runs_becomes_a_placeholder() -> None:
    body = (
        '{"worker_id":"127.0.0.1:99","kafka_cluster_id":"abc","documentation":"It \\"says\\".","last_modified":5,'
        '"trace":"x.Y: boom\\n\\tat a.B(C.java:1)\\n\\tat d.E(F.java:2)\\nCaused by: z\\n\\t... 3 more\\n"}'
    )
    answer = Answer(
        200, "OK", (("Content-Length", "7"), ("Date", "Sun, 22 Nov 2026 08:01:01 GMT")), body.encode(), 1
    )
    seen = Normaliser({"127.0.0.1:99": "1"}).observation(answer)
    assert seen.body == (
        '{"worker_id":"{worker:1}","kafka_cluster_id":"{cluster}","documentation":"","last_modified":1700000000000,'
        '"trace":"x.Y: boom\\n\\t{frames}\\nCaused by: z\\n\\t{frames}\\n"}'
    )
    assert seen.headers == (("Content-Length", "{length}"), ("Date", "{date}"))


def test_each_multiplies_a_step() -> None:
    steps = load_steps(
        [{"each": ["a", "b"], "send": "GET /connectors/@"}, {"settle": "a PAUSED 2 PAUSED"}], "here"
    )
    assert [step.target for step in steps if isinstance(step, Exchange)] == ["/connectors/a", "/connectors/b"]


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (row(), Verdict.SAME),
        (row('{"b":1,"a":2}'), Verdict.BODY),
        (row(status=404), Verdict.STATUS),
        (Row(0, "1", Request("GET", "/"), None, "refused"), Verdict.NO_ANSWER),
    ],
)
def test_verdicts(other: Row, verdict: Verdict) -> None:
    assert next(compare("s", [row()], [other])).verdict == verdict


def test_key_order_is_a_verdict_of_its_own() -> None:
    assert next(compare("s", [row('{"a":1,"b":2}')], [row('{"b":2,"a":1}')])).verdict == Verdict.ORDER


def test_endpoints_are_told_by_method_and_path() -> None:
    assert endpoint_of(row()) == "GET /connectors/{c}"
    assert endpoint_of(row(target="/connectors//x")) == "(other paths)"


def test_recordings_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "x" / "y.jsonl"
    rows = [row("\u2028 \u0085"), Row(1, "2", Request("PUT", "/", (), b"\xff"), None, "refused", ("tasks",))]
    write_recording(path, rows)
    assert read_recording(path) == rows
