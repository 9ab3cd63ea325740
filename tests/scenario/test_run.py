"""``mockconnect run``: several scenarios, several seeds, files for build servers, and commands that do not behave."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mockconnect.cli import playing, run
from mockconnect.playing import Command, play_with
from mockconnect.scenario.junit import junit
from mockconnect.scenario.report import Report, RuleReport, Verdict
from mockconnect.scenario.shipped import find_scenarios, shipped_directory, shipped_names
from mockconnect.staging import staged
from tests.scenario.golden import played
from tests.scenario.test_doors import CLIENT, Said, command, said

HEAD = "apiVersion: mockconnect/v1\nkind: Scenario\n"
FAILS = f"""{HEAD}metadata: {{name: fails}}
settings: {{seed: 5}}
timeline:
  - {{name: kill, at: 10s, do: {{crash: {{worker: connect-1, for: 5s}}}}}}
expect:
  always: [{{workers: {{serving: true, count: 3}}}}]
"""
LUCK = f"""{HEAD}metadata: {{name: luck}}
timeline:
  - {{name: kill, at: 1s, probability: 0.5, do: {{crash: {{worker: connect-1, for: 5s}}}}}}
expect:
  always: [{{workers: {{serving: true, count: 3}}}}]
"""


@pytest.fixture
def fails(tmp_path: Path) -> str:
    file = tmp_path / "fails.yaml"
    file.write_text(FAILS, encoding="utf-8")
    return str(file)


@pytest.fixture
def luck(tmp_path: Path) -> str:
    file = tmp_path / "luck.yaml"
    file.write_text(LUCK, encoding="utf-8")
    return str(file)


# --- several scenarios ------------------------------------------------------------------------------------------------


def test_several_scenarios_are_a_table(fails: str) -> None:
    ended = said("run", "leader-crash", fails, "task-failed")
    assert ended.returncode == 1
    above, table = ended.stdout.split("\n\nVERDICT  ")
    assert above.endswith(f"again with: mockconnect run {fails} --seed 5")
    rows = [line.split()[:4] for line in table.splitlines()[1:4]]
    assert rows == [
        ["held", "leader-crash", "1", "0"],
        ["FAILED", "fails", "1", "5"],
        ["held", "task-failed", "1", "0"],
    ]
    assert table.endswith("2 of 3 scenarios held\n")


def test_a_folder_is_all_its_scenarios(fails: str, luck: str, tmp_path: Path) -> None:
    (tmp_path / "_part.yaml").write_text("kind: Pieces\n")
    (tmp_path / "notes.txt").write_text("nothing\n")
    assert [path.name for path in find_scenarios(str(tmp_path))] == ["fails.yaml", "luck.yaml"]
    ended = said("run", str(tmp_path), "--seed", "1", "--json")
    assert [report["scenario"] for report in json.loads(ended.stdout)] == ["fails", "luck"]
    assert len(find_scenarios(str(shipped_directory()))) == len(shipped_names())


def test_a_name_goes_before_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chaos").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_scenarios("chaos") == [shipped_directory() / "chaos.yaml"]
    (tmp_path / "mine").mkdir()
    assert "no scenario is in this folder" in said("run", "mine").stderr


def test_all_mistakes_of_all_scenarios_are_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"{HEAD}metadata: {{name: {name}}}\nexpct: 1\n")
    ended = said("run", str(tmp_path), "leader-crsh", "--param", "x")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "mockconnect run: --param: expected NAME=VALUE, found 'x'",
        "mockconnect run: no scenario is called 'leader-crsh'; did you mean 'leader-crash'?"
        "; a command comes after --",
    ]
    lines = said("run", str(tmp_path)).stderr.splitlines()
    assert [line.rpartition("/")[2][:8] for line in lines] == ["a.yaml:4", "b.yaml:4"]


# --- several seeds ------------------------------------------------------------------------------------------------------


def test_runs_take_the_next_seeds_until_one_fails(luck: str) -> None:
    seeds = [seed for seed in range(40) if not played(luck, seed=seed).held]
    first = next(seed for seed in range(40) if seed not in seeds)  # one that holds, so that there are two
    fails = next(seed for seed in seeds if seed > first)
    ended = said("run", luck, "--seed", str(first), "--runs", "40")
    assert ended.returncode == 1
    assert ended.stdout.endswith(f"luck: run {fails - first + 1} failed, with seed {fails}\n")
    assert f"again with: mockconnect run {luck} --seed {fails}\n" in ended.stdout
    again = said("run", luck, "--seed", str(fails))
    assert again.returncode == 1


def test_runs_that_hold_are_counted(tmp_path: Path) -> None:
    ended = said("run", "task-failed", "--runs", "3", "--timeline", str(tmp_path / "x-{seed}.jsonl"))
    assert ended.returncode == 0
    assert ended.stdout.endswith("task-failed: 3 runs held\n")
    assert "  0-2  " in ended.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-0.jsonl", "x-1.jsonl", "x-2.jsonl"]


def test_several_scenarios_have_a_timeline_each(fails: str, tmp_path: Path) -> None:
    refused = said("run", "task-failed", fails, "--timeline", str(tmp_path / "x.txt"))
    assert refused.returncode == 2
    assert "need {scenario} in the name, such as x-{scenario}.txt" in refused.stderr
    said("run", "task-failed", fails, "--timeline", str(tmp_path / "{scenario}.txt"))
    assert {path.name for path in tmp_path.iterdir()} == {"fails.yaml", "fails.txt", "task-failed.txt"}


# --- files ----------------------------------------------------------------------------------------------------------------


def test_junit_has_a_case_per_expectation_and_rule(fails: str, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    assert said("run", "rolling-upgrade", fails, "--quiet", "--junit", str(file)).returncode == 1
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert root.attrib == {
        "name": "mockconnect",
        "tests": "24",
        "failures": "1",
        "skipped": "5",
        "errors": "0",
    }
    upgrade, failing = root.findall("testsuite")
    report = played("rolling-upgrade")
    properties = {one.get("name"): one.get("value") for one in upgrade.iter("property")}
    assert properties == {
        "scenario": "rolling-upgrade",
        "seed": "42",
        "trace_hash": report.trace_hash,
        "repro": "mockconnect run rolling-upgrade --seed 42",
    }
    assert (upgrade.get("time"), upgrade.get("skipped")) == ("115.000", "5")
    names = [(case.get("classname"), case.get("name")) for case in upgrade.iter("testcase")]
    assert len(names) == len(report.verdicts) + len(report.rules)
    assert ("rolling-upgrade.always", "at_most_one_leader") in names
    assert ("rolling-upgrade.rule", "early-bird") in names
    (failure,) = failing.iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("always", "not so")
    assert failure.text is not None
    assert "10.000 connect-1             1 worker         crash" in failure.text
    assert f"again with: mockconnect run {fails} --seed 5" in failure.text


def test_junit_bears_whatever_stands_in_texts() -> None:
    odd = "a\x00b\x1bc]]>\"<&'\ud800\n"
    report = Report(
        odd, odd, 0, {odd: odd}, (Verdict(odd, odd, False, odd), Verdict("x", odd, None, odd)),
        (RuleReport(odd, (), None, (odd,)),), (), (), 0, 0, "-",
    )  # fmt: skip
    root = ElementTree.fromstring(junit([report]).encode())
    assert root.get("failures") == "1"
    assert {case.get("name") for case in root.iter("testcase")} == {"a\ufffdb\ufffdc]]>\"<&'\ufffd\n"}


@pytest.mark.parametrize("ending", ["json", "txt"])
def test_the_report_as_a_file_is_what_is_printed(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"report.{ending}"
    ended = said("run", "task-failed", "--report", str(file), *(["--json"] if ending == "json" else []))
    assert file.read_text(encoding="utf-8") == ended.stdout


def test_files_that_cannot_be_are_told_before_the_run(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in (
        ["--junit", f"{nowhere}/x.xml"],
        ["--report", f"{nowhere}/x.txt"],
        ["--report", "x.pdf"],
        ["--timeline", f"{nowhere}/x.txt"],
        ["--timeline", str(tmp_path)],
    ):
        ended = said("run", "task-failed", *arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), arguments
        assert arguments[0] in ended.stderr


# --- failures are told ------------------------------------------------------------------------------------------------


def test_a_failure_ends_with_what_people_look_for(fails: str) -> None:
    lines = said("run", fails).stdout.splitlines()
    assert lines[-3:] == [
        "FAILED      always      {workers: {serving: true, count: 3}}",
        "                        at 10.000s: not so",
        f"again with: mockconnect run {fails} --seed 5",
    ]
    around = lines[lines.index("      time worker              gen what           detail") + 1 :]
    assert around[0].split()[:4] == ["0.000", "-", "begins", "fails,"]
    assert any(line.split()[:2] == ["10.000", "connect-1"] for line in around)


# --- commands that do not behave --------------------------------------------------------------------------------------


def under_test(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return command("run", "task-failed", "--clock", "paced", *options, "--", *arguments)


def test_what_a_command_prints_is_not_the_result() -> None:
    ended = command("run", "task-failed", "--clock", "paced", "--json", "--", "echo", "hello")
    assert json.loads(ended.stdout)["held"] is True
    assert ended.stderr == "hello\n"


def test_what_a_command_prints_can_be_taken_line_by_line() -> None:
    lines: list[str] = []
    script = "printf 'one\\r\\ntwo' >&2; head -c 200000 /dev/zero | tr '\\0' x; printf '\\nend'"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as expected:
        assert expected.stdout is not None
        wanted = expected.stdout.read().decode().split("\n")
    under = Command(["sh", "-c", script], output=lines.append)
    report = play_with(staged({"scenario": "task-failed", "clock": "paced"}), under)
    assert report.held
    assert lines == [line.rstrip("\r") for line in wanted]
    assert [len(line) for line in lines] == [3, 200_003, 3]


def test_a_command_that_asks_nothing_is_told_so() -> None:
    ended = under_test(sys.executable, "-c", "")
    assert ended.returncode == 0
    assert "not judged  command     asks the cluster\n" in ended.stdout


def test_a_signal_without_a_name() -> None:
    under = Command(["sh", "-c", "kill -35 $$"])
    report = play_with(staged({"scenario": "task-failed", "clock": "paced"}), under)
    assert [verdict.detail for verdict in report.failed] == ["it was ended by signal 35"]


def test_a_command_that_is_killed() -> None:
    ended = under_test("sh", "-c", "kill -9 $$")
    assert ended.returncode == 1
    assert "it was ended by SIGKILL" in ended.stdout
    assert (
        "again with: mockconnect run task-failed --seed 0 --clock paced -- sh -c 'kill -9 $$'" in ended.stdout
    )


def test_a_command_that_hangs_is_ended_with_all_it_has_started(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/pid; echo $$ >> {tmp_path}/pid; wait"
    ended = under_test("sh", "-c", script, options=("--timeout", "1s"))
    assert ended.returncode == 1
    assert "it did not end within 1.000s" in ended.stdout
    pids = (tmp_path / "pid").read_text().split() if (tmp_path / "pid").exists() else []
    assert all(map(ends, pids))


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    ended = under_test("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid")
    assert ended.returncode == 0
    assert ends((tmp_path / "pid").read_text().strip())


def ends(pid: str) -> bool:
    """Whether a process is gone, or going: one that was killed takes its time on a busy machine."""
    try:
        watched = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 300)[0])
    finally:
        os.close(watched)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_and_the_command(number: signal.Signals, tmp_path: Path) -> None:
    files = ["--report", str(tmp_path / "report.txt"), "--timeline", str(tmp_path / "run.jsonl")]
    arguments = ["run", "task-failed", *files, "--", "sh", "-c", "sleep 600 & echo $! $$; wait"]
    with subprocess.Popen(
        [sys.executable, "-m", "mockconnect.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        pids = process.stderr.readline().split()  # what the command prints
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (128 + number, "", f"mockconnect run: ended by {number.name}\n")
    assert len(pids) == 2
    assert all(map(ends, pids))
    report = (tmp_path / "report.txt").read_text(encoding="utf-8")
    assert "FAILED      run         comes to its end\n" in report
    assert f"ended by {number.name}\n" in report
    assert report.endswith("-- sh -c 'sleep 600 & echo $! $$; wait'\n")
    assert json.loads((tmp_path / "run.jsonl").read_text().splitlines()[-1])["kind"] == "report"


class Interrupted:
    """What shows progress until somebody has seen enough."""

    def __init__(self, _: str) -> None:
        self._seen = 0

    def __enter__(self) -> Interrupted:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, _: object) -> None:
        self._seen += 1
        if self._seen == 12:
            signal.raise_signal(signal.SIGINT)


def test_files_have_what_there_was_when_somebody_ended_it(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "_shown", Interrupted)
    files = [tmp_path / name for name in ("r.json", "junit.xml", "{scenario}.txt", "{scenario}.html")]
    options = ("--report", "--junit", "--timeline", "--timeline")
    given = [text for pair in zip(options, map(str, files), strict=True) for text in pair]
    ended = said("run", fails, "chaos", *given)
    assert ended == Said(130, "", "mockconnect run: ended by SIGINT\n")
    report = json.loads(files[0].read_text(encoding="utf-8"))
    assert (report["scenario"], report["held"]) == ("fails", False)
    assert [one["text"] for one in report["expectations"] if one["held"] is False] == [
        "{workers: {serving: true, count: 3}}",
        "comes to its end",
    ]
    assert report["timeline_ms"] < 15_000
    (suite,) = ElementTree.parse(files[1]).getroot().findall("testsuite")
    assert (suite.get("name"), suite.get("failures")) == ("fails", "2")
    assert "worker         crash" in (tmp_path / "fails.txt").read_text(encoding="utf-8")
    assert "<svg" in (tmp_path / "fails.html").read_text(encoding="utf-8")


def test_a_run_without_a_command_can_be_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(run, "write_timeline", lambda *_: signal.raise_signal(signal.SIGTERM))
    ended = said("run", "chaos", "--runs", "100000", "--timeline", str(tmp_path / "x.txt"))
    assert ended == Said(143, "", "mockconnect run: ended by SIGTERM\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_who_insists_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one ends it")

    monkeypatch.setattr(run, "write_timeline", twice)
    ended = said("run", "task-failed", "--timeline", str(tmp_path / "x.txt"))
    assert ended == Said(130, "", "mockconnect run: ended by SIGINT\n")


def test_who_reads_no_further_gets_no_traceback() -> None:
    line = f"{sys.executable} -m mockconnect.cli run rolling-upgrade | head -n 1"
    ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=600)
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["task-failed", "--"], "a command is expected after --"),
        (["task-failed", "--timeout", "1s"], "--timeout: there is no command that it could be for"),
        (["task-failed", "--timeout", "soon", "--", "true"], "--timeout: expected milliseconds or a text"),
        (["task-failed", "--per-request", "1s"], ""),
        (
            ["task-failed", "--clock", "x2", "--per-request", "1s"],
            "--per-request: requests move only a paced",
        ),
        (["task-failed", "python", "client.py"], "no scenario is called 'python'; "),
        (["nowhere/x.yaml"], "nowhere/x.yaml: cannot be read: No such file or directory"),
        (["task-failed", "--", "nowhere/x"], "nowhere/x: No such file or directory"),
        (["task-failed", "--", "/"], "/: Permission denied"),
    ],
)
def test_what_is_wrong_with_a_command_line(arguments: list[str], text: str) -> None:
    ended: Said = said("run", *arguments)
    if not text:
        assert ended.returncode == 0
        return
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"mockconnect run: {text}")


# --- paced time with a command ------------------------------------------------------------------------------------------


def test_in_paced_time_a_client_that_waits_is_told_why_it_waits_in_vain() -> None:
    script = (
        "import os, urllib.request as r; r.urlopen(os.environ['CONNECT_URL']).close(); raise SystemExit(3)"
    )
    ended = under_test(sys.executable, "-c", script)
    assert ended.returncode == 1
    assert (
        "at 0.000s: it ended with 3; paced time moves with requests that get through (1); its own waiting moves"
        " nothing: --clock x60 goes on by itself, --per-request 1s goes faster\n"
    ) in ended.stdout


def test_requests_move_paced_time_as_far_as_one_says() -> None:
    script = (
        "import os, urllib.request as r\n"
        "for _ in range(5): r.urlopen(os.environ['CONNECT_URL'] + '/connectors').close()"
    )
    ended = under_test(sys.executable, "-c", script, options=("--per-request", "10s", "--json"))
    report = json.loads(ended.stdout)
    assert report["expectations"][-1]["at_ms"] == 40_000
    assert report["repro"].startswith(
        "mockconnect run task-failed --seed 0 --clock paced --per-request 10s -- "
    )


def test_in_paced_time_what_is_printed_is_a_function_of_scenario_and_seed() -> None:
    arguments = (
        "run",
        "rolling-upgrade",
        "--clock",
        "paced",
        "--seed",
        "3",
        "--",
        sys.executable,
        str(CLIENT),
        "naive",
    )
    runs = [command(*arguments, PYTHONHASHSEED=seed) for seed in ("0", "4711")]
    assert runs[0].stdout == runs[1].stdout
    assert [run.returncode for run in runs] == [1, 1]
