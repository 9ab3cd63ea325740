"""The cluster file: a Connect cluster as data, captured or written by hand.

Rules of this room:

* :class:`Cluster` is the part that other files have too (under ``cluster:``); :class:`ClusterFile` is a file of its own,
  with a header. Everything but the header may be left out.
* Files of connectors come in every shape that Connect's own tools have: what is posted to a worker, a list of that,
  the answer of ``GET /connectors?expand=info&expand=status``.
* Here is what a file says. What follows from it for a simulated cluster is the business of the room of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypedDict

import msgspec

from mockconnect.files.nodes import Entries, Items, Node, Scalar, parse_file
from mockconnect.files.problems import FileError, Problem, one_of
from mockconnect.files.reading import Place, Tree
from mockconnect.files.schema import file_schema_of

API_VERSION: Final = "mockconnect/v1"

State = Literal["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"]
Target = Literal["RUNNING", "PAUSED", "STOPPED"]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Properties = dict[str, str | None]
TaskNumber = Annotated[int, msgspec.Meta(ge=0, lt=100_000)]


class KeyGiven(TypedDict, total=False):
    name: str
    type: str
    required: bool
    default_value: str | None
    importance: str
    documentation: str
    group: str | None
    order_in_group: int
    order: int
    width: str
    display_name: str
    dependents: list[str]
    validator: list[Any]
    recommended: list[str]
    visible_with: str
    since: str
    until: str


"""One key of a plugin, as ``GET /connector-plugins/{p}/config`` shows it."""

PluginGiven = TypedDict(
    "PluginGiven",
    {
        "class": str,
        "type": str,
        "version": str | None,
        "location": str,
        "tasks": str | int | dict[str, Any],
        "config": list[str | KeyGiven],
        "behaviour": dict[str, Any],
    },
    total=False,
)
"""A plugin of one's own: the arguments of :func:`mockconnect.simulated_connector`."""

PluginEntry = Text | PluginGiven
"""A plugin of one's own, or the name of a set, or what the catalogue has: ``debezium-postgres@3.2``, a class, a glob.

``!org.apache.kafka.connect.file.*`` takes away what a distribution brings.
"""


