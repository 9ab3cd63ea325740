"""The numbers of a cluster: what they count, and the text that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mockconnect.control.metrics import exposition
from mockconnect.control.views import Metric, Sample
from mockconnect.core.journal import NOTHING, Journal
from tests.control.test_control_api import connect

LINE = re.compile(
    r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? -?\d+(\.\d+)?(e[+-]\d+)?'
)


def numbers(control: Any) -> dict[str, float]:
    """Every sample of the text by its name and labels."""
    answer = control("GET", "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.body.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_what_is_counted(control: Any) -> None:
    connect(control, "/connectors/c/status", 1)
    connect(control, "/connectors/c/status", 1)
    connect(control, "/connectors/x/status", 1)
    connect(control, "/nothing", 0)
    control("POST", "/faults", "crash: connect-2")
    control("POST", "/faults", "answer: {answer: 503.text, times: 1}")
    connect(control, "/connectors", 0)
    control("POST", "/connectors/c/fail_task", {"task": 0})
    control("POST", "/clock/advance", {"by": "1m"})
    found = numbers(control)

    def requests(operation: str, status: str, worker: str = "connect-1") -> float:
        labels = f'worker="{worker}",operation="{operation}",status="{status}"'
        return found[f"mockconnect_requests_total{{{labels}}}"]

    assert requests("connector_status", "200") == 2
    assert requests("connector_status", "404") == 1
    assert requests("", "404", "connect-0") == 1
    assert requests("list_connectors", "503", "connect-0") == 1
    assert found["mockconnect_rebalances_total"] == found["mockconnect_generation"] == 2
    assert found["mockconnect_group_members"] == 2
    assert found['mockconnect_worker_up{worker="connect-2"}'] == 0
    assert found['mockconnect_worker_serving{worker="connect-1"}'] == 1
    assert found['mockconnect_worker_leader{worker="connect-0"}'] == 1
    assert found['mockconnect_connectors{state="RUNNING"}'] == 1
    assert found['mockconnect_tasks{state="RUNNING"}'] + found['mockconnect_tasks{state="UNASSIGNED"}'] == 1
    assert found['mockconnect_tasks{state="FAILED"}'] == 1
    assert found['mockconnect_faults_active{verb="crash"}'] == 1
    assert found["mockconnect_virtual_time_seconds"] == control.get("/clock")["now_ms"] / 1000
    assert found["mockconnect_events_total"] == control.get("/events")["next"]


def test_looking_changes_nothing(control: Any) -> None:
    assert numbers(control) == numbers(control)
    assert control.get("/requests")["requests"] == []


def test_as_json(control: Any) -> None:
    by_header = control("GET", "/metrics", Accept="application/json").body
    assert by_header == control.get("/metrics?format=json")
    assert by_header[0]["name"] == "mockconnect_info"
    assert control("GET", "/metrics?format=text", Accept="application/json").body.startswith("# HELP")
    shown = {one["name"]: one for one in by_header}
    assert shown["mockconnect_generation"]["samples"] == [{"labels": {}, "value": 1}]


def test_counters_do_not_shrink(control: Any) -> None:
    connect(control, "/connectors", 1)
    name = 'mockconnect_requests_total{worker="connect-1",operation="list_connectors",status="200"}'
    control("DELETE", "/requests")
    connect(control, "/connectors", 1)
    assert numbers(control)[name] == 2
    control("POST", "/reset")
    found = numbers(control)
    assert name not in found
    assert found["mockconnect_resets_total"] == 1


def test_requests_are_counted_when_their_rows_are_gone() -> None:
    journal = Journal(rows_max=2)
    first = journal.begin(0, "worker", "w", "GET", "/")
    for status_code in (200, 200, 404):
        journal.add((0, 1, "worker", "w", "GET", "/", None, status_code, "", *NOTHING))
    assert journal.ended() == {("w", "", 200): 2, ("w", "", 404): 1}
    journal.end(first, 5, 500, "")
    assert journal.ended() == {("w", "", 200): 2, ("w", "", 404): 1, ("w", "", 500): 1}
    assert [row.number for row in journal.rows()] == [3, 4]
    journal.clear()
    assert journal.ended().total() == 4


@pytest.mark.parametrize("arguments", [{"mode": "standalone"}, {"workers": 1}])
def test_of_every_kind(controlled: Callable[..., Any], arguments: dict[str, Any]) -> None:
    found = numbers(controlled(**arguments))
    assert found['mockconnect_connectors{state="RUNNING"}'] == 1
    assert found['mockconnect_tasks{state="RUNNING"}'] == 2


def test_odd_texts() -> None:
    sample = Sample(labels={"a": 'x"\\\ny', "b": ""}, value=1e20)
    text = exposition([Metric(name="m", type="gauge", help="One\\two\nthree", samples=[sample])])
    assert text == '# HELP m One\\\\two\\nthree\n# TYPE m gauge\nm{a="x\\"\\\\\\ny",b=""} 1e+20\n'
