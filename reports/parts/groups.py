"""What people read: findings of one check at one place of declaration as one line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from assay.engine.model import QUIET, STATUSES, UNCHANGED, Finding, Place, Resource, Scan, Violation

_MODULES = re.compile(r'^(?:module\.[^.\[]+(?:\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\])?\.)+')
_INSTANCE = re.compile(r'\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\]$')


class Group(NamedTuple):
    """Findings of one check at one place of declaration: one line for people."""

    finding: Finding
    violation: Violation
    instances: list[Resource]

    @property
    def addresses(self) -> list[str]:
        """The addresses, each once."""
        return list(dict.fromkeys(each.address for each in self.instances))

    @property
    def roots(self) -> list[str]:
        """The roots and environments that the instances are of, each once."""
        return list(
            dict.fromkeys(
                each.root if each.environment == "default" else f"{each.root} ({each.environment})"
                for each in self.instances
            )
        )

    @property
    def message(self) -> str:
        """What is wrong, with how many more instances say the same."""
        said = self.violation.message or self.finding.message
        more = len(self.instances) - 1
        return f"{said} (and {more} more instance{'s' if more > 1 else ''})" if more else said


def groups(scan: Scan, *statuses: str) -> list[Group]:
    """By control, check, exception and place, in the order in which they first appear."""
    findings = scan.findings() if QUIET.intersection(statuses) else scan.notable()
    found: dict[Key, Group] = {}
    for finding in findings:
        if finding.status in statuses:
            _add(found, finding, False)
    return list(found.values())


def for_people(scan: Scan) -> tuple[dict[str, list[Group]], int]:
    """The groups of each status, those of a cluster by what is said; how many are excepted.

    Every object of a cluster is a place of its own: thousands that fail alike are one line. What
    was there before the change that is judged is left to the notice that counts it.
    """
    found: dict[str, dict[Key, Group]] = {status: {} for status in STATUSES}
    excepted = 0
    for finding in scan.notable():
        if finding.excepted_by == UNCHANGED:
            continue
        _add(found[finding.status], finding, finding.resource.source in ("cluster", "snapshot"))
        excepted += finding.excepted_by is not None
    return {status: list(held.values()) for status, held in found.items()}, excepted


Key = tuple[str, str, str, str | None, str, str, Place | str]


def _add(found: dict[Key, Group], finding: Finding, live: bool) -> None:
    resource = finding.resource
    violations = finding.violations or (Violation("", finding.message, resource.place),)
    for violation in violations:
        # The message differs with the instance's address; the place and path do not.
        said = violation.message if finding.status == "error" else ""
        place: Place | str = violation.place
        if live:
            said, place = violation.message.replace(resource.address, ""), resource.root
        key = (
            finding.control,
            finding.check,
            finding.status,
            finding.excepted_by,
            violation.path,
            said,
            place,
        )
        group = found.get(key)
        if group is None:
            found[key] = Group(finding, violation, [resource])
        elif group.instances[-1] is not resource:
            group.instances.append(resource)


def declared(resource: Resource) -> str:
    """The address as it is declared: without the calls and instances that lead to it."""
    if resource.source in ("terraform", "plan", "state"):
        return _INSTANCE.sub("", _MODULES.sub("", resource.address))
    return resource.address


class Fingerprints:
    """Digests that are the same after lines moved, and unique within one report."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, *parts: str) -> str:
        """SHA-256 of the parts; the second of equal parts is told apart by its number."""
        key = "\0".join(parts)
        number = self._seen.get(key, 0)
        self._seen[key] = number + 1
        if number:
            key += f"\0{number}"
        return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()

    def group(self, group: Group) -> str:
        """The digest of a group: control, check, path, file and declaration; never a line."""
        finding, violation, _ = group
        name = declared(finding.resource)
        return self.of(finding.control, finding.check, violation.path, violation.place.file, name)


class Missing(NamedTuple):
    """Something that was seen and not decided: what every report has to say.

    kind is unknown, error, manual, coverage or fault; `code` the check, cause or kind of gap.
    """

    kind: str
    control: str
    code: str
    subject: str
    message: str
    severity: str
    place: Place | None
    number: int = 1


def missing(scan: Scan) -> Iterator[Missing]:
    """Everything that was not evaluated, a place of declaration once: errors first."""
    order = ("error", "unknown", "manual")
    open_ = sorted(groups(scan, *order), key=lambda each: order.index(each.finding.status))
    for group in open_:
        finding, violation, instances = group
        yield Missing(
            finding.status,
            finding.control,
            finding.cause or finding.check,
            finding.resource.address,
            finding.message or violation.message,
            finding.severity,
            violation.place if violation.place.file else None,
            len(instances),
        )
    for gap in scan.gaps:
        if gap.blocks:
            said = f"{gap.state.replace('_', ' ')}: {gap.reason}"
            yield Missing("coverage", "", gap.kind, gap.subject, said, "high", gap.place)
    for fault in scan.faults:
        yield Missing("fault", "", fault.code, fault.code, fault.message, "high", None)


def quiet_gaps(scan: Scan) -> int:
    """How many documents and files are nothing that controls read."""
    return sum(1 for gap in scan.gaps if not gap.blocks)
