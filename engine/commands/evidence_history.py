"""Histories on the command line: recorded by scan and bundle, asked for a period, kept in order."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.history import period as periods
from assay.engine.history import record, store
from assay.engine.history.record import Observed
from assay.engine.model import Scan

DEFAULT = "assay-history.db"


def options(parser: argparse.ArgumentParser) -> None:
    """`history rebuild BUNDLE… -o FILE`, `history prune FILE --keep D`, `history check FILE`."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    rebuild = actions.add_parser("rebuild", help="make a history from bundles")
    rebuild.add_argument("bundles", nargs="+", metavar="BUNDLE")
    rebuild.add_argument("-o", "--output", required=True, metavar="FILE", help="a new file")
    rebuild.add_argument("--key", metavar="PUBLIC", help="verify each bundle first")
    rebuild.add_argument("--every", metavar="1d", help="how often runs were expected")
    rebuild.add_argument("--allow-missing", action="store_true", help="though a bundle is missing")
    prune = actions.add_parser("prune", help="forget what ended long ago")
    prune.add_argument("history", metavar="FILE")
    prune.add_argument(
        "--keep", required=True, metavar="400d", help="how far back from the last run"
    )
    check = actions.add_parser("check", help="whether the file is sound, and what it holds")
    check.add_argument("history", metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """0; errors are InputErrors."""
    return {"rebuild": _rebuild, "prune": _prune, "check": _check}[args.what](args)


class Recorder(NamedTuple):
    """The history that a bundle goes into; without one, nothing is recorded."""

    connection: Any
    previous: str | None
    every: timedelta | None

    def record(self, seen: Observed, at: datetime, manifest: str) -> None:
        """Add the run, inside the transaction that `locked` opened."""
        if self.connection is not None:
            record.record_within(self.connection, seen, at, self.every, manifest)


@contextmanager
def locked(args: argparse.Namespace, at: datetime | None) -> Iterator[tuple[Recorder, datetime]]:
    """The history held against other writers, and the time of this run, taken while it is held.

    What is recorded inside stays only if nothing fails inside.
    """
    every = schedule(args)
    if not args.history:
        yield Recorder(None, None, None), at or datetime.now(UTC)
        return
    with store.connect(Path(args.history)) as connection, store.writing(connection):
        when = at or datetime.now(UTC)
        record.later_than(store.last_run(connection), when)
        yield Recorder(connection, store.last_manifest(connection), every), when


def record_scan(
    args: argparse.Namespace, result: Scan, complete: bool, at: datetime | None
) -> None:
    """Add a scan to the history that `--history` names."""
    seen = record.observed(result, complete)
    with locked(args, at) as (history, when):
        history.record(seen, when, "")


def schedule(args: argparse.Namespace) -> timedelta | None:
    """What `--every` says. Raises InputError."""
    return store.duration(args.every, "--every") if args.every else None


def period(
    args: argparse.Namespace, start: datetime, end: datetime, sla: Mapping[str, int]
) -> dict[str, Any]:
    """The report of a period. Raises InputError where the history has no such control."""
    with store.connect(Path(args.history), write=False) as connection:
        found = periods.report(connection, start, end, sla, schedule(args), args.control)
        if args.control and not found["controls"]:
            query = "SELECT DISTINCT id FROM control WHERE id = ?"
            if not connection.execute(query, (args.control,)).fetchall():
                raise usage(f"no control `{args.control}` was ever recorded", code="no-control")
    return found


def _rebuild(args: argparse.Namespace) -> int:
    from assay.engine.commands import evidence_verify
    from assay.engine.evidence import bundle, keys

    target = Path(args.output)
    if target.exists():
        raise usage("that file is there already: name a new one", code="history-exists")
    key = keys.read_public(args.key) if args.key else None
    held: list[tuple[datetime, str, str, str | None]] = []
    for name in args.bundles:
        data = evidence_verify.read(name)
        opened = bundle.verify(data, key) if key else bundle.open_(data)
        at = datetime.fromisoformat(opened.manifest["at"])
        held.append((at, opened.digest, name, opened.manifest["previous"]))
    held.sort(key=lambda each: each[:3])
    if not args.allow_missing:
        _chained(held)
    every = schedule(args)
    try:
        with store.connect(target) as connection, store.writing(connection):
            for at, digest, name, _ in held:
                opened = bundle.open_(evidence_verify.read(name))
                findings = json.loads(opened.files[bundle.FINDINGS])["findings"]
                try:
                    seen = record.from_document(opened.manifest["run"], findings)
                except (KeyError, TypeError, IndexError):
                    message = f"the bundle {printable(name)} holds no run"
                    raise InputError(Problem("evidence-inputs", message)) from None
                record.record_within(connection, seen, at, every, digest)
    except BaseException:
        target.unlink(missing_ok=True)  # a new file of ours: half a history would be a false one
        raise
    print(f"{len(held)} runs")
    return 0


def _chained(held: Sequence[tuple[datetime, str, str, str | None]]) -> None:
    """Raises InputError where a bundle names one before it that is not there."""
    for before, each in itertools.pairwise(held):
        if each[3] is not None and each[3] != before[1]:
            names = [printable(Path(row[2]).name) for row in (before, each)]
            message = f"between {names[0]} and {names[1]} a bundle is missing"
            help = "give it too, or say --allow-missing"
            raise InputError(Problem("evidence-missing", message, help=help))


def _prune(args: argparse.Namespace) -> int:
    keep = store.duration(args.keep, "--keep")
    if not Path(args.history).is_file():
        raise usage(f"no such history: {printable(args.history)}", code="path-not-found")
    with store.connect(Path(args.history)) as connection:
        newest = store.last_run(connection)
        gone = record.prune(connection, newest.at - keep) if newest else 0
    print(f"{gone} runs forgotten")
    return 0


def _check(args: argparse.Namespace) -> int:
    with store.connect(Path(args.history), write=False) as connection:
        store.check(connection)
        runs = store.all_runs(connection)
        hours = store.schedule(connection).total_seconds() / 3600
        print(f"sound: {len(runs)} runs, one every {hours:g} hours")
        for run in runs[-1:]:
            print(f"last: {store.text(run.at)} {run.manifest}".rstrip())
    return 0
