"""A user's own admission policies on the resources of a scan: their findings beside ours."""

from __future__ import annotations

from collections.abc import Iterator

from assay.engine.judge.population import Population, source_finding
from assay.engine.model import STATUSES, Coverage, Finding, Scan
from assay.engine.policies.asking import asked
from assay.engine.policies.documents import Documents
from assay.engine.policies.evaluate import by_signature, rows, sharing
from assay.engine.policies.install import install


def apply(scan: Scan, documents: Documents) -> Scan:
    """The scan with a finding for every policy in force and every object that it matches."""
    installed = install(documents, scan.resources)
    requests = asked(scan.resources)
    signatures = by_signature(requests)
    shared = sharing(installed.policies)
    judged = [
        rows(policy, requests, signatures, shared[id(policy.rules)])
        for policy in installed.policies
    ]
    errors = [source_finding(error) for error in documents.errors]
    mine = Population(judged, installed.broken, errors)
    before = scan.findings

    def findings() -> Iterator[Finding]:
        yield from before()
        yield from mine.findings()

    counts = dict(scan.counts)
    for named, number in mine.counts().items():
        counts[named] = counts.get(named, 0) + number
    coverage = list(scan.coverage)
    for row in judged:
        counted: dict[tuple[str, str], int] = {}
        for resource, status in zip(row.resources, row.statuses, strict=True):
            state = "not_applicable" if STATUSES[status] == "not_applicable" else "evaluated"
            key = (resource.source, state)
            counted[key] = counted.get(key, 0) + 1
        if not counted:
            coverage.append(Coverage(row.control.id, "", "not_applicable"))
        coverage += [
            Coverage(row.control.id, source, state, number)
            for (source, state), number in counted.items()
        ]
    known = {control.id for control in scan.controls}
    added = {control.id: control for control in installed.controls if control.id not in known}
    return scan._replace(
        findings=findings,
        counts=counts,
        coverage=tuple(coverage),
        controls=(*scan.controls, *added.values()),
        gaps=(*scan.gaps, *documents.gaps, *installed.gaps),
    )
