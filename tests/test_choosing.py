"""Which plugins a worker has: names, globs and releases of a catalogue, files, captures, and what is taken away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from mockconnect import catalog, choosing
from mockconnect.arguments.reading import read_options
from mockconnect.catalog import Entry
from mockconnect.choosing import UnknownPluginError, chosen, named, on_worker
from mockconnect.core.declared import simulated_connector
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.problems import Problem
from mockconnect.options import OptionsError

NEWEST = KafkaVersion.parse("4.3.1")
POSTGRES, MYSQL = "io.acme.pg.PostgresConnector", "io.acme.my.MySqlConnector"
ENTRIES = (
    Entry("file-source", "apache", "org.apache.kafka.connect.file.FileStreamSourceConnector", "source"),
    Entry("acme-mysql", "acme", MYSQL, "source", "3.2.1", "3.2.1"),
    Entry("acme-mysql", "acme", MYSQL, "source", "2.7.0.Final", "2.7.0.Final"),
    Entry("acme-postgres", "acme", POSTGRES, "source", "3.20.0", "3.20.0"),
    Entry("acme-postgres", "acme", POSTGRES, "source", "3.2.1", "3.2.1", brings=("acme-unwrap",)),
    Entry("acme-postgres", "acme", POSTGRES, "source", "2.7.0.Final", "2.7.0.Final"),
    Entry("acme-unwrap", "acme", "io.acme.Unwrap", "transformation", "3.2.1", "3.2.1"),
    Entry("other-sink", "other", "org.other.PostgresConnector", "sink", "1.0", None),
)


def releases(text: str) -> list[str]:
    return [f"{one.name}@{one.release}" for one in named(text, ENTRIES)]


# --- names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme-postgres", ["acme-postgres@3.20.0"]),
        ("acme-postgres@latest", ["acme-postgres@3.20.0"]),
        ("Acme-Postgres@3.2", ["acme-postgres@3.2.1"]),
        ("acme-postgres@3.2.1", ["acme-postgres@3.2.1"]),
        ("acme-postgres@2.7", ["acme-postgres@2.7.0.Final"]),
        ("acme-postgres@*", ["acme-postgres@3.20.0", "acme-postgres@3.2.1", "acme-postgres@2.7.0.Final"]),
        ("acme-postgres@3*", ["acme-postgres@3.20.0", "acme-postgres@3.2.1"]),
        ("acme-*@2.7", ["acme-mysql@2.7.0.Final", "acme-postgres@2.7.0.Final"]),
        ("acme-*", ["acme-mysql@3.2.1", "acme-postgres@3.20.0", "acme-unwrap@3.2.1"]),
        ("acme", ["acme-mysql@3.2.1", "acme-postgres@3.20.0", "acme-unwrap@3.2.1"]),
        (f"{POSTGRES}@3.2", ["acme-postgres@3.2.1"]),
        ("MySqlConnector", ["acme-mysql@3.2.1"]),
        ("mysql", ["acme-mysql@3.2.1"]),
        ("io.acme.*.*Connector", ["acme-mysql@3.2.1", "acme-postgres@3.20.0"]),
        ("file-source", ["file-source@"]),
    ],
)
def test_a_name_means(text: str, expected: list[str]) -> None:
    assert releases(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acme-postgress", "'acme-postgress' is not in the catalogue; did you mean 'acme-postgres'?"),
        ("zzz-*", "'zzz-*' is not in the catalogue; mockconnect plugins list shows what there is"),
        ("acme-mysql@9", "'acme-mysql' has no release '9'; there are 3.2.1, 2.7.0.Final"),
        ("acme-mysql@3.2.1.1", "'acme-mysql' has no release '3.2.1.1'; there are 3.2.1, 2.7.0.Final"),
        ("file-source@3.9", "'file-source' comes with Kafka and has its version: leave out '@3.9'"),
        (
            "PostgresConnector",
            "'PostgresConnector' may be any of io.acme.pg.PostgresConnector, org.other.PostgresConnector",
        ),
    ],
)
def test_a_name_that_means_nothing_is_told_with_what_was_meant(text: str, expected: str) -> None:
    with pytest.raises(UnknownPluginError) as told:
        named(text, ENTRIES)
    assert str(told.value) == expected


# --- lists ---------------------------------------------------------------------------------------------------------------


def classes(given: object, **more: object) -> list[str]:
    """What is on a worker beside, or instead of, what comes with Kafka."""
    problems: list[Problem] = []
    steps = chosen(given, "plugins", problems, **more)  # type: ignore[arg-type]
    assert problems == []
    shipped = catalog.apache_plugins("4.3.1")
    return [f"{one.simple_name} {one.version}" for one in on_worker(NEWEST, steps) if one not in shipped]


def problems_of(given: object, **more: object) -> list[str]:
    problems: list[Problem] = []
    chosen(given, "plugins", problems, **more)  # type: ignore[arg-type]
    return [str(problem) for problem in problems]


def test_nothing_chosen_is_what_comes_with_kafka() -> None:
    assert on_worker(NEWEST) == catalog.apache_plugins("4.3.1")
    assert on_worker(NEWEST, chosen(None, "plugins", [])) == catalog.apache_plugins("4.3.1")


def test_several_versions_of_a_class_stand_side_by_side() -> None:
    one, two = (simulated_connector("com.acme.A", "source", version) for version in ("1.0", "2.0"))
    assert classes([one, two, one]) == ["A 1.0", "A 2.0"]


def test_a_class_of_ones_own_takes_the_place_of_the_one_that_comes_with_kafka() -> None:
    file_sink = "org.apache.kafka.connect.file.FileStreamSinkConnector"
    mine = simulated_connector(file_sink, "sink", "mine")
    found = on_worker(NEWEST, chosen([mine], "plugins", []))
    assert [one.version for one in found if one.class_name == file_sink] == ["mine"]


def test_what_begins_with_an_exclamation_mark_is_taken_away() -> None:
    mine = {"class": "com.acme.A", "type": "source", "version": "1"}
    found = on_worker(NEWEST, chosen(["!*", mine], "plugins", []))
    assert [one.class_name for one in found] == ["com.acme.A"]
    found = on_worker(
        NEWEST, chosen([mine, "!org.apache.kafka.connect.file.*", "!com.acme.A"], "plugins", [])
    )
    names = {one.class_name for one in found}
    assert not any(".file." in name or name == "com.acme.A" for name in names)
    assert "org.apache.kafka.connect.mirror.MirrorSourceConnector" in names
    found = on_worker(NEWEST, chosen("!file-source", "plugins", []))
    assert not any(one.simple_name == "FileStreamSourceConnector" for one in found)


def test_sets_are_lists_with_a_name() -> None:
    mine = {"class": "com.acme.A", "type": "source", "version": "1"}
    sets = {"mine": [mine], "both": ["mine", {**mine, "class": "com.acme.B"}], "round": ["mine", "round"]}
    assert classes(["both"], sets=sets) == ["A 1", "B 1"]
    assert problems_of(["mine", "round"], sets=sets) == ["plugins[1]: the set 'round' is part of itself"]
    assert problems_of(["bohts"], sets=sets) == ["plugins[0]: unknown set; did you mean 'both'?"]


def test_every_mistake_is_told_at_once() -> None:
    assert problems_of(["file-surce", 3, {"class": "A"}, "none.yaml", "!nothing.*"]) == [
        "plugins[0]: 'file-surce' is not in the catalogue; did you mean 'file-source'?",
        "plugins[1]: expected a name, a file, a dict or a plugin, found 3",
        "plugins[2]: type: missing; expected one of source, sink, transformation, predicate, converter,"
        " header_converter, configprovider, rest_extension, connector_client_config_override_policy, connector",
        "plugins[3]: none.yaml: cannot be read: No such file or directory",
        "plugins[4]: 'nothing.*' is not in the catalogue; mockconnect plugins list shows what there is",
    ]
    assert problems_of(3) == ["plugins: expected a list of plugins or a file with one, found 3"]


def test_an_item_may_be_for_one_worker_only() -> None:
    mine = {"class": "com.acme.A", "type": "source"}
    plugins = [mine, "connect-1=!file-*", "connect-2=!mirror-*"]
    workers = read_options({"workers": 3, "plugins": plugins}).workers
    counts = [
        tuple(
            sum(what in one.class_name for one in plan.plugins) for what in ("acme.A", ".file.", ".mirror.")
        )
        for plan in workers
    ]
    assert counts == [(1, 2, 3), (1, 0, 3), (1, 2, 0)]
    with pytest.raises(OptionsError) as told:
        read_options({"plugins": ["file-*", "connect-7=file-*", "connect-1=fil-surce"]})
    assert [str(problem) for problem in told.value.problems] == [
        "plugins[1]: there is no worker 'connect-7'",
        "plugins[2]: 'fil-surce' is not in the catalogue; did you mean 'file-source'?",
    ]


# --- files -----------------------------------------------------------------------------------------------------------------

MINE = """
- class: com.acme.A
  type: source
  version: 1.10
  config: [url, {name: retries, type: INT, default_value: 3, validator: [range, 0]}]
