"""A large cluster in one process: ``python -m tests.bench.large`` prints ``what|measured|should be`` rows."""

from __future__ import annotations

import resource
import time

import mockconnect
from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.settings import WorkerSettings
from tests.bench.load import throughput

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
CONFIG = {"connector.class": SINK, "topics": "t", "file": "/dev/null"}


def small_cluster() -> Cluster:
    """Three workers, one connector with two tasks, settled."""
    workers = tuple(WorkerSettings(f"connect-{n}", port=8083 + n) for n in range(3))
    seeds = (SeedConnector("c0", {**CONFIG, "tasks.max": "2"}),)
    cluster = Cluster(ClusterOptions(workers, apache_plugins(), connectors=seeds))
    cluster.start()
    cluster.settle()
    cluster.sim.advance(60_000)
    return cluster


def main() -> None:
    config = {**CONFIG, "tasks.max": "4"}
    connectors = [{"name": f"c{number}", "config": config} for number in range(10_000)]
    started = time.perf_counter()
    with mockconnect.start(workers=10, connectors=connectors) as cluster:
        print(f"10,000 x 4 on 10 workers, settled|{time.perf_counter() - started:.1f} s|<= 5 s")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"their memory|{memory:.0f} MB|<= 400 MB")
        url = f"{cluster.workers[3].url.rstrip('/')}/connectors?expand=status&expand=info"
        per_second = throughput(url, connections=1, seconds=2)
        print(f"expand=status&expand=info of all|{1 / per_second:.2f} s|<= 0.5 s")
        started = time.perf_counter()
        cluster.workers[4].crash()
        cluster.advance("5m30s")
        cluster.settle()
        print(f"reassignment after a crash|{time.perf_counter() - started:.1f} s|<= 5 s")


if __name__ == "__main__":
    main()
