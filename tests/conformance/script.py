"""Corpus scripts: YAML in `corpus/`, read into typed steps.

A script names the cluster it wants and lists steps. A step is an exchange (`GET /connectors`, or a mapping with
`send`), a silent wait (`settle`, `gone`, `calm`, `quiet`), or something done to a worker (`crash`, `stop`, `start`, `freeze`,
`thaw`). Texts between `{{` and `}}` are replaced by captured values. Unknown keys are errors.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

CORPUS = Path(__file__).parent / "corpus"
# The same safe loader, in C where it is built: the corpus is large.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
VERBS = ("crash", "stop", "start", "freeze", "thaw")
_SEND_KEYS = {
    "send",
    "worker",
    "headers",
    "json",
    "body",
    "save",
    "until",
    "timeout",
    "note",
    "since",
    "before",
    "loose",
    "over",
}


class ScriptError(Exception):
    """A corpus file does not say what it means; the message names the file and the step."""


@dataclass(frozen=True, slots=True)
class ClusterWish:
    """The cluster a script plays on. Scripts with equal wishes share one, unless they ask for a fresh one.

    `own` are properties of single workers, `plugin_path` says what lies in the plugin path under which name, `tls` is what HTTPS
    listeners want of clients (`none`, `requested`, `required`), `stub` puts one in front of the first worker.
    """

    workers: int = 1
    standalone: bool = False
    properties: tuple[tuple[str, str], ...] = ()
    users: tuple[tuple[str, str], ...] = ()
    own: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    plugin_path: tuple[tuple[str, str], ...] = ()
    tls: str = ""
    stub: bool = False

    @property
    def has_admin_listener(self) -> bool:
        """Whether its properties speak of an address for one."""
        return any("{admin}" in value for _, value in self.properties)

    @property
    def authorization(self) -> str | None:
        """The header with which waits and the harness itself come in, when the cluster wants one."""
        if not self.users:
            return None
        return "Basic " + base64.b64encode(":".join(self.users[0]).encode()).decode()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what to wait for in its answer. `worker` is a number, `owner:NAME` or `other:NAME`.

    Where workers listen for HTTPS, `over` may be `plain`, or whose certificate the client shows: `anonymous`, `stranger`.
    """

    method: str
    target: str
    worker: str = "1"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    save: tuple[tuple[str, str], ...] = ()
    until: Mapping[str, object] | None = None
    timeout_s: float = 60
    loose: tuple[str, ...] = ()
    over: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait, unrecorded, until every live worker shows the connector in this state with that many tasks in theirs."""

    connector: str
    state: str
    tasks: int
    task_state: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Wait, unrecorded, until no live worker knows the connector or its status."""

    connector: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Let this much time pass on the cluster."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Calm:
    """Wait, unrecorded, until for so long every live worker has shown the same, and nothing on its way in it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WorkerVerb:
    """Do `verb` to a worker."""

    verb: str
    worker: int


Step = Exchange | Settle | Gone | Quiet | Calm | WorkerVerb


@dataclass(frozen=True, slots=True)
class Script:
    """One corpus file."""

    name: str
    cluster: ClusterWish
    fresh: bool
    since: str
    steps: tuple[Step, ...] = field(repr=False)


def load_corpus(folder: Path = CORPUS) -> list[Script]:
    """Every script of the corpus, by name."""
    return [load_script(path) for path in sorted(folder.glob("*.yaml"))]


def load_script(path: Path) -> Script:
    """Read one file."""
    data = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    cluster = data.get("cluster", {})
    wish = ClusterWish(
        workers=cluster.get("workers", 1),
        standalone=cluster.get("standalone", False),
        properties=tuple(sorted((str(k), str(v)) for k, v in cluster.get("properties", {}).items())),
        users=tuple((str(k), str(v)) for k, v in cluster.get("users", {}).items()),
        own=tuple((number, _texts(own)) for number, own in sorted(cluster.get("own", {}).items())),
        plugin_path=_texts(cluster.get("plugin_path", {})),
        tls=cluster.get("tls", ""),
        stub=cluster.get("stub", False),
    )
    return Script(
        path.stem,
        wish,
        data.get("fresh", False),
        str(data.get("since", "0.10")),
        load_steps(data["steps"], path.name),
    )


def _texts(raw: Mapping[object, object]) -> tuple[tuple[str, str], ...]:
    return tuple((str(key), str(value)) for key, value in raw.items())


def load_steps(raws: Sequence[object], where: str) -> tuple[Step, ...]:
    """Steps out of what the YAML file says; `where` names the file in errors."""
    return tuple(step for number, raw in enumerate(raws) for step in _steps(raw, f"{where}, step {number}"))


def _steps(raw: object, where: str) -> Iterator[Step]:
    if isinstance(raw, str):
        raw = {"send": raw}
    if not isinstance(raw, dict):
        raise ScriptError(f"{where}: a step is a text or a mapping, not {raw!r}")
    if "each" in raw:
        yield from _each(raw, where)
    elif "send" in raw:
        yield _exchange(raw, where)
    else:
        yield _silent(raw, where)


def _each(raw: Mapping[str, object], where: str) -> Iterator[Step]:
    """`each` repeats one request over a list: of targets put into `send` in place of `@`, or of partial steps."""
    rest = {key: value for key, value in raw.items() if key != "each"}
    items = raw["each"]
    assert isinstance(items, list), where
    for item in items:
        if isinstance(item, dict):
            yield from _steps({**rest, **item}, where)
        else:
            yield from _steps({**rest, "send": str(rest.get("send", "@")).replace("@", str(item))}, where)


def _exchange(raw: Mapping[str, object], where: str) -> Exchange:
    unknown = set(raw) - _SEND_KEYS
    if unknown:
        raise ScriptError(f"{where}: unknown keys {sorted(unknown)}")
    method, _, target = str(raw["send"]).partition(" ")
    headers, body = _headers(raw.get("headers")), _body(raw)
    if "json" in raw or ("body" in raw and "headers" not in raw):
        headers = (("Content-Type", "application/json"), *headers)
    save, until, loose = raw.get("save", {}), raw.get("until"), raw.get("loose", ())
    assert isinstance(save, dict), where
    assert until is None or isinstance(until, dict), where
    assert isinstance(loose, list | tuple), where
    return Exchange(
        method=method,
        target=target,
        worker=str(raw.get("worker", 1)),
        headers=headers,
        body=body,
        save=tuple(save.items()),
        until=until,
        timeout_s=float(str(raw.get("timeout", 60))),
        loose=tuple(loose),
        over=str(raw.get("over", "")),
    )


def _headers(raw: object) -> tuple[tuple[str, str], ...]:
    if raw is None:
        return ()
    pairs = raw.items() if isinstance(raw, dict) else raw
    return tuple((str(name), str(value)) for name, value in pairs)  # type: ignore[attr-defined]


def _body(raw: Mapping[str, object]) -> bytes | None:
    if "json" in raw:
        return json.dumps(raw["json"], ensure_ascii=False, separators=(",", ":")).encode()
    body = raw.get("body")
    if body is None or isinstance(body, bytes):
        return body
    return str(body).encode()


def _silent(raw: Mapping[str, object], where: str) -> Step:
    if len(raw) != 1:
        raise ScriptError(f"{where}: a wait or a worker step has one key, not {sorted(raw)}")
    (key, value), *_ = raw.items()
    if key == "settle":
        connector, state, tasks, task_state = (*str(value).split(), "RUNNING")[:4]
        return Settle(connector, state, int(tasks), task_state)
    if key == "gone":
        return Gone(str(value))
    if key == "quiet":
        return Quiet(float(str(value)))
    if key == "calm":
        return Calm(float(str(value)))
    if key == "stub":
        return WorkerVerb(f"stub {value}", 1)
    if key in VERBS:
        return WorkerVerb(key, int(str(value)))
    raise ScriptError(f"{where}: unknown step {key!r}")
