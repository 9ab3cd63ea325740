"""Nonsense in the place of every value: a scenario is read and can be played, or its mistakes are told; nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import combinations
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockconnect.core.client_faults import RequestFault
from mockconnect.files.problems import FileError, ProblemsError
from mockconnect.playing import play_alone
from mockconnect.scenario.actions import FAULT_VERBS, Action, argument_name
from mockconnect.scenario.loading import Scenario, scenario_from_text
from mockconnect.scenario.operations import OPERATIONS
from mockconnect.scenario.shipped import shipped_files
from mockconnect.staging import Staged, options_of
from tests.nonsense import NONSENSE
from tests.scenario.test_loading import HEAD

SOURCES = [path.read_text(encoding="utf-8") for path in shipped_files()]
DOCUMENTS = [yaml.load(text, Loader=yaml.BaseLoader) for text in SOURCES]
Place = tuple[Any, ...]


def places(node: Any, at: Place = ()) -> Iterator[Place]:
    """The way to everything inside."""
    rows = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in rows:
        yield (*at, step)
        yield from places(inner, (*at, step))


PLACES = [list(places(document)) for document in DOCUMENTS]


def part(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def changed(node: Any, place: Place, value: Any) -> Any:
    """A copy in which something else stands there."""
    if not place:
        return value
    if isinstance(node, dict):
        return {**node, place[0]: changed(node[place[0]], place[1:], value)}
    return [changed(one, place[1:], value) if step == place[0] else one for step, one in enumerate(node)]


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """A shipped scenario with nonsense, or a part of another one, somewhere."""
    number = draw(st.integers(0, len(DOCUMENTS) - 1))
    document = DOCUMENTS[number]
    for place in draw(st.lists(st.sampled_from(PLACES[number]), min_size=1, max_size=3)):
        other = draw(st.integers(0, len(DOCUMENTS) - 1))
        found = st.sampled_from(PLACES[other]).map(lambda at, other=other: part(DOCUMENTS[other], at))
        value = draw(st.one_of(st.sampled_from(NONSENSE), found))
        try:
            document = changed(document, place, value)
        except (KeyError, IndexError, TypeError):
            continue  # another change has taken that place away
    return document


def read(document: Any) -> Scenario | None:
    """The scenario, if there are no mistakes in it."""
    try:
        return scenario_from_text(json.dumps(document), "nonsense.json")
    except FileError:
        return None


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(mangled())
def test_mangled_documents_are_read_or_refused(document: Any) -> None:
    scenario = read(document)
    if scenario is not None:
        with suppress(ProblemsError):
            options_of(scenario, {})


BASE: dict[str, Any] = {
    "apiVersion": "mockconnect/v1",
    "kind": "Scenario",
    "metadata": {"name": "nonsense"},
    "settings": {"duration": "3s"},
    "cluster": {
        "connectors": [{"name": "c", "class": "FileStreamSource", "config": {"file": "f", "topic": "t"}}],
        "plugin_sets": {"x": ["FileStreamSource"]},
    },
}


def plays(actions: Sequence[Any]) -> None:
    """Whatever can be read can be played: one after the other, in one scenario."""
    rules = [{"name": f"r-{number}", "at": "1s", "do": action} for number, action in enumerate(actions)]
    readable = [rule for rule in rules if read({**BASE, "timeline": [rule]}) is not None]
    scenario = read({**BASE, "timeline": readable})
    assert scenario is not None, readable
    play_alone(Staged(options_of(scenario, {}), scenario)).text()


@pytest.mark.parametrize("verb", FAULT_VERBS)
def test_nonsense_as_the_arguments_of_a_verb(verb: str) -> None:
    plays([{verb: value} for value in NONSENSE])


USUAL = {
    "worker": "leader",
    "workers": "all",
    "connector": "c",
    "task": 0,
    "a": "leader",
    "b": "kafka",
    "from": "leader",
    "to": "connect-1",
}


COMMON = {argument_name(one.name) for one in fields(RequestFault)}
"""Arguments that all faults of requests have; one such fault is enough."""


@pytest.mark.parametrize("verb", FAULT_VERBS)
def test_nonsense_as_one_argument_of_a_verb(verb: str) -> None:
    kind = next(one.type for one in msgspec.structs.fields(Action) if one.name == verb)
    (arguments,) = [one for one in kind.__args__ if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    rows = msgspec.structs.fields(arguments)
    needed = {one.encode_name: USUAL.get(one.encode_name, "x") for one in rows if one.required}
    names = [name for row in rows if (name := row.encode_name) not in COMMON or verb == "answer"]
    plays([{verb: {**needed, name: value}} for name in names for value in NONSENSE])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_with_more_and_less_than_they_need(operation: str) -> None:
    usual: dict[str, Any] = {"connector": "c", "task": 0, "config": {"a": "b"}, "plugin": "FileStreamSource"}
    usual |= {"logger": "root", "level": "DEBUG", "offsets": [{"partition": {"a": "b"}}]}
    choices = [names for count in range(3) for names in combinations(usual, count)]
    requests = [{"operation": operation, **{name: usual[name] for name in names}} for names in choices]
    plays([{"request": request} for request in requests])


# --- what is told ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeline", "says"),
    [
        (
            "[{do: {answer: []}}]",
            "test.yaml:4: timeline[0].do.answer: expected at least one entry, found none",
        ),
        ("[{do: {answer: [ok, ok]}}]", "timeline[0].do.answer: expected one text, found a list"),
        (
            "[{do: {fail_connector: [c, d]}}]",
            "timeline[0].do.fail_connector: expected one text, found a list",
        ),
        ("[{do: {queue: []}}]", "timeline[0].do.queue: expected at least one entry, found none"),
        ("[{do: {crash: []}}]", "timeline[0].do.crash: expected at least one entry, found none"),
        ("[{do: {crash: {worker: []}}}]", "do.crash.worker: expected at least one entry, found none"),
        ("[{do: []}]", "timeline[0].do: expected at least one entry, found none"),
        ("[{do: {choose: []}}]", "timeline[0].do.choose: expected at least one entry, found none"),
        ("[{do: rebalance, when: {any: []}}]", "when.any: expected at least one entry, found none"),
        (
            "[{do: rebalance, random: {every: 1s, between: [1s]}}]",
            "random.between: expected 2 entries, found 1",
        ),
        (
            "[{do: {request: {operation: create_connector, connector: c}}}]",
            "do.request.config: missing: create_connector needs it",
        ),
        (
            "[{do: {request: {operation: health, connector: c}}}]",
            "do.request.connector: health takes no such thing",
        ),
        (
            "[{do: {request: {operation: set_logger, logger: root}}}]",
            "do.request.level: missing: set_logger needs it",
        ),
    ],
)
def test_mistakes_are_told_where_they_stand(timeline: str, says: str) -> None:
    with pytest.raises(FileError) as raised:
        scenario_from_text(f"{HEAD}timeline: {timeline}\n", "test.yaml")
    (problem,) = raised.value.problems
    assert str(problem).endswith(says)


def test_half_of_a_character_is_no_text() -> None:
    with pytest.raises(FileError, match="half of a surrogate pair stands alone"):
        scenario_from_text('{"a": "\\ud83d"}', "test.json")
    assert scenario_from_text(
        json.dumps({**BASE, "metadata": {"name": "x", "description": "\U0001f600"}}), "x.json"
    )


def test_numbers_of_an_open_type_have_an_end() -> None:
    offsets = f"[{{partition: {{file: f}}, offset: {{position: {'9' * 5_000}}}}}]"
    request = f"{{operation: alter_offsets, connector: c, offsets: {offsets}}}"
    with pytest.raises(FileError, match="expected a number of at most 300 digits"):
        scenario_from_text(f"{HEAD}timeline: [{{do: {{request: {request}}}}}]\n", "test.yaml")


def test_sets_of_plugins_that_contain_each_other() -> None:
    sets = {"a": ["b"], "b": ["a"]}
    scenario = scenario_from_text(json.dumps({**BASE, "cluster": {"plugin_sets": sets}}), "x.json")
    staging = Staged(options_of(scenario, {}), scenario)
    with pytest.raises(ProblemsError, match="the set 'a' is part of itself"):
        play_alone(staging)
