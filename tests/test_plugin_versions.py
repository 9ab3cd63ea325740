"""Several versions of one plugin on one worker (KIP-891): what a config chooses, what runs, and what older workers do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

import mockconnect
from mockconnect.core.declared import plugin_from_dict
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.plugins import Plugins
from mockconnect.core.settings import WorkerSettings
from mockconnect.core.validation import validate_connector_config
from mockconnect.hosting import RunningCluster

SOURCE, UNWRAP = "com.acme.AcmeSourceConnector", "com.acme.Unwrap"
CONFIG = {"connector.class": SOURCE, "tasks.max": "4"}
ISOLATION = "org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException"


def archive(version: str) -> list[PluginDesc]:
    """A connector and a transformation that lie in one place; as many tasks and as many keys as the version says."""
    common = {"version": version, "location": f"file:/acme-{version}/"}
    number = int(version[0])
    keys = [f"since.{one}" for one in range(1, number + 1)]
    return [
        plugin_from_dict({**common, "class": SOURCE, "type": "source", "tasks": number, "config": keys}),
        plugin_from_dict({**common, "class": UNWRAP, "type": "transformation", "config": keys}),
    ]


BOTH = [*archive("1.0"), *archive("2.0")]


def validated(plugins: Plugins, **more: str | None) -> dict[str, Any]:
    """The entries of a validation by name."""
    config = {**CONFIG, "name": "a", **more}
    infos = validate_connector_config(config, plugins=plugins, worker=WorkerSettings("w"))
    return {str(one["value"]["name"]): one for one in infos.to_json()["configs"]}  # type: ignore[index,union-attr,call-overload]


def with_version(version: str | None, **more: str) -> dict[str, str | None]:
    return {"connector.plugin.version": version, **more} if version else {**more}


TRANSFORMS = {"transforms": "u", "transforms.u.type": UNWRAP}


# --- what is valid -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "keys"), [(None, 2), ("1.0", 1), ("2.0", 2), ("[1.0,2.0)", 1), ("latest", 2)]
)
def test_the_version_decides_which_keys_there_are(wanted: str | None, keys: int) -> None:
    entries = validated(Plugins(BOTH), **with_version(wanted))
    assert [name for name in entries if name.startswith("since.")] == ["since.1", "since.2"][:keys]
    assert entries["connector.plugin.version"]["definition"]["default_value"] == "2.0"
    assert entries["connector.plugin.version"]["value"]["recommended_values"] == ["1.0", "2.0"]


@pytest.mark.parametrize(("wanted", "own"), [(None, "2.0"), ("1.0", "1.0")])
def test_a_transformation_beside_the_connector_comes_before_a_later_one(wanted: str | None, own: str) -> None:
    entries = validated(Plugins(BOTH), **with_version(wanted, **TRANSFORMS))
    assert entries["transforms.u.plugin.version"]["definition"]["default_value"] == own
    found = [name for name in entries if name.startswith("transforms.u.since.")]
    assert len(found) == int(own[0])
    # Two classes of one name, from two places.
    assert entries["transforms.u.type"]["value"]["recommended_values"] == [UNWRAP, UNWRAP]


def test_another_version_of_a_transformation_can_be_asked_for() -> None:
    wanted = with_version("1.0", **TRANSFORMS, **{"transforms.u.plugin.version": "2.0"})
    entries = validated(Plugins(BOTH), **wanted)
    assert "transforms.u.since.2" in entries
    assert entries["transforms.u.type"]["value"]["errors"] == []


def test_an_alias_beside_an_isolated_connector_means_the_latest() -> None:
    """Its class loader knows no aliases, so it asks the one that does, which is not told what was asked for."""
    wanted = with_version("1.0", transforms="u", **{"transforms.u.type": "Unwrap"})
    entries = validated(Plugins(BOTH), **wanted)
    assert "transforms.u.since.2" in entries
    assert entries["transforms.u.plugin.version"]["definition"]["default_value"] == "1.0"


def test_a_connector_on_the_class_path_gets_the_latest() -> None:
    mine = plugin_from_dict({"class": SOURCE, "type": "source", "version": "3.0"})
    entries = validated(Plugins([*BOTH, mine]), **TRANSFORMS)
    assert entries["transforms.u.plugin.version"]["definition"]["default_value"] == "2.0"
    assert "transforms.u.since.2" in entries


def test_a_version_that_is_not_there_is_an_error_of_both_keys() -> None:
    entries = validated(Plugins(BOTH), **with_version("9"))
    text = f"Plugin {SOURCE} not found that matches the version range [9,9], available versions: [1.0, 2.0]"
    assert entries["connector.class"]["value"]["errors"] == [text]
    assert entries["connector.plugin.version"]["value"]["errors"] == [text]
    assert not any(name.startswith("since.") for name in entries)


# --- what runs -----------------------------------------------------------------------------------------------------------------


def ask(cluster: RunningCluster, method: str, path: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        cluster.url + path, data, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def running(cluster: RunningCluster, **more: str) -> tuple[str, list[str]]:
    """Versions that the status tells after a config was put."""
    assert ask(cluster, "PUT", "/connectors/a/config", {**CONFIG, **more})[0] in (200, 201)
    cluster.advance("30s")
    status = ask(cluster, "GET", "/connectors/a/status")[1]
    return status["connector"]["version"], [task["version"] for task in status["tasks"]]


def test_the_version_decides_what_runs() -> None:
    with mockconnect.start(workers=1, plugins=BOTH) as cluster:
        assert running(cluster) == ("2.0", ["2.0", "2.0"])
        assert running(cluster, **{"connector.plugin.version": "1.0"}) == ("1.0", ["1.0"])
        assert running(cluster, **{"connector.plugin.version": "[1.0,3.0)"}) == ("2.0", ["2.0", "2.0"])
        listed = ask(cluster, "GET", "/connector-plugins")[1]
        assert [one["version"] for one in listed if one["class"] == SOURCE] == ["1.0", "2.0"]
        assert len(ask(cluster, "GET", f"/connector-plugins/{SOURCE}/config?version=1.0")[1]) < len(
            ask(cluster, "GET", f"/connector-plugins/{SOURCE}/config")[1]
        )


def test_a_worker_without_the_version_fails_what_it_is_dealt() -> None:
    workers: list[Any] = [{"name": "both", "plugins": BOTH}, {"name": "new", "plugins": archive("2.0")}]
    with mockconnect.start(workers=workers) as cluster:
        for name in ("a", "b"):
            config = {**CONFIG, "name": name, "connector.plugin.version": "1.0"}
            assert ask(cluster, "POST", "/connectors", {"name": name, "config": config})[0] == 201
            cluster.advance("30s")
        statuses = [ask(cluster, "GET", f"/connectors/{name}/status")[1] for name in ("a", "b")]
        (failed,) = [one for one in statuses if one["connector"]["state"] == "FAILED"]
        assert failed["connector"]["worker_id"] == cluster.worker("new").id
        first, *_, last = [
            line for line in failed["connector"]["trace"].splitlines() if not line.startswith("\t")
        ]
        assert first == (
            "org.apache.kafka.connect.errors.ConnectException: Failed to get class loader for connector"
            f" {SOURCE}, class {failed['name']}"
        )
        assert last == (
            f"Caused by: {ISOLATION}: Plugin {SOURCE} not found that matches the version range [1.0,1.0],"
            " available versions: [2.0]"
        )
        # There it is not even known what sort of connector that is.
        url = cluster.worker("new").url
        with urllib.request.urlopen(f"{url}/connectors/{failed['name']}") as response:
            assert json.load(response)["type"] == "unknown"


@pytest.mark.parametrize("kafka_version", ["2.8", "3.9", "4.0"])
def test_before_4_1_the_latest_wins(kafka_version: str) -> None:
    with mockconnect.start(workers=1, plugins=BOTH, kafka_version=kafka_version) as cluster:
        config = {**CONFIG, "connector.plugin.version": "1.0"}
        assert ask(cluster, "PUT", "/connectors/a/config", config)[0] == 201
        cluster.wait_for("a", tasks=2)
        listed = ask(cluster, "GET", "/connector-plugins")[1]
        assert [one["version"] for one in listed if one["class"] == SOURCE] == ["1.0", "2.0"]
        # A range that no version fits is nobody's business there.
        config = {**CONFIG, "connector.plugin.version": "9"}
        assert ask(cluster, "PUT", "/connectors/a/config", config)[0] == 200
