"""The corpus of one version, played on a target and compared with the recordings; and the differences that are known.

`known_differences.yaml` lists, by version and script, steps that mockconnect answers otherwise than a real worker, with a
reason each. It is exact: a difference that is not listed is a failure, and so is a listed one that is none any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from .compare import Comparison, compare
from .oracle import releases
from .player import Player, PlayError, Row
from .recording import Recording, read_recording, recording_path
from .script import Script, load_corpus
from .target import Target, TargetFactory, UnsuitableTargetError

_HEAD = """# What mockconnect answers otherwise than real workers: version, reason, script, steps. Replays fail when this is not exact.
# `python -m tests.conformance replay --all --accept REASON` drops what is gone and adds what is new; read what it adds.
"""
KNOWN_DIFFERENCES = Path(__file__).parent / "known_differences.yaml"
Known = Mapping[str, Mapping[int, str]]
"""The reasons, by script and step."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One script, compared. `trouble` says why it did not come to its end, or was not played at all."""

    script: str
    comparisons: Sequence[Comparison]
    trouble: str | None = None


def replay(version: str, factory: TargetFactory, only: Sequence[str] = ()) -> Iterator[Replay]:
    """Play every recorded script of `version`, sharing clusters as the recorder did."""
    scripts = [script for script in wanted(version, only) if recording_path(version, script.name).exists()]
    for group in by_cluster(scripts):
        try:
            with factory(group[0].cluster) as target:
                for script in group:
                    yield _replayed(version, target, script)
        except UnsuitableTargetError as error:
            yield from (Replay(script.name, (), f"not played: {error}") for script in group)


def live(
    version: str, real: TargetFactory, other: TargetFactory, only: Sequence[str] = ()
) -> Iterator[Replay]:
    """Play scripts on two targets now: what the first answers is the truth. Nothing recorded is read or written."""
    for group in by_cluster(wanted(version, only)):
        with real(group[0].cluster) as truth, other(group[0].cluster) as target:
            for script in group:
                yield _compared(recorded(version, truth, script)[0], target, script)


def recorded(version: str, target: Target, script: Script) -> tuple[Recording, PlayError | None]:
    """What a target says to a script; on old versions, waits that do not end are given up."""
    player = Player(target, script.cluster.authorization, lenient=version != releases.NEWEST)
    rows, error = played(player, script)
    return Recording(rows, player.in_vain), error


def _replayed(version: str, target: Target, script: Script) -> Replay:
    return _compared(read_recording(recording_path(version, script.name)), target, script)


def _compared(recording: Recording, target: Target, script: Script) -> Replay:
    player = Player(target, script.cluster.authorization, in_vain=recording.in_vain)
    rows, error = played(player, script)
    compared = tuple(compare(script.name, recording.rows, rows))
    return Replay(script.name, compared, str(error) if error else None)


def played(player: Player, script: Script) -> tuple[list[Row], PlayError | None]:
    """The rows up to the end of the script or to the first step that could not be played."""
    rows: list[Row] = []
    failed: PlayError | None = None
    try:
        for row in player.play(script):
            rows.append(row)
    except PlayError as error:
        failed = error
    try:
        player.tidy()
    except PlayError as error:
        failed = failed or error
    return rows, failed


def wanted(version: str, only: Sequence[str]) -> list[Script]:
    """The scripts for `version` whose name contains one of `only`, if any are given."""
    return [
        script
        for script in load_corpus()
        if (not only or any(part in script.name for part in only))
        and releases.line_of(f"{script.since}.0") <= releases.line_of(version)
    ]


def by_cluster(scripts: Sequence[Script]) -> list[list[Script]]:
    """Scripts that may share a cluster, together; one that wants a fresh one, alone."""

    def wish(script: Script) -> tuple[str, str]:
        return repr(script.cluster), script.name if script.fresh else ""

    return [list(group) for _, group in itertools.groupby(sorted(scripts, key=wish), key=wish)]


def known_differences(version: str, path: Path = KNOWN_DIFFERENCES) -> Known:
    """What the file says of one version. Steps are written as numbers and ranges: `3, 7-9`."""
    data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known: dict[str, dict[int, str]] = {}
    for reason, scripts in (data.get(version) or {}).items():
        for script, steps in scripts.items():
            known.setdefault(script, {}).update(dict.fromkeys(_steps(str(steps)), str(reason)))
    return known


def written_steps(steps: Sequence[int]) -> str:
    """The numbers as they stand in the file."""
    texts: list[str] = []
    for _, run in itertools.groupby(enumerate(sorted(steps)), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        texts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ", ".join(texts)


def _steps(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)


def unexpected(replayed: Replay, known: Mapping[int, str]) -> tuple[list[Comparison], list[int]]:
    """New differences, and listed steps that do not differ (any more)."""
    differing = {one.recorded.step: one for one in replayed.comparisons if one.differs}
    new = [one for step, one in differing.items() if step not in known]
    return new, sorted(set(known) - set(differing))


def accept(replays: Mapping[str, Sequence[Replay]], reason: str, path: Path = KNOWN_DIFFERENCES) -> None:
    """Make the file exact for these versions: what is new gets `reason`, what is gone goes, the rest stays as it is."""
    data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    for version, each in replays.items():
        known = known_differences(version, path)
        grouped: dict[str, dict[str, list[int]]] = {}
        for script in set(known) - {one.script for one in each}:
            for step, why in known[script].items():
                grouped.setdefault(why, {}).setdefault(script, []).append(step)
        for one in each:
            for comparison in one.comparisons:
                if comparison.differs:
                    step = comparison.recorded.step
                    why = known.get(one.script, {}).get(step, reason)
                    grouped.setdefault(why, {}).setdefault(one.script, []).append(step)
        data[version] = {
            why: {script: written_steps(steps) for script, steps in sorted(grouped[why].items())}
            for why in sorted(grouped)
        }
    newest_first = dict(sorted(data.items(), key=lambda item: releases.numbers_of(item[0]), reverse=True))
    text = yaml.safe_dump(newest_first, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(_HEAD + text, encoding="utf-8")
