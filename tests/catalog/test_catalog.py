"""The catalogue's files hold together, and validation with them answers as real workers did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from mockconnect import catalog
from mockconnect.catalog import Entry
from mockconnect.core.instantiation import connector_task_configs

from . import recordings
from .document import PAGE, page
from .writing import CATALOG

RECORDINGS = sorted(recordings.FOLDER.glob("*.jsonl.gz"))
TASKS = sorted((recordings.FOLDER / "tasks").glob("*.jsonl"))
CAPTURED = [entry for entry in catalog.entries() if entry.family != "apache"]
CONNECTORS = [entry for entry in CAPTURED if entry.kind in ("source", "sink")]
SIZE_MAX_BYTES = 3_000_000


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_answers_are_those_of_a_real_worker(path: recordings.Path) -> None:
    known = recordings.known_differences()
    found = list(recordings.compared(path))
    different = {recordings.identity(one): one.difference for one in found if one.difference}
    new = {name: text for name, text in different.items() if name not in known}
    assert not new
    mine = {recordings.identity(one) for one in found}
    gone = [name for name in known if name in mine and name not in different]
    assert not gone, "listed as different, but identical now"


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.name)
def test_task_configs_are_those_of_a_real_worker(path: recordings.Path) -> None:
    plugins = recordings.plugins_of_group(*recordings.group_of(path))
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if row.get("tasks"):  # one that cannot start has none
            plugin = plugins.plugin(row["connector"])
            assert plugin is not None
            assert connector_task_configs("c1", row["config"], plugin) == row["tasks"], row["connector"]


def test_every_connector_has_ten_recorded_answers() -> None:
    counted = Counter((row["connector"], path.name) for path in RECORDINGS for row in recordings.read(path))
    few = [
        entry.name
        for entry in CONNECTORS
        if counted[entry.class_name, recordings.path_of(entry.family, entry.release).name] < 10
    ]
    assert not few


def test_there_are_more_than_forty_connectors() -> None:
    assert len({entry.class_name for entry in CONNECTORS}) > 40


@pytest.mark.parametrize("entry", CAPTURED, ids=lambda entry: f"{entry.name}@{entry.release}:{entry.kind}")
def test_a_plugin_can_be_read(entry: Entry) -> None:
    first, *others = catalog.plugins_of(entry)
    assert (first.class_name, first.kind, first.version) == (entry.class_name, entry.kind, entry.version)
    assert bool(first.definition().keys) == bool(entry.path)
    assert {other.class_name for other in others} >= {
        other.class_name
        for other in CAPTURED
        if other.name in entry.brings and other.release == entry.release
    }
    assert entry.licence
    assert entry.artifact


def test_a_name_means_one_class() -> None:
    meanings: dict[str, set[str]] = {}
    for entry in catalog.entries():
        meanings.setdefault(entry.name, set()).add(entry.class_name)
    assert not {name: classes for name, classes in meanings.items() if len(classes) > 1}


def test_several_releases_of_one_plugin() -> None:
    releases = [entry.release for entry in CAPTURED if entry.name == "debezium-postgres"]
    assert [release[:3] for release in releases] == ["3.2", "2.7"]


def test_nobody_elses_sentences() -> None:
    for path in CATALOG.rglob("*.json"):
        rows = json.loads(path.read_text(encoding="utf-8"))
        assert not [row for row in rows if row.get("documentation")], path


def test_no_file_is_left_over_and_all_are_small() -> None:
    used = {CATALOG / f"{entry.path}.json" for entry in CAPTURED if entry.path}
    files = {path for path in CATALOG.rglob("*.json") if "apache" not in path.parts}
    assert files - used == {CATALOG / "index.json"}
    assert sum(path.stat().st_size for path in files) < SIZE_MAX_BYTES


def test_importing_reads_nothing_and_listing_reads_the_indexes_only() -> None:
    code = """
import json, sys
read = []
real = json.loads
json.loads = lambda text, *rest, **more: (read.append(len(text)), real(text, *rest, **more))[1]
from mockconnect import catalog
assert not read, read
catalog.entries()
assert len(read) == 2, read
assert catalog.definition.cache_info().currsize == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.catalog document"
