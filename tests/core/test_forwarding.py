"""Hops between workers, their errors, and the 90 seconds."""

from __future__ import annotations

import pytest
from scene import Scene

from mockconnect.core.declared import simulated_connector
from mockconnect.core.forwarding import Call
from mockconnect.core.network import Break
from mockconnect.core.versions import KafkaVersion

PLAIN = simulated_connector("com.example.Plain", "source")
CONFLICT = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
NO_LEADER = (
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
)


@pytest.fixture
def scene() -> Scene:
    scene = Scene({"a": PLAIN, "b": PLAIN})
    assert scene.cluster.leader == "connect-0"
    assert (scene.cluster.owner("a"), scene.cluster.owner("b")) == ("connect-0", "connect-1")
    return scene


def with_forward(scene: Scene, worker: int, operation: str, forward: bool | None, **args: object) -> object:
    reply = scene.cluster.submit(f"connect-{worker}", operation, args, forward=forward)
    assert scene.sim.run_until(reply, 400_000)
    return reply.error or reply.value


def test_two_hops_are_allowed_and_a_third_is_not(scene: Scene) -> None:
    # connect-2 does not own b and does not lead: it asks the leader, which knows the owner.
    assert scene.ask(2, "restart_connector", name="b") is None
    assert with_forward(scene, 2, "restart_connector", True, name="a") is None
    refused = with_forward(scene, 2, "restart_connector", True, name="b")
    assert str(refused) == f"409 {CONFLICT}"
    assert str(with_forward(scene, 2, "delete_connector", False, name="a")) == f"409 {CONFLICT}"


@pytest.mark.parametrize(
    ("how", "text"),
    [
        (Break.REFUSED, "java.net.ConnectException: Connection refused"),
        (Break.UNKNOWN_HOST, "java.net.UnknownHostException: 127.0.0.1"),
        (Break.DROPPED, "java.net.SocketTimeoutException: Connect Timeout"),
        (Break.SILENT, "Idle timeout expired: 30001/30000 ms"),
        (Break.RESET, "java.net.SocketException: Connection reset by peer"),
        (
            Break.TLS,
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath"
            ".SunCertPathBuilderException: unable to find valid certification path to requested target",
        ),
        (
            Break.TLS_REFUSED,
            "javax.net.ssl.SSLHandshakeException: Received fatal alert: bad_certificate",
        ),
        (
            Break.EMPTY,
            "No content to map due to end-of-input\n at [Source: REDACTED"
            " (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1]",
        ),
    ],
)
def test_what_breaks_between_two_workers_is_told(scene: Scene, how: Break, text: str) -> None:
    scene.cluster.partition_workers("connect-2", "connect-0", how)
    began_ms = scene.cluster.now_ms
    assert scene.error(2, "delete_connector", name="a") == (
        500,
        f"IO Error trying to forward REST request: {text}",
    )
    waits_ms = {Break.DROPPED: 15_000, Break.SILENT: 30_000}.get(how, 0)
    assert scene.cluster.now_ms - began_ms == pytest.approx(waits_ms, abs=50)
    assert scene.ask(1, "delete_connector", name="a") is None


@pytest.mark.parametrize(
    ("version", "gives_up"), [("3.9.1", False), ("4.0.2", True)], ids=["Jetty 9.4", "Jetty 12"]
)
def test_a_leader_that_does_not_answer_is_waited_for(version: str, gives_up: bool) -> None:
    scene = Scene({"a": PLAIN}, settings={"version": KafkaVersion.parse(version)})
    scene.cluster.workers["connect-0"].freeze()
    reply = scene.cluster.submit("connect-1", "delete_connector", {"name": "a"})
    assert scene.sim.run_until(reply, 31_000) == gives_up
    if gives_up:
        text = "IO Error trying to forward REST request: Idle timeout expired: 30001/30000 ms"
        assert str(reply.error) == f"500 {text}"


def test_what_a_proxy_answers_in_the_leaders_place_is_read_as_json(scene: Scene) -> None:
    texts = {}
    for how in (
        Break.GARBAGE,
        Break.UPSTREAM,
        Break.REDIRECT,
        Break.UNAUTHORIZED,
        Break.NOT_HTTP,
        Break.CLOSED,
    ):
        scene.cluster.partition_workers("connect-2", "connect-0", how)
        _, text = scene.error(2, "delete_connector", name="a")
        texts[how] = (text or "").removeprefix("IO Error trying to forward REST request: ")
    assert texts[Break.GARBAGE].startswith(
        "Unexpected character ('<' (code 60)): expected a valid value (JSON"
    )
    assert texts[Break.UPSTREAM].startswith("Unrecognized token 'upstream': was expecting (JSON String,")
    assert texts[Break.REDIRECT] == "Unexpected status code when handling forwarded request: 302"
    assert texts[Break.UNAUTHORIZED].endswith("Authentication challenge without WWW-Authenticate header")
    assert texts[Break.NOT_HTTP].startswith("org.eclipse.jetty.client.HttpResponseException: HTTP protocol")
    assert texts[Break.CLOSED].startswith("java.io.EOFException: HttpConnectionOverHTTP@")
    scene.cluster.partition_workers("connect-2", "connect-0", Break.NO_CONTENT)
    assert scene.ask(2, "delete_connector", name="a") is None
    assert scene.ask(1, "connector_info", name="a")["name"] == "a"


