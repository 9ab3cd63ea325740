"""What users ask for, read into what core takes: the arguments of ``start``, the marker, the command line.

Rules of this room:

* Input is what a person wrote: numbers, texts, lists and dicts. Output is :class:`Options`, complete and checked.
* Every mistake is reported at once in one :class:`OptionsError`: the argument (with the path inside it), what was
  found, what was expected, and what was probably meant.
* A duration is a number of milliseconds or a text such as ``"300ms"``, ``"5s"``, ``"1m30s"``, ``"1h"``.
* Worker properties keep Connect's own dotted names; the table ``PROPERTIES`` says which of them the simulation acts on.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, TypeGuard, cast

from mockconnect.choosing import Sets, Step, chosen, dealt, on_worker
from mockconnect.cluster_arguments import MERGED, arguments_of, place_of
from mockconnect.connectors import read_connectors, seed_of, worker_ids
from mockconnect.core.cluster import EPOCH_MS
from mockconnect.core.loggers import LEVELS
from mockconnect.core.past import LoggerLevel
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.seeding import SeedConnector
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import Cluster, Source, read_cluster
from mockconnect.files.durations import EXPECTED, milliseconds
from mockconnect.files.problems import FileError, Problem, ProblemsError, one_of, unknown
from mockconnect.rest import front_door
from mockconnect.rest.clock import RATE_MAX
from mockconnect.rest.filters import BASIC_AUTH_EXTENSION, USERS_PROPERTY, Filters
from mockconnect.rest.front_door import Policy
from mockconnect.rest.jetty import jetty_of
from mockconnect.rest.ports import is_loopback
from mockconnect.rest.tls import CLIENT_AUTH, ClientAuth, Tls
from mockconnect.usual import CONTROL_PORT

Duration = int | str
Plugin = PluginDesc | Mapping[str, object]
PluginsGiven = str | Path | Sequence[Plugin | str | Path]
"""Names and globs of the catalogue, files, plugins of one's own: see ``choosing.py``."""

Mode = Literal["distributed", "standalone"]
WORKERS_MAX: Final = 100


class WorkerGiven(TypedDict, total=False):
    """One worker of ``workers=[...]``. ``worker_id`` is the host and port that it advertises, if not its own."""

    name: str
    worker_id: str
    leader: bool
    kafka_version: str
    commit: str
    plugins: PluginsGiven
    config: Mapping[str, object]


class Arguments(TypedDict, total=False):
    """The keyword arguments of :func:`mockconnect.start`, of the marker and of the fixtures' factory."""

    kafka_version: str | Sequence[str]
    plugins: PluginsGiven | None
    mode: Mode
    seed: int
    clock: str
    per_request: Duration
    host: str
    port: int
    advertised_host: str | None
    plugin_sets: Mapping[str, PluginsGiven]
    connectors: str | Path | Sequence[Mapping[str, object]] | None
    loggers: Mapping[str, Mapping[str, object]]
    cluster: str | Path | Cluster | None
    timing: Mapping[str, Duration]
    config: Mapping[str, object]
    users: Mapping[str, str]
    cluster_id: str
    cold_start: bool
    tls_cert: str | Path | None
    tls_key: str | Path | None
    tls_client_ca: str | Path | None
    tls_client_auth: ClientAuth
    scenario: str | Path
    params: Mapping[str, object]
    front_door: str | None
    front_door_port: int
    control_port: int | Literal["auto"] | None
    control_host: str
    control_token: str
    control_mirror: bool


