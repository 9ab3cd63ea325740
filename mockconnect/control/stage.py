"""What the control API needs of a hosted cluster. Whoever hosts one is such a stage; nothing is defined twice."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from mockconnect.core.cluster import Cluster
from mockconnect.options import Options
from mockconnect.rest.clock import Clock
from mockconnect.scenario.player import Player

Scope = Literal["state", "journal", "faults", "scenario", "clock", "all"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""What a reset can be of."""
EVERYTHING: Final[tuple[Scope, ...]] = ("all",)


NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a snapshot may be called."""
KEPT_MAX: Final = 100


class SnapshotError(ValueError):
    """A snapshot that cannot be taken, or is not there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot that can be restored: the options of a cluster that begins with what was there at ``at_ms``."""

    options: Options
    at_ms: int
    resets: int


class Stage(Protocol):
    """A cluster with its clock, its ports and the scenario that is played on it, on the running loop."""

    core: Cluster
    clock: Clock
    options: Options
    url_of: dict[str, str]
    front_door_url: str | None
    player: Player | None
    resets: int
    """How often the cluster was made anew."""

    def begin(self, *, with_client: bool = False) -> None:
        """Begin to play ``player``."""

    def reset(self, scopes: Collection[Scope] = EVERYTHING) -> None:
        """Make the cluster, or a part of it, what it was when it started."""

    @property
    def kept(self) -> Mapping[str, Kept]:
        """Snapshots by name, in the order in which they were taken."""

    def keep(self, name: str) -> None:
        """Take a snapshot; one of that name is gone then. Raises :class:`SnapshotError`."""

    def restore(self, name: str) -> None:
        """Make the cluster anew, with what the snapshot has. Raises :class:`SnapshotError`."""

    def forget(self, name: str) -> None:
        """Raises :class:`SnapshotError`."""
