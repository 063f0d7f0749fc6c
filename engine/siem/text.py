"""Values as OpenSearch reads them: lower case by code point, numbers, addresses, times."""

from __future__ import annotations

import ipaddress
import math
import re
from datetime import UTC, datetime, timedelta

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?")
TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?)?"
)
MILLISECONDS = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def fold(text: str) -> str:
    """Lower case as Lucene's filter has it: each code point alone, without context."""
    if text.isascii():
        return text.lower()
    return "".join("i" if char == "\u0130" else char.lower() for char in text)


def number(text: str) -> float | None:
    """The finite number that a text spells, as Java reads it; else None."""
    text = text.strip("".join(map(chr, range(33))))
    if not NUMBER.fullmatch(text):
        return None
    found = float(text.rstrip("fFdD"))
    return found if math.isfinite(found) else None


def address(text: str) -> Address | None:
    """The IP address that a text spells; IPv4 inside IPv6 is IPv4. No zones."""
    if "%" in text or not text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found


def time(text: str) -> datetime | None:
    """The moment (UTC) of an ISO 8601 text or of a number of milliseconds; else None.

    As the server reads `strict_date_optional_time||epoch_millis`: four digits are a year.
    """
    if match := TIME.fullmatch(text):
        year, month, day, hour, minute, second, part, zone = match.groups()
        try:
            date = int(year), int(month or 1), int(day or 1)
            clock = int(hour or 0), int(minute or 0), int(second or 0)
            micro = int((part or "0").ljust(6, "0")[:6])
            moment = datetime(*date, *clock, micro, tzinfo=UTC)
            return moment - _offset(zone)
        except (ValueError, OverflowError):
            return None
    if MILLISECONDS.fullmatch(text):
        try:
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=math.floor(float(text)))
        except OverflowError:
            return None
    return None


def _offset(zone: str | None) -> timedelta:
    if not zone or zone == "Z":
        return timedelta()
    digits = zone[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -length if zone[0] == "-" else length


def time_part(moment: datetime, part: str) -> int:
    """Minute, hour, day, (ISO) week, month or year of a moment."""
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))
