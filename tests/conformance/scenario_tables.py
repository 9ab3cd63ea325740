"""The table of `docs/conformance.md` about shipped scenarios: which real workers played, and why they did not play others."""

from __future__ import annotations

from collections.abc import Iterator

from mockconnect.scenario.shipped import shipped_names

from .oracle.releases import NEWEST
from .recording import RECORDINGS
from .scenarios import CHOSEN, KNOWN_DIFFERENT, Choice, scenario_for_oracle, what_is_unplayable

FOLDER = RECORDINGS / NEWEST / "scenarios"
CHOICES = {choice.name: choice for choice in CHOSEN}


def recorded_scenarios() -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in FOLDER.glob("*.jsonl.gz"))


def scenarios() -> Iterator[str]:
    """One row per shipped scenario; tests fail if one that is recorded does not agree."""
    recorded = recorded_scenarios()
    agree = [name for name in recorded if name not in KNOWN_DIFFERENT]
    names = shipped_names()
    yield f"Played by real workers: {len(recorded)} of {len(names)}; {len(agree)} agree.\n"
    yield "| scenario | what happens | played by real workers |"
    yield "| --- | --- | --- |"
    for name in names:
        choice = CHOICES.get(name, Choice(name, 1))
        description = scenario_for_oracle(choice).metadata.description.replace("|", "\\|")
        yield f"| `{name}` | {description} | {_told(choice, is_recorded=name in recorded)} |"


def _told(choice: Choice, *, is_recorded: bool) -> str:
    if not is_recorded:
        problems = [problem.partition(": ")[2] or problem for problem in _unplayable(choice)]
        return f"no: {', '.join(dict.fromkeys(problems))}" if problems else "not yet"
    if choice.name in KNOWN_DIFFERENT:
        return f"**differs**: {KNOWN_DIFFERENT[choice.name]}"
    shortened = ", ".join(f"`{key}` {value}" for key, value in choice.params.items())
    return f"agrees, {choice.seconds:g} s" + (f" ({shortened})" if shortened else "")


def _unplayable(choice: Choice) -> list[str]:
    return list(what_is_unplayable(scenario_for_oracle(choice)))
