"""Tables about the catalogue: `docs/catalog.md`, and a part of `docs/conformance.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mockconnect import catalog
from mockconnect.catalog import Entry

from . import recordings
from .capturing import PROBES

PAGE = Path(__file__).parents[2] / "docs" / "catalog.md"
_FIRST = """# The catalogue of plugins

Definitions of real plugins, captured from real Kafka Connect 4.3.1 workers that had loaded the plugins named here. Names, types,
defaults, order, groups, display names and checks of keys are kept as they are; the field `documentation` is empty, because those
sentences are their authors'. Apache Kafka's own plugins are captured from every release line (`docs/versions.md`).

A plugin is chosen by its name, with or without a release: `debezium-postgres`, `debezium-postgres@3.2`, `debezium-*`. What comes in
the same archive (transformations, converters, predicates) comes along.

*Compared* is the number of configs whose validate answer was recorded from the real worker and compared with ours; *identical* are
those in which everything is the same, documentation aside. *Unreachable* answers are among them: the real worker tried to connect
to a system that was not there, and only the sentence that says so was left out before comparing. Simulated connectors connect to
nothing: whatever file, table or topic a config names exists.

*From* is a Maven coordinate, or a repository at a tag: such plugins were compiled from their own sources.

This page is written by `python -m tests.catalog document`; `tests/catalog/artifacts.yaml` has the exact versions.
"""
_LAST = """## How the checks were found

`GET /connector-plugins/{{p}}/config` tells names, types and defaults of keys, but not their validators. Every key was set to {values} values
(no number, too small, too large, empty, blank, null, lists, patterns, URLs ...), and a rule was taken only if it gives the very
errors of the real worker for every one of them. The configs that are compared have other values.

## What is simplified

* `connector.class` of a simulated connector gives `tasks.max` tasks with copies of the config, unless the connector is known to do
  otherwise (Debezium's sources but SQL Server's have one task). Of {tasks} connectors, which can be created without the system
  they are made for, the task configs were recorded from the real worker, and are identical.
* Keys of MongoDB that hold JSON or a date pattern accept everything, those with an Avro schema all that is no JSON: the real texts
  are those of the parsers.
* A class that a config names exists if it is the worker's, a plugin's, or of the plugin's own house (`com.mongodb.` ...). Whether
  it is of the right kind is not looked at.
* Exceptions that a plugin throws out of its own validation (a null where it does not expect one) are imitated in part.

## What could not be captured

Plugins that are not in reach of the builds of this project, as archives or as sources with all that they need: Confluent's own
(their licence and their repository), Aiven's S3, GCS and OpenSearch sinks, ClickHouse, Couchbase, Neo4j, Redis' own, SingleStore,
Lenses' stream-reactor, FilePulse, DataStax, Hudi, InfluxDB, Cosmos DB's own and BigQuery's own connectors (Camel's for S3, Google
Storage, OpenSearch, Couchbase, Redis, Cosmos DB and BigQuery are here). Splunk's own sink answers nearly every validation with the
failure of its connection, so only Camel's is here. Debezium's Vitess, Spanner, Informix, Cassandra and IBM i connectors are missing.
"""


@lru_cache(maxsize=1)
def counts() -> dict[tuple[str, str], Counter[str]]:
    """Compared, identical and unreachable answers by class and release."""
    result: dict[tuple[str, str], Counter[str]] = {}
    for path in sorted(recordings.FOLDER.glob("*.jsonl.gz")):
        for one in recordings.compared(path):
            count = result.setdefault((one.connector, one.release), Counter())
            count["compared"] += 1
            count["identical"] += not one.difference
            count["unreachable"] += one.unreachable
    return result


def catalogue_table() -> Iterator[str]:
    """Connectors with what was compared, for the conformance report."""
    yield "| connector | release | validate answers compared | identical | of these with an unreachable system |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for entry in _captured():
        count = counts().get((entry.class_name, entry.release))
        if entry.kind in ("source", "sink") and count:
            yield (
                f"| `{entry.name}` | {entry.release} | {count['compared']} | {count['identical']} |"
                f" {count['unreachable']} |"
            )
    total = sum(counts().values(), Counter[str]())
    yield f"| all | | {total['compared']} | {total['identical']} | {total['unreachable']} |"


def page() -> str:
    connectors = [entry for entry in _captured() if entry.kind in ("source", "sink")]
    others = [entry for entry in _captured() if entry.kind not in ("source", "sink")]
    parts = [
        _FIRST,
        f"## Connectors\n\n{len({entry.class_name for entry in connectors})} classes besides Apache's own.\n\n"
        + "\n".join(_connectors(connectors)),
        "## Transformations, predicates and converters\n\n" + "\n".join(_others(others)),
        "## Not identical\n\n" + "\n".join(_different()),
        _LAST.format(values=len(PROBES), tasks=_tasks()),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _captured() -> list[Entry]:
    return [entry for entry in catalog.entries() if entry.family != "apache"]


def _connectors(entries: list[Entry]) -> Iterator[str]:
    yield "| name | class | type | release | from | licence | keys | compared | identical |"
    yield "| --- | --- | --- | --- | --- | --- | ---: | ---: | ---: |"
    for entry in entries:
        count = counts().get((entry.class_name, entry.release), Counter())
        yield (
            f"| `{entry.name}` | `{entry.class_name}` | {entry.kind} | {entry.release} | {entry.artifact} |"
            f" {entry.licence} | {_keys(entry)} | {count['compared']} | {count['identical']} |"
        )


def _tasks() -> int:
    """How many connectors have recorded task configs."""
    paths = (recordings.FOLDER / "tasks").glob("*.jsonl")
    return sum('"tasks": [{' in line for path in paths for line in path.read_text("utf-8").splitlines())


def _different() -> Iterator[str]:
    yield "| class and release | config | why |"
    yield "| --- | --- | --- |"
    for name, why in recordings.known_differences().items():
        plugin, _, label = name.partition(" ")
        yield f"| `{plugin}` | {label} | {why} |"


def _keys(entry: Entry) -> int:
    return len(catalog.definition(entry.path).keys) if entry.path else 0


def _others(entries: list[Entry]) -> Iterator[str]:
    yield "| name | class | type | release | from | licence | keys |"
    yield "| --- | --- | --- | --- | --- | --- | ---: |"
    for entry in entries:
        yield (
            f"| `{entry.name}` | `{entry.class_name}` | {entry.kind} | {entry.release} | {entry.artifact} |"
            f" {entry.licence} | {_keys(entry)} |"
        )
