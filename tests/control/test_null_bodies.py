"""Where nothing stands in a body: the OpenAPI document takes it if and only if the control API does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from mockconnect.control.openapi import document
from mockconnect.control.routes import ROUTES, Route

DOCUMENT = document("1")
WITH_BODY = tuple(route for route in ROUTES if route.body is not None)


def schema_of(route: Route) -> dict[str, Any]:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def fields(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What may stand in a value, wherever the schema says it."""
    if "$ref" in schema:
        return fields(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    found = dict(schema.get("properties", {}))
    for part in schema.get("anyOf", ()):
        found |= fields(part)
    return found


def nulls(schema: Mapping[str, Any]) -> Iterator[object]:
    yield None
    for name, inner in fields(schema).items():
        yield {name: None}
        for argument in fields(inner):
            yield {name: {argument: None}}


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
def test_nothing_is_taken_where_the_document_says_so(route: Route, control: Any) -> None:
    valid = jsonschema.Draft202012Validator({**schema_of(route), "components": DOCUMENT["components"]})
    verb = "fail_connector" if "{connector}" in route.path else "crash"
    path = route.path.format(worker="connect-1", connector="c", verb=verb)
    for body in nulls(schema_of(route)):
        answer = control.raw(route.method, path, json.dumps(body).encode(), "application/json")
        assert valid.is_valid(body) is (answer.status_code not in (400, 422)), (body, answer)
        control("DELETE", "/faults")
