"""Durations and timestamps with nanoseconds, as CEL in Go has them: parsing, text, arithmetic.

A duration is an int64 of nanoseconds. A timestamp lies between the years 1 and 9999 and keeps the
offset it was written with, for its text only: getters read UTC unless given a zone.
Everything out of range raises ValueError.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from assay.engine.cel.functions import Overload

SECOND = 1_000_000_000
MAX_NANOSECONDS = 2**63 - 1
MIN_NANOSECONDS = -(2**63)
MIN_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z
MAX_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, micro sign
    "μs": 1_000,  # U+03BC, Greek mu
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)[^0-9.]+"
_DURATION = re.compile(rf"[+-]?(?:0|(?:{_PART})+)\Z")
_PARTS = re.compile(r"([0-9]*)\.?([0-9]*)([^0-9.]+)")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))\Z"
)
_OFFSET = re.compile(r"([+-]?[0-9]+):([+-]?[0-9]+)\Z")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*\Z")
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Duration:
    """A length of time in whole nanoseconds; ordered, hashable, immutable by convention."""

    __slots__ = ("nanoseconds",)
    cel_type = "google.protobuf.Duration"

    def __init__(self, nanoseconds: int) -> None:
        if not MIN_NANOSECONDS <= nanoseconds <= MAX_NANOSECONDS:
            raise ValueError("duration out of range")
        self.nanoseconds = nanoseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash((Duration, self.nanoseconds))

    def __bool__(self) -> bool:
        return self.nanoseconds != 0

    def __lt__(self, other: Duration) -> bool:
        return self.nanoseconds < other.nanoseconds if isinstance(other, Duration) else _no(other)

    def __le__(self, other: Duration) -> bool:
        return self.nanoseconds <= other.nanoseconds if isinstance(other, Duration) else _no(other)

    def __gt__(self, other: Duration) -> bool:
        return self.nanoseconds > other.nanoseconds if isinstance(other, Duration) else _no(other)

    def __ge__(self, other: Duration) -> bool:
        return self.nanoseconds >= other.nanoseconds if isinstance(other, Duration) else _no(other)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Duration):
            return Duration(self.nanoseconds + other.nanoseconds)
        if isinstance(other, Timestamp):
            return other + self
        return NotImplemented

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Duration):
            return Duration(self.nanoseconds - other.nanoseconds)
        return NotImplemented

    def __neg__(self) -> Duration:
        return Duration(-self.nanoseconds)

    def __str__(self) -> str:
        """Seconds in decimals, as `string(duration)` gives them: `5400s`, `-1.5s`."""
        whole = _quotient(self.nanoseconds, SECOND)
        seconds = float(whole) + float(self.nanoseconds - whole * SECOND) / 1e9
        return f"{_plain(seconds)}s"

    def __repr__(self) -> str:
        return f"Duration({self.nanoseconds})"


class Timestamp:
    """A moment: nanoseconds since 1970 in UTC, and the offset in seconds it was written with."""

    __slots__ = ("nanoseconds", "offset")
    cel_type = "google.protobuf.Timestamp"

    def __init__(self, nanoseconds: int, offset: int = 0) -> None:
        if not MIN_SECOND <= nanoseconds // SECOND <= MAX_SECOND:
            raise ValueError("timestamp out of range")
        self.nanoseconds = nanoseconds
        self.offset = offset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash((Timestamp, self.nanoseconds))

    def __lt__(self, other: Timestamp) -> bool:
        return self.nanoseconds < other.nanoseconds if isinstance(other, Timestamp) else _no(other)

    def __le__(self, other: Timestamp) -> bool:
        return self.nanoseconds <= other.nanoseconds if isinstance(other, Timestamp) else _no(other)

    def __gt__(self, other: Timestamp) -> bool:
        return self.nanoseconds > other.nanoseconds if isinstance(other, Timestamp) else _no(other)

    def __ge__(self, other: Timestamp) -> bool:
        return self.nanoseconds >= other.nanoseconds if isinstance(other, Timestamp) else _no(other)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Duration):
            return Timestamp(self.nanoseconds + other.nanoseconds, self.offset)
        return NotImplemented

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Timestamp):
            return Duration(self.nanoseconds - other.nanoseconds)
        if isinstance(other, Duration):
            return self + -other
        return NotImplemented

    def __str__(self) -> str:
        """RFC 3339 with as many decimals as needed, in the offset it was written with."""
        at = fields(self, self.offset)
        text = f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}"
        text += f":{at.second:02d}"
        if at.nanosecond:
            text += f".{at.nanosecond:09d}".rstrip("0")
        if not self.offset:
            return f"{text}Z"
        hours, minutes = divmod(abs(self.offset) // 60, 60)
        return f"{text}{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"

    def __repr__(self) -> str:
        return f"Timestamp({self.nanoseconds}, {self.offset})"


class Fields(NamedTuple):
    """A moment in the calendar of some zone. Weekday 0 is Sunday, year_day 0 the first."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    weekday: int
    year_day: int


