"""``mockconnect serve``: a cluster until it is interrupted.

Rules of this room:

* Arguments are handed on as they were written; the room of arguments reads them, so that the command line, the marker
  and :func:`mockconnect.start` know the same values and find the same mistakes. A mistake is one line on standard
  error and exit status 2.
* What is heavy is imported when there is a cluster to start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from mockconnect.cli.commands import refuse, refuse_options
from mockconnect.cli.files import TIMELINES, check_files, write_timeline
from mockconnect.cli.options import option
from mockconnect.cli.scenarios import load
from mockconnect.usual import CONTROL_PORT, WORKER_PORT

if TYPE_CHECKING:
    from mockconnect.files.problems import Problem
    from mockconnect.hosting import RunningCluster
    from mockconnect.scenario.report import Report


@click.command()
@option("--workers", "How many workers: 3 if left out, and 1 in standalone mode.", default=None, metavar="N")
@option("--host", "Where to listen; 0.0.0.0 is everywhere.", default="127.0.0.1")
@option(
    "--port",
    "Port of the first worker, the others follow; 0 takes free ones.",
    "CONNECT_REST_PORT",
    default=str(WORKER_PORT),
    metavar="PORT",
)
@option(
    "--advertised-host",
    "Host in worker ids and forwarded URLs.",
    "CONNECT_REST_ADVERTISED_HOST_NAME",
    default=None,
    metavar="HOST",
)
@option(
    "--kafka-version",
    "Version to imitate; several, divided by commas, one per worker.",
    default=None,
    metavar="V",
)
@option("--mode", "distributed or standalone.", default="distributed", metavar="MODE")
@option(
    "--clock",
    "real, xN (N times as fast), paced (requests move time) or manual.",
    default="real",
    metavar="CLOCK",
)
@option(
    "--per-request", "How far a request moves a paced clock: 20ms if left out.", default=None, metavar="TIME"
)
@option("--seed", "Seed of every random draw.", default="0", metavar="N")
@option(
    "--plugins",
    "A name or glob of the catalogue (debezium-postgres@3.2), a file, !NAME to take away, WORKER=NAME for one worker"
    " only; may be repeated.",
    multiple=True,
    metavar="NAME|FILE",
)
@option(
    "--connectors",
    "JSON or YAML file with connectors that exist from the start.",
    default=None,
    metavar="FILE",
)
@option(
    "--cluster",
    "File to start from: a captured cluster, or one written by hand.",
    default=None,
    metavar="FILE",
)
@option(
    "--config", "A worker property, such as group.id=g; may be repeated.", multiple=True, metavar="NAME=VALUE"
)
@option("--user", "Ask for basic authentication; may be repeated.", multiple=True, metavar="NAME:PASSWORD")
@option("--tls-cert", "PEM file: listen for HTTPS with this certificate.", default=None, metavar="FILE")
@option("--tls-key", "PEM file with its key, if it is not in there, too.", default=None, metavar="FILE")
@option("--tls-client-ca", "PEM file: clients must show a certificate of this.", default=None, metavar="FILE")
@option("--tls-client-auth", "none, requested or required.", default=None, metavar="WISH")
@option(
    "--timing",
    "How long something takes, such as jvm_start=2s; may be repeated.",
    multiple=True,
    metavar="NAME=TIME",
)
@option(
    "--ready-file",
    "Written when all workers listen: their ids and URLs as JSON.",
    default=None,
    metavar="FILE",
)
@option(
    "--front-door",
    "One more port in front of all workers: round_robin, random, sticky or leader.",
    default=None,
    metavar="HOW",
)
@option("--front-door-port", "Port of the front door; 0 takes a free one.", default=None, metavar="PORT")
@option(
    "--control-port",
    f"Port of the control API; if left out {CONTROL_PORT}, or a free one if that is taken; off for none.",
    default=None,
    metavar="PORT",
)
@option(
    "--control-host",
    "Where the control API listens; beyond this machine it needs a token.",
    default=None,
    metavar="HOST",
)
@option("--control-token", "What callers of the control API must show.", default=None, metavar="TOKEN")
@option("--no-control-mirror", "Leave /__mockconnect on workers' ports to Kafka Connect.", is_flag=True)
@option("--cold-start", "Show the boot and the first rebalance too.", is_flag=True)
@option(
    "--scenario",
    "Play a scenario, a name or a file; its report comes at the end.",
    default=None,
    metavar="NAME",
)
@option("--param", "A parameter of the scenario; may be repeated.", multiple=True, metavar="NAME=VALUE")
@option(
    "--timeline",
    "At the end, write what happened, in the scenario if there is one, as .txt, .jsonl or .html; may be repeated.",
    multiple=True,
    metavar="FILE",
)
@click.pass_context
def serve(context: click.Context, /, ready_file: str | None, **given: Any) -> None:
    """Run a cluster until it is interrupted (SIGINT, SIGTERM)."""
    timelines = [Path(one) for one in given.pop("timeline")]
    given = _with_scenario(context, given)
    check_files("serve", "--timeline", timelines, TIMELINES)
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # until the event loop takes over; the first process needs it
    problems: list[Problem] = []
    arguments = _arguments(given, problems)
    if ready_file is not None:
        _check_ready_file(Path(ready_file), problems)
    from mockconnect.files.problems import FileError  # noqa: PLC0415 - heavy
    from mockconnect.options import OptionsError  # noqa: PLC0415 - heavy

    try:
        _serve(arguments, problems, None if ready_file is None else Path(ready_file), timelines)
    except OptionsError as error:
        refuse_options("serve", error.problems)
    except FileError as error:
        refuse("serve", *error.problems)
    except KeyboardInterrupt:
        sys.exit(0)


def _with_scenario(context: click.Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the scenario says counts unless somebody has written something else."""
    found = {name: value for name, value in given.items() if name not in ("scenario", "param")}
    if given["scenario"] is None:
        if given["param"]:
            refuse("serve", "--param: there is no scenario that it could be for")
        return found
    scenario = load("serve", given["scenario"], given["param"])
    for name, value in (("seed", scenario.settings.seed), ("clock", scenario.settings.clock or "real")):
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            found[name] = value
    for name in ("workers", "mode"):
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            found[name] = None
    return {**found, "scenario": scenario}


