"""Each stretch of fails that touches a period, from its first to its last sighting."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.engine.history.tested import Tested
from assay.engine.history.window import Window


class Stretch(NamedTuple):
    """The fails of a resource and check that nobody saw mended in between, by run.

    `epochs` are those of the intervals: more than one means that there was a gap.
    """

    subject: int
    judged: int
    first: int
    last: int
    epochs: frozenset[int]
    excepted_by: frozenset[str]


def by_control(
    connection: sqlite3.Connection,
    window: Window,
    tested: Mapping[str, Tested],
    sla: Mapping[str, int],
    only: str | None,
) -> dict[str, list[dict[str, Any]]]:
    """The deviations of each control that has some, in the order in which they began."""
    if window.first < 0:
        return {}
    checks: dict[int, tuple[str, str, str]] = {
        id: (control, name, severity)
        for id, control, name, severity in connection.execute("SELECT * FROM judged")
    }
    found: dict[str, list[dict[str, Any]]] = {}
    judges = {id: tested[control] for id, (control, *_) in checks.items() if control in tested}
    stretches = _stretches(connection, window, judges, only)
    subjects = _subjects(connection, {stretch.subject for stretch in stretches})
    for stretch in stretches:
        control, name, severity = checks[stretch.judged]
        times = tested[control].lasted(stretch.first, stretch.last)
        row = _deviation(stretch, name, subjects[stretch.subject], times, sla.get(severity))
        found.setdefault(control, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["first_seen"], row["check"], row["root"], row["address"]))
    return found


def _subjects(
    connection: sqlite3.Connection, wanted: set[int]
) -> dict[int, tuple[str, str, str, str]]:
    query = "SELECT * FROM subject WHERE id IN (SELECT value FROM json_each(?))"
    rows = connection.execute(query, (json.dumps(sorted(wanted)),))
    return {id: (a, b, c, d) for id, a, b, c, d in rows}


def _stretches(
    connection: sqlite3.Connection,
    window: Window,
    judges: Mapping[int, Tested],
    only: str | None,
) -> list[Stretch]:
    """Those that have a run in the period."""
    query = """
      SELECT subject, judged, excepted, first, last, epoch FROM span INDEXED BY span_failing
      WHERE status = 1 AND first <= ?1
        AND (?2 IS NULL OR judged IN (SELECT id FROM judged WHERE control = ?2))
      ORDER BY subject, judged, first
    """
    newest, start = window.newest, window.first
    found: list[Stretch] = []
    held: Stretch | None = None
    for subject, judged, excepted, first, last, epoch in connection.execute(query, (newest, only)):
        if judged not in judges:
            continue
        until = newest if last is None or last > newest else last
        if (
            held is not None
            and held.subject == subject
            and held.judged == judged
            and judges[judged].adjacent(held.last, first)
        ):
            by = held.excepted_by | {excepted} if excepted else held.excepted_by
            held = Stretch(subject, judged, held.first, until, held.epochs | {epoch}, by)
            continue
        if held is not None and held.last >= start:
            found.append(held)
        by = frozenset((excepted,)) if excepted else _NONE
        held = Stretch(subject, judged, first, until, frozenset((epoch,)), by)
    if held is not None and held.last >= start:
        found.append(held)
    return found


_NONE: frozenset[str] = frozenset()


def _deviation(
    stretch: Stretch,
    check: str,
    who: tuple[str, str, str, str],
    times: tuple[str, str, str | None, float],
    allowed: int | None,
) -> dict[str, Any]:
    first_seen, last_seen, gone, days = times
    source, root, environment, address = who
    return {
        "check": check,
        "source": source,
        "root": root,
        "environment": environment,
        "address": address,
        "first_seen": first_seen,
        "last_seen": last_seen,
        "not_seen_at": gone,
        "observed_through_gap": len(stretch.epochs) > 1,
        "days": days,
        "sla_days": allowed,
        "within_sla": None if allowed is None else days <= allowed,
        "excepted_by": sorted(stretch.excepted_by),
    }
