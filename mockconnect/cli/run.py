"""``mockconnect run``: play scenarios, alone or with a command as the client under test, and judge what came of it.

Rules of this room:

* Standard output has the result and nothing else; progress is shown on a terminal only, and what a command under test
  prints goes to standard error. What goes to a pipe is a function of scenario, parameters and seed.
* Exit status 0: everything held; 1: an expectation failed; 2: bad input, one line per mistake on standard error; 128 and
  the number of the signal if somebody ended it, 130 for Ctrl-C. No process is left behind then, nothing is printed, and
  files have what there is: of the run that was ended the report says so, and that it has failed.
* One run is told whole. Of several there is a table, and before it what failed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mockconnect.cli.files import FILE, TIMELINES, check_files, write, write_timeline
from mockconnect.cli.playing import RUNS_MAX, Playing, WithCommand, how_it_is_played, played, playing_of
from mockconnect.cli.scenarios import load_all, stage
from mockconnect.cli.signals import Ending, interruptible

if TYPE_CHECKING:
    from mockconnect.scenario.loading import Scenario
    from mockconnect.scenario.report import Report


@click.command(cls=WithCommand)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO... [-- CMD ARGS...]")
@click.option(
    "--seed", type=int, envvar="MOCKCONNECT_SEED", show_envvar=True, help="Instead of the scenario's own."
)
@click.option(
    "--runs",
    type=click.IntRange(1, RUNS_MAX),
    default=1,
    metavar="N",
    help="Play each up to N times, every time with the next seed, until one fails.",
)
@how_it_is_played
@click.option(
    "--timeline",
    "timelines",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Write what happened as .txt, .jsonl or .html; {scenario} and {seed} in its name are replaced; may be"
    " repeated.",
)
@click.option("--junit", type=FILE, metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option("--report", "report_file", type=FILE, metavar="FILE", help="Write the report as .json or .txt.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--quiet", is_flag=True, help="Only the exit status.")
@click.pass_context
def run(
    context: click.Context,
    /,
    scenarios: tuple[str, ...],
    seed: int | None,
    runs: int,
    params: tuple[str, ...],
    clock: str | None,
    per_request: str | None,
    timeout_ms: int | None,
    timelines: tuple[Path, ...],
    junit: Path | None,
    report_file: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Play scenarios, each a name, a file or a folder of files, and judge what came of it.

    After ``--`` a command under test: it finds the cluster in CONNECT_URL and all workers in CONNECT_WORKER_URLS. Exit
    status: 0 everything held, 1 something did not, 2 bad input.
    """
    with interruptible("run") as ending:
        how = playing_of(context, timeout_ms, seed=seed, clock=clock, per_request=per_request)
        loaded = _all_loaded(scenarios, params, how)
        check_files("run", "--timeline", timelines, TIMELINES, len(loaded))
        check_files("run", "--junit", [] if junit is None else [junit])
        check_files("run", "--report", [] if report_file is None else [report_file], (".json", ".txt"))
        result = _Result(list(_all_played(loaded, how, runs, timelines, ending)))
        if junit is not None:
            _write_junit(junit, result)
        if report_file is not None:
            text = result.json() if report_file.suffix == ".json" else result.text()
            write("run", "--report", report_file, text)
        ending.check()
    if not quiet:
        click.echo(result.json() if as_json else _colored(result.text()), nl=False)
    sys.exit(0 if result.held else 1)


def _all_loaded(names: Sequence[str], params: Sequence[str], how: Playing) -> list[Scenario]:
    """Scenarios that can be played; or the end of the command with every mistake."""
    hint = "" if how.command or len(names) == 1 else "; a command comes after --"
    loaded = load_all("run", names, params, hint)
    for scenario in loaded:
        stage("run", scenario, how.options(scenario))
    return loaded


# --- playing --------------------------------------------------------------------------------------------------------------


def _all_played(
    scenarios: Sequence[Scenario], how: Playing, runs: int, timelines: Sequence[Path], ending: Ending
) -> Iterator[list[Report]]:
    for scenario in scenarios:
        yield _repeated(scenario, how, runs, timelines, ending)
        if ending:
            return


def _repeated(
    scenario: Scenario, how: Playing, runs: int, timelines: Sequence[Path], ending: Ending
) -> list[Report]:
    """Its runs, up to the first that fails."""
    reports: list[Report] = []
    for number in range(runs):
        staging = stage("run", scenario, how.options(scenario, number))
        report = replace(played(staging, how, ending), options=how.flags)
        if reports:  # what happened in a run that held is not needed any more
            reports[-1] = replace(reports[-1], rows=())
        reports.append(report)
        for path in timelines:
            write_timeline("run", path, report)
        if ending or not report.held:
            break
    return reports


# --- what came of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Result:
    """The runs of each scenario, of which the last one may have failed."""

    played: Sequence[Sequence[Report]]

    @property
    def held(self) -> bool:
        return all(runs[-1].held for runs in self.played)

    @property
    def reports(self) -> list[Report]:
        return [report for runs in self.played for report in runs]

    def json(self) -> str:
        """One report as it is; several in a list."""
        reports = [report.json() for report in self.reports]
        if len(reports) == 1:
            return f"{reports[0]}\n"
        return "[\n" + ",\n".join(reports) + "\n]\n"

    def text(self) -> str:
        reports = self.reports
        if len(reports) == 1:
            return f"{reports[0].text()}\n"
        failed = [f"{report.end()}\n\n" for report in reports if not report.held]
        return "".join(failed) + "\n".join(self._table()) + "\n"

    def _table(self) -> Iterator[str]:
        from mockconnect.cli.tables import fixed_columns  # noqa: PLC0415 - heavy

        yield from fixed_columns([COLUMNS, *map(_cells, self.played)])
        held = sum(runs[-1].held for runs in self.played)
        yield ""
        if len(self.played) > 1:
            yield f"{held} of {len(self.played)} scenarios held"
        else:
            (runs,) = self.played
            end = f"run {len(runs)} failed, with seed {runs[-1].seed}"
            yield f"{runs[-1].scenario}: {f'{len(runs)} runs held' if held else end}"


COLUMNS: Final = ("VERDICT", "SCENARIO", "RUNS", "SEEDS", "HELD", "FAILED", "NOT JUDGED", "LASTED", "TRACE")


def _cells(runs: Sequence[Report]) -> tuple[str, ...]:
    """One line of the table; verdicts, time and trace are those of the last run."""
    from mockconnect.scenario.report import WORDS, seconds  # noqa: PLC0415 - heavy

    first, last = runs[0], runs[-1]
    counts = [str(sum(one.word == word for one in last.verdicts)) for word in WORDS.values()]
    seeds = str(first.seed) if len(runs) == 1 else f"{first.seed}-{last.seed}"
    lasted, count = seconds(last.total_ms), str(len(runs))
    return WORDS[last.held], last.scenario, count, seeds, *counts, lasted, last.trace_hash


def _write_junit(path: Path, result: _Result) -> None:
    from mockconnect.scenario.junit import junit  # noqa: PLC0415 - heavy

    write("run", "--junit", path, junit(result.reports))


COLORS: Final[Mapping[str, str]] = {"held": "green", "FAILED": "red", "not judged": "bright_black"}


def _colored(text: str) -> str:
    """Verdicts in colours; what is no terminal gets none of them."""
    lines = []
    for line in text.split("\n"):
        word = next((one for one in COLORS if line.startswith(f"{one}  ")), None)
        lines.append(line if word is None else click.style(word, fg=COLORS[word]) + line[len(word) :])
    return "\n".join(lines)
