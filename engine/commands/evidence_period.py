"""assay evidence period: what a history says of the time between two days."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.engine.commands import evidence_history
from assay.engine.errors import printable, usage
from assay.engine.history import period as periods
from assay.engine.model import SEVERITIES


def options(parser: argparse.ArgumentParser) -> None:
    """`period --from D --to D`."""
    parser.add_argument("--from", required=True, dest="start", metavar="D", help="first day")
    parser.add_argument("--to", required=True, dest="end", metavar="D", help="last day")
    parser.add_argument("--history", default=evidence_history.DEFAULT, metavar="FILE")
    parser.add_argument("--every", metavar="1d", help="the schedule (default: the history's own)")
    parser.add_argument("--control", metavar="ID", help="one control only")
    parser.add_argument("--sla", action="append", default=[], metavar="SEVERITY=DAYS")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """0; errors are InputErrors."""
    start, end = day(args.start, "--from"), day(args.end, "--to")
    if len(args.end) <= len("2026-01-31"):
        end += timedelta(days=1)  # the whole of its last day
    if start >= end:
        raise usage("--from must be before --to")
    allowed = dict(periods.SLA)
    for word in args.sla:
        severity, _, days = word.partition("=")
        if severity not in SEVERITIES or not days.isdigit():
            raise usage(f"--sla takes SEVERITY=DAYS such as high=30, not `{word}`")
        allowed[severity] = int(days)
    document = evidence_history.period(args, start, end, allowed)
    if args.format == "json":
        said = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    else:
        said = "".join(f"{printable(line)}\n" for line in periods.text(document))
    if args.output:
        from assay.engine.commands import writing

        writing.whole(Path(args.output), said.encode())
    else:
        sys.stdout.write(said)
    return 0


def day(word: str, option: str) -> datetime:
    """A day, or a time with its zone. Raises InputError."""
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        message = f"{option} takes a day such as 2026-01-31, or a time, not `{word}`"
        raise usage(message) from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
