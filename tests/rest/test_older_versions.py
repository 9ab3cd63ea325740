"""What the surface of older versions looks like on the wire."""

from __future__ import annotations

import pytest

from mockconnect.core.errors import ConnectError
from mockconnect.rest.jackson import jackson_of
from mockconnect.rest.jetty import jetty_of, too_long
from mockconnect.rest.wire import read_create_request
from tests.rest.served import served

JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("kafka", "build"),
    [
        ((2, 8, 2), "9.4.48.v20220622"),
        ((3, 9, 1), "9.4.57.v20241219"),
        ((4, 0, 2), "12.0.25"),
        ((4, 2, 0), "12.0.22"),
        ((4, 3, 1), "12.0.34"),
    ],
)
def test_builds_of_jetty(kafka: tuple[int, int, int], build: str) -> None:
    assert jetty_of(kafka).version == build


@pytest.mark.parametrize(
    ("version", "reason"), [("3.9.1", "Internal Server Error"), ("4.0.2", "Server Error")]
)
async def test_jersey_2_has_its_own_phrases(version: str, reason: str) -> None:
    async with served(version=version) as cluster:
        seen = await cluster.ask("POST", "/connectors", JSON, body=b"not json")
        assert seen.startswith(f"HTTP/1.1 500 {reason}\r\n")


@pytest.mark.parametrize(
    ("version", "method", "target", "status_code"),
    [
        ("3.8.1", "GET", "/health", 404),
        ("3.9.1", "GET", "/health", 200),
        ("3.7.2", "PATCH", "/connectors/x/config", 405),
        ("3.8.1", "PATCH", "/connectors/x/config", 404),
        ("3.4.0", "PUT", "/connectors/x/stop", 404),
        ("3.4.0", "GET", "/connectors/x/offsets", 404),
        ("3.5.1", "DELETE", "/connectors/x/offsets", 405),
        ("2.8.2", "GET", "/connector-plugins/FileStreamSource/config", 404),
        ("2.7.2", "GET", "/connectors/x/tasks-config", 404),
        ("2.4.1", "GET", "/connectors/x/topics", 404),
        ("2.3.1", "GET", "/admin/loggers", 404),
        ("2.4.1", "GET", "/admin/loggers", 200),
    ],
)
async def test_endpoints_by_version(version: str, method: str, target: str, status_code: int) -> None:
    async with served(version=version) as cluster:
        body = b"{}" if method == "PATCH" else None
        seen = await cluster.ask(method, target, *([JSON] if body else []), body=body)
        assert seen.startswith(f"HTTP/1.1 {status_code} "), seen


@pytest.mark.parametrize(("version", "status_code"), [("3.4.0", 415), ("3.5.1", 400)])
async def test_internal_endpoints_took_json_only_before_3_5(version: str, status_code: int) -> None:
    async with served(version=version) as cluster:
        seen = await cluster.ask("POST", "/connectors/x/tasks", "Content-Type: text/plain", body=b"[]")
        assert seen.startswith(f"HTTP/1.1 {status_code} ")


async def test_jackson_2_10_words_wrong_tokens_in_its_own_way() -> None:
    async with served(version="2.8.2") as cluster:
        seen = await cluster.ask("PUT", "/connectors/x/config", JSON, body=b"[]")
        text = "Cannot deserialize instance of `java.util.LinkedHashMap<java.lang.Object,java.lang.Object>`"
        assert f"{text} out of START_ARRAY token" in seen


def test_jackson_of_4_0_counts_columns_anew() -> None:
    assert not jackson_of((4, 0, 0)).points_at_character
    assert jackson_of((4, 0, 2)).points_at_character


def test_the_first_builds_of_jetty_12_take_longer_heads() -> None:
    target = "/" + "a" * 8170
    assert too_long(12, "GET", target, 8211, strict=False) is None
    assert too_long(12, "GET", target, 8211) is not None


async def test_plugins_have_a_class_only_before_0_11() -> None:
    async with served(version="0.10.2") as cluster:
        seen = await cluster.ask("GET", "/connector-plugins")
        assert '[{"class":"org.apache.kafka.connect.file.FileStreamSinkConnector"},' in seen


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ('"initialState":"STOPPED"', "STOPPED"),
        ('"initial_state":"STOPPED"', "STOPPED"),
        ('"initialState":"PAUSED","initial_state":"STOPPED"', "PAUSED"),
        ('"initial_state":"PAUSED","initialState":"STOPPED"', "STOPPED"),
    ],
)
def test_3_7_0_knows_the_initial_state_by_two_names(fields: str, state: str) -> None:
    body = f'{{"name":"a",{fields},"config":{{}}}}'.encode()
    request = read_create_request(body, jackson_of((3, 7, 0)))
    assert request is not None
    assert request.initial_state == state
    with pytest.raises(ConnectError, match=r"4 known properties: .*initialState.*initial_state"):
        read_create_request(b'{"name":"a","other":1}', jackson_of((3, 7, 0)))
