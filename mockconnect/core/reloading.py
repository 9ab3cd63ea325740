"""``WorkerConfigTransformer``: configs of connectors and tasks with what their references stand for, and what follows.

Rules of this room:

* Configs are resolved when they are used: by the worker that starts a connector, starts a task, or asks for task
  configs. What it cannot find fails there, whatever other workers find.
* A provider may say how long a value is good. Then this worker asks itself to restart the connector after that time,
  unless ``config.action.reload`` is ``none``. Each use replaces the restart that was planned before for that path.
* The restart is the plain one: of the connector, where it runs. Tasks whose configs hold the same references as before
  go on with the values that they were started with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mockconnect.core.config_providers import ConfigProvider, StoreConfigProvider
from mockconnect.core.configdef import ConfigError
from mockconnect.core.errors import ConnectError
from mockconnect.core.site import Site
from mockconnect.core.terms import Config
from mockconnect.core.validation import CONFIG_EXCEPTION, resolve_references

Restart = Callable[[str, int, Callable[[], bool]], object]
"""Restarts a connector after so many milliseconds, if that is still wanted then."""


class Reloading:
    """The configs of one worker's herder, resolved."""

    def __init__(self, site: Site) -> None:
        self.restart: Restart | None = None
        """Whoever takes requests; herders and their requests are made one after the other."""
        self._site = site
        self._planned: dict[tuple[str, str], int] = {}
        self._plans = 0

    def resolved(self, connector: str, config: Config) -> Config:
        """Raises :class:`ConnectError` for what a provider cannot read."""
        providers = self._site.providers
        if not providers:
            return config
        seen: dict[tuple[str, str], int | None] = {}
        noting = {name: _Noting(name, provider, seen) for name, provider in providers.items()}
        try:
            found = resolve_references(config, noting)
        except ConfigError as error:
            raise ConnectError(500, str(error), CONFIG_EXCEPTION) from error
        if (config.get("config.action.reload") or "restart").lower() == "restart":
            for (_, path), ttl_ms in seen.items():
                if ttl_ms is not None:
                    self._plan(connector, path, ttl_ms)
        return found

    def _plan(self, connector: str, path: str, ttl_ms: int) -> None:
        self._plans += 1
        plan = self._planned[connector, path] = self._plans
        if self.restart is not None:
            self.restart(connector, ttl_ms, lambda: self._planned.get((connector, path)) == plan)


@dataclass(frozen=True, slots=True)
class _Noting:
    """A provider that is listened to."""

    name: str
    provider: ConfigProvider
    seen: dict[tuple[str, str], int | None]

    def get(self, path: str) -> Mapping[str, str]:
        found = self.provider.get(path)
        if isinstance(self.provider, StoreConfigProvider):
            self.seen[self.name, path] = self.provider.ttl_ms(path)
        return found
