"""The picture of a run as SVG: time from left to right, a lane per worker.

Rules of this room: rows and spans go in, text comes out; nothing is measured by a browser. Colours say states, and
every shape has a title that says the same in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from mockconnect.scenario.operations import name_of_answer
from mockconnect.scenario.recording import answer_of, line_of
from mockconnect.scenario.report import Report, Row, Span, seconds
from mockconnect.scenario.requests import RequestRecord

LEFT: Final = 190
WIDTH: Final = 1_000
RIGHT: Final = 30
ROW: Final = 13
"""Height of one instance in a lane."""
LABEL_MAX: Final = 26
"""Letters that are legible left of the picture."""
LETTER: Final = 5.7
"""About how wide one is beside a bar."""
STATES: Final[Mapping[str, str]] = {
    "RUNNING": "#3fa35f",
    "PAUSED": "#d9a441",
    "STOPPED": "#8c6bb1",
    "FAILED": "#cf4436",
    "RESTARTING": "#4a90c4",
}
PORTS: Final[Mapping[str, str]] = {
    "refused": "#9aa1ab73",
    "jetty_404": "#e8d9a073",
    "stopping": "#e8d9a073",
    "frozen": "#a9c9ea73",
}
"""They lie behind all the rest, so they let the lane shine through."""
PORT_WORDS: Final[Mapping[str, str]] = {
    "refused": "port closed",
    "jetty_404": "starting: 404 without resources",
    "stopping": "stopping",
    "frozen": "frozen",
}
REBALANCE: Final = "#b07cc6"
LEADER: Final = "#2f6fab"
FAULT: Final = "#b5563c"
ANSWERS: Final[Mapping[str, str]] = {
    "2": "#1f78b4",
    "4": "#e08214",
    "5": "#c51b3a",
    "0": "var(--ink)",
}
MARK: Final = "var(--scenario)"
LEGEND: Final[Mapping[str, str]] = {
    **{f"instance {name}": color for name, color in STATES.items()},
    "port closed": PORTS["refused"],
    "starting, stopping": PORTS["jetty_404"],
    "frozen": PORTS["frozen"],
    "rebalance": REBALANCE,
    "leader": LEADER,
    "fault": FAULT,
    "answer 2xx": ANSWERS["2"],
    "answer 4xx": ANSWERS["4"],
    "answer 5xx": ANSWERS["5"],
    "no answer": ANSWERS["0"],
    "mark": MARK,
}


@dataclass(frozen=True, slots=True)
class Scale:
    """From instants of the cluster to places in the picture."""

    from_ms: int
    to_ms: int

    @property
    def span_ms(self) -> int:
        return max(1, self.to_ms - self.from_ms)

    def x(self, at_ms: int | None) -> float:
        end_ms = self.to_ms if at_ms is None else min(max(at_ms, self.from_ms), self.to_ms)
        return round(LEFT + WIDTH * (end_ms - self.from_ms) / self.span_ms, 1)

    def ticks(self) -> Iterator[int]:
        """Instants from the beginning, at a distance that people like."""
        steps = (
            100,
            200,
            500,
            1_000,
            2_000,
            5_000,
            10_000,
            15_000,
            30_000,
            60_000,
            120_000,
            300_000,
            600_000,
            1_800_000,
            3_600_000,
            7_200_000,
            21_600_000,
        )
        step = next((one for one in steps if self.span_ms / one <= 14), 86_400_000)
        yield from range(0, self.span_ms + 1, step)


def draw(report: Report) -> str:
    """The picture of a whole run."""
    scale = Scale(report.started_at_ms, report.started_at_ms + report.total_ms)
    shapes: list[str] = []
    y = 34
    y = _group(shapes, report, scale, y)
    for worker in _workers(report):
        y = _lane(shapes, worker, report, scale, y)
    y = _faults(shapes, report, scale, y)
    height = y + 10
    shapes += _marks(report, scale, height)
    axis = _axis(scale, height)
    size = f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" width="{LEFT + WIDTH + RIGHT}" height="{height}"'
    label = escape(f"Timeline of {report.scenario}")
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>\n' + "\n".join(
        [*axis, *shapes, "</svg>"]
    )


def _workers(report: Report) -> list[str]:
    """Those of the cluster, and strangers that came."""
    found = dict.fromkeys(report.workers)
    found.update(dict.fromkeys(row.worker for row in report.rows if row.worker not in ("-", "")))
    return list(found)


# --- shapes ---------------------------------------------------------------------------------------------------------------


def _bar(x: float, end: float, y: float, height: float, color: str, title: str, *, opacity: float = 1) -> str:
    width = max(1.5, round(end - x, 1))
    faint = "" if opacity == 1 else f' opacity="{opacity}"'
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2" fill="{color}"{faint}>'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, css: str = "", anchor: str = "start", title: str = "") -> str:
    told = f"<title>{escape(title)}</title>" if title else ""
    return f'<text x="{x}" y="{y}" class="{css}" text-anchor="{anchor}">{escape(text)}{told}</text>'


def _label(y: float, name: str, css: str = "soft") -> str:
    """Left of the picture; of a long name the beginning and the end, where names of a kind differ."""
    short = shortened(name, LABEL_MAX)
    return _text(LEFT - 10, y, short, css, "end", "" if short == name else name)


def shortened(text: str, letters: int) -> str:
    half = (letters - 1) // 2
    return text if len(text) <= letters else f"{text[:half]}…{text[len(text) - half :]}"


def _axis(scale: Scale, height: int) -> Iterator[str]:
    for tick in scale.ticks():
        x = scale.x(scale.from_ms + tick)
        yield f'<line x1="{x}" x2="{x}" y1="24" y2="{height}" class="grid"/>'
        yield _text(x, 16, _when(tick, scale.span_ms), "soft", "middle")


def _when(tick: int, span_ms: int) -> str:
    """In the unit that suits the whole."""
    for unit_ms, unit, least in ((86_400_000, "d", 3), (3_600_000, "h", 3), (60_000, "min", 15)):
        if span_ms >= least * unit_ms:
            return f"{tick / unit_ms:g} {unit}"
    return f"{tick / 1000:g} s"


def _marks(report: Report, scale: Scale, height: int) -> Iterator[str]:
    """What the scenario itself noted, as lines from top to bottom."""
    for row in report.rows:
        if row.kind == "scenario" and row.what == "mark":
            x = scale.x(row.at_ms)
            title = f"{seconds(row.at_ms - report.started_at_ms)} {row.detail}"
            line = f'<line x1="{x}" x2="{x}" y1="24" y2="{height}" stroke="{MARK}" stroke-dasharray="3 3"/>'
            yield f"<g>{line}<title>{escape(title)}</title></g>"


def _between(from_ms: int, to_ms: int | None, report: Report) -> str:
    start = seconds(max(0, from_ms - report.started_at_ms))
    return f"{start} to {'the end' if to_ms is None else seconds(to_ms - report.started_at_ms)}"


# --- the group ------------------------------------------------------------------------------------------------------------


def _group(shapes: list[str], report: Report, scale: Scale, y: int) -> int:
    shapes.append(_text(LEFT - 10, y + 11, "rebalance", "soft", "end"))
    for span in report.picture.rebalances:
        title = f"rebalance, {_between(span.from_ms, span.to_ms, report)}"
        shapes.append(_bar(scale.x(span.from_ms), scale.x(span.to_ms), y, 14, REBALANCE, title))
    return y + 24


# --- workers --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lane:
    """What one worker's rows say."""

    ports: list[Span] = field(default_factory=list)
    instances: dict[str, list[Span]] = field(default_factory=dict)


