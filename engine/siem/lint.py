"""What is wrong with Sigma rules as texts, with places: offline, without a download.

Errors are what keeps a rule from being converted; warnings are what a reader or a user of it will
miss. Facts of the Sigma specification 2: statuses, levels, dates, tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from assay.engine import files
from assay.engine.siem.documents import documents
from assay.engine.siem.load import load

STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
LEVELS = ("informational", "low", "medium", "high", "critical")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?")
TACTICS = frozenset(
    {
        "collection", "command-and-control", "credential-access", "defense-evasion",
        "defense-impairment", "discovery", "execution", "exfiltration", "impact",
        "initial-access", "lateral-movement", "persistence", "privilege-escalation",
        "reconnaissance", "resource-development", "stealth",
    }
)  # fmt: skip
MAX_TITLE = 256


class Fault(NamedTuple):
    """One thing that is wrong: `severity` is error or warning, `code` is stable."""

    file: str
    line: int
    severity: str
    code: str
    rule: str
    message: str


def lint(paths: Iterable[str], placeholders: Mapping[str, list[str]] | None = None) -> list[Fault]:
    """All faults below the paths, by file and line. Raises InputError for a missing path."""
    given = list(paths)
    found = [
        Fault(one.file, one.line, "error", "refused", one.rule, one.reason)
        for one in _converted(given, placeholders)
    ]
    titles: dict[str, str] = {}
    for file in files.discover(given).with_suffix(".yml", ".yaml"):
        try:
            data = files.read(file)
            parts = list(documents(data))
        except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
            # It is refused above, with its place.
            continue
        lines = data.decode("utf-8", "replace").splitlines()
        for number, (first, document) in enumerate(parts):
            if not isinstance(document, dict):
                continue
            last = parts[number + 1][0] - 1 if number + 1 < len(parts) else len(lines)
            at = _places(lines, first, last)
            name = str(document.get("id") or "")
            for key, code, message in _faults(document, titles, file.name):
                line = at.get(key, first)
                found.append(Fault(file.name, line, "warning", code, name, message))
    return sorted(found)


def _converted(paths: list[str], placeholders: Mapping[str, list[str]] | None) -> Iterator[Any]:
    from assay.engine.siem.convert import convert_rules

    yield from convert_rules(load(paths, placeholders)).refused


def _places(lines: list[str], first: int, last: int) -> dict[str, int]:
    """Top-level key → its line."""
    found: dict[str, int] = {}
    for number in range(first, last + 1):
        text = lines[number - 1] if number <= len(lines) else ""
        match = re.match(r"([A-Za-z_][\w-]*)\s*:", text)
        if match:
            found.setdefault(match[1], number)
    return found


Found = tuple[str, str, str]


def _faults(document: dict[Any, Any], titles: dict[str, str], file: str) -> Iterator[Found]:
    """(key, code, message) of each fault."""
    for check in CHECKS:
        yield from check(document)
    title = str(document.get("title") or "").strip().lower()
    if title and title in titles:
        yield "title", "title-twice", f"the title is that of {titles[title]} too"
    elif title:
        titles[title] = file


def _title(document: dict[Any, Any]) -> Iterator[Found]:
    title = document.get("title")
    if not isinstance(title, str) or not title.strip():
        yield "title", "title-missing", "it has no title: an alert would have no name"
    elif len(title) > MAX_TITLE:
        yield "title", "title-long", f"the title is longer than {MAX_TITLE} characters"


def _id(document: dict[Any, Any]) -> Iterator[Found]:
    name = document.get("id")
    if name is not None and not UUID.fullmatch(str(name)):
        yield "id", "id-form", "the id is no UUID"


def _words(document: dict[Any, Any]) -> Iterator[Found]:
    for key, known in (("status", STATUSES), ("level", LEVELS)):
        value = document.get(key)
        if value is None and key == "level" and "filter" not in document:
            yield key, "level-missing", "it has no level: it is deployed as medium"
        elif value is not None and value not in known:
            yield key, f"{key}-unknown", f"{key} {value!r} is none of {', '.join(known)}"


def _dates(document: dict[Any, Any]) -> Iterator[Found]:
    for key in ("date", "modified"):
        value = document.get(key)
        if value is not None and not DATE.fullmatch(str(value)):
            yield key, "date-form", f"{key} {str(value)[:40]!r} is not YYYY-MM-DD"
    date, modified = (str(document.get(key) or "") for key in ("date", "modified"))
    if DATE.fullmatch(date) and DATE.fullmatch(modified) and modified < date:
        yield "modified", "date-order", "modified is before date"


def _tags(document: dict[Any, Any]) -> Iterator[Found]:
    tags = document.get("tags")
    if tags is None:
        return
    if not isinstance(tags, list):
        yield "tags", "tags-form", "tags is no list"
        return
    seen: set[str] = set()
    for tag in map(str, tags):
        if tag in seen:
            yield "tags", "tag-twice", f"the tag {tag} stands twice"
        seen.add(tag)
        if not TAG.fullmatch(tag):
            yield "tags", "tag-form", f"the tag {tag[:60]!r} is not namespace.name in lower case"
        elif tag.startswith("attack.t") and tag[8:9].isdigit():
            if not TECHNIQUE.fullmatch(tag):
                yield "tags", "tag-technique", f"{tag} is no technique: attack.t1234 or .001"
        elif tag.startswith("attack.") and tag[7:8] not in "gs" and tag[7:] not in TACTICS:
            yield "tags", "tag-tactic", f"{tag} is no tactic of ATT&CK"


def _lists(document: dict[Any, Any]) -> Iterator[Found]:
    for key in ("falsepositives", "references"):
        if key in document and not isinstance(document[key], list):
            yield key, f"{key}-form", f"{key} is no list"
    if document.get("level") in ("high", "critical") and "detection" in document:
        notes = document.get("falsepositives")
        if not notes:
            yield "level", "falsepositives-missing", "it is loud and has no false-positive notes"


def _detection(document: dict[Any, Any]) -> Iterator[Found]:
    detection = document.get("detection")
    if not isinstance(detection, dict):
        return
    conditions = detection.get("condition")
    text = " ".join(map(str, conditions if isinstance(conditions, list) else [conditions]))
    words = set(re.findall(r"[\w*-]+", text))
    if "them" in words:
        return
    patterns = [re.escape(word).replace(r"\*", ".*") for word in words]
    for name in map(str, detection):
        if name in ("condition", "timeframe"):
            continue
        if not any(re.fullmatch(pattern, name) for pattern in patterns):
            yield "detection", "detection-unused", f"{name} is named by no condition"


CHECKS: tuple[Callable[[dict[Any, Any]], Iterator[Found]], ...] = (
    _title, _id, _words, _dates, _tags, _lists, _detection,
)  # fmt: skip
