"""A broker and its workers as one thing that starts, is played with, and ends without a trace."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from .broker import Broker
from .process import free_port
from .stub import StubLeader
from .worker import Worker, WorkerPlan


class OracleCluster:
    """Context manager: processes run inside the `with` and are gone after it, however it ends."""

    def __init__(self, version: str, keep_logs: Path | None = None):
        self.version = version
        self.folder = Path(tempfile.mkdtemp(prefix="mockconnect-oracle-"))
        self.broker = Broker(version, self.folder / "broker")
        self.workers: list[Worker] = []
        self.stub: StubLeader | None = None
        self.admin_port: int | None = None
        """That of an admin listener, if a worker has one."""
        self._keep_logs = keep_logs

    def __enter__(self) -> OracleCluster:
        try:
            self.broker.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def add_worker(self, plan: WorkerPlan) -> Worker:
        """Prepare one more worker; the caller starts it."""
        number = len(self.workers) + 1
        worker = Worker(plan, number, self.broker.address, self.folder / f"worker-{number}")
        self.workers.append(worker)
        return worker

    def start_workers(self, count: int, plan: WorkerPlan) -> Sequence[Worker]:
        """Start workers one after the other, so that the first is the leader; wait until all are in."""
        started = []
        for _ in range(count):
            worker = self.add_worker(plan)
            worker.start()
            worker.wait_ready()
            started.append(worker)
        return started

    def put_stub_before_first(self, plan: WorkerPlan) -> Worker:
        """Start the first worker so that the others reach it through a stub only."""
        stub_port = free_port()
        worker = self.add_worker(replace(plan, advertised_port=stub_port))
        self.stub = StubLeader(stub_port, worker.port)
        worker.start()
        worker.wait_ready()
        return worker

    def end(self) -> None:
        """End every process and remove the folder; logs are kept where the caller asked for them."""
        if self.stub is not None:
            self.stub.end()
        for process in [*(worker.process for worker in self.workers), self.broker.process]:
            process.end()
        if self._keep_logs is not None:
            self._keep_logs.mkdir(parents=True, exist_ok=True)
            for log in self.folder.glob("*/*.log"):
                shutil.copy(log, self._keep_logs / log.name)
        shutil.rmtree(self.folder, ignore_errors=True)
