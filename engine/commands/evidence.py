"""assay evidence: signed bundles for auditors, and what a period of runs held."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.engine.commands import evidence_bundle, evidence_history, evidence_sink, writing
from assay.engine.errors import InputError, printable, usage
from assay.engine.evidence import bundle, keys, sample
from assay.engine.history import period as periods
from assay.engine.model import SEVERITIES, STATUSES


def options(parser: argparse.ArgumentParser) -> None:
    """The actions, each with its options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    evidence_bundle.options(actions.add_parser("bundle", help="scan, and sign what was found"))
    verify = actions.add_parser("verify", help="exit 0 only if nothing was changed")
    verify.add_argument("bundles", nargs="+", metavar="BUNDLE", help="several must form a chain")
    verify.add_argument("--key", required=True, metavar="PUBLIC", help="public key, PEM")
    replay = actions.add_parser("replay", help="judge the inputs in a bundle again, and compare")
    replay.add_argument("bundle", metavar="BUNDLE")
    replay.add_argument("--key", metavar="PUBLIC", help="verify first")
    _period(actions.add_parser("period", help="what was tested between two days"))
    draw = actions.add_parser("sample", help="a sample that anybody can draw again")
    draw.add_argument("bundle", metavar="BUNDLE")
    draw.add_argument("--seed", required=True, type=int, metavar="N")
    draw.add_argument("--size", required=True, type=int, metavar="K")
    draw.add_argument("--control", action="append", default=[], metavar="ID")
    draw.add_argument("--status", action="append", default=[], choices=STATUSES, metavar="STATUS")
    draw.add_argument("--key", metavar="PUBLIC", help="verify first")
    draw.add_argument("-f", "--format", choices=("text", "json"), default="text")
    evidence_history.options(actions.add_parser("history", help="rebuild, prune or check one"))
    evidence_sink.options(actions.add_parser("send", help="findings into OpenSearch"))


def _period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", required=True, dest="start", metavar="D", help="first day")
    parser.add_argument("--to", required=True, dest="end", metavar="D", help="last day")
    parser.add_argument("--history", default=evidence_history.DEFAULT, metavar="FILE")
    parser.add_argument("--every", metavar="1d", help="the schedule (default: the history's own)")
    parser.add_argument("--control", metavar="ID", help="one control only")
    parser.add_argument("--sla", action="append", default=[], metavar="SEVERITY=DAYS")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """0; 1 where a bundle was changed, is incomplete, or gives other findings."""
    return {
        "bundle": evidence_bundle.run,
        "verify": _verify,
        "replay": evidence_bundle.replay,
        "period": _show_period,
        "sample": _sample,
        "history": evidence_history.run,
        "send": evidence_sink.run,
    }[args.action](args)


def _verify(args: argparse.Namespace) -> int:
    key = keys.read_public(args.key)
    held = [(name, evidence_bundle.read(name)) for name in args.bundles]
    before: bundle.Opened | None = None
    for name, data in held:
        shown = printable(Path(name).name)
        try:
            opened = bundle.verify(data, key)
            if before is not None:
                bundle.follows(before, opened)
        except InputError as error:
            print(f"{shown}: refused", file=sys.stderr)
            print(error.render(), file=sys.stderr)
            return 1
        before = opened
        _say(shown, opened, key.fingerprint)
    return 0


def _say(name: str, opened: bundle.Opened, fingerprint: str) -> None:
    manifest = opened.manifest
    whole = "complete" if manifest["complete"] else "incomplete, as it says itself"
    counts = ", ".join(f"{number} {status}" for status, number in manifest["counts"].items())
    print(f"{name}: nothing was changed: {len(opened.files)} files, signed with key {fingerprint}")
    print(f"  scanned at {printable(manifest['at'])}, {whole}: {printable(counts)}")
    print(f"  manifest {opened.digest}, after {manifest['previous'] or 'none that is named'}")


def _show_period(args: argparse.Namespace) -> int:
    import json

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
        writing.whole(Path(args.output), said.encode())
    else:
        sys.stdout.write(said)
    return 0


def _sample(args: argparse.Namespace) -> int:
    import json

    if args.size < 1:
        raise usage("--size takes a number above 0")
    opened = evidence_bundle.opened(args)
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


def day(word: str, option: str) -> datetime:
    """A day, or a time with its zone. Raises InputError."""
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        message = f"{option} takes a day such as 2026-01-31, or a time, not `{word}`"
        raise usage(message) from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
