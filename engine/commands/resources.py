"""assay resources: what the loaders see, as JSON or as a list."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from assay.engine.cel.extensions import secrets
from assay.engine.commands import sources
from assay.engine.errors import printable
from assay.engine.files import discover
from assay.engine.judge.redaction import redacted
from assay.engine.model import Incomplete, Path, Resource, Unknown, path_text

SCHEMA = "assay/resources/1"


def options(parser: argparse.ArgumentParser) -> None:
    """Paths, the format, and the options of the sources."""
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    sources.options(parser)


def run(args: argparse.Namespace) -> int:
    """0, or 1 where a source could not be read."""
    sources.check(args)
    if args.show_sensitive:
        print("warning: marked values are printed", file=sys.stderr)
    loaded = sources.load(args, discover(args.paths))
    resources = [resource for each in loaded for resource in each.resources]
    errors = [error for each in loaded for error in each.errors]
    if args.format == "json":
        shown = [document(resource, args.show_sensitive) for resource in resources]
        json.dump({"schema": SCHEMA, "resources": shown}, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        for resource in resources:
            place = f"{resource.place.file}:{resource.place.line}"
            print(printable(secrets.replaced(f"{resource.address}  {place}")))
    for error in errors:
        place = f"{error.place.file}:{error.place.line}:{error.place.column}"
        said = f"error[{error.code}]: {error.message} ({place})"
        print(printable(secrets.replaced(said)), file=sys.stderr)
    return 1 if errors else 0


def document(resource: Resource, show_sensitive: bool) -> dict[str, Any]:
    """One resource of schema `assay/resources/1`."""
    values = resource.values
    if not show_sensitive:
        values = redacted(resource, written=True)
    unknown: list[Path] = []
    plain = _plain(values, (), unknown)
    return {
        "source": resource.source,
        "root": secrets.replaced(resource.root),
        "environment": resource.environment,
        "kind": resource.kind,
        "address": secrets.replaced(resource.address),
        "file": secrets.replaced(resource.place.file),
        "line": resource.place.line,
        "values": plain,
        "unknown": [path_text(path) for path in unknown],
        "sensitive": sorted(path_text(path) for path in resource.sensitive),
    }


def _plain(value: Any, path: Path, unknown: list[Path]) -> Any:
    """A value without its unknowns, whose paths are noted; a list keeps their places as null."""
    if isinstance(value, dict):
        shown: dict[str, Any] = {}
        for key, inner in value.items():
            if isinstance(inner, Unknown):
                unknown.append((*path, key))
            else:
                shown[key] = _plain(inner, (*path, key), unknown)
        return shown
    if isinstance(value, list):
        items: list[Any] = []
        for number, inner in enumerate(value):
            if isinstance(inner, Unknown):
                unknown.append((*path, number))
                items.append(None)
            else:
                items.append(_plain(inner, (*path, number), unknown))
        if isinstance(value, Incomplete):
            unknown.append(path)
        return items
    return value