"""
CAPTURE = """
apiVersion: mockconnect/v1
kind: Cluster
plugin_sets:
  old: ["!*", {class: com.acme.A, type: source, version: "1.0", location: "file:/a-1/"}]
workers:
- {name: blue, plugins: [old]}
- {name: green, plugins: [old, {class: com.acme.A, type: source, version: "2.0", location: "file:/a-2/"}]}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.yaml", MINE),
        ("mine.yml", "plugins:" + MINE),
        ("mine.json", json.dumps({"class": "com.acme.A", "type": "source", "version": "1.10"})),
    ],
)
def test_a_file_has_a_list_or_one_plugin(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(dedent(text))
    assert classes(str(path)) == classes([path]) == ["A 1.10"]


def test_of_a_cluster_file_the_plugins_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "capture.yaml"
    path.write_text(CAPTURE)
    assert classes([path]) == ["A 1.0", "A 2.0"]
    assert classes([f"{path}#blue"]) == ["A 1.0"]
    assert classes([f"{path}#green"]) == ["A 1.0", "A 2.0"]
    assert len(on_worker(NEWEST, chosen(f"{path}#blue", "plugins", []))) == 1
    assert problems_of([f"{path}#bleu"]) == [
        f"plugins[0]: {path}: worker 'bleu' is unknown; did you mean 'blue'?"
    ]


def test_mistakes_in_a_file_have_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- file-surce\n- class: com.acme.A\n  typ: source\n- nothing.json\n")
    assert problems_of(["file-sink", path]) == [
        f"plugins[1]: {path}:3: [1].typ: unknown; did you mean 'type'?"
    ]
    path.write_text("- file-surce\n- class: com.acme.A\n  type: sourc\n- nothing.json\n")
    assert problems_of([path]) == [
        f"plugins[0]: {path}:1: [0]: 'file-surce' is not in the catalogue; did you mean 'file-source'?",
        f"plugins[0]: {path}:2: [1]: type: expected one of source, sink, transformation, predicate, converter,"
        " header_converter, configprovider, rest_extension, connector_client_config_override_policy, connector,"
        " found 'sourc'",
        f"plugins[0]: {path}:4: [2]: nothing.json: cannot be read: No such file or directory",
    ]


# --- costs ---------------------------------------------------------------------------------------------------------------

READ = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and "catalog" in str(args[0]) else None)
from mockconnect.arguments.reading import read_options
options = read_options({"workers": 1, "plugins": %r})
print([name for name in opened if name.endswith(".json") and not name.endswith("index.json")])
next(one for one in options.workers[0].plugins if one.simple_name == "FileStreamSourceConnector").definition()
print(sum(name.endswith(".json") and not name.endswith("index.json") for name in opened))
"""


@pytest.mark.parametrize("plugins", [None, ["*"]])
def test_no_definition_is_read_before_it_is_asked_for(plugins: object) -> None:
    done = subprocess.run([sys.executable, "-c", READ % plugins], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "1"]


def test_the_catalogue_has_names_for_what_comes_with_kafka() -> None:
    assert [one.class_name for one in choosing.named("file-*")] == [
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
    ]


# --- the real catalogue ------------------------------------------------------------------------------------------------------


def test_a_chosen_connector_brings_what_lies_in_its_archive() -> None:
    found = on_worker(NEWEST, chosen("debezium-postgres@3.2", "plugins", []))
    names = {one.simple_name: one for one in found if one.class_name.startswith("io.debezium.")}
    postgres = names["PostgresConnector"]
    assert postgres.known_version.startswith("3.2.")
    assert postgres.is_isolated
    assert names["ExtractNewRecordState"].location == postgres.location
    assert len(postgres.definition().keys) > 50


def test_every_plugin_of_the_catalogue_has_a_definition_and_a_name_of_its_own() -> None:
    steps = chosen("*@*", "plugins", [])
    for one in on_worker(NEWEST, steps):
        assert one.definition() is not None
    connectors = [one for one in catalog.entries() if one.kind in ("source", "sink")]
    for one in connectors:
        assert one in named(f"{one.name}@{one.release}" if one.release else one.name)
        assert one.class_name in {found.class_name for found in named(one.class_name)}
