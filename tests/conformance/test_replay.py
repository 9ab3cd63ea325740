"""mockconnect against the recordings of real workers: what differs is exactly what `known_differences.yaml` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as changed
from functools import cache

import pytest
import yaml

from . import player
from .__main__ import main
from .compare import difference
from .recording import recorded_versions, recording_path
from .replaying import KNOWN_DIFFERENCES, Replay, known_differences, replay, unexpected, wanted
from .report import README, with_total
from .simulated import simulated_factory
from .wire import Answer, Request, exchange

CASES = [
    (version, script.name)
    for version in recorded_versions()
    for script in wanted(version, ())
    if recording_path(version, script.name).exists()
]


@cache
def replayed(version: str) -> Mapping[str, Replay]:
    return {one.script: one for one in replay(version, simulated_factory(version))}


@pytest.mark.parametrize(("version", "script"), CASES)
def test_every_answer_is_that_of_a_real_worker(version: str, script: str) -> None:
    known = known_differences(version).get(script, {})
    new, gone = unexpected(replayed(version)[script], known)
    assert not new, "\n".join(map(difference, new))
    assert not gone, f"known_differences.yaml, {version}, {script}: no difference any more at steps {gone}"


def test_known_differences_name_what_is_recorded() -> None:
    for version in yaml.safe_load(KNOWN_DIFFERENCES.read_text(encoding="utf-8")) or ():
        assert {(version, script) for script in known_differences(version)} <= set(CASES)


def test_the_readme_tells_how_many_exchanges_are_compared() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_total(text) == text, "`python -m tests.conformance report` makes it true"


@pytest.mark.parametrize(
    ("script", "before", "after"),
    [
        ("unknown", b"Unknown connector", b"Unknown Connector"),  # an error text
        ("unknown", b'"error_code":404', b'"error_code":405'),  # a status code
        ("lifecycle", b'"state":"STOPPED"', b'"state":"PAUSED"'),  # a transition
    ],
    ids=["text", "status", "transition"],
)
def test_a_planted_mistake_fails_the_replay(
    monkeypatch: pytest.MonkeyPatch, script: str, before: bytes, after: bytes
) -> None:

    def mistaken(host: str, port: int, request: Request, timeout_s: float) -> Answer:
        answer = exchange(host, port, request, timeout_s)
        status = 405 if before in answer.body and after.endswith(b"405") else answer.status
        return changed(answer, status=status, body=answer.body.replace(before, after))

    assert main(["replay", "--only", script, "--show", "0"]) == 0
    monkeypatch.setattr(player, "exchange", mistaken)
    assert main(["replay", "--only", script, "--show", "0"]) == 1
