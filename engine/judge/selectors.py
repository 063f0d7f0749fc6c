"""Joins of Kubernetes objects by label selector, without comparing everything with everything.

A selector is filed under one label that it demands, or under none; a pod is looked up by its own
labels. Source: the meaning of LabelSelector in the Kubernetes API (meta/v1); a plain map of
labels, as a Service has it, selects by equality and selects nothing when it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from assay.engine.catalogue import paths
from assay.engine.catalogue.paths import Steps
from assay.engine.judge.workloads import labels_of
from assay.engine.model import Resource, Unknown

Answer = tuple[list[Resource], Unknown | None]
_WORDS = {"matchLabels", "matchExpressions"}
UNSURE = "?"  # labels that are not all known are filed here, and always looked at


def matches(selector: Any, labels: Any) -> bool | Unknown:
    """Whether a selector selects these labels; Unknown where parts are not known."""
    if isinstance(selector, Unknown):
        return selector
    if isinstance(labels, Unknown):
        return labels
    if not isinstance(selector, dict):
        return False
    plain = bool(selector) and not selector.keys() & _WORDS
    wanted = selector if plain else selector.get("matchLabels", {})
    if wanted is None:
        wanted = {}
    if not isinstance(wanted, dict):
        return wanted if isinstance(wanted, Unknown) else False
    doubt: Unknown | None = None
    for key, value in wanted.items():
        found: Any = labels.get(key)
        if isinstance(value, Unknown) or isinstance(found, Unknown):
            unsure: Unknown = value if isinstance(value, Unknown) else found
            doubt = unsure
        elif found is None or str(found) != str(value):
            return False
    terms = None if plain else selector.get("matchExpressions")
    if isinstance(terms, Unknown):
        doubt, terms = terms, None
    for term in terms or ():
        verdict = _term(term, labels)
        if verdict is False:
            return False
        if isinstance(verdict, Unknown):
            doubt = verdict
    return doubt if doubt is not None else True


def _term(term: Any, labels: dict[str, Any]) -> bool | Unknown:
    if isinstance(term, Unknown):
        return term
    if not isinstance(term, dict):
        return False
    operator: Any = term.get("operator")
    for part in (operator, term.get("key")):
        if isinstance(part, Unknown):
            return part
    value: Any = labels.get(term.get("key", ""))
    if operator in ("Exists", "DoesNotExist"):
        return bool((value is not None) == (operator == "Exists"))
    if isinstance(value, Unknown):
        return value
    listed = term.get("values")
    if isinstance(listed, Unknown):
        return listed
    if value not in (listed or ()):
        for each in listed or ():
            if isinstance(each, Unknown) and value is not None:
                return each
    inside = bool(value is not None and value in (listed or ()))
    if operator == "In":
        return inside
    return not inside if operator == "NotIn" else False


def _handle(selector: Any) -> tuple[str, str] | None:
    """One label that the selector certainly demands, to file it under."""
    if not isinstance(selector, dict):
        return None
    plain = not selector.keys() & _WORDS
    wanted = selector if plain else selector.get("matchLabels")
    for key, value in wanted.items() if isinstance(wanted, dict) else ():
        if isinstance(value, str):
            return key, value
    return None


class Selectors:
    """Objects with a selector, filed so that a pod finds those that select it."""

    def __init__(
        self,
        resources: Sequence[Resource],
        where: Sequence[Steps],
        scope_of: Callable[[Resource], object],
    ) -> None:
        self.scope_of = scope_of
        self.filed: dict[object, list[tuple[Resource, Any]]] = {}
        for resource in resources:
            for steps in where:
                for _, selector in paths.walk(resource.values, steps):
                    handle = _handle(selector)
                    key = (scope_of(resource), resource.namespace, handle)
                    # An empty map of labels (a Service's) selects nothing; an empty
                    # LabelSelector selects everything: the paths tell them apart.
                    if selector == {} and resource.kind == "Service":
                        continue
                    self.filed.setdefault(key, []).append((resource, selector))

    def selecting(self, mine: Resource) -> Answer:
        """The objects whose selector selects the pods of `mine`."""
        labels = labels_of(mine)
        scope = (self.scope_of(mine), mine.namespace)
        handles: list[tuple[str, str] | None] = [None]
        if isinstance(labels, dict):
            handles += [(key, value) for key, value in labels.items() if isinstance(value, str)]
            known = not any(isinstance(value, Unknown) for value in labels.values())
        else:
            known = False
        candidates = (
            [entry for handle in handles for entry in self.filed.get((*scope, handle), ())]
            if known
            else [entry for key, filed in self.filed.items() if key[:2] == scope for entry in filed]  # type: ignore[index]
        )
        return _sift(candidates, lambda selector: matches(selector, labels))


class Labelled:
    """Objects with labels, filed by each label, so that a selector finds what it selects."""

    def __init__(
        self, resources: Sequence[Resource], scope_of: Callable[[Resource], object]
    ) -> None:
        self.scope_of = scope_of
        self.filed: dict[object, list[tuple[Resource, Any]]] = {}
        for resource in resources:
            labels = labels_of(resource)
            scope = (scope_of(resource), resource.namespace)
            keys: list[object] = [None]
            if isinstance(labels, dict) and _all_text(labels):
                keys += labels.items()
            else:
                keys.append(UNSURE)
            for key in keys:
                self.filed.setdefault((*scope, key), []).append((resource, labels))

    def selected_by(self, mine: Resource, where: Sequence[Steps]) -> Answer:
        """What the selector of `mine` selects in its namespace."""
        found: list[Resource] = []
        rest: Unknown | None = None
        for steps in where:
            for _, selector in paths.walk(mine.values, steps):
                if isinstance(selector, Unknown):
                    rest = Unknown("relation", selector.origin)
                    continue
                if selector == {} and mine.kind == "Service":
                    continue
                scope = (self.scope_of(mine), mine.namespace)
                handle = _handle(selector)
                candidates = list(self.filed.get((*scope, handle), ()))
                if handle is not None:
                    candidates += self.filed.get((*scope, UNSURE), ())
                hits, doubt = _sift(candidates, partial(matches, selector))
                found += hits
                rest = rest or doubt
        return found, rest


def _all_text(labels: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in labels.values())


def _sift(
    candidates: Sequence[tuple[Resource, Any]], test: Callable[[Any], bool | Unknown]
) -> Answer:
    found: list[Resource] = []
    rest: Unknown | None = None
    for resource, value in candidates:
        verdict = test(value)
        if verdict is True:
            found.append(resource)
        elif isinstance(verdict, Unknown):
            rest = Unknown("relation", verdict.origin)
    return found, rest
