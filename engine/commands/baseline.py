"""assay baseline write: accept today's fails, so that only new ones stop the gate."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from assay.engine import baseline
from assay.engine.commands import scan, sources, writing


def options(parser: argparse.ArgumentParser) -> None:
    """`baseline write PATH… -o FILE`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    write = actions.add_parser("write", help="write the fails of a scan as a baseline")
    write.add_argument("paths", nargs="*", metavar="PATH")
    write.add_argument("-o", "--output", required=True, metavar="FILE")
    write.add_argument("--rules", action="append", default=[], metavar="DIR")
    write.add_argument("--params", metavar="FILE")
    write.add_argument("--at", metavar="TIME")
    write.set_defaults(control=[], framework=[], exceptions=None, baseline=None)
    sources.options(write)


def run(args: argparse.Namespace) -> int:
    """0 once the file is written."""
    at = scan.time_of(args.at)
    result = scan.judge(args, at, sources.discovered(args))
    text = baseline.write(result, (at or datetime.now(UTC)).date())
    writing.whole(Path(args.output), text.encode())
    return 0
