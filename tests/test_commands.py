"""``mockconnect plugins``, ``seed`` and ``schema``: what they print, and what they say of mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockconnect.cli.commands import in_words
from mockconnect.cli.main import main
from mockconnect.cli.tables import fixed_columns
from mockconnect.core.fields import CHECKS
from mockconnect.core.validators import VALIDATORS
from mockconnect.files.cluster import cluster_schema


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


# --- plugins list ------------------------------------------------------------------------------------------------------------


def test_list_prints_fixed_columns() -> None:
    result = run("plugins", "list", "file-*")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "NAME         TYPE    VERSION  CLASS",
        "file-sink    sink    4.3.1    org.apache.kafka.connect.file.FileStreamSinkConnector",
        "file-source  source  4.3.1    org.apache.kafka.connect.file.FileStreamSourceConnector",
    ]


def test_list_of_a_type() -> None:
    rows = run("plugins", "list", "--type", "predicate").stdout.splitlines()[1:]
    assert len(rows) >= 3
    assert all(row.split()[1] == "predicate" for row in rows)
    assert refused("plugins", "list", "--type", "sauce") == (
        "mockconnect plugins list: --type: expected one of sink, source, transformation, predicate, converter,"
        " header_converter, found 'sauce'; did you mean 'source'?\n"
    )


def test_list_as_of_an_older_kafka() -> None:
    assert "header-from-value" in run("plugins", "list").stdout
    older = run("plugins", "list", "--kafka-version", "2.8.2").stdout
    assert "header-from-value" not in older
    assert "file-sink " in older
    assert refused("plugins", "list", "--kafka-version", "x").startswith(
        "mockconnect plugins list: --kafka-version: "
    )


def test_list_as_json() -> None:
    assert json.loads(run("plugins", "list", "file-sink", "--json").stdout) == [
        {
            "name": "file-sink",
            "type": "sink",
            "version": "4.3.1",
            "class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        }
    ]


def test_list_of_what_is_not_there() -> None:
    assert refused("plugins", "list", "file-snik") == (
        "mockconnect plugins list: 'file-snik' is not in the catalogue; did you mean 'file-sink'?\n"
    )


# --- plugins show ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["file-source", "FileStreamSource", "org.apache.kafka.connect.file.FileStreamSourceConnector"]
)
def test_show_prints_every_key(name: str) -> None:
    result = run("plugins", "show", name)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "name:     file-source",
        "type:     source",
        "version:  4.3.1",
        "class:    org.apache.kafka.connect.file.FileStreamSourceConnector",
        "licence:  Apache-2.0",
        "",
        "KEY         TYPE    REQUIRED  DEFAULT  IMPORTANCE  VALID VALUES",
        "file        STRING  no        -        HIGH",
        "topic       STRING  yes       -        HIGH        not empty",
        "batch.size  INT     no        2000     LOW",
    ]


def test_show_all_has_the_keys_of_connect_too() -> None:
    rows = run("plugins", "show", "file-sink", "--all").stdout.splitlines()
    found = {row.split()[0]: " ".join(row.split()[1:]) for row in rows[7:]}
    assert found["tasks.max"] == "INT no 1 HIGH at least 1"
    assert found["errors.tolerance"] == "STRING no none MEDIUM none, all"
    assert found["topics.regex"] == "STRING no '' HIGH a regular expression"
    assert "exactly.once.support" not in found


def test_show_as_json_is_the_answer_of_a_worker() -> None:
    (key,) = json.loads(run("plugins", "show", "file-sink", "--json").stdout)
    assert key["name"] == "file"
    assert list(key) == [
        "name", "type", "required", "default_value", "importance", "documentation", "group", "order_in_group", "width",
        "display_name", "dependents",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["fil-source"], "'fil-source' is not in the catalogue; did you mean 'file-source'?"),
        (["file-source@9"], "'file-source' comes with Kafka and has its version: leave out '@9'"),
        (["file-*"], "'file-*' is several plugins: file-sink, file-source"),
        (["header-from-value", "--kafka-version", "2.8"], "Kafka 2.8.0 has no header-from-value"),
    ],
)
def test_show_of_what_is_not_there(arguments: list[str], text: str) -> None:
    assert refused("plugins", "show", *arguments) == f"mockconnect plugins show: {text}\n"


def test_every_validator_has_words() -> None:
    examples: dict[str, list[object]] = {
        "range": [1, 10],
        "in": [["a", "b"]],
        "in_any_case": [["a", "b"]],
        "list_in": [["a", "b"]],
        "list_of": [["a", "b"]],
        "list_size": [3],
        "class": ["converter"],
        "all": [["non_null"], ["unique"]],
        "optional": [["range", 0]],
        "matches": ["[a-z]+"],
        "each": [";", ".*"],
        "excluded_by": ["a.b"],
        "required_without": ["a.b"],
        "plain_matches": ["[a-z]+"],
        "in_lowered": [["a", "b"]],
        "first": [["required"], ["positive_int"]],
    }
    words = {name: in_words([name, *examples.get(name, [])]) for name in (*VALIDATORS, *CHECKS)}
    # There are columns for these.
    assert {name for name, text in words.items() if not text} == {"required", "boolean", "int", "long"}
    assert not [text for text in words.values() if "_" in text or "{" in text]
    assert in_words([]) == ""
    assert in_words(["range", None, 5]) == "at most 5"


def test_a_long_cell_only_moves_its_own_line() -> None:
    long = "x" * 100
    assert fixed_columns([("a", "b"), (long, "c"), ("d", "")]) == [f"a{' ' * 57}b", f"{long}  c", "d"]


# --- schema and seed -----------------------------------------------------------------------------------------------------------


def test_schema_prints_that_of_a_cluster_file() -> None:
    assert json.loads(run("schema", "cluster").stdout) == cluster_schema()
    assert run("schema", "clutser").exit_code == 2


def test_seed_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    arguments = ["seed", "--connectors", "5", "--seed", "7", "--workers", "2", "--failures", "20%", "-o"]
    assert run(*arguments, str(path)).exit_code == 0
    assert run(*arguments, "-").stdout == path.read_text()
    assert path.read_text().count("\n  - name: ") == 5
    where = tmp_path / "no" / "such"
    assert refused(*arguments, str(where)) == (
        f"mockconnect seed: --output: {where} cannot be written: No such file or directory\n"
    )
    assert refused("seed", "--failures", "200%", "-o", "-") == (
        "mockconnect seed: --failures: expected a share such as 5% or 0.05, found '200%'\n"
    )


def test_neither_faker_nor_the_catalogue_is_loaded_by_a_health_check() -> None:
    code = (
        "import sys, mockconnect.cli.main\n"
        "print([name for name in ('faker', 'yaml', 'msgspec', 'rich', 'mockconnect.catalog') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