class OptionsError(ProblemsError):
    """Everything that is wrong with the options of a cluster; ``problems`` has one entry per mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems, "the options of the cluster")


@dataclass(frozen=True, slots=True)
class ClockChoice:
    """Which clock drives the cluster; ``rate`` counts for a real one: virtual per real milliseconds."""

    kind: Literal["paced", "real", "manual"]
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class ControlChoice:
    """Where the control API listens (port 0: anywhere free), and who may use it: everybody there, or who has the token.

    ``mirror``: it answers on workers' ports too, under ``/__mockconnect``. ``wish``: the port to take if it is free.
    """

    host: str
    port: int
    token: str
    mirror: bool
    wish: int = 0


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker before its port is known. ``port`` is the advertised port where that is not the listening one."""

    settings: WorkerSettings
    plugins: tuple[PluginDesc, ...]
    port: int | None = None

    def on(self, port: int) -> WorkerSettings:
        return replace(self.settings, port=self.port or port)


@dataclass(frozen=True, slots=True)
class Options:
    """A cluster as it was asked for."""

    workers: tuple[WorkerPlan, ...]
    mode: Mode
    seed: int
    clock: ClockChoice
    host: str
    port: int
    timing: Timing
    connectors: tuple[SeedConnector, ...]
    cluster_id: str
    cold_start: bool
    loggers: Mapping[str, Mapping[str, LoggerLevel]] = field(default_factory=dict)
    leader: str = ""
    tls: Tls | None = None
    front_door: Policy | None = None
    """How one more port in front of all workers chooses among them."""
    front_door_port: int = 0
    control: ControlChoice | None = None
    per_request_ms: int | None = None
    """How far a request moves a paced clock, if somebody has said it."""


def read_options(arguments: Mapping[str, object]) -> Options:
    """Raises :class:`OptionsError` with all mistakes in ``arguments``, and in the files that they name."""
    cluster = arguments.get("cluster")
    if cluster is None:
        return _Reading(arguments).options()
    given = {name: value for name, value in arguments.items() if name != "cluster"}
    if not isinstance(cluster, str | Path | Cluster):
        _raise_any([Problem("cluster", f"expected a file, found {cluster!r}")])
    try:
        read, source = (cluster, None) if isinstance(cluster, Cluster) else read_cluster(cluster)  # type: ignore[arg-type]
    except FileError as error:
        problems = [Problem(f"cluster: {one.where}", one.text) for one in error.problems]
        raise OptionsError(problems) from None
    if read.generate is not None and given.get("connectors") is None:
        read = _generated(read, given)
    of_file = arguments_of(read, given)
    try:
        both = {**of_file, **given, **{name: of_file[name] for name in MERGED if name in of_file}}
        return _Reading(both, source or Source.of_value()).options()
    except OptionsError as error:
        problems = [_located(one, of_file, given, source) for one in error.problems]
        raise OptionsError(sorted(problems, key=_line)) from None


def _generated(cluster: Cluster, given: Mapping[str, object]) -> Cluster:
    """With the connectors that it asks for. Raises :class:`OptionsError`."""
    from mockconnect.inventing.cluster import InventingError, generated  # noqa: PLC0415 - heavy

    try:
        version = KafkaVersion.parse(str(given.get("kafka_version") or cluster.kafka_version or NEWEST))
    except ValueError:
        return cluster  # a mistake that is told where it stands
    try:
        return generated(cluster, version)
    except InventingError as error:
        text = str(error).replace("--plugins:", "class:").replace("--", "")
        raise OptionsError([Problem("generate", text)]) from None


def _line(problem: Problem) -> int:
    """Mistakes in the file come in its order, after those in arguments."""
    found = re.match(r"cluster: .*?:(\d+)", problem.where)
    return int(found[1]) if found else 0


def _located(
    problem: Problem, of_file: Mapping[str, object], given: Mapping[str, object], source: Source | None
) -> Problem:
    """A mistake in what came from the file is told with its line."""
    if source is not None and problem.where.startswith(f"{source.name}:"):
        return Problem(f"cluster: {problem.where}", problem.text)
    place = place_of(problem.where)
    if source is None or not place or place[0] not in of_file or place[0] in given:
        return problem
    found = source.problem(place, problem.text)
    return Problem(f"cluster: {found.where}", found.text)


