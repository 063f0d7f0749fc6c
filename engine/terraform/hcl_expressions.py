"""HCL expressions → nodes, by recursive descent over the Scanner."""

from __future__ import annotations

from collections.abc import Callable

from assay.engine.terraform import hcl_templates
from assay.engine.terraform.numbers import parse as parse_number
from assay.engine.terraform.scanner import BREAKS, SPACES, Scanner
from assay.engine.terraform.syntax import (
    Binary,
    Call,
    Conditional,
    DottedKey,
    For,
    GetAttr,
    Index,
    Item,
    Literal,
    Node,
    Object,
    Parenthesised,
    Splat,
    Traversal,
    Tuple,
    Unary,
)
from assay.engine.terraform.types import NUMBER
from assay.engine.terraform.values import FALSE, NULL, TRUE, Value, string

LEVELS = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    ">": 4,
    ">=": 4,
    "<": 4,
    "<=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
KEYWORDS = {"true": TRUE, "false": FALSE, "null": NULL}
_AFTER_TERM = frozenset(LEVELS) | {"?"}


def expression(scan: Scanner) -> Node:
    """The expression at the current token; the scanner then stands behind it."""
    left = _term(scan)
    if scan.kind not in _AFTER_TERM:
        return left
    left = _binary(scan, left, 1)
    if scan.kind != "?":
        return left
    scan.deeper()
    scan.advance()
    yes = expression(scan)
    if scan.kind != ":":
        scan.expected("`:` of the conditional")
    scan.advance()
    no = expression(scan)
    scan.depth -= 1
    return Conditional(scan.text, left.start, no.end, left, yes, no)


def _binary(scan: Scanner, left: Node, lowest: int) -> Node:
    while True:
        operator = scan.kind
        level = LEVELS.get(operator, 0)
        if level < lowest:
            return left
        scan.advance()
        right = _term(scan)
        while LEVELS.get(scan.kind, 0) > level:
            right = _binary(scan, right, level + 1)
        left = Binary(scan.text, left.start, right.end, operator, left, right)


def _term(scan: Scanner) -> Node:
    kind = scan.kind
    start = scan.start
    node: Node
    if kind == "i":
        name = scan.value
        end = scan.end
        scan.advance()
        if scan.kind in ("(", "::"):
            node = _call(scan, name, start)
        elif name in KEYWORDS:
            node = Literal(scan.text, start, end, KEYWORDS[name])
        else:
            return _traversal(scan, name, start, end)
    elif kind == "q":
        node = Literal(scan.text, start, scan.end, string(scan.value))
        scan.advance()
    elif kind == "n":
        node = _number(scan)
    else:
        parse = _TERMS.get(kind)
        if parse is None:
            scan.expected("an expression")
        scan.deeper()
        node = parse(scan)
        scan.depth -= 1
    if scan.kind in (".", "["):
        return _steps(scan, node)
    return node


def _number(scan: Scanner) -> Literal:
    value = parse_number(scan.value)
    if value is None:
        scan.fail("not a number that Terraform can hold")
    node = Literal(scan.text, scan.start, scan.end, Value(NUMBER, value))
    scan.advance()
    return node


def _unary(scan: Scanner) -> Node:
    operator, start = scan.kind, scan.start
    scan.advance()
    operand = _term(scan)
    return Unary(scan.text, start, operand.end, operator, operand)


def _parenthesised(scan: Scanner) -> Node:
    start = scan.start
    outer, scan.match = scan.match, SPACES
    scan.advance()
    inner = expression(scan)
    if scan.kind != ")":
        scan.expected("`)`")
    scan.match = outer
    scan.advance()
    return Parenthesised(scan.text, start, scan.done, inner)


