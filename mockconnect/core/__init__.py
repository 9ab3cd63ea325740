"""The simulator: no input or output, no wall clock, no threads. See ``cluster`` for the façade."""
