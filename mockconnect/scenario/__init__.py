"""Scenarios: what happens to a cluster when, and what has to come of it. A file, its player, its judges."""
