"""A history and two times → what was tested in between, how often, and what was found.

Results are those of tests: how many runs there were and what they saw, never that a control was
or is effective.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from assay.engine.history import deviations, store, tested
from assay.engine.history.record import SLACK
from assay.engine.history.store import Run
from assay.engine.history.tested import Gap, Tested, forgotten
from assay.engine.history.window import Window, clock
from assay.engine.model import SEVERITIES

SCHEMA = "assay/period/1"
# Days in which a deviation should be gone, unless the user says otherwise: a usual choice, no law.
SLA = {"critical": 7, "high": 30, "medium": 90, "low": 180}


def gaps(window: Window, every: timedelta, pruned: str) -> list[Gap]:
    """The times inside a period for which nothing is known, its edges included."""
    before, found = forgotten(window, pruned)
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
    pruned = store.meta(connection, "pruned")
    changes, waivers = _changes(connection, window), _waivers(connection, window)
    controls = []
    untested = lru_cache(maxsize=None)(lambda runs: _documents(runs.gaps(every, pruned)))
    for each, runs in _controls(connection, window, sla, control):
        actual = sum(row["runs"] for row in each["population"])
        each["runs"] = {"expected": expected, "actual": actual}
        each["gaps"] = untested(runs)
        each["changes"] = list(_changed(changes, each["id"]))
        each["exceptions"] = sorted({w["id"] for w in waivers if each["id"] in w["controls"]})
        each["result"] = _result(actual, expected, each["population"], each["deviations"])
        controls.append(each)
    return {
        "schema": SCHEMA,
        "from": clock(start),
        "to": clock(end),
        "every_hours": every.total_seconds() / 3600,
        "sla_days": dict(sla),
        "runs": {
            "expected": expected,
            "complete": len(complete),
            "incomplete": len(window.inside) - len(complete),
            "list": [_run(run) for run in window.inside],
        },
        "gaps": _documents(gaps(window, every, pruned)),
        "changes": changes,
        "exceptions": waivers,
        "controls": controls,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "at": clock(run.at),
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
            change = {"at": clock(run.at), "what": what, "from": old, "to": new}
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


def _changed(changes: Sequence[Mapping[str, Any]], control: str) -> Iterator[dict[str, str]]:
    """When a control itself was added, removed, or decided otherwise than before."""
    for change in changes:
        for what, ids in change.get("controls", {}).items():
            if control in ids:
                yield {"at": change["at"], "what": what}


def _documents(found: Sequence[Gap]) -> list[dict[str, str]]:
    return [gap.document() for gap in found]


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
    sla: Mapping[str, int],
    only: str | None,
) -> Iterator[tuple[dict[str, Any], Tested]]:
    """For each control: what it is, its population at each run, its deviations; and its runs."""
    known: dict[str, tuple[str, str]] = {}
    for catalogue in dict.fromkeys(run.catalogue for run in window.inside):
        query = "SELECT id, title, severity FROM control WHERE catalogue = ?"
        known |= {id: (title, s) for id, title, s in connection.execute(query, (catalogue,))}
    populations = _populations(connection, window, only)
    runs = tested.by_control(connection, window, only)
    found = deviations.by_control(connection, window, runs, sla, only)
    for id, (title, severity) in sorted(known.items()):
        if only is None or id == only:
            held: dict[str, Any] = {"id": id, "title": title, "severity": severity}
            held |= {"population": populations.get(id, []), "deviations": found.get(id, [])}
            yield held, runs.get(id) or Tested([], window)


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
        number = _several(len(deviations), "deviation")
        return f"{said}{number}, {accepted} accepted, {late} over the SLA"
    if all(not each["findings"] for each in population):
        return f"{said}nothing to test"
    return f"{said}no deviation found"


def text(document: Mapping[str, Any]) -> Iterator[str]:
    """The report for people, as lines without line breaks; names are to be made printable."""
    runs = document["runs"]
    yield f"{document['from']} to {document['to']} (end not included)"
    yield (
        f"runs: {runs['complete']} complete of {runs['expected']} expected, "
        f"{runs['incomplete']} incomplete"
    )
    yield from (_gap(gap) for gap in document["gaps"])
    for change in document["changes"]:
        yield f"change: {_second(change['at'])} {change['what']}: {_change(change)}"
    for each in document["exceptions"]:
        yield (
            f"exception: {each['id']} for {', '.join(each['controls'])}: approved by "
            f"{each['approver']} on {each['approved']}, expires {each['expires']}"
        )
    order = {severity: -number for number, severity in enumerate(SEVERITIES)}
    idle = []
    for control in sorted(
        document["controls"],
        key=lambda each: (not each["deviations"], order.get(each["severity"], 1), each["id"]),
    ):
        if control["deviations"] or any(row["findings"] for row in control["population"]):
            yield from _control(control)
        else:
            idle.append(f"{control['id']} ({control['runs']['actual']})")
    if idle:
        yield f"nothing to test, or not tested (in so many runs): {', '.join(idle)}"
    yield "Results are results of tests on what was read; they do not say that a control works."


def _control(control: Mapping[str, Any]) -> Iterator[str]:
    yield f"{control['severity']}[{control['id']}]: {control['result']}"
    for gap in control["gaps"]:
        if gap["reason"].startswith(tested.NOT_JUDGED):
            yield f"  {_gap(gap)}"
    for row in control["population"]:
        counts = ", ".join(f"{number} {name}" for name, number in row["findings"].items())
        times = f"{_second(row['first_run'])} to {_second(row['last_run'])}"
        yield f"  {times} ({_several(row['runs'], 'run')}): {counts or '0'}"
    for row in control["deviations"]:
        late = "" if row["within_sla"] in (True, None) else ", over the SLA"
        accepted = f", accepted by {', '.join(row['excepted_by'])}" if row["excepted_by"] else ""
        through = ", not watched all the time" if row["observed_through_gap"] else ""
        times = f"{_second(row['first_seen'])} to {_second(row['last_seen'])}"
        yield (
            f"  deviation: {row['address']} ({row['root']}): {times}, "
            f"{_several(row['days'], 'day')}{late}{accepted}{through}"
        )


def _gap(gap: Mapping[str, str]) -> str:
    return f"gap: {_second(gap['after'])} to {_second(gap['before'])}: {gap['reason']}"


def _second(time: str) -> str:
    """A time without the part of a second that the clock had."""
    return f"{time[:19]}Z"


def _several(number: float, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _change(change: Mapping[str, Any]) -> str:
    if "controls" not in change:
        return f"{change['from'][:80]} to {change['to'][:80]}"
    said = [f"{what} {', '.join(ids)}" for what, ids in change["controls"].items() if ids]
    return "; ".join(said) or "texts only"
