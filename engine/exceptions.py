"""Approved, expiring acceptances of fails: files → exceptions → annotated findings.

An exception never turns a fail into a pass: the finding stays a fail and says which exception
covers it. What is expired, unused or too broad is a notice of the run.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from assay.engine.catalogue.document import Node, parse
from assay.engine.catalogue.reader import Reader
from assay.engine.errors import AssayError, InputError, Problem, printable, usage
from assay.engine.files import File
from assay.engine.files import read as read_bytes
from assay.engine.model import Finding, Notice, Place, Scan

MAX_DAYS = 365  # between approval and expiry
MAX_FILE = 1024 * 1024  # bytes
COMMENTED = (".tf", ".tofu", ".yaml", ".yml", ".tpl")
_REFERENCE = re.compile(r"(?:#|//|/\*)\s*assay:exception\s+([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
SUFFIXES = (".yaml", ".yml")
KEYS = (
    "id",
    "controls",
    "resources",
    "broad",
    "reason",
    "compensating",
    "requester",
    "approver",
    "approved",
    "expires",
)
SELECTORS = ("address", "source", "root", "environment", "kind", "file", "namespace")
_PATTERN = frozenset("*?[")


class Selector(NamedTuple):
    """Which resources: each field equals the resource's, or matches it where `broad` is set."""

    fields: Mapping[str, str]

    def covers(self, finding: Finding, broad: bool) -> bool:
        """Whether the finding's resource is meant."""
        resource = finding.resource
        actual = {
            "address": resource.address,
            "source": resource.source,
            "root": resource.root,
            "environment": resource.environment,
            "kind": resource.kind,
            "file": resource.place.file,
            "namespace": resource.namespace or "",
        }
        if broad:
            return all(fnmatch.fnmatchcase(actual[key], word) for key, word in self.fields.items())
        return all(actual[key] == word for key, word in self.fields.items())


