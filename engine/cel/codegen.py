"""Tree → Python function that takes the short way: native code, right unless something fails.

Where CEL would absorb an error or meet an unknown, this raises instead, and the caller asks the
long way (precise.py). So `&&` is Python's `and`, `all` is Python's `all`, and a field is a
subscript.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from assay.engine.cel import nodes, shortcuts
from assay.engine.cel.functions import table
from assay.engine.cel.generated import Code, Recipe
from assay.engine.cel.precise import qualified_name, static_kind

CONSTANTS = (str, int, float, bool, type(None))
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


class UnsupportedError(Exception):
    """A node that only the long way evaluates."""


def generate(tree: Any, names: Sequence[str], extensions: Mapping[str, Any]) -> Code | None:
    """The code of a function of the variables, in order; None where only the long way will do."""
    emitter = _Emitter(names, extensions)
    try:
        body = emitter.emit(tree, {name: f"v_{name}" for name in names})
    except UnsupportedError:
        return None
    arguments = ast.arguments([], [ast.arg(f"v_{name}") for name in names], None, [], [], None, [])
    module = ast.Expression(ast.Lambda(arguments, body))
    try:
        with warnings.catch_warnings():
            # What Python finds odd (`1 is True`) is what the author of the expression wrote.
            warnings.simplefilter("ignore", SyntaxWarning)
            code = compile(_placed(module), "<cel>", "eval")
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        return None
    return Code(code, tuple(emitter.recipes))


def _placed(module: ast.Expression) -> ast.Expression:
    """The module with the places that compile() asks for; faster than ast's own way."""
    pending: list[Any] = [module.body]
    while pending:
        node = pending.pop()
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
        for field in node._fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                pending += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                pending.append(value)
    return module


