"""Which URL is which worker.

Rules of this room:

* A worker does not say what its id is. Statuses do, so URLs are matched with the ids in them, by text, by address, by port,
  and in the end by what is left. Nothing else is looked up than host names.
* Behind a single URL there may be a balancer: whoever runs something is a worker, and like the one that answered. Where
  every worker has a URL, one that only statuses know is gone.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from mockconnect.capture.answers import CapturedConnector, CapturedWorker


def worker_ids(connectors: Iterable[CapturedConnector]) -> list[str]:
    found: set[str] = set()
    for one in connectors:
        statuses = [] if one.status is None else [one.status["connector"], *one.status["tasks"]]
        found.update(status["worker_id"] for status in statuses if status["state"] != "UNASSIGNED")
    return sorted(found)


def identify(workers: list[CapturedWorker], ids: Sequence[str]) -> None:
    """Give every worker its id and a name, and add those behind a balancer."""
    left = list(ids)
    for fits in (_same_text, _same_address, _same_port):
        for worker in workers:
            fitting = [one for one in left if not worker.worker_id and fits(worker.url, one)]
            if len(fitting) == 1:
                worker.worker_id = fitting[0]
                left.remove(fitting[0])
    for worker in workers:
        if not worker.worker_id:
            worker.worker_id = left.pop(0) if left else _netloc(worker.url)
    if len(workers) == 1:
        told_by = workers[0].worker_id
        workers += [replace(workers[0], worker_id=worker_id, told_by=told_by) for worker_id in left]
        workers.sort(key=lambda one: _natural(one.worker_id))
    _give_names(workers)


def _natural(text: str) -> list[tuple[int, str]]:
    """``connect-10`` comes after ``connect-9``."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", text)]


def _give_names(workers: Sequence[CapturedWorker]) -> None:
    hosts = [one.worker_id.rpartition(":")[0] for one in workers]
    short = [host.partition(".")[0] for host in hosts]
    told = len(set(short)) == len(short) and all(re.fullmatch(r"[A-Za-z][\w-]*", one) for one in short)
    for number, worker in enumerate(workers):
        worker.name = short[number] if told else f"connect-{number}"


def _netloc(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _same_text(url: str, worker_id: str) -> bool:
    return _netloc(url) == worker_id


def _same_address(url: str, worker_id: str) -> bool:
    host, _, port = worker_id.rpartition(":")
    mine, _, my_port = _netloc(url).rpartition(":")
    return port == my_port and bool(_addresses(host) & _addresses(mine))


def _same_port(url: str, worker_id: str) -> bool:
    return _netloc(url).rpartition(":")[2] == worker_id.rpartition(":")[2]


def _addresses(host: str) -> set[str]:
    try:
        return {str(row[4][0]) for row in socket.getaddrinfo(host.strip("[]"), None)}
    except OSError:
        return set()
