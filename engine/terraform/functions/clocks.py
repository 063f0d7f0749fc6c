"""Functions of time stamps that are written out (RFC 3339)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    of_strings,
    text_parameter,
)
from assay.engine.terraform.sets import quoted
from assay.engine.terraform.types import NUMBER
from assay.engine.terraform.values import Value

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DURATION = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOKEN = re.compile(r"'(?:[^']|'')*'?|([a-zA-Z])\1*|[^a-zA-Z']+")


def _parse(text: str) -> tuple[datetime, int]:
    """The time stamp, and its nanoseconds below the second."""
    found = _STAMP.fullmatch(text)
    if not found:
        raise FunctionError(f"not a valid RFC3339 timestamp: {quoted(text)}")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    offset = timedelta(0)
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            raise FunctionError("not a valid RFC3339 timestamp: UTC offset out of range")
        offset = timedelta(hours=hours, minutes=minutes)
        offset = -offset if found[8] == "-" else offset
    try:
        stamp = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError as error:
        raise FunctionError(f"not a valid RFC3339 timestamp: {error}") from None
    return stamp, int((found[7] or "0")[:9].ljust(9, "0"))


def _duration(text: str) -> int:
    """Nanoseconds of a Go duration such as `1h30m`."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = Fraction(0)
    at = 0
    while at < len(rest):
        found = _DURATION.match(rest, at)
        if not found or not (found[1] or found[2]):
            raise FunctionError(f"time: invalid duration {quoted(text)}")
        whole, part = found[1] or "0", found[2] or ""
        total += Fraction(int(whole + part), 10 ** len(part)) * _UNITS[found[3]]
        at = found.end()
    if not rest or total >= 1 << 63:
        raise FunctionError(f"time: invalid duration {quoted(text)}")
    return -int(total) if text[0] == "-" else int(total)


def _rfc3339(stamp: datetime) -> str:
    zone = _offset(stamp, ":")
    return f"{stamp:%Y-%m-%dT%H:%M:%S}".zfill(19) + ("Z" if zone == "+00:00" else zone)


def _offset(stamp: datetime, between: str) -> str:
    seconds = int((stamp.utcoffset() or timedelta(0)).total_seconds())
    sign = "-" if seconds < 0 else "+"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{sign}{hours:02d}{between}{minutes:02d}"


def timeadd(text: str, duration: str) -> str:
    stamp, nanoseconds = _parse(text)
    seconds = (_duration(duration) + nanoseconds) // 10**9
    try:
        return _rfc3339(stamp + timedelta(seconds=seconds))
    except OverflowError:
        raise FunctionError("the result is not a year from 1 to 9999") from None


def timecmp(values: list[Value]) -> Value:
    first, second = _parse(values[0].v), _parse(values[1].v)
    return Value(NUMBER, (first > second) - (first < second))


def formatdate(pattern: str, text: str) -> str:
    stamp, _ = _parse(text)
    found: list[str] = []
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        if token[0] == "'":
            if (
                len(token) == 1
                or token[-1] != "'"
                or (len(token) - 2 - 2 * token[1:-1].count("''")) < 0
            ):
                raise FunctionError("unterminated literal '")
            inner = token[1:-1].replace("''", "'")
            found.append(inner or "'")
        elif match[1]:
            found.append(_verb(token, stamp))
        else:
            found.append(token)
    return "".join(found)


def _verb(token: str, stamp: datetime) -> str:
    hour = stamp.hour % 12 or 12
    half = "AM" if stamp.hour < 12 else "PM"
    month, day = _MONTHS[stamp.month - 1], _DAYS[stamp.weekday()]
    zone = _offset(stamp, "")
    forms = {
        "YY": f"{stamp.year % 100:02d}",
        "YYYY": f"{stamp.year:04d}",
        "M": str(stamp.month),
        "MM": f"{stamp.month:02d}",
        "MMM": month[:3],
        "MMMM": month,
        "D": str(stamp.day),
        "DD": f"{stamp.day:02d}",
        "EEE": day[:3],
        "EEEE": day,
        "h": str(stamp.hour),
        "hh": f"{stamp.hour:02d}",
        "H": str(hour),
        "HH": f"{hour:02d}",
        "AA": half,
        "aa": half.lower(),
        "m": str(stamp.minute),
        "mm": f"{stamp.minute:02d}",
        "s": str(stamp.second),
        "ss": f"{stamp.second:02d}",
        "Z": "Z" if zone == "+0000" else _offset(stamp, ":"),
        "ZZZ": "UTC" if zone == "+0000" else zone,
        "ZZZZ": zone,
        "ZZZZZ": _offset(stamp, ":"),
    }
    form = forms.get(token)
    if form is None:
        raise FunctionError(f"invalid date format verb {quoted(token)}")
    return form


FUNCTIONS: dict[str, Function] = {
    "formatdate": of_strings(formatdate, "format", "time"),
    "timeadd": of_strings(timeadd, "timestamp", "duration"),
    "timecmp": Function(
        timecmp, [text_parameter("timestamp_a"), text_parameter("timestamp_b")], NUMBER
    ),
}
