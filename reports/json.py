"""A scan → JSON of schema `assay/scan/1`, written as a stream: every finding, passes too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assay.engine.model import Finding, Gap, Place, Resource, Scan

SCHEMA = "assay/scan/1"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=False).encode


def render(scan: Scan) -> Iterator[str]:
    """The document in pieces: one finding a line."""
    yield f'{{"schema":{_encode(SCHEMA)},\n'
    yield f'"tool":{_encode({"name": "assay", "version": scan.version})},\n'
    yield f'"catalogue":{_encode(scan.catalogue_digest)},\n'
    if scan.at is not None:
        yield f'"at":{_encode(scan.at)},\n'
    yield f'"inputs":{_encode(list(scan.inputs))},\n'
    yield f'"counts":{_encode(dict(scan.counts))},\n'
    yield '"findings":['
    lead = "\n"
    for finding in scan.findings():
        item = _finding(finding)
        if scan.owners is not None:
            item["owners"] = list(scan.owners(finding.resource.place.file))
        yield lead + _encode(item)
        lead = ",\n"
    coverage = [each._asdict() for each in scan.coverage]
    yield f'\n],\n"coverage":{_lines(coverage)},\n'
    yield f'"gaps":{_lines([_gap(gap) for gap in scan.gaps])},\n'
    notices = [
        {"code": each.code, "subject": each.subject, "message": each.message, **_at(each.place)}
        for each in scan.notices
    ]
    yield f'"notices":{_lines(notices)},\n'
    yield f'"errors":{_lines([fault._asdict() for fault in scan.faults])}}}\n'


def _lines(items: list[dict[str, Any]]) -> str:
    return "[" + ",".join("\n" + _encode(item) for item in items) + ("\n]" if items else "]")


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "control": finding.control,
        "check": finding.check,
        "status": finding.status,
        "cause": finding.cause,
        "severity": finding.severity,
        "message": finding.message,
        "excepted_by": finding.excepted_by,
        "violations": [
            {"path": each.path, "message": each.message, **_at(each.place)}
            for each in finding.violations
        ],
        "resource": _resource(finding.resource),
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "source": resource.source,
        "root": resource.root,
        "environment": resource.environment,
        "kind": resource.kind,
        "address": resource.address,
        **_at(resource.place),
    }


def _at(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {"file": place.file, "line": place.line, "column": place.column}


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "kind": gap.kind,
        "subject": gap.subject,
        "state": gap.state,
        "reason": gap.reason,
        "blocks": gap.blocks,
        **_at(gap.place),
    }
