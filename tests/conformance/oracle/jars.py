"""Jars from Maven into a cache folder, once per set of coordinates, and our own test connectors compiled with them.

The cache lies outside the repository: `MOCKCONNECT_ORACLE_CACHE`, or a folder of the user's cache directory. Where
jars come from is Maven's business and its settings'.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import releases
from .process import OracleError

JAVA_SOURCES = Path(__file__).parent / "java"
ADDED_SOURCES = Path(__file__).parent / "added"
ISOLATED_SOURCES = Path(__file__).parent / "isolated"
TOOL_SOURCES = Path(__file__).parent / "tools"
_SERVICES = {
    "org.apache.kafka.connect.source.SourceConnector": "VersionedSourceConnector",
    "org.apache.kafka.connect.storage.Converter": "VersionedConverter",
    "org.apache.kafka.connect.transforms.Transformation": "VersionedTransformation",
}
_STAND_IN = """package {package};

/** Behaves as the test connector does, under another name and version. */
public class {name} extends org.mockconnect.testing.Test{kind}Connector {{
    @Override
    public String version() {{
        return "{told}";
    }}

    @Override
    public Class<? extends org.apache.kafka.connect.connector.Task> taskClass() {{
        return StandInTask.class;
    }}

    /** Tells the same version. */
    public static class StandInTask extends org.mockconnect.testing.Test{kind}Task {{
        @Override
        public String version() {{
            return "{told}";
        }}
    }}
}}
"""
_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>org.mockconnect</groupId><artifactId>oracle</artifactId><version>1</version>
<dependencies>
{dependencies}
</dependencies></project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A connector class that somebody else has in production: ours, under that name and in that version."""

    class_name: str
    kind: Literal["source", "sink"]
    told: str


def cache_folder() -> Path:
    """Where jars are kept between runs."""
    chosen = os.environ.get("MOCKCONNECT_ORACLE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mockconnect-oracle"


def connect_jars(version: str) -> Path:
    """The folder of jars of a Connect worker."""
    return _library(f"connect-{version}", releases.connect_coordinates(version))


def broker_jars(version: str) -> Path:
    """The folder of jars of the broker behind workers of `version`."""
    broker = releases.broker_version(version)
    return _library(f"broker-{broker}", releases.broker_coordinates(version))


def testing_jar(version: str) -> Path:
    """Compile `java/` against the jars of `version`; the cached jar is named by what it was compiled from."""
    libraries = connect_jars(version)
    sources = _sources(version)
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    jar = cache_folder() / f"testing-{version}-{digest}" / "mockconnect-testing.jar"
    if not jar.exists():
        _compile(sources, f"{libraries}/*", jar)
    return jar


def isolated_jar(version: str, told: str, with_manifests: bool = True) -> Path:
    """Compile `isolated/` into a jar whose plugins tell the version `told`, with or without service manifests."""
    libraries = connect_jars(version)
    sources = sorted(ISOLATED_SOURCES.rglob("*.java"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    name = f"plugins-{told}{'' if with_manifests else '-bare'}.jar"
    jar = cache_folder() / f"isolated-{version}-{digest}" / name
    if not jar.exists():
        files = {"org/mockconnect/isolated/version.txt": told}
        if with_manifests:
            files |= {
                f"META-INF/services/{kind}": f"org.mockconnect.isolated.{one}"
                for kind, one in _SERVICES.items()
            }
        _compile(sources, f"{libraries}/*", jar, files)
    return jar


def stand_in_jar(version: str, stand_in: StandIn) -> Path:
    """A jar with nothing but that class, in a folder of its own: what a plugin path can name."""
    testing = testing_jar(version)
    package, _, name = stand_in.class_name.rpartition(".")
    kind = stand_in.kind.capitalize()
    source = _STAND_IN.format(package=package, name=name, kind=kind, told=stand_in.told)
    digest = hashlib.sha256(source.encode() + testing.parent.name.encode()).hexdigest()[:12]
    jar = cache_folder() / f"stand-in-{version}-{digest}" / f"{name}-{stand_in.told}.jar"
    if not jar.exists():
        service = f"META-INF/services/org.apache.kafka.connect.{stand_in.kind}.{kind}Connector"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.java"
            path.write_text(source, encoding="utf-8")
            class_path = f"{connect_jars(version)}/*:{testing}"
            _compile([path], class_path, jar, {service: stand_in.class_name})
    return jar


def tool_jar(version: str) -> Path:
    """Compile `tools/`: what writes records that no worker wrote."""
    sources = sorted(TOOL_SOURCES.rglob("*.java"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    jar = cache_folder() / f"tools-{version}-{digest}" / "mockconnect-tools.jar"
    if not jar.exists():
        _compile(sources, f"{connect_jars(version)}/*", jar)
    return jar


def library_jar(version: str, artifact: str) -> Path:
    """One jar of Kafka's own, such as that of `connect-file`."""
    return connect_jars(version) / f"{artifact}-{version}.jar"


def added_jar(version: str) -> Path:
    """The one more connector that some workers have, of `added/`."""
    sources = sorted(ADDED_SOURCES.rglob("*.java"))
    testing = testing_jar(version)
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    jar = cache_folder() / f"added-{version}-{digest}" / "mockconnect-added.jar"
    if not jar.exists():
        _compile(sources, f"{connect_jars(version)}/*:{testing}", jar)
    return jar


def _library(name: str, coordinates: Sequence[str]) -> Path:
    digest = hashlib.sha256("\n".join(coordinates).encode()).hexdigest()[:8]
    folder = cache_folder() / f"{name}-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _resolve(coordinates, folder)
    return folder


def _resolve(coordinates: Sequence[str], folder: Path) -> None:
    """Let Maven copy the runtime closure of the coordinates; the folder appears only when it is complete."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        pom = Path(scratch) / "pom.xml"
        rows = [_DEPENDENCY.format(*coordinate.split(":")) for coordinate in coordinates]
        pom.write_text(_POM.format(dependencies="\n".join(rows)), encoding="utf-8")
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        _run([*command, "-DincludeScope=runtime", f"-DoutputDirectory={scratch}/lib"])
        shutil.move(f"{scratch}/lib", folder)


def _sources(version: str) -> list[Path]:
    """Our connectors: those of folder `any`, and those of every folder named by a line not newer than `version`."""
    line = releases.line_of(version)
    folders = [
        f for f in JAVA_SOURCES.iterdir() if f.name == "any" or releases.line_of(f"{f.name}.0") <= line
    ]
    return sorted(path for folder in folders for path in folder.rglob("*.java"))


def _compile(
    sources: Sequence[Path], class_path: str, jar: Path, files: Mapping[str, str] | None = None
) -> None:
    jar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jar.parent) as scratch:
        command = ["javac", "-nowarn", "--release", "8", "-Xlint:-options", "-cp", class_path]
        _run([*command, "-d", scratch, *map(str, sources)])
        for name, text in (files or {}).items():
            (Path(scratch) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / name).write_text(text, encoding="utf-8")
        _run(["jar", "cf", str(jar), "-C", scratch, "."])


def _run(command: Sequence[str]) -> None:
    """Run a tool quietly; what it said is in the error when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if result.returncode:
        raise OracleError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
