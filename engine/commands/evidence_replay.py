"""assay evidence replay: the inputs in a bundle judged again."""

from __future__ import annotations

import argparse
import json
import sys

from assay.engine.commands import evidence_request, evidence_verify, scan
from assay.engine.errors import printable
from assay.engine.evidence import bundle
from assay.engine.judge.redaction import HIDDEN
from assay.reports import formats


def options(parser: argparse.ArgumentParser) -> None:
    """`replay BUNDLE`."""
    parser.add_argument("bundle", metavar="BUNDLE")
    parser.add_argument("--key", metavar="PUBLIC", help="verify first")


def run(args: argparse.Namespace) -> int:
    """0 where the inputs give the findings that the bundle holds; 1 where they do not."""
    held = evidence_verify.opened(args)
    request, loaded = evidence_request.read(held)
    result = scan.judged(request, loaded)
    said = held.files[bundle.FINDINGS].decode().splitlines()
    now = "".join(formats.pieces("json", result, {}, False, False)).splitlines()
    # Where some findings rest on a secret, counts differ with them: each other finding is compared.
    hidden = {tuple(row) for row in held.manifest["not_replayed"]}
    other = [
        (one, two)
        for one, two in zip(said, now, strict=False)
        if not _alike(one, two) and _key(one) not in hidden and not (hidden and not _key(one))
    ]
    total = sum(held.manifest["counts"].values())
    if len(said) != len(now) or other:
        print(f"the inputs give other findings: {len(other) or 'another number'}", file=sys.stderr)
        for one, two in other[:10]:
            print(f"  bundle: {printable(one[:300])}", file=sys.stderr)
            print(f"  replay: {printable(two[:300])}", file=sys.stderr)
        return 1
    print(f"the same findings: {total - len(hidden)} of {total} judged again from the inputs")
    for row in sorted(hidden):
        print(f"  rests on a secret, not judged again: {printable(' '.join(row))}")
    return 0


def _alike(said: str, now: str) -> bool:
    """Whether two lines differ only where the bundle hides a marked value.

    The value is not among the inputs, so a replay does not know it where it is a word of a message.
    """
    if said == now:
        return True
    parts = said.split(HIDDEN)
    end = len(now) - len(parts[-1])
    if len(parts) == 1 or not now.startswith(parts[0]) or not now.endswith(parts[-1]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = now.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= end


def _key(line: str) -> tuple[str, ...]:
    """The identity of the finding that a line of the findings holds; () for another line."""
    try:
        found = json.loads(line.rstrip(","))
        who = [found["resource"][name] for name in ("source", "root", "environment", "address")]
        return (found["control"], found["check"], *who)
    except (ValueError, KeyError, TypeError):
        return ()
