"""assay controls coverage: what of a framework is covered, partly, or by a person only."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.catalogue import selection
from assay.engine.catalogue.controls import Catalogue
from assay.engine.catalogue.load import RuleFile
from assay.engine.errors import usage

# From the strongest: a check that satisfies, checks that support, only a person, nothing.
STATES = ("covered", "partly", "person", "none")
SHOWN = {"covered": "covered", "partly": "partly", "person": "a person", "none": "nothing"}


class Requirement(NamedTuple):
    """One requirement: its state, and the controls that speak to it as (control, relation)."""

    id: str
    title: str
    state: str
    controls: tuple[tuple[str, str], ...]


def options(parser: argparse.ArgumentParser) -> None:
    """`--framework F`, `-f json` and `--rules DIR`."""
    help = "the framework's id, such as nist-800-53-r5"
    parser.add_argument("--framework", metavar="F", required=True, help=help)
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """0; an unknown framework is a usage error."""
    from assay.engine.catalogue import load

    files = load.read_files([Path(folder) for folder in args.rules])
    known = frameworks(files)
    if args.framework not in known:
        near = get_close_matches(args.framework, list(known), 1)
        help = f"did you mean `{near[0]}`?" if near else f"frameworks: {', '.join(sorted(known))}"
        raise usage(f"no framework `{args.framework}`", help, "no-framework")
    title, requirements = known[args.framework]
    found = of(load.from_files(files), args.framework, requirements)
    print(_json(args.framework, title, found) if args.format == "json" else _text(title, found))
    return 0


def frameworks(files: Sequence[RuleFile]) -> dict[str, tuple[str, dict[str, str]]]:
    """id → title, and requirement → its short name, for every framework file."""
    from assay.engine.catalogue.document import parse

    found: dict[str, tuple[str, dict[str, str]]] = {}
    for file in files:
        if file.folder != "frameworks":
            continue
        entries: Any = parse(file.name, file.text).plain()
        listed = entries["requirements"]
        named = listed if isinstance(listed, dict) else dict.fromkeys(listed, "")
        found[entries["id"]] = (
            str(entries.get("title", entries["id"])),
            {str(key): str(value or "") for key, value in named.items()},
        )
    return found


def of(catalogue: Catalogue, framework: str, requirements: dict[str, str]) -> list[Requirement]:
    """Every requirement of a framework with its state, in the framework's order."""
    speaking: dict[str, list[tuple[str, str]]] = {}
    states: dict[str, str] = {}
    for control in catalogue.controls:
        for each in control.frameworks:
            if each.framework != framework:
                continue
            speaking.setdefault(each.requirement, []).append((control.id, each.relation))
            state = "person"
            if control.checks:
                defaults = {param.name: param.default for param in control.params}
                whole = each.relation == "satisfies" and not selection.laxer(each, defaults)
                state = "covered" if whole else "partly"
            best = states.get(each.requirement, "none")
            states[each.requirement] = min(best, state, key=STATES.index)
    return [
        Requirement(id, title, states.get(id, "none"), tuple(speaking.get(id, ())))
        for id, title in requirements.items()
    ]


def _json(id: str, title: str, found: Sequence[Requirement]) -> str:
    return json.dumps(
        {
            "schema": "assay/coverage/1",
            "framework": id,
            "title": title,
            "counts": _counts(found),
            "requirements": [
                {
                    "id": each.id,
                    "title": each.title,
                    "state": each.state,
                    "controls": [
                        {"control": control, "relation": relation}
                        for control, relation in each.controls
                    ],
                }
                for each in found
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def _text(title: str, found: Sequence[Requirement]) -> str:
    lines = [title, ""]
    wide = max((len(each.id) for each in found), default=0)
    names = max((len(each.title) for each in found), default=0)
    for each in found:
        told = ", ".join(control for control, _ in each.controls[:3])
        more = f" and {len(each.controls) - 3} more" if len(each.controls) > 3 else ""
        row = f"{each.id:{wide}}  {SHOWN[each.state]:8}  {each.title:{names}}  {told}{more}"
        lines.append(row.rstrip())
    counts = _counts(found)
    summary = ", ".join(f"{counts[state]} {SHOWN[state]}" for state in STATES)
    return "\n".join([*lines, "", f"{len(found)} requirements: {summary}"])


def _counts(found: Sequence[Requirement]) -> dict[str, int]:
    return {state: sum(each.state == state for each in found) for state in STATES}
