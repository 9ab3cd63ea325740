"""Levels on log4j 2 (4.0 and later) and log4j 1."""

from __future__ import annotations

from mockconnect.core.loggers import Loggers

LOG4J_2, LOG4J_1 = (4, 3, 1), (3, 9, 1)
CONNECT = "org.apache.kafka.connect.runtime"


def names(rows: list[tuple[str, str, int | None]]) -> list[str]:
    return [name for name, _, _ in rows]


def test_log4j2_lists_every_logger_sorted_with_root() -> None:
    levels = Loggers(lambda: 5, LOG4J_2).levels()
    assert f"{CONNECT}.Worker" in names(levels)
    assert ("root", "INFO", None) in levels
    assert names(levels) == sorted(names(levels))


def test_log4j2_answers_what_changed_and_children_inherit() -> None:
    loggers = Loggers(lambda: 5, LOG4J_2)
    changed = loggers.set_level(CONNECT, "debug")
    assert changed[0] == CONNECT
    assert f"{CONNECT}.Worker" in changed
    assert loggers.level(f"{CONNECT}.Worker") == ("DEBUG", 5)
    assert loggers.level("org.apache.kafka.connect.util.KafkaBasedLog") == ("INFO", None)
    assert loggers.set_level(CONNECT, "DEBUG") == []


def test_log4j1_lists_what_was_set_and_answers_all_that_match() -> None:
    loggers = Loggers(lambda: 5, LOG4J_1)
    assert names(loggers.levels()) == ["org.reflections", "root"]
    assert loggers.set_level("my.logger", "WARN") == ["my.logger"]
    assert loggers.set_level("m", "WARN") == ["m", "my.logger"]
    assert loggers.level("my.logger") == ("WARN", 5)


def test_log4j1_passes_over_what_an_earlier_parent_made_equal() -> None:
    loggers = Loggers(lambda: 5, LOG4J_1)
    for level in ("INFO", "WARN", "INFO"):
        loggers.set_level("root", level)
    rest = "org.eclipse.jetty.server.handler.ContextHandler"  # stands before its child in log4j's table
    assert loggers.level(rest) == ("INFO", 5)
    assert loggers.level(f"{rest}.ROOT") == ("INFO", None)
    assert f"{rest}.ROOT" not in names(loggers.levels())


def test_before_3_7_nothing_is_passed_over() -> None:
    loggers = Loggers(lambda: 5, (3, 6, 2))
    loggers.set_level("a b", "INFO")
    assert "a b" in names(loggers.levels())


def test_root_in_any_case_is_the_root_and_means_all() -> None:
    for version in (LOG4J_2, LOG4J_1):
        loggers = Loggers(lambda: 5, version)
        loggers.set_level("some.logger", "WARN")
        assert "some.logger" in loggers.set_level("ROOT", "ERROR")
        assert loggers.level("Root") == ("ERROR", 5)


def test_an_unknown_logger_is_not_made_by_asking() -> None:
    loggers = Loggers(lambda: 5, LOG4J_2)
    assert loggers.level("nobody") is None
    assert "nobody" not in names(loggers.levels())


def test_classes_that_run_connectors_have_loggers_once_something_runs() -> None:
    loggers = Loggers(lambda: 5, LOG4J_2)
    assert loggers.level(f"{CONNECT}.WorkerConnector") is None
    loggers.made_by("connector", "source")
    assert loggers.level(f"{CONNECT}.WorkerConnector") == ("INFO", None)
    assert loggers.level(f"{CONNECT}.WorkerSinkTask") is None
    loggers.made_by("task", "sink-task", "org.apache.kafka.connect.file.FileStreamSinkTask")
    assert loggers.level(f"{CONNECT}.WorkerSinkTask") == ("INFO", None)
    assert loggers.level("org.apache.kafka.connect.file.FileStreamSinkTask") == ("INFO", None)


def test_log4j1_lists_what_the_shipped_file_sets() -> None:
    assert names(Loggers(lambda: 5, (2, 8, 2)).levels()) == [
        "org.apache.zookeeper",
        "org.reflections",
        "root",
    ]
    assert names(Loggers(lambda: 5, LOG4J_1).levels()) == ["org.reflections", "root"]


def test_a_logger_exists_in_the_versions_that_make_it() -> None:
    allowlist = "org.apache.kafka.connect.connector.policy.AllowlistConnectorClientConfigOverridePolicy"
    assert Loggers(lambda: 5, LOG4J_2).level(allowlist) == ("INFO", None)
    assert Loggers(lambda: 5, (4, 1, 2)).level(allowlist) is None
    assert Loggers(lambda: 5, LOG4J_1).level(f"{CONNECT}.Worker") == ("INFO", None)
