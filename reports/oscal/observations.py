"""Findings → OSCAL observations, findings and risks, which results and POA&M share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.model import SOURCE_CONTROL, Finding, Scan
from assay.reports.oscal import parts
from assay.reports.oscal.parts import Subjects, line, prop, uuid

# How a status is told where there are many of them: one observation lists them all.
LISTED = {"pass": "passed", "not_applicable": "did not apply"}
OTHER = {
    "unknown": "could not be decided",
    "error": "could not be evaluated",
    "manual": "is for a person to decide",
}


class Observed(NamedTuple):
    """The observations of one control, and those of its fails by who accepted them."""

    every: list[dict[str, Any]]
    fails: Mapping[str | None, list[str]]


def of_control(scan: Scan, control: str, found: Sequence[Finding], subjects: Subjects) -> Observed:
    """One observation for all passes, one for all that did not apply, one for each other."""
    every: list[dict[str, Any]] = []
    fails: dict[str | None, list[str]] = {}
    for status, words in LISTED.items():
        alike = [each for each in found if each.status == status]
        if alike:
            text = f"{len(alike)} tests of {control} {words}."
            every.append(_observation(scan, (control, status), text, alike, subjects))
    seen = Counter[tuple[str, ...]]()
    for each in found:
        if each.status in LISTED:
            continue
        who = (control, each.check, each.status, subjects.id(each.resource))
        seen[who] += 1
        text = each.message or f"{control} {OTHER.get(each.status, 'failed')}"
        made = _observation(scan, (*who, str(seen[who])), text, [each], subjects)
        made["props"] += [
            prop("place", f"{violation.place.file}:{violation.place.line}")
            for violation in each.violations
        ]
        if each.cause:
            made["props"].append(prop("cause", each.cause))
        if each.excepted_by:
            made["props"].append(prop("excepted-by", each.excepted_by))
        every.append(made)
        if each.status == "fail":
            fails.setdefault(each.excepted_by, []).append(made["uuid"])
    return Observed(every, fails)


def _observation(
    scan: Scan, words: tuple[str, ...], text: str, found: Sequence[Finding], subjects: Subjects
) -> dict[str, Any]:
    status = found[0].status
    references = {subjects.id(each.resource): each.resource for each in found}
    return {
        "uuid": uuid("observation", *words, *parts.run_id(scan)),
        "description": text,
        "props": [
            prop("control", found[0].control),
            prop("status", status),
            prop("tests", len(found)),
        ],
        "methods": ["UNKNOWN" if status == "manual" else "TEST"],
        "types": ["control-objective"],
        "origins": parts.origin(scan),
        "subjects": [subjects.reference(resource) for resource in references.values()],
        "collected": parts.time(scan),
    }


def not_reached(scan: Scan) -> Iterator[dict[str, Any]]:
    """What was seen and not evaluated: gaps, and controls that met nothing."""
    for number, gap in enumerate(scan.gaps):
        yield _note(
            scan,
            ("gap", gap.kind, gap.subject, str(number)),
            f"Not evaluated: {gap.subject}: {gap.reason}",
            [prop("gap", gap.kind), prop("state", gap.state), prop("blocks", gap.blocks)],
        )
    for number, each in enumerate(scan.coverage):
        if each.state not in ("evaluated", "not_applicable") or not each.number:
            yield _note(
                scan,
                ("coverage", each.control, each.source, each.state, str(number)),
                f"{each.control}: {each.state}: {each.reason or 'nothing of its kind was there'}",
                [prop("control", each.control), prop("state", each.state)],
            )
    for number, fault in enumerate(scan.faults):
        words = ("fault", fault.code, str(number))
        yield _note(scan, words, fault.message, [prop("fault", fault.code)])


def _note(
    scan: Scan, words: tuple[str, ...], text: str, props: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "uuid": uuid("observation", *words, *parts.run_id(scan)),
        "description": text,
        "props": props,
        "methods": ["UNKNOWN"],
        "origins": parts.origin(scan),
        "collected": parts.time(scan),
    }


def finding(
    scan: Scan, control: Any, found: Sequence[Finding], seen: Observed
) -> dict[str, Any] | None:
    """The result of one control, satisfied only if every test passed; None if there was none."""
    statuses = Counter(each.status for each in found)
    tested = {status for status in statuses if status != "not_applicable"}
    if not tested:
        return None
    if tested == {"pass"}:
        status = {"state": "satisfied", "reason": "pass"}
    else:
        status = {"state": "not-satisfied", "reason": "fail" if "fail" in tested else "other"}
    counted = ", ".join(f"{number} {name}" for name, number in sorted(statuses.items()))
    made: dict[str, Any] = {
        "uuid": uuid("finding", control.id, *parts.run_id(scan)),
        "title": line(control.title),
        "description": f"Results of tests: {counted}.",
        "props": [prop("severity", control.severity), *parts.requirements(control)],
        "target": {"type": "objective-id", "target-id": control.id, "status": status},
        "related-observations": [{"observation-uuid": each["uuid"]} for each in seen.every],
    }
    risks = [{"risk-uuid": risk_id(scan, control.id, who)} for who in seen.fails]
    return {**made, "related-risks": risks} if risks else made


def risk_id(scan: Scan, control: str, excepted_by: str | None) -> str:
    """The UUID of what is risked by the fails of a control that were accepted alike."""
    return uuid("risk", control, excepted_by, *parts.run_id(scan))


def risks(scan: Scan, control: Any, seen: Observed) -> Iterator[dict[str, Any]]:
    """One risk for the open fails of a control, and one for each exception that covers some."""
    accepted = {each.id: each for each in scan.exceptions}
    for who, observations in seen.fails.items():
        made: dict[str, Any] = {
            "uuid": risk_id(scan, control.id, who),
            "title": line(control.title),
            "description": f"{len(observations)} tests of {control.id} failed.",
            "statement": control.why.strip() or control.title,
            "status": "open" if who is None else "deviation-approved",
            "characterizations": [
                {
                    "origin": parts.origin(scan)[0],
                    "facets": [{"name": "severity", "system": parts.NS, "value": control.severity}],
                }
            ],
            "related-observations": [{"observation-uuid": each} for each in observations],
        }
        if who is not None:
            made["props"] = [prop("excepted-by", who)]
            exception = accepted.get(who)
            if exception is not None:
                made["deadline"] = f"{exception.expires}T00:00:00Z"
                words = exception.compensating or exception.reason
                id = uuid("mitigation", made["uuid"])
                made["mitigating-factors"] = [{"uuid": id, "description": words}]
                made["props"] += [
                    prop("reason", exception.reason),
                    prop("approver", exception.approver),
                    prop("requester", exception.requester),
                ]
        yield made


def grouped(scan: Scan) -> tuple[list[tuple[Any, list[Finding]]], list[Finding]]:
    """Each chosen control with its findings, and the findings of sources that were not read."""
    found = parts.by_control(scan.findings())
    sources = found.get(SOURCE_CONTROL, [])
    return [(control, found.get(control.id, [])) for control in scan.controls], sources
