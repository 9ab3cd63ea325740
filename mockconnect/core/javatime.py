"""How Java writes instants.

Rules of this room: milliseconds since 1970 in, text out; no clock and no time zone.
"""

from __future__ import annotations


def java_instant(epoch_ms: int) -> str:
    """``Instant.toString()``: milliseconds only when there are any."""
    days, ms = divmod(epoch_ms, 86_400_000)
    seconds, millis = divmod(ms, 1000)
    year, month, day = _civil(days)
    hours, minutes = divmod(seconds // 60, 60)
    fraction = f".{millis:03d}" if millis else ""
    return f"{year:04d}-{month:02d}-{day:02d}T{hours:02d}:{minutes:02d}:{seconds % 60:02d}{fraction}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 as a date of the Gregorian calendar."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day
