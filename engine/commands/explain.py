"""assay explain: why a control says what it says of one resource, as a tree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from assay.engine.cel.explain import Part, shown
from assay.engine.commands import sources
from assay.engine.errors import printable, usage
from assay.engine.model import Resource, path_text

WIDTH = 160  # characters of a line; longer parts are cut


def options(parser: argparse.ArgumentParser) -> None:
    """`explain CONTROL ADDRESS PATH…` with scan's source options."""
    parser.add_argument("id", metavar="CONTROL")
    parser.add_argument("address", metavar="ADDRESS", help="as `assay resources` prints it")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")
    parser.add_argument("--params", metavar="FILE")
    parser.set_defaults(control=[])
    sources.options(parser)


def run(args: argparse.Namespace) -> int:
    """0 where the control looked at the resource; exit 2 where there is no such thing."""
    from assay.engine import explain, parameters
    from assay.engine.catalogue.load import load

    catalogue = load([Path(folder) for folder in args.rules])
    control = catalogue.control(args.id)
    if control is None:
        near = get_close_matches(args.id, [each.id for each in catalogue.controls], 1)
        help = f"did you mean `{near[0]}`?" if near else "`assay controls list` prints them all"
        raise usage(f"no control `{args.id}`", help, "no-control")
    params = parameters.read(args.params, catalogue).values if args.params else {}
    loaded = sources.load(args, sources.discovered(args))
    found = list(
        explain.reasons(catalogue, control, args.address, loaded, params.get(control.id, {}))
    )
    if not found:
        known = [resource.address for each in loaded for resource in each.resources]
        near = get_close_matches(args.address, known, 1)
        help = "`assay resources PATH` prints the addresses"
        if args.address in known:
            help = "the control looks at other kinds: `assay controls show` says which"
        elif near:
            help = f"did you mean `{near[0]}`?"
        raise usage(f"`{control.id}` looks at no `{args.address}` here", help, "no-resource")
    for reason in found:
        resource = reason.resource
        place = f"{resource.place.file}:{resource.place.line}:{resource.place.column}"
        print(f"{control.id} / {reason.check.id}: {reason.status}  {printable(place)}")
        if reason.message:
            print(f"  {printable(reason.message)}")
        for step in reason.steps:
            at = f" at {path_text(step.path)}" if step.path else ""
            sys.stdout.write(f"  {step.name}{at}\n")
            sys.stdout.writelines(_lines(step.part, resource, "    "))
    return 0


def _lines(part: Part, resource: Resource, indent: str) -> Iterator[str]:
    value = f"error: {part.error}" if part.error else shown(part.value)
    bound = f"[{part.binding}] " if part.binding else ""
    line = f"{bound}{part.text} → {value}"
    place = ""
    if part.path[:1] in (("resource",), ("object",)) and len(part.path) > 1 and not part.error:
        found = resource.locate(part.path[1:])
        place = f"  ({found.file}:{found.line})"
    yield f"{indent}{printable(line[:WIDTH])}{printable(place)}\n"
    for inner in part.parts:
        yield from _lines(inner, resource, indent + "  ")
