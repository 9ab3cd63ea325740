"""The workers that people ask for: how many, what each is called, its version, its plugins and its properties.

Rules of this room: what is said of one worker wins over what is said for all. A mistake that would be told of every worker
is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from mockconnect.arguments.connectors import worker_ids
from mockconnect.arguments.properties import Properties
from mockconnect.arguments.values import Given, check_keys, is_whole, mapping, raise_any, text_of
from mockconnect.choosing import Sets, Step, chosen, dealt, on_worker
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import ConnectorGiven
from mockconnect.files.problems import Problem
from mockconnect.options import Mode, WorkerGiven, WorkerPlan
from mockconnect.rest.filters import BASIC_AUTH_EXTENSION, USERS_PROPERTY, Filters
from mockconnect.rest.jetty import jetty_of

WORKERS_MAX: Final = 100
ANY_HOST: Final = ("0.0.0.0", "::")
Row = Mapping[str, object]
"""What is said of one worker."""


@dataclass(frozen=True, slots=True)
class Workers:
    """All workers, the times that their properties say for the whole cluster, and who has to be the leader, if anybody."""

    plans: tuple[WorkerPlan, ...]
    times: Mapping[str, int]
    leader: str


def read_workers(given: Given, mode: Mode, host: str, connectors: Sequence[ConnectorGiven]) -> Workers:
    """``connectors`` that were captured say which workers there are, unless somebody else does."""
    rows = _rows(given, mode, connectors)
    versions = _versions(given, len(rows))
    common = _common(given, host)
    steps = _steps(given, [_name(row, number) for number, row in enumerate(rows)])
    plans = tuple(
        _worker(given, number, row, version, common, steps[number])
        for number, (row, version) in enumerate(zip(rows, versions, strict=True))
    )
    leader = _leader(given, rows, plans)
    _check_unique(given, [plan.settings.name for plan in plans], "name")
    ids = [f"{plan.settings.host}:{plan.port}" for plan in plans if plan.port is not None]
    if len(ids) == len(plans):
        _check_unique(given, ids, "worker_id")
    return Workers(plans, common.times, leader)


def plugins_on(
    version: KafkaVersion, given: object = None, where: str = "plugins", sets: Sets | None = None
) -> tuple[PluginDesc, ...]:
    """The plugins of Apache Kafka and those given; a given class takes the place of the distribution's.

    ``sets`` are lists that have a name. Raises :class:`OptionsError`.
    """
    problems: list[Problem] = []
    steps = chosen(given, where, problems, sets)
    raise_any(problems)
    return on_worker(version, steps)


# --- how many, and who ----------------------------------------------------------------------------------------------------


def _rows(given: Given, mode: Mode, connectors: Sequence[ConnectorGiven]) -> list[Row]:
    value = given.get("workers")
    if value is None:
        value = _usual(mode, connectors)
    found: list[Row] = [{}]
    if is_whole(value):
        found = [{}] * max(0, min(value, WORKERS_MAX + 1))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        found = [_row(given, one, f"workers[{number}]") for number, one in enumerate(value)]
    else:
        given.problem("workers", f"expected a number or a list of workers, found {value!r}")
    if not 1 <= len(found) <= WORKERS_MAX:
        given.problem("workers", f"expected from 1 to {WORKERS_MAX} workers, found {value!r}")
        return [{}]
    if mode == "standalone" and len(found) > 1:
        given.problem("workers", f"a standalone worker is alone: expected 1, found {len(found)}")
    return found


def _usual(mode: Mode, connectors: Sequence[ConnectorGiven]) -> object:
    if mode == "standalone":
        return 1
    return [{"worker_id": one} for one in worker_ids(connectors)] or 3


def _row(given: Given, one: object, where: str) -> Row:
    if isinstance(one, str):
        return {"name": one}
    row = mapping(one, where, given.problems, "a name or a dict")
    check_keys(row, tuple(WorkerGiven.__annotations__), where, given.problems)
    return row


def _name(row: Row, number: int) -> str:
    return str(row.get("name", f"connect-{number}"))


def _leader(given: Given, rows: Sequence[Row], plans: Sequence[WorkerPlan]) -> str:
    leader = ""
    for number, (row, plan) in enumerate(zip(rows, plans, strict=True)):
        if row.get("leader"):
            if leader:
                given.problem(f"workers[{number}].leader", f"{leader!r} is the leader already")
            leader = plan.settings.name
    return leader


def _check_unique(given: Given, names: Sequence[str], what: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            given.problem(f"workers[{number}].{what}", f"another worker is called {name!r} already")


# --- what is said for all ---------------------------------------------------------------------------------------------------


def _common(given: Given, host: str) -> Properties:
    common = Properties("config", given.problems)
    common.read({**_basic_auth(given), **given.mapping("config")})
    advertised = given.text("advertised_host", "")
    if advertised:
        common.host = advertised
    elif not common.host:
        common.host = "localhost" if host in ANY_HOST else host
    return common


def _basic_auth(given: Given) -> Mapping[str, str]:
    """The properties of Connect's basic authentication extension, if there are ``users``."""
    users = given.mapping("users")
    for name, password in users.items():
        if not isinstance(password, str):
            given.problem(f"users[{name!r}]", f"expected the password, found {password!r}")
    lines = "\n".join(f"{name}={password}" for name, password in users.items())
    return {"rest.extension.classes": BASIC_AUTH_EXTENSION, USERS_PROPERTY: lines} if users else {}


