"""Every error the simulated cluster answers, with its status and its text.

Rules of this room:

* Core raises :class:`ConnectError`; the REST room turns it into ``{"error_code": N, "message": M}``. Nothing else is
  expected to leave core: any other exception is a bug of ours.
* A text stands here once. Functions are named after the situation, and the Connect class that has the text is in
  the section comment. Texts of config validation live with the validators, because there they are data.
* Where Kafka versions differ, the variants stand side by side in one function.
"""

from __future__ import annotations


class Expected(Exception):  # noqa: N818 - the family of answers that belong to the simulation
    """What may be raised inside a simulated thread; any other exception there is a bug of ours."""


class ConnectError(Expected):
    """An error answer of a Connect worker.

    ``status_code`` is the HTTP status (also the ``error_code`` of the body), ``message`` the text or ``None`` for
    JSON null. ``java_class`` is the exception's class: the validate endpoint shows it in front of the message.
    """

    __slots__ = ("java_class", "message", "status_code")

    def __init__(
        self,
        status_code: int,
        message: str | None,
        java_class: str = "org.apache.kafka.connect.errors.ConnectException",
    ) -> None:
        super().__init__(status_code, message)
        self.status_code = status_code
        self.message = message
        self.java_class = java_class

    def __str__(self) -> str:
        return f"{self.status_code} {self.message}"


class Redirect(Expected):  # not an error: it says where the request belongs
    """The request belongs to another worker (``NotLeaderException``, ``NotAssignedException``).

    ``url`` is the advertised URL of the leader or owner, or ``None`` when it is not known.
    """

    def __init__(self, url: str | None) -> None:
        super().__init__(url)
        self.url = url


class LimitExceeded(RuntimeError):  # noqa: N818 - named as the limit it reports
    """A run made no progress within its bound of events; the message says what was pending."""


BAD_REQUEST = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException"
NOT_FOUND = "org.apache.kafka.connect.errors.NotFoundException"
ALREADY_EXISTS = "org.apache.kafka.connect.errors.AlreadyExistsException"
REST_EXCEPTION = "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException"


def bad_request(message: str) -> ConnectError:
    return ConnectError(400, message, BAD_REQUEST)


def not_found(message: str) -> ConnectError:
    return ConnectError(404, message, NOT_FOUND)


# --- HerderRequestHandler, RestClient: forwarding -----------------------------------------------------------------


def conflicting_operation() -> ConnectError:
    text = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
    return ConnectError(409, text, REST_EXCEPTION)


def no_leader_url() -> ConnectError:
    text = "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
    return ConnectError(409, text, REST_EXCEPTION)


def leader_url_is_null() -> ConnectError:
    """Before 2.6: ``UriBuilder`` was given the missing URL as it was. The text is Jersey's."""
    return ConnectError(500, '"uriTemplate" parameter is null.', "java.lang.IllegalArgumentException")


def forward_io_error(cause: str) -> ConnectError:
    return ConnectError(500, f"IO Error trying to forward REST request: {cause}", REST_EXCEPTION)


def forward_error(cause: str) -> ConnectError:
    return ConnectError(500, f"Error trying to forward REST request: {cause}", REST_EXCEPTION)


def request_timed_out(stage: str | None) -> ConnectError:
    """KAFKA-15563: since 3.7 the text names the stage the worker is in (``stage`` is ``None`` when unknown)."""
    return ConnectError(
        500, "Request timed out" if stage is None else f"Request timed out. {stage}", REST_EXCEPTION
    )


# --- DistributedHerder, AbstractHerder ------------------------------------------------------------------------------


def stale_configuration() -> ConnectError:
    text = (
        "Cannot complete request momentarily due to stale configuration"
        " (typically caused by a concurrent config change)"
    )
    return ConnectError(409, text, REST_EXCEPTION)


def rebalance_expected() -> ConnectError:
    return ConnectError(500, "Request cannot be completed because a rebalance is expected")


def connector_not_found(connector: str) -> ConnectError:
    return not_found(f"Connector {connector} not found")


