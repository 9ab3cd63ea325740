"""What holds for all tests."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

OF_WHO_RUNS_THE_SUITE: Final = frozenset({
    # pytest says more in CI; the suites that are run by tests would, too.
    "ci", "build_number",
    # Colours and widths of a terminal.
    "force_color", "no_color", "py_colors", "columns", "lines",
    # Clients ask proxies, which know no server of a test.
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
})  # fmt: skip

for name in [name for name in os.environ if name.lower() in OF_WHO_RUNS_THE_SUITE]:
    del os.environ[name]

settings.register_profile(
    "mockconnect",
    # The same examples in every run: a run tells of the change that was made, and of nothing else.
    derandomize=True,
    database=None,
    # How long an example takes is the machine's business.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mockconnect")
