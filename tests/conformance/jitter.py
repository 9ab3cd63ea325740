"""How much the instants of a timeline are a matter of chance: the same timeline, played by real workers several times.

Kept is, per worker and path, when each state began that every run showed, and when each generation began: all instants,
in order. A worker hears of a rebalance at its next heartbeat, a JVM stops to collect garbage, a machine is busy: that is what
these numbers are made of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .recording import RECORDINGS
from .sightings import Row, Seen, View, generations_in, views_of
from .timelines import Timeline

ALL_GENERATIONS = "generation"


@dataclass(frozen=True, slots=True)
class Transition:
    """A state that a path of a worker came to, or (worker 0) the generation of that number; its instants in every run."""

    worker: int
    path: str
    state: str
    at_ms: tuple[int, ...]

    @property
    def spread_ms(self) -> int:
        return self.at_ms[-1] - self.at_ms[0]


def jitter_path(version: str) -> Path:
    return RECORDINGS / version / "jitter.json"


def read_jitter(version: str) -> dict[str, list[Transition]]:
    """By timeline."""
    data = json.loads(jitter_path(version).read_text(encoding="utf-8"))
    return {
        name: [Transition(worker, path, state, tuple(at_ms)) for worker, path, state, at_ms in rows]
        for name, rows in data.items()
    }


def keep_jitter(version: str, timeline: Timeline, runs: Sequence[Sequence[Row]]) -> None:
    """Write what the runs of one timeline tell, beside what is known of others."""
    path = jitter_path(version)
    data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    data[timeline.name] = [
        [each.worker, each.path, each.state, list(each.at_ms)] for each in transitions(timeline, runs)
    ]
    lines = [
        f"{json.dumps(name)}: [\n"
        + ",\n".join(json.dumps(row, ensure_ascii=False) for row in data[name])
        + "\n]"
        for name in sorted(data)
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def transitions(timeline: Timeline, runs: Sequence[Sequence[Row]]) -> Iterator[Transition]:
    """What every run shows, as far as it lasts in the first."""
    views, until_ms = [views_of(rows) for rows in runs], round(timeline.seconds * 1_000)
    for key, view in sorted(views[0].items()):
        states = [seen for at_ms, seen in view.lasting(until_ms) if at_ms >= 0]
        found = [list(instants(states, other[key])) for other in views]
        for seen, *at_ms in zip(states, *found, strict=True):
            if None not in at_ms:
                yield Transition(*key, told(seen), tuple(sorted(at_ms)))
    yield from _generations(runs)


def _generations(runs: Sequence[Sequence[Row]]) -> Iterator[Transition]:
    began = [[min(got.at_ms for got in each.values()) for each in generations_in(rows)] for rows in runs]
    if len({len(each) for each in began}) == 1:
        for number, at_ms in enumerate(zip(*began, strict=True)):
            yield Transition(0, ALL_GENERATIONS, str(number), tuple(sorted(at_ms)))


def instants(states: Sequence[Seen], view: View) -> Iterator[int | None]:
    """When a view came to these states, one after the other; ``None`` for one that it did not show."""
    position = 0
    for wanted in states:
        rows = enumerate(view.rows[position:], position)
        found = next((n for n, (at_ms, seen) in rows if seen == wanted and at_ms >= 0), None)
        yield None if found is None else view.rows[found][0]
        position = position if found is None else found


def told(seen: Seen) -> str:
    """A state in a few words: complete for a status, by digest for everything else."""
    if isinstance(seen, str):
        return seen
    status_code, body = seen
    if isinstance(body, Mapping) and "connector" in body and "tasks" in body:
        rows = [body["connector"], *body["tasks"]]
        states = [f"{row['state']}@{row['worker_id'].strip('{}').removeprefix('worker:')}" for row in rows]
        return f"{status_code} {' '.join(states)} {body['type']}"
    text = json.dumps(body, ensure_ascii=False)
    return f"{status_code} {text[:40]} {hashlib.sha256(text.encode()).hexdigest()[:8]}"
