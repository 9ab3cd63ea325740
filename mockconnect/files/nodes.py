"""YAML and JSON as trees of texts, each with its line.

Rules of this room:

* A scalar is the text that stands in the file. Nothing is guessed from its looks, so ``on``, ``no``, ``3.10`` and
  ``1:30`` are what they say; the type that somebody reads it into decides. Only ``null``, ``~`` and an empty value
  are nothing.
* Duplicate keys, tags, and anything but one document are mistakes. Aliases are limited, in number and in what they
  multiply.
* Input is untrusted: depth and size are bounded, and no parser recurses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, Final, TypeAlias

from mockconnect.files.problems import FileError, Problem

BYTES_MAX: Final = 256 * 1024 * 1024
DEPTH_MAX: Final = 100
ALIASES_MAX: Final = 1_000
ALIASED_VALUES_MAX: Final = 100_000
"""How many values aliases may repeat, all together."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """``plain`` is false for what stands in quotes or in a block."""

    line: int
    text: str
    plain: bool = True

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "null", "~")


@dataclass(slots=True)
class Items:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Entries:
    """A mapping; ``key_lines`` has the line of each key."""

    line: int
    entries: dict[str, Node] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1


Node: TypeAlias = Scalar | Items | Entries


def parse_file(path: str | Path) -> Node:
    """Raises :class:`FileError`, also for a file that cannot be read."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
        if len(data) > BYTES_MAX:
            raise FileError([Problem(name, f"larger than {BYTES_MAX // 1024 // 1024} MiB")], name)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise FileError([Problem(name, f"cannot be read: {error.strerror or error}")], name) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError([Problem(f"{name}:{line}", "not written in UTF-8")], name) from error
    return parse(text, name, is_json=name.endswith(".json"))


def parse(text: str, name: str, *, is_json: bool = False) -> Node:
    """The tree of a text; ``name`` is what problems call it. Raises :class:`FileError`."""
    problems: list[Problem] = []
    try:
        root = _Json(text, name, problems).read() if is_json else _Yaml(name, problems).read(text)
    except _SyntaxError as error:
        problems.append(Problem(f"{name}:{error.line}", error.text))
    if problems:
        raise FileError(problems, name)
    return root


def of_data(value: object) -> Node:
    """What a program gives, as if it stood in a file; it stands on no line."""
    if isinstance(value, Mapping):
        entries = {str(name): of_data(entry) for name, entry in value.items()}
        return Entries(0, entries, dict.fromkeys(entries, 0))
    if isinstance(value, list | tuple):
        return Items(0, [of_data(item) for item in value])
    if value is None or isinstance(value, bool):
        return Scalar(0, {None: "null", True: "true", False: "false"}[value])
    return Scalar(0, str(value), plain=isinstance(value, int | float))


