"""From a request to its answer: ``ConnectorsResource``, ``HerderRequestHandler`` and ``RestClient`` of one worker.

Rules of this room:

* An operation is a row of ``OPERATIONS``: what it needs, which checks come before the herder, and what it becomes there.
* A reply of the herder is waited for 90 s (10 s for health); a time-out does not cancel what was queued.
* ``Redirect`` makes the worker forward, once with ``forward=true`` and once more with ``forward=false``. A third hop
  is refused. What the other worker says is passed on as it is.
* Whether the other worker can be reached is the network's word; what runs there runs in *its* process, so a frozen
  worker lets the sender wait and a dead one refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from mockconnect.core import errors, foreign
from mockconnect.core.answers import Answer, Created, Json, LocalAnswers
from mockconnect.core.errors import ConnectError, Expected, Redirect
from mockconnect.core.javatext import trim
from mockconnect.core.network import Break, Network
from mockconnect.core.offset_changes import Changes
from mockconnect.core.requests import Signature
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Process, Reply, Steps, Within, either
from mockconnect.core.stages import CalledReply, Stage, StagedReply
from mockconnect.core.terms import Config, ConnectorTaskId, RestartRequest, TargetState, TaskConfig

T = TypeVar("T")


class HerderOperations(Protocol):
    """What a herder can be asked, distributed or standalone. Immediate refusals are raised."""

    def health(self) -> StagedReply[None]: ...
    def connectors(self) -> Reply[Json]: ...
    def expanded(self, expansions: Sequence[str]) -> Reply[Json]: ...
    def connector_status(self, name: str) -> Reply[Answer]: ...
    def connector_info(self, name: str) -> StagedReply[Answer]: ...
    def connector_config(self, name: str) -> StagedReply[Json]: ...
    def task_configs(self, name: str) -> StagedReply[list[Json]]: ...
    def tasks_config(self, name: str) -> StagedReply[Answer]: ...
    def put_connector(
        self, name: str, config: Config, target: TargetState | None, *, allow_replace: bool
    ) -> StagedReply[Created]: ...
    def patch_connector(self, name: str, patch: Mapping[str, str | None] | None) -> StagedReply[Created]: ...
    def delete_connector(self, name: str) -> StagedReply[None]: ...
    def put_target_state(self, name: str, target: TargetState) -> Reply[None]: ...
    def stop_connector(self, name: str) -> StagedReply[None]: ...
    def restart_connector(self, name: str) -> StagedReply[None]: ...
    def restart_connector_and_tasks(self, request: RestartRequest) -> StagedReply[Answer]: ...
    def restart_task(self, task_id: ConnectorTaskId) -> StagedReply[None]: ...
    def connector_offsets(self, name: str) -> StagedReply[Answer]: ...
    def modify_offsets(self, name: str, offsets: Changes | None) -> StagedReply[Answer]: ...
    def put_cluster_logger(self, namespace: str, level: str) -> Reply[None]: ...
    def put_task_configs(
        self, name: str, configs: Sequence[TaskConfig], signature: Signature | None
    ) -> StagedReply[None]: ...
    def fence_zombies(self, name: str, signature: Signature | None) -> StagedReply[None]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the resource classes see it: an operation, its arguments, and the ``forward`` parameter.

    ``authorization`` is the header of that name: the only one that is forwarded.
    """

    operation: str
    args: Mapping[str, Any] = field(default_factory=dict)
    forward: bool | None = None
    authorization: str | None = None