def parse_duration(text: str) -> Duration:
    """`1h30m`, `-1.5s`, `100ms`, `0`. Raises ValueError."""
    if not _DURATION.match(text):
        raise ValueError(f"invalid duration: {text[:64]!r}")
    total = 0
    for whole, fraction, unit in _PARTS.findall(text.lstrip("+-")):
        if unit not in UNITS:
            raise ValueError(f"unknown unit in duration: {text[:64]!r}")
        size = UNITS[unit]
        total += int(whole[:40] or "0") * size
        if fraction:
            # Go keeps as many decimals as fit an int64 and scales them as a double.
            kept = _kept(fraction)
            total += int(float(int(kept or "0")) * (float(size) / float(10 ** len(kept))))
        if total > MAX_NANOSECONDS + 1 or len(whole) > 40:
            raise ValueError(f"duration out of range: {text[:64]!r}")
    return Duration(-total if text.startswith("-") else total)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339, and the laxer forms that Go takes for it. Raises ValueError."""
    found = _TIMESTAMP.match(text)
    if not found:
        raise ValueError(f"invalid timestamp: {text[:64]!r}")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = found.groups()[6:]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"invalid timestamp: {text[:64]!r}")
    if not 1 <= day <= _MONTH_DAYS[month - 1] + (leap and month == 2):
        raise ValueError(f"invalid timestamp: {text[:64]!r}")
    offset = 0
    if sign:
        if int(zone_hours) > 24 or int(zone_minutes) > 60:
            raise ValueError(f"invalid timestamp: {text[:64]!r}")
        offset = (int(zone_hours) * 60 + int(zone_minutes)) * (-60 if sign == "-" else 60)
    seconds = (_days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second - offset
    return Timestamp(seconds * SECOND + int((fraction or "0")[:9].ljust(9, "0")), offset)


def from_unix(seconds: int) -> Timestamp:
    """`timestamp(int)`: seconds since 1970. Raises ValueError."""
    return Timestamp(seconds * SECOND)


def fields(moment: Timestamp, offset: int = 0) -> Fields:
    """The calendar fields of a moment at an offset east of UTC, in seconds."""
    seconds, nanosecond = divmod(moment.nanoseconds, SECOND)
    days, rest = divmod(seconds + offset, 86_400)
    # Days are counted from 1 March of the year 0, so that the leap day is the last of its year.
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    hour, rest = divmod(rest, 3600)
    minute, second = divmod(rest, 60)
    return Fields(
        year,
        month,
        day,
        hour,
        minute,
        second,
        nanosecond,
        (days + 4) % 7,
        days - _days(year, 1, 1),
    )


def zone_offset(moment: Timestamp, zone: str) -> int:
    """Seconds east of UTC of a zone (`Europe/Berlin`, `-08:00`) then. Raises ValueError."""
    if ":" in zone:
        found = _OFFSET.match(zone)
        if not found or len(zone) > 12:
            raise ValueError(f"invalid time zone offset: {zone[:64]!r}")
        hours, minutes = int(found[1]), int(found[2])
        return (hours * 60 + (-minutes if zone.startswith("-") else minutes)) * 60
    if zone in ("", "UTC"):
        return 0
    if not _ZONE.match(zone):
        raise ValueError(f"unknown time zone: {zone[:64]!r}")
    return _named_offset(moment, zone)


def _named_offset(moment: Timestamp, zone: str) -> int:
    import datetime
    import zoneinfo

    try:
        info = zoneinfo.ZoneInfo(zone)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(f"unknown time zone: {zone[:64]!r}") from error
    # A day off either end keeps local time inside what datetime can hold.
    second = max(MIN_SECOND + 86_400, min(moment.nanoseconds // SECOND, MAX_SECOND - 86_400))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    local = (epoch + datetime.timedelta(seconds=second)).astimezone(info)
    offset = local.utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _kept(fraction: str) -> str:
    """The leading decimals that Go's parser keeps: as many as fit into an int64."""
    value = 0
    for index, digit in enumerate(fraction):
        if value > MAX_NANOSECONDS // 10:
            return fraction[:index]
        value = value * 10 + int(digit)
    return fraction


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def _plain(value: float) -> str:
    """The shortest decimals that give the double back, without an exponent."""
    text = repr(value)
    if "e" in text:
        from decimal import Decimal

        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _quotient(value: int, by: int) -> int:
    """Division towards zero."""
    return -(-value // by) if value < 0 else value // by


def _no(_: object) -> bool:
    raise TypeError("no such overload")


def _hours(value: Duration) -> int:
    whole = _quotient(value.nanoseconds, 3600 * SECOND)
    return int(float(whole) + float(value.nanoseconds - whole * 3600 * SECOND) / 3.6e12)


def _minutes(value: Duration) -> int:
    whole = _quotient(value.nanoseconds, 60 * SECOND)
    return int(float(whole) + float(value.nanoseconds - whole * 60 * SECOND) / 6e10)


def _seconds(value: Duration) -> int:
    whole = _quotient(value.nanoseconds, SECOND)
    return int(float(whole) + float(value.nanoseconds - whole * SECOND) / 1e9)


def _at(moment: Timestamp, zone: str | None) -> Fields:
    return fields(moment, zone_offset(moment, zone) if zone is not None else 0)


def get_full_year(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).year


def get_month(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).month - 1


def get_date(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).day


def get_day_of_month(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).day - 1


def get_day_of_week(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).weekday


def get_day_of_year(moment: Timestamp, zone: str | None = None) -> int:
    return _at(moment, zone).year_day


def get_hours(value: Timestamp | Duration, zone: str | None = None) -> int:
    return _hours(value) if isinstance(value, Duration) else _at(value, zone).hour


def get_minutes(value: Timestamp | Duration, zone: str | None = None) -> int:
    return _minutes(value) if isinstance(value, Duration) else _at(value, zone).minute


def get_seconds(value: Timestamp | Duration, zone: str | None = None) -> int:
    return _seconds(value) if isinstance(value, Duration) else _at(value, zone).second


def get_milliseconds(value: Timestamp | Duration, zone: str | None = None) -> int:
    if isinstance(value, Duration):
        return _quotient(value.nanoseconds, 1_000_000)
    return _at(value, zone).nanosecond // 1_000_000


EPOCH = (1, 23)
LENGTH = Duration.cel_type
MOMENT = Timestamp.cel_type
_GETTERS = (
    ("getFullYear", get_full_year),
    ("getMonth", get_month),
    ("getDate", get_date),
    ("getDayOfMonth", get_day_of_month),
    ("getDayOfWeek", get_day_of_week),
    ("getDayOfYear", get_day_of_year),
    ("getHours", get_hours),
    ("getMinutes", get_minutes),
    ("getSeconds", get_seconds),
    ("getMilliseconds", get_milliseconds),
)
OVERLOADS: tuple[Overload, ...] = (
    *(Overload(name, MOMENT, (), "int", get, EPOCH) for name, get in _GETTERS),
    *(Overload(name, MOMENT, ("string",), "int", get, EPOCH) for name, get in _GETTERS),
    *(Overload(name, LENGTH, (), "int", get, EPOCH) for name, get in _GETTERS[6:]),
)
