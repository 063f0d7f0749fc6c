"""The text of an expression with its variables under other names: the tree says where they stand.

The text itself is kept, so that an administrator reads in the policy what the author wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from assay.engine.cel import nodes
from assay.engine.cel.lexer import Token, tokens

# What a name (`a`, `a.b`, or `a.b()` for a call) is replaced with; None leaves it. It may raise, to
# refuse the expression.
Rename = Callable[[str], str | None]
Edit = tuple[int, int, str]


def rewritten(text: str, tree: Any, rename: Rename, start: int = 0, end: int | None = None) -> str:
    """text[start:end] with every free name that `rename` knows replaced, on one line."""
    edits = sorted(_edits(tree, rename, frozenset()))
    return _one_line(text, start, len(text) if end is None else end, edits)


def _edits(node: Any, rename: Rename, bound: frozenset[str]) -> Iterator[Edit]:
    if isinstance(node, nodes.Ident):
        yield from _edit(node, node.name, rename, bound)
        return
    if isinstance(node, nodes.Select) and isinstance(node.operand, nodes.Ident) and not node.test:
        owner = node.operand.name
        if owner not in bound and not node.optional:
            found = list(_edit(node, f"{owner}.{node.field}", rename, bound))
            if found:
                yield from found
                return
    if isinstance(node, nodes.Fold):
        yield from _edits(node.range, rename, bound)
        for part in node.body:
            yield from _edits(part, rename, bound | frozenset(node.names))
        return
    if isinstance(node, nodes.Call) and node.receiver is not None:
        full = f"{nodes.dotted(node.receiver)}.{node.name}"
        found = list(_edit(node, f"{full}()", rename, bound))
        if found:
            yield from found
            return
    for part in inner(node):
        yield from _edits(part, rename, bound)


def _edit(node: Any, name: str, rename: Rename, bound: frozenset[str]) -> Iterator[Edit]:
    if name.partition(".")[0] in bound:
        return
    wanted = rename(name)
    if wanted is not None:
        yield node.start, node.end, wanted


def inner(node: Any) -> tuple[Any, ...]:
    """The nodes directly inside a node."""
    if isinstance(node, nodes.Call):
        return (*((node.receiver,) if node.receiver is not None else ()), *node.args)
    if isinstance(node, nodes.Select):
        return (node.operand,)
    if isinstance(node, nodes.Index):
        return (node.operand, node.key)
    if isinstance(node, nodes.ListNode):
        return node.items
    if isinstance(node, nodes.MapNode):
        return tuple(part for key, value, _ in node.entries for part in (key, value))
    if isinstance(node, nodes.Fold):
        return (node.range, *node.body)
    return ()


def _one_line(text: str, start: int, end: int, edits: list[Edit]) -> str:
    """The tokens with one space where there was any, comments left out, edits put in."""
    parts: list[str] = []
    waiting = iter(edits)
    edit = next(waiting, None)
    before = start
    for token in _tokens(text):
        if token.start < max(start, before) or token.end > end or token.kind == "end":
            continue
        if token.start > before and parts:
            parts.append(" ")
        if edit is not None and token.start == edit[0]:
            parts.append(edit[2])
            before = edit[1]
            edit = next(waiting, None)
        else:
            parts.append(text[token.start : token.end])
            before = token.end
    return "".join(parts)


@lru_cache(maxsize=64)
def _tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text, of which the same few are asked many times."""
    return tuple(tokens(text))


def quoted(text: str) -> str:
    """A text as a literal of the language."""
    return json.dumps(text, ensure_ascii=False)


def literal(value: Any) -> str:
    """A parameter's value as a literal; a double keeps its point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return quoted(value) if isinstance(value, str) else repr(value)


def atom(expression: str, tree: Any) -> str:
    """The expression so that it can stand inside another one."""
    if isinstance(tree, (nodes.Ident, nodes.Literal, nodes.Select, nodes.Index, nodes.ListNode)):
        return expression
    if isinstance(tree, nodes.Fold) or (
        isinstance(tree, nodes.Call) and tree.name[:1].isalpha() and tree.name != "in"
    ):
        return expression
    return expression if _wrapped(expression) else f"({expression})"


def _wrapped(expression: str) -> bool:
    """Whether the first token is a bracket that the last one closes."""
    if not expression.startswith("("):
        return False
    depth = 0
    found = tokens(expression)[:-1]
    for token in found:
        depth += (token.value == "(") - (token.value == ")") if token.kind == "op" else 0
        if depth == 0:
            return token is found[-1]
    return False
