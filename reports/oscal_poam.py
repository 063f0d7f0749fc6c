"""A scan → an OSCAL plan of action and milestones: what failed, open or accepted until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.engine.model import Scan
from assay.reports.oscal import observations, parts
from assay.reports.oscal.parts import Subjects, dump, line, prop, uuid


def render(scan: Scan) -> Iterator[str]:
    """The document."""
    yield dump({"plan-of-action-and-milestones": document(scan)})


def document(scan: Scan) -> dict[str, Any]:
    """One item for the open fails of a control, one for those that an exception covers.

    OSCAL wants at least one item: where nothing failed, it says so.
    """
    subjects = Subjects(scan._replace(resources=()))
    observed: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    risks: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    controls, sources = observations.grouped(scan)
    for control, found in controls:
        failed = [each for each in found if each.status not in ("pass", "not_applicable")]
        if not failed:
            continue
        seen = observations.of_control(scan, control.id, failed, subjects)
        made = observations.finding(scan, control, found, seen)
        observed += seen.every
        findings += [made] if made is not None else []
        for risk in observations.risks(scan, control, seen):
            risks.append(risk)
            items.append(_item(control, risk, made))
    if sources:
        observed += observations.of_control(scan, sources[0].control, sources, subjects).every
    observed += observations.not_reached(scan)
    plan: dict[str, Any] = {
        "uuid": uuid("poam", *parts.run_id(scan)),
        "metadata": parts.metadata(scan, "Plan of action and milestones"),
        "system-id": {
            "identifier-type": "http://ietf.org/rfc/rfc4122",
            "id": uuid("system", *scan.inputs),
        },
        "local-definitions": {
            "components": parts.tool(scan)["components"],
        },
    }
    inventory = subjects.items()
    if inventory:
        plan["local-definitions"]["inventory-items"] = inventory
    lists = {"observations": observed, "risks": risks, "findings": findings}
    plan |= {name: rows for name, rows in lists.items() if rows}
    plan["poam-items"] = items or [_nothing(scan)]
    return plan


def _item(control: Any, risk: dict[str, Any], finding: dict[str, Any] | None) -> dict[str, Any]:
    fixes = list(dict.fromkeys(line(check.fix) for check in control.checks if check.fix.strip()))
    made: dict[str, Any] = {
        "uuid": uuid("poam-item", risk["uuid"]),
        "title": line(control.title),
        "description": risk["description"],
        "props": [
            prop("control", control.id),
            prop("severity", control.severity),
            prop("status", risk["status"]),
            *risk.get("props", []),
        ],
        "related-observations": risk["related-observations"],
        "related-risks": [{"risk-uuid": risk["uuid"]}],
    }
    if finding is not None:
        made["related-findings"] = [{"finding-uuid": finding["uuid"]}]
    if fixes:
        made["remarks"] = "\n".join(f"- {fix}" for fix in fixes)
    return made


def _nothing(scan: Scan) -> dict[str, Any]:
    return {
        "uuid": uuid("poam-item", "none", *parts.run_id(scan)),
        "title": "No open item",
        "description": "No test of this scan failed.",
    }
