"""A history and two times → what was tested in between, how often, and what was found.

Results are those of tests: how many runs there were and what they saw, never that a control was
or is effective.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from assay.engine.history import store
from assay.engine.history.record import SLACK
from assay.engine.history.store import Run
from assay.engine.model import SEVERITIES

SCHEMA = "assay/period/1"
# Days in which a deviation should be gone, unless the user says otherwise: a usual choice, no law.
SLA = {"critical": 7, "high": 30, "medium": 90, "low": 180}


class Gap(NamedTuple):
    """A time in which nothing is known: between two runs that are too far apart, or incomplete."""

    after: datetime
    before: datetime
    reason: str


class Window:
    """The runs of a period, and those before it that a deviation may have begun in."""

    def __init__(self, runs: Sequence[Run], start: datetime, end: datetime) -> None:
        self.all = [run for run in runs if run.at < end]
        self.inside = [run for run in self.all if run.at >= start]
        self.by_id = {run.id: run for run in self.all}
        self.complete = [run for run in self.all if run.complete]
        self.order = {run.id: number for number, run in enumerate(self.complete)}
        self.start = start
        self.end = end
        self.first = self.inside[0].id if self.inside else -1
        self.newest = self.all[-1].id if self.all else 0
        self.ids = [run.id for run in self.inside]
        self.times = {run.id: _time(run.at) for run in self.all}

    def touches(self, first: int, last: int | None) -> bool:
        """Whether an interval of runs has one inside the period."""
        return self.first >= 0 and first <= self.newest and (last is None or last >= self.first)

    def runs(self, first: int, last: int) -> int:
        """How many runs of the period an interval has."""
        return bisect_right(self.ids, last) - bisect_left(self.ids, first)


def gaps(window: Window, every: timedelta, pruned: str) -> list[Gap]:
    """The times inside a period for which nothing is known, its edges included."""
    found: list[Gap] = []
    before = window.start
    if pruned and datetime.fromisoformat(pruned) > window.start:
        before = min(datetime.fromisoformat(pruned), window.end)
        found.append(Gap(window.start, before, "forgotten: older than what is kept"))
    earlier = [run for run in window.all if run.at < window.start]
    edge = earlier[-1].at if earlier else None
    for run in window.inside:
        if edge is None:
            if run.at - before > every * SLACK:
                found.append(Gap(before, run.at, "no run yet"))
        elif run.reason:
            found.append(Gap(max(edge, window.start), run.at, run.reason))
        edge = before = run.at
    last = max(edge or before, before)
    if window.end - last > every * SLACK:
        found.append(Gap(last, window.end, "no run" if edge is None else "no run since"))
    return found


def report(
    connection: sqlite3.Connection,
    start: datetime,
    end: datetime,
    sla: Mapping[str, int] = SLA,
    every: timedelta | None = None,
    control: str | None = None,
) -> dict[str, Any]:
    """The document of schema `assay/period/1`. `end` is exclusive."""
    window = Window(store.all_runs(connection), start, end)
    every = every or store.schedule(connection)
    expected = max(1, round((end - start) / every))
    complete = [run for run in window.inside if run.complete]
    return {
        "schema": SCHEMA,
        "from": _time(start),
        "to": _time(end),
        "every_hours": every.total_seconds() / 3600,
        "sla_days": dict(sla),
        "runs": {
            "expected": expected,
            "complete": len(complete),
            "incomplete": len(window.inside) - len(complete),
            "list": [_run(run) for run in window.inside],
        },
        "gaps": [
            {"after": _time(gap.after), "before": _time(gap.before), "reason": gap.reason}
            for gap in gaps(window, every, store.meta(connection, "pruned"))
        ],
        "changes": _changes(connection, window),
        "exceptions": _waivers(connection, window),
        "controls": list(_controls(connection, window, expected, sla, control)),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "at": _time(run.at),
        "complete": run.complete,
        "reason": run.reason,
        "catalogue": run.catalogue,
        "tool": run.tool,
        "manifest": run.manifest,
    }


def _changes(connection: sqlite3.Connection, window: Window) -> list[dict[str, Any]]:
    """What was other than in the run before: tool, catalogue (by control), parameters, scope."""
    found: list[dict[str, Any]] = []
    earlier = [run for run in window.all if run.at < window.start]
    runs = [*earlier[-1:], *window.inside]
    for before, run in itertools.pairwise(runs):
        for what in ("tool", "catalogue", "parameters", "scope"):
            old, new = getattr(before, what), getattr(run, what)
            if old == new:
                continue
            change = {"at": _time(run.at), "what": what, "from": old, "to": new}
            if what == "catalogue":
                change["controls"] = _other_controls(connection, old, new)
            found.append(change)
    return found


def _other_controls(connection: sqlite3.Connection, old: str, new: str) -> dict[str, list[str]]:
    query = "SELECT id, digest FROM control WHERE catalogue = ?"
    one: dict[str, str] = dict(connection.execute(query, (old,)).fetchall())
    two: dict[str, str] = dict(connection.execute(query, (new,)).fetchall())
    return {
        "added": sorted(two.keys() - one.keys()),
        "removed": sorted(one.keys() - two.keys()),
        "changed": sorted(id for id in one.keys() & two.keys() if one[id] != two[id]),
    }


def _waivers(connection: sqlite3.Connection, window: Window) -> list[dict[str, Any]]:
    found = []
    rows = connection.execute("SELECT id, terms, first, last FROM waiver ORDER BY id, first")
    for id, terms, first, last in rows:
        if window.touches(first, last):
            until = window.newest if last is None or last > window.newest else last
            seen = {"first_seen": window.times[first], "last_seen": window.times[until]}
            found.append({"id": id, **json.loads(terms), **seen})
    return found


def _controls(
    connection: sqlite3.Connection,
    window: Window,
    expected: int,
    sla: Mapping[str, int],
    only: str | None,
) -> Iterator[dict[str, Any]]:
    """For each control: its runs, its population at each of them, and its deviations."""
    known: dict[str, tuple[str, str]] = {}
    for catalogue in dict.fromkeys(run.catalogue for run in window.inside):
        query = "SELECT id, title, severity FROM control WHERE catalogue = ?"
        known |= {id: (title, s) for id, title, s in connection.execute(query, (catalogue,))}
    populations = _populations(connection, window, only)
    found = _deviations(connection, window, sla, only)
    for id, (title, severity) in sorted(known.items()):
        if only is not None and id != only:
            continue
        population = populations.get(id, [])
        actual = sum(row["runs"] for row in population)
        deviations = found.get(id, [])
        yield {
            "id": id,
            "title": title,
            "severity": severity,
            "runs": {"expected": expected, "actual": actual},
            "population": population,
            "deviations": deviations,
            "result": _result(actual, expected, population, deviations),
        }


def _populations(
    connection: sqlite3.Connection, window: Window, only: str | None
) -> dict[str, list[dict[str, Any]]]:
    """The counts of each control, and the runs of the period in which they were those."""
    read = lru_cache(maxsize=None)(json.loads)
    found: dict[str, list[dict[str, Any]]] = {}
    query = """
      SELECT control, counts, first, last FROM tally
      WHERE first <= ?1 AND (last IS NULL OR last >= ?2) AND (?3 IS NULL OR control = ?3)
      ORDER BY control, first
    """
    if window.first < 0:
        return found
    for id, counts, first, last in connection.execute(query, (window.newest, window.first, only)):
        first = max(first, window.first)
        until = window.newest if last is None else min(last, window.newest)
        row = {
            "first_run": window.times[first],
            "last_run": window.times[until],
            "runs": window.runs(first, until),
            "findings": read(counts),
        }
        found.setdefault(id, []).append(row)
    return found


def _result(
    actual: int, expected: int, population: Sequence[Any], deviations: Sequence[Mapping[str, Any]]
) -> str:
    """The result in words: what the tests saw, and no more."""
    said = f"tested in {actual} of {expected} expected runs: "
    if not actual:
        return f"not tested in any of {expected} expected runs"
    if deviations:
        accepted = sum(bool(each["excepted_by"]) for each in deviations)
        late = sum(each["within_sla"] is False for each in deviations)
        return f"{said}{len(deviations)} deviations, {accepted} accepted, {late} over the SLA"
    if all(not each["findings"] for each in population):
        return f"{said}nothing to test"
    return f"{said}no deviation found"


class Failing(NamedTuple):
    """An interval in which a check failed, by the numbers of the history's tables."""

    subject: int
    judged: int
    excepted_by: str | None
    first: int
    last: int


