"""mockconnect as a target: its clusters, and our test connectors simulated in it.

The test connectors of `oracle/java/` behave as their config says, so the config that a request carries becomes the
behaviour of that one connector before the request is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import mockconnect
from mockconnect.catalog import apache_plugins
from mockconnect.core.behaviour import (
    Behaviour,
    ConfigRule,
    EosAnswer,
    Failure,
    Offset,
    OffsetField,
    Partition,
    SourceOffsets,
    TasksRule,
    Where,
)
from mockconnect.core.configdef import ConfigDef, ConfigError, ConfigKey, Value
from mockconnect.core.declared import definition_from_rows
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.site import Script
from mockconnect.core.validation import CONFIG_EXCEPTION
from mockconnect.core.validators import JavaError
from mockconnect.hosting import RunningCluster
from mockconnect.rest.ports import reserve

from .isolated import hides_bare, plugin_path
from .oracle.releases import NEWEST, line_of, numbers_of
from .oracle.tls import CERTIFICATES
from .recording import read_plugins, recorded_versions
from .script import ClusterWish
from .target import Target, TargetFactory
from .wire import Request

PACKAGE: Final = "org.mockconnect.testing."
STUBS: Final[Mapping[str, str]] = {
    "relay": "",
    "refused": "refused",
    "dropped": "dropped",
    "silent": "silent",
    "reset": "closed",
    "closed": "closed",
    "cut-off": "closed",
    "not-http": "not_http",
    "html-502": "garbage",
    "html-200": "garbage_ok",
    "text-503": "upstream",
    "empty-500": "empty",
    "empty-200": "empty_ok",
    "empty-204": "no_content",
    "redirect": "redirect",
    "unauthorized": "unauthorized",
    "unauthorized-challenge": "challenge",
}
"""What a stub in front of the leader does, as a break between workers."""
SOURCES: Final = ("TestSource", "TypedSource", "ExactlyOnceSource", "NoOffsetsSource", "NullConfigSource")
DELAYS: Final[Mapping[str, str]] = {
    "start": "start_ms",
    "stop": "stop_ms",
    "taskconfigs": "task_configs_ms",
    "validate": "validate_ms",
    "alter": "alter_offsets_ms",
    "task.start": "task_start_ms",
    "task.stop": "task_stop_ms",
}
PLACES: Final[Mapping[str, Where]] = {
    "start": "start",
    "stop": "stop",
    "taskconfigs": "task_configs",
    "validate": "validate",
    "alter": "alter_offsets",
    "task.start": "task_start",
    "task.stop": "task_stop",
    "task.work": "running",
}


@dataclass(frozen=True, slots=True)
class FiniteBehaviour(Behaviour):
    """A connector whose tasks stop after so many records."""

    records_max: int = 0

    def offsets(
        self, config: Mapping[str, str | None], task_config: Mapping[str, str], records: int, task: int = 0
    ) -> list[tuple[Partition, Offset]]:
        # Spelled out: zero-argument super() does not know the class that slots made anew.
        return Behaviour.offsets(self, config, task_config, min(records, self.records_max), task)


@dataclass(frozen=True, slots=True)
class Depending:
    """A recommender that looks at another key, as those of TypedSourceConnector do."""

    key: str
    by_value: Mapping[str, Sequence[str]]
    otherwise: Sequence[str]
    hidden_otherwise: bool = False

    def valid_values(self, parsed: Mapping[str, Value]) -> Iterable[str]:
        return self.by_value.get(str(parsed.get(self.key)), self.otherwise)

    def visible(self, parsed: Mapping[str, Value]) -> bool:
        return not self.hidden_otherwise or str(parsed.get(self.key)) in self.by_value


class Refusing:
    """The recommender that refuses when its own key says so."""

    def valid_values(self, parsed: Mapping[str, Value]) -> Iterable[str]:
        if parsed.get("typed.throwing.recommender") == "throw":
            raise ConfigError("the recommender was told to refuse")
        return ()

    def visible(self, _parsed: Mapping[str, Value]) -> bool:
        return True


def refusing(name: str, value: Value) -> None:
    """The validator of typed.regexlike."""
    if value == "throw":
        raise JavaError("java.lang.IllegalArgumentException", "the validator was told to throw")
    if value == "refuse":
        raise ConfigError.of(name, value, "the validator was told to refuse")


def without_records(version: str, name: str) -> Behaviour:
    """The files that scripts name do not exist on the machines of real workers, and topics of file sinks are empty; in
    mockconnect every file and every topic grows."""
    return next(
        replace(plugin.behaviour, records_per_second=0)
        for plugin in apache_plugins(version)
        if plugin.behaviour is not None and plugin.simple_name == name
    )


PROMPT: Final = FiniteBehaviour(
    tasks=TasksRule("tasks_max"),
    task_config_added=(("test.task.id", "{#}"),),
    task_class=f"{PACKAGE}TestSourceTask",
    start_ms=1,
    stop_ms=1,
    task_start_ms=1,
    task_stop_ms=1,
    poll_ms=100,
    records_per_second=0,
    source_offsets=SourceOffsets((OffsetField("task", "{#}"),), "position"),
    writes_topics=("{test.topic}",),
    alter_offsets="true",
)
# What ConfigDef rows cannot tell: the validators of the keys of TypedSourceConnector and of the test.* keys.
VALIDATORS: Final[Mapping[str, Sequence[object]]] = {
    "typed.int": ("range", 1, 10),
    "typed.long": ("range", 0),
    "typed.list": ("list_of", ["a", "b", "c"]),
    "typed.choice": ("in", ["red", "green"]),
    "typed.nonempty": ("non_empty",),
    "test.offsets": ("in", ["true", "false", "unsupported"]),
}


class Lessons:
    """Teaches a cluster how the connectors of requests behave that are about to be sent."""

    def __init__(self, script: Script, version: str = NEWEST):
        self._script = script
        self._files = {
            name: without_records(version, f"{name}Connector")
            for name in ("FileStreamSource", "FileStreamSink")
        }
        self._configs: dict[str, dict[str, str]] = {}
        self._records: dict[str, int] = {}
        self._known: tuple[str, Behaviour | None, dict[str, str] | None] = ("", None, None)

    def before(self, request: Request) -> None:
        """One request: its connector may be one of ours."""
        name, config = _named_config(request)
        if config is None:
            return
        self._known = (name, self._script.overrides.get(name), self._configs.get(name))
        if request.method == "PATCH":
            config = {**self._configs.get(name, {}), **config}
        known = {key: str(value) for key, value in config.items() if value is not None}
        self._configs[name] = known
        _put_back(self._script.overrides, name, self._behaviour_of(known))

    def after(self, request: Request, status_code: int) -> None:
        """A config that was refused, or only looked at, changes nothing of what the connector does."""
        name, behaviour, config = self._known
        looked = request.target.partition("?")[0].endswith("/validate")
        if _named_config(request)[0] == name and (looked or 400 <= status_code < 500):
            _put_back(self._script.overrides, name, behaviour)
            _put_back(self._configs, name, config)

    def _behaviour_of(self, config: Mapping[str, str]) -> Behaviour | None:
        class_name = config.get("connector.class", "")
        if class_name.startswith((PACKAGE, *SOURCES, "TestSink")):
            return behaviour_of(config, self._records_of(config))
        return self._files.get(class_name.rpartition(".")[2].removesuffix("Connector"))

    def _records_of(self, config: Mapping[str, str]) -> int:
        """What a source's config says; for a sink, what sources have been told to write into its topics."""
        if "Sink" in config["connector.class"]:
            return sum(self._records.get(topic.strip(), 0) for topic in config.get("topics", "").split(","))
        records = int(config.get("test.records", 0))
        tasks = int(config.get("test.tasks", -1))
        if records:
            many = int(config.get("tasks.max", 1)) if tasks < 0 else tasks
            self._records[config.get("test.topic", "test")] = records * many
        return records