class _SyntaxError(Exception):
    """Nothing that follows can be understood."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class _Builder:
    """Puts nodes together, whatever they are written in: duplicate keys and depth are checked here."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self._name = name
        self._problems = problems
        self._open: list[Items | Entries] = []
        self._keys: list[Scalar | None] = []
        self.root: Node | None = None

    def problem(self, line: int, text: str) -> None:
        self._problems.append(Problem(f"{self._name}:{line}", text))

    def begin(self, node: Items | Entries) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise _SyntaxError(node.line, f"nested deeper than {DEPTH_MAX} levels")
        self._open.append(node)
        self._keys.append(None)

    def end(self) -> Items | Entries:
        node = self._open.pop()
        self._keys.pop()
        self.add(node)
        return node

    def add(self, node: Node) -> None:
        """A complete value; in a mapping every other one is a key."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.size += getattr(node, "size", 1)
        if isinstance(parent, Items):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(node)
        else:
            key, self._keys[-1] = self._keys[-1], None
            self._put(parent, key, node)

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        raise _SyntaxError(node.line, "a key must be a text")

    def _put(self, parent: Entries, key: Scalar, node: Node) -> None:
        if key.text in parent.entries:
            first = parent.key_lines[key.text]
            self.problem(key.line, f"the key {key.text!r} stands on line {first} already")
        else:
            parent.entries[key.text] = node
            parent.key_lines[key.text] = key.line


# --- YAML -------------------------------------------------------------------------------------------------------------


class _Yaml:
    """Follows the parser's events; no resolver and no constructor of PyYAML's ever sees a value."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self._build = _Builder(name, problems)
        self._anchors: dict[str, Node | None] = {}
        self._anchor_of: list[str | None] = []
        self._aliases = 0
        self._aliased_values = 0

    def read(self, text: str) -> Node:
        import yaml  # noqa: PLC0415 - only those who have such files pay for it

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            for event in yaml.parse(text, Loader=loader):
                self._event(event)
        except yaml.MarkedYAMLError as error:
            why = " ".join(str(part) for part in (error.problem, error.context) if part)
            marks: list[Any] = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
            raise _SyntaxError(marks[0].line + 1 if marks else 1, f"no YAML: {why}") from error
        except yaml.YAMLError as error:
            position = getattr(error, "position", 0)
            line = text.count("\n", 0, position if isinstance(position, int) else 0) + 1
            raise _SyntaxError(line, f"no YAML: {str(error).splitlines()[0]}") from error
        if self._build.root is None:
            raise _SyntaxError(1, "the file is empty")
        return self._build.root

    def _event(self, event: Any) -> None:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent":
            if self._build.root is not None:
                raise _SyntaxError(line, "expected one document, found another")
        elif kind == "AliasEvent":
            self._alias(event.anchor, line)
        elif kind == "ScalarEvent":
            self._check_tag(event, line)
            node = Scalar(line, event.value, event.style in (None, ""))
            self._remember(event.anchor, node)
            self._build.add(node)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self._check_tag(event, line)
            self._anchor_of.append(event.anchor)
            self._remember(event.anchor, None)
            self._build.begin(Items(line) if kind == "SequenceStartEvent" else Entries(line))
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._remember(self._anchor_of.pop(), self._build.end())

    def _check_tag(self, event: Any, line: int) -> None:
        tag = event.tag
        if tag not in (None, "!"):
            self._build.problem(line, f"a tag such as {tag!r} has no meaning here")

    def _remember(self, anchor: str | None, node: Node | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise _SyntaxError(line, f"there is no anchor &{anchor} before this")
        node = self._anchors[anchor]
        if node is None:
            raise _SyntaxError(line, f"&{anchor} contains itself")
        self._aliases += 1
        self._aliased_values += getattr(node, "size", 1)
        if self._aliases > ALIASES_MAX or self._aliased_values > ALIASED_VALUES_MAX:
            raise _SyntaxError(line, "too much is repeated by aliases")
        self._build.add(node)


# --- JSON -------------------------------------------------------------------------------------------------------------

_HALF: Final = re.compile("[\ud800-\udfff]")
"""What JSON can say by escapes, and no file can hold."""
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_WORD: Final = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


class _Json:
    """JSON by the letter. A number keeps its digits."""

    def __init__(self, text: str, name: str, problems: list[Problem]) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [found.start() for found in re.finditer("\n", text)]
        self._build = _Builder(name, problems)

    def read(self) -> Node:
        ends: list[str] = []
        for _ in self._values(ends):
            pass
        self._skip()
        if self._at < len(self._text):
            raise self._unexpected("the end of the file")
        assert self._build.root is not None
        return self._build.root

    def _values(self, ends: list[str]) -> Iterator[None]:
        """One value, and all there is inside it: ``ends`` are the signs that close what is open."""
        self._value(ends)
        while ends:
            yield
            self._skip()
            if self._take(ends[-1]):
                self._end(ends)
                continue
            if not self._first and not self._take(","):
                raise self._unexpected(f"',' or '{ends[-1]}'")
            if ends[-1] == "}":
                self._key()
            self._value(ends)

    def _key(self) -> None:
        self._skip()
        if self._peek() != '"':
            raise self._unexpected("a key in double quotes")
        self._build.add(self._string())
        self._skip()
        if not self._take(":"):
            raise self._unexpected("':'")

    def _value(self, ends: list[str]) -> None:
        self._skip()
        sign, line = self._peek(), self._line()
        self._first = sign in "{[" and sign != ""
        if self._first:
            self._at += 1
            self._build.begin(Entries(line) if sign == "{" else Items(line))
            ends.append("}" if sign == "{" else "]")
        elif sign == '"':
            self._build.add(self._string())
        else:
            found = _WORD.match(self._text, self._at)
            if found is None:
                raise self._unexpected("a value")
            self._at = found.end()
            self._build.add(Scalar(line, found[0]))

    def _end(self, ends: list[str]) -> None:
        ends.pop()
        self._first = False
        self._build.end()

    def _string(self) -> Scalar:
        line = self._line()
        try:
            text, self._at = scanstring(self._text, self._at + 1, True)
        except ValueError as error:
            raise _SyntaxError(line, f"no JSON: {str(error).split(':')[0]}") from error
        if _HALF.search(text) is not None:
            raise _SyntaxError(line, "no text: half of a surrogate pair stands alone")
        return Scalar(line, text, plain=False)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> bool:
        found = self._peek() == sign
        self._at += found
        return found

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _line(self) -> int:
        return bisect_right(self._line_ends, self._at - 1) + 1

    def _unexpected(self, expected: str) -> _SyntaxError:
        found = self._text[self._at : self._at + 12].split("\n")[0]
        return _SyntaxError(self._line(), f"no JSON: expected {expected}, found {found or 'the end'!r}")
