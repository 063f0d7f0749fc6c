"""Values without their secrets: what messages, explanations and reports may show."""

from __future__ import annotations

from typing import Any

from assay.engine.model import Path, Resource

HIDDEN = "(sensitive)"


def redacted(resource: Resource) -> dict[str, Any]:
    """The resource's values with every sensitive one replaced; the same object if there is none."""
    if not resource.sensitive:
        return resource.values
    return redact(resource.values, resource.sensitive)


def redact(values: dict[str, Any], sensitive: frozenset[Path]) -> dict[str, Any]:
    """A copy of the values in which what lies at the given paths is replaced."""
    tree: dict[Any, Any] = {}
    for path in sensitive:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
        branch[None] = True
    copied: dict[str, Any] = _copy(values, tree)
    return copied


def _copy(value: Any, tree: dict[Any, Any]) -> Any:
    if None in tree:
        return HIDDEN
    if not tree:
        return value
    if isinstance(value, dict):
        return {key: _copy(inner, tree.get(key, {})) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner, tree.get(number, {})) for number, inner in enumerate(value)]
    return value
