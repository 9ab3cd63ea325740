"""The page about the control API has the table of routes as it is, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mockconnect.control.routes import table

PAGE = (Path(__file__).parent.parent.parent / "docs" / "control-api.md").read_text(encoding="utf-8")


def test_the_table_of_routes() -> None:
    found = re.search(r"<!-- routes -->\n(.*?)\n<!-- end of routes -->", PAGE, re.DOTALL)
    assert found is not None
    assert found[1].splitlines() == table()


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/control-api.md", "exec"), {})
    assert capsys.readouterr().out == "freeze worker=connect-1\n"
