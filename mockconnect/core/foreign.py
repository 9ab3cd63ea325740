"""What ``RestClient`` makes of another worker that cannot be reached, or of something else that answers in its place.

Rules of this room:

* A break of the network (:class:`~mockconnect.core.network.Break`) is a row here: the cause it becomes, or the answer of
  what stands between two workers, which is then read as Connect reads the answers of workers.
* Every text was seen on real workers that had a stub in place of their leader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mockconnect.core import errors
from mockconnect.core.errors import ConnectError
from mockconnect.core.network import Break
from mockconnect.core.versions import KafkaVersion

_HANDSHAKE: Final = "javax.net.ssl.SSLHandshakeException: "
_CONNECTION: Final = (
    "HttpConnectionOverHTTP@1b2c3d4e::SocketChannelEndPoint@5f6a7b8c[{{l=/127.0.0.1:0,r=/127.0.0.1:0,ISHUT,fill=-,"
    "flush=-,to=0/30000}}{{io=0/0,kio=0,kro=1}}]"
)
"""The beginning of what Jetty's client prints of a connection."""

CAUSES: Final[Mapping[Break, str]] = {
    Break.REFUSED: "java.net.ConnectException: Connection refused",
    Break.DROPPED: "java.net.SocketTimeoutException: Connect Timeout",
    Break.SILENT: "Idle timeout expired: 30001/30000 ms",
    Break.UNKNOWN_HOST: "java.net.UnknownHostException: {host}",
    Break.TLS: _HANDSHAKE
    + "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid"
    " certification path to requested target",
    Break.TLS_NAME: _HANDSHAKE + "No subject alternative names matching IP address {host} found",
    Break.TLS_REFUSED: _HANDSHAKE + "Received fatal alert: bad_certificate",
    Break.CLOSED: f"java.io.EOFException: {_CONNECTION}",
    Break.RESET: "java.net.SocketException: Connection reset by peer",
    Break.NOT_HTTP: "org.eclipse.jetty.client.HttpResponseException: HTTP protocol violation: bad response on"
    f" {_CONNECTION}",
}
"""Texts after ``IO Error trying to forward REST request: `` of those that give no answer."""


@dataclass(frozen=True, slots=True)
class ForeignAnswer:
    """An answer that is no worker's. ``challenges``: it has a ``WWW-Authenticate`` header."""

    status_code: int
    body: str = ""
    challenges: bool = False


_NO_TYPE: Final = (
    'Cannot invoke "com.fasterxml.jackson.core.type.TypeReference.getType()" because "typeRef" is null'
)
UNAUTHORIZED: Final = ForeignAnswer(401, "User cannot access the resource.")
"""What the filter of basic authentication answers: it names no scheme."""
AMBIGUOUS: Final = ForeignAnswer(400, "<html>")
"""Jetty's page about a path with an escaped percent sign in it."""
ANSWERS: Final[Mapping[Break, ForeignAnswer]] = {
    Break.GARBAGE: ForeignAnswer(502, "<html>502 Bad Gateway</html>"),
    Break.UPSTREAM: ForeignAnswer(503, "upstream connect error"),
    Break.EMPTY: ForeignAnswer(500),
    Break.GARBAGE_OK: ForeignAnswer(200, "<html>502 Bad Gateway</html>"),
    Break.EMPTY_OK: ForeignAnswer(200),
    Break.NO_CONTENT: ForeignAnswer(204),
    Break.REDIRECT: ForeignAnswer(302),
    Break.UNAUTHORIZED: UNAUTHORIZED,
    Break.CHALLENGE: ForeignAnswer(401, "denied", challenges=True),
}


def unreachable(how: Break, host: str) -> ConnectError:
    """For a break that gives no answer."""
    return errors.forward_io_error(CAUSES[how].format(host=host))


def understood(answer: ForeignAnswer, version: KafkaVersion, *, typed: bool = False) -> None:
    """``RestClient.httpRequest``: nothing comes of 204; everything else here raises :class:`ConnectError`.

    ``typed``: the answer to this call has a body.
    """
    if answer.status_code == 401 and not answer.challenges:
        raise errors.forward_io_error(
            "org.eclipse.jetty.client.HttpResponseException: HTTP protocol violation: Authentication challenge without"
            " WWW-Authenticate header"
        )
    if answer.status_code == 204:
        return
    if 300 <= answer.status_code < 400:
        text = f"Unexpected status code when handling forwarded request: {answer.status_code}"
        if version.has("relayed_errors_are_500"):
            raise errors.forward_error(text)
        raise ConnectError(500, text, errors.REST_EXCEPTION)
    if answer.status_code == 200 and not typed and not version.has("typed_forwarding"):
        raise errors.forward_error(_NO_TYPE)
    raise errors.forward_io_error(_no_json(answer.body, version))


def _no_json(body: str, version: KafkaVersion) -> str:
    """Jackson's complaint about a text that is no JSON; it is parsed before anybody looks at its status."""
    values = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
    word = re.match(r"[A-Za-z]+", body)
    if not body:
        return f"No content to map due to end-of-input\n at {_place(body, None, version)}"
    if word is not None:
        column = 1 if version.has("jackson_2_21") else word.end() + 1
        return f"Unrecognized token '{word[0]}': was expecting {values}\n at {_place(body, column, version)}"
    column = 1 if version.has("jackson_2_18") else 2
    text = f"Unexpected character ('{body[0]}' (code {ord(body[0])})): expected a valid value {values}"
    return f"{text}\n at {_place(body, column, version)}"


def _place(body: str, column: int | None, version: KafkaVersion) -> str:
    if version.has("jackson_2_16"):
        shown = "" if column is None else f", column: {column}"
        return f"[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1{shown}]"
    return f'[Source: (String)"{body}"; line: 1, column: {column or 0}]'
