"""Live clusters and snapshots as sources: their options, and which kinds the controls need."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from assay.engine.catalogue.controls import Catalogue, Check, is_kubernetes
from assay.engine.errors import usage
from assay.engine.judge.workloads import TEMPLATES
from assay.engine.model import Loaded

TIMEOUT = 120.0  # seconds for a cluster, unless the user says


def options(parser: argparse.ArgumentParser) -> None:
    """`--cluster`, `--snapshot`, and how long a cluster may take."""
    live = parser.add_argument_group("cluster")
    live.add_argument("--cluster", action="append", default=[], metavar="CONTEXT")
    live.add_argument("--snapshot", action="append", default=[], metavar="FILE")
    live.add_argument("--timeout", type=float, default=TIMEOUT, metavar="SECONDS")


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before any work."""
    if not args.timeout > 0:
        raise usage("--timeout takes a number of seconds above 0")
    for file in args.snapshot:
        if not Path(file).is_file():
            raise usage(f"no such snapshot: {file}", code="path-not-found")


def load(args: argparse.Namespace) -> list[Loaded]:
    """What the named clusters and snapshots hold of the kinds that the chosen controls need."""
    loaded: list[Loaded] = []
    if args.cluster:
        from assay.engine.catalogue.load import load as catalogue
        from assay.engine.kubernetes import api, cluster

        controls = catalogue([Path(folder) for folder in getattr(args, "rules", ())])
        kinds = needed(controls, frozenset(getattr(args, "control", ())))
        wanted = cluster.Options(kinds, args.environment, classify=classify)
        loaded += [
            cluster.load(api.connect(context, args.timeout), wanted) for context in args.cluster
        ]
    if args.snapshot:
        from assay.engine.kubernetes import snapshot

        loaded += [snapshot.load(Path(file), args.environment) for file in args.snapshot]
    return loaded


def classify(name: str, text: str) -> str:
    """The class of the secret that a named text is, as the controls see it; "" for none."""
    from assay.engine.cel.extensions import secrets

    return str(secrets.kind(name, text))


def needed(catalogue: Catalogue, chosen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The Kubernetes kinds that the chosen controls judge or join; with none chosen, all."""
    found: set[str] = set()
    for control in catalogue.controls:
        if not chosen or control.id in chosen:
            for each in control.checks:
                found.update(_of_check(each, catalogue))
    return frozenset(found)


def _of_check(check: Check, catalogue: Catalogue) -> Iterable[str]:
    yield from _kinds((*check.kinds, check.view), catalogue)
    for relation in check.related:
        yield from _kinds(relation.kinds, catalogue)


def _kinds(names: Iterable[str], catalogue: Catalogue) -> Iterable[str]:
    for name in names:
        if name in catalogue.views:
            yield from _kinds(catalogue.views[name].parts, catalogue)
        elif name == "namespace":
            yield "Namespace"
        elif name in ("workload", "literal"):
            yield from TEMPLATES
        elif name and is_kubernetes(name):
            yield name