def _put_back(known: dict[str, Any], name: str, was: object) -> None:
    if was is None:
        known.pop(name, None)
    else:
        known[name] = was


class SimulatedTarget:
    """A running cluster of mockconnect; workers are numbered from 1 here and from 0 there."""

    def __init__(self, cluster: RunningCluster, version: str, admin_port: int = 0):
        self._cluster = cluster
        self._admin_port = admin_port
        self._patches_configs = line_of(version) >= (3, 8)
        self._down: set[int] = set()
        self._lessons = Lessons(cluster._core.script, version)

    def addresses(self) -> Sequence[tuple[str, int]]:
        parts = [urlsplit(url) for url in self._cluster.urls]
        own = [(part.hostname or "", part.port or 0) for part in parts]
        return [*own, ("127.0.0.1", self._admin_port)] if self._admin_port else own

    def live(self) -> Sequence[int]:
        return [number for number, _ in enumerate(self._cluster.workers, 1) if number not in self._down]

    def act(self, verb: str, worker: int) -> None:
        if verb.startswith("stub "):
            self._cluster.heal(0, 1)
            how = STUBS[verb.removeprefix("stub ")]
            if how:
                self._cluster.partition(0, 1, how=how)
            return
        getattr(self._cluster, verb)(worker - 1)
        (self._down.discard if verb in ("start", "thaw") else self._down.add)(worker)

    def pass_time(self, seconds: float) -> None:
        self._cluster.advance(round(seconds * 1000))

    def before(self, request: Request) -> None:
        if request.method != "PATCH" or self._patches_configs:
            self._lessons.before(request)

    def after(self, request: Request, status_code: int) -> None:
        self._lessons.after(request, status_code)


