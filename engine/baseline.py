"""Known fails of an old repository: a file that lets only new ones stop the gate.

An entry is a control, a check, a file, an address and a digest of what was judged there: it
survives moved lines and ends when the content changes, or on the day it expires.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.catalogue import paths
from assay.engine.errors import printable, usage
from assay.engine.judge.redaction import redacted
from assay.engine.model import Finding, Incomplete, Notice, Scan, Unknown, value_at

SCHEMA = "assay/baseline/1"
DAYS = 180  # how long a baseline written today lasts
MAX_DAYS = 365
MARK = "baseline"  # what `excepted_by` says of a fail that the baseline holds
MAX_FILE = 64 * 1024 * 1024  # bytes


class Baseline(NamedTuple):
    """The entries of a baseline file; `expires` is None where the date is malformed."""

    entries: frozenset[tuple[str, ...]]
    expires: date | None
    name: str


def entry(finding: Finding) -> tuple[str, ...]:
    """What makes a fail the same one next time: never its line."""
    resource = finding.resource
    file = finding.violations[0].place.file if finding.violations else resource.place.file
    address = f"{resource.source}:{resource.root}:{resource.environment}:{resource.address}"
    return finding.control, finding.check, file, address, content(finding)


def content(finding: Finding) -> str:
    """SHA-256 over the values that the violations point at, with their paths.

    A marked value counts as a marked value: a digest of a short secret would let it be guessed.
    """
    values = redacted(finding.resource)
    seen = [
        [violation.path, plain(value_at(values, paths.indexed(violation.path)))]
        for violation in finding.violations
    ]
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """A value as JSON can hold it, so that equal ones are written alike."""
    if isinstance(value, Unknown):
        return {"unknown": value.origin}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Incomplete):
        return [*map(plain, value), {"unknown": value.rest.origin}]
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def write(scan: Scan, today: date) -> str:
    """The text of a baseline that holds every fail of the scan."""
    entries = sorted({entry(finding) for finding in scan.findings() if finding.status == "fail"})
    keys = ("control", "check", "file", "address", "content")
    document = {
        "schema": SCHEMA,
        "expires": (today + timedelta(days=DAYS)).isoformat(),
        "entries": [dict(zip(keys, each, strict=True)) for each in entries],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read(path: str, text: bytes | None = None) -> Baseline:
    """The baseline in a file, or in its reviewed text. Raises InputError where it is none."""
    try:
        if text is None:
            if Path(path).stat().st_size > MAX_FILE:
                raise usage(f"{printable(path)} is too large for a baseline", code="baseline-shape")
            text = Path(path).read_bytes()
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(f"`schema` is not {SCHEMA}")
        keys = ("control", "check", "file", "address", "content")
        entries = frozenset(tuple(str(each[key]) for key in keys) for each in document["entries"])
        expires = _date(document.get("expires"))
    except OSError as error:
        message = f"the baseline cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{printable(path)} is no baseline: {printable(str(error))}"
        help = "`assay baseline write PATH -o FILE` writes one"
        raise usage(message, help, code="baseline-shape") from None
    return Baseline(entries, expires, path)


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def apply(scan: Scan, baseline: Baseline, today: date) -> Scan:
    """The scan with every fail that the baseline holds annotated, and notices about it."""
    notices = list(scan.notices)
    expires = baseline.expires
    if expires is None or not today <= expires <= today + timedelta(days=MAX_DAYS):
        message = f"the baseline {baseline.name} is not in force: it expires on {expires}"
        notices.append(Notice("baseline-expired", baseline.name, message))
        return scan._replace(notices=notices)
    left = set(baseline.entries)
    for finding in scan.findings():
        if finding.status == "fail":
            left.discard(entry(finding))
    if left:
        message = f"{len(left)} entries of {baseline.name} no longer fail: write it anew"
        notices.append(Notice("baseline-unused", baseline.name, message))
    return scan._replace(findings=_annotated(scan.findings, baseline.entries), notices=notices)


def _annotated(
    findings: Callable[[], Iterator[Finding]], entries: frozenset[tuple[str, ...]]
) -> Callable[[], Iterator[Finding]]:
    def annotated() -> Iterator[Finding]:
        for finding in findings():
            if (
                finding.status == "fail"
                and finding.excepted_by is None
                and entry(finding) in entries
            ):
                finding = finding._replace(excepted_by=MARK)
            yield finding

    return annotated
