"""assay export vap: the catalogue as ValidatingAdmissionPolicies."""

from __future__ import annotations

import argparse
from pathlib import Path

from assay.engine.commands import exporting
from assay.engine.errors import usage
from assay.reports.gatekeeper import settings


def options(parser: argparse.ArgumentParser) -> None:
    """The shared options, what a violation leads to, and where parameters lie."""
    exporting.options(parser)
    parser.add_argument(
        "--validation-actions",
        default="Deny",
        metavar="ACTION[,ACTION]",
        help="Deny, Warn, Audit; Deny and Warn exclude each other",
    )
    parser.add_argument(
        "--param-kind",
        type=str.lower,
        choices=settings.PARAM_KINDS,
        default="configmap",
        help="where parameters lie (default configmap; none writes them into the policies)",
    )
    parser.add_argument("--param-namespace", default="kube-system", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    """0; 2 where the server asked for knows no such policies."""
    from assay.engine.admission.collect import collect
    from assay.reports.gatekeeper import policies

    actions = _actions(args.validation_actions)
    catalogue, chosen = exporting.chosen(args)
    if chosen.kube_version is not None and chosen.kube_version < policies.SINCE:
        given = ".".join(map(str, chosen.kube_version))
        raise usage(
            f"Kubernetes {given} does not serve ValidatingAdmissionPolicy v1: it needs 1.30",
            "`assay export gatekeeper DIR` enforces the same controls with Gatekeeper",
            "kube-version",
        )
    chosen = chosen._replace(
        validation_actions=actions,
        param_kind=args.param_kind,
        param_namespace=args.param_namespace,
    )
    found = collect(catalogue, frozenset(args.control), kube_version=chosen.kube_version)
    return exporting.write(Path(args.folder), policies.export(found, chosen), args.prune)


def _actions(text: str) -> tuple[str, ...]:
    known = {action.lower(): action for action in settings.ACTIONS}
    words = [word.strip().lower() for word in text.split(",")]
    for word in words:
        if word not in known:
            raise usage(f"--validation-actions takes {', '.join(settings.ACTIONS)}, not `{word}`")
    if {"deny", "warn"} <= set(words):
        raise usage("--validation-actions cannot be both Deny and Warn: an API server refuses it")
    return tuple(action for key, action in known.items() if key in words)