def _deviations(
    connection: sqlite3.Connection, window: Window, sla: Mapping[str, int], only: str | None
) -> dict[str, list[dict[str, Any]]]:
    """Each stretch of fails that touches the period, from first to last sighting, by control."""
    checks: dict[int, tuple[str, str, str]] = {
        id: (control, name, severity)
        for id, control, name, severity in connection.execute("SELECT * FROM judged")
        if only is None or control == only
    }
    subjects: dict[int, tuple[str, str, str, str]] = {}
    held = connection.execute(
        "SELECT id, source, root, environment, address FROM subject WHERE id IN "
        "(SELECT subject FROM span WHERE status = 1)"
    )
    for id, *who in held:
        subjects[id] = (who[0], who[1], who[2], who[3])
    found: dict[str, list[dict[str, Any]]] = {}
    for spans in _stretches(connection, window, checks):
        if window.touches(spans[0].first, spans[-1].last):
            control, name, severity = checks[spans[0].judged]
            who_failed = subjects[spans[0].subject]
            row = _deviation(spans, window, name, who_failed, sla.get(severity))
            found.setdefault(control, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["first_seen"], row["check"], row["root"], row["address"]))
    return found


def _stretches(
    connection: sqlite3.Connection, window: Window, checks: Container[int]
) -> Iterator[list[Failing]]:
    """The fails of a resource and check that nobody saw mended in between, together."""
    query = """
      SELECT subject, judged, excepted, first, last FROM span
      WHERE status = 1 AND first <= ? ORDER BY subject, judged, first
    """
    newest = window.newest
    held: list[Failing] = []
    for subject, judged, excepted, first, last in connection.execute(query, (newest,)):
        if judged not in checks:
            continue
        until = newest if last is None or last > newest else last
        span = Failing(subject, judged, excepted, first, until)
        if held and held[0][:2] == span[:2] and _adjacent(window, held[-1].last, first):
            held.append(span)
            continue
        if held:
            yield held
        held = [span]
    if held:
        yield held


