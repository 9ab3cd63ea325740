"""A validation as a worker runs it: on a thread of its own, in the time the plugin takes, with a stage to show.

Rules of this room: what is valid is said by ``validation``. Here is only when it is said, and which of the two doors
(a create, the validate endpoint) words a failure how.
"""

from __future__ import annotations

from typing import Any

from mockconnect.core.answers import Answer
from mockconnect.core.configdef import ConfigInfos
from mockconnect.core.errors import ConnectError
from mockconnect.core.sim import Steps
from mockconnect.core.site import Site, run_code
from mockconnect.core.stages import Stage, StagedReply
from mockconnect.core.terms import Config
from mockconnect.core.validation import validate_connector_config

OWN_VALIDATE = "performing multi-property validation for the connector"


class Validation:
    """Validation on its own threads: it takes the plugin's time and shows its stage on the waiting request."""

    def __init__(self, site: Site, *, distributed: bool) -> None:
        self._site = site
        self._distributed = distributed

    def for_create(self, config: Config, reply: StagedReply[Any]) -> Steps[ConfigInfos]:
        """The result of a validation, after the time it takes. Raises :class:`ConnectError` after that time."""
        stages: list[tuple[str, int]] = []
        error: ConnectError | None = None
        try:
            infos = self._run(config, stages)
        except ConnectError as raised:
            error = raised
        yield from self._pass_through(config, stages, reply)
        if error is not None:
            raise error
        return infos

    def for_endpoint(self, config: Config, reply: StagedReply[Any]) -> Steps[Answer]:
        try:
            infos = yield from self.for_create(config, reply)
        except ConnectError as error:
            if not self._site.settings.version.has("wrapped_validate_errors"):
                raise
            # FutureCallback's ExecutionException is not unwrapped there: the message begins with the class.
            raise ConnectError(500, f"{error.java_class}: {error.message}") from error
        answer: Answer = infos.to_json()
        return answer

    def _run(self, config: Config, stages: list[tuple[str, int]]) -> ConfigInfos:
        script, name = self._site.script, config.get("name") or ""
        return validate_connector_config(
            config,
            plugins=self._site.plugins,
            worker=self._site.settings,
            distributed=self._distributed,
            providers=self._site.providers,
            as_run=lambda plugin: script.plugin(name, plugin),
            failure_of=lambda plugin: script.failure(
                script.behaviour(name, plugin), "validate", name, class_name=plugin.class_name
            ),
            stages=stages,
        )

    def _pass_through(
        self, config: Config, stages: list[tuple[str, int]], reply: StagedReply[Any]
    ) -> Steps[None]:
        """Spend the time of each stage that takes any; the waiting request shows where it is."""
        name = config.get("name") or ""
        sim, override = self._site.sim, self._site.script.overrides.get(name)
        slow = self._site.script.slowness("validate", name, config.get("connector.class") or "")
        for description, of_plugin_ms in stages:
            duration_ms = of_plugin_ms
            if override is not None and description == OWN_VALIDATE:
                duration_ms = override.validate_ms
            own = slow if description == OWN_VALIDATE else None
            if duration_ms or own is not None:
                reply.stage = stage = Stage(description, sim.now_ms)
                yield from run_code(duration_ms, own)
                stage.completed_at_ms = sim.now_ms