def _versions(given: Given, count: int) -> list[KafkaVersion]:
    value = given.get("kafka_version", NEWEST)
    texts = [value] * count if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
    if len(texts) != count:
        given.problem(
            "kafka_version", f"expected one version, or {count} for {count} workers, found {len(texts)}"
        )
        texts = [NEWEST] * count
    return [_version(given, text, "kafka_version") for text in texts]


def _version(given: Given, text: object, where: str) -> KafkaVersion:
    try:
        if isinstance(text, str):
            return KafkaVersion.parse(text)
        raise ValueError(f"expected a text such as {NEWEST!r} or '3.9', found {text!r}")
    except ValueError as error:
        given.problem_once(where, str(error))
    return KafkaVersion.parse(NEWEST)


def _steps(given: Given, names: Sequence[str]) -> list[tuple[Step, ...]]:
    """To the plugins of each worker, as far as the argument for all says it."""
    of_all, of_one = dealt(given.get("plugins"), names)
    steps = _chosen(given, of_all, "plugins")
    return [(*steps, *_chosen(given, of_one[number], "plugins")) for number in range(len(names))]


def _chosen(given: Given, plugins: object, where: str) -> tuple[Step, ...]:
    sets = mapping(given.get("plugin_sets"), "plugin_sets", [])
    return chosen(plugins, where, given.problems, cast("Sets", sets))


# --- one worker -------------------------------------------------------------------------------------------------------------


def _worker(
    given: Given,
    number: int,
    row: Row,
    version: KafkaVersion,
    common: Properties,
    steps: Sequence[Step],
) -> WorkerPlan:
    where = f"workers[{number}]"
    own = Properties(f"{where}.config", given.problems, common)
    own.read(mapping(row.get("config"), f"{where}.config", given.problems))
    if "worker_id" in row:
        own.read_worker_id(row["worker_id"], f"{where}.worker_id")
    if "kafka_version" in row:
        version = _version(given, row["kafka_version"], f"{where}.kafka_version")
    plugins = on_worker(version, [*steps, *_chosen(given, row.get("plugins"), f"{where}.plugins")])
    settings = WorkerSettings(
        name=text_of(row.get("name", f"connect-{number}"), f"{where}.name", given.problems),
        host=own.host,
        version=version,
        commit=text_of(row["commit"], f"{where}.commit", given.problems) if "commit" in row else "",
        config=tuple(own.others.items()),
    )
    _check_filters(given, settings)
    return WorkerPlan(replace(settings, **own.fields), plugins, own.port)


def _check_filters(given: Given, settings: WorkerSettings) -> None:
    """Properties of the REST surface that a worker would not start with."""
    try:
        Filters.of(settings, jetty_of(settings.version.number).line)
    except ValueError as error:
        given.problem_once("config", str(error))
