"""One run → the intervals of a history: what stayed the same is not touched."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from assay.engine.errors import InputError, Problem
from assay.engine.history import store
from assay.engine.history.store import Run
from assay.engine.model import SOURCE_CONTROL, STATUSES, Scan

SLACK = 1.5  # a run is missing when this many scheduled intervals have passed without one
Who = tuple[str, str, str, str]  # source, root, environment, address
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Verdict(NamedTuple):
    """One finding, as far as a history keeps it."""

    control: str
    check: str
    severity: str
    who: Who
    status: str
    excepted_by: str | None


class Observed(NamedTuple):
    """One run as it is recorded. A scan gives it, and so does a bundle (`as_document`).

    controls   (id, title, severity, digest of what decides it) of each control that was judged
    waivers    exceptions that were in force: id → their terms
    complete   whether the run reached all it should
    """

    tool: str
    catalogue: str
    parameters: str
    scope: str
    controls: Sequence[tuple[str, str, str, str]]
    waivers: Mapping[str, str]
    complete: bool
    verdicts: Iterable[Verdict]


def observed(scan: Scan, complete: bool) -> Observed:
    """What a scan gives to a history."""
    chosen = {control.id: scan.parameters.get(control.id, {}) for control in scan.controls}
    scope = {"inputs": list(scan.inputs), "controls": len(scan.controls)}
    return Observed(
        scan.version,
        scan.catalogue_digest,
        hashlib.sha256(_encode(chosen).encode()).hexdigest(),
        _encode(scope),
        [(each.id, each.title, each.severity, fingerprint(each)) for each in scan.controls],
        {each.id: _encode(terms(each)) for each in scan.exceptions},
        complete,
        (
            Verdict(
                each.control,
                each.check,
                each.severity,
                (
                    each.resource.source,
                    each.resource.root,
                    each.resource.environment,
                    each.resource.address,
                ),
                each.status,
                each.excepted_by,
            )
            for each in scan.findings()
        ),
    )


def as_document(seen: Observed) -> dict[str, Any]:
    """What a bundle keeps so that the history can be rebuilt; its verdicts are the findings."""
    return {
        "tool": seen.tool,
        "catalogue": seen.catalogue,
        "parameters": seen.parameters,
        "scope": seen.scope,
        "controls": [list(each) for each in seen.controls],
        "waivers": dict(seen.waivers),
        "complete": seen.complete,
    }


def from_document(document: Mapping[str, Any], findings: Iterable[Mapping[str, Any]]) -> Observed:
    """The run that a bundle was made of."""
    return Observed(
        document["tool"],
        document["catalogue"],
        document["parameters"],
        document["scope"],
        [(each[0], each[1], each[2], each[3]) for each in document["controls"]],
        document["waivers"],
        document["complete"],
        _verdicts(findings),
    )


def _verdicts(findings: Iterable[Mapping[str, Any]]) -> Iterator[Verdict]:
    for each in findings:
        held = each["resource"]
        who = (held["source"], held["root"], held["environment"], held["address"])
        words = (each["control"], each["check"], each["severity"])
        yield Verdict(*words, who, each["status"], each["excepted_by"])


def fingerprint(control: Any) -> str:
    """SHA-256 over what decides a control: another text of its `why` is the same control."""
    parts: list[Any] = [control.severity, [list(param[:3]) for param in control.params]]
    for check in control.checks:
        variables = [[name, program.text.text] for name, program in check.variables]
        when = check.when.text.text if check.when is not None else None
        words = [check.id, check.kinds, check.view, when, check.assertion.text.text]
        parts.append([*words, check.each, variables, [list(each) for each in check.related]])
    return hashlib.sha256(_encode(parts).encode()).hexdigest()


def terms(acceptance: Any) -> dict[str, Any]:
    """What was accepted, by whom and for how long."""
    return {
        "controls": sorted(acceptance.controls),
        "resources": [dict(selector.fields) for selector in acceptance.selectors],
        "reason": acceptance.reason,
        "compensating": acceptance.compensating,
        "requester": acceptance.requester,
        "approver": acceptance.approver,
        "approved": str(acceptance.approved),
        "expires": str(acceptance.expires),
    }


def record(
    connection: sqlite3.Connection,
    seen: Observed,
    at: datetime,
    every: timedelta | None = None,
    manifest: str = "",
) -> Run:
    """Add a run in a transaction of its own. `every` is the schedule, where it is (newly) said.

    Raises InputError where a later run is recorded already: history is never rewritten.
    """
    with store.writing(connection):
        return record_within(connection, seen, at, every, manifest)


def record_within(
    connection: sqlite3.Connection,
    seen: Observed,
    at: datetime,
    every: timedelta | None = None,
    manifest: str = "",
) -> Run:
    """The same inside a transaction of the caller's."""
    before = store.last_run(connection)
    later_than(before, at)
    if every is not None:
        value = str(every.total_seconds())
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('every', ?)", (value,))
    reason = _gap_reason(before, at, seen.complete, every or store.schedule(connection))
    epoch = 1 if before is None else before.epoch + (1 if reason else 0)
    setting = _setting(connection, seen)
    cursor = connection.execute(
        "INSERT INTO run (at, setting, complete, epoch, reason, manifest) VALUES (?,?,?,?,?,?)",
        (store.text(at), setting, seen.complete, epoch, reason, manifest),
    )
    words = (seen.catalogue, seen.tool, seen.parameters, seen.scope, seen.complete)
    run = Run(int(cursor.lastrowid or 0), at, *words, epoch, reason, manifest)
    connection.executemany(
        "INSERT OR IGNORE INTO control VALUES (?, ?, ?, ?, ?)",
        ((seen.catalogue, *each) for each in seen.controls),
    )
    if before is not None and (reason or _judged_otherwise(before, run)):
        for table in ("span", "tally", "waiver"):
            connection.execute(f"UPDATE {table} SET last = ? WHERE last IS NULL", (before.id,))  # noqa: S608
    if seen.complete:
        tallies = _statuses(connection, seen, run, before)
        _intervals(connection, "tally", ("control", "counts"), tallies, run, before)
        _intervals(connection, "waiver", ("id", "terms"), seen.waivers, run, before)
    return run


