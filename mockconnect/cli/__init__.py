"""The command line: ``mockconnect`` and its commands, a room for each.

Rules of this room: a command reads what it is given, says every mistake in a line of its own on standard error (exit status
2), and leaves the rest to the rooms below. What is heavy is imported by the command that needs it: a health check must
not cost what a cluster costs.
"""
