"""Sigma filters: what one environment leaves out, without an edit of the rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.engine.siem.tree import Detections, from_pysigma

WORD = re.compile(r"[a-zA-Z0-9*_-]+")
KEYWORDS = frozenset({"not", "and", "or", "all", "any", "of", "1"})
PREFIX = "_filter"


def applies(one: Any, rule: Mapping[str, Any]) -> bool:
    """Whether a pySigma SigmaFilter is for the rule: by log source, and by id or name or `any`."""
    from sigma.rule import SigmaLogSource

    if SigmaLogSource.from_dict(dict(rule["logsource"])) not in one.logsource:
        return False
    rules = one.filter.rules
    if isinstance(rules, str):
        return rules.lower() == "any"
    names = {str(rule.get("id")), str(rule.get("name"))}
    return any(reference.reference in names for reference in rules)


def apply(one: Any, rule: Mapping[str, Any], detections: Detections) -> Detections:
    """The rule's detections with the filter and-ed to each condition, where it is for the rule."""
    if not applies(one, rule):
        return detections
    prefix = PREFIX
    while any(name.startswith(f"{prefix}_") for name in detections.detections):
        prefix += "_"
    named = {
        f"{prefix}_{name}": from_pysigma(found) for name, found in one.filter.detections.items()
    }

    def renamed(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in KEYWORDS:
            return word
        return f"{prefix}_*" if word == "them" else f"{prefix}_{word}"

    condition = WORD.sub(renamed, one.filter.condition[0])
    return Detections(
        detections={**detections.detections, **named},
        condition=[f"({own}) and ({condition})" for own in detections.condition],
    )
