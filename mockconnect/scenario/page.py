"""One self-contained HTML page of a run."""

from __future__ import annotations

from mockconnect.scenario.report import Report


def page(report: Report) -> str:
    return report.text()