def simulated_factory(version: str) -> TargetFactory:
    """Clusters of mockconnect in `version`, with our test connectors."""
    plugins = testing_plugins(version)

    @contextmanager
    def start(wish: ClusterWish) -> Iterator[Target]:
        with ExitStack() as stack:
            admin_port = 0
            if wish.has_admin_listener:  # held: nobody else is given it before the worker listens
                admin_port = stack.enter_context(closing(reserve())).port
            cluster = mockconnect.start(
                workers=[{"config": _own(wish, number)} for number in range(1, wish.workers + 1)],
                kafka_version=version,
                plugins=[*([] if hides_bare(wish) else plugins), *plugin_path(version, wish)],
                mode="standalone" if wish.standalone else "distributed",
                config={"group.id": "connect-oracle", **_properties(wish, admin_port)},
                users=dict(wish.users),
                **_tls(wish),
            )
            stack.enter_context(cluster)
            for number, own in wish.own if wish.tls else ():
                how = "tls" if "tls.trusts" in dict(own) else "tls_refused"
                cluster.partition(number - 1, 0, how=how)
            yield SimulatedTarget(cluster, version, admin_port)

    return start


def _properties(wish: ClusterWish, admin_port: int) -> dict[str, str]:
    return {key: value.replace("{admin}", f"http://127.0.0.1:{admin_port}") for key, value in wish.properties}


def _own(wish: ClusterWish, number: int) -> dict[str, str]:
    return {} if wish.tls else dict(dict(wish.own).get(number, ()))


def _tls(wish: ClusterWish) -> Any:
    """The arguments for HTTPS listeners."""
    if not wish.tls:
        return {}
    authority = None if wish.tls == "none" else CERTIFICATES / "authority.pem"
    return {"tls_cert": CERTIFICATES / "worker.pem", "tls_client_ca": authority, "tls_client_auth": wish.tls}


def behaviour_of(config: Mapping[str, str], records: int) -> Behaviour:
    """What the `test.*` keys of a config make of a test connector whose tasks handle so many records each."""
    durations: dict[str, Any] = {
        field: int(config[key])
        for step, field in DELAYS.items()
        if (key := f"test.{step}.delay.ms") in config
    }
    class_name, wanted = config["connector.class"], int(config.get("test.tasks", -1))
    altered = "false" if "NoOffsets" in class_name else config.get("test.offsets", "true")
    behaviour = replace(
        PROMPT,
        tasks=PROMPT.tasks if wanted < 0 else TasksRule("fixed", wanted),
        failures=tuple(_failures(config)),
        records_per_second=100.0 if records else 0.0,
        records_max=records,
        alter_offsets=_ALTERED.get(altered, "true"),
        source_offsets=SourceOffsets() if "Sink" in class_name else PROMPT.source_offsets,
        task_class=f"{PACKAGE}TestSinkTask" if "Sink" in class_name else PROMPT.task_class,
        null_answer="config" if "NullConfig" in class_name else "",
        task_version="1.0.0" if "NoOffsets" in class_name else None,
        **durations,
    )
    if "ExactlyOnce" in class_name:
        return _questioned(behaviour, config)
    return (
        _validating(behaviour, config.get("typed.validate", "default"))
        if "Typed" in class_name
        else behaviour
    )


def _questioned(behaviour: FiniteBehaviour, config: Mapping[str, str]) -> FiniteBehaviour:
    """The answers of ExactlyOnceSourceConnector; it throws where it is told what its enums do not know."""
    support = config.get("test.eos", "SUPPORTED")
    boundaries = config.get("test.boundaries", "SUPPORTED")
    enums = "org.apache.kafka.connect.source."
    broken: list[Failure] = []
    if support not in _SUPPORT:
        broken.append(Failure("exactly_once", f"No enum constant {enums}ExactlyOnceSupport.{support}"))
    if boundaries not in _BOUNDARIES:
        text = f"No enum constant {enums}ConnectorTransactionBoundaries.{boundaries}"
        broken.append(Failure("transaction_boundaries", text))
    return replace(
        behaviour,
        exactly_once=_SUPPORT.get(support, "unknown"),
        transaction_boundaries=_BOUNDARIES.get(boundaries, "null"),
        failures=(*behaviour.failures, *broken),
    )