class _Part(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of the file have in common."""


class InstanceStatus(_Part, kw_only=True, frozen=True):
    """The status of a connector. ``worker_id`` is a worker's id or its name; left out, the work is dealt."""

    state: State = "RUNNING"
    worker_id: str = ""
    version: str | None = ""
    """Left out: that of the connector's plugin."""
    trace: str | None = None


class TaskStatus(InstanceStatus, kw_only=True, frozen=True):
    id: TaskNumber


class ConnectorStatus(_Part, kw_only=True, frozen=True):
    """What ``GET /connectors/{c}/status`` shows."""

    connector: InstanceStatus | None = None
    tasks: list[TaskStatus] = []


class OffsetGiven(_Part, kw_only=True, frozen=True):
    """One row of ``GET /connectors/{c}/offsets``."""

    partition: dict[str, Any] | None
    offset: dict[str, Any]


class ConnectorGiven(_Part, kw_only=True, frozen=True):
    """A connector that is there from the start.

    ``class`` and ``tasks`` are short for ``connector.class`` and ``tasks.max`` of the config, ``state`` is what the user
    wants of it.
    """

    name: Text
    class_: Text | None = msgspec.field(name="class", default=None)
    tasks: Annotated[int, msgspec.Meta(ge=1)] | None = None
    state: Target = "RUNNING"
    config: Properties = {}
    status: ConnectorStatus | None = None
    task_configs: list[dict[str, str]] | None = None
    offsets: list[OffsetGiven] = []
    topics: list[str] = []

    @property
    def whole_config(self) -> Properties:
        """The config with its short forms written out."""
        short = {"connector.class": self.class_, "tasks.max": None if self.tasks is None else str(self.tasks)}
        return {**{name: value for name, value in short.items() if value is not None}, **self.config}


class WorkerGiven(_Part, kw_only=True, frozen=True):
    """One worker. ``worker_id`` is the host and port that it advertises, if not those that it listens on."""

    name: Text | None = None
    worker_id: str | None = None
    leader: bool = False
    kafka_version: str | None = None
    commit: str | None = None
    plugins: list[PluginEntry] | None = None
    config: Properties = {}


class LoggerGiven(_Part, kw_only=True, frozen=True):
    """A level, and when it was set, in milliseconds of the calendar."""

    level: str
    last_modified: int | None = None


class Generate(_Part, kw_only=True, frozen=True):
    """Invented connectors, the same for the same seed: names, configs, statuses, a share of failures."""

    connectors: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    class_: Text | list[Text] | None = msgspec.field(name="class", default=None)
    """What the catalogue has: ``debezium-postgres``, a class, a glob, several of them; any connector, if left out."""
    tasks: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    """``tasks.max`` of each; drawn if left out. How many tasks there are is the connector's own business."""
    failures: Text = "0%"
    """How many of them fail: ``5%``."""
    seed: int = 0


class Cluster(_Part, kw_only=True, frozen=True):
    """The cluster itself."""

    kafka_version: str | None = None
    cluster_id: str | None = None
    commit: str | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=100)] | list[Text | WorkerGiven] | None = None
    plugins: list[PluginEntry] = []
    plugin_sets: dict[str, list[PluginEntry]] = {}
    config: Properties = {}
    connectors: list[ConnectorGiven] = []
    generate: Generate | None = None
    """Connectors beside these, as many as it takes."""
    loggers: dict[str, dict[str, str | LoggerGiven]] = {}
    """By worker name: logger and level."""


class ClusterFile(Cluster, kw_only=True, frozen=True):
    """A file of its own."""

    api_version: Literal["mockconnect/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Cluster"]


