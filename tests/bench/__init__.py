"""Measurements: ``python -m tests.bench``. Nothing here is a test; a table of figures and ratios is printed."""
