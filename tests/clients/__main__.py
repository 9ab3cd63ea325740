"""`python -m tests.clients`: clients in other languages, fetched and run against clusters of mockconnect.

It needs the network, and the tools of those languages; so it is no part of the test run.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .running import RESULTS, Outcome, run
from .suites import CLIENTS, HERE, Client

PAGE = HERE.parents[1] / "docs" / "clients.md"
HEADER = ("client", "version", "language", "tests", "ways", *RESULTS)
ROWS = re.compile(r"(<!-- results -->\n).*?(<!-- end of results -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit status: 1 if a test failed that is not known to ask too much."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", action="append", default=[], help="part of a client's name; may be repeated"
    )
    parser.add_argument("--way", action="append", default=[], help="part of a way's name; may be repeated")
    parser.add_argument("--cache", type=Path, default=_cache(), help="where fetched and built things lie")
    parser.add_argument("--document", action="store_true", help="write the table into docs/clients.md")
    options = parser.parse_args(arguments)
    clients = [client for client in CLIENTS if _chosen(client.name, options.only)]
    done = [(client, _run_all(client, options.way, options.cache)) for client in clients if _can_run(client)]
    text = _table(_row(client, outcomes) for client, outcomes in done)
    print(f"\n{text}", end="")
    if options.document:
        PAGE.write_text(ROWS.sub(rf"\1{text}\2", PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return int(any(one.unexpected(client) for client, outcomes in done for one in outcomes.values()))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mockconnect-clients"


def _chosen(name: str, parts: Iterable[str]) -> bool:
    parts = list(parts)
    return not parts or any(part in name for part in parts)


def _can_run(client: Client) -> bool:
    missing = client.missing_tools()
    if missing:
        print(f"{client.name}: not run, there is no {', no '.join(missing)}")
    return not missing


def _run_all(client: Client, ways: Sequence[str], cache: Path) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for way in client.ways:
        if _chosen(way.name, ways):
            outcome = outcomes[way.name] = run(client, way, cache)
            print(f"{client.name}, {way.name}: {_told(client, outcome)}", flush=True)
    return outcomes


def _told(client: Client, outcome: Outcome) -> str:
    counts = ", ".join(f"{outcome.count(result)} {result}" for result in RESULTS)
    refusals = ", ".join(f"{times} x {status}" for status, times in sorted(outcome.refusals.items()))
    lines = [f"{counts} (answers besides 2xx: {refusals or 'none'})"]
    for name, result in outcome.results.items():
        if result == "failed" and name in client.known:
            lines.append(f"  {name}: {client.known[name]}")
    lines += [f"  {name}: see {outcome.log}" for name in outcome.unexpected(client)]
    return "\n".join(lines)


def _row(client: Client, outcomes: dict[str, Outcome]) -> tuple[str, ...]:
    counts = [sum(outcome.count(result) for outcome in outcomes.values()) for result in RESULTS]
    return (
        *(f"`{client.name}`", client.version, client.language, client.tests, ", ".join(outcomes)),
        *map(str, counts),
    )


def _table(rows: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * 5 + ["---:"] * 3
    return "".join(f"| {' | '.join(row)} |\n" for row in (HEADER, rule, *rows))


if __name__ == "__main__":
    sys.exit(main())
