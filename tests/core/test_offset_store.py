"""What tasks have committed: computed, not ticked."""

from __future__ import annotations

import pytest

from mockconnect.core.offset_store import Offset, OffsetStore, Partition, Progress
from mockconnect.core.terms import ConnectorTaskId

FILE = {"filename": "/f"}


def lines(records: int) -> list[tuple[Partition, Offset]]:
    return [(FILE, {"position": 10 * records})]


@pytest.fixture
def store() -> OffsetStore:
    return OffsetStore()


def running(store: OffsetStore, key: object, at_ms: int, rate: float = 2.0) -> Progress:
    progress = Progress(ConnectorTaskId.of("a", 0), rate, 60_000, lines, at_ms)
    store.take_up("source:a", key, progress)
    progress.run(at_ms)
    return progress


def position(store: OffsetStore, now_ms: int) -> object:
    rows = store.read("source:a", now_ms)
    return rows[0][1]["position"] if rows else None


def test_a_running_task_commits_at_every_flush(store: OffsetStore) -> None:
    running(store, "task", 1_000)
    assert position(store, 60_999) is None
    assert position(store, 61_000) == 10 * 120
    assert position(store, 120_999) == 10 * 120
    assert position(store, 121_000) == 10 * 240


def test_a_stop_commits_everything_and_a_crash_only_what_was_flushed(store: OffsetStore) -> None:
    for key, records, expected in (("stopped", 150, 1_500), ("crashed", None, 1_500)):
        progress = running(store, key, 0)
        store.put_down("source:a", key, records)
        assert position(store, 75_000) == expected
        assert progress.records(75_000) == 150


def test_a_task_goes_on_from_what_is_committed(store: OffsetStore) -> None:
    store.commit("source:a", [(FILE, {"position": 1_000})])
    running(store, "task", 0)
    assert position(store, 60_000) == 1_000 + 1_200


def test_a_paused_task_stands_still(store: OffsetStore) -> None:
    progress = running(store, "task", 0)
    progress.rest(10_000)
    assert progress.records(50_000) == 20
    progress.run(50_000)
    assert progress.records(51_000) == 22


def test_null_forgets_one_partition_and_others_stay(store: OffsetStore) -> None:
    other = {"filename": "/g"}
    store.commit("source:a", [(FILE, {"position": 1}), (other, {"position": 2})])
    store.commit("source:a", [(FILE, None)])
    assert store.read("source:a", 0) == [(other, {"position": 2})]
    store.forget("source:a")
    assert store.read("source:a", 0) == []


def test_a_group_has_members_as_long_as_a_task_uses_it(store: OffsetStore) -> None:
    running(store, "task", 0)
    assert store.has_members("source:a")
    store.put_down("source:a", "task", None)
    assert not store.has_members("source:a")
