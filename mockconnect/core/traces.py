"""Stack traces shaped like Java's, for the ``trace`` of a FAILED connector or task.

Rules of this room: text only. A trace is ``class: message``, lines ``\\tat ...``, perhaps ``Caused by:`` blocks, and a
final newline, as ``Throwable.printStackTrace`` writes it. The frames below the plugin's own are those seen on a Kafka
4.3 worker; a client should not depend on them, but may well parse the first lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CONNECT_EXCEPTION: Final = "org.apache.kafka.connect.errors.ConnectException"

_RUNTIME: Final = "org.apache.kafka.connect.runtime"
_HERDER: Final = f"{_RUNTIME}.distributed.DistributedHerder"
_THREAD: Final = (
    f"{_RUNTIME}.isolation.Plugins.lambda$withClassLoader$0(Plugins.java:252)",
    "java.base/java.util.concurrent.Executors$RunnableAdapter.call(Executors.java:539)",
    "java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)",
    "java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)",
    "java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:635)",
    "java.base/java.lang.Thread.run(Thread.java:840)",
)
_TASK_RUN: Final = (f"{_RUNTIME}.WorkerTask.run(WorkerTask.java:298)", *_THREAD)
_TASK_START: Final = (
    f"{_RUNTIME}.WorkerTask.doStart(WorkerTask.java:191)",
    f"{_RUNTIME}.WorkerTask.doRun(WorkerTask.java:242)",
    *_TASK_RUN,
)
_TASK_EXECUTE: Final = (f"{_RUNTIME}.WorkerTask.doRun(WorkerTask.java:243)", *_TASK_RUN)
_SINK_DELIVER: Final = (
    f"{_RUNTIME}.WorkerSinkTask.poll(WorkerSinkTask.java:359)",
    f"{_RUNTIME}.WorkerSinkTask.iteration(WorkerSinkTask.java:261)",
    f"{_RUNTIME}.WorkerSinkTask.execute(WorkerSinkTask.java:225)",
    *_TASK_EXECUTE,
)
_CONNECTOR_RUN: Final = (f"{_RUNTIME}.WorkerConnector.run(WorkerConnector.java:128)", *_THREAD)

_CONFIG_PROVIDER: Final = (
    "org.apache.kafka.common.config.provider.FileConfigProvider.get(FileConfigProvider.java:129)",
    "org.apache.kafka.common.config.ConfigTransformer.transform(ConfigTransformer.java:103)",
    f"{_RUNTIME}.WorkerConfigTransformer.transform(WorkerConfigTransformer.java:59)",
    "org.apache.kafka.connect.storage.ClusterConfigState.connectorConfig(ClusterConfigState.java:157)",
)

FRAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "connector_start": (
        f"{_RUNTIME}.WorkerConnector.doStart(WorkerConnector.java:219)",
        f"{_RUNTIME}.WorkerConnector.start(WorkerConnector.java:248)",
        f"{_RUNTIME}.WorkerConnector.doTransitionTo(WorkerConnector.java:407)",
        f"{_RUNTIME}.WorkerConnector.doTransitionTo(WorkerConnector.java:388)",
        f"{_RUNTIME}.WorkerConnector.doRun(WorkerConnector.java:168)",
        *_CONNECTOR_RUN,
    ),
    "connector_stop": (
        f"{_RUNTIME}.WorkerConnector.doShutdown(WorkerConnector.java:315)",
        f"{_RUNTIME}.WorkerConnector.doRun(WorkerConnector.java:186)",
        *_CONNECTOR_RUN,
    ),
    "connector_instantiate": (
        f"{_RUNTIME}.Worker.instantiateConnector(Worker.java:1239)",
        f"{_RUNTIME}.Worker.startConnector(Worker.java:327)",
        f"{_RUNTIME}.distributed.DistributedHerder.startConnector(DistributedHerder.java:2106)",
        *_THREAD[2:],
    ),
    "task_instantiate": (
        f"{_RUNTIME}.Worker.startTask(Worker.java:695)",
        f"{_RUNTIME}.distributed.DistributedHerder.startTask(DistributedHerder.java:2007)",
        *_THREAD[2:],
    ),
    "source_start": (
        f"{_RUNTIME}.AbstractWorkerSourceTask.initializeAndStart(AbstractWorkerSourceTask.java:288)",
        *_TASK_START,
    ),
    "sink_start": (f"{_RUNTIME}.WorkerSinkTask.initializeAndStart(WorkerSinkTask.java:338)", *_TASK_START),
    "source_poll": (
        f"{_RUNTIME}.AbstractWorkerSourceTask.poll(AbstractWorkerSourceTask.java:483)",
        f"{_RUNTIME}.AbstractWorkerSourceTask.execute(AbstractWorkerSourceTask.java:366)",
        *_TASK_EXECUTE,
    ),
    "connector_config": (
        *_CONFIG_PROVIDER,
        f"{_HERDER}.startConnector(DistributedHerder.java:2079)",
        f"{_HERDER}.lambda$getConnectorStartingCallable$0(DistributedHerder.java:2112)",
        *_THREAD[2:],
    ),
    "task_config": (
        *_CONFIG_PROVIDER,
        f"{_HERDER}.startTask(DistributedHerder.java:2004)",
        f"{_HERDER}.lambda$getTaskStartingCallable$0(DistributedHerder.java:2057)",
        *_THREAD[2:],
    ),
    "task_type": (
        f"{_HERDER}.startTask(DistributedHerder.java:2050)",
        f"{_HERDER}.lambda$getTaskStartingCallable$0(DistributedHerder.java:2057)",
        *_THREAD[2:],
    ),
    "sink_put": (f"{_RUNTIME}.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:628)", *_SINK_DELIVER),
}
"""The lines below the plugin's own frame, by the place where the worker called the plugin."""


