"""Judges of a client, each on requests that someone might send."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mockconnect.scenario.checks import JUDGES, Asked, judge_client, judge_requests
from mockconnect.scenario.requests import RequestRecord
from mockconnect.scenario.script import ClientExpectation, RequestCount
from mockconnect.scenario.view import is_possible

STALE = "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"


def sent(*rows: tuple[int, str, int] | tuple[int, str, int, str]) -> list[RequestRecord]:
    """(instant, operation, status code[, message]); every answer takes 10 ms, and 0 means that none came."""
    return [
        RequestRecord(
            number=number,
            at_ms=row[0],
            by="client",
            worker="connect-0",
            operation=row[1],
            connector="" if row[1] == "list_connectors" else "a",
            ended_at_ms=row[0] + 10,
            status_code=row[2],
            message=row[3] if len(row) > 3 else "",
        )
        for number, row in enumerate(rows, start=1)
    ]


def judged(name: str, value: Any, records: list[RequestRecord], rate: float | None = 1.0) -> bool | None:
    wanted = msgspec.convert({name: value}, ClientExpectation)
    return judge_client(wanted, Asked(records, rate))[0]


C, G, D, L = "create_connector", "connector_status", "delete_connector", "list_connectors"


def test_nothing_is_judged_without_a_client() -> None:
    assert judged("no_duplicate_create", True, []) is None


@pytest.mark.parametrize(
    ("name", "value", "rows", "held"),
    [
        ("max_rate", {"operation": "any_write", "count": 1}, [(0, C, 201), (2_000, D, 204)], True),
        ("max_rate", {"operation": "any_write", "count": 1}, [(0, C, 409), (500, C, 201)], False),
        ("max_rate", {"operation": "any_write", "count": 0}, [(0, G, 200)], True),
        ("retries", {"answer": "409"}, [(0, C, 409), (100, C, 201)], True),
        ("retries", {"answer": "409"}, [(0, C, 409), (100, G, 200)], False),
        ("retries", {"answer": "409"}, [(0, C, 409), (100, C, 409)], False),
        ("no_duplicate_create", True, [(0, C, 201), (100, C, 409)], False),
        ("no_duplicate_create", True, [(0, C, 500), (100, C, 201)], True),
        ("no_duplicate_create", True, [(0, C, 201), (100, D, 204), (200, C, 201)], True),
        ("no_overlapping_writes", True, [(0, C, 201), (5, D, 204)], False),
        ("no_overlapping_writes", True, [(0, C, 201), (5, G, 200), (50, D, 204)], True),
        ("looks_before_creating_again", True, [(0, C, 0), (100, C, 409)], False),
        ("looks_before_creating_again", True, [(0, C, 500), (50, G, 404), (100, C, 201)], True),
        ("looks_before_creating_again", True, [(0, C, 500), (50, L, 200), (100, C, 201)], True),
        ("never", {"operation": "delete_connector"}, [(0, C, 201)], True),
        ("never", {"operation": "any_write", "answer": "5xx"}, [(0, C, 500)], False),
        ("sends", {"operation": "connector_status", "count": ">=2"}, [(0, G, 200), (10, G, 200)], True),
        ("sends", {"operation": "connector_status", "count": 1}, [], None),
    ],
)
def test_judges(name: str, value: Any, rows: list[Any], held: bool | None) -> None:
    assert judged(name, value, sent(*rows)) is held


BACKOFF = {"answers": ["409.stale_config"], "min_first_delay": 100}


@pytest.mark.parametrize(
    ("instants", "held"),
    [
        ((0, 50), False),
        ((0, 150), True),
        ((0, 150, 400, 900), True),
        ((0, 1_000, 1_100), False),  # impatient
        ((0, 1_000, 1_800), True),  # jitter
    ],
)
def test_back_off(instants: tuple[int, ...], held: bool) -> None:
    rows = [(at_ms, C, 409, STALE) for at_ms in instants]
    assert judged("retries_with_backoff", BACKOFF, sent(*rows)) is held


def test_back_off_is_judged_in_the_clients_own_time() -> None:
    rows = sent((0, C, 409, STALE), (3_000, C, 201))
    assert judged("retries_with_backoff", BACKOFF, rows, 10.0) is True
    assert judged("retries_with_backoff", BACKOFF, rows, 60.0) is False
    assert judged("retries_with_backoff", BACKOFF, rows, None) is None


def test_back_off_has_a_limit() -> None:
    rows = sent(*[(1_000 * number, C, 409, STALE) for number in range(5)])
    assert judged("retries_with_backoff", {**BACKOFF, "max_tries": 4}, rows, None) is False


def test_a_near_miss_is_told() -> None:
    wanted = RequestCount(operation="create_connector", answer="201")
    held, detail, _ = judge_requests(wanted, Asked(sent((0, C, 409, STALE), (5, C, 500))))
    assert held is False
    assert detail == "there are 0 of 2; the answers were 1 x 409.stale_config, 1 x 500"


@pytest.mark.parametrize(
    ("count", "possible"),
    [(2, True), (3, True), (1, False), (">=5", True), (">2", True), ("<=3", True), ("<=1", False), ("<2", False), ("!=2", True)],
)  # fmt: skip
def test_which_counts_two_may_still_become(count: int | str, possible: bool) -> None:
    assert is_possible(count, 2) is possible


def test_before_the_end_what_can_be_made_good_is_not_judged() -> None:
    open_run = Asked(sent((0, C, 409, STALE), (500, D, 404)), 1.0, is_complete=False)

    def held(name: str, value: Any) -> bool | None:
        return judge_client(msgspec.convert({name: value}, ClientExpectation), open_run)[0]

    assert held("retries", {"answer": "409"}) is None
    assert held("sends", {"operation": C, "count": 2}) is None
    assert held("sends", {"operation": C, "count": "<1"}) is False
    assert held("never", {"operation": D}) is False
    assert held("max_rate", {"operation": "any_write", "count": 1}) is False
    wanted = RequestCount(operation=C, answer="201")
    assert judge_requests(wanted, open_run)[:2] == (None, "the run ended before: 0 of 2 so far")


def test_every_expectation_has_a_judge() -> None:
    assert set(JUDGES) == set(ClientExpectation.__struct_fields__)
