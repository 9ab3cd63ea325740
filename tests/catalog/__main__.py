"""`python -m tests.catalog capture | derive | record | tasks | compare | document [--only PART]`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import recordings
from .artifacts import groups
from .capturing import captured, raw_file, read_raw, worker_with, write_raw
from .document import PAGE, page
from .writing import write_group


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.catalog", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("--only", action="append", default=[], help="part of FAMILY-RELEASE; may be repeated")
    options = parser.parse_args(arguments)
    return int(COMMANDS[options.command](options.only))


def _capture(only: Sequence[str]) -> int:
    for (family, release), artifacts in groups(only).items():
        print(f"{family} {release}", flush=True)
        with tempfile.TemporaryDirectory() as folder, worker_with(artifacts, Path(folder)) as asking:
            write_raw(family, release, captured(asking, artifacts))
    return 0


def _derive(only: Sequence[str]) -> int:
    """Write the catalogue's files from what was captured."""
    for (family, release), artifacts in groups(only).items():
        if not raw_file(family, release).exists():
            print(f"{family} {release}: not captured")
            continue
        unexplained = write_group(family, release, artifacts, read_raw(family, release))
        print(f"{family} {release}: {len(unexplained)} classes with something unexplained")
        for name, what in unexplained.items():
            for key, sample in what.items():
                print(f"  {name.rpartition('.')[2]} {key}: {str(sample)[:300]}")
    return 0


def _record(only: Sequence[str]) -> int:
    """Validate every config on real workers."""
    for (family, release), artifacts in groups(only).items():
        with tempfile.TemporaryDirectory() as folder, worker_with(artifacts, Path(folder)) as asking:
            rows = recordings.recorded(asking, artifacts, read_raw(family, release))
            print(f"{family} {release}: {recordings.write(family, release, rows)} answers", flush=True)
    return 0


def _tasks(only: Sequence[str]) -> int:
    """Create every connector on real workers and write down its task configs."""
    for (family, release), artifacts in groups(only).items():
        with tempfile.TemporaryDirectory() as folder, worker_with(artifacts, Path(folder)) as asking:
            rows = list(recordings.recorded_tasks(asking, artifacts, read_raw(family, release)))
        path = recordings.tasks_path_of(family, release)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        print(
            f"{family} {release}: {sum('tasks' in row for row in rows)} of {len(rows)} connectors", flush=True
        )
    return 0


def _compare(only: Sequence[str]) -> int:
    """Compare our answers with the recorded ones."""
    known, wrong = recordings.known_differences(), 0
    for path in sorted(recordings.FOLDER.glob("*.jsonl.gz")):
        if only and not any(part in path.name for part in only):
            continue
        found = list(recordings.compared(path))
        different = [one for one in found if one.difference]
        print(f"{path.name}: {len(found)} compared, {len(found) - len(different)} identical", flush=True)
        for one in different:
            if recordings.identity(one) not in known:
                wrong += 1
                print(f"  {recordings.identity(one)}: {one.difference}")
    return 1 if wrong else 0


def _document(_only: Sequence[str]) -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


COMMANDS = {
    "capture": _capture,
    "derive": _derive,
    "record": _record,
    "compare": _compare,
    "document": _document,
    "tasks": _tasks,
}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
