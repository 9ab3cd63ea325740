"""One worker's plugins: the list, names, versions, definitions; and how simulated connectors behave."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mockconnect import catalog
from mockconnect.core.artifact_version import version_requirement
from mockconnect.core.behaviour import Behaviour, Condition, Failure, SourceOffsets, TasksRule, shares
from mockconnect.core.declared import DeclarationError, plugin_from_dict, simulated_connector
from mockconnect.core.enrichment import connector_plugin_config
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import connector_task_configs, start_problem
from mockconnect.core.java_classes import KNOWN_CLASSES
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins, VersionedPluginError
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.traces import Throwable, java_trace, tolerance_exceeded
from mockconnect.core.validation import validate_connector_config

RECORDINGS = Path(__file__).parents[1] / "conformance" / "recordings" / "4.3.1" / "plugins"
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
MIRROR = "org.apache.kafka.connect.mirror."


@pytest.fixture(scope="module")
def apache() -> Plugins:
    return Plugins(catalog.apache_plugins())


def recorded(name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return rows


def listed(name: str) -> list[dict[str, object]]:
    """A recorded list without the connectors that the recording brought itself."""
    return [row for row in recorded(name) if not str(row["class"]).startswith("org.mockconnect.")]


# --- the list, against a real worker -------------------------------------------------------------------------------------


def test_the_list_is_that_of_a_real_worker(apache: Plugins) -> None:
    assert [plugin.info() for plugin in apache.list(connectors_only=False)] == listed("_list")
    assert [plugin.info() for plugin in apache.list()] == listed("_connectors_only")


def test_every_definition_is_that_of_a_real_worker(apache: Plugins) -> None:
    for plugin in apache.list(connectors_only=False):
        assert connector_plugin_config(apache, plugin.class_name) == recorded(plugin.class_name), (
            plugin.class_name
        )


def test_importing_the_catalogue_reads_no_definitions() -> None:
    code = (
        "import sys, mockconnect.catalog as c\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from mockconnect.core.plugins import Plugins\n"
        "Plugins(c.apache_plugins()).list(False)\n"
        "print([path.rpartition('/')[2] for path in opened if path.endswith('.json')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['index.json']\n"


def test_a_plugin_without_version_is_listed_without_one() -> None:
    bare = PluginDesc("com.acme.Bare", "transformation")
    assert bare.info() == {"class": "com.acme.Bare", "type": "transformation"}
    assert str(bare) == (
        "PluginDesc{klass=class com.acme.Bare, name='com.acme.Bare', version='undefined',"
        " encodedVersion=undefined, type=transformation, typeName='transformation', location='classpath'}"
    )


def test_the_list_has_each_class_type_and_version_once_in_order_of_versions() -> None:
    described = [
        PluginDesc("com.acme.B", "sink", "1.10"),
        PluginDesc("com.acme.B", "sink", "1.9", "file:/b/"),
        PluginDesc("com.acme.B", "sink", "1.9"),
        PluginDesc("com.acme.A", "source", "1"),
    ]
    listed = Plugins(described).list()
    assert [(plugin.class_name, plugin.version, plugin.location) for plugin in listed] == [
        ("com.acme.B", "1.9", "file:/b/"),
        ("com.acme.B", "1.10", "classpath"),
        ("com.acme.A", "1", "classpath"),
    ]


def test_of_one_version_the_isolated_plugin_comes_first_and_that_of_the_class_path_is_taken() -> None:
    plugins = Plugins(
        [
            PluginDesc("com.acme.A", "source", "1"),
            PluginDesc("com.acme.A", "source", "1", "file:/b/"),
            PluginDesc("com.acme.A", "source", "1", "file:/a/"),
        ]
    )
    assert [one.location for one in plugins.connectors()] == ["file:/a/", "file:/b/", "classpath"]
    assert plugins.connector("com.acme.A").location == "classpath"


# --- names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FILE_SOURCE, "FileStreamSourceConnector", "FileStreamSource"])
def test_a_connector_has_three_names(apache: Plugins, name: str) -> None:
    assert apache.connector(name).class_name == FILE_SOURCE


@pytest.mark.parametrize(
    "name", ["", " FileStreamSource", "FileStreamSource ", "filestreamsource", "JsonConverter", "Cast"]
)
def test_no_other_text_finds_a_connector(apache: Plugins, name: str) -> None:
    with pytest.raises(ConnectError) as refused:
        apache.connector(name)
    connectors = ", ".join(str(plugin) for plugin in apache.connectors())
    assert refused.value.message == (
        f"Failed to find any class that implements Connector and which name matches {name}, available connectors are:"
        f" {connectors}"
    )


def test_an_ambiguous_alias_names_all_connectors() -> None:
    two = [PluginDesc("a.JdbcSource", "source", "1"), PluginDesc("b.JdbcSource", "source", "1")]
    other = PluginDesc("c.Other", "sink", "1")
    start = (
        "More than one connector matches alias JdbcSource. Please use full package and class name instead."
    )
    with pytest.raises(ConnectError) as refused:
        Plugins([*two, other]).connector("JdbcSource")
    assert refused.value.message == f"{start} Classes found: {two[0]}, {two[1]}, {other}"
    with pytest.raises(ConnectError) as refused:
        Plugins([*two, other], (3, 1, 0)).connector("JdbcSource")
    assert refused.value.message == f"{start} Classes found: {two[0]}, {two[1]}"


def test_an_alias_shared_by_two_kinds_is_dropped_but_connectors_are_still_found() -> None:
    plugins = Plugins(
        [PluginDesc("a.FooConnector", "source", "1"), PluginDesc("b.FooConverter", "converter", "1")]
    )
    assert plugins.load_class("Foo") is None
    assert plugins.connector("Foo").class_name == "a.FooConnector"


def test_nested_classes_have_only_their_own_name_as_alias(apache: Plugins) -> None:
    assert apache.load_class("RegexRouter") == "org.apache.kafka.connect.transforms.RegexRouter"
    assert apache.load_class("InsertField$Key") is None
    assert apache.load_class("Key") is None, "many transformations have a class Key"


def test_an_abstract_connector_cannot_be_instantiated(apache: Plugins) -> None:
    with pytest.raises(ConnectError, match="Instantiation error"):
        apache.connector("org.apache.kafka.connect.source.SourceConnector")
    broken = simulated_connector("com.acme.Broken", "sink", failures=[{"where": "instantiate"}])
    with pytest.raises(ConnectError, match="Instantiation error"):
        Plugins([broken]).connector("Broken")
    abstract = Plugins([PluginDesc("com.acme.AbstractSource", "source", abstract=True)])
    assert abstract.list() == ()
    with pytest.raises(ConnectError, match="Instantiation error"):
        abstract.connector("com.acme.AbstractSource")
    with pytest.raises(ConnectError, match="Failed to find any class"):
        abstract.connector("AbstractSource")


@pytest.mark.parametrize(
    ("name", "version", "status_code", "message"),
    [
        ("Nope", None, 404, "Unknown plugin Nope."),
        ("Nope", "1", 404, "Unknown plugin Nope."),
        (
            "FileStreamSource",
            "9.9",
            400,
            f"Plugin {FILE_SOURCE} not found that matches the version range [9.9,9.9], available versions: [4.3.1]",
        ),
        ("JsonConverter", "[9", 400, "Invalid version specification: [9"),
        (
            "JsonConverter",
            "9",
            400,
            "Plugin org.apache.kafka.connect.json.JsonConverter not found that matches the version range [9,9],"
            " available versions: [4.3.1, 4.3.1]",
        ),
        (
            "FileConfigProvider",
            None,
            400,
            "Invalid plugin class FileConfigProvider. Valid types are sink, source, converter, header_converter,"
            " transformation, predicate.",
        ),
        ("JsonConverter", "(4.3.1]", 400, "Invalid version specification: (4.3.1]"),
        (
            "BasicAuthSecurityRestExtension",
            None,
            400,
            "Invalid plugin class BasicAuthSecurityRestExtension. Valid types are sink, source, converter,"
            " header_converter, transformation, predicate.",
        ),
        ("org.apache.kafka.connect.connector.Connector", None, 500, "Instantiation error"),
        ("org.apache.kafka.connect.source.SourceConnector", None, 500, "Instantiation error"),
    ],
)
def test_a_plugin_that_cannot_be_described(
    apache: Plugins, name: str, version: str | None, status_code: int, message: str
) -> None:
    with pytest.raises(ConnectError) as refused:
        connector_plugin_config(apache, name, version)
    assert (refused.value.status_code, refused.value.message) == (status_code, message)


def test_a_plugin_config_had_only_its_own_keys_before_3_5() -> None:
    old = connector_plugin_config(Plugins(catalog.apache_plugins(), (3, 4, 0)), "FileStreamSource")
    assert [row["name"] for row in old] == ["file", "topic", "batch.size"]
    assert "order" in old[0]


# --- versions ------------------------------------------------------------------------------------------------------------


def test_several_versions_of_a_class_are_told_apart() -> None:
    versions = [
        PluginDesc("com.acme.Jdbc", "source", text, f"file:/jdbc-{text}/")
        for text in ("10.7.4", "10.8.0", "9.0")
    ]
    plugins = Plugins(versions)
    assert plugins.connector("Jdbc").version == "10.8.0"
    assert plugins.connector("Jdbc", "10.7.4").version == "10.7.4"
    assert plugins.connector("Jdbc", "(,10)").version == "9.0"
    assert plugins.versions_of("Jdbc", "source") == ("9.0", "10.7.4", "10.8.0")
    assert plugins.latest_version("Jdbc", "sink") is None
    with pytest.raises(VersionedPluginError) as refused:
        plugins.plugin("Jdbc", version_requirement("11"))
    assert refused.value.available == ("9.0", "10.7.4", "10.8.0")


def test_a_version_of_a_class_that_is_no_plugin_cannot_be_asked_for() -> None:
    with pytest.raises(VersionedPluginError) as refused:
        Plugins([]).plugin("java.lang.String", version_requirement("1"))
    assert refused.value.available is None
    assert "is not part of Connect's plugin loading mechanism" in str(refused.value)


def test_the_type_of_a_connector_that_cannot_be_loaded_is_unknown(apache: Plugins) -> None:
    assert apache.connector_type({"connector.class": "FileStreamSink"}) == "sink"
    for config in (
        None,
        {},
        {"connector.class": "gone.Connector"},
        {"connector.class": "FileStreamSink", "connector.plugin.version": "9"},
    ):
        assert apache.connector_type(config) == "unknown"


@pytest.mark.parametrize("name", ["org.apache.kafka.connect.tools.MockConnector", "MockConnector", "Mock"])
def test_a_connector_may_be_neither_source_nor_sink(name: str) -> None:
    """``MockConnector`` has no tasks, as ``taskClass()`` throws; those that use it have one, whatever tasks.max says."""
    before_3_2 = Plugins(catalog.apache_plugins("2.8.2"), (2, 8, 2))
    config = {"connector.class": name, "tasks.max": "3", "topics": "t"}
    assert before_3_2.connector_type(config) == "unknown"
    assert connector_task_configs("m", config, before_3_2.connector(name)) == []
    assert len(connector_task_configs("m", config, before_3_2.connector("MockSource"))) == 1


def test_known_classes_do_not_hide_plugins(apache: Plugins) -> None:
    assert not {known.name for known in KNOWN_CLASSES} & {plugin.class_name for plugin in apache.list(False)}


# --- declarations --------------------------------------------------------------------------------------------------------


def test_a_connector_of_ones_own() -> None:
    plugin = simulated_connector(
        "com.acme.AcmeSourceConnector",
        "source",
        "2.1",
        tasks={"kind": "items", "key": "tables"},
        keys=["url", {"name": "poll.ms", "type": "INT", "default_value": 100, "importance": "LOW"}],
        records_per_second=5,
        failures=[{"where": "running", "message": "boom", "after_records": 3, "task": 1}],
    )
    assert isinstance(plugin.behaviour, Behaviour)
    assert plugin.behaviour.failures == (Failure("running", "boom", after_records=3, task=1),)
    assert plugin.task_class == "com.acme.AcmeSourceTask"
    assert {name: key.default for name, key in plugin.definition().keys.items()} == {
        "url": None,
        "poll.ms": 100,
    }
    assert Plugins([plugin]).connector("AcmeSource") == plugin


def test_all_mistakes_of_a_declaration_are_told_at_once() -> None:
    with pytest.raises(DeclarationError) as refused:
        plugin_from_dict(
            {
                "class": 3,
                "typ": "source",
                "config": [{"nme": "x"}, {"name": "b", "type": "INTEGER", "validator": ["rang", 1]}, 4],
                "behaviour": {
                    "start_ms": "soon",
                    "failures": [{"message": "boom"}],
                    "tasks": "many",
                    "poll": 1,
                },
            }
        )
    told = refused.value.problems
    for path in (
        "class: expected a text, found 3",
        "typ: unknown field; did you mean 'type'?",
        "type: missing; expected one of source, sink",
        "config[2]: expected a name or an object, found 4",
        "config[?].nme: unknown field; did you mean 'name'?",
        "config[b].type: expected one of BOOLEAN, STRING",
        "config[b].validator: unknown validator 'rang'",
        "behaviour.start_ms: expected a whole number, found 'soon'",
        "behaviour.failures[0].where: missing",
        "behaviour.tasks.kind: expected one of exactly_one, tasks_max, fixed, items, found 'many'",
        "behaviour.poll: unknown field; did you mean 'poll_ms'?",
    ):
        assert any(problem.startswith(path) for problem in told), path


def test_keys_may_come_from_the_answer_of_a_real_worker() -> None:
    plugin = plugin_from_dict(
        {"class": "a.B", "type": "sink", "config": recorded("org.apache.kafka.connect.json.JsonConverter")}
    )
    assert next(iter(plugin.definition().keys)) == "converter.type"


# --- tasks ---------------------------------------------------------------------------------------------------------------


def test_the_file_connectors_tasks(apache: Plugins) -> None:
    source = {"name": "s", "connector.class": FILE_SOURCE, "tasks.max": "5", "topic": "t", "file": "f"}
    assert connector_task_configs("s", source, apache.connector("FileStreamSource")) == [
        {**source, "task.class": "org.apache.kafka.connect.file.FileStreamSourceTask"}
    ]
    sink = {"name": "k", "connector.class": "FileStreamSink", "tasks.max": " 3 ", "topics": "a,b"}
    tasks = connector_task_configs("k", sink, apache.connector("FileStreamSink"))
    assert tasks == [{**sink, "task.class": "org.apache.kafka.connect.file.FileStreamSinkTask"}] * 3


def test_the_mirror_connectors_tasks(apache: Plugins) -> None:
    config = {
        "name": "m",
        "source.cluster.alias": "A",
        "topics": "x, y.*, z",
        "groups": "g",
        "tasks.max": "2",
    }

    def added(name: str, **more: str) -> list[dict[str, str]]:
        given = {**config, **more}
        tasks = connector_task_configs("m", given, apache.connector(MIRROR + name))
        return [{key: value for key, value in task.items() if key not in given} for task in tasks]

    assert added("MirrorSourceConnector") == [
        {"task.class": MIRROR + "MirrorSourceTask", "task.assigned.partitions": "x-0", "task.index": "0"},
        {"task.class": MIRROR + "MirrorSourceTask", "task.assigned.partitions": "z-0", "task.index": "1"},
    ]
    assert [task["task.assigned.groups"] for task in added("MirrorCheckpointConnector")] == ["g"]
    assert len(added("MirrorHeartbeatConnector")) == 1
    assert added("MirrorSourceConnector", enabled="false") == []
    assert added("MirrorHeartbeatConnector", **{"emit.heartbeats.enabled": "false"}) == []


def test_too_many_tasks() -> None:
    plugin = simulated_connector("com.acme.Many", "source", tasks=3)
    with pytest.raises(ConnectError) as refused:
        connector_task_configs("c", {"tasks.max": "2"}, plugin)
    assert refused.value.java_class == "org.apache.kafka.connect.runtime.TooManyTasksException"
    assert (refused.value.message or "").startswith(
        "The connector c has generated 3 tasks, which is greater than 2, the maximum number of tasks"
    )
    assert len(connector_task_configs("c", {"tasks.max": "2", "tasks.max.enforce": "FALSE"}, plugin)) == 3
    assert len(connector_task_configs("c", {"tasks.max": "2"}, plugin, (3, 7, 0))) == 3


@pytest.mark.parametrize(
    ("rule", "dealt"),
    [
        (TasksRule("tasks_max"), [(), ()]),
        (TasksRule("fixed", 1), [()]),
        (TasksRule("items", key="list"), [("a", "c.*"), ("b",)]),
        (TasksRule("items", key="list", literal=True), [("a",), ("b",)]),
        (TasksRule("items", key="none"), []),
        (TasksRule(none_when=(Condition(("on",), equals="no"),)), []),
    ],
)
def test_task_rules(rule: TasksRule, dealt: list[tuple[str, ...]]) -> None:
    assert rule.deal({"list": " a,b ,c.*", "on": "no"}, 2) == dealt


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(("a", "b"), equals="1"), True),
        (Condition(("b",), equals="1"), False),
        (Condition(("zz",), differs="1"), True),
        (Condition(("b",), given=True), True),
        (Condition(("n",), given=True), False),
        (Condition(("n",), given=False), True),
        (Condition(any_prefix=("x", "a")), True),
        (Condition(any_prefix=("x",)), False),
    ],
)
def test_conditions(condition: Condition, holds: bool) -> None:
    assert condition.holds({"a": "1", "b": "2", "n": None}) is holds


# --- data ----------------------------------------------------------------------------------------------------------------


def behaviour_of(plugins: Plugins, name: str) -> Behaviour:
    behaviour = plugins.connector(name).behaviour
    assert behaviour is not None
    return behaviour


def test_the_file_source_commits_a_position_if_it_reads_a_file(apache: Plugins) -> None:
    source = behaviour_of(apache, "FileStreamSource")
    task = {"topic": "t", "file": "f"}
    assert source.topics(task, task) == ["t"]
    assert source.offsets(task, task, 0) == [({"filename": "f"}, {"position": 0})]
    assert source.offsets(task, task, 3) == [({"filename": "f"}, {"position": 30})]
    assert source.offsets({}, {"topic": "t"}, 3) == []


def test_the_mirror_source_commits_one_offset_per_partition(apache: Plugins) -> None:
    source = behaviour_of(apache, "MirrorSource")
    task = {"source.cluster.alias": "A", "task.assigned.partitions": "x-0,z-0"}
    assert source.topics({}, task) == ["A.x", "A.z"]
    assert source.offsets({}, task, 5) == [
        ({"cluster": "A", "topic": "x", "partition": 0}, {"offset": 3}),
        ({"cluster": "A", "topic": "z", "partition": 0}, {"offset": 2}),
    ]


def test_a_sink_reads_its_topics(apache: Plugins) -> None:
    sink = behaviour_of(apache, "FileStreamSink")
    assert sink.topics({"topics": "a, b,a"}, {}) == ["a", "b"]
    assert sink.offsets({"topics": "a,b"}, {}, 3, task=1) == [
        ({"kafka_topic": "a", "kafka_partition": 1}, {"kafka_offset": 2}),
        ({"kafka_topic": "b", "kafka_partition": 1}, {"kafka_offset": 1}),
    ]
    known = Behaviour(existing_topics=("log.a", "log.b", "other"))
    assert known.topics({"topics.regex": "log[.].*"}, {}) == ["log.a", "log.b"]


def test_shares_add_up() -> None:
    for records in range(12):
        assert [sum(shares(records, parts)) for parts in (1, 2, 5)] == [records] * 3


def test_failures_belong_to_a_place_and_perhaps_to_a_task() -> None:
    one, other = Failure("running", task=1), Failure("start")
    behaviour = Behaviour(failures=(one, other))
    assert behaviour.failures_at("running", 1) == [one]
    assert behaviour.failures_at("running", 0) == []


# --- alterOffsets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partition", "offset", "problem"),
    [
        ({"filename": "f"}, {"position": 3}, None),
        ({"anything": 1}, None, None),
        ({"filename": "f"}, {}, "Offset objects should either be null or contain the key 'position'"),
        (
            {"filename": "f"},
            {"position": "3"},
            "The value for the 'position' key in the offset is expected to be a Long value",
        ),
        (
            {"filename": "f"},
            {"position": True},
            "The value for the 'position' key in the offset is expected to be a Long value",
        ),
        (
            {"filename": "f"},
            {"position": -1},
            "The value for the 'position' key in the offset should be a non-negative value",
        ),
        (None, {"position": 1}, "Partition objects cannot be null"),
        ({}, {"position": 1}, "Partition objects should contain the key 'filename'"),
    ],
)
def test_the_file_sources_offset_rules(
    apache: Plugins, partition: dict[str, str] | None, offset: dict[str, int] | None, problem: str | None
) -> None:
    behaviour = behaviour_of(apache, "FileStreamSource")
    assert behaviour.check_alter_offsets({"file": "f"}, [(partition, offset)]) == problem
    assert "'file' configuration is unspecified" in (behaviour.check_alter_offsets({}, []) or "")


@pytest.mark.parametrize(
    ("partition", "offset", "problem"),
    [
        ({"cluster": "A", "topic": "t", "partition": 0}, {"offset": 4}, None),
        (None, {"offset": 4}, "Source partitions may not be null"),
        (
            {"topic": "t"},
            {"offset": 4},
            "Source partition {topic=t} is missing the 'cluster' key, which is required",
        ),
        (
            {"cluster": 3, "topic": "t"},
            {"offset": 4},
            "Source partition {cluster=3, topic=t} has an invalid value 3 for the 'cluster' key, which must be a string",
        ),
        (
            {"cluster": "A", "topic": "t", "partition": -1},
            {"offset": 4},
            "Source partition {cluster=A, partition=-1, topic=t} has an invalid value -1 for the 'partition' key,"
            " which cannot be negative",
        ),
        (
            {"cluster": "A", "topic": "t", "partition": 0},
            {"offset": 1.5},
            "Source offset {offset=1.5} for source partition {cluster=A, partition=0, topic=t} has an invalid value 1.5"
            " for the 'offset' key, which must be an integer",
        ),
    ],
)
def test_the_mirror_sources_offset_rules(
    apache: Plugins, partition: dict[str, str | int] | None, offset: dict[str, float], problem: str | None
) -> None:
    assert behaviour_of(apache, "MirrorSource").check_alter_offsets({}, [(partition, offset)]) == problem


def test_the_heartbeat_connector_accepts_only_zero(apache: Plugins) -> None:
    rules = behaviour_of(apache, "MirrorHeartbeat").check_alter_offsets
    partition = {"sourceClusterAlias": "A", "targetClusterAlias": "B"}
    assert rules({}, [(partition, {"offset": 0})]) is None
    assert (rules({}, [(partition, {"offset": 1})]) or "").endswith("; the only accepted value is 0")


# --- start and traces ----------------------------------------------------------------------------------------------------


def test_what_validation_lets_through_can_stop_the_start(apache: Plugins) -> None:
    plugin = apache.connector("FileStreamSource")
    assert start_problem(plugin, {"topic": "t"}) is None
    null = start_problem(plugin, {"topic": "t", "file": None})
    assert (
        str(null)
        == "java.lang.ClassCastException: Non-string value found in original settings for key file: null"
    )
    bad = start_problem(plugin, {"topic": "t", "batch.size": "x"})
    assert str(bad) == (
        "org.apache.kafka.common.config.ConfigException:"
        " Invalid value x for configuration batch.size: Not a number of type INT"
    )


def test_a_trace_looks_like_javas() -> None:
    trace = Failure("task_start", "no file").throwable("com.acme.FileTask", "sink").trace()
    lines = trace.split("\n")
    assert lines[0] == "org.apache.kafka.connect.errors.ConnectException: no file"
    assert lines[1] == "\tat com.acme.FileTask.start(FileTask.java:42)"
    assert lines[2].startswith("\tat org.apache.kafka.connect.runtime.WorkerSinkTask.initializeAndStart")
    assert lines[-2:] == ["\tat java.base/java.lang.Thread.run(Thread.java:840)", ""]


def test_what_a_sink_throws_is_wrapped_and_shared_frames_are_counted() -> None:
    failure = Failure("running", "boom", "java.lang.IllegalStateException")
    lines = failure.throwable("com.acme.Task", "sink").trace().split("\n")
    assert lines[0].endswith("ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.")
    at = lines.index("Caused by: java.lang.IllegalStateException: boom")
    assert lines[at + 1] == "\tat com.acme.Task.put(Task.java:42)"
    assert lines[-2] == "\t... 11 more"
    source = failure.throwable("com.acme.Task", "source").trace()
    assert source.startswith("java.lang.IllegalStateException: boom\n\tat com.acme.Task.poll(Task.java:42)\n")


def test_other_traces() -> None:
    assert java_trace("a.B", None) == "a.B\n"
    assert java_trace("a.B", "x", ["c.D"], "e.F: y\n") == "a.B: x\n\tat c.D\nCaused by: e.F: y\n"
    wrapped = tolerance_exceeded(Throwable("e.F", "y"), "source_poll")
    assert wrapped.trace().startswith(
        "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler"
    )


def test_offsets_of_a_connector_without_partitions() -> None:
    assert Behaviour().offsets({}, {}, 7) == []
    assert Behaviour(source_offsets=SourceOffsets()).topics({}, {}) == []


def test_the_catalogue_knows_since_when_a_plugin_exists_and_tells_its_version() -> None:
    def named(version: str) -> dict[str, PluginDesc]:
        return {plugin.simple_name: plugin for plugin in catalog.apache_plugins(version)}

    policy = "AllowlistConnectorClientConfigOverridePolicy"
    assert policy in named("4.2.0")
    assert policy not in named("4.1.1-patched")
    assert named("3.5.2")["JsonConverter"].version is None
    assert named("3.6.0")["JsonConverter"].version == "3.6.0"
    assert named("3.5.2")["FileStreamSourceConnector"].version == "3.5.2"


def test_a_worker_without_listed_converters_still_has_its_own() -> None:
    alone = Plugins([simulated_connector("x.Only", "source")])
    infos = validate_connector_config(
        {"connector.class": "x.Only", "name": "a"}, plugins=alone, worker=WorkerSettings("w")
    )
    assert infos.error_count == 0
