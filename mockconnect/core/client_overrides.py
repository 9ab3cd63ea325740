"""Overrides of client properties in a connector's config: which clients it will have, what they take, what the policy allows.

Rules of this room: since 3.3 (KIP-618) only overrides of clients that the connector will use are looked at, each with the
definition of its own client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mockconnect.core import javahash, javatext
from mockconnect.core.config_results import prefixed
from mockconnect.core.configdef import ConfigDef, ConfigInfos, ConfigValue, parse_type
from mockconnect.core.preflight import DLQ, MAP_DEFAULT, Subject
from mockconnect.core.terms import Config
from mockconnect.core.validators import null_pointer
from mockconnect.core.versions import has

Client = Literal["producer", "consumer", "admin"]


def client_overrides(subject: Subject) -> list[ConfigInfos]:
    """In the order of the result list; the stages come in another order."""
    if not has(subject.plugins.version, "override_policies"):
        return []
    wanted: tuple[tuple[Client, Callable[[Subject], bool]], ...] = (
        ("producer", _uses_producer),
        ("admin", _uses_admin),
        ("consumer", _uses_consumer),
    )
    found = {client: _overrides(subject, client) for client, uses in wanted if uses(subject)}
    order: tuple[Client, ...] = ("producer", "consumer", "admin")
    return [found[client] for client in order if client in found]


def _uses_producer(subject: Subject) -> bool:
    if subject.kind == "sink":
        return _has_dlq(subject) and has(subject.plugins.version, "overrides_by_use")
    return True


def _uses_admin(subject: Subject) -> bool:
    if subject.kind == "sink":
        return _has_dlq(subject)
    return has(subject.plugins.version, "overrides_by_use") and (
        any(key.startswith("topic.creation.") for key in subject.config)
        or _uses_separate_offsets_clients(subject)
    )


def _uses_consumer(subject: Subject) -> bool:
    return subject.kind == "sink" or _uses_separate_offsets_clients(subject)


def _has_dlq(subject: Subject) -> bool:
    return not javatext.is_blank(subject.config.get(DLQ))


def _uses_separate_offsets_clients(subject: Subject) -> bool:
    if not subject.distributed or not has(subject.plugins.version, "overrides_by_use"):
        return False
    if subject.worker.exactly_once_source_enabled:
        return True
    topic = subject.config.get("offsets.storage.topic", "")
    if topic is None:
        raise null_pointer("String.trim()", MAP_DEFAULT)
    return bool(javatext.trim(topic))


def _overrides(subject: Subject, client: Client) -> ConfigInfos:
    subject.stage(f"validating {client} config overrides for the connector")
    prefix = f"{client}.override."
    # Before 3.3 every override was parsed with the producer's definition.
    by_client = has(subject.plugins.version, "overrides_by_use")
    definition = subject.plugins.client_definition(client if by_client else "producer")
    given = entries_with_prefix(subject.config, prefix)
    order = javahash.hash_order(given)
    if has(subject.plugins.version, "sized_prefix_maps"):
        order = javahash.hash_order(order, javahash.copied_table(len(order)))
    values = {name: _override(subject, definition, name, given[name]) for name in order}
    return prefixed(definition, [values[name] for name in javahash.hash_order(values)], prefix)


def _override(subject: Subject, definition: ConfigDef, name: str, text: str | None) -> ConfigValue:
    key = definition.keys.get(name)
    parsed = text if key is None else parse_type(name, text, key.type, subject.plugins.load_class)
    value = ConfigValue(name, parsed)
    default = "All" if has(subject.plugins.version, "overrides_allowed") else "None"
    policy = _policy_name(subject.worker.connector_client_config_override_policy or default)
    if not _allowed(subject, policy, name):
        value.errors.append(
            f"The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration."
        )
    return value


def _allowed(subject: Subject, policy: str, name: str) -> bool:
    match policy:
        case "None":
            return False
        case "Principal":
            return name in ("sasl.jaas.config", "sasl.mechanism", "security.protocol")
        case "Allowlist":
            allowed = dict(subject.worker.config).get("connector.client.config.override.allowlist", "")
            return name in [javatext.trim(part) for part in allowed.split(",")]
        case _:
            return True


def _policy_name(policy: str) -> str:
    """``All`` for all its names: alias, simple name, class name."""
    return policy.rpartition(".")[2].removesuffix("ConnectorClientConfigOverridePolicy") or policy


def entries_with_prefix(config: Config, prefix: str) -> dict[str, str | None]:
    return {
        key[len(prefix) :]: value for key, value in config.items() if key.startswith(prefix) and key != prefix
    }
