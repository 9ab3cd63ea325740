"""Invented configs: every connector of the catalogue gets one that its worker accepts."""

from __future__ import annotations

from mockconnect.catalog import Entry, apache_plugins, entries, plugins_of
from mockconnect.core.versions import NEWEST, KafkaVersion
from mockconnect.inventing.configs import Inventor, Subject, product_of
from mockconnect.inventing.world import Chance, FakerWords, PlainWords, System, World

CONNECTORS = [one for one in entries() if one.kind in ("source", "sink")]
SYSTEM = System("billing", "prod", "acme.example", 3, "billing_db", "ann", ("orders", "items"))


def inventor(entry: Entry) -> Inventor:
    plugin, *_ = plugins_of(entry)
    return Inventor.of(plugin, apache_plugins(), KafkaVersion.parse(NEWEST))


def about(entry: Entry) -> Subject:
    return Subject(SYSTEM, product_of(entry.name, entry.class_name), 7, Chance(1, "x"), SYSTEM.topics)


def test_the_connectors_of_the_catalogue_get_valid_configs() -> None:
    without: list[str] = []
    for entry in CONNECTORS:
        config = inventor(entry).config("n", about(entry), 3)
        if config is None:  # such a class is left out of invented clusters
            without.append(entry.name)
            continue
        assert config["name"] == "n"
        assert inventor(entry).tasks("n", config) >= 0
    assert len(without) <= len(CONNECTORS) / 20, without


def test_what_a_key_means_is_told_by_its_name() -> None:
    (entry,) = [
        one for one in CONNECTORS if one.name == "debezium-postgres" and one.release.startswith("3.2")
    ]
    config = inventor(entry).config("n", about(entry), 3)
    assert config is not None
    assert config["database.hostname"] == "billing-pg-03.prod.acme.example"
    assert config["database.password"] == "${file:/etc/connect/secrets.properties:billing.password}"
    assert config["database.user"] == "ann"
    assert config["database.dbname"] == "billing_db"
    assert config["table.include.list"] == "public.orders,public.items"
    assert config["slot.name"] == "billing_7"


def test_draws_are_the_same_everywhere() -> None:
    chance = Chance(7, "x")
    drawn = [
        chance.below(1000),
        chance.between(5, 9),
        chance.one_of("abcdef"),
        chance.weighted([0.2, 0.5, 0.3]),
    ]
    assert drawn == [665, 8, "a", 1]
    assert Chance(7, "x").some_of("abcdefgh", 3) == ["a", "f", "g"]
    assert Chance(7, "x").happens(1.0)
    assert not Chance(7, "x").happens(0.0)


def test_a_world_needs_no_faker() -> None:
    world = World(7, 100, PlainWords(7))
    assert world.domain == "acme.example"
    assert [one.name for one in world.systems[:3]] == ["accounts", "analytics", "auth"]
    assert world.systems == World(7, 100, PlainWords(7)).systems


def test_a_world_has_systems_of_its_own() -> None:
    world = World(7, 400, FakerWords(7))
    assert len({one.name for one in world.systems}) == len(world.systems) == 67
    assert all(one.host("pg").endswith(".example") for one in world.systems)
