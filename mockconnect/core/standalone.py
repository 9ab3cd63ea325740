"""``StandaloneHerder``: the herder of a worker that is alone, with its configs and statuses in memory.

Rules of this room:

* There is no herder thread. A method runs on the REST thread that called it, under the herder's monitor: while one
  blocks in connector code, the others hang, and no time limit counts before they have returned.
* What must not run there goes to one executor thread: the second half of a create, and new task configs after a start
  or a resume. What such a job throws is lost, and the request that waits for it times out.
* The config store has a monitor of its own. Pause and resume take the store's first and then the herder's, everything
  else the other way round; a pause while the herder is busy therefore deadlocks the worker, as it does the real one.
* No log is shared, so nothing lags: what is sent has been read. The generation is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Never, TypeVar

from mockconnect.core import config_store, errors
from mockconnect.core.answers import (
    Answer,
    Created,
    Json,
    LocalAnswers,
    patched,
    restarts_connector,
    task_infos,
    tasks_config,
    tasks_to_restart,
)
from mockconnect.core.config_store import ClusterConfigState, ConfigStore, ConnectorEntry
from mockconnect.core.configdef import ConfigInfos
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.javahash import copied_table, hash_order
from mockconnect.core.monitors import Executor, Monitor
from mockconnect.core.offset_changes import Changes, OffsetChanges
from mockconnect.core.sim import DONE, Reply, Steps, Within
from mockconnect.core.site import report_connector, report_task
from mockconnect.core.stages import CalledReply, StagedReply
from mockconnect.core.terms import Config, ConnectorTaskId, RestartRequest, State, TargetState, TaskConfig
from mockconnect.core.topics import Key, Record
from mockconnect.core.traces import FRAMES, java_trace
from mockconnect.core.validation import refusal
from mockconnect.core.worker import Worker, no_task_config, tasks_max_check
from mockconnect.core.worker_connector import Callback

T = TypeVar("T")
Validate = Callable[[Config, StagedReply[Any]], Steps[ConfigInfos]]
EXECUTOR_STOP_MS = 30_000


class MemoryLog:
    """A log that nobody shares (``MemoryConfigBackingStore``, ``MemoryStatusBackingStore``): a record sent is read."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.apply: Callable[[Record], object] = lambda _: None
        self._now_ms = now_ms
        self._end_offset = 0

    def send(self, key: Key, value: object) -> None:
        record = Record(self._end_offset, key, value, self._now_ms())
        self._end_offset += 1
        self.apply(record)


