"""`python -m tests.conformance record | replay | serve | timelines`."""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .compare import Comparison, Verdict, compare, difference, table
from .normalise import Normaliser
from .oracle import releases
from .oracle.cluster import OracleCluster
from .oracle.worker import WorkerPlan
from .player import Player, PlayError, Row
from .recording import RECORDINGS, read_recording, recording_path, write_plugin, write_recording
from .script import ClusterWish, Script, load_corpus
from .target import (
    Target,
    TargetFactory,
    UnsuitableTargetError,
    address_factory,
    oracle_factory,
)
from .timelines import load_timelines, record_timeline, write_timeline
from .wire import Request, exchange


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args(arguments)
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description="Real Kafka Connect as an oracle."
    )
    commands = parser.add_subparsers(required=True)
    record = commands.add_parser("record", help="play the corpus on real workers and write recordings")
    record.add_argument("--kafka-version", default=releases.NEWEST)
    record.add_argument(
        "--only", action="append", default=[], help="part of a script's name; may be repeated"
    )
    record.add_argument("--keep-logs", type=Path)
    record.set_defaults(run=_record)
    replay = commands.add_parser("replay", help="play the corpus on a target and compare with the recordings")
    replay.add_argument("--kafka-version", default=releases.NEWEST)
    replay.add_argument(
        "--target", action="append", default=[], help="URL of a worker; repeat for each worker"
    )
    replay.add_argument(
        "--oracle", action="store_true", help="play on real workers again: what is not repeatable?"
    )
    replay.add_argument(
        "--only", action="append", default=[], help="part of a script's name; may be repeated"
    )
    replay.add_argument("--show", type=int, default=20, help="how many differences to print")
    replay.set_defaults(run=_replay)
    timelines = commands.add_parser("timelines", help="record timelines on clusters of three")
    timelines.add_argument("--kafka-version", default=releases.NEWEST)
    timelines.add_argument(
        "--only", action="append", default=[], help="part of a timeline's name; may be repeated"
    )
    timelines.set_defaults(run=_timelines)
    plugins = commands.add_parser("plugins", help="record the definition of every plugin of a worker")
    plugins.add_argument("--kafka-version", default=releases.NEWEST)
    plugins.set_defaults(run=_plugins)
    serve = commands.add_parser("serve", help="run real workers until interrupted")
    serve.add_argument("--kafka-version", default=releases.NEWEST)
    serve.add_argument("--workers", type=int, default=3)
    serve.add_argument("--standalone", action="store_true")
    serve.set_defaults(run=_serve)
    return parser


def _record(options: argparse.Namespace) -> int:
    scripts = [script for script in load_corpus() if _wanted(script, options.kafka_version, options.only)]
    failures = 0
    for group in _by_cluster(scripts):
        failures += _record_group(
            group, options.kafka_version, oracle_factory(options.kafka_version, options.keep_logs)
        )
    return 1 if failures else 0


def _record_group(scripts: Sequence[Script], version: str, factory: TargetFactory) -> int:
    failures = 0
    with factory(scripts[0].cluster) as target:
        for script in scripts:
            rows, error = _played(target, script)
            write_recording(recording_path(version, script.name), rows)
            print(f"{script.name}: {len(rows)} exchanges{f', then {error}' if error else ''}", flush=True)
            failures += error is not None
    return failures


def _replay(options: argparse.Namespace) -> int:
    comparisons = list(_compared(options))
    for comparison in [one for one in comparisons if one.verdict != Verdict.SAME][: options.show]:
        print(difference(comparison))
    print("\n".join(table(comparisons)))
    return 0 if all(one.verdict == Verdict.SAME for one in comparisons) else 1


def _compared(options: argparse.Namespace) -> Iterator[Comparison]:
    version = options.kafka_version
    factory = _target_factory(options)
    scripts = [script for script in load_corpus() if recording_path(version, script.name).exists()]
    for group in _by_cluster([script for script in scripts if _wanted(script, version, options.only)]):
        try:
            with factory(group[0].cluster) as target:
                for script in group:
                    rows, error = _played(target, script)
                    if error is not None:
                        print(f"{script.name}: {error}")
                    yield from compare(
                        script.name, read_recording(recording_path(version, script.name)), rows
                    )
        except UnsuitableTargetError as error:
            print(f"not played: {', '.join(script.name for script in group)} ({error})")


def _target_factory(options: argparse.Namespace) -> TargetFactory:
    if options.target:
        return address_factory(options.target)
    if options.oracle:
        return oracle_factory(options.kafka_version)
    from .simulated import simulated_factory  # noqa: PLC0415 - the oracle is run without mockconnect installed, too

    return simulated_factory(options.kafka_version)


def _timelines(options: argparse.Namespace) -> int:
    factory = oracle_factory(options.kafka_version)
    for timeline in load_timelines():
        if not options.only or any(part in timeline.name for part in options.only):
            rows = record_timeline(timeline, factory)
            write_timeline(RECORDINGS / options.kafka_version / "timelines" / f"{timeline.name}.jsonl", rows)
            print(f"{timeline.name}: {len(rows)} rows", flush=True)
    return 0


def _played(target: Target, script: Script) -> tuple[list[Row], PlayError | None]:
    """The rows up to the end of the script or to the first step that could not be played."""
    player = Player(target, script.cluster.authorization)
    rows: list[Row] = []
    failed: PlayError | None = None
    try:
        for row in player.play(script):
            rows.append(row)
    except PlayError as error:
        failed = error
    try:
        player.tidy()
    except PlayError as error:
        failed = failed or error
    return rows, failed


def _wanted(script: Script, version: str, only: Sequence[str]) -> bool:
    if only and not any(part in script.name for part in only):
        return False
    return releases.line_of(f"{script.since}.0") <= releases.line_of(version)


def _by_cluster(scripts: Sequence[Script]) -> list[list[Script]]:
    """Scripts that may share a cluster, together; one that wants a fresh one, alone."""

    def wish(script: Script) -> tuple[str, str]:
        return repr(script.cluster), script.name if script.fresh else ""

    return [list(group) for _, group in itertools.groupby(sorted(scripts, key=wish), key=wish)]


def _plugins(options: argparse.Namespace) -> int:
    folder = RECORDINGS / options.kafka_version / "plugins"
    with oracle_factory(options.kafka_version)(ClusterWish()) as target:
        listed = _answer(target, "/connector-plugins?connectorsOnly=false")
        write_plugin(folder / "_list.json", listed)
        write_plugin(folder / "_connectors_only.json", _answer(target, "/connector-plugins"))
        assert isinstance(listed, list)
        for name in sorted({str(plugin["class"]) for plugin in listed}):
            rows = _answer(target, f"/connector-plugins/{name}/config")
            if isinstance(rows, list):
                write_plugin(folder / f"{name}.json", rows)
    return 0


def _answer(target: Target, path: str) -> object:
    host, port = target.addresses()[0]
    return json.loads(Normaliser({}).observation(exchange(host, port, Request("GET", path))).body)


def _serve(options: argparse.Namespace) -> int:
    with OracleCluster(options.kafka_version) as cluster:
        plan = WorkerPlan(options.kafka_version, options.standalone)
        for worker in cluster.start_workers(options.workers, plan):
            print(f"worker {worker.number}: {worker.url} pid {worker.process.pid} log {worker.process.log}")
        print(f"broker: {cluster.broker.address} pid {cluster.broker.process.pid}", flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
