"""assay evidence send: the findings of bundles into an OpenSearch data stream."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from assay.engine.commands import evidence_verify
from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.evidence import bundle, keys
from assay.engine.history import sink

BATCH = 1_000  # documents in a request: some 600 KB
_STREAM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,100}\Z")


def options(parser: argparse.ArgumentParser) -> None:
    """`send BUNDLE… --to URL`."""
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    parser.add_argument("--to", required=True, metavar="URL", help="of OpenSearch")
    parser.add_argument("--data-stream", default=sink.STREAM, metavar="NAME")
    parser.add_argument("--key", metavar="PUBLIC", help="verify each bundle first")


def run(args: argparse.Namespace) -> int:
    """0 once all is there; what was sent before is not sent again."""
    from importlib.util import find_spec

    from assay.engine.siem import server

    if find_spec("opensearchpy") is None:
        help = "install it: pip install 'assay-policy[siem]'"
        raise usage("OpenSearch needs the package `opensearch-py`", help, "extra-missing")
    if not _STREAM.match(args.data_stream):
        raise usage("--data-stream takes lower-case letters, digits, `-`, `_` and `.`")
    key = keys.read_public(args.key) if args.key else None
    held = []
    for name in args.bundles:
        data = evidence_verify.read(name)
        held.append((name, bundle.verify(data, key) if key else bundle.open_(data)))
    from opensearchpy.exceptions import OpenSearchException

    try:
        client = server.connect(args.to)
        stream = args.data_stream
        client.indices.put_index_template(name=stream, body=sink.template(stream))
        for name, opened in held:
            said = _send(client, stream, opened)
            print(f"{printable(Path(name).name)}: {said}")
    except (OpenSearchException, ValueError) as error:
        reason = printable(str(error))[:300]
        message = f"{printable(server.shown(args.to))} did not take the findings: {reason}"
        help = "send again: what is there already is not sent twice"
        raise InputError(Problem("evidence-sink", message, help=help)) from None
    return 0


def _send(client: Any, stream: str, opened: bundle.Opened) -> str:
    """Send one run. Its own document comes last, so where that is, nothing is left to do."""
    query = {"query": {"term": {"_id": sink.run_id(opened.digest)}}, "size": 0}
    found = client.search(index=stream, body=query, ignore_unavailable=True)
    if found["hits"]["total"]["value"]:
        return "was there already"
    findings = json.loads(opened.files[bundle.FINDINGS])["findings"]
    rows = sink.documents(opened.manifest, opened.digest, findings)
    total = 0
    while batch := list(islice(rows, BATCH)):
        lines: list[Any] = []
        for id, document in batch:
            lines += [{"create": {"_id": id}}, document]
        _check(client.bulk(index=stream, body=lines, refresh=len(batch) < BATCH))
        total += len(batch)
    client.indices.refresh(index=stream)
    return f"{total - 1} findings"


def _check(answer: Mapping[str, Any]) -> None:
    """Raises ValueError where a document was refused; one that is there already is as it should."""
    items: Sequence[Mapping[str, Any]] = [item["create"] for item in answer["items"]]
    refused = [item for item in items if item["status"] not in (200, 201, 409)]
    if refused:
        reason = refused[0].get("error", {}).get("reason", "no reason given")
        raise ValueError(f"{len(refused)} documents were refused: {reason}")
