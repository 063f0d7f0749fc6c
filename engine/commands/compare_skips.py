"""assay compare skips: what checkov's and trivy's skips would excuse, listed or as exceptions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.engine import skips
from assay.engine.commands import scan, sources
from assay.engine.errors import printable, usage
from assay.engine.exceptions import MAX_DAYS
from assay.engine.skips import Excused

REVIEW = 90  # days until an exception that was a skip is looked at again


def options(parser: argparse.ArgumentParser) -> None:
    """`compare skips PATH… [-o FILE --requester WHO --approver WHO]`."""
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write exceptions into this file")
    parser.add_argument("--requester", default="", metavar="WHO")
    parser.add_argument("--approver", default="", metavar="WHO", help="somebody else")
    parser.add_argument(
        "--days", type=int, default=REVIEW, help=f"until they expire (default {REVIEW})"
    )


def run(args: argparse.Namespace) -> int:
    """0 once everything is listed or written."""
    at = scan.time_of(args.at)
    tree = sources.discovered(args)
    if args.output:
        _refuse(args)
    found = list(skips.excused(scan.judge(args, at, tree), skips.find(tree)))
    if args.output:
        today = (at or datetime.now(UTC)).date()
        text = exceptions(found, args.requester, args.approver, today, args.days)
        try:
            Path(args.output).write_text(text, "utf-8")
        except OSError as error:
            raise usage(f"the exceptions cannot be written: {error}", code="report-write") from None
    if args.format == "json":
        print(json.dumps(document(found), ensure_ascii=False, indent=1))
    else:
        _text(found)
    return 0


def _refuse(args: argparse.Namespace) -> None:
    if not args.requester or not args.approver:
        raise usage("an exception has a requester and an approver", "--requester A --approver B")
    if args.requester.casefold() == args.approver.casefold():
        raise usage("an exception is approved by someone other than its requester")
    if not 0 < args.days <= MAX_DAYS:
        raise usage(f"--days is from 1 to {MAX_DAYS}")


def exceptions(
    found: Sequence[Excused], requester: str, approver: str, today: date, days: int
) -> str:
    """A file of exceptions, one for each skip that excuses a fail here."""
    import yaml

    entries: list[dict[str, Any]] = []
    for number, each in enumerate((one for one in found if one.findings), 1):
        skip = each.skip
        selectors = {
            (finding.resource.address, finding.resource.place.file): {
                "address": finding.resource.address,
                "file": finding.resource.place.file,
            }
            for finding in each.findings
        }
        entries.append(
            {
                "id": f"{skip.tool}-skip-{number}",
                "controls": sorted({finding.control for finding in each.findings}),
                "resources": [selectors[key] for key in sorted(selectors)],
                "reason": skip.reason or f"skipped as {skip.check}; no reason was written",
                "compensating": "none stated in the skip",
                "requester": requester,
                "approver": approver,
                "approved": today,
                "expires": today + timedelta(days=days),
            }
        )
    head = (
        f"# From skips of other tools, to be looked at again by {today + timedelta(days=days)}.\n"
    )
    # Each date is written out, for people: no aliases.
    plain = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    document = {"exceptions": entries}
    return head + yaml.dump(document, None, plain, sort_keys=False, allow_unicode=True)


def document(found: Sequence[Excused]) -> dict[str, Any]:
    """The skips as JSON of schema assay/skips/1."""
    return {
        "schema": "assay/skips/1",
        "skips": [
            {
                **each.skip._asdict(),
                "controls": list(each.controls),
                "excuses": [
                    {"control": finding.control, "address": finding.resource.address}
                    for finding in each.findings
                ],
            }
            for each in found
        ],
    }


def _text(found: Sequence[Excused]) -> None:
    for line in _lines(found):
        print(line)
    used = sum(bool(each.findings) for each in found)
    unknown = sum(not each.controls for each in found)
    idle = len(found) - used - unknown
    print(
        f"{len(found)} skips: {used} excuse a fail here, {idle} nothing that fails, "
        f"{unknown} are of checks that no control asks"
    )


def _lines(found: Sequence[Excused]) -> Iterator[str]:
    for each in found:
        skip = each.skip
        reason = printable(skip.reason) or "no reason"
        yield f"{printable(skip.file)}:{skip.line}: {skip.tool} {skip.check}: {reason}"
        for finding in each.findings:
            yield f"  = excuses {finding.control} on {printable(finding.resource.address)}"
        if not each.controls:
            yield "  = no control asks the same"
