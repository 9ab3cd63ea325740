"""References in configs: who looks them up, what comes of a missing one, and of a time to live."""

from __future__ import annotations

from scene import Scene

from mockconnect import faults
from mockconnect.core.declared import simulated_connector

SOURCE = simulated_connector("com.example.PlainConnector", "source", "1.0", tasks="tasks_max")

PATH = "/etc/secrets.properties"
FILE = (
    ("config.providers", "file"),
    ("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"),
)
VAULT = (("config.providers", "vault"), ("config.providers.vault.class", "com.acme.VaultConfigProvider"))


def config(reference: str, **more: str) -> dict[str, str]:
    return {"connector.class": SOURCE.class_name, "tasks.max": "3", "password": reference, **more}


def scene_with(properties: tuple[tuple[str, str], ...]) -> Scene:
    return Scene({"other": SOURCE}, settings={"config": properties})


def test_a_file_that_is_missing_on_one_worker() -> None:
    """K.44"""
    scene = scene_with(FILE)
    scene.cluster.inject(faults.SetSecret(PATH, {"password": "x"}, ("connect-0", "connect-1")))
    given = config(f"${{file:{PATH}:password}}")
    problem = f"Could not read properties from file {PATH}"
    assert scene.error(2, "create_connector", name="a", config=given) == (500, problem)
    scene.ask(0, "create_connector", name="a", config=given)
    assert scene.cluster.settle()
    scene.advance(10_000)
    failed = [row for row in scene.ask(0, "connector_status", name="a")["tasks"] if row["state"] == "FAILED"]
    assert {row["worker_id"] for row in failed} == {"127.0.0.1:8085"}
    assert failed[0]["trace"].startswith(f"org.apache.kafka.common.config.ConfigException: {problem}\n")
    assert scene.error(0, "restart_task", name="a", task=failed[0]["id"]) == (500, problem)
    scene.cluster.inject(faults.SetSecret(PATH, {"password": "x"}, "connect-2"))
    for row in failed:
        scene.ask(0, "restart_task", name="a", task=row["id"])
    scene.advance(1_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING RUNNING"
    assert scene.ask(0, "connector_config", name="a")["password"] == f"${{file:{PATH}:password}}"


def test_a_connector_whose_file_is_gone() -> None:
    scene = scene_with(FILE)
    scene.cluster.inject(faults.SetSecret(PATH, {"password": "x"}))
    scene.ask(0, "create_connector", name="a", config=config(f"${{file:{PATH}:password}}"))
    assert scene.cluster.settle()
    scene.cluster.inject(faults.SetSecret(PATH))
    assert scene.error(0, "restart_connector", name="a")[0] == 500
    scene.ask(0, "restart_connector", name="a", include_tasks=True)
    scene.advance(5_000)
    assert scene.states("a") == "RESTARTING RESTARTING RESTARTING RESTARTING", "what throws is only logged"
    scene.cluster.inject(faults.SetSecret(PATH, {"password": "x"}))
    scene.ask(0, "restart_connector", name="a", include_tasks=True)
    scene.advance(5_000)
    assert scene.states("a") == "RUNNING RUNNING RUNNING RUNNING"


def restarts(scene: Scene, name: str) -> int:
    return sum(row.detail == f"{name} UNASSIGNED" for row in scene.sim.trace.tail(10_000))


def test_a_time_to_live_restarts_the_connector_only() -> None:
    scene = scene_with(VAULT)
    scene.cluster.inject(faults.SetSecret("db", {"password": "x"}, provider="vault", ttl_ms=60_000))
    scene.ask(0, "create_connector", name="a", config=config("${vault:db:password}"))
    scene.ask(0, "create_connector", name="b", config=config("${vault:db:password}", **RELOAD_NONE))
    assert scene.cluster.settle()
    scene.advance(10_000)
    before = (restarts(scene, "a"), restarts(scene, "b"), restarts(scene, "a-0"))
    scene.advance(185_000)
    after = (restarts(scene, "a"), restarts(scene, "b"), restarts(scene, "a-0"))
    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 0, 0]
    scene.cluster.inject(faults.SetSecret("db", {"password": "y"}, provider="vault"))
    scene.advance(200_000)
    assert restarts(scene, "a") == after[0] + 1, (
        "the one that was planned; then nothing says how long it is good"
    )


RELOAD_NONE = {"config.action.reload": "none"}


def test_offsets_of_a_connector_whose_file_is_gone() -> None:
    scene = scene_with(FILE)
    scene.cluster.inject(faults.SetSecret(PATH, {"password": "x"}))
    scene.ask(0, "create_connector", name="a", config=config(f"${{file:{PATH}:password}}"))
    assert scene.cluster.settle()
    scene.cluster.inject(faults.SetSecret(PATH))
    problem = (500, f"Could not read properties from file {PATH}")
    assert scene.error(0, "connector_offsets", name="a") == problem
