"""The OpenAPI 3.1 document of the control API, made of the table of routes and the types in it.

Rules of this room: nothing is written down twice. Schemas are those that msgspec makes of the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from mockconnect.control.problems import KINDS, MEDIA_TYPE, ProblemDetails
from mockconnect.control.routes import ROUTES, Route
from mockconnect.files.reading import schema_of
from mockconnect.files.schema import file_schema_of

_ALWAYS: Final = (400, 401, 403, 422)
_WITH_BODY: Final = (413,)
_HERE: Final = "#/components/schemas/"


def document(version: str) -> dict[str, Any]:
    """The whole document, as plain data."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    _schema(schema_of(ProblemDetails), schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mockconnect control API",
            "version": version,
            "summary": "What is done to a simulated Kafka Connect cluster, and seen of it.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*_in_path(route), *_in_query(route)],
        "responses": {str(route.status_code): _answer(route, schemas)},
    }
    if route.body is not None:
        schema = _schema(file_schema_of(route.body), schemas)  # it is read as a file is
        content = {media: {"schema": schema} for media in ("application/json", "application/yaml")}
        found["requestBody"] = {"required": route.body_needed, "content": content}
    errors = {*_ALWAYS, *route.errors, *(_WITH_BODY if route.body is not None else ())}
    for status_code in sorted(errors):
        found["responses"][str(status_code)] = _problem(status_code)
    return found


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.params
    ]


def _in_query(route: Route) -> list[dict[str, Any]]:
    whole = schema_of(route.query)
    (own,) = whole["$defs"].values()
    return [{"name": name, "in": "query", "schema": one} for name, one in own["properties"].items()]


def _answer(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": _schema(schema_of(route.answer), schemas)}}
    content |= {media: {"schema": {"type": "string"}} for media in route.media}
    return {"description": HTTPStatus(route.status_code).phrase, "content": content}


def _problem(status_code: int) -> dict[str, Any]:
    titles = [title for code, title in KINDS.values() if code == status_code]
    return {
        "description": "; ".join(titles),
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_HERE}ProblemDetails"}}},
    }


def _schema(found: Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema itself; what it is made of goes to the components."""
    whole = {name: one for name, one in found.items() if name != "$schema"}
    moved: dict[str, Any] = _moved(whole)
    schemas.update(moved.pop("$defs", {}))
    return moved


def _moved(part: Any) -> Any:
    if isinstance(part, list):
        return [_moved(one) for one in part]
    if isinstance(part, dict):
        return {name: _moved(one) for name, one in part.items()}
    return part.replace("#/$defs/", _HERE) if isinstance(part, str) else part
