"""Ports for tests that must know one before anybody listens on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

LOWEST, HIGHEST = 20_000, 32_000
"""Below the range from which systems give ports to whoever asks for any: nobody is given these by chance."""


@contextmanager
def own_port() -> Iterator[int]:
    """A port on which nobody listens, and which is given to nobody else here, in no process, before the block ends.

    What keeps it is a UDP socket of the same number: that is in the way of other tests, and of no listener.
    """
    span = HIGHEST - LOWEST
    for number in range(span):
        port = LOWEST + (os.getpid() * 101 + number) % span
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
            try:
                mark.bind(("127.0.0.1", port))
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            yield port
            return
    raise AssertionError(f"no port from {LOWEST} to {HIGHEST} is free")
