"""A cluster that is observed: what is kept of it, and that nothing is changed by that."""

from __future__ import annotations

import urllib.request

import pytest

import mockconnect
from mockconnect.hosting import RunningCluster
from mockconnect.options import WorkerGiven

WORKERS: list[WorkerGiven | str] = [
    {"name": name, "worker_id": f"{name}:8083"} for name in ("connect-0", "connect-1", "connect-2")
]
"""With ids of their own, so that a run does not depend on ports."""


def ask(cluster: RunningCluster, path: str) -> None:
    with urllib.request.urlopen(f"{cluster.url}{path}", timeout=300) as answer:
        answer.read()


def lived(cluster: RunningCluster) -> str:
    ask(cluster, "/connectors")
    cluster.crash(1)
    cluster.settle()
    return cluster._core.sim.trace.hash


def test_observing_changes_nothing() -> None:
    with mockconnect.start(WORKERS) as cluster:
        alone = lived(cluster)
    with mockconnect.start(WORKERS) as cluster:
        cluster.observe()
        assert lived(cluster) == alone
        report = cluster.observed()
    assert report.trace_hash == alone
    assert [(one.by, one.line, one.status_code) for one in report.requests] == [
        ("client", "GET /connectors", 200)
    ]
    assert ("connect-1", "worker", "crash") in [(row.worker, row.what, row.detail) for row in report.rows]
    assert report.rows == tuple(sorted(report.rows, key=lambda row: row.at_ms))
    assert report.picture.rebalances
    assert report.text().splitlines()[1:] == ["1 request, 1 of them by the client"]


def test_a_cluster_that_is_made_anew_is_observed_from_its_start() -> None:
    with mockconnect.start(workers=1) as cluster:
        cluster.observe()
        ask(cluster, "/")
        cluster.reset()
        ask(cluster, "/connectors")
        assert [one.line for one in cluster.observed().requests] == ["GET /connectors"]


def test_what_nobody_observes_is_not_kept() -> None:
    with mockconnect.start(workers=1) as cluster, pytest.raises(ValueError, match="observe"):
        cluster.observed()
