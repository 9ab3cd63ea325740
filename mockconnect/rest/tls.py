"""HTTPS listeners: what a worker's ``listeners.https.ssl.*`` properties are for Jetty, made of PEM files.

Rules of this room:

* One certificate serves all workers of a cluster. Workers trust each other; a fault says otherwise (``Break.TLS``).
* Jetty compares the ``Host`` header with the names of the certificate (``SecureRequestCustomizer``); see :meth:`Tls.fits`.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal

ClientAuth = Literal["none", "requested", "required"]
CLIENT_AUTH: Final[tuple[ClientAuth, ...]] = ("none", "requested", "required")
_MODES: Final = {
    "none": ssl.CERT_NONE,
    "requested": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Tls:
    """``names`` are the hosts and addresses that the certificate is made out for, in small letters."""

    context: ssl.SSLContext
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        certificate: str | Path,
        key: str | Path | None = None,
        client_ca: str | Path | None = None,
        client_auth: ClientAuth = "none",
    ) -> Tls:
        """From PEM files; the key may stand in the certificate's file. Raises :class:`OSError` if one is no good."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = _MODES[client_auth]
        return cls(context, _names(context, certificate))

    def fits(self, host: str) -> bool:
        """Whether the certificate is for the host of a ``Host`` header: ``X509.matches``."""
        name = re.sub(r":\d*$", "", host).strip("[]").lower()
        parent = name.partition(".")[2]
        return _canonical(name) in self.names or (bool(parent) and f"*.{parent}" in self.names)


def _canonical(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _names(server: ssl.SSLContext, certificate: str | Path) -> tuple[str, ...]:
    """What the certificate says of itself, seen by a client that trusts it: the ssl module tells it no other way."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certificate)
    decoded = _handshake(server, client)
    alternatives = [value for _, value in decoded.get("subjectAltName", ())]
    common = [value for part in decoded.get("subject", ()) for key, value in part if key == "commonName"]
    return tuple(_canonical(name.lower()) for name in (*alternatives, *common))


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """The server's certificate as the client decodes it; it is not asked for one of its own."""
    mode, server.verify_mode = server.verify_mode, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    try:
        for _ in range(4):
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                if end is ends[0]:
                    return dict(end.getpeercert() or {})
    except ssl.SSLCertVerificationError:
        return {}  # Out of date, say: Jetty serves it, and only the client minds.
    finally:
        server.verify_mode = mode
    raise AssertionError("a handshake in memory takes two rounds")
