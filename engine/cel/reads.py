"""Which paths of its variables an expression reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.engine.cel import nodes

Path = tuple[str, ...]
Bound = dict[str, Path | None]


def reads(tree: Any, names: Sequence[str]) -> tuple[Path, ...]:
    """Every path, its variable first, each once, in the order of the text."""
    found: list[Path] = []
    _walk(tree, {name: (name,) for name in names}, found)
    return tuple(dict.fromkeys(found))


def _walk(node: Any, bound: Bound, found: list[Path]) -> None:
    path = _path(node, bound)
    if path is not None:
        found.append(path)
        if isinstance(node, nodes.Call):
            for part in node.args:
                _walk(part, bound, found)
        return
    if isinstance(node, nodes.Fold):
        _walk(node.range, bound, found)
        over = _path(node.range, bound)
        inner = dict(bound)
        for name in node.names:
            inner[name] = (*over, "[]") if over is not None else None
        for part in node.body:
            _walk(part, inner, found)
    elif isinstance(node, nodes.Call):
        for part in (*((node.receiver,) if node.receiver is not None else ()), *node.args):
            _walk(part, bound, found)
    elif isinstance(node, (nodes.Select, nodes.Index)):
        _walk(node.operand, bound, found)
        if isinstance(node, nodes.Index):
            _walk(node.key, bound, found)
    elif isinstance(node, nodes.ListNode):
        for part in node.items:
            _walk(part, bound, found)
    elif isinstance(node, nodes.MapNode):
        for key, value, _ in node.entries:
            _walk(key, bound, found)
            _walk(value, bound, found)


def _path(node: Any, bound: Bound) -> Path | None:
    """The path that a chain of selections reads, None for anything else."""
    if isinstance(node, nodes.Ident):
        return bound.get(node.name)
    if isinstance(node, nodes.Select):
        over = _path(node.operand, bound)
        return None if over is None else (*over, node.field)
    if isinstance(node, nodes.Index):
        over = _path(node.operand, bound)
        if over is None:
            return None
        if isinstance(node.key, nodes.Literal) and isinstance(node.key.value, str):
            return (*over, node.key.value)
        return (*over, "[]")
    if isinstance(node, nodes.Call) and node.name == "orValue" and node.receiver is not None:
        return _path(node.receiver, bound)
    return None