class Resources:
    """The REST resources of one worker process, without HTTP."""

    def __init__(
        self,
        settings: WorkerSettings,
        timing: Timing,
        process: Process,
        network: Network,
        answers: LocalAnswers,
        herder: HerderOperations,
        *,
        is_ready: Callable[[], bool],
        accepts: Callable[[], bool],
        admits: Callable[[str | None], bool],
        instant: Callable[[int], str],
        find_worker: Callable[[str], Resources | None],
        server_info: Answer,
        validate: Callable[[Config, StagedReply[Any]], Steps[Answer]],
    ) -> None:
        self.settings = settings
        self.process = process
        self._timing = timing
        self._network = network
        self._answers = answers
        self.herder = herder
        self._is_ready = is_ready
        self.accepts = accepts
        self.admits = admits
        self._instant = instant
        self._find_worker = find_worker
        self._server_info = server_info
        self._in_flight: dict[Reply[Any], None] = {}
        self._validate = validate

    def submit(self, call: Call) -> Reply[Any]:
        """Answer one call. Local reads are done at once; everything else may come later in virtual time."""
        try:
            row = OPERATIONS[call.operation]
            outcome = row.ask(self, **call.args)
        except Redirect:
            raise AssertionError(f"{call.operation}: a herder redirects through its reply") from None
        except Expected as error:
            return Reply.failed(error)
        if not isinstance(outcome, Reply):
            return Reply.of(outcome)
        if outcome.done and not isinstance(outcome.error, Redirect):
            return outcome
        answer = self.process.spawn(self._await(call, row, outcome))
        if not answer.done:
            self._in_flight[answer] = None
            answer.on_done(self._in_flight.pop)
        return answer

    def answered(self) -> Steps[None]:
        """Wait until every request that was in flight at this moment has its answer."""
        for answer in list(self._in_flight):
            yield Within(answer, None)

    def _await(self, call: Call, row: Operation, reply: Reply[Any]) -> Steps[Any]:
        timeout_ms = self._timeout_ms(call.operation)
        if isinstance(reply, CalledReply):
            yield Within(reply.returned, None)
        in_time = yield Within(reply, timeout_ms)
        if not in_time:
            if call.operation == "health":
                return self._unhealthy(reply)
            raise self._timed_out(call, reply)
        if isinstance(reply.error, Redirect):
            forwarded = yield from self._forward(call, row, reply.error.url)
            return forwarded
        return reply.result()

    def _timeout_ms(self, operation: str) -> int | None:
        if operation == "health":
            return self._timing.health_timeout_ms
        timeout_ms = self._timing.rest_request_timeout_ms
        if operation == "validate" and not self.settings.version.has("validate_timeout"):
            # KAFKA-12904: the 90,000 ms were taken for seconds; before 2.6 validation ran on the REST thread.
            return timeout_ms * 1000 if self.settings.version.has("wrapped_validate_errors") else None
        return timeout_ms

    # --- time-outs --------------------------------------------------------------------------------------------------------

    def _stage_text(self, reply: Reply[Any]) -> str | None:
        stage: Stage | None = getattr(reply, "stage", None)
        if stage is None or not self.settings.version.has("stages"):
            return None
        return stage.summarize(self._instant)

    def _timed_out(self, call: Call, reply: Reply[Any]) -> ConnectError:
        text = self._stage_text(reply)
        if text is not None and call.operation != "validate" and self.settings.version.has("stage_full_stop"):
            text += "."
        return errors.request_timed_out(text)

    def _unhealthy(self, reply: Reply[Any]) -> Answer:
        """``RootResource.healthCheck`` after 10 s without the herder."""
        text = self._stage_text(reply)
        suffix = "" if text is None else f" {text}."
        if self._is_ready():
            message = "Worker was unable to handle this request and may be unable to handle other requests."
            return {"status": "unhealthy", "message": message + suffix}
        return {"status": "starting", "message": "Worker is still starting up." + suffix}

    # --- forwarding -------------------------------------------------------------------------------------------------------

    def _forward(self, call: Call, row: Operation, url: str | None) -> Steps[Any]:
        if call.forward is False:
            raise errors.conflicting_operation()
        if url is None:
            known = self.settings.version.has("unknown_leader_409")
            raise errors.no_leader_url() if known else errors.leader_url_is_null()
        args = {key: value for key, value in call.args.items() if key != "signature"}
        if "signature" in call.args:
            args["signature"] = None  # a forwarded internal request is not signed again
        onward = Call(call.operation, args, call.forward is None, call.authorization)
        answer = yield self.send(url, onward, in_path=row.names_connector_in_path)
        return answer

    def send(self, url: str, call: Call, *, in_path: bool = True) -> Reply[Any]:
        """``RestClient.httpRequest``: one request to another worker; fails with Connect's I/O texts."""
        return self.process.spawn(self._send(url, call, in_path))

    def _send(self, url: str, call: Call, in_path: bool) -> Steps[Any]:
        url = self._network.leads_to(self.settings.name, url)
        target = self._find_worker(url)
        if target is None:
            raise foreign.unreachable(Break.UNKNOWN_HOST, urlsplit(url).hostname or url)
        how = self._network.link(self.settings.name, target.settings.name)
        if how is not None:
            nothing = yield from self._met(how, target.settings, call.operation)
            return nothing
        yield self._timing.worker_latency_ms
        if not target.accepts():
            raise foreign.unreachable(Break.REFUSED, target.settings.host)
        if in_path:
            self._check_path(str(call.args.get("name", "")), target.settings)
        answer: Reply[Any] = Reply()
        target.process.receive(lambda: target.receive(call, answer))
        death = target.process.death()
        in_time = yield Within(either(answer, death), self._silence_timeout_ms())
        target.process.forget(death)
        if not in_time:
            raise foreign.unreachable(Break.SILENT, target.settings.host)
        if not answer.done:
            raise foreign.unreachable(Break.CLOSED, target.settings.host)
        yield self._timing.worker_latency_ms
        if isinstance(answer.error, ConnectError):
            raise self._relayed(answer.error)
        if isinstance(answer.value, foreign.ForeignAnswer):
            foreign.understood(answer.value, self.settings.version)
        return answer.result()

    def _check_path(self, name: str, other: WorkerSettings) -> None:
        """The decoded name goes into the path: a slash separates there, and Jetty 12 takes no escaped percent sign."""
        if "/" in name:
            raise self._relayed(ConnectError(404, "HTTP 404 Not Found"))
        if "%" in name and other.version.has("jetty_12"):
            foreign.understood(foreign.AMBIGUOUS, self.settings.version)

    def receive(self, call: Call, answer: Reply[Any]) -> None:
        """A call that another worker has forwarded: whoever asked must be let in here, too."""
        try:
            admitted = call.operation in SIGNED or self.admits(call.authorization)
        except ConnectError as error:
            answer.fail(error)
            return
        if admitted:
            self.submit(call).on_done(lambda reply: _hand_over(reply, answer))
        else:
            answer.complete(foreign.UNAUTHORIZED)

    def _silence_timeout_ms(self) -> int | None:
        """Jetty's client waits for ever up to 9.4; since then it gives up after as long without a byte."""
        return self._timing.forward_idle_timeout_ms if self.settings.version.has("jetty_12") else None

    def _relayed(self, error: ConnectError) -> ConnectError:
        """What becomes of another worker's error. KAFKA-13702: for some releases its status was lost."""
        if self.settings.version.has("relayed_errors_are_500"):
            return errors.forward_error(error.message or "null")
        return error

    def _met(self, how: Break, other: WorkerSettings, operation: str) -> Steps[Any]:
        """What stands in the other worker's place, or in the way."""
        match how:
            case Break.DROPPED:
                yield self._timing.forward_connect_timeout_ms
            case Break.SILENT:
                healed = self._network.link_healed(self.settings.name, other.name)
                if (yield Within(healed, self._silence_timeout_ms())):
                    how = Break.CLOSED
            case _:
                yield self._timing.worker_latency_ms
        if how in foreign.CAUSES:
            raise foreign.unreachable(how, other.host)
        foreign.understood(foreign.ANSWERS[how], self.settings.version, typed=operation in CREATING)
        return Created(operation == "create_connector", None) if operation in CREATING else None

    # --- the resource methods ---------------------------------------------------------------------------------------------

    def server_info(self) -> Answer:
        return self._server_info

    def health(self) -> Reply[Answer]:
        asked = self.herder.health()
        healthy: Answer = {
            "status": "healthy",
            "message": "Worker has completed startup and is ready to handle requests.",
        }
        answer: StagedReply[Answer] = _Following(asked)
        asked.on_done(lambda reply: answer.fail(reply.error) if reply.error else answer.complete(healthy))
        return answer

    def list_connectors(self, expand: Sequence[str] | None = None) -> Reply[Json]:
        if expand is None or not self.settings.version.has("expand"):
            return self.herder.connectors()
        return self.herder.expanded(expand)

    def create_connector(
        self, name: str | None, config: Mapping[str, str | None] | None, initial_state: str | None = None
    ) -> Reply[Created]:
        """``POST /connectors``: the name is trimmed as Java trims."""
        trimmed = trim(name or "")
        if not self.settings.version.has("names_checked"):
            trimmed = name or ""
            if "/" in trimmed and self.settings.version.has("class_from_body"):
                raise errors.slash_in_name()
            config = None if config is None else {**config, "name": trimmed}
        named = self._named(trimmed, config)
        target = None if initial_state is None else INITIAL_STATES[initial_state.upper()]
        return self.herder.put_connector(trimmed, named, target, allow_replace=False)

    def put_connector_config(self, name: str, config: Mapping[str, str | None] | None) -> Reply[Created]:
        return self.herder.put_connector(name, self._named(name, config), None, allow_replace=True)

    def _named(self, name: str, config: Mapping[str, str | None] | None) -> Config:
        """``checkAndPutConnectorConfigName``."""
        if config is None:
            raise errors.null_pointer("java.util.Map.get(Object)", "connectorConfig")
        included = config.get("name")
        if included is not None:
            if included != name:
                raise errors.name_mismatch(included, name)
            return config
        return {**config, "name": name}

    def connector_status(self, name: str) -> Reply[Answer]:
        return self.herder.connector_status(name)

    def task_status(self, name: str, task: int) -> Answer:
        return self._answers.task_status(ConnectorTaskId.of(name, task))

    def restart_task(self, name: str, task: int) -> Reply[None]:
        return self.herder.restart_task(ConnectorTaskId.of(name, task))

    def restart_connector(
        self, name: str, include_tasks: bool = False, only_failed: bool = False
    ) -> Reply[None] | Reply[Answer]:
        if include_tasks or only_failed:
            request = RestartRequest(name, only_failed, include_tasks)
            return self.herder.restart_connector_and_tasks(request)
        return self.herder.restart_connector(name)

    def pause_connector(self, name: str) -> Reply[None]:
        return self.herder.put_target_state(name, TargetState.PAUSED)

    def resume_connector(self, name: str) -> Reply[None]:
        return self.herder.put_target_state(name, TargetState.STARTED)

    def alter_offsets(self, name: str, offsets: Changes | None) -> Reply[Answer]:
        if not offsets:
            raise errors.offsets_missing()
        return self.herder.modify_offsets(name, offsets)

    def reset_offsets(self, name: str) -> Reply[Answer]:
        return self.herder.modify_offsets(name, None)

    def connector_topics(self, name: str) -> Answer:
        return self._answers.active_topics(name)

    def reset_topics(self, name: str) -> None:
        self._answers.reset_active_topics(name)

    def list_plugins(self, connectors_only: bool = True) -> Json:
        listed = self._answers.plugins.list(connectors_only)
        if not self.settings.version.has("plugin_types"):
            return [{"class": plugin.class_name} for plugin in listed]
        return [dict(plugin.info()) for plugin in listed]

    def plugin_config(self, plugin: str, version: str | None = None) -> Json:
        return self._answers.plugin_config(plugin, version)

    def validate(self, plugin: str, config: Mapping[str, str | None] | None) -> Reply[Answer]:
        """``validateConfigs``: what validation throws shows its class, because it is not unwrapped."""
        if config is None:
            raise errors.null_pointer("java.util.Map.get(Object)", "connectorConfig")
        included = config.get("connector.class")
        version = self.settings.version
        if not version.has("class_from_body"):
            config = {**config, "connector.class": plugin}
        elif included is not None and not _fits(plugin, included, relaxed=version.has("relaxed_class_match")):
            raise errors.bad_request(
                f"Included connector type {included} does not match request type {plugin}"
            )
        reply: StagedReply[Answer] = StagedReply()
        self.process.spawn(self._validate(config, reply)).on_done(lambda done: _hand_over(done, reply))
        return reply

    def list_loggers(self) -> Answer:
        return self._answers.loggers()

    def get_logger(self, name: str) -> Answer:
        return self._answers.logger(name)

    def set_logger(
        self, name: str, level: Mapping[str, str | None] | None, scope: str | None = None
    ) -> Json | Reply[None]:
        if level is None:
            raise errors.null_pointer("java.util.Map.get(Object)", "levelMap")
        wanted = level.get("level")
        if wanted is None:
            raise errors.level_missing()
        log4j_2 = self.settings.version.has("log4j_2")
        level_text = trim(wanted) if log4j_2 else wanted
        if not level_text and self.settings.version.has("empty_level_500"):
            raise ConnectError(500, "Illegal null or empty Level name.")
        if not self._answers.is_level(level_text):
            raise errors.level_invalid(wanted)
        if scope is not None and scope.lower() == "cluster" and self.settings.version.has("cluster_loggers"):
            return self.herder.put_cluster_logger(name, level_text.upper())
        return self._answers.set_logger(name, level_text)

    def put_task_configs(
        self, name: str, configs: Sequence[TaskConfig], signature: Signature | None = None
    ) -> Reply[None]:
        return self.herder.put_task_configs(name, configs, signature)

    def fence_zombies(self, name: str, signature: Signature | None = None) -> Reply[None]:
        return self.herder.fence_zombies(name, signature)


