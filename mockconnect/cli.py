"""The command line: ``mockconnect`` and its commands.

Rules of this room: nothing is done here. What is heavy is imported by the command that needs it: a health check must not
cost what a cluster costs.
"""

from __future__ import annotations

import click

from mockconnect.cli_capture import capture
from mockconnect.cli_chaos import chaos
from mockconnect.cli_control import ctl
from mockconnect.cli_health import healthcheck
from mockconnect.cli_run import run
from mockconnect.cli_scenarios import scenarios
from mockconnect.cli_serve import serve
from mockconnect.commands import plugins, schema, seed


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="mockconnect")
def main() -> None:
    """A stateful simulator of an Apache Kafka Connect cluster."""


for _command in (capture, chaos, ctl, healthcheck, plugins, schema, seed, run, scenarios, serve):
    main.add_command(_command)

if __name__ == "__main__":
    main()
