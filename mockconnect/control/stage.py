"""What the control API needs of a hosted cluster. Whoever hosts one is such a stage; nothing is defined twice."""

from __future__ import annotations

from typing import Protocol

from mockconnect.core.cluster import Cluster
from mockconnect.options import Options
from mockconnect.rest.clock import Clock
from mockconnect.scenario.player import Player


class Stage(Protocol):
    """A cluster with its clock, its ports and the scenario that is played on it, on the running loop."""

    core: Cluster
    clock: Clock
    options: Options
    urls: tuple[str, ...]
    front_door_url: str | None
    player: Player | None

    def begin(self, *, with_client: bool = False) -> None:
        """Begin to play ``player``."""
