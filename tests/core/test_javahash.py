"""Hash orders, against those of a Java 17 (``data/java-hash.jsonl``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockconnect.core.javahash import (
    bucket_order,
    bytes_hash,
    copied_table,
    hash_order,
    hashtable_order,
    sized_table,
    string_hash,
    value_hash,
)

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


def test_hash_codes_of_values() -> None:
    """As ``List.of(...).hashCode()`` and so on give them."""
    assert [value_hash(value) for value in (None, True, False, 7, -1, 1 << 40)] == [0, 1231, 1237, 7, 0, 256]
    assert value_hash(1.5) == 0x3FF80000
    assert value_hash({"a": "b"}) == 97 ^ 98
    assert value_hash([1, 2]) == 31 * (31 + 1) + 2
    assert bytes_hash(b"ab") == 31 * (31 + 98) + 97


def test_maps_as_keys_come_in_bucket_order() -> None:
    partitions = [{"task": "0"}, {"task": "1"}]
    assert bucket_order([value_hash(each) for each in partitions], sized_table(2)) == [1, 0]
    assert [sized_table(entries) for entries in (0, 1, 2, 3, 4, 5)] == [1, 1, 2, 4, 4, 8]


def test_the_order_of_a_hashtable() -> None:
    """As a Java 17 enumerates them: colliding keys, and a table that grows twice."""
    colliding = ["Aa", "BB", "c", "AaAa", "BBBB", "AaBB", "x", "y", "z", "BBAa", "q"]
    assert hashtable_order(colliding) == ["q", "Aa", "BB", "BBAa", "AaAa", "BBBB", "AaBB", "z", "c", "y", "x"]
    squares = hashtable_order(f"a.b{number * number}" for number in range(40))
    assert " ".join(squares[:6] + squares[-6:]) == (
        "a.b0 a.b225 a.b289 a.b576 a.b256 a.b25 a.b324 a.b900 a.b676 a.b961 a.b4 a.b1"
    )
