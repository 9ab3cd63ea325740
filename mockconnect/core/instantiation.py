"""What a worker does around the code of a connector: it makes an instance, and asks for the configs of its tasks.

Rules of this room: nothing is kept here. What a connector's own code answers or throws is its behaviour's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mockconnect.core import artifact_version, javatext
from mockconnect.core.behaviour import list_items
from mockconnect.core.configdef import ConfigError
from mockconnect.core.connector_defs import Version
from mockconnect.core.errors import ConnectError
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import NEWEST, Plugins, VersionedPluginError
from mockconnect.core.traces import CONNECT_EXCEPTION, FRAMES, Throwable
from mockconnect.core.versions import has


def no_such_version(
    config: Mapping[str, str | None],
    error: Exception,
    what: str = "instantiate class",
    frames: Sequence[str] = (),
) -> Throwable:
    """What ``Worker`` throws when no version of a connector's class fits; ``what`` it failed to do."""
    text = f"Failed to {what} for connector {config.get('connector.class')}, class {config.get('name')}"
    isolation = "org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException"
    if isinstance(error, artifact_version.InvalidVersionError):
        isolation = "org.apache.maven.artifact.versioning.InvalidVersionSpecificationException"
    return Throwable(CONNECT_EXCEPTION, text, tuple(frames), Throwable(isolation, str(error), tuple(frames)))


def instantiated(plugins: Plugins, config: Mapping[str, str | None]) -> PluginDesc:
    """``Worker.instantiateConnector``. Raises :class:`ConnectError`."""
    try:
        return plugins.connector_of(config)
    except (VersionedPluginError, artifact_version.InvalidVersionError) as error:
        problem = no_such_version(config, error)
        raise ConnectError(500, str(problem.message), CONNECT_EXCEPTION) from error


def connector_task_configs(
    connector: str, config: Mapping[str, str | None], plugin: PluginDesc, version: Version = NEWEST
) -> list[dict[str, str]]:
    """``Worker.connectorTaskConfigs``: the connector's own maps, plus what the framework adds.

    Raises :class:`ConnectError` with the class and text of ``TooManyTasksException``.
    """
    assert plugin.behaviour is not None, f"{plugin.class_name} is no connector"
    texts = {key: value for key, value in config.items() if value is not None}
    max_tasks = javatext.parse_integer(javatext.trim(texts.get("tasks.max", "1")), 32) or 1
    generated = plugin.behaviour.task_configs(texts, max_tasks)
    check_tasks_max(connector, texts, len(generated), max_tasks, version)
    added = {"task.class": plugin.task_class}
    added.update((key, texts[key]) for key in ("topics", "topics.regex") if key in texts)
    return [{**task_config, **added} for task_config in generated]


def check_tasks_max(
    connector: str, config: Mapping[str, str | None], tasks: int, max_tasks: int, version: Version = NEWEST
) -> None:
    """``Worker.checkTasksMax``, done when task configs are generated and again when a task starts."""
    enforced = javatext.trim(config.get("tasks.max.enforce") or "true").lower() == "true"
    if tasks <= max_tasks or not enforced or not has(version, "tasks_max_enforced"):
        return
    text = (
        f"The connector {connector} has generated {tasks} tasks, which is greater than {max_tasks},"
        " the maximum number of tasks it is configured to create."
        " This behaviour should be considered a bug and is disallowed."
        " If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false;"
        " however, this option will be removed in a future release of Kafka Connect."
    )
    raise ConnectError(500, text, "org.apache.kafka.connect.runtime.TooManyTasksException")


def start_problem(plugin: PluginDesc, config: Mapping[str, str | None]) -> Throwable | None:
    """What stops a config that passed validation: a null value, or one that the connector's ``start`` cannot parse."""
    for key, value in config.items():
        if value is None:
            text = f"Non-string value found in original settings for key {key}: null"
            return Throwable("java.lang.ClassCastException", text)
    if plugin.behaviour is not None and plugin.behaviour.parses_config:
        try:
            plugin.definition().parse(config, lambda name: name)
        except ConfigError as error:
            return Throwable("org.apache.kafka.common.config.ConfigException", str(error))
    return None


def transformation_problem(config: Mapping[str, str | None], version: Version = NEWEST) -> Throwable | None:
    """What stops a task before it exists: a transformation that names a predicate which is not defined.

    ``ConnectorConfig.transformationStages`` asks for the predicate's keys, which are in no definition.
    """
    defined = list_items(config.get("predicates"))
    for alias in list_items(config.get("transforms")):
        predicate = config.get(f"transforms.{alias}.predicate")
        if predicate is not None and predicate not in defined:
            return _undefined_predicate(predicate, has(version, "plugin_versions"))
    return None


def header_converter_problem(config: Mapping[str, str | None], version: Version = NEWEST) -> Throwable | None:
    """What stops a task before it exists: the version of a header converter without its class.

    ``Plugins.newHeaderConverter`` takes the version for a sign that there is a class.
    """
    unnamed = (
        config.get("header.converter") is None and config.get("header.converter.plugin.version") is not None
    )
    if not unnamed or not has(version, "plugin_versions"):
        return None
    text = 'Cannot invoke "Object.hashCode()" because "key" is null'
    frames = (
        "java.base/java.util.concurrent.ConcurrentHashMap.get(ConcurrentHashMap.java:936)",
        "org.apache.kafka.connect.runtime.isolation.Plugins.newHeaderConverter(Plugins.java:534)",
        *FRAMES["task_instantiate"],
    )
    return Throwable("java.lang.NullPointerException", text, frames)


def _undefined_predicate(predicate: str, versioned: bool) -> Throwable:
    key = f"predicates.{predicate}.{'plugin.version' if versioned else 'type'}"
    own, runtime = "org.apache.kafka.common.config", "org.apache.kafka.connect.runtime.ConnectorConfig"
    frames = (
        f"{runtime}.transformationStages(ConnectorConfig.java:406)",
        "org.apache.kafka.connect.runtime.Worker$TaskBuilder.build(Worker.java:1852)",
        *FRAMES["task_instantiate"],
    )
    inner = (
        f"{runtime}.getTransformationOrPredicate(ConnectorConfig.java:422)",
        f"{runtime}.transformationStages(ConnectorConfig.java:384)",
        *frames[1:],
    )
    innermost = (
        f"{own}.AbstractConfig.get(AbstractConfig.java:176)",
        f"{own}.AbstractConfig.getString(AbstractConfig.java:211)",
        f"{runtime}.getTransformationOrPredicate(ConnectorConfig.java:416)",
        *inner[1:],
    )
    thrown = Throwable(f"{own}.ConfigException", f"Unknown configuration '{key}'", innermost)
    if versioned:
        thrown = Throwable(CONNECT_EXCEPTION, str(thrown), inner, thrown)
    return Throwable(CONNECT_EXCEPTION, str(thrown), frames, thrown)
