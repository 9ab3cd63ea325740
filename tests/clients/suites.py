"""Clients in other languages, and how each of them is run.

Rules of this room: a client is the released one, fetched by its own language's tool at the version that `go/go.mod`,
`java/pom.xml` or `node/package.json` names. If it brings tests that ask a cluster those are run, unchanged; otherwise
the tests in these folders drive it. Nothing is copied into the repository: what is fetched and built lies elsewhere.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import mockconnect
from mockconnect import faults

HERE: Final = Path(__file__).parent
GO, JAVA, NODE = HERE / "go", HERE / "java", HERE / "node"
CERTIFICATES: Final = HERE.parent / "conformance" / "certificates"
USER, PASSWORD = "clients", "s3cret"


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster, the port at which a client enters it, and what happens to the cluster from the start."""

    name: str
    entry: Literal["leader", "follower", "front door"] = "follower"
    cluster: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[faults.Fault, ...] = ()


ONE: Final = Way("one worker", "leader", {"workers": 1})
FOLLOWER: Final = Way("follower")
DOOR: Final = Way("front door", "front door", {"front_door": "round_robin"})
SECURE: Final = Way(
    "password and TLS", cluster={"users": {USER: PASSWORD}, "tls_cert": CERTIFICATES / "worker.pem"}
)
CONFLICTS: Final = Way(
    "every other write 409", faults=(faults.AnswerWith("409.stale_config", operation="any_write", every=2),)
)
OLDER: Final = Way("Kafka 3.4.0", cluster={"kafka_version": "3.4.0"})
OLDEST: Final = Way("Kafka 2.8.2", cluster={"kafka_version": "2.8.2"})
WAYS: Final = (ONE, FOLLOWER, DOOR, SECURE, CONFLICTS, OLDER, OLDEST)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client finds the cluster, and where what it leaves behind belongs."""

    url: str
    secure: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Client:
    """`known` are tests of others that ask too much of any cluster, with the reason; they may fail."""

    name: str
    version: str
    language: str
    tests: str
    tools: tuple[str, ...]
    home: Path
    command: Callable[[Place], list[str]]
    environment: Callable[[Place], dict[str, str]]
    ways: tuple[Way, ...]
    plugins: tuple[Any, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    fetch: Callable[[Path], list[str]] | None = None

    def missing_tools(self) -> list[str]:
        return [tool for tool in self.tools if shutil.which(tool) is None]


def pinned(file: Path, name: str) -> str:
    """The version that comes after a name in one of the three files."""
    found = re.search(
        re.escape(name) + r'["\s:]*(?:</artifactId>\s*<version>)?\s*v?([0-9][^\s"<]*)', file.read_text()
    )
    assert found is not None, f"no version of {name} in {file}"
    return found[1]


# --- how they are called ------------------------------------------------------------------------------------------------


def _ours(place: Place) -> dict[str, str]:
    """What the tests in these folders read."""
    environment = {"CONNECT_URL": place.url}
    if place.secure:
        authority = str(CERTIFICATES / "authority.pem")
        environment |= {"CONNECT_USER": USER, "CONNECT_PASSWORD": PASSWORD, "CONNECT_CA": authority}
    return environment


def _go_test(package: str, *more: str) -> Callable[[Place], list[str]]:
    return lambda _: ["go", "test", "-json", "-count=1", *more, package]


def _ricardo_test(place: Place) -> list[str]:
    """Its suite has the URL in a variable, which the linker can set."""
    package = RICARDO + "/lib/connectors"
    return [*_go_test(package, "-tags=integration")(place), f"-ldflags=-X {package}.hostConnect={place.url}"]


def _terraform(place: Place) -> dict[str, str]:
    environment = {
        "KAFKA_CONNECT_URL": place.url,
        "TF_ACC": "1",
        "TF_ACC_TERRAFORM_PATH": shutil.which("terraform") or "",
        "CHECKPOINT_DISABLE": "1",
    }
    if place.secure:
        # It asks to be trusting only together with a certificate of its own.
        client = str(CERTIFICATES / "client.pem")
        environment |= {
            "KAFKA_CONNECT_BASIC_AUTH_USERNAME": USER,
            "KAFKA_CONNECT_BASIC_AUTH_PASSWORD": PASSWORD,
            "KAFKA_CONNECT_TLS_AUTH_CRT": client,
            "KAFKA_CONNECT_TLS_AUTH_KEY": client,
            "KAFKA_CONNECT_TLS_IS_INSECURE": "true",
        }
    return environment


def _maven_test(test: str) -> Callable[[Place], list[str]]:
    return lambda place: ["mvn", "-B", "-q", f"-Dbuild.folder={place.folder}", f"-Dtest={test}", "test"]


def _node_test(place: Place) -> list[str]:
    report = place.folder / "TEST-node.xml"
    return ["node", "--test", "--test-reporter=junit", f"--test-reporter-destination={report}", str(NODE)]


def _npm_install(folder: Path) -> list[str]:
    name = "kafka-connect-client"
    wanted = f"{name}@{pinned(NODE / 'package.json', name)}"
    return ["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", str(folder), wanted]


def _node(place: Place) -> dict[str, str]:
    return {**_ours(place), "NODE_PATH": str(place.folder / "node_modules")}


# --- the table ----------------------------------------------------------------------------------------------------------

RICARDO: Final = "github.com/ricardo-ch/go-kafka-connect/v3"
TERRAFORM: Final = "github.com/Mongey/terraform-provider-kafka-connect"
CONSOLE: Final = "github.com/cloudhut/connect-client"
GO_KAFKA: Final = "github.com/go-kafka/connect"
OWN: Final = "tests/clients/"

CLIENTS: Final = (
    Client(
        TERRAFORM,
        pinned(GO / "go.mod", TERRAFORM),
        "Go",
        "its acceptance tests",
        ("go", "terraform"),
        GO,
        _go_test(TERRAFORM + "/connect", "-run=^TestAcc"),
        _terraform,
        WAYS,
        plugins=(
            mockconnect.simulated_connector("io.confluent.connect.jdbc.JdbcSinkConnector", "sink", "10.8.4"),
        ),
    ),
    Client(
        RICARDO,
        pinned(GO / "go.mod", RICARDO),
        "Go",
        "its integration tests",
        ("go",),
        GO,
        _ricardo_test,
        lambda _: {},
        # Not by the front door: it reads twice in a row, and the second worker may not be there yet.
        (ONE, FOLLOWER, CONFLICTS, OLDER, OLDEST),
        known={
            "TestGetConnectorStatus": "asks for the status when the config is there, which is a moment too early",
            "TestDeployMultipleConnectors": "reads while four connectors come, and takes the 500 of a rebalance for good",
            "TestRestartTask": "restarts the task when the config is there, which is a moment too early",
        },
    ),
    Client(
        CONSOLE,
        pinned(GO / "go.mod", CONSOLE),
        "Go",
        OWN + "go",
        ("go",),
        GO,
        _go_test(".", "-run=^TestConnectClient"),
        _ours,
        (ONE, FOLLOWER, DOOR, SECURE, OLDER, OLDEST),
    ),
    Client(
        GO_KAFKA,
        pinned(GO / "go.mod", GO_KAFKA),
        "Go",
        OWN + "go",
        ("go",),
        GO,
        _go_test(".", "-run=^TestGoKafka"),
        _ours,
        (ONE, FOLLOWER, DOOR, SECURE, OLDER, OLDEST),
    ),
    Client(
        "org.sourcelab:kafka-connect-client",
        pinned(JAVA / "pom.xml", "<artifactId>kafka-connect-client"),
        "Java",
        OWN + "java",
        ("mvn", "java"),
        JAVA,
        _maven_test("KafkaConnectClientTest"),
        _ours,
        (ONE, FOLLOWER, DOOR, SECURE, OLDER, OLDEST),
    ),
    Client(
        "io.debezium:debezium-testing-testcontainers",
        pinned(JAVA / "pom.xml", "<artifactId>debezium-testing-testcontainers"),
        "Java",
        OWN + "java",
        ("mvn", "java"),
        JAVA,
        _maven_test("DebeziumContainerTest"),
        _ours,
        (ONE, FOLLOWER, DOOR, OLDER, OLDEST),
        plugins=("debezium-postgres",),
    ),
    Client(
        "kafka-connect-client",
        pinned(NODE / "package.json", "kafka-connect-client"),
        "JavaScript",
        OWN + "node",
        ("node", "npm"),
        NODE,
        _node_test,
        _node,
        (ONE, FOLLOWER, DOOR, OLDER, OLDEST),
        fetch=_npm_install,
    ),
)
