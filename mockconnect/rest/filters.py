"""What worker properties add to every answer: CORS, configured headers, basic authentication, admin listeners.

Rules of this room:

* Everything is read from a worker's properties once, and a bad property is a :class:`ValueError` with Connect's text.
* Headers are added to whatever reaches Connect's own handlers, errors included; Jetty's own pages never get them.
* Jetty 12 (``CrossOriginHandler``) and Jetty 9.4 (``CrossOriginFilter``) have different ideas of CORS; both are here.
* Nothing here sends or waits.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final, Protocol

from mockconnect.core.errors import ConnectError
from mockconnect.core.settings import WorkerSettings
from mockconnect.rest import java_base64
from mockconnect.rest.jetty import Headers, JettyLine

BASIC_AUTH_EXTENSION: Final = (
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
)
USERS_PROPERTY: Final = "mockconnect.basic.auth.users"
"""Not Connect's: the text of the credentials file that its JAAS configuration names, a line ``user=password`` each."""

NOT_ALLOWED: Final = b"User cannot access the resource."


class Cors(Protocol):
    """Either Jetty's idea of cross-origin headers."""

    def headers(self, method: str, sent: Mapping[str, str]) -> Headers: ...


@dataclass(frozen=True, slots=True)
class CrossOriginHandler:
    """Jetty 12: origins are regular expressions, and a preflight is told what is allowed rather than judged."""

    origins: tuple[re.Pattern[str], ...]
    methods: str

    def headers(self, method: str, sent: Mapping[str, str]) -> Headers:
        origin = sent.get("Origin")
        if origin is None or not self._allows(origin):
            return (("Vary", "Origin"),)
        allowed = (("Vary", "Origin"), ("Access-Control-Allow-Origin", origin))
        if method != "OPTIONS" or "Access-Control-Request-Method" not in sent:
            return allowed
        return (
            *allowed,
            ("Access-Control-Allow-Methods", self.methods),
            ("Access-Control-Allow-Headers", "Content-Type"),
            ("Access-Control-Max-Age", "60"),
        )

    def _allows(self, origins: str) -> bool:
        """One of several is enough."""
        return any(
            pattern.fullmatch(origin) for origin in origins.split(" ") if origin for pattern in self.origins
        )


_HEADERS_OF_9: Final = "X-Requested-With,Content-Type,Accept,Origin"


@dataclass(frozen=True, slots=True)
class CrossOriginFilter:
    """Jetty 9.4: origins are texts, in which ``*`` stands for anything."""

    origins: tuple[re.Pattern[str], ...]
    any_origin: bool
    methods: str

    def headers(self, method: str, sent: Mapping[str, str]) -> Headers:
        origin = sent.get("Origin")
        if origin is None or not self._allows(origin):
            return ()
        wanted = sent.get("Access-Control-Request-Method")
        if method == "OPTIONS" and wanted is not None:
            return self._preflight(origin, wanted, sent.get("Access-Control-Request-Headers", ""))
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Vary", "Origin"),
            ("Access-Control-Allow-Credentials", "true"),
        )

    def _preflight(self, origin: str, method: str, headers: str) -> Headers:
        wanted = [header.strip().lower() for header in headers.split(",") if header.strip()]
        if method not in self.methods.split(",") or not set(wanted) <= set(_HEADERS_OF_9.lower().split(",")):
            return ()
        vary = () if self.any_origin else (("Vary", "Origin"),)
        return (
            ("Access-Control-Allow-Origin", origin),
            *vary,
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Max-Age", "1800"),
            ("Access-Control-Allow-Methods", self.methods),
            ("Access-Control-Allow-Headers", _HEADERS_OF_9),
        )

    def _allows(self, origins: str) -> bool:
        return self.any_origin or any(
            pattern.fullmatch(each) for each in origins.split(" ") for pattern in self.origins
        )


def cors_of(origins: str, methods: str, jetty: JettyLine, methods_of_9: str = "GET,POST,HEAD") -> Cors | None:
    """From ``access.control.allow.origin`` and ``access.control.allow.methods``; ``None`` without an origin.

    ``methods_of_9`` are those that Jetty 9.4 allows when none are configured.
    """
    if not origins.strip():
        return None
    if jetty == 12:
        patterns = [".*" if origin == "*" else origin for origin in origins.split(",")]
        compiled = tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
        return CrossOriginHandler(compiled, methods if methods.strip() else "HEAD,POST,GET")
    names = [origin.strip() for origin in origins.split(",")]
    literal = tuple(re.compile(re.escape(name).replace(r"\*", ".*")) for name in names)
    return CrossOriginFilter(literal, "*" in names, methods.strip() or methods_of_9)


# --- response.http.headers.config -------------------------------------------------------------------------------------

