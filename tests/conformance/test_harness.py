"""The harness itself, without Java: scripts parse, placeholders go where they should, the wire keeps every byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest

from mockconnect.rest.ports import reserve

from .compare import Verdict, compare, endpoint_of
from .normalise import Normaliser, Observation
from .oracle.releases import NEWEST
from .player import LENIENT_PATIENCE_S, Player, PlayError, Row
from .recording import RECORDINGS, Recording, read_recording, write_recording
from .replaying import known_differences, written_steps
from .script import CORPUS, ClusterWish, Exchange, Script, load_corpus, load_script, load_steps
from .timelines import load_timelines
from .wire import Answer, Request, WireError, exchange

CORPUS_NAMES = sorted(path.stem for path in CORPUS.glob("*.yaml"))
RECORDED = sorted(RECORDINGS.glob("*/*.jsonl.gz"))


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


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name[:-9]}")
def test_recordings_hold_no_documentation_and_no_address(path: Path) -> None:
    rows = read_recording(path).rows
    assert rows
    for one in rows:
        body = one.answer.body if one.answer else ""
        assert '"documentation":"' not in body.replace('"documentation":""', "")
        assert "127.0.0.1:" not in body


@cache
def exchanges_of(script: str) -> Mapping[int, Exchange]:
    steps = load_script(CORPUS / f"{script}.yaml").steps
    return {number: step for number, step in enumerate(steps) if isinstance(step, Exchange)}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name[:-9]}")
def test_recordings_are_of_the_scripts_as_they_stand(path: Path) -> None:
    recording, exchanges = read_recording(path), exchanges_of(path.name.removesuffix(".jsonl.gz"))
    rows = {row.step: row for row in recording.rows}
    assert set(exchanges) - set(recording.in_vain) <= set(rows) <= set(exchanges)
    for number, one in rows.items():
        step = exchanges[number]
        asked = step.method, step.target, step.worker, step.headers, step.loose
        if "{{" not in str(asked):
            sent = one.request.method, one.request.target, one.worker, one.request.headers, one.loose
            assert sent == asked, f"step {number}: record it again"
            assert step.body is None or b"{{" in step.body or step.body == one.request.body


def test_no_wait_is_in_vain_on_the_newest_version() -> None:
    newest = [path for path in RECORDED if path.parent.name == NEWEST]
    assert len(newest) == len(CORPUS_NAMES)
    assert not any(read_recording(path).in_vain for path in newest)


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
    headers = (("Transfer-Encoding", "chunked"), ("Date", "Sun, 22 Nov 2026 08:01:01 GMT"))
    answer = Answer(200, "OK", headers, body.encode(), 1)
    seen = Normaliser({"127.0.0.1:99": "1"}).observation(Request("GET", "/"), answer)
    assert seen.body == (
        '{"worker_id":"{worker:1}","kafka_cluster_id":"{cluster}","documentation":"","last_modified":1700000000000,'
        '"trace":"x.Y: boom\\n\\t{frames}\\nCaused by: z\\n\\t{frames}\\n"}'
    )
    assert seen.headers == (("Date", "{date}"), ("Content-Length", str(len(seen.body))))


@pytest.mark.parametrize(
    ("method", "target", "body", "said", "kept"),
    [
        ("GET", "/x", '{"commit":"abc"}', 16, "21"),  # {commit} is longer
        ("GET", "/x", "{}", 2, "2"),
        ("GET", "/x", "{}", 3, "3"),  # wrong: that shall be seen
        ("HEAD", "/x", "", 16, "16"),
        ("HEAD", "/connector-plugins/FileStreamSource/config", "", 16, "{length}"),
        ("HEAD", "/connector-plugins/FileStreamSource/config", "", 0, "{length}"),  # more than one buffer
    ],
)
def test_a_length_is_that_of_the_body_with_placeholders(
    method: str, target: str, body: str, said: int, kept: str
) -> None:
    answer = Answer(200, "OK", (("content-length", str(said)),), body.encode(), 1)
    seen = Normaliser({}).observation(Request(method, target), answer)
    assert dict(seen.headers).popitem()[1] == kept


def test_an_interim_answer_is_kept() -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nA: b\r\n\r\n"
    with answering(raw) as port:
        answer = exchange("127.0.0.1", port, Request("GET", "/"))
    assert (answer.interim, answer.status, answer.headers) == (("100 Continue",), 204, (("A", "b"),))


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
    path, again = tmp_path / "x" / "y.jsonl.gz", tmp_path / "again.jsonl.gz"
    rows = [row("\u2028 \u0085"), Row(1, "2", Request("PUT", "/", (), b"\xff"), None, "refused", ("tasks",))]
    for each in (path, again):
        write_recording(each, rows, {7: "never"})
    assert read_recording(path) == Recording(rows, {7: "never"})
    assert path.read_bytes() == again.read_bytes()


def test_steps_are_written_as_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    assert written_steps([9, 3, 4, 5, 7]) == "3-5, 7, 9"
    path.write_text('"9.9.9":\n  why:\n    names: 3-5, 7\n    paths: 1\n')
    assert known_differences("9.9.9", path) == {
        "names": dict.fromkeys((3, 4, 5, 7), "why"),
        "paths": {1: "why"},
    }
    assert known_differences("9.9.8", path) == {}


class Unchanging:
    """A worker on which nothing ever happens."""

    def __init__(self, port: int):
        self.port, self.passed_s = port, 0.0

    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", self.port)]

    def live(self) -> list[int]:
        return [1]

    def act(self, verb: str, worker: int) -> None:
        raise AssertionError(verb)

    def pass_time(self, seconds: float) -> None:
        self.passed_s += seconds

    def before(self, request: Request) -> None:
        pass


def test_a_wait_that_never_ends_fails_or_is_given_up() -> None:
    wait = Script("s", ClusterWish(), False, "0.10", load_steps([{"settle": "c STOPPED 0"}], "here"))
    with closing(reserve()) as refusing:
        target = Unchanging(refusing.port)
        with pytest.raises(PlayError):
            list(Player(target).play(wait))
        steps = load_steps([{"send": "GET /{{nothing}}"}, {"quiet": 1}], "here")
        lenient = Player(target, lenient=True)
        assert not list(lenient.play(Script("s", ClusterWish(), False, "0.10", steps)))
        assert lenient.in_vain == {0: "nothing was saved as 'nothing'"}
        again = Player(target, in_vain={0: "never"})
        assert not list(again.play(wait))
    assert target.passed_s == 1 + LENIENT_PATIENCE_S
