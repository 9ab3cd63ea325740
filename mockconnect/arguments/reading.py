"""All arguments, one after the other, into :class:`Options`. A cluster file among them says what was not said.

Rules of this room: a mistake in what came from a file is told with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from mockconnect.arguments.cluster_file import MERGED, arguments_of, place_of
from mockconnect.arguments.connectors import foreign_to, read_connectors, seed_of
from mockconnect.arguments.listening import check_room, read_control, read_front_door, read_port, read_tls
from mockconnect.arguments.values import Given, duration, is_whole, mapping, raise_any
from mockconnect.arguments.workers import read_workers
from mockconnect.core.cluster import EPOCH_MS
from mockconnect.core.loggers import LEVELS
from mockconnect.core.past import LoggerLevel
from mockconnect.core.settings import Timing
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.files.cluster import Cluster, Source, read_cluster
from mockconnect.files.problems import FileError, Problem, one_of, unknown
from mockconnect.options import Arguments, ClockChoice, Mode, Options, OptionsError
from mockconnect.rest.clock import RATE_MAX

KNOWN: Final = ("workers", *Arguments.__annotations__)
TIMES: Final = tuple(one.name for one in fields(Timing))


def read_options(arguments: Mapping[str, object]) -> Options:
    """Raises :class:`OptionsError` with all mistakes in ``arguments``, and in the files that they name."""
    cluster = arguments.get("cluster")
    if cluster is None:
        return _read(arguments)
    given = {name: value for name, value in arguments.items() if name != "cluster"}
    read, source = _cluster(cluster)
    if read.generate is not None and given.get("connectors") is None:
        read = _generated(read, given)
    of_file = arguments_of(read, given)
    try:
        both = {**of_file, **given, **{name: of_file[name] for name in MERGED if name in of_file}}
        return _read(both, source or Source.of_value())
    except OptionsError as error:
        problems = [_located(one, of_file, given, source) for one in error.problems]
        raise OptionsError(sorted(problems, key=_line)) from None


def _cluster(given: object) -> tuple[Cluster, Source | None]:
    """The cluster that a file describes, and the file. Raises :class:`OptionsError`."""
    if isinstance(given, Cluster):
        return given, None
    if not isinstance(given, str | Path):
        raise OptionsError([Problem("cluster", f"expected a file, found {given!r}")])
    try:
        return read_cluster(given)
    except FileError as error:
        raise OptionsError([Problem(f"cluster: {one.where}", one.text) for one in error.problems]) from None


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


# --- one argument after the other -------------------------------------------------------------------------------------------


def _read(arguments: Mapping[str, object], source: Source | None = None) -> Options:
    """``source`` is where connectors that are read already come from."""
    given = Given(arguments)
    connectors = read_connectors(given.get("connectors"), source, given.problems)
    given.check_names(KNOWN)
    mode, seed, clock = _mode(given), _seed(given), _clock(given)
    per_request_ms = _per_request(given, clock)
    host, port = given.text("host", "127.0.0.1"), read_port(given)
    timing = _timing(given)
    workers = read_workers(given, mode, host, connectors)
    count = len(workers.plans)
    check_room(given, port, count)
    foreign = foreign_to(workers.plans, connectors) if given.get("workers") is not None else None
    loggers = _loggers(given, [plan.settings.name for plan in workers.plans])
    cluster_id, cold_start = given.text("cluster_id", ""), given.flag("cold_start")
    tls = read_tls(given)
    door, door_port = read_front_door(given, port, count)
    control = read_control(given, port, count, door_port)
    raise_any(given.problems)
    return Options(
        workers=workers.plans,
        mode=mode,
        seed=seed,
        clock=clock,
        host=host,
        port=port,
        timing=replace(timing, **workers.times),
        connectors=tuple(seed_of(one, foreign) for one in connectors),
        cluster_id=cluster_id,
        cold_start=cold_start,
        loggers=loggers,
        leader=workers.leader,
        tls=tls,
        front_door=door,
        front_door_port=door_port,
        control=control,
        per_request_ms=per_request_ms,
    )


def _mode(given: Given) -> Mode:
    value = given.text("mode", "distributed")
    if value not in ("distributed", "standalone"):
        given.problem("mode", one_of(value, ("distributed", "standalone")))
    return "standalone" if value == "standalone" else "distributed"


def _seed(given: Given) -> int:
    value = given.get("seed", 0)
    if not is_whole(value):
        given.problem("seed", f"expected a whole number, found {value!r}")
        return 0
    return value


def _clock(given: Given) -> ClockChoice:
    value = given.text("clock", "paced")
    if value == "paced":
        return ClockChoice("paced")
    if value == "manual":
        return ClockChoice("manual")
    rate = 1.0 if value == "real" else _rate(value)
    if rate is None:
        given.problem("clock", f"expected 'paced', 'manual', 'real' or a rate such as 'x60', found {value!r}")
    return ClockChoice("real", rate or 1.0)


def _rate(text: str) -> float | None:
    found = re.fullmatch(r"x(\d+(?:\.\d+)?)", text)
    rate = float(found[1]) if found else 0.0
    return rate if 0 < rate <= RATE_MAX else None


def _per_request(given: Given, clock: ClockChoice) -> int | None:
    value = given.get("per_request")
    if value is None:
        return None
    if clock.kind != "paced":
        given.problem("per_request", "requests move only a paced clock")
    return duration(value, "per_request", given.problems)


def _timing(given: Given) -> Timing:
    changes: dict[str, int] = {}
    for name, value in given.mapping("timing").items():
        field, where = name if name in TIMES else f"{name}_ms", f"timing[{name!r}]"
        if field not in TIMES:
            given.problem(where, unknown(name, TIMES))
        elif field.endswith("_ms"):
            changes[field] = duration(value, where, given.problems)
        elif not is_whole(value) or value < 1:
            given.problem(where, f"expected a whole number from 1, found {value!r}")
        else:
            changes[field] = value
    return replace(Timing(), **changes)


# --- loggers ----------------------------------------------------------------------------------------------------------------


def _loggers(given: Given, workers: Sequence[str]) -> dict[str, dict[str, LoggerLevel]]:
    """Levels of loggers by worker."""
    loggers = given.mapping("loggers")
    for name in loggers:
        if name not in workers:
            given.problem(f"loggers[{name!r}]", unknown(name, workers))
    return {name: _levels(given, levels, f"loggers[{name!r}]") for name, levels in loggers.items()}


def _levels(given: Given, levels: object, where: str) -> dict[str, LoggerLevel]:
    return {
        name: _level(given, level, f"{where}[{name!r}]")
        for name, level in mapping(levels, where, given.problems).items()
    }


def _level(given: Given, level: object, where: str) -> LoggerLevel:
    text = level.get("level") if isinstance(level, Mapping) else level
    modified = level.get("last_modified") if isinstance(level, Mapping) else None
    if not isinstance(text, str) or text.upper() not in LEVELS:
        given.problem(where, one_of(str(text), LEVELS))
    at_ms = modified - EPOCH_MS if isinstance(modified, int) else None
    return LoggerLevel(str(text).upper(), at_ms)
