"""The command line: what it starts, what it refuses, and what it says about a worker's health."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mockconnect
from mockconnect.cli.main import main
from mockconnect.cli.serve import serve
from mockconnect.rest.ports import reserve

LAST_LINE = "Ctrl-C stops it."
TIMEOUT_S = 300
"""Nothing takes as long; it only turns a hanging test into a failing one."""


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
        return json.load(response)


class Served:
    """A running `mockconnect serve`."""

    def __init__(self, process: subprocess.Popen[str], ready_file: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self.ready_file = ready_file
        self.banner: list[str] = []
        for line in process.stdout:
            self.banner.append(line.rstrip("\n"))
            if self.banner[-1] == LAST_LINE:
                break
        else:
            raise AssertionError(f"it ended with {process.wait(TIMEOUT_S)}: {self.banner}")

    @property
    def ready(self) -> Any:
        return json.loads(self.ready_file.read_text())

    @property
    def urls(self) -> list[str]:
        return [worker["url"] for worker in self.ready["workers"]]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)


Serve = Callable[..., Served]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serve]:
    """`serving("--workers", "2", VARIABLE="x")` starts the command on free ports and waits for its banner."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> Served:
        ready_file = tmp_path / f"ready-{len(processes)}.json"
        command = [
            sys.executable,
            "-m",
            "mockconnect.cli",
            "serve",
            "--ready-file",
            str(ready_file),
            *arguments,
        ]
        environment = {**os.environ, "MOCKCONNECT_PORT": "0", **variables}
        processes.append(subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE))
        return Served(processes[-1], ready_file)

    yield start
    for process in processes:
        process.kill()
        process.communicate()


# --- serve ------------------------------------------------------------------------------------------------------------


def test_serve_starts_three_workers_that_answer(serving: Serve) -> None:
    served = serving()
    assert [worker["name"] for worker in served.ready["workers"]] == ["connect-0", "connect-1", "connect-2"]
    for worker in served.ready["workers"]:
        assert worker["url"] == f"http://{worker['worker_id']}"
        assert get(f"{worker['url']}/")["version"] == "4.3.1"
        assert get(f"{worker['url']}/health")["status"] == "healthy"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_takes_the_ready_file_away(serving: Serve, number: int) -> None:
    served = serving("--workers", "1")
    assert served.ready_file.exists()
    assert served.end(number) == 0
    assert not served.ready_file.exists()


def test_a_client_that_waits_does_not_hold_up_the_end(serving: Serve) -> None:
    served = serving("--workers", "1", "--clock", "manual", "--cold-start")
    assert served.end() == 0


def test_the_banner_shows_workers_and_three_commands_that_work(serving: Serve) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    served = serving("--clock", "paced")
    for url in served.urls:
        assert any(url in line for line in served.banner)
    commands = [line.strip() for line in served.banner if line.startswith("  curl ")]
    answers = [
        subprocess.check_output(command, shell=True, text=True, timeout=TIMEOUT_S) for command in commands
    ]
    plugins, created, status = map(json.loads, answers)
    assert "org.apache.kafka.connect.file.FileStreamSourceConnector" in [
        plugin["class"] for plugin in plugins
    ]
    assert created["name"] == "demo"
    assert status["message"] == "No status found for connector demo" or status["name"] == "demo"


def test_options_reach_the_cluster(serving: Serve, tmp_path: Path) -> None:
    plugins, connectors = tmp_path / "plugins.json", tmp_path / "connectors.yaml"
    plugins.write_text(
        json.dumps([{"class": "com.acme.Source", "type": "source", "version": "2", "tasks": "tasks_max"}])
    )
    connectors.write_text(
        "- {name: mine, config: {connector.class: com.acme.Source, tasks.max: 2}, state: PAUSED}\n"
    )
    served = serving(
        *("--workers", "2", "--kafka-version", "4.3.1,4.3.1", "--seed", "7", "--clock", "x60"),
        *("--plugins", str(plugins), "--connectors", str(connectors), "--advertised-host", "connect"),
        *("--config", "client.id=c", "--timing", "jvm_start=1s"),
    )
    assert served.ready["seed"] == 7
    assert [worker["worker_id"].partition(":")[0] for worker in served.ready["workers"]] == [
        "connect",
        "connect",
    ]
    assert {"class": "com.acme.Source", "type": "source", "version": "2"} in get(
        f"{served.urls[0]}/connector-plugins"
    )
    status = get(f"{served.urls[0]}/connectors/mine/status")
    assert [status["connector"]["state"], *(task["state"] for task in status["tasks"])] == ["PAUSED"] * 3


