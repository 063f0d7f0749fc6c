"""The sections of the HTML report: from the cover to the population, each in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.engine.catalogue.selection import laxer
from assay.engine.model import STATUSES, Finding, Resource, Scan
from assay.reports.page.markup import SIGNS, anchor, place, status, table, text
from assay.reports.parts.groups import Group, groups, missing, quiet_gaps

MAX_LINKS = 25  # deviations that a requirement lists by name; the control's section has all
ORDER = ("critical", "high", "medium", "low")


class Book(NamedTuple):
    """What the sections share, worked out once: counts and deviations by control."""

    scan: Scan
    counts: dict[str, Counter[str]]
    fails: dict[str, list[tuple[int, Group]]]  # control → (number of the deviation, group)
    titles: dict[str, str]


def book(scan: Scan) -> Book:
    """The scan, counted and grouped."""
    counts: dict[str, Counter[str]] = {control.id: Counter() for control in scan.controls}
    for finding in scan.findings():
        counts.setdefault(finding.control, Counter())[finding.status] += 1
    fails: dict[str, list[tuple[int, Group]]] = {}
    for number, group in enumerate(groups(scan, "fail"), 1):
        fails.setdefault(group.finding.control, []).append((number, group))
    titles = {control.id: control.title for control in scan.controls}
    titles["assay-source"] = "Every source can be read"
    return Book(scan, counts, fails, titles)


def cover(told: Book) -> Iterator[str]:
    """Verdict, numbers, scope, digests."""
    scan = told.scan
    excepted = sum(1 for each in scan.findings() if each.excepted_by)
    active = scan.counts["fail"] - excepted
    stopped = sum(1 for gap in scan.gaps if gap.blocks) + scan.counts["error"] + len(scan.faults)
    kind = "fail" if active else "unknown" if stopped else "pass"
    said = f"{active} evaluations fail" if active else "Nothing fails"
    if excepted:
        said += f", {excepted} more are accepted by exception"
    said += f"; {stopped} things could not be evaluated" if stopped else ""
    yield '<section aria-labelledby="summary"><h2 class="first" id="summary">Summary</h2>'
    yield f'<p class="verdict {kind}">{SIGNS[kind]} {said}.</p><ul class="cards">'
    for each in STATUSES:
        name = each.replace("_", " ")
        yield f'<li class="{each}"><b>{scan.counts[each]}</b>{SIGNS[each]} {name}</li>'
    yield "</ul><dl>"
    yield f"<dt>Scope</dt><dd>{text(', '.join(scan.inputs) or 'not given')}</dd>"
    yield f"<dt>Time of the scan</dt><dd>{text(scan.at or 'not given')}</dd>"
    yield f"<dt>Judged</dt><dd>{len(scan.controls)} controls on {len(scan.resources)} resources"
    yield f" in {len({each.root for each in scan.resources})} roots and folders</dd>"
    yield f"<dt>Tool</dt><dd>Assay {text(scan.version)}</dd>"
    yield f"<dt>Catalogue, SHA-256</dt><dd><code>{text(scan.catalogue_digest)}</code></dd></dl>"
    yield '<p class="soft">Results are outcomes of tests at the time given, no opinion on whether '
    yield "a control is effective.</p></section>\n"


def reconciliation(numbers: dict[str, int]) -> Iterator[str]:
    """What was discovered, and what became of it: the parts add up to the whole."""
    meaning = {
        "evaluated": "at least one control was decided on it, or could not be decided",
        "not_applicable": "controls read its kind, and none applies to it",
        "no_control": "no control reads its kind",
        "excluded": "files and documents that are nothing that controls read",
        "error": "seen and not evaluated: unreadable, not permitted, not installed, not rendered",
    }
    yield '<section aria-labelledby="reconciliation"><h2 id="reconciliation">Reconciliation</h2>'
    rows = [
        f'<tr><th scope="row">{name.replace("_", " ")}</th><td class="n">{numbers[name]}</td>'
        f"<td>{said}</td></tr>\n"
        for name, said in meaning.items()
    ]
    rows.append(
        f'<tr><th scope="row"><b>discovered</b></th><td class="n"><b>{numbers["discovered"]}</b>'
        "</td><td>the sum of the above</td></tr>\n"
    )
    caption = "Discovered = evaluated + not applicable + no control + excluded + error"
    yield from table(caption, ("What", "Number", "Meaning"), rows, frozenset((1,)))
    yield "</section>\n"


def not_evaluated(told: Book) -> Iterator[str]:
    """Errors, unknowns, what a person must decide, gaps, faults, notices."""
    yield '<section aria-labelledby="open"><h2 id="open">Not evaluated</h2>'
    rows = []
    for each in missing(told.scan):
        kind = (
            status(each.kind)
            if each.kind in SIGNS
            else f'<span class="s error">! {each.kind}</span>'
        )
        more = f" and {each.number - 1} more" if each.number > 1 else ""
        rows.append(
            f'<tr><td>{kind}<br><span class="soft">{text(each.code)}</span></td>'
            f"<td>{text(each.control)}</td>"
            f'<td><span class="a">{text(each.subject)}</span>{more}<br>{text(each.message)}</td>'
            f"<td>{place(each.place)}</td></tr>\n"
        )
    if rows:
        columns = ("Kind", "Control", "What and why", "Place")
        yield from table("Seen, and not decided: none of it counts as passed", columns, rows)
    else:
        yield "<p>Everything that was seen was evaluated.</p>"
    quiet = quiet_gaps(told.scan)
    if quiet:
        yield f'<p class="soft">{quiet} files and documents are nothing that controls read.</p>'
    if told.scan.notices:
        yield "<h3>Notices</h3><ul>"
        yield from (f"<li>{text(each.message)}</li>" for each in told.scan.notices)
        yield "</ul>"
    yield "</section>\n"


def frameworks(scan: Scan) -> dict[str, dict[str, list[Any]]]:
    """framework → requirement → (control, reason), sorted."""
    found: dict[str, dict[str, list[Any]]] = {}
    for control in scan.controls:
        for each in control.frameworks:
            of = found.setdefault(each.framework, {}).setdefault(each.requirement, [])
            of.append((control, each))
    return {
        name: dict(sorted(inner.items(), key=lambda each: _natural(each[0])))
        for name, inner in sorted(found.items())
    }


def _natural(name: str) -> list[tuple[int, str]]:
    parts = "".join(char if char.isalnum() else " " for char in name).split()
    return [(int(part), "") if part.isdecimal() else (1 << 30, part) for part in parts]


def matrix(told: Book, found: dict[str, dict[str, list[Any]]]) -> Iterator[str]:
    """Framework × status: how many requirements, by the worst of their controls."""
    yield '<section aria-labelledby="matrix"><h2 id="matrix">Frameworks</h2>'
    names = ("fail", "error", "unknown", "manual", "pass", "none")
    rows = []
    for name, requirements in found.items():
        results = Counter(worst(told, held) for held in requirements.values())
        cells = "".join(f'<td class="n">{results[each]}</td>' for each in names)
        link = f'<a href="#{anchor("fw", name)}">{text(name)}</a>'
        total = len(requirements)
        rows.append(f'<tr><th scope="row">{link}</th>{cells}<td class="n">{total}</td></tr>\n')
    columns = (
        "Framework",
        "✗ fail",
        "! error",
        "? unknown",
        "☐ manual",
        "✓ pass",
        "– nothing judged",
    )
    caption = "Requirements by the worst result of a control that supports them"
    yield from table(caption, (*columns, "requirements"), rows, frozenset(range(1, 8)))
    yield "</section>\n"


def worst(told: Book, held: list[Any]) -> str:
    """The worst result of the controls that support a requirement."""
    counts = Counter[str]()
    for control, reason in held:
        found = told.counts[control.id]
        counts.update(found)
        # Laxer than what is asked: a pass does not show that the requirement holds.
        counts["unknown"] += bool(found["pass"] and _laxer(told, control, reason))
    order = ("fail", "error", "unknown", "manual", "pass")
    return next((each for each in order if counts[each]), "none")


def _laxer(told: Book, control: Any, reason: Any) -> list[str]:
    return laxer(reason, told.scan.parameters.get(control.id, {}))


def requirements(told: Book, found: dict[str, dict[str, list[Any]]]) -> Iterator[str]:
    """A section a requirement: its controls, deviations and exceptions."""
    for name, inner in found.items():
        yield f'<section aria-labelledby="{anchor("fw", name)}">'
        yield f'<h2 id="{anchor("fw", name)}">{text(name)}</h2>\n'
        for requirement, held in inner.items():
            yield from _requirement(told, name, requirement, held)
        yield "</section>\n"


def _requirement(told: Book, framework: str, name: str, held: list[Any]) -> Iterator[str]:
    result = worst(told, held)
    shown = status(result) if result != "none" else '<span class="s none">– nothing judged</span>'
    yield f'<div class="r"><h3 id="{anchor("rq", framework, name)}">{text(name)} {shown}</h3>'
    rows = []
    for control, reason in held:
        counts = told.counts[control.id]
        cells = "".join(
            f'<td class="n">{counts[each]}</td>' for each in ("pass", "fail", "unknown", "error")
        )
        rows.append(
            f'<tr><th scope="row">{_link(control, counts)}'
            f'<br><span class="soft">{text(reason.relation)}: {text(reason.because)}</span>'
            f"{_asked(told, control, reason)}</th>"
            f"{cells}</tr>\n"
        )
    columns = ("Control, and how it relates", "pass", "fail", "unknown", "error")
    caption = f"{framework} {name}: population by control"
    yield from table(caption, columns, rows, frozenset((1, 2, 3, 4)))
    fails = [each for control, _ in held for each in told.fails.get(control.id, ())]
    for title, chosen in (
        ("Deviations", [each for each in fails if not each[1].finding.excepted_by]),
        ("Exceptions", [each for each in fails if each[1].finding.excepted_by]),
    ):
        if chosen:
            links = "".join(
                f'<li><a href="#d{number}">{text(group.message)}</a>{_excepted(group.finding)}</li>'
                for number, group in chosen[:MAX_LINKS]
            )
            more = len(chosen) - MAX_LINKS
            rest = f"<li>and {more} more under the controls above</li>" if more > 0 else ""
            yield f'<h4>{title}: {len(chosen)}</h4><ul class="d">{links}{rest}</ul>'
    yield "</div>\n"


def _asked(told: Book, control: Any, reason: Any) -> str:
    """That the run was laxer than the requirement, so that a pass says nothing of it."""
    said = "; ".join(_laxer(told, control, reason))
    return f"<br><strong>laxer than asked: {text(said)}</strong>" if said else ""


def _link(control: Any, counts: Counter[str]) -> str:
    """The control's title, as a link to its population where it has one."""
    if not counts.total():
        return f"{text(control.title)} (nothing to judge)"
    return f'<a href="#{anchor("c", control.id)}">{text(control.title)}</a>'