def duration_ms(value: object, where: str = "duration") -> int:
    """``300``, ``"300ms"``, ``"5s"``, ``"1m30s"`` or ``"1h"`` in milliseconds. Raises :class:`OptionsError`."""
    problems: list[Problem] = []
    result = _duration(value, where, problems)
    _raise_any(problems)
    return result


def plugins_on(
    version: KafkaVersion, given: object = None, where: str = "plugins", sets: Sets | None = None
) -> tuple[PluginDesc, ...]:
    """The plugins of Apache Kafka and those given; a given class takes the place of the distribution's.

    ``sets`` are lists that have a name. Raises :class:`OptionsError`.
    """
    problems: list[Problem] = []
    steps = chosen(given, where, problems, sets)
    _raise_any(problems)
    return on_worker(version, steps)


def _raise_any(problems: Sequence[Problem]) -> None:
    if problems:
        raise OptionsError(problems)


# --- the arguments, one by one -----------------------------------------------------------------------------------------


class _Reading:
    """One pass over the arguments; mistakes gather in ``problems`` and a harmless value takes their place."""

    def __init__(self, arguments: Mapping[str, object], source: Source | None = None) -> None:
        """``source`` is where connectors that are read already come from."""
        self.arguments = arguments
        self.problems: list[Problem] = []
        self.connectors = read_connectors(arguments.get("connectors"), source, self.problems)
        self.leader = ""

    def options(self) -> Options:
        for name in self.arguments:
            if name not in KNOWN:
                self._problem(name, unknown(name, KNOWN))
        mode = self._mode()
        seed = self._seed()
        clock = self._clock()
        per_request_ms = self._per_request(clock)
        host, port = self._text("host", "127.0.0.1"), self._port()
        timing = self._timing()
        timing, workers = self._workers(mode, timing, host)
        if port + len(workers) > 65_536:
            self._problem("port", f"{len(workers)} workers do not fit between {port} and 65535")
        connectors = tuple(seed_of(one, self._foreign(workers)) for one in self.connectors)
        loggers = self._loggers([plan.settings.name for plan in workers])
        cluster_id = self._text("cluster_id", "")
        cold_start = self._flag("cold_start")
        tls = self._tls()
        door, door_port = self._front_door(port, len(workers))
        control = self._control(port, len(workers), door_port)
        _raise_any(self.problems)
        return Options(
            workers,
            mode,
            seed,
            clock,
            host,
            port,
            timing,
            connectors,
            cluster_id,
            cold_start,
            loggers,
            self.leader,
            tls,
            door,
            door_port,
            control,
            per_request_ms,
        )

    def _problem(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, text))

    def _text(self, name: str, default: str) -> str:
        value = self.arguments.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            self._problem(name, f"expected a text, found {value!r}")
            return default
        return value

    def _flag(self, name: str) -> bool:
        value = self.arguments.get(name, False)
        if not isinstance(value, bool):
            self._problem(name, f"expected True or False, found {value!r}")
        return value is True

    def _mode(self) -> Mode:
        value = self._text("mode", "distributed")
        if value not in ("distributed", "standalone"):
            self._problem("mode", one_of(value, ("distributed", "standalone")))
        return "standalone" if value == "standalone" else "distributed"

    def _seed(self) -> int:
        value = self.arguments.get("seed", 0)
        if not _is_whole(value):
            self._problem("seed", f"expected a whole number, found {value!r}")
            return 0
        return value

    def _clock(self) -> ClockChoice:
        value = self._text("clock", "paced")
        if value == "paced":
            return ClockChoice("paced")
        if value == "manual":
            return ClockChoice("manual")
        rate = 1.0 if value == "real" else _rate(value)
        if rate is None:
            self._problem(
                "clock", f"expected 'paced', 'manual', 'real' or a rate such as 'x60', found {value!r}"
            )
        return ClockChoice("real", rate or 1.0)

    def _per_request(self, clock: ClockChoice) -> int | None:
        value = self.arguments.get("per_request")
        if value is None:
            return None
        if clock.kind != "paced":
            self._problem("per_request", "requests move only a paced clock")
        return _duration(value, "per_request", self.problems)

    def _port(self, name: str = "port") -> int:
        value = self.arguments.get(name, 0)
        if not _is_whole(value) or not 0 <= value <= 65_535:
            self._problem(name, f"expected a port from 1 to 65535, or 0 for free ones, found {value!r}")
            return 0
        return value

    def _tls(self) -> Tls | None:
        """HTTPS listeners, if there is a certificate. A client must show one of its own where its authority is named."""
        files = {name: self._file(f"tls_{name}") for name in ("cert", "key", "client_ca")}
        auth = self._text("tls_client_auth", "required" if files["client_ca"] else "none")
        if auth not in CLIENT_AUTH:
            self._problem("tls_client_auth", one_of(auth, CLIENT_AUTH))
        elif auth != "none" and files["client_ca"] is None:
            self._problem("tls_client_ca", f"missing: tls_client_auth is {auth!r}")
        if files["cert"] is None:
            for name in [name for name in ("key", "client_ca") if files[name] is not None]:
                self._problem(f"tls_{name}", "is of no use without tls_cert")
            return None
        try:
            known = next((one for one in CLIENT_AUTH if one == auth), CLIENT_AUTH[0])
            return Tls.of(files["cert"], files["key"], files["client_ca"], known)
        except OSError as error:
            self._problem("tls_cert", f"cannot be used: {error.strerror or error}")
        return None

    def _file(self, name: str) -> str | None:
        value = self.arguments.get(name)
        return str(value) if isinstance(value, Path) else self._text(name, "") or None

    def _front_door(self, port: int, workers: int) -> tuple[Policy | None, int]:
        """A port alone is a door with the usual way to choose."""
        own = self._port("front_door_port")
        if port and port <= own < port + workers:
            self._problem(
                "front_door_port", f"{own} is the port of a worker: {port} to {port + workers - 1} are"
            )
        value = self._text(
            "front_door", front_door.POLICIES[0] if self.arguments.get("front_door_port") is not None else ""
        )
        chosen = next((policy for policy in front_door.POLICIES if policy == value), None)
        if value and chosen is None:
            self._problem("front_door", one_of(value, front_door.POLICIES))
        return chosen, own

    def _control(self, port: int, workers: int, door_port: int) -> ControlChoice | None:
        """The control API, if there is a port for it. Beyond loopback nobody gets in without a token."""
        host = self._text("control_host", "127.0.0.1")
        token = self._text("control_token", "")
        mirror = self.arguments.get("control_mirror") is None or self._flag("control_mirror")
        if self.arguments.get("control_port") is None:
            for name in ("control_host", "control_token", "control_mirror"):
                if self.arguments.get(name) is not None:
                    self._problem(name, "is of no use without control_port")
            return None
        wish = CONTROL_PORT if self.arguments["control_port"] == "auto" else 0
        own = 0 if wish else self._port("control_port")
        if port and port <= own < port + workers:
            self._problem(
                "control_port", f"{own} is the port of a worker: {port} to {port + workers - 1} are"
            )
        if own and own == door_port:
            self._problem("control_port", f"{own} is the port of the front door")
        if not token and not is_loopback(host):
            self._problem(
                "control_token", f"missing: others reach {host!r}, so the control API needs one there"
            )
        if not token.isascii() or any(sign.isspace() for sign in token):
            self._problem("control_token", "expected ASCII letters, digits and signs without blanks")
        return ControlChoice(host, own, token, mirror, wish)

    def _timing(self) -> Timing:
        given = _mapping(self.arguments.get("timing"), "timing", self.problems)
        changes: dict[str, int] = {}
        for name, value in given.items():
            field = name if name in TIMES else f"{name}_ms"
            if field not in TIMES:
                self._problem(f"timing[{name!r}]", unknown(name, TIMES))
            elif field.endswith("_ms"):
                changes[field] = _duration(value, f"timing[{name!r}]", self.problems)
            elif not _is_whole(value) or value < 1:
                self._problem(f"timing[{name!r}]", f"expected a whole number from 1, found {value!r}")
            else:
                changes[field] = value
        return replace(Timing(), **changes)

    # --- workers ----------------------------------------------------------------------------------------------------------

    def _workers(self, mode: Mode, timing: Timing, host: str) -> tuple[Timing, tuple[WorkerPlan, ...]]:
        given = self._worker_list(mode)
        versions = self._versions(len(given))
        common = _Properties("config", self.problems)
        common.read({**self._basic_auth(), **_mapping(self.arguments.get("config"), "config", self.problems)})
        advertised = self._text("advertised_host", "")
        if advertised:
            common.host = advertised
        elif not common.host:
            common.host = "localhost" if host in ANY_HOST else host
        names = [str(one.get("name", f"connect-{number}")) for number, one in enumerate(given)]
        of_all, of_one = dealt(self.arguments.get("plugins"), names)
        steps = self._chosen(of_all, "plugins")
        workers = [
            self._worker(number, one, version, common, [*steps, *self._chosen(of_one[number], "plugins")])
            for number, (one, version) in enumerate(zip(given, versions, strict=True))
        ]
        self._check_unique([plan.settings.name for plan in workers], "name")
        advertised_ids = [f"{plan.settings.host}:{plan.port}" for plan in workers if plan.port is not None]
        if len(advertised_ids) == len(workers):
            self._check_unique(advertised_ids, "worker_id")
        return replace(timing, **common.times), tuple(workers)

    def _basic_auth(self) -> Mapping[str, str]:
        """The properties of Connect's basic authentication extension, if there are ``users``."""
        users = _mapping(self.arguments.get("users"), "users", self.problems)
        for name, password in users.items():
            if not isinstance(password, str):
                self._problem(f"users[{name!r}]", f"expected the password, found {password!r}")
        lines = "\n".join(f"{name}={password}" for name, password in users.items())
        return {"rest.extension.classes": BASIC_AUTH_EXTENSION, USERS_PROPERTY: lines} if users else {}

    def _worker_list(self, mode: Mode) -> list[Mapping[str, object]]:
        value = self.arguments.get("workers")
        captured = worker_ids(self.connectors) if value is None and mode == "distributed" else []
        if value is None:
            value = [{"worker_id": one} for one in captured] or (1 if mode == "standalone" else 3)
        found: list[Mapping[str, object]] = [{}]
        if _is_whole(value):
            found = [{}] * max(0, min(value, WORKERS_MAX + 1))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            found = [self._worker_given(one, f"workers[{number}]") for number, one in enumerate(value)]
        else:
            self._problem("workers", f"expected a number or a list of workers, found {value!r}")
        if not 1 <= len(found) <= WORKERS_MAX:
            self._problem("workers", f"expected from 1 to {WORKERS_MAX} workers, found {value!r}")
            return [{}]
        if mode == "standalone" and len(found) > 1:
            self._problem("workers", f"a standalone worker is alone: expected 1, found {len(found)}")
        return found

    def _worker_given(self, one: object, where: str) -> Mapping[str, object]:
        if isinstance(one, str):
            return {"name": one}
        given = _mapping(one, where, self.problems, "a name or a dict")
        _check_keys(given, tuple(WorkerGiven.__annotations__), where, self.problems)
        return given

    def _versions(self, count: int) -> list[KafkaVersion]:
        value = self.arguments.get("kafka_version", NEWEST)
        texts = [value] * count if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
        if len(texts) != count:
            self._problem(
                "kafka_version", f"expected one version, or {count} for {count} workers, found {len(texts)}"
            )
            texts = [NEWEST] * count
        return [self._version(text, "kafka_version") for text in texts]

    def _version(self, text: object, where: str) -> KafkaVersion:
        try:
            if isinstance(text, str):
                return KafkaVersion.parse(text)
            raise ValueError(f"expected a text such as {NEWEST!r} or '3.9', found {text!r}")
        except ValueError as error:
            problem = Problem(where, str(error))
            if problem not in self.problems:  # one wrong version for all workers is one mistake
                self.problems.append(problem)
        return KafkaVersion.parse(NEWEST)

    def _worker(
        self,
        number: int,
        given: Mapping[str, object],
        version: KafkaVersion,
        common: _Properties,
        steps: Sequence[Step],
    ) -> WorkerPlan:
        where = f"workers[{number}]"
        own = _Properties(f"{where}.config", self.problems, common)
        own.read(_mapping(given.get("config"), f"{where}.config", self.problems))
        if "worker_id" in given:
            own.read_worker_id(given["worker_id"], f"{where}.worker_id")
        if "kafka_version" in given:
            version = self._version(given["kafka_version"], f"{where}.kafka_version")
        plugins = on_worker(version, [*steps, *self._chosen(given.get("plugins"), f"{where}.plugins")])
        settings = WorkerSettings(
            name=_text_of(given.get("name", f"connect-{number}"), f"{where}.name", self.problems),
            host=own.host,
            version=version,
            commit=_text_of(given["commit"], f"{where}.commit", self.problems) if "commit" in given else "",
            config=tuple(own.others.items()),
        )
        if given.get("leader"):
            self._lead(settings.name, where)
        self._check_filters(settings)
        return WorkerPlan(replace(settings, **own.fields), plugins, own.port)

    def _lead(self, name: str, where: str) -> None:
        if self.leader:
            self._problem(f"{where}.leader", f"{self.leader!r} is the leader already")
        self.leader = name

    def _chosen(self, given: object, where: str) -> tuple[Step, ...]:
        sets = _mapping(self.arguments.get("plugin_sets"), "plugin_sets", [])
        return chosen(given, where, self.problems, cast("Sets", sets))

    def _foreign(self, workers: Sequence[WorkerPlan]) -> frozenset[str] | None:
        """Names and ids of the workers, if they are not those of the cluster that the connectors come from."""
        if self.arguments.get("workers") is None or "connectors" not in self.arguments:
            return None
        ids = {plan.settings.name for plan in workers}
        ids.update(f"{plan.settings.host}:{plan.port}" for plan in workers if plan.port is not None)
        named = set(worker_ids(self.connectors))
        return frozenset(ids) if named and not named & ids else None

    def _loggers(self, names: Sequence[str]) -> dict[str, dict[str, LoggerLevel]]:
        """Levels of loggers by worker."""
        given = _mapping(self.arguments.get("loggers"), "loggers", self.problems)
        for name in given:
            if name not in names:
                self._problem(f"loggers[{name!r}]", unknown(name, names))
        return {name: self._levels(levels, f"loggers[{name!r}]") for name, levels in given.items()}

    def _levels(self, given: object, where: str) -> dict[str, LoggerLevel]:
        found: dict[str, LoggerLevel] = {}
        for name, level in _mapping(given, where, self.problems).items():
            text = level.get("level") if isinstance(level, Mapping) else level
            modified = level.get("last_modified") if isinstance(level, Mapping) else None
            if not isinstance(text, str) or text.upper() not in LEVELS:
                self._problem(f"{where}[{name!r}]", one_of(str(text), LEVELS))
            at_ms = modified - EPOCH_MS if isinstance(modified, int) else None
            found[name] = LoggerLevel(str(text).upper(), at_ms)
        return found

    def _check_filters(self, settings: WorkerSettings) -> None:
        """Properties of the REST surface that a worker would not start with."""
        try:
            Filters.of(settings, jetty_of(settings.version.number).line)
        except ValueError as error:
            problem = Problem("config", str(error))
            if problem not in self.problems:
                self.problems.append(problem)

    def _check_unique(self, names: Sequence[str], what: str) -> None:
        for number, name in enumerate(names):
            if name in names[:number]:
                self._problem(f"workers[{number}].{what}", f"another worker is called {name!r} already")


