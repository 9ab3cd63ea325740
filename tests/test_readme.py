"""The README is true: every block of it runs, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import mockconnect

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 3600
"""Nothing takes as long; it only turns a hanging test into a failing one."""
SERVE = ".venv/bin/mockconnect serve"
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


def block(language: str, part: str) -> str:
    """The one block that has this text in it."""
    (found,) = [text for kind, text in BLOCKS if kind == language and part in text]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository, as a new user has it: nothing installed."""
    folder = tmp_path_factory.mktemp("checkout")
    kept = ("mockconnect", "scenarios", "tests", "pyproject.toml", "README.md", "LICENSE")
    with tarfile.open(folder / "copy.tar", "w") as archive:
        for name in kept:
            archive.add(
                ROOT / name, name, filter=lambda entry: None if "__pycache__" in entry.name else entry
            )
    with tarfile.open(folder / "copy.tar") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


def test_every_block_is_run_by_a_test_below() -> None:
    parts = (
        "mockconnect serve",
        "curl",
        "docker build",
        "-m pytest",
        "def test_",
        "mockconnect.start(",
        "replay",
        "plugins list",
        "mockconnect capture",
        "kind: Cluster",
    )
    found = [part for _, text in BLOCKS for part in parts if part in text]
    assert sorted(found) == sorted(parts)
    assert len(BLOCKS) == len(parts)


def test_one_command_passes_the_tests(checkout: Path) -> None:
    if os.environ.get("MOCKCONNECT_README"):
        pytest.skip("these are the tests that the README's command runs")
    environment = {**os.environ, "MOCKCONNECT_README": "1", "PYTEST_ADDOPTS": "tests/test_options.py"}
    done = subprocess.run(
        block("sh", "-m pytest"),
        shell=True,
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed in " in done.stdout


def test_one_command_starts_three_workers_which_answer(
    checkout: Path, processes: list[subprocess.Popen[str]]
) -> None:
    if os.environ.get("MOCKCONNECT_README"):
        pytest.skip("these are the tests that the README's command runs")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ready_file = checkout / "ready.json"
    environment = {**os.environ, "MOCKCONNECT_PORT": "0", "MOCKCONNECT_READY_FILE": str(ready_file)}
    command = block("sh", "mockconnect serve").replace(SERVE, f"exec {SERVE}")  # so that it is this process
    process = subprocess.Popen(
        command, shell=True, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True
    )
    processes.append(process)
    assert process.stdout is not None
    assert any(line.startswith("Ctrl-C") for line in process.stdout)
    curls = block("sh", "curl")
    for number, worker in enumerate(json.loads(ready_file.read_text())["workers"]):
        curls = curls.replace(f"http://127.0.0.1:{8083 + number}", worker["url"])
    answers = subprocess.check_output(curls, shell=True, text=True, timeout=TIMEOUT_S)
    assert '"version":"4.3.1"' in answers
    assert '"name":"demo"' in answers


def test_the_replay_of_all_recordings() -> None:
    command = block("sh", "replay").replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Kafka 4.3.1: 0 differences that are not known" in done.stdout


def test_the_catalogue_and_an_invented_cluster(tmp_path: Path) -> None:
    command = block("sh", "plugins list").replace(
        ".venv/bin/mockconnect", f"{sys.executable} -m mockconnect.cli"
    )
    out = subprocess.check_output(command, shell=True, cwd=tmp_path, text=True, timeout=TIMEOUT_S)
    assert "file-source " in out
    assert "batch.size " in out
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    assert text.count("\n  - name: ") == 500


def test_a_captured_cluster(tmp_path: Path) -> None:
    command = block("sh", "mockconnect capture").replace(
        ".venv/bin/mockconnect", f"{sys.executable} -m mockconnect.cli"
    )
    with mockconnect.start(workers=3) as cluster:
        for number, url in enumerate(cluster.urls):
            command = command.replace(f"http://127.0.0.1:{8083 + number}", url)
        subprocess.run(command, shell=True, cwd=tmp_path, check=True, timeout=TIMEOUT_S)
        ids = [worker.id for worker in cluster.workers]
    with mockconnect.start(cluster=tmp_path / "captured.yaml") as again:
        assert [worker.id for worker in again.workers] == ids


def test_the_cluster_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(block("yaml", "kind: Cluster"), encoding="utf-8")
    with mockconnect.start(cluster=tmp_path / "c.yaml") as cluster:
        cluster.wait_for("archive", "PAUSED", 2, within="0s")
        cluster.wait_for("inventory", "RUNNING", 1, task_state="FAILED", within="0s")
        assert cluster.owner("inventory", 0) is cluster.worker("connect-2")
        with urllib.request.urlopen(cluster.url) as answer:
            assert json.load(answer)["version"] == "3.9.0"


def test_the_container() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no container engine runs here")
    command, _, run = block("sh", "docker build").strip().partition(" && ")
    subprocess.run(command, shell=True, cwd=ROOT, check=True, timeout=TIMEOUT_S)
    done = subprocess.run(
        run.replace("docker run", "docker run --detach"),
        shell=True,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    name = done.stdout.strip()
    try:
        wait = "until mockconnect healthcheck; do :; done"
        subprocess.run([docker, "exec", name, "sh", "-c", wait], check=True, timeout=TIMEOUT_S)
    finally:
        subprocess.run([docker, "rm", "--force", name], check=True, capture_output=True)


def test_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=block("python", "def test_"))
    others = [f"-pno:{name}" for name in ("faker", "hypothesispytest", "xdist", "asyncio", "aiohttp")]
    pytester.runpytest_inprocess(*others, "--strict-markers").assert_outcomes(passed=1)


def test_the_script() -> None:
    text = block("python", "mockconnect.start(")
    out = subprocess.check_output([sys.executable, "-c", text], text=True, timeout=TIMEOUT_S)
    assert out.startswith("http://127.0.0.1:")
    assert "cut from connect-1" in out


def test_every_verb_that_it_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    sentence = text[text.index("Verbs:") : text.index("The clock is")]
    verbs = re.findall(r"`(\w+)`", sentence)
    assert len(verbs) > 15
    assert [verb for verb in verbs if not hasattr(mockconnect.RunningCluster, verb)] == []