def later_than(before: Run | None, at: datetime) -> None:
    """Raises InputError unless the time is later than that of the run before."""
    if before is not None and store.text(at) <= store.text(before.at):
        last, now = store.text(before.at), store.text(at)
        message = f"a run of {last} is recorded already; {now} is not later"
        help = "check the clock, or give the time with --at; the history is as it was"
        raise InputError(Problem("history-clock", message, help=help))


def _judged_otherwise(before: Run, run: Run) -> bool:
    return (before.catalogue, before.parameters) != (run.catalogue, run.parameters)


def _gap_reason(before: Run | None, at: datetime, complete: bool, every: timedelta) -> str:
    if not complete:
        return "the run is incomplete"
    if before is not None and not before.complete:
        return "the run before was incomplete"
    if before is not None and at - before.at > every * SLACK:
        return "scheduled runs are missing"
    return ""


def _setting(connection: sqlite3.Connection, seen: Observed) -> int:
    words = (seen.catalogue, seen.tool, seen.parameters, seen.scope)
    connection.execute(
        "INSERT OR IGNORE INTO setting (catalogue, tool, parameters, scope) VALUES (?,?,?,?)", words
    )
    query = "SELECT id FROM setting WHERE (catalogue, tool, parameters, scope) = (?,?,?,?)"
    return int(connection.execute(query, words).fetchone()[0])