def _call(scan: Scanner, name: str, start: int) -> Call:
    while scan.kind == "::":
        scan.advance()
        if scan.kind != "i":
            scan.expected("a function name")
        name += "::" + scan.value
        scan.advance()
    if scan.kind != "(":
        scan.expected("`(` of a function call")
    scan.deeper()
    outer, scan.match = scan.match, SPACES
    scan.advance()
    arguments: list[Node] = []
    expand = False
    while scan.kind != ")":
        arguments.append(expression(scan))
        if scan.kind == "...":
            expand = True
            scan.advance()
            if scan.kind != ")":
                scan.expected("`)` after `...`")
            break
        if scan.kind == ",":
            scan.advance()
        elif scan.kind != ")":
            scan.expected("`,` or `)`")
    scan.match = outer
    scan.depth -= 1
    scan.advance()
    return Call(scan.text, start, scan.done, name, tuple(arguments), expand)


def _tuple(scan: Scanner) -> Node:
    start = scan.start
    outer, scan.match = scan.match, SPACES
    scan.advance()
    if scan.kind == "i" and scan.value == "for":
        return _for(scan, start, "]", outer)
    elements: list[Node] = []
    while scan.kind != "]":
        elements.append(expression(scan))
        if scan.kind == ",":
            scan.advance()
        elif scan.kind != "]":
            scan.expected("`,` or `]`")
    scan.match = outer
    scan.advance()
    return Tuple(scan.text, start, scan.done, tuple(elements))


def _object(scan: Scanner) -> Node:
    start = scan.start
    outer, scan.match = scan.match, SPACES
    scan.advance()
    if scan.kind == "i" and scan.value == "for":
        return _for(scan, start, "}", outer)
    scan.match = BREAKS
    items: list[tuple[Node, Node]] = []
    while scan.kind != "}":
        key = _key(scan)
        if scan.kind not in ("=", ":"):
            scan.expected("`=` after the key")
        scan.advance()
        value = expression(scan)
        items.append((key, value))
        if scan.kind in (",", "\n"):
            scan.match = SPACES
            scan.advance()
            scan.match = BREAKS
        elif scan.kind != "}":
            scan.expected("a comma, the end of the line or `}` after the item")
    scan.match = outer
    scan.advance()
    return Object(scan.text, start, scan.done, tuple(items))


def _key(scan: Scanner) -> Node:
    """The key of an object: a bare name is a text, (name) the value of that name."""
    key = expression(scan)
    if isinstance(key, Traversal):
        if key.steps:
            return DottedKey(key.text, key.start, key.end, key)
        return Literal(key.text, key.start, key.end, string(key.root))
    if isinstance(key, Literal) and key.value.v is None:
        return Literal(key.text, key.start, key.end, string("null"))  # no keyword in this place
    return key


def _for(scan: Scanner, start: int, close: str, outer: Callable[..., object]) -> For:
    scan.advance()
    first = _name(scan)
    key_name = None
    if scan.kind == ",":
        scan.advance()
        key_name, first = first, _name(scan)
    if scan.kind != "i" or scan.value != "in":
        scan.expected("`in`")
    scan.advance()
    source = expression(scan)
    if scan.kind != ":":
        scan.expected("`:` of the `for` expression")
    scan.advance()
    key: Node | None = None
    value = expression(scan)
    if scan.kind == "=>":
        if close == "]":
            scan.fail("a key makes an object, which is written in braces, not brackets")
        scan.advance()
        key, value = value, expression(scan)
    elif close == "}":
        scan.expected("`=>` after the key of the `for` expression")
    group = scan.kind == "..."
    if group:
        if key is None:
            scan.fail("`...` groups values by key, and a tuple has no keys")
        scan.advance()
    condition = None
    if scan.kind == "i" and scan.value == "if":
        scan.advance()
        condition = expression(scan)
    if scan.kind != close:
        scan.expected(f"`{close}` of the `for` expression")
    scan.match = outer  # type: ignore[assignment]
    scan.advance()
    return For(scan.text, start, scan.done, key_name, first, source, key, value, condition, group)


def _name(scan: Scanner) -> str:
    if scan.kind != "i":
        scan.expected("a name")
    name = scan.value
    scan.advance()
    return name


