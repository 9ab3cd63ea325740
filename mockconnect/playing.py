"""Scenarios from their first event to the report: alone, or with a command under test.

Rules of this room:

* Alone there is no socket and no thread: only a simulated cluster and its player, so the report is a function of
  scenario, parameters and seed.
* A command gets ``CONNECT_URL`` (the front door) and ``CONNECT_WORKER_URLS`` (all workers, by commas), and asks them
  without a proxy. The scenario's clock begins with its first request; when it has ended the rest of the timeline is
  played without waiting.
* A command ends with the run, however that ends, and so does whatever it has started: it has a session of its own. What
  it prints goes to standard error, since standard output has the result.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from mockconnect.core.connect import Rest
from mockconnect.hosted import Hosted, simulated
from mockconnect.options import ClockChoice
from mockconnect.rest.clock import Pace
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report, Verdict, seconds
from mockconnect.staging import Staged, player_of
from mockconnect.usual import WORKER_PORT

LIMIT_MS: Final = 7 * 24 * 3_600_000
"""No scenario lasts longer than a week."""
STEP_MS: Final = 1_000
GRACE_S: Final = 2.0
"""How long a command may take to end when it is told to."""
STANDARD_ERROR: Final = 2
Progress = Callable[[Player], object]


class EndlessScenarioError(RuntimeError):
    """A scenario that does not come to its end."""


def _no_progress(_: Player) -> None:
    return


def play_alone(staging: Staged, progress: Progress = _no_progress) -> Report:
    """Play it without anybody else; ``progress`` is called now and then. Only a real clock is waited for."""
    assert staging.scenario is not None, "there is nothing to play"
    options = staging.options
    cluster = simulated(options, [plan.on(WORKER_PORT) for plan in options.workers])
    player = player_of(staging.scenario, cluster)
    cluster.start()
    if not options.cold_start and not cluster.settle():
        raise EndlessScenarioError(f"the cluster did not settle (seed {options.seed})")
    player.start()
    pace = _pace(options.clock)
    while not _is_done(player) and player.clock_ms() < LIMIT_MS:
        until_ms = cluster.now_ms + STEP_MS
        _run(player, until_ms)
        progress(player)
        pace(player.clock_ms())
    return _complete(player)


def _run(player: Player, until_ms: int) -> None:
    """Until then, or until it is over; time stays at the last event of the scenario."""
    sim = player.cluster.sim
    sim.run_until(lambda: _is_done(player), max(0, until_ms - sim.now_ms))


def _is_done(player: Player) -> bool:
    """It is over, or never will be."""
    return player.over or bool(player.circle)


def _pace(clock: ClockChoice) -> Callable[[int], None]:
    """Wait until the wall clock is as far as the scenario's."""
    if clock.kind != "real":
        return lambda _: None
    began_s = time.monotonic()

    def wait(clock_ms: int) -> None:
        time.sleep(max(0.0, began_s + clock_ms / 1000 / clock.rate - time.monotonic()))

    return wait


def _complete(player: Player) -> Report:
    if player.circle:
        raise EndlessScenarioError(_in_circles(player))
    if not player.over:
        raise EndlessScenarioError(
            f"{player.scenario.name} did not end within {LIMIT_MS // 3_600_000} hours"
            f" (seed {player.cluster.sim.seed})"
        )
    return player.report()


def _in_circles(player: Player) -> str:
    names = [repr(name) for name in player.circle]
    who = (
        f"rule {names[0]} causes itself"
        if len(names) == 1
        else f"rules {', '.join(names[:-1])} and {names[-1]} cause each other"
    )
    return (
        f"{player.scenario.name} comes to no end: {who} again and again, {seconds(player.clock_ms())} so far;"
        f" say how often with max, or how long in settings.duration (seed {player.cluster.sim.seed})"
    )