def test_the_leader_asks_for_credentials_of_its_own(scene: Scene) -> None:
    scene.cluster.workers["connect-0"].admits = lambda authorization: authorization == "Basic right"
    refused = (
        "500 IO Error trying to forward REST request: org.eclipse.jetty.client.HttpResponseException: HTTP protocol"
        " violation: Authentication challenge without WWW-Authenticate header"
    )
    for authorization in (None, "Basic wrong"):
        call = Call("delete_connector", {"name": "a"}, authorization=authorization)
        reply = scene.cluster.workers["connect-1"].submit(call)
        assert scene.sim.run_until(reply, 1_000)
        assert str(reply.error) == refused
    reply = scene.cluster.workers["connect-1"].submit(
        Call("delete_connector", {"name": "a"}, authorization="Basic right")
    )
    assert scene.sim.run_until(reply, 1_000)
    assert reply.error is None


def test_offsets_are_read_as_soon_as_kafka_can_be_reached(scene: Scene) -> None:
    scene.cluster.partition_from_kafka("connect-2", Break.DROPPED)
    reply = scene.cluster.submit("connect-2", "connector_offsets", {"name": "a"})
    assert not scene.sim.run_until(reply, 60_000)
    scene.cluster.heal_kafka("connect-2")
    assert scene.sim.run_until(reply, 1_000)
    assert reply.error is None


def test_offsets_are_waited_for_90_seconds(scene: Scene) -> None:
    scene.cluster.partition_from_kafka("connect-2", Break.DROPPED)
    began_ms = scene.cluster.now_ms
    status_code, text = scene.error(2, "connector_offsets", name="a")
    assert (status_code, scene.cluster.now_ms - began_ms) == (500, 90_000)
    assert (text or "").startswith("Request timed out. The ")


def test_generated_tasks_do_not_reach_the_leader_through_a_broken_link(scene: Scene) -> None:
    scene.cluster.partition_workers("connect-2", "connect-0")
    scene.ask(0, "create_connector", name="c", config={"connector.class": "com.example.Plain"})
    scene.advance(30_000)
    assert scene.cluster.owner("c") == "connect-2"
    assert scene.states("c") == "RUNNING"
    scene.cluster.heal_workers("connect-2", "connect-0")
    scene.advance(60_000)
    assert scene.states("c") == "RUNNING RUNNING"


@pytest.mark.parametrize(
    ("version", "name", "states"),
    [
        ("4.3.1", "b%", "RUNNING"),
        ("3.9.1", "b%", "RUNNING RUNNING"),
        ("4.3.1", "b/", "RUNNING"),
        ("4.3.1", "b c", "RUNNING RUNNING"),
    ],
)
def test_a_name_that_is_no_path_keeps_generated_tasks_from_the_leader(
    version: str, name: str, states: str
) -> None:
    scene = Scene({"a": PLAIN}, settings={"version": KafkaVersion.parse(version)})
    scene.ask(0, "create_connector", name=name, config={"connector.class": "com.example.Plain"})
    scene.advance(30_000)
    assert scene.cluster.owner(name) != "connect-0"
    assert scene.states(name) == states


def test_a_wrong_advertised_url_breaks_every_forward_to_that_worker(scene: Scene) -> None:
    leader = scene.cluster.workers["connect-0"]
    scene.cluster.set_settings("connect-0", advertised_url="http://old-host:8083/")
    leader.crash()
    leader.start()
    for name in ("connect-1", "connect-2"):
        scene.cluster.workers[name].crash()
    scene.cluster.settle()
    scene.cluster.start()
    assert scene.cluster.settle()
    assert scene.cluster.leader == "connect-0"
    text = "IO Error trying to forward REST request: java.net.UnknownHostException: old-host"
    assert scene.error(1, "delete_connector", name="a") == (500, text)


def test_a_frozen_target_makes_the_sender_wait_without_limit(scene: Scene) -> None:
    scene.cluster.workers["connect-0"].freeze()
    reply = scene.cluster.submit("connect-2", "stop_connector", {"name": "a"})
    scene.advance(9_000)
    assert not reply.done
    scene.cluster.workers["connect-0"].thaw()
    assert scene.sim.run_until(reply, 5_000)
    assert reply.error is None


