"""The classes of a worker that a config may name, plugins or not, as far as errors tell of them.

Rules of this room: data. Which of them a worker has, and which plugins beside them, is the word of
:class:`~mockconnect.core.plugins.Plugins`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockconnect.core.plugin_desc import Kind


@dataclass(frozen=True, slots=True)
class JavaClass:
    """A class that a config may name: what it is, and whether an instance can be made.

    ``nested`` are its public concrete nested classes of the same kind, which an error about an abstract class suggests.
    """

    name: str
    kinds: frozenset[Kind] = frozenset()
    abstract: bool = False
    nested: tuple[str, ...] = ()
    interface: bool = False

    def __str__(self) -> str:
        return f"{'interface' if self.interface else 'class'} {self.name}"


_TRANSFORMS: Final = "org.apache.kafka.connect.transforms."


def _keyed(simple_name: str) -> JavaClass:
    name = _TRANSFORMS + simple_name
    return JavaClass(name, frozenset({"transformation"}), True, (f"{name}$Key", f"{name}$Value"))


def _plain(*names: str) -> list[JavaClass]:
    return [JavaClass(name) for name in names]


OWN_CONVERTERS: Final = (
    JavaClass("org.apache.kafka.connect.json.JsonConverter", frozenset({"converter", "header_converter"})),
    JavaClass("org.apache.kafka.connect.storage.SimpleHeaderConverter", frozenset({"header_converter"})),
)
"""The converters that every worker has by default, whatever its plugin list says."""

KNOWN_CLASSES: Final[tuple[JavaClass, ...]] = (
    *map(
        _keyed,
        (
            "Cast",
            "ExtractField",
            "Flatten",
            "HeaderFrom",
            "HoistField",
            "InsertField",
            "MaskField",
            "ReplaceField",
            "SetSchemaMetadata",
            "TimestampConverter",
        ),
    ),
    JavaClass(_TRANSFORMS + "Transformation", frozenset({"transformation"}), True, interface=True),
    JavaClass(_TRANSFORMS + "predicates.Predicate", frozenset({"predicate"}), True, interface=True),
    JavaClass("org.apache.kafka.connect.connector.Connector", abstract=True),
    JavaClass("org.apache.kafka.connect.source.SourceConnector", frozenset({"source"}), True),
    JavaClass("org.apache.kafka.connect.sink.SinkConnector", frozenset({"sink"}), True),
    JavaClass("org.apache.kafka.connect.storage.Converter", frozenset({"converter"}), True, interface=True),
    JavaClass(
        "org.apache.kafka.connect.storage.HeaderConverter",
        frozenset({"header_converter"}),
        True,
        interface=True,
    ),
    *_plain(
        "java.lang.Boolean",
        "java.lang.Double",
        "java.lang.Float",
        "java.lang.Integer",
        "java.lang.Long",
        "java.lang.Object",
        "java.lang.Short",
        "java.lang.String",
        "java.lang.Thread",
        "java.util.ArrayList",
        "java.util.Collection",
        "java.util.HashMap",
        "java.util.List",
        "java.util.Map",
        "java.util.Set",
        "org.apache.kafka.clients.admin.ForwardingAdmin",
        "org.apache.kafka.common.metrics.JmxReporter",
        "org.apache.kafka.common.serialization.ByteArrayDeserializer",
        "org.apache.kafka.common.serialization.ByteArraySerializer",
        "org.apache.kafka.common.serialization.StringDeserializer",
        "org.apache.kafka.common.serialization.StringSerializer",
        "org.apache.kafka.connect.file.FileStreamSinkTask",
        "org.apache.kafka.connect.file.FileStreamSourceTask",
        "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter",
        "org.apache.kafka.connect.mirror.DefaultGroupFilter",
        "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
        "org.apache.kafka.connect.mirror.DefaultTopicFilter",
        "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
        "org.apache.kafka.connect.mirror.MirrorSourceTask",
    ),
)
"""Classes that are no plugins but that configs name (as defaults, or by mistake)."""
