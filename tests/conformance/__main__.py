"""`python -m tests.conformance record | timelines | plugins | replay | compare | report | show | serve`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mockconnect.capture.cluster import CaptureError

from . import capturing
from .compare import difference, shown, table
from .jitter import keep_jitter
from .normalise import Normaliser
from .oracle import releases
from .oracle.cluster import OracleCluster
from .oracle.process import OracleError
from .oracle.worker import WorkerPlan
from .recording import (
    read_lines,
    read_recording,
    recorded_versions,
    recording_path,
    write_lines,
    write_plugins,
    write_recording,
)
from .replaying import (
    Replay,
    accept,
    by_cluster,
    known_differences,
    live,
    recorded,
    replay,
    unexpected,
    wanted,
    written_steps,
)
from .script import ClusterWish, Script
from .target import Target, TargetFactory, address_factory, oracle_factory
from .timelines import load_timelines, record_again_and_again, record_timeline
from .wire import Request, exchange


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit status."""
    options = _parser().parse_args(arguments)
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description="Real Kafka Connect as an oracle."
    )
    commands = parser.add_subparsers(required=True)
    versioned = argparse.ArgumentParser(add_help=False)
    versioned.add_argument("--kafka-version", default=releases.NEWEST)
    partial = argparse.ArgumentParser(add_help=False, parents=[versioned])
    partial.add_argument("--only", action="append", default=[], help="part of a name; may be repeated")

    record = commands.add_parser(
        "record", parents=[partial], help="play the corpus on real workers and write recordings"
    )
    record.add_argument("--keep-logs", type=Path)
    record.set_defaults(run=_record)
    again = commands.add_parser(
        "replay", parents=[partial], help="play the corpus on a target and compare with the recordings"
    )
    again.add_argument("--all", action="store_true", help="every recorded version, on mockconnect")
    again.add_argument(
        "--target", action="append", default=[], help="URL of a worker; repeat for each worker"
    )
    again.add_argument(
        "--oracle", action="store_true", help="play on real workers again: what is not repeatable?"
    )
    again.add_argument(
        "--accept", metavar="REASON", help="make known_differences.yaml exact; REASON is for new ones"
    )
    again.add_argument("--show", type=int, default=20, help="how many differences to print")
    again.set_defaults(run=_replay)
    compare = commands.add_parser(
        "compare", parents=[partial], help="play the corpus on real workers and on mockconnect, side by side"
    )
    compare.add_argument("--show", type=int, default=20, help="how many differences to print")
    compare.set_defaults(run=_compare)
    exploring = commands.add_parser(
        "explore",
        parents=[versioned],
        help="random conversations with real workers and mockconnect, side by side",
    )
    exploring.add_argument("--seed", type=int, default=1)
    exploring.add_argument("--first", type=int, default=0, help="number of the first conversation")
    exploring.add_argument("--steps", type=int, default=1000, help="how many exchanges at least")
    exploring.add_argument("--seconds", type=float, default=86_400, help="end after so long all the same")
    exploring.add_argument("--workers", type=int, default=1)
    exploring.add_argument("--standalone", action="store_true")
    exploring.add_argument(
        "--real", action="append", default=[], help="URL of a real worker that runs already; repeat for each"
    )
    exploring.add_argument("--keep", action="store_true", help="count the run in the report")
    exploring.set_defaults(run=_explore)
    timelines = commands.add_parser(
        "timelines", parents=[partial], help="record timelines on clusters of three"
    )
    timelines.add_argument(
        "--runs", type=int, default=1, help="of each; several tell how much instants are a matter of chance"
    )
    timelines.add_argument("--keep-logs", type=Path)
    timelines.set_defaults(run=_timelines)
    scenarios = commands.add_parser(
        "scenarios", parents=[versioned], help="play shipped scenarios on real workers and record them"
    )
    scenarios.add_argument("names", nargs="*", metavar="NAME", help="all that are chosen, if left out")
    scenarios.add_argument("--keep-logs", type=Path)
    scenarios.set_defaults(run=_scenarios)
    plugins = commands.add_parser(
        "plugins", parents=[versioned], help="record the definition of every plugin of a worker"
    )
    plugins.set_defaults(run=_plugins)
    reporting = commands.add_parser("report", help="write docs/conformance.md and the README's total")
    reporting.set_defaults(run=_report)
    show = commands.add_parser("show", help="print one recording, to be read")
    show.add_argument("version")
    show.add_argument("script", help="such as offsets, or timelines/create")
    show.set_defaults(run=_show)
    captured = commands.add_parser(
        "capture", parents=[versioned], help="capture a real cluster of three, for tests/capture"
    )
    captured.set_defaults(run=_capture)
    serve = commands.add_parser("serve", parents=[versioned], help="run real workers until interrupted")
    serve.add_argument("--workers", type=int, default=3)
    serve.add_argument("--standalone", action="store_true")
    serve.set_defaults(run=_serve)
    return parser


