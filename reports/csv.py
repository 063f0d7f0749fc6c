"""A scan → CSV (RFC 4180): a row a finding, passes too; gaps, notices and faults as rows.

A cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from assay.engine.errors import printable
from assay.engine.model import Finding, Place, Scan

COLUMNS = (
    "record",
    "control",
    "title",
    "check",
    "severity",
    "status",
    "cause",
    "source",
    "root",
    "environment",
    "kind",
    "address",
    "file",
    "line",
    "column",
    "paths",
    "message",
    "excepted_by",
    "fix",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
BATCH = 500  # rows written at a time


def render(scan: Scan) -> Iterator[str]:
    """The rows, some at a time."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, row in enumerate(_rows(scan)):
        writer.writerow([safe(cell) for cell in row])
        if number % BATCH == BATCH - 1:
            yield stream.getvalue()
            stream.seek(0)
            stream.truncate()
    yield stream.getvalue()


def safe(cell: str) -> str:
    """The cell as text that no spreadsheet runs and no terminal obeys."""
    cell = printable(cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell


def _rows(scan: Scan) -> Iterable[tuple[str, ...]]:
    titles = {control.id: control.title for control in scan.controls}
    for finding in scan.findings():
        yield _finding(finding, titles.get(finding.control, ""))
    for gap in scan.gaps:
        kind = "gap" if gap.blocks else "ignored"
        yield _other(kind, gap.state, gap.kind, gap.subject, gap.place, gap.reason)
    for each in scan.notices:
        yield _other("notice", "", each.code, each.subject, each.place, each.message)
    for fault in scan.faults:
        yield _other("fault", "error", fault.code, "", None, fault.message)


def _finding(finding: Finding, title: str) -> tuple[str, ...]:
    resource, violations = finding.resource, finding.violations
    place = violations[0].place if violations else resource.place
    message = finding.message
    if len(violations) > 1:
        message = " | ".join(dict.fromkeys(each.message for each in violations))
    return (
        "finding",
        finding.control,
        title,
        finding.check,
        finding.severity,
        finding.status,
        finding.cause or "",
        resource.source,
        resource.root,
        resource.environment,
        resource.kind,
        resource.address,
        place.file,
        str(place.line),
        str(place.column),
        " | ".join(each.path for each in violations if each.path),
        message,
        finding.excepted_by or "",
        finding.fix,
    )


def _other(
    record: str, status: str, kind: str, subject: str, place: Place | None, message: str
) -> tuple[str, ...]:
    file, line, column = (place.file, str(place.line), str(place.column)) if place else ("", "", "")
    blank = ("",) * 4
    return (
        *(record, *blank, status, *blank, kind, subject, file, line, column, "", message),
        "",
        "",
    )
