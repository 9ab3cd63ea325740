"""Conditions on a cluster and filters of requests, as a file says them.

Rules of this room: types only, and the texts that show them again. A condition is all of its parts at once; ``any``
and ``not`` make the rest. What they mean on a cluster is in ``view``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from mockconnect.files.cluster import Text
from mockconnect.scenario.parts import Count, Part, Several

Shown = Literal["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING", "NONE"]
"""A state as statuses show it; ``NONE`` is no status at all."""


class TaskCounts(Part, kw_only=True, frozen=True):
    """How many tasks of a connector are in a state; ``shown`` have a status at all, ``configured`` should have one."""

    running: Count | None = None
    failed: Count | None = None
    unassigned: Count | None = None
    paused: Count | None = None
    stopped: Count | None = None
    restarting: Count | None = None
    shown: Count | None = None
    configured: Count | None = None


class RequestFilter(Part, kw_only=True, frozen=True):
    """Requests by what they ask. What is left out does not matter."""

    operation: Text | Several | None = None
    """Names of operations, or ``any_read`` and ``any_write``."""
    connector: Text | None = None
    """A name, or a pattern with ``*``."""
    worker: Text | None = None
    """Whoever gets it: a name, ``leader`` or ``follower``."""
    class_: Text | None = msgspec.field(name="class", default=None)
    """The connector class in the config that is sent."""
    by: Literal["client", "scenario"] | None = None
    rule: Text | None = None
    """Only requests of the scenario itself, made by that rule."""


class AnswerFilter(RequestFilter, kw_only=True, frozen=True):
    """Requests that have ended, by their answers too."""

    answer: Text | Several | None = None
    """``409``, ``5xx``, ``none`` (the connection broke), or a name such as ``409.stale_config``."""
    message: Text | None = None
    """The message of the error, with ``*``."""
    shows: Text | None = None
    """The whole answer as compact JSON, with ``*``."""
    took: Text | None = None
    """How long it took: ``>=10s``, ``<1s``."""


class WorkersCondition(Part, kw_only=True, frozen=True):
    """How many workers are like that; all of them, if no ``count`` is given."""

    names: Text | Several | None = None
    running: bool | None = None
    serving: bool | None = None
    frozen: bool | None = None
    member: bool | None = None
    kafka_version: Text | None = None
    class_: Text | None = msgspec.field(name="class", default=None)
    """A plugin that the running worker has: its class, or ``class@version``, with ``*``; 3.2 is any 3.2.x."""
    count: Count | None = None


class GroupCondition(Part, kw_only=True, frozen=True):
    """The group as the coordinator sees it."""

    rebalancing: bool | None = None
    leader: Text | None = None
    """A worker's name, or ``none``."""
    generation: Count | None = None
    members: Count | None = None


class PluginsCondition(Part, kw_only=True, frozen=True):
    """A connector class, on all running workers or on those that are named."""

    class_: Text = msgspec.field(name="class")
    on: Text | None = None
    present: bool = True


class Condition(Part, kw_only=True, frozen=True):
    """A state of the cluster; every part that is given must be true."""

    connector: Text | None = None
    task: int | None = None
    state: Shown | Annotated[list[Shown], msgspec.Meta(min_length=1)] | None = None
    """What statuses show of the connector, or of its task."""
    tasks: TaskCounts | None = None
    exists: bool | None = None
    on: Text | None = None
    """Whose view counts: a worker, ``leader``, ``any``; all workers that serve, if left out."""
    worker: Text | None = None
    """The worker that the status names: whoever wrote it last."""
    instances: Count | None = None
    """How many processes really run it."""
    target: Literal["RUNNING", "PAUSED", "STOPPED"] | None = None
    config: dict[str, str] | None = None
    """Entries that the connector's config has."""
    workers: WorkersCondition | None = None
    group: GroupCondition | None = None
    plugins: PluginsCondition | None = None
    plugins_differ: bool | None = None
    """Whether running workers have different connector plugins."""
    views_differ: bool | None = None
    """Whether workers that serve show different statuses of the connector, or of any."""
    settled: bool | None = None
    request: AnswerFilter | None = None
    """A request with that answer has ended."""
    any: Annotated[list[Condition], msgspec.Meta(min_length=1)] | None = None
    not_: Condition | None = msgspec.field(name="not", default=None)


ABOUT_CONNECTOR: Final = ("task", "state", "tasks", "exists", "worker", "instances", "target", "config", "on")
"""Parts of a condition that mean nothing without ``connector``."""


def shown(part: Part) -> str:
    """The part as it could stand in a file, on one line."""
    return _flow(msgspec.to_builtins(part))


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
