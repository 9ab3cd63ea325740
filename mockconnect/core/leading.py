"""What a herder does only while it leads: rounds of assignment, the session key, statuses of what is gone.

Rules of this room:

* Whether this worker leads is asked by the caller. What is remembered here from an earlier lead is Connect's own
  memory, too: the assignor's last round, and when the session key expires.
* The round of an assignment sees the config store, not the herder's snapshot.
"""

from __future__ import annotations

from mockconnect.core import config_store, errors
from mockconnect.core.assignor import IncrementalCooperativeAssignor, Round, assign_eagerly
from mockconnect.core.assignor_before_3_4 import EarlierIncrementalCooperativeAssignor, EarlierRules
from mockconnect.core.config_log import ConfigLog
from mockconnect.core.config_store import SessionKey
from mockconnect.core.errors import ConnectError
from mockconnect.core.group import Joined
from mockconnect.core.member import ExtendedAssignment, MemberMetadata
from mockconnect.core.sim import Steps
from mockconnect.core.site import Site
from mockconnect.core.stages import TickStage
from mockconnect.core.terms import Assignment, ConnectorTaskId
from mockconnect.core.versions import KafkaVersion


class Leading:
    """The leader's duties of one herder."""

    def __init__(self, site: Site, log: ConfigLog, stage: TickStage) -> None:
        self.session_key: SessionKey | None = None
        self.key_expires_at_ms: int | None = None
        self._site = site
        self._log = log
        self._stage = stage
        self._assignor = assignor_of(site.settings.version, site.timing.scheduled_rebalance_max_delay_ms)
        self._round: Round | None = None
        self._member_urls: dict[str, str] = {}

    def inherit(self, known: Assignment) -> None:
        """What the group had assigned before this cluster's story begins; whoever leads first knows it."""
        self._assignor.inherit(known)

    # --- rounds of assignment -------------------------------------------------------------------------------------------

    def perform_assignment(self, joined: Joined[MemberMetadata]) -> Steps[dict[str, ExtendedAssignment]]:
        """``ConnectAssignor.performAssignment``: once per generation."""
        if self._site.timing.assignment_ms:
            yield self._site.timing.assignment_ms
        members, configs = joined.members, self._log.configs
        self._member_urls = {member_id: metadata.url for member_id, metadata in members.items()}
        leader_url = members[joined.leader_id].url
        max_offset = max(metadata.offset for metadata in members.values())
        if configs.offset < max_offset:
            yield self._log.read_to_end()
        if configs.offset < max_offset:
            self._round = None
            mismatch = ExtendedAssignment(joined.leader_id, leader_url, max_offset, failed=True)
            return dict.fromkeys(members, mismatch)
        offset = configs.offset
        self._round = self._assign(joined)
        return {
            member_id: ExtendedAssignment(
                joined.leader_id, leader_url, offset, result.assigned, result.revoked, result.delay_ms
            )
            for member_id, result in self._round.members.items()
        }

    def _assign(self, joined: Joined[MemberMetadata]) -> Round:
        connectors = self._log.configs.snapshot().assignable
        if joined.protocol == "default":
            return assign_eagerly(connectors, joined.members.keys())
        return self._assignor.perform(
            now_ms=self._site.sim.now_ms,
            generation=joined.generation,
            last_completed_generation=self._site.generation(),
            connectors=connectors,
            members={member_id: metadata.assignment for member_id, metadata in joined.members.items()},
        )

    def owner_url(self, item: str | ConnectorTaskId) -> str | None:
        """Where the last round put an item; ``None`` while it is unassigned."""
        if self._round is None:
            return None
        if isinstance(item, str):
            member_id = self._round.owners_of_connectors.get(item)
        else:
            member_id = self._round.owners_of_tasks.get(item)
        return None if member_id is None else self._member_urls.get(member_id)

    # --- after a rebalance ------------------------------------------------------------------------------------------------

    def forget_deleted(self) -> None:
        """The leader writes tombstones for the statuses of what is not configured any more."""
        assignable = self._log.configs.snapshot().assignable
        statuses = self._site.statuses
        deleted = statuses.names() - assignable.keys()
        for name in sorted(deleted):
            statuses.delete_connector(name)
        for task_id in statuses.beyond(assignable):
            statuses.delete_task(task_id)

    # --- in every tick ----------------------------------------------------------------------------------------------------

    def keep_up(self, *, signs_requests: bool) -> Steps[bool]:
        """Be allowed to write, and have a session key that is valid; says whether the tick may go on."""
        if self._log.fenced:
            with self._stage.during("reclaiming write privileges for the config topic"):
                self._log.kafka.config_producer.claim()
                self._log.fenced = False
        if signs_requests and self._key_is_due():
            try:
                yield from self._write_session_key()
            except ConnectError:  # a read to the end comes first, then it tries again
                self._log.readable = False
                return False
        return True

    def _write_session_key(self) -> Steps[None]:
        key = self._site.sim.stream("session-key").randbytes(32)
        record = SessionKey(key, "HmacSHA256", self._site.sim.now_ms)
        rotated = self.session_key is not None
        with self._stage.during("writing a new session key to the config topic"):
            yield from self._log.write([((config_store.SESSION_KEY,), record)], errors.WRITE_SESSION_KEY)
        if rotated:
            self._site.note("session key", "rotated")

    def _key_is_due(self) -> bool:
        expires_at_ms = self.key_expires_at_ms
        if self.session_key is not None and expires_at_ms is None:
            expires_at_ms = self.key_expires_at_ms = self._expiry(self.session_key)
        return self.session_key is None or expires_at_ms is None or expires_at_ms <= self._site.sim.now_ms

    def take_key(self, key: SessionKey) -> None:
        """A new session key was read from the config topic."""
        self.session_key, self.key_expires_at_ms = key, self._expiry(key)

    def _expiry(self, key: SessionKey) -> int:
        return key.created_at_ms + self._site.timing.inter_worker_key_ttl_ms


def assignor_of(version: KafkaVersion, max_delay_ms: int) -> IncrementalCooperativeAssignor:
    """The assignor of a leader of this version: whoever leads makes the rules for members of every version."""
    if version.has("balanced_revocations"):
        return IncrementalCooperativeAssignor(
            max_delay_ms, waits_without_delay=not version.has("no_delay_no_wait")
        )
    rules = EarlierRules(
        checks_generations=version.has("checked_generations"),
        revokes_to_ceiling=version.has("revocations_to_ceiling"),
        revoked_has_owner=not version.has("revoked_without_owner"),
    )
    return EarlierIncrementalCooperativeAssignor(max_delay_ms, rules)
