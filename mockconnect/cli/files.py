"""What commands write about a run, by the ending of the file's name.

Rules of this room: whether a file can be written is found out before the run, as far as that can be; what is wrong is one
line on standard error and exit status 2. Files of several runs have the name of their scenario in their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mockconnect.cli.commands import refuse
from mockconnect.files.problems import one_of

if TYPE_CHECKING:
    from mockconnect.scenario.report import Report

FILE: Final = click.Path(dir_okay=False, path_type=Path)
TIMELINES: Final = (".txt", ".jsonl", ".html")
SCENARIO: Final = "{scenario}"
SEED: Final = "{seed}"


def check_files(
    command: str, option: str, paths: Sequence[Path], endings: Sequence[str] = (), scenarios: int = 1
) -> None:
    """The end of the command, if they cannot be what they should."""
    wrong = [text for path in paths if (text := _problem(path, endings, scenarios))]
    if wrong:
        refuse(command, *(f"{option}: {text}" for text in wrong))


def _problem(path: Path, endings: Sequence[str], scenarios: int) -> str:
    if endings and path.suffix not in endings:
        return one_of(path.suffix or path.name, endings)
    if not path.parent.is_dir():
        return f"{path} cannot be written: there is no folder {path.parent}"
    if scenarios > 1 and endings == TIMELINES and SCENARIO not in path.name:
        return f"{path.name}: several scenarios need {SCENARIO} in the name, such as {path.stem}-{SCENARIO}{path.suffix}"
    return ""


def write_timeline(command: str, path: Path, report: Report) -> None:
    """As text, JSON lines or a page; ``{scenario}`` and ``{seed}`` in its name are replaced."""
    from mockconnect.scenario.page import page  # noqa: PLC0415 - heavy
    from mockconnect.scenario.timeline import json_lines, text_timeline  # noqa: PLC0415 - heavy

    writers: Mapping[str, Callable[[Report], str]] = {
        ".txt": text_timeline,
        ".jsonl": json_lines,
        ".html": page,
    }
    name = path.name.replace(SCENARIO, report.scenario).replace(SEED, str(report.seed))
    write(command, "--timeline", path.with_name(name), writers[path.suffix](report))


def write(command: str, option: str, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(command, f"{option}: {path} cannot be written: {error.strerror or error}")
