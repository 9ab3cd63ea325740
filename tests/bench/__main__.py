"""``python -m tests.bench [NAME…]``: figures of one run on this machine, and what they should be.

Machines are shared and noisy: two servers that are compared take turns, and medians are printed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.load import throughput

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
ROUNDS = 5
Row = tuple[str, str, str]


@contextlib.contextmanager
def server(*command: str, ready: Path) -> Iterator[dict[str, object]]:
    """A child process that writes ``ready`` when it listens; it ends with the block."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    try:
        while not ready.exists():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            time.sleep(0.02)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def mockconnect_server(folder: Path) -> Iterator[list[str]]:
    """Three workers in paced time; gives their URLs."""
    ready = folder / f"ready-{time.monotonic_ns()}.json"
    arguments = ["--workers", "3", "--port", "0", "--clock", "paced", "--ready-file", str(ready)]
    with server("mockconnect.cli", "serve", *arguments, ready=ready) as info:
        workers = info["workers"]
        assert isinstance(workers, list)
        yield [worker["url"].rstrip("/") for worker in workers]


class Session:
    """One kept connection, requests one after the other."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def send(self, method: str, path: str, body: object = None) -> bytes:
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status < 300, (answer.status, data)
        return data


def connector(number: int, tasks: int = 1) -> dict[str, object]:
    config = {"connector.class": SINK, "tasks.max": str(tasks), "topics": "t", "file": "/dev/null"}
    return {"name": f"c{number}", "config": config}


def reads(folder: Path) -> Iterator[Row]:
    """Throughput of reads against a bare handler with a body of the same size."""
    with mockconnect_server(folder) as urls:
        session = Session(urls[0])
        for number in range(20):
            session.send("POST", "/connectors", connector(number))
        for _ in range(200):  # in paced time every request lets the cluster go on
            session.send("GET", "/connectors/c0/status")
        paths = ["/connectors/c0/status", "/connectors/c0", "/connectors"]
        files = []
        for number, path in enumerate(paths):
            file = folder / f"body{number}"
            file.write_bytes(session.send("GET", path))
            files.append(str(file))
        ready = folder / "bare.json"
        with server("tests.bench.bare", str(ready), *files, ready=ready) as bare:
            for number, path in enumerate(paths):
                ratios = []
                for _ in range(ROUNDS):
                    base = throughput(f"{bare['url']}/{number}")
                    ours = throughput(urls[0] + path)
                    ratios.append((ours / base, ours, base))
                ratio, ours, base = sorted(ratios)[len(ratios) // 2]
                yield (
                    f"GET {path}",
                    f"{ratio:.2f} of a bare handler ({ours:,.0f}/s, {base:,.0f}/s)",
                    ">= 0.75",
                )


def creates(folder: Path) -> Iterator[Row]:
    """1,000 connectors one by one on three workers."""
    with mockconnect_server(folder) as urls:
        session = Session(urls[0])
        took = []
        for number in range(1000):
            started = time.perf_counter()
            session.send("POST", "/connectors", connector(number))
            took.append(time.perf_counter() - started)
    early, late = statistics.median(took[5:25]), statistics.median(took[-25:])
    yield "POST /connectors, 1,000 one by one", f"{1000 / sum(took):,.0f}/s", ">= 300/s"
    yield "the 1,000th against the 10th", f"{late / early:.1f} times ({late * 1e3:.1f} ms)", "<= 3 times"


def large(_: Path) -> Iterator[Row]:
    """10,000 connectors with four tasks each on ten workers; runs in a child, whose memory is its own."""
    rows = subprocess.run(
        [sys.executable, "-m", "tests.bench.large"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    for line in rows.splitlines():
        what, figure, target = line.split("|")
        yield what, figure, target


def fixture(_: Path) -> Iterator[Row]:
    """Set-up and tear-down of the fixture's cluster."""
    import mockconnect  # noqa: PLC0415

    took = []
    for _ in range(50):
        started = time.perf_counter()
        with mockconnect.start(workers=3):
            pass
        took.append(time.perf_counter() - started)
    yield "start and stop of 3 workers", f"{statistics.median(took) * 1e3:.1f} ms", "<= 10 ms"


def plugin(folder: Path) -> Iterator[Row]:
    """What the installed plugin costs a ``pytest`` start that does not use it."""
    empty = folder / "empty"
    empty.mkdir()
    (empty / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(empty)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(blocked: str) -> float:
        started = time.perf_counter()
        subprocess.run(
            [*command, "-p", f"no:{blocked}"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=empty,
            env=environment,
        )
        return time.perf_counter() - started

    def difference(turn: int) -> float:
        """Which of the two goes first changes from turn to turn."""
        order = ("nothing", "mockconnect") if turn % 2 else ("mockconnect", "nothing")
        took = {blocked: run(blocked) for blocked in order}
        return took["nothing"] - took["mockconnect"]

    run("nothing")
    median = statistics.median(difference(turn) for turn in range(12))
    yield "pytest start with the plugin", f"{median * 1e3:+.1f} ms", "<= +10 ms"


def events(_: Path) -> Iterator[Row]:
    """Heap events of a read that needs no waiting."""
    from tests.bench.large import small_cluster  # noqa: PLC0415

    cluster = small_cluster()
    before = cluster.sim.scheduled_events
    for operation in ("list_connectors", "connector_status", "connector_info", "list_plugins"):
        reply = cluster.submit(
            "connect-1", operation, {"name": "c0"} if operation.startswith("connector_") else {}
        )
        assert reply.done
        assert reply.error is None, reply.error
    yield "heap events of four reads", str(cluster.sim.scheduled_events - before), "0"


def validate(_: Path) -> Iterator[Row]:
    """Validation of a config of Debezium PostgreSQL with its answer as JSON, in time of one core."""
    import msgspec  # noqa: PLC0415

    from mockconnect import catalog  # noqa: PLC0415
    from mockconnect.core.plugins import Plugins  # noqa: PLC0415
    from mockconnect.core.settings import WorkerSettings  # noqa: PLC0415
    from mockconnect.core.validation import validate_connector_config  # noqa: PLC0415

    entry = next(entry for entry in catalog.entries() if entry.name == "debezium-postgres")
    plugins = Plugins(
        (*catalog.apache_plugins(), *catalog.plugins_of(entry)), clients=catalog.client_definition
    )
    settings = WorkerSettings("connect-1")
    config = {"name": "c0", "connector.class": entry.class_name, "topic.prefix": "s", "database.dbname": "d"}
    rates = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(200):
            infos = validate_connector_config(config, plugins=plugins, worker=settings)
            msgspec.json.encode(infos.to_json())
        rates.append(200 / (time.process_time() - started))
    keys = len(infos.configs)
    yield f"validate Debezium PostgreSQL ({keys} keys)", f"{statistics.median(rates):,.0f}/s", ">= 300/s"


BENCHES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "reads": reads,
    "creates": creates,
    "large": large,
    "fixture": fixture,
    "plugin": plugin,
    "events": events,
    "validate": validate,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    print(f"{'what':<42} {'measured':<46} should be")
    with tempfile.TemporaryDirectory() as folder:
        for name in names or BENCHES:
            for what, figure, target in BENCHES[name](Path(folder)):
                print(f"{what:<42} {figure:<46} {target}", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"(this process: {used} MB; Python {sys.version.split()[0]}, {os.cpu_count()} cores)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
