"""What worker properties add: CORS, configured headers, basic authentication, admin listeners."""

from __future__ import annotations

import base64
import contextlib

import pytest
from served import answer, request, served

from mockconnect.core.errors import ConnectError
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.versions import KafkaVersion
from mockconnect.rest import java_base64
from mockconnect.rest.filters import (
    BASIC_AUTH_EXTENSION,
    USERS_PROPERTY,
    BasicAuth,
    Filters,
    HeaderRule,
    cors_of,
    header_rules,
)
from mockconnect.rest.jetty import Headers
from mockconnect.rest.ports import reserve

JSON = "Content-Type: application/json"
RULES = (
    'add X-One: 1, set X-Two:two words, "add Cache-Control: no-cache, no-store",'
    " setDate X-Date:1000, addDate X-Later:31536000000"
)
CORS = (
    ("access.control.allow.origin", "http://a.example,http://b.example"),
    ("access.control.allow.methods", "GET,POST,PUT"),
    ("response.http.headers.config", RULES),
)
CONFIGURED = (
    "X-One: 1",
    "X-Two: two words",
    "Cache-Control: no-cache, no-store",
    "X-Date: Thu, 01 Jan 2026 00:00:",
    "X-Later: Fri, 01 Jan 2027 00:00:",
)
ALLOWED = ("Vary: Origin", "Access-Control-Allow-Origin: http://a.example")
PREFLIGHT = (
    "Access-Control-Allow-Methods: GET,POST,PUT",
    "Access-Control-Allow-Headers: Content-Type",
    "Access-Control-Max-Age: 60",
)


def cut(seen: str) -> list[str]:
    """Header lines between the date and the type or length, seconds of dates cut off."""
    lines = seen.partition("\r\n\r\n")[0].split("\r\n")[3:]
    return [line[:-6] if line.startswith(("X-Date", "X-Later")) else line for line in lines]


@pytest.mark.parametrize(
    ("line", "headers", "added", "last"),
    [
        ("GET /nope", (), ("Vary: Origin",), ("Content-Length: 49",)),
        ("PUT /", (), ("Vary: Origin",), ("Content-Length: 58",)),
        ("GET /connectors/x", (), ("Vary: Origin",), (JSON, "Content-Length: 52")),
        ("HEAD /connectors", (), ("Vary: Origin",), (JSON, "Content-Length: 2")),
        ("PUT /connectors/x/topics/reset", (), ("Vary: Origin",), ("Content-Length: 0",)),
        ("GET /connectors", ("Origin: http://a.example",), ALLOWED, (JSON, "Content-Length: 2")),
        ("GET /nope", ("Origin: http://a.example",), ALLOWED, ("Content-Length: 49",)),
        ("GET /", ("Origin: http://a.example", "Accept: text/html"), ALLOWED, ("Content-Length: 54",)),
        (
            "GET /connectors",
            ("Origin: http://other.example",),
            ("Vary: Origin",),
            (JSON, "Content-Length: 2"),
        ),
        (
            "OPTIONS /connectors",
            ("Origin: http://a.example", "Access-Control-Request-Method: DELETE"),
            (*ALLOWED, *PREFLIGHT),
            ("Content-Type: text/plain", "Allow: HEAD,POST,GET,OPTIONS", "Content-Length: 24"),
        ),
        (
            "OPTIONS /nope",
            ("Origin: http://a.example", "Access-Control-Request-Method: PUT"),
            (*ALLOWED, *PREFLIGHT),
            ("Content-Length: 49",),
        ),
    ],
)
async def test_headers_are_added_to_everything_connect_answers(
    line: str, headers: tuple[str, ...], added: tuple[str, ...], last: tuple[str, ...]
) -> None:
    async with served(config=CORS) as cluster:
        method, target = line.split()
        seen = cut(await cluster.ask(method, target, *headers))
        seen_cut = [
            each[: len("X-Later: Fri, 01 Jan 2027 00:00:")] if each.startswith("X-Later") else each
            for each in seen
        ]
        assert seen_cut == [*added, *CONFIGURED, *last]


