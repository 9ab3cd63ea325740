"""What everybody showed at one moment of a recording, and conditions of scenarios judged by it.

A recording shows what workers answer, so a condition on what really runs (`instances`), on configs or on target states
cannot be judged by it: such a part is ``None``. It counts as running what serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from mockconnect.scenario.conditions import Condition, TaskCounts, WorkersCondition
from mockconnect.scenario.view import counted

from .sightings import Row, Seen, generations_in, seen_in

LIST = "/connectors"
PLUGINS = "/connector-plugins"
ROOT = "/"
UNTOLD = ("instances", "target", "config", "plugins", "views_differ", "settled", "request")
"""Parts of a condition that no recording shows."""


def status_path(connector: str) -> str:
    return f"{LIST}/{quote(connector, safe='')}/status"


@dataclass(frozen=True, slots=True)
class Picture:
    """What everybody showed at one moment: by worker and path; and who was in the group, if that was ever said."""

    views: Mapping[tuple[int, str], Seen]
    members: frozenset[int] | None
    leader: int | None

    @property
    def serving(self) -> Sequence[int]:
        """Workers whose resources answer."""
        return sorted(number for (number, path), seen in self.views.items() if path == LIST and _serves(seen))

    def listed(self, number: int, path: str) -> object:
        """What that worker showed there last; ``None`` if it was no answer."""
        seen = self.views.get((number, path))
        return seen[1] if isinstance(seen, tuple) and seen[0] == 200 else None


def pictures_of(rows: Sequence[Row]) -> Iterator[Picture]:
    """One after each row of the scenario's time."""
    views: dict[tuple[int, str], Seen] = {}
    generations = generations_in(rows)
    for row in rows:
        at_ms = int(str(row["at_ms"]))
        if "path" in row:
            views[int(str(row["worker"])), str(row["path"])] = seen_in(row)
        if at_ms >= 0:
            begun = [one for one in generations if min(got.at_ms for got in one.values()) <= at_ms]
            latest = begun[-1] if begun else {}
            leader = next((got.leader for got in latest.values()), None)
            yield Picture(dict(views), frozenset(latest) if latest else None, leader)


def untold(condition: Condition) -> Iterator[str]:
    """What is in a condition that recordings cannot tell."""
    given = msgspec.to_builtins(condition).keys()
    yield from (name for name in UNTOLD if name in given)
    for inner in (*(condition.any or ()), *([] if condition.not_ is None else [condition.not_])):
        yield from untold(inner)
    if condition.group is not None and msgspec.to_builtins(condition.group).keys() != {"leader"}:
        yield "group"
    workers = condition.workers
    if workers is not None and (workers.running is not None or workers.frozen is not None):
        yield "workers"


def holds(condition: Condition, picture: Picture) -> bool | None:
    """Whether it is so there, as far as a recording can tell: ``False`` wins over what cannot be told."""
    answers = list(_parts(condition, picture))
    if False in answers:
        return False
    return None if None in answers else True


def _parts(condition: Condition, picture: Picture) -> Iterator[bool | None]:
    for name in UNTOLD:
        if getattr(condition, name) is not None:
            yield None
    if condition.not_ is not None:
        inner = holds(condition.not_, picture)
        yield None if inner is None else not inner
    if condition.any is not None:
        some = [holds(one, picture) for one in condition.any]
        yield True if True in some else None if None in some else False
    if condition.connector is not None:
        yield from _of_connector(condition, condition.connector, picture)
    if condition.group is not None:
        only_leader = msgspec.to_builtins(condition.group).keys() == {"leader"}
        told = only_leader and condition.group.leader != "none" and picture.leader is not None
        yield condition.group.leader == f"connect-{picture.leader}" if told else None
    if condition.workers is not None:
        yield _of_workers(condition.workers, picture)
    if condition.plugins_differ is not None:
        yield _plugins_differ(condition.plugins_differ, picture)


# --- workers ---------------------------------------------------------------------------------------------------------------


