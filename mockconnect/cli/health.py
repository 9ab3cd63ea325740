"""``mockconnect healthcheck``: whether a worker is healthy, for containers and scripts.

Rules of this room: it must not cost what a cluster costs, so nothing of the simulator is imported.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from mockconnect.usual import WORKER_PORT

if TYPE_CHECKING:
    from urllib.request import HTTPSHandler

HEALTH_TIMEOUT_S: Final = 12.0
"""A little longer than the 10 s after which a worker itself says that it is not healthy."""


@click.command()
@click.option(
    "--url", envvar="MOCKCONNECT_URL", show_envvar=True, help="A worker; the first one of serve if left out."
)
@click.option("--timeout", default=HEALTH_TIMEOUT_S, show_default=True, help="Seconds to wait for an answer.")
@click.option(
    "--user",
    envvar="MOCKCONNECT_USER",
    show_envvar=True,
    metavar="NAME:PASSWORD",
    help="For basic authentication.",
)
def healthcheck(url: str | None, timeout: float, user: str | None) -> None:
    """Ask whether a Kafka Connect worker is healthy.

    Exit status: 0 if it is, 1 if not, with the reason.
    """
    if url is None:
        port = os.environ.get("MOCKCONNECT_PORT") or os.environ.get("CONNECT_REST_PORT") or WORKER_PORT
        host = os.environ.get("MOCKCONNECT_HOST") or "0.0.0.0"
        scheme = "https" if os.environ.get("MOCKCONNECT_TLS_CERT") else "http"
        url = f"{scheme}://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    headers = {} if not user else {"Authorization": f"Basic {b64encode(user.split()[0].encode()).decode()}"}
    reason = _unhealthy(lambda path: _get(f"{url.rstrip('/')}{path}", headers, timeout))
    if reason is not None:
        click.echo(f"{url}: {reason}", err=True)
        sys.exit(1)


Get = Callable[[str], tuple[int, Mapping[str, Any]]]


def _unhealthy(get: Get) -> str | None:
    """Why there is no healthy worker, or ``None``. Workers before 3.9 have no ``/health``; their root must do."""
    status_code, body = get("/health")
    if status_code == 404:
        return _unhealthy_root(*get("/"))
    message = body.get("message", "this is no Kafka Connect worker")
    return (
        None
        if status_code == 200 and body.get("status") == "healthy"
        else f"{status_code or ''} {message}".strip()
    )


def _unhealthy_root(status_code: int, body: Mapping[str, Any]) -> str | None:
    version = str(body.get("version", ""))
    if status_code != 200 or "commit" not in body or not version[:1].isdecimal():
        return f"{status_code or ''} {body.get('message', 'this is no Kafka Connect worker')}".strip()
    number = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return f"Kafka Connect {version} answers, but not on /health" if number >= (3, 9) else None


def _get(url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, Mapping[str, Any]]:
    """Status code (0: no answer) and JSON body (what could not be read is told as its message)."""
    from http.client import HTTPException  # noqa: PLC0415 - heavy
    from urllib.error import HTTPError  # noqa: PLC0415 - heavy
    from urllib.request import ProxyHandler, Request, build_opener  # noqa: PLC0415 - heavy

    try:
        with build_opener(ProxyHandler({}), *_tls_handlers(url)).open(
            Request(url, headers=dict(headers)), timeout=timeout_s
        ) as response:
            return response.status, _json(response.read())
    except HTTPError as error:
        with error:
            return error.code, _json(error.read())
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return 0, {"message": str(getattr(reason, "strerror", None) or reason)}


def _tls_handlers(url: str) -> list[HTTPSHandler]:
    """The worker is one's own, so whose certificate it shows does not matter; it may want to see the same one."""
    if not url.startswith("https:"):
        return []
    import ssl  # noqa: PLC0415 - heavy
    from urllib.request import HTTPSHandler  # noqa: PLC0415 - heavy

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    certificate = os.environ.get("MOCKCONNECT_TLS_CERT")
    if certificate:
        context.load_cert_chain(certificate, os.environ.get("MOCKCONNECT_TLS_KEY"))
    return [HTTPSHandler(context=context)]


def _json(body: bytes) -> Mapping[str, Any]:
    with suppress(ValueError):
        value = json.loads(body)
        if isinstance(value, dict):
            return value
    return {}
