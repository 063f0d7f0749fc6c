"""Tree → Python function that takes the short way: native code, right unless something fails.

Where CEL would absorb an error or meet an unknown, this raises instead, and the caller asks the
long way (precise.py). So `&&` is Python's `and`, `all` is Python's `all`, and a field is a
subscript. The code is written as text, which Python compiles in half the time that a tree of its
`ast` takes; every piece is a name, a call, a subscript or in parentheses.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from assay.engine.cel import nodes, shortcuts
from assay.engine.cel.functions import table
from assay.engine.cel.generated import Code, Recipe
from assay.engine.cel.precise import qualified_name, static_kind

CONSTANTS = (str, int, float, bool, type(None))
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
FOLDS = frozenset({"all", "exists", "filter", "map", "exists_one"})


class UnsupportedError(Exception):
    """A node that only the long way evaluates."""


def generate(tree: Any, names: Sequence[str], extensions: Mapping[str, Any]) -> Code | None:
    """The code of a function of the variables, in order; None where only the long way will do."""
    emitter = _Emitter(names, extensions)
    try:
        body = emitter.emit(tree, {name: f"v_{name}" for name in names})
    except UnsupportedError:
        return None
    if emitter.nested:
        body = f"(begin_() or {body})"  # rounds are counted anew
    arguments = ", ".join([f"v_{name}" for name in names])
    try:
        with warnings.catch_warnings():
            # What Python finds odd (`1 is True`) is what the author of the expression wrote.
            warnings.simplefilter("ignore", SyntaxWarning)
            code = compile(f"lambda {arguments}: {body}", "<cel>", "eval")
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        return None
    return Code(code, tuple(emitter.recipes))


class _Emitter:
    def __init__(self, names: Sequence[str], extensions: Mapping[str, Any]) -> None:
        self.names = names
        self.extensions = extensions
        self.recipes: list[Recipe] = []
        self.level = 0
        self.nested = False  # whether a comprehension stands in the body of another

    def emit(self, node: Any, bound: dict[str, str]) -> str:
        """The text of a node."""
        made: str = _EMIT[type(node)](self, node, bound)
        return made

    def literal(self, node: nodes.Literal, _: dict[str, str]) -> str:
        if type(node.value) not in CONSTANTS:
            raise UnsupportedError
        return repr(node.value) if type(node.value) is str else f"({node.value!r})"

    def ident(self, node: nodes.Ident, bound: dict[str, str]) -> str:
        name = bound.get(node.name)
        if name is None:
            raise UnsupportedError
        return name

    def select(self, node: nodes.Select, bound: dict[str, str]) -> str:
        if node.optional:
            if node.test:
                raise UnsupportedError
            return f"maybe({self.emit(node.operand, bound)}, {node.field!r})"
        operand = self.emit(node.operand, bound)
        if node.test:
            return f"has({operand}, {node.field!r})"
        if _constant(node.operand):
            raise UnsupportedError  # a field of a literal: an error, which the long way words
        return f"{operand}[{node.field!r}]"

    def index(self, node: nodes.Index, bound: dict[str, str]) -> str:
        helper = "maybe" if node.optional else "index"
        return f"{helper}({self.emit(node.operand, bound)}, {self.emit(node.key, bound)})"

    def list_node(self, node: nodes.ListNode, bound: dict[str, str]) -> str:
        if node.optional:
            raise UnsupportedError
        return f"[{self.all_of(node.items, bound)}]"

    def map_node(self, node: nodes.MapNode, bound: dict[str, str]) -> str:
        keys = [key.value for key, _, _ in node.entries if isinstance(key, nodes.Literal)]
        if len(keys) != len(node.entries) or any(optional for _, _, optional in node.entries):
            raise UnsupportedError
        if any(type(key) is not str for key in keys) or len(set(keys)) != len(keys):
            raise UnsupportedError
        values = [self.emit(value, bound) for _, value, _ in node.entries]
        pairs = [f"{key!r}: {value}" for key, value in zip(keys, values, strict=True)]
        return "{" + ", ".join(pairs) + "}"

    def all_of(self, parts: Sequence[Any], bound: dict[str, str]) -> str:
        """Several nodes as arguments."""
        return ", ".join([self.emit(part, bound) for part in parts])

    # -- calls ---------------------------------------------------------------------------------

    def call(self, node: nodes.Call, bound: dict[str, str]) -> str:
        if node.receiver is None:
            plain = self.operator(node, bound)
            if plain is not None:
                return plain
        elif node.name == "orValue" and len(node.args) == 1:
            return self.or_value(node, bound)
        return self.function(node, bound)

    def operator(self, node: nodes.Call, bound: dict[str, str]) -> str | None:
        name, args = node.name, node.args
        if name in ("&&", "||"):
            word = " and " if name == "&&" else " or "
            return f"({word.join([self.truth(part, bound) for part in args])})"
        if name == "?:":
            test = self.truth(args[0], bound)
            return f"({self.emit(args[1], bound)} if {test} else {self.emit(args[2], bound)})"
        if name == "!":
            return f"(not {self.truth(args[0], bound)})"
        if name in ("==", "!="):
            return self.equal(node, bound)
        if name == "in":
            return self.member(node, bound)
        if name == "size" and len(args) == 1:
            return f"size({self.emit(args[0], bound)})"
        if name == "dyn":
            return self.emit(args[0], bound)
        helper = COMPARISONS.get(name) or ARITHMETIC.get(name)
        return None if helper is None else f"{helper}({self.all_of(args, bound)})"

    def truth(self, node: Any, bound: dict[str, str]) -> str:
        """A bool, checked where the type is not plain to see."""
        made = self.emit(node, bound)
        return made if static_kind(node) == "bool" else f"truth({made})"

    def equal(self, node: nodes.Call, bound: dict[str, str]) -> str:
        """Native where one side is a text, a bool or null, for which Python means the same."""
        left, right = node.args
        if isinstance(left, nodes.Literal):
            left, right = right, left
        same = node.name == "=="
        if isinstance(right, nodes.Literal):
            value = right.value
            if type(value) is str:
                # The dialect's own text: everything else differs from it, an unknown may not.
                return f"({self.emit(left, bound)} {'==' if same else '!='} {value!r})"
            if (value is None or type(value) is bool) and not _constant(left):
                return f"({self.emit(left, bound)} {'is' if same else 'is not'} {value!r})"
        made = f"equal({self.emit(left, bound)}, {self.emit(right, bound)})"
        return made if same else f"(not {made})"

    def member(self, node: nodes.Call, bound: dict[str, str]) -> str:
        key, whole = node.args
        if isinstance(whole, nodes.ListNode) and all(
            isinstance(item, nodes.Literal) and type(item.value) is str for item in whole.items
        ):
            values = "".join([f"{item.value!r}, " for item in whole.items])
            return f"({self.emit(key, bound)} in ({values}))"
        return f"member({self.emit(key, bound)}, {self.emit(whole, bound)})"

    def or_value(self, node: nodes.Call, bound: dict[str, str]) -> str:
        """`a.?b.?c.orValue(x)` in one step, without an optional in between."""
        receiver, default = node.receiver, node.args[0]
        constant = isinstance(default, nodes.Literal) or (
            isinstance(default, (nodes.ListNode, nodes.MapNode))
            and not (default.items if isinstance(default, nodes.ListNode) else default.entries)
        )
        other = self.emit(default, bound)
        if not constant:
            # What may fail or cost is asked for only where it is needed.
            other = f"lambda: {other}"
        late = "" if constant else "_late"
        base, fields = _chain(receiver)
        if not fields or _chains(base):
            return f"or_value{late}({self.emit(receiver, bound)}, {other})"
        operand = self.emit(base, bound)
        if len(fields) == 1:
            return f"get{late}({operand}, {fields[0]!r}, {other})"
        return f"chain{late}({operand}, {fields!r}, {other})"

    def function(self, node: nodes.Call, bound: dict[str, str]) -> str:
        full = qualified_name(node)
        parts: tuple[Any, ...]
        if full is not None and full in self.extensions and full.split(".")[0] not in bound:
            return self.recipe(("x", full, False, len(node.args)), self.all_of(node.args, bound))
        dotted = node.receiver is not None and full is not None and (full, False) in table()
        if dotted and full is not None and full.partition(".")[0] not in bound:
            return self.dispatched(full, False, node.args, bound)
        method = node.receiver is not None
        parts = (node.receiver, *node.args) if method else node.args
        if method and node.name in shortcuts.TEXTS and len(parts) == 2:
            return f"{shortcuts.TEXTS[node.name]}({self.all_of(parts, bound)})"
        return self.dispatched(node.name, method, parts, bound)

    def dispatched(
        self, name: str, method: bool, parts: Sequence[Any], bound: dict[str, str]
    ) -> str:
        if not any(
            len(form.parameters) == len(parts) - method for form in table().get((name, method), ())
        ):
            raise UnsupportedError
        return self.recipe(("f", name, method, len(parts)), self.all_of(parts, bound))

    def recipe(self, recipe: Recipe, arguments: str) -> str:
        if recipe not in self.recipes:
            self.recipes.append(recipe)
        return f"f_{self.recipes.index(recipe)}({arguments})"

    # -- comprehensions ------------------------------------------------------------------------

    def fold(self, node: nodes.Fold, bound: dict[str, str]) -> str:
        if len(node.names) != 1 or node.macro not in FOLDS:
            raise UnsupportedError
        helper = "range_"
        if any(name.startswith("b") for name in bound.values()):
            helper = "inner_range"
            self.nested = True
        self.level += 1
        name = f"b{self.level}_{node.names[0]}"
        inner = {**bound, node.names[0]: name}
        over = f"for {name} in {helper}({self.emit(node.range, bound)})"
        if node.macro in ("all", "exists"):
            word = "all_" if node.macro == "all" else "any_"
            return f"{word}({self.truth(node.body[0], inner)} {over})"
        if node.macro == "exists_one":
            return f"(len_([1 {over} if {self.truth(node.body[0], inner)}]) == 1)"
        if node.macro == "filter":
            return f"[{name} {over} if {self.truth(node.body[0], inner)}]"
        test = f" if {self.truth(node.body[0], inner)}" if len(node.body) == 2 else ""
        return f"[{self.emit(node.body[-1], inner)} {over}{test}]"


_EMIT: dict[type, Any] = {
    nodes.Literal: _Emitter.literal,
    nodes.Ident: _Emitter.ident,
    nodes.Select: _Emitter.select,
    nodes.Index: _Emitter.index,
    nodes.ListNode: _Emitter.list_node,
    nodes.MapNode: _Emitter.map_node,
    nodes.Call: _Emitter.call,
    nodes.Fold: _Emitter.fold,
}


def _constant(node: Any) -> bool:
    """Whether it becomes a literal of Python's."""
    while isinstance(node, nodes.Call) and node.name == "dyn" and node.receiver is None:
        node = node.args[0]
    return isinstance(node, nodes.Literal)


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
