"""Strict reading: every scalar is a text, types decide, all mistakes at once, each with its line."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockconnect.files.nodes import ALIASED_VALUES_MAX, parse, parse_file
from mockconnect.files.problems import FileError
from mockconnect.files.reading import Duration, Tree, schema_of, shown


class Inner(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    at: Duration
    what: Literal["start", "stop"] = "start"


class Crash(msgspec.Struct, kw_only=True, tag_field="kind", tag="crash"):
    worker: str


class Pause(msgspec.Struct, kw_only=True, tag_field="kind", tag="pause"):
    connector: str


class Thing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    on: str = ""
    version: str = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    rate: float = 0.0
    ready: bool = False
    steps: list[Inner] = []
    texts: dict[str, str | None] = {}
    anything: Any = None
    who: int | list[str] | Inner | None = None
    when: Duration | Literal["now"] = "now"
    act: Crash | Pause | None = None


def read(text: str, *, is_json: bool = False) -> Thing:
    return Tree[Thing]("f.yaml", parse(text, "f.yaml", is_json=is_json)).read(Thing)


def problems(text: str, *, is_json: bool = False) -> list[str]:
    with pytest.raises(FileError) as raised:
        read(text, is_json=is_json)
    return [str(problem) for problem in raised.value.problems]


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["on", "off", "yes", "no", "y", "3.10", "1:30", "0x1f", "1_000", "2026-01-01", "1e3", "true", "0o7", ".5"])  # fmt: skip
def test_a_text_is_what_stands_there(text: str) -> None:
    assert read(f"on: {text}\n").on == text
    assert read(f"texts: {{{text}: {text}}}\n").texts == {text: text}


def test_the_type_decides() -> None:
    thing = read(
        "version: 3.10\ncount: 3\nrate: 1.5\nready: true\nsteps: [{at: 1m30s, what: stop}, {at: 250}]\n"
        "texts: {a: , b: '', c: ~, d: 'null'}\n"
    )
    assert thing == Thing(
        version="3.10",
        count=3,
        rate=1.5,
        ready=True,
        steps=[Inner(at=90_000, what="stop"), Inner(at=250)],
        texts={"a": None, "b": "", "c": None, "d": "null"},
    )


def test_what_a_type_leaves_open_is_read_as_json_would_be() -> None:
    thing = read("anything: {a: [1, 1.5, true, null, on, 3.10, '3', -0, 007, 1:30], b: {}}\n")
    assert thing.anything == {"a": [1, 1.5, True, None, "on", 3.1, "3", 0, "007", "1:30"], "b": {}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("[a, b]", ["a", "b"]), ("{at: 1s}", Inner(at=1_000)), ("null", None)],
)
def test_a_union_is_decided_by_what_is_there(text: str, value: object) -> None:
    assert read(f"who: {text}\n").who == value


def test_numbers_come_before_texts_and_tags_choose_structs() -> None:
    assert read("when: now\n").when == "now"
    assert read("when: 5s\n").when == 5_000
    assert read("act: {kind: pause, connector: c}\n").act == Pause(connector="c")
    assert problems("act: {kind: crahs, worker: a}\n") == ["f.yaml:1: act: expected one of crash, pause"]


def test_aliases_are_read() -> None:
    assert read("texts: &a {x: 1}\nanything: *a\n").anything == {"x": 1}


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False)):
        if "\\ud" not in text:  # half a surrogate pair is a matter of taste
            assert Tree[Any]("f.json", parse(text, "f.json", is_json=True)).read(Any) == value  # type: ignore[arg-type]


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_all_mistakes_are_told_at_once_with_their_lines() -> None:
    text = """\
on: [a]
verson: 4.3.1
count: 10
rate: fast
ready: yes
steps:
  - {what: stopp}
  - at: soon
texts:
  a.b: {}