def _traversal(scan: Scanner, root: str, start: int, end: int) -> Node:
    """A name with its constant steps; what follows them wraps the node."""
    if scan.kind != "." and scan.kind != "[":
        return Traversal(scan.text, start, end, root, (), ())
    steps: list[str | int] = []
    dots: list[bool] = []
    while scan.kind == ".":
        before = scan.end
        scan.advance()
        if scan.kind == "i":
            steps.append(scan.value)
            dots.append(True)
            end = scan.end
            scan.advance()
            while scan.kind == "[":
                step = _constant_index(scan)
                if step is None:
                    node = Traversal(scan.text, start, end, root, tuple(steps), tuple(dots))
                    return _steps(scan, node)
                steps.append(step)
                dots.append(False)
                end = scan.done
            continue
        scan.jump(before - 1)  # a splat or an index in the old form
        break
    node = Traversal(scan.text, start, end, root, tuple(steps), tuple(dots))
    return _steps(scan, node) if scan.kind in (".", "[") else node


def _constant_index(scan: Scanner) -> str | int | None:
    """The step of `["text"]` or `[0]`; None, with nothing read, where the key is anything else."""
    found = _CONSTANT(scan.source, scan.end)
    if not found:
        return None
    number = found["n"]
    step = int(number) if number else found["s"]
    scan.jump(found.end())
    scan.done = found.end()
    return step if isinstance(step, int) else str(string(step).v)


def _steps(scan: Scanner, node: Node) -> Node:
    """What may follow any term: attributes, indexes and splats."""
    while True:
        if scan.kind == ".":
            scan.advance()
            if scan.kind == "i":
                node = GetAttr(scan.text, node.start, scan.end, node, scan.value)
                scan.advance()
            elif scan.kind == "n":
                node = _old_index(scan, node)
            elif scan.kind == "*":
                node = _old_splat(scan, node)
            else:
                scan.expected("the name of an attribute")
        elif scan.kind == "[":
            scan.deeper()
            outer, scan.match = scan.match, SPACES
            scan.advance()
            if scan.kind == "*":
                scan.advance()
                if scan.kind != "]":
                    scan.expected("`]` after `*`")
                scan.match = outer
                scan.advance()
                item = Item(scan.text, node.start, scan.done)
                each = _steps(scan, item)
                scan.depth -= 1
                return Splat(scan.text, node.start, each.end, node, each)
            key = expression(scan)
            if scan.kind != "]":
                scan.expected("`]`")
            scan.match = outer
            scan.advance()
            scan.depth -= 1
            node = Index(scan.text, node.start, scan.done, node, key)
        else:
            return node


def _old_index(scan: Scanner, node: Node) -> Node:
    """`list.0`, as Terraform 0.11 wrote it."""
    if not scan.value.isdecimal():
        scan.fail(
            "two indexes in the old form cannot follow each other",
            help="write them in brackets, like `[0][1]`",
        )
    key = _number(scan)
    return Index(scan.text, node.start, key.end, node, key)


def _old_splat(scan: Scanner, node: Node) -> Node:
    """`list.*.a.b`: only attributes and old indexes belong to the element."""
    scan.advance()
    each: Node = Item(scan.text, node.start, scan.done)
    while scan.kind == ".":
        scan.advance()
        if scan.kind == "i":
            each = GetAttr(scan.text, node.start, scan.end, each, scan.value)
            scan.advance()
        elif scan.kind == "n":
            each = _old_index(scan, each)
        else:
            scan.expected("the name of an attribute")
    return Splat(scan.text, node.start, each.end, node, each)


def _quoted(scan: Scanner) -> Node:
    return hcl_templates.quoted(scan, expression)


def _heredoc(scan: Scanner) -> Node:
    return hcl_templates.heredoc(scan, expression)


_TERMS: dict[str, Callable[[Scanner], Node]] = {
    "-": _unary,
    "!": _unary,
    "(": _parenthesised,
    "[": _tuple,
    "{": _object,
    '"': _quoted,
    "h": _heredoc,
}
_CONSTANT = (
    __import__("re").compile(r'[ \t\n]*(?:(?P<n>\d{1,9})|"(?P<s>[^"\\$%\n\r]*)")[ \t\n]*\]').match
)
