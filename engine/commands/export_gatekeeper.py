"""assay export gatekeeper: the catalogue as ConstraintTemplates and Constraints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.engine.catalogue.controls import Catalogue
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
    export = library.export(found, _examples(args.rules, catalogue), chosen)
    return exporting.write(Path(args.folder), export, args.prune)


def _examples(
    folders: Sequence[str], catalogue: Catalogue
) -> dict[tuple[str, str], Sequence[Mapping[str, Any]]]:
    """The examples of every check, as its file has them: the catalogue has read it already."""
    import yaml

    from assay.engine.catalogue.load import read_files

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    controls = {control.file: control for control in catalogue.controls}
    found: dict[tuple[str, str], Sequence[Mapping[str, Any]]] = {}
    for file in read_files([Path(folder) for folder in folders]):
        control = controls.get(file.name)
        if control is None or not control.checks:
            continue
        entries = yaml.load(file.text, Loader=loader)["checks"]  # noqa: S506 - a safe loader
        for entry, check in zip(entries, control.checks, strict=True):
            found[control.id, check.id] = entry.get("examples", ())
    return found
