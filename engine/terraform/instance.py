"""A module as one call of it: names evaluated lazily, once, in the order they need each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from assay.engine.terraform import conditions, variables
from assay.engine.terraform.context import MAX_INSTANCES, MAX_MODULES, Context
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.module import Module
from assay.engine.terraform.scopes import ExpressionError, fail
from assay.engine.terraform.syntax import Attribute, Block, Node, Traversal, place
from assay.engine.terraform.types import DYNAMIC, NUMBER, STRING
from assay.engine.terraform.values import (
    EPHEMERAL,
    SENSITIVE,
    Value,
    number,
    object_value,
    sorted_items,
    string,
    tuple_value,
    unknown,
)


class Key(NamedTuple):
    """One instance of a counted block: `text` is its key in an address, with the brackets."""

    text: str
    counted: Value | None = None
    each_key: Value | None = None
    each_value: Value | None = None


ONE = Key("")


class Expansion(NamedTuple):
    """The instances of a block; not `known` where count or for_each is not: then there is one."""

    keys: tuple[Key, ...]
    mode: str  # "", count or for_each
    known: bool = True


class Instance:
    """One call of a module: its address, its arguments, and the values of its names."""

    def __init__(
        self,
        context: Context,
        module: Module,
        address: str = "",
        call_path: str = "",
        parent: Instance | None = None,
        arguments: dict[str, Callable[[], Value]] | None = None,
        depth: int = 0,
    ) -> None:
        self.context = context
        self.module = module
        self.address = address
        self.call_path = call_path
        self.parent = parent
        self.arguments = arguments
        self.depth = depth
        self.root_values: dict[str, Value] | None = None
        self._values: dict[tuple[str, ...], Value] = {}
        self._running: set[tuple[str, ...]] = set()
        self._expansions: dict[tuple[str, ...], Expansion] = {}
        self._children: dict[tuple[str, str], Instance | None] = {}
        self.scope = Names(self, ONE)
        from assay.engine.terraform.objects import Objects

        self.objects = Objects(self)

    def once(self, key: tuple[str, ...], node: Node, make: Callable[[], Value]) -> Value:
        """The value of a name, made when first asked for. A name that needs itself is an error."""
        found = self._values.get(key)
        if found is not None:
            return found
        if key in self._running:
            name = ".".join(key)
            fail(node, "terraform-cycle", f"`{name}` needs its own value to be evaluated")
        self._running.add(key)
        try:
            value = make()
        finally:
            self._running.discard(key)
        self._values[key] = value
        return value

    # -- names ---------------------------------------------------------------------------------

    def variable(self, name: str, node: Node) -> Value:
        """`var.NAME`"""
        block = self.module.variables.get(name)
        if block is None:
            near = _near(name, self.module.variables)
            fail(node, "terraform-reference", f"no variable `{name}` is declared", near)
        return self.once(("var", name), node, lambda: self._variable(name, block))

    def _variable(self, name: str, block: Block) -> Value:
        declared = variables.declaration(block, block.text.file.endswith(".json"))
        origin = f"{self.address}.var.{name}" if self.address else f"var.{name}"
        if self.arguments is None:
            if self.root_values is None:
                self.root_values = variables.root_values(self.context, self.module)
            return variables.value_of(declared, self.root_values.get(name), origin)
        given = self.arguments.get(name)
        if given is None and declared.default is None:
            return unknown(declared.type, "variable", origin, marks=declared.marks)
        try:
            value = None if given is None else given()
        except ExpressionError as error:
            # The call is what is wrong; it is reported there, and here nothing is known.
            self.context.error(self.address or name, error.problems[0])
            return unknown(declared.type, "variable", origin, marks=declared.marks)
        return variables.value_of(declared, value, origin)

    def local(self, name: str, node: Node) -> Value:
        """`local.NAME`"""
        attribute = self.module.locals.get(name)
        if attribute is None:
            near = _near(name, self.module.locals)
            fail(node, "terraform-reference", f"no local `{name}` is declared", near)
        expression = attribute.expression
        return self.once(("local", name), node, lambda: evaluate(expression, self.scope))

    def output(self, name: str, node: Node) -> Value:
        """The output of this module, for the module that calls it."""
        block = self.module.outputs.get(name)
        if block is None:
            near = _near(name, self.module.outputs)
            message = f"the module {self.call_path} has no output `{name}`"
            fail(node, "terraform-reference", message, near)
        return self.once(("output", name), node, lambda: self._output(name, block))

    def _output(self, name: str, block: Block) -> Value:
        attribute = block.body.attributes.get("value")
        if attribute is None:
            return unknown(DYNAMIC, "variable", f"{self.address}.{name}")
        value = evaluate(attribute.expression, self.scope)
        flag = block.body.attributes.get("sensitive")
        if flag is not None and evaluate(flag.expression, variables.CONSTANT).v is True:
            value = value.marked(frozenset({SENSITIVE}))
        return value

    # -- instances of blocks -------------------------------------------------------------------

    def expansion(self, key: tuple[str, ...], block: Block) -> Expansion:
        """The instances of a resource, data source or module call."""
        found = self._expansions.get(key)
        if found is None:
            counted = block.body.attributes.get("count")
            each = block.body.attributes.get("for_each")
            if counted is not None:
                found = self._counted(counted, key)
            elif each is not None:
                found = self._for_each(each, key)
            else:
                found = Expansion((ONE,), "")
            self._expansions[key] = found
        return found

    def _counted(self, attribute: Attribute, key: tuple[str, ...]) -> Expansion:
        node = attribute.expression
        value = self.once((*key, "count"), node, lambda: evaluate(node, self.scope))
        if EPHEMERAL in value.marks:
            fail(node, "terraform-count", "count cannot be ephemeral")
        if not value.known:
            index = unknown(NUMBER, "apply", "count.index", not_null=True)
            return Expansion((Key("", counted=index),), "count", False)
        try:
            wanted = convert(value, NUMBER).v
        except ConversionError as error:
            fail(node, "terraform-count", f"count must be a number: {error}")
        if wanted is None or not isinstance(wanted, int) or wanted < 0:
            fail(node, "terraform-count", "count must be a whole number, 0 or more")
        if wanted > MAX_INSTANCES:
            fail(node, "terraform-too-many", f"count is {wanted}: at most {MAX_INSTANCES}")
        return Expansion(
            tuple(Key(f"[{index}]", counted=number(index)) for index in range(wanted)), "count"
        )

    def _for_each(self, attribute: Attribute, key: tuple[str, ...]) -> Expansion:
        node = attribute.expression
        value = self.once((*key, "for_each"), node, lambda: evaluate(node, self.scope))
        if value.sensitive:
            fail(node, "terraform-for-each", "for_each cannot be sensitive")
        if not value.known:
            return _one_for_all()
        kind = value.kind
        if value.v is None or kind not in ("map", "object", "set"):
            message = f"for_each must be a map, or a set of strings, not {kind}"
            if value.v is None:
                message = "for_each cannot be null"
            fail(node, "terraform-for-each", message, "toset() makes a set of a list")
        if len(value.v) > MAX_INSTANCES:
            fail(
                node, "terraform-too-many", f"for_each has {len(value.v)}: at most {MAX_INSTANCES}"
            )
        if kind != "set":
            items = [(string(name), element) for name, element in sorted_items(value)]
        else:
            items = [(element, element) for element in value.v]
            if any(not element.known for element in value.v):
                return _one_for_all()
            if any(not isinstance(element.v, str) for element in value.v):
                fail(node, "terraform-for-each", "a set for for_each must hold strings")
        marks = frozenset(value.marks)
        return Expansion(
            tuple(
                Key(f'["{escaped(name.v)}"]', None, name.marked(marks), element.marked(marks))
                for name, element in items
            ),
            "for_each",
        )

    # -- calls ---------------------------------------------------------------------------------

    def child(self, name: str, key: Key) -> Instance | None:
        """The instance of a module call, None where the module is not here."""
        known = (name, key.text)
        if known not in self._children:
            self._children[known] = self._call(name, key)
        return self._children[known]

    def _call(self, name: str, key: Key) -> Instance | None:
        block = self.module.calls[name]
        path = f"{self.call_path}.{name}" if self.call_path else name
        address = f"{self.address}.module.{name}" if self.address else f"module.{name}"
        written = block.body.attributes.get("source")
        where = place(written or block)
        source = _constant(written)
        if self.depth >= MAX_MODULES:
            self.context.gap("module", address, "modules call each other without end", where)
            return None
        found = None if source is None else self.context.child(self.module, source, path)
        if found is None:
            reason = f"the module {source or 'of an unknown source'} is not installed"
            self.context.gap("module", address, reason, where)
            return None
        if found is self.module or any(found is above.module for above in self.above()):
            reason = f"the module {source} calls itself"
            self.context.gap("module", address, reason, where)
            return None
        scope = Names(self, key)
        conditions.arguments(self, block, found, address)
        arguments: dict[str, Callable[[], Value]] = {
            argument.name: _lazily(argument, scope)
            for argument in block.body.attributes.values()
            if argument.name not in conditions.META
        }
        return Instance(
            self.context, found, address + key.text, path, self, arguments, self.depth + 1
        )

    def above(self) -> list[Instance]:
        """The modules that lead to this one, nearest first."""
        found = []
        each = self.parent
        while each is not None:
            found.append(each)
            each = each.parent
        return found

    def module_value(self, node: Traversal) -> tuple[Value, int]:
        """`module.NAME…`: an output where the steps say which, else all of them."""
        name = str(node.steps[0]) if node.steps else ""
        block = self.module.calls.get(name)
        if block is None:
            near = _near(name, self.module.calls)
            fail(node, "terraform-reference", f"no module `{name}` is called here", near)
        expansion = self.expansion(("module", name), block)
        if expansion.mode == "":
            if len(node.steps) > 1:
                return self._child_output(name, ONE, str(node.steps[1]), node), 2
            return self._outputs(name, ONE, node), 1
        if not expansion.known:
            origin = f"{self.address}.module.{name}" if self.address else f"module.{name}"
            return unknown(DYNAMIC, "apply", origin), 1
        if len(node.steps) > 2:
            wanted = node.steps[1]
            for key in expansion.keys:
                index = key.counted.v if key.counted is not None else None
                named = key.each_key.v if key.each_key is not None else None
                if wanted == (index if expansion.mode == "count" else named):
                    return self._child_output(name, key, str(node.steps[2]), node), 3
        values = [(key, self._outputs(name, key, node)) for key in expansion.keys]
        if expansion.mode == "count":
            return tuple_value(value for _, value in values), 1
        return object_value({key.each_key.v: value for key, value in values if key.each_key}), 1

    def _child_output(self, name: str, key: Key, output: str, node: Node) -> Value:
        child = self.child(name, key)
        if child is None:
            address = f"{self.address}.module.{name}" if self.address else f"module.{name}"
            origin = f"{address}{key.text}.{output}"
            return unknown(DYNAMIC, "module", origin, identity=origin)
        return child.output(output, node)

    def _outputs(self, name: str, key: Key, node: Node) -> Value:
        child = self.child(name, key)
        if child is None:
            return unknown(DYNAMIC, "module", f"{self.address}module.{name}{key.text}")
        return object_value({each: child.output(each, node) for each in child.module.outputs})

    @property
    def path(self) -> str:
        """`path.module`: relative to the root, as Terraform gives it."""
        if self.parent is None:
            return "."
        relative = os.path.relpath(self.module.folder, self.context.folder)
        return relative.replace(os.sep, "/")


class Names:
    """The scope of expressions inside one instance of a block."""

    __slots__ = ("instance", "key", "own")

    def __init__(self, instance: Instance, key: Key, own: Any = None) -> None:
        self.instance = instance
        self.key = key
        self.own = own  # what `self` is, in provisioners and postconditions

    @property
    def files(self) -> Any:
        return self.instance.context.files

    def lookup(self, node: Traversal) -> tuple[Value, int]:
        """The value of the longest prefix known, and the number of its steps."""
        root = node.root
        instance = self.instance
        steps = node.steps
        if root in ("var", "local", "module", "data", "each", "count", "path", "terraform"):
            if not steps:
                fail(node, "terraform-reference", f"`{root}` needs a name after it")
            if root == "var":
                return instance.variable(str(steps[0]), node), 1
            if root == "local":
                return instance.local(str(steps[0]), node), 1
            if root == "module":
                return instance.module_value(node)
            if root == "data":
                return instance.objects.lookup(node, "data")
            return self._special(node), 1
        if root == "ephemeral":
            return unknown(DYNAMIC, "apply", "ephemeral"), len(steps)
        if root == "self":
            return unknown(DYNAMIC, "apply", "self"), len(steps)
        return instance.objects.lookup(node, "")

    def _special(self, node: Traversal) -> Value:  # noqa: RET503
        root, step = node.root, node.steps[0]
        key = self.key
        if root == "count" and step == "index" and key.counted is not None:
            return key.counted
        if root == "each" and key.each_key is not None:
            if step == "key":
                return key.each_key
            if step == "value" and key.each_value is not None:
                return key.each_value
        if root == "path":
            if step == "module":
                return string(self.instance.path)
            if step in ("root", "cwd"):
                return string(".")
        if root == "terraform":
            if step == "workspace":
                return string(self.instance.context.options.workspace)
            if step == "applying":
                return unknown(DYNAMIC, "apply", "terraform.applying")
        fail(node, "terraform-reference", f"`{root}.{step}` has no meaning here")


def _one_for_all() -> Expansion:
    key = unknown(STRING, "apply", "each.key", not_null=True)
    value = unknown(DYNAMIC, "apply", "each.value")
    return Expansion((Key("", None, key, value),), "for_each", False)


def _lazily(argument: Attribute, scope: Names) -> Callable[[], Value]:
    def value() -> Value:
        return evaluate(argument.expression, scope)

    return value


def _constant(attribute: Attribute | None) -> str | None:
    if attribute is None:
        return None
    try:
        value = evaluate(attribute.expression, variables.CONSTANT)
    except ExpressionError:
        return None
    return value.v if isinstance(value.v, str) else None


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    """A key as addresses show it: as HCL would write it in quotes."""
    if text.isalnum() and text.isascii():
        return text
    shown = []
    for at, char in enumerate(text):
        if char in _ESCAPES:
            shown.append(_ESCAPES[char])
        elif char in "$%" and text[at + 1 : at + 2] == "{":
            shown.append(char * 2)
        elif not char.isprintable():
            shown.append(f"\\u{ord(char):04x}" if ord(char) < 65536 else f"\\U{ord(char):08x}")
        else:
            shown.append(char)
    return "".join(shown)


def _near(name: str, known: Any) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1)
    return f"did you mean `{near[0]}`?" if near else ""
