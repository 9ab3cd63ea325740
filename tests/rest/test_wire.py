"""Bodies in and out, against what real workers answered.

``data/jackson-4.3.jsonl`` holds bodies that were sent to the REST layer of Kafka 4.3.1 and what came back;
``data/jackson-older.jsonl`` those of them that older releases answer otherwise. In both, ``{source}`` stands for the
source of a place and ``{entities}`` for the package of the entities.
"""

from __future__ import annotations

import base64
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockconnect.core.errors import ConnectError
from mockconnect.core.javatext import double_text, trim
from mockconnect.rest import wire
from mockconnect.rest.jackson import Jackson, jackson_of

DATA = Path(__file__).parent / "data"
ENTITIES = "org.apache.kafka.connect.runtime.rest.entities."
STREAM = "(org.glassfish.jersey.message.internal.ReaderInterceptorExecutor$UnCloseableInputStream)"
REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
READERS = {
    "create": wire.read_create_request,
    "config": wire.read_string_map,
    "patch": wire.read_string_map,
    "offsets": wire.read_offsets,
    "tasks": wire.read_task_configs,
}

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def described(value: object) -> str:
    """The text that the recorder wrote for a Java value: class and value."""
    match value:
        case None:
            return "null"
        case bool():
            return f"Boolean:{str(value).lower()}"
        case str():
            return f"s:{value}"
        case dict():
            return (
                "{" + "".join(f"{described(key)}={described(inner)}," for key, inner in value.items()) + "}"
            )
        case list():
            return "[" + "".join(f"{described(inner)}," for inner in value) + "]"
        case int():
            kind = next(
                (kind for bits, kind in ((31, "Integer"), (63, "Long")) if -(1 << bits) <= value < 1 << bits),
                "BigInteger",
            )
            return f"{kind}:{value}"
        case float():
            return f"Double:{double_text(value)}"
        case _:
            raise AssertionError(value)


def outcome(row: Row, jackson: Jackson) -> object:
    """What we make of a row, in the row's own terms."""
    body = base64.b64decode(row["body"])
    try:
        found = READERS[row["entity"]](body, jackson)
    except ConnectError as error:
        source = REDACTED if jackson.redacts_source else STREAM
        text = str(error).removeprefix("500 ")
        return {"fault": text.replace(source, "{source}").replace(ENTITIES, "{entities}")}
    return seen(row["entity"], found)


def seen(entity: str, found: object) -> object:
    """What a worker would show of an entity: a config comes back with ``name`` at its end, offsets without order."""
    match found:
        case wire.CreateConnectorRequest(name, config, _) if config is not None:
            trimmed = trim(name or "")
            return {"value": {"name": trimmed, "config": {**config, "name": trimmed}}}
        case wire.ConnectorOffsets(offsets):
            if not offsets:
                return {"empty": True}
            if None in offsets:
                return {"null": True}
            last = {described(each.partition): described(each.offset) for each in offsets if each is not None}
            return {"text": sorted("{" + "".join(f"{key}={value}," for key, value in last.items()) + "}")}
        case dict() if entity == "config":
            return {"value": {"name": "c", "config": {**found, "name": "c"}}}
        case dict():
            return {"value": {"name": "c", "config": found}}
        case _ if entity == "tasks":
            return {"text": described(found)}
        case _:
            return {"null": True}


def wanted(row: Row) -> object:
    if row["entity"] == "offsets" and "text" in row:
        return {"text": sorted(row["text"])}
    return {key: row[key] for key in ("fault", "value", "text", "null", "empty") if key in row}


def name_of(row: Row) -> str:
    return f"{row['entity']}-{base64.b64decode(row['body'])[:60]!r}"


def test_newest_bodies() -> None:
    differing = [
        (name_of(row), wanted(row), found)
        for row in rows("jackson-4.3.jsonl")
        if (found := outcome(row, Jackson())) != wanted(row)
    ]
    assert differing == []


def test_order_of_keys_is_the_requests() -> None:
    for row in rows("jackson-4.3.jsonl"):
        if "value" in row:
            found = outcome(row, Jackson())
            assert isinstance(found, dict)
            assert list(found["value"]["config"]) == list(row["value"]["config"]), name_of(row)


def test_older_bodies() -> None:
    differing = []
    for row in rows("jackson-older.jsonl"):
        major, minor, patch = map(int, row["kafka"].split("."))
        if row["entity"] == "tasks" and major == 3 and minor < 7 and "fault" in row:
            continue  # the place shows the body itself: test_places_in_byte_arrays
        found = outcome(row, jackson_of((major, minor, patch)))
        if found != wanted(row):
            differing.append((row["kafka"], name_of(row), wanted(row), found))
    assert differing == []


