"""The scenarios that come with mockconnect, and how others are found by their path.

Rules of this room: a name without a slash and without an ending is a shipped scenario; anything else is a file. Shipped
ones lie beside the package's own files in a wheel, and in ``scenarios/`` of a checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mockconnect.files.problems import nearest

_PACKAGE: Final = Path(__file__).parent.parent
SUFFIXES: Final = (".yaml", ".yml", ".json")


class UnknownScenarioError(LookupError):
    """There is no such scenario; the message says what was probably meant."""


def shipped_directory() -> Path:
    inside = _PACKAGE / "scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def shipped_files() -> list[Path]:
    """Every shipped scenario, by name."""
    return sorted(path for path in shipped_directory().glob("*.yaml") if not path.name.startswith("_"))


def shipped_names() -> list[str]:
    return [path.stem for path in shipped_files()]


def shown_name(file: str) -> str:
    """What to write for a scenario: its name if it is a shipped one, else its file."""
    path = Path(file)
    return path.stem if path.parent == shipped_directory() else file


def find_scenario(name: str | Path) -> Path:
    """The file of a scenario. Raises :class:`UnknownScenarioError`."""
    path = Path(name)
    if isinstance(name, Path) or path.suffix in SUFFIXES or len(path.parts) > 1:
        return path
    found = shipped_directory() / f"{name}.yaml"
    if found.is_file() and not str(name).startswith("_"):
        return found
    if path.is_file():
        return path
    raise UnknownScenarioError(_unknown(str(name)))


def find_scenarios(name: str) -> list[Path]:
    """The file of a scenario, or all of a folder, by name; those that begin with ``_`` are parts of others.

    Raises :class:`UnknownScenarioError`.
    """
    folder = Path(name)
    if not folder.is_dir() or name in shipped_names():
        return [find_scenario(name)]
    files = [path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("_")]
    if not files:
        raise UnknownScenarioError(f"{name}: no scenario is in this folder")
    return sorted(files)


def _unknown(name: str) -> str:
    close = nearest(name, shipped_names())
    meant = f"did you mean {close!r}?" if close else "'mockconnect scenarios list' shows them"
    return f"no scenario is called {name!r}; {meant}"
