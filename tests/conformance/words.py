"""Of what requests are made by `drawing.py`: names, values and headers that are right, nearly right and wrong.

Tables only. Their order counts: a seed picks by position.
"""

from __future__ import annotations

from typing import Final

from .simulated import PACKAGE

# fmt: off
CONNECTORS: Final = (
    "FileStreamSource", "FileStreamSinkConnector", "org.apache.kafka.connect.file.FileStreamSinkConnector",
    f"{PACKAGE}TestSourceConnector", f"{PACKAGE}TestSinkConnector", f"{PACKAGE}TypedSourceConnector",
    f"{PACKAGE}NoOffsetsSourceConnector",
)
NO_CONNECTORS: Final = (
    "Nope", "", " ", "java.lang.String", f"{PACKAGE}AbstractSourceConnector", "JsonConverter", "int", "[I", "a b",
    "filestreamsource", " FileStreamSource", "FileStreamSource ", "FileStream",
    "org.apache.kafka.connect.source.SourceConnector", f"{PACKAGE}NullConfigSourceConnector",
)
MIRRORS: Final = tuple(
    f"org.apache.kafka.connect.mirror.Mirror{kind}Connector" for kind in ("Source", "Checkpoint", "Heartbeat")
)
TRANSFORMS: Final = "org.apache.kafka.connect.transforms."
ODD_NAMES: Final = (
    "a b", "ünï", "%41", "a+b", "x;y", "semi;v=1", "..", ".", "😀", "a%2Fb", "a%5Cb", "{z}", "'q'", "%00",
    "%E2%82%AC", "-", "a=b&c", "%C3", "n" * 300,
)
DELETABLE_NAMES: Final = ("a b", "ünï", "a+b", "x;y", "😀", "'q'", "-", "a=b&c")
"""Of the odd ones: what stays behind makes lists longer, and shifts the balance of workers."""
TEXTS: Final = (
    "", " ", "x", "a,b", "a, b ,", ",", "null", "true", "ä€😀", "a\nb", "\t", "\u00a0", "\u0000", "${file:a:b}",
    "${env:X}", "${}", "$", '"', "\\", "y" * 3000,
)
INTS: Final = (
    "0", "1", "-1", "2", "+3", " 4 ", "007", "1.0", "1e3", "0x10", "٣", "", "abc", "2147483647", "2147483648",
    "-2147483648", "-2147483649", "32768", "9223372036854775807", "9223372036854775808", "1_000", "1L", "--1", "+",
    "-", "１",
)
DOUBLES: Final = (
    *INTS, "NaN", "Infinity", "-Infinity", "+.5", "5.", ".", "1d", "1f", "0x1p3", "1e400", "1e-400", "nan", "1e",
    "4.9E-325", "1,5",
)
BOOLEANS: Final = ("true", "false", "TRUE", " False ", "yes", "1", "", "t", "true\n")
LISTS: Final = (
    "a", "a,b", "a,a", " a , b ", ",", "a,", ",a", "a,,b", "", " ", "a b", "a\tb,c", "*", "a,b,c,d,e,f,g,h",
)
CLASSES: Final = (
    "java.lang.String", "Nope", "", " ", "org.apache.kafka.connect.json.JsonConverter", "JsonConverter", "Json",
    "StringConverter", "org.apache.kafka.connect.storage.StringConverter",
    "org.apache.kafka.connect.storage.Converter", "SimpleHeaderConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter", f"{TRANSFORMS}Filter", "int", "LongConverter",
)
REGEXES: Final = (
    "a.*", "[", "(", ")", "*", "a**", "a{2,1}", "\\", "(?<n>a)\\k<m>", "(?i)A", "\\p{Foo}", "[z-a]", "a{", "(?",
    "(?x", "\\Qa", "[a&&[^b]]", "(?<1>a)", "x{99999999999}", "+", "a|*", "\\x", "\\u12", "[[:alpha:]]", "(?<=a+)b",
    "\\c", "\\07", "\\0", "(?P<n>a)", "[]", "[^]", "a++", "{", "}", "a{,3}", "\\N{X}", "\\1", "(a)\\2", "^$", "|",
    "\\pL", "\\p", "(?-", "(?#c)", "[\\",
)
STATES: Final = ("RUNNING", "STOPPED", "PAUSED", "paused", "FAILED", "", None, 1, " STOPPED")
LEVELS: Final = (
    "DEBUG", "info", "Warn", "ERROR", "TRACE", "OFF", "FATAL", "ALL", "NOPE", "", " INFO", None, 1, True, {},
    "debug\n",
)
LOGGERS: Final = (
    "org.apache.kafka.connect.runtime.Worker", "my{n}.logger", "my{n}", "my{n}.logger.child", "no{n}", "a%20{n}",
    "%20", "my{n}.", ".my{n}",
)
TYPES: Final = (
    "application/json", "text/plain", "application/json; charset=utf-8", "application/JSON;q=1", "*/*", "text/html",
    "application/*", "garbage", "", "application/json, text/html;q=0.5", "application/xml",
    "application/json;charset=iso-8859-1", "/", "application/json/x", "a/b;c", "application/octet-stream",
    'application/json;charset="utf-8"', "application/json;q=0",
)
QUERIES: Final = (
    "expand=status", "expand=info", "expand=status&expand=info", "expand=STATUS", "expand=", "expand",
    "forward=true", "forward=false", "forward=", "forward", "forward=no", "includeTasks=true", "onlyFailed=true",
    "includeTasks=true&onlyFailed=true", "includeTasks=", "includeTasks=yes", "connectorsOnly=false",
    "connectorsOnly=0", "reset=true", "version=4.3.1", "version=", "version=%5B1,)", "scope=cluster", "scope=worker",
    "scope=", "scope=CLUSTER", "scope=cluster&scope=worker", "a=%ZZ", "a=%C3", "&&", "=x", "expand=status%20",
    "expand=%73tatus", "a+b", "%", ";", "expand=status;expand=info", "includeTasks=true&includeTasks=false",
    "forward=true&forward=false", "%65xpand=info", "expand=info#x", "?expand=info",
)
HEADERS: Final = (
    ("X-HTTP-Method-Override", "DELETE"), ("Accept-Encoding", "gzip"), ("Connection", "close"),
    ("Connection", "keep-alive"), ("Host", "other.example:1"), ("Host", "a b"), ("Host", "[::1]"),
    ("Origin", "http://o.example"), ("Accept-Language", "de"), ("If-Match", "x"), ("Range", "bytes=0-1"),
    ("Cookie", "a=b"), ("Authorization", "Basic eDp5"), ("X-Forwarded-Host", "f.example"),
    ("Transfer-Encoding", "identity"), ("Upgrade", "h2c"), ("Content-Encoding", "gzip"), ("Expect", "100-continue"),
    ("Accept-Charset", "utf-16"), ("Max-Forwards", "0"), ("Host", "h.example:99999"), ("Content-Language", "x-"),
    ("Cookie", "=;\""), ("If-Modified-Since", "nonsense"), ("Accept-Language", "*;q=x"), ("Content-Length", "0"),
    ("Content-Length", "-1"), ("Forwarded", "for=x;host=y"),
)
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "get")
PATHS: Final = (
    "/", "/health", "/connectors", "/connectors/{c}", "/connectors/{c}/config", "/connectors/{c}/status",
    "/connectors/{c}/tasks", "/connectors/{c}/tasks-config", "/connectors/{c}/tasks/{t}/status",
    "/connectors/{c}/tasks/{t}/restart", "/connectors/{c}/restart", "/connectors/{c}/pause",
    "/connectors/{c}/resume", "/connectors/{c}/stop", "/connectors/{c}/topics", "/connectors/{c}/topics/reset",
    "/connectors/{c}/offsets", "/connectors/{c}/fence", "/connector-plugins", "/connector-plugins/{p}/config",
    "/connector-plugins/{p}/config/validate", "/admin/loggers/{l}", "/admin", "/nope", "/connectors/{c}/tasks/{t}",
    "/connectors/{c}/topics/x", "/favicon.ico", "/connector-plugins/{p}",
)
TASKS: Final = (
    "0", "0", "1", "2", "9", "-1", "+1", "x", "00", "0.0", "%30", "2147483648", "-2147483648", "%D9%A3", "1;a=b",
    "-0",
)
SPOILING: Final = (
    '"', "{", "}", "[", "]", ":", ",", "\\", "\n", "\x00", "\x1f", "é", "\\u0000", "\\ud800", "null", "1", "-", "//",
    "'", " ", "\t", "\\x", "NaN", "1e999", "\ufeff", "#", "0", "tru", "}}",
)
TRAILING: Final = (" ", "x", "{}", ",", "]", "}", "\x00", " null", "//c", "\n\n", "1")
# fmt: on