def _statuses(
    connection: sqlite3.Connection, seen: Observed, run: Run, before: Run | None
) -> dict[str, str]:
    """Close what changed, open what is new; the counts of each control, as text."""
    held = {
        (subject, judged): (status, excepted, first)
        for subject, judged, status, excepted, first in connection.execute(
            "SELECT subject, judged, status, excepted, first FROM span WHERE last IS NULL"
        )
    }
    subjects: dict[Who, int] = {
        (source, root, environment, address): id
        for id, source, root, environment, address in connection.execute("SELECT * FROM subject")
    }
    checks: dict[tuple[str, str], int] = {
        (control, name): id
        for id, control, name in connection.execute("SELECT id, control, name FROM judged")
    }
    counts: dict[str, Counter[str]] = {each[0]: Counter() for each in seen.controls}
    fresh: dict[tuple[int, int], tuple[int, str | None]] = {}
    for verdict in seen.verdicts:
        if verdict.control == SOURCE_CONTROL:
            continue
        counts.setdefault(verdict.control, Counter())[verdict.status] += 1
        key = _subject(connection, subjects, verdict.who), _check(connection, checks, verdict)
        value = STATUSES.index(verdict.status), verdict.excepted_by
        # Two objects of one address (a duplicate) count as the worse of the two.
        fresh[key] = max(fresh.get(key, (-1, None)), value, key=_worse)
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
    return {control: _encode(dict(count)) for control, count in counts.items()}


def _intervals(
    connection: sqlite3.Connection,
    table: str,
    columns: tuple[str, str],
    now: Mapping[str, str],
    run: Run,
    before: Run | None,
) -> None:
    """Keep a text by name as intervals: tallies by control, terms by exception."""
    name, value = columns
    query = f"SELECT {name}, {value} FROM {table} WHERE last IS NULL"  # noqa: S608
    held: dict[str, str] = dict(connection.execute(query).fetchall())
    for key in sorted(held.keys() | now.keys()):
        if held.get(key) == now.get(key):
            continue
        if key in held and before is not None:
            close = f"UPDATE {table} SET last = ? WHERE last IS NULL AND {name} = ?"  # noqa: S608
            connection.execute(close, (before.id, key))
        if key in now:
            words = (key, now[key], run.id)
            connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?, NULL)", words)  # noqa: S608


def _worse(value: tuple[int, str | None]) -> int:
    order = ("not_applicable", "pass", "manual", "unknown", "error", "fail")
    return order.index(STATUSES[value[0]]) if value[0] >= 0 else -1


def _subject(connection: sqlite3.Connection, known: dict[Who, int], who: Who) -> int:
    if who not in known:
        cursor = connection.execute(
            "INSERT INTO subject (source, root, environment, address) VALUES (?, ?, ?, ?)", who
        )
        known[who] = int(cursor.lastrowid or 0)
    return known[who]


def _check(
    connection: sqlite3.Connection, known: dict[tuple[str, str], int], verdict: Verdict
) -> int:
    key = (verdict.control, verdict.check)
    if key not in known:
        cursor = connection.execute(
            "INSERT INTO judged (control, name, severity) VALUES (?, ?, ?)",
            (*key, verdict.severity),
        )
        known[key] = int(cursor.lastrowid or 0)
    return known[key]


def prune(connection: sqlite3.Connection, before: datetime) -> int:
    """Forget what ended before a time; how many runs went. An interval that lasts on stays whole.

    The last run always stays, so that the next one knows what came before it.
    """
    cut = store.text(before)
    with store.writing(connection):
        newest = store.last_run(connection)
        held = connection.total_changes
        old = "(SELECT id FROM run WHERE at < ?)"
        for table in ("span", "tally", "waiver"):
            connection.execute(f"DELETE FROM {table} WHERE last IN {old}", (cut,))  # noqa: S608
        used = " UNION ".join(
            f"SELECT {column} FROM {table}"  # noqa: S608
            for table in ("span", "tally", "waiver")
            for column in ("first", "last")
        )
        cursor = connection.execute(
            f"DELETE FROM run WHERE at < ? AND id <> ? AND id NOT IN "  # noqa: S608
            f"(SELECT first FROM ({used}) WHERE first IS NOT NULL)",
            (cut, newest.id if newest else 0),
        )
        connection.execute(
            "DELETE FROM subject WHERE id NOT IN (SELECT subject FROM span)",
        )
        if connection.total_changes > held:
            known = max(cut, store.meta(connection, "pruned"))
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('pruned', ?)", (known,))
    connection.execute("VACUUM")
    return cursor.rowcount
