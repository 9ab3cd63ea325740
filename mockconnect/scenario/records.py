"""All requests of a run, in the order of their arrival, whoever made them.

Rules of this room: the cluster's journal tells of a client's request when it arrives and when it ends; what nobody could
be told of is taken from its rows later. Their number is bounded.
"""

from __future__ import annotations

from typing import Final, Literal

from mockconnect.core.cluster import Cluster
from mockconnect.core.journal import RequestRow
from mockconnect.scenario.requests import SHOWN_MAX, RequestRecord

REQUESTS_MAX: Final = 1_000_000


class Records:
    """The requests of one run."""

    def __init__(self, cluster: Cluster) -> None:
        self.rows: list[RequestRecord] = []
        self._cluster = cluster
        self._of_client: dict[int, RequestRecord] = {}
        """By their number in the journal."""

    @property
    def has_client(self) -> bool:
        """Whether a client has asked anything yet."""
        return bool(self._of_client)

    def add(
        self,
        by: Literal["client", "scenario"],
        worker: str,
        operation: str,
        *,
        connector: str,
        task: int | None,
        class_name: str,
        rule: str = "",
    ) -> RequestRecord:
        record = RequestRecord(
            number=len(self.rows) + 1,
            at_ms=self._cluster.now_ms,
            by=by,
            worker=worker,
            operation=operation,
            connector=connector,
            task=task,
            class_name=class_name,
            rule=rule,
            to_leader=self._cluster.leader == worker,
        )
        if len(self.rows) < REQUESTS_MAX:
            self.rows.append(record)
        return record

    def arrived(self, row: RequestRow) -> RequestRecord:
        """A client's request, before anything is done about it."""
        record = self.add(
            "client",
            row.worker,
            row.operation,
            connector=row.connector,
            task=row.task,
            class_name=row.class_name,
        )
        record.line = f"{row.method} {row.target}"
        self._of_client[row.number] = record
        return record

    def ended(self, row: RequestRow, body: bytes) -> RequestRecord | None:
        """``None`` for one that arrived before anybody looked."""
        record = self._of_client.get(row.number)
        if record is not None:
            record.status_code, record.message = row.status_code, row.message
            record.shows = body[:SHOWN_MAX].decode("utf-8", "replace") if row.status_code < 400 else ""
            record.ended_at_ms = self._cluster.now_ms
        return record

    def take_unseen(self, since_ms: int) -> None:
        """Requests that nobody was told of: what a worker answers before its resources are there."""
        for row in self._cluster.requests.rows():
            if row.number in self._of_client or row.at_ms < since_ms or row.ended_at_ms is None:
                continue
            record = self.arrived(row)
            record.class_name = ""
            record.at_ms, record.ended_at_ms = row.at_ms, row.ended_at_ms
            record.status_code, record.message = row.status_code, row.message
        self.rows.sort(key=lambda one: (one.at_ms, one.number))
