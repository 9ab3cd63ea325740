"""The oracle: a real Kafka broker and real Kafka Connect workers, started for one run and ended with it.

Rules of this room: nothing here knows what the answers should be. It fetches jars at pinned versions into a
cache outside the repository, starts processes, and offers the verbs that happen to a process: start, stop
(SIGTERM), crash (SIGKILL), freeze and thaw (SIGSTOP, SIGCONT). Everything listens on 127.0.0.1 at free ports and
keeps its state in a temporary folder.
"""