KNOWN: Final = ("workers", *Arguments.__annotations__)
TIMES: Final = tuple(one.name for one in fields(Timing))
ANY_HOST: Final = ("0.0.0.0", "::")


def _rate(text: str) -> float | None:
    found = re.fullmatch(r"x(\d+(?:\.\d+)?)", text)
    rate = float(found[1]) if found else 0.0
    return rate if 0 < rate <= RATE_MAX else None


# --- worker properties ---------------------------------------------------------------------------------------------------

Reader = Callable[[str, str, list[Problem]], object]


def _choice(*known: str) -> Reader:
    def read(value: str, where: str, problems: list[Problem]) -> object:
        if value.lower() not in known:
            problems.append(Problem(where, one_of(value, known)))
        return value.lower()

    return read


def _truth(value: str, where: str, problems: list[Problem]) -> object:
    if value.lower() not in ("true", "false"):
        problems.append(Problem(where, f"expected true or false, found {value!r}"))
    return value.lower() == "true"


def _word(value: str, *_: object) -> object:
    return value


POLICIES: Final = ("All", "None", "Principal", "Allowlist")


def _policy(value: str, where: str, problems: list[Problem]) -> object:
    """An alias or a class; a class of one's own is taken to allow everything."""
    simple = value.rpartition(".")[2].removesuffix("ConnectorClientConfigOverridePolicy")
    if "." not in value and simple not in POLICIES:
        problems.append(Problem(where, one_of(value, POLICIES)))
    return value


