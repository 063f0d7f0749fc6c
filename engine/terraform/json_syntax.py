"""JSON files of Terraform (`.tf.json`, `.tfvars.json`) → the nodes of hcl.py.

A text in JSON is a template. What is a block and what an argument JSON does not say: at the top the
language itself tells, below that a schema must, so there `bodies_of` makes blocks on request.
"""

from __future__ import annotations

import re
from typing import Any

from assay.engine.errors import Problem, Text, problem
from assay.engine.terraform import hcl_expressions, hcl_templates
from assay.engine.terraform.numbers import parse as parse_number
from assay.engine.terraform.scanner import SPACES, HclError, Scanner
from assay.engine.terraform.syntax import (
    Attribute,
    Block,
    Body,
    Literal,
    Node,
    Object,
    Parsed,
    Tuple,
)
from assay.engine.terraform.types import NUMBER
from assay.engine.terraform.values import FALSE, NULL, TRUE, Value, string

# How many labels the blocks of the language have; all others are blocks without.
LABELS = {
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "variable": 1,
    "output": 1,
    "module": 1,
    "provider": 1,
    "check": 1,
    "locals": 0,
    "terraform": 0,
    "moved": 0,
    "import": 0,
    "removed": 0,
}
# Arguments that are no templates but names or types written as text.
_KEYWORDS = frozenset({"type", "depends_on", "ignore_changes", "provider", "providers"})
_MAX_DEPTH = 150
_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<s>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<n>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
    r"|(?P<k>true|false|null)|(?P<p>[{}\[\],:])|(?P<e>\Z)|(?P<x>.))",
    re.DOTALL,
).match
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}


class _Reader:
    """JSON text → nodes with places."""

    def __init__(self, text: Text, templates: bool) -> None:
        self.text = text
        self.source = text.text
        self.templates = templates
        self.path: list[str] = []  # names of the objects that are being read
        self.at = 1 if self.source.startswith("\ufeff") else 0

    def token(self) -> tuple[str, str, int, int]:
        """(kind, text, start, end) of the next token, which is taken."""
        found = _TOKEN(self.source, self.at)
        assert found
        assert found.lastgroup
        kind = found.lastgroup
        self.at = found.end()
        return kind, found[kind], found.start(kind), found.end(kind)

    def fail(self, message: str, start: int, end: int) -> Any:
        raise HclError(problem("terraform-syntax", message, self.text, start, end))

    def value(self, depth: int = 0) -> Node:
        kind, written, start, end = self.token()
        if depth > _MAX_DEPTH:
            self.fail(f"nested more than {_MAX_DEPTH} levels deep", start, end)
        if kind == "s":
            return self.string(start, end)
        if kind == "n":
            number = parse_number(written)
            if number is None:
                self.fail("not a number that Terraform can hold", start, end)
            return Literal(self.text, start, end, Value(NUMBER, number))
        if kind == "k":
            value = {"true": TRUE, "false": FALSE, "null": NULL}[written]
            return Literal(self.text, start, end, value)
        if written == "{":
            return self.object(start, depth)
        if written == "[":
            return self.array(start, depth)
        return self.fail("expected a JSON value", start, end)  # type: ignore[no-any-return]

    def array(self, start: int, depth: int) -> Tuple:
        elements: list[Node] = []
        if self.peek("]"):
            _, _, _, end = self.token()
            return Tuple(self.text, start, end, ())
        while True:
            elements.append(self.value(depth + 1))
            _, written, at, end = self.token()
            if written == "]":
                return Tuple(self.text, start, end, tuple(elements))
            if written != ",":
                self.fail("expected `,` or `]`", at, end)

    def object(self, start: int, depth: int) -> Object:
        items: list[tuple[Node, Node]] = []
        if self.peek("}"):
            _, _, _, end = self.token()
            return Object(self.text, start, end, ())
        while True:
            kind, _, at, end = self.token()
            if kind != "s":
                self.fail("expected a name in quotes", at, end)
            name = self.plain(at, end)
            _, written, colon, after = self.token()
            if written != ":":
                self.fail("expected `:` after the name", colon, after)
            # A comment of the old form and of generators: `"//": …` is read by nobody.
            key: Node = Literal(self.text, at, end, string(name))
            if self.templates and depth and ("${" in name or "%{" in name):
                key = self.string(at, end)
            items.append((key, self.named(name, depth + 1)))
            _, written, at, end = self.token()
            if written == "}":
                return Object(self.text, start, end, tuple(items))
            if written != ",":
                self.fail("expected `,` or `}`", at, end)

    def named(self, name: str, depth: int) -> Node:
        """The value of a name; the default of a variable is taken as it is written."""
        self.path.append(name)
        templates = self.templates
        if name == "default" and len(self.path) == 3 and self.path[0] == "variable":
            self.templates = False
        found = self.value(depth)
        self.templates = templates
        self.path.pop()
        return found

    def peek(self, wanted: str) -> bool:
        found = _TOKEN(self.source, self.at)
        return bool(found and found["p"] == wanted)

    def plain(self, start: int, end: int) -> str:
        return _ESCAPE.sub(self._unescape(start), self.source[start + 1 : end - 1])

    def _unescape(self, start: int) -> Any:
        def replace(found: re.Match[str]) -> str:
            if found[1]:
                return chr(int(found[1], 16))
            known = _SIMPLE.get(found[2])
            if known is None:
                self.fail(f"`{found[0]}` is no escape sequence", start, start + 1)
            return str(known)

        return replace

    def string(self, start: int, end: int) -> Node:
        text = self.plain(start, end)
        if "\\u" in self.source[start:end]:
            # Two escapes may write one character beyond the first 65,536.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not self.templates or ("${" not in text and "%{" not in text):
            return Literal(self.text, start, end, string(text))
        line, column = self.text.position(start)
        inner = Scanner(Text(self.text.file, text, [(line, column + 1)] * (text.count("\n") + 1)))
        inner.match = SPACES
        inner.end = 0
        return hcl_templates.whole(inner, hcl_expressions.expression)


