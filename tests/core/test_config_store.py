"""The fold of the config topic."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mockconnect.core.config_store import (
    COMMIT,
    CONNECTOR,
    LOGGER,
    RESTART,
    TARGET,
    TASK,
    ConfigStore,
    SessionKey,
)
from mockconnect.core.sim import Sim
from mockconnect.core.terms import ConnectorTaskId, RestartRequest, TargetState
from mockconnect.core.topics import Key, Record, Topic


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_connector_config_update(self, connector: str) -> None:
        self.heard.append(f"update {connector}")

    def on_connector_config_remove(self, connector: str) -> None:
        self.heard.append(f"remove {connector}")

    def on_task_config_update(self, tasks: Sequence[ConnectorTaskId]) -> None:
        self.heard.append("tasks " + " ".join(map(str, tasks)))

    def on_target_state_change(self, connector: str) -> None:
        self.heard.append(f"target {connector}")

    def on_session_key_update(self, key: SessionKey) -> None:
        self.heard.append(f"key {key.algorithm}")

    def on_restart_request(self, request: RestartRequest) -> None:
        self.heard.append(f"restart {request.connector}")

    def on_logging_level_update(self, namespace: str, level: str) -> None:
        self.heard.append(f"level {namespace} {level}")


@pytest.fixture
def store() -> ConfigStore:
    store = ConfigStore()
    store.listener = Listener()
    return store


def feed(store: ConfigStore, *rows: tuple[Key, object]) -> list[str]:
    for key, value in rows:
        store.apply(Record(store.offset + 1, key, value, 0))
    assert isinstance(store.listener, Listener)
    return store.listener.heard


TASKS_OF_A: tuple[tuple[Key, object], ...] = (
    ((TASK, "a", "0"), {"n": "0"}),
    ((TASK, "a", "1"), {"n": "1"}),
    ((COMMIT, "a"), 2),
)


def test_task_configs_count_only_after_their_commit(store: ConfigStore) -> None:
    feed(store, ((CONNECTOR, "a"), {"k": "v"}), *TASKS_OF_A[:2])
    assert store.snapshot().task_count("a") == 0
    heard = feed(store, TASKS_OF_A[2])
    state = store.snapshot()
    assert heard == ["update a", "tasks a-0 a-1"]
    assert state.tasks("a") == [ConnectorTaskId.of("a", 0), ConnectorTaskId.of("a", 1)]
    assert state.task_config(ConnectorTaskId.of("a", 1)) == {"n": "1"}
    assert state.task_config(ConnectorTaskId.of("a", 2)) is None


def test_a_snapshot_never_changes(store: ConfigStore) -> None:
    feed(store, ((CONNECTOR, "a"), {"k": "old"}))
    before = store.snapshot()
    feed(store, ((CONNECTOR, "a"), {"k": "new"}), ((CONNECTOR, "b"), {}))
    assert (before.entries["a"].config, before.connectors(), before.offset) == ({"k": "old"}, ["a"], 0)
    assert store.snapshot().entries["a"].config == {"k": "new"}


def test_a_commit_without_its_tasks_is_inconsistent_and_assigns_nothing(store: ConfigStore) -> None:
    feed(store, ((CONNECTOR, "a"), {}), ((TASK, "a", "1"), {"n": "1"}), ((COMMIT, "a"), 2))
    state = store.snapshot()
    assert (state.task_count("a"), state.tasks("a"), state.assignable) == (2, [], {"a": 0})


def test_a_tombstone_takes_everything_but_the_target_state(store: ConfigStore) -> None:
    paused = ((TARGET, "a"), TargetState.PAUSED)
    heard = feed(store, ((CONNECTOR, "a"), {}), *TASKS_OF_A, paused, ((CONNECTOR, "a"), None))
    state = store.snapshot()
    assert heard[-2:] == ["target a", "remove a"]
    assert (state.connectors(), state.task_count("a"), state.assignable) == ([], 0, {})
    assert state.target_state("a") is TargetState.PAUSED
    assert feed(store, ((TARGET, "a"), None))[-1] == "remove a"
    assert store.snapshot().target_state("a") is TargetState.STARTED


def test_a_target_state_is_news_only_when_it_changes(store: ConfigStore) -> None:
    heard = feed(store, ((CONNECTOR, "a"), {}), ((TARGET, "a"), TargetState.STARTED))
    assert heard == ["update a"]
    heard = feed(store, ((TARGET, "a"), TargetState.STOPPED), ((TARGET, "a"), TargetState.STOPPED))
    assert heard == ["update a", "target a"]


def test_before_3_5_stopped_reads_as_paused() -> None:
    store = ConfigStore(knows_stopped=False)
    store.apply(Record(0, (TARGET, "a"), TargetState.STOPPED, 0))
    assert store.snapshot().target_state("a") is TargetState.PAUSED


def test_restarts_and_levels_concern_running_workers_only() -> None:
    booting = ConfigStore()
    booting.apply(Record(0, (RESTART, "a"), RestartRequest("a", False, True), 0))
    booting.apply(Record(1, (LOGGER, "org.x"), "DEBUG", 0))
    booting.listener = Listener()
    assert booting.listener.heard == []
    assert feed(booting, ((LOGGER, "org.x"), "WARN")) == ["level org.x WARN"]


def test_workers_that_boot_together_share_a_fold_and_then_part() -> None:
    topic = Topic("configs", Sim())
    topic.append((CONNECTOR, "a"), {"k": "v"})
    first, second = ConfigStore(), ConfigStore()
    first.load(topic)
    second.load(topic)
    assert first.snapshot() is second.snapshot()
    first.apply(topic.append((CONNECTOR, "b"), {}))
    assert (first.snapshot().connectors(), second.snapshot().connectors()) == (["a", "b"], ["a"])
    assert second.offset == 0
