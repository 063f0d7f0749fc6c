"""assay drift: what is declared against what is there."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.engine.commands import clusters, configuring, sources
from assay.engine.errors import printable, usage
from assay.engine.files import discover
from assay.engine.kubernetes import drift, loader
from assay.engine.kubernetes.cluster import Read
from assay.engine.kubernetes.drift import Difference
from assay.engine.kubernetes.renderings import Rendering
from assay.engine.model import Gap, Loaded

SCHEMA = "assay/drift/1"
FORMATS = ("text", "json", "sarif")
LEVELS = {"missing": "error", "changed": "error", "undeclared": "warning", "unknown": "note"}


def options(parser: argparse.ArgumentParser) -> None:
    """`drift DECLARED… --cluster CONTEXT`, or `--snapshot FILE`."""
    parser.add_argument("paths", nargs="+", metavar="DECLARED")
    live = parser.add_mutually_exclusive_group(required=True)
    live.add_argument("--cluster", metavar="CONTEXT")
    live.add_argument("--snapshot", metavar="FILE")
    parser.add_argument("-f", "--format", choices=FORMATS, default="text")
    parser.add_argument("--namespace", metavar="NAME", help="of objects that name none")
    parser.add_argument("--values", action="append", default=[], metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--release", default="", metavar="NAME")
    parser.add_argument("--kube-version", default="", metavar="VERSION")
    parser.add_argument("--api-versions", action="append", default=[], metavar="VERSION")
    configuring.options(parser)
    parser.add_argument(
        "--environment", default="default", metavar="NAME", help="the one that runs in the cluster"
    )
    parser.add_argument("--timeout", type=float, default=clusters.TIMEOUT, metavar="SECONDS")


def run(args: argparse.Namespace) -> int:
    """0: all that is declared is there, and nothing else; 1: it is not, or cannot be known."""
    if not args.timeout > 0:
        raise usage("--timeout takes a number of seconds above 0")
    _one_environment(args)
    rendering = Rendering(
        environment=args.environment,
        namespace=args.namespace,
        release=args.release,
        values=tuple(args.values),
        sets=tuple(args.set),
        kube_version=args.kube_version,
        api_versions=sources.api_versions(args),
    )
    tree = configuring.tree_of(args, discover(args.paths))
    renderings = (*configuring.renderings(args, tree), rendering)
    given = loader.Options(args.environment, args.namespace, renderings)
    declared = loader.load(tree, given)
    if not declared.resources:
        raise usage("nothing is declared there: give manifests, charts or kustomizations")
    cluster, read = _live(args, declared)
    unread = {gap.subject.split(" ")[0]: gap.reason for gap in read.gaps if gap.blocks}
    unread |= {error.subject.split(" ")[0]: error.message for error in read.errors}
    found = drift.compare(declared.resources, read.items, unread, cluster)
    errors = [*declared.errors, *read.errors]
    gaps = [gap for gap in (*declared.gaps, *tree.gaps, *read.gaps) if gap.blocks]
    if args.format == "json":
        print(json.dumps(document(found, gaps, errors), ensure_ascii=False, indent=1))
    elif args.format == "sarif":
        print(json.dumps(sarif(found), ensure_ascii=False, indent=1))
    else:
        _text(found)
    for gap in gaps:
        print(f"not compared: {printable(gap.subject)}: {printable(gap.reason)}", file=sys.stderr)
    for error in errors:
        place = f"{error.place.file}:{error.place.line}"
        said = f"error[{error.code}]: {printable(error.message)} ({printable(place)})"
        print(said, file=sys.stderr)
    return 1 if found or errors or gaps else 0


def _one_environment(args: argparse.Namespace) -> None:
    """Refuse to compare one cluster with what is meant for several."""
    config = configuring.of(args)
    if config is None or args.environment != "default" or len(config.environments) < 2:
        return
    named = ", ".join(config.environments)
    raise usage(
        f"`{args.config}` declares several environments, and a cluster runs one",
        f"give --environment, one of: {named}",
    )


def _live(args: argparse.Namespace, declared: Loaded) -> tuple[str, Read]:
    """The name of the cluster, and its objects of every kind that is declared or usual."""
    from assay.engine.kubernetes import api, cluster, snapshot

    if args.snapshot:
        return snapshot.read(Path(args.snapshot))
    kinds = drift.STANDARD | {resource.kind for resource in declared.resources}
    connection = api.connect(args.cluster, args.timeout)
    return args.cluster, cluster.fetch(
        connection, cluster.Options(kinds, managers=True, classify=clusters.classify)
    )


def document(found: Sequence[Difference], gaps: Sequence[Gap], errors: Sequence[Any]) -> Any:
    """The JSON report: schema `assay/drift/1`."""
    return {
        "schema": SCHEMA,
        "counts": dict(sorted(Counter(each.what for each in found).items())),
        "differences": [
            {
                "what": each.what,
                "kind": each.kind,
                "address": each.address,
                "path": each.path,
                "declared": each.declared,
                "live": each.live,
                "who": each.who,
                "message": each.message,
                "file": each.place.file,
                "line": each.place.line,
                "column": each.place.column,
            }
            for each in found
        ],
        "gaps": [{"kind": gap.kind, "subject": gap.subject, "reason": gap.reason} for gap in gaps],
        "errors": [
            {"subject": error.subject, "code": error.code, "message": error.message}
            for error in errors
        ],
    }


def sarif(found: Sequence[Difference]) -> dict[str, Any]:
    """The SARIF 2.1.0 report."""
    results = [
        {
            "ruleId": f"drift-{each.what}",
            "level": LEVELS[each.what],
            "message": {"text": f"{each.address}: {each.message}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": each.place.file},
                        "region": {"startLine": each.place.line, "startColumn": each.place.column},
                    },
                    "logicalLocations": [{"fullyQualifiedName": each.address, "kind": "resource"}],
                }
            ],
        }
        for each in found
    ]
    rules = [{"id": f"drift-{what}"} for what in LEVELS]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "assay drift", "rules": rules}}, "results": results}],
    }


def _text(found: Sequence[Difference]) -> None:
    for each in found:
        place = printable(f"{each.place.file}:{each.place.line}")
        print(f"{each.what:<10} {printable(each.address)}  {place}")
        print(f"           {printable(each.message)}")
    counts = Counter(each.what for each in found)
    said = ", ".join(f"{counts[what]} {what}" for what in LEVELS)
    print(said)
