"""Replays rounds recorded from Connect's real assignor class: every answer has to be identical, order
included.

    python tests/core/golden_assignor.py tests/core/data/incremental_cooperative.jsonl.gz

prints ``identical N/N rounds``; it exits with 1 and the first differences if there are any.

A file holds one history per line: the delay that its leader was configured with, and its rounds in order. A
round is what the assignor was given (``in``) and what it answered (``out``). ``applied: false`` marks a
round whose outcome never reached the leader; all that the assignor sees of that is the
``last_completed_generation`` of the next round, so a replay needs nothing but the inputs.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

if __name__ == "__main__":  # the package beside these tests is the one to judge, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mockconnect.core.assignor import IncrementalCooperativeAssignor, Round
from mockconnect.core.terms import Assignment, ConnectorTaskId

DIFFERENCES_SHOWN_MAX = 5


class Items(TypedDict):
    connectors: list[str]
    tasks: list[str]


class Answer(TypedDict):
    assigned: Items
    revoked: Items


class RoundIn(TypedDict):
    now_ms: int
    generation: int
    last_completed_generation: int
    connectors: dict[str, int]
    members: dict[str, Items]


class RoundOut(TypedDict):
    delay_ms: int
    members: dict[str, Answer]


RecordedRound = TypedDict("RecordedRound", {"in": RoundIn, "out": RoundOut, "applied": bool})


class History(TypedDict):
    seed: int
    scheduled_rebalance_max_delay_ms: int
    rounds: list[RecordedRound]


@dataclass(frozen=True, slots=True)
class Difference:
    seed: int
    round_index: int
    recorded: RecordedRound
    answered: RoundOut

    def __str__(self) -> str:
        return "\n".join(
            [
                f"history {self.seed}, round {self.round_index}:",
                f"  in       {json.dumps(self.recorded['in'])}",
                f"  expected {json.dumps(self.recorded['out'])}",
                f"  answered {json.dumps(self.answered)}",
            ]
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    rounds: int
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        return f"identical {self.rounds - len(self.differences)}/{self.rounds} rounds"


def read_histories(file: Path) -> Iterator[History]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def replay(
    files: list[Path],
    new_assignor: Callable[[int], IncrementalCooperativeAssignor] = IncrementalCooperativeAssignor,
) -> Verdict:
    rounds = 0
    differences: list[Difference] = []
    for history in (history for file in files for history in read_histories(file)):
        rounds += len(history["rounds"])
        differences += _replay_history(history, new_assignor(history["scheduled_rebalance_max_delay_ms"]))
    return Verdict(rounds, tuple(differences))


def _replay_history(history: History, assignor: IncrementalCooperativeAssignor) -> Iterator[Difference]:
    for index, recorded in enumerate(history["rounds"]):
        answered = _as_recorded(_perform(assignor, recorded["in"]))
        if answered != recorded["out"]:
            yield Difference(history["seed"], index, recorded, answered)


def _perform(assignor: IncrementalCooperativeAssignor, given: RoundIn) -> Round:
    return assignor.perform(
        now_ms=given["now_ms"],
        generation=given["generation"],
        last_completed_generation=given["last_completed_generation"],
        connectors=given["connectors"],
        members={member: _assignment(items) for member, items in given["members"].items()},
    )


def _assignment(items: Items) -> Assignment:
    return Assignment(tuple(items["connectors"]), tuple(map(parse_task_id, items["tasks"])))


def parse_task_id(text: str) -> ConnectorTaskId:
    connector, _, task = text.rpartition("-")
    return ConnectorTaskId.of(connector, int(task))


def _as_recorded(outcome: Round) -> RoundOut:
    return {
        "delay_ms": outcome.delay_ms,
        "members": {
            member: {"assigned": _items(result.assigned), "revoked": _items(result.revoked)}
            for member, result in outcome.members.items()
        },
    }


def _items(assignment: Assignment) -> Items:
    return {"connectors": list(assignment.connectors), "tasks": list(map(str, assignment.tasks))}


def main(arguments: list[str]) -> int:
    if not arguments:
        print("usage: golden_assignor.py FILE.jsonl.gz...", file=sys.stderr)
        return 2
    verdict = replay([Path(argument) for argument in arguments])
    print(verdict)
    for difference in verdict.differences[:DIFFERENCES_SHOWN_MAX]:
        print(difference)
    return 1 if verdict.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
