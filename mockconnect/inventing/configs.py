"""Believable configs: a value for each key that wants one, until a worker's validation has nothing to say.

Rules of this room: ``VALUES`` says what a key means by its name; what it does not know is made from the key's type. A
config begins with the required keys and the important ones that have no default. Then it is validated, and what
is refused gets another value or goes, for a few rounds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mockconnect.catalog import client_definition
from mockconnect.core.configdef import ConfigInfo, ConfigInfos, ConfigKey
from mockconnect.core.errors import ConnectError
from mockconnect.core.instantiation import connector_task_configs
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config
from mockconnect.core.versions import KafkaVersion
from mockconnect.inventing.world import Chance, System

ROUNDS: Final = 6
SECRETS: Final = "${file:/etc/connect/secrets.properties:%s}"
_JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
_STRING: Final = "org.apache.kafka.connect.storage.StringConverter"


@dataclass(frozen=True, slots=True)
class Product:
    """What a connector talks to: told by its name, and where that listens."""

    name: str
    port: int
    url: str
    short: str = ""


# fmt: off
PRODUCTS: Final = (
    Product("postgres", 5432, "jdbc:postgresql://{host}:{port}/{database}", "pg"),
    Product("mysql", 3306, "jdbc:mysql://{host}:{port}/{database}"),
    Product("mariadb", 3306, "jdbc:mariadb://{host}:{port}/{database}"),
    Product("sqlserver", 1433, "jdbc:sqlserver://{host}:{port};databaseName={database}", "mssql"),
    Product("oracle", 1521, "jdbc:oracle:thin:@{host}:{port}/{database}", "ora"),
    Product("db2", 50000, "jdbc:db2://{host}:{port}/{database}"),
    Product("mongo", 27017, "mongodb://{host}:{port}/?replicaSet=rs0"),
    Product("jdbc", 5432, "jdbc:postgresql://{host}:{port}/{database}", "pg"),
    Product("elasticsearch", 9200, "https://{host}:{port}", "es"),
    Product("opensearch", 9200, "https://{host}:{port}", "os"),
    Product("clickhouse", 8443, "https://{host}:{port}", "ch"),
    Product("snowflake", 443, "{name}.snowflakecomputing.example:443", "sf"),
    Product("couchbase", 11210, "couchbase://{host}", "cb"),
    Product("neo4j", 7687, "neo4j://{host}:{port}"),
    Product("splunk", 8088, "https://{host}:{port}"),
    Product("redis", 6379, "redis://{host}:{port}"),
    Product("cassandra", 9042, "{host}:{port}"),
    Product("iceberg", 8181, "https://{host}:{port}"),
    Product("s3", 443, "https://s3.eu-central-1.{domain}"),
    Product("mirror", 9092, "{host}:{port}", "kafka"),
    Product("", 443, "https://{host}:{port}", "api"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Subject:
    """What one connector is about."""

    system: System
    product: Product
    number: int
    chance: Chance
    topics: tuple[str, ...]

    @property
    def host(self) -> str:
        return self.system.host(self.product.short or self.product.name)

    @property
    def url(self) -> str:
        system = self.system
        return self.product.url.format(
            host=self.host,
            port=self.product.port,
            database=system.database,
            domain=system.domain,
            name=system.name,
        )

    @property
    def tables(self) -> str:
        space = system_space(self)
        return ",".join(f"{space}.{topic.rpartition('.')[2]}" for topic in self.topics)

    def secret(self, what: str) -> str:
        return SECRETS % f"{self.system.name}.{what}"


def system_space(about: Subject) -> str:
    """What tables are named under."""
    return {"postgres": "public", "sqlserver": "dbo", "oracle": about.system.user.upper()}.get(
        about.product.name, about.system.database
    )


def product_of(plugin_name: str, class_name: str) -> Product:
    known = f"{plugin_name} {class_name}".lower()
    return next(product for product in PRODUCTS if product.name in known)


Maker = Callable[[Subject], str]

VALUES: Final[tuple[tuple[re.Pattern[str], Maker], ...]] = tuple(
    (re.compile(rf"(?:^|[._-])(?:{pattern})$"), maker)
    for pattern, maker in (
        ("topics", lambda about: ",".join(about.topics)),
        ("topic[.]prefix|server[.]name|logical[.]name", lambda about: about.system.name),
        ("server[.]id", lambda about: str(5400 + about.number)),
        ("(?:table|collection)s?[.](?:include[.]list|whitelist)", lambda about: about.tables),
        ("slot[.]name", lambda about: f"{about.system.name}_{about.number}".replace("-", "_")),
        ("publication[.]name", lambda about: f"{about.system.name}_publication".replace("-", "_")),
        ("bootstrap[.]servers|brokers", lambda about: f"kafka-1.{about.system.domain}:9092"),
        ("host[.]?names?|hosts?|nodes|seed[.]nodes|contact[.]points", lambda about: about.host),
        ("port", lambda about: str(about.product.port)),
        ("dbname|database[.]names?|database|db|keyspace", lambda about: about.system.database),
        ("collection|table|table[.]name|index", lambda about: about.system.tables[0]),
        ("plugin[.]name", lambda _: "pgoutput"),
        ("auth(?:entication|orization)?[.]type", lambda _: "none"),
        ("tables", lambda about: about.tables),
        ("ur[il]s?(?:[.]name)?|endpoints?|connection[.]string|connection", lambda about: about.url),
        ("user(?:[.]?name)?|login", lambda about: about.system.user),
        (
            "bucket(?:[.]name)?|container(?:[.]name)?",
            lambda about: f"{about.system.name}-{about.system.env}-raw",
        ),
        ("region(?:[.]name)?", lambda about: about.chance.one_of(("eu-central-1", "eu-west-1", "us-east-1"))),
        ("project(?:[.]id)?|account(?:[.]name)?", lambda about: f"{about.system.name}-{about.system.env}"),
        ("dataset|warehouse|namespace|schema(?:[.]name)?", lambda about: about.system.database),
        (
            "file(?:[.]?name)?|path|dir(?:ectory)?|location",
            lambda about: f"/var/lib/{about.system.name}/data",
        ),
        ("alias", lambda about: about.system.env),
        ("topic(?:[.]name)?|queue(?:[.]name)?|stream(?:[.]name)?", lambda about: about.topics[0]),
        ("incrementing[.]column[.]name", lambda _: "id"),
        ("timestamp[.]column[.]name", lambda _: "updated_at"),
        ("query|sql|statement", lambda about: f"select * from {about.system.tables[0]}"),
        ("id|name|group|prefix", lambda about: f"{about.system.name}-{about.number}"),
    )
)
"""What the last words of a key mean, the first fitting row counts."""

NEVER: Final = re.compile(
    r"^(?:name|connector\.class|tasks\.max|topics\.regex|predicates|transforms)$|exclude|blacklist|ssl|sasl|kerberos|proxy"
    r"|override|converter|deadletter|\.plugin\.version$|notification|signal|rac\.nodes|pdb\.name|out\.server|heartbeat"
)
"""Keys that are only set when validation asks for them."""

ALWAYS: Final = re.compile(r"(?:topics|connection\.uri|slot\.name|plugin\.name|database\.server\.id)")
"""Keys that are set although they have a default."""


def value_of(key: ConfigKey, about: Subject) -> str:
    """A believable text for a key, valid for its type."""
    if key.type == "PASSWORD" and not key.name.endswith(("uri", "url")):
        return about.secret(key.name.rpartition(".")[2])
    if key.type in ("INT", "SHORT", "LONG", "DOUBLE"):
        told = _by_name(key, about)
        return told if told is not None and told.isdecimal() else str(about.chance.between(1, 10))
    if key.type == "BOOLEAN":
        return "true"
    return _by_name(key, about) or about.system.name


def _by_name(key: ConfigKey, about: Subject) -> str | None:
    return next((maker(about) for pattern, maker in VALUES if pattern.search(key.name)), None)


@dataclass(frozen=True, slots=True)
class Inventor:
    """Makes configs for one connector class, as a worker of one Kafka version accepts them."""

    plugin: PluginDesc
    plugins: Plugins

    @classmethod
    def of(cls, plugin: PluginDesc, there: Iterable[PluginDesc], version: KafkaVersion) -> Inventor:
        return cls(plugin, Plugins((*there, plugin), version.number, client_definition))

    def config(self, name: str, about: Subject, tasks_max: int) -> dict[str, str] | None:
        """``None`` if nothing was accepted."""
        config = {"name": name, "connector.class": self.plugin.class_name, "tasks.max": str(tasks_max)}
        if self.plugin.kind == "sink":
            config["topics"] = ",".join(about.topics)
        keys = self.plugins.config_def(self.plugin).keys
        config.update((key.name, value_of(key, about)) for key in keys.values() if _is_wanted(key))
        for _ in range(ROUNDS):
            infos = self._validated(config)
            if infos is None:
                return None
            if not infos.error_count:
                return {**config, **self._habits(about, config)}
            if not _mend(config, infos, keys, about):
                return None
        return None

    def tasks(self, name: str, config: Mapping[str, str]) -> int:
        """How many tasks the connector generates."""
        return len(connector_task_configs(name, config, self.plugin, self.plugins.version))

    def _validated(self, config: Mapping[str, str]) -> ConfigInfos | None:
        try:
            return validate_connector_config(config, plugins=self.plugins, worker=_SETTINGS)
        except ConnectError:
            return None

    def _habits(self, about: Subject, config: Mapping[str, str]) -> dict[str, str]:
        """What people add to configs, as far as it is accepted."""
        added: dict[str, str] = {}
        for share, habit in (
            (
                0.7,
                {
                    "key.converter": _STRING,
                    "value.converter": _JSON,
                    "value.converter.schemas.enable": "false",
                },
            ),
            (0.3, {"errors.tolerance": "all", "errors.log.enable": "true"}),
            (
                0.2,
                _dead_letters(about) if self.plugin.kind == "sink" else _own_offsets(about),
            ),
            (0.25, _route(about)),
        ):
            if not about.chance.happens(share):
                continue
            infos = self._validated({**config, **added, **habit})
            if infos is not None and not infos.error_count:
                added.update(habit)
        return added


_SETTINGS: Final = WorkerSettings("connect-0")


def _own_offsets(about: Subject) -> dict[str, str]:
    return {"offsets.storage.topic": f"connect-offsets-{about.system.name}"}


def _dead_letters(about: Subject) -> dict[str, str]:
    return {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": f"dlq.{about.system.name}",
        "errors.deadletterqueue.context.headers.enable": "true",
    }


def _route(about: Subject) -> dict[str, str]:
    return {
        "transforms": "route",
        "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.route.regex": "([^.]+)\\.(.*)",
        "transforms.route.replacement": f"{about.system.env}.$1.$2",
    }


def _is_wanted(key: ConfigKey) -> bool:
    if NEVER.search(key.name):
        return False
    if key.required or ALWAYS.fullmatch(key.name):
        return True
    is_known = key.type == "PASSWORD" or any(pattern.search(key.name) for pattern, _ in VALUES)
    is_open = key.default in (None, "") or "localhost" in str(key.default)
    return key.importance == "HIGH" and is_open and is_known and key.type != "CLASS"


# --- what validation refuses -----------------------------------------------------------------------------------------------


def _mend(config: dict[str, str], infos: ConfigInfos, keys: Mapping[str, ConfigKey], about: Subject) -> bool:
    """Give what was refused another value, or none. Says whether anything changed."""
    before = dict(config)
    for info in infos.configs:
        if info.value is not None and info.value.errors:
            _mend_one(config, info, keys.get(info.value.name), about)
    return config != before


def _mend_one(config: dict[str, str], info: ConfigInfo, key: ConfigKey | None, about: Subject) -> None:
    assert info.value is not None, info
    name, errors = info.value.name, info.value.errors
    choices = [*_offered(errors), *info.value.recommended_values]
    if name not in config:
        if key is not None:
            config[name] = choices[0] if choices else value_of(key, about)
        return
    left = [choice for choice in choices if choice != config[name]]
    if left:
        config[name] = left[0]
    elif (bounded := _bound(errors)) is not None and bounded != config[name]:
        config[name] = bounded
    elif key is None or not key.required:
        del config[name]


_CHOICES: Final = re.compile(r"(?:String|Value) must be one of(?: \(case insensitive\))?:? (.*)")
_BOUND: Final = re.compile(r"Value must be (?:at least|no more than) (\S+)")


def _offered(errors: Iterable[str]) -> list[str]:
    """What an error says would do."""
    return [choice for text in errors if (found := _CHOICES.search(text)) for choice in found[1].split(", ")]


def _bound(errors: Iterable[str]) -> str | None:
    return next((found[1] for text in errors if (found := _BOUND.search(text))), None)
