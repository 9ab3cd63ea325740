"""The nouns of Kafka Connect that every other room of core uses.

Rules of this room: plain values only, no behaviour beyond order and text. Names are Connect's own. Values that fill
large sets (connector names, task ids) are interned, so that a set operation costs one pointer comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class State(Enum):
    """``AbstractStatus.State``; DESTROYED is the tombstone and never shown."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"


class TargetState(Enum):
    """``TargetState``: what the user wants of a connector, kept in the config topic."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class ConnectorTaskId:
    """``ConnectorTaskId``: interned, so equality is identity and hashing costs nothing. Use :meth:`of`."""

    __slots__ = ("connector", "task", "text")
    connector: Final[str]
    task: Final[int]
    text: Final[str]

    _all: dict[tuple[str, int], ConnectorTaskId] = {}  # noqa: RUF012 - the intern table, bounded by what tests create

    def __init__(self, connector: str, task: int) -> None:
        self.connector = connector
        self.task = task
        self.text = f"{connector}-{task}"

    @classmethod
    def of(cls, connector: str, task: int) -> ConnectorTaskId:
        key = (connector, task)
        found = cls._all.get(key)
        if found is None:
            found = cls._all.setdefault(key, cls(connector, task))
        return found

    def __lt__(self, other: ConnectorTaskId) -> bool:
        return (self.connector, self.task) < (other.connector, other.task)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ConnectorTaskId({self.text})"

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return (ConnectorTaskId.of, (self.connector, self.task))


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one worker runs or is told to run, in the order that matters to the assignor."""

    connectors: tuple[str, ...] = ()
    tasks: tuple[ConnectorTaskId, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.connectors or self.tasks)


NOTHING = Assignment()

Config = Mapping[str, str | None]
"""A connector config as Connect keeps it: texts, and null where a JSON null slipped through validation."""

TaskConfig = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Status:
    """One record of the status topic (``AbstractStatus``)."""

    state: State
    worker_id: str
    generation: int
    trace: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class RestartRequest:
    """``RestartRequest``: connector restart with its two flags; ``impact`` orders merging requests."""

    connector: str
    only_failed: bool
    include_tasks: bool

    @property
    def impact(self) -> int:
        return (1 if self.include_tasks else 0) + (0 if self.only_failed else 2)
