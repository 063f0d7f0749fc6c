"""A scan → GitLab Code Quality: what the merge request shows beside the changed lines.

Source: GitLab's documentation of the Code Quality report format (a subset of Code Climate's).
One entry a place of declaration; what was not evaluated has entries too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assay.engine.model import Place, Scan
from assay.reports.parts.groups import Fingerprints, Group, Missing, groups, missing

SEVERITY = {"low": "minor", "medium": "major", "high": "critical", "critical": "blocker"}
NOT_EVALUATED = {"unknown": "info", "manual": "info"}  # the rest is critical
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render(scan: Scan) -> Iterator[str]:
    """The array, one entry a line."""
    prints = Fingerprints()
    lead = "[\n"
    for group in groups(scan, "fail"):
        yield lead + _encode(_fail(group, prints))
        lead = ",\n"
    for each in missing(scan):
        yield lead + _encode(_missing(each, scan, prints))
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"


def _fail(group: Group, prints: Fingerprints) -> dict[str, Any]:
    finding = group.finding
    severity, said = SEVERITY[finding.severity], group.message
    if finding.excepted_by:
        severity, said = "info", f"{said} [excepted by {finding.excepted_by}]"
    return _entry(finding.control, said, severity, prints.group(group), group.violation.place)


def _missing(each: Missing, scan: Scan, prints: Fingerprints) -> dict[str, Any]:
    name = each.control or f"assay-{each.kind}"
    more = f" (and {each.number - 1} more)" if each.number > 1 else ""
    word = "not decided" if each.kind in NOT_EVALUATED else "not evaluated"
    said = f"{word} ({each.code}): {each.subject}{more}: {each.message}"
    place = each.place or Place(next(iter(scan.inputs), "."), 1)
    print_ = prints.of("missing", each.kind, name, each.code, place.file, each.subject)
    return _entry(name, said, NOT_EVALUATED.get(each.kind, "critical"), print_, place)


def _entry(
    name: str, description: str, severity: str, fingerprint: str, place: Place
) -> dict[str, Any]:
    return {
        "description": description,
        "check_name": name,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {
            "path": place.file.removeprefix("./") or ".",
            "lines": {"begin": max(place.line, 1)},
        },
    }
