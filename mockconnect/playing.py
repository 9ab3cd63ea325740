"""Scenarios from their first event to the report: alone, or with a command under test.

Rules of this room:

* Alone there is no socket and no thread: only a simulated cluster and its player, so the report is a function of
  scenario, parameters and seed.
* A command gets ``CONNECT_URL`` (the front door) and ``CONNECT_WORKER_URLS`` (all workers, by commas). The scenario's
  clock begins with its first request; when it has ended the rest of the timeline is played without waiting.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mockconnect.hosting import Hosted, simulated
from mockconnect.options import ClockChoice
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import Report, Verdict
from mockconnect.staging import WORKER_PORT, Staged, player_of

LIMIT_MS: Final = 7 * 24 * 3_600_000
"""No scenario lasts longer than a week."""
STEP_MS: Final = 1_000
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
    while not player.over and player.clock_ms() < LIMIT_MS:
        until_ms = cluster.now_ms + STEP_MS
        _run(player, until_ms)
        progress(player)
        pace(player.clock_ms())
    return _complete(player)


def _run(player: Player, until_ms: int) -> None:
    """Until then, or until it is over; time stays at the last event of the scenario."""
    sim = player.cluster.sim
    sim.run_until(lambda: player.over, max(0, until_ms - sim.now_ms))


def _pace(clock: ClockChoice) -> Callable[[int], None]:
    """Wait until the wall clock is as far as the scenario's."""
    if clock.kind != "real":
        return lambda _: None
    began_s = time.monotonic()

    def wait(clock_ms: int) -> None:
        time.sleep(max(0.0, began_s + clock_ms / 1000 / clock.rate - time.monotonic()))

    return wait


def _complete(player: Player) -> Report:
    if not player.over:
        raise EndlessScenarioError(f"{player.scenario.name} did not end within {LIMIT_MS // 3_600_000} hours")
    return player.report()


# --- with a command ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """What is run under test, and in which environment."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


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
        exit_code = await _run_command(command, hosted, lambda: progress(player))
        if player.waits:
            player.start()
        player.detach_client()
        hosted.clock.run_until(lambda: player.over, LIMIT_MS)
        report = _complete(player)
    finally:
        await hosted.stop()
    return replace(report, verdicts=(*report.verdicts, _of_exit(exit_code)))


def _of_exit(exit_code: int) -> Verdict:
    detail = f"it ended with {exit_code}" if exit_code else ""
    return Verdict("command", "ends with 0", exit_code == 0, detail)


async def _run_command(command: Command, hosted: Hosted, progress: Callable[[], object]) -> int:
    urls = {
        "CONNECT_URL": hosted.front_door_url or hosted.urls[0],
        "CONNECT_WORKER_URLS": ",".join(hosted.urls),
    }
    process = await asyncio.create_subprocess_exec(
        *command.arguments, env={**os.environ, **command.environment, **urls}
    )
    ended = asyncio.ensure_future(process.wait())
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=0.25)
            progress()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return ended.result()