def parse(text: Text, tfvars: bool = False) -> Parsed:
    """The file as nodes. Never raises: a file with an error in it is lost as a whole."""
    body = Body(text, 0, len(text.text))
    problems: list[Problem] = []
    reader = _Reader(text, templates=not tfvars)
    try:
        root = reader.value()
        kind, _, start, end = reader.token()
        if kind != "e":
            reader.fail("expected the end of the file", start, end)
        if tfvars:
            _arguments(root, body, reader)
        else:
            _top(root, body, reader)
    except HclError as caught:
        problems.append(caught.found)
        body = Body(text, 0, len(text.text))
    except RecursionError:
        problems.append(problem("terraform-syntax", "nested too deep", text, 0))
        body = Body(text, 0, len(text.text))
    return Parsed(text, body, problems, ["*"] if problems else [])


def _arguments(root: Node, body: Body, reader: _Reader) -> None:
    for name, node, key in _members(root, reader):
        body.attributes[name] = Attribute(node.text, key.start, node.end, name, node)


def _members(node: Node, reader: _Reader) -> list[tuple[str, Node, Node]]:
    """(name, value, key) of an object, or of all objects of an array."""
    if isinstance(node, Tuple):
        return [member for element in node.elements for member in _members(element, reader)]
    if not isinstance(node, Object):
        reader.fail("expected a JSON object", node.start, node.end)
    assert isinstance(node, Object)
    found: list[tuple[str, Node, Node]] = []
    for key, value in node.items:
        name = str(key.value.v) if isinstance(key, Literal) else ""
        if name != "//":
            found.append((name, value, key))
    return found


def _top(root: Node, body: Body, reader: _Reader) -> None:
    for type, value, key in _members(root, reader):
        labels = LABELS.get(type)
        if labels is None:
            body.attributes[type] = Attribute(value.text, key.start, value.end, type, value)
        else:
            _blocks(type, (), labels, value, key, body, reader)


def _blocks(
    type: str,
    labels: tuple[str, ...],
    missing: int,
    value: Node,
    key: Node,
    body: Body,
    reader: _Reader,
) -> None:
    if missing:
        for name, inner, at in _members(value, reader):
            _blocks(type, (*labels, name), missing - 1, inner, at, body, reader)
        return
    for inner in bodies_of(value) or []:
        block = Block(value.text, key.start, value.end, type, labels, inner)
        body.blocks.append(block)
    if bodies_of(value) is None and not _is_null(value):
        reader.fail("expected a JSON object", value.start, value.end)


def _is_null(node: Node) -> bool:
    return isinstance(node, Literal) and node.value.v is None


def bodies_of(node: Node) -> list[Body] | None:
    """The bodies of the blocks that an argument's value stands for, or None where it cannot.

    An object is one block, an array of objects one for each; null is none.
    """
    if isinstance(node, Tuple):
        found: list[Body] = []
        for element in node.elements:
            inner = bodies_of(element)
            if inner is None:
                return None
            found += inner
        return found
    if _is_null(node):
        return []
    if not isinstance(node, Object):
        return None
    body = Body(node.text, node.start, node.end)
    for key, value in node.items:
        if not isinstance(key, Literal):
            return None
        name = str(key.value.v)
        if name != "//":
            body.attributes[name] = Attribute(node.text, key.start, value.end, name, value)
    return [body]


def as_expression(node: Node) -> Node:
    """What a text in JSON means where HCL has names, not texts: types, references, providers.

    `"string"` as a type, `"aws_s3_bucket.a"` in depends_on: the text is read as an expression.
    Raises HclError.
    """
    if isinstance(node, Tuple):
        return Tuple(node.text, node.start, node.end, tuple(map(as_expression, node.elements)))
    if isinstance(node, Object):
        items = tuple((key, as_expression(value)) for key, value in node.items)
        return Object(node.text, node.start, node.end, items)
    if isinstance(node, Literal) and isinstance(node.value.v, str):
        line, column = node.text.position(node.start)
        scan = Scanner(Text(node.text.file, node.value.v, [(line, column + 1)]))
        scan.match = SPACES
        scan.advance()
        made = hcl_expressions.expression(scan)
        if scan.kind != "e":
            scan.expected("the end of the text")
        return made
    return node
