"""What the herder does for each request: the rules of ``DistributedHerder``'s operations.

Rules of this room:

* An operation queues an action and returns its reply. The order of checks inside an action is Connect's.
* ``Redirect`` says that the request belongs to another worker; the caller (``forwarding``) decides what to do then.
* Writes go through the herder's config-topic methods, so that stages and time budgets are the same for all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mockconnect.core import config_store, errors
from mockconnect.core.answers import Answer, Created, Json, hash_ordered, patched, task_infos, tasks_config
from mockconnect.core.configdef import ConfigInfos
from mockconnect.core.errors import Redirect
from mockconnect.core.herder import DistributedHerder
from mockconnect.core.instantiation import instantiated
from mockconnect.core.offset_changes import Changes, OffsetChanges
from mockconnect.core.settings import HMAC_SHA256
from mockconnect.core.sim import Reply, Steps, Within
from mockconnect.core.stages import StagedReply
from mockconnect.core.terms import Config, ConnectorTaskId, RestartRequest, TargetState, TaskConfig
from mockconnect.core.topics import Key
from mockconnect.core.validation import refusal

T = TypeVar("T")
Validate = Callable[[Config, StagedReply[Any]], Steps[ConfigInfos]]


@dataclass(frozen=True, slots=True)
class Signature:
    """``InternalRequestSignature``: the MAC of a body under a named algorithm."""

    algorithm: str
    mac: bytes
    body: bytes

    @classmethod
    def sign(cls, key: bytes, body: bytes, algorithm: str = HMAC_SHA256) -> Signature:
        return cls(algorithm, _mac(key, body, algorithm), body)

    def is_valid(self, key: bytes) -> bool:
        return hmac.compare_digest(self.mac, _mac(key, self.body, self.algorithm))


def _mac(key: bytes, body: bytes, algorithm: str) -> bytes:
    """``Mac`` of a name such as ``HmacSHA512``; one that Python does not know stands for itself."""
    name = algorithm.lower().removeprefix("hmac")
    known = name if name in hashlib.algorithms_available else "sha256"
    return hmac.digest(key, body, known)


class DistributedRequests:
    """Every operation of one worker that runs on its herder thread."""

    def __init__(self, herder: DistributedHerder, validate: Validate) -> None:
        self._herder = herder
        self._validate = validate
        self._offsets = OffsetChanges(herder.site, lambda: herder.kafka.network.reached(herder.name))

    # --- reads ----------------------------------------------------------------------------------------------------------

    def health(self) -> StagedReply[None]:
        return self._read(lambda: None)

    def connectors(self) -> Reply[Json]:
        """Since 2.3 any worker tells what it knows, whatever its herder does."""
        if self._has("local_list"):
            return Reply.of(list(self._herder.answers.connectors()))

        def read() -> Json:
            self._check_rebalance()
            return list(self._herder.answers.connectors())

        return self._read(read)

    def expanded(self, expansions: Sequence[str]) -> Reply[Json]:
        return Reply.of(self._herder.answers.expanded(expansions))

    def connector_status(self, name: str) -> Reply[Answer]:
        return Reply.of(self._herder.answers.connector_status(name))

    def connector_info(self, name: str) -> StagedReply[Answer]:
        def read() -> Answer:
            self._check_rebalance()
            info = self._herder.answers.fresh_info(name) if self._herder.state.contains(name) else None
            if info is None:
                raise errors.connector_not_found(name)
            return info

        return self._read(read)

    def connector_config(self, name: str) -> StagedReply[Json]:
        """``AbstractHerder.connectorConfig`` piggybacks on the info."""
        config: StagedReply[Json] = StagedReply()
        info = self.connector_info(name)

        def done(_: Reply[Answer]) -> None:
            config.stage = info.stage
            if info.error is not None:
                config.fail(info.error)
            else:
                config.complete(info.result()["config"])

        info.on_done(done)
        return config

    def task_configs(self, name: str) -> StagedReply[list[Json]]:
        def read() -> list[Json]:
            self._check_rebalance()
            entry = self._herder.state.entries.get(name)
            if entry is None:
                raise errors.connector_not_found(name)
            return task_infos(name, entry.tasks)

        return self._read(read)

    def tasks_config(self, name: str) -> StagedReply[Answer]:
        """The deprecated ``GET …/tasks-config`` (KIP-661)."""

        def read() -> Answer:
            self._check_rebalance()
            entry = self._herder.state.entries.get(name)
            if entry is None:
                raise errors.connector_not_found(name)
            return tasks_config(name, entry.tasks)

        return self._read(read)

    # --- connector configs ----------------------------------------------------------------------------------------------

    def put_connector(
        self, name: str, config: Config, target: TargetState | None, *, allow_replace: bool
    ) -> StagedReply[Created]:
        reply: StagedReply[Created] = StagedReply()
        return self._queue_steps(
            reply, lambda: self._validate_then_put(reply, name, config, target, allow_replace)
        )

    def patch_connector(self, name: str, patch: Mapping[str, str | None] | None) -> StagedReply[Created]:
        reply: StagedReply[Created] = StagedReply()

        def merge() -> Steps[None]:
            self._check_leader()
            info = self._herder.configs.snapshot().entries.get(name)
            if info is None:
                raise errors.connector_not_found(name)
            if patch is None:
                raise errors.null_pointer("java.util.Map.forEach(java.util.function.BiConsumer)", "patch")
            merged = patched(info.config, patch)
            yield from self._validate_then_put(reply, name, merged, None, True)

        return self._queue_steps(reply, merge)

    def _validate_then_put(
        self,
        reply: StagedReply[Created],
        name: str,
        config: Config,
        target: TargetState | None,
        allow_replace: bool,
    ) -> Steps[None]:
        """Validation leaves the herder thread; its result comes back as another request."""

        def validated(result: Reply[ConfigInfos]) -> None:
            if result.error is not None:
                reply.fail(result.error)
            else:
                infos = result.result()
                self._herder.add_request(
                    lambda: self._put(reply, infos, name, config, target, allow_replace), reply
                )

        process = self._herder.site.process
        process.spawn(self._validate(config, reply)).on_done(validated)
        yield from ()

    def _put(
        self,
        reply: StagedReply[Created],
        infos: ConfigInfos,
        name: str,
        config: Config,
        target: TargetState | None,
        allow_replace: bool,
    ) -> Steps[None]:
        herder = self._herder
        refused = refusal(infos, self._herder.site.settings.version.number)
        if refused is not None:
            raise refused
        self._check_leader()
        exists = herder.state.contains(name)
        if exists and not allow_replace:
            raise errors.connector_exists(name)
        records: list[tuple[Key, object]] = []
        if target is not None:
            records.append(((config_store.TARGET, name), target))
        records.append(((config_store.CONNECTOR, name), hash_ordered(config)))
        with herder.stage.during(f"writing a config for connector {name} to the config topic"):
            yield from herder.log.write(records, errors.WRITE_CONNECTOR)
        tasks = len(herder.state.tasks(name))
        info = herder.answers.created_info(name, config, tasks, created=not exists)
        reply.complete(Created(not exists, info))

    def delete_connector(self, name: str) -> StagedReply[None]:
        def delete() -> Steps[None]:
            self._check_leader()
            if not self._herder.state.contains(name):
                raise errors.connector_not_found(name)
            records: list[tuple[Key, object]] = [
                ((config_store.CONNECTOR, name), None),
                ((config_store.TARGET, name), None),
            ]
            with self._herder.stage.during(f"removing the config for connector {name} from the config topic"):
                yield from self._herder.log.write(records, errors.REMOVE_CONNECTOR)

        return self._queue_whole(delete)

    # --- target states --------------------------------------------------------------------------------------------------

    def put_target_state(self, name: str, target: TargetState) -> Reply[None]:
        """Pause and resume: any worker writes the record itself, on the REST thread."""
        if not self._herder.configs.snapshot().contains(name):
            raise errors.unknown_connector(name)
        return self._herder.site.process.spawn(self._write_target(name, target))

    def _write_target(self, name: str, target: TargetState) -> Steps[None]:
        yield from self._write_here((config_store.TARGET, name), target, errors.WRITE_TARGET_STATE)

    def _write_here(self, key: Key, value: object, error_text: str) -> Steps[None]:
        """A record that any worker writes, on the thread that was asked; a time-out does not take it back."""
        producer = self._herder.kafka.config_producer
        if (yield from producer.admitted()):
            sent = producer.send(key, value)
            if (yield Within(sent, self._herder.site.timing.target_state_write_timeout_ms)):
                return
        raise errors.write_failed(error_text)

    def stop_connector(self, name: str) -> StagedReply[None]:
        def stop() -> Steps[None]:
            herder = self._herder
            if not herder.state.contains(name):
                raise errors.unknown_connector(name)
            self._check_leader()
            yield from herder.log.write_task_configs(name, [])
            with herder.stage.during(
                f"writing the STOPPED target stage for connector {name} to the config topic"
            ):
                yield from self._write_target(name, TargetState.STOPPED)
            yield from herder.log.refresh_snapshot()

        return self._queue_whole(stop)

    # --- restarts ---------------------------------------------------------------------------------------------------------

    def restart_later(self, name: str, delay_ms: int, wanted: Callable[[], bool]) -> None:
        """What ``WorkerConfigTransformer`` asks for: a plain restart, if that is still wanted then.

        A worker that has only tasks of the connector asks too, and is told that it is not its own: that is only logged.
        """
        reply: StagedReply[None] = StagedReply()

        def restart() -> Steps[None]:
            if wanted() and name in self._herder.connectors:
                self._herder.site.note("connector", f"{name} restarts: a secret is not good any more")
                yield from self._restart_here(name, reply)

        self._herder.add_request(restart, reply, delay_ms)

    def restart_connector(self, name: str) -> StagedReply[None]:
        reply: StagedReply[None] = StagedReply()
        return self._queue_steps(reply, lambda: self._restart_here(name, reply))

    def _restart_here(self, name: str, reply: StagedReply[None]) -> Steps[None]:
        herder = self._herder
        self._check_restart(name)
        if name in herder.connectors:
            with herder.stage.during(f"stopping restarted connector {name}"):
                yield from herder.worker.stop_connector(name)
            yield from herder.starting.start_connector(name, reply)
        elif herder.is_leader:
            raise Redirect(herder.owner_url(name))
        else:
            raise Redirect(self._leader_url())

    def restart_task(self, task_id: ConnectorTaskId) -> StagedReply[None]:
        def restart() -> Steps[None]:
            herder = self._herder
            self._check_restart(task_id.connector)
            if not herder.state.knows_task(task_id):
                raise errors.unknown_task(task_id)
            if task_id in herder.tasks:
                with herder.stage.during(f"restarting task {task_id}"):
                    yield from herder.worker.stop_tasks([task_id])
                    started = yield from herder.starting.start_task(task_id)
                if not started:
                    raise errors.failed_to_start_task(task_id)
            elif herder.is_leader:
                raise Redirect(herder.owner_url(task_id))
            else:
                raise Redirect(self._leader_url())

        return self._queue_whole(restart)

    def restart_connector_and_tasks(self, request: RestartRequest) -> StagedReply[Answer]:
        reply: StagedReply[Answer] = StagedReply()

        def restart() -> Steps[None]:
            herder = self._herder
            self._check_restart(request.connector)
            self._check_leader()
            text = errors.write_restart(request.connector, request.only_failed, request.include_tasks)
            with herder.stage.during(
                f"writing restart request for connector {request.connector} to the config topic"
            ):
                yield from herder.log.write([((config_store.RESTART, request.connector), request)], text)
            plan = herder.answers.restart_plan(request)
            if plan is None:
                raise errors.no_status_to_restart(request.connector)
            reply.complete(plan)

        return self._queue_steps(reply, restart)

    def _check_restart(self, name: str) -> None:
        self._check_rebalance(stale=True)
        if not self._herder.state.contains(name):
            raise errors.unknown_connector_to_restart(name)

    # --- offsets ------------------------------------------------------------------------------------------------------------

    def connector_offsets(self, name: str) -> StagedReply[Answer]:
        reply: StagedReply[Answer] = StagedReply()

        def read() -> Steps[None]:
            entry = self._herder.configs.snapshot().entries.get(name)
            if entry is None:
                raise errors.connector_not_found(name)
            config = self._herder.reloading.resolved(name, entry.config)
            instantiated(self._herder.answers.plugins, config)
            self._carry(self._offsets.read(name, config), reply)
            yield from ()

        return self._queue_steps(reply, read)

    def modify_offsets(self, name: str, offsets: Changes | None) -> StagedReply[Answer]:
        """PATCH (``offsets``) and DELETE (``None``) of ``…/offsets``."""
        reply: StagedReply[Answer] = StagedReply()

        def modify() -> Steps[None]:
            herder = self._herder
            yield from self._check_offsets(name)
            entry = herder.state.entries[name]
            kind = herder.answers.connector_type(entry.config)
            if herder.site.settings.exactly_once_source_enabled and kind == "source":
                fenced: StagedReply[None] = StagedReply()
                yield from herder.fencing.fence_zombies(name, fenced)
            with herder.stage.during(f"modifying offsets for connector {name}"):
                config = herder.reloading.resolved(name, entry.config)
                self._carry(self._offsets.modify(name, config, offsets), reply)

        return self._queue_steps(reply, modify)

    def _check_offsets(self, name: str) -> Steps[None]:
        herder = self._herder
        self._check_rebalance(stale=True)
        self._check_leader()
        read = yield from herder.log.refresh_snapshot()
        if not read:
            raise errors.offsets_config_unreadable()
        if not herder.state.contains(name):
            raise errors.connector_not_found(name)
        if herder.state.target_state(name) is not TargetState.STOPPED or herder.state.task_count(name):
            raise errors.not_stopped(name)

    def _carry(self, steps: Steps[T], reply: StagedReply[T]) -> None:
        """Run on a thread of its own and hand its outcome to ``reply``."""

        def done(result: Reply[T]) -> None:
            if result.error is not None:
                reply.fail(result.error)
            else:
                reply.complete(result.result())

        self._herder.site.process.spawn(steps).on_done(done)

    # --- loggers ------------------------------------------------------------------------------------------------------------

    def put_cluster_logger(self, namespace: str, level: str) -> Reply[None]:
        return self._herder.site.process.spawn(self._write_logger(namespace, level))

    def _write_logger(self, namespace: str, level: str) -> Steps[None]:
        yield from self._write_here((config_store.LOGGER, namespace), level, errors.WRITE_LOGGER_LEVEL)

    # --- internal requests --------------------------------------------------------------------------------------------------

    def put_task_configs(
        self, name: str, configs: Sequence[TaskConfig], signature: Signature | None
    ) -> StagedReply[None]:
        self._check_signature(signature)

        def put() -> Steps[None]:
            self._check_leader()
            if not self._herder.state.contains(name):
                raise errors.connector_not_found(name)
            yield from self._herder.log.write_task_configs(name, configs)

        return self._queue_whole(put)

    def fence_zombies(self, name: str, signature: Signature | None) -> StagedReply[None]:
        self._check_signature(signature)
        reply: StagedReply[None] = StagedReply()
        return self._queue_steps(reply, lambda: self._herder.fencing.fence_zombies(name, reply))

    def _check_signature(self, signature: Signature | None) -> None:
        herder = self._herder
        if not herder.signs_requests:
            return
        if signature is None:
            raise errors.missing_signature()
        permitted = herder.site.settings.verification_algorithms
        if signature.algorithm not in permitted:
            raise errors.algorithm_not_permitted(signature.algorithm, ", ".join(permitted))
        if herder.session_key is None:
            raise errors.no_session_key() if self._has("session_key_503") else errors.null_session_key()
        if not signature.is_valid(herder.session_key.key):
            raise errors.invalid_signature()

    def _has(self, feature: str) -> bool:
        return self._herder.site.settings.version.has(feature)

    # --- common -------------------------------------------------------------------------------------------------------------

    def _check_leader(self) -> None:
        if not self._herder.is_leader:
            raise Redirect(self._leader_url())

    def _leader_url(self) -> str | None:
        return self._herder.leader_url

    def _check_rebalance(self, *, stale: bool = False) -> None:
        """``checkRebalanceNeeded``: since 3.5 the plain reads answer 500, the others are translated to 409."""
        if self._herder.needs_reconfig_rebalance:
            if stale or not self._has("rebalance_expected_500"):
                raise errors.stale_configuration()
            raise errors.rebalance_expected()

    def _read(self, action: Callable[[], T]) -> StagedReply[T]:
        return self._herder.serve(action, StagedReply())

    def _queue_steps(self, reply: StagedReply[T], action: Callable[[], Steps[None]]) -> StagedReply[T]:
        return self._herder.add_request(action, reply)

    def _queue_whole(self, action: Callable[[], Steps[None]]) -> StagedReply[None]:
        """The reply is done when the action is."""
        reply: StagedReply[None] = StagedReply()

        def steps() -> Steps[None]:
            yield from action()
            reply.complete(None)

        return self._herder.add_request(steps, reply)
