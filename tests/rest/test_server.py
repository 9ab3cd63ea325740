"""Complete answers over sockets: the rules that hold for every endpoint, the states of a port, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import re
import socket
import time

import pytest
from served import FILE_SOURCE, SECONDS, ServedCluster, answer, request, served, source

from mockconnect.core.connect import Rest
from mockconnect.core.errors import ConnectError
from mockconnect.core.requests import Signature
from mockconnect.core.sim import Reply
from mockconnect.rest import connection
from mockconnect.rest.clock import PER_REQUEST_MS, Pace
from mockconnect.rest.ports import reserve

JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html;charset=iso-8859-1"
NO_CACHE = "Cache-Control: must-revalidate,no-cache,no-store"
PHRASES = {404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 415: "Unsupported Media Type"}
CONFIG = json.dumps({"connector.class": FILE_SOURCE, "topic": "t"}).encode()


def error(status_code: int, reason: str, message: str, *headers: str) -> str:
    """A complete error answer of Connect."""
    body = json.dumps(
        {"error_code": status_code, "message": message}, separators=(",", ":"), ensure_ascii=False
    )
    return answer(f"{status_code} {reason}", *headers, f"Content-Length: {len(body.encode())}", body=body)


def refused(status_code: int) -> str:
    """What Jersey answers before a resource is chosen."""
    return error(status_code, PHRASES[status_code], f"HTTP {status_code} {PHRASES[status_code]}")


def page(status_code: int, reason: str, message: str, uri: str, *last: str) -> str:
    """A complete page of Jetty 12."""
    shown = message.replace("'", "&apos;")
    body = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        f"<title>Error {status_code} {shown}</title>\n</head>\n<body>\n<h2>HTTP ERROR {status_code} {shown}</h2>\n"
        f"<table>\n<tr><th>URI:</th><td>{uri}</td></tr>\n<tr><th>STATUS:</th><td>{status_code}</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{shown}</td></tr>\n</table>\n"
        '<hr/><a href="https://jetty.org/">Powered by Jetty:// 12.0.34</a><hr/>\n\n</body>\n</html>\n'
    )
    return answer(f"{status_code} {reason}", NO_CACHE, HTML, f"Content-Length: {len(body)}", *last, body=body)


# --- before a resource is chosen --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "headers", "status_code"),
    [
        ("GET", "/nope", (), 404),
        ("POST", "/nope", ("Content-Type: text/plain", "Accept: text/html"), 404),
        ("OPTIONS", "/nope", (), 404),
        ("FOO", "/nope", (), 404),
        ("PUT", "/connectors", ("Accept: text/html",), 405),
        ("TRACE", "/", (), 405),
        ("FOO", "/connectors/x", (), 405),
        ("get", "/", (), 405),
        ("POST", "/?_method=GET", ("X-HTTP-Method-Override: GET",), 405),
        ("GET", "/connectors", ("Content-Type: text/plain",), 415),
        (
            "DELETE",
            "/connectors/x",
            ("Content-Type: application/x-www-form-urlencoded", "Accept: text/html"),
            415,
        ),
        ("GET", "/connectors", ("Accept: text/html",), 406),
        ("GET", "/", ("Accept: application/*+json",), 406),
    ],
)
async def test_refusals_without_a_type(
    method: str, target: str, headers: tuple[str, ...], status_code: int
) -> None:
    async with served() as cluster:
        assert await cluster.ask(method, target, *headers) == refused(status_code)


async def test_root_health_and_internal_endpoints_take_any_type() -> None:
    async with served() as cluster:
        for target in ("/", "/health"):
            assert (await cluster.ask("GET", target, "Content-Type: text/plain")).startswith(
                "HTTP/1.1 200 OK"
            )
        seen = await cluster.ask("PUT", "/connectors/x/fence", "Content-Type: text/plain")
        assert seen == error(400, "Bad Request", "Internal request missing required signature", JSON)


@pytest.mark.parametrize(
    "content_type", ["garbage", "", "application/json, text/plain", "application/", "; charset=x"]
)
async def test_unreadable_content_types(content_type: str) -> None:
    async with served() as cluster:
        for target in ("/nope", "/connectors"):
            seen = await cluster.ask("GET", target, f"Content-Type: {content_type}")
            assert seen == page(400, "Bad Request", "Bad Request", f"http://h:1{target}")
        for method, target in (("PUT", "/connectors/x/pause"), ("OPTIONS", "/connectors")):
            seen = await cluster.ask(method, target, f"Content-Type: {content_type}")
            assert seen == answer("400 Bad Request", NO_CACHE, "Content-Length: 0")


async def test_two_content_types_are_one_too_many() -> None:
    async with served() as cluster:
        seen = await cluster.ask("PUT", "/connectors/x/pause", JSON, "Content-Type: text/plain")
        assert seen == answer("400 Bad Request", NO_CACHE, "Content-Length: 0")


async def test_unreadable_accept() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", "Accept: application/json;q=abc")
        assert seen == answer("400 Bad Request", NO_CACHE, "Content-Length: 0")


@pytest.mark.parametrize(
    ("accept", "produced"),
    [
        ("", "application/json"),
        ("application/json", "application/json"),
        ("application/json;charset=utf-8", "application/json;charset=utf-8"),
        ("text/html, application/json;q=0", "application/json"),
    ],
)
async def test_parameters_of_accept_come_back(accept: str, produced: str) -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", f"Accept: {accept}")
        assert seen == answer("200 OK", f"Content-Type: {produced}", "Content-Length: 2", body="[]")


async def test_several_accept_headers_are_one_list() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", "Accept: text/html", "Accept: application/json")
        assert seen == answer("200 OK", JSON, "Content-Length: 2", body="[]")


@pytest.mark.parametrize("accept", [(), ("Accept: */*",)])
async def test_options(accept: tuple[str, ...]) -> None:
    async with served() as cluster:
        seen = await cluster.ask("OPTIONS", "/connectors/x/config", *accept)
        allow = "HEAD,GET,OPTIONS,PUT,PATCH"
        text = allow.replace(",", ", ")
        headers = ("Content-Type: text/plain", f"Allow: {allow}", "Content-Length: 30")
        assert seen == answer("200 OK", *headers, body=text)


@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/vnd.sun.wadl+xml"])
async def test_options_in_another_type_are_empty(accept: str) -> None:
    async with served() as cluster:
        seen = await cluster.ask("OPTIONS", "/connectors", "Content-Type: text/plain", f"Accept: {accept}")
        headers = ("Allow: HEAD,POST,GET,OPTIONS", f"Content-Type: {accept}", "Content-Length: 0")
        assert seen == answer("200 OK", *headers)


# --- what Jetty refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("//connectors", "Ambiguous URI empty segment"),
        ("/connectors/a%2Fb", "Ambiguous URI path separator"),
        ("/connectors/a%25b", "Ambiguous URI path encoding"),
        ("/connectors/%2e%2E", "Ambiguous URI path segment"),
        ("/connectors/ü", "Illegal Path Character"),
        ("/connectors/a\\b", "Suspicious Path Character, Illegal Path Character"),
    ],
)
async def test_targets_that_jetty_takes_for_dangerous(target: str, message: str) -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", target)
        assert seen == page(400, "Bad Request", message, "/badURI", "Connection: close")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("GET /connectors/%ZZ HTTP/1.1", "Bad Request"),
        ("GET /.. HTTP/1.1", "Bad Request"),
        ("CONNECT / HTTP/1.1", "Bad Request"),
        ("GET /connectors/a b HTTP/1.1", "Illegal character SPACE=' '"),
    ],
)
async def test_request_lines_that_jetty_cannot_read(line: str, message: str) -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(f"{line}\r\nHost: h\r\n\r\n".encode())
        assert await peer.answer() == page(400, "Bad Request", message, "/badMessage")
        assert await peer.ended()


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (("Host: ",), "Blank Host"),
        (("Host: bad host",), "Bad HostPort"),
        (("Host: h", "Content-Length: abc"), "Invalid Content-Length Value"),
        (("Host: h", "Bad Name: x"), "Illegal character SPACE=' '"),
    ],
)
async def test_headers_that_jetty_refuses(headers: tuple[str, ...], message: str) -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", *headers, host="")
        assert seen == page(400, "Bad Request", message, "/connectors", "Connection: close")


async def test_another_authority() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "http://elsewhere/connectors")
        assert seen == page(
            400, "Bad Request", "Authority!=Host", "http://elsewhere/connectors", "Connection: close"
        )


@pytest.mark.parametrize("length", [8_300, 70_000])
async def test_long_request_lines(length: int) -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/" + "a" * length)
        assert seen == page(414, "URI Too Long", "URI Too Long", "/badMessage")


@pytest.mark.parametrize("length", [8_200, 70_000])
async def test_long_headers(length: int) -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/", "X-Long: " + "b" * length)
        text = "Request Header Fields Too Large"
        assert seen == page(431, text, text, "/", "Connection: close")
        assert (await cluster.ask("GET", "/", "X-Long: " + "b" * 7_900)).startswith("HTTP/1.1 200 OK")


async def test_many_headers_are_no_problem() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", *[f"X-{n}: {n}" for n in range(500)])
        assert seen == answer("200 OK", JSON, "Content-Length: 2", body="[]")


# --- bodies of answers ------------------------------------------------------------------------------------------------


async def test_success_with_an_entity() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/health")
        text = (
            '{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}'
        )
        assert seen == answer("200 OK", JSON, "Content-Length: 94", body=text)


async def test_created_and_replaced() -> None:
    async with served() as cluster:
        created = await cluster.ask("PUT", "/connectors/l%20m/config", JSON, body=CONFIG, host="example.org")
        text = f'{{"name":"l m","config":{{"connector.class":"{FILE_SOURCE}","topic":"t","name":"l m"}},"tasks":[],"type":"source"}}'
        where = "Location: http://example.org/connectors/l%20m"
        assert created == answer("201 Created", where, JSON, f"Content-Length: {len(text)}", body=text)
        replaced = await cluster.ask("PUT", "/connectors/l%20m/config", JSON, body=CONFIG)
        assert replaced.startswith(answer("200 OK", JSON, "").partition("Content-Length")[0].rstrip())
        assert "Location" not in replaced


async def test_post_is_located_too() -> None:
    async with served(2) as cluster:
        follower = 1 if cluster.cluster.leader == "connect-0" else 0
        body = b'{"name":"n","config":' + CONFIG + b"}"
        created = await cluster.ask("POST", "/connectors", JSON, body=body, worker=follower)
        assert created.startswith("HTTP/1.1 201 Created\r\n")
        assert "\r\nLocation: http://h:1/connectors/n\r\nContent-Type: application/json\r\n" in created
        again = await cluster.ask("POST", "/connectors", JSON, body=body, worker=follower)
        assert again == error(409, "Conflict", "Connector n already exists", JSON)


async def test_a_name_that_makes_no_location() -> None:
    async with served() as cluster:
        seen = await cluster.ask("PUT", "/connectors/%7Bx%7D/config", JSON, body=CONFIG)
        assert seen == error(500, "Server Error", "The template variable 'x' has no value", JSON)
        assert await cluster.ask("GET", "/connectors") == answer(
            "200 OK", JSON, "Content-Length: 7", body='["{x}"]'
        )


async def test_success_without_an_entity() -> None:
    async with served(connectors=[source("c")]) as cluster:
        assert await cluster.ask("PUT", "/connectors/c/pause") == answer("202 Accepted", "Content-Length: 0")
        assert await cluster.ask("PUT", "/connectors/c/stop") == answer("204 No Content")
        assert await cluster.ask("DELETE", "/connectors/c") == answer("204 No Content")


async def test_restart_answers_with_or_without_a_plan() -> None:
    async with served(connectors=[source("c")]) as cluster:
        assert await cluster.ask("POST", "/connectors/c/restart") == answer("204 No Content")
        seen = await cluster.ask("POST", "/connectors/c/restart?includeTasks=true")
        assert seen.startswith(
            f"HTTP/1.1 202 Accepted\r\nServer: Jetty(12.0.34)\r\nDate: ...\r\n{JSON}\r\nContent-Length:"
        )


async def test_errors_of_a_resource() -> None:
    async with served() as cluster:
        assert await cluster.ask("GET", "/connectors/x") == error(
            404, "Not Found", "Connector x not found", JSON
        )
        seen = await cluster.ask("GET", "/connectors/x/tasks/abc/status")
        assert seen == error(404, "Not Found", "HTTP 404 Not Found", JSON)
        seen = await cluster.ask("GET", "/connectors/%F0%9F%98%80")
        body = '{"error_code":404,"message":"Connector \\uD83D\\uDE00 not found"}'
        assert seen == answer("404 Not Found", JSON, "Content-Length: 63", body=body)


async def test_head() -> None:
    async with served() as cluster:
        assert await cluster.ask("HEAD", "/connectors") == answer("200 OK", JSON, "Content-Length: 2")
        assert await cluster.ask("HEAD", "/connectors/x") == answer(
            "404 Not Found", JSON, "Content-Length: 52"
        )
        assert await cluster.ask("HEAD", "/nope") == answer("404 Not Found", "Content-Length: 49")
        assert await cluster.ask("HEAD", "/admin/loggers") == answer("200 OK", JSON, "Content-Length: 0")
        seen = await cluster.ask("HEAD", "/connectors/x%2Fy")
        assert seen == answer("400 Bad Request", NO_CACHE, HTML, "Content-Length: 455", "Connection: close")


async def test_long_bodies_are_chunked() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/admin/loggers")
        head, _, body = seen.partition("\r\n\r\n")
        assert f"{head}\r\n\r\n" == answer("200 OK", JSON, "Transfer-Encoding: chunked")
        assert "root" in json.loads(body)


async def test_long_bodies_end_with_a_closing_connection() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/admin/loggers", "Connection: close")
        head, _, body = seen.partition("\r\n\r\n")
        assert f"{head}\r\n\r\n" == answer("200 OK", JSON, "Connection: close")
        assert "root" in json.loads(body)


async def test_jetty_9_names_itself_last() -> None:
    async with served(version="3.9.1") as cluster:
        server = "Server: Jetty(9.4.57.v20241219)"
        assert await cluster.ask("GET", "/connectors") == (
            f"HTTP/1.1 200 OK\r\nDate: ...\r\n{JSON}\r\nContent-Length: 2\r\n{server}\r\n\r\n[]"
        )
        body = "<h1>Bad Message 400</h1><pre>reason: Bad Request</pre>"
        assert await cluster.ask("GET", "/connectors/%ZZ") == (
            f"HTTP/1.1 400 Bad Request\r\n{HTML}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{server}\r\n\r\n{body}"
        )


async def test_dates_are_virtual() -> None:
    async with served() as cluster:
        cluster.clock.advance(86_400_000)
        peer = await cluster.connect()
        await peer.send(request("GET", "/"))
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nDate: Fri, 02 Jan 2026 00:00:" in head


# --- bodies of requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [(), ("Content-Type: */*",), ("Content-Type: application/*",)])
async def test_bodies_that_nobody_reads(headers: tuple[str, ...]) -> None:
    async with served() as cluster:
        seen = await cluster.ask("POST", "/connectors", *headers, body=b"{}")
        assert seen == error(415, "Unsupported Media Type", "HTTP 415 Unsupported Media Type", JSON)


async def test_missing_bodies() -> None:
    text = 'Cannot invoke "org.apache.kafka.connect.runtime.rest.entities.{}" because "{}" is null'
    async with served() as cluster:
        seen = await cluster.ask("POST", "/connectors")
        assert seen == error(
            500, "Server Error", text.format("CreateConnectorRequest.name()", "createRequest"), JSON
        )
        for body in (b"null", b" "):
            seen = await cluster.ask("PATCH", "/connectors/x/offsets", JSON, body=body)
            assert seen == error(
                500, "Server Error", text.format("ConnectorOffsets.offsets()", "offsets"), JSON
            )
        seen = await cluster.ask("PATCH", "/connectors/x/offsets", JSON, body=b'{"offsets":[null]}')
        assert seen == error(500, "Server Error", text.format("ConnectorOffset.partition()", "offset"), JSON)


async def test_broken_json() -> None:
    async with served() as cluster:
        seen = await cluster.ask("PUT", "/connectors/x/config", JSON, body=b"{bad")
        suffix = "\\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
        text = f"Unexpected character ('b' (code 98)): was expecting double-quote to start field name{suffix}"
        body = f'{{"error_code":500,"message":"{text}"}}'
        assert seen == answer("500 Server Error", JSON, f"Content-Length: {len(body)}", body=body)


async def test_bodies_that_are_ignored_are_not_looked_at() -> None:
    async with served() as cluster:
        seen = await cluster.ask("PUT", "/connectors/x/pause", JSON, body=b"{bad")
        assert seen == error(404, "Not Found", "Unknown connector x", JSON)
        assert await cluster.ask("GET", "/connectors", body=b"{bad") == answer(
            "200 OK", JSON, "Content-Length: 2", body="[]"
        )


async def test_chunked_and_zipped_bodies() -> None:
    async with served() as cluster:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONFIG), CONFIG)
        headers = (JSON, "Transfer-Encoding: chunked", "Content-Encoding: gzip")
        seen = await cluster.ask("PUT", "/connectors/x/config", *headers, body=body)
        assert seen.startswith("HTTP/1.1 201 Created")


async def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SIZE_MAX", 1_000)
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(request("PUT", "/connectors/x/config", JSON, "Content-Length: 100000"))
        await peer.send(b"{" + b" " * 2_000)
        assert (await peer.answer()).startswith("HTTP/1.1 413 Payload Too Large\r\n")


# --- connections ------------------------------------------------------------------------------------------------------


async def test_a_connection_serves_many_requests() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        for _ in range(3):
            await peer.send(request("GET", "/connectors", "Connection: keep-alive"))
            assert await peer.answer() == answer("200 OK", JSON, "Content-Length: 2", body="[]")
        await peer.send(
            request("GET", "/connectors") + request("GET", "/nope") + request("PUT", "/connectors/x/pause")
        )
        assert await peer.answer() == answer("200 OK", JSON, "Content-Length: 2", body="[]")
        assert await peer.answer() == refused(404)
        assert await peer.answer() == error(404, "Not Found", "Unknown connector x", JSON)


async def test_a_connection_is_closed_on_request() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(request("GET", "/connectors", "Connection: close"))
        assert await peer.answer() == answer(
            "200 OK", JSON, "Content-Length: 2", "Connection: close", body="[]"
        )
        assert await peer.ended()


async def test_http_1_0() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(b"GET /connectors HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert await peer.answer() == answer(
            "200 OK", JSON, "Content-Length: 2", "Connection: keep-alive", body="[]"
        )
        await peer.send(b"GET /connectors HTTP/1.0\r\n\r\n")
        assert await peer.answer() == answer("200 OK", JSON, "Content-Length: 2", body="[]")
        assert await peer.ended()


async def test_a_request_in_pieces() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        octets = request("PUT", "/connectors/x/config", JSON, body=CONFIG)
        for at in range(0, len(octets), 40):
            await peer.send(octets[at : at + 40])
            await asyncio.sleep(0)
        assert (await peer.answer()).startswith("HTTP/1.1 201 Created")


async def test_garbage_is_answered_in_jettys_shape() -> None:
    async with served() as cluster:
        for octets, message in (
            (b"\x16\x03\x01\x02\x00\x01", "Illegal character CNTL=0x16"),
            (b"nonsense\r\n\r\n", "No URI"),
        ):
            peer = await cluster.connect()
            await peer.send(octets)
            assert await peer.answer() == page(400, "Bad Request", message, "/badMessage")
            assert await peer.ended()


async def test_an_unknown_verb_ends_the_connection_although_jetty_would_keep_it() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(request("FOO", "/"))
        assert await peer.answer() == refused(405)
        assert await peer.ended()


EXPECTS = "Expect: 100-continue"
CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_body_is_asked_for_when_it_is_wanted() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        headers = (JSON, "Expect: 100-continue", f"Content-Length: {len(CONFIG)}")
        await peer.send(request("PUT", "/connectors/x/config", *headers))
        async with asyncio.timeout(SECONDS):
            assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await peer.send(CONFIG)
        assert (await peer.answer()).startswith("HTTP/1.1 201 Created")


async def test_a_body_that_is_not_wanted_is_not_asked_for() -> None:
    async with served() as cluster:
        seen = await cluster.ask("GET", "/connectors", "Expect: 100-continue")
        assert seen == answer("200 OK", JSON, "Content-Length: 2", "Connection: close", body="[]")


async def test_jetty_12_asks_for_a_wanted_body_that_is_there_already() -> None:
    async with served() as cluster:
        peer = await cluster.connect()
        await peer.send(request("PUT", "/connectors/x/config", JSON, EXPECTS, body=CONFIG))
        assert await peer.answer() == CONTINUE
        assert (await peer.answer()).startswith("HTTP/1.1 201 Created")


@pytest.mark.parametrize(
    ("method", "target", "body", "seen"),
    [
        ("GET", "/connectors", None, ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]),
        ("GET", "/nope", None, ["HTTP/1.1 100 Continue", "HTTP/1.1 404 Not Found"]),
        ("POST", "/nope", b"{}", ["HTTP/1.1 404 Not Found"]),
        ("GET", "/connectors/%ZZ", None, ["HTTP/1.1 400 Bad Request"]),
    ],
    ids=["wanted by nobody", "path unknown", "there already", "refused before"],
)
async def test_jetty_9_asks_for_a_body_before_anybody_looks_at_the_request(
    method: str, target: str, body: bytes | None, seen: list[str]
) -> None:
    async with served(version="3.9.1") as cluster:
        peer = await cluster.connect()
        await peer.send(request(method, target, JSON, EXPECTS, body=body))
        answers = [await peer.answer() for _ in seen]
        assert [each.partition("\r\n")[0] for each in answers] == seen


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("4.3.1", "HTTP/1.1 417 Expectation Failed"),
        ("3.9.1", "HTTP/1.1 417 Expectation Failed"),
        ("4.2.0", ""),
        ("4.1.2", ""),
    ],
)
async def test_other_expectations_are_refused(version: str, expected: str) -> None:
    async with served(version=version) as cluster:
        peer = await cluster.connect()
        await peer.send(request("GET", "/", "Expect: cookies"))
        if expected:
            assert (await peer.answer()).startswith(expected)
        assert await peer.ended()


# --- internal endpoints -----------------------------------------------------------------------------------------------

BAD_MAC = "X-Connect-Authorization: AAAA"
ALGORITHM = "X-Connect-Request-Signature-Algorithm: {}"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ((), "400 Bad Request", "Internal request missing required signature"),
        ((BAD_MAC,), "400 Bad Request", "Internal request missing required signature"),
        ((ALGORITHM.format("HmacSHA256"),), "400 Bad Request", "Internal request missing required signature"),
        (
            (BAD_MAC, ALGORITHM.format("HmacSHA256")),
            "403 Forbidden",
            "Internal request contained invalid signature.",
        ),
        ((BAD_MAC, ALGORITHM.format("Nope")), "400 Bad Request", "Algorithm Nope not available"),
        (
            ("X-Connect-Authorization: !!!", ALGORITHM.format("Nope")),
            "400 Bad Request",
            "Algorithm Nope not available",
        ),
        ((BAD_MAC, ALGORITHM.format("")), "400 Bad Request", "Algorithm  not available"),
        (
            ("X-Connect-Authorization: !!!", ALGORITHM.format("HmacSHA256")),
            "400 Bad Request",
            "Illegal base64 character 21",
        ),
        (
            ("X-Connect-Authorization:", ALGORITHM.format("HmacSHA256")),
            "403 Forbidden",
            "Internal request contained invalid signature.",
        ),
        (
            (BAD_MAC, ALGORITHM.format("HmacMD5")),
            "400 Bad Request",
            "This worker does not support the 'HmacMD5' key signing algorithm used by other workers. This worker is"
            " currently configured to use: [HmacSHA256]. Check that all workers' configuration files permit the same set of"
            " signature algorithms, and correct any misconfigured worker and restart it.",
        ),
    ],
)
async def test_signatures(headers: tuple[str, ...], status: str, message: str) -> None:
    async with served(connectors=[source("known")]) as cluster:
        seen = await cluster.ask("PUT", "/connectors/known/fence", *headers)
        assert seen == error(int(status[:3]), status[4:], message, JSON)
        seen = await cluster.ask("POST", "/connectors/known/tasks", *headers, body=b'[{"a":"b"}]')
        assert seen == error(int(status[:3]), status[4:], message, JSON)


async def test_a_good_signature_is_accepted() -> None:
    async with served(connectors=[source("known")]) as cluster:
        node = cluster.cluster.workers["connect-0"].node
        assert node is not None
        assert node.herder.session_key is not None
        mac = Signature.sign(node.herder.session_key.key, b'[{"a":"b"}]').mac
        headers = (
            f"X-Connect-Authorization: {base64.b64encode(mac).decode()}",
            ALGORITHM.format("HmacSHA256"),
        )
        seen = await cluster.ask("POST", "/connectors/known/tasks", *headers, body=b'[{"a":"b"}]')
        assert seen == answer("204 No Content")


# --- the states of a port ---------------------------------------------------------------------------------------------


async def refuses(cluster: ServedCluster, worker: int = 0) -> bool:
    try:
        await cluster.connect(worker)
    except ConnectionRefusedError:
        return True
    return False


async def test_from_start_to_stop() -> None:
    async with served(started=False, pace=Pace.MANUAL) as cluster:
        worker = cluster.cluster.workers["connect-0"]
        assert await refuses(cluster)
        cluster.cluster.start()
        assert cluster.clock.run_until(lambda: worker.rest is Rest.JETTY_404)
        for target in ("/", "/health", "/connectors?a=b"):
            assert await cluster.ask("GET", target) == page(
                404, "Not Found", "Not Found", f"http://h:1{target}"
            )
        seen = await cluster.ask("GET", "/health", "Accept: application/json")
        body = '{\n"message":"Not Found",\n"url":"http://h:1/health",\n"status":"404"\n}'
        assert seen == answer("404 Not Found", NO_CACHE, JSON, f"Content-Length: {len(body)}", body=body)
        assert await cluster.ask("GET", "/a//b") == page(
            400, "Bad Request", "Ambiguous URI empty segment", "/badURI", "Connection: close"
        )
        assert cluster.clock.run_until(lambda: worker.rest is Rest.SERVING)
        assert await cluster.ask("GET", "/connectors") == answer(
            "200 OK", JSON, "Content-Length: 2", body="[]"
        )
        idle = await cluster.connect()
        worker.stop()
        assert worker.rest is Rest.STOPPING
        assert await cluster.ask("GET", "/nope") == page(404, "Not Found", "Not Found", "http://h:1/nope")
        assert await cluster.ask("PUT", "/nope") == answer("404 Not Found", NO_CACHE, "Content-Length: 0")
        cluster.clock.advance(5)
        assert await idle.ended()
        assert await refuses(cluster)


async def test_a_crash_resets_connections_and_a_start_listens_again() -> None:
    async with served(3) as cluster:
        worker = cluster.cluster.workers["connect-1"]
        idle = await cluster.connect(1)
        await idle.send(request("GET", "/connectors"))
        await idle.answer()
        worker.crash()
        with pytest.raises(ConnectionResetError):
            await idle.ended()
        assert await refuses(cluster, 1)
        assert (await cluster.ask("GET", "/connectors")).startswith("HTTP/1.1 200 OK")
        worker.start()
        assert await refuses(cluster, 1)
        assert cluster.clock.run_until(lambda: worker.rest is Rest.SERVING)
        assert (await cluster.ask("GET", "/connectors", worker=1)).startswith("HTTP/1.1 200 OK")


async def test_ports_change_their_mind_within_one_turn_of_the_loop() -> None:
    async with served(started=False, pace=Pace.MANUAL) as cluster:
        worker = cluster.cluster.workers["connect-0"]
        for _ in range(3):
            worker.start()
            assert cluster.clock.run_until(lambda: worker.rest is Rest.JETTY_404)
            worker.crash()
        assert await refuses(cluster)
        worker.start()
        assert cluster.clock.run_until(lambda: worker.rest is Rest.SERVING)
        assert (await cluster.ask("GET", "/connectors")).startswith("HTTP/1.1 200 OK")


async def test_a_crash_resets_open_requests() -> None:
    async with served(pace=Pace.MANUAL, connectors=[source("c")]) as cluster:
        cluster.cluster.block_herder("connect-0", 60_000)
        cluster.clock.advance(1)
        peer = await cluster.connect()
        await peer.send(request("GET", "/connectors/c"))
        status = await cluster.connect()
        await status.send(request("GET", "/connectors"))
        await status.answer()
        cluster.cluster.workers["connect-0"].crash()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await peer.answer()


@pytest.mark.parametrize(
    ("blocked_ms", "answered"), [(2_000, "HTTP/1.1 200 OK"), (65_000, "HTTP/1.1 500 Server Error")]
)
async def test_a_stop_gives_open_requests_sixty_seconds(blocked_ms: int, answered: str) -> None:
    async with served(pace=Pace.MANUAL, connectors=[source("c")]) as cluster:
        cluster.cluster.block_herder("connect-0", blocked_ms)
        cluster.clock.advance(1)
        peer, other = await cluster.connect(), await cluster.connect()
        await peer.send(request("GET", "/connectors/c"))
        await other.send(request("GET", "/connectors"))
        await other.answer()
        cluster.cluster.workers["connect-0"].stop()
        cluster.clock.advance(90_000)
        assert (await peer.answer()).startswith(answered)
        assert await peer.ended()


async def test_a_frozen_worker_accepts_and_says_nothing() -> None:
    async with served(pace=Pace.MANUAL) as cluster:
        worker = cluster.cluster.workers["connect-0"]
        worker.freeze()
        peers = [await cluster.connect() for _ in range(4)]
        for peer, line in zip(peers, ("GET /connectors", "GET /nope", "FOO /nope", "GET /a b"), strict=True):
            await peer.send(f"{line} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        for _ in range(20):
            await asyncio.sleep(0)
        cluster.clock.advance(60_000)
        assert cluster.cluster.requests.count == 0
        worker.thaw()
        assert await peers[0].answer() == answer("200 OK", JSON, "Content-Length: 2", body="[]")
        assert await peers[1].answer() == refused(404)
        assert await peers[2].answer() == refused(404)
        assert (await peers[3].answer()).startswith("HTTP/1.1 400 Bad Request")


async def test_the_end_of_a_frozen_worker_resets() -> None:
    async with served(pace=Pace.MANUAL) as cluster:
        worker = cluster.cluster.workers["connect-0"]
        worker.freeze()
        peer = await cluster.connect()
        await peer.send(request("GET", "/connectors"))
        for _ in range(20):
            await asyncio.sleep(0)
        worker.crash()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await peer.answer()


async def test_a_paced_request_to_a_frozen_worker_waits_for_whoever_thaws_it() -> None:
    async with served() as cluster:
        worker = cluster.cluster.workers["connect-0"]
        worker.freeze()
        thaw_at_ms = cluster.clock.now_ms + 30_000
        cluster.cluster.sim.at(thaw_at_ms, worker.thaw)
        assert (await cluster.ask("GET", "/nope")) == refused(404)
        assert cluster.clock.now_ms == thaw_at_ms


async def test_versions_count_from_the_next_start() -> None:
    async with served(version="3.8.0") as cluster:
        worker = cluster.cluster.workers["connect-0"]
        assert (await cluster.ask("GET", "/health")).startswith("HTTP/1.1 404 ")
        cluster.cluster.set_settings("connect-0", version=type(worker.settings.version).parse("4.3.1"))
        assert (await cluster.ask("GET", "/health")).startswith("HTTP/1.1 404 ")
        worker.crash()
        worker.start()
        assert cluster.clock.run_until(lambda: worker.rest is Rest.SERVING)
        assert (await cluster.ask("GET", "/health")).startswith("HTTP/1.1 200 ")


# --- ports ------------------------------------------------------------------------------------------------------------


def test_a_reserved_port_refuses_and_cannot_be_taken() -> None:
    reserved = reserve()
    try:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", reserved.port)) == errno.ECONNREFUSED
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", reserved.port))
        for _ in range(2):
            listening = reserved.listen()
            with socket.socket() as client:
                client.connect(("127.0.0.1", reserved.port))
            listening.close()
            reserved.listening_ended()
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", reserved.port)) == errno.ECONNREFUSED
    finally:
        reserved.close()


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="in use"):
            reserve("127.0.0.1", other.getsockname()[1])


# --- bugs, journal, end -----------------------------------------------------------------------------------------------


async def test_a_bug_of_ours_is_loud(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as cluster:
        worker = cluster.cluster.workers["connect-0"]
        monkeypatch.setattr(worker, "submit", lambda call: Reply.failed(ZeroDivisionError("oops")))
        seen = await cluster.ask("GET", "/connectors/x/status")
        head, _, body = seen.partition("\r\n\r\n")
        assert re.sub(r"\d+$", "N", head) == (
            "HTTP/1.1 500 Server Error\r\nServer: Jetty(12.0.34)\r\nDate: ...\r\nX-Mockconnect-Bug: 1\r\n"
            f"{JSON}\r\nContent-Length: N"
        )
        assert json.loads(body)["error_code"] == 500
        assert "ZeroDivisionError: oops" in json.loads(body)["message"]
        (bug,) = cluster.server.bugs
        assert (bug.request, bug.worker, bug.seed) == ("GET /connectors/x/status", "connect-0", 0)
        assert "seed 0" in caplog.text
        assert bug.trace.splitlines()[-1] in caplog.text


async def test_an_error_of_core_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as cluster:
        worker = cluster.cluster.workers["connect-0"]
        monkeypatch.setattr(worker, "submit", lambda call: Reply.failed(ConnectError(500, None)))
        seen = await cluster.ask("GET", "/connectors/x/status")
        assert seen == answer(
            "500 Server Error", JSON, "Content-Length: 33", body='{"error_code":500,"message":null}'
        )
        assert cluster.server.bugs == []


async def test_the_journal_is_told_everything() -> None:
    async with served(2) as cluster:
        now_ms = cluster.clock.now_ms
        await cluster.ask("GET", "/connectors?x", worker=1)
        await cluster.ask("FOO", "/nope")
        await cluster.ask("GET", "/a//b")
        rows = cluster.cluster.requests.rows()
        assert [(row.method, row.target, row.status_code, row.worker, row.at_ms) for row in rows] == [
            ("GET", "/connectors?x", 200, "connect-1", now_ms + PER_REQUEST_MS),
            ("FOO", "/nope", 404, "connect-0", now_ms + 2 * PER_REQUEST_MS),
            ("GET", "/a//b", 400, "connect-0", now_ms + 3 * PER_REQUEST_MS),
        ]


async def test_the_end_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockconnect.rest.door.SHUTDOWN_TIMEOUT_S", 10 * SECONDS)
    async with served(3, pace=Pace.MANUAL, connectors=[source("c")]) as cluster:
        cluster.cluster.block_herder("connect-0", 60_000)
        cluster.clock.advance(1)
        peers = [await cluster.connect() for _ in range(10)]
        for peer in peers:
            await peer.send(request("GET", "/connectors/c"))
        other = await cluster.connect(1)
        await other.send(request("GET", "/connectors"))
        await other.answer()
        began = time.monotonic()
        await cluster.server.stop()
        assert time.monotonic() - began < SECONDS
        for peer in peers:
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await peer.answer()
        assert await refuses(cluster)