def cluster_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the cluster file."""
    return {"title": "mockconnect cluster file", **file_schema_of(ClusterFile)}


# --- reading --------------------------------------------------------------------------------------------------------------


class Source:
    """Where in which file something stands, for what is found out later."""

    def __init__(self, tree: Tree[Any], places: Mapping[str, Place] | None = None) -> None:
        """``places``: where connectors stand in a file that has nothing else, by their number."""
        self._tree = tree
        self._places = places

    @property
    def name(self) -> str:
        return self._tree.name

    @classmethod
    def of_value(cls) -> Source:
        """Of what was not read from a file."""
        return cls(Tree("", Entries(0)))

    def problem(self, place: Place, text: str) -> Problem:
        """``place`` is the way through :class:`Cluster`: ``("connectors", 3, "state")``."""
        return self._tree.problem(self._resolve(place), text)

    def _resolve(self, place: Place) -> Place:
        """Files of connectors have other ways to what a cluster file has under ``connectors``."""
        if self._places is None or len(place) < 2:
            return place
        return (*self._places.get(str(place[1]), place[1:2]), *place[2:])


def read_cluster(path: str | Path) -> tuple[Cluster, Source]:
    """A cluster file, or a file of connectors. Raises :class:`FileError` with all its problems."""
    tree: Tree[Any] = Tree(str(path), parse_file(path))
    if isinstance(tree.root, Entries) and ("apiVersion" in tree.root.entries or "kind" in tree.root.entries):
        _check_header(tree)
        return tree.read(ClusterFile), Source(tree)
    if _has_connectors(tree.root):
        connectors, places = _connectors(tree)
        tree.raise_any()
        return Cluster(connectors=connectors), Source(tree, places)
    tree.problem((), f"no cluster file: expected 'apiVersion: {API_VERSION}' and 'kind: Cluster'")
    raise FileError(tree.problems, tree.name)


def check_header(tree: Tree[Any], kind: str) -> None:
    """A file of another kind has nothing but that said of it. Raises :class:`FileError`."""
    for name, wanted in (("apiVersion", API_VERSION), ("kind", kind)):
        node = tree.node((name,))
        if isinstance(node, Scalar) and node.text != wanted:
            tree.problem((name,), one_of(node.text, (wanted,)))
    tree.raise_any()


def _check_header(tree: Tree[Any]) -> None:
    check_header(tree, "Cluster")


# --- files of connectors -----------------------------------------------------------------------------------------------


class _TaskId(msgspec.Struct):
    connector: str
    task: int


class _Posted(msgspec.Struct, kw_only=True):
    """What is posted to a worker, and what it answers."""

    config: Properties
    name: str = ""
    initial_state: Literal["RUNNING", "PAUSED", "STOPPED"] = "RUNNING"
    tasks: list[_TaskId] = []
    type: str | None = None


class _Shown(msgspec.Struct, kw_only=True):
    """The answer for a status."""

    name: str
    connector: InstanceStatus
    tasks: list[TaskStatus] = []
    type: str | None = None


class _Expanded(msgspec.Struct, kw_only=True):
    """One connector of ``GET /connectors?expand=info&expand=status``."""

    info: _Posted
    status: _Shown | None = None


def _has_connectors(root: Node) -> bool:
    if isinstance(root, Items):
        return True
    if not isinstance(root, Entries):
        return False
    if "config" in root.entries:
        return True
    return bool(root.entries) and all(
        isinstance(one, Entries) and "info" in one.entries for one in root.entries.values()
    )


def _connectors(tree: Tree[Any]) -> tuple[list[ConnectorGiven], dict[str, Place]]:
    """The connectors of the file, and where each stands, by its number."""
    root = tree.root
    if isinstance(root, Items):
        places: list[Place] = [(number,) for number in range(len(root.items))]
        found = [_one(tree, place) for place in places]
    elif isinstance(root, Entries) and "config" in root.entries:
        places, found = [()], [_one(tree, ())]
    else:
        assert isinstance(root, Entries)
        places = [(name, "info") for name in root.entries]
        found = [_expanded(tree, name) for name in root.entries]
    connectors = [one for one in found if one is not None]
    return connectors, {str(number): place for number, place in enumerate(places)}


def _one(tree: Tree[Any], place: Place) -> ConnectorGiven | None:
    node = tree.node(place)
    if not isinstance(node, Entries) or not _is_posted(node):
        given: ConnectorGiven | None = tree.attempt(ConnectorGiven, place)
        return given
    posted: _Posted | None = tree.attempt(_Posted, place)
    return None if posted is None else _of_posted(tree, posted, place)


def _is_posted(node: Entries) -> bool:
    """Whether it has nothing that only a cluster file has."""
    tasks = node.entries.get("tasks")
    shape = node.entries.keys() <= set(_Posted.__struct_fields__)
    return shape and "config" in node.entries and (tasks is None or isinstance(tasks, Items))


def _of_posted(tree: Tree[Any], posted: _Posted, place: Place) -> ConnectorGiven | None:
    name = posted.name or posted.config.get("name")
    if not name:
        tree.problem((*place, "name"), "missing")
        return None
    return ConnectorGiven(name=name, config=posted.config, state=posted.initial_state)


def _expanded(tree: Tree[Any], name: str) -> ConnectorGiven | None:
    one: _Expanded | None = tree.attempt(_Expanded, (name,))
    if one is None:
        return None
    status = None
    target: Target = one.info.initial_state
    if one.status is not None:
        status = ConnectorStatus(connector=one.status.connector, tasks=one.status.tasks)
        target = target_of(one.status.connector.state)
    return ConnectorGiven(name=name, config=one.info.config, state=target, status=status)


def target_of(state: State) -> Target:
    """What the user probably wants of a connector in this state: no answer of a worker says it."""
    return state if state in ("PAUSED", "STOPPED") else "RUNNING"
