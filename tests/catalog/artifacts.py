"""Which plugins are captured, and how each comes into a folder of a real worker's ``plugin.path``.

Rules of this room: ``artifacts.yaml`` names everything with a pinned version. An artifact is an archive of its project
(``archive``), jars with their dependencies (``jars``), or is compiled from the project's own sources at a tag
(``source``: where the project's archives are not in reach of Maven). Folders go to the oracle's cache, outside the
repository, and are made once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.oracle import jars
from tests.conformance.oracle.process import OracleError

LIST = Path(__file__).parent / "artifacts.yaml"
OF_THE_WORKER = "org.apache.kafka,org.slf4j,org.apache.logging.log4j,log4j,ch.qos.logback"
KAFKA = "4.3.1"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One row of the list: a folder of ``plugin.path``.

    ``without`` are groups of dependencies that are left out because no registry in reach has them (serializers that
    validation never asks for), ``drop`` beginnings of names of jars that are needed to compile only. ``unreachable`` is
    a pattern of errors that say only that the system to connect to is not there. ``connectors`` maps the catalogue's
    name of a connector to its class and the config that is good for it.
    """

    name: str
    family: str
    release: str
    licence: str
    archive: str = ""
    jars: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    unreachable: str = ""
    connectors: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where it came from, for the documentation."""
        if self.source:
            return f"{self.source['repository']} at {self.source['tag']}"
        return ":".join((self.archive or self.jars[0]).split(":")[:2])

    @property
    def folder(self) -> Path:
        made_from = json.dumps([self.archive, self.jars, self.source], sort_keys=True)
        digest = hashlib.sha256(made_from.encode()).hexdigest()[:8]
        return jars.cache_folder() / "plugins" / f"{self.name}-{self.release}-{digest}"


def artifacts() -> list[Artifact]:
    rows = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return [
        Artifact(**{**row, "jars": tuple(row.get("jars", ())), "without": tuple(row.get("without", ()))})
        for row in rows
    ]


def groups(only: Sequence[str] = ()) -> dict[tuple[str, str], list[Artifact]]:
    """What is loaded together by one worker: the artifacts of one family and group of releases."""
    result: dict[tuple[str, str], list[Artifact]] = {}
    for artifact in artifacts():
        if not only or any(part in f"{artifact.family}-{artifact.release}" for part in only):
            result.setdefault((artifact.family, artifact.release), []).append(artifact)
    return result


def fetched(artifact: Artifact) -> Path:
    """The artifact's folder, made now if it is not there."""
    if not artifact.folder.exists():
        artifact.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=artifact.folder.parent) as scratch:
            target = Path(scratch) / "plugin"
            target.mkdir()
            if artifact.archive:
                _unpack(artifact.archive, Path(scratch), target)
            if artifact.jars:
                _resolve(artifact, Path(scratch), target)
            if artifact.source:
                _compile(artifact, Path(scratch), target)
            for jar in [jar for jar in target.rglob("*.jar") if jar.name.startswith(tuple(artifact.drop))]:
                jar.unlink()
            shutil.move(target, artifact.folder)
    return artifact.folder


def _unpack(coordinates: str, scratch: Path, target: Path) -> None:
    _maven(["dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={scratch}/archive"])
    for path in (scratch / "archive").iterdir():
        if path.suffix == ".jar":
            shutil.copy(path, target)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(target, filter="data")


_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>org.mockconnect</groupId><artifactId>catalogue</artifactId><version>1</version>
<dependencies>
{}
</dependencies></project>
"""


def _dependency(coordinates: str, without: Sequence[str]) -> str:
    group, artifact, version, *classifier = coordinates.split(":")
    more = f"<classifier>{classifier[0]}</classifier>" if classifier else ""
    excluded = "".join(
        map("<exclusion><groupId>{}</groupId><artifactId>*</artifactId></exclusion>".format, without)
    )
    more += f"<exclusions>{excluded}</exclusions>"
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version>{more}</dependency>"
    )


def _resolve(wanted: Artifact, scratch: Path, target: Path) -> None:
    """Jars and what they need, without what a worker brings itself."""
    pom = scratch / "pom.xml"
    pom.write_text(
        _POM.format("\n".join(_dependency(each, wanted.without) for each in wanted.jars)), encoding="utf-8"
    )
    options = ["-DincludeScope=runtime", f"-DexcludeGroupIds={OF_THE_WORKER}", f"-DoutputDirectory={target}"]
    _maven(["-f", str(pom), "dependency:copy-dependencies", *options])


def _compile(artifact: Artifact, scratch: Path, target: Path) -> None:
    """The connector classes and all that they reach, from the sources of a tag."""
    source = artifact.source
    checkout = scratch / "checkout"
    url = f"https://github.com/{source['repository']}"
    _run(["git", "clone", "-q", "--depth", "1", "--branch", source["tag"], url, str(checkout)])
    for module in checkout.rglob("module-info.java"):
        module.unlink()
    for path, text in source.get("generated", {}).items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text, encoding="utf-8")
    roots = [checkout / root for root in source["roots"]]
    files = [str(path) for root in roots for name in source["classes"] for path in sorted(root.glob(name))]
    folders = sorted({jar.parent for jar in target.rglob("*.jar")})
    libraries = ":".join(f"{folder}/*" for folder in (*folders, jars.connect_jars(KAFKA)))
    command = ["javac", "-nowarn", "-Xlint:none", "-cp", libraries, "-sourcepath", ":".join(map(str, roots))]
    _run([*command, *source.get("options", ["-proc:none"]), "-d", f"{scratch}/classes", *files])
    for root in roots:
        resources = root.parent / "resources"
        if resources.is_dir():
            shutil.copytree(resources, scratch / "classes", dirs_exist_ok=True)
    manifest = scratch / "manifest"
    manifest.write_text(f"Implementation-Version: {artifact.release}\n", encoding="utf-8")
    jar = f"{target}/{artifact.name}-{artifact.release}.jar"
    _run(["jar", "cfm", jar, str(manifest), "-C", f"{scratch}/classes", "."])


def _maven(arguments: Sequence[str]) -> None:
    _run(["mvn", "-q", "-B", *arguments])


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(
        ["nice", "-n", "10", *command], capture_output=True, text=True, timeout=1200, check=False
    )
    if result.returncode:
        raise OracleError(f"{' '.join(command[:3])} failed:\n{(result.stdout + result.stderr)[-6000:]}")
