"""What the oracle must know of each Kafka release to run it: which jars, which broker, which log binding.

Data only. A release that is not listed is run like the nearest older one that is.
"""

from __future__ import annotations

from dataclasses import dataclass

CONNECT_ARTIFACTS = (
    "connect-runtime",
    "connect-api",
    "connect-json",
    "connect-transforms",
    "connect-file",
    "connect-mirror",
    "connect-basic-auth-extension",
)
BROKER_ARTIFACTS = ("kafka_2.13",)
NEWEST = "4.3.1"


@dataclass(frozen=True, slots=True)
class Release:
    """How to run Connect of one line of releases.

    `broker` is the Kafka version of the broker behind the workers; brokers of 4.0 and later refuse clients older
    than 2.1, so old workers get an older broker. `log_binding` is a Maven coordinate without its group's host.
    """

    since: tuple[int, int]
    broker: str | None
    log_binding: str
    without: frozenset[str] = frozenset()


# Oldest first. `broker` None means: the same version as the workers.
RELEASES = (
    Release(
        (0, 10),
        "3.9.1",
        "org.slf4j:slf4j-log4j12:1.7.30",
        frozenset({"connect-mirror", "connect-basic-auth-extension"}),
    ),
    Release((2, 0), "3.9.1", "org.slf4j:slf4j-log4j12:1.7.30", frozenset({"connect-mirror"})),
    Release((2, 4), "3.9.1", "org.slf4j:slf4j-log4j12:1.7.30"),
    Release((3, 2), "3.9.1", "org.slf4j:slf4j-reload4j:1.7.36"),
    Release((4, 0), None, "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
)
# Loggers that the logging file of a Kafka release sets to ERROR: they show in lists of loggers. 4.0 and later set none.
QUIET_LOGGERS = (
    ((0, 10), ("org.apache.zookeeper", "org.I0Itec.zkclient", "org.reflections")),
    ((2, 4), ("org.apache.zookeeper", "org.reflections")),
    ((3, 5), ("org.reflections",)),
    ((4, 0), ()),
)


def line_of(version: str) -> tuple[int, int]:
    """`"4.3.1"` gives `(4, 3)`."""
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def numbers_of(version: str) -> tuple[int, ...]:
    """`"4.3.1"` gives `(4, 3, 1)`: versions in order."""
    return tuple(map(int, version.split(".")))


def release_of(version: str) -> Release:
    """The newest row that is not newer than `version`."""
    fitting = [release for release in RELEASES if release.since <= line_of(version)]
    if not fitting:
        raise ValueError(f"no way known to run Kafka Connect {version}")
    return fitting[-1]


def quiet_loggers(version: str) -> tuple[str, ...]:
    """What a worker's logging file names, as Kafka's own does."""
    return next(names for since, names in reversed(QUIET_LOGGERS) if since <= line_of(version))


def connect_coordinates(version: str) -> tuple[str, ...]:
    """Maven coordinates of what a worker's class path needs."""
    release = release_of(version)
    artifacts = [name for name in CONNECT_ARTIFACTS if name not in release.without]
    return (*(f"org.apache.kafka:{name}:{version}" for name in artifacts), release.log_binding)


def broker_version(version: str) -> str:
    """The version of the broker that stands behind workers of `version`."""
    return release_of(version).broker or version


def broker_coordinates(version: str) -> tuple[str, ...]:
    """Maven coordinates of what the broker behind workers of `version` needs."""
    broker = broker_version(version)
    return (
        *(f"org.apache.kafka:{name}:{broker}" for name in BROKER_ARTIFACTS),
        release_of(broker).log_binding,
    )
