"""A scan → OSCAL assessment results, with the assessment plan that they result from inside.

Passes too: one observation a control lists all resources that passed, and every fail, unknown and
error is an observation of its own. What was not evaluated is an observation of method UNKNOWN.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from assay.engine.model import Scan
from assay.reports import oscal_ap
from assay.reports.oscal import observations, parts
from assay.reports.oscal.parts import Subjects, dump, prop, uuid


def render(scan: Scan) -> Iterator[str]:
    """The document."""
    yield dump({"assessment-results": document(scan)})


def document(scan: Scan) -> dict[str, Any]:
    """The assessment results; `import-ap` leads to the plan in the back matter."""
    plan = uuid("embedded-plan", *parts.run_id(scan))
    text = base64.b64encode(oscal_ap.text(scan).encode()).decode()
    held = {"filename": "assessment-plan.json", "media-type": "application/oscal+json"}
    return {
        "uuid": uuid("assessment-results", *parts.run_id(scan)),
        "metadata": parts.metadata(scan, "Assessment results"),
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(scan)],
        "back-matter": {
            "resources": [
                {"uuid": plan, "title": "Assessment plan", "base64": {**held, "value": text}}
            ]
        },
    }


def _result(scan: Scan) -> dict[str, Any]:
    subjects = Subjects(scan)
    controls, sources = observations.grouped(scan)
    seen_all: list[dict[str, Any]] = []
    findings = []
    risks: list[dict[str, Any]] = []
    for control, found in controls:
        seen = observations.of_control(scan, control.id, found, subjects)
        made = observations.finding(scan, control, found, seen)
        seen_all += seen.every
        risks += observations.risks(scan, control, seen)
        if made is not None:
            findings.append(made)
    if sources:
        seen_all += observations.of_control(scan, sources[0].control, sources, subjects).every
    seen_all += observations.not_reached(scan)
    counts = [prop(status.replace("_", "-"), number) for status, number in scan.counts.items()]
    result: dict[str, Any] = {
        "uuid": uuid("result", *parts.run_id(scan)),
        "title": "One run of Assay",
        "description": "Results of tests of configuration; no judgement of effectiveness.",
        "start": parts.time(scan),
        "end": parts.time(scan),
        "props": [*counts, prop("not-evaluated", len(scan.gaps))],
        "local-definitions": {"assessment-assets": parts.tool(scan)},
        "reviewed-controls": parts.reviewed([control for control, _ in controls]),
    }
    items = subjects.items()
    if items:
        result["local-definitions"]["inventory-items"] = items
    lists = {"observations": seen_all, "risks": risks, "findings": findings}
    return result | {name: rows for name, rows in lists.items() if rows}
