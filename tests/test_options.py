"""What users ask for: every value is read, every mistake is told, all of them at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockconnect.arguments.properties import KNOWN_PROPERTIES, TIME_PROPERTIES
from mockconnect.arguments.reading import read_options
from mockconnect.arguments.values import duration_ms
from mockconnect.arguments.workers import plugins_on
from mockconnect.core.declared import simulated_connector
from mockconnect.core.settings import Timing
from mockconnect.core.terms import TargetState
from mockconnect.core.versions import KafkaVersion
from mockconnect.options import ClockChoice, OptionsError
from mockconnect.rest.filters import Filters

FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"


def problems(**arguments: object) -> list[str]:
    with pytest.raises(OptionsError) as raised:
        read_options(arguments)
    return [str(problem) for problem in raised.value.problems]


# --- what is read -----------------------------------------------------------------------------------------------------


def test_without_arguments_there_are_three_settled_workers_of_the_newest_kafka() -> None:
    options = read_options({})
    assert [plan.settings.name for plan in options.workers] == ["connect-0", "connect-1", "connect-2"]
    assert {plan.settings.version.text for plan in options.workers} == {"4.3.1"}
    assert (options.mode, options.seed, options.clock, options.host, options.port, options.cold_start) == (
        "distributed",
        0,
        ClockChoice("paced"),
        "127.0.0.1",
        0,
        False,
    )
    assert options.timing == Timing()


def test_every_worker_has_the_plugins_of_its_own_distribution() -> None:
    options = read_options({"kafka_version": ["4.3.1", "3.9.0"], "workers": 2})
    versions = [
        {plugin.version for plugin in plan.plugins if plugin.class_name == FILE_SOURCE}
        for plan in options.workers
    ]
    assert versions == [{"4.3.1"}, {"3.9.0"}]


def test_a_standalone_cluster_is_one_worker() -> None:
    assert len(read_options({"mode": "standalone"}).workers) == 1
    assert problems(mode="standalone", workers=2) == [
        "workers: a standalone worker is alone: expected 1, found 2"
    ]


def test_workers_may_be_told_one_by_one() -> None:
    options = read_options(
        {
            "workers": [
                "a",
                {"kafka_version": "3.9", "config": {"connect.protocol": "eager"}},
                {"name": "c"},
            ],
            "config": {"connect.protocol": "compatible", "client.id": "x"},
        }
    )
    settings = [plan.settings for plan in options.workers]
    assert [one.name for one in settings] == ["a", "connect-1", "c"]
    assert [one.version.text for one in settings] == ["4.3.1", "3.9.0", "4.3.1"]
    assert [one.connect_protocol for one in settings] == ["compatible", "eager", "compatible"]
    assert [one.config for one in settings] == [(("client.id", "x"),)] * 3


def test_users_have_to_sign_in() -> None:
    settings = read_options({"users": {"alice": "secret", "bob": "b=b"}}).workers[0].settings
    auth = Filters.of(settings, 12).basic_auth
    assert auth is not None
    assert auth.users == {"alice": "secret", "bob": "b=b"}


@pytest.mark.parametrize("name", TIME_PROPERTIES)
def test_times_among_the_worker_properties_become_timing(name: str) -> None:
    options = read_options({"config": {name: "1234"}})
    assert getattr(options.timing, name.replace(".", "_")) == 1234


def test_properties_that_show_become_settings_and_the_rest_is_kept() -> None:
    config = {
        "group.id": "g",
        "exactly.once.source.support": "enabled",
        "topic.tracking.enable": False,
        "topic.creation.enable": "FALSE",
        "connector.client.config.override.policy": "None",
        "access.control.allow.origin": "*",
        "my.own.extension": 7,
    }
    settings = read_options({"config": config}).workers[0].settings
    assert settings.group_id == "g"
    assert settings.exactly_once_source_enabled
    assert not settings.topic_tracking_enable
    assert not settings.topic_creation_enable
    assert settings.connector_client_config_override_policy == "None"
    assert settings.config == (("access.control.allow.origin", "*"), ("my.own.extension", "7"))


def test_timing_names_do_without_their_unit() -> None:
    timing = read_options(
        {"timing": {"jvm_start": "1m30s", "session_timeout_ms": 6000, "start_stop_threads": 2}}
    ).timing
    assert (timing.jvm_start_ms, timing.session_timeout_ms, timing.start_stop_threads) == (90_000, 6_000, 2)


def test_a_worker_advertises_where_it_listens_unless_told_otherwise() -> None:
    def advertised(**arguments: object) -> str:
        return read_options(arguments).workers[0].on(9000).worker_id

    assert advertised() == "127.0.0.1:9000"
    assert advertised(host="0.0.0.0") == "localhost:9000"
    assert advertised(host="0.0.0.0", advertised_host="connect") == "connect:9000"
    assert advertised(config={"rest.advertised.host.name": "a"}) == "a:9000"
    assert advertised(workers=[{"config": {"rest.advertised.port": 80}}]) == "127.0.0.1:80"


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("paced", ClockChoice("paced")),
        ("manual", ClockChoice("manual")),
        ("real", ClockChoice("real")),
        ("x60", ClockChoice("real", 60)),
        ("x0.5", ClockChoice("real", 0.5)),
    ],
)
def test_clocks(text: str, clock: ClockChoice) -> None:
    assert read_options({"clock": text}).clock == clock


def test_how_far_a_request_moves_time() -> None:
    assert read_options({}).per_request_ms is None
    assert read_options({"per_request": "1s"}).per_request_ms == 1_000


def test_connectors_that_exist_from_the_start() -> None:
    given = [
        {"name": "a", "config": {"connector.class": FILE_SOURCE, "tasks.max": 2, "flag": True}},
        {"config": {"name": "b", "connector.class": FILE_SOURCE}, "state": "stopped"},
    ]
    first, second = read_options({"connectors": given}).connectors
    assert (first.name, first.config, first.target) == (
        "a",
        {"connector.class": FILE_SOURCE, "tasks.max": "2", "flag": "true"},
        TargetState.STARTED,
    )
    assert (second.name, second.target) == ("b", TargetState.STOPPED)


def test_connectors_and_plugins_may_come_from_files(tmp_path: Path) -> None:
    plugins, connectors = tmp_path / "plugins.yaml", tmp_path / "connectors.json"
    plugins.write_text("- {class: com.acme.Source, type: source, version: '2.0'}\n")
    connectors.write_text(json.dumps([{"name": "a", "config": {"connector.class": "com.acme.Source"}}]))
    options = read_options({"plugins": str(plugins), "connectors": connectors})
    assert "com.acme.Source" in [plugin.class_name for plugin in options.workers[0].plugins]
    assert [connector.name for connector in options.connectors] == ["a"]


def test_a_given_plugin_takes_the_place_of_the_distributions() -> None:
    mine = simulated_connector(FILE_SOURCE, "source", version="9.9")
    plugins = plugins_on(KafkaVersion.parse("4.3.1"), [mine])
    assert [plugin for plugin in plugins if plugin.class_name == FILE_SOURCE] == [mine]
    assert len(plugins) == len(plugins_on(KafkaVersion.parse("4.3.1")))


@pytest.mark.parametrize(
    ("value", "ms"),
    [(0, 0), (250, 250), ("250", 250), ("300ms", 300), ("5s", 5_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000), ("1m30s", 90_000)],
)  # fmt: skip
def test_durations(value: object, ms: int) -> None:
    assert duration_ms(value) == ms


@pytest.mark.parametrize("value", [-1, "5 apples", "", "s", None, True, 1.5, "-5s"])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(
        OptionsError, match=r"duration: expected milliseconds or a text such as '300ms', .* found"
    ):
        duration_ms(value)


# --- what is wrong ------------------------------------------------------------------------------------------------------


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(OptionsError) as raised:
        read_options({"workres": 2, "seed": "x", "clock": "fast", "kafka_version": "banana", "port": -1})
    assert str(raised.value) == (
        "5 mistakes in the options of the cluster:\n"
        "  workres: unknown; did you mean 'workers'?\n"
        "  seed: expected a whole number, found 'x'\n"
        "  clock: expected 'paced', 'manual', 'real' or a rate such as 'x60', found 'fast'\n"
        "  port: expected a port from 1 to 65535, or 0 for free ones, found -1\n"
        "  kafka_version: 'banana' is no Kafka version; expected something like '4.3.1' or '3.9'"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"per_request": "soon"}, "per_request: expected milliseconds or a text such as '300ms', '5s', '2m' or '1h', found 'soon'"),
        ({"per_request": "1s", "clock": "x2"}, "per_request: requests move only a paced clock"),
        ({"workers": 0}, "workers: expected from 1 to 100 workers, found 0"),
        ({"workers": "3"}, "workers: expected a number or a list of workers, found '3'"),
        ({"workers": [{"nam": "a"}]}, "workers[0].nam: unknown; did you mean 'name'?"),
        ({"workers": ["a", "a"]}, "workers[1].name: another worker is called 'a' already"),
        ({"workers": [{"name": ""}]}, "workers[0].name: expected a text, found ''"),
        ({"workers": 2, "kafka_version": ["4.3.1"]}, "kafka_version: expected one version, or 2 for 2 workers, found 1"),
        ({"kafka_version": 3.9}, "kafka_version: expected a text such as '4.3.1' or '3.9', found 3.9"),
        ({"mode": "standalon"}, "mode: expected one of distributed, standalone, found 'standalon'; did you mean 'standalone'?"),
        ({"clock": "x0"}, "clock: expected 'paced', 'manual', 'real' or a rate such as 'x60', found 'x0'"),
        ({"port": 65535}, "port: 3 workers do not fit between 65535 and 65535"),
        ({"port": True}, "port: expected a port from 1 to 65535, or 0 for free ones, found True"),
        ({"host": 1}, "host: expected a text, found 1"),
        ({"cold_start": 1}, "cold_start: expected True or False, found 1"),
        ({"timing": {"jvm_strat": 1}}, "timing['jvm_strat']: unknown; did you mean 'jvm_start_ms'?"),
        ({"timing": {"start_stop_threads": 0}}, "timing['start_stop_threads']: expected a whole number from 1, found 0"),
        ({"timing": 5}, "timing: expected a dict, found 5"),
        (
            {"config": {"schedled.rebalance.max.delay.ms": 1}},
            "config['schedled.rebalance.max.delay.ms']: unknown; did you mean 'scheduled.rebalance.max.delay.ms'?",
        ),
        (
            {"config": {"connect.protocol": "eagre"}},
            "config['connect.protocol']: expected one of eager, compatible, sessioned, found 'eagre'; did you mean 'eager'?",
        ),
        ({"config": {"topic.creation.enable": "yes"}}, "config['topic.creation.enable']: expected true or false, found 'yes'"),
        ({"config": {"group.id": []}}, "config['group.id']: expected a text, a number or a truth value, found []"),
        ({"config": {"listeners": "http://:1"}}, "config['listeners']: say where workers listen with the arguments host and port"),
        ({"config": {"rest.advertised.port": "x"}}, "config['rest.advertised.port']: expected a port from 1 to 65535, found 'x'"),
        (
            {"workers": [{"config": {"session.timeout.ms": 1}}]},
            "workers[0].config['session.timeout.ms']: this counts for all workers: give it in config of the cluster",
        ),
        ({"users": {"alice": 1}}, "users['alice']: expected the password, found 1"),
        (
            {"config": {"admin.listeners": "nowhere"}},
            "config: Listener doesn't have the right format (protocol://hostname:port).",
        ),
        ({"plugins": 5}, "plugins: expected a list of plugins or a file with one, found 5"),
        (
            {"config": {"connector.client.config.override.policy": "Principle"}},
            "config['connector.client.config.override.policy']: expected one of All, None, Principal, Allowlist,"
            " found 'Principle'; did you mean 'Principal'?",
        ),
        ({"plugins": ["/none.yaml"]}, "plugins[0]: /none.yaml: cannot be read: No such file or directory"),
        ({"connectors": 5}, "connectors: expected a list of connectors or a file with one, found 5"),
        ({"connectors": [3]}, "connectors[0]: expected a mapping, found '3'"),
        ({"connectors": [{"name": "a"}]}, "connectors[0].config['connector.class']: missing"),
        ({"connectors": [{"name": "a", "config": {}}]}, "connectors[0].config['connector.class']: missing"),
        ({"connectors": [{"config": {"connector.class": "c"}}]}, "connectors[0].name: missing"),
        (
            {"connectors": [{"name": "a", "config": {"connector.class": "c", "name": "b"}}]},
            "connectors[0].config.name: expected 'a', found 'b'",
        ),
        (
            {"connectors": [{"name": "a", "config": {"connector.class": "c"}, "state": "RUNING"}]},
            "connectors[0].state: expected one of PAUSED, RUNNING, STOPPED, found 'RUNING'; did you mean 'RUNNING'?",
        ),
        (
            {"connectors": [{"name": "a", "config": {"connector.class": "c"}}] * 2},
            "connectors[1].name: there is a connector 'a' already",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_names_its_place_and_what_was_expected(arguments: dict[str, object], expected: str) -> None:
    assert problems(**arguments) == [expected]


def test_mistakes_in_plugins_carry_their_number() -> None:
    found = problems(plugins=[{"clas": "x", "type": "source"}])
    assert found == [
        "plugins[0]: clas: unknown field; did you mean 'class'?",
        "plugins[0]: class: the name of the Java class is missing",
    ]


def test_a_file_that_is_no_yaml_is_one_mistake(tmp_path: Path) -> None:
    path = tmp_path / "plugins.yaml"
    path.write_text("- {class: [")
    (found,) = problems(plugins=[path])
    assert found.startswith(f"plugins[0]: {path}:2: no YAML: ")


def test_no_known_property_looks_like_a_typing_error_of_another() -> None:
    own = ("listeners", "rest.port", "rest.host.name", "rest.advertised.port", "response.http.headers.config")
    words = {
        "admin.listeners": "",
        "connect.protocol": "eager",
        "connector.client.config.override.policy": "None",
        "exactly.once.source.support": "enabled",
    }
    config: dict[str, object] = {
        name: words.get(name, "true") for name in KNOWN_PROPERTIES if name not in own
    }
    config |= dict.fromkeys(TIME_PROPERTIES, 1)
    assert read_options({"config": config}).workers


def test_a_fixed_port_leaves_room_for_every_worker() -> None:
    assert read_options({"port": 65533}).port == 65533
