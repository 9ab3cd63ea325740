"""``mockconnect chaos``: what it says, what it writes, and that ``run`` plays it again."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from mockconnect.cli import chaos
from mockconnect.scenario.loading import load_scenario
from tests.scenario.test_doors import command, said

FRAGILE = """apiVersion: mockconnect/v1
kind: Scenario
metadata: {name: fragile}
params: {least: {default: ">=2"}}
cluster: {workers: 2}
timeline: [{name: long, at: 5m, do: {mark: over}}]
expect: {always: [{group: {members: "${least}"}}]}
"""
# A client that gives up when a create is answered with anything but 201, or not at all.
NAIVE = """
import os, urllib.request
body = b'{"name": "n", "config": {"connector.class": "FileStreamSink", "topics": "t", "file": "/tmp/f"}}'
head = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(os.environ["CONNECT_URL"] + "/connectors", body, head)).read()
"""


@pytest.fixture
def fragile(tmp_path: Path) -> str:
    path = tmp_path / "fragile.yaml"
    path.write_text(FRAGILE, encoding="utf-8")
    return str(path)


def test_all_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command("chaos", "--runs", "5")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "5 runs held\n", "")
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_what_is_found_is_written_and_can_be_played(fragile: str, tmp_path: Path) -> None:
    found = tmp_path / "found.yaml"
    ended = said("chaos", fragile, "--verb", "crash", "--verb", "bounce", "-o", str(found))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.endswith(f"failed; the least that still fails is in {found}\n")
    assert f"again with: mockconnect run {found} --seed 0\n" in ended.stdout
    assert [rule.name for rule in load_scenario(found).rules] == ["long", "drawn-1"]
    again = said("run", str(found))
    assert again.returncode == 1
    assert again.stdout.strip() in ended.stdout


def test_it_is_shown_if_no_file_is_named(fragile: str, tmp_path: Path) -> None:
    ended = said("chaos", fragile, "--verb", "crash", "--seed", "3")
    assert ended.returncode == 1
    report, _, text = ended.stdout.partition("to be put into FILE:\n\n")
    assert "again with: mockconnect run FILE --seed 0\n" in report
    (tmp_path / "it.yaml").write_text(text, encoding="utf-8")
    assert said("run", str(tmp_path / "it.yaml")).returncode == 1
    assert said("chaos", fragile, "--verb", "crash", "--seed", "3") == ended, "the same seed finds the same"


def test_parameters_have_values_in_it(fragile: str) -> None:
    assert said("chaos", fragile, "--verb", "crash", "--param", "least=>=0", "--runs", "3").returncode == 0


def test_a_command_is_the_client_under_test(tmp_path: Path) -> None:
    found = tmp_path / "found.yaml"
    arguments = ["--clock", "paced", "--verb", "answer", "--runs", "40", "-o", str(found)]
    ended = command("chaos", *arguments, "--", sys.executable, "-c", NAIVE)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "FAILED      command     ends with 0" in ended.stdout
    assert f"mockconnect run {found} --seed 0 --clock paced -- " in ended.stdout
    drawn = [rule for rule in load_scenario(found).rules if rule.name.startswith("drawn")]
    assert len(drawn) == 1
    assert drawn[0].rule.actions[0].verb == "answer"  # type: ignore[union-attr]


def test_somebody_has_seen_enough(fragile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it is being made smaller: what was found so far is told."""
    played = chaos.played
    failed = []

    def until_one_fails(*arguments: object) -> object:
        if failed:
            signal.raise_signal(signal.SIGINT)
        report = played(*arguments)  # type: ignore[arg-type]
        failed.extend([] if report.held else [report])
        return report

    monkeypatch.setattr(chaos, "played", until_one_fails)
    ended = said("chaos", fragile, "--verb", "crash")
    assert ended.returncode == 130
    assert "the least that still failed until somebody ended the search, to be put into FILE" in ended.stdout
    assert ended.stderr == "mockconnect chaos: ended by SIGINT\n"


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["leader-crahs"], ["leader-crash"]),
        (
            ["--verb", "crahs", "--max-faults", "0"],
            ["--verb: 'crahs' is unknown; did you mean 'crash'?", "--max-faults: "],
        ),
        (["--param", "a=b"], ["--param: there is no scenario that it could be for"]),
        (["--timeout", "1s"], ["--timeout: there is no command that it could be for"]),
        (["-o", "found.txt"], ["--output: expected one of .yaml, .yml, found '.txt'"]),
        (
            ["-o", "nowhere/found.yaml"],
            ["--output: nowhere/found.yaml cannot be written: there is no folder nowhere"],
        ),
        (["--"], ["a command is expected after --"]),
    ],
)
def test_bad_input(arguments: list[str], texts: list[str]) -> None:
    ended = said("chaos", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    for text in texts:
        assert text in ended.stderr
    assert len(ended.stderr.splitlines()) == len(texts)


def test_without_hypothesis_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mockconnect.chaos", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    ended = said("chaos")
    assert ended.returncode == 2
    assert ended.stderr == "mockconnect chaos: hypothesis is missing: pip install 'mockconnect[chaos]'\n"
