"""The loggers of one worker: ``Loggers``, on log4j 2 (Kafka 4.0 and later) and on log4j 1 semantics (before).

Rules of this room: levels are lost when the worker restarts. A logger exists once the JVM has made it or somebody set
it; its effective level is its own or that of its nearest parent. Times are virtual milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from mockconnect.core.javahash import hashtable_order
from mockconnect.core.past import LoggerLevel
from mockconnect.core.versions import KafkaVersion, Number, exists, has, in_force

LEVELS = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL")
ROOT = "root"


_SHIPPED: Final = (
    ((0, 0, 0), ("org.I0Itec.zkclient", "org.apache.zookeeper", "org.reflections")),
    ((2, 4, 0), ("org.apache.zookeeper", "org.reflections")),
    ((3, 5, 0), ("org.reflections",)),
    ((4, 0, 0), ()),
)
"""Loggers at ``ERROR`` in the configuration file that comes with Kafka; the root is at ``INFO``."""


@lru_cache(maxsize=16)
def existing(version: Number) -> Mapping[str, tuple[str, ...]]:
    """Loggers of a worker (recorded), by what makes them: ``""`` is the start of the worker.

    ``connector``, ``source``, ``task`` and ``sink-task`` are the first start of one; a class name, that of its plugin.
    A line of the file is a name, its maker or ``-``, and the versions from which and before which it exists.
    """
    text = (files("mockconnect") / "catalog" / "loggers.txt").read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, maker, since, until = (*line.split(), "-", "-", "-")[:4]
        if exists(version, _border(since), _border(until)):
            made_by = maker.strip("-")
            found[made_by] = (*found.get(made_by, ()), name)
    return found


def _border(text: str) -> Number | None:
    return None if text == "-" else KafkaVersion.parse(text).number


class Loggers:
    """On log4j 2 the list shows every logger, and setting one answers only what changed."""

    def __init__(self, now_ms: Callable[[], int], version: Number) -> None:
        self._now_ms = now_ms
        self._version = version
        self._log4j2 = has(version, "log4j_2")
        self._own: dict[str, str] = {ROOT: "INFO", **dict.fromkeys(in_force(_SHIPPED, version), "ERROR")}
        self._existing: dict[str, None] | None = None
        self._makers: set[str] = set()
        self._modified_at_ms: dict[str, int] = {}

    @staticmethod
    def is_level(level: str) -> bool:
        return level.upper() in LEVELS

    def levels(self) -> list[tuple[str, str, int | None]]:
        """(name, level, last modified) sorted by name: what ``GET /admin/loggers`` shows."""
        shown = self._names() if self._log4j2 else self._own
        rows = [(name, self._effective(name), self._modified_at_ms.get(name)) for name in sorted(shown)]
        return [row for row in rows if not (self._log4j2 and row[1] == "OFF")]

    def level(self, name: str) -> tuple[str, int | None] | None:
        """Level and last modified of one logger, ``None`` if it does not exist. ``root`` in any case is the root."""
        known = self._canonical(name)
        if known not in self._names():
            return None
        return self._effective(known), self._modified_at_ms.get(known)

    def made_by(self, *makers: str) -> None:
        """Classes are loaded at their first use, and their loggers with them."""
        for maker in makers:
            if maker not in self._makers:
                self._makers.add(maker)
                self._names().update(dict.fromkeys(existing(self._version).get(maker, ())))

    def restore(self, levels: Mapping[str, LoggerLevel]) -> None:
        """Levels that were set before the story begins. On log4j 1 a logger with a level of its own shows, others do not."""
        for name, was in sorted(levels.items(), key=lambda row: (self._canonical(row[0]) != ROOT, row[0])):
            known = self._canonical(name)
            self._names()[known] = None
            if self._effective(known) != was.level or not self._log4j2:
                self._own[known] = was.level
            if was.modified_at_ms is not None:
                self._modified_at_ms[known] = was.modified_at_ms

    def kept(self) -> dict[str, LoggerLevel]:
        """What :meth:`restore` takes on a worker whose time begins now: levels that were set, and how long ago."""
        names = sorted({*self._own, *self._modified_at_ms})
        return {name: LoggerLevel(self._effective(name), self._so_long_ago(name)) for name in names}

    def _so_long_ago(self, name: str) -> int | None:
        at_ms = self._modified_at_ms.get(name)
        return None if at_ms is None else at_ms - self._now_ms()

    def set_level(self, namespace: str, level: str) -> list[str]:
        """Set a logger and everything whose name starts with it; answers the names Connect lists."""
        target, level = self._canonical(namespace), level.upper()
        matching = [
            name for name in self._names() if target == ROOT or (name != ROOT and name.startswith(target))
        ]
        if target not in matching:
            matching.append(target)
        self._names()[target] = None
        if self._log4j2:
            return self._set_on_log4j_2(target, matching, level)
        return self._set_on_log4j_1(matching, level)

    def _set_on_log4j_2(self, target: str, matching: list[str], level: str) -> list[str]:
        """``Configurator.setAllLevels`` touches only the target and loggers that have a level of their own."""
        before = {name: self._effective(name) for name in matching}
        self._own[target] = level
        self._own.update(dict.fromkeys((name for name in matching if name in self._own), level))
        after = {name: self._effective(name) for name in matching}
        # ``allLevels``, with which the worker compares, leaves out what is OFF: that counts as changed, even to OFF.
        changed = [name for name in matching if before[name] == "OFF" or before[name] != after[name]]
        self._modified_at_ms.update(dict.fromkeys(changed, self._now_ms()))
        return sorted(changed)

    def _set_on_log4j_1(self, matching: list[str], level: str) -> list[str]:
        """One logger after the other, in the order of log4j's table, the root last. ``Loggers`` (3.7) passes over one
        that has the level already, be it from a parent whose turn was before."""
        spares_equal = has(self._version, "cluster_loggers")
        for name in self._in_table_order(matching):
            if not (spares_equal and self._effective(name) == level):
                self._own[name] = level
                self._modified_at_ms[name] = self._now_ms()
        return sorted(matching)

    def _in_table_order(self, names: list[str]) -> list[str]:
        """``Hierarchy`` keeps its loggers, and a placeholder for each missing parent, in a ``Hashtable``."""
        if len(names) == 1:
            return names
        table: dict[str, None] = {}
        for name in self._names():
            if name != ROOT:
                table[name] = None
                parts = name.split(".")
                table.update(dict.fromkeys(".".join(parts[:size]) for size in range(len(parts) - 1, 0, -1)))
        wanted = set(names)
        return [name for name in (*hashtable_order(table), ROOT) if name in wanted]

    def _names(self) -> dict[str, None]:
        if self._existing is None:
            names = existing(self._version).get("", ())
            self._existing = dict.fromkeys((*names, *self._own))
        return self._existing

    @staticmethod
    def _canonical(name: str) -> str:
        return ROOT if name.lower() == ROOT or not name else name

    def _effective(self, name: str) -> str:
        while name not in self._own:
            parent = name.rpartition(".")[0]
            if not parent:
                return self._own[ROOT]
            name = parent
        return self._own[name]
