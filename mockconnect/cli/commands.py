"""Commands that need no cluster: ``mockconnect plugins``, ``mockconnect seed``, ``mockconnect schema``.

Rules of this room: what is heavy is imported by the command that needs it. A mistake is one line on standard error, with
what was probably meant, and exit status 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from mockconnect.catalog import Entry
    from mockconnect.core.versions import KafkaVersion
    from mockconnect.files.problems import Problem


def refuse(command: str, *mistakes: object) -> NoReturn:
    """One line for each, and exit status 2."""
    for mistake in mistakes:
        click.echo(f"mockconnect {command}: {mistake}", err=True)
    sys.exit(2)


def refuse_options(
    command: str, problems: Sequence[Problem], flags: Mapping[str, str] | None = None
) -> NoReturn:
    """The same of what is wrong with options; ``flags`` are those that are called otherwise than their argument."""
    lines = [(*_flag_of(problem.where), problem.text) for problem in problems]
    refuse(command, *(f"--{(flags or {}).get(name, name)}{rest}: {text}" for name, rest, text in lines))


def _flag_of(where: str) -> tuple[str, str]:
    """``kafka_version[1]`` is ``--kafka-version`` and what follows it."""
    end = next(
        (index for index, sign in enumerate(where) if not (sign.isalnum() or sign in "_-")), len(where)
    )
    return where[:end].replace("_", "-"), where[end:]


def _version(command: str, text: str | None) -> KafkaVersion:
    from mockconnect.core.versions import NEWEST, KafkaVersion  # noqa: PLC0415 - heavy

    try:
        return KafkaVersion.parse(text or NEWEST)
    except ValueError as error:
        refuse(command, f"--kafka-version: {error}")


_kafka_version = click.option(
    "--kafka-version",
    metavar="V",
    envvar="MOCKCONNECT_KAFKA_VERSION",
    help="Kafka's own plugins as of this version; the newest if left out.",
)


# --- plugins ---------------------------------------------------------------------------------------------------------------


@click.group()
def plugins() -> None:
    """The plugins that a simulated worker can have."""


@plugins.command("list")
@click.argument("glob", required=False, metavar="[NAME|GLOB]")
@click.option("--type", "kind", metavar="TYPE", help="source, sink, transformation, predicate, converter ...")
@_kafka_version
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_plugins(glob: str | None, kind: str | None, kafka_version: str | None, as_json: bool) -> None:
    """All plugins, or those that fit, one release a line.

    What fits is a name or a class.
    """
    from mockconnect.catalog import entries  # noqa: PLC0415 - heavy
    from mockconnect.choosing import UnknownPluginError, named  # noqa: PLC0415 - heavy

    command = "plugins list"
    version = _version(command, kafka_version)
    try:
        found: Sequence[Entry] = entries()
        if glob is not None:
            found = named(glob if "@" in glob else f"{glob}@*")
    except UnknownPluginError as error:
        refuse(command, error)
    rows = [row for one in found if (row := _row(one, version))]
    if kind is not None:
        _check_kind(command, kind)
        rows = [row for row in rows if row["type"] == kind]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _print(("NAME", "TYPE", "VERSION", "CLASS"), [_cells(row) for row in rows])


def _check_kind(command: str, kind: str) -> None:
    from mockconnect.core.plugin_desc import LISTED  # noqa: PLC0415 - heavy
    from mockconnect.files.problems import one_of  # noqa: PLC0415 - heavy

    if kind not in LISTED:
        refuse(command, f"--type: {one_of(kind, LISTED)}")


def _row(entry: Entry, version: KafkaVersion) -> dict[str, str] | None:
    """``None`` for what that version of Kafka does not have."""
    told = entry.version or entry.release
    if not entry.release:
        from mockconnect.catalog import plugins_of  # noqa: PLC0415 - heavy

        found = plugins_of(entry, version.release)
        if not found:
            return None
        told = found[0].version or ""
    return {"name": entry.name, "type": entry.kind, "version": told, "class": entry.class_name}


def _cells(row: Mapping[str, str]) -> tuple[str, ...]:
    return row["name"], row["type"], row["version"] or "-", row["class"]


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from mockconnect.cli.tables import print_table  # noqa: PLC0415 - heavy

    print_table(columns, rows)


@plugins.command()
@click.argument("name", metavar="CLASS|NAME[@VERSION]")
@_kafka_version
@click.option(
    "--all", "with_framework", is_flag=True, help="With the keys that Connect adds to a connector's."
)
@click.option("--json", "as_json", is_flag=True, help="As GET /connector-plugins/{p}/config shows them.")
def show(name: str, kafka_version: str | None, with_framework: bool, as_json: bool) -> None:
    """One plugin with all its keys.

    Type, default, importance, which values are valid, which keys are required.
    """
    from mockconnect.catalog import plugins_of  # noqa: PLC0415 - heavy
    from mockconnect.core.enrichment import connector_plugin_config  # noqa: PLC0415 - heavy
    from mockconnect.core.plugins import Plugins  # noqa: PLC0415 - heavy

    command = "plugins show"
    version = _version(command, kafka_version)
    entry = _one(command, name)
    found = plugins_of(entry, version.release)
    if not found:
        refuse(command, f"Kafka {version.text} has no {entry.name}")
    rows: list[dict[str, Any]] = list(
        connector_plugin_config(Plugins(found, version.number), entry.class_name)
        if with_framework
        else [key.info().to_json() for key in found[0].definition().keys.values()]
    )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    row = _row(entry, version)
    assert row is not None, entry
    _print_head(entry, row)
    valid = _valid_values(entry, version)
    _print(KEY_COLUMNS, [_key_cells(key, *valid.get(str(key["name"]), (False, ""))) for key in rows])


KEY_COLUMNS: Final = ("KEY", "TYPE", "REQUIRED", "DEFAULT", "IMPORTANCE", "VALID VALUES")


def _one(command: str, name: str) -> Entry:
    """The newest release of the one plugin that has this name."""
    from mockconnect.choosing import UnknownPluginError, named  # noqa: PLC0415 - heavy

    try:
        found = named(name)
    except UnknownPluginError as error:
        refuse(command, error)
    if len({one.class_name for one in found}) > 1:
        refuse(command, f"{name!r} is several plugins: {', '.join(one.name for one in found)}")
    return found[0]


def _print_head(entry: Entry, row: Mapping[str, str]) -> None:
    facts = {
        **row,
        "artifact": f"{entry.artifact}:{entry.release}" if entry.release else "",
        "licence": entry.licence,
        "brings": ", ".join(entry.brings),
    }
    for name, fact in facts.items():
        if fact:
            click.echo(f"{name + ':':<10}{fact}")
    click.echo()


def _key_cells(key: Mapping[str, Any], wanted: bool, valid: str) -> tuple[str, ...]:
    default = key["default_value"]
    shown = (
        "-" if default is None else repr(default) if default.strip() != default or not default else default
    )
    required = "yes" if key["required"] or wanted else "no"
    return key["name"], key["type"], required, shown, key["importance"], valid


def _valid_values(entry: Entry, version: KafkaVersion) -> dict[str, tuple[bool, str]]:
    """What the validators of the keys say: whether there must be a value, and which, in words."""
    from mockconnect.catalog import rows  # noqa: PLC0415 - heavy
    from mockconnect.core.connector_defs import framework_rows  # noqa: PLC0415 - heavy

    own = rows(entry.path, version.release) if entry.path else []
    framework = framework_rows("source" if entry.kind == "source" else "sink", version.number)
    valid = {row.name: (row.required, in_words(row.validator)) for row in framework}
    valid.update((str(row["name"]), (_is_wanted(row), _of_row(row))) for row in own)
    return valid


def _is_wanted(row: Mapping[str, Any]) -> bool:
    return any(spec[0] == "required" or ["required"] in spec for spec in row.get("checks", ()))


def _of_row(row: Mapping[str, Any]) -> str:
    checks = [["field_name"] if spec == ["name"] else spec for spec in row.get("checks", ())]
    specs = [row["validator"]] if "validator" in row else checks
    words = [words for spec in specs if (words := in_words(spec))]
    return ", ".join(words or row.get("recommended", ()))


WORDS: Final[Mapping[str, str]] = {
    "boolean": "",
    "cast_spec": "casts such as field:int32",
    "each": "parts divided by {}",
    "excluded_by": "not together with {}",
    "class": "a {} class",
    "class_name": "a class name",
    "in": "{}",
    "field_name": "letters, digits, dots, hyphens, underscores",
    "hostname": "letters, digits, dots and hyphens",
    "in_any_case": "{}, in any case",
    "in_lowered": "{}, in any case",
    "int": "",
    "list_in": "a list of {}",
    "list_of": "a list of {}",
    "list_size": "at most {} items",
    "long": "",
    "map_list": "pairs such as a=1",
    "matches": "{}",
    "name": "not empty, no control characters",
    "non_empty": "not empty",
    "non_empty_list": "not empty",
    "non_negative_int": "at least 0",
    "non_negative_long": "at least 0",
    "non_null": "not null",
    "operations": "operations such as c, u, d",
    "plain_matches": "{}",
    "plugin_version": "a version range",
    "positive_int": "at least 1",
    "positive_long": "at least 1",
    "queue_size": "more than the batch size",
    "regex": "a regular expression",
    "regex_list": "regular expressions",
    "renames": "pairs such as old:new",
    "required": "",
    "required_without": "needed without {}",
    "unique": "no duplicates",
}
"""What validators want, by their names; braces stand for the first argument. What the type says is not repeated."""


def in_words(spec: Sequence[Any]) -> str:
    """A validator as a person would say it."""
    if not spec:
        return ""
    name, *arguments = spec
    match name:
        case "range":
            return _range(*arguments)
        case "all" | "first":
            return ", ".join(words for part in arguments if (words := in_words(part)))
        case "optional":
            return in_words(arguments[0])
        case "list_of" if not (arguments and arguments[0]):
            return "no duplicates"
        case _:
            words = WORDS.get(name, f"{name.replace('_', ' ')} {{}}")
            return words.format(_shown(arguments[0]) if arguments else "").strip()


def _range(low: float | None = None, high: float | None = None) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def _shown(argument: Any) -> str:
    return ", ".join(map(str, argument)) if isinstance(argument, list | tuple) else str(argument)


# --- schema ----------------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("what", type=click.Choice(["cluster", "scenario"]), metavar="cluster|scenario")
def schema(what: str) -> None:
    """Print the JSON Schema of cluster or scenario files.

    For editors, and for tools that write such files.
    """
    from mockconnect.files.cluster import cluster_schema  # noqa: PLC0415 - heavy
    from mockconnect.scenario.schema import scenario_schema  # noqa: PLC0415 - heavy

    click.echo(json.dumps(cluster_schema() if what == "cluster" else scenario_schema(), indent=2))


# --- seed ------------------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--connectors", default=100, show_default=True, metavar="N", help="How many connectors.")
@click.option(
    "--seed", "seed_number", default=0, show_default=True, metavar="N", help="Another seed, another cluster."
)
@click.option("--workers", default=3, show_default=True, metavar="N", help="How many workers.")
@click.option(
    "--failures", default="0%", show_default=True, metavar="SHARE", help="How many of them fail, such as 5%."
)
@click.option("--plugins", multiple=True, metavar="NAME", help="Only of these plugins; may be repeated.")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - is standard output."
)
@_kafka_version
def seed(output: str, **given: Any) -> None:
    """Invent a realistic cluster, as a file.

    Its connectors have believable names, configs, states and failures. Start from it with mockconnect serve --cluster FILE. Needs Faker: pip install 'mockconnect[seed]'.
    """
    from mockconnect.inventing.cluster import InventingError, invented_cluster  # noqa: PLC0415 - heavy

    version = _version("seed", given.pop("kafka_version"))
    given["seed"] = given.pop("seed_number")
    try:
        text = invented_cluster(version=version, **given)
    except InventingError as error:
        refuse("seed", error)
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        refuse("seed", f"--output: {output} cannot be written: {error.strerror}")
