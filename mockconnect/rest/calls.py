"""From a matched request to a call of core: what the body and the signature headers add to the arguments.

Rules of this room:

* A body is read only for rows with an entity, and every complaint about it is a :class:`ConnectError`, as the resource
  method (or the JVM underneath) would make it.
* What a missing body means depends on the entity: some operations are called with ``None``, for others the JVM already
  stumbles in the resource class, before core is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockconnect.core.errors import bad_request, null_pointer, unknown_algorithm
from mockconnect.core.forwarding import Call
from mockconnect.core.requests import Signature
from mockconnect.rest import java_base64, wire
from mockconnect.rest.jackson import Jackson
from mockconnect.rest.routes import Entity, Match

Args = dict[str, object]

_ENTITIES: Final = "org.apache.kafka.connect.runtime.rest.entities"
_SIGNATURE_HEADER: Final = "X-Connect-Authorization"
_ALGORITHM_HEADER: Final = "X-Connect-Request-Signature-Algorithm"
_SHA_2: Final = ("224", "256", "384", "512")
_MACS: Final = frozenset(
    name.lower()
    for name in (
        *("HmacMD5", "HmacSHA1", "HmacSHA512/224", "HmacSHA512/256", "HmacPBESHA1", "HmacPBESHA512/224"),
        *("HmacPBESHA512/256", "PBEWithHmacSHA1", "PBEWithHmacSHA512/224", "PBEWithHmacSHA512/256"),
        *("SslMacMD5", "SslMacSHA1"),
        *(
            f"{kind}{size}"
            for kind in ("HmacSHA", "HmacSHA3-", "HmacPBESHA", "PBEWithHmacSHA")
            for size in _SHA_2
        ),
    )
)
"""What ``Mac.getInstance`` knows in a JVM of version 17; it does not look at case."""


def complete(match: Match, body: bytes, headers: Mapping[str, str], jackson: Jackson) -> Call:
    """The call of a row with an entity or a signature. Raises :class:`ConnectError`."""
    route, call = match.route, match.call
    args = dict(call.args)
    if route.entity is not None:
        args.update(_READERS[route.entity](body, jackson))
    if route.signed:
        args["signature"] = signature_of(body, headers)
    return Call(call.operation, args, call.forward)


def signature_of(body: bytes, headers: Mapping[str, str]) -> Signature | None:
    """``InternalRequestSignature.fromHeaders``. Raises :class:`ConnectError` (400)."""
    algorithm, encoded = headers.get(_ALGORITHM_HEADER), headers.get(_SIGNATURE_HEADER)
    if algorithm is None or encoded is None:
        return None
    if algorithm.lower() not in _MACS:
        raise unknown_algorithm(algorithm)
    try:
        mac = java_base64.decode(encoded)
    except ValueError as error:
        raise bad_request(str(error)) from None
    return Signature(algorithm, mac, body)


# --- entities ---------------------------------------------------------------------------------------------------------


def _create_request(body: bytes, jackson: Jackson) -> Args:
    request = wire.read_create_request(body, jackson)
    if request is None:
        raise null_pointer(f"{_ENTITIES}.CreateConnectorRequest.name()", "createRequest")
    return {"name": request.name, "config": request.config, "initial_state": request.initial_state}


def _offsets(body: bytes, jackson: Jackson) -> Args:
    request = wire.read_offsets(body, jackson)
    if request is None:
        raise null_pointer(f"{_ENTITIES}.ConnectorOffsets.offsets()", "offsets")
    changes = []
    for entry in request.offsets or ():
        if entry is None:
            raise null_pointer(f"{_ENTITIES}.ConnectorOffset.partition()", "offset")
        changes.append((entry.partition, entry.offset))
    return {"offsets": changes}


def _string_map(argument: str) -> Callable[[bytes, Jackson], Args]:
    return lambda body, jackson: {argument: wire.read_string_map(body, jackson)}


def _task_configs(body: bytes, jackson: Jackson) -> Args:
    return {"configs": wire.read_task_configs(body, jackson) or []}


_READERS: Final[Mapping[Entity, Callable[[bytes, Jackson], Args]]] = {
    Entity.CREATE_REQUEST: _create_request,
    Entity.CONFIG: _string_map("config"),
    Entity.PATCH: _string_map("patch"),
    Entity.LEVEL: _string_map("level"),
    Entity.OFFSETS: _offsets,
    Entity.TASK_CONFIGS: _task_configs,
}
