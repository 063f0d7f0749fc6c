"""A scan → SARIF 2.1.0: fails as results, errors and gaps as notifications.

Source: OASIS SARIF 2.1.0. Fingerprints hold what a finding is about and never its line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from assay.engine.model import (
    SOURCE_CONTROL,
    UNCHANGED,
    Finding,
    Gap,
    Notice,
    Place,
    Scan,
    Violation,
)

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
# What code hosts sort by; the middle of each band that they use.
SECURITY_SEVERITY = {"low": "2.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}
MAX_RESULTS = 25_000  # more than that is refused by the receivers, and so is a larger file
MAX_BYTES = 10 << 20
MARGIN = 4096  # bytes for what is written around the results


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render(scan: Scan) -> Iterator[str]:
    """The document as JSON text, one result a line; what a receiver would refuse is left out."""
    rules = [_rule(control) for control in scan.controls]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    notes = [*_notes(scan), *(_gap(gap) for gap in scan.gaps if gap.blocks)]
    notes += [{"level": "error", "message": {"text": fault.message}} for fault in scan.faults]
    head = _encode({"notes": notes, "rules": rules})
    compared = any(notice.code == "changed-since" for notice in scan.notices)
    left = MAX_BYTES - len(head.encode("utf-8", "replace")) - MARGIN
    results: list[str] = []
    dropped = 0
    for finding in scan.findings():
        if finding.status == "fail":
            for violation in finding.violations:
                result = _result(finding, violation, index)
                if compared:
                    old = finding.excepted_by == UNCHANGED
                    result["baselineState"] = "unchanged" if old else "new"
                text = _encode(result)
                left -= len(text.encode("utf-8", "replace")) + 2
                if len(results) < MAX_RESULTS and left >= 0:
                    results.append(text)
                else:
                    dropped += 1
    if dropped:
        size = MAX_BYTES // (1 << 20)
        message = f"{dropped} results are left out: receivers take {MAX_RESULTS} and {size} MiB"
        notes.append({"level": "error", "message": {"text": message}})
    run = _encode(_run(scan, rules, notes))
    yield f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{run[:-1]},\n"results":['
    for number, text in enumerate(results):
        yield (",\n" if number else "\n") + text
    yield "\n]}]}\n"


def _notes(scan: Scan) -> Iterator[dict[str, Any]]:
    for finding in scan.findings():
        if finding.status in ("error", "unknown", "manual"):
            yield _note(finding)


def _run(scan: Scan, rules: list[dict[str, Any]], notes: list[dict[str, Any]]) -> dict[str, Any]:
    """The run without its results."""
    invocation: dict[str, Any] = {
        "executionSuccessful": not scan.faults,
        "toolExecutionNotifications": notes,
    }
    if scan.notices:  # of exceptions and baselines: expired, unused, broad
        invocation["toolConfigurationNotifications"] = [_notice(each) for each in scan.notices]
    if scan.at is not None:
        invocation["endTimeUtc"] = scan.at
    return {
        "tool": {
            "driver": {
                "name": "assay",
                "semanticVersion": scan.version,
                "rules": rules,
                "properties": {"catalogue": scan.catalogue_digest},
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
    }


def _notice(notice: Notice) -> dict[str, Any]:
    note: dict[str, Any] = {
        "level": "warning",
        "message": {"text": notice.message},
        "descriptor": {"id": notice.code},
    }
    if notice.place is not None:
        note["locations"] = [{"physicalLocation": _physical(notice.place)}]
    return note


def _rule(control: Any) -> dict[str, Any]:
    fixes = list(dict.fromkeys(check.fix for check in control.checks if check.fix))
    help = " ".join([control.why, *fixes])
    return {
        "id": control.id,
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.why},
        "help": {"text": help},
        "defaultConfiguration": {"level": LEVELS[control.severity]},
        "properties": {
            "tags": ["security", control.domain],
            "security-severity": SECURITY_SEVERITY[control.severity],
        },
    }


def _result(finding: Finding, violation: Violation, index: dict[str, int]) -> dict[str, Any]:
    resource = finding.resource
    result: dict[str, Any] = {
        "ruleId": finding.control,
        "ruleIndex": index[finding.control],
        "level": LEVELS[finding.severity],
        "message": {"text": violation.message},
        "locations": [
            {
                "physicalLocation": _physical(violation.place),
                "logicalLocations": [
                    {"fullyQualifiedName": resource.address, "kind": "resource"},
                ],
            }
        ],
        "partialFingerprints": {"assay/1": fingerprint(finding, violation)},
        "properties": {
            "check": finding.check,
            "path": violation.path,
            "root": resource.root,
            "environment": resource.environment,
        },
    }
    if finding.excepted_by and finding.excepted_by != UNCHANGED:
        result["suppressions"] = [
            {"kind": "external", "justification": f"excepted by {finding.excepted_by}"}
        ]
    return result


def fingerprint(finding: Finding, violation: Violation) -> str:
    """What makes a result the same one after lines moved, SHA-256."""
    resource = finding.resource
    parts = (
        finding.control,
        finding.check,
        resource.source,
        resource.root,
        resource.environment,
        resource.address,
        violation.path,
        violation.place.file,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _physical(place: Place) -> dict[str, Any]:
    region: dict[str, int] = {"startLine": max(place.line, 1), "startColumn": max(place.column, 1)}
    if place.end_line:
        region["endLine"] = place.end_line
        region["endColumn"] = place.end_column
    return {"artifactLocation": {"uri": quote(place.file)}, "region": region}


def _note(finding: Finding) -> dict[str, Any]:
    place = finding.violations[0].place if finding.violations else finding.resource.place
    code = finding.check if finding.control == SOURCE_CONTROL else finding.status
    return {
        "descriptor": {"id": f"{finding.control}/{code}"},
        "level": "error" if finding.status == "error" else "note",
        "message": {"text": f"{finding.resource.address}: {finding.message}"},
        "locations": [{"physicalLocation": _physical(place)}],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    note: dict[str, Any] = {
        "descriptor": {"id": f"coverage/{gap.kind}"},
        "level": "error",
        "message": {"text": f"{gap.subject}: {gap.state}: {gap.reason}"},
    }
    if gap.place is not None:
        note["locations"] = [{"physicalLocation": _physical(gap.place)}]
    return note
