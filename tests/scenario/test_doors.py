"""One scenario behind all doors: alone, as fixture, served, with a command; and what the commands say."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

import mockconnect
from mockconnect.cli.main import main
from mockconnect.files.problems import FileError
from mockconnect.hosting import RunningCluster
from mockconnect.scenario.report import Report
from mockconnect.scenario.schema import scenario_schema
from tests.scenario.golden import golden_file, played
from tests.scenario.test_loading import SEVEN

SCENARIO = "leader-crash"
CLIENT = Path(__file__).parent / "polling_client.py"


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mockconnect.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **environment},
        check=False,
    )


@dataclass(frozen=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


def said(*arguments: str) -> Said:
    """The same in this process, which is faster."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main.main(list(arguments), prog_name="mockconnect")
    return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def story(report: Report) -> list[tuple[int, str, str, str]]:
    return [(row.at_ms - report.started_at_ms, row.worker, row.what, row.detail) for row in report.rows]


def to_the_end(rows: list[tuple[int, str, str, str]]) -> list[tuple[int, str, str, str]]:
    """Up to the end of the scenario: a clock that goes on by itself goes on after it."""
    return rows[: 1 + next(number for number, row in enumerate(rows) if row[2] == "over")]


# --- the same run everywhere ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["paced", "manual"])
def test_a_fixture_plays_the_same_run(clock: str) -> None:
    with mockconnect.start(scenario=SCENARIO, clock=clock) as cluster:
        report = cluster.play_out()
        assert cluster.scenario_over
    alone = played(SCENARIO)
    assert report.trace_hash == alone.trace_hash
    assert story(report) == story(alone)
    report.check()


def test_a_real_clock_plays_the_same_events_in_the_same_order() -> None:
    over = threading.Event()
    with mockconnect.start(scenario=SCENARIO, clock="x60") as cluster:
        player = cluster._hosted.player
        assert player is not None
        player.on_over.append(over.set)
        assert cluster.scenario_over or over.wait(timeout=600)
        report = cluster.report()
    assert to_the_end(story(report)) == story(played(SCENARIO))
    assert report.held


@pytest.mark.mockconnect(scenario="rolling-upgrade")
def test_behind_every_door_it_is_the_same_run(connect_cluster: RunningCluster, tmp_path: Path) -> None:
    """The golden hash is that of every Python that runs this; each process has another order of hashes."""
    golden = (
        golden_file("rolling-upgrade").read_text(encoding="utf-8").splitlines()[-1].removeprefix("trace ")
    )
    paced = connect_cluster.play_out()
    with mockconnect.start(scenario="rolling-upgrade", clock="manual") as cluster:
        cluster.advance("1m")
        manual = cluster.play_out()
    alone = command(
        "run", "rolling-upgrade", "--json", f"--timeline={tmp_path}/run.jsonl", PYTHONHASHSEED="1"
    )
    assert [paced.trace_hash, manual.trace_hash, json.loads(alone.stdout)["trace_hash"]] == [golden] * 3
    with serving(
        "--scenario=rolling-upgrade", "--clock=x60", f"--ready-file={tmp_path}/ready",
        f"--timeline={tmp_path}/serve.jsonl", PYTHONHASHSEED="2",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        url = json.loads((tmp_path / "ready").read_text())["control"]
        while phase_of(url) != "over":
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
    assert (
        rows_of(tmp_path / "run.jsonl")
        == to_the_end(rows_of(tmp_path / "serve.jsonl"))
        == story(paced)
        == story(manual)
    )


def phase_of(control_url: str) -> str:
    with urllib.request.urlopen(f"{control_url}/scenarios/current", timeout=300) as answer:
        return str(json.load(answer)["phase"])


def rows_of(file: Path) -> list[tuple[int, str, str, str]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        (row["at_ms"], row["worker"], row["what"], row["detail"]) for row in rows if row["kind"] != "report"
    ]


def test_what_is_printed_is_a_function_of_scenario_and_seed() -> None:
    runs = {command("run", SCENARIO, "--seed", "7", PYTHONHASHSEED=seed).stdout for seed in ("0", "4711")}
    assert len(runs) == 1
    assert "leader-crash held" in runs.pop()


@pytest.mark.mockconnect(scenario="task-failed")
def test_the_marker_names_a_scenario(connect_cluster: RunningCluster) -> None:
    connect_cluster.advance("10s")
    assert connect_cluster.report().rules[0].fired_at_ms == (5_000,)
    connect_cluster.play_out().check()


def test_scenarios_follow_each_other_on_a_running_cluster() -> None:
    with mockconnect.start(workers=3) as cluster:
        cluster.play("chaos", {})
        cluster.advance("40s")
        first = cluster.stop_scenario()
        assert first.scenario == "chaos"
        assert cluster.faults == []
        assert cluster.scenario_over
        cluster.settle()
        cluster.play("rolling-restart")
        second = cluster.play_out()
    assert second.scenario == "rolling-restart"
    assert [verdict.held for verdict in second.verdicts if verdict.kind == "finally"] == [True]
    assert first.total_ms == 40_000


def test_arguments_win_over_the_scenario() -> None:
    with mockconnect.start(scenario="rolling-upgrade", params={"down_for": "1s"}, seed=3) as cluster:
        assert cluster.seed == 3
        assert cluster.report().params == {"down_for": "1s"}
        assert [worker.id for worker in cluster.workers] == [
            "connect-0:8083",
            "connect-1:8083",
            "connect-2:8083",
        ]


def test_there_is_no_scenario_of_that_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'leader-crash'"):
        mockconnect.start(scenario="leader-crsh")
    with mockconnect.start(workers=1) as cluster, pytest.raises(ValueError, match="no scenario"):
        cluster.play_out()


def test_what_is_wrong_with_its_cluster_is_told_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: wrong}\n"
        "settings:\n  timing: {session: 3s}\ncluster:\n  workers:\n    - name: a\n      kafka_version: banana\n"
    )
    with pytest.raises(FileError) as raised:
        mockconnect.start(scenario=file)
    told = [str(problem).removeprefix(str(file)) for problem in raised.value.problems]
    assert told[0].startswith(":5: settings.timing.session: unknown")
    assert told[1].startswith(":9: cluster.workers[0].kafka_version")


