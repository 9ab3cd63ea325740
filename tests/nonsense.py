"""Values that make no sense in most places, for tests of what reads them."""

from __future__ import annotations

from typing import Any

NONSENSE: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    "x",
    0,
    -1,
    10**18,
    1.5,
    True,
    [None],
    [[]],
    [{}],
    ["x", "x"],
    {"x": None},
    {"owner_of": "c/x"},
    "leader",
    "10s",
    "9" * 5_000,
    "9" * 400 + "s",
    "1e999",
    "exp(1e308s)",
    "owner_of:",
    "${x}",
    "409",
    "*",
    "\ud800",
    10**30,
    1e300,
    "1e308",
    "a/b",
    "\u0000",
)
