"""docs/clients.md tells what was run at the versions that are pinned; running it takes the network."""

from __future__ import annotations

import pytest

from .__main__ import PAGE
from .suites import CLIENTS, Client


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_client_has_a_row(client: Client) -> None:
    row = f"| `{client.name}` | {client.version} | {client.language} | {client.tests} |"
    assert row in PAGE.read_text(encoding="utf-8")
