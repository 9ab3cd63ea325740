"""Plain data as YAML that people like to read, and that every YAML reader reads as the same texts.

Rules of this room: block style; short lists and mappings without inner ones go on one line. A text stands plain only
where nothing could take it for something else; several lines are a literal block. What is written appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

WIDTH: Final = 118
_PLAIN: Final = re.compile(r"[A-Za-z_/][\w./*@+-]*(?: [\w./*@+-]+)*")
_MEANS_MORE: Final = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null)")
_BLOCK: Final = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]*")
_ESCAPED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def dump(value: Mapping[str, object], head: str = "", blocks: Collection[str] = ()) -> str:
    """``head`` is a comment for the first lines; ``blocks`` name entries that never go on one line."""
    lines = [f"# {line}" for line in head.splitlines()]
    for name, entry in value.items():
        start = f"{_text(name)}:"
        lines += [start, *_block(entry, "")] if name in blocks else _entry(start, entry, "")
    return "".join(f"{line}\n" for line in lines)


def write(path: str | Path, text: str) -> None:
    """All or nothing. Raises :class:`OSError`."""
    target = Path(path)
    partly = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partly.write_text(text, encoding="utf-8")
        partly.replace(target)
    except OSError:
        with suppress(OSError):
            partly.unlink()
        raise


def _mapping(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, entry in value.items():
        yield from _entry(f"{indent}{_text(str(name))}:", entry, indent)


def _items(value: Sequence[object], indent: str) -> Iterator[str]:
    for item in value:
        long = len(indent + _flow(item)) + 2 > WIDTH
        if isinstance(item, Mapping) and item and (long or _has_block(item)):
            first, *others = _mapping(item, f"{indent}  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from others
        else:
            yield from _entry(f"{indent}-", item, indent)


def _entry(start: str, value: object, indent: str) -> Iterator[str]:
    """What follows a key or a dash."""
    if isinstance(value, str) and _is_block(value):
        chomping = "" if value.endswith("\n") else "-"
        yield f"{start} |{chomping}"
        for line in value.removesuffix("\n").split("\n"):
            yield f"{indent}  {line}" if line else ""
        return
    flow = f"{start} {_flow(value)}"
    if not _is_collection(value) or (len(flow) <= WIDTH and not _has_block(value)):
        yield flow
        return
    yield start
    yield from _block(value, indent)


def _block(value: object, indent: str) -> Iterator[str]:
    """On lines of its own."""
    if isinstance(value, Mapping):
        yield from _mapping(value, f"{indent}  ")
    elif isinstance(value, list | tuple):
        yield from _items(value, f"{indent}  ")


def _is_collection(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _has_block(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_block(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_block(one) for one in value)
    return isinstance(value, str) and _is_block(value)


def _is_block(text: str) -> bool:
    """A block keeps lines as they are; it cannot begin with a blank or an empty line, nor end with several."""
    starts = text[:1] not in (" ", "\t", "\n")
    return "\n" in text[:-1] and starts and not text.endswith("\n\n") and _BLOCK.fullmatch(text) is not None


def _flow(value: object) -> str:
    """On one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(name))}: {_flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _MEANS_MORE.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
