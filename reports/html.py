"""A scan → one HTML file for people: no script, no outside address, readable on paper too."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from assay.engine.evidence.contents import reconciliation
from assay.engine.model import DOMAINS, Scan
from assay.reports.page import pictures, sections
from assay.reports.page.markup import anchor, text
from assay.reports.page.style import style


def render(scan: Scan, runs: Sequence[Any] = ()) -> Iterator[str]:
    """The page, section by section. `runs` are those of a history, oldest first."""
    told = sections.book(scan)
    found = sections.frameworks(scan)
    yield from _head(scan)
    yield '<nav aria-label="Contents"><ul>'
    links = [
        ("summary", "Summary"),
        ("reconciliation", "Reconciliation"),
        ("open", "Not evaluated"),
        ("matrix", "Frameworks"),
        *((anchor("fw", name), name) for name in found),
        ("controls", "Controls and population"),
    ]
    yield from (f'<li><a href="#{id}">{text(name)}</a></li>' for id, name in links)
    yield '</ul></nav>\n<main id="main">\n'
    yield from sections.cover(told)
    yield '<section aria-labelledby="pictures"><h2 class="first" id="pictures">At a glance</h2>'
    yield from pictures.domains(_by_domain(told))
    yield from pictures.estate(scan.resources)
    yield from pictures.timeline(runs)
    yield "</section>\n"
    yield from sections.reconciliation(reconciliation(scan))
    yield from sections.not_evaluated(told)
    yield from sections.matrix(told, found)
    yield from sections.requirements(told, found)
    yield from sections.controls(told)
    yield "</main>\n</body></html>\n"


def _head(scan: Scan) -> Iterator[str]:
    sheet = style()
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    scope = ", ".join(scan.inputs) or "estate"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>Assay report: {text(scope)}</title>\n<style>{sheet}</style>\n</head>\n<body>\n"
    yield '<a class="skip" href="#main">Skip to the report</a>\n'
    yield '<header class="top"><h1>Compliance report</h1>'
    yield f"<p>{text(scope)}</p><p>{text(scan.at or 'no time given')} · Assay "
    yield f"{text(scan.version)} · catalogue {text(scan.catalogue_digest[:12])}</p></header>\n"


def _by_domain(told: sections.Book) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in DOMAINS}
    for control in told.scan.controls:
        found.setdefault(control.domain, Counter()).update(told.counts[control.id])
    return {name: each for name, each in found.items() if each}
