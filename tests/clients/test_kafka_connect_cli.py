"""kafka-connect-cli 0.2.5 (requests, argparse): a command line for scripts and health checks.

It comes from a folder of its own (see `kafka_connect_cli_home`) and runs as a program, once per command.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import SINK_CLASS, CommandLine, Eventually, Ran, Settle


@pytest.fixture
def cli(kafka_connect_cli: CommandLine, follower_url: str) -> CommandLine:
    return lambda *args: kafka_connect_cli(*args, "--url", follower_url)


def test_life_cycle(
    cli: CommandLine,
    name: str,
    sink_config: dict[str, str],
    tmp_path: Path,
    eventually: Eventually,
    settle: Settle,
) -> None:
    def connector(verb: str, *args: str) -> Ran:
        return cli("connector", verb, "--name", name, *args)

    def seen(state: str) -> dict[str, object]:
        return {"connector": name, "state": state, "failedTasks": []}

    config = {**sink_config, "name": name}
    created = connector("create", "--configuration", json.dumps(sink_config))
    assert created.json == {"name": name, "config": config, "tasks": [], "type": "sink"}

    # Until the first status is written, the command fails.
    eventually(lambda: connector("get"), lambda ran: ran.exit_code == 0 and ran.json == seen("RUNNING"))
    running = [{"taskId": task, "state": "RUNNING", "trace": ""} for task in (0, 1)]
    eventually(
        lambda: cli("task", "list", "--connector", name),
        lambda ran: ran.exit_code == 0 and ran.json == running,
    )
    settle()

    assert seen("RUNNING") in cli("connector", "list").json
    assert connector("configuration").json == config
    assert cli("health-check").exit_code == 0

    # With --if-not-exists an existing connector is left alone.
    assert connector("create", "--if-not-exists", "--configuration", "{}").json is None

    assert connector("pause") == Ran(0, "")
    settle()
    assert connector("get").json == seen("PAUSED")
    assert cli("health-check").exit_code == 0
    assert connector("resume") == Ran(0, "")
    settle()
    assert connector("get").json == seen("RUNNING")

    # Resuming what runs changes nothing.
    assert connector("resume") == Ran(0, "")
    settle()
    assert connector("get").json == seen("RUNNING")

    assert connector("restart") == Ran(0, "")
    settle()
    assert cli("task", "restart", "--connector", name, "--task", "1") == Ran(0, "")
    settle()
    assert cli("task", "list", "--connector", name).json == running

    # A new config, from a file: one task fewer.
    config["tasks.max"] = "1"
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    assert connector("update", "--configuration-file", str(file)).json["config"] == config
    settle()
    assert cli("task", "list", "--connector", name).json == running[:1]

    assert connector("delete") == Ran(0, "")
    settle()
    assert seen("RUNNING") not in cli("connector", "list").json


def test_errors(
    cli: CommandLine, follower_url: str, name: str, source_config: dict[str, str], settle: Settle
) -> None:
    def said(verb: str, url: str, status_code: int, message: str) -> Ran:
        body = json.dumps({"error_code": status_code, "message": message}, separators=(",", ":"))
        return Ran(1, f"Error: {verb} {follower_url}{url}: response status: {status_code}, message: {body}")

    assert cli("connector", "get", "--name", "cl-none") == said(
        "GET", "/connectors/cl-none/status", 404, "No status found for connector cl-none"
    )
    assert cli("connector", "delete", "--name", "cl-none") == said(
        "DELETE", "/connectors/cl-none", 404, "Connector cl-none not found"
    )
    assert cli("task", "restart", "--connector", "cl-none", "--task", "0") == said(
        "POST", "/connectors/cl-none/tasks/0/restart", 404, "Unknown connector: cl-none"
    )

    created = cli("connector", "create", "--name", name, "--configuration", json.dumps(source_config))
    assert created.exit_code == 0
    settle()

    # This client looks for the connector before it creates one, so Connect never gets to say 409.
    twice = cli("connector", "create", "--name", name, "--configuration", json.dumps(source_config))
    assert twice == Ran(1, f"Error: Connector {name} already exists")

    no_topics = json.dumps({"connector.class": SINK_CLASS, "tasks.max": "1"})
    invalid = cli("connector", "update", "--name", name, "--configuration", no_topics)
    assert invalid == said(
        "PUT",
        f"/connectors/{name}/config",
        400,
        "Connector configuration is invalid and contains the following 2 error(s):\n"
        "Must configure one of topics or topics.regex\n"
        "Must configure one of topics or topics.regex\n"
        "You can also find the above list of errors at the endpoint"
        " `/connector-plugins/{connectorType}/config/validate`",
    )


def test_health_check_of_nobody(kafka_connect_cli: CommandLine) -> None:
    # Port 1 of this machine: nobody listens there.
    ran = kafka_connect_cli("health-check", "--verbose", "--url", "http://127.0.0.1:1")
    assert ran == Ran(2, "Connection to http://127.0.0.1:1 refused")
