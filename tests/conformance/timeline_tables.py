"""The tables of `docs/conformance.md` about timelines: which were recorded of which version, and how much is chance."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from .jitter import ALL_GENERATIONS, jitter_path, read_jitter
from .recording import RECORDINGS, recorded_versions
from .script import CORPUS


def timelines() -> Iterator[str]:
    """One row per timeline, one column per version; tests fail if one that is recorded does not agree."""
    recorded = {
        version: {path.name.split(".")[0] for path in (RECORDINGS / version / "timelines").glob("*.gz")}
        for version in recorded_versions()
    }
    versions = [version for version, names in recorded.items() if names]
    yield f"| timeline | what happens | {' | '.join(versions)} |"
    yield f"| --- | --- |{' :---: |' * len(versions)}"
    for path in sorted((CORPUS / "timelines").glob("*.yaml")):
        first_line = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        marks = ["agrees" if path.stem in recorded[version] else "-" for version in versions]
        if marks != ["-"] * len(versions):
            yield f"| `{path.stem}` | {first_line} | {' | '.join(marks)} |"
    totals = [str(len(recorded[version])) for version in versions]
    yield f"| *all* | | {' | '.join(totals)} |"


def chance() -> Iterator[str]:
    """One row per timeline that was played ten times."""
    yield "| Kafka | timeline | instants compared | spread over ten runs: median | largest | of generations |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for version in recorded_versions():
        if jitter_path(version).exists():
            for name, rows in read_jitter(version).items():
                spreads = [each.spread_ms for each in rows]
                generations = [each.spread_ms for each in rows if each.path == ALL_GENERATIONS]
                yield (
                    f"| {version} | `{name}` | {len(rows)} | {median(spreads):.0f} ms | {max(spreads)} ms |"
                    f" {max(generations, default=0)} ms |"
                )
