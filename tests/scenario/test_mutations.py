"""Whatever is in a file, it is read, or its mistakes are told; nothing else happens."""

from __future__ import annotations

import random

import pytest

from mockconnect.files.problems import FileError
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.shipped import shipped_files

SOURCES = [path.read_text(encoding="utf-8") for path in shipped_files()]
WORDS = [
    "",
    "x",
    "-1",
    "1e9",
    "[]",
    "{}",
    "null",
    "~",
    "${x}",
    "leader",
    "10s",
    ">=2",
    "[1, 2]",
    "{a: {b: c}}",
    "true",
]


def mutated(dice: random.Random) -> str:
    """A shipped scenario with some of its words replaced, taken away or doubled."""
    lines = dice.choice(SOURCES).split("\n")
    for _ in range(dice.randint(1, 4)):
        number = dice.randrange(len(lines))
        line = lines[number]
        match dice.randrange(5):
            case 0:
                lines[number] = line.partition(":")[0] + ": " + dice.choice(WORDS)
            case 1:
                del lines[number]
            case 2:
                lines.insert(number, line)
            case 3:
                lines[number] = line.replace(dice.choice("abcdenorst{}[]:,"), dice.choice(WORDS), 1)
            case _:
                lines[number] = " " * dice.randint(0, 6) + line.lstrip()
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(10))
def test_mutated_files_are_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    for number in range(60):
        text = mutated(dice)
        refused = mistakes(text, f"seed {seed}, number {number}")
        assert all(where.startswith("mutated.yaml") for where in refused)


def mistakes(text: str, which: str) -> list[str]:
    """Where they are."""
    try:
        scenario_from_text(text, "mutated.yaml")
    except FileError as error:
        return [problem.where for problem in error.problems]
    except Exception as error:
        raise AssertionError(f"{which}:\n{text}") from error
    return []
