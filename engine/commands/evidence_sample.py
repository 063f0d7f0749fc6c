"""assay evidence sample: findings for a closer look, which anybody can draw again."""

from __future__ import annotations

import argparse
import json

from assay.engine.commands import evidence_verify
from assay.engine.errors import printable, usage
from assay.engine.evidence import bundle, sample
from assay.engine.model import STATUSES


def options(parser: argparse.ArgumentParser) -> None:
    """`sample BUNDLE --seed N --size K`."""
    parser.add_argument("bundle", metavar="BUNDLE")
    parser.add_argument("--seed", required=True, type=int, metavar="N")
    parser.add_argument("--size", required=True, type=int, metavar="K")
    parser.add_argument("--control", action="append", default=[], metavar="ID")
    parser.add_argument("--status", action="append", default=[], choices=STATUSES, metavar="STATUS")
    parser.add_argument("--key", metavar="PUBLIC", help="verify first")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """0; errors are InputErrors."""
    if args.size < 1:
        raise usage("--size takes a number above 0")
    opened = evidence_verify.opened(args)
    findings = json.loads(opened.files[bundle.FINDINGS])["findings"]
    chosen = [
        each
        for each in findings
        if (not args.control or each["control"] in args.control)
        and (not args.status or each["status"] in args.status)
    ]
    drawn = sample.draw(chosen, args.seed, args.size)
    if args.format == "json":
        head = {"schema": sample.SCHEMA, "seed": args.seed, "size": args.size}
        head |= {"manifest": opened.digest, "population": len(chosen), "sample": drawn}
        print(json.dumps(head, indent=1, ensure_ascii=False))
        return 0
    print(f"{len(drawn)} of {len(chosen)} findings, seed {args.seed}, manifest {opened.digest}")
    for each in drawn:
        held = each["resource"]
        place = f"{held['file']}:{held['line']}"
        words = f"{each['status']} {each['control']} {held['address']} ({held['root']}) {place}"
        print(printable(words))
    return 0
