"""Conversations drawn at random: requests that nobody thought of, in orders that nobody thought of.

All chance comes from the generator that is handed in, so a seed and a number give the same conversation again. Requests are
made of parts that are right, nearly right and wrong; each conversation prefers some kinds of them (`_KINDS`), so that some
are long lives of connectors and others nothing but odd bodies. Whatever would make a real worker slow, or keep it from
working, is not drawn: huge numbers of tasks, delays, connectors that look for other clusters.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from mockconnect.catalog import client_definition

from .oracle.releases import NEWEST
from .recording import read_plugins
from .script import Exchange
from .simulated import PACKAGE
from .words import (
    BOOLEANS,
    CLASSES,
    CONNECTORS,
    DELETABLE_NAMES,
    DOUBLES,
    HEADERS,
    INTS,
    LEVELS,
    LISTS,
    LOGGERS,
    METHODS,
    MIRRORS,
    NO_CONNECTORS,
    ODD_NAMES,
    PATHS,
    QUERIES,
    REGEXES,
    SPOILING,
    STATES,
    TASKS,
    TEXTS,
    TRAILING,
    TRANSFORMS,
    TYPES,
)

Config = dict[str, Any]
"""As the body of a request has it: a value may be anything that JSON knows."""
JSON_TYPE: Final = ("Content-Type", "application/json")
_CLIENT_KEYS: Final = 40


class Drawer:
    """Draws the requests of one conversation. Names carry its number: what stays behind of one does not meet the next."""

    def __init__(self, chance: random.Random, version: str, workers: int, number: int) -> None:
        self._chance = chance
        self._workers = workers
        self._plugins = _definitions(version)
        self._version = version
        self._number = str(number)
        self._names = [f"c{number}", f"d{number}"]
        self._odd = [f"{chance.choice(ODD_NAMES)}", f"nope{number}"]
        self._class_of: dict[str, str] = {}

    def conversation(self, length: int) -> Iterator[Exchange]:
        """So many exchanges, of the kinds this conversation prefers."""
        preferred = self._chance.sample(list(_KINDS), self._chance.randint(1, 4))
        for _ in range(length):
            yield getattr(self, self._chance.choice(preferred))()
            if self._chance.random() < 0.3:
                yield self.read()

    # --- kinds of requests ----------------------------------------------------------------------------------------------

    def read(self) -> Exchange:
        path = self._chance.choice(PATHS[:-6] if self._rarely(0.9) else PATHS)
        return self._asked("GET", self._filled(path) + self._query(0.3))

    def method(self) -> Exchange:
        return self._asked(
            self._chance.choice(METHODS), self._filled(self._chance.choice(PATHS)) + self._query(0.1)
        )

    def path(self) -> Exchange:
        path = self._filled(self._chance.choice(PATHS))
        for _ in range(self._chance.randint(1, 3)):
            at = self._chance.randint(1, len(path))
            piece = self._chance.choice(
                (
                    "/",
                    "//",
                    "%2F",
                    ";a=b",
                    ";",
                    ".",
                    "/./",
                    "/../",
                    "%20",
                    "+",
                    "%",
                    "%7B",
                    "?",
                    "#",
                    "%5c",
                    "\\",
                    "%2e",
                    "ä",
                    "%00",
                    "|",
                    "^",
                    '"',
                    "<",
                    ":",
                    "@",
                    "~",
                    "%25",
                    "%3B",
                    "%0A",
                )
            )
            path = path[:at] + piece + path[at:]
        return self._asked(
            self._chance.choice(("GET", "GET", "PUT", "DELETE", "OPTIONS")), path.replace(" ", "%20")
        )

    def media(self) -> Exchange:
        headers = [
            (name, self._chance.choice(TYPES)) for name in ("Content-Type", "Accept") if self._rarely(0.6)
        ]
        others = dict(self._chance.sample(HEADERS, self._chance.choice((0, 0, 1, 2))))
        headers += others.items()
        one = self._chance.choice((self.read, self.write_nothing, self.validate, self.method))()
        typed = any(name == "Content-Type" for name, _ in headers)
        body = one.body if (typed or self._rarely(0.3)) and "Content-Length" not in others else None
        return self._asked(one.method, one.target, headers, body)

    def write_nothing(self) -> Exchange:
        """A request without effect that wants a body, whose body is spoilt in most cases."""
        method, target, good = self._chance.choice(
            (
                ("POST", "/connectors", {"name": self._odd[1], "config": {"connector.class": "Nope"}, "initial_state": "PAUSED"}),
                ("PUT", f"/connectors/{self._odd[1]}/config", {"connector.class": "FileStreamSource", "a": 1.5, "b": True, "c": None}),
                ("PATCH", f"/connectors/{self._odd[1]}/config", {"a": "b", "c": None}),
                ("PATCH", f"/connectors/{self._odd[1]}/offsets", {"offsets": [{"partition": {"a": 1}, "offset": {"b": None}}]}),
                ("PUT", "/admin/loggers/some.logger", {"level": "Nope"}),
                ("PUT", "/connector-plugins/FileStreamSink/config/validate", {"connector.class": "Nope", "topics": "a"}),
                ("POST", f"/connectors/{self._odd[1]}/tasks", [{"a": "b"}]),
                ("PUT", f"/connectors/{self._odd[1]}/fence", {}),
            )
        )  # fmt: skip
        return self._asked(
            method, target + self._query(0.1), [JSON_TYPE], self._spoilt(json.dumps(good)).encode()
        )

    def validate(self) -> Exchange:
        name = self._chance.choice(
            (*CONNECTORS, *CONNECTORS, *CONNECTORS, *MIRRORS, f"{PACKAGE}ExactlyOnceSourceConnector")
        )
        plugin = name if self._rarely(0.9) else self._chance.choice((*CONNECTORS, *NO_CONNECTORS))
        config = self._config(name, testing=False)
        body = json.dumps(self._odd_types(config), ensure_ascii=self._rarely(0.5)).encode()
        target = f"/connector-plugins/{quote(plugin)}/config/validate{self._query(0.05)}"
        return self._asked("PUT", target, [JSON_TYPE], body)

    def create(self) -> Exchange:
        name = self._chance.choice(self._names)
        if self._rarely(0.06):
            name = self._chance.choice(DELETABLE_NAMES)
        config = self._config(self._class(name))
        if self._rarely(0.5):
            return self._json("PUT", f"/connectors/{quote(name, safe='%')}/config{self._query(0.05)}", config)
        body: Config = {"name": name, "config": config}
        if self._rarely(0.2):
            body["initial_state"] = self._chance.choice(STATES)
        if self._rarely(0.1):
            config["name"] = self._chance.choice((name, f" {name}", "other", "", None, 1))
        return self._json("POST", "/connectors", body)

    def patch(self) -> Exchange:
        name = self._chance.choice(self._names)
        changes = self._config(self._class(name))
        kept = {
            key: changes[key]
            for key in self._chance.sample(list(changes), self._chance.randint(0, min(3, len(changes))))
        }
        for key in self._chance.sample(list(changes), 1):
            if self._rarely(0.2):
                kept[key] = None
        return self._json("PATCH", f"/connectors/{name}/config", kept)

    def life(self) -> Exchange:
        name = self._chance.choice(self._names if self._rarely(0.95) else self._odd)
        method, suffix = self._chance.choice(
            (
                ("PUT", "pause"), ("PUT", "resume"), ("PUT", "resume"), ("PUT", "stop"), ("POST", "restart"), ("POST", "restart?includeTasks=true"), ("DELETE", ""),
                ("POST", "restart?onlyFailed=true&includeTasks=true"), ("POST", "restart?onlyFailed=true"), ("PUT", "topics/reset"), ("POST", f"tasks/{self._chance.choice(TASKS)}/restart"),
                ("POST", "tasks/0/restart"), ("GET", "status"), ("GET", "tasks"), ("GET", "config"), ("GET", ""), ("GET", "offsets"), ("GET", "topics"),
            )
        )  # fmt: skip
        target = f"/connectors/{quote(name, safe='%')}/{suffix}".rstrip("/")
        return self._asked(method, target + ("" if "?" in target else self._query(0.08)))

    def offsets(self) -> Exchange:
        name = self._chance.choice(self._names)
        target = f"/connectors/{name}/offsets"
        choice = self._chance.random()
        if choice < 0.3:
            return self._asked("GET", target)
        if choice < 0.4:
            return self._asked("DELETE", target)
        if choice < 0.55:
            return self._asked("PUT", f"/connectors/{name}/stop")
        entries = [
            self._entry("Sink" in self._class(name)) for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3)))
        ]
        return self._json("PATCH", target, {"offsets": entries})

    def logger(self) -> Exchange:
        """Never the list of all, and never many at once: from 4.0 on that depends on the classes which a worker has loaded."""
        target = f"/admin/loggers/{self._logger()}{self._query(0.2)}"
        if self._rarely(0.4):
            return self._asked("GET", target)
        return self._json("PUT", target, {"level": self._chance.choice(LEVELS)})

    # --- parts ----------------------------------------------------------------------------------------------------------

    def _rarely(self, likelihood: float) -> bool:
        return self._chance.random() < likelihood

    def _asked(
        self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> Exchange:
        worker = str(self._chance.randint(1, self._workers))
        plain = (
            None if body is None else body.replace(b"{{", b"{ {")
        )  # scripts take that for the name of a captured value
        return Exchange(method, target, worker, tuple(headers), plain)

    def _json(self, method: str, target: str, data: object) -> Exchange:
        return self._asked(method, target, [JSON_TYPE], json.dumps(data, ensure_ascii=False).encode())

    def _query(self, likelihood: float) -> str:
        if not self._rarely(likelihood):
            return ""
        return "?" + "&".join(self._chance.sample(QUERIES, self._chance.choice((1, 1, 1, 2))))

    def _filled(self, path: str) -> str:
        name = self._chance.choice([*self._names, *self._names, *self._odd])
        plugin = self._chance.choice((*CONNECTORS, *NO_CONNECTORS, *(name for name in self._plugins if name)))
        return (
            path.replace("{c}", quote(name, safe="%;=+'"))
            .replace("{t}", self._chance.choice(TASKS))
            .replace("{p}", quote(plugin, safe=""))
            .replace("{l}", self._logger())
        )

    def _logger(self) -> str:
        return self._chance.choice(LOGGERS).replace("{n}", self._number)

    def _class(self, name: str) -> str:
        """A connector keeps its class in most cases."""
        if name not in self._class_of or self._rarely(0.1):
            self._class_of[name] = self._chance.choice(CONNECTORS)
        return self._class_of[name]

    def _spoilt(self, text: str) -> str:
        for _ in range(self._chance.choice((0, 1, 1, 1, 2))):
            at, length = self._chance.randrange(len(text) + 1), self._chance.choice((0, 0, 1, 1, 2, 5))
            text = text[:at] + self._chance.choice((*SPOILING, "")) + text[at + length :]
        if self._rarely(0.15):
            text += self._chance.choice(TRAILING)
        return text[: self._chance.randrange(len(text) + 1)] if self._rarely(0.15) else text

    def _odd_types(self, config: Config) -> Config:
        """One of the values is perhaps no text."""
        if config and self._rarely(0.15):
            config[self._chance.choice(list(config))] = self._chance.choice(
                (None, 1, 1.50, True, 10**25, -0.0, 1e300, {}, [], ["a"], {"a": 1})
            )
        return config

    def _entry(self, sink: bool) -> Config:
        if sink:
            partition: Any = {
                "kafka_topic": self._chance.choice(("t", "t", "u", "", 1, None)),
                "kafka_partition": self._chance.choice((0, 0, "0", 1, -1, 1.5, "x", None, 2**40)),
            }
            offset: Any = {"kafka_offset": self._chance.choice((0, 1, "1", -1, 1.5, "x", None, 2**70))}
        else:
            partition = {
                self._chance.choice(("task", "filename")): self._chance.choice(
                    ("0", "1", 0, None, True, 1.5, "f", [1], {})
                )
            }
            offset = {
                "position": self._chance.choice(
                    (0, 1, -1, "1", 1.5, None, 2**40, 2**70, [], {"a": 1}, True, "x")
                )
            }
        if self._rarely(0.15):
            partition = self._chance.choice((None, {}, {"a": "b"}, {**partition, "x": "y"}))
        if self._rarely(0.25):
            offset = self._chance.choice((None, None, {}, {"a": "b"}, {**offset, "x": 1}))
        return {"partition": partition, "offset": offset}

    # --- configs --------------------------------------------------------------------------------------------------------

    def _config(self, connector_class: str, testing: bool = True) -> Config:
        """Of a connector that may well be accepted. With `testing` it may start: no more tasks than real workers bear."""
        config: Config = {"connector.class": connector_class}
        if "Sink" in connector_class:
            config |= self._chance.choice(
                ({"topics": "t"}, {"topics": "t"}, {"topics": "t,u"}, {"topics.regex": "t.*"})
            )
        if "FileStreamSource" in connector_class:
            config["topic"] = "t"
        if "Typed" in connector_class:
            config["typed.required"] = "r"
        if testing:
            config |= self._chance.choice(
                (
                    {},
                    {"tasks.max": "2"},
                    {"tasks.max": "3"},
                    {"tasks.max": self._chance.choice(("0", "x", "", " 1 ", None, 2, 1.0, "-1", "+2", "٢"))},
                )
            )
            config |= self._behaviour(connector_class)
        else:
            config["name"] = self._chance.choice((*self._names, *TEXTS)) if self._rarely(0.3) else "n"
        for part in self._chance.sample(
            self._parts(connector_class, testing), self._chance.choice((0, 1, 1, 2, 3))
        ):
            config |= part()
        if not testing and self._rarely(0.2):
            config["connector.class"] = self._chance.choice((*NO_CONNECTORS, *CONNECTORS, None))
        if self._rarely(0.1):
            del config[self._chance.choice(list(config))]
        items = list(config.items())
        self._chance.shuffle(items)
        return dict(items)

    def _behaviour(self, connector_class: str) -> Config:
        if "Test" not in connector_class or not self._rarely(0.3):
            return {}
        step = self._chance.choice(
            ("start", "taskconfigs", "validate", "task.start", "alter", "stop", "task.stop")
        )
        told = self._chance.choice(
            (
                {f"test.{step}.error": "told to fail"},
                {"test.tasks": "0"},
                {"test.tasks": "4"},
                {"test.offsets": "false"},
                {"test.offsets": "unsupported"},
            )
        )
        if step == "task.start" and self._rarely(0.5):
            told["test.task.error.ids"] = "1"
        return told

    def _parts(self, connector_class: str, testing: bool) -> list[Callable[[], Config]]:
        own = self._plugins.get(_full_name(connector_class), [])
        rows = [row for row in own if not str(row["name"]).startswith("test.")]
        if testing:
            rows = [
                row
                for row in rows
                if str(row["name"]) not in ("tasks.max", "tasks.max.enforce", "connector.class", "name")
                and not str(row["name"]).startswith("typed.")
            ]
        parts: list[Callable[[], Config]] = [
            lambda: self._keys(rows),
            self._transforms,
            self._converters,
            self._creation,
            self._unknown,
            self._tolerance,
        ]
        return (
            parts
            if testing
            else [*parts, lambda: self._keys(rows), lambda: self._keys(rows), self._overrides, self._once]
        )

    def _keys(self, rows: Sequence[Mapping[str, Any]], prefix: str = "", number: int = 2) -> Config:
        chosen = self._chance.sample(list(rows), min(len(rows), self._chance.randint(1, number)))
        return {f"{prefix}{row['name']}": self._value(str(row["name"]), str(row["type"])) for row in chosen}

    def _value(self, name: str, kind: str) -> str | None:
        if self._rarely(0.04):
            return None
        if "regex" in name or "pattern" in name:
            return self._chance.choice(REGEXES)
        kinds = {
            "BOOLEAN": BOOLEANS,
            "INT": INTS,
            "LONG": INTS,
            "SHORT": INTS,
            "DOUBLE": DOUBLES,
            "LIST": LISTS,
            "CLASS": CLASSES,
        }
        return self._chance.choice(kinds.get(kind, TEXTS) if self._rarely(0.9) else TEXTS)

    def _transforms(self) -> Config:
        aliases = self._chance.choice(("a", "a,b", "a,a", " a , b", "", "a,", "a.b", "b", "ä"))
        config: Config = {"transforms": aliases}
        chosen = [name for name in self._plugins if name.startswith(TRANSFORMS) and "predicates" not in name]
        for alias in dict.fromkeys(each.strip() for each in aliases.split(",")):
            prefix, name = f"transforms.{alias}.", self._chance.choice(chosen)
            config[f"{prefix}type"] = (
                name if self._rarely(0.85) else self._chance.choice((*CLASSES, name.rpartition(".")[2], None))
            )
            config |= self._keys(self._plugins[name], prefix, 4)
            if self._rarely(0.3):
                config[
                    f"{prefix}{self._chance.choice(('predicate', 'negate', 'type.plugin.version', 'plugin.version', 'nope'))}"
                ] = self._chance.choice(("p", "q", "true", "", "1.0", "x"))
        return {**config, **(self._predicates() if self._rarely(0.4) else {})}

    def _predicates(self) -> Config:
        aliases = self._chance.choice(("p", "p,q", "p,p", "", "q"))
        config: Config = {"predicates": aliases}
        chosen = [name for name in self._plugins if "predicates" in name] or [
            f"{TRANSFORMS}predicates.TopicNameMatches"
        ]
        for alias in dict.fromkeys(each.strip() for each in aliases.split(",")):
            name = self._chance.choice(chosen)
            config[f"predicates.{alias}.type"] = (
                name if self._rarely(0.85) else self._chance.choice((*CLASSES, f"{TRANSFORMS}Filter"))
            )
            config |= self._keys(self._plugins.get(name, ()), f"predicates.{alias}.")
        return config

    def _converters(self) -> Config:
        kind = self._chance.choice(("key", "value", "header"))
        names = [name for name in self._plugins if "onverter" in name and ".transforms." not in name]
        name = self._chance.choice(names)
        config: Config = {f"{kind}.converter": name if self._rarely(0.7) else self._chance.choice(CLASSES)}
        config |= self._keys(self._plugins[name], f"{kind}.converter.", 3)
        if self._rarely(0.2):
            config[f"{kind}.converter.plugin.version"] = self._chance.choice(
                ("", "1", "[1,", "latest", "4.3.1")
            )
        return config

    def _creation(self) -> Config:
        groups = self._chance.choice(("g", "g,h", "default", "", "g,g", " g "))
        keys = ("replication.factor", "partitions", "include", "exclude", "cleanup.policy", "nope")
        values = (*INTS[:8], "-1", "0", "a.*", "[", "", "x")
        config: Config = {}
        if self._rarely(0.7):
            config |= {
                "topic.creation.default.replication.factor": "1",
                "topic.creation.default.partitions": "1",
            }
        if self._rarely(0.7):
            prefix = f"topic.creation.{self._chance.choice(('default', 'g', 'h', 'i'))}."
            config |= {prefix + key: self._chance.choice(values) for key in self._chance.sample(keys, 2)}
        return config | ({"topic.creation.groups": groups} if self._rarely(0.7) else {})

    def _unknown(self) -> Config:
        key = self._chance.choice(
            (
                "",
                " ",
                "x",
                "x.y",
                "name ",
                "Topic",
                "errors",
                "ä",
                "transforms.",
                "predicates.p.type",
                "key.converter.x",
                "a b",
                '"',
                "k" * 200,
                "header.converter.y",
                "metadata",
            )
        )
        return {key: self._chance.choice((*TEXTS, None))}

    def _tolerance(self) -> Config:
        keys = (
            ("errors.tolerance", ("all", "none", "ALL", "", "x", "All ")),
            ("errors.log.enable", BOOLEANS),
            ("errors.retry.timeout", INTS),
            ("errors.retry.delay.max.ms", INTS),
        )
        dead = (
            ("errors.deadletterqueue.topic.name", ("d", "t", "", " ", "u", "t,u", "ttt")),
            ("errors.deadletterqueue.topic.replication.factor", INTS),
            ("errors.deadletterqueue.context.headers.enable", BOOLEANS),
        )
        return {key: self._chance.choice(values) for key, values in self._chance.sample((*keys, *dead), 2)}

    def _overrides(self) -> Config:
        client = self._chance.choice(("producer", "consumer", "admin"))
        keys = list(client_definition(client, self._version).keys.values())[:_CLIENT_KEYS]
        rows = [
            {"name": key.name, "type": str(getattr(key.type, "name", key.type)).upper()}
            for key in self._chance.sample(keys, 2)
        ]
        return self._keys([*rows, {"name": "unknown", "type": "STRING"}], f"{client}.override.", 3)

    def _once(self) -> Config:
        keys = (
            ("exactly.once.support", ("required", "requested", "REQUIRED", "", "x", " required")),
            ("transaction.boundary", ("poll", "interval", "connector", "POLL", "", "x")),
            ("transaction.boundary.interval.ms", INTS),
            ("offsets.storage.topic", ("", " ", "o", "t")),
        )
        return {
            key: self._chance.choice(values)
            for key, values in self._chance.sample(keys, self._chance.randint(1, 3))
        }


# Lives are drawn more often than the rest: a step of them says more, and their state makes the rest say more.
_KINDS: Final = (
    "read",
    "method",
    "path",
    "media",
    "write_nothing",
    "validate",
    "validate",
    "create",
    "create",
    "patch",
    "life",
    "life",
    "life",
    "offsets",
    "logger",
)


def _full_name(connector_class: str) -> str:
    if "." in connector_class:
        return connector_class
    return f"org.apache.kafka.connect.file.{connector_class.removesuffix('Connector')}Connector"


def _definitions(version: str) -> dict[str, list[dict[str, Any]]]:
    """Of every plugin; before 3.2 no definitions were to be had, so those of the newest version tell which keys there may be."""
    recorded = {name: rows for name, rows in read_plugins(version).items() if not name.startswith("_")}
    return recorded or {name: rows for name, rows in read_plugins(NEWEST).items() if not name.startswith("_")}
