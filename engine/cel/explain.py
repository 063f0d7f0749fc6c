"""Why an expression is what it is: every part of it with its value, as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from assay.engine.cel import nodes
from assay.engine.cel.macros import elements
from assay.engine.cel.precise import Compiler
from assay.engine.cel.program import Program
from assay.engine.cel.values import CelError
from assay.engine.model import Incomplete, Unknown

MAX_ELEMENTS = 20  # of a comprehension; more are counted
MAX_DEPTH = 40


class Part(NamedTuple):
    """One part of an expression.

    text     as it was written
    value    what it gives; an Unknown where that is not known
    error    why it gives nothing, else ""
    path     the path that it reads, its variable first, where it is a plain read
    binding  the element that a comprehension's variable stood for, as text, else ""
    """

    text: str
    value: Any
    error: str
    path: tuple[str | int, ...]
    parts: tuple[Part, ...]
    binding: str = ""


def explain(program: Program, args: Sequence[Any]) -> Part:
    """The tree of a program's parts over the values of its variables."""
    names = program.environment.variables
    compiler = Compiler(program.environment.extensions, names)
    env = dict(zip(names, args, strict=True))
    return _Explainer(program.text.text, compiler).part(program.tree, env, frozenset(), 0)


class _Explainer:
    def __init__(self, text: str, compiler: Compiler) -> None:
        self.text = text
        self.compiler = compiler

    def part(self, node: Any, env: dict[str, Any], bound: frozenset[str], depth: int) -> Part:
        value, error = self.value(node, env, bound)
        parts: tuple[Part, ...] = ()
        if depth < MAX_DEPTH:
            if isinstance(node, nodes.Fold):
                parts = self.elements(node, env, bound, depth)
            else:
                parts = tuple(
                    self.part(inner, env, bound, depth + 1)
                    for inner in _inner(node)
                    if not isinstance(inner, nodes.Literal) and _names_a_value(inner, env)
                )
        written = " ".join(self.text[node.start : node.end].split())
        return Part(written, value, error, _path(node, bound), parts)

    def value(self, node: Any, env: dict[str, Any], bound: frozenset[str]) -> tuple[Any, str]:
        try:
            return self.compiler.compile(node, bound)(env), ""
        except CelError as error:
            return None, error.message

    def elements(
        self, node: nodes.Fold, env: dict[str, Any], bound: frozenset[str], depth: int
    ) -> tuple[Part, ...]:
        """What a comprehension runs over, and its body for each element."""
        found = [self.part(node.range, env, bound, depth + 1)]
        over = found[0].value
        if found[0].error or not isinstance(over, (list, dict)) or not node.body:
            return tuple(found)
        inner = bound | set(node.names)
        pairs = elements(over, len(node.names), node.macro)
        for given in pairs[:MAX_ELEMENTS]:
            scope = {**env, **dict(zip(node.names, given, strict=True))}
            binding = ", ".join(
                f"{name} = {shown(value)}" for name, value in zip(node.names, given, strict=True)
            )
            part = self.part(node.body[-1], scope, inner, depth + 1)
            found.append(part._replace(binding=binding))
        if len(pairs) > MAX_ELEMENTS:
            left = f"{len(pairs) - MAX_ELEMENTS} more elements"
            found.append(Part(left, None, "not shown", (), ()))
        return tuple(found)


def _inner(node: Any) -> tuple[Any, ...]:
    """The parts worth showing: those of a plain read are the read itself."""
    if isinstance(node, nodes.Call):
        return (*((node.receiver,) if node.receiver is not None else ()), *node.args)
    if isinstance(node, (nodes.Select, nodes.Index)) and not _plain(node):
        return (node.operand,)
    if isinstance(node, nodes.ListNode):
        return node.items
    if isinstance(node, nodes.MapNode):
        return tuple(value for _, value, _ in node.entries)
    return ()


def _names_a_value(node: Any, env: dict[str, Any]) -> bool:
    """Whether it is no namespace: the `cidrs` of cidrs.covers() is none of the variables."""
    return not _plain(node) or _root(node) in env


def _root(node: Any) -> str:
    while not isinstance(node, nodes.Ident):
        node = node.operand
    return node.name


def _plain(node: Any) -> bool:
    while isinstance(node, (nodes.Select, nodes.Index)):
        node = node.operand
    return isinstance(node, nodes.Ident)


def _path(node: Any, bound: frozenset[str]) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    while not isinstance(node, nodes.Ident):
        if isinstance(node, nodes.Select):
            steps.append(node.field)
        elif isinstance(node, nodes.Index) and isinstance(node.key, nodes.Literal):
            steps.append(node.key.value)
        else:
            return ()
        node = node.operand
    return () if node.name in bound else (node.name, *reversed(steps))


def shown(value: Any, limit: int = 100) -> str:
    """A value on one line, cut to a readable length."""
    text = _text(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _text(value: Any, depth: int = 0) -> str:
    from assay.engine.cel.values import Optional

    if isinstance(value, Unknown):
        return f"unknown ({value.origin}, {value.cause})"
    if isinstance(value, Optional):
        return f"optional({_text(value.value, depth)})" if value.present else "optional.none()"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if depth > 3:
        return "…"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_text(v, depth + 1)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        more = ["… and perhaps more"] if isinstance(value, Incomplete) else []
        return "[" + ", ".join([*(_text(each, depth + 1) for each in value), *more]) + "]"
    return str(value)