def _excepted(finding: Finding) -> str:
    return f" (excepted by {text(finding.excepted_by)})" if finding.excepted_by else ""


def controls(told: Book) -> Iterator[str]:
    """Each control once: why, deviations (a line a place of declaration) and its population."""
    yield '<section aria-labelledby="controls"><h2 id="controls">Controls and population</h2>'
    yield '<p class="soft">Every evaluation is listed once, here. A line of the deviations is a '
    yield "place of declaration; its instances are under it.</p>\n"
    current = ""
    rows: list[str] = []
    for finding in told.scan.findings():
        if finding.control != current:
            if current:
                yield from _control(told, current, rows)
            current, rows = finding.control, []
        rows.append(_row(finding))
    if current:
        yield from _control(told, current, rows)
    yield "</section>\n"


def _control(told: Book, name: str, rows: list[str]) -> Iterator[str]:
    control = next((each for each in told.scan.controls if each.id == name), None)
    counts = told.counts[name]
    shown = ", ".join(
        f"{counts[each]} {each.replace('_', ' ')}" for each in STATUSES if counts[each]
    )
    yield f'<div class="c"><h3 id="{anchor("c", name)}">{text(told.titles.get(name, name))}</h3>'
    severity = control.severity if control else "high"
    yield f"<p><code>{text(name)}</code>, severity {text(severity)}: {shown}."
    yield f" {text(control.why)}</p>" if control else "</p>"
    if name in told.fails:
        yield '<h4>Deviations</h4><ul class="d">'
        for number, group in told.fails[name]:
            yield _deviation(number, group)
        yield "</ul>"
    yield from table(
        f"Population of {name}: {len(rows)}", ("Status", "Resource", "Where", "Place"), rows
    )
    yield "</div>\n"


