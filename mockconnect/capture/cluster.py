"""Reading a cluster: what is asked, of whom, and what an answer must be.

Rules of this room: what all workers share is asked of the first URL; versions, plugins and loggers of every one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from mockconnect.capture.answers import CapturedConnector, CapturedWorker
from mockconnect.capture.asking import Access, Asker, NoAnswerError, Reply
from mockconnect.capture.content import written
from mockconnect.capture.definitions import Found, Listed
from mockconnect.capture.identity import identify, worker_ids
from mockconnect.core.versions import KafkaVersion
from mockconnect.files.problems import ProblemsError

T = TypeVar("T")
EXPANDED: Final = (("expand", "info"), ("expand", "status"))
Advance = Callable[[str, int, int], object]
"""Told of progress: what is being read, how much of it is there, how much there is."""


class CaptureError(ProblemsError):
    """Everything that kept a cluster from being read."""


async def capture(
    urls: Sequence[str], access: Access, on_progress: Advance = lambda *_: None
) -> dict[str, Any]:
    """The cluster behind these URLs as the content of a cluster file. Raises :class:`CaptureError`."""
    async with Asker(access) as asker:
        reading = _Reading(asker, [url.rstrip("/") for url in urls], on_progress)
        try:
            return await reading.everything()
        except NoAnswerError:
            raise CaptureError(asker.problems, "what the cluster answers") from None


class _Reading:
    """One pass over a cluster."""

    def __init__(self, asker: Asker, urls: Sequence[str], on_progress: Advance) -> None:
        self._asker = asker
        self._urls = urls
        self._on_progress = on_progress
        self._keys: dict[tuple[str, str | None], tuple[dict[str, Any], ...] | None] = {}

    async def everything(self) -> dict[str, Any]:
        workers = await self._all("workers", [self._worker(url) for url in self._urls])
        self._check_one_cluster(workers)
        for worker in workers:
            await self._read_plugins(worker)
        await self._all("loggers", [self._read_loggers(worker) for worker in workers])
        first = workers[0]
        names = await self._names(first)
        expanded = await self._expanded(first)
        found = await self._all("connectors", [self._connector(first, name, expanded) for name in names])
        connectors = [one for one in found if one is not None]
        await asyncio.to_thread(identify, workers, worker_ids(connectors))
        return written(workers, connectors)

    async def _all(self, what: str, questions: Sequence[Awaitable[T]]) -> list[T]:
        """All answers, or all problems."""
        done = 0

        async def counted(question: Awaitable[T]) -> T:
            nonlocal done
            answer = await question
            done += 1
            self._on_progress(what, done, len(questions))
            return answer

        self._on_progress(what, 0, len(questions))
        results = await asyncio.gather(*map(counted, questions), return_exceptions=True)
        answers = [result for result in results if not isinstance(result, BaseException)]
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, NoAnswerError):
                raise result
        if len(answers) < len(results):
            raise NoAnswerError(what)
        return answers

    # --- workers ------------------------------------------------------------------------------------------------------------

    async def _worker(self, url: str) -> CapturedWorker:
        reply = await self._asker.get(url, "/")
        body = reply.body
        if not reply.ok or not isinstance(body, dict) or not isinstance(body.get("version"), str):
            raise self._asker.wrong(url, "/", f"is no Kafka Connect worker: answers {reply.status_code}")
        try:
            version = KafkaVersion.parse(body["version"])
        except ValueError as error:
            raise self._asker.wrong(url, "/", str(error)) from error
        return CapturedWorker(url, version, str(body.get("commit", "")), body.get("kafka_cluster_id"))

    def _check_one_cluster(self, workers: Sequence[CapturedWorker]) -> None:
        first = workers[0]
        others = [one for one in workers if one.cluster_id != first.cluster_id]
        for one in others:
            reason = f"belongs to Kafka cluster {one.cluster_id}, {first.url} to {first.cluster_id}"
            self._asker.wrong(one.url, "/", reason)
        if others:
            raise NoAnswerError("workers")

    async def _read_plugins(self, worker: CapturedWorker) -> None:
        every = worker.version.has("plugin_config")
        query = {"connectorsOnly": "false"} if every else {}
        reply = await self._asker.get(worker.url, "/connector-plugins", query)
        if not reply.ok or not isinstance(reply.body, list):
            raise self._asker.wrong(worker.url, "/connector-plugins", _unexpected(reply))
        if not worker.version.has("plugin_types"):
            return
        listed = list(dict.fromkeys(Listed.of(row) for row in reply.body))
        questions = [self._definition(worker, one) for one in listed] if every else []
        keys = await self._all(f"plugins of {worker.url}", questions) if every else [None] * len(listed)
        worker.plugins = [Found(one, own) for one, own in zip(listed, keys, strict=True)]

    async def _definition(self, worker: CapturedWorker, listed: Listed) -> tuple[dict[str, Any], ...] | None:
        """Asked once per class and version: workers of one version have the same classes."""
        known = (listed.class_name, listed.version)
        if known not in self._keys:
            versioned = worker.version.has("plugin_versions") and listed.version is not None
            query = {"version": str(listed.version)} if versioned else {}
            path = f"/connector-plugins/{quote(listed.class_name, safe='')}/config"
            reply = await self._asker.get(worker.url, path, query, may_fail=True)
            ok = reply.ok and isinstance(reply.body, list)
            self._keys[known] = tuple(reply.body) if ok else None
        return self._keys[known]

    async def _read_loggers(self, worker: CapturedWorker) -> None:
        if not worker.version.has("loggers"):
            return
        reply = await self._asker.get(worker.url, "/admin/loggers")
        if reply.ok and isinstance(reply.body, dict):
            worker.loggers = reply.body
        elif reply.status_code == 404:  # they are on a listener of their own, or on none
            worker.config["admin.listeners"] = ""

    # --- connectors -----------------------------------------------------------------------------------------------------------

    async def _names(self, worker: CapturedWorker) -> list[str]:
        reply = await self._asker.get(worker.url, "/connectors")
        if not reply.ok or not isinstance(reply.body, list):
            raise self._asker.wrong(
                worker.url, "/connectors", f"answers {reply.status_code} for the connectors"
            )
        return [str(name) for name in reply.body]

    async def _expanded(self, worker: CapturedWorker) -> dict[str, Any]:
        """Infos and statuses of all connectors at one moment; nothing before Kafka 2.3."""
        if not worker.version.has("expand"):
            return {}
        reply = await self._asker.get(worker.url, "/connectors", EXPANDED)
        if not reply.ok or not isinstance(reply.body, dict):
            raise self._asker.wrong(worker.url, "/connectors?expand=info&expand=status", _unexpected(reply))
        return reply.body

    async def _connector(
        self, worker: CapturedWorker, name: str, expanded: Mapping[str, Any]
    ) -> CapturedConnector | None:
        """``None`` for one that was deleted meanwhile."""
        path = f"/connectors/{quote(name, safe='')}"
        found = await self._info_and_status(worker, name, path, expanded)
        if found is None or ("/" in name and worker.version.has("jetty_12")):
            return found  # a worker with Jetty 12 takes no path with an encoded slash
        reply = await self._asker.get(worker.url, f"{path}/tasks")
        if reply.status_code == 404:
            return None
        if not reply.ok or not isinstance(reply.body, list):
            raise self._asker.wrong(worker.url, f"{path}/tasks", _unexpected(reply))
        found.tasks = reply.body
        if worker.version.has("get_offsets"):
            found.offsets = _field(await self._asker.get(worker.url, f"{path}/offsets"), "offsets")
        if worker.version.has("active_topics"):
            reply = await self._asker.get(worker.url, f"{path}/topics")
            inner = reply.body.get(name, {}) if reply.ok and isinstance(reply.body, dict) else {}
            found.topics = sorted(inner.get("topics", []))
            if reply.status_code == 403:
                worker.config["topic.tracking.enable"] = "false"
        return found

    async def _info_and_status(
        self, worker: CapturedWorker, name: str, path: str, expanded: Mapping[str, Any]
    ) -> CapturedConnector | None:
        both = expanded.get(name)
        if both is not None:
            return CapturedConnector(name, both["info"]["config"], both["status"])
        info = await self._asker.get(worker.url, path)
        if info.status_code == 404:
            return None
        if not info.ok or not isinstance(info.body, dict) or not isinstance(info.body.get("config"), dict):
            raise self._asker.wrong(worker.url, path, _unexpected(info))
        status = await self._asker.get(worker.url, f"{path}/status")
        return CapturedConnector(name, info.body["config"], status.body if status.ok else None)


def _unexpected(reply: Reply) -> str:
    return f"answers {reply.status_code} where something else was expected"


def _field(reply: Reply, name: str) -> list[dict[str, Any]]:
    """A list inside an answer; a connector may have none, or its worker may not be able to tell."""
    body = reply.body
    return list(body.get(name) or []) if reply.ok and isinstance(body, dict) else []
