"""Which runs judged a control: only they can say that something was mended or went well."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from assay.engine.history.record import SLACK
from assay.engine.history.store import Run
from assay.engine.history.window import Window, clock

NOT_JUDGED = "not among the controls of "


class Gap(NamedTuple):
    """A time in which nothing is known."""

    after: datetime
    before: datetime
    reason: str

    def document(self) -> dict[str, str]:
        """As JSON has it."""
        return {"after": clock(self.after), "before": clock(self.before), "reason": self.reason}


class Tested:
    """The complete runs that judged a control, up to the end of a period."""

    def __init__(self, runs: list[Run], window: Window) -> None:
        self._runs = runs
        self._window = window
        self._order = {run.id: number for number, run in enumerate(runs)}
        self._lasted: dict[tuple[int, int], tuple[str, str, str | None, float]] = {}

    def adjacent(self, last: int, first: int) -> bool:
        """Whether none of the runs lies between two: then nobody saw the thing mended."""
        order = self._order
        return last in order and first in order and order[first] == order[last] + 1

    def lasted(self, first: int, last: int) -> tuple[str, str, str | None, float]:
        """First and last sighting, the first run without it, and the days until then."""
        held = self._lasted.get((first, last))
        if held is None:
            times, runs = self._window.times, self._window.by_id
            number = self._order.get(last, len(self._runs)) + 1
            gone = self._runs[number] if number < len(self._runs) else None
            days = ((gone or runs[last]).at - runs[first].at) / timedelta(days=1)
            held = times[first], times[last], times[gone.id] if gone else None, round(days, 3)
            self._lasted[first, last] = held
        return held

    def gaps(self, every: timedelta, pruned: str) -> list[Gap]:
        """The times inside the period in which the control was not tested as scheduled."""
        window = self._window
        known_from, found = forgotten(window, pruned)
        before: Run | None = None
        for run in self._runs:
            if run.at < window.start:
                before = run
                continue
            if before is None:
                if run.at - known_from > every * SLACK:
                    found.append(Gap(known_from, run.at, self._before(run)))
            elif reason := self._between(before, run, every):
                found.append(Gap(max(before.at, window.start), run.at, reason))
            before = run
        last = max(before.at, known_from) if before is not None else known_from
        if window.end - last > every * SLACK:
            found.append(Gap(last, window.end, self._since(before)))
        return found

    def _before(self, run: Run) -> str:
        passed = [each for each in self._window.complete if each.at < run.at]
        return f"{NOT_JUDGED}a run yet" if passed else "no run yet"

    def _between(self, before: Run, run: Run, every: timedelta) -> str:
        window = self._window
        between = [each for each in window.all if before.id < each.id < run.id]
        if any(each.complete for each in between):
            return f"{NOT_JUDGED}the runs between"
        if between:
            return "a run between was incomplete"
        return "scheduled runs are missing" if run.at - before.at > every * SLACK else ""

    def _since(self, before: Run | None) -> str:
        window = self._window
        later = [each for each in window.complete if before is None or each.id > before.id]
        if later:
            return f"{NOT_JUDGED}a run since"
        return "no run" if before is None else "no run since"


def forgotten(window: Window, pruned: str) -> tuple[datetime, list[Gap]]:
    """From when on the history still knows, and the gap before that."""
    if not pruned or datetime.fromisoformat(pruned) <= window.start:
        return window.start, []
    known = min(datetime.fromisoformat(pruned), window.end)
    return known, [Gap(window.start, known, "forgotten: older than what is kept")]


def by_control(
    connection: sqlite3.Connection, window: Window, only: str | None
) -> Mapping[str, Tested]:
    """For each control that ever was judged the runs that did; equal ones are one object."""
    query = """
      SELECT control, first, last FROM tally
      WHERE first <= ?1 AND (?2 IS NULL OR control = ?2) ORDER BY control, first
    """
    stretches: dict[str, list[tuple[int, int]]] = {}
    for control, first, last in connection.execute(query, (window.newest, only)):
        until = window.newest if last is None else min(last, window.newest)
        held = stretches.setdefault(control, [])
        if held and held[-1][1] + 1 == first:
            held[-1] = held[-1][0], until
        else:
            held.append((first, until))
    made: dict[tuple[tuple[int, int], ...], Tested] = {}
    found: dict[str, Tested] = {}
    for control, held in stretches.items():
        key = tuple(held)
        if key not in made:
            runs = [run for run in window.complete if _within(run.id, key)]
            made[key] = Tested(runs, window)
        found[control] = made[key]
    return found


def _within(run: int, stretches: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= run <= last for first, last in stretches)
