"""The control API of ``mockconnect serve``, and of a cluster whose time goes on by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

import mockconnect
from mockconnect.arguments import listening
from mockconnect.cli import serve as serving
from mockconnect.cli.main import main
from mockconnect.cli.serve import _with_control
from mockconnect.hosting import start_async
from mockconnect.options import OptionsError
from tests.ports import own_port

LAST_LINE = "Ctrl-C stops it."
Serve = Callable[..., tuple[list[str], Any]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve("--workers", "1")` on free ports: its banner, and its ready file."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[list[str], Any]:
        ready_file = tmp_path / "ready"
        command = [
            sys.executable,
            "-m",
            "mockconnect.cli",
            "serve",
            "--port",
            "0",
            "--ready-file",
            str(ready_file),
        ]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MOCKCONNECT_")
        }
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
        processes.append(process)
        assert process.stdout is not None
        banner = []
        while (line := process.stdout.readline()) and line.strip() != LAST_LINE:
            banner.append(line.rstrip())
        return banner, json.loads(ready_file.read_text())

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
        assert process.stdout is not None
        process.stdout.close()


def test_serve_has_it(serve: Serve) -> None:
    banner, ready = serve("--workers", "1", "--control-token", "secret")
    assert f"control API at {ready['control']}" in "\n".join(banner)
    arguments = ["ctl", "--url", ready["control"], "--token", "secret", "--json", "info"]
    info = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert (info["workers"], info["clock"]["pace"]) == (1, "real")


def test_serve_does_without(serve: Serve) -> None:
    banner, ready = serve("--workers", "1", "--control-port", "off")
    assert "control" not in ready
    assert "control API" not in "\n".join(banner)


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({"port": "8083"}, "auto"),
        ({"port": "0"}, "0"),
        ({"port": "8083", "control_port": "9000"}, "9000"),
        ({"port": "0", "control_port": "off"}, None),
    ],
)
def test_the_usual_port(given: dict[str, str], port: str | None) -> None:
    assert _with_control(given)["control_port"] == port


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The usual port, and somebody who has it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(listening, "CONTROL_PORT", port)
        monkeypatch.setattr(serving, "CONTROL_PORT", port)
        yield port


def test_a_usual_port_that_is_taken(taken: int) -> None:
    with mockconnect.start(workers=1, control_port="auto") as cluster:
        url = cluster.control_url
        assert url is not None
        assert not url.endswith(f":{taken}")
        said = serving._how_to_control(cluster, {"control_port": "auto"})
        assert said == f"({taken} is taken)  mockconnect ctl --url {url}"
        assert serving._how_to_control(cluster, {"control_port": "0"}) == f"mockconnect ctl --url {url}"


def test_a_usual_port_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with own_port() as port:
        monkeypatch.setattr(listening, "CONTROL_PORT", port)
        monkeypatch.setattr(serving, "CONTROL_PORT", port)
        with mockconnect.start(workers=1, control_port="auto") as cluster:
            assert cluster.control_url == f"http://127.0.0.1:{port}"
            assert serving._how_to_control(cluster, {"control_port": "auto"}) == "mockconnect ctl --help"


def test_a_port_that_was_asked_for_is_not_given_up(taken: int) -> None:
    with pytest.raises(
        OptionsError, match=f"control_port: cannot listen on port {taken} of .*; 0 takes what is free"
    ):
        mockconnect.start(workers=1, control_port=taken)


def test_serve_refuses_a_host_without_a_token() -> None:
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--control-host", "0.0.0.0"])
    assert result.exit_code == 2
    assert result.stderr.startswith("mockconnect serve: --control-token: missing: ")


def test_time_that_goes_on_by_itself(controlled: Any) -> None:
    control = controlled(clock="x1000", workers=1)
    instants = [control.get("/clock")["now_ms"] for _ in range(5)]
    assert instants == sorted(set(instants))
    moved = control("POST", "/clock/advance", {"by": "1h"}).body
    assert moved["now_ms"] >= moved["from_ms"] + 3_600_000


async def test_others_get_their_turn_while_time_is_moved() -> None:
    async with (  # all on one loop, so that nobody's turn depends on the machine
        start_async(control_port=0) as cluster,
        aiohttp.ClientSession(cluster.control_url) as session,
    ):

        async def asked(method: str, path: str, **more: Any) -> int:
            async with session.request(method, path, **more) as answer:
                return int((await answer.json())["now_ms"])

        start_ms = await asked("GET", "/clock")
        mover = asyncio.ensure_future(asked("POST", "/clock/advance", json={"by": "12h"}))
        between = []
        while not mover.done():
            between.append(await asked("GET", "/clock"))
        assert await mover == start_ms + 12 * 3_600_000
        assert any(start_ms < instant < mover.result() for instant in between)


async def test_on_the_loop_of_the_test() -> None:
    async with start_async(workers=1, control_port=0) as cluster:
        assert cluster.control_url is not None


def test_ports_are_free_again() -> None:
    with own_port() as port:
        for _ in range(2):
            with mockconnect.start(workers=1, control_port=port) as cluster:
                assert cluster.control_url == f"http://127.0.0.1:{port}"
