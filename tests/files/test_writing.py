"""What is written is read again as it was, by this reader and by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockconnect.files.nodes import parse
from mockconnect.files.reading import Tree
from mockconnect.files.writing import dump, write

TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "no",
            "on",
            "3.10",
            "1:30",
            "~",
            "",
            "null",
            "a\nb\n",
            "a\n\tat b\n",
            " a\nb",
            "a\n\n",
            "- a",
            "#",
            "a: b",
            "y",
        ]
    ),
).filter(lambda text: not any(0xD800 <= ord(sign) < 0xE000 for sign in text))
SCALARS = st.one_of(TEXTS, st.integers(-(10**12), 10**12), st.booleans(), st.none())
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)))  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_a_round_trip(value: dict[str, Any]) -> None:
    text = dump(value)
    if value:
        assert Tree[Any]("f.yaml", parse(text, "f.yaml")).read(dict[str, Any]) == value
        assert yaml.safe_load(text) == value


def test_how_it_looks() -> None:
    value = {
        "kind": "Cluster",
        "kafka_version": "3.10",
        "workers": [{"name": "a", "leader": True}, {"name": "b", "config": {"x" * 60: "y" * 60}}],
        "trace": "java.lang.Exception: no\n\tat a.b(C.java:1)\n",
        "empty": [],
    }
    assert dump(value, "A head\nof two lines") == (
        "# A head\n# of two lines\n"
        "kind: Cluster\n"
        'kafka_version: "3.10"\n'
        "workers:\n"
        "  - {name: a, leader: true}\n"
        "  - name: b\n"
        "    config:\n"
        f"      {'x' * 60}: {'y' * 60}\n"
        "trace: |\n"
        "  java.lang.Exception: no\n"
        "  \tat a.b(C.java:1)\n"
        "empty: []\n"
    )


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.yaml"
    write(target, "old\n")
    write(target, "new\n")
    assert target.read_text() == "new\n"
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "none" / "a.yaml", "x")
    with pytest.raises(OSError, match="directory"):
        write(tmp_path, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
