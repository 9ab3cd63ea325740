"""How commands find and read scenarios, and ``mockconnect scenarios``.

Rules of this room: every mistake is one line on standard error, of all files at once, and exit status 2. What is heavy is
imported by the command that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockconnect.cli.commands import refuse, refuse_options

if TYPE_CHECKING:
    from mockconnect.scenario.loading import Scenario
    from mockconnect.staging import Staged


# --- what commands read ---------------------------------------------------------------------------------------------------


class Mistakes(Exception):  # noqa: N818 - they are several
    """What is wrong with input, one text each."""

    def __init__(self, *texts: object) -> None:
        super().__init__(*texts)
        self.texts = texts


def load(command: str, name: str, params: Sequence[str]) -> Scenario:
    """The scenario, or the end of the command with every mistake."""
    from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario  # noqa: PLC0415 - heavy

    try:
        return _loaded(find_scenario(name), _values(params))
    except UnknownScenarioError as error:
        refuse(command, error)
    except Mistakes as mistakes:
        refuse(command, *mistakes.texts)


def load_all(command: str, names: Sequence[str], params: Sequence[str], hint: str) -> list[Scenario]:
    """Scenarios by names, files and folders; or the end of the command with every mistake of all of them.

    ``hint`` is said with a name that nothing has.
    """
    from mockconnect.scenario.shipped import UnknownScenarioError, find_scenarios  # noqa: PLC0415 - heavy

    found: list[Scenario] = []
    wrong: list[object] = []
    for name in names:
        try:
            paths = find_scenarios(name)
        except UnknownScenarioError as error:
            wrong.append(f"{error}{hint}")
            continue
        for path in paths:
            try:
                found.append(_loaded(path, _values(params)))
            except Mistakes as mistakes:
                wrong += [text for text in mistakes.texts if text not in wrong]
    if wrong:
        refuse(command, *wrong)
    return found


def _values(params: Sequence[str]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in params]
    wrong = [text for text, (_, equals, _) in zip(params, pairs, strict=True) if not equals]
    if wrong:
        raise Mistakes(*(f"--param: expected NAME=VALUE, found {text!r}" for text in wrong))
    return {name: value for name, _, value in pairs}


def _loaded(path: Path, values: Mapping[str, str]) -> Scenario:
    from mockconnect.files.problems import FileError  # noqa: PLC0415 - heavy
    from mockconnect.scenario.loading import load_scenario  # noqa: PLC0415 - heavy
    from mockconnect.staging import tell_of_cluster  # noqa: PLC0415 - heavy

    try:
        return load_scenario(path, values, tell_of_cluster)
    except FileError as error:
        raise Mistakes(*error.problems) from None


def stage(command: str, scenario: Scenario, given: Mapping[str, Any]) -> Staged:
    """Its cluster, or the end of the command with every mistake."""
    from mockconnect.files.problems import FileError  # noqa: PLC0415 - heavy
    from mockconnect.options import OptionsError  # noqa: PLC0415 - heavy
    from mockconnect.staging import staged  # noqa: PLC0415 - heavy

    try:
        return staged({"scenario": scenario, **given})
    except FileError as error:
        refuse(command, *error.problems)
    except OptionsError as error:
        refuse_options(command, error.problems)


# --- scenarios ------------------------------------------------------------------------------------------------------------


@click.group()
def scenarios() -> None:
    """The scenarios that come with mockconnect."""


@scenarios.command("list")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag; may be repeated."
)
def list_scenarios(tags: tuple[str, ...]) -> None:
    """One scenario a line, its name first."""
    from mockconnect.scenario.loading import read_metadata  # noqa: PLC0415 - heavy
    from mockconnect.scenario.shipped import shipped_files  # noqa: PLC0415 - heavy

    found = [read_metadata(path) for path in shipped_files()]
    found = [one for one in found if set(tags) <= set(one.tags)]
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        click.echo(f"{one.name:<{width}}  {one.description}")


@scenarios.command("show")
@click.argument("name")
def show_scenario(name: str) -> None:
    """The file of a scenario, as it is."""
    click.echo(_file("scenarios show", name).read_text(encoding="utf-8"), nl=False)


SCHEMA = Path("schema") / "scenario.v1.json"
"""Where scenarios look for it, from the folder they are in."""


@scenarios.command("copy")
@click.argument("name")
@click.argument("to", required=False, type=click.Path(path_type=Path), metavar="[FILE|DIRECTORY]")
@click.option("--force", is_flag=True, help="Even if there is such a file already.")
def copy_scenario(name: str, to: Path | None, force: bool) -> None:
    """Copy a scenario, to change it; says where it is then.

    The schema that its first line names for editors comes with it.
    """
    source = _file("scenarios copy", name)
    target = Path(source.name) if to is None else to / source.name if to.is_dir() else to
    if target.exists() and not force:
        refuse("scenarios copy", f"{target} is there already; --force replaces it")
    try:
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        _copy_schema(source.parent / SCHEMA, target.parent / SCHEMA, force)
    except OSError as error:
        refuse("scenarios copy", f"{target} cannot be written: {error.strerror or error}")
    click.echo(target)


def _copy_schema(source: Path, target: Path, force: bool) -> None:
    if source.is_file() and (force or not target.exists()):
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())


@scenarios.command("check")
@click.argument("files", nargs=-1, required=True)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
def check_scenarios(files: tuple[str, ...], params: tuple[str, ...]) -> None:
    """Whether files can be played: every mistake, each with its line."""
    for name in files:
        scenario = load("scenarios check", name, params)
        stage("scenarios check", scenario, {})
        rules, expected = len(scenario.rules), len(scenario.expectations)
        click.echo(f"{name}: {rules} rule{'s' * (rules != 1)}, {expected} expectation{'s' * (expected != 1)}")


def _file(command: str, name: str) -> Path:
    from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario  # noqa: PLC0415 - heavy

    try:
        path = find_scenario(name)
    except UnknownScenarioError as error:
        refuse(command, error)
    if not path.is_file():
        refuse(command, f"{path} cannot be read")
    return path
