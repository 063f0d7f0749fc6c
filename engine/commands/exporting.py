"""What the exports of admission policies share: options, parameters, and writing to a folder."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from assay.engine.errors import printable, usage
from assay.reports.gatekeeper import listing, settings


def options(parser: argparse.ArgumentParser) -> None:
    """The folder, what is exported, and how it is enforced."""
    parser.add_argument("folder", metavar="DIR", help="where the files are written")
    parser.add_argument("--control", action="append", default=[], metavar="ID")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")
    parser.add_argument("--params", metavar="FILE", help="parameters of controls, YAML")
    parser.add_argument("--kube-version", default="", metavar="VERSION")
    parser.add_argument(
        "--excluded-namespaces",
        action="append",
        default=[],
        metavar="NAME[,NAME]",
        help="namespaces in which nothing is enforced",
    )
    parser.add_argument("--failure-policy", choices=settings.FAILURE, default="Fail")
    parser.add_argument(
        "--prune",
        action="store_true",
        help=f"delete files of an earlier export; {listing.PRUNE} lists its objects",
    )


def chosen(args: argparse.Namespace) -> tuple[Any, settings.Settings]:
    """The catalogue and the settings that the arguments ask for. Raises InputError."""
    from importlib.metadata import version

    from assay.engine.catalogue.load import load

    catalogue = load([Path(folder) for folder in args.rules])
    known = {control.id for control in catalogue.controls}
    for id in args.control:
        if id not in known:
            raise usage(f"no control `{id}`", "`assay controls list` prints them all", "no-control")
    given: dict[str, dict[str, Any]] = {}
    if args.params:
        from assay.engine import parameters

        given, _ = parameters.read(args.params, catalogue)
    params = {
        control.id: {param.name: param.default for param in control.params}
        | dict(given.get(control.id, {}))
        for control in catalogue.controls
    }
    excluded = [name.strip() for each in args.excluded_namespaces for name in each.split(",")]
    for name in excluded:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
            raise usage(f"`{name}` is no name of a namespace")
    return catalogue, settings.Settings(
        version=version("assay-policy"),
        params=params,
        kube_version=kube_version(args.kube_version),
        excluded_namespaces=tuple(dict.fromkeys(excluded)),
        failure_policy=args.failure_policy,
    )


def kube_version(text: str) -> tuple[int, int] | None:
    """`1.30`, `v1.30.2` → (1, 30); None for none. Raises InputError."""
    if not text:
        return None
    found = re.match(r"v?(\d{1,3})\.(\d{1,3})(?:[.+-].*)?$", text)
    if found is None:
        raise usage(f"--kube-version takes a version such as 1.30, not `{text}`")
    return int(found[1]), int(found[2])


def write(folder: Path, export: listing.Export, prune: bool) -> int:
    """Write the export, say what was refused, name what an earlier one had. Always 0."""
    earlier = _earlier(folder)
    files = {**export.files, listing.FILE: listing.render(export.objects, export.refusals)}
    gone = sorted(earlier.objects - {name for name, _ in export.objects})
    stale = sorted(earlier.files - files.keys())
    if prune:
        files[listing.PRUNE] = "".join(f"{name}\n" for name in gone)
    try:
        for inner in sorted({PurePosixPath(name).parent for name in files}):
            (folder / inner).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
        for name in stale if prune else ():
            _remove(folder, name)
    except OSError as error:
        message = f"the export cannot be written: {error.strerror}"
        raise usage(printable(message), code="report-write") from None
    _say(export, gone, stale, prune)
    return 0


def _say(export: listing.Export, gone: Sequence[str], stale: Sequence[str], prune: bool) -> None:
    print(f"{len(export.objects)} objects exported, {len(export.refusals)} checks refused")
    for each in export.refusals:
        print(f"refused: {each.control} / {each.check}: {each.reason}")
    for name in gone:
        print(f"no longer exported: {printable(name)}")
    if stale and not prune:
        print(f"{len(stale)} files of an earlier export are still there; --prune deletes them")


def _earlier(folder: Path) -> listing.Earlier:
    """What the folder's listing says of the last export; nothing where there was none."""
    path = folder / listing.FILE
    if folder.exists() and not folder.is_dir():
        raise usage(f"{folder} is no folder", code="path-not-found")
    try:
        if path.stat().st_size > listing.MAX_SIZE:
            return listing.Earlier(frozenset(), frozenset())
        return listing.read(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return listing.Earlier(frozenset(), frozenset())


def _remove(folder: Path, name: str) -> None:
    """Delete a file that the listing names, if it lies in the folder and nowhere else."""
    root = folder.resolve()
    path = folder / name
    if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(root):
        path.unlink()
        for parent in path.parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()