PROPERTIES: Final[Mapping[str, Reader]] = {
    "group.id": _word,
    "connect.protocol": _choice("eager", "compatible", "sessioned"),
    "exactly.once.source.support": _choice("disabled", "preparing", "enabled"),
    "topic.tracking.enable": _truth,
    "topic.tracking.allow.reset": _truth,
    "topic.creation.enable": _truth,
    "connector.client.config.override.policy": _policy,
}
"""Properties that are fields of ``WorkerSettings``, by name with underscores."""

TIME_PROPERTIES: Final = (
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "rebalance.timeout.ms",
    "scheduled.rebalance.max.delay.ms",
    "worker.sync.timeout.ms",
    "worker.unsync.backoff.ms",
    "task.shutdown.graceful.timeout.ms",
    "offset.flush.interval.ms",
    "inter.worker.key.ttl.ms",
    "group.initial.rebalance.delay.ms",
)
"""Properties that are fields of ``Timing``; they count for the whole cluster."""

OWN_PORT: Final = ("listeners", "rest.port", "rest.host.name")
"""Where a worker listens is the business of ``host`` and ``port``."""

# fmt: off
OTHER_PROPERTIES: Final = (
    "access.control.allow.methods", "access.control.allow.origin", "admin.listeners", "bootstrap.servers", "client.id",
    "config.providers", "config.storage.replication.factor", "config.storage.topic", "header.converter",
    "key.converter", "offset.flush.timeout.ms", "offset.storage.file.filename", "offset.storage.partitions",
    "offset.storage.replication.factor", "offset.storage.topic", "plugin.discovery", "plugin.path",
    "response.http.headers.config", "rest.advertised.host.name", "rest.advertised.listener", "rest.advertised.port",
    "rest.extension.classes", "status.storage.partitions", "status.storage.replication.factor",
    "status.storage.topic", "value.converter",
)
# fmt: on
"""Known names that are kept as they are: the REST room reads some, the others only must not look like typing errors."""

