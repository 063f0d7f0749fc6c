"""A scan → the OSCAL assessment plan that it carried out: which controls, by which checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.engine.model import Scan
from assay.reports.oscal import parts
from assay.reports.oscal.parts import dump, line, prop, uuid


def render(scan: Scan) -> Iterator[str]:
    """The document."""
    yield text(scan)


def text(scan: Scan) -> str:
    """The document as text, which the results hold too."""
    return dump({"assessment-plan": document(scan)})


def document(scan: Scan) -> dict[str, Any]:
    """The plan. There is no system security plan here, and `import-ssp` says so."""
    ssp = uuid("no-ssp")
    controls = list(scan.controls)
    plan: dict[str, Any] = {
        "uuid": uuid("assessment-plan", *parts.run_id(scan)),
        "metadata": parts.metadata(scan, "Assessment plan"),
        "import-ssp": {"href": f"#{ssp}", "remarks": "Assay knows of no system security plan."},
        "reviewed-controls": parts.reviewed(controls),
        "assessment-subjects": [
            {
                "type": "inventory-item",
                "description": line(f"Every resource in: {', '.join(scan.inputs)}"),
                "include-all": {},
            }
        ],
        "assessment-assets": parts.tool(scan),
    }
    if controls:
        plan["local-definitions"] = {"activities": [_activity(each) for each in controls]}
        plan["tasks"] = [_task(scan, controls)]
    about = {"title": "System security plan", "description": "Not known to Assay."}
    plan["back-matter"] = {"resources": [{"uuid": ssp, **about}]}
    return plan


def _activity(control: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uuid": uuid("activity", control.id),
        "title": line(control.title),
        "description": control.why.strip() or control.title,
        "props": [prop("severity", control.severity), *parts.requirements(control)],
        "related-controls": parts.reviewed([control]),
    }
    steps = [
        {
            "uuid": uuid("step", control.id, check.id),
            "title": line(check.id),
            "description": f"For {_subject(check)}: {check.assertion.text.text}",
        }
        for check in control.checks
    ]
    return {**made, "steps": steps} if steps else made


def _subject(check: Any) -> str:
    return ", ".join(check.kinds) or check.view


def _task(scan: Scan, controls: list[Any]) -> dict[str, Any]:
    subject = [{"type": "inventory-item", "include-all": {}}]
    return {
        "uuid": uuid("task", *parts.run_id(scan)),
        "type": "action",
        "title": "Scan",
        "timing": {"on-date": {"date": parts.time(scan)}},
        "associated-activities": [
            {"activity-uuid": uuid("activity", control.id), "subjects": subject}
            for control in controls
        ],
    }
