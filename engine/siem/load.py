"""Paths → Sigma rules: YAML by libyaml, rules by pySigma, conditions as trees.

One bad rule does not stop the others: it is listed as refused, with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from assay.engine import files
from assay.engine.siem.tree import And, Exists, Not, Or, Pattern, RefusedError, Tree, build

ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
MAX_DOCUMENT = 4 * 1024 * 1024
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


def load(paths: Iterable[str], placeholders: Mapping[str, list[str]] | None = None) -> Rules:
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
    for document in plain:
        _guard(found, document, lambda one: found.rules.append(rule(one, chosen, placeholders)))
    return _unique(found)


def _guard(found: Rules, document: Document, action: Any) -> None:
    from sigma.exceptions import SigmaError

    try:
        action(document)
    except (RefusedError, SigmaError) as error:
        found.refused.append(_refusal(document, _reason(error)))
    except RecursionError:
        found.refused.append(_refusal(document, "its condition is too deep"))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        # pySigma meets shapes that it did not expect; to us that is a malformed rule.
        found.refused.append(_refusal(document, f"malformed: {error}"))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _refusal(document: Document, reason: str) -> Refusal:
    data = document.data if isinstance(document.data, dict) else {}
    return Refusal(document.file, document.line, str(data.get("id") or ""), reason)


def _documents(paths: Iterable[str], refused: list[Refusal]) -> Iterator[Document]:
    for file in files.discover(paths).with_suffix(".yml", ".yaml"):
        try:
            data = files.read(file)
        except OSError as error:
            refused.append(Refusal(file.name, 0, "", f"cannot be read: {error.strerror}"))
            continue
        if len(data) > MAX_DOCUMENT:
            refused.append(Refusal(file.name, 0, "", f"is larger than {MAX_DOCUMENT} bytes"))
            continue
        yield from _parsed(file.name, data, refused)


def _parsed(name: str, data: bytes, refused: list[Refusal]) -> Iterator[Document]:
    loader = LOADER(data)
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            yield Document(name, node.start_mark.line + 1, loader.construct_document(node))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or _reason(error)
        refused.append(Refusal(name, mark.line + 1 if mark else 0, "", f"not YAML: {what}"))
    finally:
        loader.dispose()


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
    from sigma.rule import SigmaRule

    parsed = SigmaRule.from_dict(document.data)
    for one in filters or ():
        parsed = one.apply_on_rule(parsed)
    if placeholders:
        _expand(parsed.detection, placeholders)
    trees = [build(condition.parsed) for condition in parsed.detection.parsed_condition]
    tree = trees[0] if len(trees) == 1 else Or(tuple(trees))
    return Rule(
        _id(document.data),
        parsed.title or "",
        document.file,
        document.line,
        parsed.level.name.lower() if parsed.level else "medium",
        parsed.status.name.lower() if parsed.status else "",
        document.data.get("logsource") or {},
        _settled(tree),
        document.data,
    )


def _settled(tree: Tree) -> Tree:
    """`field: '*'` asks for any value at all, as `exists` does."""
    if isinstance(tree, Pattern) and tree.parts == (None,) and tree.field is not None:
        return Exists(tree.field)
    if isinstance(tree, And | Or):
        return type(tree)(tuple(map(_settled, tree.items)))
    if isinstance(tree, Not):
        return Not(_settled(tree.item))
    return tree


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
    from sigma.exceptions import SigmaError
    from sigma.filters import SigmaFilter

    chosen = []
    for document in documents:
        try:
            chosen.append(SigmaFilter.from_dict(document.data))
        except SigmaError as error:
            refused.append(_refusal(document, _reason(error)))
    return chosen


def _expand(detections: Any, placeholders: Mapping[str, list[str]]) -> None:
    """Puts the user's values in the place of `%name%`; a name without values stays."""
    from sigma.types import SigmaRegularExpression, SigmaString

    def values(placeholder: Any) -> Iterator[Any]:
        given = placeholders.get(placeholder.name)
        yield from [placeholder] if given is None else given

    def expanded(value: Any) -> list[Any]:
        if isinstance(value, SigmaString | SigmaRegularExpression) and (
            value.contains_placeholder(include=list(placeholders))
        ):
            return list(value.replace_placeholders(values))
        return [value]

    def walk(detection: Any) -> None:
        for item in detection.detection_items:
            if hasattr(item, "detection_items"):
                walk(item)
            else:
                item.value = [made for value in item.value for made in expanded(value)]

    for detection in detections.detections.values():
        walk(detection)


def _unique(found: Rules) -> Rules:
    """Two rules with one id would write one file: both but the first are refused."""
    first: dict[str, str] = {}
    kept = Rules([], [], found.refused)
    for group, into in ((found.rules, kept.rules), (found.correlations, kept.correlations)):
        for one in group:
            place = f"{one.file}:{one.line}"
            if one.id.lower() in first:
                reason = f"its id is taken by {first[one.id.lower()]}"
                kept.refused.append(Refusal(one.file, one.line, one.id, reason))
            else:
                first[one.id.lower()] = place
                into.append(one)  # type: ignore[arg-type]
    return kept
