"""What the control API needs of a hosted cluster. Whoever hosts one is such a stage; nothing is defined twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, Protocol, get_args

from mockconnect.core.cluster import Cluster
from mockconnect.options import Options
from mockconnect.rest.clock import Clock
from mockconnect.scenario.player import Player

Scope = Literal["state", "journal", "faults", "scenario", "clock", "all"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""What a reset can be of."""
EVERYTHING: Final[tuple[Scope, ...]] = ("all",)


class Stage(Protocol):
    """A cluster with its clock, its ports and the scenario that is played on it, on the running loop."""

    core: Cluster
    clock: Clock
    options: Options
    urls: tuple[str, ...]
    front_door_url: str | None
    player: Player | None
    resets: int
    """How often the cluster was made anew."""

    def begin(self, *, with_client: bool = False) -> None:
        """Begin to play ``player``."""

    def reset(self, scopes: Collection[Scope] = EVERYTHING) -> None:
        """Make the cluster, or a part of it, what it was when it started."""
