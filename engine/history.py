"""Runs over time in one SQLite file: status intervals, gaps, and what a period held.

A status is kept as an interval from the run that first saw it to the run that saw something else,
bound to the resource, the check and the digest of the catalogue. A run that is missing or
incomplete ends every interval: nothing is claimed for a time in which nobody looked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from assay.engine.errors import InputError, Problem, printable
from assay.engine.model import SOURCE_CONTROL, STATUSES, Finding, Scan

VERSION = 1
BUSY_SECONDS = 30.0  # how long a writer waits for another one
SLACK = 1.5  # a run is missing when this many scheduled intervals have passed without one

_SCHEMA = """
CREATE TABLE run (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL UNIQUE, catalogue TEXT NOT NULL, tool TEXT NOT NULL,
  complete INTEGER NOT NULL, epoch INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE subject (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, root TEXT NOT NULL, environment TEXT NOT NULL,
  address TEXT NOT NULL, UNIQUE (source, root, environment, address)
);
CREATE TABLE judged (
  id INTEGER PRIMARY KEY, control TEXT NOT NULL, name TEXT NOT NULL, severity TEXT NOT NULL,
  UNIQUE (control, name)
);
CREATE TABLE span (
  subject INTEGER NOT NULL, judged INTEGER NOT NULL, status INTEGER NOT NULL,
  excepted TEXT, first INTEGER NOT NULL, last INTEGER, epoch INTEGER NOT NULL,
  PRIMARY KEY (subject, judged, first)
) WITHOUT ROWID;
CREATE INDEX span_open ON span (judged) WHERE last IS NULL;
"""


class Run(NamedTuple):
    """One recorded run; `epoch` counts the stretches of runs without a gap between them."""

    id: int
    at: datetime
    catalogue: str
    tool: str
    complete: bool
    epoch: int
    reason: str


class Interval(NamedTuple):
    """A status that held from its first to its last sighting; `open` where it still holds."""

    control: str
    check: str
    severity: str
    source: str
    root: str
    environment: str
    address: str
    status: str
    excepted_by: str | None
    first: datetime
    last: datetime
    open: bool


class Gap(NamedTuple):
    """A time in which nothing is known: between two runs that are too far apart, or incomplete."""

    after: datetime
    before: datetime
    reason: str


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, made if it is not there. Raises InputError where it cannot be used."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _prepare(connection)
        yield connection
    except sqlite3.Error as error:
        raise InputError(_problem(path, error)) from None
    finally:
        if connection is not None:
            connection.close()


def _prepare(connection: sqlite3.Connection) -> None:
    with _writing(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"it has version {version}, not {VERSION}")


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is whole or not there at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _problem(path: Path, error: sqlite3.Error) -> Problem:
    help = "name another file, or restore this one from a bundle"
    if "locked" in str(error):
        help = "another run is writing to it; try again"
    elif "full" in str(error):
        help = "free some space; nothing of earlier runs is lost"
    message = f"the history {printable(path.name)} cannot be used: {error}"
    return Problem("history-unusable", message, help=help)


def record(
    connection: sqlite3.Connection, scan: Scan, at: datetime, complete: bool, every: timedelta
) -> Run:
    """Add a run. `every` is the schedule; `complete` whether the scan reached all it should.

    Raises InputError where a later run is recorded already: history is never rewritten.
    """
    with _writing(connection):
        before = last_run(connection)
        if before is not None and at <= before.at:
            message = f"a run of {_text(before.at)} is recorded already; {_text(at)} is not later"
            help = "check the clock, or give the time with --at"
            raise InputError(Problem("history-clock", message, help=help))
        reason = _gap_reason(before, at, complete, every)
        epoch = 1 if before is None else before.epoch + (1 if reason else 0)
        cursor = connection.execute(
            "INSERT INTO run (at, catalogue, tool, complete, epoch, reason) VALUES (?,?,?,?,?,?)",
            (_text(at), scan.catalogue_digest, scan.version, complete, epoch, reason),
        )
        run = Run(
            int(cursor.lastrowid or 0),
            at,
            scan.catalogue_digest,
            scan.version,
            complete,
            epoch,
            reason,
        )
        other = before is not None and before.catalogue != run.catalogue
        if before is not None and (reason or other):
            connection.execute("UPDATE span SET last = ? WHERE last IS NULL", (before.id,))
        if complete:
            _statuses(connection, scan, run, before)
    return run


def _gap_reason(before: Run | None, at: datetime, complete: bool, every: timedelta) -> str:
    if not complete:
        return "the run is incomplete"
    if before is not None and not before.complete:
        return "the run before was incomplete"
    if before is not None and at - before.at > every * SLACK:
        return "scheduled runs are missing"
    return ""


def _statuses(connection: sqlite3.Connection, scan: Scan, run: Run, before: Run | None) -> None:
    """Close what changed, open what is new; what stayed the same is not touched."""
    held = {
        (subject, judged): (status, excepted, first)
        for subject, judged, status, excepted, first in connection.execute(
            "SELECT subject, judged, status, excepted, first FROM span WHERE last IS NULL"
        )
    }
    subjects, checks = _ids(connection)
    fresh: dict[tuple[int, int], tuple[int, str | None]] = {}
    for finding in scan.findings():
        if finding.control == SOURCE_CONTROL:
            continue
        resource = finding.resource
        who = (resource.source, resource.root, resource.environment, resource.address)
        key = _subject(connection, subjects, who), _check(connection, checks, finding)
        status = STATUSES.index(finding.status)
        # Two objects of one address (a duplicate) count as the worse of the two.
        fresh[key] = max(fresh.get(key, (-1, None)), (status, finding.excepted_by), key=_worse)
    for key, (status, excepted, first) in held.items():
        if fresh.get(key) == (status, excepted):
            del fresh[key]
            continue
        connection.execute(
            "UPDATE span SET last = ? WHERE subject = ? AND judged = ? AND first = ?",
            (before.id if before else run.id, *key, first),
        )
    connection.executemany(
        "INSERT INTO span VALUES (?, ?, ?, ?, ?, NULL, ?)",
        ((*key, *value, run.id, run.epoch) for key, value in fresh.items()),
    )


def _worse(value: tuple[int, str | None]) -> int:
    order = ("not_applicable", "pass", "manual", "unknown", "error", "fail")
    return order.index(STATUSES[value[0]]) if value[0] >= 0 else -1


def _ids(
    connection: sqlite3.Connection,
) -> tuple[dict[tuple[str, ...], int], dict[tuple[str, str], int]]:
    subjects: dict[tuple[str, ...], int] = {
        (source, root, environment, address): id
        for id, source, root, environment, address in connection.execute("SELECT * FROM subject")
    }
    checks: dict[tuple[str, str], int] = {
        (control, name): id
        for id, control, name in connection.execute("SELECT id, control, name FROM judged")
    }
    return subjects, checks


def _subject(
    connection: sqlite3.Connection, known: dict[tuple[str, ...], int], who: tuple[str, ...]
) -> int:
    if who not in known:
        cursor = connection.execute(
            "INSERT INTO subject (source, root, environment, address) VALUES (?, ?, ?, ?)", who
        )
        known[who] = int(cursor.lastrowid or 0)
    return known[who]


def _check(
    connection: sqlite3.Connection, known: dict[tuple[str, str], int], finding: Finding
) -> int:
    key = (finding.control, finding.check)
    if key not in known:
        cursor = connection.execute(
            "INSERT INTO judged (control, name, severity) VALUES (?, ?, ?)",
            (*key, finding.severity),
        )
        known[key] = int(cursor.lastrowid or 0)
    return known[key]


def last_run(connection: sqlite3.Connection) -> Run | None:
    """The newest run, or None in an empty history."""
    row = connection.execute("SELECT * FROM run ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else _run(row)


def runs(connection: sqlite3.Connection, start: datetime, end: datetime) -> list[Run]:
    """The runs of a period, oldest first."""
    found = connection.execute(
        "SELECT * FROM run WHERE at >= ? AND at <= ? ORDER BY id", (_text(start), _text(end))
    )
    return [_run(row) for row in found]


def gaps(connection: sqlite3.Connection, start: datetime, end: datetime) -> list[Gap]:
    """The times inside a period for which nothing is known, edges included."""
    found: list[Gap] = []
    before: datetime = start
    for run in runs(connection, start, end):
        if run.reason:
            found.append(Gap(before, run.at, run.reason))
        before = run.at
    return found


def intervals(
    connection: sqlite3.Connection, start: datetime, end: datetime, control: str | None = None
) -> Iterator[Interval]:
    """Every status interval that touches a period, in catalogue and resource order of recording."""
    times: Mapping[int, datetime] = {
        id: datetime.fromisoformat(at) for id, at in connection.execute("SELECT id, at FROM run")
    }
    ends = "SELECT epoch, max(id) FROM run WHERE complete GROUP BY epoch"
    newest: Mapping[int, int] = dict(connection.execute(ends).fetchall())
    query = """
      SELECT judged.control, judged.name, judged.severity, source, root, environment, address,
             status, excepted, first, last, epoch
      FROM span JOIN subject ON subject.id = span.subject JOIN judged ON judged.id = span.judged
      WHERE ?1 IS NULL OR judged.control = ?1
      ORDER BY judged.control, judged.id, subject.id, first
    """
    for *names, status, excepted, first, last, epoch in connection.execute(query, (control,)):
        until = times[newest[epoch] if last is None else last]
        if until >= start and times[first] <= end:
            seen = (STATUSES[status], excepted, times[first], until, last is None)
            yield Interval._make((*names, *seen))


def _run(row: tuple[int, str, str, str, int, int, str]) -> Run:
    id, at, catalogue, tool, complete, epoch, reason = row
    return Run(id, datetime.fromisoformat(at), catalogue, tool, bool(complete), epoch, reason)


def _text(at: datetime) -> str:
    if at.tzinfo is None:
        message = "a time in the history needs its zone"
        raise InputError(Problem("history-clock", message, help="write 2026-01-31T02:00:00Z"))
    return at.astimezone(UTC).isoformat(timespec="seconds")
