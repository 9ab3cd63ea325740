"""Signals that end a command while it is at work, and how it says so: 128 and the number of the signal.

Rules of this room: a signal is remembered, and looked at where work can be put away; only a second one breaks in
anywhere. An error raised by a signal handler may end up in whatever runs at that moment, the clean-up of a generator for
one, and be lost there. A signal that is ignored stays so.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click


class EndedBySignalError(Exception):
    """Somebody wants it to end."""


class Ending:
    """Whether somebody wants an end, to be looked at now and then."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number

    def __bool__(self) -> bool:
        return self.number is not None

    def __str__(self) -> str:
        return f"ended by {self.signal.name}"

    @property
    def signal(self) -> signal.Signals:
        """Which signal says so; Ctrl-C, if it came from elsewhere."""
        return signal.Signals(self.number or signal.SIGINT)

    def check(self) -> None:
        """Raises :class:`EndedBySignalError` if somebody does."""
        if self:
            raise EndedBySignalError


@contextmanager
def interruptible(command: str) -> Iterator[Ending]:
    """Signals end it properly, and say so by the exit status."""
    wanted = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    numbers = [
        one for one in wanted if one is not None and signal.getsignal(one) not in (signal.SIG_IGN, None)
    ]
    ending = Ending()
    before = {number: signal.signal(number, ending) for number in numbers}
    try:
        yield ending
    except (EndedBySignalError, KeyboardInterrupt):
        click.echo(f"mockconnect {command}: {ending}", err=True)
        sys.exit(128 + ending.signal)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
