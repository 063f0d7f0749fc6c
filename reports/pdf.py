"""A scan → PDF for those who file paper: the sums of the HTML page and every deviation.

Typst sets the pages (the extra `pdf`). What the scan says goes to it as JSON and is set as text:
no word of it is ever read as markup. The same scan gives the same bytes: the time in the file is
that of `--at`, else the epoch, and only the fonts that the library carries are used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from importlib.util import find_spec
from itertools import islice
from typing import Any

from assay.engine.errors import printable, usage
from assay.engine.evidence.contents import reconciliation
from assay.engine.model import STATUSES, Place, Scan
from assay.reports.page.sections import Book, book, frameworks, worst
from assay.reports.parts.groups import Group, missing, quiet_gaps
from assay.reports.parts.times import moment

MAX_ROWS = 5_000  # deviations that are set; a note says how many there are
MAX_NAMES = 20  # instances that a deviation names
RESULTS = ("fail", "error", "unknown", "manual", "pass", "none")


def render(scan: Scan) -> Iterator[bytes]:
    """The file, whole. Raises InputError without the extra `pdf`."""
    if find_spec("typst") is None:
        help = "pip install 'assay-policy[pdf]', or print the HTML report"
        raise usage("the PDF report needs the extra `pdf`", help, "no-extra")
    import typst

    template = resources.files("assay.reports.page").joinpath("report.typ").read_bytes()
    given = json.dumps(_shown(_told(book(scan))), ensure_ascii=False, separators=(",", ":"))
    made: bytes = typst.compile(
        template,
        format="pdf",
        sys_inputs={"scan": given.encode("utf-8", "replace").decode()},
        ignore_system_fonts=True,
        timestamp=int(moment(scan.at).timestamp()),
    )
    yield made


def _shown(value: Any) -> Any:
    """The values with every text as a page can show it: no control characters."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_shown(each) for each in value]
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    return value


def _told(told: Book) -> dict[str, Any]:
    """What the pages say, as plain values."""
    scan = told.scan
    fails = [(id, number, group) for id, held in told.fails.items() for number, group in held]
    return {
        "at": scan.at or "not given",
        "scope": list(scan.inputs),
        "version": scan.version,
        "catalogue": scan.catalogue_digest,
        "controls": len(scan.controls),
        "resources": len(scan.resources),
        "counts": [[each.replace("_", " "), scan.counts[each]] for each in STATUSES],
        "population": [[name.replace("_", " "), n] for name, n in reconciliation(scan).items()],
        "frameworks": _frameworks(told),
        "deviations": _deviations(told),
        "left": max(0, len(fails) - MAX_ROWS),
        "missing": [
            [each.kind, each.control, each.subject, each.number, each.message, _at(each.place)]
            for each in islice(missing(scan), MAX_ROWS)
        ],
        "quiet": quiet_gaps(scan),
        "notices": [each.message for each in scan.notices],
        "exceptions": [_exception(each) for each in scan.exceptions],
    }


def _frameworks(told: Book) -> list[list[Any]]:
    """A row a framework: how many requirements have each worst result."""
    rows: list[list[Any]] = []
    for name, requirements in frameworks(told.scan).items():
        counts = Counter(worst(told, held) for held in requirements.values())
        rows.append([name, *(counts[each] for each in RESULTS), len(requirements)])
    return rows


def _deviations(told: Book) -> list[dict[str, Any]]:
    """The controls with fails, worst first, each with its places of declaration."""
    order = {name: number for number, name in enumerate(("critical", "high", "medium", "low"))}
    controls = {control.id: control for control in told.scan.controls}
    found, left = [], MAX_ROWS
    worst_first = sorted(told.fails.items(), key=lambda each: (order[_severity(each[1])], each[0]))
    for id, every in worst_first:
        held = every[:left]
        left -= len(held)
        if not held:
            continue
        first, control = held[0][1].finding, controls.get(id)
        rows = [
            [number, _named(group), group.message, _at(group.violation.place),
             group.finding.excepted_by or ""]
            for number, group in held
        ]  # fmt: skip
        found.append(
            {
                "id": id,
                "title": told.titles.get(id, id),
                "severity": first.severity,
                "domain": control.domain if control else "",
                "why": control.why if control else "",
                "fix": first.fix,
                "asks": [f"{each.framework} {each.requirement}" for each in control.frameworks]
                if control
                else [],
                "rows": rows,
            }
        )
    return found


def _named(group: Group) -> str:
    """The addresses of the instances, as many as a cell takes."""
    addresses = group.addresses
    more = len(addresses) - MAX_NAMES
    return ", ".join(addresses[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _severity(held: list[tuple[int, Group]]) -> str:
    return held[0][1].finding.severity


def _exception(each: Any) -> list[str]:
    words = (each.id, each.reason, each.requester, each.approver, each.approved, each.expires)
    return [str(word) if word is not None else "not given" for word in words]


def _at(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place is not None else ""
