"""A stateful simulator of an Apache Kafka Connect cluster, for testing what talks to one.

Rules of this room: importing it costs nothing. Each public name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mockconnect.core.declared import simulated_connector
    from mockconnect.core.plugin_desc import PluginDesc
    from mockconnect.hosting import NotReachedError, RunningCluster, Worker, start, start_async
    from mockconnect.options import OptionsError
    from mockconnect.requested import Requests

__all__ = [
    "NotReachedError",
    "OptionsError",
    "PluginDesc",
    "Requests",
    "RunningCluster",
    "Worker",
    "simulated_connector",
    "start",
    "start_async",
]

_ROOMS: Final = {
    "NotReachedError": "hosting",
    "OptionsError": "options",
    "PluginDesc": "core.plugin_desc",
    "Requests": "requested",
    "RunningCluster": "hosting",
    "Worker": "hosting",
    "simulated_connector": "core.declared",
    "start": "hosting",
    "start_async": "hosting",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
