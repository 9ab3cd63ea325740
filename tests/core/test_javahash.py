"""Hash orders, against those of a Java 17 (``data/java-hash.jsonl``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockconnect.core.javahash import copied_table, hash_order, string_hash

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "java-hash.jsonl").read_text().splitlines()
]


def test_hash_codes() -> None:
    for row in ROWS:
        assert [string_hash(key) for key in row["keys"]] == row["hashes"]


def test_order_of_maps_filled_one_by_one() -> None:
    for row in ROWS:
        assert hash_order(row["keys"]) == row["order"]


def test_order_of_copied_maps() -> None:
    for row in ROWS:
        assert hash_order(row["keys"], copied_table(len(row["keys"]))) == row["copied"]


def test_repeated_keys_count_once() -> None:
    assert hash_order(["b", "a", "b"]) == hash_order(["b", "a"])


@pytest.mark.parametrize(
    ("text", "value"), [("", 0), ("a", 97), ("polygenelubricants", -(1 << 31)), ("😀", 1772899)]
)
def test_known_hash_codes(text: str, value: int) -> None:
    assert string_hash(text) == value
