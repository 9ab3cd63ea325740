"""Java regular expressions: is one valid, with what error, and does it match.

Rules of this room: pure functions. Validation only has to show ``PatternSyntaxException`` as Java words it for the
mistakes people make (brackets, groups, stray quantifiers, escapes); exotic ones pass as valid. Matching goes through
Python's ``re`` after the few spellings that differ were translated.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMED_GROUP = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_PLAIN_ESCAPES = frozenset("tnrfaedDhHsSvVwWbBAGZzRX0123456789")
_INLINE_FLAGS = frozenset("idmsuxUc-")


class RegexError(Exception):
    """``PatternSyntaxException``: ``str()`` of it is Java's ``getMessage()``."""

    def __init__(self, text: str, pattern: str, index: int) -> None:
        where = f" near index {index}" if index >= 0 else ""
        caret = f"\n{' ' * index}^" if 0 <= index < len(pattern) else ""
        super().__init__(f"{text}{where}\n{pattern}{caret}")


@lru_cache(maxsize=1024)
def error_of(pattern: str) -> str | None:
    """Java's message for an invalid pattern, or ``None`` if it compiles."""
    try:
        _Parser(pattern).check()
    except RegexError as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_NAMED_GROUP.sub(r"(?P<\1>", pattern))
    except re.error:
        return None


def matches(pattern: str, text: str) -> bool:
    """``Pattern.matches``; a pattern that Python cannot read matches nothing."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None


class _Parser:
    """One pass over a pattern; the position is kept where ``java.util.regex.Pattern`` would report an error."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.open_groups = 0
        self.groups: list[str] = []

    def error(self, text: str, index: int) -> RegexError:
        return RegexError(text, self.pattern, index)

    def peek(self) -> str:
        return self.pattern[self.at] if self.at < len(self.pattern) else ""

    def check(self) -> None:
        quantifiable = False
        while character := self.peek():
            if character in "*+?" and not quantifiable:
                raise self.error(f"Dangling meta character '{character}'", self.at)
            quantifiable = self.step(character)
        if self.open_groups:
            raise self.error("Unclosed group", len(self.pattern))

    def step(self, character: str) -> bool:
        """Consume one element with its quantifier; whether a further quantifier may follow (never)."""
        match character:
            case "[":
                self.character_class()
            case "(":
                self.group_start()
                return False
            case ")":
                self.group_end()
            case "\\":
                self.escape()
            case "|":
                self.at += 1
                return False
            case "{":
                raise self.error("Illegal repetition", self.at + 1)
            case "^" | "$":
                self.at += 1
                return True
            case _:
                self.at += 1
        self.quantifier()
        return False

    def quantifier(self) -> None:
        character = self.peek()
        if character == "{":
            self.counted()
        elif character and character in "*+?":
            self.at += 1
        else:
            return
        if self.peek() and self.peek() in "+?":
            self.at += 1

    def counted(self) -> None:
        opened = self.at
        low = self.number(opened + 1)
        if low is None:
            raise self.error("Illegal repetition", opened + 1)
        high: int | None = low
        if self.peek() == ",":
            high = self.number(self.at + 1) if self.pattern[self.at + 1 : self.at + 2] != "}" else None
            self.at += self.peek() == ","
        if self.peek() != "}":
            raise self.error("Unclosed counted closure", self.at)
        if high is not None and high < low:
            raise self.error("Illegal repetition range", self.at)
        self.at += 1

    def number(self, start: int) -> int | None:
        end = start
        while self.pattern[end : end + 1].isdecimal():
            end += 1
            if int(self.pattern[start:end]) > 0x7FFFFFFF:
                raise self.error("Illegal repetition range", end - 1)
        if end == start:
            return None
        self.at = end
        return int(self.pattern[start:end])

    def group_start(self) -> None:
        self.open_groups += 1
        self.at += 1
        if self.peek() != "?":
            return
        self.at += 1
        character = self.peek()
        if character and character in ":=!>":
            self.at += 1
        elif character == "<":
            self.look_behind_or_name()
        else:
            self.inline_flags()

    def look_behind_or_name(self) -> None:
        self.at += 1
        if self.peek() and self.peek() in "=!":
            self.at += 1
            return
        found = re.match(r"[A-Za-z][A-Za-z0-9]*", self.pattern[self.at :])
        if found is None:
            raise self.error("capturing group name does not start with a Latin letter", self.at)
        self.at += found.end()
        if self.peek() != ">":
            raise self.error("named capturing group is missing trailing '>'", self.at)
        if found[0] in self.groups:
            raise self.error(f"Named capturing group <{found[0]}> is already defined", self.at)
        self.groups.append(found[0])
        self.at += 1

    def inline_flags(self) -> None:
        while self.peek() and self.peek() in _INLINE_FLAGS:
            self.at += 1
        if self.peek() == ")":
            self.open_groups -= 1
        elif self.peek() != ":":
            raise self.error("Unknown inline modifier", self.at)
        self.at += 1

    def group_end(self) -> None:
        if not self.open_groups:
            raise self.error("Unmatched closing ')'", self.at - 1)
        self.open_groups -= 1
        self.at += 1

    def escape(self) -> None:
        start = self.at
        character = self.pattern[start + 1 : start + 2]
        self.at += 2
        if not character:
            raise self.error("Unexpected internal error", len(self.pattern))
        if character == "Q":
            end = self.pattern.find("\\E", self.at)
            self.at = len(self.pattern) if end < 0 else end + 2
        elif character in "pP":
            end = self.pattern.find("}", self.at) if self.peek() == "{" else self.at
            self.at = max(end, self.at) + 1
        elif character == "k":
            self.back_reference()
        elif character.isascii() and character.isalpha() and character not in _PLAIN_ESCAPES | set("xucNk"):
            raise self.error("Illegal/unsupported escape sequence", start + 1)

    def back_reference(self) -> None:
        found = re.match(r"<([A-Za-z][A-Za-z0-9]*)>", self.pattern[self.at :])
        if found is None:
            raise self.error("\\k is not followed by '<' for named capturing group", self.at)
        self.at += found.end()
        if found[1] not in self.groups:
            raise self.error(f"named capturing group <{found[1]}> does not exist", self.at - 1)

    def character_class(self) -> None:
        """From ``[`` to its ``]``: a ``]`` right after the bracket is a plain character, classes nest."""
        self.at += 1
        self.at += self.peek() == "^"
        first = True
        while (character := self.peek()) != "]" or first:
            if not character:
                raise self.error("Unclosed character class", len(self.pattern) - 1)
            if character == "[":
                self.character_class()
            elif character == "\\":
                self.escape()
            else:
                self.at += 1
                self.character_range(character)
            first = False
        self.at += 1

    def character_range(self, low: str) -> None:
        end = self.pattern[self.at + 1 : self.at + 2]
        if self.peek() != "-" or end in ("]", "[", "\\"):
            return
        if not end or end < low:
            raise self.error("Illegal character range", min(self.at + 1, len(self.pattern)))
        self.at += 2