def _serve(
    arguments: Mapping[str, Any],
    problems: list[Problem],
    ready_file: Path | None,
    timelines: Sequence[Path],
) -> None:
    import asyncio  # noqa: PLC0415 - heavy
    import logging  # noqa: PLC0415 - heavy

    from mockconnect.options import OptionsError  # noqa: PLC0415 - heavy

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if problems:
        raise OptionsError([*problems, *_problems_of(arguments)])
    is_observed = bool(timelines) and "scenario" not in arguments
    seen, played = asyncio.run(_until_interrupted(arguments, ready_file, is_observed=is_observed))
    for path in timelines:
        assert seen is not None, "what is to be written is observed or played"
        write_timeline("serve", path, seen)
    if played is not None:
        click.echo(played.text())


def _problems_of(arguments: Mapping[str, Any]) -> Sequence[Problem]:
    from mockconnect.options import OptionsError  # noqa: PLC0415 - heavy
    from mockconnect.staging import staged  # noqa: PLC0415 - heavy

    try:
        staged(arguments)
    except OptionsError as error:
        return error.problems
    return ()


async def _until_interrupted(
    arguments: Mapping[str, Any], ready_file: Path | None, *, is_observed: bool
) -> tuple[Report | None, Report | None]:
    """What a timeline is to show, and the report of the scenario that was played last: as far as it came."""
    import asyncio  # noqa: PLC0415 - heavy

    from mockconnect.hosting import start_async  # noqa: PLC0415 - heavy

    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no signals on its loop
            loop.add_signal_handler(number, interrupted.set)
    async with start_async(**arguments) as cluster:
        if is_observed:
            cluster.observe()
        if ready_file is not None:
            _write_ready_file(ready_file, cluster)
        try:
            _greet(cluster, arguments)
            await interrupted.wait()
            played = None if cluster.scenario is None else cluster.report()
            return cluster.observed() if is_observed else played, played
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)