class _Emitter:
    def __init__(self, names: Sequence[str], extensions: Mapping[str, Any]) -> None:
        self.names = names
        self.extensions = extensions
        self.recipes: list[Recipe] = []
        self.level = 0

    def emit(self, node: Any, bound: dict[str, str]) -> ast.expr:
        made: ast.expr = getattr(self, f"_{type(node).__name__.lower()}")(node, bound)
        return made

    def _literal(self, node: nodes.Literal, _: dict[str, str]) -> ast.expr:
        if type(node.value) not in CONSTANTS:
            raise UnsupportedError
        return ast.Constant(node.value)

    def _ident(self, node: nodes.Ident, bound: dict[str, str]) -> ast.expr:
        if node.name not in bound:
            raise UnsupportedError
        return ast.Name(bound[node.name], ast.Load())

    def _select(self, node: nodes.Select, bound: dict[str, str]) -> ast.expr:
        if node.optional:
            if node.test:
                raise UnsupportedError
            return self._helper("maybe", self.emit(node.operand, bound), ast.Constant(node.field))
        operand = self.emit(node.operand, bound)
        if node.test:
            return self._helper("has", operand, ast.Constant(node.field))
        if isinstance(operand, ast.Constant):
            raise UnsupportedError  # a field of a literal: an error, which the long way words
        return ast.Subscript(operand, ast.Constant(node.field), ast.Load())

    def _index(self, node: nodes.Index, bound: dict[str, str]) -> ast.expr:
        helper = "maybe" if node.optional else "index"
        return self._helper(helper, self.emit(node.operand, bound), self.emit(node.key, bound))

    def _listnode(self, node: nodes.ListNode, bound: dict[str, str]) -> ast.expr:
        if node.optional:
            raise UnsupportedError
        return ast.List([self.emit(item, bound) for item in node.items], ast.Load())

    def _mapnode(self, node: nodes.MapNode, bound: dict[str, str]) -> ast.expr:
        keys = [key.value for key, _, _ in node.entries if isinstance(key, nodes.Literal)]
        if len(keys) != len(node.entries) or any(optional for _, _, optional in node.entries):
            raise UnsupportedError
        if any(type(key) is not str for key in keys) or len(set(keys)) != len(keys):
            raise UnsupportedError
        values = [self.emit(value, bound) for _, value, _ in node.entries]
        return ast.Dict([ast.Constant(key) for key in keys], values)

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr:
        if node.receiver is None:
            plain = self._operator(node, bound)
            if plain is not None:
                return plain
        elif node.name == "orValue" and len(node.args) == 1:
            return self._or_value(node, bound)
        return self._function(node, bound)

    def _operator(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr | None:
        name, args = node.name, node.args
        if name in ("&&", "||"):
            kind: ast.boolop = ast.And() if name == "&&" else ast.Or()
            return ast.BoolOp(kind, [self._truth(part, bound) for part in args])
        if name == "?:":
            return ast.IfExp(
                self._truth(args[0], bound), self.emit(args[1], bound), self.emit(args[2], bound)
            )
        if name == "!":
            return ast.UnaryOp(ast.Not(), self._truth(args[0], bound))
        if name in ("==", "!="):
            return self._equal(node, bound)
        if name in COMPARISONS:
            return self._helper(COMPARISONS[name], *(self.emit(part, bound) for part in args))
        if name == "in":
            return self._member(node, bound)
        if name == "size" and len(args) == 1:
            return self._helper("size", self.emit(args[0], bound))
        if name in ("+", "-", "*", "/", "%"):
            helper = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}[name]
            return self._helper(helper, *(self.emit(part, bound) for part in args))
        if name == "dyn":
            return self.emit(args[0], bound)
        return None

    def _truth(self, node: Any, bound: dict[str, str]) -> ast.expr:
        """A bool, checked where the type is not plain to see."""
        made = self.emit(node, bound)
        return made if static_kind(node) == "bool" else self._helper("truth", made)

    def _equal(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr:
        """Native where one side is a text, a bool or null, for which Python means the same."""
        left, right = node.args
        if isinstance(left, nodes.Literal):
            left, right = right, left
        same = node.name == "=="
        if isinstance(right, nodes.Literal):
            other = self.emit(left, bound)
            value = right.value
            if type(value) is str:
                # The dialect's own text: everything else differs from it, an unknown may not.
                compare: ast.cmpop = ast.Eq() if same else ast.NotEq()
                return ast.Compare(other, [compare], [ast.Constant(value)])
            if (value is None or type(value) is bool) and not isinstance(other, ast.Constant):
                compare = ast.Is() if same else ast.IsNot()
                return ast.Compare(other, [compare], [ast.Constant(value)])
        made = self._helper("equal", self.emit(left, bound), self.emit(right, bound))
        return made if same else ast.UnaryOp(ast.Not(), made)

    def _member(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr:
        key, whole = node.args
        if isinstance(whole, nodes.ListNode) and all(
            isinstance(item, nodes.Literal) and type(item.value) is str for item in whole.items
        ):
            values: list[ast.expr] = [ast.Constant(item.value) for item in whole.items]
            return ast.Compare(self.emit(key, bound), [ast.In()], [ast.Tuple(values, ast.Load())])
        return self._helper("member", self.emit(key, bound), self.emit(whole, bound))

    def _or_value(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr:
        """`a.?b.?c.orValue(x)` in one step, without an optional in between."""
        receiver, default = node.receiver, node.args[0]
        constant = isinstance(default, nodes.Literal) or (
            isinstance(default, (nodes.ListNode, nodes.MapNode))
            and not (default.items if isinstance(default, nodes.ListNode) else default.entries)
        )
        other = self.emit(default, bound)
        if not constant:
            # What may fail or cost is asked for only where it is needed.
            nothing = ast.arguments([], [], None, [], [], None, [])
            other = ast.Lambda(nothing, other)
        late = "" if constant else "_late"
        base, fields = _chain(receiver)
        if not fields or _chains(base):
            return self._helper(f"or_value{late}", self.emit(receiver, bound), other)
        operand = self.emit(base, bound)
        if len(fields) == 1:
            return self._helper(f"get{late}", operand, ast.Constant(fields[0]), other)
        names: list[ast.expr] = [ast.Constant(field) for field in fields]
        return self._helper(f"chain{late}", operand, ast.Tuple(names, ast.Load()), other)

    def _function(self, node: nodes.Call, bound: dict[str, str]) -> ast.expr:
        full = qualified_name(node)
        parts: tuple[Any, ...]
        if full is not None and full in self.extensions and full.split(".")[0] not in bound:
            arguments = [self.emit(part, bound) for part in node.args]
            return self._recipe(("x", full, False, len(arguments)), arguments)
        dotted = node.receiver is not None and full is not None and (full, False) in table()
        if dotted and full is not None and full.partition(".")[0] not in bound:
            return self._dispatched(full, False, node.args, bound)
        method = node.receiver is not None
        parts = (node.receiver, *node.args) if method else node.args
        if method and node.name in shortcuts.TEXTS and len(parts) == 2:
            return self._helper(shortcuts.TEXTS[node.name], *(self.emit(p, bound) for p in parts))
        return self._dispatched(node.name, method, parts, bound)

    def _dispatched(
        self, name: str, method: bool, parts: Sequence[Any], bound: dict[str, str]
    ) -> ast.expr:
        forms = tuple(
            form
            for form in table().get((name, method), ())
            if len(form.parameters) == len(parts) - method
        )
        if not forms:
            raise UnsupportedError
        arguments = [self.emit(part, bound) for part in parts]
        return self._recipe(("f", name, method, len(parts)), arguments)

    def _recipe(self, recipe: Recipe, arguments: Sequence[ast.expr]) -> ast.expr:
        if recipe not in self.recipes:
            self.recipes.append(recipe)
        return self._helper(f"f_{self.recipes.index(recipe)}", *arguments)

    # -- comprehensions ------------------------------------------------------------------------

    def _fold(self, node: nodes.Fold, bound: dict[str, str]) -> ast.expr:
        if len(node.names) != 1 or node.macro not in (
            "all",
            "exists",
            "filter",
            "map",
            "exists_one",
        ):
            raise UnsupportedError
        nested = any(name.startswith("b") for name in bound.values())
        helper = "inner_range" if nested else "range_"
        self.level += 1
        name = f"b{self.level}_{node.names[0]}"
        inner = {**bound, node.names[0]: name}
        source = self._helper(helper, self.emit(node.range, bound))
        target = ast.Name(name, ast.Store())
        each = ast.Name(name, ast.Load())

        def over(*tests: ast.expr) -> list[ast.comprehension]:
            return [ast.comprehension(target, source, list(tests), 0)]

        if node.macro in ("all", "exists"):
            body = self._truth(node.body[0], inner)
            word = "all_" if node.macro == "all" else "any_"
            return self._helper(word, ast.GeneratorExp(body, over()))
        if node.macro == "exists_one":
            found = ast.ListComp(ast.Constant(1), over(self._truth(node.body[0], inner)))
            return ast.Compare(self._helper("len_", found), [ast.Eq()], [ast.Constant(1)])
        if node.macro == "filter":
            return ast.ListComp(each, over(self._truth(node.body[0], inner)))
        tests = [self._truth(node.body[0], inner)] if len(node.body) == 2 else []
        return ast.ListComp(self.emit(node.body[-1], inner), over(*tests))

    def _helper(self, name: str, *args: ast.expr) -> ast.expr:
        return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _chain(node: Any) -> tuple[Any, tuple[str, ...]]:
    """The base of `base.?a.b.?c` and the fields; no fields where it is no such chain."""
    fields: list[str] = []
    last = 0
    while isinstance(node, nodes.Select) and not node.test:
        fields.append(node.field)
        if node.optional:
            last = len(fields)
        node = node.operand
        if last == len(fields) and not _chains(node):
            break
    if not last or last != len(fields):
        return node, ()
    return node, tuple(reversed(fields))


def _chains(node: Any) -> bool:
    """Whether a select stands on an optional itself: `a.?b.c`."""
    while isinstance(node, (nodes.Select, nodes.Index)):
        if node.optional:
            return True
        node = node.operand
    return False
