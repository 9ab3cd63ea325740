"""Hash codes of Java strings, and the order in which ``HashMap``, ``HashSet`` and ``Hashtable`` give their keys back.

Rules of this room: pure functions on strings. A real worker shows hash order wherever it answers a map that it did not
take from the request: the config read back, the list of connectors, task configs, methods of ``OPTIONS``.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

DEFAULT_TABLE: Final = 16
CACHED_KEYS_MAX: Final = 64
_HASHTABLE_SIZE: Final = 11
_TREEIFY_THRESHOLD: Final = 8
_TREEIFY_CAPACITY_MIN: Final = 64


@lru_cache(maxsize=65536)
def string_hash(text: str) -> int:
    """``String.hashCode()``: a signed 32-bit number over UTF-16 units (characters beyond U+FFFF count as two)."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


@lru_cache(maxsize=65536)
def _spread(text: str) -> int:
    """``HashMap.hash``: the upper half of the hash code mixed into the lower one."""
    value = string_hash(text) & 0xFFFFFFFF
    return value ^ value >> 16


def hash_order(keys: Iterable[str], buckets: int = DEFAULT_TABLE) -> list[str]:
    """Keys in the order in which a ``HashMap`` (or ``HashSet``) iterates over them, which were put in the given order.

    A key given twice counts once. ``buckets`` is the table that the map starts with: :func:`copied_table` for a map
    made as a copy of another. Buckets that Java would turn into trees keep their order here, too.
    """
    listed = tuple(keys)
    if len(listed) > CACHED_KEYS_MAX:
        return _order(listed, buckets)
    return list(_cached_order(listed, buckets))


@lru_cache(maxsize=4096)
def _cached_order(keys: tuple[str, ...], buckets: int) -> tuple[str, ...]:
    return tuple(_order(keys, buckets))


def _order(keys: tuple[str, ...], buckets: int) -> list[str]:
    listed = list(dict.fromkeys(keys))
    mask = _capacity(listed, buckets) - 1
    return sorted(listed, key=lambda key: _spread(key) & mask)


def computed_order(put: Iterable[str], computed: Iterable[str]) -> list[str]:
    """The order of a ``HashMap`` into which keys were put, and which was then asked by ``computeIfAbsent`` for others.

    That adds at the head of a bucket; it looks whether the table is full before it adds, and even if it adds nothing.
    """
    listed = list(dict.fromkeys(put))
    capacity = _capacity(listed, DEFAULT_TABLE)
    known = set(listed)
    for key in computed:
        capacity *= 2 if len(listed) > capacity * 3 // 4 else 1
        if key not in known:
            known.add(key)
            listed.insert(0, key)
    return sorted(listed, key=lambda key: _spread(key) & (capacity - 1))


def hashtable_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order in which the old ``Hashtable`` enumerates them: from the last bucket, the newest of each first."""
    buckets: list[list[str]] = [[] for _ in range(_HASHTABLE_SIZE)]
    for count, key in enumerate(dict.fromkeys(keys)):
        if count >= len(buckets) * 3 // 4:
            buckets = _rehashed(buckets)
        _bucket(buckets, key).insert(0, key)
    return [key for bucket in reversed(buckets) for key in bucket]


def _rehashed(buckets: list[list[str]]) -> list[list[str]]:
    grown: list[list[str]] = [[] for _ in range(len(buckets) * 2 + 1)]
    for bucket in reversed(buckets):
        for key in bucket:
            _bucket(grown, key).insert(0, key)
    return grown


def _bucket(buckets: list[list[str]], key: str) -> list[str]:
    return buckets[(string_hash(key) & 0x7FFFFFFF) % len(buckets)]


# --- maps whose keys are no strings ----------------------------------------------------------------------------------


def value_hash(value: object) -> int:
    """``hashCode()`` of what a JSON value is in Java: a string, ``Boolean``, ``Long``, ``Double``, a map or a list."""
    match value:
        case None:
            return 0
        case str():
            return string_hash(value)
        case bool():
            return 1231 if value else 1237
        case int():
            return (value ^ value >> 32) & 0xFFFFFFFF
        case float():
            (bits,) = struct.unpack(">Q", struct.pack(">d", value))
            return int(bits ^ bits >> 32) & 0xFFFFFFFF
        case Mapping():
            return sum(string_hash(key) ^ value_hash(inner) for key, inner in value.items()) & 0xFFFFFFFF
        case list():
            total = 1
            for inner in value:
                total = (31 * total + value_hash(inner)) & 0xFFFFFFFF
            return total
    raise AssertionError(f"no JSON value: {value!r}")


def bytes_hash(data: bytes) -> int:
    """``ByteBuffer.hashCode()``: from the last byte to the first, which are signed."""
    total = 1
    for byte in reversed(data):
        total = (31 * total + (byte - 256 if byte > 127 else byte)) & 0xFFFFFFFF
    return total


def bucket_order(hashes: Sequence[int], buckets: int) -> list[int]:
    """Positions of keys with these hash codes in the order of a ``HashMap`` that started with so many buckets."""
    while len(hashes) > buckets * 3 // 4:
        buckets *= 2

    def bucket(position: int) -> int:
        code = hashes[position] & 0xFFFFFFFF
        return (code ^ code >> 16) & (buckets - 1)

    return sorted(range(len(hashes)), key=bucket)


def sized_table(entries: int) -> int:
    """Buckets of ``new HashMap<>(entries)``."""
    return max(1, 1 << max(0, entries - 1).bit_length())


def grown_table(entries: int) -> int:
    """Buckets of a ``HashMap`` that started empty and got this many entries one by one."""
    buckets = DEFAULT_TABLE
    while entries > buckets * 3 // 4:
        buckets *= 2
    return buckets


def copied_table(entries: int) -> int:
    """Buckets of ``new HashMap<>(other)``: the power of two that holds so many at a load factor of 0.75."""
    wanted = int(entries / 0.75 + 1.0)
    return max(1, 1 << (wanted - 1).bit_length())


def _capacity(keys: list[str], capacity: int) -> int:
    """How many buckets there are in the end.

    A table doubles when it is more than three quarters full. A crowded bucket of a small table doubles it, too, which
    is rare enough to look for it first: growing only ever spreads a bucket.
    """
    early = keys[: _TREEIFY_CAPACITY_MIN * 3 // 4]
    crowds = (
        Counter(_spread(key) & (capacity - 1) for key in early)
        if len(keys) > _TREEIFY_THRESHOLD
        else Counter()
    )
    if any(crowd > _TREEIFY_THRESHOLD for crowd in crowds.values()):
        return _grown(keys, capacity)
    while len(keys) > capacity * 3 // 4:
        capacity *= 2
    return capacity


def _grown(keys: list[str], capacity: int) -> int:
    """Puts the keys in one by one, as ``HashMap.putVal`` does."""
    hashes: list[int] = []
    for key in keys:
        spread = _spread(key)
        if capacity < _TREEIFY_CAPACITY_MIN:
            shared = sum(1 for each in hashes if not (each ^ spread) & (capacity - 1))
            capacity *= 2 if shared >= _TREEIFY_THRESHOLD else 1
        hashes.append(spread)
        if len(hashes) > capacity * 3 // 4:
            capacity *= 2
    return capacity
