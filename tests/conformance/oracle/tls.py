"""Key stores as Java wants them, made of the PEM files in `certificates/`, and contexts for those who ask from outside.

Rules of this room: the keys in `certificates/` protect nothing. `worker`, `client` and `elsewhere` (whose name is not that of
this machine) are signed by `authority`; `stranger` is signed by another one, which nobody else trusts.
"""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Final

from .process import OracleError

CERTIFICATES: Final = Path(__file__).parents[1] / "certificates"
PASSWORD: Final = "testing"
PREFIX: Final = "listeners.https.ssl."


def worker_properties(folder: Path, identity: str, trusts: str, client_auth: str) -> dict[str, str]:
    """Make the stores in `folder` and give the worker properties that name them."""
    keys, trust = folder / f"{identity}.p12", folder / f"{trusts}.p12"
    if not keys.exists():
        pem = CERTIFICATES / f"{identity}.pem"
        _run("openssl", "pkcs12", "-export", "-in", pem, "-out", keys, "-passout", f"pass:{PASSWORD}")
    if not trust.exists():
        pem = CERTIFICATES / f"{trusts}.pem"
        command = ("keytool", "-importcert", "-noprompt", "-alias", "authority", "-file", pem)
        _run(*command, "-keystore", trust, "-storetype", "PKCS12", "-storepass", PASSWORD)
    stores = {"keystore": keys, "truststore": trust}
    return {
        **{f"{PREFIX}{kind}.location": str(path) for kind, path in stores.items()},
        **{f"{PREFIX}{kind}.password": PASSWORD for kind in stores},
        **{f"{PREFIX}{kind}.type": "PKCS12" for kind in stores},
        f"{PREFIX}key.password": PASSWORD,
        f"{PREFIX}client.auth": client_auth,
    }


def client_context(identity: str | None = "client") -> ssl.SSLContext:
    """For asking a worker, whoever it is: shows the certificate of `identity`, if it has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(CERTIFICATES / f"{identity}.pem")
    return context


def _run(*command: object) -> None:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    if result.returncode:
        raise OracleError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
