"""Where a cluster listens: ports of its workers, HTTPS, the front door and the control API.

Rules of this room: port 0 is any free one. No two things may be asked to listen on one port, and nobody gets at the
control API from another machine without a token.
"""

from __future__ import annotations

from mockconnect.arguments.values import Given, is_whole
from mockconnect.files.problems import one_of
from mockconnect.options import ControlChoice
from mockconnect.rest import front_door
from mockconnect.rest.front_door import Policy
from mockconnect.rest.ports import is_loopback
from mockconnect.rest.tls import CLIENT_AUTH, Tls
from mockconnect.usual import CONTROL_PORT


def read_port(given: Given, name: str = "port") -> int:
    value = given.get(name, 0)
    if not is_whole(value) or not 0 <= value <= 65_535:
        given.problem(name, f"expected a port from 1 to 65535, or 0 for free ones, found {value!r}")
        return 0
    return value


def check_room(given: Given, port: int, workers: int) -> None:
    """There is a port for every worker."""
    if port + workers > 65_536:
        given.problem("port", f"{workers} workers do not fit between {port} and 65535")


def _check_no_worker(given: Given, name: str, own: int, port: int, workers: int) -> None:
    if port and port <= own < port + workers:
        given.problem(name, f"{own} is the port of a worker: {port} to {port + workers - 1} are")


# --- HTTPS ----------------------------------------------------------------------------------------------------------------


def read_tls(given: Given) -> Tls | None:
    """HTTPS listeners, if there is a certificate. A client must show one of its own where its authority is named."""
    files = {name: given.file(f"tls_{name}") for name in ("cert", "key", "client_ca")}
    auth = given.text("tls_client_auth", "required" if files["client_ca"] else "none")
    if auth not in CLIENT_AUTH:
        given.problem("tls_client_auth", one_of(auth, CLIENT_AUTH))
    elif auth != "none" and files["client_ca"] is None:
        given.problem("tls_client_ca", f"missing: tls_client_auth is {auth!r}")
    if files["cert"] is None:
        for name in [name for name in ("key", "client_ca") if files[name] is not None]:
            given.problem(f"tls_{name}", "is of no use without tls_cert")
        return None
    try:
        known = next((one for one in CLIENT_AUTH if one == auth), CLIENT_AUTH[0])
        return Tls.of(files["cert"], files["key"], files["client_ca"], known)
    except OSError as error:
        given.problem("tls_cert", f"cannot be used: {error.strerror or error}")
    return None


# --- the front door -------------------------------------------------------------------------------------------------------


def read_front_door(given: Given, port: int, workers: int) -> tuple[Policy | None, int]:
    """How the door chooses among workers, and its port. A port alone is a door with the usual way to choose."""
    own = read_port(given, "front_door_port")
    _check_no_worker(given, "front_door_port", own, port, workers)
    usual = front_door.POLICIES[0] if given.get("front_door_port") is not None else ""
    value = given.text("front_door", usual)
    chosen = next((policy for policy in front_door.POLICIES if policy == value), None)
    if value and chosen is None:
        given.problem("front_door", one_of(value, front_door.POLICIES))
    return chosen, own


# --- the control API --------------------------------------------------------------------------------------------------------


def read_control(given: Given, port: int, workers: int, door_port: int) -> ControlChoice | None:
    """The control API, if there is a port for it."""
    host = given.text("control_host", "127.0.0.1")
    token = given.text("control_token", "")
    mirror = given.get("control_mirror") is None or given.flag("control_mirror")
    wanted = given.get("control_port")
    if wanted is None:
        for name in ("control_host", "control_token", "control_mirror"):
            if given.get(name) is not None:
                given.problem(name, "is of no use without control_port")
        return None
    wish = CONTROL_PORT if wanted == "auto" else 0
    own = 0 if wish else read_port(given, "control_port")
    _check_no_worker(given, "control_port", own, port, workers)
    if own and own == door_port:
        given.problem("control_port", f"{own} is the port of the front door")
    _check_token(given, token, host)
    return ControlChoice(host, own, token, mirror, wish)


def _check_token(given: Given, token: str, host: str) -> None:
    if not token and not is_loopback(host):
        given.problem("control_token", f"missing: others reach {host!r}, so the control API needs one there")
    if not token.isascii() or any(sign.isspace() for sign in token):
        given.problem("control_token", "expected ASCII letters, digits and signs without blanks")