def _arguments(given: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """What was written, as :func:`mockconnect.start` takes it. Numbers become numbers where they are some."""
    arguments = {name: value for name, value in _with_control(given).items() if value not in (None, ())}
    for name in ("workers", "port", "seed", "front_door_port", "control_port"):
        if name in arguments:
            arguments[name] = _number(arguments[name])
    for name in ("config", "timing"):
        if name in arguments:
            arguments[name] = _pairs(name, arguments[name], problems)
    if "user" in arguments:
        arguments["users"] = dict(text.partition(":")[::2] for text in arguments.pop("user"))
    if "plugins" in arguments:
        arguments["plugins"] = list(arguments["plugins"])
    versions = str(arguments.get("kafka_version", "")).split(",")
    if len(versions) > 1:
        arguments["kafka_version"] = [version.strip() for version in versions]
    return arguments


def _with_control(given: Mapping[str, Any]) -> dict[str, Any]:
    """The control API is there unless somebody does not want it."""
    found = dict(given)
    without_mirror = found.pop("no_control_mirror", False)
    if found.get("control_port") is None:
        found["control_port"] = "0" if found.get("port") == "0" else "auto"
    if found["control_port"] == "off":
        found["control_port"] = None
    elif without_mirror:
        found["control_mirror"] = False
    return found


def _number(text: object) -> object:
    with suppress(ValueError):
        return int(str(text))
    return text


def _pairs(name: str, texts: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    from mockconnect.files.problems import Problem  # noqa: PLC0415 - heavy

    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            problems.append(Problem(name, f"expected NAME=VALUE, found {text!r}"))
        pairs[key.strip()] = value.strip()
    return pairs


# --- the ready file --------------------------------------------------------------------------------------------------------


def _check_ready_file(path: Path, problems: list[Problem]) -> None:
    """An old file would say that what is not ready is; so it goes first."""
    from mockconnect.files.problems import Problem  # noqa: PLC0415 - heavy

    try:
        path.unlink(missing_ok=True)
        _write(path, "")
        path.unlink()
    except OSError as error:
        problems.append(Problem("ready_file", f"{path} cannot be written: {error.strerror}"))


def _write_ready_file(path: Path, cluster: RunningCluster) -> None:
    workers = [{"name": one.name, "worker_id": one.id, "url": one.url} for one in cluster.workers]
    others = {"front_door": cluster.front_door_url, "control": cluster.control_url}
    given = {name: url for name, url in others.items() if url is not None}
    _write(path, json.dumps({"workers": workers, "seed": cluster.seed, **given}, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    """All or nothing: whoever sees the file sees all of it."""
    partly = path.with_name(f".{path.name}.{os.getpid()}")
    partly.write_text(text, encoding="utf-8")
    partly.replace(path)


# --- the banner ------------------------------------------------------------------------------------------------------------

TRY: Final = (
    ("which connectors can be made", "curl -s {url}/connector-plugins"),
    (
        "make one",
        "curl -s -X PUT -H 'Content-Type: application/json' {url}/connectors/demo/config -d "
        '\'{{"connector.class":"FileStreamSource","tasks.max":"1","file":"/tmp/demo.txt","topic":"demo"}}\'',
    ),
    ("see it run", "curl -s {url}/connectors/demo/status"),
)


def _greet(cluster: RunningCluster, arguments: Mapping[str, Any]) -> None:
    """Where the workers are and what to do first, for people who see this for the first time."""
    lines = [
        ("", f"Kafka Connect, simulated by mockconnect (seed {cluster.seed}, clock {arguments['clock']})"),
        ("", ""),
    ]
    lines += [
        ("worker", f"{one.name}  {one.url}" + ("  leader" if one.is_leader else ""))
        for one in cluster.workers
    ]
    if cluster.front_door_url is not None:
        lines.append(
            (
                "worker",
                f"all of them behind {cluster.front_door_url}  {arguments.get('front_door', 'round_robin')}",
            )
        )
    if cluster.control_url is not None:
        lines.append(
            ("worker", f"control API at {cluster.control_url}  {_how_to_control(cluster, arguments)}")
        )
    lines += [("", ""), ("", "Try, in another terminal:")]
    for what, command in TRY:
        lines += [("comment", f"  # {what}"), ("command", f"  {command.format(url=cluster.url)}")]
    lines += [("", ""), ("", "Ctrl-C stops it.")]
    _print_styled(lines) if sys.stdout.isatty() else click.echo("\n".join(text for _, text in lines))
    sys.stdout.flush()


def _how_to_control(cluster: RunningCluster, arguments: Mapping[str, Any]) -> str:
    """``ctl`` finds the usual port by itself."""
    url = str(cluster.control_url)
    if url.endswith(f":{CONTROL_PORT}"):
        return "mockconnect ctl --help"
    taken = f"({CONTROL_PORT} is taken)  " if arguments.get("control_port") == "auto" else ""
    return f"{taken}mockconnect ctl --url {url}"


STYLES: Final = {"": "", "worker": "green", "comment": "dim", "command": "bold cyan"}


def _print_styled(lines: Sequence[tuple[str, str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    console = Console(soft_wrap=True)
    for kind, text in lines:
        console.print(Text(text, style=STYLES[kind]))
