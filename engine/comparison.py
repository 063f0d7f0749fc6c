"""Assay's verdicts beside checkov's: agreements, and each disagreement with its ruling.

Checkov is a program of its own, never imported: this reads its JSON output. Two verdicts are about
the same thing where the control names checkov's check among its `equivalents` and the resource is
the same one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

from assay.engine.model import Finding, Resource, Scan

MAX_OUTPUT = 256 * 1024 * 1024  # bytes of checkov's output
DECIDED = ("fail", "pass")


class Verdict(NamedTuple):
    """What checkov says of one resource; `resource` is in its spelling."""

    check: str
    status: str  # pass or fail
    file: str
    line: int
    resource: str


class Row(NamedTuple):
    """A verdict of checkov's with ours; `ours` is a status, `ruling` who is right and why."""

    check: str
    control: str
    file: str
    line: int
    resource: str
    theirs: str
    ours: str
    message: str
    ruling: str

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.theirs == self.ours


class Comparison(NamedTuple):
    """All pairs, and how many verdicts of checkov's have no counterpart."""

    rows: tuple[Row, ...]
    unmatched: int

    @property
    def open(self) -> list[Row]:
        """Disagreements between two decided verdicts that no ruling settles."""
        return [
            row for row in self.rows if row.ours in DECIDED and not row.agrees and not row.ruling
        ]


def verdicts(text: str) -> Iterator[Verdict]:
    """The verdicts in checkov's JSON. Raises ValueError for anything else."""
    document = json.loads(text)
    for part in document if isinstance(document, list) else [document]:
        if not isinstance(part, dict):
            raise ValueError("an entry is no object")
        results = part.get("results")
        if not isinstance(results, dict):
            continue  # a run that found nothing to judge has only a summary
        for status, key in (("pass", "passed_checks"), ("fail", "failed_checks")):
            for each in results.get(key) or ():
                lines = each.get("file_line_range") or [0]
                yield Verdict(
                    str(each["check_id"]),
                    status,
                    str(each.get("file_path", "")),
                    int(lines[0]),
                    str(each["resource"]),
                )


def compare(scan: Scan, theirs: Iterable[Verdict], folder: str) -> Comparison:
    """Every verdict of checkov's on `folder` that a control of the scan answers too."""
    controls = {
        check: control.id
        for control in scan.controls
        for check in control.equivalents.get("checkov", ())
    }
    ours = _ours(scan)
    rulings = _rulings()
    rows: list[Row] = []
    unmatched = 0
    for verdict in theirs:
        control = controls.get(verdict.check)
        files = _files(verdict.file, folder)
        key = _their_key(verdict.resource)
        found = [finding for file in files for finding in ours.get((control or "", file, key), ())]
        if not found or control is None:
            unmatched += 1
            continue
        worst = _worst(found)
        rows.append(
            Row(
                verdict.check,
                control,
                worst.resource.place.file,
                verdict.line,
                verdict.resource,
                verdict.status,
                worst.status,
                worst.message,
                "" if worst.status == verdict.status else _ruling(rulings, verdict, worst),
            )
        )
    rows.sort(key=lambda row: (row.check, row.file, row.line, row.resource))
    return Comparison(tuple(rows), unmatched)


def _ours(scan: Scan) -> dict[tuple[str, str, str], list[Finding]]:
    found: dict[tuple[str, str, str], list[Finding]] = {}
    compared = {control.id for control in scan.controls if control.equivalents.get("checkov")}
    for finding in scan.findings():
        if finding.control in compared:
            resource = finding.resource
            key = (finding.control, resource.place.file, _our_key(resource))
            found.setdefault(key, []).append(finding)
    return found


def _our_key(resource: Resource) -> str:
    """A resource as checkov names it: without instances, or Kind.namespace.name."""
    if resource.source in ("terraform", "plan", "state"):
        return _INSTANCE.sub("", resource.address)
    parts = resource.address.split("/")
    if len(parts) < 3:
        return resource.address
    namespace = resource.namespace or "default"
    return f"{parts[-3]}.{namespace}.{parts[-1]}"


_INSTANCE = re.compile(r"\[(?:\d+|\"[^\"]*\"|each\.[a-z]+|count\.index)\]")


def _their_key(name: str) -> str:
    return _INSTANCE.sub("", name.split(" (", 1)[0])


def _files(path: str, folder: str) -> list[str]:
    """The names that a file may have here: checkov's begin at the folder, or at the directory."""
    plain = path.lstrip("/")
    joined = os.path.normpath(os.path.join(folder, plain)).replace(os.sep, "/")  # noqa: PTH118
    return list(dict.fromkeys((joined, os.path.normpath(plain))))


def _worst(findings: list[Finding]) -> Finding:
    order = ("fail", "error", "unknown", "pass", "not_applicable", "manual")
    return min(findings, key=lambda finding: order.index(finding.status))


def _rulings() -> list[Mapping[str, Any]]:
    text = resources.files("assay.rules").joinpath("rulings.json").read_text("utf-8")
    found: list[Mapping[str, Any]] = json.loads(text)["checkov"]
    return found


def _ruling(rulings: list[Mapping[str, Any]], verdict: Verdict, finding: Finding) -> str:
    """What was ruled of this check where our verdict is this one, with the number of the ruling."""
    return "; ".join(
        f"{each['number']}: {each['subject']}. {each['because']}"
        for each in rulings
        if verdict.check in each["checks"] and finding.status in each["ours"]
    )
