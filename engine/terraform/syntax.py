"""The syntax tree of Terraform configuration: compact nodes that know where they stand.

`text` is the file (errors.Text), `start` and `end` are character offsets into it; `place(node)`
makes a model.Place. HCL and JSON files give the same nodes (hcl.py, json_syntax.py), so nobody
above has to know which it was.
"""

from __future__ import annotations

from assay.engine.errors import Problem, Text
from assay.engine.model import Place
from assay.engine.terraform.values import Value


class Node:
    """Something written in a file."""

    __slots__ = ("end", "start", "text")

    def __init__(self, text: Text, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


def place(node: Node) -> Place:
    """Where the node stands."""
    span = node.text.span(node.start, node.end)
    return Place(node.text.file, *span)


# ---- structure ------------------------------------------------------------------------------


class Attribute(Node):
    """`name = expression`."""

    __slots__ = ("expression", "name")

    def __init__(self, text: Text, start: int, end: int, name: str, expression: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.name = name
        self.expression = expression


class Body(Node):
    """What stands between the braces of a block, or a whole file.

    `attributes` by name, `blocks` in the order of the file. In JSON a block may be written as an
    attribute, so what is a block there only the reader knows: see json_syntax.blocks_of.
    """

    __slots__ = ("attributes", "blocks")

    def __init__(self, text: Text, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.attributes: dict[str, Attribute] = {}
        self.blocks: list[Block] = []


class Block(Node):
    """`type "label" "label" { body }`; `header` is the offset at which the header ends."""

    __slots__ = ("body", "header", "labels", "type")

    def __init__(
        self, text: Text, start: int, end: int, type: str, labels: tuple[str, ...], body: Body
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.type = type
        self.labels = labels
        self.body = body
        self.header = body.start


class Parsed:
    """A file that was read: its body and everything that could not be read of it.

    `broken` names the top-level blocks (`resource.aws_s3_bucket.a`) that were lost to problems.
    """

    __slots__ = ("body", "broken", "problems", "text")

    def __init__(
        self, text: Text, body: Body, problems: list[Problem], broken: list[str] | None = None
    ) -> None:
        self.text = text
        self.body = body
        self.problems = problems
        self.broken = broken or []


# ---- expressions ----------------------------------------------------------------------------


class Literal(Node):
    """A number, true, false, null, or a text without any template in it."""

    __slots__ = ("value",)

    def __init__(self, text: Text, start: int, end: int, value: Value) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.value = value


class Traversal(Node):
    """A name of the scope with constant steps: `var.a.b[0]["k"]` is ("var", ("a", "b", 0, "k")).

    `dots` says for each step whether it was written as an attribute (`.a`).
    """

    __slots__ = ("dots", "root", "steps")

    def __init__(
        self,
        text: Text,
        start: int,
        end: int,
        root: str,
        steps: tuple[str | int, ...],
        dots: tuple[bool, ...],
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.root = root
        self.steps = steps
        self.dots = dots


class GetAttr(Node):
    """`source.name` where the source is no plain traversal."""

    __slots__ = ("name", "source")

    def __init__(self, text: Text, start: int, end: int, source: Node, name: str) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.source = source
        self.name = name


class Index(Node):
    """`source[key]`."""

    __slots__ = ("key", "source")

    def __init__(self, text: Text, start: int, end: int, source: Node, key: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.source = source
        self.key = key


class Splat(Node):
    """`source[*].x` or `source.*.x`; `each` is read with the element as its Item."""

    __slots__ = ("each", "source")

    def __init__(self, text: Text, start: int, end: int, source: Node, each: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.source = source
        self.each = each


class Item(Node):
    """The element that a Splat is at."""

    __slots__ = ()


class Call(Node):
    """`name(arguments)`; `expand` where the last argument ends with `...`."""

    __slots__ = ("arguments", "expand", "name")

    def __init__(
        self,
        text: Text,
        start: int,
        end: int,
        name: str,
        arguments: tuple[Node, ...],
        expand: bool,
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.name = name
        self.arguments = arguments
        self.expand = expand


class Unary(Node):
    """`-x` or `!x`."""

    __slots__ = ("operand", "operator")

    def __init__(self, text: Text, start: int, end: int, operator: str, operand: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.operator = operator
        self.operand = operand


class Binary(Node):
    """`left operator right`."""

    __slots__ = ("left", "operator", "right")

    def __init__(
        self, text: Text, start: int, end: int, operator: str, left: Node, right: Node
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.operator = operator
        self.left = left
        self.right = right


class Conditional(Node):
    """`condition ? yes : no`."""

    __slots__ = ("condition", "no", "yes")

    def __init__(
        self, text: Text, start: int, end: int, condition: Node, yes: Node, no: Node
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.condition = condition
        self.yes = yes
        self.no = no


class Tuple(Node):
    """`[a, b]`."""

    __slots__ = ("elements",)

    def __init__(self, text: Text, start: int, end: int, elements: tuple[Node, ...]) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.elements = elements


class Object(Node):
    """`{ key = value }`; a bare name or a quoted text as key is a Literal."""

    __slots__ = ("items",)

    def __init__(
        self, text: Text, start: int, end: int, items: tuple[tuple[Node, Node], ...]
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.items = items


class For(Node):
    """`[for k, v in source : value if condition]`, or with `{ key => value... }` an object."""

    __slots__ = ("condition", "group", "key", "key_name", "source", "value", "value_name")

    def __init__(
        self,
        text: Text,
        start: int,
        end: int,
        key_name: str | None,
        value_name: str,
        source: Node,
        key: Node | None,
        value: Node,
        condition: Node | None,
        group: bool,
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.key_name = key_name
        self.value_name = value_name
        self.source = source
        self.key = key
        self.value = value
        self.condition = condition
        self.group = group


class Template(Node):
    """A text with sequences in it: parts are joined as text."""

    __slots__ = ("parts",)

    def __init__(self, text: Text, start: int, end: int, parts: tuple[Node, ...]) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.parts = parts


class Wrapped(Node):
    """`"${x}"`: the value of x itself, whatever its type."""

    __slots__ = ("inner",)

    def __init__(self, text: Text, start: int, end: int, inner: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.inner = inner


class Parenthesised(Node):
    """`(x)`: differs from x only as the key of an object and in a chain of splats."""

    __slots__ = ("inner",)

    def __init__(self, text: Text, start: int, end: int, inner: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.inner = inner


class DottedKey(Node):
    """`a.b` as the key of an object: it has no value, but `providers` of a call has such keys."""

    __slots__ = ("name",)

    def __init__(self, text: Text, start: int, end: int, name: Traversal) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.name = name


class Joined(Node):
    """`%{ for }` of a template: the source gives a tuple of texts, which are joined."""

    __slots__ = ("inner",)

    def __init__(self, text: Text, start: int, end: int, inner: Node) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.inner = inner
