"""Tables on standard output: with colours and folded cells on a terminal, in fixed columns for everything else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

Row = Sequence[str]


def print_table(columns: Row, rows: Sequence[Row]) -> None:
    """One line per row; on a terminal long cells are folded."""
    if sys.stdout.isatty():
        _print_rich(columns, rows)
        return
    for line in fixed_columns([columns, *rows]):
        click.echo(line)


CELL_MAX: Final = 56
"""A longer cell only pushes what stands behind it on its own line."""


def fixed_columns(rows: Sequence[Row]) -> list[str]:
    """Two blanks between columns, none at the end: for ``grep``, ``awk`` and people."""
    widths = [min(CELL_MAX, max(map(len, column))) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _print_rich(columns: Row, rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", style="cyan" if number == 0 else "")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
