"""What the three OSCAL documents share: ids that are always the same, metadata, subjects.

OSCAL 1.1.3. Every UUID is one of version 5 over what it names, so that the same scan gives the same
document, and one resource has one id in every document of every run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from assay.engine.model import Finding, Resource, Scan

VERSION = "1.1.3"
NAMESPACE = UUID("5a3c9a0e-6d0e-5b8f-9d0a-2f1f3f5b7c11")  # of Assay's own names, chosen once
NS = "urn:assay:oscal"
NO_TIME = "1970-01-01T00:00:00Z"  # a time is required; the scan was given none
NIST = "nist-800-53-r5"
_NIST = re.compile(r"([A-Za-z]{2})-(\d{1,2})(?:\((\d{1,2})\))?\Z")


def uuid(*parts: object) -> str:
    """The UUID of what these words name."""
    return str(uuid5(NAMESPACE, json.dumps([str(part) for part in parts])))


def run_id(scan: Scan) -> tuple[str, ...]:
    """The words that tell one run from another."""
    counts = json.dumps(dict(scan.counts), sort_keys=True)
    return (scan.catalogue_digest, time(scan), counts, *scan.inputs)


def time(scan: Scan) -> str:
    """The time of the scan, which OSCAL requires."""
    return scan.at or NO_TIME


def line(text: str, otherwise: str = "-") -> str:
    """A text as OSCAL's strings must be: one line, nothing around it, never empty."""
    return " ".join(text.split()) or otherwise


def prop(name: str, value: object) -> dict[str, str]:
    """A property of Assay's own namespace."""
    return {"name": name, "ns": NS, "value": line(str(value))}


def metadata(scan: Scan, title: str) -> dict[str, Any]:
    """The head of a document; it says so where no time was given."""
    found: dict[str, Any] = {
        "title": title,
        "last-modified": time(scan),
        "version": scan.catalogue_digest[:12] or "0",
        "oscal-version": VERSION,
        "props": [prop("tool-version", scan.version), prop("catalogue", scan.catalogue_digest)],
    }
    if scan.at is None:
        found["remarks"] = "The scan was given no time (--at): the times here are no times."
    return found


def tool(scan: Scan) -> dict[str, Any]:
    """Assay as a component, and the platform that uses it."""
    component = uuid("tool", scan.version)
    return {
        "components": [
            {
                "uuid": component,
                "type": "software",
                "title": "Assay",
                "description": "Judges configuration by controls written in CEL.",
                "props": [prop("version", scan.version)],
                "status": {"state": "operational"},
            }
        ],
        "assessment-platforms": [
            {
                "uuid": uuid("platform", scan.version),
                "title": "Assay",
                "uses-components": [{"component-uuid": component}],
            }
        ],
    }


def origin(scan: Scan) -> list[dict[str, Any]]:
    """Who says so: the tool."""
    return [{"actors": [{"type": "tool", "actor-uuid": uuid("tool", scan.version)}]}]


class Subjects:
    """The resources of a scan as inventory items; two of one address are told apart."""

    def __init__(self, scan: Scan) -> None:
        self.ids: dict[int, str] = {}
        self.resources: list[Resource] = []
        self._seen: dict[tuple[str, ...], int] = {}
        for resource in scan.resources:
            self.id(resource)

    def id(self, resource: Resource) -> str:
        """The UUID of a resource; one that was not met before is added."""
        found = self.ids.get(id(resource))
        if found is None:
            who = (resource.source, resource.root, resource.environment, resource.address)
            number = self._seen.get(who, 0)
            self._seen[who] = number + 1
            found = self.ids[id(resource)] = uuid("resource", *who, number)
            self.resources.append(resource)
        return found

    def reference(self, resource: Resource) -> dict[str, str]:
        """A reference to the item of a resource."""
        return {"subject-uuid": self.id(resource), "type": "inventory-item"}

    def items(self) -> list[dict[str, Any]]:
        """The inventory: each resource with what it is known by and where it is declared."""
        return [
            {
                "uuid": self.ids[id(resource)],
                "description": f"{resource.kind} {resource.address}",
                "props": [
                    prop("source", resource.source),
                    prop("root", resource.root),
                    prop("environment", resource.environment),
                    prop("address", resource.address),
                    prop("place", f"{resource.place.file}:{resource.place.line}"),
                ],
            }
            for resource in self.resources
        ]


def reviewed(controls: Sequence[Any]) -> dict[str, Any]:
    """The controls that were looked at: NIST's where ours support one, and ours as objectives."""
    ids = sorted({id for control in controls for id in nist(control)})
    chosen: dict[str, Any] = {"include-controls": [{"control-id": id} for id in ids]}
    if not ids:
        chosen = {"include-controls": [{"control-id": control.id} for control in controls]}
    if not controls:
        return {"control-selections": [{"description": "No control was chosen."}]}
    objectives = [{"objective-id": control.id} for control in controls]
    return {
        "control-selections": [chosen],
        "control-objective-selections": [{"include-objectives": objectives}],
    }


def nist(control: Any) -> Iterator[str]:
    """The controls of NIST SP 800-53 that a control supports, as OSCAL's catalogue calls them."""
    for each in control.frameworks:
        found = _NIST.match(each.requirement) if each.framework == NIST else None
        if found is not None:
            more = f".{int(found[3])}" if found[3] else ""
            yield f"{found[1].lower()}-{int(found[2])}{more}"


def requirements(control: Any) -> list[dict[str, str]]:
    """Every requirement of a framework that a control supports, as properties."""
    return [
        prop("requirement", f"{each.framework} {each.requirement}") for each in control.frameworks
    ]


def by_control(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by their control, both in order."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.control, []).append(finding)
    return found


def dump(document: Mapping[str, Any]) -> str:
    """The document as text, on one line: with indents, Python's slow encoder would write it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
