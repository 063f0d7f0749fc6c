"""A period and the runs it has, and those before it that something may have begun in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime

from assay.engine.history.store import Run


class Window:
    """The runs of a period, and those before it that a deviation may have begun in."""

    def __init__(self, runs: Sequence[Run], start: datetime, end: datetime) -> None:
        self.all = [run for run in runs if run.at < end]
        self.inside = [run for run in self.all if run.at >= start]
        self.by_id = {run.id: run for run in self.all}
        self.complete = [run for run in self.all if run.complete]
        self.start = start
        self.end = end
        self.first = self.inside[0].id if self.inside else -1
        self.newest = self.all[-1].id if self.all else 0
        self.ids = [run.id for run in self.inside]
        self.times = {run.id: clock(run.at) for run in self.all}

    def touches(self, first: int, last: int | None) -> bool:
        """Whether an interval of runs has one inside the period."""
        return self.first >= 0 and first <= self.newest and (last is None or last >= self.first)

    def runs(self, first: int, last: int) -> int:
        """How many runs of the period an interval has."""
        return bisect_right(self.ids, last) - bisect_left(self.ids, first)


def clock(at: datetime) -> str:
    """A time as documents have it: RFC 3339, UTC, no more digits than it has."""
    words = at.astimezone(UTC).isoformat(timespec="auto" if at.microsecond else "seconds")
    return words.replace("+00:00", "Z")
