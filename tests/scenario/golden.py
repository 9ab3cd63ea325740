"""Golden timelines of the shipped scenarios: ``python -m tests.scenario.golden [NAME...]`` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

from mockconnect.playing import play_alone
from mockconnect.scenario.report import HEAD, Report, columns
from mockconnect.scenario.shipped import shipped_names
from mockconnect.staging import staged


def golden_file(name: str) -> Path:
    return Path(__file__).parent / "golden" / f"{name}.txt"


def played(name: str, **arguments: object) -> Report:
    return play_alone(staged({"scenario": name, **arguments}))


def golden_text(report: Report) -> str:
    """Rows and verdicts; the end has the path of the file, which is not the same everywhere."""
    rows = [columns(row, report.started_at_ms) for row in report.rows]
    verdicts = [f"{one.word:<10} {one.kind:<10} {one.text}" for one in report.verdicts]
    return "\n".join([HEAD, *rows, "", *verdicts, f"trace {report.trace_hash}", ""])


def main(names: list[str]) -> None:
    for name in names or shipped_names():
        golden_file(name).write_text(golden_text(played(name)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
