"""What a strict test does not forgive, whatever its own assertions say: faults that nothing ever met, and bugs of ours.

Rules of this room: it only looks. A fault that waits for a request, or for code that runs, and gets none is a mistake in
the test: it looks as if a hazard was survived that was never there.
"""

from __future__ import annotations

from collections.abc import Sequence

from mockconnect.core.cluster import Cluster
from mockconnect.requested import last_lines


def unmet(core: Cluster) -> str:
    """The faults that waited for nothing since the cluster began; an empty text if there are none."""
    found = [row for row in (*core.faults.past, *core.faults.active) if row.unmet]
    if not found:
        return ""
    what = "a fault that nothing met" if len(found) == 1 else f"{len(found)} faults that nothing met"
    lines = [f"{what}: no request of that kind came, or no such code ran"]
    lines += [f"  {row.id}, since {row.since_ms / 1000:.3f}s: {row.text}" for row in found]
    return "\n".join([*lines, *last_lines(core)])


def unforgiven(core: Cluster, bugs: Sequence[str]) -> str:
    """All that a strict test fails for; an empty text if it passes."""
    told = [f"a bug in mockconnect itself, please report it:\n{bug}" for bug in bugs]
    return "\n\n".join(filter(None, [*told, unmet(core)]))
