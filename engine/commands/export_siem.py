"""assay export siem: templates, lifecycle policies, monitors and saved objects as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.engine.commands import sigma_deploy
from assay.engine.commands.sigma_input import convert_given, refusals
from assay.engine.errors import usage

LISTING = ".assay-siem"


def options(parser: argparse.ArgumentParser) -> None:
    """The folder, the rules, and how monitors run."""
    parser.add_argument("folder", metavar="DIR", help="where the files are written")
    sigma_deploy.declared(parser)
    parser.add_argument(
        "--keep-days", type=int, default=365, metavar="N", help="how long indexes are kept"
    )


def run(args: argparse.Namespace) -> int:
    """0; 1 where a rule is refused: the others are written."""
    from assay.engine.siem import gitops
    from assay.engine.siem.monitors import build

    if not 2 <= args.keep_days <= 36_500:
        raise usage("--keep-days is a number of days of 2 to 36500")
    settings = sigma_deploy.settings(args)
    done = convert_given(args, args.environment)
    monitors = build(done, settings)
    files = gitops.files(done, monitors, args.keep_days)
    _write(Path(args.folder), files)
    print(f"{len(files)} files written, {len(monitors.left_out)} rules left out by status")
    if refusals(monitors.refused) and not args.skip_refused:
        print("refused rules are left out; --skip-refused accepts that", file=sys.stderr)
        return 1
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    """Writes the files and removes those of an earlier export, which a listing names."""
    listing = folder / LISTING
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = listing.read_text("utf-8").splitlines() if listing.is_file() else []
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        root = folder.resolve()
        for name in set(earlier) - files.keys():
            path = folder / name
            if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(root):
                path.unlink()
        listing.write_text("".join(f"{name}\n" for name in sorted(files)), "utf-8")
    except OSError as error:
        raise usage(f"cannot write into {folder}: {error.strerror}") from error