class StandaloneHerder:
    """The herder of a standalone worker, and every operation it offers."""

    is_leader = False
    generation = 0

    def __init__(
        self,
        worker: Worker,
        configs: ConfigStore,
        config_log: MemoryLog,
        answers: LocalAnswers,
        validate: Validate,
    ) -> None:
        self.site = worker.site
        self.worker = worker
        self.configs = configs
        self.answers = answers
        self.ready = False
        self.state: ClusterConfigState = configs.snapshot()
        self._log = config_log
        self._validate = validate
        self._offsets = OffsetChanges(self.site, lambda: Reply.of(None))
        self._monitor = Monitor()
        self._store_monitor = Monitor()
        self._executor = Executor(self.site.process)
        self._health_thread = Executor(self.site.process, started=False)

    # --- life -------------------------------------------------------------------------------------------------------------

    def become_ready(self) -> None:
        """``ready``: the command line has been worked off, and health checks are answered."""
        self.ready = True
        self._health_thread.start()

    def stop(self) -> Steps[None]:
        """``stop``: it waits for the monitor without limit, so a deadlocked worker does not end."""
        yield self._monitor.enter()
        yield Within(self._executor.drained(), EXECUTOR_STOP_MS)
        for name in self.answers.connectors():
            yield from self._remove_tasks(name)
            yield from self.worker.stop_connector(name)

    @property
    def quiet(self) -> bool:
        """Nothing is queued, and no thread is inside a method."""
        free = not (self._monitor.held or self._store_monitor.held)
        return self.ready and free and self._executor.idle

    def block(self, released: Reply[None], stage: str) -> None:
        """Keep the herder's monitor until it is released, as slow connector code would."""

        def busy() -> Steps[None]:
            self.site.note("herder", stage)
            yield released

        self.site.process.spawn(self._monitor.during(busy()))

    # --- how methods run --------------------------------------------------------------------------------------------------

    def _call(self, method: Steps[Reply[T]]) -> CalledReply[T]:
        """Run a method on the REST thread; it returns its callback."""
        return CalledReply(self.site.process.spawn(method))

    def _synchronized(self, method: Steps[Reply[T]]) -> CalledReply[T]:
        return self._call(self._monitor.during(method))

    def _spawn(self, steps: Steps[T]) -> Reply[T]:
        """Run on another thread of the worker."""
        return self.site.process.spawn(steps)

    def _in_store(self, action: Callable[[], T]) -> Steps[T]:
        """One method of the config store."""
        yield self._store_monitor.enter()
        try:
            return action()
        finally:
            self._store_monitor.leave()

    def _write(self, records: Sequence[tuple[Key, object]]) -> Steps[None]:
        """Change the store; its listener refreshes the snapshot, and the herder's monitor is held by the caller."""

        def write() -> None:
            for key, value in records:
                self._log.send(key, value)
            self.state = self.configs.snapshot()

        yield from self._in_store(write)

    def _entry(self, name: str) -> ConnectorEntry:
        entry = self.state.entries.get(name)
        if entry is None:
            raise errors.connector_not_found(name)
        return entry

    # --- reads ------------------------------------------------------------------------------------------------------------

    def health(self) -> StagedReply[None]:
        """``HealthCheckThread``: it only sees whether the monitor can be had."""
        reply: StagedReply[None] = StagedReply()

        def check() -> Steps[None]:
            yield self._monitor.enter()
            reply.complete(None)
            self._monitor.leave()

        self._health_thread.submit(check)
        return reply

    def connectors(self) -> Reply[Json]:
        def read() -> Steps[Reply[Json]]:
            names = yield from self._in_store(self.answers.connectors)
            return Reply.of(list(names))

        return self._call(read())

    def expanded(self, expansions: Sequence[str]) -> Reply[Json]:
        def read() -> Steps[Reply[Json]]:
            names = yield from self._in_store(self.answers.connectors)
            answer: Answer = {}
            for name in tuple(names):
                try:
                    answer[name] = yield from self._expand(name, expansions)
                except ConnectError:
                    continue
            return Reply.of(answer)

        return self._call(read())

    def _expand(self, name: str, expansions: Sequence[str]) -> Steps[Answer]:
        expanded: Answer = {}
        for kind in expansions:
            if kind == "status":
                expanded[kind] = yield from self._status(name)
            elif kind == "info":
                expanded[kind] = yield from self._in_store(lambda: self.answers.fresh_info(name))
        return expanded

    def connector_status(self, name: str) -> Reply[Answer]:
        def read() -> Steps[Reply[Answer]]:
            status = yield from self._status(name)
            return Reply.of(status)

        return self._call(read())

    def _status(self, name: str) -> Steps[Answer]:
        """The statuses are read at once, but the type needs the config and so the monitor."""
        status = self.answers.connector_status(name)
        yield self._monitor.enter()
        entry = self.state.entries.get(name)
        if "type" in status:
            status["type"] = self.answers.connector_type(None if entry is None else entry.config)
        self._monitor.leave()
        return status

    def connector_info(self, name: str) -> CalledReply[Answer]:
        def read() -> Steps[Reply[Answer]]:
            info = yield from self._in_store(lambda: self.answers.fresh_info(name))
            if info is None:
                raise errors.connector_not_found(name)
            return Reply.of(info)

        return self._synchronized(read())

    def connector_config(self, name: str) -> CalledReply[Json]:
        def read() -> Steps[Reply[Json]]:
            info = yield from self._in_store(lambda: self.answers.fresh_info(name))
            if info is None:
                raise errors.connector_not_found(name)
            return Reply.of(info["config"])

        return self._synchronized(read())

    def task_configs(self, name: str) -> CalledReply[list[Json]]:
        def read() -> Steps[Reply[list[Json]]]:
            yield from ()
            return Reply.of(task_infos(name, self._entry(name).tasks))

        return self._synchronized(read())

    def tasks_config(self, name: str) -> CalledReply[Answer]:
        """The deprecated ``GET …/tasks-config``: a connector without tasks is not found either."""

        def read() -> Steps[Reply[Answer]]:
            yield from ()
            tasks = self._entry(name).tasks
            if not tasks:
                raise errors.connector_not_found(name)
            return Reply.of(tasks_config(name, tasks))

        return self._synchronized(read())

    # --- connector configs ------------------------------------------------------------------------------------------------

    def put_connector(
        self, name: str, config: Config, target: TargetState | None, *, allow_replace: bool
    ) -> StagedReply[Created]:
        """``PUT`` enters the monitor before it validates, ``POST`` does not."""

        def put() -> Steps[Reply[Created]]:
            yield from ()
            return self._validate_then_put(name, config, target, allow_replace)

        return self._synchronized(put()) if allow_replace else self._call(put())

    def patch_connector(self, name: str, patch: Mapping[str, str | None] | None) -> CalledReply[Created]:
        def merge() -> Steps[Reply[Created]]:
            info = yield from self._in_store(lambda: self.answers.fresh_info(name))
            if info is None:
                raise errors.connector_not_found(name)
            if patch is None:
                raise errors.null_pointer("java.util.Map.forEach(java.util.function.BiConsumer)", "patch")
            return self._validate_then_put(name, patched(self._entry(name).config, patch), None, True)

        return self._synchronized(merge())

    def _validate_then_put(
        self, name: str, config: Config, target: TargetState | None, allow_replace: bool
    ) -> Reply[Created]:
        callback: Reply[Created] = Reply()

        def validated(result: Reply[ConfigInfos]) -> None:
            if result.error is not None:
                callback.fail(result.error)
                return
            put = self._put(callback, result.result(), name, config, target, allow_replace)
            self._executor.submit(lambda: self._monitor.during(put))

        self._spawn(self._validate(config, StagedReply())).on_done(validated)
        return callback

    def _put(
        self,
        callback: Reply[Created],
        infos: ConfigInfos,
        name: str,
        config: Config,
        target: TargetState | None,
        allow_replace: bool,
    ) -> Steps[None]:
        try:
            refused = refusal(infos, self.site.settings.version.number)
            if refused is not None:
                raise refused
            exists = self.state.contains(name)
            if exists and not allow_replace:
                raise errors.connector_exists(name)
            yield from self.worker.stop_connector(name)
            records: list[tuple[Key, object]] = [((config_store.CONNECTOR, name), config)]
            if target is not None:
                records.insert(0, ((config_store.TARGET, name), target))
            yield from self._write(records)
            yield from self._start_connector(name, self._then_tasks(callback, name, not exists))
        except Expected as error:
            callback.fail(error)

    def _then_tasks(self, callback: Reply[Created], name: str, created: bool) -> Callback:
        def started(error: BaseException | None, _: TargetState | None) -> None:
            if error is not None:
                callback.fail(_answered(error))
            else:
                self._executor.submit(lambda: self._monitor.during(finish()))

        def finish() -> Steps[None]:
            yield from self._update_tasks(name)
            callback.complete(Created(created, self.answers.info(self.state, name)))

        return started

    def delete_connector(self, name: str) -> CalledReply[None]:
        def delete() -> Steps[Reply[None]]:
            self._entry(name)
            yield from self._remove_tasks(name)
            yield from self.worker.stop_connector(name)
            yield from self._write(
                [((config_store.CONNECTOR, name), None), ((config_store.TARGET, name), None)]
            )
            self.site.statuses.delete_connector(name)
            return DONE

        return self._synchronized(delete())

    # --- target states ------------------------------------------------------------------------------------------------------

    def put_target_state(self, name: str, target: TargetState) -> CalledReply[None]:
        """Pause and resume: through the store, whose listener needs the herder's monitor as well."""

        def change() -> Steps[None]:
            if self._put_target(name, target):
                yield self._monitor.enter()
                self._take_target(name)
                self._monitor.leave()

        def put() -> Steps[Reply[None]]:
            known = yield from self._in_store(lambda: self.configs.snapshot().contains(name))
            if not known:
                raise errors.unknown_connector(name)
            yield from self._store_monitor.during(change())
            return DONE

        return self._call(put())

    def stop_connector(self, name: str) -> CalledReply[None]:
        def stop() -> Steps[Reply[None]]:
            yield from self._remove_tasks(name)
            changed = yield from self._in_store(lambda: self._put_target(name, TargetState.STOPPED))
            if changed:
                self._take_target(name)
            return DONE

        return self._synchronized(stop())

    def _put_target(self, name: str, target: TargetState) -> bool:
        """``putTargetState`` of the store: says whether that was a change."""
        known = self.configs.snapshot()
        if not known.contains(name):
            raise errors.standalone_no_config(name)
        self._log.send((config_store.TARGET, name), target)
        return known.target_state(name) is not target

    def _take_target(self, name: str) -> None:
        """``onConnectorTargetStateChange``."""
        self.state = self.configs.snapshot()

        def changed(error: BaseException | None, target: TargetState | None) -> None:
            if error is not None:
                self.site.note("connector", f"{name}: {error}")
            elif target is TargetState.STARTED:
                self._executor.submit(lambda: self._monitor.during(self._update_tasks(name)))

        self.worker.set_target_state(name, self.state.target_state(name), changed)

    # --- restarts -------------------------------------------------------------------------------------------------------------

    def restart_connector(self, name: str) -> CalledReply[None]:
        """New task configs are asked for on the connector's own thread, which may have to wait for the monitor."""
        callback: Reply[None] = Reply()

        def started(error: BaseException | None, target: TargetState | None) -> Steps[None] | None:
            if target is TargetState.STARTED:
                return reconfigure()
            if error is not None:
                callback.fail(_answered(error))
            else:
                callback.complete(None)
            return None

        def reconfigure() -> Steps[None]:
            yield from self._monitor.during(self._update_tasks(name))
            callback.complete(None)

        def restart() -> Steps[Reply[None]]:
            if not self.state.contains(name):
                if self._has("unknown_connector_unstartable"):
                    raise _NO_CONFIG
                # The worker catches it and makes a failed connector that nobody created.
                report_connector(self.site, name, State.FAILED, _trace_of("connector_instantiate"), None)
                raise errors.connector_not_found(name)
            yield from self.worker.stop_connector(name)
            yield from self._start_connector(name, started)
            return callback

        return self._synchronized(restart())

    def restart_task(self, task_id: ConnectorTaskId) -> CalledReply[None]:
        """An unknown task is answered 404, and then started all the same: its status becomes FAILED."""
        callback: Reply[None] = Reply()

        def restart() -> Steps[Reply[None]]:
            if not self.state.contains(task_id.connector) and not self._has("unknown_task_unstartable"):
                report_task(self.site, task_id, State.FAILED, _trace_of("task_instantiate"), None)
                raise errors.connector_not_found(task_id.connector)
            if self.state.contains(task_id.connector) and self.state.task_config(task_id) is None:
                callback.fail(errors.standalone_task_not_found(task_id))
            yield from self.worker.stop_tasks([task_id])
            started = yield from self._start_task(task_id)
            if started:
                callback.complete(None)
            else:
                callback.fail(errors.failed_to_start_task(task_id))
            return callback

        return self._synchronized(restart())

    def restart_connector_and_tasks(self, request: RestartRequest) -> CalledReply[Answer]:
        """Done before it is answered; whether the connector starts is not waited for."""

        def restart() -> Steps[Reply[Answer]]:
            name = request.connector
            if not self.state.contains(name):
                raise errors.unknown_connector_to_restart(name)
            plan = self.answers.restart_plan(request)
            entry = self.site.statuses.entry(name)
            if plan is None or entry is None or entry.connector is None:
                raise errors.no_status_to_restart(name)
            whole = restarts_connector(request, entry.connector) or entry.connector.state is State.RESTARTING
            tasks = [ConnectorTaskId.of(name, task) for task in tasks_to_restart(request, entry.tasks)]
            yield from self._restart(name, whole, tasks)
            return Reply.of(plan)

        return self._synchronized(restart())

    def _restart(self, name: str, whole: bool, tasks: Sequence[ConnectorTaskId]) -> Steps[None]:
        if whole:
            yield from self.worker.stop_connector(name)
            report_connector(self.site, name, State.RESTARTING, None, None)
        yield from self.worker.stop_tasks(tasks)
        for task_id in tasks:
            report_task(self.site, task_id, State.RESTARTING, None, None)
        if whole:
            yield from self._start_connector(name, lambda _error, _target: None)
        for task_id in tasks:
            yield from self._start_task(task_id)

    # --- connectors and tasks: the monitor is held --------------------------------------------------------------------------

    def _start_connector(self, name: str, callback: Callback) -> Steps[None]:
        entry = self._entry(name)
        yield from self.worker.start_connector(name, entry.config, self.state.target_state(name), callback)

    def _start_task(self, task_id: ConnectorTaskId) -> Steps[bool]:
        """Raises when the connector's class is not known, also because there is no such connector."""
        entry = self.state.entries.get(task_id.connector)
        if entry is None or self.answers.connector_type(entry.config) == "unknown":
            raise errors.unrecognizable_task(task_id)
        task_config = self.state.task_config(task_id)
        within_tasks_max = tasks_max_check(self.site, task_id.connector, entry.config, entry.task_count)

        def check() -> None:
            within_tasks_max()
            if task_config is None:
                raise no_task_config(self.site.settings.version, NO_TASK_CONFIG_FRAMES)

        target = self.state.target_state(task_id.connector)
        started = yield from self.worker.start_task(task_id, entry.config, task_config or {}, target, check)
        return started

    def _update_tasks(self, name: str) -> Steps[None]:
        """``updateConnectorTasks``."""
        if not self.worker.is_running(name) or self.state.target_state(name) is not TargetState.STARTED:
            return
        configs = yield from self.worker.task_configs(name, self._entry(name).config)
        if not self._entry(name).differs(configs, watches_config=self._has("applied_config_restarts_tasks")):
            return
        yield from self._remove_tasks(name)
        yield from self._write_tasks(name, [_as_hash_map(config) for config in configs])
        for task_id in self.state.tasks(name):
            yield from self._start_task(task_id)

    def _has(self, feature: str) -> bool:
        return self.site.settings.version.has(feature)

    def _write_tasks(self, name: str, configs: Sequence[TaskConfig]) -> Steps[None]:
        records: list[tuple[Key, object]] = [
            ((config_store.TASK, name, str(task)), config) for task, config in enumerate(configs)
        ]
        yield from self._write([*records, ((config_store.COMMIT, name), len(configs))])

    def _remove_tasks(self, name: str) -> Steps[None]:
        """``removeConnectorTasks``: what has a status but no config (a phantom) keeps its status."""
        tasks = self.state.tasks(name)
        if tasks:
            yield from self.worker.stop_tasks(tasks)
            yield from self._write_tasks(name, [])
            for task_id in tasks:
                self.site.statuses.delete_task(task_id)

    # --- offsets ----------------------------------------------------------------------------------------------------------------

    def connector_offsets(self, name: str) -> CalledReply[Answer]:
        def read() -> Steps[Reply[Answer]]:
            state = yield from self._in_store(self.configs.snapshot)
            if not state.contains(name):
                raise errors.connector_not_found(name)
            return self._spawn(self._offsets.read(name, state.entries[name].config))

        return self._synchronized(read())

    def modify_offsets(self, name: str, offsets: Changes | None) -> CalledReply[Answer]:
        def modify() -> Steps[Reply[Answer]]:
            yield from ()
            entry = self._entry(name)
            if self.state.target_state(name) is not TargetState.STOPPED or entry.task_count:
                raise errors.not_stopped(name)
            return self._spawn(self._offsets.modify(name, entry.config, offsets))

        return self._synchronized(modify())

    # --- what concerns a cluster --------------------------------------------------------------------------------------------------

    def put_cluster_logger(self, namespace: str, level: str) -> Reply[None]:
        """This worker is the whole cluster."""
        self.answers.set_logger(namespace, level)
        return DONE

    def put_task_configs(self, name: str, configs: Sequence[TaskConfig], signature: object) -> Never:  # noqa: ARG002
        raise errors.standalone_no_task_configs()

    def fence_zombies(self, name: str, signature: object) -> Never:  # noqa: ARG002
        raise errors.standalone_no_fencing()