class _Following(StagedReply[Answer]):
    """A reply that shows the stage of the one it follows."""

    __slots__ = ("_followed",)

    def __init__(self, followed: StagedReply[None]) -> None:
        self._followed = followed
        super().__init__()

    @property
    def stage(self) -> Stage | None:
        return self._followed.stage

    @stage.setter
    def stage(self, value: Stage | None) -> None:
        pass


def _hand_over(reply: Reply[Any], answer: Reply[Any]) -> None:
    if reply.error is not None:
        answer.fail(reply.error)
    else:
        answer.complete(reply.value)


def _fits(plugin: str, included: str, *, relaxed: bool) -> bool:
    """Whether the class of a config is the one that the path names (KAFKA-4837)."""
    return _unsuffixed(included).endswith(_unsuffixed(plugin)) if relaxed else included == plugin


def _unsuffixed(class_name: str) -> str:
    """One trailing ``Connector`` does not count, if something remains."""
    short = class_name.removesuffix("Connector")
    return short or class_name


SIGNED = ("put_task_configs", "fence_zombies")
"""What workers ask each other without a user's credentials."""
CREATING = ("create_connector", "put_connector_config", "patch_connector_config")
INITIAL_STATES = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: how the resources are asked, and whether the connector's name is part of the path when forwarded."""

    ask: Callable[..., Any]
    names_connector_in_path: bool = True