class Acceptance(NamedTuple):
    """One exception as its file states it. `expires` is None where the date is malformed."""

    id: str
    controls: frozenset[str]
    selectors: tuple[Selector, ...]
    broad: bool
    reason: str
    compensating: str
    requester: str
    approver: str
    approved: date | None
    expires: date | None
    place: Place

    def in_force(self, today: date) -> bool:
        """Approved, not expired, and never for longer than a year."""
        if self.approved is None or self.expires is None:
            return False
        lasts = self.expires - self.approved
        return self.approved <= today <= self.expires and lasts <= timedelta(days=MAX_DAYS)

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is of its controls and resources."""
        return finding.control in self.controls and any(
            selector.covers(finding, self.broad) for selector in self.selectors
        )


def read(
    folder: str, controls: frozenset[str], texts: Mapping[str, bytes] | None = None
) -> tuple[Acceptance, ...]:
    """The exceptions in a folder's YAML files, in order. Raises InputError with every mistake.

    `controls` are the ids that exist; an exception for another one is a mistake. `texts` are the
    files below the folder as they were reviewed, where they are not those that lie there now.
    """
    base = Path(folder)
    if texts is None and not base.is_dir():
        raise usage(f"no such folder of exceptions: {printable(folder)}", code="path-not-found")
    names = texts or {}
    if texts is None:
        names = {path.relative_to(base).as_posix(): b"" for path in base.rglob("*")}
    problems: list[Problem] = []
    found: dict[str, Acceptance] = {}
    for inner in sorted(name for name in names if name.endswith(SUFFIXES)):
        name = (Path(folder) / inner).as_posix()
        try:
            data = _bytes(base / inner, name) if texts is None else texts[inner]
            for each in _read_file(data, name, controls):
                if each.id in found:
                    message = f"the exception `{each.id}` stands in {found[each.id].place.file} too"
                    problems.append(Problem("exception-twice", message, name))
                found[each.id] = each
        except AssayError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return tuple(found.values())


def _bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE + 1)
    except OSError as error:
        message = f"cannot be read: {printable(str(error))}"
        raise InputError(Problem("exception-unreadable", message, name)) from None


def _read_file(data: bytes, name: str, controls: frozenset[str]) -> list[Acceptance]:
    if len(data) > MAX_FILE:
        raise InputError(Problem("exception-size", "the file is too large", name))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        message = f"cannot be read: {printable(str(error))}"
        raise InputError(Problem("exception-unreadable", message, name)) from None
    root = parse(name, text)
    reader = Reader(name, text)
    whole = root.value if isinstance(root.value, dict) else {}
    nodes = [root]
    if "exceptions" in whole:
        listed = reader.mapping(root, ("exceptions",), "a file of exceptions")["exceptions"]
        nodes = listed.value if isinstance(listed.value, list) else []
        if not isinstance(listed.value, list):
            reader.fail("exception-type", "`exceptions` must be a list", listed)
    found = [_acceptance(node, reader, controls) for node in nodes]
    reader.done()
    return found


def _acceptance(node: Node, reader: Reader, known: frozenset[str]) -> Acceptance:
    entries = reader.mapping(node, KEYS, "an exception")
    controls = reader.texts(entries.get("controls"), "`controls`")
    if not controls:
        reader.fail("exception-missing", "`controls` is missing", node)
    for id in controls:
        if id not in known:
            reader.fail("no-control", f"no control `{id}`", entries["controls"])
    broad = "broad" in entries and entries["broad"].value is True
    requester = reader.text(entries, "requester", node)
    approver = reader.text(entries, "approver", node)
    if requester and requester.strip().casefold() == approver.strip().casefold():
        message = "an exception is approved by someone other than its requester"
        reader.fail("exception-approver", message, entries["approver"])
    return Acceptance(
        id=reader.text(entries, "id", node),
        controls=frozenset(controls),
        selectors=_selectors(entries.get("resources"), node, broad, reader),
        broad=broad,
        reason=reader.text(entries, "reason", node),
        compensating=reader.text(entries, "compensating", node),
        requester=requester,
        approver=approver,
        approved=_date(entries.get("approved")),
        expires=_date(entries.get("expires")),
        place=Place(reader.file, node.line, node.column),
    )


def _selectors(node: Node | None, owner: Node, broad: bool, reader: Reader) -> tuple[Selector, ...]:
    if node is None or not isinstance(node.value, list) or not node.value:
        help = "`resources` is a list of selectors such as {address: aws_db_instance.main}"
        reader.fail("exception-missing", "`resources` is missing", node or owner, help)
        return ()
    found = []
    for entry in node.value:
        entries = reader.mapping(entry, SELECTORS, "a selector")
        fields = {key: reader.text(entries, key, entry) for key in entries if key in SELECTORS}
        if "address" not in fields and not broad:
            help = "name the address exactly, or say `broad: true`"
            reader.fail("exception-broad", "a selector without an address is broad", entry, help)
        if not broad and any(_PATTERN & set(_plain(word)) for word in fields.values()):
            help = "name it exactly, or say `broad: true`"
            reader.fail("exception-broad", "a pattern needs `broad: true`", entry, help)
        found.append(Selector(fields))
    return tuple(found)


def _plain(word: str) -> str:
    """The word without instance keys, whose brackets are no pattern."""
    return word.replace("[", "").replace("]", "") if "*" not in word and "?" not in word else word


def _date(node: Node | None) -> date | None:
    """A date as YAML reads it or as text; None for anything else, which counts as expired."""
    if node is None:
        return None
    if type(node.value) is date:
        return node.value
    try:
        return date.fromisoformat(str(node.value))
    except ValueError:
        return None


def references(files: Iterable[File]) -> list[tuple[str, Place]]:
    """The comments `assay:exception ID` in the scanned files: the id, and where it stands.

    A comment accepts nothing: it leads a reader to the exception, which names its resource itself.
    """
    found: list[tuple[str, Place]] = []
    for file in files:
        if file.size > MAX_FILE or not file.name.lower().endswith(COMMENTED):
            continue
        try:
            text = read_bytes(file)
        except OSError:
            continue  # the loader of that file has said so
        if b"assay:exception" not in text:
            continue
        for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
            found += [
                (each[1], Place(file.name, number, each.start() + 1))
                for each in _REFERENCE.finditer(line)
            ]
    return found


def referred(
    scan: Scan,
    found: Iterable[tuple[str, Place]],
    accepted: Sequence[Acceptance],
    today: date,
) -> Scan:
    """The scan with a notice for each comment that leads to no exception in force."""
    known = {each.id: each for each in accepted}
    notices = list(scan.notices)
    for id, place in found:
        why = "there is none of that id"
        if id in known:
            if known[id].in_force(today):
                continue
            why = f"it is not in force: {_why(known[id], today)}"
        message = f"the comment refers to the exception `{id}`, but {why}"
        notices.append(Notice("exception-reference", id, message, place))
    return scan._replace(notices=notices)


def apply(scan: Scan, accepted: Sequence[Acceptance], today: date) -> Scan:
    """The scan with every covered fail annotated, and notices about the exceptions themselves."""
    active = [each for each in accepted if each.in_force(today)]
    covering = _Index(accepted).covering
    covered: Counter[str] = Counter()
    for finding in scan.findings():
        if finding.status == "fail":
            covered.update(each.id for each in covering(finding))
    notices = [*scan.notices, *_notices(accepted, covered, today)]
    return scan._replace(
        findings=_annotated(scan.findings, active), notices=notices, exceptions=active
    )


class _Index:
    """Exceptions by what they name: a finding is not compared with each of them."""

    def __init__(self, accepted: Sequence[Acceptance]) -> None:
        self._exact: dict[tuple[str, str], list[int]] = {}
        self._broad: dict[str, list[int]] = {}
        self._all = accepted
        for number, each in enumerate(accepted):
            for control in each.controls:
                if each.broad:
                    self._broad.setdefault(control, []).append(number)
                    continue
                for address in {selector.fields.get("address", "") for selector in each.selectors}:
                    self._exact.setdefault((control, address), []).append(number)

    def covering(self, finding: Finding) -> Iterator[Acceptance]:
        """Those that cover a finding, in the order of their files."""
        control = finding.control
        numbers: Sequence[int] = self._exact.get((control, finding.resource.address), ())
        if control in self._broad:
            numbers = sorted([*numbers, *self._broad[control]])
        for number in numbers:
            if self._all[number].covers(finding):
                yield self._all[number]


def _annotated(
    findings: Callable[[], Iterator[Finding]], active: Sequence[Acceptance]
) -> Callable[[], Iterator[Finding]]:
    covering = _Index(active).covering

    def annotated() -> Iterator[Finding]:
        for finding in findings():
            if finding.status == "fail" and finding.excepted_by is None:
                for each in covering(finding):
                    finding = finding._replace(excepted_by=each.id)
                    break
            yield finding

    return annotated


def _notices(
    accepted: Sequence[Acceptance], covered: Mapping[str, int], today: date
) -> Iterator[Notice]:
    for each in accepted:
        if not each.in_force(today):
            message = f"the exception `{each.id}` is not in force: {_why(each, today)}"
            yield Notice("exception-expired", each.id, message, each.place)
        elif not covered[each.id]:
            message = f"the exception `{each.id}` covers nothing that fails: remove it"
            yield Notice("exception-unused", each.id, message, each.place)
        elif each.broad:
            fails = f"{covered[each.id]} fail{'s' if covered[each.id] > 1 else ''}"
            message = f"the exception `{each.id}` is broad: it covers whatever matches, now {fails}"
            yield Notice("exception-broad", each.id, message, each.place)


def _why(each: Acceptance, today: date) -> str:
    if each.approved is None or each.expires is None:
        return "`approved` and `expires` must be dates such as 2026-01-31"
    if each.expires - each.approved > timedelta(days=MAX_DAYS):
        return f"it lasts more than {MAX_DAYS} days"
    if today < each.approved:
        return f"it is approved only from {each.approved}"
    return f"it expired on {each.expires}"
