"""Paths → Sigma rules: YAML by libyaml, rules by pySigma, conditions as trees.

One bad rule does not stop the others: it is listed as refused, with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from assay.engine import files
from assay.engine.siem import detection, filtering, pipeline
from assay.engine.siem.documents import documents
from assay.engine.siem.tree import Or, RefusedError, Tree, build

ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
MAX_DOCUMENT = 4 * 1024 * 1024
# pySigma meets shapes that it did not expect; to us that is a malformed rule.
MALFORMED = (TypeError, ValueError, AttributeError, KeyError, IndexError)


class Rule(NamedTuple):
    """One rule that can be searched for: `tree` is its detection, fields as the rule calls them."""

    id: str
    title: str
    file: str
    line: int
    level: str
    status: str
    logsource: Mapping[str, Any]
    tree: Tree
    document: Mapping[str, Any]


class Correlation(NamedTuple):
    """A correlation rule, not yet joined to the rules that it names."""

    id: str
    title: str
    file: str
    line: int
    document: Mapping[str, Any]


class Refusal(NamedTuple):
    """A rule that is not converted: where it stands and why."""

    file: str
    line: int
    rule: str
    reason: str


class Rules(NamedTuple):
    """What a set of paths holds, in the order of files and documents."""

    rules: list[Rule]
    correlations: list[Correlation]
    refused: list[Refusal]


class Document(NamedTuple):
    """One YAML document: `line` is where it begins."""

    file: str
    line: int
    data: Any


def load(
    paths: Iterable[str],
    placeholders: Mapping[str, list[str]] | None = None,
    steps: Iterable[pipeline.Step] = (),
) -> Rules:
    """All Sigma rules below the paths. Raises InputError for a path that does not exist."""
    found = Rules([], [], [])
    plain: list[Document] = []
    filters: list[Document] = []
    for document in _documents(paths, found.refused):
        kind = _kind(document.data)
        if kind == "rule":
            plain.append(document)
        elif kind == "filter":
            filters.append(document)
        elif kind == "correlation":
            _guard(found, document, lambda one: found.correlations.append(_correlation(one)))
        else:
            found.refused.append(_refusal(document, kind))
    chosen = _filters(filters, found.refused)
    _add(found, plain, chosen, placeholders, tuple(steps))
    return _unique(found)


def load_file(
    name: str,
    data: bytes,
    placeholders: Mapping[str, list[str]] | None = None,
    steps: tuple[pipeline.Step, ...] = (),
) -> Rules | None:
    """The rules of one file alone, ids not compared; None where it holds a filter or a correlation,
    which other files have to do with.
    """
    found = Rules([], [], [])
    plain: list[Document] = []
    for document in _parsed(name, data, found.refused):
        kind = _kind(document.data)
        if kind in ("filter", "correlation"):
            return None
        if kind == "rule":
            plain.append(document)
        else:
            found.refused.append(_refusal(document, kind))
    _add(found, plain, [], placeholders, steps)
    return found


def _add(
    found: Rules,
    plain: list[Document],
    filters: list[Any],
    placeholders: Mapping[str, list[str]] | None,
    steps: tuple[pipeline.Step, ...],
) -> None:
    def add(document: Document) -> None:
        if steps:
            document = document._replace(data=pipeline.apply(steps, document.data))
        found.rules.append(rule(document, filters, placeholders))

    for document in plain:
        _guard(found, document, add)


def _guard(found: Rules, document: Document, action: Any) -> None:
    from sigma.exceptions import SigmaError

    try:
        action(document)
    except (RefusedError, SigmaError) as error:
        found.refused.append(_refusal(document, _reason(error)))
    except RecursionError:
        found.refused.append(_refusal(document, "its condition is too deep"))
    except MALFORMED as error:
        found.refused.append(_refusal(document, f"malformed: {error}"))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _refusal(document: Document, reason: str) -> Refusal:
    data = document.data if isinstance(document.data, dict) else {}
    return Refusal(document.file, document.line, str(data.get("id") or ""), reason)


def _documents(paths: Iterable[str], refused: list[Refusal]) -> Iterator[Document]:
    for name, data in texts(paths, refused):
        yield from _parsed(name, data, refused)


def texts(paths: Iterable[str], refused: list[Refusal]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of rules. Raises InputError for a path that does not exist."""
    for file in files.discover(paths).with_suffix(".yml", ".yaml"):
        try:
            data = files.read(file)
        except OSError as error:
            refused.append(Refusal(file.name, 0, "", f"cannot be read: {error.strerror}"))
            continue
        if len(data) > MAX_DOCUMENT:
            refused.append(Refusal(file.name, 0, "", f"is larger than {MAX_DOCUMENT} bytes"))
            continue
        yield file.name, data