def unknown_connector(connector: str) -> ConnectError:
    """Pause, resume and stop write it without a colon."""
    return not_found(f"Unknown connector {connector}")


def unknown_connector_to_restart(connector: str) -> ConnectError:
    return not_found(f"Unknown connector: {connector}")


def unknown_task(task_id: object) -> ConnectError:
    return not_found(f"Unknown task: {task_id}")


def no_status_for_connector(connector: str) -> ConnectError:
    return not_found(f"No status found for connector {connector}")


def no_status_for_task(task_id: object) -> ConnectError:
    return not_found(f"No status found for task {task_id}")


def no_status_to_restart(connector: str) -> ConnectError:
    return not_found(f"Status for connector {connector} not found")


def connector_exists(connector: str) -> ConnectError:
    return ConnectError(409, f"Connector {connector} already exists", ALREADY_EXISTS)


def slash_in_name() -> ConnectError:
    """0.10.2 to 1.0 (KAFKA-4372)."""
    return bad_request("connector name should not contain '/'")


def name_mismatch(in_config: str, in_url: str) -> ConnectError:
    text = f"Connector name configuration ({in_config}) doesn't match connector name in the URL ({in_url})"
    return bad_request(text)


def failed_to_start_connector(connector: str) -> ConnectError:
    return ConnectError(500, f"Failed to start connector: {connector}")


def failed_to_start_task(task_id: object) -> ConnectError:
    return ConnectError(500, f"Failed to start task: {task_id}")


def unrecognizable_task(task_id: object) -> ConnectError:
    text = f"Failed to start task {task_id} since it is not a recognizable type (source or sink)"
    return ConnectError(500, text)


def worker_is_shutting_down() -> ConnectError:
    return ConnectError(500, "Worker is shutting down")


def request_failed_while_stopping() -> ConnectError:
    """What Jersey answers in the few milliseconds in which the REST server stops."""
    return ConnectError(500, "Request failed.")


def non_empty_tasks_for_stopped(connector: str) -> ConnectError:
    return bad_request(f"Cannot submit non-empty set of task configs for stopped connector {connector}")


def not_a_source(connector: str) -> ConnectError:
    return bad_request(f"Connector {connector} is not a source connector")


# --- KafkaConfigBackingStore ------------------------------------------------------------------------------------------

WRITE_CONNECTOR = "Error writing connector configuration to Kafka"
REMOVE_CONNECTOR = "Error removing connector configuration from Kafka"
WRITE_TASKS = "Error writing task configurations to Kafka"
WRITE_COMMIT = "Error writing root configuration to Kafka"
WRITE_TARGET_STATE = "Error writing target state to Kafka"
WRITE_SESSION_KEY = "Error writing session key to Kafka"
WRITE_TASK_COUNT = "Error writing task count record to Kafka"
WRITE_LOGGER_LEVEL = "Error writing logger level to Kafka"
FENCED_WRITE = "Failed to write to config topic; this may be due to a transient error and the request can be safely retried"

UNCLAIMED_WRITE = "Cannot produce to config topic without claiming write privileges first"
"""What the next requests get, in the same turn of the herder."""


def write_restart(connector: str, only_failed: bool, include_tasks: bool) -> str:
    flags = f"onlyFailed={str(only_failed).lower()}, includeTasks={str(include_tasks).lower()}"
    return f"Error writing restart request for {{connectorName='{connector}', {flags}}} to Kafka"


def write_failed(text: str) -> ConnectError:
    """``text`` is one of the constants above."""
    return ConnectError(500, text)


# --- Worker, SinkUtils: offsets -----------------------------------------------------------------------------------


def offsets_missing() -> ConnectError:
    return bad_request("Partitions / offsets need to be provided for an alter offsets request")


def offsets_config_unreadable() -> ConnectError:
    return ConnectError(500, "Failed to read to end of config topic before modifying connector offsets")


def not_stopped(connector: str) -> ConnectError:
    text = (
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the"
        f" specified connector by issuing a 'PUT' request to the '/connectors/{connector}/stop' endpoint"
    )
    return bad_request(text)


