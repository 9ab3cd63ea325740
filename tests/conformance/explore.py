"""Random conversations with real workers and with mockconnect at once: what one answers otherwise than the other.

Both sides get each request in turn. After one that changed something, both are let come to rest (`Calm`), so that what is
compared next does not depend on who was quicker. A difference is played again from its beginning with ever fewer steps, and
printed as steps that can be added to the corpus; one that does not come back is counted as chance.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from .compare import Comparison, compare, difference, endpoint_of
from .drawing import JSON_TYPE, Drawer
from .player import Player, PlayError, Row
from .script import Calm, ClusterWish, Exchange, Step
from .target import Target, TargetFactory
from .wire import WireError

KEPT: Final = Path(__file__).parent / "explored.yaml"
CALM: Final = Calm(0.6)
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LENGTH: Final = 25
_ATTEMPTS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A difference, and the fewest steps that showed it; none when it did not come back. `number` is the conversation's."""

    number: int
    comparison: Comparison
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Explored:
    """What came of a run."""

    conversations: int = 0
    exchanges: int = 0
    found: list[Found] = field(default_factory=list)


class Pair:
    """A real cluster and a simulated one, spoken to in turn."""

    def __init__(self, real: Target, here: Target) -> None:
        self._players = tuple(Player(target) for target in (real, here))

    def play(self, steps: Sequence[Step], number: int = 0) -> Iterator[tuple[Step, Comparison | None]]:
        """The steps as they were played, and how alike the answers were; each change is followed by a rest."""
        for position, step in enumerate(steps):
            rows = [player.step(position, step) for player in self._players]
            if not isinstance(rows[0], Row) or not isinstance(rows[1], Row):
                yield step, None
                continue
            yield step, next(compare(f"conversation {number}", rows[:1], rows[1:]))
            if _changed(rows[0]) or _changed(rows[1]):
                yield from self.play([CALM])

    def tidy(self) -> None:
        """No connector is left that can be deleted."""
        for player in self._players:
            try:
                player.tidy()
            except (PlayError, WireError) as error:
                print(f"not tidy: {error}", flush=True)


@dataclass(frozen=True, slots=True)
class Journey:
    """From which conversation on, and when it is enough: so many exchanges, or so long."""

    seed: int
    first: int = 0
    steps: int = 1000
    seconds: float = 86_400


def explore(
    version: str, wish: ClusterWish, factories: Sequence[TargetFactory], journey: Journey
) -> Explored:
    """Converse. Differences are printed as they come, each kind of them once."""
    explored, seen = Explored(), set[tuple[object, ...]]()
    with factories[0](wish) as real, factories[1](wish) as here:
        pair = Pair(real, here)
        deadline = time.monotonic() + journey.seconds
        while explored.exchanges < journey.steps and time.monotonic() < deadline:
            number = journey.first + explored.conversations
            chance = random.Random(f"{journey.seed}/{number}")
            drawer = Drawer(chance, version, wish.workers, number)
            differing = _converse(pair, list(drawer.conversation(_LENGTH)), number, explored)
            pair.tidy()
            for played, comparison in differing:
                if _kind(comparison) not in seen:
                    seen.add(_kind(comparison))
                    found = Found(number, comparison, _shrunk(pair, played, comparison))
                    explored.found.append(found)
                    print(shown(found, journey.seed), flush=True)
            explored.conversations += 1
    return explored


def _converse(
    pair: Pair, conversation: Sequence[Exchange], number: int, explored: Explored
) -> list[tuple[list[Step], Comparison]]:
    """Differences, each with the steps that led to it. A change that only one side made ends the conversation."""
    played: list[Step] = []
    differing: list[tuple[list[Step], Comparison]] = []
    for step, comparison in pair.play(conversation, number):
        played.append(step)
        if comparison is None:
            continue
        explored.exchanges += 1
        if comparison.differs:
            differing.append((list(played), comparison))
            assert comparison.observed is not None
            if _changed(comparison.recorded) != _changed(comparison.observed):
                break
    return differing


