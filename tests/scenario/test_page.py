"""The HTML page of a run: one file, whole, the same for the same run."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from mockconnect.scenario.page import page
from mockconnect.scenario.timeline import json_lines, text_timeline
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
