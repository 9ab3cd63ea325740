"""What a validation answers: entries of several definitions, in Connect's order, counted and merged.

Rules of this room: values are there already; here they only become a ``ConfigInfos``, as ``AbstractHerder`` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mockconnect.core import javahash
from mockconnect.core.configdef import ConfigDef, ConfigInfo, ConfigInfos, ConfigValue, ConfigValueInfo
from mockconnect.core.terms import Config


def result(
    config: Config,
    framework: ConfigDef,
    values: Mapping[str, ConfigValue],
    own: ConfigDef,
    own_values: Mapping[str, ConfigValue],
) -> ConfigInfos:
    """``AbstractHerder.generateResult``: entries without a key first, then one per key.

    The connector's keys replace those of the framework in place, its entries replace theirs. ``values`` are those of the
    framework's definition, with further entries for what has no key there.
    """
    keys = {**framework.keys, **own.keys}
    unknown = [values[entry] for entry in _entry_order(config, framework, values) if entry not in keys]
    unknown += (value for entry, value in own_values.items() if entry not in keys)
    configs = [ConfigInfo(None, ConfigValueInfo.of(value, None)) for value in unknown]
    for key in keys.values():
        value = own_values.get(key.name) or values.get(key.name)
        shown = None if value is None else ConfigValueInfo.of(value, key.type)
        configs.append(ConfigInfo(key.info(), shown))
    errors = sum(len(entry.value.errors) for entry in configs if entry.value is not None)
    name = config["connector.class"]
    assert name is not None
    groups = tuple(dict.fromkeys((*framework.groups, *own.groups)))
    return ConfigInfos(name, errors, groups, tuple(configs))


def _entry_order(config: Config, definition: ConfigDef, values: Mapping[str, ConfigValue]) -> list[str]:
    """Hash order; entries that have no key were added later (``computeIfAbsent``)."""
    undefined = [*javahash.hash_order(definition.undefined_dependents())]
    added = [entry for entry in values if entry not in definition.keys and entry not in undefined]
    if not added and not undefined:
        return []
    nulls = [name for name, value in config.items() if value is None]
    asked = [*(name for name in added if name not in nulls), *nulls]
    return javahash.computed_order([*definition.keys, *undefined], asked)


def prefixed(definition: ConfigDef, values: Iterable[ConfigValue], prefix: str) -> ConfigInfos:
    """``AbstractHerder.prefixedConfigInfos``: an entry with errors counts once, and everything is visible."""
    configs: list[ConfigInfo] = []
    groups: dict[str, None] = {}
    for value in values:
        key = definition.keys.get(value.name)
        if key is not None and key.group is not None:
            groups[key.group] = None
        info = ConfigValueInfo.of(value, key.type if key else None)
        shown = replace(info, name=prefix + value.name, visible=True)
        configs.append(ConfigInfo(key.info(prefix) if key else None, shown))
    errors = sum(bool(entry.value and entry.value.errors) for entry in configs)
    return ConfigInfos("", errors, tuple(groups), tuple(configs))


def merged(first: ConfigInfos, *others: ConfigInfos) -> ConfigInfos:
    """``AbstractHerder.mergeConfigInfos``."""
    parts = (first, *others)
    groups = dict.fromkeys(group for part in parts for group in part.groups)
    configs = tuple(config for part in parts for config in part.configs)
    errors = sum(part.error_count for part in parts)
    return ConfigInfos(first.name, errors, tuple(groups), configs, first.order_last)