def _deviation(number: int, group: Group) -> str:
    finding, violation, instances = group
    fix = f'<br><span class="soft">Mend: {text(finding.fix)}</span>' if finding.fix else ""
    many = ""
    if len(instances) > 1:
        names = ", ".join(f'<span class="a">{text(each)}</span>' for each in group.addresses[:50])
        more = len(group.addresses) - 50
        rest = f" and {more} more" if more > 0 else ""
        many = f'<br><span class="soft">{len(instances)} instances: </span>{names}{rest}'
        many += f'<br><span class="soft">in </span>{text(", ".join(group.roots))}'
    path = f" <code>{text(violation.path)}</code>" if violation.path else ""
    return (
        f'<li id="d{number}">{text(violation.message)}{_excepted(finding)} '
        f"{place(violation.place)}{path}{many}{fix}</li>\n"
    )


def _row(finding: Finding) -> str:
    resource = finding.resource
    note = _excepted(finding)
    if finding.status in ("unknown", "error", "manual"):
        cause = f" [{finding.cause}]" if finding.cause else ""
        note = f'<br><span class="soft">{text(finding.message + cause)}</span>'
    return (
        f"<tr><td>{status(finding.status)}</td>"
        f'<td><span class="a">{text(resource.address)}</span>{note}</td>'
        f"<td>{_where(resource)}</td><td>{place(resource.place)}</td></tr>\n"
    )


def _where(resource: Resource) -> str:
    root = "" if resource.root in ("", ".") else resource.root
    if resource.environment != "default":
        root += f" ({resource.environment})"
    return text(f"{resource.source} {root}".strip())
