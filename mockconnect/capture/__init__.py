"""Reading a real Kafka Connect cluster into a cluster file.

Rules of this room: only GET requests, never more than a few at once. What cannot be read is told, all of it, and then there
is no file at all. Secrets are masked before anything is kept, and no documentation of config keys is.
"""