def test_a_target_that_dies_with_the_request_resets_the_connection(scene: Scene) -> None:
    scene.cluster.block_herder("connect-0", 5_000)
    reply = scene.cluster.submit("connect-2", "delete_connector", {"name": "a"})
    scene.advance(1_000)
    scene.cluster.workers["connect-0"].crash()
    assert scene.sim.run_until(reply, 1_000)
    assert str(reply.error).startswith("500 IO Error trying to forward REST request: ")


def test_a_request_that_times_out_names_the_stage_and_happens_later() -> None:
    scene = Scene({"a": PLAIN, "b": PLAIN}, rebalance_timeout_ms=200_000)
    scene.cluster.block_herder("connect-0", 100_000, "generating task configs for connector x")
    code, message = scene.error(
        0, "create_connector", name="c", config={"connector.class": "com.example.Plain"}
    )
    assert code == 500
    assert message is not None
    assert message.startswith(
        "Request timed out. The worker is currently generating task configs for connector x, which began at 2026-01-01T"
    )
    assert message.endswith("Z.")
    scene.advance(60_000)
    assert scene.cluster.settle()
    assert scene.states("c") == "RUNNING RUNNING"


def test_health_tells_starting_and_unhealthy_apart(scene: Scene) -> None:
    assert scene.ask(1, "health")["status"] == "healthy"
    scene.cluster.block_herder("connect-1", 20_000, "generating task configs for connector x")
    unhealthy = scene.ask(1, "health")
    assert unhealthy["status"] == "unhealthy"
    assert "The worker is currently generating task configs for connector x" in unhealthy["message"]


def test_reads_are_refused_while_a_rebalance_is_expected(scene: Scene) -> None:
    """The flag is up from the moment the record is read until the end of the tick; what waits in this tick meets it."""
    scene.cluster.block_herder("connect-1", 3_000)
    read = scene.cluster.submit("connect-1", "connector_info", {"name": "a"})
    restart = scene.cluster.submit("connect-1", "restart_connector", {"name": "b"})
    scene.ask(0, "create_connector", name="c", config={"connector.class": "com.example.Plain"})
    assert scene.cluster.submit("connect-1", "connector_status", {"name": "a"}).done
    assert scene.sim.run_until(read, 10_000)
    assert scene.sim.run_until(restart, 10_000)
    assert str(read.error) == "500 Request cannot be completed because a rebalance is expected"
    assert str(restart.error).startswith("409 Cannot complete request momentarily due to stale configuration")


def test_unassigned_work_has_no_url(scene: Scene) -> None:
    scene.cluster.workers["connect-1"].crash()
    scene.advance(15_000)
    assert scene.error(2, "restart_connector", name="b") == (409, NO_LEADER)


@pytest.mark.parametrize(
    ("idle_ms", "failed_after_ms", "later"), [(250_000, 30_000, "PAUSED"), (301_000, 60_000, "RUNNING")]
)
def test_writes_to_an_unreachable_kafka_fail_and_happen_when_it_is_back(
    scene: Scene, idle_ms: int, failed_after_ms: int, later: str
) -> None:
    """Unless the producer has been idle for so long that it must ask for the topic first."""
    scene.ask(2, "resume_connector", name="a")
    scene.advance(idle_ms)
    scene.cluster.partition_from_kafka("connect-2")
    began_ms = scene.sim.now_ms
    assert scene.error(2, "pause_connector", name="a") == (500, "Error writing target state to Kafka")
    assert scene.sim.now_ms - began_ms == failed_after_ms
    scene.cluster.heal_kafka("connect-2")
    scene.advance(10_000)
    assert scene.states("a").startswith(later)


def test_a_producer_waits_for_a_topic_that_it_has_never_written_to(scene: Scene) -> None:
    scene.cluster.partition_from_kafka("connect-2")
    paused = scene.cluster.submit("connect-2", "pause_connector", {"name": "a"})
    assert not scene.sim.run_until(paused, 40_000)
    scene.cluster.heal_kafka("connect-2")
    assert scene.sim.run_until(paused, 1_000)
    scene.advance(10_000)
    assert scene.states("a").startswith("PAUSED")


def test_a_silent_connection_ends_when_the_way_is_free_again() -> None:
    scene = Scene({"a": PLAIN}, settings={"version": KafkaVersion.parse("3.9.1")})
    scene.cluster.partition_workers("connect-1", "connect-0", Break.SILENT)
    reply = scene.cluster.submit("connect-1", "delete_connector", {"name": "a"})
    assert not scene.sim.run_until(reply, 300_000)
    scene.cluster.heal_workers("connect-1", "connect-0")
    assert scene.sim.run_until(reply, 10)
    assert "java.io.EOFException" in str(reply.error)
