"""A scan → GitLab SAST report 15.0.7: fails as vulnerabilities, the rest as messages of the scan.

Source: GitLab's security report schemas, 15.x. Times are UTC and carry no zone letter; they are
those of `--at`, else the epoch, and then a message says so.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from assay.engine.model import Scan
from assay.reports.parts.groups import Fingerprints, Group, groups, missing
from assay.reports.parts.times import EPOCH, plain_time

VERSION = "15.0.7"
SCHEMA = (
    "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/"
    f"v{VERSION}/dist/sast-report-format.json"
)
NAMESPACE = uuid.UUID("9f1cb5b2-6f0c-5d7e-8f4a-5c1f4d1f7a10")  # ours, for ids made from digests
MAX_NAME, MAX_SOLUTION = 255, 7000  # characters, by the schema
MAX_RESULTS = 25_000  # entries; GitLab refuses a report much larger than that
LEVELS = {"unknown": "info", "manual": "info", "error": "warn", "coverage": "warn"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render(scan: Scan) -> Iterator[str]:
    """The document in pieces: one vulnerability a line."""
    found = groups(scan, "fail")
    notes = [
        {
            "level": LEVELS.get(each.kind, "fatal"),
            "value": f"{each.kind} ({each.code}): {each.control} {each.subject}"
            f"{f' and {each.number - 1} more' if each.number > 1 else ''}: {each.message}",
        }
        for each in missing(scan)
    ]
    if len(found) > MAX_RESULTS:
        cut = len(found) - MAX_RESULTS
        said = f"{cut} vulnerabilities are left out: this report holds {MAX_RESULTS}"
        notes.insert(0, {"level": "warn", "value": said})
    if scan.at is None:
        said = "no time was given (--at): start_time and end_time say nothing"
        notes.insert(0, {"level": "info", "value": said})
    time = plain_time(scan.at or EPOCH)
    tool = {
        "id": "assay",
        "name": "Assay",
        "version": scan.version or "0",
        "vendor": {"name": "Assay"},
    }
    head = {
        "analyzer": tool,
        "scanner": tool,
        "type": "sast",
        "start_time": time,
        "end_time": time,
        "status": "failure" if scan.faults else "success",
        "messages": notes,
    }
    yield f'{{"schema":{_encode(SCHEMA)},\n"version":"{VERSION}",\n"scan":{_encode(head)},\n'
    yield '"vulnerabilities":['
    controls = {control.id: control for control in scan.controls}
    prints = Fingerprints()
    lead = "\n"
    for group in found[:MAX_RESULTS]:
        yield lead + _encode(_vulnerability(group, controls, prints))
        lead = ",\n"
    yield '\n],\n"remediations":[]}\n'


def _vulnerability(group: Group, controls: Any, prints: Fingerprints) -> dict[str, Any]:
    finding, violation, instances = group
    control = controls.get(finding.control)
    place = violation.place
    title = control.title if control else finding.control
    found: dict[str, Any] = {
        "id": str(uuid.uuid5(NAMESPACE, prints.group(group))),
        "name": title[:MAX_NAME],
        "description": group.message + (f"\n\n{control.why}" if control else ""),
        "severity": finding.severity.capitalize(),
        "identifiers": [_identifier(finding.control)],
        "location": {"file": place.file, "start_line": max(place.line, 1)},
        "details": {
            "resources": {
                "name": "Resources",
                "type": "list",
                "items": [{"type": "text", "value": each.address} for each in instances[:100]],
            },
            "count": {"name": "Instances", "type": "value", "value": len(instances)},
        },
    }
    if place.end_line:
        found["location"]["end_line"] = place.end_line
    if finding.fix:
        found["solution"] = finding.fix[:MAX_SOLUTION]
    if finding.excepted_by:
        found["description"] += f"\n\nExcepted by {finding.excepted_by}."
        found["details"]["exception"] = {
            "name": "Excepted by",
            "type": "text",
            "value": finding.excepted_by,
        }
    return found


def _identifier(control: str) -> dict[str, str]:
    return {"type": "assay_control", "name": f"Assay {control}", "value": control}
