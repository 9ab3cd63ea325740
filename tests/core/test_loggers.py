"""Levels on log4j 2 (4.0 and later) and log4j 1."""

from __future__ import annotations

from mockconnect.core.loggers import Loggers

CONNECT = "org.apache.kafka.connect.runtime"


def names(rows: list[tuple[str, str, int | None]]) -> list[str]:
    return [name for name, _, _ in rows]


def test_log4j2_lists_every_logger_sorted_with_root() -> None:
    levels = Loggers(lambda: 5, log4j2=True).levels()
    assert f"{CONNECT}.Worker" in names(levels)
    assert ("root", "INFO", None) in levels
    assert names(levels) == sorted(names(levels))


def test_log4j2_answers_what_changed_and_children_inherit() -> None:
    loggers = Loggers(lambda: 5, log4j2=True)
    changed = loggers.set_level(CONNECT, "debug")
    assert changed[0] == CONNECT
    assert f"{CONNECT}.Worker" in changed
    assert loggers.level(f"{CONNECT}.Worker") == ("DEBUG", 5)
    assert loggers.level("org.apache.kafka.connect.util.KafkaBasedLog") == ("INFO", None)
    assert loggers.set_level(CONNECT, "DEBUG") == []


def test_log4j1_lists_what_was_set_and_answers_all_that_match() -> None:
    loggers = Loggers(lambda: 5, log4j2=False)
    assert names(loggers.levels()) == ["org.reflections", "root"]
    assert loggers.set_level("my.logger", "WARN") == ["my.logger"]
    assert loggers.set_level("m", "WARN") == ["m", "my.logger"]
    assert loggers.level("my.logger") == ("WARN", 5)


def test_root_in_any_case_is_the_root_and_means_all() -> None:
    for log4j2 in (True, False):
        loggers = Loggers(lambda: 5, log4j2=log4j2)
        loggers.set_level("some.logger", "WARN")
        assert "some.logger" in loggers.set_level("ROOT", "ERROR")
        assert loggers.level("Root") == ("ERROR", 5)


def test_an_unknown_logger_is_not_made_by_asking() -> None:
    loggers = Loggers(lambda: 5, log4j2=True)
    assert loggers.level("nobody") is None
    assert "nobody" not in names(loggers.levels())
