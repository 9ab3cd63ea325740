"""Commands for scenarios: ``mockconnect run``, ``mockconnect scenarios``, ``mockconnect schema scenario``.

Rules of this room:

* Standard output has the result and nothing else; progress is shown on a terminal only. What goes to a pipe is a function
  of scenario, parameters and seed.
* Exit status 0: everything held; 1: an expectation failed; 2: bad input, one line per mistake on standard error.
* What is heavy is imported by the command that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mockconnect.commands import refuse

if TYPE_CHECKING:
    from mockconnect.scenario.loading import Scenario
    from mockconnect.scenario.report import Report
    from mockconnect.staging import Staged

TIMELINES: Final = (".txt", ".jsonl", ".html")
CLOCK_WITH_COMMAND: Final = "x60"
"""Twenty times the 3 s of a heartbeat in a second: fast, and a client's own waiting still counts."""


# --- run ------------------------------------------------------------------------------------------------------------------


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("scenario")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ARGS...]")
@click.option(
    "--seed", type=int, envvar="MOCKCONNECT_SEED", show_envvar=True, help="Instead of the scenario's own."
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option(
    "--clock",
    envvar="MOCKCONNECT_CLOCK",
    show_envvar=True,
    metavar="CLOCK",
    help=f"real, xN or paced; with a command {CLOCK_WITH_COMMAND} if neither this nor the scenario says it.",
)
@click.option(
    "--timeline",
    "timelines",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what happened as .txt, .jsonl or .html; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--quiet", is_flag=True, help="Only the exit status.")
def run(
    scenario: str,
    command: tuple[str, ...],
    seed: int | None,
    params: tuple[str, ...],
    clock: str | None,
    timelines: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Play SCENARIO, a name or a file, and judge what came of it.

    After ``--`` a command under test: it finds the cluster in CONNECT_URL and all workers in CONNECT_WORKER_URLS. Exit
    status: 0 everything held, 1 something did not, 2 bad input.
    """
    for path in timelines:
        if path.suffix not in TIMELINES:
            refuse("run", f"--timeline: expected {', '.join(TIMELINES)}, found {path.name!r}")
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    if clock is not None:
        given["clock"] = clock
    loaded = load("run", scenario, params)
    if command and clock is None and loaded.settings.clock is None:
        given["clock"] = CLOCK_WITH_COMMAND
    report = _played(stage("run", loaded, given), command)
    for path in timelines:
        _write(path, report)
    if not quiet:
        click.echo(report.json() if as_json else _colored(report.text()))
    sys.exit(0 if report.held else 1)


COLORS: Final[Mapping[str, str]] = {"held": "green", "FAILED": "red", "not judged": "bright_black"}


def _colored(text: str) -> str:
    """Verdicts in colours; what is no terminal gets none of them."""
    lines = []
    for line in text.split("\n"):
        word = next((one for one in COLORS if line.startswith(f"{one}  ")), None)
        lines.append(line if word is None else click.style(word, fg=COLORS[word]) + line[len(word) :])
    return "\n".join(lines)


def load(command: str, name: str, params: Sequence[str]) -> Scenario:
    """The scenario, or the end of the command with every mistake."""
    from mockconnect.files.problems import FileError  # noqa: PLC0415 - heavy
    from mockconnect.scenario.loading import load_scenario  # noqa: PLC0415 - heavy
    from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario  # noqa: PLC0415 - heavy

    values: dict[str, str] = {}
    for text in params:
        key, equals, value = text.partition("=")
        if not equals:
            refuse(command, f"--param: expected NAME=VALUE, found {text!r}")
        values[key] = value
    try:
        return load_scenario(find_scenario(name), values)
    except UnknownScenarioError as error:
        refuse(command, error)
    except FileError as error:
        refuse(command, *error.problems)


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
        refuse(command, *(f"--{problem.where}: {problem.text}" for problem in error.problems))


def _played(staging: Staged, command: Sequence[str]) -> Report:
    from mockconnect.core.errors import LimitExceeded  # noqa: PLC0415 - heavy
    from mockconnect.playing import Command, EndlessScenarioError, play_alone, play_with  # noqa: PLC0415 - heavy

    assert staging.scenario is not None, "there is nothing to play"
    with _shown(staging.scenario.name) as progress:
        try:
            if not command:
                return play_alone(staging, progress)
            return play_with(staging, Command(command, {}), progress)
        except (EndlessScenarioError, LimitExceeded) as error:
            refuse("run", error)
        except OSError as error:
            refuse("run", f"{command[0] if command else 'ports'}: {error.strerror or error}")


def _shown(name: str) -> Any:
    """Something to enter that gives what shows progress: on a terminal, or nowhere."""
    from mockconnect.cli_progress import Shown, nothing  # noqa: PLC0415 - heavy

    return Shown(name) if sys.stderr.isatty() else nothing()


def _write(path: Path, report: Report) -> None:
    from mockconnect.scenario.page import page  # noqa: PLC0415 - heavy
    from mockconnect.scenario.timeline import json_lines, text_timeline  # noqa: PLC0415 - heavy

    writers: Mapping[str, Callable[[Report], str]] = {
        ".txt": text_timeline,
        ".jsonl": json_lines,
        ".html": page,
    }
    try:
        path.write_text(writers[path.suffix](report), encoding="utf-8")
    except OSError as error:
        refuse("run", f"--timeline: {path} cannot be written: {error.strerror or error}")


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


@scenarios.command("copy")
@click.argument("name")
@click.argument("to", required=False, type=click.Path(path_type=Path), metavar="[FILE|DIRECTORY]")
@click.option("--force", is_flag=True, help="Even if there is such a file already.")
def copy_scenario(name: str, to: Path | None, force: bool) -> None:
    """Copy a scenario, to change it; says where it is then."""
    source = _file("scenarios copy", name)
    target = Path(source.name) if to is None else to / source.name if to.is_dir() else to
    if target.exists() and not force:
        refuse("scenarios copy", f"{target} is there already; --force replaces it")
    try:
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        refuse("scenarios copy", f"{target} cannot be written: {error.strerror or error}")
    click.echo(target)


@scenarios.command("check")
@click.argument("files", nargs=-1, required=True)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
def check_scenarios(files: tuple[str, ...], params: tuple[str, ...]) -> None:
    """Whether files can be played: every mistake, each with its line."""
    for name in files:
        scenario = load("scenarios check", name, params)
        stage("scenarios check", scenario, {})
        click.echo(f"{name}: {len(scenario.rules)} rules, {len(scenario.expectations)} expectations")


def _file(command: str, name: str) -> Path:
    from mockconnect.scenario.shipped import UnknownScenarioError, find_scenario  # noqa: PLC0415 - heavy

    try:
        path = find_scenario(name)
    except UnknownScenarioError as error:
        refuse(command, error)
    if not path.is_file():
        refuse(command, f"{path} cannot be read")
    return path
