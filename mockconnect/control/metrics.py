"""The cluster in numbers, for those who watch it over time: as JSON, or as the text that Prometheus reads.

Rules of this room:

* These are numbers of the simulation, not the JMX metrics of a real worker: nothing here imitates one.
* Looking changes nothing. Counters only grow until the cluster is made anew; a name ends in ``_total`` if it is one.
* States are those of the newest records of the status topic, whichever worker has read them already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mockconnect.control.stage import Stage
from mockconnect.control.views import Metric, Sample
from mockconnect.core import status_store
from mockconnect.core.cluster import Cluster
from mockconnect.core.connect import Rest
from mockconnect.core.terms import State, Status

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str]


def metrics(stage: Stage, version: str) -> list[Metric]:
    """Everything that is counted, in the order in which it is shown."""
    core = stage.core
    info = {"version": version, "mode": stage.options.mode, "seed": str(core.sim.seed)}
    workers = core.workers.values()
    return [
        _gauge("info", "What this is; always 1.", [(info, 1)]),
        _gauge(
            "virtual_time_seconds", "Virtual time since the cluster's beginning.", [({}, core.now_ms / 1000)]
        ),
        _counter("events_total", "Rows of the trace.", [({}, core.sim.trace.count)]),
        _counter("resets_total", "How often the cluster was made anew.", [({}, stage.resets)]),
        _counter("requests_total", "Requests of clients that have ended.", _requests(core)),
        _counter(
            "rebalances_total",
            "Rounds of the group that were completed.",
            [({}, core.coordinator.rebalances)],
        ),
        _gauge("generation", "Generation of the group.", [({}, core.generation)]),
        _gauge("group_members", "Members of the group.", [({}, len(core.coordinator.member_ids()))]),
        _gauge(
            "worker_up",
            "Whether its process runs.",
            [({"worker": one.name}, int(one.running)) for one in workers],
        ),
        _gauge(
            "worker_serving",
            "Whether its port serves Connect's resources.",
            [({"worker": one.name}, int(one.rest is Rest.SERVING and not one.frozen)) for one in workers],
        ),
        _gauge("worker_leader", "Whether the group calls it the leader.", _leaders(core)),
        _gauge(
            "connectors",
            "Connectors by the state in the status topic.",
            _states(core, status_store.CONNECTOR),
        ),
        _gauge("tasks", "Tasks by the state in the status topic.", _states(core, status_store.TASK)),
        _gauge("faults_active", "Faults that are active, by verb.", _faults(core)),
    ]


def _gauge(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Metric:
    return _metric(name, "gauge", text, samples)


def _counter(name: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Metric:
    return _metric(name, "counter", text, samples)


def _metric(name: str, kind: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Metric:
    rows = [Sample(labels=dict(labels), value=value) for labels, value in samples]
    return Metric(name=f"mockconnect_{name}", type=kind, help=text, samples=rows)


def _requests(core: Cluster) -> list[tuple[Labels, float]]:
    return [
        ({"worker": worker, "operation": operation, "status": str(status_code or "none")}, count)
        for (worker, operation, status_code), count in sorted(core.requests.ended().items())
    ]


def _leaders(core: Cluster) -> list[tuple[Labels, float]]:
    return [({"worker": name}, int(name == core.leader)) for name in core.workers]


def _faults(core: Cluster) -> list[tuple[Labels, float]]:
    verbs = Counter(row.verb for row in core.faults.active)
    return [({"verb": verb}, count) for verb, count in sorted(verbs.items())]


def _states(core: Cluster, kind: str) -> list[tuple[Labels, float]]:
    found: Counter[State] = Counter()
    for worker in core.workers.values():
        if core.options.mode == "standalone" and worker.node is not None:
            found.update(_in_memory(worker.node.statuses, kind))
    newest = {record.key: record.value for record in core.broker.status_topic.compacted()}
    found.update(value.state for key, value in newest.items() if key[0] == kind and isinstance(value, Status))
    return [({"state": state.value}, found[state]) for state in State]


def _in_memory(statuses: status_store.StatusStore, kind: str) -> Iterable[State]:
    """A standalone worker has no topic."""
    entries = [entry for name in statuses.connectors() if (entry := statuses.entry(name)) is not None]
    if kind == status_store.CONNECTOR:
        return [entry.connector.state for entry in entries if entry.connector is not None]
    return [task.state for entry in entries for task in entry.tasks.values()]


# --- as text --------------------------------------------------------------------------------------------------------------


def exposition(found: Sequence[Metric]) -> str:
    """Prometheus' text format, version 0.0.4."""
    return "".join(f"{line}\n" for metric in found for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {_escaped(metric.help)}"
    yield f"# TYPE {metric.name} {metric.type}"
    for sample in metric.samples:
        labels = ",".join(f'{name}="{_quoted(value)}"' for name, value in sample.labels.items())
        yield (
            f"{metric.name}{{{labels}}} {sample.value:.15g}"
            if labels
            else f"{metric.name} {sample.value:.15g}"
        )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(value: str) -> str:
    return _escaped(value).replace('"', '\\"')
