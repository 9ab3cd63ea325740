"""The REST surface as one table, and how a request finds its row.

Rules of this room:

* ``ROUTES`` is the only list of endpoints. A row says which operation of core it is, where each argument comes from,
  and what a success looks like. A version that lacks a row's feature has an ordinary 404 or 405 there.
* Names in braces of a path, and names of query sources, are the arguments of the operation.
* Finding is Jersey's: literals are compared with what was sent, parameters are decoded; then the method.
* Everything that follows from method and target alone is a :class:`Match`, so that it can be kept and used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mockconnect.core.errors import ConnectError, not_found
from mockconnect.core.forwarding import Call
from mockconnect.core.versions import KafkaVersion
from mockconnect.rest.negotiation import Parameters, boolean_parameter, forward_parameter, int_parameter
from mockconnect.rest.paths import Target, query_parameters


class Entity(Enum):
    """What a request body is bound to."""

    CREATE_REQUEST = "CreateConnectorRequest"
    CONFIG = "config"
    PATCH = "patch"
    LEVEL = "level"
    OFFSETS = "ConnectorOffsets"
    TASK_CONFIGS = "configs"


Read = Callable[[Parameters, str], object]


@dataclass(frozen=True, slots=True)
class Query:
    """An argument that comes from the query, where it is called ``parameter``.

    A version that lacks ``feature`` ignores the parameter.
    """

    argument: str
    parameter: str
    read: Read
    feature: str | None = None


def _flag(default: bool) -> Read:
    return lambda parameters, name: boolean_parameter(parameters, name, default)


def _first(parameters: Parameters, name: str) -> str | None:
    return next((value for key, value in parameters if key == name), None)


def _all(parameters: Parameters, name: str) -> list[str] | None:
    return [value for key, value in parameters if key == name] or None


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. ``status_code`` goes with an entity, ``empty_status_code`` without one.

    ``located``: 201 and ``Location`` when the operation created a connector. ``forwards``: the ``forward`` parameter
    counts. ``consumes_json``: the resource class refuses other content types. ``signed``: the internal requests, which
    carry a signature, take their body as bytes of any type, and need no authentication.
    """

    method: str
    path: str
    operation: str
    query: tuple[Query, ...] = ()
    entity: Entity | None = None
    status_code: int = 200
    empty_status_code: int = 204
    located: bool = False
    forwards: bool = False
    consumes_json: bool = True
    signed: bool = False
    feature: str | None = None
    admin: bool = False


_EXPAND: Final = Query("expand", "expand", _all, "expand")
_INCLUDE_TASKS: Final = Query("include_tasks", "includeTasks", _flag(False), "restart_flags")
_ONLY_FAILED: Final = Query("only_failed", "onlyFailed", _flag(False), "restart_flags")
_CONNECTORS_ONLY: Final = Query("connectors_only", "connectorsOnly", _flag(True), "plugin_config")
_VERSION: Final = Query("version", "version", _first, "plugin_versions")
_SCOPE: Final = Query("scope", "scope", _first, "cluster_loggers")

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    # RootResource
    Route("GET", "/", "server_info", consumes_json=False),
    Route("GET", "/health", "health", consumes_json=False, feature="health"),
    # ConnectorsResource
    Route("GET", "/connectors", "list_connectors", query=(_EXPAND,)),
    Route("POST", "/connectors", "create_connector", entity=Entity.CREATE_REQUEST, located=True, forwards=True),
    Route("GET", "/connectors/{name}", "connector_info"),
    Route("DELETE", "/connectors/{name}", "delete_connector", forwards=True),
    Route("GET", "/connectors/{name}/config", "connector_config"),
    Route("PUT", "/connectors/{name}/config", "put_connector_config", entity=Entity.CONFIG, located=True, forwards=True),
    Route("PATCH", "/connectors/{name}/config", "patch_connector_config", entity=Entity.PATCH, forwards=True, feature="patch_config"),
    Route("GET", "/connectors/{name}/status", "connector_status"),
    Route("GET", "/connectors/{name}/tasks", "task_configs"),
    Route("GET", "/connectors/{name}/tasks-config", "tasks_config", feature="tasks_config"),
    Route("GET", "/connectors/{name}/tasks/{task}/status", "task_status"),
    Route("POST", "/connectors/{name}/tasks/{task}/restart", "restart_task", forwards=True),
    Route("POST", "/connectors/{name}/restart", "restart_connector", query=(_INCLUDE_TASKS, _ONLY_FAILED), status_code=202, forwards=True),
    Route("PUT", "/connectors/{name}/pause", "pause_connector", empty_status_code=202),
    Route("PUT", "/connectors/{name}/resume", "resume_connector", empty_status_code=202),
    Route("PUT", "/connectors/{name}/stop", "stop_connector", forwards=True, feature="stop"),
    Route("GET", "/connectors/{name}/topics", "connector_topics", feature="active_topics"),
    Route("PUT", "/connectors/{name}/topics/reset", "reset_topics", empty_status_code=202, feature="active_topics"),
    Route("GET", "/connectors/{name}/offsets", "connector_offsets", feature="get_offsets"),
    Route("PATCH", "/connectors/{name}/offsets", "alter_offsets", entity=Entity.OFFSETS, forwards=True, feature="alter_offsets"),
    Route("DELETE", "/connectors/{name}/offsets", "reset_offsets", forwards=True, feature="alter_offsets"),
    # InternalConnectResource
    Route("POST", "/connectors/{name}/tasks", "put_task_configs", entity=Entity.TASK_CONFIGS, forwards=True, consumes_json=False, signed=True),
    Route("PUT", "/connectors/{name}/fence", "fence_zombies", forwards=True, consumes_json=False, signed=True, feature="fence"),
    # ConnectorPluginsResource
    Route("GET", "/connector-plugins", "list_plugins", query=(_CONNECTORS_ONLY,)),
    Route("GET", "/connector-plugins/{plugin}/config", "plugin_config", query=(_VERSION,), feature="plugin_config"),
    Route("PUT", "/connector-plugins/{plugin}/config/validate", "validate", entity=Entity.CONFIG),
    # LoggingResource
    Route("GET", "/admin/loggers", "list_loggers", feature="loggers", admin=True),
    Route("GET", "/admin/loggers/{name}", "get_logger", feature="loggers", admin=True),
    Route("PUT", "/admin/loggers/{name}", "set_logger", query=(_SCOPE,), entity=Entity.LEVEL, feature="loggers", admin=True),
)
# fmt: on

