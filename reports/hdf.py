"""A scan → HDF, the Heimdall Data Format of InSpec results: a control with a result a resource.

pass → passed, fail → failed (an excepted one too, annotated), error → error; unknown, manual and
not applicable → skipped with the reason, and a control of which nothing applies has no impact.
What was not evaluated is a control of its own. Times are those of `--at`, else the epoch.
Source: MITRE's `exec-json` schema (inspecjs).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from assay.engine.model import Finding, Gap, Place, Scan
from assay.reports.parts.times import EPOCH

IMPACTS = {"low": 0.3, "medium": 0.5, "high": 0.7, "critical": 0.9}
RESULTS = {"pass": "passed", "fail": "failed", "error": "error"}
COVERAGE = "assay-coverage"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render(scan: Scan) -> Iterator[str]:
    """The document in pieces: a control a line."""
    digest = hashlib.sha256(scan.catalogue_digest.encode("utf-8", "replace")).hexdigest()
    totals: Counter[str] = Counter()
    yield '{"platform":{"name":"Assay","release":' + _encode(scan.version or "0") + "},\n"
    yield f'"version":{_encode(scan.version or "0")},\n"profiles":[{{"name":"assay",'
    yield f'"version":{_encode(scan.version or "0")},"sha256":"{digest}","title":"Assay",'
    yield f'"summary":{_encode("of " + ", ".join(scan.inputs))},"supports":[],"attributes":'
    yield _encode(_parameters(scan)) + ',"groups":[],"status":"loaded","controls":['
    controls = {control.id: control for control in scan.controls}
    lead = "\n"
    for id, found in groupby(scan.findings(), key=lambda each: each.control):
        item = _control(id, controls.get(id), list(found), scan)
        totals[_outcome(item["results"])] += 1
        yield lead + _encode(item)
        lead = ",\n"
    rest = _coverage(scan)
    totals[_outcome(rest["results"])] += 1
    yield lead + _encode(rest)
    numbers = {each: {"total": totals[each]} for each in ("passed", "skipped", "failed")}
    total = {"total": sum(totals.values()), **numbers}
    yield '\n]}],\n"statistics":{"controls":' + _encode(total) + "}}\n"


def _parameters(scan: Scan) -> list[dict[str, Any]]:
    return [
        {"name": f"{control}.{name}", "options": {"value": value}}
        for control, held in sorted(scan.parameters.items())
        for name, value in sorted(held.items())
    ]


def _outcome(results: Iterable[dict[str, Any]]) -> str:
    """What a control's results come to: one that failed or could not be judged fails it."""
    statuses = {each["status"] for each in results}
    if statuses & {"failed", "error"}:
        return "failed"
    return "passed" if "passed" in statuses else "skipped"


def _control(id: str, control: Any, found: list[Finding], scan: Scan) -> dict[str, Any]:
    """A control with its results; `control` is None for what says that a source was not read."""
    applies = any(each.status != "not_applicable" for each in found)
    severity = control.severity if control else found[0].severity
    tags: dict[str, Any] = {"severity": severity}
    if control is not None:
        tags |= {
            "domain": control.domain,
            "nist": [],
            "checks": [each.id for each in control.checks],
        }
        for each in control.frameworks:
            name = "nist" if each.framework.startswith("nist-800-53") else each.framework
            tags.setdefault(name, []).append(each.requirement)
    fix = next((each.fix for each in found if each.fix), "")
    return {
        "id": id,
        "title": control.title if control else "Every source can be read",
        "desc": control.why if control else "A source that cannot be read is not judged.",
        "descriptions": [{"label": "fix", "data": fix}] if fix else [],
        "impact": IMPACTS[severity] if applies else 0.0,
        "refs": [],
        "tags": tags,
        "code": "",
        "source_location": {"ref": control.file, "line": control.line} if control else {},
        "results": [_result(each, scan) for each in found],
    }


def _result(finding: Finding, scan: Scan) -> dict[str, Any]:
    resource = finding.resource
    status = RESULTS.get(finding.status, "skipped")
    violations = "\n".join(
        f"{_at(each.place)} {each.path}: {each.message}" for each in finding.violations
    )
    said = violations or finding.message
    if finding.excepted_by:
        said = f"{said}\nexcepted by {finding.excepted_by}".lstrip("\n")
    found: dict[str, Any] = {
        "status": status,
        "code_desc": f"{finding.check}: {resource.address} ({resource.environment}), "
        f"{_at(resource.place)}",
        "start_time": scan.at or EPOCH,
    }
    if status == "skipped":
        reason = finding.status.replace("_", " ") + (f": {said}" if said else "")
        found["skip_message"] = reason
    elif said:
        found["message"] = said
    return found


def _coverage(scan: Scan) -> dict[str, Any]:
    """The control that everything that was found was judged."""
    results = [_gap(gap, scan) for gap in scan.gaps]
    results += [
        _other("skipped", f"notice {each.code}: {each.subject}", each.message, scan)
        for each in scan.notices
    ]
    results += [_other("error", f"fault {each.code}", each.message, scan) for each in scan.faults]
    if not any(each["status"] == "error" for each in results):
        results.append(_other("passed", "no part that must be judged was left out", "", scan))
    return {
        "id": COVERAGE,
        "title": "Everything that was found was evaluated",
        "desc": "What was seen and not evaluated, with the reason.",
        "descriptions": [],
        "impact": IMPACTS["high"],
        "refs": [],
        "tags": {"nist": []},
        "code": "",
        "source_location": {},
        "results": results,
    }


def _gap(gap: Gap, scan: Scan) -> dict[str, Any]:
    place = f", {_at(gap.place)}" if gap.place else ""
    subject = f"{gap.kind} {gap.subject} ({gap.state}){place}"
    return _other("error" if gap.blocks else "skipped", subject, gap.reason, scan)


def _other(status: str, subject: str, said: str, scan: Scan) -> dict[str, Any]:
    found = {"status": status, "code_desc": subject, "start_time": scan.at or EPOCH}
    if said:
        found["skip_message" if status == "skipped" else "message"] = said
    return found


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}"
