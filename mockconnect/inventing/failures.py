"""Believable failures: our own messages in the frame that Connect puts around them, as a status shows them.

Rules of this room: a failure is a chain of Java exceptions, written as ``printStackTrace`` writes it. Class names are
those that Java and Connect have for such a thing; the sentences are invented.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.traces import (
    CONNECT_EXCEPTION,
    FRAMES,
    Throwable,
    plugin_frame,
    sink_put_failure,
    tolerance_exceeded,
)
from mockconnect.inventing.configs import Subject

Cause = Callable[[Subject], Throwable]
_DATA: Final = "org.apache.kafka.connect.errors.DataException"
_SOCKET: Final = ("java.base/sun.nio.ch.Net.pollConnect(Native Method)",)


def _refused(about: Subject) -> Throwable:
    return Throwable(
        "java.net.ConnectException", f"Connection refused: {about.host}:{about.product.port}", _SOCKET
    )


def _unknown_host(about: Subject) -> Throwable:
    frames = ("java.base/java.net.InetAddress$CachedAddresses.get(InetAddress.java:801)",)
    return Throwable("java.net.UnknownHostException", about.host, frames)


def _timeout(about: Subject) -> Throwable:
    text = f"{about.host} did not answer within {about.chance.between(5, 60)} s"
    return Throwable("java.net.SocketTimeoutException", text, _SOCKET)


def _login(about: Subject) -> Throwable:
    return Throwable(
        "java.lang.SecurityException", f"Login of {about.system.user} at {about.host} was rejected"
    )


def _disk(about: Subject) -> Throwable:
    text = f"No space left for {about.system.database} on {about.host}"
    return Throwable("java.io.IOException", text)


def _missing_table(about: Subject) -> Throwable:
    return Throwable(
        "java.lang.IllegalStateException", f"{about.system.database}.{about.system.tables[0]} is gone"
    )


CAUSES: Final[tuple[Cause, ...]] = (
    _refused,
    _refused,
    _unknown_host,
    _timeout,
    _timeout,
    _login,
    _disk,
    _missing_table,
)


def connector_trace(plugin: PluginDesc, about: Subject) -> str:
    """Of a connector whose ``start`` failed."""
    text = f"{about.system.name}: could not start"
    frames = (plugin_frame(plugin.class_name, "start"), *FRAMES["connector_start"])
    return _wrapped(plugin, about, text, frames).trace()


def task_trace(plugin: PluginDesc, about: Subject) -> str:
    """Of a task that failed while it worked: in its own code, or in a converter."""
    is_sink = plugin.kind == "sink"
    place, method = ("sink_put", "put") if is_sink else ("source_poll", "poll")
    if about.chance.happens(0.3):
        return tolerance_exceeded(_unreadable(about), place).trace()
    frames = (plugin_frame(plugin.task_class, method), *FRAMES[place])
    thrown = _wrapped(
        plugin, about, f"{about.topics[0]}: gave up after {about.chance.between(2, 10)} tries", frames
    )
    return (sink_put_failure(thrown) if is_sink else thrown).trace()


def _wrapped(plugin: PluginDesc, about: Subject, text: str, frames: tuple[str, ...]) -> Throwable:
    cause = about.chance.one_of(CAUSES)(about)
    inner = Throwable(
        cause.java_class,
        cause.message,
        (*cause.frames, plugin_frame(plugin.class_name, "connect", about.chance.between(40, 400)), *frames),
    )
    return Throwable(CONNECT_EXCEPTION, text, frames, inner)


def _unreadable(about: Subject) -> Throwable:
    where = f"{about.topics[0]}-{about.chance.below(12)} at offset {about.chance.between(1_000, 9_000_000)}"
    frames = ("org.apache.kafka.connect.json.JsonConverter.toConnectData(JsonConverter.java:333)",)
    return Throwable(_DATA, f"The record of {where} is no JSON object", frames)