def _lane(shapes: list[str], worker: str, report: Report, scale: Scale, y: int) -> int:
    lane = _read_lane(worker, report)
    height = max(2, len(lane.instances)) * ROW + 28
    shapes.append(f'<rect x="{LEFT}" y="{y}" width="{WIDTH}" height="{height}" class="lane"/>')
    shapes.append(_label(y + 14, worker, ""))
    for span in lane.ports:
        title = f"{worker}: {PORT_WORDS[span.what]}, {_between(span.from_ms, span.to_ms, report)}"
        shapes.append(_bar(scale.x(span.from_ms), scale.x(span.to_ms), y, height, PORTS[span.what], title))
    _leads(shapes, worker, report, scale, y)
    for number, (name, spans) in enumerate(sorted(lane.instances.items(), key=_by_number)):
        top = y + 8 + number * ROW
        shapes.append(_label(top + 19, name))
        for span in spans:
            title = f"{name} {span.what} on {worker}, {_between(span.from_ms, span.to_ms, report)}"
            shapes.append(
                _bar(scale.x(span.from_ms), scale.x(span.to_ms), top + 10, ROW - 3, STATES[span.what], title)
            )
    for record in report.requests:
        if record.worker == worker:
            shapes.append(_request(record, report, scale, y + height - 8))
    return y + height + 8


