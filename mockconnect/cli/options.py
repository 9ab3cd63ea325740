"""How options of commands are made: every one is an environment variable ``MOCKCONNECT_*`` as well.

Rules of this room: what is written on the command line wins. A default is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def option(name: str, help_text: str, *more_variables: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that is an environment variable as well."""
    variables = [f"MOCKCONNECT_{name.removeprefix('--').replace('-', '_').upper()}", *more_variables]
    if attributes.get("default") not in (None, ()):
        attributes["show_default"] = True
    return click.option(name, envvar=variables, help=help_text, show_envvar=True, **attributes)
