"""A captured real cluster of three workers, served again, answers every read as the real one did.

`real/VERSION/` is recorded by `python -m tests.conformance capture --kafka-version VERSION`.
"""

from __future__ import annotations

import urllib.request

import pytest

import mockconnect
from tests.conformance.capturing import (
    FILE_SOURCE,
    FOLDER,
    SECRETS,
    SINK,
    SOURCE,
    connectors_of,
    load_reads,
    read_all,
    recorded,
)

NEWEST = FOLDER / "4.3.1" / "cluster.yaml"


@pytest.mark.parametrize("version", recorded())
def test_every_read_of_every_worker_is_the_same(version: str) -> None:
    real = load_reads(version)
    with mockconnect.start(cluster=FOLDER / version / "cluster.yaml") as cluster:
        served = read_all(cluster.urls, connectors_of(version), [SOURCE, SINK, FILE_SOURCE])
    assert served.keys() == real.keys() == {"1", "2", "3"}
    different = [
        (worker, path, body, served[worker][path])
        for worker, bodies in real.items()
        for path, body in bodies.items()
        if served[worker][path] != body
    ]
    assert different == []


@pytest.mark.parametrize("version", recorded())
def test_no_secret_is_in_the_file(version: str) -> None:
    text = (FOLDER / version / "cluster.yaml").read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in text] == []
    assert text.count('"********"') == 4


def test_what_it_was_is_where_it_goes_on_from() -> None:
    """The failed task is restarted where it failed, and works; a stopped connector resumes."""
    with mockconnect.start(cluster=NEWEST) as cluster:
        owner = cluster.owner("failed-task", 1)
        assert owner is not None
        _ask(f"{cluster.url}/connectors/failed-task/tasks/1/restart", "POST")
        _ask(f"{cluster.urls[1]}/connectors/stopped/resume", "PUT")
        cluster.wait_for("failed-task", tasks=3)
        cluster.wait_for("stopped", tasks=1)
        assert cluster.owner("failed-task", 1) is owner


def _ask(url: str, method: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method=method)).close()
