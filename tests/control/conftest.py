"""A cluster with a control API, and somebody who asks it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import mockconnect
from mockconnect.hosting import RunningCluster

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
CONNECTORS = [
    {"name": "c", "config": {"connector.class": SINK, "topics": "t", "file": "f", "tasks.max": "2"}}
]


@dataclass
class Answer:
    status_code: int
    body: Any
    headers: Any


def ask(url: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
    """A text is sent as YAML, anything else as JSON."""
    is_text = isinstance(body, str)
    data = None if body is None else (str(body) if is_text else json.dumps(body)).encode()
    usual = {"Content-Type": "application/yaml" if is_text else "application/json"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask_with(url, method, data, {**usual, **given})


def ask_with(url: str, method: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
    """With these bytes."""
    request = urllib.request.Request(url, data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return Answer(response.status, _body(response), response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _body(error), error.headers)


def _body(response: Any) -> Any:
    octets = response.read()
    return json.loads(octets) if "json" in response.headers["Content-Type"] else octets.decode()


class Controlled:
    """A cluster, and its control API."""

    def __init__(self, cluster: RunningCluster) -> None:
        assert cluster.control_url is not None
        self.cluster = cluster
        self.url = cluster.control_url

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return ask(self.url + path, method, body, **headers)

    def raw(self, method: str, path: str, data: bytes | None, content_type: str) -> Answer:
        return ask_with(self.url + path, method, data, {"Content-Type": content_type})

    def cluster_get(self, path: str) -> Any:
        """What a client of the cluster itself is answered."""
        with urllib.request.urlopen(self.cluster.url + path, timeout=300) as response:
            return json.load(response)

    def get(self, path: str) -> Any:
        answer = self("GET", path)
        assert answer.status_code == 200, answer
        return answer.body


Start = Callable[..., Controlled]


@pytest.fixture
def controlled() -> Iterator[Start]:
    """`controlled(clock="real")` starts a cluster; all of them end with the test, without bugs."""
    started: list[RunningCluster] = []

    def start(**arguments: Any) -> Controlled:
        started.append(mockconnect.start(**{"control_port": 0, "connectors": CONNECTORS, **arguments}))
        return Controlled(started[-1])

    yield start
    for cluster in started:
        cluster.close()
        assert cluster.bugs == []


@pytest.fixture
def control(controlled: Start) -> Controlled:
    return controlled()
