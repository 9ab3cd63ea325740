"""kpops 12.0.3 (asyncio, httpx2, pydantic): its Connect client, and its commands that use it.

Its models are strict: a field or a state that they do not know is an error, so they check our shapes as well.
"""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from kpops.component_handlers.kafka_connect.exception import (
    ConnectorNotFoundException,
    KafkaConnectConnectionError,
    KafkaConnectError,
)
from kpops.component_handlers.kafka_connect.kafka_connect_api import KafkaConnect
from kpops.component_handlers.kafka_connect.model import (
    ConnectorNewState,
    ConnectorStatusResponse,
    KafkaConnectorConfig,
)
from kpops.config import KafkaConnectConfig
from pydantic import AnyHttpUrl, ValidationError

from .conftest import POLLS_MAX, SINK_CLASS, Ran, Target, run


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[KafkaConnect]:
    connect = KafkaConnect(KafkaConnectConfig(url=AnyHttpUrl(url)))
    try:
        yield connect
    finally:
        # kpops leaves its connections to the end of the process; a test must not.
        await connect._client.aclose()


def connector_config(name: str, config: dict[str, str]) -> KafkaConnectorConfig:
    return KafkaConnectorConfig.model_validate({**config, "name": name})


def states(status: ConnectorStatusResponse) -> tuple[str, list[str]]:
    return status.connector.state.value, [task.state.value for task in status.tasks]


async def until_running(
    connect: KafkaConnect, target: Target, name: str, tasks: int
) -> ConnectorStatusResponse:
    """Polls as a deployment does: no status yet is no error.

    UNASSIGNED, the state between a stop and the next start, is missing in the models of kpops.
    """
    for _ in range(POLLS_MAX):
        try:
            status = await connect.get_connector_status(name)
            if states(status) == ("RUNNING", ["RUNNING"] * tasks):
                return status
        except ConnectorNotFoundException:
            pass
        except ValidationError as error:
            if "UNASSIGNED" not in str(error):
                raise
        target.pause()
    raise AssertionError(f"{name} is not running after {POLLS_MAX} polls")


def play(target: Target, story: Callable[[KafkaConnect], Awaitable[None]]) -> None:
    """Runs one asynchronous story in an event loop of its own."""

    async def told() -> None:
        async with connected(target.follower_url) as connect:
            await story(connect)

    asyncio.run(told())


def test_life_cycle(target: Target, name: str, sink_config: dict[str, str]) -> None:
    config = connector_config(name, sink_config)

    async def story(connect: KafkaConnect) -> None:
        assert await connect.validate_connector_config(config) == []

        created = await connect.create_connector(config)
        assert created is not None
        assert (created.name, created.type, created.tasks) == (name, "sink", [])
        assert created.config == config

        running = await until_running(connect, target, name, tasks=2)
        assert {task.worker_id for task in running.tasks} <= target.worker_ids
        target.settle()
        shown = await connect.get_connector(name)
        assert [(task.connector, task.task) for task in shown.tasks] == [(name, 0), (name, 1)]
        assert shown.config == config

        # Resuming what runs changes nothing.
        await connect.resume_connector(name)
        target.settle()
        assert await connect.get_connector_status(name) == running

        await connect.pause_connector(name)
        target.settle()
        assert states(await connect.get_connector_status(name)) == ("PAUSED", ["PAUSED", "PAUSED"])
        await connect.resume_connector(name)
        target.settle()
        assert await connect.get_connector_status(name) == running

        # A new config: one task fewer.
        smaller = connector_config(name, {**sink_config, "tasks.max": "1"})
        updated = await connect.update_connector_config(smaller)
        assert updated is not None
        assert updated.config == smaller
        await until_running(connect, target, name, tasks=1)
        target.settle()

        await connect.stop_connector(name)
        target.settle()
        assert states(await connect.get_connector_status(name)) == ("STOPPED", [])
        await connect.reset_offset(name)

        await connect.delete_connector(name)
        target.settle()
        with pytest.raises(ConnectorNotFoundException):
            await connect.get_connector_status(name)

    play(target, story)


def test_initial_state(target: Target, name: str, source_config: dict[str, str]) -> None:
    async def story(connect: KafkaConnect) -> None:
        await connect.create_connector(connector_config(name, source_config), ConnectorNewState.PAUSED)
        target.settle()
        assert states(await connect.get_connector_status(name)) == ("PAUSED", [])
        await connect.resume_connector(name)
        await until_running(connect, target, name, tasks=1)

    play(target, story)