_SUPPORT: Final[Mapping[str, EosAnswer]] = {
    "null": "unknown",
    "SUPPORTED": "supported",
    "UNSUPPORTED": "unsupported",
}
_BOUNDARIES: Final[Mapping[str, Literal["null", "supported", "unsupported"]]] = {
    "null": "null",
    "SUPPORTED": "supported",
    "UNSUPPORTED": "unsupported",
}


def _validating(behaviour: FiniteBehaviour, mode: str) -> FiniteBehaviour:
    """What `typed.validate` makes of TypedSourceConnector."""
    match mode:
        case "null":
            return replace(behaviour, null_answer="validate")
        case "omit":
            return replace(behaviour, omitted_values=("typed.short",))
        case "extra":
            rule = ConfigRule("typed.undefined", "an error of an undefined key", value="42")
            return replace(behaviour, config_rules=(rule,))
        case "throw":
            state = "java.lang.IllegalStateException"
            failure = Failure("validate", "validate was told to throw", exception=state)
        case "configexception":
            text = "Invalid value 7 for configuration typed.int: validate was told to refuse"
            failure = Failure("validate", text, exception=CONFIG_EXCEPTION)
        case _:
            return behaviour
    return replace(behaviour, failures=(*behaviour.failures, failure))


_ALTERED: Final[Mapping[str, Any]] = {"false": "false", "unsupported": "unsupported"}


def _failures(config: Mapping[str, str]) -> Iterator[Failure]:
    ids = [int(text) for text in config.get("test.task.error.ids", "").split(",") if text.strip()]
    for step, place in PLACES.items():
        message = config.get(f"test.{step}.error")
        if message is None:
            continue
        times = int(config.get(f"test.{step}.error.times", -1))
        after = int(config.get("test.task.error.after.records", 0)) if place == "running" else 0
        for task in ids if step.startswith("task.") and ids else [None]:
            yield Failure(place, message, after_records=after, times=None if times < 0 else times, task=task)


def testing_plugins(version: str) -> list[PluginDesc]:
    """Our test connectors, made from what a worker of `version` said of them, or of the next one that was asked."""
    not_older = [one for one in recorded_versions() if numbers_of(one) >= numbers_of(version)]
    recorded = read_plugins(not_older[-1])
    newest = read_plugins(NEWEST)  # before 3.2 no definitions were to be had
    return [
        PluginDesc(
            name,
            plugin["type"],
            plugin.get("version"),
            behaviour=behaviour_of({"connector.class": name}, 0),
            definition=partial(_definition, name, recorded.get(name) or newest.get(name, [])),
        )
        for plugin in recorded["_list"]
        if (name := plugin["class"]).startswith(PACKAGE)
    ] + [PluginDesc(f"{PACKAGE}AbstractSourceConnector", "source", behaviour=PROMPT, abstract=True)]


def _definition(name: str, rows: Sequence[Mapping[str, Any]]) -> ConfigDef:
    own = [
        {**row, **({"validator": VALIDATORS[row["name"]]} if row["name"] in VALIDATORS else {})}
        for row in rows
        if str(row["name"]).startswith(("test.", "typed."))
    ]
    return ConfigDef(_with_code(key) for key in definition_from_rows(own, name).keys.values())


def _with_code(key: ConfigKey) -> ConfigKey:
    """The recommenders and the validator that are code on a real worker."""
    match key.name:
        case "typed.choice":
            return replace(key, recommender=Depending("", {}, ("red", "green")))
        case "typed.shade":
            shades = Depending("typed.choice", {"green": ("lime", "olive")}, ("ruby",), hidden_otherwise=True)
            return replace(key, recommender=shades)
        case "typed.throwing.recommender":
            return replace(key, recommender=Refusing())
        case "typed.regexlike":
            return replace(key, validator=refusing)
    return key


def _named_config(request: Request) -> tuple[str, dict[str, Any] | None]:
    """The connector's name and the config that a request carries, if it is readable."""
    try:
        body = json.loads(request.body or b"null", parse_float=str, parse_int=str)
    except ValueError:
        return "", None
    if not isinstance(body, dict):
        return "", None
    if request.method == "POST" and isinstance(body.get("config"), dict):
        return str(body.get("name", "")).strip(), body["config"]
    found = re.fullmatch(r"/connectors/([^/?]+)/config(?:\?.*)?", request.target)
    if found:
        return unquote(found[1]), body
    return (str(body.get("name", "")), body) if request.target.endswith("/config/validate") else ("", None)