def _parsed(name: str, data: bytes, refused: list[Refusal]) -> Iterator[Document]:
    try:
        for line, found in documents(data):
            yield Document(name, line, found)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or _reason(error)
        refused.append(Refusal(name, mark.line + 1 if mark else 0, "", f"not YAML: {what}"))


def _kind(data: Any) -> str:
    """What a document is; else why it is nothing of Sigma's."""
    if not isinstance(data, dict):
        return "not a Sigma rule: it is no map"
    if data.get("action"):
        return "`action` (collections of Sigma 1) was dropped from the language"
    for key, kind in (("correlation", "correlation"), ("filter", "filter"), ("detection", "rule")):
        if key in data:
            return kind
    return "not a Sigma rule: it has neither `detection`, `correlation` nor `filter`"


def rule(
    document: Document,
    filters: list[Any] | None = None,
    placeholders: Mapping[str, list[str]] | None = None,
) -> Rule:
    """The rule of a document. Raises RefusedError or pySigma's SigmaError."""
    data = document.data
    name = _id(data)
    logsource = data.get("logsource")
    if not isinstance(logsource, dict) or not logsource:
        raise RefusedError("it has no log source")
    detections = detection.read(data["detection"], placeholders)
    for one in filters or ():
        detections = filtering.apply(one, data, detections)
    trees = [build(detections, condition) for condition in detections.condition]
    return Rule(
        name,
        str(data.get("title") or ""),
        document.file,
        document.line,
        str(data.get("level") or "medium"),
        str(data.get("status") or ""),
        logsource,
        trees[0] if len(trees) == 1 else Or(tuple(trees)),
        data,
    )


def _correlation(document: Document) -> Correlation:
    data = document.data
    return Correlation(_id(data), str(data.get("title", "")), document.file, document.line, data)


def _id(data: Mapping[str, Any]) -> str:
    name = data.get("id")
    if not isinstance(name, str) or not name:
        raise RefusedError("it has no id, by which its query would be named")
    if not ID.fullmatch(name):
        raise RefusedError("its id is no UUID")
    return name


def _filters(documents: list[Document], refused: list[Refusal]) -> list[Any]:
    if not documents:
        return []
    from sigma.exceptions import SigmaError
    from sigma.filters import SigmaFilter

    chosen = []
    for document in documents:
        try:
            chosen.append(SigmaFilter.from_dict(document.data))
        except SigmaError as error:
            refused.append(_refusal(document, _reason(error)))
        except MALFORMED as error:
            refused.append(_refusal(document, f"malformed: {error}"))
    return chosen


def taken(place: str) -> str:
    """Why a second rule with an id is refused."""
    return f"its id is taken by {place}"


def _unique(found: Rules) -> Rules:
    """Two rules with one id would write one file: both but the first are refused."""
    first: dict[str, str] = {}
    kept = Rules([], [], found.refused)
    for group, into in ((found.rules, kept.rules), (found.correlations, kept.correlations)):
        for one in group:
            place = f"{one.file}:{one.line}"
            if one.id.lower() in first:
                reason = taken(first[one.id.lower()])
                kept.refused.append(Refusal(one.file, one.line, one.id, reason))
            else:
                first[one.id.lower()] = place
                into.append(one)  # type: ignore[arg-type]
    return kept
