"""Every verdict of a scan, kept small: one byte each, words for those that need them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from assay.engine.catalogue.controls import Check, Control
from assay.engine.judge.verdicts import Detail
from assay.engine.model import (
    QUIET,
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

    __slots__ = ("_told", "alike", "check", "control", "details", "resources", "said", "statuses")

    def __init__(self, control: Control, check: Check, resources: Sequence[Resource]) -> None:
        self.control = control
        self.check = check
        self.resources = resources
        self.statuses = bytearray()
        self.details: dict[int, Detail] = {}
        self._told: dict[Detail, Detail] = {}
        # By the number of a group of subjects that are alike: their status, and what is said of it.
        self.alike = bytearray()
        self.said: dict[int, Detail] = {}

    def add(
        self, found: Sequence[Resource], statuses: bytearray, details: Mapping[int, Detail]
    ) -> None:
        """Take in the verdicts on some more resources, which follow those before.

        What is said of many resources in the same words is kept once.
        """
        self.keep(statuses, {at: self.short(each, found[at]) for at, each in details.items()})

    def keep(self, statuses: bytearray, details: Mapping[int, Detail]) -> None:
        """The same with details that are `short` ones."""
        first = len(self.statuses)
        self.statuses += statuses
        for number, detail in details.items():
            self.details[first + number] = detail

    def short(self, detail: Detail, resource: Resource) -> Detail:
        """The detail without what its resource tells anyway, one for all that are the same."""
        found = _shortened(detail, resource)
        return self._told.setdefault(found, found)

    def sources(self) -> list[str]:
        """The sources that its resources are of."""
        return sorted({resource.source for resource in self.resources})

    def notable(self) -> Iterator[Finding]:
        """The verdicts that are neither pass nor not_applicable, in resource order."""
        if self.statuses.count(0) + self.statuses.count(_SKIPPED) == len(self.statuses):
            return iter(())
        wanted = [at for at, status in enumerate(self.statuses) if status not in _QUIET]
        return self._findings(wanted)

    def findings(self) -> Iterator[Finding]:
        """The verdicts as findings, in resource order."""
        return self._findings(range(len(self.statuses)))

    def _findings(self, wanted: Iterable[int]) -> Iterator[Finding]:
        control, check = self.control, self.check
        plain = Detail("")
        for number in wanted:
            status = self.statuses[number]
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


_QUIET = frozenset(STATUSES.index(status) for status in QUIET)
_SKIPPED = STATUSES.index("not_applicable")
_HERE = Place("", -1, -1)  # no place: the one of the resource itself
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
            resource.place if place == _HERE else place,
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

    def notable(self) -> Iterator[Finding]:
        """Those that are neither pass nor not_applicable."""
        for rows in self.rows:
            yield from rows.notable()
        yield from self.manual
        yield from self.sources

    def counts(self) -> dict[str, int]:
        """How many findings have each status."""
        counted = Counter[int]()
        for rows in self.rows:
            counted.update({code: rows.statuses.count(code) for code in range(len(STATUSES))})
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
