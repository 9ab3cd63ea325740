"""What a corpus is played against: real workers, workers at given addresses, or mockconnect itself.

`Target` is all the player needs. Playing against one never depends on which it is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from .oracle import jars, tls
from .oracle.cluster import OracleCluster
from .oracle.process import free_port
from .oracle.worker import WorkerPlan
from .script import ClusterWish
from .wire import Request

BASIC_AUTH = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"

LOGIN_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"


class UnsuitableTargetError(Exception):
    """This target cannot be the cluster a script wishes for."""


class Target(Protocol):
    """Workers that answer, numbered from 1, and verbs that happen to them."""

    def addresses(self) -> Sequence[tuple[str, int]]:
        """Host and port of each worker, then of the admin listener, if there is one; they never change."""

    def live(self) -> Sequence[int]:
        """Numbers of the workers that can answer now."""

    def act(self, verb: str, worker: int) -> None:
        """`crash`, `stop`, `start`, `freeze` or `thaw` a worker. `start` returns when it answers."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the cluster: for real, or virtually."""

    def before(self, request: Request) -> None:
        """Told of every exchange just before it is sent; real workers need no telling."""

    def after(self, request: Request, status_code: int) -> None:
        """Told how it was answered."""


TargetFactory = Callable[[ClusterWish], AbstractContextManager[Target]]


class OracleTarget:
    """Real workers started by the oracle."""

    def __init__(self, cluster: OracleCluster, down: Collection[int] = ()):
        """`down` are the workers that do not run yet."""
        self.cluster = cluster
        self._down = set(down)

    def addresses(self) -> Sequence[tuple[str, int]]:
        own = [("127.0.0.1", worker.port) for worker in self.cluster.workers]
        admin = self.cluster.admin_port
        return own if admin is None else [*own, ("127.0.0.1", admin)]

    def live(self) -> Sequence[int]:
        return [worker.number for worker in self.cluster.workers if worker.number not in self._down]

    def act(self, verb: str, worker: int) -> None:
        if verb.startswith("stub "):
            assert self.cluster.stub is not None, verb
            self.cluster.stub.be(verb.removeprefix("stub "))
            return
        subject = self.cluster.workers[worker - 1]
        getattr(subject.process, verb)()
        if verb == "start":
            subject.wait_ready()
        if verb in ("start", "thaw"):
            self._down.discard(worker)
        else:
            self._down.add(worker)

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)

    def before(self, request: Request) -> None:
        pass

    def after(self, request: Request, status_code: int) -> None:
        pass


class AddressTarget:
    """Workers somebody else runs: nothing can be done to them."""

    def __init__(self, urls: Sequence[str]):
        parts = [urlsplit(url) for url in urls]
        self._addresses = [(part.hostname or "127.0.0.1", part.port or 8083) for part in parts]

    def addresses(self) -> Sequence[tuple[str, int]]:
        return self._addresses

    def live(self) -> Sequence[int]:
        return range(1, len(self._addresses) + 1)

    def act(self, verb: str, worker: int) -> None:
        raise UnsuitableTargetError(f"a target given by address cannot {verb} a worker")

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)

    def before(self, request: Request) -> None:
        pass

    def after(self, request: Request, status_code: int) -> None:
        pass


def oracle_factory(version: str, keep_logs: Path | None = None) -> TargetFactory:
    """Targets that are real workers of `version`, ended with the `with` block."""

    @contextmanager
    def start(wish: ClusterWish) -> Iterator[Target]:
        with OracleCluster(version, keep_logs) as cluster:
            cluster.admin_port = free_port() if wish.has_admin_listener else None
            for number in range(1, wish.workers + 1):
                plan = _plan(version, wish, cluster.folder, number, cluster.admin_port)
                if wish.stub and number == 1:
                    cluster.put_stub_before_first(plan)
                else:
                    cluster.start_workers(1, plan)
            yield OracleTarget(cluster)

    return start


def address_factory(urls: Sequence[str]) -> TargetFactory:
    """One target for all scripts that fit it; the rest are reported as unsuitable."""

    @contextmanager
    def start(wish: ClusterWish) -> Iterator[Target]:
        if wish != ClusterWish(workers=len(urls)):
            raise UnsuitableTargetError("needs another cluster")
        yield AddressTarget(urls)

    return start


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _plan(version: str, wish: ClusterWish, folder: Path, number: int, admin_port: int | None) -> WorkerPlan:
    """The wished properties; basic auth users become the extension, its password file and its JAAS entry."""
    own = dict(dict(wish.own).get(number, ()))
    filled = {"{folder}": str(folder), "{admin}": f"http://127.0.0.1:{admin_port}"}
    properties = {key: _filled(value, filled) for key, value in wish.properties}
    if wish.tls:
        identity, trusts = own.pop("tls.identity", "worker"), own.pop("tls.trusts", "authority")
        properties |= tls.worker_properties(folder, identity, trusts, wish.tls)
    if wish.plugin_path:
        properties["plugin.path"] = str(_plugin_path(version, wish.plugin_path, folder / "plugins"))
    if not wish.users:
        return WorkerPlan(version, wish.standalone, properties=properties | own, tls=bool(wish.tls))
    users, jaas = folder / "users.properties", folder / "jaas.conf"
    users.write_text("".join(f"{name}={word}\n" for name, word in wish.users))
    jaas.write_text(f'KafkaConnect {{ {LOGIN_MODULE} required file="{users}"; }};\n')
    properties["rest.extension.classes"] = BASIC_AUTH
    options = (f"-Djava.security.auth.login.config={jaas}",)
    properties |= own
    if not properties["rest.extension.classes"]:
        del properties["rest.extension.classes"]
    return WorkerPlan(
        version, wish.standalone, properties=properties, options=options, authorization=wish.authorization
    )


def _plugin_path(version: str, wished: Sequence[tuple[str, str]], folder: Path) -> Path:
    """Folders and jars by name. What is in them is a version our isolated plugins tell (without service manifests if `bare`
    follows), or an artifact of Kafka's own."""
    for name, content in wished:
        told, _, bare = content.partition(" ")
        if told[0].isdigit():
            jar = jars.isolated_jar(version, told, with_manifests=not bare)
        else:
            jar = jars.library_jar(version, told)
        place = folder / name if name.endswith(".jar") else folder / name / jar.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(jar, place)
    return folder