# --- with a command -----------------------------------------------------------------------------------------------------


def test_a_naive_client_fails_and_a_robust_one_passes() -> None:
    naive = command("run", "rolling-upgrade", "--clock", "paced", "--", sys.executable, str(CLIENT), "naive")
    assert naive.returncode == 1, naive.stdout + naive.stderr
    assert "FAILED      client      {max_rate" in naive.stdout
    robust = command("run", "rolling-upgrade", "--", sys.executable, str(CLIENT), "robust")
    assert robust.returncode == 0, robust.stdout + robust.stderr
    assert "held        client      {retries_with_backoff" in robust.stdout


DAMAGE = """apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: damage}
cluster: {workers: 2, connectors: [{name: o, class: FileStreamSink, tasks: 1, config: {topics: t, file: /tmp/f}}]}
timeline:
  - do: {answer: {answer: 409.stale_config, operation: connector_status, nth: 1}}
  - do: {truncate: {operation: connector_status, nth: 2}}
  - do: {malformed: {operation: connector_status, nth: 3}}
expect:
  requests:
    - {by: client, answer: 409.stale_config, count: 1}
    - {by: client, answer: 200, count: 3}
"""
FOUR_READS = """
import http.client, os
for _ in range(4):
    connection = http.client.HTTPConnection(os.environ["CONNECT_URL"].removeprefix("http://"))
    connection.request("GET", "/connectors/o/status")
    try:
        connection.getresponse().read()
    except http.client.IncompleteRead:
        pass
"""


def test_the_first_request_of_a_command_meets_what_happens_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "damage.yaml"
    path.write_text(DAMAGE, encoding="utf-8")
    done = command("run", str(path), "--", sys.executable, "-c", FOUR_READS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


ONE_READ = """
import os, urllib.request
urllib.request.urlopen(os.environ["CONNECT_URL"] + "/connectors").read()
raise SystemExit(7 if os.environ["NO_PROXY"] == "elsewhere.example,127.0.0.1" else 1)
"""


def test_a_command_asks_the_cluster_and_no_proxy() -> None:
    behind_one = {"http_proxy": "http://127.0.0.1:9", "NO_PROXY": "elsewhere.example"}
    asks = (sys.executable, "-c", ONE_READ)
    ended = command("run", "task-failed", "--clock", "paced", "--", *asks, **behind_one)
    assert "it ended with 7" in ended.stdout, ended.stderr


def test_a_command_that_fails_fails_the_run() -> None:
    ended = command(
        "run", "task-failed", "--clock", "paced", "--", sys.executable, "-c", "raise SystemExit(3)"
    )
    assert ended.returncode == 1
    assert "it ended with 3" in ended.stdout


def test_a_command_that_does_not_exist_is_bad_input() -> None:
    ended = command("run", "task-failed", "--", "/no/such/command")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "/no/such/command" in ended.stderr


# --- the commands -------------------------------------------------------------------------------------------------------


def test_run_writes_timelines(tmp_path: Path) -> None:
    files = [tmp_path / f"run.{kind}" for kind in ("txt", "jsonl", "html")]
    ended = said("run", SCENARIO, "--json", *(f"--timeline={path}" for path in files))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["held"] is True
    text, lines, page = (path.read_text(encoding="utf-8") for path in files)
    assert "connect-0             1 worker         crash" in text
    rows = [json.loads(line) for line in lines.splitlines()]
    assert rows[-1]["kind"] == "report"
    assert rows[-1]["trace_hash"] == json.loads(ended.stdout)["trace_hash"]
    assert page.count("<svg") == 1
    assert (
        "http"
        not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "").partition("<h2>")[0]
    )


