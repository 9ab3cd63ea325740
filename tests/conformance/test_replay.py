"""mockconnect against the recordings of real workers: these scripts are answered byte for byte."""

from __future__ import annotations

import pytest

from .compare import Verdict, compare, difference
from .oracle.releases import NEWEST
from .player import Player
from .recording import read_recording, recording_path
from .script import CORPUS, load_script
from .simulated import simulated_factory

# Scripts of which every exchange is the same. A script joins the list when it is, and stays.
EXACT = (
    "admin-listener",
    "auth",
    "bodies",
    "coercion",
    "cors",
    "cors-any",
    "create",
    "internal",
    "lifecycle",
    "listing",
    "long",
    "media",
    "methods",
    "names",
    "paths",
    "slow",
    "standalone",
    "tracking-off",
    "unknown",
)


@pytest.mark.parametrize("name", EXACT)
def test_every_answer_is_that_of_a_real_worker(name: str) -> None:
    script = load_script(CORPUS / f"{name}.yaml")
    with simulated_factory(NEWEST)(script.cluster) as target:
        rows = list(Player(target, script.cluster.authorization).play(script))
    comparisons = compare(name, read_recording(recording_path(NEWEST, name)), rows)
    different = [difference(one) for one in comparisons if one.verdict != Verdict.SAME]
    assert not different, "\n".join(different)
