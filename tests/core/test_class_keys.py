"""Keys that name a class: which classes a connector sees."""

from __future__ import annotations

import pytest

from mockconnect.core.declared import plugin_from_dict
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config

NAME = "io.acme.pg.AcmeSourceConnector"


@pytest.mark.parametrize(
    ("location", "given", "found"),
    [
        ("file:/acme/", "io.acme.history.FileHistory", True),  # of the house, so it lies beside the connector
        ("file:/acme/", "io.acmeplus.History", False),
        ("file:/acme/", "com.other.History", False),
        ("file:/acme/", "org.history.Default", True),  # the default is surely there
        ("file:/acme/", "java.lang.String", True),
        ("classpath", "io.acme.history.FileHistory", False),
        ("classpath", "org.history.Default", True),
    ],
)
def test_a_connector_sees_the_classes_of_its_own_archive(location: str, given: str, found: bool) -> None:
    key = {"name": "history", "type": "CLASS", "default_value": "org.history.Default"}
    plugin = plugin_from_dict({"class": NAME, "type": "source", "location": location, "config": [key]})
    config = {"name": "n", "connector.class": NAME, "history": given}
    infos = validate_connector_config(config, plugins=Plugins([plugin]), worker=WorkerSettings("w"))
    missing = f"Invalid value {given} for configuration history: Class {given} could not be found."
    assert list(infos.errors()) == ([] if found else [missing])


def test_what_shares_a_house_name_is_not_of_one_house() -> None:
    name = "org.apache.acme.AcmeSourceConnector"
    key = {"name": "history", "type": "CLASS", "default_value": None}
    plugin = plugin_from_dict({"class": name, "type": "source", "location": "file:/a/", "config": [key]})
    for given, errors in (("org.apache.acme.History", 0), ("org.apache.other.History", 1)):
        config = {"name": "n", "connector.class": name, "history": given}
        infos = validate_connector_config(config, plugins=Plugins([plugin]), worker=WorkerSettings("w"))
        assert infos.error_count == errors
