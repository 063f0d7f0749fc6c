"""The names that an expression refers to, read off its nodes without evaluating anything."""

from __future__ import annotations

from collections.abc import Iterator

from assay.engine.terraform.syntax import (
    Binary,
    Call,
    Conditional,
    DottedKey,
    For,
    GetAttr,
    Index,
    Joined,
    Node,
    Object,
    Parenthesised,
    Splat,
    Template,
    Traversal,
    Tuple,
    Unary,
    Wrapped,
)


def names(node: Node) -> Iterator[Traversal]:
    """Every reference in the expression, in the order of the text; names of `for` are left out."""
    return _names(node, frozenset())


def _names(node: Node, bound: frozenset[str]) -> Iterator[Traversal]:
    if isinstance(node, Traversal):
        if node.root not in bound:
            yield node
        return
    if isinstance(node, For):
        yield from _names(node.source, bound)
        inner = bound | {node.value_name} | ({node.key_name} if node.key_name else set())
        for part in (node.key, node.value, node.condition):
            if part is not None:
                yield from _names(part, inner)
        return
    for part in children(node):
        yield from _names(part, bound)


def children(node: Node) -> Iterator[Node]:
    """The expressions directly inside an expression."""
    for attribute in _CHILDREN.get(node.__class__, ()):
        value = getattr(node, attribute)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for part in value:
                if isinstance(part, Node):
                    yield part
                else:
                    yield from part


_CHILDREN: dict[type[Node], tuple[str, ...]] = {
    GetAttr: ("source",),
    Index: ("source", "key"),
    Splat: ("source", "each"),
    Call: ("arguments",),
    Unary: ("operand",),
    Binary: ("left", "right"),
    Conditional: ("condition", "yes", "no"),
    Tuple: ("elements",),
    Object: ("items",),
    For: ("source", "key", "value", "condition"),
    Template: ("parts",),
    Wrapped: ("inner",),
    Parenthesised: ("inner",),
    DottedKey: (),
    Joined: ("inner",),
}
