"""``mockconnect ctl``: one request per command, tables or JSON, and what it says of mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mockconnect.cli.main import main

Ctl = Callable[..., Result]


@pytest.fixture
def ctl(control: Any) -> Ctl:
    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(main, ["ctl", "--url", control.url, *arguments], **options)

    return run


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def refused(result: Result) -> list[str]:
    assert (result.exit_code, result.stdout) == (2, "")
    return [line.removeprefix("mockconnect ctl: ") for line in result.stderr.splitlines()]


def test_looking(control: Any, ctl: Ctl) -> None:
    assert lines(ctl("workers"))[1] == (
        f"connect-0  {control.cluster.urls[0]}  4.3.1    serving  -       yes"
    )
    assert lines(ctl("connectors")) == [
        "NAME  OWNER      TARGET   STATES                   RUNNING",
        "c     connect-0  STARTED  RUNNING,RUNNING,RUNNING  3",
    ]
    assert json.loads(ctl("snapshot").stdout) == control.get("/snapshot")
    assert json.loads(ctl("--json", "workers").stdout) == control.get("/workers")
    assert any(line.split() == ["clock.pace", "paced"] for line in lines(ctl("info")))


def test_faults(control: Any, ctl: Ctl) -> None:
    assert lines(ctl("faults", "add", "crash: leader")) == ["crash-1"]
    assert lines(ctl("faults", "add", "-", input="freeze: {worker: connect-1, for: 5s}")) == ["freeze-1"]
    listed = lines(ctl("faults", "list"))
    assert listed[0].split() == ["ID", "SINCE", "UNTIL", "WORKERS", "STATE", "WHAT"]
    assert [line.split()[0] for line in listed[1:]] == ["crash-1", "freeze-1"]
    assert lines(ctl("faults", "heal", "crash-1")) == ["crash-1"]
    assert lines(ctl("faults", "heal-all")) == ["freeze-1"]
    assert len(lines(ctl("faults", "list"))) == 1
    assert len(lines(ctl("faults", "list", "--all"))) == 3
    assert json.loads(ctl("--json", "faults", "add", "rebalance").stdout)["fault"]["ended"] == "done"


def test_verbs_of_workers_and_connectors(control: Any, ctl: Ctl) -> None:
    assert lines(ctl("worker", "crash", "connect-2", "for: 20s")) == ["crash-1"]
    assert lines(ctl("connector", "fail_task", "c", "task: 0, message: no disk")) == ["fail_task-1"]
    assert lines(ctl("worker", "freeze", "connect-1")) == ["freeze-1"]
    texts = [one["text"] for one in control.get("/faults")["active"]]
    assert texts == ["crash worker=connect-2 for_ms=20000", "freeze worker=connect-1"]


def test_the_clock(control: Any, ctl: Ctl) -> None:
    before_ms = control.get("/clock")["now_ms"]
    assert lines(ctl("clock", "advance", "5m"))[0].split() == ["WHAT", "VALUE"]
    assert control.get("/clock")["now_ms"] == before_ms + 300_000
    assert any(line.split() == ["reached", "yes"] for line in lines(ctl("clock", "run-until")))
    control("POST", "/faults", "crash: connect-1")
    assert ctl("clock", "run-until", "--max", "1ms").exit_code in (0, 1)
    assert any(line.split() == ["pace", "paced"] for line in lines(ctl("clock", "show")))
    assert refused(ctl("clock", "rate", "x60")) == ["rate: only a real clock has one, and this one is paced"]


def test_requests_and_events(control: Any, ctl: Ctl) -> None:
    with pytest.raises(OSError, match="404"):
        control.cluster_get("/connectors/x")
    row = lines(ctl("requests", "--op", "connector_info"))[1].split()
    assert row[0] == "1"
    assert row[2:6] == ["connect-0", "404", "GET", "/connectors/x"]
    assert len(lines(ctl("requests", "--op", "delete_connector"))) == 1
    assert lines(ctl("events", "--since", "0", "--limit", "1"))[0].split() == [
        "1",
        "0",
        "connect-0",
        "-1",
        "worker",
        "start",
    ]


def test_following_events(control: Any) -> None:
    command = [sys.executable, "-m", "mockconnect.cli", "ctl", "events", "--follow", "--since", "0"]
    environment = {**os.environ, "MOCKCONNECT_CONTROL_URL": control.url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as following:
        try:
            assert following.stdout is not None
            assert following.stdout.readline().split()[:3] == ["1", "0", "connect-0"]
            control("POST", "/faults", "crash: connect-1")
            assert any("crash-1 begins" in line for line in following.stdout)
            control.cluster.close()
            assert following.wait() == 0
        finally:
            following.kill()


def test_scenarios(control: Any, ctl: Ctl, tmp_path: Path) -> None:
    assert any(line.startswith("rolling-upgrade ") for line in lines(ctl("scenario", "list")))
    assert lines(ctl("scenario", "start", "rolling-upgrade"))[1].split() == ["name", "rolling-upgrade"]
    file = tmp_path / "mine.yaml"
    file.write_text(
        "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: mine}\nparams: {who: {}}\n"
        "timeline:\n  - {at: 1s, do: {crash: '${who}'}}\nexpect:\n  always: [at_most_one_leader]\n"
    )
    assert "mine" in lines(ctl("scenario", "start", str(file), "--param", "who=leader"))[1]
    assert any(line.split() == ["phase", "timeline"] for line in lines(ctl("scenario", "status")))
    assert ctl("scenario", "report").stdout.startswith("mine: ")
    assert lines(ctl("scenario", "stop"))[0].startswith("mine: ")
    assert json.loads(ctl("--json", "scenario", "report").stdout)["complete"]


def test_a_report_that_did_not_hold(control: Any, ctl: Ctl, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: mine}\n"
        "timeline:\n  - {at: 1s, do: {mark: here}}\nexpect:\n  always: [{connector: c, exists: false}]\n"
    )
    ctl("scenario", "start", str(file))
    ctl("clock", "advance", "1m")
    assert ctl("scenario", "report").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("faults", "add", "crsh: leader"), "crsh: unknown; did you mean 'crash'?"),
        (
            ("faults", "add", "\n\ncrash: {wroker: a}"),
            "line 3: crash.wroker: unknown; did you mean 'worker'?",
        ),
        (("faults", "add", "start: one"), "'one' is nobody: no worker is down"),
        (("worker", "crash", "a/b"), "there is no worker 'a/b'; "),
        (("requests", "--status", "9"), "status: "),
        (("scenario", "start", "./none.yaml"), "./none.yaml cannot be read: No such file or directory"),
        (("scenario", "start", "chaoss"), "there is no scenario 'chaoss'; did you mean 'chaos'?"),
        (("scenario", "start", "chaos", "--param", "x"), "--param: expected NAME=VALUE, found 'x'"),
    ],
)
def test_mistakes(ctl: Ctl, arguments: tuple[str, ...], said: str) -> None:
    assert refused(ctl(*arguments))[0].startswith(said)


def test_nobody_there_and_somebody_else(control: Any) -> None:
    (line,) = refused(CliRunner().invoke(main, ["ctl", "--url", "http://127.0.0.1:1", "info"]))
    assert line.startswith("http://127.0.0.1:1: ")
    (line,) = refused(CliRunner().invoke(main, ["ctl", "--url", control.cluster.url, "info"]))
    assert line == "answered with 404, which is no control API of mockconnect"
    (line,) = refused(CliRunner().invoke(main, ["ctl", "--url", "nonsense", "info"]))
    assert "nonsense" in line


def test_the_mirror_and_a_token(controlled: Any) -> None:
    control = controlled(control_token="secret", workers=1)
    url = f"{control.cluster.url}/__mockconnect"
    assert CliRunner().invoke(main, ["ctl", "--url", url, "info"]).exit_code == 2
    result = CliRunner().invoke(
        main,
        ["ctl", "info"],
        env={"MOCKCONNECT_CONTROL_URL": url, "MOCKCONNECT_CONTROL_TOKEN": "secret"},
    )
    assert result.exit_code == 0


def test_once_more_from_the_start(control: Any, ctl: Ctl) -> None:
    control("POST", "/faults", "crash: connect-1")
    assert any(line.split() == ["resets", "1"] for line in lines(ctl("reset")))
    assert control.get("/workers/connect-1")["running"]
    assert any(
        line.split() == ["scopes", "journal,faults"] for line in lines(ctl("reset", "journal", "faults"))
    )
    (mistake,) = refused(ctl("reset", "jurnal"))
    assert mistake.startswith("scopes[0]: ")
    assert mistake.endswith("did you mean 'journal'?")


def test_snapshots(control: Any, ctl: Ctl) -> None:
    assert any(line.split() == ["name", "here"] for line in lines(ctl("snapshots", "keep", "here")))
    assert [line.split()[0] for line in lines(ctl("snapshots", "list"))] == ["NAME", "here"]
    assert any(line.split() == ["resets", "1"] for line in lines(ctl("snapshots", "restore", "here")))
    assert lines(ctl("snapshots", "forget", "here"))[1].split() == ["forgotten", "here"]
    assert refused(ctl("snapshots", "restore", "here")) == ["there is no snapshot 'here'; there are none"]


def test_metrics(control: Any, ctl: Ctl) -> None:
    assert "mockconnect_generation 1" in lines(ctl("metrics"))
    assert json.loads(ctl("--json", "metrics").stdout) == control.get("/metrics?format=json")