KNOWN_PROPERTIES: Final = (*PROPERTIES, *TIME_PROPERTIES, *OWN_PORT, *OTHER_PROPERTIES)
TYPO_RATIO: Final = 0.9
"""A worker ignores properties that it does not know, so only names this close to a known one are refused."""


class _Properties:
    """Worker properties, sorted by what becomes of them. Those of one worker begin as a copy of the common ones."""

    def __init__(self, where: str, problems: list[Problem], common: _Properties | None = None) -> None:
        self._where = where
        self._problems = problems
        self._is_common = common is None
        self.times: dict[str, int] = {}
        self.fields: dict[str, Any] = dict(common.fields) if common else {}
        self.others: dict[str, str] = dict(common.others) if common else {}
        self.host: str = common.host if common else ""
        self.port: int | None = common.port if common else None

    def read(self, given: Mapping[str, object]) -> None:
        for name, value in given.items():
            where = f"{self._where}[{name!r}]"
            text = _property_text(value, where, self._problems)
            if text is not None:
                self._read(name, text, where)

    def _read(self, name: str, value: str, where: str) -> None:
        if name in PROPERTIES:
            self.fields[name.replace(".", "_")] = PROPERTIES[name](value, where, self._problems)
        elif name in TIME_PROPERTIES:
            self._read_time(name, value, where)
        elif name in OWN_PORT:
            self._problems.append(Problem(where, "say where workers listen with the arguments host and port"))
        elif name == "rest.advertised.host.name":
            self.host = value
        elif name == "rest.advertised.port":
            self._read_port(value, where)
        else:
            self._keep(name, value, where)

    def _read_time(self, name: str, value: str, where: str) -> None:
        if self._is_common:
            self.times[name.replace(".", "_")] = _duration(value, where, self._problems)
        else:
            self._problems.append(
                Problem(where, "this counts for all workers: give it in config of the cluster")
            )

    def read_worker_id(self, value: object, where: str) -> None:
        """``host:port`` as it is advertised."""
        host, _, port = str(value).rpartition(":")
        if host and port.isdecimal() and 0 < int(port) <= 65_535:
            self.host, self.port = host, int(port)
        else:
            self._problems.append(
                Problem(where, f"expected a host and a port such as connect-0:8083, found {value!r}")
            )

    def _read_port(self, value: str, where: str) -> None:
        if value.isdecimal() and 0 < int(value) <= 65_535:
            self.port = int(value)
        else:
            self._problems.append(Problem(where, f"expected a port from 1 to 65535, found {value!r}"))

    def _keep(self, name: str, value: str, where: str) -> None:
        close = difflib.get_close_matches(name, KNOWN_PROPERTIES, 1, TYPO_RATIO)
        if close and name not in KNOWN_PROPERTIES:
            self._problems.append(Problem(where, f"unknown; did you mean {close[0]!r}?"))
        else:
            self.others[name] = value


def _property_text(value: object, where: str, problems: list[Problem]) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    problems.append(Problem(where, f"expected a text, a number or a truth value, found {value!r}"))
    return None


# --- values --------------------------------------------------------------------------------------------------------------


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text_of(value: object, where: str, problems: list[Problem]) -> str:
    if not isinstance(value, str) or not value:
        problems.append(Problem(where, "missing" if value is None else f"expected a text, found {value!r}"))
    return str(value)


def _mapping(
    value: object, where: str, problems: list[Problem], expected: str = "a dict"
) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return {str(name): entry for name, entry in value.items()}
    if value is not None or expected != "a dict":
        problems.append(Problem(where, f"expected {expected}, found {value!r}"))
    return {}


def _check_keys(
    given: Mapping[str, object], known: Sequence[str], where: str, problems: list[Problem]
) -> None:
    for name in given:
        if name not in known:
            problems.append(Problem(f"{where}.{name}", unknown(name, known)))


def _duration(value: object, where: str, problems: list[Problem]) -> int:
    if _is_whole(value) and value >= 0:
        return value
    span_ms = milliseconds(value) if isinstance(value, str) else None
    if span_ms is None:
        problems.append(Problem(where, f"expected {EXPECTED}, found {value!r}"))
    return span_ms or 0
