"""The SQLite file that a history is: its tables, who may write, and what can go wrong with it.

A status is kept as an interval from the run that first saw it to the last that saw the same,
bound to the resource, the check and the digest of the catalogue. A run that is missing or
incomplete ends every interval: nothing is claimed for a time in which nobody looked.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from assay.engine.errors import InputError, Problem, printable, usage

VERSION = 3
APPLICATION = 0x41535359  # "ASSY": what SQLite's header says of whose file it is
BUSY_SECONDS = 30.0  # how long a writer waits for another one
DAY = timedelta(days=1)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE setting (
  id INTEGER PRIMARY KEY, catalogue TEXT NOT NULL, tool TEXT NOT NULL, parameters TEXT NOT NULL,
  scope TEXT NOT NULL, UNIQUE (catalogue, tool, parameters, scope)
);
CREATE TABLE run (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL UNIQUE, setting INTEGER NOT NULL,
  complete INTEGER NOT NULL, epoch INTEGER NOT NULL, reason TEXT NOT NULL, manifest TEXT NOT NULL
);
CREATE TABLE control (
  catalogue TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL,
  digest TEXT NOT NULL, PRIMARY KEY (catalogue, id)
) WITHOUT ROWID;
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
CREATE INDEX span_failing ON span (
  status, subject, judged, first, last, excepted, epoch
) WHERE status = 1;
CREATE TABLE tally (
  control TEXT NOT NULL, counts TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER,
  PRIMARY KEY (control, first)
) WITHOUT ROWID;
CREATE TABLE waiver (
  id TEXT NOT NULL, terms TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER,
  PRIMARY KEY (id, first)
) WITHOUT ROWID;
"""


class Run(NamedTuple):
    """One recorded run; `epoch` counts the stretches of runs without a gap between them.

    `manifest` is the digest of the manifest of its bundle, "" where there is none.
    """

    id: int
    at: datetime
    catalogue: str
    tool: str
    parameters: str
    scope: str
    complete: bool
    epoch: int
    reason: str
    manifest: str


@contextmanager
def connect(path: Path, write: bool = True) -> Iterator[sqlite3.Connection]:
    """The database; a writer makes it where it is not there. Raises InputError if it is unusable.

    The journal is SQLite's own rollback journal: one file, which can be copied when no run is
    writing, and which a killed process leaves whole.
    """
    connection: sqlite3.Connection | None = None
    try:
        if not write and not path.is_file():
            raise usage(f"no such history: {printable(path.name)}", code="path-not-found")
        # What a killed writer left half is taken back by whoever comes next, a reader too.
        torn = path.with_name(f"{path.name}-journal").exists()
        mode = "rwc" if write else "rw" if torn else "ro"
        uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA query_only = {int(not write)}")
        _prepare(connection, write)
        yield connection
    except sqlite3.Error as error:
        raise InputError(_problem(path, error)) from None
    finally:
        if connection is not None:
            connection.close()


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is whole or not there at all; other writers wait for it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back by itself
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, write: bool) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version == 0 and not tables and write:
        with writing(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:  # no other writer was quicker
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
        version = VERSION
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if owner != APPLICATION:
        raise sqlite3.DatabaseError("it is no history of assay")
    if version != VERSION:
        raise sqlite3.DatabaseError(f"it has version {version}, not {VERSION}")


def _problem(path: Path, error: sqlite3.Error) -> Problem:
    text = str(error)
    help = "name another file, or make it anew from bundles: `assay evidence history rebuild`"
    if "locked" in text:
        help = "another run is writing to it; try again"
    elif "full" in text or "I/O" in text:
        help = "free some space; nothing of earlier runs is lost"
    elif "readonly" in text or "unable to open" in text:
        help = "the file and its folder must be writable"
    message = f"the history {printable(path.name)} cannot be used: {error}"
    return Problem("history-unusable", message, help=help)


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError, which `connect` explains, where the file is damaged."""
    (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {said}")


def meta(connection: sqlite3.Connection, name: str, default: str = "") -> str:
    """A setting of the history itself."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return default if row is None else str(row[0])


def schedule(connection: sqlite3.Connection) -> timedelta:
    """How far apart the runs should be."""
    return timedelta(seconds=float(meta(connection, "every", str(DAY.total_seconds()))))


def duration(words: str, option: str) -> timedelta:
    """`90m`, `12h`, `1d` or `2w`. Raises InputError for anything else."""
    found = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", words)
    if found is None:
        raise usage(f"{option} takes a duration such as 90m, 12h, 1d or 2w, not `{words}`")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def text(at: datetime) -> str:
    """A time as the history keeps it: UTC, microseconds, so that texts sort as times do."""
    if at.tzinfo is None:
        message = "a time in the history needs its zone"
        raise InputError(Problem("history-clock", message, help="write 2026-01-31T02:00:00Z"))
    return at.astimezone(UTC).isoformat(timespec="microseconds")


_RUNS = """
  SELECT run.id, at, catalogue, tool, parameters, scope, complete, epoch, reason, manifest
  FROM run JOIN setting ON setting.id = run.setting
"""


def last_run(connection: sqlite3.Connection) -> Run | None:
    """The newest run, or None in an empty history."""
    row = connection.execute(f"{_RUNS} ORDER BY run.id DESC LIMIT 1").fetchone()
    return None if row is None else _run(row)


def last_manifest(connection: sqlite3.Connection) -> str | None:
    """The digest of the manifest of the newest run that went into a bundle."""
    query = "SELECT manifest FROM run WHERE manifest <> '' ORDER BY id DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    return None if row is None else str(row[0])


def all_runs(connection: sqlite3.Connection) -> list[Run]:
    """Every run that the history still has, oldest first."""
    return [_run(row) for row in connection.execute(f"{_RUNS} ORDER BY run.id")]


def _run(row: tuple[int, str, str, str, str, str, int, int, str, str]) -> Run:
    id, at, catalogue, tool, parameters, scope, complete, epoch, reason, manifest = row
    when = datetime.fromisoformat(at)
    return Run(
        id, when, catalogue, tool, parameters, scope, bool(complete), epoch, reason, manifest
    )
