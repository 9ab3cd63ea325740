"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

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
