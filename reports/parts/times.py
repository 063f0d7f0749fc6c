"""The time of a scan in the forms that formats ask for. Without `--at` there is none: the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = "1970-01-01T00:00:00Z"


def moment(at: str | None) -> datetime:
    """The time as a datetime in UTC; the epoch without one."""
    return datetime.fromisoformat(at or EPOCH).astimezone(UTC)


def plain_time(at: str | None) -> str:
    """`2026-01-31T02:00:00`: UTC, whole seconds, no zone letter."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S")
