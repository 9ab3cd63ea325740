"""The table of endpoints: complete, and found as Jersey finds."""

from __future__ import annotations

import pytest

from mockconnect.core.forwarding import OPERATIONS
from mockconnect.core.versions import REMOVED, SINCE, KafkaVersion
from mockconnect.rest.paths import Target, parse_target
from mockconnect.rest.routes import ROUTES, Found, Match, Missing, Options, RouteTable

NEWEST = RouteTable(KafkaVersion.parse("4.3.1"))


def find(method: str, target: str, table: RouteTable = NEWEST, jetty: int = 12) -> Found:
    parsed = parse_target(target, 12 if jetty == 12 else 9)
    assert isinstance(parsed, Target), parsed
    return table.find(method, parsed)


def match(method: str, target: str, version: str = "4.3.1") -> Match:
    found = find(method, target, RouteTable(KafkaVersion.parse(version)))
    assert isinstance(found, Match), found
    return found


def test_every_operation_of_core_has_a_row_and_the_other_way_round() -> None:
    assert {route.operation for route in ROUTES} == set(OPERATIONS)


def test_features_are_known() -> None:
    features = {route.feature for route in ROUTES} | {
        query.feature for route in ROUTES for query in route.query
    }
    assert features - {None} <= SINCE.keys() | REMOVED.keys()


def test_rows_are_unique() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    ("target", "methods"),
    [
        ("/", "HEAD,GET,OPTIONS"),
        ("/health", "HEAD,GET,OPTIONS"),
        ("/connectors", "HEAD,POST,GET,OPTIONS"),
        ("/connectors/x", "HEAD,DELETE,GET,OPTIONS"),
        ("/connectors/x/config", "HEAD,GET,OPTIONS,PUT,PATCH"),
        ("/connectors/x/status", "HEAD,GET,OPTIONS"),
        ("/connectors/x/tasks", "HEAD,POST,GET,OPTIONS"),
        ("/connectors/x/tasks/0/status", "HEAD,GET,OPTIONS"),
        ("/connectors/x/tasks/0/restart", "POST,OPTIONS"),
        ("/connectors/x/restart", "POST,OPTIONS"),
        ("/connectors/x/pause", "OPTIONS,PUT"),
        ("/connectors/x/resume", "OPTIONS,PUT"),
        ("/connectors/x/stop", "OPTIONS,PUT"),
        ("/connectors/x/topics", "HEAD,GET,OPTIONS"),
        ("/connectors/x/topics/reset", "OPTIONS,PUT"),
        ("/connectors/x/offsets", "HEAD,DELETE,GET,OPTIONS,PATCH"),
        ("/connectors/x/fence", "OPTIONS,PUT"),
        ("/connector-plugins", "HEAD,GET,OPTIONS"),
        ("/connector-plugins/x/config", "HEAD,GET,OPTIONS"),
        ("/connector-plugins/x/config/validate", "OPTIONS,PUT"),
        ("/admin/loggers", "HEAD,GET,OPTIONS"),
        ("/admin/loggers/x", "HEAD,GET,OPTIONS,PUT"),
    ],
)
def test_options_lists_the_methods_in_the_order_of_a_real_worker(target: str, methods: str) -> None:
    assert find("OPTIONS", target) == Options(tuple(methods.split(",")))


@pytest.mark.parametrize(
    "target",
    [
        "/nope",
        "/CONNECTORS",
        "/admin",
        "/connector-plugins/x",
        "/connectors/x/tasks-config",
        "/connectors/x/tasks/0",
        "/connectors/a/b",
        "/%63onnectors",
        "/connectors/x/%73tatus",
        "/connectors/../connectors",
        "/./connectors",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD", "FOO"])
def test_unknown_paths(method: str, target: str) -> None:
    assert find(method, target) is Missing.PATH


@pytest.mark.parametrize("method", ["PATCH", "FOO", "get", "TRACE"])
def test_wrong_methods(method: str) -> None:
    assert find(method, "/connectors/x") is Missing.METHOD


def test_head_is_get() -> None:
    assert find("HEAD", "/connectors/x") == find("GET", "/connectors/x")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/connectors/a%20b/status", "a b"),
        ("/connectors/a+b/status", "a+b"),
        ("/connectors/a;b=c/status;x", "a"),
        ("/connectors/%C3%BC/status/", "ü"),
        ("/connectors/./status", "."),
    ],
)
def test_names_are_decoded_once(target: str, name: str) -> None:
    assert match("GET", target).call.args == {"name": name}


def test_the_old_jetty_lets_slashes_into_names_but_not_empty_ones() -> None:
    found = find("GET", "/connectors/a%2Fb", jetty=9)
    assert isinstance(found, Match)
    assert found.call.args == {"name": "a/b"}
    assert find("GET", "/connectors//status", jetty=9) is Missing.PATH


