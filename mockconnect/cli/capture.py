"""``mockconnect capture``: a real cluster into a cluster file.

Rules of this room: only what the command line says is read here; how a cluster is asked is the business of ``capture``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mockconnect.cli.options import option


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it.",
)
@option("--timeout", "Seconds to wait for one answer, with all repetitions.", default=30.0, type=float)
@option("--user", "For basic authentication.", default=None, metavar="NAME:PASSWORD")
@option("--ca", "Certificates to trust, as PEM.", default=None, metavar="FILE")
@option("--cert", "Certificate of this client, as PEM.", default=None, metavar="FILE")
@option("--key", "Key of that certificate, as PEM.", default=None, metavar="FILE")
@option("--insecure", "Trust every certificate.", is_flag=True)
def capture(
    urls: Sequence[str],
    output: Path,
    timeout: float,
    user: str | None,
    ca: str | None,
    cert: str | None,
    key: str | None,
    insecure: bool,
) -> None:
    """Read a real cluster into a file.

    serve, start() and the fixture can begin with it. Give the URL of every worker, or one of a balancer. Only GET requests are sent, secrets are masked. An environment
    variable is best for the password.
    """
    from mockconnect.capture.asking import Access  # noqa: PLC0415 - heavy
    from mockconnect.capture.cluster import CaptureError  # noqa: PLC0415 - heavy
    from mockconnect.capture.command import capture_to_file  # noqa: PLC0415 - heavy

    name, _, password = (user or "").partition(":")
    access = Access(timeout, name or None, password, ca, cert, key, insecure)
    try:
        click.echo(capture_to_file(urls, output, access))
    except CaptureError as error:
        for problem in error.problems:
            click.echo(f"mockconnect capture: {problem}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