# --- with a command ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """What is run under test, in which environment, and how long it may take: ``None`` is for ever.

    ``output`` is given every line that it prints; standard error has them if nobody takes them.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_ms: int | None = None
    output: Callable[[str], object] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command has ended: its exit status, or minus the signal; ``in_time`` is false if it had to be ended."""

    exit_code: int
    in_time: bool = True


def play_with(staging: Staged, command: Command, progress: Progress = _no_progress) -> Report:
    """Play it with a command as the client. Raises :class:`OSError` if the command cannot be run."""
    options = staging.options
    if options.front_door is None:
        staging = replace(staging, options=replace(options, front_door="round_robin"))
    return asyncio.run(_play_with(staging, command, progress))


async def _play_with(staging: Staged, command: Command, progress: Progress) -> Report:
    hosted = await Hosted.start(staging)
    try:
        hosted.begin(with_client=True)
        player = hosted.player
        assert player is not None, "there is nothing to play"
        ended = await _run_command(command, hosted, lambda: progress(player))
        if player.waits:
            player.start()
        verdicts = _of_command(command, ended, hosted, player)
        player.detach_client()
        hosted.clock.run_until(lambda: _is_done(player), LIMIT_MS)
        report = _complete(player)
    finally:
        await hosted.stop()
    bugs = [Verdict("mockconnect", "works", False, str(bug)) for bug in hosted.server.bugs]
    return replace(report, verdicts=(*report.verdicts, *verdicts, *bugs), command=tuple(command.arguments))


def _of_command(command: Command, ended: Ended, hosted: Hosted, player: Player) -> list[Verdict]:
    """What is to be said of a command at the moment of its end."""
    how = _how(ended, command.timeout_ms)
    if not player.has_client:
        told = Verdict("command", "asks the cluster", None, "no request came; it should ask CONNECT_URL")
        return [told, Verdict("command", "ends with 0", not how, how)]
    if how and hosted.clock.pace is Pace.PACED:
        how += f"; {_of_paced_time(hosted, player)}"
    return [Verdict("command", "ends with 0", not how, how, player.clock_ms())]


def _of_paced_time(hosted: Hosted, player: Player) -> str:
    """What those need to know who waited for something in vain."""
    asked = sum(one.by == "client" for one in player.records)
    closed = [name for name, worker in hosted.core.workers.items() if worker.rest is Rest.REFUSED]
    refused = f", nor connections that {', '.join(closed)} refuses," if closed else ""
    return (
        f"paced time moves with requests that get through ({asked}); its own waiting{refused} moves nothing:"
        " --clock x60 goes on by itself, --per-request 1s goes faster"
    )


def _how(ended: Ended, timeout_ms: int | None) -> str:
    """How it has failed, if it has."""
    if not ended.in_time:
        return f"it did not end within {seconds(timeout_ms or 0)}"
    if ended.exit_code < 0:
        names = {int(one): one.name for one in signal.Signals}  # real-time signals have none
        return f"it was ended by {names.get(-ended.exit_code, f'signal {-ended.exit_code}')}"
    return f"it ended with {ended.exit_code}" if ended.exit_code else ""


async def _run_command(command: Command, hosted: Hosted, progress: Callable[[], object]) -> Ended:
    urls = {
        "CONNECT_URL": hosted.front_door_url or hosted.urls[0],
        "CONNECT_WORKER_URLS": ",".join(hosted.urls),
        **_beside_proxies(hosted.urls, os.environ),
    }
    process = await asyncio.create_subprocess_exec(
        *command.arguments,
        env={**os.environ, **command.environment, **urls},
        stdout=STANDARD_ERROR if command.output is None else asyncio.subprocess.PIPE,
        stderr=None if command.output is None else asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    printed = asyncio.ensure_future(_hand_on(process.stdout, command.output))
    try:
        limit_s = None if command.timeout_ms is None else command.timeout_ms / 1000
        async with asyncio.timeout(limit_s):
            return Ended(await _waited_for(process, progress))
    except TimeoutError:
        return Ended(-signal.SIGTERM, in_time=False)
    finally:
        await _put_down(process)
        await asyncio.wait([printed], timeout=GRACE_S)  # who has left its session may still hold the pipe
        printed.cancel()


def _beside_proxies(urls: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """No proxy of the environment knows the way to these; each client looks at its own spelling of the variable."""
    others = environment.get("no_proxy") or environment.get("NO_PROXY")
    hosts = dict.fromkeys(urlsplit(url).hostname or "" for url in urls)
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(filter(None, [others, *hosts])))


async def _hand_on(stream: asyncio.StreamReader | None, output: Callable[[str], object] | None) -> None:
    """Line by line, however long lines are."""
    rest = b""
    while stream is not None and output is not None and (chunk := await stream.read(65_536)):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            output(line.decode(errors="replace").rstrip("\r"))
    if rest and output is not None:
        output(rest.decode(errors="replace"))


async def _waited_for(process: Process, progress: Callable[[], object]) -> int:
    ended = asyncio.ensure_future(process.wait())
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=0.25)
            progress()
    finally:
        ended.cancel()
    return ended.result()


async def _put_down(process: Process) -> None:
    """It ends, politely at first, and everything that it has left behind."""
    if process.returncode is None:
        _tell(process, gently=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()
    _tell(process, gently=False)
    await process.wait()


def _tell(process: Process, *, gently: bool) -> None:
    """To its whole session, where there are such."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGTERM if gently else signal.SIGKILL)
