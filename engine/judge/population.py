"""Every verdict of a scan, kept small: one byte each, words for those that need them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from assay.engine.catalogue.controls import Check, Control
from assay.engine.judge.subjects import Subject
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
    """The verdicts of one check: its subjects (shared with other checks), a byte for each."""

    __slots__ = ("check", "control", "details", "statuses", "subjects")

    def __init__(self, control: Control, check: Check, subjects: Sequence[Subject]) -> None:
        self.control = control
        self.check = check
        self.subjects = subjects
        self.statuses = bytearray(len(subjects))
        self.details: dict[int, Detail] = {}

    def findings(self) -> Iterator[Finding]:
        """The verdicts as findings, in resource order."""
        control, check = self.control, self.check
        plain = Detail("")
        for number, status in enumerate(self.statuses):
            detail = self.details.get(number, plain)
            yield Finding(
                control.id,
                check.id,
                STATUSES[status],
                control.severity,
                self.subjects[number].resource,
                detail.cause,
                detail.message,
                detail.violations,
                None,
                check.fix if status == 1 else "",
            )


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
