"""Resources and data sources as expressions read them: configured values, defaults, unknowns.

A configured argument is known; one that the provider computes is unknown and keeps its identity;
everything carries the address of the resource as a mark, so that relations can be made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.engine.terraform import defaults
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.export import from_python
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.schema import SENSITIVE as SCHEMA_SENSITIVE
from assay.engine.terraform.schema import Argument
from assay.engine.terraform.scopes import fail
from assay.engine.terraform.syntax import Block, Node, Traversal
from assay.engine.terraform.types import DYNAMIC, Type
from assay.engine.terraform.values import SENSITIVE, Value, null, object_value, tuple_value, unknown

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Expansion, Instance, Key

META = frozenset({"count", "for_each", "provider", "depends_on"})
META_BLOCKS = frozenset({"lifecycle", "provisioner", "connection"})
_DOCUMENT = ("json", "minified_json")
NEVER_NULL = frozenset({"id", "arn"})


class Objects:
    """The resources and data sources of one module instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def address(self, kind: str, name: str, key: str = "") -> str:
        """The full address; `kind` has `data.` before data sources."""
        inner = f"{kind}.{name}{key}"
        return f"{self.instance.address}.{inner}" if self.instance.address else inner

    def find(self, node: Traversal, mode: str) -> tuple[str, str, Block, int]:
        """The kind, name and block that a traversal begins with, and the steps used for them."""
        module = self.instance.module
        if mode == "data":
            if len(node.steps) < 2:
                fail(node, "terraform-reference", "a data source has a type and a name")
            kind, name = str(node.steps[0]), str(node.steps[1])
            block = module.data.get((kind, name))
            kind, used = f"data.{kind}", 2
        else:
            kind, name = node.root, str(node.steps[0]) if node.steps else ""
            block = module.resources.get((kind, name))
            used = 1
        if block is None:
            fail(node, "terraform-reference", f"no `{kind}.{name}` is declared in this module")
        return kind, name, block, used

    def lookup(self, node: Traversal, mode: str) -> tuple[Value, int]:
        """The value of the longest prefix of a reference, and how many steps that is."""
        kind, name, block, used = self.find(node, mode)
        expansion = self.instance.expansion((kind, name), block)
        steps = node.steps
        if expansion.mode == "":
            if len(steps) > used and isinstance(steps[used], str):
                value = self.attribute(kind, name, block, expansion.keys[0], str(steps[used]), node)
                return self._element(value, steps, used + 1)
            return self.object(kind, name, block, expansion.keys[0], node), used
        if not expansion.known:
            address = self.address(kind, name)
            marks = frozenset({address})
            if len(steps) > used + 1:
                origin = ".".join((address, *(str(step) for step in steps[used:])))
                return unknown(DYNAMIC, "apply", origin, identity=origin, marks=marks), len(steps)
            return unknown(DYNAMIC, "apply", address, marks=marks), used
        if len(steps) > used + 1 and isinstance(steps[used + 1], str):
            key = _chosen(expansion, steps[used])
            if key is not None:
                value = self.attribute(kind, name, block, key, str(steps[used + 1]), node)
                return self._element(value, steps, used + 2)
        return self._all(kind, name, block, expansion, node), used

    def _element(self, value: Value, steps: tuple[Any, ...], used: int) -> tuple[Value, int]:
        """Elements of one unknown list are unknown and differ from each other."""
        if value.known or len(steps) <= used or not isinstance(steps[used], int):
            return value, used
        family = value.v.origin
        origin = f"{family}[{steps[used]}]"
        type = value.type.element if value.kind in ("list", "set") else DYNAMIC
        element = unknown(
            type or DYNAMIC,
            value.v.cause,
            origin,
            identity=origin,
            family=family,
            exists=True,
            marks=value.marks,
        )
        return element, used + 1

    def _all(self, kind: str, name: str, block: Block, expansion: Expansion, node: Node) -> Value:
        made = [(key, self.object(kind, name, block, key, node)) for key in expansion.keys]
        if expansion.mode == "count":
            return tuple_value(value for _, value in made)
        return object_value({key.each_key.v: value for key, value in made if key.each_key})

    def object(self, kind: str, name: str, block: Block, key: Key, node: Node) -> Value:
        """One instance as a whole."""
        address = self.address(kind, name, key.text)
        marks = frozenset({address})
        schema = self.instance.context.schema.resource(kind)
        if schema is None:
            return unknown(DYNAMIC, _cause(kind), address, identity=address, marks=marks)
        values = {
            attribute: self.attribute(kind, name, block, key, attribute, node)
            for attribute in (*schema.attributes, *schema.blocks)
        }
        return object_value(values).marked(marks)

    def attribute(
        self, kind: str, name: str, block: Block, key: Key, attribute: str, node: Node
    ) -> Value:
        """One argument or attribute of one instance."""
        address = self.address(kind, name, key.text)
        known = (address, attribute)
        return self.instance.once(
            known, node, lambda: self._attribute(kind, block, key, address, attribute, node)
        )

    def _attribute(
        self, kind: str, block: Block, key: Key, address: str, attribute: str, node: Node
    ) -> Value:
        marks = frozenset({address})
        instance = self.instance
        schema = instance.context.schema.resource(kind)
        argument = schema.attributes.get(attribute) if schema is not None else None
        if argument is not None and argument.flags & SCHEMA_SENSITIVE:
            marks |= {SENSITIVE}
        facts = instance.context.options.facts.get(address)
        if isinstance(facts, dict) and attribute in facts:
            return from_python(facts[attribute]).marked(marks)
        from assay.engine.terraform import bodies, nested

        written = block.body.attributes.get(attribute)
        type: Type = argument.type if argument is not None else DYNAMIC
        if written is not None and attribute not in META:
            from assay.engine.terraform.instance import Names

            value = evaluate(written.expression, Names(instance, key))
            if value.v is not None:
                try:
                    return bodies.planned(convert(value, type), kind).marked(marks)
                except ConversionError as error:
                    fail(written, "terraform-type", f"`{attribute}` does not fit: {error}")
            marks |= value.marks
            if argument is not None and type is DYNAMIC and not argument.computed:
                return value.marked(marks)  # a null of the type that it was given with
        elif attribute in _DOCUMENT and kind == "data.aws_iam_policy_document":
            from assay.engine.terraform import policy_document

            if attribute == "json":
                return policy_document.compute(instance, block, key).marked(marks)
            whole = self.attribute(kind, block.labels[1], block, key, "json", node)
            return policy_document.minified(whole).marked(marks)
        elif schema is not None and attribute in schema.blocks:
            return nested.block_value(instance, block, key, schema, attribute).marked(marks)
        elif argument is not None and bodies.written(block.body, attribute):
            made = bodies.argument_value(instance, block, key, type, attribute)
            if made.v != []:  # dynamic blocks that make none are as if nobody wrote them
                return bodies.planned(made, kind).marked(marks)
        return self._unconfigured(kind, attribute, argument, address, marks, node)

    def _unconfigured(
        self,
        kind: str,
        attribute: str,
        argument: Argument | None,
        address: str,
        marks: frozenset[str],
        node: Node,
    ) -> Value:
        """An attribute that nobody configures: a default, null, or left to the provider."""
        type = argument.type if argument is not None else DYNAMIC
        if argument is None and self.instance.context.schema.resource(kind) is not None:
            fail(node, "terraform-reference", f"`{kind}` has no attribute `{attribute}`")
        planned = defaults.of(kind) or {}
        default = planned.get(attribute)
        if default is not None:
            return convert(from_python(default), type).marked(marks)
        if argument is not None and (not argument.computed or attribute in planned):
            return null(type).marked(marks)
        origin = f"{address}.{attribute}"
        exists = attribute in NEVER_NULL and not kind.startswith("data.")
        # Every ARN begins so, which is enough to tell one from `*`.
        begins = "arn:" if attribute == "arn" and kind.startswith("aws_") else ""
        return unknown(
            type,
            _cause(kind),
            origin,
            identity=origin,
            not_null=exists and kind == "terraform_data",  # which alone says so in its plan
            exists=exists,
            begins=begins,
            marks=marks,
        )


def _cause(kind: str) -> str:
    return "data" if kind.startswith("data.") else "apply"


def _chosen(expansion: Expansion, step: Any) -> Key | None:
    for key in expansion.keys:
        if key.counted is not None and key.counted.v == step:
            return key
        if key.each_key is not None and key.each_key.v == step:
            return key
    return None