def _shrunk(pair: Pair, played: Sequence[Step], comparison: Comparison) -> tuple[Step, ...]:
    """The last step alone, if it is enough; else without ever smaller parts of what came before."""
    *before, last = [step for step in played if isinstance(step, Exchange)]
    kind = _kind(comparison)

    def shows(steps: Sequence[Exchange]) -> tuple[Step, ...]:
        again = list(pair.play([*steps, last]))
        pair.tidy()
        found = [each for _, each in again if each is not None and each.differs]
        return tuple(step for step, _ in again) if any(_kind(each) == kind for each in found) else ()

    best = shows([])
    if best:
        return best
    best = shows(before)
    attempts, size = 0, len(before) // 2
    while best and size and attempts < _ATTEMPTS_MAX:
        for start in range(0, len(before), size):
            attempts += 1
            fewer = [*before[:start], *before[start + size :]]
            if len(fewer) < len(before) and (shorter := shows(fewer)):
                best, before = shorter, fewer
                break
        else:
            size //= 2
    return best


def keep(version: str, wish: ClusterWish, seed: int, explored: Explored, path: Path = KEPT) -> None:
    """Add a run to those that the report tells of; an earlier one with the same seed is replaced."""
    cluster = "standalone" if wish.standalone else f"{wish.workers} worker{'s' if wish.workers > 1 else ''}"
    lasting = sum(bool(found.steps) for found in explored.found)
    run = {
        "kafka_version": version,
        "cluster": cluster,
        "seed": seed,
        "conversations": explored.conversations,
        "exchanges": explored.exchanges,
        "differences": lasting,
    }
    runs = [
        each
        for each in kept(path)
        if (each["kafka_version"], each["cluster"], each["seed"]) != (version, cluster, seed)
    ]
    lines = [
        yaml.safe_dump(each, default_flow_style=True, sort_keys=False, width=200).strip()
        for each in [*runs, run]
    ]
    head = "# Random runs against real workers (`explore --keep`), and how many kinds of differences each found.\n"
    path.write_text(head + "".join(f"- {line}\n" for line in lines), encoding="utf-8")


def kept(path: Path = KEPT) -> list[dict[str, Any]]:
    """The runs that were kept."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or [] if path.exists() else []


def shown(found: Found, seed: int) -> str:
    """Both answers, and steps for the corpus."""
    head = f"{difference(found.comparison)}\n  again: --seed {seed} --first {found.number} --steps 1"
    return "\n".join(
        [head, *(f"  {text}" for text in map(written, found.steps))]
        if found.steps
        else [head, "  did not come back"]
    )


def written(step: Step) -> str:
    """One step as it stands in a script."""
    if isinstance(step, Calm):
        return f"- {{calm: {step.seconds}}}"
    assert isinstance(step, Exchange), step
    said: dict[str, object] = {"send": f"{step.method} {step.target}"}
    if step.worker != "1":
        said["worker"] = int(step.worker)
    headers = [list(pair) for pair in step.headers]
    if step.body is not None:
        text = step.body.decode()
        if step.headers == (JSON_TYPE,):
            headers = []
        said |= {"body": text}
    if headers or (step.body is not None and step.headers != (JSON_TYPE,)):
        said["headers"] = headers
    return (
        "- "
        + yaml.safe_dump(
            said, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6
        ).strip()
    )


def _changed(row: Row) -> bool:
    reads = row.request.target.partition("?")[0].endswith("/validate")
    return (
        row.request.method in _CHANGING and not reads and row.answer is not None and row.answer.status < 300
    )


def _kind(comparison: Comparison) -> tuple[object, ...]:
    """What makes two differences the same for who reads them."""
    rows = (comparison.recorded, comparison.observed)
    answers = [row.answer if row else None for row in rows]
    told = [(answer.status, _gist(answer.body)) if answer else None for answer in answers]
    return comparison.verdict, endpoint_of(comparison.recorded), *told


def _gist(body: str) -> str:
    try:
        data = json.loads(body)
    except ValueError:
        return body[:60]
    message = str(data.get("message", "")) if isinstance(data, dict) else ""
    return re.sub(r"\d+|[\"'].*?[\"']", "#", message)[:60]
