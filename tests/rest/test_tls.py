"""HTTPS listeners: certificates on both sides, the host they are made out for, and clients that never finish a handshake."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

import mockconnect
from mockconnect.cli.main import main
from mockconnect.hosting import RunningCluster
from mockconnect.options import OptionsError
from mockconnect.rest.door import Door
from mockconnect.rest.ports import reserve
from mockconnect.rest.tls import Tls

CERTIFICATES = Path(__file__).parents[1] / "conformance" / "certificates"
WORKER, AUTHORITY = CERTIFICATES / "worker.pem", CERTIFICATES / "authority.pem"


def context(identity: str | None = None) -> ssl.SSLContext:
    """That of a client who trusts the authority."""
    made = ssl.create_default_context(cafile=str(AUTHORITY))
    if identity:
        made.load_cert_chain(CERTIFICATES / f"{identity}.pem")
    return made


def ask(
    cluster: RunningCluster, path: str, *, identity: str | None = None, host: str = "", worker: int = 0
) -> tuple[int, str, str]:
    """Status, Location and body."""
    address = cluster.urls[worker].removeprefix("https://")
    connection = http.client.HTTPSConnection(address, context=context(identity), timeout=300)
    try:
        method = "PUT" if path.endswith("/config") else "GET"
        body = '{"connector.class":"FileStreamSource","topic":"t"}' if method == "PUT" else None
        headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    with mockconnect.start(workers=2, tls_cert=WORKER) as cluster:
        yield cluster
        assert cluster.bugs == []


def test_workers_speak_https_and_forward(cluster: RunningCluster) -> None:
    assert all(url.startswith("https://") for url in cluster.urls)
    assert json.loads(ask(cluster, "/")[2])["version"]
    host = cluster.urls[1].removeprefix("https://")
    assert ask(cluster, "/connectors/c/config", worker=1)[:2] == (201, f"https://{host}/connectors/c")


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("LOCALHOST:99", 200), ("example.org", 400), ("10.0.0.1", 400)]
)
def test_jetty_12_serves_the_hosts_of_its_certificate_only(
    cluster: RunningCluster, host: str, status: int
) -> None:
    found, _, body = ask(cluster, "/connectors", host=host)
    assert found == status
    assert ("<h2>HTTP ERROR 400 Invalid SNI</h2>" in body) == (status == 400)


def test_jetty_9_serves_any_host() -> None:
    with mockconnect.start(workers=1, tls_cert=WORKER, kafka_version="3.9.1") as cluster:
        assert ask(cluster, "/connectors", host="example.org")[0] == 200


def test_a_client_must_show_a_certificate_of_the_authority_that_is_named() -> None:
    with mockconnect.start(workers=1, tls_cert=WORKER, tls_client_ca=AUTHORITY) as cluster:
        assert ask(cluster, "/connectors", identity="client")[0] == 200
        for identity in (None, "stranger"):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(cluster, "/connectors", identity=identity)


def test_a_requested_certificate_may_be_missing() -> None:
    arguments = {"tls_cert": WORKER, "tls_client_ca": AUTHORITY, "tls_client_auth": "requested"}
    with mockconnect.start(workers=1, **arguments) as cluster:  # type: ignore[arg-type]
        assert ask(cluster, "/connectors")[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(cluster, "/connectors", identity="stranger")


def test_a_cluster_ends_while_somebody_has_not_begun_his_handshake(cluster: RunningCluster) -> None:
    host, _, port = cluster.url.removeprefix("https://").partition(":")
    with socket.create_connection((host, int(port))) as silent:
        assert ask(cluster, "/connectors")[0] == 200
        cluster.close()
        assert silent.recv(1) == b""


async def test_a_port_ends_at_the_moment_when_somebody_comes() -> None:
    """A socket that nobody closes is a warning, and so an error, when it is collected."""

    async def nobody(_: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError("nobody asks")

    port = reserve()
    door = Door(port, nobody, lambda _: None, Tls.of(WORKER))
    door.open()
    with socket.create_connection(("127.0.0.1", port.port)) as client:
        door._accept()
        await door.end()
        assert client.recv(1) == b""
    port.close()
    gc.collect()


def test_a_crash_breaks_connections(cluster: RunningCluster) -> None:
    address = cluster.url.removeprefix("https://")
    connection = http.client.HTTPSConnection(address, context=context(), timeout=300)
    connection.request("GET", "/connectors")
    assert connection.getresponse().read() == b"[]"
    cluster.crash(0)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        again(connection)
    connection.close()


def again(connection: http.client.HTTPSConnection) -> None:
    connection.request("GET", "/connectors")
    connection.getresponse()


@pytest.mark.parametrize(
    ("arguments", "where", "text"),
    [
        ({"tls_cert": "nowhere.pem"}, "tls_cert", "cannot be used: No such file or directory"),
        ({"tls_cert": AUTHORITY}, "tls_cert", "cannot be used: "),
        ({"tls_key": WORKER}, "tls_key", "is of no use without tls_cert"),
        ({"tls_cert": WORKER, "tls_client_auth": "requested"}, "tls_client_ca", "missing: "),
        ({"tls_cert": WORKER, "tls_client_auth": "wanted"}, "tls_client_auth", "expected one of none, "),
    ],
)
def test_mistakes_are_told(arguments: dict[str, object], where: str, text: str) -> None:
    with pytest.raises(OptionsError) as refused:
        mockconnect.start(workers=1, **arguments)  # type: ignore[arg-type]
    (problem,) = refused.value.problems
    assert problem.where == where
    assert problem.text.startswith(text)


def test_a_certificate_tells_its_names() -> None:
    tls = Tls.of(CERTIFICATES / "elsewhere.pem")
    assert tls.fits("ELSEWHERE.example:8083")
    assert not tls.fits("elsewhere.example.org")
    assert Tls(tls.context, ("*.example.org",)).fits("a.example.org")
    assert not Tls(tls.context, ("*.example.org",)).fits("a.b.example.org")


def test_the_health_check_shows_the_workers_own_certificate() -> None:
    with mockconnect.start(workers=1, tls_cert=WORKER, tls_client_ca=AUTHORITY, clock="real") as cluster:
        command = ["healthcheck", "--url", cluster.url]
        assert CliRunner().invoke(main, command, env={"MOCKCONNECT_TLS_CERT": str(WORKER)}).exit_code == 0
        assert CliRunner().invoke(main, command).exit_code == 1