def _of_workers(wanted: WorkersCondition, picture: Picture) -> bool | None:
    if wanted.running is not None or wanted.frozen is not None:
        return None
    if wanted.member is not None and (wanted.member is False or picture.members is None):
        return None
    names = [wanted.names] if isinstance(wanted.names, str) else wanted.names
    known = {number for number, _ in picture.views}
    numbers = {number for number in known if names is None or f"connect-{number}" in names}
    fits = counted(len(numbers) if wanted.count is None else wanted.count)
    return fits(sum(_is_such(number, wanted, picture) for number in numbers))


def _is_such(number: int, wanted: WorkersCondition, picture: Picture) -> bool:
    if wanted.member is not None and number not in (picture.members or ()):
        return False
    if wanted.serving is not None and (number in picture.serving) is not wanted.serving:
        return False
    if wanted.kafka_version is not None:
        root = picture.listed(number, ROOT)
        version = str(root["version"]) if isinstance(root, dict) else ""
        if version != wanted.kafka_version and not version.startswith(f"{wanted.kafka_version}."):
            return False
    return wanted.class_ is None or wanted.class_ in _classes(picture.listed(number, PLUGINS))


def _classes(listed: object) -> Sequence[str]:
    """Names of the plugins, and with their versions."""
    rows = listed if isinstance(listed, list) else []
    return [text for row in rows for text in (row["class"], f"{row['class']}@{row['version']}")]


def _plugins_differ(wanted: bool, picture: Picture) -> bool | None:
    listed = [picture.listed(number, PLUGINS) for number in picture.serving]
    kinds = {tuple(_classes(one)) for one in listed if one is not None}
    return (len(kinds) > 1) is wanted if kinds else None


# --- what is shown of a connector --------------------------------------------------------------------------------------------


def _of_connector(condition: Condition, name: str, picture: Picture) -> Iterator[bool | None]:
    path = status_path(name)
    every = any if condition.on == "any" else all
    wanted = None if condition.on in (None, "any", "all") else condition.on
    if wanted == "leader":
        wanted = None if picture.leader is None else f"connect-{picture.leader}"
    numbers = [
        number
        for (number, one), seen in picture.views.items()
        if one == path and _serves(seen) and wanted in (None, f"connect-{number}")
    ]
    if not numbers:
        yield False
        return
    if condition.exists is not None:
        lists = [picture.views[number, LIST] for number in numbers]
        yield every(
            isinstance(seen, tuple) and (name in _list(seen[1])) is condition.exists for seen in lists
        )
    statuses = [_status(picture.views[number, path]) for number in numbers]
    if condition.state is not None:
        states = [condition.state] if isinstance(condition.state, str) else condition.state
        yield every(_part(status, condition.task).get("state", "NONE") in states for status in statuses)
    if condition.worker is not None:
        number_of = condition.worker.removeprefix("connect-")
        holder = f"{{worker:{number_of}}}" if number_of.isdecimal() else condition.worker
        yield every(_part(status, condition.task).get("worker_id") == holder for status in statuses)
    if condition.tasks is not None:
        yield from (every(answer) for answer in _task_counts(condition.tasks, statuses))


def _serves(seen: Seen) -> bool:
    return isinstance(seen, tuple) and seen[0] in (200, 404) and seen[1] != "<html>"


def _list(body: object) -> Sequence[object]:
    return body if isinstance(body, list) else ()


def _status(seen: Seen) -> Mapping[str, object]:
    return seen[1] if isinstance(seen, tuple) and seen[0] == 200 and isinstance(seen[1], dict) else {}


def _rows_of(status: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    tasks = status.get("tasks", ())
    assert isinstance(tasks, list | tuple), status
    return tasks


def _part(status: Mapping[str, object], task: int | None) -> Mapping[str, object]:
    """The connector's own row, or that of a task."""
    if task is None:
        own = status.get("connector", {})
        assert isinstance(own, dict), status
        return own
    return next((row for row in _rows_of(status) if row["id"] == task), {})


def _task_counts(counts: TaskCounts, statuses: Sequence[Mapping[str, object]]) -> Iterator[Iterable[bool]]:
    for kind in counts.__struct_fields__:
        count = getattr(counts, kind)
        if count is None or kind == "configured":  # the config is not among what is watched
            continue
        fits = counted(count)
        yield [
            fits(sum(kind == "shown" or row["state"] == kind.upper() for row in _rows_of(status)))
            for status in statuses
        ]
