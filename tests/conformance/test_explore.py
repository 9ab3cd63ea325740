"""Random runs, with mockconnect on both sides: the harness itself, drawn from a seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from .drawing import Drawer
from .explore import Journey, explore, keep, kept, written
from .oracle.releases import NEWEST
from .script import LOADER, Calm, ClusterWish, Exchange, load_steps
from .simulated import simulated_factory


def conversation(number: int, version: str = NEWEST) -> list[Exchange]:
    return list(Drawer(random.Random(f"1/{number}"), version, 3, number).conversation(25))


def test_a_seed_gives_the_same_conversation_again() -> None:
    assert conversation(3) == conversation(3)
    assert conversation(3) != conversation(4)


@pytest.mark.parametrize("version", [NEWEST, "3.9.1", "2.8.2"])
def test_what_is_drawn_is_written_as_a_step_that_reads_back(version: str) -> None:
    for number in range(20):
        steps = conversation(number, version)
        text = "\n".join(map(written, [*steps, Calm(0.6)]))
        assert load_steps(yaml.load(text, LOADER), "drawn") == (*steps, Calm(0.6))


def test_mockconnect_does_not_differ_from_itself() -> None:
    factories = (simulated_factory(NEWEST), simulated_factory(NEWEST))
    explored = explore(NEWEST, ClusterWish(workers=2), factories, Journey(seed=1, steps=150))
    assert explored.exchanges >= 150
    assert explored.found == []


def test_differences_are_found_shrunk_and_counted_once(tmp_path: Path) -> None:
    """Another version is a mockconnect with many mistakes."""
    factories = (simulated_factory(NEWEST), simulated_factory("3.9.1"))
    explored = explore(NEWEST, ClusterWish(), factories, Journey(seed=1, steps=30))
    assert any(len(found.steps) == 1 for found in explored.found)
    path = tmp_path / "explored.yaml"
    keep(NEWEST, ClusterWish(), 1, explored, path)
    keep(NEWEST, ClusterWish(), 1, explored, path)
    assert [(run["seed"], run["exchanges"]) for run in kept(path)] == [(1, explored.exchanges)]
