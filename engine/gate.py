"""A scan → the exit code, and the reasons for it (design, section 4)."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assay.engine.errors import usage
from assay.engine.model import SEVERITIES, SOURCE_CONTROL, UNCHANGED, Finding, Gap, Scan

# What `--allow KIND:PATTERN` may name: kinds of gaps, statuses that block, and sources unread.
ALLOWABLE = (
    "file",
    "block",
    "module",
    "root",
    "chart",
    "kustomization",
    "permission",
    "version",
    "duplicate",
    "document",
    "source",
    "error",
    "unknown",
)


class GateOptions(NamedTuple):
    """`fail_on` is a severity; `allow` holds (kind, pattern); `coverage` a share from 0 to 1.

    `known` are gaps that were there before what is judged, as (kind, subject, reason).
    """

    fail_on: str = "low"
    allow: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    coverage: float = 1.0
    known: frozenset[tuple[str, str, str]] = frozenset()


class Block(NamedTuple):
    """One reason why the gate stays shut."""

    reason: str  # fail, error, unknown, coverage or fault
    subject: str
    message: str


def parse_allow(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`KIND:PATTERN` words → pairs. Raises InputError."""
    pairs = []
    for word in words:
        kind, colon, pattern = word.partition(":")
        if not colon or not pattern or kind not in ALLOWABLE:
            help = f"KIND is one of: {', '.join(ALLOWABLE)}; PATTERN a path or address, * allowed"
            raise usage(f"--allow takes KIND:PATTERN, not `{word}`", help)
        pairs.append((kind, pattern))
    return tuple(pairs)


def blocks(scan: Scan, options: GateOptions) -> list[Block]:
    """Every reason to exit 1; none means exit 0."""
    return list(blocking(scan, options))


def blocking(scan: Scan, options: GateOptions) -> Iterator[Block]:
    """The same one by one: a cluster may give a hundred thousand."""
    least = SEVERITIES.index(options.fail_on)
    for finding in scan.notable():
        if _blocks(finding, least, options):
            subject = f"{finding.control} {finding.resource.address}"
            yield Block(finding.status, subject, finding.message)
    open_gaps = [gap for gap in scan.gaps if gap.blocks and not _allowed_gap(gap, options)]
    if open_gaps and _share(scan, open_gaps) < options.coverage:
        for gap in open_gaps:
            yield Block("coverage", f"{gap.kind}:{gap.subject}", f"{gap.state}: {gap.reason}")
    for fault in scan.faults:
        yield Block("fault", fault.code, fault.message)


def not_evaluated(scan: Scan, options: GateOptions) -> tuple[list[Block], list[Block]]:
    """What was not evaluated, whatever share the gate bears; and what `--allow` left out."""
    whole = options._replace(coverage=1.0)
    left = [each for each in blocks(scan, whole) if each.reason != "fail"]
    if not options.allow:
        return left, []
    every = [each for each in blocks(scan, whole._replace(allow=())) if each.reason != "fail"]
    held = set(left)
    return left, [each for each in every if each not in held]


def is_allowed(kind: str, subject: str, options: GateOptions) -> bool:
    """Whether `--allow` lifts the block of this kind on this subject."""
    return any(
        kind == allowed and fnmatch.fnmatchcase(subject, pattern)
        for allowed, pattern in options.allow
    )


def _blocks(finding: Finding, least: int, options: GateOptions) -> bool:
    resource = finding.resource
    if finding.excepted_by == UNCHANGED:
        return False
    if finding.status == "fail":
        return finding.excepted_by is None and SEVERITIES.index(finding.severity) >= least
    if finding.status == "error":
        kind = "source" if finding.control == SOURCE_CONTROL else "error"
        names = (resource.address, resource.place.file, finding.control)
        return not any(is_allowed(kind, name, options) for name in names)
    if finding.status == "unknown":
        if not options.strict and finding.cause not in ("module", "render"):
            return False
        names = (resource.address, finding.cause or "", finding.control)
        return not any(is_allowed("unknown", name, options) for name in names)
    return False


def _allowed_gap(gap: Gap, options: GateOptions) -> bool:
    if (gap.kind, gap.subject, gap.reason) in options.known:
        return True
    names = [gap.subject, *([gap.place.file] if gap.place is not None else ())]
    return any(is_allowed(gap.kind, name, options) for name in names)


def _share(scan: Scan, gaps: Sequence[Gap]) -> float:
    """The share of what was seen that was evaluated: resources over resources and gaps."""
    seen = len(scan.resources) + len(gaps)
    return len(scan.resources) / seen if seen else 1.0
