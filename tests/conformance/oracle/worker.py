"""One real Connect worker, distributed or standalone."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import jars
from .process import JavaProcess, OracleError, free_port, write_properties
from .releases import line_of, quiet_loggers
from .tls import client_context

DISTRIBUTED = "org.apache.kafka.connect.cli.ConnectDistributed"
STANDALONE = "org.apache.kafka.connect.cli.ConnectStandalone"
CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
# A standalone worker of 2.x does not start without a connector; this one is deleted as soon as it is there.
FIRST_CONNECTOR = {
    "name": "first",
    "connector.class": "org.mockconnect.testing.TestSourceConnector",
}


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What distinguishes one worker: version, mode, group, extra worker properties, options of the JVM,
    the Authorization header it wants from whoever asks it, whether it has the connector of `added/`, whether it listens for
    HTTPS, the port it advertises if that is not its own, and the classes of others that lie in its plugin path."""

    version: str
    standalone: bool = False
    group: str = "connect-oracle"
    properties: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    authorization: str | None = None
    added: bool = False
    tls: bool = False
    advertised_port: int | None = None
    stand_ins: tuple[jars.StandIn, ...] = ()


class Worker:
    """A worker with a fixed port: it comes back where it was."""

    def __init__(self, plan: WorkerPlan, number: int, broker: str, folder: Path):
        folder.mkdir(parents=True)
        self.number = number
        self.port = free_port()
        self._tls = client_context() if plan.tls else None
        self.url = f"{_scheme(plan)}://127.0.0.1:{self.port}"
        self._broker = broker
        self._folder = folder
        self.become(plan)

    def become(self, plan: WorkerPlan) -> None:
        """What it is from its next start on; it must not be running."""
        folder = self._folder
        self.plan = plan
        self._headers = {"Authorization": plan.authorization} if plan.authorization else {}
        properties = folder / "worker.properties"
        write_properties(properties, _properties(plan, self.number, self.port, self._broker, folder))
        main = STANDALONE if plan.standalone else DISTRIBUTED
        arguments = [str(properties)]
        self._brings_connector = plan.standalone and line_of(plan.version) < (3, 0)
        if self._brings_connector:
            write_properties(folder / "first.properties", FIRST_CONNECTOR)
            arguments.append(str(folder / "first.properties"))
        self.process = JavaProcess(
            f"worker-{self.number}",
            folder,
            _class_path(plan),
            main,
            arguments,
            ["-Xmx256m", *plan.options],
            quiet_loggers(plan.version),
        )

    def start(self) -> None:
        """Start without waiting."""
        self.process.start()

    def wait_ready(self, timeout_s: float = 120) -> None:
        """Wait until the worker answers requests through its herder (`/health` came with 3.9, so a list of connectors)."""
        deadline = time.monotonic() + timeout_s
        self._wait_for("GET", "/connectors/x", b"Connector x not found", deadline)
        if self._brings_connector:
            self._wait_for("GET", "/connectors/first/tasks/0/status", b'"RUNNING"', deadline)
            self._wait_for("DELETE", "/connectors/first", b"", deadline)
            self._wait_for("GET", "/connectors/first/status", b"No status found", deadline)

    def _wait_for(self, method: str, path: str, text: bytes, deadline: float) -> None:
        while not self._answers(method, path, text):
            if self.process.pid is None or time.monotonic() > deadline:
                raise OracleError(f"worker {self.number} does not answer:\n{self.process.tail()}")
            time.sleep(0.25)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=15, context=self._tls)

    def _answers(self, method: str, path: str, text: bytes) -> bool:
        connection = self._connection()
        try:
            connection.request(method, path, headers=self._headers)
            return text in connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _scheme(plan: WorkerPlan) -> str:
    return "https" if plan.tls else "http"


def _class_path(plan: WorkerPlan) -> str:
    found = [jars.testing_jar(plan.version), f"{jars.connect_jars(plan.version)}/*"]
    return ":".join(map(str, [jars.added_jar(plan.version), *found] if plan.added else found))


def _properties(plan: WorkerPlan, number: int, port: int, broker: str, folder: Path) -> dict[str, str]:
    common = {
        "bootstrap.servers": broker,
        "listeners": f"{_scheme(plan)}://127.0.0.1:{port}",
        "rest.advertised.host.name": "127.0.0.1",
        # Member ids begin with the client id, and assignment goes by the order of member ids.
        "client.id": f"connect-{number}",
        **({"rest.advertised.port": str(plan.advertised_port)} if plan.advertised_port else {}),
        "key.converter": CONVERTER,
        "value.converter": CONVERTER,
    }
    if plan.stand_ins:
        folders = [jars.stand_in_jar(plan.version, one).parent for one in plan.stand_ins]
        common["plugin.path"] = ",".join(map(str, folders))
    if plan.standalone:
        return {**common, "offset.storage.file.filename": str(folder / "offsets"), **plan.properties}
    topics = {
        f"{kind}.storage.{key}": value
        for kind in ("config", "offset", "status")
        for key, value in (("topic", f"{plan.group}-{kind}"), ("replication.factor", "1"))
    }
    partitions = {"offset.storage.partitions": "3", "status.storage.partitions": "3"}
    return {**common, "group.id": plan.group, **topics, **partitions, **plan.properties}