def test_a_front_door(serving: Serve) -> None:
    served = serving("--workers", "2", "--front-door", "leader", "--front-door-port", "0")
    door = served.ready["front_door"]
    assert door not in served.urls
    assert f"all of them behind {door}  leader" in served.banner
    assert get(f"{door}/health")["status"] == "healthy"


def test_variables_of_the_environment_count_and_the_command_line_wins(serving: Serve) -> None:
    served = serving("--seed", "3", MOCKCONNECT_SEED="2", MOCKCONNECT_WORKERS="2", MOCKCONNECT_CLOCK="paced")
    assert served.ready["seed"] == 3
    assert len(served.urls) == 2
    assert "clock paced" in served.banner[0]


def test_users_are_asked_for_and_healthcheck_signs_in(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serving("--workers", "1", "--user", "alice:sec:ret", "--user", "bob:b")
    url = served.urls[0]
    assert invoke("healthcheck", "--url", url).stderr == f"{url}: 401 this is no Kafka Connect worker\n"
    assert invoke("healthcheck", "--url", url, "--user", "alice:sec:ret").exit_code == 0
    monkeypatch.setenv("MOCKCONNECT_USER", "bob:b")
    assert invoke("healthcheck", "--url", url).exit_code == 0


def test_every_option_of_serve_is_a_variable() -> None:
    for option in serve.params:
        assert f"MOCKCONNECT_{str(option.name).upper()}" in (option.envvar or ())


# --- what is refused --------------------------------------------------------------------------------------------------


def test_each_mistake_is_one_line_that_names_the_option() -> None:
    result = invoke(
        *("serve", "--workers", "many", "--port", "x"),
        *("--kafka-version", "banana", "--config", "x", "--clock", "fast"),
    )
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "mockconnect serve: --config: expected NAME=VALUE, found 'x'",
        "mockconnect serve: --clock: expected 'paced', 'manual', 'real' or a rate such as 'x60', found 'fast'",
        "mockconnect serve: --port: expected a port from 1 to 65535, or 0 for free ones, found 'x'",
        "mockconnect serve: --workers: expected a number or a list of workers, found 'many'",
        "mockconnect serve: --kafka-version: 'banana' is no Kafka version; expected something like '4.3.1' or '3.9'",
    ]


def test_a_port_in_use_is_a_mistake_of_one_line() -> None:
    with mockconnect.start(workers=1) as cluster:
        port = cluster.url.rpartition(":")[2]
        result = invoke("serve", "--port", port)
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"mockconnect serve: --port: cannot listen on port {port} of 127.0.0.1: Address already in use"
        "; 0 takes what is free\n"
    )


def test_a_ready_file_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "none" / "ready.json"
    result = invoke("serve", "--ready-file", str(path), "--workers", "0")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"mockconnect serve: --ready-file: {path} cannot be written: No such file or directory",
        "mockconnect serve: --workers: expected from 1 to 100 workers, found 0",
    ]


def test_an_unknown_option_is_refused() -> None:
    result = invoke("serve", "--worker", "3")
    assert result.exit_code == 2
    assert "--worker" in result.stderr.splitlines()[-1]


def test_version() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert version("mockconnect") in result.output


# --- healthcheck ------------------------------------------------------------------------------------------------------


@contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """URL of a server that knows these paths and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status_code, body = answers.get(self.path, (404, "<html>not found</html>"))
            self.send_response(status_code)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_healthy_worker_is_healthy() -> None:
    with mockconnect.start(workers=1) as cluster:
        assert invoke("healthcheck", "--url", cluster.url).exit_code == 0
        assert invoke("healthcheck", "--url", cluster.url + "/").exit_code == 0


def test_a_worker_without_a_health_endpoint_is_judged_by_its_root() -> None:
    with answering({"/": (200, '{"version":"3.8.0","commit":"x","kafka_cluster_id":"y"}')}) as url:
        assert invoke("healthcheck", "--url", url).exit_code == 0


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"/health": (503, '{"status":"starting","message":"Worker is still starting up."}')}, "503 Worker is still starting up."),
        ({"/health": (500, '{"status":"unhealthy","message":"Worker was unable"}')}, "500 Worker was unable"),
        ({"/health": (200, '{"status":"UP"}')}, "200 this is no Kafka Connect worker"),
        ({"/health": (200, "OK")}, "200 this is no Kafka Connect worker"),
        ({}, "404 this is no Kafka Connect worker"),
        ({"/": (200, '{"hello":"world"}')}, "200 this is no Kafka Connect worker"),
        ({"/": (200, '{"version":"4.3.1","commit":"x"}')}, "Kafka Connect 4.3.1 answers, but not on /health"),
    ],
    ids=["starting", "unhealthy", "other", "text", "nothing", "other root", "too new"],
)  # fmt: skip
def test_anything_else_is_not_healthy(answers: dict[str, tuple[int, str]], reason: str) -> None:
    with answering(answers) as url:
        result = invoke("healthcheck", "--url", url)
    assert (result.exit_code, result.stderr) == (1, f"{url}: {reason}\n")


def test_nobody_there_is_not_healthy() -> None:
    with closing(reserve()) as refusing:
        url = f"http://127.0.0.1:{refusing.port}"
        result = invoke("healthcheck", "--url", url)
    assert (result.exit_code, result.stderr) == (1, f"{url}: Connection refused\n")


def test_a_frozen_worker_is_not_healthy() -> None:
    with mockconnect.start(workers=1) as cluster:
        cluster.freeze(0)
        result = invoke("healthcheck", "--url", cluster.url, "--timeout", "0.2")
    assert result.exit_code == 1
    assert "timed out" in result.stderr


def test_without_a_url_the_port_of_serve_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with mockconnect.start(workers=1) as cluster:
        monkeypatch.setenv("MOCKCONNECT_PORT", cluster.url.rpartition(":")[2])
        monkeypatch.setenv("MOCKCONNECT_HOST", "localhost")
        assert invoke("healthcheck").exit_code == 0


def test_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with mockconnect.start(workers=1) as cluster:
        assert invoke("healthcheck", "--url", cluster.url).exit_code == 0


# --- the container ----------------------------------------------------------------------------------------------------


def dockerfile() -> dict[str, str]:
    """The last instruction of each kind in the final stage, lines joined."""
    text = (Path(__file__).parent.parent / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text[text.rindex("FROM ") :]
    return {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in stage.splitlines() if line[:1].isupper()}


def test_the_container_runs_as_nobody_and_what_it_runs_exists(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = dockerfile()
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image["USER"])
    assert json.loads(image["ENTRYPOINT"]) + json.loads(image["CMD"]) == ["mockconnect", "serve"]
    assert json.loads(image["HEALTHCHECK"].partition("CMD ")[2]) == ["mockconnect", "healthcheck"]
    variables = dict(pair.split("=", 1) for pair in image["ENV"].split() if pair.startswith("MOCKCONNECT_"))
    first = int(variables.pop("MOCKCONNECT_PORT"))
    assert image["EXPOSE"].split() == [
        str(first + number) for number in range(int(variables["MOCKCONNECT_WORKERS"]))
    ]
    served = serving(**variables)
    assert served.ready["workers"][2]["worker_id"].startswith("localhost:")
    monkeypatch.setenv("MOCKCONNECT_PORT", served.urls[0].rpartition(":")[2])
    assert invoke("healthcheck").exit_code == 0
