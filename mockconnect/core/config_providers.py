"""Config providers of a simulated worker: what ``${provider:path:key}`` in a connector config stands for.

Rules of this room: a simulated machine has no files and no environment variables, so every provider answers as Kafka's
own do there: a file that is missing is an error, a folder or a variable that is missing leaves the reference as it is.
Which providers a worker has is said by its properties ``config.providers`` and ``config.providers.NAME.class``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from mockconnect.core.configdef import ConfigError
from mockconnect.core.javatext import trim

PACKAGE: Final = "org.apache.kafka.common.config.provider."


class ConfigProvider(Protocol):
    """``ConfigProvider``: raises :class:`ConfigError` if the path cannot be read."""

    def get(self, path: str) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class FileConfigProvider:
    """Without ``allowed`` paths every path may be read; one that may not be is taken for empty."""

    allowed: tuple[str, ...] = ()

    def get(self, path: str) -> Mapping[str, str]:
        if not path or (self.allowed and not any(_below(path, folder) for folder in self.allowed)):
            return {}
        raise ConfigError(f"Could not read properties from file {path}")


class DirectoryConfigProvider:
    def get(self, path: str) -> Mapping[str, str]:  # noqa: ARG002 - it only warns that there is no such folder
        return {}


class EnvVarConfigProvider:
    def get(self, path: str) -> Mapping[str, str]:
        if path:
            raise ConfigError(f"Path is not supported for EnvVarConfigProvider, invalid value '{path}'")
        return {}


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _file(allowed: str | None) -> ConfigProvider:
    return FileConfigProvider(tuple(map(trim, allowed.split(","))) if allowed else ())


_MAKERS: Final[Mapping[str, Callable[[str | None], ConfigProvider]]] = {
    f"{PACKAGE}FileConfigProvider": _file,
    f"{PACKAGE}DirectoryConfigProvider": lambda _: DirectoryConfigProvider(),
    f"{PACKAGE}EnvVarConfigProvider": lambda _: EnvVarConfigProvider(),
}


def config_providers(properties: Mapping[str, str]) -> dict[str, ConfigProvider]:
    """The providers that a worker with these properties has; one of another class knows nothing and is left out."""
    found: dict[str, ConfigProvider] = {}
    for name in map(trim, properties.get("config.providers", "").split(",")):
        make = _MAKERS.get(properties.get(f"config.providers.{name}.class", ""))
        if name and make is not None:
            found[name] = make(properties.get(f"config.providers.{name}.param.allowed.paths"))
    return found
