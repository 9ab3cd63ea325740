"""What a worker was doing before a cluster's story begins: the part of a captured cluster that no topic keeps.

Rules of this room: plain values only. The topics hold what was written; a past holds what ran when it was written, so
that a worker goes on with it without a word, as the one that was captured did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mockconnect.core.terms import Assignment, ConnectorTaskId, State


@dataclass(frozen=True, slots=True)
class LoggerLevel:
    """The level of one logger; ``modified_at_ms`` is an instant of virtual time, mostly before its beginning."""

    level: str
    modified_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What one worker holds when its first process starts, by the states of which it wrote last.

    ``known`` is what the group had assigned to anybody, this worker or not: the leader of the first round knows it, and
    waits for whoever holds it.
    """

    connectors: Mapping[str, State] = field(default_factory=dict)
    tasks: Mapping[ConnectorTaskId, State] = field(default_factory=dict)
    known: Assignment = field(default_factory=Assignment)
    loggers: Mapping[str, LoggerLevel] = field(default_factory=dict)

    @property
    def held(self) -> Assignment:
        return Assignment(tuple(self.connectors), tuple(self.tasks))
