"""Writes into topics behind the workers' backs."""

from __future__ import annotations

import subprocess

from . import jars
from .process import OracleError

GROUP = "connect-oracle"


class Meddler:
    """One JVM that writes a record at a time; `tools/` has its code."""

    def __init__(self, version: str, broker: str):
        class_path = f"{jars.tool_jar(version)}:{jars.connect_jars(version)}/*"
        command = ["nice", "-n", "10", "java", "-Xmx64m", "-XX:+UseSerialGC", "-cp", class_path]
        self._process = subprocess.Popen(
            [*command, "org.mockconnect.testing.Meddler", broker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._wait()

    def write(self, topic: str, key: str, value: str) -> None:
        """One record into the topic of that kind."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join((f"{GROUP}-{topic}", key, value)) + "\n")
        self._process.stdin.flush()
        self._wait()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == "done":
                return
        raise OracleError("the tool that meddles with topics ended")