_ACTIONS: Final = ("set", "add", "setDate", "addDate")


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """One rule: a date is ``value`` milliseconds from now."""

    replaces: bool
    is_date: bool
    name: str
    value: str

    def shown(self, epoch_ms: int) -> str:
        return formatdate((epoch_ms + int(self.value)) // 1000, usegmt=True) if self.is_date else self.value


def header_rules(config: str) -> tuple[HeaderRule, ...]:
    """``response.http.headers.config``. Raises :class:`ValueError`."""
    if not config.strip():
        return ()
    (rules,) = csv.reader([config], skipinitialspace=True)
    return tuple(_header_rule(rule) for rule in rules)


def _header_rule(rule: str) -> HeaderRule:
    """``RestServerConfig.validateHttpResponseHeaderConfig``."""
    action, *rest = rule.strip().split(maxsplit=1)
    if not rest:
        expected = "'[action] [header name]:[header value]'"
        raise ValueError(f"Invalid format of header config '{rule}'. Expected: {expected}")
    known = next((each for each in _ACTIONS if each.lower() == action.lower()), None)
    if known is None:
        raise ValueError(f"Invalid header config action: '{action}'. Expected one of [{', '.join(_ACTIONS)}]")
    name, *values = rest[0].strip().split(":")
    if len(values) != 1:
        raise ValueError(
            f"Invalid format of header name and header value pair '{rest[0]}'. Expected: '[header name]:[header value]'"
        )
    if not name.strip() or re.search(r"\s", name.strip()):
        raise ValueError(
            f"Invalid header name '{name.strip()}'. The '[header name]' cannot contain whitespace"
        )
    return HeaderRule(known.startswith("set"), known.endswith("Date"), name.strip(), values[0].strip())


# --- basic authentication ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """``JaasBasicAuthFilter`` with ``PropertyFileLoginModule``: without any user everybody may come in."""

    users: Mapping[str, str]

    def admits(self, authorization: str | None) -> bool:
        """Raises :class:`ConnectError` (500) for credentials that are no Base64, as the real filter does."""
        user, password = _credentials(authorization)
        return not self.users or (user is not None and self.users.get(user) == password)


def _credentials(authorization: str | None) -> tuple[str | None, str | None]:
    scheme, blank, encoded = (authorization or "").partition(" ")
    if not blank or scheme.lower() != "basic":
        return None, None
    try:
        decoded = java_base64.decode(encoded).decode("utf-8", "replace")
    except ValueError as error:
        raise ConnectError(500, str(error), "java.lang.IllegalArgumentException") from None
    user, colon, password = decoded.partition(":")
    return (user, password) if user and colon else (None, None)


def _users(text: str) -> dict[str, str]:
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and line[0] not in "#!"]
    return {user.strip(): password.strip() for user, _, password in pairs}


# --- admin listeners --------------------------------------------------------------------------------------------------

_LISTENER: Final = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")

Address = tuple[str, int]


def _addresses(listeners: str) -> tuple[Address, ...]:
    """``RestServer.createConnector`` of each; blank entries do not count."""
    addresses = []
    for listener in filter(None, map(str.strip, listeners.split(","))):
        found = _LISTENER.fullmatch(listener)
        if found is None:
            raise ValueError("Listener doesn't have the right format (protocol://hostname:port).")
        if found[1].lower() not in ("http", "https"):
            raise ValueError('Listener protocol must be either "http" or "https".')
        addresses.append((found[2], int(found[3])))
    return tuple(addresses)


# --- all together -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What stands between Jetty and the resources of one worker.

    ``admin_addresses``: ``None`` serves loggers on the main listener, ``()`` nowhere.
    """

    cors: Cors | None = None
    rules: tuple[HeaderRule, ...] = ()
    basic_auth: BasicAuth | None = None
    admin_addresses: tuple[Address, ...] | None = None

    @classmethod
    def of(cls, settings: WorkerSettings, jetty: JettyLine) -> Filters:
        """From the worker's properties. Raises :class:`ValueError` where the worker would not start."""
        config = dict(settings.config)
        admin = config.get("admin.listeners")
        extensions = [each.strip() for each in config.get("rest.extension.classes", "").split(",")]
        basic_auth = (
            BasicAuth(_users(config.get(USERS_PROPERTY, ""))) if BASIC_AUTH_EXTENSION in extensions else None
        )
        return cls(
            cors_of(
                config.get("access.control.allow.origin", ""),
                config.get("access.control.allow.methods", ""),
                jetty,
                # Before 3.0 a mixed-up condition configured the filter with no methods at all: no preflight succeeds.
                "GET,POST,HEAD" if settings.version.has("cors_default_methods") else "",
            ),
            header_rules(config.get("response.http.headers.config", "")),
            basic_auth,
            None if admin is None else _addresses(admin),
        )

    def admits(self, authorization: str | None) -> bool:
        """What basic authentication, if there is any, says of an ``Authorization`` header; raises as it does."""
        return self.basic_auth is None or self.basic_auth.admits(authorization)

    @property
    def adds_headers(self) -> bool:
        return self.cors is not None or bool(self.rules)

    def headers(self, method: str, sent: Mapping[str, str], epoch_ms: int) -> Headers:
        """What is added to an answer: CORS first, then the configured ones."""
        added = [] if self.cors is None else list(self.cors.headers(method, sent))
        for rule in self.rules:
            if rule.replaces:
                added = [pair for pair in added if pair[0].lower() != rule.name.lower()]
            added.append((rule.name, rule.shown(epoch_ms)))
        return tuple(added)


ADMIN_FILTERS: Final = Filters()
"""A separate admin listener has none of it."""
