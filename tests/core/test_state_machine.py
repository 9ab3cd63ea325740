"""Anything may happen to a cluster, in any order: requests through any worker, faults, and time.

After every event all invariants of `mockconnect.core.invariants` hold. At the end everything is healed, every
worker restarted, every delay waited for; then all workers must give the same answers and everything that is
configured must run, or say why not.

The default run is short and always the same, and does not shrink what it finds. A long one with examples of its own:
`MOCKCONNECT_EXAMPLES=2000 pytest tests/core/test_state_machine.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from mockconnect.catalog import apache_plugins
from mockconnect.core.cluster import Cluster, ClusterOptions, SeedConnector
from mockconnect.core.connect import Rest
from mockconnect.core.declared import simulated_connector
from mockconnect.core.errors import ConnectError
from mockconnect.core.invariants import Watch, watch
from mockconnect.core.network import Break
from mockconnect.core.plugin_desc import PluginDesc
from mockconnect.core.settings import Timing, WorkerSettings
from mockconnect.core.sim import Reply
from mockconnect.core.versions import KafkaVersion

NAMES = ("a", "b", "c", "d d", "é")


def source(short_name: str, **behaviour: Any) -> PluginDesc:
    tasks = behaviour.pop("tasks", "tasks_max")
    behaviour.setdefault("writes_topics", ["topic-{#}"])
    behaviour.setdefault("source_offsets", {"partition": [{"name": "task", "template": "{#}"}]})
    return simulated_connector(
        f"com.example.{short_name}Connector", "source", "1.0", tasks=tasks, **behaviour
    )


def failure(where: str, **fields: Any) -> dict[str, Any]:
    return {"where": where, "message": "boom", **fields}


PLUGINS = (
    source("Plain"),
    simulated_connector("com.example.SinkConnector", "sink", "1.0"),
    source("Slow", start_ms=8_000, stop_ms=7_000, task_start_ms=8_000, task_stop_ms=7_000),
    source("NeverStarts", start_ms=-1),
    source("NeverStops", stop_ms=-1, task_stop_ms=-1),
    source("TasksNeverStart", task_start_ms=-1),
    source("FailsTwice", failures=[failure("start", times=2), failure("task_start", times=2)]),
    source("FailsLater", failures=[failure("running", after_ms=5_000, task=0)]),
    source("FailsToStop", failures=[failure("stop"), failure("task_stop")]),
    source("TooMany", tasks=5),
    source("Thinks", task_configs_ms=25_000),
    source("ThinksTooLong", task_configs_ms=70_000),
    source("ForgetsTasks", failures=[failure("task_configs", times=3)]),
    source("ValidatesSlowly", validate_ms=100_000, alter_offsets_ms=100_000),
    source(
        "NoTime",
        start_ms=0,
        stop_ms=0,
        task_start_ms=0,
        task_stop_ms=0,
        task_configs_ms=0,
        validate_ms=0,
        poll_ms=0,
    ),
)
CLASSES = tuple(plugin.class_name for plugin in PLUGINS)
PLAIN = PLUGINS[0].behaviour
assert PLAIN is not None
SHIPPED = apache_plugins()
SHIPPED_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"

TIMINGS: tuple[dict[str, int], ...] = (
    {},
    {"scheduled_rebalance_max_delay_ms": 0},
    {"scheduled_rebalance_max_delay_ms": 1_000},
    {
        "kafka_latency_ms": 0,
        "kafka_write_ms": 0,
        "worker_latency_ms": 0,
        "instantiate_ms": 0,
        "reader_lag_min_ms": 0,
    },
    {
        "kafka_latency_ms": 200,
        "kafka_write_ms": 300,
        "worker_latency_ms": 100,
        "group_initial_rebalance_delay_ms": 0,
    },
    {"reader_lag_min_ms": 0, "reader_lag_max_ms": 900, "instantiate_ms": 700, "start_stop_threads": 1},
    {"assignment_ms": 700, "herder_request_ms": 40},
    {"inter_worker_key_ttl_ms": 20_000, "offset_flush_interval_ms": 1_000},
)

RANDOM_TIMING = st.fixed_dictionaries(
    {
        "kafka_latency_ms": st.integers(0, 60),
        "kafka_write_ms": st.integers(0, 60),
        "worker_latency_ms": st.integers(0, 60),
        "instantiate_ms": st.integers(0, 60),
        "reader_lag_min_ms": st.integers(0, 30),
        "reader_lag_max_ms": st.integers(30, 90),
        "herder_request_ms": st.integers(0, 3),
        "assignment_ms": st.integers(0, 5),
    }
)
names = st.sampled_from(NAMES)
flags = st.booleans()
configs = st.fixed_dictionaries(
    {
        "connector.class": st.sampled_from(("com.example.PlainConnector", *CLASSES)),
        "tasks.max": st.sampled_from("1234"),
    },
    optional={"topics": st.just("in,out"), "x": st.sampled_from(("1", "2"))},
)
offsets = st.sampled_from(([({"task": "0"}, {"offset": 7})], [({"task": "0"}, None)], []))


def config_for(draw: Any, name: str) -> dict[str, str]:
    config = draw(configs)
    if config["connector.class"] == "com.example.SinkConnector":
        config.setdefault("topics", "in")
    else:
        config.pop("topics", None)
    return {**config, "name": name}


def nothing(draw: Any, name: str) -> dict[str, Any]:
    return {}


def named(draw: Any, name: str) -> dict[str, Any]:
    return {"name": name}


def create(draw: Any, name: str) -> dict[str, Any]:
    state = draw(st.sampled_from((None, None, "PAUSED", "STOPPED", "RUNNING")))
    return {"name": name, "config": config_for(draw, name), "initial_state": state}


def put(draw: Any, name: str) -> dict[str, Any]:
    return {"name": name, "config": config_for(draw, name)}


def patch(draw: Any, name: str) -> dict[str, Any]:
    changes = {"x": draw(st.sampled_from(("1", "2", None))), "tasks.max": draw(st.sampled_from("123"))}
    return {"name": name, "patch": changes}


def task(draw: Any, name: str) -> dict[str, Any]:
    return {"name": name, "task": draw(st.integers(0, 4))}


def restart(draw: Any, name: str) -> dict[str, Any]:
    return {"name": name, "include_tasks": draw(flags), "only_failed": draw(flags)}


def task_configs(draw: Any, name: str) -> dict[str, Any]:
    return {"name": name, "configs": [{"task.class": "T"}] * draw(st.integers(0, 3))}


def logger(draw: Any, name: str) -> dict[str, Any]:
    return {"name": "root", "level": {"level": "DEBUG"}, "scope": draw(st.sampled_from((None, "cluster")))}


REQUESTS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "create_connector": create,
    "put_connector_config": put,
    "patch_connector_config": patch,
    "delete_connector": named,
    "pause_connector": named,
    "resume_connector": named,
    "stop_connector": named,
    "restart_connector": restart,
    "restart_task": task,
    "alter_offsets": lambda draw, name: {"name": name, "offsets": draw(offsets)},
    "reset_offsets": named,
    "connector_offsets": named,
    "reset_topics": named,
    "connector_info": named,
    "connector_config": named,
    "connector_status": named,
    "connector_topics": named,
    "task_configs": named,
    "task_status": task,
    "list_connectors": lambda draw, _: {"expand": draw(st.sampled_from((None, ["status", "info"])))},
    "list_plugins": nothing,
    "health": nothing,
    "server_info": nothing,
    "list_loggers": nothing,
    "set_logger": logger,
    "validate": lambda draw, _: {
        "plugin": CLASSES[0],
        "config": {"connector.class": CLASSES[0], "name": "v"},
    },
    "put_task_configs": task_configs,
    "fence_zombies": named,
}
WRITES = (
    "create_connector",
    "put_connector_config",
    "patch_connector_config",
    "delete_connector",
    "pause_connector",
    "resume_connector",
    "stop_connector",
    "restart_connector",
    "restart_task",
    "alter_offsets",
)

FAULTS = (
    "crash",
    "stop",
    "start",
    "freeze",
    "thaw",
    "cut_kafka",
    "drop_kafka",
    "heal_kafka",
    "cut_workers",
    "heal_workers",
    "block_herder",
    "lag",
    "no_lag",
    "fail_connector",
    "fail_task",
    "plugins",
    "settings",
    "kafka_down",
    "kafka_back",
    "compact",
)

EVENTS = {"events": 0, "settled checks": 0, "runs": 0, "requests": 0}
"""What all machines of this process have done together."""


class ClusterMachine(RuleBasedStateMachine):
    """One cluster with everything that can happen to it."""

    cluster: Cluster
    watch: Watch

    @initialize(data=st.data())
    def build(self, data: st.DataObject) -> None:
        draw = data.draw
        count = draw(st.integers(1, 4), "workers")
        eos = draw(st.sampled_from(("disabled", "disabled", "disabled", "enabled")), "exactly once")
        workers = tuple(
            WorkerSettings(f"connect-{n}", port=8083 + n, exactly_once_source_support=eos, **self._kind(draw))
            for n in range(count)
        )
        timing = Timing(**draw(st.one_of(st.sampled_from(TIMINGS), RANDOM_TIMING), "timing"))
        seeds = draw(st.dictionaries(names, configs, max_size=4), "connectors")
        options = ClusterOptions(
            workers,
            (*PLUGINS, *SHIPPED),
            draw(st.integers(0, 9), "seed"),
            timing,
            connectors=tuple(
                SeedConnector(name, {"topics": "in", **config}) for name, config in seeds.items()
            ),
            events_max=300_000,
        )
        self.cluster = Cluster(options)
        self.watch = watch(self.cluster)
        self.faults = sorted(draw(st.sets(st.sampled_from(FAULTS), min_size=1), "faults of this run"))
        self.replies: list[Reply[Any]] = []
        self.names = list(self.cluster.workers)
        self.cluster.start()
        if draw(flags, "settled at first"):
            thinks = any("Thinks" in config["connector.class"] for config in seeds.values())
            assert self.cluster.settle() or thinks, "a cluster that nobody disturbs settles"

    @staticmethod
    def _kind(draw: Any) -> dict[str, Any]:
        """Protocol and version of a worker: mostly the newest, sometimes not."""
        version = draw(st.sampled_from(("4.3.1", "4.3.1", "4.3.1", "3.9.0", "3.4.0")), "version")
        protocol = draw(
            st.sampled_from(("sessioned", "sessioned", "sessioned", "compatible", "eager")), "protocol"
        )
        return {"version": KafkaVersion.parse(version), "connect_protocol": protocol}

    # --- requests -------------------------------------------------------------------------------------------------------

    def _ask(self, data: st.DataObject, operations: tuple[str, ...]) -> Reply[Any]:
        operation = data.draw(st.sampled_from(operations), "operation")
        worker = data.draw(st.sampled_from(self.names), "through")
        known = tuple(self.watch.configured())
        known = known if known and operation != "create_connector" and data.draw(st.integers(0, 9)) else NAMES
        args = REQUESTS[operation](data.draw, data.draw(st.sampled_from(known), "name"))
        reply = self.cluster.submit(worker, operation, args)
        self.replies.append(reply)
        EVENTS["requests"] += 1
        return reply

    @rule(data=st.data())
    def request(self, data: st.DataObject) -> None:
        self._ask(data, tuple(REQUESTS))

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        self._ask(data, WRITES)

    @rule(data=st.data(), max_ms=st.sampled_from((1_000, 200_000)))
    def write_and_wait(self, data: st.DataObject, max_ms: int) -> None:
        self.cluster.sim.run_until(self._ask(data, WRITES), max_ms)

    # --- time -------------------------------------------------------------------------------------------------------------

    @rule(ms=st.sampled_from((1, 5, 20, 30, 100, 700, 3_000, 12_000, 61_000, 400_000)))
    def advance(self, ms: int) -> None:
        self.cluster.sim.advance(ms)

    @rule()
    def settle(self) -> None:
        self.cluster.settle(30_000)

    # --- faults -----------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def happen(self, data: st.DataObject) -> None:
        fault = data.draw(st.sampled_from(self.faults), "fault")
        worker = data.draw(st.sampled_from(self.names), "worker")
        getattr(self, f"_{fault}")(worker, data.draw)

    def _crash(self, worker: str, draw: Any) -> None:
        self.cluster.workers[worker].crash()

    def _stop(self, worker: str, draw: Any) -> None:
        self.cluster.workers[worker].stop()

    def _start(self, worker: str, draw: Any) -> None:
        self.cluster.workers[worker].start()

    def _freeze(self, worker: str, draw: Any) -> None:
        self.cluster.workers[worker].freeze()

    def _thaw(self, worker: str, draw: Any) -> None:
        self.cluster.workers[worker].thaw()

    def _cut_kafka(self, worker: str, draw: Any) -> None:
        self.cluster.partition_from_kafka(worker)

    def _drop_kafka(self, worker: str, draw: Any) -> None:
        self.cluster.partition_from_kafka(worker, Break.DROPPED)

    def _heal_kafka(self, worker: str, draw: Any) -> None:
        self.cluster.heal_kafka(worker)

    def _kafka_down(self, worker: str, draw: Any) -> None:
        for name in self.names:
            self.cluster.partition_from_kafka(name)

    def _kafka_back(self, worker: str, draw: Any) -> None:
        for name in self.names:
            self.cluster.heal_kafka(name)

    def _cut_workers(self, worker: str, draw: Any) -> None:
        how = draw(st.sampled_from(list(Break)))
        self.cluster.partition_workers(worker, draw(st.sampled_from(self.names)), how, both=draw(flags))

    def _heal_workers(self, worker: str, draw: Any) -> None:
        for name in self.names:
            self.cluster.heal_workers(worker, name)

    def _block_herder(self, worker: str, draw: Any) -> None:
        self.cluster.block_herder(worker, draw(st.sampled_from((100, 4_000, 15_000, 70_000))))

    def _lag(self, worker: str, draw: Any) -> None:
        lags = st.sampled_from((0, 50, 900, 5_000, 40_000))
        self.cluster.set_lag(worker, config_ms=draw(lags), status_ms=draw(lags))

    def _no_lag(self, worker: str, draw: Any) -> None:
        self.cluster.set_lag(worker, config_ms=5, status_ms=5)

    def _fail_connector(self, worker: str, draw: Any) -> None:
        self.cluster.fail_connector(draw(names), "java.lang.RuntimeException: no more\n")

    def _fail_task(self, worker: str, draw: Any) -> None:
        self.cluster.fail_task(draw(names), draw(st.integers(0, 3)), "java.lang.RuntimeException: no more\n")

    def _plugins(self, worker: str, draw: Any) -> None:
        own = PLUGINS[: draw(st.sampled_from((0, 1, 2, len(PLUGINS))))]
        self.cluster.set_plugins(worker, (*own, *SHIPPED))

    def _settings(self, worker: str, draw: Any) -> None:
        self.cluster.set_settings(worker, **self._kind(draw))

    def _compact(self, worker: str, draw: Any) -> None:
        self.cluster.broker.status_topic.compact()

    # --- the end ------------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "watch"):
            EVENTS["runs"] += 1
            self._heal_everything()
            self._converged()
            for name in self.names:
                self._works(name)
            EVENTS["events"] += self.watch.checked
            EVENTS["settled checks"] += self.watch.settled_checks

    def _heal_everything(self) -> None:
        cluster = self.cluster
        for name in self.names:
            cluster.heal_kafka(name)
            self._heal_workers(name, None)
            self._no_lag(name, None)
            cluster.workers[name].thaw()
        self._heal_plugins()
        cluster.sim.advance(400_000)
        for name in self.names:
            cluster.workers[name].stop()
        cluster.sim.advance(120_000)
        assert not any(worker.running for worker in cluster.workers.values()), "a worker does not stop"
        self._heal_plugins()
        self.watch.forget_strays()
        protocol = cluster.workers[self.names[0]].settings.connect_protocol
        for name in self.names:
            cluster.set_settings(name, connect_protocol=protocol)
        cluster.start()
        cluster.sim.advance(900_000)
        assert cluster.settle(300_000), f"it does not settle:\n{self._last_rows()}"

    def _heal_plugins(self) -> None:
        """Who thinks for longer than the group waits is thrown out again and again: that never ends by itself."""
        for name, configured in self.watch.configured().items():
            if "Thinks" in (configured.config.get("connector.class") or ""):
                self.cluster.script.overrides[name] = PLAIN

    def _last_rows(self) -> str:
        return "\n".join(map(str, self.cluster.sim.trace.tail(30)))

    def _converged(self) -> None:
        for reply in self.replies:
            if reply.done and reply.error is not None:
                assert isinstance(reply.error, ConnectError), f"not an answer: {reply.error!r}"
        self.watch.check_all()
        for problem in self.watch.unsettled():
            raise self.watch.violated("convergence", problem)
        first: dict[bool, tuple[str, dict[str, Any]]] = {}
        for name in self.names:
            answers = self._reads(name)
            # Below 3.6 a worker shows the UNASSIGNED of a task that never came up again where others still show RUNNING.
            filters = self.cluster.workers[name].settings.version.has("stale_unassigned_filter")
            other, expected = first.setdefault(filters, (name, answers))
            different = [
                key for key in expected.keys() | answers.keys() if expected.get(key) != answers.get(key)
            ]
            assert not different, (
                f"{name} and {other}: {[(answers.get(key), expected.get(key)) for key in different]}"
            )

    def _works(self, worker: str) -> None:
        """A connector that is created through this worker runs, and is gone when it is deleted through it."""
        config = {"connector.class": SHIPPED_SOURCE, "topic": "t", "file": "/f", "tasks.max": "1"}
        self._must(worker, "create_connector", {"name": "probe", "config": config})
        for name in self.names:
            status = self._must(name, "connector_status", {"name": "probe"})
            states = [status["connector"]["state"], *(task["state"] for task in status["tasks"])]
            assert states == ["RUNNING", "RUNNING"], (
                f"created through {worker}, on {name}: {status}\n{self._last_rows()}"
            )
        self._must(worker, "delete_connector", {"name": "probe"})
        for name in self.names:
            assert (
                self._read(name, "connector_status", {"name": "probe"})
                == "No status found for connector probe"
            )

    def _must(self, worker: str, operation: str, args: dict[str, Any]) -> Any:
        reply = self.cluster.submit(worker, operation, args)
        self.cluster.sim.run_until(reply, 100_000)
        assert reply.done, f"{operation} through {worker} is not answered\n{self._last_rows()}"
        assert reply.error is None, f"{operation} through {worker}: {reply.error}\n{self._last_rows()}"
        assert self.cluster.settle(300_000), f"after {operation} it does not settle:\n{self._last_rows()}"
        return reply.value

    def _reads(self, worker: str) -> dict[str, Any]:
        """What a worker answers to the plain reads; where a plugin is missing here, types may differ."""
        assert self.cluster.workers[worker].rest is Rest.SERVING
        listed = self._read(worker, "list_connectors", {})
        assert isinstance(listed, list)
        answers: dict[str, Any] = {"names": sorted(listed)}
        for name in sorted(listed):
            for operation in ("connector_info", "connector_config", "task_configs", "connector_status"):
                answer = self._read(worker, operation, {"name": name})
                answers[f"{operation} {name}"] = _comparable(answer)
        return answers

    def _read(self, worker: str, operation: str, args: dict[str, Any]) -> Any:
        reply = self.cluster.submit(worker, operation, args)
        self.cluster.sim.run_until(reply, 100_000)
        assert reply.done, f"{operation} {args} is not answered"
        if isinstance(reply.error, ConnectError):
            assert reply.error.status_code == 404, (
                f"{worker}: {operation} {args}: {reply.error}\n{self._last_rows()}"
            )
            return reply.error.message
        return reply.result()


def _comparable(answer: Any) -> Any:
    """Without what depends on the answering worker's version and plugins."""
    if isinstance(answer, dict):
        return {key: _comparable(value) for key, value in answer.items() if key not in ("type", "version")}
    if isinstance(answer, list):
        return [_comparable(value) for value in answer]
    return answer


EXAMPLES = os.environ.get("MOCKCONNECT_EXAMPLES")
PROFILE = settings(
    max_examples=int(EXAMPLES or 150),
    stateful_step_count=int(os.environ.get("MOCKCONNECT_STEPS", "40")),
    derandomize=EXAMPLES is None,
    phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_every_invariant_holds_and_the_cluster_recovers() -> None:
    run_state_machine_as_test(ClusterMachine, settings=PROFILE)
