"""Every knob: the worker properties of Connect with Connect's defaults, and the simulator's own times.

Rules of this room: durations are integers of milliseconds and end in ``_ms``. Names are the worker properties' own
with dots as underscores. What Connect does not fix (how long a JVM takes to start, how far a reader lags) has a value
chosen for a healthy cluster and stands in its own block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mockconnect.core.versions import NEWEST, KafkaVersion

HMAC_SHA256: Final = "HmacSHA256"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take."""

    # Connect's worker properties
    session_timeout_ms: int = 10_000
    heartbeat_interval_ms: int = 3_000
    rebalance_timeout_ms: int = 60_000
    scheduled_rebalance_max_delay_ms: int = 300_000
    worker_sync_timeout_ms: int = 3_000
    worker_unsync_backoff_ms: int = 300_000
    task_shutdown_graceful_timeout_ms: int = 5_000
    offset_flush_interval_ms: int = 60_000
    inter_worker_key_ttl_ms: int = 3_600_000
    group_initial_rebalance_delay_ms: int = 3_000  # a property of the broker
    group_check_interval_ms: int = 600_000  # offsets.retention.check.interval.ms of the broker

    # constants of Connect's source
    rest_request_timeout_ms: int = 90_000
    health_timeout_ms: int = 10_000
    connector_graceful_stop_ms: int = 5_000
    config_write_timeout_ms: int = 30_000
    target_state_write_timeout_ms: int = 30_000
    transaction_timeout_ms: int = 60_000  # max.block.ms of the producer
    reconfigure_backoff_initial_ms: int = 250
    reconfigure_backoff_max_ms: int = 60_000
    new_member_join_timeout_ms: int = 300_000
    rest_shutdown_grace_ms: int = 60_000
    offsets_timeout_ms: int = 90_000
    forward_connect_timeout_ms: int = 15_000
    forward_idle_timeout_ms: int = 30_000
    start_stop_threads: int = 8

    # chosen for a healthy cluster
    jvm_start_ms: int = 5_000
    jetty_start_ms: int = 1_000
    internal_topics_read_ms: int = 500
    rest_stop_ms: int = 5
    kafka_write_ms: int = 5
    kafka_latency_ms: int = 1
    coordinator_lookup_min_ms: int = 95  # of one that was given up: its connection is in back-off
    coordinator_lookup_max_ms: int = 150
    worker_latency_ms: int = 1
    reader_lag_min_ms: int = 2
    reader_lag_max_ms: int = (
        6  # below a round of the group: a leader has read what members wrote before they rejoined
    )
    herder_request_ms: int = 0
    instantiate_ms: int = 20
    assignment_ms: int = 0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One worker's properties that show on its REST surface or in its group.

    The defaults of ``connect_protocol`` and ``connector_client_config_override_policy`` depend on the version.
    ``host`` and ``port`` make the advertised URL and the worker id. ``config`` are further worker properties, as in a
    properties file (``access.control.allow.origin``, ``admin.listeners``, ...), read by the REST room.
    """

    name: str
    host: str = "127.0.0.1"
    port: int = 8083
    version: KafkaVersion = field(default_factory=lambda: KafkaVersion.parse(NEWEST))
    group_id: str = "connect-cluster"
    connect_protocol: str = ""
    exactly_once_source_support: str = "disabled"
    topic_tracking_enable: bool = True
    topic_tracking_allow_reset: bool = True
    topic_creation_enable: bool = True
    connector_client_config_override_policy: str = ""
    advertised_url: str | None = None
    commit: str = ""
    """What ``GET /`` shows instead of the release's own commit."""
    config: tuple[tuple[str, str], ...] = ()

    @property
    def protocol(self) -> str:
        """``connect.protocol``, or what a worker of this version has without it."""
        if self.connect_protocol:
            return self.connect_protocol
        if not self.version.has("incremental_cooperative"):
            return "eager"
        return "sessioned" if self.version.has("sessioned") else "compatible"

    @property
    def worker_id(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The advertised URL: what other workers forward to."""
        return self.advertised_url or f"http://{self.host}:{self.port}/"

    @property
    def client_id(self) -> str:
        return dict(self.config).get("client.id", f"connect-{self.worker_id}")

    @property
    def request_bytes_max(self) -> int:
        """``max.request.size`` of the producers for Connect's own topics."""
        given = dict(self.config).get("max.request.size", "")
        return int(given) if given.isdecimal() else 1_048_576

    @property
    def signature_algorithm(self) -> str:
        """What this worker signs internal requests with."""
        return dict(self.config).get("inter.worker.signature.algorithm", HMAC_SHA256)

    @property
    def verification_algorithms(self) -> tuple[str, ...]:
        """What it takes the signatures of others for."""
        given = dict(self.config).get("inter.worker.verification.algorithms", HMAC_SHA256)
        return tuple(name.strip() for name in given.split(","))

    @property
    def exactly_once_source_enabled(self) -> bool:
        return self.exactly_once_source_support == "enabled"