"""
    assert problems(text) == [
        "f.yaml:1: on: expected a text, found a list",
        "f.yaml:2: verson: unknown; did you mean 'version'?",
        "f.yaml:3: count: expected a whole number from 1 to 9, found '10'",
        "f.yaml:4: rate: expected a number, found 'fast'",
        "f.yaml:5: ready: expected true or false, found 'yes'",
        "f.yaml:7: steps[0].what: expected one of start, stop, found 'stopp'; did you mean 'stop'?",
        "f.yaml:7: steps[0].at: missing",
        "f.yaml:8: steps[1].at: expected milliseconds or a text such as '300ms', '5s', '2m' or '1h', found 'soon'",
        "f.yaml:10: texts['a.b']: expected a text, found a mapping",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on: a\non: b\n", "f.yaml:2: the key 'on' stands on line 1 already"),
        ("on: !!str a\n", "f.yaml:1: a tag such as 'tag:yaml.org,2002:str' has no meaning here"),
        ("on: !!python/object/apply:os.system [x]\n", "f.yaml:1: a tag such as 'tag:yaml.org,2002:python/object/apply:os.system' has no meaning here"),
        ("on: *a\n", "f.yaml:1: there is no anchor &a before this"),
        ("anything: &a [*a]\n", "f.yaml:1: &a contains itself"),
        ("on: a\n---\non: b\n", "f.yaml:2: expected one document, found another"),
        ("", "f.yaml:1: the file is empty"),
        ("? [a]\n: b\n", "f.yaml:1: a key must be a text"),
        ("[" * 500, "f.yaml:1: nested deeper than 100 levels"),
        ("a\n", "f.yaml:1: expected a mapping, found 'a'"),
        ("who: x\n", "f.yaml:1: who: expected a whole number or a list or a mapping, found 'x'"),
    ],
)  # fmt: skip
def test_files_that_are_no_tree(text: str, problem: str) -> None:
    assert problem in problems(text)


def test_yaml_that_is_none_says_where() -> None:
    (problem,) = problems("on: a\n  b: c\n")
    assert problem.startswith("f.yaml:2: no YAML: mapping values are not allowed")


@pytest.mark.parametrize("text", ["anything: [*a, *a, *a]", "x"])
def test_a_bomb_of_aliases_does_not_go_off(text: str) -> None:
    bomb = "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    found = problems(bomb)
    assert found[0].endswith("too much is repeated by aliases")
    assert ALIASED_VALUES_MAX < 2**20


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"on": "a", "on": "b"}', "f.yaml:1: the key 'on' stands on line 1 already"),
        ('{\n"on": }', "f.yaml:2: no JSON: expected a value, found '}'"),
        ('{"on": "a"} x', "f.yaml:1: no JSON: expected the end of the file, found 'x'"),
        ("{on: 1}", "f.yaml:1: no JSON: expected a key in double quotes, found 'on: 1}'"),
        ('{"on" "a"}', "f.yaml:1: no JSON: expected ':', found '\"a\"}'"),
        ('{"on": "a"', "f.yaml:1: no JSON: expected ',' or '}', found 'the end'"),
        ('{"on": "a\nb"}', "f.yaml:1: no JSON: Invalid control character at"),
        ("[" * 500, "f.yaml:1: nested deeper than 100 levels"),
    ],
)
def test_json_that_is_none(text: str, problem: str) -> None:
    assert problems(text, is_json=True) == [problem]


def test_a_file_that_cannot_be_read(tmp_path: Any) -> None:
    with pytest.raises(FileError, match=r"none\.yaml: cannot be read: No such file or directory"):
        parse_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"on: a\nversion: \xff\n")
    with pytest.raises(FileError, match=r"latin\.yaml:2: not written in UTF-8"):
        parse_file(tmp_path / "latin.yaml")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_in_a_file_it_is_read_or_refused(text: str) -> None:
    for is_json in (False, True):
        with suppress(FileError):
            read(text, is_json=is_json)


def test_schemas_know_durations_in_both_forms() -> None:
    schema = schema_of(Thing)
    assert schema["$defs"]["Inner"]["properties"]["at"]["type"] == ["integer", "string"]
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_places_are_shown_as_people_write_them() -> None:
    assert shown(("connectors", 3, "config", "connector.class")) == "connectors[3].config['connector.class']"
