"""Which reads of an expression nothing guards: they fail where the field is absent.

A read is guarded where the expression cannot depend on it unless the field is there: by has(),
`?.`, or a default, in the same `&&`, `||` or `?:`. Since CEL absorbs errors on either side, the
order of operands does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.engine.cel import nodes

Path = tuple[str, ...]
Known = frozenset[Path]


class Read(NamedTuple):
    """A read of a path that is not guarded, at text[start:end]."""

    path: Path
    start: int
    end: int


def unguarded(tree: Any, variables: frozenset[str], given: Any = None) -> tuple[Read, ...]:
    """The reads below the given variables that nothing guards, each place once.

    `given` is the tree of a condition that held before the expression is asked (`when`).
    """
    bound: dict[str, Path] = {name: (name,) for name in variables}
    known = frozenset[Path]() if given is None else _facts(given, True, bound)
    return tuple(dict.fromkeys(_walk(tree, known, bound)))


def _walk(node: Any, known: Known, bound: dict[str, Path]) -> Iterator[Read]:
    if isinstance(node, nodes.Select):
        path = _path(node, bound)
        plain = not node.test and not node.optional
        if path is not None and plain and path not in known:
            yield Read(path, node.start, node.end)
        yield from _walk(node.operand, known, bound)
    elif isinstance(node, nodes.Fold):
        yield from _fold(node, known, bound)
    elif isinstance(node, nodes.Call):
        yield from _call(node, known, bound)
    elif isinstance(node, nodes.Index):
        yield from _walk(node.operand, known, bound)
        yield from _walk(node.key, known, bound)
    elif isinstance(node, nodes.ListNode):
        for item in node.items:
            yield from _walk(item, known, bound)
    elif isinstance(node, nodes.MapNode):
        for key, value, _ in node.entries:
            yield from _walk(key, known, bound)
            yield from _walk(value, known, bound)


def _call(node: nodes.Call, known: Known, bound: dict[str, Path]) -> Iterator[Read]:
    if node.receiver is None and node.name in ("&&", "||"):
        # An operand matters only where the others do not decide: all true, or all false.
        for part in node.args:
            others = (other for other in node.args if other is not part)
            facts = frozenset[Path]().union(
                *(_facts(other, node.name == "&&", bound) for other in others)
            )
            yield from _walk(part, known | facts, bound)
        return
    if node.receiver is None and node.name == "?:":
        test, yes, no = node.args
        yield from _walk(test, known, bound)
        yield from _walk(yes, known | _facts(test, True, bound), bound)
        yield from _walk(no, known | _facts(test, False, bound), bound)
        return
    for part in (*((node.receiver,) if node.receiver is not None else ()), *node.args):
        yield from _walk(part, known, bound)


def _fold(node: nodes.Fold, known: Known, bound: dict[str, Path]) -> Iterator[Read]:
    yield from _walk(node.range, known, bound)
    over = _path(node.range, bound)
    inner = {name: path for name, path in bound.items() if name not in node.names}
    if over is not None:
        inner[node.names[-1]] = (*over, "[]")
        known |= _prefixes(over)  # where there is an element, there is what holds it
    for number, part in enumerate(node.body):
        # `map(x, test, value)`: the value is asked for only where the test holds.
        facts = _facts(node.body[0], True, inner) if number else frozenset[Path]()
        yield from _walk(part, known | facts, inner)


def _facts(node: Any, truth: bool, bound: dict[str, Path]) -> Known:
    """The paths that are certainly there where the node is true (or false)."""
    if isinstance(node, nodes.Select) and node.test and truth:
        path = _path(node, bound)
        return frozenset() if path is None else _prefixes(path)
    if isinstance(node, nodes.Call) and node.receiver is None:
        if node.name == "!":
            return _facts(node.args[0], not truth, bound)
        if node.name == ("&&" if truth else "||"):
            return frozenset[Path]().union(*(_facts(part, truth, bound) for part in node.args))
        if node.name in (">", ">=") and truth:
            return _not_empty(node, bound)
        if node.name == "in" and truth and isinstance(node.args[0], nodes.Literal):
            over = _path(node.args[1], bound)
            if over is not None and isinstance(node.args[0].value, str):
                return frozenset({(*over, node.args[0].value)})
    return frozenset()


def _not_empty(node: nodes.Call, bound: dict[str, Path]) -> Known:
    """`size(x) > 0` holds only where x is there, even with a default that is empty."""
    call, least = node.args
    if not isinstance(call, nodes.Call) or call.name != "size" or len(call.args) != 1:
        return frozenset()
    if not isinstance(least, nodes.Literal) or not isinstance(least.value, int):
        return frozenset()
    path = _path(call.args[0], bound)
    enough = least.value >= (1 if node.name == ">=" else 0)
    return _prefixes(path) if path is not None and enough else frozenset()


def _prefixes(path: Path) -> Known:
    """A path and all above it: what is there has its parents."""
    return frozenset(path[:length] for length in range(2, len(path) + 1))


def _path(node: Any, bound: dict[str, Path]) -> Path | None:
    """The path of a chain of reads; one through `?.` or a default is its own guard: None."""
    if isinstance(node, nodes.Ident):
        return bound.get(node.name)
    if isinstance(node, nodes.Select):
        over = _path(node.operand, bound)
        return None if over is None or node.optional else (*over, node.field)
    if isinstance(node, nodes.Index):
        over = _path(node.operand, bound)
        if over is None or node.optional:
            return None
        if isinstance(node.key, nodes.Literal) and isinstance(node.key.value, str):
            return (*over, node.key.value)
        return (*over, "[]")
    if isinstance(node, nodes.Call) and node.name == "orValue" and node.receiver is not None:
        inner = node.receiver
        if isinstance(inner, nodes.Select) and inner.optional:
            over = _path(inner.operand, bound)
            return None if over is None else (*over, inner.field)
    return None