def _adjacent(window: Window, last: int, first: int) -> bool:
    """Whether no complete run lies between two: then nobody saw the thing mended."""
    order = window.order
    return last in order and first in order and order[first] == order[last] + 1


def _deviation(
    spans: Sequence[Failing],
    window: Window,
    check: str,
    who: tuple[str, str, str, str],
    allowed: int | None,
) -> dict[str, Any]:
    first, last = spans[0].first, spans[-1].last
    number = window.order.get(last, len(window.complete)) + 1
    gone = window.complete[number] if number < len(window.complete) else None
    until = gone or window.by_id[last]
    days = (until.at - window.by_id[first].at) / timedelta(days=1)
    source, root, environment, address = who
    return {
        "check": check,
        "source": source,
        "root": root,
        "environment": environment,
        "address": address,
        "first_seen": window.times[first],
        "last_seen": window.times[last],
        "not_seen_at": window.times[gone.id] if gone else None,
        "observed_through_gap": len({window.by_id[span.first].epoch for span in spans}) > 1,
        "days": round(days, 3),
        "sla_days": allowed,
        "within_sla": None if allowed is None else days <= allowed,
        "excepted_by": sorted({span.excepted_by for span in spans if span.excepted_by}),
    }


def _time(at: datetime) -> str:
    words = at.astimezone(UTC).isoformat(timespec="auto" if at.microsecond else "seconds")
    return words.replace("+00:00", "Z")


def text(document: Mapping[str, Any]) -> Iterator[str]:
    """The report for people, as lines without line breaks; names are to be made printable."""
    runs = document["runs"]
    yield f"{document['from']} to {document['to']} (end not included)"
    yield (
        f"runs: {runs['complete']} complete of {runs['expected']} expected, "
        f"{runs['incomplete']} incomplete"
    )
    for gap in document["gaps"]:
        yield f"gap: {gap['after']} to {gap['before']}: {gap['reason']}"
    for change in document["changes"]:
        yield f"change: {change['at']} {change['what']}: {_change(change)}"
    for each in document["exceptions"]:
        yield (
            f"exception: {each['id']} for {', '.join(each['controls'])}: approved by "
            f"{each['approver']} on {each['approved']}, expires {each['expires']}"
        )
    order = {severity: -number for number, severity in enumerate(SEVERITIES)}
    for control in sorted(
        document["controls"], key=lambda each: (order.get(each["severity"], 1), each["id"])
    ):
        yield f"{control['severity']}[{control['id']}]: {control['result']}"
        for row in control["population"]:
            counts = ", ".join(f"{number} {name}" for name, number in row["findings"].items())
            yield f"  {row['first_run']} to {row['last_run']} ({row['runs']} runs): {counts or '0'}"
        for row in control["deviations"]:
            late = "" if row["within_sla"] in (True, None) else ", over the SLA"
            accepted = (
                f", accepted by {', '.join(row['excepted_by'])}" if row["excepted_by"] else ""
            )
            through = ", not watched all the time" if row["observed_through_gap"] else ""
            yield (
                f"  deviation: {row['address']} ({row['root']}): {row['first_seen']} to "
                f"{row['last_seen']}, {row['days']} days{late}{accepted}{through}"
            )
    yield "Results are results of tests on what was read; they do not say that a control works."


def _change(change: Mapping[str, Any]) -> str:
    if "controls" not in change:
        return f"{change['from'][:80]} to {change['to'][:80]}"
    said = [f"{what} {', '.join(ids)}" for what, ids in change["controls"].items() if ids]
    return "; ".join(said) or "texts only"
