"""Exactly-once support for source connectors (KIP-618): no task starts before the leader has fenced its forerunners.

Rules of this room:

* The preflight runs on the task's own thread, between instantiation and ``start()``; what it throws fails the task.
* A round of fencing is the leader's, on its herder thread. No producer is fenced here: a round leaves a task count
  record in the config topic, and that is all the others see of it.
"""

from __future__ import annotations

from collections.abc import Callable

from mockconnect.core import config_store, errors
from mockconnect.core.answers import LocalAnswers
from mockconnect.core.config_log import ConfigLog
from mockconnect.core.config_store import SessionKey
from mockconnect.core.errors import ConnectError, Expected
from mockconnect.core.member import Standing
from mockconnect.core.request_queue import RequestQueue
from mockconnect.core.sim import Reply, Steps
from mockconnect.core.site import Thrown
from mockconnect.core.stages import StagedReply, TickStage
from mockconnect.core.terms import ConnectorTaskId
from mockconnect.core.traces import java_trace

ForwardFence = Callable[[str, str, SessionKey | None], Reply[None]]


class Fencing:
    """One worker's part in zombie fencing: asking for a round, and carrying it out when it leads."""

    def __init__(
        self,
        answers: LocalAnswers,
        log: ConfigLog,
        queue: RequestQueue,
        stage: TickStage,
        standing: Standing,
        forward: ForwardFence,
    ) -> None:
        self._answers = answers
        self._log = log
        self._queue = queue
        self._stage = stage
        self._standing = standing
        self._forward_fence = forward

    def preflight(self, task_id: ConnectorTaskId, generation: int) -> Steps[None]:
        """Ask the leader for a round of zombie fencing, then see that the task is still meant to run here.

        ``generation`` is that of the connector's task configs when the task was started.
        """
        try:
            yield self._ask_leader(task_id.connector)
        except ConnectError as error:  # Connect's own exceptions are not wrapped (``ConnectUtils.maybeWrap``)
            message = str(error.message)
            raise Thrown(java_trace(error.java_class, message), message) from error
        except Expected as error:
            raise _eos_failure("Failed to perform round of zombie fencing") from error
        entry = self._log.configs.snapshot().entries.get(task_id.connector)
        if entry is None or entry.task_generation != generation:
            raise _eos_failure(
                f"Cannot start source task {task_id} with exactly-once support as the connector has already generated"
                " a new set of task configs"
            )
        if task_id not in self._standing.tasks:
            raise _eos_failure(
                f"Cannot start source task {task_id} with exactly-once support as it has already been revoked from"
                " this worker"
            )

    def _ask_leader(self, connector: str) -> Reply[None]:
        if self._standing.is_leader:
            fenced: StagedReply[None] = StagedReply()
            return self._queue.add(lambda: self.fence_zombies(connector, fenced), fenced)
        return self._forward_fence(self._standing.leader_url or "", connector, self._standing.signing_key)

    def fence_zombies(self, connector: str, reply: StagedReply[None]) -> Steps[None]:
        """``doFenceZombieSourceTasks``: the leader records how many producers the next round has to fence."""
        if not self._standing.is_leader:
            raise errors.Redirect(self._standing.leader_url)
        entry = self._log.state.entries.get(connector)
        if entry is None:
            raise errors.connector_not_found(connector)
        if self._answers.connector_type(entry.config) != "source":
            raise errors.not_a_source(connector)
        read = yield from self._log.refresh_snapshot()
        if not read:
            raise ConnectError(500, "Failed to read to end of config topic before performing zombie fencing")
        entry = self._log.state.entries.get(connector, entry)
        if entry.pending_fencing:
            if entry.task_count_record is not None and (entry.task_count_record, entry.task_count) != (1, 1):
                self._stage.pass_through(f"initiating a round of zombie fencing for connector {connector}")
            with self._stage.during(
                f"writing a task count record for connector {connector} to the config topic"
            ):
                record = ((config_store.FENCING, connector), entry.task_count)
                yield from self._log.write([record], errors.WRITE_TASK_COUNT)
        reply.complete(None)


def _eos_failure(message: str) -> Thrown:
    return Thrown(java_trace("org.apache.kafka.connect.errors.ConnectException", message), message)
