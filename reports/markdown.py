"""A scan → Markdown: the summary that a merge request shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assay.engine.errors import printable
from assay.engine.model import STATUSES, Scan
from assay.reports.parts.groups import Group, Missing, for_people, missing, quiet_gaps

MAX_BYTES = 60_000  # code hosts refuse a comment above 65,536
MAX_ROW = 600  # characters of a message
SIGNS = {
    "pass": "✅",
    "fail": "❌",
    "not_applicable": "➖",
    "unknown": "❔",
    "error": "⚠️",
    "manual": "👤",
}
ORDER = ("critical", "high", "medium", "low")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~@:$&^=-])")


def render(scan: Scan) -> Iterator[str]:
    """The summary in pieces, never longer than a comment may be; what was cut is said.

    What was not evaluated comes to its share of the space however many fails there are.
    """
    head = "".join(_head(scan))
    rest, cut_rest = _fitting(_not_evaluated(scan), MAX_BYTES // 3)
    left = MAX_BYTES - len((head + rest).encode())
    fails, cut = _fitting(_fails(scan), left)
    yield head + fails + rest
    if cut + cut_rest:
        yield f"\n**{cut + cut_rest} more rows are left out here**: another format has them all.\n"


def _fitting(pieces: Iterable[str], left: int) -> tuple[str, int]:
    """The pieces that fit into so many bytes, and how many rows did not."""
    kept: list[str] = []
    cut = 0
    for piece in pieces:
        left -= len(piece.encode())
        if left < 0:
            cut += piece.startswith("| ")
        else:
            kept.append(piece)
    return "".join(kept), cut


def _head(scan: Scan) -> Iterator[str]:
    counts = scan.counts
    open_fails = sum(1 for each in scan.notable() if each.status == "fail" and not each.excepted_by)
    errors = counts["error"] - sum(
        1 for each in scan.notable() if each.status == "error" and each.excepted_by
    )
    gaps = sum(1 for gap in scan.gaps if gap.blocks)
    if open_fails or errors or gaps or scan.faults:
        parts = [f"{open_fails} fail"] if open_fails else []
        parts += [f"{errors} error"] if errors else []
        parts += [f"{gaps} not evaluated"] if gaps else []
        parts += [f"{len(scan.faults)} fault of the run"] if scan.faults else []
        yield f"## ❌ Assay: {', '.join(parts)}\n\n"
    else:
        yield "## ✅ Assay: nothing fails\n\n"
    titles = " | ".join(f"{SIGNS[each]} {each.replace('_', ' ')}" for each in STATUSES)
    yield f"| {titles} |\n|{' ---: |' * len(STATUSES)}\n"
    yield f"| {' | '.join(str(counts[status]) for status in STATUSES)} |\n\n"
    yield f"{sum(counts.values())} evaluations of {len(scan.controls)} controls on "
    yield f"{len(scan.resources)} resources"
    quiet = quiet_gaps(scan)
    yield f"; {quiet} files are nothing that controls read.\n" if quiet else ".\n"
    if scan.at:
        yield f"Time of the scan: {code(scan.at)}.\n"


def _fails(scan: Scan) -> Iterator[str]:
    found = for_people(scan)[0]["fail"]
    found.sort(key=lambda group: ORDER.index(group.finding.severity))
    active = [group for group in found if not group.finding.excepted_by]
    excepted = [group for group in found if group.finding.excepted_by]
    fixes: dict[tuple[str, str], None] = {}
    if active:
        yield "\n### Fails\n\n| Severity | Control | Where | What |\n| --- | --- | --- | --- |\n"
        for group in active:
            yield _row(group, group.finding.severity)
            if group.finding.fix:
                fixes.setdefault((group.finding.control, group.finding.fix), None)
    if excepted:
        yield "\n### Excepted fails\n\n"
        yield "| Severity, exception | Control | Where | What |\n| --- | --- | --- | --- |\n"
        for group in excepted:
            yield _row(group, f"{group.finding.severity}, {group.finding.excepted_by}")
    if fixes:
        yield "\n<details><summary>How to mend them</summary>\n\n"
        yield "".join(f"- {code(control)}: {words(fix)}\n" for control, fix in fixes)
        yield "\n</details>\n"


def _not_evaluated(scan: Scan) -> Iterator[str]:
    rest = list(missing(scan))
    if rest:
        yield "\n### Not evaluated\n\n| Kind | Control | Where | Why |\n| --- | --- | --- | --- |\n"
        yield from map(_missing, rest)
    for notice in scan.notices:
        yield f"\n- notice: {words(notice.message)}\n"


def _row(group: Group, label: str) -> str:
    place = group.violation.place
    where = code(f"{place.file}:{place.line}")
    return (
        f"| {words(label)} | {code(group.finding.control)} | {where} | {words(group.message)} |\n"
    )


def _missing(each: Missing) -> str:
    where = each.subject if each.place is None else f"{each.place.file}:{each.place.line}"
    more = f" (and {each.number - 1} more)" if each.number > 1 else ""
    said = f"{each.subject}{more}: {each.message}"
    kind = f"{each.kind}, {each.code}"
    return f"| {words(kind)} | {code(each.control)} | {code(where)} | {words(said)} |\n"


def words(text: str) -> str:
    """Text that Markdown shows as it is: no link, image, mention, table cell or HTML."""
    text = " ".join(printable(text).split())
    if len(text) > MAX_ROW:
        text = text[: MAX_ROW - 1] + "…"
    return _SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """Text as a code span that nothing inside can end."""
    text = printable(text).replace("`", "'").replace("|", "¦")
    return f"`{text}`" if text.strip() else ""
