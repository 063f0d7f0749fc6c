"""Skips written for checkov and trivy → what they excuse here.

Comments beside a block (`#checkov:skip=CKV_AWS_1:why`, `#trivy:ignore:AVD-AWS-0001`), annotations
of a manifest (`checkov.io/skip1: CKV_K8S_1=why`) and `.trivyignore`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from assay.engine.files import File, Tree
from assay.engine.model import Finding, Scan

MAX_LINE = 2_000  # characters that are looked at
_CHECKOV = re.compile(
    r"(?:#|//)\s*(?:checkov|bridgecrew)\s*:\s*skip\s*=\s*([A-Za-z0-9_,]+)(?::(.*))?"
)
_TRIVY = re.compile(r"(?:#|//)\s*(?:trivy|tfsec)\s*:\s*ignore\s*:\s*([A-Za-z0-9_-]+)(.*)")
_ANNOTATION = re.compile(
    r"[\"']?checkov\.io/skip\d*[\"']?\s*:\s*[\"']?([A-Za-z0-9_]+)\s*=?\s*([^\"'}]*)"
)


class Skip(NamedTuple):
    """One skip: the tool, its check, the reason given, where it is written.

    `whole` is one that holds for every resource (`.trivyignore`).
    """

    tool: str
    check: str
    reason: str
    file: str
    line: int
    whole: bool = False


class Excused(NamedTuple):
    """A skip with the controls that ask the same and the findings that it would excuse."""

    skip: Skip
    controls: tuple[str, ...]
    findings: tuple[Finding, ...]


def find(tree: Tree) -> Iterator[Skip]:
    """Every skip in the configuration of a tree, in order."""
    for file in tree.files:
        name = file.path.name
        if name == ".trivyignore":
            yield from _ignored(file)
        elif name.endswith((".tf", ".tofu", ".yaml", ".yml")):
            yield from _comments(file)


def excused(scan: Scan, skips: Iterable[Skip]) -> Iterator[Excused]:
    """What each skip would excuse: fails of equivalent controls on the resource it stands in."""
    controls: dict[tuple[str, str], list[str]] = {}
    for control in scan.controls:
        for tool, checks in control.equivalents.items():
            for check in checks:
                controls.setdefault((tool, check), []).append(control.id)
    fails: dict[str, list[Finding]] = {}
    starts: dict[str, list[int]] = {}
    for finding in scan.findings():
        if finding.status == "fail":
            fails.setdefault(finding.resource.place.file, []).append(finding)
    for resource in scan.resources:
        starts.setdefault(resource.place.file, []).append(resource.place.line)
    for skip in skips:
        named = tuple(dict.fromkeys(controls.get((skip.tool, skip.check), ())))
        yield Excused(skip, named, tuple(_fails(skip, named, fails, starts)))


def _fails(
    skip: Skip,
    controls: tuple[str, ...],
    fails: Mapping[str, list[Finding]],
    starts: Mapping[str, list[int]],
) -> Iterator[Finding]:
    if skip.whole:
        for found in fails.values():
            yield from (each for each in found if each.control in controls)
        return
    lines = sorted(set(starts.get(skip.file, ())))
    before = [line for line in lines if line <= skip.line]
    after = [line for line in lines if line > skip.line]
    # trivy's comment may stand on the line above the block, checkov's stands in it.
    above = skip.tool == "trivy" and after and after[0] == skip.line + 1
    owner = after[0] if above or not before else before[-1]
    for each in fails.get(skip.file, ()):
        if each.control in controls and each.resource.place.line == owner:
            yield each


def _comments(file: File) -> Iterator[Skip]:
    for number, line in _lines(file):
        if "skip" in line and ("checkov" in line or "bridgecrew" in line):
            found = _CHECKOV.search(line)
            if found:
                reason = (found[2] or "").strip()
                for check in filter(None, found[1].split(",")):
                    yield Skip("checkov", check, reason, file.name, number)
            elif found := _ANNOTATION.search(line):
                yield Skip("checkov", found[1], found[2].strip(), file.name, number)
        elif "ignore" in line and (found := _TRIVY.search(line)):
            yield Skip("trivy", found[1], found[2].strip(" :"), file.name, number)


def _ignored(file: File) -> Iterator[Skip]:
    reason = ""
    for number, line in _lines(file):
        text = line.strip()
        if text.startswith("#"):
            reason = text.lstrip("# ")
        elif text:
            yield Skip("trivy", text.split()[0], reason, file.name, number, True)
            reason = ""


def _lines(file: File) -> Iterator[tuple[int, str]]:
    try:
        text = file.path.read_text("utf-8", "replace")
    except OSError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        yield number, line[:MAX_LINE]
