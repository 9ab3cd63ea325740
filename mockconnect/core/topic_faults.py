"""Carriers of what happens to Kafka's topics: what cannot be written, what was cleaned, what was half written."""

from __future__ import annotations

from typing import Literal

from mockconnect.core import config_store, status_store
from mockconnect.core.carrying import Active, Ground
from mockconnect.core.faults import Compact, DieBeforeCommit, HoldStatus, Unwritable
from mockconnect.core.patterns import matches
from mockconnect.core.topics import Key, Record, Topic
from mockconnect.core.worker_faults import gone, start_when_down


def unwritable(ground: Ground, active: Active[Unwritable]) -> None:
    topic = _topic(ground, active.fault.topic)

    def heal() -> None:
        others = (other.fault for other in ground.others(active))
        if not any(isinstance(fault, Unwritable) and fault.topic == active.fault.topic for fault in others):
            topic.writable = True
            _hurry(ground)

    topic.writable = False
    active.undo(heal)


def _topic(ground: Ground, name: Literal["config", "status"]) -> Topic:
    return ground.broker.config_topic if name == "config" else ground.broker.status_topic


def _hurry(ground: Ground) -> None:
    """What waits in producers can be written now."""
    for _, node in ground.live():
        node.inside.hurry()


def hold_status(ground: Ground, active: Active[HoldStatus]) -> None:
    fault, topic = active.fault, ground.broker.status_topic

    def is_held(key: Key) -> bool:
        if key[0] == status_store.TOPIC or not matches(key[1], fault.connector):
            return False
        return fault.task is None or (key[0] == status_store.TASK and key[2] == str(fault.task))

    def release() -> None:
        del topic.held[active.id]
        _hurry(ground)

    topic.held[active.id] = is_held
    active.undo(release)


def compact(ground: Ground, active: Active[Compact]) -> None:
    _topic(ground, active.fault.topic).compact()


def die_before_commit(ground: Ground, active: Active[DieBeforeCommit]) -> None:
    """Task configs are written in one batch, and read back before the commit is sent: that is when it happens."""
    topic = ground.broker.config_topic

    def appended(record: Record) -> None:
        if record.key[0] == config_store.TASK and matches(record.key[1], active.fault.connector):
            topic.on_append.remove(appended)
            ground.sim.after(0, lambda: _die(ground, active))

    def give_up() -> None:
        if appended in topic.on_append:
            topic.on_append.remove(appended)
        for name in active.workers:
            start_when_down(ground, ground.workers[name])

    topic.on_append.append(appended)
    active.undo(give_up)


def _die(ground: Ground, active: Active[DieBeforeCommit]) -> None:
    leader = ground.cast.leader()
    if active.ended or leader is None:
        return
    active.workers.append(leader)
    active.happens(None)
    ground.workers[leader].crash()
    gone(ground.workers[leader]).on_done(
        lambda _: ground.sim.after(active.fault.down_for_ms, lambda: active.finish("done"))
    )
