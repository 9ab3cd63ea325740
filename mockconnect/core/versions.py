"""What each Kafka version has: one table, asked by name.

Rules of this room: a difference between versions is a row of ``SINCE`` (or ``REMOVED``), and the code asks
``version.has("restart_flags")``. Nobody compares version numbers elsewhere. Rows that were never checked against a
real worker of both sides of the border are listed in docs as unproven.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

NEWEST: Final = "4.3.1"
OLDEST: Final = (0, 10, 0)

SINCE: Final[dict[str, tuple[int, int, int]]] = {
    "connector_type": (1, 0, 0),
    "cluster_id": (1, 1, 0),  # KIP-238
    "incremental_cooperative": (2, 3, 0),  # KIP-415
    "expand": (2, 3, 0),  # KIP-465
    "loggers": (2, 4, 0),  # KIP-495
    "sessioned": (2, 4, 0),  # KIP-507
    "active_topics": (2, 5, 0),  # KIP-558
    "wrapped_validate_errors": (2, 6, 0),  # KAFKA-9374
    "tasks_config": (2, 8, 0),  # KIP-661
    "restart_flags": (3, 0, 0),  # KIP-745
    "plugin_config": (3, 2, 0),  # KIP-769
    "fence": (3, 3, 0),  # KIP-618
    "unknown_type": (3, 4, 0),  # KAFKA-13989
    "relayed_status": (3, 4, 0),  # KAFKA-13702
    "stop": (3, 5, 0),  # KIP-875
    "get_offsets": (3, 5, 0),  # KIP-875
    "rebalance_expected_500": (3, 5, 0),  # KAFKA-15086
    "reconfigure_backoff": (3, 5, 0),
    "alter_offsets": (3, 6, 0),  # KIP-875
    "stale_unassigned_filter": (3, 6, 0),
    "initial_state": (3, 7, 0),  # KAFKA-15470
    "stages": (3, 7, 0),  # KAFKA-15563
    "cluster_loggers": (3, 7, 0),  # KAFKA-15428
    "patch_config": (3, 8, 0),  # KAFKA-16445
    "tasks_max_enforced": (3, 8, 0),  # KAFKA-15575
    "applied_config_restarts_tasks": (3, 8, 0),  # KAFKA-9228
    "health": (3, 9, 0),  # KIP-1017
    "stage_full_stop": (3, 9, 0),  # KAFKA-10816
    "jetty_12": (4, 0, 0),
    "log4j_2": (4, 0, 0),
    "plugin_versions": (4, 1, 0),  # KIP-891
    "status_version": (4, 1, 0),
    "unknown_class_400": (4, 1, 0),
}

REMOVED: Final[dict[str, tuple[int, int, int]]] = {
    "tasks_config": (4, 0, 0),
}


@dataclass(frozen=True, order=True, slots=True)
class KafkaVersion:
    """A version of Kafka Connect, ordered; ``text`` is what ``GET /`` shows."""

    number: tuple[int, int, int]
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> KafkaVersion:
        """``"4.3.1"``, ``"3.9"`` (its first release counts) or with a suffix. Raises :class:`ValueError`."""
        return _parse(text)

    def has(self, feature: str) -> bool:
        return _has(self.number, feature)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=256)
def _parse(text: str) -> KafkaVersion:
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?([-.].+)?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no Kafka version; expected something like {NEWEST!r} or '3.9'")
    number = (int(found[1]), int(found[2]), int(found[3] or 0))
    if number < OLDEST:
        raise ValueError(f"Kafka {text} is older than the oldest simulated version 0.10.0")
    return KafkaVersion(number, text.strip() if found[3] else f"{found[1]}.{found[2]}.0")


@lru_cache(maxsize=4096)
def _has(number: tuple[int, int, int], feature: str) -> bool:
    return number >= SINCE[feature] and number < REMOVED.get(feature, (10**6, 0, 0))