@dataclass(frozen=True, slots=True)
class Throwable:
    """An exception of a simulated plugin or worker; ``frames`` are the lines after ``at``, innermost first."""

    java_class: str
    message: str | None = None
    frames: tuple[str, ...] = ()
    cause: Throwable | None = None

    def __str__(self) -> str:
        return self.java_class if self.message is None else f"{self.java_class}: {self.message}"

    def trace(self) -> str:
        """``printStackTrace``: frames that a cause shares with what it caused are only counted."""
        lines = [str(self), *(f"\tat {frame}" for frame in self.frames)]
        enclosing, cause = self, self.cause
        while cause is not None:
            shared = _shared_tail(cause.frames, enclosing.frames)
            lines.append(f"Caused by: {cause}")
            lines += (f"\tat {frame}" for frame in cause.frames[: len(cause.frames) - shared])
            if shared:
                lines.append(f"\t... {shared} more")
            enclosing, cause = cause, cause.cause
        return "\n".join(lines) + "\n"


def _shared_tail(frames: tuple[str, ...], enclosing: tuple[str, ...]) -> int:
    shared = 0
    while shared < min(len(frames), len(enclosing)) and frames[-1 - shared] == enclosing[-1 - shared]:
        shared += 1
    return shared


def java_trace(
    exception: str, message: str | None, frames: Sequence[str] = (), cause: Throwable | str | None = None
) -> str:
    """The trace of an exception of class ``exception``; a ``cause`` may be a finished trace."""
    if isinstance(cause, str):
        return Throwable(exception, message, tuple(frames)).trace() + f"Caused by: {cause}"
    return Throwable(exception, message, tuple(frames), cause).trace()


def lengthened(trace: str, bytes_min: int) -> str:
    """The trace with its last line as often as it takes: an endless recursion, or a whole payload in a message."""
    missing = bytes_min - len(trace.encode())
    if missing <= 0:
        return trace
    line = trace.rstrip("\n").rpartition("\n")[2] + "\n"
    return trace + line * (missing // len(line.encode()) + 1)


def plugin_frame(class_name: str, method: str, line: int = 42) -> str:
    """The frame of a simulated plugin's own code."""
    simple = class_name.rpartition(".")[2].partition("$")[0]
    return f"{class_name}.{method}({simple}.java:{line})"


def sink_put_failure(cause: Throwable) -> Throwable:
    """What ``WorkerSinkTask.deliverMessages`` makes of an exception from ``put()``."""
    frames = (f"{_RUNTIME}.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:658)", *_SINK_DELIVER)
    return Throwable(
        CONNECT_EXCEPTION, "Exiting WorkerSinkTask due to unrecoverable exception.", frames, cause
    )


def tolerance_exceeded(cause: Throwable, place: str) -> Throwable:
    """A converter or transformation failed with ``errors.tolerance=none``; ``place`` is a key of ``FRAMES``."""
    operator = f"{_RUNTIME}.errors.RetryWithToleranceOperator"
    frames = (
        f"{operator}.execAndHandleError(RetryWithToleranceOperator.java:259)",
        f"{operator}.execute(RetryWithToleranceOperator.java:179)",
        *FRAMES[place],
    )
    return Throwable(CONNECT_EXCEPTION, "Tolerance exceeded in error handler", frames, cause)
