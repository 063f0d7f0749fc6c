"""assay controls: list, show, test, begin and document controls, and what they cover."""

from __future__ import annotations

import argparse
import json
from difflib import get_close_matches
from pathlib import Path

from assay.engine.catalogue.controls import Catalogue, Control
from assay.engine.commands import controls_coverage, controls_docs, controls_new
from assay.engine.errors import usage


def options(parser: argparse.ArgumentParser) -> None:
    """Its actions, each with `--rules` for folders of one's own."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="a line a control")
    listed.add_argument("-f", "--format", choices=("text", "json"), default="text")
    show = actions.add_parser("show", help="one control in full")
    show.add_argument("id", metavar="ID")
    test = actions.add_parser("test", help="run the examples of all controls, or of a folder's")
    test.add_argument("folder", nargs="?", metavar="DIR")
    text = "begin a control of your own, with its examples"
    controls_new.options(actions.add_parser("new", help=text))
    text = "which requirements are covered, partly, or by a person only"
    controls_coverage.options(actions.add_parser("coverage", help=text))
    text = "a Markdown page a control, and indexes"
    controls_docs.options(actions.add_parser("docs", help=text))
    for each in (listed, show):
        each.add_argument("--rules", action="append", default=[], metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """0; for `test`, 1 where an example does not hold."""
    from assay.engine.catalogue import load

    if args.action == "test":
        return _test(args.folder)
    if args.action == "new":
        return controls_new.run(args)
    if args.action == "coverage":
        return controls_coverage.run(args)
    if args.action == "docs":
        return controls_docs.run(args)
    catalogue = load.load([Path(folder) for folder in args.rules])
    if args.action == "list":
        _list(catalogue, args.format)
        return 0
    control = catalogue.control(args.id)
    if control is None:
        near = get_close_matches(args.id, [each.id for each in catalogue.controls], 1)
        help = f"did you mean `{near[0]}`?" if near else "`assay controls list` prints them all"
        raise usage(f"no control `{args.id}`", help, "no-control")
    _show(control)
    return 0


def _list(catalogue: Catalogue, format: str) -> None:
    if format == "json":
        rows = [
            {
                "id": control.id,
                "title": control.title,
                "severity": control.severity,
                "domain": control.domain,
                "checks": [check.id for check in control.checks],
                "equivalents": {tool: list(ids) for tool, ids in control.equivalents.items()},
            }
            for control in catalogue.controls
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    width = max((len(control.id) for control in catalogue.controls), default=0)
    for control in catalogue.controls:
        print(f"{control.id:{width}}  {control.severity:8}  {control.title}")
    checks = sum(len(control.checks) for control in catalogue.controls)
    print(f"{len(catalogue.controls)} controls, {checks} checks")


def _show(control: Control) -> None:
    print(f"{control.id}  ({control.severity})\n{control.title}\n\n{control.why}\n")
    for check in control.checks:
        print(f"for {', '.join(check.kinds)}")
        print(f"  fix: {' '.join(check.fix.split())}")
    for param in control.params:
        print(f"parameter {param.name} ({param.type}), default {param.default!r}  {param.about}")
    for each in control.frameworks:
        print(f"{each.relation} {each.framework} {each.requirement}: {each.because}")
    for tool, ids in control.equivalents.items():
        print(f"the same in {tool}: {', '.join(ids)}")
    print(f"written in {control.file}")


def _test(folder: str | None) -> int:
    from assay.engine import examples
    from assay.engine.catalogue import load

    files = load.read_files([Path(folder)] if folder else [], builtin=True)
    catalogue = load.build(files)
    own = load.read_files([Path(folder)], builtin=False) if folder else files
    total = failed = 0
    for result in examples.run(own, catalogue):
        total += 1
        if result.differences:
            failed += 1
            example = result.example
            where = f"{example.file}:{example.line}"
            print(f"{where}: {example.control} / {example.check}: {example.name}")
            for difference in result.differences:
                print(f"  {difference}")
    print(f"{total - failed} of {total} examples hold")
    if not total:
        raise usage("no example was found", "controls without examples prove nothing", "no-example")
    return 1 if failed else 0
