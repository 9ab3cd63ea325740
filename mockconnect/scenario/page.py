"""One self-contained HTML page of a run: a picture with a lane per worker, the verdicts, and every row.

Rules of this room:

* Nothing is fetched: style, script and picture are in the page. The same run gives the same page.
* The picture shows, from top to bottom: who leads and when the group rebalances, one lane per worker with how its port
  behaves, what runs there in which state, and the requests it got, and at last the faults. Whatever is pointed at
  tells what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from mockconnect.scenario.picture import LEGEND, draw
from mockconnect.scenario.report import Report, Row, Verdict, counted, seconds

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2530; --soft: #6b7684; --line: #d9dee5; --panel: #f5f7f9;
  --request: #1a6fb5; --scenario: #a0459f; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e3e8ee; --soft: #94a0ad; --line: #313a45; --panel: #1c2229;
    --request: #63b0ec; --scenario: #d58bd4; }
}
body { margin: 2rem auto; max-width: 1240px; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.what { color: var(--soft); margin: .25rem 0 1rem; }
.verdict { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; color: #fff; font-weight: 600;
  white-space: nowrap; }
.held { background: #2c8a4b; } .FAILED { background: #c0392b; } .open { background: #8a8f98; }
.figure { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); }
svg { display: block; font: 12px system-ui, sans-serif; } svg text { fill: var(--ink); }
svg text.soft, svg text.small { fill: var(--soft); } svg text.small { font-size: 10.5px; } svg text.in { fill: #fff; }
svg .grid { stroke: var(--line); } svg .lane { fill: var(--panel); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; color: var(--soft); }
ul.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem;
  vertical-align: -1px; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--soft); font-weight: 600; }
td, th { padding: .2rem .6rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.rows { font: 12.5px/1.4 ui-monospace, monospace; } table.rows td { white-space: nowrap; }
table.rows td:last-child { white-space: normal; overflow-wrap: anywhere; }
tr.request td { color: var(--request); } tr.scenario td { color: var(--scenario); } tr.port td { color: var(--soft); }
input { width: 100%; box-sizing: border-box; padding: .4rem .6rem; margin: .5rem 0; border: 1px solid var(--line);
  border-radius: 6px; background: var(--panel); color: var(--ink); font: inherit; }
code { background: var(--panel); padding: .15rem .4rem; border-radius: 4px; }
"""

SCRIPT: Final = """
const wanted = document.getElementById("wanted");
const rows = [...document.querySelectorAll("table.rows tbody tr")];
wanted.addEventListener("input", () => {
  const words = wanted.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
});
"""


def page(report: Report) -> str:
    """The whole page."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(report.scenario)}: timeline</title>",
        f"<style>{STYLE}</style></head><body>",
        *_head(report),
        f'<div class="figure">{draw(report)}</div>',
        _legend(),
        *(_judged(report) if report.is_played else ()),
        "<h2>What happened</h2>",
        '<input id="wanted" placeholder="show only rows with these words" aria-label="filter">',
        _rows(report),
        f"<script>{SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(report: Report) -> Iterator[str]:
    word = "held" if report.held else "FAILED"
    verdict = f' <span class="verdict {word}">{word}</span>' if report.is_played else ""
    yield f"<h1>{escape(report.scenario)}{verdict}</h1>"
    if report.description:
        yield f"<p>{escape(report.description)}</p>"
    count, wanted = report.coverage
    coverage = f", coverage {count} of {wanted}" if wanted else ""
    again = f"<br><code>{escape(report.repro)}</code>" if report.is_played else ""
    yield (
        f'<p class="what">{seconds(report.timeline_ms)} of timeline, {seconds(report.total_ms)} in all, '
        f"{counted(len(report.requests), 'request')}{coverage}, seed {report.seed}, trace {escape(report.trace_hash)}"
        f"{again}</p>"
    )


def _judged(report: Report) -> Iterator[str]:
    yield "<h2>Expectations</h2>"
    yield _table(("verdict", "kind", "expectation", "at", ""), list(map(_verdict_cells, report.verdicts)))
    yield "<h2>Rules</h2>"
    yield _table(("rule", "fired", "first", "last", "ended"), list(_rule_cells(report)))


def _legend() -> str:
    entries = (f'<li><i style="background:{color}"></i>{escape(name)}</li>' for name, color in LEGEND.items())
    return f'<ul class="legend">{"".join(entries)}</ul>'


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    css: str = ""
    badge: str = ""

    def html(self) -> str:
        inner = escape(self.text)
        if self.badge:
            inner = f'<span class="verdict {self.badge}">{inner}</span>'
        return f'<td class="{self.css}">{inner}</td>' if self.css else f"<td>{inner}</td>"


def _table(head: Iterable[str], rows: Sequence[Sequence[_Cell]]) -> str:
    if not rows:
        return '<p class="what">none</p>'
    top = "".join(_head_cell(name, cell.css) for name, cell in zip(head, rows[0], strict=True))
    body = "\n".join(f"<tr>{''.join(cell.html() for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _head_cell(name: str, css: str = "") -> str:
    """Aligned as the column is."""
    return f'<th class="{css}">{escape(name)}</th>' if css else f"<th>{escape(name)}</th>"


_BADGES: Final[Mapping[bool | None, str]] = {True: "held", False: "FAILED", None: "open"}


def _verdict_cells(verdict: Verdict) -> list[_Cell]:
    at = "" if verdict.at_ms is None else seconds(verdict.at_ms)
    return [
        _Cell(verdict.word, badge=_BADGES[verdict.held]),
        _Cell(verdict.kind),
        _Cell(verdict.text),
        _Cell(at, "n"),
        _Cell(verdict.detail),
    ]


def _rule_cells(report: Report) -> Iterator[list[_Cell]]:
    for rule in report.rules:
        fired = rule.fired_at_ms
        yield [
            _Cell(rule.name),
            _Cell(str(len(fired)), "n"),
            _Cell(seconds(fired[0]) if fired else "", "n"),
            _Cell(seconds(fired[-1]) if fired else "", "n"),
            _Cell("" if rule.ended_at_ms is None else seconds(rule.ended_at_ms), "n"),
        ]


def _rows(report: Report) -> str:
    columns = (("time", "n"), ("worker", ""), ("gen", "n"), ("what", ""), ("detail", ""))
    head = "".join(_head_cell(name, css) for name, css in columns)
    body = "\n".join(_row(row, report.started_at_ms) for row in report.rows)
    return f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'


def _row(row: Row, started_at_ms: int) -> str:
    at = f"{(row.at_ms - started_at_ms) / 1000:.3f}"
    generation = "" if row.generation < 0 else str(row.generation)
    cells = f'<td class="n">{at}</td><td>{escape(row.worker)}</td><td class="n">{generation}</td>'
    return f'<tr class="{row.kind}">{cells}<td>{escape(row.what)}</td><td>{escape(row.detail)}</td></tr>'
