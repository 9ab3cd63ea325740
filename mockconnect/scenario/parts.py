"""What all parts of a scenario file have in common."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from mockconnect.files.cluster import Text
from mockconnect.files.reading import Duration


class Part(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping of the file: unknown keys are mistakes."""


Several = Annotated[list[Text], msgspec.Meta(min_length=1)]
"""At least one text."""
COUNT_PATTERN: Final = r"^(>=|<=|>|<|!=)\s*\d{1,9}$"
Count = (
    Annotated[int, msgspec.Meta(ge=0)]
    | Annotated[str, msgspec.Meta(pattern=COUNT_PATTERN, extra={"expected": "a bound such as '>=2'"})]
)
"""A number, or a bound such as ``>=2``."""

__all__ = ["COUNT_PATTERN", "Count", "Duration", "Part", "Several"]
