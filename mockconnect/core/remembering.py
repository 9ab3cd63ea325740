"""What a cluster's topics say now, as what another cluster can begin with: the way back from :mod:`seeding`.

Rules of this room:

* Only what Kafka keeps, and the loggers: configs, target states, statuses, task configs, offsets, active topics. What
  lives in processes and in time (rounds under way, faults, requests, how long something has been going on) is not there.
* Looking changes nothing.
"""

from __future__ import annotations

from contextlib import suppress

from mockconnect.core.broker import Broker
from mockconnect.core.config_store import ConfigStore, ConnectorEntry
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import instantiated
from mockconnect.core.offset_store import Offset, Partition
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.seeding import SeedConnector, SeedStatus
from mockconnect.core.status_store import StatusStore
from mockconnect.core.terms import Status, TargetState
from mockconnect.core.topics import Key
from mockconnect.core.worker_task import offsets_owner


def remembered(broker: Broker, plugins: Plugins) -> tuple[SeedConnector, ...]:
    """Every connector of the config topic with all that is kept of it."""
    configs, statuses = ConfigStore(), StatusStore("", _Nowhere())
    for record in broker.config_topic.compacted():
        configs.apply(record)
    for record in broker.status_topic.compacted():
        statuses.apply(record)
    state = configs.snapshot()
    return tuple(
        _connector(broker, plugins, name, entry, state.target_state(name), statuses)
        for name, entry in state.entries.items()
    )


class _Nowhere:
    """Only looking."""

    def send(self, key: Key, value: object) -> object:
        raise AssertionError(f"nobody writes {key!r} here: {value!r}")


def _connector(
    broker: Broker,
    plugins: Plugins,
    name: str,
    entry: ConnectorEntry,
    target: TargetState,
    statuses: StatusStore,
) -> SeedConnector:
    own = statuses.entry(name)
    tasks = {} if own is None else own.tasks
    known = [task for task in entry.tasks if task is not None]
    return SeedConnector(
        name,
        entry.config,
        target,
        None if own is None or own.connector is None else _status(own.connector),
        {number: _status(status) for number, status in sorted(tasks.items()) if number < len(entry.tasks)},
        None if entry.inconsistent else tuple(known),
        tuple(_offsets(broker, plugins, name, entry)),
        tuple(statuses.topics(name)),
    )


def _status(status: Status) -> SeedStatus:
    return SeedStatus(status.state, status.worker_id, status.trace, status.version)


def _offsets(
    broker: Broker, plugins: Plugins, name: str, entry: ConnectorEntry
) -> list[tuple[Partition, Offset]]:
    """Those of running tasks as of their last flush. Of an unknown class nobody knows which sort it has."""
    kinds = [PluginDesc("", kind, None) for kind in ("source", "sink")]
    with suppress(ConnectError):
        kinds = [instantiated(plugins, entry.config)]
    found = [
        broker.offsets.read(offsets_owner(kind, name, entry.config), broker.sim.now_ms) for kind in kinds
    ]
    return next((offsets for offsets in found if offsets), [])
