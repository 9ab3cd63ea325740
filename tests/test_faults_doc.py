"""The page about faults names every verb, argument and answer, and its example runs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from mockconnect import faults
from mockconnect.core.client_faults import NAMED_ANSWERS, RequestFault
from mockconnect.core.network import Break

PAGE = (Path(__file__).parent.parent / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = {
    match[1]: re.findall(r"`(\w+)`", match[2])
    for match in re.finditer(r"^\| `(\w+)` \| ([^|]*)\|[^\n|]+\|", PAGE, re.MULTILINE)
}
COMMON = {field.name for field in dataclasses.fields(RequestFault)}


def test_every_verb_has_a_row() -> None:
    assert sorted(ROWS) == sorted(faults.VERBS)


@pytest.mark.parametrize("verb", sorted(faults.VERBS))
def test_a_row_names_every_argument(verb: str) -> None:
    kind = faults.VERBS[verb]
    common = COMMON if issubclass(kind, RequestFault) else {"for_ms"}
    own = [field.name for field in dataclasses.fields(kind) if field.name not in common]
    assert ROWS[verb] == own


def test_what_all_faults_of_requests_share_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE))
    assert told >= COMMON


def defaults() -> str:
    """The table of what counts if nothing is said."""
    rows = ["| verb | |", "|---|---|"]
    for verb, kind in faults.VERBS.items():
        common = COMMON if issubclass(kind, RequestFault) else {"for_ms"}
        own = [
            f"`{field.name}` {str(field.default).lower() if isinstance(field.default, bool) else field.default}"
            for field in dataclasses.fields(kind)
            if field.name not in common and field.default not in (dataclasses.MISSING, None)
        ]
        rows += [f"| `{verb}` | {', '.join(own)} |"] if own else []
    return "\n".join(rows).replace("*", "\\*")


def test_what_counts_if_nothing_is_said() -> None:
    """The table between the comments is this one."""
    told = PAGE.partition("<!-- defaults -->\n")[2].partition("\n<!-- end of defaults -->")[0]
    assert told == defaults()


def test_every_way_in_which_a_link_breaks_is_told() -> None:
    text = PAGE.partition("`how`: ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", text)) - {"forward_fault", "kind"} == {each.value for each in Break}


def test_every_answer_is_told() -> None:
    assert all(f"`{name}`" in PAGE for name in NAMED_ANSWERS)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/faults.md", "exec"), {})
    assert "crash worker=leader for_ms=20000" in capsys.readouterr().out
