"""A cluster on which nothing is played, as a timeline: what happened and what clients asked, from some moment on.

Rules of this room: it looks and changes nothing, so a run is the same whether somebody observes it or not. There is nothing
to judge.
"""

from __future__ import annotations

from typing import Final

from mockconnect.core.cluster import Cluster
from mockconnect.core.journal import RequestRow
from mockconnect.scenario.recording import Recorder
from mockconnect.scenario.records import Records
from mockconnect.scenario.report import Report

NAME: Final = "cluster"


class Observer:
    """Looks at a cluster from now on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._since_ms = cluster.now_ms
        self._records = Records(cluster)
        self._recorder = Recorder(cluster)
        self._recorder.start()
        cluster.sim.look_after_events(self._recorder.take)
        cluster.requests.on_request.append(self._arrived)
        cluster.requests.on_answer.append(self._ended)

    def _arrived(self, row: RequestRow) -> None:
        self._records.arrived(row)

    def _ended(self, row: RequestRow, body: bytes) -> None:
        record = self._records.ended(row, body)
        if record is not None:
            self._recorder.request_ended(record)

    def report(self) -> Report:
        """What is known now."""
        self._recorder.take()
        self._records.take_unseen(self._since_ms)
        lasted_ms = self._cluster.now_ms - self._since_ms
        return Report(
            scenario=NAME,
            file="",
            seed=self._cluster.sim.seed,
            params={},
            verdicts=(),
            rules=(),
            requests=tuple(self._records.rows),
            workers=tuple(self._cluster.workers),
            timeline_ms=lasted_ms,
            total_ms=lasted_ms,
            trace_hash=self._cluster.sim.trace.hash,
            started_at_ms=self._since_ms,
            rows=tuple(self._recorder.rows),
            picture=self._recorder.picture(),
        )
