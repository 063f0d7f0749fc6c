"""The one redaction that every report passes through (design 5.3): no secret leaves.

Judging keeps marked values out of messages already. This is the second lock: texts that have the
form of a secret, and values of this scan that are marked, are replaced wherever they stand in
what a report may show: messages, addresses, names of files, reasons, lines of source.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any

from assay.engine.cel.extensions import secrets
from assay.engine.judge.redaction import HIDDEN
from assay.engine.model import (
    Finding,
    Gap,
    Notice,
    Place,
    Resource,
    Scan,
    Violation,
    value_at,
)

MAX_KNOWN = 20_000  # texts remembered: several reports show the same ones
MIN_VALUE = 6  # characters: a shorter marked value is an ordinary word more often than not


class Cleaner:
    """Replaces secrets in texts. `values` are what must not be shown, the longest first."""

    def __init__(self, values: list[str]) -> None:
        self._values = values
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Words for people without forms of secrets and without marked values."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[text] = self._text(text)
        return known

    def _text(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, HIDDEN)
        return secrets.replaced(text)


class Findings:
    """The findings of a scan without secrets; iterating makes them anew."""

    def __init__(self, scan: Scan, cleaner: Cleaner) -> None:
        self._scan = scan
        self._resources: dict[Resource, Resource] = {}
        self._paths: dict[str, str] = {}
        self.cleaner = cleaner

    def __call__(self) -> Iterator[Finding]:
        return self._cleaned(self._scan.findings())

    def notable(self) -> Iterator[Finding]:
        """Those that are neither pass nor not_applicable."""
        return self._cleaned(self._scan.notable())

    def _cleaned(self, findings: Iterator[Finding]) -> Iterator[Finding]:
        clean = self.cleaner.text
        for finding in findings:
            resource = self.resource(finding.resource)
            if not finding.message and not finding.violations:
                if resource is not finding.resource:
                    finding = finding._replace(resource=resource)
                yield finding
                continue
            message = clean(finding.message)
            violations = tuple(
                Violation(
                    self._path(each.path),
                    message if each.message == finding.message else clean(each.message),
                    resource.place
                    if each.place is finding.resource.place
                    else self.place(each.place),
                )
                for each in finding.violations
            )
            yield finding._replace(resource=resource, message=message, violations=violations)

    def _path(self, path: str) -> str:
        """The path without secrets; few paths are blamed often."""
        found = self._paths.get(path)
        if found is None:
            found = self._paths[path] = self.cleaner.text(path)
        return found

    def resource(self, resource: Resource) -> Resource:
        """The resource as it may be named; the same object where nothing is secret."""
        found = self._resources.get(resource)
        if found is None:
            found = self._resources[resource] = self._clean(resource)
        return found

    def _clean(self, resource: Resource) -> Resource:
        address, root = secrets.replaced(resource.address), secrets.replaced(resource.root)
        place = self.place(resource.place)
        if (address, root, place) == (resource.address, resource.root, resource.place):
            return resource
        return Resource(
            resource.source,
            resource.kind,
            address,
            resource.values,
            place,
            root=root,
            environment=resource.environment,
            sensitive=resource.sensitive,
            namespace=resource.namespace,
            instances=resource.instances,
        )

    def place(self, place: Place) -> Place:
        """The place, its file named without secrets."""
        file = secrets.replaced(place.file)
        return place if file == place.file else place._replace(file=file)


def cleaned(scan: Scan) -> Scan:
    """The scan as reports may show it; a scan that is clean already is given back."""
    if isinstance(scan.findings, Findings):
        return scan
    cleaner = Cleaner(marked_values(scan.resources))
    findings = Findings(scan, cleaner)
    text, place = cleaner.text, findings.place
    gaps = [
        Gap(
            gap.kind,
            secrets.replaced(gap.subject),
            gap.state,
            text(gap.reason),
            gap.place and place(gap.place),
            gap.blocks,
        )
        for gap in scan.gaps
    ]
    notices = [
        Notice(
            each.code,
            secrets.replaced(each.subject),
            text(each.message),
            each.place and place(each.place),
        )
        for each in scan.notices
    ]
    coverage = [
        each._replace(subject=secrets.replaced(each.subject), reason=text(each.reason))
        if each.subject or each.reason
        else each
        for each in scan.coverage
    ]
    return scan._replace(
        findings=findings,
        resources=[findings.resource(each) for each in scan.resources],
        gaps=gaps,
        notices=notices,
        coverage=coverage,
        faults=[each._replace(message=text(each.message)) for each in scan.faults],
        inputs=[secrets.replaced(each) for each in scan.inputs],
    )


def cleaned_lines(
    scan: Scan, lines: Callable[[str, int], str | None]
) -> Callable[[str, int], str | None]:
    """The reader of source lines, of which every line is shown without its secrets."""
    cleaner = cleaned(scan).findings.cleaner  # type: ignore[attr-defined]

    def clean(file: str, number: int) -> str | None:
        found = lines(file, number)
        return None if found is None else cleaner.text(found)

    return clean


def marked_values(resources: Any) -> list[str]:
    """The texts that are marked in these resources, the longest first; base64 is read too."""
    found: set[str] = set()
    for resource in resources:
        for path in resource.sensitive:
            _texts(value_at(resource.values, path), found)
    return sorted(found, key=lambda text: (-len(text), text))


def _texts(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _texts(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _texts(inner, found)
    elif isinstance(value, str) and len(value) >= MIN_VALUE and value != HIDDEN:
        found.add(value)
        try:
            plain = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return
        if len(plain) >= MIN_VALUE and plain.isprintable():
            found.add(plain)
