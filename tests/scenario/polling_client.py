"""A small client under test: it wants its sink to run on a cluster that is being upgraded.

``python polling_client.py naive`` or ``robust``. Both know nothing but ``CONNECT_URL`` and ``CONNECT_WORKER_URLS``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

URL = os.environ["CONNECT_URL"]
WORKERS = os.environ["CONNECT_WORKER_URLS"].split(",")
CLASS = "com.acme.NewSinkConnector"
CONFIG = {"connector.class": CLASS, "tasks.max": "1", "topics": "news"}
OPENER = build_opener(ProxyHandler({}))


def ask(method: str, url: str, body: Any = None) -> tuple[int, Any]:
    """Status code (0: no answer) and what came with it."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with OPENER.open(request, timeout=300) as response:
            text = response.read()
            return response.status, json.loads(text) if text else None
    except HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, HTTPException, ValueError):
        return 0, None


def naive() -> int:
    """Creates until it works, as fast as it can; what does not run is deleted and created again."""
    for _ in range(400):
        status_code, _ = ask("POST", f"{URL}/connectors", {"name": "sink", "config": CONFIG})
        if status_code in (201, 409):
            break
    for _ in range(40):
        status_code, status = ask("GET", f"{URL}/connectors/sink/status")
        if status_code != 200 or status["connector"]["state"] != "RUNNING":
            ask("DELETE", f"{URL}/connectors/sink")
            ask("POST", f"{URL}/connectors", {"name": "sink", "config": CONFIG})
        time.sleep(0.02)
    return 0


def robust() -> int:
    """Waits until every worker has the class, then says what it wants until that is so, with growing pauses."""
    deadline = time.monotonic() + 300
    while not all(has_class(url) for url in WORKERS):
        if time.monotonic() > deadline:
            return 3
        time.sleep(0.1)
    pause_s = 0.1
    while time.monotonic() < deadline:
        status_code, _ = ask("PUT", f"{URL}/connectors/sink/config", CONFIG)
        if status_code in (200, 201):
            return 0 if runs(deadline) else 4
        answered = time.monotonic()
        time.sleep(pause_s)
        pause_s = 2 * (time.monotonic() - answered)  # a busy machine sleeps longer than it was told
    return 5


def has_class(url: str) -> bool:
    status_code, plugins = ask("GET", f"{url}/connector-plugins")
    return status_code == 200 and any(plugin["class"] == CLASS for plugin in plugins)


def runs(deadline: float) -> bool:
    while time.monotonic() < deadline:
        status_code, status = ask("GET", f"{URL}/connectors/sink/status")
        if status_code == 200 and status["connector"]["state"] == "RUNNING":
            return True
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit({"naive": naive, "robust": robust}[sys.argv[1]]())