_METHOD_ORDER: Final = ("HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH")
"""The order in which a Java hash set gives the methods back, as ``Allow`` shows it."""


class Missing(Enum):
    """There is no such row."""

    PATH = 404
    METHOD = 405


@dataclass(frozen=True, slots=True)
class Options:
    """``OPTIONS`` of a known path: the methods that Jersey lists."""

    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A request's row, with its arguments as far as they are in the target.

    ``call`` is complete unless the row has an entity or a signature. ``refusal`` is what the conversion of a parameter
    answers instead, after authentication.
    """

    route: Route
    call: Call
    refusal: ConnectError | None = None


Found = Match | Options | Missing


@dataclass(frozen=True, slots=True)
class _Resource:
    """Every row of one path, by method."""

    path: tuple[str, ...]
    routes: Mapping[str, Route]

    def fits(self, target: Target) -> bool:
        for part, literal in zip(self.path, target.literals, strict=True):
            if part != literal and (part[0] != "{" or not literal):
                return False
        return True


class RouteTable:
    """The rows that one listener of one worker serves.

    ``main`` and ``admin`` say which of the two groups: both by default, one of them with ``admin.listeners``.
    """

    def __init__(self, version: KafkaVersion, *, main: bool = True, admin: bool = True) -> None:
        self._version = version
        served = [each for each in ROUTES if (admin if each.admin else main) and _has(version, each.feature)]
        self._by_length: dict[int, list[_Resource]] = {}
        for resource in _resources(served):
            self._by_length.setdefault(len(resource.path), []).append(resource)

    def find(self, method: str, target: Target) -> Found:
        """The row of a request, or what it gets instead."""
        resource = self._resource(target)
        if resource is None:
            return Missing.PATH
        if method == "OPTIONS":
            return Options(_listed(resource.routes))
        route = resource.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            return Missing.METHOD
        return self._match(route, resource.path, target)

    def _resource(self, target: Target) -> _Resource | None:
        for resource in self._by_length.get(len(target.literals), ()):
            if resource.fits(target):
                return resource
        return None

    def _match(self, route: Route, path: tuple[str, ...], target: Target) -> Match:
        args: dict[str, object] = {}
        for part, segment in zip(path, target.segments, strict=True):
            if part[0] == "{":
                args[part[1:-1]] = segment
        sent = query_parameters(target.query)
        for source in route.query:
            known = sent if _has(self._version, source.feature) else ()
            args[source.argument] = source.read(known, source.parameter)
        refusal = None
        if "task" in args:
            number = int_parameter(str(args["task"]))
            refusal = not_found("HTTP 404 Not Found") if number is None else None
            args["task"] = number
        forward = forward_parameter(sent) if route.forwards else None
        return Match(route, Call(route.operation, args, forward), refusal)


def _has(version: KafkaVersion, feature: str | None) -> bool:
    return feature is None or version.has(feature)


def _resources(routes: Iterable[Route]) -> list[_Resource]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = route
    return [_Resource(tuple(filter(None, path.split("/"))), methods) for path, methods in by_path.items()]


def _listed(routes: Mapping[str, Route]) -> tuple[str, ...]:
    methods = {*routes, "OPTIONS", *(["HEAD"] if "GET" in routes else [])}
    return tuple(method for method in _METHOD_ORDER if method in methods)
