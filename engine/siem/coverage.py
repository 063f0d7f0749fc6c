"""Rules × an index: fields that are missing or of a type that cannot answer, and dead rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from assay.engine.siem.convert import Converted
from assay.engine.siem.dsl import Index
from assay.engine.siem.sources import template
from assay.engine.siem.tree import And, Not, Or, Test, Tree, leaves


class Lack(NamedTuple):
    """A field that a rule asks for and the index cannot answer; `dead`: the rule can never fire."""

    rule: str
    file: str
    source: str
    field: str
    reason: str
    dead: bool


def lacks(converted: Iterable[Converted], mappings: Mapping[str, Any] | None = None) -> list[Lack]:
    """What the rules lack in the shipped templates, or in the mappings that are given."""
    indexes: dict[str, Index] = {}
    found: list[Lack] = []
    for one in converted:
        name = one.source.name
        if name not in indexes:
            given = {"template": {"mappings": mappings}} if mappings else template(one.source)
            indexes[name] = Index(given)
        index = indexes[name]
        reasons = {
            field: reason
            for test in leaves(one.rule.tree)
            for field in _fields(test)
            if (reason := _reason(index, one.source.resolve(field)))
        }
        dead = bool(reasons) and not _possible(one.rule.tree, set(reasons))
        found += [
            Lack(one.rule.id, one.rule.file, name, field, reason, dead)
            for field, reason in sorted(reasons.items())
        ]
    return found


def _fields(test: Test) -> list[str]:
    names = [test.field, getattr(test, "other", None)]
    return [name for name in names if name]


def _reason(index: Index, names: Iterable[str]) -> str:
    """Why none of the fields can be asked; empty where one can."""
    reason = ""
    for name in names:
        mapping = index.field(name)
        if mapping is None:
            reason = "is not in the index"
        elif "properties" in mapping:
            return ""
        elif mapping.get("type") != "keyword":
            reason = f"is of type {mapping.get('type')}, not keyword"
        elif "normalizer" not in mapping:
            reason = "has no normalizer: letter case would be missed"
        elif mapping.get("index") is False:
            reason = "is not searchable"
        else:
            return ""
    return reason


def _possible(tree: Tree, lacking: set[str]) -> bool:
    """Whether the tree can be true at all when the lacking fields have no value."""
    if isinstance(tree, And):
        return all(_possible(item, lacking) for item in tree.items)
    if isinstance(tree, Or):
        return any(_possible(item, lacking) for item in tree.items)
    if isinstance(tree, Not):
        return True  # no value is what a negation is content with
    return not any(field in lacking for field in _fields(tree))


def tactics(converted: Iterable[Converted]) -> dict[str, list[str]]:
    """ATT&CK technique → ids of the rules that carry its tag."""
    found: dict[str, list[str]] = {}
    for one in converted:
        for tag in one.rule.document.get("tags") or ():
            word = str(tag).lower().removeprefix("attack.")
            if word[:1] == "t" and word[1:5].isdigit():
                found.setdefault(word.upper(), []).append(one.rule.id)
    return dict(sorted(found.items()))


def layer(converted: Iterable[Converted]) -> dict[str, Any]:
    """The techniques as a layer of the ATT&CK Navigator, scored by the number of rules."""
    return {
        "name": "Assay detections",
        "versions": {"layer": "4.5"},
        "domain": "enterprise-attack",
        "techniques": [
            {"techniqueID": technique, "score": len(rules), "comment": ", ".join(rules)}
            for technique, rules in tactics(converted).items()
        ],
    }