def _herder(method: str) -> Operation:
    return Operation(lambda resources, name: getattr(resources.herder, method)(name))


OPERATIONS: Mapping[str, Operation] = {
    "server_info": Operation(Resources.server_info),
    "health": Operation(Resources.health),
    "list_connectors": Operation(Resources.list_connectors),
    "create_connector": Operation(Resources.create_connector, names_connector_in_path=False),
    "connector_info": _herder("connector_info"),
    "connector_config": _herder("connector_config"),
    "put_connector_config": Operation(Resources.put_connector_config),
    "patch_connector_config": Operation(
        lambda resources, name, patch: resources.herder.patch_connector(name, patch)
    ),
    "delete_connector": _herder("delete_connector"),
    "connector_status": Operation(Resources.connector_status),
    "task_configs": _herder("task_configs"),
    "tasks_config": _herder("tasks_config"),
    "task_status": Operation(Resources.task_status),
    "restart_task": Operation(Resources.restart_task),
    "restart_connector": Operation(Resources.restart_connector),
    "pause_connector": Operation(Resources.pause_connector),
    "resume_connector": Operation(Resources.resume_connector),
    "stop_connector": _herder("stop_connector"),
    "connector_topics": Operation(Resources.connector_topics),
    "reset_topics": Operation(Resources.reset_topics),
    "connector_offsets": _herder("connector_offsets"),
    "alter_offsets": Operation(Resources.alter_offsets),
    "reset_offsets": Operation(Resources.reset_offsets),
    "list_plugins": Operation(Resources.list_plugins),
    "plugin_config": Operation(Resources.plugin_config),
    "validate": Operation(Resources.validate),
    "list_loggers": Operation(Resources.list_loggers),
    "get_logger": Operation(Resources.get_logger),
    "set_logger": Operation(Resources.set_logger),
    "put_task_configs": Operation(Resources.put_task_configs),
    "fence_zombies": Operation(Resources.fence_zombies),
}
"""Every operation by name; the REST room's routes and ``Cluster.submit`` use these names."""
