"""What a terminal shows while a scenario is played: its clock, its workers, and what happened last.

Rules of this room: it looks at the player and changes nothing. It writes to standard error, so that the result on
standard output stays clean.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mockconnect.core.connect import ConnectWorker, Rest
from mockconnect.scenario.player import Player
from mockconnect.scenario.report import columns, seconds

ROWS: Final = 12
STYLES: Final = {"request": "cyan", "scenario": "bold magenta", "port": "dim", "trace": ""}
PORTS: Final = {
    Rest.SERVING: ("serving", "green"),
    Rest.JETTY_404: ("starting", "yellow"),
    Rest.STOPPING: ("stopping", "yellow"),
    Rest.REFUSED: ("down", "red"),
}


class Shown:
    """Progress on a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._live = Live(console=Console(stderr=True), refresh_per_second=10, transient=True)

    def __enter__(self) -> Shown:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, traceback)

    def __call__(self, player: Player) -> None:
        self._live.update(self._screen(player))

    def say(self, line: str) -> None:
        """A line of somebody else, above what is shown."""
        self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def _screen(self, player: Player) -> Group:
        head = Text(f"{self._name}  {seconds(player.clock_ms())}  {player.phase.value}", style="bold")
        table = Table.grid(padding=(0, 2))
        for worker in player.cluster.workers.values():
            table.add_row(*_worker(player, worker))
        rows = [
            Text(
                columns(row, player.started_at_ms), style=STYLES[row.kind], no_wrap=True, overflow="ellipsis"
            )
            for row in player.rows[-ROWS:]
        ]
        return Group(head, table, *rows)


def _worker(player: Player, worker: ConnectWorker) -> tuple[Text, Text, Text]:
    word, style = ("frozen", "blue") if worker.frozen else PORTS[worker.rest]
    leads = " leader" if player.cluster.leader == worker.name else ""
    node = worker.node if worker.running else None
    runs = "" if node is None else f"{len(node.worker.connectors)} connectors, {len(node.worker.tasks)} tasks"
    return Text(worker.name + leads), Text(word, style=style), Text(runs, style="dim")