def _record(options: argparse.Namespace) -> int:
    failures = 0
    for group in by_cluster(wanted(options.kafka_version, options.only)):
        factory = oracle_factory(options.kafka_version, options.keep_logs)
        try:
            failures += _record_group(group, options.kafka_version, factory)
        except OracleError as error:
            print(f"{', '.join(script.name for script in group)}: no cluster: {error}", flush=True)
            failures += 1
    return 1 if failures else 0


def _record_group(scripts: Sequence[Script], version: str, factory: TargetFactory) -> int:
    failures = 0
    with factory(scripts[0].cluster) as target:
        for script in scripts:
            recording, error = recorded(version, target, script)
            write_recording(recording_path(version, script.name), recording.rows, recording.in_vain)
            said = f", then {error}" if error else ""
            counts = f"{len(recording.rows)} exchanges, {len(recording.in_vain)} in vain"
            print(f"{script.name}: {counts}{said}", flush=True)
            failures += error is not None
    return failures


def _replay(options: argparse.Namespace) -> int:
    versions = recorded_versions() if options.all else [options.kafka_version]
    replays = {version: _replay_one(version, options) for version in versions}
    if options.accept is not None:
        accept(replays, options.accept)
    return max([_judge_known(version, each) for version, each in replays.items()])


def _replay_one(version: str, options: argparse.Namespace) -> list[Replay]:
    replays = list(replay(version, _target_factory(options, version), options.only))
    _print(version, replays, options.show)
    return replays


def _print(version: str, replays: Sequence[Replay], shown_max: int) -> bool:
    """The differences, what went wrong, and the table; says whether all is well."""
    comparisons = [comparison for one in replays for comparison in one.comparisons]
    differing = [one for one in comparisons if one.differs]
    for comparison in differing[:shown_max]:
        print(difference(comparison))
    troubled = [one for one in replays if one.trouble]
    for one in troubled:
        print(f"{one.script}: {one.trouble}")
    print(f"Kafka {version}")
    print("\n".join([*table(comparisons), ""]), flush=True)
    return not differing and not troubled


def _compare(options: argparse.Namespace) -> int:
    from .simulated import simulated_factory  # noqa: PLC0415 - see _target_factory

    version = options.kafka_version
    replays = list(live(version, oracle_factory(version), simulated_factory(version), options.only))
    return 0 if _print(version, replays, options.show) else 1


def _explore(options: argparse.Namespace) -> int:
    from .explore import Journey, explore, keep  # noqa: PLC0415 - see _target_factory
    from .simulated import simulated_factory  # noqa: PLC0415

    version = options.kafka_version
    wish = ClusterWish(len(options.real) or options.workers, options.standalone)
    real = address_factory(options.real) if options.real else oracle_factory(version)
    factories = (real, simulated_factory(version))
    journey = Journey(options.seed, options.first, options.steps, options.seconds)
    explored = explore(version, wish, factories, journey)
    lasting = sum(bool(found.steps) for found in explored.found)
    if options.keep:
        keep(version, wish, options.seed, explored)
    print(
        f"Kafka {version}, seed {options.seed}: {explored.conversations} conversations, {explored.exchanges} exchanges, "
        f"{len(explored.found)} kinds of differences, {lasting} of them come back"
    )
    return 1 if lasting else 0


