"""Operations as scenarios name them, and answers by name.

Rules of this room:

* Names of operations are core's (``OPERATIONS``). Of those that only workers send each other there is
  ``put_task_configs``, which users reach too, and send without a signature.
* A named answer is a status code and the words that tell it from others with the same code; the words are core's, so
  that nobody copies them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Final

from mockconnect.core import errors
from mockconnect.core.client_faults import NAMED_ANSWERS
from mockconnect.core.errors import ConnectError
from mockconnect.core.forwarding import OPERATIONS as CORE_OPERATIONS
from mockconnect.core.journal import is_operation
from mockconnect.core.patterns import matches
from mockconnect.files.problems import nearest, unknown


@dataclass(frozen=True, slots=True)
class OperationRow:
    """How an operation looks as a request, and what it answers if all is well."""

    method: str
    path: str
    status_code: int


# fmt: off
OPERATIONS: Final[Mapping[str, OperationRow]] = {
    "server_info": OperationRow("GET", "/", 200),
    "health": OperationRow("GET", "/health", 200),
    "list_connectors": OperationRow("GET", "/connectors", 200),
    "create_connector": OperationRow("POST", "/connectors", 201),
    "connector_info": OperationRow("GET", "/connectors/{name}", 200),
    "delete_connector": OperationRow("DELETE", "/connectors/{name}", 204),
    "connector_config": OperationRow("GET", "/connectors/{name}/config", 200),
    "put_connector_config": OperationRow("PUT", "/connectors/{name}/config", 200),
    "patch_connector_config": OperationRow("PATCH", "/connectors/{name}/config", 200),
    "connector_status": OperationRow("GET", "/connectors/{name}/status", 200),
    "task_configs": OperationRow("GET", "/connectors/{name}/tasks", 200),
    "tasks_config": OperationRow("GET", "/connectors/{name}/tasks-config", 200),
    "put_task_configs": OperationRow("POST", "/connectors/{name}/tasks", 204),
    "task_status": OperationRow("GET", "/connectors/{name}/tasks/{task}/status", 200),
    "restart_task": OperationRow("POST", "/connectors/{name}/tasks/{task}/restart", 204),
    "restart_connector": OperationRow("POST", "/connectors/{name}/restart", 204),
    "pause_connector": OperationRow("PUT", "/connectors/{name}/pause", 202),
    "resume_connector": OperationRow("PUT", "/connectors/{name}/resume", 202),
    "stop_connector": OperationRow("PUT", "/connectors/{name}/stop", 204),
    "connector_topics": OperationRow("GET", "/connectors/{name}/topics", 200),
    "reset_topics": OperationRow("PUT", "/connectors/{name}/topics/reset", 202),
    "connector_offsets": OperationRow("GET", "/connectors/{name}/offsets", 200),
    "alter_offsets": OperationRow("PATCH", "/connectors/{name}/offsets", 200),
    "reset_offsets": OperationRow("DELETE", "/connectors/{name}/offsets", 200),
    "list_plugins": OperationRow("GET", "/connector-plugins", 200),
    "plugin_config": OperationRow("GET", "/connector-plugins/{plugin}/config", 200),
    "validate": OperationRow("PUT", "/connector-plugins/{plugin}/config/validate", 200),
    "list_loggers": OperationRow("GET", "/admin/loggers", 200),
    "get_logger": OperationRow("GET", "/admin/loggers/{logger}", 200),
    "set_logger": OperationRow("PUT", "/admin/loggers/{logger}", 200),
}
# fmt: on


def parameter(operation: str, field: str) -> str:
    """What core's operation calls that field of a request; nothing, if it is not for this operation."""
    if field in ("connector", "logger"):
        is_logger = "{logger}" in OPERATIONS[operation].path
        return "name" if is_logger == (field == "logger") else ""
    return _PARAMETERS.get((operation, field), field)


_PARAMETERS: Final = {
    ("patch_connector_config", "config"): "patch",
    ("put_task_configs", "task_configs"): "configs",
}


