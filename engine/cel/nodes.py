"""The tree of an expression: frozen shapes with the offsets of the text they stand for."""

from __future__ import annotations

from typing import Any, NamedTuple


class Literal(NamedTuple):
    start: int
    end: int
    value: Any


class Ident(NamedTuple):
    start: int
    end: int
    name: str


class Select(NamedTuple):
    """operand.field; `test` for has(operand.field), `optional` for operand.?field."""

    start: int
    end: int
    operand: Any
    field: str
    test: bool = False
    optional: bool = False


class Index(NamedTuple):
    start: int
    end: int
    operand: Any
    key: Any
    optional: bool = False


class Call(NamedTuple):
    start: int
    end: int
    name: str
    receiver: Any
    args: tuple[Any, ...]
    at: int  # where the name stands


class ListNode(NamedTuple):
    start: int
    end: int
    items: tuple[Any, ...]
    optional: frozenset[int]


class MapNode(NamedTuple):
    start: int
    end: int
    entries: tuple[tuple[Any, Any, bool], ...]


class Fold(NamedTuple):
    """A comprehension: macro over `range` with one or two variables."""

    start: int
    end: int
    macro: str
    range: Any
    names: tuple[str, ...]
    body: tuple[Any, ...]


Node = Any


def dotted(node: Any) -> str:
    """`a.b.c` for a chain of plain selections, "" for anything else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        before = dotted(node.operand)
        return f"{before}.{node.field}" if before else ""
    return ""
