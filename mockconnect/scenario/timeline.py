"""A run as a timeline: fixed columns for people, JSON lines for programs.

Rules of this room: the same run gives the same text, to the byte. Instants are those of the scenario's clock; what came
before it is not shown.
"""

from __future__ import annotations

import msgspec

from mockconnect.scenario.report import HEAD, Report, columns


def text_timeline(report: Report) -> str:
    """The whole run, with its report after it."""
    rows = [columns(row, report.started_at_ms) for row in report.rows]
    return "\n".join([HEAD, *rows, "", report.text(), ""])


def json_lines(report: Report) -> str:
    """One object per row, then one per request, then the report."""
    encode = msgspec.json.encode
    lines = [
        encode(
            {
                "at_ms": row.at_ms - report.started_at_ms,
                "kind": row.kind,
                "worker": row.worker,
                "generation": None if row.generation < 0 else row.generation,
                "what": row.what,
                "detail": row.detail,
            }
        )
        for row in report.rows
    ]
    lines.append(msgspec.json.encode({"kind": "report", **msgspec.json.decode(report.json())}))
    return "".join(f"{line.decode()}\n" for line in lines)