def test_bad_input_is_told_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "seven.yaml"
    file.write_text(SEVEN)
    ended = said("run", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 7
    assert all(line.startswith(f"mockconnect run: {file}:") for line in ended.stderr.splitlines())
    for arguments in (
        ["nothing"],
        [SCENARIO, "--param", "x"],
        [SCENARIO, "--param", "x=1"],
        [SCENARIO, "--clock", "z"],
    ):
        ended = said("run", *arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), arguments
        assert len(ended.stderr.splitlines()) == 1
    assert said("run", SCENARIO, "--timeline", "x.pdf").returncode == 2


def test_scenarios_list_show_copy_and_check(tmp_path: Path) -> None:
    listed = said("scenarios", "list").stdout.splitlines()
    assert len(listed) >= 45
    assert any(line.startswith("rolling-upgrade ") for line in listed)
    upgrades = said("scenarios", "list", "--tag", "upgrade").stdout.splitlines()
    assert 0 < len(upgrades) < len(listed)
    shown = said("scenarios", "show", "rolling-upgrade").stdout
    copied = said("scenarios", "copy", "rolling-upgrade", str(tmp_path))
    target = tmp_path / "rolling-upgrade.yaml"
    assert copied.stdout.strip() == str(target)
    assert target.read_text(encoding="utf-8") == shown
    (named,) = re.findall(r"\$schema=(.*)", shown)
    assert json.loads((tmp_path / named).read_text(encoding="utf-8")) == scenario_schema()
    assert said("scenarios", "copy", "rolling-upgrade", str(tmp_path)).returncode == 2
    assert said("scenarios", "check", str(target)).returncode == 0
    assert "did you mean" in said("scenarios", "show", "roling-upgrade").stderr


def test_the_schema_is_printed() -> None:
    schema = json.loads(said("schema", "scenario").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["title"] == "mockconnect scenario file"


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mockconnect.cli", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_plays_a_scenario_and_reports_in_the_end(number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    files = [tmp_path / f"run.{kind}" for kind in ("txt", "jsonl", "html")]
    arguments = ("--scenario", "task-failed", "--clock", "x600", "--ready-file", str(ready))
    with serving(*arguments, *(f"--timeline={file}" for file in files)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        assert [worker["worker_id"] for worker in json.loads(ready.read_text())["workers"]] == [
            "connect-0:8083",
            "connect-1:8083",
            "connect-2:8083",
        ]
        process.send_signal(number)
        rest, _ = process.communicate()
    assert process.returncode == 0
    assert "task-failed: " in rest
    text, lines, page = (file.read_text(encoding="utf-8") for file in files)
    assert text.endswith(rest[rest.index("task-failed: ") :])
    assert json.loads(lines.splitlines()[-1])["scenario"] == "task-failed"
    assert "<svg" in page


def test_serve_without_a_scenario_writes_what_happened_on_the_cluster(tmp_path: Path) -> None:
    ready, lines, page = (tmp_path / name for name in ("ready.json", "run.jsonl", "run.html"))
    arguments = ("--clock", "manual", "--cold-start", "--ready-file", str(ready))
    with serving(*arguments, f"--timeline={lines}", f"--timeline={page}") as process:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        control = json.loads(ready.read_text())["control"]
        post(f"{control}/clock/run_until", {"until": "settled"})
        worker = json.loads(ready.read_text())["workers"][0]["url"]
        with urllib.request.urlopen(f"{worker}/connectors", timeout=300) as answer:
            assert json.load(answer) == []
        post(f"{control}/scenarios", {"name": "task-failed"})
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate()
    assert process.returncode == 0
    assert "task-failed: " in rest
    rows = rows_of(lines)
    assert rows[0][2:] == ("port", "jetty_404"), "the boot is seen, too"
    assert {"request", "begins"} <= {what for _, _, what, _ in rows}
    report = json.loads(lines.read_text(encoding="utf-8").splitlines()[-1])
    assert (report["scenario"], report["repro"], report["expectations"]) == ("cluster", "", [])
    html = page.read_text(encoding="utf-8")
    assert "<h1>cluster</h1>" in html
    assert "GET /connectors -&gt; 200 []" in html
    assert "Expectations" not in html


def post(url: str, body: object) -> None:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=300):
        pass


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["--scenario", "task-failed", "--timeline", "x.pdf"],
            "--timeline: expected one of .txt, .jsonl, .html",
        ),
        (["--scenario", "task-failed", "--timeline", "no/x.txt"], "--timeline: no/x.txt cannot be written"),
    ],
)
def test_serve_refuses_timelines_that_cannot_be(arguments: list[str], text: str) -> None:
    ended = said("serve", "--port", "0", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"mockconnect serve: {text}")
