"""``mockconnect``: its commands, and nothing else."""

from __future__ import annotations

import click

from mockconnect.cli.capture import capture
from mockconnect.cli.chaos import chaos
from mockconnect.cli.commands import plugins, schema, seed
from mockconnect.cli.control import ctl
from mockconnect.cli.health import healthcheck
from mockconnect.cli.run import run
from mockconnect.cli.scenarios import scenarios
from mockconnect.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="mockconnect")
def main() -> None:
    """A stateful simulator of an Apache Kafka Connect cluster."""


for _command in (capture, chaos, ctl, healthcheck, plugins, schema, seed, run, scenarios, serve):
    main.add_command(_command)