async def test_jettys_own_pages_go_without() -> None:
    async with served(config=CORS) as cluster:
        for target in ("/connectors//x", "/connectors/%ZZ"):
            seen = await cluster.ask("GET", target, "Origin: http://a.example")
            assert "Vary" not in seen
            assert "X-One" not in seen


def headers_of_12(origin: str, configured: str, methods: str = "", **sent: str) -> Headers:
    cors = cors_of(configured, methods, 12)
    assert cors is not None
    return cors.headers("OPTIONS", {"Origin": origin, **sent})


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://a.example", True),
        ("HTTP://A.EXAMPLE", True),
        ("http://a.example http://c.example", True),
        ("http://axexample", True),  # Connect hands the origins on as regular expressions
        ("http://a.example:80", False),
        ("null", False),
    ],
)
def test_origins_of_jetty_12(origin: str, allowed: bool) -> None:
    expected: Headers = (("Vary", "Origin"),)
    if allowed:
        expected = (*expected, ("Access-Control-Allow-Origin", origin))
    assert headers_of_12(origin, "http://a.example,http://b.example") == expected


def test_any_origin_and_usual_methods_of_jetty_12() -> None:
    found = headers_of_12("null", "*", **{"Access-Control-Request-Method": "PUT"})
    assert found[1] == ("Access-Control-Allow-Origin", "null")
    assert found[2] == ("Access-Control-Allow-Methods", "HEAD,POST,GET")


