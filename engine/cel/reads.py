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
    else:
        for part in _parts(node):
            _walk(part, bound, found)


def _parts(node: Any) -> tuple[Any, ...]:
    """The nodes directly inside a node."""
    if isinstance(node, nodes.Call):
        return (*((node.receiver,) if node.receiver is not None else ()), *node.args)
    if isinstance(node, nodes.Index):
        return (node.operand, node.key)
    if isinstance(node, nodes.Select):
        return (node.operand,)
    if isinstance(node, nodes.ListNode):
        return node.items
    if isinstance(node, nodes.MapNode):
        return tuple(part for key, value, _ in node.entries for part in (key, value))
    return ()


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