@pytest.mark.parametrize(
    ("query", "include_tasks", "only_failed"),
    [
        ("", False, False),
        ("?includeTasks=true", True, False),
        ("?includeTasks=TRUE&onlyFailed=tRue", True, True),
        ("?includeTasks&onlyFailed=", False, False),
        ("?includeTasks=1&onlyFailed=%ZZ", False, False),
        ("?includeTasks=false&includeTasks=true", False, False),
    ],
)
def test_flags(query: str, include_tasks: bool, only_failed: bool) -> None:
    args = match("POST", f"/connectors/x/restart{query}").call.args
    assert args == {"name": "x", "include_tasks": include_tasks, "only_failed": only_failed}


@pytest.mark.parametrize(
    ("query", "shown"), [("", True), ("?connectorsOnly=", True), ("?connectorsOnly=no", False)]
)
def test_plugins_are_connectors_unless_asked_otherwise(query: str, shown: bool) -> None:
    assert match("GET", f"/connector-plugins{query}").call.args == {"connectors_only": shown}


@pytest.mark.parametrize(
    ("query", "expand"),
    [
        ("", None),
        ("?expand", [""]),
        ("?expand=info&expand=status", ["info", "status"]),
        ("?expanded=info", None),
    ],
)
def test_expansions(query: str, expand: list[str] | None) -> None:
    assert match("GET", f"/connectors{query}").call.args == {"expand": expand}


@pytest.mark.parametrize(
    ("query", "forward"),
    [
        ("", None),
        ("?forward=true", True),
        ("?forward=True", True),
        ("?forward", False),
        ("?forward=maybe", False),
    ],
)
def test_forward(query: str, forward: bool | None) -> None:
    assert match("DELETE", f"/connectors/x{query}").call.forward is forward


def test_forward_does_not_count_where_nothing_is_forwarded() -> None:
    assert match("PUT", "/connectors/x/pause?forward=false").call.forward is None


@pytest.mark.parametrize(
    ("task", "number"),
    [("0", 0), ("+1", 1), ("01", 1), ("-1", -1), ("%D9%A1", 1), ("2147483647", 2147483647)],
)
def test_task_ids(task: str, number: int) -> None:
    found = match("GET", f"/connectors/x/tasks/{task}/status")
    assert (found.call.args["task"], found.refusal) == (number, None)


@pytest.mark.parametrize("task", ["abc", "1.0", "%201", "1%20", "2147483648", "0x1", "1_0"])
def test_task_ids_that_are_none(task: str) -> None:
    refusal = match("GET", f"/connectors/x/tasks/{task}/status").refusal
    assert refusal is not None
    assert (refusal.status_code, refusal.message) == (404, "HTTP 404 Not Found")


@pytest.mark.parametrize(
    ("version", "method", "target", "there"),
    [
        ("3.8.0", "GET", "/health", Missing.PATH),
        ("3.7.0", "PATCH", "/connectors/x/config", Missing.METHOD),
        ("3.5.0", "PATCH", "/connectors/x/offsets", Missing.METHOD),
        ("3.4.0", "GET", "/connectors/x/offsets", Missing.PATH),
        ("3.4.0", "PUT", "/connectors/x/stop", Missing.PATH),
        ("3.2.0", "PUT", "/connectors/x/fence", Missing.PATH),
        ("3.1.0", "GET", "/connector-plugins/x/config", Missing.PATH),
        ("2.3.0", "GET", "/admin/loggers", Missing.PATH),
        ("2.7.0", "GET", "/connectors/x/tasks-config", Missing.PATH),
        ("4.0.0", "GET", "/connectors/x/tasks-config", Missing.PATH),
    ],
)
def test_what_a_version_lacks_is_an_ordinary_404_or_405(
    version: str, method: str, target: str, there: Missing
) -> None:
    assert find(method, target, RouteTable(KafkaVersion.parse(version))) is there


def test_what_a_version_has() -> None:
    assert match("GET", "/connectors/x/tasks-config", "3.9.0").route.operation == "tasks_config"
    assert (
        match("POST", "/connectors/x/restart?includeTasks=true", "2.8.0").call.args["include_tasks"] is False
    )


def test_admin_listeners_split_the_table() -> None:
    version = KafkaVersion.parse("4.3.1")
    main, admin = RouteTable(version, admin=False), RouteTable(version, main=False)
    assert find("GET", "/admin/loggers", main) is Missing.PATH
    assert isinstance(find("GET", "/connectors", main), Match)
    assert isinstance(find("PUT", "/admin/loggers/x", admin), Match)
    assert find("GET", "/", admin) is Missing.PATH
