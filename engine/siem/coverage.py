"""Rules × an index: fields that are missing or of a type that cannot answer, and dead rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from assay.engine.siem.convert import Converted
from assay.engine.siem.dsl import Index
from assay.engine.siem.emit import TIMESTAMP
from assay.engine.siem.sources import KEYWORD_FIELD, Source, template
from assay.engine.siem.tree import (
    And,
    Cidr,
    Compare,
    Exists,
    Not,
    Or,
    Pattern,
    Regex,
    Test,
    TimePart,
    Tree,
    leaves,
)


class Lack(NamedTuple):
    """A field that a rule asks for and an index cannot answer; `dead`: the rule can never fire.

    `where` is the source of the shipped template, or the live indexes.
    """

    rule: str
    file: str
    where: str
    field: str
    reason: str
    dead: bool


Live = Mapping[str, Mapping[str, Mapping[str, Any]]]
SHOWN = 3  # names of indexes in one line


def lacks(converted: Iterable[Converted], live: Live | None = None) -> list[Lack]:
    """What the rules lack in the shipped templates, or in the indexes that are given by pattern."""
    held: dict[str, dict[str, Index]] = {}
    found: list[Lack] = []
    for one in converted:
        name = one.source.name
        if name not in held:
            if live is None:
                held[name] = {name: Index(template(one.source))}
            else:
                held[name] = {
                    index: Index({"template": {"mappings": mappings}})
                    for index, mappings in live[one.source.pattern].items()
                }
        found += _lacks(one, held[name])
    return found


def _lacks(one: Converted, indexes: Mapping[str, Index]) -> list[Lack]:
    """A rule is dead where no index can answer it."""
    where: dict[tuple[str, str], list[str]] = {}
    alive = False
    for name, index in indexes.items():
        reasons = {
            field: reason
            for test in leaves(one.rule.tree)
            for field in _fields(test)
            if (reason := _reason(index, one.source, field, test))
        }
        alive = alive or not reasons or _possible(one.rule.tree, set(reasons))
        for found in reasons.items():
            where.setdefault(found, []).append(name)
    return [
        Lack(one.rule.id, one.rule.file, _named(names), field, reason, not alive)
        for (field, reason), names in sorted(where.items())
    ]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _fields(test: Test) -> list[str]:
    """The fields of a test; one without a field asks for the copy of all values."""
    names = [test.field or KEYWORD_FIELD, getattr(test, "other", None)]
    return [name for name in names if name]


def _reason(index: Index, source: Source, field: str, test: Test) -> str:
    """Why none of the fields can be asked this; empty where one can."""
    reason = ""
    for name in source.resolve(field):
        reason = _one_reason(index, source, name, test)
        if not reason:
            return ""
    return reason


def _one_reason(index: Index, source: Source, name: str, test: Test) -> str:
    mapping = index.field(name)
    if mapping is None:
        return "is not in the index"
    if mapping.get("index") is False and mapping.get("doc_values") is not True:
        return "is not searchable"
    if isinstance(test, Exists) or "properties" in mapping:
        return ""
    wanted = "date" if isinstance(test, TimePart) and name == TIMESTAMP else "keyword"
    if mapping.get("type") != wanted:
        return f"is of type {mapping.get('type')}, not {wanted}"
    if mapping.get("index") is False:
        return "is not searchable"
    if wanted == "keyword" and "normalizer" not in mapping:
        return "has no normalizer: letter case would be missed"
    sub = _sub_field(source, name, test)
    if sub and sub not in mapping.get("fields", {}):
        return f"has no sub-field {sub}, which the search asks"
    return ""


def _sub_field(source: Source, name: str, test: Test) -> str:
    """The sub-field that the search of a test asks; empty where it asks the field itself."""
    extras = source.extras(name)
    if isinstance(test, Regex) or (isinstance(test, Pattern) and test.cased):
        return "cased"
    if isinstance(test, Cidr):
        return "ip" if "ip" in extras else "cased"
    if isinstance(test, Compare):
        return "number" if "number" in extras else ""
    return "date" if isinstance(test, TimePart) and name != TIMESTAMP else ""


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