def test_places_in_byte_arrays() -> None:
    with pytest.raises(ConnectError) as caught:
        wire.read_task_configs(b'[\t"x"', jackson_of((3, 6, 2)))
    assert caught.value.message == (
        "Cannot construct instance of `java.util.LinkedHashMap` (although at least one Creator exists): no String-argument"
        " constructor/factory method to deserialize from String value ('x')\n"
        ' at [Source: (byte[])"[\\u0009"x""; line: 1, column: 3] (through reference chain: java.util.ArrayList[0])'
    )


def test_limits() -> None:
    def fault(body: bytes) -> str | None:
        with pytest.raises(ConnectError) as caught:
            wire.read_string_map(body)
        return caught.value.message

    suffix = "exceeds the maximum allowed"
    assert fault(b'{"a":' + b"1" * 1001 + b"}") == (
        f"Number value length (1001) {suffix} (1000, from `StreamReadConstraints.getMaxNumberLength()`)"
    )
    assert fault(b'{"' + b"k" * 50_001 + b'":1}') == (
        f"Name length (50001) {suffix} (50000, from `StreamReadConstraints.getMaxNameLength()`)"
    )
    assert wire.read_string_map(b'{"a":-' + b"1" * 1000 + b"}") == {"a": "-" + "1" * 1000}
    assert wire.read_string_map(b'{"' + b"k" * 50_000 + b'":1}') == {"k" * 50_000: "1"}


@pytest.mark.parametrize(
    ("brackets", "fits"), [(490, True), (990, True), (996, True), (997, False), (5000, False)]
)
def test_depth(brackets: int, fits: bool) -> None:
    body = b'{"offsets":[{"partition":{"a":' + b"[" * brackets + b"]" * brackets + b"}}]}"
    if not fits:
        with pytest.raises(
            ConnectError, match=r"Document nesting depth \(1001\) exceeds the maximum allowed"
        ):
            wire.read_offsets(body)
        return
    read = wire.read_offsets(body)
    assert read is not None
    assert read.offsets is not None
    assert read.offsets[0] is not None


def test_a_large_config_is_read_by_the_fast_road(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {f"transforms.t{index}.fields": '[{"a": "b"}]' * 20 for index in range(200)}
    monkeypatch.setattr(wire, "_slowly", None)
    assert wire.read_string_map(json.dumps(config).encode()) == config


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in READERS.values():
        with suppress(ConnectError):
            read(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]), st.booleans())
def test_both_roads_read_the_same(value: object, encoding: str, ascii_only: bool) -> None:
    body = json.dumps({"offsets": [{"partition": {"x": value}}]}, ensure_ascii=ascii_only).encode(encoding)
    read = wire.read_offsets(body)
    assert read is not None
    assert read.offsets == [wire.ConnectorOffset({"x": value}, None)]


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("x\x00\x01\x0b\x1f\x7f", b'"x\\u0000\\u0001\\u000B\\u001F\x7f"'),
        ('\b\t\n\f\r"\\/<>&', b'"\\b\\t\\n\\f\\r\\"\\\\/<>&"'),
        ("\\u001f", b'"\\\\u001f"'),
        ("é\u2028€", '"é\u2028€"'.encode()),
        ("😀", b'"\\uD83D\\uDE00"'),
        ("\ud800x\udc00😀", b'"\\uD800x\\uDC00\\uD83D\\uDE00"'),
        ({"\ud800": ["\udfff\x1f", 1, None]}, b'{"\\uD800":["\\uDFFF\\u001F",1,null]}'),
        ({"b": 1, "a": True}, b'{"b":1,"a":true}'),
        (1 << 70, b"1180591620717411303424"),
        (-(1 << 63), b"-9223372036854775808"),
    ],
)
def test_escapes(value: object, encoded: bytes) -> None:
    assert wire.encode(value) == encoded


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (1.0, b"1.0"),
        (-0.0, b"-0.0"),
        (1e7, b"1.0E7"),
        (9999999.0, b"9999999.0"),
        (0.001, b"0.001"),
        (1e-8, b"1.0E-8"),
        (1.5e300, b"1.5E300"),
        (math.inf, b'"Infinity"'),
        (-math.inf, b'"-Infinity"'),
        (math.nan, b'"NaN"'),
    ],
)
def test_doubles(number: float, encoded: bytes) -> None:
    assert wire.encode({"a": [number]}, doubles=True) == b'{"a":[' + encoded + b"]}"


@given(JSON)
def test_encoded_is_json(value: object) -> None:
    assert json.loads(wire.encode(value, doubles=True)) == value


@given(st.text(st.characters(codec=None)))
def test_any_string_is_encoded(text: str) -> None:
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert json.loads(wire.encode(text)) == joined
