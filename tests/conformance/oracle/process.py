"""One Java process and what can happen to it.

Each runs in a session of its own, at low priority, so that a verb reaches it and whatever it started, and nothing
else. Verbs address the process by its id only.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

LOG4J2 = """<Configuration status="OFF"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/>
</Console></Appenders><Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""
LOG4J1 = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
"""


class OracleError(Exception):
    """The oracle could not do what it was asked; the message says where to look."""


def free_port() -> int:
    """A port nobody listens on now. Workers must know theirs before they start, so a small race is accepted; it is smaller
    below the range from which systems take ports for outgoing connections."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def write_properties(path: Path, properties: dict[str, str]) -> None:
    """Write a Java properties file; values are escaped as far as ours need it."""
    lines = [f"{key}={value}".replace("\\", "\\\\").replace("\n", "\\n") for key, value in properties.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class JavaProcess:
    """A JVM with a fixed command line that can be started, ended in several ways, and started again."""

    def __init__(
        self,
        name: str,
        folder: Path,
        class_path: str,
        main: str,
        arguments: Sequence[str],
        options: Sequence[str],
        quiet_loggers: Sequence[str] = (),
    ):
        """`quiet_loggers` log errors only."""
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._command = [*_java(folder, quiet_loggers), *options, "-cp", class_path, main, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process; it must not be running."""
        assert self.pid is None, self.name
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self, wait_s: float = 60) -> None:
        """SIGTERM, then wait for the end; a process that does not end in time is killed and reported."""
        self.terminate()
        try:
            self._wait(wait_s)
        except subprocess.TimeoutExpired:
            self.crash()
            raise OracleError(
                f"{self.name} did not end within {wait_s} s of SIGTERM, see {self.log}"
            ) from None

    def terminate(self) -> None:
        """SIGTERM without waiting."""
        self._signal(signal.SIGTERM)

    def crash(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        self._signal(signal.SIGKILL)
        self._wait(30)

    def freeze(self) -> None:
        """SIGSTOP: sockets still accept, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Whatever state it is in: gone after this."""
        if self.pid is not None:
            self.crash()

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_for_log(self, text: str, timeout_s: float) -> None:
        """Wait until `text` stands in the log."""
        deadline = time.monotonic() + timeout_s
        while text not in self.log.read_text(errors="replace"):
            if self.pid is None or time.monotonic() > deadline:
                raise OracleError(f"{self.name} never said {text!r}:\n{self.tail()}")
            time.sleep(0.2)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            os.killpg(pid, number)

    def _wait(self, seconds: float) -> None:
        if self._process is not None:
            self._process.wait(seconds)


def _java(folder: Path, quiet_loggers: Sequence[str]) -> list[str]:
    (folder / "log4j2.xml").write_text(LOG4J2)
    quiet = "".join(f"log4j.logger.{name}=ERROR\n" for name in quiet_loggers)
    (folder / "log4j.properties").write_text(LOG4J1 + quiet)
    return [
        *("nice", "-n", "10", "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        f"-Dlog4j2.configurationFile={folder}/log4j2.xml",
        f"-Dlog4j.configuration=file:{folder}/log4j.properties",
    ]
