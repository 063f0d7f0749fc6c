"""assay compare: Assay's verdicts beside another tool's, and that tool's skips as exceptions."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from assay.engine import comparison
from assay.engine.commands import compare_skips, scan, sources
from assay.engine.comparison import Comparison, Row
from assay.engine.errors import printable, usage

SCHEMA = "assay/comparison/1"
INSTALL = (
    "install it in an environment of its own: `pipx install checkov` or `uv tool install checkov`"
)


def options(parser: argparse.ArgumentParser) -> None:
    """`compare checkov PATH` and `compare skips PATH`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    checkov = actions.add_parser("checkov", help="both verdicts side by side, by a table of checks")
    checkov.add_argument("paths", nargs=1, metavar="PATH")
    checkov.add_argument("-f", "--format", choices=("text", "json"), default="text")
    run_by = checkov.add_mutually_exclusive_group()
    run_by.add_argument("--command", default="checkov", metavar="COMMAND", help="how it is run")
    run_by.add_argument("--output", metavar="FILE", help="its `-o json`, from an earlier run")
    checkov.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS")
    _judging(checkov)
    skips = actions.add_parser("skips", help="checkov's and trivy's skips, and what they excuse")
    compare_skips.options(skips)
    _judging(skips)


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")
    parser.add_argument("--params", metavar="FILE")
    parser.add_argument("--at", metavar="TIME")
    parser.set_defaults(control=[], framework=[], exceptions=None, baseline=None)
    taken = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
    sources.options(taken)
    known = {name for action in parser._actions for name in action.option_strings}
    for action in taken._actions:
        if not known & set(action.option_strings):
            parser._add_action(action)


def run(args: argparse.Namespace) -> int:
    """0: both agree wherever both decide, or a ruling says who is right; 1: they do not."""
    if args.action == "skips":
        return compare_skips.run(args)
    at = scan.time_of(args.at)
    tree = sources.discovered(args)
    theirs = list(_theirs(args))
    found = comparison.compare(scan.judge(args, at, tree), theirs, args.paths[0])
    if args.format == "json":
        print(json.dumps(document(found), ensure_ascii=False, indent=1))
    else:
        _text(found)
    return 1 if found.open else 0


def _theirs(args: argparse.Namespace) -> Sequence[comparison.Verdict]:
    text = _file(args.output) if args.output else _run(args)
    try:
        return list(comparison.verdicts(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"checkov's output cannot be read: {printable(str(error))}"
        raise usage(
            message, "give what `checkov -d PATH -o json` prints", "compare-output"
        ) from None


def _file(name: str) -> str:
    try:
        if Path(name).stat().st_size > comparison.MAX_OUTPUT:
            raise usage(f"{printable(name)} is too large")
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"checkov's output cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None


def _run(args: argparse.Namespace) -> str:
    words = shlex.split(args.command)
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise usage(f"no program `{printable(args.command)}`", INSTALL, "compare-missing")
    path = args.paths[0]
    where = "-d" if Path(path).is_dir() else "-f"
    frameworks = ("--framework", "terraform", "kubernetes", "gitlab_ci", "argo_workflows")
    command = [program, *words[1:], where, path, "-o", "json", "--compact", *frameworks]
    command += ["--skip-download", "--soft-fail"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own program, named by the user
            command, capture_output=True, text=True, timeout=args.timeout, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"checkov took longer than {args.timeout:g} s"
        raise usage(message, "give more time with --timeout", "compare-timeout") from None
    if done.returncode:
        last = printable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "")
        raise usage(
            f"checkov failed with code {done.returncode}: {last}", INSTALL, "compare-failed"
        )
    return done.stdout


def document(found: Comparison) -> dict[str, object]:
    """The comparison as JSON of schema assay/comparison/1."""
    return {
        "schema": SCHEMA,
        "pairs": len(found.rows),
        "agreements": sum(row.agrees for row in found.rows),
        "unmatched": found.unmatched,
        "rows": [{**row._asdict(), "agrees": row.agrees} for row in found.rows],
    }


def _text(found: Comparison) -> None:
    rows = [row for row in found.rows if row.ours in comparison.DECIDED and not row.agrees]
    for row in rows:
        print(f"{printable(row.file)}:{row.line}: {printable(row.resource)}")
        print(f"  checkov {row.check} says {row.theirs}, {row.control} says {row.ours}")
        if row.message:
            print(f"  = {printable(row.message)}")
        print(f"  = ruling: {row.ruling or 'none yet'}")
    counted = Counter(_sort(row) for row in found.rows)
    decided = counted["same"] + counted["other"]
    share = f", {100 * counted['same'] / decided:.1f} %" if decided else ""
    print(
        f"{decided} verdicts of both: {counted['same']} agree{share}; {counted['other']} differ, "
        f"{len(found.open)} of them without a ruling"
    )
    print(
        f"{counted['undecided']} that Assay leaves open or does not apply to; "
        f"{found.unmatched} of checkov's that no control here asks"
    )


def _sort(row: Row) -> str:
    if row.ours not in comparison.DECIDED:
        return "undecided"
    return "same" if row.agrees else "other"
