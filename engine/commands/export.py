"""assay export: controls and rules as the files that other systems enforce them with."""

from __future__ import annotations

import argparse
from importlib import import_module

# target → module with `options(parser)` and `run(args) -> exit code`, and its one-line summary.
# They are all imported for their options: none imports anything heavy before it runs.
TARGETS: dict[str, tuple[str, str]] = {
    "gatekeeper": (
        "assay.engine.commands.export_gatekeeper",
        "controls as ConstraintTemplates, with their examples as a suite for gator",
    ),
    "siem": (
        "assay.engine.commands.export_siem",
        "index templates, lifecycle policies, monitors and saved objects of OpenSearch",
    ),
    "vap": ("assay.engine.commands.export_vap", "controls as ValidatingAdmissionPolicies"),
}


def options(parser: argparse.ArgumentParser) -> None:
    """A sub-command for each target."""
    targets = parser.add_subparsers(dest="target", required=True, metavar="TARGET")
    for name, (module, summary) in TARGETS.items():
        import_module(module).options(
            targets.add_parser(name, help=summary, description=f"export {name}: {summary}")
        )


def run(args: argparse.Namespace) -> int:
    """What the target says: 0, or 1 where something could not be exported as asked."""
    code: int = import_module(TARGETS[args.target][0]).run(args)
    return code
