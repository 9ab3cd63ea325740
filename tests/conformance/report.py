"""`docs/conformance.md`: tables out of a replay of every recorded version, then what `findings.md` says by hand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.catalog.document import catalogue_table

from .compare import Comparison, Verdict, by_endpoint, endpoint_of
from .explore import kept
from .oracle.releases import numbers_of
from .recording import RECORDINGS, read_recording, recorded_versions, recording_path
from .replaying import Replay, known_differences, replay, written_steps
from .scenario_tables import scenarios
from .simulated import simulated_factory
from .timeline_tables import chance, timelines

REPORT = Path(__file__).parents[2] / "docs" / "conformance.md"
README = Path(__file__).parents[2] / "README.md"
FINDINGS = Path(__file__).parent / "findings.md"
_INTRODUCTION = """# Conformance with real Kafka Connect

Scripts of HTTP exchanges are played on real workers, and every answer is recorded byte for byte. The same scripts are played
on mockconnect, and its answers are compared: status, reason, body, headers and their order. This page is written by
`python -m tests.conformance report`; `tests/conformance/README.md` tells how recordings are made.

*Compared* exchanges are *identical*, or *tolerated* (they differ only in an order that each JVM draws anew), or *different*: each
of those is listed in `tests/conformance/known_differences.yaml` with its reason, and tests fail as soon as the list is not exact.
"""
_TIMELINES = """## Timelines

Something happens to a cluster of real workers, while several paths of each are polled. mockconnect plays the same in virtual
time: every state that lasts must be seen on the same worker and path, in the same order, at about the same instant; requests
must be answered alike; the group must go through the same generations, with the same leader, numbers of connectors and tasks,
revocations and delays. The second table tells how much instants of real workers differ among themselves.

"""
_SCENARIOS = """## Scenarios

Shipped scenarios (`docs/scenarios.md`) are played by three real workers (by one alone, if the scenario says so), and the same
files in virtual time: what every worker shows, what is answered, and each generation of the group are compared as in timelines,
and what the scenario expects must hold of the real run, too. Where it says *no*, real workers cannot be given what follows.

"""
_TOTAL = re.compile(r"of [\d,]+ exchanges in \d+\s+versions none\s+differs")


_EXPLORED = """## Explored

Conversations drawn at random (`explore`), held with real workers and with mockconnect at once: long lives of connectors, odd
configs, bodies, paths, queries and headers. What earlier runs found was fixed and is in the corpus; the last column counts
kinds of differences that a run showed, and showed again when it was repeated; these are fixed too.

"""
_CATALOGUE = """## Catalogue

Validate answers of real 4.3.1 workers with the plugins of the catalogue (`docs/catalog.md`), documentation aside.

