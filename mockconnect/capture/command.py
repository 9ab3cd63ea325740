"""What ``mockconnect capture`` does: capture with a progress bar, then write the file, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockconnect.capture.asking import Access
from mockconnect.capture.cluster import Advance, CaptureError, capture
from mockconnect.files.problems import Problem
from mockconnect.files.writing import dump, write

HEAD = (
    "A captured Kafka Connect cluster. Secrets are masked; look through the rest before you share it.\n"
    "mockconnect serve --cluster {name}"
)


def capture_to_file(urls: Sequence[str], output: Path, access: Access) -> str:
    """Capture and write; gives a line that says what was found. Raises :class:`CaptureError`."""
    _check(urls, output)
    try:
        access.ssl_context()
    except (OSError, ssl.SSLError) as error:
        named = " or ".join(name for name in (access.ca, access.certificate, access.key) if name)
        reason = error.strerror or error
        raise CaptureError([Problem(named, f"cannot be used: {reason}")], "how to get in") from error
    with _progress() as on_progress:
        found = asyncio.run(capture(urls, access, on_progress))
    try:
        write(output, dump(found, HEAD.format(name=output.name)))
    except OSError as error:
        raise CaptureError(
            [Problem(str(output), f"cannot be written: {error.strerror}")], "the output"
        ) from error
    return _summary(found, output)


def _check(urls: Sequence[str], output: Path) -> None:
    """What would only be found out after a long capture, or not understood."""
    problems = [
        Problem(url, "expected a URL such as http://connect-0:8083")
        for url in urls
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname
    ]
    problems += [Problem(url, "is given twice") for number, url in enumerate(urls) if url in urls[:number]]
    folder = output.parent
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        problems.append(Problem(str(output), "cannot be written: expected a file in a folder that is there"))
    if problems:
        raise CaptureError(problems, "what was asked for")


def _summary(found: dict[str, Any], output: Path) -> str:
    workers, connectors = found["workers"], found["connectors"]
    tasks = sum(len(one.get("task_configs", ())) for one in connectors)
    known = {one["worker_id"] for one in workers}
    gone = {
        row["worker_id"]
        for one in connectors
        if "status" in one
        for row in (one["status"]["connector"], *one["status"]["tasks"])
        if row["worker_id"] not in known
    }
    counts = {"worker": len(workers), "connector": len(connectors), "task": tasks}
    text = f"{output}: " + ", ".join(f"{count} {one}{'s' * (count != 1)}" for one, count in counts.items())
    return text + "".join(f"\nno URL is that of {one}: taken to be gone" for one in sorted(gone))


@contextmanager
def _progress() -> Iterator[Advance]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - heavy

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        known = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total)

        yield advance
