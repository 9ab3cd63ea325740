"""Whatever is sent to the control API, it is answered by what was asked for or by a problem: never by a bug."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockconnect.control.routes import ROUTES, Route
from mockconnect.scenario.actions import FAULT_VERBS
from tests.nonsense import NONSENSE

FIELDS = (
    "name",
    "document",
    "params",
    "rate",
    "per_request",
    "by",
    "until",
    "max",
    "scopes",
    "worker",
    "for",
)
BODIES = st.one_of(
    st.sampled_from(NONSENSE),
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(NONSENSE), max_size=3),
    st.dictionaries(
        st.sampled_from(tuple(FAULT_VERBS)),
        st.one_of(
            st.sampled_from(NONSENSE),
            st.dictionaries(
                st.sampled_from((*FIELDS, "connector", "task", "answer")), st.sampled_from(NONSENSE)
            ),
        ),
        min_size=1,
        max_size=2,
    ),
)
TEXTS = st.one_of(
    BODIES.map(json.dumps), st.text(max_size=40), st.sampled_from(["- a: [", "&a [*a]", "? {a}\n: b"])
)
IN_PATH = {
    "worker": ("connect-1", "leader", "nobody", "owner_of:c", "owner_of:", "%", "a/b", "\x00"),
    "connector": ("c", "d", "*", "a/b", "\ud800", ""),
    "verb": ("crash", "freeze", "fail_task", "partition", "x", "weight", "__init__"),
    "fault": ("crash-1", "x", "../x"),
    "schema": ("cluster", "scenario", "../cluster"),
    "snapshot": ("x", "..", "a b", "x" * 1000),
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[Route, str, str]:
    """A route, its path and query, and a body."""
    route = draw(st.sampled_from(ROUTES))
    path = route.path
    for name in route.params:
        value = draw(st.sampled_from(IN_PATH[name]))
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="surrogatepass"))
    names = (*route.query.__struct_fields__, "x")
    query = draw(st.dictionaries(st.sampled_from(names), st.text(max_size=8), max_size=2))
    pairs = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in query.items())
    return route, f"{path}?{pairs}" if pairs else path, draw(TEXTS)


@pytest.mark.parametrize("content_type", ["application/json", "application/yaml"])
def test_no_request_finds_a_bug(controlled: Callable[..., Any], content_type: str) -> None:
    control = controlled()
    responses = control.get("/openapi.json")["paths"]

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests())
    def ask(asked: tuple[Route, str, str]) -> None:
        route, path, text = asked
        if "follow=true" in path:
            return  # it has no end
        sent = text.encode("utf-8", "surrogatepass") if route.body is not None else None
        answer = control.raw(route.method, path, sent, content_type)
        assert answer.status_code < 500, (route.method, path, text, answer)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.body["status"] == answer.status_code
        known = responses[route.path][route.method.lower()]["responses"]
        # What stands in a path may make another path of it.
        assert str(answer.status_code) in {*known, "404"}, (route.method, path, text, answer)

    ask()
    assert control.cluster.bugs == []


def test_no_document_finds_a_bug(control: Any) -> None:
    """What a scenario says of a running cluster is found out when it is read."""
    for name in FAULT_VERBS:
        document = {
            "apiVersion": "mockconnect/v1",
            "kind": "Scenario",
            "metadata": {"name": "x"},
            "timeline": [{"do": {name: value}} for value in NONSENSE[:4]],
        }
        assert control("POST", "/scenarios", {"document": document}).status_code in (201, 422)