def parameters_of(operation: str) -> Mapping[str, bool]:
    """What core's operation can be given, and whether it must be."""
    found = signature(CORE_OPERATIONS[operation].ask).parameters.values()
    return {one.name: one.default is Parameter.empty for one in found}


GROUPS: Final = ("any", "any_read", "any_write")


def operation_mistake(name: str, known: Sequence[str], *, patterns: bool = True) -> str:
    """What is wrong with the name of an operation, or a pattern of names; nothing if it means something."""
    is_pattern = patterns and "*" in name and any(is_operation(one, name) for one in known)
    return "" if is_pattern or name in known else unknown(name, known)


# --- answers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedAnswer:
    """An answer by status code and by what its message looks like."""

    status_code: int
    message: str = "*"


def _named(error: ConnectError) -> NamedAnswer:
    return NamedAnswer(error.status_code, error.message or "*")


_TIMED_OUT: Final = errors.request_timed_out(None).message

ANSWERS: Final[Mapping[str, NamedAnswer]] = {
    "400.not_stopped": _named(errors.not_stopped("*")),
    "404.connector": _named(errors.connector_not_found("*")),
    "404.status": _named(errors.no_status_for_connector("*")),
    "404.starting": NamedAnswer(404, "HTTP*"),
    "409.conflict": _named(errors.conflicting_operation()),
    "409.exists": _named(errors.connector_exists("*")),
    "409.no_leader": _named(errors.no_leader_url()),
    "409.stale_config": _named(errors.stale_configuration()),
    "500.forward_io": _named(errors.forward_io_error("*")),
    "500.forward": _named(errors.forward_error("*")),
    "500.missing_class": NamedAnswer(500, "*Failed to find any class that implements Connector*"),
    "400.missing_class": NamedAnswer(400, "*Failed to find any class that implements Connector*"),
    "500.rebalance_expected": _named(errors.rebalance_expected()),
    "500.timeout": NamedAnswer(500, f"{_TIMED_OUT}*"),
    "500.write_failed": NamedAnswer(500, "Error * to Kafka"),
    "500.zombie_tasks": NamedAnswer(500, "Failed to * consumer group offsets for connector *"),
}
NO_ANSWER: Final = "none"
"""The connection broke, or whoever asked gave up."""


def is_answer(wanted: str) -> bool:
    """Whether that means anything as an answer."""
    return wanted in ANSWERS or wanted in NAMED_ANSWERS or wanted == NO_ANSWER or _digits(wanted)


def _digits(wanted: str) -> bool:
    return len(wanted) == 3 and wanted[0] in "12345" and (wanted[1:] == "xx" or wanted[1:].isdecimal())


def answers(wanted: str, status_code: int, message: str) -> bool:
    """Whether an answer is the wanted one: ``409``, ``5xx``, ``none``, ``409.stale_config``."""
    if wanted == NO_ANSWER:
        return status_code == 0
    named = ANSWERS.get(wanted)
    if named is not None:
        return named.status_code == status_code and matches(message, named.message)
    if wanted.endswith("xx"):
        return status_code // 100 == int(wanted[0])
    return wanted[:3] == str(status_code)


def name_of_answer(status_code: int, message: str) -> str:
    """The name of an answer, or its status code."""
    if status_code == 0:
        return NO_ANSWER
    for name, named in ANSWERS.items():
        if named.status_code == status_code and matches(message, named.message):
            return name
    return str(status_code)


def known_answers() -> Sequence[str]:
    return (*ANSWERS, *(name for name in NAMED_ANSWERS if name not in ANSWERS), NO_ANSWER)


def answer_mistake(name: str, also: Sequence[str] = ()) -> str:
    """What is wrong with an answer; nothing if it means something."""
    if is_answer(name):
        return ""
    known = (*known_answers(), *also)
    close = nearest(name, known)
    meant = f"did you mean {close!r}?" if close else f"write a status code, 5xx, or one of {', '.join(known)}"
    return f"{name!r} is no answer; {meant}"
