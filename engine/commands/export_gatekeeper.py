"""assay export gatekeeper: the catalogue as ConstraintTemplates and Constraints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.engine.catalogue.controls import Control
from assay.engine.commands import exporting
from assay.reports.gatekeeper import settings


def options(parser: argparse.ArgumentParser) -> None:
    """The shared options, what a violation leads to, and whether controllers are expanded."""
    exporting.options(parser)
    parser.add_argument(
        "--enforcement-action",
        choices=settings.ENFORCEMENT,
        default="deny",
        help="deny (default), warn, or dryrun",
    )
    parser.add_argument(
        "--expansion",
        action="store_true",
        help="match Pods alone, and let ExpansionTemplates make them of their controllers",
    )


def run(args: argparse.Namespace) -> int:
    """0: what cannot be exported is listed."""
    from assay.engine.admission import rego
    from assay.engine.admission.collect import collect
    from assay.reports.gatekeeper import library

    catalogue, chosen = exporting.chosen(args)
    chosen = chosen._replace(enforcement=args.enforcement_action, expansion=args.expansion)
    found = collect(
        catalogue,
        frozenset(args.control),
        library.SUBJECT,
        chosen.kube_version,
        rego.convert,
        audited=True,
    )
    exported = {each.control.file: each.control for each in (*found.policies, *found.relations)}
    export = library.export(found, _examples(args.rules, exported), chosen)
    return exporting.write(Path(args.folder), export, args.prune)


def _examples(
    folders: Sequence[str], controls: Mapping[str, Control]
) -> dict[tuple[str, str], Sequence[Mapping[str, Any]]]:
    """The examples of controls by file, as it has them: the catalogue has read it already."""
    from assay.engine.catalogue.load import read_files
    from assay.engine.kubernetes.yamltext import documents

    found: dict[tuple[str, str], Sequence[Mapping[str, Any]]] = {}
    for file in read_files([Path(folder) for folder in folders]):
        control = controls.get(file.name)
        if control is None or not control.checks:
            continue
        entries = next(documents(file.text)).value["checks"]
        for entry, check in zip(entries, control.checks, strict=True):
            found[control.id, check.id] = entry.get("examples", ())
    return found
