"""What commands that play scenarios have in common: how it is played, the command under test, and one run.

Rules of this room: progress is shown on a terminal only, on standard error, where a command under test prints as well.
Whatever keeps a run from being played is bad input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mockconnect.cli.commands import refuse
from mockconnect.cli.signals import EndedBySignalError, Ending

if TYPE_CHECKING:
    from mockconnect.cli.progress import Shown
    from mockconnect.scenario.loading import Scenario
    from mockconnect.scenario.player import Player
    from mockconnect.scenario.report import Report
    from mockconnect.staging import Staged

CLOCK_WITH_COMMAND: Final = "x60"
"""Twenty times the 3 s of a heartbeat in a second: fast, and a client's own waiting still counts."""
RUNS_MAX: Final = 100_000
COMMAND: Final = "mockconnect.command"
F = TypeVar("F", bound=Callable[..., Any])


class WithCommand(click.Command):
    """What stands behind ``--`` is the command under test, whatever it looks like."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            context.meta[COMMAND] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(context, args)


@dataclass(frozen=True, slots=True)
class Playing:
    """How scenarios are played: options that were given, and the command under test, if there is one."""

    given: Mapping[str, Any]
    command: tuple[str, ...]
    timeout_ms: int | None

    def options(self, scenario: Scenario, number: int = 0) -> dict[str, Any]:
        """Options of one run; each has the next seed."""
        seed = self.given.get("seed", scenario.settings.seed)
        clock = {"clock": CLOCK_WITH_COMMAND} if self.command and scenario.settings.clock is None else {}
        return {**clock, **self.given, "seed": seed + number}

    @property
    def flags(self) -> tuple[str, ...]:
        """What a run needs to be the same again, beside its seed."""
        given = [(name, self.given.get(name)) for name in ("clock", "per_request")]
        timeout = None if self.timeout_ms is None else f"{self.timeout_ms}ms"
        flags = [*given, ("timeout", timeout)]
        return tuple(f"--{name.replace('_', '-')} {value}" for name, value in flags if value is not None)


def playing_of(context: click.Context, timeout_ms: int | None, **given: object) -> Playing:
    """Options of the command line, or its end."""
    command: tuple[str, ...] | None = context.meta.get(COMMAND)
    if command == ():
        refuse(_asked(), "a command is expected after --")
    if not command and timeout_ms is not None:
        refuse(_asked(), "--timeout: there is no command that it could be for")
    return Playing({name: one for name, one in given.items() if one is not None}, command or (), timeout_ms)


def _asked() -> str:
    """The command that runs."""
    return str(click.get_current_context().info_name)


# --- options --------------------------------------------------------------------------------------------------------------


def _span_ms(_: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """A duration such as ``30s``."""
    from mockconnect.files.durations import EXPECTED, milliseconds  # noqa: PLC0415 - a room that others do without

    span_ms = None if text is None else milliseconds(text)
    if text is not None and not span_ms:
        refuse(_asked(), f"{option.opts[0]}: expected {EXPECTED}, found {text!r}")
    return span_ms


HOW: Final = (
    click.option(
        "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
    ),
    click.option(
        "--clock",
        envvar="MOCKCONNECT_CLOCK",
        show_envvar=True,
        metavar="CLOCK",
        help=f"real, xN or paced; with a command {CLOCK_WITH_COMMAND} if neither this nor the scenario says it."
        " paced moves with the client's requests only, so a run depends on nothing else.",
    ),
    click.option(
        "--per-request",
        metavar="TIME",
        help="How far a request moves a paced clock: 20ms if left out, 1s, ...",
    ),
    click.option(
        "--timeout",
        "timeout_ms",
        callback=_span_ms,
        metavar="TIME",
        help="End the command after that time; it has failed then.",
    ),
)


def how_it_is_played(command: F) -> F:
    """The options that say it."""
    for option in reversed(HOW):
        command = option(command)
    return command


# --- one run --------------------------------------------------------------------------------------------------------------


def played(staging: Staged, how: Playing, ending: Ending) -> Report:
    """What came of it, also if somebody has ended it; or the end of the command."""
    from mockconnect.core.errors import LimitExceeded  # noqa: PLC0415 - heavy
    from mockconnect.playing import Command, EndlessScenarioError, play_alone, play_with  # noqa: PLC0415 - heavy

    assert staging.scenario is not None, "there is nothing to play"
    playing: Player | None = None
    with _shown(staging.scenario.name) as shown:

        def progress(player: Player) -> None:
            nonlocal playing
            playing = player
            ending.check()
            if shown is not None:
                shown(player)

        try:
            if not how.command:
                return play_alone(staging, progress)
            output = None if shown is None else shown.say
            command = Command(how.command, timeout_ms=how.timeout_ms, output=output)
            return play_with(staging, command, progress)
        except EndedBySignalError:
            assert playing is not None, "only a run that has begun looks whether somebody wants its end"
            return _cut_short(playing, how, ending)
        except (EndlessScenarioError, LimitExceeded) as error:
            refuse(_asked(), error)
        except OSError as error:
            refuse(_asked(), f"{error.filename or 'ports'}: {error.strerror or error}")


def _cut_short(player: Player, how: Playing, ending: Ending) -> Report:
    """What is known of a run that somebody has ended."""
    from mockconnect.scenario.report import Verdict  # noqa: PLC0415 - heavy

    report = player.report()
    ended = Verdict("run", "comes to its end", False, str(ending), report.total_ms)
    return replace(report, verdicts=(*report.verdicts, ended), command=how.command)


def _shown(name: str) -> AbstractContextManager[Shown | None]:
    """What shows progress: on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from mockconnect.cli.progress import Shown  # noqa: PLC0415 - heavy

    return Shown(name)
