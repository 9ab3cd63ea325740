"""One real Kafka broker in KRaft mode, broker and controller in one process."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import jars
from .process import JavaProcess, OracleError, free_port, write_properties

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"


class Broker:
    """A broker that forgets everything when the oracle ends."""

    def __init__(self, version: str, folder: Path):
        folder.mkdir(parents=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._class_path = f"{jars.broker_jars(version)}/*"
        self._properties = folder / "server.properties"
        write_properties(self._properties, _server_properties(self.port, free_port(), folder / "data"))
        self.process = JavaProcess(
            "broker", folder, self._class_path, "kafka.Kafka", [str(self._properties)], ["-Xmx384m"]
        )

    def start(self) -> None:
        """Format the storage, start, and wait until the broker takes requests."""
        command = ["java", "-cp", self._class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID]
        result = subprocess.run(
            [*command, "-c", str(self._properties)], capture_output=True, timeout=120, check=False
        )
        if result.returncode:
            raise OracleError(
                f"formatting the broker's storage failed: {result.stderr.decode(errors='replace')}"
            )
        self.process.start()
        self.process.wait_for_log("Kafka Server started", 90)


def _server_properties(port: int, controller_port: int, data: Path) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "num.network.threads": "2",
        "num.io.threads": "2",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "2",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "3000",
        "log.cleaner.dedupe.buffer.size": "8388608",
    }
