"""The configs with which every connector of the catalogue is validated, on a real worker and on ours.

Rules of this room: a config is made from the connector's name, its keys and its good config only, so that the same list
comes out in every session. Values differ from the probes that definitions were derived from.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Config = dict[str, "str | None"]
TRANSFORMS = "org.apache.kafka.connect.transforms."
JSON = "org.apache.kafka.connect.json.JsonConverter"
SINGLE = (
    "12x",
    "-7",
    "maybe",
    "5000000000",
    "x y",
    "NONE",
    "3.25",
    "https://a.example/b",
    "q:8080",
    '{"a": 1}',
)


def configs(
    name: str,
    kind: str,
    keys: Sequence[Mapping[str, Any]],
    good: Mapping[str, str],
    others: Sequence[tuple[str, str]],
    more: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, Config]]:
    """Pairs of a label and a config. ``others`` are (type, class) of what comes in the same archive.

    ``more`` are keys to add to the good config, by label.
    """
    topics = {"topics": "orders"} if kind == "sink" else {}
    base: Config = {"name": "c1", "connector.class": name, **topics, **good}
    own = {key["name"]: key for key in keys}
    yield "good", base
    yield "bare", {"connector.class": name}
    yield "name only", {"name": "c1", "connector.class": name}
    for key in [*good, *topics][:3]:
        yield f"without {key}", {each: value for each, value in base.items() if each != key}
    numbers = [each for each, key in own.items() if key["type"] in ("INT", "LONG", "SHORT", "DOUBLE")]
    yield "numbers that are none", {**base, **dict.fromkeys(numbers, "12x")}
    yield "numbers below", {**base, **dict.fromkeys(numbers, "-5")}
    yield "numbers above", {**base, **dict.fromkeys(numbers, "3000000000")}
    switches = [each for each, key in own.items() if key["type"] == "BOOLEAN"]
    yield "switches", {**base, **dict.fromkeys(switches, "yes")}
    yield "upper case", {**base, **_upper_case(own, good)}
    yield "blanks", {**base, **_defaults(own, good, " {} ")}
    yield "everything empty", {**base, **dict.fromkeys(own, "")}
    yield from _single(name, base, own)
    for key in (each for each, one in own.items() if one["type"] == "CLASS"):
        yield f"{key} of a class that is not there", {**base, key: "com.acme.NoSuchClass"}
    yield from _framework(name, kind, base, own)
    yield from _of_the_archive(base, others)
    for label, added in more.items():
        yield label, {**base, **added}


def _defaults(own: Mapping[str, Any], good: Mapping[str, str], shape: str) -> Config:
    return {
        name: shape.format(key["default_value"])
        for name, key in own.items()
        if key["default_value"] and name not in good and key["type"] not in ("PASSWORD", "CLASS")
    }


def _upper_case(own: Mapping[str, Any], good: Mapping[str, str]) -> Config:
    texts = {name: key for name, key in own.items() if key["type"] == "STRING"}
    return {name: str(value).upper() for name, value in _defaults(texts, good, "{}").items()}


def _single(name: str, base: Config, own: Mapping[str, Any]) -> Iterator[tuple[str, Config]]:
    """A few keys with one wrong value each, chosen by the connector's name."""
    names = sorted(own)
    for turn in range(min(6, len(names))):
        at = zlib.crc32(f"{name} {turn}".encode())
        key, value = names[at % len(names)], SINGLE[(at >> 8) % len(SINGLE)]
        yield f"{key}={value}", {**base, key: value}
    if names:
        key = names[zlib.crc32(name.encode()) % len(names)]
        yield f"{key} null", {**base, key: None}


def _framework(name: str, kind: str, base: Config, own: Mapping[str, Any]) -> Iterator[tuple[str, Config]]:
    yield (
        "framework",
        {**base, "tasks.max": "0", "errors.tolerance": "some", "config.action.reload": "", "x.unknown": "1"},
    )
    yield "unknown key", {**base, "x.unknown": "1", "y.unknown": ""}
    yield "alias", {**base, "connector.class": name.rpartition(".")[2]}
    insert: Config = {
        "transforms": "a,b",
        "transforms.a.type": f"{TRANSFORMS}InsertField$Value",
        "transforms.a.static.field": "f",
        "transforms.a.replace.null.with.default": "perhaps",
        "transforms.b.type": f"{TRANSFORMS}RegexRouter",
        "transforms.b.regex": "[a",
        "transforms.a.predicate": "p",
        "predicates": "p",
        "predicates.p.type": f"{TRANSFORMS}predicates.TopicNameMatches",
    }
    yield "transforms", {**base, **insert}
    yield "no such transform", {**base, "transforms": "a", "transforms.a.type": "com.example.None"}
    converters = {
        "value.converter": JSON,
        "value.converter.schemas.enable": "2",
        "key.converter": "com.example.None",
    }
    yield "converters", {**base, **converters}
    overrides = {"producer.override.acks": "all", "consumer.override.max.poll.records": "5"}
    yield "overrides", {**base, **overrides}
    if kind == "source":
        yield (
            "exactly once",
            {**base, "exactly.once.support": "required", "transaction.boundary": "connector"},
        )


def _of_the_archive(base: Config, others: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Config]]:
    """Transformations, predicates and converters that come along, as they are without further keys."""
    transforms = [name for kind, name in others if kind == "transformation"]
    for first in range(0, len(transforms), 8):
        some = transforms[first : first + 8]
        aliases = [f"t{number}" for number in range(len(some))]
        types: Config = {f"transforms.{alias}.type": each for alias, each in zip(aliases, some, strict=True)}
        yield f"own transforms {first}", {**base, "transforms": ",".join(aliases), **types}
    for kind, name in others:
        if kind == "predicate":
            yield f"predicate {name}", {**base, "predicates": "p", "predicates.p.type": name}
        if kind in ("converter", "header_converter"):
            key = "value.converter" if kind == "converter" else "header.converter"
            yield f"{kind} {name}", {**base, key: name, f"{key}.converter.type": "both"}
