r"""Java regular expressions: is one valid, with what error, and does it match.

Rules of this room: pure functions. Validation only has to show ``PatternSyntaxException`` as Java words it for the
mistakes people make (brackets, groups, stray quantifiers, escapes); of what is quoted between ``\\Q`` and ``\\E``, and of names
of blocks and scripts, nothing is checked. Matching goes through
Python's ``re`` after the few spellings that differ were translated.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NAMED_GROUP = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_PLAIN_ESCAPES = frozenset("tnrfaedDhHsSvVwW")
_OUTSIDE_CLASSES = frozenset("bBAGZzRX123456789k")
_OCTAL = frozenset("01234567")
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_CODE_POINT_MAX = 0x10FFFF
_PROPERTIES = frozenset(
    [
        "Cn",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Me",
        "Mc",
        "Nd",
        "Nl",
        "No",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Co",
        "Cs",
        "Pd",
        "Ps",
        "Pe",
        "Pc",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Pi",
        "Pf",
        "L",
        "M",
        "N",
        "Z",
        "C",
        "P",
        "S",
        "LC",
        "LD",
        "L1",
        "all",
        "ASCII",
        "Alnum",
        "Alpha",
        "Blank",
        "Cntrl",
        "Digit",
        "Graph",
        "Lower",
        "Print",
        "Punct",
        "Space",
        "Upper",
        "XDigit",
        "javaLowerCase",
        "javaUpperCase",
        "javaAlphabetic",
        "javaIdeographic",
        "javaTitleCase",
        "javaDigit",
        "javaDefined",
        "javaLetter",
        "javaLetterOrDigit",
        "javaJavaIdentifierStart",
        "javaJavaIdentifierPart",
        "javaUnicodeIdentifierStart",
        "javaUnicodeIdentifierPart",
        "javaIdentifierIgnorable",
        "javaSpaceChar",
        "javaWhitespace",
        "javaISOControl",
        "javaMirrored",
    ]
)
"""What ``\\p{...}`` knows by name. Blocks (``In``) and scripts (``Is``) all pass as known."""
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
                pass  # of nothing
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
            self.at += 1
            high = None if self.peek() == "}" else self.number(self.at)
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
        elif character and character in "$@":
            raise self.error("Unknown group type", self.at)
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

    def read(self) -> str:
        """The next character; behind the end NUL, and the position moves all the same."""
        character = self.peek() or "\0"
        self.at += 1
        return character

    def failed(self, text: str) -> RegexError:
        """An error at the character that was read last."""
        return self.error(text, self.at - 1)

    def escape(self, *, in_class: bool = False) -> None:
        self.at += 1
        if self.at >= len(self.pattern):
            raise self.unfinished(in_class)
        match character := self.read():
            case "p" | "P":
                self.family()
            case "0":
                self.octal()
            case "x":
                self.hexadecimal()
            case "u":
                self.unicode()
            case "N":
                self.character_name()
            case "k" if not in_class:
                self.back_reference()
            case "Q" | "c":
                self.quoted(character)
            case _:
                known = _PLAIN_ESCAPES if in_class else _PLAIN_ESCAPES | _OUTSIDE_CLASSES
                if character.isascii() and character.isalnum() and character not in known:
                    raise self.failed("Illegal/unsupported escape sequence")

    def unfinished(self, in_class: bool) -> RegexError:
        """A backslash at the end."""
        if in_class:
            return self.error("Unclosed character class", len(self.pattern))
        if self.open_groups:
            return self.error("Unclosed group", len(self.pattern) + 1)
        return self.error("Unexpected internal error", len(self.pattern))

    def quoted(self, how: str) -> None:
        """What is behind ``\\Q``, or the one character behind ``\\c``."""
        if how == "Q":
            end = self.pattern.find("\\E", self.at)
            self.at = len(self.pattern) if end < 0 else end + 2
        elif self.at >= len(self.pattern):
            raise self.failed("Illegal control escape sequence")
        else:
            self.at += 1

    def unicode(self) -> None:
        if any(self.read() not in _HEXADECIMAL for _ in range(4)):
            raise self.failed("Illegal Unicode escape sequence")

    def octal(self) -> None:
        first = self.read()
        if first not in _OCTAL:
            raise self.failed("Illegal octal escape sequence")
        for _ in range(2 if first <= "3" else 1):
            self.at += self.peek() in _OCTAL

    def hexadecimal(self) -> None:
        first = self.read()
        if first in _HEXADECIMAL and self.read() in _HEXADECIMAL:
            return
        if first != "{" or self.peek() not in _HEXADECIMAL:
            raise self.failed("Illegal hexadecimal escape sequence")
        code = 0
        while (character := self.read()) in _HEXADECIMAL:
            code = code * 16 + int(character, 16)
            if code > _CODE_POINT_MAX:
                raise self.failed("Hexadecimal codepoint is too big")
        if character != "}":
            raise self.failed("Unclosed hexadecimal escape sequence")

    def character_name(self) -> None:
        if self.read() != "{":
            raise self.failed("Illegal character name escape sequence")
        start = self.at
        while self.read() != "}":
            if self.at >= len(self.pattern):
                raise self.failed("Unclosed character name escape sequence")
        name = self.pattern[start : self.at - 1]
        try:
            unicodedata.lookup(name.strip())
        except KeyError:
            raise self.failed(f"Unknown character name [{name}]") from None

    def family(self) -> None:
        """``\\pL`` or ``\\p{name}``."""
        name = self.read()
        if name == "{":
            start = self.at
            end = self.pattern.find("}", start)
            self.at = (len(self.pattern) if end < 0 else end) + 1
            if end < 0:
                raise self.failed("Unclosed character family")
            if end == start:
                raise self.failed("Empty character family")
            name = self.pattern[start:end]
        key, equals, value = name.partition("=")
        if equals:
            if key.lower() not in ("sc", "script", "blk", "block", "gc", "general_category"):
                raise self.failed(f"Unknown Unicode property {{name=<{key.lower()}>, value=<{value}>}}")
        elif name not in _PROPERTIES and not name.startswith(("In", "Is")):
            raise self.failed(f"Unknown character property name {{{name}}}")

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
                self.escape(in_class=True)
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
