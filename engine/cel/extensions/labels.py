"""labels.selects: whether a Kubernetes selector selects an object with the given labels.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

from typing import Any

from assay.engine.model import Incomplete, Unknown


def selects(selector: Any, labels: Any) -> Any:
    """A LabelSelector (matchLabels, matchExpressions) or a plain map of labels, over labels.

    As in the API an empty selector selects everything and an absent one (null) nothing; absent
    labels are none. True, false, or the unknown that decides. Raises ValueError for an operator
    that Kubernetes does not have.
    """
    if selector is None:
        return False
    if isinstance(selector, Unknown):
        return selector
    if not isinstance(selector, dict):
        raise TypeError("labels.selects takes a selector")
    doubt: Unknown | None = None
    for requirement in _requirements(selector):
        found = requirement if isinstance(requirement, Unknown) else _met(requirement, labels)
        if found is False:
            return False
        if isinstance(found, Unknown):
            doubt = found if doubt is None else doubt
    return True if doubt is None else doubt


def _requirements(selector: dict[str, Any]) -> list[Any]:
    """(key, operator, values) of each requirement; an Unknown stands for what is not known."""
    written = selector.get("matchLabels")
    expressions = selector.get("matchExpressions")
    if isinstance(written, str) or not {"matchLabels", "matchExpressions"} & selector.keys():
        return [(key, "In", [value]) for key, value in selector.items()]
    requirements: list[Any] = []
    if isinstance(written, Unknown):
        requirements.append(written)
    elif written:
        requirements += [(key, "In", [value]) for key, value in written.items()]
    if isinstance(expressions, Unknown):
        requirements.append(expressions)
    elif expressions is not None:
        for one in expressions:
            known = one if isinstance(one, Unknown) else _expression(one)
            requirements.append(known)
        if isinstance(expressions, Incomplete):
            requirements.append(expressions.rest)
    return requirements


def _expression(written: Any) -> Any:
    key, operator = written.get("key"), written.get("operator")
    for part in (key, operator):
        if isinstance(part, Unknown):
            return part
    values = written.get("values")
    return key, operator, [] if values is None else values


def _met(requirement: tuple[Any, Any, Any], labels: Any) -> Any:
    key, operator, values = requirement
    if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        raise ValueError(f"unknown operator in a selector: {operator!r}")
    if isinstance(labels, Unknown):
        return labels
    found = None if labels is None else labels.get(key)
    if operator in ("Exists", "DoesNotExist"):
        present = _present(found)
        return present if isinstance(present, Unknown) else present is (operator == "Exists")
    inside = False if found is None else _among(found, values)
    if isinstance(inside, Unknown):
        return inside
    return inside if operator == "In" else not inside


def _present(found: Any) -> Any:
    if isinstance(found, Unknown):
        return True if found.not_null else found
    return found is not None


def _among(found: Any, values: Any) -> Any:
    """Whether a label's value is one of the values; an unknown where that cannot be told."""
    if isinstance(values, Unknown):
        return values
    doubt = values.rest if isinstance(values, Incomplete) else None
    for value in values:
        same = _same(found, value)
        if same is True:
            return True
        if same is not False:
            doubt = same if doubt is None else doubt
    return False if doubt is None else doubt


def _same(one: Any, two: Any) -> Any:
    if isinstance(one, Unknown) and isinstance(two, Unknown):
        if one.identity is not None and one.identity == two.identity:
            return True
        apart = (
            one.family is not None and one.family == two.family and one.identity and two.identity
        )
        return False if apart else one
    if isinstance(two, Unknown):
        one, two = two, one
    if isinstance(one, Unknown):
        if not isinstance(two, str):
            return one
        fits = two.startswith(one.prefix) and two.endswith(one.suffix) and len(two) >= one.least
        return one if fits else False
    return bool(one == two)
