"""A small cluster to play with, for tests of core: settled, watched by every invariant, asked without HTTP."""

from __future__ import annotations

from typing import Any

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.errors import ConnectError
from mockconnect.core.invariants import watch
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.settings import Timing, WorkerSettings


class Scene:
    """Three workers unless told otherwise; ``connectors`` maps names to plugins (two tasks each)."""

    def __init__(
        self,
        connectors: dict[str, PluginDesc] | None = None,
        *,
        workers: int = 3,
        settings: dict[str, Any] | None = None,
        **timing: int,
    ) -> None:
        self.plugins = tuple(dict.fromkeys((connectors or {}).values()))
        seeds = tuple(
            SeedConnector(name, {"connector.class": plugin.class_name, "tasks.max": "2", "topics": "t"})
            if plugin.kind == "sink"
            else SeedConnector(name, {"connector.class": plugin.class_name, "tasks.max": "2"})
            for name, plugin in (connectors or {}).items()
        )
        machines = tuple(
            WorkerSettings(f"connect-{n}", port=8083 + n, **(settings or {})) for n in range(workers)
        )
        options = ClusterOptions(
            machines, (*self.plugins, *apache_plugins()), timing=Timing(**timing), connectors=seeds
        )
        self.cluster = Cluster(options)
        watch(self.cluster)
        self.cluster.start()
        assert self.cluster.settle()

    @property
    def sim(self) -> Any:
        return self.cluster.sim

    def ask(self, worker: int, operation: str, max_ms: int = 400_000, **args: Any) -> Any:
        """The value of an answer; raises :class:`ConnectError`."""
        reply = self.cluster.submit(f"connect-{worker}", operation, args)
        assert self.sim.run_until(reply, max_ms), f"{operation} has no answer after {max_ms} ms"
        return reply.result()

    def error(self, worker: int, operation: str, **args: Any) -> tuple[int, str | None]:
        """Status code and message of an answer that is an error."""
        try:
            value = self.ask(worker, operation, **args)
        except ConnectError as error:
            return error.status_code, error.message
        raise AssertionError(f"{operation} answered {value!r}")

    def states(self, name: str, worker: int = 0) -> str:
        """``RUNNING RUNNING FAILED``: the connector's state, then its tasks'."""
        status = self.ask(worker, "connector_status", name=name)
        return " ".join(row["state"] for row in (status["connector"], *status["tasks"]))

    def trace(self, name: str, task: int | None = None, worker: int = 0) -> str:
        status = self.ask(worker, "connector_status", name=name)
        row = status["connector"] if task is None else status["tasks"][task]
        return str(row.get("trace", ""))

    def advance(self, duration_ms: int) -> None:
        self.sim.advance(duration_ms)
