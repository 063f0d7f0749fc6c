"""A scan → OCSF Compliance Findings (class 2003, schema 1.4.0): a JSON array, an event a line.

Every evaluation is an event, passes too, and every part of the input that was not evaluated is
one whose compliance status is Unknown. Times are those of `--at`, else 0.
Source: https://schema.ocsf.io/1.4.0/classes/compliance_finding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from assay.engine.model import Finding, Gap, Place, Scan

VERSION = "1.4.0"
CATEGORY, CLASS, CREATE = 2, 2003, 1
SEVERITIES = {"low": 2, "medium": 3, "high": 4, "critical": 5}
INFORMATIONAL = 1
STATUSES = {"pass": (1, "Pass"), "fail": (3, "Fail"), "unknown": (0, "Unknown")}
OTHER = 99
SUPPRESSED, NEW = 3, 1
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render(scan: Scan) -> Iterator[str]:
    """An event a line, in the order of the findings; then gaps, notices and faults."""
    lead = "[\n"
    for event in _events(scan):
        yield lead + _encode(event)
        lead = ",\n"
    yield "\n]\n" if lead == ",\n" else "[]\n"


def _events(scan: Scan) -> Iterator[dict[str, Any]]:
    controls = {control.id: control for control in scan.controls}
    head = _head(scan)
    for finding in scan.findings():
        yield _finding(finding, controls, head, scan)
    for gap in scan.gaps:
        yield _gap(gap, head)
    for notice in scan.notices:
        said = f"{notice.subject}: {notice.message}"
        yield _other(head, f"notice:{notice.code}", said, notice.place)
    for fault in scan.faults:
        yield _other(head, f"fault:{fault.code}", fault.message, None)


def _head(scan: Scan) -> dict[str, Any]:
    """What all events of a scan share."""
    at = datetime.fromisoformat(scan.at).timestamp() if scan.at else 0
    return {
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Compliance Finding: Create",
        "time": int(at * 1000),
        "metadata": {
            "version": VERSION,
            "product": {"name": "Assay", "vendor_name": "Assay", "version": scan.version or "0"},
        },
    }


def _finding(
    finding: Finding, controls: Mapping[str, Any], head: dict[str, Any], scan: Scan
) -> dict[str, Any]:
    control, resource = controls.get(finding.control), finding.resource
    quiet = finding.status in ("pass", "not_applicable")
    number = INFORMATIONAL if quiet else SEVERITIES[finding.severity]
    severity = "Informational" if quiet else finding.severity.capitalize()
    id, name = STATUSES.get(finding.status, (OTHER, finding.status))
    compliance: dict[str, Any] = {
        "control": finding.control,
        "requirements": [
            f"{each.framework} {each.requirement}"
            for each in (control.frameworks if control else ())
        ],
        "standards": sorted({each.framework for each in (control.frameworks if control else ())}),
        "status": name,
        "status_id": id,
        "status_code": finding.status if not finding.cause else f"{finding.status}:{finding.cause}",
    }
    if finding.message:
        compliance["status_detail"] = finding.message
    place = finding.violations[0].place if finding.violations else resource.place
    held: dict[str, Any] = {
        "uid": resource.address,
        "name": resource.address,
        "type": resource.kind,
        "labels": [
            f"source={resource.source}",
            f"root={resource.root}",
            f"environment={resource.environment}",
        ],
        "data": {"place": _at(place), "violations": _violations(finding)},
    }
    if resource.namespace:
        held["namespace"] = resource.namespace
    if scan.owners is not None and (owners := list(scan.owners(resource.place.file))):
        held["owner"] = {"name": ", ".join(owners)}
    event = {
        **head,
        "severity_id": number,
        "severity": severity,
        "status_id": SUPPRESSED if finding.excepted_by else NEW,
        "status": "Suppressed" if finding.excepted_by else "New",
        "message": finding.message or f"{resource.address}: {finding.status}",
        "finding_info": {
            "uid": _uid(finding),
            "title": control.title if control else finding.control,
            "desc": control.why if control else finding.message,
            "types": [control.domain] if control else [],
        },
        "compliance": compliance,
        "resources": [held],
    }
    if finding.excepted_by:
        event["comment"] = f"excepted by {finding.excepted_by}"
    if finding.fix and finding.status == "fail":
        event["remediation"] = {"desc": finding.fix}
    return event


def _violations(finding: Finding) -> list[dict[str, Any]]:
    return [
        {"path": each.path, "message": each.message, **_at(each.place)}
        for each in finding.violations
    ]


def _uid(finding: Finding) -> str:
    """The same for the same control and resource in every scan."""
    resource = finding.resource
    parts = (finding.control, finding.check, resource.source, resource.root)
    whole = "\0".join((*parts, resource.environment, resource.address, resource.place.file))
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:32]


def _gap(gap: Gap, head: dict[str, Any]) -> dict[str, Any]:
    said = f"{gap.subject}: {gap.reason}"
    level = INFORMATIONAL if not gap.blocks else SEVERITIES["high"]
    return _other(head, f"gap:{gap.kind}:{gap.state}", said, gap.place, level)


def _other(
    head: dict[str, Any], code: str, said: str, place: Place | None, level: int = INFORMATIONAL
) -> dict[str, Any]:
    """An event for what no control judged: its compliance status is Unknown."""
    uid = hashlib.sha256(f"{code}\0{said}".encode("utf-8", "replace")).hexdigest()[:32]
    event = {
        **head,
        "severity_id": level,
        "severity": "High" if level > INFORMATIONAL else "Informational",
        "status_id": NEW,
        "status": "New",
        "message": said,
        "finding_info": {"uid": uid, "title": code, "desc": said, "types": ["coverage"]},
        "compliance": {
            "control": "assay-coverage",
            "requirements": [],
            "standards": [],
            "status": "Unknown",
            "status_id": 0,
            "status_code": code,
            "status_detail": said,
        },
    }
    if place is not None:
        event["resources"] = [{"uid": place.file, "name": place.file, "data": _at(place)}]
    return event


def _at(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column}
