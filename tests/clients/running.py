"""One client against one cluster: its tests run as a process, and what became of each is read from their report."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from xml.etree import ElementTree

import mockconnect
from mockconnect import RunningCluster

from .suites import Client, Place, Way

RUN_S_MAX = 900

Result = Literal["passed", "failed", "skipped"]
RESULTS: tuple[Result, ...] = get_args(Result)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each test, the answers that were no success, and where the output is."""

    results: dict[str, Result]
    refusals: Counter[int]
    log: Path

    def count(self, result: Result) -> int:
        return sum(one == result for one in self.results.values())

    def unexpected(self, client: Client) -> list[str]:
        """Tests that failed and should not have; a run without any test is one of them."""
        failed = [
            name for name, result in self.results.items() if result == "failed" and name not in client.known
        ]
        return failed if self.results else ["no test was run"]


def run(client: Client, way: Way, cache: Path) -> Outcome:
    """Plays a client's tests against a fresh cluster; time is real, as in a client's own time-outs."""
    folder = cache / client.language.lower()
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {"workers": 3, "clock": "real", "plugins": list(client.plugins), **way.cluster}
    for report in folder.rglob("TEST-*.xml"):
        report.unlink()
    if client.fetch is not None:
        subprocess.run(client.fetch(folder), check=True)
    with mockconnect.start(**arguments) as cluster:
        place = Place(_url(cluster, way), "tls_cert" in way.cluster, folder)
        for fault in way.faults:
            cluster.inject(fault)
        done = subprocess.run(
            client.command(place),
            cwd=client.home,
            env={**os.environ, **client.environment(place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S_MAX,
            check=False,
        )
        refusals = Counter(row.status_code for row in cluster.requests() if row.status_code >= 400)
    log = cache / "logs" / f"{client.name}-{way.name}.log".replace("/", "_").replace(" ", "-")
    log.parent.mkdir(exist_ok=True)
    log.write_text(done.stdout, encoding="utf-8")
    return Outcome(_of_go(done.stdout) if client.language == "Go" else _of_junit(folder), refusals, log)


def _url(cluster: RunningCluster, way: Way) -> str:
    match way.entry:
        case "leader":
            return cluster.url
        case "follower":
            return cluster.followers[0].url
        case "front door":
            assert cluster.front_door_url is not None
            return cluster.front_door_url


def _of_go(output: str) -> dict[str, Result]:
    """Events of `go test -json`; tests within tests do not count."""
    results: dict[str, Result] = {}
    of_action: dict[str, Result] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
    for line in output.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        name = event.get("Test", "")
        if name and "/" not in name and event["Action"] in of_action:
            results[name] = of_action[event["Action"]]
    return results


def _of_junit(folder: Path) -> dict[str, Result]:
    results: dict[str, Result] = {}
    for report in folder.rglob("TEST-*.xml"):
        for case in ElementTree.parse(report).iter("testcase"):
            broken = case.find("failure") is not None or case.find("error") is not None
            skipped = case.find("skipped") is not None
            results[case.get("name", "")] = "failed" if broken else "skipped" if skipped else "passed"
    return results