def _answered(error: BaseException) -> ConnectError:
    """What the callback of a connector's start gives is answered as a ``ConnectException``."""
    return error if isinstance(error, ConnectError) else ConnectError(500, str(error))


_NO_CONFIG: Final = errors.null_pointer("java.util.Map.get(Object)", "connProps")
"""What comes of starting something that has no config."""


def _trace_of(place: str) -> str:
    return java_trace(_NO_CONFIG.java_class, _NO_CONFIG.message, FRAMES[place])


def _as_hash_map(config: TaskConfig) -> dict[str, str]:
    """A task config as ``reverseTransform`` leaves it: a copied ``HashMap``, which no config topic reorders."""
    return {key: config[key] for key in hash_order(config, copied_table(len(config)))}


NO_TASK_CONFIG_FRAMES = (
    "org.apache.kafka.connect.runtime.Worker.startTask(Worker.java:693)",
    "org.apache.kafka.connect.runtime.Worker.startSourceTask(Worker.java:622)",
    "org.apache.kafka.connect.runtime.standalone.StandaloneHerder.startTask(StandaloneHerder.java:501)",
    "org.apache.kafka.connect.runtime.standalone.StandaloneHerder.restartTask(StandaloneHerder.java:342)",
    "java.base/java.lang.Thread.run(Thread.java:840)",
)