@pytest.mark.parametrize(
    ("method", "sent", "expected"),
    [
        ("GET", {}, ["Access-Control-Allow-Origin", "Vary", "Access-Control-Allow-Credentials"]),
        ("OPTIONS", {}, ["Access-Control-Allow-Origin", "Vary", "Access-Control-Allow-Credentials"]),
        ("OPTIONS", {"Access-Control-Request-Method": "PUT"}, []),
        (
            "OPTIONS",
            {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-Other"},
            [],
        ),
        (
            "OPTIONS",
            {
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "content-type, Accept",
            },
            [
                "Access-Control-Allow-Origin",
                "Vary",
                "Access-Control-Allow-Credentials",
                "Access-Control-Max-Age",
                "Access-Control-Allow-Methods",
                "Access-Control-Allow-Headers",
            ],
        ),
    ],
)
def test_jetty_9_judges_preflights(method: str, sent: dict[str, str], expected: list[str]) -> None:
    cors = cors_of("http://a.example", "", 9)
    assert cors is not None
    assert [name for name, _ in cors.headers(method, {"Origin": "http://a.example", **sent})] == expected
    assert cors.headers(method, {"Origin": "http://axexample", **sent}) == ()
    assert cors.headers(method, sent) == ()


def test_before_3_0_no_preflight_succeeds_unless_methods_are_configured() -> None:
    sent = {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
    for version, allowed in (("2.8.2", False), ("3.0.0", True)):
        config = (("access.control.allow.origin", "*"),)
        settings = WorkerSettings("w", config=config, version=KafkaVersion.parse(version))
        assert bool(Filters.of(settings, 9).headers("OPTIONS", sent, 0)) == allowed


def test_no_origin_is_no_cors() -> None:
    assert cors_of(" ", "GET", 12) is None


# --- response.http.headers.config -------------------------------------------------------------------------------------


def test_rules() -> None:
    assert header_rules(RULES) == (
        HeaderRule(False, False, "X-One", "1"),
        HeaderRule(True, False, "X-Two", "two words"),
        HeaderRule(False, False, "Cache-Control", "no-cache, no-store"),
        HeaderRule(True, True, "X-Date", "1000"),
        HeaderRule(False, True, "X-Later", "31536000000"),
    )
    assert header_rules("SETDATE X:1")[0].is_date


def test_set_replaces_and_add_adds() -> None:
    filters = Filters(rules=header_rules("add X:1, add X:2, set Y:1, set Y:2"))
    assert filters.headers("GET", {}, 0) == (("X", "1"), ("X", "2"), ("Y", "2"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("set", "Invalid format of header config 'set'. Expected: '[action] [header name]:[header value]'"),
        ("put X:1", "Invalid header config action: 'put'. Expected one of [set, add, setDate, addDate]"),
        (
            "set X-Frame",
            "Invalid format of header name and header value pair 'X-Frame'. Expected: '[header name]:[header value]'",
        ),
        ("set X Y:1", "Invalid header name 'X Y'. The '[header name]' cannot contain whitespace"),
        (
            "set X:1:2",
            "Invalid format of header name and header value pair 'X:1:2'. Expected: '[header name]:[header value]'",
        ),
    ],
)
def test_bad_rules_are_refused_in_connects_words(config: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared as a whole
        header_rules(config)
    assert str(raised.value) == message


# --- basic authentication ---------------------------------------------------------------------------------------------

AUTH = (
    ("rest.extension.classes", BASIC_AUTH_EXTENSION),
    (USERS_PROPERTY, "alice=secret:word\n# comment\nbob = bobby\n"),
)
NOT_ALLOWED = "User cannot access the resource."


def basic(text: str) -> str:
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


def denied(content_type: str = "application/json") -> str:
    return answer("401 Unauthorized", f"Content-Type: {content_type}", "Content-Length: 32", body=NOT_ALLOWED)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        basic("bob:wrong"),
        basic("nobody:x"),
        basic("bob"),
        basic(":bobby"),
        "Authorization: Basic",
        "Authorization: Bearer x",
        "Authorization: ",
    ],
)
async def test_who_is_not_let_in(authorization: str | None) -> None:
    async with served(config=AUTH) as cluster:
        headers = [] if authorization is None else [authorization]
        assert await cluster.ask("GET", "/connectors", *headers) == denied()


@pytest.mark.parametrize(
    "authorization", [basic("alice:secret:word"), basic("bob:bobby").replace("Basic", "bASIC")]
)
async def test_who_is_let_in(authorization: str) -> None:
    async with served(config=AUTH) as cluster:
        seen = await cluster.ask("GET", "/connectors", authorization)
        assert seen == answer("200 OK", JSON, "Content-Length: 2", body="[]")


@pytest.mark.parametrize(("encoded", "octet"), [("!!!", "21"), (" Ym9iOmJvYmJ5", "20")])
async def test_credentials_that_are_no_base64(encoded: str, octet: str) -> None:
    async with served(config=AUTH) as cluster:
        seen = await cluster.ask("GET", "/connectors", f"Authorization: Basic {encoded}")
        body = f'{{"error_code":500,"message":"Illegal base64 character {octet}"}}'
        assert seen == answer("500 Server Error", JSON, "Content-Length: 58", body=body)


async def test_authentication_comes_after_the_choice_of_a_resource() -> None:
    async with served(config=AUTH) as cluster:
        for line, status_code in (("GET /nope", 404), ("PUT /connectors", 405)):
            assert (await cluster.ask(*line.split())).startswith(f"HTTP/1.1 {status_code} ")
        assert (await cluster.ask("GET", "/", "Accept: text/html")).startswith("HTTP/1.1 406 ")
        assert (await cluster.ask("GET", "/connectors", "Content-Type: text/plain")).startswith(
            "HTTP/1.1 415 "
        )
        assert await cluster.ask("POST", "/connectors", JSON, body=b"{bad") == denied()
        assert await cluster.ask("GET", "/connectors/x/tasks/abc/status") == denied()
        assert await cluster.ask("GET", "/admin/loggers") == denied()
        assert await cluster.ask("OPTIONS", "/connectors") == denied("text/plain")
        assert await cluster.ask("HEAD", "/") == answer("401 Unauthorized", JSON, "Content-Length: 32")


async def test_internal_requests_are_exempt() -> None:
    async with served(config=AUTH) as cluster:
        assert (await cluster.ask("PUT", "/connectors/x/fence")).startswith("HTTP/1.1 400 ")
        assert (await cluster.ask("POST", "/connectors/x/tasks/", body=b"[]")).startswith("HTTP/1.1 400 ")


def test_an_empty_file_lets_everybody_in_but_broken_base64() -> None:
    everybody = BasicAuth({})
    assert everybody.admits(None)
    with pytest.raises(ConnectError, match="Illegal base64"):
        everybody.admits("Basic !!!!")


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("", b""),
        ("AAAA", b"\0\0\0"),
        ("YQ==", b"a"),
        ("YQ", b"a"),
        ("YWI=", b"ab"),
        ("YWI", b"ab"),
        ("YR==", b"a"),
    ],
)
def test_base64(text: str, decoded: bytes) -> None:
    assert java_base64.decode(text) == decoded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!!", "Illegal base64 character 21"),
        ("YQ-_", "Illegal base64 character 2d"),
        ("YWé=", "Illegal base64 character -17"),
        ("A", "Input byte[] should at least have 2 bytes for base64 bytes"),
        ("AAAAA", "Last unit does not have enough valid bits"),
        ("A===", "Last unit does not have enough valid bits"),
        ("====", "Input byte array has wrong 4-byte ending unit"),
        ("AA=", "Input byte array has wrong 4-byte ending unit"),
        ("AA=A", "Input byte array has wrong 4-byte ending unit"),
        ("AA==A", "Input byte array has incorrect ending byte at 4"),
        ("AAA=A", "Input byte array has incorrect ending byte at 4"),
    ],
)
def test_what_is_no_base64(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared as a whole
        java_base64.decode(text)
    assert str(raised.value) == message


# --- admin listeners --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listeners", "addresses"),
    [(None, None), ("", ()), (" ", ()), ("http://:8084,HTTPS://[::1]:1", (("", 8084), ("::1", 1)))],
)
def test_admin_addresses(listeners: str | None, addresses: tuple[tuple[str, int], ...] | None) -> None:
    config = () if listeners is None else (("admin.listeners", listeners),)
    assert Filters.of(WorkerSettings("w", config=config), 12).admin_addresses == addresses


