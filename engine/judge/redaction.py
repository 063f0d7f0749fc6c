"""Values without their secrets: what messages, explanations and reports may show."""

from __future__ import annotations

from typing import Any

from assay.engine.cel.extensions import secrets
from assay.engine.judge.literals import name_of, secret_paths
from assay.engine.model import Path, Resource

HIDDEN = "(sensitive)"


def redacted(resource: Resource, written: bool = False) -> dict[str, Any]:
    """The resource's values with every sensitive one replaced; the same object if there is none.

    With `written`, texts that are secrets by their form or their name are replaced too.
    """
    paths = secret_paths(resource) if written else resource.sensitive
    return redact(resource.values, paths) if paths else resource.values


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


def _copy(value: Any, tree: dict[Any, Any], name: str = "") -> Any:
    if None in tree:
        secret = isinstance(value, str) and secrets.kind(name, value)
        return f"(secret: {secrets.mark(name, value)})" if secret else HIDDEN
    if not tree:
        return value
    if isinstance(value, dict):
        return {
            key: _copy(inner, tree.get(key, {}), name_of(value, key, ()))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_copy(inner, tree.get(number, {})) for number, inner in enumerate(value)]
    return value
