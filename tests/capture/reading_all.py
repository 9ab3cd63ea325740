"""Every read of a cluster, for comparing two of them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from mockconnect import RunningCluster

COMMON = (
    "/",
    "/connectors",
    "/connectors?expand=info&expand=status",
    "/connector-plugins",
    "/connector-plugins?connectorsOnly=false",
    "/admin/loggers",
)
OF_CONNECTOR = ("", "/config", "/status", "/tasks", "/offsets", "/topics", "/tasks/0/status")


def ask(url: str, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"{url}{path}") as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def reads(cluster: RunningCluster) -> dict[tuple[int, str], Any]:
    """By worker and path. Instants differ in each run, so loggers do not say when they were changed."""
    names = ask(cluster.url, "/connectors")
    classes = [row["class"] for row in ask(cluster.url, "/connector-plugins")]
    paths = [
        *COMMON,
        *(f"/connectors/{quote(name, safe='')}{part}" for name in names for part in OF_CONNECTOR),
    ]
    paths += [f"/connector-plugins/{name}/config" for name in classes]
    return {(number, path): ask(url, path) for number, url in enumerate(cluster.urls) for path in paths}
