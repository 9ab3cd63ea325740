"""The HTML page of a run: one file, whole, the same for the same run."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from mockconnect.playing import play_alone
from mockconnect.scenario.loading import scenario_from_text
from mockconnect.scenario.page import page
from mockconnect.scenario.timeline import json_lines, text_timeline
from mockconnect.staging import staged
from tests.scenario.golden import played

VOID = {"meta", "input", "br", "rect", "line", "circle"}


class Tags(HTMLParser):
    """Checks that what is opened is closed, and collects texts of titles and lanes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID or tag in ("rect", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("text", "title"):
            self.texts.append(data)


@pytest.mark.parametrize(
    "name", ["rolling-upgrade", "frozen-follower", "unreliable-network", "foreign-leader"]
)
def test_the_page_is_whole_and_needs_nothing(name: str) -> None:
    report = played(name)
    text = page(report)
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    assert tags.links == []
    assert set(report.workers) <= set(tags.texts)
    assert "rebalance" in tags.texts
    assert text == page(played(name))


def test_what_is_pointed_at_tells_what_it_is() -> None:
    text = page(played("leader-crash"))
    assert "connect-0: port closed, 5.000s to the end" in text
    assert "connect-1 leads, " in text
    assert "orders/0 RUNNING on connect-0, 0.000s to 5.000s" in text
    assert "[500.forward_io]" in text
    assert "crash worker=connect-0" in text


def test_texts_are_escaped() -> None:
    assert "<script>" not in page(played("html-from-ingress")).replace("<script>\nconst", "")


def test_timelines_have_every_row() -> None:
    report = played("leader-crash")
    assert len(json_lines(report).splitlines()) == len(report.rows) + 1
    assert text_timeline(report).count("\n") > len(report.rows)


LONG = "orders-of-production-as-somebody-generated-them-0001"
ODD = f"""apiVersion: mockconnect/v1
kind: Scenario
metadata: {{name: odd, description: "What <happens>."}}
cluster:
  workers: [{{name: a}}, {{name: connect-0.connect.production.svc.cluster.local}}]
  connectors: [{{name: {LONG}, class: FileStreamSink, tasks: 12, config: {{topics: t, file: /tmp/f}}}}]
timeline:
  - {{name: down, at: 5s, do: {{bounce: {{worker: connect-0.connect.production.svc.cluster.local, down_for: 3s}}}}}}
  - {{at: 10s, do: {{mark: look here}}}}
  - {{at: 2h, do: {{mark: the end}}}}
"""


def test_odd_names_and_long_runs_are_legible() -> None:
    text = page(play_alone(staged({"scenario": scenario_from_text(ODD, "odd.yaml")})))
    assert "<p>What &lt;happens&gt;.</p>" in text
    for short, long in (
        ("orders-of-pr…them-0001/10", f"{LONG}/10"),
        ("connect-0.co…luster.local", "connect-0.connect.production.svc.cluster.local"),
    ):
        assert f">{short}<title>{long}</title></text>" in text
    assert text.index(f"{LONG}/2<") < text.index(f"{LONG}/10<"), "in the order of numbers"
    assert ">60 min</text>" in text
    assert "<title>10.000s look here</title>" in text
    assert "bounce worker=connect-0.connect.production.svc.cluster.local down_for_ms=3000</text>" in text


def test_a_run_of_no_time_has_a_page() -> None:
    nothing = "apiVersion: mockconnect/v1\nkind: Scenario\nmetadata: {name: nothing}\n"
    assert "0 requests" in page(play_alone(staged({"scenario": scenario_from_text(nothing, "n.yaml")})))
