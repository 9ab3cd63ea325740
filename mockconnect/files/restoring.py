"""Typed values as the plain data that a file has for them: ``reading``, backwards.

Rules of this room: names are those of files, durations are texts, and what has its default is left out. Whatever is made
here reads as the same value again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from mockconnect.files.durations import duration_text
from mockconnect.files.reading import is_duration

_ANY: Final = inspect.AnyType()


def data_of(value: object, kind: inspect.Type = _ANY) -> Any:
    """``kind`` is the type that the value was read into; of a struct it is its own."""
    if isinstance(value, msgspec.Struct):
        return _of_struct(value)
    if isinstance(value, Mapping):
        entries = _part(kind, inspect.DictType)
        inner = entries.value_type if isinstance(entries, inspect.DictType) else _ANY
        return {str(name): data_of(entry, inner) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        items = _part(kind, inspect.ListType)
        inner = items.item_type if isinstance(items, inspect.ListType) else _ANY
        return [data_of(item, inner) for item in value]
    if type(value) is int and any(map(is_duration, _parts(kind))):
        return duration_text(value)
    return value


def _of_struct(value: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in _fields(type(value)):
        entry = getattr(value, field.name)
        if field.required or entry != _default(field):
            found[field.encode_name] = data_of(entry, field.type)
    return found


@lru_cache(maxsize=256)
def _fields(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType), f"{struct} is no struct"
    return kind.fields


def _default(field: inspect.Field) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _parts(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """What a value of that type may be."""
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _part(kind: inspect.Type, wanted: type[inspect.Type]) -> inspect.Type | None:
    plain = (part.type if isinstance(part, inspect.Metadata) else part for part in _parts(kind))
    return next((part for part in plain if isinstance(part, wanted)), None)
