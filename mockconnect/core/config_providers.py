"""Config providers of a simulated worker: what ``${provider:path:key}`` in a connector config stands for.

Rules of this room:

* Which providers a worker has is said by its properties ``config.providers`` and ``config.providers.NAME.class``. What
  they find is said by the secrets of its machine (``set_secret``).
* A simulated machine has no other files and no environment variables, and Kafka's own providers answer as they do there:
  a file that is missing is an error, a folder or a variable that is missing leaves the reference as it is.
* A provider of any other class finds the secrets of its name, and nothing else. What such a provider does when it finds
  nothing is its own business; here it leaves the reference as it is, which is a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from mockconnect.core.configdef import ConfigError
from mockconnect.core.javatext import trim

PACKAGE: Final = "org.apache.kafka.common.config.provider."


class ConfigProvider(Protocol):
    """``ConfigProvider``: raises :class:`ConfigError` if the path cannot be read."""

    def get(self, path: str) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Secret:
    """What is found under a path, and how long it is good."""

    entries: Mapping[str, str]
    ttl_ms: int | None = None


Secrets = Mapping[tuple[str, str], Secret]
"""By the provider's name and the path."""


@dataclass(frozen=True, slots=True)
class FileConfigProvider:
    """Without ``allowed`` paths every path may be read; one that may not be is taken for empty."""

    allowed: tuple[str, ...] = ()
    name: str = ""
    secrets: Secrets = field(default_factory=dict)

    def get(self, path: str) -> Mapping[str, str]:
        if not path or (self.allowed and not any(_below(path, folder) for folder in self.allowed)):
            return {}
        secret = self.secrets.get((self.name, path))
        if secret is not None:
            return secret.entries
        raise ConfigError(f"Could not read properties from file {path}")


class DirectoryConfigProvider:
    def get(self, path: str) -> Mapping[str, str]:  # noqa: ARG002 - it only warns that there is no such folder
        return {}


class EnvVarConfigProvider:
    def get(self, path: str) -> Mapping[str, str]:
        if path:
            raise ConfigError(f"Path is not supported for EnvVarConfigProvider, invalid value '{path}'")
        return {}


@dataclass(frozen=True, slots=True)
class StoreConfigProvider:
    """A provider that is not Kafka's: a vault, a cloud's secret store."""

    name: str
    secrets: Secrets

    def get(self, path: str) -> Mapping[str, str]:
        secret = self.secrets.get((self.name, path))
        return {} if secret is None else secret.entries

    def ttl_ms(self, path: str) -> int | None:
        """How long what is found there is good; Kafka's own providers never say."""
        secret = self.secrets.get((self.name, path))
        return None if secret is None else secret.ttl_ms


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _file(allowed: str | None, name: str, secrets: Secrets) -> ConfigProvider:
    return FileConfigProvider(tuple(map(trim, allowed.split(","))) if allowed else (), name, secrets)


_MAKERS: Final[Mapping[str, Callable[[str | None, str, Secrets], ConfigProvider]]] = {
    f"{PACKAGE}FileConfigProvider": _file,
    f"{PACKAGE}DirectoryConfigProvider": lambda *_: DirectoryConfigProvider(),
    f"{PACKAGE}EnvVarConfigProvider": lambda *_: EnvVarConfigProvider(),
}


def config_providers(properties: Mapping[str, str], secrets: Secrets) -> dict[str, ConfigProvider]:
    """The providers that a worker with these properties has. What they find may change while they are used."""
    found: dict[str, ConfigProvider] = {}
    for name in map(trim, properties.get("config.providers", "").split(",")):
        class_name = properties.get(f"config.providers.{name}.class", "")
        make = _MAKERS.get(class_name)
        if name and make is not None:
            allowed = properties.get(f"config.providers.{name}.param.allowed.paths")
            found[name] = make(allowed, name, secrets)
        elif name and class_name:
            found[name] = StoreConfigProvider(name, secrets)
    return found
