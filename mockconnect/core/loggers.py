"""The loggers of one worker: ``Loggers``, on log4j 2 (Kafka 4.0 and later) and on log4j 1 semantics (before).

Rules of this room: levels are lost when the worker restarts. A logger exists once the JVM has made it or somebody set
it; its effective level is its own or that of its nearest parent. Times are virtual milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

LEVELS = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL")
ROOT = "root"


@lru_cache(maxsize=1)
def existing_on_log4j2() -> tuple[str, ...]:
    """Loggers that a 4.3.1 worker had created after some minutes of work (recorded)."""
    text = (files("mockconnect") / "catalog" / "loggers-4.txt").read_text("utf-8")
    return tuple(name for name in text.split() if name != ROOT)


class Loggers:
    """``log4j2`` chooses the semantics: the list shows every logger, and setting answers only what changed."""

    def __init__(self, now_ms: Callable[[], int], *, log4j2: bool) -> None:
        self._now_ms = now_ms
        self._log4j2 = log4j2
        self._own: dict[str, str] = {ROOT: "INFO"} if log4j2 else {ROOT: "INFO", "org.reflections": "ERROR"}
        self._existing: dict[str, None] | None = None
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

    def set_level(self, namespace: str, level: str) -> list[str]:
        """Set a logger and everything whose name starts with it; answers the names Connect lists."""
        target, level = self._canonical(namespace), level.upper()
        matching = [
            name for name in self._names() if target == ROOT or (name != ROOT and name.startswith(target))
        ]
        if target not in matching:
            matching.append(target)
        before = {name: self._effective(name) for name in matching}
        self._names()[target] = None
        for name in self._reconfigured(target, matching):
            if self._log4j2 or before[name] != level:
                self._own[name] = level
        changed = [name for name in matching if before[name] != self._effective(name)]
        for name in changed:
            self._modified_at_ms[name] = self._now_ms()
        return sorted(changed if self._log4j2 else matching)

    def _reconfigured(self, target: str, matching: list[str]) -> list[str]:
        """``Configurator.setAllLevels`` touches loggers that have a level of their own; log4j 1 sets every one."""
        if not self._log4j2:
            return matching
        return [target, *(name for name in matching if name in self._own and name != target)]

    def _names(self) -> dict[str, None]:
        if self._existing is None:
            names = existing_on_log4j2() if self._log4j2 else ()
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