def _by_number(named: tuple[str, list[Span]]) -> list[tuple[int, str]]:
    """``c2`` comes before ``c10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", named[0])]


def _leads(shapes: list[str], worker: str, report: Report, scale: Scale, y: int) -> None:
    for span in report.picture.leaders:
        if span.what == worker:
            title = f"{worker} leads, {_between(span.from_ms, span.to_ms, report)}"
            shapes.append(_bar(scale.x(span.from_ms), scale.x(span.to_ms), y, 4, LEADER, title))


def _request(record: RequestRecord, report: Report, scale: Scale, y: float) -> str:
    x, end = scale.x(record.at_ms), scale.x(record.ended_at_ms)
    color = ANSWERS.get(str(record.status_code)[0], ANSWERS["0"])
    answer = answer_of(record) if record.ended else "no answer"
    name = name_of_answer(record.status_code, record.message)
    at = seconds(record.at_ms - report.started_at_ms)
    title = f"{at} {record.by}: {line_of(record)} -> {answer} [{name}], {record.took_ms} ms"
    dot = f'<circle cx="{x}" cy="{y}" r="3.5" fill="{color}"><title>{escape(title)}</title></circle>'
    if end - x < 4:
        return dot
    return f'<line x1="{x}" x2="{end}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>{dot}'


def _read_lane(worker: str, report: Report) -> _Lane:
    lane = _Lane()
    port, port_since = "serving", report.started_at_ms
    open_: dict[str, tuple[str, int]] = {}
    for row in _of(worker, (*report.picture.ports, *report.picture.instances, *report.rows)):
        change = _port_of(row)
        if change is not None:
            if port in PORTS and change != port:
                lane.ports.append(Span(port, port_since, row.at_ms))
            port, port_since = change, row.at_ms
            if change == "refused" or row.detail in ("crash", "start"):
                _close_all(lane, open_, row.at_ms)
        elif row.what in ("connector", "task"):
            _instance(lane, open_, row)
    if port in PORTS:
        lane.ports.append(Span(port, port_since, None))
    for name, (state, since_ms) in open_.items():
        lane.instances.setdefault(name, []).append(Span(state, since_ms, None))
    return lane


def _of(worker: str, rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.worker == worker)


def _port_of(row: Row) -> str | None:
    """How the port behaves from this row on."""
    if row.kind == "port":
        return row.detail
    if row.what == "worker" and row.detail in ("freeze", "thaw"):
        return "frozen" if row.detail == "freeze" else "serving"
    return "refused" if row.what == "worker" and row.detail == "crash" else None


def _close_all(lane: _Lane, open_: dict[str, tuple[str, int]], at_ms: int) -> None:
    for name, (state, since_ms) in open_.items():
        lane.instances.setdefault(name, []).append(Span(state, since_ms, at_ms))
    open_.clear()


def _instance(lane: _Lane, open_: dict[str, tuple[str, int]], row: Row) -> None:
    name, _, state = row.detail.rpartition(" ")
    if state not in STATES and state != "UNASSIGNED":
        return
    label = name if row.what == "connector" else "/".join(name.rsplit("-", 1))
    before = open_.pop(label, None)
    if before is not None:
        lane.instances.setdefault(label, []).append(Span(before[0], before[1], row.at_ms))
    if state in STATES:
        open_[label] = (state, row.at_ms)


# --- faults ---------------------------------------------------------------------------------------------------------------


def _faults(shapes: list[str], report: Report, scale: Scale, y: int) -> int:
    for span in sorted(report.picture.faults, key=lambda span: span.from_ms):
        shapes.append(_label(y + 11, span.what))
        where = f" on {', '.join(span.workers)}" if span.workers else ""
        title = f"{span.detail}{where}, {_between(span.from_ms, span.to_ms, report)}"
        x, end = scale.x(span.from_ms), scale.x(span.to_ms)
        shapes.append(_bar(x, end, y + 2, 10, FAULT, title, opacity=0.8))
        found = [name for name in span.workers if name not in span.detail]
        shapes.append(_beside(x, end, y + 10.5, f"{span.detail}{': ' * bool(found)}{', '.join(found)}"))
        y += 16
    return y


def _beside(x: float, end: float, y: float, text: str) -> str:
    """What a bar is about: right of it, on it, or left of it, where there is room; else cut where there is most."""
    width = len(text) * LETTER
    rooms = {"right": LEFT + WIDTH - end - 6, "on": end - x - 12, "left": x - LEFT - 6}
    place = next(
        (name for name, room in rooms.items() if room >= width), max(rooms, key=lambda name: rooms[name])
    )
    shown = shortened(text, max(1, int(rooms[place] / LETTER)))
    if place == "right":
        return _text(end + 6, y, shown, "small")
    return _text(x - 6, y, shown, "small", "end") if place == "left" else _text(x + 6, y, shown, "in small")
