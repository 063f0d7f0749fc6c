"""assay snapshot: a redacted copy of a cluster that can be scanned again, without the cluster."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.engine.commands import clusters, scan
from assay.engine.errors import printable, usage


def options(parser: argparse.ArgumentParser) -> None:
    """`snapshot --cluster CONTEXT -o FILE`."""
    parser.add_argument("--cluster", required=True, metavar="CONTEXT")
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    parser.add_argument("--namespace", action="append", default=[], metavar="NAME")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")
    parser.add_argument("--timeout", type=float, default=clusters.TIMEOUT, metavar="SECONDS")
    parser.add_argument("--at", metavar="TIME", help="the time that the snapshot bears")


def run(args: argparse.Namespace) -> int:
    """0, or 1 where something could not be read: the snapshot says what."""
    from assay.engine.catalogue.load import load
    from assay.engine.kubernetes import api, cluster, snapshot

    at = scan.time_of(args.at)
    target = Path(args.output)
    if not target.parent.is_dir():
        raise usage(f"no such folder: {target.parent}", code="path-not-found")
    if not args.timeout > 0:
        raise usage("--timeout takes a number of seconds above 0")
    kinds = clusters.needed(load([Path(folder) for folder in args.rules]))
    connection = api.connect(args.cluster, args.timeout)
    wanted = cluster.Options(kinds, namespaces=tuple(args.namespace), classify=clusters.classify)
    uid, version = cluster.identity(connection)
    read = cluster.fetch(connection, wanted)
    time = at.isoformat().replace("+00:00", "Z") if at else None
    data = snapshot.write(read, args.cluster, uid, version, time)
    try:
        target.write_bytes(data)
    except OSError as error:
        message = f"the snapshot cannot be written: {error.strerror}"
        raise usage(message, code="report-write") from None
    blocking = [gap for gap in read.gaps if gap.blocks]
    print(f"{len(read.items)} objects, {len(blocking)} denied, {len(read.errors)} failed")
    for gap in blocking:
        print(f"{gap.state}: {printable(gap.subject)}: {printable(gap.reason)}", file=sys.stderr)
    for failed in read.errors:
        print(f"error[{failed.code}]: {printable(failed.message)}", file=sys.stderr)
    return 1 if blocking or read.errors else 0
