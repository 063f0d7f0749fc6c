"""A scan → text for people: place, source line with a caret, what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from assay.engine.cel.extensions.secrets import masked
from assay.engine.errors import frame, printable
from assay.engine.model import SOURCE_CONTROL, STATUSES, Gap, Scan
from assay.reports.parts.groups import Group, for_people

Lines = Callable[[str, int], str | None]  # (file, line) → that line of the source, if it is there
Paint = Callable[..., str]

SEVERITY = {"critical": "red", "high": "red", "medium": "yellow", "low": "blue"}
SHOWN_GAPS = 20
SHOWN_INSTANCES = 3


def render(scan: Scan, lines: Lines, paint: Paint, quiet: bool = False) -> Iterator[str]:
    """The report, a block at a time. `lines` gives source lines, `paint(text, *styles)` colours."""
    found, excepted = for_people(scan)
    for group in (*found["fail"], *found["error"]):
        yield from _block(group, lines, paint)
    if not quiet:
        yield from _unknowns(found["unknown"], paint)
    yield from _gaps(scan, paint)
    for notice in scan.notices:
        yield f"{paint('notice', 'yellow')}: {printable(notice.message)}\n"
    yield from _summary(scan, excepted, paint)


def _block(group: Group, lines: Lines, paint: Paint) -> Iterator[str]:
    finding, violation, _ = group
    addresses, roots = group.addresses, group.roots
    place = violation.place
    colour = SEVERITY[finding.severity]
    label = finding.severity if finding.status == "fail" else "error"
    if finding.status == "fail" and finding.excepted_by:
        label, colour = f"{finding.severity}, excepted by {finding.excepted_by}", "dim"
    head = f"{paint(f'{label}[{finding.control}]', 'bold', colour)}: "
    yield head + paint(printable(violation.message or finding.message), "bold") + "\n"
    where = f"{printable(place.file)}:{place.line}:{place.column}"
    yield f"  {paint('-->', 'blue')} {where}\n"
    text = lines(place.file, place.line)
    if text is not None and finding.control.startswith("secret-"):
        text = masked(text, every=True)
    if text is not None and place.column > 0:
        width = place.end_column - place.column if place.end_line == place.line else 0
        if width <= 0:
            width = _word(text, place.column - 1)
        for row in frame(text.expandtabs(1), place.line, place.column - 1, width):
            yield f"  {row}\n"
    if len(addresses) > 1:
        shown = ", ".join(printable(address) for address in addresses[:SHOWN_INSTANCES])
        more = len(addresses) - SHOWN_INSTANCES
        rest = f" and {more} more" if more > 0 else ""
        yield f"  {paint('=', 'blue')} {len(addresses)} instances: {shown}{rest}\n"
    elif finding.control != SOURCE_CONTROL and addresses[0] not in violation.message:
        yield f"  {paint('=', 'blue')} in {printable(addresses[0])}\n"
    if len(roots) > 1:
        yield f"  {paint('=', 'blue')} in {len(roots)} roots: {printable(', '.join(roots))}\n"
    if finding.fix:
        fix = " ".join(finding.fix.split())
        yield f"  {paint('=', 'blue')} {paint('fix', 'bold')}: {printable(fix)}\n"
    yield "\n"


def _word(text: str, start: int) -> int:
    """The length of the word, or quoted text, at an offset: what the caret underlines."""
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in "_-.\"'"):
        end += 1
    return max(1, end - start)


def _unknowns(found: list[Group], paint: Paint) -> Iterator[str]:
    if not found:
        return
    yield paint("not decided", "bold") + ", because a value is not known here:\n"
    for group in found:
        finding, addresses = group.finding, group.addresses
        place = finding.resource.place
        count = f" ({len(addresses)} instances)" if len(addresses) > 1 else ""
        yield (
            f"  {printable(place.file)}:{place.line}: {finding.control}: "
            f"{printable(addresses[0])}{count} {printable(finding.message)} [{finding.cause}]\n"
        )
    yield "\n"


def _gaps(scan: Scan, paint: Paint) -> Iterator[str]:
    blocking = [gap for gap in scan.gaps if gap.blocks]
    if not blocking:
        return
    yield paint("not evaluated", "bold") + " (each blocks unless it is allowed by name):\n"
    by_kind: dict[tuple[str, str, str], list[Gap]] = {}
    for gap in blocking:
        by_kind.setdefault((gap.kind, gap.state, gap.reason), []).append(gap)
    for number, ((kind, state, reason), gaps) in enumerate(by_kind.items()):
        if number == SHOWN_GAPS:
            yield f"  and {len(by_kind) - SHOWN_GAPS} more reasons: `-f json` has them all\n"
            break
        more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        yield f"  {kind}:{printable(gaps[0].subject)}{more}: {state}: {printable(reason)}\n"
    yield "\n"


def _summary(scan: Scan, excepted: int, paint: Paint) -> Iterator[str]:
    total = sum(scan.counts.values())
    parts = [f"{scan.counts[status]} {status.replace('_', ' ')}" for status in STATUSES]
    yield (
        f"{paint(f'{total} evaluations', 'bold')} of {len(scan.controls)} controls on "
        f"{len(scan.resources)} resources: {', '.join(parts)}\n"
    )
    if excepted:
        yield f"{excepted} of the fails are excepted\n"
    aside = [gap for gap in scan.gaps if gap.kind == "bootstrap"]
    if aside:
        yield f"{len(aside)} roles and bindings set aside: {aside[0].reason}\n"
    quiet = [gap for gap in scan.gaps if not gap.blocks and gap.kind != "bootstrap"]
    if quiet:
        yield f"{len(quiet)} documents and files are nothing that controls read\n"