"""


def report() -> str:
    """The whole page."""
    replays = {version: list(replay(version, simulated_factory(version))) for version in recorded_versions()}
    compared = {
        version: [comparison for one in each for comparison in one.comparisons]
        for version, each in replays.items()
    }
    parts = [
        _INTRODUCTION,
        "## Versions\n\n" + "\n".join(_versions(replays, compared)),
        "## Endpoints\n\nCompared / identical / tolerated; a single number where all are identical.\n\n"
        + "\n".join(_endpoints(compared)),
        _TIMELINES + "\n".join(timelines()) + "\n\n" + "\n".join(chance()),
        _SCENARIOS + "\n".join(scenarios()),
        "## Tolerated\n\n" + "\n".join(_tolerated(compared)),
        "## Different\n\n" + "\n".join(_different(replays)),
        "## Not compared\n\n" + "\n".join(_uncompared(compared)),
        _EXPLORED + "\n".join(_explored()),
        _CATALOGUE + "\n".join(catalogue_table()),
        FINDINGS.read_text(encoding="utf-8"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def with_total(readme: str) -> str:
    """The README with the number of exchanges that the recordings hold for comparison; whether none differs, tests say."""
    versions = recorded_versions()
    names = [path for version in versions for path in (RECORDINGS / version).glob("*.jsonl.gz")]
    number = sum("*" not in row.loose for name in names for row in read_recording(name).rows)
    assert _TOTAL.search(readme), "the README has no line that tells the total"
    return _TOTAL.sub(f"of {number:,} exchanges in {len(versions)} versions none differs", readme)


def _versions(
    replays: Mapping[str, Sequence[Replay]], compared: Mapping[str, Sequence[Comparison]]
) -> Iterator[str]:
    yield "| Kafka | scripts | compared | identical | tolerated | different | not compared | waits given up |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for version, comparisons in compared.items():
        names = [one.script for one in replays[version]]
        given_up = sum(len(read_recording(recording_path(version, name)).in_vain) for name in names)
        count = by_endpoint(comparisons)["TOTAL"]
        left_out = count[Verdict.UNCOMPARED]
        different = sum(one.differs for one in comparisons)
        yield (
            f"| {version} | {len(names)} | {count.total() - left_out} | {count[Verdict.SAME]} |"
            f" {count[Verdict.TOLERATED]} | {different} | {left_out} | {given_up} |"
        )


def _endpoints(compared: Mapping[str, Sequence[Comparison]]) -> Iterator[str]:
    counts = {version: by_endpoint(comparisons) for version, comparisons in compared.items()}
    yield f"| endpoint | {' | '.join(counts)} |"
    yield f"| --- |{' ---: |' * len(counts)}"
    for name in sorted({name for count in counts.values() for name in count}):
        yield f"| `{name}` | {' | '.join(_cell(count.get(name, Counter())) for count in counts.values())} |"


def _cell(count: Counter[Verdict]) -> str:
    total = count.total() - count[Verdict.UNCOMPARED]
    if total and total == count[Verdict.SAME]:
        return str(total)
    return f"{total}/{count[Verdict.SAME]}/{count[Verdict.TOLERATED]}" if total else "-"


def _tolerated(compared: Mapping[str, Sequence[Comparison]]) -> Iterator[str]:
    counts = Counter(
        (one.tolerance, endpoint_of(one.recorded))
        for comparisons in compared.values()
        for one in comparisons
        if one.verdict == Verdict.TOLERATED
    )
    yield "| reason | endpoint | exchanges, all versions |"
    yield "| --- | --- | ---: |"
    yield from (f"| {reason} | `{name}` | {number} |" for (reason, name), number in sorted(counts.items()))


def _explored() -> Iterator[str]:
    yield "| Kafka | cluster | seed | conversations | exchanges | differences |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    runs = sorted(kept(), key=lambda run: (numbers_of(run["kafka_version"]), run["cluster"]), reverse=True)
    yield from (f"| {' | '.join(str(value) for value in run.values())} |" for run in runs)
    total = sum(run["exchanges"] for run in runs)
    yield f"\n{total:,} exchanges."


def _different(replays: Mapping[str, Sequence[Replay]]) -> Iterator[str]:
    rows: list[str] = []
    for version, each in replays.items():
        known = known_differences(version)
        reasons = Counter(
            known.get(one.script, {}).get(comparison.recorded.step, "**not known**")
            for one in each
            for comparison in one.comparisons
            if comparison.differs
        )
        rows += (f"| {version} | {reason} | {number} |" for reason, number in sorted(reasons.items()))
    yield from ("| Kafka | reason | exchanges |", "| --- | --- | ---: |", *rows) if rows else ("None.",)


def _uncompared(compared: Mapping[str, Sequence[Comparison]]) -> Iterator[str]:
    """Steps that a script marks as answered by code that mockconnect does not simulate."""
    steps: dict[tuple[str, str, str], list[int]] = {}
    for version, comparisons in compared.items():
        for one in comparisons:
            if one.verdict == Verdict.UNCOMPARED:
                key = (version, one.script, endpoint_of(one.recorded))
                steps.setdefault(key, []).append(one.recorded.step)
    if not steps:
        yield "Of what is recorded, everything is compared."
    for (version, script, endpoint), numbers in sorted(steps.items()):
        yield f"* {version}: `{endpoint}`, script `{script}`, steps {written_steps(numbers)}"
