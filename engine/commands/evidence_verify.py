"""assay evidence verify, and how the other actions open a bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.evidence import bundle, keys

MAX_BUNDLE = 1024 * 1024 * 1024  # bytes


def options(parser: argparse.ArgumentParser) -> None:
    """`verify BUNDLE… --key PUBLIC`."""
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE", help="several must form a chain")
    parser.add_argument("--key", required=True, metavar="PUBLIC", help="public key, PEM")


def run(args: argparse.Namespace) -> int:
    """0 where nothing was changed; 1 at the first bundle that is refused."""
    key = keys.read_public(args.key)
    held = [(name, read(name)) for name in args.bundles]
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


def opened(args: argparse.Namespace) -> bundle.Opened:
    """The bundle that the arguments name, verified where they give a key."""
    data = read(args.bundle)
    if args.key:
        return bundle.verify(data, keys.read_public(args.key))
    return bundle.open_(data)


def read(path: str) -> bytes:
    """The bytes of a bundle. Raises InputError for a file that is not there or too large."""
    try:
        if Path(path).stat().st_size > MAX_BUNDLE:
            raise usage("that is too large for a bundle", code="evidence-changed")
        return Path(path).read_bytes()
    except OSError as error:
        message = f"the bundle {printable(Path(path).name)} cannot be read: {error.strerror}"
        raise InputError(Problem("path-not-found", message)) from None