def test_pipeline_commands(target: Target, name: str, source_config: dict[str, str], tmp_path: Path) -> None:
    """`kpops deploy`, `reset` and `destroy` of a pipeline that is one connector."""
    pipeline = tmp_path / name / "pipeline.yaml"
    pipeline.parent.mkdir()
    (tmp_path / "config.yaml").write_text(
        f"kafka_brokers: 127.0.0.1:1\nkafka_connect:\n  url: {target.follower_url}\n"
    )
    deployed = f"{name}-lines"

    def kpops(command: str, *options: str, state: str = "running") -> Ran:
        component = {
            "type": "kafka-source-connector",
            "name": "lines",
            "state": state,
            "config": source_config,
        }
        pipeline.write_text(yaml.safe_dump([component]))
        script = str(Path(sysconfig.get_path("scripts")) / "kpops")
        return run([script, command, str(pipeline), *options], folder=tmp_path)

    async def story(connect: KafkaConnect) -> None:
        # A dry run only asks: whether the connector is there, and whether its config is valid.
        assert kpops("deploy", "--dry-run").exit_code == 0
        with pytest.raises(ConnectorNotFoundException):
            await connect.get_connector(deployed)

        # Deployed three times: created, then updated and paused, then updated and resumed.
        assert kpops("deploy", "--execute").exit_code == 0
        await until_running(connect, target, deployed, tasks=1)
        target.settle()
        assert kpops("deploy", "--execute", state="paused").exit_code == 0
        target.settle()
        assert states(await connect.get_connector_status(deployed)) == ("PAUSED", ["PAUSED"])
        assert kpops("deploy", "--execute").exit_code == 0
        await until_running(connect, target, deployed, tasks=1)
        target.settle()

        # Reset: stopped, its offsets deleted, then the connector itself, without a wait in between.
        assert kpops("reset", "--execute").exit_code == 0
        target.settle()
        with pytest.raises(ConnectorNotFoundException):
            await connect.get_connector(deployed)

        # Destroyed when there is nothing left to destroy.
        assert kpops("destroy", "--execute").exit_code == 0

        # A config that Connect does not take ends the command.
        del source_config["topic"]
        assert kpops("deploy", "--dry-run").exit_code == 1
        assert kpops("deploy", "--execute").exit_code == 1

    play(target, story)


def test_errors(target: Target, name: str, source_config: dict[str, str]) -> None:
    config = connector_config(name, source_config)
    invalid = connector_config(name, {"connector.class": SINK_CLASS, "tasks.max": "dog"})

    async def story(connect: KafkaConnect) -> None:
        with pytest.raises(ConnectorNotFoundException):
            await connect.get_connector("cl-none")
        with pytest.raises(ConnectorNotFoundException):
            await connect.delete_connector("cl-none")
        with pytest.raises(KafkaConnectError, match="Unknown connector cl-none") as not_found:
            await connect.pause_connector("cl-none")
        assert not_found.value.error_code == 404

        # `create_connector` repeats on every 409 for ever, so a duplicate is asked for one level below.
        await connect.create_connector(config)
        target.settle()
        conflict = await connect.request("POST", "/connectors", json={"name": name, "config": source_config})
        assert conflict is not None
        assert conflict.status_code == 409
        assert conflict.json() == {"error_code": 409, "message": f"Connector {name} already exists"}

        with pytest.raises(KafkaConnectError, match="contains the following 4 error") as refused:
            await connect.update_connector_config(invalid)
        assert refused.value.error_code == 400
        assert await connect.validate_connector_config(invalid) == [
            f"Found error for field {field}: {error}"
            for field, error in (
                ("tasks.max", "Invalid value dog for configuration tasks.max: Not a number of type INT"),
                ("tasks.max", "Invalid value null for configuration tasks.max: Value must be non-null"),
                ("topics", "Must configure one of topics or topics.regex"),
                ("topics.regex", "Must configure one of topics or topics.regex"),
            )
        ]
        # Only a stopped connector's offsets can be reset.
        with pytest.raises(KafkaConnectError, match="must be in the STOPPED state") as running:
            await connect.reset_offset(name)
        assert running.value.error_code == 400

    play(target, story)


def test_nobody_there() -> None:
    async def story() -> None:
        # Port 1 of this machine: nobody listens there.
        async with connected("http://127.0.0.1:1") as connect:
            with pytest.raises(KafkaConnectConnectionError):
                await connect.get_connector("cl-none")

    asyncio.run(story())
