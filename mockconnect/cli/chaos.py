"""``mockconnect chaos``: draw what may happen to a cluster until something fails, then make that as small as can be.

Rules of this room: as those of ``mockconnect run``. What was found is a scenario file, which ``run`` plays again; it goes to
standard output if nobody names a file for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from mockconnect.cli.commands import refuse, refuse_options
from mockconnect.cli.files import FILE, check_files, write
from mockconnect.cli.playing import RUNS_MAX, Playing, WithCommand, how_it_is_played, played, playing_of
from mockconnect.cli.scenarios import load, stage
from mockconnect.cli.signals import Ending, interruptible

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from mockconnect.chaos import DrawnScenario, Found
    from mockconnect.scenario.report import Report


@click.command(cls=WithCommand)
@click.argument("scenario", required=False, metavar="[SCENARIO] [-- CMD ARGS...]")
@click.option(
    "--runs",
    type=click.IntRange(1, RUNS_MAX),
    default=100,
    metavar="N",
    help="How many to play until one fails: 100 if left out.",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of what is drawn. The cluster has its own.")
@click.option(
    "--verb", "verbs", multiple=True, metavar="VERB", help="Only these may happen; may be repeated."
)
@click.option("--during", default="2m", metavar="TIME", help="When faults begin: within 2m if left out.")
@click.option("--max-faults", type=int, default=6, metavar="N", help="How many at most: 6 if left out.")
@how_it_is_played
@click.option("--output", "-o", type=FILE, metavar="FILE", help="Where the scenario that fails is written.")
@click.pass_context
def chaos(
    context: click.Context,
    /,
    scenario: str | None,
    runs: int,
    seed: int,
    verbs: tuple[str, ...],
    during: str,
    max_faults: int,
    params: tuple[str, ...],
    clock: str | None,
    per_request: str | None,
    timeout_ms: int | None,
    output: Path | None,
) -> None:
    """Let faults happen at random until an expectation fails, and find the least of them that still makes it fail.

    SCENARIO has the cluster and what is expected of it; left out, it is three workers which have to be well in the end. After
    ``--`` a command under test, as with run; Ctrl-C is answered with the least that was found so far. Exit status: 0 all
    held, 1 something was found, 2 bad input.
    """
    with interruptible("chaos") as ending:
        how = playing_of(context, timeout_ms, clock=clock, per_request=per_request)
        check_files("chaos", "--output", [] if output is None else [output], (".yaml", ".yml"))
        drawing = _drawing(scenario, params, verbs, during, max_faults)
        found = _found(drawing, how, ending, runs, seed)
        if found is not None:
            _tell(found, how, output)
        ending.check()
    if found is None:
        click.echo(f"{runs} runs held")
    sys.exit(0 if found is None else 1)


def _drawing(
    name: str | None, params: tuple[str, ...], verbs: tuple[str, ...], during: str, max_faults: int
) -> SearchStrategy[DrawnScenario]:
    """What is drawn, or the end of the command with every mistake."""
    try:
        from mockconnect.chaos import HEALED, scenarios  # noqa: PLC0415 - heavy, and an extra
    except ModuleNotFoundError as error:
        refuse("chaos", f"{error.name} is missing: pip install 'mockconnect[chaos]'")
    from mockconnect.options import OptionsError  # noqa: PLC0415 - heavy

    if name is None and params:
        refuse("chaos", "--param: there is no scenario that it could be for")
    base = None if name is None else load("chaos", name, params)
    try:
        return scenarios(base, verbs=verbs or HEALED, during=during, max_faults=max_faults)
    except OptionsError as error:
        refuse_options("chaos", error.problems, {"verbs": "verb"})


def _found(
    drawing: SearchStrategy[DrawnScenario], how: Playing, ending: Ending, runs: int, seed: int
) -> Found | None:
    from hypothesis.configuration import set_hypothesis_home_dir  # noqa: PLC0415 - heavy

    from mockconnect.chaos import EnoughError, search  # noqa: PLC0415 - heavy

    def play(scenario: DrawnScenario) -> Report:
        report = played(stage("chaos", scenario, how.options(scenario)), how, ending)
        if ending:
            raise EnoughError
        return report

    with TemporaryDirectory() as notes:  # which Hypothesis would leave where the command was called
        set_hypothesis_home_dir(notes)
        try:
            return search(drawing, play, runs=runs, number=seed)
        finally:
            set_hypothesis_home_dir(None)


HOW_IT_ENDED: Final[Mapping[str, str]] = {
    "least": "; the least that still fails",
    "flaky": ", and held when it was played again; what failed last",
    "enough": "; the least that still failed until somebody ended the search",
}


def _tell(found: Found, how: Playing, output: Path | None) -> None:
    report = replace(found.report, file="FILE" if output is None else str(output), options=how.flags)
    text = found.scenario.text
    click.echo(report.text())
    click.echo("")
    which = f"run {found.runs} failed{HOW_IT_ENDED[found.end]}"
    if output is None:
        click.echo(f"{which}, to be put into FILE:\n\n{text}", nl=False)
        return
    write("chaos", "--output", output, text)
    click.echo(f"{which} is in {output}")