def group_not_empty(connector: str, verb: str) -> ConnectError:
    """``verb`` is ``alter`` or ``reset``."""
    text = (
        f"Failed to {verb} consumer group offsets for connector {connector} either because its tasks haven't stopped"
        f" completely yet or the connector was resumed before the request to {verb} its offsets could be successfully"
        " completed. If the connector is in a stopped state, this operation can be safely retried. If it doesn't"
        " eventually succeed, the Connect cluster may need to be restarted to get rid of the zombie sink tasks."
    )
    return ConnectError(500, text)


def group_refused(connector: str) -> ConnectError:
    """A partition that does not exist, for one."""
    return ConnectError(500, f"Failed to alter consumer group offsets for connector {connector}")


def offsets_unsupported(connector: str) -> ConnectError:
    text = (
        f"Failed to modify offsets for connector {connector} because it doesn't support external modification of"
        " offsets"
    )
    return ConnectError(500, text)


def offsets_failed(kind: str, connector: str) -> ConnectError:
    """``kind`` is ``source`` or ``sink``."""
    return ConnectError(500, f"Failed to modify offsets for {kind} connector {connector}")


def nested_offset(field: str, type_name: str) -> ConnectError:
    text = f"Offsets may only contain primitive types as values, but field {field} contains {type_name}"
    return ConnectError(500, text, "org.apache.kafka.connect.errors.DataException")


# --- ConnectorsResource, LoggingResource: topics, loggers -------------------------------------------------------------


def topic_tracking_disabled() -> ConnectError:
    return ConnectError(403, "Topic tracking is disabled.", REST_EXCEPTION)


def topic_reset_disabled() -> ConnectError:
    return ConnectError(403, "Topic tracking reset is disabled.", REST_EXCEPTION)


def logger_not_found(logger: str) -> ConnectError:
    return not_found(f"Logger {logger} not found.")


def level_missing() -> ConnectError:
    return bad_request("Desired 'level' parameter was not specified in request.")


def level_invalid(level: str) -> ConnectError:
    return not_found(f"invalid log level '{level}'.")


# --- InternalRequestSignature, InternalClusterResource -----------------------------------------------------------------


def missing_signature() -> ConnectError:
    return bad_request("Internal request missing required signature")


def invalid_signature() -> ConnectError:
    return ConnectError(403, "Internal request contained invalid signature.", REST_EXCEPTION)


def unknown_algorithm(algorithm: str) -> ConnectError:
    return bad_request(f"Algorithm {algorithm} not available")


def algorithm_not_permitted(algorithm: str, permitted: str) -> ConnectError:
    text = (
        f"This worker does not support the '{algorithm}' key signing algorithm used by other workers. This worker is"
        f" currently configured to use: [{permitted}]. Check that all workers' configuration files permit the same set"
        " of signature algorithms, and correct any misconfigured worker and restart it."
    )
    return bad_request(text)


def null_session_key() -> ConnectError:
    """Before 3.3 the missing key went into the ``Mac`` as it was."""
    return ConnectError(
        500, "java.security.InvalidKeyException: No installed provider supports this key: (null)"
    )


def no_session_key() -> ConnectError:
    text = "This worker is still starting up and has not been able to read a session key from the config topic yet"
    return ConnectError(503, text, REST_EXCEPTION)


# --- StandaloneHerder ----------------------------------------------------------------------------------------------------


def standalone_no_config(connector: str) -> ConnectError:
    return ConnectError(500, f"No connector `{connector}` configured")


def standalone_task_not_found(task_id: object) -> ConnectError:
    return not_found(f"Task {task_id} not found")


def standalone_no_task_configs() -> ConnectError:
    text = "Kafka Connect in standalone mode does not support externally setting task configurations."
    return ConnectError(500, text)


def standalone_no_fencing() -> ConnectError:
    return ConnectError(
        500, "Kafka Connect in standalone mode does not support exactly-once source connectors."
    )


def null_pointer(expression: str, variable: str) -> ConnectError:
    """The JVM's helpful text (Java 15 and later) of a NullPointerException."""
    text = f'Cannot invoke "{expression}" because "{variable}" is null'
    return ConnectError(500, text, "java.lang.NullPointerException")