@pytest.mark.parametrize(
    ("listeners", "message"),
    [
        ("localhost", "Listener doesn't have the right format (protocol://hostname:port)."),
        ("ftp://h:1", 'Listener protocol must be either "http" or "https".'),
    ],
)
def test_bad_admin_addresses(listeners: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared as a whole
        Filters.of(WorkerSettings("w", config=(("admin.listeners", listeners),)), 12)
    assert str(raised.value) == message


async def test_no_admin_listener_is_no_logger() -> None:
    async with served(config=(("admin.listeners", ""),)) as cluster:
        for target in ("/admin/loggers", "/admin/loggers/root"):
            body = '{"error_code":404,"message":"HTTP 404 Not Found"}'
            assert await cluster.ask("GET", target) == answer(
                "404 Not Found", "Content-Length: 49", body=body
            )
        assert (await cluster.ask("GET", "/connectors")).startswith("HTTP/1.1 200 ")


async def test_loggers_on_their_own_listener_only() -> None:
    async with contextlib.AsyncExitStack() as stack:
        port = stack.enter_context(contextlib.closing(reserve())).port  # held: no other listener is given it
        config = (*AUTH, *CORS, ("admin.listeners", f"http://127.0.0.1:{port}"))
        cluster = await stack.enter_async_context(served(config=config))
        assert (await cluster.ask("GET", "/admin/loggers/root", basic("bob:bobby"))).startswith(
            "HTTP/1.1 404 "
        )
        peer = await cluster.connect(port=port)
        await peer.send(request("GET", "/admin/loggers/root", "Origin: http://a.example"))
        body = '{"level":"INFO","last_modified":null}'
        assert await peer.answer() == answer("200 OK", JSON, "Content-Length: 37", body=body)
        await peer.send(request("GET", "/connectors"))
        body = '{"error_code":404,"message":"HTTP 404 Not Found"}'
        assert await peer.answer() == answer("404 Not Found", "Content-Length: 49", body=body)
        cluster.cluster.workers["connect-0"].crash()
        with pytest.raises(ConnectionRefusedError):
            await cluster.connect(port=port)