def _judge_known(version: str, replays: Sequence[Replay]) -> int:
    """Exit status: 1 if a difference is new or a listed one is gone."""
    known = known_differences(version)
    new, stale = 0, 0
    for one in replays:
        more, gone = unexpected(one, known.get(one.script, {}))
        new, stale = new + len(more), stale + len(gone)
        if more or gone:
            steps = written_steps([each.recorded.step for each in more])
            print(f"{version} {one.script}: new at {steps or '-'}, gone at {written_steps(gone) or '-'}")
    print(
        f"Kafka {version}: {new} differences that are not known, {stale} known ones that are gone", flush=True
    )
    return 1 if new or stale else 0


def _target_factory(options: argparse.Namespace, version: str) -> TargetFactory:
    if options.target:
        return address_factory(options.target)
    if options.oracle:
        return oracle_factory(version)
    from .simulated import simulated_factory  # noqa: PLC0415 - the oracle is run without mockconnect installed, too

    return simulated_factory(version)


def _report(_options: argparse.Namespace) -> int:
    from .report import README, REPORT, report, with_total  # noqa: PLC0415 - see _target_factory

    REPORT.write_text(report(), encoding="utf-8")
    README.write_text(with_total(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _show(options: argparse.Namespace) -> int:
    path = recording_path(options.version, options.script)
    if options.script.startswith(("timelines/", "scenarios/")):
        for line in read_lines(path):
            print(json.dumps(line, ensure_ascii=False))
        return 0
    recording = read_recording(path)
    for row in recording.rows:
        print(shown(row))
    for step, why in recording.in_vain.items():
        print(f"step {step} was played in vain: {why}")
    return 0


def _timelines(options: argparse.Namespace) -> int:
    version = options.kafka_version
    for timeline in load_timelines():
        if not timeline.recorded_for(version) or not _asked_for(timeline.name, options.only):
            continue
        if options.runs > 1:
            runs = list(record_again_and_again(timeline, version, options.runs, options.keep_logs))
            keep_jitter(version, timeline, runs)
        else:
            runs = [record_timeline(timeline, version, options.keep_logs)]
            write_lines(recording_path(version, f"timelines/{timeline.name}"), runs[0])
        print(f"{timeline.name}: {', '.join(str(len(rows)) for rows in runs)} rows", flush=True)
    return 0


def _scenarios(options: argparse.Namespace) -> int:
    from .acting import record_scenarios  # noqa: PLC0415 - see _target_factory
    from .scenarios import CHOSEN  # noqa: PLC0415

    unknown = sorted(set(options.names) - {one.name for one in CHOSEN})
    if unknown:
        print(f"not among those that real workers play: {', '.join(unknown)}")
        return 2
    wanted = [one for one in CHOSEN if not options.names or one.name in options.names]
    record_scenarios(wanted, options.kafka_version, options.keep_logs)
    return 0


def _asked_for(name: str, only: Sequence[str]) -> bool:
    return not only or any(part in name for part in only)


def _plugins(options: argparse.Namespace) -> int:
    plugins: dict[str, object] = {}
    with oracle_factory(options.kafka_version)(ClusterWish()) as target:
        listed = _answer(target, "/connector-plugins?connectorsOnly=false")
        plugins |= {"_list": listed, "_connectors_only": _answer(target, "/connector-plugins")}
        assert isinstance(listed, list)
        for name in sorted({str(plugin["class"]) for plugin in listed}):
            rows = _answer(target, f"/connector-plugins/{name}/config")
            if isinstance(rows, list):
                plugins[name] = rows
    write_plugins(options.kafka_version, plugins, plain=options.kafka_version == releases.NEWEST)
    return 0


def _answer(target: Target, path: str) -> object:
    host, port = target.addresses()[0]
    request = Request("GET", path)
    return json.loads(Normaliser({}).observation(request, exchange(host, port, request)).body)


def _capture(options: argparse.Namespace) -> int:
    try:
        capturing.record(options.kafka_version)
    except (OracleError, CaptureError) as error:
        print(error)
        return 1
    return 0


def _serve(options: argparse.Namespace) -> int:
    with OracleCluster(options.kafka_version) as cluster:
        plan = WorkerPlan(options.kafka_version, options.standalone)
        for worker in cluster.start_workers(options.workers, plan):
            print(f"worker {worker.number}: {worker.url} pid {worker.process.pid} log {worker.process.log}")
        print(f"broker: {cluster.broker.address} pid {cluster.broker.process.pid}", flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
