"""A scan and what it read → the files of a bundle, and what its manifest says of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.load import RuleFile
from assay.engine.cel.extensions import secrets
from assay.engine.evidence import archive, inputs
from assay.engine.evidence.conceal import Concealed
from assay.engine.model import SOURCE_CONTROL, STATUSES, Loaded, Resource, Scan

MAX_NAME = 90  # characters: the names of a bundle fit the oldest tar header
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Kept(NamedTuple):
    """Files of a bundle by name, with the rows that its manifest has of them."""

    files: Mapping[str, bytes]
    rows: Sequence[Mapping[str, Any]]


def kept_inputs(loaded: Iterable[Loaded], scan: Scan, concealed: Concealed) -> Kept:
    """What the loaders read, without secrets; each file is named by its digest."""
    found = [finding for finding in scan.findings() if finding.violations]
    files: dict[str, bytes] = {}
    rows = []
    for each in loaded:
        data = inputs.pack(each, found, concealed)
        digest = hashlib.sha256(data).hexdigest()
        name = f"inputs/{digest}.jsonl"
        files[name] = data
        rows.append({"file": name, "sha256": digest, "resources": len(each.resources)})
    return Kept(files, rows)


def kept_catalogue(rules: Iterable[RuleFile]) -> Kept:
    """The control, view and framework files; one with an unusual name is named by its digest."""
    files: dict[str, bytes] = {}
    rows = []
    for rule in rules:
        data = rule.text.encode()
        name = f"catalogue/{rule.name}"
        if len(name) > MAX_NAME or not archive.is_inside(name) or name in files:
            name = f"catalogue/{hashlib.sha256(data).hexdigest()}.yaml"
        files[name] = data
        rows.append({"file": name, "name": rule.name, "folder": rule.folder})
    return Kept(files, rows)


def population(scan: Scan) -> bytes:
    """Every resource that was read, in the order of loading, with its findings by status."""
    counts = _by_resource(scan)
    lines = [_encode(_row(resource, counts[id(resource)])) for resource in scan.resources]
    return "".join(f"{line}\n" for line in lines).encode()


def _row(resource: Resource, counts: Counter[str]) -> dict[str, Any]:
    return {
        "source": resource.source,
        "root": secrets.replaced(resource.root),
        "environment": resource.environment,
        "kind": resource.kind,
        "address": secrets.replaced(resource.address),
        "file": secrets.replaced(resource.place.file),
        "line": resource.place.line,
        "findings": {status: counts[status] for status in STATUSES if counts[status]},
    }


def _by_resource(scan: Scan) -> dict[int, Counter[str]]:
    counts: dict[int, Counter[str]] = {id(each): Counter() for each in scan.resources}
    for finding in scan.findings():
        counts.setdefault(id(finding.resource), Counter())[finding.status] += 1
    return counts


def reconciliation(scan: Scan) -> dict[str, int]:
    """discovered = evaluated + not_applicable + no_control + excluded + error, in things seen."""
    counts = _by_resource(scan)
    kinds = Counter(_reached(counts[id(resource)]) for resource in scan.resources)
    kinds["error"] += sum(finding.control == SOURCE_CONTROL for finding in scan.findings())
    for gap in scan.gaps:
        kinds["error" if gap.blocks else "excluded"] += 1
    names = ("evaluated", "not_applicable", "no_control", "excluded", "error")
    return {"discovered": sum(kinds.values()), **{name: kinds[name] for name in names}}


def _reached(counts: Counter[str]) -> str:
    if not counts:
        return "no_control"
    if counts["error"] and counts.total() == counts["error"]:
        return "error"
    return "not_applicable" if counts.keys() == {"not_applicable"} else "evaluated"


def predicate(scan: Scan, result: str, complete: bool) -> dict[str, Any]:
    """in-toto's test result: which controls passed, which did not, which cannot be told."""
    worst: dict[str, str] = {control.id: "none" for control in scan.controls}
    for finding in scan.findings():
        worst[finding.control] = max(worst.get(finding.control, "none"), _grade(finding.status))
    names = {"passedTests": "b-pass", "warnedTests": "c-open", "failedTests": "d-fail"}
    found: dict[str, Any] = {
        field: sorted(id for id, grade in worst.items() if grade == wanted)
        for field, wanted in names.items()
    }
    configuration = {"name": "catalogue", "digest": {"sha256": scan.catalogue_digest}}
    configuration["annotations"] = {"complete": complete}
    return {"result": result, "configuration": [configuration], **found}


def _grade(status: str) -> str:
    if status in ("fail", "pass"):
        return f"{'d' if status == 'fail' else 'b'}-{status}"
    return "a-none" if status == "not_applicable" else "c-open"


def identity(resource: Resource) -> tuple[str, str, str, str]:
    """What a resource is known by."""
    root, address = secrets.replaced(resource.root), secrets.replaced(resource.address)
    return resource.source, root, resource.environment, address


def differences(scan: Scan, again: Scan) -> list[list[str]]:
    """The findings that two scans of one population disagree on: control, check, resource."""
    found = []
    for one, other in zip(scan.findings(), again.findings(), strict=False):
        if one[:3] != other[:3] or one[5:9] != other[5:9]:
            found.append([one.control, one.check, *identity(one.resource)])
    return found
