"""What was told of workers and connectors, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mockconnect.capture.definitions import Found
from mockconnect.core.versions import KafkaVersion


@dataclass(slots=True)
class CapturedWorker:
    """What one URL told."""

    url: str
    version: KafkaVersion
    commit: str
    cluster_id: str | None
    plugins: list[Found] = field(default_factory=list)
    loggers: dict[str, Any] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    """Worker properties, as far as answers give them away."""
    worker_id: str = ""
    told_by: str = ""
    """The id of another worker, if it answered in this one's place: behind a balancer."""
    name: str = ""


@dataclass(slots=True)
class CapturedConnector:
    """What was told of one connector."""

    name: str
    config: dict[str, str | None]
    status: dict[str, Any] | None = None
    tasks: list[dict[str, Any]] | None = None
    offsets: list[dict[str, Any]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
