"""Spans of time that are drawn."""

from __future__ import annotations

import random
import statistics

import pytest

from mockconnect.core.spread import Spread, read_spread


@pytest.mark.parametrize(
    ("given", "spread"),
    [
        (250, Spread("constant", 250)),
        ("250", Spread("constant", 250)),
        ("1.5s", Spread("constant", 1_500)),
        ("2m", Spread("constant", 120_000)),
        ("1m30s", Spread("constant", 90_000)),
        ("uniform(1d, 1d12h)", Spread("uniform", 86_400_000, 129_600_000)),
        ("exp(20s)", Spread("exp", 20_000)),
        ("exp(20s, max=1m)", Spread("exp", 20_000, 0.0, 60_000)),
        ("uniform(100ms,900ms)", Spread("uniform", 100, 900)),
        ("normal(300ms, 50ms)", Spread("normal", 300, 50)),
        ("lognormal(80ms, 0.5, max=2s)", Spread("lognormal", 80, 0.5, 2_000)),
    ],
)
def test_reading(given: int | str, spread: Spread) -> None:
    assert read_spread(given) == spread


@pytest.mark.parametrize(
    "given",
    [
        "soon",
        "1 day",
        "exp()",
        "exp(1s, 2s)",
        "uniform(1s)",
        "normal(1s, 0.5, 3)",
        "lognormal(80ms, 5ms)",
        "gamma(1s)",
        "9" * 400 + "s",
        "9" * 5_000,
    ],
)
def test_what_is_none(given: str) -> None:
    with pytest.raises(ValueError, match="expected milliseconds, 300ms"):
        read_spread(given)
    with pytest.raises(ValueError, match="must not be below the first"):
        read_spread("uniform(2s, 1s)")
    with pytest.raises(ValueError, match="expected a sigma up to 10, found '11'"):
        read_spread("lognormal(1s, 11)")


@pytest.mark.parametrize(
    ("given", "median_ms"),
    [
        ("40ms", 40),
        ("uniform(1s, 3s)", 2_000),
        ("normal(500ms, 50ms)", 500),
        ("lognormal(80ms, 0.5)", 80),
        ("exp(1s)", 693),
    ],
)
def test_draws(given: str, median_ms: int) -> None:
    dice = random.Random(1)
    drawn = [read_spread(given).draw_ms(dice) for _ in range(4_000)]
    assert min(drawn) >= 0
    assert statistics.median(drawn) == pytest.approx(median_ms, rel=0.08)


def test_a_draw_is_bounded() -> None:
    dice = random.Random(1)
    assert max(read_spread("lognormal(80ms, 3, max=1s)").draw_ms(dice) for _ in range(1_000)) == 1_000
    assert min(read_spread("normal(1ms, 1s)").draw_ms(dice) for _ in range(1_000)) == 0
