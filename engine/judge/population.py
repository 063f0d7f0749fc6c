"""Every verdict of a scan, kept small: one byte each, words for those that need them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from assay.engine.catalogue.controls import Check, Control
from assay.engine.judge.verdicts import Detail
from assay.engine.model import (
    SOURCE_CONTROL,
    STATUSES,
    Finding,
    Path,
    Place,
    Resource,
    SourceError,
    Violation,
    path_text,
)


class Rows:
    """The verdicts of one check: its resources (shared with other checks), a byte for each."""

    __slots__ = ("_told", "check", "control", "details", "resources", "statuses")

    def __init__(self, control: Control, check: Check, resources: Sequence[Resource]) -> None:
        self.control = control
        self.check = check
        self.resources = resources
        self.statuses = bytearray()
        self.details: dict[int, Detail] = {}
        self._told: dict[Detail, Detail] = {}

    def add(
        self, found: Sequence[Resource], statuses: bytearray, details: Mapping[int, Detail]
    ) -> None:
        """Take in the verdicts on some more resources, which follow those before.

        What is said of many resources in the same words is kept once.
        """
        first = len(self.statuses)
        self.statuses += statuses
        for number, detail in details.items():
            short = _shortened(detail, found[number])
            self.details[first + number] = self._told.setdefault(short, short)

    def findings(self) -> Iterator[Finding]:
        """The verdicts as findings, in resource order."""
        control, check = self.control, self.check
        plain = Detail("")
        for number, status in enumerate(self.statuses):
            resource = self.resources[number]
            detail = plain
            if number in self.details:
                detail = _told(self.details[number], resource)
            yield Finding(
                control.id,
                check.id,
                STATUSES[status],
                control.severity,
                resource,
                detail.cause,
                detail.message,
                detail.violations,
                None,
                check.fix if status == 1 else "",
            )


_HERE = Place("")  # stands for the place of the finding's own resource
_NAME = "\0"  # stands for its address


def _shortened(detail: Detail, resource: Resource) -> Detail:
    """The detail without what its resource tells anyway."""
    address = resource.address
    violations = tuple(
        Violation(
            path,
            message.replace(address, _NAME),
            _HERE if place == resource.place else place,
        )
        for path, message, place in detail.violations
    )
    return Detail(detail.message.replace(address, _NAME), detail.cause, violations)


def _told(detail: Detail, resource: Resource) -> Detail:
    """The detail in full, for one resource."""
    address = resource.address
    violations = tuple(
        Violation(
            path,
            message.replace(_NAME, address),
            resource.place if place is _HERE else place,
        )
        for path, message, place in detail.violations
    )
    return Detail(detail.message.replace(_NAME, address), detail.cause, violations)


class Population:
    """All findings of a scan; iterating makes them anew, so that nothing holds them all."""

    def __init__(self, rows: list[Rows], manual: list[Finding], sources: list[Finding]) -> None:
        self.rows = rows
        self.manual = manual
        self.sources = sources

    def findings(self) -> Iterator[Finding]:
        """In catalogue and resource order; sources that were not read come last."""
        for rows in self.rows:
            yield from rows.findings()
        yield from self.manual
        yield from self.sources

    def counts(self) -> dict[str, int]:
        """How many findings have each status."""
        counted = Counter[int]()
        for rows in self.rows:
            counted.update(rows.statuses)
        named = {status: counted[number] for number, status in enumerate(STATUSES)}
        for finding in (*self.manual, *self.sources):
            named[finding.status] += 1
        return named


def source_finding(error: SourceError) -> Finding:
    """A source that could not be read, as the finding that the gate stops at."""
    path: Path = ()

    def locate(_: Path, place: Place = error.place) -> Place:
        return place

    resource = Resource(
        error.source,
        "source",
        error.subject,
        {},
        error.place,
        root=error.root,
        environment=error.environment,
        locate=locate,
    )
    violation = Violation(path_text(path), error.message, error.place)
    return Finding(
        SOURCE_CONTROL,
        error.code,
        "error",
        "high",
        resource,
        None,
        error.message,
        (violation,),
        None,
        error.help,
    )


def manual_finding(control: Control) -> Finding:
    """A control, or a part of one, that only a person can decide: once a scan."""
    place = Place(control.file, control.line)
    resource = Resource("manifest", "estate", "estate", {}, place)
    return Finding(control.id, "manual", "manual", control.severity, resource, None, control.manual)
